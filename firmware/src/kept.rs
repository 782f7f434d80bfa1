//! What is remembered across a reset: how often it booted, why it last ended, and what the pool of chance held.
//!
//! It lies in memory that nobody clears. After power was away it holds anything; so it is believed only when its mark and
//! its checksum are right.

use core::fmt;

use crate::text::crc32;
use crate::trace::CALLERS;

/// "This was written by us."
const MARK: u32 = 0x484f_4c44;

/// Words before the callers.
const HEAD: usize = 14;

/// How many words it has.
pub const WORDS: usize = HEAD + CALLERS + 1;

/// Why the image last ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It never did, since the power came.
    None,
    /// A panic.
    Panic,
    /// The main loop did not come round, and the watchdog ended it.
    Stuck,
    /// A fault of the processor.
    Fault {
        /// Where.
        at: u32,
        /// Where that would have returned to.
        caller: u32,
        /// The fault status register (CFSR).
        status: u32,
    },
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Boots since the power came, this one among them.
    pub boots: u32,
    /// How many of them ended by themselves.
    pub ends: u32,
    /// Why the last of those did.
    pub cause: Cause,
    /// In which boot that was.
    pub boot: u32,
    /// How long that boot had lasted, in milliseconds.
    pub uptime_ms: u64,
    /// What the pool held when it was last written.
    pub pool: [u64; 2],
    /// Where the calls would have returned to that led there, the last one first; zeros behind them.
    pub callers: [u32; CALLERS],
}

impl Kept {
    /// Nothing is known: the first boot.
    pub const FRESH: Self = Self {
        boots: 0,
        ends: 0,
        cause: Cause::None,
        boot: 0,
        uptime_ms: 0,
        pool: [0; 2],
        callers: [0; CALLERS],
    };

    /// What stands in memory, or nothing when it is not ours.
    pub fn read(words: &[u32; WORDS]) -> Self {
        let [mark, boots, ends, kind, a, b, c, boot, low, high, pool @ ..] = words;
        if *mark != MARK || sum(words) != words[WORDS - 1] {
            return Self::FRESH;
        }
        let long = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
        let mut callers = [0; CALLERS];
        callers.copy_from_slice(&words[HEAD..WORDS - 1]);
        Self {
            boots: *boots,
            ends: *ends,
            cause: match kind {
                1 => Cause::Panic,
                2 => Cause::Fault { at: *a, caller: *b, status: *c },
                3 => Cause::Stuck,
                _ => Cause::None,
            },
            boot: *boot,
            uptime_ms: long(*low, *high),
            pool: [long(pool[0], pool[1]), long(pool[2], pool[3])],
            callers,
        }
    }

    /// As it is to stand in memory.
    pub fn words(&self) -> [u32; WORDS] {
        let [kind, a, b, c] = match self.cause {
            Cause::None => [0; 4],
            Cause::Panic => [1, 0, 0, 0],
            Cause::Stuck => [3, 0, 0, 0],
            Cause::Fault { at, caller, status } => [2, at, caller, status],
        };
        #[expect(clippy::cast_possible_truncation, reason = "the low half, and the high one")]
        let halves = |long: u64| [long as u32, (long >> 32) as u32];
        let ([low, high], [first, second], [third, fourth]) =
            (halves(self.uptime_ms), halves(self.pool[0]), halves(self.pool[1]));
        let mut words = [0; WORDS];
        let pool = [first, second, third, fourth];
        let head = [MARK, self.boots, self.ends, kind, a, b, c, self.boot, low, high];
        words[..head.len()].copy_from_slice(&head);
        words[head.len()..HEAD].copy_from_slice(&pool);
        words[HEAD..WORDS - 1].copy_from_slice(&self.callers);
        words[WORDS - 1] = sum(&words);
        words
    }

    /// Another boot begins.
    pub fn begin(&mut self) {
        self.boots = self.boots.saturating_add(1);
    }

    /// This boot ends by itself.
    pub fn end(&mut self, cause: Cause, callers: [u32; CALLERS], uptime_ms: u64) {
        self.ends = self.ends.saturating_add(1);
        (self.cause, self.boot, self.uptime_ms) = (cause, self.boots, uptime_ms);
        self.callers = callers;
    }
}

fn sum(words: &[u32; WORDS]) -> u32 {
    crc32(words[..WORDS - 1].iter().flat_map(|word| word.to_le_bytes()))
}

/// Why it last ended, as one line.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::None => return f.write_str("none"),
            Cause::Panic => f.write_str("panic")?,
            Cause::Stuck => f.write_str("stuck")?,
            Cause::Fault { at, caller, status } => {
                write!(f, "fault at {at:#010x}, called from {caller:#010x}, status {status:#010x}")?;
            }
        }
        write!(f, ", in boot {} after {} ms, by way of", self.boot, self.uptime_ms)?;
        self.callers.iter().take_while(|&&at| at != 0).try_for_each(|at| write!(f, " {at:#010x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(cause: Cause, last: u32) -> Kept {
        let mut kept = Kept::FRESH;
        kept.begin();
        kept.begin();
        kept.pool = [0x0123_4567_89ab_cdef, u64::MAX];
        let mut callers = [0; CALLERS];
        callers[..2].copy_from_slice(&[last, 0x2004]);
        kept.end(cause, callers, 5_000_000_123);
        kept
    }

    #[test]
    fn what_is_kept_is_read_again_as_it_was() {
        let fault = Cause::Fault { at: 1, caller: 2, status: 3 };
        let causes = [Cause::Panic, Cause::Stuck, fault].map(|cause| ended(cause, 0x1002));
        for kept in causes.into_iter().chain([Kept::FRESH]) {
            assert_eq!(Kept::read(&kept.words()), kept);
        }
    }

    #[test]
    fn memory_that_holds_anything_is_not_believed() {
        assert_eq!(Kept::read(&[0; WORDS]), Kept::FRESH);
        assert_eq!(Kept::read(&[u32::MAX; WORDS]), Kept::FRESH);
        let words = ended(Cause::Panic, 0x1002).words();
        for place in 0..WORDS {
            let mut changed = words;
            changed[place] ^= 1 << (place % 32);
            assert_eq!(Kept::read(&changed), Kept::FRESH, "word {place}");
        }
    }

    #[test]
    fn the_cause_is_told_with_its_callers_and_its_time() {
        let text = ended(Cause::Panic, 0x1002).to_string();
        assert_eq!(text, "panic, in boot 2 after 5000000123 ms, by way of 0x00001002 0x00002004");
        let fault = Cause::Fault { at: 0x100, caller: 0x20, status: 0x8200 };
        let text = ended(Cause::Stuck, 0x1002).to_string();
        assert!(text.starts_with("stuck, in boot 2"), "{text}");
        let text = ended(fault, 0x1002).to_string();
        assert!(text.starts_with("fault at 0x00000100, called from 0x00000020, status 0x00008200"), "{text}");
        assert_eq!(Kept::FRESH.to_string(), "none");
    }
}
