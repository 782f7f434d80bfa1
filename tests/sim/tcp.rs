//! TCP as far as a BGP speaker can tell: handshakes, refusals, windows, acknowledgements, FIN, RST, MD5, TTL.
//!
//! Nothing is lost for good: a segment that finds the way blocked is offered again, later and later, in order. A reset or
//! a SYN is not repeated by the network but by the rules of its sender.

use std::collections::VecDeque;
use std::net::IpAddr;

use holdover_core::engine::{ConnId, Endpoint, IoError, LinkId, SocketId};

use super::fact::Fact;
use super::net::Path;
use super::world::{Event, MS, SECOND, World};

/// The largest segment, in octets.
const SEGMENT: usize = 1_448;
/// When a segment is offered again at first, and at the latest.
const RETRY: (u64, u64) = (200 * MS, 2 * SECOND);
/// When a SYN is given up.
const SYN_GIVEN_UP: u32 = 6;

/// Who uses an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Nobody any more: the kernel finishes alone.
    Kernel,
    /// An engine's connection.
    Engine(ConnId),
    /// An engine that has not adopted it yet.
    Waiting(SocketId),
    /// A test.
    Script,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub struct End {
    pub host: usize,
    /// The host's boot that it belongs to.
    pub boot: u32,
    pub address: IpAddr,
    pub port: u16,
    pub link: Option<LinkId>,
    pub user: User,
    pub key: Option<Vec<u8>>,
    pub ttl: u8,
    pub min_ttl: u8,
    /// The handshake is over on this side.
    pub open: bool,
    /// The kernel has forgotten it.
    pub gone: bool,
    queue: VecDeque<u8>,
    flight: VecDeque<Flying>,
    unacked: usize,
    armed: bool,
    shut: bool,
    fin_sent: bool,
    last_arrival: u64,
    retry: u64,
    pub inbox: VecDeque<u8>,
    pub fin_in: bool,
    pub reset_in: bool,
    /// Octets taken of a `Send` that is not answered yet.
    pub send_wait: Option<usize>,
    pub flush_wait: bool,
    /// `Close Graceful` was ordered: read and discard.
    pub discards: bool,
    /// What a scripted end has read.
    pub heard: Vec<u8>,
    /// A scripted end that does not read.
    pub stalled: bool,
}

#[derive(Clone, Debug)]
struct Flying {
    at: u64,
    bytes: Vec<u8>,
    fin: bool,
}

/// A connection, or an attempt at one. End 0 is the one that dialled.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub ends: [End; 2],
    syn_tries: u32,
}

/// What a dialler wants.
#[derive(Clone, Debug)]
pub struct Dial {
    pub host: usize,
    pub user: User,
    pub local: Option<IpAddr>,
    pub via: Option<LinkId>,
    pub remote: (IpAddr, u16),
    pub key: Option<Vec<u8>>,
    pub ttl: u8,
    pub min_ttl: u8,
}

impl End {
    fn new(host: usize, boot: u32, address: IpAddr, port: u16, link: Option<LinkId>, user: User) -> Self {
        Self {
            host,
            boot,
            address,
            port,
            link,
            user,
            key: None,
            ttl: 64,
            min_ttl: 0,
            open: false,
            gone: false,
            queue: VecDeque::new(),
            flight: VecDeque::new(),
            unacked: 0,
            armed: false,
            shut: false,
            fin_sent: false,
            last_arrival: 0,
            retry: RETRY.0,
            inbox: VecDeque::new(),
            fin_in: false,
            reset_in: false,
            send_wait: None,
            flush_wait: false,
            discards: false,
            heard: vec![],
            stalled: false,
        }
    }

    /// This end as an engine is told of it.
    pub fn endpoint(&self) -> Endpoint {
        let link = if super::host::is_link_local(self.address) { self.link } else { None };
        Endpoint { address: self.address, port: self.port, link }
    }

    /// Whether its user has something to read.
    pub fn is_readable(&self) -> bool {
        self.open && (!self.inbox.is_empty() || self.fin_in || self.reset_in)
    }

    /// Whether everything has left and was acknowledged.
    pub fn is_flushed(&self) -> bool {
        self.queue.is_empty() && self.unacked == 0
    }
}

impl World {
    /// Begins a connection. The error is what `connect` returns at once.
    pub fn dial(&mut self, dial: Dial) -> Result<usize, IoError> {
        let (to, port) = dial.remote;
        let way = self.path(dial.host, dial.via, to);
        if way == Path::NoRoute {
            return Err(IoError::Unreachable);
        }
        let local = match dial.local {
            Some(own) => {
                let held = self.hosts[dial.host].addresses.iter().any(|held| held.address.address == own);
                if !held {
                    return Err(IoError::AddressUnavailable);
                }
                own
            }
            None => self.source_for(dial.host, dial.via, to).ok_or(IoError::AddressUnavailable)?,
        };
        let boot = self.hosts[dial.host].boot;
        self.next_port = if self.next_port == u16::MAX { 32_768 } else { self.next_port + 1 };
        let mut near = End::new(dial.host, boot, local, self.next_port, dial.via, dial.user);
        (near.key, near.ttl, near.min_ttl) = (dial.key, dial.ttl, dial.min_ttl);
        let far = End::new(usize::MAX, 0, to, port, dial.via, User::Kernel);
        self.tcps.push(Tcp { ends: [near, far], syn_tries: 0 });
        let tcp = self.tcps.len() - 1;
        let delay = self.way_delay(way);
        self.after(delay, Event::Syn { tcp });
        Ok(tcp)
    }

    fn way_delay(&mut self, way: Path) -> u64 {
        let base = if let Path::To { delay, .. } = way { delay } else { 100 };
        base + if self.nature.jitter == 0 { 0 } else { self.dice.range(0, self.nature.jitter) }
    }

    pub(super) fn on_syn(&mut self, tcp: usize) {
        let near = &self.tcps[tcp].ends[0];
        if near.gone || near.open || !self.is_current(near) {
            return;
        }
        let (from, source, ttl, key) = (near.host, near.address, near.ttl, near.key.clone());
        let (to, port) = (self.tcps[tcp].ends[1].address, self.tcps[tcp].ends[1].port);
        let way = self.path(from, near.link, to);
        match way {
            Path::To { host, hops, .. } if ttl > hops => {
                let delay = self.way_delay(way);
                let Some(asked) = self.hosts[host].listens_for(to, port, source) else {
                    self.after(delay, Event::ConnectFails { tcp, why: IoError::Refused });
                    return;
                };
                if key == asked {
                    let (boot, link) = (self.hosts[host].boot, self.link_of(host, to));
                    let mut far = End::new(host, boot, to, port, link, User::Kernel);
                    far.key = key;
                    (far.ttl, far.min_ttl) = (255, 0);
                    self.tcps[tcp].ends[1] = far;
                    self.after(delay, Event::SynAck { tcp });
                    return;
                }
            }
            Path::Nobody => {
                self.after(3 * SECOND, Event::ConnectFails { tcp, why: IoError::Unreachable });
                return;
            }
            _ => {}
        }
        let tries = self.tcps[tcp].syn_tries;
        self.tcps[tcp].syn_tries += 1;
        if tries == SYN_GIVEN_UP {
            self.after(0, Event::ConnectFails { tcp, why: IoError::TimedOut });
        } else {
            self.after(SECOND << tries, Event::Syn { tcp });
        }
    }

    fn link_of(&self, host: usize, address: IpAddr) -> Option<LinkId> {
        self.hosts[host].addresses.iter().find(|held| held.address.address == address).map(|held| held.link)
    }

    pub(super) fn on_syn_ack(&mut self, tcp: usize) {
        let (near, far) = (&self.tcps[tcp].ends[0], &self.tcps[tcp].ends[1]);
        if near.gone || near.open || !self.is_current(near) {
            return;
        }
        if !self.is_current(far) || !self.carries(tcp, 1) {
            self.after(SECOND, Event::Syn { tcp });
            return;
        }
        self.tcps[tcp].ends[0].open = true;
        let end = &self.tcps[tcp].ends[0];
        let (host, local) = (end.host, end.endpoint());
        if let User::Engine(conn) = end.user {
            self.hosts[host].ready.push_back(Fact::Connected { conn, local });
        }
        self.pump(tcp, 0);
        let delay = self.way_delay(self.way_of(tcp, 0));
        self.after(delay, Event::Ack { tcp });
    }

    /// The third packet of the handshake has arrived at the listener.
    pub(super) fn on_ack(&mut self, tcp: usize) {
        if !self.carries(tcp, 0) {
            self.after(RETRY.0, Event::Ack { tcp });
            return;
        }
        self.accept(tcp);
    }

    fn accept(&mut self, tcp: usize) {
        let far = &self.tcps[tcp].ends[1];
        if far.open || far.gone || !self.is_current(far) {
            return;
        }
        let (host, address, port, remote) = (far.host, far.address, far.port, self.tcps[tcp].ends[0].address);
        if self.hosts[host].listens_for(address, port, remote).is_none() {
            self.reset(tcp, 1);
            return;
        }
        self.tcps[tcp].ends[1].open = true;
        self.accepted(tcp);
    }

    pub(super) fn on_connect_fails(&mut self, tcp: usize, why: IoError) {
        let near = &mut self.tcps[tcp].ends[0];
        if near.gone || near.open {
            return;
        }
        near.gone = true;
        let (host, boot, user) = (near.host, near.boot, near.user);
        if let (User::Engine(conn), true) = (user, boot == self.hosts[host].boot) {
            self.hosts[host].conns.remove(&conn);
            self.hosts[host].ready.push_back(Fact::ConnectFailed { conn, why });
        }
    }

    /// Whether the end's host still runs the kernel that made it.
    fn is_current(&self, end: &End) -> bool {
        self.hosts.get(end.host).is_some_and(|host| host.powered && host.boot == end.boot)
    }

    fn way_of(&self, tcp: usize, side: usize) -> Path {
        let (from, to) = (&self.tcps[tcp].ends[side], &self.tcps[tcp].ends[1 - side]);
        let via = if super::host::is_link_local(to.address) { from.link } else { None };
        self.path(from.host, via, to.address)
    }

    /// Whether a packet from `side` gets to the other one now.
    fn carries(&self, tcp: usize, side: usize) -> bool {
        let (from, to) = (&self.tcps[tcp].ends[side], &self.tcps[tcp].ends[1 - side]);
        let has_source =
            self.hosts[from.host].addresses.iter().any(|held| held.address.address == from.address);
        let Path::To { host, hops, .. } = self.way_of(tcp, side) else { return false };
        has_source
            && host == to.host
            && from.key == to.key
            && from.ttl > hops
            && from.ttl - hops >= to.min_ttl
    }

    /// Takes octets from the user into the kernel's queue; gives how many fitted.
    pub fn write(&mut self, tcp: usize, side: usize, bytes: &[u8]) -> usize {
        let room = self.room(tcp, side);
        let end = &mut self.tcps[tcp].ends[side];
        let mut taken = room.min(bytes.len());
        if taken > 1 && self.nature.partial_writes > 0 && self.dice.chance(self.nature.partial_writes) {
            taken = self.dice.below(taken) + 1;
        }
        end.queue.extend(&bytes[..taken]);
        self.pump(tcp, side);
        taken
    }

    /// Whether nothing is on its way from `side`, not even half of a message.
    pub fn is_quiet(&self, tcp: usize, side: usize) -> bool {
        let end = &self.tcps[tcp].ends[side];
        let nothing = end.queue.is_empty() && end.flight.is_empty() && end.send_wait.is_none() && !end.shut;
        // What does not fit into the socket's buffer at once is offered in pieces.
        nothing && end.unacked == 0 && self.room(tcp, side) >= 64
    }

    /// How many octets the kernel would take now.
    pub fn room(&self, tcp: usize, side: usize) -> usize {
        let end = &self.tcps[tcp].ends[side];
        if !end.open || end.gone || end.shut {
            return 0;
        }
        self.nature.send_room.saturating_sub(end.queue.len() + end.unacked)
    }

    /// Reads at most `most` octets.
    pub fn read(&mut self, tcp: usize, side: usize, most: usize) -> Vec<u8> {
        let end = &mut self.tcps[tcp].ends[side];
        let count = most.min(end.inbox.len());
        let bytes = end.inbox.drain(..count).collect();
        self.pump(tcp, 1 - side);
        bytes
    }

    /// Sends what the window allows.
    fn pump(&mut self, tcp: usize, side: usize) {
        if !self.tcps[tcp].ends[side].open {
            return;
        }
        let delay = self.way_delay(self.way_of(tcp, side));
        let at = self.now + delay;
        let room = self.nature.receive_room;
        let [near, far] = &mut self.tcps[tcp].ends;
        let (end, other) = if side == 0 { (near, far) } else { (far, near) };
        loop {
            let flying: usize = end.flight.iter().map(|flying| flying.bytes.len()).sum();
            let window = room.saturating_sub(other.inbox.len() + flying);
            let count = end.queue.len().min(window).min(SEGMENT);
            if count == 0 {
                break;
            }
            let at = at.max(end.last_arrival);
            (end.unacked, end.last_arrival) = (end.unacked + count, at);
            let bytes = end.queue.drain(..count).collect();
            end.flight.push_back(Flying { at, bytes, fin: false });
        }
        if end.shut && !end.fin_sent && end.queue.is_empty() {
            let at = at.max(end.last_arrival);
            (end.fin_sent, end.last_arrival) = (true, at);
            end.flight.push_back(Flying { at, bytes: vec![], fin: true });
        }
        self.arm(tcp, side);
    }

    fn arm(&mut self, tcp: usize, side: usize) {
        let now = self.now;
        let end = &mut self.tcps[tcp].ends[side];
        if let (false, Some(first)) = (end.armed, end.flight.front()) {
            let delay = first.at.saturating_sub(now);
            end.armed = true;
            self.after(delay, Event::Arrive { tcp, side });
        }
    }

    pub(super) fn on_arrive(&mut self, tcp: usize, side: usize) {
        self.tcps[tcp].ends[side].armed = false;
        let current = self.is_current(&self.tcps[tcp].ends[side]);
        if !current {
            self.tcps[tcp].ends[side].flight.clear();
            return;
        }
        if self.tcps[tcp].ends[side].flight.is_empty() {
            return;
        }
        if !self.carries(tcp, side) {
            let again = self.now + self.tcps[tcp].ends[side].retry;
            let end = &mut self.tcps[tcp].ends[side];
            end.retry = (end.retry * 2).min(RETRY.1);
            end.flight[0].at = again;
            end.last_arrival = end.last_arrival.max(again);
            self.arm(tcp, side);
            return;
        }
        self.accept_late(tcp, side);
        let there = &self.tcps[tcp].ends[1 - side];
        let closed_app = there.user == User::Kernel && there.open && !self.tcps[tcp].ends[side].flight[0].fin;
        if there.gone || !self.is_current(there) || closed_app {
            self.tcps[tcp].ends[side].flight.clear();
            self.tcps[tcp].ends[1 - side].gone = true;
            let delay = self.way_delay(self.way_of(tcp, side));
            self.after(delay, Event::Reset { tcp, side });
            return;
        }
        let end = &mut self.tcps[tcp].ends[side];
        end.retry = RETRY.0;
        let flying = end.flight.pop_front().unwrap();
        let there = &mut self.tcps[tcp].ends[1 - side];
        there.inbox.extend(&flying.bytes);
        there.fin_in |= flying.fin;
        if there.user == User::Script && !there.stalled {
            let heard: Vec<u8> = there.inbox.drain(..).collect();
            there.heard.extend(heard);
        }
        let delay = self.way_delay(self.way_of(tcp, 1 - side));
        self.after(delay, Event::Acked { tcp, side, len: flying.bytes.len() });
        self.arm(tcp, side);
    }

    /// Data stands in for a lost third packet of the handshake.
    fn accept_late(&mut self, tcp: usize, side: usize) {
        if side == 0 && !self.tcps[tcp].ends[1].open {
            self.accept(tcp);
        }
    }

    pub(super) fn on_acked(&mut self, tcp: usize, side: usize, len: usize) {
        let end = &self.tcps[tcp].ends[side];
        if !self.is_current(end) || end.gone {
            return;
        }
        if !self.carries(tcp, 1 - side) {
            self.after(RETRY.0, Event::Acked { tcp, side, len });
            return;
        }
        let end = &mut self.tcps[tcp].ends[side];
        end.unacked = end.unacked.saturating_sub(len);
        self.pump(tcp, side);
        self.settle(tcp, side);
    }

    /// Answers what waits for room or for the last acknowledgement.
    pub fn settle(&mut self, tcp: usize, side: usize) {
        let room = self.room(tcp, side);
        let end = &mut self.tcps[tcp].ends[side];
        let User::Engine(conn) = end.user else { return };
        let host = end.host;
        if let (Some(len), true) = (end.send_wait, room > 0) {
            end.send_wait = None;
            self.hosts[host].ready.push_back(Fact::Sent { conn, len });
        }
        let end = &mut self.tcps[tcp].ends[side];
        if end.flush_wait && end.is_flushed() {
            end.flush_wait = false;
            self.hosts[host].ready.push_back(Fact::Flushed { conn });
        }
    }

    /// The user shuts down writing: a FIN follows what is queued.
    pub fn shut(&mut self, tcp: usize, side: usize) {
        self.tcps[tcp].ends[side].shut = true;
        self.pump(tcp, side);
    }

    /// The user closes its descriptor: a FIN, or a reset when there is unread input.
    pub fn close(&mut self, tcp: usize, side: usize) {
        self.tcps[tcp].ends[side].user = User::Kernel;
        if self.tcps[tcp].ends[side].inbox.is_empty() {
            self.shut(tcp, side);
        } else {
            self.reset(tcp, side);
        }
    }

    /// Ends it with a reset.
    pub fn reset(&mut self, tcp: usize, side: usize) {
        let delay = if self.tcps[tcp].ends[1 - side].host == usize::MAX {
            100
        } else {
            self.way_delay(self.way_of(tcp, side))
        };
        let now = self.now;
        let end = &mut self.tcps[tcp].ends[side];
        let was_gone = end.gone;
        (end.gone, end.user) = (true, User::Kernel);
        end.queue.clear();
        let at = (now + delay).max(end.last_arrival);
        if !was_gone && end.open {
            self.after(at - now, Event::Reset { tcp, side: 1 - side });
        }
    }

    /// Somebody on the way forges a reset to `side`; the other side learns it when it sends.
    pub fn forge_reset(&mut self, tcp: usize, side: usize) {
        let end = &mut self.tcps[tcp].ends[side];
        if end.open && !end.gone {
            (end.reset_in, end.unacked) = (true, 0);
            end.queue.clear();
            end.flight.clear();
        }
    }

    /// A reset arrives at `side`.
    pub(super) fn on_reset(&mut self, tcp: usize, side: usize) {
        let end = &self.tcps[tcp].ends[side];
        if end.host == usize::MAX || end.gone || !self.is_current(end) {
            return;
        }
        let other = &self.tcps[tcp].ends[1 - side];
        if !matches!(self.path(other.host, other.link, end.address), Path::To { .. }) {
            return;
        }
        let end = &mut self.tcps[tcp].ends[side];
        end.reset_in = true;
        end.queue.clear();
        end.flight.clear();
        end.unacked = 0;
        if !end.open || end.user == User::Kernel {
            end.gone = true;
        }
    }
}
