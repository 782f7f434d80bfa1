//! Next hops: NEXT_HOP (RFC 4271 section 5.1.3) and the one in MP_REACH_NLRI, whose length says what it is
//! (RFC 4760 section 3, RFC 2545 section 3, RFC 8950 section 3).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::net::Family;

/// Where to send the packets: an address, and the link-local address of the same router when it told one.
/// The rest value is `0.0.0.0` with none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The address; of the other family than the routes when extended next hops are negotiated (RFC 8950).
    pub global: IpAddr,
    /// The link-local address, `::` for none (a plain value, so that a table of these is all zero bits at rest).
    pub link_local: Ipv6Addr,
}

impl NextHop {
    /// `0.0.0.0` without a link-local address: all zero bits.
    pub const ZERO: Self =
        Self { global: IpAddr::V4(Ipv4Addr::UNSPECIFIED), link_local: Ipv6Addr::UNSPECIFIED };

    /// One address alone, without a link-local one.
    pub const fn new(global: IpAddr) -> Self {
        Self { global, link_local: Ipv6Addr::UNSPECIFIED }
    }

    /// The link-local address, when there is one.
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        (!self.link_local.is_unspecified()).then_some(self.link_local)
    }

    /// Whether routes of `family` can have a next hop of `length` octets at all. Beyond that nobody can tell where the
    /// prefixes begin (RFC 7606 section 7.11).
    #[inline]
    pub(crate) const fn length_is_known(family: Family, length: usize) -> bool {
        match family {
            Family::Ipv4 => matches!(length, 4 | 16 | 32),
            Family::Ipv6 => matches!(length, 16 | 32),
        }
    }

    /// From the next hop field of MP_REACH_NLRI (4, 16 or 32 octets).
    #[inline]
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        match octets.len() {
            4 => Some(Self::new(IpAddr::V4(Ipv4Addr::from(*octets.first_chunk::<4>()?)))),
            16 => Some(Self::new(IpAddr::V6(Ipv6Addr::from(*octets.first_chunk::<16>()?)))),
            32 => {
                let (global, link_local) = octets.split_first_chunk::<16>()?;
                let global = Ipv6Addr::from(*global);
                let second = Ipv6Addr::from(*link_local.first_chunk::<16>()?);
                // What is not link-local there says nothing (FRR, BIRD: ignored too).
                let link_local = if second.is_unicast_link_local() { second } else { Ipv6Addr::UNSPECIFIED };
                // A router without a global address tells its link-local one only.
                let global = if global.is_unspecified() { link_local } else { global };
                Some(Self { global: IpAddr::V6(global), link_local })
            }
            _ => None,
        }
    }

    /// Whether it can be the address of a router: not unspecified, multicast or reserved (RFC 4271 section 6.3: a valid
    /// host address). A loopback address is one, towards a peer on the same host.
    #[inline]
    pub fn is_usable(&self) -> bool {
        match self.global {
            IpAddr::V4(v4) => {
                let [first, ..] = v4.octets();
                !matches!(first, 0 | 224..=255)
            }
            IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
        }
    }
}

impl Default for NextHop {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn pair(first: &str, second: &str) -> NextHop {
        let mut octets = [0; 32];
        octets[..16].copy_from_slice(&v6(first).octets());
        octets[16..].copy_from_slice(&v6(second).octets());
        NextHop::read(&octets).unwrap()
    }

    #[test]
    fn rfc2545_3_the_second_address_is_the_link_local_one() {
        let next_hop = pair("2001:db8::1", "fe80::1");
        assert_eq!(next_hop.global, IpAddr::V6(v6("2001:db8::1")));
        assert_eq!(next_hop.link_local(), Some(v6("fe80::1")));
        assert_eq!(pair("2001:db8::1", "2001:db8::2").link_local(), None);
        assert_eq!(pair("::", "fe80::1").global, IpAddr::V6(v6("fe80::1")));
    }

    #[test]
    fn only_known_lengths_are_next_hops() {
        for length in 0..=64_usize {
            let known = NextHop::read(&[1; 64][..length]).is_some();
            assert_eq!(known, matches!(length, 4 | 16 | 32));
            assert_eq!(NextHop::length_is_known(Family::Ipv4, length), known);
            assert_eq!(NextHop::length_is_known(Family::Ipv6, length), known && length != 4);
        }
    }

    #[test]
    fn rfc4271_6_3_a_next_hop_is_a_valid_host_address() {
        for (text, usable) in [
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("192.0.2.1", true),
            ("127.0.0.1", true),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", true),
            ("ff02::1", false),
            ("fe80::1", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(NextHop::new(text.parse().unwrap()).is_usable(), usable, "{text}");
        }
        assert!(!NextHop::ZERO.is_usable() && NextHop::default() == NextHop::ZERO);
    }
}
