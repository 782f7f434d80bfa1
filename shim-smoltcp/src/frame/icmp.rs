//! ICMP errors about packets that could not be forwarded (RFC 792, RFC 1812 section 4.3.2, RFC 4443).

use core::net::IpAddr;

use holdover_core::base::time::{Duration, Instant};

use super::Mac;
use super::bytes::{ETHERNET, Ends, IPV4, IPV6, build_icmp4, build_icmp6, source};
use super::packet::{ICMP, ICMPV6, Packet, Part};

/// The most octets of an error with its IP header: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c).
const MOST_IPV4: usize = 576;
const MOST_IPV6: usize = 1_280;
/// The ICMP header.
const HEADER: usize = 8;
/// TTL and hop limit of an error.
const HOP_LIMIT: u8 = 64;

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its TTL or hop limit came to its end here.
    Expired,
    /// No route leads there.
    NoRoute,
    /// A route says so, or nobody answers for the next hop.
    Unreachable,
}

impl Fault {
    /// Type and code: of ICMPv6, or of ICMP.
    fn codes(self, v6: bool) -> [u8; 2] {
        let (icmp, icmpv6) = match self {
            Self::Expired => ([11, 0], [3, 0]),
            Self::NoRoute => ([3, 0], [1, 0]),
            Self::Unreachable => ([3, 1], [1, 3]),
        };
        if v6 { icmpv6 } else { icmp }
    }
}

/// Whether an error may be sent about this packet at all: not about an error, not about a later fragment, and not to an
/// address that is not one host's (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e)).
pub(super) fn may_answer(packet: &Packet, frame: &[u8]) -> bool {
    let one_host = match packet.source {
        IpAddr::V4(source) => !(source.is_unspecified() || source.is_multicast() || source.is_broadcast()),
        IpAddr::V6(source) => !(source.is_unspecified() || source.is_multicast()),
    };
    let kind = packet.body(frame).and_then(|body| body.first()).copied();
    let about_an_error = match (packet.protocol, kind) {
        // Only what is known to be a question or its answer is no error: echo, timestamp, information, mask.
        (ICMP, kind) => !matches!(kind, Some(0 | 8 | 13..=18)),
        // RFC 4443 section 2.1: errors have the upper bit clear; a redirect counts as one (section 2.4 (e.2)).
        (ICMPV6, kind) => kind.is_none_or(|kind| kind < 128 || kind == 137),
        _ => false,
    };
    one_host && !about_an_error && packet.part != Part::Later
}

/// Writes an error about the packet in `original` into `buffer` and returns its length. It goes back to whoever handed us
/// the packet: with one link, that is the way to its source. `from` and `ours` are our link-layer address and the address
/// we answer with, of the packet's family.
pub(super) fn error(
    fault: Fault,
    from: Mac,
    ours: IpAddr,
    original: &[u8],
    packet: &Packet,
    buffer: &mut [u8],
) -> Option<usize> {
    let to = source(original)?;
    let quoted = original.get(ETHERNET..packet.end)?;
    let quote = |most: usize| quoted.get(..most.min(quoted.len()));
    let [kind, code] = fault.codes(ours.is_ipv6());
    let head = [kind, code, 0, 0, 0, 0, 0, 0];
    match (ours, packet.source) {
        (IpAddr::V4(ours), IpAddr::V4(destination)) => {
            let ends = Ends { to, from, source: ours, destination, hop_limit: HOP_LIMIT };
            build_icmp4(buffer, ends, [&head, quote(const { MOST_IPV4 - IPV4 - HEADER })?])
        }
        (IpAddr::V6(ours), IpAddr::V6(destination)) => {
            let ends = Ends { to, from, source: ours, destination, hop_limit: HOP_LIMIT };
            build_icmp6(buffer, ends, [&head, quote(const { MOST_IPV6 - IPV6 - HEADER })?])
        }
        _ => None,
    }
}

/// The limit on errors that RFC 4443 section 2.4 (f) demands: a bucket of 10, filled with 10 a second. All zero bits is a
/// full one.
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    spent: u8,
    since: Instant,
}

impl Bucket {
    const MOST: u8 = 10;
    const REFILL: Duration = Duration::from_millis(100);

    pub(super) const FULL: Self = Self { spent: 0, since: Instant::ZERO };

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        while self.spent > 0 && now - self.since >= Self::REFILL {
            self.spent = self.spent.saturating_sub(1);
            self.since += Self::REFILL;
        }
        if self.spent == 0 {
            self.since = now;
        }
        let there = self.spent < Self::MOST;
        if there {
            self.spent = self.spent.saturating_add(1);
        }
        there
    }
}
