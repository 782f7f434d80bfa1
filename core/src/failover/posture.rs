//! The decision: what a service announces, and why.

use core::fmt;

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
    /// An operator drained it.
    Drained,
    /// Its link is down.
    LinkDown,
    /// Its address is not on this host.
    AddressMissing,
    /// Its checks fail.
    Unhealthy,
    /// Its checks passed, and `start-delay` runs.
    StartDelay,
    /// It is healthy again, and `preempt delay` runs.
    PreemptDelay,
    /// `no preempt`: it failed once, and another machine may have taken over.
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
            Self::Starting => "it has just started",
            Self::Stopping => "Holdover is stopping",
            Self::Drained => "an operator drained it",
            Self::LinkDown => "its link is down",
            Self::AddressMissing => "its address is not on this host",
            Self::Unhealthy => "its checks fail",
            Self::StartDelay => "its start-delay runs",
            Self::PreemptDelay => "its preempt delay runs",
            Self::NoPreempt => "it failed before and may not preempt",
            Self::Primary => "its role is primary",
            Self::Secondary => "its role is secondary",
        })
    }
}
