//! The client's book: which probe was answered by whom, and what follows from it.
//!
//! All times are counted from the book's opening. A probe is lost when no answer has come by the time its account is
//! made, which is at least [`GRACE`] after it was sent.

use std::ops::Range;
use std::time::Duration;

/// How long an answer may take before its probe is looked at: a hundred times what it takes in the demo's network.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// One of the two machines that share the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The primary.
    One,
    /// The secondary.
    Two,
}

impl Node {
    /// Both.
    pub(super) const BOTH: [Self; 2] = [Self::One, Self::Two];

    /// Its name, which is also what its echo service answers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One => "node1",
            Self::Two => "node2",
        }
    }

    /// The node of this name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Self::BOTH.into_iter().find(|node| node.name().as_bytes() == name)
    }

    /// 0 or 1.
    pub(super) fn index(self) -> usize {
        usize::from(self == Self::Two)
    }
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    sent: Duration,
    by: Option<Node>,
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    probes: Vec<Probe>,
}

/// What a fault cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// Probes without an answer.
    pub(super) lost: usize,
    /// For how long the address did not answer: from the first lost probe of a gap to the next answered one, all gaps
    /// together.
    pub(super) outage: Duration,
    /// From the fault to the first probe that the expected node answered; none: it answered none.
    pub(super) moved_in: Option<Duration>,
}

/// What one cell of the timeline shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// No probe was sent in it.
    Empty,
    /// Every probe was answered, the last one by this node.
    Answered(Node),
    /// Some were lost.
    Partly,
    /// All were lost.
    Silent,
}

impl Ledger {
    /// Enters a probe and returns its number.
    pub(super) fn send(&mut self, now: Duration) -> u64 {
        self.probes.push(Probe { sent: now, by: None });
        self.probes.len() as u64 - 1
    }

    /// Enters the answer to a probe; a number that was never sent is ignored.
    pub(super) fn answer(&mut self, number: u64, by: Node) {
        let probe = usize::try_from(number).ok().and_then(|number| self.probes.get_mut(number));
        if let Some(probe) = probe {
            probe.by = Some(by);
        }
    }

    /// How many probes were sent before `time`.
    pub(super) fn sent_before(&self, time: Duration) -> usize {
        self.probes.partition_point(|probe| probe.sent < time)
    }

    /// Of the probes in `window`, what a fault at `fault`, after which `expected` should answer, cost.
    pub(super) fn account(&self, window: Range<usize>, fault: Duration, expected: Node) -> Account {
        let probes = &self.probes[window];
        let mut account = Account { lost: 0, outage: Duration::ZERO, moved_in: None };
        let mut gap = None;
        for probe in probes {
            match (probe.by, gap) {
                (None, None) => gap = Some(probe.sent),
                (Some(_), Some(begin)) => {
                    account.outage += probe.sent.saturating_sub(begin);
                    gap = None;
                }
                _ => {}
            }
            account.lost += usize::from(probe.by.is_none());
            if account.moved_in.is_none() && probe.by == Some(expected) {
                account.moved_in = probe.sent.checked_sub(fault);
            }
        }
        if let (Some(begin), Some(last)) = (gap, probes.last()) {
            account.outage += last.sent.saturating_sub(begin);
        }
        account
    }

    /// Whether `node`, and nobody else, answered every probe sent in the `span` that ended [`GRACE`] before `now`.
    pub(super) fn is_steady(&self, node: Node, now: Duration, span: Duration) -> bool {
        let Some(begin) = now.checked_sub(GRACE + span) else { return false };
        let recent = &self.probes[self.sent_before(begin)..self.sent_before(now.saturating_sub(GRACE))];
        !recent.is_empty() && recent.iter().all(|probe| probe.by == Some(node))
    }

    /// Who answered last, of the probes sent in the half second before `now`.
    pub(super) fn answering(&self, now: Duration) -> Option<Node> {
        let begin = self.sent_before(now.saturating_sub(Duration::from_millis(500)));
        self.probes[begin..].iter().rev().find_map(|probe| probe.by)
    }

    /// How many were sent, and how many of them were lost, up to [`GRACE`] before `now`.
    pub(super) fn totals(&self, now: Duration) -> (usize, usize) {
        let sent = &self.probes[..self.sent_before(now.saturating_sub(GRACE))];
        (sent.len(), sent.iter().filter(|probe| probe.by.is_none()).count())
    }

    /// The timeline from `begin`, in cells of length `cell`, as far as it is known at `now`.
    pub(super) fn cells(&self, begin: Duration, now: Duration, cell: Duration) -> Vec<Cell> {
        let known = now.saturating_sub(GRACE);
        let mut cells = Vec::new();
        let mut start = begin;
        while start + cell <= known {
            let probes = &self.probes[self.sent_before(start)..self.sent_before(start + cell)];
            cells.push(Cell::of(probes));
            start += cell;
        }
        cells
    }
}

impl Cell {
    fn of(probes: &[Probe]) -> Self {
        let lost = probes.iter().filter(|probe| probe.by.is_none()).count();
        match probes.iter().rev().find_map(|probe| probe.by) {
            _ if probes.is_empty() => Self::Empty,
            Some(node) if lost == 0 => Self::Answered(node),
            Some(_) => Self::Partly,
            None => Self::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// One probe each millisecond; `1` and `2` are answered by that node, `.` by nobody.
    fn ledger(answers: &str) -> Ledger {
        let mut ledger = Ledger::default();
        for (time, answer) in (0..).zip(answers.chars()) {
            let number = ledger.send(ms(time));
            match answer {
                '1' => ledger.answer(number, Node::One),
                '2' => ledger.answer(number, Node::Two),
                _ => {}
            }
        }
        ledger
    }

    #[test]
    fn a_move_without_loss_has_no_outage() {
        let account = ledger("1111122222").account(0..10, ms(3), Node::Two);
        assert_eq!(account, Account { lost: 0, outage: ms(0), moved_in: Some(ms(2)) });
    }

    #[test]
    fn an_outage_lasts_from_the_first_lost_probe_to_the_next_answered_one() {
        let account = ledger("111....222").account(0..10, ms(3), Node::Two);
        assert_eq!(account, Account { lost: 4, outage: ms(4), moved_in: Some(ms(4)) });
    }

    #[test]
    fn several_gaps_add_up() {
        let account = ledger("11..1.22.2").account(0..10, ms(2), Node::Two);
        assert_eq!(account, Account { lost: 4, outage: ms(4), moved_in: Some(ms(4)) });
    }

    #[test]
    fn a_gap_that_does_not_end_counts_to_the_last_probe() {
        let account = ledger("111...").account(0..6, ms(3), Node::Two);
        assert_eq!(account, Account { lost: 3, outage: ms(2), moved_in: None });
    }

    #[test]
    fn what_happened_outside_the_window_costs_nothing() {
        let account = ledger("..11112222..").account(2..10, ms(5), Node::Two);
        assert_eq!(account, Account { lost: 0, outage: ms(0), moved_in: Some(ms(1)) });
    }

    #[test]
    fn an_answer_of_the_expected_node_before_the_fault_is_no_move() {
        let account = ledger("2211").account(0..4, ms(2), Node::Two);
        assert_eq!(account.moved_in, None);
    }

    #[test]
    fn steady_means_every_probe_of_the_span_and_one_node() {
        let answers = "1".repeat(50) + &"2".repeat(250);
        let ledger = ledger(&answers);
        assert!(ledger.is_steady(Node::Two, ms(300), ms(150)));
        assert!(!ledger.is_steady(Node::Two, ms(300), ms(151)), "node1 answered the first of these");
        assert!(!ledger.is_steady(Node::One, ms(300), ms(150)));
        assert!(!ledger.is_steady(Node::Two, ms(50), ms(100)), "there are no such probes");
    }

    #[test]
    fn a_lost_probe_is_not_steady() {
        let mut answers = "1".repeat(300);
        answers.replace_range(150..151, ".");
        assert!(!ledger(&answers).is_steady(Node::One, ms(300), ms(100)));
        assert!(ledger(&answers).is_steady(Node::One, ms(300), ms(49)));
    }

    #[test]
    fn cells_show_who_answered_and_what_was_lost() {
        let answers = "1111122222...2......".to_owned() + &" ".repeat(200);
        let cells = ledger(&answers).cells(ms(0), ms(120), ms(5));
        assert_eq!(cells, [Cell::Answered(Node::One), Cell::Answered(Node::Two), Cell::Partly, Cell::Silent]);
        assert_eq!(Ledger::default().cells(ms(0), ms(110), ms(10)), [Cell::Empty]);
    }

    #[test]
    fn an_answer_to_a_probe_that_was_never_sent_is_ignored() {
        let mut ledger = ledger("11");
        ledger.answer(2, Node::Two);
        ledger.answer(u64::MAX, Node::Two);
        assert_eq!(ledger.totals(ms(200)), (2, 0));
    }

    #[test]
    fn only_recent_answers_say_who_is_answering() {
        let ledger = ledger("112..");
        assert_eq!(ledger.answering(ms(5)), Some(Node::Two));
        assert_eq!(ledger.answering(ms(600)), None);
    }
}
