//! The BGP finite state machine (RFC 4271 section 8) as one pure, total table.

use core::fmt;

/// The states of a connection (RFC 4271 section 8.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Refuses connections, uses no resources.
    #[default]
    Idle,
    /// Waits for the TCP connection to complete.
    Connect,
    /// Waits to be connected to, or for the time to try again.
    Active,
    /// Has sent an OPEN, waits for the peer's.
    OpenSent,
    /// Has both OPENs, waits for a KEEPALIVE.
    OpenConfirm,
    /// Exchanges UPDATEs.
    Established,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        })
    }
}
