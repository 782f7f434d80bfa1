//! The sockets of BFD: a receiver for each of its ports, and a sender for each session (RFC 5881 section 4).
//!
//! Each session has a socket of its own also because a socket of smoltcp whose next packet waits for a neighbour to be found
//! sends nothing at all until then: a peer that is gone would silence the others.

use core::net::IpAddr;

use holdover_core::bfd::BfdKind;
use holdover_core::engine::{BfdId, IoError};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::phy::PacketMeta;
use smoltcp::socket::udp::{Socket, UdpMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use crate::memory::{DATAGRAM, RECEIVERS};

/// The most sessions there can be.
pub(crate) const SESSIONS: usize = 8;
/// RFC 5881 section 5 has senders use 255; the multihop ones of all daemons do too.
const TTL: u8 = 255;
/// The first source port (RFC 5881 section 4); the last is 65535.
pub(crate) const FIRST_PORT: u16 = 49_152;

const KINDS: [BfdKind; RECEIVERS] = [BfdKind::SingleHop, BfdKind::Multihop];

/// Where the packets of a session go out.
#[derive(Clone, Copy, Debug)]
struct Session {
    name: BfdId,
    kind: BfdKind,
    local: IpAddr,
    remote: IpAddr,
    port: u16,
}

#[derive(Debug)]
struct Sender {
    handle: SocketHandle,
    session: Option<Session>,
}

/// A packet that came, its payload cut off behind the longest that there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) kind: BfdKind,
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) payload: [u8; DATAGRAM],
    pub(crate) len: usize,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Datagrams {
    receivers: heapless::Vec<SocketHandle, RECEIVERS>,
    senders: heapless::Vec<Sender, SESSIONS>,
}

impl Datagrams {
    pub(crate) const fn new() -> Self {
        Self { receivers: heapless::Vec::new(), senders: heapless::Vec::new() }
    }

    /// Adds a socket that receives.
    pub(crate) fn add_receiver<'a>(&mut self, sockets: &mut SocketSet<'a>, socket: Socket<'a>) {
        if !self.receivers.is_full() {
            let _ = self.receivers.push(sockets.add(socket));
        }
    }

    /// Adds a socket that sends.
    pub(crate) fn add_sender<'a>(&mut self, sockets: &mut SocketSet<'a>, mut socket: Socket<'a>) {
        if !self.senders.is_full() {
            socket.set_hop_limit(Some(TTL));
            let _ = self.senders.push(Sender { handle: sockets.add(socket), session: None });
        }
    }

    /// The peers of the sessions.
    pub(crate) fn remotes(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.senders.iter().filter_map(|sender| Some(sender.session?.remote))
    }

    /// Makes ready for a session, with a source port near `port` that no other session has.
    pub(crate) fn open(
        &mut self,
        sockets: &mut SocketSet<'_>,
        name: BfdId,
        kind: BfdKind,
        ends: (IpAddr, IpAddr),
        mut port: u16,
    ) -> Result<(), IoError> {
        let taken =
            |port| self.senders.iter().filter_map(|sender| sender.session).any(|one| one.port == port);
        while port < FIRST_PORT || taken(port) {
            port = port.checked_add(1).unwrap_or(FIRST_PORT);
        }
        let sender =
            self.senders.iter_mut().find(|sender| sender.session.is_none()).ok_or(IoError::Exhausted)?;
        let (local, remote) = ends;
        let socket = sockets.get_mut::<Socket>(sender.handle);
        bind(socket, Some(local), port)?;
        sender.session = Some(Session { name, kind, local, remote, port });
        self.receive_what_is_wanted(sockets);
        Ok(())
    }

    /// Forgets a session.
    pub(crate) fn close(&mut self, sockets: &mut SocketSet<'_>, name: BfdId) {
        for sender in &mut self.senders {
            if sender.session.is_some_and(|session| session.name == name) {
                sender.session = None;
                sockets.get_mut::<Socket>(sender.handle).close();
            }
        }
        self.receive_what_is_wanted(sockets);
    }

    /// The receivers of kinds that some session has are open, the others closed.
    fn receive_what_is_wanted(&mut self, sockets: &mut SocketSet<'_>) {
        for (&handle, kind) in self.receivers.iter().zip(KINDS) {
            let wanted = self.senders.iter().filter_map(|sender| sender.session).any(|one| one.kind == kind);
            let socket = sockets.get_mut::<Socket>(handle);
            if wanted && !socket.is_open() {
                // It fails only for port 0.
                let _ = bind(socket, None, kind.port());
            } else if !wanted && socket.is_open() {
                socket.close();
            }
        }
    }

    /// Sends a packet; one that cannot be sent is lost. One before it that still waits for the neighbour is out of date.
    pub(crate) fn send(&self, sockets: &mut SocketSet<'_>, name: BfdId, bytes: &[u8]) {
        let of =
            |sender: &Sender| Some((sender.handle, sender.session.filter(|session| session.name == name)?));
        let Some((handle, session)) = self.senders.iter().find_map(of) else { return };
        let socket = sockets.get_mut::<Socket>(handle);
        if socket.send_queue() > 0 {
            socket.close();
            let _ = bind(socket, Some(session.local), session.port);
        }
        let meta = UdpMetadata {
            endpoint: IpEndpoint { addr: session.remote.into(), port: session.kind.port() },
            local_address: Some(session.local.into()),
            meta: PacketMeta::default(),
        };
        let _ = socket.send_slice(bytes, meta);
    }

    /// The next packet that came.
    pub(crate) fn receive(&self, sockets: &mut SocketSet<'_>) -> Option<Arrival> {
        for (&handle, kind) in self.receivers.iter().zip(KINDS) {
            let socket = sockets.get_mut::<Socket>(handle);
            while let Ok((bytes, from)) = socket.recv() {
                let Some(local) = from.local_address else { continue };
                let (mut payload, len) = ([0; DATAGRAM], bytes.len().min(DATAGRAM));
                for (to, octet) in payload.iter_mut().zip(bytes) {
                    *to = *octet;
                }
                let ttl = u8::try_from(from.meta.id).unwrap_or(0);
                let remote = from.endpoint.addr.into();
                return Some(Arrival { kind, local: local.into(), remote, ttl, payload, len });
            }
        }
        None
    }

    #[cfg(test)]
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.senders.iter().filter_map(|sender| Some(sender.session?.port))
    }
}

fn bind(socket: &mut Socket<'_>, local: Option<IpAddr>, port: u16) -> Result<(), IoError> {
    let addr = local.map(IpAddress::from);
    socket.bind(IpListenEndpoint { addr, port }).map_err(|_| IoError::InUse)
}
