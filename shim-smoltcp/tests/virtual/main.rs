//! Appliances on one Ethernet in virtual time: the real core, the real shim and the real stack, on a wire that the test
//! owns.

#![allow(
    unreachable_pub,
    missing_docs,
    reason = "a test binary exports nothing; each module says what it is"
)]
#![allow(clippy::cast_possible_truncation, reason = "tests draw small numbers from wider ones")]

mod addresses;
mod bfd;
mod checks;
mod lab;
mod pool;
mod sessions;
mod speaker;
mod steer;
mod weather;
