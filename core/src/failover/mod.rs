//! What a service announces: evidence, the decision, and the steps that bring reality to it. It does not know BGP.
//!
//! | file | what it holds |
//! |---|---|
//! | [`posture`] | the decision: one pure function of the evidence |
//! | `service` | the evidence of one service over time: delays, drain, what failed before |
//! | `dampen` | how long a service that fails too often is held down |
//! | `reconcile` | one address: what is configured, what the host has, the next order |
//! | `health` | checks: rise and fall, how many must pass, when to probe |
//! | [`probe`] | what a probe can find wrong |

pub(crate) mod dampen;
pub(crate) mod health;
pub mod posture;
pub mod probe;
pub(crate) mod reconcile;
pub(crate) mod service;
