//! The decision: what a service announces, and why. One pure function of the [`Evidence`]; the order of its rules is the
//! policy, and nothing else in Holdover decides what is announced.

use core::fmt;

use crate::config::{OnFailure, Role};

/// What an operator wants of a service. There is one wish at a time: a new one replaces the old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Wish {
    /// Nothing: the configuration and the evidence decide.
    #[default]
    None,
    /// Hand over in peace: announce what is announced as going away, then withdraw it.
    Drain,
    /// Act as a healthy primary: role, `preempt delay` and `no preempt` do not matter, health does.
    Promote,
    /// Stand by, whatever the role.
    Demote,
    /// Announce the active attributes although checks fail, damping holds, a delay runs or the role is secondary. The
    /// address must be here and its link up all the same.
    Force,
}

/// What a run says of a service to the run after it, for `no preempt`. The shim keeps it where a crash and a loss of power leave
/// it ([`Output::Keep`](crate::engine::Output::Keep)) and gives it back at the next start
/// ([`Input::Kept`](crate::engine::Input::Kept)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Past {
    /// Nothing: it was not active, or the run ended in good order. There need be no file that says so.
    #[default]
    Clear,
    /// It is active, or was in this run. Given back: that run did not end in good order.
    Active,
    /// It was active and failed, and another machine may have taken over.
    GaveWay,
    /// Something was kept, and it cannot be read.
    Unknown,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Drain {
    /// It is not drained.
    #[default]
    No,
    /// `drain-delay` runs: what was announced is announced as going away.
    Running,
    /// `drain-delay` is over.
    Over,
}

/// Whether a thing is on this host: an address, or at least one of a service's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Presence {
    /// The host's table is not known yet, or the order to bind it is not answered yet.
    #[default]
    Undecided,
    /// It is not there.
    Missing,
    /// It is there.
    Present,
}

/// What the checks say: of one check, or of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Health {
    /// Not enough is known.
    #[default]
    Unknown,
    /// Unhealthy.
    No,
    /// Healthy; also a service without a check.
    Yes,
}

/// All that the decision rests on. Words in code style are statements of a `failover` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The engine is on its way out.
    pub stopping: bool,
    /// How far a drain has come, by the wish or by `bgp graceful-shutdown`.
    pub drain: Drain,
    /// What an operator wants; [`Wish::Drain`] is in `drain`.
    pub wish: Wish,
    /// The service's link is up.
    pub link_up: bool,
    /// Whether any of its addresses is on this host.
    pub presence: Presence,
    /// What its checks say.
    pub health: Health,
    /// It failed too often of late and is held down.
    pub damped: bool,
    /// `start-delay` is over.
    pub start_delay_over: bool,
    /// `preempt delay` is over.
    pub preempt_delay_over: bool,
    /// It was active once, in this run or an earlier one, and then failed or crashed, and nobody has told it since to take over
    /// again.
    pub failed_before: bool,
    /// `no preempt`.
    pub no_preempt: bool,
    /// `role`.
    pub role: Role,
    /// Whether it has standby attributes.
    pub has_standby: bool,
    /// `on-failure`.
    pub on_failure: OnFailure,
}

/// What a service announces on this evidence, and the rule that decided: the first that applies.
///
/// ```
/// use holdover_core::config::{OnFailure, Role};
/// use holdover_core::engine::Wish;
/// use holdover_core::failover::posture::{Because, Drain, Evidence, Health, Posture, Presence, posture};
///
/// let well = Evidence {
///     stopping: false,
///     drain: Drain::No,
///     wish: Wish::None,
///     link_up: true,
///     presence: Presence::Present,
///     health: Health::Yes,
///     damped: false,
///     start_delay_over: true,
///     preempt_delay_over: true,
///     failed_before: false,
///     no_preempt: false,
///     role: Role::Primary,
///     has_standby: true,
///     on_failure: OnFailure::Withdraw,
/// };
/// assert_eq!(posture(&well), (Posture::Active, Because::Primary));
/// let ill = Evidence { health: Health::No, ..well };
/// assert_eq!(posture(&ill), (Posture::Withdrawn, Because::Unhealthy));
/// ```
pub const fn posture(evidence: &Evidence) -> (Posture, Because) {
    if evidence.stopping {
        return (Posture::Withdrawn, Because::Stopping);
    }
    let (undrained, because) = undrained(evidence);
    match evidence.drain {
        Drain::No => (undrained, because),
        // A drain announces nothing that was not announced before: it never raises a broken service.
        Drain::Running if undrained.announces() => (Posture::Draining, Because::Drained),
        Drain::Running | Drain::Over => (Posture::Withdrawn, Because::Drained),
    }
}

/// The rules below the operator's.
const fn undrained(evidence: &Evidence) -> (Posture, Because) {
    if !evidence.link_up {
        return (Posture::Withdrawn, Because::LinkDown);
    }
    match evidence.presence {
        Presence::Undecided => return (Posture::Undecided, Because::Starting),
        Presence::Missing => return (Posture::Withdrawn, Because::AddressMissing),
        Presence::Present => {}
    }
    // Below the address and the link: even a forced service never announces a black hole.
    if matches!(evidence.wish, Wish::Force) {
        return (Posture::Active, Because::Forced);
    }
    match (evidence.health, evidence.on_failure) {
        (Health::Unknown, _) => return (Posture::Undecided, Because::Starting),
        (Health::No, OnFailure::Withdraw) => return (Posture::Withdrawn, Because::Unhealthy),
        (Health::No, OnFailure::Standby) => return (stand_by(evidence), Because::Unhealthy),
        (Health::Yes, _) => {}
    }
    if !evidence.start_delay_over {
        return (Posture::Withdrawn, Because::StartDelay);
    }
    if evidence.damped {
        return (stand_by(evidence), Because::Damped);
    }
    match evidence.wish {
        Wish::Demote => return (stand_by(evidence), Because::Demoted),
        Wish::Promote => return (Posture::Active, Because::Promoted),
        Wish::None | Wish::Drain | Wish::Force => {}
    }
    match evidence.role {
        Role::Secondary => (Posture::Standby, Because::Secondary),
        Role::Primary if evidence.no_preempt && evidence.failed_before => {
            (stand_by(evidence), Because::NoPreempt)
        }
        Role::Primary if !evidence.preempt_delay_over => (stand_by(evidence), Because::PreemptDelay),
        Role::Primary => (Posture::Active, Because::Primary),
    }
}

/// Standing by without the role: with standby attributes, or not at all.
const fn stand_by(evidence: &Evidence) -> Posture {
    if evidence.has_standby { Posture::Standby } else { Posture::Withdrawn }
}

/// Whether our own AS is prepended twice. A node that stands by for any reason but its role must not tie with the one
/// whose role it is: a failed primary with the secondary's attributes would win by its lower router-id.
pub const fn prepends(posture: Posture, because: Because) -> bool {
    match posture {
        Posture::Standby => !matches!(because, Because::Secondary),
        Posture::Draining => true,
        Posture::Undecided | Posture::Withdrawn | Posture::Active => false,
    }
}

/// What a service announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Posture {
    /// Not decided yet: nothing is announced.
    #[default]
    Undecided,
    /// Nothing.
    Withdrawn,
    /// The standby attributes, with our AS prepended twice unless the role is secondary.
    Standby,
    /// The standby attributes (or the active ones) with GRACEFUL_SHUTDOWN (RFC 8326).
    Draining,
    /// The active attributes.
    Active,
}

impl Posture {
    /// Whether routes are announced.
    pub const fn announces(self) -> bool {
        matches!(self, Self::Standby | Self::Draining | Self::Active)
    }

    /// Whether the evidence was enough to decide.
    pub const fn is_decided(self) -> bool {
        !matches!(self, Self::Undecided)
    }
}

/// Why a posture is what it is: the rule that decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Because {
    /// Nothing is known yet.
    #[default]
    Starting,
    /// The engine is stopping.
    Stopping,
    /// An operator drained it, or `bgp graceful-shutdown` drains all.
    Drained,
    /// Its link is down.
    LinkDown,
    /// Its address is not on this host.
    AddressMissing,
    /// An operator forces it.
    Forced,
    /// Its checks fail.
    Unhealthy,
    /// It failed too often and is held down.
    Damped,
    /// Its checks passed, and `start-delay` runs.
    StartDelay,
    /// An operator demoted it.
    Demoted,
    /// An operator promoted it.
    Promoted,
    /// It is healthy again, and `preempt delay` runs.
    PreemptDelay,
    /// `no preempt`: it failed once, or crashed, and another machine may have taken over.
    NoPreempt,
    /// Its role is primary and all is well.
    Primary,
    /// Its role is secondary and all is well.
    Secondary,
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Undecided => "undecided",
            Self::Withdrawn => "withdrawn",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Active => "active",
        })
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "not everything about it is known yet",
            Self::Stopping => "Holdover is stopping",
            Self::Drained => "it is drained",
            Self::LinkDown => "its link is down",
            Self::AddressMissing => "its address is not on this host",
            Self::Forced => "an operator forces it",
            Self::Unhealthy => "its checks fail",
            Self::Damped => "it failed too often and is held down",
            Self::StartDelay => "its start-delay runs",
            Self::Demoted => "an operator demoted it",
            Self::Promoted => "an operator promoted it",
            Self::PreemptDelay => "its preempt delay runs",
            Self::NoPreempt => "it failed or crashed before and may not preempt",
            Self::Primary => "its role is primary",
            Self::Secondary => "its role is secondary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// All evidence there can be.
    fn everything() -> Vec<Evidence> {
        let mut all = Vec::new();
        for bits in 0..1_u32 << 8 {
            let bit = |n: u32| bits & (1 << n) != 0;
            for (drain, wish) in [
                (Drain::No, Wish::None),
                (Drain::Running, Wish::Drain),
                (Drain::Over, Wish::Drain),
                (Drain::No, Wish::Promote),
                (Drain::No, Wish::Demote),
                (Drain::No, Wish::Force),
                // `bgp graceful-shutdown` drains whatever is wished.
                (Drain::Running, Wish::Promote),
                (Drain::Over, Wish::Demote),
            ] {
                for presence in [Presence::Undecided, Presence::Missing, Presence::Present] {
                    for health in [Health::Unknown, Health::No, Health::Yes] {
                        for (role, on_failure) in [
                            (Role::Primary, OnFailure::Withdraw),
                            (Role::Primary, OnFailure::Standby),
                            (Role::Secondary, OnFailure::Withdraw),
                            (Role::Secondary, OnFailure::Standby),
                        ] {
                            all.push(Evidence {
                                stopping: bit(0),
                                drain,
                                wish,
                                link_up: bit(1),
                                presence,
                                health,
                                damped: bit(7),
                                start_delay_over: bit(2),
                                preempt_delay_over: bit(3),
                                failed_before: bit(4),
                                no_preempt: bit(5),
                                role,
                                has_standby: bit(6),
                                on_failure,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    /// All is well, primary, with standby attributes.
    const WELL: Evidence = Evidence {
        stopping: false,
        drain: Drain::No,
        wish: Wish::None,
        link_up: true,
        presence: Presence::Present,
        health: Health::Yes,
        damped: false,
        start_delay_over: true,
        preempt_delay_over: true,
        failed_before: false,
        no_preempt: false,
        role: Role::Primary,
        has_standby: true,
        on_failure: OnFailure::Withdraw,
    };

    #[test]
    fn the_truth_table_is_complete_and_each_row_has_one_reason() {
        let all = everything();
        assert_eq!(all.len(), 73_728);
        for e in &all {
            // The policy said once more, as a list: the first line whose condition holds is the reason.
            let reasons = [
                (e.stopping, Because::Stopping),
                (e.drain != Drain::No, Because::Drained),
                (!e.link_up, Because::LinkDown),
                (e.presence == Presence::Undecided, Because::Starting),
                (e.presence == Presence::Missing, Because::AddressMissing),
                (e.wish == Wish::Force, Because::Forced),
                (e.health == Health::Unknown, Because::Starting),
                (e.health == Health::No, Because::Unhealthy),
                (!e.start_delay_over, Because::StartDelay),
                (e.damped, Because::Damped),
                (e.wish == Wish::Demote, Because::Demoted),
                (e.wish == Wish::Promote, Because::Promoted),
                (e.role == Role::Secondary, Because::Secondary),
                (e.no_preempt && e.failed_before, Because::NoPreempt),
                (!e.preempt_delay_over, Because::PreemptDelay),
                (true, Because::Primary),
            ];
            let expected = reasons.iter().find(|(holds, _)| *holds).unwrap().1;
            assert_eq!(posture(e).1, expected, "{e:?}");
        }
    }

    #[test]
    fn nothing_is_announced_without_link_and_address_whatever_is_wished() {
        for e in everything() {
            if posture(&e).0.announces() {
                assert!(!e.stopping && e.link_up && e.presence == Presence::Present, "{e:?}");
                assert!(e.health != Health::Unknown || e.wish == Wish::Force, "{e:?}");
            }
        }
    }

    #[test]
    fn a_forced_service_is_active_wherever_it_is_no_black_hole() {
        for e in everything().into_iter().filter(|e| e.wish == Wish::Force) {
            let here = e.link_up && e.presence == Presence::Present;
            let expected = here && !e.stopping;
            assert_eq!(posture(&e).0 == Posture::Active, expected, "{e:?}");
        }
    }

    #[test]
    fn a_promoted_service_acts_as_a_healthy_primary_whatever_its_role_and_its_past() {
        for e in everything().into_iter().filter(|e| e.wish == Wish::Promote) {
            let primary = Evidence {
                wish: Wish::None,
                role: Role::Primary,
                no_preempt: false,
                preempt_delay_over: true,
                ..e
            };
            assert_eq!(posture(&e).0, posture(&primary).0, "{e:?}");
        }
    }

    #[test]
    fn a_demoted_service_is_never_active_and_never_ties() {
        for e in everything().into_iter().filter(|e| e.wish == Wish::Demote) {
            let (posture, because) = posture(&e);
            assert_ne!(posture, Posture::Active, "{e:?}");
            assert!(!posture.announces() || prepends(posture, because), "{e:?}");
        }
    }

    #[test]
    fn what_is_held_down_is_never_active_unless_it_is_forced() {
        for e in everything().into_iter().filter(|e| e.damped && e.wish != Wish::Force) {
            let (posture, because) = posture(&e);
            assert_ne!(posture, Posture::Active, "{e:?}");
            assert!(posture != Posture::Standby || (e.has_standby && prepends(posture, because)), "{e:?}");
        }
    }

    #[test]
    fn an_unhealthy_service_announces_only_by_on_failure_standby() {
        for e in everything() {
            if e.health == Health::No && e.wish != Wish::Force && posture(&e).0.announces() {
                assert!(e.on_failure == OnFailure::Standby && e.has_standby, "{e:?}");
            }
        }
    }

    #[test]
    fn active_needs_everything_to_be_well_and_the_role() {
        let active: Vec<_> = everything().into_iter().filter(|e| posture(e).0 == Posture::Active).collect();
        for e in active.iter().filter(|e| e.wish != Wish::Force) {
            let may_preempt = e.preempt_delay_over && !(e.no_preempt && e.failed_before);
            assert!(
                e.health == Health::Yes && !e.damped && e.drain == Drain::No && e.start_delay_over,
                "{e:?}"
            );
            assert!(e.wish == Wish::Promote || (e.role == Role::Primary && may_preempt), "{e:?}");
        }
        let by = |wish| active.iter().filter(|e| e.wish == wish).count();
        // no_preempt × failed_before without both (3), has_standby (2), on_failure (2).
        assert_eq!(by(Wish::None), 3 * 2 * 2);
        // Neither the role (2) nor the past (2 × 2 × 2) matters.
        assert_eq!(by(Wish::Promote), 2 * 8 * 2 * 2);
        // Nor health (3), damping (2) and start-delay (2).
        assert_eq!(by(Wish::Force), 3 * 2 * 2 * by(Wish::Promote));
    }

    #[test]
    fn a_service_without_standby_attributes_stands_by_only_by_its_role() {
        for e in everything() {
            let (posture, because) = posture(&e);
            if posture == Posture::Standby && !e.has_standby {
                assert_eq!(because, Because::Secondary, "{e:?}");
            }
        }
    }

    #[test]
    fn standby_never_ties_with_the_node_whose_role_it_is() {
        for e in everything() {
            let (posture, because) = posture(&e);
            if posture == Posture::Standby {
                let by_role = because == Because::Secondary;
                assert_eq!(prepends(posture, because), !by_role, "{e:?}");
                assert!(
                    !by_role || (e.role == Role::Secondary && e.health == Health::Yes && !e.damped),
                    "{e:?}"
                );
            }
        }
    }

    #[test]
    fn a_drain_never_announces_what_was_not_announced_before() {
        for e in everything() {
            let e = Evidence { wish: if e.wish == Wish::Drain { Wish::None } else { e.wish }, ..e };
            let without = posture(&Evidence { drain: Drain::No, ..e }).0;
            let with = posture(&Evidence { drain: Drain::Running, ..e }).0;
            assert_eq!(with.announces(), without.announces(), "{e:?}");
            assert!(!with.announces() || with == Posture::Draining, "{e:?}");
            assert!(!posture(&Evidence { drain: Drain::Over, ..e }).0.announces(), "{e:?}");
        }
    }

    #[test]
    fn better_evidence_never_lowers_the_posture() {
        for e in everything() {
            for (worse, better) in [
                (Evidence { link_up: false, ..e }, Evidence { link_up: true, ..e }),
                (
                    Evidence { presence: Presence::Missing, ..e },
                    Evidence { presence: Presence::Present, ..e },
                ),
                (Evidence { damped: true, ..e }, Evidence { damped: false, ..e }),
                (Evidence { start_delay_over: false, ..e }, Evidence { start_delay_over: true, ..e }),
                (Evidence { preempt_delay_over: false, ..e }, Evidence { preempt_delay_over: true, ..e }),
                (Evidence { failed_before: true, ..e }, Evidence { failed_before: false, ..e }),
                (Evidence { no_preempt: true, ..e }, Evidence { no_preempt: false, ..e }),
            ] {
                let (low, high) = (posture(&worse).0, posture(&better).0);
                // Undecided is not below withdrawn: neither announces.
                assert!(!low.announces() || low <= high, "{worse:?} {better:?}");
            }
        }
    }

    #[test]
    fn the_rows_an_operator_meets() {
        for (evidence, expected) in [
            (WELL, (Posture::Active, Because::Primary)),
            (Evidence { role: Role::Secondary, ..WELL }, (Posture::Standby, Because::Secondary)),
            (Evidence { health: Health::No, ..WELL }, (Posture::Withdrawn, Because::Unhealthy)),
            (
                Evidence { health: Health::No, on_failure: OnFailure::Standby, ..WELL },
                (Posture::Standby, Because::Unhealthy),
            ),
            (Evidence { preempt_delay_over: false, ..WELL }, (Posture::Standby, Because::PreemptDelay)),
            (
                Evidence { preempt_delay_over: false, has_standby: false, ..WELL },
                (Posture::Withdrawn, Because::PreemptDelay),
            ),
            (Evidence { start_delay_over: false, ..WELL }, (Posture::Withdrawn, Because::StartDelay)),
            (Evidence { drain: Drain::Running, ..WELL }, (Posture::Draining, Because::Drained)),
            (
                Evidence { drain: Drain::Running, health: Health::No, ..WELL },
                (Posture::Withdrawn, Because::Drained),
            ),
            (Evidence { damped: true, ..WELL }, (Posture::Standby, Because::Damped)),
            (Evidence { damped: true, has_standby: false, ..WELL }, (Posture::Withdrawn, Because::Damped)),
            (Evidence { wish: Wish::Demote, ..WELL }, (Posture::Standby, Because::Demoted)),
            (
                Evidence { wish: Wish::Promote, role: Role::Secondary, ..WELL },
                (Posture::Active, Because::Promoted),
            ),
            (
                Evidence { wish: Wish::Promote, health: Health::No, ..WELL },
                (Posture::Withdrawn, Because::Unhealthy),
            ),
            (Evidence { wish: Wish::Force, health: Health::No, ..WELL }, (Posture::Active, Because::Forced)),
            (
                Evidence { wish: Wish::Force, presence: Presence::Missing, ..WELL },
                (Posture::Withdrawn, Because::AddressMissing),
            ),
            (
                Evidence { failed_before: true, no_preempt: true, ..WELL },
                (Posture::Standby, Because::NoPreempt),
            ),
        ] {
            assert_eq!(posture(&evidence), expected, "{evidence:?}");
        }
        // It is const: a table can be computed while compiling.
        const { assert!(matches!(posture(&WELL), (Posture::Active, Because::Primary))) };
    }
}
