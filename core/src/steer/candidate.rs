//! One peer's offer of a prefix, and which of two is better.

use core::cmp::Reverse;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What decides about a route heard from a peer. (Its router-id is the peer's, and kept once for all its routes.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Where its packets go.
    pub next_hop: IpAddr,
    /// Its place by the `prefer` lines; 0 is the best. See [`Steer::rank`](super::policy::Steer::rank).
    pub rank: u8,
    /// LOCAL_PREF (RFC 4271 section 9.1.1): of an internal peer's route what it says, of others `bgp default local-preference`.
    pub local_pref: u32,
    /// The length of its AS_PATH (RFC 4271 section 9.1.2.2 a); 255 stands for all that is longer.
    pub path_length: u8,
    /// ORIGIN: 0 IGP, 1 EGP, 2 INCOMPLETE (RFC 4271 section 9.1.2.2 b).
    pub origin: u8,
    /// MULTI_EXIT_DISC, 0 when there is none. Compared whatever AS the routes come from: those who share an address are
    /// usually of one AS, and an order that holds between any two routes has one best.
    pub med: u32,
    /// Whether it comes from an internal peer, which an external one is preferred to (RFC 4271 section 9.1.2.2 d).
    pub internal: bool,
}

/// How good a candidate is: less is better.
pub(crate) type Cost = (u8, Reverse<u32>, u8, u8, u32, bool);

impl Candidate {
    /// How good it is, the router-id aside. Candidates of the same cost share the load.
    pub(crate) const fn cost(&self) -> Cost {
        (self.rank, Reverse(self.local_pref), self.path_length, self.origin, self.med, self.internal)
    }
}

/// A candidate in 27 octets without gaps. All zero bits at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// IPv4 stands in the first four.
    next_hop: [u8; 16],
    rank: u8,
    path_length: u8,
    /// ORIGIN, and in the highest bits whether the next hop is IPv6 and the peer internal.
    origin: u8,
    local_pref: [u8; 4],
    med: [u8; 4],
}

const IS_V6: u8 = 0x80;
const INTERNAL: u8 = 0x40;

impl Packed {
    pub(super) const REST: Self =
        Self { next_hop: [0; 16], rank: 0, path_length: 0, origin: 0, local_pref: [0; 4], med: [0; 4] };

    pub(super) fn of(candidate: &Candidate) -> Self {
        let &Candidate { next_hop, rank, local_pref, path_length, origin, med, internal } = candidate;
        let (next_hop, is_v6) = pack(next_hop);
        let flags = if is_v6 { IS_V6 } else { 0 } | if internal { INTERNAL } else { 0 };
        let origin = (origin & !(IS_V6 | INTERNAL)) | flags;
        let (local_pref, med) = (local_pref.to_be_bytes(), med.to_be_bytes());
        Self { next_hop, rank, path_length, origin, local_pref, med }
    }

    /// Its next hop alone.
    pub(super) fn next_hop(&self) -> IpAddr {
        unpack(self.next_hop, self.origin & IS_V6 != 0)
    }

    pub(super) fn get(&self) -> Candidate {
        let &Self { next_hop, rank, path_length, origin, local_pref, med } = self;
        Candidate {
            next_hop: unpack(next_hop, origin & IS_V6 != 0),
            rank,
            local_pref: u32::from_be_bytes(local_pref),
            path_length,
            origin: origin & !(IS_V6 | INTERNAL),
            med: u32::from_be_bytes(med),
            internal: origin & INTERNAL != 0,
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

    const PLAIN: Candidate = Candidate {
        next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        rank: 1,
        local_pref: 100,
        path_length: 1,
        origin: 1,
        med: 1,
        internal: true,
    };
    const WORST: Candidate =
        Candidate { rank: 1, local_pref: 0, path_length: 255, origin: 2, med: u32::MAX, ..PLAIN };

    #[test]
    fn rank_goes_before_local_pref_before_path_before_origin_before_med_before_external() {
        let better = [
            Candidate { rank: 0, ..WORST },
            Candidate { local_pref: 101, ..WORST },
            Candidate { path_length: 0, origin: 2, med: u32::MAX, ..PLAIN },
            Candidate { origin: 0, med: u32::MAX, ..PLAIN },
            Candidate { med: 0, ..PLAIN },
            Candidate { internal: false, ..PLAIN },
        ];
        for candidate in better {
            assert!(candidate.cost() < PLAIN.cost(), "{candidate:?}");
        }
        let elsewhere = Candidate { next_hop: IpAddr::V6(Ipv6Addr::LOCALHOST), ..PLAIN };
        assert_eq!(elsewhere.cost(), PLAIN.cost());
    }

    #[test]
    fn a_packed_candidate_is_the_same_candidate() {
        assert_eq!(size_of::<Packed>(), 27);
        for next_hop in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0", "::"] {
            for internal in [true, false] {
                let next_hop = next_hop.parse().unwrap();
                let candidate =
                    Candidate { next_hop, med: 0x0102_0304, local_pref: 0x0506_0708, internal, ..PLAIN };
                assert_eq!(Packed::of(&candidate).get(), candidate);
            }
        }
    }
}
