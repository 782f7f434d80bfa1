//! A scripted peer: BGP by hand, octet for octet, knowing nothing of the code under test.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;

/// Message types (RFC 4271 section 4.1, RFC 2918).
pub const OPEN: u8 = 1;
/// UPDATE.
pub const UPDATE: u8 = 2;
/// NOTIFICATION.
pub const NOTIFICATION: u8 = 3;
/// KEEPALIVE.
pub const KEEPALIVE: u8 = 4;

/// One received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub kind: u8,
    /// What follows the header.
    pub body: Vec<u8>,
}

/// A message with its header.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    let length = u16::try_from(body.len() + 19).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.push(kind);
    bytes.extend(body);
    bytes
}

/// An OPEN with these capabilities, each in an optional parameter of its own.
pub fn open(asn: u16, hold: u16, capabilities: &[Vec<u8>]) -> Vec<u8> {
    let mut parameters = Vec::new();
    for capability in capabilities {
        parameters.extend([2, u8::try_from(capability.len()).unwrap_or(0)]);
        parameters.extend(capability);
    }
    let mut body = vec![4];
    body.extend(asn.to_be_bytes());
    body.extend(hold.to_be_bytes());
    body.extend([10, 0, 0, 2]);
    body.push(u8::try_from(parameters.len()).unwrap_or(0));
    body.extend(parameters);
    message(OPEN, &body)
}

/// One capability (RFC 5492).
pub fn capability(code: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![code, u8::try_from(value.len()).unwrap_or(0)];
    bytes.extend(value);
    bytes
}

/// The capability of IPv4 unicast.
pub fn ipv4_unicast() -> Vec<u8> {
    capability(1, &[0, 1, 0, 1])
}

/// The capability of 4-octet AS numbers.
pub fn four_octet_as(asn: u32) -> Vec<u8> {
    capability(65, &asn.to_be_bytes())
}

/// A NOTIFICATION.
pub fn notification(code: u8, subcode: u8, data: &[u8]) -> Vec<u8> {
    let mut body = vec![code, subcode];
    body.extend(data);
    message(NOTIFICATION, &body)
}

/// A TCP end inside a namespace.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Waits for connections on `host` at `address`, port 179.
    pub fn listen(lab: &Lab, host: &str, address: IpAddr) -> Result<TcpListener> {
        let listener = lab.within(host, || {
            let at = SocketAddr::new(address, 179);
            let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            socket.bind(&at.into())?;
            socket.listen(8)?;
            Ok(TcpListener::from(socket))
        })?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Takes the next connection.
    pub fn accept(lab: &Lab, listener: &TcpListener, seconds: f64) -> Result<Self> {
        let stream = lab.eventually("somebody connects", seconds, || Ok(listener.accept()?.0))?;
        Self::over(stream)
    }

    /// Connects from `local` on `host` to port 179 of `remote`.
    pub fn connect(lab: &Lab, host: &str, local: IpAddr, remote: IpAddr) -> Result<Self> {
        let stream = lab.within(host, || {
            let socket = Socket::new(
                Domain::for_address(SocketAddr::new(remote, 179)),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            socket.bind(&SocketAddr::new(local, 0).into())?;
            socket.connect_timeout(&SocketAddr::new(remote, 179).into(), Duration::from_secs(3))?;
            Ok(TcpStream::from(socket))
        })?;
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream })
    }

    /// Sends octets as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// The next message.
    pub fn receive(&mut self) -> Result<Message> {
        let mut header = [0; 19];
        self.stream.read_exact(&mut header).context("no further message")?;
        ensure!(header[..16] == [0xff; 16], "a bad marker: {header:02x?}");
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        ensure!((19..=4096).contains(&length), "a bad length: {length}");
        let mut body = vec![0; length - 19];
        self.stream.read_exact(&mut body).context("a message cut short")?;
        Ok(Message { kind: header[18], body })
    }

    /// The next message, which must be of this type; gives its body.
    pub fn expect(&mut self, kind: u8) -> Result<Vec<u8>> {
        let message = self.receive()?;
        ensure!(message.kind == kind, "expected type {kind}, got {message:02x?}");
        Ok(message.body)
    }

    /// Passes over messages until one of this type; gives its body.
    pub fn until(&mut self, kind: u8) -> Result<Vec<u8>> {
        for _ in 0..100 {
            let message = self.receive()?;
            if message.kind == kind {
                return Ok(message.body);
            }
            ensure!(message.kind != NOTIFICATION, "closed: {message:02x?}");
        }
        bail!("no message of type {kind} in 100")
    }

    /// Sends an OPEN and a KEEPALIVE, reads theirs: Established. Gives the body of their OPEN.
    pub fn establish(&mut self, open: &[u8]) -> Result<Vec<u8>> {
        self.send(open)?;
        let theirs = self.expect(OPEN)?;
        self.send(&message(KEEPALIVE, &[]))?;
        self.expect(KEEPALIVE)?;
        Ok(theirs)
    }

    /// Waits for the end of the connection, whatever comes before it; gives the NOTIFICATION's body, if one came.
    pub fn end(&mut self) -> Option<Vec<u8>> {
        let mut last = None;
        while let Ok(message) = self.receive() {
            if message.kind == NOTIFICATION {
                last = Some(message.body);
            }
        }
        last
    }
}

/// The capability values of an OPEN's body, by code.
pub fn capabilities(open: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    let mut parameters = open.get(10..).unwrap_or(&[]);
    while let [kind, length, rest @ ..] = parameters {
        let (mut value, after) = rest.split_at(usize::from(*length).min(rest.len()));
        while let ([code, length, rest @ ..], 2) = (value, *kind) {
            let (inner, next) = rest.split_at(usize::from(*length).min(rest.len()));
            found.push((*code, inner.to_vec()));
            value = next;
        }
        parameters = after;
    }
    found
}
