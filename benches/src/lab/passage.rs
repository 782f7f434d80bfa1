//! What a client saw of a move from one node to the other: a pure function of its probes and answers.

use std::time::{Duration, Instant};

use holdover_tests::harness::probe::Answer;

/// A move of the traffic, as the client saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// When the new node answered first.
    pub first: Option<Instant>,
    /// From the last answer of the old node before that to it: the outage.
    pub outage: Option<Duration>,
    /// The old node went on answering to the end, or again.
    pub old_answers: bool,
    /// Probes without an answer.
    pub lost: usize,
    /// The longest time between two probes that were answered, by when they were sent.
    pub silence: Duration,
    /// The longest time in which the client itself sent nothing.
    pub pause: Duration,
    /// From the sending of the probe that the new node answered first to its answer.
    pub travel: Duration,
    /// The new node answered before the fault already: the traffic had moved by itself.
    pub was_away: bool,
}

/// What is known of a span of time around a fault.
pub struct Span<'a> {
    /// The fault.
    pub at: Instant,
    /// The span's end: probes sent until then count.
    pub end: Instant,
    /// The number of the first probe, and when it and the later ones were sent.
    pub sent: &'a (usize, Vec<Instant>),
    /// The answers in the order of their coming.
    pub answers: &'a [Answer],
}

/// Reads off what happened to the traffic that should move from `old` to `new`.
pub fn passage(span: &Span<'_>, old: &str, new: &str) -> Passage {
    let answer = span.answers.iter().find(|answer| answer.at > span.at && answer.by == new);
    let first = answer.map(|answer| answer.at);
    let of_old: Vec<Instant> =
        span.answers.iter().filter(|answer| answer.by == old).map(|answer| answer.at).collect();
    let last = of_old.iter().rfind(|at| first.is_none_or(|first| **at < first));
    let before = span.answers.iter().take_while(|answer| answer.at <= span.at).last();
    let (number, sent) = span.sent;
    let sent_at = |answer: &Answer| sent.get(answer.probe.checked_sub(*number)?).copied();
    let mut answered = vec![false; sent.len()];
    for answer in span.answers {
        if let Some(slot) = answer.probe.checked_sub(*number).and_then(|at| answered.get_mut(at)) {
            *slot = true;
        }
    }
    Passage {
        first,
        outage: first.zip(last).map(|(first, last)| first - *last),
        old_answers: of_old.last().is_some_and(|at| *at + GOES_ON > span.end),
        lost: answered.iter().filter(|answered| !**answered).count(),
        silence: longest(sent.iter().zip(&answered).filter(|(_, it)| **it).map(|(at, _)| *at), span.end),
        travel: answer.and_then(|answer| Some(answer.at - sent_at(answer)?)).unwrap_or_default(),
        was_away: before.is_some_and(|answer| answer.by == new),
        // What comes after the first answer of the new node changes no figure.
        pause: longest(
            sent.iter().copied().take_while(|at| first.is_none_or(|first| *at <= first)),
            first.unwrap_or(span.end),
        ),
    }
}

/// A node whose last answer is not older than this goes on answering.
const GOES_ON: Duration = Duration::from_millis(100);

/// The longest step between these moments, in their order, and on to `end`.
fn longest(moments: impl Iterator<Item = Instant>, end: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    let mut before: Option<Instant> = None;
    for at in moments.take_while(|at| *at < end).chain([end]) {
        longest = longest.max(before.map_or(Duration::ZERO, |before| at.saturating_duration_since(before)));
        before = Some(at);
    }
    longest
}

impl Passage {
    /// Whether something else than the fault could have made a figure of `took`: the client sent nothing, or an answer
    /// was on its way, for more than 3 ms and more than a twentieth of it, or the traffic had moved before.
    pub fn is_disturbed(&self, took: Duration) -> bool {
        self.was_away || self.pause.max(self.travel) > Duration::from_millis(3).max(took / 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A probe each millisecond from 0 to 99, the fault at 20; `answer` says who answers a probe, a moment later.
    fn seen(answer: fn(usize) -> Option<&'static str>, pause: std::ops::Range<usize>) -> Passage {
        measured(answer, pause).0
    }

    /// The same, and whether it is disturbed.
    fn measured(answer: fn(usize) -> Option<&'static str>, pause: std::ops::Range<usize>) -> (Passage, bool) {
        let zero = Instant::now();
        let at = |milliseconds: usize| zero + Duration::from_millis(u64::try_from(milliseconds).unwrap());
        let sent: Vec<usize> = (0..100).filter(|n| !pause.contains(n)).collect();
        let answers: Vec<Answer> = sent
            .iter()
            .enumerate()
            .filter_map(|(probe, n)| {
                let by = answer(*n)?.to_owned();
                Some(Answer { at: at(*n) + Duration::from_micros(100), probe: probe + 7, by })
            })
            .collect();
        let sent = (7, sent.into_iter().map(at).collect());
        let span = Span { at: at(20), end: at(100), sent: &sent, answers: &answers };
        let passage = passage(&span, "n1", "n2");
        (passage, passage.is_disturbed(Duration::ZERO))
    }

    #[test]
    fn an_outage_is_from_the_last_answer_of_the_old_node_to_the_first_of_the_new_one() {
        let cut = |n: usize| match n {
            0..20 => Some("n1"),
            50.. => Some("n2"),
            _ => None,
        };
        let passage = seen(cut, 0..0);
        assert_eq!(passage.outage, Some(Duration::from_millis(31)));
        assert_eq!(passage.silence, Duration::from_millis(31));
        assert_eq!(passage.lost, 30);
        assert!(!passage.old_answers || passage.first.is_some());
    }

    #[test]
    fn a_move_without_loss_has_the_outage_of_one_probe() {
        let passage = seen(|n| Some(if n < 30 { "n1" } else { "n2" }), 0..0);
        assert_eq!((passage.outage, passage.lost), (Some(Duration::from_millis(1)), 0));
    }

    #[test]
    fn nothing_moved_while_the_old_node_goes_on() {
        let passage = seen(|n| (n != 25).then_some("n1"), 0..0);
        assert_eq!((passage.first, passage.outage, passage.lost), (None, None, 1));
        assert!(passage.old_answers);
        assert_eq!(passage.silence, Duration::from_millis(2));
    }

    #[test]
    fn an_outage_without_an_end_has_neither_first_answer_nor_outage_but_a_silence() {
        let passage = seen(|n| (n < 20).then_some("n1"), 0..0);
        assert_eq!((passage.first, passage.outage, passage.lost), (None, None, 80));
        assert!(passage.silence > Duration::from_millis(80));
    }

    #[test]
    fn a_client_that_did_not_run_is_told_from_a_network_that_did_not_answer() {
        let cut = |n: usize| match n {
            0..20 => Some("n1"),
            50.. => Some("n2"),
            _ => None,
        };
        assert!(measured(cut, 30..60).1);
        assert!(!measured(cut, 0..0).1);
        assert!(!measured(cut, 30..31).1, "a pause that changes nothing");
        assert!(!measured(cut, 80..95).1, "a pause after the move");
    }

    #[test]
    fn an_answer_that_was_long_on_its_way_is_told_from_one_that_came_at_once() {
        let passage = seen(|n| Some(if n < 30 { "n1" } else { "n2" }), 0..0);
        assert_eq!(passage.travel, Duration::from_micros(100));
        let late = Passage { travel: Duration::from_millis(20), ..passage };
        assert!(late.is_disturbed(Duration::from_millis(128)) && !late.is_disturbed(Duration::from_secs(2)));
    }

    #[test]
    fn traffic_that_had_moved_before_the_fault_tells_nothing_about_it() {
        assert!(measured(|n| Some(if n < 10 { "n1" } else { "n2" }), 0..0).1);
        assert!(!measured(|n| Some(if n < 30 { "n1" } else { "n2" }), 0..0).1);
    }
}
