//! The sockets against a peer that a test plays, over loopback.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration as StdDuration;

use holdover_core::base::net::Prefix;
use holdover_core::config::{Config, Platform, parse};
use holdover_core::engine::{BfdId, PeerId, Secret, Slot, TcpOptions};

use super::timer::now;
use super::*;
use crate::host::tests::in_a_namespace;
use crate::sys::datagram::BATCH;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(10);

const CONN: ConnId = ConnId { peer: PeerId(3), slot: Slot::Outgoing, generation: 7 };
const OPTIONS: TcpOptions<'static> = TcpOptions { key: None, ttl: 1, min_ttl: 0 };

/// The sockets, and every octet that was received.
struct Bench {
    io: Io,
    received: Vec<u8>,
    largest: usize,
    datagrams: Vec<(BfdKind, Arrival, Vec<u8>)>,
    _signals: UnixStream,
}

impl Bench {
    fn new() -> Self {
        let (signals, other) = UnixStream::pair().unwrap();
        let io = Io::open(Host::open(Vec::new()).unwrap(), signals.as_raw_fd()).unwrap();
        std::mem::forget(signals);
        Self { io, received: Vec::new(), largest: 0, datagrams: Vec::new(), _signals: other }
    }

    /// What one turn says of connections and listeners.
    fn turn(&mut self) -> Vec<Input<'static>> {
        self.io.wait(now(), now() + Duration::from_millis(20)).unwrap();
        self.io.begin_turn(now());
        let mut facts = Vec::new();
        while let Some(fact) = self.io.next() {
            match fact {
                Fact::Received { conn, len } => {
                    assert_eq!(conn, CONN);
                    self.largest = self.largest.max(len);
                    self.received.extend_from_slice(&self.io.buffer[..len]);
                }
                Fact::Datagram { kind, arrival, place } => {
                    let payload = self.io.datagrams.payload(place).to_vec();
                    self.datagrams.push((kind, arrival, payload));
                }
                Fact::Link { .. } | Fact::Plain(Input::Address { .. } | Input::Resync { .. }) => {}
                Fact::Plain(input) => facts.push(input),
            }
        }
        facts
    }

    /// Everything that is said until `enough`.
    fn until(&mut self, mut enough: impl FnMut(&Self, &[Input<'static>]) -> bool) -> Vec<Input<'static>> {
        let (mut facts, end) = (Vec::new(), now() + PATIENCE);
        while !enough(self, &facts) {
            assert!(now() < end, "not said within {PATIENCE:?}: {facts:?}");
            facts.extend(self.turn());
        }
        facts
    }

    fn execute(&mut self, order: Output<'_>) {
        self.io.execute(now(), order);
    }

    fn connect(&mut self, remote: Endpoint) {
        self.execute(Output::Connect { conn: CONN, local: None, via: None, remote, options: OPTIONS });
    }

    fn said(&mut self) -> Input<'static> {
        let facts = self.until(|_, facts| !facts.is_empty());
        assert_eq!(facts.len(), 1, "{facts:?}");
        facts[0]
    }
}

fn endpoint_of(listener: &TcpListener) -> Endpoint {
    tcp::endpoint(listener.local_addr().unwrap())
}

/// A connection, and the peer's end of it.
fn connected(host: &str) -> (Bench, TcpStream) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let mut bench = Bench::new();
    bench.connect(endpoint_of(&listener));
    let (peer, from) = listener.accept().unwrap();
    match bench.said() {
        Input::Connected { conn: CONN, local } => assert_eq!(local, tcp::endpoint(from)),
        other => panic!("{other:?}"),
    }
    (bench, peer)
}

#[test]
fn octets_go_both_ways_on_both_families() {
    for host in ["127.0.0.1", "::1"] {
        let (mut bench, mut peer) = connected(host);
        bench.execute(Output::Send { conn: CONN, bytes: b"open" });
        assert!(matches!(bench.said(), Input::Sent { conn: CONN, len: 4 }));
        let mut octets = [0; 4];
        peer.read_exact(&mut octets).unwrap();
        assert_eq!(&octets, b"open");
        peer.write_all(b"keepalive").unwrap();
        bench.until(|bench, _| bench.received == b"keepalive");
    }
}

#[test]
fn a_refused_connect_fails_with_its_reason() {
    let remote = endpoint_of(&TcpListener::bind("127.0.0.1:0").unwrap()); // Closed at once: nobody listens there.
    let mut bench = Bench::new();
    bench.connect(remote);
    assert!(matches!(bench.said(), Input::ConnectFailed { conn: CONN, why: IoError::Refused }));
}

#[test]
fn a_connect_from_an_address_that_is_not_ours_fails_at_once() {
    let mut bench = Bench::new();
    let remote = Endpoint { address: IpAddr::V6(Ipv6Addr::LOCALHOST), port: 179, link: None };
    let local = Some("2001:db8::1".parse().unwrap());
    bench.execute(Output::Connect { conn: CONN, local, via: None, remote, options: OPTIONS });
    assert!(matches!(bench.said(), Input::ConnectFailed { conn: CONN, why: IoError::AddressUnavailable }));
}

#[test]
fn a_connect_that_is_closed_is_answered_by_closed_only() {
    // One that is under way, and one that has failed already.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local: IpAddr = "192.0.2.77".parse().unwrap();
    for local in [None, Some(local)] {
        let mut bench = Bench::new();
        let remote = endpoint_of(&listener);
        bench.execute(Output::Connect { conn: CONN, local, via: None, remote, options: OPTIONS });
        bench.execute(Output::Close { conn: CONN, how: CloseHow::Graceful });
        assert!(matches!(bench.said(), Input::Closed { conn: CONN, why: IoError::None }));
        assert!(bench.turn().is_empty() && bench.io.connections.iter().all(Option::is_none));
    }
}

#[test]
fn a_full_wire_answers_when_it_takes_more() {
    let (mut bench, mut peer) = connected("127.0.0.1");
    let bytes = vec![7; 64 << 10];
    let mut sent = 0;
    let waits = loop {
        bench.execute(Output::Send { conn: CONN, bytes: &bytes });
        match bench.turn().as_slice() {
            [] => break bench.io.connection(CONN).unwrap().1.has_to_write(),
            [Input::Sent { len, .. }] => sent += len,
            other => panic!("{other:?}"),
        }
    };
    assert!(!waits, "it says that it takes more before it does");
    let reader = std::thread::spawn(move || {
        let mut octets = Vec::new();
        peer.read_to_end(&mut octets).map(|_| octets.len())
    });
    match bench.said() {
        Input::Sent { conn: CONN, len } => sent += len,
        other => panic!("{other:?}"),
    }
    bench.execute(Output::AskFlushed { conn: CONN });
    assert!(matches!(bench.said(), Input::Flushed { conn: CONN }));
    bench.execute(Output::Close { conn: CONN, how: CloseHow::Graceful });
    assert!(matches!(bench.said(), Input::Closed { conn: CONN, why: IoError::None }));
    assert_eq!(reader.join().unwrap().unwrap(), sent);
}

#[test]
fn at_most_four_kib_are_read_in_one_turn() {
    let (mut bench, mut peer) = connected("::1");
    let all: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    peer.write_all(&all).unwrap();
    let mut turns = 0;
    while bench.received.len() < all.len() {
        bench.turn();
        turns += 1;
    }
    assert!(turns >= all.len().div_ceil(READ));
    assert!(bench.largest <= READ && bench.received == all);
}

#[test]
fn the_peers_end_is_told_after_its_last_words() {
    let (mut bench, mut peer) = connected("127.0.0.1");
    peer.write_all(b"cease").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(bench.said(), Input::Closed { conn: CONN, why: IoError::Reset }));
    assert_eq!(bench.received, b"cease");
}

#[test]
fn last_words_are_heard_even_when_sending_has_failed() {
    let (mut bench, mut peer) = connected("127.0.0.1");
    peer.write_all(b"cease").unwrap();
    drop(peer);
    // The first write draws a reset; the second one fails, before anything was read.
    bench.execute(Output::Send { conn: CONN, bytes: b"keepalive" });
    let end = now() + PATIENCE;
    while bench.io.connection(CONN).is_some_and(|(_, connection)| !connection.has_to_read()) {
        assert!(now() < end);
        bench.execute(Output::Send { conn: CONN, bytes: b"keepalive" });
    }
    let closed = |facts: &[Input<'_>]| facts.iter().any(|fact| matches!(fact, Input::Closed { .. }));
    let facts = bench.until(|_, facts| closed(facts));
    assert!(matches!(facts.last(), Some(Input::Closed { conn: CONN, why: IoError::Reset })), "{facts:?}");
    assert_eq!(bench.received, b"cease");
}

#[test]
fn our_last_words_survive_what_the_peer_still_sends() {
    let (mut bench, mut peer) = connected("127.0.0.1");
    peer.write_all(&vec![1; 20_000]).unwrap();
    bench.execute(Output::Send { conn: CONN, bytes: b"notification" });
    bench.execute(Output::Close { conn: CONN, how: CloseHow::Graceful });
    peer.write_all(&vec![2; 20_000]).unwrap();
    for _ in 0..20 {
        let said = bench.turn();
        assert!(said.iter().all(|fact| matches!(fact, Input::Sent { .. })), "{said:?}");
    }
    let mut octets = Vec::new();
    peer.read_to_end(&mut octets).unwrap();
    assert_eq!(octets, b"notification");
    drop(peer);
    assert!(matches!(bench.said(), Input::Closed { conn: CONN, why: IoError::None }));
}

#[test]
fn an_abort_is_a_reset() {
    let (mut bench, mut peer) = connected("127.0.0.1");
    bench.execute(Output::Close { conn: CONN, how: CloseHow::Abort });
    assert!(matches!(bench.said(), Input::Closed { conn: CONN, why: IoError::None }));
    let error = peer.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn who_connects_is_adopted_or_refused() {
    let mut bench = Bench::new();
    let listener = ListenerId(1);
    let local = Endpoint { address: IpAddr::V6(Ipv6Addr::LOCALHOST), port: 0, link: None };
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
    let port = bench.io.listeners[1].as_ref().unwrap().as_ref().unwrap().port();
    let mut peers = Vec::new();
    for adopt in [true, false] {
        let mut peer = TcpStream::connect(("::1", port)).unwrap();
        let Input::Accepted { socket, listener: ListenerId(1), remote, .. } = bench.said() else { panic!() };
        assert_eq!(remote, tcp::endpoint(peer.local_addr().unwrap()));
        if adopt {
            bench.execute(Output::Adopt { socket, conn: CONN, options: OPTIONS });
            peer.write_all(b"open").unwrap();
            bench.until(|bench, _| bench.received == b"open");
        } else {
            bench.execute(Output::Refuse { socket });
            peer.set_read_timeout(Some(StdDuration::from_secs(10))).unwrap();
            assert_eq!(peer.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        }
        peers.push(peer);
    }
    bench.execute(Output::Unlisten { listener });
    assert!(TcpStream::connect(("::1", port)).is_err());
}

#[test]
fn a_listener_demands_the_key_of_its_prefix() {
    let mut bench = Bench::new();
    let listener = ListenerId(0);
    let local = Endpoint { address: "127.0.0.1".parse().unwrap(), port: 0, link: None };
    let remote = "127.0.0.0".parse().ok().and_then(|address| Prefix::new(address, 8)).unwrap();
    bench.execute(Output::ListenKey { listener, remote, key: Some(Secret(b"secret")) });
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
    let port = bench.io.listeners[0].as_ref().unwrap().as_ref().unwrap().port();
    let dial = |bench: &mut Bench, key: &'static [u8], generation| {
        let conn = ConnId { generation, ..CONN };
        let options = TcpOptions { key: Some(Secret(key)), ..OPTIONS };
        let remote = Endpoint { port, ..local };
        bench.execute(Output::Connect { conn, local: None, via: None, remote, options });
    };
    dial(&mut bench, b"wrong", 1);
    dial(&mut bench, b"secret", 2);
    let facts = bench.until(|_, facts| facts.len() >= 2);
    assert!(
        facts.iter().any(|fact| matches!(fact, Input::Connected { conn, .. } if conn.generation == 2)),
        "{facts:?}"
    );
    assert!(!facts.iter().any(|fact| matches!(fact, Input::Connected { conn, .. } if conn.generation == 1)));
}

#[test]
fn who_waits_to_be_accepted_goes_with_the_listener() {
    let mut bench = Bench::new();
    let listener = ListenerId(0);
    let mut local = Endpoint { address: "127.0.0.1".parse().unwrap(), port: 0, link: None };
    bench.execute(Output::Listen { listener, local });
    local.port = bench.io.listeners[0].as_ref().unwrap().as_ref().unwrap().port();
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
    // Its handshake is over, and it has said all that a session needs before the key comes.
    let mut early = TcpStream::connect(("127.0.0.1", local.port)).unwrap();
    early.write_all(b"open and keepalive").unwrap();
    let remote = Prefix::host("127.0.0.1".parse().unwrap());
    bench.execute(Output::Unlisten { listener });
    bench.execute(Output::ListenKey { listener, remote, key: Some(Secret(b"secret")) });
    bench.execute(Output::Listen { listener, local });
    let facts = bench.until(|_, facts| !facts.is_empty());
    assert!(matches!(facts[..], [Input::ListenDone { result: Ok(()), .. }]), "{facts:?}");
    early.set_read_timeout(Some(StdDuration::from_secs(10))).unwrap();
    assert_eq!(early.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!((0..10).all(|_| bench.turn().is_empty()), "somebody came in without the key");
}

#[test]
fn a_listener_whose_socket_for_keys_could_not_be_made_does_not_listen_without_them() {
    let mut bench = Bench::new();
    let listener = ListenerId(0);
    let local = Endpoint { address: "127.0.0.1".parse().unwrap(), port: 0, link: None };
    bench.io.listeners[0] = Err(IoError::Exhausted); // As a process without a free descriptor leaves it.
    let remote = Prefix::host("127.0.0.1".parse().unwrap());
    bench.execute(Output::ListenKey { listener, remote, key: Some(Secret(b"secret")) });
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Err(IoError::Exhausted), .. }));
    bench.execute(Output::ListenKey { listener, remote, key: Some(Secret(b"secret")) });
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
}

const LO: LinkId = LinkId(1);
const BFD: BfdId = BfdId { peer: PeerId(5), generation: 1 };
const HOSTS: [&str; 2] = ["127.0.0.1", "::1"];
const KINDS: [BfdKind; 2] = [BfdKind::SingleHop, BfdKind::Multihop];

impl Bench {
    /// A session with ourselves; whether it could be opened.
    fn open_datagram(&mut self, bfd: BfdId, kind: BfdKind, host: &str) -> Result<(), IoError> {
        let address = host.parse().unwrap();
        self.execute(Output::OpenDatagram { bfd, kind, local: address, remote: address, via: None });
        match self.said() {
            Input::DatagramDone { bfd: done, result } if done == bfd => result,
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, count: usize) -> Vec<(BfdKind, Arrival, Vec<u8>)> {
        self.until(|bench, _| bench.datagrams.len() >= count);
        std::mem::take(&mut self.datagrams)
    }
}

fn session(number: u16) -> BfdId {
    BfdId { peer: PeerId(number), ..BFD }
}

#[test]
fn datagrams_of_each_kind_and_family_come_with_ttl_link_and_addresses() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        let mut number = 0;
        for host in HOSTS {
            for kind in KINDS {
                number += 1;
                bench.open_datagram(session(number), kind, host).unwrap();
                bench.execute(Output::SendDatagram { bfd: session(number), bytes: host.as_bytes() });
                let address = host.parse().unwrap();
                let arrival = Arrival { link: LO, local: address, remote: address, ttl: 255 };
                assert_eq!(bench.hear(1), [(kind, arrival, host.as_bytes().to_vec())]);
            }
        }
        let mut ports: Vec<u16> = bench.io.datagrams.ports().collect();
        assert!(ports.iter().all(|port| *port >= 49_152), "{ports:?}");
        ports.dedup();
        assert_eq!(ports.len(), usize::from(number));
    });
}

#[test]
fn a_datagram_from_farther_away_tells_its_ttl() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        bench.open_datagram(BFD, BfdKind::SingleHop, "127.0.0.1").unwrap();
        let far = UdpSocket::bind("127.0.0.7:0").unwrap();
        far.set_ttl(254).unwrap();
        far.send_to(&[9; 100], "127.0.0.9:3784").unwrap();
        let arrival = Arrival {
            link: LO,
            local: "127.0.0.9".parse().unwrap(),
            remote: "127.0.0.7".parse().unwrap(),
            ttl: 254,
        };
        assert_eq!(bench.hear(1), [(BfdKind::SingleHop, arrival, vec![9; 64])]);
    });
}

#[test]
fn a_port_that_another_daemon_has_is_in_use() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        let other = UdpSocket::bind("127.0.0.1:3784").unwrap();
        assert_eq!(bench.open_datagram(BFD, BfdKind::SingleHop, "127.0.0.1"), Err(IoError::InUse));
        assert_eq!(bench.open_datagram(session(6), BfdKind::Multihop, "127.0.0.1"), Ok(()));
        drop(other);
        assert_eq!(bench.open_datagram(BFD, BfdKind::SingleHop, "127.0.0.1"), Ok(()));
    });
}

#[test]
fn a_session_from_an_address_that_is_not_ours_is_refused_and_leaves_no_port_open() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        for host in ["192.0.2.1", "2001:db8::1"] {
            let refused = bench.open_datagram(BFD, BfdKind::SingleHop, host);
            assert_eq!(refused, Err(IoError::AddressUnavailable));
        }
        drop(UdpSocket::bind("127.0.0.1:3784").unwrap());
        drop(UdpSocket::bind("[::1]:3784").unwrap());
    });
}

#[test]
fn a_port_is_open_as_long_as_a_session_needs_it() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        for number in [1, 2] {
            bench.open_datagram(session(number), BfdKind::SingleHop, "::1").unwrap();
        }
        bench.execute(Output::CloseDatagram { bfd: session(1) });
        assert!(UdpSocket::bind("[::1]:3784").is_err());
        bench.execute(Output::SendDatagram { bfd: session(2), bytes: b"still" });
        assert_eq!(bench.hear(1)[0].2, b"still");
        bench.execute(Output::CloseDatagram { bfd: session(2) });
        bench.execute(Output::SendDatagram { bfd: session(2), bytes: b"lost" });
        drop(UdpSocket::bind("[::1]:3784").unwrap());
    });
}

#[test]
fn all_datagrams_that_wait_are_taken_in_one_turn_and_a_flood_ends_it_all_the_same() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        bench.open_datagram(BFD, BfdKind::Multihop, "127.0.0.1").unwrap();
        for number in 0..150_u8 {
            bench.execute(Output::SendDatagram { bfd: BFD, bytes: &[number] });
        }
        // After a stall the clock is told when all of them are.
        bench.turn();
        let all: Vec<u8> = bench.datagrams.drain(..).map(|(.., payload)| payload[0]).collect();
        assert_eq!(all, (0..150).collect::<Vec<u8>>());
        // One that goes on while it is read: each packet brings the next one.
        bench.execute(Output::SendDatagram { bfd: BFD, bytes: &[0; BATCH] });
        let mut heard = 0;
        for _ in 0..BATCH {
            bench.execute(Output::SendDatagram { bfd: BFD, bytes: &[0] });
        }
        bench.io.wait(now(), now() + Duration::from_millis(20)).unwrap();
        bench.io.begin_turn(now());
        while let Some(fact) = bench.io.next() {
            if matches!(fact, Fact::Datagram { .. }) {
                heard += 1;
                bench.execute(Output::SendDatagram { bfd: BFD, bytes: &[0] });
            }
        }
        assert_eq!(heard, BATCH * usize::try_from(BATCHES).unwrap());
    });
}

/// Lets in the neighbors and ranges of these lines below `router bgp`.
fn let_in(bench: &mut Bench, lines: &str) {
    let text = format!("router bgp 65000\nneighbor G peer-group\nneighbor G remote-as external\n{lines}");
    let mut config = Box::<Config<4, 1>>::default();
    let mut said = Vec::new();
    let parsed =
        parse(&text, &Platform::ALL, &mut config, &mut |diagnostic| said.push(format!("{diagnostic:?}")));
    assert!(parsed.is_ok(), "{said:?}");
    bench.io.let_in(config.view());
}

const SOME: &str = "neighbor 127.0.0.2 remote-as external\nbgp listen range 127.0.1.0/24 peer-group G\n\
                    neighbor ::1 remote-as external\n";

/// Who of these is accepted by a listener at this address; the others get no answer at all.
fn accepted(bench: &mut Bench, local: Endpoint, from: &[&str]) -> Vec<IpAddr> {
    let dialled: Vec<Socket> = from
        .iter()
        .map(|from| {
            let from = Endpoint { address: from.parse().unwrap(), port: 0, link: None };
            let socket = tcp::new_socket(from.address).unwrap();
            socket.bind(&tcp::socket_address(from).into()).unwrap();
            let _ = socket.connect(&tcp::socket_address(local).into()); // It does not wait.
            socket
        })
        .collect();
    let (mut sources, end) = (Vec::new(), now() + Duration::from_millis(300));
    while now() < end {
        for fact in bench.turn() {
            let Input::Accepted { socket, remote, .. } = fact else { panic!("{fact:?}") };
            sources.push(remote.address);
            bench.execute(Output::Refuse { socket });
        }
    }
    for (socket, from) in dialled.iter().zip(from) {
        let refused = socket.take_error().unwrap().is_some();
        let was_in = sources.contains(&from.parse().unwrap());
        assert!(was_in || !refused, "{from} was refused, and should hear nothing");
    }
    sources.sort_unstable();
    sources
}

#[test]
fn a_listener_hears_nothing_of_strangers_and_a_reload_changes_who_they_are() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        let_in(&mut bench, SOME);
        let listener = ListenerId(0);
        let mut local = Endpoint { address: "127.0.0.1".parse().unwrap(), port: 0, link: None };
        bench.execute(Output::Listen { listener, local });
        assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
        local.port = bench.io.listeners[0].as_ref().unwrap().as_ref().unwrap().port();
        let all =
            ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.0", "127.0.1.255", "127.0.2.0", "127.1.0.2"];
        let are = |these: &[&str]| these.iter().map(|one| one.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(accepted(&mut bench, local, &all), are(&["127.0.0.2", "127.0.1.0", "127.0.1.255"]));
        let_in(&mut bench, "neighbor 127.0.0.3 remote-as external\n");
        assert_eq!(accepted(&mut bench, local, &all), are(&["127.0.0.3"]));
        let_in(&mut bench, "bgp listen range 0.0.0.0/0 peer-group G\n");
        assert_eq!(accepted(&mut bench, local, &all).len(), all.len());
    });
}

#[test]
fn a_connection_that_was_accepted_is_not_filtered_any_more() {
    let mut bench = Bench::new();
    let_in(&mut bench, SOME);
    let listener = ListenerId(1);
    let local = Endpoint { address: IpAddr::V6(Ipv6Addr::LOCALHOST), port: 0, link: None };
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
    let port = bench.io.listeners[1].as_ref().unwrap().as_ref().unwrap().port();
    let mut peer = TcpStream::connect(("::1", port)).unwrap();
    let Input::Accepted { socket, .. } = bench.said() else { panic!() };
    bench.execute(Output::Adopt { socket, conn: CONN, options: OPTIONS });
    let_in(&mut bench, "neighbor fd00::1 remote-as external\n");
    peer.write_all(b"update").unwrap();
    bench.until(|bench, _| bench.received == b"update");
    let second = accepted(&mut bench, Endpoint { port, ..local }, &["::1"]);
    assert!(second.is_empty(), "{second:?}");
}

#[test]
fn the_receivers_of_bfd_hear_nothing_of_strangers() {
    in_a_namespace(|| {
        let mut bench = Bench::new();
        let_in(&mut bench, SOME);
        for kind in KINDS {
            bench.open_datagram(session(u16::from(kind == BfdKind::Multihop)), kind, "127.0.0.1").unwrap();
        }
        let send = |from: &str, kind: BfdKind| {
            UdpSocket::bind((from, 0)).unwrap().send_to(from.as_bytes(), ("127.0.0.1", kind.port())).unwrap();
        };
        let sources = |bench: &mut Bench, count| {
            let heard = bench.hear(count);
            heard.iter().map(|(_, arrival, _)| arrival.remote.to_string()).collect::<Vec<_>>()
        };
        for kind in KINDS {
            for from in ["127.0.0.3", "127.0.0.2", "127.0.2.1", "127.0.1.9"] {
                send(from, kind);
            }
            assert_eq!(sources(&mut bench, 2), ["127.0.0.2", "127.0.1.9"]);
        }
        let_in(&mut bench, "neighbor 127.0.0.3 remote-as external\n");
        for from in ["127.0.0.2", "127.0.0.3"] {
            send(from, BfdKind::Multihop);
        }
        assert_eq!(sources(&mut bench, 1), ["127.0.0.3"]);
    });
}

#[test]
fn a_listener_accepts_so_many_in_a_second_and_the_others_in_the_next() {
    let mut bench = Bench::new();
    let listener = ListenerId(0);
    let mut local = Endpoint { address: "127.0.0.1".parse().unwrap(), port: 0, link: None };
    bench.execute(Output::Listen { listener, local });
    assert!(matches!(bench.said(), Input::ListenDone { result: Ok(()), .. }));
    local.port = bench.io.listeners[0].as_ref().unwrap().as_ref().unwrap().port();
    let (begin, mut times) = (now(), Vec::new());
    let mut dialled = Vec::new();
    while times.len() < 600 {
        // No more than can wait.
        while dialled.len() < times.len() + 100 {
            dialled.push(TcpStream::connect(("127.0.0.1", local.port)).unwrap());
        }
        for fact in bench.turn() {
            let Input::Accepted { socket, .. } = fact else { panic!("{fact:?}") };
            times.push(now() - begin);
            bench.execute(Output::Refuse { socket });
        }
        assert!(now() < begin + PATIENCE, "{} accepted", times.len());
    }
    assert!(times[512] - times[0] >= Duration::from_millis(990), "{:?}", times[512] - times[0]);
}
