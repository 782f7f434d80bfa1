//! What the statements do to a configuration: names into the pool, rules into their order, peers, services, routes.

use core::cmp::Ordering;
use core::mem::discriminant;
use core::net::IpAddr;

use super::build::{Draft, INTRODUCED};
use super::error::{ErrorKind, Fault, Limit, NotTaken};
use super::lint::Lint;
use super::matcher::Values;
use super::model::{
    BfdProfile, Check, Clause, Group, List, ListRef, Neighbor, Owner, PeerOptions, Route, Rule, Service, Span,
};
use super::statement::Node;
use super::value::Value;
use crate::base::limits::SERVICE_ADDRESSES;
use crate::base::net::{Family, InterfaceAddress, is_link_local};

/// The text of a span of a pool; empty when there is none.
pub(super) fn text_of(pool: &[u8], span: Span) -> &str {
    let start = usize::from(span.start);
    let octets = pool.get(start..start.saturating_add(usize::from(span.length)));
    octets.and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or("")
}

/// Where `text` first occurs in the pool.
fn occurrence(pool: &[u8], text: &[u8]) -> Option<usize> {
    let (&first, rest) = text.split_first()?;
    let mut from = 0_usize;
    loop {
        let left = pool.get(from..)?;
        let at = from.saturating_add(left.iter().position(|&octet| octet == first)?);
        let behind = at.saturating_add(1);
        if pool.get(behind..)?.starts_with(rest) {
            return Some(at);
        }
        from = behind;
    }
}

/// The order of rules: list, name (as text), sequence number.
pub(super) fn order(pool: &[u8], a: &Rule, b: &Rule) -> Ordering {
    let names = || {
        if a.name == b.name { Ordering::Equal } else { text_of(pool, a.name).cmp(text_of(pool, b.name)) }
    };
    a.list.cmp(&b.list).then_with(names).then(a.sequence.cmp(&b.sequence))
}

/// Whether no host can have this address.
pub(super) fn is_nobodys(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_multicast()
}

/// The pool of texts.
impl Draft<'_> {
    /// What a span of the pool says.
    pub(crate) fn text(&self, span: Span) -> &str {
        text_of(self.config.text.as_slice(), span)
    }

    /// Puts a text into the pool, once: the same text is always the same span ([`Draft::settle`]).
    pub(crate) fn intern(&mut self, text: &str) -> Result<Span, NotTaken> {
        if text.is_empty() {
            return Ok(Span::EMPTY);
        }
        // Most lines repeat one of the last few names; the pool is searched for the others only.
        if let Some(&span) = self.recent.iter().find(|&&span| self.text(span) == text) {
            return Ok(span);
        }
        if let Some(start) = occurrence(self.config.text.as_slice(), text.as_bytes()) {
            return Ok(self.remember(start, text.len()));
        }
        let mark = self.append(&[text])?;
        Ok(self.settle(mark))
    }

    /// The same for words with a blank between them; empty ones are left out.
    pub(crate) fn intern_words(&mut self, words: &[&str]) -> Result<Span, NotTaken> {
        let mark = self.config.text.as_slice().len();
        for (index, word) in words.iter().filter(|word| !word.is_empty()).enumerate() {
            let blank = if index > 0 { " " } else { "" };
            if let Err(fault) = self.append(&[blank, word]) {
                self.config.text.truncate(mark);
                return Err(fault);
            }
        }
        Ok(self.settle(mark))
    }

    /// The span of what was appended to the pool behind `mark`: its first occurrence, and what of it was there before leaves
    /// again. The occurrence may begin before the mark and end behind it: `RR` behind an `R`. The pool only grows
    /// otherwise, so the first occurrence stays the first.
    fn settle(&mut self, mark: usize) -> Span {
        let pool = self.config.text.as_slice();
        let text = pool.get(mark..).unwrap_or(&[]);
        let length = text.len();
        let Some(start) = occurrence(pool, text) else { return Span::EMPTY };
        self.config.text.truncate(start.saturating_add(length).max(mark));
        self.remember(start, length)
    }

    /// Appends to the pool; says where it begins.
    fn append(&mut self, pieces: &[&str]) -> Result<usize, NotTaken> {
        let mark = self.config.text.as_slice().len();
        for octet in pieces.iter().flat_map(|piece| piece.bytes()) {
            if self.config.text.push(octet).is_err() {
                self.config.text.truncate(mark);
                return Err(self.is_full(Limit::Text));
            }
        }
        Ok(mark)
    }

    fn remember(&mut self, start: usize, length: usize) -> Span {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let span = Span { start: short(start), length: short(length) };
        self.recent.rotate_right(1);
        if let Some(place) = self.recent.first_mut() {
            *place = span;
        }
        span
    }

    /// The use of a list; nothing when the name is empty.
    pub(crate) fn reference(&mut self, name: &str) -> Result<ListRef, NotTaken> {
        Ok(ListRef { name: self.intern(name)?, first: 0 })
    }

    /// "The platform holds no more of these."
    fn is_full(&mut self, limit: Limit) -> NotTaken {
        let capacity = match limit {
            Limit::Text => self.config.text.capacity(),
            Limit::Routes => self.config.routes.capacity(),
            Limit::Rules => self.config.rules.capacity(),
            Limit::Neighbors => self.config.neighbors.capacity(),
            Limit::Groups => self.config.groups.capacity(),
            Limit::Services => self.config.services.capacity(),
            Limit::Checks => self.config.checks.capacity(),
            Limit::Addresses => SERVICE_ADDRESSES,
            Limit::Communities | Limit::Prepends => 0,
        };
        self.blame(Fault::WHOLE, ErrorKind::Full(limit, capacity))
    }
}

/// Values that need more than their form.
impl Draft<'_> {
    /// The prefix at this place, when it is of this family.
    pub(crate) fn prefix(
        &mut self,
        values: &Values<'_>,
        at: usize,
        family: Family,
    ) -> Result<InterfaceAddress, NotTaken> {
        let Value::Prefix(address) = values.get(at) else {
            return Err(self.blame(at, ErrorKind::Misplaced));
        };
        if Family::of(address.address) == family {
            return Ok(address);
        }
        let in_bgp = matches!(self.place.node, Node::Bgp | Node::Family);
        let (what, hint) = match family {
            Family::Ipv4 if in_bgp => {
                ("an IPv4 prefix must stand here", "IPv6 prefixes stand below `address-family ipv6 unicast`")
            }
            Family::Ipv4 => ("an IPv4 prefix must stand here", "the statement for IPv6 begins with `ipv6`"),
            Family::Ipv6 if in_bgp => {
                ("an IPv6 prefix must stand here", "IPv4 prefixes stand below `address-family ipv4 unicast`")
            }
            Family::Ipv6 => ("an IPv6 prefix must stand here", "the statement for IPv4 begins with `ip`"),
        };
        Err(self.senseless_but(at, what, hint))
    }

    /// Whether an address can be shared between machines.
    pub(crate) fn shareable(&mut self, address: IpAddr, at: usize) -> Result<(), NotTaken> {
        let why = if address.is_unspecified() {
            "this is no address of a host"
        } else if address.is_multicast() {
            "a multicast address is nobody's"
        } else if address.is_loopback() {
            "a loopback address never leaves its host"
        } else if is_link_local(address) {
            "a link-local address never leaves its link"
        } else {
            return Ok(());
        };
        Err(self.senseless(at, why))
    }
}

/// Rules.
impl Draft<'_> {
    /// Puts a rule behind those that come before it or are its equals.
    pub(crate) fn insert_rule(&mut self, rule: Rule) -> Result<(), NotTaken> {
        if self.config.rules.push(rule).is_err() {
            return Err(self.is_full(Limit::Rules));
        }
        let pool = self.config.text.as_slice();
        let rules = self.config.rules.as_mut_slice();
        if let Some((_, before)) = rules.split_last()
            && before.last().is_some_and(|last| order(pool, last, &rule) == Ordering::Greater)
        {
            let at = before.partition_point(|other| order(pool, other, &rule) != Ordering::Greater);
            if let Some(behind) = rules.get_mut(at..) {
                behind.rotate_right(1);
            }
        }
        Ok(())
    }

    /// The range of the rules with this list, name and sequence number.
    fn entry(&self, list: List, name: Span, sequence: u32) -> core::ops::Range<usize> {
        let (pool, rules) = (self.config.text.as_slice(), self.config.rules.as_slice());
        let key = Rule { name, sequence, list, ..Rule::REST };
        let from = rules.partition_point(|rule| order(pool, rule, &key) == Ordering::Less);
        let to = rules.partition_point(|rule| order(pool, rule, &key) != Ordering::Greater);
        from..to
    }

    /// The sequence number of a list's new line: the given one when it is free, else the last one rounded up to the
    /// next multiple of 5, as in FRR.
    pub(crate) fn next_sequence(&self, list: List, name: Span, given: Option<u32>) -> Option<u32> {
        if let Some(sequence) = given {
            return self.entry(list, name, sequence).is_empty().then_some(sequence);
        }
        let behind = self.entry(list, name, u32::MAX).end;
        let last = behind.checked_sub(1).and_then(|index| self.config.rules.as_slice().get(index));
        let last = last.filter(|rule| rule.list == list && rule.name == name).map_or(0, |rule| rule.sequence);
        (last / 5).checked_add(1)?.checked_mul(5)
    }

    /// Opens an entry of a route-map, which may be there already.
    pub(crate) fn enter_route_map(&mut self, name: &str, deny: bool, sequence: u32) -> Result<(), NotTaken> {
        let name = self.intern(name)?;
        let range = self.entry(List::RouteMap, name, sequence);
        if range.is_empty() {
            self.insert_rule(Rule { name, sequence, list: List::RouteMap, deny, clause: Clause::Entry })?;
        } else {
            for rule in self.config.rules.as_mut_slice().get_mut(range).unwrap_or(&mut []) {
                rule.deny = deny;
            }
        }
        self.enter(Node::RouteMap);
        (self.place.name, self.place.sequence, self.place.deny) = (name, sequence, deny);
        Ok(())
    }

    /// Adds a clause to the route-map entry.
    pub(crate) fn add_clause(&mut self, clause: Clause) -> Result<(), NotTaken> {
        let (name, sequence, deny) = (self.place.name, self.place.sequence, self.place.deny);
        self.insert_rule(Rule { name, sequence, list: List::RouteMap, deny, clause })
    }

    /// Puts a clause in the place of the route-map entry's one of its kind.
    pub(crate) fn set_clause(&mut self, new: Clause) -> Result<(), NotTaken> {
        self.replace_clause(&|clause| discriminant(clause) == discriminant(&new), &[new])
    }

    /// Puts clauses in the place of those of the route-map entry that fit: a statement that stands again replaces
    /// what it said before, as in FRR.
    pub(crate) fn replace_clause(
        &mut self,
        fits: &dyn Fn(&Clause) -> bool,
        new: &[Clause],
    ) -> Result<(), NotTaken> {
        for index in self.entry(List::RouteMap, self.place.name, self.place.sequence).rev() {
            if self.config.rules.as_slice().get(index).is_some_and(|rule| fits(&rule.clause)) {
                self.config.rules.remove(index);
            }
        }
        for &clause in new {
            self.add_clause(clause)?;
        }
        Ok(())
    }

    /// Opens a profile of BFD timers, which may be there already.
    pub(crate) fn enter_bfd_profile(&mut self, name: &str) -> Result<(), NotTaken> {
        let name = self.intern(name)?;
        self.add_bfd_profile(name, BfdProfile::default())?;
        self.enter(Node::BfdProfile);
        self.place.name = name;
        Ok(())
    }

    /// A profile with this name and content, unless there is one with this name.
    pub(crate) fn add_bfd_profile(&mut self, name: Span, profile: BfdProfile) -> Result<(), NotTaken> {
        if self.entry(List::BfdProfile, name, 0).is_empty() {
            let clause = Clause::Bfd(profile);
            self.insert_rule(Rule { name, list: List::BfdProfile, clause, ..Rule::REST })?;
        }
        Ok(())
    }
}

/// Peers.
impl Draft<'_> {
    /// The index of a peer-group, which may not be defined yet.
    pub(crate) fn group(&mut self, name: &str) -> Result<u16, NotTaken> {
        let name = self.intern(name)?;
        let known = self.config.groups.as_slice().iter().position(|group| group.name == name);
        let index = if let Some(index) = known {
            index
        } else {
            let group = Group { name, ..Group::REST };
            self.config.groups.push(group).map_err(|_| self.is_full(Limit::Groups))?;
            self.config.groups.as_slice().len().saturating_sub(1)
        };
        Ok(u16::try_from(index).unwrap_or(u16::MAX))
    }

    fn neighbor(&mut self, address: IpAddr) -> Result<&mut Neighbor, NotTaken> {
        let known = self.config.neighbors.as_slice().iter().position(|neighbor| neighbor.address == address);
        let index = if let Some(index) = known {
            index
        } else {
            let neighbor = Neighbor { address, ..Neighbor::REST };
            self.config.neighbors.push(neighbor).map_err(|_| self.is_full(Limit::Neighbors))?;
            self.config.neighbors.as_slice().len().saturating_sub(1)
        };
        // The index was found just now.
        self.config.neighbors.as_mut_slice().get_mut(index).ok_or(NotTaken)
    }

    /// The options of the peer that the first value names.
    fn options(&mut self, values: &Values<'_>) -> Result<&mut PeerOptions, NotTaken> {
        if let Value::Address(address) = values.get(0) {
            if is_nobodys(address) {
                return Err(self.senseless(0, "no neighbor has this address"));
            }
            return self.neighbor(address).map(|neighbor| &mut neighbor.options);
        }
        let index = usize::from(self.group(values.text(0))?);
        let group = self.config.groups.as_mut_slice().get_mut(index);
        group.map(|group| &mut group.options).ok_or(NotTaken)
    }

    /// The options of the peer that the first value names, which FRR would want introduced before.
    pub(crate) fn peer(&mut self, values: &Values<'_>) -> Result<&mut PeerOptions, NotTaken> {
        let options = self.options(values)?;
        if *options == PeerOptions::REST {
            let is_member = match values.get(0) {
                Value::Address(address) => self.neighbor(address)?.group != 0,
                _ => false,
            };
            if !is_member && !self.failed.is_about(values.get(0)) {
                self.warn(Lint::BeforeGroup, values, 0);
            }
        }
        self.options(values)
    }

    /// The same for the lines that do introduce it: `peer-group`, and `remote-as` of a neighbor.
    pub(crate) fn introduce(&mut self, values: &Values<'_>) -> Result<&mut PeerOptions, NotTaken> {
        let options = self.options(values)?;
        options.flags.given |= INTRODUCED;
        Ok(options)
    }

    /// `neighbor ADDRESS peer-group NAME`.
    pub(crate) fn join_group(&mut self, values: &Values<'_>) -> Result<(), NotTaken> {
        let groups = self.config.groups.as_slice().len();
        let group = self.group(values.text(1))?;
        if usize::from(group) >= groups {
            self.warn(Lint::BeforeGroup, values, 1);
        }
        self.introduce(values)?;
        if let Value::Address(address) = values.get(0) {
            self.neighbor(address)?.group = group.saturating_add(1);
        }
        Ok(())
    }
}

/// Services and routes.
impl Draft<'_> {
    /// Opens a failover block, which may be there already.
    pub(crate) fn enter_service(&mut self, name: &str) -> Result<(), NotTaken> {
        let name = self.intern(name)?;
        let known = self.config.services.as_slice().iter().position(|service| service.name == name);
        let index = if let Some(index) = known {
            index
        } else {
            let service = Service { name, ..Service::DEFAULT };
            self.config.services.push(service).map_err(|_| self.is_full(Limit::Services))?;
            self.config.services.as_slice().len().saturating_sub(1)
        };
        self.enter(Node::Failover);
        self.place.service = u16::try_from(index).unwrap_or(u16::MAX);
        let owner = Owner::Service(self.place.service);
        let count = self.config.routes.as_slice().iter().filter(|route| route.owner == owner).count();
        self.place.addresses = u8::try_from(count).unwrap_or(u8::MAX);
        Ok(())
    }

    /// The service of the block.
    pub(crate) fn service(&mut self) -> Result<&mut Service, NotTaken> {
        let index = usize::from(self.place.service);
        self.config.services.as_mut_slice().get_mut(index).ok_or(NotTaken)
    }

    /// `address ADDRESS announce /LENGTH`.
    pub(crate) fn add_address(&mut self, address: IpAddr, length: u8) -> Result<(), NotTaken> {
        if usize::from(self.place.addresses) >= SERVICE_ADDRESSES {
            return Err(self.is_full(Limit::Addresses));
        }
        self.add_route(Route { address, length, owner: Owner::Service(self.place.service), ..Route::REST })?;
        self.place.addresses = self.place.addresses.saturating_add(1);
        Ok(())
    }

    pub(crate) fn add_route(&mut self, route: Route) -> Result<(), NotTaken> {
        self.config.routes.push(route).map_err(|_| self.is_full(Limit::Routes))
    }

    pub(crate) fn add_check(&mut self, check: Check) -> Result<(), NotTaken> {
        let twice = |other: &Check| other.service == check.service && other.name == check.name;
        if self.config.checks.as_slice().iter().any(twice) {
            return Err(self.blame(0, ErrorKind::Conflict("this block has a check with this name already")));
        }
        self.config.checks.push(check).map_err(|_| self.is_full(Limit::Checks))?;
        // A block may be opened again: its checks lie side by side all the same.
        let checks = self.config.checks.as_mut_slice();
        let at = checks
            .split_last()
            .map_or(0, |(_, before)| before.partition_point(|other| other.service <= check.service));
        if let Some(behind) = checks.get_mut(at..) {
            behind.rotate_right(1);
        }
        Ok(())
    }
}
