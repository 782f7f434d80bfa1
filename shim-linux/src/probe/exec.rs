//! `check … exec`: whether a command exits with 0.
//!
//! The command runs in a process group of its own, with its input and every descriptor but its output closed, and is killed
//! with the whole group when its time is over, when the check is taken back, and when it has ended and left something running.
//! A keeper, a task of its own, sees to that whatever becomes of the probe: no child is left, and none is left unreaped.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use holdover_core::engine::ProbeFailure;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::unix::AsyncFd;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::failure::{Failure, Outcome};
use super::trust;
use crate::sys::user::{self, User};
use crate::sys::{child, ready};

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

/// The process groups that run now.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(Rc<RefCell<Vec<Pid>>>);

impl Groups {
    /// Kills every one; for the end of the daemon.
    pub(super) fn kill(&self) {
        for &group in &*self.0.borrow() {
            kill(group);
        }
    }
}

/// A command that may be run: its file, and its user.
#[derive(Debug)]
struct Permitted {
    program: std::path::PathBuf,
    user: Option<User>,
}

/// Runs the command. Dropping the future kills it.
pub(super) async fn probe(job: Job, groups: &Groups, permit: OwnedSemaphorePermit) -> Outcome {
    // The way to the file and the user's groups may lie on a disk or a server that does not answer.
    let looked = tokio::task::spawn_blocking(move || permitted(&job).map(|permitted| (job, permitted)));
    let lost = |_| Failure::new(ProbeFailure::NotStarted, "nobody looked at its permissions");
    let (job, permitted) = looked.await.map_err(lost)??;
    let (child, output) = start(&job, &permitted)?;
    let (tell, told) = oneshot::channel();
    tokio::task::spawn_local(keep(child, output, tell, groups.clone(), permit));
    let (status, words) = told
        .await
        .map_err(|_| Failure::plain(ProbeFailure::Other))?
        .map_err(|error| Failure::new(ProbeFailure::Other, error.to_string()))?;
    verdict(status, words)
}

fn permitted(job: &Job) -> Result<Permitted, Failure> {
    let user = if job.user.is_empty() {
        None
    } else {
        let found = user::named(&job.user);
        let unknown = |why: String| {
            Failure::new(ProbeFailure::NotStarted, format!("the user {} is not known: {why}", job.user))
        };
        Some(found.map_err(|error| unknown(error.to_string()))?)
    };
    let runs_as = user.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.id);
    Ok(Permitted { program: trust::program(&job.program, runs_as)?, user })
}

fn start(job: &Job, permitted: &Permitted) -> Result<(Child, Output), Failure> {
    let failed = |error: io::Error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let missing = if denied && permitted.user.is_some() { user::missing() } else { Vec::new() };
        let grant =
            if missing.is_empty() { String::new() } else { format!("; grant {}", missing.join(", ")) };
        let why = if denied { ProbeFailure::NotAllowed } else { ProbeFailure::NotStarted };
        Failure::new(why, format!("{}: {error}{grant}", job.program))
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
    let output = ready::readable(read).map_err(failed)?;
    let child = command.spawn().map_err(failed)?;
    Ok((child, output))
}

type Output = AsyncFd<OwnedFd>;
type Ended = io::Result<(ExitStatus, String)>;

/// Waits for the child's end, or until nobody wants to know any more, and leaves nothing behind.
async fn keep(
    mut child: Child,
    output: Output,
    mut tell: oneshot::Sender<Ended>,
    groups: Groups,
    permit: OwnedSemaphorePermit,
) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    groups.0.borrow_mut().push(group);
    let mut words = Words::default();
    tokio::select! {
        () = ended(group) => {}
        () = tell.closed() => {}
        () = listen(&output, &mut words) => {}
    }
    // While the child is not reaped its number is nobody else's. What it left running goes with it.
    kill(group);
    ended(group).await;
    words.hear(&output);
    let status = child.wait();
    groups.0.borrow_mut().retain(|one| *one != group);
    drop(permit);
    let _ = tell.send(status.map(|status| (status, words.first_line())));
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
            Heard::Some => {}
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
        line.chars().filter(|letter| !letter.is_control()).collect()
    }
}

fn kill(group: Pid) {
    // It may have ended meanwhile. A command of another user needs CAP_KILL.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
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
