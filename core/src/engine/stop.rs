//! The way out: withdraw, flush, say goodbye, linger, unbind. No packet is lost when another machine is ready.

use super::input::{Command, CommandResult};
use super::names::CommandId;
use super::record::Record;
use super::route::{Fib, Flags, OWED};
use super::{Inner, peers_in};
use crate::base::time::{Duration, Instant};
use crate::bgp::conn::{Conn, Owed, Tcp};
use crate::bgp::fsm::State;
use crate::bgp::peer::Kind;
use crate::config::{Millis, Owner, Service};
use crate::wire::notification::cease;

/// How long a peer may take to acknowledge the last UPDATE.
const FLUSH: Duration = Duration::from_secs(1);
/// How long the connections may take to close after that: a little more than the timer that ends a graceful close.
const CLOSE: Duration = Duration::from_secs(2);

/// How far the way out is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody wants to stop.
    #[default]
    Running,
    /// Everything is being withdrawn and said goodbye to.
    Withdrawing,
    /// Everybody was said goodbye to; the connections close.
    Closing,
    /// The addresses stay for a while, so that what is on its way still arrives; then they are unbound.
    Lingering,
    /// All is done.
    Done,
}

/// The way out, and what is to be known of this run after it. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopping {
    phase: Phase,
    /// Whether of some service something else is to be kept from now on.
    pub(super) keeps: bool,
    id: CommandId,
    /// When the peers are not waited for any longer.
    until: Instant,
}

impl Stopping {
    pub(super) const REST: Self =
        Self { phase: Phase::Running, keeps: false, id: CommandId(0), until: Instant::ZERO };

    /// Whether the engine is on its way out.
    pub(super) const fn is_on(&self) -> bool {
        !matches!(self.phase, Phase::Running)
    }

    /// When to look again.
    pub(super) const fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Withdrawing | Phase::Closing => self.until,
            _ => Instant::FAR,
        }
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// An operator's command.
    pub(super) fn command(&mut self, id: CommandId, command: Command) {
        let result = match command {
            _ if self.stopping.is_on() => CommandResult::Stopping,
            Command::Stop => return self.stop(id),
            Command::Wish { service, wish, wait } => match self.wish(id, service, wish, wait) {
                Some(result) => result,
                None => return,
            },
            Command::Await { service, wish } => match self.wait_for(id, service, wish) {
                Some(result) => result,
                None => return,
            },
        };
        (self.answer_to, self.answer) = (Some(id), result);
    }

    fn stop(&mut self, id: CommandId) {
        self.waiting.stop();
        let until = self.now + FLUSH;
        self.stopping = Stopping { phase: Phase::Withdrawing, id, until, ..self.stopping };
        // Lines of the configuration that were not met yet would only be wanted to be left again.
        self.pass = super::pass::Pass::REST;
        self.stop_checks();
        for service in 0..self.config.view().services.len() {
            self.services[service].stop();
            self.services_owed.insert(service);
        }
        for place in 0..self.routes.high() {
            if self.routes.is_used(place) {
                self.weigh(place);
            }
        }
        self.weigh_listeners();
        for peer in 0..P {
            match self.peers[peer].established() {
                Some(slot) => self.peers[peer].conns[slot].owed.add(Owed::ASK_FLUSHED),
                None => self.stop_peer(peer, cease::ADMINISTRATIVE_SHUTDOWN),
            }
            self.weigh_bfd(peer);
            self.touch(peer);
        }
        self.go_on_stopping();
    }

    /// Everything that was withdrawn has arrived: goodbye.
    pub(super) fn say_goodbye(&mut self, peer: usize, slot: usize) {
        if self.stopping.is_on() && self.peers[peer].conns[slot].state == State::Established {
            self.stop_peer(peer, cease::ADMINISTRATIVE_SHUTDOWN);
            self.go_on_stopping();
        }
    }

    /// The next step of the way out, if it is time for it.
    pub(super) fn go_on_stopping(&mut self) {
        if self.stopping.phase == Phase::Withdrawing && self.now >= self.stopping.until {
            for peer in peers_in(self.up) {
                self.stop_peer(peer, cease::ADMINISTRATIVE_SHUTDOWN);
            }
            (self.stopping.phase, self.stopping.until) = (Phase::Closing, self.now + CLOSE);
        }
        let closed =
            || self.peers.iter().all(|peer| peer.kind == Kind::Free || peer.conns.iter().all(Conn::is_free));
        let late = self.stopping.phase == Phase::Closing && self.now >= self.stopping.until;
        // An order to close that is never answered must not hold up the way out.
        if matches!(self.stopping.phase, Phase::Withdrawing | Phase::Closing) && (late || closed()) {
            self.linger();
        }
        if self.stopping.phase == Phase::Lingering && self.is_clean() {
            self.stopping.phase = Phase::Done;
            for service in 0..self.config.view().services.len() {
                self.services[service].stopped();
                self.services_owed.insert(service);
            }
            self.end_bfd();
            (self.answer_to, self.answer) = (Some(self.stopping.id), CommandResult::Done);
            self.record(Record::Stopped);
        }
    }

    /// The peers are gone: from now on the addresses linger.
    fn linger(&mut self) {
        self.stopping.phase = Phase::Lingering;
        for place in 0..self.routes.high() {
            if self.routes.is_used(place) && self.routes.get(place).is_address {
                self.leave_address(place);
            }
        }
    }

    /// Nobody wants the address behind a route any more: what is ours is unbound when it has lingered.
    pub(super) fn leave_address(&mut self, place: usize) {
        let linger = match self.routes.get(place).owner {
            Owner::Service(service) => self
                .config
                .view()
                .services
                .get(usize::from(service))
                .map_or(Millis::ZERO, |service| service.linger_ms),
            _ => Service::DEFAULT.linger_ms,
        };
        let now = self.now;
        self.routes.get_mut(place).cell.leave(now, linger.duration());
        self.routes.sets.insert(OWED, place);
        self.time_address(place);
    }

    /// Whether nothing of ours is left on the host.
    fn is_clean(&self) -> bool {
        let route = |place: usize| self.routes.get(place);
        let left = (0..self.routes.high()).filter(|&place| self.routes.is_used(place)).any(|place| {
            let route = route(place);
            (route.is_address && !route.cell.is_left())
                || (route.fib != Fib::Gateway
                    && !route.flags.has(Flags::FIB_WAITS)
                    && (route.fib_now != Fib::None || route.flags.has(Flags::FIB_ASKED)))
        });
        !left && !self.inbound.owes()
    }

    /// Whether a connection is only waiting for everything to be acknowledged.
    pub(super) fn is_told_all(&self, peer: usize, slot: usize) -> bool {
        let conn = &self.peers[peer].conns[slot];
        conn.tcp == Tcp::Open && conn.is_sent() && self.adj_out.owed(peer) == 0
    }
}

#[cfg(test)]
mod tests {
    use crate::base::net::InterfaceAddress;
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::{
        Command, CommandId, CommandResult, Endpoint, Engine, HostTable, Input, LinkId, Output,
    };
    use std::boxed::Box;

    #[test]
    fn an_order_to_close_that_is_never_answered_does_not_hold_up_a_stop() {
        let at = |millis: u64| Instant::from_micros(millis * 1_000);
        let text = "router bgp 65000\nbgp router-id 10.0.0.1\nneighbor 10.0.0.2 remote-as external\n";
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(at(0), 1);
        engine.configure(at(0), &config);
        while engine.poll().is_some() {}
        let address = InterfaceAddress { address: "10.0.0.1".parse().unwrap(), length: 24 };
        let here = Input::Address { link: LinkId(1), address, present: true, ours: false };
        let told = Input::Resync { what: HostTable::Addresses, phase: crate::engine::Phase::End };
        let mut dialled = None;
        for fact in
            [Input::Link { link: LinkId(1), name: "eth0", up: true, gone: false }, here, told, Input::Tick]
        {
            engine.handle(at(1), fact);
            while let Some(order) = engine.poll() {
                if let Output::Connect { conn, .. } = order {
                    dialled = Some(conn);
                }
            }
        }
        let local = Endpoint { address: "10.0.0.1".parse().unwrap(), port: 1, link: None };
        engine.handle(at(1), Input::Connected { conn: dialled.expect("it dials"), local });
        while engine.poll().is_some() {}
        let (mut closes, mut ended) = (0, None);
        for millis in 2..6_000 {
            let stop = Input::Command { id: CommandId(7), command: Command::Stop };
            engine.handle(at(millis), if millis == 2 { stop } else { Input::Tick });
            while let Some(order) = engine.poll() {
                match order {
                    Output::Close { .. } => closes += 1,
                    Output::Answer { id: CommandId(7), result: CommandResult::Done } => ended = Some(millis),
                    _ => {}
                }
            }
        }
        assert!(closes > 0);
        assert!(ended.is_some_and(|millis| millis <= 3_010), "{ended:?}");
    }
}
