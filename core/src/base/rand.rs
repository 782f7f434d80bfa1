//! A small seeded generator for jitter and nothing else: no secret ever comes from it.

use super::time::Duration;

/// xorshift64*: one word of state, and the same seed gives the same sequence (law 7: replay).
#[derive(Clone, Copy, Debug, Default)]
pub struct Rand(u64);

impl Rand {
    /// All zero bits; it works, but every engine should have its own seed.
    pub const REST: Self = Self(0);

    /// A generator for `seed`; any seed will do, zero included.
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// The next 32 bits.
    #[expect(clippy::should_implement_trait, reason = "not an iterator: it never ends and yields no Option")]
    pub fn next(&mut self) -> u32 {
        let mut x = if self.0 == 0 { 0x9E37_79B9_7F4A_7C15 } else { self.0 };
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// A part of `span`: from nothing to the whole of it.
    pub fn part(&mut self, span: Duration) -> Duration {
        span.times((self.next() >> 16).into()).part(0xFFFF)
    }

    /// `span` shortened by a random part of it, at most a quarter (RFC 4271 section 10: 0.75 to 1.0).
    pub fn jitter(&mut self, span: Duration) -> Duration {
        let quarter = span.as_micros() / 4;
        Duration::from_micros(span.as_micros() - (quarter * u64::from(self.next() >> 16)) / 0xFFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_three_quarters_and_the_whole() {
        let mut rand = Rand::new(1);
        let span = Duration::from_secs(1);
        let (mut least, mut most) = (span, Duration::ZERO);
        for _ in 0..10_000 {
            let got = rand.jitter(span);
            least = least.min(got);
            most = most.max(got);
        }
        assert!(least >= Duration::from_millis(750) && most <= span);
        assert!(least < Duration::from_millis(755) && most > Duration::from_millis(995));
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (mut a, mut b) = (Rand::new(7), Rand::new(7));
        assert!((0..100).all(|_| a.next() == b.next()));
    }
}
