//! What an operator can say: one table, walked for reading, abbreviation (`sh ne`), completion and `?`.
//!
//! FRR's words for the same questions are understood too. Everything here is a pure function of a line (and of the
//! configuration, whose names it completes).

use core::fmt::{self, Write as _};
use core::net::IpAddr;

use embedded_io::Write;

use super::text::put;
use crate::config::{ConfigView, Expect, Fit, Kind, Syntax, Value, Values, Words, walk};
use crate::failover::posture::Wish;

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// To see something.
    Show(Show),
    /// That a service does something else from now on, or all do.
    Wish {
        /// The service's name; `None`: all.
        service: Option<&'a str>,
        /// What it is to do.
        wish: Wish,
    },
}

/// What there is to see; the renderers are in [`super::show`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The whole at a glance.
    Summary,
    /// Every neighbor.
    Neighbors,
    /// One neighbor.
    Neighbor(IpAddr),
    /// Every BFD session.
    Bfd,
    /// Every service.
    Services,
    /// What may be announced.
    Routes,
    /// What is steered.
    Steer,
    /// The configuration in force.
    RunningConfig,
}

/// Why a line is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misread {
    /// It says nothing.
    Empty,
    /// Its words fit up to here, in octets; something else was expected.
    Unknown(usize),
    /// More words are expected.
    Incomplete,
    /// An abbreviation fits more than one command.
    Ambiguous,
}

/// One command.
struct Row {
    syntax: Syntax,
    help: &'static str,
    request: for<'a> fn(&Values<'a>) -> Request<'a>,
}

const ROWS: &[Row] = &[
    Row {
        syntax: Syntax::new("show summary"),
        help: "the whole at a glance",
        request: |_| Request::Show(Show::Summary),
    },
    Row {
        syntax: Syntax::new("show neighbors [NEIGHBOR(ADDRESS)]"),
        help: "the sessions, or everything about one",
        request: |values| neighbor(values, 0),
    },
    Row {
        syntax: Syntax::new("show <services|failover>"),
        help: "the services, what they announce and why",
        request: |_| Request::Show(Show::Services),
    },
    Row {
        syntax: Syntax::new("show routes"),
        help: "what may be announced, and the address behind it",
        request: |_| Request::Show(Show::Routes),
    },
    Row {
        syntax: Syntax::new("show steer"),
        help: "the prefixes that are steered, and where they go",
        request: |_| Request::Show(Show::Steer),
    },
    Row {
        syntax: Syntax::new("show running-config"),
        help: "the configuration in force",
        request: |_| Request::Show(Show::RunningConfig),
    },
    Row {
        syntax: Syntax::new("show bgp summary"),
        help: "as in FRR: the sessions",
        request: |_| Request::Show(Show::Neighbors),
    },
    Row {
        syntax: Syntax::new("show ip bgp summary"),
        help: "as in FRR: the sessions",
        request: |_| Request::Show(Show::Neighbors),
    },
    Row {
        syntax: Syntax::new("show bgp neighbors [NEIGHBOR(ADDRESS)]"),
        help: "as in FRR: the sessions, or everything about one",
        request: |values| neighbor(values, 0),
    },
    Row {
        syntax: Syntax::new("show bfd"),
        help: "the BFD sessions, what was agreed and how they are",
        request: |_| Request::Show(Show::Bfd),
    },
    Row {
        syntax: Syntax::new("show bfd peers [brief]"),
        help: "as in FRR: the BFD sessions",
        request: |_| Request::Show(Show::Bfd),
    },
    Row {
        syntax: Syntax::new("drain [SERVICE(NAME)]"),
        help: "announces a service, or all, as going away, then withdraws it",
        request: |values| wish(values, Wish::Drain),
    },
    Row {
        syntax: Syntax::new("undrain [SERVICE(NAME)]"),
        help: "takes any of these wishes back: the configuration decides again",
        request: |values| wish(values, Wish::None),
    },
    Row {
        syntax: Syntax::new("auto [SERVICE(NAME)]"),
        help: "the same as `undrain`",
        request: |values| wish(values, Wish::None),
    },
    Row {
        syntax: Syntax::new("promote SERVICE(NAME)"),
        help: "makes a service active as long as it is healthy, whatever its role",
        request: |values| wish(values, Wish::Promote),
    },
    Row {
        syntax: Syntax::new("demote SERVICE(NAME)"),
        help: "makes a service stand by, whatever its role",
        request: |values| wish(values, Wish::Demote),
    },
    Row {
        syntax: Syntax::new("force SERVICE(NAME)"),
        help: "makes a service active although its checks fail",
        request: |values| wish(values, Wish::Force),
    },
];

fn wish<'a>(values: &Values<'a>, wish: Wish) -> Request<'a> {
    let service = values.text(0);
    Request::Wish { service: (!service.is_empty()).then_some(service), wish }
}

fn neighbor<'a>(values: &Values<'a>, place: usize) -> Request<'a> {
    Request::Show(match values.get(place) {
        Value::Address(address) => Show::Neighbor(address),
        _ => Show::Neighbors,
    })
}

/// Reads a line: the words of one command, without its line end. A word may be abbreviated as long as only one command fits.
pub fn read(line: &str) -> Result<Request<'_>, Misread> {
    let words = Words::of(line);
    if words.peek().is_none() {
        return Err(Misread::Empty);
    }
    let mut best: Option<(Fit, &Row, Values<'_>)> = None;
    let (mut twin, mut furthest) = (false, 0);
    for row in ROWS {
        let mut values = Values::new();
        match walk(row.syntax, words.clone(), &mut values, None) {
            Ok(fit) => match &best {
                Some((other, ..)) if fit <= *other => twin |= fit == *other,
                _ => (best, twin) = (Some((fit, row, values)), false),
            },
            Err(miss) => furthest = furthest.max(miss.at),
        }
    }
    match best {
        Some(_) if twin => Err(Misread::Ambiguous),
        Some((_, row, values)) => Ok((row.request)(&values)),
        None if furthest >= line.trim_ascii_end().len() => Err(Misread::Incomplete),
        None => Err(Misread::Unknown(furthest)),
    }
}

/// Something that can stand next on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// What to type; of a value that nobody can guess, its name in capitals; at the end of a command, `<cr>`.
    pub text: &'a str,
    /// What the command does.
    pub help: &'static str,
    /// Whether `text` is to be typed as it stands.
    pub completes: bool,
}

/// The most different things that can stand next.
const OFFERS: usize = 32;

/// Tells what can complete the last word of `line`, or follow it when the line ends in a blank; each once. Names of
/// services and addresses of neighbors come from the configuration.
pub fn completions(view: ConfigView<'_>, line: &str, sink: &mut dyn FnMut(Offer<'_>)) {
    let begins = if line.ends_with([' ', '\t']) { "" } else { line.rsplit([' ', '\t']).next().unwrap_or("") };
    let before = line.strip_suffix(begins).unwrap_or(line);
    let mut seen: heapless::Vec<Expect, OFFERS> = heapless::Vec::new();
    for row in ROWS {
        let mut told = |expect: Expect| {
            if !seen.contains(&expect) && seen.push(expect).is_ok() {
                offer(view, expect, begins, before, row.help, sink);
            }
        };
        // Whether it fits does not matter: what follows is told only when all words fitted so far.
        let _ = walk(row.syntax, Words::of(before), &mut Values::new(), Some(&mut told));
    }
}

fn offer(
    view: ConfigView<'_>,
    expect: Expect,
    begins: &str,
    before: &str,
    help: &'static str,
    sink: &mut dyn FnMut(Offer<'_>),
) {
    let mut given = false;
    let mut known = |text: &str| {
        if text.starts_with(begins) {
            given = true;
            sink(Offer { text, help, completes: true });
        }
    };
    match expect {
        Expect::Word(word) => known(word),
        Expect::Value(Kind::Name, name) => {
            view.services.iter().for_each(|service| known(view.text(service.name)));
            if !given && begins.is_empty() {
                sink(Offer { text: name, help, completes: false });
            }
        }
        Expect::Value(_, name) => {
            for neighbor in view.neighbors {
                let mut text = heapless::String::<45>::new();
                if write!(text, "{}", neighbor.address).is_ok() {
                    known(&text);
                }
            }
            if !given && begins.is_empty() {
                sink(Offer { text: name, help, completes: false });
            }
        }
        Expect::End if begins.is_empty() && !before.trim_ascii().is_empty() => {
            sink(Offer { text: "<cr>", help, completes: false });
        }
        Expect::Text(_) | Expect::End => {}
    }
}

/// What `?` cuts a name to: it is a reminder, not the completion.
const LONGEST: usize = 48;

/// What `?` shows at the end of `line`: what can stand next, and what the command does.
pub fn help<W: Write + ?Sized>(out: &mut W, view: ConfigView<'_>, line: &str) -> Result<(), W::Error> {
    const TITLE: &str = "Next";
    // Asked twice, once to measure and once to write: nothing is kept, as in a table.
    let mut width = TITLE.len();
    completions(view, line, &mut |offer| width = width.max(offer.text.chars().count().min(LONGEST)));
    put(out, format_args!("{TITLE}\n"))?;
    let mut written = Ok(());
    completions(view, line, &mut |Offer { text, help, .. }| {
        if written.is_ok() {
            written = put(out, format_args!("{text:width$.LONGEST$}  {help}\n"));
        }
    });
    written
}

impl core::error::Error for Misread {}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "say something; `?` lists what",
            Self::Unknown(_) => "not understood; `?` in its place lists what can stand there",
            Self::Incomplete => "more is expected; `?` lists what",
            Self::Ambiguous => "this abbreviation fits more than one command; `?` lists them",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::*;
    use crate::config::{Config, Platform};
    use std::boxed::Box;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn config() -> Box<Config<4, 4>> {
        let text = "router bgp 65000\nneighbor 10.0.0.1 remote-as external\nneighbor 10.0.0.2 remote-as external\n\
                    neighbor 2001:db8::1 remote-as external\nfailover web\naddress 192.0.2.10/32\nexit\n\
                    failover dns\naddress 192.0.2.11/32\nexit\n";
        let mut config = Box::default();
        assert!(crate::config::parse(text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        config
    }

    fn offers(line: &str) -> Vec<String> {
        let config = config();
        let mut all = Vec::new();
        completions(config.view(), line, &mut |offer| all.push(offer.text.to_string()));
        all
    }

    fn of(service: Option<&str>, wish: Wish) -> Request<'_> {
        Request::Wish { service, wish }
    }

    #[test]
    fn what_is_written_in_full_is_understood() {
        for (line, request) in [
            ("show summary", Request::Show(Show::Summary)),
            ("show neighbors", Request::Show(Show::Neighbors)),
            ("show neighbors 10.0.0.1", Request::Show(Show::Neighbor("10.0.0.1".parse().unwrap()))),
            ("show services", Request::Show(Show::Services)),
            ("show failover", Request::Show(Show::Services)),
            ("show routes", Request::Show(Show::Routes)),
            ("show steer", Request::Show(Show::Steer)),
            ("show bfd", Request::Show(Show::Bfd)),
            ("show bfd peers brief", Request::Show(Show::Bfd)),
            ("show running-config", Request::Show(Show::RunningConfig)),
            ("show ip bgp summary", Request::Show(Show::Neighbors)),
            ("show bgp summary", Request::Show(Show::Neighbors)),
            ("show bgp neighbors 2001:db8::1", Request::Show(Show::Neighbor("2001:db8::1".parse().unwrap()))),
            ("  drain   web ", of(Some("web"), Wish::Drain)),
            ("drain", of(None, Wish::Drain)),
            ("undrain web", of(Some("web"), Wish::None)),
            ("auto", of(None, Wish::None)),
            ("promote web", of(Some("web"), Wish::Promote)),
            ("demote web", of(Some("web"), Wish::Demote)),
            ("force web", of(Some("web"), Wish::Force)),
        ] {
            assert_eq!(read(line), Ok(request), "{line}");
        }
    }

    #[test]
    fn abbreviations_are_understood_while_only_one_command_fits() {
        assert_eq!(read("sh run"), Ok(Request::Show(Show::RunningConfig)));
        assert_eq!(read("sh ip b s"), Ok(Request::Show(Show::Neighbors)));
        assert_eq!(read("sh n"), Ok(Request::Show(Show::Neighbors)));
        assert_eq!(read("dr web"), Ok(of(Some("web"), Wish::Drain)));
        assert_eq!(read("sh s"), Err(Misread::Ambiguous));
        assert_eq!(read("sh r"), Err(Misread::Ambiguous));
    }

    #[test]
    fn what_is_not_understood_says_where() {
        assert_eq!(read("   "), Err(Misread::Empty));
        assert_eq!(read("show"), Err(Misread::Incomplete));
        assert_eq!(read("promote "), Err(Misread::Incomplete));
        assert_eq!(read("show nonsense"), Err(Misread::Unknown(5)));
        assert_eq!(read("reboot"), Err(Misread::Unknown(0)));
        assert_eq!(read("show summary now"), Err(Misread::Unknown(13)));
    }

    #[test]
    fn the_last_word_is_completed_and_a_blank_asks_for_the_next() {
        assert_eq!(offers(""), ["show", "drain", "undrain", "auto", "promote", "demote", "force"]);
        assert_eq!(offers("sh"), ["show"]);
        assert_eq!(offers("show s"), ["summary", "services", "steer"]);
        assert_eq!(offers("sh bg "), ["summary", "neighbors"]);
        assert_eq!(offers("nothing "), Vec::<String>::new());
    }

    #[test]
    fn names_are_completed_from_the_configuration() {
        assert_eq!(offers("force "), ["web", "dns"]);
        assert_eq!(offers("drain "), ["web", "dns", "<cr>"]);
        assert_eq!(offers("drain w"), ["web"]);
        assert_eq!(offers("drain x"), Vec::<String>::new());
        assert_eq!(offers("show neighbors 10"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(offers("show neighbors "), ["10.0.0.1", "10.0.0.2", "2001:db8::1", "<cr>"]);
    }

    #[test]
    fn every_completion_leads_to_a_command() {
        // From an empty line, following every offer: all ends are understood, and there are as many as it should be.
        let config = config();
        let (mut lines, mut ends) = (std::vec![String::new()], 0);
        while let Some(line) = lines.pop() {
            completions(config.view(), &line, &mut |offer| {
                if offer.completes {
                    lines.push(std::format!("{line}{} ", offer.text));
                } else if offer.text == "<cr>" {
                    assert!(read(&line).is_ok(), "{line}");
                    ends += 1;
                }
            });
        }
        // 8 `show` without a value, 3 addresses each twice, 5 of FRR's without a value, 2 services each six times, and all of
        // them three times.
        assert_eq!(ends, 8 + 6 + 5 + 12 + 3);
    }

    #[test]
    fn a_question_mark_tells_what_can_stand_next_and_what_it_does() {
        let config = config();
        let mut text = String::new();
        help(&mut Text(&mut text), config.view(), "show s").unwrap();
        assert_eq!(
            text,
            "Next\nsummary   the whole at a glance\nservices  the services, what they announce and why\n\
             steer     the prefixes that are steered, and where they go\n"
        );
    }

    #[test]
    fn every_word_starts_in_lower_case_and_every_help_is_one_line() {
        for row in ROWS {
            assert!(row.help.len() <= 72 && row.help.starts_with(char::is_lowercase), "{}", row.help);
            assert!(row.syntax.first_word().is_some());
        }
    }
}
