//! What is announced besides failover blocks: `network` and `redistribute`, as a peer hears it.

use holdover_core::engine::Record;
use holdover_core::engine::record::Limit;

use super::bytes::{Open, Update};
use super::duo::{Duo, THEIR_ID, THEIRS, router};
use super::script::Line;
use super::speaker::{sized, usual};
use super::world::{MS, SECOND, ip, prefix};

/// `router bgp` with these lines in the family of IPv4, and what follows it.
fn config(family: &str, after: &str) -> String {
    router(&format!("address-family ipv4 unicast\n{family}\nexit-address-family\n{after}"))
}

/// A session of a node that is prepared by `before` and configured with `text`.
fn told(text: &str, before: impl FnOnce(&mut Duo)) -> (Duo, Line, Vec<Update>) {
    let mut duo = Duo::bare();
    before(&mut duo);
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), text);
    duo.world.hosts[duo.node].ledger.lax = true;
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    (duo, line, batch)
}

fn announced(batch: &[Update]) -> Vec<String> {
    let mut all: Vec<String> =
        batch.iter().flat_map(|update| update.announced.iter().map(ToString::to_string)).collect();
    all.sort();
    all
}

/// Waits until the sum of UPDATEs says that exactly these prefixes stand, beyond those in `standing`.
#[track_caller]
fn hear_change(duo: &mut Duo, line: Line) -> (Vec<String>, Vec<String>) {
    let update = duo.hear_update(line, SECOND);
    let text =
        |prefixes: &[holdover_core::base::net::Prefix]| prefixes.iter().map(ToString::to_string).collect();
    (text(&update.announced), text(&update.withdrawn))
}

#[track_caller]
fn assert_silent(duo: &mut Duo, line: Line) {
    duo.world.run(500 * MS);
    while let Some(said) = duo.world.take(line) {
        assert_eq!(said, super::bytes::Message::Keepalive);
    }
}

#[test]
fn a_host_network_is_bound_on_lo_and_announced() {
    let (duo, _, batch) = told(&config("network 192.0.2.10/32", ""), |_| {});
    assert_eq!(announced(&batch), ["192.0.2.10/32"]);
    let held = duo.world.hosts[duo.node].addresses.iter().find(|held| held.marked).unwrap();
    assert_eq!((held.link.0, held.address.address, held.address.length), (1, ip("192.0.2.10"), 32));
}

#[test]
fn a_wide_network_binds_nothing_and_is_announced_while_an_address_in_it_is_here() {
    let (mut duo, line, batch) = told(&config("network 192.0.2.0/24", ""), |_| {});
    assert!(batch.is_empty());
    let node = duo.node;
    duo.world.add_address(node, super::lab::Lab::ETH0, "192.0.2.77/25");
    assert_eq!(hear_change(&mut duo, line).0, ["192.0.2.0/24"]);
    assert!(!duo.world.hosts[node].addresses.iter().any(|held| held.marked));
    duo.world.add_address(node, super::lab::Lab::ETH0, "192.0.2.78/25");
    duo.world.remove_address(node, "192.0.2.77");
    assert_silent(&mut duo, line);
    duo.world.remove_address(node, "192.0.2.78");
    assert_eq!(hear_change(&mut duo, line).1, ["192.0.2.0/24"]);
}

#[test]
fn no_import_check_announces_both_kinds_without_binding_or_watching() {
    let text = router(
        "no bgp network import-check\naddress-family ipv4 unicast\nnetwork 192.0.2.10/32\nnetwork 198.51.100.0/24\n\
         exit-address-family",
    );
    let (duo, _, batch) = told(&text, |_| {});
    assert_eq!(announced(&batch), ["192.0.2.10/32", "198.51.100.0/24"]);
    assert!(!duo.world.hosts[duo.node].addresses.iter().any(|held| held.marked));
}

#[test]
fn static_routes_of_the_configuration_are_installed_and_redistributed_when_they_are_host_routes() {
    let text =
        config("redistribute static", "ip route 192.0.2.77/32 Null0\nip route 192.0.2.0/24 blackhole\n");
    let (duo, _, batch) = told(&text, |_| {});
    assert_eq!(announced(&batch), ["192.0.2.77/32"]);
    let installed: Vec<_> = duo.world.hosts[duo.node].installed.keys().copied().collect();
    assert_eq!(installed, [prefix("192.0.2.0/24"), prefix("192.0.2.77/32")]);
    let held_back = |record: &&Record| matches!(record, Record::HeldBack { .. });
    assert_eq!(duo.records().filter(held_back).count(), 1);
}

#[test]
fn a_prefix_list_in_the_route_map_permits_shorter_ones_but_never_the_default_route() {
    let after = "ip prefix-list wide seq 5 permit 0.0.0.0/0 le 24\nroute-map out permit 10\n \
                 match ip address prefix-list wide\n set community 65000:7\n";
    let (mut duo, line, batch) = told(&config("redistribute kernel route-map out", after), |duo| {
        for route in ["0.0.0.0/0", "198.51.100.0/24", "203.0.113.128/25", "203.0.113.7/32"] {
            duo.world.set_kernel_route(duo.node, route, true);
        }
    });
    assert_eq!(announced(&batch), ["198.51.100.0/24"]);
    assert_eq!(batch[0].attributes.communities, [(65_000 << 16) + 7]);
    let node = duo.node;
    duo.world.set_kernel_route(node, "198.51.0.0/16", true);
    assert_eq!(hear_change(&mut duo, line).0, ["198.51.0.0/16"]);
    duo.world.set_kernel_route(node, "198.51.100.0/24", false);
    assert_eq!(hear_change(&mut duo, line).1, ["198.51.100.0/24"]);
}

#[test]
fn a_reload_lets_in_what_the_new_route_map_permits_and_no_more() {
    let after = "ip prefix-list wide seq 5 permit 0.0.0.0/0 le 24\nroute-map AA permit 10\nroute-map BB permit 10\n \
                 match ip address prefix-list wide\n";
    let sources = |map: &str| {
        config(&format!("redistribute kernel route-map {map}\nredistribute connected route-map {map}"), after)
    };
    let (mut duo, line, batch) = told(&sources("AA"), |duo| {
        duo.world.set_kernel_route(duo.node, "198.51.100.0/24", true);
        duo.world.add_address(duo.node, super::lab::Lab::ETH0, "203.0.113.9/24");
    });
    assert_eq!(announced(&batch), [""; 0]);
    let node = duo.node;
    duo.world.reload(node, &sources("BB"));
    let both = ["198.51.100.0/24", "203.0.113.0/24"];
    let mut more = Vec::new();
    while !both.iter().all(|prefix| more.iter().any(|one| one == prefix)) {
        more.extend(hear_change(&mut duo, line).0);
    }
    duo.world.reload(node, &sources("AA"));
    let mut gone = Vec::new();
    while gone.len() < more.len() {
        gone.extend(hear_change(&mut duo, line).1);
    }
    more.sort();
    gone.sort();
    assert_eq!(gone, more);
}

#[test]
fn kernel_routes_are_followed_live() {
    let (mut duo, line, batch) = told(&config("redistribute kernel", ""), |duo| {
        duo.world.set_kernel_route(duo.node, "203.0.113.7/32", true);
        duo.world.set_kernel_route(duo.node, "203.0.113.0/24", true);
    });
    assert_eq!(announced(&batch), ["203.0.113.7/32"]);
    let node = duo.node;
    duo.world.set_kernel_route(node, "203.0.113.8/32", true);
    assert_eq!(hear_change(&mut duo, line), (vec!["203.0.113.8/32".to_owned()], vec![]));
    duo.world.hosts[node].kernel_routes.retain(|&one| one != prefix("203.0.113.7/32"));
    duo.world.overrun(node);
    assert_eq!(hear_change(&mut duo, line), (vec![], vec!["203.0.113.7/32".to_owned()]));
}

#[test]
fn connected_is_the_hosts_global_addresses_of_host_length() {
    let (mut duo, line, batch) = told(&config("redistribute connected", ""), |duo| {
        duo.world.add_address(duo.node, super::lab::Lab::ETH0, "203.0.113.9/32");
        duo.world.add_address(duo.node, holdover_core::engine::LinkId(1), "127.0.0.1/8");
        duo.world.add_address(duo.node, super::lab::Lab::ETH0, "169.254.7.7/32");
    });
    assert_eq!(announced(&batch), ["203.0.113.9/32"]);
    let node = duo.node;
    duo.world.remove_address(node, "203.0.113.9");
    assert_eq!(hear_change(&mut duo, line).1, ["203.0.113.9/32"]);
}

#[test]
fn a_prefix_has_one_owner_and_the_lesser_is_silent() {
    let after = "ip route 192.0.2.10/32 Null0\nroute-map service permit 10\n set community 65000:1\n\
                 route-map network permit 10\n set community 65000:2\nroute-map static permit 10\n \
                 set community 65000:3\nfailover web\n address 192.0.2.10/32\n active route-map service\nexit\n";
    let family = "network 192.0.2.10/32 route-map network\nredistribute static route-map static";
    let (_, _, batch) = told(&config(family, after), |_| {});
    assert_eq!(announced(&batch), ["192.0.2.10/32"]);
    assert_eq!(batch[0].attributes.communities, [(65_000 << 16) + 1]);
}

#[test]
fn a_route_map_sets_every_attribute_that_it_names() {
    let after = "route-map all permit 10\n set community 65000:1 no-export additive\n set large-community 1:2:3 4:5:6\n \
                 set metric 77\n set origin egp\n set as-path prepend 65000 65000\n set local-preference 300\n";
    let (_, _, batch) = told(&config("network 192.0.2.10/32 route-map all", after), |_| {});
    let attributes = &batch[0].attributes;
    let mut communities = attributes.communities.clone();
    communities.sort_unstable();
    assert_eq!(communities, [(65_000 << 16) + 1, 0xFFFF_FF01]);
    assert_eq!(attributes.large, [[1, 2, 3], [4, 5, 6]]);
    assert_eq!((attributes.med, attributes.origin), (Some(77), Some(1)));
    assert_eq!(attributes.as_path, [65_000; 3]);
    assert_eq!(attributes.local_preference, None, "never to another AS");
}

#[test]
fn within_an_as_the_path_is_empty_and_there_is_a_local_preference() {
    let text = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as internal\n \
                address-family ipv4 unicast\n network 192.0.2.10/32\n exit-address-family\n";
    let mut duo = Duo::with(text);
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(65_000, 9, THEIR_ID));
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    assert!(batch[0].attributes.as_path.is_empty());
    assert_eq!(batch[0].attributes.local_preference, Some(100));
}

#[test]
fn a_neighbors_own_lists_hold_routes_back_from_it_alone() {
    let after = "ip prefix-list few seq 5 permit 192.0.2.10/32\n";
    let text = router(&format!(
        "no bgp network import-check\naddress-family ipv4 unicast\nnetwork 192.0.2.10/32\nnetwork 192.0.2.11/32\n\
         neighbor 10.0.0.2 prefix-list few out\nexit-address-family\n{after}"
    ));
    let (_, _, batch) = told(&text, |_| {});
    assert_eq!(announced(&batch), ["192.0.2.10/32"]);
}

#[test]
fn routes_with_equal_attributes_share_an_update() {
    use std::fmt::Write as _;
    let mut family = String::new();
    for number in 1..=20 {
        writeln!(family, "network 203.0.113.{number}/32").unwrap();
    }
    let text = router(&format!(
        "no bgp network import-check\naddress-family ipv4 unicast\n{family}exit-address-family"
    ));
    let (_, _, batch) = told(&text, |_| {});
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].announced.len(), 20);
}

#[test]
fn ipv6_services_are_announced_widened_and_keep_the_rest_from_looping() {
    let text = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fd00::2 remote-as 65010\n \
                address-family ipv6 unicast\n neighbor fd00::2 activate\n exit-address-family\n\
                failover web\n address 2001:db8:e001:1b8c::1/128 announce /64\nexit\n";
    let mut duo = Duo::with(text);
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.world.keep_alive(line, SECOND);
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.announced, [prefix("2001:db8:e001:1b8c::/64")]);
    assert_eq!(update.attributes.next_hops, [ip("fd00::1"), ip("fe80::1")]);
    assert!(duo.world.hosts[duo.node].holds("2001:db8:e001:1b8c::1"));
    duo.world.run(100 * MS);
    assert!(duo.world.hosts[duo.node].installed.contains_key(&prefix("2001:db8:e001:1b8c::/64")));
}

/// Networks that are each announced with attributes of their own.
fn networks(of: &[(u8, u8)]) -> String {
    let lines =
        |line: &dyn Fn(u8, u8) -> String| of.iter().map(|&(net, map)| line(net, map)).collect::<String>();
    let family = lines(&|net, map| format!("network 192.0.2.{net}/32 route-map m{map}\n"));
    config(&family, &lines(&|_, map| format!("route-map m{map} permit 10\n set metric {map}\nexit\n")))
}

#[test]
fn without_a_free_attribute_set_a_route_is_withdrawn_not_told_as_before_and_the_batch_ends() {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    // Places for three sets.
    let text = networks(&[(1, 1), (2, 2), (3, 3), (4, 4)]);
    duo.world.boot(duo.node, sized::<1, 1, 32, 64, 2048>(), &text);
    duo.world.hosts[duo.node].ledger.lax = true;
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.world.keep_alive(line, SECOND);
    let mut told = std::collections::BTreeMap::new();
    let mut take = |batch: &[Update]| {
        for update in batch {
            for prefix in &update.withdrawn {
                told.remove(&prefix.to_string());
            }
            for prefix in &update.announced {
                told.insert(prefix.to_string(), update.attributes.med);
            }
        }
        told.clone()
    };
    // The mark at its end comes, though not everything found room.
    let batch = duo.hear_batch(line, 3 * SECOND);
    assert_eq!(take(&batch).len(), 3);
    let full = |record: &&Record| matches!(record, Record::Full { limit: Limit::AttributeSets });
    assert_eq!(duo.records().filter(full).count(), 1);
    // One more, and others in the place of those that are told: never one that is told with what it had before.
    for (of, room) in [
        (&[(1, 5), (2, 6), (3, 7), (4, 8), (5, 9)][..], 3),
        (&[(1, 5), (2, 6)][..], 2),
        (&[(1, 5), (2, 6), (3, 7)][..], 3),
    ] {
        duo.world.reload(duo.node, &networks(of));
        duo.world.run(3 * SECOND);
        let mut batch = vec![];
        while let Some(said) = duo.world.take(line) {
            if let super::bytes::Message::Update(update) = said {
                batch.push(update);
            }
        }
        let told = take(&batch);
        assert_eq!(told.len(), room, "{told:?}");
        for &(net, map) in of {
            let med = told.get(&format!("192.0.2.{net}/32"));
            assert!(med.is_none_or(|med| *med == Some(u32::from(map))), "{net}: {told:?}");
        }
        assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().owed, 0);
    }
}
