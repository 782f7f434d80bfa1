//! The silent faults that a configuration as a whole can have. Those of a single line are told while it is read:
//! host bits, graceful restart, placeholders, statements before their `peer-group` line, timers.

use core::fmt::{self, Write};
use core::net::IpAddr;

use super::error::{Diagnostic, ErrorKind, Expected, Hint, Severity};
use super::model::{
    BfdProfile, Clause, ConfigView, List, ListRef, Millis, Neighbor, Owner, PeerFlags, Role, RouteSource,
    Rule, Service,
};
use crate::base::limits::{AS_PATH, COMMUNITIES};
use crate::base::net::{Asn, BgpId, Family};

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
    /// A keepalive longer than a third of the hold time, and what is used instead, in seconds.
    Keepalive(u16),
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
    /// A secondary service with `preempt delay` or `no preempt`.
    SecondaryPreempts,
    /// Route-maps that together set more of these than an announcement holds.
    TooMuch(&'static str),
    /// BFD timers that find a path down after so few milliseconds that the host must keep time.
    TightBfd(u32),
    /// `bfd strict` of neighbors that are not known before they connect.
    StrictRange,
    /// A check that asks a name.
    NamedTarget,
    /// A check whose command ends in what looks like an option of the check.
    OptionOfCommand,
    /// There is no `router bgp`.
    NoBgp,
    /// A service without active attributes, beside others that have some.
    NoActive,
    /// A check whose command has the daemon's rights, because no user is named.
    ExecWithoutUser,
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
            Self::Keepalive(_) => "keepalive-too-long",
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
            Self::SecondaryPreempts => "secondary-preempts",
            Self::TooMuch(_) => "too-much",
            Self::TightBfd(_) => "tight-bfd",
            Self::StrictRange => "strict-range",
            Self::NamedTarget => "named-target",
            Self::OptionOfCommand => "option-of-command",
            Self::NoBgp => "no-bgp",
            Self::NoActive => "no-active",
            Self::ExecWithoutUser => "exec-without-user",
        }
    }

    // table: a sentence for each
    #[expect(clippy::too_many_lines, reason = "a sentence for each")]
    pub(super) fn explain(self, f: &mut fmt::Formatter<'_>, found: &str) -> fmt::Result {
        match self {
            Self::NoTimers => f.write_str(
                "no timers are given: keepalive 3 s and hold 9 s are used, where FRR would take 60 and 180 and a \
                 silent loss would last three minutes; say `timers bgp 3 9`",
            ),
            Self::SlowTimers(hold) => {
                write!(f, "with a hold time of {hold} s a silent loss lasts up to {hold} s; `timers bgp 3 9` is usual")
            }
            Self::HoldZero => f.write_str("a hold time of 0 means that a silent loss is never noticed"),
            Self::Keepalive(used) => write!(
                f,
                "the keepalive time is more than a third of the hold time, and one lost packet could end the session: {used} \
                 s is used instead"
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
            Self::SecondaryPreempts => write!(
                f,
                "service {found} has `role secondary`: it is never active by itself, and `preempt` says nothing to it"
            ),
            Self::TooMuch(noun) => write!(
                f,
                "route-map {found} of a neighbor and the one of a route may add up to more {noun} than an announcement \
                 holds: such a route would not reach that neighbor"
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
            Self::ExecWithoutUser => write!(
                f,
                "the command of check {found} runs as the daemon's own user, usually root; name one with fewer rights: \
                 `exec-user NAME` (or `exec-user root`, if it must be root)"
            ),
            Self::NoBgp => f.write_str(
                "there is no `router bgp`: this configuration has no neighbor and announces nothing, as an empty file does",
            ),
            Self::NoActive => write!(
                f,
                "service {found} has no `active route-map`: it is announced without a community, and a router that tells \
                 primary from secondary by it takes it for neither"
            ),
            Self::NoStandby => write!(
                f,
                "service {found} has `role secondary` and no `standby`: it announces the active attributes, as the \
                 primary machine does, and may win; say `standby route-map …`"
            ),
        }
    }
}

/// The hops that the provider's route servers can be away.
const HOPS: u8 = 16;

/// Tells every silent fault; says how many there are.
pub fn lint(view: ConfigView<'_>, report: &mut dyn FnMut(Diagnostic<'_>)) -> usize {
    let mut count = 0_usize;
    let mut tell = |lint: Lint, found: &str| {
        count = count.saturating_add(1);
        let (what, expected, hint) = (ErrorKind::Lint(lint), Expected::NOTHING, Hint::None);
        report(Diagnostic { severity: lint.severity(), line: 0, column: 0, what, found, expected, hint });
    };
    if view.bgp.local_as == Asn(0) {
        tell(Lint::NoBgp, "");
        return count;
    }
    session(&view, &mut tell);
    router_id(&view, &mut tell);
    families(&view, &mut tell);
    neighbors(&view, &mut tell);
    announcements(&view, &mut tell);
    standby(&view, &mut tell);
    active(&view, &mut tell);
    preempt(&view, &mut tell);
    bfd(&view, &mut tell);
    too_much(&view, &mut tell);
    count
}

type Tell<'t> = dyn FnMut(Lint, &str) + 't;

fn session(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let untimed = |neighbor: &Neighbor| !view.options(neighbor).flags.on(PeerFlags::TIMERS);
    let for_all = view.bgp.flags.has(super::model::BgpFlags::TIMERS);
    if !for_all && view.neighbors.iter().any(untimed) {
        tell(Lint::NoTimers, "");
    }
}

fn router_id(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let id = view.bgp.router_id;
    if id == BgpId(0) {
        return tell(Lint::NoRouterId, "");
    }
    let shared = |owner: Owner| matches!(owner, Owner::Service(_) | Owner::Network);
    let address = IpAddr::V4(id.0.into());
    if view.routes.iter().any(|route| route.address == address && route.is_address() && shared(route.owner)) {
        tell(Lint::SharedRouterId, Text::of(&id).as_str());
    }
}

/// IPv6 routes that no neighbor hears of.
fn families(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let six = Family::Ipv6.index();
    let announced = |owner: Owner| matches!(owner, Owner::Service(_) | Owner::Network);
    let routes = view.routes.iter().any(|route| announced(route.owner) && route.address.is_ipv6());
    let redistributed =
        view.bgp.redistribute.get(six).is_some_and(|sources| sources.iter().any(|source| source.on));
    let hears = |neighbor: &Neighbor| view.families(&view.options(neighbor)).has(Family::Ipv6);
    let ranges = view.rules.iter().filter_map(|rule| match rule.clause {
        Clause::ListenRange { group, .. } => view.groups.get(usize::from(group)),
        _ => None,
    });
    let mut dynamic = ranges.map(|group| view.families(&group.options).has(Family::Ipv6));
    if (routes || redistributed) && !view.neighbors.iter().any(hears) && !dynamic.any(|hears| hears) {
        tell(Lint::NotActivated, "");
    }
}

/// The faults of neighbors, those of a peer-group's members once.
fn neighbors(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let faults: [fn(&ConfigView<'_>, &Neighbor) -> Option<Lint>; 3] = [family, inbound, hops];
    for (index, neighbor) in view.neighbors.iter().enumerate() {
        for fault in faults {
            let Some(lint) = fault(view, neighbor) else { continue };
            let before = view.neighbors.get(..index).unwrap_or(&[]);
            let group = usize::from(neighbor.group).checked_sub(1).and_then(|group| view.groups.get(group));
            match group {
                None => tell(lint, Text::of(&neighbor.address).as_str()),
                Some(_)
                    if before
                        .iter()
                        .any(|other| other.group == neighbor.group && fault(view, other) == Some(lint)) => {}
                Some(group) => tell(lint, view.text(group.name)),
            }
        }
    }
}

fn family(view: &ConfigView<'_>, neighbor: &Neighbor) -> Option<Lint> {
    view.families(&view.options(neighbor)).is_empty().then_some(Lint::NoFamily)
}

fn inbound(view: &ConfigView<'_>, neighbor: &Neighbor) -> Option<Lint> {
    let options = view.options(neighbor);
    let given = |lists: &[ListRef; 2]| lists.iter().any(|list| !list.name.is_empty());
    let steered = view.rules.iter().any(is_accept);
    (!steered && !given(&options.map_in) && !given(&options.list_in)).then_some(Lint::NoInboundFilter)
}

/// The provider's route servers are up to 16 hops away, and an older guide of it says 10.
fn hops(view: &ConfigView<'_>, neighbor: &Neighbor) -> Option<Lint> {
    let hops = view.options(neighbor).multihop;
    let provider =
        matches!(neighbor.address, IpAddr::V6(six) if six.segments().starts_with(&[0x2600, 0x3C0F]));
    (hops == 10 || (provider && hops > 0 && hops < HOPS)).then_some(Lint::LowTtl(hops))
}

fn announcements(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let announced = |owner: Owner| matches!(owner, Owner::Service(_) | Owner::Network);
    let mut redistributed = false;
    for (family, sources) in Family::ALL.into_iter().zip(&view.bgp.redistribute) {
        for (source, redistribute) in SOURCES.into_iter().zip(sources) {
            redistributed |= redistribute.on;
            if redistribute.on && redistribute.map.name.is_empty() {
                tell(Lint::Unfiltered, source_name(source, family));
            }
        }
    }
    let steered = view.rules.iter().any(is_accept);
    if !redistributed && !steered && !view.routes.iter().any(|route| announced(route.owner)) {
        tell(Lint::NothingAnnounced, "");
    }
}

/// A secondary is never active by itself, so there is nothing to preempt.
fn preempt(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    for service in view.services.iter().filter(|service| service.role == Role::Secondary) {
        if service.no_preempt || service.preempt_delay_ms > Millis::ZERO {
            tell(Lint::SecondaryPreempts, view.text(service.name));
        }
    }
}

/// What route-maps set: communities, large communities and AS numbers, the most of any entry.
type Counts = [usize; 3];

/// What one entry sets, and which of it stands in the place of what was set before.
#[derive(Clone, Copy, Default)]
struct Sets {
    counts: Counts,
    replaces: [bool; 3],
}

/// What each entry of a route-map sets.
fn entries<'v>(view: &ConfigView<'v>, map: ListRef) -> impl Iterator<Item = Sets> + use<'v> {
    let mut rules = view.list(map).peekable();
    core::iter::from_fn(move || {
        rules.next_if(|rule| rule.clause == Clause::Entry)?;
        let mut sets = Sets::default();
        let [communities, large, path] = &mut sets.counts;
        let (mut adds, mut clears) = ([false; 2], [false; 2]);
        while let Some(rule) = rules.next_if(|rule| rule.clause != Clause::Entry) {
            match rule.clause {
                Clause::SetCommunity(_) => *communities = communities.saturating_add(1),
                Clause::SetLargeCommunity(_) => *large = large.saturating_add(1),
                Clause::SetPrepend(_) => *path = path.saturating_add(1),
                Clause::CommunityAdditive => adds[0] = true,
                Clause::LargeCommunityAdditive => adds[1] = true,
                Clause::CommunityNone => clears[0] = true,
                Clause::LargeCommunityNone => clears[1] = true,
                _ => {}
            }
        }
        let replaces = |set: usize, adds: bool, clears: bool| clears || (set > 0 && !adds);
        sets.replaces =
            [replaces(*communities, adds[0], clears[0]), replaces(*large, adds[1], clears[1]), false];
        Some(sets)
    })
}

/// Routes that their own route-map and a neighbor's together give more than an announcement holds.
fn too_much(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    // A drain adds a community, and ours stands in the path once, or thrice when we stand by.
    const ROOM: Counts = [COMMUNITIES - 1, COMMUNITIES, AS_PATH - 3];
    const NOUNS: [&str; 3] = ["communities", "large communities", "AS numbers"];
    let mut own = Counts::default();
    let mut last = ListRef::NONE;
    let services = view.services.iter().flat_map(|service| [service.active, service.standby]);
    let redistributed = view.bgp.redistribute.iter().flatten().map(|source| source.map);
    for map in view.routes.iter().map(|route| route.map).chain(services).chain(redistributed) {
        // Most routes have the route-map of the one before.
        if core::mem::replace(&mut last, map) != map {
            for sets in entries(view, map) {
                own.iter_mut().zip(sets.counts).for_each(|(most, count)| *most = count.max(*most));
            }
        }
    }
    let groups = view.groups.iter().map(|group| group.options);
    let neighbors = view.neighbors.iter().map(|neighbor| neighbor.options);
    for map in groups.chain(neighbors).flat_map(|options| options.map_out) {
        for (index, noun) in NOUNS.into_iter().enumerate() {
            let over = entries(view, map).any(|sets| {
                let of = |counts: &Counts| counts.get(index).copied().unwrap_or(0);
                let kept = if sets.replaces.get(index) == Some(&true) { 0 } else { of(&own) };
                of(&sets.counts).saturating_add(kept) > of(&ROOM)
            });
            if over {
                tell(Lint::TooMuch(noun), view.text(map.name));
            }
        }
    }
}

/// A path that BFD finds down sooner than this is found down by a busy host too.
const TIGHT_MS: u32 = 50;

/// Profiles that need real-time scheduling, and `strict` where it cannot be.
fn bfd(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    for rule in view.rules {
        match rule.clause {
            Clause::Bfd(BfdProfile { multiplier, receive_ms, transmit_ms, .. }) => {
                let or = |given: u32, default: u32| if given == 0 { default } else { given };
                let interval = or(receive_ms.into(), 300).min(or(transmit_ms.into(), 300));
                let detection = interval.saturating_mul(or(multiplier.into(), 3));
                if detection < TIGHT_MS {
                    tell(Lint::TightBfd(detection), view.text(rule.name));
                }
            }
            Clause::ListenRange { group, .. } => {
                let group = view.groups.get(usize::from(group));
                if let Some(group) = group.filter(|group| group.options.flags.on(PeerFlags::BFD_STRICT)) {
                    tell(Lint::StrictRange, view.text(group.name));
                }
            }
            _ => {}
        }
    }
}

/// Secondary services that announce what the primary machine announces.
fn standby(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let alone = |service: &&Service| service.role == Role::Secondary && service.standby.name.is_empty();
    for service in view.services.iter().filter(alone) {
        tell(Lint::NoStandby, view.text(service.name));
    }
}

/// Services that are announced without a community where the configuration has some: forgotten, most likely.
fn active(view: &ConfigView<'_>, tell: &mut Tell<'_>) {
    let marks = |rule: &Rule| matches!(rule.clause, Clause::SetCommunity(_) | Clause::SetLargeCommunity(_));
    if !view.rules.iter().any(marks) {
        return;
    }
    let bare = |service: &&Service| service.role == Role::Primary && service.active.name.is_empty();
    for service in view.services.iter().filter(bare) {
        // What every neighbor is told by its own route-map counts as well.
        let marked =
            |neighbor: &Neighbor| view.options(neighbor).map_out.iter().any(|&map| view.list(map).any(marks));
        if !view.neighbors.iter().all(marked) {
            tell(Lint::NoActive, view.text(service.name));
        }
    }
}

/// Whether it is an `accept` line of a `steer` block.
const fn is_accept(rule: &Rule) -> bool {
    matches!((rule.list, rule.clause), (List::Steer, Clause::Prefix { .. }))
}

const SOURCES: [RouteSource; 3] = [RouteSource::Static, RouteSource::Connected, RouteSource::Kernel];

const fn source_name(source: RouteSource, _: Family) -> &'static str {
    match source {
        RouteSource::Static => "static",
        RouteSource::Connected => "connected",
        RouteSource::Kernel => "kernel",
    }
}

/// An address as text.
struct Text {
    octets: [u8; 48],
    length: usize,
}

impl Text {
    fn of(value: &dyn core::fmt::Display) -> Self {
        let mut text = Self { octets: [0; 48], length: 0 };
        // The longest address has 46 letters.
        let _ = write!(text, "{value}");
        text
    }

    fn as_str(&self) -> &str {
        self.octets.get(..self.length).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or("")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for octet in text.bytes() {
            *self.octets.get_mut(self.length).ok_or(core::fmt::Error)? = octet;
            self.length = self.length.saturating_add(1);
        }
        Ok(())
    }
}
