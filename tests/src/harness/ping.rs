//! An echo request as `ping` sends it, or a datagram to an echo service, and the answer.

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;
use super::storm::checksum;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// What is sent along, and must come back.
const TEXT: &[u8] = b"does it answer?";

/// Ok when `address` answers an echo request from `host`.
pub fn answers(lab: &Lab, host: &str, address: IpAddr) -> Result<()> {
    lab.within(host, || ask(address))
}

/// Ok when the service at `at` answers a datagram from `host` with it and with `name`.
pub fn echoes(lab: &Lab, host: &str, at: SocketAddr, name: &str) -> Result<()> {
    lab.within(host, || {
        let any: SocketAddr = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse()?;
        let socket = UdpSocket::bind(any)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(TEXT, at)?;
        let mut answer = [0; 512];
        let (length, from) = socket.recv_from(&mut answer)?;
        let said = String::from_utf8_lossy(&answer[..length]).into_owned();
        let expected = String::from_utf8_lossy(TEXT).into_owned() + name;
        ensure!(from == at && said == expected, "{from} answers {said:?}");
        Ok(())
    })
}

fn ask(address: IpAddr) -> Result<()> {
    let (protocol, [request, reply]) = match address {
        IpAddr::V4(_) => (Protocol::ICMPV4, [8, 0]),
        IpAddr::V6(_) => (Protocol::ICMPV6, [128, 129]),
    };
    let at = SocketAddr::new(address, 0);
    let socket = Socket::new(Domain::for_address(at), Type::RAW, Some(protocol))?;
    let identifier = u16::try_from(std::process::id() & 0xffff).unwrap_or(0).to_be_bytes();
    let mut message = vec![request, 0, 0, 0, identifier[0], identifier[1], 0, 1];
    message.extend(TEXT);
    if address.is_ipv4() {
        // Of an ICMPv6 message the kernel writes it (RFC 3542 section 3.1).
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    socket.send_to(&message, &at.into())?;
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("{address} does not answer");
        }
        socket.set_read_timeout(Some(left))?;
        let (packet, from) = match read(&socket) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error.into()),
        };
        // An IPv4 packet comes with its header, an ICMPv6 message without one.
        let header = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
        let answer = packet.get(if address.is_ipv4() { header } else { 0 }..).unwrap_or_default();
        let ours = answer.first() == Some(&reply) && answer.get(4..6) == Some(&identifier[..]);
        if from == Some(address) && ours && answer.ends_with(TEXT) {
            return Ok(());
        }
    }
}

/// One packet, and who sent it.
fn read(mut socket: &Socket) -> std::io::Result<(Vec<u8>, Option<IpAddr>)> {
    let from = socket.peek_sender()?.as_socket().map(|from| from.ip());
    let mut packet = vec![0; 512];
    let length = socket.read(&mut packet)?;
    packet.truncate(length);
    Ok((packet, from))
}
