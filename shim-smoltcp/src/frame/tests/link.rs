//! Two smoltcp stacks on one link, each behind its port, in virtual time.

use core::net::IpAddr;
use std::vec::Vec;

use holdover_core::base::net::Prefix;
use holdover_core::base::rand::Rand;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{IpCidr, TcpPacket};

use super::port::Wire;
use super::{THEM, US, internet_checksum, ip};
use crate::frame::guard::{Guard, GuardCounters};
use crate::frame::port::Port;
use crate::frame::{FRAME, Mac};

const NONE: GuardCounters = Guard::<0>::new().counters();

const ADDRESSES: [[&str; 2]; 2] = [["192.0.2.1", "192.0.2.2"], ["2001:db8::1", "2001:db8::2"]];

struct Station {
    port: Port<Wire>,
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: SocketHandle,
}

impl Station {
    fn new(mac: Mac, which: usize) -> Self {
        let mut port = Port::new(Wire::new());
        port.set_mac(mac);
        let mut config = Config::new(mac.into());
        config.random_seed = which as u64;
        let mut interface = Interface::new(config, &mut port, StackInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ip(ADDRESSES[0][which]).into(), 24)).unwrap();
            addresses.push(IpCidr::new(ip(ADDRESSES[1][which]).into(), 64)).unwrap();
        });
        let buffer = || SocketBuffer::new(std::vec![0; 4_096]);
        let mut sockets = SocketSet::new(Vec::new());
        let tcp = sockets.add(Socket::new(buffer(), buffer()));
        Self { port, interface, sockets, tcp }
    }

    fn tcp(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.tcp)
    }

    fn poll(&mut self, now: StackInstant) {
        self.interface.poll(now, &mut self.port, &mut self.sockets);
    }
}

/// What a router does to a packet.
fn one_hop(frame: &mut [u8]) {
    match frame[12..14] {
        [0x08, 0x00] => {
            frame[22] -= 1;
            frame[24..26].copy_from_slice(&[0, 0]);
            let sum = internet_checksum(&[&frame[14..34]]);
            frame[24..26].copy_from_slice(&sum.to_be_bytes());
        }
        [0x86, 0xDD] if frame[20] == 6 => frame[21] -= 1,
        _ => {} // how the stations find each other
    }
}

/// What became of a connection and 20,000 octets over it.
struct Outcome {
    state: State,
    received: usize,
    client: GuardCounters,
    server: GuardCounters,
    /// What the client sent.
    frames: Vec<Vec<u8>>,
}

/// A connection for ten seconds, with these keys, over so many routers, while so many of a hundred frames are lost. Both
/// ends demand a TTL of 255.
fn connect(family: usize, keys: [Option<&[u8]>; 2], routers: u8, lost: u32) -> Outcome {
    let (mut client, mut server) = (Station::new(US, 0), Station::new(THEM, 1));
    let mut rand = Rand::new(6_691);
    let remote = |which: usize| ip(ADDRESSES[family][1 - which]);
    for (which, station) in [&mut client, &mut server].into_iter().enumerate() {
        station.port.guard.set_key(Prefix::host(remote(which)), 0, keys[which]).unwrap();
        station.port.guard.set_least_ttl(Prefix::host(remote(which)), 0, 255).unwrap();
    }
    server.tcp().listen(179).unwrap();
    let socket = client.sockets.get_mut::<Socket>(client.tcp);
    socket.connect(client.interface.context(), (remote(0), 179), 50_000).unwrap();
    let (mut sent, mut received, mut frames) = (0, 0, Vec::new());
    for milli in 0..10_000 {
        let now = StackInstant::from_millis(milli);
        client.poll(now);
        server.poll(now);
        if client.tcp().can_send() && sent < 20_000 {
            sent += client.tcp().send_slice(&std::vec![7; 20_000 - sent]).unwrap();
        }
        while server.tcp().can_recv() {
            received += server.tcp().recv(|octets| (octets.len(), octets.len())).unwrap();
        }
        frames.extend(client.port.device.outgoing.iter().cloned());
        let mut pass = |mut frame: Vec<u8>| {
            (0..routers).for_each(|_| one_hop(&mut frame));
            (rand.next() % 100 >= lost).then_some(frame)
        };
        server.port.device.incoming.extend(client.port.device.outgoing.drain(..).filter_map(&mut pass));
        client.port.device.incoming.extend(server.port.device.outgoing.drain(..).filter_map(&mut pass));
    }
    let state = client.tcp().state();
    Outcome {
        state,
        received,
        client: client.port.counters().guard,
        server: server.port.counters().guard,
        frames,
    }
}

#[test]
fn two_stacks_with_one_key_talk_and_every_segment_is_signed() {
    for family in 0..2 {
        let Outcome { state, received, client, server, frames } =
            connect(family, [Some(b"key"), Some(b"key")], 0, 0);
        assert_eq!((state, received), (State::Established, 20_000));
        assert!(client.signed > 14 && client.verified > 0 && server.signed == client.verified);
        assert_eq!(client, GuardCounters { signed: client.signed, verified: client.verified, ..NONE });
        assert_eq!(server.verified, client.signed);
        assert_eq!(frames.iter().map(Vec::len).max(), Some(FRAME), "a signature has its room, and no more");
    }
}

#[test]
fn segments_that_are_sent_again_are_signed_again() {
    for family in 0..2 {
        let Outcome { state, received, client, server, .. } =
            connect(family, [Some(b"key"), Some(b"key")], 0, 10);
        assert_eq!((state, received), (State::Established, 20_000));
        assert!(client.signed > server.verified, "some were lost");
        for end in [client, server] {
            assert_eq!(end, GuardCounters { signed: end.signed, verified: end.verified, ..NONE });
        }
    }
}

#[test]
fn two_stacks_without_keys_talk_as_if_there_were_no_port() {
    for family in 0..2 {
        let Outcome { state, received, client, .. } = connect(family, [None, None], 0, 0);
        assert_eq!((state, received), (State::Established, 20_000));
        assert_eq!(client, NONE);
    }
}

#[test]
fn different_keys_or_one_alone_never_connect() {
    let counted = |keys| {
        let Outcome { state, received, server, .. } = connect(0, keys, 0, 0);
        assert_eq!((state, received), (State::SynSent, 0));
        server
    };
    assert!(counted([Some(b"key"), Some(b"another")]).forged > 1);
    assert!(counted([Some(b"key"), None]).unexpected > 1);
    assert!(counted([None, Some(b"key")]).missing > 1);
}

#[test]
fn a_segment_that_has_passed_a_router_never_connects() {
    for family in 0..2 {
        let Outcome { state, received, server, .. } = connect(family, [Some(b"key"); 2], 1, 0);
        assert_eq!((state, received), (State::SynSent, 0));
        assert!(server.low_ttl > 1);
    }
}

/// A reset is smoltcp's answer where nobody listens, without a socket.
#[test]
fn a_refusal_is_signed_and_believed() {
    for ends in ADDRESSES {
        let (mut client, mut server) = (Station::new(US, 0), Station::new(THEM, 1));
        for (station, which) in [(&mut client, 1), (&mut server, 0)] {
            let remote = Prefix::host(ip(ends[which]));
            station.port.guard.set_key(remote, 0, Some(b"key")).unwrap();
            station.port.guard.set_least_ttl(remote, 0, 255).unwrap();
        }
        let socket = client.sockets.get_mut::<Socket>(client.tcp);
        socket.connect(client.interface.context(), (ip(ends[1]), 179), 50_000).unwrap();
        for milli in 0..100 {
            let now = StackInstant::from_millis(milli);
            client.poll(now);
            server.poll(now);
            server.port.device.incoming.extend(client.port.device.outgoing.drain(..));
            client.port.device.incoming.extend(server.port.device.outgoing.drain(..));
        }
        assert_eq!(client.tcp().state(), State::Closed);
        assert_eq!((server.port.counters().guard.signed, client.port.counters().guard.verified), (1, 1));
    }
}

/// smoltcp skips over the option that the guard leaves in a received segment.
#[test]
fn the_peers_mss_is_read_beside_a_signature() {
    let Outcome { frames, .. } = connect(0, [Some(b"key"), Some(b"key")], 0, 0);
    let syn = frames.iter().find(|frame| frame[12..14] == [8, 0]).unwrap();
    let tcp = TcpPacket::new_checked(&syn[34..]).unwrap();
    assert!(tcp.syn() && tcp.verify_checksum(&IpAddr::from([192, 0, 2, 1]).into(), &ip("192.0.2.2").into()));
    assert_eq!(tcp.options()[..4], [1, 1, 19, 18]);
    assert_eq!(tcp.options()[20..24], [2, 4, 0x05, 0xB4], "1460: without options, RFC 6691 section 2");
}
