//! What operators want of services, and who waits until every peer knows it.

use super::input::CommandResult;
use super::names::{CommandId, ServiceId};
use super::{Inner, PeerSet};
use crate::base::time::Instant;
use crate::bgp::conn::Owed;
use crate::config::{BgpFlags, ListRef, Service};
use crate::failover::posture::Wish;
use crate::failover::service::{ServiceState, Surroundings};

/// A command that is answered when what it asks for has reached every peer. One waits at a time. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// When the peers are not waited for any longer.
    until: Instant,
    /// Those who have not acknowledged everything yet.
    left: PeerSet,
    id: CommandId,
    /// One more than the place of the service; 0: all.
    service: u16,
    wish: Wish,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nobody waits.
    #[default]
    None,
    /// `drain-delay` runs.
    HandingOver,
    /// Peers have been told, or will be as soon as they read.
    Flushing,
    /// The answer is owed: all have acknowledged.
    Told,
    /// The answer is owed: `left` have not in time.
    TimedOut,
    /// The answer is owed: another wish took the place of this one.
    Replaced,
    /// The answer is owed: a reload removed the service.
    Gone,
    /// The answer is owed: the engine stops.
    Stopping,
}

impl Waiting {
    pub(super) const REST: Self = Self {
        until: Instant::ZERO,
        left: 0,
        id: CommandId(0),
        service: 0,
        wish: Wish::None,
        phase: Phase::None,
    };

    /// When to look again.
    pub(super) const fn deadline(&self) -> Instant {
        if matches!(self.phase, Phase::Flushing) { self.until } else { Instant::FAR }
    }

    /// The answer that is owed.
    pub(super) fn answer(&mut self) -> Option<(CommandId, CommandResult)> {
        let result = match self.phase {
            Phase::None | Phase::HandingOver | Phase::Flushing => return None,
            Phase::Told => CommandResult::Done,
            Phase::TimedOut => CommandResult::Unconfirmed { peers: self.left },
            Phase::Replaced => CommandResult::Replaced,
            Phase::Gone => CommandResult::NoSuchService,
            Phase::Stopping => CommandResult::Stopping,
        };
        self.phase = Phase::None;
        Some((self.id, result))
    }

    const fn is_on(&self) -> bool {
        matches!(self.phase, Phase::HandingOver | Phase::Flushing)
    }

    /// The engine is on its way out: that is waited for elsewhere.
    pub(super) const fn stop(&mut self) {
        if self.is_on() {
            self.phase = Phase::Stopping;
        }
    }

    /// A new configuration: `kept` tells which old service each new one continues.
    pub(super) fn follow(&mut self, kept: &[u16]) {
        if self.is_on() && self.service != 0 {
            match kept.iter().position(|&old| old == self.service) {
                Some(place) => self.service = place as u16 + 1,
                None => self.phase = Phase::Gone,
            }
        }
    }

    /// The peer has acknowledged everything.
    const fn confirm(&mut self, peer: usize) {
        self.left &= !(1 << peer);
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// An operator wants something of a service, or of all. `None`: it is answered later.
    pub(super) fn wish(
        &mut self,
        id: CommandId,
        service: Option<ServiceId>,
        wish: Wish,
        wait: bool,
    ) -> Option<CommandResult> {
        let count = self.config.view().services.len();
        let services = match service {
            None => 0..count,
            Some(ServiceId(place)) => usize::from(place)..count.min(usize::from(place) + 1),
        };
        if services.is_empty() {
            return Some(CommandResult::NoSuchService);
        }
        let lines = self.config.view().services.get(services.clone()).unwrap_or(&[]);
        if wish == Wish::Demote && lines.iter().any(|line| line.standby == ListRef::NONE) {
            return Some(CommandResult::NoStandby);
        }
        if wait && self.waiting.phase != Phase::None {
            return Some(CommandResult::Busy);
        }
        let mut news = false;
        for service in services {
            news |= self.services[service].wish(wish);
            self.services_owed.insert(service);
        }
        if !wait {
            return Some(if news { CommandResult::Done } else { CommandResult::Unchanged });
        }
        self.wait_for(id, service, wish)
    }

    /// A command is to be answered when this wish has reached every peer; it is granted already, or no longer. `None`: it is
    /// answered later.
    pub(super) fn wait_for(
        &mut self,
        id: CommandId,
        service: Option<ServiceId>,
        wish: Wish,
    ) -> Option<CommandResult> {
        let count = self.config.view().services.len();
        if service.map_or(count == 0, |service| usize::from(service.0) >= count) {
            return Some(CommandResult::NoSuchService);
        }
        if self.waiting.phase != Phase::None {
            return Some(CommandResult::Busy);
        }
        let service = service.map_or(0, |service| service.0 + 1);
        self.waiting = Waiting { id, service, wish, phase: Phase::HandingOver, ..Waiting::REST };
        None
    }

    /// What holds for all services alike.
    pub(super) fn surroundings(&self) -> Surroundings {
        Surroundings {
            stopping: self.stopping.is_on(),
            shutdown: self.config.view().bgp.flags.has(BgpFlags::GRACEFUL_SHUTDOWN),
            heard: self.up != 0,
        }
    }

    /// The next step of a command that waits; called once at the end of each call.
    pub(super) fn go_on_waiting(&mut self) {
        if !self.waiting.is_on() {
            return;
        }
        let place = usize::from(self.waiting.service).checked_sub(1);
        let lines = self.config.view().services;
        let places = place.map_or(0..lines.len(), |place| place..place + 1);
        let services = self.services.get(places.clone()).unwrap_or(&[]);
        if services.iter().all(|service| service.wished() != self.waiting.wish) {
            self.waiting.phase = Phase::Replaced;
            return;
        }
        if self.waiting.phase == Phase::HandingOver {
            if services.iter().any(ServiceState::is_handing_over) {
                return;
            }
            self.waiting.phase = Phase::Flushing;
            let timeouts =
                lines.get(places).unwrap_or(&[]).iter().map(|line| line.drain_timeout_ms.duration());
            self.waiting.until = self.now + timeouts.max().unwrap_or_default();
            self.waiting.left = self.up;
            for peer in 0..P {
                if let Some(slot) = self.peers[peer].established() {
                    self.peers[peer].conns[slot].owed.add(Owed::ASK_FLUSHED);
                    self.touch(peer);
                }
            }
        }
        // A session that ended took its routes with it.
        self.waiting.left &= self.up;
        if self.waiting.left == 0 {
            self.waiting.phase = Phase::Told;
        } else if self.now >= self.waiting.until {
            self.waiting.phase = Phase::TimedOut;
        }
    }

    /// `AskFlushed` was answered: the peer has acknowledged everything that was sent before the question.
    pub(super) fn acknowledged(&mut self, peer: usize, slot: usize) {
        let owed = &mut self.peers[peer].conns[slot].owed;
        owed.take(Owed::FLUSHING);
        if owed.has(Owed::ASK_FLUSHED) {
            // More was sent since, and is asked about next.
            return self.touch(peer);
        }
        self.waiting.confirm(peer);
        self.say_goodbye(peer, slot);
    }

    /// `bgp graceful-shutdown` begins or ends for what has no service: it is announced as going away for a while if anybody
    /// was told of it.
    pub(super) fn shut_down_routes(&mut self, before: bool) {
        let (now, around) = (self.now, self.surroundings());
        if around.shutdown && !before && around.heard {
            self.shutdown_at = now + Service::DEFAULT.drain_delay_ms.duration();
        } else if !around.shutdown {
            self.shutdown_at = Instant::ZERO;
        }
    }

    /// When what has no service is withdrawn by `bgp graceful-shutdown`.
    pub(super) const fn shutdown_deadline(&self) -> Instant {
        match self.shutdown_at {
            Instant::ZERO => Instant::FAR,
            at => at,
        }
    }

    /// It is time to withdraw them.
    pub(super) fn shutdown_timer(&mut self) {
        if self.now < self.shutdown_deadline() {
            return;
        }
        self.shutdown_at = Instant::ZERO;
        for place in 0..self.routes.high() {
            if self.routes.is_used(place) {
                self.weigh(place);
            }
        }
    }
}
