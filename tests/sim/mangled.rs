//! Octets that are wrong: flipped, cut, random (issue line 18, through the whole engine).

use holdover_core::bgp::fsm::State;

use super::bytes::{Message, Open, announce, keepalive, message, notification, withdraw};
use super::dice::Dice;
use super::duo::{Duo, THEIR_ID, THEIRS};
use super::script::Line;
use super::world::{MS, SECOND, ip, prefix};

/// Waits until the session is gone or the octets have been digested, and says whether it is still up.
fn digested(duo: &mut Duo, line: Line) -> bool {
    duo.world.run(20 * MS);
    !duo.world.is_over(line)
}

/// What the engine said before it closed: nothing, or exactly one NOTIFICATION with a code that exists, and that last.
fn assert_farewell(duo: &mut Duo, line: Line, what: &str) {
    let mut last = None;
    while let Some(said) = duo.world.take(line) {
        assert!(last.is_none(), "{what}: {said:?} after {last:?}");
        if let Some(error) = said.error() {
            assert!((1..=8).contains(&error.0), "{what}: {error:?}");
            last = Some(error);
        }
    }
    assert!(last.is_some(), "{what}: closed without a word");
    duo.world.hang_up(line);
    duo.world.run(MS);
}

fn stage() -> Duo {
    let steer = "steer edge\n accept 0.0.0.0/0 le 32\n install kernel\nexit";
    Duo::waiting(steer)
}

/// A session that the script dials.
fn up(duo: &mut Duo) -> Line {
    let mut line = duo.world.script_dials(duo.peer, "10.0.0.1", None).expect("the node refuses");
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.expect_state(State::Established);
    while duo.world.take(line).is_some() {}
    line
}

#[test]
fn an_open_with_any_octet_changed_ends_in_a_session_or_a_notification() {
    let whole = Open::modern(THEIRS, 9, THEIR_ID).message();
    let mut duo = stage();
    for at in 0..whole.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut octets = whole.clone();
            octets[at] ^= change;
            octets.extend(keepalive());
            let line = duo.world.script_dials(duo.peer, "10.0.0.1", None).expect("the node refuses");
            assert!(matches!(duo.world.hear(line, SECOND), Message::Open(_)));
            duo.world.say(line, &octets);
            if !digested(&mut duo, line) {
                assert_farewell(&mut duo, line, &format!("octet {at} ^ {change:#x}"));
            }
            if !duo.world.is_over(line) {
                duo.world.hang_up(line);
            }
            duo.world.run(2 * SECOND);
        }
    }
    up(&mut duo);
}

#[test]
fn an_update_with_any_octet_changed_keeps_the_session_or_says_why_not() {
    let whole = announce(prefix("192.0.2.10/32"), ip("10.0.0.2"), &[THEIRS], Some([63_949, 1, 1]));
    let mut duo = stage();
    let mut line = up(&mut duo);
    for at in 0..whole.len() {
        for change in [0x01, 0x10, 0x80, 0xFF] {
            let mut octets = whole.clone();
            octets[at] ^= change;
            octets.extend(withdraw(prefix("192.0.2.10/32")));
            duo.world.say(line, &octets);
            // A changed length waits for octets that the next messages give it.
            for _ in 0..6 {
                duo.world.say(line, &[keepalive(), keepalive()].concat());
            }
            let goodbye = at == 18 && octets[at] == 3;
            if !digested(&mut duo, line) {
                if goodbye {
                    // It was a NOTIFICATION: there is nothing to answer.
                    duo.world.hang_up(line);
                } else {
                    assert_farewell(&mut duo, line, &format!("octet {at} ^ {change:#x}"));
                }
                duo.world.run(70 * SECOND);
                line = up(&mut duo);
            } else if (16..19).contains(&at) {
                // The framing may be lost by now, and the rest of the test would wait with it.
                duo.world.hang_up(line);
                duo.world.run(SECOND);
                line = up(&mut duo);
            }
            while duo.world.take(line).is_some() {}
        }
    }
}

#[test]
fn messages_of_random_octets_never_stop_the_engine() {
    let mut dice = Dice::new(18);
    let mut duo = stage();
    for round in 0..150 {
        let line = up(&mut duo);
        for _ in 0..5 {
            let kind = u8::try_from(dice.range(1, 5)).unwrap();
            let body: Vec<u8> = (0..dice.below(200)).map(|_| dice.next().to_le_bytes()[0]).collect();
            let octets = if dice.chance(80) { message(kind, &body) } else { body };
            let cut = dice.below(octets.len() + 1);
            duo.world.say(line, &octets[..cut]);
            duo.world.run(MS);
            if duo.world.is_over(line) {
                break;
            }
            duo.world.say(line, &octets[cut..]);
        }
        duo.world.run(20 * MS);
        if duo.world.is_over(line) {
            while duo.world.take(line).is_some() {}
        } else {
            duo.world.say(line, &notification(6, 4, &[]));
            duo.world.hang_up(line);
        }
        let node = duo.node;
        duo.world.expect(&format!("round {round}: the end"), 12 * SECOND, |world| {
            super::duo::state_of(world, node) != State::Established
        });
        duo.world.run(70 * SECOND);
    }
}

#[test]
fn a_notification_of_random_octets_ends_the_session_and_nothing_is_said_back() {
    let mut dice = Dice::new(19);
    let mut duo = stage();
    for _ in 0..60 {
        let line = up(&mut duo);
        let data: Vec<u8> = (0..dice.below(300)).map(|_| dice.next().to_le_bytes()[0]).collect();
        let [code, subcode, ..] = dice.next().to_le_bytes();
        duo.world.say(line, &notification(code, subcode, &data));
        duo.world.expect("the end", SECOND, |world| world.is_over(line));
        while let Some(said) = duo.world.take(line) {
            assert!(said.error().is_none(), "{said:?}");
        }
        duo.world.run(70 * SECOND);
    }
}
