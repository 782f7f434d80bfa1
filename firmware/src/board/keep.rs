//! Memory that survives a reset, and the two ways by which the image ends by itself.

use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use holdover_firmware::kept::{Cause, Kept, WORDS};

use super::{clock, memory, uart};

/// See memory.x: no section lies here.
const AT: *mut [u32; WORDS] = 0x2001_ff00 as *mut [u32; WORDS];

const _: () = assert!(WORDS * 4 <= 0xf0, "the seed lies behind it");

/// What was kept, or nothing.
pub(crate) fn load() -> Kept {
    // SAFETY: memory of ours (memory.x) that holds words of any value, and that nobody has a reference to.
    Kept::read(&unsafe { ptr::read_volatile(AT) })
}

/// Keeps it.
pub(crate) fn store(kept: &Kept) {
    // SAFETY: as in `load`.
    unsafe { ptr::write_volatile(AT, kept.words()) };
}

/// Keeps why this boot ends, and begins the next one. `stack`: where the frames begin of those that led here.
fn end(cause: Cause, stack: usize) -> ! {
    static ENDING: AtomicBool = AtomicBool::new(false);
    cortex_m::interrupt::disable();
    // What goes wrong from here on, as with a ring that was being changed, is not the cause.
    if ENDING.swap(true, Ordering::Relaxed) {
        SCB::sys_reset()
    }
    let mut kept = load();
    kept.end(cause, memory::callers(stack), clock::now().as_micros() / 1_000);
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
/// kilobytes of it, and every panic of a function is the same call.
#[panic_handler]
fn on_panic(_: &PanicInfo<'_>) -> ! {
    end(Cause::Panic, cortex_m::register::msp::read() as usize)
}

/// The main loop stands still, whatever it is at: who led there is kept, and everything begins anew.
pub(super) fn stuck() -> ! {
    end(Cause::Stuck, cortex_m::register::msp::read() as usize)
}

/// What no handler is for is a mistake of ours as well (or of the hardware).
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    // SAFETY: reading the configurable fault status register changes nothing.
    let status = unsafe { (*SCB::PTR).cfsr.read() };
    end(Cause::Fault { at: frame.pc(), caller: frame.lr(), status }, ptr::from_ref(frame).addr())
}
