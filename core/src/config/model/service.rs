//! What is announced or bound, and what decides it: routes, services and their checks.

use core::net::{IpAddr, Ipv4Addr};

use super::{ListRef, Span};
use crate::base::net::{Family, InterfaceAddress, Prefix};
use crate::base::time::Duration;

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
    /// `ip route P Null0|blackhole`, `reject` (unreachable), or with a gateway.
    Static(StaticKind),
    /// `ip address` below `interface NAME`: bound, never announced by itself.
    Interface,
}

/// Where an `ip route` leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StaticKind {
    /// `Null0` or `blackhole`: dropped in silence.
    #[default]
    Blackhole,
    /// `reject`: answered with "unreachable".
    Reject,
    /// To the gateway whose address is the text at [`Route::interface`].
    Gateway,
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
    /// [`Owner::Interface`]: the interface's name. [`StaticKind::Gateway`]: the gateway's address.
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

/// A time, in two octets: any number of milliseconds up to [`Millis::FINE`], whole seconds from there to 9 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(u16);

impl Millis {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// Beyond so many milliseconds, a time is whole seconds.
    pub const FINE: u32 = 0x7FFF;
    /// The longest time, in milliseconds: 9 hours.
    pub const MOST: u32 = 9 * 3_600 * 1_000;
    /// This bit says that the others count seconds.
    const SECONDS: u16 = 0x8000;

    /// So many milliseconds; what does not fit is rounded down.
    #[expect(clippy::cast_possible_truncation, reason = "both are held below 15 bits")]
    pub const fn of(millis: u32) -> Self {
        if millis <= Self::FINE {
            return Self(millis as u16);
        }
        let held = if millis < Self::MOST { millis } else { Self::MOST };
        Self((held / 1_000) as u16 | Self::SECONDS)
    }

    /// How many milliseconds.
    pub const fn get(self) -> u32 {
        let count = (self.0 & !Self::SECONDS) as u32;
        if self.0 & Self::SECONDS == 0 { count } else { count.saturating_mul(1_000) }
    }

    /// This time, or `default` when it is zero.
    #[must_use]
    pub const fn or(self, default: Self) -> Self {
        if self.0 == 0 { default } else { self }
    }

    /// The same as a span of time.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.get() as u64)
    }
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
    /// Which of the times below were given: bit 0 preempt, 1 start, 2 drain, 3 linger, 4 drain-timeout, 5 dampen (so
    /// that `print` is exact).
    pub given: u8,
    /// `dampen failures`: so many changes from healthy to unhealthy within [`Self::dampen_within_ms`] hold the service
    /// down; 0: `no dampen`. Default 3.
    pub dampen_failures: u8,
    /// `preempt delay`, default 0.
    pub preempt_delay_ms: Millis,
    /// `start-delay`, default 0.
    pub start_delay_ms: Millis,
    /// `drain-delay`, default 2,000.
    pub drain_delay_ms: Millis,
    /// `linger`, default 2,000: how long an address stays bound after its withdrawal has left.
    pub linger_ms: Millis,
    /// `drain-timeout`, default 5,000: how long a drain waits for its last neighbor.
    pub drain_timeout_ms: Millis,
    /// `dampen within`, default 60,000.
    pub dampen_within_ms: Millis,
    /// `dampen hold`, default 3,000: how long the first time, each further time twice as long.
    pub dampen_hold_ms: Millis,
    /// `dampen max`, default 300,000: how long at most.
    pub dampen_max_ms: Millis,
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
        preempt_delay_ms: Millis::ZERO,
        start_delay_ms: Millis::ZERO,
        drain_delay_ms: Millis::ZERO,
        linger_ms: Millis::ZERO,
        drain_timeout_ms: Millis::ZERO,
        dampen_failures: 0,
        dampen_within_ms: Millis::ZERO,
        dampen_hold_ms: Millis::ZERO,
        dampen_max_ms: Millis::ZERO,
    };
    /// A new block, in which nothing is said yet.
    pub const DEFAULT: Self = Self {
        drain_delay_ms: Millis::of(2_000),
        linger_ms: Millis::of(2_000),
        drain_timeout_ms: Millis::of(5_000),
        dampen_failures: 3,
        dampen_within_ms: Millis::of(60_000),
        dampen_hold_ms: Millis::of(3_000),
        dampen_max_ms: Millis::of(300_000),
        ..Self::REST
    };
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
    /// `interval`; zero: not given (1,000).
    pub interval_ms: Millis,
    /// `timeout`; zero: not given (1,000).
    pub timeout_ms: Millis,
    /// `fast-interval`, while a verdict is changing; zero: not given (the interval).
    pub fast_interval_ms: Millis,
    /// `start-delay`, before the first run; zero: not given (none).
    pub start_delay_ms: Millis,
}

impl Check {
    /// [`Self::interval_ms`] and [`Self::timeout_ms`] when they are not given.
    pub const DEFAULT: Millis = Millis::of(1_000);
    /// The rest value.
    pub const REST: Self = Self {
        service: 0,
        kind: CheckKind::None,
        rise: 0,
        fall: 0,
        name: Span::EMPTY,
        target: Span::EMPTY,
        interval_ms: Millis::ZERO,
        timeout_ms: Millis::ZERO,
        fast_interval_ms: Millis::ZERO,
        start_delay_ms: Millis::ZERO,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_two_octets_keeps_its_milliseconds_and_its_order() {
        for millis in [0, 1, 10, 32_767, 33_000, 60_000, 300_000, Millis::MOST] {
            assert_eq!(Millis::of(millis).get(), millis);
            assert_eq!(Millis::of(millis).duration(), Duration::from_millis(u64::from(millis)));
            assert!(millis == 0 || Millis::of(millis) > Millis::of(millis - 1));
        }
        assert_eq!(Millis::of(33_999).get(), 33_000);
        assert_eq!(Millis::of(u32::MAX).get(), Millis::MOST);
    }
}
