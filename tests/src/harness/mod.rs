//! The end-to-end harness: real daemons in network namespaces.
//!
//! A case makes a [`Lab`] (namespaces, processes, a deadline), lays a [`topology`] into it, starts the daemons
//! ([`holdover`], [`appliance`], [`peers`], [`raw`]) and says what must become true with [`Lab::eventually`], the only place where
//! the harness waits. What a peer believes is asked of the peer itself ([`peers::Peer`]); what a client gets is read
//! off its probes ([`probe`]); what went over the wire is judged by tshark ([`capture`]).

pub mod appliance;
pub mod capture;
pub mod console;
pub mod holdover;
pub mod lab;
pub mod peers;
pub mod ping;
pub mod probe;
pub mod raw;
pub mod runner;
pub mod service;
pub mod stalls;
pub mod storm;
pub mod topology;

pub use anyhow::{Context, Result, anyhow, bail, ensure};
pub use lab::{Lab, Process};
