//! Follows tables of the kernel: tells each whole, then what changes, and tells them whole again when something was lost.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use holdover_core::engine::{HostTable, Phase};
use rustix::io::Errno;

use super::facts::{self, HostFact};
use super::message::{DONE, ERROR, INTERRUPTED, Message};
use super::orders;
use super::socket::NetlinkSocket;

/// The kernel fills up to 32 KiB at a time when it tells a whole table.
const BUFFER: usize = 32 << 10;

/// What a watch has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// One fact.
    Fact(HostFact),
    /// A table begins to be told whole, or has been.
    Resync(HostTable, Phase),
}

/// A socket that hears of some tables.
#[derive(Debug)]
pub(super) struct Watch {
    socket: NetlinkSocket,
    tables: &'static [HostTable],
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// Whether the socket may have more.
    pub(super) readable: bool,
    /// The table being told whole, by place, and the request's number.
    telling: Option<(usize, u32)>,
    /// The table to be told whole next.
    next: Option<usize>,
    /// What was told is not reliable: tell all again when this round is over.
    again: bool,
    /// Whether every table was told once.
    pub(super) complete: bool,
}

impl Watch {
    /// Opens a watch of these tables, which hear these groups.
    pub(super) fn open(tables: &'static [HostTable], groups: u32) -> io::Result<Self> {
        Ok(Self {
            socket: NetlinkSocket::open(groups)?,
            tables,
            buffer: vec![0; BUFFER],
            at: 0,
            filled: 0,
            readable: true,
            telling: None,
            next: Some(0),
            again: false,
            complete: false,
        })
    }

    /// Tells all its tables whole again, after the round that is under way.
    pub(super) fn tell_again(&mut self) {
        if self.telling.is_some() {
            self.again = true;
        } else {
            self.next = Some(0);
        }
    }

    /// Whether [`Watch::next`] may have something.
    pub(super) fn is_ready(&self) -> bool {
        self.readable || self.at < self.filled || (self.telling.is_none() && self.next.is_some())
    }

    /// The next thing to tell. Looks at no more than `budget` messages, and counts them down.
    pub(super) fn next(&mut self, budget: &mut u32) -> Option<Told> {
        if let Some(begin) = self.begin() {
            return Some(begin);
        }
        while *budget > 0 && (self.at < self.filled || self.fill()) {
            *budget -= 1;
            let Some((message, used)) = Message::first(self.buffer.get(self.at..self.filled).unwrap_or(&[]))
            else {
                self.at = self.filled;
                continue;
            };
            self.at += used;
            let ours = self.telling.filter(|&(_, sequence)| sequence == message.sequence);
            self.again |= ours.is_some() && message.flags & INTERRUPTED != 0;
            match (message.kind, ours) {
                (DONE | ERROR, Some((place, _))) => return self.end(place),
                (DONE | ERROR, None) => {}
                _ => {
                    if let Some(fact) = facts::read(&message) {
                        return Some(Told::Fact(fact));
                    }
                }
            }
        }
        None
    }

    /// Asks for the next table, if there is one to be asked for.
    fn begin(&mut self) -> Option<Told> {
        let place = self.next.filter(|_| self.telling.is_none())?;
        let table = *self.tables.get(place)?;
        let sequence = self.socket.next_sequence();
        let mut request = match table {
            HostTable::Links => orders::dump_links(sequence),
            HostTable::Addresses => orders::dump_addresses(sequence),
            HostTable::Routes => orders::dump_routes(sequence),
        };
        // When the kernel has no memory for it now, the next turn asks again.
        self.socket.send(&mut request).ok()?;
        (self.telling, self.next, self.readable) = (Some((place, sequence)), None, true);
        Some(Told::Resync(table, Phase::Begin))
    }

    fn end(&mut self, place: usize) -> Option<Told> {
        self.telling = None;
        if place + 1 < self.tables.len() {
            self.next = Some(place + 1);
        } else {
            self.complete = true;
            if std::mem::take(&mut self.again) {
                self.next = Some(0);
            }
        }
        self.tables.get(place).map(|&table| Told::Resync(table, Phase::End))
    }

    /// Receives once; whether there is something to read now.
    fn fill(&mut self) -> bool {
        if !self.readable {
            return false;
        }
        (self.at, self.filled) = (0, 0);
        match self.socket.receive(&mut self.buffer) {
            Ok(length) => self.filled = length,
            // Messages were lost: what we told is not what is.
            Err(Errno::NOBUFS) if self.telling.is_none() && self.next.is_none() => self.next = Some(0),
            Err(Errno::NOBUFS) => self.again = true,
            Err(Errno::INTR) => {}
            Err(_) => self.readable = false,
        }
        self.filled > 0
    }
}

#[cfg(test)]
impl std::os::fd::AsFd for Watch {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
