//! What `show` shows: flat values, borrowed from the engine for the length of one call.

use core::net::IpAddr;

use super::names::{LinkId, PeerId, ServiceId};
use super::record::{EndCause, NoNextHop};
use crate::base::net::{Asn, BgpId, Families, Prefix};
use crate::base::time::{Duration, Instant};
use crate::bfd::BfdKind;
use crate::bfd::session::Timing;
use crate::bgp::fsm::State;
use crate::config::{CheckKind, Owner, Role, RouteSource};
use crate::failover::posture::{Because, Health, Posture, Wish};
use crate::failover::probe::Finding;
use crate::wire::bfd;

/// The engine as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// `hostname`.
    pub hostname: &'a str,
    /// Our AS.
    pub local_as: Asn,
    /// Our BGP Identifier; 0: none yet.
    pub router_id: BgpId,
    /// When the engine started.
    pub started: Instant,
    /// Peers, dynamic ones included.
    pub peers: u16,
    /// Those whose session is up.
    pub established: u16,
    /// Services.
    pub services: u16,
    /// Routes that may be announced.
    pub routes: u32,
    /// Those that at least one neighbor has been told.
    pub announced: u32,
    /// Prefixes that `steer` keeps.
    pub steered: u32,
    /// Inputs with a dead name, since the start.
    pub stale_inputs: u32,
    /// BFD packets that belonged to no session, since the start.
    pub bfd_unknown: u32,
    /// BFD packets that were malformed, or came from too far away.
    pub bfd_refused: u32,
    /// Whether the engine listens for connections.
    pub listening: bool,
    /// Whether a new configuration is still being applied.
    pub configuring: bool,
    /// Whether it is on its way out.
    pub stopping: bool,
}

/// Why a peer's packets have the TTL they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TtlBecause {
    /// The peer is on a connected subnet: 1.
    #[default]
    Connected,
    /// It is not: 16.
    NotConnected,
    /// It is not, and `disable-connected-check` stands: 1.
    Unchecked,
    /// `ebgp-multihop N`.
    Multihop,
    /// `ttl-security hops N`: 255.
    Security,
    /// It is an internal peer: 64.
    Internal,
}

/// What an operator should look at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    #[default]
    None,
    /// The peer closes the connection, or rejects it: at some providers the route servers accept no session until the address
    /// is registered as shared for this machine.
    NotAccepted,
    /// The peer's host refuses the connection: nothing listens there, or not for us.
    Refused,
    /// No answer to our connection: no such host, a filter, or a TCP MD5 key on one side only.
    NoAnswer,
    /// There is no way to the peer.
    NoWay,
    /// The link to the peer is down.
    LinkDown,
    /// The peer has not connected, and we do not dial it.
    NotConnected,
    /// One side rejects the other's OPEN for its AS: the numbers do not fit.
    CheckRemoteAs,
    /// Nothing comes back although the connection opens: MD5 key, TTL.
    CheckPasswordAndTtl,
    /// The last attempts or short sessions earned a pause, which grows; see `last_end` for who ended them.
    BackingOff,
    /// `shutdown` is configured.
    Shutdown,
    /// Our own address (update-source) or link is not there.
    NoLocalAddress,
    /// `bfd strict` is configured and BFD is not up.
    WaitsForBfd,
}

/// One peer.
#[derive(Clone, Copy, Debug)]
pub struct PeerView<'a> {
    /// Its place.
    pub id: PeerId,
    /// Its address.
    pub address: IpAddr,
    /// `description`.
    pub description: &'a str,
    /// Its peer-group's name, or nothing.
    pub group: &'a str,
    /// Its AS: as heard, else as configured, else 0.
    pub remote_as: Asn,
    /// Its BGP Identifier; 0: not heard.
    pub remote_id: BgpId,
    /// The state of its furthest connection; Idle with `shutdown`.
    pub state: State,
    /// Since when its session is up, or there is none.
    pub since: Instant,
    /// Our end of the session; unspecified when there is none.
    pub local: IpAddr,
    /// Whether it came by `bgp listen range`.
    pub dynamic: bool,
    /// Whether we wait for it to connect.
    pub passive: bool,
    /// The agreed hold time, in seconds; the configured one before that.
    pub hold_time: u16,
    /// Our keepalive interval, in seconds.
    pub keepalive: u16,
    /// The TTL sent.
    pub ttl: u8,
    /// Why.
    pub ttl_because: TtlBecause,
    /// The agreed families.
    pub families: Families,
    /// Whether IPv4 routes may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Messages received since the session's start.
    pub received: u32,
    /// Messages sent since the session's start.
    pub sent: u32,
    /// Routes that this peer was told.
    pub told: u32,
    /// Routes that this peer is still owed.
    pub owed: u32,
    /// Routes from this peer that `steer` keeps.
    pub kept: u32,
    /// How often its session came up.
    pub established: u32,
    /// Why the last session or attempt ended.
    pub last_end: Option<EndCause>,
    /// Why the last session ended; the same as `last_end` unless an attempt failed after it.
    pub session_end: Option<EndCause>,
    /// What its last NOTIFICATION said (RFC 9003), as it came; empty: nothing. [`Said`](crate::base::text::Said) shows it.
    pub last_text: &'a [u8],
    /// What to look at.
    pub hint: Hint,
    /// Its BFD session, if it has one.
    pub bfd: Option<BfdView>,
}

/// Where a BFD session stands on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BfdStanding {
    /// The host was asked to send and receive for it.
    #[default]
    Opening,
    /// Packets come and go.
    Open,
    /// The host cannot send or receive for it; it is tried again.
    Failed,
    /// It is over, which the neighbor is being told.
    Leaving,
}

/// One BFD session.
#[derive(Clone, Copy, Debug)]
pub struct BfdView {
    /// Where it stands on this host.
    pub standing: BfdStanding,
    /// Which port.
    pub kind: BfdKind,
    /// Our end.
    pub local: IpAddr,
    /// The least TTL that is believed.
    pub min_ttl: u8,
    /// Its state.
    pub state: bfd::State,
    /// Since when.
    pub since: Instant,
    /// Why the state last changed.
    pub diagnostic: bfd::Diagnostic,
    /// The neighbor's state, as last heard.
    pub remote_state: bfd::State,
    /// Why the neighbor's state last changed.
    pub remote_diagnostic: bfd::Diagnostic,
    /// Our name of the session.
    pub local_discriminator: u32,
    /// The neighbor's name of it; 0: not heard.
    pub remote_discriminator: u32,
    /// What the configuration asks for.
    pub timing: Timing,
    /// The agreed interval of our packets, before jitter.
    pub interval: Duration,
    /// The interval at which the neighbor wishes to send; zero: not heard.
    pub remote_transmit: Duration,
    /// The least interval at which the neighbor can receive; zero: nothing at all.
    pub remote_receive: Duration,
    /// The neighbor's multiplier; 0: not heard.
    pub remote_multiplier: u8,
    /// How long silence lasts until it counts; zero: nothing was heard.
    pub detection_time: Duration,
    /// Packets received.
    pub received: u32,
    /// Packets sent.
    pub sent: u32,
}

/// Where an address stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AddressState {
    /// Not on this host.
    #[default]
    Absent,
    /// The order to bind it is out.
    Binding,
    /// Bound by us.
    Bound,
    /// It was there already and is somebody else's.
    Adopted,
    /// The order to unbind it is out.
    Unbinding,
    /// It could not be bound; it is tried again.
    Failed,
    /// It was removed too often; it is put back after a pause.
    Paused,
    /// The interface to bind it on does not exist; it is bound as soon as it does.
    NoLink,
}

/// Where a route stands in the host's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TableState {
    /// Nothing of it is to be there.
    #[default]
    None,
    /// An order about it is out, or owed.
    Ordered,
    /// It is there.
    Installed,
    /// The host refuses it, or it is taken away too often; it is tried again.
    Waits,
}

/// One service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceView<'a> {
    /// Its place.
    pub id: ServiceId,
    /// Its name.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
    /// What is announced.
    pub posture: Posture,
    /// Why.
    pub because: Because,
    /// Since when.
    pub since: Instant,
    /// What an operator wants of it.
    pub wish: Wish,
    /// Until when damping holds it down; `None`: it does not.
    pub held_until: Option<Instant>,
    /// Its addresses.
    pub addresses: u16,
    /// Those that are on this host.
    pub present: u16,
    /// Its checks.
    pub checks: u16,
    /// Those that pass.
    pub passing: u16,
}

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct CheckView<'a> {
    /// Its service's name.
    pub service: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: CheckKind,
    /// What it says.
    pub health: Health,
    /// Since when.
    pub since: Instant,
    /// The last result and how long it took; `None`: there is none yet.
    pub last: Option<(Finding, Duration)>,
    /// How many results in a row speak against what it says.
    pub streak: u8,
    /// After how many of them it says otherwise.
    pub needed: u8,
}

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct RouteView<'a> {
    /// The prefix that is announced.
    pub prefix: Prefix,
    /// Who says so.
    pub owner: Owner,
    /// Where it comes from, when it is redistributed.
    pub source: Option<RouteSource>,
    /// Its service's name, or nothing.
    pub service: &'a str,
    /// The address's state, when an address stands behind it.
    pub address: Option<AddressState>,
    /// The link its address is on.
    pub link: Option<LinkId>,
    /// Whether it is wanted announced now.
    pub announced: bool,
    /// To how many peers it is told.
    pub told: u16,
    /// The first peer that it is not told to for want of a next hop, and why.
    pub held_back: Option<(IpAddr, NoNextHop)>,
    /// Where it stands in the host's table, when it is to be there too (`ip route`, and what is wider than its address).
    pub table: TableState,
}

/// One prefix that `steer` keeps.
#[derive(Clone, Copy, Debug)]
pub struct SteerView {
    /// The prefix.
    pub prefix: Prefix,
    /// The chosen next hop; unspecified when there is none that can be used.
    pub next_hop: IpAddr,
    /// The peer it came from; unspecified likewise.
    pub peer: IpAddr,
    /// Where it stands in the host's table; none without `install kernel`.
    pub table: TableState,
    /// How many next hops share it.
    pub shares: u8,
    /// How many candidates there are.
    pub candidates: u8,
}
