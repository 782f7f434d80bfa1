//! From an order of the core to an order in C.

use holdover_core::base::net::Prefix;
use holdover_core::config::CheckKind;
use holdover_core::config::target::Target;
use holdover_core::engine::{
    CloseHow, CommandResult, HostTable, NextHop, Output, Past, ProbeId, ProbeSpec, RouteId, RouteTarget,
    Secret, TcpOptions,
};

use crate::input::{holdover_past, holdover_table};
use crate::memory::HOLDOVER_PEERS;
#[allow(clippy::wildcard_imports, reason = "nearly all of it, a struct for each arm below")]
use crate::output::*;
use crate::record::holdover_record;
use crate::value::{holdover_address, holdover_bytes, holdover_endpoint, kind, number};

impl holdover_output {
    /// No order.
    pub(crate) const NONE: Self = Self {
        kind: holdover_output_kind::None,
        u: holdover_output_part { unlisten: holdover_output_unlisten { listener: 0 } },
    };

    /// An order of the core in C.
    // table: one arm for each kind of order; it does not compile while one is missing
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    pub(crate) fn of(order: Output<'_>) -> Self {
        use holdover_output_kind as Kind;
        use holdover_output_part as Part;
        let (kind, u) = match order {
            Output::Connect { conn, local, via, remote, options } => {
                let connect = holdover_output_connect {
                    conn: conn.into(),
                    local: local.into(),
                    via: number(via),
                    remote: remote.into(),
                    options: options.into(),
                };
                (Kind::Connect, Part { connect })
            }
            Output::Listen { listener, local } => {
                let listen = holdover_output_listen { listener: listener.0, local: local.into() };
                (Kind::Listen, Part { listen })
            }
            Output::ListenKey { listener, remote, key: secret } => {
                let listen_key = holdover_output_listen_key {
                    listener: listener.0,
                    remote: remote.into(),
                    key: key(secret),
                };
                (Kind::ListenKey, Part { listen_key })
            }
            Output::Unlisten { listener } => {
                let unlisten = holdover_output_unlisten { listener: listener.0 };
                (Kind::Unlisten, Part { unlisten })
            }
            Output::Adopt { socket, conn, options } => {
                let adopt =
                    holdover_output_adopt { socket: socket.0, conn: conn.into(), options: options.into() };
                (Kind::Adopt, Part { adopt })
            }
            Output::Refuse { socket } => {
                (Kind::Refuse, Part { refuse: holdover_output_refuse { socket: socket.0 } })
            }
            Output::Send { conn, bytes } => {
                let send = holdover_output_send { conn: conn.into(), bytes: bytes.into() };
                (Kind::Send, Part { send })
            }
            Output::AskFlushed { conn } => {
                let ask_flushed = holdover_output_ask_flushed { conn: conn.into() };
                (Kind::AskFlushed, Part { ask_flushed })
            }
            Output::Close { conn, how } => {
                let close = holdover_output_close { conn: conn.into(), how: how.into() };
                (Kind::Close, Part { close })
            }
            Output::OpenDatagram { bfd, kind: port, local, remote, via } => {
                let open_datagram = holdover_output_open_datagram {
                    bfd: bfd.into(),
                    kind: kind(port),
                    local: local.into(),
                    remote: remote.into(),
                    via: number(via),
                };
                (Kind::OpenDatagram, Part { open_datagram })
            }
            Output::SendDatagram { bfd, bytes } => {
                let send_datagram = holdover_output_send_datagram { bfd: bfd.into(), bytes: bytes.into() };
                (Kind::SendDatagram, Part { send_datagram })
            }
            Output::CloseDatagram { bfd } => {
                let close_datagram = holdover_output_close_datagram { bfd: bfd.into() };
                (Kind::CloseDatagram, Part { close_datagram })
            }
            Output::StartProbe { probe, spec } => {
                (Kind::StartProbe, Part { start_probe: start_probe(probe, &spec) })
            }
            Output::StopProbe { probe } => {
                (Kind::StopProbe, Part { stop_probe: holdover_output_stop_probe { probe: probe.into() } })
            }
            Output::Bind { address, link, prefix, label } => {
                let bind = holdover_output_bind {
                    address: address.into(),
                    link: link.0,
                    prefix: prefix.into(),
                    label: label.into(),
                };
                (Kind::Bind, Part { bind })
            }
            Output::Unbind { address, link, prefix } => {
                let unbind =
                    holdover_output_unbind { address: address.into(), link: link.0, prefix: prefix.into() };
                (Kind::Unbind, Part { unbind })
            }
            Output::InstallRoute { route, prefix, target } => {
                (Kind::InstallRoute, Part { install_route: install_route(route, prefix, target) })
            }
            Output::RemoveRoute { route, prefix } => {
                let remove_route =
                    holdover_output_remove_route { route: route.into(), prefix: prefix.into() };
                (Kind::RemoveRoute, Part { remove_route })
            }
            Output::AskTable { what } => {
                (Kind::AskTable, Part { ask_table: holdover_output_ask_table { table: what.into() } })
            }
            Output::Answer { id, result } => {
                let (result, peers) = told(result);
                (Kind::Answer, Part { answer: holdover_output_answer { id: id.0, result, peers } })
            }
            Output::Keep { name, past } => {
                (Kind::Keep, Part { keep: holdover_output_keep { service: name.into(), past: past.into() } })
            }
            Output::Record(record) => (Kind::Record, Part { record: holdover_record::of(&record) }),
        };
        Self { kind, u }
    }
}

fn key(secret: Option<Secret<'_>>) -> holdover_bytes {
    secret.map_or(holdover_bytes::NONE, |secret| secret.0.into())
}

impl From<TcpOptions<'_>> for holdover_tcp_options {
    fn from(options: TcpOptions<'_>) -> Self {
        Self { key: key(options.key), ttl: options.ttl, min_ttl: options.min_ttl }
    }
}

impl From<CloseHow> for holdover_close {
    fn from(how: CloseHow) -> Self {
        match how {
            CloseHow::Graceful => Self::Graceful,
            CloseHow::Abort => Self::Abort,
        }
    }
}

impl From<HostTable> for holdover_table {
    fn from(table: HostTable) -> Self {
        match table {
            HostTable::Links => Self::Links,
            HostTable::Addresses => Self::Addresses,
            HostTable::Routes => Self::Routes,
        }
    }
}

impl From<Past> for holdover_past {
    fn from(past: Past) -> Self {
        match past {
            Past::Clear => Self::Clear,
            Past::Active => Self::Active,
            Past::GaveWay => Self::GaveWay,
            Past::Unknown => Self::Unknown,
        }
    }
}

impl From<CheckKind> for holdover_check {
    fn from(kind: CheckKind) -> Self {
        match kind {
            CheckKind::None => Self::None,
            CheckKind::Http => Self::Http,
            CheckKind::Tcp => Self::Tcp,
            CheckKind::Icmp => Self::Icmp,
            CheckKind::Exec => Self::Exec,
            CheckKind::Process => Self::Process,
            CheckKind::File => Self::File,
        }
    }
}

fn start_probe(probe: ProbeId, spec: &ProbeSpec<'_>) -> holdover_output_start_probe {
    let port = if let Target::Tcp(endpoint) = spec.target { endpoint.port() } else { 0 };
    holdover_output_start_probe {
        probe: probe.into(),
        check: spec.kind.into(),
        own: spec.own.into(),
        target: holdover_endpoint { address: spec.target.address().into(), port, link: 0 },
        text: spec.text.into(),
        service: spec.service.into(),
        name: spec.check.into(),
        user: spec.user.into(),
        timeout_us: spec.timeout.as_micros(),
    }
}

fn install_route(route: RouteId, prefix: Prefix, target: RouteTarget<'_>) -> holdover_output_install_route {
    let (how, hops) = match target {
        RouteTarget::Via(hops) => (holdover_route_how::Via, hops),
        RouteTarget::Blackhole => (holdover_route_how::Blackhole, &[][..]),
        RouteTarget::Unreachable => (holdover_route_how::Unreachable, &[][..]),
    };
    let none = holdover_next_hop { address: holdover_address::NONE, link: 0 };
    let mut next_hops = [none; HOLDOVER_PEERS];
    let mut next_hops_count = 0;
    // The engine shares among its peers at most, so that all of them have a place.
    for (place, hop) in next_hops.iter_mut().zip(hops) {
        *place = (*hop).into();
        next_hops_count += 1;
    }
    holdover_output_install_route {
        route: route.into(),
        prefix: prefix.into(),
        how,
        next_hops_count,
        next_hops,
    }
}

impl From<NextHop> for holdover_next_hop {
    fn from(hop: NextHop) -> Self {
        Self { address: hop.address.into(), link: number(hop.link) }
    }
}

fn told(result: CommandResult) -> (holdover_result, u64) {
    let code = match result {
        CommandResult::Done => holdover_result::Done,
        CommandResult::Unchanged => holdover_result::Unchanged,
        CommandResult::NoSuchService => holdover_result::NoSuchService,
        CommandResult::Stopping => holdover_result::Stopping,
        CommandResult::NoStandby => holdover_result::NoStandby,
        CommandResult::Busy => holdover_result::Busy,
        CommandResult::Unconfirmed { peers } => return (holdover_result::Unconfirmed, peers),
        CommandResult::Replaced => holdover_result::Replaced,
        // The core may say more in a later version.
        _ => holdover_result::Other,
    };
    (code, 0)
}
