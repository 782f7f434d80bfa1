//! BGP: the state machine, connections, peers, negotiation, policy, and what each peer is told.
//!
//! Outside of the crate the state machine alone is seen: its states are shown to people, and its table is documentation.

pub(crate) mod adj_out;
pub(crate) mod conn;
pub mod fsm;
pub(crate) mod negotiate;
pub(crate) mod peer;
pub(crate) mod policy;
