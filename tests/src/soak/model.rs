//! When the client must have an answer: a small model of what each fault allows, written apart from the daemon.
//!
//! An answer is demanded while the client's route server and at least one node are ready, except for the budget of a
//! fault that began at a node that may have been the one to answer. A fault of a node that did not answer, and has been
//! ready for a while, excuses nothing.

use std::time::Duration;

use super::{Event, Node, Notice, SERVER_RECOVERY, millis};

/// A moment, counted from the begin of the soak.
pub type Moment = Duration;

/// For how long after it is ready the traffic may still be on its way to a node.
const UNSETTLED: Duration = millis(2_000);

/// How long before a fault that takes the answer away a probe may have been sent that was still on its way.
const IN_FLIGHT: Duration = millis(50);

/// Spans of time, each later than the one before; the last may be open.
#[derive(Clone, Debug, Default)]
struct Spans(Vec<(Moment, Option<Moment>)>);

impl Spans {
    fn begin(&mut self, at: Moment) {
        self.0.push((at, None));
    }

    fn end(&mut self, at: Moment) {
        if let Some(last) = self.0.last_mut().filter(|last| last.1.is_none()) {
            last.1 = Some(at.max(last.0));
        }
    }

    fn has(&self, at: Moment) -> bool {
        self.0.iter().rev().any(|(from, to)| *from <= at && to.is_none_or(|to| at < to))
    }

    /// Since when it has lasted, if it does.
    fn since(&self) -> Option<Moment> {
        self.0.last().filter(|last| last.1.is_none()).map(|last| last.0)
    }
}

/// The model.
#[derive(Clone, Debug)]
pub struct Model {
    notice: Notice,
    nodes: [Spans; 2],
    server: Spans,
    excuses: Vec<(Moment, Moment)>,
}

impl Model {
    /// All is ready.
    pub fn new(notice: Notice) -> Self {
        let ready = Spans(vec![(Moment::ZERO, None)]);
        Self { notice, nodes: [ready.clone(), ready.clone()], server: ready, excuses: Vec::new() }
    }

    /// An event that was brought about between these two moments; `answering`: which nodes have answered in the second
    /// before.
    pub fn note(&mut self, event: Event, (from, to): (Moment, Moment), answering: [bool; 2]) {
        match event {
            Event::Begin(node, fault) => {
                let budget = fault.budget(self.notice);
                let from = if budget.is_zero() { from } else { from.saturating_sub(IN_FLIGHT) };
                self.excuse(node, from, to + budget, answering);
                self.nodes[node].end(from);
            }
            Event::End(node, fault) => self.nodes[node].begin(to + fault.recovery()),
            Event::AddressTaken(node) => {
                self.excuse(node, from.saturating_sub(IN_FLIGHT), to + event.budget(), answering);
            }
            Event::ServerDown(0) => self.server.end(from.saturating_sub(IN_FLIGHT)),
            Event::ServerUp(0) => self.server.begin(to + SERVER_RECOVERY),
            Event::Wanted(..)
            | Event::Unwanted(_)
            | Event::Reload(_)
            | Event::ServerDown(_)
            | Event::ServerUp(_) => {}
        }
    }

    fn excuse(&mut self, node: Node, from: Moment, to: Moment, answering: [bool; 2]) {
        let settled = self.nodes[node].since().is_some_and(|since| since + UNSETTLED <= from);
        if answering[node] || !settled {
            self.excuses.push((from, to));
        }
    }

    /// Whether a probe sent at this moment must be answered.
    pub fn demands(&self, at: Moment) -> bool {
        self.server.has(at)
            && self.nodes.iter().any(|node| node.has(at))
            && !self.excuses.iter().rev().any(|(from, to)| (*from..=*to).contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::*;

    const FIRST: [bool; 2] = [true, false];

    fn at(millis_since: u64) -> Moment {
        millis(millis_since)
    }

    fn note(model: &mut Model, event: Event, when: u64, answering: [bool; 2]) {
        model.note(event, (at(when), at(when)), answering);
    }

    #[test]
    fn a_cut_of_the_node_that_answers_is_excused_for_its_budget_and_no_longer() {
        for (notice, until) in [(Notice::Hold, 14_000), (Notice::Bfd, 10_400)] {
            let mut model = Model::new(notice);
            note(&mut model, Event::Begin(0, Fault::Cut), 10_000, FIRST);
            assert!(model.demands(at(9_949)) && !model.demands(at(9_950)) && !model.demands(at(until)));
            assert!(model.demands(at(until + 1)));
        }
    }

    #[test]
    fn a_fault_of_the_other_node_excuses_nothing() {
        let mut model = Model::new(Notice::Hold);
        note(&mut model, Event::Begin(1, Fault::Cut), 10_000, FIRST);
        assert!(model.demands(at(10_000)) && model.demands(at(11_000)));
    }

    #[test]
    fn nothing_is_demanded_while_both_are_broken_and_until_one_has_recovered() {
        let mut model = Model::new(Notice::Hold);
        note(&mut model, Event::Begin(1, Fault::Kill), 10_000, FIRST);
        note(&mut model, Event::Begin(0, Fault::Kill), 11_000, FIRST);
        assert!(!model.demands(at(11_500)) && !model.demands(at(60_000)));
        note(&mut model, Event::End(1, Fault::Kill), 20_000, FIRST);
        assert!(!model.demands(at(23_999)) && model.demands(at(24_000)));
    }

    #[test]
    fn a_fault_of_a_node_that_is_just_taking_over_is_excused() {
        let mut model = Model::new(Notice::Hold);
        note(&mut model, Event::Begin(0, Fault::Drain), 10_000, FIRST);
        note(&mut model, Event::End(0, Fault::Drain), 20_000, [false, true]);
        note(&mut model, Event::Begin(0, Fault::Cut), 21_500, [false, true]);
        assert!(model.demands(at(21_449)) && !model.demands(at(25_500)) && model.demands(at(25_501)));
    }

    #[test]
    fn the_clients_route_server_is_on_every_way() {
        let mut model = Model::new(Notice::Hold);
        note(&mut model, Event::ServerDown(1), 10_000, FIRST);
        assert!(model.demands(at(10_001)));
        note(&mut model, Event::ServerDown(0), 11_000, FIRST);
        note(&mut model, Event::ServerUp(0), 12_000, FIRST);
        assert!(!model.demands(at(15_999)) && model.demands(at(16_000)));
    }
}
