//! Connections and sessions: what happens to them, and the peer's part of each step of the state machine.

use core::net::IpAddr;

use super::Inner;
use super::input::{Endpoint, HostTable, IoError};
use super::names::{ConnId, LinkId, PeerId, Slot};
use super::record::{EndCause, Limit, Record};
use crate::base::net::{Families, Family};
use crate::base::time::{Duration, Instant};
use crate::bgp::conn::{Conn, Owed, Tcp, keep_outgoing};
use crate::bgp::fsm::{Actions, Event, State};
use crate::bgp::negotiate::Local;
use crate::bgp::peer::{Batch, Earned, Kind, LONGEST, LastEnd, MISSED_AFTER, Peer, SHORT};
use crate::config::{BgpFlags, ConfigView, PeerFlags, PeerOptions, RemoteAs};
use crate::wire::notification::{self, Fault, cease};

pub(super) const OUTGOING: usize = 0;
pub(super) const INCOMING: usize = 1;
/// The keepalive and hold times, in seconds, when nothing is said.
const TIMERS: (u16, u16) = (3, 9);
/// How long an announcement is held back at most when `coalesce-time` does not say.
const COALESCE_MS: u32 = 1_000;

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// The peer and slot of a name that is alive. A dead one is counted.
    pub(super) fn alive(&mut self, id: ConnId) -> Option<(usize, usize)> {
        let (peer, slot) = (usize::from(id.peer.0), id.slot as usize);
        let conn = self.peers.get(peer).map(|peer| &peer.conns[slot]);
        if conn.is_some_and(|conn| conn.generation == id.generation && conn.tcp != Tcp::None) {
            return Some((peer, slot));
        }
        self.stale_inputs = self.stale_inputs.saturating_add(1);
        None
    }

    pub(super) fn name(&self, peer: usize, slot: usize) -> ConnId {
        let slot_name = if slot == OUTGOING { Slot::Outgoing } else { Slot::Incoming };
        ConnId {
            peer: PeerId(peer as u16),
            slot: slot_name,
            generation: self.peers[peer].conns[slot].generation,
        }
    }

    /// Something about a peer changed: it may owe an order, and its timers may have moved.
    pub(super) fn touch(&mut self, peer: usize) {
        self.ready |= 1 << peer;
        self.peers_at = self.peers_at.min(super::dial::peer_deadline(&self.peers[peer]));
    }

    /// Gives an event to a connection and does the peer's part of the step.
    pub(super) fn fire(&mut self, peer: usize, slot: usize, event: Event, fault: Fault) {
        let now = self.now;
        let before = self.peers[peer].furthest().0;
        let step = self.peers[peer].conns[slot].fire(event, fault, now, &mut self.rand);
        let does = |action| step.actions.has(action);
        if does(Actions::NOTIFY) {
            self.note_own_end(peer, slot);
        }
        if does(Actions::DOWN) {
            self.session_down(peer);
        }
        if slot == OUTGOING {
            if does(Actions::RETRY_STOP) {
                self.peers[peer].dial_at = Instant::ZERO;
            }
            if does(Actions::RETRY_START) {
                self.dial_later(peer, does(Actions::CONNECT));
            }
        }
        if does(Actions::CONNECT) {
            let state = &mut self.peers[peer];
            state.conns[slot].renew(Tcp::Dialing, Owed::CONNECT);
            if state.conns[INCOMING].is_free() {
                state.large = OUTGOING as u8;
            }
        }
        if does(Actions::UP) {
            self.session_up(peer, slot);
        }
        if does(Actions::DROP) && step.next == State::Idle {
            self.rest(peer, slot);
        }
        self.note_state(peer, before);
        self.touch(peer);
    }

    /// A connection fell back to Idle: the incoming slot waits again, and the outgoing one is dialed again.
    fn rest(&mut self, peer: usize, slot: usize) {
        if slot == INCOMING {
            self.await_incoming(peer);
        }
        let state = &mut self.peers[peer];
        if state.lost_at == self.now && !state.is_backing_off() {
            state.dial_at = self.now;
        } else if state.dial_at == Instant::ZERO {
            self.dial_later(peer, false);
        }
    }

    /// The state that people see changed.
    fn note_state(&mut self, peer: usize, before: State) {
        let state = self.peers[peer].furthest().0;
        if state != before {
            let (up, was_up) = (state == State::Established, before == State::Established);
            if up || was_up {
                let missed_at = if up { Instant::ZERO } else { self.now + MISSED_AFTER };
                (self.peers[peer].since, self.peers[peer].missed_at) = (self.now, missed_at);
            }
            let address = self.peers[peer].address;
            self.record(Record::State { peer: address, from: before, to: state });
        }
    }

    /// We end it with a NOTIFICATION: what for?
    fn note_own_end(&mut self, peer: usize, slot: usize) {
        let fault = self.peers[peer].conns[slot].fault;
        if (fault.code, fault.subcode) == (cease::CODE, cease::BFD_DOWN) {
            return; // `path_down` told
        }
        if (fault.code, fault.subcode) == (cease::CODE, cease::COLLISION) {
            let address = self.peers[peer].address;
            self.record(Record::Collision { peer: address });
            return;
        }
        self.ended(peer, LastEnd::Sent(fault.code, fault.subcode));
        if fault.code == notification::open::CODE
            || (fault.code, fault.subcode) == (cease::CODE, cease::MAXIMUM_PREFIXES)
        {
            self.back_off(peer);
        }
    }

    /// Keeps and tells why a session or an attempt ended.
    pub(super) fn ended(&mut self, peer: usize, end: LastEnd) {
        let up = self.up & (1 << peer) != 0;
        self.session_lasts(peer);
        let peer = &mut self.peers[peer];
        let news = peer.last_end != end;
        if up {
            peer.session_end = end;
        }
        // What a peer that keeps us away told, or was told, is worth more than how the next attempts fail.
        let told = matches!(peer.last_end, LastEnd::Received(..) | LastEnd::Sent(..));
        if !(peer.is_backing_off() && told && matches!(end, LastEnd::Connection(_))) {
            peer.last_end = end;
        }
        let (address, count, Some(why)) = (peer.address, peer.shorts.saturating_add(1), cause(end)) else {
            return;
        };
        if up && count == 1 {
            self.record(Record::SessionDown { peer: address, why });
        } else if up && count.is_power_of_two() {
            self.record(Record::Flapping { peer: address, count, why });
        } else if !up && news {
            self.record(Record::AttemptFailed { peer: address, why });
        }
    }

    /// A session that is old enough not to be short: what the peer earned before it is forgotten.
    pub(super) fn session_lasts(&mut self, peer: usize) {
        let now = self.now;
        let state = &mut self.peers[peer];
        let Some(slot) = state.established().filter(|_| now - state.since >= SHORT) else { return };
        // Too many prefixes are only seen once the session is up: that it lasts for a while says nothing.
        let too_many = (cease::CODE, cease::MAXIMUM_PREFIXES);
        let told = match state.last_end {
            LastEnd::Received(code, subcode) | LastEnd::Sent(code, subcode) => (code, subcode),
            _ => (0, 0),
        };
        if told != too_many || self.now - state.since > LONGEST {
            state.refusals = 0;
        }
        state.turned_away = 0;
        let (address, count) = (state.address, core::mem::take(&mut state.shorts));
        if count > 0 {
            self.record(Record::FlappingOver { peer: address, count });
            self.tell_session(peer, slot);
        }
    }

    /// The peer told us to stay away, or our OPENs do not fit: the pauses grow.
    pub(super) fn back_off(&mut self, peer: usize) {
        let now = self.now;
        let peer = &mut self.peers[peer];
        if peer.established().is_some() && now - peer.since > LONGEST {
            peer.refusals = 0;
        }
        peer.lost_at = now;
        peer.earned = Earned::Refusal;
        peer.refusals = peer.refusals.saturating_add(1);
    }

    /// Somebody here wants another connection with a peer: whatever it earned is forgotten.
    pub(super) fn dial_anew(&mut self, peer: usize) {
        let now = self.now;
        let state = &mut self.peers[peer];
        (state.earned, state.refusals, state.shorts, state.plain) = (Earned::Nothing, 0, 0, false);
        if state.established().is_none() {
            state.missed_at = now + MISSED_AFTER;
        }
        self.dial_soon(peer);
    }

    /// What the configuration says of a peer; nothing of one that left it.
    pub(super) fn options(&self, peer: usize) -> PeerOptions {
        let view = self.config.view();
        let options = match self.peers[peer].kind {
            Kind::Configured(line) => view.neighbors.get(usize::from(line)).map(|line| view.options(line)),
            Kind::Dynamic(group) => view.groups.get(usize::from(group)).map(|group| group.options),
            Kind::Free | Kind::Leaving => None,
        };
        options.unwrap_or(PeerOptions::REST)
    }

    /// Whether a peer is to have a session at all.
    pub(super) fn is_wanted(&self, peer: usize) -> bool {
        let kind = self.peers[peer].kind;
        !matches!(kind, Kind::Free | Kind::Leaving)
            && !self.stopping.is_on()
            && !self.options(peer).flags.on(PeerFlags::SHUTDOWN)
    }

    /// The incoming slot of a peer that may connect to us waits in Active, not in Idle.
    pub(super) fn await_incoming(&mut self, peer: usize) {
        let listens = self.listeners[Family::of(self.peers[peer].address).index()].wanted;
        if listens && self.is_wanted(peer) && self.peers[peer].conns[INCOMING].state == State::Idle {
            let before = self.peers[peer].furthest().0;
            let now = self.now;
            self.peers[peer].conns[INCOMING].fire(
                Event::AutomaticStartPassive,
                Fault::NONE,
                now,
                &mut self.rand,
            );
            self.note_state(peer, before);
        }
    }

    /// `Connect` was answered: it is there.
    pub(super) fn connected(&mut self, id: ConnId, local: Endpoint) {
        let Some((peer, slot)) = self.alive(id) else { return };
        let conn = &mut self.peers[peer].conns[slot];
        if conn.tcp == Tcp::Dialing {
            conn.tcp = Tcp::Open;
            self.peers[peer].local = local.address;
            self.fire(peer, slot, Event::TcpCrAcked, Fault::NONE);
        }
    }

    /// `Connect` was answered: it will not be.
    pub(super) fn connect_failed(&mut self, id: ConnId, why: IoError) {
        let Some((peer, slot)) = self.alive(id) else { return };
        if self.peers[peer].conns[slot].tcp == Tcp::Dialing {
            self.peers[peer].conns[slot].forget();
            self.ended(peer, LastEnd::Connection(why as u8));
            self.fire(peer, slot, Event::TcpConnectionFails, Fault::NONE);
        }
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self, id: ConnId, why: IoError) {
        let Some((peer, slot)) = self.alive(id) else { return };
        let was = self.peers[peer].conns[slot].tcp;
        self.peers[peer].conns[slot].forget();
        if was == Tcp::Open || was == Tcp::Dialing {
            self.ended(peer, LastEnd::Connection(why as u8));
            self.fire(peer, slot, Event::TcpConnectionFails, Fault::NONE);
        }
        // An attempt that had to wait for the old connection to end need not wait any longer.
        let state = &mut self.peers[peer];
        if state.dial_at == Instant::ZERO && state.may_dial() {
            state.dial_at = self.now;
        }
        self.tidy(peer);
        self.touch(peer);
    }

    /// A dynamic peer whose last connection is gone, or a peer that left the configuration, gives its place back.
    pub(super) fn tidy(&mut self, peer: usize) {
        self.weigh_bfd(peer);
        if self.release(peer) {
            self.adopt_peers();
        }
    }

    /// Gives the place of a peer back if nothing of it is left; says whether it did.
    pub(super) fn release(&mut self, peer: usize) -> bool {
        let state = &self.peers[peer];
        let gone = match state.kind {
            Kind::Dynamic(_) => is_idle(state) && !state.is_remembered(self.now),
            Kind::Leaving => state.conns.iter().all(Conn::is_free),
            Kind::Free | Kind::Configured(_) => false,
        };
        if gone {
            self.vacate(peer);
        }
        gone
    }

    fn vacate(&mut self, peer: usize) {
        self.room(Limit::Peers);
        let state = &self.peers[peer];
        let generations = state.conns.map(|conn| (conn.generation, conn.dying));
        self.peers[peer] = Peer::REST;
        for (conn, (generation, dying)) in self.peers[peer].conns.iter_mut().zip(generations) {
            conn.generation = generation;
            conn.dying = dying;
        }
        self.weigh_bfd(peer);
    }

    /// A place for another peer: a free one, or that of one that came by itself and is only remembered.
    pub(super) fn free_place(&mut self) -> Option<usize> {
        let free = self.peers.iter().position(|peer| peer.kind == Kind::Free);
        free.or_else(|| self.forget_one())
    }

    /// Forgets one that came by itself and is only remembered; its place.
    pub(super) fn forget_one(&mut self) -> Option<usize> {
        let is_remembered = |peer: &Peer| matches!(peer.kind, Kind::Dynamic(_)) && is_idle(peer);
        let place = self.peers.iter().position(is_remembered)?;
        self.vacate(place);
        Some(place)
    }

    /// What we bring to a session with this peer.
    pub(super) fn local(&self, peer: usize) -> Local {
        let (view, options) = (self.config.view(), self.options(peer));
        let (keepalive, hold_time) = timers(view, &options);
        Local {
            asn: view.bgp.local_as,
            id: self.router_id,
            hold_time,
            keepalive,
            remote_as: options.remote_as,
            families: view.families(&options),
            extended_next_hop: extended_next_hop(self.peers[peer].address, &options),
            parameters: !self.peers[peer].plain,
        }
    }

    /// Whether the peer is one of our own AS, as far as the configuration tells.
    pub(super) fn is_internal(&self, peer: usize) -> bool {
        match self.options(peer).remote_as {
            RemoteAs::Internal => true,
            RemoteAs::Number(asn) => asn == self.config.view().bgp.local_as,
            RemoteAs::Unset | RemoteAs::External => false,
        }
    }

    /// Both OPENs are in and fit: is there another connection to the same peer (RFC 4271 section 6.8)?
    pub(super) fn collide(&mut self, peer: usize, slot: usize) {
        let other = 1 - slot;
        let session = self.peers[peer].conns[slot].session;
        let loser = match self.peers[peer].conns[other].state {
            State::Established => slot,
            State::OpenConfirm => {
                let ours = (self.router_id, self.config.view().bgp.local_as);
                let keep = keep_outgoing(ours, (session.remote_id, session.remote_as));
                if keep { INCOMING } else { OUTGOING }
            }
            _ => return,
        };
        self.fire(peer, loser, Event::OpenCollisionDump, Fault::NONE);
    }

    /// A session came up.
    fn session_up(&mut self, peer: usize, slot: usize) {
        let now = self.now;
        // The other connection has lost.
        match self.peers[peer].conns[1 - slot].state {
            State::Connect => self.fire(peer, 1 - slot, Event::ManualStop, Fault::NONE),
            State::OpenSent | State::OpenConfirm => {
                self.fire(peer, 1 - slot, Event::OpenCollisionDump, Fault::NONE);
            }
            _ => {}
        }
        self.up |= 1 << peer;
        self.bfd_guards_nothing(peer);
        let session = self.peers[peer].conns[slot].session;
        self.inbound.peer_up(peer, session.remote_id);
        let coalesce = self.config.view().bgp;
        let coalesce =
            if coalesce.flags.has(BgpFlags::COALESCE) { coalesce.coalesce_ms } else { COALESCE_MS };
        let state = &mut self.peers[peer];
        // That it is up says little: what the peer earned is forgotten when the session lasts.
        let earned = state.refusals > 0 || state.shorts > 0;
        state.dial_at = if earned { now + SHORT } else { Instant::ZERO };
        state.earned = Earned::Nothing;
        state.sessions = state.sessions.saturating_add(1);
        if !earned {
            state.turned_away = 0;
        }
        state.over_maximum = Families::NONE;
        (state.messages_in, state.messages_out, state.told) = (1, 1, 0);
        state.text_length = 0;
        state.batch = Batch {
            until: now + Duration::from_millis(coalesce.into()),
            end_of_rib: session.families,
            ..Batch::REST
        };
        // After short sessions it is told when it lasts.
        if state.shorts == 0 {
            state.lacks_next_hop = Families::NONE;
            self.tell_session(peer, slot);
        }
        self.begin_next_hops(peer, slot);
        self.owe_everything(peer);
        self.weigh_bfd(peer);
    }

    /// Tells that a session is up, and what it lacks.
    fn tell_session(&mut self, peer: usize, slot: usize) {
        let (address, session) = (self.peers[peer].address, self.peers[peer].conns[slot].session);
        let wanted = self.local(peer).families;
        self.record(Record::Established {
            peer: address,
            remote_as: session.remote_as,
            remote_id: session.remote_id,
            hold_time: session.hold_time,
        });
        if session.graceful_restart {
            self.record(Record::PeerOffersGracefulRestart { peer: address });
        }
        for family in wanted.iter().filter(|&family| !session.families.has(family)) {
            self.record(Record::FamilyNotAgreed { peer: address, family });
        }
    }

    /// A session went down: forget what the peer said and what it was told.
    fn session_down(&mut self, peer: usize) {
        self.up &= !(1 << peer);
        self.bfd_guards_nothing(peer);
        // What only waited for this peer to be told of its end has no place any more.
        for place in 0..self.routes.high() {
            if self.adj_out.told(peer, place) != 0 {
                // That a session ended is told once, not for each of its routes.
                self.adj_out.tell(peer, place, 0);
                self.forget_if_over(place);
            }
        }
        self.adj_out.end(peer, 0);
        self.call_the_waiting();
        let state = &mut self.peers[peer];
        state.batch = Batch::REST;
        state.dial_at = Instant::ZERO;
        state.plain = false;
        // A link that is down is waited for anyway.
        let path = state.last_end == LastEnd::LinkDown;
        if self.now - state.since < SHORT && !path && !planted!(NoPause) {
            let told = matches!(state.last_end, LastEnd::Received(..) | LastEnd::Sent(..));
            state.earned = if told { Earned::Told } else { Earned::Closed };
            state.shorts = state.shorts.saturating_add(1);
        } else if !state.is_backing_off() && self.now - state.since > LONGEST {
            // It has let us in for long: the refusals before that session say nothing any more.
            state.refusals = 0;
        }
        state.told = 0;
        state.lost_at = self.now;
        self.forget_routes_of(peer);
        self.note_all_malformed(peer);
    }

    /// The path to a peer is gone: nothing can be said any more (RFC 9384's subcode tells why, should it still arrive).
    pub(super) fn path_down(&mut self, peer: usize, end: LastEnd) {
        if self.peers[peer].conns.iter().any(|conn| conn.state >= State::OpenSent && !conn.is_free()) {
            self.ended(peer, end);
        }
        for slot in [OUTGOING, INCOMING] {
            if self.peers[peer].conns[slot].state >= State::Connect && !self.peers[peer].conns[slot].is_free()
            {
                let fault = Fault::new(cease::CODE, cease::BFD_DOWN);
                let conn = &self.peers[peer].conns[slot];
                let event = if conn.state == State::Connect {
                    Event::TcpConnectionFails
                } else {
                    Event::AutomaticStop
                };
                self.fire(peer, slot, event, fault);
            }
        }
    }

    /// Ends whatever there is with a peer: `subcode` of a Cease, or nothing to say.
    pub(super) fn stop_peer(&mut self, peer: usize, subcode: u8) {
        for slot in [OUTGOING, INCOMING] {
            if self.peers[peer].conns[slot].state != State::Idle {
                self.fire(peer, slot, Event::ManualStop, Fault::new(cease::CODE, subcode));
            }
        }
        self.peers[peer].dial_at = Instant::ZERO;
    }

    /// Where the peers are: on which link, and whether on a connected subnet.
    pub(super) fn find_peers(&mut self) {
        for peer in 0..P {
            let state = &self.peers[peer];
            if state.kind == Kind::Free {
                continue;
            }
            let named = {
                let view = self.config.view();
                let name = view.text(self.options(peer).interface);
                (!name.is_empty()).then(|| self.link_named(name)).flatten().map(|link| self.links()[link].id)
            };
            let (connected, link) = match state.address {
                // One that came by itself is where it came from.
                IpAddr::V6(v6) if v6.is_unicast_link_local() => match state.kind {
                    Kind::Dynamic(_) => (true, Some(LinkId(state.link))),
                    _ => (true, named),
                },
                address => {
                    // With the same subnet on several links, the one that is named.
                    let link = named.filter(|&link| self.is_subnet_on(address, link));
                    let link = link.or_else(|| self.near(address));
                    (link.is_some(), link)
                }
            };
            let link = link.unwrap_or_default();
            if (connected, link.0) != (self.peers[peer].connected, self.peers[peer].link) {
                self.peers[peer].connected = connected;
                self.peers[peer].link = link.0;
                self.want_link(link);
                self.ask_left_out(HostTable::Addresses);
                self.dial_soon(peer);
            }
            self.follow_next_hops(peer);
            self.weigh_bfd(peer);
        }
    }
}

/// Whether a peer has no connection.
fn is_idle(peer: &Peer) -> bool {
    peer.conns.iter().all(|conn| conn.is_free() && conn.state < State::OpenSent)
}

/// The cause as it is told.
pub(super) fn cause(end: LastEnd) -> Option<EndCause> {
    match end {
        LastEnd::None => None,
        LastEnd::Received(code, subcode) => Some(EndCause::NotificationReceived(code, subcode)),
        LastEnd::Sent(code, subcode) => Some(EndCause::NotificationSent(code, subcode)),
        LastEnd::Connection(why) => Some(EndCause::Connection(IoError::of(why))),
        LastEnd::LinkDown => Some(EndCause::LinkDown),
        LastEnd::BfdDown => Some(EndCause::BfdDown),
    }
}

/// The keepalive and the hold time that hold for a peer, in seconds.
pub(super) fn timers(view: ConfigView<'_>, options: &PeerOptions) -> (u16, u16) {
    if options.flags.given & PeerFlags::TIMERS != 0 {
        (options.keepalive, options.hold)
    } else if view.bgp.flags.has(BgpFlags::TIMERS) {
        (view.bgp.keepalive, view.bgp.hold)
    } else {
        TIMERS
    }
}

/// Whether IPv4 routes with IPv6 next hops are offered to a peer: over IPv6 that is their natural next hop, so it is
/// unless forbidden.
pub(super) fn extended_next_hop(address: IpAddr, options: &PeerOptions) -> bool {
    let said = options.flags.get(PeerFlags::EXTENDED_NEXT_HOP);
    said.unwrap_or(Family::of(address) == Family::Ipv6)
}
