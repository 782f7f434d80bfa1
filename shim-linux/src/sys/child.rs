//! How a child process is set up between fork and exec, and who ends it.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getpid, getppid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

use super::user::User;

/// How long a keeper goes on killing what its command left: what has not ended by then waits for a disk, and ends with it.
const LOOKS: u32 = 200;
/// How long it waits between two looks, in nanoseconds, unless a child ends.
const LOOK_NS: libc::c_long = 5_000_000;

/// Has the kernel kill the child when the thread that started it ends, in whatever manner: no child outlives us.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    // SAFETY: the closure runs in the child between fork and exec, and makes two system calls: no memory is allocated and
    // no lock is taken.
    unsafe { command.pre_exec(move || die_with(parent)) };
}

/// Prepares the command of a check. It runs below a keeper: the process that is forked stays, as the one that inherits
/// whatever the command leaves (`PR_SET_CHILD_SUBREAPER`), and the command is its child. On SIGTERM, when the daemon ends, and
/// when the command has ended, the keeper kills all that is below it, and ends as the command did. So what the standard
/// library takes for the command is its keeper; what else it says of it is right, a failed exec included.
///
/// The command runs as `user` (when that is not us) and is a guest: it has none of our capabilities but those of its user, no
/// real-time scheduling, and if the daemon is protected from the kernel's hunt for memory, it is not. Locked memory is not
/// inherited, and the standard library lets no signal stay blocked.
pub(crate) fn prepare_check(command: &mut Command, user: Option<&User>) {
    let daemon = getpid();
    let user = user.cloned();
    let protected =
        std::fs::read_to_string("/proc/self/oom_score_adj").is_ok_and(|score| score.starts_with('-'));
    // SAFETY: the closure runs in the child between fork and exec, and makes system calls only: the user's groups were
    // copied before the fork, no memory is allocated and no lock is taken. Its own fork is that of a process with one thread.
    unsafe {
        command.pre_exec(move || {
            let before = block_signals();
            // Ignored, it would have the kernel reap what the keeper waits for.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            if libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) != 0 {
                return Err(io::Error::last_os_error());
            }
            let keeper = getpid();
            match libc::fork() {
                -1 => Err(io::Error::last_os_error()),
                0 => {
                    libc::setpgid(0, 0);
                    libc::sigprocmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
                    be_a_guest(protected, user.as_ref())?;
                    // A change of user takes this back, so it comes last.
                    die_with(keeper)
                }
                command => keep(command, daemon),
            }
        });
    }
}

fn be_a_guest(protected: bool, user: Option<&User>) -> io::Result<()> {
    if protected {
        expose();
    }
    // Whatever we were started with and do not know of: a kernel before 5.11 leaves it open.
    // SAFETY: it closes nothing: it marks descriptors to be closed by the exec.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    // We may have raised it for the engine's thread. To lower a limit takes no permission.
    let _ = setrlimit(Resource::Rtprio, Rlimit { current: Some(0), maximum: Some(0) });
    let runs = getrlimit(Resource::Rttime).maximum;
    let _ = setrlimit(Resource::Rttime, Rlimit { current: runs, maximum: runs });
    if let Some(user) = user {
        user.become_it()?;
    }
    // What a service manager lent us is ours: also when the command has our user, or another plain one.
    Ok(rustix::thread::clear_ambient_capability_set()?)
}

/// Makes the command as good a prey as any for the kernel's hunt for memory. Best effort: to be easier to kill takes no
/// permission, but the file is ours only while our memory may be looked at.
fn expose() {
    let hidden = !rustix::process::geteuid().is_root();
    if hidden {
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    }
    if let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY, Mode::empty()) {
        let _ = rustix::io::write(&file, b"0");
    }
    if hidden {
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

fn die_with(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the call above: then nothing would ever come.
    if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
}

/// Blocks every signal; gives those that were blocked before.
fn block_signals() -> libc::sigset_t {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::zeroed());
    // SAFETY: the first call fills the set that the second one reads; a set of zero bits is a value too.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

/// What a keeper waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// A child has ended, or the time is over.
    Look,
    /// The command is to be ended.
    End,
}

/// A keeper's life. All signals are blocked; it makes system calls only.
fn keep(command: libc::pid_t, daemon: Pid) -> ! {
    close_all();
    // A sign for whoever looks at the processes.
    // SAFETY: the name ends with a zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"check-keeper".as_ptr()) };
    // The end of the command may be a signal that dumps.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
    let mut over = getppid() != Some(daemon);
    while !over && !has_ended(command) {
        over = wait(None) == News::End;
    }
    let mut status = None;
    for _ in 0..LOOKS {
        kill_children(command, status.is_none());
        status = status.or(reap(command));
        if !has_children() {
            break;
        }
        wait(Some(LOOK_NS));
    }
    end_as(status)
}

/// Our memory is that of the daemon, but nothing of what it has open may stay open here: it waits for the end of the pipes.
fn close_all() {
    // SAFETY: nothing in this process uses a descriptor any more.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0) != 0 {
            let most = getrlimit(Resource::Nofile).current.unwrap_or(65_536);
            for fd in 0..i32::try_from(most).unwrap_or(65_536) {
                libc::close(fd);
            }
        }
    }
}

/// Waits for a signal, for ever or for so many nanoseconds.
fn wait(nanoseconds: Option<libc::c_long>) -> News {
    let mut all = MaybeUninit::uninit();
    let time = libc::timespec { tv_sec: 0, tv_nsec: nanoseconds.unwrap_or(0) };
    let limit = if nanoseconds.is_some() { &raw const time } else { std::ptr::null() };
    // SAFETY: the first call fills the set; the time, when there is one, lives through the second.
    let signal = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigtimedwait(all.as_ptr(), std::ptr::null_mut(), limit)
    };
    if matches!(signal, libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT) {
        News::End
    } else {
        News::Look
    }
}

/// Whether the command has ended; it is not reaped. What it left and has ended since is.
fn has_ended(command: libc::pid_t) -> bool {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the structure is zero where the call writes nothing, which stands for no child, and the call fills it.
        let pid = unsafe {
            if libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) != 0 {
                return true;
            }
            info.assume_init().si_pid()
        };
        if pid == command || pid == 0 {
            return pid == command;
        }
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) };
    }
}

/// Reaps what has ended. The command's status, if it is among it.
fn reap(command: libc::pid_t) -> Option<libc::c_int> {
    let mut found = None;
    loop {
        let mut status = 0;
        // SAFETY: it writes the status to a live place.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return found;
        }
        if pid == command {
            found = Some(status);
        }
    }
}

fn has_children() -> bool {
    // SAFETY: it only looks.
    unsafe {
        libc::waitid(libc::P_ALL, 0, std::ptr::null_mut(), libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) == 0
    }
}

/// Kills every child, and the command's group while the command is not reaped: until then its number is nobody else's.
fn kill_children(command: libc::pid_t, with_group: bool) {
    if with_group {
        // SAFETY: it sends a signal to a group that we made.
        unsafe { libc::kill(-command, libc::SIGKILL) };
    }
    let Ok(list) =
        rustix::fs::open(c"/proc/thread-self/children", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    else {
        return;
    };
    let (mut buffer, mut pid) = ([0_u8; 1_024], 0_i32);
    while let Ok(length @ 1..) = rustix::io::read(&list, &mut buffer) {
        for &octet in buffer.get(..length).unwrap_or(&[]) {
            if octet.is_ascii_digit() {
                pid = pid.wrapping_mul(10).wrapping_add(i32::from(octet - b'0'));
            } else if pid > 0 {
                // SAFETY: a child that is not reaped has its number to itself.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                pid = 0;
            }
        }
    }
}

/// Ends this process as the command has ended.
fn end_as(status: Option<libc::c_int>) -> ! {
    let status = status.unwrap_or(libc::SIGKILL);
    // SAFETY: these are system calls that end this process; nothing is run on the way.
    unsafe {
        if libc::WIFEXITED(status) {
            libc::_exit(libc::WEXITSTATUS(status));
        }
        let signal = libc::WTERMSIG(status);
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
        libc::_exit(128 + signal)
    }
}
