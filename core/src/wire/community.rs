//! Communities (RFC 1997) and large communities (RFC 8092), and how people write them.

use core::fmt;

/// A community: `65000:1`, or one of the well-known names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Community(pub u32);

impl Community {
    /// RFC 8326: prefer any other path, this one goes away soon.
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xFFFF_0000);
    /// RFC 7999: discard the traffic.
    pub const BLACKHOLE: Self = Self(0xFFFF_029A);
    /// RFC 1997: not beyond this AS or confederation.
    pub const NO_EXPORT: Self = Self(0xFFFF_FF01);
    /// RFC 1997: to no other peer.
    pub const NO_ADVERTISE: Self = Self(0xFFFF_FF02);
    /// RFC 1997 NO_EXPORT_SUBCONFED: to no external peer.
    pub const LOCAL_AS: Self = Self(0xFFFF_FF03);
    /// RFC 3765: not across bilateral peerings.
    pub const NO_PEER: Self = Self(0xFFFF_FF04);

    /// `high:low`.
    pub const fn new(high: u16, low: u16) -> Self {
        Self((high as u32) << 16 | low as u32)
    }

    /// The two halves, as they are written.
    pub const fn halves(self) -> (u16, u16) {
        let [a, b, c, d] = self.0.to_be_bytes();
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }

    /// The name of a well-known one, as FRR spells it.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::GRACEFUL_SHUTDOWN => "graceful-shutdown",
            Self::BLACKHOLE => "blackhole",
            Self::NO_EXPORT => "no-export",
            Self::NO_ADVERTISE => "no-advertise",
            Self::LOCAL_AS => "local-AS",
            Self::NO_PEER => "no-peer",
            _ => return None,
        })
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = self.halves();
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{high}:{low}"),
        }
    }
}

/// A large community: `63949:1:1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LargeCommunity {
    /// Global Administrator: an AS number.
    pub global: u32,
    /// Local Data Part 1.
    pub local1: u32,
    /// Local Data Part 2.
    pub local2: u32,
}

impl LargeCommunity {
    /// `global:local1:local2`.
    pub const fn new(global: u32, local1: u32, local2: u32) -> Self {
        Self { global, local1, local2 }
    }

    /// From its twelve octets.
    #[inline]
    pub fn from_octets(octets: &[u8; 12]) -> Self {
        let (&[global, local1, local2], _) = octets.as_chunks::<4>() else { return Self::default() };
        let number = u32::from_be_bytes;
        Self { global: number(global), local1: number(local1), local2: number(local2) }
    }
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global, self.local1, self.local2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn communities_are_written_as_people_write_them() {
        assert_eq!(Community::new(65_000, 1).to_string(), "65000:1");
        assert_eq!(Community(0xFFFF_FFFF).to_string(), "65535:65535");
        assert_eq!(LargeCommunity::new(63_949, 1, u32::MAX).to_string(), "63949:1:4294967295");
    }

    #[test]
    fn well_known_communities_have_their_numbers_and_names() {
        let numbers = [
            (65_535, 0),
            (65_535, 666),
            (65_535, 65_281),
            (65_535, 65_282),
            (65_535, 65_283),
            (65_535, 65_284),
        ];
        let names = ["graceful-shutdown", "blackhole", "no-export", "no-advertise", "local-AS", "no-peer"];
        for ((high, low), name) in numbers.into_iter().zip(names) {
            assert_eq!(Community::new(high, low).to_string(), name);
            assert_eq!(Community::new(high, low).halves(), (high, low));
        }
    }

    #[test]
    fn a_large_community_is_read_from_twelve_octets() {
        let octets = [0, 0, 0xF9, 0xCD, 0, 0, 0, 1, 0, 0, 0, 2];
        assert_eq!(LargeCommunity::from_octets(&octets), LargeCommunity::new(63_949, 1, 2));
    }
}
