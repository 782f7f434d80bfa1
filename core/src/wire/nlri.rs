//! Prefixes as they stand in an UPDATE: a length in bits, and as many octets as that needs (RFC 4271 section 4.3).

use crate::base::net::{Family, Prefix};

/// Whether the field is a sequence of whole prefixes, none longer than the family allows (RFC 7606 section 5.3).
#[inline]
pub fn is_well_formed(family: Family, field: &[u8]) -> bool {
    let mut rest = field;
    while let Some(&bits) = rest.first() {
        if bits > family.bits() {
            return false;
        }
        // Prefixes of one length tend to stand together, and then the place of the next one need not wait for the length
        // of this one to be read: this is three times as fast.
        let step = octets(bits).saturating_add(1);
        loop {
            let Some(next) = rest.get(step..) else { return false };
            rest = next;
            if rest.first() != Some(&bits) {
                break;
            }
        }
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
    field: &'a [u8],
    /// The length of the prefix before, and what follows from it: prefixes of one length tend to stand together, and then
    /// neither is worked out again, nor does the place of the next prefix wait for it.
    bits: u8,
    step: usize,
    mask: u128,
    family: Family,
    next_family: Family,
    next_field: &'a [u8],
}

impl<'a> Prefixes<'a> {
    /// Those of `body`, then those of `attribute`, which are of `next_family`.
    #[inline]
    pub(crate) const fn new(body: &'a [u8], next_family: Family, attribute: &'a [u8]) -> Self {
        let (family, field, next_field) =
            if body.is_empty() { (next_family, attribute, body) } else { (Family::Ipv4, body, attribute) };
        Self { field, bits: 0, step: 1, mask: 0, family, next_family, next_field }
    }

    /// The next prefix of the field at hand.
    #[inline]
    fn next_in_field(&mut self) -> Option<Prefix> {
        let (&bits, after) = self.field.split_first()?;
        if bits != self.bits {
            if bits > self.family.bits() {
                return None;
            }
            self.bits = bits;
            self.step = octets(bits).saturating_add(1);
            self.mask = u128::from_le_bytes(Prefix::mask_octets(bits));
        }
        self.field = self.field.get(self.step..)?;
        // All octets of an address are read where they are there, and the mask drops what belongs to the next prefix: a
        // copy of variable length costs three times as much.
        let address = match self.family {
            Family::Ipv4 => ipv4(after),
            Family::Ipv6 => {
                u128::from_le_bytes(after.first_chunk().copied().unwrap_or_else(|| padded(after)))
            }
        };
        Some(Prefix::from_masked(self.family, (address & self.mask).to_le_bytes(), bits))
    }
}

impl Iterator for Prefixes<'_> {
    type Item = Prefix;

    #[inline]
    fn next(&mut self) -> Option<Prefix> {
        loop {
            let prefix = self.next_in_field();
            if prefix.is_some() || self.next_field.is_empty() {
                return prefix;
            }
            *self = Self::new(&[], self.next_family, self.next_field);
        }
    }
}

/// The first four octets as a number whose lowest octet is the first: an array put together octet by octet and read at once
/// would wait for the store of each.
#[inline]
fn ipv4(octets: &[u8]) -> u128 {
    let number = match (octets.first_chunk::<4>(), octets) {
        (Some(four), _) => u32::from_le_bytes(*four),
        (None, &[a, b, c]) => u32::from_le_bytes([a, b, c, 0]),
        (None, &[a, b]) => u32::from_le_bytes([a, b, 0, 0]),
        (None, &[a]) => u32::from(a),
        (None, _) => 0,
    };
    u128::from(number)
}

/// The octets at the end of a field, with zeros behind them.
#[cold]
#[inline(never)]
fn padded(octets: &[u8]) -> [u8; 16] {
    let mut padded = [0; 16];
    for (place, &octet) in padded.iter_mut().zip(octets) {
        *place = octet;
    }
    padded
}

/// Writes a prefix at the start of `room`; says how many octets it took, `None` (and nothing of use written) when it
/// does not fit.
#[inline]
pub(crate) fn write(prefix: Prefix, room: &mut [u8]) -> Option<usize> {
    let Some([bits, address @ ..]) = room.first_chunk_mut::<17>() else { return write_last(prefix, room) };
    // All of the address, because a copy of fixed length is one store; what is too much is overwritten by the next prefix.
    (*bits, *address) = (prefix.length(), *prefix.octets());
    Some(octets(prefix.length()).saturating_add(1))
}

/// The same in a room that has no octet to waste. Apart, or the two copies become one of variable length.
#[cold]
#[inline(never)]
fn write_last(prefix: Prefix, room: &mut [u8]) -> Option<usize> {
    let length = octets(prefix.length()).saturating_add(1);
    let (bits, address) = room.get_mut(..length)?.split_first_mut()?;
    *bits = prefix.length();
    for (place, &octet) in address.iter_mut().zip(prefix.octets()) {
        *place = octet;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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
