//! How much memory is used: the stack was painted before `main`, and what it used is painted over.

use core::ptr;

use holdover_firmware::trace;

unsafe extern "C" {
    /// memory.x: the stack's lowest word, and the one behind its highest.
    static _stack_end: u32;
    static _stack_start: u32;
    /// cortex-m-rt: where statics begin, and where they end.
    static __sdata: u32;
    static __euninit: u32;
    /// Where the program begins behind its vectors, and where it ends.
    static __stext: u32;
    static __etext: u32;
}

/// What the stack is painted with, see cortex-m-rt's `paint-stack`.
const PAINT: u32 = cortex_m_rt::STACK_PAINT_VALUE;

/// Octets of statics.
pub(crate) fn statics() -> usize {
    ptr::addr_of!(__euninit).addr() - ptr::addr_of!(__sdata).addr()
}

/// Octets that the stack may use.
pub(crate) fn stack_room() -> usize {
    ptr::addr_of!(_stack_start).addr() - ptr::addr_of!(_stack_end).addr()
}

/// The most octets of stack that were ever in use.
pub(crate) fn stack_peak() -> usize {
    let lowest = ptr::addr_of!(_stack_end);
    let words = stack_room() / size_of::<u32>();
    // SAFETY: the words of the stack, which are memory; the volatile reading takes them as they are.
    let painted = (0..words).take_while(|&word| unsafe { lowest.add(word).read_volatile() } == PAINT).count();
    (words - painted) * size_of::<u32>()
}

/// Where the calls would return to whose frames lie on the stack from the address `from` on, the last one first.
#[expect(clippy::cast_possible_truncation, reason = "an address has 32 bits here")]
pub(super) fn callers(from: usize) -> [u32; trace::CALLERS] {
    let top = ptr::addr_of!(_stack_start);
    let text = ptr::addr_of!(__stext).addr() as u32..ptr::addr_of!(__etext).addr() as u32;
    // An overflow leaves the pointer below the stack: its first word is then the lowest that there is.
    let from = from.next_multiple_of(size_of::<u32>()).clamp(ptr::addr_of!(_stack_end).addr(), top.addr());
    let words = (top.addr() - from) / size_of::<u32>();
    // SAFETY: words of the stack, which are memory; the volatile reading takes them as they are.
    let words = (1..=words).rev().map(|word| unsafe { top.sub(word).read_volatile() });
    // SAFETY: `is_return` asks for addresses in `text` only, which is flash.
    let halfword = |at: u32| unsafe { ptr::with_exposed_provenance::<u16>(at as usize).read_volatile() };
    trace::callers(words, |word| trace::is_return(word, &text, halfword))
}
