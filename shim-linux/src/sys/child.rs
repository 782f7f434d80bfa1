//! How a child process is set up between fork and exec.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use super::user::User;

/// Has the kernel kill the child when the thread that started it ends, in whatever manner: no child outlives us.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    // SAFETY: the closure runs in the child between fork and exec, and makes two system calls: no memory is allocated and
    // no lock is taken.
    unsafe { command.pre_exec(move || die_with(parent)) };
}

/// Prepares the command of a check: it runs as `user` (when that is not us), dies with us, and if the daemon is protected
/// from the kernel's hunt for memory, it is not. Locked memory is not inherited, nor real-time scheduling (the thread that
/// starts checks has none), and the standard library lets no signal stay blocked.
pub(crate) fn prepare_check(command: &mut Command, user: Option<&User>) {
    let parent = getpid();
    let user = user.cloned();
    let protected =
        std::fs::read_to_string("/proc/self/oom_score_adj").is_ok_and(|score| score.starts_with('-'));
    // SAFETY: the closure runs in the child between fork and exec, and makes system calls only: the user's groups were
    // copied before the fork, no memory is allocated and no lock is taken. No descriptor is closed before the exec.
    unsafe {
        command.pre_exec(move || {
            if protected
                && let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY, Mode::empty())
            {
                // Best effort: to be easier to kill takes no permission.
                let _ = rustix::io::write(&file, b"0");
            }
            // Whatever we were started with and do not know of: a kernel before 5.11 leaves it open.
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            if let Some(user) = &user {
                user.become_it()?;
            }
            // A change of user takes this back, so it comes last.
            die_with(parent)
        });
    }
}

fn die_with(parent: Pid) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the call above: then nothing would ever come.
    if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
}
