//! The law of answers: each order that wants one gets exactly one (ARCHITECTURE.md, law 3). Two shims on a wire, ordered by
//! hand; their engines are at rest and order nothing.

use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec;
use std::vec::Vec;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::bfd::BfdKind;
use holdover_core::config::CheckKind;
use holdover_core::config::target::Target;
use holdover_core::engine::{
    AddressId, BfdId, CloseHow, ConnId, Endpoint, Engine, Input, ListenerId, NextHop, Output, PeerId,
    ProbeId, ProbeSpec, RouteId, RouteTarget, Slot, SocketId, TcpOptions,
};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};

use crate::address::ETHERNET;
use crate::frame::port::Port;
use crate::{Board, Memory, Setup, Shim, Slots};

/// What an engine was told, as text.
pub(crate) type Told = Vec<String>;

/// Notes what an engine is told. Whether the test answers in its place: an engine without peers refuses everybody.
pub(crate) fn takes(told: &mut Told, input: &Input<'_>) -> bool {
    told.push(format!("{input:?}"));
    matches!(input, Input::Accepted { .. })
}

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

struct Nic {
    inbox: Queue,
    outbox: Queue,
}

struct Rx(Vec<u8>);
struct Tx(Queue);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Tx {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.borrow_mut().push_back(frame);
        result
    }
}

impl Device for Nic {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Rx, Tx)> {
        let frame = self.inbox.borrow_mut().pop_front()?;
        Some((Rx(frame), Tx(Rc::clone(&self.outbox))))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Tx> {
        Some(Tx(Rc::clone(&self.outbox)))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        (capabilities.medium, capabilities.max_transmission_unit) = (Medium::Ethernet, 1_514);
        capabilities
    }
}

struct Bench {
    clock: Rc<Cell<u64>>,
    seed: u64,
}

impl Board for Bench {
    fn now(&self) -> Instant {
        Instant::from_micros(self.clock.get())
    }

    fn carrier(&mut self) -> bool {
        true
    }

    fn entropy(&mut self) -> u64 {
        self.seed += 1;
        self.seed
    }
}

struct Side {
    shim: Shim<'static, Bench, Nic>,
    engine: Box<Engine<1, 1>>,
}

impl Side {
    fn new(clock: &Rc<Cell<u64>>, last: u8, inbox: &Queue, outbox: &Queue) -> Self {
        let nic = Nic { inbox: Rc::clone(inbox), outbox: Rc::clone(outbox) };
        let port = Box::leak(Box::new(Port::new(nic)));
        let board = Bench { clock: Rc::clone(clock), seed: u64::from(last) * 1_000 };
        let setup = Setup { mac: [2, 0, 0, 0, 0, last], link: "eth0" };
        let memory = Box::leak(Box::new(Memory::<4, 2_048, 1_024, 2>::new()));
        let slots = Box::leak(Box::new(Slots::<16>::new()));
        let mut side = Self { shim: Shim::new(board, port, setup), engine: Box::default() };
        side.shim.open(memory, slots);
        side.shim.start(&mut side.engine);
        side.order(Output::Bind {
            address: AddressId::default(),
            link: ETHERNET,
            prefix: at(last),
            label: "",
        });
        side
    }

    fn order(&mut self, order: Output<'_>) {
        let now = self.shim.board.now();
        self.shim.execute(now, order, 32);
    }

    /// How often the engine was told something that begins so, since the last time this was asked; and that it was told
    /// nothing else, but of these.
    fn told(&mut self, what: &str) -> usize {
        let told = core::mem::take(&mut self.shim.told);
        let told: Vec<String> = told.into_iter().filter(|one| one != "Tick").collect();
        let count = told.iter().filter(|one| one.starts_with(what)).count();
        assert_eq!(count, told.len(), "{told:#?}");
        count
    }

    fn forget(&mut self) {
        self.shim.told.clear();
    }
}

struct Pair {
    clock: Rc<Cell<u64>>,
    a: Side,
    b: Side,
}

impl Pair {
    fn new() -> Self {
        let clock = Rc::new(Cell::new(0));
        let (to_a, to_b) = (Queue::default(), Queue::default());
        let mut pair =
            Self { a: Side::new(&clock, 1, &to_a, &to_b), b: Side::new(&clock, 2, &to_b, &to_a), clock };
        pair.run(100);
        pair.a.forget();
        pair.b.forget();
        pair
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis * 5 {
            for side in [&mut self.a, &mut self.b] {
                side.shim.turn(&mut side.engine, &mut |_| {});
            }
            self.clock.set(self.clock.get() + 200);
        }
    }

    /// A connection from a to b, adopted there.
    fn connected(&mut self, generation: u32) {
        self.b.order(Output::Listen { listener: ListenerId(0), local: end("0.0.0.0", 179) });
        self.run(10);
        assert_eq!(self.b.told("ListenDone"), 1);
        self.a.order(connect("10.0.0.2", generation));
        self.run(50);
        assert_eq!(self.a.told("Connected"), 1);
        assert_eq!(self.b.told("Accepted"), 1);
        self.b.order(Output::Adopt {
            socket: SocketId(generation),
            conn: conn(generation),
            options: OPTIONS,
        });
        self.run(10);
        assert_eq!(self.b.told(""), 0);
    }
}

const OPTIONS: TcpOptions<'static> = TcpOptions { key: None, ttl: 1, min_ttl: 0 };

fn at(last: u8) -> InterfaceAddress {
    InterfaceAddress { address: format!("10.0.0.{last}").parse().unwrap(), length: 24 }
}

fn end(address: &str, port: u16) -> Endpoint {
    Endpoint { address: address.parse().unwrap(), port, link: None }
}

fn conn(generation: u32) -> ConnId {
    ConnId { peer: PeerId(0), slot: Slot::Outgoing, generation }
}

fn connect(to: &str, generation: u32) -> Output<'static> {
    Output::Connect { conn: conn(generation), local: None, via: None, remote: end(to, 179), options: OPTIONS }
}

#[test]
fn what_is_sent_flushed_and_closed_is_answered_once() {
    let mut pair = Pair::new();
    pair.connected(1);
    pair.a.order(Output::Send { conn: conn(1), bytes: &[7; 10] });
    pair.run(20);
    assert_eq!(
        pair.a.told("Sent { conn: ConnId { peer: PeerId(0), slot: Outgoing, generation: 1 }, len: 10 }"),
        1
    );
    assert_eq!(pair.b.told("Received"), 1);
    // More than the buffer holds: what was taken is told when there is room again.
    pair.a.order(Output::Send { conn: conn(1), bytes: &[7; 5_000] });
    pair.run(20);
    assert_eq!(
        pair.a.told("Sent { conn: ConnId { peer: PeerId(0), slot: Outgoing, generation: 1 }, len: 1024 }"),
        1
    );
    assert!(pair.b.told("Received") >= 1);
    pair.a.order(Output::AskFlushed { conn: conn(1) });
    pair.run(20);
    assert_eq!(pair.a.told("Flushed"), 1);
    pair.a.order(Output::Close { conn: conn(1), how: CloseHow::Graceful });
    pair.run(50);
    assert_eq!(pair.b.told("Closed"), 1);
    assert_eq!(pair.a.told("Closed"), 1);
    pair.run(2_000);
    assert_eq!(pair.a.told("") + pair.b.told(""), 0);
}

#[test]
fn a_graceful_close_reads_on_and_its_abort_is_answered_once() {
    let mut pair = Pair::new();
    pair.connected(1);
    // What b has said lies in a's buffer already.
    pair.b.order(Output::Send { conn: conn(1), bytes: &[1; 900] });
    pair.b.shim.turn(&mut pair.b.engine, &mut |_| {});
    pair.a.order(Output::Close { conn: conn(1), how: CloseHow::Graceful });
    pair.a.shim.turn(&mut pair.a.engine, &mut |_| {});
    assert_eq!(pair.a.told(""), 0, "what still comes is discarded");
    pair.a.order(Output::Close { conn: conn(1), how: CloseHow::Abort });
    pair.run(50);
    assert_eq!(pair.a.told("Closed"), 1);
}

#[test]
fn an_attempt_to_connect_is_answered_once_however_it_ends() {
    let mut pair = Pair::new();
    // Nobody listens: a reset.
    pair.a.order(connect("10.0.0.2", 1));
    pair.run(50);
    assert_eq!(pair.a.told("ConnectFailed"), 1);
    // Nobody is there: only the order to give up ends it.
    pair.a.order(connect("10.0.0.77", 2));
    pair.run(3_000);
    assert_eq!(pair.a.told(""), 0);
    pair.a.order(Output::Close { conn: conn(2), how: CloseHow::Abort });
    pair.run(2_000);
    assert_eq!(pair.a.told("Closed"), 1);
    // No way, and given up before that was told.
    pair.a.order(connect("192.0.2.1", 3));
    pair.a.order(Output::Close { conn: conn(3), how: CloseHow::Graceful });
    pair.run(50);
    assert_eq!(pair.a.told("Closed"), 1);
    // No way; an address of another family; our own.
    for (generation, to) in [(4, "192.0.2.1"), (5, "fd00::1"), (6, "10.0.0.1")] {
        pair.a.order(connect(to, generation));
        pair.run(10);
        assert_eq!(pair.a.told("ConnectFailed"), 1, "{to}");
    }
    // More than there are sockets.
    for generation in 10..15 {
        pair.a.order(connect("10.0.0.77", generation));
    }
    pair.run(10);
    assert_eq!(
        pair.a.told(
            "ConnectFailed { conn: ConnId { peer: PeerId(0), slot: Outgoing, generation: 14 }, why: Exhausted"
        ),
        1
    );
}

#[test]
fn a_connection_that_is_reset_while_it_is_written_to_is_told_as_closed_once() {
    let mut pair = Pair::new();
    pair.connected(1);
    pair.b.order(Output::Close { conn: conn(1), how: CloseHow::Abort });
    pair.run(5);
    pair.a.order(Output::Send { conn: conn(1), bytes: &[7; 10] });
    pair.a.order(Output::AskFlushed { conn: conn(1) });
    pair.run(100);
    assert_eq!(pair.a.told("Closed"), 1);
    assert_eq!(pair.b.told("Closed"), 1);
}

#[test]
fn refused_and_uninvited_sockets_are_reset() {
    let mut pair = Pair::new();
    pair.b.order(Output::Listen { listener: ListenerId(0), local: end("0.0.0.0", 179) });
    pair.run(10);
    pair.b.forget();
    pair.a.order(connect("10.0.0.2", 1));
    pair.run(50);
    assert_eq!(pair.b.told("Accepted"), 1);
    pair.b.order(Output::Refuse { socket: SocketId(1) });
    pair.run(50);
    assert_eq!(
        (pair.a.shim.told.iter().filter(|one| one.starts_with("Closed")).count(), pair.b.told("")),
        (1, 0)
    );
    pair.b.order(Output::Unlisten { listener: ListenerId(0) });
    pair.a.forget();
    pair.a.order(connect("10.0.0.2", 2));
    pair.run(50);
    assert_eq!(pair.a.told("ConnectFailed"), 1);
}

#[test]
fn addresses_routes_and_bfd_are_answered_once() {
    let mut pair = Pair::new();
    let id = AddressId { index: 3, generation: 1 };
    for _ in 0..2 {
        pair.a.order(Output::Bind { address: id, link: ETHERNET, prefix: at(9), label: "" });
        pair.run(10);
        assert_eq!(pair.a.shim.told.iter().filter(|one| one.starts_with("AddressDone")).count(), 1);
        pair.a.forget();
    }
    for _ in 0..2 {
        pair.a.order(Output::Unbind { address: id, link: ETHERNET, prefix: at(9) });
        pair.run(10);
        assert_eq!(pair.a.shim.told.iter().filter(|one| one.starts_with("AddressDone")).count(), 1);
        pair.a.forget();
    }
    let prefix = Prefix::new("192.0.2.0".parse().unwrap(), 24).unwrap();
    let hop = [NextHop { address: at(2).address, link: None }];
    let (own, steered) = (RouteId { index: 1, generation: 1 }, RouteId { index: 33, generation: 0 });
    for route in [own, steered] {
        for target in [RouteTarget::Via(&hop), RouteTarget::Blackhole, RouteTarget::Via(&[])] {
            pair.a.order(Output::InstallRoute { route, prefix, target });
            pair.run(10);
            assert_eq!(pair.a.told("RouteDone"), 1);
        }
        pair.a.order(Output::RemoveRoute { route, prefix });
        pair.run(10);
        assert_eq!(pair.a.told("RouteDone"), 1);
    }
    for (generation, remote, fine) in [(1, 2, true), (2, 3, true), (3, 4, false)] {
        let bfd = BfdId { peer: PeerId(0), generation };
        let (local, remote) = (at(1).address, at(remote).address);
        pair.a.order(Output::OpenDatagram { bfd, kind: BfdKind::SingleHop, local, remote, via: None });
        pair.run(10);
        let told =
            pair.a.shim.told.iter().find(|one| one.starts_with("DatagramDone")).expect("it is answered");
        assert_eq!(told.contains("Ok"), fine, "{told}");
        assert_eq!(pair.a.told("DatagramDone"), 1);
    }
    let ports: Vec<u16> = pair.a.shim.datagrams.ports().collect();
    assert!(
        ports.len() == 2 && ports[0] != ports[1] && ports.iter().all(|port| *port >= 49_152),
        "{ports:?}"
    );
}

#[test]
fn a_check_is_answered_once_or_forgotten() {
    let mut pair = Pair::new();
    pair.b.order(Output::Listen { listener: ListenerId(0), local: end("0.0.0.0", 179) });
    pair.run(10);
    let spec = |target: Target<'static>| ProbeSpec {
        kind: CheckKind::Tcp,
        target,
        text: "",
        service: "",
        check: "",
        own: false,
        user: "",
        timeout: Duration::from_millis(100),
    };
    let tcp = |to: &str| Target::Tcp(to.parse().unwrap());
    let icmp = |to: &str| Target::Icmp(to.parse().unwrap());
    let targets = [
        (tcp("10.0.0.2:179"), "Pass"),
        (tcp("10.0.0.2:80"), "Fail(Refused)"),
        (tcp("10.0.0.77:80"), "Fail(TimedOut)"),
        (tcp("192.0.2.1:80"), "Fail(Unreachable)"),
        (tcp("10.0.0.1:80"), "Fail(Refused)"),
        (icmp("10.0.0.2"), "Pass"),
        (icmp("10.0.0.1"), "Pass"),
        (icmp("10.0.0.77"), "Fail(TimedOut)"),
        (icmp("192.0.2.1"), "Fail(Unreachable)"),
        (Target::None, "Fail(Unsupported)"),
    ];
    for (number, (target, verdict)) in (0_u16..).zip(targets) {
        let probe = ProbeId { check: 1, generation: number };
        pair.a.order(Output::StartProbe { probe, spec: spec(target) });
        pair.run(300);
        let told = pair.a.shim.told.iter().find(|one| one.starts_with("ProbeDone")).expect("it is answered");
        assert!(told.contains(&format!("verdict: {verdict}")), "{target:?}: {told}");
        assert_eq!(pair.a.told("ProbeDone"), 1);
        pair.a.order(Output::StartProbe { probe, spec: spec(target) });
        pair.a.order(Output::StopProbe { probe });
        pair.run(300);
        // One that was over at once is on its way already.
        assert!(pair.a.told("ProbeDone") <= 1);
    }
}

#[test]
fn a_peer_that_vanishes_while_the_connection_closes_holds_no_socket_for_long() {
    let mut pair = Pair::new();
    pair.connected(1);
    assert_eq!(pair.b.shim.pool.spare(), 3);
    pair.a.order(Output::Close { conn: conn(1), how: CloseHow::Graceful });
    pair.a.shim.turn(&mut pair.a.engine, &mut |_| {});
    // Its end has come; what is answered to it goes nowhere.
    for _ in 0..4_000 {
        pair.b.shim.turn(&mut pair.b.engine, &mut |_| {});
        pair.b.shim.port.device.outbox.borrow_mut().clear();
        pair.clock.set(pair.clock.get() + 1_000);
    }
    assert_eq!((pair.b.told("Closed"), pair.b.shim.pool.spare()), (1, 3));
    for _ in 0..4_000 {
        pair.b.shim.turn(&mut pair.b.engine, &mut |_| {});
        pair.clock.set(pair.clock.get() + 1_000);
    }
    assert_eq!(pair.b.shim.pool.spare(), 4);
}

#[test]
fn a_bfd_packet_that_waits_for_the_neighbour_gives_way_to_the_next_one() {
    let mut pair = Pair::new();
    let bfd = BfdId { peer: PeerId(0), generation: 1 };
    for (side, local, remote) in [(&mut pair.a, 1, 2), (&mut pair.b, 2, 1)] {
        let (local, remote) = (at(local).address, at(remote).address);
        side.order(Output::OpenDatagram { bfd, kind: BfdKind::SingleHop, local, remote, via: None });
    }
    pair.run(10);
    assert_eq!((pair.a.told("DatagramDone"), pair.b.told("DatagramDone")), (1, 1));
    // With another address the stack has forgotten its neighbours.
    pair.a.order(Output::Bind { address: AddressId::default(), link: ETHERNET, prefix: at(9), label: "" });
    for number in 1..=3 {
        pair.a.order(Output::SendDatagram { bfd, bytes: &[number; 24] });
    }
    pair.run(100);
    assert!(pair.b.shim.told.iter().any(|told| told.contains("bytes: [3, 3")), "{:#?}", pair.b.shim.told);
    assert_eq!(pair.b.told("Datagram {"), 1);
}
