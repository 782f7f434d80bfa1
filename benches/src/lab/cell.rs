//! A cell of the tables: what the repetitions of one fault say in one row, for one daemon.

use super::daemon::Daemon;
use super::plan::{Job, Measure, Row};
use super::record::{Line, Repetition, repetitions};
use super::setup::Setup;
use super::stats::{Summary, summary};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The daemon cannot do it, and why.
    Cannot(String),
    /// It was not part of the run.
    NotRun,
    /// It could not be measured, and why.
    Failed(String),
    /// It took longer than the limit, in milliseconds.
    AtLeast(f64),
    /// The figures, and the probes lost, where the row says them.
    Figures(Summary, Option<Summary>),
}

/// The cell of `row` for `daemon`, from the lines of a run.
pub fn cell(row: &Row, daemon: Daemon, lines: &[Line]) -> Cell {
    let setup = match row.way.setup(daemon) {
        Ok(setup) => setup,
        Err(why) => return Cell::Cannot(why.to_owned()),
    };
    let all: Vec<&Repetition> = repetitions(lines, Job { daemon, setup, fault: row.fault }).collect();
    let good: Vec<&Repetition> = all.iter().copied().filter(|repetition| !repetition.disturbed).collect();
    if good.is_empty() {
        return nothing(lines, row, daemon, setup, all.len());
    }
    let figures = good.iter().filter_map(|repetition| figure(row.measure, repetition));
    let mut figures = summary(figures);
    if figures.is_none() && row.measure == Measure::Start {
        figures = summary(fresh_starts(lines, daemon, setup));
    }
    let lost = summary(good.iter().filter_map(|repetition| lost(row.measure, repetition)));
    let unended = good.iter().find(|repetition| has_no_end(row.measure, repetition));
    match (figures, unended) {
        (_, Some(_)) if row.measure == Measure::Share => Cell::Cannot("no end within the limit".to_owned()),
        // One that did not end is worse than all that did.
        (_, Some(repetition)) => Cell::AtLeast(repetition.limit),
        (Some(figures), None) => Cell::Figures(figures, lost),
        (None, None) => Cell::Failed("the traffic never moved, so it never came back".to_owned()),
    }
}

/// Why there is no figure at all.
fn nothing(lines: &[Line], row: &Row, daemon: Daemon, setup: Setup, disturbed: usize) -> Cell {
    if disturbed > 0 {
        return Cell::Failed("the machine was too busy".to_owned());
    }
    let failure = lines.iter().find_map(|line| match line {
        Line::Failure(it) if it.daemon == daemon.name() && it.setup == setup && it.fault == row.fault => {
            Some(it)
        }
        _ => None,
    });
    failure.map_or(Cell::NotRun, |failure| Cell::Failed(failure.why.clone()))
}

/// The starts of the daemon in fresh networks, to its first answer.
fn fresh_starts(lines: &[Line], daemon: Daemon, setup: Setup) -> impl Iterator<Item = f64> {
    lines.iter().filter_map(move |line| match line {
        Line::Start(start) if start.daemon == daemon.name() && start.setup == setup => {
            Some(start.first_answer)
        }
        _ => None,
    })
}

fn figure(measure: Measure, repetition: &Repetition) -> Option<f64> {
    match measure {
        Measure::Move => repetition.moved,
        Measure::Outage => repetition.outage,
        Measure::Share => repetition.share,
        // A probe each millisecond: so long nobody answers a client that loses nothing.
        Measure::Silence => Some(repetition.silence),
        Measure::Start | Measure::Failback => repetition.back,
        Measure::AllServers => repetition.all_servers,
        Measure::Cpu => repetition.cpu,
    }
}

fn lost(measure: Measure, repetition: &Repetition) -> Option<f64> {
    let lost = match measure {
        Measure::Move | Measure::Silence => Some(repetition.lost),
        Measure::Failback => repetition.back_lost,
        _ => None,
    };
    lost.and_then(|lost| u32::try_from(lost).ok()).map(f64::from)
}

/// The fault has no end within the limit.
fn has_no_end(measure: Measure, repetition: &Repetition) -> bool {
    matches!(measure, Measure::Move | Measure::Outage | Measure::Share) && repetition.moved.is_none()
}

impl Cell {
    /// Whether the goal of the row is reached; none where there is no goal or no figure.
    pub fn reaches(&self, row: &Row) -> Option<bool> {
        let goal = row.goal?;
        match self {
            Self::Figures(figures, lost) => {
                let few = goal.lost.is_none_or(|most| lost.is_some_and(|lost| lost.median <= most));
                Some(figures.median <= goal.most && few)
            }
            Self::AtLeast(_) => Some(false),
            Self::Failed(_) | Self::Cannot(_) | Self::NotRun => None,
        }
    }

    /// The cell as text: `128 ms (117–148)`, `7.1 ms (6.4–8.2), 0 lost`, `≥ 60 s`, or why there is no figure.
    pub fn text(&self, measure: Measure) -> String {
        match self {
            Self::Cannot(why) => why.clone(),
            Self::NotRun => "not run".to_owned(),
            Self::Failed(why) => {
                format!("not measured: {}", why.split(['\n', '|']).next().unwrap_or_default())
            }
            Self::AtLeast(limit) => format!("≥ {}", duration(*limit)),
            Self::Figures(figures, lost) => {
                let text = if measure == Measure::Cpu { plain(figures) } else { range(figures) };
                text + &lost.as_ref().map_or(String::new(), lost_text)
            }
        }
    }
}

fn lost_text(lost: &Summary) -> String {
    let Summary { median, least, greatest, .. } = lost;
    if greatest > least {
        format!(", {median} lost ({least}–{greatest})")
    } else {
        format!(", {median} lost")
    }
}

fn plain(figures: &Summary) -> String {
    format!("{:.1} ({:.1}–{:.1})", figures.median, figures.least, figures.greatest)
}

/// `128 ms (117–148)`: all in the unit of the median.
fn range(figures: &Summary) -> String {
    let Summary { median, least, greatest, count } = *figures;
    if count == 1 {
        return duration(median);
    }
    let (least, greatest) = if median < 1e3 {
        (digits(least), digits(greatest))
    } else {
        (format!("{:.2}", least / 1e3), format!("{:.2}", greatest / 1e3))
    };
    format!("{} ({least}–{greatest})", duration(median))
}

/// `7.1 ms`, `128 ms`, `2.66 s`, `60 s`.
pub fn duration(milliseconds: f64) -> String {
    if milliseconds < 1e3 {
        format!("{} ms", digits(milliseconds))
    } else if milliseconds < 1e4 {
        format!("{:.2} s", milliseconds / 1e3)
    } else {
        format!("{:.0} s", milliseconds / 1e3)
    }
}

/// Two or three digits that mean something.
fn digits(milliseconds: f64) -> String {
    if milliseconds < 99.95 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Fault, Goal, TUNED, Way};
    use super::super::record::tests::quiet;
    use super::super::record::{Failure, Start};
    use super::*;

    const ROW: Row = Row {
        title: "SIGTERM",
        fault: Fault::Term,
        measure: Measure::Move,
        way: Way::Default,
        goal: Some(Goal { most: 8.0, lost: Some(0.0) }),
        drawn: true,
    };

    fn moved(milliseconds: f64, lost: usize) -> Line {
        let repetition = quiet("holdover", Setup::DEFAULT, Fault::Term);
        Line::Repetition(Repetition { moved: Some(milliseconds), lost, ..repetition })
    }

    #[test]
    fn figures_are_a_median_with_its_range_and_what_was_lost() {
        let cell = cell(&ROW, Daemon::Holdover, &[moved(7.0, 0), moved(6.0, 0), moved(7.5, 2)]);
        assert_eq!(cell.text(Measure::Move), "7.0 ms (6.0–7.5), 0 lost (0–2)");
        assert_eq!(cell.reaches(&ROW), Some(true));
    }

    #[test]
    fn a_goal_is_missed_by_time_or_by_loss() {
        let slow = cell(&ROW, Daemon::Holdover, &[moved(9.0, 0)]);
        assert_eq!(
            (slow.reaches(&ROW), slow.text(Measure::Move)),
            (Some(false), "9.0 ms, 0 lost".to_owned())
        );
        assert_eq!(cell(&ROW, Daemon::Holdover, &[moved(7.0, 1)]).reaches(&ROW), Some(false));
    }

    #[test]
    fn an_outage_without_an_end_is_at_least_the_limit_whatever_the_others_were() {
        let endless = Line::Repetition(quiet("holdover", Setup::DEFAULT, Fault::Term));
        let cell = cell(&ROW, Daemon::Holdover, &[moved(7.0, 0), endless]);
        assert_eq!(cell.text(Measure::Move), "≥ 60 s");
        assert_eq!(cell.reaches(&ROW), Some(false));
    }

    #[test]
    fn what_cannot_be_has_its_reason_and_no_verdict() {
        let bfd = TUNED.iter().find(|row| row.way == Way::Bfd(50)).unwrap();
        assert_eq!(cell(bfd, Daemon::Gobgp, &[]), Cell::Cannot("no BFD".to_owned()));
        assert_eq!(cell(&ROW, Daemon::Bird, &[moved(1.0, 0)]), Cell::NotRun);
        let failure = Failure {
            daemon: "bird".into(),
            setup: Setup::DEFAULT,
            fault: Fault::Term,
            why: "it ended\nx".into(),
        };
        let failed = cell(&ROW, Daemon::Bird, &[Line::Failure(failure)]);
        assert_eq!(failed.text(Measure::Move), "not measured: it ended");
        assert_eq!(failed.reaches(&ROW), None);
    }

    #[test]
    fn a_disturbed_repetition_gives_no_figure() {
        let Line::Repetition(good) = moved(7.0, 0) else { panic!("not a repetition") };
        let bad = Line::Repetition(Repetition { disturbed: true, moved: Some(99.0), ..good });
        assert_eq!(
            cell(&ROW, Daemon::Holdover, &[moved(7.0, 0), bad.clone()]).text(Measure::Move),
            "7.0 ms, 0 lost"
        );
        assert!(matches!(cell(&ROW, Daemon::Holdover, &[bad]), Cell::Failed(_)));
    }

    #[test]
    fn a_start_is_read_off_a_fresh_network_when_the_route_never_went_away() {
        let row = Row { measure: Measure::Start, goal: None, ..ROW };
        let endless = Line::Repetition(quiet("frr", Setup::DEFAULT, Fault::Term));
        let start =
            Start { daemon: "frr".into(), setup: Setup::DEFAULT, first_answer: 5300.0, all_servers: None };
        assert_eq!(cell(&row, Daemon::Frr, &[Line::Start(start), endless]).text(Measure::Start), "5.30 s");
    }

    #[test]
    fn durations_have_the_digits_that_mean_something() {
        for (milliseconds, text) in
            [(0.64, "0.6 ms"), (99.94, "99.9 ms"), (128.4, "128 ms"), (2663.0, "2.66 s"), (60_000.0, "60 s")]
        {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
