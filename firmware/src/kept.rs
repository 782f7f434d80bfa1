//! What is remembered across a reset: how often it booted, why it last ended, and what the pool of chance held.
//!
//! It lies in memory that nobody clears. After power was away it holds anything; so it is believed only when its mark and
//! its checksum are right.

use core::fmt;

use crate::text::crc32;

/// The most octets that are kept of the name of a file: its end says most.
const FILE: usize = 48;

/// "This was written by us."
const MARK: u32 = 0x484f_4c44;

/// Words before the name of the file.
const HEAD: usize = 14;

/// How many words it has.
pub const WORDS: usize = HEAD + FILE / 4 + 1;

/// Why the image last ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It never did, since the power came.
    None,
    /// A panic, at this line of the file.
    Panic {
        /// Counted from 1.
        line: u32,
    },
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
    /// How many of them ended by a panic or a fault.
    pub ends: u32,
    /// Why the last of those did.
    pub cause: Cause,
    /// In which boot that was.
    pub boot: u32,
    /// How long that boot had lasted, in milliseconds.
    pub uptime_ms: u64,
    /// What the pool held when it was last written.
    pub pool: [u64; 2],
    file: [u8; FILE],
}

impl Kept {
    /// Nothing is known: the first boot.
    pub const FRESH: Self =
        Self { boots: 0, ends: 0, cause: Cause::None, boot: 0, uptime_ms: 0, pool: [0; 2], file: [0; FILE] };

    /// What stands in memory, or nothing when it is not ours.
    pub fn read(words: &[u32; WORDS]) -> Self {
        let [mark, boots, ends, kind, a, b, c, boot, low, high, pool @ ..] = words;
        if *mark != MARK || sum(words) != words[WORDS - 1] {
            return Self::FRESH;
        }
        let long = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
        let mut file = [0; FILE];
        for (to, from) in file.chunks_exact_mut(4).zip(&words[HEAD..]) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        Self {
            boots: *boots,
            ends: *ends,
            cause: match kind {
                1 => Cause::Panic { line: *a },
                2 => Cause::Fault { at: *a, caller: *b, status: *c },
                _ => Cause::None,
            },
            boot: *boot,
            uptime_ms: long(*low, *high),
            pool: [long(pool[0], pool[1]), long(pool[2], pool[3])],
            file,
        }
    }

    /// As it is to stand in memory.
    pub fn words(&self) -> [u32; WORDS] {
        let [kind, a, b, c] = match self.cause {
            Cause::None => [0; 4],
            Cause::Panic { line } => [1, line, 0, 0],
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
        for (to, from) in words[HEAD..].iter_mut().zip(self.file.chunks_exact(4)) {
            *to = u32::from_le_bytes([from[0], from[1], from[2], from[3]]);
        }
        words[WORDS - 1] = sum(&words);
        words
    }

    /// Another boot begins.
    pub fn begin(&mut self) {
        self.boots = self.boots.saturating_add(1);
    }

    /// This boot ends by itself. `file`: where a panic was.
    pub fn end(&mut self, cause: Cause, file: &str, uptime_ms: u64) {
        self.ends = self.ends.saturating_add(1);
        (self.cause, self.boot, self.uptime_ms) = (cause, self.boots, uptime_ms);
        let octets = file.as_bytes();
        let tail = &octets[octets.len().saturating_sub(FILE)..];
        self.file = [0; FILE];
        self.file[..tail.len()].copy_from_slice(tail);
    }

    /// The name of the file of a panic, or its end.
    pub fn file(&self) -> &str {
        let end = self.file.iter().position(|&octet| octet == 0).unwrap_or(FILE);
        core::str::from_utf8(&self.file[..end]).unwrap_or("?")
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
            Cause::Panic { line } => write!(f, "panic at {}:{line}", self.file())?,
            Cause::Fault { at, caller, status } => {
                write!(f, "fault at {at:#010x}, called from {caller:#010x}, status {status:#010x}")?;
            }
        }
        write!(f, ", in boot {} after {} ms", self.boot, self.uptime_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(cause: Cause, file: &str) -> Kept {
        let mut kept = Kept::FRESH;
        kept.begin();
        kept.begin();
        kept.pool = [0x0123_4567_89ab_cdef, u64::MAX];
        kept.end(cause, file, 5_000_000_123);
        kept
    }

    #[test]
    fn what_is_kept_is_read_again_as_it_was() {
        let fault = Cause::Fault { at: 1, caller: 2, status: 3 };
        for kept in [Kept::FRESH, ended(Cause::Panic { line: 7 }, "src/main.rs"), ended(fault, "")] {
            assert_eq!(Kept::read(&kept.words()), kept);
        }
    }

    #[test]
    fn memory_that_holds_anything_is_not_believed() {
        assert_eq!(Kept::read(&[0; WORDS]), Kept::FRESH);
        assert_eq!(Kept::read(&[u32::MAX; WORDS]), Kept::FRESH);
        let words = ended(Cause::Panic { line: 7 }, "src/main.rs").words();
        for place in 0..WORDS {
            let mut changed = words;
            changed[place] ^= 1 << (place % 32);
            assert_eq!(Kept::read(&changed), Kept::FRESH, "word {place}");
        }
    }

    #[test]
    fn the_cause_is_told_with_its_place_and_its_time() {
        let text = ended(Cause::Panic { line: 7 }, "src/main.rs").to_string();
        assert_eq!(text, "panic at src/main.rs:7, in boot 2 after 5000000123 ms");
        let fault = Cause::Fault { at: 0x100, caller: 0x20, status: 0x8200 };
        let text = ended(fault, "").to_string();
        assert!(text.starts_with("fault at 0x00000100, called from 0x00000020, status 0x00008200"), "{text}");
        assert_eq!(Kept::FRESH.to_string(), "none");
    }

    #[test]
    fn of_a_long_name_the_end_is_kept() {
        let name = format!("{}/core/src/engine/mod.rs", "x".repeat(90));
        assert!(ended(Cause::Panic { line: 1 }, &name).file().ends_with("x/core/src/engine/mod.rs"));
    }
}
