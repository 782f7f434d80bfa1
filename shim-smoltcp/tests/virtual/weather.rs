//! Bad weather: loss, floods of routes, random frames, and the quiet that an idle board must keep.

use std::cell::RefCell;
use std::rc::Rc;

use holdover_core::engine::Record;
use holdover_smoltcp::FRAMES_A_TURN;

use crate::lab::{Lab, MS, Node, SECOND, text};
use crate::speaker::Speaker;

const DIALS: &str = " neighbor 10.0.0.2 remote-as external";
const WAITS: &str = " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive";

fn down(record: &Record) -> bool {
    matches!(record, Record::SessionDown { .. })
}

#[test]
fn a_wire_that_loses_a_fifth_of_all_frames_carries_a_session() {
    let mut downs = 0;
    for seed in 0..5 {
        let mut lab = Lab::new(seed);
        lab.loss = 20;
        lab.boot("a", 100 + seed, &text(1, DIALS));
        lab.boot("b", 200 + seed, &text(2, WAITS));
        let up = |lab: &Lab| lab.nodes[0].is_up("10.0.0.2") && lab.nodes[1].is_up("10.0.0.1");
        assert!(lab.until(30 * SECOND, up), "seed {seed}: {:#?}", lab.nodes[0].records);
        lab.run(600 * SECOND);
        downs += lab.nodes[0].count(down);
        lab.loss = 0;
        assert!(lab.until(30 * SECOND, up), "seed {seed}");
        assert_eq!(lab.nodes[0].shim.counters().lost, 0);
    }
    println!("{downs} losses of the session in 50 minutes of it");
    assert!(downs <= 1, "{downs}");
}

#[test]
fn a_hundred_thousand_routes_pass_through_and_the_session_stays() {
    let mut lab = Lab::new(1);
    let (jack, plug) = lab.jack();
    let speaker = Rc::new(RefCell::new(Speaker::new(plug, 9, 100_000)));
    lab.add(jack, speaker.clone());
    let lines = " neighbor 10.0.0.9 remote-as external\n neighbor 10.0.0.9 bfd passive\n neighbor 10.0.0.2 remote-as \
                 external\n neighbor 10.0.0.2 bfd\n neighbor 10.0.0.2 bfd profile fast\nexit\nbfd\n profile fast\n  \
                 transmit-interval 50\n  receive-interval 50\n detect-multiplier 3\n exit\nexit\n";
    let lines = lines.replace(" neighbor 10.0.0.9 bfd passive\n", "");
    let back = lines.replace("10.0.0.2", "10.0.0.1").replace(" neighbor 10.0.0.9 remote-as external\n", "");
    lab.boot("a", 1, &text(1, &lines));
    lab.boot("b", 2, &text(2, &back.replace("exit\nbfd\n", " neighbor 10.0.0.1 passive\nexit\nbfd\n")));
    let begun = lab.now();
    assert!(lab.until(60 * SECOND, |_| speaker.borrow().routes == 0), "{} left", speaker.borrow().routes);
    println!("100,000 routes in {} ms of its time", (lab.now() - begun) / MS);
    lab.run(30 * SECOND);
    let node = &lab.nodes[0];
    assert!(node.is_up("10.0.0.9") && node.is_up("10.0.0.2"));
    assert_eq!(node.count(down), 0, "{:#?}", node.records);
    assert_eq!(node.count(|record| matches!(record, Record::BfdDown { .. })), 0, "BFD was not starved");
    assert_eq!((speaker.borrow().established, speaker.borrow().notified.len()), (1, 0));
    let received = (0..4).filter_map(|place| node.engine.peer(place)).map(|peer| peer.received).max();
    assert!(received.unwrap() >= 98, "{received:?}");
}

#[test]
fn random_frames_and_mangled_ones_panic_nothing_and_cost_no_session() {
    let mut lab = Lab::new(9);
    lab.taped = true;
    lab.boot("a", 1, &text(1, DIALS));
    lab.boot("b", 2, &text(2, WAITS));
    assert!(lab.until(SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
    lab.run(5 * SECOND);
    let seen: Vec<Vec<u8>> = lab.tape.drain(..).map(|(_, _, frame)| frame).collect();
    lab.taped = false;
    for round in 0..20_000 {
        let mut frame = if round % 4 == 0 {
            let length = lab.dice.next() as usize % 200;
            (0..length).map(|_| lab.dice.next() as u8).collect()
        } else {
            // A frame from before, with some octets changed: its checksums are mostly wrong then.
            seen[lab.dice.next() as usize % seen.len()].clone()
        };
        for _ in 0..lab.dice.next() % 4 {
            let length = frame.len();
            if length > 0 {
                frame[lab.dice.next() as usize % length] = lab.dice.next() as u8;
            }
        }
        if round % 7 == 0 && !frame.is_empty() {
            frame.truncate(lab.dice.next() as usize % frame.len());
        }
        // Nobody forges a whole TCP segment of the session in here: that is what a key is for. Nor an answer for a neighbour,
        // which ARP does not even have a checksum for: it misleads every host until it is asked for anew.
        let (arp, tcp) = (frame.get(12..14) == Some(&[8, 6]), frame.get(23) == Some(&6));
        if !arp && !tcp {
            lab.inject(round % 2, frame);
        }
        if round % 16 == 0 {
            lab.run(MS);
        }
    }
    lab.run(30 * SECOND);
    assert!(lab.nodes[0].is_up("10.0.0.2") && lab.nodes[1].is_up("10.0.0.1"));
    assert_eq!(lab.nodes[0].count(down), 0, "{:#?}", lab.nodes[0].records);
}

#[test]
fn an_idle_board_sleeps() {
    let mut lab = Lab::new(1);
    lab.boot("a", 1, &text(1, DIALS));
    lab.boot("b", 2, &text(2, WAITS));
    assert!(lab.until(SECOND, |lab| lab.nodes[0].is_up("10.0.0.2")));
    lab.run(10 * SECOND);
    let before = lab.nodes[0].turns;
    lab.run(60 * SECOND);
    let turns = lab.nodes[0].turns - before;
    // A keepalive each way a second or three, acknowledged; neighbours asked for three times a minute.
    assert!(turns <= 150, "{turns} turns in a minute");
}

/// A day in the life of two boards, drawn from a seed.
fn a_day(seed: u64) {
    let fast = "exit\nbfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\nexit\n";
    let service = "failover web\n address 192.0.2.10/32\n";
    let lines = |peer: &str, more: &str| {
        format!(
            " neighbor {peer} remote-as external\n neighbor {peer} bfd\n neighbor {peer} bfd profile fast\n neighbor {peer} \
             password key\n{more}{fast}{service}"
        )
    };
    let (first, second) = (lines("10.0.0.2", " bgp listen\n"), lines("10.0.0.1", " bgp listen\n"));
    let texts = [text(1, &first), text(2, &second)];
    let mut lab = Lab::new(seed);
    lab.boot("a", 1_000 + seed, &texts[0]);
    lab.boot("b", 2_000 + seed, &texts[1]);
    for _ in 0..20 {
        let place = lab.dice.next() as usize % 2;
        let span = u64::from(lab.dice.next() % 4_000) * MS;
        match lab.dice.next() % 7 {
            0 => lab.loss = [0, 5, 20, 50][lab.dice.next() as usize % 4],
            1 => {
                lab.cut(place);
                lab.run(span);
                lab.mend(place);
            }
            2 => {
                lab.plug(place, false);
                lab.run(span);
                lab.plug(place, true);
            }
            3 => {
                let boot = u64::from(lab.dice.next());
                lab.reboot(place, boot, &texts[place]);
            }
            4 => {
                // A neighbour that is taken out of the configuration, and put in again.
                lab.configure(place, &text(place as u8 + 1, service));
                lab.run(span);
                lab.configure(place, &texts[place]);
            }
            5 => {
                // The machine that stood still.
                let until = lab.now() + span;
                lab.nodes[place].pause(until);
            }
            _ => {
                lab.configure(place, &texts[place].replace("192.0.2.10", "192.0.2.11"));
                lab.run(span);
                lab.configure(place, &texts[place]);
            }
        }
        lab.run(span);
    }
    lab.loss = 0;
    let told = |node: &Node| node.peers().all(|peer| peer.owed == 0 && peer.told == 1);
    let well = |lab: &Lab| {
        lab.nodes[0].is_up("10.0.0.2") && lab.nodes[1].is_up("10.0.0.1") && lab.nodes.iter().all(told)
    };
    // Who was told to stay away waits at most a minute.
    let recovered = lab.until(70 * SECOND, well);
    let peers: Vec<_> = lab.nodes.iter().flat_map(Node::peers).collect();
    assert!(recovered, "seed {seed}: {peers:#?}");
    lab.run(20 * SECOND);
    assert!(well(&lab), "seed {seed}");
    for node in &lab.nodes {
        let counters = node.shim.counters();
        assert_eq!((counters.lost, counters.exhausted, counters.barred), (0, 0, 0), "seed {seed}");
        let held = node.shim.interface().ip_addrs();
        assert_eq!(held.len(), 4, "seed {seed}: {held:?}");
    }
}

#[test]
fn after_any_day_everything_is_as_configured() {
    let seeds = std::env::var("HOLDOVER_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        a_day(seed);
    }
}

#[test]
fn a_turn_takes_so_many_frames_at_most_and_comes_again_at_once() {
    let mut lab = Lab::new(1);
    lab.boot("a", 1, &text(1, DIALS));
    lab.run(SECOND);
    for _ in 0..=3 * FRAMES_A_TURN {
        lab.inject(0, vec![0xFF; 60]);
    }
    let now = lab.now();
    for left in [2 * FRAMES_A_TURN + 1, FRAMES_A_TURN + 1, 1] {
        let Node { engine, shim, .. } = &mut lab.nodes[0];
        let due = shim.turn(engine, &mut |_| {});
        assert_eq!((lab.waiting(0), due.as_micros()), (left, now));
    }
    let Node { engine, shim, .. } = &mut lab.nodes[0];
    let due = shim.turn(engine, &mut |_| {});
    assert!(lab.waiting(0) == 0 && due.as_micros() > now);
}

#[test]
fn the_largest_configuration_loses_no_answer_however_often_it_comes_and_goes() {
    let service = |number: usize| {
        let addresses = (0..3).map(|last| format!(" address 192.0.{number}.{last}/32\n"));
        let checks = (0..2)
            .map(|check| format!(" check c{check} icmp 10.0.0.{} interval 1s\n", number * 2 + check + 10));
        format!(
            "failover s{number}\n{}{}exit\n",
            addresses.collect::<Vec<_>>().concat(),
            checks.collect::<Vec<_>>().concat()
        )
    };
    let routes = (0..4).map(|last| format!("ip route 198.51.{last}.0/24 10.0.0.{}\n", last + 2));
    let services: Vec<_> = (0..8).map(service).collect();
    let lines = format!("exit\n{}{}", services.concat(), routes.collect::<Vec<_>>().concat());
    let mut lab = Lab::new(1);
    lab.boot("a", 1, &text(1, &lines));
    for _ in 0..5 {
        lab.run(20 * SECOND);
        let held = lab.nodes[0].shim.interface().ip_addrs().len();
        assert_eq!(held, smoltcp::config::IFACE_MAX_ADDR_COUNT, "as many as there are places");
        lab.configure(0, &text(1, ""));
        lab.run(20 * SECOND);
        assert_eq!(lab.nodes[0].shim.interface().ip_addrs().len(), 3);
        lab.configure(0, &text(1, &lines));
    }
    assert_eq!(lab.nodes[0].shim.counters().lost, 0);
}
