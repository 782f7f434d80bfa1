//! BGP: the state machine, connections, peers, negotiation, policy, and what each peer is told.

pub mod adj_out;
pub mod conn;
pub mod fsm;
pub mod negotiate;
pub mod peer;
pub mod policy;
