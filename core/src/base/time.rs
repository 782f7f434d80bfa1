//! Points and spans of time, in microseconds. The core never reads a clock: every `handle` is told what time it is.
//!
//! Any monotonic clock will do, and a resolution of a millisecond is enough; finer BFD wants a finer one. 64 bits of
//! microseconds last 584,000 years, so that nothing wraps: a timer of 32 bits must be extended before it is told.

use core::ops::{Add, AddAssign, Sub};

/// A point in time, in microseconds since an arbitrary start that the caller chooses (a monotonic clock).
/// Zero is a valid instant; [`Instant::FAR`] is later than any deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

/// A span of time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Duration(u64);

impl Instant {
    /// Later than any deadline: "nothing to wait for".
    pub const FAR: Self = Self(u64::MAX);
    /// The caller's zero.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the caller's zero.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the caller's zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time that has passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// The span in microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The span in whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The span times `n`, held at the largest one.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The `n`th part of the span; `n` of 0 counts as 1.
    #[must_use]
    pub const fn part(self, n: u64) -> Self {
        Self(self.0 / if n == 0 { 1 } else { n })
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_stays_far_whatever_is_added() {
        assert_eq!(Instant::FAR + Duration::from_secs(9), Instant::FAR);
    }

    #[test]
    fn time_that_runs_backwards_counts_as_no_time() {
        assert_eq!(Instant::from_micros(5) - Instant::from_micros(9), Duration::ZERO);
    }
}
