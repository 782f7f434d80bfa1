//! Statics that are lent once: kilobytes that must not lie on the stack, and lie in no flash because they are all zero.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that one owner gets, for ever.
pub(crate) struct Place<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is lent once, so only one context ever has it; it may be sent there.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Place<T> {
    /// Around a value.
    pub(crate) const fn new(value: T) -> Self {
        Self { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// The value. Panics when it was taken before: that is a mistake of ours.
    pub(crate) fn take(&'static self) -> &'static mut T {
        assert!(!self.taken.swap(true, Ordering::Relaxed), "a place is taken twice");
        // SAFETY: `taken` lets one caller through, ever.
        unsafe { &mut *self.value.get() }
    }
}
