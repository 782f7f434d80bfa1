//! Checks as the engine thread sees them: orders go to the thread of checks, its words become facts, and the processes and
//! control groups that it hands over are watched here, so that a death is acted on at once.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};

use holdover_core::base::time::Duration;
use holdover_core::config::CheckKind;
use holdover_core::engine::record::Level;
use holdover_core::engine::{Input, ProbeFailure, ProbeId, ProbeSpec, Verdict};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags};
use tokio::sync::oneshot;

use super::Fact;
use crate::probe::{Checks, Failure, Order, Outcome, Plan, Said, Watched, is_ours};

/// The most words that are heard in one turn.
const WORDS: u32 = 64;

/// A watch, and what it was last found to be.
#[derive(Debug)]
struct Watch {
    probe: ProbeId,
    /// `None`: nothing is there that could be watched.
    watched: Option<Watched>,
    last: Option<bool>,
    ready: bool,
}

/// The checks.
#[derive(Debug)]
pub(super) struct Watches {
    checks: Checks,
    /// The watches.
    places: Vec<Option<Watch>>,
    /// Why each check failed last, in words, by its place.
    details: Vec<String>,
    /// What is to be logged.
    notes: Vec<(Level, &'static str, String)>,
}

impl Watches {
    /// None yet.
    pub(super) fn new(checks: Checks) -> Self {
        Self { checks, places: Vec::new(), details: Vec::new(), notes: Vec::new() }
    }

    /// Runs a probe, or starts a watch.
    pub(super) fn start(&mut self, probe: ProbeId, spec: &ProbeSpec<'_>, answers: &mut VecDeque<Fact>) {
        let is_watch = spec.kind == CheckKind::Process;
        if is_watch {
            let index = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
            let watch = Some(Watch { probe, watched: None, last: None, ready: false });
            match self.places.get_mut(index) {
                Some(place) => *place = watch,
                None => self.places.push(watch),
            }
        }
        if let Err(error) = self.checks.order(Order::Start(probe, Plan::new(spec))) {
            let outcome = Err(Failure::new(ProbeFailure::NotStarted, error.to_string()));
            let verdict = self.verdict(probe, outcome);
            answers.push_back(Fact::Plain(if is_watch {
                Input::WatchChanged { probe, verdict }
            } else {
                Input::ProbeDone { probe, verdict, took: Duration::ZERO }
            }));
        }
    }

    /// Forgets a probe or a watch.
    pub(super) fn stop(&mut self, probe: ProbeId) {
        if let Some(place) = self.place(probe) {
            self.places[place] = None;
        }
        // It fails only when the thread has ended, and then nothing runs.
        let _ = self.checks.order(Order::Stop(probe));
    }

    /// Hears what the thread of checks says; whether there may be more. The tokens of what is watched begin at `first`.
    pub(super) fn hear(&mut self, registry: &Registry, first: usize, answers: &mut VecDeque<Fact>) -> bool {
        for _ in 0..WORDS {
            match self.checks.hear() {
                None => return false,
                Some(Said::Done { probe, outcome, took }) => {
                    let verdict = self.verdict(probe, outcome);
                    let took = Duration::from_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                    answers.push_back(Fact::Plain(Input::ProbeDone { probe, verdict, took }));
                }
                Some(Said::NotRun { probe, failure }) => {
                    let why = failure.why;
                    self.verdict(probe, Err(failure));
                    let verdict = Verdict::NotRun(why);
                    answers.push_back(Fact::Plain(Input::ProbeDone { probe, verdict, took: Duration::ZERO }));
                }
                Some(Said::Watch { probe, watched }) => {
                    let Some(index) = self.place(probe) else { continue };
                    let (fd, interest) = match &watched {
                        Watched::Process(fd) => (fd.as_raw_fd(), Interest::READABLE),
                        Watched::Group(fd) => (fd.as_raw_fd(), Interest::PRIORITY),
                    };
                    if registry.register(&mut SourceFd(&fd), Token(first + index), interest).is_err() {
                        // That says nothing of the service: the thread of checks looks itself from now on.
                        let _ = self.checks.order(Order::CannotWatch(probe));
                        continue;
                    }
                    if let Some(watch) = &mut self.places[index] {
                        // It may have ended on its way here.
                        (watch.watched, watch.ready) = (Some(watched), true);
                    }
                }
                Some(Said::Changed { probe, outcome }) => {
                    let Some(index) = self.place(probe) else { continue };
                    if let Some(watch) = &mut self.places[index] {
                        watch.watched = None;
                    }
                    answers.extend(self.changed(index, outcome));
                }
                Some(Said::Note(level, name, text)) => self.notes.push((level, name, text)),
            }
        }
        true
    }

    /// The kernel has something to tell of this one.
    pub(super) fn set_ready(&mut self, index: usize) {
        if let Some(Some(watch)) = self.places.get_mut(index) {
            watch.ready = true;
        }
    }

    /// Those of which the kernel has something to tell.
    pub(super) fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let ready = |(index, watch): (usize, &Option<Watch>)| watch.as_ref()?.ready.then_some(index);
        self.places.iter().enumerate().filter_map(ready)
    }

    /// Looks whether it lives; the fact, when that has changed.
    pub(super) fn look(&mut self, index: usize) -> Option<Fact> {
        let watch = self.places.get_mut(index)?.as_mut()?;
        watch.ready = false;
        let Some(outcome) = alive(watch.watched.as_ref()?) else {
            watch.watched = None;
            let _ = self.checks.order(Order::CannotWatch(watch.probe));
            return None;
        };
        let over = matches!(watch.watched, Some(Watched::Process(_))) && outcome.is_err();
        if over {
            watch.watched = None;
        }
        if outcome.is_err() {
            let _ = self.checks.order(Order::Died(watch.probe));
        }
        self.changed(index, outcome)
    }

    fn changed(&mut self, index: usize, outcome: Outcome) -> Option<Fact> {
        let watch = self.places.get_mut(index)?.as_mut()?;
        let alive = outcome.is_ok();
        let (probe, news) = (watch.probe, watch.last.replace(alive) != Some(alive));
        let verdict = self.verdict(probe, outcome);
        news.then_some(Fact::Plain(Input::WatchChanged { probe, verdict }))
    }

    /// What the engine is told; the words are kept beside it.
    fn verdict(&mut self, probe: ProbeId, outcome: Outcome) -> Verdict {
        let place = usize::from(probe.check);
        if self.details.len() <= place {
            self.details.resize(place + 1, String::new());
        }
        let (verdict, detail) = match outcome {
            Ok(()) => (Verdict::Pass, String::new()),
            Err(failure) => (Verdict::Fail(failure.why), failure.detail),
        };
        self.details[place] = detail;
        verdict
    }

    /// Why this check failed last, in words; empty when its code says it all.
    pub(super) fn detail(&self, check: u16) -> &str {
        self.details.get(usize::from(check)).map_or("", String::as_str)
    }

    /// What is to be logged since this was last asked.
    pub(super) fn take_notes(&mut self) -> Vec<(Level, &'static str, String)> {
        std::mem::take(&mut self.notes)
    }

    /// Has the thread of checks answer, if it lives and does not stand still.
    pub(super) fn ask_alive(&mut self, answer: oneshot::Sender<()>) {
        let _ = self.checks.order(Order::Alive(answer));
    }

    /// Nothing runs any more.
    pub(super) fn end(&mut self) {
        self.checks.end();
    }

    fn place(&self, probe: ProbeId) -> Option<usize> {
        self.places.iter().position(|watch| watch.as_ref().is_some_and(|watch| watch.probe == probe))
    }
}

/// Whether what is watched lives; nothing, when that cannot be found out. Neither call waits: the one asks, the other reads a
/// line that the kernel writes.
fn alive(watched: &Watched) -> Option<Outcome> {
    let missing = |what: &str| Some(Err(Failure::new(ProbeFailure::Missing, what)));
    match watched {
        Watched::Process(pidfd) => {
            let mut list = [PollFd::new(pidfd, PollFlags::IN)];
            match rustix::event::poll(&mut list, Some(&rustix::time::Timespec::default())) {
                Ok(0) => Some(Ok(())),
                Ok(_) => missing("the process has ended"),
                Err(_) => None,
            }
        }
        Watched::Group(events) => {
            let mut text = [0; 64];
            match rustix::io::pread(events.as_fd(), &mut text, 0) {
                Ok(length) if text[..length].windows(11).any(|part| part == b"populated 1") => Some(Ok(())),
                Ok(_) => missing("the last process of its control group has ended"),
                Err(error) if is_ours(&error.into()) => None,
                Err(_) => missing("its control group is gone"),
            }
        }
    }
}
