//! The state machine of RFC 5880 sections 6.2 and 6.8.6 as one pure, total table.

use crate::wire::bfd::{Diagnostic, State};

/// What can happen to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A packet came whose sender is in this state.
    Heard(State),
    /// None came for the Detection Time.
    Expired,
}

impl Event {
    const fn column(self) -> usize {
        match self {
            Self::Heard(state) => state as usize,
            Self::Expired => 4,
        }
    }
}

/// What an event leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The state after it.
    pub next: State,
    /// What the session says of the change; of none when the state stays.
    pub diagnostic: Diagnostic,
}

/// The step that an event leads to.
pub(crate) const fn transition(state: State, event: Event) -> Step {
    TABLE[state as usize][event.column()]
}

const fn to(next: State) -> Step {
    Step { next, diagnostic: Diagnostic::None }
}

const STAY_OUT: Step = to(State::AdminDown);
const DOWN: Step = to(State::Down);
const INIT: Step = to(State::Init);
const UP: Step = to(State::Up);
/// The other system says that it is down.
const SIGNALED: Step = Step { next: State::Down, diagnostic: Diagnostic::NeighborSignaledDown };
/// The other system is not heard any more.
const SILENT: Step = Step { next: State::Down, diagnostic: Diagnostic::DetectionTimeExpired };

/// Rows: our state. Columns: the state heard (AdminDown, Down, Init, Up), and silence.
const TABLE: [[Step; 5]; 4] = [
    [STAY_OUT, STAY_OUT, STAY_OUT, STAY_OUT, STAY_OUT], // AdminDown
    [DOWN, INIT, UP, DOWN, DOWN],                       // Down
    [SIGNALED, INIT, UP, UP, SILENT],                   // Init
    [SIGNALED, SIGNALED, UP, UP, SILENT],               // Up
];

#[cfg(test)]
mod tests {
    use super::*;
    use State::{AdminDown, Down, Init, Up};

    /// Section 6.8.6 read aloud, and section 6.8.4 for silence: apart from the table.
    fn as_written(state: State, event: Event) -> (State, Diagnostic) {
        let signaled = (Down, Diagnostic::NeighborSignaledDown);
        match event {
            _ if state == AdminDown => (AdminDown, Diagnostic::None),
            Event::Expired if state == Down => (Down, Diagnostic::None),
            Event::Expired => (Down, Diagnostic::DetectionTimeExpired),
            Event::Heard(AdminDown) if state != Down => signaled,
            Event::Heard(heard) => match (state, heard) {
                (Down, Down) => (Init, Diagnostic::None),
                (Down, Init) | (Init, Init | Up) => (Up, Diagnostic::None),
                (Up, Down) => signaled,
                _ => (state, Diagnostic::None),
            },
        }
    }

    #[test]
    fn rfc5880_6_8_6_every_cell_is_what_the_text_says() {
        for state in State::ALL {
            for event in State::ALL.map(Event::Heard).into_iter().chain([Event::Expired]) {
                let step = transition(state, event);
                assert_eq!((step.next, step.diagnostic), as_written(state, event), "{state} {event:?}");
            }
        }
    }

    #[test]
    fn two_sessions_that_hear_each_other_are_up_after_three_packets() {
        let (mut ours, mut theirs) = (Down, Down);
        for _ in 0..2 {
            theirs = transition(theirs, Event::Heard(ours)).next;
            ours = transition(ours, Event::Heard(theirs)).next;
        }
        assert_eq!((ours, theirs), (Up, Up));
    }

    #[test]
    fn rfc5880_6_2_both_sides_must_see_a_session_down_before_it_comes_up_again() {
        // Ours went down; as long as theirs believes to be up, ours stays down.
        assert_eq!(transition(Down, Event::Heard(Up)).next, Down);
        assert_eq!(transition(Up, Event::Heard(Down)).next, Down);
    }
}
