//! One peer's offer of a prefix, and which of two is better.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What decides about a route heard from a peer. (Its router-id is the peer's, and kept once for all its routes.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Where its packets go.
    pub next_hop: IpAddr,
    /// Its place by the `prefer` lines; 0 is the best. See [`Steer::rank`](super::policy::Steer::rank).
    pub rank: u8,
    /// The length of its AS_PATH (RFC 4271 section 9.1.2.2 a); 255 stands for all that is longer.
    pub path_length: u8,
    /// ORIGIN: 0 IGP, 1 EGP, 2 INCOMPLETE (RFC 4271 section 9.1.2.2 b).
    pub origin: u8,
    /// MULTI_EXIT_DISC, 0 when there is none. Compared whatever AS the routes come from: those who share an address are
    /// usually of one AS, and an order that holds between any two routes has one best.
    pub med: u32,
}

impl Candidate {
    /// How good it is, the router-id aside: less is better. Candidates with the same number share the load.
    pub(crate) const fn cost(&self) -> u64 {
        (self.rank as u64) << 48
            | (self.path_length as u64) << 40
            | (self.origin as u64) << 32
            | self.med as u64
    }
}

/// A candidate in 23 octets without gaps. All zero bits at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// IPv4 stands in the first four.
    next_hop: [u8; 16],
    rank: u8,
    path_length: u8,
    /// ORIGIN, and in the highest bit whether the next hop is IPv6.
    origin: u8,
    med: [u8; 4],
}

const IS_V6: u8 = 0x80;

impl Packed {
    pub(super) const REST: Self = Self { next_hop: [0; 16], rank: 0, path_length: 0, origin: 0, med: [0; 4] };

    pub(super) fn of(candidate: &Candidate) -> Self {
        let &Candidate { next_hop, rank, path_length, origin, med } = candidate;
        let (next_hop, is_v6) = pack(next_hop);
        let origin = (origin & !IS_V6) | if is_v6 { IS_V6 } else { 0 };
        Self { next_hop, rank, path_length, origin, med: med.to_be_bytes() }
    }

    pub(super) fn get(&self) -> Candidate {
        let &Self { next_hop, rank, path_length, origin, med } = self;
        Candidate {
            next_hop: unpack(next_hop, origin & IS_V6 != 0),
            rank,
            path_length,
            origin: origin & !IS_V6,
            med: u32::from_be_bytes(med),
        }
    }
}

/// An address in 16 octets and whether it is IPv6.
pub(super) fn pack(address: IpAddr) -> ([u8; 16], bool) {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            ([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false)
        }
        IpAddr::V6(v6) => (v6.octets(), true),
    }
}

pub(super) fn unpack(octets: [u8; 16], is_v6: bool) -> IpAddr {
    if is_v6 {
        return IpAddr::V6(Ipv6Addr::from(octets));
    }
    let [a, b, c, d, ..] = octets;
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Candidate =
        Candidate { next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED), rank: 1, path_length: 1, origin: 1, med: 1 };

    #[test]
    fn rank_goes_before_path_before_origin_before_med() {
        let better = [
            Candidate { rank: 0, path_length: 255, origin: 2, med: u32::MAX, ..PLAIN },
            Candidate { path_length: 0, origin: 2, med: u32::MAX, ..PLAIN },
            Candidate { origin: 0, med: u32::MAX, ..PLAIN },
            Candidate { med: 0, ..PLAIN },
        ];
        for candidate in better {
            assert!(candidate.cost() < PLAIN.cost(), "{candidate:?}");
        }
        let elsewhere = Candidate { next_hop: IpAddr::V6(Ipv6Addr::LOCALHOST), ..PLAIN };
        assert_eq!(elsewhere.cost(), PLAIN.cost());
    }

    #[test]
    fn a_packed_candidate_is_the_same_candidate() {
        assert_eq!(size_of::<Packed>(), 23);
        for next_hop in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0", "::"] {
            let candidate = Candidate { next_hop: next_hop.parse().unwrap(), med: 0x0102_0304, ..PLAIN };
            assert_eq!(Packed::of(&candidate).get(), candidate);
        }
    }
}
