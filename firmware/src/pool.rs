//! What is not to be guessed: what was mixed in, spread over everything that comes out.
//!
//! It spreads, it does not make: what comes out is as hard to guess as what was mixed in, and somebody who sees enough of
//! it can compute the rest. It is for sequence numbers, ports and discriminators, not for keys.

/// Two words that everything mixed in has changed. At rest they are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    words: [u64; 2],
}

impl Pool {
    /// One that remembers `words` of an earlier one.
    pub const fn from(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// What a later one may remember.
    pub const fn words(self) -> [u64; 2] {
        self.words
    }

    /// Mixes a word in.
    pub const fn mix(&mut self, word: u64) {
        let [a, b] = self.words;
        let a = scramble(a ^ word);
        self.words = [a, scramble(b.wrapping_add(a.rotate_left(23)))];
    }

    /// A word to be used.
    pub const fn take(&mut self) -> u64 {
        self.mix(1);
        let [a, b] = self.words;
        scramble(a ^ b.rotate_left(32))
    }
}

/// The finalizer of SplitMix64, which changes half of the bits when one changes.
const fn scramble(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn seeded(words: &[u64]) -> Pool {
        let mut pool = Pool::default();
        for &word in words {
            pool.mix(word);
        }
        pool
    }

    #[test]
    fn one_bit_of_what_goes_in_changes_about_half_of_what_comes_out() {
        for bit in 0..64 {
            let (mut one, mut other) = (seeded(&[0x1234, 0]), seeded(&[0x1234 ^ (1 << bit), 0]));
            let changed = (one.take() ^ other.take()).count_ones();
            assert!((12..=52).contains(&changed), "bit {bit}: {changed}");
        }
    }

    #[test]
    fn no_word_comes_twice() {
        let mut pool = Pool::default();
        let taken: BTreeSet<u64> = (0..1_000).map(|_| pool.take()).collect();
        assert_eq!(taken.len(), 1_000);
    }

    #[test]
    fn a_pool_that_remembers_goes_on_and_does_not_repeat() {
        let mut first = seeded(&[7]);
        let before = first.take();
        let mut second = Pool::from(first.words());
        second.mix(7);
        assert_ne!(before, second.take());
    }
}
