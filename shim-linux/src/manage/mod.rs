//! The management thread: serves the control socket, writes the log, reads configuration files, keeps the list of what is
//! ours. It may wait for disks and clients; the engine thread never waits for it.

mod control;
mod durable;
mod json;
pub(crate) mod last_run;
pub(crate) mod log;
pub(crate) mod supervisor;
mod text;
mod wish;
pub(crate) mod wishes;
mod writer;

use std::cell::RefCell;
use std::future::poll_fn;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use holdover_core::base::net::Asn;
use holdover_core::engine::Wish;
use holdover_core::engine::record::Level;
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::bridge::{Board, Event, HostConfig, ToEngine, ToManager};
use crate::load;
use crate::owned::{OwnedChange, OwnedList};
use last_run::LastRun;
use log::Log;
use supervisor::Supervisor;
use wishes::Wishes;

/// How long the engine has to answer before a reader is shown what is known instead.
const ANSWER_PATIENCE: Duration = Duration::from_millis(80);

/// How long after the first of some events the service manager is told how things stand: the state is published by then.
const STATUS_DELAY: Duration = Duration::from_millis(250);

/// How long a reload waits until the engine has taken over an earlier one.
const RELOAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long after a failed accept another one is tried: what it lacked may be there again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the management thread knows beside the engine's state.
#[derive(Debug, Default)]
struct Aside {
    /// Why the last reload was refused.
    refused: Option<String>,
    /// For how long the engine has not answered, in seconds.
    silent_seconds: Option<f64>,
}

/// The engine thread as the management thread sees it.
pub(crate) struct EngineEnd {
    /// Words to it.
    pub(crate) words: SyncSender<ToEngine>,
    /// Wakes it.
    pub(crate) waker: Arc<mio::Waker>,
    /// Where its state hangs.
    pub(crate) board: Arc<Board>,
}

impl EngineEnd {
    /// Says a word; it comes back when the engine has not heard so many already that this one does not fit.
    pub(crate) fn say(&self, word: ToEngine) -> Result<(), ToEngine> {
        let said = self.words.try_send(word);
        // Waking can only fail when the engine thread is gone.
        let _ = self.waker.wake();
        said.map_err(|(TrySendError::Full(word) | TrySendError::Disconnected(word))| word)
    }

    /// Asks, and waits a short while for the answer.
    async fn ask<T>(&self, word: impl FnOnce(oneshot::Sender<T>) -> ToEngine) -> Option<T> {
        self.ask_for(ANSWER_PATIENCE, word).await
    }

    /// Asks, and waits no longer than this for the answer.
    async fn ask_for<T>(
        &self,
        patience: Duration,
        word: impl FnOnce(oneshot::Sender<T>) -> ToEngine,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.say(word(answer)).ok()?;
        tokio::time::timeout(patience, answered).await.ok()?.ok()
    }
}

/// The two configurations: the one in force, and the one that the next text is read into.
pub(crate) struct Configurations {
    /// A copy of what the engine has.
    pub(crate) running: &'static mut HostConfig,
    /// `None` while the engine reads it.
    pub(crate) spare: Option<&'static mut HostConfig>,
}

/// The management thread's state.
pub(crate) struct Manager {
    /// The engine thread.
    pub(crate) engine: EngineEnd,
    /// The log.
    pub(crate) log: Log,
    /// What is to be logged of the engine.
    pub(crate) events: RefCell<mpsc::Receiver<Event>>,
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// The configurations.
    pub(crate) configurations: RefCell<Configurations>,
    /// Why the last reload was refused.
    pub(crate) refused: RefCell<Option<String>>,
    /// Told when a configuration came back from the engine: another one may be read.
    pub(crate) reloadable: Notify,
    /// The list of what is ours.
    pub(crate) owned: RefCell<OwnedList>,
    /// What operators want.
    pub(crate) wishes: RefCell<Wishes>,
    /// What the next run must know of this one.
    pub(crate) last_run: RefCell<LastRun>,
    /// The service manager.
    pub(crate) supervisor: Supervisor,
}

/// What the management thread hears.
pub(crate) struct Ears {
    /// Words that must arrive.
    pub(crate) words: mpsc::UnboundedReceiver<ToManager>,
    /// The control socket.
    pub(crate) control: std::os::unix::net::UnixListener,
    /// Readable when a signal to reload came.
    pub(crate) reload: std::os::unix::net::UnixStream,
    /// The lock of the network namespace.
    pub(crate) lock: Option<std::os::unix::net::UnixListener>,
}

impl Manager {
    /// Runs until the engine has ended.
    pub(crate) fn run(self, ears: Ears) -> std::io::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        LocalSet::new().block_on(&runtime, Rc::new(self).hear(ears))
    }

    async fn hear(self: Rc<Self>, mut ears: Ears) -> std::io::Result<ExitCode> {
        ears.control.set_nonblocking(true)?;
        ears.reload.set_nonblocking(true)?;
        tokio::task::spawn_local(control::listen(Rc::clone(&self), UnixListener::from_std(ears.control)?));
        tokio::task::spawn_local(Rc::clone(&self).hear_signals(UnixStream::from_std(ears.reload)?));
        tokio::task::spawn_local(supervisor::watch(Rc::clone(&self)));
        if let Some(lock) = ears.lock {
            lock.set_nonblocking(true)?;
            tokio::task::spawn_local(turn_away(UnixListener::from_std(lock)?));
        }
        let mut status_at = None;
        loop {
            // A branch whose pattern does not fit is off until the next turn of the loop: so only what is over may not fit. The
            // two channels are over when the engine's thread is; what fails now and then has a task of its own.
            tokio::select! {
                biased;
                Some(word) = ears.words.recv() => {
                    if let Some(code) = self.obey(word, &mut ears.words) {
                        return Ok(code);
                    }
                }
                Some(event) = poll_fn(|context| self.events.borrow_mut().poll_recv(context)) => {
                    self.write(&event);
                    let told = self.supervisor.is_there();
                    status_at = status_at.or_else(|| told.then(|| Instant::now() + STATUS_DELAY));
                }
                () = sleep_until(status_at.unwrap_or_else(Instant::now)), if status_at.is_some() => {
                    status_at = None;
                    self.engine.board.read(|snapshot| self.supervisor.status(snapshot));
                }
                else => return Ok(ExitCode::FAILURE),
            }
        }
    }

    /// Reloads at each signal.
    async fn hear_signals(self: Rc<Self>, mut reload: UnixStream) {
        let mut signals = [0; 16];
        while reload.read(&mut signals).await.is_ok_and(|count| count > 0) {
            // What is wrong with the file is in the log and in `show summary`. Signals that come meanwhile are one more reload.
            let _ = self.reload_in_turn().await;
        }
    }

    /// Reloads when an earlier reload was taken over: the file as it is then.
    async fn reload_in_turn(&self) -> Result<(), String> {
        let end = Instant::now() + RELOAD_PATIENCE;
        while self.configurations.borrow().spare.is_none() {
            let free = self.reloadable.notified();
            if tokio::time::timeout_at(end, free).await.is_err() {
                break;
            }
        }
        self.reload()
    }

    /// Obeys a word and all that came with it; the exit code, when it was the last one.
    fn obey(&self, word: ToManager, words: &mut mpsc::UnboundedReceiver<ToManager>) -> Option<ExitCode> {
        let (mut listed, mut written, mut kept) = (false, None, false);
        let mut word = Some(word);
        while let Some(one) = word {
            match one {
                ToManager::Configured(configuration) => {
                    self.configured(configuration);
                    self.supervisor.ready();
                    kept = true;
                }
                ToManager::Stopping => self.supervisor.stopping(),
                // Many addresses may be bound at once: the list is written once for all that are known now.
                ToManager::Owned(change) => {
                    listed = true;
                    if let OwnedChange::Add { serial, .. } = change {
                        written = Some(serial);
                    }
                    self.owned.borrow_mut().apply(change);
                }
                ToManager::Keep(service, past) => {
                    kept = true;
                    self.last_run.borrow_mut().keep(service, past);
                }
                ToManager::LastRunWritten(result) => self.last_run_written(&result),
                ToManager::Ended(in_order) => {
                    self.write_list();
                    self.last_run.borrow_mut().end(in_order);
                    self.catch_up();
                    return Some(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE });
                }
            }
            word = words.try_recv().ok();
        }
        if listed {
            self.write_list();
        }
        if kept {
            self.last_run.borrow().write();
        }
        if let Some(serial) = written {
            // If it does not fit, the binds go ahead without it, a little later.
            let _ = self.engine.say(ToEngine::ListWritten(serial));
        }
        None
    }

    fn write_list(&self) {
        let list = self.owned.borrow();
        if let Err(error) = list.write() {
            self.catch_up();
            let path = list.path().display();
            let message = format!(
                "cannot write {path} ({error}): after a crash our addresses are known by their mark only"
            );
            self.log.note(Level::Warning, "owned_list_failed", message);
        }
    }

    fn last_run_written(&self, result: &std::io::Result<()>) {
        let mut last_run = self.last_run.borrow_mut();
        let news = last_run.news(result.is_err());
        if let (Some(level), Err(error)) = (news, result) {
            let path = last_run.path().display();
            let message = format!("cannot write {path} ({error}): a crash ends what `no preempt` holds back");
            self.catch_up();
            self.log.note(level, "last_run_not_kept", message);
        }
    }

    /// Writes what the engine has had to say up to now: what this thread says next comes after it.
    fn catch_up(&self) {
        while let Ok(event) = self.events.borrow_mut().try_recv() {
            self.write(&event);
        }
    }

    fn write(&self, event: &Event) {
        let configurations = self.configurations.borrow();
        let view = configurations.running.view();
        let service =
            |place| view.services.get(usize::from(place)).map(|service| view.text(service.name).to_owned());
        let check = |place| view.checks.get(usize::from(place)).map(|check| view.text(check.name).to_owned());
        self.log.write(event, service, check);
    }

    /// Reads the file again and hands it to the engine. What is wrong with it is logged, kept, and changes nothing.
    fn reload(&self) -> Result<(), String> {
        self.catch_up();
        self.supervisor.reloading();
        let result = self.try_reload();
        if let Err(problem) = &result {
            self.supervisor.ready();
            self.log.note(
                Level::Error,
                "reload_refused",
                "reload refused, the earlier configuration stays in force",
            );
            for line in problem.lines() {
                self.log.note(Level::Error, "config_error", line);
            }
        }
        *self.refused.borrow_mut() = result.as_ref().err().cloned();
        result
    }

    fn try_reload(&self) -> Result<(), String> {
        let mut configurations = self.configurations.borrow_mut();
        let Some(spare) = configurations.spare.as_deref_mut() else {
            return Err("an earlier reload is still being applied".to_owned());
        };
        let remarks = load::load(&self.file, spare)?;
        // An erased or half-written file reads as a configuration without errors.
        if spare.view().bgp.local_as == Asn(0) && configurations.running.view().bgp.local_as != Asn(0) {
            return Err(format!(
                "{}: {}; stop the daemon to end all sessions",
                self.file.display(),
                load::NO_BGP
            ));
        }
        for remark in remarks {
            self.log.note(remark.level, "config_remark", remark.text);
        }
        let Some(spare) = configurations.spare.take() else { return Ok(()) };
        let wishes = self.wishes_of_new(configurations.running, spare);
        let kept = Vec::new();
        match self.engine.say(ToEngine::Configure { configuration: spare, wishes, kept }) {
            Err(ToEngine::Configure { configuration, .. }) => {
                configurations.spare = Some(configuration);
                Err("the engine does not answer".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The engine has copied a configuration: it is the one in force, and the one before it is spare.
    fn configured(&self, configuration: &'static mut HostConfig) {
        let mut configurations = self.configurations.borrow_mut();
        let old = std::mem::replace(&mut configurations.running, configuration);
        configurations.spare = Some(old);
        self.reloadable.notify_waiters();
        let running = &*configurations.running;
        self.wishes.borrow_mut().retain(|name| is_service(running, name));
        self.last_run.borrow_mut().configured(|name| is_service(running, name));
    }

    /// The wishes that are kept, of services that are in this configuration and were not in the one before. Of those that
    /// are in none it is said that they are kept for later.
    pub(crate) fn wishes_of_new(
        &self,
        before: &HostConfig,
        configuration: &HostConfig,
    ) -> Vec<(String, Wish)> {
        let wishes = self.wishes.borrow();
        let mut new = Vec::new();
        for (name, wish) in wishes.persistent() {
            if !is_service(configuration, name) {
                let word = wishes::word(wish);
                let path = wishes.path().display();
                let message =
                    format!("`{word}` is kept for service {name}, which the configuration lacks: {path}");
                self.log.note(Level::Warning, "wish_without_service", message);
            } else if !is_service(before, name) {
                new.push((name.to_owned(), wish));
            }
        }
        new
    }
}

/// Hangs up on whoever asks who has the lock: the kernel has told him.
async fn turn_away(lock: UnixListener) {
    loop {
        if lock.accept().await.is_err() {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

/// Whether a configuration has a service of this name.
fn is_service(configuration: &HostConfig, name: &str) -> bool {
    let view = configuration.view();
    view.services.iter().any(|service| view.text(service.name) == name)
}

#[cfg(test)]
mod tests;
