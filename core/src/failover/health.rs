//! Checks: how results become health (rise and fall), how many checks a service needs, and when a probe is due.

use super::posture::Health;
use super::probe::{Finding, ProbeFailure};
use crate::base::time::{Duration, Instant};
use crate::config::{Check, CheckKind, ConfigView, Millis, Require};

/// `rise` when nothing is said.
pub(crate) const RISE: u8 = 2;
/// `fall` when nothing is said.
pub(crate) const FALL: u8 = 3;
/// `interval` and `timeout` when nothing is said.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// How much longer than its timeout a probe may stay unanswered before the core stops waiting: the shim obeys the
/// timeout, and this is for one that does not.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// When a probe is made again that could not be made: it is a matter of the machine, not of the check's interval.
const RETRY: Duration = Duration::from_millis(100);

/// The first probes of a machine's checks are spread over so much for each, so that they do not all run at once for ever
/// after.
const SPREAD: Duration = Duration::from_millis(5);

/// What one check remembers. All zero bits at rest: no result yet, nothing scheduled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CheckState {
    /// Waiting: when the next probe is due. Running: when the one that runs has started.
    when: Instant,
    /// Since when its health is what it is, in seconds of the caller's clock.
    since: u32,
    /// How long the last result took, in microseconds.
    took: u32,
    /// What the last result found wrong; meaningful while `last` says that it failed.
    why: ProbeFailure,
    phase: Phase,
    health: Health,
    /// Results in a row that speak against `health`.
    streak: u8,
    last: Last,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// There is no result yet.
    #[default]
    None,
    Passed,
    Failed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Not scheduled: it has not begun, or it is a watch, which has no interval.
    #[default]
    Idle,
    Waiting,
    Running,
    /// What it asks is an address of its service that is not on this host.
    Held,
}

impl CheckState {
    /// No result yet, nothing scheduled.
    pub(crate) const fn new() -> Self {
        Self {
            when: Instant::ZERO,
            since: 0,
            took: 0,
            why: ProbeFailure::Other,
            phase: Phase::Idle,
            health: Health::Unknown,
            streak: 0,
            last: Last::None,
        }
    }

    /// A new check of a service that was healthy without it: the service stays so until the check has failed `fall` times.
    /// To add a check to a service that works must not take it from the network.
    pub(crate) const fn trusting() -> Self {
        Self { health: Health::Yes, ..Self::new() }
    }

    /// What it says.
    pub(crate) const fn health(&self) -> Health {
        self.health
    }

    /// Since when it says so.
    pub(crate) const fn since(&self) -> Instant {
        Instant::from_micros(self.since as u64 * 1_000_000)
    }

    /// The last result and how long it took; `None`: there is none yet.
    pub(crate) const fn last(&self) -> Option<(Finding, Duration)> {
        let finding = match self.last {
            Last::None => return None,
            Last::Passed => Ok(()),
            Last::Failed => Err(self.why),
        };
        Some((finding, Duration::from_micros(self.took as u64)))
    }

    /// How many of them it takes until it says otherwise.
    pub(crate) fn needed(&self, check: &Check) -> u8 {
        match self.health {
            Health::Yes => given(check.fall, FALL),
            Health::No | Health::Unknown => given(check.rise, RISE),
        }
    }

    /// How many results in a row speak against its health.
    pub(crate) const fn streak(&self) -> u8 {
        self.streak
    }

    /// Its health is this from now on; unknown, it says nothing until it has passed `rise` times again. Says whether that is
    /// news.
    fn turn(&mut self, now: Instant, health: Health) -> bool {
        self.streak = 0;
        if self.health == health {
            return false;
        }
        self.health = health;
        self.since = u32::try_from(now.as_micros() / 1_000_000).unwrap_or(u32::MAX);
        true
    }

    fn keep(&mut self, finding: Finding, took: Duration) {
        self.took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        (self.last, self.why) = match finding {
            Ok(()) => (Last::Passed, ProbeFailure::Other),
            Err(why) => (Last::Failed, why),
        };
    }

    /// A result. `counts`: a check of the service's own address says something only while that address is on this
    /// host; without it the network hands the check to another machine, where it passes. A result that does not count
    /// makes the check forget. Says whether its health changed.
    ///
    /// `rise` passes in a row make it healthy, `fall` failures in a row unhealthy. Before the first decision one
    /// failure is enough: nothing is announced that could flap.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        check: &Check,
        (finding, took): (Finding, Duration),
        counts: bool,
    ) -> bool {
        self.keep(finding, took);
        if !counts {
            return self.turn(now, Health::Unknown);
        }
        let (wanted, needed) = match (finding.is_ok(), self.health) {
            (true, _) => (Health::Yes, given(check.rise, RISE)),
            (false, Health::Unknown) => (Health::No, 1),
            (false, _) => (Health::No, given(check.fall, FALL)),
        };
        self.streak = if self.health == wanted { 0 } else { self.streak.saturating_add(1) };
        self.health != wanted && self.streak >= needed && self.turn(now, wanted)
    }

    /// A watch says how it is: the kernel knows, so one word is enough. Says whether its health changed.
    pub(crate) fn watched(&mut self, now: Instant, finding: Finding) -> bool {
        self.keep(finding, Duration::ZERO);
        self.turn(now, if finding.is_ok() { Health::Yes } else { Health::No })
    }

    /// Schedules the first probe, after `splay`, which the caller draws from [`splay`]; that of a check without a result also
    /// after its `start-delay`. A watch is started by the first [`CheckState::due`] and is never due again.
    pub(crate) fn start(&mut self, now: Instant, check: &Check, splay: Duration) {
        let delay = if self.last == Last::None { check.start_delay_ms.duration() } else { Duration::ZERO };
        self.when = now + delay + splay;
        self.phase = Phase::Waiting;
    }

    /// Nothing is scheduled any more; an answer that still comes is not waited for.
    pub(crate) const fn stop(&mut self) {
        self.phase = Phase::Idle;
    }

    /// A check of an address of its service waits until that is on this host, and says nothing meanwhile. Says whether its
    /// health changed.
    pub(crate) fn hold(&mut self, now: Instant) -> bool {
        (self.phase, self.streak) = (Phase::Held, 0);
        self.turn(now, Health::Unknown)
    }

    /// The address is on this host: a check that waited for it is due at once. Says whether it did.
    pub(crate) fn release(&mut self, now: Instant) -> bool {
        let held = self.phase == Phase::Held;
        if held {
            (self.phase, self.when) = (Phase::Waiting, now);
        }
        held
    }

    /// Whether a probe is to be started now.
    pub(crate) fn due(&self, now: Instant) -> bool {
        self.phase == Phase::Waiting && now >= self.when
    }

    /// The probe was started.
    pub(crate) fn begin(&mut self, now: Instant, check: &Check) {
        self.phase = if is_watch(check) { Phase::Idle } else { Phase::Running };
        self.when = now;
    }

    /// Whether the probe that runs should have been answered by now: it counts as failed, and is to be stopped.
    pub(crate) fn overdue(&self, now: Instant, check: &Check) -> bool {
        self.phase == Phase::Running && now >= self.give_up(check)
    }

    /// The probe that ran was answered, or given up: schedules the next one, an interval after that one's start, at once
    /// when that is past. Probes of one check never overlap and never pile up. While results speak against its health,
    /// `fast-interval` holds.
    pub(crate) fn end(&mut self, now: Instant, check: &Check) {
        if self.phase == Phase::Running {
            let pause = if self.streak > 0 { fast_interval(check) } else { interval(check) };
            self.when = (self.when + pause).max(now);
            self.phase = Phase::Waiting;
        }
    }

    /// The probe that ran could not be made: what was found last stands, and it is tried again.
    pub(crate) fn retry(&mut self, now: Instant) {
        if self.phase == Phase::Running {
            self.when = (self.when + RETRY).max(now);
            self.phase = Phase::Waiting;
        }
    }

    /// When its next probe is due.
    pub(crate) const fn when(&self) -> Instant {
        self.when
    }

    /// When to look again.
    pub(crate) fn deadline(&self, check: &Check) -> Instant {
        match self.phase {
            Phase::Idle | Phase::Held => Instant::FAR,
            Phase::Waiting => self.when,
            Phase::Running => self.give_up(check),
        }
    }

    fn give_up(&self, check: &Check) -> Instant {
        self.when + timeout(check) + GRACE
    }
}

/// Whether two checks, of an old configuration and of a new one, ask the same of the same service: then what the old one
/// knows still holds, and a reload does not make a healthy service wait for `rise` again. How often and how patiently it is
/// asked does not matter.
pub(crate) fn continues(
    (old, before): (ConfigView<'_>, &Check),
    (new, after): (ConfigView<'_>, &Check),
) -> bool {
    fn service<'a>(view: ConfigView<'a>, check: &Check) -> Option<&'a str> {
        view.services.get(usize::from(check.service)).map(|service| view.text(service.name))
    }
    before.kind == after.kind
        && old.text(before.name) == new.text(after.name)
        && old.text(before.target) == new.text(after.target)
        && service(old, before).is_some_and(|name| service(new, after) == Some(name))
}

/// Whether the kernel tells: such a check has no interval.
pub(crate) const fn is_watch(check: &Check) -> bool {
    matches!(check.kind, CheckKind::Process)
}

/// How long a probe of this check may take.
pub(crate) const fn timeout(check: &Check) -> Duration {
    given_time(check.timeout_ms, SECOND)
}

/// Over how long the first probes of `count` checks are spread, for this one: not at all for a single check, and never over
/// more than its interval.
pub(crate) fn splay(check: &Check, count: usize) -> Duration {
    SPREAD.times(count.saturating_sub(1) as u64).min(interval(check))
}

/// How far apart the starts of this check's probes are while its verdict is changing.
pub(crate) const fn fast_interval(check: &Check) -> Duration {
    given_time(check.fast_interval_ms, interval(check))
}

/// How far apart the starts of this check's probes are.
pub(crate) const fn interval(check: &Check) -> Duration {
    given_time(check.interval_ms, SECOND)
}

const fn given_time(time: Millis, otherwise: Duration) -> Duration {
    if time.get() == 0 { otherwise } else { time.duration() }
}

const fn given(count: u8, otherwise: u8) -> u8 {
    if count == 0 { otherwise } else { count }
}

/// What a service's checks say together. It is decided as soon as the checks that are still unknown cannot change it; a
/// service without checks is healthy.
pub(crate) fn together(require: Require, checks: impl Iterator<Item = Health>) -> Health {
    let (mut all, mut pass, mut fail) = (0_u32, 0_u32, 0_u32);
    for health in checks {
        all += 1;
        match health {
            Health::Yes => pass += 1,
            Health::No => fail += 1,
            Health::Unknown => {}
        }
    }
    let needed = match require {
        _ if all == 0 => 0,
        Require::All => all,
        Require::Any => 1,
        Require::Count(count) => u32::from(count),
    };
    if pass >= needed {
        Health::Yes
    } else if all - fail < needed {
        Health::No
    } else {
        Health::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const CHECK: Check = Check {
        kind: CheckKind::Tcp,
        rise: 2,
        fall: 3,
        interval_ms: Millis::of(500),
        timeout_ms: Millis::of(1_000),
        ..Check::REST
    };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    fn result(passed: bool) -> (Finding, Duration) {
        (if passed { Ok(()) } else { Err(ProbeFailure::Refused) }, Duration::from_micros(250))
    }

    /// The health after each of these results.
    fn run(check: &Check, results: &[bool]) -> Vec<Health> {
        let mut state = CheckState::new();
        results
            .iter()
            .map(|&passed| {
                state.note(at(0), check, result(passed), true);
                state.health()
            })
            .collect()
    }

    #[test]
    fn it_is_small_and_zero_at_rest() {
        assert!(size_of::<CheckState>() <= 24);
        assert_eq!((CheckState::new().phase as u8, CheckState::new().health as u8), (0, 0));
    }

    #[test]
    fn rise_passes_make_it_healthy_and_fall_failures_unhealthy() {
        use Health::{No, Unknown, Yes};
        assert_eq!(
            run(&CHECK, &[true, true, false, false, false, true, true]),
            [Unknown, Yes, Yes, Yes, No, No, Yes]
        );
    }

    #[test]
    fn a_result_in_between_starts_the_count_over() {
        use Health::Yes;
        assert_eq!(run(&CHECK, &[true, true, false, false, true, false, false, true]).last(), Some(&Yes));
    }

    #[test]
    fn before_the_first_decision_one_failure_decides() {
        assert_eq!(run(&CHECK, &[false]), [Health::No]);
        assert_eq!(run(&CHECK, &[true, false]), [Health::Unknown, Health::No]);
    }

    #[test]
    fn what_is_not_given_is_two_and_three() {
        let check = Check { rise: 0, fall: 0, ..CHECK };
        assert_eq!(
            run(&check, &[true, true, false, false, false]),
            run(&CHECK, &[true, true, false, false, false])
        );
    }

    #[test]
    fn a_pass_without_the_address_makes_the_check_forget() {
        let mut state = CheckState::new();
        state.note(at(0), &CHECK, result(true), true);
        assert!(state.note(at(0), &CHECK, result(true), true));
        assert!(state.note(at(0), &CHECK, result(true), false));
        assert_eq!(state.health(), Health::Unknown);
        assert!(!state.note(at(0), &CHECK, result(true), false));
        // It must rise anew when the address is back.
        state.note(at(0), &CHECK, result(true), true);
        assert_eq!(state.health(), Health::Unknown);
        state.note(at(0), &CHECK, result(true), true);
        assert_eq!(state.health(), Health::Yes);
    }

    #[test]
    fn a_check_that_is_added_to_a_healthy_service_must_fail_before_it_counts() {
        let mut state = CheckState::trusting();
        assert_eq!(state.health(), Health::Yes);
        assert!(
            !state.note(at(0), &CHECK, result(false), true)
                && !state.note(at(0), &CHECK, result(false), true)
        );
        assert!(state.note(at(0), &CHECK, result(false), true));
        assert_eq!(state.health(), Health::No);
    }

    #[test]
    fn a_watch_is_believed_at_its_first_word() {
        let mut state = CheckState::new();
        assert!(state.watched(at(0), Ok(())));
        assert!(!state.watched(at(0), Ok(())));
        assert!(state.watched(at(0), Err(ProbeFailure::Missing)));
        assert_eq!(state.health(), Health::No);
    }

    #[test]
    fn require_is_decided_as_soon_as_it_can_be() {
        use Health::{No, Unknown, Yes};
        let together = |require, checks: &[Health]| super::together(require, checks.iter().copied());
        for (require, checks, expected) in [
            (Require::All, &[][..], Yes),
            (Require::Any, &[], Yes),
            (Require::Count(2), &[], Yes),
            (Require::All, &[Yes, Yes], Yes),
            (Require::All, &[Yes, Unknown], Unknown),
            (Require::All, &[No, Unknown], No),
            (Require::Any, &[No, Yes], Yes),
            (Require::Any, &[No, Unknown], Unknown),
            (Require::Any, &[No, No], No),
            (Require::Count(2), &[Yes, Yes, No], Yes),
            (Require::Count(2), &[Yes, No, Unknown], Unknown),
            (Require::Count(2), &[Yes, No, No], No),
            (Require::Count(4), &[Yes, Yes, Yes], No),
        ] {
            assert_eq!(together(require, checks), expected, "{require:?} {checks:?}");
        }
    }

    #[test]
    fn probes_start_an_interval_apart_and_never_overlap() {
        let mut state = CheckState::new();
        assert_eq!(state.deadline(&CHECK), Instant::FAR);
        state.start(at(1_000), &CHECK, Duration::ZERO);
        assert!(state.due(at(1_000)));
        state.begin(at(1_000), &CHECK);
        assert!(!state.due(at(1_600)));
        // A quick answer: the next one keeps the rhythm. A slow one: at once.
        state.end(at(1_010), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(1_500));
        state.begin(at(1_500), &CHECK);
        state.end(at(2_300), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(2_300));
    }

    #[test]
    fn a_pause_of_the_machine_is_not_made_up_for() {
        let mut state = CheckState::new();
        state.start(at(0), &CHECK, Duration::ZERO);
        state.begin(at(0), &CHECK);
        state.end(at(1), &CHECK);
        assert!(state.due(at(3_600_000)));
        state.begin(at(3_600_000), &CHECK);
        state.end(at(3_600_001), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(3_600_500));
    }

    #[test]
    fn a_check_waits_for_the_address_that_it_asks_and_is_due_when_that_is_here() {
        let mut state = CheckState::new();
        state.start(at(0), &CHECK, Duration::ZERO);
        assert!(!state.hold(at(0)) && !state.due(at(9_999)));
        assert_eq!(state.deadline(&CHECK), Instant::FAR);
        assert!(state.release(at(10_000)) && state.due(at(10_000)));
        assert!(!state.release(at(10_000)), "it waits no longer");
        for _ in 0..2 {
            state.begin(at(10_000), &CHECK);
            state.note(at(10_000), &CHECK, result(true), true);
            state.end(at(10_001), &CHECK);
        }
        assert_eq!(state.health(), Health::Yes);
        assert!(state.hold(at(10_002)), "what it knew is forgotten");
        assert_eq!(state.health(), Health::Unknown);
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let mut state = CheckState::new();
        state.start(at(0), &CHECK, Duration::ZERO);
        state.begin(at(0), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(1_500));
        assert!(!state.overdue(at(1_499), &CHECK));
        assert!(state.overdue(at(1_500), &CHECK));
        state.end(at(1_500), &CHECK);
        assert!(state.due(at(1_500)) && !state.overdue(at(1_500), &CHECK));
    }

    #[test]
    fn first_probes_are_spread_the_wider_the_more_there_are_and_by_no_more_than_an_interval() {
        assert_eq!(splay(&CHECK, 1), Duration::ZERO);
        assert_eq!(splay(&CHECK, 3), Duration::from_millis(10));
        assert_eq!(splay(&CHECK, 512), Duration::from_millis(500));
        let mut state = CheckState::new();
        state.start(at(0), &CHECK, Duration::from_millis(7));
        assert_eq!(state.deadline(&CHECK), at(7));
    }

    #[test]
    fn start_delay_is_for_a_check_that_knows_nothing() {
        let check = Check { start_delay_ms: Millis::of(2_000), ..CHECK };
        let mut state = CheckState::new();
        state.start(at(0), &check, Duration::from_millis(1));
        assert!(!state.due(at(2_000)) && state.due(at(2_001)));
        state.begin(at(2_001), &check);
        state.note(at(2_002), &check, result(true), true);
        // A reload.
        state.start(at(3_000), &check, Duration::ZERO);
        assert!(state.due(at(3_000)));
    }

    #[test]
    fn fast_interval_holds_while_results_speak_against_its_health() {
        let check = Check { fast_interval_ms: Millis::of(50), ..CHECK };
        let mut state = CheckState::new();
        state.start(at(0), &check, Duration::ZERO);
        let mut now = 0;
        let mut next = |passed: bool, state: &mut CheckState| {
            state.begin(at(now), &check);
            state.note(at(now), &check, result(passed), true);
            state.end(at(now), &check);
            let pause = (state.deadline(&check) - at(now)).as_millis();
            now += pause;
            pause
        };
        // Unknown -> healthy (rise 2), one failure that is forgiven, and three that are not (fall 3).
        let results = [true, true, true, false, true, false, false, false, false, true, true];
        let pauses: Vec<u64> = results.into_iter().map(|passed| next(passed, &mut state)).collect();
        assert_eq!(pauses, [50, 500, 500, 50, 500, 50, 50, 500, 500, 50, 500]);
    }

    #[test]
    fn it_remembers_its_last_result_and_since_when_it_is_as_it_is() {
        let mut state = CheckState::new();
        assert_eq!(state.last(), None);
        state.note(at(3_000), &CHECK, result(false), true);
        assert_eq!((state.health(), state.since()), (Health::No, at(3_000)));
        assert_eq!(state.last(), Some((Err(ProbeFailure::Refused), Duration::from_micros(250))));
        state.note(at(9_000), &CHECK, result(true), true);
        assert_eq!((state.since(), state.streak()), (at(3_000), 1));
        assert_eq!(state.last(), Some((Ok(()), Duration::from_micros(250))));
    }

    #[test]
    fn a_watch_is_started_once() {
        let watch = Check { kind: CheckKind::Process, ..CHECK };
        let mut state = CheckState::new();
        state.start(at(0), &watch, Duration::ZERO);
        assert!(state.due(at(0)));
        state.begin(at(0), &watch);
        assert_eq!(state.deadline(&watch), Instant::FAR);
        assert!(!state.due(at(9_999)) && !state.overdue(at(9_999), &watch));
    }

    #[test]
    fn a_check_continues_when_it_asks_the_same_of_the_same_service() {
        let config = |name: &str, check: &str| {
            let text = std::format!(
                "router bgp 65000\nfailover first\naddress 192.0.2.9/32\nexit\nfailover {name}\naddress 192.0.2.10/32\n\
                 check {check}\nexit\n"
            );
            let mut config = std::boxed::Box::<crate::config::Config<2, 2>>::default();
            let platform = crate::config::Platform::ALL;
            let mut said = Vec::new();
            let mut report =
                |diagnostic: crate::config::Diagnostic<'_>| said.push(std::format!("{diagnostic}"));
            assert!(crate::config::parse(&text, &platform, &mut config, &mut report).is_ok(), "{said:#?}");
            config
        };
        let old = config("web", "up tcp 127.0.0.1:80 interval 1s");
        for (name, check, expected) in [
            ("web", "up tcp 127.0.0.1:80 interval 1s", true),
            ("web", "up tcp 127.0.0.1:80 interval 300ms rise 5", true),
            ("web", "up tcp 127.0.0.1:81 interval 1s", false),
            ("web", "other tcp 127.0.0.1:80 interval 1s", false),
            ("database", "up tcp 127.0.0.1:80 interval 1s", false),
        ] {
            let new = config(name, check);
            let (before, after) = (old.view(), new.view());
            let same = continues((before, &before.checks[0]), (after, &after.checks[0]));
            assert_eq!(same, expected, "{name} {check}");
        }
    }
}
