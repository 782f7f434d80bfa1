//! `check … process`: whether a process lives, or a unit of the service manager has one.
//!
//! Here is the work with files: reading the pidfile, finding the control group, noticing that either was replaced. What the
//! kernel tells by is handed to the engine thread, which acts on a death at once and says so; then a successor is looked for.
//! Where the kernel does not tell, one looks every 100 ms.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdover_core::engine::ProbeFailure;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use tokio::sync::Notify;

use super::cgroup::{self, Hierarchy, Owner};
use super::changes::{self, CADENCE, Changes, Way};
use super::failure::{Failure, Outcome, is_ours};
use super::helper::Desk;
use super::wants::Want;
use crate::sys::user;

/// How long a look at a file waits before one says that there is no answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a user that is not known is looked for.
const USER_CADENCE: Duration = Duration::from_secs(1);
/// How much of a pidfile is read, in octets: the number stands in its first line.
const PIDFILE: u64 = 64;

/// Whose life is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The process whose number stands in this file.
    Pidfile(PathBuf),
    /// The processes of this unit, of the system's service manager, or of this user's when a name is given.
    Unit(String, String),
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
    /// Nothing can be found out for want of something of our own; or it can again (`None`).
    fn wants(&self, failure: Option<&Failure>);
}

/// What the engine thread says of a watch.
#[derive(Debug, Default)]
pub(super) struct FromEngine {
    news: Notify,
    cannot_watch: Cell<bool>,
}

impl FromEngine {
    /// A death was seen.
    pub(super) fn died(&self) {
        self.news.notify_one();
    }

    /// What was handed over cannot be watched there.
    pub(super) fn cannot_watch(&self) {
        self.cannot_watch.set(true);
        self.news.notify_one();
    }
}

/// What a helper found of a pidfile, and how it is watched.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    way: Way,
    found: Result<(Pid, Stamp), Failure>,
}

/// What changes when a file is written or replaced: its number, and when it was written.
type Stamp = (u64, i64, i64);

/// Who does what may wait for a disk, a server or a name service.
#[derive(Debug)]
pub(super) struct Desks {
    /// Looks at pidfiles.
    pub(super) files: Desk<Seen>,
    /// Looks up users.
    pub(super) users: Desk<Result<u32, Failure>>,
}

/// Watches for ever. `name` is the check's own; `engine` is what the engine thread says of it.
pub(super) async fn watch(
    subject: &Subject,
    name: &str,
    desks: &Desks,
    engine: &FromEngine,
    listener: &impl Listener,
) {
    let mut changes = Changes::new();
    let mut watch = Watch::new(subject, listener);
    if let Subject::Unit(_, user) = subject
        && !user.is_empty()
    {
        watch.owner = Owner::User(watch.user(user, desks).await);
    }
    loop {
        let found = match subject {
            Subject::Pidfile(path) => {
                let seen = loop {
                    let (path, handle) = (path.clone(), changes.handle());
                    let look = move || Seen { way: changes::follow(handle, &path), found: read(&path) };
                    tokio::select! {
                        biased;
                        () = engine.news.notified() => watch.hear(engine),
                        seen = desks.files.ask(name, tokio::time::Instant::now() + PATIENCE, look) => match seen {
                            Err(failure) if failure.why == ProbeFailure::TimedOut => watch.unanswered(),
                            seen => break seen,
                        },
                    }
                };
                // One that was looked at for an earlier watch is looked at again.
                match seen {
                    Ok(Seen { way, found }) => {
                        if !changes.keep(way) {
                            continue;
                        }
                        found.and_then(|(pid, stamp)| watch.pidfile(pid, stamp))
                    }
                    Err(failure) => Err(failure),
                }
            }
            Subject::Unit(unit, _) => watch.unit(unit, &mut changes),
            Subject::Group(path) => hierarchy().and_then(|hierarchy| {
                let path = hierarchy.group(path);
                changes.follow(&path);
                watch.group(&hierarchy, &path)
            }),
        };
        watch.judge(found);
        tokio::select! {
            () = changes.next() => {}
            () = engine.news.notified() => watch.hear(engine),
            () = tokio::time::sleep(CADENCE), if watch.looks_again() => {}
        }
    }
}

/// Who is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Followed {
    /// A process's number, or that of a group's directory.
    number: u64,
    /// That of the pidfile.
    stamp: Stamp,
    /// When the process started, where the kernel tells of no death.
    started: u64,
}

struct Watch<'a, L> {
    subject: &'a Subject,
    listener: &'a L,
    /// Whose units are meant.
    owner: Owner,
    followed: Option<Followed>,
    /// The last process that died. Whoever has its number now, while the pidfile was not written anew, is somebody else. (The
    /// file's time is not compared with the process's: a clock that was set in between would make a living process a
    /// stranger.)
    buried: Option<Followed>,
    /// The last that was said without the kernel's help.
    told: Option<Outcome>,
    /// Since when the file does not name the process that is followed and lives. Files are often written anew in two steps.
    doubted: Option<Instant>,
    want: Want,
    polls: bool,
}

impl<'a, L: Listener> Watch<'a, L> {
    fn new(subject: &'a Subject, listener: &'a L) -> Self {
        Self {
            subject,
            listener,
            owner: Owner::System,
            followed: None,
            buried: None,
            told: None,
            doubted: None,
            want: Want::default(),
            polls: false,
        }
    }

    fn looks_again(&self) -> bool {
        self.polls || self.doubted.is_some() || self.want.is_felt()
    }

    /// The engine thread saw it die, and said so; or it cannot watch it.
    fn hear(&mut self, engine: &FromEngine) {
        if engine.cannot_watch.take() {
            self.followed = None;
            self.poll("it cannot be watched");
            return;
        }
        if matches!(self.subject, Subject::Pidfile(_)) {
            self.buried = self.followed.take();
        }
        self.told = None;
    }

    /// The number of a user; waits until it is known.
    async fn user(&mut self, name: &str, desks: &Desks) -> u32 {
        loop {
            let wanted = name.to_owned();
            let look = move || {
                user::named(&wanted).map(|user| user.id).map_err(|error| {
                    let detail = format!("the user {wanted} is not known: {error}");
                    Failure { ours: is_ours(&error), ..Failure::new(ProbeFailure::Missing, detail) }
                })
            };
            let until = tokio::time::Instant::now() + PATIENCE;
            let failure = match desks.users.ask(name, until, look).await.flatten() {
                Ok(user) => return user,
                Err(failure) => failure,
            };
            let pause = if failure.ours { CADENCE } else { USER_CADENCE };
            self.judge(Err(failure));
            tokio::time::sleep(pause).await;
        }
    }

    /// The file cannot be looked at. Whoever is followed is followed all the same.
    fn unanswered(&mut self) {
        if self.followed.is_none()
            && let Subject::Pidfile(path) = self.subject
        {
            self.say(Err(Failure::new(ProbeFailure::TimedOut, path.display().to_string())));
        }
    }

    fn judge(&mut self, found: Outcome) {
        match found {
            Err(failure) if failure.ours => {
                if self.want.begin() {
                    self.listener.wants(Some(&failure));
                }
                // Without a verdict there is none to keep.
                if self.want.is_too_long() || (self.followed.is_none() && self.told.is_none()) {
                    self.followed = None;
                    self.say(Err(failure));
                }
                return;
            }
            Ok(()) => self.doubted = None,
            Err(_)
                if self.followed.is_some()
                    && self.doubted.get_or_insert_with(Instant::now).elapsed() < CADENCE => {}
            Err(failure) => {
                (self.followed, self.doubted) = (None, None);
                self.say(Err(failure));
            }
        }
        if self.want.end() {
            self.listener.wants(None);
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

    fn pidfile(&mut self, pid: Pid, stamp: Stamp) -> Outcome {
        let Subject::Pidfile(path) = self.subject else { return Ok(()) };
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
            Err(error) if is_ours(&error.into()) => {
                let detail = format!("{}: process {}: {error}", path.display(), pid.as_raw_nonzero());
                return Err(Failure::ours(ProbeFailure::Other, detail));
            }
            Err(error) => self.poll(&format!("no pidfd is to be had ({error})")),
            Ok(_) => {}
        }
        let before = self.followed.filter(|followed| followed.number == number);
        match (before, started(pid)?) {
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
        let mut found = hierarchy.find(unit, self.owner)?;
        if found.group.is_none() {
            changes.follow_all(&found.slices);
            // It may have come before they were watched.
            found = hierarchy.find(unit, self.owner)?;
        }
        let Some(group) = found.group else {
            let whose = if self.owner == Owner::System {
                " of the system (a user's: `unit NAME user USER`)"
            } else {
                ""
            };
            let detail =
                format!("the unit {unit}{whose} has no control group: it does not run, or has another name");
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
        }
        if self.polls {
            let empty = || Failure::new(ProbeFailure::Missing, format!("{} is empty", path.display()));
            let found = if cgroup::has_processes(path).map_err(failed)? { Ok(()) } else { Err(empty()) };
            self.say(found);
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
    cgroup::hierarchy().map_err(|error| Failure::of_path(cgroup::MOUNTS, &error))?.ok_or_else(none)
}

/// The number in a pidfile, and what changes when it is written.
fn read(path: &Path) -> Result<(Pid, Stamp), Failure> {
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
fn started(pid: Pid) -> Result<Option<u64>, Failure> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = match fs::read_to_string(&path) {
        Ok(stat) => stat,
        Err(error) if is_ours(&error) => return Err(Failure::of_path(&path, &error)),
        Err(_) => return Ok(None),
    };
    let mut fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    let state = fields.next().unwrap_or("X");
    Ok(if matches!(state, "Z" | "X") { None } else { fields.nth(18).and_then(|ticks| ticks.parse().ok()) })
}

#[cfg(test)]
mod tests;
