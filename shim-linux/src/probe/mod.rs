//! Probes and watches: what the engine asks about services, and what was found.
//!
//! They run on a thread of their own, which is started by the first of them: a log, a disk or a client that holds up the
//! management thread must not look like a service that fails. Whatever may wait for a disk or a name server is done by helpers
//! of that thread, of which there are a few; those that wait for names are not those that wait for disks. What this machine
//! itself lacks (descriptors, memory, threads) is no verdict about a service: see `wants`.

mod cgroup;
mod changes;
mod exec;
mod failure;
mod file;
mod helper;
mod http;
mod icmp;
mod name;
mod process;
mod tcp;
mod tls;
mod trust;
mod wants;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use holdover_core::config::CheckKind;
use holdover_core::config::target::{Process, Target};
use holdover_core::engine::record::Level;
use holdover_core::engine::{ProbeFailure, ProbeId, ProbeSpec};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, LocalSet};

use crate::sys::sched;
use exec::Commands;
use helper::{Desk, Helpers};
use name::Names;
use wants::Want;

pub(crate) use failure::{Failure, Outcome, is_ours};
pub(crate) use process::Watched;

/// The most helpers that wait for a disk or the start of a program.
const HELPERS: usize = 64;
/// The stack of the thread; only what is used of it becomes memory.
const STACK: usize = 1 << 20;
/// How long the end waits until what runs is killed.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// A probe or a watch, as it is handed to the thread of checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    kind: CheckKind,
    text: String,
    service: String,
    check: String,
    user: String,
    own: bool,
    timeout: Duration,
}

impl Plan {
    /// What the engine ordered.
    pub(crate) fn new(spec: &ProbeSpec<'_>) -> Self {
        Self {
            kind: spec.kind,
            text: spec.text.to_owned(),
            service: spec.service.to_owned(),
            check: spec.check.to_owned(),
            user: spec.user.to_owned(),
            own: spec.own,
            timeout: Duration::from_micros(spec.timeout.as_micros()),
        }
    }

    /// What it is known by, whatever else changes: a service's name holds no blank.
    fn name(&self) -> String {
        format!("{} {}", self.service, self.check)
    }
}

/// To the thread of checks.
#[derive(Debug)]
pub(crate) enum Order {
    /// Run this probe once, or start this watch.
    Start(ProbeId, Plan),
    /// Forget it.
    Stop(ProbeId),
    /// The kernel told that what is watched has ended: look for a successor.
    Died(ProbeId),
    /// The kernel refuses to tell about what was handed over: look now and then.
    CannotWatch(ProbeId),
    /// Answer, if you live.
    Alive(oneshot::Sender<()>),
}

/// From the thread of checks. At most one word of each probe is under way, so the channel needs no bound.
#[derive(Debug)]
pub(crate) enum Said {
    /// A probe has ended.
    Done {
        /// Which.
        probe: ProbeId,
        /// What it found.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
    },
    /// A probe could not be made, for want of something of our own: what was found last stands.
    NotRun {
        /// Which.
        probe: ProbeId,
        /// What is wanting.
        failure: Failure,
    },
    /// The kernel tells by this from now on.
    Watch {
        /// Who wants to know.
        probe: ProbeId,
        /// What to watch.
        watched: Watched,
    },
    /// This holds now, and the kernel does not tell when it changes.
    Changed {
        /// Of which watch.
        probe: ProbeId,
        /// What holds.
        outcome: Outcome,
    },
    /// To be logged.
    Note(Level, &'static str, String),
}

/// The engine thread's end of the thread of checks.
#[derive(Debug)]
pub(crate) struct Checks {
    orders: Option<mpsc::UnboundedSender<Order>>,
    mouth: Option<Mouth>,
    said: Receiver<Said>,
}

impl Checks {
    /// No thread yet; `waker` wakes the engine thread when something was said.
    pub(crate) fn new(waker: Arc<mio::Waker>) -> Self {
        let (said, ear) = std::sync::mpsc::channel();
        Self { orders: None, mouth: Some(Mouth { said, waker }), said: ear }
    }

    /// Gives an order; the first one starts the thread. Errors: no thread is to be had.
    pub(crate) fn order(&mut self, order: Order) -> io::Result<()> {
        let orders = match &self.orders {
            Some(orders) => orders,
            // What was never started neither runs nor hangs.
            None if !matches!(order, Order::Start(..)) => {
                if let Order::Alive(answer) = order {
                    let _ = answer.send(());
                }
                return Ok(());
            }
            None => {
                let (orders, ear) = mpsc::unbounded_channel();
                let mouth = self.mouth.clone().ok_or(io::ErrorKind::BrokenPipe)?;
                let body = move || run(ear, mouth);
                thread::Builder::new().name("checks".to_owned()).stack_size(STACK).spawn(body)?;
                self.mouth = None;
                self.orders.insert(orders)
            }
        };
        orders.send(order).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// What was said next.
    pub(crate) fn hear(&self) -> Option<Said> {
        self.said.try_recv().ok()
    }

    /// Has everything that runs killed, and waits a little until that is done.
    pub(crate) fn end(&mut self) {
        let until = Instant::now() + END_PATIENCE;
        (self.orders, self.mouth) = (None, None);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// The thread's end of what it says.
#[derive(Clone, Debug)]
struct Mouth {
    said: Sender<Said>,
    waker: Arc<mio::Waker>,
}

impl Mouth {
    fn say(&self, said: Said) {
        // Both fail only when the engine thread is gone, and then the process ends.
        let _ = self.said.send(said);
        let _ = self.waker.wake();
    }
}

fn run(orders: mpsc::UnboundedReceiver<Order>, mouth: Mouth) {
    // The engine's thread has started this one, and has more than its share of a core.
    sched::return_favour();
    // It starts no thread: what waits is given to helpers of ours, whose start may fail and be told of.
    match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => LocalSet::new().block_on(&runtime, Rc::new(Runner::new(mouth)).obey(orders)),
        Err(error) => {
            let text = format!("checks cannot run, and count as failed: {error}");
            mouth.say(Said::Note(Level::Error, "checks_cannot_run", text));
        }
    }
}

/// The thread's state.
struct Runner {
    mouth: Mouth,
    tasks: RefCell<HashMap<ProbeId, Task>>,
    names: Names,
    tls: tls::Tls,
    commands: Commands,
    files: Desk<Outcome>,
    desks: process::Desks,
    /// Of the checks that cannot be made now, by [`Plan::name`].
    wants: RefCell<HashMap<String, Want>>,
    /// That watches poll was said.
    polls: Cell<bool>,
}

struct Task {
    handle: AbortHandle,
    engine: Rc<process::FromEngine>,
}

impl Runner {
    fn new(mouth: Mouth) -> Self {
        let helpers = Helpers::new("a disk", HELPERS);
        Self {
            names: Names::new(mouth.clone()),
            mouth,
            tasks: RefCell::default(),
            tls: tls::Tls::new(Rc::clone(&helpers)),
            commands: Commands::new(Rc::clone(&helpers)),
            files: Desk::new(Rc::clone(&helpers)),
            desks: process::Desks { files: Desk::new(Rc::clone(&helpers)), users: Desk::new(helpers) },
            wants: RefCell::default(),
            polls: Cell::new(false),
        }
    }

    async fn obey(self: Rc<Self>, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Start(probe, plan) => self.start(probe, plan),
                Order::Stop(probe) => {
                    if let Some(task) = self.tasks.borrow_mut().remove(&probe) {
                        task.handle.abort();
                    }
                }
                Order::Died(probe) => {
                    if let Some(task) = self.tasks.borrow().get(&probe) {
                        task.engine.died();
                    }
                }
                Order::CannotWatch(probe) => {
                    if let Some(task) = self.tasks.borrow().get(&probe) {
                        task.engine.cannot_watch();
                    }
                }
                Order::Alive(answer) => {
                    // Whoever asked may have given up.
                    let _ = answer.send(());
                }
            }
        }
        self.commands.kill();
    }

    fn start(self: &Rc<Self>, probe: ProbeId, plan: Plan) {
        let (runner, engine) = (Rc::clone(self), Rc::<process::FromEngine>::default());
        let said = Rc::clone(&engine);
        let task = async move {
            if let Target::Process(process) = Target::parse(plan.kind, &plan.text) {
                let name = plan.name();
                let ear = Ear { probe, name: &name, runner: &runner };
                process::watch(&subject(process), &name, &runner.desks, &said, &ear).await;
            } else {
                runner.once(probe, &plan).await;
            }
        };
        let handle = tokio::task::spawn_local(task).abort_handle();
        self.tasks.borrow_mut().insert(probe, Task { handle, engine });
    }

    async fn once(self: &Rc<Self>, probe: ProbeId, plan: &Plan) {
        let begun = tokio::time::Instant::now();
        let outcome =
            tokio::time::timeout_at(begun + plan.timeout, self.probe(plan, begun + plan.timeout)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Failure::plain(ProbeFailure::TimedOut)));
        self.tasks.borrow_mut().remove(&probe);
        self.mouth.say(match outcome {
            Err(failure) if failure.ours && !self.is_wanting_too_long(plan, &failure) => {
                Said::NotRun { probe, failure }
            }
            outcome => {
                let ours = outcome.as_ref().is_err_and(|failure| failure.ours);
                if !ours && self.wants.borrow_mut().remove(&plan.name()).is_some() {
                    self.note_want(&plan.name(), None);
                }
                Said::Done { probe, outcome, took: begun.elapsed() }
            }
        });
    }

    /// A check cannot be made: says so the first time. Whether that has gone on for too long.
    fn is_wanting_too_long(&self, plan: &Plan, failure: &Failure) -> bool {
        let (news, too_long) = {
            let mut wants = self.wants.borrow_mut();
            let want = wants.entry(plan.name()).or_default();
            (want.begin(), want.is_too_long())
        };
        if news {
            self.note_want(&plan.name(), Some(failure));
        }
        too_long
    }

    /// Says that a check cannot be made, or that it can again (`None`).
    fn note_want(&self, name: &str, failure: Option<&Failure>) {
        let (service, check) = name.split_once(' ').unwrap_or(("", name));
        let note = match failure {
            Some(failure) => Said::Note(
                Level::Error,
                "check_not_run",
                format!(
                    "service {service}: check {check} cannot be run, this machine lacks what it takes ({failure}): its last \
                     result stands for up to {} s, and it is tried every 100 ms",
                    wants::BOUND.as_secs()
                ),
            ),
            None => Said::Note(
                Level::Info,
                "check_runs_again",
                format!("service {service}: check {check} runs again"),
            ),
        };
        self.mouth.say(note);
    }

    async fn probe(&self, plan: &Plan, until: tokio::time::Instant) -> Outcome {
        match Target::parse(plan.kind, &plan.text) {
            Target::Tcp(target) => tcp::probe(target, plan.own).await,
            Target::Icmp(target) => icmp::probe(target, plan.own).await,
            Target::Http(http) => http::probe(&http, plan.own, &self.names, &self.tls, until).await,
            Target::Exec(command) => {
                let job = exec::Job {
                    program: command.program.to_string(),
                    arguments: command.arguments().map(|argument| argument.to_string()).collect(),
                    user: plan.user.clone(),
                    service: plan.service.clone(),
                    check: plan.check.clone(),
                };
                exec::probe(job, &self.commands, until).await
            }
            Target::File { path, absent } => {
                let path = path.to_string();
                let name = format!("{absent} {path}");
                self.files.ask(&name, until, move || file::probe(&path, absent)).await.flatten()
            }
            // A watch is not run once, and what is not understood must not pass.
            Target::Process(_) | Target::None => Err(Failure::plain(ProbeFailure::Unsupported)),
        }
    }
}

fn subject(process: Process<'_>) -> process::Subject {
    match process {
        Process::Pidfile(path) => process::Subject::Pidfile(path.to_string().into()),
        Process::Unit { unit, user } => process::Subject::Unit(unit.to_owned(), user.to_owned()),
        Process::Cgroup(path) => process::Subject::Group(path.to_string()),
    }
}

/// Hands on what a watch says.
struct Ear<'a> {
    probe: ProbeId,
    name: &'a str,
    runner: &'a Runner,
}

impl process::Listener for Ear<'_> {
    fn watch(&self, watched: Watched) {
        self.runner.mouth.say(Said::Watch { probe: self.probe, watched });
    }

    fn say(&self, outcome: Outcome) {
        self.runner.mouth.say(Said::Changed { probe: self.probe, outcome });
    }

    fn wants(&self, failure: Option<&Failure>) {
        self.runner.note_want(self.name, failure);
    }

    fn polls(&self, why: &str) {
        if !self.runner.polls.replace(true) {
            let text = format!("processes are looked at every 100 ms instead of being told of: {why}");
            self.runner.mouth.say(Said::Note(Level::Info, "processes_polled", text));
        }
    }
}

#[cfg(test)]
mod tests;
