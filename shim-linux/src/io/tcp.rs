//! One TCP connection, or an attempt at one: what is owed on it, and what it has to say.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use holdover_core::base::net::Prefix;
use holdover_core::engine::{CloseHow, ConnId, Endpoint, IoError, LinkId, TcpOptions};
use socket2::{Domain, Protocol, Socket, Type};

use super::error;
use crate::sys::option;

/// At most this much is read from a connection in one turn.
pub(super) const READ: usize = 4 << 10;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The SYN is out.
    Connecting,
    /// Both ends speak.
    Open,
    /// We have said all; what comes is discarded until the peer's end.
    Draining,
}

/// What a connection says when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is there; this is our end.
    Connected(Endpoint),
    /// It will not be there.
    ConnectFailed(IoError),
    /// So many octets lie in the buffer.
    Received(usize),
    /// So many octets were taken, and more would be.
    Sent(usize),
    /// The peer's kernel has everything.
    Flushed,
    /// It is gone.
    Closed(IoError),
}

impl Said {
    /// Whether nothing comes after it.
    pub(super) fn is_last(self) -> bool {
        matches!(self, Self::ConnectFailed(_) | Self::Closed(_))
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// As the engine calls it.
    pub(super) name: ConnId,
    socket: Socket,
    phase: Phase,
    readable: bool,
    writable: bool,
    /// The peer has shut down its side: there is an end to be read even after a short read.
    ending: bool,
    /// A `Send` that is not answered: how many octets were taken before the socket was full.
    owed: Option<usize>,
    /// An `AskFlushed` that is not answered.
    pub(super) asked_flushed: bool,
    /// Sending failed; what the peer said before that is still to be read.
    broken: Option<IoError>,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn connect(
        name: ConnId,
        local: Option<IpAddr>,
        via: Option<LinkId>,
        remote: Endpoint,
        options: TcpOptions<'_>,
    ) -> io::Result<Self> {
        let socket = new_socket(remote.address)?;
        set_options(&socket, remote, options)?;
        if let Some(link) = via {
            option::bind_to_link(&socket, link)?;
        }
        if let Some(local) = local {
            let link = remote.link.or(via);
            socket.bind(&socket_address(Endpoint { address: local, port: 0, link }).into())?;
        }
        match socket.connect(&socket_address(remote).into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::new(name, socket, Phase::Connecting))
    }

    /// Takes over an accepted socket.
    pub(super) fn adopt(
        name: ConnId,
        socket: Socket,
        remote: Endpoint,
        options: TcpOptions<'_>,
    ) -> io::Result<Self> {
        // The key came with the listener's: the handshake was signed with it.
        set_options(&socket, remote, TcpOptions { key: None, ..options })?;
        Ok(Self::new(name, socket, Phase::Open))
    }

    fn new(name: ConnId, socket: Socket, phase: Phase) -> Self {
        // An accepted socket may have been readable before it was registered, and is likely to be writable.
        let open = phase == Phase::Open;
        Self {
            name,
            socket,
            phase,
            readable: open,
            writable: open,
            ending: false,
            owed: None,
            asked_flushed: false,
            broken: None,
        }
    }

    /// Notes what epoll said.
    pub(super) fn set_ready(&mut self, readable: bool, writable: bool, ending: bool) {
        self.readable |= readable;
        self.writable |= writable;
        self.ending |= ending;
    }

    /// Whether [`Connection::write_side`] has something to say.
    pub(super) fn has_to_write(&self) -> bool {
        match self.phase {
            Phase::Connecting => self.writable,
            Phase::Open => self.owed.is_some() && self.writable,
            Phase::Draining => false,
        }
    }

    /// Whether [`Connection::read_side`] may have something to say.
    pub(super) fn has_to_read(&self) -> bool {
        self.phase != Phase::Connecting && (self.readable || self.broken.is_some())
    }

    /// Sends what the socket takes; says so at once when it took everything.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<Said> {
        if self.phase != Phase::Open || self.broken.is_some() {
            return None; // `Closed` is the answer, and on its way.
        }
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or(&[]);
            if rest.is_empty() {
                return Some(Said::Sent(taken));
            }
            match self.socket.write(rest) {
                Ok(len) => taken += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    (self.owed, self.writable) = (Some(taken), false);
                    return None;
                }
                Err(error) => {
                    // The peer's last words may still lie in the receive buffer: they come first.
                    self.broken = Some(error::from_io(&error));
                    return None;
                }
            }
        }
    }

    /// The connect's result, or the answer to a `Send` that waited.
    pub(super) fn write_side(&mut self) -> Option<Said> {
        match self.phase {
            Phase::Connecting => self.finish_connect(),
            Phase::Open => self.owed.take().map(Said::Sent),
            Phase::Draining => None,
        }
    }

    fn finish_connect(&mut self) -> Option<Said> {
        if let Ok(Some(error)) | Err(error) = self.socket.take_error() {
            return Some(Said::ConnectFailed(error::from_io(&error)));
        }
        if self.socket.peer_addr().is_err() {
            self.writable = false;
            return None; // Not yet.
        }
        match self.socket.local_addr() {
            Ok(address) => {
                self.phase = Phase::Open;
                Some(Said::Connected(address.as_socket().map_or(NOWHERE, endpoint)))
            }
            Err(error) => Some(Said::ConnectFailed(error::from_io(&error))),
        }
    }

    /// What came, or the end.
    pub(super) fn read_side(&mut self, buffer: &mut [u8; READ]) -> Option<Said> {
        match self.socket.read(buffer) {
            Ok(0) if self.phase == Phase::Draining => Some(Said::Closed(IoError::None)),
            Ok(0) => Some(Said::Closed(self.broken.unwrap_or(IoError::Reset))),
            Ok(len) => {
                // A short read has emptied the buffer; what comes later is a new event.
                self.readable = len == READ || self.ending;
                (self.phase == Phase::Open).then_some(Said::Received(len))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => None,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                (self.readable, self.ending) = (false, false);
                self.broken.map(Said::Closed)
            }
            Err(_) if self.phase == Phase::Draining => Some(Said::Closed(IoError::None)),
            Err(error) => Some(Said::Closed(error::from_io(&error))),
        }
    }

    /// Whether the peer's kernel has acknowledged everything.
    pub(super) fn is_flushed(&self) -> bool {
        // A socket that cannot say has nothing under way any more.
        option::unacknowledged(&self.socket).map_or(true, |count| count == 0)
    }

    /// Ends it; says so when that is done at once, and then it may be dropped.
    pub(super) fn close(&mut self, how: CloseHow) -> Option<Said> {
        let gracefully =
            how == CloseHow::Graceful && self.phase != Phase::Connecting && self.broken.is_none();
        if gracefully && self.socket.shutdown(Shutdown::Write).is_ok() {
            self.phase = Phase::Draining;
            (self.owed, self.asked_flushed) = (None, false);
            return None;
        }
        // Linger of zero: the close sends a reset and forgets what was not sent. If it fails, a plain close has to do.
        let _ = self.socket.set_linger(Some(Duration::ZERO));
        Some(Said::Closed(IoError::None))
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

const NOWHERE: Endpoint = Endpoint { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0, link: None };

/// A TCP socket that does not block and is not inherited by children.
pub(super) fn new_socket(address: IpAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Sets everything that must hold before the first packet.
fn set_options(socket: &Socket, remote: Endpoint, options: TcpOptions<'_>) -> io::Result<()> {
    option::set_ttl(socket, remote.address.is_ipv6(), options.ttl, options.min_ttl)?;
    if let Some(key) = options.key {
        option::set_md5(socket, Prefix::host(remote.address), remote.link, Some(key.0))?;
    }
    // A BGP message is whole when it is written: nothing is gained by waiting for more.
    socket.set_tcp_nodelay(true)
}

/// An endpoint as the system writes it.
pub(super) fn socket_address(endpoint: Endpoint) -> SocketAddr {
    match endpoint.address {
        IpAddr::V4(address) => SocketAddr::new(address.into(), endpoint.port),
        IpAddr::V6(address) => {
            let scope = endpoint.link.filter(|_| needs_link(address)).map_or(0, |link| link.0);
            SocketAddrV6::new(address, endpoint.port, 0, scope).into()
        }
    }
}

/// The system's address as an endpoint.
pub(super) fn endpoint(address: SocketAddr) -> Endpoint {
    let link = match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(LinkId(v6.scope_id())),
        _ => None,
    };
    Endpoint { address: address.ip(), port: address.port(), link }
}

fn needs_link(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}
