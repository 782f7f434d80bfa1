//! The BGP finite state machine (RFC 4271 section 8) as one pure, total table.
//!
//! [`transition`] is the only place that names the next state of a connection. Each of a peer's two connection slots runs
//! this machine; what a peer does with two of them (RFC 4271 section 6.8) stands in `peer`. The repository's
//! `docs/fsm.md` shows every cell, written by a test.
//!
//! Optional parts that are not used: `DelayOpen` (events 12 and 20 never happen), `DampPeerOscillations` (the peer's own
//! pauses do that), `SendNOTIFICATIONwithoutOPEN`. Four recorded deviations, each as FRR and BIRD do it:
//! * Connect, event 18 (the TCP connection fails): Active instead of Idle, where the retry timer runs.
//! * OpenSent, event 25 (a NOTIFICATION comes): no answer; the RFC would send an FSM error to a peer that said goodbye.
//! * Established, events 21 and 22: the message's own error is sent (section 6.1), not an FSM error.
//! * OpenConfirm, event 19 (a second OPEN on one connection): an FSM error; collisions are between two connections.

use core::fmt;

/// The states of a connection (RFC 4271 section 8.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Refuses connections, uses no resources.
    #[default]
    Idle,
    /// Waits for the TCP connection to complete.
    Connect,
    /// Waits to be connected to, or for the time to try again.
    Active,
    /// Has sent an OPEN, waits for the peer's.
    OpenSent,
    /// Has both OPENs, waits for a KEEPALIVE.
    OpenConfirm,
    /// Exchanges UPDATEs.
    Established,
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Connect, Self::Active, Self::OpenSent, Self::OpenConfirm, Self::Established];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        })
    }
}

/// The events (RFC 4271 section 8.1; 29 is RFC 9687's). The value is the event's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the RFC's own")]
pub enum Event {
    ManualStart = 1,
    ManualStop = 2,
    AutomaticStart = 3,
    ManualStartPassive = 4,
    AutomaticStartPassive = 5,
    AutomaticStartDamp = 6,
    AutomaticStartDampPassive = 7,
    AutomaticStop = 8,
    ConnectRetryTimerExpires = 9,
    HoldTimerExpires = 10,
    KeepaliveTimerExpires = 11,
    DelayOpenTimerExpires = 12,
    IdleHoldTimerExpires = 13,
    TcpConnectionValid = 14,
    TcpCrInvalid = 15,
    TcpCrAcked = 16,
    TcpConnectionConfirmed = 17,
    TcpConnectionFails = 18,
    BgpOpen = 19,
    BgpOpenDelayed = 20,
    BgpHeaderErr = 21,
    BgpOpenMsgErr = 22,
    OpenCollisionDump = 23,
    NotifMsgVerErr = 24,
    NotifMsg = 25,
    KeepAliveMsg = 26,
    UpdateMsg = 27,
    UpdateMsgErr = 28,
    SendHoldTimerExpires = 29,
}

impl Event {
    /// All events, in the order of their numbers.
    pub const ALL: [Self; 29] = [
        Self::ManualStart,
        Self::ManualStop,
        Self::AutomaticStart,
        Self::ManualStartPassive,
        Self::AutomaticStartPassive,
        Self::AutomaticStartDamp,
        Self::AutomaticStartDampPassive,
        Self::AutomaticStop,
        Self::ConnectRetryTimerExpires,
        Self::HoldTimerExpires,
        Self::KeepaliveTimerExpires,
        Self::DelayOpenTimerExpires,
        Self::IdleHoldTimerExpires,
        Self::TcpConnectionValid,
        Self::TcpCrInvalid,
        Self::TcpCrAcked,
        Self::TcpConnectionConfirmed,
        Self::TcpConnectionFails,
        Self::BgpOpen,
        Self::BgpOpenDelayed,
        Self::BgpHeaderErr,
        Self::BgpOpenMsgErr,
        Self::OpenCollisionDump,
        Self::NotifMsgVerErr,
        Self::NotifMsg,
        Self::KeepAliveMsg,
        Self::UpdateMsg,
        Self::UpdateMsgErr,
        Self::SendHoldTimerExpires,
    ];
}

/// What a step does, as a set; executed in one fixed order (`conn`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions(u16);

impl Actions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Start a TCP connection.
    pub const CONNECT: Self = Self(1);
    /// Start the ConnectRetryTimer.
    pub const RETRY_START: Self = Self(1 << 1);
    /// Stop the ConnectRetryTimer.
    pub const RETRY_STOP: Self = Self(1 << 2);
    /// Set the ConnectRetryCounter to zero.
    pub const COUNTER_ZERO: Self = Self(1 << 3);
    /// Increment the ConnectRetryCounter.
    pub const COUNTER_UP: Self = Self(1 << 4);
    /// Send an OPEN, and wait for the peer's for as long as the large HoldTimer runs.
    pub const OPEN: Self = Self(1 << 5);
    /// Send a KEEPALIVE.
    pub const KEEPALIVE: Self = Self(1 << 6);
    /// Start the KeepaliveTimer.
    pub const KEEPALIVE_START: Self = Self(1 << 7);
    /// Restart the HoldTimer with the negotiated time.
    pub const HOLD_START: Self = Self(1 << 8);
    /// Send a NOTIFICATION that tells the event.
    pub const NOTIFY: Self = Self(1 << 9);
    /// Close the TCP connection and release what belongs to it.
    pub const DROP: Self = Self(1 << 10);
    /// The session is up.
    pub const UP: Self = Self(1 << 11);
    /// The session is down: forget the peer's routes, and what it was told.
    pub const DOWN: Self = Self(1 << 12);
    /// Process the UPDATE.
    pub const UPDATE: Self = Self(1 << 13);
    /// The NOTIFICATION is an FSM error (RFC 6608).
    pub const FSM_ERROR: Self = Self(1 << 14);

    const NAMES: [(Self, &str); 15] = [
        (Self::RETRY_STOP, "stop ConnectRetry"),
        (Self::COUNTER_ZERO, "counter = 0"),
        (Self::COUNTER_UP, "counter + 1"),
        (Self::NOTIFY, "NOTIFICATION"),
        (Self::FSM_ERROR, "(FSM error)"),
        (Self::DOWN, "session down"),
        (Self::DROP, "close TCP"),
        (Self::RETRY_START, "start ConnectRetry"),
        (Self::CONNECT, "connect"),
        (Self::OPEN, "OPEN"),
        (Self::KEEPALIVE, "KEEPALIVE"),
        (Self::KEEPALIVE_START, "start Keepalive"),
        (Self::HOLD_START, "restart Hold"),
        (Self::UP, "session up"),
        (Self::UPDATE, "process UPDATE"),
    ];

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (action, name) in Self::NAMES {
            if self.has(action) {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// What an event does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The next state.
    pub next: State,
    /// What is done on the way.
    pub actions: Actions,
}

const fn step(next: State, actions: Actions) -> Step {
    Step { next, actions }
}

/// Ends the connection with a NOTIFICATION.
const NOTIFY: Actions = Actions::NOTIFY.and(Actions::RETRY_STOP).and(Actions::DROP).and(Actions::COUNTER_UP);
/// Ends the connection without one.
const END: Actions = Actions::RETRY_STOP.and(Actions::DROP).and(Actions::COUNTER_UP);
/// An operator ends it.
const STOP: Actions = Actions::RETRY_STOP.and(Actions::DROP).and(Actions::COUNTER_ZERO);
const FSM_ERROR: Actions = NOTIFY.and(Actions::FSM_ERROR);

/// The table: what `event` does in `state`.
///
/// ```
/// use holdover_core::bgp::fsm::{Actions, Event, State, transition};
///
/// let step = transition(State::Established, Event::HoldTimerExpires);
/// assert_eq!(step.next, State::Idle);
/// assert!(step.actions.has(Actions::NOTIFY) && step.actions.has(Actions::DOWN));
/// ```
pub const fn transition(state: State, event: Event) -> Step {
    match state {
        State::Idle => idle(event),
        State::Connect => connect(event),
        State::Active => active(event),
        State::OpenSent => open_sent(event),
        State::OpenConfirm => open_confirm(event),
        State::Established => established(event),
    }
}

const fn idle(event: Event) -> Step {
    use Event as E;
    let start = Actions::COUNTER_ZERO.and(Actions::RETRY_START);
    match event {
        E::ManualStart | E::AutomaticStart | E::AutomaticStartDamp | E::IdleHoldTimerExpires => {
            step(State::Connect, start.and(Actions::CONNECT))
        }
        E::ManualStartPassive | E::AutomaticStartPassive | E::AutomaticStartDampPassive => {
            step(State::Active, start)
        }
        _ => step(State::Idle, Actions::NONE),
    }
}

const fn connect(event: Event) -> Step {
    use Event as E;
    match event {
        E::ManualStart
        | E::AutomaticStart
        | E::ManualStartPassive
        | E::AutomaticStartPassive
        | E::AutomaticStartDamp
        | E::AutomaticStartDampPassive
        | E::TcpConnectionValid
        | E::TcpCrInvalid => step(State::Connect, Actions::NONE),
        E::ManualStop => step(State::Idle, STOP),
        E::ConnectRetryTimerExpires => {
            step(State::Connect, Actions::DROP.and(Actions::RETRY_START).and(Actions::CONNECT))
        }
        E::TcpCrAcked | E::TcpConnectionConfirmed => {
            step(State::OpenSent, Actions::RETRY_STOP.and(Actions::OPEN))
        }
        E::TcpConnectionFails => step(State::Active, Actions::DROP.and(Actions::RETRY_START)),
        _ => step(State::Idle, END),
    }
}

const fn active(event: Event) -> Step {
    use Event as E;
    match event {
        E::ManualStart
        | E::AutomaticStart
        | E::ManualStartPassive
        | E::AutomaticStartPassive
        | E::AutomaticStartDamp
        | E::AutomaticStartDampPassive
        | E::TcpConnectionValid
        | E::TcpCrInvalid => step(State::Active, Actions::NONE),
        E::ManualStop => step(State::Idle, STOP),
        E::ConnectRetryTimerExpires => step(State::Connect, Actions::RETRY_START.and(Actions::CONNECT)),
        E::TcpCrAcked | E::TcpConnectionConfirmed => {
            step(State::OpenSent, Actions::RETRY_STOP.and(Actions::OPEN))
        }
        E::TcpConnectionFails => {
            step(State::Idle, Actions::DROP.and(Actions::RETRY_START).and(Actions::COUNTER_UP))
        }
        _ => step(State::Idle, END),
    }
}

const fn open_sent(event: Event) -> Step {
    use Event as E;
    match event {
        E::ManualStart
        | E::AutomaticStart
        | E::ManualStartPassive
        | E::AutomaticStartPassive
        | E::AutomaticStartDamp
        | E::AutomaticStartDampPassive
        | E::TcpConnectionValid
        | E::TcpCrInvalid
        | E::TcpCrAcked
        | E::TcpConnectionConfirmed => step(State::OpenSent, Actions::NONE),
        E::ManualStop => step(State::Idle, STOP.and(Actions::NOTIFY)),
        E::AutomaticStop
        | E::HoldTimerExpires
        | E::BgpHeaderErr
        | E::BgpOpenMsgErr
        | E::OpenCollisionDump => step(State::Idle, NOTIFY),
        E::TcpConnectionFails => step(State::Active, Actions::DROP.and(Actions::RETRY_START)),
        E::BgpOpen => step(
            State::OpenConfirm,
            Actions::RETRY_STOP
                .and(Actions::KEEPALIVE)
                .and(Actions::KEEPALIVE_START)
                .and(Actions::HOLD_START),
        ),
        E::NotifMsgVerErr => step(State::Idle, Actions::RETRY_STOP.and(Actions::DROP)),
        E::NotifMsg | E::SendHoldTimerExpires => step(State::Idle, END),
        _ => step(State::Idle, FSM_ERROR),
    }
}

const fn open_confirm(event: Event) -> Step {
    use Event as E;
    match event {
        E::ManualStart
        | E::AutomaticStart
        | E::ManualStartPassive
        | E::AutomaticStartPassive
        | E::AutomaticStartDamp
        | E::AutomaticStartDampPassive
        | E::TcpConnectionValid
        | E::TcpCrInvalid
        | E::TcpCrAcked
        | E::TcpConnectionConfirmed => step(State::OpenConfirm, Actions::NONE),
        E::ManualStop => step(State::Idle, STOP.and(Actions::NOTIFY)),
        E::AutomaticStop
        | E::HoldTimerExpires
        | E::BgpHeaderErr
        | E::BgpOpenMsgErr
        | E::OpenCollisionDump => step(State::Idle, NOTIFY),
        E::KeepaliveTimerExpires => {
            step(State::OpenConfirm, Actions::KEEPALIVE.and(Actions::KEEPALIVE_START))
        }
        E::TcpConnectionFails | E::NotifMsg | E::SendHoldTimerExpires => step(State::Idle, END),
        E::NotifMsgVerErr => step(State::Idle, Actions::RETRY_STOP.and(Actions::DROP)),
        E::KeepAliveMsg => step(State::Established, Actions::HOLD_START.and(Actions::UP)),
        _ => step(State::Idle, FSM_ERROR),
    }
}

const fn established(event: Event) -> Step {
    use Event as E;
    match event {
        E::ManualStart
        | E::AutomaticStart
        | E::ManualStartPassive
        | E::AutomaticStartPassive
        | E::AutomaticStartDamp
        | E::AutomaticStartDampPassive
        | E::TcpConnectionValid
        | E::TcpCrInvalid
        | E::TcpCrAcked
        | E::TcpConnectionConfirmed => step(State::Established, Actions::NONE),
        E::ManualStop => step(State::Idle, STOP.and(Actions::NOTIFY).and(Actions::DOWN)),
        E::AutomaticStop
        | E::HoldTimerExpires
        | E::BgpHeaderErr
        | E::BgpOpenMsgErr
        | E::OpenCollisionDump
        | E::UpdateMsgErr => step(State::Idle, NOTIFY.and(Actions::DOWN)),
        E::KeepaliveTimerExpires => {
            step(State::Established, Actions::KEEPALIVE.and(Actions::KEEPALIVE_START))
        }
        E::TcpConnectionFails | E::NotifMsgVerErr | E::NotifMsg | E::SendHoldTimerExpires => {
            step(State::Idle, END.and(Actions::DOWN))
        }
        E::KeepAliveMsg => step(State::Established, Actions::HOLD_START),
        E::UpdateMsg => step(State::Established, Actions::HOLD_START.and(Actions::UPDATE)),
        _ => step(State::Idle, FSM_ERROR.and(Actions::DOWN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_keeps_the_invariants_of_the_machine() {
        for state in State::ALL {
            for event in Event::ALL {
                let Step { next, actions } = transition(state, event);
                let cell = std::format!("{state} {event:?}");
                assert_eq!(
                    actions.has(Actions::UP),
                    next == State::Established && state != State::Established,
                    "{cell}"
                );
                assert_eq!(
                    actions.has(Actions::DOWN),
                    state == State::Established && next != State::Established,
                    "{cell}"
                );
                if next == State::Idle && state != State::Idle {
                    assert!(actions.has(Actions::DROP), "{cell}");
                }
                if actions.has(Actions::NOTIFY) {
                    assert!(state >= State::OpenSent && next == State::Idle, "{cell}");
                }
                if actions.has(Actions::FSM_ERROR) {
                    assert!(actions.has(Actions::NOTIFY), "{cell}");
                }
                assert_eq!(
                    actions.has(Actions::OPEN),
                    next == State::OpenSent && state < State::OpenSent,
                    "{cell}"
                );
            }
        }
    }

    #[test]
    fn an_operators_stop_ends_every_state_and_resets_the_counter() {
        for state in State::ALL.into_iter().skip(1) {
            let step = transition(state, Event::ManualStop);
            assert_eq!(step.next, State::Idle);
            assert!(step.actions.has(Actions::COUNTER_ZERO));
        }
    }
}
