//! Who may speak to the BGP port: per remote, the TCP MD5 key (RFC 2385) and the least TTL (RFC 5082).
//!
//! What smoltcp cannot check is checked before it sees a segment, and what it cannot write is written after it. A remote
//! without a rule is none of the guard's business.

use core::hint::black_box;
use core::net::IpAddr;

use holdover_core::base::limits::PASSWORD;
use holdover_core::base::net::Prefix;

use super::Full;
use super::bytes::{TYPE_IPV4, TYPE_IPV6, ether_type};
use super::packet::{ICMP, ICMPV6, Packet, Part, TCP, UDP};
use super::signature::{self, Wrong};

/// The BGP port (RFC 4271 section 8.2.1).
const BGP: u16 = 179;
/// By how many octets a frame can grow when it is signed.
pub const SIGNATURE_ROOM: usize = signature::ROOM;

/// Why a rule was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Every place is taken.
    Full,
    /// The key has more than 80 octets.
    KeyTooLong,
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// What the guard did, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GuardCounters {
    /// Segments that were signed and sent.
    pub signed: u32,
    /// Segments received whose signature was right.
    pub verified: u32,
    /// Dropped: the signature is not the key's.
    pub forged: u32,
    /// Dropped: no signature where one is needed.
    pub missing: u32,
    /// Dropped: a signature where there is no key.
    pub unexpected: u32,
    /// Dropped: the TTL or hop limit is below the least one.
    pub low_ttl: u32,
    /// Dropped: the TCP checksum is wrong.
    pub corrupt: u32,
    /// Dropped: a fragment of what may be a segment; a signature is over the whole.
    pub fragments: u32,
    /// Dropped: a header claims what is not there.
    pub malformed: u32,
    /// Not sent: no room for the signature.
    pub no_room: u32,
}

/// What is known of a remote's key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Nothing: a wider rule may know.
    Unset,
    /// There is none: segments are not signed.
    None,
    /// It is the first so many octets.
    Octets(u8),
}

/// What holds for the remotes in one prefix.
#[derive(Clone, Copy)]
struct Rule {
    used: bool,
    /// Beside 179.
    port: u16,
    /// 0: not set.
    least_ttl: u8,
    prefix: Prefix,
    key: Key,
    octets: [u8; PASSWORD],
}

impl Rule {
    const REST: Self = Self {
        used: false,
        port: 0,
        least_ttl: 0,
        prefix: Prefix::ZERO,
        key: Key::Unset,
        octets: [0; PASSWORD],
    };

    fn is_about(&self, remote: IpAddr, ports: Option<[u16; 2]>) -> bool {
        let mine = |port| port == BGP || (self.port != 0 && port == self.port);
        self.used && self.prefix.contains(remote) && ports.is_none_or(|ports| ports.into_iter().any(mine))
    }

    /// Forgets the key in a way that the compiler cannot leave out.
    fn wipe(&mut self) {
        self.octets.fill(0);
        black_box(&mut self.octets);
        self.key = Key::Unset;
    }
}

/// At most `RULES` prefixes with what holds for the remotes in them. All zero bits at rest.
#[repr(C)] // The small first, as in `Port`.
pub struct Guard<const RULES: usize> {
    counters: GuardCounters,
    rules: [Rule; RULES],
}

impl<const RULES: usize> Default for Guard<RULES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RULES: usize> Guard<RULES> {
    /// A guard without rules: everything passes.
    pub const fn new() -> Self {
        let counters = GuardCounters {
            signed: 0,
            verified: 0,
            forged: 0,
            missing: 0,
            unexpected: 0,
            low_ttl: 0,
            corrupt: 0,
            fragments: 0,
            malformed: 0,
            no_room: 0,
        };
        Self { rules: [Rule::REST; RULES], counters }
    }

    /// Segments from and to `remote` are signed with `key` (at most 80 octets); with `None` they are not, and a signed one
    /// is dropped. It holds for port 179 and for `port` (0: for 179 only), at either end. Where several prefixes cover a
    /// remote, the longest that was given here decides.
    pub fn set_key(&mut self, remote: Prefix, port: u16, key: Option<&[u8]>) -> Result<(), Refused> {
        let length = key.map_or(0, <[u8]>::len);
        let known = match (key, u8::try_from(length)) {
            (None, _) => Key::None,
            (Some(_), Ok(short)) if length <= PASSWORD => Key::Octets(short),
            _ => return Err(Refused::KeyTooLong),
        };
        let rule = self.rule_mut(remote)?;
        rule.wipe();
        rule.port = port;
        rule.key = known;
        for (place, &octet) in rule.octets.iter_mut().zip(key.unwrap_or_default()) {
            *place = octet;
        }
        Ok(())
    }

    /// Segments from `remote` are dropped when their TTL or hop limit is below `least`; 0: none is. Ports and prefixes as
    /// with [`Guard::set_key`].
    pub fn set_least_ttl(&mut self, remote: Prefix, port: u16, least: u8) -> Result<(), Refused> {
        let known = self.rules.iter().any(|rule| rule.used && rule.prefix == remote);
        if known || least != 0 {
            let rule = self.rule_mut(remote)?;
            (rule.port, rule.least_ttl) = (port, least);
        }
        Ok(())
    }

    /// Forgets what was said of exactly this prefix, and wipes its key.
    pub fn forget(&mut self, remote: Prefix) {
        for rule in self.rules.iter_mut().filter(|rule| rule.used && rule.prefix == remote) {
            rule.wipe();
            *rule = Rule::REST;
        }
    }

    /// Forgets everything, and wipes every key.
    pub fn clear(&mut self) {
        for rule in &mut self.rules {
            rule.wipe();
            *rule = Rule::REST;
        }
    }

    /// What it did so far.
    pub const fn counters(&self) -> GuardCounters {
        self.counters
    }

    /// Whether a received frame may be handed up. The segment size in a SYN that is signed is lowered, so that what smoltcp
    /// answers with is no longer than the peer takes, nor than the longest frame of `mtu` octets, when it is signed.
    pub fn receive(&mut self, frame: &mut [u8], mtu: usize) -> bool {
        let verdict = self.check(frame);
        if verdict == Some(true) {
            signature::leave_room(frame, mtu);
        }
        verdict.is_some()
    }

    /// Whether a frame passes, and whether its signature was checked.
    fn check(&mut self, frame: &[u8]) -> Option<bool> {
        let counters = &mut self.counters;
        let verdict = judge(&self.rules, frame);
        let counter = match verdict {
            Ok(false) => return Some(false),
            Ok(true) => &mut counters.verified,
            Err(Reason::LowTtl) => &mut counters.low_ttl,
            Err(Reason::Fragment) => &mut counters.fragments,
            Err(Reason::Wrong(Wrong::Malformed)) => &mut counters.malformed,
            Err(Reason::Wrong(Wrong::Corrupt)) => &mut counters.corrupt,
            Err(Reason::Wrong(Wrong::Missing)) => &mut counters.missing,
            Err(Reason::Wrong(Wrong::Unexpected)) => &mut counters.unexpected,
            Err(Reason::Wrong(Wrong::Forged)) => &mut counters.forged,
        };
        *counter = counter.saturating_add(1);
        verdict.ok()
    }

    /// Makes the frame in the first `length` octets of `frame` ready to be sent: signs it where a key says so, and gives it
    /// the TTL or hop limit 255 where a least one holds for what comes back (RFC 5082 section 3; what smoltcp answers by
    /// itself, an acknowledgement out of turn or a reset, has its own otherwise). Returns its length then. `None`: it must
    /// not be sent, for there is no room for its signature.
    pub fn send(&mut self, frame: &mut [u8], length: usize) -> Option<usize> {
        let Some(packet) = Packet::read(frame.get(..length)?).filter(|packet| packet.protocol == TCP) else {
            return Some(length);
        };
        let Some(ports) = packet.ports(frame) else { return Some(length) };
        if least_ttl_of(&self.rules, packet.destination, ports) != 0 {
            packet.set_hop_limit(frame, u8::MAX)?;
        }
        let Some(key) = key_of(&self.rules, packet.destination, ports) else { return Some(length) };
        let signed = signature::sign(frame, length, key);
        let counter = if signed.is_some() { &mut self.counters.signed } else { &mut self.counters.no_room };
        *counter = counter.saturating_add(1);
        signed
    }

    /// The rule of exactly this prefix, made if there is none.
    fn rule_mut(&mut self, prefix: Prefix) -> Result<&mut Rule, Full> {
        let same = self.rules.iter().position(|rule| rule.used && rule.prefix == prefix);
        let place = same.or_else(|| self.rules.iter().position(|rule| !rule.used));
        let rule = place.and_then(|place| self.rules.get_mut(place)).ok_or(Full)?;
        (rule.used, rule.prefix) = (true, prefix);
        Ok(rule)
    }
}

/// Why a frame is dropped.
#[derive(Clone, Copy)]
enum Reason {
    LowTtl,
    Fragment,
    Wrong(Wrong),
}

/// Whether a received frame passes; and if so, whether its signature was checked.
fn judge(rules: &[Rule], frame: &[u8]) -> Result<bool, Reason> {
    if !rules.iter().any(|rule| rule.used) || !matches!(ether_type(frame), Some(TYPE_IPV4 | TYPE_IPV6)) {
        return Ok(false);
    }
    let packet = Packet::read(frame).ok_or(Reason::Wrong(Wrong::Malformed))?;
    if matches!(packet.protocol, ICMP | UDP | ICMPV6) {
        return Ok(false);
    }
    let remote = packet.source;
    let about = |ports| rules.iter().filter(move |rule| rule.is_about(remote, ports));
    if packet.part != Part::Whole {
        // Put together again it would pass by the guard.
        return if about(None).next().is_some() { Err(Reason::Fragment) } else { Ok(false) };
    }
    if packet.protocol != TCP {
        return Ok(false);
    }
    let Some(ports) = packet.ports(frame) else {
        return if about(None).next().is_some() { Err(Reason::Wrong(Wrong::Malformed)) } else { Ok(false) };
    };
    if about(Some(ports)).next().is_none() {
        return Ok(false);
    }
    // RFC 5082 section 3: before anything that costs more.
    if packet.hop_limit < least_ttl_of(rules, remote, ports) {
        return Err(Reason::LowTtl);
    }
    let key = key_of(rules, remote, ports);
    signature::verify(frame, &packet, key).map_err(Reason::Wrong)?;
    Ok(key.is_some())
}

/// The least TTL of the longest prefix that has one; 0: none has.
fn least_ttl_of(rules: &[Rule], remote: IpAddr, ports: [u16; 2]) -> u8 {
    let known = rules.iter().filter(|rule| rule.least_ttl != 0 && rule.is_about(remote, Some(ports)));
    known.max_by_key(|rule| rule.prefix.length()).map_or(0, |rule| rule.least_ttl)
}

/// The key of the longest prefix that has one, or that is said to have none.
fn key_of(rules: &[Rule], remote: IpAddr, ports: [u16; 2]) -> Option<&[u8]> {
    let known = rules.iter().filter(|rule| rule.key != Key::Unset && rule.is_about(remote, Some(ports)));
    let rule = known.max_by_key(|rule| rule.prefix.length())?;
    match rule.key {
        Key::Octets(length) => rule.octets.get(..usize::from(length)),
        Key::None | Key::Unset => None,
    }
}

#[cfg(test)]
impl<const RULES: usize> Guard<RULES> {
    /// [`Guard::receive`] for frames that are not looked at afterwards.
    pub(super) fn admits(&mut self, frame: &[u8]) -> bool {
        self.check(frame).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_wiped_when_it_is_replaced_or_forgotten() {
        let remote = Prefix::host(IpAddr::from([192, 0, 2, 1]));
        let other = Prefix::host(IpAddr::from([192, 0, 2, 2]));
        let mut guard = Guard::<2>::new();
        let octets = |guard: &Guard<2>| guard.rules.map(|rule| rule.octets);
        guard.set_key(remote, 0, Some(&[7; 80])).unwrap();
        guard.set_key(other, 0, Some(&[8; 80])).unwrap();
        assert_eq!(octets(&guard), [[7; 80], [8; 80]]);
        guard.set_key(remote, 0, Some(b"short")).unwrap();
        assert_eq!((&octets(&guard)[0][..5], octets(&guard)[0][5..].iter().max()), (&b"short"[..], Some(&0)));
        guard.set_key(other, 0, None).unwrap();
        assert_eq!(octets(&guard)[1], [0; 80]);
        guard.forget(remote);
        assert_eq!(octets(&guard), [[0; 80]; 2]);
        guard.set_key(remote, 0, Some(&[9; 80])).unwrap();
        guard.clear();
        assert_eq!(octets(&guard), [[0; 80]; 2]);
    }
}
