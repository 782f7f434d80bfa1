//! Real-time scheduling for one thread, the engine's, with a way out: a thread that runs on and on without sleeping would
//! freeze a machine of one core. The kernel counts that time (`RLIMIT_RTTIME`) and signals; the thread is an ordinary one
//! from then on, until it has slept.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, gettid};

/// The lowest real-time priority: ahead of every ordinary thread, behind everything that asked for more.
const PRIORITY: i32 = 1;
/// How long the thread may run without sleeping before it is an ordinary one, in microseconds. The kernel's own bound (950 ms
/// of each second, `sched_rt_runtime_us`) may be switched off, and this one comes before it.
const LONGEST_RUN_US: u64 = 500_000;
/// The most that an ordinary thread can be favoured.
const NICE: i32 = -20;
/// The shortest turn on a core that one can ask for, in nanoseconds: who wants little at a time is served sooner.
const SHORTEST_SLICE_NS: u64 = 100_000;

/// The thread that has real-time scheduling; 0: none.
static THREAD: AtomicI32 = AtomicI32::new(0);
/// How much the process was favoured when it was started, in the kernel's numbers: what a thread of ours returns to.
static NICE_BEFORE: AtomicI32 = AtomicI32::new(0);
/// Whether it was taken from it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Asks for real-time scheduling of the calling thread; its children start as ordinary ones. Errors: EPERM, and
/// [`what_to_grant`] says what is missing.
pub(crate) fn ask_for_real_time() -> io::Result<()> {
    raise_priority_limit();
    // SAFETY: the action makes one system call and two atomic accesses: it takes no lock and allocates nothing.
    unsafe { signal_hook::low_level::register(libc::SIGXCPU, demote) }?;
    limit_runs()?;
    set_policy(0, libc::SCHED_FIFO, PRIORITY)?;
    THREAD.store(gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    Ok(())
}

/// Favours the calling thread as far as an ordinary one can be. Errors: EACCES; what needs no permission is done all the
/// same.
pub(crate) fn ask_for_favour() -> io::Result<()> {
    NICE_BEFORE.store(getpriority_process(None).unwrap_or(0), Ordering::Relaxed);
    let result = setpriority_process(None, NICE);
    // Linux 6.12 and later know it; an earlier kernel does without.
    let _ = ask_for_slices(getpriority_process(None).unwrap_or(0), SHORTEST_SLICE_NS);
    Ok(result?)
}

/// Makes the calling thread, which the favoured one has started, an ordinary one as the process was when it began: so are the
/// threads and the commands that it starts in turn. To be favoured less takes no permission.
pub(crate) fn return_favour() {
    let nice = NICE_BEFORE.load(Ordering::Relaxed);
    let _ = setpriority_process(None, nice);
    // A slice of 0 is the kernel's own.
    let _ = ask_for_slices(nice, 0);
}

/// Whether real-time scheduling was taken from the thread, because it had run too long without sleeping.
pub(crate) fn was_taken() -> bool {
    TAKEN.load(Ordering::Relaxed)
}

/// Gives it back to the calling thread, which is about to sleep. Errors: it is not permitted any more.
pub(crate) fn take_back() -> io::Result<()> {
    TAKEN.store(false, Ordering::Relaxed);
    // The kernel has raised it by a second when it signalled.
    limit_runs()?;
    set_policy(0, libc::SCHED_FIFO, PRIORITY)
}

/// What an operator has to grant, so that real-time scheduling is not denied.
pub(crate) fn what_to_grant() -> &'static str {
    if capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_NICE)) {
        // The capability is there: only a control group can stand in the way.
        "give its control group a real-time budget (cpu.rt_runtime_us)"
    } else {
        "grant CAP_SYS_NICE (systemd: AmbientCapabilities=CAP_SYS_NICE, and the same in CapabilityBoundingSet= where that \
         is set) or a real-time priority (systemd: LimitRTPRIO=1; a shell: ulimit -r 1)"
    }
}

/// A hard limit that allows it is as good as a permission: the soft one is ours to raise.
fn raise_priority_limit() {
    let limit = getrlimit(Resource::Rtprio);
    // If it fails, so does what it is for, and that is told.
    let _ = setrlimit(Resource::Rtprio, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Has the kernel signal when a real-time thread does not sleep.
fn limit_runs() -> io::Result<()> {
    let hard = getrlimit(Resource::Rttime).maximum;
    let soft = hard.unwrap_or(u64::MAX).min(LONGEST_RUN_US);
    Ok(setrlimit(Resource::Rttime, Rlimit { current: Some(soft), maximum: hard })?)
}

/// Runs as a signal's action, in whichever thread.
fn demote() {
    let thread = THREAD.load(Ordering::Relaxed);
    if thread != 0 && set_policy(thread, libc::SCHED_OTHER, 0).is_ok() {
        TAKEN.store(true, Ordering::Relaxed);
    }
}

/// `struct sched_attr` of linux/sched/types.h, in its first version.
#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

fn ask_for_slices(nice: i32, nanoseconds: u64) -> io::Result<()> {
    let attributes = Attributes {
        size: u32::try_from(size_of::<Attributes>()).map_err(io::Error::other)?,
        policy: libc::SCHED_OTHER.cast_unsigned(),
        flags: 0,
        nice,
        priority: 0,
        runtime: nanoseconds,
        deadline: 0,
        period: 0,
    };
    // SAFETY: 0 is the calling thread, and the pointer is to a live structure of the length it names, which the kernel
    // only reads.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_policy(thread: i32, policy: i32, priority: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 is the calling thread, another number one of ours; the pointer is to a live structure that the kernel only
    // reads.
    let result =
        unsafe { libc::sched_setscheduler(thread, policy | libc::SCHED_RESET_ON_FORK, &raw const parameter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    fn policy() -> i32 {
        // SAFETY: it reads the calling thread's policy.
        unsafe { libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK }
    }

    #[test]
    fn a_thread_that_runs_on_and_on_is_an_ordinary_one_until_it_has_slept() {
        let body = || {
            ask_for_real_time().expect("this test needs CAP_SYS_NICE: run it as root");
            assert_eq!(policy(), libc::SCHED_FIFO);
            for _ in 0..2 {
                let begun = Instant::now();
                while !was_taken() {
                    assert!(begun.elapsed() < Duration::from_secs(10), "it freezes a machine of one core");
                }
                assert_eq!(policy(), libc::SCHED_OTHER);
                let ran = begun.elapsed();
                let expected = Duration::from_micros(LONGEST_RUN_US);
                assert!(ran > expected / 2 && ran < expected * 2, "{ran:?}");
                take_back().unwrap();
                assert_eq!((policy(), was_taken()), (libc::SCHED_FIFO, false));
                thread::park_timeout(Duration::from_millis(1));
            }
        };
        thread::spawn(body).join().unwrap();
    }
}
