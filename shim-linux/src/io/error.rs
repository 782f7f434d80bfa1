//! Linux's errors as the engine knows them.

use std::io;

use holdover_core::engine::IoError;
use rustix::io::Errno;

/// What an error number means to the engine.
pub(crate) fn from_errno(errno: Errno) -> IoError {
    match errno {
        Errno::CONNREFUSED => IoError::Refused,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED | Errno::NOTCONN => IoError::Reset,
        Errno::TIMEDOUT => IoError::TimedOut,
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::HOSTDOWN | Errno::NONET => {
            IoError::Unreachable
        }
        Errno::ADDRNOTAVAIL => IoError::AddressUnavailable,
        Errno::ADDRINUSE => IoError::InUse,
        Errno::ACCESS | Errno::PERM => IoError::Denied,
        Errno::NOPROTOOPT | Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => {
            IoError::Unsupported
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => IoError::Exhausted,
        _ => IoError::Other,
    }
}

/// What an error of a call means to the engine.
pub(crate) fn from_io(error: &io::Error) -> IoError {
    Errno::from_io_error(error).map_or(IoError::Other, from_errno)
}
