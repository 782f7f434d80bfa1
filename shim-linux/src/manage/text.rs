//! The engine's state as a person reads it.

use std::fmt::Write as _;

use holdover_core::base::time::Instant;
use holdover_core::config::{Owner, RouteSource};
use holdover_core::engine::view::{
    AddressState, Hint, PeerView, RouteView, ServiceView, SteerView, Summary, TtlBecause,
};

use super::Aside;
use crate::snapshot::RouteRow;

// Writing to a String cannot fail, so the results of `write!` below say nothing.

/// What to say first when the engine does not answer.
pub(super) fn silence(aside: &Aside) -> String {
    aside.silent_seconds.map_or_else(String::new, |seconds| {
        format!("THE ENGINE HAS BEEN SILENT FOR {seconds:.1} s: this is how it was before.\n")
    })
}

/// `show summary`.
pub(super) fn summary(view: &Summary<'_>, now: Instant, aside: &Aside) -> String {
    let mut out = silence(aside);
    let name = if view.hostname.is_empty() { "holdover" } else { view.hostname };
    let uptime = duration(now.since(view.started).as_secs());
    let _ = writeln!(out, "{name}: AS {}, router-id {}, up {uptime}", view.local_as, view.router_id);
    let _ = writeln!(
        out,
        "neighbors: {} of {} established; services: {}; routes: {} of {} announced",
        view.established, view.peers, view.services, view.announced, view.routes
    );
    if view.steered > 0 {
        let _ = writeln!(out, "prefixes steered: {}", view.steered);
    }
    let _ = writeln!(out, "listening for BGP: {}", if view.listening { "yes" } else { "no, it dials" });
    if view.configuring {
        let _ = writeln!(out, "a new configuration is being applied");
    }
    if view.stopping {
        let _ = writeln!(out, "stopping");
    }
    if let Some(refused) = &aside.refused {
        let _ =
            writeln!(out, "the last reload was refused, the earlier configuration is in force:\n{refused}");
    }
    out
}

/// `show neighbors`.
pub(super) fn neighbors<'a>(views: impl Iterator<Item = PeerView<'a>>, now: Instant) -> String {
    let mut rows = vec![head(&["neighbor", "AS", "state", "for", "told", "kept", "TTL"])];
    let mut remarks = String::new();
    for view in views {
        rows.push(vec![
            view.address.to_string(),
            view.remote_as.to_string(),
            view.state.to_string(),
            duration(now.since(view.since).as_secs()),
            view.told.to_string(),
            view.kept.to_string(),
            format!("{} ({})", view.ttl, ttl_because(view.ttl_because)),
        ]);
        if let Some(end) = view.last_end {
            let _ = writeln!(remarks, "{}: last end: {end}", view.address);
        }
        if !view.last_text.is_empty() {
            let _ = writeln!(remarks, "{}: it said: {}", view.address, view.last_text);
        }
        if let Some(hint) = hint(view.hint) {
            let _ = writeln!(remarks, "{}: {hint}", view.address);
        }
    }
    table(&rows) + &remarks
}

/// `show services`.
pub(super) fn services<'a>(views: impl Iterator<Item = ServiceView<'a>>, now: Instant) -> String {
    let mut rows = vec![head(&["service", "role", "posture", "for", "addresses", "checks", "because"])];
    rows.extend(views.map(|view| {
        vec![
            view.name.to_owned(),
            format!("{:?}", view.role).to_lowercase(),
            view.posture.to_string(),
            duration(now.since(view.since).as_secs()),
            format!("{}/{}", view.present, view.addresses),
            format!("{}/{}", view.passing, view.checks),
            view.because.to_string(),
        ]
    }));
    table(&rows)
}

/// `show routes`.
pub(super) fn routes(routes: &[RouteRow], steered: &[SteerView]) -> String {
    let mut rows = vec![head(&["prefix", "from", "address", "link", "announced", "told"])];
    rows.extend(routes.iter().map(|row| {
        let (view, link) = (row.view(), row.link_name.as_str());
        vec![
            view.prefix.to_string(),
            owner(&view),
            view.address.map_or("-", address).to_owned(),
            if link.is_empty() { "-" } else { link }.to_owned(),
            if view.announced { "yes" } else { "no" }.to_owned(),
            view.told.to_string(),
        ]
    }));
    let mut out = table(&rows);
    if !steered.is_empty() {
        let mut rows = vec![head(&["steered", "next hop", "shares", "candidates"])];
        rows.extend(steered.iter().map(|view| {
            let hop = view.next_hop.to_string();
            vec![view.prefix.to_string(), hop, view.shares.to_string(), view.candidates.to_string()]
        }));
        out.push('\n');
        out += &table(&rows);
    }
    out
}

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn owner(view: &RouteView<'_>) -> String {
    let word = match (view.owner, view.source) {
        (Owner::Service(_), _) => return format!("failover {}", view.service),
        (Owner::Network, _) => "network",
        (Owner::Interface, _) => "interface",
        (Owner::Static(_), _) | (Owner::None, Some(RouteSource::Static)) => "static",
        (Owner::None, Some(RouteSource::Connected)) => "connected",
        (Owner::None, Some(RouteSource::Kernel)) => "kernel",
        (Owner::None, None) => "-",
    };
    word.to_owned()
}

fn address(state: AddressState) -> &'static str {
    match state {
        AddressState::Absent => "absent",
        AddressState::Binding => "being bound",
        AddressState::Bound => "bound",
        AddressState::Adopted => "adopted",
        AddressState::Unbinding => "being unbound",
        AddressState::GivenUp => "given up",
    }
}

fn ttl_because(because: TtlBecause) -> &'static str {
    match because {
        TtlBecause::Connected => "connected",
        TtlBecause::NotConnected => "not connected",
        TtlBecause::Multihop => "ebgp-multihop",
        TtlBecause::Security => "ttl-security",
        TtlBecause::Internal => "internal",
    }
}

fn hint(hint: Hint) -> Option<&'static str> {
    match hint {
        Hint::None => None,
        Hint::NotAccepted => Some(
            "it does not accept us: at some providers the address must first be registered as shared for this machine",
        ),
        Hint::CheckRemoteAs => Some("it closes at once: check the AS numbers at both ends"),
        Hint::CheckPasswordAndTtl => Some("nothing comes back: check the password and the TTL"),
        Hint::BackingOff => Some("it told us to go away for a while: trying again with growing pauses"),
        Hint::Shutdown => Some("shut down by configuration"),
        Hint::NoLocalAddress => Some("our own address or link for it is not there"),
    }
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A span of time as a person says it: its two largest units.
fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes:02}m"),
        (days, hours, _, _) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        assert_eq!(duration(9), "9s");
        assert_eq!(duration(69), "1m09s");
        assert_eq!(duration(3_660), "1h01m");
        assert_eq!(duration(90_000), "1d01h");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [head(&["a", "b"]), head(&["long", "c"])];
        assert_eq!(table(&rows), "a     b\nlong  c\n");
    }
}
