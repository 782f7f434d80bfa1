//! `check … tcp`: whether a port takes connections.
//!
//! The connection is closed as soon as it is there, in order (FIN): a service sees a client that thought better of it, where
//! a reset would make many write an error into their log at each probe. The price is a socket in TIME-WAIT for a minute on
//! our side, without a process behind it.

use std::io;
use std::net::SocketAddr;

use holdover_core::engine::ProbeFailure;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use super::failure::{Failure, Outcome};
use crate::sys::option;

/// Connects, and lets go.
pub(super) async fn probe(target: SocketAddr, own: bool) -> Outcome {
    match begin(target, own)? {
        // What is on this host has answered by now: the runtime need not hear of the socket.
        (socket, true) => not_itself(socket.local_addr(), socket.peer_addr()),
        (socket, false) => finish(socket).await.map(drop),
    }
}

/// A connection to `target`. With `own` it goes through the device `lo`, from the address itself: with the address gone from
/// this host, the network would hand it to another machine, which would answer.
pub(super) async fn connect(target: SocketAddr, own: bool) -> Result<TcpStream, Failure> {
    finish(begin(target, own)?.0).await
}

/// A socket on its way to `target`, and whether it has arrived already.
fn begin(target: SocketAddr, own: bool) -> Result<(Socket, bool), Failure> {
    let network = |error: io::Error| Failure::of_network(&error);
    let socket = Socket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))
        .map_err(network)?;
    if own {
        // At a short interval there would not be ports enough otherwise: each is kept for a minute.
        option::set_late_port(&socket).map_err(network)?;
        bind_own(&socket, target).map_err(network)?;
    }
    match socket.connect(&target.into()) {
        Ok(()) => return Ok((socket, true)),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(network(error)),
    }
    let mut looked = [PollFd::new(&socket, PollFlags::OUT)];
    let arrived = rustix::event::poll(&mut looked, Some(&Timespec::default())).is_ok_and(|count| count > 0);
    if arrived && let Some(error) = socket.take_error().map_err(network)? {
        return Err(network(error));
    }
    Ok((socket, arrived))
}

/// Waits until the connection is there.
async fn finish(socket: Socket) -> Result<TcpStream, Failure> {
    let network = |error: io::Error| Failure::of_network(&error);
    let stream = TcpStream::from_std(socket.into()).map_err(network)?;
    stream.writable().await.map_err(network)?;
    if let Some(error) = stream.take_error().map_err(network)? {
        return Err(network(error));
    }
    not_itself(stream.local_addr(), stream.peer_addr())?;
    Ok(stream)
}

/// Where the port lies among those that the kernel lends to clients and nobody listens, a socket may connect to itself.
fn not_itself<A: PartialEq>(ours: io::Result<A>, theirs: io::Result<A>) -> Outcome {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => {
            Err(Failure::new(ProbeFailure::Refused, "the connection met itself: nobody listens"))
        }
        _ => Ok(()),
    }
}

/// Ties a socket to the device `lo` and to the address that it is about to ask. Errors: the address is not on this host.
pub(super) fn bind_own(socket: &Socket, target: SocketAddr) -> io::Result<()> {
    socket.bind_device(Some(b"lo"))?;
    socket.bind(&SocketAddr::new(target.ip(), 0).into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::block_on;
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_that_listens_passes_and_one_that_does_not_fails() {
        for (address, own) in [("127.0.0.1:0", false), ("127.0.0.1:0", true), ("[::1]:0", true)] {
            let listener = TcpListener::bind(address).unwrap();
            let target = listener.local_addr().unwrap();
            block_on(probe(target, own)).unwrap();
            drop(listener);
            let failure = block_on(probe(target, own)).unwrap_err();
            assert_eq!(failure.why, ProbeFailure::Refused, "{failure}");
        }
    }

    #[test]
    fn an_own_address_that_is_not_here_fails_at_once() {
        let failure = block_on(probe("192.0.2.77:80".parse().unwrap(), true)).unwrap_err();
        assert_eq!(failure.why, ProbeFailure::Unreachable, "{failure}");
    }

    #[test]
    fn the_service_sees_an_orderly_end() {
        use std::io::Read as _;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        block_on(probe(listener.local_addr().unwrap(), false)).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0, "no reset");
    }
}
