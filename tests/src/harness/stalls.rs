//! When the machine itself stood still: a virtual machine is put aside now and then, and no scheduling inside it helps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::CpuSet;

use super::lab::bounded;

/// What is no longer than this is a timer's own lateness.
const SHORTEST: Duration = Duration::from_millis(5);

/// A time in which a core ran nothing at all, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// The core.
    pub core: usize,
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub until: f64,
}

/// Watches every core, with a higher priority than anything else in a test has.
pub struct Stalls {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Stall>>>,
    watchers: Vec<JoinHandle<Result<()>>>,
}

impl Stalls {
    /// Begins to watch. Errors: the number of cores is not known; a core that cannot be watched is told at the end.
    pub fn watch() -> Result<Self> {
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let cores = std::thread::available_parallelism()?.get();
        let watcher = |core| {
            let (over, seen) = (Arc::clone(&over), Arc::clone(&seen));
            std::thread::spawn(move || watch(core, &over, &seen))
        };
        Ok(Self { watchers: (0..cores).map(watcher).collect(), over, seen })
    }

    /// What was seen so far; a stall is seen when it is over.
    pub fn seen(&self) -> Vec<Stall> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the watch; what was seen.
    pub fn end(mut self) -> Result<Vec<Stall>> {
        self.over.store(true, Ordering::Relaxed);
        for watcher in self.watchers.drain(..) {
            watcher.join().ok().context("a watcher of a core panicked")??;
        }
        Ok(self.seen())
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn watch(core: usize, over: &AtomicBool, seen: &Mutex<Vec<Stall>>) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set)?;
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    bounded(&["chrt", "--fifo", "--pid", "3", &thread])?;
    let mut last = Instant::now();
    while !over.load(Ordering::Relaxed) {
        // pause: the shortest that tells a stall from nothing
        std::thread::sleep(Duration::from_millis(1));
        let gap = last.elapsed();
        if gap >= SHORTEST {
            let until = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
            let stall = Stall { core, from: until - gap.as_secs_f64(), until };
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(stall);
        }
        last = Instant::now();
    }
    Ok(())
}

/// For how long, in seconds, one core stood still between two moments: the one that did for the longest.
pub fn stood_still(stalls: &[Stall], from: f64, until: f64) -> f64 {
    let mut cores = Vec::new();
    for stall in stalls {
        cores.resize(cores.len().max(stall.core + 1), 0.0);
        cores[stall.core] += (stall.until.min(until) - stall.from.max(from)).max(0.0);
    }
    cores.into_iter().fold(0.0, f64::max)
}

/// Whether a stall of at least this length, in seconds, had begun by this moment (seconds since 1970) and been over for no
/// longer than `since`.
pub fn soon_after(stalls: &[Stall], length: f64, at: f64, since: f64) -> bool {
    stalls
        .iter()
        .any(|stall| stall.until - stall.from >= length && (stall.from..=stall.until + since).contains(&at))
}

/// Nothing went down at these moments (seconds since 1970) but what the machine's own stalls explain: those who need a
/// packet every `detection` seconds, and get one every `interval`, lose each other when it stands still for the difference.
/// Returns how many there were.
pub fn explain(downs: &[f64], stalls: &[Stall], interval: f64, detection: f64) -> Result<usize> {
    for &down in downs {
        // What happened a little after the packet that was the last one, or before the log line.
        let still = stood_still(stalls, down - detection - interval, down + interval);
        ensure!(
            still >= detection - interval,
            "BFD went down at {down:.3}, and the machine stood still for {:.1} ms only: {stalls:?}",
            still * 1e3
        );
    }
    Ok(downs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stall(core: usize, from: f64, until: f64) -> Stall {
        Stall { core, from, until }
    }

    #[test]
    fn the_stalls_of_one_core_add_up_within_the_bounds() {
        let stalls = [stall(0, 1.0, 1.1), stall(0, 1.2, 1.3), stall(1, 1.0, 1.15), stall(0, 5.0, 6.0)];
        assert!((stood_still(&stalls, 0.0, 2.0) - 0.2).abs() < 1e-9);
        assert!((stood_still(&stalls, 1.05, 1.25) - 0.1).abs() < 1e-9);
        assert!(stood_still(&stalls, 2.0, 5.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_soon_after_a_long_stall_is_told_from_the_rest() {
        let stalls = [stall(0, 10.0, 10.2), stall(1, 20.0, 20.05)];
        assert!(soon_after(&stalls, 0.1, 10.1, 5.0) && soon_after(&stalls, 0.1, 15.1, 5.0));
        assert!(!soon_after(&stalls, 0.1, 9.9, 5.0) && !soon_after(&stalls, 0.1, 15.3, 5.0));
        assert!(!soon_after(&stalls, 0.1, 20.1, 5.0), "it was too short");
    }

    #[test]
    fn only_a_stall_that_is_long_enough_and_near_explains_an_end() {
        let stalls = [stall(0, 9.97, 9.995)];
        assert_eq!(explain(&[10.0], &stalls, 0.01, 0.03).unwrap(), 1);
        assert_eq!(explain(&[], &[], 0.01, 0.03).unwrap(), 0);
        assert!(explain(&[10.2], &stalls, 0.01, 0.03).is_err());
        assert!(explain(&[10.0], &[stall(0, 9.98, 9.99)], 0.01, 0.03).is_err());
        assert!(explain(&[10.0, 20.0], &stalls, 0.01, 0.03).is_err());
    }
}
