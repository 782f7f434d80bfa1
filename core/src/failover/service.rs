//! One service over time: it turns facts and moments into the [`Evidence`] of the decision.
//!
//! Feed facts ([`ServiceState::link`], [`presence`](ServiceState::presence), [`health`](ServiceState::health),
//! [`drain`](ServiceState::drain), [`undrain`](ServiceState::undrain)), then call [`ServiceState::decide`], and once more
//! when [`ServiceState::deadline`] has come. Durations are read from the configuration when they are needed, so that a
//! reload holds for delays that already run.

use super::posture::{Because, Drain, Evidence, Health, Posture, Presence, posture};
use crate::base::time::Instant;
use crate::config::{ListRef, Role, Service};

/// What a service remembers. All zero bits at rest: nothing known, nothing announced.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceState {
    /// When the posture became what it is.
    since: Instant,
    /// When link, address and checks became well the last time; meaningful while `flags` has `WELL`.
    well_since: Instant,
    /// When they became well for the first time; meaningful once `flags` has `STARTED`.
    started: Instant,
    /// When an operator drained it; meaningful while `flags` has `DRAINED`.
    drained: Instant,
    presence: Presence,
    health: Health,
    posture: Posture,
    because: Because,
    flags: u8,
}

const WELL: u8 = 1;
const STARTED: u8 = 1 << 1;
const DRAINED: u8 = 1 << 2;
const FAILED: u8 = 1 << 3;
/// The rest value is "up": most services are bound to `lo`.
const LINK_DOWN: u8 = 1 << 4;

impl ServiceState {
    /// Nothing known.
    pub const fn new() -> Self {
        Self {
            since: Instant::ZERO,
            well_since: Instant::ZERO,
            started: Instant::ZERO,
            drained: Instant::ZERO,
            presence: Presence::Undecided,
            health: Health::Unknown,
            posture: Posture::Undecided,
            because: Because::Starting,
            flags: 0,
        }
    }

    /// The fact: whether its link is up. Up until told otherwise.
    pub const fn link(&mut self, up: bool) {
        self.set(LINK_DOWN, !up);
    }

    /// The fact: whether any of its addresses is on this host (the best of
    /// [`AddressCell::presence`](super::reconcile::AddressCell::presence)).
    pub const fn presence(&mut self, presence: Presence) {
        self.presence = presence;
    }

    /// The fact: what its checks say together (see [`health::together`](super::health::together)).
    pub const fn health(&mut self, health: Health) {
        self.health = health;
    }

    /// An operator drains it; says whether it was not drained already.
    pub const fn drain(&mut self, now: Instant) -> bool {
        if self.is_drained() {
            return false;
        }
        self.drained = now;
        self.set(DRAINED, true);
        true
    }

    /// An operator takes it back; says whether it was drained. It is also what `no preempt` waits for, so it is worth
    /// saying of a service that is not drained.
    pub const fn undrain(&mut self) -> bool {
        let was = self.is_drained();
        self.set(DRAINED | FAILED, false);
        was
    }

    /// A configuration was taken over by the operator's wish: `no preempt` has been told.
    pub const fn reloaded(&mut self) {
        self.set(FAILED, false);
    }

    /// Decides anew. `Some`: the posture or its reason changed. `stopping`: the engine is on its way out.
    pub fn decide(&mut self, now: Instant, service: &Service, stopping: bool) -> Option<(Posture, Because)> {
        self.follow(now);
        let decision = posture(&self.evidence(now, service, stopping));
        if decision == (self.posture, self.because) {
            return None;
        }
        (self.posture, self.because) = decision;
        self.since = now;
        Some(decision)
    }

    /// Keeps what the delays count from, and whether an active service failed.
    fn follow(&mut self, now: Instant) {
        let well = !self.has(LINK_DOWN) && self.presence == Presence::Present && self.health == Health::Yes;
        if well && !self.has(WELL) {
            self.well_since = now;
            if !self.has(STARTED) {
                self.started = now;
                self.set(STARTED, true);
            }
        }
        if !well && self.posture == Posture::Active {
            self.set(FAILED, true);
        }
        self.set(WELL, well);
    }

    /// What the decision rests on now.
    pub fn evidence(&self, now: Instant, service: &Service, stopping: bool) -> Evidence {
        let passed = |wait: Option<Instant>| wait.is_none_or(|until| now >= until);
        Evidence {
            stopping,
            drain: match self.drain_until(service) {
                None => Drain::No,
                Some(until) if now < until => Drain::Running,
                Some(_) => Drain::Over,
            },
            link_up: !self.has(LINK_DOWN),
            presence: self.presence,
            health: self.health,
            start_delay_over: passed(self.start_until(service)),
            preempt_delay_over: passed(self.preempt_until(service)),
            failed_before: self.has(FAILED),
            no_preempt: service.no_preempt,
            role: service.role,
            has_standby: service.standby != ListRef::NONE,
            on_failure: service.on_failure,
        }
    }

    /// When to decide anew although nothing was heard; never, when no delay runs.
    pub fn deadline(&self, now: Instant, service: &Service) -> Instant {
        let waits = [self.drain_until(service), self.start_until(service), self.preempt_until(service)];
        waits.into_iter().flatten().filter(|&until| until > now).min().unwrap_or(Instant::FAR)
    }

    /// Whether its checks say that it is well, or it has none.
    pub fn is_healthy(&self) -> bool {
        self.health == Health::Yes
    }

    /// What it announces, as last decided.
    pub const fn posture(&self) -> Posture {
        self.posture
    }

    /// Why.
    pub const fn because(&self) -> Because {
        self.because
    }

    /// Since when.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Whether an operator drained it.
    pub const fn is_drained(&self) -> bool {
        self.has(DRAINED)
    }

    fn drain_until(&self, service: &Service) -> Option<Instant> {
        self.has(DRAINED).then(|| self.drained + service.drain_delay_ms.duration())
    }

    fn start_until(&self, service: &Service) -> Option<Instant> {
        self.has(STARTED).then(|| self.started + service.start_delay_ms.duration())
    }

    fn preempt_until(&self, service: &Service) -> Option<Instant> {
        let counts = self.has(WELL) && service.role == Role::Primary;
        counts.then(|| self.well_since + service.preempt_delay_ms.duration())
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    const fn set(&mut self, flags: u8, on: bool) {
        self.flags = if on { self.flags | flags } else { self.flags & !flags };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Millis, OnFailure, Span};

    const STANDBY: ListRef = ListRef { name: Span { start: 0, length: 1 }, first: 1 };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    /// A service whose address is there and whose checks pass, decided at 0.
    fn well(service: &Service) -> ServiceState {
        let mut state = ServiceState::new();
        state.presence(Presence::Present);
        state.health(Health::Yes);
        state.decide(at(0), service, false);
        state
    }

    fn after(state: &mut ServiceState, now: u64, service: &Service) -> (Posture, Because) {
        state.decide(at(now), service, false);
        (state.posture(), state.because())
    }

    #[test]
    fn it_is_small_and_zero_at_rest() {
        assert!(size_of::<ServiceState>() <= 40);
        let state = ServiceState::new();
        assert_eq!((state.posture(), state.flags), (Posture::Undecided, 0));
        assert_eq!((state.presence as u8, state.health as u8, state.because as u8), (0, 0, 0));
    }

    #[test]
    fn it_is_undecided_until_its_address_and_its_checks_are() {
        let service = Service::REST;
        let mut state = ServiceState::new();
        assert_eq!(state.decide(at(0), &service, false), None);
        state.presence(Presence::Present);
        assert_eq!(state.decide(at(1), &service, false), None);
        state.health(Health::Yes);
        assert_eq!(state.decide(at(2), &service, false), Some((Posture::Active, Because::Primary)));
        assert_eq!(state.decide(at(3), &service, false), None);
        assert_eq!(state.since(), at(2));
    }

    #[test]
    fn start_delay_runs_once_from_the_first_time_all_is_well() {
        let service = Service { start_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = ServiceState::new();
        state.presence(Presence::Present);
        assert_eq!(after(&mut state, 5_000, &service), (Posture::Undecided, Because::Starting));
        state.health(Health::Yes);
        assert_eq!(after(&mut state, 10_000, &service), (Posture::Withdrawn, Because::StartDelay));
        assert_eq!(state.deadline(at(10_000), &service), at(12_000));
        assert_eq!(after(&mut state, 11_999, &service), (Posture::Withdrawn, Because::StartDelay));
        assert_eq!(after(&mut state, 12_000, &service), (Posture::Active, Because::Primary));
        assert_eq!(state.deadline(at(12_000), &service), Instant::FAR);
        state.health(Health::No);
        assert_eq!(after(&mut state, 13_000, &service), (Posture::Withdrawn, Because::Unhealthy));
        state.health(Health::Yes);
        assert_eq!(after(&mut state, 13_001, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn preempt_delay_counts_from_healthy_and_stands_by_meanwhile() {
        let service = Service { preempt_delay_ms: Millis::of(30_000), standby: STANDBY, ..Service::REST };
        let mut state = well(&service);
        assert_eq!(state.posture(), Posture::Standby);
        assert_eq!(after(&mut state, 30_000, &service), (Posture::Active, Because::Primary));
        state.health(Health::No);
        assert_eq!(after(&mut state, 40_000, &service), (Posture::Withdrawn, Because::Unhealthy));
        state.health(Health::Yes);
        assert_eq!(after(&mut state, 50_000, &service), (Posture::Standby, Because::PreemptDelay));
        // A relapse starts it over.
        state.health(Health::No);
        after(&mut state, 60_000, &service);
        state.health(Health::Yes);
        after(&mut state, 61_000, &service);
        assert_eq!(state.deadline(at(61_000), &service), at(91_000));
        assert_eq!(after(&mut state, 90_999, &service), (Posture::Standby, Because::PreemptDelay));
        assert_eq!(after(&mut state, 91_000, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn preempt_delay_is_nothing_to_a_secondary() {
        let service = Service {
            preempt_delay_ms: Millis::of(30_000),
            role: Role::Secondary,
            standby: STANDBY,
            ..Service::REST
        };
        let state = well(&service);
        assert_eq!((state.posture(), state.because()), (Posture::Standby, Because::Secondary));
        assert_eq!(state.deadline(at(0), &service), Instant::FAR);
    }

    #[test]
    fn a_preempt_delay_that_a_reload_shortens_ends_at_once() {
        let long = Service { preempt_delay_ms: Millis::of(30_000), standby: STANDBY, ..Service::REST };
        let mut state = well(&long);
        let short = Service { preempt_delay_ms: Millis::of(1_000), ..long };
        assert_eq!(after(&mut state, 2_000, &short), (Posture::Active, Because::Primary));
    }

    #[test]
    fn no_preempt_holds_after_a_failure_until_told_otherwise() {
        let service = Service { no_preempt: true, standby: STANDBY, ..Service::REST };
        let undrain = |state: &mut ServiceState| {
            state.undrain();
        };
        for tell in [undrain, ServiceState::reloaded] {
            let mut state = well(&service);
            assert_eq!(state.posture(), Posture::Active);
            state.link(false);
            assert_eq!(after(&mut state, 1, &service), (Posture::Withdrawn, Because::LinkDown));
            state.link(true);
            assert_eq!(after(&mut state, 2, &service), (Posture::Standby, Because::NoPreempt));
            assert_eq!(after(&mut state, 9_000_000, &service), (Posture::Standby, Because::NoPreempt));
            tell(&mut state);
            assert_eq!(after(&mut state, 9_000_001, &service), (Posture::Active, Because::Primary));
        }
    }

    #[test]
    fn no_preempt_does_not_hold_at_the_first_start() {
        let service = Service { no_preempt: true, standby: STANDBY, ..Service::REST };
        let mut state = ServiceState::new();
        state.presence(Presence::Present);
        state.health(Health::No);
        after(&mut state, 0, &service);
        state.health(Health::Yes);
        assert_eq!(after(&mut state, 1, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn a_drain_is_announced_for_its_delay_and_then_withdrawn() {
        let service = Service { drain_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        assert!(state.drain(at(100)));
        assert!(!state.drain(at(200)));
        assert_eq!(after(&mut state, 100, &service), (Posture::Draining, Because::Drained));
        assert_eq!(state.deadline(at(100), &service), at(2_100));
        assert_eq!(after(&mut state, 2_100, &service), (Posture::Withdrawn, Because::Drained));
        assert!(state.is_drained());
        assert!(state.undrain());
        assert_eq!(after(&mut state, 3_000, &service), (Posture::Active, Because::Primary));
        assert!(!state.undrain());
    }

    #[test]
    fn a_drained_service_that_breaks_is_withdrawn_at_once() {
        let service = Service { drain_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        state.drain(at(100));
        after(&mut state, 100, &service);
        state.presence(Presence::Missing);
        assert_eq!(after(&mut state, 101, &service), (Posture::Withdrawn, Because::Drained));
    }

    #[test]
    fn a_drain_in_peace_is_no_failure() {
        let service =
            Service { no_preempt: true, standby: STANDBY, drain_delay_ms: Millis::of(1), ..Service::REST };
        let mut state = well(&service);
        state.drain(at(1));
        after(&mut state, 1, &service);
        after(&mut state, 2, &service);
        assert!(!state.evidence(at(2), &service, false).failed_before);
    }

    #[test]
    fn stopping_withdraws_whatever_else_holds() {
        let service = Service { on_failure: OnFailure::Standby, standby: STANDBY, ..Service::REST };
        let mut state = well(&service);
        assert_eq!(state.decide(at(1), &service, true), Some((Posture::Withdrawn, Because::Stopping)));
    }
}
