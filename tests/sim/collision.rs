//! Two connections to one peer (RFC 4271 section 6.8, RFC 6286 section 2.3).

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;
use holdover_core::engine::record::Refusal;

use super::bytes::{Message, Open, keepalive};
use super::duo::{Duo, OUR_ID, THEIRS, state_of};
use super::script::Line;
use super::speaker::usual;
use super::world::{MS, Nature, SECOND, World};

/// Who must win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Winner {
    Ours,
    Theirs,
}

fn opened(world: &mut World, line: Line) {
    assert!(matches!(world.hear(line, SECOND), Message::Open(_)));
}

/// A node that dials and listens; the script has answered its connection with nothing yet and has one of its own.
fn crossed() -> (Duo, Line, Line) {
    let mut duo = Duo::dialling("bgp listen");
    let out = duo.accept();
    opened(&mut duo.world, out);
    let inn = duo.dial();
    opened(&mut duo.world, inn);
    (duo, out, inn)
}

fn settle(mut duo: Duo, out: Line, inn: Line, winner: Winner) {
    let (stays, goes) = if winner == Winner::Ours { (out, inn) } else { (inn, out) };
    let (code, subcode, _) = duo.world.hear_error(goes, SECOND);
    assert_eq!((code, subcode), (6, 7), "Cease, Connection Collision Resolution");
    duo.world.expect("the loser's end", 5 * SECOND, |world| world.is_over(goes));
    assert!(!duo.world.is_over(stays));
    duo.world.say(stays, &keepalive());
    duo.expect_state(State::Established);
    duo.world.keep_alive(stays, SECOND);
    duo.world.run(60 * SECOND);
    assert_eq!(duo.state(), State::Established);
    assert!(!duo.world.is_over(stays));
}

/// Both connections get to OpenConfirm, the outgoing one first or last.
fn collide(out_first: bool, asn: u32, id: u32, winner: Winner) {
    let (mut duo, out, inn) = crossed();
    let open = Open::modern(asn, 9, id).message();
    let order = if out_first { [out, inn] } else { [inn, out] };
    for line in order {
        duo.world.say(line, &open);
        duo.world.run(5 * MS);
    }
    settle(duo, out, inn, winner);
}

#[test]
fn the_higher_identifier_keeps_its_own_connection_in_both_orders() {
    for out_first in [true, false] {
        collide(out_first, THEIRS, OUR_ID + 1, Winner::Theirs);
        collide(out_first, THEIRS, OUR_ID - 1, Winner::Ours);
    }
}

#[test]
fn equal_identifiers_are_decided_by_the_higher_as() {
    for out_first in [true, false] {
        collide(out_first, THEIRS, OUR_ID, Winner::Theirs);
    }
}

#[test]
fn identifiers_are_compared_as_unsigned_numbers_in_host_order() {
    collide(true, THEIRS, 0xF000_0001, Winner::Theirs);
    collide(false, THEIRS, 0x0900_00FF, Winner::Ours);
}

#[test]
fn a_connection_against_an_established_session_is_refused_and_harms_nothing() {
    let mut duo = Duo::dialling("bgp listen");
    let line = duo.session();
    let second = duo.dial();
    duo.world.say(second, &super::duo::their_open().message());
    duo.world.expect("the end of the second one", 5 * SECOND, |world| world.is_over(second));
    duo.world.run(30 * SECOND);
    assert_eq!(duo.state(), State::Established);
    assert!(!duo.world.is_over(line));
}

#[test]
fn of_two_connections_that_the_peer_made_the_newer_one_stays_while_none_has_an_open() {
    let mut duo = Duo::waiting("");
    let first = duo.dial();
    opened(&mut duo.world, first);
    let mut second = duo.dial();
    duo.world.expect("the end of the first one", SECOND, |world| world.is_over(first));
    duo.world.establish(&mut second, &super::duo::their_open());
    duo.expect_state(State::Established);
    duo.world.keep_alive(second, SECOND);
    duo.world.run(60 * SECOND);
    assert_eq!(duo.state(), State::Established);
}

#[test]
fn of_two_connections_that_the_peer_made_the_one_with_its_open_stays() {
    for listens in ["", "bgp listen"] {
        let mut duo = if listens.is_empty() { Duo::waiting("") } else { Duo::bare() };
        if !listens.is_empty() {
            duo.world.boot(duo.node, usual(), &super::duo::router(listens));
            duo.world.run(SECOND);
        }
        let first = duo.dial();
        opened(&mut duo.world, first);
        duo.world.say(first, &super::duo::their_open().message());
        duo.world.run(5 * MS);
        let second = duo.dial();
        duo.world.expect("the end of the second one", SECOND, |world| world.is_over(second));
        assert!(!duo.world.is_over(first), "{listens}");
        let earlier = |record: &Record| matches!(record, Record::Refused { why: Refusal::Earlier, .. });
        assert!(duo.records().any(earlier));
        duo.world.say(first, &keepalive());
        duo.expect_state(State::Established);
        duo.world.keep_alive(first, SECOND);
        duo.world.run(60 * SECOND);
        assert_eq!(duo.state(), State::Established);
    }
}

#[test]
fn half_an_open_is_kept_when_the_other_connection_gets_ahead() {
    for half in [1, 18, 19, 25, 40] {
        let (mut duo, out, inn) = crossed();
        let open = Open::modern(THEIRS, 9, OUR_ID - 1).message();
        duo.world.say(out, &open[..half]);
        duo.world.run(5 * MS);
        duo.world.say(inn, &open);
        duo.world.run(5 * MS);
        duo.world.say(out, &open[half..]);
        settle(duo, out, inn, Winner::Ours);
    }
}

#[test]
fn nothing_is_dialled_while_a_session_is_up() {
    let mut duo = Duo::bare();
    duo.world.boot(duo.node, usual(), &super::duo::router("bgp listen"));
    duo.world.run(SECOND);
    let mut line = duo.dial();
    duo.world.establish(&mut line, &super::duo::their_open());
    duo.expect_state(State::Established);
    duo.world.keep_alive(line, SECOND);
    let before = duo.dials().len();
    duo.world.run(120 * SECOND);
    assert_eq!(duo.dials().len(), before);
}

#[test]
fn the_loser_that_was_never_answered_does_not_hold_up_the_winner() {
    let (mut duo, out, inn) = crossed();
    duo.world.say(inn, &super::duo::their_open().message());
    duo.world.say(inn, &keepalive());
    duo.expect_state(State::Established);
    duo.world.keep_alive(inn, SECOND);
    duo.world.expect("the end of the unanswered one", 40 * SECOND, |world| world.is_over(out));
    assert_eq!(duo.state(), State::Established);
}

#[test]
fn two_engines_that_dial_each_other_at_once_end_with_one_session() {
    for seed in 0..60 {
        let mut world = World::with(seed, Nature { jitter: 300, turn: 200, ..Nature::CALM });
        let wire = world.segment(100);
        let (one, other) = (world.host("one"), world.host("other"));
        world.plug(one, wire, &["10.0.0.1/24"]);
        world.plug(other, wire, &["10.0.0.2/24"]);
        let config = |own: u32, peer: u32| {
            format!(
                "router bgp 6500{own}\n bgp router-id 10.0.0.{own}\n bgp listen\n \
                 neighbor 10.0.0.{peer} remote-as 6500{peer}\n"
            )
        };
        world.boot(one, usual(), &config(1, 2));
        let apart = world.dice.range(0, 400);
        world.run(apart);
        world.boot(other, usual(), &config(2, 1));
        let up = |world: &World, host: usize| state_of(world, host) == State::Established;
        world.expect("a session at both ends", 5 * SECOND, |world| up(world, one) && up(world, other));
        world.run(40 * SECOND);
        assert!(up(&world, one) && up(&world, other), "seed {seed}: the session stays");
        // One side may have been up already when the other one decided: then both connections end, and the next one wins.
        let sessions = |host: usize| {
            let records = &world.hosts[host].records;
            records.iter().filter(|(_, record)| super::ledger::is_established(record)).count()
        };
        assert!(sessions(one) <= 2 && sessions(other) <= 2, "seed {seed}");
    }
}
