//! Facts: everything the engine is told. A shim turns what its sockets, timers and tables say into these.

use core::net::IpAddr;

use super::{BfdId, CommandId, ConnId, LinkId, ListenerId, ProbeId, RouteId, ServiceId, SocketId};
use crate::base::net::{InterfaceAddress, Prefix};
use crate::base::time::Duration;
use crate::bfd::BfdKind;
pub use crate::failover::posture::{Past, Wish};
pub use crate::failover::probe::ProbeFailure;

/// A TCP endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
    /// The link it is reached by; an IPv6 link-local address needs one.
    pub link: Option<LinkId>,
}

/// One fact. Exhaustive on purpose: the vocabulary is a contract between the core and every shim.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Input<'a> {
    /// Time has passed: sent once at the end of every turn, after all that was ready, and when the
    /// [`deadline`](super::Engine::deadline) has come.
    Tick,
    /// An operator's command; answered by one [`Output::Answer`](super::Output::Answer).
    Command {
        /// Named by the shim, to match the answer.
        id: CommandId,
        /// The command.
        command: Command,
    },
    /// What the last [`Output::Keep`](super::Output::Keep) said of a service in an earlier run: told right after the first
    /// configuration, before any other fact. Of a service of which nothing was kept it is not told.
    Kept {
        /// The service's name; empty: every service, for a shim that cannot read what it kept ([`Past::Unknown`]).
        name: &'a str,
        /// What was kept.
        past: Past,
    },
    /// Answers `Connect`: the connection is there.
    Connected {
        /// The connection.
        conn: ConnId,
        /// Our end of it.
        local: Endpoint,
    },
    /// Answers `Connect`: there will be no connection.
    ConnectFailed {
        /// The connection.
        conn: ConnId,
        /// The reason.
        why: IoError,
    },
    /// A peer connected to one of our listeners. Answered by exactly one `Adopt` or `Refuse` in the same drain.
    Accepted {
        /// Named by the shim until it is adopted.
        socket: SocketId,
        /// Where it came in.
        listener: ListenerId,
        /// Our end.
        local: Endpoint,
        /// The peer's end.
        remote: Endpoint,
    },
    /// Answers `Listen`.
    ListenDone {
        /// The listener.
        listener: ListenerId,
        /// Whether it listens now.
        result: Result<(), IoError>,
    },
    /// Octets from the peer, at most 4 KiB a turn, in order.
    Received {
        /// The connection.
        conn: ConnId,
        /// What came.
        bytes: &'a [u8],
    },
    /// Answers `Send`: the wire took `len` octets *and takes more now*.
    Sent {
        /// The connection.
        conn: ConnId,
        /// How many octets were taken; the rest is offered again by the next `Send`.
        len: usize,
    },
    /// Answers `AskFlushed`: the peer's kernel has acknowledged everything.
    Flushed {
        /// The connection.
        conn: ConnId,
    },
    /// The connection is gone: answers `Close`, or comes by itself. It is the connection's last input.
    Closed {
        /// The connection.
        conn: ConnId,
        /// The reason.
        why: IoError,
    },
    /// A BFD packet came to one of the ports of [`BfdKind`]. Which session it belongs to is the core's to find out.
    Datagram {
        /// The port that it came to.
        kind: BfdKind,
        /// The link that it came by.
        link: LinkId,
        /// Where it was sent to.
        local: IpAddr,
        /// Who sent it.
        remote: IpAddr,
        /// The TTL or hop limit that it arrived with.
        ttl: u8,
        /// The payload; what is longer than 64 octets may be cut off.
        bytes: &'a [u8],
    },
    /// Answers `OpenDatagram`.
    DatagramDone {
        /// The session.
        bfd: BfdId,
        /// Whether packets can be sent and received now.
        result: Result<(), IoError>,
    },
    /// Answers `StartProbe`.
    ProbeDone {
        /// The probe.
        probe: ProbeId,
        /// What it found.
        verdict: Verdict,
        /// How long it took.
        took: Duration,
    },
    /// A watched thing (a process) changed, or is what it is when the watch starts.
    WatchChanged {
        /// The probe.
        probe: ProbeId,
        /// What holds now.
        verdict: Verdict,
    },
    /// A link, as it is now: told when it appears, changes or goes. One named `lo` is expected, also where there is no loopback
    /// interface: addresses are bound on it unless their block says `bind LINK`.
    Link {
        /// The link.
        link: LinkId,
        /// Its name.
        name: &'a str,
        /// Whether it is up and has a carrier.
        up: bool,
        /// Whether it has gone from the system.
        gone: bool,
    },
    /// An address of this host, as it is now: told when it appears or goes, those that the engine had bound included; before
    /// or after the answer to the order that made it so. That its link went down is told before that its addresses went with
    /// it.
    Address {
        /// The link that has it.
        link: LinkId,
        /// The address and its subnet's length.
        address: InterfaceAddress,
        /// Whether it is there (and usable: not tentative).
        present: bool,
        /// Whether it bears the mark of an earlier run of ours: a leftover of a crash.
        ours: bool,
    },
    /// Answers `Bind` and `Unbind`.
    AddressDone {
        /// The address, named as in the order.
        address: super::AddressId,
        /// What became of it.
        result: Result<Bound, IoError>,
    },
    /// A route of the host's main table that is not ours (for `redistribute kernel`), as it is now. A host without such a
    /// table never tells this.
    KernelRoute {
        /// Its prefix.
        prefix: Prefix,
        /// Whether it is there.
        present: bool,
    },
    /// Answers `InstallRoute` and `RemoveRoute`.
    RouteDone {
        /// The route, named as in the order.
        route: RouteId,
        /// What became of it.
        result: Result<(), IoError>,
    },
    /// A route that we installed is no longer in the host's table as it was installed, and it was not our order: somebody
    /// removed it, or put another one in its place. Told whenever it is noticed; a shim whose table nobody else changes never
    /// tells it.
    RouteLost {
        /// The route, named as in the order that installed it.
        route: RouteId,
    },
    /// A table is about to be told whole (`Begin`), or has been (`End`): what was not repeated in between is gone. Every shim
    /// tells links and addresses whole once at the start: before the first `End` of the addresses nothing is dialed or bound.
    Resync {
        /// Which table.
        what: HostTable,
        /// Beginning or end.
        phase: Phase,
    },
}

/// What an operator tells the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Command {
    /// What is wanted of a service from now on; a new wish replaces the old.
    Wish {
        /// Of which service; `None`: of all.
        service: Option<ServiceId>,
        /// What.
        wish: Wish,
        /// Whether to answer only when it has reached everybody: no drain runs any more, and each peer whose session is
        /// up has acknowledged everything, or had its time to.
        wait: bool,
    },
    /// Answer when a wish that was granted has reached everybody, as [`Command::Wish`] with `wait` does, and change nothing: a
    /// wish that took its place meanwhile stays.
    Await {
        /// Of which service; `None`: of all.
        service: Option<ServiceId>,
        /// The wish.
        wish: Wish,
    },
    /// Withdraw everything, say goodbye, unbind what is ours. Answered when all that is done: then the shim may exit.
    Stop,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CommandResult {
    /// It is done, or under way.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such service.
    NoSuchService,
    /// The engine is stopping.
    Stopping,
    /// A service that is to stand by has no standby attributes to do it with.
    NoStandby,
    /// Nothing has changed: another command waits already, and one at a time may.
    Busy,
    /// It is done, and these peers have not acknowledged everything in time.
    Unconfirmed {
        /// The peers, as a set of their places.
        peers: u64,
    },
    /// Another wish has taken the place of this one, which was waited for.
    Replaced,
}

/// What a probe found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// The service is well.
    #[default]
    Pass,
    /// It is not, or no answer came in time.
    Fail(ProbeFailure),
    /// The probe could not be made, for want of something of this machine (descriptors, memory, threads): that says nothing
    /// about the service. The last result stands, and the next probe is due 100 ms after this one began. Without a result to
    /// stand it counts as [`Verdict::Fail`]. Whoever gives it sees to it that this does not go on for ever.
    NotRun(ProbeFailure),
}

/// What a `Bind` found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Bound {
    /// The address was added (or, for `Unbind`, removed).
    Done,
    /// It was there already (or, for `Unbind`, already gone).
    AlreadySo,
}

/// A table of the host that is told whole now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HostTable {
    /// Links.
    Links,
    /// Addresses.
    Addresses,
    /// Routes of the kernel's main table.
    Routes,
}

/// A boundary of a table that is told whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// It begins.
    Begin,
    /// It was told.
    End,
}

/// Why the host could not do something; the shim maps its system's errors to these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum IoError {
    /// Nothing went wrong: an orderly end.
    #[default]
    None,
    /// The peer refused or reset the connection.
    Refused,
    /// The peer closed, or reset, an established connection.
    Reset,
    /// No answer in time.
    TimedOut,
    /// No route to it, or its network or host is unreachable.
    Unreachable,
    /// Our own address is not there (EADDRNOTAVAIL).
    AddressUnavailable,
    /// The address or port is taken.
    InUse,
    /// Permission denied; the shim's log says what to grant.
    Denied,
    /// The system lacks it (TCP MD5, for example).
    Unsupported,
    /// No memory, no descriptor, a full table.
    Exhausted,
    /// Anything else.
    Other,
}

impl IoError {
    /// All of them, in their order.
    const ALL: [Self; 11] = [
        Self::None,
        Self::Refused,
        Self::Reset,
        Self::TimedOut,
        Self::Unreachable,
        Self::AddressUnavailable,
        Self::InUse,
        Self::Denied,
        Self::Unsupported,
        Self::Exhausted,
        Self::Other,
    ];

    /// The one with this number, as `error as u8` gives it.
    pub(crate) fn of(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Other)
    }
}
