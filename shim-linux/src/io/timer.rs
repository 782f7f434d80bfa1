//! Time: the clock the engine is told, and a timer that wakes to the microsecond.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use holdover_core::base::time::Instant;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

/// The time since the machine started, in the clock that also counts while it is suspended: a hold time is over when
/// the peer says so, whether we slept or not.
pub(crate) fn now() -> Instant {
    let time = clock_gettime(ClockId::Boottime);
    let micros = time.tv_sec.cast_unsigned().saturating_mul(1_000_000);
    Instant::from_micros(micros.saturating_add(time.tv_nsec.cast_unsigned() / 1_000))
}

/// A timer on that clock. (`epoll_wait` alone would round up to milliseconds.)
#[derive(Debug)]
pub(super) struct Timer {
    fd: OwnedFd,
    armed: Instant,
}

impl Timer {
    /// A timer that is not armed.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { fd: timerfd_create(TimerfdClockId::Boottime, flags)?, armed: Instant::FAR })
    }

    /// Wakes at `deadline`; never, when that is [`Instant::FAR`].
    pub(super) fn arm(&mut self, deadline: Instant) -> io::Result<()> {
        if deadline == self.armed {
            return Ok(());
        }
        let micros = if deadline == Instant::FAR { 0 } else { deadline.as_micros().max(1) };
        let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
        let nanoseconds = i64::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
        let time = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
        };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &time)?;
        self.armed = deadline;
        Ok(())
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
