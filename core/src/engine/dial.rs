//! When a peer is dialed, from which address, and the timers of peers.

use core::net::IpAddr;

use super::Inner;
use super::input::IoError;
use super::record::Record;
use super::session::{INCOMING, OUTGOING, cause};
use crate::base::limits::{MESSAGE, SPARE_TRANSMIT};
use crate::base::net::{BgpId, Family, is_link_local};
use crate::base::time::Instant;
use crate::bgp::conn::{Owed, Tcp, Timer};
use crate::bgp::fsm::{Event, State};
use crate::bgp::peer::{Kind, LONGEST, LastEnd, Peer};
use crate::config::PeerFlags;
use crate::wire::notification::{Fault, send_hold_timer};

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Sets the time of the next attempt; with `begins`, one begins now and is given up then.
    pub(super) fn dial_later(&mut self, peer: usize, begins: bool) {
        let connect = self.options(peer).connect;
        let state = &mut self.peers[peer];
        let pause = state.pause(connect, begins, self.now, &mut self.rand);
        // Who came by itself is not dialed, and forgotten when what it earned is.
        let forgets = state.is_backing_off() && matches!(state.kind, Kind::Dynamic(_));
        state.dial_at = if forgets { state.lost_at + LONGEST } else { self.now + pause };
        self.touch(peer);
    }

    /// Something here speaks for trying at once. A pause that the peer earned is not cut short by it.
    pub(super) fn dial_soon(&mut self, peer: usize) {
        let now = self.now;
        let state = &mut self.peers[peer];
        if state.kind == Kind::Free || !state.may_dial() || state.is_held_off(now) {
            return;
        }
        if !state.is_backing_off() {
            state.lost_at = now;
        }
        state.dial_at = now;
        self.touch(peer);
    }

    /// What no peer could be dialed without is there now.
    pub(super) fn dial_all_soon(&mut self) {
        for peer in 0..P {
            self.dial_soon(peer);
        }
    }

    /// Whether it may be dialed now.
    fn may_dial(&self, peer: usize) -> bool {
        let state = &self.peers[peer];
        self.is_wanted(peer)
            && matches!(state.kind, Kind::Configured(_))
            && !self.options(peer).flags.on(PeerFlags::PASSIVE)
            && self.addresses_known
            && self.router_id != BgpId(0)
            && state.may_dial()
            && self.bfd_permits(peer)
            && matches!(state.conns[OUTGOING].tcp, Tcp::None | Tcp::Dialing)
            && self.has_room(peer, OUTGOING)
    }

    /// Whether a new connection in this slot would have its part of the transmit buffer to itself: a message that the other
    /// one, on its way out, has begun to send may lie there.
    pub(super) fn has_room(&self, peer: usize, slot: usize) -> bool {
        usize::from(self.peers[peer].conns[1 - slot].filled) <= MESSAGE - SPARE_TRANSMIT
    }

    fn dial(&mut self, peer: usize) {
        // An attempt that is begun anew, for the way to the peer is another one now, has not failed.
        let anew = self.peers[peer].dial_at == self.peers[peer].lost_at;
        self.peers[peer].dial_at = Instant::ZERO;
        self.session_lasts(peer);
        let state = &mut self.peers[peer];
        if matches!(state.kind, Kind::Dynamic(_)) {
            if state.is_remembered(self.now) {
                state.dial_at = state.lost_at + LONGEST;
            } else {
                self.tidy(peer);
            }
            return;
        }
        // Whatever stands in the way will call again: an old connection when it has ended, the host when it is known.
        if !self.may_dial(peer) {
            return;
        }
        if self.lacks_source(peer) {
            self.ended(peer, LastEnd::Connection(IoError::AddressUnavailable as u8));
            return self.dial_later(peer, false);
        }
        let event = match self.peers[peer].conns[OUTGOING].state {
            State::Idle => Event::AutomaticStart,
            State::Connect | State::Active => Event::ConnectRetryTimerExpires,
            _ => return,
        };
        if self.peers[peer].conns[OUTGOING].tcp == Tcp::Dialing && !anew {
            self.ended(peer, LastEnd::Connection(IoError::TimedOut as u8));
        }
        self.fire(peer, OUTGOING, event, Fault::NONE);
    }

    /// The address that we dial a peer from; `None`: the host may choose.
    pub(super) fn source(&self, peer: usize) -> Option<IpAddr> {
        let (state, options) = (&self.peers[peer], self.options(peer));
        let family = Family::of(state.address);
        if !options.update_source.is_unspecified() {
            return Some(options.update_source);
        }
        let view = self.config.view();
        if is_link_local(state.address) && family == Family::Ipv6 {
            return None;
        }
        let name = view.text(options.interface);
        if !name.is_empty() {
            return self.link_named(name).and_then(|link| self.named_on(self.links()[link].id, family));
        }
        self.own_near(state.address).or_else(|| self.only_own(family))
    }

    /// Whether the interface that a peer is to be dialed from has no address for that: from another one it is not dialed.
    fn lacks_source(&self, peer: usize) -> bool {
        let (address, options) = (self.peers[peer].address, self.options(peer));
        let by_link = Family::of(address) == Family::Ipv6 && is_link_local(address);
        !by_link && !options.interface.is_empty() && self.source(peer).is_none()
    }

    /// The timers of peers that have expired.
    pub(super) fn peer_timers(&mut self) {
        if self.now < self.peers_at {
            return;
        }
        for peer in 0..P {
            if self.peers[peer].kind != Kind::Free && peer_deadline(&self.peers[peer]) <= self.now {
                self.timers_of(peer);
            }
        }
        self.peers_at = self.peers.iter().map(peer_deadline).min().unwrap_or(Instant::FAR);
    }

    fn timers_of(&mut self, peer: usize) {
        let now = self.now;
        for slot in [OUTGOING, INCOMING] {
            for timer in Timer::ALL {
                let conn = &mut self.peers[peer].conns[slot];
                if conn.timer(timer).is_none_or(|at| at > now) {
                    continue;
                }
                conn.stop(timer);
                match timer {
                    Timer::Hold if conn.is_ending() => {
                        conn.owed.add(Owed::ABORT);
                        self.touch(peer);
                    }
                    Timer::Hold => self.fire(peer, slot, Event::HoldTimerExpires, Fault::NONE),
                    Timer::Keepalive => self.fire(peer, slot, Event::KeepaliveTimerExpires, Fault::NONE),
                    Timer::SendHold => {
                        self.ended(peer, LastEnd::Sent(send_hold_timer::CODE, 0));
                        self.fire(peer, slot, Event::SendHoldTimerExpires, Fault::NONE);
                    }
                }
            }
        }
        let state = &mut self.peers[peer];
        if state.batch.until != Instant::ZERO && state.batch.until <= now {
            state.batch.until = Instant::ZERO;
            self.ready |= 1 << peer;
        }
        let missed = state.missed_at != Instant::ZERO && state.missed_at <= now;
        if state.dial_at != Instant::ZERO && state.dial_at <= now {
            self.dial(peer);
        }
        if missed {
            self.note_missed(peer);
        }
    }

    /// There is still no session: told once, with why the last attempt failed.
    fn note_missed(&mut self, peer: usize) {
        self.peers[peer].missed_at = Instant::ZERO;
        let state = &self.peers[peer];
        if state.established().is_none() && matches!(state.kind, Kind::Configured(_)) && self.is_wanted(peer)
        {
            let (peer, why) = (state.address, cause(state.last_end));
            self.record(Record::NoSession { peer, why });
        }
    }
}

/// When the next timer of a peer expires.
pub(super) fn peer_deadline(peer: &Peer) -> Instant {
    let timer = |at: Instant| if at == Instant::ZERO { Instant::FAR } else { at };
    let [outgoing, incoming] = &peer.conns;
    let own = timer(peer.dial_at).min(timer(peer.batch.until)).min(timer(peer.missed_at));
    outgoing.deadline().min(incoming.deadline()).min(own)
}
