use std::vec::Vec;

use holdover_core::base::time::Instant;

use super::{ip, packet};
use crate::frame::repeat::Repeats;

const PSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;
const RST: u8 = 0x04;
const SYN: u8 = 0x02;

/// A segment between `192.0.2.1` (us) and a peer: ports are ours and the peer's.
struct Segment {
    ports: [u16; 2],
    sequence: u32,
    acknowledges: u32,
    flags: u8,
    data: usize,
}

impl Segment {
    fn sent(self, peer: &str) -> Vec<u8> {
        packet(ip("192.0.2.1"), ip(peer), 64, 6, &self.body(self.ports))
    }

    fn heard(self, peer: &str) -> Vec<u8> {
        packet(ip(peer), ip("192.0.2.1"), 64, 6, &self.body([self.ports[1], self.ports[0]]))
    }

    fn body(&self, [from, to]: [u16; 2]) -> Vec<u8> {
        let mut body = [from.to_be_bytes(), to.to_be_bytes()].concat();
        body.extend(self.sequence.to_be_bytes());
        body.extend(self.acknowledges.to_be_bytes());
        body.extend([0x50, self.flags, 1, 0, 0, 0, 0, 0]);
        body.extend(std::vec![0xFF; self.data]);
        body
    }
}

fn segment(sequence: u32, flags: u8, data: usize) -> Segment {
    Segment { ports: [50_000, 179], sequence, acknowledges: 7, flags, data }
}

fn acknowledgement(of: u32) -> Vec<u8> {
    Segment { acknowledges: of, ..segment(7, ACK, 0) }.heard("192.0.2.9")
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(1_000_000 + millis * 1_000)
}

/// Everything that is sent again until all is quiet: when, and what.
fn all(repeats: &mut Repeats) -> Vec<(u64, Vec<u8>)> {
    let mut seen = Vec::new();
    while repeats.deadline() != Instant::FAR {
        let due = repeats.deadline();
        let frame = repeats.due(due).expect("something is due").to_vec();
        seen.push((due.since(at(0)).as_micros() / 1_000, frame));
    }
    assert!(repeats.due(at(1 << 30)).is_none());
    seen
}

#[test]
fn a_segment_that_nobody_acknowledges_is_sent_again_with_growing_pauses_and_then_left_to_the_stack() {
    let mut repeats = Repeats::new();
    let keepalive = segment(100, PSH_ACK, 19).sent("192.0.2.9");
    repeats.sent(at(0), &keepalive);
    assert!(repeats.due(at(249)).is_none());
    let seen = all(&mut repeats);
    assert_eq!(seen.iter().map(|(when, _)| *when).collect::<Vec<_>>(), [250, 500, 1_000, 2_000, 4_000]);
    assert!(seen.iter().all(|(_, frame)| *frame == keepalive));
}

#[test]
fn an_acknowledgement_of_all_of_it_ends_that_and_one_of_less_does_not() {
    let mut repeats = Repeats::new();
    repeats.sent(at(0), &segment(u32::MAX - 9, PSH_ACK, 19).sent("192.0.2.9"));
    repeats.heard(&acknowledgement(8));
    assert_eq!(repeats.deadline(), at(250), "8 is one octet short");
    let other = Segment { ports: [50_001, 179], acknowledges: 9, ..segment(7, ACK, 0) };
    repeats.heard(&other.heard("192.0.2.9"));
    let other = Segment { acknowledges: 9, ..segment(7, ACK, 0) };
    repeats.heard(&other.heard("192.0.2.8"));
    assert_eq!(repeats.deadline(), at(250), "another connection, another peer");
    repeats.heard(&acknowledgement(9));
    assert_eq!(repeats.deadline(), Instant::FAR);
}

#[test]
fn the_oldest_segment_is_kept_until_it_is_acknowledged_and_what_the_stack_sends_again_takes_its_place() {
    let mut repeats = Repeats::new();
    let first = segment(100, PSH_ACK, 19).sent("192.0.2.9");
    repeats.sent(at(0), &first);
    repeats.sent(at(10), &segment(119, PSH_ACK, 19).sent("192.0.2.9"));
    assert_eq!(repeats.due(at(250)), Some(&first[..]));
    // The stack's own turn: both in one.
    let both = segment(100, PSH_ACK, 38).sent("192.0.2.9");
    repeats.sent(at(400), &both);
    assert_eq!(repeats.deadline(), at(650));
    assert_eq!(repeats.due(at(650)), Some(&both[..]));
    repeats.heard(&acknowledgement(119));
    assert_ne!(repeats.deadline(), Instant::FAR, "the second half is still on its way");
    repeats.heard(&acknowledgement(138));
    assert_eq!(repeats.deadline(), Instant::FAR);
}

#[test]
fn resets_new_connections_pure_acknowledgements_long_frames_and_other_ports_are_not_kept() {
    for (ends, flags, from) in
        [(true, RST, "us"), (true, RST | ACK, "them"), (true, SYN, "us"), (false, ACK, "us")]
    {
        let mut repeats = Repeats::new();
        repeats.sent(at(0), &segment(100, PSH_ACK, 19).sent("192.0.2.9"));
        let end = segment(119, flags, 0);
        if from == "us" {
            repeats.sent(at(1), &end.sent("192.0.2.9"));
        } else {
            repeats.heard(&end.heard("192.0.2.9"));
        }
        assert_eq!(repeats.deadline() == Instant::FAR, ends, "{flags:#x} from {from}");
    }
    let mut repeats = Repeats::new();
    repeats.sent(at(0), &segment(100, PSH_ACK, 139).sent("192.0.2.9"));
    repeats.sent(at(0), &Segment { ports: [50_000, 80], ..segment(100, PSH_ACK, 19) }.sent("192.0.2.9"));
    repeats.sent(at(0), &segment(100, ACK, 0).sent("192.0.2.9"));
    assert_eq!(repeats.deadline(), Instant::FAR);
    repeats.sent(at(0), &segment(100, PSH_ACK, 138).sent("192.0.2.9"));
    assert_eq!(repeats.deadline(), at(250), "192 octets are kept");
}

#[test]
fn four_connections_have_a_place_each_and_a_fifth_waits_for_the_stack() {
    let mut repeats = Repeats::new();
    for (peer, millis) in
        [("192.0.2.11", 1), ("192.0.2.12", 2), ("2001:db8::13", 3), ("192.0.2.14", 4), ("192.0.2.15", 5)]
    {
        let us = if peer.contains(':') { ip("2001:db8::1") } else { ip("192.0.2.1") };
        let body = segment(100, PSH_ACK, 19).body([179, 50_000]);
        repeats.sent(at(millis), &packet(us, ip(peer), 1, 6, &body));
    }
    let seen = all(&mut repeats);
    assert_eq!(seen.len(), 4 * 5);
    assert_eq!(seen.iter().map(|(when, _)| *when).take(4).collect::<Vec<_>>(), [251, 252, 253, 254]);
}
