//! BGP: the state machine, connections, peers, negotiation, and what each peer is told.

pub mod fsm;
pub mod policy;
