//! A set of small numbers that finds its lowest member without a walk: an 8-ary tree of bits.
//!
//! The level above holds one bit for each non-zero octet of the level below. A set of `N` numbers needs about `N / 7`
//! octets; the array is `N` octets long only because the language cannot yet divide a const generic, and what is not
//! used is never touched.

/// A subset of `0..N`.
#[derive(Debug)]
pub(crate) struct Bits<const N: usize> {
    octets: [u8; N],
    count: u16,
}

/// Eight subsets of `0..N`, which share the octets that one alone does not need.
#[derive(Debug)]
pub(crate) struct EightBits<const N: usize> {
    octets: [[u8; N]; 2],
    counts: [u16; 8],
}

/// The levels of the tree: where each starts in the array, how many there are, and how long the array must be. The root is
/// one octet.
struct Levels {
    start: [usize; 6],
    depth: usize,
    size: usize,
}

const fn levels(n: usize) -> Levels {
    let mut levels = Levels { start: [0; 6], depth: 0, size: 0 };
    let mut size = n.div_ceil(8);
    loop {
        levels.start[levels.depth] = levels.size;
        levels.depth += 1;
        levels.size += size;
        if size <= 1 {
            return levels;
        }
        size = size.div_ceil(8);
    }
}

impl<const N: usize> Bits<N> {
    const LEVELS: Levels = levels(N);

    /// The empty set: all zero bits.
    pub(crate) const fn new() -> Self {
        const { assert!(N >= 1 && N <= u16::MAX as usize) };
        Self { octets: [0; N], count: 0 }
    }

    /// How many numbers are in it.
    pub(crate) const fn count(&self) -> u32 {
        self.count as u32
    }

    /// Whether nothing is in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `number` is in it.
    pub(crate) fn has(&self, number: usize) -> bool {
        number < N && has(&self.octets, number)
    }

    /// Puts `number` in; says whether it is new. A number beyond `N` is not taken.
    pub(crate) fn insert(&mut self, number: usize) -> bool {
        let new = number < N && insert(&mut self.octets, &Self::LEVELS, number);
        self.count += u16::from(new);
        new
    }

    /// Takes `number` out; says whether it was in.
    pub(crate) fn remove(&mut self, number: usize) -> bool {
        let was = number < N && remove(&mut self.octets, &Self::LEVELS, number);
        self.count -= u16::from(was);
        was
    }

    /// The lowest number in the set that is `from` or more.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        if from >= N || self.count == 0 { None } else { next(&self.octets, &Self::LEVELS, from) }
    }

    /// Empties the set; costs what is in it.
    pub(crate) fn clear(&mut self) {
        while let Some(number) = self.next(0) {
            self.remove(number);
        }
    }
}

impl<const N: usize> Default for Bits<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The sets are numbered from 0 to 7.
impl<const N: usize> EightBits<N> {
    const LEVELS: Levels = levels(N);

    /// Eight empty sets: all zero bits.
    pub(crate) const fn new() -> Self {
        const { assert!(N >= 1 && N <= u16::MAX as usize && 8 * Self::LEVELS.size <= 2 * N) };
        Self { octets: [[0; N]; 2], counts: [0; 8] }
    }

    /// Whether nothing is in `set`.
    pub(crate) const fn is_empty(&self, set: usize) -> bool {
        self.counts[set] == 0
    }

    /// Whether `number` is in `set`.
    pub(crate) fn has(&self, set: usize, number: usize) -> bool {
        number < N && has(self.tree(set), number)
    }

    /// Puts `number` into `set`; says whether it is new there. A number beyond `N` is not taken.
    pub(crate) fn insert(&mut self, set: usize, number: usize) -> bool {
        let new = number < N && insert(self.tree_mut(set), &Self::LEVELS, number);
        self.counts[set] += u16::from(new);
        new
    }

    /// Takes `number` out of `set`; says whether it was in.
    pub(crate) fn remove(&mut self, set: usize, number: usize) -> bool {
        let was = number < N && remove(self.tree_mut(set), &Self::LEVELS, number);
        self.counts[set] -= u16::from(was);
        was
    }

    /// The lowest number in `set` that is `from` or more.
    pub(crate) fn next(&self, set: usize, from: usize) -> Option<usize> {
        if from >= N || self.is_empty(set) { None } else { next(self.tree(set), &Self::LEVELS, from) }
    }

    /// Puts all that is in the set `from` into the set `to` too.
    pub(crate) fn add(&mut self, to: usize, from: usize) {
        let mut number = 0;
        while let Some(found) = self.next(from, number) {
            self.insert(to, found);
            number = found + 1;
        }
    }

    fn tree(&self, set: usize) -> &[u8] {
        let size = Self::LEVELS.size;
        &self.octets.as_flattened()[set * size..][..size]
    }

    fn tree_mut(&mut self, set: usize) -> &mut [u8] {
        let size = Self::LEVELS.size;
        &mut self.octets.as_flattened_mut()[set * size..][..size]
    }
}

impl<const N: usize> Default for EightBits<N> {
    fn default() -> Self {
        Self::new()
    }
}

fn has(tree: &[u8], number: usize) -> bool {
    tree[number / 8] & (1 << (number % 8)) != 0
}

fn insert(tree: &mut [u8], levels: &Levels, number: usize) -> bool {
    if has(tree, number) {
        return false;
    }
    let mut place = number;
    for start in &levels.start[..levels.depth] {
        let octet = &mut tree[start + place / 8];
        let was = *octet;
        *octet |= 1 << (place % 8);
        if was != 0 {
            break;
        }
        place /= 8;
    }
    true
}

fn remove(tree: &mut [u8], levels: &Levels, number: usize) -> bool {
    if !has(tree, number) {
        return false;
    }
    let mut place = number;
    for start in &levels.start[..levels.depth] {
        let octet = &mut tree[start + place / 8];
        *octet &= !(1 << (place % 8));
        if *octet != 0 {
            break;
        }
        place /= 8;
    }
    true
}

/// The lowest number in the tree that is `from` or more.
fn next(tree: &[u8], levels: &Levels, from: usize) -> Option<usize> {
    let (mut level, mut place) = (0, from);
    loop {
        // Where this level ends, in places.
        let end = levels.start.get(level + 1).filter(|_| level + 1 < levels.depth).unwrap_or(&levels.size);
        if place >= (end - levels.start[level]) * 8 {
            return None;
        }
        let octet = tree[levels.start[level] + place / 8] >> (place % 8);
        if octet != 0 {
            place += octet.trailing_zeros() as usize;
            break;
        }
        // Nothing here: go up and on to the right.
        place = place / 8 + 1;
        level += 1;
        if level == levels.depth {
            return None;
        }
    }
    while level > 0 {
        level -= 1;
        place = place * 8 + tree[levels.start[level] + place].trailing_zeros() as usize;
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use std::collections::BTreeSet;

    /// The numbers in a set, lowest first.
    fn walk(next: impl Fn(usize) -> Option<usize>) -> impl Iterator<Item = usize> {
        let mut from = 0;
        core::iter::from_fn(move || {
            let found = next(from)?;
            from = found + 1;
            Some(found)
        })
    }

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
        assert!(walk(|from| bits.next(from)).eq(plain.iter().copied()));
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

    fn eight_agree_with_plain_sets<const N: usize>(seed: u64) {
        let (mut bits, mut rand) = (EightBits::<N>::new(), Rand::new(seed));
        let mut plain: [BTreeSet<usize>; 8] = Default::default();
        for _ in 0..8_000 {
            let (set, number) = (rand.next() as usize % 8, rand.next() as usize % N);
            if rand.next() % 3 == 0 {
                assert_eq!(bits.remove(set, number), plain[set].remove(&number));
            } else {
                assert_eq!(bits.insert(set, number), plain[set].insert(number));
            }
            let from = rand.next() as usize % N;
            assert_eq!(bits.next(set, from), plain[set].range(from..).next().copied());
            assert!(bits.has(set, number) == plain[set].contains(&number));
        }
        bits.add(2, 5);
        let both = &plain[2] | &plain[5];
        assert!((0..N).all(|number| bits.has(2, number) == both.contains(&number)));
        for (set, plain) in plain.iter().enumerate() {
            let all = if set == 2 { &both } else { plain };
            for &number in all {
                assert!(bits.remove(set, number));
            }
            assert!(bits.is_empty(set));
        }
        assert!(bits.octets.as_flattened().iter().all(|&octet| octet == 0));
    }

    #[test]
    fn eight_sets_in_one_do_not_touch_each_other() {
        eight_agree_with_plain_sets::<4>(1);
        eight_agree_with_plain_sets::<8>(2);
        eight_agree_with_plain_sets::<16>(3);
        eight_agree_with_plain_sets::<32>(4);
        eight_agree_with_plain_sets::<1_000>(5);
        eight_agree_with_plain_sets::<16_384>(6);
    }

    #[test]
    fn a_number_beyond_the_capacity_is_not_taken() {
        let mut bits = Bits::<8>::new();
        assert!(!bits.insert(8) && !bits.has(8) && bits.next(8).is_none());
    }
}
