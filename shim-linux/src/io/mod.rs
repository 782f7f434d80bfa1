//! The engine's sockets: what they say becomes facts, what the engine orders is done. No decision is taken here.
//!
//! The law of a turn: [`Io::wait`] sleeps only when nothing is ready; [`Io::begin_turn`] notes every source that is ready;
//! [`Io::next`] reads each once; [`Io::execute`] obeys an order and keeps an answer that is known at once for the next
//! turn, because it must never call the engine back.

mod datagram;
pub(crate) mod error;
mod guests;
mod listen;
mod tcp;
pub(crate) mod timer;
mod watch;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration as StdDuration;

use holdover_core::base::net::Prefix;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::bfd::BfdKind;
use holdover_core::engine::record::Level;
use holdover_core::engine::{
    CloseHow, ConnId, Endpoint, Input, IoError, LinkId, ListenerId, Output, SocketId,
};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::Socket;
use tokio::sync::oneshot;

use crate::host::facts::LinkName;
use crate::host::{Host, Order};
use crate::probe::Checks;
use crate::sys::datagram::Arrival;
use datagram::{BATCHES, Datagrams, Path, RECEIVERS};
use guests::Guests;
use listen::Listening;
use tcp::{Connection, READ, Said};
use timer::Timer;
use watch::Watches;

const TIMER: Token = Token(0);
const WAKER: Token = Token(1);
const ADDRESSES: Token = Token(2);
const ROUTES: Token = Token(3);
/// The first token for a file descriptor that somebody else watches with us.
const SIGNAL: Token = Token(4);
const LISTENER: usize = 8;
const DATAGRAM: usize = 12;
const CONNECTION: usize = DATAGRAM + RECEIVERS;
/// Behind all connections that there may be.
const WATCH: usize = 1 << 16;

/// The most netlink messages that are read in one turn.
const NETLINK_MESSAGES: u32 = 64;
/// How long after an accept that found no memory or descriptor, or came too soon, another one is tried.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How often a connection is asked whether everything was acknowledged, while the engine wants to know.
const FLUSH_CADENCE: Duration = Duration::from_millis(1);

/// A fact that is kept until the engine is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// One that borrows nothing.
    Plain(Input<'static>),
    /// Octets that lie in the buffer.
    Received {
        /// The connection.
        conn: ConnId,
        /// How many.
        len: usize,
    },
    /// A BFD packet, whose payload lies among those that were received last.
    Datagram {
        /// The port it came to.
        kind: BfdKind,
        /// How it came.
        arrival: Arrival,
        /// Where its payload lies.
        place: usize,
    },
    /// A link, with its name.
    Link {
        /// The link.
        link: LinkId,
        /// Its name.
        name: LinkName,
        /// Whether it is up.
        up: bool,
        /// Whether it has gone.
        gone: bool,
    },
}

/// A source of facts that was ready when the turn began.
#[derive(Clone, Copy, Debug)]
enum Source {
    Answer,
    Write(usize),
    Read(usize),
    Flush(usize),
    Accept(usize),
    Receive { place: usize, batches: u32 },
    Watch(usize),
    Datagrams { next: usize, count: usize },
    Netlink { routes: bool, budget: u32 },
}

/// The sockets.
#[derive(Debug)]
pub(crate) struct Io {
    poll: Poll,
    events: Events,
    timer: Timer,
    waker: Arc<Waker>,
    connections: Vec<Option<Connection>>,
    /// The listeners; `Err`: the socket for one could not be made when its first key came.
    listeners: [Result<Option<Listening>, IoError>; 2],
    /// When to accept again, after there was nothing to accept with.
    accept_at: Instant,
    accepted: Vec<(SocketId, Socket, Endpoint)>,
    next_socket: u32,
    datagrams: Datagrams,
    guests: Guests,
    checks: Watches,
    answers: VecDeque<Fact>,
    turn: VecDeque<Source>,
    /// What is to be logged.
    notes: Vec<(Level, &'static str, String)>,
    buffer: Box<[u8; READ]>,
    /// When connections are next asked whether everything was acknowledged.
    flush_at: Instant,
    /// Links, addresses and routes.
    pub(crate) host: Host,
    /// Whether a signal came.
    pub(crate) signalled: bool,
    /// Whether another thread woke us.
    pub(crate) woken: bool,
}

impl Io {
    /// Opens what is always open. `signals` is a descriptor to be watched beside.
    pub(crate) fn open(host: Host, signals: RawFd) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let timer = Timer::new()?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        registry.register(&mut SourceFd(&signals), SIGNAL, Interest::READABLE)?;
        registry.register(&mut SourceFd(&host.addresses_fd()), ADDRESSES, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, WAKER)?);
        let checks = Watches::new(Checks::new(Arc::clone(&waker)));
        Ok(Self {
            poll,
            events: Events::with_capacity(128),
            timer,
            waker,
            connections: Vec::new(),
            listeners: [Ok(None), Ok(None)],
            accept_at: Instant::FAR,
            accepted: Vec::new(),
            next_socket: 0,
            datagrams: Datagrams::new(),
            guests: Guests::default(),
            checks,
            answers: VecDeque::new(),
            turn: VecDeque::new(),
            notes: Vec::new(),
            buffer: Box::new([0; READ]),
            flush_at: Instant::FAR,
            host,
            signalled: false,
            woken: false,
        })
    }

    /// What another thread wakes us with.
    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Follows the kernel's routes, or no longer (`None`: only what becomes of our own).
    pub(crate) fn follow_routes(&mut self, follow: Option<bool>) -> io::Result<()> {
        let opened = match follow {
            Some(follow) => self.host.follow_routes(follow)?,
            None => self.host.watch_own_routes()?,
        };
        let Some(fd) = self.host.routes_fd().filter(|_| opened) else { return Ok(()) };
        self.poll.registry().register(&mut SourceFd(&fd), ROUTES, Interest::READABLE)
    }

    /// Sleeps until something is ready, or until `deadline`; not at all while something is ready already.
    pub(crate) fn wait(&mut self, now: Instant, deadline: Instant) -> io::Result<()> {
        let at_once = !self.sleeps(now, deadline);
        if !at_once {
            self.timer.arm(self.earlier(deadline))?;
        }
        match self.poll.poll(&mut self.events, at_once.then_some(StdDuration::ZERO)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        for event in &self.events {
            match event.token() {
                TIMER => {}
                WAKER => self.woken = true,
                SIGNAL => self.signalled = true,
                ADDRESSES => self.host.set_readable(false),
                ROUTES => self.host.set_readable(true),
                Token(token) if (DATAGRAM..CONNECTION).contains(&token) => {
                    self.datagrams.set_readable(token - DATAGRAM);
                }
                Token(token) if token < DATAGRAM => {
                    if let Some(Ok(Some(listener))) = self.listeners.get_mut(token.wrapping_sub(LISTENER)) {
                        listener.readable = true;
                    }
                }
                Token(token) if token >= WATCH => self.checks.set_ready(token - WATCH),
                Token(token) => {
                    if let Some(Some(connection)) = self.connections.get_mut(token - CONNECTION) {
                        let ending = event.is_read_closed() || event.is_error();
                        connection.set_ready(event.is_readable() || ending, event.is_writable(), ending);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether [`Io::wait`] would sleep, unless something comes ready.
    pub(crate) fn sleeps(&self, now: Instant, deadline: Instant) -> bool {
        self.earlier(deadline) > now && !self.is_ready()
    }

    /// The deadline, or an earlier one of our own.
    fn earlier(&self, deadline: Instant) -> Instant {
        deadline.min(self.flush_at).min(self.accept_at).min(self.host.deadline())
    }

    fn is_ready(&self) -> bool {
        !self.answers.is_empty()
            || self.host.is_ready(false)
            || self.host.is_ready(true)
            || self.listeners.iter().flatten().flatten().any(|listener| listener.readable)
            || self.connections.iter().flatten().any(|one| one.has_to_read() || one.has_to_write())
            || self.datagrams.readable().next().is_some()
            || self.checks.ready().next().is_some()
            || self.woken
            || self.signalled
    }

    /// Notes every source that is ready now. What comes ready during the turn is for the next one.
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.turn.clear();
        self.host.begin_turn(now, &mut self.answers);
        self.woken |= self.checks.hear(self.poll.registry(), WATCH, &mut self.answers);
        self.turn.extend(std::iter::repeat_n(Source::Answer, self.answers.len()));
        // Our own tables first: a connection that broke because its address went is then understood.
        for routes in [false, true] {
            if self.host.is_ready(routes) {
                self.turn.push_back(Source::Netlink { routes, budget: NETLINK_MESSAGES });
            }
        }
        let asks = self.flush_at <= now;
        for (index, connection) in self.connections.iter().enumerate() {
            let Some(connection) = connection else { continue };
            if connection.has_to_write() {
                self.turn.push_back(Source::Write(index));
            }
            if connection.has_to_read() {
                self.turn.push_back(Source::Read(index));
            }
            if asks && connection.asked_flushed {
                self.turn.push_back(Source::Flush(index));
            }
        }
        if self.accept_at <= now {
            self.accept_at = Instant::FAR;
            for listener in self.listeners.iter_mut().flatten().flatten() {
                listener.readable |= std::mem::take(&mut listener.exhausted);
            }
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            if matches!(listener, Ok(Some(listener)) if listener.readable) {
                self.turn.push_back(Source::Accept(index));
            }
        }
        self.turn.extend(self.checks.ready().map(Source::Watch));
        let receive = |place| Source::Receive { place, batches: BATCHES };
        self.turn.extend(self.datagrams.readable().map(receive));
        if asks {
            let still = self.connections.iter().flatten().any(|connection| connection.asked_flushed);
            self.flush_at = if still { now + FLUSH_CADENCE } else { Instant::FAR };
        }
    }

    /// The next fact of this turn.
    pub(crate) fn next(&mut self) -> Option<Fact> {
        loop {
            let source = self.turn.pop_front()?;
            let fact =
                match source {
                    Source::Answer => self.answers.pop_front(),
                    // Its place may have been given to another one during this turn: ask what it is now.
                    Source::Write(index) => self.ask(index, |connection, _| {
                        if connection.has_to_write() { connection.write_side() } else { None }
                    }),
                    Source::Read(index) => self.ask(index, |connection, buffer| {
                        if connection.has_to_read() { connection.read_side(buffer) } else { None }
                    }),
                    Source::Flush(index) => self.ask(index, |connection, _| {
                        let flushed = connection.asked_flushed && connection.is_flushed();
                        connection.asked_flushed &= !flushed;
                        flushed.then_some(Said::Flushed)
                    }),
                    Source::Accept(index) => self.accept(index),
                    Source::Receive { place, batches } => {
                        let count = self.datagrams.receive(place);
                        if self.datagrams.is_readable(place) && batches > 1 {
                            self.turn.push_front(Source::Receive { place, batches: batches - 1 });
                        }
                        self.turn.push_front(Source::Datagrams { next: 0, count });
                        None
                    }
                    Source::Datagrams { next: place, count } if place < count => {
                        self.turn.push_front(Source::Datagrams { next: place + 1, count });
                        let arrived = self.datagrams.arrival(place);
                        arrived.map(|(kind, arrival)| Fact::Datagram { kind, arrival, place })
                    }
                    Source::Datagrams { .. } => None,
                    Source::Watch(index) => self.checks.look(index),
                    Source::Netlink { routes, mut budget } => {
                        let fact = self.host.next(routes, &mut budget);
                        if budget > 0 && fact.is_some() {
                            self.turn.push_front(Source::Netlink { routes, budget });
                        }
                        fact
                    }
                };
            if fact.is_some() {
                return fact;
            }
        }
    }

    /// The fact as the engine takes it.
    pub(crate) fn input<'a>(&'a self, fact: &'a Fact) -> Input<'a> {
        match fact {
            Fact::Plain(input) => *input,
            Fact::Received { conn, len } => {
                Input::Received { conn: *conn, bytes: self.buffer.get(..*len).unwrap_or(&[]) }
            }
            Fact::Datagram { kind, arrival, place } => Input::Datagram {
                kind: *kind,
                link: arrival.link,
                local: arrival.local,
                remote: arrival.remote,
                ttl: arrival.ttl,
                bytes: self.datagrams.payload(*place),
            },
            Fact::Link { link, name, up, gone } => {
                Input::Link { link: *link, name: name.as_str(), up: *up, gone: *gone }
            }
        }
    }

    fn ask(
        &mut self,
        index: usize,
        what: impl FnOnce(&mut Connection, &mut [u8; READ]) -> Option<Said>,
    ) -> Option<Fact> {
        let place = self.connections.get_mut(index)?;
        let connection = place.as_mut()?;
        let conn = connection.name;
        let said = what(connection, &mut self.buffer)?;
        if said.is_last() {
            *place = None; // Dropping the socket also takes it from the poll.
        }
        Some(fact_of(conn, said))
    }

    /// Obeys an order. Records and answers to commands are not for the sockets: the caller takes them out first.
    // table: one arm for each order
    pub(crate) fn execute(&mut self, now: Instant, order: Output<'_>) {
        match order {
            Output::Connect { conn, local, via, remote, options } => {
                let result = Connection::connect(conn, local, via, remote, options);
                if let Err(why) =
                    result.map_err(|error| error::from_io(&error)).and_then(|one| self.keep(one))
                {
                    self.answers.push_back(Fact::Plain(Input::ConnectFailed { conn, why }));
                }
            }
            Output::Listen { listener, local } => {
                let result = self.listen(listener, local);
                self.answers.push_back(Fact::Plain(Input::ListenDone { listener, result }));
            }
            Output::ListenKey { listener, remote, key } => {
                self.listen_key(listener, remote, key.map(|key| key.0));
            }
            Output::Unlisten { listener } => {
                if let Some(place) = self.listeners.get_mut(usize::from(listener.0)) {
                    *place = Ok(None); // With the socket goes whoever waits to be accepted.
                }
            }
            Output::Adopt { socket, conn, options } => {
                let Some((socket, remote)) = self.take_accepted(socket) else { return };
                let result = Connection::adopt(conn, socket, remote, options);
                if let Err(why) =
                    result.map_err(|error| error::from_io(&error)).and_then(|one| self.keep(one))
                {
                    self.answers.push_back(Fact::Plain(Input::Closed { conn, why }));
                }
            }
            Output::Refuse { socket } => {
                if let Some((socket, _)) = self.take_accepted(socket) {
                    // If it cannot be a reset, it is a plain close.
                    let _ = socket.set_linger(Some(StdDuration::ZERO));
                }
            }
            Output::Send { conn, bytes } => {
                if let Some(said) = self.connection(conn).and_then(|(_, connection)| connection.send(bytes)) {
                    self.answers.push_back(fact_of(conn, said));
                }
            }
            Output::AskFlushed { conn } => {
                if let Some((_, connection)) = self.connection(conn) {
                    connection.asked_flushed = true;
                    self.flush_at = self.flush_at.min(now);
                }
            }
            Output::Close { conn, how } => self.close(conn, how),
            Output::Bind { address, link, prefix, label } => {
                self.host.bind(now, address, link, prefix, label, &mut self.answers);
            }
            Output::Unbind { address, link, prefix } => {
                self.host.order(now, Order::Unbind(address, link, prefix), &mut self.answers);
            }
            Output::InstallRoute { route, prefix, target } => {
                // Without a watch the route is there all the same, and nobody notices when it goes.
                let _ = self.follow_routes(None);
                self.host.order(now, Order::Install(route, prefix, target.into()), &mut self.answers);
            }
            Output::RemoveRoute { route, prefix } => {
                self.host.order(now, Order::Remove(route, prefix), &mut self.answers);
            }
            Output::OpenDatagram { bfd, kind, local, remote, via } => {
                let path = Path { kind, local, remote, via };
                let result = self.datagrams.open(self.poll.registry(), DATAGRAM, bfd, path, &self.guests);
                self.answers.push_back(Fact::Plain(Input::DatagramDone { bfd, result }));
            }
            Output::SendDatagram { bfd, bytes } => self.datagrams.send(bfd, bytes),
            Output::CloseDatagram { bfd } => self.datagrams.close(bfd),
            Output::StartProbe { probe, spec } => self.checks.start(probe, &spec, &mut self.answers),
            Output::StopProbe { probe } => self.checks.stop(probe),
            Output::AskTable { what } => self.host.tell_again(what),
            Output::Keep { .. } | Output::Answer { .. } | Output::Record(_) => {}
        }
    }

    /// The list of what is ours was written up to this change.
    pub(crate) fn list_written(&mut self, now: Instant, serial: u32) {
        self.host.list_written(now, serial, &mut self.answers);
    }

    /// Why this check failed last, in words; empty when its code says it all.
    pub(crate) fn detail(&self, check: u16) -> &str {
        self.checks.detail(check)
    }

    /// What the sockets and the checks have to log.
    pub(crate) fn take_notes(&mut self) -> Vec<(Level, &'static str, String)> {
        let mut notes = std::mem::take(&mut self.notes);
        notes.append(&mut self.checks.take_notes());
        notes
    }

    /// Has the thread of checks answer, if there is one and it does not stand still.
    pub(crate) fn ask_alive(&mut self, answer: oneshot::Sender<()>) {
        self.checks.ask_alive(answer);
    }

    /// Ends every check that runs.
    pub(crate) fn end_checks(&mut self) {
        self.checks.end();
    }

    /// Gives what time alone gives: see [`Host::tick`]; whether there was any.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        self.host.tick(now, &mut self.answers)
    }

    fn close(&mut self, conn: ConnId, how: CloseHow) {
        // Whatever was to be told of it is answered by `Closed` too; one that is on its way already is the last word.
        let about = |fact: &Fact| match *fact {
            Fact::Plain(
                Input::ConnectFailed { conn: other, .. }
                | Input::Sent { conn: other, .. }
                | Input::Flushed { conn: other },
            ) => other == conn,
            _ => false,
        };
        let failed = |fact: &Fact| about(fact) && matches!(fact, Fact::Plain(Input::ConnectFailed { .. }));
        let had_failed = self.answers.iter().any(failed);
        self.answers.retain(|fact| !about(fact));
        let said = match self.connection(conn) {
            Some((index, connection)) => {
                let said = connection.close(how);
                if said.is_some() {
                    self.connections[index] = None;
                }
                said
            }
            None => had_failed.then_some(Said::Closed(IoError::None)),
        };
        if let Some(said) = said {
            self.answers.push_back(fact_of(conn, said));
        }
    }

    /// Sets a key on a listener that does not listen yet.
    fn listen_key(&mut self, name: ListenerId, remote: Prefix, key: Option<&[u8]>) {
        let Some(place) = self.listeners.get_mut(usize::from(name.0)) else { return };
        if let Ok(None) = place {
            *place =
                Listening::new(remote.address().is_ipv6()).map(Some).map_err(|error| error::from_io(&error));
        }
        let Ok(Some(listener)) = place else { return }; // `Listen` will say so.
        if let Err(why) = listener.set_key(remote, key) {
            let text =
                format!("cannot set the TCP MD5 key for {remote} ({why}): nobody can connect from there");
            self.notes.push((Level::Error, "key_not_set", text));
        }
    }

    /// Listens, with the keys that were set before. On failure they are forgotten, and told again.
    fn listen(&mut self, name: ListenerId, local: Endpoint) -> Result<(), IoError> {
        let index = usize::from(name.0);
        let place = self.listeners.get_mut(index).ok_or(IoError::Other)?;
        let keyed = std::mem::replace(place, Ok(None))?;
        let open = || {
            let mut listening = keyed.map_or_else(|| Listening::new(local.address.is_ipv6()), Ok)?;
            listening.guard(&self.guests, local.address.is_ipv6());
            listening.listen(local)?;
            let (fd, token) = (listening.as_raw_fd(), Token(LISTENER + index));
            self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE)?;
            Ok(listening)
        };
        *place = Ok(Some(open().map_err(|error: io::Error| error::from_io(&error))?));
        Ok(())
    }

    fn take_accepted(&mut self, name: SocketId) -> Option<(Socket, Endpoint)> {
        let index = self.accepted.iter().position(|(one, ..)| *one == name)?;
        let (_, socket, remote) = self.accepted.swap_remove(index);
        Some((socket, remote))
    }

    /// Gives the connection a place, and has it watched.
    fn keep(&mut self, connection: Connection) -> Result<(), IoError> {
        let index = self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len());
        let fd = connection.as_raw_fd();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered =
            self.poll.registry().register(&mut SourceFd(&fd), Token(CONNECTION + index), interest);
        registered.map_err(|error| error::from_io(&error))?;
        match self.connections.get_mut(index) {
            Some(place) => *place = Some(connection),
            None => self.connections.push(Some(connection)),
        }
        Ok(())
    }

    fn connection(&mut self, name: ConnId) -> Option<(usize, &mut Connection)> {
        self.connections
            .iter_mut()
            .enumerate()
            .find_map(|(index, place)| Some((index, place.as_mut().filter(|one| one.name == name)?)))
    }
}

fn fact_of(conn: ConnId, said: Said) -> Fact {
    Fact::Plain(match said {
        Said::Connected(local) => Input::Connected { conn, local },
        Said::ConnectFailed(why) => Input::ConnectFailed { conn, why },
        Said::Received(len) => return Fact::Received { conn, len },
        Said::Sent(len) => Input::Sent { conn, len },
        Said::Flushed => Input::Flushed { conn },
        Said::Closed(why) => Input::Closed { conn, why },
    })
}

#[cfg(test)]
mod tests;
