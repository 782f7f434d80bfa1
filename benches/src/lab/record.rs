//! The raw results: one JSON object a line, first the circumstances, then every repetition. The documents are made
//! from them and from nothing else.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use holdover_tests::harness::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::machine::Circumstances;
use super::plan::{Fault, Job};
use super::setup::Setup;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one, and the first of each run that went on with it: where, when, with what.
    Circumstances(Circumstances),
    /// A start of the primary's daemon in a fresh network.
    Start(Start),
    /// One fault and what the client saw.
    Repetition(Repetition),
    /// How much of the processors other things took before a network was made, 0 to 1.
    Busy(f64),
    /// A fault that could not be measured, and why.
    Failure(Failure),
}

/// A start of the primary's daemon in a fresh network, the secondary answering. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The daemon's name.
    pub daemon: String,
    /// Its setup.
    pub setup: Setup,
    /// To its first answer.
    pub first_answer: f64,
    /// To its route at all four route servers.
    pub all_servers: Option<f64>,
}

/// What one fault did. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// The daemon's name.
    pub daemon: String,
    /// Its setup.
    pub setup: Setup,
    /// What was done to the primary.
    pub fault: Fault,
    /// Counted from 1.
    pub number: usize,
    /// Fault to the first answer of the secondary; none when there was none within the limit.
    pub moved: Option<f64>,
    /// Last answer of the primary to the first of the secondary.
    pub outage: Option<f64>,
    /// The primary still answered at the end.
    pub old_answers: bool,
    /// Probes without an answer.
    pub lost: usize,
    /// The longest time between two probes that were answered.
    pub silence: f64,
    /// The longest time in which the client sent nothing.
    pub pause: f64,
    /// Something else than the fault could have made the figures: they are not used.
    pub disturbed: bool,
    /// Fault to the route server's noticing, by its log.
    pub noticed: Option<f64>,
    /// Route server's noticing to the first answer of the secondary.
    pub share: Option<f64>,
    /// How long an answer was waited for.
    pub limit: f64,
    /// Repair to the first answer of the primary.
    pub back: Option<f64>,
    /// Probes lost from the repair on.
    pub back_lost: Option<usize>,
    /// Start of the daemon to its route at all four route servers.
    pub all_servers: Option<f64>,
    /// CPU time per second.
    pub cpu: Option<f64>,
}

/// A fault that could not be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The daemon's name.
    pub daemon: String,
    /// Its setup.
    pub setup: Setup,
    /// What should have been done to the primary.
    pub fault: Fault,
    /// What went wrong.
    pub why: String,
}

/// The file under way, and what it holds.
pub struct Book {
    file: File,
    /// Everything written.
    pub lines: Vec<Line>,
}

impl Book {
    /// A new file.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = path.parent().context("no folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
        let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { file, lines: Vec::new() })
    }

    /// The file of an earlier run, to be gone on with.
    pub fn resume(path: &Path) -> Result<Self> {
        let lines = read(path)?;
        let file =
            File::options().append(true).open(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { file, lines })
    }

    /// Adds a line.
    pub fn add(&mut self, line: Line) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(&line)?)?;
        self.lines.push(line);
        Ok(())
    }
}

/// The repetitions of a job, the disturbed ones too.
pub fn repetitions(lines: &[Line], job: Job) -> impl Iterator<Item = &Repetition> + Clone {
    let all = lines.iter().filter_map(|line| match line {
        Line::Repetition(repetition) => Some(repetition),
        _ => None,
    });
    all.filter(move |it| {
        (it.daemon.as_str(), it.setup, it.fault) == (job.daemon.name(), job.setup, job.fault)
    })
}

/// Reads the lines of a file.
pub fn read(path: &Path) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let lines = text.lines().enumerate().map(|(number, line)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), number + 1))
    });
    let lines: Vec<Line> = lines.collect::<Result<_>>()?;
    if !matches!(lines.first(), Some(Line::Circumstances(_))) {
        bail!("{} does not begin with the circumstances of a run", path.display());
    }
    Ok(lines)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::daemon::Daemon;
    use super::super::setup::{Timers, Watch};
    use super::*;

    /// A repetition in which nothing moved and nothing was lost.
    pub(crate) fn quiet(daemon: &str, setup: Setup, fault: Fault) -> Repetition {
        Repetition {
            daemon: daemon.to_owned(),
            setup,
            fault,
            number: 1,
            moved: None,
            outage: None,
            old_answers: true,
            lost: 0,
            silence: 1.0,
            pause: 1.0,
            disturbed: false,
            noticed: None,
            share: None,
            limit: 60_000.0,
            back: None,
            back_lost: None,
            all_servers: None,
            cpu: None,
        }
    }

    #[test]
    fn an_earlier_run_is_gone_on_with_and_its_repetitions_are_found() {
        let path = std::env::temp_dir().join(format!("holdover-lab-book-{}", std::process::id()));
        let mut book = Book::create(&path).unwrap();
        book.add(Line::Circumstances(Circumstances::default())).unwrap();
        let one = quiet("bird", Setup::DEFAULT, Fault::Loss);
        book.add(Line::Repetition(Repetition { disturbed: true, ..one.clone() })).unwrap();
        book.add(Line::Repetition(one.clone())).unwrap();
        let mut again = Book::resume(&path).unwrap();
        assert_eq!(again.lines, book.lines);
        let job = |daemon, fault| Job { daemon, setup: Setup::DEFAULT, fault };
        let count = |daemon, fault| repetitions(&again.lines, job(daemon, fault)).count();
        assert_eq!(count(Daemon::Bird, Fault::Loss), 2);
        assert_eq!(count(Daemon::Frr, Fault::Loss) + count(Daemon::Bird, Fault::Term), 0);
        again.add(Line::Repetition(one)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 4);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let setup = Setup::with(Timers::Bfd(50), Watch::Port);
        let line = Line::Repetition(Repetition { moved: Some(130.25), ..quiet("bird", setup, Fault::Loss) });
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
