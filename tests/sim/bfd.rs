//! BFD between two engines: how soon a loss is noticed, what it means to BGP, and what it must never mean.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::record::EndCause;
use holdover_core::engine::view::{BfdStanding, BfdView, Hint, PeerView};
use holdover_core::engine::{BfdId, Command, IoError, Record};
use holdover_core::wire::bfd::{self, Diagnostic, Packet};

use super::lab::Lab;
use super::speaker::usual;
use super::world::{MS, Nature, SECOND, World, ip};

const FAST: &str = "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n";

/// Two engines on a wire: `a` dials `b`, both with BFD.
struct Pair {
    world: World,
    a: usize,
    b: usize,
}

fn config(own: u8, other: u8, profile: &str, lines: &str) -> String {
    let passive = if own == 2 { " neighbor 10.0.0.1 passive\n" } else { "" };
    format!(
        "{profile}router bgp 6500{own}\n bgp router-id 10.0.0.{own}\n neighbor 10.0.0.{other} remote-as 6500{other}\n\
         {passive}{lines}\n"
    )
}

impl Pair {
    fn with(nature: Nature, profile: &str, lines: [&str; 2]) -> Self {
        let mut world = World::with(11, nature);
        let wire = world.segment(100);
        let (a, b) = (world.host("a"), world.host("b"));
        world.plug(a, wire, &["10.0.0.1/24"]);
        world.plug(b, wire, &["10.0.0.2/24"]);
        world.boot(a, usual(), &config(1, 2, profile, lines[0]));
        world.boot(b, usual(), &config(2, 1, profile, lines[1]));
        Self { world, a, b }
    }

    /// Both with `bfd profile fast`, up and at the agreed pace.
    fn fast() -> Self {
        Self::fast_in(Nature::CALM)
    }

    fn fast_in(nature: Nature) -> Self {
        let lines = ["neighbor 10.0.0.2 bfd profile fast", "neighbor 10.0.0.1 bfd profile fast"];
        let mut pair = Self::with(nature, FAST, lines);
        pair.expect_up();
        pair.world.run(2 * SECOND);
        pair
    }

    #[track_caller]
    fn expect_up(&mut self) {
        let hosts = [self.a, self.b];
        self.world.expect("BGP and BFD up", 10 * SECOND, |world| {
            hosts.iter().all(|&host| {
                state(world, host) == State::Established && bfd_state(world, host) == bfd::State::Up
            })
        });
    }

    fn records(&self, host: usize) -> impl Iterator<Item = Record> {
        self.world.hosts[host].records.iter().map(|&(_, record)| record)
    }

    fn ends(&self, host: usize) -> Vec<EndCause> {
        let ends = self.records(host).filter_map(|record| match record {
            Record::SessionDown { why, .. } => Some(why),
            _ => None,
        });
        ends.collect()
    }

    fn downs(&self, host: usize) -> usize {
        self.records(host).filter(|record| matches!(record, Record::BfdDown { .. })).count()
    }

    fn sent(&self, host: usize) -> &[(u64, BfdId, Packet)] {
        &self.world.hosts[host].ledger.bfd_sent
    }

    fn reload(&mut self, host: usize, profile: &str, lines: &str) {
        let (own, other) = if host == self.a { (1, 2) } else { (2, 1) };
        self.world.reload(host, &config(own, other, profile, lines));
    }

    fn command(&mut self, host: usize, command: Command) {
        self.world.command(host, command);
    }
}

/// The only neighbor, wherever the engine keeps it.
fn peer(world: &World, host: usize) -> Option<PeerView<'_>> {
    let engine = world.hosts[host].engine();
    (0..6).find_map(|index| engine.peer(index))
}

fn state(world: &World, host: usize) -> State {
    peer(world, host).map_or(State::Idle, |peer| peer.state)
}

fn view(world: &World, host: usize) -> BfdView {
    peer(world, host).and_then(|peer| peer.bfd).expect("a BFD session")
}

fn bfd_state(world: &World, host: usize) -> bfd::State {
    let bfd = peer(world, host).and_then(|peer| peer.bfd);
    bfd.map_or(bfd::State::AdminDown, |view| view.state)
}

#[test]
fn rfc5882_a_silent_cut_ends_bgp_within_the_detection_time_and_mending_it_brings_it_back() {
    let mut pair = Pair::fast();
    assert_eq!(view(&pair.world, pair.a).detection_time.as_millis(), 150);
    pair.world.cut(pair.b, true);
    let (a, b) = (pair.a, pair.b);
    pair.world.expect("both ends notice", 151 * MS, |world| {
        [a, b].iter().all(|&host| state(world, host) < State::Established)
    });
    for host in [a, b] {
        assert_eq!(pair.ends(host), [EndCause::BfdDown]);
        let told = |record| matches!(record, Record::BfdDown { why: Diagnostic::DetectionTimeExpired, .. });
        assert!(pair.records(host).any(told));
    }
    pair.world.run(3 * SECOND);
    pair.world.cut(b, false);
    let mended = pair.world.now;
    pair.expect_up();
    assert!(pair.world.now - mended < 1_200 * MS, "back only after {} ms", (pair.world.now - mended) / MS);
}

#[test]
fn rfc9384_the_cease_says_why_when_only_one_direction_is_lost() {
    let mut pair = Pair::fast();
    // What `b` sends is lost: `a` notices, and its Cease still arrives.
    pair.world.hosts[pair.b].nics[1].mute = true;
    pair.world.run(300 * MS);
    assert_eq!(pair.ends(pair.a), [EndCause::BfdDown]);
    let why = pair.ends(pair.b);
    assert!(matches!(why[..], [EndCause::BfdDown | EndCause::NotificationReceived(6, 10)]), "{why:?}");
    let heard = |record| {
        matches!(
            record,
            Record::BfdDown {
                why: Diagnostic::NeighborSignaledDown,
                said: Diagnostic::DetectionTimeExpired,
                ..
            }
        )
    };
    assert!(pair.records(pair.b).any(heard));
}

#[test]
fn jitter_and_delays_within_bounds_never_bring_it_down() {
    for seed in 0..5 {
        let nature = Nature { jitter: 60 * MS, turn: 5 * MS, ..Nature::CALM };
        let mut pair = Pair::fast_in(nature);
        pair.world.dice = super::dice::Dice::new(seed);
        pair.world.run(300 * SECOND);
        assert_eq!((pair.downs(pair.a), pair.downs(pair.b)), (0, 0));
        assert!(pair.ends(pair.a).is_empty());
    }
}

#[test]
fn losses_that_the_multiplier_allows_never_bring_it_down() {
    let profile =
        "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 12\n";
    let lines = ["neighbor 10.0.0.2 bfd profile fast", "neighbor 10.0.0.1 bfd profile fast"];
    let nature = Nature { datagram_loss: 20, ..Nature::CALM };
    let mut pair = Pair::with(nature, profile, lines);
    pair.expect_up();
    pair.world.run(300 * SECOND);
    assert_eq!((pair.downs(pair.a), pair.downs(pair.b)), (0, 0));
}

#[test]
fn law_4_a_pause_shorter_than_the_neighbors_patience_is_forgiven() {
    let profile =
        "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 40\n";
    // `b` has patience for 2 s of `a`'s silence, and `a` only for 150 ms of `b`'s.
    let mut pair = Pair::with(
        Nature::CALM,
        profile,
        ["neighbor 10.0.0.2 bfd profile fast", "neighbor 10.0.0.1 bfd profile fast"],
    );
    pair.expect_up();
    let impatient = profile.replace("40", "3");
    pair.reload(pair.b, &impatient, "neighbor 10.0.0.1 bfd profile fast");
    pair.world.run(3 * SECOND);
    assert_eq!(view(&pair.world, pair.a).detection_time.as_millis(), 150);
    pair.world.hosts[pair.a].paused = true;
    pair.world.run(1_500 * MS);
    pair.world.hosts[pair.a].paused = false;
    pair.world.run(3 * SECOND);
    // What waited in the socket counted before the clock did.
    assert_eq!((pair.downs(pair.a), pair.downs(pair.b)), (0, 0));
}

#[test]
fn a_stop_says_cease_first_and_admin_down_after_it() {
    let mut pair = Pair::fast();
    let before = pair.sent(pair.a).len();
    pair.command(pair.a, Command::Stop);
    pair.world.run(5 * SECOND);
    assert!(!pair.world.hosts[pair.a].running);
    // The ledger has seen that no connection was left when the first of these went out.
    let said: Vec<_> = pair.sent(pair.a)[before..].iter().map(|(_, _, packet)| packet.state).collect();
    assert!(said.contains(&bfd::State::AdminDown), "{said:?}");
    assert_eq!(pair.ends(pair.b), [EndCause::NotificationReceived(6, 2)]);
    let off = |record| matches!(record, Record::BfdDown { remote: bfd::State::AdminDown, .. });
    assert!(pair.records(pair.b).any(off));
}

#[test]
fn a_stop_into_silence_is_not_delayed_by_bfd() {
    let mut pair = Pair::fast();
    pair.world.cut(pair.b, true);
    pair.world.run(300 * MS);
    pair.command(pair.a, Command::Stop);
    let asked = pair.world.now;
    let a = pair.a;
    pair.world.expect("it stops", 5 * SECOND, |world| !world.hosts[a].running);
    assert!(pair.world.now - asked < 2_200 * MS);
}

/// `a` with BFD and a script in the place of `b`'s, which has BGP only: up.
fn scripted() -> (Pair, Packet) {
    let mut pair = Pair::with(Nature::CALM, FAST, ["neighbor 10.0.0.2 bfd profile fast", ""]);
    let a = pair.a;
    pair.world.expect("BGP", 5 * SECOND, |world| state(world, a) == State::Established);
    let mut packet = Packet {
        state: bfd::State::Init,
        multiplier: 3,
        my_discriminator: 9,
        your_discriminator: view(&pair.world, a).local_discriminator,
        desired_min_tx_micros: 50_000,
        required_min_rx_micros: 50_000,
        ..Packet::default()
    };
    for state in [bfd::State::Init, bfd::State::Up, bfd::State::Up] {
        packet.state = state;
        pair.world.inject(a, 255, &packet.write());
        pair.world.run(10 * MS);
    }
    assert_eq!(bfd_state(&pair.world, a), bfd::State::Up);
    (pair, packet)
}

#[test]
fn rfc5882_a_neighbor_that_switches_bfd_off_keeps_its_bgp_session() {
    let (mut pair, up) = scripted();
    pair.world.inject(pair.a, 255, &Packet { state: bfd::State::AdminDown, ..up }.write());
    pair.world.run(5 * SECOND);
    assert_eq!((pair.downs(pair.a), bfd_state(&pair.world, pair.a)), (1, bfd::State::Down));
    assert!(pair.ends(pair.a).is_empty() && state(&pair.world, pair.a) == State::Established);
}

#[test]
fn rfc5882_a_neighbor_that_says_down_ends_the_bgp_session() {
    let (mut pair, up) = scripted();
    pair.world.inject(pair.a, 255, &Packet { state: bfd::State::Down, ..up }.write());
    pair.world.run(MS);
    assert_eq!(pair.ends(pair.a), [EndCause::BfdDown]);
    let cease =
        |record| matches!(record, Record::SessionDown { why: EndCause::NotificationReceived(6, 10), .. });
    assert!(pair.records(pair.b).any(cease));
}

#[test]
fn bfd_that_never_came_up_tears_nothing_down() {
    let mut pair = Pair::with(Nature::CALM, FAST, ["neighbor 10.0.0.2 bfd profile fast", ""]);
    pair.world.run(60 * SECOND);
    assert_eq!(state(&pair.world, pair.a), State::Established);
    assert!(pair.ends(pair.a).is_empty());
    assert_eq!(view(&pair.world, pair.a).state, bfd::State::Down);
    // RFC 5880 section 6.8.3: it asks once a second at most.
    assert!(pair.sent(pair.a).len() <= 81);
}

#[test]
fn a_neighbor_that_forgets_bfd_with_its_bgp_session_does_not_cost_the_next_one() {
    let mut pair = Pair::fast();
    // The neighbor restarts: its BFD is gone with its daemon, and ours is up until the detection time is over.
    pair.world.end_daemon(pair.b);
    pair.world.start_daemon(pair.b);
    pair.expect_up();
    pair.world.run(5 * SECOND);
    assert_eq!(pair.ends(pair.a).len(), 1, "{:?}", pair.ends(pair.a));
    assert_eq!(state(&pair.world, pair.a), State::Established);
}

#[test]
fn strict_waits_for_bfd_before_bgp_and_says_so() {
    let strict = ["neighbor 10.0.0.2 bfd profile fast\n neighbor 10.0.0.2 bfd strict", ""];
    let mut pair = Pair::with(Nature::CALM, FAST, strict);
    pair.world.run(10 * SECOND);
    assert!(state(&pair.world, pair.a) < State::OpenSent);
    assert_eq!(peer(&pair.world, pair.a).unwrap().hint, Hint::WaitsForBfd);
    assert!(pair.world.hosts[pair.a].ledger.dials_ever.is_empty());
    pair.reload(pair.b, FAST, "neighbor 10.0.0.1 bfd profile fast");
    pair.expect_up();
    assert_eq!(peer(&pair.world, pair.a).unwrap().hint, Hint::None);
}

#[test]
fn strict_accepts_nobody_before_bfd_is_up() {
    let strict = ["", "neighbor 10.0.0.1 bfd profile fast\n neighbor 10.0.0.1 bfd strict"];
    let mut pair = Pair::with(Nature::CALM, FAST, strict);
    pair.world.run(10 * SECOND);
    assert!(state(&pair.world, pair.b) < State::OpenSent);
    pair.reload(pair.a, FAST, "neighbor 10.0.0.2 bfd profile fast");
    pair.expect_up();
}

#[test]
fn strict_lets_a_neighbor_in_that_says_admin_down() {
    let strict = ["neighbor 10.0.0.2 bfd profile fast\n neighbor 10.0.0.2 bfd strict", ""];
    let mut pair = Pair::with(Nature::CALM, FAST, strict);
    pair.world.run(3 * SECOND);
    let off = Packet {
        state: bfd::State::AdminDown,
        multiplier: 3,
        my_discriminator: 9,
        desired_min_tx_micros: 1_000_000,
        required_min_rx_micros: 1_000_000,
        ..Packet::default()
    };
    pair.world.inject(pair.a, 255, &off.write());
    let a = pair.a;
    pair.world.expect("BGP", SECOND, |world| state(world, a) == State::Established);
    // That it is silent from now on is no news.
    pair.world.run(20 * SECOND);
    assert!(pair.ends(pair.a).is_empty());
}

#[test]
fn strict_ends_a_connection_in_the_making_when_bfd_goes_down() {
    let strict = [
        "neighbor 10.0.0.2 bfd profile fast\n neighbor 10.0.0.2 bfd strict",
        "neighbor 10.0.0.1 bfd profile fast",
    ];
    let mut pair = Pair::with(Nature::CALM, FAST, strict);
    let a = pair.a;
    pair.world.expect("an OPEN on its way", 5 * SECOND, |world| state(world, a) == State::OpenSent);
    pair.world.cut(pair.b, true);
    pair.world.run(4 * SECOND);
    assert!(state(&pair.world, a) < State::OpenSent);
    assert_eq!(peer(&pair.world, a).unwrap().last_end, Some(EndCause::BfdDown));
    pair.world.cut(pair.b, false);
    pair.expect_up();
}

#[test]
fn without_strict_bfd_that_is_down_does_not_keep_bgp_from_coming_up() {
    let mut pair = Pair::fast();
    pair.world.hosts[pair.a].datagram_error = Some(IoError::Denied);
    pair.world.end_daemon(pair.a);
    pair.world.start_daemon(pair.a);
    let a = pair.a;
    pair.world.expect("BGP alone", 5 * SECOND, |world| state(world, a) == State::Established);
    assert_eq!(view(&pair.world, a).standing, BfdStanding::Failed);
    assert_eq!(pair.records(a).filter(|record| matches!(record, Record::BfdFailed { .. })).count(), 1);
    pair.world.run(20 * SECOND);
    // It is tried again by itself.
    pair.world.hosts[a].datagram_error = None;
    pair.world.run(20 * SECOND);
    pair.expect_up();
    assert_eq!(pair.records(a).filter(|record| matches!(record, Record::BfdFailed { .. })).count(), 1);
}

#[test]
fn taking_bfd_off_a_live_neighbor_is_silence_and_not_admin_down() {
    let mut pair = Pair::fast();
    pair.reload(pair.a, FAST, "");
    pair.world.run(100 * MS);
    let count = pair.sent(pair.a).len();
    assert!(pair.records(pair.a).any(|record| matches!(record, Record::BfdRemoved { .. })));
    assert!(pair.sent(pair.a).iter().all(|(_, _, packet)| packet.state != bfd::State::AdminDown));
    assert!(pair.world.hosts[pair.a].datagram_sockets.is_empty());
    pair.world.run(5 * SECOND);
    assert_eq!(pair.sent(pair.a).len(), count);
    // This neighbor drops the session, as was said; then it comes back without BFD.
    assert_eq!(pair.ends(pair.b), [EndCause::BfdDown]);
    assert_eq!(state(&pair.world, pair.a), State::Established);
}

#[test]
fn putting_bfd_on_a_live_neighbor_leaves_the_session_alone() {
    let mut pair = Pair::with(Nature::CALM, FAST, ["", ""]);
    let a = pair.a;
    pair.world.expect("BGP", 5 * SECOND, |world| state(world, a) == State::Established);
    pair.reload(pair.a, FAST, "neighbor 10.0.0.2 bfd profile fast");
    pair.world.run(2 * SECOND);
    pair.reload(pair.b, FAST, "neighbor 10.0.0.1 bfd profile fast");
    pair.expect_up();
    pair.world.run(3 * SECOND);
    assert!(pair.ends(pair.a).is_empty() && pair.ends(pair.b).is_empty());
    pair.world.cut(pair.b, true);
    pair.world.run(151 * MS);
    assert_eq!(pair.ends(pair.a), [EndCause::BfdDown]);
}

#[test]
fn rfc5880_6_8_3_other_timers_are_agreed_on_a_live_session() {
    let mut pair = Pair::fast();
    let slow = FAST.replace("50", "400");
    for (profile, millis) in [(&slow[..], 400), (FAST, 50)] {
        for host in [pair.a, pair.b] {
            let (own, other) = if host == pair.a { (1, 2) } else { (2, 1) };
            pair.world.reload(
                host,
                &config(own, other, profile, &format!("neighbor 10.0.0.{other} bfd profile fast")),
            );
            pair.world.run(3 * SECOND);
        }
        for host in [pair.a, pair.b] {
            let view = view(&pair.world, host);
            assert_eq!((view.interval.as_millis(), view.detection_time.as_millis()), (millis, 3 * millis));
        }
    }
    assert!(pair.downs(pair.a) + pair.downs(pair.b) == 0 && pair.ends(pair.a).is_empty());
    assert!(pair.sent(pair.a).iter().any(|(_, _, packet)| packet.poll));
}

#[test]
fn a_removed_neighbor_is_told_admin_down_once_its_session_is_over() {
    let mut pair = Pair::fast();
    pair.world.reload(pair.a, "router bgp 65001\n bgp router-id 10.0.0.1\n");
    pair.world.run(10 * SECOND);
    let last = pair.sent(pair.a).last().unwrap().2;
    assert_eq!(last.state, bfd::State::AdminDown);
    assert!(pair.world.hosts[pair.a].datagram_sockets.is_empty());
    assert_eq!(pair.ends(pair.b), [EndCause::NotificationReceived(6, 3)]);
}

#[test]
fn a_neighbor_that_is_put_back_at_once_gets_bfd_again() {
    let mut pair = Pair::fast();
    let with = config(1, 2, FAST, "neighbor 10.0.0.2 bfd profile fast");
    for gap in [0, 5 * MS, 500 * MS, 2 * SECOND, 4 * SECOND] {
        pair.world.reload(pair.a, "router bgp 65001\n bgp router-id 10.0.0.1\n");
        pair.world.run(gap + 20);
        pair.world.reload(pair.a, &with);
        pair.expect_up();
        assert_eq!(pair.world.hosts[pair.a].datagram_sockets.len(), 1);
        let (downs, ends) = (pair.downs(pair.a), pair.ends(pair.a));
        pair.world.run(5 * SECOND);
        assert_eq!((pair.downs(pair.a), pair.ends(pair.a)), (downs, ends));
    }
}

#[test]
fn discriminators_differ_at_each_start() {
    let mut pair = Pair::fast();
    let mut seen = vec![view(&pair.world, pair.a).local_discriminator];
    for _ in 0..5 {
        pair.world.end_daemon(pair.a);
        pair.world.start_daemon(pair.a);
        pair.expect_up();
        seen.push(view(&pair.world, pair.a).local_discriminator);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[test]
fn rfc5881_5_a_packet_that_crossed_a_router_is_not_believed_and_strangers_are_counted() {
    let mut pair = Pair::fast();
    let session = view(&pair.world, pair.a);
    let down = Packet {
        state: bfd::State::Down,
        multiplier: 3,
        my_discriminator: 77,
        your_discriminator: session.local_discriminator,
        desired_min_tx_micros: 1_000_000,
        required_min_rx_micros: 1_000_000,
        ..Packet::default()
    };
    pair.world.inject(pair.a, 254, &down.write());
    let mut broken = down.write();
    broken[2] = 0;
    pair.world.inject(pair.a, 255, &broken);
    let stranger = Packet { your_discriminator: session.local_discriminator ^ 1, ..down };
    pair.world.inject(pair.a, 255, &stranger.write());
    pair.world.run(SECOND);
    assert_eq!(pair.downs(pair.a), 0);
    let summary = pair.world.hosts[pair.a].engine().summary();
    assert_eq!((summary.bfd_refused, summary.bfd_unknown), (2, 1));
}

#[test]
fn rfc5880_6_1_of_two_one_must_begin() {
    let lines = |other: u8, more: &str| format!("neighbor 10.0.0.{other} bfd profile fast\n{more}");
    let passive = "bfd\n profile fast\n  passive-mode";
    let mut pair = Pair::with(Nature::CALM, FAST, [&lines(2, ""), &lines(1, passive)]);
    pair.expect_up();
    let mut pair = Pair::with(Nature::CALM, FAST, [&lines(2, passive), &lines(1, passive)]);
    pair.world.run(10 * SECOND);
    for host in [pair.a, pair.b] {
        assert_eq!(bfd_state(&pair.world, host), bfd::State::Down);
        assert_eq!(state(&pair.world, host), State::Established);
    }
}

/// Two engines with a router between them, and BFD.
fn routed(lines: &str) -> (World, usize, usize) {
    let mut world = World::new(3);
    let (near, far) = (world.segment(100), world.segment(100));
    world.join(near, far);
    let (a, b) = (world.host("a"), world.host("b"));
    world.plug(a, near, &["10.0.1.1/24"]);
    world.plug(b, far, &["10.0.2.1/24"]);
    for (host, own, other, more) in [(a, 1, 2, ""), (b, 2, 1, " neighbor 10.0.1.1 passive\n")] {
        world.hosts[host].has_gateway = true;
        let text = format!(
            "{FAST}router bgp 6500{own}\n bgp router-id 10.0.{own}.1\n neighbor 10.0.{other}.1 remote-as 6500{other}\n\
             {more} neighbor 10.0.{other}.1 bfd profile fast\n"
        );
        let lines = lines.replace("NEIGHBOR", &format!(" neighbor 10.0.{other}.1"));
        world.boot(host, usual(), &format!("{text}{lines}"));
    }
    (world, a, b)
}

#[test]
fn rfc5883_beyond_a_router_it_is_multihop_with_the_ttl_that_is_asked_for() {
    for (lines, min_ttl) in [
        ("", 254 - 4),
        ("NEIGHBOR ttl-security hops 2\n", 254),
        ("bfd\n profile fast\n  minimum-ttl 253\n", 253),
    ] {
        let (mut world, a, b) = routed(lines);
        world.expect("multihop", 10 * SECOND, |world| {
            [a, b].iter().all(|&host| {
                bfd_state(world, host) == bfd::State::Up && state(world, host) == State::Established
            })
        });
        let session = view(&world, a);
        assert_eq!(session.kind, holdover_core::bfd::BfdKind::Multihop);
        assert_eq!((session.local, session.min_ttl), (ip("10.0.1.1"), min_ttl));
        world.run(2 * SECOND);
        world.cut(b, true);
        world.expect("noticed", 151 * MS, |world| state(world, a) < State::Established);
    }
    let (mut world, a, _) = routed("NEIGHBOR ttl-security hops 1\n");
    world.run(10 * SECOND);
    assert_eq!(bfd_state(&world, a), bfd::State::Down);
    assert!(world.hosts[a].engine().summary().bfd_refused > 0);
}

#[test]
fn a_link_that_goes_down_says_so_and_not_bfd() {
    let mut pair = Pair::fast();
    pair.world.set_link(pair.a, Lab::ETH0, false);
    pair.world.run(SECOND);
    assert_eq!(pair.ends(pair.a), [EndCause::LinkDown]);
    pair.world.set_link(pair.a, Lab::ETH0, true);
    pair.expect_up();
}

#[test]
fn a_thousand_short_cuts_leave_nothing_behind() {
    let mut pair = Pair::fast();
    for round in 0..200 {
        pair.world.cut(pair.b, true);
        pair.world.run((round * 37 % 400) * MS);
        pair.world.cut(pair.b, false);
        pair.world.run((round * 53 % 900) * MS);
    }
    pair.world.run(5 * SECOND);
    pair.expect_up();
    assert_eq!(pair.world.hosts[pair.a].datagram_sockets.len(), 1);
}

/// A packet whose sender guessed the discriminator of `host`, with what it takes to be deaf and silent for hours.
fn poison(world: &mut World, host: usize, state: bfd::State, asks: u32) {
    let packet = Packet {
        state,
        multiplier: 9,
        my_discriminator: 7,
        your_discriminator: view(world, host).local_discriminator,
        desired_min_tx_micros: u32::MAX,
        required_min_rx_micros: asks,
        ..Packet::default()
    };
    world.inject(host, 255, &packet.write());
}

/// A packet that says Down, as somebody sends it who knows the addresses, and (if it is not zero) the discriminator.
const fn forged(your_discriminator: u32) -> Packet {
    Packet {
        diagnostic: Diagnostic::None,
        state: bfd::State::Down,
        poll: false,
        last: false,
        control_plane_independent: false,
        demand: false,
        multiplier: 3,
        my_discriminator: 0xBAD,
        your_discriminator,
        desired_min_tx_micros: 1_000_000,
        required_min_rx_micros: 1_000_000,
        required_min_echo_rx_micros: 0,
    }
}

/// Both have BGP and BFD up, and had so for the last `span`.
#[track_caller]
fn stays_up(world: &mut World, hosts: [usize; 2], span: u64) {
    world.never("BGP or BFD down", span, |world| {
        hosts
            .iter()
            .any(|&host| state(world, host) != State::Established || bfd_state(world, host) != bfd::State::Up)
    });
}

#[test]
fn one_forged_packet_without_our_discriminator_does_not_end_a_session_that_is_up() {
    let (mut world, a, b) = routed("");
    let up = |world: &World| [a, b].iter().all(|&host| bfd_state(world, host) == bfd::State::Up);
    world.expect("multihop", 10 * SECOND, up);
    world.run(2 * SECOND);
    for said in [bfd::State::Down, bfd::State::AdminDown] {
        for ttl in [255, 254, 64] {
            for host in [a, b] {
                world.inject(host, ttl, &Packet { state: said, ..forged(0) }.write());
            }
            stays_up(&mut world, [a, b], SECOND);
        }
    }
    assert!(world.hosts[a].engine().summary().bfd_refused > 0);
    // Nor on a common wire, nor a flood of them; and they do not stand for the neighbor's own.
    let mut pair = Pair::fast();
    let (a, b) = (pair.a, pair.b);
    for _ in 0..100 {
        pair.world.inject(a, 255, &forged(0).write());
        stays_up(&mut pair.world, [a, b], 10 * MS);
    }
    pair.world.cut(b, true);
    let cut = pair.world.now;
    while state(&pair.world, a) == State::Established {
        pair.world.inject(a, 255, &forged(0).write());
        pair.world.run(10 * MS);
        assert!(pair.world.now - cut < 170 * MS, "kept up by forged packets");
    }
}

#[test]
fn a_forged_packet_with_our_discriminator_needs_the_neighbors_address_and_its_distance_too() {
    let (mut world, a, b) = routed("");
    let up = |world: &World| [a, b].iter().all(|&host| bfd_state(world, host) == bfd::State::Up);
    world.expect("multihop", 10 * SECOND, up);
    world.run(2 * SECOND);
    let ours = view(&world, a).local_discriminator;
    world.inject_from(a, Some(ip("198.51.100.66")), 255, &forged(ours).write());
    stays_up(&mut world, [a, b], SECOND);
    assert_eq!(world.hosts[a].engine().summary().bfd_unknown, 1);
    // The neighbor's own packets arrive with 254.
    for ttl in [1, 64, 249] {
        world.inject(a, ttl, &forged(ours).write());
        stays_up(&mut world, [a, b], SECOND);
    }
    assert_eq!(world.hosts[a].engine().summary().bfd_refused, 3);
    // Whoever has all of that is the neighbor.
    world.inject(a, 254, &forged(ours).write());
    world.expect("down", 10 * MS, |world| bfd_state(world, a) == bfd::State::Down);
    world.expect("up again", 10 * SECOND, |world| {
        up(world) && [a, b].iter().all(|&host| state(world, host) == State::Established)
    });
}

#[test]
fn a_neighbor_that_begins_anew_is_noticed_within_the_detection_time_and_comes_up_again() {
    for routed_pair in [false, true] {
        let (mut world, a, b) = if routed_pair {
            routed("")
        } else {
            let pair = Pair::fast();
            (pair.world, pair.a, pair.b)
        };
        let up = |world: &World| {
            [a, b].iter().all(|&host| {
                state(world, host) == State::Established && bfd_state(world, host) == bfd::State::Up
            })
        };
        world.expect("both up", 10 * SECOND, up);
        world.run(2 * SECOND);
        world.end_daemon(b);
        world.start_daemon(b);
        let begun = world.now;
        world.expect("down at the other end", 151 * MS, |world| bfd_state(world, a) != bfd::State::Up);
        world.expect("both up again", 3 * SECOND, up);
        assert!(world.now - begun < 2 * SECOND, "{} ms", (world.now - begun) / MS);
        world.never("BGP ends once more", 3 * SECOND, |world| state(world, a) != State::Established);
    }
}

#[test]
fn forged_packets_to_both_ends_do_not_keep_a_strict_session_down_for_hours() {
    use bfd::State::{AdminDown, Down};
    for (one, other, asks) in [(AdminDown, Down, 0), (Down, AdminDown, 0), (AdminDown, AdminDown, u32::MAX)] {
        let strict = "neighbor 10.0.0.2 bfd profile fast\n neighbor 10.0.0.2 bfd strict";
        let mut pair = Pair::with(Nature::CALM, FAST, [strict, "neighbor 10.0.0.1 bfd profile fast"]);
        pair.expect_up();
        let (a, b) = (pair.a, pair.b);
        poison(&mut pair.world, a, one, asks);
        poison(&mut pair.world, b, other, asks);
        pair.world.run(2 * SECOND);
        pair.world.expect("both up again", 120 * SECOND, |world| {
            [a, b].iter().all(|&host| {
                state(world, host) == State::Established && bfd_state(world, host) == bfd::State::Up
            })
        });
    }
}

#[test]
fn a_daemon_that_was_stopped_and_reads_old_news_does_not_begin_a_storm() {
    let mut pair = Pair::fast();
    let (a, b) = (pair.a, pair.b);
    // What a stopped daemon finds in its socket: how the other one went down, came up, and went down.
    let (ours, theirs) = (view(&pair.world, a).local_discriminator, view(&pair.world, b).local_discriminator);
    let told = |from: u32, to: u32, state| Packet {
        state,
        multiplier: 3,
        my_discriminator: from,
        your_discriminator: to,
        desired_min_tx_micros: 50_000,
        required_min_rx_micros: 50_000,
        ..Packet::default()
    };
    for state in [bfd::State::Down, bfd::State::Init, bfd::State::Up] {
        pair.world.inject(a, 255, &told(theirs, ours, state).write());
    }
    pair.world.script(50, move |world| world.inject(b, 255, &told(ours, theirs, bfd::State::Down).write()));
    let before = [a, b].map(|host| pair.downs(host));
    pair.world.run(10 * SECOND);
    for (host, before) in [a, b].into_iter().zip(before) {
        let downs = pair.downs(host) - before;
        assert!(downs <= 4, "{downs} times down in 10 s");
        assert!(pair.sent(host).len() < 1_000);
    }
    pair.expect_up();
}

#[test]
fn bfd_may_say_its_end_when_the_reset_of_an_attempt_is_ordered_though_it_was_made_meanwhile() {
    let lines = ["neighbor 10.0.0.2 bfd profile fast", "neighbor 10.0.0.1 bfd profile fast"];
    let mut pair = Pair::with(Nature::CALM, FAST, lines);
    pair.expect_up();
    let (a, b) = (pair.a, pair.b);
    // The session ends by a reset; while the daemon is stopped, its next attempt succeeds, the link flaps, an operator
    // wants the end.
    let (tcp, side) = *pair.world.hosts[a].conns.values().next().unwrap();
    pair.world.forge_reset(tcp, side);
    let dialing = |world: &World| world.hosts[a].conns.values().any(|&(other, _)| other != tcp);
    assert!(pair.world.run_until(5 * SECOND, dialing), "it dials again");
    pair.world.hosts[a].paused = true;
    pair.world.run(20 * MS);
    pair.world.set_link(a, Lab::ETH0, false);
    pair.world.set_link(a, Lab::ETH0, true);
    pair.command(a, Command::Stop);
    pair.world.run(20 * MS);
    pair.world.hosts[a].paused = false;
    pair.world.expect("it stops", 10 * SECOND, |world| !world.hosts[a].running);
    assert!(pair.sent(a).iter().any(|(.., packet)| packet.state == bfd::State::AdminDown));
    assert!(pair.world.hosts[b].running);
}
