//! The appliance: the core over smoltcp, on a Cortex-M4 board.
//!
//! | file | what it holds |
//! |---|---|
//! | `board/` | everything that knows a register |
//! | `appliance` | the statics, and their sizes |
//! | `console`, `answer` | the serial console: lines in, tables out |
//! | `fixed` | the configuration of an image without text |
//! | `echo` | the service at the shared address |
#![no_std]
#![no_main]
#![cfg_attr(not(feature = "text"), allow(dead_code, reason = "what only a console asks for"))]

#[cfg(feature = "text")]
mod answer;
mod appliance;
mod board;
#[cfg(feature = "text")]
mod console;
mod echo;
#[cfg(not(feature = "text"))]
mod fixed;

use cortex_m_rt::entry;

/// Starts, and never ends.
#[entry]
fn main() -> ! {
    board::Mps2::start();
    appliance::run()
}
