//! What the engine thread and the management thread say to each other, and the board on which the engine's state is published.
//!
//! The engine thread never waits for the management thread: it tries, and counts what did not fit.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use holdover_core::base::time::Instant;
use holdover_core::config::Config;
use holdover_core::engine::{CommandResult, Engine, Past, Record, Wish, record::Level};
use tokio::sync::oneshot;

use crate::host::facts::LinkName;
use crate::owned::OwnedChange;
use crate::snapshot::{RouteRow, Snapshot, SteerRow};

/// The engine as large as a Linux host wants it (law 8).
pub(crate) type HostEngine = Engine<64, 256, 16_384, 4_096, 65_535>;
/// Its configuration.
pub(crate) type HostConfig = Config<64, 256, 16_384, 4_096, 65_535>;

/// The most rows of a long table that are told in one turn.
pub(crate) const ROWS: usize = 256;

/// From the management thread to the engine thread.
pub(crate) enum ToEngine {
    /// Take over a configuration; it comes back as [`ToManager::Configured`].
    Configure {
        /// The configuration.
        configuration: &'static mut HostConfig,
        /// What is wanted of services that are new in it, from before.
        wishes: Vec<(String, Wish)>,
        /// At the start: what an earlier run left to be known of services.
        kept: Vec<(String, Past)>,
    },
    /// What an operator wants from now on.
    Wish {
        /// Of the service of this name; `None`: of all.
        service: Option<String>,
        /// What.
        wish: Wish,
        /// Whether it was granted already, and is to be answered when every neighbor has acknowledged it, or had its time to.
        wait: bool,
        /// What became of it.
        answer: oneshot::Sender<Granted>,
    },
    /// Withdraw everything and end.
    Stop,
    /// Publish a snapshot now.
    Publish(oneshot::Sender<()>),
    /// Answer; the thread of checks, when there is one, is to answer too.
    Alive(oneshot::Sender<()>),
    /// Routes in place `from` and on; and the place to go on from, unless that was all.
    Routes {
        /// Where to begin.
        from: usize,
        /// The rows.
        answer: oneshot::Sender<Piece<RouteRow>>,
    },
    /// Prefixes kept by `steer`, likewise.
    Steered {
        /// Where to begin.
        from: usize,
        /// The rows.
        answer: oneshot::Sender<Piece<SteerRow>>,
    },
    /// The list of what is ours was written up to this change.
    ListWritten(u32),
}

/// What became of a wish.
#[derive(Debug)]
pub(crate) struct Granted {
    /// What.
    pub(crate) result: CommandResult,
    /// The neighbors that did not acknowledge it in time.
    pub(crate) silent: Vec<IpAddr>,
}

/// A piece of a long table.
#[derive(Debug)]
pub(crate) struct Piece<T> {
    /// Its rows.
    pub(crate) rows: Vec<T>,
    /// Where the next piece begins; `None` at the end.
    pub(crate) next: Option<usize>,
}

/// From the engine thread to the management thread, where nothing may be lost.
pub(crate) enum ToManager {
    /// The engine has copied the configuration.
    Configured(&'static mut HostConfig),
    /// The list of what is ours changes.
    Owned(OwnedChange),
    /// The next run must know this of a service.
    Keep(String, Past),
    /// What the next run must know was written, or could not be.
    LastRunWritten(io::Result<()>),
    /// The engine thread is on its way out.
    Stopping,
    /// The engine thread has ended; whether in good order.
    Ended(bool),
}

/// What is to be logged.
#[derive(Debug)]
pub(crate) struct Event {
    /// When it happened.
    pub(crate) at: SystemTime,
    /// What happened.
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum What {
    /// In the engine; with the names that its numbers stand for.
    Record(Record, Subject),
    /// In the shim.
    Note(Level, &'static str, String),
}

/// What a record speaks of and has no room for.
#[derive(Debug)]
pub(crate) enum Subject {
    /// It speaks of none.
    None,
    /// Of this link.
    Link(LinkName),
    /// Of this link, on which an earlier run has put the address of which it speaks.
    Kept(LinkName),
    /// Of a session that the peer ended, with what it said; empty: nothing.
    Said(String),
    /// The record's whole sentence, with a name that it has no room for.
    Sentence(String),
    /// Of a check, about which more is known than its record has room for.
    Detail(String),
}

/// Where the engine's state hangs for all to read: two snapshots, of which the newer one is read while the other is
/// written.
#[derive(Debug, Default)]
pub(crate) struct Board {
    slots: [Mutex<Snapshot>; 2],
    newest: AtomicUsize,
    turned_at: AtomicU64,
}

impl Board {
    /// Writes the next snapshot, unless a reader still holds its place; whether that was done.
    pub(crate) fn publish(&self, fill: impl FnOnce(&mut Snapshot)) -> bool {
        let next = 1 - self.newest.load(Ordering::Acquire).min(1);
        let Some(Ok(mut slot)) = self.slots.get(next).map(Mutex::try_lock) else { return false };
        fill(&mut slot);
        drop(slot);
        self.newest.store(next, Ordering::Release);
        true
    }

    /// Reads the newest snapshot.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        let newest = self.newest.load(Ordering::Acquire).min(1);
        look(&self.slots[newest].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The engine thread is alive at this time.
    pub(crate) fn set_turned(&self, now: Instant) {
        self.turned_at.store(now.as_micros(), Ordering::Relaxed);
    }

    /// When the engine thread was last seen alive.
    pub(crate) fn turned(&self) -> Instant {
        Instant::from_micros(self.turned_at.load(Ordering::Relaxed))
    }
}
