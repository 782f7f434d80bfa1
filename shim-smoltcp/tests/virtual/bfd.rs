//! BFD between boards: up, fast, checked for its TTL, and down when the wire is silent.

use holdover_core::engine::Record;
use holdover_core::engine::record::EndCause;

use crate::lab::{Lab, MS, SECOND, ipv4, text};

const TIMING: &str =
    "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\nexit\n";

fn pair(a: &str, b: &str, more: &str) -> Lab {
    let mut lab = Lab::new(5);
    let lines = |peer: &str, passive: &str| {
        format!(
            " neighbor {peer} remote-as external\n neighbor {peer} bfd\n neighbor {peer} bfd profile fast\n{}{passive}exit\n\
             {TIMING}",
            more.replace("PEER", peer)
        )
    };
    lab.boot("a", 1, &text(1, &lines(b, "")));
    lab.boot("b", 2, &text(2, &lines(a, &format!(" neighbor {a} passive\n"))));
    lab
}

fn up(record: &Record) -> bool {
    matches!(record, Record::BfdUp { .. })
}

#[test]
fn both_kinds_come_up_over_both_families_with_ttl_255_and_a_port_of_their_own() {
    for (a, b, more, port) in [
        ("10.0.0.1", "10.0.0.2", "", 3_784),
        ("fd00::1", "fd00::2", "", 3_784),
        ("10.0.0.1", "10.0.0.2", " neighbor PEER ebgp-multihop 4\n", 4_784),
    ] {
        let mut lab = pair(a, b, more);
        lab.taped = true;
        let both = |lab: &Lab| lab.nodes.iter().all(|node| node.count(up) == 1);
        assert!(lab.until(5 * SECOND, both), "{port} {a}: {:#?}", lab.nodes[0].records);
        lab.run(20 * SECOND);
        assert!(
            lab.nodes.iter().all(|node| node.count(|record| matches!(record, Record::BfdDown { .. })) == 0)
        );
        if a.contains('.') {
            let packets = lab.tape.iter().filter_map(|(_, _, frame)| {
                let (protocol, source, _, udp) = ipv4(frame)?;
                let to = u16::from_be_bytes([udp[2], udp[3]]);
                (protocol == 17 && source[3] == 1 && to == port)
                    .then(|| (frame[22], u16::from_be_bytes([udp[0], udp[1]])))
            });
            let packets: Vec<_> = packets.collect();
            assert!(packets.len() > 300, "{}", packets.len());
            assert!(packets.iter().all(|&(ttl, from)| ttl == 255 && from >= 49_152 && from == packets[0].1));
        }
    }
}

#[test]
fn a_silent_wire_is_detected_after_three_intervals() {
    let mut lab = pair("10.0.0.1", "10.0.0.2", "");
    assert!(lab.until(5 * SECOND, |lab| lab.nodes.iter().all(|node| node.count(up) == 1)));
    assert!(lab.until(5 * SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
    lab.run(5 * SECOND);
    let cut = lab.now();
    lab.cut(1);
    lab.run(SECOND);
    let down = |record: &Record| matches!(record, Record::SessionDown { why: EndCause::BfdDown, .. });
    for node in &lab.nodes {
        let after = node.first(down).expect("the session ends with BFD") - cut;
        assert!((100 * MS..=155 * MS).contains(&after), "{}: {after} us", node.name);
    }
    lab.mend(1);
    assert!(lab.until(10 * SECOND, |lab| lab.nodes.iter().all(|node| node.count(up) == 2)));
    assert!(lab.until(10 * SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
}

#[test]
fn a_packet_that_passed_a_router_is_not_believed_on_a_connected_subnet() {
    let mut lab = pair("10.0.0.1", "10.0.0.2", "");
    assert!(lab.until(5 * SECOND, |lab| lab.nodes.iter().all(|node| node.count(up) == 1)));
    let refused = lab.nodes[0].engine.summary().bfd_refused;
    lab.taped = true;
    lab.run(200 * MS);
    // One of b's packets, as if it had come by way of a router: a lower TTL, the header checksum mended.
    let its = |frame: &[u8]| {
        ipv4(frame)
            .is_some_and(|(protocol, source, _, udp)| protocol == 17 && source[3] == 2 && udp[3] == 200)
    };
    let mut frame = lab.tape.iter().rev().find(|(_, _, frame)| its(frame)).expect("b sends").2.clone();
    frame[22] = 254;
    let sum = u32::from(u16::from_be_bytes([frame[24], frame[25]])) + 0x0100;
    frame[24..26].copy_from_slice(&((sum & 0xFFFF) as u16 + (sum >> 16) as u16).to_be_bytes());
    lab.inject(0, frame);
    lab.run(MS);
    assert_eq!(lab.nodes[0].engine.summary().bfd_refused, refused + 1);
}

#[test]
fn discriminators_differ_at_each_boot() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..8 {
        let mut lab = Lab::new(5);
        let lines = " neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 bfd";
        lab.boot("a", seed, &text(1, lines));
        lab.run(SECOND);
        let bfd = lab.nodes[0].engine.peer(0).and_then(|peer| peer.bfd).expect("it has a session");
        assert!(seen.insert(bfd.local_discriminator), "seed {seed}");
    }
}
