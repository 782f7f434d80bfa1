//! What a configuration says: a value of fixed size, all zero bits at rest (law 9).
//!
//! Every type here is `Copy` and small. Names, texts and secrets lie in one pool and are referred to by a [`Span`].
//! Rest values are zero: an enum's first variant, an address of `0.0.0.0`, a number of 0 mean "not given".

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::limits::CHECKS_PER_SERVICE;
use crate::base::net::{Asn, BgpId, Families, Family, InterfaceAddress, Prefix};
use crate::base::table::{Table, TableMut};

/// A piece of the text pool. The empty one means "not given".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it starts, in octets.
    pub start: u16,
    /// How long it is, in octets.
    pub length: u16,
}

impl Span {
    /// Nothing.
    pub const EMPTY: Self = Self { start: 0, length: 0 };

    /// Whether it is not given.
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// Use of a route-map, prefix-list or community-list: its name, and where its rules begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListRef {
    /// The name; empty: none is used.
    pub name: Span,
    /// One more than the index of its first rule; 0: none is used. Filled in when parsing ends.
    pub first: u16,
}

impl ListRef {
    /// None is used.
    pub const NONE: Self = Self { name: Span::EMPTY, first: 0 };
}

/// `router bgp`, and what stands directly in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bgp {
    /// Our AS; 0: there is no `router bgp`.
    pub local_as: Asn,
    /// `bgp router-id`; 0: choose one (see the engine).
    pub router_id: BgpId,
    /// `timers bgp` keepalive, in seconds; meaningful with [`BgpFlags::TIMERS`].
    pub keepalive: u16,
    /// `timers bgp` hold, in seconds.
    pub hold: u16,
    /// `coalesce-time`, in milliseconds; meaningful with [`BgpFlags::COALESCE`] (1,000 otherwise).
    pub coalesce_ms: u32,
    /// Everything that is on or off.
    pub flags: BgpFlags,
    /// `redistribute SOURCE [route-map M]`, by family and source.
    pub redistribute: [[Redistribute; 3]; 2],
}

/// One `redistribute` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redistribute {
    /// Whether it is on.
    pub on: bool,
    /// Its route-map, if any.
    pub map: ListRef,
}

/// Where a redistributed route comes from; the index into [`Bgp::redistribute`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteSource {
    /// `ip route … Null0|blackhole|reject` of this configuration.
    #[default]
    Static,
    /// The global addresses of the interfaces.
    Connected,
    /// Other routes of the kernel's main table.
    Kernel,
}

/// The switches of `router bgp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BgpFlags(pub u16);

impl BgpFlags {
    /// `timers bgp K H` was given.
    pub const TIMERS: Self = Self(1);
    /// `coalesce-time N` was given.
    pub const COALESCE: Self = Self(1 << 1);
    /// `no bgp network import-check`.
    pub const NO_IMPORT_CHECK: Self = Self(1 << 2);
    /// `bgp bestpath as-path multipath-relax`.
    pub const MULTIPATH_RELAX: Self = Self(1 << 3);
    /// `no bgp default ipv4-unicast`.
    pub const NO_DEFAULT_IPV4: Self = Self(1 << 4);
    /// `bgp graceful-shutdown`.
    pub const GRACEFUL_SHUTDOWN: Self = Self(1 << 5);
    /// `bgp listen`.
    pub const LISTEN: Self = Self(1 << 6);
    /// `no bgp listen`: never, even with a passive neighbor.
    pub const NO_LISTEN: Self = Self(1 << 7);
    /// `no bgp ebgp-requires-policy` (no effect here, kept so that it is printed).
    pub const NO_EBGP_REQUIRES_POLICY: Self = Self(1 << 8);

    /// Whether all of `other`'s switches are on.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Turns `other`'s switches on or off.
    pub fn set(&mut self, other: Self, on: bool) {
        if on {
            self.0 |= other.0;
        } else {
            self.0 &= !other.0;
        }
    }
}

/// `neighbor … remote-as`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteAs {
    /// Not given.
    #[default]
    Unset,
    /// Any AS but ours.
    External,
    /// Ours.
    Internal,
    /// This one.
    Number(Asn),
}

/// Switches of a neighbor or peer-group: each is unset (inherited), on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerFlags {
    /// Which switches were given here.
    pub given: u16,
    /// Their values.
    pub value: u16,
}

impl PeerFlags {
    /// `neighbor X shutdown`.
    pub const SHUTDOWN: u16 = 1;
    /// `neighbor X passive`.
    pub const PASSIVE: u16 = 1 << 1;
    /// `neighbor X capability extended-nexthop`.
    pub const EXTENDED_NEXT_HOP: u16 = 1 << 2;
    /// `neighbor X activate` in `address-family ipv4 unicast`.
    pub const ACTIVATE_V4: u16 = 1 << 3;
    /// `neighbor X activate` in `address-family ipv6 unicast`.
    pub const ACTIVATE_V6: u16 = 1 << 4;
    /// `neighbor X next-hop-self` (what we announce always has our own next hop; kept so that it is printed).
    pub const NEXT_HOP_SELF: u16 = 1 << 5;
    /// `neighbor X maximum-prefix N warning-only`.
    pub const MAXIMUM_PREFIX_WARNING: u16 = 1 << 6;
    /// `neighbor X disable-connected-check`.
    pub const DISABLE_CONNECTED_CHECK: u16 = 1 << 7;
    /// `neighbor X timers K H` was given.
    pub const TIMERS: u16 = 1 << 8;
    /// `neighbor X bfd`.
    pub const BFD: u16 = 1 << 9;
    /// `neighbor X bfd strict`.
    pub const BFD_STRICT: u16 = 1 << 10;
    /// `neighbor X ebgp-multihop` (with or without a number).
    pub const EBGP_MULTIHOP: u16 = 1 << 11;

    /// The switch's value, if it was given here.
    pub const fn get(self, switch: u16) -> Option<bool> {
        if self.given & switch == 0 { None } else { Some(self.value & switch != 0) }
    }

    /// Whether the switch was given and is on.
    pub const fn on(self, switch: u16) -> bool {
        self.given & self.value & switch != 0
    }

    /// Gives the switch a value.
    pub fn set(&mut self, switch: u16, on: bool) {
        self.given |= switch;
        self.value = if on { self.value | switch } else { self.value & !switch };
    }

    /// Takes the switch back to "inherited".
    pub fn unset(&mut self, switch: u16) {
        self.given &= !switch;
        self.value &= !switch;
    }

    /// These, and where they say nothing, `other`'s.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { given: self.given | other.given, value: self.value | (other.value & !self.given) }
    }
}

/// What a `neighbor` line can say, of one neighbor or of a peer-group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerOptions {
    /// `remote-as`.
    pub remote_as: RemoteAs,
    /// `description`.
    pub description: Span,
    /// `password`: the TCP MD5 key (RFC 2385).
    pub password: Span,
    /// `shutdown message TEXT` (RFC 9003).
    pub shutdown_text: Span,
    /// `update-source ADDRESS`; `0.0.0.0`: not given.
    pub update_source: IpAddr,
    /// `update-source IFNAME`, or `neighbor FE80:: interface IFNAME`; empty: not given.
    pub interface: Span,
    /// `timers` keepalive in seconds (see [`PeerFlags::TIMERS`]).
    pub keepalive: u16,
    /// `timers` hold in seconds.
    pub hold: u16,
    /// `timers connect`, in seconds; 0: not given.
    pub connect: u16,
    /// `port`; 0: not given (179).
    pub port: u16,
    /// `bfd profile NAME`; empty: not given.
    pub bfd_profile: Span,
    /// `maximum-prefix N`; 0: none.
    pub maximum_prefix: u32,
    /// `ebgp-multihop N`; 0: without a number or not given.
    pub multihop: u8,
    /// `ttl-security hops N`; 0: not given.
    pub ttl_security: u8,
    /// Everything that is on or off.
    pub flags: PeerFlags,
    /// `route-map M out`, by family.
    pub map_out: [ListRef; 2],
    /// `prefix-list L out`, by family.
    pub list_out: [ListRef; 2],
    /// `route-map M in`, by family.
    pub map_in: [ListRef; 2],
    /// `prefix-list L in`, by family.
    pub list_in: [ListRef; 2],
}

impl PeerOptions {
    /// Nothing given.
    pub const REST: Self = Self {
        remote_as: RemoteAs::Unset,
        description: Span::EMPTY,
        password: Span::EMPTY,
        shutdown_text: Span::EMPTY,
        update_source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        interface: Span::EMPTY,
        keepalive: 0,
        hold: 0,
        connect: 0,
        port: 0,
        bfd_profile: Span::EMPTY,
        maximum_prefix: 0,
        multihop: 0,
        ttl_security: 0,
        flags: PeerFlags { given: 0, value: 0 },
        map_out: [ListRef::NONE; 2],
        list_out: [ListRef::NONE; 2],
        map_in: [ListRef::NONE; 2],
        list_in: [ListRef::NONE; 2],
    };

    /// These options, and where they say nothing, `group`'s.
    #[must_use]
    pub fn inherit(&self, group: &Self) -> Self {
        fn or<N: PartialEq>(own: N, group: N, rest: &N) -> N {
            if own == *rest { group } else { own }
        }
        fn lists(own: [ListRef; 2], group: [ListRef; 2]) -> [ListRef; 2] {
            let ([own4, own6], [group4, group6]) = (own, group);
            [or(own4, group4, &ListRef::NONE), or(own6, group6, &ListRef::NONE)]
        }
        let timers = self.flags.given & PeerFlags::TIMERS != 0;
        let multihop = self.flags.given & PeerFlags::EBGP_MULTIHOP != 0;
        let source = !self.update_source.is_unspecified() || !self.interface.is_empty();
        Self {
            remote_as: or(self.remote_as, group.remote_as, &RemoteAs::Unset),
            description: or(self.description, group.description, &Span::EMPTY),
            password: or(self.password, group.password, &Span::EMPTY),
            shutdown_text: or(self.shutdown_text, group.shutdown_text, &Span::EMPTY),
            update_source: if source { self.update_source } else { group.update_source },
            interface: if source { self.interface } else { group.interface },
            keepalive: if timers { self.keepalive } else { group.keepalive },
            hold: if timers { self.hold } else { group.hold },
            connect: or(self.connect, group.connect, &0),
            port: or(self.port, group.port, &0),
            bfd_profile: or(self.bfd_profile, group.bfd_profile, &Span::EMPTY),
            maximum_prefix: or(self.maximum_prefix, group.maximum_prefix, &0),
            multihop: if multihop { self.multihop } else { group.multihop },
            ttl_security: or(self.ttl_security, group.ttl_security, &0),
            flags: self.flags.or(group.flags),
            map_out: lists(self.map_out, group.map_out),
            list_out: lists(self.list_out, group.list_out),
            map_in: lists(self.map_in, group.map_in),
            list_in: lists(self.list_in, group.list_in),
        }
    }
}

/// A peer-group (`neighbor NAME peer-group`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Span,
    /// What it says.
    pub options: PeerOptions,
}

impl Group {
    /// The rest value.
    pub const REST: Self = Self { name: Span::EMPTY, options: PeerOptions::REST };
}

/// A neighbor (`neighbor ADDRESS …`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its address.
    pub address: IpAddr,
    /// One more than the index of its peer-group; 0: none.
    pub group: u16,
    /// What it says itself; what it does not say its group may.
    pub options: PeerOptions,
}

impl Neighbor {
    /// The rest value.
    pub const REST: Self =
        Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), group: 0, options: PeerOptions::REST };
}

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

/// The kind of list a [`Rule`] belongs to.
///
/// With a discriminant of its own: hidden in the family's, the first variant would not be zero bits (law 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum List {
    /// The rest value.
    #[default]
    None,
    /// `route-map NAME permit|deny SEQ`; an entry's match and set clauses are one rule each.
    RouteMap,
    /// `ip prefix-list` or `ipv6 prefix-list`.
    PrefixList(Family),
    /// `bgp community-list standard NAME`.
    CommunityList,
    /// `bgp large-community-list standard NAME`.
    LargeCommunityList,
    /// A line of `steer NAME`.
    Steer,
    /// `bgp listen range P peer-group G`.
    ListenRange,
    /// `profile NAME` below `bfd`.
    BfdProfile,
}

/// One line of a list, or one clause of a route-map entry. Sorted by list, name (as text), sequence number, and then in
/// the order they were written: all the rules of one list lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its list's name.
    pub name: Span,
    /// Its sequence number.
    pub sequence: u32,
    /// The kind of list.
    pub list: List,
    /// `deny` instead of `permit`.
    pub deny: bool,
    /// What it says.
    pub clause: Clause,
}

impl Rule {
    /// The rest value.
    pub const REST: Self =
        Self { name: Span::EMPTY, sequence: 0, list: List::None, deny: false, clause: Clause::Entry };
}

/// What a [`Rule`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clause {
    /// A route-map entry itself: it stands first, its clauses follow.
    #[default]
    Entry,
    /// A prefix-list line: `P [ge N] [le N]`; `ge` and `le` of 0 are not given.
    Prefix {
        /// The prefix.
        prefix: Prefix,
        /// The shortest length that matches.
        ge: u8,
        /// The longest length that matches.
        le: u8,
    },
    /// One community of a community-list line; rules of one line share a sequence number and must all match.
    Community(u32),
    /// One large community of a large-community-list line; as above.
    LargeCommunity([u32; 3]),
    /// `match ip address prefix-list L` or `match ipv6 address prefix-list L`.
    MatchPrefixList(Family, ListRef),
    /// `match community L`.
    MatchCommunity(ListRef),
    /// `match large-community L`.
    MatchLargeCommunity(ListRef),
    /// One community of `set community …`.
    SetCommunity(u32),
    /// One large community of `set large-community …`.
    SetLargeCommunity([u32; 3]),
    /// `additive` stood behind `set community`.
    CommunityAdditive,
    /// `additive` stood behind `set large-community`.
    LargeCommunityAdditive,
    /// `set community none`.
    CommunityNone,
    /// `set large-community none`.
    LargeCommunityNone,
    /// `set metric N`.
    SetMetric(u32),
    /// `set origin igp|egp|incomplete` (0, 1, 2).
    SetOrigin(u8),
    /// One AS of `set as-path prepend …`.
    SetPrepend(Asn),
    /// `set local-preference N`.
    SetLocalPreference(u32),
    /// `set ip next-hop A`.
    SetNextHopV4(Ipv4Addr),
    /// `set ipv6 next-hop global A`.
    SetNextHopV6(Ipv6Addr),
    /// `steer`: `accept P [ge N] [le N]`.
    Accept {
        /// The prefix.
        prefix: Prefix,
        /// The shortest length that is accepted; 0: not given.
        ge: u8,
        /// The longest length that is accepted; 0: not given.
        le: u8,
    },
    /// `steer`: `prefer community C`; the first `prefer` line is the best.
    PreferCommunity(u32),
    /// `steer`: `prefer large-community C`.
    PreferLargeCommunity([u32; 3]),
    /// `steer`: `install kernel`.
    InstallKernel,
    /// `bgp listen range P peer-group G`.
    ListenRange {
        /// Who may connect.
        prefix: Prefix,
        /// The peer-group, by index.
        group: u16,
    },
    /// A `profile` below `bfd`; numbers of 0 are not given.
    Bfd {
        /// `detect-multiplier`.
        multiplier: u8,
        /// `receive-interval`, in milliseconds.
        receive_ms: u16,
        /// `transmit-interval`, in milliseconds.
        transmit_ms: u16,
    },
}

/// A configuration of fixed size: `PEERS` neighbors and as many peer-groups, `SERVICES` failover blocks, `ROUTES` lines
/// that announce or bind, `RULES` lines of lists, and `TEXT` octets of names.
#[derive(Debug)]
pub struct Config<
    const PEERS: usize,
    const SERVICES: usize,
    const ROUTES: usize = 32,
    const RULES: usize = 64,
    const TEXT: usize = 2048,
> {
    hostname: Span,
    bgp: Bgp,
    groups: Table<Group, PEERS>,
    neighbors: Table<Neighbor, PEERS>,
    services: Table<Service, SERVICES>,
    checks: [[Check; CHECKS_PER_SERVICE]; SERVICES],
    checks_used: u16,
    routes: Table<Route, ROUTES>,
    rules: Table<Rule, RULES>,
    text: Table<u8, TEXT>,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Config<P, S, R, U, T> {
    /// An empty configuration, all zero bits.
    pub const fn new() -> Self {
        Self {
            hostname: Span::EMPTY,
            bgp: Bgp {
                local_as: Asn(0),
                router_id: BgpId(0),
                keepalive: 0,
                hold: 0,
                coalesce_ms: 0,
                flags: BgpFlags(0),
                redistribute: [[Redistribute { on: false, map: ListRef::NONE }; 3]; 2],
            },
            groups: Table::new(Group::REST),
            neighbors: Table::new(Neighbor::REST),
            services: Table::new(Service::REST),
            checks: [[Check::REST; CHECKS_PER_SERVICE]; S],
            checks_used: 0,
            routes: Table::new(Route::REST),
            rules: Table::new(Rule::REST),
            text: Table::new(0),
        }
    }

    /// Back to the empty configuration.
    pub fn clear(&mut self) {
        self.edit().clear();
    }

    /// What it says, to be read without knowing its capacities as types.
    pub fn view(&self) -> ConfigView<'_> {
        ConfigView {
            hostname: self.hostname,
            bgp: &self.bgp,
            groups: self.groups.as_slice(),
            neighbors: self.neighbors.as_slice(),
            services: self.services.as_slice(),
            checks: self.checks.as_flattened().get(..usize::from(self.checks_used)).unwrap_or(&[]),
            routes: self.routes.as_slice(),
            rules: self.rules.as_slice(),
            text: self.text.as_slice(),
        }
    }

    /// What it says, to be changed without knowing its capacities as types.
    pub(crate) fn edit(&mut self) -> ConfigMut<'_> {
        ConfigMut {
            hostname: &mut self.hostname,
            bgp: &mut self.bgp,
            groups: self.groups.edit(),
            neighbors: self.neighbors.edit(),
            services: self.services.edit(),
            checks: TableMut::over(self.checks.as_flattened_mut(), &mut self.checks_used),
            routes: self.routes.edit(),
            rules: self.rules.edit(),
            text: self.text.edit(),
        }
    }

    /// Takes over what `other` says, touching no more memory than that.
    pub fn copy_from(&mut self, other: &Self) {
        self.hostname = other.hostname;
        self.bgp = other.bgp;
        self.groups.copy_from(&other.groups);
        self.neighbors.copy_from(&other.neighbors);
        self.services.copy_from(&other.services);
        let used = usize::from(other.checks_used);
        self.checks_used = other.checks_used;
        if let (Some(to), Some(from)) =
            (self.checks.as_flattened_mut().get_mut(..used), other.checks.as_flattened().get(..used))
        {
            to.copy_from_slice(from);
        }
        self.routes.copy_from(&other.routes);
        self.rules.copy_from(&other.rules);
        self.text.copy_from(&other.text);
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Default
    for Config<P, S, R, U, T>
{
    fn default() -> Self {
        Self::new()
    }
}

/// A configuration of any capacity, to be read.
#[derive(Clone, Copy, Debug)]
pub struct ConfigView<'a> {
    /// `hostname`.
    pub hostname: Span,
    /// `router bgp`.
    pub bgp: &'a Bgp,
    /// The peer-groups.
    pub groups: &'a [Group],
    /// The neighbors.
    pub neighbors: &'a [Neighbor],
    /// The failover blocks.
    pub services: &'a [Service],
    /// Their checks.
    pub checks: &'a [Check],
    /// What is announced or bound, sorted.
    pub routes: &'a [Route],
    /// The lines of all lists, sorted.
    pub rules: &'a [Rule],
    /// The text pool.
    pub text: &'a [u8],
}

impl<'a> ConfigView<'a> {
    /// The text of a span; empty when it is not given.
    pub fn text(&self, span: Span) -> &'a str {
        let start = usize::from(span.start);
        self.text
            .get(start..start.saturating_add(usize::from(span.length)))
            .and_then(|octets| core::str::from_utf8(octets).ok())
            .unwrap_or("")
    }

    /// What holds for a neighbor: its own options, and its group's where it says nothing.
    pub fn options(&self, neighbor: &Neighbor) -> PeerOptions {
        let group = usize::from(neighbor.group).checked_sub(1).and_then(|index| self.groups.get(index));
        group.map_or(neighbor.options, |group| neighbor.options.inherit(&group.options))
    }

    /// The families that a neighbor with these options exchanges: those activated, and IPv4 unless
    /// `no bgp default ipv4-unicast` stands.
    pub fn families(&self, options: &PeerOptions) -> Families {
        let by_default = !self.bgp.flags.has(BgpFlags::NO_DEFAULT_IPV4);
        let mut families = Families::NONE;
        if options.flags.get(PeerFlags::ACTIVATE_V4).unwrap_or(by_default) {
            families = families.with(Family::Ipv4);
        }
        if options.flags.get(PeerFlags::ACTIVATE_V6).unwrap_or(false) {
            families = families.with(Family::Ipv6);
        }
        families
    }

    /// The rules of the list that `list` refers to, in order; none when it refers to none.
    pub fn list(&self, list: ListRef) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let from = usize::from(list.first).checked_sub(1).unwrap_or(self.rules.len());
        let rules = self.rules.get(from..).unwrap_or(&[]);
        let head = rules.first().copied().unwrap_or(Rule::REST);
        rules.iter().take_while(move |rule| rule.list == head.list && rule.name == head.name)
    }
}

/// A configuration of any capacity, to be filled.
#[derive(Debug)]
pub(crate) struct ConfigMut<'a> {
    pub(crate) hostname: &'a mut Span,
    pub(crate) bgp: &'a mut Bgp,
    pub(crate) groups: TableMut<'a, Group>,
    pub(crate) neighbors: TableMut<'a, Neighbor>,
    pub(crate) services: TableMut<'a, Service>,
    pub(crate) checks: TableMut<'a, Check>,
    pub(crate) routes: TableMut<'a, Route>,
    pub(crate) rules: TableMut<'a, Rule>,
    pub(crate) text: TableMut<'a, u8>,
}

impl ConfigMut<'_> {
    /// What it says so far.
    pub(crate) fn view(&self) -> ConfigView<'_> {
        ConfigView {
            hostname: *self.hostname,
            bgp: self.bgp,
            groups: self.groups.as_slice(),
            neighbors: self.neighbors.as_slice(),
            services: self.services.as_slice(),
            checks: self.checks.as_slice(),
            routes: self.routes.as_slice(),
            rules: self.rules.as_slice(),
            text: self.text.as_slice(),
        }
    }

    /// Back to the empty configuration.
    pub(crate) fn clear(&mut self) {
        *self.hostname = Span::EMPTY;
        *self.bgp = Bgp::default();
        self.groups.clear();
        self.neighbors.clear();
        self.services.clear();
        self.checks.clear();
        self.routes.clear();
        self.rules.clear();
        self.text.clear();
    }
}
