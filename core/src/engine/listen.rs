//! Listening, and those who connect to us.

use core::net::IpAddr;

use super::Inner;
use super::input::{Endpoint, IoError};
use super::names::{ListenerId, SocketId};
use super::record::{Limit, Record, Refusal};
use super::session::{INCOMING, OUTGOING};
use crate::base::net::{BgpId, Family, Prefix};
use crate::base::time::{Duration, Instant};
use crate::bgp::conn::{Owed, Tcp};
use crate::bgp::fsm::{Event, State};
use crate::bgp::peer::{Kind, Peer};
use crate::config::{BgpFlags, Clause, ConfigView, List, PeerFlags};
use crate::wire::notification::Fault;

/// How long after a failure listening is tried again.
const LISTEN_RETRY: Duration = Duration::from_secs(1);

/// A listener. All zero bits at rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listener {
    /// Whether it is needed.
    pub(super) wanted: bool,
    pub(super) state: Listening,
    /// Peers whose key the listener must be told, as a set.
    pub(super) keys: u64,
    /// How many keys of listen ranges it was told.
    pub(super) range_keys: u16,
    /// It knows a key that nobody has any more: it is closed and opened again.
    pub(super) stale: bool,
    /// When to try again.
    pub(super) retry_at: Instant,
}

impl Listener {
    /// Off, and not needed.
    pub(super) const REST: Self = Self {
        wanted: false,
        state: Listening::Off,
        keys: 0,
        range_keys: 0,
        stale: false,
        retry_at: Instant::ZERO,
    };
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
        let Some(peer) = self.peer_for(remote.address) else {
            return self.turn_away(socket, remote.address, Refusal::Stranger);
        };
        let state = &self.peers[peer];
        let incoming = &state.conns[INCOMING];
        let earlier =
            state.established().is_some() || incoming.tcp != Tcp::None || !self.has_room(peer, INCOMING);
        let wanted = self.is_wanted(peer)
            && self.router_id != BgpId(0)
            && self.bfd_permits(peer)
            && (earlier || incoming.state == State::Active);
        if earlier || !wanted {
            // One that we know of is only in the wrong moment: its older connection may be dead without our knowing.
            if incoming.tcp == Tcp::Open && incoming.state < State::Established {
                self.fire(peer, INCOMING, Event::TcpConnectionFails, Fault::NONE);
            }
            let why = if wanted { Refusal::Earlier } else { Refusal::NotNow };
            self.turn_away(socket, remote.address, why);
            return self.tidy(peer);
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

    fn turn_away(&mut self, socket: SocketId, remote: IpAddr, why: Refusal) {
        self.refuse = Some(socket);
        self.record(Record::Refused { remote, why });
    }

    /// The peer with this address: a neighbor, or a new dynamic peer if it lies in a listen range.
    fn peer_for(&mut self, address: IpAddr) -> Option<usize> {
        let known = (0..P).find(|&peer| {
            let state = &self.peers[peer];
            !matches!(state.kind, Kind::Free | Kind::Leaving) && state.address == address
        });
        if known.is_some() {
            return known;
        }
        let view = self.config.view();
        let group = range_group(view, address)?;
        let Some(peer) = (0..P).find(|&peer| self.peers[peer].kind == Kind::Free) else {
            self.full(Limit::Peers);
            return None;
        };
        let conns = self.peers[peer].conns;
        self.peers[peer] = Peer { kind: Kind::Dynamic(group), address, conns, since: self.now, ..Peer::REST };
        self.find_peers();
        self.await_incoming(peer);
        Some(peer)
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
            listener.range_keys = 0;
            listener.keys = 0;
            for (place, peer) in self.peers.iter().enumerate() {
                let theirs = matches!(peer.kind, Kind::Configured(_)) && Family::of(peer.address) == family;
                listener.keys |= u64::from(theirs) << place;
            }
        }
        for peer in 0..P {
            self.await_incoming(peer);
        }
    }

    /// Looks for keys that the listeners were told and that a new configuration does not have. A neighbor that stays is told
    /// anew, with its key or without one.
    pub(super) fn find_stale_keys(&mut self, new: ConfigView<'_>) {
        let mut stale = [false; 2];
        let old = self.config.view();
        for neighbor in old.neighbors {
            let keyed = !old.options(neighbor).password.is_empty();
            if keyed && !new.neighbors.iter().any(|other| other.address == neighbor.address) {
                stale[Family::of(neighbor.address).index()] = true;
            }
        }
        for family in Family::ALL {
            let kept = |prefix| range_keys(new, family).any(|(other, _)| other == prefix);
            stale[family.index()] |= range_keys(old, family).any(|(prefix, _)| !kept(prefix));
        }
        for (listener, stale) in self.listeners.iter_mut().zip(stale) {
            listener.stale |= stale && listener.state == Listening::On;
        }
    }

    /// `Listen` was answered.
    pub(super) fn listen_done(&mut self, id: ListenerId, result: Result<(), IoError>) {
        let Some(listener) = self.listeners.get_mut(usize::from(id.0)) else { return };
        if listener.state != Listening::Asked {
            return;
        }
        match result {
            Ok(()) => listener.state = Listening::On,
            Err(why) => {
                listener.state = Listening::Off;
                listener.retry_at = self.now + LISTEN_RETRY;
                self.record(Record::ListenFailed { why });
            }
        }
    }
}

/// The listen ranges of a family that have a key, with it.
pub(super) fn range_keys(view: ConfigView<'_>, family: Family) -> impl Iterator<Item = (Prefix, &[u8])> {
    view.rules.iter().filter_map(move |rule| match rule.clause {
        Clause::ListenRange { prefix, group } if prefix.family() == family => {
            let password = view.groups.get(usize::from(group))?.options.password;
            (!password.is_empty()).then(|| (prefix, view.text(password).as_bytes()))
        }
        _ => None,
    })
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
    use crate::base::net::Prefix;
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::{Limit, Record, Refusal};
    use crate::engine::{Endpoint, Engine, Input, ListenerId, Output, SocketId};
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
    fn a_listener_forgets_the_key_of_a_neighbor_that_left() {
        let mut engine = started();
        let both = format!("{FIRST}{SECOND}");
        assert_eq!(orders(&mut engine, &both), ["listen", "10.0.0.2/32 true", "10.0.0.3/32 false"]);
        assert_eq!(orders(&mut engine, SECOND), ["unlisten", "listen", "10.0.0.3/32 false"]);
        assert_eq!(orders(&mut engine, &both), ["10.0.0.2/32 true", "10.0.0.3/32 false"]);
        // One that stays without its key is told so.
        let without = both.replace("neighbor 10.0.0.2 password first\n", "");
        assert_eq!(orders(&mut engine, &without), ["10.0.0.2/32 false", "10.0.0.3/32 false"]);
    }

    #[test]
    fn a_listener_forgets_the_key_of_a_range_that_is_no_more() {
        let mut engine = started();
        let range = Prefix::new("10.1.0.0".parse().unwrap(), 16).unwrap();
        let key = format!("{range} true");
        assert_eq!(orders(&mut engine, &format!("{RANGE}{SECOND}")), ["listen", "10.0.0.3/32 false", &key]);
        assert_eq!(orders(&mut engine, SECOND), ["unlisten", "listen", "10.0.0.3/32 false"]);
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
    fn a_refusal_says_whether_it_is_a_stranger_or_comes_too_early_or_is_not_wanted() {
        let mut engine = started();
        orders(&mut engine, &format!("{SECOND}neighbor 10.0.0.3 bfd strict\n{FIRST}"));
        assert_eq!(connects(&mut engine, 1, "10.0.0.9"), Some(Refusal::Stranger));
        assert_eq!(connects(&mut engine, 2, "10.0.0.2"), None);
        assert_eq!(connects(&mut engine, 3, "10.0.0.2"), Some(Refusal::Earlier));
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
        assert_eq!(orders(&mut engine, &format!("{range}{FIRST}")), ["full"]);
    }
}
