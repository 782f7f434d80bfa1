//! The laws of the core (ARCHITECTURE.md), one by one, on an engine alone where a network is not needed.

use std::net::IpAddr;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::bgp::fsm::State;
use holdover_core::config::Config;
use holdover_core::engine::{
    AddressId, Bound, Command, CommandId, ConnId, Endpoint, Engine, HostTable, IoError, LinkId, ListenerId,
    Output, Past, PeerId, Phase, ProbeFailure, ProbeId, Record, RouteId, ServiceId, Slot, SocketId, Verdict,
    Wish,
};

use super::bytes::{Open, keepalive, message, notification};
use super::dice::Dice;
use super::duo::{Duo, THEIR_ID, THEIRS, router};
use super::fact::Fact;
use super::lab::{Lab, Plan};
use super::speaker::{Speaker, sized, usual};
use super::world::{MS, Nature, SECOND, World, ip};

/// An engine without a network, fed by hand.
struct Alone {
    speaker: Box<dyn Speaker>,
    now: u64,
}

impl Alone {
    fn new(speaker: Box<dyn Speaker>, config: &str) -> Self {
        let mut alone = Self { speaker, now: SECOND };
        alone.speaker.start(alone.at(), 1);
        alone.speaker.configure(alone.at(), config);
        alone.drain();
        alone
    }

    const fn at(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn feed(&mut self, fact: &Fact) -> Vec<String> {
        self.speaker.handle(Instant::from_micros(self.now), fact.input());
        self.drain()
    }

    fn drain(&mut self) -> Vec<String> {
        let mut orders = vec![];
        while let Some(output) = self.speaker.poll() {
            orders.push(format!("{output:?}"));
            assert!(orders.len() < 2_000, "a drain without end: {:?}", &orders[1_990..]);
        }
        orders
    }
}

const BUSY: &str = "router bgp 65000\n bgp router-id 10.0.0.1\n bgp listen\n neighbor 10.0.0.2 remote-as 65010\n \
    neighbor 10.0.0.3 remote-as external\n neighbor fd00::2 remote-as 65010\n \
    neighbor fd00::2 capability extended-nexthop\n address-family ipv4 unicast\n  network 198.51.100.0/24\n  \
    redistribute kernel\n  redistribute connected\n exit-address-family\nroute-map a permit 10\n \
    set large-community 63949:1:1\nfailover web\n address 192.0.2.10/32\n active route-map a\n \
    standby route-map a\n check one tcp 127.0.0.1:80 interval 100ms\nexit\nfailover other\n \
    address 192.0.2.11/32\n bind eth0\n active route-map a\nexit\nsteer edge\n accept 0.0.0.0/0 le 32\n \
    install kernel\nexit\n";

/// Any fact at all; names are small numbers, so that many are alive.
// table: one arm for each fact
fn any_fact(dice: &mut Dice) -> Fact {
    let small = |dice: &mut Dice, most: u64| u16::try_from(dice.range(0, most)).unwrap();
    let conn = ConnId {
        peer: PeerId(small(dice, 7)),
        slot: dice.pick(&[Slot::Outgoing, Slot::Incoming]),
        generation: u32::from(small(dice, 4)),
    };
    let why = dice.pick(&[IoError::None, IoError::Refused, IoError::Reset, IoError::Other]);
    let link = LinkId(u32::from(small(dice, 40)));
    let address = dice.pick(&[
        "192.0.2.10",
        "192.0.2.11",
        "198.51.100.7",
        "10.0.0.1",
        "10.0.0.2",
        "fd00::1",
        "fe80::1",
        "::",
        "0.0.0.0",
        "127.0.0.1",
    ]);
    let address: IpAddr = ip(address);
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = dice.pick(&[0, 24, 32, 33, 64, bits, 255]);
    let remote = Endpoint {
        address: dice.pick(&["10.0.0.2", "10.0.0.3", "fd00::2", "10.9.9.9"]).parse().unwrap(),
        port: small(dice, 200),
        link: None,
    };
    let local = Endpoint { address, port: 179, link: Some(link) };
    let probe = ProbeId { check: small(dice, 3), generation: small(dice, 3) };
    let verdict = dice.pick(&[Verdict::Pass, Verdict::Fail(ProbeFailure::Refused)]);
    let answer = dice.pick(&[Ok(()), Err(why)]);
    let prefix = Prefix::new(address, length.min(bits)).unwrap();
    let (present, ours) = (dice.chance(50), dice.chance(30));
    match dice.below(21) {
        0 | 1 => Fact::Tick,
        2 => {
            let service = ServiceId(small(dice, 5));
            let service = dice.pick(&[None, Some(service)]);
            let wish = any_wish(dice);
            let command = Command::Wish { service, wish, wait: dice.chance(20) };
            Fact::Command { id: CommandId(1), command }
        }
        3 | 4 => Fact::Connected { conn, local },
        5 => Fact::ConnectFailed { conn, why },
        6 | 7 => Fact::Accepted { socket: SocketId(7), listener: ListenerId(0), local, remote },
        8 => Fact::ListenDone { listener: ListenerId(u8::try_from(small(dice, 3)).unwrap()), result: answer },
        9 | 10 => Fact::Received { conn, bytes: any_octets(dice) },
        11 => Fact::Sent { conn, len: usize::from(small(dice, 300)) },
        12 => Fact::Flushed { conn },
        13 => Fact::Closed { conn, why },
        14 => {
            if dice.pick(&[0, 1]).eq(&0) {
                Fact::ProbeDone { probe, verdict, took: Duration::ZERO }
            } else {
                Fact::WatchChanged { probe, verdict }
            }
        }
        15 => {
            let name = dice.pick(&["eth0", "lo", "", "a-name-that-is-much-too-long-for-a-link"]).to_owned();
            Fact::Link { link, name, up: present, gone: ours }
        }
        16 => Fact::Address { link, address: InterfaceAddress { address, length }, present, ours },
        17 => {
            let id = AddressId { index: small(dice, 6), generation: small(dice, 3) };
            let id = dice.pick(&[id, id, AddressId::STRAY]);
            let result = dice.pick(&[Ok(Bound::Done), Ok(Bound::AlreadySo), Err(why)]);
            match dice.below(3) {
                0 => Fact::AddressDone { address: id, result },
                1 => Fact::KernelRoute { prefix, present },
                _ => {
                    let route = RouteId { index: u32::from(small(dice, 40)), generation: small(dice, 2) };
                    Fact::RouteDone { route, result: answer }
                }
            }
        }
        18 => Fact::Kept {
            name: dice.pick(&["web", "other", "nobody", ""]).to_owned(),
            past: dice.pick(&[Past::Clear, Past::Active, Past::GaveWay, Past::Unknown]),
        },
        19 => Fact::RouteLost {
            route: RouteId { index: u32::from(small(dice, 40)), generation: small(dice, 2) },
        },
        _ => Fact::Resync {
            what: dice.pick(&[HostTable::Links, HostTable::Addresses, HostTable::Routes]),
            phase: dice.pick(&[Phase::Begin, Phase::End]),
        },
    }
}

/// Any wish.
pub fn any_wish(dice: &mut Dice) -> Wish {
    dice.pick(&[Wish::None, Wish::Drain, Wish::Promote, Wish::Demote, Wish::Force])
}

fn any_octets(dice: &mut Dice) -> Vec<u8> {
    let mut octets = vec![];
    for _ in 0..=dice.below(3) {
        match dice.below(6) {
            0 => octets.extend(Open::modern(THEIRS, 9, THEIR_ID).message()),
            1 | 2 => octets.extend(keepalive()),
            3 => octets.extend(notification(6, 4, &[])),
            4 => {
                let body: Vec<u8> = (0..dice.below(60)).map(|_| dice.next().to_le_bytes()[0]).collect();
                octets.extend(message(dice.next().to_le_bytes()[0] % 6, &body));
            }
            _ => octets.extend((0..dice.below(4_200)).map(|_| dice.next().to_le_bytes()[0])),
        }
    }
    octets.truncate(4_096);
    octets
}

/// Laws 1, 6: any facts in any order, and every order of a live name answered or not: no panic, no endless drain.
#[test]
fn no_sequence_of_facts_makes_the_engine_panic_or_order_without_end() {
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let mut alone = Alone::new(usual(), BUSY);
        for _ in 0..400 {
            let fact = any_fact(&mut dice);
            alone.feed(&fact);
            let step = dice.pick(&[0, 1, MS, SECOND, 70 * SECOND]);
            alone.now += dice.range(0, step);
        }
        let start = alone.now;
        for _ in 0..50 {
            alone.now = alone.speaker.deadline().as_micros().clamp(alone.now, start + 100 * SECOND);
            alone.feed(&Fact::Tick);
        }
    }
}

/// Law 7.
#[test]
fn the_same_inputs_give_the_same_outputs() {
    for seed in 0..20 {
        let run = || {
            let mut dice = Dice::new(seed);
            let mut alone = Alone::new(usual(), BUSY);
            let mut orders = vec![];
            for _ in 0..300 {
                let fact = any_fact(&mut dice);
                orders.extend(alone.feed(&fact));
                alone.now += dice.range(0, SECOND);
            }
            orders
        };
        assert_eq!(run(), run());
    }
}

/// Law 6, the arrow of time.
#[test]
fn a_clock_that_stands_still_or_runs_backwards_is_survived() {
    let mut alone = Alone::new(usual(), BUSY);
    for now in [5 * SECOND, 5 * SECOND, SECOND, 0, 900 * SECOND, u64::MAX - 1] {
        alone.now = now;
        alone.feed(&Fact::Tick);
    }
}

/// Law 5.
#[test]
fn inputs_with_dead_names_are_counted_and_ignored() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    let node = duo.node;
    let conn = *duo.world.hosts[node].conns.keys().next().unwrap();
    let dead = ConnId { generation: conn.generation.wrapping_add(7), ..conn };
    let before = duo.world.hosts[node].engine().summary().stale_inputs;
    for fact in [
        Fact::Closed { conn: dead, why: IoError::Reset },
        Fact::Received { conn: dead, bytes: vec![0; 100] },
        Fact::Sent { conn: dead, len: 4 },
        Fact::Flushed { conn: dead },
        Fact::Closed { conn: ConnId { peer: PeerId(999), ..conn }, why: IoError::None },
    ] {
        duo.world.hosts[node].ready.push_back(fact);
    }
    duo.world.run(SECOND);
    assert_eq!(duo.world.hosts[node].engine().summary().stale_inputs - before, 5);
    assert_eq!(duo.state(), State::Established);
    assert!(!duo.world.is_over(line));
}

/// Law 3: an answer that never comes is the core's problem.
#[test]
fn a_close_that_the_peer_never_answers_is_aborted_by_the_cores_timer() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.tcps[line.tcp].ends[line.side].stalled = true;
    duo.world.say(line, &message(9, &[]));
    let node = duo.node;
    // The script keeps its side open and never reads; the engine must get rid of the connection all the same.
    duo.world.expect("the connection's end", 10 * SECOND, |world| {
        !world.hosts[node].conns.values().any(|&(tcp, _)| tcp == line.tcp)
    });
}

/// Law 3: a close leaves room for our last NOTIFICATION.
#[test]
fn the_last_notification_arrives_although_the_peer_keeps_talking() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    let mut octets = message(9, &[]);
    for _ in 0..200 {
        octets.extend(keepalive());
    }
    duo.world.say(line, &octets);
    assert_eq!(duo.world.hear_error(line, SECOND), (1, 3, vec![9]));
}

/// Law 4.
#[test]
fn after_a_pause_the_octets_in_the_socket_count_before_the_clock() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 1 3");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &super::duo::their_open());
    duo.expect_state(State::Established);
    for _ in 0..3 {
        duo.world.hosts[duo.node].paused = true;
        duo.world.run(20 * SECOND);
        duo.world.say(line, &keepalive());
        duo.world.run(SECOND);
        duo.world.hosts[duo.node].paused = false;
        duo.world.run(SECOND);
        assert_eq!(duo.state(), State::Established);
    }
    duo.world.run(3 * SECOND);
    assert_ne!(duo.state(), State::Established, "silence still counts");
}

/// Law 4, in a network where every turn is short and octets are many.
#[test]
fn a_peer_that_pours_in_routes_does_not_starve_the_timers() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 1 3\nneighbor 10.0.0.3 remote-as 65010");
    duo.world.nature = Nature { receive_room: 65_536, send_room: 65_536, ..Nature::CALM };
    let line = duo.session();
    let update =
        super::bytes::announce(super::world::prefix("203.0.113.0/24"), ip("10.0.0.2"), &[THEIRS], None);
    let many: Vec<u8> = std::iter::repeat_n(update, 900).flatten().collect();
    while duo.world.take(line).is_some() {}
    for _ in 0..60 {
        duo.world.say(line, &many);
        duo.world.run(50 * MS);
    }
    assert_eq!(duo.state(), State::Established);
    let mut kept_alive = 0;
    while duo.world.take(line).is_some() {
        kept_alive += 1;
    }
    assert!(kept_alive >= 3, "{kept_alive} keepalives in three seconds");
}

/// Law 8.
#[test]
fn the_sizes_are_what_the_appliances_need() {
    let (small, smaller) = (size_of::<Engine<4, 8>>(), size_of::<Engine<2, 4>>());
    println!("Engine<4, 8> {small} octets, Engine<2, 4> {smaller} octets");
    println!(
        "Engine<64, 256, 16384, 4096, 65535> {} octets",
        size_of::<Engine<64, 256, 16_384, 4_096, 65_535>>()
    );
    assert!(small <= 56 << 10, "Engine<4, 8> has {small} octets");
    assert!(smaller <= 29 << 10, "Engine<2, 4> has {smaller} octets");
    assert!(size_of::<Config<4, 8>>() <= 8 << 10);
    assert!(size_of::<Config<64, 256, 16_384, 4_096, 65_535>>() <= 1 << 20);
}

/// Law 9: with what `const` evaluation can see of it; the lint looks at the binary.
#[test]
fn an_engine_is_made_in_a_constant() {
    static ENGINE: std::sync::Mutex<Engine<2, 4>> = std::sync::Mutex::new(Engine::new());
    assert!(ENGINE.lock().unwrap().poll().is_none());
}

/// Law 8: "full" is a record, and what did not fit is ignored whole.
#[test]
fn a_full_table_of_routes_is_said_and_the_rest_works() {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let node = world.host("node");
    let peer = world.host("peer");
    world.plug(node, wire, &["10.0.0.1/24"]);
    world.plug(peer, wire, &["10.0.0.2/24"]);
    world.script_listens(peer, None);
    for number in 1..=20 {
        world.set_kernel_route(node, &format!("203.0.113.{number}/32"), true);
    }
    let config =
        format!("{}address-family ipv4 unicast\n redistribute kernel\nexit-address-family\n", router(""));
    world.hosts[node].ledger.lax = true;
    world.boot(node, sized::<2, 2, 8, 16, 1024>(), &config);
    world.hosts[node].ledger.lax = true;
    let mut line = world.script_accepts(peer, SECOND);
    world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    world.keep_alive(line, SECOND);
    world.run(5 * SECOND);
    let mut told = 0;
    while let Some(said) = world.take(line) {
        if let super::bytes::Message::Update(update) = said {
            told += update.announced.len();
        }
    }
    assert_eq!(told, 8);
    let full = |(_, record): &(u64, Record)| matches!(record, Record::Full { .. });
    assert!(world.hosts[node].records.iter().any(full));
}

/// Law 8: dynamic peers beyond the capacity are refused, and a place that is free again is used again.
#[test]
fn a_full_table_of_peers_refuses_and_recovers() {
    let mut world = World::new(1);
    let wire = world.segment(100);
    let node = world.host("node");
    world.plug(node, wire, &["10.0.0.1/24"]);
    let config = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor ANY peer-group\n neighbor ANY remote-as external\n \
                  bgp listen range 10.0.0.0/24 peer-group ANY\n";
    world.boot(node, sized::<2, 2, 8, 16, 1024>(), config);
    world.run(100 * MS);
    let mut lines = vec![];
    for number in 2..=4_u32 {
        let host = world.host(&format!("peer{number}"));
        world.plug(host, wire, &[&format!("10.0.0.{number}/24")]);
        let mut line = world.script_dials(host, "10.0.0.1", None).unwrap();
        world.run(10 * MS);
        if !world.is_over(line) {
            world.establish(&mut line, &Open::modern(65_000 + number, 9, number));
            world.keep_alive(line, SECOND);
        }
        lines.push((host, line));
    }
    assert!(!world.is_over(lines[0].1) && !world.is_over(lines[1].1));
    assert!(world.is_over(lines[2].1), "the third of two is refused");
    world.hang_up(lines[0].1);
    world.run(10 * SECOND);
    let (host, _) = lines[2];
    let mut line = world.script_dials(host, "10.0.0.1", None).unwrap();
    world.establish(&mut line, &Open::modern(65_004, 9, 4));
    world.run(100 * MS);
    assert!(!world.is_over(line));
}

/// Law 10.
#[test]
fn more_than_an_open_on_the_spare_connection_is_a_cease_on_that_connection_alone() {
    let mut duo = Duo::dialling("bgp listen");
    let out = duo.accept();
    duo.world.say(out, &super::duo::their_open().message());
    duo.world.run(10 * MS);
    let inn = duo.dial();
    // A message of a length that no spare buffer holds.
    let mut octets = message(1, &[0; 900]);
    octets[19] = 4;
    duo.world.say(inn, &octets);
    let (code, _, _) = duo.world.hear_error(inn, SECOND);
    assert_eq!(code, 6, "a Cease");
    duo.world.say(out, &keepalive());
    duo.expect_state(State::Established);
}

/// Law 10: the session's connection has room for the longest message, however it is cut.
#[test]
fn a_message_of_the_greatest_length_is_read_however_it_is_cut() {
    // 19 octets of header, 4 of lengths, and withdrawals of 5 octets each up to 4,093; a last one of 3 for the rest.
    let mut withdrawn = vec![];
    for number in 0..814_u32 {
        withdrawn.push(32);
        withdrawn.extend((0xCB00_0000 + number).to_be_bytes());
    }
    withdrawn.extend([16, 203, 1]);
    let update = super::bytes::raw_update(&withdrawn, &[], &[]);
    assert_eq!(update.len(), 4_096);
    for dialled in [true, false] {
        let mut duo = if dialled { Duo::dialling("bgp listen") } else { Duo::waiting("") };
        duo.world.nature = Nature { receive_room: 65_536, send_room: 65_536, ..Nature::CALM };
        let mut line = if dialled { duo.accept() } else { duo.dial() };
        duo.world.establish(&mut line, &super::duo::their_open());
        duo.expect_state(State::Established);
        for cut in [1, 18, 19, 511, 512, 513, 3_583, 3_584, 3_585, 4_095, 4_096] {
            duo.world.say(line, &update[..cut]);
            duo.world.run(MS);
            duo.world.say(line, &update[cut..]);
            duo.world.say(line, &keepalive());
            duo.world.run(MS);
            assert!(!duo.world.is_over(line), "cut at {cut}, dialled: {dialled}");
        }
        assert_eq!(duo.state(), State::Established);
    }
}

/// Law 2, in numbers: a hundred flaps behind a wire that takes nothing are at most one difference.
#[test]
fn what_is_owed_twice_is_owed_once() {
    let mut lab = Lab::up(&Plan::default());
    let node = lab.nodes[0];
    let before = lab.world.hosts[node].tap.log.len();
    lab.world.cut(node, true);
    for _ in 0..50 {
        lab.world.remove_address(node, super::lab::SHARED);
        lab.world.run(10 * MS);
    }
    let sent = lab.world.hosts[node].tap.log.len() - before;
    assert!(sent < 30, "{sent} messages for fifty flaps");
}

/// Every output is `Debug` without its secrets.
#[test]
fn a_password_is_never_printed() {
    let config = router("neighbor 10.0.0.2 password verysecret\nbgp listen");
    let mut alone = Alone::new(usual(), &config);
    let mut printed = String::new();
    for fact in [
        Fact::Resync { what: HostTable::Links, phase: Phase::Begin },
        Fact::Link { link: LinkId(2), name: "eth0".to_owned(), up: true, gone: false },
        Fact::Resync { what: HostTable::Links, phase: Phase::End },
        Fact::Resync { what: HostTable::Addresses, phase: Phase::Begin },
        Fact::Address {
            link: LinkId(2),
            address: InterfaceAddress { address: ip("10.0.0.1"), length: 24 },
            present: true,
            ours: false,
        },
        Fact::Resync { what: HostTable::Addresses, phase: Phase::End },
        Fact::ListenDone { listener: ListenerId(0), result: Ok(()) },
        Fact::Tick,
    ] {
        printed.push_str(&alone.feed(&fact).join("\n"));
    }
    assert!(printed.contains("Connect"), "{printed}");
    assert!(!printed.contains("verysecret"));
    let _ = Output::Record(Record::Stopped);
}
