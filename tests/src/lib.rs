//! What the project's system tests are made of: private networks, foreign BGP speakers, probes and a runner.

pub mod harness;
pub mod soak;
