//! `check … icmp`: whether an address answers to an echo request (RFC 792, RFC 4443 section 4).
//!
//! An unprivileged ping socket is used where `net.ipv4.ping_group_range` permits it, a raw one otherwise (`CAP_NET_RAW`).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use holdover_core::engine::ProbeFailure;
use socket2::{Domain, Protocol, Socket, Type};

use super::failure::{Failure, Outcome};
use super::tcp::bind_own;
use crate::sys::ready;

/// What an echo carries: a number that nobody else sends.
const PAYLOAD: usize = 16;
/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;
/// The longest IPv4 header and our message.
const LARGEST: usize = 60 + HEADER + PAYLOAD;

/// The types of a request and of a reply.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);

/// Sends one echo request, and waits for its reply.
pub(super) async fn probe(target: IpAddr, own: bool) -> Outcome {
    let network = |error: io::Error| Failure::of_network(&error);
    let (socket, raw) = open(target)?;
    if own {
        bind_own(&socket, SocketAddr::new(target, 0)).map_err(network)?;
    }
    socket.connect(&SocketAddr::new(target, 0).into()).map_err(network)?;
    let mut nonce = [0; PAYLOAD];
    // The number need not be secret, only ours.
    let _ = rustix::rand::getrandom(&mut nonce, rustix::rand::GetRandomFlags::NONBLOCK);
    let (request, reply) = if target.is_ipv4() { V4 } else { V6 };
    let message = echo(request, nonce);
    socket.send(&message).map_err(network)?;
    let socket = ready::readable(socket).map_err(network)?;
    loop {
        let mut ready = socket.readable().await.map_err(network)?;
        let mut buffer = [0; LARGEST];
        let read = |socket: &_| Ok(rustix::io::read(socket, &mut buffer)?);
        let Ok(received) = ready.try_io(read) else { continue };
        let packet = &buffer[..received.map_err(network)?];
        // A raw socket hears all ICMP from there, and on `lo` what we sent ourselves.
        if is_reply(packet, raw && target.is_ipv4(), reply, &nonce) {
            return Ok(());
        }
        // A raw socket on a busy host always has something to read.
        tokio::task::yield_now().await;
    }
}

fn open(target: IpAddr) -> Result<(Socket, bool), Failure> {
    let (domain, protocol) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    for (kind, raw) in [(Type::DGRAM, false), (Type::RAW, true)] {
        match Socket::new(domain, kind.nonblocking(), Some(protocol)) {
            Ok(socket) => return Ok((socket, raw)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(Failure::of_network(&error)),
        }
    }
    let grant = "grant CAP_NET_RAW, or put our group into net.ipv4.ping_group_range";
    Err(Failure::new(ProbeFailure::NotAllowed, grant))
}

/// An echo request. A ping socket and IPv6 fill in the checksum themselves, and a ping socket the identifier.
fn echo(kind: u8, nonce: [u8; PAYLOAD]) -> [u8; HEADER + PAYLOAD] {
    let mut message = [0; HEADER + PAYLOAD];
    message[0] = kind;
    message[4] = nonce[0];
    message[5] = nonce[1];
    message[7] = 1;
    message[HEADER..].copy_from_slice(&nonce);
    let checksum = checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// The internet checksum (RFC 1071) of an even number of octets.
fn checksum(octets: &[u8]) -> u16 {
    let sum: u32 = octets.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    !u16::try_from(fold(fold(sum))).unwrap_or(u16::MAX)
}

fn is_reply(packet: &[u8], with_header: bool, kind: u8, nonce: &[u8; PAYLOAD]) -> bool {
    let message = match packet.first() {
        Some(first) if with_header => packet.get(usize::from(first & 0x0f) * 4..),
        _ => Some(packet),
    };
    message.is_some_and(|message| {
        message.first() == Some(&kind) && message.get(HEADER..).is_some_and(|payload| payload == nonce)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::block_on;
    use super::*;

    #[test]
    fn this_host_answers_on_both_families() {
        for (target, own) in [("127.0.0.1", false), ("127.0.0.1", true), ("::1", false), ("::1", true)] {
            match block_on(probe(target.parse().unwrap(), own)) {
                Ok(()) => {}
                // Neither a ping socket nor a raw one is permitted to whoever runs this test.
                Err(failure) => assert_eq!(failure.why, ProbeFailure::NotAllowed, "{failure}"),
            }
        }
    }

    #[test]
    fn the_checksum_of_a_message_with_its_checksum_is_zero() {
        let message = echo(8, [0xa5; PAYLOAD]);
        assert_eq!(checksum(&message), 0);
        assert_ne!(message[2..4], [0, 0]);
    }

    #[test]
    fn only_a_reply_with_our_number_counts() {
        let nonce = [7; PAYLOAD];
        let reply = echo(0, nonce);
        assert!(is_reply(&reply, false, 0, &nonce));
        assert!(!is_reply(&reply, false, 0, &[8; PAYLOAD]));
        assert!(!is_reply(&echo(8, nonce), false, 0, &nonce), "our own request");
        let mut packet = vec![0x45; 20];
        packet.extend(reply);
        assert!(is_reply(&packet, true, 0, &nonce));
        assert!(!is_reply(&packet[..22], true, 0, &nonce) && !is_reply(&[], true, 0, &nonce));
    }
}
