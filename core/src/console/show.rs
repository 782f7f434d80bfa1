//! The renderers: views in, plain text out. Tables first, then what to do, each sentence with the name it speaks of.
//!
//! None is inlined: inlined into one function, as a console calls them, each would have its tables on the stack while another runs.

use core::fmt;

use embedded_io::Write;

use super::advice;
use super::table::{self, left, right};
use super::text::{Age, Count, Seconds, note, put};
use crate::base::net::Asn;
use crate::base::text::{Masked, Said};
use crate::base::time::{Duration, Instant};
use crate::bfd::BfdKind;
use crate::bgp::fsm::State;
use crate::config::{CheckKind, ConfigView, Owner, Printed, Role, RouteSource, StaticKind};
use crate::engine::record::EndCause;
use crate::engine::view::{
    AddressState, BfdStanding, BfdView, CheckView, PeerView, RouteView, ServiceView, SteerView, Summary,
    TableState,
};
use crate::failover::posture::Health;

/// `show summary`: the whole at a glance, every neighbor and service in one line each, and what to look at.
#[inline(never)]
pub fn summary<'a, W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    summary: &Summary<'_>,
    peers: impl Iterator<Item = PeerView<'a>> + Clone,
    services: impl Iterator<Item = ServiceView<'a>> + Clone,
) -> Result<(), W::Error> {
    let Summary { hostname, local_as, router_id, started, .. } = *summary;
    let name = Masked(if hostname.is_empty() { "holdover" } else { hostname });
    let (age, listens) =
        (Age(now.since(started)), if summary.listening { "listening" } else { "not listening" });
    put(out, format_args!("{name}: AS {local_as}, router-id {router_id}, up {age}, {listens}\n"))?;
    put(
        out,
        format_args!(
            "{} of {} established, {}, {} of {} announced\n",
            summary.established,
            Count(summary.peers.into(), "neighbor"),
            Count(summary.services.into(), "service"),
            summary.announced,
            Count(summary.routes, "route"),
        ),
    )?;
    if summary.steered > 0 {
        put(out, format_args!("{} steered\n", Count(summary.steered, "prefix")))?;
    }
    if let Some(advice) = advice::of_summary(summary) {
        note(out, format_args!("! {advice}"))?;
    }
    if peers.clone().next().is_some() {
        put(out, format_args!("\n"))?;
        neighbors(out, now, local_as, peers)?;
    }
    if services.clone().next().is_some() {
        put(out, format_args!("\n"))?;
        self::services(out, now, services)?;
    }
    Ok(())
}

/// `show neighbors`: one line each, then what to do about those that need it.
#[inline(never)]
pub fn neighbors<'a, W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    local_as: Asn,
    peers: impl Iterator<Item = PeerView<'a>> + Clone,
) -> Result<(), W::Error> {
    let columns = [
        left("Neighbor"),
        right("AS"),
        left("State"),
        right("For"),
        right("Told"),
        right("Kept"),
        left("TTL"),
        left("Description"),
    ];
    table::write(out, &columns, peers.clone(), |peer, column, f| match column {
        0 => write!(f, "{}{}", peer.address, if peer.dynamic { "*" } else { "" }),
        1 if peer.remote_as == Asn(0) => f.write_str("-"),
        1 => write!(f, "{}", peer.remote_as),
        2 => write!(f, "{}", peer.state),
        3 => write!(f, "{}", Age(now.since(peer.since))),
        4 if peer.owed == 0 => write!(f, "{}", peer.told),
        4 => write!(f, "{}, {} owed", peer.told, peer.owed),
        5 => write!(f, "{}", peer.kept),
        6 => write!(f, "{} {}", peer.ttl, advice::ttl_word(peer.ttl_because)),
        _ => write!(f, "{}", Masked(peer.description)),
    })?;
    if peers.clone().any(|peer| peer.dynamic) {
        put(out, format_args!("* came by `bgp listen range`\n"))?;
    }
    for peer in peers {
        peer_notes(out, &peer, local_as)?;
    }
    Ok(())
}

/// The sentences below the table: what to do, and how the last session or attempt ended.
fn peer_notes<W: Write + ?Sized>(out: &mut W, peer: &PeerView<'_>, local_as: Asn) -> Result<(), W::Error> {
    let name = peer.address;
    if let Some(advice) = advice::of_peer(peer, local_as) {
        note(out, format_args!("! {name}: {advice}"))?;
    }
    if peer.state == State::Established {
        return Ok(());
    }
    // What it said belongs to the later one of the two that it ended.
    let (session, attempt) = (peer.session_end, peer.last_end.filter(|_| peer.last_end != peer.session_end));
    let ended_by_it = |end: Option<EndCause>| matches!(end, Some(EndCause::NotificationReceived(..)));
    let said = |mine: bool| Said(if mine { peer.last_text } else { &[] });
    if let Some(end) = session {
        let said = said(ended_by_it(session) && !ended_by_it(attempt));
        note(out, format_args!("  {name}: the last session ended: {end}{said}"))?;
    }
    if let Some(end) = attempt {
        let said = said(ended_by_it(attempt));
        note(out, format_args!("  {name}: the last attempt failed: {end}{said}"))?;
    }
    Ok(())
}

/// `show neighbors ADDRESS`: everything about one.
#[inline(never)]
pub fn neighbor<W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    local_as: Asn,
    peer: &PeerView<'_>,
) -> Result<(), W::Error> {
    let since = Age(now.since(peer.since));
    put(out, format_args!("{}: {} for {since}\n", peer.address, peer.state))?;
    if !peer.description.is_empty() {
        put(out, format_args!("  description      {}\n", Masked(peer.description)))?;
    }
    put(out, format_args!("  AS               {}", peer.remote_as))?;
    if peer.remote_id.0 != 0 {
        put(out, format_args!(", router-id {}", peer.remote_id))?;
    }
    if !peer.group.is_empty() {
        put(out, format_args!(", peer-group {}", peer.group))?;
    }
    let origin = match (peer.dynamic, peer.passive) {
        (true, _) => ", came by `bgp listen range`",
        (false, true) => ", passive: it connects to us",
        (false, false) => "",
    };
    put(out, format_args!("{origin}\n"))?;
    if !peer.local.is_unspecified() {
        put(out, format_args!("  our end          {}\n", peer.local))?;
    }
    put(out, format_args!("  TTL              {} ({})\n", peer.ttl, advice::ttl(peer.ttl_because)))?;
    match peer.hold_time {
        0 => put(out, format_args!("  hold time        none: a silent loss is never noticed\n"))?,
        hold => put(out, format_args!("  hold time        {hold} s, keepalive {} s\n", peer.keepalive))?,
    }
    if peer.state == State::Established {
        put(out, format_args!("  families        "))?;
        for family in peer.families.iter() {
            put(out, format_args!(" {family};"))?;
        }
        let extended = if peer.extended_next_hop { "may have" } else { "may not have" };
        put(out, format_args!(" IPv4 routes {extended} IPv6 next hops\n"))?;
    }
    put(
        out,
        format_args!("  routes           told {}, owed {}, kept {}\n", peer.told, peer.owed, peer.kept),
    )?;
    put(out, format_args!("  messages         received {}, sent {}\n", peer.received, peer.sent))?;
    put(out, format_args!("  sessions         {} so far\n", peer.established))?;
    if let Some(bfd) = &peer.bfd {
        put(out, format_args!("  BFD              {}, {}", Bfd(bfd), hops(bfd)))?;
        if bfd.detection_time > Duration::ZERO {
            put(out, format_args!(", detection time {}", Millis(bfd.detection_time)))?;
        }
        put(out, format_args!("\n"))?;
    }
    peer_notes(out, peer, local_as)
}

/// `show bfd`: the BFD session of each peer that has one.
#[inline(never)]
pub fn bfd<'a, W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    summary: &Summary<'_>,
    peers: impl Iterator<Item = PeerView<'a>> + Clone,
) -> Result<(), W::Error> {
    let rows = peers.filter_map(|peer| Some((peer.address, peer.bfd?)));
    let columns = [
        left("Neighbor"),
        left("State"),
        right("For"),
        right("We send"),
        right("It sends"),
        right("Detects"),
        left("Kind"),
        right("In"),
        right("Out"),
        left("Last change"),
    ];
    table::write(out, &columns, rows.clone(), |(address, bfd), column, f| match column {
        0 => write!(f, "{address}"),
        1 => write!(f, "{}", Bfd(bfd)),
        2 => write!(f, "{}", Age(now.since(bfd.since))),
        3 => write!(f, "{} x {}", Millis(bfd.interval), bfd.timing.multiplier),
        4 | 5 if bfd.detection_time == Duration::ZERO => f.write_str("-"),
        4 => {
            let interval = Duration::from_millis(bfd.timing.receive_ms.into()).max(bfd.remote_transmit);
            write!(f, "{} x {}", Millis(interval), bfd.remote_multiplier)
        }
        5 => write!(f, "{}", Millis(bfd.detection_time)),
        6 => f.write_str(hops(bfd)),
        7 => write!(f, "{}", bfd.received),
        8 => write!(f, "{}", bfd.sent),
        _ => write!(f, "{}", bfd.diagnostic),
    })?;
    for (address, bfd) in rows {
        if bfd.standing == BfdStanding::Failed {
            note(
                out,
                format_args!("! {address}: packets can be neither sent nor received: the log says why"),
            )?;
        } else if bfd.standing == BfdStanding::Open && bfd.detection_time == Duration::ZERO {
            note(
                out,
                format_args!(
                    "! {address}: nothing was heard yet: is BFD configured there, and open in the firewall (UDP {})?",
                    bfd.kind.port()
                ),
            )?;
        }
    }
    if summary.bfd_unknown > 0 {
        put(out, format_args!("{} for no session\n", Count(summary.bfd_unknown, "packet")))?;
    }
    if summary.bfd_refused > 0 {
        let count = Count(summary.bfd_refused, "packet");
        put(out, format_args!("{count} refused: malformed, or from too far away (TTL)\n"))?;
    }
    Ok(())
}

/// A BFD session's state, where it stands on this host.
struct Bfd<'a>(&'a BfdView);

impl fmt::Display for Bfd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.standing {
            BfdStanding::Opening => f.write_str("opening"),
            BfdStanding::Failed => f.write_str("failed"),
            BfdStanding::Open | BfdStanding::Leaving => self.0.state.fmt(f),
        }
    }
}

/// A span in milliseconds, exactly.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_millis(), self.0.as_micros() % 1_000) {
            (millis, 0) => write!(f, "{millis} ms"),
            (millis, rest) => write!(f, "{millis}.{rest:03} ms"),
        }
    }
}

const fn hops(bfd: &BfdView) -> &'static str {
    match bfd.kind {
        BfdKind::SingleHop => "single hop",
        BfdKind::Multihop => "multihop",
    }
}

/// `show services`: one line each, then what to do about those that need it.
#[inline(never)]
pub fn services<'a, W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    services: impl Iterator<Item = ServiceView<'a>> + Clone,
) -> Result<(), W::Error> {
    let columns = [
        left("Service"),
        left("Role"),
        left("Posture"),
        right("For"),
        right("Here"),
        right("Checks"),
        left("Because"),
    ];
    table::write(out, &columns, services.clone(), |service, column, f| match column {
        0 => write!(f, "{}", Masked(service.name)),
        1 => f.write_str(match service.role {
            Role::Primary => "primary",
            Role::Secondary => "secondary",
        }),
        2 => write!(f, "{}", service.posture),
        3 => write!(f, "{}", Age(now.since(service.since))),
        4 => write!(f, "{}/{}", service.present, service.addresses),
        5 if service.checks == 0 => f.write_str("-"),
        5 => write!(f, "{}/{}", service.passing, service.checks),
        _ => write!(f, "{}", service.because),
    })?;
    for service in services {
        if let Some(until) = service.held_until {
            let left = Seconds(until - now);
            note(out, format_args!("! {}: damping holds it down for another {left}", Masked(service.name)))?;
        }
        if let Some(advice) = advice::of_service(&service) {
            note(out, format_args!("! {}: {advice}", Masked(service.name)))?;
        }
    }
    Ok(())
}

/// `show services`, its second part: one line for each check, none when there is none.
#[inline(never)]
pub fn checks<'a, W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    checks: impl Iterator<Item = CheckView<'a>> + Clone,
) -> Result<(), W::Error> {
    if checks.clone().next().is_none() {
        return Ok(());
    }
    let columns = [
        left("Check"),
        left("Service"),
        left("Kind"),
        left("State"),
        right("For"),
        right("Against"),
        right("Took"),
        left("Last result"),
    ];
    table::write(out, &columns, checks, |check, column, f| match column {
        0 => write!(f, "{}", Masked(check.name)),
        1 => write!(f, "{}", Masked(check.service)),
        2 => f.write_str(check_kind(check.kind)),
        3 => f.write_str(match check.health {
            Health::Unknown => "unknown",
            Health::No => "unhealthy",
            Health::Yes => "healthy",
        }),
        4 => write!(f, "{}", Age(now.since(check.since))),
        // A watch is believed at its first word.
        5 if check.kind == CheckKind::Process => f.write_str("-"),
        5 => write!(f, "{}/{}", check.streak, check.needed),
        6 => match check.last {
            Some((_, took)) if check.kind != CheckKind::Process => write!(f, "{}", Seconds(took)),
            _ => f.write_str("-"),
        },
        _ => match check.last {
            None => f.write_str("none yet"),
            Some((Ok(()), _)) => f.write_str("passed"),
            Some((Err(why), _)) => write!(f, "{why}"),
        },
    })
}

/// A kind of check as it is written.
pub const fn check_kind(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::None => "-",
        CheckKind::Http => "http",
        CheckKind::Tcp => "tcp",
        CheckKind::Icmp => "icmp",
        CheckKind::Exec => "exec",
        CheckKind::Process => "process",
        CheckKind::File => "file",
    }
}

/// `show routes`: what may be announced, each with the name of the link its address is on; none when it is not known.
#[inline(never)]
pub fn routes<'a, W: Write + ?Sized>(
    out: &mut W,
    routes: impl Iterator<Item = (RouteView<'a>, &'a str)> + Clone,
) -> Result<(), W::Error> {
    let columns = [left("Prefix"), left("Announced"), left("Address"), left("From")];
    table::write(out, &columns, routes.clone(), |(route, link), column, f| match column {
        0 => write!(f, "{}", route.prefix),
        1 => match (route.announced, route.told) {
            (false, 0) => f.write_str("no"),
            (false, told) => write!(f, "no, {} to be told", Count(told.into(), "neighbor")),
            (true, 0) => f.write_str("to nobody yet"),
            (true, told) => write!(f, "to {}", Count(told.into(), "neighbor")),
        },
        2 => match (route.address, route.link) {
            (None, _) => f.write_str("-"),
            (Some(state), Some(_)) if is_here(state) && !link.is_empty() => {
                write!(f, "{} on {link}", address(state))
            }
            (Some(state), Some(id)) if is_here(state) => write!(f, "{} on link {}", address(state), id.0),
            (Some(state), _) => f.write_str(address(state)),
        },
        _ => from(route, f),
    })?;
    for (route, _) in routes {
        if let Some((peer, why)) = route.held_back {
            note(out, format_args!("! {}: not announced to neighbor {peer}: {why}", route.prefix))?;
        }
        if route.table == TableState::Waits {
            note(
                out,
                format_args!(
                    "! {}: the host's table does not have it: the log says why; it is tried again",
                    route.prefix
                ),
            )?;
        }
        let why = match route.address {
            Some(AddressState::Failed) => {
                "it cannot be bound: the log says why; it is tried again every 5 seconds"
            }
            Some(AddressState::Paused) => {
                "somebody removes it again and again: it is put back after a pause of up to a minute; find and stop \
                 whatever removes it"
            }
            Some(AddressState::NoLink) => {
                "its interface does not exist: it is bound as soon as the interface does"
            }
            _ => continue,
        };
        note(out, format_args!("! {}: {why}", route.prefix))?;
    }
    Ok(())
}

const fn is_here(state: AddressState) -> bool {
    matches!(state, AddressState::Bound | AddressState::Adopted)
}

const fn address(state: AddressState) -> &'static str {
    match state {
        AddressState::Absent => "not here",
        AddressState::Binding => "being bound",
        AddressState::Bound => "bound",
        AddressState::Adopted => "adopted",
        AddressState::Unbinding => "being unbound",
        AddressState::Failed => "not bound",
        AddressState::Paused => "removed too often",
        AddressState::NoLink => "waits for its interface",
    }
}

/// Who says that a route exists.
fn from(route: &RouteView<'_>, f: &mut dyn fmt::Write) -> fmt::Result {
    match (route.source, route.owner) {
        (Some(RouteSource::Static), _) => f.write_str("redistribute static"),
        (Some(RouteSource::Connected), _) => f.write_str("redistribute connected"),
        (Some(RouteSource::Kernel), _) => f.write_str("redistribute kernel"),
        (None, Owner::Service(_)) => write!(f, "failover {}", route.service),
        (None, Owner::Network) => f.write_str("network"),
        (None, Owner::Static(StaticKind::Blackhole)) => f.write_str("ip route, blackhole"),
        (None, Owner::Static(StaticKind::Reject)) => f.write_str("ip route, reject"),
        (None, Owner::Static(StaticKind::Gateway)) => f.write_str("ip route, gateway"),
        (None, Owner::Interface) => f.write_str("interface"),
        (None, Owner::None) => f.write_str("-"),
    }
}

/// `show steer`: the prefixes that are kept, and where they go.
#[inline(never)]
pub fn steered<W: Write + ?Sized>(
    out: &mut W,
    prefixes: impl Iterator<Item = SteerView> + Clone,
) -> Result<(), W::Error> {
    let columns = [
        left("Prefix"),
        left("Next hop"),
        left("From"),
        left("Installed"),
        right("Shared by"),
        right("Offered by"),
    ];
    table::write(out, &columns, prefixes, |prefix, column, f| match column {
        0 => write!(f, "{}", prefix.prefix),
        1 if prefix.next_hop.is_unspecified() => f.write_str("-"),
        1 => write!(f, "{}", prefix.next_hop),
        2 if prefix.peer.is_unspecified() => f.write_str("-"),
        2 => write!(f, "{}", prefix.peer),
        3 => f.write_str(match prefix.table {
            TableState::None => "no",
            TableState::Ordered => "ordered",
            TableState::Installed => "yes",
            TableState::Waits => "no, tried again",
        }),
        4 => write!(f, "{}", prefix.shares),
        _ => write!(f, "{}", prefix.candidates),
    })
}

/// `show running-config`: the configuration as it would be written, its passwords hidden.
#[inline(never)]
pub fn running_config<W: Write + ?Sized>(out: &mut W, view: ConfigView<'_>) -> Result<(), W::Error> {
    put(out, format_args!("{:#}", Printed(view)))
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::*;
    use crate::base::net::{BgpId, Families, Family, Prefix};
    use crate::base::time::Duration;
    use crate::bfd::session::Timing;
    use crate::engine::record::NoNextHop;
    use crate::engine::view::{Hint, TtlBecause};
    use crate::engine::{LinkId, PeerId, ServiceId};
    use crate::failover::posture::{Because, Posture, Wish};
    use crate::failover::probe::ProbeFailure;
    use crate::wire::bfd as wire;
    use std::string::String;

    const NOW: Instant = Instant::from_micros(200_000_000_000);

    fn ago(seconds: u64) -> Instant {
        Instant::from_micros(NOW.as_micros() - Duration::from_secs(seconds).as_micros())
    }

    fn peer(last: u8) -> PeerView<'static> {
        PeerView {
            id: PeerId(0),
            address: std::format!("2600:3c0f:4:34::{last}").parse().unwrap(),
            description: "",
            group: "RS",
            remote_as: Asn(63_949),
            remote_id: BgpId(0xCB00_7101),
            state: State::Established,
            since: ago(727),
            local: "2600:3c0f:4:34::101".parse().unwrap(),
            dynamic: false,
            passive: false,
            hold_time: 9,
            keepalive: 3,
            ttl: 1,
            ttl_because: TtlBecause::Connected,
            families: Families::NONE.with(Family::Ipv4),
            extended_next_hop: true,
            received: 245,
            sent: 246,
            told: 1,
            owed: 0,
            kept: 0,
            established: 1,
            last_end: None,
            session_end: None,
            last_text: b"",
            hint: Hint::None,
            bfd: None,
        }
    }

    fn down(last: u8) -> PeerView<'static> {
        PeerView {
            remote_as: Asn(0),
            remote_id: BgpId(0),
            state: State::Active,
            since: ago(90_000),
            told: 0,
            established: 0,
            hint: Hint::NotAccepted,
            ..peer(last)
        }
    }

    fn service(name: &'static str) -> ServiceView<'static> {
        ServiceView {
            id: ServiceId(0),
            name,
            role: Role::Primary,
            posture: Posture::Active,
            because: Because::Primary,
            since: ago(727),
            wish: Wish::None,
            held_until: None,
            addresses: 2,
            present: 2,
            checks: 0,
            passing: 0,
        }
    }

    /// What it says, wherever the lines break.
    fn words(text: &str) -> String {
        text.split_whitespace().collect::<std::vec::Vec<_>>().join(" ")
    }

    fn wide(render: impl FnOnce(&mut Text<'_>)) -> String {
        let mut text = String::new();
        render(&mut Text(&mut text));
        std::println!("{text}");
        for line in text.lines() {
            assert_eq!(line.trim_end(), line, "a line ends in blanks");
        }
        text
    }

    fn rendered(render: impl FnOnce(&mut Text<'_>)) -> String {
        let text = wide(render);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        text
    }

    #[test]
    fn the_summary_of_a_healthy_node_fits_a_small_terminal_and_asks_for_nothing() {
        let view = Summary {
            hostname: "web1",
            local_as: Asn(65_000),
            router_id: BgpId(0x0A00_0005),
            started: ago(93_600),
            peers: 2,
            established: 2,
            services: 1,
            routes: 1,
            announced: 1,
            steered: 0,
            stale_inputs: 0,
            bfd_unknown: 0,
            bfd_refused: 0,
            listening: false,
            configuring: false,
            stopping: false,
        };
        let text = rendered(|out| {
            summary(out, NOW, &view, [peer(1), peer(2)].into_iter(), [service("web")].into_iter()).unwrap();
        });
        assert_eq!(
            text,
            "\
web1: AS 65000, router-id 10.0.0.5, up 1d02h, not listening
2 of 2 neighbors established, 1 service, 1 of 1 route announced

Neighbor              AS  State             For  Told  Kept  TTL          Description
2600:3c0f:4:34::1  63949  Established  00:12:07     1     0  1 connected
2600:3c0f:4:34::2  63949  Established  00:12:07     1     0  1 connected

Service  Role     Posture       For  Here  Checks  Because
web      primary  active   00:12:07   2/2       -  its role is primary
"
        );
        assert!(text.lines().all(|line| line.len() <= 90) && !text.contains('!'));
    }

    #[test]
    fn a_route_server_that_does_not_answer_is_explained_below_the_table() {
        let text = rendered(|out| neighbors(out, NOW, Asn(65_000), [peer(1), down(2)].into_iter()).unwrap());
        assert!(
            text.contains("2600:3c0f:4:34::2      -  Active          1d01h     0     0  1 connected\n"),
            "{text}"
        );
        assert!(words(&text).contains("! 2600:3c0f:4:34::2: it closes our connection: at some providers"));
        assert!(!text.contains("! 2600:3c0f:4:34::1"));
    }

    #[test]
    fn how_the_last_session_ended_is_told_until_the_next_one_is_up() {
        let ended = PeerView {
            established: 3,
            last_end: Some(EndCause::NotificationReceived(6, 2)),
            session_end: Some(EndCause::NotificationReceived(6, 2)),
            last_text: b"maintenance\x1b[31m until 4",
            ..down(1)
        };
        let text = rendered(|out| neighbors(out, NOW, Asn(65_000), [ended].into_iter()).unwrap());
        let told = "the last session ended: the peer sent 6/2 Administrative Shutdown; it says: \"maintenance?[31m until 4\"";
        assert!(words(&text).contains(told), "{text}");
        let back = PeerView { state: State::Established, hint: Hint::None, ..ended };
        let text = rendered(|out| neighbors(out, NOW, Asn(65_000), [back].into_iter()).unwrap());
        assert!(!text.contains("ended"));
    }

    #[test]
    fn a_failed_attempt_does_not_hide_how_the_session_ended() {
        let why = EndCause::NotificationReceived(6, 2);
        let refused = EndCause::Connection(crate::engine::IoError::Refused);
        let peer = PeerView {
            established: 1,
            last_end: Some(refused),
            session_end: Some(why),
            last_text: "größere Arbeiten\u{202e}, NET-4711".as_bytes(),
            hint: Hint::Refused,
            ..down(1)
        };
        let text = words(&rendered(|out| neighbors(out, NOW, Asn(65_000), [peer].into_iter()).unwrap()));
        let session = "the last session ended: the peer sent 6/2 Administrative Shutdown; it says: \"größere Arbeiten?, NET-4711\"";
        assert!(
            text.contains(session) && text.ends_with("the last attempt failed: connection refused"),
            "{text}"
        );
        let rejected = PeerView { last_end: Some(EndCause::NotificationReceived(6, 5)), ..peer };
        let text = words(&rendered(|out| neighbors(out, NOW, Asn(65_000), [rejected].into_iter()).unwrap()));
        assert!(!text.contains("Shutdown; it says"), "the text is the attempt's: {text}");
    }

    #[test]
    fn who_ended_it_is_who_is_said_to_have_ended_it() {
        let told = |last_end| {
            let peer = PeerView { hint: Hint::BackingOff, last_end, ..down(1) };
            words(&rendered(|out| neighbors(out, NOW, Asn(65_000), [peer].into_iter()).unwrap()))
        };
        assert!(told(Some(EndCause::NotificationReceived(6, 2))).contains(": it ended the last session"));
        assert!(told(Some(EndCause::NotificationSent(4, 0))).contains(": we ended the last session"));
        assert!(
            told(Some(EndCause::Connection(crate::engine::IoError::None)))
                .contains(": its last sessions were short")
        );
    }

    #[test]
    fn every_hint_has_a_sentence_and_none_has_none() {
        for hint in [
            Hint::NotAccepted,
            Hint::Refused,
            Hint::NoAnswer,
            Hint::NoWay,
            Hint::LinkDown,
            Hint::NotConnected,
            Hint::CheckRemoteAs,
            Hint::CheckPasswordAndTtl,
            Hint::BackingOff,
            Hint::Shutdown,
            Hint::NoLocalAddress,
            Hint::WaitsForBfd,
        ] {
            assert!(advice::of_peer(&PeerView { hint, ..down(1) }, Asn(1)).is_some());
        }
        assert!(advice::of_peer(&peer(1), Asn(1)).is_none());
        let silent = PeerView { families: Families::NONE, ..peer(1) };
        assert!(advice::of_peer(&silent, Asn(1)).is_some());
    }

    #[test]
    fn a_dynamic_neighbor_is_marked() {
        let text = rendered(|out| {
            neighbors(out, NOW, Asn(1), [PeerView { dynamic: true, ..peer(1) }].into_iter()).unwrap();
        });
        assert!(text.contains("2600:3c0f:4:34::1*") && text.contains("* came by `bgp listen range`"));
    }

    #[test]
    fn one_neighbor_is_told_whole() {
        let text = rendered(|out| {
            neighbor(out, NOW, Asn(65_000), &PeerView { description: "first", ..peer(1) }).unwrap();
        });
        for part in [
            "2600:3c0f:4:34::1: Established for 00:12:07",
            "first",
            "63949, router-id 203.0.113.1, peer-group RS",
            "our end          2600:3c0f:4:34::101",
            "1 (it is on a connected subnet)",
            "9 s, keepalive 3 s",
            "ipv4 unicast; IPv4 routes may have IPv6 next hops",
            "received 245, sent 246",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    fn bfd_view() -> BfdView {
        BfdView {
            standing: BfdStanding::Open,
            kind: BfdKind::SingleHop,
            local: "2600:3c0f:4:34::101".parse().unwrap(),
            min_ttl: 255,
            state: wire::State::Up,
            since: ago(727),
            diagnostic: wire::Diagnostic::None,
            remote_state: wire::State::Up,
            remote_diagnostic: wire::Diagnostic::None,
            local_discriminator: 1,
            remote_discriminator: 2,
            timing: Timing { multiplier: 3, transmit_ms: 50, receive_ms: 50 },
            interval: Duration::from_millis(50),
            remote_transmit: Duration::from_micros(33_333),
            remote_receive: Duration::from_millis(50),
            remote_multiplier: 5,
            detection_time: Duration::from_millis(250),
            received: 16_000,
            sent: 16_500,
        }
    }

    #[test]
    fn bfd_says_what_was_agreed_and_what_is_wrong() {
        let fast = PeerView { bfd: Some(bfd_view()), ..peer(1) };
        let silent = BfdView {
            state: wire::State::Down,
            interval: Duration::from_secs(1),
            detection_time: Duration::ZERO,
            remote_multiplier: 0,
            diagnostic: wire::Diagnostic::DetectionTimeExpired,
            ..bfd_view()
        };
        let failed = BfdView { standing: BfdStanding::Failed, kind: BfdKind::Multihop, ..silent };
        let rows = [
            fast,
            PeerView { bfd: Some(silent), ..peer(2) },
            peer(3),
            PeerView { bfd: Some(failed), ..peer(4) },
        ];
        let view = Summary { bfd_unknown: 2, bfd_refused: 1, ..empty_summary() };
        let text = wide(|out| bfd(out, NOW, &view, rows.into_iter()).unwrap());
        let cells = |row: usize| words(text.lines().nth(row).unwrap());
        assert_eq!(
            cells(1),
            "2600:3c0f:4:34::1 Up 00:12:07 50 ms x 3 50 ms x 5 250 ms single hop 16000 16500 no diagnostic"
        );
        assert!(
            cells(2).contains("Down 00:12:07 1000 ms x 3 - - single hop")
                && cells(2).ends_with("time expired")
        );
        assert!(cells(3).contains("::4 failed") && !text.contains("::3 "));
        assert!(words(&text).contains("! 2600:3c0f:4:34::2: nothing was heard yet: is BFD configured there, and open in the firewall (UDP 3784)?"));
        assert!(text.contains("! 2600:3c0f:4:34::4: packets can be neither"));
        assert!(text.contains("2 packets for no session\n1 packet refused"));
        let one = rendered(|out| neighbor(out, NOW, Asn(65_000), &fast).unwrap());
        assert!(one.contains("  BFD              Up, single hop, detection time 250 ms\n"));
    }

    #[test]
    fn a_service_that_announces_nothing_says_what_to_do() {
        let broken = ServiceView {
            posture: Posture::Withdrawn,
            because: Because::Unhealthy,
            checks: 2,
            passing: 1,
            ..service("web")
        };
        let drained = ServiceView {
            posture: Posture::Withdrawn,
            because: Because::Drained,
            wish: Wish::Drain,
            role: Role::Secondary,
            ..service("database")
        };
        let text = rendered(|out| services(out, NOW, [broken, drained, service("dns")].into_iter()).unwrap());
        assert!(
            text.contains("web       primary    withdrawn  00:12:07   2/2     1/2  its checks fail\n"),
            "{text}"
        );
        assert!(text.contains("! web: its checks fail: the log says which"));
        assert!(text.contains("! database: an operator took it out: `undrain` brings it back"));
        assert!(!text.contains("! dns"));
        let all = ServiceView { wish: Wish::None, ..drained };
        let text = rendered(|out| services(out, NOW, [all].into_iter()).unwrap());
        assert!(text.contains("! database: `bgp graceful-shutdown` drains everything"), "{text}");
    }

    #[test]
    fn checks_say_how_they_are_since_when_and_what_they_found_last() {
        let check = CheckView {
            service: "web",
            name: "up",
            kind: CheckKind::Http,
            health: Health::Yes,
            since: ago(61),
            last: Some((Err(ProbeFailure::BadStatus(503)), Duration::from_micros(1_240))),
            streak: 2,
            needed: 3,
        };
        let watch = CheckView {
            name: "unit",
            kind: CheckKind::Process,
            health: Health::No,
            last: Some((Err(ProbeFailure::Missing), Duration::ZERO)),
            ..check
        };
        let new =
            CheckView { name: "new", health: Health::Unknown, last: None, streak: 0, needed: 2, ..check };
        let text = rendered(|out| checks(out, NOW, [check, watch, new].into_iter()).unwrap());
        assert_eq!(
            text,
            "\
Check  Service  Kind     State           For  Against    Took  Last result
up     web      http     healthy    00:01:01      2/3  1.2 ms  HTTP status 503
unit   web      process  unhealthy  00:01:01        -       -  not there
new    web      http     unknown    00:01:01      0/2       -  none yet
"
        );
        assert_eq!(rendered(|out| checks(out, NOW, core::iter::empty()).unwrap()), "");
    }

    #[test]
    fn a_damped_service_says_how_long_it_is_held_down() {
        let held = ServiceView {
            posture: Posture::Standby,
            because: Because::Damped,
            held_until: Some(NOW + Duration::from_millis(2_310)),
            ..service("web")
        };
        let text = rendered(|out| services(out, NOW, [held].into_iter()).unwrap());
        assert!(text.contains("it failed too often and is held down\n"), "{text}");
        assert!(text.contains("! web: damping holds it down for another 2.3 s\n"), "{text}");
    }

    #[test]
    fn routes_say_whether_they_are_announced_and_where_they_come_from() {
        let prefix = |text: &str| Prefix::host(text.parse().unwrap());
        let route = RouteView {
            prefix: prefix("192.0.2.10"),
            owner: Owner::Service(0),
            source: None,
            service: "web",
            address: Some(AddressState::Bound),
            link: Some(LinkId(1)),
            announced: true,
            told: 4,
            held_back: None,
            table: TableState::None,
        };
        let text = rendered(|out| {
            let given_up = RouteView {
                prefix: prefix("192.0.2.11"),
                address: Some(AddressState::Paused),
                announced: false,
                told: 1,
                ..route
            };
            let kernel = RouteView {
                prefix: prefix("198.51.100.7"),
                owner: Owner::None,
                source: Some(RouteSource::Kernel),
                address: None,
                told: 0,
                held_back: Some(("10.0.0.9".parse().unwrap(), NoNextHop::NoAddress)),
                ..route
            };
            routes(out, [(route, "lo"), (given_up, "lo"), (kernel, "")].into_iter()).unwrap();
        });
        let rows: std::vec::Vec<_> = text.lines().skip(1).collect();
        let cells = |row: &str| {
            let cells = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            cells.collect::<std::vec::Vec<_>>().join("|")
        };
        assert_eq!(cells(rows[0]), "192.0.2.10/32|to 4 neighbors|bound on lo|failover web");
        assert_eq!(cells(rows[1]), "192.0.2.11/32|no, 1 neighbor to be told|removed too often|failover web");
        assert_eq!(cells(rows[2]), "198.51.100.7/32|to nobody yet|-|redistribute kernel");
        assert!(rows[3].starts_with("! 192.0.2.11/32: somebody removes it again and again"));
        assert!(
            text.contains(
                "! 198.51.100.7/32: not announced to neighbor 10.0.0.9: the interface to it has no"
            )
        );
    }

    #[test]
    fn steered_prefixes_say_where_they_go() {
        let view = SteerView {
            prefix: Prefix::host("192.0.2.10".parse().unwrap()),
            next_hop: "2600:3c0f:4:34::101".parse().unwrap(),
            peer: "2600:3c0f:4:34::101".parse().unwrap(),
            table: TableState::Installed,
            shares: 1,
            candidates: 2,
        };
        let text = rendered(|out| steered(out, [view].into_iter()).unwrap());
        assert!(text.lines().nth(1).unwrap().starts_with("192.0.2.10/32  2600:3c0f:4:34::101  2600:3c0f"));
    }

    fn empty_summary() -> Summary<'static> {
        Summary {
            hostname: "",
            local_as: Asn(0),
            router_id: BgpId(0),
            started: NOW,
            peers: 0,
            established: 0,
            services: 0,
            routes: 0,
            announced: 0,
            steered: 0,
            stale_inputs: 0,
            bfd_unknown: 0,
            bfd_refused: 0,
            listening: true,
            configuring: true,
            stopping: true,
        }
    }

    #[test]
    fn the_gravest_thing_is_said_first() {
        let mut view = empty_summary();
        let mut said = std::vec![];
        let steps: [fn(&mut Summary<'_>); 7] = [
            |_| {},
            |view| view.stopping = false,
            |view| view.local_as = Asn(1),
            |view| view.router_id = BgpId(1),
            |view| view.configuring = false,
            |view| view.peers = 1,
            |view| view.routes = 1,
        ];
        for step in steps {
            step(&mut view);
            said.push(advice::of_summary(&view));
        }
        assert_eq!(said.iter().flatten().collect::<std::collections::BTreeSet<_>>().len(), 6);
        assert_eq!(said[6], None);
    }

    /// A serial line that takes three octets at a time, and breaks after `room` of them.
    struct Serial {
        taken: std::vec::Vec<u8>,
        room: usize,
    }

    impl embedded_io::ErrorType for Serial {
        type Error = embedded_io::ErrorKind;
    }

    impl Write for Serial {
        fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
            let taken = octets.len().min(3);
            if self.taken.len() + taken > self.room {
                return Err(embedded_io::ErrorKind::BrokenPipe);
            }
            self.taken.extend_from_slice(&octets[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    #[test]
    fn the_running_configuration_goes_out_on_a_serial_line_whole_and_without_passwords() {
        let text = "router bgp 65000\n neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 password s3cret\nexit\n";
        let mut config = std::boxed::Box::<crate::config::Config<2, 2>>::default();
        crate::config::parse(text, &crate::config::Platform::ALL, &mut config, &mut |_| {}).unwrap();
        let mut serial = Serial { taken: std::vec::Vec::new(), room: usize::MAX };
        running_config(&mut serial, config.view()).unwrap();
        let shown = String::from_utf8(serial.taken).unwrap();
        assert_eq!(shown, std::format!("{:#}", Printed(config.view())));
        assert!(shown.contains("neighbor 10.0.0.2 password") && !shown.contains("s3cret"), "{shown}");
        let mut broken = Serial { taken: std::vec::Vec::new(), room: 10 };
        assert_eq!(running_config(&mut broken, config.view()), Err(embedded_io::ErrorKind::BrokenPipe));
    }
}
