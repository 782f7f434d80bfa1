//! What a service announces: evidence, the decision, and the steps that bring reality to it. It does not know BGP.

pub mod posture;
