//! The sockets of BFD: one receiver for each port and family, one sender for each session (RFC 5881 section 4).

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use holdover_core::bfd::BfdKind;
use holdover_core::engine::{BfdId, Endpoint, IoError, LinkId};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::error;
use super::guests::Guests;
use super::tcp::socket_address;
use super::timer::now;
use crate::sys::datagram::{Arrival, BATCH, Batch};
use crate::sys::option;

/// How many receivers there are at most: single hop and multihop, over IPv4 and IPv6.
pub(super) const RECEIVERS: usize = 4;
/// The most calls that take packets from a receiver in one turn. A receive queue of Linux's default size holds some 280 packets
/// (212,992 octets, of which each takes 768): all that waited through a stall of the machine are read before the clock is told,
/// or a session whose packets are there would be taken for dead; and a flood ends the turn all the same.
pub(super) const BATCHES: u32 = 20;
/// RFC 5881 section 5 has senders use 255; the multihop ones of all daemons do too.
const TTL: u8 = 255;
/// Class selector 6, network control (RFC 2474), as an octet: what other daemons send BFD with.
const NETWORK_CONTROL: u32 = 48 << 2;
/// The source ports (RFC 5881 section 4).
const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// Between whom a session's packets go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Which port.
    pub(super) kind: BfdKind,
    /// Our address.
    pub(super) local: IpAddr,
    /// The peer's.
    pub(super) remote: IpAddr,
    /// The link they must leave by.
    pub(super) via: Option<LinkId>,
}

/// Where the packets of all sessions of one kind and family come in.
#[derive(Debug)]
struct Receiver {
    socket: Socket,
    readable: bool,
}

/// Where the packets of one session go out.
#[derive(Debug)]
struct Sender {
    name: BfdId,
    receiver: usize,
    socket: Socket,
    port: u16,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Datagrams {
    receivers: [Option<Receiver>; RECEIVERS],
    senders: Vec<Sender>,
    /// The source port that was used last.
    last_port: u16,
    /// What was received last, by `batch_kind`.
    batch: Batch,
    batch_kind: BfdKind,
}

impl Datagrams {
    /// None yet.
    pub(super) fn new() -> Self {
        // A daemon that was restarted goes on with other ports than before: nothing that is still under way is its own.
        let ports = u64::from(*PORTS.end() - *PORTS.start()) + 1;
        let offset = u16::try_from(now().as_micros() % ports).unwrap_or(0);
        Self {
            receivers: Default::default(),
            senders: Vec::new(),
            last_port: *PORTS.start() + offset,
            batch: Batch::new(),
            batch_kind: BfdKind::default(),
        }
    }

    /// Makes ready for a session. `first` is the token of the first receiver, the others follow.
    pub(super) fn open(
        &mut self,
        registry: &Registry,
        first: usize,
        name: BfdId,
        path: Path,
        guests: &Guests,
    ) -> Result<(), IoError> {
        let result = self.try_open(registry, first, name, path, guests);
        if result.is_err() {
            self.close_unused();
        }
        result.map_err(|error| error::from_io(&error))
    }

    fn try_open(
        &mut self,
        registry: &Registry,
        first: usize,
        name: BfdId,
        path: Path,
        guests: &Guests,
    ) -> io::Result<()> {
        let Path { kind, local, remote, via } = path;
        let receiver = place(kind, local);
        let Some(slot) = self.receivers.get_mut(receiver) else { return Ok(()) };
        if slot.is_none() {
            let socket = open_receiver(kind, local.is_ipv6(), guests)?;
            let token = Token(first + receiver);
            registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)?;
            *slot = Some(Receiver { socket, readable: true });
        }
        let socket = new_socket(local.is_ipv6())?;
        option::set_ttl(&socket, local.is_ipv6(), TTL, 0)?;
        if local.is_ipv6() {
            socket.set_tclass_v6(NETWORK_CONTROL)?;
        } else {
            socket.set_tos_v4(NETWORK_CONTROL)?;
        }
        if let Some(link) = via {
            option::bind_to_link(&socket, link)?;
        }
        let port = self.bind(&socket, local, via)?;
        // Connected, so that nobody else can fill its receive queue, which is never read.
        let remote = Endpoint { address: remote, port: kind.port(), link: via };
        socket.connect(&socket_address(remote).into())?;
        self.senders.push(Sender { name, receiver, socket, port });
        Ok(())
    }

    /// Binds to the next source port that is free; no two sessions share one.
    fn bind(&mut self, socket: &Socket, local: IpAddr, link: Option<LinkId>) -> io::Result<u16> {
        for _ in PORTS {
            self.last_port = self.last_port.checked_add(1).unwrap_or(*PORTS.start());
            let port = self.last_port;
            if self.senders.iter().any(|sender| sender.port == port) {
                continue;
            }
            match socket.bind(&socket_address(Endpoint { address: local, port, link }).into()) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                result => return result.map(|()| port),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Sends a packet; one that cannot be sent is lost.
    pub(super) fn send(&self, name: BfdId, bytes: &[u8]) {
        let Some(sender) = self.senders.iter().find(|sender| sender.name == name) else { return };
        if sender.socket.send(bytes).is_err() {
            // The error may be what became of an earlier packet (nobody listens there yet): this one was not tried.
            let _ = sender.socket.send(bytes);
        }
    }

    /// Lets in packets of these and of nobody else.
    pub(super) fn guard(&self, guests: &Guests) {
        for (place, receiver) in self.receivers.iter().enumerate() {
            if let Some(receiver) = receiver {
                guests.guard(&receiver.socket, place % 2 == 1);
            }
        }
    }

    /// Forgets a session, and the receiver with the last one that it served.
    pub(super) fn close(&mut self, name: BfdId) {
        self.senders.retain(|sender| sender.name != name);
        self.close_unused();
    }

    fn close_unused(&mut self) {
        for (place, receiver) in self.receivers.iter_mut().enumerate() {
            if !self.senders.iter().any(|sender| sender.receiver == place) {
                *receiver = None; // Dropping the socket also takes it from the poll.
            }
        }
    }

    /// Notes what epoll said.
    pub(super) fn set_readable(&mut self, place: usize) {
        if let Some(Some(receiver)) = self.receivers.get_mut(place) {
            receiver.readable = true;
        }
    }

    /// The receivers at which packets may wait.
    pub(super) fn readable(&self) -> impl Iterator<Item = usize> + '_ {
        let readable = |receiver: &Option<Receiver>| receiver.as_ref().is_some_and(|one| one.readable);
        self.receivers.iter().enumerate().filter(move |(_, one)| readable(one)).map(|(place, _)| place)
    }

    /// Whether packets may wait at a receiver.
    pub(super) fn is_readable(&self, place: usize) -> bool {
        matches!(self.receivers.get(place), Some(Some(receiver)) if receiver.readable)
    }

    /// Takes some packets that wait at a receiver; how many.
    pub(super) fn receive(&mut self, place: usize) -> usize {
        let Some(Some(receiver)) = self.receivers.get_mut(place) else { return 0 };
        // An error is about no packet of ours, and tells that there was none.
        let count = self.batch.receive(&receiver.socket).unwrap_or(0);
        // A call that was not filled has emptied the queue; what comes later is a new event.
        receiver.readable = count == BATCH;
        self.batch_kind = kind_of(place);
        count
    }

    /// A packet of those that were received last: how it arrived, and at which port.
    pub(super) fn arrival(&self, place: usize) -> Option<(BfdKind, Arrival)> {
        Some((self.batch_kind, self.batch.arrival(place)?))
    }

    #[cfg(test)]
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.senders.iter().map(|sender| sender.port)
    }

    /// Its payload.
    pub(super) fn payload(&self, place: usize) -> &[u8] {
        self.batch.payload(place)
    }
}

fn place(kind: BfdKind, address: IpAddr) -> usize {
    usize::from(kind == BfdKind::Multihop) * 2 + usize::from(address.is_ipv6())
}

fn kind_of(place: usize) -> BfdKind {
    if place < 2 { BfdKind::SingleHop } else { BfdKind::Multihop }
}

/// A UDP socket that does not block and is not inherited by children.
fn new_socket(v6: bool) -> io::Result<Socket> {
    let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    if v6 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// The port is ours alone: where another BFD daemon has it, that is an error, and never half of the packets for each.
fn open_receiver(kind: BfdKind, v6: bool, guests: &Guests) -> io::Result<Socket> {
    let socket = new_socket(v6)?;
    guests.guard(&socket, v6);
    option::tell_arrivals(&socket, v6)?;
    let any =
        if v6 { IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED) } else { std::net::Ipv4Addr::UNSPECIFIED.into() };
    socket.bind(&socket_address(Endpoint { address: any, port: kind.port(), link: None }).into())?;
    Ok(socket)
}
