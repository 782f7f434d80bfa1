//! What a board gives beside its Ethernet device. A new board is one file: this trait, and a `smoltcp::phy::Device`.

use holdover_core::base::time::Instant;

/// A clock, a source of entropy, and whether the cable is in.
pub trait Board {
    /// What time it is: microseconds since boot, never backwards. Hold, send-hold and BFD timers are counted by it, so it
    /// must not stand still while the processor sleeps.
    fn now(&self) -> Instant;

    /// Whether the Ethernet link has a carrier now. It is asked once a turn.
    fn carrier(&mut self) -> bool;

    /// 64 bits that nobody can guess and that differ at each boot: from them come the TCP sequence numbers and ports, BFD's
    /// discriminators and the jitter. A peer that remembers the last boot takes the same numbers for an old connection.
    fn entropy(&mut self) -> u64;
}

/// What the shim is told of its one Ethernet link.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Its link-layer address.
    pub mac: [u8; 6],
    /// What the configuration calls it, at most 15 octets.
    pub link: &'static str,
}
