//! What can only be said at the end of a text: who owns which prefix, what a name refers to, what is missing.

use core::cmp::Ordering;
use core::net::IpAddr;

use super::build::{Draft, Failures, INTRODUCED};
use super::edit::{order, text_of};
use super::error::{Diagnostic, ErrorKind, Expected, Hint, Severity, Thing};
use super::hint::Nearest;
use super::line;
use super::lint::Lint;
use super::locate::{self, Seen};
use super::model::{
    Clause, ConfigMut, ConfigView, List, ListRef, Neighbor, OnFailure, Owner, PeerFlags, PeerOptions,
    RemoteAs, Route, Rule, Span,
};
use super::statement::Node;
use super::takeaway::takes_away;
use super::value::Value;
use crate::base::net::{Asn, Family, Prefix};
use crate::base::sort::sort_by;

/// How many diagnostics of this kind are traced back to their line: each costs one more look at the text.
const TRACED: usize = 64;

/// A place in the text: line, column and the word there.
type Place<'s> = (u32, u32, &'s str);

/// The statement to look for in the text.
#[derive(Clone, Copy)]
pub(super) enum Needle<'a> {
    /// One that uses this list, by this name.
    Use(List, &'a str),
    /// A `neighbor` line of this peer.
    Peer(Value<'a>),
    /// One that names this peer-group.
    Group(&'a str),
    /// `neighbor … update-source` with this address.
    Source(IpAddr),
    /// A `set … next-hop` with this address.
    NextHop(IpAddr),
    /// The `failover` block with this name.
    Block(&'a str),
    /// One that owns this address.
    Address(IpAddr),
    /// `network` with a prefix like this one.
    Network(Prefix),
    /// `ip route` with a prefix like this one.
    Static(Prefix),
}

impl Needle<'_> {
    /// Where in the line that is said.
    fn place(self, seen: &Seen<'_>) -> Option<usize> {
        let prefix = match seen.values.get(0) {
            Value::Prefix(prefix) => Some(prefix),
            _ => None,
        };
        let is = |fits: bool, value: usize| fits.then(|| seen.at(value));
        let of_prefix = |wanted: Prefix| prefix.is_some_and(|prefix| prefix.subnet() == wanted);
        match self {
            Needle::Use(list, name) => {
                let six = match seen.node {
                    Node::RouteMap => seen.values.number(0) == 1,
                    _ => seen.family == Family::Ipv6,
                };
                let fits = match list {
                    List::PrefixList(family) => (family == Family::Ipv6) == six,
                    List::CommunityList | List::LargeCommunityList => seen.keyword() == "match",
                    _ => true,
                };
                let fits = fits && seen.node != Node::Top && seen.row.acts();
                fits.then(|| seen.behind(keyword(list), name)).flatten()
            }
            Needle::Peer(peer) => is(seen.is_of(peer), 0),
            Needle::Group(name) => {
                if seen.is_of(Value::Text(name)) {
                    Some(seen.at(0))
                } else {
                    seen.behind("peer-group", name)
                }
            }
            Needle::Source(address) => {
                let fits = seen.keyword() == "neighbor" && seen.values.get(1) == Value::Address(address);
                is(fits, 1)
            }
            Needle::Block(name) => is(seen.keyword() == "failover" && seen.values.text(0) == name, 0),
            Needle::NextHop(address) => {
                let (sets, at) = (seen.node == Node::RouteMap && seen.keyword() == "set", address.is_ipv6());
                is(sets && seen.values.get(at.into()) == Value::Address(address), at.into())
            }
            Needle::Address(address) => {
                let owns = matches!(seen.node, Node::Interface | Node::Failover | Node::Bgp | Node::Family);
                is(owns && prefix.is_some_and(|prefix| prefix.address == address), 0)
            }
            Needle::Network(wanted) => is(seen.keyword() == "network" && of_prefix(wanted), 0),
            Needle::Static(wanted) => is(seen.node == Node::Top && seen.row.acts() && of_prefix(wanted), 0),
        }
    }

    /// Its `nth` place in the text, counted from 1: line, column and the word; or the last one there is.
    fn find(self, source: &[u8], nth: usize) -> Place<'_> {
        let places = locate::statements(source).filter_map(|seen| {
            let at = self.place(&seen)?;
            Some((seen.number, line::column(seen.line, at), seen.word(at)))
        });
        places.take(nth).last().unwrap_or((0, 0, ""))
    }
}

/// The word before the name of a list where it is used.
const fn keyword(list: List) -> &'static str {
    match list {
        List::PrefixList(_) => "prefix-list",
        List::CommunityList => "community",
        List::LargeCommunityList => "large-community",
        List::BfdProfile => "profile",
        _ => "route-map",
    }
}

/// What looks into a text again. A configuration that a program makes has no text, and its program none of the language's tables.
#[derive(Clone, Copy)]
pub(super) struct Text {
    find: for<'s> fn(Needle<'_>, &'s [u8], usize) -> Place<'s>,
    takes_away: fn(&ConfigMut<'_>, &mut Late<'_, '_>),
}

impl Text {
    pub(super) const LOOKED_INTO: Self =
        Self { find: |needle, source, nth| needle.find(source, nth), takes_away };
}

/// Reports about what was read, with the place where it stands.
pub(super) struct Late<'r, 's> {
    text: Option<Text>,
    pub(super) source: &'s [u8],
    /// What they would have said is not missed a second time.
    failed: Failures<'s>,
    pub(super) report: &'r mut dyn FnMut(Diagnostic<'_>),
    pub(super) errors: usize,
    traced: usize,
}

impl Late<'_, '_> {
    fn tell(
        &mut self,
        severity: Severity,
        what: ErrorKind,
        name: &str,
        needle: Needle<'_>,
        nth: usize,
        hint: Hint<'_>,
    ) {
        if severity == Severity::Error {
            self.errors = self.errors.saturating_add(1);
        }
        let (mut line, mut column, mut found) = (0, 0, name);
        if let Some(text) = self.text.filter(|_| self.traced < TRACED) {
            self.traced = self.traced.saturating_add(1);
            let word;
            (line, column, word) = (text.find)(needle, self.source, nth);
            if found.is_empty() {
                found = word;
            }
        }
        (self.report)(Diagnostic { severity, line, column, what, found, expected: Expected::NOTHING, hint });
    }

    fn error(&mut self, what: ErrorKind, name: &str, needle: Needle<'_>, hint: Hint<'_>) {
        self.tell(Severity::Error, what, name, needle, 1, hint);
    }
}

impl Draft<'_> {
    /// Ends the reading: sorts, resolves and checks. Says how many errors there were in all. `text`: there is one.
    pub(super) fn finish(&mut self, text: Option<Text>) -> usize {
        let mut late = Late {
            text,
            source: self.source,
            failed: self.failed,
            report: &mut *self.report,
            errors: 0,
            traced: 0,
        };
        let config = &mut self.config;
        sort_routes(config, &mut late);
        drop_unused_numbers(config);
        resolve(config, &mut late);
        groups(config, &mut late);
        neighbors(config, &mut late);
        next_hops(config, &mut late);
        services(config, &mut late);
        if let Some(text) = text.filter(|_| self.takes_away) {
            (text.takes_away)(config, &mut late);
        }
        for group in config.groups.as_mut_slice() {
            group.options.flags.given &= !INTRODUCED;
        }
        for neighbor in config.neighbors.as_mut_slice() {
            neighbor.options.flags.given &= !INTRODUCED;
        }
        self.errors.saturating_add(late.errors)
    }
}

/// Drops the numbers of `neighbor … bfd N N N` lines that a later line took back.
fn drop_unused_numbers(config: &mut ConfigMut<'_>) {
    let pool = config.text.as_slice();
    for index in (0..config.rules.as_slice().len()).rev() {
        let Some(rule) = config.rules.as_slice().get(index) else { continue };
        let used = |options: &PeerOptions| options.bfd_profile == rule.name;
        if rule.list == List::BfdProfile
            && text_of(pool, rule.name).contains(' ')
            && !config.groups.as_slice().iter().any(|group| used(&group.options))
            && !config.neighbors.as_slice().iter().any(|neighbor| used(&neighbor.options))
        {
            config.rules.remove(index);
        }
    }
}

/// The order of routes: by announced prefix, then by owner; and for a total order by address and interface.
fn route_order(pool: &[u8], a: &Route, b: &Route) -> Ordering {
    a.prefix()
        .cmp(&b.prefix())
        .then_with(|| a.owner.cmp(&b.owner))
        .then_with(|| a.address.cmp(&b.address))
        .then_with(|| text_of(pool, a.interface).cmp(text_of(pool, b.interface)))
}

/// Sorts the routes, drops lines that stand twice, and finds prefixes with two owners.
fn sort_routes(config: &mut ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let pool = config.text.as_slice();
    let routes = config.routes.as_mut_slice();
    sort_by(routes, |a, b| route_order(pool, a, b));
    let mut kept = 0_usize;
    let mut owner = Route::REST;
    for index in 0..routes.len() {
        let Some(&route) = routes.get(index) else { break };
        let last = kept.checked_sub(1).and_then(|last| routes.get(last)).copied().unwrap_or(Route::REST);
        let same_prefix = last.owner != Owner::None && last.prefix() == route.prefix();
        if !same_prefix {
            owner = route;
        }
        if same_prefix && last == route {
            let needle = Needle::Address(route.address);
            tell_duplicate(late, &route, needle);
            continue;
        }
        if same_prefix {
            two_owners(late, &owner, &last, &route);
        }
        if let Some(place) = routes.get_mut(kept) {
            *place = route;
        }
        kept = kept.saturating_add(1);
    }
    config.routes.truncate(kept);
}

fn tell_duplicate(late: &mut Late<'_, '_>, route: &Route, needle: Needle<'_>) {
    let needle = match route.owner {
        Owner::Network => Needle::Network(route.prefix()),
        Owner::Static(_) => Needle::Static(route.prefix()),
        _ => needle,
    };
    late.tell(Severity::Warning, ErrorKind::Lint(Lint::Duplicate), "", needle, 2, Hint::None);
}

/// Two routes of one prefix, `last` right before `route`; `owner` is the first of them.
fn two_owners(late: &mut Late<'_, '_>, owner: &Route, last: &Route, route: &Route) {
    let prefix = route.prefix();
    let how = match (last.owner, route.owner) {
        (Owner::Service(a), Owner::Service(b)) if a != b => "is announced by two `failover` blocks",
        (Owner::Service(_), Owner::Service(_)) => {
            let how = "is announced by two addresses of this block; one prefix has one address behind it";
            let hint = Hint::Text("own the other address by `interface` and `ip address`");
            return late.error(ErrorKind::Owners(prefix, how), "", Needle::Address(route.address), hint);
        }
        (Owner::Network, Owner::Network) => {
            let what = ErrorKind::Owners(prefix, "stands twice with different route-maps");
            let needle = Needle::Network(prefix);
            return late.tell(Severity::Error, what, "", needle, 2, Hint::Text("keep one of the lines"));
        }
        (Owner::Static(_), Owner::Static(_)) => {
            let what = ErrorKind::Owners(prefix, "is routed in two different ways");
            let needle = Needle::Static(prefix);
            return late.tell(Severity::Error, what, "", needle, 2, Hint::Text("keep one of the lines"));
        }
        (Owner::Interface, Owner::Interface) if last.address == route.address => "stands on two interfaces",
        (_, Owner::Network) if matches!(owner.owner, Owner::Service(_)) => {
            let needle = Needle::Network(prefix);
            return late.tell(Severity::Warning, ErrorKind::Lint(Lint::Shadowed), "", needle, 1, Hint::None);
        }
        _ => return,
    };
    late.tell(
        Severity::Error,
        ErrorKind::Owners(prefix, how),
        "",
        Needle::Address(route.address),
        2,
        Hint::None,
    );
}

/// Finds where lists begin.
struct Lists<'c> {
    pool: &'c [u8],
    rules: &'c [Rule],
    /// The last one looked for: most routes use the same route-map.
    last: (List, Span, u16),
}

impl Lists<'_> {
    fn first(&mut self, list: List, name: Span) -> u16 {
        if (self.last.0, self.last.1) == (list, name) {
            return self.last.2;
        }
        let key = Rule { name, list, ..Rule::REST };
        let at = self.rules.partition_point(|rule| order(self.pool, rule, &key) == Ordering::Less);
        let found = self.rules.get(at).filter(|rule| rule.list == list && rule.name == name);
        let first = found.and_then(|_| u16::try_from(at).ok()).map_or(0, |at| at.saturating_add(1));
        self.last = (list, name, first);
        first
    }

    /// Fills in the place of a list that is used; complains when there is none, once per name.
    fn resolve(&mut self, list: List, used: &mut ListRef, late: &mut Late<'_, '_>) {
        if used.name.is_empty() {
            return;
        }
        let known = (self.last.0, self.last.1) == (list, used.name);
        used.first = self.first(list, used.name);
        if used.first != 0 || known {
            return;
        }
        let name = text_of(self.pool, used.name);
        if late.failed.would_make(name) {
            return;
        }
        let mut nearest = Nearest::to(name);
        for rule in self.rules.iter().filter(|rule| rule.list == list) {
            nearest.offer(text_of(self.pool, rule.name));
        }
        let thing = match list {
            List::PrefixList(Family::Ipv4) => Thing::PrefixList,
            List::PrefixList(Family::Ipv6) => Thing::PrefixList6,
            List::CommunityList => Thing::CommunityList,
            List::LargeCommunityList => Thing::LargeCommunityList,
            List::BfdProfile => Thing::BfdProfile,
            _ => Thing::RouteMap,
        };
        let hint = match (nearest.word(), thing) {
            (Some(word), _) => Hint::DidYouMean(word),
            (None, Thing::RouteMap) => Hint::Text("it begins with a line `route-map NAME permit 10`"),
            (None, Thing::BfdProfile) => Hint::Text("say `bfd`, and below it `profile NAME`"),
            _ => Hint::None,
        };
        late.error(ErrorKind::Undefined(thing), name, Needle::Use(list, name), hint);
    }
}

/// Fills in where the lists begin that are used.
fn resolve(config: &mut ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let pool = config.text.as_slice();
    // Clauses refer to lists of the same table: each is looked up with the table at rest.
    for index in 0..config.rules.as_slice().len() {
        let mut lists = Lists { pool, rules: config.rules.as_slice(), last: (List::None, Span::EMPTY, 0) };
        let Some(mut rule) = lists.rules.get(index).copied() else { break };
        match &mut rule.clause {
            Clause::MatchPrefixList(family, list) => lists.resolve(List::PrefixList(*family), list, late),
            Clause::MatchCommunity(list) => lists.resolve(List::CommunityList, list, late),
            Clause::MatchLargeCommunity(list) => lists.resolve(List::LargeCommunityList, list, late),
            _ => continue,
        }
        if let Some(place) = config.rules.as_mut_slice().get_mut(index) {
            *place = rule;
        }
    }
    let mut lists = Lists { pool, rules: config.rules.as_slice(), last: (List::None, Span::EMPTY, 0) };
    for route in config.routes.as_mut_slice() {
        lists.resolve(List::RouteMap, &mut route.map, late);
    }
    let groups = config.groups.as_mut_slice().iter_mut().map(|group| &mut group.options);
    let neighbors = config.neighbors.as_mut_slice().iter_mut().map(|neighbor| &mut neighbor.options);
    for options in groups.chain(neighbors) {
        for family in Family::ALL {
            let at = family.index();
            for map in [&mut options.map_out, &mut options.map_in] {
                if let Some(map) = map.get_mut(at) {
                    lists.resolve(List::RouteMap, map, late);
                }
            }
            for list in [&mut options.list_out, &mut options.list_in] {
                if let Some(list) = list.get_mut(at) {
                    lists.resolve(List::PrefixList(family), list, late);
                }
            }
        }
        let mut profile = ListRef { name: options.bfd_profile, first: 0 };
        lists.resolve(List::BfdProfile, &mut profile, late);
    }
    for redistribute in config.bgp.redistribute.as_flattened_mut() {
        lists.resolve(List::RouteMap, &mut redistribute.map, late);
    }
    for service in config.services.as_mut_slice() {
        lists.resolve(List::RouteMap, &mut service.active, late);
        lists.resolve(List::RouteMap, &mut service.standby, late);
    }
}

/// Peer-groups that are used and never made.
fn groups(config: &ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let pool = config.text.as_slice();
    for group in config.groups.as_slice() {
        if group.options.flags.given & INTRODUCED == 0 {
            let name = text_of(pool, group.name);
            if late.failed.is_about(Value::Text(name)) {
                continue;
            }
            let mut nearest = Nearest::to(name);
            let made = |options: u16| options & INTRODUCED != 0;
            for other in config.groups.as_slice().iter().filter(|other| made(other.options.flags.given)) {
                nearest.offer(text_of(pool, other.name));
            }
            let hint =
                nearest.word().map_or(Hint::Text("say `neighbor NAME peer-group` first"), Hint::DidYouMean);
            late.error(ErrorKind::Undefined(Thing::Group), name, Needle::Group(name), hint);
        }
    }
}

/// Neighbors that cannot have a session as they are. What the members of a peer-group have from it is told once.
fn neighbors(config: &ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let view = config.view();
    for (index, neighbor) in view.neighbors.iter().enumerate() {
        let before = view.neighbors.get(..index).unwrap_or(&[]);
        let told = |fault: &dyn Fn(&Neighbor) -> bool| {
            !fault(neighbor)
                || (neighbor.group != 0
                    && before.iter().any(|other| other.group == neighbor.group && fault(other)))
        };
        let group = usize::from(neighbor.group).checked_sub(1).and_then(|index| view.groups.get(index));
        let peer = Value::Address(neighbor.address);
        let needle = Needle::Peer(peer);
        if !told(&|one| view.options(one).remote_as == RemoteAs::Unset) {
            let name = group.map(|group| Value::Text(view.text(group.name)));
            if !late.failed.is_about(peer) && !name.is_some_and(|name| late.failed.is_about(name)) {
                let hint = Hint::Text("say `neighbor … remote-as external`, of it or of its peer-group");
                late.error(ErrorKind::NoRemoteAs, "", needle, hint);
            }
        }
        let both = |one: &Neighbor| {
            let options = view.options(one);
            options.ttl_security > 0 && options.flags.on(PeerFlags::EBGP_MULTIHOP)
        };
        if !told(&both) {
            let what = ErrorKind::Conflict("`ttl-security` and `ebgp-multihop` exclude each other");
            late.error(what, "", needle, Hint::None);
        }
        let v6 = matches!(neighbor.address, IpAddr::V6(six) if six.is_unicast_link_local());
        if v6 && view.options(neighbor).interface.is_empty() && !late.failed.is_about(peer) {
            let what = ErrorKind::Senseless("a link-local neighbor needs its interface");
            late.error(what, "", needle, Hint::Text("say `neighbor FE80::… interface IFNAME`"));
        }
    }
    for rule in view.rules {
        if let Clause::ListenRange { group, .. } = rule.clause
            && let Some(group) = view.groups.get(usize::from(group))
            && group.options.flags.given & INTRODUCED != 0
            && group.options.remote_as == RemoteAs::Unset
        {
            let name = view.text(group.name);
            let hint = Hint::Text("a group with a listen range needs its own `remote-as`");
            late.error(ErrorKind::NoRemoteAs, name, Needle::Group(name), hint);
        }
    }
    if view.bgp.local_as == Asn(0) || view.neighbors.is_empty() {
        return;
    }
    for route in view.routes.iter().filter(|route| route.is_address()) {
        let mut told = false;
        for neighbor in view.neighbors {
            if neighbor.address == route.address {
                let what = ErrorKind::OwnAddress(neighbor.address);
                late.error(what, "", Needle::Peer(Value::Address(neighbor.address)), Hint::None);
            }
            let source = view.options(neighbor).update_source;
            if source == route.address
                && route.owner != Owner::Interface
                && !core::mem::replace(&mut told, true)
            {
                let what = ErrorKind::Conflict(
                    "a shared address is never the source of a session: it may move away",
                );
                late.error(what, "", Needle::Source(source), Hint::None);
            }
        }
    }
}

/// Next hops that route-maps set and that may not be told (RFC 4271 section 5.1.3): a neighbor's own address to that neighbor,
/// and an address that this machine shares with others.
fn next_hops(config: &ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let view = config.view();
    let of_routes = |map: Span| {
        let services = view.services.iter().flat_map(|service| [service.active, service.standby]);
        let redistributed = view.bgp.redistribute.iter().flatten().filter(|source| source.on);
        let routes = view.routes.iter().map(|route| route.map).chain(services);
        routes.chain(redistributed.map(|source| source.map)).any(|used| used.name == map)
    };
    let shared = |route: &&Route| route.is_address() && route.owner != Owner::Interface;
    for rule in view.rules {
        let address = match rule.clause {
            Clause::SetNextHopV4(v4) => IpAddr::V4(v4),
            Clause::SetNextHopV6(v6) => IpAddr::V6(v6),
            _ => continue,
        };
        let told = |neighbor: &Neighbor| {
            let options = view.options(neighbor);
            // What a filter lets out to it is not looked at here: the engine does not tell it that next hop anyhow.
            let hears_all = options.map_out.iter().chain(&options.list_out).all(|used| used.name.is_empty());
            neighbor.address == address
                && (options.map_out.iter().any(|used| used.name == rule.name)
                    || (hears_all && of_routes(rule.name)))
        };
        let needle = Needle::NextHop(address);
        if view.neighbors.iter().any(told) {
            let what = ErrorKind::Conflict(
                "the next hop is the neighbor's own address: it may not be told a route that leads back to it",
            );
            late.error(what, "", needle, Hint::Text("set it in a route-map towards other neighbors only"));
        } else if view.routes.iter().filter(shared).any(|route| route.address == address) {
            let what = ErrorKind::Conflict(
                "the next hop is a shared address: it would lead to whichever machine announces it",
            );
            late.error(what, "", needle, Hint::Text("set an address that only this machine has"));
        }
    }
}

/// Services that cannot do what they say.
fn services(config: &ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let view = config.view();
    for (index, service) in (0_u16..).zip(view.services) {
        let name = view.text(service.name);
        let needle = Needle::Block(name);
        let missing = !view.routes.iter().any(|route| route.owner == Owner::Service(index));
        if missing && !late.failed.is_in(index, "address") {
            let what = ErrorKind::Senseless("this block has no address");
            late.error(what, name, needle, Hint::Text("say `address A.B.C.D/32`"));
        }
        let unset = service.on_failure == OnFailure::Standby && service.standby.name.is_empty();
        if unset && !late.failed.is_in(index, "standby") {
            let what = ErrorKind::Conflict("`on-failure standby` needs `standby route-map NAME`");
            late.error(what, name, needle, Hint::None);
        }
        if let super::model::Require::Count(count) = service.require
            && view.checks.iter().filter(|check| check.service == index).count() < usize::from(count)
            && !late.failed.is_in(index, "check")
        {
            let what = ErrorKind::Conflict("`require` asks for more checks than the block has");
            late.error(what, name, needle, Hint::None);
        }
        if service.unbind_when_withdrawn && checks_own_address(&view, index) {
            let what = ErrorKind::Conflict(
                "`unbind-when-withdrawn` beside a check of the block's own address: it could never pass again",
            );
            late.error(what, name, needle, Hint::None);
        }
    }
}

/// Whether a check of the service has one of the service's addresses as its target.
fn checks_own_address(view: &ConfigView<'_>, index: u16) -> bool {
    view.checks.iter().filter(|check| check.service == index).any(|check| {
        let target = view.target(check).address();
        view.routes.iter().any(|route| route.owner == Owner::Service(index) && Some(route.address) == target)
    })
}
