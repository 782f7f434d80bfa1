//! The router's side: what scripts announce, and what an engine with a `steer` block installs.

use holdover_core::base::net::Family;
use holdover_core::engine::view::TableState;
use holdover_core::engine::{IoError, LinkId, Record};

use super::bytes::{Message, Open, announce, attribute, nlri, raw_update, refresh, withdraw};
use super::lab::{PRIMARY, SECONDARY};
use super::script::Line;
use super::speaker::{sized, usual};
use super::world::{MS, SECOND, World, ip, prefix};

const ROUTER: &str = "router bgp 63949\n bgp router-id 10.0.0.1\n timers bgp 30 90\n neighbor NODES peer-group\n \
    neighbor NODES remote-as external\n bgp listen range 10.0.0.0/24 peer-group NODES\n";
const STEER: &str = "steer edge\n accept 192.0.2.0/24 le 32\n prefer large-community 63949:1:1\n \
    prefer large-community 63949:1:2\n install kernel\nexit\n";

/// A router that steers, and scripts around it.
struct Edge {
    world: World,
    router: usize,
}

impl Edge {
    fn with(router: &str, steer: &str) -> Self {
        let mut world = World::new(1);
        let wire = world.segment(100);
        let host = world.host("router");
        world.plug(host, wire, &["10.0.0.1/24"]);
        world.boot(host, usual(), &format!("{router}{steer}"));
        world.run(100 * MS);
        Self { world, router: host }
    }

    fn new() -> Self {
        Self::with(ROUTER, STEER)
    }

    /// A script at 10.0.0.`number` in AS 65`number`, in session with the router.
    fn node(&mut self, number: u32) -> Line {
        self.node_saying(number, &Open::modern(65_000 + number, 90, number))
    }

    /// The same with an OPEN of its own.
    fn node_saying(&mut self, number: u32, open: &Open) -> Line {
        let host = self.world.host(&format!("node{number}"));
        self.world.plug(host, 0, &[&format!("10.0.0.{number}/24")]);
        let mut line = self.world.script_dials(host, "10.0.0.1", None).expect("the router refuses");
        self.world.establish(&mut line, open);
        self.world.keep_alive(line, 20 * SECOND);
        self.world.run(MS);
        line
    }

    /// The next hops that the router's kernel has for `route`.
    fn hops(&mut self, route: &str) -> Vec<String> {
        self.world.run(10 * MS);
        let installed = self.world.hosts[self.router].installed.get(&prefix(route));
        let mut hops: Vec<String> = installed.map_or(vec![], |installed| {
            installed.next_hops.iter().map(|hop| hop.address.to_string()).collect()
        });
        hops.sort();
        hops
    }

    fn say(&mut self, line: Line, octets: &[u8]) {
        self.world.say(line, octets);
    }

    /// Another `steer` block; what was said before is not listened to any more.
    fn reload(&mut self, lines: &[Line], steer: &str) {
        self.world.run(SECOND);
        for &line in lines {
            while self.world.take(line).is_some() {}
        }
        self.world.reload(self.router, &format!("{ROUTER}{steer}"));
    }

    /// The router asks for the IPv4 routes again.
    #[track_caller]
    fn expect_wish(&mut self, line: Line) {
        assert_eq!(self.world.hear_other(line, SECOND), Message::Refresh { afi: 1, subtype: 0, safi: 1 });
    }
}

fn one(number: u32, path: &[u32], large: Option<[u32; 3]>) -> Vec<u8> {
    announce(prefix("192.0.2.10/32"), ip(&format!("10.0.0.{number}")), path, large)
}

#[test]
fn the_preferred_community_wins_whoever_came_first() {
    for first in [2, 3] {
        let mut edge = Edge::new();
        let lines = [edge.node(2), edge.node(3)];
        let said = [one(2, &[65_002], Some(SECONDARY)), one(3, &[65_003], Some(PRIMARY))];
        let order = if first == 2 { [0, 1] } else { [1, 0] };
        for index in order {
            edge.say(lines[index], &said[index]);
            edge.world.run(10 * MS);
        }
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
        edge.say(lines[1], &withdraw(prefix("192.0.2.10/32")));
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
        edge.say(lines[0], &withdraw(prefix("192.0.2.10/32")));
        assert!(edge.hops("192.0.2.10/32").is_empty());
    }
}

#[test]
fn rfc8326_4_1_a_speaker_that_is_leaving_is_the_last_choice() {
    let mut edge = Edge::new();
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);

    let mut attributes = attribute(0x40, 1, &[0]);
    attributes.extend(attribute(0x40, 2, &[2, 1, 0, 0, 0xFD, 0xEA]));
    attributes.extend(attribute(0x40, 3, &[10, 0, 0, 2]));
    attributes.extend(attribute(0xC0, 8, &[0xFF, 0xFF, 0, 0]));
    let large: Vec<u8> = PRIMARY.iter().flat_map(|one| one.to_be_bytes()).collect();
    attributes.extend(attribute(0xC0, 32, &large));
    edge.say(two, &raw_update(&[], &attributes, &nlri(prefix("192.0.2.10/32"))));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);

    // Nobody else is left: a speaker that is leaving is better than none.
    edge.say(three, &withdraw(prefix("192.0.2.10/32")));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn the_preferred_community_wins_over_any_shorter_path() {
    let mut edge = Edge::new();
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002], Some(SECONDARY)));
    edge.say(three, &one(3, &[65_003; 40], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
    edge.say(three, &one(3, &[65_003], None));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn the_shorter_path_then_the_lower_router_id_decide_among_equals() {
    let mut edge = Edge::new();
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002; 3], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn multipath_relax_shares_the_load_among_equals() {
    let router = ROUTER.replace(" timers", " bgp bestpath as-path multipath-relax\n timers");
    let mut edge = Edge::with(&router, STEER);
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2", "10.0.0.3"]);
    edge.say(three, &one(3, &[65_003], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn what_is_not_accepted_is_not_kept() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    for route in ["198.51.100.7/32", "192.0.0.0/16", "0.0.0.0/0"] {
        edge.say(two, &announce(prefix(route), ip("10.0.0.2"), &[65_002], Some(PRIMARY)));
        assert!(edge.hops(route).is_empty(), "{route}");
    }
    assert!(edge.world.hosts[edge.router].engine().steered(0).is_none());
}

#[test]
fn nothing_is_kept_without_a_steer_block() {
    let mut edge = Edge::with(ROUTER, "");
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn our_own_as_in_the_path_is_a_loop_and_is_not_kept() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002, 63_949], Some(PRIMARY)));
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn a_lost_session_takes_its_routes_along() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.world.reset(two.tcp, two.side);
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn a_malformed_announcement_withdraws_the_route_and_keeps_the_session() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    // ORIGIN 7 is no origin (RFC 7606 section 7.1).
    let mut attributes = attribute(0x40, 1, &[7]);
    attributes.extend(attribute(0x40, 2, &[2, 1, 0, 0, 0xFD, 0xEA]));
    attributes.extend(attribute(0x40, 3, &[10, 0, 0, 2]));
    edge.say(two, &raw_update(&[], &attributes, &nlri(prefix("192.0.2.10/32"))));
    assert!(edge.hops("192.0.2.10/32").is_empty());
    assert!(!edge.world.is_over(two));
    let records = &edge.world.hosts[edge.router].records;
    let malformed = |(_, record): &(u64, Record)| {
        matches!(record, Record::MalformedUpdate { attribute: 1, withdrawn: true, .. })
    };
    assert!(records.iter().any(malformed));
}

#[test]
fn a_bad_optional_attribute_never_resets_the_session() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    let mut attributes = attribute(0x40, 1, &[0]);
    attributes.extend(attribute(0x40, 2, &[2, 1, 0, 0, 0xFD, 0xEA]));
    attributes.extend(attribute(0x40, 3, &[10, 0, 0, 2]));
    for (code, value) in
        [(40, &[1, 2, 3][..]), (32, &[1][..]), (8, &[1, 2, 3][..]), (7, &[1][..]), (200, &[0; 200][..])]
    {
        let mut with = attributes.clone();
        with.extend(attribute(0xC0, code, value));
        edge.say(two, &raw_update(&[], &with, &nlri(prefix("192.0.2.10/32"))));
        edge.world.run(10 * MS);
        assert!(!edge.world.is_over(two), "attribute {code}");
    }
}

#[test]
fn maximum_prefix_closes_the_session_and_backs_off() {
    let router = format!(
        "{ROUTER} address-family ipv4 unicast\n  neighbor NODES maximum-prefix 3\n exit-address-family\n"
    );
    let mut edge = Edge::with(&router, STEER);
    let two = edge.node(2);
    for number in 1..=3 {
        edge.say(two, &announce(prefix(&format!("192.0.2.{number}/32")), ip("10.0.0.2"), &[65_002], None));
    }
    edge.world.run(100 * MS);
    assert!(!edge.world.is_over(two));
    edge.say(two, &announce(prefix("192.0.2.4/32"), ip("10.0.0.2"), &[65_002], None));
    let (code, subcode, _) = edge.world.hear_error(two, SECOND);
    assert_eq!((code, subcode), (6, 1));
}

#[test]
fn maximum_prefix_counts_the_routes_of_its_family_alone() {
    let router = format!(
        "{ROUTER} address-family ipv4 unicast\n  neighbor NODES maximum-prefix 3\n exit-address-family\n \
         address-family ipv6 unicast\n  neighbor NODES activate\n  neighbor NODES maximum-prefix 1 warning-only\n \
         exit-address-family\n"
    );
    let mut edge = Edge::with(&router, STEER);
    let two = edge.node(2);
    for number in 1..=3 {
        edge.say(two, &announce(prefix(&format!("192.0.2.{number}/32")), ip("10.0.0.2"), &[65_002], None));
    }
    edge.world.run(100 * MS);
    let told = |record: &(u64, Record)| matches!(record.1, Record::MaximumPrefix { .. });
    assert!(!edge.world.is_over(two) && !edge.world.hosts[edge.router].records.iter().any(told));
    edge.say(two, &announce(prefix("192.0.2.4/32"), ip("10.0.0.2"), &[65_002], None));
    let (code, subcode, _) = edge.world.hear_error(two, SECOND);
    assert_eq!((code, subcode), (6, 1));
}

#[test]
fn maximum_prefix_warning_only_says_it_once() {
    let router = format!(
        "{ROUTER} address-family ipv4 unicast\n  neighbor NODES maximum-prefix 3 warning-only\n exit-address-family\n"
    );
    let mut edge = Edge::with(&router, STEER);
    let two = edge.node(2);
    for number in 1..=8 {
        edge.say(two, &announce(prefix(&format!("192.0.2.{number}/32")), ip("10.0.0.2"), &[65_002], None));
    }
    edge.world.run(100 * MS);
    assert!(!edge.world.is_over(two));
    let records = &edge.world.hosts[edge.router].records;
    let warned = |(_, record): &&(u64, Record)| matches!(record, Record::MaximumPrefix { closed: false, .. });
    assert_eq!(records.iter().filter(warned).count(), 1);
}

#[test]
fn more_prefixes_than_there_is_room_for_are_ignored_whole_and_said() {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let host = world.host("router");
    world.plug(host, wire, &["10.0.0.1/24"]);
    world.boot(host, sized::<2, 1, 4, 24, 1024>(), &format!("{ROUTER}{STEER}"));
    world.run(100 * MS);
    let mut edge = Edge { world, router: host };
    let two = edge.node(2);
    for number in 1..=9 {
        edge.say(
            two,
            &announce(prefix(&format!("192.0.2.{number}/32")), ip("10.0.0.2"), &[65_002], Some(PRIMARY)),
        );
    }
    edge.world.run(100 * MS);
    assert_eq!(edge.world.hosts[host].installed.len(), 4);
    let full = |(_, record): &(u64, Record)| matches!(record, Record::Full { .. });
    assert!(edge.world.hosts[host].records.iter().any(full));
    edge.world.run(2 * SECOND);
    while edge.world.take(two).is_some() {}
    edge.say(two, &withdraw(prefix("192.0.2.1/32")));
    // The place is free when the host has answered; then there is room for what was refused.
    edge.expect_wish(two);
    edge.say(two, &announce(prefix("192.0.2.9/32"), ip("10.0.0.2"), &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.9/32"), ["10.0.0.2"]);
}

#[test]
fn a_next_hop_that_is_the_router_itself_is_not_installed() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &announce(prefix("192.0.2.10/32"), ip("10.0.0.1"), &[65_002], Some(PRIMARY)));
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn a_clean_stop_removes_what_was_installed() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.world.command(edge.router, holdover_core::engine::Command::Stop);
    edge.world.run(10 * SECOND);
    assert!(!edge.world.hosts[edge.router].running);
    assert!(edge.world.hosts[edge.router].installed.is_empty());
}

/// The other way round.
fn turned() -> String {
    STEER.replace("1:1", "1:x").replace("1:2", "1:1").replace("1:x", "1:2")
}

#[test]
fn a_reload_that_prefers_another_community_asks_for_all_routes_again() {
    let mut edge = Edge::new();
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.reload(&[two, three], &turned());
    edge.expect_wish(two);
    edge.expect_wish(three);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
}

#[test]
fn a_reload_that_lets_in_the_same_asks_nobody() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.reload(&[two], &format!("ip prefix-list unused permit any\nhostname edge\n{STEER}"));
    edge.world.run(2 * SECOND);
    while let Some(message) = edge.world.take(two) {
        assert_eq!(message, Message::Keepalive);
    }
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn an_inbound_list_that_changes_asks_those_whom_it_filters() {
    let filtered = |list: &str| {
        format!("router bgp 63949\n neighbor NODES prefix-list IN in\nip prefix-list IN {list}\n{STEER}")
    };
    let mut edge = Edge::with(ROUTER, &filtered("permit any"));
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.reload(&[two], &filtered("deny 192.0.2.10/32"));
    edge.expect_wish(two);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn a_peer_that_cannot_tell_again_begins_anew() {
    let mut edge = Edge::new();
    let two = edge.node_saying(2, &Open::modern(65_002, 90, 2).without(2).without(70));
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.reload(&[two], &turned());
    let (code, subcode, _) = edge.world.hear_error(two, SECOND);
    assert_eq!((code, subcode), (6, 6));
    assert!(edge.hops("192.0.2.10/32").is_empty());
}

#[test]
fn rfc7313_4_what_is_not_told_again_between_the_markers_is_gone() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    let other = announce(prefix("192.0.2.11/32"), ip("10.0.0.2"), &[65_002], Some(PRIMARY));
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    edge.say(two, &other);
    edge.say(two, &refresh(Family::Ipv4, 1));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"], "stale is not gone yet");
    edge.say(two, &other);
    // The end of another family's refresh is not this one's.
    edge.say(two, &refresh(Family::Ipv6, 2));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.say(two, &refresh(Family::Ipv4, 2));
    assert!(edge.hops("192.0.2.10/32").is_empty());
    assert_eq!(edge.hops("192.0.2.11/32"), ["10.0.0.2"]);
}

#[test]
fn a_reload_without_install_kernel_removes_what_was_installed_and_keeps_it_in_mind() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.reload(&[two], &STEER.replace(" install kernel\n", ""));
    assert!(edge.hops("192.0.2.10/32").is_empty());
    assert!(edge.world.hosts[edge.router].engine().steered(0).is_some());
    edge.reload(&[two], STEER);
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn a_reload_without_a_steer_block_lets_go_of_everything() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.reload(&[two], "");
    assert!(edge.hops("192.0.2.10/32").is_empty());
    assert!(edge.world.hosts[edge.router].engine().steered(0).is_none());
    assert!(!edge.world.is_over(two));
}

impl Edge {
    /// How often the record came.
    fn count(&self, is_it: impl Fn(&Record) -> bool) -> usize {
        self.world.hosts[self.router].records.iter().filter(|(_, record)| is_it(record)).count()
    }

    fn refused(&self) -> usize {
        self.count(|record| matches!(record, Record::RouteFailed { .. }))
    }

    /// Where `show steer` says that the first prefix stands in the host's table, and by which next hop.
    fn shown(&self) -> (TableState, String) {
        let (_, view) = self.world.hosts[self.router].engine().steered(0).unwrap();
        (view.table, view.next_hop.to_string())
    }
}

#[test]
fn rfc4271_9_1_2_1_a_next_hop_that_cannot_be_reached_is_not_chosen_and_no_old_route_is_left() {
    let mut edge = Edge::new();
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &one(2, &[65_002], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    edge.world.hosts[edge.router].no_way_to.push(ip("10.0.0.3"));
    edge.say(three, &one(3, &[65_003], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    assert_eq!(edge.shown(), (TableState::Installed, "10.0.0.2".to_owned()));
    // Nobody else is left: better no route than one to somebody who has withdrawn it.
    edge.say(two, &withdraw(prefix("192.0.2.10/32")));
    assert!(edge.hops("192.0.2.10/32").is_empty());
    assert_eq!(edge.shown(), (TableState::Waits, "0.0.0.0".to_owned()));
    edge.world.run(100 * SECOND);
    assert_eq!(edge.refused(), 1, "said once");
    edge.world.hosts[edge.router].no_way_to.clear();
    edge.world.run(61 * SECOND);
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
    assert_eq!(edge.shown(), (TableState::Installed, "10.0.0.3".to_owned()));
}

#[test]
fn a_route_is_installed_as_soon_as_its_next_hops_net_comes() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.world.hosts[edge.router].no_way_to.push(ip("10.9.0.1"));
    edge.say(two, &announce(prefix("192.0.2.10/32"), ip("10.9.0.1"), &[65_002], Some(PRIMARY)));
    assert!(edge.hops("192.0.2.10/32").is_empty());
    edge.world.run(40 * SECOND);
    edge.world.hosts[edge.router].no_way_to.clear();
    edge.world.add_address(edge.router, LinkId(2), "10.9.0.254/24");
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.9.0.1"]);
    // The net goes: the kernel drops its routes without a word, and so does the choice.
    edge.world.hosts[edge.router].no_way_to.push(ip("10.9.0.1"));
    edge.world.remove_address(edge.router, "10.9.0.254");
    assert!(edge.hops("192.0.2.10/32").is_empty());
    edge.world.hosts[edge.router].no_way_to.clear();
    edge.world.add_address(edge.router, LinkId(2), "10.9.0.254/24");
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.9.0.1"]);
}

#[test]
fn a_next_hop_on_a_link_that_is_down_is_not_chosen_until_the_link_is_back() {
    let mut edge = Edge::new();
    let wire = edge.world.segment(100);
    let other = edge.world.plug(edge.router, wire, &[]);
    edge.world.tell_link(edge.router, other);
    edge.world.add_address(edge.router, other, "10.8.0.254/24");
    let (two, three) = (edge.node(2), edge.node(3));
    edge.say(two, &announce(prefix("192.0.2.10/32"), ip("10.8.0.1"), &[65_002], Some(PRIMARY)));
    edge.say(three, &one(3, &[65_003], Some(SECONDARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.8.0.1"]);
    edge.world.set_link(edge.router, other, false);
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.3"]);
    edge.world.set_link(edge.router, other, true);
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.8.0.1"]);
    assert_eq!(edge.refused(), 0);
}

#[test]
fn a_route_that_another_hand_takes_away_is_put_back_and_after_the_third_time_in_a_minute_after_a_pause() {
    let mut edge = Edge::new();
    let two = edge.node(2);
    edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
    for _ in 0..3 {
        assert!(edge.world.take_route(edge.router, "192.0.2.10/32"));
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"], "put back at once");
    }
    for pause in [1, 2, 4] {
        assert!(edge.world.take_route(edge.router, "192.0.2.10/32"));
        edge.world.run(pause * SECOND - 100 * MS);
        assert!(edge.hops("192.0.2.10/32").is_empty());
        assert_eq!(edge.shown().0, TableState::Waits);
        edge.world.run(100 * MS);
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
        assert_eq!(edge.shown().0, TableState::Installed);
    }
    let lost = |paused| move |record: &Record| matches!(record, Record::RouteLost { paused: one, .. } if *one == paused);
    assert_eq!((edge.count(lost(false)), edge.count(lost(true))), (3, 1));
    // After a calm minute it begins anew.
    edge.world.run(61 * SECOND);
    assert!(edge.world.take_route(edge.router, "192.0.2.10/32"));
    assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
}

#[test]
fn what_the_host_refuses_for_want_of_rights_or_room_is_tried_again_and_leaves_nothing_behind() {
    for why in [IoError::Denied, IoError::Exhausted] {
        let mut edge = Edge::new();
        let two = edge.node(2);
        edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
        let router = edge.router;
        edge.world.hosts[router].route_error = Some(why);
        edge.say(two, &withdraw(prefix("192.0.2.10/32")));
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"], "it could not be removed");
        edge.world.hosts[router].route_error = None;
        edge.world.run(1_100 * MS);
        assert!(edge.hops("192.0.2.10/32").is_empty());
        // An install that is refused, and then not wanted any more.
        edge.world.hosts[router].route_error = Some(why);
        edge.say(two, &one(2, &[65_002], Some(PRIMARY)));
        assert!(edge.hops("192.0.2.10/32").is_empty());
        assert_eq!(edge.shown().0, TableState::Waits);
        edge.world.hosts[router].route_error = None;
        edge.world.run(4 * SECOND);
        assert_eq!(edge.hops("192.0.2.10/32"), ["10.0.0.2"]);
        assert_eq!(edge.refused(), 2, "each once");
    }
}
