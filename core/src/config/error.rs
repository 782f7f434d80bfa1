//! What can be said about a configuration: errors, warnings and notes, each with its place, its reason and a hint.

use core::fmt::{self, Write as _};
use core::net::IpAddr;

use super::complete;
use super::lint::Lint;
use super::matcher::Expect;
use super::statement::Node;
use crate::base::net::{Asn, Prefix};
use crate::base::text::Masking;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Accepted, without effect here; or worth knowing.
    Note,
    /// Accepted, and probably not what was meant.
    Warning,
    /// Not accepted: the configuration as a whole is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// How many errors a text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors(pub usize);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} error{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl core::error::Error for Errors {}

/// One thing to say about a configuration. [`fmt::Display`] gives it on one line, place included; the alternate form
/// (`{:#}`) leaves the place out.
#[derive(Clone, Copy, Debug)]
pub struct Diagnostic<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// The line, counted from 1; 0: the configuration as a whole.
    pub line: u32,
    /// The column in characters, counted from 1; 0: the line as a whole.
    pub column: u32,
    /// What it is about.
    pub what: ErrorKind,
    /// The text at fault; may be empty.
    pub found: &'a str,
    /// What could have stood there instead.
    pub expected: Expected<'a>,
    /// What may help.
    pub hint: Hint<'a>,
}

impl fmt::Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Words of the text are in it.
        if f.alternate() {
            write!(Masking(f), "{:#}", Plain(self))
        } else {
            write!(Masking(f), "{}", Plain(self))
        }
    }
}

/// A diagnostic as it is, whatever is in it.
struct Plain<'d>(&'d Diagnostic<'d>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { line, column, what, found, ref expected, hint, .. } = *self.0;
        if line > 0 && !f.alternate() {
            write!(f, "line {line}")?;
            if column > 0 {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        what.explain(f, found, expected)?;
        match hint {
            Hint::None => Ok(()),
            Hint::DidYouMean(word) => write!(f, "; did you mean `{word}`?"),
            Hint::Text(text) => write!(f, "; {text}"),
            Hint::Below(node) => write!(f, "; it stands below `{}`", node.header()),
        }
    }
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint<'a> {
    /// Nothing comes to mind.
    None,
    /// A word much like the one found.
    DidYouMean(&'a str),
    /// A sentence.
    Text(&'a str),
    /// The statement exists, in another node.
    Below(Node),
}

/// What could stand at the place of an error: computed when it is displayed, from the statement tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The node of the line.
    pub(crate) node: Node,
    /// The line up to the place; empty: nothing can be said.
    pub(crate) before: &'a str,
}

impl Expected<'_> {
    /// Nothing can be said.
    pub const NOTHING: Self = Self { node: Node::Top, before: "" };
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = [Expect::End; 14];
        let mut count = 0_usize;
        let mut more = false;
        complete::expected(self.node, self.before, &mut |expect, _| {
            let known = seen.get(..count).unwrap_or(&seen);
            if known.contains(&expect) {
                return;
            }
            match seen.get_mut(count) {
                Some(place) => {
                    *place = expect;
                    count = count.saturating_add(1);
                }
                None => more = true,
            }
        });
        for (index, expect) in seen.iter().take(count).enumerate() {
            match index {
                0 => {}
                _ if index.saturating_add(1) == count && !more => f.write_str(" or ")?,
                _ => f.write_str(", ")?,
            }
            expect.describe(f)?;
        }
        if more { f.write_str(" …") } else { Ok(()) }
    }
}

/// A capacity that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Octets of names, descriptions, passwords and commands.
    Text,
    /// `network`, `address`, `ip route` and `ip address` lines.
    Routes,
    /// Lines of lists and clauses of route-maps.
    Rules,
    /// Neighbors.
    Neighbors,
    /// Peer-groups.
    Groups,
    /// `failover` blocks.
    Services,
    /// `check` lines.
    Checks,
    /// `address` lines of one `failover` block.
    Addresses,
    /// Communities in one `set` line.
    Communities,
    /// AS numbers in one `set as-path prepend` line.
    Prepends,
}

impl Limit {
    /// What it counts, and what counts as one.
    const fn noun(self) -> &'static str {
        match self {
            Self::Text => "octets of names, descriptions, passwords and commands",
            Self::Routes => "routes (every `network`, `address`, `ip route` and `ip address` line is one)",
            Self::Rules => "rules (every line of a list and every clause of a route-map is one)",
            Self::Neighbors => "neighbors",
            Self::Groups => "peer-groups",
            Self::Services => "`failover` blocks",
            Self::Checks => "checks in all",
            Self::Addresses => "addresses in one `failover` block",
            Self::Communities => "communities in one line",
            Self::Prepends => "AS numbers in one line",
        }
    }
}

/// What a name can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thing {
    /// `route-map`.
    RouteMap,
    /// `ip prefix-list`.
    PrefixList,
    /// `ipv6 prefix-list`.
    PrefixList6,
    /// `bgp community-list`.
    CommunityList,
    /// `bgp large-community-list`.
    LargeCommunityList,
    /// `neighbor NAME peer-group`.
    Group,
    /// `bfd`, `profile`.
    BfdProfile,
}

impl Thing {
    const fn noun(self) -> &'static str {
        match self {
            Self::RouteMap => "route-map",
            Self::PrefixList => "ip prefix-list",
            Self::PrefixList6 => "ipv6 prefix-list",
            Self::CommunityList => "community-list",
            Self::LargeCommunityList => "large-community-list",
            Self::Group => "peer-group",
            Self::BfdProfile => "bfd profile",
        }
    }
}

/// What a diagnostic is about. Its sentence is in [`Diagnostic`]'s `Display`; [`ErrorKind::code`] is its stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The line is not UTF-8.
    NotUtf8,
    /// The line holds a control character.
    ControlCharacter,
    /// No statement begins like this here.
    Unknown,
    /// Something else should stand here.
    Misplaced,
    /// The line ends too early.
    Incomplete,
    /// The line should have ended.
    Trailing,
    /// The abbreviation fits more than one statement.
    Ambiguous,
    /// The statement has no `no` form.
    NoForm,
    /// The statement stands twice where it can stand once.
    Twice,
    /// The option stands more often than it can: how often that is.
    TooMany(usize),
    /// A word behind a text that should have stood in double quotes with it.
    Unquoted,
    /// A placeholder of a guide was left in.
    Placeholder,
    /// A number out of range.
    Range(u32, u32),
    /// An address without `/LENGTH`.
    LengthMissing,
    /// A time without a unit.
    UnitMissing,
    /// Not an address, though it looks like one.
    NotAnAddress,
    /// Not a community, though it looks like one.
    NotACommunity(&'static str),
    /// A name that is too long: how long it may be.
    TooLong(usize),
    /// FRR has the statement, Holdover refuses it: why.
    Refused(&'static str),
    /// FRR has the statement, it has no effect here: why.
    NoEffect(&'static str),
    /// The statement contradicts another one: how.
    Conflict(&'static str),
    /// A value that makes no sense here: why.
    Senseless(&'static str),
    /// The platform cannot obey: its name, and what it cannot do.
    Platform(&'static str, &'static str),
    /// A capacity is used up.
    Full(Limit, usize),
    /// A name that nothing defines.
    Undefined(Thing),
    /// A neighbor without `remote-as`.
    NoRemoteAs,
    /// `router bgp` was opened before with another AS.
    OtherAs(Asn),
    /// A prefix that two statements announce: how.
    Owners(Prefix, &'static str),
    /// A neighbor with an address of ours.
    OwnAddress(IpAddr),
    /// A silent fault.
    Lint(Lint),
}

impl ErrorKind {
    /// A stable name, for `--json`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not-utf8",
            Self::ControlCharacter => "control-character",
            Self::Unknown => "unknown-statement",
            Self::Misplaced => "unexpected-word",
            Self::Incomplete => "incomplete",
            Self::Trailing => "trailing-words",
            Self::Ambiguous => "ambiguous",
            Self::NoForm => "no-form",
            Self::Twice => "twice",
            Self::TooMany(_) => "too-many",
            Self::Unquoted => "unquoted",
            Self::Placeholder => "placeholder",
            Self::Range(..) => "out-of-range",
            Self::LengthMissing => "length-missing",
            Self::UnitMissing => "unit-missing",
            Self::NotAnAddress => "not-an-address",
            Self::NotACommunity(_) => "not-a-community",
            Self::TooLong(_) => "too-long",
            Self::Refused(_) => "refused",
            Self::NoEffect(_) => "no-effect",
            Self::Conflict(_) => "conflict",
            Self::Senseless(_) => "senseless",
            Self::Platform(..) => "platform",
            Self::Full(..) => "limit",
            Self::Undefined(_) => "undefined",
            Self::NoRemoteAs => "no-remote-as",
            Self::OtherAs(_) => "other-as",
            Self::Owners(..) => "two-owners",
            Self::OwnAddress(_) => "own-address",
            Self::Lint(lint) => lint.code(),
        }
    }

    /// The sentence. (A `match` that is a table.)
    fn explain(self, f: &mut fmt::Formatter<'_>, found: &str, expected: &Expected<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("the line is not UTF-8 text"),
            Self::ControlCharacter => f.write_str("the line holds a control character"),
            Self::Unknown => write!(f, "unknown statement `{found}`"),
            Self::Misplaced if expected.before.is_empty() => write!(f, "unexpected `{found}`"),
            Self::Trailing if expected.before.is_empty() => {
                write!(f, "expected the end of the line, found `{found}`")
            }
            Self::Misplaced | Self::Trailing => write!(f, "expected {expected}, found `{found}`"),
            Self::Incomplete if expected.before.is_empty() => f.write_str("the line ends too early"),
            Self::Incomplete => write!(f, "the line ends too early: expected {expected}"),
            Self::Ambiguous => write!(f, "`{found}` is short for more than one statement"),
            Self::NoForm => f.write_str("this statement has no `no` form; remove the line it would undo"),
            Self::Twice => write!(f, "`{found}` stands twice in this line"),
            Self::Unquoted => {
                write!(f, "`{found}` is no option; a text with blanks stands in double quotes")
            }
            Self::TooMany(most) => write!(f, "`{found}` can stand {most} times in a line"),
            Self::Placeholder => {
                write!(f, "`{found}` is a placeholder of the guide: put the real value there")
            }
            Self::Range(low, high) => write!(f, "`{found}` is out of range: {low} to {high}"),
            Self::LengthMissing => write!(f, "`{found}` has no length"),
            Self::UnitMissing => write!(f, "`{found}` has no unit"),
            Self::NotAnAddress => write!(f, "`{found}` is not an address"),
            Self::NotACommunity(why) => write!(f, "`{found}` is not a community: {why}"),
            Self::TooLong(most) => write!(f, "`{found}` is too long: at most {most} octets"),
            Self::Refused(why) => write!(f, "Holdover does not do this: {why}"),
            Self::NoEffect(why) => write!(f, "no effect here: {why}"),
            Self::Conflict(why) | Self::Senseless(why) => f.write_str(why),
            Self::Platform(name, what) => write!(f, "{name} {what}"),
            Self::Full(limit, most) => {
                write!(f, "this platform holds {most} {}; this is one too many", limit.noun())
            }
            Self::Undefined(thing) => write!(f, "there is no {} `{found}`", thing.noun()),
            Self::NoRemoteAs => write!(f, "neighbor {found} has no `remote-as`"),
            Self::OtherAs(other) => write!(f, "`router bgp {other}` stands above; there can be one AS"),
            Self::Owners(prefix, how) => write!(f, "{prefix} {how}"),
            Self::OwnAddress(address) => write!(f, "neighbor {address} has an address of this host"),
            Self::Lint(lint) => lint.explain(f, found),
        }
    }
}

/// The stable name: without its [`Diagnostic`] a kind knows neither the words nor the place.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl core::error::Error for ErrorKind {}

/// Why a statement was not taken: what it is, and which of its values is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: ErrorKind,
    /// The value; [`Fault::WHOLE`]: the statement as a whole.
    pub(crate) value: usize,
    /// How far into that value, in octets.
    pub(crate) offset: usize,
    pub(crate) hint: Hint<'static>,
}

impl Fault {
    /// The place of no value.
    pub(crate) const WHOLE: usize = usize::MAX;
    /// What holds until another one is told.
    pub(crate) const UNKNOWN: Self = Self::at(Self::WHOLE, ErrorKind::Unknown);

    pub(crate) const fn at(value: usize, what: ErrorKind) -> Self {
        Self { what, value, offset: 0, hint: Hint::None }
    }
}

/// A statement was not taken. The draft has the [`Fault`], which is large, and seldom looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotTaken;
