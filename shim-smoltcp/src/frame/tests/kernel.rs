//! Segments that the Linux kernel signed.
//!
//! They were captured with tcpdump on one end of a veth pair between two network namespaces, offloads off, while a server
//! and a client talked over it: both with TCP_MD5SIG (setsockopt 14 of IPPROTO_TCP) and [`KEY`] for the other's address,
//! TTL and hop limit 255, the server on port 179. On a first connection the client sent 7 octets, the server a KEEPALIVE,
//! and both closed; on a second the client sent 8 octets and the server answered with a reset.

use std::vec::Vec;

use holdover_core::base::net::Prefix;

use super::captured;
use super::ip;
use crate::frame::FRAME;
use crate::frame::guard::Guard;

pub(super) use captured::CAPTURED;

const KEY: &[u8] = b"a key of the operator";
const BOTH_ENDS: [&str; 4] = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];

fn guard(key: Option<&[u8]>) -> Guard<4> {
    let mut guard = Guard::new();
    for end in BOTH_ENDS {
        guard.set_key(Prefix::host(ip(end)), 0, key).unwrap();
        guard.set_least_ttl(Prefix::host(ip(end)), 0, 255).unwrap();
    }
    guard
}

/// Where the TCP header begins.
fn segment_at(frame: &[u8]) -> usize {
    if frame[12] == 8 { 34 } else { 54 }
}

#[test]
fn what_linux_signed_is_accepted_with_its_key_alone() {
    let (mut same, mut another, mut none) =
        (guard(Some(KEY)), guard(Some(b"a key of somebody")), guard(None));
    for frame in CAPTURED {
        assert!(same.admits(frame.octets), "{}", frame.what);
        assert!(!another.admits(frame.octets), "{}", frame.what);
        assert!(!none.admits(frame.octets), "{}", frame.what);
        let mut damaged = frame.octets.to_vec();
        damaged[segment_at(frame.octets) + 4] ^= 1;
        assert!(!same.admits(&damaged), "{}", frame.what);
    }
    let all = CAPTURED.len() as u32;
    assert_eq!((same.counters().verified, same.counters().corrupt), (all, all));
    assert_eq!((another.counters().forged, none.counters().unexpected), (all, all));
}

/// The frame without its signature, its lengths and checksums as they may be: `sign` fills them in.
fn unsigned(frame: &[u8]) -> Vec<u8> {
    let (at, mut frame) = (segment_at(frame), frame.to_vec());
    assert_eq!(frame[at + 20..at + 24], [1, 1, 19, 18]);
    frame.drain(at + 20..at + 40);
    frame[at + 12] -= 5 << 4;
    let length_at = if at == 34 { 16 } else { 18 };
    let length = u16::from_be_bytes([frame[length_at], frame[length_at + 1]]) - 20;
    frame[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    frame
}

#[test]
fn what_linux_signed_is_signed_alike_here() {
    let mut guard = guard(Some(KEY));
    for frame in CAPTURED {
        let bare = unsigned(frame.octets);
        let mut buffer = [0; FRAME];
        buffer[..bare.len()].copy_from_slice(&bare);
        let length = guard.send(&mut buffer, bare.len()).unwrap();
        assert_eq!(&buffer[..length], frame.octets, "{}", frame.what);
    }
}

#[test]
fn every_kind_of_segment_was_captured_in_both_families() {
    for family in ["IPv4", "IPv6"] {
        for flags in ["SYN", "SYN ACK", "ACK", "PSH ACK", "FIN ACK", "RST ACK"] {
            let begin = std::format!("{family}, {flags}, ");
            assert!(CAPTURED.iter().any(|frame| frame.what.starts_with(&begin)), "{begin}");
        }
    }
}
