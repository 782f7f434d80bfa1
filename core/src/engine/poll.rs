//! The next order, in two steps: decide what it is, then lend what it needs.

use super::input::{CommandResult, Endpoint, HostTable, Past};
use super::listen::{Listening, listen_keys};
use super::names::{AddressId, BfdId, CommandId, ConnId, LinkId, ListenerId, ProbeId, RouteId, SocketId};
use super::output::{CloseHow, NextHop, Output, ProbeSpec, RouteTarget, Secret, TcpOptions};
use super::record::Record;
use super::route::{FIB_OWED, Fib, Flags, OWED, PRESENT};
use super::service::Probing;
use super::session::{INCOMING, OUTGOING};
use super::stop::Stopping;
use super::{Engine, Inner, Part, peers_in};
use crate::base::net::{Family, InterfaceAddress, Prefix, is_link_local};
use crate::base::time::Instant;
use crate::bgp::conn::{Owed, Tcp, Timer};
use crate::failover::health;
use crate::failover::reconcile::{Ground, Step};
use crate::steer::table;

/// BGP's port (RFC 4271 section 3).
const PORT: u16 = 179;

/// What is to be ordered, without a borrow.
#[derive(Clone, Copy)]
pub(super) enum Job {
    Record(Record),
    Answer(CommandId, CommandResult),
    Ask(HostTable),
    Refuse(SocketId),
    Connect(usize),
    Adopt(usize),
    Send(usize, usize),
    AskFlushed(usize, usize),
    Close(ConnId, CloseHow),
    OpenDatagram(usize),
    SendDatagram(usize),
    CloseDatagram(BfdId),
    Listen(Family),
    Unlisten(Family),
    Key(Family, usize),
    Bind(usize),
    Unbind(usize),
    UnbindStray(LinkId, InterfaceAddress),
    Fib(usize),
    Steer(usize, Prefix),
    Unsteer(usize, Prefix),
    Keep(usize, Past),
    StartProbe(usize),
    StopProbe(ProbeId),
}

impl Job {
    /// Whether it changes the host's addresses or routes.
    fn is_about_the_host(self) -> bool {
        matches!(
            self,
            Self::Bind(_)
                | Self::Unbind(_)
                | Self::UnbindStray(..)
                | Self::Fib(_)
                | Self::Steer(..)
                | Self::Unsteer(..)
        )
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// The next order, until there is none: `None` ends the drain that each `handle` and `configure` begins.
    ///
    /// What an order lends (octets, names, keys) is to be used or copied before the next call.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        let Some(job) = self.next_job() else {
            self.inner.drained = true;
            return None;
        };
        if job.is_about_the_host() {
            self.inner.orders_left -= 1;
        }
        Some(self.lend(job))
    }

    /// When to tick at the latest: in the past when there is work left to do at once, [`Instant::FAR`] when nothing is to be
    /// waited for. It changes with every call; a tick that comes early does nothing.
    pub fn deadline(&self) -> Instant {
        let inner = &self.inner;
        if inner.pass.is_running() {
            return Instant::ZERO;
        }
        let listening = inner.listeners.iter().map(|listener| match listener.retry_at {
            Instant::ZERO => Instant::FAR,
            at => at,
        });
        inner
            .peers_at
            .min(inner.bfd.at)
            .min(inner.services_at)
            .min(inner.routes_at)
            .min(inner.checks_at)
            .min(Stopping::deadline(&inner.stopping))
            .min(inner.waiting.deadline())
            .min(inner.shutdown_deadline())
            .min(inner.strangers.deadline())
            .min(inner.trouble.deadline())
            .min(listening.min().unwrap_or(Instant::FAR))
            .min(if inner.orders_left == 0 { inner.orders_at } else { Instant::FAR })
    }

    fn next_job(&mut self) -> Option<Job> {
        let inner = &mut self.inner;
        if let Some(record) = inner.next_record() {
            return Some(Job::Record(record));
        }
        if let Some(socket) = inner.refuse.take() {
            return Some(Job::Refuse(socket));
        }
        // First: what this waits behind is late by it.
        if let Some(job) = inner.bfd_job() {
            return Some(job);
        }
        let job = if self.inner.orders_left > 0 { self.inner.address_job() } else { None };
        if job.is_none() {
            self.inner.release_batches();
        }
        job.or_else(|| self.peer_job())
            .or_else(|| self.inner.listener_job())
            .or_else(|| self.inner.table_job())
            // Peers who may tell again what found no room before.
            .or_else(|| if self.inner.ask_refused() { self.peer_job() } else { None })
            .or_else(|| self.inner.check_job())
            // Before the answer to a stop, after which nobody asks any more.
            .or_else(|| self.inner.keep_job())
            // Records of what was decided on the way here.
            .or_else(|| self.inner.next_record().map(Job::Record))
            .or_else(|| self.inner.waiting.answer().map(|(id, result)| Job::Answer(id, result)))
            .or_else(|| self.inner.answer_to.take().map(|id| Job::Answer(id, self.inner.answer)))
    }

    /// The next order about connections.
    fn peer_job(&mut self) -> Option<Job> {
        while self.inner.ready != 0 {
            let peer = self.inner.ready.trailing_zeros() as usize;
            for slot in [OUTGOING, INCOMING] {
                if let Some(job) = self.conn_job(peer, slot) {
                    return Some(job);
                }
            }
            self.inner.ready &= !(1 << peer);
        }
        None
    }

    fn conn_job(&mut self, peer: usize, slot: usize) -> Option<Job> {
        let Self { inner, buffers } = self;
        let mut id = inner.name(peer, slot);
        let conn = &mut inner.peers[peer].conns[slot];
        if conn.dying != 0 {
            id.generation = core::mem::take(&mut conn.dying);
            return Some(Job::Close(id, CloseHow::Abort));
        }
        if conn.owed.take(Owed::ADOPT) {
            return Some(Job::Adopt(peer));
        }
        if conn.owed.take(Owed::CONNECT) {
            return Some(Job::Connect(peer));
        }
        if conn.owed.take(Owed::ABORT) {
            conn.owed.take(Owed::CLOSE);
            conn.tcp = Tcp::Closing;
            return Some(Job::Close(id, CloseHow::Abort));
        }
        if !matches!(conn.tcp, Tcp::Open | Tcp::Ending) || conn.sending {
            return None;
        }
        if conn.filled == 0 {
            let part = inner.transmit_part(peer, slot);
            let length = inner.build(peer, slot, buffers[peer].transmit(part));
            inner.peers[peer].conns[slot].filled = length as u16;
        }
        let conn = &mut inner.peers[peer].conns[slot];
        if conn.filled > 0 {
            conn.sending = true;
            if let Some(send_hold) = conn.send_hold() {
                let at = inner.now + send_hold;
                conn.set(Timer::SendHold, at);
                inner.peers_at = inner.peers_at.min(at);
            }
            return Some(Job::Send(peer, slot));
        }
        if conn.owed.take(Owed::CLOSE) {
            conn.tcp = Tcp::Closing;
            return Some(Job::Close(id, CloseHow::Graceful));
        }
        let asks = conn.owed.has(Owed::ASK_FLUSHED) && !conn.owed.has(Owed::FLUSHING);
        if asks && inner.is_told_all(peer, slot) {
            let owed = &mut inner.peers[peer].conns[slot].owed;
            owed.take(Owed::ASK_FLUSHED);
            owed.add(Owed::FLUSHING);
            return Some(Job::AskFlushed(peer, slot));
        }
        None
    }

    /// Lends the order what it needs.
    // table: one order for each job
    #[inline(never)] // As a part of `poll` it would be on the stack while the next job is looked for.
    fn lend(&mut self, job: Job) -> Output<'_> {
        let Self { inner, buffers } = self;
        match job {
            Job::Record(record) => Output::Record(record),
            Job::Answer(id, result) => Output::Answer { id, result },
            Job::Ask(what) => Output::AskTable { what },
            Job::Refuse(socket) => Output::Refuse { socket },
            Job::Connect(peer) => {
                let (state, port) = (&inner.peers[peer], inner.options(peer).port);
                let port = if port == 0 { PORT } else { port };
                let local_link = is_link_local(state.address) && Family::of(state.address) == Family::Ipv6;
                let link = Some(LinkId(state.link)).filter(|&link| local_link && link != LinkId(0));
                Output::Connect {
                    conn: inner.name(peer, OUTGOING),
                    local: inner.source(peer),
                    via: link,
                    remote: Endpoint { address: state.address, port, link },
                    options: inner.tcp_options(peer),
                }
            }
            Job::Adopt(peer) => Output::Adopt {
                socket: SocketId(inner.peers[peer].conns[INCOMING].socket),
                conn: inner.name(peer, INCOMING),
                options: inner.tcp_options(peer),
            },
            Job::Send(peer, slot) => {
                let conn = &inner.peers[peer].conns[slot];
                let part = inner.transmit_part(peer, slot);
                let (from, to) = (usize::from(conn.sent), usize::from(conn.filled));
                let bytes = buffers[peer].transmit(part).get(from..to).unwrap_or(&[]);
                Output::Send { conn: inner.name(peer, slot), bytes }
            }
            Job::AskFlushed(peer, slot) => Output::AskFlushed { conn: inner.name(peer, slot) },
            Job::Close(conn, how) => Output::Close { conn, how },
            Job::OpenDatagram(peer) => inner.open_datagram(peer),
            Job::SendDatagram(peer) => inner.send_datagram(peer),
            Job::CloseDatagram(bfd) => Output::CloseDatagram { bfd },
            Job::Listen(family) => Output::Listen {
                listener: ListenerId(family as u8),
                local: Endpoint { address: unspecified(family), port: PORT, link: None },
            },
            Job::Unlisten(family) => Output::Unlisten { listener: ListenerId(family as u8) },
            Job::Key(family, nth) => {
                let (remote, key) =
                    listen_keys(inner.config.view(), family).nth(nth).unwrap_or((Prefix::ZERO, &[]));
                Output::ListenKey { listener: ListenerId(family as u8), remote, key: Some(Secret(key)) }
            }
            Job::Bind(place) => {
                let prefix = InterfaceAddress {
                    address: inner.address_behind(place),
                    length: inner.bind_length(place),
                };
                let link = inner.bound_link(place).map_or(LinkId(0), |link| link.id);
                Output::Bind {
                    address: inner.address_id(place),
                    link,
                    prefix,
                    label: inner.bind_label(place),
                }
            }
            Job::Unbind(place) => {
                let length = inner.routes.get(place).bound_length;
                let prefix = InterfaceAddress { address: inner.address_behind(place), length };
                let link = inner.bound_link(place).map_or(LinkId(0), |link| link.id);
                Output::Unbind { address: inner.address_id(place), link, prefix }
            }
            Job::UnbindStray(link, prefix) => Output::Unbind { address: AddressId::STRAY, link, prefix },
            Job::Fib(place) => inner.fib_order(place),
            Job::Steer(place, prefix) => inner.steer_order(place, prefix),
            Job::Unsteer(place, prefix) => {
                Output::RemoveRoute { route: Inner::<P, S, R, U, T>::steer_route(place), prefix }
            }
            Job::Keep(service, past) => Output::Keep { name: inner.service_name(service), past },
            Job::StopProbe(probe) => Output::StopProbe { probe },
            Job::StartProbe(check) => {
                let line = inner.check_line(check);
                let probe =
                    ProbeId { check: check as u16, generation: inner.check_generation.as_flattened()[check] };
                let view = inner.config.view();
                let target = view.target(&line);
                let spec = ProbeSpec {
                    kind: line.kind,
                    target,
                    text: view.text(line.target),
                    service: inner.service_name(usize::from(line.service)),
                    check: view.text(line.name),
                    own: inner.own_target(&line).is_some(),
                    user: target.user(),
                    timeout: health::timeout(&line),
                };
                Output::StartProbe { probe, spec }
            }
        }
    }
}

const fn unspecified(family: Family) -> core::net::IpAddr {
    match family {
        Family::Ipv4 => core::net::IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => core::net::IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// What must hold on the sockets of a peer.
    fn tcp_options(&self, peer: usize) -> TcpOptions<'_> {
        let options = self.options(peer);
        let (ttl, min_ttl) = self.peers[peer].ttl(&options, self.is_internal(peer));
        let key = (!options.password.is_empty())
            .then(|| Secret(self.config.view().text(options.password).as_bytes()));
        TcpOptions { key, ttl, min_ttl }
    }

    /// The next record; those that did not fit are told first.
    fn next_record(&mut self) -> Option<Record> {
        match self.records.take_lost() {
            0 => self.records.pop(),
            count => Some(Record::RecordsLost { count }),
        }
    }

    /// The next service of which something is to be kept.
    fn keep_job(&mut self) -> Option<Job> {
        if !self.stopping.keeps {
            return None;
        }
        let lines = self.config.view().services;
        for (place, (line, service)) in lines.iter().zip(&mut self.services).enumerate() {
            let past = service.past(line);
            if past != service.kept() {
                service.keep(past);
                return Some(Job::Keep(place, past));
            }
        }
        self.stopping.keeps = false;
        None
    }

    /// Which part of the transmit buffer a connection has.
    fn transmit_part(&self, peer: usize, slot: usize) -> Part {
        let state = &self.peers[peer];
        if usize::from(state.large) != slot {
            Part::Spare
        } else if state.conns[1 - slot].is_free() {
            Part::Whole
        } else {
            Part::Large
        }
    }

    fn address_id(&self, place: usize) -> AddressId {
        AddressId { index: place as u16, generation: self.routes.get(place).generation }
    }

    fn listener_job(&mut self) -> Option<Job> {
        for family in Family::ALL {
            let listener = &mut self.listeners[family.index()];
            match (listener.wanted, listener.state) {
                (true, Listening::Off) if listener.retry_at == Instant::ZERO => {
                    // All keys before the first connection: nobody comes in without the one that he needs.
                    let nth = usize::from(listener.keys);
                    if listen_keys(self.config.view(), family).nth(nth).is_some() {
                        listener.keys += 1;
                        return Some(Job::Key(family, nth));
                    }
                    (listener.keys, listener.stale, listener.state) = (0, false, Listening::Asked);
                    return Some(Job::Listen(family));
                }
                (false, Listening::On | Listening::Asked) => {
                    listener.state = Listening::Off;
                    return Some(Job::Unlisten(family));
                }
                (true, Listening::On) if listener.stale => {
                    listener.state = Listening::Off;
                    return Some(Job::Unlisten(family));
                }
                _ => {}
            }
        }
        None
    }

    /// The next order about an address.
    fn address_job(&mut self) -> Option<Job> {
        if let Some((link, address)) = self.next_leftover() {
            return Some(Job::UnbindStray(link, address));
        }
        // What the lines say of an address is known when all of them were met.
        while let Some(place) = self.routes.sets.next(OWED, 0).filter(|_| !self.pass.is_running()) {
            let ground = self.ground(place);
            let now = self.now;
            if ground != Ground::NoLink {
                self.routes.get_mut(place).flags.set(Flags::MISSING_TOLD, false);
            }
            let step = self.routes.get_mut(place).cell.step(now, ground);
            self.time_address(place);
            match step {
                Step::Bind => {
                    // It is there: the ground is ready.
                    let bound_on = self.bind_link(place).map_or(0, |link| link as u8 + 1);
                    let length = self.bind_length(place);
                    let route = self.routes.get_mut(place);
                    route.bound_on = bound_on;
                    route.bound_length = length;
                    if !route.flags.set(Flags::BINDING, true) {
                        self.binding += 1;
                    }
                    return Some(Job::Bind(place));
                }
                Step::Unbind => return Some(Job::Unbind(place)),
                Step::Nothing => {
                    self.routes.sets.remove(OWED, place);
                    if ground == Ground::NoLink
                        && !self.routes.sets.has(PRESENT, place)
                        && !self.stopping.is_on()
                    {
                        let address = self.address_behind(place);
                        self.record_missing_link(place, address);
                    }
                    self.forget_if_over(place);
                }
            }
        }
        None
    }

    /// The last thing that a first batch waited for has come: it may leave.
    fn release_batches(&mut self) {
        let waits = |peer: usize| self.peers[peer].batch.until != Instant::ZERO;
        if peers_in(self.up).any(waits) && self.is_decided() {
            for peer in peers_in(self.up) {
                self.peers[peer].batch.until = Instant::ZERO;
            }
            self.ready |= self.up;
        }
    }

    /// The interface to bind on does not exist: said once for each time that it matters.
    fn record_missing_link(&mut self, place: usize, address: core::net::IpAddr) {
        let told = self.routes.get_mut(place).flags.set(Flags::MISSING_TOLD, true);
        if !told {
            self.record(Record::NoSuchLink { address });
        }
    }

    /// The next order about the host's table of routes.
    fn table_job(&mut self) -> Option<Job> {
        for (bit, what) in [(1, HostTable::Links), (2, HostTable::Addresses), (4, HostTable::Routes)] {
            if self.ask_tables & bit != 0 {
                self.ask_tables &= !bit;
                return Some(Job::Ask(what));
            }
        }
        if self.orders_left == 0 {
            return None;
        }
        while let Some(place) = self.routes.sets.next(FIB_OWED, 0) {
            self.routes.sets.remove(FIB_OWED, place);
            let route = self.routes.get_mut(place);
            if route.fib != route.fib_now && !route.flags.has(Flags::FIB_ASKED) {
                route.flags.set(Flags::FIB_ASKED, true);
                return Some(Job::Fib(place));
            }
        }
        while let Some(order) = self.inbound.next_order() {
            self.note_steered(&order);
            match order.step {
                table::Step::Install => return Some(Job::Steer(order.place, order.prefix)),
                table::Step::Remove => return Some(Job::Unsteer(order.place, order.prefix)),
                table::Step::Nothing => {}
            }
        }
        None
    }

    /// The order about a route of the configuration's own.
    fn fib_order(&mut self, place: usize) -> Output<'_> {
        let generation = self.routes.get(place).generation;
        let route = self.routes.get_mut(place);
        route.fib_now = route.fib;
        let (id, prefix) = (RouteId { index: place as u32, generation }, route.prefix);
        match route.fib {
            Fib::Gateway => {
                let hop = self.gateway(prefix);
                let count = usize::from(hop.is_some());
                self.steer_hops[0] = hop.unwrap_or(NextHop::REST);
                let target = RouteTarget::Via(self.steer_hops.get(..count).unwrap_or(&[]));
                Output::InstallRoute { route: id, prefix, target }
            }
            Fib::None | Fib::Other => Output::RemoveRoute { route: id, prefix },
            Fib::Blackhole => Output::InstallRoute { route: id, prefix, target: RouteTarget::Blackhole },
            Fib::Unreachable => Output::InstallRoute { route: id, prefix, target: RouteTarget::Unreachable },
        }
    }

    /// The order to install a prefix that `steer` keeps.
    fn steer_order(&mut self, place: usize, prefix: Prefix) -> Output<'_> {
        let mut count = 0;
        for address in self.inbound.next_hops(place).into_iter().take(P) {
            let link = self.steered_link(place, address);
            self.steer_hops[count] = NextHop { address, link };
            count += 1;
        }
        let target = RouteTarget::Via(self.steer_hops.get(..count).unwrap_or(&[]));
        Output::InstallRoute { route: Self::steer_route(place), prefix, target }
    }

    pub(super) const fn steer_route(place: usize) -> RouteId {
        RouteId { index: (R + place) as u32, generation: 0 }
    }

    fn note_steered(&mut self, order: &table::Order) {
        self.record(Record::Steered { prefix: order.prefix, next_hops: order.next_hops.len() as u8 });
    }

    /// The next check to be run.
    fn check_job(&mut self) -> Option<Job> {
        if self.probes_to_stop {
            let to_stop = |probing: &Probing| *probing == Probing::ToStop;
            if let Some(check) = self.probes.as_flattened().iter().position(to_stop) {
                self.probes.as_flattened_mut()[check] = Probing::No;
                let generation = self.check_generation.as_flattened()[check].wrapping_sub(1);
                return Some(Job::StopProbe(ProbeId { check: check as u16, generation }));
            }
            self.probes_to_stop = false;
        }
        if !self.checks_due {
            return None;
        }
        loop {
            let (now, full) = (self.now, self.is_probing_enough());
            let lines = self.config.view().checks.iter();
            let due =
                lines.zip(self.checks.as_flattened()).enumerate().filter(|(_, (_, state))| state.due(now));
            self.checks_held |= full && due.clone().any(|(_, (line, _))| !health::is_watch(line));
            // Whoever waits longest is next, so that none waits for ever.
            let next = due
                .filter(|(_, (line, _))| !full || health::is_watch(line))
                .min_by_key(|(_, (_, state))| state.when());
            let Some((check, (line, _))) = next else {
                self.checks_due = false;
                return None;
            };
            let line = *line;
            if self.waits_for_address(&line) {
                self.hold_check(check, &line);
                continue;
            }
            let state = &mut self.checks.as_flattened_mut()[check];
            state.begin(now, &line);
            self.checks_at = self.checks_at.min(state.deadline(&line));
            let generation = &mut self.check_generation.as_flattened_mut()[check];
            *generation = generation.wrapping_add(1);
            self.probes.as_flattened_mut()[check] = Probing::Running;
            return Some(Job::StartProbe(check));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::limits::{ORDERS_AT_ONCE, ORDERS_SPAN};
    use crate::base::time::{Duration, Instant};
    use crate::config::{Config, Platform, parse};
    use crate::engine::{Bound, Engine, HostTable, Input, LinkId, Output, Phase};
    use std::boxed::Box;
    use std::collections::VecDeque;
    use std::fmt::Write as _;
    use std::string::String;
    use std::vec::Vec;

    type Large = Engine<1, 1, 1024, 4, 1024>;

    /// Ticks when the engine asks for it and answers every order, until all addresses are bound or unbound. How long it took.
    fn carry_out(engine: &mut Large, mut now: Instant, count: usize) -> Duration {
        let begun = now;
        // When each order left; and the facts that follow from those that were not answered yet.
        let (mut left, mut facts) = (Vec::new(), VecDeque::new());
        while left.len() < count || !facts.is_empty() {
            while let Some(order) = engine.poll() {
                let (address, link, prefix, present) = match order {
                    Output::Bind { address, link, prefix, .. } => (address, link, prefix, true),
                    Output::Unbind { address, link, prefix } => (address, link, prefix, false),
                    _ => continue,
                };
                left.push(now);
                facts.push_back(Input::AddressDone { address, result: Ok(Bound::Done) });
                facts.push_back(Input::Address { link, address: prefix, present, ours: true });
            }
            let fact = facts.pop_front().unwrap_or(Input::Tick);
            if matches!(fact, Input::Tick) {
                now = now.max(engine.deadline());
            }
            assert!(now.since(begun) < Duration::from_secs(10), "{} of {count}", left.len());
            engine.handle(now, fact);
        }
        while engine.poll().is_some() {}
        for (place, at) in left.iter().enumerate() {
            let within = left[place..].iter().take_while(|later| later.since(*at) < ORDERS_SPAN).count();
            assert!(within <= usize::from(ORDERS_AT_ONCE), "{within} orders within {ORDERS_SPAN:?}");
        }
        now.since(left[0])
    }

    #[test]
    fn thousands_of_addresses_are_bound_and_unbound_so_many_at_a_time() {
        let mut engine = Box::<Large>::default();
        let mut config = Box::<Config<1, 1, 1024, 4, 1024>>::default();
        let now = Instant::from_micros(10_000_000);
        engine.start(now, 1);
        for input in [
            Input::Resync { what: HostTable::Links, phase: Phase::Begin },
            Input::Link { link: LinkId(1), name: "lo", up: true, gone: false },
            Input::Resync { what: HostTable::Links, phase: Phase::End },
            Input::Resync { what: HostTable::Addresses, phase: Phase::Begin },
            Input::Resync { what: HostTable::Addresses, phase: Phase::End },
        ] {
            engine.handle(now, input);
            while engine.poll().is_some() {}
        }
        let few = "router bgp 65000\n bgp router-id 10.0.0.1\n";
        let mut many = String::from(few) + " address-family ipv4 unicast\n";
        for number in 0..1_000 {
            writeln!(many, "  network 10.1.{}.{}/32", number >> 8, number & 255).unwrap();
        }
        for text in [many.as_str(), few] {
            assert!(parse(text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
            let now = engine.inner.now + Duration::from_secs(60);
            engine.configure(now, &config);
            let took = carry_out(&mut engine, now, 1_000);
            assert!(took < Duration::from_millis(20), "{took:?}");
        }
    }
}
