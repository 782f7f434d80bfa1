//! Facts on their way to an engine: [`Input`]s that own what they say, because they wait in queues.

use std::net::IpAddr;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Duration;
use holdover_core::bfd::BfdKind;
use holdover_core::engine::{
    AddressId, BfdId, Bound, Command, CommandId, ConnId, Endpoint, HostTable, Input, IoError, LinkId,
    ListenerId, Past, Phase, ProbeId, RouteId, SocketId, Verdict,
};

/// An owned [`Input`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Tick,
    Command { id: CommandId, command: Command },
    Kept { name: String, past: Past },
    Connected { conn: ConnId, local: Endpoint },
    ConnectFailed { conn: ConnId, why: IoError },
    Accepted { socket: SocketId, listener: ListenerId, local: Endpoint, remote: Endpoint },
    ListenDone { listener: ListenerId, result: Result<(), IoError> },
    Received { conn: ConnId, bytes: Vec<u8> },
    Sent { conn: ConnId, len: usize },
    Flushed { conn: ConnId },
    Closed { conn: ConnId, why: IoError },
    Datagram { kind: BfdKind, link: LinkId, local: IpAddr, remote: IpAddr, ttl: u8, bytes: Vec<u8> },
    DatagramDone { bfd: BfdId, result: Result<(), IoError> },
    ProbeDone { probe: ProbeId, verdict: Verdict, took: Duration },
    WatchChanged { probe: ProbeId, verdict: Verdict },
    Link { link: LinkId, name: String, up: bool, gone: bool },
    Address { link: LinkId, address: InterfaceAddress, present: bool, ours: bool },
    AddressDone { address: AddressId, result: Result<Bound, IoError> },
    KernelRoute { prefix: Prefix, present: bool },
    RouteDone { route: RouteId, result: Result<(), IoError> },
    RouteLost { route: RouteId },
    Resync { what: HostTable, phase: Phase },
}

impl Fact {
    /// What the engine is given.
    // table: one arm for each input
    pub fn input(&self) -> Input<'_> {
        match *self {
            Self::Tick => Input::Tick,
            Self::Command { id, command } => Input::Command { id, command },
            Self::Kept { ref name, past } => Input::Kept { name, past },
            Self::Connected { conn, local } => Input::Connected { conn, local },
            Self::ConnectFailed { conn, why } => Input::ConnectFailed { conn, why },
            Self::Accepted { socket, listener, local, remote } => {
                Input::Accepted { socket, listener, local, remote }
            }
            Self::ListenDone { listener, result } => Input::ListenDone { listener, result },
            Self::Received { conn, ref bytes } => Input::Received { conn, bytes },
            Self::Sent { conn, len } => Input::Sent { conn, len },
            Self::Flushed { conn } => Input::Flushed { conn },
            Self::Closed { conn, why } => Input::Closed { conn, why },
            Self::Datagram { kind, link, local, remote, ttl, ref bytes } => {
                Input::Datagram { kind, link, local, remote, ttl, bytes }
            }
            Self::DatagramDone { bfd, result } => Input::DatagramDone { bfd, result },
            Self::ProbeDone { probe, verdict, took } => Input::ProbeDone { probe, verdict, took },
            Self::WatchChanged { probe, verdict } => Input::WatchChanged { probe, verdict },
            Self::Link { link, ref name, up, gone } => Input::Link { link, name, up, gone },
            Self::Address { link, address, present, ours } => Input::Address { link, address, present, ours },
            Self::AddressDone { address, result } => Input::AddressDone { address, result },
            Self::KernelRoute { prefix, present } => Input::KernelRoute { prefix, present },
            Self::RouteDone { route, result } => Input::RouteDone { route, result },
            Self::RouteLost { route } => Input::RouteLost { route },
            Self::Resync { what, phase } => Input::Resync { what, phase },
        }
    }
}
