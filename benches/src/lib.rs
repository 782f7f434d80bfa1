//! What the benches measure with, and the failover lab.

pub mod lab;
pub mod messages;
