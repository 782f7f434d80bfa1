//! Many routes, full tables, and what they cost.

use std::fmt::Write as _;

use holdover_core::engine::Record;

use super::bytes::{Message, Open};
use super::duo::{THEIR_ID, THEIRS, router};
use super::script::Line;
use super::speaker::{Speaker, sized};
use super::world::{MS, Nature, SECOND, World};

/// A node with these capacities and this configuration, and a script that holds a session with it.
fn session(speaker: Box<dyn Speaker>, config: &str) -> (World, usize, Line) {
    let mut world = World::with(3, Nature { receive_room: 65_536, send_room: 65_536, ..Nature::CALM });
    let wire = world.segment(100);
    let (node, peer) = (world.host("node"), world.host("peer"));
    world.plug(node, wire, &["10.0.0.1/24"]);
    world.plug(peer, wire, &["10.0.0.2/24"]);
    world.script_listens(peer, None);
    world.boot(node, speaker, config);
    world.hosts[node].ledger.lax = true;
    let mut line = world.script_accepts(peer, SECOND);
    world.establish(&mut line, &Open::modern(THEIRS, 90, THEIR_ID));
    world.keep_alive(line, 20 * SECOND);
    (world, node, line)
}

/// All that a script hears in `span`: prefixes announced, prefixes withdrawn, UPDATEs.
fn hear_all(world: &mut World, line: Line, span: u64) -> (usize, usize, usize) {
    world.run(span);
    let mut sum = (0, 0, 0);
    while let Some(message) = world.take(line) {
        if let Message::Update(update) = message {
            sum.0 += update.announced.len();
            sum.1 += update.withdrawn.len();
            sum.2 += usize::from(update.end_of_rib.is_none());
        }
    }
    sum
}

/// Runs on a stack on which engines with many routes can be made.
fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn networks(count: u32) -> String {
    let mut lines = String::from("no bgp network import-check\naddress-family ipv4 unicast\n");
    for number in 0..count {
        writeln!(lines, " network 100.{}.{}.{}/32", 64 + (number >> 16), (number >> 8) & 255, number & 255)
            .unwrap();
    }
    lines.push_str("exit-address-family");
    router(&lines)
}

#[test]
fn four_thousand_routes_are_told_in_full_messages_and_a_reload_tells_the_difference() {
    on_a_large_stack(|| {
        let (mut world, node, line) = session(sized::<2, 1, 4096, 16, 1024>(), &networks(4_000));
        let (announced, withdrawn, updates) = hear_all(&mut world, line, 3 * SECOND);
        assert_eq!((announced, withdrawn), (4_000, 0));
        assert!(updates <= 6, "{updates} UPDATEs for 4,000 routes of 5 octets");
        world.reload(node, &networks(3_000));
        let (announced, withdrawn, updates) = hear_all(&mut world, line, SECOND);
        assert_eq!((announced, withdrawn), (0, 1_000));
        assert!(updates <= 8, "{updates} UPDATEs for 1,000 withdrawals");
        world.reload(node, &networks(4_000));
        assert_eq!(hear_all(&mut world, line, SECOND).0, 1_000);
    });
}

#[test]
fn a_new_configuration_is_applied_some_routes_a_turn_while_the_session_lives() {
    on_a_large_stack(|| {
        let (mut world, node, line) = session(sized::<2, 1, 4096, 16, 1024>(), &networks(10));
        hear_all(&mut world, line, SECOND);
        world.reload(node, &networks(4_000));
        world.run(30);
        let engine = world.hosts[node].engine();
        assert!(engine.summary().configuring, "4,000 routes are not applied in the first turns");
        assert_eq!(hear_all(&mut world, line, SECOND).0, 3_990);
        assert!(!world.hosts[node].engine().summary().configuring);
    });
}

#[test]
fn what_is_beyond_256_attribute_sets_is_left_out_with_a_record_and_nothing_waits_for_it() {
    on_a_large_stack(|| {
        let text = |count: u32| {
            let mut lines = String::from("no bgp network import-check\naddress-family ipv4 unicast\n");
            for number in 0..count {
                writeln!(lines, " network 100.64.{}.{}/32 route-map m{number}", number >> 8, number & 255)
                    .unwrap();
            }
            lines.push_str("exit-address-family\n");
            for number in 0..count {
                writeln!(lines, "route-map m{number} permit 10\n set community 65000:{number}").unwrap();
            }
            router(&lines)
        };
        let (mut world, node, line) = session(sized::<2, 128, 512, 1024, 16_384>(), &text(300));
        let (announced, _, _) = hear_all(&mut world, line, 3 * SECOND);
        assert_eq!(announced, 256);
        let full = |(_, record): &(u64, Record)| matches!(record, Record::Full { .. });
        assert!(world.hosts[node].records.iter().any(full));
        let shown = world.hosts[node].engine().peer(0).unwrap();
        // No end of a batch waits for what cannot be told.
        assert_eq!((shown.told, shown.owed), (256, 0), "`show` says what was told");
        world.reload(node, &text(200));
        let (announced, withdrawn, _) = hear_all(&mut world, line, 2 * SECOND);
        assert_eq!(withdrawn - announced, 56);
        assert_eq!(world.hosts[node].engine().peer(0).unwrap().owed, 0);
    });
}

#[test]
fn more_links_and_addresses_than_are_kept_in_mind_do_no_harm() {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let (node, peer) = (world.host("node"), world.host("peer"));
    world.plug(node, wire, &["10.0.0.1/24"]);
    world.plug(peer, wire, &["10.0.0.2/24"]);
    for number in 0..60 {
        let spare = world.segment(100);
        world.plug(node, spare, &[&format!("10.1.{number}.1/24"), &format!("fd01:{number}::1/64")]);
    }
    world.script_listens(peer, None);
    let config = router("address-family ipv4 unicast\nnetwork 192.0.2.10/32\nexit-address-family");
    world.boot(node, sized::<2, 2, 8, 16, 1024>(), &config);
    let mut line = world.script_accepts(peer, SECOND);
    world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    world.keep_alive(line, SECOND);
    assert_eq!(hear_all(&mut world, line, 3 * SECOND).0, 1);
    let full = |(_, record): &&(u64, Record)| matches!(record, Record::Full { .. });
    let said = world.hosts[node].records.iter().filter(full).count();
    assert!((1..20).contains(&said), "{said} records about full tables");
}

#[test]
fn an_idle_hour_costs_keepalives_and_nothing_else() {
    let (mut world, node, line) =
        session(sized::<2, 1, 8, 16, 1024>(), &router("neighbor 10.0.0.2 timers 30 90"));
    hear_all(&mut world, line, 3 * SECOND);
    let (said, told) = (world.hosts[node].tap.log.len(), world.hosts[node].records.len());
    world.run(3_600 * SECOND);
    let said = world.hosts[node].tap.log.len() - said;
    assert!((120..=170).contains(&said), "{said} messages");
    assert_eq!(world.hosts[node].records.len(), told, "nothing is worth a record");
    let _ = MS;
}
