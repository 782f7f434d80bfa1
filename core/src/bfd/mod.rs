//! BFD, asynchronous mode (RFC 5880), single hop (RFC 5881) and multihop (RFC 5883): the fastest way to notice that a
//! neighbor is gone. It knows the packets and the timers, not what a neighbor's BGP session does about them.
//!
//! | file | what it does |
//! |---|---|
//! | `fsm` | the state machine, a table |
//! | `session` | the variables and timers of a session: packets in, packets owed |

pub(crate) mod fsm;
pub(crate) mod session;

pub use session::Timing;

/// How far away a BFD neighbor may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BfdKind {
    /// On a connected subnet (RFC 5881): a packet whose TTL is not 255 did not come from there.
    #[default]
    SingleHop,
    /// Some hops away (RFC 5883).
    Multihop,
}

impl BfdKind {
    /// The UDP port that control packets are sent to (RFC 5881 section 4, RFC 5883 section 5).
    pub const fn port(self) -> u16 {
        match self {
            Self::SingleHop => 3_784,
            Self::Multihop => 4_784,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_the_registered_ones() {
        assert_eq!((BfdKind::SingleHop.port(), BfdKind::Multihop.port()), (3784, 4784));
    }
}
