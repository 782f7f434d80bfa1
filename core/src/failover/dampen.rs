//! Damping: a service that fails too often is held down for a while, each time twice as long.
//!
//! A failure is a change of health from good to bad; an address or a link that goes is none: it is not the service that
//! flaps.

#![expect(
    clippy::cast_possible_truncation,
    reason = "steps are counted modulo 2^32, and the counts are small"
)]

use crate::base::limits::{DAMPEN_FAILURES, DAMPEN_WITHIN_SECONDS};
use crate::base::time::{Duration, Instant};

/// What `dampen` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dampen {
    /// So many failures, at most [`DAMPEN_FAILURES`](crate::base::limits::DAMPEN_FAILURES); 0: never hold down.
    pub failures: u8,
    /// Within this time, at most [`DAMPEN_WITHIN_SECONDS`].
    pub within: Duration,
    /// How long the first hold is, from the last failure.
    pub hold: Duration,
    /// How long a hold is at most; and after so long without a failure all is forgotten.
    pub max: Duration,
}

/// The steps in which failures are timed.
const STEP: u64 = 10_000;

/// How many gaps there are between them.
const GAPS: usize = DAMPEN_FAILURES as usize - 1;

/// A gap that is longer than can be written down is longer than any time within which failures count.
const _: () = assert!(DAMPEN_WITHIN_SECONDS as u64 * 1_000_000 < u16::MAX as u64 * STEP);

/// What a service remembers of its failures. All zero bits at rest: none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Damping {
    /// When the last one was, in steps; it wraps after more than a year, and is looked at for minutes only.
    failed: u32,
    /// The steps between those before it, the last gap first.
    gaps: [u16; GAPS],
    /// Failures since the count began.
    count: u8,
    /// Holds so far; the last of them runs while `held`.
    holds: u8,
}

impl Damping {
    /// None.
    pub(crate) const fn new() -> Self {
        Self { failed: 0, gaps: [0; GAPS], count: 0, holds: 0 }
    }

    /// The service failed; says whether a hold begins with it.
    pub(crate) fn fail(&mut self, now: Instant, dampen: &Dampen) -> bool {
        if dampen.failures == 0 {
            *self = Self::new();
            return false;
        }
        if self.is_any() && now >= self.last(now) + dampen.max.max(dampen.within) {
            *self = Self::new();
        }
        let step = steps(now) as u32;
        self.gaps.rotate_right(1);
        self.gaps[0] = u16::try_from(step.wrapping_sub(self.failed)).unwrap_or(u16::MAX);
        self.failed = step;
        self.count = self.count.saturating_add(1);
        if !self.is_too_often(dampen) {
            return false;
        }
        // The count starts over: the next hold needs as many failures again.
        self.count = 0;
        self.holds = self.holds.saturating_add(1);
        true
    }

    /// Whether the last failures are as many as it takes, and near enough to each other.
    fn is_too_often(&self, dampen: &Dampen) -> bool {
        let needed = dampen.failures.clamp(1, DAMPEN_FAILURES);
        let gaps = self.gaps.iter().take(usize::from(needed) - 1);
        let span: u64 = gaps.map(|&gap| u64::from(gap)).sum();
        self.count >= needed && span * STEP <= dampen.within.as_micros()
    }

    /// Until when the service is held down, while a hold runs: one that begins counts from the failure it began with, and
    /// a failure during it counts from there. `None`: no hold ever began.
    pub(crate) fn held_until(&self, now: Instant, dampen: &Dampen) -> Option<Instant> {
        let doublings = self.holds.checked_sub(1)?;
        let hold = dampen.hold.times(1 << doublings.min(32)).min(dampen.max);
        (dampen.failures > 0).then(|| self.last(now) + hold)
    }

    const fn is_any(&self) -> bool {
        self.count > 0 || self.holds > 0
    }

    /// The end of the step in which the last failure was.
    fn last(&self, now: Instant) -> Instant {
        let ago = (steps(now) as u32).wrapping_sub(self.failed);
        Instant::from_micros((steps(now).saturating_sub(u64::from(ago)) + 1) * STEP)
    }
}

const fn steps(now: Instant) -> u64 {
    now.as_micros() / STEP
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const USUAL: Dampen = Dampen {
        failures: 3,
        within: Duration::from_secs(60),
        hold: Duration::from_secs(3),
        max: Duration::from_secs(300),
    };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    /// Which of the failures at these times, in milliseconds, begin a hold.
    fn run(dampen: &Dampen, times: &[u64]) -> Vec<bool> {
        let mut damping = Damping::new();
        times.iter().map(|&time| damping.fail(at(time), dampen)).collect()
    }

    #[test]
    fn it_is_small_and_zero_at_rest() {
        assert!(size_of::<Damping>() <= 16);
        assert_eq!((Damping::new().count, Damping::new().holds), (0, 0));
    }

    #[test]
    fn three_failures_in_a_minute_hold_down_wherever_the_minute_begins() {
        assert_eq!(run(&USUAL, &[0, 30_000, 60_000]), [false, false, true]);
        assert_eq!(run(&USUAL, &[0, 30_000, 60_010]), [false, false, false]);
        // The first one is too old for the third, and near enough to nobody: the last three count.
        assert_eq!(run(&USUAL, &[0, 59_000, 61_000, 62_000]), [false, false, false, true]);
        assert_eq!(run(&USUAL, &[0, 59_000, 118_000, 177_000]), [false; 4]);
    }

    #[test]
    fn as_many_failures_as_are_asked_for_hold_down() {
        for failures in 1..=5_u8 {
            let dampen = Dampen { failures, ..USUAL };
            let times: Vec<u64> = (0..u64::from(failures)).map(|n| n * 100).collect();
            let mut expected = std::vec![false; times.len()];
            *expected.last_mut().unwrap() = true;
            assert_eq!(run(&dampen, &times), expected);
        }
        assert_eq!(run(&Dampen { failures: 0, ..USUAL }, &[0, 1, 2, 3, 4]), [false; 5]);
    }

    #[test]
    fn each_hold_is_twice_as_long_up_to_the_longest() {
        let mut damping = Damping::new();
        let (mut now, mut held) = (0, Vec::new());
        for _ in 0..9 {
            for _ in 0..3 {
                now += 1_000;
                damping.fail(at(now), &USUAL);
            }
            held.push((damping.held_until(at(now), &USUAL).unwrap() - at(now)).as_secs());
        }
        assert_eq!(held, [3, 6, 12, 24, 48, 96, 192, 300, 300]);
    }

    #[test]
    fn the_count_starts_over_with_each_hold() {
        assert_eq!(
            run(&USUAL, &[0, 100, 200, 300, 400, 500, 600]),
            [false, false, true, false, false, true, false]
        );
    }

    #[test]
    fn a_hold_counts_from_the_last_failure() {
        let mut damping = Damping::new();
        for time in [0, 500, 1_000] {
            damping.fail(at(time), &USUAL);
        }
        assert_eq!(damping.held_until(at(1_000), &USUAL), Some(at(4_010)));
        assert_eq!(damping.held_until(at(3_999), &USUAL), Some(at(4_010)), "whenever it is asked");
        damping.fail(at(3_000), &USUAL);
        assert_eq!(damping.held_until(at(3_000), &USUAL), Some(at(6_010)));
    }

    #[test]
    fn all_is_forgotten_after_the_longest_hold_without_a_failure() {
        for (pause, hold) in [(290_000, 6), (300_020, 3)] {
            let mut damping = Damping::new();
            for time in [0, 500, 1_000] {
                damping.fail(at(time), &USUAL);
            }
            let again = 1_000 + pause;
            for time in [again, again + 500, again + 1_000] {
                damping.fail(at(time), &USUAL);
            }
            let until = damping.held_until(at(again + 1_000), &USUAL).unwrap();
            assert_eq!((until - at(again + 1_000)).as_secs(), hold, "{pause}");
        }
    }

    #[test]
    fn failures_months_apart_are_not_near_each_other() {
        // Steps wrap after 497 days: what is older is forgotten before it could be mistaken.
        let month = 30 * 86_400_000;
        assert_eq!(run(&USUAL, &[5, 5 + month, 5 + 2 * month, 5 + 3 * month]), [false; 4]);
    }
}
