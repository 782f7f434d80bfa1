//! BFD's datagrams on the simulated wires: sockets, loss, delay, and a buffer that waits while a daemon is paused.

use std::net::IpAddr;

use holdover_core::bfd::BfdKind;
use holdover_core::engine::{BfdId, IoError, LinkId};

use super::fact::Fact;
use super::host::Asked;
use super::net::Path;
use super::world::{Event, World};

/// How many packets a socket's buffer holds.
const BUFFER: usize = 256;

/// Between whom the packets of a session go.
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    pub kind: BfdKind,
    pub local: IpAddr,
    pub remote: IpAddr,
    pub via: Option<LinkId>,
}

impl World {
    pub(super) fn open_datagram(&mut self, host: usize, bfd: BfdId, socket: Socket) {
        let refusal = self.refusal(host, Asked::Open);
        let it = &mut self.hosts[host];
        let here = it.addresses.iter().any(|held| held.address.address == socket.local);
        let result = match it.datagram_error.or(refusal) {
            Some(why) => Err(why),
            None if here => Ok(()),
            None => Err(IoError::AddressUnavailable),
        };
        if result.is_ok() {
            it.datagram_sockets.insert(bfd, socket);
        }
        it.ready.push_back(Fact::DatagramDone { bfd, result });
    }

    pub(super) fn send_datagram(&mut self, host: usize, bfd: BfdId, bytes: &[u8]) {
        let socket = self.hosts[host].datagram_sockets[&bfd];
        let Socket { kind, local, remote, via } = socket;
        let here = self.hosts[host].addresses.iter().any(|held| held.address.address == local);
        let Path::To { host: to, hops, delay } = self.path(host, via, remote) else { return };
        let lost = self.nature.datagram_loss > 0 && self.dice.below(100) < self.nature.datagram_loss;
        if !here || lost {
            return;
        }
        // By the link of the receiver that its address is on.
        let link = self.hosts[to].addresses.iter().find(|held| held.address.address == remote);
        let link = link.map_or(LinkId(0), |held| held.link);
        let (local, remote) = (remote, local);
        let fact = Fact::Datagram { kind, link, local, remote, ttl: 255 - hops, bytes: bytes.to_vec() };
        let jitter = self.dice.range(0, self.nature.jitter);
        self.after(delay + jitter, Event::Datagram { host: to, fact });
    }

    /// A packet arrives: a machine whose daemon is paused keeps it, one whose daemon does not listen does not.
    pub(super) fn on_datagram(&mut self, host: usize, fact: Fact) {
        let it = &mut self.hosts[host];
        let Fact::Datagram { kind, local, .. } = fact else { return };
        let open = |socket: &Socket| socket.kind == kind && socket.local.is_ipv4() == local.is_ipv4();
        let listens = it.powered && it.running && it.datagram_sockets.values().any(open);
        if listens && it.datagrams.len() < BUFFER {
            it.datagrams.push_back(fact);
        }
    }
}

impl World {
    /// A packet for the first session of `host` comes from nowhere, with its neighbor's address.
    pub fn inject(&mut self, host: usize, ttl: u8, bytes: &[u8]) {
        self.inject_from(host, None, ttl, bytes);
    }

    /// The same, from this address if there is one.
    pub fn inject_from(&mut self, host: usize, source: Option<IpAddr>, ttl: u8, bytes: &[u8]) {
        let it = &mut self.hosts[host];
        let Some(&Socket { kind, local, remote, .. }) = it.datagram_sockets.values().next() else { return };
        let (link, remote) = (LinkId(2), source.unwrap_or(remote));
        it.datagrams.push_back(Fact::Datagram { kind, link, local, remote, ttl, bytes: bytes.to_vec() });
    }
}
