//! Registers: the only way to the hardware.

use core::ptr;

/// The registers of one device, by their offsets.
#[derive(Clone, Copy)]
pub(super) struct Block {
    base: usize,
}

impl Block {
    /// The device at `base`.
    ///
    /// # Safety
    ///
    /// A device of this board lies there, nothing else uses it, and no register of it changes memory (no DMA).
    pub(super) const unsafe fn at(base: usize) -> Self {
        Self { base }
    }

    /// Reads a register.
    pub(super) fn read(self, offset: usize) -> u32 {
        // SAFETY: `at` was told that the device's registers lie here; they are words, and aligned.
        unsafe { ptr::read_volatile((self.base + offset) as *const u32) }
    }

    /// Writes a register.
    pub(super) fn write(self, offset: usize, value: u32) {
        // SAFETY: as for `read`; what it does to the device changes no memory of ours.
        unsafe { ptr::write_volatile((self.base + offset) as *mut u32, value) }
    }

    /// Reads a register until `is` says so, at most `times` times.
    pub(super) fn wait(self, offset: usize, times: u32, is: impl Fn(u32) -> bool) -> bool {
        (0..times).any(|_| is(self.read(offset)))
    }
}
