//! Listeners: who may connect, with which key, and the sockets that wait for the engine's word.
//!
//! A socket gets its keys before it listens, and never one afterwards: whose handshake was over before a key was set would wait
//! in the accept queue, and come in without it. The engine closes a listener whose keys change, and with it what waits there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, RawFd};

use holdover_core::base::net::Prefix;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{Endpoint, Input, IoError, ListenerId, SocketId};
use socket2::Socket;

use super::error;
use super::guests::Guests;
use super::tcp::{endpoint, new_socket, socket_address};
use super::timer::now;
use super::{ACCEPT_RETRY, Fact, Io};
use crate::sys::{filter, option};

/// Connections that wait to be accepted: a route server that restarts is dialled by all its clients at once.
const BACKLOG: i32 = 128;

/// The most connections that a listener accepts in a second: four times as many as can wait.
const ACCEPTS: u32 = 512;

/// The TTL of the handshake's answer. The peer may demand 255 (RFC 5082) before we know who it is; it is set to what the
/// engine says when the connection is adopted.
const HANDSHAKE_TTL: u8 = 255;

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listening {
    socket: Socket,
    /// Whether somebody may be waiting.
    pub(super) readable: bool,
    /// Somebody waits, and there was no memory or descriptor to accept with, or there were too many in this second.
    pub(super) exhausted: bool,
    /// Those whose key the kernel did not take: they must not come in without one.
    barred: Vec<Prefix>,
    /// When the second began in which connections are counted, and how many were accepted in it.
    second: Instant,
    accepted: u32,
}

impl Listening {
    /// A socket of this family that does not listen yet: it takes keys.
    pub(super) fn new(v6: bool) -> io::Result<Self> {
        let any: IpAddr = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let socket = new_socket(any)?;
        socket.set_reuse_address(true)?;
        option::set_ttl(&socket, v6, HANDSHAKE_TTL, 0)?;
        let (second, accepted) = (Instant::ZERO, 0);
        Ok(Self { socket, readable: false, exhausted: false, barred: Vec::new(), second, accepted })
    }

    /// Demands a key of these peers, or not, from the first connection on.
    pub(super) fn set_key(&mut self, remote: Prefix, key: Option<&[u8]>) -> Result<(), IoError> {
        self.barred.retain(|prefix| *prefix != remote);
        match option::set_md5(&self.socket, remote, None, key) {
            Err(_) if key.is_none() => Ok(()), // There was none.
            Err(error) => {
                self.barred.push(remote);
                Err(error::from_io(&error))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Lets in these and nobody else.
    pub(super) fn guard(&self, guests: &Guests, v6: bool) {
        guests.guard(&self.socket, v6);
    }

    /// Listens.
    pub(super) fn listen(&mut self, local: Endpoint) -> io::Result<()> {
        if let Some(link) = local.link {
            option::bind_to_link(&self.socket, link)?;
        }
        self.socket.bind(&socket_address(local).into())?;
        self.socket.listen(BACKLOG)?;
        self.readable = true;
        Ok(())
    }

    /// The next connection, with our end and the peer's.
    ///
    /// Not more than so many in a second: whoever may connect must not keep this thread from everything else by it.
    pub(super) fn accept(&mut self, now: Instant) -> Option<(Socket, Endpoint, Endpoint)> {
        if now - self.second >= Duration::from_secs(1) {
            (self.second, self.accepted) = (now, 0);
        }
        if self.accepted == ACCEPTS {
            (self.exhausted, self.readable) = (true, false);
            return None;
        }
        match self.socket.accept() {
            Ok((socket, remote)) => {
                self.accepted += 1;
                // It was inherited, and costs time for each packet.
                filter::detach(&socket);
                let remote = endpoint(remote.as_socket()?);
                if self.is_barred(remote.address) || socket.set_nonblocking(true).is_err() {
                    return None;
                }
                let local = endpoint(socket.local_addr().ok()?.as_socket()?);
                Some((socket, local, remote))
            }
            Err(error) => {
                // Nobody waits; or nothing is left to accept with: then it is tried again in a while, for who waits is told
                // of once. Any other error is about one connection that went away while it waited.
                self.exhausted = error::from_io(&error) == IoError::Exhausted;
                self.readable = !(self.exhausted || error.kind() == ErrorKind::WouldBlock);
                None
            }
        }
    }

    #[cfg(test)]
    pub(super) fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().as_socket().unwrap().port()
    }

    fn is_barred(&self, remote: IpAddr) -> bool {
        self.barred.iter().any(|prefix| prefix.contains(remote))
    }
}

impl Io {
    /// The next of those who wait at a listener.
    pub(super) fn accept(&mut self, index: usize) -> Option<Fact> {
        let listener = self.listeners.get_mut(index)?.as_mut().ok()?.as_mut()?;
        let accepted = listener.accept(now());
        if listener.exhausted {
            self.accept_at = self.accept_at.min(now() + ACCEPT_RETRY);
        }
        let (socket, local, remote) = accepted?;
        self.next_socket = self.next_socket.wrapping_add(1);
        let name = SocketId(self.next_socket);
        self.accepted.push((name, socket, remote));
        let listener = ListenerId(u8::try_from(index).unwrap_or(0));
        Some(Fact::Plain(Input::Accepted { socket: name, listener, local, remote }))
    }
}

impl AsRawFd for Listening {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
