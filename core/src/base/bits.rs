//! A set of small numbers that finds its lowest member without a walk: an 8-ary tree of bits.
//!
//! The level above holds one bit for each non-zero octet of the level below. A set of `N` numbers needs about `N / 7`
//! octets; the array is `N` octets long only because the language cannot yet divide a const generic, and what is not
//! used is never touched.

/// A subset of `0..N`.
#[derive(Debug)]
pub struct Bits<const N: usize> {
    octets: [u8; N],
    count: u16,
}

/// The levels of the tree: where each starts in the array, and how many there are. The root is one octet.
struct Levels {
    start: [usize; 6],
    depth: usize,
}

const fn levels(n: usize) -> Levels {
    let mut levels = Levels { start: [0; 6], depth: 0 };
    let (mut size, mut at) = (n.div_ceil(8), 0);
    loop {
        levels.start[levels.depth] = at;
        levels.depth += 1;
        if size <= 1 {
            return levels;
        }
        at += size;
        size = size.div_ceil(8);
    }
}

impl<const N: usize> Bits<N> {
    const LEVELS: Levels = levels(N);

    /// The empty set: all zero bits.
    pub const fn new() -> Self {
        const { assert!(N >= 1 && N <= u16::MAX as usize) };
        Self { octets: [0; N], count: 0 }
    }

    /// How many numbers are in it.
    pub const fn count(&self) -> u32 {
        self.count as u32
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `number` is in it.
    pub fn has(&self, number: usize) -> bool {
        number < N && self.octets[number / 8] & (1 << (number % 8)) != 0
    }

    /// Puts `number` in; says whether it is new. A number beyond `N` is not taken.
    pub fn insert(&mut self, number: usize) -> bool {
        if number >= N || self.has(number) {
            return false;
        }
        self.count += 1;
        let mut place = number;
        for level in 0..Self::LEVELS.depth {
            let octet = &mut self.octets[Self::LEVELS.start[level] + place / 8];
            let was = *octet;
            *octet |= 1 << (place % 8);
            if was != 0 {
                break;
            }
            place /= 8;
        }
        true
    }

    /// Takes `number` out; says whether it was in.
    pub fn remove(&mut self, number: usize) -> bool {
        if !self.has(number) {
            return false;
        }
        self.count -= 1;
        let mut place = number;
        for level in 0..Self::LEVELS.depth {
            let octet = &mut self.octets[Self::LEVELS.start[level] + place / 8];
            *octet &= !(1 << (place % 8));
            if *octet != 0 {
                break;
            }
            place /= 8;
        }
        true
    }

    /// The lowest number in the set that is `from` or more.
    pub fn next(&self, from: usize) -> Option<usize> {
        if from >= N || self.count == 0 {
            return None;
        }
        let (mut level, mut place) = (0, from);
        loop {
            let octet = self.octets[Self::LEVELS.start[level] + place / 8] >> (place % 8);
            if octet != 0 {
                place += octet.trailing_zeros() as usize;
                break;
            }
            // Nothing here: go up and on to the right.
            place = place / 8 + 1;
            level += 1;
            if level == Self::LEVELS.depth || place >= Self::width(level) {
                return None;
            }
        }
        while level > 0 {
            level -= 1;
            place = place * 8 + self.octets[Self::LEVELS.start[level] + place].trailing_zeros() as usize;
        }
        Some(place)
    }

    /// The numbers in the set, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let mut from = 0;
        core::iter::from_fn(move || {
            let found = self.next(from)?;
            from = found + 1;
            Some(found)
        })
    }

    /// Empties the set; costs what is in it.
    pub fn clear(&mut self) {
        while let Some(number) = self.next(0) {
            self.remove(number);
        }
    }

    /// How many bits the level has.
    const fn width(level: usize) -> usize {
        let (mut size, mut i) = (N, 0);
        while i < level {
            size = size.div_ceil(8);
            i += 1;
        }
        size.div_ceil(8) * 8
    }
}

impl<const N: usize> Default for Bits<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use std::collections::BTreeSet;

    fn agrees_with_a_plain_set<const N: usize>(seed: u64) {
        let (mut bits, mut plain, mut rand) = (Bits::<N>::new(), BTreeSet::new(), Rand::new(seed));
        for _ in 0..4_000 {
            let number = rand.next() as usize % N;
            if rand.next() % 3 == 0 {
                assert_eq!(bits.remove(number), plain.remove(&number));
            } else {
                assert_eq!(bits.insert(number), plain.insert(number));
            }
            let from = rand.next() as usize % N;
            assert_eq!(bits.next(from), plain.range(from..).next().copied());
            assert_eq!(bits.count() as usize, plain.len());
        }
        assert!(bits.iter().eq(plain.iter().copied()));
        bits.clear();
        assert!(bits.is_empty() && bits.octets.iter().all(|&octet| octet == 0));
    }

    #[test]
    fn it_agrees_with_a_plain_set_at_every_size() {
        agrees_with_a_plain_set::<1>(0);
        agrees_with_a_plain_set::<2>(8);
        agrees_with_a_plain_set::<4>(1);
        agrees_with_a_plain_set::<8>(2);
        agrees_with_a_plain_set::<9>(3);
        agrees_with_a_plain_set::<32>(4);
        agrees_with_a_plain_set::<65>(5);
        agrees_with_a_plain_set::<1_000>(6);
        agrees_with_a_plain_set::<16_384>(7);
    }

    #[test]
    fn a_number_beyond_the_capacity_is_not_taken() {
        let mut bits = Bits::<8>::new();
        assert!(!bits.insert(8) && !bits.has(8) && bits.next(8).is_none());
    }
}
