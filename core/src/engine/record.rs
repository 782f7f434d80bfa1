//! What happened: one variant is one log sentence and one counter. Records hold no text, so they cost nothing to make;
//! whoever prints them gets the sentence from `Display`.

use core::fmt;
use core::net::IpAddr;

use super::input::IoError;
use super::names::{LinkId, ServiceId};
use crate::base::net::{Asn, BgpId, Family, InterfaceAddress, Prefix};
use crate::bgp::fsm::State;
use crate::failover::posture::{Because, Health, Posture};
use crate::failover::probe::ProbeFailure;
use crate::wire::bfd::{self, Diagnostic};
use crate::wire::notification;

/// How loudly a record should be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Level {
    /// For one who looks for a fault.
    Debug,
    /// A change that an operator may want to read later.
    Info,
    /// Something is wrong and Holdover copes, or an operator should look when awake.
    Warning,
    /// Something does not work until somebody acts.
    Error,
}

/// Why somebody who connected was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// No neighbor has this address, and it lies in no listen range.
    Stranger,
    /// It lies in a listen range, and as many neighbors as may have come from there: `bgp listen limit`, or a full table.
    NoPlace,
    /// The neighbor has a session, or an earlier connection that is not over yet.
    Earlier,
    /// The pause that the neighbor's short sessions earned it is not over.
    TooSoon,
    /// No session with the neighbor is wanted now: it is shut down, BFD says no, or we have no router-id.
    NotNow,
}

/// Why a session or connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EndCause {
    /// The peer sent a NOTIFICATION with this code and subcode.
    NotificationReceived(u8, u8),
    /// We sent one.
    NotificationSent(u8, u8),
    /// The TCP connection ended without one.
    Connection(IoError),
    /// The link to the peer lost its carrier (a Cease 6/10 was sent, should it still arrive).
    LinkDown,
    /// BFD found that the path to the peer is down (a Cease 6/10 was sent, should it still arrive).
    BfdDown,
}

/// Why a peer has no next hop for routes of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NoNextHop {
    /// IPv4 routes over IPv6: the peer did not agree to IPv6 next hops (RFC 8950), and there is no IPv4 address of ours on the
    /// link to it.
    NotAgreed,
    /// No address on the link to the peer can be the next hop.
    NoAddress,
    /// The peer is on none of our subnets, so no link leads to it, and the session itself is of the other family.
    NotConnected,
    /// Our end of the session is an address that we announce: other machines may have it too.
    Shared,
}

/// Which fixed capacity was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Limit {
    /// Routes announced.
    Routes,
    /// Distinct attribute sets announced.
    AttributeSets,
    /// Prefixes kept by `steer`.
    Candidates,
    /// Addresses of this host.
    HostAddresses,
    /// Links of this host.
    Links,
    /// Peers, dynamic ones included.
    Peers,
    /// Static and kernel routes heard from the host.
    KernelRoutes,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Record {
    /// Everything is withdrawn, said goodbye to and unbound. (First, so that a record at rest is all zero bits.)
    Stopped,
    /// So many records did not fit and were lost.
    RecordsLost {
        /// How many.
        count: u32,
    },
    /// The engine started, or took over another configuration.
    Configured {
        /// Its AS.
        local_as: Asn,
        /// Its BGP Identifier.
        router_id: BgpId,
        /// Neighbors in it.
        peers: u16,
        /// Services in it.
        services: u16,
    },
    /// No BGP Identifier is configured and no address of this host can serve as one yet.
    NoRouterId,
    /// A connection's state changed.
    State {
        /// The peer.
        peer: IpAddr,
        /// From.
        from: State,
        /// To.
        to: State,
    },
    /// A session is up.
    Established {
        /// The peer.
        peer: IpAddr,
        /// Its AS.
        remote_as: Asn,
        /// Its BGP Identifier.
        remote_id: BgpId,
        /// The agreed hold time, in seconds.
        hold_time: u16,
    },
    /// A session that was up is down.
    SessionDown {
        /// The peer.
        peer: IpAddr,
        /// Why.
        why: EndCause,
    },
    /// A peer has had no session for 10 s; told once until there is one, which [`Established`](Self::Established) tells.
    NoSession {
        /// The peer.
        peer: IpAddr,
        /// Why the last attempt failed; `None`: none did, what stands in the way is its [`Hint`](super::view::Hint).
        why: Option<EndCause>,
    },
    /// Sessions end soon after they came up (none of them was up for 10 s): told at the second one and each time that their
    /// number has doubled. The pauses between them grow up to a minute.
    Flapping {
        /// The peer.
        peer: IpAddr,
        /// How many in a row.
        count: u16,
        /// Why the last of them ended.
        why: EndCause,
    },
    /// After sessions that ended soon, there is one that lasts.
    FlappingOver {
        /// The peer.
        peer: IpAddr,
        /// How many there were in a row.
        count: u16,
    },
    /// An attempt at a session failed.
    AttemptFailed {
        /// The peer.
        peer: IpAddr,
        /// Why.
        why: EndCause,
    },
    /// Two connections to one peer met; one was closed (RFC 4271 section 6.8).
    Collision {
        /// The peer.
        peer: IpAddr,
    },
    /// Somebody who is not a neighbor, or not expected, connected to us.
    Refused {
        /// Who.
        remote: IpAddr,
        /// Why.
        why: Refusal,
    },
    /// That happened again: told when it was 10 times, 100 times and so on. A neighbor is counted since it had a session,
    /// all strangers together until none came for a minute.
    RefusedOften {
        /// Who, the last time.
        remote: IpAddr,
        /// Why, the last time.
        why: Refusal,
        /// How often.
        count: u32,
    },
    /// No stranger has connected for a minute.
    StrangersOver {
        /// How many had before.
        count: u32,
    },
    /// Listening failed.
    ListenFailed {
        /// Why.
        why: IoError,
    },
    /// Listening, which had failed, works.
    ListensAgain,
    /// A family that the configuration activates was not agreed on.
    FamilyNotAgreed {
        /// The peer.
        peer: IpAddr,
        /// The family.
        family: Family,
    },
    /// A peer is not told routes of a family: there is no next hop to tell it.
    NoNextHop {
        /// The peer.
        peer: IpAddr,
        /// The family of the routes.
        family: Family,
        /// Why.
        why: NoNextHop,
    },
    /// There is a next hop for such routes now: the peer is told them.
    NextHopFound {
        /// The peer.
        peer: IpAddr,
        /// The family of the routes.
        family: Family,
    },
    /// The peer offers to keep a dead speaker's routes (graceful restart); we never ask it to.
    PeerOffersGracefulRestart {
        /// The peer.
        peer: IpAddr,
    },
    /// A BFD session came up.
    BfdUp {
        /// The peer.
        peer: IpAddr,
    },
    /// A BFD session that was up is down.
    BfdDown {
        /// The peer.
        peer: IpAddr,
        /// Why: silence, or the peer said so.
        why: Diagnostic,
        /// The peer's state as last heard.
        remote: bfd::State,
        /// What the peer said why.
        said: Diagnostic,
    },
    /// BFD packets can be neither sent nor received; it is tried again.
    BfdFailed {
        /// The peer.
        peer: IpAddr,
        /// Why.
        why: IoError,
    },
    /// `bfd` was taken off a neighbor whose session is up: no packet will be sent any more.
    BfdRemoved {
        /// The peer.
        peer: IpAddr,
    },
    /// An UPDATE had an error that did not cost the session (RFC 7606).
    MalformedUpdate {
        /// The peer.
        peer: IpAddr,
        /// The attribute at fault; 0: none in particular.
        attribute: u8,
        /// Whether its routes were treated as withdrawn (otherwise the attribute was discarded).
        withdrawn: bool,
    },
    /// That happened again in the same session: told when it was 10 times, 100 times and so on, and at the session's end.
    MalformedOften {
        /// The peer.
        peer: IpAddr,
        /// Whether its routes were treated as withdrawn (otherwise an attribute was discarded).
        withdrawn: bool,
        /// How often.
        count: u16,
    },
    /// The peer sent more prefixes than `maximum-prefix` allows.
    MaximumPrefix {
        /// The peer.
        peer: IpAddr,
        /// Of which family.
        family: Family,
        /// The limit.
        limit: u32,
        /// Whether the session was closed for it.
        closed: bool,
    },
    /// A peer was told a route that none had; or the last peer that had it was told its withdrawal. (Not when the session with that
    /// peer ended: that has a record of its own.)
    Announced {
        /// The prefix.
        prefix: Prefix,
        /// Whether some peer has it now.
        announced: bool,
    },
    /// A service's posture changed.
    Posture {
        /// The service.
        service: ServiceId,
        /// What is announced now.
        posture: Posture,
        /// Why.
        because: Because,
    },
    /// What a check says of its service changed.
    Check {
        /// The service.
        service: ServiceId,
        /// The check's place in the configuration.
        check: u16,
        /// What it says now.
        health: Health,
        /// Why, when it says no.
        why: ProbeFailure,
    },
    /// An address was bound.
    Bound {
        /// The address.
        address: InterfaceAddress,
        /// The link.
        link: LinkId,
    },
    /// An address that Holdover bound was unbound.
    Unbound {
        /// The address.
        address: InterfaceAddress,
        /// The link.
        link: LinkId,
    },
    /// An address was there already: it stays its owner's.
    Adopted {
        /// The address.
        address: InterfaceAddress,
        /// The link.
        link: LinkId,
    },
    /// An adopted address was removed by somebody.
    AddressLost {
        /// The address.
        address: IpAddr,
    },
    /// An address of ours was removed by a foreign hand and is being put back.
    PutBack {
        /// The address.
        address: IpAddr,
    },
    /// It was removed too often; from now on it is put back after a pause, which grows up to a minute.
    PutBackPaused {
        /// The address.
        address: IpAddr,
    },
    /// A reload binds an address of ours elsewhere, or with another label: it stays as it is until the next start.
    BoundElsewhere {
        /// The address.
        address: IpAddr,
        /// Where it stays.
        link: LinkId,
    },
    /// An address could not be bound.
    BindFailed {
        /// The address.
        address: IpAddr,
        /// Why.
        why: IoError,
    },
    /// An address of ours could not be removed; it stays on this host until that works.
    UnbindFailed {
        /// The address.
        address: InterfaceAddress,
        /// Why.
        why: IoError,
    },
    /// The interface to bind on is not there.
    NoSuchLink {
        /// The address that waits for it.
        address: IpAddr,
    },
    /// An address of an earlier run was found and removed.
    LeftoverRemoved {
        /// The address.
        address: InterfaceAddress,
    },
    /// A route that could be redistributed is held back: it is not a host route and no prefix-list permits it.
    HeldBack {
        /// The prefix.
        prefix: Prefix,
    },
    /// A fixed capacity was reached; what did not fit is ignored whole.
    Full {
        /// Which.
        limit: Limit,
    },
    /// `steer` chose other next hops for a prefix; 0: none is left.
    Steered {
        /// The prefix.
        prefix: Prefix,
        /// How many next hops share it.
        next_hops: u8,
    },
    /// Somebody took a route of ours out of the host's table, or put another one in its place.
    RouteLost {
        /// The prefix.
        prefix: Prefix,
        /// Whether that was so too often: then it is put back after a pause (otherwise at once).
        paused: bool,
    },
    /// A route could not be installed or removed in the host's table; it is tried again.
    RouteFailed {
        /// The prefix.
        prefix: Prefix,
        /// Why.
        why: IoError,
    },
}

impl Record {
    /// How loudly it should be told.
    pub const fn level(&self) -> Level {
        match self {
            Self::State { .. }
            | Self::Collision { .. }
            | Self::AttemptFailed { .. }
            | Self::PeerOffersGracefulRestart { .. } => Level::Debug,
            Self::Configured { .. }
            | Self::Established { .. }
            | Self::FlappingOver { .. }
            | Self::BfdUp { .. }
            | Self::NextHopFound { .. }
            | Self::Announced { .. }
            | Self::Posture { .. }
            | Self::Check { health: Health::Unknown | Health::Yes, .. }
            | Self::Bound { .. }
            | Self::Unbound { .. }
            | Self::Adopted { .. }
            | Self::Steered { .. }
            | Self::Refused { .. }
            | Self::RefusedOften { .. }
            | Self::StrangersOver { .. }
            | Self::ListensAgain
            | Self::LeftoverRemoved { .. }
            | Self::HeldBack { .. }
            | Self::Stopped => Level::Info,
            Self::SessionDown { .. }
            | Self::NoSession { .. }
            | Self::Flapping { .. }
            | Self::BfdDown { .. }
            | Self::BfdRemoved { .. }
            | Self::MalformedUpdate { .. }
            | Self::MalformedOften { .. }
            | Self::MaximumPrefix { .. }
            | Self::FamilyNotAgreed { .. }
            | Self::NoNextHop { .. }
            | Self::AddressLost { .. }
            | Self::Check { health: Health::No, .. }
            | Self::PutBack { .. }
            | Self::BoundElsewhere { .. }
            | Self::RouteLost { paused: false, .. }
            | Self::RecordsLost { .. }
            | Self::Full { .. } => Level::Warning,
            Self::NoRouterId
            | Self::ListenFailed { .. }
            | Self::BfdFailed { .. }
            | Self::PutBackPaused { .. }
            | Self::BindFailed { .. }
            | Self::UnbindFailed { .. }
            | Self::NoSuchLink { .. }
            | Self::RouteLost { paused: true, .. }
            | Self::RouteFailed { .. } => Level::Error,
        }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "closed",
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by the peer",
            Self::TimedOut => "no answer in time",
            Self::Unreachable => "unreachable",
            Self::AddressUnavailable => "our own address is not on this host",
            Self::InUse => "address in use",
            Self::Denied => "permission denied",
            Self::Unsupported => "not supported by this system",
            Self::Exhausted => "out of resources",
            Self::Other => "system error",
        })
    }
}

impl core::error::Error for IoError {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stranger => "it is no neighbor",
            Self::NoPlace => "no place is left for another neighbor from a listen range",
            Self::Earlier => "its earlier connection is not over",
            Self::TooSoon => "its last sessions were short, and the pause after them is not over",
            Self::NotNow => "no session with it is wanted now",
        })
    }
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotificationReceived(code, subcode) => {
                write!(f, "the peer sent {code}/{subcode} {}", notification::name(code, subcode))
            }
            Self::NotificationSent(code, subcode) => {
                write!(f, "we sent {code}/{subcode} {}", notification::name(code, subcode))
            }
            Self::Connection(why) => why.fmt(f),
            Self::LinkDown => f.write_str("its link is down"),
            Self::BfdDown => f.write_str("BFD says that the path is down"),
        }
    }
}

impl fmt::Display for NoNextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAgreed => {
                "it did not agree to IPv6 next hops (RFC 8950), and the interface to it has no IPv4 address of this host"
            }
            Self::NoAddress => "the interface to it has no address of this host that can be the next hop",
            Self::NotConnected => {
                "it is on no subnet of this host, and the session gives no next hop of this family; say `set ip next-hop` \
                 or `set ipv6 next-hop global` in a route-map"
            }
            Self::Shared => {
                "our end of the session is a shared address, and this host has no other for it; say `update-source`"
            }
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Routes => "routes",
            Self::AttributeSets => "distinct attribute sets",
            Self::Candidates => "prefixes to steer",
            Self::HostAddresses => "addresses of this host",
            Self::Links => "links",
            Self::Peers => "peers",
            Self::KernelRoutes => "routes of the kernel",
        })
    }
}
