//! Holdover on a board without an operating system: the core's drive loop over smoltcp. No std, no allocator, no unsafe code.
//!
//! | file | what it does |
//! |---|---|
//! | [`board`](Board) | what a board gives: clock, carrier, entropy |
//! | [`memory`](Memory) | the memory that sockets live in, lent by the application |
//! | [`shim`](Shim) | one turn |
//! | `order` | what the engine orders, done |
//! | `fact` | answers that wait for the next turn |
//! | `pool`, `connection`, `stream` | TCP: sockets that dial, listen and are connections; octets by the core's one read and one write |
//! | `guarded` | which keys and least TTLs the frames' guard is to keep |
//! | `datagram` | BFD |
//! | `address`, `route` | the two links and their addresses; gateways |
//! | `check`, `echo` | health checks |
//! | `said` | what the engine says that the application takes |
//! | [`frame`] | what is done to Ethernet frames beside the stack |
//!
//! The application's main loop:
//!
//! ```text
//! let mut shim = Shim::new(board, port, setup);
//! shim.open(memory, slots);
//! shim.start(engine);
//! if parse(text, &PLATFORM, config, &mut say).is_ok() { shim.configure(engine, config, &mut log) }
//! loop {
//!     let due = shim.turn(engine, &mut log);
//!     // the application's own sockets, in shim.sockets(); a console, from the engine's views
//!     sleep_until_a_frame_comes_or(due);
//! }
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod address;
mod board;
mod check;
mod connection;
mod datagram;
mod echo;
mod fact;
pub mod frame;
mod guarded;
mod memory;
mod order;
mod pool;
mod route;
mod said;
mod shim;
mod stream;
#[cfg(test)]
mod tests;
mod time;

pub use board::{Board, Setup};
pub use memory::{Memory, Slots};
pub use said::Said;
pub use shim::{Counters, FRAMES_A_TURN, Shim};

use holdover_core::config::{CheckKind, CheckKinds, Platform};

/// What a configuration can ask of an appliance.
pub const PLATFORM: Platform = Platform {
    name: "the appliance",
    checks: CheckKinds::NONE.with(CheckKind::Tcp).with(CheckKind::Icmp).with(CheckKind::Process),
    names: false,
    md5: true,
    bfd: true,
    kernel_routes: true,
    next_hops: true,
};

/// The board that the page shows is compiled with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../../docs/appliance.md")]
pub struct Page;
