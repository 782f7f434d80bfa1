//! How much memory is used: the stack was painted before `main`, and what it used is painted over.

use core::ptr;

unsafe extern "C" {
    /// memory.x: the stack's lowest word, and the one behind its highest.
    static _stack_end: u32;
    static _stack_start: u32;
    /// cortex-m-rt: where statics begin, and where they end.
    static __sdata: u32;
    static __euninit: u32;
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
