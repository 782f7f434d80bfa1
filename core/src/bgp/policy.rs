//! Route-maps, prefix-lists and community-lists: which of them match, and what the matching entries set.
//!
//! Outbound, evaluation and rendering are apart. [`outbound`] says which entries match a route, as a [`Symbol`] of six
//! octets; routes with the same symbol have the same attributes, so attribute sets are interned by symbol and rendered
//! ([`render`]) once for all their routes. [`meaning`] tells whether a symbol of another configuration means the same.
//!
//! FRR's rules hold: the first matching line decides, the end denies, an entry without `match` matches all, a list that is
//! named but not defined denies.

use core::net::{Ipv4Addr, Ipv6Addr};

use heapless::Vec;

use crate::base::net::{Asn, Prefix};
use crate::base::table::Full;
use crate::config::{Clause, ConfigView, List, ListRef, Rule};
use crate::wire::attribute::{Attributes, Origin};
use crate::wire::community::{Community, LargeCommunity};

/// LOCAL_PREF of a standby that must not tie.
const STANDBY_LOCAL_PREF: u32 = 1;

/// A community that a `match` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A community (RFC 1997).
    Community(Community),
    /// A large community (RFC 8092).
    Large(LargeCommunity),
}

/// What a route-map says of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is not for this peer.
    Deny,
    /// It is, with what this entry sets: one more than the index of the entry's rule; 0: nothing is set, no route-map is
    /// used.
    Permit(u16),
}

/// What Holdover itself adds to an attribute set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Marks(pub u8);

impl Marks {
    /// ORIGIN is INCOMPLETE unless a route-map says otherwise: the route is redistributed.
    pub(crate) const INCOMPLETE: Self = Self(1);
    /// GRACEFUL_SHUTDOWN (RFC 8326).
    pub(crate) const GRACEFUL_SHUTDOWN: Self = Self(1 << 1);
    /// Our own AS twice more: a standby that must not tie (to an internal peer: the least LOCAL_PREF).
    pub(crate) const PREPEND_TWICE: Self = Self(1 << 2);

    /// These and `other`.
    #[must_use]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These, and `other` if `on`.
    #[must_use]
    pub(crate) const fn with_if(self, other: Self, on: bool) -> Self {
        if on { self.with(other) } else { self }
    }

    /// Whether all of `other` are here.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An attribute set by what it is made of. Meaningful with the configuration it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Symbol {
    /// The entry of the route's own route-map that matched; see [`Decision::Permit`].
    pub own: u16,
    /// The entry of the neighbor's outbound route-map that matched.
    pub neighbor: u16,
    /// What Holdover adds.
    pub marks: Marks,
}

/// The next hops that `set ip next-hop` and `set ipv6 next-hop global` ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NextHops {
    /// The IPv4 one.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 one.
    pub v6: Option<Ipv6Addr>,
}

/// Whether a prefix-list permits a prefix; none in use permits all.
pub(crate) fn permits(view: ConfigView<'_>, list: ListRef, prefix: Prefix) -> bool {
    if list.name.is_empty() {
        return true;
    }
    let line = view.list(list).find(|rule| match rule.clause {
        Clause::Prefix { prefix: own, ge, le } => own.admits(prefix, ge, le),
        _ => false,
    });
    line.is_some_and(|rule| !rule.deny)
}

/// What a route-map says of a route with these communities.
pub(crate) fn decide(
    view: ConfigView<'_>,
    map: ListRef,
    prefix: Prefix,
    has: impl Fn(Asked) -> bool + Copy,
) -> Decision {
    if map.name.is_empty() {
        return Decision::Permit(0);
    }
    let entries = view.list(map).zip(map.first..=u16::MAX).filter(|(rule, _)| rule.clause == Clause::Entry);
    for (entry, symbol) in entries {
        if clauses(view, symbol).all(|rule| matches(view, rule, prefix, has)) {
            return if entry.deny { Decision::Deny } else { Decision::Permit(symbol) };
        }
    }
    Decision::Deny
}

/// The clauses of an entry, by its symbol; none for 0.
pub(crate) fn clauses(view: ConfigView<'_>, entry: u16) -> impl Iterator<Item = &Rule> {
    let at = usize::from(entry);
    let head = at.checked_sub(1).and_then(|at| view.rules.get(at)).copied().unwrap_or(Rule::REST);
    let after = if head.list == List::RouteMap { view.rules.get(at..).unwrap_or(&[]) } else { &[] };
    after.iter().take_while(move |rule| {
        rule.list == head.list
            && rule.name == head.name
            && rule.sequence == head.sequence
            && rule.clause != Clause::Entry
    })
}

/// Whether a clause lets the route through; a `set` does.
fn matches(view: ConfigView<'_>, rule: &Rule, prefix: Prefix, has: impl Fn(Asked) -> bool + Copy) -> bool {
    match rule.clause {
        Clause::MatchPrefixList(family, list) => family == prefix.family() && permits(view, list, prefix),
        Clause::MatchCommunity(list) | Clause::MatchLargeCommunity(list) => list_permits(view, list, has),
        _ => true,
    }
}

/// Whether a community-list permits a route: all the communities of a line must be there for the line to match.
fn list_permits(view: ConfigView<'_>, list: ListRef, has: impl Fn(Asked) -> bool) -> bool {
    let mut rules = view.list(list).peekable();
    while let Some(first) = rules.next() {
        let mut whole = has_clause(first, &has);
        while let Some(next) = rules.next_if(|next| next.sequence == first.sequence) {
            whole &= has_clause(next, &has);
        }
        if whole {
            return !first.deny;
        }
    }
    false
}

fn has_clause(rule: &Rule, has: impl Fn(Asked) -> bool) -> bool {
    match rule.clause {
        Clause::Community(value) => has(Asked::Community(Community(value))),
        Clause::LargeCommunity(value) => has(Asked::Large(large(value))),
        _ => false,
    }
}

const fn large([global, local1, local2]: [u32; 3]) -> LargeCommunity {
    LargeCommunity::new(global, local1, local2)
}

/// Which entries match a route on its way to a neighbor with this prefix-list and this route-map; `None`: it is not
/// announced there. `own` is the route's own route-map.
pub(crate) fn outbound(
    view: ConfigView<'_>,
    own: ListRef,
    (list, map): (ListRef, ListRef),
    prefix: Prefix,
    marks: Marks,
) -> Option<Symbol> {
    let Decision::Permit(own) = decide(view, own, prefix, |_| false) else { return None };
    towards(view, own, (list, map), prefix, marks)
}

/// The same when it is known which entry of the route's own route-map matched.
pub(crate) fn towards(
    view: ConfigView<'_>,
    own: u16,
    (list, map): (ListRef, ListRef),
    prefix: Prefix,
    marks: Marks,
) -> Option<Symbol> {
    if !permits(view, list, prefix) {
        return None;
    }
    match decide(view, map, prefix, |asked| sets(view, own, asked)) {
        Decision::Deny => None,
        Decision::Permit(neighbor) => Some(Symbol { own, neighbor, marks }),
    }
}

/// Whether the routes that an entry lets through have this community.
fn sets(view: ConfigView<'_>, entry: u16, asked: Asked) -> bool {
    let none = match asked {
        Asked::Community(_) => Clause::CommunityNone,
        Asked::Large(_) => Clause::LargeCommunityNone,
    };
    let wanted = match asked {
        Asked::Community(community) => Clause::SetCommunity(community.0),
        Asked::Large(LargeCommunity { global, local1, local2 }) => {
            Clause::SetLargeCommunity([global, local1, local2])
        }
    };
    clauses(view, entry).any(|rule| rule.clause == wanted)
        && !clauses(view, entry).any(|rule| rule.clause == none)
}

/// The entry that lets in a route from a neighbor with this prefix-list and this route-map, 0 where there is no route-map;
/// `None`: it is not let in. `has` tells its communities.
pub(crate) fn lets_in(
    view: ConfigView<'_>,
    (list, map): (ListRef, ListRef),
    prefix: Prefix,
    has: impl Fn(Asked) -> bool + Copy,
) -> Option<u16> {
    match decide(view, map, prefix, has) {
        Decision::Permit(entry) if permits(view, list, prefix) => Some(entry),
        _ => None,
    }
}

/// Whether a received route has this community once the entry that let it in has set its own.
pub(crate) fn has_community(
    view: ConfigView<'_>,
    entry: u16,
    asked: Asked,
    has: impl Fn(Asked) -> bool,
) -> bool {
    let replaces = match asked {
        Asked::Community(_) => replaces_communities(view, entry),
        Asked::Large(_) => replaces_large_communities(view, entry),
    };
    sets(view, entry, asked) || (!replaces && has(asked))
}

/// Whether a route may be redistributed as far as its length goes: a host route, or one that the route-map permits by
/// prefix-list; never a default route. (What else the route-map says is [`decide`]'s.)
pub(crate) fn redistributes(view: ConfigView<'_>, map: ListRef, prefix: Prefix) -> bool {
    if prefix.is_host() {
        return true;
    }
    let Decision::Permit(entry) = decide(view, map, prefix, |_| false) else { return false };
    let by_prefix_list = |rule: &Rule| matches!(rule.clause, Clause::MatchPrefixList(..));
    prefix.length() > 0 && clauses(view, entry).any(by_prefix_list)
}

/// Makes the attributes that a symbol stands for, towards an external or internal peer, in `out`, whose next hop is left
/// as it is. `Full`: they are more than [`limits`](crate::base::limits) hold, and must not be announced cut short.
pub(crate) fn render(
    view: ConfigView<'_>,
    symbol: Symbol,
    local_as: Asn,
    external: bool,
    out: &mut Attributes,
) -> Result<(), Full> {
    out.origin = if symbol.marks.has(Marks::INCOMPLETE) { Origin::Incomplete } else { Origin::Igp };
    out.med = None;
    out.local_pref = Some(view.bgp.local_preference());
    out.communities.clear();
    out.large_communities.clear();
    for entry in [symbol.own, symbol.neighbor] {
        communities(view, entry, out)?;
        for rule in clauses(view, entry) {
            match rule.clause {
                Clause::SetMetric(med) => out.med = Some(med),
                Clause::SetOrigin(code) => out.origin = Origin::of(code).unwrap_or(out.origin),
                Clause::SetLocalPreference(preference) => out.local_pref = Some(preference),
                _ => {}
            }
        }
    }
    path(view, symbol, if external { Some(local_as) } else { None }, &mut out.as_path)?;
    if symbol.marks.has(Marks::GRACEFUL_SHUTDOWN) {
        insert(&mut out.communities, Community::GRACEFUL_SHUTDOWN)?;
    }
    out.local_pref =
        if external { None } else { out.local_pref.map(|given| preference(given, symbol.marks)) };
    Ok(())
}

/// Ours first towards an external peer (RFC 4271 section 5.1.2), then what the maps prepend, the last one first.
fn path<const N: usize>(
    view: ConfigView<'_>,
    symbol: Symbol,
    ours: Option<Asn>,
    out: &mut Vec<Asn, N>,
) -> Result<(), Full> {
    out.clear();
    let times = if symbol.marks.has(Marks::PREPEND_TWICE) { 3 } else { 1 };
    let prepended = [symbol.neighbor, symbol.own].into_iter().flat_map(|entry| clauses(view, entry));
    let prepended = prepended.filter_map(|rule| match rule.clause {
        Clause::SetPrepend(asn) => Some(asn),
        _ => None,
    });
    for asn in ours.into_iter().flat_map(|ours| core::iter::repeat_n(ours, times)).chain(prepended) {
        out.push(asn).map_err(|_| Full)?;
    }
    Ok(())
}

/// An internal peer sees no path of ours to be longer, and would take our own AS in it for a loop, so a standby is less
/// preferred instead. How much less: the other machine may give its routes any LOCAL_PREF, so only the least one loses to all
/// of them, but for 0, which RFC 8326 section 4.2 has for a route that goes away.
fn preference(given: u32, marks: Marks) -> u32 {
    if marks.has(Marks::GRACEFUL_SHUTDOWN) {
        0
    } else if marks.has(Marks::PREPEND_TWICE) {
        given.min(STANDBY_LOCAL_PREF)
    } else {
        given
    }
}

/// Whether the communities that a route has are gone after an entry.
fn replaces_communities(view: ConfigView<'_>, entry: u16) -> bool {
    let has = |wanted: Clause| clauses(view, entry).any(|rule| rule.clause == wanted);
    let sets = clauses(view, entry).any(|rule| matches!(rule.clause, Clause::SetCommunity(_)));
    (sets && !has(Clause::CommunityAdditive)) || has(Clause::CommunityNone)
}

/// The same for large communities.
fn replaces_large_communities(view: ConfigView<'_>, entry: u16) -> bool {
    let has = |wanted: Clause| clauses(view, entry).any(|rule| rule.clause == wanted);
    let sets = clauses(view, entry).any(|rule| matches!(rule.clause, Clause::SetLargeCommunity(_)));
    (sets && !has(Clause::LargeCommunityAdditive)) || has(Clause::LargeCommunityNone)
}

/// What an entry sets of communities, on top of what is there.
fn communities(view: ConfigView<'_>, entry: u16, out: &mut Attributes) -> Result<(), Full> {
    if replaces_communities(view, entry) {
        out.communities.clear();
    }
    if replaces_large_communities(view, entry) {
        out.large_communities.clear();
    }
    for rule in clauses(view, entry) {
        match rule.clause {
            Clause::SetCommunity(value) => insert(&mut out.communities, Community(value))?,
            Clause::SetLargeCommunity(value) => insert(&mut out.large_communities, large(value))?,
            _ => {}
        }
    }
    Ok(())
}

/// Keeps them sorted and each once (RFC 8092 section 5), so that equal sets are equal.
fn insert<T: Ord + Copy, const N: usize>(set: &mut Vec<T, N>, item: T) -> Result<(), Full> {
    match set.binary_search(&item) {
        Ok(_) => Ok(()),
        Err(place) => set.insert(place, item).map_err(|_| Full),
    }
}

/// The next hops that a symbol's entries ask for; the neighbor's entry has the last word.
pub(crate) fn next_hops(view: ConfigView<'_>, symbol: Symbol) -> NextHops {
    let mut asked = NextHops::default();
    for rule in [symbol.own, symbol.neighbor].into_iter().flat_map(|entry| clauses(view, entry)) {
        match rule.clause {
            Clause::SetNextHopV4(address) => asked.v4 = Some(address),
            Clause::SetNextHopV6(address) => asked.v6 = Some(address),
            _ => {}
        }
    }
    asked
}

/// A number for what a symbol means, equal for symbols of different configurations that mean the same: what peers were
/// told by the old one need not be told again. `scratch` is overwritten.
pub(crate) fn meaning(view: ConfigView<'_>, symbol: Symbol, local_as: Asn, scratch: &mut Attributes) -> u64 {
    let mut hash = Fnv::new();
    for external in [true, false] {
        let fits = render(view, symbol, local_as, external, scratch).is_ok();
        hash.attributes(scratch);
        hash.octets(&[u8::from(fits)]);
    }
    let asked = next_hops(view, symbol);
    hash.octets(&asked.v4.map_or([0; 4], |v4| v4.octets()));
    hash.octets(&asked.v6.map_or([0; 16], |v6| v6.octets()));
    hash.0
}

/// FNV-1a of 64 bits: small, and good enough for some hundred sets that nobody hostile chooses.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    fn octets(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.0 = (self.0 ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    fn number(&mut self, number: u32) {
        self.octets(&number.to_be_bytes());
    }

    /// Present or not, and what.
    fn optional(&mut self, number: Option<u32>) {
        self.octets(&[u8::from(number.is_some())]);
        self.number(number.unwrap_or(0));
    }

    /// Every list ends with a zero and every item begins with a one, so that no two sets read alike.
    fn list(&mut self, items: impl Iterator<Item = u32>) {
        items.for_each(|item| self.optional(Some(item)));
        self.octets(&[0]);
    }

    fn attributes(&mut self, attributes: &Attributes) {
        self.octets(&[attributes.origin as u8]);
        self.optional(attributes.med);
        self.optional(attributes.local_pref);
        self.list(attributes.as_path.iter().map(|asn| asn.0));
        self.list(attributes.communities.iter().map(|community| community.0));
        let parts = |large: &LargeCommunity| [large.global, large.local1, large.local2];
        self.list(attributes.large_communities.iter().flat_map(parts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits;
    use crate::base::net::Family;
    use crate::config::{Config, Owner, Span};
    use std::format;

    const OURS: Asn = Asn(65_000);
    const PRIMARY: [u32; 3] = [63_949, 1, 1];

    /// A configuration of lists only, written entry by entry; lists must be written in the order of `List`.
    #[derive(Default)]
    struct Lists(std::boxed::Box<Config<1, 1, 4, 128, 512>>);

    impl Lists {
        fn new() -> Self {
            Self::default()
        }

        /// The list of that name, its name put into the text pool when it is new.
        fn named(&mut self, name: &str) -> ListRef {
            let view = self.0.view();
            let at = core::str::from_utf8(view.text).unwrap().find(name);
            let first = view.rules.iter().position(|rule| view.text(rule.name) == name);
            let start = at.unwrap_or(view.text.len());
            if at.is_none() {
                name.bytes().for_each(|octet| self.0.edit().text.push(octet).unwrap());
            }
            let name =
                Span { start: u16::try_from(start).unwrap(), length: u16::try_from(name.len()).unwrap() };
            ListRef { name, first: first.map_or(0, |first| u16::try_from(first).unwrap() + 1) }
        }

        /// One line or entry; a route-map's `Clause::Entry` is added by itself.
        fn add(
            &mut self,
            list: List,
            name: &str,
            sequence: u32,
            deny: bool,
            clauses: &[Clause],
        ) -> &mut Self {
            let name = self.named(name).name;
            let entry = if list == List::RouteMap { &[Clause::Entry][..] } else { &[] };
            for &clause in entry.iter().chain(clauses) {
                self.0.edit().rules.push(Rule { name, sequence, list, deny, clause }).unwrap();
            }
            self
        }

        fn map(&mut self, name: &str, sequence: u32, clauses: &[Clause]) -> &mut Self {
            self.add(List::RouteMap, name, sequence, false, clauses)
        }

        fn view(&self) -> ConfigView<'_> {
            self.0.view()
        }
    }

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
    }

    fn line(text: &str, ge: u8, le: u8) -> Clause {
        Clause::Prefix { prefix: prefix(text), ge, le }
    }

    const HOST: &str = "192.0.2.10/32";
    const NO_LISTS: (ListRef, ListRef) = (ListRef::NONE, ListRef::NONE);

    /// What a route looks like at an external peer: origin, path, communities, large communities, metric.
    fn external(lists: &Lists, symbol: Symbol) -> std::string::String {
        let mut out = Attributes::new();
        render(lists.view(), symbol, OURS, true, &mut out).unwrap();
        let mut words = std::vec![format!("{:?}", out.origin)];
        words.extend(out.as_path.iter().map(|asn| format!("{asn}")));
        words.extend(out.communities.iter().map(|community| format!("{community}")));
        words.extend(out.large_communities.iter().map(|large| format!("{large}")));
        words.extend(out.med.map(|med| format!("med {med}")));
        words.join(" ")
    }

    #[test]
    fn without_a_route_map_everything_is_permitted_and_nothing_set() {
        let lists = Lists::new();
        let symbol = outbound(lists.view(), ListRef::NONE, NO_LISTS, prefix(HOST), Marks::default()).unwrap();
        assert_eq!(symbol, Symbol::default());
        assert_eq!(external(&lists, symbol), "Igp 65000");
    }

    #[test]
    fn the_guides_template_gives_its_large_community() {
        let mut lists = Lists::new();
        lists.map("primary", 10, &[Clause::SetLargeCommunity(PRIMARY)]);
        lists.map("secondary", 10, &[Clause::SetLargeCommunity([63_949, 1, 2])]);
        for (name, expected) in [("primary", "Igp 65000 63949:1:1"), ("secondary", "Igp 65000 63949:1:2")] {
            let map = lists.named(name);
            let symbol = outbound(lists.view(), map, NO_LISTS, prefix(HOST), Marks::default()).unwrap();
            assert_eq!(external(&lists, symbol), expected);
        }
    }

    #[test]
    fn a_list_that_is_named_but_not_defined_denies() {
        let mut lists = Lists::new();
        let missing = lists.named("missing");
        assert_eq!(decide(lists.view(), missing, prefix(HOST), |_| true), Decision::Deny);
        assert!(!permits(lists.view(), missing, prefix(HOST)));
        lists.map("m", 10, &[Clause::MatchCommunity(missing)]);
        let map = lists.named("m");
        assert_eq!(decide(lists.view(), map, prefix(HOST), |_| true), Decision::Deny);
    }

    #[test]
    fn the_first_matching_entry_decides_and_the_end_denies() {
        let mut lists = Lists::new();
        let (wide, hosts) = (lists.named("WIDE").name, lists.named("HOSTS").name);
        // Route-maps come first in a configuration, so the lists' places are known beforehand.
        let (wide, hosts) = (ListRef { name: wide, first: 8 }, ListRef { name: hosts, first: 9 });
        lists.add(List::RouteMap, "m", 10, true, &[Clause::MatchPrefixList(Family::Ipv4, wide)]);
        lists.map("m", 20, &[Clause::MatchPrefixList(Family::Ipv4, hosts), Clause::SetMetric(1)]);
        lists.map("m", 30, &[Clause::MatchPrefixList(Family::Ipv6, hosts)]);
        lists.add(List::PrefixList(Family::Ipv4), "WIDE", 5, false, &[line("10.0.0.0/8", 0, 32)]);
        lists.add(List::PrefixList(Family::Ipv4), "HOSTS", 5, false, &[line("0.0.0.0/0", 32, 0)]);
        assert_eq!((lists.named("WIDE"), lists.named("HOSTS")), (wide, hosts));
        let map = lists.named("m");
        let decide = |text| decide(lists.view(), map, prefix(text), |_| false);
        assert_eq!(decide("10.1.1.1/32"), Decision::Deny);
        assert_eq!(decide("192.0.2.10/32"), Decision::Permit(3));
        assert_eq!(decide("192.0.2.0/24"), Decision::Deny);
        assert_eq!(decide("2001:db8::1/128"), Decision::Deny);
    }

    #[test]
    fn a_prefix_lists_first_matching_line_decides() {
        let mut lists = Lists::new();
        let kind = List::PrefixList(Family::Ipv4);
        lists.add(kind, "P", 5, true, &[line("192.0.2.7/32", 0, 0)]);
        lists.add(kind, "P", 10, false, &[line("192.0.2.0/24", 0, 32)]);
        let list = lists.named("P");
        for (text, expected) in [("192.0.2.7/32", false), ("192.0.2.8/32", true), ("198.51.100.0/24", false)]
        {
            assert_eq!(permits(lists.view(), list, prefix(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_community_list_line_needs_all_its_communities_and_the_first_line_decides() {
        let mut lists = Lists::new();
        let (a, b, c) = (Community(1), Community(2), Community(3));
        let of = |community: Community| Clause::Community(community.0);
        lists.add(List::CommunityList, "C", 5, true, &[of(c)]);
        lists.add(List::CommunityList, "C", 10, false, &[of(a), of(b)]);
        let list = lists.named("C");
        for (has, expected) in
            [(&[a][..], false), (&[b], false), (&[a, b], true), (&[a, b, c], false), (&[], false)]
        {
            let has = |asked| matches!(asked, Asked::Community(community) if has.contains(&community));
            assert_eq!(list_permits(lists.view(), list, has), expected);
        }
    }

    #[test]
    fn a_neighbors_route_map_sees_the_communities_that_the_routes_own_map_set() {
        let mut lists = Lists::new();
        let only = ListRef { name: lists.named("ONLY").name, first: 5 };
        lists.map("own", 10, &[Clause::SetLargeCommunity(PRIMARY)]);
        lists.map("out", 10, &[Clause::MatchLargeCommunity(only)]);
        lists.add(List::LargeCommunityList, "ONLY", 5, false, &[Clause::LargeCommunity(PRIMARY)]);
        assert_eq!(lists.named("ONLY"), only);
        let (own, out) = (lists.named("own"), lists.named("out"));
        let towards = |own| outbound(lists.view(), own, (ListRef::NONE, out), prefix(HOST), Marks::default());
        assert_eq!(towards(own), Some(Symbol { own: 1, neighbor: 3, marks: Marks::default() }));
        assert_eq!(towards(ListRef::NONE), None);
    }

    #[test]
    fn a_neighbors_prefix_list_is_asked_first() {
        let mut lists = Lists::new();
        lists.add(List::PrefixList(Family::Ipv4), "P", 5, false, &[line("198.51.100.0/24", 0, 32)]);
        let list = lists.named("P");
        let out = |text| {
            outbound(lists.view(), ListRef::NONE, (list, ListRef::NONE), prefix(text), Marks::default())
        };
        assert_eq!(out(HOST), None);
        assert!(out("198.51.100.1/32").is_some());
    }

    #[test]
    fn set_community_replaces_unless_additive_and_none_clears() {
        let set = Clause::SetCommunity;
        for (second, expected) in [
            (&[set(5)][..], "Igp 65000 0:5"),
            (&[set(5), Clause::CommunityAdditive], "Igp 65000 0:1 0:5 0:9"),
            (&[Clause::CommunityNone], "Igp 65000"),
            (&[], "Igp 65000 0:1 0:9"),
        ] {
            let mut lists = Lists::new();
            lists.map("own", 10, &[set(9), set(1), set(9)]);
            lists.map("out", 10, second);
            let neighbor = lists.named("out").first;
            assert_eq!(external(&lists, Symbol { own: 1, neighbor, marks: Marks::default() }), expected);
        }
    }

    #[test]
    fn set_large_community_replaces_unless_additive_and_none_clears() {
        let set = |last| Clause::SetLargeCommunity([1, 1, last]);
        for (second, expected) in [
            (&[set(5)][..], "Igp 65000 1:1:5"),
            (&[set(5), Clause::LargeCommunityAdditive], "Igp 65000 1:1:5 1:1:9"),
            (&[Clause::LargeCommunityNone], "Igp 65000"),
        ] {
            let mut lists = Lists::new();
            lists.map("own", 10, &[set(9)]);
            lists.map("out", 10, second);
            let neighbor = lists.named("out").first;
            assert_eq!(external(&lists, Symbol { own: 1, neighbor, marks: Marks::default() }), expected);
        }
    }

    #[test]
    fn rfc8092_3_a_community_is_sent_once_however_often_it_was_set() {
        let mut lists = Lists::new();
        let large = Clause::SetLargeCommunity([1, 1, 9]);
        lists.map("own", 10, &[large, large, Clause::SetCommunity(7), Clause::SetCommunity(7)]);
        lists.map("out", 10, &[large, Clause::LargeCommunityAdditive]);
        let neighbor = lists.named("out").first;
        let symbol = Symbol { own: 1, neighbor, marks: Marks::default() };
        assert_eq!(external(&lists, symbol), "Igp 65000 0:7 1:1:9");
    }

    #[test]
    fn our_as_comes_first_then_what_the_neighbors_map_prepends_then_the_routes_own() {
        let mut lists = Lists::new();
        lists.map("own", 10, &[Clause::SetPrepend(Asn(1)), Clause::SetPrepend(Asn(2))]);
        lists.map("out", 10, &[Clause::SetPrepend(Asn(3))]);
        let neighbor = lists.named("out").first;
        let symbol = Symbol { own: 1, neighbor, marks: Marks::default() };
        assert_eq!(external(&lists, symbol), "Igp 65000 3 1 2");
        let standby = Symbol { marks: Marks::PREPEND_TWICE, ..symbol };
        assert_eq!(external(&lists, standby), "Igp 65000 65000 65000 3 1 2");
        let mut out = Attributes::new();
        render(lists.view(), standby, OURS, false, &mut out).unwrap();
        assert_eq!(out.as_path.iter().map(|asn| asn.0).collect::<std::vec::Vec<_>>(), [3, 1, 2]);
    }

    #[test]
    fn local_preference_is_for_internal_peers_only() {
        let mut lists = Lists::new();
        lists.map("own", 10, &[Clause::SetLocalPreference(300)]);
        for (symbol, internal) in [
            (Symbol::default(), 100),
            (Symbol { own: 1, ..Symbol::default() }, 300),
            (Symbol { own: 1, marks: Marks::PREPEND_TWICE, ..Symbol::default() }, 1),
            (Symbol { own: 1, marks: Marks::GRACEFUL_SHUTDOWN, ..Symbol::default() }, 0),
        ] {
            let mut out = Attributes::new();
            render(lists.view(), symbol, OURS, false, &mut out).unwrap();
            assert_eq!((out.local_pref, out.as_path.len()), (Some(internal), 0));
            render(lists.view(), symbol, OURS, true, &mut out).unwrap();
            assert_eq!(out.local_pref, None);
        }
    }

    #[test]
    fn origin_is_igp_or_incomplete_unless_set_and_metric_only_when_set() {
        let mut lists = Lists::new();
        lists.map("own", 10, &[Clause::SetOrigin(1), Clause::SetMetric(0)]);
        let incomplete = Symbol { marks: Marks::INCOMPLETE, ..Symbol::default() };
        assert_eq!(external(&lists, incomplete), "Incomplete 65000");
        assert_eq!(external(&lists, Symbol { own: 1, ..incomplete }), "Egp 65000 med 0");
    }

    #[test]
    fn graceful_shutdown_is_one_more_community() {
        let mut lists = Lists::new();
        lists.map("own", 10, &[Clause::SetCommunity(1)]);
        let symbol = Symbol { own: 1, marks: Marks::GRACEFUL_SHUTDOWN, ..Symbol::default() };
        assert_eq!(external(&lists, symbol), "Igp 65000 0:1 graceful-shutdown");
    }

    #[test]
    fn more_than_the_limits_hold_is_never_cut_short() {
        let mut lists = Lists::new();
        let many: std::vec::Vec<_> =
            (1..=u32::try_from(limits::COMMUNITIES).unwrap()).map(Clause::SetCommunity).collect();
        lists.map("own", 10, &many);
        let mut out = Attributes::new();
        let symbol = Symbol { own: 1, ..Symbol::default() };
        assert_eq!(render(lists.view(), symbol, OURS, true, &mut out), Ok(()));
        let drained = Symbol { marks: Marks::GRACEFUL_SHUTDOWN, ..symbol };
        assert_eq!(render(lists.view(), drained, OURS, true, &mut out), Err(Full));
    }

    #[test]
    fn next_hops_that_are_asked_for_are_told_apart_and_the_neighbor_has_the_last_word() {
        let mut lists = Lists::new();
        let (first, second) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        lists.map("own", 10, &[Clause::SetNextHopV4(first), Clause::SetNextHopV6(Ipv6Addr::LOCALHOST)]);
        lists.map("out", 10, &[Clause::SetNextHopV4(second)]);
        let neighbor = lists.named("out").first;
        let asked = next_hops(lists.view(), Symbol { own: 1, neighbor, marks: Marks::default() });
        assert_eq!(asked, NextHops { v4: Some(second), v6: Some(Ipv6Addr::LOCALHOST) });
    }

    #[test]
    fn only_host_routes_are_redistributed_unless_a_prefix_list_permits_more() {
        let mut lists = Lists::new();
        let wide = ListRef { name: lists.named("WIDE").name, first: 5 };
        lists.map("all", 10, &[Clause::SetMetric(1)]);
        lists.map("some", 10, &[Clause::MatchPrefixList(Family::Ipv4, wide)]);
        lists.add(List::PrefixList(Family::Ipv4), "WIDE", 5, false, &[line("0.0.0.0/0", 0, 32)]);
        assert_eq!(lists.named("WIDE"), wide);
        let (all, some) = (lists.named("all"), lists.named("some"));
        for (map, text, expected) in [
            (ListRef::NONE, HOST, true),
            (ListRef::NONE, "192.0.2.0/24", false),
            (all, "192.0.2.0/24", false),
            (some, "192.0.2.0/24", true),
            (some, "0.0.0.0/0", false),
            (ListRef::NONE, "0.0.0.0/0", false),
            (ListRef::NONE, "2001:db8::1/128", true),
            (some, "2001:db8::/64", false),
        ] {
            assert_eq!(redistributes(lists.view(), map, prefix(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_symbol_of_another_configuration_with_the_same_meaning_has_the_same_number() {
        let mut before = Lists::new();
        before.map("own", 10, &[Clause::SetCommunity(1), Clause::SetCommunity(2)]);
        let mut after = Lists::new();
        after.map("another", 10, &[Clause::SetMetric(7)]);
        after.map("renamed", 99, &[Clause::SetCommunity(2), Clause::SetCommunity(1)]);
        let mut scratch = Attributes::new();
        let mut number = |lists: &Lists, own| {
            meaning(lists.view(), Symbol { own, ..Symbol::default() }, OURS, &mut scratch)
        };
        let renamed = after.named("renamed").first;
        assert_eq!(number(&before, 1), number(&after, renamed));
        let all = [number(&before, 0), number(&before, 1), number(&after, 1)];
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    #[test]
    fn every_part_of_a_set_changes_its_digest() {
        let digest = |attributes: &Attributes| {
            let mut hash = Fnv::new();
            hash.attributes(attributes);
            hash.0
        };
        let plain = Attributes::new();
        let mut others = std::vec![plain.clone(); 7];
        others[0].origin = Origin::Egp;
        others[1].as_path.push(Asn(0)).unwrap();
        others[2].med = Some(0);
        others[3].local_pref = Some(0);
        others[4].communities.push(Community(0)).unwrap();
        others[5].large_communities.push(LargeCommunity::default()).unwrap();
        let digests: std::collections::BTreeSet<_> = others.iter().map(digest).collect();
        assert_eq!(digests.len(), others.len());
        assert_eq!(digest(&plain), digest(&others[6]));
    }

    #[test]
    fn a_symbol_is_small() {
        assert!(size_of::<Symbol>() <= 6);
    }

    /// A configuration as somebody writes it.
    fn written(text: &str) -> std::boxed::Box<Config<4, 4, 16, 64, 1024>> {
        let mut config = std::boxed::Box::default();
        let mut said = std::vec::Vec::new();
        let mut report = |diagnostic: crate::config::Diagnostic<'_>| said.push(format!("{diagnostic}"));
        let result = crate::config::parse(text, &crate::config::Platform::ALL, &mut config, &mut report);
        assert!(result.is_ok(), "{said:#?}");
        config
    }

    /// What a neighbor is told of each route of a configuration.
    fn told(text: &str) -> std::vec::Vec<std::string::String> {
        let config = written(text);
        let view = config.view();
        let options = view.options(&view.neighbors[0]);
        let mut all = std::vec::Vec::new();
        for route in view.routes.iter().filter(|route| route.owner != Owner::Interface) {
            let at = route.prefix().family().index();
            let theirs = (options.list_out[at], options.map_out[at]);
            let map = match route.owner {
                Owner::Service(service) => view.services[usize::from(service)].active,
                _ => route.map,
            };
            let Some(symbol) = outbound(view, map, theirs, route.prefix(), Marks::default()) else {
                continue;
            };
            let mut out = Attributes::new();
            render(view, symbol, view.bgp.local_as, true, &mut out).unwrap();
            let path: std::vec::Vec<u32> = out.as_path.iter().map(|asn| asn.0).collect();
            let communities: std::vec::Vec<_> = out.communities.iter().map(|one| format!("{one}")).collect();
            let large: std::vec::Vec<_> = out.large_communities.iter().map(|one| format!("{one}")).collect();
            all.push(format!("{} {path:?} {} {}", route.prefix(), communities.join(" "), large.join(" ")));
        }
        all
    }

    const HEAD: &str =
        "router bgp 65001\nneighbor 10.0.0.1 remote-as external\nno bgp network import-check\n";

    #[test]
    fn as_written_each_role_has_its_community() {
        let text = format!(
            "{HEAD}address-family ipv4 unicast\nnetwork 192.0.2.10/32 route-map primary\n\
             network 192.0.2.11/32 route-map secondary\nexit-address-family\n\
             route-map primary permit 10\nset community 65000:1\n\
             route-map secondary permit 10\nset community 65000:2 no-export additive\n"
        );
        let expected = ["192.0.2.10/32 [65001] 65000:1 ", "192.0.2.11/32 [65001] 65000:2 no-export "];
        assert_eq!(told(&text), expected);
    }

    #[test]
    fn as_written_a_neighbors_filters_and_route_map_have_the_last_word() {
        let text = format!(
            "{HEAD}address-family ipv4 unicast\nnetwork 192.0.2.10/32 route-map own\n\
             network 192.0.2.11/32\nnetwork 198.51.100.1/32 route-map own\n\
             neighbor 10.0.0.1 prefix-list ours out\nneighbor 10.0.0.1 route-map out out\nexit-address-family\n\
             ip prefix-list ours seq 5 deny 192.0.2.12/32\nip prefix-list ours seq 10 permit 192.0.2.0/24 le 32\n\
             bgp large-community-list standard marked permit 63949:1:1\n\
             route-map own permit 10\nset large-community 63949:1:1\n\
             route-map out permit 10\nmatch large-community marked\nset as-path prepend 65001 65001\n\
             set large-community 63949:9:9 additive\n\
             route-map out deny 20\n"
        );
        assert_eq!(told(&text), ["192.0.2.10/32 [65001, 65001, 65001]  63949:1:1 63949:9:9"]);
    }

    #[test]
    fn as_written_a_service_announces_its_active_attributes() {
        let text = format!(
            "{HEAD}failover web\naddress 192.0.2.10/32\naddress 2001:db8::1/128 announce /64\nbind lo\n\
             active route-map primary\nstandby route-map secondary\nexit\n\
             route-map primary permit 10\nmatch ip address prefix-list four\nset large-community 63949:1:1\n\
             route-map primary permit 20\nset metric 5\nset large-community 63949:6:1\n\
             route-map secondary permit 10\nset large-community 63949:1:2\n\
             ip prefix-list four seq 5 permit any\n"
        );
        let expected = ["192.0.2.10/32 [65001]  63949:1:1", "2001:db8::/64 [65001]  63949:6:1"];
        assert_eq!(told(&text), expected);
    }
}
