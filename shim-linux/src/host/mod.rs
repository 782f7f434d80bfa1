//! The host's tables: links, addresses and routes, followed by netlink, and changed where the engine orders it. What the kernel
//! tells and what it answers come by different ways: [`watch`] says what can overtake what.

pub(crate) mod facts;
pub(crate) mod message;
mod orders;
mod pace;
pub(crate) mod socket;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{
    AddressId, Bound, HostTable, Input, IoError, LinkId, Phase, RouteId, RouteTarget,
};
use rustix::io::Errno;

use crate::io::Fact;
use crate::io::error;
use crate::owned::{Entry, OwnedChange};
use facts::{HostFact, LinkName};
use message::{DONE, ERROR, Message};
pub(crate) use pace::Order;
use pace::Pace;
use socket::NetlinkSocket;
use watch::{Told, Watch};

/// How addresses (`IFA_PROTO`, Linux 5.18) and routes (`rtm_protocol`) of ours are marked: BGP's port. Neither FRR nor BIRD
/// nor a network manager uses the number, so nobody else takes them for its own.
pub(crate) const OUR_MARK: u8 = 179;

/// The messages of rtnetlink that concern us.
mod kind {
    pub(super) const NEW_LINK: u16 = 16;
    pub(super) const DELETE_LINK: u16 = 17;
    pub(super) const GET_LINK: u16 = 18;
    pub(super) const NEW_ADDRESS: u16 = 20;
    pub(super) const DELETE_ADDRESS: u16 = 21;
    pub(super) const GET_ADDRESS: u16 = 22;
    pub(super) const NEW_ROUTE: u16 = 24;
    pub(super) const DELETE_ROUTE: u16 = 25;
    pub(super) const GET_ROUTE: u16 = 26;
}

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR`.
const ADDRESS_GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// `RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE`.
const ROUTE_GROUPS: u32 = 0x40 | 0x400;
/// How long a bind waits for its entry in the list of what is ours. An address that answers is worth more than a list:
/// most kernels keep the mark as well.
const LIST_PATIENCE: Duration = Duration::from_millis(100);

/// A bind that waits for its entry in the list.
#[derive(Debug)]
pub(crate) struct WaitingBind {
    serial: u32,
    until: Instant,
    id: AddressId,
    link: LinkId,
    address: InterfaceAddress,
    label: String,
}

/// How often the kernel is asked whether an IPv6 address that was added is taken for the host's own.
const SETTLE_LOOK: Duration = Duration::from_millis(1);
/// How long that may take before the bind counts as failed: somebody may have removed the address meanwhile.
const SETTLE_PATIENCE: Duration = Duration::from_secs(1);

/// An IPv6 address that was added: the kernel acknowledges it first, and later, in a work queue, takes packets to it. What is
/// announced in between is answered with "no route".
#[derive(Clone, Copy, Debug)]
struct Settling {
    id: AddressId,
    address: IpAddr,
    look: Instant,
    until: Instant,
}

/// The host's tables.
#[derive(Debug)]
pub(crate) struct Host {
    orders: NetlinkSocket,
    addresses: Watch,
    routes: Option<Watch>,
    names: BTreeMap<u32, LinkName>,
    /// What an earlier run listed as its own, and what this run has listed.
    listed: BTreeSet<Entry>,
    /// The addresses that this run has put on this host.
    bound: BTreeSet<IpAddr>,
    waiting: VecDeque<WaitingBind>,
    /// In the order in which they are looked at next.
    settling: VecDeque<Settling>,
    pace: Pace,
    serial: u32,
    /// Changes of the list, for the management thread.
    pub(crate) changes: Vec<OwnedChange>,
    /// Routes of table main that are not ours: by prefix and metric, because two may share a prefix.
    kernel_routes: BTreeSet<(Prefix, u32)>,
    /// Whether those are told: otherwise only what becomes of our own is.
    tells_routes: bool,
    /// The routes that we installed: their prefix and metric, by place.
    installed: BTreeMap<u32, (Prefix, u32)>,
    /// The same by prefix and metric, and whether the kernel has told of each since it began to tell its table.
    own_routes: BTreeMap<(Prefix, u32), (RouteId, bool)>,
    /// Those that are gone and were not told so yet.
    lost_routes: VecDeque<RouteId>,
}

impl Host {
    /// Opens the sockets and begins to follow links and addresses.
    pub(crate) fn open(listed: Vec<Entry>) -> io::Result<Self> {
        Ok(Self {
            orders: NetlinkSocket::open(0)?,
            addresses: Watch::open(&[HostTable::Links, HostTable::Addresses], ADDRESS_GROUPS)?,
            routes: None,
            names: BTreeMap::new(),
            listed: listed.into_iter().collect(),
            bound: BTreeSet::new(),
            waiting: VecDeque::new(),
            settling: VecDeque::new(),
            pace: Pace::new(),
            serial: 0,
            changes: Vec::new(),
            kernel_routes: BTreeSet::new(),
            tells_routes: false,
            installed: BTreeMap::new(),
            own_routes: BTreeMap::new(),
            lost_routes: VecDeque::new(),
        })
    }

    /// The socket that tells of links and addresses.
    pub(crate) fn addresses_fd(&self) -> RawFd {
        self.addresses.as_raw_fd()
    }

    /// The socket that tells of routes, while they are followed.
    pub(crate) fn routes_fd(&self) -> Option<RawFd> {
        self.routes.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Begins or ceases to tell the kernel's routes; whether there is a new socket by that. Nobody who does not redistribute
    /// them pays for a router's table.
    pub(crate) fn follow_routes(&mut self, follow: bool) -> io::Result<bool> {
        if follow == self.tells_routes {
            return Ok(false);
        }
        let opened = follow && self.routes.is_none();
        if opened {
            self.routes = Some(Watch::open(&[HostTable::Routes], ROUTE_GROUPS)?);
        } else if !follow && self.installed.is_empty() {
            self.routes = None;
        }
        self.kernel_routes.clear();
        self.tells_routes = follow;
        if follow && !opened {
            self.tell_again(HostTable::Routes);
        }
        Ok(opened)
    }

    /// Begins to watch what becomes of the routes that we install; whether there is a new socket by that. The kernel's table
    /// is not told for it.
    pub(crate) fn watch_own_routes(&mut self) -> io::Result<bool> {
        if self.routes.is_some() {
            return Ok(false);
        }
        self.routes = Some(Watch::open(&[HostTable::Routes], ROUTE_GROUPS)?.changes_only());
        Ok(true)
    }

    /// Tells a table whole again.
    pub(crate) fn tell_again(&mut self, what: HostTable) {
        match what {
            HostTable::Links | HostTable::Addresses => self.addresses.tell_again(),
            HostTable::Routes => {
                if let Some(routes) = &mut self.routes {
                    routes.tell_again();
                }
            }
        }
    }

    /// Whether links and addresses were told once.
    pub(crate) fn is_told(&self) -> bool {
        self.addresses.complete
    }

    /// Notes that a socket has something to read.
    pub(crate) fn set_readable(&mut self, routes: bool) {
        if let Some(watch) = if routes { self.routes.as_mut() } else { Some(&mut self.addresses) } {
            watch.readable = true;
        }
    }

    /// Whether [`Host::next`] may have something.
    pub(crate) fn is_ready(&self, routes: bool) -> bool {
        if routes {
            !self.lost_routes.is_empty() || self.routes.as_ref().is_some_and(Watch::is_ready)
        } else {
            self.addresses.is_ready()
        }
    }

    /// The name of a link.
    pub(crate) fn name(&self, link: LinkId) -> &str {
        self.names.get(&link.0).map_or("", LinkName::as_str)
    }

    /// The next fact of one of the watches; looks at no more than `budget` messages.
    pub(crate) fn next(&mut self, routes: bool, budget: &mut u32) -> Option<Fact> {
        loop {
            if routes && let Some(route) = self.lost_routes.pop_front() {
                *budget = budget.saturating_sub(1);
                return Some(Fact::Plain(Input::RouteLost { route }));
            }
            let told =
                if routes { self.routes.as_mut()?.next(budget)? } else { self.addresses.next(budget)? };
            if let Some(fact) = self.tell(told) {
                return Some(fact);
            }
        }
    }

    fn tell(&mut self, told: Told) -> Option<Fact> {
        Some(match told {
            Told::Resync(what, phase) => {
                if what == HostTable::Routes {
                    self.own_routes_told(phase);
                    if !self.tells_routes {
                        return None;
                    }
                }
                Fact::Plain(Input::Resync { what, phase })
            }
            Told::Fact(HostFact::Link { link, name, up, gone }) => {
                if gone {
                    self.names.remove(&link.0);
                } else {
                    self.names.insert(link.0, name);
                }
                Fact::Link { link, name, up, gone }
            }
            Told::Fact(HostFact::Address { link, address, present, marked }) => {
                let entry = Entry { link: self.name(link).to_owned(), address };
                let ours = marked || self.listed.contains(&entry);
                Fact::Plain(Input::Address { link, address, present, ours })
            }
            Told::Fact(HostFact::Route { prefix, metric, present, replaces }) => {
                if replaces {
                    self.lose_route((prefix, metric));
                }
                if !self.tells_routes {
                    return None;
                }
                if present {
                    self.kernel_routes.insert((prefix, metric));
                } else {
                    self.kernel_routes.remove(&(prefix, metric));
                }
                let present = self.kernel_routes.range((prefix, 0)..=(prefix, u32::MAX)).next().is_some();
                Fact::Plain(Input::KernelRoute { prefix, present })
            }
            Told::Fact(HostFact::OwnRoute { prefix, metric, present, sender }) => {
                // What our own orders did is answered; what the kernel tells of by itself is as it was, or gone.
                let by_others = sender != self.orders.port() && !self.is_asked_by(sender);
                if by_others && (!present || sender != 0) {
                    self.lose_route((prefix, metric));
                } else if let Some((_, seen)) = self.own_routes.get_mut(&(prefix, metric)) {
                    *seen |= present;
                }
                return None;
            }
        })
    }

    /// Whether it is the watch of routes that asked, for the whole table.
    fn is_asked_by(&self, sender: u32) -> bool {
        self.routes.as_ref().is_some_and(|routes| routes.port() == sender)
    }

    /// The kernel's table begins to be told whole, or has been: those of ours that it did not have are gone.
    fn own_routes_told(&mut self, phase: Phase) {
        match phase {
            Phase::Begin => {
                self.kernel_routes.clear();
                self.own_routes.values_mut().for_each(|(_, seen)| *seen = false);
            }
            Phase::End => {
                let lost = self.own_routes.values().filter(|(_, seen)| !seen);
                self.lost_routes.extend(lost.map(|(route, _)| *route));
            }
        }
    }

    /// A route of ours is gone, or another one is in its place.
    fn lose_route(&mut self, place: (Prefix, u32)) {
        if let Some((route, _)) = self.own_routes.get(&place) {
            self.lost_routes.push_back(*route);
        }
    }

    /// Adds an address, once its entry is in the list.
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        id: AddressId,
        link: LinkId,
        address: InterfaceAddress,
        label: &str,
        answers: &mut VecDeque<Fact>,
    ) {
        let entry = Entry { link: self.name(link).to_owned(), address };
        let label = label.to_owned();
        let until = now + LIST_PATIENCE;
        if self.listed.contains(&entry) {
            let bind = WaitingBind { serial: 0, until, id, link, address, label };
            return self.order(now, Order::Bind(bind), answers);
        }
        self.serial = self.serial.wrapping_add(1);
        self.listed.insert(entry.clone());
        self.changes.push(OwnedChange::Add { serial: self.serial, entry });
        self.waiting.push_back(WaitingBind { serial: self.serial, until, id, link, address, label });
    }

    /// The list was written up to the change with this number.
    pub(crate) fn list_written(&mut self, now: Instant, serial: u32, answers: &mut VecDeque<Fact>) {
        while let Some(bind) = self.waiting.pop_front_if(|bind| serial.wrapping_sub(bind.serial) < 1 << 31) {
            self.order(now, Order::Bind(bind), answers);
        }
    }

    /// When [`Host::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Instant {
        let look = self.settling.front().map(|settling| settling.look);
        let patience = self.waiting.front().map(|bind| bind.until);
        let asks = [Some(&self.addresses), self.routes.as_ref()].into_iter().flatten().map(Watch::asks_at);
        look.into_iter().chain(patience).chain(asks).min().unwrap_or(Instant::FAR).min(self.next_share())
    }

    /// Lets binds go ahead that waited too long for the list, and looks at those that settle; whether there were any.
    pub(crate) fn tick(&mut self, now: Instant, answers: &mut VecDeque<Fact>) -> bool {
        let mut late = false;
        while let Some(bind) = self.waiting.pop_front_if(|bind| bind.until <= now) {
            self.order(now, Order::Bind(bind), answers);
            late = true;
        }
        late | self.look_at_settling(now, answers)
    }

    /// Answers for the addresses that are the host's own by now, and for those that did not become so: as many as one turn may
    /// ask about.
    fn look_at_settling(&mut self, now: Instant, answers: &mut VecDeque<Fact>) -> bool {
        let before = self.settling.len();
        for _ in 0..before.min(pace::LOOKS) {
            let Some(mut settling) = self.settling.pop_front_if(|settling| settling.look <= now) else {
                break;
            };
            let result = if is_own(&mut self.orders, settling.address) {
                Ok(Bound::Done)
            } else if now >= settling.until {
                Err(IoError::TimedOut)
            } else {
                settling.look = now + SETTLE_LOOK;
                self.settling.push_back(settling);
                continue;
            };
            answers.push_back(Fact::Plain(Input::AddressDone { address: settling.id, result }));
        }
        self.settling.len() < before
    }

    fn bind_now(&mut self, now: Instant, bind: &WaitingBind, answers: &mut VecDeque<Fact>) {
        let sequence = self.orders.next_sequence();
        let mut request = orders::bind(sequence, bind.link, bind.address, &bind.label);
        let result = match self.orders.execute(&mut request) {
            Ok(()) => Ok(Bound::Done),
            Err(Errno::EXIST) => Ok(Bound::AlreadySo),
            Err(errno) => Err(error::from_errno(errno)),
        };
        if bind.serial != 0 && result != Ok(Bound::Done) {
            self.unlist(bind.link, bind.address); // It is not ours after all.
        }
        let address = bind.address.address;
        if result == Ok(Bound::Done) {
            self.bound.insert(address);
        }
        if result == Ok(Bound::Done) && address.is_ipv6() && !is_own(&mut self.orders, address) {
            let (look, until) = (now + SETTLE_LOOK, now + SETTLE_PATIENCE);
            self.settling.push_back(Settling { id: bind.id, address, look, until });
            return;
        }
        answers.push_back(Fact::Plain(Input::AddressDone { address: bind.id, result }));
    }

    /// Whether this run has put the address on this host; one that is ours all the same is of an earlier run.
    pub(crate) fn has_bound(&self, address: IpAddr) -> bool {
        self.bound.contains(&address)
    }

    /// Removes an address.
    pub(crate) fn unbind(
        &mut self,
        id: AddressId,
        link: LinkId,
        address: InterfaceAddress,
        answers: &mut VecDeque<Fact>,
    ) {
        let sequence = self.orders.next_sequence();
        let result = match self.orders.execute(&mut orders::unbind(sequence, link, address)) {
            Ok(()) => Ok(Bound::Done),
            Err(Errno::ADDRNOTAVAIL | Errno::NODEV) => Ok(Bound::AlreadySo),
            Err(errno) => Err(error::from_errno(errno)),
        };
        if result.is_ok() {
            self.bound.remove(&address.address);
            self.unlist(link, address);
        }
        answers.push_back(Fact::Plain(Input::AddressDone { address: id, result }));
    }

    fn unlist(&mut self, link: LinkId, address: InterfaceAddress) {
        let entry = Entry { link: self.name(link).to_owned(), address };
        if self.listed.remove(&entry) {
            self.changes.push(OwnedChange::Remove { entry });
        }
    }

    /// Installs a route.
    pub(crate) fn install(
        &mut self,
        id: RouteId,
        prefix: Prefix,
        target: RouteTarget<'_>,
        answers: &mut VecDeque<Fact>,
    ) {
        let sequence = self.orders.next_sequence();
        let result = self.orders.execute(&mut orders::install(sequence, prefix, target));
        if result.is_ok() {
            let place = (prefix, orders::metric(target));
            self.own_routes.insert(place, (id, true));
            if let Some((prefix, metric)) = self.installed.insert(id.index, place).filter(|old| *old != place)
            {
                self.own_routes.remove(&(prefix, metric));
                let sequence = self.orders.next_sequence();
                // It may be gone already: its link went down.
                let _ = self.orders.execute(&mut orders::remove(sequence, prefix, metric));
            }
        }
        answers.push_back(route_done(id, result));
    }

    /// Removes a route.
    pub(crate) fn remove(&mut self, id: RouteId, prefix: Prefix, answers: &mut VecDeque<Fact>) {
        let place = self.installed.get(&id.index).copied();
        let (prefix, metric) = place.unwrap_or((prefix, orders::METRIC));
        let sequence = self.orders.next_sequence();
        let result = match self.orders.execute(&mut orders::remove(sequence, prefix, metric)) {
            Err(Errno::SRCH | Errno::NODEV) => Ok(()), // Gone already.
            other => other,
        };
        if result.is_ok() {
            self.installed.remove(&id.index);
            self.own_routes.remove(&(prefix, metric));
        }
        answers.push_back(route_done(id, result));
    }

    /// Removes every route that bears our mark: at the start, what a crashed run left.
    pub(crate) fn remove_own_routes(&mut self) -> io::Result<()> {
        let sequence = self.orders.next_sequence();
        self.orders.send(&mut orders::dump_routes(sequence))?;
        let mut stale = Vec::new();
        let mut buffer = vec![0; 32 << 10];
        'told: loop {
            let length = self.orders.receive(&mut buffer)?;
            let mut rest = buffer.get(..length).unwrap_or(&[]);
            while let Some((message, used)) = Message::first(rest) {
                rest = rest.get(used..).unwrap_or(&[]);
                match (message.kind, facts::read(&message)) {
                    (DONE | ERROR, _) if message.sequence == sequence => break 'told,
                    (_, Some(HostFact::OwnRoute { prefix, metric, .. })) => stale.push((prefix, metric)),
                    _ => {}
                }
            }
        }
        for (prefix, metric) in stale {
            let sequence = self.orders.next_sequence();
            // A route that is gone already is what we want.
            let _ = self.orders.execute(&mut orders::remove(sequence, prefix, metric));
        }
        Ok(())
    }
}

/// Whether the kernel takes packets to an address for the host's own.
fn is_own(orders: &mut NetlinkSocket, address: IpAddr) -> bool {
    let sequence = orders.next_sequence();
    let mut here = false;
    let asked =
        orders.ask(&mut orders::way_to(sequence, address), |answer| here |= facts::leads_here(answer));
    asked.is_ok() && here
}

fn route_done(route: RouteId, result: Result<(), Errno>) -> Fact {
    let result: Result<(), IoError> = result.map_err(error::from_errno);
    Fact::Plain(Input::RouteDone { route, result })
}

#[cfg(test)]
pub(crate) mod tests;
