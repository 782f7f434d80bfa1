//! Where two things that are each right meet: a reload and a message, an ending connection and a new one, a place and its
//! next use.

use holdover_core::engine::{LinkId, Record};

use super::bytes::{Message, Open, announce, keepalive, refresh, withdraw};
use super::duo::{Duo, router, their_open};
use super::fact::Fact;
use super::script::Line;
use super::speaker::{sized, usual};
use super::world::{MS, Nature, SECOND, World, ip, prefix};
use holdover_core::base::net::Family;
use holdover_core::bgp::fsm::State;

const LO: LinkId = LinkId(1);

/// A router that listens, and a script at 10.0.0.2 and beyond.
const LISTENING: &str = "router bgp 63949\n bgp router-id 10.0.0.1\n timers bgp 30 90\n neighbor NODES peer-group\n \
    neighbor NODES remote-as external\n";
const RANGE: &str = " bgp listen range 10.0.0.0/24 peer-group NODES\n";
const STEER: &str =
    "steer edge\n accept 192.0.2.0/24 le 32\n prefer large-community 63949:1:1\n install kernel\nexit\n";

fn listening(config: &str) -> (World, usize) {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let host = world.host("router");
    world.plug(host, wire, &["10.0.0.1/24"]);
    world.boot(host, usual(), config);
    world.run(100 * MS);
    (world, host)
}

fn script_at(world: &mut World, number: u32) -> usize {
    let host = world.host(&format!("node{number}"));
    world.plug(host, 0, &[&format!("10.0.0.{number}/24")]);
    host
}

fn session(world: &mut World, host: usize, number: u32) -> Line {
    let mut line = world.script_dials(host, "10.0.0.1", None).expect("the router refuses");
    world.establish(&mut line, &Open::modern(65_000 + number, 90, number));
    world.keep_alive(line, 20 * SECOND);
    world.run(10 * MS);
    line
}

fn updates(world: &mut World, line: Line) -> usize {
    let mut count = 0;
    while let Some(message) = world.take(line) {
        count += usize::from(matches!(message, Message::Update(_)));
    }
    count
}

#[test]
fn a_reload_does_not_doubt_a_service_one_of_whose_addresses_is_not_here() {
    let config = router("failover web\n address 192.0.2.9/32\n address 192.0.2.10/32\n bind none\nexit\n");
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    duo.world.add_address(duo.node, LO, "192.0.2.10/32");
    duo.world.boot(duo.node, usual(), &config);
    let line = duo.session();
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.announced, [prefix("192.0.2.10/32")]);
    duo.world.run(SECOND);
    updates(&mut duo.world, line);
    duo.world.reload(duo.node, &config);
    duo.world.run(SECOND);
    assert_eq!(updates(&mut duo.world, line), 0, "nothing changed");
}

/// `count` networks, each second one with another community, without those below `from`.
fn many(from: u32, count: u32) -> String {
    use std::fmt::Write as _;
    let mut text = "no bgp network import-check\naddress-family ipv4 unicast\n".to_owned();
    for number in from..count {
        let (third, fourth, map) = (number / 250, number % 250, number % 2);
        writeln!(text, " network 10.9.{third}.{fourth}/32 route-map m{map}").unwrap();
    }
    text.push_str("exit-address-family\n");
    for map in 0..2 {
        write!(text, "route-map m{map} permit 10\n set community 65000:{map}\n").unwrap();
    }
    router(&text)
}

fn big() -> Box<dyn super::speaker::Speaker> {
    sized::<2, 1, 1024, 64, 1024>()
}

#[test]
fn a_refresh_in_the_middle_of_a_reload_is_answered_by_the_new_configuration() {
    for pause in (0..160).step_by(20) {
        let mut duo = Duo::bare();
        duo.world.script_listens(duo.peer, None);
        duo.world.boot(duo.node, big(), &many(0, 700));
        duo.world.hosts[duo.node].ledger.lax = true;
        let line = duo.session();
        duo.world.run(3 * SECOND);
        updates(&mut duo.world, line);
        duo.world.say(line, &refresh(Family::Ipv4, 0));
        duo.world.run(pause);
        duo.world.reload(duo.node, &many(1, 700));
        duo.world.run(SECOND);
        while let Some(message) = duo.world.take(line) {
            let Message::Update(update) = message else { continue };
            for route in update.announced {
                let last = route.to_string().trim_end_matches("/32").rsplit('.').next().unwrap().to_owned();
                let map = last.parse::<u32>().unwrap() % 2;
                assert_eq!(update.attributes.communities, [(65_000 << 16) + map], "{route} after {pause}");
            }
            for route in update.withdrawn {
                assert_eq!(route, prefix("10.9.0.0/32"), "after {pause}");
            }
        }
    }
}

#[test]
fn news_of_the_host_in_the_middle_of_a_reload_withdraw_nothing_that_stays() {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, big(), &many(0, 700));
    duo.world.hosts[duo.node].ledger.lax = true;
    let line = duo.session();
    duo.world.run(3 * SECOND);
    updates(&mut duo.world, line);
    duo.world.reload(duo.node, &many(1, 700));
    let last = prefix("10.9.2.199/32");
    duo.world.hosts[duo.node].netlink.push_back(Fact::KernelRoute { prefix: last, present: false });
    duo.world.run(SECOND);
    while let Some(message) = duo.world.take(line) {
        let Message::Update(update) = message else { continue };
        assert!(!update.withdrawn.contains(&last), "it was never gone");
    }
}

#[test]
fn callers_that_are_turned_away_take_no_place() {
    let (mut world, host) = listening(&format!("{LISTENING} neighbor NODES shutdown\n{RANGE}"));
    for number in 2..10 {
        let script = script_at(&mut world, number);
        let line = world.script_dials(script, "10.0.0.1", None).unwrap();
        world.expect("the refusal", SECOND, |world| world.is_over(line));
    }
    assert_eq!(world.hosts[host].engine().summary().peers, 0);
    world.reload(host, &format!("{LISTENING}{RANGE}"));
    world.run(100 * MS);
    let script = script_at(&mut world, 20);
    session(&mut world, script, 20);
}

#[test]
fn a_dynamic_peer_that_becomes_a_neighbor_is_one_peer() {
    let (mut world, host) = listening(&format!("{LISTENING}{RANGE}"));
    let script = script_at(&mut world, 2);
    let line = session(&mut world, script, 2);
    let named = format!("{LISTENING} neighbor 10.0.0.2 peer-group NODES\n{RANGE}");
    world.reload(host, &named);
    world.run(5 * SECOND);
    assert_eq!(world.hosts[host].engine().summary().peers, 1);
    assert!(!world.is_over(line), "nothing about its session changed");
    assert!(!world.hosts[host].engine().peer(0).unwrap().dynamic);
}

#[test]
fn a_dynamic_peer_goes_with_its_listen_range() {
    let (mut world, host) = listening(&format!("{LISTENING}{RANGE}"));
    let script = script_at(&mut world, 2);
    let line = session(&mut world, script, 2);
    world.reload(host, &format!("{LISTENING} bgp listen range 10.0.9.0/24 peer-group NODES\n"));
    let (code, subcode, _) = world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (6, 3));
    world.run(5 * SECOND);
    assert_eq!(world.hosts[host].engine().summary().peers, 0);
}

#[test]
fn multicast_and_reserved_prefixes_are_ignored_and_the_rest_of_the_update_is_not() {
    let steer = STEER.replace("192.0.2.0/24 le 32", "0.0.0.0/0 le 32");
    let (mut world, host) = listening(&format!("{LISTENING}{RANGE}{steer}"));
    let script = script_at(&mut world, 2);
    let line = session(&mut world, script, 2);
    for route in
        ["224.0.0.0/4", "239.1.2.3/32", "127.0.0.1/32", "0.0.0.0/8", "255.255.255.255/32", "240.0.0.0/4"]
    {
        world.say(line, &announce(prefix(route), ip("10.0.0.2"), &[65_002], None));
    }
    for route in ["192.0.2.10/32", "0.0.0.0/0"] {
        world.say(line, &announce(prefix(route), ip("10.0.0.2"), &[65_002], None));
    }
    world.run(100 * MS);
    let installed: Vec<_> = world.hosts[host].installed.keys().map(ToString::to_string).collect();
    assert_eq!(installed, ["0.0.0.0/0", "192.0.2.10/32"]);
    assert!(!world.is_over(line));
}

#[test]
fn a_route_whose_withdrawal_was_never_said_gives_its_place_back_with_the_session() {
    let network = |last: u32| {
        router(&format!(
            "timers bgp 1 3\nno bgp network import-check\naddress-family ipv4 unicast\n network 192.0.2.{last}/32\n\
             exit-address-family\n"
        ))
    };
    let mut duo = Duo::bare();
    duo.world.nature = Nature { send_room: 19, receive_room: 4_096, ..Nature::CALM };
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &network(1));
    duo.world.hosts[duo.node].ledger.lax = true;
    let line = duo.session();
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.announced, [prefix("192.0.2.1/32")]);
    duo.world.run(100 * MS);
    duo.world.cut(duo.peer, true);
    duo.world.run(1_500 * MS);
    duo.world.reload(duo.node, &network(2));
    duo.world.run(20 * SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().summary().routes, 1);
}

#[test]
fn a_message_that_has_begun_to_leave_is_whole_although_the_next_connection_is_made() {
    let text = |lines: &str| {
        let text = many(0, 900).replace("route-map m1\n", "route-map m0\n");
        text.replacen("no bgp network", &format!("bgp listen\n{lines}\nno bgp network"), 1)
    };
    let mut duo = Duo::bare();
    duo.world.nature = Nature { send_room: 64, receive_room: 64, ..Nature::CALM };
    duo.world.boot(duo.node, big(), &text(""));
    duo.world.hosts[duo.node].ledger.lax = true;
    duo.world.run(100 * MS);
    let mut line = duo.dial();
    duo.world.establish(&mut line, &their_open());
    let heard = move |world: &World| world.tcps[line.tcp].ends[line.side].heard.len() > 100;
    duo.world.expect("the first octets of an UPDATE", 5 * SECOND, heard);
    duo.world.script_listens(duo.peer, None);
    duo.world.reload(duo.node, &text("timers bgp 2 6"));
    let Message::Update(update) = duo.world.hear_other(line, SECOND) else { panic!("no UPDATE") };
    assert!(update.announced.len() > 700, "{} routes", update.announced.len());
    let error = duo.world.hear_error(line, SECOND);
    assert_eq!((error.0, error.1), (6, 6));
    duo.world.hang_up(line);
    duo.session();
}

#[test]
fn a_link_that_goes_away_ends_the_session_of_a_link_local_neighbor() {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    let config = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fe80::2 remote-as 65010\n \
                  neighbor fe80::2 interface eth0\n";
    duo.world.boot(duo.node, usual(), config);
    duo.session();
    duo.world.hosts[duo.node].netlink.push_back(Fact::Link {
        link: LinkId(2),
        name: "eth0".to_owned(),
        up: false,
        gone: true,
    });
    duo.world.run(10 * MS);
    assert!(duo.state() < State::Established, "{}", duo.state());
}

#[test]
fn maximum_prefix_backs_off_longer_each_time() {
    let text = format!(
        "{}{STEER}",
        router("address-family ipv4 unicast\n neighbor 10.0.0.2 maximum-prefix 1\nexit-address-family")
    );
    let mut duo = Duo::with(&text);
    let mut ends = vec![];
    for _ in 0..4 {
        let mut line = duo.world.script_accepts(duo.peer, 70 * SECOND);
        ends.push(duo.world.now);
        duo.world.establish(&mut line, &their_open());
        for last in 1..=2 {
            let route = prefix(&format!("192.0.2.{last}/32"));
            duo.world.say(line, &announce(route, ip("10.0.0.2"), &[65_010], None));
        }
        assert_eq!(duo.world.hear_error(line, SECOND).0, 6);
        duo.world.hang_up(line);
    }
    let pauses: Vec<u64> = ends.windows(2).map(|pair| (pair[1] - pair[0]) / MS).collect();
    assert!(pauses[1] > pauses[0] * 5 / 4 && pauses[2] > pauses[1] * 5 / 4, "{pauses:?}");
}

#[test]
fn errors_that_come_with_each_update_are_told_once_in_a_session_and_then_counted() {
    let steer = "steer edge\n accept 192.0.2.0/24 le 32\n install kernel\nexit";
    let mut duo = Duo::dialling(steer);
    let line = duo.session();
    duo.world.run(11 * SECOND);
    for number in 0..150 {
        // LOCAL_PREF, which an external peer has no business to send.
        let route = prefix(&format!("192.0.2.{number}/32"));
        let whole = announce(route, ip("10.0.0.2"), &[65_010], None);
        duo.world.say(line, &with_attribute(&whole, &[0x40, 5, 4, 0, 0, 0, 100]));
    }
    duo.world.run(SECOND);
    duo.world.hang_up(line);
    duo.world.run(10 * MS);
    let told: Vec<u16> = duo
        .records()
        .filter_map(|record| match record {
            Record::MalformedUpdate { attribute: 5, withdrawn: false, .. } => Some(1),
            Record::MalformedOften { withdrawn: false, count, .. } => Some(*count),
            _ => None,
        })
        .collect();
    assert_eq!(told, [1, 10, 100, 150]);
}

/// An UPDATE with one attribute more.
fn with_attribute(update: &[u8], attribute: &[u8]) -> Vec<u8> {
    let mut octets = update.to_vec();
    let withdrawn = usize::from(u16::from_be_bytes([octets[19], octets[20]]));
    let at = 21 + withdrawn;
    let length = u16::from_be_bytes([octets[at], octets[at + 1]]) + u16::try_from(attribute.len()).unwrap();
    octets[at..at + 2].copy_from_slice(&length.to_be_bytes());
    octets.splice(at + 2..at + 2, attribute.iter().copied());
    let whole = u16::try_from(octets.len()).unwrap();
    octets[16..18].copy_from_slice(&whole.to_be_bytes());
    octets
}

#[test]
fn a_peer_that_goes_to_and_fro_across_its_maximum_is_told_of_once() {
    let text = format!(
        "{}{STEER}",
        router(
            "address-family ipv4 unicast\n neighbor 10.0.0.2 maximum-prefix 1 warning-only\nexit-address-family"
        )
    );
    let mut duo = Duo::with(&text);
    let line = duo.session();
    for _ in 0..20 {
        for last in 1..=2 {
            let route = prefix(&format!("192.0.2.{last}/32"));
            duo.world.say(line, &announce(route, ip("10.0.0.2"), &[65_010], None));
        }
        duo.world.say(line, &withdraw(prefix("192.0.2.1/32")));
        duo.world.run(10 * MS);
    }
    let over = duo.records().filter(|record| matches!(record, Record::MaximumPrefix { .. }));
    assert_eq!(over.count(), 1);
}

#[test]
fn the_default_timers_written_out_reset_nothing() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.reload(duo.node, &router("timers bgp 3 9"));
    duo.world.run(5 * SECOND);
    assert!(!duo.world.is_over(line));
    duo.world.reload(duo.node, &router("neighbor 10.0.0.2 timers 3 9"));
    duo.world.run(5 * SECOND);
    assert!(!duo.world.is_over(line));
}

#[test]
fn a_capability_that_is_taken_back_is_negotiated_anew() {
    let config = |lines: &str| {
        format!("router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fd00::2 remote-as 65010\n{lines}\n")
    };
    let mut duo = Duo::with(&config(""));
    let line = duo.session();
    duo.world.reload(duo.node, &config("no neighbor fd00::2 capability extended-nexthop"));
    let (code, subcode, _) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (6, 6));
}

#[test]
fn a_second_keepalive_is_heard() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.say(line, &[keepalive(), keepalive()].concat());
    duo.world.run(SECOND);
    assert_eq!(duo.state(), State::Established);
}

fn offer(number: u32, large: Option<[u32; 3]>) -> Vec<u8> {
    announce(prefix("192.0.2.10/32"), ip(&format!("10.0.0.{number}")), &[65_000 + number], large)
}

fn hops(world: &World, host: usize) -> Vec<String> {
    let installed = world.hosts[host].installed.get(&prefix("192.0.2.10/32"));
    installed.map_or(vec![], |route| route.next_hops.iter().map(|hop| hop.address.to_string()).collect())
}

#[test]
fn what_is_steered_goes_with_the_block_that_accepted_it() {
    let (mut world, host) = listening(&format!("{LISTENING}{RANGE}{STEER}"));
    let script = script_at(&mut world, 2);
    let line = session(&mut world, script, 2);
    let without =
        [String::new(), STEER.replace("install kernel", ""), STEER.replace("192.0.2.0/24", "10.0.0.0/8")];
    for steer in without {
        world.say(line, &offer(2, None));
        world.run(10 * MS);
        assert_eq!(hops(&world, host), ["10.0.0.2"]);
        world.reload(host, &format!("{LISTENING}{RANGE}{steer}"));
        world.run(SECOND);
        assert!(hops(&world, host).is_empty(), "{steer}");
        world.reload(host, &format!("{LISTENING}{RANGE}{STEER}"));
        world.run(SECOND);
        assert!(!world.is_over(line));
    }
}

#[test]
fn a_changed_preference_asks_the_peers_again() {
    let (mut world, host) = listening(&format!("{LISTENING}{RANGE}{STEER}"));
    let scripts = [script_at(&mut world, 2), script_at(&mut world, 3)];
    let lines = [session(&mut world, scripts[0], 2), session(&mut world, scripts[1], 3)];
    let said = [offer(2, Some([63_949, 1, 1])), offer(3, Some([63_949, 1, 2]))];
    for (line, offer) in lines.into_iter().zip(&said) {
        world.say(line, offer);
    }
    world.run(10 * MS);
    assert_eq!(hops(&world, host), ["10.0.0.2"]);
    for line in lines {
        while world.take(line).is_some() {}
    }
    world.reload(host, &format!("{LISTENING}{RANGE}{}", STEER.replace("63949:1:1", "63949:1:2")));
    for (line, offer) in lines.into_iter().zip(&said) {
        let asked = world.hear_other(line, SECOND);
        assert!(matches!(asked, Message::Refresh { subtype: 0, .. }), "{asked:?}");
        world.say(line, offer);
    }
    world.run(10 * MS);
    assert_eq!(hops(&world, host), ["10.0.0.3"]);
}
const WIDE: &str = "2001:db8:e001:1b8c::1";

fn ranged(lines: &str) -> String {
    router(&format!("address-family ipv6 unicast\n neighbor 10.0.0.2 activate\nexit-address-family\n{lines}"))
}

#[test]
fn an_address_in_a_wider_announcement_is_unbound_when_it_leaves_the_configuration() {
    let mut duo = Duo::with(&ranged(&format!("failover web\n address {WIDE}/128 announce /64\nexit\n")));
    duo.session();
    duo.world.run(2 * SECOND);
    assert!(duo.world.hosts[duo.node].holds(WIDE));
    duo.world.reload(duo.node, &ranged(""));
    duo.world.run(10 * SECOND);
    assert!(!duo.world.hosts[duo.node].holds(WIDE));
    assert_eq!(duo.world.hosts[duo.node].engine().summary().routes, 0);
}

#[test]
fn an_address_stays_while_the_announcement_around_it_becomes_wider_and_narrower() {
    let text = |wide: &str| ranged(&format!("failover web\n address {WIDE}/128{wide}\nexit\n"));
    let mut duo = Duo::with(&text(""));
    duo.session();
    duo.world.run(2 * SECOND);
    for wide in [" announce /64", " announce /56", "", " announce /64"] {
        assert!(duo.world.hosts[duo.node].holds(WIDE));
        duo.world.reload(duo.node, &text(wide));
        duo.world.never("the address is gone", 10 * SECOND, |world| !world.hosts[0].holds(WIDE));
        let (_, route) = duo.world.hosts[duo.node].engine().route(0).unwrap();
        assert!(route.announced, "{wide}");
        assert_eq!(duo.world.hosts[duo.node].engine().summary().routes, 1, "{wide}");
    }
    duo.world.command(duo.node, holdover_core::engine::Command::Stop);
    duo.world.run(10 * SECOND);
    assert!(!duo.world.hosts[duo.node].holds(WIDE), "what we bound is ours to remove");
}

#[test]
fn an_address_that_is_watched_again_is_found_where_it_is() {
    let watched = router("failover web\n address 192.0.2.10/32\n bind none\nexit\n");
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    duo.world.add_address(duo.node, LO, "192.0.2.10/32");
    duo.world.boot(duo.node, usual(), &watched);
    let line = duo.session();
    assert_eq!(duo.hear_update(line, 3 * SECOND).announced, [prefix("192.0.2.10/32")]);
    duo.world.reload(duo.node, &router(""));
    assert_eq!(duo.hear_update(line, 3 * SECOND).withdrawn, [prefix("192.0.2.10/32")]);
    duo.world.run(5 * SECOND);
    duo.world.reload(duo.node, &watched);
    assert_eq!(duo.hear_update(line, 3 * SECOND).announced, [prefix("192.0.2.10/32")]);
}

#[test]
fn a_peer_that_waits_for_room_among_the_attribute_sets_is_called_when_another_peer_makes_it() {
    use std::fmt::Write as _;
    let mut text = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as 65010\n \
                    neighbor 10.0.0.2 timers 0 0\n neighbor 10.0.0.3 remote-as 65010\n neighbor 10.0.0.3 timers 0 0\n"
        .to_owned();
    let routes = 1..=5;
    for last in routes.clone() {
        writeln!(text, " network 192.0.2.{last}/32 route-map m{last}").unwrap();
    }
    for last in routes {
        write!(text, "route-map m{last} permit 10\n set community 65000:{last}\n").unwrap();
    }
    let mut duo = Duo::bare();
    duo.world.nature = Nature { send_room: 19, ..Nature::CALM };
    let other = script_at(&mut duo.world, 3);
    for host in [duo.peer, other] {
        duo.world.script_listens(host, None);
    }
    for last in 1..=3 {
        duo.world.add_address(duo.node, LO, &format!("192.0.2.{last}/32"));
    }
    duo.world.boot(duo.node, sized::<2, 1, 32, 64, 2048>(), &text);
    let mut lines = [duo.accept(), duo.world.script_accepts(other, SECOND)];
    for (line, id) in lines.iter_mut().zip([2, 3]) {
        duo.world.establish(line, &Open::modern(65_010, 0, id));
    }
    duo.world.run(2 * SECOND);
    // The other peer is still busy with the first withdrawal when the second one is owed to it.
    duo.world.cut(other, true);
    for last in [2, 1] {
        duo.world.remove_address(duo.node, &format!("192.0.2.{last}"));
        duo.world.run(SECOND);
    }
    while duo.world.take(lines[0]).is_some() {}
    duo.world.cut(other, false);
    let update = duo.hear_update(lines[0], 5 * SECOND);
    assert_eq!(update.announced, [prefix("192.0.2.5/32")]);
}

#[test]
fn an_address_that_becomes_a_static_route_is_unbound() {
    let service = router("failover web\n address 192.0.2.10/32\nexit\n");
    let mut duo = Duo::with(&service);
    duo.session();
    duo.world.run(2 * SECOND);
    assert!(duo.world.hosts[duo.node].holds("192.0.2.10"));
    duo.world.reload(duo.node, &format!("ip route 192.0.2.10/32 Null0\n{}", router("redistribute static")));
    duo.world.run(5 * SECOND);
    assert!(!duo.world.hosts[duo.node].holds("192.0.2.10"));
}

#[test]
fn a_link_that_is_gone_takes_its_addresses_along_even_if_nobody_says_so() {
    let config = router("failover web\n address 192.0.2.10/32\n bind none\nexit\n");
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    let wire = duo.world.segment(100);
    let other = duo.world.plug(duo.node, wire, &["192.0.2.10/32"]);
    duo.world.boot(duo.node, usual(), &config);
    let line = duo.session();
    assert_eq!(duo.hear_update(line, 3 * SECOND).announced, [prefix("192.0.2.10/32")]);
    duo.world.hosts[duo.node].netlink.push_back(Fact::Link {
        link: other,
        name: "eth1".to_owned(),
        up: false,
        gone: true,
    });
    assert_eq!(duo.hear_update(line, SECOND).withdrawn, [prefix("192.0.2.10/32")]);
}
