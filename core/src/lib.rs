//! Holdover's core: everything that decides, nothing that touches a socket.
//!
//! A *shim* owns the sockets and the clock of one kind of machine. It tells the [`engine`] facts, takes its orders, and
//! decides nothing itself. Any shim is this loop:
//!
//! ```
//! # use holdover_core::base::time::Instant;
//! # use holdover_core::engine::{Engine, Input, Output};
//! # struct Io(u8);
//! # impl Io {
//! #     fn wait(&mut self, _until: Instant) { self.0 += 1; }
//! #     fn is_over(&self) -> bool { self.0 == 3 }
//! #     fn turn(&self) -> [u8; 0] { [] }
//! #     fn read(&mut self, _ready: u8) -> Input<'static> { Input::Tick }
//! #     fn execute(&mut self, _output: Output<'_>) {}
//! # }
//! # fn clock(io: &Io) -> Instant { Instant::from_micros(u64::from(io.0)) }
//! # let mut engine = Box::new(Engine::<1, 1>::new());
//! # let mut io = Io(0);
//! engine.start(clock(&io), 0x5eed);
//! while !io.is_over() {
//!     io.wait(engine.deadline());                        // returns at once while answers are waiting
//!     let now = clock(&io);
//!     for ready in io.turn() {                           // each source that is ready, once
//!         engine.handle(now, io.read(ready));
//!         while let Some(output) = engine.poll() { io.execute(output) }
//!     }
//!     engine.handle(now, Input::Tick);                   // bytes before clocks, and clocks every turn
//!     while let Some(output) = engine.poll() { io.execute(output) }
//! }
//! ```
//!
//! The map, each module using only what stands above it (`cargo xtask lint layers` knows the exact table):
//!
//! | module | what it knows |
//! |---|---|
//! | [`base`] | time, prefixes, AS numbers, fixed tables, the limits |
//! | [`stream`] | one read and one write that never block; uses nothing |
//! | [`wire`] | bytes to values and back; no time, no state |
//! | [`config`] | FRR's language to a `Config` of fixed size and back |
//! | [`bgp`] | the state machine, connections, negotiation, what each peer was told; not why a route is announced |
//! | [`bfd`] | BFD sessions: packets and timers; not what a session's end means |
//! | [`failover`] | whether to announce, and why; not that BGP exists |
//! | [`steer`] | the router's side: whom to believe |
//! | [`engine`] | the order of things; not what a socket is |
//! | [`console`] | the operator's words and their answers |
//!
//! Nothing here reads a clock, allocates, logs, or panics on input.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod base;
pub mod bfd;
pub mod bgp;
pub mod config;
pub mod console;
pub mod engine;
pub mod failover;
pub mod steer;
pub mod stream;
pub mod wire;
