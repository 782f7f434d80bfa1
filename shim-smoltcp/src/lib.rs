//! Holdover on a board without an operating system: the core's drive loop over smoltcp.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod frame;
