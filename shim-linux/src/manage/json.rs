//! The engine's state as JSON: lower-case names with underscores, numbers as numbers, what is not there as null.

use holdover_core::base::text::Masked;
use holdover_core::base::time::Instant;
use holdover_core::bfd::BfdKind;
use holdover_core::config::{Owner, RouteSource};
use holdover_core::console::show::check_kind;
use holdover_core::engine::Wish;
use holdover_core::engine::view::{
    AddressState, BfdStanding, BfdView, CheckView, Hint, PeerView, RouteView, ServiceView, SteerView,
    Summary, TableState, TtlBecause,
};
use holdover_core::failover::posture::Health;
use serde_json::{Value, json};

use super::Aside;
use super::log::timestamp;
use super::wishes::{self, Entry};
use crate::snapshot::RouteRow;

/// `show summary`.
pub(super) fn summary(view: &Summary<'_>, now: Instant, aside: &Aside) -> Value {
    json!({
        "version": 1,
        "summary": {
            "hostname": view.hostname,
            "local_as": view.local_as.0,
            "router_id": view.router_id.to_string(),
            "uptime_seconds": now.since(view.started).as_secs(),
            "neighbors": view.peers,
            "established": view.established,
            "services": view.services,
            "routes": view.routes,
            "announced": view.announced,
            "steered": view.steered,
            "stale_inputs": view.stale_inputs,
            "listening": view.listening,
            "configuring": view.configuring,
            "stopping": view.stopping,
            "config_error": aside.refused,
            "engine_silent_seconds": aside.silent_seconds,
        }
    })
}

/// One neighbor.
pub(super) fn neighbor(view: &PeerView<'_>, now: Instant) -> Value {
    let families: Vec<_> = view.families.iter().map(|family| family.to_string().replace(' ', "_")).collect();
    json!({
        "address": view.address.to_string(),
        "description": text(view.description),
        "peer_group": text(view.group),
        "remote_as": view.remote_as.0,
        "remote_id": view.remote_id.to_string(),
        "state": view.state.to_string(),
        "uptime_seconds": now.since(view.since).as_secs(),
        "local": (!view.local.is_unspecified()).then(|| view.local.to_string()),
        "dynamic": view.dynamic,
        "passive": view.passive,
        "hold_time": view.hold_time,
        "keepalive": view.keepalive,
        "ttl": view.ttl,
        "ttl_because": ttl_because(view.ttl_because),
        "families": families,
        "extended_next_hop": view.extended_next_hop,
        "messages_received": view.received,
        "messages_sent": view.sent,
        "routes_told": view.told,
        "routes_owed": view.owed,
        "routes_kept": view.kept,
        "times_established": view.established,
        "last_end": view.last_end.map(|end| end.to_string()),
        "last_session_end": view.session_end.map(|end| end.to_string()),
        "last_text": text(&Masked(&String::from_utf8_lossy(view.last_text)).to_string()),
        "hint": hint(view.hint),
        "bfd": view.bfd.as_ref().map(|bfd| session(bfd, now)),
    })
}

/// The BFD sessions, and what came for none of them.
pub(super) fn bfd<'a>(
    summary: &Summary<'_>,
    peers: impl Iterator<Item = PeerView<'a>>,
    now: Instant,
) -> Value {
    let rows: Vec<_> = peers
        .filter_map(|peer| {
            let mut row = session(peer.bfd.as_ref()?, now);
            row["neighbor"] = json!(peer.address.to_string());
            Some(row)
        })
        .collect();
    json!({
        "version": 1,
        "bfd": rows,
        "packets_unknown": summary.bfd_unknown,
        "packets_refused": summary.bfd_refused,
    })
}

/// One BFD session.
fn session(view: &BfdView, now: Instant) -> Value {
    json!({
        "state": view.state.to_string(),
        "standing": match view.standing {
            BfdStanding::Opening => "opening",
            BfdStanding::Open => "open",
            BfdStanding::Failed => "failed",
            BfdStanding::Leaving => "leaving",
        },
        "uptime_seconds": now.since(view.since).as_secs(),
        "kind": match view.kind {
            BfdKind::SingleHop => "single_hop",
            BfdKind::Multihop => "multihop",
        },
        "local": view.local.to_string(),
        "minimum_ttl": view.min_ttl,
        "diagnostic": view.diagnostic.to_string(),
        "remote_state": view.remote_state.to_string(),
        "remote_diagnostic": view.remote_diagnostic.to_string(),
        "local_discriminator": view.local_discriminator,
        "remote_discriminator": view.remote_discriminator,
        "multiplier": view.timing.multiplier,
        "transmit_interval_us": view.interval.as_micros(),
        "receive_interval_us": u32::from(view.timing.receive_ms) * 1_000,
        "remote_multiplier": view.remote_multiplier,
        "remote_transmit_interval_us": view.remote_transmit.as_micros(),
        "remote_receive_interval_us": view.remote_receive.as_micros(),
        "detection_time_us": view.detection_time.as_micros(),
        "packets_received": view.received,
        "packets_sent": view.sent,
    })
}

/// One service, and who wants something of it.
pub(super) fn service(view: &ServiceView<'_>, now: Instant, entry: Option<&Entry>) -> Value {
    let held = view.held_until.map(|until| until.since(now).as_millis());
    json!({
        "name": view.name,
        "role": format!("{:?}", view.role).to_lowercase(),
        "posture": view.posture.to_string(),
        "because": view.because.to_string(),
        "since_seconds": now.since(view.since).as_secs(),
        "drained": view.wish == Wish::Drain,
        "wish": (view.wish != Wish::None).then(|| wishes::word(view.wish)),
        "wish_user": entry.map(|entry| &*entry.user),
        "wish_process": entry.and_then(|entry| entry.process),
        "wish_since": entry.map(|entry| timestamp(entry.since)),
        "wish_persists": entry.is_some_and(|entry| entry.persists),
        "held_milliseconds": held,
        "addresses": view.addresses,
        "present": view.present,
        "checks": view.checks,
        "passing": view.passing,
    })
}

/// One check.
pub(super) fn check(view: &CheckView<'_>, now: Instant) -> Value {
    let reason = view.last.and_then(|(finding, _)| finding.err()).map(|why| why.to_string());
    json!({
        "service": view.service,
        "name": view.name,
        "kind": check_kind(view.kind),
        "state": match view.health {
            Health::Unknown => "unknown",
            Health::No => "unhealthy",
            Health::Yes => "healthy",
        },
        "since_seconds": now.since(view.since).as_secs(),
        "last_passed": view.last.map(|(finding, _)| finding.is_ok()),
        "last_reason": reason,
        "last_microseconds": view.last.map(|(_, took)| took.as_micros()),
        "against": view.streak,
        "needed": view.needed,
    })
}

/// One route.
pub(super) fn route(row: &RouteRow) -> Value {
    let view = row.view();
    json!({
        "prefix": view.prefix.to_string(),
        "owner": owner(&view),
        "service": text(view.service),
        "address": view.address.map(address),
        "link": text(row.link_name.as_str()),
        "announced": view.announced,
        "told": view.told,
        "held_back": view.held_back.map(|(neighbor, why)| {
            json!({ "neighbor": neighbor.to_string(), "reason": why.to_string() })
        }),
        "table": table(view.table),
    })
}

/// One prefix that `steer` keeps.
pub(super) fn steered(view: &SteerView) -> Value {
    json!({
        "prefix": view.prefix.to_string(),
        "next_hop": (!view.next_hop.is_unspecified()).then(|| view.next_hop.to_string()),
        "neighbor": (!view.peer.is_unspecified()).then(|| view.peer.to_string()),
        "table": table(view.table),
        "shares": view.shares,
        "candidates": view.candidates,
    })
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn owner(view: &RouteView<'_>) -> &'static str {
    match (view.owner, view.source) {
        (Owner::Service(_), _) => "failover",
        (Owner::Network, _) => "network",
        (Owner::Interface, _) => "interface",
        (Owner::Static(_), _) | (Owner::None, Some(RouteSource::Static)) => "static",
        (Owner::None, Some(RouteSource::Connected)) => "connected",
        (Owner::None, Some(RouteSource::Kernel)) => "kernel",
        (Owner::None, None) => "none",
    }
}

fn address(state: AddressState) -> &'static str {
    match state {
        AddressState::Absent => "absent",
        AddressState::Binding => "binding",
        AddressState::Bound => "bound",
        AddressState::Adopted => "adopted",
        AddressState::Unbinding => "unbinding",
        AddressState::Failed => "failed",
        AddressState::Paused => "paused",
        AddressState::NoLink => "no_link",
    }
}

fn table(state: TableState) -> Option<&'static str> {
    match state {
        TableState::None => None,
        TableState::Ordered => Some("ordered"),
        TableState::Installed => Some("installed"),
        TableState::Waits => Some("waits"),
    }
}

fn ttl_because(because: TtlBecause) -> &'static str {
    match because {
        TtlBecause::Connected => "connected",
        TtlBecause::NotConnected => "not_connected",
        TtlBecause::Unchecked => "disable_connected_check",
        TtlBecause::Multihop => "ebgp_multihop",
        TtlBecause::Security => "ttl_security",
        TtlBecause::Internal => "internal",
    }
}

fn hint(hint: Hint) -> Option<&'static str> {
    match hint {
        Hint::None => None,
        Hint::NotAccepted => Some("not_accepted"),
        Hint::Refused => Some("refused"),
        Hint::NoAnswer => Some("no_answer"),
        Hint::NoWay => Some("no_way"),
        Hint::LinkDown => Some("link_down"),
        Hint::NotConnected => Some("not_connected"),
        Hint::CheckRemoteAs => Some("check_remote_as"),
        Hint::CheckPasswordAndTtl => Some("check_password_and_ttl"),
        Hint::BackingOff => Some("backing_off"),
        Hint::Shutdown => Some("shutdown"),
        Hint::NoLocalAddress => Some("no_local_address"),
        Hint::WaitsForBfd => Some("waits_for_bfd"),
    }
}
