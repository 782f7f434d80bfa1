//! What a peer is to be told, built as the next message to it when its wire is free.

use super::next_hop::{Found, digests};
use super::record::{Limit, NoNextHop, Record};
use super::route::{FIB_OWED, Fib, Flags, OWED, Route};
use super::{Inner, peers_in};
use crate::base::net::{Families, Family};
use crate::base::time::Instant;
use crate::bgp::adj_out::{Reach, SetId};
use crate::bgp::conn::{Owed, Tcp};
use crate::bgp::fsm::State;
use crate::bgp::negotiate::Session;
use crate::bgp::policy::{self, Marks, Symbol};
use crate::config::{BgpFlags, ListRef, Owner, RouteSource};
use crate::failover::posture::{Posture, prepends};
use crate::wire::attribute::Attributes;
use crate::wire::header::write_keepalive;
use crate::wire::notification::{cease, write_shutdown};
use crate::wire::refresh::{RouteRefresh, Subtype};
use crate::wire::writer::{UpdateWriter, write_end_of_rib};

/// How many owed routes are looked at for one UPDATE: the rest waits for the next one.
const LOOK: usize = 4_096;

/// A peer whose session is up, and what holds for all routes that it is told.
#[derive(Clone, Copy)]
pub(super) struct Audience {
    pub(super) peer: usize,
    pub(super) session: Session,
    /// The next hops we announce unless a route-map says otherwise, by family of the routes.
    pub(super) next_hops: [Found; 2],
    /// Its outbound prefix-list and route-map, by family.
    filters: [(ListRef, ListRef); 2],
}

/// A route as one peer should know it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Not at all.
    Withdrawn,
    /// With this set.
    Set(Symbol),
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Where a route gets its attributes from, and what we add, if it is to be announced at all.
    fn origin_of(&self, route: &Route) -> Option<(ListRef, Marks)> {
        if self.stopping.is_on() {
            return None;
        }
        let view = self.config.view();
        let line = usize::from(route.line).checked_sub(1).and_then(|line| view.routes.get(line));
        let going = self.shutdown_at != Instant::ZERO;
        let marks =
            Marks::default().with_if(Marks::GRACEFUL_SHUTDOWN, going).with_if(Marks::PREPEND_TWICE, going);
        match route.owner {
            Owner::Service(service) => {
                let (state, service) =
                    (&self.services[usize::from(service)], view.services.get(usize::from(service))?);
                if !route.cell.announceable(self.now) {
                    return None;
                }
                let standby = if service.standby == ListRef::NONE { service.active } else { service.standby };
                let prepends = prepends(state.posture(), state.because());
                let marks = Marks::default().with_if(Marks::PREPEND_TWICE, prepends);
                match state.posture() {
                    Posture::Undecided | Posture::Withdrawn => None,
                    Posture::Active => Some((service.active, marks)),
                    Posture::Draining => Some((standby, marks.with(Marks::GRACEFUL_SHUTDOWN))),
                    Posture::Standby => Some((standby, marks)),
                }
            }
            // Drained with everything else, and that is over.
            _ if !going && view.bgp.flags.has(BgpFlags::GRACEFUL_SHUTDOWN) => None,
            Owner::Network => {
                let evident = if view.bgp.flags.has(BgpFlags::NO_IMPORT_CHECK) {
                    true
                } else if route.is_address {
                    route.cell.announceable(self.now)
                } else if self.pass.is_running() {
                    // Addresses are still being counted.
                    route.announced
                } else {
                    route.inside > 0 || route.has(RouteSource::Static) || route.has(RouteSource::Kernel)
                };
                evident.then_some((line?.map, marks))
            }
            Owner::None | Owner::Static(_) | Owner::Interface => {
                let (_, map) = self.redistributed(route)?;
                Some((map, marks.with(Marks::INCOMPLETE)))
            }
        }
    }

    /// The `redistribute` line that announces a route: the first of static, connected and kernel that offers it.
    pub(super) fn redistributed(&self, route: &Route) -> Option<(RouteSource, ListRef)> {
        let view = self.config.view();
        [RouteSource::Static, RouteSource::Connected, RouteSource::Kernel].into_iter().find_map(|source| {
            let statement = view.bgp.redistribute[route.prefix.family().index()][source as usize];
            // Those of the host were let in one by one, under the configuration of that day.
            let offered = (route.has(source) && self.may_redistribute(route.prefix, source))
                || (source == RouteSource::Connected
                    && route.is_address
                    && route.cell.announceable(self.now));
            (statement.on && offered).then_some((source, statement.map))
        })
    }

    /// Something about a route changed: is it announced now, and who must be told?
    pub(super) fn weigh(&mut self, place: usize) {
        if self.is_unread(place) {
            return; // the pass weighs it
        }
        let announced = self.origin_of(self.routes.get(place)).is_some();
        let route = self.routes.get_mut(place);
        let news = announced != route.announced;
        route.announced = announced;
        if news || announced {
            self.owe(place);
        }
        self.weigh_fib(place);
        self.forget_if_over(place);
    }

    /// Records that a route reaches its first peer, or none any more; host routes of others that are redistributed may be many
    /// and come and go all the time, so theirs is not.
    fn record_reach(&mut self, place: usize, reach: Reach) {
        let route = self.routes.get(place);
        if reach != Reach::Same && (route.is_address || !route.prefix.is_host()) {
            self.record(Record::Announced { prefix: route.prefix, announced: reach == Reach::First });
        }
    }

    /// What belongs into the host's table for a route: `Null0` lines as they are, and the rest of a prefix that is announced
    /// wider than its address must not loop.
    fn weigh_fib(&mut self, place: usize) {
        let route = self.routes.get_mut(place);
        let wider = route.announced
            && !route.prefix.is_host()
            && matches!(route.owner, Owner::Service(_) | Owner::Network);
        let line = if route.has(RouteSource::Static) { self.static_kind(place) } else { Fib::None };
        // The way to the peers stays to the end, and beyond it: it is not for what is announced.
        let wanted = if line != Fib::None && (line == Fib::Gateway || !self.stopping.is_on()) {
            line
        } else if wider {
            Fib::Unreachable
        } else {
            Fib::None
        };
        let route = self.routes.get_mut(place);
        let news = core::mem::replace(&mut route.fib, wanted) != wanted;
        // What was refused waits for its time, unless it is another thing now.
        if wanted != route.fib_now && (news || !route.flags.has(Flags::FIB_WAITS)) {
            route.flags.set(Flags::FIB_WAITS, false);
            self.routes.sets.insert(FIB_OWED, place);
        }
    }

    /// A route that nobody speaks of any more gives its place back, once every peer knows.
    pub(super) fn forget_if_over(&mut self, place: usize) {
        if !self.routes.is_used(place) || !self.routes.get(place).is_over() {
            return;
        }
        let told = (0..P).any(|peer| self.adj_out.told(peer, place) != 0);
        if !told {
            for peer in 0..P {
                self.adj_out.settle(peer, place);
            }
            self.give_to_host(place);
            self.routes.free(place);
            if self.is_full(Limit::Routes) {
                self.room_for_routes();
            }
        }
    }

    /// Every peer whose session is up may have to be told of a route.
    pub(super) fn owe(&mut self, place: usize) {
        let mut up = self.up;
        while up != 0 {
            let peer = up.trailing_zeros() as usize;
            up &= up - 1;
            self.adj_out.owe(peer, place);
        }
        self.ready |= self.up;
    }

    /// A session is new, or its policy is: everything may have to be told.
    pub(super) fn owe_everything(&mut self, peer: usize) {
        for place in 0..self.routes.high() {
            if self.routes.is_used(place) {
                self.adj_out.owe(peer, place);
            }
        }
        self.touch(peer);
    }

    /// The attributes with which this peer should know a route; `None`: the route is not for it.
    fn symbol_for(&self, audience: &Audience, place: usize) -> Option<Symbol> {
        let route = self.routes.get(place);
        let family = route.prefix.family();
        if !route.announced || !audience.session.families.has(family) {
            return None;
        }
        let (map, marks) = self.origin_of(route)?;
        let theirs = audience.filters[family.index()];
        policy::outbound(self.config.view(), map, theirs, route.prefix, marks)
    }

    /// The route as this peer should know it.
    fn wanted(&self, audience: &Audience, place: usize) -> Wanted {
        let family = self.routes.get(place).prefix.family();
        match self.symbol_for(audience, place) {
            Some(symbol) if self.next_hop(audience, family, symbol).is_ok() => Wanted::Set(symbol),
            _ => Wanted::Withdrawn,
        }
    }

    /// Why a route that is for this peer is not told to it; `None`: it is, or it is not for it.
    pub(super) fn held_back(&self, peer: usize, place: usize) -> Option<NoNextHop> {
        let family = self.routes.get(place).prefix.family();
        // Whoever lacks none costs a listing of many routes nothing.
        if !self.peers[peer].lacks_next_hop.has(family) || self.adj_out.told(peer, place) != 0 {
            return None;
        }
        let audience = self.audience(peer, self.peers[peer].established()?);
        self.lacks_next_hop(&audience, place)
    }

    fn lacks_next_hop(&self, audience: &Audience, place: usize) -> Option<NoNextHop> {
        let symbol = self.symbol_for(audience, place)?;
        self.next_hop(audience, self.routes.get(place).prefix.family(), symbol).err()
    }

    /// The set that a symbol stands for, interned if need be; `None`: there is no place for another.
    fn set_for(&mut self, symbol: Symbol, scratch: &mut Attributes) -> Option<SetId> {
        if let Some(set) = self.adj_out.known(symbol) {
            return Some(set);
        }
        let view = self.config.view();
        let meaning = policy::meaning(view, symbol, view.bgp.local_as, scratch);
        let set = self.adj_out.intern(symbol, meaning);
        if set.is_none() {
            self.full(Limit::AttributeSets);
        }
        set
    }

    /// Builds the next message that a connection owes into its empty transmit buffer; returns its length, 0 for none.
    pub(super) fn build(&mut self, peer: usize, slot: usize, buffer: &mut [u8]) -> usize {
        let conn = &mut self.peers[peer].conns[slot];
        let built = if conn.owed.take(Owed::NOTIFICATION) {
            self.build_notification(peer, slot, buffer)
        } else if conn.tcp != Tcp::Open {
            None
        } else if conn.owed.take(Owed::OPEN) {
            self.local(peer).open().write(buffer)
        } else if conn.owed.take(Owed::KEEPALIVE) {
            write_keepalive(buffer)
        } else if conn.state == State::Established {
            self.build_routes(peer, slot, buffer)
        } else {
            None
        };
        if built.is_some() {
            self.peers[peer].messages_out = self.peers[peer].messages_out.wrapping_add(1);
        }
        built.unwrap_or(0)
    }

    fn build_notification(&self, peer: usize, slot: usize, buffer: &mut [u8]) -> Option<usize> {
        let fault = self.peers[peer].conns[slot].fault;
        let text = self.config.view().text(self.options(peer).shutdown_text);
        if (fault.code, fault.subcode) == (cease::CODE, cease::ADMINISTRATIVE_SHUTDOWN) && !text.is_empty() {
            return write_shutdown(cease::ADMINISTRATIVE_SHUTDOWN, text, buffer);
        }
        fault.notification().write(buffer)
    }

    /// Markers and UPDATEs of a session.
    fn build_routes(&mut self, peer: usize, slot: usize, buffer: &mut [u8]) -> Option<usize> {
        if let Some(family) = take_first(&mut self.peers[peer].batch.ask_again) {
            return refresh(family, Subtype::Request).write(buffer);
        }
        if self.is_held_back(peer) {
            return None;
        }
        let batch = &mut self.peers[peer].batch;
        if let Some(family) = take_first(&mut batch.refresh_begin) {
            return refresh(family, Subtype::Begin).write(buffer);
        }
        if let Some(length) = self.build_update(peer, slot, buffer) {
            return Some(length);
        }
        if self.adj_out.owed(peer) > 0 {
            return None;
        }
        let batch = &mut self.peers[peer].batch;
        if let Some(family) = take_first(&mut batch.end_of_rib) {
            return write_end_of_rib(buffer, family);
        }
        take_first(&mut batch.refresh_end).and_then(|family| refresh(family, Subtype::End).write(buffer))
    }

    /// Whether the first batch still waits: until every service is decided and every address is bound, at the latest until
    /// `coalesce-time` has passed.
    fn is_held_back(&mut self, peer: usize) -> bool {
        let until = self.peers[peer].batch.until;
        if until == Instant::ZERO {
            return false;
        }
        if self.now < until && !self.is_decided() {
            return true;
        }
        self.peers[peer].batch.until = Instant::ZERO;
        false
    }

    /// Whether every service has a decided posture and every address its answer: a first batch would be whole.
    pub(super) fn is_decided(&self) -> bool {
        self.undecided == 0
            && self.binding == 0
            && self.addresses_known
            && self.routes.sets.is_empty(OWED)
            && !self.pass.is_running()
    }

    /// The peer whose session this is, with what holds for all that it is told.
    fn audience(&self, peer: usize, slot: usize) -> Audience {
        let options = self.options(peer);
        let filters = Family::ALL.map(|family| {
            let family = family.index();
            (options.list_out[family], options.map_out[family])
        });
        let session = self.peers[peer].conns[slot].session;
        Audience { peer, session, next_hops: self.next_hops(peer, slot), filters }
    }

    /// The difference between what a peer was told and what it should know, as one UPDATE.
    fn build_update(&mut self, peer: usize, slot: usize, buffer: &mut [u8]) -> Option<usize> {
        if self.adj_out.owed(peer) == 0 {
            return None;
        }
        let audience = self.audience(peer, slot);
        if digests(&audience.next_hops) != self.peers[peer].next_hops {
            self.take_next_hops(peer, &audience.next_hops);
        }
        let session = audience.session;
        let mut attributes = Attributes::new();
        let mut from = 0;
        while let Some(place) = self.adj_out.next_owed(peer, from) {
            from = place + 1;
            if self.is_unread(place) {
                continue; // it stays owed, and the end of the pass calls again
            }
            let (told, family) = (self.adj_out.told(peer, place), self.routes.get(place).prefix.family());
            let wanted = self.wanted(&audience, place);
            if wanted == Wanted::Withdrawn
                && let Some(why) = self.lacks_next_hop(&audience, place)
            {
                self.note_no_next_hop(peer, family, why);
            }
            match wanted {
                Wanted::Withdrawn if told == 0 => self.adj_out.settle(peer, place),
                Wanted::Withdrawn => {
                    let writer = UpdateWriter::withdraw(buffer, family)?;
                    return Some(self.fill(&audience, place, (Wanted::Withdrawn, 0), writer));
                }
                Wanted::Set(symbol) => {
                    let Some(set) = self.set_for(symbol, &mut attributes) else {
                        // There is no place for another set. What was told holds no more, and nothing waits for what cannot
                        // be told; it is owed again when a place is free.
                        if told == 0 {
                            self.adj_out.settle(peer, place);
                            continue;
                        }
                        let writer = UpdateWriter::withdraw(buffer, family)?;
                        return Some(self.fill(&audience, place, (Wanted::Withdrawn, 0), writer));
                    };
                    if told == set {
                        self.adj_out.settle(peer, place);
                        continue;
                    }
                    let view = self.config.view();
                    let rendered =
                        policy::render(view, symbol, view.bgp.local_as, session.ebgp, &mut attributes);
                    let next_hop = self.next_hop(&audience, family, symbol).ok();
                    attributes.next_hop = next_hop.unwrap_or_default();
                    let writer = rendered.ok().and_then(|()| {
                        UpdateWriter::announce(&mut *buffer, family, &attributes, session.as4)
                    });
                    // Attributes that do not fit are a fault of the configuration. Told cut short they would be another,
                    // and what was told before holds no more.
                    let Some(writer) = writer else {
                        if told == 0 {
                            self.adj_out.settle(peer, place);
                            continue;
                        }
                        let writer = UpdateWriter::withdraw(buffer, family)?;
                        let same = (Wanted::Withdrawn, 0);
                        return Some(self.fill(&audience, place, same, writer));
                    };
                    let same = (Wanted::Set(symbol), set);
                    return Some(self.fill(&audience, place, same, writer));
                }
            }
        }
        None
    }

    /// Fills an UPDATE with the owed routes from `first` on that want the same.
    fn fill(
        &mut self,
        audience: &Audience,
        first: usize,
        (same, set): (Wanted, SetId),
        mut writer: UpdateWriter<'_>,
    ) -> usize {
        let (peer, family) = (audience.peer, self.routes.get(first).prefix.family());
        let mut next = Some(first);
        let mut looked = 0;
        while let Some(place) = next.filter(|_| looked < LOOK) {
            looked += 1;
            next = self.adj_out.next_owed(peer, place + 1);
            let (told, prefix) = (self.adj_out.told(peer, place), self.routes.get(place).prefix);
            let fits = place == first
                || (!self.is_unread(place)
                    && prefix.family() == family
                    && told != set
                    && self.wanted(audience, place) == same);
            if !fits {
                continue;
            }
            if !writer.push(prefix) {
                break;
            }
            let reach = self.adj_out.tell(peer, place, set);
            self.record_reach(place, reach);
            let count = &mut self.peers[peer].told;
            match (told, set) {
                (0, 1..) => *count += 1,
                (1.., 0) => *count = count.saturating_sub(1),
                _ => {}
            }
            if set == 0 {
                self.forget_if_over(place);
            }
        }
        self.call_the_waiting();
        writer.finish()
    }

    /// Whoever waits for room among the attribute sets may try again if there is some now.
    pub(super) fn call_the_waiting(&mut self) {
        if self.adj_out.take_freed() {
            for peer in peers_in(self.up) {
                self.owe_everything(peer);
            }
        }
    }
}

/// Takes the first family out of a set.
fn take_first(families: &mut Families) -> Option<Family> {
    let first = families.iter().next()?;
    *families = Family::ALL
        .into_iter()
        .filter(|&family| family != first && families.has(family))
        .fold(Families::NONE, Families::with);
    Some(first)
}

const fn refresh(family: Family, subtype: Subtype) -> RouteRefresh {
    let afi_safi = crate::base::net::AfiSafi { afi: family.afi(), safi: 1 };
    RouteRefresh { afi_safi, subtype }
}
