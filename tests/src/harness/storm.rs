//! What nobody should have to take: octets at random on a port, frames at random on a wire. From a seed, so that what did
//! harm can be sent again.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use smoltcp::phy::{Device, Medium, RawSocket, TxToken};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;
use super::raw::message;

/// xorshift64*: small, and good enough to surprise.
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as this seed says.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.any() >> 32).unwrap_or(0) % end
    }

    /// An octet; small ones are lengths, flags and codes more often.
    fn octet(&mut self) -> u8 {
        let drawn = self.any().to_be_bytes();
        drawn[0] & if drawn[1] & 1 == 0 { 0xff } else { 0x0f }
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.octet()).collect()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What became of connections that said anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Somebody listened, be it to refuse them at once.
    pub answered: usize,
    /// They were told something.
    pub told: usize,
}

/// Opens so many connections, one after the other, from `local` on `host` to port 179 of `remote`, and says anything on each:
/// octets, or messages with a good header and a bad body.
pub fn octets(lab: &Lab, host: &str, [local, remote]: [IpAddr; 2], count: usize, seed: u64) -> Result<Heard> {
    let mut dice = Dice::new(seed);
    let mut heard = Heard::default();
    for _ in 0..count {
        match lab.within(host, || Ok(connect(local, remote)))? {
            Ok(stream) => {
                heard.answered += 1;
                heard.told += usize::from(babble(&mut dice, stream));
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => heard.answered += 1,
            Err(_) => {}
        }
        // pause: whoever refused one may take the next
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(heard)
}

/// Says anything; whether something was said in return.
fn babble(dice: &mut Dice, mut stream: TcpStream) -> bool {
    for _ in 0..=dice.below(4) {
        let length = dice.below(600);
        let body = dice.octets(length);
        let said = if dice.below(3) == 0 { body } else { message(dice.octet() & 7, &body) };
        // It may well have had enough.
        if stream.write_all(&said).is_err() {
            break;
        }
    }
    matches!(stream.read(&mut [0; 64]), Ok(1..))
}

fn connect(local: IpAddr, remote: IpAddr) -> std::io::Result<TcpStream> {
    let remote = SocketAddr::new(remote, 179);
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::new(local, 0).into())?;
    socket.connect_timeout(&remote.into(), Duration::from_millis(500))?;
    // The close that follows is a reset: no port waits for its end.
    socket.set_linger(Some(Duration::ZERO))?;
    let stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(Duration::from_millis(500)))?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    Ok(stream)
}

/// Whom the frames are for, and from whom they claim to be.
#[derive(Clone, Copy, Debug)]
pub struct Victim {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Its addresses, of either family.
    pub addresses: [IpAddr; 2],
    /// Those of its peer.
    pub peers: [IpAddr; 2],
}

/// Sends so many frames at random on `eth0` of `host`, at a pace that a slow board can follow.
pub fn frames(lab: &Lab, host: &str, victim: &Victim, count: usize, seed: u64) -> Result<()> {
    lab.within(host, || {
        let mut wire = RawSocket::new("eth0", Medium::Ethernet).context("a raw socket on eth0")?;
        let mut dice = Dice::new(seed);
        for number in 0..count {
            let frame = frame(&mut dice, victim);
            if let Some(token) = wire.transmit(smoltcp::time::Instant::ZERO) {
                token.consume(frame.len(), |buffer| buffer.copy_from_slice(&frame));
            }
            if number % 20 == 19 {
                // pause: 4,000 frames a second are a storm, more would only fill the queue before it
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    })
}

const BROADCAST: [u8; 6] = [0xff; 6];
const MULTICAST: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ETHERTYPES: [u16; 4] = [0x0800, 0x86dd, 0x0806, 0x8100];
/// ICMP, TCP, UDP, hop-by-hop options, routing, fragment, AH, ICMPv6, destination options, and one that nobody has.
const PROTOCOLS: [u8; 10] = [1, 6, 17, 0, 43, 44, 51, 58, 60, 253];
const PORTS: [u16; 6] = [179, 3784, 4784, 9000, 53, 0];

/// Noise, or a packet whose outer parts are right and whose inner parts are not.
fn frame(dice: &mut Dice, victim: &Victim) -> Vec<u8> {
    let to = *dice.pick(&[victim.mac, victim.mac, victim.mac, BROADCAST, MULTICAST]);
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, dice.octet()]);
    match dice.below(4) {
        0 => {
            let length = dice.below(1_500);
            let ethertype = *dice.pick(&ETHERTYPES);
            frame.extend(ethertype.to_be_bytes());
            frame.extend(dice.octets(length));
        }
        1 => frame.extend(arp(dice, victim)),
        _ => frame.extend(packet(dice, victim)),
    }
    let length = frame.len().max(14);
    // Some are cut short, wherever that is; but a tag of 802.1Q that is not whole ends in the kernel's own bridge.
    let least = if frame[12..14] == [0x81, 0] { 18 } else { 14 };
    frame.truncate(if dice.below(8) == 0 { 14 + dice.below(length - 13) } else { length });
    frame.resize(frame.len().max(least), 0);
    frame
}

/// An ARP message with a sender that is not the peer: nobody here tests who believes whom.
fn arp(dice: &mut Dice, victim: &Victim) -> Vec<u8> {
    let mut message = 0x0806_u16.to_be_bytes().to_vec();
    message.extend([0, 1, 8, 0, 6, 4, 0, dice.octet() & 3]);
    message.extend(dice.octets(6));
    message.extend([10, 0, 0, 200 + (dice.octet() & 15)]);
    message.extend(dice.octets(6));
    match victim.addresses.iter().find(|address| address.is_ipv4()) {
        Some(IpAddr::V4(address)) if dice.below(2) == 0 => message.extend(address.octets()),
        _ => message.extend(dice.octets(4)),
    }
    message
}

/// An IP packet to the victim with a right header, and a payload of which only the ports and the checksum may be right.
fn packet(dice: &mut Dice, victim: &Victim) -> Vec<u8> {
    let protocol = *dice.pick(&PROTOCOLS);
    let length = dice.below(1_200);
    let mut payload = dice.octets(length);
    let ports = [*dice.pick(&PORTS), *dice.pick(&PORTS)];
    for (place, port) in payload.chunks_exact_mut(2).zip(ports) {
        place.copy_from_slice(&port.to_be_bytes());
    }
    if protocol == 17 && payload.len() >= 8 {
        let length = u16::try_from(payload.len()).unwrap_or(0).to_be_bytes();
        payload[4..6].copy_from_slice(&length);
    }
    let four = dice.below(2) == 0;
    let of = |all: [IpAddr; 2]| all.into_iter().find(|address| address.is_ipv4() == four);
    let (Some(from), Some(to)) = (of(victim.peers), of(victim.addresses)) else { return payload };
    let place = match protocol {
        6 => 16,
        17 => 6,
        58 | 1 => 2,
        _ => usize::MAX,
    };
    if dice.below(4) != 0 && payload.len() >= place.saturating_add(2) {
        payload[place..place + 2].copy_from_slice(&[0, 0]);
        let with_addresses = protocol != 1;
        let sum =
            checksum(if with_addresses { pseudo(from, to, protocol, &payload) } else { payload.clone() });
        payload[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let ttl = *dice.pick(&[255, 254, 64, 1, 0]);
    header(dice, from, to, protocol, ttl, payload.len()).into_iter().chain(payload).collect()
}

fn header(dice: &mut Dice, from: IpAddr, to: IpAddr, protocol: u8, ttl: u8, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap_or(0);
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend((length + 20).to_be_bytes());
            // One in eight claims to be a fragment.
            let fragment = if dice.below(8) == 0 { dice.octet() & 0x3f } else { 0 };
            header.extend([0, dice.octet(), fragment, 0, ttl, protocol, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(header.clone()).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            [0x0800_u16.to_be_bytes().to_vec(), header].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x86, 0xdd, 0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([protocol, ttl]);
            header.extend(from.octets());
            header.extend(to.octets());
            header
        }
        _ => Vec::new(),
    }
}

/// What the checksum of TCP, UDP and ICMPv6 covers.
fn pseudo(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for address in [from, to] {
        match address {
            IpAddr::V4(address) => all.extend(address.octets()),
            IpAddr::V6(address) => all.extend(address.octets()),
        }
    }
    all.extend(u32::try_from(payload.len()).unwrap_or(0).to_be_bytes());
    all.extend([0, 0, 0, protocol]);
    all.extend(payload);
    all
}

/// RFC 1071.
pub(super) fn checksum(octets: impl AsRef<[u8]>) -> u16 {
    let words = octets
        .as_ref()
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A seed that nobody chose, to be printed.
pub fn drawn() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_makes_its_message_sum_to_nothing() {
        // RFC 1071 section 3.
        assert_eq!(checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0x22, 0x0d]), 0);
    }

    #[test]
    fn the_same_seed_makes_the_same_frames_and_none_is_shorter_than_a_header() {
        let victim = Victim {
            mac: [2, 0, 0, 0, 0, 9],
            addresses: ["10.0.0.1", "fd00:1::1"].map(|text| text.parse().unwrap()),
            peers: ["10.0.0.2", "fd00:1::2"].map(|text| text.parse().unwrap()),
        };
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        for _ in 0..1_000 {
            let made = frame(&mut one, &victim);
            assert_eq!(made, frame(&mut other, &victim));
            assert!((14..=1_514).contains(&made.len()), "{}", made.len());
        }
    }
}
