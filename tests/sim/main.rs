//! Whole networks of real engines in virtual time: nothing here sleeps, and a seed decides everything.
//!
//! `HOLDOVER_SEEDS=N` runs N drawn networks instead of the few of every build, from `HOLDOVER_SEED` on (not given: others each
//! day), on `HOLDOVER_THREADS` cores (not given: all). `HOLDOVER_RUDE=KIND,KIND` makes every one of them rude in just these
//! ways (`rude.rs` has their names). `HOLDOVER_TRACE=1` prints what led to a failure. `--profile sim` is the fast build.
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "a test binary exports nothing; each module says what it is"
)]
#![allow(dead_code)]

mod bytes;
mod datagram;
mod derived;
mod dice;
mod fact;
mod host;
mod ledger;
mod net;
mod script;
mod shim;
mod speaker;
mod tap;
mod tcp;
mod trace;
mod wishes;
mod world;

mod duo;
mod internal;
mod lab;
mod links;
mod network;

mod bfd;
mod collision;
mod edges;
mod failover;
mod fsm;
mod laws;
mod mangled;
mod negotiate;
mod overtaking;
mod reach;
mod reload;
mod routes;
mod rude;
mod scale;
mod seeds;
mod services;
mod steer;
mod told;
