//! How peers are reached: MD5 keys, TTLs, sources, links (RFC 2385, RFC 5082).

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;
use holdover_core::engine::view::Hint;

use super::bytes::Open;
use super::duo::{Duo, THEIR_ID, THEIRS, router, state_of};
use super::speaker::usual;
use super::world::{MS, SECOND, World, ip};

#[test]
fn a_key_is_used_when_dialling_and_when_listening() {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, Some("secret"));
    duo.world.boot(duo.node, usual(), &router("neighbor 10.0.0.2 password secret"));
    duo.session();

    let mut duo = Duo::waiting("neighbor 10.0.0.2 password secret");
    assert!(duo.world.script_dials(duo.peer, "10.0.0.1", Some("wrong")).is_none());
    assert!(duo.world.script_dials(duo.peer, "10.0.0.1", None).is_none());
    let mut line = duo.world.script_dials(duo.peer, "10.0.0.1", Some("secret")).unwrap();
    let open = super::duo::their_open();
    duo.world.establish(&mut line, &open);
    duo.expect_state(State::Established);
}

#[test]
fn a_wrong_key_is_silence_and_the_hint_says_where_to_look() {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, Some("secret"));
    duo.world.boot(duo.node, usual(), &router("neighbor 10.0.0.2 password wrong"));
    duo.world.run(30 * SECOND);
    assert!(duo.state() < State::OpenSent);
    assert_ne!(duo.world.hosts[duo.node].engine().peer(0).unwrap().hint, Hint::None);
}

/// A node and a script with `routers` hops between them.
fn across(lines: &str) -> (World, usize, usize) {
    let mut world = World::new(1);
    let (near, far) = (world.segment(100), world.segment(100));
    world.join(near, far);
    let (node, peer) = (world.host("node"), world.host("peer"));
    world.plug(node, near, &["10.0.1.1/24"]);
    world.plug(peer, far, &["10.0.2.1/24"]);
    for host in [node, peer] {
        world.hosts[host].has_gateway = true;
    }
    world.script_listens(peer, None);
    let config =
        format!("router bgp 65000\n bgp router-id 10.0.1.1\n neighbor 10.0.2.1 remote-as 65010\n{lines}\n");
    world.boot(node, usual(), &config);
    (world, node, peer)
}

#[test]
fn a_peer_beyond_a_router_is_reached_by_default_and_not_with_a_ttl_of_one() {
    let (mut world, node, peer) = across("");
    let mut line = world.script_accepts(peer, SECOND);
    world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    world.run(10 * MS);
    assert_eq!(state_of(&world, node), State::Established);
    assert_eq!(world.tcps[line.tcp].ends[0].ttl, 16);

    let (mut world, _, peer) = across("neighbor 10.0.2.1 ebgp-multihop 1");
    world.run(20 * SECOND);
    assert!(world.hosts[peer].scripted.is_empty());

    let (mut world, _, peer) = across("neighbor 10.0.2.1 ebgp-multihop 7");
    let line = world.script_accepts(peer, SECOND);
    assert_eq!(world.tcps[line.tcp].ends[0].ttl, 7);
}

#[test]
fn ttl_security_sends_255_and_takes_nothing_from_further_away() {
    let (mut world, node, peer) = across("neighbor 10.0.2.1 ttl-security hops 2");
    let mut line = world.script_accepts(peer, SECOND);
    let near = &world.tcps[line.tcp].ends[0];
    assert_eq!((near.ttl, near.min_ttl), (255, 254));
    world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    world.run(10 * MS);
    assert_eq!(state_of(&world, node), State::Established);

    let (mut world, node, peer) = across("neighbor 10.0.2.1 ttl-security hops 1");
    world.run(20 * SECOND);
    assert!(world.hosts[peer].scripted.is_empty() || state_of(&world, node) < State::OpenConfirm);
}

#[test]
fn a_connected_peer_gets_a_ttl_of_one() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    assert_eq!(duo.world.tcps[line.tcp].ends[0].ttl, 1);
}

#[test]
fn update_source_is_the_source() {
    let mut duo = Duo::bare();
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.77/24");
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &router("neighbor 10.0.0.2 update-source 10.0.0.77"));
    let line = duo.accept();
    assert_eq!(duo.world.tcps[line.tcp].ends[0].address, ip("10.0.0.77"));
}

#[test]
fn a_missing_update_source_is_waited_for() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 update-source 10.0.0.77");
    duo.world.run(10 * SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().hint, Hint::NoLocalAddress);
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.77/24");
    let line = duo.world.script_accepts(duo.peer, 2 * SECOND);
    assert_eq!(duo.world.tcps[line.tcp].ends[0].address, ip("10.0.0.77"));
}

#[test]
fn the_shared_address_is_never_the_source_the_next_hop_or_the_identifier() {
    for tables_first in [false, true] {
        never_shared(tables_first);
    }
}

fn never_shared(tables_first: bool) {
    let mut duo = Duo::bare();
    duo.world.nature.tables_first = tables_first;
    duo.world.hosts[duo.node].addresses.clear();
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.200/24");
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.1/24");
    duo.world.script_listens(duo.peer, None);
    let config = "router bgp 65000\n neighbor 10.0.0.2 remote-as 65010\n address-family ipv4 unicast\n  \
                  network 10.0.0.200/32\n exit-address-family\n";
    duo.world.boot(duo.node, usual(), config);
    let mut line = duo.accept();
    let ours = duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    assert_eq!(ours.id, 0x0A00_0001);
    duo.world.keep_alive(line, SECOND);
    assert_eq!(duo.world.tcps[line.tcp].ends[0].address, ip("10.0.0.1"));
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.attributes.next_hops, [ip("10.0.0.1")]);
}

#[test]
fn a_host_that_gets_its_address_late_starts_then() {
    let mut duo = Duo::bare();
    duo.world.hosts[duo.node].addresses.clear();
    duo.world.script_listens(duo.peer, None);
    let config = "router bgp 65000\n neighbor 10.0.0.2 remote-as 65010\n";
    duo.world.boot(duo.node, usual(), config);
    for number in 0..3 {
        duo.world.add_address(duo.node, super::lab::Lab::ETH0, &format!("fe80::9:{number}/64"));
        duo.world.run(7 * SECOND);
    }
    assert!(duo.dials().is_empty());
    let said = |record: &&Record| matches!(record, Record::NoRouterId);
    assert_eq!(duo.records().filter(said).count(), 1);
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.1/24");
    let mut line = duo.world.script_accepts(duo.peer, SECOND);
    let ours = duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    assert_eq!(ours.id, 0x0A00_0001);
}

#[test]
fn a_host_whose_address_the_configuration_brings_is_not_told_that_it_lacks_one() {
    let mut duo = Duo::bare();
    duo.world.hosts[duo.node].addresses.clear();
    duo.world.script_listens(duo.peer, None);
    let config = "interface eth0\n ip address 10.0.0.1/24\nexit\nrouter bgp 65000\n neighbor 10.0.0.2 remote-as 65010\n";
    duo.world.boot(duo.node, usual(), config);
    let mut line = duo.world.script_accepts(duo.peer, SECOND);
    let ours = duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    assert_eq!(ours.id, 0x0A00_0001);
    assert!(!duo.records().any(|record| matches!(record, Record::NoRouterId)));
}

#[test]
fn a_host_with_more_links_than_a_turn_reads_is_known_in_the_end() {
    let mut duo = Duo::bare();
    for number in 0..100 {
        duo.world.add_address(duo.node, holdover_core::engine::LinkId(1), &format!("10.9.9.{number}/32"));
    }
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &router(""));
    duo.session();
}

#[test]
fn a_link_local_neighbor_is_reached_by_its_link() {
    let mut duo = Duo::with(
        "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fe80::2 remote-as 65010\n \
         neighbor fe80::2 interface eth0\n",
    );
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.expect_state(State::Established);
    assert_eq!(duo.world.tcps[line.tcp].ends[0].address, ip("fe80::1"));
}
