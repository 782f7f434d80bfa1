//! What is made of facts about the host is made anew when they change: next hops, sources, identifiers, what is connected.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::record::NoNextHop;
use holdover_core::engine::view::Hint;
use holdover_core::engine::{LinkId, Record};

use super::bytes::{Message, Open, announce};
use super::duo::{Duo, THEIR_ID, THEIRS, router, their_open};
use super::fact::Fact;
use super::lab::Lab;
use super::speaker::usual;
use super::world::{SECOND, ip, prefix};

const SIX: &str = "2001:db8:9::9/128";

/// A node with these addresses on `eth0` and no others, and a script that listens.
fn node_with(addresses: &[&str], config: &str) -> Duo {
    let mut duo = Duo::bare();
    duo.world.hosts[duo.node].addresses.clear();
    for address in addresses {
        duo.world.add_address(duo.node, Lab::ETH0, address);
    }
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), config);
    duo
}

fn six_over_four() -> String {
    router(
        "address-family ipv4 unicast\n network 192.0.2.10/32\nexit-address-family\n\
         address-family ipv6 unicast\n neighbor 10.0.0.2 activate\n network 2001:db8:9::9/128\nexit-address-family\n",
    )
}

fn held_back(duo: &Duo, route: &str) -> Option<NoNextHop> {
    let engine = duo.world.hosts[duo.node].engine();
    let (_, view) =
        (0..8).find_map(|from| engine.route(from).filter(|(_, view)| view.prefix == prefix(route)))?;
    view.held_back.map(|(_, why)| why)
}

fn said(duo: &Duo, wanted: fn(&Record) -> bool) -> usize {
    duo.records().filter(|record| wanted(record)).count()
}

#[test]
fn an_address_that_comes_late_announces_what_waits_for_it_and_one_that_goes_takes_it_back() {
    let mut duo = node_with(&["10.0.0.1/24", "fe80::1/64"], &six_over_four());
    let line = duo.session();
    let first = duo.hear_batch(line, 3 * SECOND);
    assert_eq!((first.len(), &first[0].announced[..]), (1, &[prefix("192.0.2.10/32")][..]));
    assert_eq!(held_back(&duo, SIX), Some(NoNextHop::NoAddress));
    assert_eq!(said(&duo, |record| matches!(record, Record::NoNextHop { why: NoNextHop::NoAddress, .. })), 1);

    duo.world.add_address(duo.node, Lab::ETH0, "fd00::1/64");
    let update = duo.hear_update(line, SECOND);
    assert_eq!((&update.announced[..], held_back(&duo, SIX)), (&[prefix(SIX)][..], None));
    assert_eq!(update.attributes.next_hops, [ip("fd00::1"), ip("fe80::1")]);
    assert_eq!(said(&duo, |record| matches!(record, Record::NextHopFound { .. })), 1);

    // An address that is better than none of those that are told changes nothing.
    duo.world.add_address(duo.node, LinkId(1), "2001:db8:77::1/128");
    duo.world.remove_address(duo.node, "fd00::1");
    duo.world.add_address(duo.node, Lab::ETH0, "fd00::7/64");
    assert_eq!(duo.hear_update(line, SECOND).withdrawn, [prefix(SIX)], "no dead next hop is left");
    let update = duo.hear_update(line, SECOND);
    assert_eq!((&update.announced[..], update.attributes.next_hops[0]), (&[prefix(SIX)][..], ip("fd00::7")));

    duo.world.add_address(duo.node, Lab::ETH0, "fd00::8/64");
    duo.world.remove_address(duo.node, "fd00::7");
    loop {
        let update = duo.hear_update(line, SECOND);
        assert_eq!(
            update.announced,
            [prefix(SIX)],
            "it is told anew, not withdrawn; and IPv4 is not told at all"
        );
        if update.attributes.next_hops[0] == ip("fd00::8") {
            break;
        }
    }
    assert_eq!(duo.state(), State::Established);
}

const UNNUMBERED: &str = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fe80::2 remote-as 65010\n \
                          neighbor fe80::2 interface eth0\n address-family ipv4 unicast\n  network 192.0.2.10/32\n";

#[test]
fn a_link_with_link_local_addresses_only_is_enough() {
    let mut duo = node_with(&["fe80::1/64"], UNNUMBERED);
    let line = duo.session();
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.announced, [prefix("192.0.2.10/32")]);
    assert_eq!(update.attributes.next_hops, [ip("::"), ip("fe80::1")]);
    duo.world.add_address(duo.node, Lab::ETH0, "fd00::1/64");
    assert_eq!(duo.hear_update(line, SECOND).attributes.next_hops, [ip("fd00::1"), ip("fe80::1")]);
    // The kernel takes the global addresses along when a link goes down.
    duo.world.remove_address(duo.node, "fd00::1");
    assert_eq!(duo.hear_update(line, SECOND).attributes.next_hops, [ip("::"), ip("fe80::1")]);
    assert_eq!(said(&duo, |record| matches!(record, Record::NoNextHop { .. })), 0);
}

#[test]
fn a_link_local_next_hop_is_on_the_link_to_the_peer_that_told_it() {
    let steer = format!(
        "{UNNUMBERED} exit-address-family\nsteer S\n accept 198.51.100.0/24 le 32\n install kernel\nexit\n"
    );
    let mut duo = Duo::bare();
    // The same link-local addresses on another link, told last and first.
    let other = duo.world.segment(100);
    for addresses in [["fe80::1/64"], ["fe80::2/64"]] {
        duo.world.plug(duo.node, other, &addresses);
    }
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &steer);
    let line = duo.session();
    let update = announce(prefix("198.51.100.7/32"), ip("fe80::2"), &[THEIRS], None);
    duo.world.say(line, &update);
    duo.world.run(SECOND);
    let installed = &duo.world.hosts[duo.node].installed[&prefix("198.51.100.7/32")];
    assert_eq!(
        (installed.next_hops[0].address, installed.next_hops[0].link),
        (ip("fe80::2"), Some(Lab::ETH0))
    );
}

#[test]
fn an_announced_address_of_the_interface_makes_its_subnet_connected_all_the_same() {
    let mut duo = node_with(
        &["10.0.0.1/24"],
        &router(
            "neighbor 10.0.0.2 bfd\naddress-family ipv4 unicast\n network 10.0.0.1/32\nexit-address-family",
        ),
    );
    let line = duo.session();
    assert_eq!(duo.world.tcps[line.tcp].ends[0].ttl, 1);
    let view = duo.world.hosts[duo.node].engine().peer(0).unwrap();
    let bfd = view.bfd.expect("it has BFD");
    assert_eq!((bfd.kind, bfd.local), (holdover_core::bfd::BfdKind::SingleHop, ip("10.0.0.1")));
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.attributes.next_hops, [ip("10.0.0.1")]);
}

/// A node with a loopback address that it announces, put there by the system.
fn loopback(lines: &str) -> Duo {
    let mut duo = Duo::bare();
    duo.world.add_address(duo.node, LinkId(1), "10.255.0.1/32");
    duo.world.script_listens(duo.peer, None);
    let config = format!(
        "router bgp 65000\n neighbor 10.0.0.2 remote-as 65010\n{lines}\n address-family ipv4 unicast\n  \
         network 10.255.0.1/32\n  network 192.0.2.10/32\n exit-address-family\n"
    );
    duo.world.boot(duo.node, usual(), &config);
    duo
}

/// Where the node dialled from last.
fn dialed_from(duo: &Duo) -> Option<std::net::IpAddr> {
    let ends = duo.world.tcps.iter().rev().map(|tcp| &tcp.ends[0]);
    ends.filter(|end| end.host == duo.node).map(|end| end.address).next()
}

#[test]
fn a_session_from_an_interface_takes_its_announced_address_and_no_other_interfaces() {
    let mut duo = loopback(" neighbor 10.0.0.2 update-source lo");
    duo.world.run(SECOND);
    assert_eq!(dialed_from(&duo), Some(ip("10.255.0.1")));
    let id = duo.world.hosts[duo.node].engine().summary().router_id.0;
    assert_eq!(id, 0x0A00_0001, "10.0.0.1 is this host's alone");

    let mut duo = Duo::bare();
    duo.world.boot(duo.node, usual(), &router("neighbor 10.0.0.2 update-source lo"));
    duo.world.run(10 * SECOND);
    assert_eq!(dialed_from(&duo), None, "from elsewhere it is not dialed");
    assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().hint, Hint::NoLocalAddress);
    duo.world.add_address(duo.node, LinkId(1), "10.255.0.1/32");
    duo.world.run(2 * SECOND);
    assert_eq!(dialed_from(&duo), Some(ip("10.255.0.1")));
}

#[test]
fn with_nothing_but_an_announced_loopback_that_is_the_identifier_until_a_better_one_comes() {
    let text = "router bgp 65000\n neighbor fe80::2 remote-as 65010\n neighbor fe80::2 interface eth0\n \
                address-family ipv4 unicast\n  network 10.255.0.1/32\n";
    let mut duo = Duo::bare();
    duo.world.hosts[duo.node].addresses.clear();
    duo.world.add_address(duo.node, Lab::ETH0, "fe80::1/64");
    duo.world.add_address(duo.node, LinkId(1), "10.255.0.1/32");
    duo.world.boot(duo.node, usual(), text);
    duo.world.run(SECOND);
    let id = |duo: &Duo| duo.world.hosts[duo.node].engine().summary().router_id.0;
    assert_eq!((id(&duo), said(&duo, |record| matches!(record, Record::NoRouterId))), (0x0AFF_0001, 0));
    duo.world.add_address(duo.node, Lab::ETH0, "10.0.0.1/24");
    duo.world.run(SECOND);
    assert_eq!(id(&duo), 0x0A00_0001);
    duo.world.add_address(duo.node, Lab::ETH0, "10.0.0.200/24");
    duo.world.run(SECOND);
    assert_eq!(id(&duo), 0x0A00_0001, "one that was chosen is kept");
}

#[test]
fn an_address_that_is_redistributed_is_as_shared_as_one_of_a_network_line() {
    for tables_first in [false, true] {
        let mut duo = Duo::bare();
        duo.world.nature.tables_first = tables_first;
        duo.world.hosts[duo.node].addresses.clear();
        for (link, address) in
            [(LinkId(1), "203.0.113.10/32"), (Lab::ETH0, "10.0.0.1/24"), (LinkId(1), "10.255.0.1/32")]
        {
            duo.world.add_address(duo.node, link, address);
        }
        duo.world.script_listens(duo.peer, None);
        let config = "router bgp 65000\n neighbor 10.0.0.2 remote-as 65010\n redistribute connected route-map SHARED\n\
                      ip prefix-list SHARED permit 203.0.113.10/32\n\
                      route-map SHARED permit 10\n match ip address prefix-list SHARED\n";
        duo.world.boot(duo.node, usual(), config);
        let mut line = duo.accept();
        let ours = duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
        assert_eq!(ours.id, 0x0AFF_0001, "an address that the route-map does not let out is not shared");
        duo.world.keep_alive(line, SECOND);
        let update = duo.hear_update(line, 3 * SECOND);
        assert_eq!(
            (&update.announced[..], &update.attributes.next_hops[..]),
            (&[prefix("203.0.113.10/32")][..], &[ip("10.0.0.1")][..])
        );
    }
}

#[test]
fn a_peer_that_connects_to_the_shared_address_is_told_another_next_hop() {
    let mut duo = node_with(
        &["10.0.0.200/24", "10.0.0.1/24"],
        &router(
            "neighbor 10.0.0.2 passive\naddress-family ipv4 unicast\n network 10.0.0.200/32\nexit-address-family",
        ),
    );
    duo.world.run(SECOND);
    let mut line = duo.world.script_dials(duo.peer, "10.0.0.200", None).expect("it listens");
    duo.world.establish(&mut line, &their_open());
    duo.world.keep_alive(line, 2 * SECOND);
    assert_eq!(duo.hear_update(line, 3 * SECOND).attributes.next_hops, [ip("10.0.0.1")]);
}

#[test]
fn rfc4271_5_1_3_a_peer_is_never_told_its_own_address_as_next_hop_nor_a_shared_one() {
    // A neighbor that comes by itself is not known when the text is read.
    for set in ["10.0.0.2", "192.0.2.77"] {
        let config = format!(
            "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor G peer-group\n neighbor G remote-as external\n \
             bgp listen range 10.0.0.0/24 peer-group G\n redistribute connected route-map ALL\n \
             address-family ipv4 unicast\n  network 192.0.2.10/32 route-map NH\n exit-address-family\n\
             route-map NH permit 10\n set ip next-hop {set}\nroute-map ALL permit 10\n"
        );
        let mut duo = node_with(&["10.0.0.1/24"], &config);
        duo.world.add_address(duo.node, LinkId(1), "192.0.2.77/32");
        duo.world.run(SECOND);
        let mut line = duo.dial();
        duo.world.establish(&mut line, &their_open());
        duo.world.keep_alive(line, 2 * SECOND);
        for update in duo.hear_batch(line, 3 * SECOND) {
            assert_eq!(update.attributes.next_hops, [ip("10.0.0.1")], "{set}: {:?}", update.announced);
        }
    }
}

#[test]
fn a_route_that_leads_to_an_address_of_ours_is_taken_when_that_address_has_gone() {
    let steer = router("steer S\n accept 198.51.100.0/24 le 32\n install kernel\nexit");
    let mut duo = node_with(&["10.0.0.9/24", "10.0.0.1/24"], &steer);
    let line = duo.session();
    let update = announce(prefix("198.51.100.7/32"), ip("10.0.0.9"), &[THEIRS], None);
    duo.world.say(line, &update);
    duo.world.run(SECOND);
    assert!(duo.world.hosts[duo.node].installed.is_empty());
    while duo.world.take(line).is_some() {}
    duo.world.remove_address(duo.node, "10.0.0.9");
    let asked = duo.world.hear_other(line, SECOND);
    assert!(matches!(asked, Message::Refresh { .. }), "{asked:?}");
    duo.world.say(line, &update);
    duo.world.run(SECOND);
    assert_eq!(duo.world.hosts[duo.node].installed.len(), 1);
    duo.world.add_address(duo.node, Lab::ETH0, "10.0.0.9/24");
    duo.world.run(SECOND);
    assert!(duo.world.hosts[duo.node].installed.is_empty(), "it would lead to ourselves");
}

#[test]
fn an_address_that_is_still_tentative_is_not_told_and_counts_when_it_can_be_used() {
    let mut duo = node_with(&["10.0.0.1/24"], &six_over_four());
    let line = duo.session();
    assert_eq!(duo.hear_batch(line, 3 * SECOND).len(), 1);
    let fact = |present| Fact::Address {
        link: Lab::ETH0,
        address: super::world::interface_address("fd00::1/64"),
        present,
        ours: false,
    };
    duo.world.hosts[duo.node].netlink.push_back(fact(false));
    duo.world.run(SECOND);
    assert_eq!(held_back(&duo, SIX), Some(NoNextHop::NoAddress));
    duo.world.hosts[duo.node].netlink.push_back(fact(true));
    assert_eq!(duo.hear_update(line, SECOND).announced, [prefix(SIX)]);
}

#[test]
fn a_subnet_that_comes_late_makes_the_neighbor_connected_and_its_bfd_single_hop() {
    use holdover_core::bfd::BfdKind::{Multihop, SingleHop};
    let mut duo = node_with(&["10.0.0.1/32"], &router("neighbor 10.0.0.2 bfd"));
    let view = |duo: &Duo| {
        let view = duo.world.hosts[duo.node].engine().peer(0).unwrap();
        (view.ttl, view.bfd.map(|bfd| bfd.kind))
    };
    duo.world.run(SECOND);
    assert!(matches!(view(&duo), (16, None | Some(Multihop))));
    duo.world.add_address(duo.node, Lab::ETH0, "10.0.0.9/24");
    duo.world.run(SECOND);
    assert_eq!(view(&duo), (1, Some(SingleHop)));
    duo.world.remove_address(duo.node, "10.0.0.9");
    duo.world.run(SECOND);
    assert_eq!(view(&duo).0, 16);
}

#[test]
fn with_the_same_subnet_on_two_links_the_one_that_is_named_is_the_neighbors() {
    for named in ["eth0", "eth1"] {
        let mut duo = node_with(
            &["10.0.0.1/24"],
            &router(&format!(
                "neighbor 10.0.0.2 update-source {named}\naddress-family ipv6 unicast\n neighbor 10.0.0.2 activate\n \
                 network 2001:db8:9::9/128\nexit-address-family"
            )),
        );
        let other = duo.world.segment(100);
        let eth1 = duo.world.plug(duo.node, other, &["10.0.0.7/24", "fd00:1::7/64"]);
        duo.world.tell_link(duo.node, eth1);
        duo.world.add_address(duo.node, Lab::ETH0, "fd00::1/64");
        duo.world.run(2 * SECOND);
        let own = if named == "eth0" { "10.0.0.1" } else { "10.0.0.7" };
        assert_eq!(dialed_from(&duo), Some(ip(own)), "{named}");
    }
}
