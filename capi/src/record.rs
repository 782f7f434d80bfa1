//! What happened, for a program that acts on it: a number, and of whom or what it speaks. The sentence is
//! `holdover_record_text`'s.

use core::net::IpAddr;

use holdover_core::base::net::Prefix;
use holdover_core::engine::Record;
use holdover_core::engine::record::Level;

use crate::value::{holdover_address, holdover_prefix};

/// How loudly a record should be told.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_level {
    /// For one who looks for a fault.
    Debug = 0,
    /// A change that an operator may want to read later.
    Info = 1,
    /// Something is wrong and is coped with, or an operator should look when awake.
    Warning = 2,
    /// Something does not work until somebody acts.
    Error = 3,
}

/// What happened. The numbers stay; a later version may have more.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_record_kind {
    /// Something that this header has no number for.
    Other = 0,
    /// Everything is withdrawn, said goodbye to and unbound.
    Stopped = 1,
    /// Some records did not fit and were lost.
    RecordsLost = 2,
    /// The engine took over a configuration.
    Configured = 3,
    /// There is no BGP Identifier, and no address of this machine can serve as one yet.
    NoRouterId = 4,
    /// A connection's state changed (RFC 4271 section 8.2.2).
    State = 5,
    /// A session is up.
    Established = 6,
    /// A session that was up is down.
    SessionDown = 7,
    /// An attempt at a session failed.
    AttemptFailed = 8,
    /// Two connections to one peer met; one was closed (RFC 4271 section 6.8).
    Collision = 9,
    /// Somebody who is not expected connected to us.
    Refused = 10,
    /// Listening failed.
    ListenFailed = 11,
    /// A family that the configuration activates was not agreed on.
    FamilyNotAgreed = 12,
    /// A peer is not told routes of a family: there is no next hop to tell it.
    NoNextHop = 13,
    /// The peer offers graceful restart (RFC 4724); we never ask for it.
    PeerOffersGracefulRestart = 14,
    /// A BFD session came up.
    BfdUp = 15,
    /// A BFD session that was up is down.
    BfdDown = 16,
    /// BFD packets can be neither sent nor received.
    BfdFailed = 17,
    /// BFD was taken off a neighbor whose session is up.
    BfdRemoved = 18,
    /// An UPDATE had an error that did not cost the session (RFC 7606).
    MalformedUpdate = 19,
    /// The peer sent more prefixes than it may.
    MaximumPrefix = 20,
    /// A route is announced now, or is not any more.
    Announced = 21,
    /// What is announced for a service changed.
    Posture = 22,
    /// What a check says of its service changed.
    Check = 23,
    /// An address was bound.
    Bound = 24,
    /// An address that we bound was unbound.
    Unbound = 25,
    /// An address was there already: it stays its owner's.
    Adopted = 26,
    /// An adopted address was removed by somebody.
    AddressLost = 27,
    /// An address of ours was removed by a foreign hand and is being put back.
    PutBack = 28,
    /// It was removed too often: from now on it is put back after a pause of up to a minute.
    PutBackPaused = 29,
    /// A configuration binds an address elsewhere: it stays as it is until the next start.
    BoundElsewhere = 30,
    /// An address could not be bound.
    BindFailed = 31,
    /// The link to bind an address on is not there.
    NoSuchLink = 32,
    /// An address of an earlier run was found and removed.
    LeftoverRemoved = 33,
    /// A route that could be redistributed is held back.
    HeldBack = 34,
    /// A fixed capacity was reached; what did not fit is ignored.
    Full = 35,
    /// Other next hops were chosen for a prefix, or none is left.
    Steered = 36,
    /// A route could not be installed or removed.
    RouteFailed = 37,
    /// An address of ours could not be removed.
    UnbindFailed = 38,
    /// Sessions with a peer end soon after they come up; the pauses between them grow.
    Flapping = 39,
    /// After such sessions, there is one that lasts.
    FlappingOver = 40,
    /// Somebody who was refused keeps connecting to us.
    RefusedOften = 41,
    /// No stranger has connected for a minute.
    StrangersOver = 42,
    /// Listening, which had failed, works.
    ListensAgain = 43,
    /// Malformed UPDATEs keep coming.
    MalformedOften = 44,
    /// A peer has had no session for 10 s.
    NoSession = 45,
    /// There is a next hop for routes of a family now: the peer is told them.
    NextHopFound = 46,
    /// Somebody took a route of ours out of the table, or put another one in its place.
    RouteLost = 47,
}

/// "No service", where a record speaks of none.
pub const HOLDOVER_NO_SERVICE: u16 = u16::MAX;

/// Something that happened: HOLDOVER_OUTPUT_KIND_RECORD.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_record {
    /// What.
    pub kind: holdover_record_kind,
    /// How loudly to tell it.
    pub level: holdover_level,
    /// The service it speaks of, by its place in the configuration; HOLDOVER_NO_SERVICE.
    pub service: u16,
    /// The peer, address or prefix it speaks of; of a peer the length is that of a single address. Family None: of none.
    pub about: holdover_prefix,
}

/// Whom or what a record speaks of.
enum About {
    Nothing,
    Address(IpAddr),
    Prefix(holdover_prefix),
    Service(u16),
}

impl holdover_record {
    /// The record in C.
    pub(crate) fn of(record: &Record) -> Self {
        let (kind, about) = of(record);
        let none = holdover_prefix { address: holdover_address::NONE, length: 0 };
        let (service, about) = match about {
            About::Nothing => (HOLDOVER_NO_SERVICE, none),
            About::Address(address) => (HOLDOVER_NO_SERVICE, Prefix::host(address).into()),
            About::Prefix(prefix) => (HOLDOVER_NO_SERVICE, prefix),
            About::Service(service) => (service, none),
        };
        Self { kind, level: record.level().into(), service, about }
    }
}

// table: one row for each record
fn of(record: &Record) -> (holdover_record_kind, About) {
    use holdover_record_kind as Kind;
    match *record {
        Record::Stopped => (Kind::Stopped, About::Nothing),
        Record::RecordsLost { .. } => (Kind::RecordsLost, About::Nothing),
        Record::Configured { .. } => (Kind::Configured, About::Nothing),
        Record::NoRouterId => (Kind::NoRouterId, About::Nothing),
        Record::State { peer, .. } => (Kind::State, About::Address(peer)),
        Record::Established { peer, .. } => (Kind::Established, About::Address(peer)),
        Record::SessionDown { peer, .. } => (Kind::SessionDown, About::Address(peer)),
        Record::AttemptFailed { peer, .. } => (Kind::AttemptFailed, About::Address(peer)),
        Record::Collision { peer, .. } => (Kind::Collision, About::Address(peer)),
        Record::Refused { remote, .. } => (Kind::Refused, About::Address(remote)),
        Record::ListenFailed { .. } => (Kind::ListenFailed, About::Nothing),
        Record::FamilyNotAgreed { peer, .. } => (Kind::FamilyNotAgreed, About::Address(peer)),
        Record::NoNextHop { peer, .. } => (Kind::NoNextHop, About::Address(peer)),
        Record::NextHopFound { peer, .. } => (Kind::NextHopFound, About::Address(peer)),
        Record::PeerOffersGracefulRestart { peer, .. } => {
            (Kind::PeerOffersGracefulRestart, About::Address(peer))
        }
        Record::BfdUp { peer, .. } => (Kind::BfdUp, About::Address(peer)),
        Record::BfdDown { peer, .. } => (Kind::BfdDown, About::Address(peer)),
        Record::BfdFailed { peer, .. } => (Kind::BfdFailed, About::Address(peer)),
        Record::BfdRemoved { peer, .. } => (Kind::BfdRemoved, About::Address(peer)),
        Record::MalformedUpdate { peer, .. } => (Kind::MalformedUpdate, About::Address(peer)),
        Record::MaximumPrefix { peer, .. } => (Kind::MaximumPrefix, About::Address(peer)),
        Record::Announced { prefix, .. } => (Kind::Announced, About::Prefix(prefix.into())),
        Record::Posture { service, .. } => (Kind::Posture, About::Service(service.0)),
        Record::Check { service, .. } => (Kind::Check, About::Service(service.0)),
        Record::Bound { address, .. } => (Kind::Bound, About::Prefix(address.into())),
        Record::Unbound { address, .. } => (Kind::Unbound, About::Prefix(address.into())),
        Record::Adopted { address, .. } => (Kind::Adopted, About::Prefix(address.into())),
        Record::AddressLost { address, .. } => (Kind::AddressLost, About::Address(address)),
        Record::PutBack { address, .. } => (Kind::PutBack, About::Address(address)),
        Record::PutBackPaused { address, .. } => (Kind::PutBackPaused, About::Address(address)),
        Record::BoundElsewhere { address, .. } => (Kind::BoundElsewhere, About::Address(address)),
        Record::BindFailed { address, .. } => (Kind::BindFailed, About::Address(address)),
        Record::UnbindFailed { address, .. } => (Kind::UnbindFailed, About::Prefix(address.into())),
        Record::NoSuchLink { address, .. } => (Kind::NoSuchLink, About::Address(address)),
        Record::LeftoverRemoved { address, .. } => (Kind::LeftoverRemoved, About::Prefix(address.into())),
        Record::HeldBack { prefix, .. } => (Kind::HeldBack, About::Prefix(prefix.into())),
        Record::Full { .. } => (Kind::Full, About::Nothing),
        Record::Steered { prefix, .. } => (Kind::Steered, About::Prefix(prefix.into())),
        Record::RouteLost { prefix, .. } => (Kind::RouteLost, About::Prefix(prefix.into())),
        Record::RouteFailed { prefix, .. } => (Kind::RouteFailed, About::Prefix(prefix.into())),
        Record::Flapping { peer, .. } => (Kind::Flapping, About::Address(peer)),
        Record::FlappingOver { peer, .. } => (Kind::FlappingOver, About::Address(peer)),
        Record::RefusedOften { remote, .. } => (Kind::RefusedOften, About::Address(remote)),
        Record::StrangersOver { .. } => (Kind::StrangersOver, About::Nothing),
        Record::ListensAgain => (Kind::ListensAgain, About::Nothing),
        Record::MalformedOften { peer, .. } => (Kind::MalformedOften, About::Address(peer)),
        Record::NoSession { peer, .. } => (Kind::NoSession, About::Address(peer)),
        // The core may say more in a later version; a test sees to it that this one says nothing that has no number.
        _ => (Kind::Other, About::Nothing),
    }
}

impl From<Level> for holdover_level {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}
