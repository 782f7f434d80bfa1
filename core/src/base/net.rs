//! The values every module speaks of: address families, prefixes, AS numbers, BGP identifiers.

use core::cmp::Ordering;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A 4-octet Autonomous System number (RFC 6793). Zero is never a valid one (RFC 7607).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Asn(pub u32);

impl Asn {
    /// AS_TRANS, which stands for a number that does not fit two octets (RFC 6793 section 9).
    pub const TRANS: Self = Self(23_456);

    /// Whether it is for private use (RFC 6996).
    pub const fn is_private(self) -> bool {
        matches!(self.0, 64_512..=65_534 | 4_200_000_000..=4_294_967_294)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A BGP Identifier: any four octets but zero (RFC 6286), written like an IPv4 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BgpId(pub u32);

impl fmt::Display for BgpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv4Addr::from_bits(self.0).fmt(f)
    }
}

/// The two families Holdover speaks, both with SAFI unicast (RFC 4760).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Family {
    /// AFI 1, SAFI 1.
    #[default]
    Ipv4,
    /// AFI 2, SAFI 1.
    Ipv6,
}

impl Family {
    /// Both, in the order of their AFI.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The Address Family Identifier.
    pub const fn afi(self) -> u16 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
        }
    }

    /// The longest prefix, in bits: 32 or 128.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Ipv4 => 32,
            Self::Ipv6 => 128,
        }
    }

    /// 0 for IPv4, 1 for IPv6: for tables with one place per family.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "ipv4 unicast",
            Self::Ipv6 => "ipv6 unicast",
        })
    }
}

/// An AFI and a SAFI as they stand on the wire, known or not (RFC 4760 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AfiSafi {
    /// Address Family Identifier.
    pub afi: u16,
    /// Subsequent Address Family Identifier.
    pub safi: u8,
}

impl AfiSafi {
    /// The family, when it is one that Holdover speaks.
    pub const fn family(self) -> Option<Family> {
        match (self.afi, self.safi) {
            (1, 1) => Some(Family::Ipv4),
            (2, 1) => Some(Family::Ipv6),
            _ => None,
        }
    }
}

impl From<Family> for AfiSafi {
    fn from(family: Family) -> Self {
        Self { afi: family.afi(), safi: 1 }
    }
}

/// A set of families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Families(u8);

impl Families {
    /// No family.
    pub const NONE: Self = Self(0);
    /// Both.
    pub const ALL: Self = Self(3);

    /// This set and `family`.
    #[must_use]
    pub const fn with(self, family: Family) -> Self {
        Self(self.0 | 1 << family as u8)
    }

    /// This set with `family` in it, or without.
    #[must_use]
    pub(crate) const fn with_if(self, family: Family, on: bool) -> Self {
        let bit = 1 << family as u8;
        if on { Self(self.0 | bit) } else { Self(self.0 & !bit) }
    }

    /// The families in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `family` is in the set.
    pub const fn has(self, family: Family) -> bool {
        self.0 & (1 << family as u8) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The families in the set, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(move |&family| self.has(family))
    }
}

/// A prefix with its host bits cleared: `192.0.2.0/24`. The rest value is `0.0.0.0/0`.
///
/// The address stands as octets and not as an `IpAddr`, and they come first: so that a copy and what is read of it are of
/// the same width, which is what a table of routes spends its time on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Prefix {
    /// An IPv4 address in the first four, zeros behind it.
    octets: [u8; 16],
    length: u8,
    family: Family,
}

impl Prefix {
    /// `0.0.0.0/0`, all zero bits: the rest value.
    pub const ZERO: Self = Self { family: Family::Ipv4, octets: [0; 16], length: 0 };

    /// `address/length` with the host bits cleared; `None` when `length` exceeds the family's bits.
    pub const fn new(address: IpAddr, length: u8) -> Option<Self> {
        let family = Family::of(address);
        if length > family.bits() {
            return None;
        }
        Some(Self { family, octets: mask(left_aligned(address), length), length })
    }

    /// The prefix of this one address: /32 or /128.
    pub const fn host(address: IpAddr) -> Self {
        let family = Family::of(address);
        Self { family, octets: left_aligned(address).to_be_bytes(), length: family.bits() }
    }

    /// The prefix of an address whose host bits are clear already; an IPv4 one stands in the first four octets, with zeros
    /// behind it.
    #[inline]
    pub(crate) const fn from_masked(family: Family, octets: [u8; 16], length: u8) -> Self {
        Self { octets, length, family }
    }

    /// The octets that keep the first `length` bits of an address, as [`Prefix::from_masked`] wants them masked.
    pub(crate) const fn mask_octets(length: u8) -> [u8; 16] {
        mask(u128::MAX, length)
    }

    /// The first address.
    #[inline]
    pub const fn address(self) -> IpAddr {
        match self.family {
            Family::Ipv4 => {
                let [a, b, c, d, ..] = self.octets;
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::from_octets(self.octets)),
        }
    }

    /// The first address's octets, an IPv4 one's in the first four.
    #[inline]
    pub(crate) const fn octets(&self) -> &[u8; 16] {
        &self.octets
    }

    /// The length in bits.
    #[inline]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The family.
    #[inline]
    pub const fn family(self) -> Family {
        self.family
    }

    /// Whether it is one address: /32 or /128.
    pub const fn is_host(self) -> bool {
        self.length == self.family.bits()
    }

    /// Whether `address` lies in it.
    pub const fn contains(self, address: IpAddr) -> bool {
        matches!(
            (self.family, Family::of(address)),
            (Family::Ipv4, Family::Ipv4) | (Family::Ipv6, Family::Ipv6)
        ) && u128::from_be_bytes(mask(left_aligned(address), self.length)) == u128::from_be_bytes(self.octets)
    }

    /// Whether it lies in a range that no route leads to: multicast, loopback, link-local, "this network" and the rest
    /// that RFC 6890 calls neither a source nor a destination to forward. The default route does not.
    pub const fn is_reserved(self) -> bool {
        const fn within(prefix: Prefix, address: IpAddr, length: u8) -> bool {
            matches!(Prefix::new(address, length), Some(range) if range.covers(prefix))
        }
        const fn v4(prefix: Prefix, first: u8, second: u8, length: u8) -> bool {
            within(prefix, IpAddr::V4(Ipv4Addr::new(first, second, 0, 0)), length)
        }
        const fn v6(prefix: Prefix, first: u16, last: u16, length: u8) -> bool {
            within(prefix, IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last)), length)
        }
        match self.family {
            Family::Ipv4 => {
                v4(self, 0, 0, 8)
                    || v4(self, 127, 0, 8)
                    || v4(self, 169, 254, 16)
                    || v4(self, 224, 0, 4)
                    || v4(self, 240, 0, 4)
            }
            Family::Ipv6 => {
                v6(self, 0, 0, 128)
                    || v6(self, 0, 1, 128)
                    || v6(self, 0xFE80, 0, 10)
                    || v6(self, 0xFF00, 0, 8)
            }
        }
    }

    /// Whether `other` lies in it, itself included.
    pub const fn covers(self, other: Self) -> bool {
        other.length >= self.length && self.contains(other.address())
    }

    /// Whether a list line `P [ge N] [le N]` with this P matches `other`; 0: not given. Without both only P itself
    /// matches, with `ge` alone everything from there to a single address.
    pub fn admits(self, other: Self, ge: u8, le: u8) -> bool {
        let least = if ge == 0 { self.length } else { ge };
        let most = match (ge, le) {
            (0, 0) => self.length,
            (_, 0) => self.family().bits(),
            (_, le) => le,
        };
        self.covers(other) && (least..=most).contains(&other.length)
    }

    /// The prefix of `length` bits that covers this one; itself when it is no longer than that.
    #[must_use]
    pub const fn widened(self, length: u8) -> Self {
        if length >= self.length {
            return self;
        }
        Self { octets: mask(u128::from_be_bytes(self.octets), length), length, ..self }
    }
}

impl Ord for Prefix {
    /// By family, address, length.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |prefix: &Self| (prefix.family, u128::from_be_bytes(prefix.octets), prefix.length);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Prefix {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}/{}", self.address(), self.length);
    }
}

/// An address as an interface holds it: with its host bits, and the length of its subnet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The subnet's length in bits.
    pub length: u8,
}

impl InterfaceAddress {
    /// `0.0.0.0/0`, all zero bits: the rest value.
    pub const ZERO: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };

    /// The subnet it lies in.
    pub fn subnet(self) -> Prefix {
        Prefix::new(self.address, self.length.min(Family::of(self.address).bits())).unwrap_or(Prefix::ZERO)
    }
}

impl Default for InterfaceAddress {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for InterfaceAddress {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}/{}", self.address, self.length);
    }
}

/// Whether an address is link-local: 169.254.0.0/16 or `fe80::/10`. Only the IPv6 ones need their link to be named.
pub const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// An address as a number whose first bit is the address's first.
const fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => (v4.to_bits() as u128) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first `length` bits, and zeros.
const fn mask(bits: u128, length: u8) -> [u8; 16] {
    let keep = if length == 0 { 0 } else { u128::MAX << (128 - length) };
    (bits & keep).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn host_bits_are_cleared() {
        assert_eq!(Prefix::new(address("192.0.2.77"), 24).unwrap().address(), address("192.0.2.0"));
        assert_eq!(Prefix::new(address("2001:db8::1"), 64).unwrap().address(), address("2001:db8::"));
        assert_eq!(Prefix::new(address("255.0.0.1"), 0).unwrap(), Prefix::ZERO);
    }

    #[test]
    fn a_length_beyond_the_family_is_refused() {
        assert!(Prefix::new(address("192.0.2.1"), 33).is_none());
        assert!(Prefix::new(address("::"), 129).is_none());
    }

    #[test]
    fn a_list_line_matches_by_length() {
        let prefix = |text: &str, length| Prefix::new(address(text), length).unwrap();
        let line = prefix("192.0.2.0", 24);
        for (ge, le, lengths) in
            [(0, 0, 24..=24), (0, 32, 24..=32), (26, 0, 26..=32), (26, 28, 26..=28), (32, 32, 32..=32)]
        {
            for length in 24..=32 {
                let admits = line.admits(prefix("192.0.2.0", length), ge, le);
                assert_eq!(admits, lengths.contains(&length), "ge {ge} le {le}: /{length}");
            }
        }
        assert!(!line.admits(prefix("198.51.100.1", 32), 0, 32));
        assert!(!line.admits(prefix("192.0.0.0", 16), 0, 32));
        assert!(!Prefix::ZERO.admits(prefix("2001:db8::", 32), 0, 32));
    }

    #[test]
    fn prefixes_are_ordered_by_family_then_address_then_length() {
        let prefix = |text, length| Prefix::new(address(text), length).unwrap();
        let ordered = [
            prefix("0.0.0.0", 0),
            prefix("10.0.0.0", 8),
            prefix("10.0.0.0", 16),
            prefix("10.1.0.0", 16),
            prefix("255.0.0.0", 8),
            prefix("::", 0),
            prefix("2001:db8::", 32),
            prefix("2001:db8::", 48),
        ];
        assert!(ordered.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn an_address_comes_out_as_it_went_in() {
        for text in ["192.0.2.77", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "::ffff:192.0.2.1"] {
            assert_eq!(Prefix::host(address(text)).address(), address(text));
            assert!(
                Prefix::host(address(text)).is_host() && Prefix::host(address(text)).contains(address(text))
            );
        }
    }

    #[test]
    fn containment_never_crosses_families() {
        assert!(!Prefix::ZERO.contains(address("::1")));
        let wide = Prefix::new(address("10.0.0.0"), 8).unwrap();
        assert!(wide.covers(Prefix::host(address("10.9.8.7"))));
        assert!(!wide.covers(Prefix::ZERO));
    }
}
