//! What can be said about a configuration: errors, warnings and notes, each with its place, its reason and a hint.

use core::fmt;
use core::net::IpAddr;

use super::complete;
use super::matcher::Expect;
use super::statement::Node;
use crate::base::net::{Asn, Prefix};

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
        if self.line > 0 && !f.alternate() {
            write!(f, "line {}", self.line)?;
            if self.column > 0 {
                write!(f, ", column {}", self.column)?;
            }
            f.write_str(": ")?;
        }
        self.what.explain(f, self.found, &self.expected)?;
        match self.hint {
            Hint::None => Ok(()),
            Hint::DidYouMean(word) => write!(f, "; did you mean `{word}`?"),
            Hint::Text(text) => write!(f, "; {text}"),
            Hint::Below(node) => write!(f, "; it stands below `{}`", node.header()),
        }
    }
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A silent fault: what a pasted guide does without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Lint {
    /// No timers were given.
    NoTimers,
    /// A hold time that makes failover slow.
    SlowTimers(u16),
    /// A hold time of 0: a silent peer is never noticed.
    HoldZero,
    /// A keepalive longer than a third of the hold time.
    Keepalive,
    /// No `bgp router-id`.
    NoRouterId,
    /// The router-id is a shared address.
    SharedRouterId,
    /// IPv6 routes, and no neighbor with `activate` in `address-family ipv6 unicast`.
    NotActivated,
    /// A neighbor without any address family.
    NoFamily,
    /// A prefix with host bits.
    HostBits,
    /// `redistribute` without a route-map.
    Unfiltered,
    /// Nothing filters what a neighbor sends.
    NoInboundFilter,
    /// `ebgp-multihop` below what the provider's route servers need.
    LowTtl(u8),
    /// A statement about a neighbor before its `remote-as` or `peer-group` line.
    BeforeGroup,
    /// A placeholder of a guide was left in.
    Placeholder,
    /// Graceful restart.
    GracefulRestart,
    /// A `network` that a `failover` block announces.
    Shadowed,
    /// The same line twice.
    Duplicate,
    /// A `network` whose prefix a redistribution may carry without its attributes: nothing is announced.
    NothingAnnounced,
    /// A check that takes longer than its interval.
    SlowCheck,
    /// A secondary service without standby attributes.
    NoStandby,
    /// A check whose fast interval is longer than its interval.
    SlowFastInterval,
    /// A check that takes any certificate.
    AnyCertificate,
    /// BFD timers that find a path down after so few milliseconds that the host must keep time.
    TightBfd(u32),
    /// `bfd strict` of neighbors that are not known before they connect.
    StrictRange,
    /// A check that asks a name.
    NamedTarget,
    /// A check whose command ends in what looks like an option of the check.
    OptionOfCommand,
}

impl Lint {
    /// How bad it is: a note where it may well be meant.
    pub const fn severity(self) -> Severity {
        match self {
            Self::NamedTarget | Self::TightBfd(_) => Severity::Note,
            _ => Severity::Warning,
        }
    }

    /// A stable name, for `--json`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoTimers => "no-timers",
            Self::SlowTimers(_) => "slow-timers",
            Self::HoldZero => "hold-zero",
            Self::Keepalive => "keepalive-too-long",
            Self::NoRouterId => "no-router-id",
            Self::SharedRouterId => "shared-router-id",
            Self::NotActivated => "not-activated",
            Self::NoFamily => "no-family",
            Self::HostBits => "host-bits",
            Self::Unfiltered => "unfiltered-redistribute",
            Self::NoInboundFilter => "no-inbound-filter",
            Self::LowTtl(_) => "low-ttl",
            Self::BeforeGroup => "before-peer-group",
            Self::Placeholder => "placeholder",
            Self::GracefulRestart => "graceful-restart",
            Self::Shadowed => "shadowed",
            Self::Duplicate => "duplicate",
            Self::NothingAnnounced => "nothing-announced",
            Self::SlowCheck => "slow-check",
            Self::NoStandby => "no-standby",
            Self::SlowFastInterval => "slow-fast-interval",
            Self::AnyCertificate => "any-certificate",
            Self::TightBfd(_) => "tight-bfd",
            Self::StrictRange => "strict-range",
            Self::NamedTarget => "named-target",
            Self::OptionOfCommand => "option-of-command",
        }
    }

    // table: a sentence for each
    fn explain(self, f: &mut fmt::Formatter<'_>, found: &str) -> fmt::Result {
        match self {
            Self::NoTimers => f.write_str(
                "no timers are given: keepalive 3 s and hold 9 s are used, where FRR would take 60 and 180 and a \
                 silent loss would last three minutes; say `timers bgp 3 9`",
            ),
            Self::SlowTimers(hold) => {
                write!(f, "with a hold time of {hold} s a silent loss lasts up to {hold} s; `timers bgp 3 9` is usual")
            }
            Self::HoldZero => f.write_str("a hold time of 0 means that a silent loss is never noticed"),
            Self::Keepalive => f.write_str(
                "the keepalive time is more than a third of the hold time: one lost packet may end the session",
            ),
            Self::NoRouterId => f.write_str(
                "no `bgp router-id` is given: Holdover takes an address of this host that is not shared, where FRR \
                 takes the highest loopback address, the shared one, on both machines",
            ),
            Self::SharedRouterId => {
                write!(f, "the router-id {found} is a shared address: the other machine would have the same one")
            }
            Self::NotActivated => f.write_str(
                "there are IPv6 routes, but no neighbor has `neighbor … activate` below `address-family ipv6 \
                 unicast`: they reach nobody",
            ),
            Self::NoFamily => write!(
                f,
                "neighbor {found} has no address family: `no bgp default ipv4-unicast` stands, and nothing activates \
                 it"
            ),
            Self::HostBits => write!(f, "`{found}` has host bits; they are masked, as FRR does"),
            Self::Unfiltered => write!(
                f,
                "`redistribute {found}` has no route-map: only prefixes of host length are announced, where FRR would \
                 announce every one"
            ),
            Self::NoInboundFilter => write!(
                f,
                "neighbor {found} has no inbound filter: Holdover takes in nothing but what a `steer` block accepts, \
                 where FRR would take every route; say `neighbor … prefix-list … in`"
            ),
            Self::LowTtl(hops) => write!(
                f,
                "`ebgp-multihop {hops}` for neighbor {found}: the provider's route servers can be up to 16 hops away"
            ),
            Self::BeforeGroup => write!(
                f,
                "a statement about {found} before its `peer-group` or `remote-as` line: FRR drops it, Holdover takes \
                 it"
            ),
            Self::Placeholder => write!(f, "`{found}` looks like a placeholder of the guide that was left in"),
            Self::GracefulRestart => f.write_str(
                "graceful restart is never advertised: it would make the peer keep a dead machine's routes for \
                 minutes",
            ),
            Self::Shadowed => {
                write!(f, "`network {found}` is silent: a `failover` block owns this prefix and announces it")
            }
            Self::Duplicate => write!(f, "`{found}` stands twice"),
            Self::NothingAnnounced => f.write_str("nothing is announced: no `network`, `failover` or `redistribute`"),
            Self::SlowCheck => write!(f, "the timeout of check {found} is longer than its interval"),
            Self::SlowFastInterval => {
                write!(f, "the fast-interval of check {found} is longer than its interval: it slows the check down")
            }
            Self::AnyCertificate => write!(
                f,
                "check {found} takes any certificate: whoever answers in the service's place makes it pass"
            ),
            Self::TightBfd(millis) => write!(
                f,
                "the bfd profile {found} finds a path down after {millis} ms: so does a host that is busy for as long, \
                 unless Holdover may use real-time scheduling"
            ),
            Self::StrictRange => write!(
                f,
                "`bfd strict` has no effect on neighbors from the listen range of {found}: before they connect nobody \
                 knows them"
            ),
            Self::NamedTarget => write!(
                f,
                "check {found} asks a name: when that leads to the shared address, another machine may answer; then \
                 write the address instead, and the name as `header \"Host: NAME\"`"
            ),
            Self::OptionOfCommand => write!(
                f,
                "the command of check {found} ends in what looks like an option of the check; options stand before \
                 `exec`"
            ),
            Self::NoStandby => write!(
                f,
                "service {found} has `role secondary` and no `standby`: it announces the active attributes, as the \
                 primary machine does, and may win; say `standby route-map …`"
            ),
        }
    }
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

/// Why a statement was not taken: what it is, and which of its values is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: ErrorKind,
    pub(crate) value: usize,
    /// How far into that value, in octets.
    pub(crate) offset: usize,
    pub(crate) hint: Hint<'static>,
}

impl Fault {
    /// The value at this place is at fault.
    pub(crate) const fn at(value: usize, what: ErrorKind) -> Self {
        Self { what, value, offset: 0, hint: Hint::None }
    }

    /// The statement as a whole is at fault.
    pub(crate) const fn whole(what: ErrorKind) -> Self {
        Self::at(usize::MAX, what)
    }

    pub(crate) const fn hint(self, text: &'static str) -> Self {
        Self { hint: Hint::Text(text), ..self }
    }
}
