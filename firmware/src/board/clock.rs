//! The clock and the alarm: two CMSDK timers of 25 MHz. (ARM DDI 0479, section 4.4)
//!
//! Timer 0 counts down from the largest number for ever, which takes 171 s; its interrupt counts how often. So time is 64
//! bits wide, and wraps in twenty thousand years. Timer 1 wakes the processor.

use core::sync::atomic::{AtomicU32, Ordering};

use holdover_core::base::time::Instant;
use holdover_firmware::count;

use super::register::Block;

// SAFETY: timers 0 and 1 of the board, used in this file alone; timers change no memory.
const CLOCK: Block = unsafe { Block::at(0x4000_0000) };
// SAFETY: see above.
const ALARM: Block = unsafe { Block::at(0x4000_1000) };

const CONTROL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;
/// Reading: whether the interrupt waits. Writing 1: it was served.
const INTERRUPT: usize = 0xc;

const ENABLE: u32 = 1;
const ENABLE_INTERRUPT: u32 = 1 << 3;

/// Ticks of the clock in a microsecond.
const PER_MICRO: u64 = 25;

/// How often the clock began anew.
static WRAPS: AtomicU32 = AtomicU32::new(0);

/// Starts the clock at zero.
pub(super) fn start() {
    ALARM.write(CONTROL, 0);
    CLOCK.write(CONTROL, 0);
    CLOCK.write(RELOAD, u32::MAX);
    CLOCK.write(VALUE, u32::MAX);
    CLOCK.write(INTERRUPT, 1);
    CLOCK.write(CONTROL, ENABLE | ENABLE_INTERRUPT);
}

/// Ticks since the start.
pub(crate) fn ticks() -> u64 {
    critical_section::with(|_| {
        let count = CLOCK.read(VALUE);
        let pending = CLOCK.read(INTERRUPT) & 1 != 0;
        count::ticks(WRAPS.load(Ordering::Relaxed), count, pending)
    })
}

/// The time since the start.
pub(crate) fn now() -> Instant {
    Instant::from_micros(ticks() / PER_MICRO)
}

/// The clock began anew.
pub(super) fn on_wrap() {
    CLOCK.write(INTERRUPT, 1);
    // One context alone writes it: the interrupt's.
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Lets the alarm ring at `due`, or when it can wait no longer; `false`: it is due already.
pub(super) fn set_alarm(due: Instant) -> bool {
    let now = ticks();
    let due = due.as_micros().saturating_mul(PER_MICRO);
    if due <= now {
        return false;
    }
    let wait = u32::try_from(due - now).unwrap_or(u32::MAX);
    ALARM.write(CONTROL, 0);
    ALARM.write(RELOAD, wait);
    ALARM.write(VALUE, wait);
    ALARM.write(INTERRUPT, 1);
    ALARM.write(CONTROL, ENABLE | ENABLE_INTERRUPT);
    true
}

/// The alarm rang, or is not needed any more.
pub(super) fn stop_alarm() {
    ALARM.write(CONTROL, 0);
    ALARM.write(INTERRUPT, 1);
}
