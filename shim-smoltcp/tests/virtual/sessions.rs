//! BGP sessions: who dials, over what, with which key and TTL, and how they end.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::record::EndCause;
use holdover_core::engine::{Command, CommandId, CommandResult, Record};

use crate::lab::{Lab, MS, SECOND, ipv4, text};

fn is_up(record: &Record) -> bool {
    matches!(record, Record::Established { .. })
}

/// Two boards with these lines about each other.
fn pair(first: &str, second: &str) -> Lab {
    let mut lab = Lab::new(1);
    lab.boot("a", 11, &text(1, first));
    lab.boot("b", 22, &text(2, second));
    lab
}

fn both_up(lab: &Lab, a: &str, b: &str) -> bool {
    lab.nodes[0].is_up(a) && lab.nodes[1].is_up(b)
}

#[test]
fn a_dialler_and_a_listener_establish_over_ipv4_and_over_ipv6() {
    for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        let mut lab = pair(
            &format!(" neighbor {b} remote-as external"),
            &format!(" neighbor {a} remote-as external\n neighbor {a} passive"),
        );
        assert!(lab.until(SECOND, |lab| both_up(lab, b, a)), "{a}: {:#?}", lab.nodes[0].records);
        lab.run(60 * SECOND);
        assert!(both_up(&lab, b, a));
        assert_eq!(lab.nodes[0].count(is_up), 1, "it stays up");
        assert_eq!(lab.nodes[0].shim.counters().lost, 0);
        // The first attempt was begun before our own address was bound, and given up for one from that address.
        assert!(lab.nodes[0].engine.summary().stale_inputs <= 1);
    }
}

#[test]
fn a_board_is_established_within_fifty_milliseconds_of_its_boot() {
    let mut lab = Lab::new(1);
    lab.boot("b", 22, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.run(3 * SECOND);
    let boot = lab.now();
    lab.boot("a", 11, &text(1, " neighbor 10.0.0.2 remote-as external"));
    lab.run(SECOND);
    let up = lab.nodes[1].first(is_up).expect("it comes up");
    assert!(up - boot <= 50 * MS, "{} us: {:#?}", up - boot, lab.nodes[1].records);
}

#[test]
fn an_engine_that_was_configured_before_there_was_a_shim_is_taken_over_and_as_fast() {
    let mut lab = Lab::new(1);
    lab.boot("b", 22, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.run(3 * SECOND);
    let boot = lab.now();
    let place = lab.boot_configured("a", 11, &text(1, " neighbor 10.0.0.2 remote-as external"));
    lab.run(SECOND);
    let up = lab.nodes[place].first(is_up).expect("it comes up");
    assert!(up - boot <= 50 * MS, "{} us: {:#?}", up - boot, lab.nodes[place].records);
    lab.run(60 * SECOND);
    assert_eq!(lab.nodes[place].count(is_up), 1, "it stays up");
    assert_eq!(lab.nodes[place].shim.counters().lost, 0);
}

#[test]
fn two_boards_that_dial_each_other_at_once_keep_one_connection() {
    let mut lab = pair(
        " bgp listen\n neighbor 10.0.0.2 remote-as external",
        " bgp listen\n neighbor 10.0.0.1 remote-as external",
    );
    assert!(lab.until(5 * SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")));
    lab.run(30 * SECOND);
    assert!(both_up(&lab, "10.0.0.2", "10.0.0.1"));
    assert_eq!(lab.nodes[0].count(|record| matches!(record, Record::SessionDown { .. })), 0);
}

#[test]
fn a_session_needs_the_same_key_at_both_ends() {
    let lines = |peer: &str, key: &str, passive: bool| {
        let passive = if passive { format!("\n neighbor {peer} passive") } else { String::new() };
        format!(" neighbor {peer} remote-as external\n neighbor {peer} password {key}{passive}")
    };
    for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        let mut lab = pair(&lines(b, "secret", false), &lines(a, "secret", true));
        assert!(lab.until(2 * SECOND, |lab| both_up(lab, b, a)), "{:#?}", lab.nodes[0].records);
        lab.run(30 * SECOND);
        assert!(both_up(&lab, b, a));
        assert!(lab.nodes[0].shim.counters().port.guard.verified > 10);

        let mut lab = pair(&lines(b, "secret", false), &lines(a, "wrong", true));
        lab.run(20 * SECOND);
        assert!(!lab.nodes[0].is_up(b) && !lab.nodes[1].is_up(a));
        assert!(lab.nodes[1].shim.counters().port.guard.forged > 5);
        assert_eq!(lab.nodes[1].state(a), Some(State::Active), "nobody got as far as to be accepted");

        // Nor does one get in without a key where one is needed.
        let plain = format!(" neighbor {b} remote-as external");
        let mut lab = pair(&plain, &lines(a, "secret", true));
        lab.run(20 * SECOND);
        assert!(!lab.nodes[0].is_up(b));
        assert!(lab.nodes[1].shim.counters().port.guard.missing > 5);
    }
}

#[test]
fn ttl_security_is_sent_and_demanded() {
    let gtsm = |peer: &str, more: &str| {
        format!(" neighbor {peer} remote-as external\n neighbor {peer} ttl-security hops 1{more}")
    };
    let mut lab = pair(&gtsm("10.0.0.2", ""), &gtsm("10.0.0.1", "\n neighbor 10.0.0.1 passive"));
    lab.taped = true;
    assert!(lab.until(2 * SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")));
    let ttls =
        lab.tape.iter().filter(|(_, _, frame)| ipv4(frame).is_some_and(|(protocol, ..)| protocol == 6));
    assert!(ttls.clone().count() > 5 && ttls.clone().all(|(_, _, frame)| frame[22] == 255));

    // A neighbor that sends with less is not heard.
    let plain = " neighbor 10.0.0.2 remote-as external";
    let mut lab = pair(plain, &gtsm("10.0.0.1", "\n neighbor 10.0.0.1 passive"));
    lab.run(20 * SECOND);
    assert!(!both_up(&lab, "10.0.0.2", "10.0.0.1"));
    assert!(lab.nodes[1].shim.counters().port.guard.low_ttl > 0);
}

#[test]
fn three_diallers_are_accepted_at_once() {
    let mut lab = Lab::new(3);
    let lines = [2, 3, 4].map(|number| {
        format!(
            " neighbor 10.0.0.{number} remote-as external
 neighbor 10.0.0.{number} passive
"
        )
    });
    let lines = lines.concat();
    lab.boot("hub", 1, &text(1, &lines));
    lab.run(100 * MS);
    for (number, name) in [(2, "b"), (3, "c"), (4, "d")] {
        lab.boot(name, 100 + u64::from(number), &text(number, " neighbor 10.0.0.1 remote-as external"));
    }
    let hub_has_all = |lab: &Lab| (2..=4).all(|number| lab.nodes[0].is_up(&format!("10.0.0.{number}")));
    assert!(lab.until(500 * MS, hub_has_all), "{:#?}", lab.nodes[0].records);
    for node in &lab.nodes[1..] {
        assert_eq!(node.count(|record| matches!(record, Record::AttemptFailed { .. })), 0, "{}", node.name);
    }
}

#[test]
fn a_stop_says_goodbye_and_unbinds() {
    let mut lab = pair(
        " neighbor 10.0.0.2 remote-as external",
        " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive",
    );
    assert!(lab.until(SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")));
    lab.command(0, 7, Command::Stop);
    lab.run(10 * SECOND);
    assert_eq!(lab.nodes[0].answers, [(CommandId(7), CommandResult::Done)]);
    let goodbye = |record: &Record| {
        matches!(record, Record::SessionDown { why: EndCause::NotificationReceived(6, 2), .. })
    };
    assert_eq!(lab.nodes[1].count(goodbye), 1, "{:#?}", lab.nodes[1].records);
    let left: Vec<_> = lab.nodes[0].shim.interface().ip_addrs().iter().map(ToString::to_string).collect();
    assert_eq!(left.len(), 1, "only the link-local one stays: {left:?}");
}

#[test]
fn a_cut_wire_costs_the_session_at_the_hold_time_and_mending_it_brings_it_back() {
    let mut lab = pair(
        " neighbor 10.0.0.2 remote-as external",
        " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive",
    );
    assert!(lab.until(SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")));
    lab.run(5 * SECOND);
    let cut = lab.now();
    lab.cut(0);
    let down = |record: &Record| matches!(record, Record::SessionDown { .. });
    assert!(lab.until(12 * SECOND, |lab| lab.nodes[0].count(down) == 1 && lab.nodes[1].count(down) == 1));
    for node in &lab.nodes {
        let after = node.first(down).unwrap() - cut;
        assert!((6 * SECOND..=9 * SECOND + 100 * MS).contains(&after), "{}: {after}", node.name);
        let by_hold = |record: &Record| {
            matches!(record, Record::SessionDown { why: EndCause::NotificationSent(4, _), .. })
        };
        assert_eq!(node.count(by_hold), 1, "{:#?}", node.records);
    }
    lab.run(20 * SECOND);
    lab.mend(0);
    let mended = lab.now();
    assert!(lab.until(5 * SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")), "{:#?}", lab.nodes[0].records);
    println!("back {} ms after the wire", (lab.now() - mended) / MS);
}

#[test]
fn a_board_that_boots_again_is_another_one_to_its_peer() {
    let mine = " neighbor 10.0.0.2 remote-as external";
    let mut lab = pair(mine, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive");
    let mut seen = std::collections::BTreeSet::new();
    for boot in 0..5 {
        assert!(lab.until(15 * SECOND, |lab| both_up(lab, "10.0.0.2", "10.0.0.1")), "boot {boot}");
        lab.tape.clear();
        lab.taped = true;
        lab.reboot(0, 1_000 + boot, &text(1, mine));
        assert!(lab.until(15 * SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")), "boot {boot}");
        let syn = |frame: &[u8]| {
            let (protocol, source, _, tcp) = ipv4(frame)?;
            let first = protocol == 6 && source == [10, 0, 0, 1] && tcp[13] & 0x12 == 0x02;
            first.then(|| {
                (u16::from_be_bytes([tcp[0], tcp[1]]), u32::from_be_bytes(tcp[4..8].try_into().unwrap()))
            })
        };
        let (port, sequence) = lab.tape.iter().find_map(|(_, _, frame)| syn(frame)).expect("it dials");
        assert!(port >= 49_152);
        assert!(seen.insert(u64::from(port)), "port {port} again");
        assert!(seen.insert(1 << 32 | u64::from(sequence)), "sequence number {sequence} again");
    }
}

#[test]
fn whoever_is_in_a_listen_range_gets_in_with_the_ranges_key_and_nobody_else() {
    let hub = " neighbor NODES peer-group\n neighbor NODES remote-as external\n neighbor NODES password group\n bgp listen range \
               10.0.0.0/29 peer-group NODES\n";
    let dials = |key: &str| {
        let password =
            if key.is_empty() { String::new() } else { format!(" neighbor 10.0.0.1 password {key}\n") };
        format!(" neighbor 10.0.0.1 remote-as external\n{password}")
    };
    let mut lab = Lab::new(4);
    lab.boot("hub", 1, &text(1, hub));
    // The third has no key, the fourth another one.
    for (number, name, key) in [(2, "b", "group"), (3, "c", "group"), (4, "d", ""), (5, "e", "other")] {
        lab.boot(name, 100 + u64::from(number), &text(number, &dials(key)));
    }
    lab.run(10 * SECOND);
    let up: Vec<_> = (2..=5).filter(|number| lab.nodes[0].is_up(&format!("10.0.0.{number}"))).collect();
    assert_eq!(up, [2, 3]);
    let guard = lab.nodes[0].shim.counters().port.guard;
    assert!(guard.missing > 5 && guard.forged > 5, "{guard:?}");
    // Another key for the range: those who have it get in, the others stay out once their sessions are over.
    lab.configure(0, &text(1, &hub.replace("password group", "password other")));
    lab.configure(1, &text(2, &dials("other")));
    assert!(lab.until(20 * SECOND, |lab| lab.nodes[0].is_up("10.0.0.2") && lab.nodes[0].is_up("10.0.0.5")));
    lab.run(20 * SECOND);
    let up: Vec<_> = (2..=5).filter(|number| lab.nodes[0].is_up(&format!("10.0.0.{number}"))).collect();
    assert_eq!(up, [2, 5]);
}

#[test]
fn a_range_that_does_not_hold_a_dialler_refuses_it() {
    let mut lab = pair(
        " neighbor NODES peer-group\n neighbor NODES remote-as external\n bgp listen range 10.0.9.0/24 peer-group NODES\n",
        " neighbor 10.0.0.1 remote-as external",
    );
    lab.run(10 * SECOND);
    assert!(!lab.nodes[1].is_up("10.0.0.1"));
    let connections =
        lab.nodes[1].count(|record| matches!(record, Record::State { to: State::OpenSent, .. }));
    assert!(connections > 0, "it is accepted by the stack, and reset by the engine");
    assert_eq!(lab.nodes[0].shim.counters().exhausted, 0);
}

#[test]
fn link_local_neighbours_need_only_their_interface() {
    let peer = |number: u8| format!("fe80::5054:ff:fe00:{number}");
    let lines = |other: u8, passive: &str| {
        let peer = peer(other);
        format!(
            " neighbor {peer} remote-as external\n neighbor {peer} interface eth0\n{}",
            passive.replace("PEER", &peer)
        )
    };
    let mut lab = pair(&lines(2, ""), &lines(1, " neighbor PEER passive\n"));
    assert!(lab.until(SECOND, |lab| both_up(lab, &peer(2), &peer(1))), "{:#?}", lab.nodes[0].records);
    lab.run(30 * SECOND);
    assert!(both_up(&lab, &peer(2), &peer(1)));
}
