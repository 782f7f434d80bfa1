//! Follows tables of the kernel: tells each whole, then what changes, and tells them whole again when something was lost.
//!
//! # What can overtake what
//!
//! One socket hears links and addresses, and the kernel queues there in the order in which things happened: a link before its
//! addresses, the end of an address before its return. What is told keeps that order. A table that is told whole comes over the
//! same socket, so that a change during it stands behind the entry that it changes, or the entry is told as it has become.
//!
//! Answers to orders come another way: the kernel answers within the call, over a socket of its own. So an order's answer may be
//! told before news that are older than the order, and news of what the order did may be told before its answer (the answer to a
//! bind of IPv6 waits until the kernel takes packets to the address, and orders beyond a turn's share wait). Between an answer and
//! the news about the same address or route nothing can be concluded from who came first: the answer says what the order found
//! and did at its moment, the news say what is, last word last. Routes have a second socket; between the two nothing is ordered.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{HostTable, Phase};
use rustix::io::Errno;

use super::facts::{self, HostFact};
use super::message::{DONE, ERROR, INTERRUPTED, Message};
use super::orders;
use super::socket::NetlinkSocket;
use crate::io::timer::now;

/// The kernel fills up to 32 KiB at a time when it tells a whole table.
const BUFFER: usize = 32 << 10;

/// How long after a failure a table is asked for again.
const RETRY: Duration = Duration::from_millis(100);
/// How often a table that changes while it is told is asked for anew, before what was told has to do.
const ATTEMPTS: u8 = 3;

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
    /// When it may be asked for: the last attempt failed.
    next_at: Instant,
    /// How often the table being told was interrupted by a change.
    interrupted: u8,
    /// Whether that happened in the attempt under way.
    torn: bool,
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
            next_at: Instant::ZERO,
            interrupted: 0,
            torn: false,
            again: false,
            complete: false,
        })
    }

    /// Only what changes is told, not the tables as they are now.
    pub(super) const fn changes_only(mut self) -> Self {
        (self.next, self.complete) = (None, true);
        self
    }

    /// Tells all its tables whole again, after the round that is under way.
    pub(super) fn tell_again(&mut self) {
        if self.telling.is_some() {
            self.again = true;
        } else {
            self.next = Some(0);
        }
    }

    /// The port that the kernel names as the sender of the tables that it tells whole.
    pub(super) const fn port(&self) -> u32 {
        self.socket.port()
    }

    /// Whether [`Watch::next`] may have something.
    pub(super) fn is_ready(&self) -> bool {
        self.readable || self.at < self.filled || self.asks_at() <= now()
    }

    /// When the next table is to be asked for.
    pub(super) fn asks_at(&self) -> Instant {
        if self.telling.is_none() && self.next.is_some() { self.next_at } else { Instant::FAR }
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
            self.torn |= ours.is_some() && message.flags & INTERRUPTED != 0;
            match (message.kind, ours) {
                (DONE | ERROR, Some((place, _))) => {
                    if let Some(end) = self.end(place, message.error() == 0) {
                        return Some(end);
                    }
                }
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
        let place = self.next.filter(|_| self.asks_at() <= now())?;
        let table = *self.tables.get(place)?;
        let sequence = self.socket.next_sequence();
        let mut request = match table {
            HostTable::Links => orders::dump_links(sequence),
            HostTable::Addresses => orders::dump_addresses(sequence),
            HostTable::Routes => orders::dump_routes(sequence),
        };
        if self.socket.send(&mut request).is_err() {
            // The kernel has no memory for it now. At once again would be for ever, and nothing else would run.
            self.next_at = now() + RETRY;
            return None;
        }
        (self.telling, self.next, self.readable, self.torn) = (Some((place, sequence)), None, true, false);
        Some(Told::Resync(table, Phase::Begin))
    }

    /// A table was told; or not whole, when the kernel gave up or the table changed meanwhile. What was not repeated is not gone
    /// then: it is told again from its beginning.
    fn end(&mut self, place: usize, whole: bool) -> Option<Told> {
        self.telling = None;
        let torn = std::mem::take(&mut self.torn);
        if !whole || (torn && self.interrupted < ATTEMPTS) {
            self.interrupted += u8::from(torn && whole);
            self.next = Some(place);
            self.next_at = if whole { Instant::ZERO } else { now() + RETRY };
            return None;
        }
        // A table that changes all the time is told as it was, and again.
        self.again |= torn;
        self.interrupted = 0;
        if place + 1 < self.tables.len() {
            (self.next, self.next_at) = (Some(place + 1), Instant::ZERO);
        } else {
            self.complete = true;
            if std::mem::take(&mut self.again) {
                (self.next, self.next_at) = (Some(0), Instant::ZERO);
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
            Err(Errno::NOBUFS) if self.telling.is_none() && self.next.is_none() => {
                (self.next, self.next_at) = (Some(0), Instant::ZERO);
            }
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

#[cfg(test)]
mod tests {
    use super::super::tests::in_a_namespace;
    use super::*;

    /// Has the table that was asked for end like this, in the place of the kernel's answer.
    fn ends(watch: &mut Watch, kind: u16, flags: u16, error: i32) {
        let (_, sequence) = watch.telling.unwrap();
        while watch.socket.receive(&mut vec![0; BUFFER]).is_ok() {}
        let mut octets = Vec::from(20_u32.to_ne_bytes());
        octets.extend(kind.to_ne_bytes());
        octets.extend(flags.to_ne_bytes());
        octets.extend(sequence.to_ne_bytes());
        octets.extend([0; 4]);
        octets.extend((-error).to_ne_bytes());
        watch.buffer[..octets.len()].copy_from_slice(&octets);
        (watch.at, watch.filled) = (0, octets.len());
    }

    /// The next boundary of a table.
    fn boundary(watch: &mut Watch) -> (Phase, Duration) {
        let begun = now();
        loop {
            assert!(now().since(begun) < Duration::from_secs(10), "nothing is told");
            if let Some(Told::Resync(HostTable::Links, phase)) = watch.next(&mut 64) {
                return (phase, now().since(begun));
            }
        }
    }

    #[test]
    fn a_table_that_the_kernel_gave_up_is_told_again_in_a_while_and_nothing_of_it_is_gone() {
        in_a_namespace(|| {
            for kind in [ERROR, DONE] {
                let mut watch = Watch::open(&[HostTable::Links], 0).unwrap();
                assert_eq!(boundary(&mut watch).0, Phase::Begin);
                ends(&mut watch, kind, 0, libc::ENOMEM);
                let (phase, waited) = boundary(&mut watch);
                assert_eq!(phase, Phase::Begin);
                assert!(waited >= RETRY && !watch.complete, "{waited:?}");
                assert_eq!(boundary(&mut watch).0, Phase::End);
                assert!(watch.complete);
            }
        });
    }

    #[test]
    fn a_table_that_changes_while_it_is_told_is_told_again_before_anything_of_it_is_gone() {
        in_a_namespace(|| {
            let mut watch = Watch::open(&[HostTable::Links], 0).unwrap();
            for _ in 0..ATTEMPTS {
                assert_eq!(boundary(&mut watch).0, Phase::Begin);
                ends(&mut watch, DONE, INTERRUPTED, 0);
            }
            // One that changes all the time is told all the same, and once more.
            assert_eq!(boundary(&mut watch).0, Phase::Begin);
            ends(&mut watch, DONE, INTERRUPTED, 0);
            assert_eq!(boundary(&mut watch).0, Phase::End);
            assert_eq!((boundary(&mut watch).0, boundary(&mut watch).0), (Phase::Begin, Phase::End));
            assert!(!watch.again && watch.next.is_none());
        });
    }

    #[test]
    fn a_table_that_cannot_be_asked_for_is_not_asked_for_all_the_time() {
        in_a_namespace(|| {
            let mut watch = Watch::open(&[HostTable::Links], 0).unwrap();
            let socket = std::mem::replace(&mut watch.socket, NetlinkSocket::broken());
            watch.readable = false;
            assert!(watch.is_ready());
            assert_eq!(watch.next(&mut 64), None);
            assert!(!watch.is_ready(), "the thread would run on and on");
            assert!(watch.asks_at() > now() && watch.asks_at() <= now() + RETRY);
            watch.socket = socket;
            assert_eq!(boundary(&mut watch).0, Phase::Begin);
        });
    }

    #[test]
    fn what_is_cut_off_or_not_from_the_kernel_is_not_taken() {
        in_a_namespace(|| {
            let mut socket = NetlinkSocket::open(0).unwrap();
            let sequence = socket.next_sequence();
            socket.send(&mut orders::dump_links(sequence)).unwrap();
            assert_eq!(
                socket.receive(&mut [0; 64]),
                Err(Errno::NOBUFS),
                "an answer that is longer than its buffer"
            );
            // A message from another process, as one with CAP_NET_ADMIN may send it.
            let heard = NetlinkSocket::open(0).unwrap();
            let address = rustix::net::getsockname(&heard).unwrap();
            let forged = NetlinkSocket::open(0).unwrap();
            let octets = orders::dump_links(7).finish().to_vec();
            rustix::net::sendto(&forged, &octets, rustix::net::SendFlags::empty(), &address).unwrap();
            assert_eq!(heard.receive(&mut [0; 4096]), Err(Errno::AGAIN));
        });
    }
}
