//! What is announced or bound, and what decides it: routes, services and their checks.

use core::net::{IpAddr, Ipv4Addr};

use super::{ListRef, Span};
use crate::base::net::{Family, InterfaceAddress, Prefix};

/// Who says that a route exists. The order is the order of precedence: a prefix has one owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Owner {
    /// Nobody: the rest value.
    #[default]
    None,
    /// An `address` line of the failover block with this index.
    Service(u16),
    /// A `network` line.
    Network,
    /// `ip route P Null0|blackhole` or `reject` (unreachable).
    Static(StaticKind),
    /// `ip address` below `interface NAME`: bound, never announced by itself.
    Interface,
}

/// The kind of an `ip route` without a next hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StaticKind {
    /// `Null0` or `blackhole`: dropped in silence.
    #[default]
    Blackhole,
    /// `reject`: answered with "unreachable".
    Reject,
}

/// A route of the configuration: at most 32 octets (law 8). Sorted by announced prefix, then by owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address, with its host bits where an address is to be bound; otherwise the prefix's first address.
    pub address: IpAddr,
    /// How long the announced prefix is, in bits (for [`Owner::Interface`]: the subnet's length).
    pub length: u8,
    /// Who says so.
    pub owner: Owner,
    /// The route-map on a `network` line; a service has its own two.
    pub map: ListRef,
    /// [`Owner::Interface`]: the interface's name.
    pub interface: Span,
}

impl Route {
    /// The rest value.
    pub const REST: Self = Self {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        length: 0,
        owner: Owner::None,
        map: ListRef::NONE,
        interface: Span::EMPTY,
    };

    /// The prefix that is announced.
    pub fn prefix(&self) -> Prefix {
        InterfaceAddress { address: self.address, length: self.length }.subnet()
    }

    /// Whether an address of its own stands behind it, to be bound or watched: a service's, an interface's, or a
    /// `network` of host length.
    pub fn is_address(&self) -> bool {
        match self.owner {
            Owner::Service(_) | Owner::Interface => true,
            Owner::Network => self.length == Family::of(self.address).bits(),
            Owner::None | Owner::Static(_) => false,
        }
    }
}

/// `role` of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// `role primary`, also when nothing is said.
    #[default]
    Primary,
    /// `role secondary`.
    Secondary,
}

/// `bind` of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bind {
    /// On the interface named by [`Service::interface`], `lo` when that is empty.
    #[default]
    Interface,
    /// `bind none`: somebody else binds it, Holdover watches.
    Watch,
}

/// How many checks must pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Require {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
    /// At least this many.
    Count(u8),
}

/// `on-failure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The routes are withdrawn.
    #[default]
    Withdraw,
    /// The standby attributes are announced.
    Standby,
}

/// A `failover` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: Span,
    /// `role`.
    pub role: Role,
    /// `bind`.
    pub bind: Bind,
    /// `bind IFNAME`; empty: `lo`.
    pub interface: Span,
    /// `bind IFNAME label L`; empty: the interface's name.
    pub label: Span,
    /// `active route-map M`.
    pub active: ListRef,
    /// `standby route-map M`; none: the service never stands by, it is withdrawn.
    pub standby: ListRef,
    /// `require`.
    pub require: Require,
    /// `on-failure`.
    pub on_failure: OnFailure,
    /// `no preempt`: having failed, stand by until told otherwise.
    pub no_preempt: bool,
    /// `unbind-when-withdrawn`.
    pub unbind_when_withdrawn: bool,
    /// Which of the times below were given: bit 0 preempt, 1 start, 2 drain, 3 linger (so that `print` is exact).
    pub given: u8,
    /// `preempt delay`, in milliseconds; default 0.
    pub preempt_delay_ms: u32,
    /// `start-delay`, in milliseconds; default 0.
    pub start_delay_ms: u32,
    /// `drain-delay`, in milliseconds; default 2,000.
    pub drain_delay_ms: u32,
    /// `linger`, in milliseconds; default 2,000: how long an address stays bound after its withdrawal has left.
    pub linger_ms: u32,
}

impl Service {
    /// The rest value.
    pub const REST: Self = Self {
        name: Span::EMPTY,
        role: Role::Primary,
        bind: Bind::Interface,
        interface: Span::EMPTY,
        label: Span::EMPTY,
        active: ListRef::NONE,
        standby: ListRef::NONE,
        require: Require::All,
        on_failure: OnFailure::Withdraw,
        no_preempt: false,
        unbind_when_withdrawn: false,
        given: 0,
        preempt_delay_ms: 0,
        start_delay_ms: 0,
        drain_delay_ms: 0,
        linger_ms: 0,
    };
    /// [`Self::drain_delay_ms`] and [`Self::linger_ms`] of a new block.
    pub const DEFAULT_DELAY_MS: u32 = 2_000;
}

/// The kind of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CheckKind {
    /// The rest value.
    #[default]
    None,
    /// `http URL …`, `https URL …`.
    Http,
    /// `tcp ADDRESS:PORT`.
    Tcp,
    /// `icmp ADDRESS`.
    Icmp,
    /// `exec PATH ARGS…`.
    Exec,
    /// `process pidfile PATH` or `process unit NAME`: the kernel tells, no interval.
    Process,
    /// `file PATH [absent]`.
    File,
}

/// A `check` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The service it belongs to, by index.
    pub service: u16,
    /// What it does.
    pub kind: CheckKind,
    /// Passes needed to be healthy (`rise`); 0: not given (2).
    pub rise: u8,
    /// Failures needed to be unhealthy (`fall`); 0: not given (3).
    pub fall: u8,
    /// Its name.
    pub name: Span,
    /// What stands after the kind, as it was written (URL, address, path, arguments, and options of that kind).
    pub target: Span,
    /// `interval` in milliseconds; 0: not given (1,000).
    pub interval_ms: u32,
    /// `timeout` in milliseconds; 0: not given (1,000).
    pub timeout_ms: u32,
}

impl Check {
    /// [`Self::interval_ms`] and [`Self::timeout_ms`] when they are not given.
    pub const DEFAULT_MS: u32 = 1_000;
    /// The rest value.
    pub const REST: Self = Self {
        service: 0,
        kind: CheckKind::None,
        rise: 0,
        fall: 0,
        name: Span::EMPTY,
        target: Span::EMPTY,
        interval_ms: 0,
        timeout_ms: 0,
    };
}
