//! Descriptors that tell the asynchronous runtime when they are readable.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the runtime of this thread tell when the descriptor, which must not block, is readable. Errors: no memory.
pub(crate) fn readable(fd: impl Into<OwnedFd>) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives, and `AsyncFd` keeps it until it has told
    // the runtime to forget it.
    Ok(unsafe { AsyncFd::register_with_interest(fd.into(), Interest::READABLE) }?)
}

/// The same for a descriptor that others use too.
pub(crate) fn shared(fd: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: as above: the `Arc` keeps the `OwnedFd` alive.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
