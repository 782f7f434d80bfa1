//! Where and with what a run was made: so that a reader can judge its figures, and make them again.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use holdover_tests::harness::lab::bounded;
use holdover_tests::harness::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::daemon::Daemon;

/// The circumstances of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// What was typed.
    pub command: String,
    /// The day, UTC: `2026-11-22`.
    pub date: String,
    /// Processors.
    pub cores: usize,
    /// The processor's name.
    pub processor: String,
    /// The kernel's release.
    pub kernel: String,
    /// The distribution.
    pub system: String,
    /// The daemons' names and versions.
    pub versions: BTreeMap<String, String>,
    /// Repetitions asked for.
    pub repetitions: usize,
    /// How long an end of an outage was waited for, in seconds.
    pub limit: f64,
    /// The source's revision, with a mark when files were changed.
    pub revision: String,
}

/// When more of the processors than this is busy with other things, the figures are those of a busy machine.
pub const BUSY: f64 = 0.1;

/// How many ticks the processors were busy since the machine's start, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// As of now.
    pub fn now() -> Result<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat")?)
            .context("/proc/stat has no line for all processors")
    }

    fn read(text: &str) -> Option<Self> {
        let words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
        let all = ticks.get(..8)?.iter().sum();
        Some(Self { busy: all - ticks.get(3)? - ticks.get(4)?, all })
    }

    /// The busy share since `before`, 0 to 1.
    #[allow(clippy::cast_precision_loss)] // ticks of seconds
    pub fn share(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.busy.saturating_sub(before.busy) as f64 / all as f64
    }
}

/// Reads the circumstances.
pub fn circumstances(command: &str, daemons: &[Daemon]) -> Result<Circumstances> {
    let mut versions = BTreeMap::new();
    for daemon in daemons {
        versions.insert(daemon.name().to_owned(), daemon.version()?);
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str, mark: char| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(mark));
        value.map_or("unknown", |(_, value)| value.trim().trim_matches('"')).to_owned()
    };
    let revision = bounded(&["git", "-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]);
    Ok(Circumstances {
        command: command.to_owned(),
        date: date(SystemTime::now()),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: field(&read("/proc/cpuinfo"), "model name", ':'),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        system: field(&read("/etc/os-release"), "PRETTY_NAME", '='),
        versions,
        revision: revision.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
        ..Circumstances::default()
    })
}

/// The day of a time, UTC.
fn date(at: SystemTime) -> String {
    let days = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let mut year = 1970;
    let mut left = days;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if left < length {
            let february = if leap { 29 } else { 28 };
            let mut month = 1;
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                if left < length {
                    break;
                }
                left -= length;
                month += 1;
            }
            return format!("{year}-{month:02}-{:02}", left + 1);
        }
        left -= length;
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_busy_share_is_what_was_neither_idle_nor_waiting() {
        let before = Ticks::read("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let after = Ticks::read("cpu  120 0 60 860 60 0 0 0 9 9\n").unwrap();
        assert!((after.share(before) - 0.3).abs() < 1e-9);
        assert!(before.share(before).abs() < 1e-9);
        assert_eq!(Ticks::read("intr 1 2 3"), None);
    }

    #[test]
    fn the_date_is_that_of_the_calendar() {
        let day = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(1_709_210_096), "2024-02-29");
        assert_eq!(day(1_795_344_630), "2026-11-22");
        assert_eq!(day(1_798_761_599), "2026-12-31");
    }
}
