use core::net::IpAddr;
use std::vec::Vec;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::rand::Rand;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{NextHop, RouteTarget};
use smoltcp::wire::{ArpPacket, EthernetAddress, Icmpv4Packet, Icmpv6Packet, Ipv4Packet, Ipv6Packet};

use super::{THEM, US, datagram, internet_checksum, ip, octets, packet, pseudo_header};
use crate::frame::announce::ask;
use crate::frame::forward::{ADDRESSES, Forward, Verdict};
use crate::frame::neighbor::Answer;
use crate::frame::{FRAME, Full, Mac};

const ROUTER: Mac = EthernetAddress([0x52, 0x54, 0, 0, 0, 9]);

type Plane = Forward<8, 4, 2>;

fn own(text: &str, length: u8) -> InterfaceAddress {
    InterfaceAddress { address: ip(text), length }
}

/// A router with two subnets of each family on one link, and a shared address of each.
fn plane() -> Plane {
    let mut plane = Plane::new();
    plane.set_mac(US);
    plane
        .set_addresses(&[
            own("192.0.2.1", 24),
            own("198.51.100.1", 24),
            own("203.0.113.200", 32),
            own("2001:db8:a::1", 64),
            own("2001:db8:b::1", 64),
            own("fe80::1", 64),
        ])
        .unwrap();
    plane.set_enabled(true);
    plane
}

fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn route(plane: &mut Plane, prefix: &str, length: u8, hops: &[&str]) {
    let hops: Vec<_> = hops.iter().map(|hop| NextHop { address: ip(hop), link: None }).collect();
    plane.install(Prefix::new(ip(prefix), length).unwrap(), RouteTarget::Via(&hops)).unwrap();
}

/// What comes of a received frame.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Local,
    Nothing,
    Out(Vec<u8>),
    Answered(Vec<u8>),
}

fn receive(plane: &mut Plane, now: Instant, frame: &[u8]) -> Outcome {
    let (mut frame, mut reply) = (frame.to_vec(), [0; FRAME]);
    let before = frame.len();
    match plane.receive(now, &mut frame, &mut reply) {
        Verdict::Local => Outcome::Local,
        Verdict::Consumed => Outcome::Nothing,
        Verdict::Send(length) => {
            assert!(length <= before);
            Outcome::Out(frame[..length].to_vec())
        }
        Verdict::Reply(length) => Outcome::Answered(reply[..length].to_vec()),
    }
}

/// Every frame that is due.
fn due(plane: &mut Plane, now: Instant) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for _ in 0..100 {
        if plane.deadline() > now {
            return frames;
        }
        let mut buffer = [0; FRAME];
        frames.extend(plane.poll(now, &mut buffer).map(|length| buffer[..length].to_vec()));
    }
    panic!("there is no end to it");
}

fn arp_reply(from: Mac, address: &str) -> Vec<u8> {
    let IpAddr::V4(address) = ip(address) else { panic!() };
    let mut frame = [US.0, from.0].concat();
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    frame.extend(from.0);
    frame.extend(address.octets());
    frame.extend(US.0);
    frame.extend([192, 0, 2, 1]);
    frame
}

/// A neighbour advertisement with these flags, to us.
fn advertisement(from: Mac, target: &str, flags: u8, hop_limit: u8) -> Vec<u8> {
    advertisement_with(&[&[2, 1][..], &from.0].concat(), target, "2001:db8:a::1", flags, hop_limit)
}

fn advertisement_with(options: &[u8], target: &str, to: &str, flags: u8, hop_limit: u8) -> Vec<u8> {
    let IpAddr::V6(address) = ip(target) else { panic!() };
    let mut body = std::vec![136, 0, 0, 0, flags, 0, 0, 0];
    body.extend(address.octets());
    body.extend(options);
    let pseudo = pseudo_header(ip(target), ip(to), 58, body.len());
    let sum = internet_checksum(&[&pseudo, &body]);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(ip(target), ip(to), hop_limit, 58, &body)
}

/// Lets the plane learn a next hop by a packet for it.
fn learn(plane: &mut Plane, now: Instant, address: &str, mac: Mac) {
    let probe = match ip(address) {
        IpAddr::V4(_) => datagram(ip("192.0.2.50"), ip(address), 64, b"?"),
        IpAddr::V6(_) => datagram(ip("2001:db8:a::50"), ip(address), 64, b"?"),
    };
    assert_eq!(receive(plane, now, &probe), Outcome::Nothing);
    assert_eq!(due(plane, now).len(), 1, "asked for {address}");
    let answer = match ip(address) {
        IpAddr::V4(_) => arp_reply(mac, address),
        IpAddr::V6(_) => advertisement(mac, address, 0x60, 255),
    };
    assert_eq!(receive(plane, now, &answer), Outcome::Local);
    assert_eq!(due(plane, now).len(), 1, "what was held for {address}");
}

/// The packet as it must leave: less one hop, from us to `to`.
fn forwarded(frame: &[u8], to: Mac) -> Vec<u8> {
    let mut out = frame.to_vec();
    out[..6].copy_from_slice(&to.0);
    out[6..12].copy_from_slice(&US.0);
    if out[12] == 8 {
        out[22] -= 1;
        out[24..26].copy_from_slice(&[0, 0]);
        let header = usize::from(out[14] & 15) * 4;
        let sum = internet_checksum(&[&out[14..14 + header]]);
        out[24..26].copy_from_slice(&sum.to_be_bytes());
    } else {
        out[21] -= 1;
    }
    out
}

#[test]
fn a_host_forwards_nothing_until_it_is_told_to_be_a_router() {
    let mut plane = plane();
    plane.set_enabled(false);
    let frame = datagram(ip("192.0.2.50"), ip("198.51.100.7"), 64, b"hello");
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Local);
    assert_eq!((plane.deadline(), plane.is_enabled()), (Instant::FAR, false));
}

#[test]
fn a_packet_waits_for_its_next_hop_and_leaves_by_the_port_it_came_in_by() {
    let mut plane = plane();
    route(&mut plane, "203.0.113.9", 32, &["198.51.100.7"]);
    let frame = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Nothing);
    let asked = due(&mut plane, Instant::ZERO);
    let arp = ArpPacket::new_checked(&asked[0][14..]).unwrap();
    assert_eq!((asked.len(), arp.source_protocol_addr()), (1, &[198, 51, 100, 1][..]));
    assert_eq!(arp.target_protocol_addr(), [198, 51, 100, 7]);
    assert_eq!(plane.deadline(), seconds(1), "it asks once a second");

    assert_eq!(receive(&mut plane, millis(20), &arp_reply(ROUTER, "198.51.100.7")), Outcome::Local);
    assert_eq!(due(&mut plane, millis(20)), [forwarded(&frame, ROUTER)]);
    // And now without waiting; padding stays behind.
    let mut padded = frame.clone();
    padded.resize(60, 0);
    assert_eq!(receive(&mut plane, millis(30), &padded), Outcome::Out(forwarded(&frame, ROUTER)));
    assert_eq!((plane.counters().forwarded, plane.counters().held), (2, 1));
    assert_eq!(plane.deadline(), Instant::FAR);
}

#[test]
fn ipv6_goes_by_neighbour_discovery_also_to_a_link_local_next_hop() {
    for next_hop in ["2001:db8:b::7", "fe80::7"] {
        let mut plane = plane();
        route(&mut plane, "2001:db8:99::", 48, &[next_hop]);
        let frame = datagram(ip("2001:db8:a::50"), ip("2001:db8:99::1"), 64, b"hello");
        assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Nothing);
        let asked = due(&mut plane, Instant::ZERO);
        let solicitation = Ipv6Packet::new_checked(&asked[0][14..]).unwrap();
        let source = if next_hop == "fe80::7" { "fe80::1" } else { "2001:db8:b::1" };
        assert_eq!(IpAddr::V6(solicitation.src_addr()), ip(source));
        assert_eq!(
            receive(&mut plane, millis(1), &advertisement(ROUTER, next_hop, 0x60, 255)),
            Outcome::Local
        );
        assert_eq!(due(&mut plane, millis(1)), [forwarded(&frame, ROUTER)]);
    }
}

#[test]
fn an_ipv4_packet_goes_to_an_ipv6_next_hop() {
    let mut plane = plane();
    route(&mut plane, "203.0.113.9", 32, &["2001:db8:b::7"]);
    learn(&mut plane, Instant::ZERO, "2001:db8:b::7", ROUTER);
    let frame = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"RFC 8950");
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Out(forwarded(&frame, ROUTER)));
}

#[test]
fn a_subnet_of_ours_needs_no_route_and_yields_to_a_longer_one() {
    let mut plane = plane();
    learn(&mut plane, Instant::ZERO, "198.51.100.7", THEM);
    learn(&mut plane, Instant::ZERO, "198.51.100.8", ROUTER);
    let frame = datagram(ip("192.0.2.50"), ip("198.51.100.7"), 64, b"hello");
    route(&mut plane, "198.51.100.0", 24, &["198.51.100.8"]);
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Out(forwarded(&frame, THEM)));
    route(&mut plane, "198.51.100.7", 32, &["198.51.100.8"]);
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Out(forwarded(&frame, ROUTER)));
    assert!(plane.remove(Prefix::host(ip("198.51.100.7"))));
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Out(forwarded(&frame, THEM)));
}

#[test]
fn what_is_for_this_host_or_for_this_link_is_handed_up() {
    let mut plane = plane();
    route(&mut plane, "0.0.0.0", 0, &["192.0.2.9"]);
    route(&mut plane, "::", 0, &["2001:db8:a::9"]);
    for (source, destination) in [
        ("192.0.2.50", "192.0.2.1"),
        ("192.0.2.50", "203.0.113.200"),
        ("192.0.2.50", "255.255.255.255"),
        ("192.0.2.50", "192.0.2.255"),
        ("192.0.2.50", "198.51.100.255"),
        ("192.0.2.50", "198.51.100.0"),
        ("192.0.2.50", "224.0.0.1"),
        ("192.0.2.50", "239.1.2.3"),
        ("2001:db8:a::50", "2001:db8:b::1"),
        ("2001:db8:a::50", "2001:db8:b::"),
        ("2001:db8:a::50", "ff02::1"),
        ("2001:db8:a::50", "ff0e::1"),
    ] {
        let frame = datagram(ip(source), ip(destination), 64, b"hello");
        assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Local, "{destination}");
    }
    // To another station's link-layer address, to everybody's, to a group's.
    for to in [ROUTER.0, [0xFF; 6], [0x01, 0, 0x5E, 0, 0, 1]] {
        let mut frame = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
        frame[..6].copy_from_slice(&to);
        assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Local);
    }
    assert_eq!(plane.deadline(), Instant::FAR, "nobody was asked for");
}

#[test]
fn martians_go_nowhere_and_are_not_answered() {
    let mut plane = plane();
    route(&mut plane, "0.0.0.0", 0, &["192.0.2.9"]);
    route(&mut plane, "::", 0, &["2001:db8:a::9"]);
    let pairs = [
        ("127.0.0.1", "203.0.113.9"),
        ("0.0.0.0", "203.0.113.9"),
        ("169.254.1.1", "203.0.113.9"),
        ("224.0.0.1", "203.0.113.9"),
        ("255.255.255.255", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9"), // our own address as a source
        ("192.0.2.50", "127.0.0.1"),
        ("192.0.2.50", "169.254.1.1"),
        ("192.0.2.50", "0.0.0.0"),
        ("::1", "2001:db8:99::1"),
        ("::", "2001:db8:99::1"),
        ("fe80::50", "2001:db8:99::1"),
        ("ff02::1", "2001:db8:99::1"),
        ("2001:db8:b::1", "2001:db8:99::1"),
        ("2001:db8:a::50", "fe80::50"),
        ("2001:db8:a::50", "::1"),
    ];
    for (n, (source, destination)) in pairs.into_iter().enumerate() {
        let frame = datagram(ip(source), ip(destination), 1, b"hello");
        assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Nothing, "{source} to {destination}");
        assert_eq!(plane.counters().martians as usize, n + 1);
    }
    let mut damaged = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
    damaged[15] ^= 4;
    assert_eq!(receive(&mut plane, Instant::ZERO, &damaged), Outcome::Nothing);
    assert_eq!((plane.counters().malformed, plane.counters().errors), (1, 0));
    assert_eq!(plane.deadline(), Instant::FAR);
}

/// The ICMP error in a frame: type, code, its source; and whether what it quotes is the begin of `about`.
fn error(frame: &[u8], about: &[u8]) -> (u8, u8, IpAddr) {
    assert_eq!((&frame[..6], &frame[6..12]), (&about[6..12], &US.0[..]), "it goes back to whoever sent it");
    if frame[12] == 8 {
        let packet = Ipv4Packet::new_checked(&frame[14..]).unwrap();
        assert!(packet.verify_checksum() && frame.len() <= 14 + 576);
        assert_eq!(packet.dst_addr().octets(), about[26..30]);
        let message = Icmpv4Packet::new_checked(packet.payload()).unwrap();
        assert!(message.verify_checksum());
        let quoted = &packet.payload()[8..];
        assert_eq!(quoted, &about[14..14 + quoted.len()]);
        assert!(quoted.len() == about.len() - 14 || frame.len() == 14 + 576);
        (message.msg_type().into(), message.msg_code(), packet.src_addr().into())
    } else {
        let packet = Ipv6Packet::new_checked(&frame[14..]).unwrap();
        assert_eq!(packet.dst_addr().octets(), about[22..38]);
        let message = Icmpv6Packet::new_checked(packet.payload()).unwrap();
        assert!(message.verify_checksum(&packet.src_addr(), &packet.dst_addr()));
        let quoted = &packet.payload()[8..];
        assert_eq!(quoted, &about[14..14 + quoted.len()]);
        assert!(quoted.len() == about.len() - 14 || frame.len() == 14 + 1_280);
        (message.msg_type().into(), message.msg_code(), packet.src_addr().into())
    }
}

fn answered(plane: &mut Plane, now: Instant, frame: &[u8]) -> (u8, u8, IpAddr) {
    match receive(plane, now, frame) {
        Outcome::Answered(answer) => error(&answer, frame),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_hop_that_cannot_be_is_answered_from_the_subnet_of_the_sender() {
    for size in [0, 1, 600, 1_400] {
        let data = std::vec![7; size];
        let mut plane = plane();
        route(&mut plane, "203.0.113.9", 32, &["198.51.100.7"]);
        route(&mut plane, "2001:db8:99::", 48, &["2001:db8:b::7"]);
        for hops in [0, 1] {
            let v4 = datagram(ip("198.51.100.50"), ip("203.0.113.9"), hops, &data);
            assert_eq!(answered(&mut plane, Instant::ZERO, &v4), (11, 0, ip("198.51.100.1")));
            let v6 = datagram(ip("2001:db8:b::50"), ip("2001:db8:99::1"), hops, &data);
            assert_eq!(answered(&mut plane, Instant::ZERO, &v6), (3, 0, ip("2001:db8:b::1")));
        }
        assert_eq!((plane.counters().expired, plane.counters().errors), (4, 4));
        assert_eq!(plane.deadline(), Instant::FAR, "nobody was asked for");
    }
}

#[test]
fn no_route_unreachable_and_blackhole_differ() {
    let mut plane = plane();
    let remote = ("192.0.2.50", "203.0.113.9");
    let v4 = datagram(ip(remote.0), ip(remote.1), 64, b"hello");
    let v6 = datagram(ip("2001:db8:a::50"), ip("2001:db8:99::1"), 64, b"hello");
    assert_eq!(answered(&mut plane, Instant::ZERO, &v4), (3, 0, ip("192.0.2.1")));
    assert_eq!(answered(&mut plane, Instant::ZERO, &v6), (1, 0, ip("2001:db8:a::1")));
    for prefix in [Prefix::host(ip("203.0.113.9")), Prefix::host(ip("2001:db8:99::1"))] {
        plane.install(prefix, RouteTarget::Unreachable).unwrap();
    }
    assert_eq!(answered(&mut plane, Instant::ZERO, &v4), (3, 1, ip("192.0.2.1")));
    assert_eq!(answered(&mut plane, Instant::ZERO, &v6), (1, 3, ip("2001:db8:a::1")));
    for prefix in [Prefix::host(ip("203.0.113.9")), Prefix::host(ip("2001:db8:99::1"))] {
        plane.install(prefix, RouteTarget::Blackhole).unwrap();
    }
    assert_eq!(receive(&mut plane, Instant::ZERO, &v4), Outcome::Nothing);
    assert_eq!(receive(&mut plane, Instant::ZERO, &v6), Outcome::Nothing);
    // A next hop on no subnet of ours, and one that is this host itself.
    for next_hop in ["203.0.113.77", "192.0.2.1"] {
        route(&mut plane, "203.0.113.9", 32, &[next_hop]);
        assert_eq!(answered(&mut plane, Instant::ZERO, &v4), (3, 1, ip("192.0.2.1")));
    }
    let counters = plane.counters();
    assert_eq!((counters.no_route, counters.unreachable, counters.blackholed), (2, 4, 2));
    assert_eq!(plane.deadline(), Instant::FAR);
}

#[test]
fn errors_are_limited_to_ten_at_once_and_ten_a_second() {
    let mut plane = plane();
    let frame = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
    let mut sent = |now| matches!(receive(&mut plane, now, &frame), Outcome::Answered(_));
    assert_eq!((0..100).filter(|_| sent(seconds(5))).count(), 10);
    assert!(!sent(millis(5_099)) && sent(millis(5_100)) && !sent(millis(5_101)));
    assert_eq!((0..100).filter(|n| sent(millis(5_200 + n * 10))).count(), 10, "in one second");
    assert_eq!((0..100).filter(|_| sent(seconds(60))).count(), 10);
    assert_eq!(plane.counters().errors, 31);
    assert_eq!(plane.counters().errors_limited, 303 - 31);
}

#[test]
fn no_error_is_sent_about_an_error_or_a_later_fragment() {
    let mut plane = plane();
    let (here, there) = (ip("192.0.2.50"), ip("203.0.113.9"));
    let icmp = |kind: u8| packet(here, there, 64, 1, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    for kind in [3, 4, 5, 11, 12, 42] {
        assert_eq!(receive(&mut plane, Instant::ZERO, &icmp(kind)), Outcome::Nothing, "{kind}");
    }
    assert!(matches!(receive(&mut plane, Instant::ZERO, &icmp(8)), Outcome::Answered(_)), "an echo request");
    let (here, there) = (ip("2001:db8:a::50"), ip("2001:db8:99::1"));
    let icmp = |kind: u8| packet(here, there, 64, 58, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    for kind in [1, 2, 3, 4, 100, 137] {
        assert_eq!(receive(&mut plane, Instant::ZERO, &icmp(kind)), Outcome::Nothing, "{kind}");
    }
    assert!(
        matches!(receive(&mut plane, Instant::ZERO, &icmp(128)), Outcome::Answered(_)),
        "an echo request"
    );
    let mut fragment = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
    fragment[21] = 3;
    fragment[24..26].copy_from_slice(&[0, 0]);
    let sum = internet_checksum(&[&fragment[14..34]]);
    fragment[24..26].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(receive(&mut plane, Instant::ZERO, &fragment), Outcome::Nothing);
    assert_eq!((plane.counters().no_route, plane.counters().errors), (15, 2));
}

#[test]
fn a_next_hop_that_does_not_answer_is_asked_three_times_and_then_said_to_be_unreachable() {
    for (source, destination, ours, code) in [
        ("192.0.2.50", "198.51.100.7", "192.0.2.1", (3, 1)),
        ("2001:db8:a::50", "2001:db8:b::7", "2001:db8:a::1", (1, 3)),
    ] {
        let mut plane = plane();
        let frame = datagram(ip(source), ip(destination), 64, b"hello");
        assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Nothing);
        for second in 0..3 {
            assert_eq!(due(&mut plane, seconds(second)).len(), 1, "question {second}");
            assert_eq!(due(&mut plane, seconds(second)).len(), 0);
            assert_eq!(plane.deadline(), seconds(second + 1));
        }
        let said = due(&mut plane, seconds(3));
        assert_eq!((said.len(), error(&said[0], &frame)), (1, (code.0, code.1, ip(ours))));
        // For a while nobody is asked again; then everything begins anew.
        assert_eq!(answered(&mut plane, seconds(4), &frame), (code.0, code.1, ip(ours)));
        assert_eq!(plane.deadline(), Instant::FAR);
        assert_eq!(receive(&mut plane, seconds(6), &frame), Outcome::Nothing);
        assert_eq!(due(&mut plane, seconds(6)).len(), 1);
    }
}

#[test]
fn the_latest_packet_for_each_next_hop_is_held_and_the_oldest_gives_way() {
    let mut plane = plane(); // holds two
    let to = |address: &str, data: &[u8]| datagram(ip("192.0.2.50"), ip(address), 64, data);
    for (n, (address, data)) in
        [("198.51.100.7", b"1"), ("198.51.100.7", b"2"), ("198.51.100.8", b"3")].into_iter().enumerate()
    {
        assert_eq!(receive(&mut plane, millis(n as u64), &to(address, data)), Outcome::Nothing);
    }
    assert_eq!((plane.counters().held, plane.counters().overtaken), (3, 1));
    assert_eq!(receive(&mut plane, millis(5), &to("198.51.100.9", b"4")), Outcome::Nothing);
    assert_eq!(plane.counters().overtaken, 2);
    assert_eq!(due(&mut plane, millis(5)).len(), 3, "three are asked for");
    for (address, data) in
        [("198.51.100.7", None), ("198.51.100.8", Some(b"3")), ("198.51.100.9", Some(b"4"))]
    {
        assert_eq!(receive(&mut plane, millis(6), &arp_reply(ROUTER, address)), Outcome::Local);
        let sent = due(&mut plane, millis(6));
        let wanted: Vec<_> = data.map(|data| forwarded(&to(address, data), ROUTER)).into_iter().collect();
        assert_eq!(sent, wanted);
    }
}

#[test]
fn a_plane_that_holds_nothing_asks_all_the_same() {
    let mut plane = Forward::<8, 4, 0>::new();
    plane.set_mac(US);
    plane.set_addresses(&[own("192.0.2.1", 24), own("198.51.100.1", 24)]).unwrap();
    plane.set_enabled(true);
    let frame = datagram(ip("192.0.2.50"), ip("198.51.100.7"), 64, b"hello");
    let (mut first, mut second, mut buffer) = (frame.clone(), frame.clone(), [0; FRAME]);
    assert_eq!(plane.receive(Instant::ZERO, &mut first, &mut buffer), Verdict::Consumed);
    assert_eq!(plane.poll(Instant::ZERO, &mut buffer), Some(42));
    assert_eq!(
        plane.receive(Instant::ZERO, &mut arp_reply(ROUTER, "198.51.100.7"), &mut buffer),
        Verdict::Local
    );
    assert_eq!(plane.receive(Instant::ZERO, &mut second, &mut buffer), Verdict::Send(frame.len()));
    assert_eq!((plane.counters().overtaken, plane.counters().held), (1, 0));
}

#[test]
fn a_neighbour_is_confirmed_by_itself_after_half_a_minute_and_used_meanwhile() {
    let mut plane = plane();
    learn(&mut plane, Instant::ZERO, "198.51.100.7", ROUTER);
    let frame = datagram(ip("192.0.2.50"), ip("198.51.100.7"), 64, b"hello");
    let out = Outcome::Out(forwarded(&frame, ROUTER));
    assert_eq!(receive(&mut plane, millis(29_999), &frame), out);
    assert_eq!(plane.deadline(), Instant::FAR, "and nobody is asked about what nobody uses");
    assert_eq!(receive(&mut plane, seconds(31), &frame), out);
    let asked = due(&mut plane, seconds(31));
    assert_eq!((asked.len(), &asked[0][..6]), (1, &ROUTER.0[..]), "it alone is asked");
    assert_eq!(receive(&mut plane, seconds(31), &arp_reply(ROUTER, "198.51.100.7")), Outcome::Local);
    assert_eq!(plane.deadline(), Instant::FAR);
    // The next time it says nothing.
    for second in 62..65 {
        assert_eq!(receive(&mut plane, seconds(second), &frame), out);
        assert_eq!(due(&mut plane, seconds(second)).len(), 1);
    }
    assert_eq!(due(&mut plane, seconds(65)).len(), 0);
    assert_eq!(receive(&mut plane, seconds(65), &frame), Outcome::Nothing);
    assert_eq!(due(&mut plane, seconds(65))[0][..6], [0xFF; 6], "everybody is asked again");
}

#[test]
fn a_gratuitous_arp_moves_a_neighbour_that_is_known_and_makes_none() {
    let mut plane = plane();
    let gratuitous = |address: &str| {
        let mut frame = [0; 64];
        let length = crate::frame::announce::announce(THEM, ip(address), false, &mut frame).unwrap();
        frame[..length].to_vec()
    };
    let frame = datagram(ip("192.0.2.50"), ip("198.51.100.7"), 64, b"hello");
    assert_eq!(receive(&mut plane, Instant::ZERO, &gratuitous("198.51.100.7")), Outcome::Local);
    learn(&mut plane, Instant::ZERO, "198.51.100.7", ROUTER);
    assert_eq!(receive(&mut plane, seconds(1), &gratuitous("198.51.100.7")), Outcome::Local);
    assert_eq!(receive(&mut plane, seconds(1), &frame), Outcome::Out(forwarded(&frame, THEM)));
    let asked = due(&mut plane, seconds(1));
    assert_eq!((asked.len(), &asked[0][..6]), (1, &THEM.0[..]), "what it says by itself is asked back");
}

#[test]
fn an_advertisement_is_believed_as_far_as_rfc_4861_says() {
    let frame = datagram(ip("2001:db8:a::50"), ip("2001:db8:b::7"), 64, b"hello");
    let mut plane = plane();
    learn(&mut plane, Instant::ZERO, "2001:db8:b::7", ROUTER);
    let known = Outcome::Out(forwarded(&frame, ROUTER));
    let changed = Outcome::Out(forwarded(&frame, THEM));
    // What passed a router, what is damaged, an option of length 0, an answer to a group, an option that is cut off.
    let mut damaged = advertisement(THEM, "2001:db8:b::7", 0x60, 255);
    *damaged.last_mut().unwrap() ^= 1;
    let option = [&[2, 1][..], &THEM.0].concat();
    let endless = [&option[..], &[14, 0, 0, 0, 0, 0, 0, 0]].concat();
    let cut = [&option[..], &[14, 2, 0, 0, 0, 0, 0, 0]].concat();
    for heard in [
        advertisement(THEM, "2001:db8:b::7", 0x60, 254),
        damaged,
        advertisement_with(&endless, "2001:db8:b::7", "2001:db8:a::1", 0x60, 255),
        advertisement_with(&cut, "2001:db8:b::7", "2001:db8:a::1", 0x60, 255),
        advertisement_with(&option, "2001:db8:b::7", "ff02::1", 0x60, 255),
    ] {
        assert_eq!(receive(&mut plane, seconds(1), &heard), Outcome::Local);
        assert_eq!(receive(&mut plane, seconds(1), &frame), known);
        assert_eq!(plane.deadline(), Instant::FAR);
    }
    // Another address without the override flag: not taken, but asked about.
    assert_eq!(
        receive(&mut plane, seconds(1), &advertisement(THEM, "2001:db8:b::7", 0x40, 255)),
        Outcome::Local
    );
    assert_eq!(receive(&mut plane, seconds(1), &frame), known);
    assert_eq!(due(&mut plane, seconds(1))[0][..6], ROUTER.0);
    // With it: taken.
    assert_eq!(
        receive(&mut plane, seconds(1), &advertisement(THEM, "2001:db8:b::7", 0x60, 255)),
        Outcome::Local
    );
    assert_eq!(receive(&mut plane, seconds(1), &frame), changed);
    assert_eq!(plane.deadline(), Instant::FAR);
    // An answer without its link-layer address confirms the one that is known (RFC 4861 section 7.2.4).
    assert_eq!(receive(&mut plane, seconds(32), &frame), changed);
    let bare = advertisement_with(&[], "2001:db8:b::7", "2001:db8:a::1", 0x40, 255);
    assert_eq!(receive(&mut plane, seconds(32), &bare), Outcome::Local);
    assert_eq!(plane.deadline(), Instant::FAR);
}

#[test]
fn somebody_who_sends_to_addresses_that_are_not_there_costs_those_that_are_nothing() {
    let mut plane = plane(); // four neighbours
    for last in 1..4 {
        learn(&mut plane, seconds(last), &std::format!("198.51.100.{}", 100 + last), ROUTER);
    }
    for last in 10..90 {
        let frame = datagram(ip("192.0.2.66"), ip(&std::format!("198.51.100.{last}")), 64, b"?");
        assert_eq!(receive(&mut plane, seconds(5), &frame), Outcome::Nothing);
        assert!(due(&mut plane, seconds(5)).len() <= 3);
    }
    for last in 1..4 {
        let address = std::format!("198.51.100.{}", 100 + last);
        let frame = datagram(ip("192.0.2.50"), ip(&address), 64, b"hello");
        assert_eq!(receive(&mut plane, seconds(6), &frame), Outcome::Out(forwarded(&frame, ROUTER)));
    }
}

#[test]
fn a_flow_keeps_its_next_hop_and_flows_share_them() {
    let mut plane = plane();
    learn(&mut plane, Instant::ZERO, "198.51.100.7", ROUTER);
    learn(&mut plane, Instant::ZERO, "198.51.100.8", THEM);
    route(&mut plane, "203.0.113.9", 32, &["198.51.100.7", "198.51.100.8"]);
    let mut by_router = 0;
    for port in 0..1_000_u16 {
        let mut frame = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
        frame[34..36].copy_from_slice(&port.to_be_bytes());
        let first = receive(&mut plane, Instant::ZERO, &frame);
        assert!(first == receive(&mut plane, Instant::ZERO, &frame));
        by_router += usize::from(first == Outcome::Out(forwarded(&frame, ROUTER)));
    }
    assert!((400..=600).contains(&by_router), "{by_router} of 1000");
    // Fragments of one packet go one way: the first has ports, the others have none.
    let mut fragment = datagram(ip("192.0.2.50"), ip("203.0.113.9"), 64, b"hello");
    let mut ways: Vec<Vec<u8>> = [[0x20, 0], [0x20, 1], [0, 9]]
        .into_iter()
        .map(|place| {
            fragment[20..22].copy_from_slice(&place);
            fragment[24..26].copy_from_slice(&[0, 0]);
            let sum = internet_checksum(&[&fragment[14..34]]);
            fragment[24..26].copy_from_slice(&sum.to_be_bytes());
            match receive(&mut plane, Instant::ZERO, &fragment) {
                Outcome::Out(frame) => frame[..6].to_vec(),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    ways.dedup();
    assert_eq!(ways.len(), 1);
}

#[test]
fn every_forwarded_header_has_a_right_checksum() {
    let mut rand = Rand::new(1_624);
    let mut plane = plane();
    learn(&mut plane, Instant::ZERO, "198.51.100.7", ROUTER);
    route(&mut plane, "203.0.113.0", 24, &["198.51.100.7"]);
    for _ in 0..20_000 {
        let source = IpAddr::V4([192, 0, 2, 2 + (rand.next() % 250) as u8].into());
        let mut frame =
            datagram(source, ip("203.0.113.9"), 2 + (rand.next() % 254) as u8, &octets(&mut rand, 40));
        // A header with random service, identification and, now and then, options.
        frame[15] = rand.next() as u8;
        frame[18..20].copy_from_slice(&(rand.next() as u16).to_be_bytes());
        if rand.next() & 1 == 0 {
            frame.splice(34..34, [148, 4, 0, 0]);
            frame[14] = 0x46;
            let total = (frame.len() - 14) as u16;
            frame[16..18].copy_from_slice(&total.to_be_bytes());
        }
        let header = usize::from(frame[14] & 15) * 4;
        frame[24..26].copy_from_slice(&[0, 0]);
        let sum = internet_checksum(&[&frame[14..14 + header]]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        let Outcome::Out(out) = receive(&mut plane, Instant::ZERO, &frame) else { panic!() };
        assert_eq!(internet_checksum(&[&out[14..14 + header]]), 0);
        assert!(Ipv4Packet::new_checked(&out[14..]).unwrap().verify_checksum());
        assert_eq!((out[22], &out[14 + header..]), (frame[22] - 1, &frame[14 + header..]));
    }
}

#[test]
fn more_addresses_than_there_is_room_for_are_refused_and_the_earlier_ones_stay() {
    let mut plane = plane();
    let many = [own("192.0.2.77", 24); ADDRESSES + 1];
    assert_eq!(plane.set_addresses(&many), Err(Full));
    let frame = datagram(ip("192.0.2.50"), ip("192.0.2.1"), 64, b"hello");
    assert_eq!(receive(&mut plane, Instant::ZERO, &frame), Outcome::Local);
    assert_eq!(plane.set_addresses(&many[1..]), Ok(()));
    assert_eq!(plane.set_addresses(&[]), Ok(()));
    assert_eq!(
        receive(&mut plane, Instant::ZERO, &frame),
        Outcome::Nothing,
        "no longer ours, and nobody to answer as"
    );
}

/// An ARP request, `to` whom it is sent and from whose hardware address.
fn arp_request(to: Mac, from: Mac, source: &str, target: &str) -> Vec<u8> {
    let v4 = |text: &str| text.parse::<core::net::Ipv4Addr>().unwrap().octets();
    let hardware = &[0, 1, 8, 0, 6, 4, 0, 1][..];
    [&to.0, &from.0, &[8, 6][..], hardware, &from.0, &v4(source), &[0; 6], &v4(target)].concat()
}

#[test]
fn a_request_from_an_address_that_is_on_no_subnet_of_ours_is_answered_for_the_stack_does_not() {
    let everybody = EthernetAddress([0xFF; 6]);
    let group = EthernetAddress([1, 0, 0x5E, 0, 0, 1]);
    for enabled in [true, false] {
        let mut plane = plane();
        plane.set_enabled(enabled);
        // A Linux host asks in the name of the shared address that it has on `lo`; a probe (RFC 5227) in nobody's.
        for (to, source, target) in [
            (everybody, "203.0.113.10", "192.0.2.1"),
            (US, "203.0.113.10", "192.0.2.1"),
            (everybody, "203.0.113.10", "203.0.113.200"),
            (everybody, "0.0.0.0", "192.0.2.1"),
        ] {
            let request = arp_request(to, ROUTER, source, target);
            let mut reply = arp_request(ROUTER, US, target, source);
            reply[21] = 2;
            reply[32..38].copy_from_slice(&ROUTER.0);
            assert_eq!(
                receive(&mut plane, seconds(1), &request),
                Outcome::Answered(reply),
                "{source} {target}"
            );
        }
        // The stack's business, or nobody's.
        for (to, from, source, target) in [
            (everybody, ROUTER, "192.0.2.7", "192.0.2.1"),
            (everybody, ROUTER, "203.0.113.10", "192.0.2.9"),
            (everybody, ROUTER, "203.0.113.10", "203.0.113.10"),
            (THEM, ROUTER, "203.0.113.10", "192.0.2.1"),
            (everybody, US, "203.0.113.10", "192.0.2.1"),
            (everybody, group, "203.0.113.10", "192.0.2.1"),
            (everybody, ROUTER, "224.0.0.1", "192.0.2.1"),
            (everybody, ROUTER, "255.255.255.255", "192.0.2.1"),
        ] {
            let request = arp_request(to, from, source, target);
            assert_eq!(receive(&mut plane, seconds(1), &request), Outcome::Local, "{source} {target}");
        }
        let request = arp_request(everybody, ROUTER, "203.0.113.10", "192.0.2.1");
        for length in 0..request.len() {
            assert_eq!(receive(&mut plane, seconds(1), &request[..length]), Outcome::Local);
        }
        // Nothing was learned of the asker.
        assert_eq!(plane.resolve(seconds(1), ip("203.0.113.10")), Answer::Failed);
    }
}
/// The question of `asker` at `THEM` for `target`, to everybody; and our answer to it.
fn question_and_answer(asker: &str, target: &str) -> [Vec<u8>; 2] {
    let mut buffer = [0; 90];
    let length = ask(THEM, ip(asker), ip(target), None, &mut buffer).unwrap();
    let question = buffer[..length].to_vec();
    let answer = if let (IpAddr::V4(asker), IpAddr::V4(target)) = (ip(asker), ip(target)) {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];
        [&THEM.0[..], &US.0, &head, &US.0, &target.octets(), &THEM.0, &asker.octets()].concat()
    } else {
        let mut frame = advertisement_with(&[&[2, 1][..], &US.0].concat(), target, asker, 0x60, 255);
        frame[..12].copy_from_slice(&[THEM.0, US.0].concat());
        frame
    };
    [question, answer]
}

#[test]
fn a_question_in_the_name_of_an_address_on_no_subnet_of_ours_is_answered() {
    for enabled in [true, false] {
        let mut plane = plane();
        plane.set_enabled(enabled);
        for (asker, target) in [
            ("10.9.9.9", "198.51.100.1"),
            ("10.9.9.9", "203.0.113.200"),
            ("2001:db8:99::9", "2001:db8:b::1"),
            ("2001:db8:99::9", "fe80::1"),
        ] {
            let [mut question, answer] = question_and_answer(asker, target);
            assert_eq!(receive(&mut plane, Instant::ZERO, &question), Outcome::Answered(answer.clone()));
            question[..6].copy_from_slice(&US.0);
            assert_eq!(receive(&mut plane, Instant::ZERO, &question), Outcome::Answered(answer));
            question[..6].copy_from_slice(&ROUTER.0);
            assert_eq!(receive(&mut plane, Instant::ZERO, &question), Outcome::Local, "to somebody else");
        }
    }
}

#[test]
fn every_other_question_is_left_to_the_stack() {
    let mut plane = plane();
    for (asker, target) in [
        ("192.0.2.50", "192.0.2.1"),    // on a subnet of ours
        ("203.0.113.200", "192.0.2.1"), // our own shared address: the other machine of a pair
        ("224.0.0.1", "192.0.2.1"),
        ("10.9.9.9", "192.0.2.2"), // not ours
        ("2001:db8:a::50", "2001:db8:a::1"),
        ("fe80::50", "fe80::1"),
        ("::", "2001:db8:a::1"),
        ("ff02::1", "2001:db8:a::1"),
        ("2001:db8:99::9", "2001:db8:a::2"),
    ] {
        let [question, _] = question_and_answer(asker, target);
        assert_eq!(receive(&mut plane, Instant::ZERO, &question), Outcome::Local, "{asker} for {target}");
    }
    for (asker, target) in [("10.9.9.9", "192.0.2.1"), ("2001:db8:99::9", "2001:db8:a::1")] {
        let [whole, _] = question_and_answer(asker, target);
        for length in 0..whole.len() {
            assert_eq!(
                receive(&mut plane, Instant::ZERO, &whole[..length]),
                Outcome::Local,
                "cut at {length}"
            );
        }
    }
    let [mut reply, _] = question_and_answer("10.9.9.9", "192.0.2.1");
    reply[21] = 2;
    assert_eq!(receive(&mut plane, Instant::ZERO, &reply), Outcome::Local);
    reply[21] = 1;
    reply[22..28].copy_from_slice(&[0xFF; 6]);
    assert_eq!(
        receive(&mut plane, Instant::ZERO, &reply),
        Outcome::Local,
        "the answer would go to everybody"
    );
    // RFC 4861 section 7.1.1: it has passed a router, is damaged, has an option without an end.
    let [solicitation, _] = question_and_answer("2001:db8:99::9", "2001:db8:a::1");
    for (at, octet) in [(21, 254), (57, 1), (60, 1), (79, 0)] {
        let mut bad = solicitation.clone();
        bad[at] = octet;
        assert_eq!(receive(&mut plane, Instant::ZERO, &bad), Outcome::Local, "octet {at}");
    }
    assert_eq!(plane.deadline(), Instant::FAR, "nothing was learned, nobody asked for");
}
