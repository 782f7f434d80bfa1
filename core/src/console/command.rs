//! What an operator can say: one table, walked for reading, abbreviation (`sh ne`), completion and `?`.
//!
//! FRR's words for the same questions are understood too. Everything here is a pure function of a line (and of the
//! configuration, whose names it completes).

use core::fmt::{self, Write as _};
use core::net::IpAddr;

use embedded_io::Write;

use super::table::{self, left};
use crate::config::Token::{Arg, Choice, Optional, Word};
use crate::config::{ConfigView, Expect, Fit, Kind, Token, Value, Values, Words, walk};

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// To see something.
    Show(Show),
    /// To hand a service over in peace.
    Drain(&'a str),
    /// To let it take part again.
    Undrain(&'a str),
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
    syntax: &'static [Token],
    help: &'static str,
    wish: for<'a> fn(&Values<'a>) -> Wish<'a>,
}

const NEIGHBOR: Token = Optional(&[Arg(Kind::Address, "NEIGHBOR")]);
const SERVICE: Token = Arg(Kind::Name, "SERVICE");

const ROWS: &[Row] = &[
    Row {
        syntax: &[Word("show"), Word("summary")],
        help: "the whole at a glance",
        wish: |_| Wish::Show(Show::Summary),
    },
    Row {
        syntax: &[Word("show"), Word("neighbors"), NEIGHBOR],
        help: "the sessions, or everything about one",
        wish: |values| neighbor(values, 0),
    },
    Row {
        syntax: &[Word("show"), Choice(&["services", "failover"])],
        help: "the services, what they announce and why",
        wish: |_| Wish::Show(Show::Services),
    },
    Row {
        syntax: &[Word("show"), Word("routes")],
        help: "what may be announced, and the address behind it",
        wish: |_| Wish::Show(Show::Routes),
    },
    Row {
        syntax: &[Word("show"), Word("steer")],
        help: "the prefixes that are steered, and where they go",
        wish: |_| Wish::Show(Show::Steer),
    },
    Row {
        syntax: &[Word("show"), Word("running-config")],
        help: "the configuration in force",
        wish: |_| Wish::Show(Show::RunningConfig),
    },
    Row {
        syntax: &[Word("show"), Word("bgp"), Word("summary")],
        help: "as in FRR: the sessions",
        wish: |_| Wish::Show(Show::Neighbors),
    },
    Row {
        syntax: &[Word("show"), Word("ip"), Word("bgp"), Word("summary")],
        help: "as in FRR: the sessions",
        wish: |_| Wish::Show(Show::Neighbors),
    },
    Row {
        syntax: &[Word("show"), Word("bgp"), Word("neighbors"), NEIGHBOR],
        help: "as in FRR: the sessions, or everything about one",
        wish: |values| neighbor(values, 0),
    },
    Row {
        syntax: &[Word("show"), Word("bfd")],
        help: "the BFD sessions, what was agreed and how they are",
        wish: |_| Wish::Show(Show::Bfd),
    },
    Row {
        syntax: &[Word("show"), Word("bfd"), Word("peers"), Optional(&[Word("brief")])],
        help: "as in FRR: the BFD sessions",
        wish: |_| Wish::Show(Show::Bfd),
    },
    Row {
        syntax: &[Word("drain"), SERVICE],
        help: "announces a service as going away, then withdraws it; its address stays",
        wish: |values| Wish::Drain(values.text(0)),
    },
    Row {
        syntax: &[Word("undrain"), SERVICE],
        help: "lets a service take part again, and take over",
        wish: |values| Wish::Undrain(values.text(0)),
    },
];

fn neighbor<'a>(values: &Values<'a>, place: usize) -> Wish<'a> {
    Wish::Show(match values.get(place) {
        Value::Address(address) => Show::Neighbor(address),
        _ => Show::Neighbors,
    })
}

/// Reads a line. A word may be abbreviated as long as only one command fits.
pub fn read(line: &str) -> Result<Wish<'_>, Misread> {
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
        Some((_, row, values)) => Ok((row.wish)(&values)),
        None if furthest >= line.trim_end().len() => Err(Misread::Incomplete),
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
        Expect::End if begins.is_empty() && !before.trim().is_empty() => {
            sink(Offer { text: "<cr>", help, completes: false });
        }
        Expect::Text(_) | Expect::End => {}
    }
}

/// What `?` shows at the end of `line`: what can stand next, and what the command does.
pub fn help<W: Write + ?Sized>(out: &mut W, view: ConfigView<'_>, line: &str) -> Result<(), W::Error> {
    let mut offers: heapless::Vec<(heapless::String<48>, &'static str), OFFERS> = heapless::Vec::new();
    completions(view, line, &mut |offer| {
        let mut text = heapless::String::new();
        // A name too long for the column is cut: it is a reminder, not the completion.
        let _ = offer.text.chars().try_for_each(|c| text.push(c));
        // More than fit are not worth reading.
        let _ = offers.push((text, offer.help));
    });
    table::write(out, &[left("Next"), left("")], offers.iter(), |(text, help), column, f| {
        f.write_str(if column == 0 { text } else { help })
    })
}

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

    #[test]
    fn what_is_written_in_full_is_understood() {
        for (line, wish) in [
            ("show summary", Wish::Show(Show::Summary)),
            ("show neighbors", Wish::Show(Show::Neighbors)),
            ("show neighbors 10.0.0.1", Wish::Show(Show::Neighbor("10.0.0.1".parse().unwrap()))),
            ("show services", Wish::Show(Show::Services)),
            ("show failover", Wish::Show(Show::Services)),
            ("show routes", Wish::Show(Show::Routes)),
            ("show steer", Wish::Show(Show::Steer)),
            ("show bfd", Wish::Show(Show::Bfd)),
            ("show bfd peers brief", Wish::Show(Show::Bfd)),
            ("show running-config", Wish::Show(Show::RunningConfig)),
            ("show ip bgp summary", Wish::Show(Show::Neighbors)),
            ("show bgp summary", Wish::Show(Show::Neighbors)),
            ("show bgp neighbors 2001:db8::1", Wish::Show(Show::Neighbor("2001:db8::1".parse().unwrap()))),
            ("  drain   web ", Wish::Drain("web")),
            ("undrain web", Wish::Undrain("web")),
        ] {
            assert_eq!(read(line), Ok(wish), "{line}");
        }
    }

    #[test]
    fn abbreviations_are_understood_while_only_one_command_fits() {
        assert_eq!(read("sh run"), Ok(Wish::Show(Show::RunningConfig)));
        assert_eq!(read("sh ip b s"), Ok(Wish::Show(Show::Neighbors)));
        assert_eq!(read("sh n"), Ok(Wish::Show(Show::Neighbors)));
        assert_eq!(read("dr web"), Ok(Wish::Drain("web")));
        assert_eq!(read("sh s"), Err(Misread::Ambiguous));
        assert_eq!(read("sh r"), Err(Misread::Ambiguous));
    }

    #[test]
    fn what_is_not_understood_says_where() {
        assert_eq!(read("   "), Err(Misread::Empty));
        assert_eq!(read("show"), Err(Misread::Incomplete));
        assert_eq!(read("drain "), Err(Misread::Incomplete));
        assert_eq!(read("show nonsense"), Err(Misread::Unknown(5)));
        assert_eq!(read("reboot"), Err(Misread::Unknown(0)));
        assert_eq!(read("show summary now"), Err(Misread::Unknown(13)));
    }

    #[test]
    fn the_last_word_is_completed_and_a_blank_asks_for_the_next() {
        assert_eq!(offers(""), ["show", "drain", "undrain"]);
        assert_eq!(offers("sh"), ["show"]);
        assert_eq!(offers("show s"), ["summary", "services", "steer"]);
        assert_eq!(offers("sh bg "), ["summary", "neighbors"]);
        assert_eq!(offers("nothing "), Vec::<String>::new());
    }

    #[test]
    fn names_are_completed_from_the_configuration() {
        assert_eq!(offers("drain "), ["web", "dns"]);
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
        // 8 `show` without a value, 3 addresses each twice, 5 of FRR's without a value, 2 services each twice.
        assert_eq!(ends, 8 + 6 + 5 + 4);
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
            assert!(matches!(row.syntax.first(), Some(Token::Word(_))));
        }
    }
}
