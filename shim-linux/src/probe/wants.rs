//! What this machine lacks is no fault of a service: while a check cannot be made for want of descriptors, memory or threads,
//! its last result stands, for a bounded time.

use std::time::{Duration, Instant};

/// How long the last result of a check stands that cannot be made. A want that lasts longer does not pass by itself, and what
/// is announced must not rest on what was true long ago.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// The want of one check.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Want {
    since: Option<Instant>,
}

impl Want {
    /// It is felt. Whether that is news.
    pub(super) fn begin(&mut self) -> bool {
        let news = self.since.is_none();
        self.since.get_or_insert_with(Instant::now);
        news
    }

    /// It is over. Whether that is news.
    pub(super) fn end(&mut self) -> bool {
        self.since.take().is_some()
    }

    /// Whether it is felt.
    pub(super) fn is_felt(&self) -> bool {
        self.since.is_some()
    }

    /// Whether it has lasted so long that the last result stands no more.
    pub(super) fn is_too_long(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= BOUND)
    }
}
