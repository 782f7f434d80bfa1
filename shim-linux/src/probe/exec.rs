//! `check … exec`: whether a command exits with 0.
//!
//! The command runs below a process of ours, its keeper, with its input and every descriptor but its output closed. The keeper
//! kills it with all that it started, process groups and sessions of their own included, when its time is over, when the check
//! is taken back, when the daemon ends in whatever manner, and when it has ended and left something running (see
//! `sys/child.rs`). A task of its own sees to that whatever becomes of the probe: no child is left, and none is left unreaped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdover_core::base::text::is_hidden;
use holdover_core::engine::ProbeFailure;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::unix::AsyncFd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, Outcome, is_ours};
use super::helper::Helpers;
use super::trust;
use crate::sys::user::{self, User};
use crate::sys::{child, ready};

/// The most commands that run at one time.
const COMMANDS: usize = 64;
/// What a command finds in its environment as PATH.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How much of what a command says first is kept for the log, in octets.
const WORDS: usize = 160;
/// How often a child is looked at where the kernel has no pidfd.
const LOOK: Duration = Duration::from_millis(10);

/// A command, and for whom it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Job {
    /// The program.
    pub(super) program: String,
    /// What follows it.
    pub(super) arguments: Vec<String>,
    /// Whose rights it runs with; empty: ours.
    pub(super) user: String,
    /// `HOLDOVER_SERVICE`.
    pub(super) service: String,
    /// `HOLDOVER_CHECK`.
    pub(super) check: String,
}

/// The commands of this daemon.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    /// Those who look at programs, and start them: a disk or a server may hold up either.
    helpers: Rc<Helpers>,
    /// Places for commands. Those of commands that cannot be ended, as on a disk that does not answer, are not given again.
    places: Arc<Semaphore>,
    /// One command of each check at a time, by the check's service and name: one that cannot be ended takes one place.
    turns: Rc<RefCell<Turns>>,
    /// The keepers that run now.
    keepers: Rc<RefCell<Vec<Pid>>>,
}

type Turns = HashMap<(String, String), Arc<Semaphore>>;

/// What a command holds while it runs: one of all places, and its check's turn.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Commands {
    /// None runs yet.
    pub(super) fn new(helpers: Rc<Helpers>) -> Self {
        let places = Arc::new(Semaphore::new(COMMANDS));
        Self { helpers, places, turns: Rc::default(), keepers: Rc::default() }
    }

    /// Has every one killed; for the end of the daemon.
    pub(super) fn kill(&self) {
        for &keeper in &*self.keepers.borrow() {
            end(keeper);
        }
    }

    async fn place(&self, job: &Job, until: Instant) -> Result<Place, Failure> {
        let turn = {
            let mut turns = self.turns.borrow_mut();
            turns.retain(|_, turn| turn.available_permits() == 0);
            let key = (job.service.clone(), job.check.clone());
            Arc::clone(turns.entry(key).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let turn = timeout_at(until, turn.acquire_owned()).await.ok().and_then(Result::ok);
        let earlier = "its command of before cannot be ended";
        let turn = turn.ok_or_else(|| Failure::new(ProbeFailure::TimedOut, earlier))?;
        let place =
            timeout_at(until, Arc::clone(&self.places).acquire_owned()).await.ok().and_then(Result::ok);
        let full = || format!("{COMMANDS} commands run already and do not end");
        Ok((place.ok_or_else(|| Failure::ours(ProbeFailure::NotStarted, full()))?, turn))
    }
}

/// A command that may be run: its file, and its user.
#[derive(Debug)]
struct Permitted {
    program: std::path::PathBuf,
    user: Option<User>,
}

/// Runs the command. Dropping the future kills it.
pub(super) async fn probe(job: Job, commands: &Commands, until: Instant) -> Outcome {
    let place = commands.place(&job, until).await?;
    let (tell, told) = oneshot::channel();
    tokio::task::spawn_local(keep(job, tell, commands.clone(), place, until));
    let (status, words) = told.await.unwrap_or_else(|_| Err(Failure::plain(ProbeFailure::Other)))?;
    verdict(status, words)
}

fn permitted(job: &Job) -> Result<Permitted, Failure> {
    let user = if job.user.is_empty() {
        None
    } else {
        let found = user::named(&job.user);
        let unknown = |error: &io::Error| {
            let detail = format!("the user {} is not known: {error}", job.user);
            Failure { ours: is_ours(error), ..Failure::new(ProbeFailure::NotStarted, detail) }
        };
        Some(found.map_err(|error| unknown(&error))?)
    };
    let runs_as = user.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.id);
    Ok(Permitted { program: trust::program(&job.program, runs_as)?, user })
}

fn start(job: &Job, permitted: &Permitted) -> Result<(Child, OwnedFd), Failure> {
    let failed = |error: io::Error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let missing = if denied && permitted.user.is_some() { user::missing() } else { Vec::new() };
        let grant =
            if missing.is_empty() { String::new() } else { format!("; grant {}", missing.join(", ")) };
        let why = if denied { ProbeFailure::NotAllowed } else { ProbeFailure::NotStarted };
        let detail = format!("{}: {error}{grant}", job.program);
        Failure { ours: is_ours(&error), ..Failure::new(why, detail) }
    };
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    // Ours alone: what the command writes to is another description.
    rustix::io::ioctl_fionbio(&read, true).map_err(|error| failed(error.into()))?;
    let mut command = Command::new(&permitted.program);
    command
        .arg0(&job.program)
        .args(&job.arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOLDOVER_SERVICE", &job.service)
        .env("HOLDOVER_CHECK", &job.check)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(write.try_clone().map_err(failed)?)
        .stderr(write)
        .process_group(0);
    child::prepare_check(&mut command, permitted.user.as_ref());
    let child = command.spawn().map_err(failed)?;
    Ok((child, read))
}

type Output = AsyncFd<OwnedFd>;
type Ended = Result<(ExitStatus, String), Failure>;

/// Starts the command, by a helper. `tell` is closed when nobody wants to know any more.
async fn begin(
    job: Job,
    commands: &Commands,
    tell: &mut oneshot::Sender<Ended>,
    until: Instant,
) -> Result<(Child, OwnedFd), Failure> {
    let (give, mut got) = oneshot::channel();
    let (is_wanted, begun) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (still, begins) = (Arc::clone(&is_wanted), Arc::clone(&begun));
    commands.helpers.give(move || {
        begins.store(true, Ordering::Relaxed);
        let permitted = permitted(&job);
        let started = match permitted {
            Ok(_) if !still.load(Ordering::Relaxed) => Err(Failure::plain(ProbeFailure::TimedOut)),
            permitted => permitted.and_then(|permitted| start(&job, &permitted)),
        };
        let _ = give.send(started);
    })?;
    let lost = |_| Err(Failure::plain(ProbeFailure::Other));
    tokio::select! {
        biased;
        started = &mut got => return started.unwrap_or_else(lost),
        () = tell.closed() => {}
        () = tokio::time::sleep_until(until), if !begun.load(Ordering::Relaxed) => {
            if !begun.load(Ordering::Relaxed) {
                is_wanted.store(false, Ordering::Relaxed);
                return Err(commands.helpers.busy());
            }
        }
    }
    // What was begun is waited for all the same: a command that starts late must be ended.
    is_wanted.store(false, Ordering::Relaxed);
    got.await.unwrap_or_else(lost)
}

/// Runs a command to its end, or until nobody wants to know any more, and leaves nothing behind.
async fn keep(job: Job, mut tell: oneshot::Sender<Ended>, commands: Commands, place: Place, until: Instant) {
    let (mut child, output) = match begin(job, &commands, &mut tell, until).await {
        Ok(started) => started,
        Err(failure) => {
            drop(place);
            let _ = tell.send(Err(failure));
            return;
        }
    };
    let Some(keeper) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    commands.keepers.borrow_mut().push(keeper);
    let mut words = Words::default();
    let output = ready::readable(output);
    if let Ok(output) = &output {
        tokio::select! {
            () = ended(keeper) => {}
            () = tell.closed() => {}
            () = listen(output, &mut words) => {}
        }
    }
    // While the keeper is not reaped its number is nobody else's.
    end(keeper);
    ended(keeper).await;
    let status = child.wait();
    commands.keepers.borrow_mut().retain(|one| *one != keeper);
    drop(place);
    let _ = tell.send(match (output, status) {
        (Ok(output), Ok(status)) => {
            words.hear(&output);
            Ok((status, words.first_line()))
        }
        (Err(error), _) | (_, Err(error)) => {
            Err(Failure { ours: is_ours(&error), ..Failure::new(ProbeFailure::Other, error.to_string()) })
        }
    });
}

/// Waits until the child has ended, without reaping it.
async fn ended(child: Pid) {
    let pidfd = rustix::process::pidfd_open(child, PidfdFlags::NONBLOCK).ok();
    let pidfd = pidfd.and_then(|pidfd| ready::readable(pidfd).ok());
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !matches!(rustix::process::waitid(WaitId::Pid(child), options), Ok(None)) {
            return;
        }
        match &pidfd {
            Some(pidfd) => drop(pidfd.readable().await),
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Hears what the child says, for ever.
async fn listen(output: &Output, words: &mut Words) {
    while let Ok(mut ready) = output.readable().await {
        match words.hear(output) {
            // One that never stops has no more than its turn.
            Heard::Some => tokio::task::yield_now().await,
            Heard::Nothing => ready.clear_ready(),
            Heard::End => break,
        }
    }
    std::future::pending::<()>().await;
}

/// What a child said first.
#[derive(Debug, Default)]
struct Words(Vec<u8>);

enum Heard {
    Some,
    Nothing,
    End,
}

impl Words {
    /// Reads once. What does not fit is read all the same, so that the child can go on.
    fn hear(&mut self, output: &Output) -> Heard {
        let mut buffer = [0; 4_096];
        match rustix::io::read(output, &mut buffer) {
            Ok(0) => Heard::End,
            Ok(length) => {
                let room = WORDS.saturating_sub(self.0.len());
                self.0.extend_from_slice(&buffer[..length.min(room)]);
                Heard::Some
            }
            Err(Errno::WOULDBLOCK) => Heard::Nothing,
            Err(_) => Heard::End,
        }
    }

    /// The first line that says anything, without what a terminal would obey.
    fn first_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        line.chars().filter(|letter| !is_hidden(*letter)).collect()
    }
}

/// Has a keeper kill its command and all that this started. It may have ended meanwhile.
fn end(keeper: Pid) {
    let _ = rustix::process::kill_process(keeper, Signal::TERM);
}

fn verdict(status: ExitStatus, words: String) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => {
            Err(Failure::new(ProbeFailure::ExitStatus(u8::try_from(code).unwrap_or(u8::MAX)), words))
        }
        (None, signal) => {
            let signal = u8::try_from(signal.unwrap_or(0)).unwrap_or(0);
            Err(Failure::new(ProbeFailure::Signalled(signal), words))
        }
    }
}

#[cfg(test)]
mod tests;
