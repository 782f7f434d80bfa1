//! What `show` shows.

use core::net::IpAddr;

use super::names::{LinkId, PeerId, ServiceId};
use super::session::cause;
use super::view::{
    AddressState, CheckView, Hint, PeerView, RouteView, ServiceView, SteerView, Summary, TableState,
    TtlBecause,
};
use super::{Engine, Inner, NextHop, peers_in};
use crate::base::net::{Asn, Families};
use crate::bgp::conn::Tcp;
use crate::bgp::fsm::State;
use crate::bgp::peer::{Kind, LastEnd, Peer};
use crate::config::{Owner, PeerFlags, RemoteAs};
use crate::failover::reconcile::{Ground, Standing};
use crate::steer::trouble::InTable;
use crate::wire::notification;

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// The whole at a glance.
    pub fn summary(&self) -> Summary<'_> {
        let inner = &self.inner;
        let view = inner.config.view();
        let peers = inner.peers.iter().filter(|peer| peer.kind != Kind::Free).count();
        Summary {
            hostname: view.text(view.hostname),
            local_as: view.bgp.local_as,
            router_id: inner.router_id,
            started: inner.started,
            peers: peers as u16,
            established: inner.up.count_ones() as u16,
            services: view.services.len() as u16,
            routes: inner.routes.used().into(),
            announced: inner.adj_out.reached(),
            steered: inner.inbound.count().into(),
            stale_inputs: inner.stale_inputs,
            bfd_unknown: inner.bfd.unknown,
            bfd_refused: inner.bfd.refused,
            listening: inner.listeners.iter().any(|listener| listener.state == super::listen::Listening::On),
            configuring: inner.pass.is_running(),
            stopping: inner.stopping.is_on(),
        }
    }

    /// The service of that name, if the configuration in force has one.
    pub fn service_named(&self, name: &str) -> Option<ServiceId> {
        let view = self.inner.config.view();
        let place = view.services.iter().position(|service| view.text(service.name) == name)?;
        u16::try_from(place).ok().map(ServiceId)
    }

    /// What the peer with this address said with its last NOTIFICATION (RFC 9003), as it came; empty: nothing.
    pub fn last_text(&self, address: IpAddr) -> &[u8] {
        let is_it = |peer: &&Peer| peer.kind != Kind::Free && peer.address == address;
        self.inner.peers.iter().find(is_it).map_or(&[], Peer::text)
    }

    /// The peer in place `index`, if there is one. For a listing, walk `0..PEERS`.
    pub fn peer(&self, index: usize) -> Option<PeerView<'_>> {
        let peer = self.inner.peers.get(index).filter(|peer| peer.kind != Kind::Free)?;
        Some(self.inner.peer_view(index, peer))
    }

    /// The service in place `index`, if there is one. For a listing, count up until there is none.
    pub fn service(&self, index: usize) -> Option<ServiceView<'_>> {
        let inner = &self.inner;
        let view = inner.config.view();
        let line = view.services.get(index)?;
        let state = inner.services.get(index)?;
        let ((addresses, present), (checks, passing)) = (inner.addresses_of(index), inner.checks_of(index));
        Some(ServiceView {
            id: ServiceId(index as u16),
            name: view.text(line.name),
            role: line.role,
            posture: state.posture(),
            because: state.because(),
            since: state.since(),
            wish: state.wished(),
            held_until: state.held_until(inner.now, line),
            addresses,
            present,
            checks,
            passing,
        })
    }

    /// The check in place `index`, as [`Record::Check`](super::Record::Check) names it, if there is one. For a listing, count up
    /// until there is none.
    pub fn check(&self, index: usize) -> Option<CheckView<'_>> {
        let view = self.inner.config.view();
        let line = view.checks.get(index)?;
        let state = self.inner.checks.as_flattened().get(index)?;
        Some(CheckView {
            service: view.services.get(usize::from(line.service)).map_or("", |one| view.text(one.name)),
            name: view.text(line.name),
            kind: line.kind,
            health: state.health(),
            since: state.since().max(self.inner.started),
            last: state.last(),
            streak: state.streak(),
            needed: state.needed(line),
        })
    }

    /// The first route in place `from` or later, and its place: for a listing in pieces, ask again from the place behind it.
    pub fn route(&self, from: usize) -> Option<(usize, RouteView<'_>)> {
        let inner = &self.inner;
        let place = (from..inner.routes.high()).find(|&place| inner.routes.is_used(place))?;
        let (route, view) = (inner.routes.get(place), inner.config.view());
        let service = match route.owner {
            Owner::Service(service) => {
                view.services.get(usize::from(service)).map_or("", |service| view.text(service.name))
            }
            _ => "",
        };
        let link = (0..inner.links().len()).find(|link| route.links & (1 << link) != 0);
        let shown = RouteView {
            prefix: route.prefix,
            owner: route.owner,
            source: match route.owner {
                Owner::None | Owner::Static(_) | Owner::Interface => {
                    inner.redistributed(route).map(|(source, _)| source)
                }
                Owner::Service(_) | Owner::Network => None,
            },
            service,
            address: route.is_address.then(|| match (route.cell.standing(), inner.ground(place)) {
                (Standing::Absent | Standing::Failed | Standing::Pausing, Ground::NoLink)
                    if route.cell.is_wanted() =>
                {
                    AddressState::NoLink
                }
                (state, _) => standing(state),
            }),
            link: link.map(|link| inner.links()[link].id).filter(|&id| id != LinkId(0)),
            announced: route.announced,
            told: (0..P).filter(|&peer| inner.adj_out.told(peer, place) != 0).count() as u16,
            held_back: peers_in(inner.up)
                .find_map(|peer| Some((inner.peers[peer].address, inner.held_back(peer, place)?))),
            table: table(inner.own_in_table(place)),
        };
        Some((place, shown))
    }

    /// The first prefix that `steer` keeps in place `from` or later, and its place: for a listing in pieces, as
    /// [`route`](Self::route).
    pub fn steered(&self, from: usize) -> Option<(usize, SteerView)> {
        let inner = &self.inner;
        let (place, prefix) = inner.inbound.next(from)?;
        let best = inner.inbound.best(place);
        let nobody = NextHop::REST.address;
        let shown = SteerView {
            prefix,
            next_hop: best.map_or(nobody, |best| best.candidate.next_hop),
            peer: best.and_then(|best| inner.peers.get(best.peer)).map_or(nobody, |peer| peer.address),
            table: table(inner.inbound.in_table(place)),
            shares: inner.inbound.next_hops(place).len() as u8,
            candidates: inner.inbound.heard(place).count() as u8,
        };
        Some((place, shown))
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    fn peer_view<'a>(&'a self, index: usize, peer: &'a Peer) -> PeerView<'a> {
        let (view, options) = (self.config.view(), self.options(index));
        let (state, slot) = peer.furthest();
        let session = &peer.conns[slot].session;
        let local = self.local(index);
        let group = match peer.kind {
            Kind::Configured(line) => {
                view.neighbors.get(usize::from(line)).and_then(|line| usize::from(line.group).checked_sub(1))
            }
            Kind::Dynamic(group) => Some(usize::from(group)),
            Kind::Free | Kind::Leaving => None,
        };
        let known = state >= State::OpenConfirm;
        let (ttl, _) = peer.ttl(&options, self.is_internal(index));
        PeerView {
            id: PeerId(index as u16),
            address: peer.address,
            description: view.text(options.description),
            group: group.and_then(|group| view.groups.get(group)).map_or("", |group| view.text(group.name)),
            remote_as: match options.remote_as {
                _ if known => session.remote_as,
                RemoteAs::Number(asn) => asn,
                RemoteAs::Internal => view.bgp.local_as,
                RemoteAs::Unset | RemoteAs::External => Asn(0),
            },
            remote_id: session.remote_id,
            state: if options.flags.on(PeerFlags::SHUTDOWN) && state < State::Established {
                State::Idle
            } else {
                state
            },
            since: peer.since,
            local: peer.local,
            dynamic: matches!(peer.kind, Kind::Dynamic(_)),
            passive: options.flags.on(PeerFlags::PASSIVE),
            hold_time: if known { session.hold_time } else { local.hold_time },
            keepalive: if known { session.keepalive } else { local.keepalive },
            ttl,
            ttl_because: self.ttl_because(index),
            families: if known { session.families } else { Families::NONE },
            extended_next_hop: session.extended_next_hop,
            received: peer.messages_in,
            sent: peer.messages_out,
            told: peer.told.into(),
            owed: self.adj_out.owed(index),
            kept: self.inbound.count_of(index),
            established: peer.sessions,
            last_end: cause(peer.last_end),
            session_end: cause(peer.session_end),
            last_text: peer.text(),
            hint: self.hint(index),
            bfd: self.bfd_view(index),
        }
    }

    fn ttl_because(&self, index: usize) -> TtlBecause {
        let options = self.options(index);
        if options.ttl_security > 0 {
            TtlBecause::Security
        } else if options.flags.on(PeerFlags::EBGP_MULTIHOP) {
            TtlBecause::Multihop
        } else if self.is_internal(index) {
            TtlBecause::Internal
        } else if self.peers[index].connected {
            TtlBecause::Connected
        } else if options.flags.on(PeerFlags::DISABLE_CONNECTED_CHECK) {
            TtlBecause::Unchecked
        } else {
            TtlBecause::NotConnected
        }
    }

    /// What an operator should look at first.
    fn hint(&self, index: usize) -> Hint {
        use super::input::IoError as E;
        let (peer, options) = (&self.peers[index], self.options(index));
        if options.flags.on(PeerFlags::SHUTDOWN) {
            return Hint::Shutdown;
        }
        if peer.established().is_some() {
            return Hint::None;
        }
        if !self.bfd_permits(index) {
            return Hint::WaitsForBfd;
        }
        let (open, cease) = (notification::open::CODE, notification::cease::CODE);
        match peer.last_end {
            LastEnd::Received(code, notification::open::BAD_PEER_AS)
            | LastEnd::Sent(code, notification::open::BAD_PEER_AS)
                if code == open =>
            {
                Hint::CheckRemoteAs
            }
            LastEnd::Received(code, notification::cease::CONNECTION_REJECTED) if code == cease => {
                Hint::NotAccepted
            }
            _ if peer.is_backing_off() => Hint::BackingOff,
            LastEnd::Connection(why) => match E::of(why) {
                E::Refused => Hint::Refused,
                E::Unreachable => Hint::NoWay,
                E::TimedOut if options.password.is_empty() && options.ttl_security == 0 => Hint::NoAnswer,
                E::TimedOut => Hint::CheckPasswordAndTtl,
                E::AddressUnavailable => Hint::NoLocalAddress,
                E::Reset | E::None if peer.conns.iter().all(|conn| conn.tcp != Tcp::Open) => {
                    Hint::NotAccepted
                }
                _ => Hint::None,
            },
            LastEnd::LinkDown => Hint::LinkDown,
            LastEnd::None if options.flags.on(PeerFlags::PASSIVE) => Hint::NotConnected,
            _ => Hint::None,
        }
    }
}

const fn table(state: InTable) -> TableState {
    match state {
        InTable::None => TableState::None,
        InTable::Ordered => TableState::Ordered,
        InTable::Installed => TableState::Installed,
        InTable::Waits => TableState::Waits,
    }
}

const fn standing(standing: Standing) -> AddressState {
    match standing {
        Standing::Absent => AddressState::Absent,
        Standing::Binding => AddressState::Binding,
        Standing::Bound => AddressState::Bound,
        Standing::Adopted => AddressState::Adopted,
        Standing::Unbinding => AddressState::Unbinding,
        Standing::Failed => AddressState::Failed,
        Standing::Pausing => AddressState::Paused,
    }
}
