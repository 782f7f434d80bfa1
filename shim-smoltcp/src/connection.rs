//! A connection of the engine, and what its socket says.

use holdover_core::engine::{ConnId, Endpoint, IoError, ListenerId, SocketId};
use holdover_core::stream::{Moved, read_some};
use smoltcp::socket::tcp::{Socket, State};

use crate::stream::Stream;

/// A `Send` that did not fit is answered when so many octets would: a window that opens octet by octet is not worth a message
/// each (RFC 9293 section 3.8.6.2.1).
const ROOM: usize = 512;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The SYN is out, or will be.
    Connecting,
    /// Both ends speak.
    Open,
    /// We have said all; what comes is discarded until the peer's end.
    Draining,
}

/// A connection of the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) name: ConnId,
    pub(crate) phase: Phase,
    pub(crate) local: Endpoint,
    pub(crate) remote: Endpoint,
    /// A `Send` that is not answered: how many octets were taken.
    pub(crate) owed: Option<usize>,
    /// An `AskFlushed` that is not answered.
    pub(crate) asked_flushed: bool,
    /// What ended it while it was being written to; what the peer said before is still to be read.
    pub(crate) failed: Option<IoError>,
}

/// What a socket has to say when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Connected {
        conn: ConnId,
        local: Endpoint,
    },
    ConnectFailed {
        conn: ConnId,
        why: IoError,
    },
    Accepted {
        socket: SocketId,
        listener: ListenerId,
        local: Endpoint,
        remote: Endpoint,
    },
    /// So many octets lie in the buffer.
    Received {
        conn: ConnId,
        len: usize,
    },
    Sent {
        conn: ConnId,
        len: usize,
    },
    Flushed {
        conn: ConnId,
    },
    Closed {
        conn: ConnId,
        why: IoError,
    },
}

/// A side of a socket to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Write,
    Read,
    Flush,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Flush];
}

impl Connection {
    /// A new one.
    pub(crate) const fn new(name: ConnId, phase: Phase, local: Endpoint, remote: Endpoint) -> Self {
        Self { name, phase, local, remote, owed: None, asked_flushed: false, failed: None }
    }

    /// Whether it has something to say.
    pub(crate) fn is_ready(&self, socket: &Socket<'_>) -> bool {
        let ended = !socket.may_recv();
        match self.phase {
            Phase::Connecting => !matches!(socket.state(), State::SynSent | State::SynReceived),
            Phase::Open => {
                socket.can_recv()
                    || ended
                    || self.failed.is_some()
                    || (self.owed.is_some() && has_room(socket))
                    || (self.asked_flushed && socket.send_queue() == 0)
            }
            Phase::Draining => socket.can_recv() || ended,
        }
    }

    /// The connect's result, or the answer to a `Send`.
    pub(crate) fn write_side(&mut self, socket: &Socket<'_>) -> Option<Said> {
        let conn = self.name;
        match self.phase {
            Phase::Connecting => match socket.state() {
                State::SynSent | State::SynReceived => None,
                State::Closed => Some(Said::ConnectFailed { conn, why: IoError::Refused }),
                _ => {
                    self.phase = Phase::Open;
                    Some(Said::Connected { conn, local: self.local })
                }
            },
            Phase::Open if has_room(socket) => self.owed.take().map(|len| Said::Sent { conn, len }),
            Phase::Open | Phase::Draining => None,
        }
    }

    /// What came, or the end.
    pub(crate) fn read_side(&mut self, socket: &mut Socket<'_>, buffer: &mut [u8]) -> Option<Said> {
        if self.phase == Phase::Connecting {
            return None;
        }
        let conn = self.name;
        let (ended, draining) = (self.failed.unwrap_or(IoError::Reset), self.phase == Phase::Draining);
        match read_some(&mut Stream(socket), buffer) {
            Ok(Moved::Octets(_)) if draining => None,
            Ok(Moved::Octets(len)) => Some(Said::Received { conn, len }),
            Ok(Moved::NotNow) => self.failed.map(|why| Said::Closed { conn, why }),
            Ok(Moved::Ended) | Err(_) if draining => Some(Said::Closed { conn, why: IoError::None }),
            Ok(Moved::Ended) | Err(_) => Some(Said::Closed { conn, why: ended }),
        }
    }

    /// That everything was acknowledged.
    pub(crate) fn flush_side(&mut self, socket: &Socket<'_>) -> Option<Said> {
        let flushed = self.phase == Phase::Open && self.asked_flushed && socket.send_queue() == 0;
        self.asked_flushed &= !flushed;
        flushed.then_some(Said::Flushed { conn: self.name })
    }
}

fn has_room(socket: &Socket<'_>) -> bool {
    let free = socket.send_capacity().saturating_sub(socket.send_queue());
    socket.may_send() && free >= ROOM.min(socket.send_capacity() / 2)
}
