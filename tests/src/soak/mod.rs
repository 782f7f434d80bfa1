//! The two-node soak: what happens to whom and when ([`plan`]), and when the client must have an answer ([`model`]).
//!
//! Both are pure and know nothing of the daemon but what its documentation promises: [`Fault::budget`] is that promise
//! as a table.

pub mod model;
pub mod plan;

use std::fmt;
use std::time::Duration;

use crate::harness::topology::{NODES, ROUTE_SERVERS};

/// One of the two nodes: 0 has the role primary, 1 secondary.
pub type Node = usize;

/// What notices that a node is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// The hold timer, 3 s.
    #[default]
    Hold,
    /// BFD, 50 ms × 3.
    Bfd,
}

/// What is wrong with a node for a while; what ends it is [`Event::End`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL of the daemon; the host lives on and keeps the address. It ends with a new daemon.
    Kill,
    /// SIGTERM of the daemon; it ends with a new one.
    Stop,
    /// SIGSTOP of the daemon; it ends with SIGCONT.
    Freeze,
    /// The node's port leaves the switch: all is lost silently, the carrier stays.
    Cut,
    /// `holdover drain`.
    Drain,
    /// The address is taken away where it was before the daemon came, which will not put it back.
    AddressGone,
    /// The service dies; it ends with a new one. The daemon checks it every 100 ms.
    ServiceDead,
}

/// What an operator wants of a node for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `holdover promote`.
    Promote,
    /// `holdover demote`.
    Demote,
}

/// What happens, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A fault begins.
    Begin(Node, Fault),
    /// A fault ends.
    End(Node, Fault),
    /// An operator wants something of a healthy node, which stays ready.
    Wanted(Node, Wish),
    /// Nobody does any more.
    Unwanted(Node),
    /// SIGHUP with other communities of the same role.
    Reload(Node),
    /// A foreign hand removes the address that the daemon bound; it puts it back.
    AddressTaken(Node),
    /// A route server stops. The client's way leads through the first one.
    ServerDown(usize),
    /// It starts.
    ServerUp(usize),
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Fault {
    /// How long the client may be without an answer when this happens to the node that answers and the other one is
    /// ready; nothing, where the traffic moves before this node ceases to answer.
    pub const fn budget(self, notice: Notice) -> Duration {
        match self {
            // The host lives on and keeps the address: it answers until the route servers have moved the traffic, because
            // they were told, because its connections closed, or because their hold timers ended.
            Self::Stop | Self::Drain | Self::Kill | Self::Freeze => Duration::ZERO,
            // What notices it, and what the route server takes then.
            Self::Cut => match notice {
                Notice::Hold => millis(4_000),
                Notice::Bfd => millis(400),
            },
            // A failed check is enough.
            Self::ServiceDead => millis(500),
            // The kernel tells, and the route is withdrawn.
            Self::AddressGone => millis(100),
        }
    }

    /// How long after its end the node must be ready to answer. A route server refuses a neighbor for up to 2 s after an
    /// error, and is then dialled within a second.
    pub const fn recovery(self) -> Duration {
        match self {
            Self::Drain | Self::AddressGone | Self::ServiceDead => millis(1_000),
            Self::Kill | Self::Stop | Self::Freeze => millis(4_000),
            // A session may end only after the cut: TCP's retransmissions have backed off.
            Self::Cut => millis(6_000),
        }
    }
}

impl Event {
    /// How long the client may be without an answer for an event that is over at once.
    pub const fn budget(self) -> Duration {
        match self {
            Self::AddressTaken(_) => millis(100),
            _ => Duration::ZERO,
        }
    }
}

/// How long after its start a route server must carry traffic: each node dials it every second at least.
pub const SERVER_RECOVERY: Duration = millis(4_000);

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = |node: &Node| NODES[*node];
        let server = |server: &usize| ROUTE_SERVERS[*server];
        match self {
            Self::Begin(at, fault) => write!(f, "{}: {fault:?} begins", node(at)),
            Self::End(at, fault) => write!(f, "{}: {fault:?} ends", node(at)),
            Self::Wanted(at, wish) => write!(f, "{}: {wish:?}", node(at)),
            Self::Unwanted(at) => write!(f, "{}: undrain", node(at)),
            Self::Reload(at) => write!(f, "{}: reload with other communities", node(at)),
            Self::AddressTaken(at) => write!(f, "{}: the address is taken away", node(at)),
            Self::ServerDown(at) => write!(f, "{}: down", server(at)),
            Self::ServerUp(at) => write!(f, "{}: up", server(at)),
        }
    }
}
