//! A timer that counts down and begins anew, as one number that does not.

/// Ticks since the start, of a timer that counts down from `u32::MAX`: `count` is what it shows, `wraps` how often its
/// interrupt was served, `pending` whether it began anew and its interrupt waits.
///
/// Read `pending` after `count`, and `count` again if it grew: here a `count` that is low goes with the time before.
pub const fn ticks(wraps: u32, count: u32, pending: bool) -> u64 {
    let elapsed = u32::MAX - count;
    // An interrupt that waits belongs to this reading only when the timer has just begun anew.
    let wraps = if pending && elapsed < u32::MAX / 2 { wraps as u64 + 1 } else { wraps as u64 };
    (wraps << u32::BITS) | elapsed as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_the_timer_begins_anew_served_or_not() {
        let last = ticks(0, 0, false);
        assert_eq!(last, u64::from(u32::MAX));
        assert_eq!(ticks(0, u32::MAX, true), last + 1);
        assert_eq!(ticks(1, u32::MAX, false), last + 1);
        assert_eq!(ticks(1, u32::MAX - 7, false), last + 8);
    }

    #[test]
    fn a_reading_from_before_the_wrap_is_not_put_behind_it() {
        assert_eq!(ticks(4, 3, true), ticks(4, 3, false));
    }

    #[test]
    fn the_first_tick_is_zero() {
        assert_eq!(ticks(0, u32::MAX, false), 0);
    }
}
