//! Checks: how results become health (rise and fall), how many checks a service needs, and when a probe is due.

use super::posture::Health;
use crate::base::time::{Duration, Instant};
use crate::config::{Check, CheckKind, ConfigView, Millis, Require};

/// `rise` when nothing is said.
pub const RISE: u8 = 2;
/// `fall` when nothing is said.
pub const FALL: u8 = 3;
/// `interval` and `timeout` when nothing is said.
pub const SECOND: Duration = Duration::from_secs(1);
/// How much longer than its timeout a probe may stay unanswered before the core stops waiting: the shim obeys the
/// timeout, and this is for one that does not.
pub const GRACE: Duration = Duration::from_millis(500);

/// The first probes of a machine's checks are this far apart, so that they do not all run at once for ever after.
const SPREAD: Duration = Duration::from_millis(5);

/// What one check remembers. All zero bits at rest: no result yet, nothing scheduled.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckState {
    /// Waiting: when the next probe is due. Running: when the one that runs has started.
    when: Instant,
    phase: Phase,
    health: Health,
    /// Results in a row that speak against `health`.
    streak: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Not scheduled: it has not begun, or it is a watch, which has no interval.
    #[default]
    Idle,
    Waiting,
    Running,
}

impl CheckState {
    /// No result yet, nothing scheduled.
    pub const fn new() -> Self {
        Self { when: Instant::ZERO, phase: Phase::Idle, health: Health::Unknown, streak: 0 }
    }

    /// A new check of a service that was healthy without it: the service stays so until the check has failed `fall` times.
    /// To add a check to a service that works must not take it from the network.
    pub const fn trusting() -> Self {
        Self { when: Instant::ZERO, phase: Phase::Idle, health: Health::Yes, streak: 0 }
    }

    /// What it says.
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Forgets its results: it says nothing until it has passed `rise` times again.
    pub const fn forget(&mut self) {
        self.health = Health::Unknown;
        self.streak = 0;
    }

    /// A result. `counts`: a check of the service's own address says something only while that address is on this
    /// host; without it the network hands the check to another machine, where it passes. A result that does not count
    /// makes the check forget. Says whether its health changed.
    ///
    /// `rise` passes in a row make it healthy, `fall` failures in a row unhealthy. Before the first decision one
    /// failure is enough: nothing is announced that could flap.
    pub fn note(&mut self, check: &Check, passed: bool, counts: bool) -> bool {
        let before = self.health;
        if !counts {
            self.forget();
            return before != self.health;
        }
        let (wanted, needed) = match (passed, before) {
            (true, _) => (Health::Yes, given(check.rise, RISE)),
            (false, Health::Unknown) => (Health::No, 1),
            (false, _) => (Health::No, given(check.fall, FALL)),
        };
        self.streak = if before == wanted { 0 } else { self.streak.saturating_add(1) };
        if before != wanted && self.streak >= needed {
            self.health = wanted;
            self.streak = 0;
        }
        before != self.health
    }

    /// A watch says how it is: the kernel knows, so one word is enough. Says whether its health changed.
    pub fn watched(&mut self, passed: bool) -> bool {
        let before = self.health;
        self.health = if passed { Health::Yes } else { Health::No };
        self.streak = 0;
        before != self.health
    }

    /// Schedules the first probe; `place` is the check's place among the machine's, which spreads them. A watch is
    /// started by the first [`CheckState::due`] and is never due again.
    pub fn start(&mut self, now: Instant, check: &Check, place: u16) {
        let spread = SPREAD.times(u64::from(place)).min(interval(check));
        self.when = now + spread;
        self.phase = Phase::Waiting;
    }

    /// Nothing is scheduled any more; an answer that still comes is not waited for.
    pub const fn stop(&mut self) {
        self.phase = Phase::Idle;
    }

    /// Whether a probe is to be started now.
    pub fn due(&self, now: Instant) -> bool {
        self.phase == Phase::Waiting && now >= self.when
    }

    /// The probe was started.
    pub fn begin(&mut self, now: Instant, check: &Check) {
        self.phase = if is_watch(check) { Phase::Idle } else { Phase::Running };
        self.when = now;
    }

    /// Whether the probe that runs should have been answered by now: it counts as failed, and is to be stopped.
    pub fn overdue(&self, now: Instant, check: &Check) -> bool {
        self.phase == Phase::Running && now >= self.give_up(check)
    }

    /// The probe that ran was answered, or given up: schedules the next one, an interval after that one's start, at once
    /// when that is past. Probes of one check never overlap and never pile up.
    pub fn end(&mut self, now: Instant, check: &Check) {
        if self.phase == Phase::Running {
            self.when = (self.when + interval(check)).max(now);
            self.phase = Phase::Waiting;
        }
    }

    /// When to look again.
    pub fn deadline(&self, check: &Check) -> Instant {
        match self.phase {
            Phase::Idle => Instant::FAR,
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
pub fn continues((old, before): (ConfigView<'_>, &Check), (new, after): (ConfigView<'_>, &Check)) -> bool {
    fn service<'a>(view: ConfigView<'a>, check: &Check) -> Option<&'a str> {
        view.services.get(usize::from(check.service)).map(|service| view.text(service.name))
    }
    before.kind == after.kind
        && old.text(before.name) == new.text(after.name)
        && old.text(before.target) == new.text(after.target)
        && service(old, before).is_some_and(|name| service(new, after) == Some(name))
}

/// Whether the kernel tells: such a check has no interval.
pub const fn is_watch(check: &Check) -> bool {
    matches!(check.kind, CheckKind::Process)
}

/// How long a probe of this check may take.
pub const fn timeout(check: &Check) -> Duration {
    given_time(check.timeout_ms, SECOND)
}

/// How far apart the starts of this check's probes are.
pub const fn interval(check: &Check) -> Duration {
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
pub fn together(require: Require, checks: impl Iterator<Item = Health>) -> Health {
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

    /// The health after each of these results.
    fn run(check: &Check, results: &[bool]) -> Vec<Health> {
        let mut state = CheckState::new();
        results
            .iter()
            .map(|&passed| {
                state.note(check, passed, true);
                state.health()
            })
            .collect()
    }

    #[test]
    fn it_is_small_and_zero_at_rest() {
        assert!(size_of::<CheckState>() <= 16);
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
        state.note(&CHECK, true, true);
        assert!(state.note(&CHECK, true, true));
        assert!(state.note(&CHECK, true, false));
        assert_eq!(state.health(), Health::Unknown);
        assert!(!state.note(&CHECK, true, false));
        // It must rise anew when the address is back.
        state.note(&CHECK, true, true);
        assert_eq!(state.health(), Health::Unknown);
        state.note(&CHECK, true, true);
        assert_eq!(state.health(), Health::Yes);
    }

    #[test]
    fn a_check_that_is_added_to_a_healthy_service_must_fail_before_it_counts() {
        let mut state = CheckState::trusting();
        assert_eq!(state.health(), Health::Yes);
        assert!(!state.note(&CHECK, false, true) && !state.note(&CHECK, false, true));
        assert!(state.note(&CHECK, false, true));
        assert_eq!(state.health(), Health::No);
    }

    #[test]
    fn a_watch_is_believed_at_its_first_word() {
        let mut state = CheckState::new();
        assert!(state.watched(true));
        assert!(!state.watched(true));
        assert!(state.watched(false));
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
        state.start(at(1_000), &CHECK, 0);
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
        state.start(at(0), &CHECK, 0);
        state.begin(at(0), &CHECK);
        state.end(at(1), &CHECK);
        assert!(state.due(at(3_600_000)));
        state.begin(at(3_600_000), &CHECK);
        state.end(at(3_600_001), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(3_600_500));
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let mut state = CheckState::new();
        state.start(at(0), &CHECK, 0);
        state.begin(at(0), &CHECK);
        assert_eq!(state.deadline(&CHECK), at(1_500));
        assert!(!state.overdue(at(1_499), &CHECK));
        assert!(state.overdue(at(1_500), &CHECK));
        state.end(at(1_500), &CHECK);
        assert!(state.due(at(1_500)) && !state.overdue(at(1_500), &CHECK));
    }

    #[test]
    fn first_probes_are_spread_by_no_more_than_an_interval() {
        let first = |place| {
            let mut state = CheckState::new();
            state.start(at(0), &CHECK, place);
            state.deadline(&CHECK)
        };
        assert_eq!((first(0), first(1), first(2)), (at(0), at(5), at(10)));
        assert_eq!(first(u16::MAX), at(500));
    }

    #[test]
    fn a_watch_is_started_once() {
        let watch = Check { kind: CheckKind::Process, ..CHECK };
        let mut state = CheckState::new();
        state.start(at(0), &watch, 0);
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
