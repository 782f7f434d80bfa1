//! The memory that sockets live in, lent by the application.

use smoltcp::iface::SocketStorage;
use smoltcp::socket::{icmp, udp};

use crate::datagram::SESSIONS;
use crate::pool::SEATS;

/// UDP sockets that BFD packets come in by: one for each of its ports.
pub(crate) const RECEIVERS: usize = 2;
/// ICMP sockets: the one that hears the answers to the checks' echo requests.
const LISTENERS: usize = 1;
/// BFD packets that a receiver keeps until it is read, after every frame.
const DATAGRAMS: usize = 2;
/// A BFD packet has 24 octets; with authentication, which is not spoken, a few more.
pub(crate) const DATAGRAM: usize = 64;
/// An answer to an echo request: its header and as much data as was sent.
const ECHO: usize = 64;

/// All the octets that sockets keep: all zero at rest, so that a static one costs no space in the image.
///
/// `TCP` sockets (at most 16: connections, listeners and checks share them), with `RX` and `TX` octets each; `BFD` sessions (at
/// most 8).
#[derive(Debug)]
pub struct Memory<const TCP: usize, const RX: usize, const TX: usize, const BFD: usize> {
    pub(crate) receive: [[u8; RX]; TCP],
    pub(crate) transmit: [[u8; TX]; TCP],
    pub(crate) datagrams_in: [[u8; DATAGRAM * DATAGRAMS]; RECEIVERS],
    pub(crate) datagrams_out: [[u8; DATAGRAM]; BFD],
    pub(crate) echoes: [u8; ECHO],
}

impl<const TCP: usize, const RX: usize, const TX: usize, const BFD: usize> Memory<TCP, RX, TX, BFD> {
    /// All zero.
    pub const fn new() -> Self {
        const {
            assert!(TCP >= 1 && TCP <= SEATS, "1 to 16 TCP sockets");
            assert!(BFD <= SESSIONS, "at most 8 BFD sessions");
            // An OPEN with all its capabilities must fit, or a connection never leaves OpenSent.
            assert!(RX >= 512 && TX >= 512, "at least 512 octets for each direction");
        }
        Self {
            receive: [[0; RX]; TCP],
            transmit: [[0; TX]; TCP],
            datagrams_in: [[0; DATAGRAM * DATAGRAMS]; RECEIVERS],
            datagrams_out: [[0; DATAGRAM]; BFD],
            echoes: [0; ECHO],
        }
    }
}

impl<const TCP: usize, const RX: usize, const TX: usize, const BFD: usize> Default
    for Memory<TCP, RX, TX, BFD>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Room for `SOCKETS` sockets: the TCP sockets and BFD sessions of [`Memory`], [`Slots::FIXED`] more, and the application's own.
///
/// It is not all zero, so a static one would lie in the image: make it where the program runs.
#[derive(Debug)]
pub struct Slots<'a, const SOCKETS: usize> {
    pub(crate) sockets: [SocketStorage<'a>; SOCKETS],
    pub(crate) datagrams_in: [[udp::PacketMetadata; DATAGRAMS]; RECEIVERS],
    pub(crate) datagrams_out: [[udp::PacketMetadata; 1]; SESSIONS],
    pub(crate) echoes: [icmp::PacketMetadata; 1],
}

impl<const SOCKETS: usize> Slots<'_, SOCKETS> {
    /// Sockets that are there whatever the configuration says.
    pub const FIXED: usize = RECEIVERS + LISTENERS;

    /// Room for sockets, none yet.
    pub const fn new() -> Self {
        Self {
            sockets: [const { SocketStorage::EMPTY }; SOCKETS],
            datagrams_in: [[udp::PacketMetadata::EMPTY; DATAGRAMS]; RECEIVERS],
            datagrams_out: [[udp::PacketMetadata::EMPTY; 1]; SESSIONS],
            echoes: [icmp::PacketMetadata::EMPTY; 1],
        }
    }
}

impl<const SOCKETS: usize> Default for Slots<'_, SOCKETS> {
    fn default() -> Self {
        Self::new()
    }
}
