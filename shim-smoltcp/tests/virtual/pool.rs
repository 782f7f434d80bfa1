//! The TCP sockets: too few of them, used again and again, and flooded.

use holdover_core::engine::record::EndCause;
use holdover_core::engine::{IoError, Record};

use crate::lab::{Lab, MS, SECOND, text};

#[test]
fn a_dial_that_finds_no_socket_fails_and_says_why() {
    let mut lab = Lab::new(1);
    let peers: Vec<_> = (2..=4).map(|last| format!(" neighbor 10.0.0.{last} remote-as external\n")).collect();
    let peers = peers.concat();
    lab.boot_with::<2>("a", 1, &text(1, &peers));
    lab.boot("b", 2, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.boot("c", 3, &text(3, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.boot("d", 4, &text(4, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.run(20 * SECOND);
    let up = (2..=4).filter(|last| lab.nodes[0].is_up(&format!("10.0.0.{last}"))).count();
    assert_eq!(up, 2, "as many as there are sockets");
    let exhausted = |record: &Record| {
        matches!(record, Record::AttemptFailed { why: EndCause::Connection(IoError::Exhausted), .. })
    };
    assert!(lab.nodes[0].count(exhausted) > 0, "{:#?}", lab.nodes[0].records);
    assert!(lab.nodes[0].shim.counters().exhausted > 0);
}

#[test]
fn two_hundred_reconnects_in_a_row_never_want_for_a_socket() {
    // The side that closes keeps the socket in TIME-WAIT for ten seconds; there are three sockets.
    let dials = " neighbor 10.0.0.2 remote-as external\n";
    let waits = " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive\n";
    for closes in 0..2 {
        let mut lab = Lab::new(1);
        lab.boot_with::<3>("a", 1, &text(1, dials));
        lab.boot_with::<3>("b", 2, &text(2, waits));
        let lines = [dials, waits];
        let up = |lab: &Lab| lab.nodes[0].is_up("10.0.0.2") && lab.nodes[1].is_up("10.0.0.1");
        let mut worst = 0;
        for round in 0..200 {
            let begun = lab.now();
            assert!(lab.until(20 * SECOND, up), "side {closes}, round {round}: {:#?}", tail(&lab));
            worst = worst.max(lab.now() - begun);
            let number = closes as u8 + 1;
            let other = 2 - closes as u8;
            let shut = format!("{} neighbor 10.0.0.{other} shutdown\n", lines[closes]);
            lab.configure(closes, &text(number, &shut));
            assert!(lab.until(5 * SECOND, |lab| !up(lab)), "side {closes}, round {round}");
            // The sessions are short: only an operator on the other side too keeps the pauses between them from growing.
            let shut = format!("{} neighbor 10.0.0.{number} shutdown\n", lines[1 - closes]);
            lab.configure(1 - closes, &text(other, &shut));
            lab.run(5 * MS);
            lab.configure(1 - closes, &text(other, lines[1 - closes]));
            lab.configure(closes, &text(number, lines[closes]));
        }
        assert_eq!(lab.nodes.iter().map(|node| node.shim.counters().exhausted).sum::<u32>(), 0);
        // Who was told to stay away waits a second or two; nobody waits for TIME-WAIT.
        assert!(worst <= 3 * SECOND, "side {closes}: {worst}");
    }
}

/// The last records of both.
fn tail(lab: &Lab) -> Vec<(u64, Record)> {
    lab.nodes.iter().flat_map(|node| node.records.iter().rev().take(6).copied()).collect()
}

#[test]
fn a_flood_of_handshakes_that_nobody_completes_keeps_no_neighbour_out() {
    let mut lab = Lab::new(1);
    lab.taped = true;
    lab.boot("a", 1, &text(1, " neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 passive"));
    lab.boot("b", 2, &text(2, " neighbor 10.0.0.1 remote-as external"));
    assert!(lab.until(SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
    // b's own SYN, from other ports.
    let syn = |frame: &[u8]| frame.get(23) == Some(&6) && frame[33] == 1 && frame[47] == 2;
    let frame = lab.tape.iter().find(|(_, _, frame)| syn(frame)).expect("b dials").2.clone();
    lab.configure(1, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 shutdown"));
    lab.run(SECOND);
    for port in 0..100_u16 {
        let mut forged = frame.clone();
        // From somebody who is not there: no answer comes, not even a reset.
        replace(&mut forged, 28, 77, &[24, 50]);
        replace(&mut forged, 34, 40_000 + port, &[50]);
        lab.inject(0, forged);
        lab.run(MS);
    }
    lab.configure(1, &text(2, " neighbor 10.0.0.1 remote-as external"));
    assert!(lab.until(20 * SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")), "{:#?}", tail(&lab));
}

/// Replaces the 16 bits at `at`; the checksums follow (RFC 1624 section 3).
fn replace(frame: &mut [u8], at: usize, new: u16, checksums: &[usize]) {
    let read = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let old = read(frame, at);
    frame[at..at + 2].copy_from_slice(&new.to_be_bytes());
    for &checksum in checksums {
        let sum = u32::from(!read(frame, checksum)) + u32::from(!old) + u32::from(new);
        let folded = (sum & 0xFFFF) + (sum >> 16);
        let sum = !((folded & 0xFFFF) as u16 + (folded >> 16) as u16);
        frame[checksum..checksum + 2].copy_from_slice(&sum.to_be_bytes());
    }
}
