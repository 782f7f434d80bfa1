//! `check … tcp`: whether a port takes connections.
//!
//! The connection is closed as soon as it is there, in order (FIN): a service sees a client that thought better of it, where
//! a reset would make many write an error into their log at each probe. The price is a socket in TIME-WAIT for a minute on
//! our side, without a process behind it.

use std::io;
use std::net::SocketAddr;

use holdover_core::engine::ProbeFailure;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::failure::{Failure, Outcome};
use crate::sys::option;

/// Connects, and lets go.
pub(super) async fn probe(target: SocketAddr, own: bool) -> Outcome {
    connect(target, own).await.map(drop)
}

/// A connection to `target`. With `own` it goes through the device `lo`, from the address itself: with the address gone from
/// this host, the network would hand it to another machine, which would answer.
pub(super) async fn connect(target: SocketAddr, own: bool) -> Result<TcpStream, Failure> {
    let network = |error| Failure::of_network(&error);
    let socket = Socket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))
        .map_err(network)?;
    if own {
        // At a short interval there would not be ports enough otherwise: each is kept for a minute.
        option::set_late_port(&socket).map_err(network)?;
        bind_own(&socket, target).map_err(network)?;
    }
    let stream = TcpSocket::from_std_stream(socket.into()).connect(target).await.map_err(network)?;
    // Where the port lies among those that the kernel lends to clients and nobody listens, a socket may connect to itself.
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(ours), Ok(theirs)) if ours == theirs => {
            Err(Failure::new(ProbeFailure::Refused, "the connection met itself: nobody listens"))
        }
        _ => Ok(stream),
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
