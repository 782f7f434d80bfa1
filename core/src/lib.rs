//! A BGP speaker with BFD, health checks and failover that touches no socket: facts go in, orders come out.
//!
//! `no_std`, no allocator, no unsafe code, no clock, no thread. A *shim* owns the sockets and the clock of one kind of
//! machine; it tells the [`engine`] facts, obeys its orders, and decides nothing itself. The same engine runs below a Linux
//! daemon, a board's firmware and a simulator.
//!
//! # The loop
//!
//! Two engines, each configured from a text in FRR's language, joined by a wire in memory until their session is up. `turn`
//! is the loop of any shim; `Io` is the part that every kind of machine writes for itself.
//!
//! ```
//! use core::net::{IpAddr, Ipv4Addr};
//! use holdover_core::base::net::InterfaceAddress;
//! use holdover_core::base::time::Instant;
//! use holdover_core::config::{Config, Platform, parse};
//! use holdover_core::engine::{
//!     ConnId, Endpoint, Engine, HostTable, Input, LinkId, ListenerId, Output, Phase, Record, SocketId,
//! };
//!
//! /// What a shim keeps: where its sockets stand, and answers that are known already.
//! struct Io {
//!     end: Endpoint,
//!     answers: Vec<Input<'static>>,
//!     conn: Option<ConnId>,
//!     received: Vec<u8>,
//!     established: bool,
//! }
//!
//! impl Io {
//!     /// Whether a shim may sleep.
//!     fn is_idle(&self) -> bool { self.answers.is_empty() && self.received.is_empty() }
//!
//!     /// Obeys one order. It never calls the engine: an answer that is known at once waits for the next turn.
//!     fn execute(&mut self, order: Output<'_>, peer: &mut Io) {
//!         match order {
//!             Output::Listen { listener, .. } => self.answers.push(Input::ListenDone { listener, result: Ok(()) }),
//!             Output::ListenKey { .. } => {} // no key here, and no answer either
//!             Output::Connect { conn, remote, .. } => {
//!                 self.conn = Some(conn);
//!                 self.answers.push(Input::Connected { conn, local: self.end });
//!                 let (socket, listener) = (SocketId(1), ListenerId(0));
//!                 peer.answers.push(Input::Accepted { socket, listener, local: remote, remote: self.end });
//!             }
//!             Output::Adopt { conn, .. } => self.conn = Some(conn),
//!             Output::Send { conn, bytes } => {
//!                 peer.received.extend_from_slice(bytes);
//!                 self.answers.push(Input::Sent { conn, len: bytes.len() }); // taken, and there is room for more
//!             }
//!             Output::Record(record) => {
//!                 println!("{}: {record}", self.end.address);
//!                 self.established |= matches!(record, Record::Established { .. });
//!             }
//!             other => unreachable!("this configuration asks for no {other:?}"),
//!         }
//!     }
//! }
//!
//! /// One turn: each source that was ready is read once, then the clock is told.
//! fn turn(now: Instant, engine: &mut Engine<1, 1>, io: &mut Io, peer: &mut Io) {
//!     for answer in std::mem::take(&mut io.answers) {
//!         engine.handle(now, answer);
//!         while let Some(order) = engine.poll() { io.execute(order, peer) }
//!     }
//!     if let Some(conn) = io.conn && !io.received.is_empty() {
//!         let bytes = std::mem::take(&mut io.received); // a real shim: at most 4 KiB a turn
//!         engine.handle(now, Input::Received { conn, bytes: &bytes });
//!         while let Some(order) = engine.poll() { io.execute(order, peer) }
//!     }
//!     engine.handle(now, Input::Tick);
//!     while let Some(order) = engine.poll() { io.execute(order, peer) }
//! }
//!
//! /// An engine with this configuration on a host with one link and one address. On a board both would be statics.
//! fn host(text: &str, address: Ipv4Addr) -> (Box<Engine<1, 1>>, Io) {
//!     let mut config = Box::new(Config::<1, 1>::new());
//!     parse(text, &Platform::ALL, &mut config, &mut |said| println!("{said}")).expect("a good configuration");
//!     let address = IpAddr::V4(address);
//!     let (link, on_link) = (LinkId(1), InterfaceAddress { address, length: 24 });
//!     // A shim tells the host's tables once at the start, whole. Nothing is dialed before the addresses are known.
//!     let answers = vec![
//!         Input::Resync { what: HostTable::Links, phase: Phase::Begin },
//!         Input::Link { link, name: "eth0", up: true, gone: false },
//!         Input::Resync { what: HostTable::Links, phase: Phase::End },
//!         Input::Resync { what: HostTable::Addresses, phase: Phase::Begin },
//!         Input::Address { link, address: on_link, present: true, ours: false },
//!         Input::Resync { what: HostTable::Addresses, phase: Phase::End },
//!     ];
//!     let end = Endpoint { address, port: 179, link: None };
//!     let mut io = Io { end, answers, conn: None, received: vec![], established: false };
//!
//!     let mut engine = Box::new(Engine::new());
//!     engine.start(Instant::ZERO, 0x5eed); // the seed is for jitter; each boot should have another one
//!     engine.configure(Instant::ZERO, &config);
//!     let mut nobody = Io { end, answers: vec![], conn: None, received: vec![], established: false };
//!     while let Some(order) = engine.poll() { io.execute(order, &mut nobody) }
//!     (engine, io)
//! }
//!
//! let (mut dials, mut its_io) = host(
//!     "router bgp 65001\n bgp router-id 192.0.2.1\n neighbor 192.0.2.2 remote-as 65002\n",
//!     Ipv4Addr::new(192, 0, 2, 1),
//! );
//! let (mut listens, mut other_io) = host(
//!     "router bgp 65002\n bgp router-id 192.0.2.2\n neighbor 192.0.2.1 remote-as 65001\n neighbor 192.0.2.1 passive\n",
//!     Ipv4Addr::new(192, 0, 2, 2),
//! );
//! let mut now = Instant::ZERO;
//! while !(its_io.established && other_io.established) {
//!     turn(now, &mut dials, &mut its_io, &mut other_io);
//!     turn(now, &mut listens, &mut other_io, &mut its_io);
//!     // A real shim sleeps here until a source is ready, at the latest until the deadline.
//!     if its_io.is_idle() && other_io.is_idle() {
//!         now = now.max(dials.deadline().min(listens.deadline()));
//!     }
//!     assert!(now.as_micros() < 60_000_000, "no session within a minute");
//! }
//! assert_eq!(dials.summary().established, 1);
//! ```
//!
//! # What a shim promises
//!
//! 1. One [`handle`](engine::Engine::handle) or [`configure`](engine::Engine::configure), then [`poll`](engine::Engine::poll)
//!    until it gives nothing. Executing an order never calls the engine.
//! 2. Connect, Listen, Send, Close, AskFlushed, Bind, Unbind, InstallRoute, RemoveRoute, OpenDatagram and StartProbe are
//!    answered by exactly one input; Accepted is answered by one Adopt or Refuse. The documentation of each
//!    [`Output`](engine::Output) names its answer. One that never comes is the engine's to notice: it has a timer for it.
//! 3. `Sent` says that the wire took the octets *and takes more now*: answer when the socket is writable again.
//! 4. Bytes before clocks, and clocks every turn: after a pause of the machine the keepalive that waits in the socket
//!    counts before the hold timer does.
//! 5. Time is monotonic, in microseconds, from any start. The seed differs at each boot.
//!
//! In return `handle` never fails, allocates or panics, whatever a network sends; the same seed and the same inputs give the
//! same outputs; and a call costs what changed, not what there is.
//!
//! # Capacities
//!
//! They are const generics, the same for an [`Engine`](engine::Engine) and its [`Config`](config::Config):
//! `Engine<PEERS, SERVICES, ROUTES = 32, RULES = 64, TEXT = 2048>`. Both are all zero bits at rest and `new` is const: make them
//! statics, and they lie in `.bss` and cost no flash. They are large and never moved. "Full" is an error of the configuration
//! or a [`Record`](engine::Record), never a panic. What has no parameter stands in [`base::limits`].
//!
//! # The map
//!
//! Each module uses only what stands above it.
//!
//! | module | what it knows |
//! |---|---|
//! | [`base`] | time, prefixes, AS numbers, the limits |
//! | [`stream`] | one read and one write over `embedded-io` that never block; uses nothing |
//! | [`wire`] | bytes to values and back; no time, no state. Good for itself: a BGP and BFD codec |
//! | [`config`] | FRR's language to a `Config` of fixed size and back |
//! | [`bgp`] | the state machine (public), connections, negotiation, what each peer was told; not why a route is announced |
//! | [`bfd`] | BFD sessions: packets and timers; not what a session's end means |
//! | [`failover`] | whether to announce, and why; not that BGP exists |
//! | `steer` | the router's side: whom to believe |
//! | [`engine`] | the order of things; not what a socket is |
//! | [`console`] | the operator's words and their answers, for a terminal or a serial line |
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `defmt` | no | derives `defmt::Format` for records, orders, facts and the values in them |
//!
//! No feature changes a capacity or a behaviour. The least supported Rust is 1.95; a later one is asked for only by a
//! version whose second number is higher. Of other crates, `embedded-io` 0.7 (the sinks of [`console`], the streams of [`stream`])
//! and the vectors of `heapless` 0.9 (in [`wire::attribute::Attributes`]) stand in the interface: a breaking change of
//! theirs is one here.
//!
//! [`Input`](engine::Input) and [`Output`](engine::Output) are exhaustive on purpose: a shim must answer a new order, and what
//! it does not know it should not compile with. [`Record`](engine::Record) and the errors are not, and may grow.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

/// Whether a fault of the past is planted again: never in a product.
#[cfg(not(planted))]
macro_rules! planted {
    ($fault:ident) => {
        false
    };
}
/// Whether a fault of the past is planted again.
#[cfg(planted)]
macro_rules! planted {
    ($fault:ident) => {
        crate::planted::is(crate::planted::Fault::$fault)
    };
}

pub mod base;
pub mod bfd;
pub mod bgp;
pub mod config;
pub mod console;
pub mod engine;
pub mod failover;
#[cfg(planted)]
pub mod planted;
mod steer;
pub mod stream;
pub mod wire;

/// The examples of the package's README are run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
