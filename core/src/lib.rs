//! Holdover's core: everything that decides, nothing that touches a socket.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod base;
pub mod bgp;
pub mod config;
pub mod console;
pub mod engine;
pub mod failover;
pub mod steer;
pub mod wire;
