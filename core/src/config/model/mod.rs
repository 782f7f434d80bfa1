//! What a configuration says: a value of fixed size, all zero bits at rest (law 9).
//!
//! Every type here is `Copy` and small. Names, texts and secrets lie in one pool and are referred to by a [`Span`].
//! Rest values are zero: an enum's first variant, an address of `0.0.0.0`, a number of 0 mean "not given".

mod peer;
mod rule;
mod service;

pub use peer::*;
pub use rule::*;
pub use service::*;

use core::net::IpAddr;

use super::target::Target;
use crate::base::limits::CHECKS_PER_SERVICE;
use crate::base::net::{Asn, BgpId, Families, Family};
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
        const { assert!(P <= u8::MAX as usize, "a listen range names its group in one octet") };
        Self {
            hostname: Span::EMPTY,
            bgp: Bgp {
                local_as: Asn(0),
                router_id: BgpId(0),
                keepalive: 0,
                hold: 0,
                listen_limit: 0,
                coalesce_ms: 0,
                local_preference_offset: 0,
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
    /// What a check asks.
    pub fn target(&self, check: &Check) -> Target<'a> {
        Target::parse(check.kind, self.text(check.target))
    }

    /// The gateway of an `ip route` line; `None`: it has none.
    pub fn gateway(&self, route: &Route) -> Option<IpAddr> {
        match route.owner {
            Owner::Static(StaticKind::Gateway) => self.text(route.interface).parse().ok(),
            _ => None,
        }
    }

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
