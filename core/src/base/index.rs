//! From a prefix to a small number in constant time: an open-addressing table, half empty at most, all zero at rest.
//!
//! It holds the numbers only; the prefixes stay where they are, and whoever asks says which prefix a number stands for.

use super::net::Prefix;

/// Where the places of a list of at most `N` prefixes are found.
#[derive(Debug)]
pub(crate) struct Index<const N: usize> {
    /// One more than the number; 0: empty. `2 * N` places, so that a search always ends.
    places: [[u16; 2]; N],
}

impl<const N: usize> Index<N> {
    /// Knows nothing.
    pub(crate) const fn new() -> Self {
        const { assert!(N > 0 && N < u16::MAX as usize) };
        Self { places: [[0; 2]; N] }
    }

    /// The number of `prefix`; `prefix_of` says which prefix a number stands for.
    pub(crate) fn find(&self, prefix: Prefix, prefix_of: impl Fn(u16) -> Prefix) -> Option<u16> {
        let places = self.places.as_flattened();
        let mut at = Self::home(prefix);
        loop {
            let number = places[at].checked_sub(1)?;
            if prefix_of(number) == prefix {
                return Some(number);
            }
            at = Self::after(at);
        }
    }

    /// Notes that `prefix`, which must be new, has `number`. At most `N` prefixes may be known.
    pub(crate) fn insert(&mut self, prefix: Prefix, number: u16) {
        let places = self.places.as_flattened_mut();
        let mut at = Self::home(prefix);
        while places[at] != 0 {
            at = Self::after(at);
        }
        places[at] = number + 1;
    }

    /// Forgets `prefix`; those behind it that its place kept away from home move up.
    pub(crate) fn remove(&mut self, prefix: Prefix, prefix_of: impl Fn(u16) -> Prefix) {
        let places = self.places.as_flattened_mut();
        let mut hole = Self::home(prefix);
        loop {
            match places[hole].checked_sub(1) {
                None => return,
                Some(number) if prefix_of(number) == prefix => break,
                Some(_) => hole = Self::after(hole),
            }
        }
        let mut at = Self::after(hole);
        while let Some(number) = places[at].checked_sub(1) {
            let home = Self::home(prefix_of(number));
            // It may move into the hole unless its home lies behind the hole, on the way to where it stands.
            let behind = if hole < at { home > hole && home <= at } else { home > hole || home <= at };
            if !behind {
                places[hole] = places[at];
                hole = at;
            }
            at = Self::after(at);
        }
        places[hole] = 0;
    }

    /// Where the search for a prefix begins.
    fn home(prefix: Prefix) -> usize {
        let bits = match prefix.address() {
            core::net::IpAddr::V4(v4) => u64::from(v4.to_bits()),
            core::net::IpAddr::V6(v6) => {
                let (high, low) =
                    v6.octets().split_first_chunk::<8>().map_or(([0; 8], [0; 8]), |(high, low)| {
                        (*high, low.first_chunk::<8>().copied().unwrap_or_default())
                    });
                u64::from_be_bytes(high) ^ u64::from_be_bytes(low).rotate_left(23)
            }
        };
        let mixed = (bits ^ u64::from(prefix.length()) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed >> 32) as usize) % (2 * N)
    }

    const fn after(at: usize) -> usize {
        if at + 1 == 2 * N { 0 } else { at + 1 }
    }
}

impl<const N: usize> Default for Index<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use core::net::{IpAddr, Ipv4Addr};
    use std::vec::Vec;

    #[test]
    fn it_agrees_with_a_plain_search_while_prefixes_come_and_go() {
        const N: usize = 64;
        let (mut index, mut rand) = (Index::<N>::new(), Rand::new(5));
        let mut known: [Option<Prefix>; N] = [None; N];
        for _ in 0..20_000 {
            let prefix = Prefix::host(IpAddr::V4(Ipv4Addr::from_bits(rand.next() % 200)));
            let table: Vec<Prefix> = known.iter().map(|prefix| prefix.unwrap_or(Prefix::ZERO)).collect();
            let prefix_of = |number: u16| table[usize::from(number)];
            let place = known.iter().position(|&other| other == Some(prefix));
            assert_eq!(index.find(prefix, prefix_of).map(usize::from), place);
            match (place, known.iter().position(Option::is_none)) {
                (Some(place), _) if rand.next() % 2 == 0 => {
                    index.remove(prefix, prefix_of);
                    known[place] = None;
                }
                (None, Some(free)) => {
                    index.insert(prefix, u16::try_from(free).unwrap());
                    known[free] = Some(prefix);
                }
                _ => {}
            }
        }
    }
}
