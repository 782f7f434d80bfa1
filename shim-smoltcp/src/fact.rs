//! Facts that wait to be told: the answers that are known when an order is obeyed, for an order is never answered by calling
//! the engine back.

use heapless::Deque;
use holdover_core::base::net::InterfaceAddress;
use holdover_core::base::time::Duration;
use holdover_core::engine::{
    AddressId, BfdId, Bound, ConnId, Input, IoError, LinkId, ListenerId, ProbeId, RouteId, Verdict,
};
use smoltcp::config::IFACE_MAX_ADDR_COUNT;

/// Facts that can wait at once. An engine of 32 routes orders that many bound or installed when it takes over its first
/// configuration, each answered by one fact, or by two when the stack took the address; besides there are a few sockets, and 16
/// checks.
const WAITING: usize = 32 + IFACE_MAX_ADDR_COUNT + 24;

/// A fact that waits. It is much smaller than an [`Input`], of which so many would be 10 KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    ConnectFailed { conn: ConnId, why: IoError },
    Closed { conn: ConnId, why: IoError },
    ListenDone { listener: ListenerId, result: Result<(), IoError> },
    DatagramDone { bfd: BfdId, result: Result<(), IoError> },
    ProbeDone { probe: ProbeId, verdict: Verdict, took: Duration },
    WatchChanged { probe: ProbeId, verdict: Verdict },
    AddressDone { address: AddressId, result: Result<Bound, IoError> },
    Address { link: LinkId, address: InterfaceAddress, present: bool },
    RouteDone { route: RouteId, result: Result<(), IoError> },
}

impl Fact {
    /// As the engine takes it.
    // table: one arm for each fact
    pub(crate) fn input(self) -> Input<'static> {
        match self {
            Self::ConnectFailed { conn, why } => Input::ConnectFailed { conn, why },
            Self::Closed { conn, why } => Input::Closed { conn, why },
            Self::ListenDone { listener, result } => Input::ListenDone { listener, result },
            Self::DatagramDone { bfd, result } => Input::DatagramDone { bfd, result },
            Self::ProbeDone { probe, verdict, took } => Input::ProbeDone { probe, verdict, took },
            Self::WatchChanged { probe, verdict } => Input::WatchChanged { probe, verdict },
            Self::AddressDone { address, result } => Input::AddressDone { address, result },
            Self::Address { link, address, present } => {
                Input::Address { link, address, present, ours: false }
            }
            Self::RouteDone { route, result } => Input::RouteDone { route, result },
        }
    }
}

/// Facts that wait, oldest first.
#[derive(Debug)]
pub(crate) struct Facts {
    waiting: Deque<Fact, WAITING>,
    /// Those that found no room.
    pub(crate) lost: u32,
}

impl Facts {
    pub(crate) const fn new() -> Self {
        Self { waiting: Deque::new(), lost: 0 }
    }

    pub(crate) fn push(&mut self, fact: Fact) {
        if self.waiting.push_back(fact).is_err() {
            // The engine has a timer for an answer that never comes.
            self.lost = self.lost.saturating_add(1);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Fact> {
        self.waiting.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes away the failure of an attempt to connect that is not told yet; whether there was one.
    pub(crate) fn take_failure(&mut self, of: ConnId) -> bool {
        let before = self.waiting.len();
        for _ in 0..before {
            match self.waiting.pop_front() {
                Some(Fact::ConnectFailed { conn, .. }) if conn == of => {}
                Some(fact) => self.push(fact),
                None => {}
            }
        }
        self.waiting.len() != before
    }
}
