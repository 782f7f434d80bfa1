//! The life of a session (RFC 4271 section 8) between an engine and a script.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;
use holdover_core::engine::record::Level;

use super::bytes::{Message, Open, keepalive, message, notification, raw_update};
use super::duo::{Duo, OUR_ID, THEIR_ID, THEIRS, state_of};
use super::script::Line;
use super::world::{MS, Nature, SECOND, World};

#[test]
fn a_session_that_we_dial_comes_up_with_the_open_that_was_configured() {
    let mut duo = Duo::dialling("");
    let mut line = duo.accept();
    let open = super::duo::their_open();
    let ours = duo.world.establish(&mut line, &open);
    assert_eq!((ours.version, ours.my_as, ours.hold, ours.id), (4, 65_000, 9, OUR_ID));
    assert_eq!(ours.capability(65), Some(&65_000_u32.to_be_bytes()[..]));
    assert_eq!(ours.capability(1), Some(&[0, 1, 0, 1][..]));
    assert_eq!(ours.capability(2), Some(&[][..]), "route refresh");
    assert_eq!(ours.capability(64), None, "graceful restart is never advertised");
    duo.expect_state(State::Established);
}

#[test]
fn a_session_that_the_peer_dials_comes_up() {
    let mut duo = Duo::waiting("");
    assert!(duo.dials().is_empty());
    let mut line = duo.dial();
    let open = super::duo::their_open();
    duo.world.establish(&mut line, &open);
    duo.expect_state(State::Established);
    assert!(duo.dials().is_empty(), "a passive neighbor is never dialled");
}

#[test]
fn nobody_listens_when_every_neighbor_is_dialled() {
    let mut duo = Duo::dialling("");
    duo.world.run(SECOND);
    assert!(duo.world.hosts[duo.node].listeners.is_empty());
    assert!(duo.world.script_dials(duo.peer, "10.0.0.1", None).is_none());
}

#[test]
fn a_stranger_is_refused() {
    let mut duo = Duo::waiting("");
    let wire = 0;
    let stranger = duo.world.host("stranger");
    duo.world.plug(stranger, wire, &["10.0.0.66/24"]);
    let line = duo.world.script_dials(stranger, "10.0.0.1", None).unwrap();
    duo.world.expect("the reset", SECOND, |world| world.is_over(line));
    assert_eq!(duo.world.take(line), None, "a stranger is told nothing");
}

#[test]
fn silence_for_the_hold_time_ends_the_session_with_hold_timer_expired() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 1 3");
    let mut line = duo.accept();
    let open = super::duo::their_open();
    duo.world.establish(&mut line, &open);
    duo.expect_state(State::Established);
    let start = duo.world.now;
    let error = duo.world.hear_error(line, 4 * SECOND);
    assert_eq!((error.0, error.1), (4, 0));
    let took = duo.world.now - start;
    assert!((2_990 * MS..=3_010 * MS).contains(&took), "after {took} us");
}

#[test]
fn keepalives_leave_at_a_third_of_the_agreed_hold_time_or_more_often() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 3 9");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 6, THEIR_ID));
    duo.expect_state(State::Established);
    duo.world.keep_alive(line, SECOND);
    while duo.world.take(line).is_some() {}
    let (start, mut count) = (duo.world.now, 0);
    while duo.world.now < start + 60 * SECOND {
        if duo.world.hear(line, 2_050 * MS) == Message::Keepalive {
            count += 1;
        }
    }
    assert!((30..=42).contains(&count), "{count} keepalives in a minute of hold time 6");
}

#[test]
fn a_hold_time_of_zero_stops_both_timers() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 0 0");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 90, THEIR_ID));
    duo.expect_state(State::Established);
    duo.world.run(SECOND);
    while duo.world.take(line).is_some() {}
    duo.world.run(3_600 * SECOND);
    assert_eq!(duo.state(), State::Established);
    assert_eq!(duo.world.take(line), None, "no keepalive at all");
}

#[test]
fn a_hold_time_of_zero_from_the_peer_stops_both_timers() {
    let mut duo = Duo::dialling("");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 0, THEIR_ID));
    duo.expect_state(State::Established);
    duo.world.run(600 * SECOND);
    assert_eq!(duo.state(), State::Established);
}

#[test]
fn the_longest_hold_time_holds_for_eighteen_hours() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 21845 65535");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 65_535, THEIR_ID));
    duo.expect_state(State::Established);
    duo.world.run(65_530 * SECOND);
    assert_eq!(duo.state(), State::Established);
    duo.world.run(10 * SECOND);
    assert_ne!(duo.state(), State::Established);
}

#[test]
fn an_open_that_never_comes_is_waited_for_thirty_seconds() {
    let mut duo = Duo::dialling("");
    let line = duo.accept();
    assert!(matches!(duo.world.hear(line, SECOND), Message::Open(_)));
    duo.world.run(29 * SECOND);
    assert!(!duo.world.is_over(line));
    let error = duo.world.hear_error(line, 2 * SECOND);
    assert_eq!((error.0, error.1), (4, 0));
}

#[test]
fn a_refused_connection_is_tried_at_once_then_five_times_a_second_then_every_second() {
    let mut duo = Duo::bare();
    duo.world.boot(duo.node, super::speaker::usual(), &super::duo::router(""));
    let start = duo.world.now;
    duo.world.run(20 * SECOND);
    let dials = duo.dials();
    assert!(dials[0] - start < 10 * MS, "the first at once");
    for pair in dials.windows(2) {
        let (gap, age) = (pair[1] - pair[0], pair[0] - start);
        let allowed = if age < 1_800 * MS {
            145 * MS..=205 * MS
        } else if age < 2_200 * MS {
            145 * MS..=1_005 * MS
        } else {
            745 * MS..=1_005 * MS
        };
        assert!(allowed.contains(&gap), "{gap} us after {age} us");
    }
}

#[test]
fn an_unanswered_syn_is_abandoned_after_one_interval() {
    let mut duo = Duo::dialling("");
    duo.world.cut(duo.peer, true);
    duo.world.run(10 * SECOND);
    let dials = duo.dials();
    assert!(dials.len() > 12, "{} attempts in 10 s", dials.len());
    duo.world.cut(duo.peer, false);
    let mended = duo.world.now;
    duo.session();
    assert!(duo.world.now - mended < 1_100 * MS);
}

#[test]
fn a_peer_that_is_far_away_is_reached_within_two_seconds() {
    for round_trip in [1, 100, 190, 250, 400, 600] {
        let mut world = World::new(7);
        let wire = world.segment(round_trip * MS / 2);
        let (node, peer) = (world.host("node"), world.host("peer"));
        world.plug(node, wire, &["10.0.0.1/24"]);
        world.plug(peer, wire, &["10.0.0.2/24"]);
        world.script_listens(peer, None);
        world.boot(node, super::speaker::usual(), &super::duo::router(""));
        let connected = |world: &World| state_of(world, node) >= State::OpenSent;
        world.expect(&format!("a connection over {round_trip} ms"), 2 * SECOND, connected);
    }
}

#[test]
fn a_peer_that_knows_no_optional_parameters_gets_an_open_without_them() {
    let text = "no bgp network import-check\naddress-family ipv4 unicast\n network 192.0.2.1/32\nexit-address-family";
    let mut duo = Duo::dialling(text);
    duo.world.hosts[duo.node].ledger.lax = true;
    for _ in 0..2 {
        let line = duo.accept();
        let Message::Open(ours) = duo.world.hear(line, SECOND) else { panic!("no OPEN") };
        assert!(ours.capability(65).is_some());
        duo.world.say(line, &notification(2, 4, &[]));
        duo.world.run(10 * MS);
        duo.world.hang_up(line);
        let mut line = duo.world.script_accepts(duo.peer, 1_100 * MS);
        let ours = duo.world.establish(&mut line, &Open::plain(65_010, 9, THEIR_ID));
        assert_eq!(ours.message().len(), 29, "no optional parameters");
        duo.expect_state(State::Established);
        let update = duo.hear_update(line, 3 * SECOND);
        assert_eq!(update.attributes.as_path, [65_000]);
        duo.world.keep_alive(line, SECOND);
        duo.world.run(11 * SECOND);
        // It may have learned them meanwhile.
        duo.world.reset(line.tcp, line.side);
    }
}

#[test]
fn a_peer_that_takes_no_open_at_all_is_asked_with_growing_pauses() {
    let mut duo = Duo::dialling("");
    let mut plain = vec![];
    for _ in 0..8 {
        let line = duo.world.script_accepts(duo.peer, 61 * SECOND);
        let Message::Open(ours) = duo.world.hear(line, SECOND) else { panic!("no OPEN") };
        plain.push(ours.capability(65).is_none());
        duo.world.say(line, &notification(2, 4, &[]));
        duo.world.run(10 * MS);
        duo.world.hang_up(line);
    }
    assert_eq!(plain, [false, true].repeat(4));
    let dials = duo.dials();
    assert!(dials[7] - dials[0] > 10 * SECOND, "{dials:?}");
}

#[test]
fn a_lost_session_is_dialled_again_at_once() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.run(11 * SECOND);
    duo.world.reset(line.tcp, line.side);
    let lost = duo.world.now;
    duo.session();
    assert!(duo.world.now - lost < 10 * MS, "after {} us", duo.world.now - lost);
}

/// A way to end a session.
type End = Box<dyn Fn(&mut Duo, Line)>;

/// Every way in which a session may end, but for those that its path or an operator here is the cause of.
fn ends() -> Vec<(String, End)> {
    let ours: [(&str, End); 6] = [
        ("reset", Box::new(|duo, line| duo.world.reset(line.tcp, line.side))),
        ("closed", Box::new(|duo, line| duo.world.hang_up(line))),
        ("our 1/1", Box::new(|duo, line| duo.world.say(line, &[0; 19]))),
        ("our 3/1", Box::new(|duo, line| duo.world.say(line, &message(2, &[0xFF, 0xFF, 0, 0])))),
        ("our 5/3", Box::new(|duo, line| duo.world.say(line, &super::duo::their_open().message()))),
        ("our 4/0", Box::new(|duo, _| duo.world.run(3_100 * MS))),
    ];
    let theirs = [(1, 1), (2, 4), (3, 1), (4, 0), (5, 3)].into_iter().chain((0..=10).map(|sub| (6, sub)));
    let theirs = theirs.map(|(code, sub)| -> (String, End) {
        let said = notification(code, sub, &[]);
        (format!("their {code}/{sub}"), Box::new(move |duo, line| duo.world.say(line, &said)))
    });
    ours.into_iter().map(|(name, end)| (name.to_owned(), end)).chain(theirs).collect()
}

#[test]
fn a_session_that_was_short_is_dialled_again_with_growing_pauses_however_it_ends() {
    for (name, end) in ends() {
        let mut duo = Duo::dialling("neighbor 10.0.0.2 timers 1 3");
        let mut pauses = vec![];
        for _ in 0..8 {
            let mut line = duo.world.script_accepts(duo.peer, 61 * SECOND);
            duo.world.establish(&mut line, &super::duo::their_open());
            duo.expect_state(State::Established);
            end(&mut duo, line);
            duo.world.run(10 * MS);
            assert_ne!(duo.state(), State::Established, "{name}");
            let (ended, dials) = (duo.world.now, duo.dials().len());
            duo.world.hang_up(line);
            let node = duo.node;
            duo.world.expect("the next attempt", 61 * SECOND, |world| {
                world.hosts[node].ledger.dials_ever.len() > dials
            });
            pauses.push((duo.world.now - ended) / MS);
        }
        assert!(pauses[0] > 700, "{name}: {pauses:?}");
        for pair in pauses.windows(2) {
            assert!(pair[1] * 10 > pair[0] * 14 || pair[1] > 44_000, "{name}: {pauses:?}");
        }
        // The log says it once, and then how often.
        let downs = |record: &&Record| matches!(record, Record::SessionDown { .. });
        let ups = |record: &&Record| super::ledger::is_established(record);
        assert_eq!(
            (duo.records().filter(downs).count(), duo.records().filter(ups).count()),
            (1, 1),
            "{name}"
        );
        let counts = duo.records().filter_map(|record| match record {
            Record::Flapping { count, .. } => Some(*count),
            _ => None,
        });
        assert_eq!(counts.collect::<Vec<_>>(), [2, 4, 8], "{name}");
    }
}

#[test]
fn a_session_that_lasts_ends_the_growing_pauses_and_is_told_with_their_number() {
    let mut duo = Duo::dialling("");
    for _ in 0..3 {
        let mut line = duo.world.script_accepts(duo.peer, 10 * SECOND);
        duo.world.establish(&mut line, &super::duo::their_open());
        duo.expect_state(State::Established);
        duo.world.reset(line.tcp, line.side);
    }
    let mut line = duo.world.script_accepts(duo.peer, 10 * SECOND);
    duo.world.establish(&mut line, &super::duo::their_open());
    duo.expect_state(State::Established);
    duo.world.keep_alive(line, SECOND);
    duo.world.run(9 * SECOND);
    let over = |record: &&Record| matches!(record, Record::FlappingOver { .. });
    assert_eq!(duo.records().find(over), None);
    duo.world.run(2 * SECOND);
    assert!(matches!(duo.records().find(over), Some(Record::FlappingOver { count: 3, .. })));
    let up = duo.records().filter(|record| super::ledger::is_established(record)).count();
    assert_eq!(up, 2, "the first one, and the one that lasts");
    duo.world.reset(line.tcp, line.side);
    let lost = duo.world.now;
    duo.session();
    assert!(duo.world.now - lost < 10 * MS, "after {} us", duo.world.now - lost);
}

#[test]
fn news_of_the_host_do_not_cut_short_the_pause_after_a_short_session() {
    let mut duo = Duo::dialling("");
    for _ in 0..4 {
        let mut line = duo.world.script_accepts(duo.peer, 10 * SECOND);
        duo.world.establish(&mut line, &super::duo::their_open());
        duo.expect_state(State::Established);
        duo.world.reset(line.tcp, line.side);
        duo.world.run(10 * MS);
    }
    let dials = duo.dials().len();
    for number in 0..50 {
        duo.world.add_address(duo.node, super::lab::Lab::ETH0, &format!("10.0.7.{number}/24"));
        duo.world.run(100 * MS);
    }
    assert_eq!(duo.dials().len(), dials, "a pause of 8 s");
}

#[test]
fn a_link_that_flaps_earns_its_neighbor_no_pause() {
    let mut duo = Duo::dialling("");
    for _ in 0..6 {
        let line = duo.session();
        duo.world.run(SECOND);
        duo.world.set_link(duo.node, super::lab::Lab::ETH0, false);
        duo.world.run(100 * MS);
        duo.world.reset(line.tcp, line.side);
        duo.world.set_link(duo.node, super::lab::Lab::ETH0, true);
        let up = duo.world.now;
        let line = duo.session();
        assert!(duo.world.now - up < 10 * MS, "after {} us", duo.world.now - up);
        duo.world.run(11 * SECOND);
        duo.world.reset(line.tcp, line.side);
    }
}

#[test]
fn the_pause_after_a_short_session_holds_for_those_who_connect_to_us_too() {
    for lines in ["", "bgp listen"] {
        let mut duo = if lines.is_empty() { Duo::waiting("") } else { Duo::with(&super::duo::router(lines)) };
        sessions_of_a_pest(&mut duo, lines);
    }
}

#[test]
fn the_pause_after_a_short_session_holds_for_neighbors_from_a_listen_range_too() {
    let mut duo = Duo::bare();
    let range = "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor N peer-group\n neighbor N remote-as external\n \
                 bgp listen range 10.0.0.0/24 peer-group N\n";
    duo.world.boot(duo.node, super::speaker::usual(), range);
    duo.world.run(SECOND / 10);
    sessions_of_a_pest(&mut duo, "range");
    duo.world.run(61 * SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().summary().peers, 0, "forgotten in the end");
}

/// A neighbor connects again and again for a minute, and ends each session with a Cease as soon as it is up.
fn sessions_of_a_pest(duo: &mut Duo, name: &str) {
    let (start, mut ups) = (duo.world.now, vec![]);
    while duo.world.now < start + 60 * SECOND {
        let mut line = duo.dial();
        duo.world.run(5 * MS);
        if duo.world.is_over(line) {
            duo.world.run(20 * MS);
            continue;
        }
        duo.world.establish(&mut line, &super::duo::their_open());
        duo.expect_state(State::Established);
        ups.push((duo.world.now - start) / MS);
        duo.world.say(line, &notification(6, 4, &[]));
        duo.world.run(5 * MS);
        duo.world.hang_up(line);
        duo.world.run(5 * MS);
    }
    assert!((5..=8).contains(&ups.len()), "{name}: {ups:?}");
    let said = duo.records().filter(|record| !matches!(record.level(), Level::Debug)).count();
    assert!(said < 16, "{name}: {said} lines in the log");
}

#[test]
fn a_restart_after_a_good_session_is_let_in_at_once() {
    let mut duo = Duo::waiting("");
    for goodbye in [true, false, true] {
        let mut line = duo.dial();
        duo.world.establish(&mut line, &super::duo::their_open());
        duo.expect_state(State::Established);
        duo.world.keep_alive(line, SECOND);
        duo.world.run(11 * SECOND);
        if goodbye {
            duo.world.say(line, &notification(6, 2, &[]));
        }
        duo.world.hang_up(line);
        duo.world.run(5 * MS);
    }
    let mut line = duo.dial();
    duo.world.establish(&mut line, &super::duo::their_open());
    duo.expect_state(State::Established);
}

#[test]
fn a_peer_that_sends_us_away_is_asked_again_with_growing_pauses_until_a_session_forgets_them() {
    for (code, subcode) in [(6, 1), (6, 2), (2, 2), (2, 6)] {
        let mut duo = Duo::dialling("");
        let mut pauses = vec![];
        for _ in 0..9 {
            let line = duo.world.script_accepts(duo.peer, 61 * SECOND);
            if let Some(&last) = duo.dials().iter().rev().nth(1) {
                pauses.push(duo.world.now - last);
            }
            duo.world.say(line, &super::duo::their_open().message());
            duo.world.say(line, &notification(code, subcode, &[]));
            duo.world.run(50 * MS);
            duo.world.hang_up(line);
        }
        for pair in pauses[1..].windows(2) {
            assert!(pair[1] * 10 > pair[0] * 14 || pair[1] > 44 * SECOND, "{code}/{subcode}: {pauses:?}");
        }
        assert!(
            *pauses.last().unwrap() <= 61 * SECOND && *pauses.last().unwrap() > 44 * SECOND,
            "{pauses:?}"
        );
        let mut line = duo.world.script_accepts(duo.peer, 61 * SECOND);
        let open = super::duo::their_open();
        duo.world.establish(&mut line, &open);
        duo.expect_state(State::Established);
        // Longer than the longest pause: a peer that ends every session with a Cease is not asked ever faster.
        duo.world.keep_alive(line, SECOND);
        duo.world.run(61 * SECOND);
        duo.world.reset(line.tcp, line.side);
        let lost = duo.world.now;
        let line = duo.accept();
        assert!(duo.world.now - lost < 300 * MS, "forgotten on Established");
        duo.world.say(line, &super::duo::their_open().message());
        duo.world.say(line, &notification(code, subcode, &[]));
        duo.world.run(50 * MS);
        duo.world.hang_up(line);
        duo.world.script_accepts(duo.peer, 4 * SECOND);
    }
}

#[test]
fn a_peer_that_reads_nothing_is_given_up_by_the_send_hold_timer() {
    let mut duo = Duo::dialling("");
    duo.world.nature = Nature { receive_room: 64, send_room: 64, ..Nature::CALM };
    let line = duo.session();
    duo.world.tcps[line.tcp].ends[line.side].stalled = true;
    duo.world.run(8 * 60 * SECOND - 30 * SECOND);
    assert_eq!(duo.state(), State::Established, "RFC 9687: eight minutes at least");
    let node = duo.node;
    duo.world.expect("the send hold timer", 120 * SECOND, |world| {
        super::duo::state_of(world, node) != State::Established
    });
}

/// What an engine answers to octets in place of (or after) an OPEN.
fn error_to(octets: &[u8]) -> (u8, u8, Vec<u8>) {
    let mut duo = Duo::dialling("");
    let line = duo.accept();
    assert!(matches!(duo.world.hear(line, SECOND), Message::Open(_)));
    duo.world.say(line, octets);
    let error = duo.world.hear_error(line, SECOND);
    duo.world.expect("the end", 5 * SECOND, |world| world.is_over(line));
    error
}

#[test]
fn errors_in_the_header_are_answered_as_section_6_1_says() {
    let mut marker = keepalive();
    marker[3] = 0;
    assert_eq!(error_to(&marker), (1, 1, vec![]));
    let mut short = keepalive();
    short[17] = 18;
    assert_eq!(error_to(&short), (1, 2, vec![0, 18]));
    let mut long = keepalive();
    (long[16], long[17]) = (0x10, 0x01);
    assert_eq!(error_to(&long), (1, 2, vec![0x10, 0x01]));
    let mut fat = keepalive();
    fat[17] = 20;
    fat.push(0);
    assert_eq!(error_to(&fat), (1, 2, vec![0, 20]));
    assert_eq!(error_to(&message(9, &[])), (1, 3, vec![9]));
}

#[test]
fn errors_in_the_open_are_answered_as_section_6_2_says() {
    let open = Open::modern(THEIRS, 9, THEIR_ID);
    let version = Open { version: 5, ..open.clone() };
    assert_eq!(error_to(&version.message()), (2, 1, vec![0, 4]));
    let zero_id = Open { id: 0, ..open.clone() };
    assert_eq!(error_to(&zero_id.message()).1, 3);
    for hold in [1, 2] {
        let hold = Open { hold, ..open.clone() };
        let (code, subcode, _) = error_to(&hold.message());
        assert_eq!((code, subcode), (2, 6));
    }
    let mut parameter = open.message();
    parameter[29] = 77;
    let (code, subcode, _) = error_to(&parameter);
    assert_eq!((code, subcode), (2, 4));
}

#[test]
fn a_wrong_as_is_refused_in_either_field() {
    for asn in [65_011, 0, 65_000, 400_000] {
        let open = Open::modern(asn, 9, THEIR_ID);
        let (code, subcode, _) = error_to(&open.message());
        assert_eq!((code, subcode), (2, 2), "AS {asn}");
    }
    let (code, subcode, _) = error_to(&Open::plain(65_011, 9, THEIR_ID).message());
    assert_eq!((code, subcode), (2, 2));
}

#[test]
fn our_own_identifier_is_refused_within_an_as_and_accepted_from_another_one() {
    let mut duo = Duo::dialling("");
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, OUR_ID));
    duo.expect_state(State::Established);

    let mut duo =
        Duo::with("router bgp 65000\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as internal\n");
    let line = duo.accept();
    duo.world.say(line, &Open::modern(65_000, 9, OUR_ID).message());
    let (code, subcode, _) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (2, 3));
}

#[test]
fn a_message_that_the_state_does_not_allow_is_an_fsm_error_of_its_state() {
    assert_eq!(error_to(&raw_update(&[], &[], &[])), (5, 1, vec![2]));
    assert_eq!(error_to(&keepalive()), (5, 1, vec![4]));
    let mut both = Open::modern(THEIRS, 9, THEIR_ID).message();
    both.extend(raw_update(&[], &[], &[]));
    assert_eq!(error_to(&both), (5, 2, vec![2]));

    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.say(line, &Open::modern(THEIRS, 9, THEIR_ID).message());
    assert_eq!(duo.world.hear_error(line, SECOND), (5, 3, vec![1]));
}

#[test]
fn a_notification_is_never_answered_with_one() {
    for states in 0..3 {
        let mut duo = Duo::dialling("");
        let mut line = duo.accept();
        assert!(matches!(duo.world.hear(line, SECOND), Message::Open(_)));
        if states > 0 {
            duo.world.say(line, &super::duo::their_open().message());
            line.as4 = true;
            assert_eq!(duo.world.hear(line, SECOND), Message::Keepalive);
        }
        if states > 1 {
            duo.world.say(line, &keepalive());
            duo.expect_state(State::Established);
        }
        duo.world.say(line, &notification(6, 4, &[]));
        duo.world.expect("the end", 5 * SECOND, |world| world.is_over(line));
        while let Some(message) = duo.world.take(line) {
            assert!(message.error().is_none(), "{message:?}");
        }
    }
}

#[test]
fn a_session_lives_on_octets_cut_in_any_way() {
    for cut in 1..40 {
        let mut duo = Duo::dialling("");
        let line = duo.accept();
        let mut whole = super::duo::their_open().message();
        whole.extend(keepalive());
        whole.extend(raw_update(&[], &[], &[]));
        whole.extend(keepalive());
        for piece in whole.chunks(cut) {
            duo.world.say(line, piece);
            duo.world.run(MS);
        }
        duo.expect_state(State::Established);
    }
}

#[test]
fn shutdown_keeps_the_neighbor_idle_and_lifting_it_dials() {
    let mut duo = Duo::dialling("neighbor 10.0.0.2 shutdown");
    duo.world.run(10 * SECOND);
    assert!(duo.dials().is_empty());
    assert_eq!(duo.state(), State::Idle);
    duo.world.reload(duo.node, &super::duo::router(""));
    duo.session();
}
