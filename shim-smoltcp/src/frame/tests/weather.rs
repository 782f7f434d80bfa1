//! Random and mutated frames through everything: nothing panics, nothing grows beyond its buffer.

use std::vec::Vec;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::rand::Rand;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{NextHop, RouteTarget};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant as StackInstant;

use super::port::Wire;
use super::{Segment, THEM, US, datagram, ip, kernel, octets, packet};
use crate::frame::announce::{announce, ask};
use crate::frame::guard::{Guard, SIGNATURE_ROOM};
use crate::frame::port::Port;
use crate::frame::{FRAME, Mac};

const KEY: &[u8] = b"between us";

/// Frames of every kind that this code looks into.
fn real_frames() -> Vec<Vec<u8>> {
    let mut frames: Vec<_> = kernel::CAPTURED.iter().map(|frame| frame.octets.to_vec()).collect();
    let mut buffer = [0; 90];
    for address in ["198.51.100.7", "2001:db8:b::7", "192.0.2.9", "fe80::9"] {
        let mac: Mac = THEM;
        let length = announce(mac, ip(address), true, &mut buffer).unwrap();
        frames.push(buffer[..length].to_vec());
        let length = ask(mac, ip(address), ip(address), Some(US), &mut buffer).unwrap();
        frames.push(buffer[..length].to_vec());
    }
    for (source, destination) in [
        ("192.0.2.9", "198.51.100.7"),
        ("192.0.2.9", "203.0.113.9"),
        ("192.0.2.9", "192.0.2.1"),
        ("2001:db8:a::9", "2001:db8:b::7"),
        ("2001:db8:a::9", "2001:db8:a::1"),
    ] {
        for hop_limit in [1, 64] {
            frames.push(datagram(ip(source), ip(destination), hop_limit, b"hello"));
            frames.push(packet(ip(source), ip(destination), hop_limit, 1, &[8, 0, 0, 0, 0, 1, 0, 1]));
            let segment = Segment { ttl: hop_limit, ..Segment::between(source, destination) };
            frames.push(segment.frame());
            frames.push(segment.signed(KEY).frame());
        }
    }
    let headers = [44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 1, 0, 179, 0, 179];
    frames.push(packet(ip("2001:db8:a::9"), ip("2001:db8:a::1"), 64, 0, &headers));
    frames
}

/// Changes, cuts, or lengthens a frame here and there.
fn mutate(frame: &mut Vec<u8>, rand: &mut Rand) {
    for _ in 0..rand.next() % 4 {
        let length = frame.len() as u32;
        match rand.next() % 6 {
            0 if length > 0 => frame.truncate((rand.next() % length) as usize),
            1 => frame.extend(octets(rand, 40)),
            2 if length > 14 => frame[14 + (rand.next() % (length - 14)) as usize] = rand.next() as u8,
            3 if length > 54 => frame[14 + (rand.next() % 40) as usize] = rand.next() as u8,
            4 if length > 0 => frame[(rand.next() % length) as usize] ^= 1 << (rand.next() % 8),
            5 if length > 14 => {
                let at = 14 + (rand.next() % (length - 14)) as usize;
                let octet = [0, 1, 0xFF, 0x7F][(rand.next() % 4) as usize];
                frame[at] = octet;
            }
            _ => {}
        }
    }
}

/// The frame as an answer: from whom it was for, to whoever sent it.
fn turned(mut frame: Vec<u8>) -> Vec<u8> {
    let (from, length) = if frame.get(12) == Some(&8) { (26, 4) } else { (22, 16) };
    if let Some(ends) = frame.get_mut(from..from + 2 * length) {
        ends.rotate_left(length);
    }
    frame
}

fn router() -> Port<Wire, 8, 8, 4, 2> {
    let mut port = Port::new(Wire::new());
    port.set_mac(US);
    let own = |text: &str, length| InterfaceAddress { address: ip(text), length };
    let addresses =
        [own("192.0.2.1", 24), own("198.51.100.1", 24), own("2001:db8:a::1", 64), own("2001:db8:b::1", 64)];
    port.set_addresses(&addresses).unwrap();
    port.forward.set_enabled(true);
    for (prefix, hop) in [("203.0.113.9", "198.51.100.7"), ("2001:db8:c::", "2001:db8:b::7")] {
        let hops = [NextHop { address: ip(hop), link: None }];
        port.forward.install(Prefix::new(ip(prefix), 30).unwrap(), RouteTarget::Via(&hops)).unwrap();
    }
    for remote in ["192.0.2.9", "2001:db8:a::9"] {
        port.guard.set_key(Prefix::host(ip(remote)), 0, Some(KEY)).unwrap();
        port.guard.set_least_ttl(Prefix::host(ip(remote)), 0, 64).unwrap();
    }
    port
}

#[test]
fn mutated_frames_break_nothing_and_what_goes_out_fits() {
    let frames = real_frames();
    let mut rand = Rand::new(0xF4A3);
    let mut port = router();
    let mut now = Instant::ZERO;
    let mut handed_up = 0_u32;
    for round in 0..60_000_u32 {
        now += Duration::from_millis((rand.next() % 50).into());
        let mut frame = frames[rand.next() as usize % frames.len()].clone();
        mutate(&mut frame, &mut rand);
        let length = frame.len();
        port.device.incoming.push_back(frame);
        let stack_now = StackInstant::from_micros(now.as_micros().cast_signed());
        let (rx, tx) = port.receive(stack_now).unwrap();
        let answer = rx.consume(|frame| {
            assert!(frame.is_empty() || frame.len() == length, "round {round}");
            frame.to_vec()
        });
        handed_up += u32::from(!answer.is_empty());
        if !answer.is_empty() && answer.len() + SIGNATURE_ROOM <= FRAME {
            let answer = turned(answer);
            tx.consume(answer.len(), |buffer| buffer.copy_from_slice(&answer));
        }
        port.pump(now);
        for frame in port.device.outgoing.drain(..) {
            assert!(frame.len() <= FRAME, "round {round}");
        }
    }
    // The frames were real enough to come everywhere.
    let counters = port.counters();
    let (guard, forward) = (counters.guard, counters.forward);
    for (name, count) in [
        ("handed up", handed_up),
        ("signed", guard.signed),
        ("verified", guard.verified),
        ("forged or corrupt", guard.forged + guard.corrupt),
        ("missing", guard.missing),
        ("low_ttl", guard.low_ttl),
        ("fragments", guard.fragments),
        ("malformed", guard.malformed),
        ("forwarded", forward.forwarded),
        ("held", forward.held),
        ("expired", forward.expired),
        ("no_route", forward.no_route),
        ("martians", forward.martians),
        ("bad headers", forward.malformed),
        ("errors", forward.errors),
    ] {
        assert!(count > 10, "{name}: {count}");
    }
}

#[test]
fn random_octets_break_nothing() {
    let mut rand = Rand::new(7);
    let mut port = router();
    for round in 0..60_000_u32 {
        let mut frame = octets(&mut rand, 120);
        // Half of them say that they are IP and for us.
        if round % 2 == 0 && frame.len() > 15 {
            frame[..6].copy_from_slice(&US.0);
            let kinds = [[8, 0, 0x45], [8, 6, 0], [0x86, 0xDD, 0x60]];
            frame[12..15].copy_from_slice(&kinds[(rand.next() % 3) as usize]);
        }
        port.device.incoming.push_back(frame);
        let now = u64::from(round) * 1_000;
        let (rx, _tx) = port.receive(StackInstant::from_micros(now.cast_signed())).unwrap();
        rx.consume(|_| ());
        port.pump(Instant::from_micros(now));
        assert!(port.device.outgoing.drain(..).all(|frame| frame.len() <= FRAME));
    }
}

#[test]
fn signing_anything_in_any_room_stays_within_it() {
    let frames = real_frames();
    let mut rand = Rand::new(19);
    let mut guard = Guard::<1>::new();
    for family in ["0.0.0.0", "::"] {
        guard.clear();
        guard.set_key(Prefix::new(ip(family), 0).unwrap(), 0, Some(KEY)).unwrap();
        for round in 0..40_000 {
            let mut frame = frames[rand.next() as usize % frames.len()].clone();
            mutate(&mut frame, &mut rand);
            let length = frame.len();
            let room = (rand.next() % 24) as usize;
            frame.resize(length + room, 0);
            if let Some(signed) = guard.send(&mut frame, length) {
                assert!(signed <= length + room.min(SIGNATURE_ROOM), "round {round}");
            }
        }
    }
    assert!(guard.counters().signed > 1_000 && guard.counters().no_room > 1_000);
}
