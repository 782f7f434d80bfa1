//! Prefixes as they stand in an UPDATE: a length in bits, and as many octets as that needs (RFC 4271 section 4.3).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::net::{Family, Prefix};

/// Whether the field is a sequence of whole prefixes, none longer than the family allows (RFC 7606 section 5.3).
#[inline]
pub fn is_well_formed(family: Family, field: &[u8]) -> bool {
    let mut rest = field;
    while let Some((&bits, after)) = rest.split_first() {
        let Some(next) = after.get(octets(bits)..) else { return false };
        if bits > family.bits() {
            return false;
        }
        rest = next;
    }
    true
}

/// How many octets a prefix of so many bits has.
#[inline]
const fn octets(bits: u8) -> usize {
    (bits as usize).div_ceil(8)
}

/// The prefixes of an UPDATE: those of its body field (IPv4), then those of a multiprotocol attribute. Host bits are
/// cleared. A field that is not well formed ends where it stops making sense.
#[derive(Clone, Debug)]
pub struct Prefixes<'a> {
    family: Family,
    field: &'a [u8],
    next_family: Family,
    next_field: &'a [u8],
}

impl<'a> Prefixes<'a> {
    /// Those of `body`, then those of `attribute`, which are of `family`.
    #[inline]
    pub(crate) const fn new(body: &'a [u8], family: Family, attribute: &'a [u8]) -> Self {
        Self { family: Family::Ipv4, field: body, next_family: family, next_field: attribute }
    }
}

impl Iterator for Prefixes<'_> {
    type Item = Prefix;

    #[inline]
    fn next(&mut self) -> Option<Prefix> {
        loop {
            let prefix = match self.family {
                Family::Ipv4 => next_v4(&mut self.field),
                Family::Ipv6 => next_v6(&mut self.field),
            };
            if prefix.is_some() || self.next_field.is_empty() {
                return prefix;
            }
            self.family = self.next_family;
            self.field = core::mem::take(&mut self.next_field);
        }
    }
}

#[inline]
fn next_v4(field: &mut &[u8]) -> Option<Prefix> {
    let (&bits, after) = core::mem::take(field).split_first()?;
    let address = match after.first_chunk::<4>() {
        // Read four octets and let the mask drop what belongs to the next prefix: a copy of variable length costs three
        // times as much.
        Some(four) => u32::from_be_bytes(*four),
        None => u32::from_be_bytes(padded(after)),
    };
    *field = after.get(octets(bits)..)?;
    Prefix::new(IpAddr::V4(Ipv4Addr::from_bits(address)), bits)
}

#[inline]
fn next_v6(field: &mut &[u8]) -> Option<Prefix> {
    let (&bits, after) = core::mem::take(field).split_first()?;
    let address = match after.first_chunk::<16>() {
        Some(sixteen) => u128::from_be_bytes(*sixteen),
        None => u128::from_be_bytes(padded(after)),
    };
    *field = after.get(octets(bits)..)?;
    Prefix::new(IpAddr::V6(Ipv6Addr::from_bits(address)), bits)
}

/// The octets at the end of a field, with zeros behind them.
fn padded<const N: usize>(octets: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    for (place, &octet) in padded.iter_mut().zip(octets) {
        *place = octet;
    }
    padded
}

/// Writes a prefix at the start of `room`; says how many octets it took, `None` (and nothing of use written) when it
/// does not fit.
#[inline]
pub(crate) fn write(prefix: Prefix, room: &mut [u8]) -> Option<usize> {
    let bits = prefix.length();
    let length = octets(bits).saturating_add(1);
    if length > room.len() {
        return None;
    }
    match prefix.address() {
        IpAddr::V4(v4) => put(bits, v4.octets(), room),
        IpAddr::V6(v6) => put(bits, v6.octets(), room),
    }
    Some(length)
}

/// Writes the length and all octets of the address when they fit, because a copy of fixed length is one store; what is
/// too much is overwritten by the next prefix.
#[inline]
fn put<const N: usize>(bits: u8, address: [u8; N], room: &mut [u8]) {
    if let Some((first, rest)) = room.split_first_mut() {
        *first = bits;
        if let Some(all) = rest.first_chunk_mut::<N>() {
            *all = address;
        } else {
            for (place, octet) in rest.iter_mut().zip(address) {
                *place = octet;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use std::vec::Vec;

    fn any_prefix(rand: &mut Rand, family: Family) -> Prefix {
        let bits = (rand.next() % (u32::from(family.bits()) + 1)) as u8;
        let number = (0..4).fold(0_u128, |all, _| all << 32 | u128::from(rand.next()));
        let address = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        };
        Prefix::new(address, bits).unwrap()
    }

    fn read(family: Family, field: &[u8]) -> Vec<Prefix> {
        Prefixes::new(&[], family, field).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut rand = Rand::new(7);
        for family in Family::ALL {
            let (mut field, mut at) = ([0; 4_096], 0);
            let mut prefixes = Vec::new();
            loop {
                let prefix = any_prefix(&mut rand, family);
                let Some(octets) = write(prefix, &mut field[at..]) else { break };
                at += octets;
                prefixes.push(prefix);
            }
            assert!(at > 4_096 - 17 && is_well_formed(family, &field[..at]));
            assert_eq!(read(family, &field[..at]), prefixes);
            if family == Family::Ipv4 {
                assert_eq!(Prefixes::new(&field[..at], Family::Ipv6, &[]).collect::<Vec<_>>(), prefixes);
            }
        }
    }

    #[test]
    fn a_prefix_takes_no_more_octets_than_it_needs_and_touches_none_behind_its_room() {
        let mut field = [0xEE; 8];
        let prefix = Prefix::new("10.0.0.0".parse().unwrap(), 8).unwrap();
        assert_eq!(write(prefix, &mut field[..1]), None);
        assert_eq!(write(prefix, &mut field[..2]), Some(2));
        assert_eq!(field, [8, 10, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE]);
        assert_eq!(write(Prefix::ZERO, &mut field[2..3]), Some(1));
        assert_eq!(field[..4], [8, 10, 0, 0xEE]);
    }

    #[test]
    fn rfc7606_5_3_a_length_beyond_the_family_or_the_field_is_not_well_formed() {
        for field in [&[33, 1, 2, 3, 4, 5][..], &[255], &[24, 1, 2], &[8], &[24, 1, 2, 3, 32, 1, 2, 3]] {
            assert!(!is_well_formed(Family::Ipv4, field), "{field:?}");
        }
        assert!(is_well_formed(Family::Ipv4, &[]) && is_well_formed(Family::Ipv4, &[0, 0, 32, 1, 2, 3, 4]));
        assert!(!is_well_formed(Family::Ipv6, &[129; 18]) && is_well_formed(Family::Ipv6, &[128; 17]));
    }

    #[test]
    fn host_bits_are_masked() {
        let expected = [Prefix::new("192.0.2.0".parse().unwrap(), 23).unwrap(), Prefix::ZERO];
        assert_eq!(read(Family::Ipv4, &[23, 192, 0, 3, 0]), expected);
    }

    #[test]
    fn any_octets_end_without_panic_and_yield_at_most_one_prefix_each() {
        let mut rand = Rand::new(8);
        for _ in 0..20_000 {
            let octets: [u8; 24] = core::array::from_fn(|_| (rand.next() >> (rand.next() % 32)) as u8);
            for family in Family::ALL {
                let count = Prefixes::new(&octets[..12], family, &octets[12..]).count();
                assert!(count <= octets.len());
                if is_well_formed(family, &octets[12..]) && is_well_formed(Family::Ipv4, &octets[..12]) {
                    let plain = read(family, &octets[12..]).len();
                    assert_eq!(count, read(Family::Ipv4, &octets[..12]).len() + plain);
                }
            }
        }
    }
}
