//! Why a probe failed: the code that the engine keeps, and the sentence that a person reads.

use std::fmt;
use std::io::{self, ErrorKind};

use holdover_core::engine::ProbeFailure;

/// A probe that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the engine is told.
    pub(crate) why: ProbeFailure,
    /// What else is known; empty when the code says it all.
    pub(crate) detail: String,
    /// This machine lacked what it takes to ask (descriptors, memory, threads): it says nothing about the service.
    pub(crate) ours: bool,
}

/// What a probe found.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with a sentence beside its code.
    pub(crate) fn new(why: ProbeFailure, detail: impl Into<String>) -> Self {
        Self { why, detail: detail.into(), ours: false }
    }

    /// A failure of our own: what it takes to ask was not to be had.
    pub(crate) fn ours(why: ProbeFailure, detail: impl Into<String>) -> Self {
        Self { ours: true, ..Self::new(why, detail) }
    }

    /// A failure whose code says it all.
    pub(crate) fn plain(why: ProbeFailure) -> Self {
        Self::new(why, "")
    }

    /// What the system said while a connection was made or used.
    pub(crate) fn of_network(error: &io::Error) -> Self {
        let why = match error.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => ProbeFailure::Refused,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
                ProbeFailure::Unreachable
            }
            ErrorKind::TimedOut => ProbeFailure::TimedOut,
            ErrorKind::PermissionDenied => ProbeFailure::NotAllowed,
            _ => ProbeFailure::Other,
        };
        Self { ours: is_ours(error), ..Self::new(why, error.to_string()) }
    }

    /// What the system said about a path.
    pub(crate) fn of_path(path: &str, error: &io::Error) -> Self {
        let why = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ProbeFailure::Missing,
            ErrorKind::PermissionDenied => ProbeFailure::NotAllowed,
            _ => ProbeFailure::Other,
        };
        Self { ours: is_ours(error), ..Self::new(why, format!("{path}: {error}")) }
    }
}

/// Whether an error says that this machine has run out of something, or that its disk is broken: no answer of a service.
/// ENOSPC is that of `epoll` and `inotify`: nothing here writes to a disk.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    let wants =
        [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN, libc::EIO, libc::ENOBUFS, libc::ENOSPC];
    error.raw_os_error().is_some_and(|number| wants.contains(&number))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { self.why.fmt(f) } else { write!(f, "{}: {}", self.why, self.detail) }
    }
}
