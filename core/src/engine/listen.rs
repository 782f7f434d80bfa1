//! Listening, and those who connect to us.

use core::net::IpAddr;

use super::Inner;
use super::input::{Endpoint, IoError};
use super::names::{ListenerId, SocketId};
use super::record::{Limit, Record, Refusal};
use super::session::{INCOMING, OUTGOING};
use crate::base::net::{BgpId, Family, Prefix, is_link_local};
use crate::base::time::{Duration, Instant};
use crate::bgp::conn::{Owed, Tcp};
use crate::bgp::fsm::{Event, State};
use crate::bgp::peer::{Kind, Peer};
use crate::config::{BgpFlags, Clause, ConfigView, List, PeerFlags};
use crate::wire::notification::Fault;

/// When so long no stranger connected, they have stopped.
const STRANGERS: Duration = Duration::from_secs(60);
/// How long after a failure listening is tried again.
const LISTEN_RETRY: Duration = Duration::from_secs(1);

/// A listener. All zero bits at rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listener {
    /// Whether it is needed.
    pub(super) wanted: bool,
    pub(super) state: Listening,
    /// How many keys the shim was told before `Listen`.
    pub(super) keys: u16,
    /// Its keys are not those of the configuration any more: it is closed and opened again.
    pub(super) stale: bool,
    /// When to try again.
    pub(super) retry_at: Instant,
    /// Why it failed as was told last, one more than the number; 0: it did not.
    pub(super) failed: u8,
}

impl Listener {
    /// Off, and not needed.
    pub(super) const REST: Self = Self {
        wanted: false,
        state: Listening::Off,
        keys: 0,
        stale: false,
        retry_at: Instant::ZERO,
        failed: 0,
    };
}

/// Strangers who connected: told once, then counted. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strangers {
    count: u32,
    /// When they have stopped, unless another one comes; zero: there was none.
    until: Instant,
}

impl Strangers {
    pub(super) const REST: Self = Self { count: 0, until: Instant::ZERO };

    /// When to look again.
    pub(super) fn deadline(&self) -> Instant {
        if self.until == Instant::ZERO { Instant::FAR } else { self.until }
    }
}

/// Whether what comes again and again is told at this number of times.
pub(super) const fn is_told(count: u32) -> bool {
    matches!(count, 1 | 10 | 100 | 1_000 | 10_000 | 100_000 | 1_000_000 | 10_000_000 | 100_000_000)
}

/// Where a listener stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listening {
    #[default]
    Off,
    /// The order is out.
    Asked,
    On,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Somebody connected to us.
    pub(super) fn accepted(&mut self, socket: SocketId, local: Endpoint, remote: Endpoint) {
        let peer = match self.peer_for(remote) {
            Ok(peer) => peer,
            Err(why) => return self.turn_away_stranger(socket, remote.address, why),
        };
        // It came in by other keys than those that hold now.
        let outdated = self.listeners[Family::of(remote.address).index()].stale;
        let state = &self.peers[peer];
        let incoming = &state.conns[INCOMING];
        // Of two connections that it made, the one on which it sent its OPEN stays. One on which it said nothing may be dead
        // without our knowing: the newer one takes its place.
        let replaces = incoming.tcp == Tcp::Open && incoming.state == State::OpenSent;
        let earlier = state.established().is_some()
            || (incoming.tcp != Tcp::None && !replaces)
            || !self.has_room(peer, INCOMING);
        let too_soon = state.is_kept_out(self.now);
        let wanted = !outdated
            && self.is_wanted(peer)
            && self.router_id != BgpId(0)
            && self.bfd_permits(peer)
            && (earlier || replaces || incoming.state == State::Active);
        if earlier || too_soon || !wanted {
            let why = match (wanted, too_soon) {
                (false, _) => Refusal::NotNow,
                (true, true) => Refusal::TooSoon,
                (true, false) => Refusal::Earlier,
            };
            self.turn_away(socket, peer, why);
            return self.tidy(peer);
        }
        if replaces {
            self.fire(peer, INCOMING, Event::TcpConnectionFails, Fault::NONE);
            let conn = &mut self.peers[peer].conns[INCOMING];
            conn.dying = conn.generation;
            conn.forget();
            self.record(Record::Collision { peer: remote.address });
        }
        let state = &mut self.peers[peer];
        state.conns[INCOMING].renew(Tcp::Open, Owed::ADOPT);
        state.conns[INCOMING].socket = socket.0;
        state.local = local.address;
        if matches!(state.conns[OUTGOING].tcp, Tcp::None | Tcp::Dialing) {
            state.large = INCOMING as u8;
        }
        self.fire(peer, INCOMING, Event::TcpConnectionConfirmed, Fault::NONE);
    }

    /// Refuses a peer, and tells so once until it has a session; then only how often.
    fn turn_away(&mut self, socket: SocketId, peer: usize, why: Refusal) {
        self.refuse = Some(socket);
        let state = &mut self.peers[peer];
        state.turned_away = state.turned_away.saturating_add(1);
        let (remote, count) = (state.address, state.turned_away.into());
        self.tell_refusal(remote, why, count);
    }

    /// Refuses somebody whom we do not know. Strangers are told of together: there may be many.
    fn turn_away_stranger(&mut self, socket: SocketId, remote: IpAddr, why: Refusal) {
        self.refuse = Some(socket);
        self.strangers.count = self.strangers.count.saturating_add(1);
        self.strangers.until = self.now + STRANGERS;
        self.tell_refusal(remote, why, self.strangers.count);
    }

    fn tell_refusal(&mut self, remote: IpAddr, why: Refusal, count: u32) {
        match count {
            1 => self.record(Record::Refused { remote, why }),
            _ if is_told(count) => self.record(Record::RefusedOften { remote, why, count }),
            _ => {}
        }
    }

    /// No stranger connected for a while.
    pub(super) fn strangers_timer(&mut self) {
        if self.strangers.deadline() <= self.now {
            let count = core::mem::replace(&mut self.strangers, Strangers::REST).count;
            if count > 1 {
                self.record(Record::StrangersOver { count });
            }
        }
    }

    /// The peer at this end: a neighbor, or a new dynamic peer if it lies in a listen range. A link-local address on another
    /// link is another machine's.
    fn peer_for(&mut self, remote: Endpoint) -> Result<usize, Refusal> {
        let address = remote.address;
        let by_link = Family::of(address) == Family::Ipv6 && is_link_local(address);
        let link = remote.link.filter(|_| by_link).map_or(0, |link| link.0);
        let known = (0..P).find(|&peer| {
            let state = &self.peers[peer];
            !matches!(state.kind, Kind::Free | Kind::Leaving)
                && state.address == address
                && (link == 0 || state.link == link)
        });
        if let Some(peer) = known {
            return Ok(peer);
        }
        let view = self.config.view();
        let group = range_group(view, address).ok_or(Refusal::Stranger)?;
        let limit = usize::from(view.bgp.listen_limit);
        let came = self.peers.iter().filter(|peer| matches!(peer.kind, Kind::Dynamic(_))).count();
        let peer = if limit != 0 && came >= limit {
            self.forget_one().ok_or(Refusal::NoPlace)?
        } else if let Some(place) = self.free_place() {
            place
        } else {
            self.full(Limit::Peers);
            return Err(Refusal::NoPlace);
        };
        let conns = self.peers[peer].conns;
        let kind = Kind::Dynamic(group);
        self.peers[peer] = Peer { kind, address, link, conns, since: self.now, ..Peer::REST };
        self.find_peers();
        self.await_incoming(peer);
        Ok(peer)
    }

    /// Which listeners are needed, and with which keys.
    pub(super) fn weigh_listeners(&mut self) {
        let flags = self.config.view().bgp.flags;
        let may = !flags.has(BgpFlags::NO_LISTEN) && !self.stopping.is_on();
        for family in Family::ALL {
            let view = self.config.view();
            let ranges = view.rules.iter().any(|rule| match rule.clause {
                Clause::ListenRange { prefix, .. } => prefix.family() == family,
                _ => false,
            });
            let passive = self.peers.iter().enumerate().any(|(place, peer)| {
                matches!(peer.kind, Kind::Configured(_))
                    && Family::of(peer.address) == family
                    && (flags.has(BgpFlags::LISTEN) || self.options(place).flags.on(PeerFlags::PASSIVE))
            });
            let listener = &mut self.listeners[family.index()];
            listener.wanted = may && (ranges || passive);
            listener.retry_at = Instant::ZERO;
        }
        for peer in 0..P {
            self.await_incoming(peer);
        }
    }

    /// Whether a listener's keys are other ones in a new configuration. Such a listener is closed and opened again: who came
    /// in without a key that is demanded now, and waits to be accepted, is thrown away with it. A key that is set on an open
    /// listener would leave them in.
    pub(super) fn find_stale_keys(&mut self, new: ConfigView<'_>) {
        let old = self.config.view();
        let has = |view, family, wanted| listen_keys(view, family).any(|key| key == wanted);
        let stale = Family::ALL.map(|family| {
            listen_keys(old, family).any(|key| !has(new, family, key))
                || listen_keys(new, family).any(|key| !has(old, family, key))
        });
        for (listener, stale) in self.listeners.iter_mut().zip(stale) {
            listener.stale |= stale && listener.state != Listening::Off;
        }
    }

    /// `Listen` was answered.
    pub(super) fn listen_done(&mut self, id: ListenerId, result: Result<(), IoError>) {
        let Some(listener) = self.listeners.get_mut(usize::from(id.0)) else { return };
        if listener.state != Listening::Asked {
            return;
        }
        match result {
            Ok(()) => {
                listener.state = Listening::On;
                if core::mem::take(&mut listener.failed) != 0 {
                    self.record(Record::ListensAgain);
                }
            }
            Err(why) => {
                listener.state = Listening::Off;
                listener.retry_at = self.now + LISTEN_RETRY;
                let why_number = why as u8 + 1;
                if core::mem::replace(&mut listener.failed, why_number) != why_number {
                    self.record(Record::ListenFailed { why });
                }
            }
        }
    }
}

/// Who may connect over a family with a key only, and with which: neighbors, and listen ranges.
pub(super) fn listen_keys(view: ConfigView<'_>, family: Family) -> impl Iterator<Item = (Prefix, &[u8])> {
    let neighbors = view.neighbors.iter().filter(move |neighbor| Family::of(neighbor.address) == family);
    let neighbors = neighbors.filter_map(move |neighbor| {
        let password = view.options(neighbor).password;
        (!password.is_empty()).then(|| (Prefix::host(neighbor.address), view.text(password).as_bytes()))
    });
    let ranges = view.rules.iter().filter_map(move |rule| match rule.clause {
        Clause::ListenRange { prefix, group } if prefix.family() == family => {
            let password = view.groups.get(usize::from(group))?.options.password;
            (!password.is_empty()).then(|| (prefix, view.text(password).as_bytes()))
        }
        _ => None,
    });
    neighbors.chain(ranges)
}

/// The peer-group of the listen range that an address lies in.
pub(super) fn range_group(view: ConfigView<'_>, address: IpAddr) -> Option<u16> {
    view.rules.iter().filter(|rule| rule.list == List::ListenRange).find_map(|rule| match rule.clause {
        Clause::ListenRange { prefix, group } if prefix.contains(address) => Some(u16::from(group)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::LISTEN_RETRY;
    use crate::base::net::Prefix;
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::{Limit, Record, Refusal};
    use crate::engine::{Endpoint, Engine, Input, IoError, ListenerId, Output, SocketId};
    use std::boxed::Box;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const FIRST: &str = "neighbor 10.0.0.2 remote-as external\nneighbor 10.0.0.2 passive\n\
                         neighbor 10.0.0.2 password first\n";
    const SECOND: &str = "neighbor 10.0.0.3 remote-as external\nneighbor 10.0.0.3 passive\n";
    const RANGE: &str = "neighbor G peer-group\nneighbor G remote-as external\nneighbor G password range\n\
                         bgp listen range 10.1.0.0/16 peer-group G\n";

    /// What the engine orders its listener after this configuration: `listen`, `unlisten`, or a key.
    fn orders(engine: &mut Engine<2, 4>, lines: &str) -> Vec<String> {
        let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{lines}");
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok(), "{text}");
        engine.configure(Instant::ZERO, &config);
        let mut all = Vec::new();
        loop {
            let mut done = None;
            while let Some(order) = engine.poll() {
                match order {
                    Output::Listen { listener, .. } => {
                        done = Some(listener);
                        all.push("listen".into());
                    }
                    Output::Unlisten { .. } => all.push("unlisten".into()),
                    Output::ListenKey { remote, key, .. } => all.push(format!("{remote} {}", key.is_some())),
                    Output::Record(Record::Full { limit: Limit::Peers }) => all.push("full".into()),
                    _ => {}
                }
            }
            match done {
                Some(listener) => {
                    engine.handle(Instant::ZERO, Input::ListenDone { listener, result: Ok(()) });
                }
                None => return all,
            }
        }
    }

    fn started() -> Box<Engine<2, 4>> {
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(Instant::ZERO, 1);
        engine
    }

    #[test]
    fn a_listener_has_every_key_before_it_listens() {
        let mut engine = started();
        let range = Prefix::new("10.1.0.0".parse().unwrap(), 16).unwrap();
        let key = format!("{range} true");
        let all = orders(&mut engine, &format!("{FIRST}{SECOND}{RANGE}"));
        assert_eq!(all, ["10.0.0.2/32 true", &key, "listen"]);
    }

    #[test]
    fn a_listener_whose_keys_change_is_closed_and_opened_with_the_new_ones() {
        let mut engine = started();
        let both = format!("{FIRST}{SECOND}");
        let range = Prefix::new("10.1.0.0".parse().unwrap(), 16).unwrap();
        let key = format!("{range} true");
        assert_eq!(orders(&mut engine, SECOND), ["listen"]);
        assert_eq!(
            orders(&mut engine, &both),
            ["unlisten", "10.0.0.2/32 true", "listen"],
            "a key that comes"
        );
        assert!(orders(&mut engine, &both).is_empty(), "nothing changes");
        let moved = format!("{SECOND}{FIRST}");
        assert!(orders(&mut engine, &moved).is_empty(), "only the order of lines changes");
        let other = both.replace("password first", "password other");
        assert_eq!(orders(&mut engine, &other), ["unlisten", "10.0.0.2/32 true", "listen"], "another key");
        let without = both.replace("neighbor 10.0.0.2 password first\n", "");
        assert_eq!(orders(&mut engine, &without), ["unlisten", "listen"], "a key that goes");
        assert_eq!(orders(&mut engine, &both), ["unlisten", "10.0.0.2/32 true", "listen"]);
        assert_eq!(orders(&mut engine, SECOND), ["unlisten", "listen"], "a neighbor that goes");
        assert_eq!(orders(&mut engine, &format!("{RANGE}{SECOND}")), ["unlisten", &key, "listen"]);
        assert_eq!(orders(&mut engine, SECOND), ["unlisten", "listen"], "a range that goes");
    }

    #[test]
    fn a_listener_that_could_not_be_opened_has_every_key_again_before_the_next_attempt() {
        let mut engine = started();
        let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{FIRST}");
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        let mut now = Instant::from_micros(1);
        for _ in 0..2 {
            let mut all = Vec::new();
            while let Some(order) = engine.poll() {
                match order {
                    Output::Listen { .. } => all.push("listen"),
                    Output::ListenKey { .. } => all.push("key"),
                    _ => {}
                }
            }
            assert_eq!(all, ["key", "listen"]);
            let failed = Input::ListenDone { listener: ListenerId(0), result: Err(IoError::InUse) };
            engine.handle(now, failed);
            while engine.poll().is_some() {}
            now += LISTEN_RETRY;
            engine.handle(now, Input::Tick);
        }
    }

    #[test]
    fn who_came_in_by_keys_that_do_not_hold_any_more_is_refused() {
        let mut engine = started();
        let open = FIRST.replace("neighbor 10.0.0.2 password first\n", "");
        let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{open}");
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        while engine.poll().is_some() {}
        let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{FIRST}");
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        while engine.poll().is_some() {}
        // The first `Listen` is not answered: nothing is closed, and nobody comes in.
        assert_eq!(connects(&mut engine, 7, "10.0.0.2"), Some(Refusal::NotNow));
        engine.handle(Instant::ZERO, Input::ListenDone { listener: ListenerId(0), result: Ok(()) });
        let mut all = Vec::new();
        while let Some(order) = engine.poll() {
            match order {
                Output::Listen { .. } => all.push("listen"),
                Output::Unlisten { .. } => all.push("unlisten"),
                Output::ListenKey { .. } => all.push("key"),
                _ => {}
            }
        }
        assert_eq!(all, ["unlisten", "key", "listen"]);
        assert_eq!(connects(&mut engine, 8, "10.0.0.2"), None);
    }

    /// Somebody connects; why it was refused, if it was.
    fn connects(engine: &mut Engine<2, 4>, socket: u32, from: &str) -> Option<Refusal> {
        let end = |address: &str| Endpoint { address: address.parse().unwrap(), port: 179, link: None };
        let (local, remote) = (end("10.0.0.1"), end(from));
        let accepted = Input::Accepted { socket: SocketId(socket), listener: ListenerId(0), local, remote };
        engine.handle(Instant::ZERO, accepted);
        let (mut refused, mut said) = (false, None);
        while let Some(order) = engine.poll() {
            match order {
                Output::Refuse { socket: SocketId(named) } => refused = named == socket,
                Output::Record(Record::Refused { why, .. }) => said = Some(why),
                _ => {}
            }
        }
        assert_eq!(refused, said.is_some(), "a refusal is recorded, and nothing else is");
        said
    }

    #[test]
    fn a_refusal_says_whether_it_is_a_stranger_or_is_not_wanted() {
        let mut engine = started();
        orders(&mut engine, &format!("{SECOND}neighbor 10.0.0.3 bfd strict\n{FIRST}"));
        assert_eq!(connects(&mut engine, 1, "10.0.0.9"), Some(Refusal::Stranger));
        assert_eq!(connects(&mut engine, 2, "10.0.0.2"), None);
        assert_eq!(connects(&mut engine, 3, "10.0.0.2"), None, "it said nothing on the one before");
        assert_eq!(connects(&mut engine, 4, "10.0.0.3"), Some(Refusal::NotNow), "BFD is not up");
        let remote = "10.0.0.2".parse().unwrap();
        let told = |why| format!("{}", Record::Refused { remote, why });
        assert_eq!(
            told(Refusal::Earlier),
            "10.0.0.2 connected and was refused: its earlier connection is not over"
        );
        assert_eq!(told(Refusal::Stranger), "10.0.0.2 connected and was refused: it is no neighbor");
    }

    #[test]
    fn strangers_are_told_once_then_counted_and_told_once_when_they_stop() {
        let mut engine = started();
        orders(&mut engine, SECOND);
        let mut said = Vec::new();
        for number in 0..2_345_u32 {
            let from = format!("10.0.{}.{}", 1 + number / 250, number % 250);
            let end = |address: &str| Endpoint { address: address.parse().unwrap(), port: 179, link: None };
            let (socket, listener) = (SocketId(number), ListenerId(0));
            let accepted = Input::Accepted { socket, listener, local: end("10.0.0.1"), remote: end(&from) };
            engine.handle(Instant::from_micros(u64::from(number) * 10_000), accepted);
            while let Some(order) = engine.poll() {
                if let Output::Record(record) = order {
                    said.push(format!("{record}"));
                }
            }
        }
        assert_eq!(
            said,
            [
                "10.0.1.0 connected and was refused: it is no neighbor",
                "10 connections were refused so far, the last one of 10.0.1.9: it is no neighbor",
                "100 connections were refused so far, the last one of 10.0.1.99: it is no neighbor",
                "1000 connections were refused so far, the last one of 10.0.4.249: it is no neighbor",
            ]
        );
        assert!(engine.deadline() <= Instant::from_micros(84_000_000));
        engine.handle(Instant::from_micros(84_000_000), Input::Tick);
        let mut over = None;
        while let Some(order) = engine.poll() {
            if let Output::Record(record) = order {
                over = Some(record);
            }
        }
        assert_eq!(over, Some(Record::StrangersOver { count: 2_345 }));
        assert_eq!(connects(&mut engine, 1, "10.0.0.9"), Some(Refusal::Stranger), "told anew");
    }

    #[test]
    fn bgp_listen_limit_is_how_many_may_come_from_ranges() {
        let mut engine = started();
        let lines = RANGE.replace("neighbor G password range\n", "bgp listen limit 1\n");
        orders(&mut engine, &lines);
        assert_eq!(connects(&mut engine, 1, "10.1.0.1"), None);
        assert_eq!(connects(&mut engine, 2, "10.1.0.2"), Some(Refusal::NoPlace));
        orders(&mut engine, &lines.replace("limit 1", "limit 2"));
        assert_eq!(connects(&mut engine, 3, "10.1.0.3"), None);
        let remote = "10.1.0.2".parse().unwrap();
        assert_eq!(
            format!("{}", Record::Refused { remote, why: Refusal::NoPlace }),
            "10.1.0.2 connected and was refused: no place is left for another neighbor from a listen range"
        );
    }

    #[test]
    fn a_port_that_is_taken_is_told_once_and_that_it_is_free_again_once() {
        let mut engine = started();
        orders(&mut engine, "");
        let mut said = Vec::new();
        let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{SECOND}");
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        for second in 0..40_u64 {
            let mut asked = None;
            while let Some(order) = engine.poll() {
                match order {
                    Output::Listen { listener, .. } => asked = Some(listener),
                    Output::Record(record @ (Record::ListenFailed { .. } | Record::ListensAgain)) => {
                        said.push((second, record));
                    }
                    _ => {}
                }
            }
            let result = match second {
                0..20 => Err(IoError::InUse),
                20..30 => Err(IoError::Denied),
                _ => Ok(()),
            };
            let now = Instant::from_micros(second * 1_000_000 + 500_000);
            if let Some(listener) = asked {
                engine.handle(now, Input::ListenDone { listener, result });
                while let Some(order) = engine.poll() {
                    if let Output::Record(record) = order {
                        said.push((second, record));
                    }
                }
            }
            engine.handle(Instant::from_micros((second + 1) * 1_000_000 + 500_000), Input::Tick);
        }
        let failed = |why| Record::ListenFailed { why };
        let [(0, first), (20, other), (30, Record::ListensAgain)] = said[..] else { panic!("{said:?}") };
        assert_eq!((first, other), (failed(IoError::InUse), failed(IoError::Denied)));
    }

    #[test]
    fn a_neighbor_that_finds_no_place_beside_those_that_came_by_themselves_is_recorded() {
        let mut engine = started();
        let range = RANGE.replace("neighbor G password range\n", "");
        assert_eq!(orders(&mut engine, &range), ["listen"]);
        for last in 1..=2 {
            let end = |address: &str| Endpoint { address: address.parse().unwrap(), port: 179, link: None };
            let (local, remote) = (end("10.1.0.9"), end(&format!("10.1.0.{last}")));
            let (socket, listener) = (SocketId(last), ListenerId(0));
            engine.handle(Instant::ZERO, Input::Accepted { socket, listener, local, remote });
            while engine.poll().is_some() {}
        }
        let all = orders(&mut engine, &format!("{range}{FIRST}"));
        assert_eq!(all.iter().filter(|order| *order == "full").count(), 1, "{all:?}");
    }

    #[test]
    fn somebody_with_the_neighbors_link_local_address_on_another_link_is_a_stranger() {
        let mut engine = started();
        let lines = "bgp listen\nneighbor fe80::2 remote-as external\nneighbor fe80::2 interface eth0\n\
                     neighbor fe80::2 passive\n";
        orders(&mut engine, lines);
        for (number, name) in [(2, "eth0"), (3, "eth1")] {
            let link = crate::engine::LinkId(number);
            engine.handle(Instant::ZERO, Input::Link { link, name, up: true, gone: false });
            while engine.poll().is_some() {}
        }
        for (number, expected) in [(3, Some(Refusal::Stranger)), (2, None)] {
            let link = Some(crate::engine::LinkId(number));
            let end = |address: &str| Endpoint { address: address.parse().unwrap(), port: 179, link };
            let (socket, listener) = (SocketId(number), ListenerId(1));
            let accepted =
                Input::Accepted { socket, listener, local: end("fe80::1"), remote: end("fe80::2") };
            engine.handle(Instant::ZERO, accepted);
            let mut said = None;
            while let Some(order) = engine.poll() {
                if let Output::Record(Record::Refused { why, .. }) = order {
                    said = Some(why);
                }
            }
            assert_eq!(said, expected, "link {number}");
        }
    }
}
