//! The engine: one message through `handle` and `poll`, the template through `parse`, and a whole session between two
//! engines in virtual time.

use std::collections::VecDeque;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use holdover_core::base::net::InterfaceAddress;
use holdover_core::base::time::Instant;
use holdover_core::bfd::BfdKind;
use holdover_core::bgp::fsm::State;
use holdover_core::config::{Config, Platform, parse};
use holdover_core::engine::{
    BfdId, Bound, ConnId, Endpoint, Engine, HostTable, Input, LinkId, ListenerId, Output, Phase, RouteId,
    SocketId,
};
use holdover_core::wire::bfd;

/// The provider's guide with its placeholders filled in.
const TEMPLATE: &str = "hostname node

router bgp 65000
no bgp ebgp-requires-policy
coalesce-time 1000
bgp bestpath as-path multipath-relax
neighbor RS peer-group
neighbor RS remote-as external
neighbor RS capability extended-nexthop
neighbor 2600:3c0f:4:34::1 peer-group RS
neighbor 2600:3c0f:4:34::2 peer-group RS
neighbor 2600:3c0f:4:34::3 peer-group RS
neighbor 2600:3c0f:4:34::4 peer-group RS
address-family ipv4 unicast
  network 192.0.2.10/32 route-map primary
  redistribute static
exit-address-family
route-map primary permit 10
set large-community 63949:1:1
route-map secondary permit 10
set large-community 63949:1:2
";

/// A node that dials the router and announces one address.
const NODE: &str = "router bgp 65000
 bgp router-id 10.0.0.1
 neighbor 10.0.0.2 remote-as 63949
 address-family ipv4 unicast
  network 192.0.2.10/32 route-map primary
 exit-address-family
route-map primary permit 10
 set large-community 63949:1:1
";

/// The router that it dials.
const ROUTER: &str = "router bgp 63949
 bgp router-id 10.0.0.2
 neighbor 10.0.0.1 remote-as 65000
 neighbor 10.0.0.1 passive
steer edge
 accept 192.0.2.0/24 le 32
 prefer large-community 63949:1:1
 install kernel
exit
";

/// The node with BFD at 50 ms, and nothing of BGP's that happens by the clock.
const WATCHED: &str = " neighbor 10.0.0.2 bfd profile fast
 neighbor 10.0.0.2 timers 0 0
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
";

type Small = Engine<4, 8>;

const KEEPALIVE: [u8; 19] =
    [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 19, 4];

/// What is on its way to an engine.
enum Post {
    Connected(ConnId),
    Accepted,
    Listening(ListenerId),
    Received(ConnId, Vec<u8>),
    Sent(ConnId, usize),
    Bound(holdover_core::engine::AddressId),
    Datagrams(BfdId),
    Route(RouteId),
}

/// Two engines, joined without a wire between them: what one sends the other has at once.
struct Pair {
    engines: [Box<Small>; 2],
    conns: [Option<ConnId>; 2],
    post: [VecDeque<Post>; 2],
    now: u64,
    /// Octets sent so far.
    octets: usize,
    /// BFD packets sent so far.
    datagrams: u64,
}

fn configured(text: &str) -> Box<Config<4, 8>> {
    let mut config = Box::new(Config::new());
    parse(text, &Platform::ALL, &mut config, &mut |_| {}).expect("the configuration is right");
    config
}

fn address(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, if index == 0 { 1 } else { 2 }))
}

fn end(index: usize, port: u16) -> Endpoint {
    Endpoint { address: address(index), port, link: None }
}

impl Pair {
    /// Both engines are started and know their hosts; nobody has dialled.
    fn new(configs: [&Config<4, 8>; 2]) -> Self {
        let mut pair = Self {
            engines: [Box::new(Engine::new()), Box::new(Engine::new())],
            conns: [None, None],
            post: [VecDeque::new(), VecDeque::new()],
            now: 1_000_000,
            octets: 0,
            datagrams: 0,
        };
        for index in [1, 0] {
            let now = Instant::from_micros(pair.now);
            pair.engines[index].start(now, 7);
            pair.engines[index].configure(now, configs[index]);
            pair.obey(index);
            let own = InterfaceAddress { address: address(index), length: 24 };
            pair.feed(index, Input::Resync { what: HostTable::Links, phase: Phase::Begin });
            pair.feed(index, Input::Link { link: LinkId(1), name: "lo", up: true, gone: false });
            pair.feed(index, Input::Link { link: LinkId(2), name: "eth0", up: true, gone: false });
            pair.feed(index, Input::Resync { what: HostTable::Links, phase: Phase::End });
            pair.feed(index, Input::Resync { what: HostTable::Addresses, phase: Phase::Begin });
            pair.feed(index, Input::Address { link: LinkId(2), address: own, present: true, ours: false });
            pair.feed(index, Input::Resync { what: HostTable::Addresses, phase: Phase::End });
            pair.feed(index, Input::Tick);
        }
        pair
    }

    fn feed(&mut self, index: usize, input: Input<'_>) {
        self.engines[index].handle(Instant::from_micros(self.now), input);
        self.obey(index);
    }

    fn obey(&mut self, index: usize) {
        let other = 1 - index;
        while let Some(output) = self.engines[index].poll() {
            match output {
                Output::Connect { conn, .. } => {
                    self.conns[index] = Some(conn);
                    self.post[index].push_back(Post::Connected(conn));
                    self.post[other].push_back(Post::Accepted);
                }
                Output::Adopt { conn, .. } => self.conns[index] = Some(conn),
                Output::Listen { listener, .. } => self.post[index].push_back(Post::Listening(listener)),
                Output::Send { conn, bytes } => {
                    self.octets += bytes.len();
                    self.post[index].push_back(Post::Sent(conn, bytes.len()));
                    if let Some(conn) = self.conns[other] {
                        self.post[other].push_back(Post::Received(conn, bytes.to_vec()));
                    }
                }
                Output::Bind { address, .. } => self.post[index].push_back(Post::Bound(address)),
                Output::InstallRoute { route, .. } | Output::RemoveRoute { route, .. } => {
                    self.post[index].push_back(Post::Route(route));
                }
                Output::OpenDatagram { bfd, .. } => self.post[index].push_back(Post::Datagrams(bfd)),
                Output::SendDatagram { .. } => self.datagrams += 1,
                Output::Record(_) | Output::ListenKey { .. } => {}
                other => panic!("not expected here: {other:?}"),
            }
        }
    }

    fn deliver(&mut self, index: usize, post: Post) {
        match post {
            Post::Connected(conn) => self.feed(index, Input::Connected { conn, local: end(index, 40_000) }),
            Post::Accepted => {
                let (local, remote) = (end(index, 179), end(1 - index, 40_000));
                let (socket, listener) = (SocketId(1), ListenerId(0));
                self.feed(index, Input::Accepted { socket, listener, local, remote });
            }
            Post::Listening(listener) => self.feed(index, Input::ListenDone { listener, result: Ok(()) }),
            Post::Received(conn, bytes) => self.feed(index, Input::Received { conn, bytes: &bytes }),
            Post::Sent(conn, len) => self.feed(index, Input::Sent { conn, len }),
            Post::Bound(address) => {
                self.feed(index, Input::AddressDone { address, result: Ok(Bound::Done) });
            }
            Post::Datagrams(bfd) => self.feed(index, Input::DatagramDone { bfd, result: Ok(()) }),
            Post::Route(route) => self.feed(index, Input::RouteDone { route, result: Ok(()) }),
        }
    }

    /// Delivers until nothing is on its way.
    fn settle(&mut self) {
        loop {
            // The listening side goes first, so that it has adopted before it is spoken to.
            let index = usize::from(!self.post[1].is_empty());
            let Some(post) = self.post[index].pop_front() else { break };
            self.deliver(index, post);
        }
    }

    /// From two configured engines to a session and the route in the router's hands.
    fn established(configs: [&Config<4, 8>; 2]) -> Self {
        let mut pair = Self::new(configs);
        pair.settle();
        pair.now += 1_000;
        for index in [0, 1] {
            pair.feed(index, Input::Tick);
        }
        pair.settle();
        pair
    }

    fn is_up(&self) -> bool {
        let up = |engine: &Small| engine.peer(0).is_some_and(|peer| peer.state == State::Established);
        self.engines.iter().all(|engine| up(engine))
    }

    /// One message to the router, and every order that follows.
    fn message(&mut self, conn: ConnId, bytes: &[u8]) {
        self.now += 1;
        self.engines[1].handle(Instant::from_micros(self.now), Input::Received { conn, bytes });
        while let Some(output) = self.engines[1].poll() {
            if let Output::InstallRoute { route, .. } | Output::RemoveRoute { route, .. } = black_box(output)
            {
                self.post[1].push_back(Post::Route(route));
            }
        }
    }
}

/// 192.0.2.10/32 by a next hop, with the primary's large community.
fn update(next_hop: [u8; 4]) -> Vec<u8> {
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8, 0x40, 3, 4];
    attributes.extend(next_hop);
    attributes.extend([0xC0, 32, 12]);
    attributes.extend([63_949_u32, 1, 1].iter().flat_map(|part| part.to_be_bytes()));
    let length = u16::try_from(attributes.len()).expect("short");
    let mut message = vec![0xFF; 16];
    message.extend((19 + 4 + length + 5).to_be_bytes());
    message.extend([2, 0, 0]);
    message.extend(length.to_be_bytes());
    message.extend(attributes);
    message.extend([32, 192, 0, 2, 10]);
    message
}

fn messages(criterion: &mut Criterion) {
    let (node, router) = (configured(NODE), configured(ROUTER));
    let mut pair = Pair::established([&node, &router]);
    assert!(pair.is_up(), "no session");
    let conn = pair.conns[1].expect("the router's end");
    let mut group = criterion.benchmark_group("handle and poll");
    group.bench_function("KEEPALIVE", |bencher| bencher.iter(|| pair.message(conn, black_box(&KEEPALIVE))));
    let same = update([10, 0, 0, 1]);
    pair.message(conn, &same);
    pair.settle();
    group.bench_function("UPDATE, nothing new", |bencher| {
        bencher.iter(|| pair.message(conn, black_box(&same)));
    });
    let moves = [update([10, 0, 0, 7]), update([10, 0, 0, 8])];
    let mut turn = 0;
    group.bench_function("UPDATE that moves the route, and the host's answer", |bencher| {
        bencher.iter(|| {
            turn = 1 - turn;
            pair.message(conn, black_box(&moves[turn]));
            pair.settle();
        });
    });
    group.finish();
    assert!(pair.is_up(), "the session was lost");
}

/// What the router says of its BFD session.
fn says(state: bfd::State, your_discriminator: u32) -> bfd::Packet {
    bfd::Packet {
        state,
        multiplier: 3,
        my_discriminator: 9,
        your_discriminator,
        desired_min_tx_micros: 50_000,
        required_min_rx_micros: 50_000,
        ..bfd::Packet::default()
    }
}

/// One turn of the node, 50 ms after the last: a packet in, then the clock, which sends one.
fn turn(pair: &mut Pair, bytes: &[u8]) {
    pair.now += 50_000;
    let (kind, link) = (BfdKind::SingleHop, LinkId(2));
    let (local, remote) = (address(0), address(1));
    pair.feed(0, Input::Datagram { kind, link, local, remote, ttl: 255, bytes });
    pair.feed(0, Input::Tick);
    black_box(pair.engines[0].deadline());
}

fn datagrams(criterion: &mut Criterion) {
    let (node, router) = (configured(&format!("{NODE}router bgp 65000\n{WATCHED}")), configured(ROUTER));
    let mut pair = Pair::established([&node, &router]);
    let session = |pair: &Pair| pair.engines[0].peer(0).and_then(|peer| peer.bfd).expect("a BFD session");
    let discriminator = session(&pair).local_discriminator;
    for state in [bfd::State::Init, bfd::State::Up, bfd::State::Up] {
        turn(&mut pair, &says(state, discriminator).write());
    }
    assert_eq!((session(&pair).state, session(&pair).interval.as_millis()), (bfd::State::Up, 50));
    let up = says(bfd::State::Up, discriminator).write();
    let (before, mut turns) = (pair.datagrams, 0);
    criterion.bench_function("a BFD packet in and one out", |bencher| {
        bencher.iter(|| {
            turns += 1;
            turn(&mut pair, black_box(&up));
        });
    });
    assert_eq!(pair.datagrams - before, turns, "a packet for each turn");
}

fn configuration(criterion: &mut Criterion) {
    let mut config = Box::new(Config::<4, 8>::new());
    criterion.bench_function("parse the template", |bencher| {
        bencher.iter(|| {
            parse(black_box(TEMPLATE), &Platform::LINUX, &mut config, &mut |_| {}).expect("it is right");
        });
    });
}

fn session(criterion: &mut Criterion) {
    let (node, router) = (configured(NODE), configured(ROUTER));
    let pair = Pair::established([&node, &router]);
    assert!(pair.is_up(), "no session");
    let route = pair.engines[1].steered(0).expect("the route has arrived");
    assert_eq!(route.1.candidates, 1);
    println!("a session: {} octets", pair.octets);
    criterion.bench_function("a session, from start to the route in the router", |bencher| {
        bencher.iter(|| black_box(Pair::established([&node, &router])));
    });
}

fn quick() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = quick(); targets = messages, datagrams, configuration, session }
criterion_main!(benches);
