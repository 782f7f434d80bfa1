//! The engine thread: facts in, orders out, until it is told to stop. It touches no file, no log and no name service, and
//! never waits for the other thread.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::SystemTime;

use holdover_core::base::text::Said;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::config::RouteSource;
use holdover_core::engine::record::{EndCause, Level};
use holdover_core::engine::{Command, CommandId, CommandResult, Input, LinkId, Output, Past, Record, Wish};
use holdover_core::failover::posture;
use tokio::sync::{mpsc, oneshot};

use crate::bridge::{
    Board, Event, Granted, HostConfig, HostEngine, Piece, ROWS, Subject, ToEngine, ToManager, What,
};
use crate::host::Host;
use crate::host::facts::LinkName;
use crate::io::timer::now;
use crate::io::{Fact, Io};
use crate::owned::Entry;
use crate::snapshot::RouteRow;
use crate::sys::sched;

/// The stop's own command; others count from 1.
const STOP: CommandId = CommandId(0);
/// How often a snapshot is published at most.
const PUBLISH_CADENCE: Duration = Duration::from_millis(100);
/// How long a stop may take beside the longest linger.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long the configuration waits for the host's tables at the start.
const TABLES_PATIENCE: Duration = Duration::from_secs(2);
/// The most words from the management thread that are heard in one turn.
const WORDS: usize = 64;

/// What the engine thread is started with.
pub(crate) struct Start {
    /// The engine, at rest.
    pub(crate) engine: &'static mut HostEngine,
    /// What an earlier run listed as its own.
    pub(crate) listed: Vec<Entry>,
    /// Readable when a signal to stop came.
    pub(crate) signals: UnixStream,
    /// Words from the management thread.
    pub(crate) words: Receiver<ToEngine>,
    /// Words to it that must arrive.
    pub(crate) manager: mpsc::UnboundedSender<ToManager>,
    /// What is to be logged; it may be full.
    pub(crate) events: mpsc::Sender<Event>,
    /// The quietest level that is logged.
    pub(crate) least: Level,
    /// Where snapshots hang.
    pub(crate) board: Arc<Board>,
}

/// The engine thread's state.
pub(crate) struct Drive {
    engine: &'static mut HostEngine,
    io: Io,
    signals: UnixStream,
    words: Receiver<ToEngine>,
    log: Log,
    board: Arc<Board>,
    manager: mpsc::UnboundedSender<ToManager>,
    /// A configuration that waits for the host's tables.
    configuration: Option<&'static mut HostConfig>,
    /// What is wanted of its services from before.
    wishes: Vec<(String, Wish)>,
    /// What an earlier run left to be known of them.
    kept: Vec<(String, Past)>,
    started: Instant,
    asked: Vec<(CommandId, oneshot::Sender<Granted>)>,
    next_command: u32,
    dirty: bool,
    published: Instant,
    /// When a stop that was ordered is given up.
    stopping_until: Option<Instant>,
    /// Set when all is over: whether in good order.
    ended: Option<bool>,
}

/// The engine thread's end of the log.
struct Log {
    events: mpsc::Sender<Event>,
    least: Level,
    lost: u32,
}

impl Log {
    fn say(&mut self, level: Level, what: impl FnOnce() -> What) {
        if level < self.least {
            return;
        }
        if self.lost > 0 {
            let message =
                format!("{} log lines were lost: they came faster than they could be written", self.lost);
            let lost = What::Note(Level::Warning, "log_lines_lost", message);
            if self.events.try_send(Event { at: SystemTime::now(), what: lost }).is_ok() {
                self.lost = 0;
            }
        }
        if self.events.try_send(Event { at: SystemTime::now(), what: what() }).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }

    fn note(&mut self, level: Level, event: &'static str, message: &str) {
        self.say(level, || What::Note(level, event, message.to_owned()));
    }
}

impl Drive {
    /// Opens the sockets and gives back what wakes this thread. Errors: netlink or epoll is not to be had.
    pub(crate) fn open(start: Start) -> io::Result<Self> {
        start.signals.set_nonblocking(true)?;
        let io = Io::open(Host::open(start.listed)?, start.signals.as_raw_fd())?;
        Ok(Self {
            engine: start.engine,
            io,
            signals: start.signals,
            words: start.words,
            log: Log { events: start.events, least: start.least, lost: 0 },
            board: start.board,
            manager: start.manager,
            configuration: None,
            wishes: Vec::new(),
            kept: Vec::new(),
            started: now(),
            asked: Vec::new(),
            next_command: 0,
            dirty: true,
            published: Instant::ZERO,
            stopping_until: None,
            ended: None,
        })
    }

    /// What another thread wakes this one with.
    pub(crate) fn waker(&self) -> Arc<mio::Waker> {
        self.io.waker()
    }

    /// Runs until all is over; whether it ended in good order.
    pub(crate) fn run(&mut self) -> bool {
        self.ask_for_real_time();
        let mut seed = [0; 8];
        // Jitter needs no secret: when the pool is not ready, the time has to do.
        if rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::NONBLOCK).is_err() {
            seed = now().as_micros().to_ne_bytes();
        }
        if let Err(error) = self.io.host.remove_own_routes() {
            let message = format!("cannot look for routes that an earlier run left: {error}");
            self.log.note(Level::Warning, "leftover_routes_unknown", &message);
        }
        self.engine.start(now(), u64::from_ne_bytes(seed));
        loop {
            if let Err(error) = self.turn() {
                let message = format!("cannot wait for events: {error}");
                self.log.note(Level::Error, "event_loop_failed", &message);
                self.ended = Some(false);
            }
            if let Some(in_order) = self.ended {
                // Routes are told to the kernel by us alone: nobody else would take them away.
                let _ = self.io.host.remove_own_routes();
                self.io.end_checks();
                self.publish(now());
                return in_order;
            }
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let (before, deadline) = (now(), self.deadline());
        if sched::was_taken() && self.io.sleeps(before, deadline) {
            self.take_real_time_back();
        }
        self.io.wait(before, deadline)?;
        let now = now();
        self.board.set_turned(now);
        if std::mem::take(&mut self.io.signalled) {
            self.hear_signals(now);
        }
        if std::mem::take(&mut self.io.woken) {
            self.hear_words(now);
        }
        self.io.begin_turn(now);
        while let Some(fact) = self.io.next() {
            self.dirty |= !is_routine(&fact);
            self.engine.handle(now, self.io.input(&fact));
            self.drain(now);
        }
        self.configure(now);
        if self.io.tick(now) {
            let message =
                "the list of addresses that are ours could not be written in time: bound without it";
            self.log.note(Level::Warning, "owned_list_late", message);
        }
        self.engine.handle(now, Input::Tick);
        self.drain(now);
        self.send_changes();
        for (level, name, text) in self.io.take_notes() {
            self.log.note(level, name, &text);
        }
        if self.dirty && now.since(self.published) >= PUBLISH_CADENCE {
            self.publish(now);
        }
        if self.stopping_until.is_some_and(|until| until <= now) {
            let message = "the stop took too long: what is left is left to the kernel";
            self.log.note(Level::Error, "stop_given_up", message);
            self.ended = Some(false);
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        let mut deadline = self.engine.deadline();
        if self.dirty {
            deadline = deadline.min(self.published + PUBLISH_CADENCE);
        }
        if self.configuration.is_some() {
            deadline = deadline.min(self.started + TABLES_PATIENCE);
        }
        deadline.min(self.stopping_until.unwrap_or(Instant::FAR))
    }

    /// Obeys what the engine orders, until it orders nothing more.
    fn drain(&mut self, now: Instant) {
        while let Some(order) = self.engine.poll() {
            self.dirty |= !matches!(order, Output::SendDatagram { .. } | Output::StartProbe { .. });
            match order {
                Output::Record(record) => {
                    let (io, engine) = (&self.io, &self.engine);
                    self.log.say(record.level(), || What::Record(record, subject(&record, io, engine)));
                }
                Output::Keep { name, past } => {
                    // It fails only when the other thread is gone, and then the process ends.
                    let _ = self.manager.send(ToManager::Keep(name.to_owned(), past));
                }
                Output::Answer { id: STOP, .. } => self.ended = Some(true),
                Output::Answer { id, result } => self.answer(id, result),
                order => self.io.execute(now, order),
            }
        }
    }

    fn answer(&mut self, id: CommandId, result: CommandResult) {
        let Some(place) = self.asked.iter().position(|(asked, _)| *asked == id) else {
            // A wish from before, which a changed configuration does not grant.
            if result == CommandResult::NoStandby {
                let message =
                    "a service that was to stand by has no `standby` any more: its wish is not in force";
                self.log.note(Level::Warning, "wish_refused", message);
            }
            return;
        };
        let peers = if let CommandResult::Unconfirmed { peers } = result { peers } else { 0 };
        let silent = (0..u64::BITS as usize).filter(|place| peers & (1 << place) != 0);
        let silent = silent.filter_map(|place| Some(self.engine.peer(place)?.address)).collect();
        // Whoever asked may have gone.
        let _ = self.asked.swap_remove(place).1.send(Granted { result, silent });
    }

    fn command(&mut self, now: Instant, command: Command) -> CommandId {
        self.next_command = self.next_command.wrapping_add(1).max(1);
        let id = CommandId(self.next_command);
        self.engine.handle(now, Input::Command { id, command });
        id
    }

    /// Takes over a configuration that waits, as soon as the host's tables are known: so the first connection already
    /// knows which peers are on a connected subnet.
    fn configure(&mut self, now: Instant) {
        let known = self.io.host.is_told() || now.since(self.started) >= TABLES_PATIENCE;
        let Some(configuration) = self.configuration.take_if(|_| known) else { return };
        if self.stopping_until.is_none() {
            let kernel = RouteSource::Kernel as usize;
            let follow = configuration.view().bgp.redistribute.iter().any(|family| family[kernel].on);
            self.io.let_in(configuration.view());
            self.engine.configure(now, configuration);
            self.drain(now);
            for (name, past) in std::mem::take(&mut self.kept) {
                self.engine.handle(now, Input::Kept { name: &name, past });
                self.drain(now);
            }
            for (service, wish) in std::mem::take(&mut self.wishes) {
                if let Some(service) = self.engine.service_named(&service) {
                    self.command(now, Command::Wish { service: Some(service), wish, wait: false });
                    self.drain(now);
                }
            }
            if let Err(error) = self.io.follow_routes(Some(follow)) {
                let message = format!("cannot follow the kernel's routes: {error}");
                self.log.note(Level::Error, "kernel_routes_failed", &message);
            }
        }
        self.tell(ToManager::Configured(configuration));
    }

    fn hear_signals(&mut self, now: Instant) {
        let mut octets = [0; 16];
        while self.signals.read(&mut octets).is_ok_and(|count| count > 0) {}
        if self.stopping_until.is_some() {
            self.log.note(Level::Warning, "stop_forced", "told to stop a second time: stopping at once");
            self.ended = Some(false);
        } else {
            self.stop(now);
        }
    }

    fn stop(&mut self, now: Instant) {
        if self.stopping_until.is_some() {
            return;
        }
        let view = self.engine.config().view();
        let linger = view.services.iter().map(|service| service.linger_ms).max().unwrap_or_default();
        self.stopping_until = Some(now + STOP_PATIENCE + linger.duration());
        self.tell(ToManager::Stopping);
        self.engine.handle(now, Input::Command { id: STOP, command: Command::Stop });
        self.drain(now);
    }

    fn hear_words(&mut self, now: Instant) {
        for _ in 0..WORDS {
            let Ok(word) = self.words.try_recv() else { return };
            self.hear(now, word);
        }
        // There may be more: look again in the next turn.
        self.io.woken = true;
    }

    fn hear(&mut self, now: Instant, word: ToEngine) {
        match word {
            ToEngine::Configure { configuration, wishes, kept } => {
                (self.configuration, self.wishes, self.kept) = (Some(configuration), wishes, kept);
            }
            ToEngine::Wish { service, wish, wait, answer } => {
                let place = service.as_deref().map(|name| self.engine.service_named(name));
                let service = match place {
                    Some(None) => {
                        let _ = answer.send(Granted { result: CommandResult::NoSuchService, silent: vec![] });
                        return;
                    }
                    Some(service) => service,
                    None => None,
                };
                let command = if wait {
                    Command::Await { service, wish }
                } else {
                    Command::Wish { service, wish, wait }
                };
                let id = self.command(now, command);
                self.asked.push((id, answer));
                self.drain(now);
            }
            ToEngine::Stop => self.stop(now),
            ToEngine::Publish(answer) => {
                self.publish(now);
                let _ = answer.send(());
            }
            ToEngine::Alive(answer) => self.io.ask_alive(answer),
            ToEngine::Routes { from, answer } => {
                let _ = answer.send(self.routes(from));
            }
            ToEngine::Steered { from, answer } => {
                let piece = piece(from, |place| self.engine.steered(place));
                let _ = answer.send(piece);
            }
            ToEngine::ListWritten(serial) => self.io.list_written(now, serial),
        }
    }

    fn routes(&self, from: usize) -> Piece<RouteRow> {
        piece(from, |place| {
            let (place, view) = self.engine.route(place)?;
            let name = view.link.map(|link| self.io.host.name(link)).unwrap_or_default();
            Some((place, RouteRow::take(&view, LinkName::new(name.as_bytes()).unwrap_or_default())))
        })
    }

    fn publish(&mut self, now: Instant) {
        let engine = &*self.engine;
        if self.board.publish(|snapshot| snapshot.take(now, engine)) {
            self.dirty = false;
        }
        self.published = now;
    }

    fn send_changes(&mut self) {
        for change in std::mem::take(&mut self.io.host.changes) {
            self.tell(ToManager::Owned(change));
        }
    }

    fn tell(&self, word: ToManager) {
        // It fails only when the other thread is gone, and then the process ends.
        let _ = self.manager.send(word);
    }

    fn ask_for_real_time(&mut self) {
        // Also where real-time scheduling is granted: it can be taken away for a while.
        let favour = sched::ask_for_favour();
        let Err(error) = sched::ask_for_real_time() else { return };
        let meanwhile = match favour {
            Ok(()) => "nice -20 has to do".to_owned(),
            Err(error) => format!("nor nice -20 ({error}; systemd: LimitNICE=-20)"),
        };
        let message = format!(
            "no real-time scheduling ({error}), {meanwhile}: on a busy host BFD and keepalives may be late; {}",
            sched::what_to_grant()
        );
        self.log.note(Level::Warning, "real_time_denied", &message);
    }

    /// Asks for real-time scheduling again, after a time without a pause in which it was taken away.
    fn take_real_time_back(&mut self) {
        let message = match sched::take_back() {
            Ok(()) => "was an ordinary thread for a while: there was half a second of work without a pause"
                .to_owned(),
            Err(error) => {
                format!("lost real-time scheduling in half a second of work without a pause: {error}")
            }
        };
        self.log.note(Level::Info, "real_time_paused", &message);
    }
}

/// Whether this comes many times a second and says nothing new; if it does, a record follows.
const fn is_routine(fact: &Fact) -> bool {
    matches!(fact, Fact::Datagram { .. } | Fact::Plain(Input::ProbeDone { .. }))
}

fn piece<T>(from: usize, next: impl Fn(usize) -> Option<(usize, T)>) -> Piece<T> {
    let (mut rows, mut place) = (Vec::new(), from);
    while let Some((found, row)) = next(place) {
        if rows.len() == ROWS {
            return Piece { rows, next: Some(found) };
        }
        rows.push(row);
        place = found + 1;
    }
    Piece { rows, next: None }
}

/// What a record speaks of and has no room for.
fn subject(record: &Record, io: &Io, engine: &HostEngine) -> Subject {
    let link: LinkId = match *record {
        Record::Bound { link, .. }
        | Record::Unbound { link, .. }
        | Record::Adopted { link, .. }
        | Record::BoundElsewhere { link, .. } => link,
        Record::Check { check, health: posture::Health::No, .. } => {
            return Subject::Detail(io.detail(check).to_owned());
        }
        Record::SessionDown { peer, why: EndCause::NotificationReceived(..) }
        | Record::AttemptFailed { peer, why: EndCause::NotificationReceived(..) }
        | Record::NoSession { peer, why: Some(EndCause::NotificationReceived(..)) }
        | Record::Flapping { peer, why: EndCause::NotificationReceived(..), .. } => {
            return Subject::Said(Said(engine.last_text(peer)).to_string());
        }
        Record::NoSuchLink { .. } => return Subject::Sentence(engine.sentence(*record).to_string()),
        _ => return Subject::None,
    };
    let kept = matches!(record, Record::Bound { address, .. } if !io.host.has_bound(address.address));
    let subject = if kept { Subject::Kept } else { Subject::Link };
    LinkName::new(io.host.name(link).as_bytes()).map_or(Subject::None, subject)
}
