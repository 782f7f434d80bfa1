//! Memory that survives a reset, and the two ways by which the image ends by itself.

use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use holdover_firmware::kept::{Cause, Kept, WORDS};
use holdover_firmware::trace::{ABORT, CALLERS};

use super::{clock, memory, uart};

/// See memory.x: no section lies here.
const AT: *mut u32 = 0x2001_ff00 as *mut u32;

/// CFSR: the instruction is none (ARMv7-M reference manual, B3.2.15).
const UNDEFINED: u32 = 1 << 16;

const _: () = assert!(WORDS * 4 <= 0xf0, "the seed lies behind it");

/// What was kept, or nothing.
pub(crate) fn load() -> Kept {
    // SAFETY: memory of ours (memory.x) that holds words of any value, and that nobody has a reference to. One by one: all at
    // once they would be as many instructions.
    Kept::read(&core::array::from_fn(|place| unsafe { AT.add(place).read_volatile() }))
}

/// Keeps it.
pub(crate) fn store(kept: &Kept) {
    for (place, word) in kept.words().into_iter().enumerate() {
        // SAFETY: as in `load`.
        unsafe { AT.add(place).write_volatile(word) };
    }
}

/// Keeps why this boot ends, and begins the next one. Nothing that it does may panic: in a handler of faults that would be the
/// last thing that happens before the watchdog's reset.
fn end(cause: Cause, callers: [u32; CALLERS]) -> ! {
    static ENDING: AtomicBool = AtomicBool::new(false);
    cortex_m::interrupt::disable();
    // What goes wrong from here on is not the cause.
    if ENDING.swap(true, Ordering::Relaxed) {
        SCB::sys_reset()
    }
    let mut kept = load();
    kept.end(cause, callers, clock::now().as_micros() / 1_000);
    store(&kept);
    uart::flush_log();
    SCB::sys_reset()
}

/// Begins the next boot.
pub(crate) fn reboot() -> ! {
    cortex_m::interrupt::disable();
    uart::flush_log();
    SCB::sys_reset()
}

/// A panic is a mistake of ours: who led to it is kept, and everything begins anew.
///
/// What it says of itself is not looked at, on purpose: so no text and no name of a file is in the flash, which would be
/// kilobytes of it, and every panic of a function is the same call. Where core is built anew it is not even a call, but one
/// instruction that is none (`cargo xtask firmware build`): [`HardFault`] is then what comes of a panic.
#[panic_handler]
fn on_panic(_: &PanicInfo<'_>) -> ! {
    end(Cause::Panic, memory::callers(cortex_m::register::msp::read() as usize))
}

/// The main loop stands still, whatever it is at: who led there is kept, and everything begins anew.
pub(super) fn stuck() -> ! {
    end(Cause::Stuck, memory::callers(cortex_m::register::msp::read() as usize))
}

/// A panic that is one instruction, or what no handler is for: a mistake of ours as well (or of the hardware).
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    // SAFETY: reading the configurable fault status register changes nothing.
    let status = unsafe { (*SCB::PTR).cfsr.read() };
    let (at, mut callers) = (frame.pc(), memory::callers(ptr::from_ref(frame).addr()));
    // SAFETY: what was found to be no instruction was fetched from there before.
    let aborted = status & UNDEFINED != 0
        && unsafe { ptr::with_exposed_provenance::<u16>(at as usize).read_volatile() } == ABORT;
    if aborted {
        // As if it had been a call: behind it, where that would have returned to.
        callers.rotate_right(1);
        callers[0] = at.wrapping_add(2);
        end(Cause::Panic, callers)
    }
    end(Cause::Fault { at, caller: frame.lr(), status }, callers)
}
