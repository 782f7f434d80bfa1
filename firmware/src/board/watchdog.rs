//! The watchdog: a CMSDK watchdog of 25 MHz. (ARM DDI 0479, APB watchdog)
//!
//! An appliance that stands still with its sessions open is the one thing worse than none. What does not come round for
//! `PATIENCE` is interrupted, whatever it does, and says so; when even that does not end it, the board resets.

use cortex_m_rt::exception;
use holdover_core::base::time::Duration;

use super::keep;
use super::register::Block;

// SAFETY: the watchdog of the board, used in this file alone; it changes no memory.
const WATCHDOG: Block = unsafe { Block::at(0x4000_8000) };

const LOAD: usize = 0x0;
const CONTROL: usize = 0x8;
/// Writing: the count begins anew.
const CLEAR: usize = 0xc;
const LOCK: usize = 0xc00;

/// Opens the registers; any other number closes them.
const KEY: u32 = 0x1acc_e551;
/// The first time it runs out it interrupts, the second time it resets.
const INTERRUPT_AND_RESET: u32 = 0b11;

/// Ticks of its clock in a second.
const PER_SECOND: u32 = 25_000_000;

/// How long a turn and the sleep behind it may take, in seconds: far more than either does, and less than an operator needs to
/// notice.
const PATIENCE: u32 = 10;

/// The longest sleep.
pub(super) const NAP: Duration = Duration::from_secs(PATIENCE as u64 / 2);

/// Begins to watch.
pub(super) fn start() {
    WATCHDOG.write(LOCK, KEY);
    WATCHDOG.write(LOAD, PATIENCE * PER_SECOND);
    WATCHDOG.write(CONTROL, INTERRUPT_AND_RESET);
    WATCHDOG.write(LOCK, 0);
}

/// The main loop has come round.
pub(super) fn feed() {
    WATCHDOG.write(LOCK, KEY);
    WATCHDOG.write(CLEAR, 1);
    WATCHDOG.write(LOCK, 0);
}

/// It ran out: no critical section keeps this interrupt away.
#[exception]
unsafe fn NonMaskableInt() -> ! {
    keep::stuck()
}
