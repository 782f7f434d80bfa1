//! A static value of great size that one thread takes for the life of the process.
//!
//! An engine for Linux is megabytes of zero bits: as a static it lies in `.bss`, and only the pages that are used ever
//! become memory. On a stack or in a `Box::new` it would not fit, or be touched whole.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The value, and whether it was taken.
pub(crate) struct Cell<T> {
    value: UnsafeCell<T>,
    taken: AtomicBool,
}

// SAFETY: the value is reached by `take` only, which gives it to one caller in the life of the process; a `T` that may be
// sent to another thread may therefore lie in a static that all threads see.
unsafe impl<T: Send> Sync for Cell<T> {}

impl<T> Cell<T> {
    /// A cell that nobody has taken from.
    pub(crate) const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), taken: AtomicBool::new(false) }
    }

    /// The value, the first time; nothing ever after.
    #[expect(clippy::mut_from_ref, reason = "given once: `taken` stands in the way of a second one")]
    pub(crate) fn take(&'static self) -> Option<&'static mut T> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: the swap lets one caller past, once, so this is the only reference there will ever be; the cell is
        // static, so the value outlives it.
        Some(unsafe { &mut *self.value.get() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gives_its_value_once() {
        static CELL: Cell<[u8; 4]> = Cell::new([7; 4]);
        assert_eq!(CELL.take(), Some(&mut [7; 4]));
        assert!(CELL.take().is_none());
    }
}
