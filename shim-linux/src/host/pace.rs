//! How many orders the kernel is given in one turn.
//!
//! Thousands of addresses may come to be bound at once, when the list of what is ours was written. The kernel carries each order
//! out within the call: in 10 microseconds, or in 300 where there are many addresses already. All of them in one turn would keep
//! BFD's packets and every keepalive waiting for longer than a detection time. So what is beyond a turn's share waits for the
//! next one, in the order in which it came.

use std::collections::VecDeque;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{AddressId, LinkId, NextHop, RouteId, RouteTarget};

use super::{Host, WaitingBind};
use crate::io::{Fact, timer};

/// The most orders of one turn: each is told back as a change of a table, and no more changes than a turn reads may come of it.
const ORDERS: u32 = 64;
/// The most time that orders take of one turn.
const SHARE: Duration = Duration::from_millis(2);
/// How long what is beyond that waits: the thread has to sleep now and then, to stay a real-time one.
const PAUSE: Duration = Duration::from_micros(500);
/// The most addresses of one turn about which the kernel is asked whether it takes packets to them.
pub(super) const LOOKS: usize = 32;

/// An order to the kernel.
#[derive(Debug)]
pub(crate) enum Order {
    /// Add an address whose entry is in the list.
    Bind(WaitingBind),
    /// Remove an address.
    Unbind(AddressId, LinkId, InterfaceAddress),
    /// Install a route.
    Install(RouteId, Prefix, Target),
    /// Remove a route.
    Remove(RouteId, Prefix),
}

/// Where a route leads, kept by value.
#[derive(Debug)]
pub(crate) enum Target {
    Via(Vec<NextHop>),
    Blackhole,
    Unreachable,
}

impl From<RouteTarget<'_>> for Target {
    fn from(target: RouteTarget<'_>) -> Self {
        match target {
            RouteTarget::Via(hops) => Self::Via(hops.to_vec()),
            RouteTarget::Blackhole => Self::Blackhole,
            RouteTarget::Unreachable => Self::Unreachable,
        }
    }
}

impl Target {
    fn view(&self) -> RouteTarget<'_> {
        match self {
            Self::Via(hops) => RouteTarget::Via(hops),
            Self::Blackhole => RouteTarget::Blackhole,
            Self::Unreachable => RouteTarget::Unreachable,
        }
    }
}

/// The orders that wait, and how many more this turn may carry out.
#[derive(Debug)]
pub(super) struct Pace {
    waiting: VecDeque<Order>,
    left: u32,
    /// When this share is used up, and the next one.
    until: Instant,
    next: Instant,
}

impl Pace {
    /// Nothing waits.
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), left: ORDERS, until: Instant::FAR, next: Instant::ZERO }
    }
}

impl Host {
    /// A turn begins: carries out its share of what waits.
    pub(crate) fn begin_turn(&mut self, now: Instant, answers: &mut VecDeque<Fact>) {
        if now >= self.pace.next {
            (self.pace.left, self.pace.until) = (ORDERS, now + SHARE);
            self.work(now, answers);
        }
    }

    /// Carries an order out: at once, unless this turn has had its share.
    pub(crate) fn order(&mut self, now: Instant, order: Order, answers: &mut VecDeque<Fact>) {
        self.pace.waiting.push_back(order);
        self.work(now, answers);
    }

    /// When [`Host::begin_turn`] has something to do.
    pub(super) fn next_share(&self) -> Instant {
        if self.pace.waiting.is_empty() { Instant::FAR } else { self.pace.next }
    }

    fn work(&mut self, now: Instant, answers: &mut VecDeque<Fact>) {
        while self.pace.left > 0
            && let Some(order) = self.pace.waiting.pop_front()
        {
            self.pace.left -= 1;
            match order {
                Order::Bind(bind) => self.bind_now(now, &bind, answers),
                Order::Unbind(id, link, address) => self.unbind(id, link, address, answers),
                Order::Install(id, prefix, target) => self.install(id, prefix, target.view(), answers),
                Order::Remove(id, prefix) => self.remove(id, prefix, answers),
            }
            let time = timer::now();
            if time >= self.pace.until || self.pace.left == 0 {
                (self.pace.left, self.pace.next) = (0, time + PAUSE);
            }
        }
    }
}
