//! Orders: a C struct for each variant of [`Output`](holdover_core::engine::Output). The file `order` fills them.

use crate::input::{holdover_past, holdover_table};
use crate::memory::HOLDOVER_PEERS;
use crate::record::holdover_record;
use crate::value::{
    holdover_address, holdover_address_id, holdover_bfd, holdover_bfd_kind, holdover_bytes, holdover_conn,
    holdover_endpoint, holdover_prefix, holdover_probe, holdover_route_id, holdover_text,
};

/// What kind of order it is. The numbers stay.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_output_kind {
    /// There is no order.
    None = 0,
    /// Open a TCP connection (RFC 4271 section 8). Answered by one Connected or ConnectFailed; or ended by Close, then Closed.
    Connect = 1,
    /// Listen, from the first connection on with the keys that came since the last Unlisten or failed Listen. Answered by one
    /// ListenDone. When it fails, its keys are forgotten: they are ordered again.
    Listen = 2,
    /// Accept connections from there only with this key (RFC 2385), or without one. All keys of a listener come before its
    /// Listen, while it is closed: set them on the socket before it listens, or somebody comes in without one meanwhile. When
    /// they change, the listener is closed by Unlisten and opened with the new ones. Not answered: a key that cannot be set
    /// keeps the peer out.
    ListenKey = 3,
    /// Listen no more: close who has connected and was not told as Accepted yet, and forget the keys. Connections that were
    /// adopted stay. Not answered.
    Unlisten = 4,
    /// Keep the accepted socket under this name. Not answered.
    Adopt = 5,
    /// Close the accepted socket at once, with a reset. Not answered.
    Refuse = 6,
    /// Send these octets, as many as the wire takes. Answered by one Sent, when the wire takes more, or by Closed.
    Send = 7,
    /// Say when the peer's machine has acknowledged everything that was sent. Answered by one Flushed, or by Closed.
    AskFlushed = 8,
    /// End the connection, or the attempt to make it. Answered by one Closed.
    Close = 9,
    /// Be ready for BFD packets between these addresses: TTL 255, from a port of its own between 49152 and 65535 (RFC 5881
    /// section 4), and listening on the port of its kind. Answered by one DatagramDone.
    OpenDatagram = 10,
    /// Send one BFD packet. One that cannot be sent now is lost. Not answered.
    SendDatagram = 11,
    /// Forget the session. Not answered.
    CloseDatagram = 12,
    /// Run a probe once, or start a watch. Answered by one ProbeDone; a watch, by WatchChanged as often as it changes.
    StartProbe = 13,
    /// Forget the probe or watch. Not answered.
    StopProbe = 14,
    /// Add an address to a link: without duplicate address detection (RFC 4862 section 5.4: another machine may have it too),
    /// and never as the source of other traffic. Tell the neighbors where it is now (RFC 5227 section 2.3, RFC 4861 section
    /// 7.2.6). Answered by one AddressDone.
    Bind = 15,
    /// Remove an address that was bound by our order. Answered by one AddressDone.
    Unbind = 16,
    /// Install a route, in the place of an earlier one of that name. Answered by one RouteDone.
    InstallRoute = 17,
    /// Remove a route that was installed by our order. Answered by one RouteDone.
    RemoveRoute = 18,
    /// Tell a table of the machine whole: Resync begin, every entry, Resync end.
    AskTable = 19,
    /// Answers a command.
    Answer = 20,
    /// Something worth knowing happened; holdover_record_text says it in a sentence.
    Record = 21,
    /// `no preempt`: keep this of a service, in the place of what was kept of it before, where a crash and a loss of power leave
    /// it (flash, a file that was synchronised); give it back at the next start as HOLDOVER_INPUT_KIND_KEPT. Soon; the loop need
    /// not wait for it. Where nothing can be kept, each start is a first start: after a reset, a primary that had failed takes
    /// over at once, in spite of `no preempt`. Not answered.
    Keep = 22,
}

/// How a connection ends.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_close {
    /// Shut down writing, then read and throw away until the peer closes or an Abort is ordered. A close while something is
    /// unread would send a reset and cost the peer our last NOTIFICATION.
    Graceful = 0,
    /// At once, with a reset.
    Abort = 1,
}

/// What a check asks.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_check {
    /// Nothing.
    None = 0,
    /// Whether a URL answers as it should.
    Http = 1,
    /// Whether a port takes connections.
    Tcp = 2,
    /// Whether an address answers to an echo request.
    Icmp = 3,
    /// Whether a command exits with 0.
    Exec = 4,
    /// Whether a process lives: a watch.
    Process = 5,
    /// Whether a file exists.
    File = 6,
}

/// Where an installed route leads.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_route_how {
    /// To these next hops, in equal shares.
    Via = 0,
    /// Nowhere, in silence.
    Blackhole = 1,
    /// Nowhere, answered with "unreachable".
    Unreachable = 2,
}

/// What became of a command.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_result {
    /// It is done, or under way.
    Done = 0,
    /// It was so already.
    Unchanged = 1,
    /// There is no such service.
    NoSuchService = 2,
    /// The engine is stopping.
    Stopping = 3,
    /// A service that is to stand by has no standby attributes to do it with.
    NoStandby = 4,
    /// Nothing has changed: another command waits already, and one at a time may.
    Busy = 5,
    /// It is done, and some peers have not acknowledged everything in time.
    Unconfirmed = 6,
    /// Another wish has taken the place of this one, which was waited for.
    Replaced = 7,
    /// A result that this header does not know.
    Other = 255,
}

/// What must hold on a socket before its first packet.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_tcp_options {
    /// The TCP MD5 key (RFC 2385), at most 80 octets; data is NULL: none. A secret: keep it out of logs.
    pub key: holdover_bytes,
    /// The TTL or hop limit to send with.
    pub ttl: u8,
    /// The least TTL or hop limit to accept (RFC 5082); 0: any.
    pub min_ttl: u8,
}

/// HOLDOVER_OUTPUT_KIND_CONNECT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_connect {
    /// Its name from now on.
    pub conn: holdover_conn,
    /// Our address; of family None: whichever.
    pub local: holdover_address,
    /// The link it must leave by; 0: whichever.
    pub via: u32,
    /// The peer.
    pub remote: holdover_endpoint,
    /// What must hold before the first packet.
    pub options: holdover_tcp_options,
}

/// HOLDOVER_OUTPUT_KIND_LISTEN.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_listen {
    /// Its name: 0 for IPv4, 1 for IPv6.
    pub listener: u8,
    /// Where; an address of zeros means every one of its family.
    pub local: holdover_endpoint,
}

/// HOLDOVER_OUTPUT_KIND_LISTEN_KEY.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_listen_key {
    /// The listener.
    pub listener: u8,
    /// Whose connections.
    pub remote: holdover_prefix,
    /// The key; data is NULL: none from now on.
    pub key: holdover_bytes,
}

/// HOLDOVER_OUTPUT_KIND_UNLISTEN.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_unlisten {
    /// The listener.
    pub listener: u8,
}

/// HOLDOVER_OUTPUT_KIND_ADOPT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_adopt {
    /// As named by Accepted.
    pub socket: u32,
    /// Its name from now on.
    pub conn: holdover_conn,
    /// What must hold from now on.
    pub options: holdover_tcp_options,
}

/// HOLDOVER_OUTPUT_KIND_REFUSE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_refuse {
    /// As named by Accepted.
    pub socket: u32,
}

/// HOLDOVER_OUTPUT_KIND_SEND.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_send {
    /// The connection.
    pub conn: holdover_conn,
    /// What to send; at least one octet.
    pub bytes: holdover_bytes,
}

/// HOLDOVER_OUTPUT_KIND_ASK_FLUSHED.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_ask_flushed {
    /// The connection.
    pub conn: holdover_conn,
}

/// HOLDOVER_OUTPUT_KIND_CLOSE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_close {
    /// The connection.
    pub conn: holdover_conn,
    /// In which manner.
    pub how: holdover_close,
}

/// HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_open_datagram {
    /// Its name from now on.
    pub bfd: holdover_bfd,
    /// Which port.
    pub kind: holdover_bfd_kind,
    /// Our address.
    pub local: holdover_address,
    /// The peer's.
    pub remote: holdover_address,
    /// The link it must leave by; 0: whichever.
    pub via: u32,
}

/// HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_send_datagram {
    /// The session.
    pub bfd: holdover_bfd,
    /// The packet.
    pub bytes: holdover_bytes,
}

/// HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_close_datagram {
    /// The session.
    pub bfd: holdover_bfd,
}

/// HOLDOVER_OUTPUT_KIND_START_PROBE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_start_probe {
    /// Its name.
    pub probe: holdover_probe,
    /// What it does.
    pub check: holdover_check,
    /// 1: the target is an address of the service itself, so only this machine may answer: never ask the network.
    pub own: u8,
    /// Where to, if an address stands in the configuration: of Tcp with its port, of Icmp with port 0. Else of family None.
    pub target: holdover_endpoint,
    /// What it asks, as it stands in the configuration.
    pub text: holdover_text,
    /// The name of the service.
    pub service: holdover_text,
    /// The name of the check.
    pub name: holdover_text,
    /// Whose rights a command runs with; empty: the program's own.
    pub user: holdover_text,
    /// When to give up, in microseconds from now; then the answer is a verdict of TimedOut.
    pub timeout_us: u64,
}

/// HOLDOVER_OUTPUT_KIND_STOP_PROBE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_stop_probe {
    /// Its name.
    pub probe: holdover_probe,
}

/// HOLDOVER_OUTPUT_KIND_BIND.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_bind {
    /// Its name.
    pub address: holdover_address_id,
    /// The link.
    pub link: u32,
    /// The address and the length to bind it with.
    pub prefix: holdover_prefix,
    /// Its label, where addresses have one (IPv4 on Linux); may be empty.
    pub label: holdover_text,
}

/// HOLDOVER_OUTPUT_KIND_UNBIND.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_unbind {
    /// Its name.
    pub address: holdover_address_id,
    /// The link.
    pub link: u32,
    /// The address, as it was bound.
    pub prefix: holdover_prefix,
}

/// A next hop of a route.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_next_hop {
    /// The gateway; it may be of another family than the prefix (RFC 8950).
    pub address: holdover_address,
    /// The link it is on; 0: whichever.
    pub link: u32,
}

/// HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_install_route {
    /// Its name.
    pub route: holdover_route_id,
    /// The prefix.
    pub prefix: holdover_prefix,
    /// Where it leads.
    pub how: holdover_route_how,
    /// How many next hops: of Via at least one, else 0.
    pub next_hops_count: u8,
    /// The next hops.
    pub next_hops: [holdover_next_hop; HOLDOVER_PEERS],
}

/// HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_remove_route {
    /// Its name.
    pub route: holdover_route_id,
    /// The prefix.
    pub prefix: holdover_prefix,
}

/// HOLDOVER_OUTPUT_KIND_ASK_TABLE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_ask_table {
    /// Which one.
    pub table: holdover_table,
}

/// HOLDOVER_OUTPUT_KIND_ANSWER.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_answer {
    /// As named by the command.
    pub id: u32,
    /// What became of it.
    pub result: holdover_result,
    /// Of Unconfirmed: which peers; bit 0 is the first.
    pub peers: u64,
}

/// HOLDOVER_OUTPUT_KIND_KEEP.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_output_keep {
    /// The service's name.
    pub service: holdover_text,
    /// What to keep; Clear: nothing, what was kept of it may be erased.
    pub past: holdover_past,
}

/// The part of an order that its kind names.
#[repr(C)]
#[derive(Clone, Copy)]
pub union holdover_output_part {
    /// HOLDOVER_OUTPUT_KIND_CONNECT.
    pub connect: holdover_output_connect,
    /// HOLDOVER_OUTPUT_KIND_LISTEN.
    pub listen: holdover_output_listen,
    /// HOLDOVER_OUTPUT_KIND_LISTEN_KEY.
    pub listen_key: holdover_output_listen_key,
    /// HOLDOVER_OUTPUT_KIND_UNLISTEN.
    pub unlisten: holdover_output_unlisten,
    /// HOLDOVER_OUTPUT_KIND_ADOPT.
    pub adopt: holdover_output_adopt,
    /// HOLDOVER_OUTPUT_KIND_REFUSE.
    pub refuse: holdover_output_refuse,
    /// HOLDOVER_OUTPUT_KIND_SEND.
    pub send: holdover_output_send,
    /// HOLDOVER_OUTPUT_KIND_ASK_FLUSHED.
    pub ask_flushed: holdover_output_ask_flushed,
    /// HOLDOVER_OUTPUT_KIND_CLOSE.
    pub close: holdover_output_close,
    /// HOLDOVER_OUTPUT_KIND_OPEN_DATAGRAM.
    pub open_datagram: holdover_output_open_datagram,
    /// HOLDOVER_OUTPUT_KIND_SEND_DATAGRAM.
    pub send_datagram: holdover_output_send_datagram,
    /// HOLDOVER_OUTPUT_KIND_CLOSE_DATAGRAM.
    pub close_datagram: holdover_output_close_datagram,
    /// HOLDOVER_OUTPUT_KIND_START_PROBE.
    pub start_probe: holdover_output_start_probe,
    /// HOLDOVER_OUTPUT_KIND_STOP_PROBE.
    pub stop_probe: holdover_output_stop_probe,
    /// HOLDOVER_OUTPUT_KIND_BIND.
    pub bind: holdover_output_bind,
    /// HOLDOVER_OUTPUT_KIND_UNBIND.
    pub unbind: holdover_output_unbind,
    /// HOLDOVER_OUTPUT_KIND_INSTALL_ROUTE.
    pub install_route: holdover_output_install_route,
    /// HOLDOVER_OUTPUT_KIND_REMOVE_ROUTE.
    pub remove_route: holdover_output_remove_route,
    /// HOLDOVER_OUTPUT_KIND_ASK_TABLE.
    pub ask_table: holdover_output_ask_table,
    /// HOLDOVER_OUTPUT_KIND_ANSWER.
    pub answer: holdover_output_answer,
    /// HOLDOVER_OUTPUT_KIND_RECORD.
    pub record: holdover_record,
    /// HOLDOVER_OUTPUT_KIND_KEEP.
    pub keep: holdover_output_keep,
}

/// One order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct holdover_output {
    /// What kind it is.
    pub kind: holdover_output_kind,
    /// The part that the kind names; no other one holds anything.
    pub u: holdover_output_part,
}
