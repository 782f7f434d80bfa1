//! Orders: everything the engine asks for. A shim obeys each and answers where the order says so.

use core::net::IpAddr;

use super::input::{CommandResult, Endpoint, HostTable, Past};
use super::record::Record;
use super::{AddressId, BfdId, CommandId, ConnId, LinkId, ListenerId, ProbeId, RouteId, SocketId};
use crate::base::net::{InterfaceAddress, Prefix};
use crate::base::time::Duration;
use crate::bfd::BfdKind;
use crate::config::CheckKind;
use crate::config::target::Target;

/// A TCP MD5 key (RFC 2385), at most 80 octets. It prints as nothing but its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a [u8]);

impl core::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Secret<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Secret({} octets)", self.0.len());
    }
}

/// What must hold on a socket before its first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpOptions<'a> {
    /// The TCP MD5 key.
    pub key: Option<Secret<'a>>,
    /// The TTL or hop limit that is sent.
    pub ttl: u8,
    /// The least TTL or hop limit that is accepted (RFC 5082); 0: any.
    pub min_ttl: u8,
}

/// A next hop of a kernel route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NextHop {
    /// The gateway; it may be of another family than the prefix (RFC 8950).
    pub address: IpAddr,
    /// The link it is on; an IPv6 link-local address needs one.
    pub link: Option<LinkId>,
}

impl NextHop {
    /// `0.0.0.0`.
    pub const REST: Self = Self { address: IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), link: None };
}

/// Where an installed route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteTarget<'a> {
    /// To these next hops, in equal shares.
    Via(&'a [NextHop]),
    /// Nowhere, in silence.
    Blackhole,
    /// Nowhere, answered with "unreachable".
    Unreachable,
}

/// What a probe does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ProbeSpec<'a> {
    /// The kind of check.
    pub kind: CheckKind,
    /// What it asks.
    pub target: Target<'a>,
    /// The same as text, for a shim that hands it on: [`Target::parse`] reads it again.
    pub text: &'a str,
    /// The name of the service.
    pub service: &'a str,
    /// The name of the check.
    pub check: &'a str,
    /// Whether the target is an address of the service itself: then only this host may answer (on Linux the probe is
    /// bound to the device `lo`), for with the address gone another machine would.
    pub own: bool,
    /// Whose rights a command runs with; empty: the daemon's.
    pub user: &'a str,
    /// When to give up.
    pub timeout: Duration,
}

/// One order. Exhaustive on purpose: a shim must answer a new one.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Output<'a> {
    /// Open a TCP connection. Answered by one `Connected` or `ConnectFailed` (or abandoned by `Close`, then `Closed`).
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// Our address, when it matters.
        local: Option<IpAddr>,
        /// The link it must leave by, when it matters.
        via: Option<LinkId>,
        /// The peer.
        remote: Endpoint,
        /// What must hold before the first packet.
        options: TcpOptions<'a>,
    },
    /// Listen, with the keys that were ordered since the last `Unlisten` or failed `Listen`, from the first connection on.
    /// Answered by one `ListenDone`. When it fails, its keys are forgotten: they are ordered again.
    Listen {
        /// Its name from now on.
        listener: ListenerId,
        /// Where; an unspecified address means every one of its family.
        local: Endpoint,
    },
    /// Accept connections from `remote` only with this key, or (None) without one. All keys of a listener come before its
    /// `Listen`, while it is closed, so that nobody comes in without a key meanwhile (on Linux: a socket is made, its keys are
    /// set, and then it listens). When they change, it is closed by `Unlisten` and opened with the new ones. Not answered: a
    /// key that cannot be set keeps `remote` out.
    ListenKey {
        /// The listener.
        listener: ListenerId,
        /// Who.
        remote: Prefix,
        /// The key.
        key: Option<Secret<'a>>,
    },
    /// Listen no more: reset those who have connected and were not `Accepted` yet, and forget the keys. Connections that were
    /// adopted stay. Not answered.
    Unlisten {
        /// The listener.
        listener: ListenerId,
    },
    /// Keep the accepted socket under this name.
    Adopt {
        /// As named by `Accepted`.
        socket: SocketId,
        /// Its name from now on.
        conn: ConnId,
        /// What must hold from now on.
        options: TcpOptions<'a>,
    },
    /// Close the accepted socket at once, with a reset.
    Refuse {
        /// As named by `Accepted`.
        socket: SocketId,
    },
    /// Send these octets, as many as the wire takes. Answered by one `Sent` (when it takes more) or `Closed`.
    Send {
        /// The connection.
        conn: ConnId,
        /// What to send.
        bytes: &'a [u8],
    },
    /// Say when the peer's kernel has acknowledged everything sent. Answered by one `Flushed` or `Closed`.
    AskFlushed {
        /// The connection.
        conn: ConnId,
    },
    /// End the connection, or the attempt to make it. Answered by one `Closed`.
    Close {
        /// The connection.
        conn: ConnId,
        /// In which manner.
        how: CloseHow,
    },
    /// Be ready to send and receive BFD packets between these addresses: TTL 255, from a port of its own between 49152 and
    /// 65535 (RFC 5881 section 4), and listening on the kind's port. Answered by one `DatagramDone`.
    OpenDatagram {
        /// Its name from now on.
        bfd: BfdId,
        /// Which port.
        kind: BfdKind,
        /// Our address.
        local: IpAddr,
        /// The peer's.
        remote: IpAddr,
        /// The link it must leave by, when it matters (an IPv6 link-local address).
        via: Option<LinkId>,
    },
    /// Send one BFD packet. One that cannot be sent now is lost. Not answered.
    SendDatagram {
        /// The session.
        bfd: BfdId,
        /// The packet.
        bytes: &'a [u8],
    },
    /// Forget the session. Not answered.
    CloseDatagram {
        /// The session.
        bfd: BfdId,
    },
    /// Run a probe once (or start a watch). Answered by one `ProbeDone` (a watch: by `WatchChanged`, as often as it changes).
    StartProbe {
        /// Its name.
        probe: ProbeId,
        /// What it does.
        spec: ProbeSpec<'a>,
    },
    /// Forget the probe or watch. Not answered.
    StopProbe {
        /// Its name.
        probe: ProbeId,
    },
    /// Add an address to a link: without duplicate address detection, with preferred lifetime 0 (IPv6), and marked as ours.
    /// Answered by one `AddressDone`.
    Bind {
        /// Its name.
        address: AddressId,
        /// The link.
        link: LinkId,
        /// The address and the length to bind it with.
        prefix: InterfaceAddress,
        /// The label (IPv4 only).
        label: &'a str,
    },
    /// Remove an address that is ours. Answered by one `AddressDone`.
    Unbind {
        /// Its name.
        address: AddressId,
        /// The link.
        link: LinkId,
        /// The address, as it was bound.
        prefix: InterfaceAddress,
    },
    /// Install a route, in the place of an earlier one of that name. Answered by one `RouteDone`.
    InstallRoute {
        /// Its name.
        route: RouteId,
        /// The prefix.
        prefix: Prefix,
        /// Where it leads.
        target: RouteTarget<'a>,
    },
    /// Remove a route that is ours. Answered by one `RouteDone`.
    RemoveRoute {
        /// Its name.
        route: RouteId,
        /// The prefix.
        prefix: Prefix,
    },
    /// Tell a table of the host whole: `Resync` begin, every entry, `Resync` end. Not answered otherwise.
    AskTable {
        /// Which one.
        what: HostTable,
    },
    /// Keep this of a service where a crash and a loss of power leave it, in the place of what was kept of it before; give it back
    /// at the next start ([`Input::Kept`](super::Input::Kept)). Soon, but the drive loop need not wait for it. At the end of a
    /// stop it comes before the answer. What is kept of a service that the configuration has no more may be forgotten. Not
    /// answered.
    Keep {
        /// The service's name.
        name: &'a str,
        /// What to keep; [`Past::Clear`]: nothing.
        past: Past,
    },
    /// Answers `Command`.
    Answer {
        /// As named by the command.
        id: CommandId,
        /// What became of it.
        result: CommandResult,
    },
    /// Something worth knowing happened: one variant, one log sentence, one counter.
    Record(Record),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CloseHow {
    /// Shut down writing, then read and discard until the peer closes or an `Abort` is ordered: a close with unread
    /// input would send a reset and cost the peer our last NOTIFICATION.
    #[default]
    Graceful,
    /// At once, with a reset.
    Abort,
}
