//! Kilobytes that must not be moved: statics that are lent once, and lie in no flash because they are all zero.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::appliance::Settings;

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

/// A configuration that is empty, in the place where it is to lie: `Config::new()` would be made elsewhere first, and on a
/// stack that is its room twice.
pub(crate) struct Empty(MaybeUninit<Settings>);

impl Empty {
    /// Room for one, empty.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self(MaybeUninit::zeroed())
    }

    /// The configuration.
    #[inline(always)]
    pub(crate) const fn get(&mut self) -> &mut Settings {
        // SAFETY: an empty configuration is all zero: core promises it, and the law `bss` looks at it.
        unsafe { self.0.assume_init_mut() }
    }
}
