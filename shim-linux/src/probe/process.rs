//! `check … process`: whether a process lives, or a unit of the service manager has one.
//!
//! Here is the work with files: reading the pidfile, finding the control group, noticing that either was replaced. What the
//! kernel tells by is handed to the engine thread, which acts on a death at once and says so; then a successor is looked for.
//! Where the kernel does not tell, one looks every 100 ms.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use holdover_core::engine::ProbeFailure;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use tokio::sync::Notify;

use super::cgroup::{self, Hierarchy};
use super::changes::{CADENCE, Changes};
use super::failure::{Failure, Outcome};

/// How much of a pidfile is read, in octets: the number stands in its first line.
const PIDFILE: u64 = 64;

/// Whose life is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The process whose number stands in this file.
    Pidfile(PathBuf),
    /// The processes of this unit.
    Unit(String),
    /// The processes of this control group.
    Group(String),
}

/// What the kernel tells by.
#[derive(Debug)]
pub(crate) enum Watched {
    /// A pidfd: readable when the process has ended.
    Process(OwnedFd),
    /// A `cgroup.events`: it has an exceptional condition (POLLPRI) whenever what it says has changed.
    Group(OwnedFd),
}

/// What a watch says to the engine thread.
pub(super) trait Listener {
    /// From now on the kernel tells by this.
    fn watch(&self, watched: Watched);
    /// This holds now, and the kernel will not tell when it changes.
    fn say(&self, outcome: Outcome);
    /// The kernel does not tell: said once.
    fn polls(&self, why: &str);
}

/// Watches for ever. `died` is notified when the engine thread has seen a death.
pub(super) async fn watch(subject: &Subject, died: &Notify, listener: &impl Listener) {
    let mut changes = Changes::new();
    let mut watch = Watch::new(subject, listener);
    loop {
        watch.look(&mut changes);
        tokio::select! {
            () = changes.next() => {}
            () = died.notified() => watch.bury(),
            () = tokio::time::sleep(CADENCE), if watch.looks_again() => {}
        }
    }
}

/// Who is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Followed {
    /// A process's number, or that of a group's directory.
    number: u64,
    /// What changes when the pidfile is written or replaced: its number, and when it was written.
    stamp: (u64, i64, i64),
    /// When the process started, where the kernel tells of no death.
    started: u64,
}

struct Watch<'a, L> {
    subject: &'a Subject,
    listener: &'a L,
    followed: Option<Followed>,
    /// The last process that died. Whoever has its number now, while the pidfile was not written anew, is somebody else. (The
    /// file's time is not compared with the process's: a clock that was set in between would make a living process a
    /// stranger.)
    buried: Option<Followed>,
    /// The last that was said without the kernel's help.
    told: Option<Outcome>,
    /// Since when the file does not name the process that is followed and lives. Files are often written anew in two steps.
    doubted: Option<Instant>,
    polls: bool,
}

impl<'a, L: Listener> Watch<'a, L> {
    fn new(subject: &'a Subject, listener: &'a L) -> Self {
        Self { subject, listener, followed: None, buried: None, told: None, doubted: None, polls: false }
    }

    fn looks_again(&self) -> bool {
        self.polls || self.doubted.is_some()
    }

    /// The engine thread saw it die, and said so.
    fn bury(&mut self) {
        if matches!(self.subject, Subject::Pidfile(_)) {
            self.buried = self.followed.take();
        }
        self.told = None;
    }

    fn look(&mut self, changes: &mut Changes) {
        let found = match self.subject {
            Subject::Pidfile(path) => {
                changes.follow(path);
                self.pidfile(path)
            }
            Subject::Unit(unit) => self.unit(unit, changes),
            Subject::Group(path) => hierarchy().and_then(|hierarchy| {
                let path = hierarchy.group(path);
                changes.follow(&path);
                self.group(&hierarchy, &path)
            }),
        };
        match found {
            Ok(()) => self.doubted = None,
            Err(_)
                if self.followed.is_some()
                    && self.doubted.get_or_insert_with(Instant::now).elapsed() < CADENCE => {}
            Err(failure) => {
                (self.followed, self.doubted) = (None, None);
                self.say(Err(failure));
            }
        }
    }

    fn say(&mut self, outcome: Outcome) {
        if self.told.as_ref() != Some(&outcome) {
            self.listener.say(outcome.clone());
            self.told = Some(outcome);
        }
    }

    fn hand_over(&mut self, watched: Watched, followed: Followed) {
        self.listener.watch(watched);
        (self.followed, self.told) = (Some(followed), None);
    }

    fn poll(&mut self, why: &str) {
        if !self.polls {
            self.polls = true;
            self.listener.polls(why);
        }
    }

    fn pidfile(&mut self, path: &Path) -> Outcome {
        let (pid, stamp) = read(path)?;
        let missing = |what: &str| {
            let pid = pid.as_raw_nonzero();
            Err(Failure::new(ProbeFailure::Missing, format!("{}: process {pid} {what}", path.display())))
        };
        let number = u64::from(pid.as_raw_nonzero().get().unsigned_abs());
        if self.buried.is_some_and(|buried| (buried.number, buried.stamp) == (number, stamp)) {
            return missing("has ended");
        }
        match &mut self.followed {
            Some(followed) if followed.number == number && !self.polls => {
                followed.stamp = stamp;
                return Ok(());
            }
            _ => {}
        }
        match rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(pidfd) if !self.polls => {
                self.hand_over(Watched::Process(pidfd), Followed { number, stamp, started: 0 });
                return Ok(());
            }
            Err(Errno::SRCH) => return missing("does not exist"),
            // Which of the two depends on the kernel.
            Err(Errno::INVAL | Errno::NOENT) => return missing("is a thread of another one"),
            Err(error) => self.poll(&format!("no pidfd is to be had ({error})")),
            Ok(_) => {}
        }
        let before = self.followed.filter(|followed| followed.number == number);
        match (before, started(pid)) {
            (None, Some(started)) => {
                self.followed = Some(Followed { number, stamp, started });
                self.say(Ok(()));
                Ok(())
            }
            (Some(before), Some(started)) if before.started == started => Ok(()),
            (before, _) => {
                (self.followed, self.buried) = (None, before.map(|before| Followed { stamp, ..before }));
                missing("has ended")
            }
        }
    }

    fn unit(&mut self, unit: &str, changes: &mut Changes) -> Outcome {
        let hierarchy = hierarchy()?;
        let mut found = hierarchy.find(unit);
        if found.group.is_none() {
            changes.follow_all(&found.slices);
            // It may have come before they were watched.
            found = hierarchy.find(unit);
        }
        let Some(group) = found.group else {
            let detail =
                format!("the unit {unit} has no control group: it does not run, or has another name");
            return Err(Failure::new(ProbeFailure::Missing, detail));
        };
        changes.follow(&group);
        self.group(&hierarchy, &group)
    }

    fn group(&mut self, hierarchy: &Hierarchy, path: &Path) -> Outcome {
        let failed = |error: io::Error| Failure::of_path(&path.to_string_lossy(), &error);
        let number = fs::metadata(path).map_err(failed)?.ino();
        if !hierarchy.tells {
            self.poll("control groups of version 1 do not tell");
            let empty = || Failure::new(ProbeFailure::Missing, format!("{} is empty", path.display()));
            self.say(if cgroup::has_processes(path) { Ok(()) } else { Err(empty()) });
            return Ok(());
        }
        if self.followed.is_none_or(|followed| followed.number != number) {
            let events = File::open(path.join("cgroup.events")).map_err(failed)?;
            self.hand_over(Watched::Group(events.into()), Followed { number, stamp: (0, 0, 0), started: 0 });
        }
        Ok(())
    }
}

fn hierarchy() -> Result<Hierarchy, Failure> {
    let none = || Failure::new(ProbeFailure::Unsupported, "no hierarchy of control groups is mounted");
    cgroup::hierarchy().ok_or_else(none)
}

/// The number in a pidfile, and what changes when it is written.
fn read(path: &Path) -> Result<(Pid, (u64, i64, i64)), Failure> {
    let failed = |error: io::Error| Failure::of_path(&path.to_string_lossy(), &error);
    // A pipe in its place must not hold us up.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(nonblock).open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let mut text = Vec::new();
    if found.is_file() {
        file.take(PIDFILE).read_to_end(&mut text).map_err(failed)?;
    }
    let text = String::from_utf8_lossy(&text);
    let number = text.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
    let pid = number.filter(|number: &i32| *number > 0).and_then(Pid::from_raw);
    let none =
        || Failure::new(ProbeFailure::Missing, format!("{} holds no number of a process", path.display()));
    Ok((pid.ok_or_else(none)?, (found.ino(), found.mtime(), found.mtime_nsec())))
}

/// When a process started, in ticks since the machine did; nothing when it has ended (proc(5): the fields behind the name,
/// which is in parentheses and may hold anything, are the state, the third, and the start, the 22nd).
fn started(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests;
