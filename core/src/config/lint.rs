//! The silent faults that a configuration as a whole can have. Those of a single line are told while it is read:
//! host bits, graceful restart, placeholders, statements before their `peer-group` line, timers.

use core::fmt::Write;
use core::net::IpAddr;

use super::error::{Diagnostic, ErrorKind, Expected, Hint, Lint};
use super::model::{
    BfdProfile, Clause, ConfigView, List, ListRef, Neighbor, Owner, PeerFlags, Role, RouteSource, Rule,
    Service,
};
use crate::base::net::{Asn, BgpId, Family};

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
        return count;
    }
    session(&view, &mut tell);
    router_id(&view, &mut tell);
    families(&view, &mut tell);
    neighbors(&view, &mut tell);
    announcements(&view, &mut tell);
    standby(&view, &mut tell);
    bfd(&view, &mut tell);
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
