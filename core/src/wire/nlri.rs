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
