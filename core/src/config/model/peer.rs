//! Sessions: `router bgp`, peer-groups and neighbors.

use core::net::{IpAddr, Ipv4Addr};

use super::{ListRef, Span};
use crate::base::net::{Asn, BgpId};

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
    /// `bgp listen limit`: the most neighbors from listen ranges at one time; 0: not given.
    pub listen_limit: u16,
    /// `coalesce-time`, in milliseconds; meaningful with [`BgpFlags::COALESCE`] (1,000 otherwise).
    pub coalesce_ms: u32,
    /// What [`local_preference`](Self::local_preference) is above [`LOCAL_PREF`], modulo 2³², so that rest is zero bits.
    pub(crate) local_preference_offset: u32,
    /// Everything that is on or off.
    pub flags: BgpFlags,
    /// `redistribute SOURCE [route-map M]`, by family and source.
    pub redistribute: [[Redistribute; 3]; 2],
}

/// LOCAL_PREF of a route that nothing gives another one.
pub const LOCAL_PREF: u32 = 100;

impl Bgp {
    /// `bgp default local-preference`: LOCAL_PREF of routes that no route-map gives another one, towards internal peers, and of
    /// routes that external peers announce.
    pub const fn local_preference(&self) -> u32 {
        LOCAL_PREF.wrapping_add(self.local_preference_offset)
    }

    pub(crate) fn set_local_preference(&mut self, preference: u32) {
        self.local_preference_offset = preference.wrapping_sub(LOCAL_PREF);
    }
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
    pub(crate) fn set(&mut self, other: Self, on: bool) {
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
    /// `neighbor X next-hop-self`, by family (what we announce always has our own next hop; kept so that it is printed).
    pub const NEXT_HOP_SELF: [u16; 2] = [1 << 5, 1 << 13];
    /// `neighbor X maximum-prefix N warning-only`, by family; given and off: without `warning-only`.
    pub const MAXIMUM_PREFIX_WARNING: [u16; 2] = [1 << 6, 1 << 12];
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
    pub(crate) fn set(&mut self, switch: u16, on: bool) {
        self.given |= switch;
        self.value = if on { self.value | switch } else { self.value & !switch };
    }

    /// These, and where they say nothing, `other`'s.
    #[must_use]
    pub(crate) const fn or(self, other: Self) -> Self {
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
    /// `maximum-prefix N`, by family; 0: none.
    pub maximum_prefix: [u32; 2],
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
        maximum_prefix: [0; 2],
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
        let ([own4, own6], [group4, group6]) = (self.maximum_prefix, group.maximum_prefix);
        let timers = self.flags.given & PeerFlags::TIMERS != 0;
        let multihop = self.flags.given & PeerFlags::EBGP_MULTIHOP != 0;
        let shutdown = self.flags.given & PeerFlags::SHUTDOWN != 0;
        let source = !self.update_source.is_unspecified() || !self.interface.is_empty();
        Self {
            remote_as: or(self.remote_as, group.remote_as, &RemoteAs::Unset),
            description: or(self.description, group.description, &Span::EMPTY),
            password: or(self.password, group.password, &Span::EMPTY),
            shutdown_text: if shutdown { self.shutdown_text } else { group.shutdown_text },
            update_source: if source { self.update_source } else { group.update_source },
            interface: if source { self.interface } else { group.interface },
            keepalive: if timers { self.keepalive } else { group.keepalive },
            hold: if timers { self.hold } else { group.hold },
            connect: or(self.connect, group.connect, &0),
            port: or(self.port, group.port, &0),
            bfd_profile: or(self.bfd_profile, group.bfd_profile, &Span::EMPTY),
            maximum_prefix: [or(own4, group4, &0), or(own6, group6, &0)],
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
