//! The lines of all lists: route-maps, prefix-lists, community-lists, steer blocks, listen ranges, BFD profiles.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{ListRef, Span};
use crate::base::net::{Asn, Family, Prefix};

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

const _: () = assert!(size_of::<Rule>() <= 32);

impl Rule {
    /// The rest value.
    pub const REST: Self =
        Self { name: Span::EMPTY, sequence: 0, list: List::None, deny: false, clause: Clause::REST };
}

/// What a [`Rule`] says.
///
/// Only one variant is the largest, so that the discriminant finds room in its prefix, and that one is the first and the
/// rest value, so that rest is zero bits wherever the discriminant lies (law 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// A prefix-list line, or `accept` of a `steer` block: `P [ge N] [le N]`; `ge` and `le` of 0 are not given.
    Prefix {
        /// The prefix.
        prefix: Prefix,
        /// The shortest length that matches.
        ge: u8,
        /// The longest length that matches.
        le: u8,
    },
    /// A route-map entry itself: it stands first, its clauses follow.
    Entry,
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
        group: u8,
    },
    /// A `profile` below `bfd`, or the numbers of `neighbor X bfd N N N`.
    Bfd(BfdProfile),
}

/// What a [`Clause::Bfd`] says; numbers of 0 are not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BfdProfile {
    /// `detect-multiplier`.
    pub multiplier: u8,
    /// `minimum-ttl`: the least TTL that is taken from a neighbor several hops away.
    pub minimum_ttl: u8,
    /// `passive-mode`: the neighbor speaks first.
    pub passive: bool,
    /// `receive-interval`, in milliseconds.
    pub receive_ms: u16,
    /// `transmit-interval`, in milliseconds.
    pub transmit_ms: u16,
}

impl Clause {
    /// The rest value.
    pub const REST: Self = Self::Prefix { prefix: Prefix::ZERO, ge: 0, le: 0 };
}
