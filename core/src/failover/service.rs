//! One service over time: it turns facts and moments into the [`Evidence`] of the decision.
//!
//! Feed facts ([`ServiceState::link`], [`presence`](ServiceState::presence), [`health`](ServiceState::health),
//! [`wish`](ServiceState::wish)), then call [`ServiceState::decide`], and once more when [`ServiceState::deadline`] has
//! come. Durations are read from the configuration when they are needed, so that a reload holds for delays that already
//! run.

use super::dampen::{Dampen, Damping};
use super::posture::{Because, Drain, Evidence, Health, Past, Posture, Presence, Wish, posture};
use crate::base::time::Instant;
use crate::config::{ListRef, Millis, Role, Service};

/// What a service remembers. All zero bits at rest: nothing known, nothing announced.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServiceState {
    /// When the posture became what it is.
    since: Instant,
    /// When link, address and checks became well the last time; meaningful while `flags` has `WELL`.
    well_since: Instant,
    damping: Damping,
    presence: Presence,
    health: Health,
    posture: Posture,
    because: Because,
    wish: Wish,
    /// What the shim keeps of it.
    kept: Past,
    flags: u8,
}

const WELL: u8 = 1;
/// `start-delay` was over once.
const STARTED: u8 = 1 << 1;
/// It is drained, by the wish or with all others.
const DRAINING: u8 = 1 << 2;
/// Its drain is over: nothing is announced any more.
const DRAINED: u8 = 1 << 3;
const FAILED: u8 = 1 << 4;
/// The rest value is "up": most services are bound to `lo`.
const LINK_DOWN: u8 = 1 << 5;
/// Damping holds it down.
const HELD: u8 = 1 << 6;
/// It was active in this run.
const ACTED: u8 = 1 << 7;

/// What holds for all services alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// The engine is on its way out.
    pub stopping: bool,
    /// `bgp graceful-shutdown`: every service is drained that is not forced.
    pub shutdown: bool,
    /// Somebody listens: a session is up. Without one there is nobody to hand over to, and a drain is over at once.
    pub heard: bool,
}

impl ServiceState {
    /// Nothing known.
    pub(crate) const fn new() -> Self {
        Self {
            since: Instant::ZERO,
            well_since: Instant::ZERO,
            damping: Damping::new(),
            presence: Presence::Undecided,
            health: Health::Unknown,
            posture: Posture::Undecided,
            because: Because::Starting,
            wish: Wish::None,
            kept: Past::Clear,
            flags: 0,
        }
    }

    /// A service of an address that was announced until this moment, for another line of the configuration: it goes on as one
    /// that works, without the delays of a start, until an address, a link or a check says otherwise.
    pub(crate) const fn taking_over() -> Self {
        Self {
            presence: Presence::Present,
            health: Health::Yes,
            posture: Posture::Active,
            flags: WELL | STARTED,
            ..Self::new()
        }
    }

    /// The fact: whether its link is up. Up until told otherwise.
    pub(crate) const fn link(&mut self, up: bool) {
        self.set(LINK_DOWN, !up);
    }

    /// The fact: whether any of its addresses is on this host (the best of
    /// [`AddressCell::presence`](super::reconcile::AddressCell::presence)).
    pub(crate) const fn presence(&mut self, presence: Presence) {
        self.presence = presence;
    }

    /// The fact: what its checks say together (see [`health::together`](super::health::together)). From good to bad is a
    /// failure, which damping counts.
    pub(crate) fn health(&mut self, now: Instant, health: Health, service: &Service) {
        let failed = self.health == Health::Yes && health == Health::No;
        self.health = health;
        if failed && self.damping.fail(now, &dampen(service)) {
            self.set(HELD, true);
        }
    }

    /// What an operator wants from now on; says whether that is news. No wish is also what `no preempt` waits for, so it is
    /// worth saying of a service that has none.
    pub(crate) fn wish(&mut self, wish: Wish) -> bool {
        let news = self.wish != wish || (wish == Wish::None && self.has(FAILED));
        self.wish = wish;
        if wish == Wish::None {
            self.set(FAILED, false);
        }
        news
    }

    /// A configuration was taken over by the operator's wish: `no preempt` has been told.
    pub(crate) const fn reloaded(&mut self) {
        self.set(FAILED, false);
    }

    /// What an earlier run left to be known of it. Unless that one ended in good order, another machine may have taken over.
    pub(crate) fn recall(&mut self, past: Past, service: &Service) {
        self.kept = past;
        if past != Past::Clear && service.no_preempt {
            self.set(FAILED, true);
        }
    }

    /// The way out begins. What is active now may be active again at the next start.
    pub(crate) fn stop(&mut self) {
        if self.posture == Posture::Active {
            self.set(FAILED, false);
        }
    }

    /// The way out is over: all is withdrawn, and the run ends in good order.
    pub(crate) const fn stopped(&mut self) {
        self.set(ACTED, false);
    }

    /// What the next run must know of it.
    pub(crate) const fn past(&self, service: &Service) -> Past {
        match (service.no_preempt, self.has(FAILED), self.has(ACTED)) {
            (true, true, _) => Past::GaveWay,
            (true, false, true) => Past::Active,
            _ => Past::Clear,
        }
    }

    /// What the shim was told to keep of it.
    pub(crate) const fn kept(&self) -> Past {
        self.kept
    }

    /// The shim is told to keep this.
    pub(crate) const fn keep(&mut self, past: Past) {
        self.kept = past;
    }

    /// Decides anew. `Some`: the posture or its reason changed.
    pub(crate) fn decide(
        &mut self,
        now: Instant,
        service: &Service,
        around: Surroundings,
    ) -> Option<(Posture, Because)> {
        self.follow(now, service, around);
        self.follow_drain(now, service, around);
        let decision = posture(&self.evidence(now, service, around));
        if decision.0 == Posture::Active {
            self.set(ACTED, true);
        }
        if decision == (self.posture, self.because) {
            return None;
        }
        (self.posture, self.because) = decision;
        self.since = now;
        Some(decision)
    }

    /// Keeps what the delays count from, and whether an active service failed.
    fn follow(&mut self, now: Instant, service: &Service, around: Surroundings) {
        let well = !self.has(LINK_DOWN) && self.presence == Presence::Present && self.health == Health::Yes;
        if well && !self.has(WELL) {
            self.well_since = now;
        }
        if !well && self.posture == Posture::Active && !around.stopping {
            self.set(FAILED, true);
        }
        self.set(WELL, well);
        if self.start_until(service).is_some_and(|until| now >= until) {
            self.set(STARTED, true);
        }
        if self.held_until(now, service).is_none_or(|until| now >= until) {
            self.set(HELD, false);
        }
    }

    /// Keeps how far a drain has come. One that finds nothing announced, or nobody to tell, is over at once, and one that is
    /// over stays so: a drain hands over, it never raises anything.
    fn follow_drain(&mut self, now: Instant, service: &Service, around: Surroundings) {
        let drained = self.wish == Wish::Drain || (around.shutdown && self.wish != Wish::Force);
        if drained && !self.has(DRAINING) {
            let at_once =
                !self.posture.announces() || !around.heard || service.drain_delay_ms == Millis::ZERO;
            self.set(DRAINED, at_once);
        }
        self.set(DRAINING, drained);
        if !drained {
            self.set(DRAINED, false);
            return;
        }
        let going = Evidence { drain: Drain::Running, ..self.evidence(now, service, around) };
        if self.drain_until(service).is_some_and(|until| now >= until) || !posture(&going).0.announces() {
            self.set(DRAINED, true);
        }
    }

    /// What the decision rests on now.
    pub(crate) fn evidence(&self, now: Instant, service: &Service, around: Surroundings) -> Evidence {
        Evidence {
            stopping: around.stopping,
            drain: match (self.has(DRAINING), self.has(DRAINED)) {
                (false, _) => Drain::No,
                (true, false) => Drain::Running,
                (true, true) => Drain::Over,
            },
            wish: self.wish,
            link_up: !self.has(LINK_DOWN),
            presence: self.presence,
            health: self.health,
            damped: self.has(HELD),
            start_delay_over: self.has(STARTED),
            preempt_delay_over: self.preempt_until(service).is_none_or(|until| now >= until),
            failed_before: self.has(FAILED),
            no_preempt: service.no_preempt,
            role: service.role,
            has_standby: service.standby != ListRef::NONE,
            on_failure: service.on_failure,
        }
    }

    /// When to decide anew although nothing was heard; never, when no delay runs.
    pub(crate) fn deadline(&self, now: Instant, service: &Service) -> Instant {
        let held = self.held_until(now, service);
        let waits = [self.drain_until(service), self.start_until(service), self.preempt_until(service), held];
        waits.into_iter().flatten().filter(|&until| until > now).min().unwrap_or(Instant::FAR)
    }

    /// Whether its checks say that it is well, or it has none.
    pub(crate) fn is_healthy(&self) -> bool {
        self.health == Health::Yes
    }

    /// What it announces, as last decided.
    pub(crate) const fn posture(&self) -> Posture {
        self.posture
    }

    /// Why.
    pub(crate) const fn because(&self) -> Because {
        self.because
    }

    /// Since when.
    pub(crate) const fn since(&self) -> Instant {
        self.since
    }

    /// What an operator wants.
    pub(crate) const fn wished(&self) -> Wish {
        self.wish
    }

    /// Whether it is being drained and that is not over.
    pub(crate) const fn is_handing_over(&self) -> bool {
        self.has(DRAINING) && !self.has(DRAINED)
    }

    /// Until when damping holds it down; `None`: it does not.
    pub(crate) fn held_until(&self, now: Instant, service: &Service) -> Option<Instant> {
        self.has(HELD).then(|| self.damping.held_until(now, &dampen(service))).flatten()
    }

    /// A drain that runs began when the posture became what it is.
    fn drain_until(&self, service: &Service) -> Option<Instant> {
        let runs = self.is_handing_over() && self.posture == Posture::Draining;
        runs.then(|| self.since + service.drain_delay_ms.duration())
    }

    fn start_until(&self, service: &Service) -> Option<Instant> {
        let runs = self.has(WELL) && !self.has(STARTED);
        runs.then(|| self.well_since + service.start_delay_ms.duration())
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

/// What `dampen` says of a service.
const fn dampen(service: &Service) -> Dampen {
    Dampen {
        failures: service.dampen_failures,
        within: service.dampen_within_ms.duration(),
        hold: service.dampen_hold_ms.duration(),
        max: service.dampen_max_ms.duration(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OnFailure, Span};

    const STANDBY: ListRef = ListRef { name: Span { start: 0, length: 1 }, first: 1 };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    /// Nothing special: a session is up.
    const AROUND: Surroundings = Surroundings { stopping: false, shutdown: false, heard: true };

    /// A service whose address is there and whose checks pass, decided at 0.
    fn well(service: &Service) -> ServiceState {
        let mut state = ServiceState::new();
        state.presence(Presence::Present);
        state.health(at(0), Health::Yes, service);
        state.decide(at(0), service, AROUND);
        state
    }

    fn after(state: &mut ServiceState, now: u64, service: &Service) -> (Posture, Because) {
        state.decide(at(now), service, AROUND);
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
        assert_eq!(state.decide(at(0), &service, AROUND), None);
        state.presence(Presence::Present);
        assert_eq!(state.decide(at(1), &service, AROUND), None);
        state.health(at(0), Health::Yes, &service);
        assert_eq!(state.decide(at(2), &service, AROUND), Some((Posture::Active, Because::Primary)));
        assert_eq!(state.decide(at(3), &service, AROUND), None);
        assert_eq!(state.since(), at(2));
    }

    #[test]
    fn start_delay_runs_once_from_the_first_time_all_is_well() {
        let service = Service { start_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = ServiceState::new();
        state.presence(Presence::Present);
        assert_eq!(after(&mut state, 5_000, &service), (Posture::Undecided, Because::Starting));
        state.health(at(0), Health::Yes, &service);
        assert_eq!(after(&mut state, 10_000, &service), (Posture::Withdrawn, Because::StartDelay));
        assert_eq!(state.deadline(at(10_000), &service), at(12_000));
        assert_eq!(after(&mut state, 11_999, &service), (Posture::Withdrawn, Because::StartDelay));
        assert_eq!(after(&mut state, 12_000, &service), (Posture::Active, Because::Primary));
        assert_eq!(state.deadline(at(12_000), &service), Instant::FAR);
        state.health(at(0), Health::No, &service);
        assert_eq!(after(&mut state, 13_000, &service), (Posture::Withdrawn, Because::Unhealthy));
        state.health(at(0), Health::Yes, &service);
        assert_eq!(after(&mut state, 13_001, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn preempt_delay_counts_from_healthy_and_stands_by_meanwhile() {
        let service = Service { preempt_delay_ms: Millis::of(30_000), standby: STANDBY, ..Service::REST };
        let mut state = well(&service);
        assert_eq!(state.posture(), Posture::Standby);
        assert_eq!(after(&mut state, 30_000, &service), (Posture::Active, Because::Primary));
        state.health(at(0), Health::No, &service);
        assert_eq!(after(&mut state, 40_000, &service), (Posture::Withdrawn, Because::Unhealthy));
        state.health(at(0), Health::Yes, &service);
        assert_eq!(after(&mut state, 50_000, &service), (Posture::Standby, Because::PreemptDelay));
        // A relapse starts it over.
        state.health(at(0), Health::No, &service);
        after(&mut state, 60_000, &service);
        state.health(at(0), Health::Yes, &service);
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
            assert!(state.wish(Wish::None));
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
        state.health(at(0), Health::No, &service);
        after(&mut state, 0, &service);
        state.health(at(0), Health::Yes, &service);
        assert_eq!(after(&mut state, 1, &service), (Posture::Active, Because::Primary));
    }

    /// The state at the start of the next run, after one that left this to be known.
    fn next_run(past: Past, service: &Service) -> ServiceState {
        let mut state = ServiceState::new();
        state.recall(past, service);
        state.presence(Presence::Present);
        state.health(at(0), Health::Yes, service);
        state.decide(at(0), service, AROUND);
        state
    }

    #[test]
    fn a_run_that_did_not_end_in_good_order_stands_by_at_the_next_start_until_told_otherwise() {
        let service = Service { no_preempt: true, standby: STANDBY, ..Service::REST };
        for past in [Past::Active, Past::GaveWay, Past::Unknown] {
            for wish in [Wish::None, Wish::Promote] {
                let mut state = next_run(past, &service);
                assert_eq!((state.posture(), state.because()), (Posture::Standby, Because::NoPreempt));
                assert_eq!(state.past(&service), Past::GaveWay);
                assert_eq!(after(&mut state, 9_000_000, &service), (Posture::Standby, Because::NoPreempt));
                assert!(state.wish(wish));
                assert_eq!(after(&mut state, 9_000_001, &service).0, Posture::Active, "{past:?} {wish:?}");
            }
            // Without the statement it takes over, and nothing is kept any longer.
            let preempts = Service { no_preempt: false, ..service };
            let state = next_run(past, &preempts);
            assert_eq!(state.posture(), Posture::Active);
            assert_eq!(state.past(&preempts), Past::Clear);
        }
        let state = next_run(Past::Clear, &service);
        assert_eq!((state.posture(), state.because()), (Posture::Active, Because::Primary));
    }

    #[test]
    fn what_is_kept_follows_what_happens() {
        let service = Service { no_preempt: true, standby: STANDBY, ..Service::REST };
        let mut state = ServiceState::new();
        assert_eq!(state.past(&service), Past::Clear);
        // What was never active leaves nothing.
        state.presence(Presence::Present);
        state.health(at(0), Health::No, &service);
        after(&mut state, 0, &service);
        assert_eq!(state.past(&service), Past::Clear);
        state.health(at(1), Health::Yes, &service);
        after(&mut state, 1, &service);
        assert_eq!(state.past(&service), Past::Active);
        // A drain is the operator's, and what is drained was active all the same.
        state.wish(Wish::Drain);
        after(&mut state, 2, &service);
        assert_eq!(state.past(&service), Past::Active);
        state.wish(Wish::None);
        after(&mut state, 3, &service);
        state.link(false);
        after(&mut state, 4, &service);
        assert_eq!(state.past(&service), Past::GaveWay);
        state.link(true);
        after(&mut state, 5, &service);
        assert_eq!(state.past(&service), Past::GaveWay);
        state.wish(Wish::None);
        after(&mut state, 6, &service);
        assert_eq!(state.past(&service), Past::Active);
    }

    #[test]
    fn a_stop_in_good_order_leaves_nothing_unless_the_service_had_given_way() {
        let service = Service { no_preempt: true, standby: STANDBY, ..Service::REST };
        let stopping = Surroundings { stopping: true, ..AROUND };
        let end = |state: &mut ServiceState| {
            state.stop();
            state.decide(at(10), &service, stopping);
            let during = state.past(&service);
            state.stopped();
            (during, state.past(&service))
        };
        let mut active = well(&service);
        // A way out that does not come to its end is a crash.
        assert_eq!(end(&mut active), (Past::Active, Past::Clear));
        let mut failed = well(&service);
        failed.health(at(1), Health::No, &service);
        after(&mut failed, 1, &service);
        assert_eq!(end(&mut failed), (Past::GaveWay, Past::GaveWay));
        // One that an operator made active again is active at its stop, whatever was before, and whatever its checks say.
        for (wish, health) in [(Wish::Promote, Health::Yes), (Wish::Force, Health::No)] {
            let mut state = next_run(Past::GaveWay, &service);
            state.wish(wish);
            state.health(at(1), health, &service);
            after(&mut state, 1, &service);
            assert_eq!(end(&mut state), (Past::Active, Past::Clear), "{wish:?}");
        }
    }

    #[test]
    fn a_drain_is_announced_for_its_delay_and_then_withdrawn() {
        let service = Service { drain_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        assert!(state.wish(Wish::Drain));
        assert!(!state.wish(Wish::Drain));
        assert_eq!(after(&mut state, 100, &service), (Posture::Draining, Because::Drained));
        assert_eq!(state.deadline(at(100), &service), at(2_100));
        assert_eq!(after(&mut state, 2_100, &service), (Posture::Withdrawn, Because::Drained));
        assert!(state.wish(Wish::None));
        assert_eq!(after(&mut state, 3_000, &service), (Posture::Active, Because::Primary));
        assert!(!state.wish(Wish::None));
    }

    #[test]
    fn a_drained_service_that_breaks_is_withdrawn_at_once() {
        let service = Service { drain_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        state.wish(Wish::Drain);
        after(&mut state, 100, &service);
        state.presence(Presence::Missing);
        assert_eq!(after(&mut state, 101, &service), (Posture::Withdrawn, Because::Drained));
        // And it is not raised again, though its drain-delay runs.
        state.presence(Presence::Present);
        assert_eq!(after(&mut state, 102, &service), (Posture::Withdrawn, Because::Drained));
    }

    #[test]
    fn a_drain_without_a_delay_withdraws_at_once() {
        let service = Service { drain_delay_ms: Millis::ZERO, ..Service::REST };
        let mut state = well(&service);
        state.wish(Wish::Drain);
        assert_eq!(after(&mut state, 100, &service), (Posture::Withdrawn, Because::Drained));
    }

    #[test]
    fn a_drain_of_what_nobody_was_told_is_over_at_once() {
        let service = Service { drain_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        state.wish(Wish::Drain);
        let alone = Surroundings { heard: false, ..AROUND };
        assert_eq!(state.decide(at(1), &service, alone), Some((Posture::Withdrawn, Because::Drained)));
        // A wish that is there before the first decision.
        let mut state = ServiceState::new();
        state.wish(Wish::Drain);
        state.decide(at(0), &service, AROUND);
        state.presence(Presence::Present);
        state.health(at(1), Health::Yes, &service);
        assert_eq!(after(&mut state, 1, &service), (Posture::Withdrawn, Because::Drained));
        assert_eq!(state.deadline(at(1), &service), Instant::FAR);
    }

    #[test]
    fn a_graceful_shutdown_drains_whatever_is_wished_but_force() {
        let service = Service { drain_delay_ms: Millis::of(2_000), standby: STANDBY, ..Service::REST };
        let shutdown = Surroundings { shutdown: true, ..AROUND };
        for wish in [Wish::None, Wish::Promote, Wish::Demote, Wish::Drain] {
            let mut state = well(&service);
            state.wish(wish);
            after(&mut state, 1, &service);
            assert_eq!(state.decide(at(100), &service, shutdown).is_some(), wish != Wish::Drain);
            assert_eq!((state.posture(), state.because()), (Posture::Draining, Because::Drained), "{wish:?}");
            state.decide(at(2_100), &service, shutdown);
            assert_eq!(state.posture(), Posture::Withdrawn, "{wish:?}");
            let back = state.decide(at(2_200), &service, AROUND);
            assert_eq!(back.is_none(), wish == Wish::Drain, "{wish:?}");
        }
        let mut state = well(&service);
        state.wish(Wish::Force);
        assert_eq!(state.decide(at(1), &service, shutdown), Some((Posture::Active, Because::Forced)));
    }

    #[test]
    fn three_failures_in_a_minute_hold_a_service_down_for_three_seconds() {
        let service = Service { standby: STANDBY, ..Service::DEFAULT };
        let mut state = well(&service);
        for time in [10, 20, 30] {
            state.health(at(time), Health::No, &service);
            assert_eq!(after(&mut state, time, &service), (Posture::Withdrawn, Because::Unhealthy));
            state.health(at(time + 5), Health::Yes, &service);
            let expected = if time < 30 {
                (Posture::Active, Because::Primary)
            } else {
                (Posture::Standby, Because::Damped)
            };
            assert_eq!(after(&mut state, time + 5, &service), expected);
        }
        assert_eq!(state.deadline(at(35), &service), at(3_040));
        assert_eq!(state.held_until(at(35), &service), Some(at(3_040)));
        assert_eq!(after(&mut state, 3_039, &service), (Posture::Standby, Because::Damped));
        assert_eq!(after(&mut state, 3_040, &service), (Posture::Active, Because::Primary));
        assert_eq!(
            (state.held_until(at(3_040), &service), state.deadline(at(3_040), &service)),
            (None, Instant::FAR)
        );
        // One more failure begins no hold.
        state.health(at(4_000), Health::No, &service);
        state.health(at(4_001), Health::Yes, &service);
        assert_eq!(after(&mut state, 4_001, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn a_damped_service_without_standby_attributes_is_withdrawn_and_force_overrides() {
        let service = Service::DEFAULT;
        let mut state = well(&service);
        for time in [10, 20, 30] {
            state.health(at(time), Health::No, &service);
            state.health(at(time), Health::Yes, &service);
        }
        assert_eq!(after(&mut state, 30, &service), (Posture::Withdrawn, Because::Damped));
        state.wish(Wish::Promote);
        assert_eq!(after(&mut state, 31, &service), (Posture::Withdrawn, Because::Damped));
        state.wish(Wish::Force);
        assert_eq!(after(&mut state, 32, &service), (Posture::Active, Because::Forced));
    }

    #[test]
    fn an_address_or_a_link_that_comes_and_goes_is_no_failure_to_damp() {
        let service = Service::REST;
        let mut state = well(&service);
        for time in 1..20 {
            state.presence(if time % 2 == 0 { Presence::Present } else { Presence::Missing });
            state.link(time % 3 == 0);
            after(&mut state, time, &service);
        }
        state.presence(Presence::Present);
        state.link(true);
        assert_eq!(after(&mut state, 30, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn a_relapse_during_start_delay_starts_it_over() {
        let service = Service { start_delay_ms: Millis::of(2_000), ..Service::REST };
        let mut state = well(&service);
        state.health(at(1_000), Health::No, &service);
        after(&mut state, 1_000, &service);
        state.health(at(1_500), Health::Yes, &service);
        assert_eq!(after(&mut state, 2_000, &service), (Posture::Withdrawn, Because::StartDelay));
        assert_eq!(after(&mut state, 4_000, &service), (Posture::Active, Because::Primary));
    }

    #[test]
    fn a_drain_in_peace_is_no_failure() {
        let service =
            Service { no_preempt: true, standby: STANDBY, drain_delay_ms: Millis::of(1), ..Service::REST };
        let mut state = well(&service);
        state.wish(Wish::Drain);
        after(&mut state, 1, &service);
        after(&mut state, 2, &service);
        assert!(!state.evidence(at(2), &service, AROUND).failed_before);
    }

    #[test]
    fn stopping_withdraws_whatever_else_holds() {
        let service = Service { on_failure: OnFailure::Standby, standby: STANDBY, ..Service::REST };
        let mut state = well(&service);
        assert_eq!(
            state.decide(at(1), &service, Surroundings { stopping: true, ..AROUND }),
            Some((Posture::Withdrawn, Because::Stopping))
        );
    }
}
