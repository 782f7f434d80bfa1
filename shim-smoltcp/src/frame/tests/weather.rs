//! Random and mutated frames through everything: nothing panics, nothing grows beyond its buffer.

use std::vec::Vec;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::rand::Rand;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{NextHop, RouteTarget};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::IpCidr;

use super::port::Wire;
use super::{Segment, THEM, US, datagram, internet_checksum, ip, kernel, octets, packet, pseudo_header};
use crate::frame::announce::{announce, ask};
use crate::frame::guard::{Guard, SIGNATURE_ROOM};
use crate::frame::packet::Packet;
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

/// Makes the checksums right, as far as there are any: what is wrong elsewhere comes further then.
fn mend(frame: &mut [u8]) {
    let Some(packet) = Packet::read(frame) else { return };
    if packet.source.is_ipv4() {
        frame[24..26].copy_from_slice(&[0, 0]);
        let sum = internet_checksum(&[&frame[14..packet.body]]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    }
    let body = &mut frame[packet.body..packet.end];
    let at = match packet.protocol {
        6 => 16,
        17 => 6,
        1 | 58 => 2,
        _ => return,
    };
    let Some(place) = body.get_mut(at..at + 2) else { return };
    place.copy_from_slice(&[0, 0]);
    let pseudo = match packet.protocol {
        1 => Vec::new(),
        protocol => pseudo_header(packet.source, packet.destination, protocol, body.len()),
    };
    let sum = internet_checksum(&[&pseudo, body]);
    body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// What the other end of a connection may say to this segment, with anything in it: its numbers are those that are waited
/// for, or not far from them.
fn answer(frame: &[u8], rand: &mut Rand) -> Option<Vec<u8>> {
    let whole = |packet: &Packet| packet.protocol == 6 && packet.end - packet.body >= 20;
    let packet = Packet::read(frame).filter(whole)?;
    let number =
        |at: usize| u32::from_be_bytes(frame[packet.body + at..packet.body + at + 4].try_into().unwrap());
    let near = |number: u32, rand: &mut Rand| match rand.next() % 4 {
        0 => number.wrapping_add(rand.next() % 3_000).wrapping_sub(1_500),
        _ => number,
    };
    let flags = frame[packet.body + 13];
    let header = u32::from(frame[packet.body + 12] >> 4) * 4;
    let taken = ((packet.end - packet.body) as u32).saturating_sub(header);
    let acknowledged = number(4).wrapping_add(taken + u32::from(flags & 3 != 0));
    let ports = [[2, 3], [0, 1]].map(|at| u16::from_be_bytes(at.map(|at| frame[packet.body + at])));
    let mut segment = Segment::random(rand);
    (segment.source, segment.destination, segment.ports) = (packet.destination, packet.source, ports);
    // Most are acknowledgements with data, few are resets.
    segment.flags = [0x10, 0x18, 0x18, 0x11, 0x12, 0x02, 0x14, segment.flags][rand.next() as usize % 8];
    segment.data.truncate(rand.next() as usize % 700);
    let mut answer = segment.frame();
    let body = Packet::read(&answer)?.body;
    answer[body + 4..body + 8].copy_from_slice(&near(number(8), rand).to_be_bytes());
    answer[body + 8..body + 12].copy_from_slice(&near(acknowledged, rand).to_be_bytes());
    if rand.next().is_multiple_of(2) {
        answer[body + 14..body + 16].copy_from_slice(&(rand.next() as u16).to_be_bytes());
    }
    Some(answer)
}

/// A port as a board has it: with smoltcp behind it, that listens for TCP and UDP and answers echo requests.
struct Board {
    port: Port<Wire, 8, 8, 4, 2>,
    interface: Interface,
    sockets: SocketSet<'static>,
    listeners: [(u16, SocketHandle); 2],
    echo: SocketHandle,
    /// Turns in which a connection was established.
    established: u32,
    /// Octets received over connections.
    received: usize,
}

impl Board {
    fn new() -> Self {
        let mut port = router();
        let mut config = Config::new(US.into());
        config.random_seed = 1;
        let mut interface = Interface::new(config, &mut port, StackInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            for (address, length) in
                [("192.0.2.1", 24), ("198.51.100.1", 24), ("2001:db8:a::1", 64), ("fe80::1", 64)]
            {
                addresses.push(IpCidr::new(ip(address).into(), length)).unwrap();
            }
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || tcp::SocketBuffer::new(std::vec![0; 1_024]);
        let listeners = [179, 7].map(|port| (port, sockets.add(tcp::Socket::new(buffer(), buffer()))));
        let datagrams =
            || udp::PacketBuffer::new(std::vec![udp::PacketMetadata::EMPTY; 2], std::vec![0; 512]);
        let echo = sockets.add(udp::Socket::new(datagrams(), datagrams()));
        sockets.get_mut::<udp::Socket>(echo).bind(9_000).unwrap();
        Self { port, interface, sockets, listeners, echo, established: 0, received: 0 }
    }

    /// What an application does: sends back what it gets, and now and then hangs up.
    fn serve(&mut self, rand: &mut Rand) {
        for (port, handle) in self.listeners {
            let socket = self.sockets.get_mut::<tcp::Socket>(handle);
            self.established += u32::from(socket.state() == tcp::State::Established);
            if socket.can_recv() {
                let data = socket.recv(|data| (data.len(), data.to_vec())).unwrap();
                self.received += data.len();
                let _ = socket.send_slice(&data);
            }
            if socket.state() == tcp::State::CloseWait && rand.next().is_multiple_of(4) {
                socket.close();
            }
            if socket.is_active() && rand.next().is_multiple_of(64) {
                socket.abort();
            } else if !socket.is_open() {
                socket.listen(port).unwrap();
            }
        }
        let socket = self.sockets.get_mut::<udp::Socket>(self.echo);
        while let Ok((data, from)) = socket.recv().map(|(data, from)| (data.to_vec(), from)) {
            // To where it says that it came from, whatever that is.
            let _ = socket.send_slice(&data, from);
        }
    }

    /// One frame comes; what goes out.
    fn turn(&mut self, now: Instant, frame: Vec<u8>) -> Vec<Vec<u8>> {
        self.port.device.incoming.push_back(frame);
        let stack_now = StackInstant::from_micros(now.as_micros().cast_signed());
        self.interface.poll(stack_now, &mut self.port, &mut self.sockets);
        self.port.pump(now);
        self.port.device.outgoing.drain(..).collect()
    }
}

#[test]
fn mutated_frames_break_nothing_behind_the_port() {
    let mut frames = real_frames();
    for (source, destination) in [("192.0.2.8", "192.0.2.1"), ("2001:db8:a::8", "2001:db8:a::1")] {
        for ports in [[5_000, 179], [5_001, 7], [5_002, 179]] {
            let syn = Segment { ports, flags: 2, data: Vec::new(), ..Segment::between(source, destination) };
            frames.push(syn.frame());
            frames.push(datagram(ip(source), ip(destination), 64, b"hello"));
        }
        let mut buffer = [0; 90];
        let length = ask(THEM, ip(source), ip(destination), None, &mut buffer).unwrap();
        frames.push(buffer[..length].to_vec());
    }
    let mut rand = Rand::new(9_293);
    let mut board = Board::new();
    let mut answers = 0;
    let mut said: Option<Vec<u8>> = None;
    for round in 0..60_000_u32 {
        board.serve(&mut rand);
        let mut frame = frames[rand.next() as usize % frames.len()].clone();
        if rand.next().is_multiple_of(2)
            && let Some(answer) = said.take().and_then(|said| answer(&said, &mut rand))
        {
            frame = answer;
        }
        if rand.next().is_multiple_of(2) {
            mutate(&mut frame, &mut rand);
        }
        if !rand.next().is_multiple_of(8) {
            mend(&mut frame);
        }
        for frame in board.turn(Instant::from_micros(u64::from(round) * 20_000), frame) {
            assert!(frame.len() <= FRAME, "round {round}");
            answers += 1;
            if Packet::read(&frame).is_some_and(|packet| packet.protocol == 6) {
                said = Some(frame);
            }
        }
    }
    assert!(answers > 10_000 && board.established > 1_000 && board.received > 10_000);
}
