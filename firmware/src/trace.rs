//! Who called: return addresses among the words of a stack.
//!
//! An image has no tables to unwind by, and no texts that say where a panic is: both would be kilobytes of its flash. But each
//! call leaves on the stack where it returns to, and the image's file knows what stands there (`cargo xtask firmware where`).
//! What a function has left behind in a frame that was not written since may be among them: a word too many, never one too few.

use core::ops::Range;

/// How many are kept.
pub const CALLERS: usize = 16;

/// What the compiler puts in the place of a panic that is to say nothing (`udf #254`): it ends in the handler of faults.
pub const ABORT: u16 = 0xdefe;

/// Whether a call may return to `word`: an odd address (Thumb) in the program's `text`, behind an instruction that calls (ARMv7-M
/// reference manual, A7.7.18 and A7.7.19). `halfword` reads the program.
pub fn is_return(word: u32, text: &Range<u32>, halfword: impl Fn(u32) -> u16) -> bool {
    let at = word & !1;
    if word & 1 == 0 || !text.contains(&at) || at - text.start < 4 {
        return false;
    }
    let (first, second) = (halfword(at - 4), halfword(at - 2));
    let bl = first & 0xf800 == 0xf000 && second & 0xd000 == 0xd000;
    let blx = second & 0xff87 == 0x4780;
    bl || blx
}

/// The first of `words` that are such addresses, and zeros behind them.
pub fn callers(words: impl Iterator<Item = u32>, is_return: impl Fn(u32) -> bool) -> [u32; CALLERS] {
    let mut callers = [0; CALLERS];
    for (place, word) in callers.iter_mut().zip(words.filter(|&word| is_return(word))) {
        *place = word & !1;
    }
    callers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At 0x100: `push`, `bl`, `blx r3`, `movs`.
    const CODE: [u16; 6] = [0xb580, 0xf001, 0xf80b, 0x4798, 0x2000, 0x2000];

    fn is(word: u32) -> bool {
        is_return(word, &(0x100..0x10c), |at| CODE[usize::try_from(at - 0x100).unwrap() / 2])
    }

    #[test]
    fn a_call_returns_behind_itself_and_nowhere_else() {
        let found: Vec<u32> = (0..0x200).filter(|&word| is(word)).collect();
        assert_eq!(found, [0x107, 0x109]);
    }

    #[test]
    fn what_is_no_address_of_the_program_is_not_looked_up() {
        for word in [0, 1, 0x101, 0x103, 0x10d, 0x2000_0001, u32::MAX] {
            assert!(!is(word), "{word:#x}");
        }
    }

    #[test]
    fn the_latest_callers_are_kept_in_their_order() {
        let kept = callers([0, 0x109, 7, 0x107].into_iter(), is);
        assert_eq!((&kept[..3], kept[CALLERS - 1]), (&[0x108, 0x106, 0][..], 0));
        let many = callers(core::iter::repeat_n(0x107, 100), is);
        assert_eq!(many, [0x106; CALLERS]);
    }
}
