//! Addresses on the wire: announced when they are bound, answered for while they are, and told anew to another switch.

use holdover_core::engine::record::EndCause;
use holdover_core::engine::{IoError, Record};

use crate::lab::{Lab, MS, SECOND, ipv4, text};

/// Gratuitous ARP requests for this address: when.
fn announcements(lab: &Lab, address: [u8; 4]) -> Vec<u64> {
    let is = |frame: &[u8]| {
        frame[..6] == [0xFF; 6]
            && frame[12..14] == [8, 6]
            && frame[28..32] == address
            && frame[38..42] == address
    };
    lab.tape.iter().filter(|(_, _, frame)| is(frame)).map(|&(at, ..)| at).collect()
}

/// Unsolicited neighbour advertisements for this address that override: when.
fn advertisements(lab: &Lab, address: &str) -> Vec<u64> {
    let address: std::net::Ipv6Addr = address.parse().unwrap();
    let is = |frame: &[u8]| {
        frame.len() >= 78
            && frame[12..14] == [0x86, 0xDD]
            && frame[20] == 58
            && frame[54] == 136
            && frame[58] & 0x60 == 0x20
            && frame[62..78] == address.octets()
    };
    lab.tape.iter().filter(|(_, _, frame)| is(frame)).map(|&(at, ..)| at).collect()
}

const SERVICE: &str = " neighbor 10.0.0.2 remote-as external\nexit\nfailover web\n address 192.0.2.10/32\n address \
                       2001:db8::10/128\n";

#[test]
fn an_address_is_announced_once_bound_on_the_wire_and_repeated_as_the_rfcs_say() {
    let mut lab = Lab::new(1);
    lab.taped = true;
    lab.boot("a", 1, &text(1, ""));
    lab.run(10 * SECOND);
    for seen in [announcements(&lab, [10, 0, 0, 1]), advertisements(&lab, "fd00::1")] {
        assert_eq!(seen.len(), 3, "three times, a second apart: {seen:?}");
        assert!(seen[0] < 10 * MS && seen.windows(2).all(|pair| pair[1] - pair[0] >= SECOND));
    }
}

#[test]
fn a_shared_address_on_lo_is_answered_for_and_not_announced_unless_it_is_bound_on_the_wire() {
    for (bind, expected) in [("", 0), (" bind eth0\n", 3)] {
        let mut lab = Lab::new(1);
        lab.taped = true;
        lab.boot("a", 1, &text(1, &format!("{SERVICE}{bind}")));
        lab.run(10 * SECOND);
        assert_eq!(announcements(&lab, [192, 0, 2, 10]).len(), expected);
        assert_eq!(advertisements(&lab, "2001:db8::10").len(), expected);
        let held: Vec<_> = lab.nodes[0].shim.interface().ip_addrs().iter().map(ToString::to_string).collect();
        assert!(
            held.contains(&"192.0.2.10/32".to_owned()) && held.contains(&"2001:db8::10/128".to_owned()),
            "{held:?}"
        );
        assert_eq!(lab.nodes[0].count(|record| matches!(record, Record::Bound { .. })), 4);
    }
}

#[test]
fn a_cable_that_comes_back_is_told_everything_anew_and_its_loss_ends_the_session_at_once() {
    let mut lab = Lab::new(1);
    let lines = " neighbor 10.0.0.2 remote-as external";
    lab.boot("a", 1, &text(1, lines));
    lab.boot("b", 2, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    assert!(lab.until(SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
    lab.run(5 * SECOND);
    lab.taped = true;
    let pulled = lab.now();
    lab.plug(0, false);
    lab.run(SECOND);
    let down = lab.nodes[0].first(|record| matches!(record, Record::SessionDown { .. })).expect("it ends");
    assert!(down - pulled < 5 * MS);
    lab.tape.clear();
    lab.plug(0, true);
    lab.run(10 * SECOND);
    assert_eq!(announcements(&lab, [10, 0, 0, 1]).len(), 3);
    assert!(lab.nodes[0].is_up("10.0.0.2"), "{:#?}", lab.nodes[0].records);
}

#[test]
fn one_address_too_many_is_refused_and_said() {
    let mut lab = Lab::new(1);
    let addresses: Vec<_> = (0..8).map(|last| format!(" address 192.0.2.{last}/32\n")).collect();
    let addresses = addresses.concat();
    lab.boot("a", 1, &text(1, &format!("exit\nfailover web\n{addresses}")));
    lab.run(SECOND);
    // The link-local one, two of its own, and then as many as there are places.
    let places = smoltcp::config::IFACE_MAX_ADDR_COUNT;
    let bound = lab.nodes[0].count(|record| matches!(record, Record::Bound { .. }));
    assert_eq!(bound + 1, places.min(11));
    let failed = |record: &Record| matches!(record, Record::BindFailed { why: IoError::Exhausted, .. });
    assert!(lab.nodes[0].count(failed) >= 11_usize.saturating_sub(places), "{:#?}", lab.nodes[0].records);
}

#[test]
fn a_gateway_leads_to_a_peer_that_is_not_on_the_subnet() {
    let mut lab = Lab::new(1);
    let peer = " neighbor 172.16.0.9 remote-as external\n neighbor 172.16.0.9 ebgp-multihop 5\nexit\nip route \
                172.16.0.0/16 10.0.0.2\n";
    lab.taped = true;
    lab.boot("a", 1, &text(1, peer));
    lab.run(2 * SECOND);
    let asked = |frame: &[u8]| frame[12..14] == [8, 6] && frame[38..42] == [10, 0, 0, 2];
    assert!(lab.tape.iter().any(|(_, _, frame)| asked(frame)), "it asks for the gateway");
    let strange = |frame: &[u8]| frame[12..14] == [8, 6] && frame[38..42] == [172, 16, 0, 9];
    assert!(!lab.tape.iter().any(|(_, _, frame)| strange(frame)), "and not for what lies behind it");
    // With somebody at the gateway's address the SYN goes there.
    lab.boot("b", 2, &text(2, ""));
    lab.tape.clear();
    lab.run(5 * SECOND);
    let syn = |frame: &[u8]| {
        frame[12..14] == [8, 0] && frame[..6] == [0x52, 0x54, 0, 0, 0, 2] && frame[30..34] == [172, 16, 0, 9]
    };
    assert!(lab.tape.iter().any(|(_, _, frame)| syn(frame)));
}

#[test]
fn a_peer_without_a_way_to_it_is_unreachable_at_once() {
    let mut lab = Lab::new(1);
    lab.boot(
        "a",
        1,
        &text(1, " neighbor 172.16.0.9 remote-as external\n neighbor 172.16.0.9 ebgp-multihop 5"),
    );
    lab.run(SECOND);
    let unreachable = |record: &Record| {
        matches!(record, Record::AttemptFailed { why: EndCause::Connection(IoError::Unreachable), .. })
    };
    assert!(lab.nodes[0].count(unreachable) > 0, "{:#?}", lab.nodes[0].records);
}

/// An echo request to 10.0.0.1 from this address, by way of the board with this number.
fn echo_request(from: [u8; 4], by: u8, sequence: u8) -> Vec<u8> {
    let sum = |octets: &[u8]| {
        let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let sum = words.sum::<u32>();
        !((sum & 0xFFFF) as u16 + (sum >> 16) as u16)
    };
    let mut icmp = vec![8, 0, 0, 0, 0, 1, 0, sequence];
    let checksum = sum(&icmp);
    icmp[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0];
    ip.extend_from_slice(&from);
    ip.extend_from_slice(&[10, 0, 0, 1]);
    let checksum = sum(&ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&[0x52, 0x54, 0, 0, 0, 1][..], &[0x52, 0x54, 0, 0, 0, by], &[8, 0], &ip, &icmp].concat()
}

#[test]
fn what_comes_by_way_of_a_gateway_is_answered_however_seldom_it_comes() {
    // The stack forgets a neighbour after a minute, and with it the answer to the next packet.
    let mut lab = Lab::new(1);
    lab.boot("a", 1, &text(1, "exit\nip route 172.16.0.0/16 10.0.0.2\n"));
    lab.boot("b", 2, &text(2, ""));
    lab.run(10 * SECOND);
    lab.taped = true;
    for sequence in 0..20 {
        lab.inject(0, echo_request([172, 16, 0, 9], 2, sequence));
        lab.run(100 * SECOND);
    }
    let answers = lab.tape.iter().filter_map(|(_, _, frame)| ipv4(frame));
    let answers =
        answers.filter(|(protocol, _, to, icmp)| *protocol == 1 && *to == [172, 16, 0, 9] && icmp[0] == 0);
    assert_eq!(answers.map(|(.., icmp)| icmp[7]).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}
