//! Hosts with more links and addresses than an engine keeps in mind, as containers make them.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::{LinkId, Record};

use super::duo::{Duo, router};
use super::fact::Fact;
use super::net::Nic;
use super::speaker::{sized, usual};
use super::world::{MS, SECOND, ip, prefix};

/// A node whose uplink is listed behind 200 links of containers, each with the same link-local address.
fn crowded(lines: &str) -> Duo {
    let mut duo = Duo::bare();
    let host = &mut duo.world.hosts[duo.node];
    for number in 0..200 {
        let id = LinkId(1_000 + number);
        let name = format!("veth{number}");
        host.nics.insert(1, Nic { id, name, segment: None, up: true, deaf: false, mute: false });
    }
    let own = std::mem::take(&mut host.addresses);
    for number in 0..200 {
        duo.world.add_address(duo.node, LinkId(1_000 + number), "fe80::1/64");
    }
    duo.world.hosts[duo.node].addresses.extend(own);
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &router(lines));
    duo
}

fn link(id: u32, up: bool, gone: bool) -> Fact {
    Fact::Link { link: LinkId(id), name: format!("veth{}", id - 1_000), up, gone }
}

#[test]
fn a_foreign_links_end_is_nobodys_and_the_end_of_our_own_ends_the_session() {
    let mut duo = crowded("");
    let line = duo.session();
    assert_eq!(duo.world.tcps[line.tcp].ends[0].ttl, 1, "it is on a connected subnet");
    for number in 0..200 {
        duo.world.hosts[duo.node].netlink.push_back(link(1_000 + number, false, number % 2 == 0));
    }
    duo.world.run(SECOND);
    assert_eq!(duo.state(), State::Established);
    assert!(!duo.records().any(|record| matches!(record, Record::Full { .. })));
    duo.world.set_link(duo.node, super::lab::Lab::ETH0, false);
    duo.world.run(10 * MS);
    assert!(duo.state() < State::Established, "{}", duo.state());
}

#[test]
fn the_next_hop_is_never_of_another_link() {
    let mut duo = crowded(
        "address-family ipv6 unicast\n neighbor 10.0.0.2 activate\n \
         network 2001:db8::1/128\nexit-address-family\n",
    );
    let line = duo.session();
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.announced, [prefix("2001:db8::1/128")]);
    assert_eq!(update.attributes.next_hops, [ip("fd00::1"), ip("fe80::1")]);
}

#[test]
fn a_kernel_route_that_found_no_place_is_announced_when_one_is_free() {
    let mut duo = Duo::bare();
    for number in 1..=9 {
        duo.world.set_kernel_route(duo.node, &format!("203.0.113.{number}/32"), true);
    }
    duo.world.script_listens(duo.peer, None);
    let config = router("address-family ipv4 unicast\n redistribute kernel\nexit-address-family");
    duo.world.boot(duo.node, sized::<2, 2, 8, 16, 1024>(), &config);
    duo.world.hosts[duo.node].ledger.lax = true;
    let line = duo.session();
    let told = |updates: &[super::bytes::Update]| {
        let mut all: Vec<_> = updates.iter().flat_map(|update| update.announced.clone()).collect();
        all.sort();
        all
    };
    let first: Vec<_> = (1..=8).map(|number| prefix(&format!("203.0.113.{number}/32"))).collect();
    assert_eq!(told(&duo.hear_batch(line, 3 * SECOND)), first);
    duo.world.set_kernel_route(duo.node, "203.0.113.4/32", false);
    assert_eq!(duo.hear_update(line, SECOND).withdrawn, [prefix("203.0.113.4/32")]);
    assert_eq!(duo.hear_update(line, SECOND).announced, [prefix("203.0.113.9/32")]);
    let full = Record::Full { limit: holdover_core::engine::record::Limit::Routes };
    assert_eq!(duo.records().filter(|&&record| record == full).count(), 1);
}

/// The uplink's address comes when all places for addresses are taken by those of containers.
#[test]
fn an_address_that_leads_to_the_neighbor_finds_a_place_among_hundreds_of_link_local_ones() {
    let mut duo = crowded("neighbor 10.0.0.2 timers connect 1");
    duo.world.remove_address(duo.node, "10.0.0.1");
    duo.world.run(SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().ttl, 16);
    duo.world.add_address(duo.node, super::lab::Lab::ETH0, "10.0.0.1/24");
    duo.world.run(SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().ttl, 1);
}
