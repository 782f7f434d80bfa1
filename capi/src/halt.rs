//! What happens when the library finds a fault of its own. No input and no wrong call leads here.

use core::ffi::c_char;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::value::holdover_text;

/// Is told that the library has found a fault of its own, and where in its source. It does not return: it resets the
/// machine, or ends the process. Nothing of this library may be called any more.
pub type holdover_halt = Option<unsafe extern "C" fn(file: *const c_char, file_len: usize, line: u32)>;

/// The hook; NULL: none was given.
static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Says what to do when the library finds a fault of its own: an assertion that failed. This is for the watchdog's log; no
/// input and no wrong call is known to lead there.
///
/// - hook: is called then, with the file and the line; NULL: none. Without one, or when it returns, a process ends with
///   abort(), and a machine without an operating system executes an undefined instruction (Arm: a HardFault), or stands still
///   where there is none.
///
/// It holds for all engines. Threads: any, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn holdover_on_halt(hook: holdover_halt) {
    let pointer = hook.map_or(core::ptr::null_mut(), |hook| hook as *mut ());
    HOOK.store(pointer, Ordering::Release);
}

/// Calls the hook, if there is one.
#[cfg_attr(test, expect(dead_code, reason = "with std, the panic handler is std's"))]
fn tell(file: &str, line: u32) {
    let pointer = HOOK.load(Ordering::Acquire);
    // SAFETY: the only value that is ever stored beside NULL is such a function, and NULL is its None.
    let hook = unsafe { core::mem::transmute::<*mut (), holdover_halt>(pointer) };
    if let Some(hook) = hook {
        let file = holdover_text::from(file);
        // SAFETY: the caller of holdover_on_halt gave it to be called like this.
        unsafe { hook(file.data, file.len, line) };
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => tell(place.file(), place.line()),
        None => tell("", 0),
    }
    stop()
}

/// Goes no further.
#[cfg(all(not(test), not(target_os = "none")))]
fn stop() -> ! {
    unsafe extern "C" {
        fn abort() -> !;
    }
    // SAFETY: the C library's: it takes nothing and never returns.
    unsafe { abort() }
}

/// Goes no further: a debugger, or the HardFault handler, sees where.
#[cfg(all(not(test), target_os = "none", target_arch = "arm"))]
fn stop() -> ! {
    // SAFETY: an instruction that is undefined for ever; nothing comes after it.
    unsafe { core::arch::asm!("udf #254", options(noreturn, nomem, nostack)) }
}

/// Goes no further.
#[cfg(all(not(test), target_os = "none", not(target_arch = "arm")))]
fn stop() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
