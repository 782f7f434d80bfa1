//! Frames for the tests, made without any of the code under test.

mod announce;
mod captured;
mod fib;
mod forward;
mod guard;
mod kernel;
mod link;
mod port;
mod repeat;
mod weather;

use core::net::IpAddr;
use std::vec::Vec;

use holdover_core::base::rand::Rand;
use md5::{Digest, Md5};

use super::Mac;

pub(super) const US: Mac = smoltcp::wire::EthernetAddress([0x52, 0x54, 0, 0, 0, 1]);
pub(super) const THEM: Mac = smoltcp::wire::EthernetAddress([0x52, 0x54, 0, 0, 0, 2]);

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The Internet checksum of everything, one part behind the other (RFC 1071), each of an even length but the last.
pub(super) fn internet_checksum(parts: &[&[u8]]) -> u16 {
    let octets = parts.concat();
    let mut sum: u64 = 0;
    for pair in octets.chunks(2) {
        sum += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u64::from(low));
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The pseudo-header: IPv4's, or RFC 8200 section 8.1's.
pub(super) fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let mut header = [octets_of(source), octets_of(destination)].concat();
    match source {
        IpAddr::V4(_) => {
            header.extend([0, protocol]);
            header.extend((length as u16).to_be_bytes());
        }
        IpAddr::V6(_) => {
            header.extend((length as u32).to_be_bytes());
            header.extend([0, 0, 0, protocol]);
        }
    }
    header
}

/// A frame from `THEM` to `US` with an IP packet that holds `body`.
pub(super) fn packet(
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    protocol: u8,
    body: &[u8],
) -> Vec<u8> {
    let mut frame = [US.0, THEM.0].concat();
    if source.is_ipv4() {
        let [high, low] = (20 + body.len() as u16).to_be_bytes();
        let mut header = std::vec![0x45, 0, high, low, 0x12, 0x34, 0x40, 0, hop_limit, protocol, 0, 0];
        header.extend(octets_of(source));
        header.extend(octets_of(destination));
        let sum = internet_checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend([8, 0]);
        frame.extend(header);
    } else {
        let [high, low] = (body.len() as u16).to_be_bytes();
        frame.extend([0x86, 0xDD, 0x60, 0, 0, 0, high, low, protocol, hop_limit]);
        frame.extend(octets_of(source));
        frame.extend(octets_of(destination));
    }
    frame.extend(body);
    frame
}

/// A UDP datagram; its checksum is not looked at by any code here.
pub(super) fn datagram(source: IpAddr, destination: IpAddr, hop_limit: u8, data: &[u8]) -> Vec<u8> {
    let [high, low] = (8 + data.len() as u16).to_be_bytes();
    let body = [&[0x30, 0x39, 0x23, 0x28, high, low, 0, 0][..], data].concat();
    packet(source, destination, hop_limit, 17, &body)
}

/// A TCP segment in the making.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ports: [u16; 2],
    pub(super) ttl: u8,
    pub(super) flags: u8,
    /// A multiple of four octets.
    pub(super) options: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Segment {
    /// From a peer's port 179 to us.
    pub(super) fn between(source: &str, destination: &str) -> Self {
        Self {
            source: ip(source),
            destination: ip(destination),
            ports: [179, 49_152],
            ttl: 255,
            flags: 0x18,
            options: Vec::new(),
            data: std::vec![0xFF; 19],
        }
    }

    /// Anything at all.
    pub(super) fn random(rand: &mut Rand) -> Self {
        let v6 = rand.next() & 1 == 0;
        let mut segment = if v6 {
            Self::between("2001:db8::1", "2001:db8::2")
        } else {
            Self::between("192.0.2.1", "192.0.2.2")
        };
        segment.ttl = rand.next() as u8;
        segment.flags = rand.next() as u8 & 0x3F;
        segment.data = octets(rand, 1_380);
        segment.options = options(rand);
        segment
    }

    /// The TCP header with a checksum of zero.
    fn header(&self, options: &[u8]) -> Vec<u8> {
        let mut header = Vec::new();
        self.ports.iter().for_each(|port| header.extend(port.to_be_bytes()));
        header.extend([0, 1, 2, 3, 4, 5, 6, 7]);
        header.extend([((20 + options.len()) << 2) as u8, self.flags, 0x20, 0, 0, 0, 0, 0]);
        header
    }

    /// The frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut segment = [self.header(&self.options), self.options.clone(), self.data.clone()].concat();
        let pseudo = pseudo_header(self.source, self.destination, 6, segment.len());
        let sum = internet_checksum(&[&pseudo, &segment]);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        packet(self.source, self.destination, self.ttl, 6, &segment)
    }

    /// The same, signed: the option first, then those it has. RFC 2385 section 2.0, step by step.
    pub(super) fn signed(&self, key: &[u8]) -> Self {
        let mut signed = self.clone();
        signed.options = [&[1, 1, 19, 18][..], &[0; 16], &self.options].concat();
        let header = self.header(&signed.options);
        let length = header.len() + signed.options.len() + self.data.len();
        let mut hash = Md5::new();
        hash.update(pseudo_header(self.source, self.destination, 6, length));
        hash.update(header);
        hash.update(&self.data);
        hash.update(key);
        signed.options[4..20].copy_from_slice(&hash.finalize());
        signed
    }
}

/// Up to `most` octets.
pub(super) fn octets(rand: &mut Rand, most: u32) -> Vec<u8> {
    let length = rand.next() % (most + 1);
    (0..length).map(|_| rand.next() as u8).collect()
}

/// Some of the options that stacks send, padded.
fn options(rand: &mut Rand) -> Vec<u8> {
    let mut options = Vec::new();
    let all: [&[u8]; 4] = [&[2, 4, 5, 160], &[1, 3, 3, 7], &[4, 2], &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8]];
    all.into_iter().filter(|_| rand.next() & 1 == 0).for_each(|option| options.extend(option));
    options.resize(options.len().next_multiple_of(4), 0);
    options
}
