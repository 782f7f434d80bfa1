//! What the project's system tests are made of: private networks, foreign BGP speakers, probes and a runner.

#[cfg(target_os = "linux")]
pub mod harness;
