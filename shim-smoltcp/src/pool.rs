//! The TCP sockets: equal ones, each of which dials, listens, is a connection, or serves a check.
//!
//! A socket of smoltcp that listens has no backlog: it becomes the connection. So every socket that nothing else needs
//! listens, and a dial takes one of those.

use core::net::IpAddr;

use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{CloseHow, ConnId, Endpoint, IoError, ListenerId, SocketId};
use holdover_core::stream::{Moved, write_some};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::IpListenEndpoint;

use crate::connection::{Connection, Phase, Said, Side};
use crate::stream::Stream;
use crate::time::{endpoint, stack_span};

/// The most sockets that a pool has.
pub(crate) const SEATS: usize = 16;
/// How long a peer that began to connect may take to complete the handshake: a flood of them must not hold the listeners.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// How long a connection that is over for the engine may take to say its last words.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a reset may wait for its way to the peer to be found.
const RESET: Duration = Duration::from_secs(1);
/// The TTL of the handshake's answer. The peer may demand 255 (RFC 5082) before we know who it is; it is set to what the
/// engine says when the connection is adopted.
const HANDSHAKE_TTL: u8 = 255;
/// What a socket does.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Nothing that matters: it listens if anything is to be listened for.
    Spare,
    /// Somebody connected, and the engine has not said yet what is to become of it.
    Accepted(SocketId),
    Connection(Connection),
    /// A check has it.
    Check,
    /// Nobody wants it any more; it has until then to say goodbye.
    Leaving(Instant),
}

#[derive(Debug)]
struct Seat {
    handle: SocketHandle,
    job: Job,
}

/// How an attempt to connect is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) local: Endpoint,
    pub(crate) remote: Endpoint,
    pub(crate) ttl: u8,
}

/// The sockets.
#[derive(Debug)]
pub(crate) struct Pool {
    seats: heapless::Vec<Seat, SEATS>,
    listeners: [Option<Endpoint>; 2],
    next_socket: u32,
    /// How often nothing was left to dial with.
    pub(crate) exhausted: u32,
    /// How many connections were refused because their key could not be kept.
    pub(crate) barred: u32,
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { seats: heapless::Vec::new(), listeners: [None; 2], next_socket: 0, exhausted: 0, barred: 0 }
    }

    /// Adds a socket with these buffers.
    pub(crate) fn add<'a>(
        &mut self,
        sockets: &mut SocketSet<'a>,
        receive: &'a mut [u8],
        transmit: &'a mut [u8],
    ) {
        if self.seats.is_full() {
            return;
        }
        let mut socket = Socket::new(SocketBuffer::new(receive), SocketBuffer::new(transmit));
        // A BGP message is whole when it is written, and a small window has no time to lose.
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        let seat = Seat { handle: sockets.add(socket), job: Job::Spare };
        let _ = self.seats.push(seat);
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// How many sockets are nobody's.
    #[cfg(test)]
    pub(crate) fn spare(&self) -> usize {
        self.seats.iter().filter(|seat| matches!(seat.job, Job::Spare)).count()
    }

    /// The peers of the connections that are there or being made.
    pub(crate) fn remotes(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.seats.iter().filter_map(|seat| match seat.job {
            Job::Connection(connection) => Some(connection.remote.address),
            _ => None,
        })
    }

    /// Whether a socket uses this port of ours.
    pub(crate) fn has_port(&self, sockets: &SocketSet<'_>, port: u16) -> bool {
        self.seats.iter().any(|seat| {
            sockets.get::<Socket>(seat.handle).local_endpoint().is_some_and(|local| local.port == port)
        })
    }

    /// Frees a socket for something new; [`IoError::Exhausted`] when every one is somebody's.
    fn take(&mut self, sockets: &mut SocketSet<'_>) -> Result<usize, IoError> {
        let rank = |seat: &Seat| {
            let socket = sockets.get::<Socket>(seat.handle);
            match seat.job {
                Job::Spare if !socket.is_open() => Some((0, Instant::ZERO)),
                Job::Spare if socket.is_listening() => Some((1, Instant::ZERO)),
                Job::Leaving(until) if !socket.is_open() => Some((2, until)),
                // Half of a handshake: its peer will try again.
                Job::Spare if socket.state() == State::SynReceived => Some((3, Instant::ZERO)),
                Job::Leaving(until) => Some((4, until)),
                _ => None,
            }
        };
        let seats = self.seats.iter().enumerate();
        let best = seats.filter_map(|(place, seat)| Some((rank(seat)?, place))).min();
        let Some((_, place)) = best else {
            self.exhausted = self.exhausted.saturating_add(1);
            return Err(IoError::Exhausted);
        };
        if let Some(seat) = self.seats.get_mut(place) {
            sockets.get_mut::<Socket>(seat.handle).abort();
            seat.job = Job::Spare;
        }
        Ok(place)
    }

    /// Begins to connect for a check; gives the socket's place.
    pub(crate) fn dial(
        &mut self,
        sockets: &mut SocketSet<'_>,
        context: &mut smoltcp::iface::Context,
        dial: &Dial,
    ) -> Result<usize, IoError> {
        let place = self.take(sockets)?;
        let Some(seat) = self.seats.get_mut(place) else { return Err(IoError::Exhausted) };
        let socket = sockets.get_mut::<Socket>(seat.handle);
        // Protocol timers are the core's: it ends an attempt, a silent connection and one whose peer takes nothing.
        socket.set_timeout(None);
        socket.set_hop_limit(Some(dial.ttl.max(1)));
        let remote = (smoltcp::wire::IpAddress::from(dial.remote.address), dial.remote.port);
        let local = (smoltcp::wire::IpAddress::from(dial.local.address), dial.local.port);
        socket.connect(context, remote, local).map_err(|_| IoError::Unreachable)?;
        seat.job = Job::Check;
        Ok(place)
    }

    /// Begins to connect for the engine.
    pub(crate) fn connect(
        &mut self,
        sockets: &mut SocketSet<'_>,
        context: &mut smoltcp::iface::Context,
        name: ConnId,
        dial: &Dial,
    ) -> Result<(), IoError> {
        let place = self.dial(sockets, context, dial)?;
        if let Some(seat) = self.seats.get_mut(place) {
            seat.job = Job::Connection(Connection::new(name, Phase::Connecting, dial.local, dial.remote));
        }
        Ok(())
    }

    /// How a check's attempt to connect stands: `None`, not decided yet. One that is decided gives its socket back.
    pub(crate) fn ask_check(
        &mut self,
        sockets: &mut SocketSet<'_>,
        now: Instant,
        place: usize,
    ) -> Option<Result<(), IoError>> {
        let seat = self.seats.get_mut(place)?;
        let socket = sockets.get_mut::<Socket>(seat.handle);
        let result = match socket.state() {
            State::SynSent | State::SynReceived => return None,
            State::Closed => Err(IoError::Refused),
            _ => Ok(()),
        };
        socket.close();
        seat.job = Job::Leaving(now + FAREWELL);
        Some(result)
    }

    /// Ends a check's attempt to connect.
    pub(crate) fn end_check(&mut self, sockets: &mut SocketSet<'_>, now: Instant, place: usize) {
        if let Some(seat) = self.seats.get_mut(place) {
            sockets.get_mut::<Socket>(seat.handle).abort();
            seat.job = Job::Leaving(now + RESET);
        }
    }

    /// Listens from the next turn on.
    pub(crate) fn listen(&mut self, name: ListenerId, local: Endpoint) -> Result<(), IoError> {
        let place = self.listeners.get_mut(usize::from(name.0)).ok_or(IoError::Other)?;
        *place = Some(local);
        Ok(())
    }

    /// Listens no more.
    pub(crate) fn unlisten(&mut self, sockets: &mut SocketSet<'_>, name: ListenerId) {
        let Some(place) = self.listeners.get_mut(usize::from(name.0)) else { return };
        let Some(local) = place.take() else { return };
        if self.listeners.iter().flatten().any(|other| other.port == local.port) {
            return;
        }
        for seat in self.seats.iter().filter(|seat| matches!(seat.job, Job::Spare)) {
            let socket = sockets.get_mut::<Socket>(seat.handle);
            if socket.listen_endpoint().port == local.port {
                socket.abort();
            }
        }
    }

    /// The port of a listener.
    pub(crate) fn port(&self, name: ListenerId) -> u16 {
        self.listeners.get(usize::from(name.0)).copied().flatten().map_or(0, |local| local.port)
    }

    /// Lets every socket listen that nobody needs. At least one does as long as one only waits for the end of TIME-WAIT: the
    /// sequence numbers of what comes next are not those of what was (RFC 6191 asks no more of a listener).
    pub(crate) fn keep_listening(&mut self, sockets: &mut SocketSet<'_>, now: Instant) {
        let Some(port) = self.listeners.iter().flatten().map(|local| local.port).next() else { return };
        let mut listening = 0_u32;
        for seat in &mut self.seats {
            let socket = sockets.get_mut::<Socket>(seat.handle);
            if let Job::Spare = seat.job
                && !socket.is_open()
            {
                listen_with(socket, port);
            }
            listening += u32::from(matches!(seat.job, Job::Spare) && socket.is_listening());
        }
        if listening > 0 {
            return;
        }
        let waits = |seat: &&mut Seat| {
            matches!(seat.job, Job::Leaving(_))
                && sockets.get::<Socket>(seat.handle).state() == State::TimeWait
        };
        let oldest = self.seats.iter_mut().filter(waits).min_by_key(|seat| match seat.job {
            Job::Leaving(until) => until,
            _ => now,
        });
        if let Some(seat) = oldest {
            seat.job = Job::Spare;
            listen_with(sockets.get_mut::<Socket>(seat.handle), port);
        }
    }

    /// Whoever connected to us by the socket in this place. Those that are barred are reset.
    pub(crate) fn accept(
        &mut self,
        sockets: &mut SocketSet<'_>,
        now: Instant,
        place: usize,
        bars: impl Fn(IpAddr) -> bool,
    ) -> Option<Said> {
        let seat = self.seats.get_mut(place)?;
        let socket = sockets.get_mut::<Socket>(seat.handle);
        if !is_accepted(seat, socket) {
            return None;
        }
        let (local, remote) = (endpoint(socket.local_endpoint()?), endpoint(socket.remote_endpoint()?));
        let meant = |at: &Endpoint| {
            at.port == local.port
                && at.address.is_ipv4() == local.address.is_ipv4()
                && (at.address.is_unspecified() || at.address == local.address)
        };
        let barred = bars(remote.address);
        self.barred = self.barred.saturating_add(u32::from(barred));
        let found = self.listeners.iter().position(|listener| listener.as_ref().is_some_and(meant));
        let Some(name) = found.filter(|_| !barred) else {
            // Sockets listen for both families at once, and not on one address only.
            socket.abort();
            seat.job = Job::Leaving(now + RESET);
            return None;
        };
        socket.set_timeout(None);
        self.next_socket = self.next_socket.wrapping_add(1);
        let name_of = SocketId(self.next_socket);
        seat.job = Job::Accepted(name_of);
        let listener = ListenerId(u8::try_from(name).unwrap_or(0));
        Some(Said::Accepted { socket: name_of, listener, local, remote })
    }

    /// Keeps an accepted socket; gives our end and the peer's address.
    pub(crate) fn adopt(
        &mut self,
        sockets: &mut SocketSet<'_>,
        socket: SocketId,
        name: ConnId,
        ttl: u8,
    ) -> Option<(Endpoint, IpAddr)> {
        let seat =
            self.seats.iter_mut().find(|seat| matches!(seat.job, Job::Accepted(one) if one == socket))?;
        let stream = sockets.get_mut::<Socket>(seat.handle);
        stream.set_hop_limit(Some(ttl.max(1)));
        let (local, remote) = (endpoint(stream.local_endpoint()?), endpoint(stream.remote_endpoint()?));
        seat.job = Job::Connection(Connection::new(name, Phase::Open, local, remote));
        Some((local, remote.address))
    }

    /// Resets an accepted socket.
    pub(crate) fn refuse(&mut self, sockets: &mut SocketSet<'_>, now: Instant, socket: SocketId) {
        let accepted = |seat: &&mut Seat| matches!(seat.job, Job::Accepted(one) if one == socket);
        if let Some(seat) = self.seats.iter_mut().find(accepted) {
            sockets.get_mut::<Socket>(seat.handle).abort();
            seat.job = Job::Leaving(now + RESET);
        }
    }

    fn connection(&mut self, name: ConnId) -> Option<(SocketHandle, &mut Connection)> {
        self.seats.iter_mut().find_map(|seat| match &mut seat.job {
            Job::Connection(connection) if connection.name == name => Some((seat.handle, connection)),
            _ => None,
        })
    }

    /// Writes what the socket takes; the answer is told when it takes more.
    pub(crate) fn send(&mut self, sockets: &mut SocketSet<'_>, name: ConnId, bytes: &[u8]) {
        let Some((handle, connection)) = self.connection(name) else { return };
        if connection.phase != Phase::Open || connection.failed.is_some() {
            return; // `Closed` is the answer, and on its way.
        }
        let mut stream = Stream(sockets.get_mut::<Socket>(handle));
        let mut taken = 0;
        // The buffer is a ring: it may take a message in two pieces.
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match write_some(&mut stream, rest) {
                Ok(Moved::Octets(octets)) => taken += octets,
                Ok(Moved::NotNow | Moved::Ended) => break,
                Err(_) => {
                    connection.failed = Some(IoError::Reset);
                    return;
                }
            }
        }
        connection.owed = Some(taken);
    }

    /// Notes that the engine wants to know when everything was acknowledged.
    pub(crate) fn ask_flushed(&mut self, name: ConnId) {
        if let Some((_, connection)) = self.connection(name) {
            connection.asked_flushed = true;
        }
    }

    /// Ends a connection; `Some(true)`: it is over at once.
    pub(crate) fn close(
        &mut self,
        sockets: &mut SocketSet<'_>,
        now: Instant,
        name: ConnId,
        how: CloseHow,
    ) -> Option<bool> {
        let (handle, connection) = self.connection(name)?;
        let socket = sockets.get_mut::<Socket>(handle);
        if how == CloseHow::Graceful && connection.phase == Phase::Open && connection.failed.is_none() {
            socket.close();
            connection.phase = Phase::Draining;
            (connection.owed, connection.asked_flushed) = (None, false);
            return Some(false);
        }
        socket.abort();
        self.leave(handle, now + RESET);
        Some(true)
    }

    fn leave(&mut self, handle: SocketHandle, until: Instant) {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.handle == handle) {
            seat.job = Job::Leaving(until);
        }
    }

    /// What one side of a socket has to say.
    pub(crate) fn look(
        &mut self,
        sockets: &mut SocketSet<'_>,
        now: Instant,
        place: usize,
        side: Side,
        buffer: &mut [u8],
    ) -> Option<Said> {
        let seat = self.seats.get_mut(place)?;
        let handle = seat.handle;
        let Job::Connection(connection) = &mut seat.job else { return None };
        let socket = sockets.get_mut::<Socket>(handle);
        let said = match side {
            Side::Write => connection.write_side(socket),
            Side::Read => connection.read_side(socket, buffer),
            Side::Flush => connection.flush_side(socket),
        };
        if let Some(Said::ConnectFailed { .. } | Said::Closed { .. }) = said {
            // What is still to be sent, a NOTIFICATION for example, goes out; then our end.
            socket.close();
            seat.job = Job::Leaving(now + FAREWELL);
        }
        said
    }

    /// Ends what has had its time to leave, and takes back what has left.
    pub(crate) fn tidy(&mut self, sockets: &mut SocketSet<'_>, now: Instant) {
        for seat in &mut self.seats {
            let Job::Leaving(until) = seat.job else { continue };
            let socket = sockets.get_mut::<Socket>(seat.handle);
            let closed = socket.state() == State::Closed;
            if closed && (socket.remote_endpoint().is_none() || until <= now) {
                seat.job = Job::Spare;
            } else if until <= now && socket.state() != State::TimeWait {
                socket.abort();
                seat.job = Job::Leaving(now + RESET);
            }
        }
    }

    /// Whether a socket has something to say.
    pub(crate) fn is_ready(&self, sockets: &SocketSet<'_>) -> bool {
        self.seats.iter().any(|seat| {
            let socket = sockets.get::<Socket>(seat.handle);
            match &seat.job {
                Job::Connection(connection) => connection.is_ready(socket),
                _ => is_accepted(seat, socket),
            }
        })
    }

    /// When [`Pool::tidy`] has something to do.
    pub(crate) fn deadline(&self, sockets: &SocketSet<'_>) -> Instant {
        let until = |seat: &Seat| match seat.job {
            Job::Leaving(until) if sockets.get::<Socket>(seat.handle).state() != State::TimeWait => {
                Some(until)
            }
            _ => None,
        };
        self.seats.iter().filter_map(until).min().unwrap_or(Instant::FAR)
    }
}

fn listen_with(socket: &mut Socket<'_>, port: u16) {
    socket.set_timeout(Some(stack_span(HANDSHAKE)));
    socket.set_hop_limit(Some(HANDSHAKE_TTL));
    // It fails only for port 0 or an open socket.
    let _ = socket.listen(IpListenEndpoint { addr: None, port });
}

fn is_accepted(seat: &Seat, socket: &Socket<'_>) -> bool {
    matches!(seat.job, Job::Spare) && matches!(socket.state(), State::Established | State::CloseWait)
}
