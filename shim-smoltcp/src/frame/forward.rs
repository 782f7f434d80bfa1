//! The forwarding plane of a small router: what comes to this host and is for another one goes on to its next hop.
//!
//! It has one link and may have several prefixes on it: what it forwards leaves by the port it came in by. It routes by
//! the longest prefix among its own subnets and the routes that were installed, a subnet before a route of its length.
//! What it does not do: fragmenting (the MTU is the same on both sides), redirects (RFC 1812 section 5.2.7.2 asks for
//! them where source and next hop share a subnet; a host that ignores one is served all the same), and options of IPv4,
//! which pass as they are.
//!
//! **A next hop that is not resolved yet** (RFC 1122 section 2.3.2.2: save at least the latest packet for it). `HELD` frames
//! are held, one for each such next hop, the latest; where more next hops are asked for, the oldest frame gives way. They
//! go on when the next hop answers, and are answered "unreachable" when nobody did after three questions, one a second
//! (RFC 1812 section 3.3.2: not before).
//!
//! **ICMP errors are sent** (time exceeded, no route, unreachable): an operator's traceroute is how a path is understood.
//! They are limited to ten at once and ten a second, as RFC 4443 section 2.4 (f) demands and RFC 1812 section 4.3.2.8
//! asks. A black hole is silent.

use core::net::{IpAddr, Ipv4Addr};

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Instant;
use holdover_core::engine::RouteTarget;
use smoltcp::wire::checksum;

use super::announce::{self, ask};
use super::bytes::{ETHERNET, TYPE_IPV4, destination, ether_type, number, put, put_ethernet, put_slice};
use super::fib::{Fib, Target};
pub use super::host::ADDRESSES;
use super::host::Host;
use super::icmp::{self, Bucket, Fault};
use super::neighbor::{Answer, Due, Neighbors, overhear, question};
use super::packet::{Packet, Part};
use super::{FRAME, Full, Mac};

/// What the forwarding plane did, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ForwardCounters {
    /// Packets forwarded.
    pub forwarded: u32,
    /// Frames that were held until their next hop answered, or did not.
    pub held: u32,
    /// Dropped: a frame that was held gave way to a later one, or there was no place to hold it.
    pub overtaken: u32,
    /// Dropped: no route.
    pub no_route: u32,
    /// Dropped: a route says blackhole.
    pub blackholed: u32,
    /// Dropped: a route says unreachable, or nobody answers for the next hop, or it is on no subnet of ours.
    pub unreachable: u32,
    /// Dropped: the TTL or hop limit came to its end here.
    pub expired: u32,
    /// Dropped: a source or destination that no router forwards.
    pub martians: u32,
    /// Dropped: an IPv4 header with a wrong checksum.
    pub malformed: u32,
    /// ICMP errors sent.
    pub errors: u32,
    /// ICMP errors not sent, for there were too many.
    pub errors_limited: u32,
}

impl ForwardCounters {
    const NONE: Self = Self {
        forwarded: 0,
        held: 0,
        overtaken: 0,
        no_route: 0,
        blackholed: 0,
        unreachable: 0,
        expired: 0,
        martians: 0,
        malformed: 0,
        errors: 0,
        errors_limited: 0,
    };
}

/// What becomes of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is for this host, or for nobody here: hand it up.
    Local,
    /// Nothing more is to be done with it.
    Consumed,
    /// The frame itself, as it is now, is to be sent: its first so many octets.
    Send(usize),
    /// The first so many octets of the other buffer are to be sent.
    Reply(usize),
}

/// A frame whose next hop is being asked for.
#[derive(Clone, Copy)]
struct Held {
    /// 0: none.
    length: u16,
    next_hop: IpAddr,
    since: Instant,
    frame: [u8; FRAME],
}

impl Held {
    const NONE: Self = Self {
        length: 0,
        next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        since: Instant::ZERO,
        frame: [0; FRAME],
    };
}

/// The forwarding plane of one link. Off and all zero bits at rest.
#[repr(C)] // The small first, as in `Port`.
pub struct Forward<const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize> {
    enabled: bool,
    counters: ForwardCounters,
    errors: Errors,
    host: Host,
    neighbors: Neighbors<NEIGHBORS>,
    fib: Fib<ROUTES>,
    held: [Held; HELD],
}

impl<const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize> Default
    for Forward<ROUTES, NEIGHBORS, HELD>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize> Forward<ROUTES, NEIGHBORS, HELD> {
    /// A plane that forwards nothing yet.
    pub const fn new() -> Self {
        Self {
            enabled: false,
            host: Host::REST,
            fib: Fib::new(),
            neighbors: Neighbors::new(),
            errors: Errors { bucket: Bucket::FULL, sent: 0, limited: 0 },
            counters: ForwardCounters::NONE,
            held: [Held::NONE; HELD],
        }
    }

    /// Whether it forwards. A host does not (RFC 1122 section 3.3.1): only one that is told to be a router. Off forgets
    /// the frames it holds, not its routes.
    pub fn set_enabled(&mut self, on: bool) {
        self.enabled = on;
        if !on {
            self.held.iter_mut().for_each(|held| held.length = 0);
        }
    }

    /// Whether it forwards.
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Our link-layer address.
    pub fn set_mac(&mut self, mac: Mac) {
        self.host.set_mac(mac);
    }

    /// All addresses of the interface, in the place of the earlier ones; with `Full` those stay.
    pub fn set_addresses(&mut self, addresses: &[InterfaceAddress]) -> Result<(), Full> {
        self.host.set_addresses(addresses)
    }

    /// Puts a route in the table, in the place of an earlier one to the same prefix.
    pub fn install(&mut self, prefix: Prefix, target: RouteTarget<'_>) -> Result<(), Full> {
        self.fib.install(prefix, target)
    }

    /// Takes the route to exactly this prefix out of the table; says whether there was one.
    pub fn remove(&mut self, prefix: Prefix) -> bool {
        self.fib.remove(prefix)
    }

    /// The routes.
    pub const fn fib(&self) -> &Fib<ROUTES> {
        &self.fib
    }

    /// What it did so far.
    pub const fn counters(&self) -> ForwardCounters {
        ForwardCounters { errors: self.errors.sent, errors_limited: self.errors.limited, ..self.counters }
    }

    /// A frame came. It may be changed, or an answer to it be written into `reply`.
    pub fn receive(&mut self, now: Instant, frame: &mut [u8], reply: &mut [u8]) -> Verdict {
        if let Some(heard) = overhear(self.host.mac(), frame)
            && !self.host.is_ours(heard.address)
        {
            self.neighbors.hear(now, heard);
        }
        if let Some(length) = self.answer(frame, reply) {
            return Verdict::Reply(length);
        }
        if !self.enabled {
            return Verdict::Local;
        }
        let Some(packet) = Packet::read(frame) else { return Verdict::Local };
        // What was sent to a group on the link is never forwarded (RFC 1812 section 5.3.4).
        if destination(frame) != Some(self.host.mac()) || self.host.stays_here(packet.destination) {
            return Verdict::Local;
        }
        match self.transit(now, frame, &packet) {
            Transit::Sent(length) => Verdict::Send(length),
            Transit::Gone => Verdict::Consumed,
            Transit::Failed(fault) => {
                let length = self.errors.write(now, fault, &self.host, frame, &packet, reply);
                length.map_or(Verdict::Consumed, Verdict::Reply)
            }
        }
    }

    /// Answers who asks for an address of ours in the name of one that is on no subnet of ours: smoltcp does not. Linux asks so
    /// when it sends from a shared address, which its router has no subnet for (`arp_announce` 0); the way back would be lost.
    fn answer(&self, frame: &[u8], reply: &mut [u8]) -> Option<usize> {
        let question = question(self.host.mac(), frame)?;
        let strange = self.host.subnet_length(question.asker).is_none();
        if !strange || !self.host.is_ours(question.target) {
            return None;
        }
        announce::answer(self.host.mac(), question.target, question.asker, question.mac, reply)
    }

    /// The link-layer address of a neighbour; where it is not known, it is asked for from now on, also while nothing is
    /// forwarded. `Failed` where it is on no subnet of ours.
    pub fn resolve(&mut self, now: Instant, next_hop: IpAddr) -> Answer {
        if self.host.source_towards(next_hop).is_none() || self.host.is_ours(next_hop) {
            return Answer::Failed;
        }
        self.neighbors.resolve(now, next_hop)
    }

    /// What is due: writes the next frame that is owed into `buffer` and returns its length; `None` is a thing done without
    /// a frame. Each call does one thing, and there is an end to it: go on until `deadline` lies behind `now`.
    pub fn poll(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        if let Some(place) = self.ready() {
            return self.send_held(now, place, buffer);
        }
        match self.neighbors.poll(now)? {
            Due::Ask(address, to) => {
                let source = self.host.source_towards(address)?;
                ask(self.host.mac(), source, address, to, buffer)
            }
            // What is held for it is ready now, to be answered.
            Due::Failed(_) => None,
        }
    }

    /// When `poll` is to be called; the caller's zero: at once.
    pub fn deadline(&self) -> Instant {
        if self.ready().is_some() { Instant::ZERO } else { self.neighbors.deadline() }
    }

    /// A packet for another host, sent to us. RFC 1812 section 5.2.1: is it in order, where does it go, may it still.
    fn transit(&mut self, now: Instant, frame: &mut [u8], packet: &Packet) -> Transit {
        let counters = &mut self.counters;
        if self.host.is_ours(packet.source) || is_martian(packet) {
            return gone(&mut counters.martians);
        }
        if ether_type(frame) == Some(TYPE_IPV4)
            && frame.get(ETHERNET..packet.body).map(checksum::data) != Some(u16::MAX)
        {
            return gone(&mut counters.malformed);
        }
        let next_hop = match route(&self.fib, &self.host, packet, frame) {
            Some(Target::Via(next_hop)) => next_hop,
            Some(Target::Blackhole) => return gone(&mut counters.blackholed),
            Some(Target::Unreachable) => return failed(&mut counters.unreachable, Fault::Unreachable),
            None => return failed(&mut counters.no_route, Fault::NoRoute),
        };
        if packet.hop_limit <= 1 {
            return failed(&mut counters.expired, Fault::Expired);
        }
        let answer = self.resolve(now, next_hop);
        let counters = &mut self.counters;
        match answer {
            Answer::Known(to) => match send_on(frame, packet, to, self.host.mac()) {
                Some(length) => {
                    count(&mut counters.forwarded);
                    Transit::Sent(length)
                }
                None => gone(&mut counters.malformed),
            },
            Answer::Asked => {
                hold(&mut self.held, counters, now, next_hop, frame.get(..packet.end).unwrap_or_default());
                Transit::Gone
            }
            Answer::Failed | Answer::Unknown => failed(&mut counters.unreachable, Fault::Unreachable),
        }
    }

    /// The place of a held frame whose next hop is not being asked for any more.
    fn ready(&self) -> Option<usize> {
        let ready = |held: &Held| held.length != 0 && self.neighbors.peek(held.next_hop) != Answer::Asked;
        self.held.iter().position(ready)
    }

    /// Sends a held frame, or an error about it.
    fn send_held(&mut self, now: Instant, place: usize, buffer: &mut [u8]) -> Option<usize> {
        let held = self.held.get_mut(place)?;
        let length = usize::from(core::mem::take(&mut held.length));
        let frame = held.frame.get(..length)?;
        let packet = Packet::read(frame)?;
        let to = match self.neighbors.peek(held.next_hop) {
            Answer::Known(to) => to,
            Answer::Failed => {
                count(&mut self.counters.unreachable);
                return self.errors.write(now, Fault::Unreachable, &self.host, frame, &packet, buffer);
            }
            Answer::Asked | Answer::Unknown => {
                count(&mut self.counters.overtaken); // its next hop gave way to another in the table
                return None;
            }
        };
        put_slice(buffer, 0, frame)?;
        let sent = send_on(buffer.get_mut(..length)?, &packet, to, self.host.mac())?;
        count(&mut self.counters.forwarded);
        Some(sent)
    }
}

/// What becomes of a packet for another host.
enum Transit {
    /// It is in order now, and so long.
    Sent(usize),
    /// It is held, or dropped in silence.
    Gone,
    /// Its sender is to be told.
    Failed(Fault),
}

fn gone(counter: &mut u32) -> Transit {
    count(counter);
    Transit::Gone
}

fn failed(counter: &mut u32, fault: Fault) -> Transit {
    count(counter);
    Transit::Failed(fault)
}

#[inline(never)] // A call is shorter than what it does.
fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// The ICMP errors, and how many.
struct Errors {
    bucket: Bucket,
    sent: u32,
    limited: u32,
}

impl Errors {
    /// Writes an error about a packet into `buffer`, if there may be one; returns its length.
    fn write(
        &mut self,
        now: Instant,
        fault: Fault,
        host: &Host,
        frame: &[u8],
        packet: &Packet,
        buffer: &mut [u8],
    ) -> Option<usize> {
        if !icmp::may_answer(packet, frame) {
            return None;
        }
        let ours = host.source_for_errors(packet.source)?;
        if !self.bucket.take(now) {
            count(&mut self.limited);
            return None;
        }
        let length = icmp::error(fault, host.mac(), ours, frame, packet, buffer)?;
        count(&mut self.sent);
        Some(length)
    }
}

/// Whether no router forwards it (RFC 1812 sections 5.3.7 and 5.3.8, RFC 6890): an end that is loopback, link-local, a
/// group, or no address at all.
fn is_martian(packet: &Packet) -> bool {
    [packet.source, packet.destination].into_iter().any(|end| Prefix::host(end).is_reserved())
}

/// Where a packet goes: the longest of our subnets and the routes.
fn route<const ROUTES: usize>(
    fib: &Fib<ROUTES>,
    host: &Host,
    packet: &Packet,
    frame: &[u8],
) -> Option<Target> {
    let connected = host.subnet_length(packet.destination);
    match fib.find(packet.destination, flow(packet, frame)) {
        Some((length, target)) if connected.is_none_or(|connected| length > connected) => Some(target),
        _ => connected.map(|_| Target::Via(packet.destination)),
    }
}

/// A hash over what the packets of a flow have in common: both addresses, the protocol, both ports where they are there in
/// every packet (those of fragments are not). FNV-1a, whose upper bits are mixed once more, for they choose.
fn flow(packet: &Packet, frame: &[u8]) -> u16 {
    let mut hash = 0x811C_9DC5_u32;
    let mut mix = |octets: &[u8]| {
        for &octet in octets {
            hash = (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193);
        }
    };
    for end in [packet.source, packet.destination] {
        match end {
            IpAddr::V4(address) => mix(&address.octets()),
            IpAddr::V6(address) => mix(&address.octets()),
        }
    }
    mix(&[packet.protocol]);
    if packet.part == Part::Whole
        && let Some(ports) = packet.ports(frame)
    {
        for port in ports {
            mix(&port.to_be_bytes());
        }
    }
    hash = (hash ^ hash >> 16).wrapping_mul(0x85EB_CA6B);
    let [high, low, ..] = (hash ^ hash >> 13).wrapping_mul(0xC2B2_AE35).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Makes a packet ready for its next hop: TTL or hop limit less one, an IPv4 header's checksum brought up to date (RFC 1624
/// section 3, equation 3), the link-layer addresses. Returns its length, without padding.
fn send_on(frame: &mut [u8], packet: &Packet, to: Mac, from: Mac) -> Option<usize> {
    const TTL: usize = ETHERNET + 8;
    const CHECKSUM: usize = ETHERNET + 10;
    const HOP_LIMIT: usize = ETHERNET + 7;
    let less = packet.hop_limit.checked_sub(1)?;
    let ether_type = ether_type(frame)?;
    if ether_type == TYPE_IPV4 {
        let (before, sum) = (number(frame, TTL)?, number(frame, CHECKSUM)?);
        put(frame, TTL, [less])?;
        let after = number(frame, TTL)?;
        put(frame, CHECKSUM, (!checksum::combine(&[!sum, !before, after])).to_be_bytes())?;
    } else {
        put(frame, HOP_LIMIT, [less])?;
    }
    put_ethernet(frame, to, from, ether_type)?;
    Some(packet.end)
}

/// Holds a frame until its next hop answers: in the place of an earlier one for it, in a free place, or in the oldest's.
fn hold(held: &mut [Held], counters: &mut ForwardCounters, now: Instant, next_hop: IpAddr, frame: &[u8]) {
    let same = held.iter().position(|held| held.length != 0 && held.next_hop == next_hop);
    let oldest = || {
        let places = held.iter().enumerate();
        places.min_by_key(|(_, held)| (held.length != 0, held.since)).map(|(place, _)| place)
    };
    let place = same.or_else(oldest).and_then(|place| held.get_mut(place));
    let (Some(place), Ok(length)) = (place, u16::try_from(frame.len())) else {
        return count(&mut counters.overtaken);
    };
    if place.length != 0 {
        count(&mut counters.overtaken);
    }
    (place.length, place.next_hop, place.since) = (0, next_hop, now);
    if put_slice(&mut place.frame, 0, frame).is_some() {
        place.length = length;
        count(&mut counters.held);
    }
}
