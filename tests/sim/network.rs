//! The simulated network itself, between scripts: what the tests of engines rely on.

use super::bytes::{Message, keepalive};
use super::net::Path;
use super::world::{MS, Nature, SECOND, World, ip};

fn two() -> (World, usize, usize) {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let (one, other) = (world.host("one"), world.host("other"));
    world.plug(one, wire, &["10.0.0.1/24", "fd00::1/64"]);
    world.plug(other, wire, &["10.0.0.2/24", "fd00::2/64"]);
    (world, one, other)
}

#[test]
fn octets_arrive_in_order_through_a_small_window() {
    let (mut world, one, other) = two();
    world.nature = Nature { receive_room: 23, send_room: 64, partial_writes: 50, ..Nature::CALM };
    world.script_listens(other, None);
    let line = world.script_dials(one, "10.0.0.2", None).unwrap();
    let there = world.script_accepts(other, SECOND);
    for _ in 0..50 {
        world.say(line, &keepalive());
    }
    for _ in 0..50 {
        assert_eq!(world.hear(there, SECOND), Message::Keepalive);
    }
}

#[test]
fn nobody_listening_refuses_and_a_wrong_key_is_silence() {
    let (mut world, one, other) = two();
    assert!(world.script_dials(one, "10.0.0.2", None).is_none());
    assert!(world.now < SECOND + SECOND + MS);
    world.script_listens(other, Some("secret"));
    assert!(world.script_dials(one, "fd00::2", Some("other")).is_none());
    assert!(world.script_dials(one, "fd00::2", None).is_none());
    assert!(world.script_dials(one, "fd00::2", Some("secret")).is_some());
}

#[test]
fn a_silent_cut_holds_octets_back_and_mending_it_delivers_them() {
    let (mut world, one, other) = two();
    world.script_listens(other, None);
    let line = world.script_dials(one, "10.0.0.2", None).unwrap();
    let there = world.script_accepts(other, SECOND);
    world.cut(other, true);
    world.say(line, &keepalive());
    world.run(10 * SECOND);
    assert_eq!(world.take(there), None);
    world.cut(other, false);
    assert_eq!(world.hear(there, 3 * SECOND), Message::Keepalive);
}

#[test]
fn a_rebooted_machine_answers_old_connections_with_a_reset() {
    let (mut world, one, other) = two();
    world.script_listens(other, None);
    let line = world.script_dials(one, "10.0.0.2", None).unwrap();
    world.power_off(other);
    world.say(line, &keepalive());
    world.run(5 * SECOND);
    assert!(!world.is_over(line));
    world.power_on(other);
    world.run(3 * SECOND);
    assert!(world.is_over(line));
}

#[test]
fn packets_beyond_a_router_need_a_gateway_and_a_time_to_live() {
    let mut world = World::new(1);
    let (near, far) = (world.segment(100), world.segment(100));
    world.join(near, far);
    let (one, other) = (world.host("one"), world.host("other"));
    world.plug(one, near, &["10.0.1.1/24"]);
    world.plug(other, far, &["10.0.2.1/24"]);
    assert_eq!(world.path(one, None, ip("10.0.2.1")), Path::NoRoute);
    world.hosts[one].has_gateway = true;
    world.hosts[other].has_gateway = true;
    assert_eq!(world.path(one, None, ip("10.0.2.1")), Path::To { host: other, hops: 1, delay: 200 });
}
