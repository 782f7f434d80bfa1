//! Facts: a C struct for each variant of [`Input`](holdover_core::engine::Input). The file `fact` reads them.

use crate::value::{
    holdover_address, holdover_address_id, holdover_bfd, holdover_bytes, holdover_conn, holdover_endpoint,
    holdover_prefix, holdover_probe, holdover_route_id, holdover_text,
};

/// What kind of fact it is. The numbers stay.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_input_kind {
    /// Time has passed; also told once at the end of every turn. It has no part of its own.
    Tick = 1,
    /// An operator's command; answered by one HOLDOVER_OUTPUT_KIND_ANSWER.
    Command = 2,
    /// Answers Connect: the connection is there.
    Connected = 3,
    /// Answers Connect: there will be no connection.
    ConnectFailed = 4,
    /// Somebody connected to a listener. Answered by exactly one Adopt or Refuse before holdover_poll has no order left.
    Accepted = 5,
    /// Answers Listen.
    ListenDone = 6,
    /// Octets from the peer, in order.
    Received = 7,
    /// Answers Send: the wire took so many octets, and takes more now.
    Sent = 8,
    /// Answers AskFlushed: the peer's machine has acknowledged everything.
    Flushed = 9,
    /// The connection is gone: answers Close, or comes by itself. The last fact about a connection.
    Closed = 10,
    /// A BFD packet came.
    Datagram = 11,
    /// Answers OpenDatagram.
    DatagramDone = 12,
    /// Answers StartProbe.
    ProbeDone = 13,
    /// A watched thing changed, or is what it is when the watch starts.
    WatchChanged = 14,
    /// A link, as it is now.
    Link = 15,
    /// An address of this machine, as it is now.
    Address = 16,
    /// Answers Bind and Unbind.
    AddressDone = 17,
    /// A route of this machine that is not ours, as it is now.
    KernelRoute = 18,
    /// Answers InstallRoute and RemoveRoute.
    RouteDone = 19,
    /// A table is about to be told whole, or has been.
    Resync = 20,
    /// What an earlier run was ordered to keep of a service; see HOLDOVER_OUTPUT_KIND_KEEP.
    Kept = 21,
    /// A route of ours is gone from this machine's table, or another one is in its place, and it was not our order.
    RouteLost = 22,
}

/// What an operator tells the engine.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_order {
    /// What is wanted of a service from now on.
    Wish = 1,
    /// Withdraw everything, say goodbye to every peer (RFC 4486, Administrative Shutdown), unbind what is ours. Answered
    /// when all that is done.
    Stop = 2,
}

/// What is wanted of a service.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_wish {
    /// Nothing: the configuration and the evidence decide.
    None = 0,
    /// Hand over in peace: announce it as going away (RFC 8326), then withdraw it.
    Drain = 1,
    /// Act as a healthy primary, whatever the role.
    Promote = 2,
    /// Stand by, whatever the role.
    Demote = 3,
    /// Announce it although checks fail.
    Force = 4,
}

/// A table of the machine that is told whole now and then.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_table {
    /// Links.
    Links = 0,
    /// Addresses.
    Addresses = 1,
    /// Routes that are not ours.
    Routes = 2,
}

/// What one run says of a service to the next, for `no preempt`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_past {
    /// Nothing: it was not active, or the run ended in good order.
    Clear = 0,
    /// It was active. Given back, it says that the run did not end in good order.
    Active = 1,
    /// It was active and failed, and another machine may have taken over.
    GaveWay = 2,
    /// Something was kept, and it cannot be read.
    Unknown = 3,
}

/// "All services", where a service is named by its place.
pub const HOLDOVER_ALL_SERVICES: u16 = u16::MAX;

/// A command: HOLDOVER_INPUT_KIND_COMMAND.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_command {
    /// Named by the caller, to know the answer by.
    pub id: u32,
    /// One of holdover_order. Of Stop nothing below is read.
    pub order: u8,
    /// One of holdover_wish.
    pub wish: u8,
    /// Of which service, by its place in the configuration; HOLDOVER_ALL_SERVICES.
    pub service: u16,
    /// Not 0: answer only when every peer has acknowledged what it was told, or had its time to.
    pub wait: u8,
}

/// The connection is there: HOLDOVER_INPUT_KIND_CONNECTED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_connected {
    /// The connection.
    pub conn: holdover_conn,
    /// Our end of it.
    pub local: holdover_endpoint,
}

/// A connection that will not be, or is no more: HOLDOVER_INPUT_KIND_CONNECT_FAILED, HOLDOVER_INPUT_KIND_CLOSED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_closed {
    /// The connection.
    pub conn: holdover_conn,
    /// One of holdover_io_error; None: an orderly end.
    pub why: u8,
}

/// Somebody connected: HOLDOVER_INPUT_KIND_ACCEPTED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_accepted {
    /// Named by the caller until it is adopted or refused.
    pub socket: u32,
    /// Where it came in.
    pub listener: u8,
    /// Our end.
    pub local: holdover_endpoint,
    /// Its end.
    pub remote: holdover_endpoint,
}

/// Whether it listens: HOLDOVER_INPUT_KIND_LISTEN_DONE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_listen_done {
    /// The listener.
    pub listener: u8,
    /// One of holdover_io_error; None: it does.
    pub result: u8,
}

/// Octets from the peer: HOLDOVER_INPUT_KIND_RECEIVED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_received {
    /// The connection.
    pub conn: holdover_conn,
    /// What came; at most 4096 octets a turn, so that nobody starves.
    pub bytes: holdover_bytes,
}

/// The wire takes more: HOLDOVER_INPUT_KIND_SENT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_sent {
    /// The connection.
    pub conn: holdover_conn,
    /// How many octets were taken; the next Send offers the rest.
    pub len: usize,
}

/// Everything is acknowledged: HOLDOVER_INPUT_KIND_FLUSHED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_flushed {
    /// The connection.
    pub conn: holdover_conn,
}

/// A BFD packet: HOLDOVER_INPUT_KIND_DATAGRAM. Which session it belongs to is the engine's to find out (RFC 5880 section
/// 6.8.6).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_datagram {
    /// One of holdover_bfd_kind: the port that it came to.
    pub kind: u8,
    /// The TTL or hop limit that it arrived with (RFC 5881 section 5 needs it).
    pub ttl: u8,
    /// The link that it came by.
    pub link: u32,
    /// Where it was sent to.
    pub local: holdover_address,
    /// Who sent it.
    pub remote: holdover_address,
    /// The payload; what is longer than 64 octets may be cut off.
    pub bytes: holdover_bytes,
}

/// Whether packets can be sent and received: HOLDOVER_INPUT_KIND_DATAGRAM_DONE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_datagram_done {
    /// The session.
    pub bfd: holdover_bfd,
    /// One of holdover_io_error; None: they can.
    pub result: u8,
}

/// What a probe found: HOLDOVER_INPUT_KIND_PROBE_DONE, HOLDOVER_INPUT_KIND_WATCH_CHANGED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_probe {
    /// The probe.
    pub probe: holdover_probe,
    /// One of holdover_verdict.
    pub verdict: u8,
    /// What the verdict says about this field; 0 otherwise.
    pub detail: u16,
    /// How long it took, in microseconds; of a watch it is not read.
    pub took_us: u64,
}

/// A link: HOLDOVER_INPUT_KIND_LINK.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_link {
    /// The caller's number of it; never 0.
    pub link: u32,
    /// Its name, as a configuration says it: `eth0`. One named `lo` is expected: addresses are bound on it unless their block says
    /// `bind LINK`.
    pub name: holdover_text,
    /// Not 0: it is up and has a carrier.
    pub up: u8,
    /// Not 0: it has gone from the machine.
    pub gone: u8,
}

/// An address of this machine: HOLDOVER_INPUT_KIND_ADDRESS.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_address {
    /// The link that has it; never 0.
    pub link: u32,
    /// The address, with its host bits, and its subnet's length.
    pub address: holdover_prefix,
    /// Not 0: it is there, and usable.
    pub present: u8,
    /// Not 0: it was bound by an earlier run of this program, and not unbound.
    pub ours: u8,
}

/// What became of an address: HOLDOVER_INPUT_KIND_ADDRESS_DONE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_address_done {
    /// The address, named as in the order.
    pub address: holdover_address_id,
    /// One of holdover_io_error; None: it is as ordered.
    pub result: u8,
    /// Not 0: it was so already; then the address is somebody else's and stays so.
    pub already: u8,
}

/// A route of this machine: HOLDOVER_INPUT_KIND_KERNEL_ROUTE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_kernel_route {
    /// Its prefix.
    pub prefix: holdover_prefix,
    /// Not 0: it is there.
    pub present: u8,
}

/// What became of a route: HOLDOVER_INPUT_KIND_ROUTE_DONE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_route_done {
    /// The route, named as in the order.
    pub route: holdover_route_id,
    /// One of holdover_io_error; None: it is as ordered.
    pub result: u8,
}

/// A route that somebody else removed or replaced: HOLDOVER_INPUT_KIND_ROUTE_LOST.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_route_lost {
    /// The route, named as in the order that installed it.
    pub route: holdover_route_id,
}

/// The beginning or end of a table that is told whole: HOLDOVER_INPUT_KIND_RESYNC. What was not repeated in between is gone.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_resync {
    /// One of holdover_table.
    pub table: u8,
    /// 0: it begins; 1: it was told.
    pub end: u8,
}

/// What was kept of a service: HOLDOVER_INPUT_KIND_KEPT. Told after the first configuration, before any other fact.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_input_kept {
    /// The service's name, as HOLDOVER_OUTPUT_KIND_KEEP gave it; empty: every service, when what was kept cannot be read.
    pub service: holdover_text,
    /// One of holdover_past.
    pub past: u8,
}

/// The part of a fact that its kind names.
#[repr(C)]
#[derive(Clone, Copy)]
pub union holdover_input_part {
    /// HOLDOVER_INPUT_KIND_COMMAND.
    pub command: holdover_input_command,
    /// HOLDOVER_INPUT_KIND_CONNECTED.
    pub connected: holdover_input_connected,
    /// HOLDOVER_INPUT_KIND_CONNECT_FAILED.
    pub connect_failed: holdover_input_closed,
    /// HOLDOVER_INPUT_KIND_ACCEPTED.
    pub accepted: holdover_input_accepted,
    /// HOLDOVER_INPUT_KIND_LISTEN_DONE.
    pub listen_done: holdover_input_listen_done,
    /// HOLDOVER_INPUT_KIND_RECEIVED.
    pub received: holdover_input_received,
    /// HOLDOVER_INPUT_KIND_SENT.
    pub sent: holdover_input_sent,
    /// HOLDOVER_INPUT_KIND_FLUSHED.
    pub flushed: holdover_input_flushed,
    /// HOLDOVER_INPUT_KIND_CLOSED.
    pub closed: holdover_input_closed,
    /// HOLDOVER_INPUT_KIND_DATAGRAM.
    pub datagram: holdover_input_datagram,
    /// HOLDOVER_INPUT_KIND_DATAGRAM_DONE.
    pub datagram_done: holdover_input_datagram_done,
    /// HOLDOVER_INPUT_KIND_PROBE_DONE.
    pub probe_done: holdover_input_probe,
    /// HOLDOVER_INPUT_KIND_WATCH_CHANGED.
    pub watch_changed: holdover_input_probe,
    /// HOLDOVER_INPUT_KIND_LINK.
    pub link: holdover_input_link,
    /// HOLDOVER_INPUT_KIND_ADDRESS.
    pub address: holdover_input_address,
    /// HOLDOVER_INPUT_KIND_ADDRESS_DONE.
    pub address_done: holdover_input_address_done,
    /// HOLDOVER_INPUT_KIND_KERNEL_ROUTE.
    pub kernel_route: holdover_input_kernel_route,
    /// HOLDOVER_INPUT_KIND_ROUTE_DONE.
    pub route_done: holdover_input_route_done,
    /// HOLDOVER_INPUT_KIND_ROUTE_LOST.
    pub route_lost: holdover_input_route_lost,
    /// HOLDOVER_INPUT_KIND_RESYNC.
    pub resync: holdover_input_resync,
    /// HOLDOVER_INPUT_KIND_KEPT.
    pub kept: holdover_input_kept,
}

/// One fact. All of it may be zero before the kind and its part are written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct holdover_input {
    /// One of holdover_input_kind.
    pub kind: u32,
    /// The part that the kind names; Tick has none.
    pub u: holdover_input_part,
}
