//! What passed between shims and engines: hashed for the test of determinism, kept for whoever looks for a fault.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hasher};

/// How many lines are kept.
const KEPT: usize = 200_000;

/// A trace; off unless asked for.
#[derive(Default)]
pub struct Trace {
    on: bool,
    print: bool,
    hasher: DefaultHasher,
    lines: VecDeque<String>,
}

impl Trace {
    /// On when `HOLDOVER_TRACE` is set: the tail of it is printed when an expectation fails.
    pub fn from_environment() -> Self {
        let print = std::env::var_os("HOLDOVER_TRACE").is_some();
        Self { on: print, print, ..Self::default() }
    }

    /// Switches it on.
    pub fn enable(&mut self) {
        self.on = true;
    }

    /// Whether it is on.
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// Adds a line.
    pub fn add(&mut self, now: u64, host: &str, what: &str, value: &dyn Debug) {
        if !self.on {
            return;
        }
        let line = format!("{:>6}.{:06} {host} {what} {value:?}", now / 1_000_000, now % 1_000_000);
        self.hasher.write(line.as_bytes());
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The hash of all lines so far.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// Prints the last lines, when asked for by the environment.
    pub fn print_tail(&self) {
        if self.print {
            for line in &self.lines {
                eprintln!("{line}");
            }
        }
    }
}
