//! The forwarding plane's neighbours: which link-layer address stands for a next hop.
//!
//! smoltcp keeps a table of its own for what it sends, and has no way to look into it; this one holds the next hops of what
//! is forwarded, and of what the shim sends as frames of its own. An entry is made when a packet needs it, and lives as RFC 4861 section 7.3 has it (and RFC 1122
//! section 2.3.2.1 asks of ARP): asked for at most once a second and three times; good for 30 s; then still used while its
//! owner alone is asked; gone when it does not answer. What a neighbour says by itself changes an entry that is there and
//! makes none.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdover_core::base::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpProtocol, checksum};

use super::Mac;
use super::bytes::{ETHERNET, TYPE_ARP, TYPE_IPV6, destination, ether_type, octets, source};
use super::packet::{ICMPV6, Malformed, Packet, Part};

/// RFC 4861's REACHABLE_TIME, RetransTimer, and both its MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT.
const REACHABLE: Duration = Duration::from_secs(30);
const ASK_INTERVAL: Duration = Duration::from_secs(1);
const ASKS: u8 = 3;
/// For how long nobody is asked again after nobody answered: packets are answered "unreachable" meanwhile.
const FAILED: Duration = Duration::from_secs(3);

/// What is known of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is there.
    Known(Mac),
    /// It is being asked for.
    Asked,
    /// Nobody answers for it.
    Failed,
    /// It has no place in the table.
    Unknown,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask for this address: everybody, or only the one who had it.
    Ask(IpAddr, Option<Mac>),
    /// Nobody answers for it.
    Failed(IpAddr),
}

/// What a frame says of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whose link-layer address it is.
    pub(super) address: IpAddr,
    /// The link-layer address; `None`: as before.
    pub(super) mac: Option<Mac>,
    /// Whether it answers what we asked: so the way there and back works.
    pub(super) solicited: bool,
    /// Whether it takes the place of another one that is known.
    pub(super) overrides: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// Everybody is being asked.
    Asking,
    /// Known; from `at` on it must be confirmed when it is used.
    Known,
    /// Known, and its owner is being asked.
    Confirming,
    /// Nobody answered; asked again from `at` on.
    Failed,
}

#[derive(Clone, Copy)]
struct Entry {
    state: State,
    asked: u8,
    mac: [u8; 6],
    address: IpAddr,
    /// When its state ends or the next question is due.
    at: Instant,
    used: Instant,
}

impl Entry {
    const REST: Self = Self {
        state: State::Free,
        asked: 0,
        mac: [0; 6],
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        at: Instant::ZERO,
        used: Instant::ZERO,
    };

    fn begin(&mut self, state: State, at: Instant) {
        (self.state, self.at, self.asked) = (state, at, 0);
    }

    fn is_being_asked(&self) -> bool {
        matches!(self.state, State::Asking | State::Confirming)
    }

    fn answer(&self) -> Answer {
        match self.state {
            State::Free => Answer::Unknown,
            State::Asking => Answer::Asked,
            State::Known | State::Confirming => Answer::Known(EthernetAddress(self.mac)),
            State::Failed => Answer::Failed,
        }
    }
}

/// At most `N` neighbours. All zero bits at rest.
pub(super) struct Neighbors<const N: usize> {
    entries: [Entry; N],
}

impl<const N: usize> Default for Neighbors<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Neighbors<N> {
    /// An empty table.
    pub(super) const fn new() -> Self {
        Self { entries: [Entry::REST; N] }
    }

    /// The link-layer address of a next hop that a packet needs now; where it is not known, it is asked for from now on.
    pub(super) fn resolve(&mut self, now: Instant, address: IpAddr) -> Answer {
        let Some(entry) = self.place(address).and_then(|place| self.entries.get_mut(place)) else {
            return Answer::Unknown;
        };
        if entry.state == State::Free || entry.address != address {
            *entry = Entry { address, ..Entry::REST };
            entry.begin(State::Asking, now);
        } else if entry.at <= now {
            match entry.state {
                State::Known => entry.begin(State::Confirming, now),
                State::Failed => entry.begin(State::Asking, now),
                State::Free | State::Asking | State::Confirming => {}
            }
        }
        entry.used = now;
        entry.answer()
    }

    /// The same without asking and without a trace.
    pub(super) fn peek(&self, address: IpAddr) -> Answer {
        let entry = self.entries.iter().find(|entry| entry.state != State::Free && entry.address == address);
        entry.map_or(Answer::Unknown, Entry::answer)
    }

    /// Takes over what a neighbour said, if it is one that is needed (RFC 826; RFC 4861 section 7.2.5).
    pub(super) fn hear(&mut self, now: Instant, heard: Heard) {
        let known = |entry: &&mut Entry| entry.state != State::Free && entry.address == heard.address;
        let Some(entry) = self.entries.iter_mut().find(known) else { return };
        let had = entry.answer();
        let mac = match (heard.mac, had) {
            (Some(mac), Answer::Known(old)) if mac != old && !heard.overrides => {
                // Somebody else says that it is at another place, and does not insist: ask the one who had it.
                if entry.state == State::Known {
                    entry.begin(State::Confirming, now);
                }
                return;
            }
            (Some(mac), _) | (None, Answer::Known(mac)) => mac,
            (None, _) => return,
        };
        let confirmed = heard.solicited;
        if !confirmed && had == Answer::Known(mac) {
            return; // what was known anyway
        }
        entry.mac = mac.0;
        entry.begin(State::Known, if confirmed { now + REACHABLE } else { now });
    }

    /// What is due now, one at a time.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Due> {
        let entry = self.entries.iter_mut().find(|entry| entry.is_being_asked() && entry.at <= now)?;
        if entry.asked < ASKS {
            entry.asked = entry.asked.saturating_add(1);
            entry.at = now + ASK_INTERVAL;
            let owner = (entry.state == State::Confirming).then_some(EthernetAddress(entry.mac));
            return Some(Due::Ask(entry.address, owner));
        }
        let address = entry.address;
        match entry.state {
            State::Confirming => *entry = Entry::REST,
            _ => entry.begin(State::Failed, now + FAILED),
        }
        Some(Due::Failed(address))
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Instant {
        let asked = self.entries.iter().filter(|entry| entry.is_being_asked());
        asked.map(|entry| entry.at).min().unwrap_or(Instant::FAR)
    }

    /// The place of this address, or the one to give it: a free one, else one that failed, else the one that is being
    /// asked for and was needed longest ago, so that somebody who sends to many addresses that are not there costs those
    /// that are there nothing; at last the known one that was used longest ago.
    fn place(&self, address: IpAddr) -> Option<usize> {
        let entries = || self.entries.iter().enumerate();
        let same = entries().find(|(_, entry)| entry.state != State::Free && entry.address == address);
        let rank = |entry: &Entry| match entry.state {
            State::Free => 0,
            State::Failed => 1,
            State::Asking => 2,
            State::Known | State::Confirming => 3_u8,
        };
        let victim = || entries().min_by_key(|(_, entry)| (rank(entry), entry.used));
        same.or_else(victim).map(|(place, _)| place)
    }
}

/// What a frame says of its sender's link-layer address: an ARP packet of either kind, or a neighbour advertisement that is
/// valid by RFC 4861 section 7.1.2. `mac` is ours.
pub(super) fn overhear(mac: Mac, frame: &[u8]) -> Option<Heard> {
    match ether_type(frame)? {
        TYPE_ARP => overhear_arp(mac, frame),
        TYPE_IPV6 => overhear_advertisement(frame),
        _ => None,
    }
}

fn overhear_arp(mac: Mac, frame: &[u8]) -> Option<Heard> {
    let [_, 1, 8, 0, 6, 4, _, operation @ (1 | 2)] = octets::<8>(frame, ETHERNET)? else { return None };
    let sender = EthernetAddress(octets(frame, ETHERNET.saturating_add(8))?);
    let address = Ipv4Addr::from_octets(octets(frame, ETHERNET.saturating_add(14))?);
    let _target: [u8; 10] = octets(frame, ETHERNET.saturating_add(18))?;
    if !sender.is_unicast() || address.is_unspecified() || address.is_multicast() {
        return None;
    }
    let solicited = operation == 2 && destination(frame)? == mac;
    Some(Heard { address: IpAddr::V4(address), mac: Some(sender), solicited, overrides: true })
}

fn overhear_advertisement(frame: &[u8]) -> Option<Heard> {
    const SOLICITED: u8 = 0x40;
    const OVERRIDE: u8 = 0x20;
    let (_, destination, message) = discovery_message(frame)?;
    let [136, 0, _, _, flags, ..] = octets::<24>(message, 0)? else { return None };
    let target = Ipv6Addr::from_octets(octets(message, 8)?);
    let solicited = flags & SOLICITED != 0;
    if target.is_multicast() || (solicited && destination.is_multicast()) {
        return None;
    }
    let mac = link_layer_option(message.get(24..)?, 2).ok()?;
    Some(Heard { address: IpAddr::V6(target), mac, solicited, overrides: flags & OVERRIDE != 0 })
}

/// Somebody asks for the link-layer address of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// In whose name it is asked: one host's address.
    pub(super) asker: IpAddr,
    /// Where the answer goes.
    pub(super) mac: Mac,
    /// Whom is asked for.
    pub(super) target: IpAddr,
}

/// The question in a frame to everybody or to `ours`: an ARP request, also one that only looks whether the address is free,
/// or a neighbour solicitation in somebody's name that is valid by RFC 4861 section 7.1.1.
pub(super) fn question(ours: Mac, frame: &[u8]) -> Option<Question> {
    destination(frame).filter(|&to| to == ours || !to.is_unicast())?;
    let (asker, mac, target, one_host) = match ether_type(frame)? {
        TYPE_ARP => {
            let [0, 1, 8, 0, 6, 4, 0, 1] = octets::<8>(frame, ETHERNET)? else { return None };
            let mac = EthernetAddress(octets(frame, ETHERNET.saturating_add(8))?);
            let asker = Ipv4Addr::from_octets(octets(frame, ETHERNET.saturating_add(14))?);
            let target = Ipv4Addr::from_octets(octets(frame, ETHERNET.saturating_add(24))?);
            let one_host = !asker.is_multicast() && !asker.is_broadcast();
            (IpAddr::V4(asker), mac, IpAddr::V4(target), one_host)
        }
        TYPE_IPV6 => {
            let (asker, _, message) = discovery_message(frame)?;
            let [135, 0, ..] = octets::<24>(message, 0)? else { return None };
            let target = Ipv6Addr::from_octets(octets(message, 8)?);
            let mac = link_layer_option(message.get(24..)?, 1).ok()?.or(source(frame))?;
            let one_host = !asker.is_unspecified() && !asker.is_multicast();
            (IpAddr::V6(asker), mac, IpAddr::V6(target), one_host)
        }
        _ => return None,
    };
    (one_host && mac.is_unicast() && mac != ours).then_some(Question { asker, mac, target })
}

/// A whole ICMPv6 message that has passed no router, its checksum right; with its source and its destination.
fn discovery_message(frame: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr, &[u8])> {
    let packet = Packet::read(frame)?;
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination) else {
        return None;
    };
    if (packet.protocol, packet.part, packet.hop_limit) != (ICMPV6, Part::Whole, 255) {
        return None;
    }
    let message = packet.body(frame)?;
    let length = u32::try_from(message.len()).ok()?;
    let pseudo = checksum::pseudo_header_v6(&source, &destination, IpProtocol::Icmpv6, length);
    let right = checksum::combine(&[pseudo, checksum::data(message)]) == u16::MAX;
    right.then_some((source, destination, message))
}

/// The option that holds a link-layer address, of the source (1) or of the target (2), if there is one. An option of length
/// 0 makes the whole message invalid.
fn link_layer_option(mut options: &[u8], wanted: u8) -> Result<Option<Mac>, Malformed> {
    let mut found = None;
    while let Some(&[kind, units]) = options.first_chunk::<2>() {
        let length = usize::from(units) << 3;
        let split = options.split_at_checked(length).filter(|_| length != 0);
        let (option, rest) = split.ok_or(Malformed)?;
        if kind == wanted {
            found = octets(option, 2).map(EthernetAddress).filter(EthernetAddress::is_unicast);
        }
        options = rest;
    }
    Ok(found)
}
