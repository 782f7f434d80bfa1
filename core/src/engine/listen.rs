//! Listening, and those who connect to us.

use core::net::IpAddr;

use super::Inner;
use super::input::{Endpoint, IoError};
use super::names::{ListenerId, SocketId};
use super::record::{Limit, Record};
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
    /// When to try again.
    pub(super) retry_at: Instant,
}

impl Listener {
    /// Off, and not needed.
    pub(super) const REST: Self =
        Self { wanted: false, state: Listening::Off, keys: 0, range_keys: 0, retry_at: Instant::ZERO };
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
        let Some(peer) = self.peer_for(remote.address) else { return self.turn_away(socket, remote.address) };
        let state = &self.peers[peer];
        let incoming = &state.conns[INCOMING];
        let expected = self.is_wanted(peer)
            && self.router_id != BgpId(0)
            && state.established().is_none()
            && incoming.tcp == Tcp::None
            && self.has_room(peer, INCOMING)
            && self.bfd_permits(peer)
            && incoming.state == State::Active;
        if !expected {
            // One that we know of is only in the wrong moment: its older connection may be dead without our knowing.
            if incoming.tcp == Tcp::Open && incoming.state < State::Established {
                self.fire(peer, INCOMING, Event::TcpConnectionFails, Fault::NONE);
            }
            self.turn_away(socket, remote.address);
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

    fn turn_away(&mut self, socket: SocketId, remote: IpAddr) {
        self.refuse = Some(socket);
        self.record(Record::Refused { remote });
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

    /// The listen range at or behind this place of the rules that belongs to the listener and has a key.
    pub(super) fn range_key(&self, family: Family) -> impl Iterator<Item = (Prefix, &[u8])> {
        let view = self.config.view();
        view.rules.iter().filter_map(move |rule| match rule.clause {
            Clause::ListenRange { prefix, group } if prefix.family() == family => {
                let password = view.groups.get(usize::from(group))?.options.password;
                (!password.is_empty()).then(|| (prefix, view.text(password).as_bytes()))
            }
            _ => None,
        })
    }
}

/// The peer-group of the listen range that an address lies in.
pub(super) fn range_group(view: ConfigView<'_>, address: IpAddr) -> Option<u16> {
    view.rules.iter().filter(|rule| rule.list == List::ListenRange).find_map(|rule| match rule.clause {
        Clause::ListenRange { prefix, group } if prefix.contains(address) => Some(u16::from(group)),
        _ => None,
    })
}
