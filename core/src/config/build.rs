//! A configuration while it is being read: the place in the text, the names met so far, and what was wrong.

use super::complete;
use super::error::{Diagnostic, ErrorKind, Expected, Fault, Hint, NotTaken, Severity};
use super::hint::Nearest;
use super::line::{self, NotText, Words};
use super::lint::Lint;
use super::matcher::{self, Expect, Miss, Values};
use super::model::{ConfigMut, Span};
use super::platform::Platform;
use super::secret;
use super::statement::{AROUND, Does, Node, REMOVE_PRIVATE_AS, SEND_COMMUNITY, Scope};
use super::value::Value;
use crate::base::net::Family;

/// What becomes of the lines of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They act.
    #[default]
    Act,
    /// Its first line was wrong: its lines are checked for their form only.
    Check,
    /// It is not ours: its lines are skipped.
    Skip,
}

/// Where in the language we are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) node: Node,
    pub(crate) mode: Mode,
    /// [`Node::Family`]: which. IPv4 directly below `router bgp`.
    pub(crate) family: Family,
    /// The name of the route-map, interface, steer block or profile.
    pub(crate) name: Span,
    /// [`Node::RouteMap`]: the entry.
    pub(crate) sequence: u32,
    pub(crate) deny: bool,
    /// [`Node::Failover`]: the service's index, and how many addresses it has.
    pub(crate) service: u16,
    pub(crate) addresses: u8,
}

/// So many lines that were wrong are remembered.
const FAILURES: usize = 24;

/// Lines that were wrong.
#[derive(Clone, Copy)]
pub(super) struct Failures<'a> {
    lines: [Failure<'a>; FAILURES],
    count: usize,
}

#[derive(Clone, Copy)]
struct Failure<'a> {
    line: &'a str,
    /// The `failover` block it stands in.
    service: u16,
}

impl<'a> Failures<'a> {
    fn note(&mut self, line: &'a str, place: &Place) {
        let service = if place.node == Node::Failover { place.service } else { u16::MAX };
        if let Some(free) = self.lines.get_mut(self.count) {
            *free = Failure { line, service };
            self.count = self.count.saturating_add(1);
        }
    }

    fn any(&self, fits: impl Fn(&Failure<'a>, Words<'a>) -> bool) -> bool {
        self.lines.iter().take(self.count).any(|failure| {
            let mut words = Words::of(failure.line);
            if words.peek().is_some_and(|word| word.text == "no") {
                words.next();
            }
            fits(failure, words)
        })
    }

    /// Whether one of them would have made a list, a profile or a route-map with this name.
    pub(super) fn would_make(&self, name: &str) -> bool {
        self.any(|_, mut words| {
            let first = words.next().map_or("", |word| word.text);
            matches!(first, "route-map" | "ip" | "ipv6" | "bgp" | "profile")
                && words.any(|word| word.text == name)
        })
    }

    /// Whether one of them is about a neighbor or a peer-group.
    pub(super) fn is_about(&self, peer: Value<'_>) -> bool {
        self.any(|_, mut words| {
            let first = words.next().map_or("", |word| word.text);
            let named = words.next().map_or("", |word| word.text);
            first == "neighbor"
                && match peer {
                    Value::Address(address) => named.parse() == Ok(address),
                    Value::Text(name) => named == name,
                    _ => false,
                }
        })
    }

    /// Whether one of them is a line of this block that begins with this word.
    pub(super) fn is_in(&self, service: u16, keyword: &str) -> bool {
        self.any(|failure, mut words| {
            failure.service == service && words.next().is_some_and(|word| word.text == keyword)
        })
    }
}

/// So many errors get a hint.
const HINTS: usize = 100;

/// A mark on a peer that only lives while a text is read: its `peer-group` or `remote-as` line was seen.
pub(crate) const INTRODUCED: u16 = 1 << 15;

/// A configuration while it is being read.
pub(crate) struct Draft<'a> {
    pub(crate) config: ConfigMut<'a>,
    pub(crate) platform: &'a Platform,
    pub(crate) place: Place,
    /// The whole text, to find the line of what is only known at its end.
    pub(super) source: &'a [u8],
    pub(super) report: &'a mut dyn FnMut(Diagnostic<'_>),
    line: &'a str,
    number: u32,
    pub(super) recent: [Span; 4],
    /// The limits already complained about, a bit each.
    full: u16,
    pub(super) errors: usize,
    /// Whether a statement stands in the text that takes away what a route-map may set.
    pub(super) takes_away: bool,
    /// The first lines that were wrong: what they would have said is not missed a second time.
    pub(super) failed: Failures<'a>,
    /// Why the last statement that was not taken was not.
    pub(super) fault: Fault,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        source: &'a [u8],
        platform: &'a Platform,
        config: ConfigMut<'a>,
        report: &'a mut dyn FnMut(Diagnostic<'_>),
    ) -> Self {
        Self {
            config,
            platform,
            place: Place::default(),
            source,
            report,
            line: "",
            number: 0,
            recent: [Span::EMPTY; 4],
            full: 0,
            errors: 0,
            takes_away: false,
            failed: Failures { lines: [Failure { line: "", service: u16::MAX }; FAILURES], count: 0 },
            fault: Fault::UNKNOWN,
        }
    }

    /// Reads the whole text.
    pub(crate) fn read(&mut self) {
        for (number, octets) in line::lines(self.source) {
            self.number = number;
            match line::text(octets) {
                Ok(text) => {
                    self.line = text;
                    if line::is_heading(text) {
                        self.say(Severity::Note, ErrorKind::NoEffect(AROUND), 0);
                    } else if !line::is_silent(text) {
                        self.statement();
                    }
                }
                Err((readable, why)) => {
                    self.line = readable;
                    let what = match why {
                        NotText::Encoding => ErrorKind::NotUtf8,
                        NotText::Control => ErrorKind::ControlCharacter,
                    };
                    self.error(what, Some(readable.len()), Expected::NOTHING, Hint::None);
                }
            }
        }
    }

    /// One line that says something.
    fn statement(&mut self) {
        let found = match matcher::find(Scope::of(self.place.node), self.line) {
            Ok(found) => found,
            Err(miss) => return self.missed(miss),
        };
        let row = found.row;
        let inside = found.node == self.place.node;
        if found.node != Node::Any {
            // Below a family that is refused, only another family is still ours.
            let opens = Words::of(self.line).next().is_some_and(|word| Node::opened_by(word.text).is_some());
            match self.place.mode {
                Mode::Check if inside => return,
                Mode::Skip if inside && found.node != Node::Top && !opens => return,
                _ => {}
            }
            if !inside {
                self.enter(found.node);
            }
            self.place.mode = Mode::Act;
        }
        let first = Words::of(self.line).next().map_or(0, |word| word.at);
        match row.does {
            Does::Act { apply, .. } => {
                // Never an earlier line's.
                self.fault = Fault::UNKNOWN;
                if apply(self, &found.values) == Err(NotTaken) {
                    self.tell_fault(&found.values);
                    self.after_broken_opener();
                }
            }
            Does::Refused { why, .. } if !found.values.negated => {
                if matches!(found.values.get(0), Value::Text(_))
                    && row.syntax.first_word() == Some("neighbor")
                {
                    // Who is named here is not missed elsewhere.
                    let _ = self.introduce(&found.values);
                }
                self.error(ErrorKind::Refused(why), Some(first), Expected::NOTHING, Hint::None);
            }
            Does::NoEffect { why, .. } | Does::Refused { why, .. } => {
                let (no, syntax) = (found.values.negated, &row.syntax);
                self.takes_away |= if no { syntax.is(SEND_COMMUNITY) } else { syntax.is(REMOVE_PRIVATE_AS) };
                self.say(Severity::Note, ErrorKind::NoEffect(why), first);
            }
            Does::Warn(lint) if !found.values.negated => {
                self.say(Severity::Warning, ErrorKind::Lint(lint), first);
            }
            Does::Warn(_) => {
                self.say(Severity::Note, ErrorKind::NoEffect("graceful restart is never advertised"), first);
            }
            // No line is matched against it.
            Does::Print(_) => {}
        }
        if row.opens_foreign_block() && !found.values.negated {
            self.place.mode = Mode::Skip;
        }
    }

    /// A line that is no statement.
    fn missed(&mut self, miss: Miss) {
        if self.place.mode == Mode::Skip {
            return;
        }
        let word = Words::of(self.line.get(miss.at..).unwrap_or("")).next().map_or("", |word| word.text);
        let node = self.place.node;
        let shaped = matches!(miss.what, ErrorKind::Misplaced | ErrorKind::Incomplete | ErrorKind::Trailing);
        let what = match miss.what {
            ErrorKind::Unknown | ErrorKind::Misplaced if complete::placeholder(word).is_some() => {
                ErrorKind::Placeholder
            }
            what => what,
        };
        let mut expected = Expected::NOTHING;
        if shaped && what == miss.what {
            expected = Expected { node, before: self.line.get(..miss.at).unwrap_or("") };
        }
        let hint = match what {
            // A file that is none at all needs no hints, and each takes a while to find.
            _ if self.errors > HINTS => Hint::None,
            ErrorKind::Unknown => unknown(node, word),
            ErrorKind::Misplaced if is_millis(word) => {
                Hint::Text("milliseconds without their unit, as in FRR")
            }
            ErrorKind::Misplaced | ErrorKind::Trailing => {
                let mut nearest = Nearest::to(word);
                complete::expected(node, expected.before, &mut |expect, _| {
                    if let Expect::Word(candidate) = expect {
                        nearest.offer(candidate);
                    }
                });
                nearest.word().map_or(Hint::None, |near| {
                    // The one right word says more than the list of all.
                    expected = Expected::NOTHING;
                    Hint::DidYouMean(near)
                })
            }
            ErrorKind::LengthMissing if word.contains(':') => Hint::Text("one IPv6 address is ADDRESS/128"),
            ErrorKind::LengthMissing => Hint::Text("one IPv4 address is ADDRESS/32"),
            ErrorKind::UnitMissing => Hint::Text("write 500ms, 30s or 2m"),
            _ => Hint::None,
        };
        self.error(what, Some(miss.at), expected, hint);
        self.after_broken_opener();
    }

    /// When the line that should have opened a block is wrong, the block's lines are still checked for their form.
    fn after_broken_opener(&mut self) {
        let word = Words::of(self.line).next().map_or("", |word| word.text);
        if let Some(node) = Node::opened_by(word)
            && (node.parent() == Node::Top || node.parent() == self.place.node || node == self.place.node)
        {
            self.enter(node);
            self.place.mode = Mode::Check;
        }
    }

    /// Reports a statement that was not taken.
    fn tell_fault(&mut self, values: &Values<'_>) {
        let fault = self.fault;
        if let ErrorKind::Full(limit, _) = fault.what {
            // Once is enough: ten thousand lines too many are one mistake.
            let bit = 1 << (limit as u16);
            self.errors = self.errors.saturating_add(1);
            if self.full & bit != 0 {
                return;
            }
            self.full |= bit;
            self.errors = self.errors.saturating_sub(1);
        }
        let whole = || Words::of(self.line).next().map(|word| word.at);
        let behind = |at: usize| at.saturating_add(fault.offset);
        let at = if values.given(fault.value) { values.place(fault.value).map(behind) } else { whole() };
        self.error(fault.what, at, Expected::NOTHING, fault.hint);
    }

    fn error(&mut self, what: ErrorKind, at: Option<usize>, expected: Expected<'_>, hint: Hint<'_>) {
        self.errors = self.errors.saturating_add(1);
        self.failed.note(self.line, &self.place);
        let (line, found) = (self.line, self.found(at.unwrap_or(0)));
        let column = at.map_or(0, |at| line::column(line, at));
        (self.report)(Diagnostic {
            severity: Severity::Error,
            line: self.number,
            column,
            what,
            found,
            expected,
            hint,
        });
    }

    fn say(&mut self, severity: Severity, what: ErrorKind, at: usize) {
        let (column, found) = (line::column(self.line, at), self.found(at));
        let (expected, hint) = (Expected::NOTHING, Hint::None);
        (self.report)(Diagnostic { severity, line: self.number, column, what, found, expected, hint });
    }

    /// The word of the line that starts there.
    fn found(&self, at: usize) -> &'a str {
        if secret::concealed(self.line).is_some_and(|from| at >= from) {
            return "…";
        }
        Words::of(self.line.get(at..).unwrap_or("")).next().map_or("", |word| word.text)
    }

    /// A warning or a note about one of the line's values.
    pub(crate) fn warn(&mut self, lint: Lint, values: &Values<'_>, value: usize) {
        self.say(lint.severity(), ErrorKind::Lint(lint), values.place(value).unwrap_or(0));
    }

    /// That one of the line's values has no effect, and why.
    pub(crate) fn note(&mut self, values: &Values<'_>, value: usize, why: &'static str) {
        self.say(Severity::Note, ErrorKind::NoEffect(why), values.place(value).unwrap_or(0));
    }

    /// The word that a value of the line was read from.
    pub(crate) fn word(&self, values: &Values<'_>, value: usize) -> &'a str {
        values.place(value).map_or("", |at| self.found(at))
    }

    /// Goes into a node, whose place is new.
    pub(crate) fn enter(&mut self, node: Node) {
        self.place = Place { node, ..Place::default() };
    }

    /// `exit`: ends what is open.
    pub(crate) fn leave(&mut self) {
        if self.place.mode == Mode::Skip && self.place.node != Node::Top {
            self.place.mode = Mode::Act;
        } else {
            self.enter(self.place.node.parent());
        }
    }

    /// `exit-address-family`: back to `router bgp`.
    pub(crate) fn leave_family(&mut self) {
        self.enter(Node::Bgp);
    }

    /// Keeps why the statement is not taken.
    pub(crate) fn refuse(&mut self, fault: Fault) -> NotTaken {
        self.fault = fault;
        NotTaken
    }

    /// The value at this place is at fault.
    pub(crate) fn blame(&mut self, value: usize, what: ErrorKind) -> NotTaken {
        self.refuse(Fault::at(value, what))
    }

    /// The same, when what it says makes no sense.
    pub(crate) fn senseless(&mut self, value: usize, why: &'static str) -> NotTaken {
        self.blame(value, ErrorKind::Senseless(why))
    }

    /// The same, and what helps.
    pub(crate) fn senseless_but(&mut self, value: usize, why: &'static str, hint: &'static str) -> NotTaken {
        self.refuse(Fault { hint: Hint::Text(hint), ..Fault::at(value, ErrorKind::Senseless(why)) })
    }

    /// "The platform cannot do this."
    pub(crate) fn cannot(&mut self, what: &'static str) -> NotTaken {
        self.blame(Fault::WHOLE, ErrorKind::Platform(self.platform.name, what))
    }

    /// Whether the platform speaks BFD.
    pub(crate) fn needs_bfd(&mut self) -> Result<(), NotTaken> {
        if self.platform.bfd { Ok(()) } else { Err(self.cannot("does not speak BFD")) }
    }
}

/// Whether a word is a number of milliseconds with its unit.
fn is_millis(word: &str) -> bool {
    word.strip_suffix("ms").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What helps with a first word that no statement here has: the node where one does, or a word like it.
fn unknown(node: Node, word: &str) -> Hint<'static> {
    let mut nearest = Nearest::to(word);
    let (mut elsewhere, mut near_elsewhere) = (None, Nearest::to(word));
    for (_, tables) in Scope::of(node).nodes() {
        for row in tables.iter().copied().flatten() {
            if let Some(first) = row.syntax.first_word() {
                nearest.offer(first);
            }
        }
    }
    complete::first_words(&mut |other, first| {
        if first == word && elsewhere.is_none() {
            elsewhere = Some(other);
        }
        near_elsewhere.offer(first);
    });
    match (elsewhere, nearest.word().or(near_elsewhere.word())) {
        (Some(other), _) => Hint::Below(other),
        (None, Some(near)) => Hint::DidYouMean(near),
        (None, None) => Hint::None,
    }
}
