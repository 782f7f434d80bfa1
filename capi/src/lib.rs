//! Holdover's engine behind a small C interface: `include/holdover.h`, which is made from this source.
//!
//! A C program owns the sockets and the clock of its machine, as any shim does (see `holdover_core`); here is what it
//! calls. The memory is the caller's, nothing allocates, nothing unwinds. What a C program can do wrong and what can be
//! seen of it is answered with a [`holdover_status`], never by a panic.
//!
//! | file | what it holds |
//! |---|---|
//! | `memory` | the capacities, the opaque engine, and who may enter it when |
//! | `status` | what each function answers |
//! | `value` | addresses, names of things, pieces of text and octets, in C and in Rust |
//! | `input`, `fact` | facts: a C struct for each, and how it is read |
//! | `output`, `order` | orders: a C struct for each, and how it is filled |
//! | `record` | what happened, for a program that acts on it |
//! | `engine` | start, handle, poll, deadline |
//! | `configure` | a configuration from text |
//! | `console` | what an operator types, and what is written back |
//! | `halt` | what happens when the library finds a fault of its own |
//!
//! Here alone, beside a firmware's registers, is unsafe code. Each block says why it may be.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(test)]
extern crate std;

// The groups are in the order in which the header tells things: the loop first.
mod memory;
mod status;

mod engine;

mod configure;
mod console;
mod halt;

mod fact;
mod input;
mod order;
mod output;
mod record;
mod value;

#[cfg(test)]
mod tests;

pub use configure::*;
pub use console::*;
pub use engine::*;
pub use halt::*;
pub use input::*;
pub use memory::*;
pub use output::*;
pub use record::*;
pub use status::*;
pub use value::*;
