//! Real-time scheduling for one thread.

use std::io;

/// The lowest real-time priority: ahead of every ordinary thread, behind everything that asked for more.
const PRIORITY: i32 = 1;

/// Asks for real-time scheduling of the calling thread; its children start as ordinary ones.
pub(crate) fn ask_for_real_time() -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: pid 0 is the calling thread, and the pointer is to a live structure that the kernel only reads.
    let result = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameter)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
