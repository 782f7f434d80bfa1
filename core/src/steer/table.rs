//! The prefixes that are kept, each with at most one candidate of every peer, and what the host's table is owed. What it
//! refuses, and what others take away, is in [`trouble`](super::trouble).
//!
//! Routes that come together are offered alike, so offers are interned: a prefix costs two octets for each peer. A prefix
//! that finds no place, or whose offer finds none, is ignored whole. A change owes an order only when it changes the chosen next hops;
//! owing twice is owing once. A prefix keeps its place until the host has answered the order to remove it, so a place
//! never names two routes at a time.

use core::net::IpAddr;

use heapless::Vec;

use super::candidate::{Candidate, Packed, pack, unpack};
use crate::base::bits::Bits;
use crate::base::index::Index;
use crate::base::limits::NEXT_HOPS;
use crate::base::net::{BgpId, Family, Prefix};
use crate::base::table::Full;

/// At most `ROUTES` prefixes with a candidate of each of `PEERS` peers. All zero bits at rest.
#[derive(Debug)]
pub(crate) struct Table<const PEERS: usize, const ROUTES: usize> {
    pub(super) places: [Place; ROUTES],
    /// By peer, then by place, the place of the offer, and whether it is [`STALE`]: what one peer tells lies together, and
    /// what nobody tells is never touched.
    candidates: [[u16; ROUTES]; PEERS],
    /// Shared by all peers.
    pub(super) offers: [[Offer; OFFERS]; PEERS],
    /// Offers from here on were never in use.
    pub(super) offers_used: u16,
    /// The offer that was found last: the next prefix is probably offered alike.
    pub(super) offer_last: u16,
    /// By peer: the places where it has a candidate.
    heard: [Bits<ROUTES>; PEERS],
    /// By peer: how many of those are of IPv6.
    kept6: [u16; PEERS],
    ids: [BgpId; PEERS],
    index: Index<ROUTES>,
    /// The places where the host's table is not as chosen and no order is out.
    owed: Bits<ROUTES>,
    /// Places that were ever in use.
    pub(super) used: u16,
    /// One more than the first place that is free again; they are linked through their address.
    free: u16,
    /// Prefixes kept.
    count: u16,
    /// Peers that ever spoke: nobody looks beyond.
    peers: u16,
    relax: bool,
    pub(super) only_shown: bool,
}

/// The most different offers, per peer on average.
const OFFERS: usize = 6;

/// Added to the place of an offer: the peer is telling its routes again, and has not come to this one yet.
const STALE: u16 = 1 << 15;

/// A candidate, and how many prefixes have it; with none its place is free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) candidate: Packed,
    /// What is so of its next hop; see [`trouble`](super::trouble).
    pub(super) hop: u8,
    pub(super) prefixes: u32,
}

impl Offer {
    const REST: Self = Self { candidate: Packed::REST, hop: 0, prefixes: 0 };
}

/// A prefix in 17 octets without gaps, and what the host's table has of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// IPv4 stands in the first four.
    address: [u8; 16],
    /// In bits; 129 and more are the lengths of IPv4, counted from there.
    length: u8,
    pub(super) state: u8,
}

const FIRST_V4: u8 = 129;

/// The place is in use.
pub(super) const USED: u8 = 1;
/// The host's table has a route of ours, though maybe not as it is chosen now.
pub(super) const INSTALLED: u8 = 1 << 1;
/// An order is out.
pub(super) const OUT: u8 = 1 << 2;
/// While an order is out: the choice changed, or the route was lost. While none is: it waits until orders are tried again.
pub(super) const CHANGED: u8 = 1 << 3;
/// The order that is out is one to install.
pub(super) const INSTALLS: u8 = 1 << 4;

impl Place {
    const REST: Self = Self { address: [0; 16], length: 0, state: 0 };

    fn of(prefix: Prefix) -> Self {
        let (address, is_v6) = pack(prefix.address());
        let length = if is_v6 { prefix.length() } else { FIRST_V4 + prefix.length() };
        Self { address, length, state: USED }
    }

    pub(super) fn prefix(&self) -> Prefix {
        let (is_v6, length) = match self.length.checked_sub(FIRST_V4) {
            Some(length) => (false, length),
            None => (true, self.length),
        };
        Prefix::new(unpack(self.address, is_v6), length).unwrap_or(Prefix::ZERO)
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.state & flag != 0
    }
}

/// A prefix has other next hops. What the host does about it is answered by [`Table::done`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The prefix's place, its name until the order is done.
    pub place: usize,
    /// The prefix.
    pub prefix: Prefix,
    /// The chosen next hops, the best first; none: nobody offers it any more.
    pub next_hops: NextHops,
    /// What the host is to do.
    pub step: Step,
}

/// What the host is to do about a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Install the route to the chosen next hops.
    Install,
    /// Remove it.
    Remove,
    /// Nothing: what is chosen is only shown. Nothing has to be answered.
    Nothing,
}

/// The chosen next hops, the best first, each once.
pub(crate) type NextHops = Vec<IpAddr, NEXT_HOPS>;

/// One of a prefix's candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The peer it comes from.
    pub peer: usize,
    /// What it offers.
    pub candidate: Candidate,
    /// Whether its next hop can be used: routes whose next hop cannot be reached are not chosen among (RFC 4271 section
    /// 9.1.2.1).
    pub usable: bool,
}

impl<const PEERS: usize, const ROUTES: usize> Table<PEERS, ROUTES> {
    /// Nothing heard.
    pub(crate) const fn new() -> Self {
        const { assert!(ROUTES < u16::MAX as usize && PEERS * OFFERS < STALE as usize) };
        Self {
            places: [Place::REST; ROUTES],
            candidates: [[0; ROUTES]; PEERS],
            offers: [[Offer::REST; OFFERS]; PEERS],
            offers_used: 0,
            offer_last: 0,
            heard: [const { Bits::new() }; PEERS],
            kept6: [0; PEERS],
            ids: [BgpId(0); PEERS],
            index: Index::new(),
            owed: Bits::new(),
            used: 0,
            free: 0,
            count: 0,
            peers: 0,
            relax: false,
            only_shown: false,
        }
    }

    /// Whether equal candidates share the load (`bgp bestpath as-path multipath-relax`). A change is the only thing here
    /// that looks at every prefix.
    pub(crate) fn share(&mut self, on: bool) {
        if self.relax != on {
            self.relax = on;
            self.owe_all();
        }
    }

    fn owe_all(&mut self) {
        for place in 0..usize::from(self.used) {
            self.owe(place);
        }
    }

    /// Forgets the prefixes that are not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(Prefix) -> bool) {
        for place in 0..usize::from(self.used) {
            if self.places[place].has(USED) && !keep(self.places[place].prefix()) {
                for peer in 0..usize::from(self.peers) {
                    self.drop_candidate(peer, place);
                }
            }
        }
    }

    /// Whether what is chosen goes to the host (`install kernel`), or is only shown. As [`Table::share`], a change looks at
    /// every prefix.
    pub(crate) fn install(&mut self, on: bool) {
        if self.only_shown == on {
            self.only_shown = !on;
            self.owe_all();
        }
    }

    /// A peer begins to tell all its routes of a family again (RFC 7313 section 4).
    pub(crate) fn refresh_begins(&mut self, peer: usize, family: Family) {
        self.each_heard(peer, family, |table, place| table.candidates[peer][place] |= STALE);
    }

    /// It has told all of them: what it did not tell again is gone.
    pub(crate) fn refresh_ends(&mut self, peer: usize, family: Family) {
        self.each_heard(peer, family, |table, place| {
            if table.candidates[peer][place] & STALE != 0 {
                table.drop_candidate(peer, place);
            }
        });
    }

    /// Whether there is room again for what was refused: an eighth of the places, so that a table which is always nearly full
    /// does not make its peers tell everything all the time.
    pub(crate) fn has_room(&self) -> bool {
        let free = self.offers.as_flattened().iter().filter(|offer| offer.prefixes == 0).count();
        ROUTES - usize::from(self.count) > ROUTES / 8 && free > PEERS * OFFERS / 8
    }

    /// A peer's session is up: what it tells from now on has this router-id.
    pub(crate) fn peer_up(&mut self, peer: usize, id: BgpId) {
        if let Some(own) = self.ids.get_mut(peer) {
            *own = id;
            self.peers = self.peers.max(u16::try_from(peer + 1).unwrap_or(u16::MAX));
        }
    }

    /// A peer's session is down: all it told is gone. Costs what it told.
    pub(crate) fn peer_down(&mut self, peer: usize) {
        while let Some(place) = self.heard.get(peer).and_then(|heard| heard.next(0)) {
            self.drop_candidate(peer, place);
        }
    }

    /// A peer offers a prefix, or offers it anew. `Full`: there is no place for one more prefix, or for one more kind of
    /// offer; then this peer's candidate is not kept, an earlier one neither.
    pub(crate) fn learn(&mut self, peer: usize, prefix: Prefix, candidate: &Candidate) -> Result<(), Full> {
        let offer = match self.intern(candidate) {
            Some(offer) if peer < PEERS => offer,
            _ => {
                self.forget(peer, prefix);
                return Err(Full);
            }
        };
        let Some(place) = self.find(prefix).or_else(|| self.take_place(prefix)) else { return Err(Full) };
        let before = self.next_hops(place);
        self.offers.as_flattened_mut()[offer].prefixes += 1;
        if self.heard[peer].insert(place) {
            self.kept6[peer] += u16::from(prefix.family() == Family::Ipv6);
        } else {
            self.release(peer, place);
        }
        self.candidates[peer][place] = u16::try_from(offer).unwrap_or(u16::MAX);
        self.peers = self.peers.max(u16::try_from(peer + 1).unwrap_or(u16::MAX));
        self.owe_if_changed(place, &before);
        Ok(())
    }

    /// A peer withdraws a prefix; one that it never offered changes nothing.
    pub(crate) fn forget(&mut self, peer: usize, prefix: Prefix) {
        if let Some(place) = self.find(prefix) {
            self.drop_candidate(peer, place);
        }
    }

    /// How many routes of a peer are kept.
    pub(crate) fn count_of(&self, peer: usize) -> u32 {
        self.heard.get(peer).map_or(0, Bits::count)
    }

    /// How many of them are of this family: what `maximum-prefix` counts.
    pub(crate) fn kept(&self, peer: usize, family: Family) -> u32 {
        let six = self.kept6.get(peer).copied().map_or(0, u32::from);
        match family {
            Family::Ipv4 => self.count_of(peer) - six,
            Family::Ipv6 => six,
        }
    }

    /// How many prefixes are kept.
    pub(crate) const fn count(&self) -> u16 {
        self.count
    }

    /// The first prefix in place `from` or later that somebody offers, and its place.
    pub(crate) fn next(&self, from: usize) -> Option<(usize, Prefix)> {
        let offered = |&place: &usize| self.places[place].has(USED) && self.heard(place).next().is_some();
        (from..usize::from(self.used)).find(offered).map(|place| (place, self.places[place].prefix()))
    }

    /// The candidates for the prefix in a place, by peer.
    pub(crate) fn heard(&self, place: usize) -> impl Iterator<Item = Heard> {
        let peers = self.heard.iter().zip(&self.candidates).take(usize::from(self.peers)).enumerate();
        let offers = self.offers.as_flattened();
        peers.filter_map(move |(peer, (heard, candidates))| {
            let offer = offers.get(usize::from(*candidates.get(place)? & !STALE))?;
            let usable = offer.is_usable();
            heard.has(place).then(|| Heard { peer, candidate: offer.candidate.get(), usable })
        })
    }

    /// The best usable candidate for the prefix in a place: the one of least cost, then of the lowest router-id (RFC 4271 section
    /// 9.1.2.2 f), then of the first peer.
    pub(crate) fn best(&self, place: usize) -> Option<Heard> {
        let order = |heard: &Heard| (heard.candidate.cost(), self.ids.get(heard.peer).copied(), heard.peer);
        self.heard(place).filter(|heard| heard.usable).min_by_key(order)
    }

    /// Where the packets for the prefix in a place go: to the best candidate, and to those as good when they share.
    pub(crate) fn next_hops(&self, place: usize) -> NextHops {
        let mut chosen = NextHops::new();
        let Some(best) = self.best(place) else { return chosen };
        let equal =
            self.heard(place).filter(|heard| heard.usable && heard.candidate.cost() == best.candidate.cost());
        for heard in core::iter::once(best).chain(equal.filter(|_| self.relax)) {
            if !chosen.contains(&heard.candidate.next_hop) && chosen.push(heard.candidate.next_hop).is_err() {
                break; // the host takes no more next hops for one route
            }
        }
        chosen
    }

    /// The next prefix whose next hops changed; what the host is to do about it counts as ordered.
    pub(crate) fn next_order(&mut self) -> Option<Order> {
        while let Some(place) = self.owed.next(0) {
            self.owed.remove(place);
            let next_hops = self.next_hops(place);
            let offered = self.heard(place).next().is_some();
            let own = &mut self.places[place];
            let step = match (next_hops.is_empty() || self.only_shown, own.has(INSTALLED)) {
                (false, _) => Step::Install,
                (true, true) => Step::Remove,
                (true, false) if next_hops.is_empty() => {
                    if !offered {
                        self.give_back(place);
                    }
                    continue;
                }
                (true, false) => Step::Nothing,
            };
            own.state &= !CHANGED;
            own.state |= match step {
                Step::Install => OUT | INSTALLS,
                Step::Remove => OUT,
                Step::Nothing => 0,
            };
            return Some(Order { place, prefix: own.prefix(), next_hops, step });
        }
        None
    }

    /// The prefix in a place.
    pub(crate) fn prefix(&self, place: usize) -> Option<Prefix> {
        self.places.get(place).filter(|own| own.has(USED)).map(Place::prefix)
    }

    /// The prefix in a place whose order is out, and whether that order is to install it.
    pub(crate) fn asked(&self, place: usize) -> Option<(Prefix, bool)> {
        let own = self.places.get(place).filter(|own| own.has(OUT))?;
        Some((own.prefix(), own.has(INSTALLS)))
    }

    /// Whether an order for the prefix in a place is owed.
    pub(super) fn owes_place(&self, place: usize) -> bool {
        self.owed.has(place)
    }

    /// Whether an order is owed.
    pub(crate) const fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// The answer to the order for the prefix in a place, which was carried out: whether the host's table has a route there
    /// now.
    pub(crate) fn done(&mut self, place: usize, installed: bool) {
        let Some(own) = self.places.get_mut(place).filter(|own| own.has(OUT)) else { return };
        let changed = own.has(CHANGED);
        own.settle(if installed { INSTALLED } else { 0 });
        if changed || self.heard(place).next().is_none() {
            self.owe(place);
        }
    }

    /// Every place of a family where a peer has a candidate. Costs what the peer told.
    fn each_heard(&mut self, peer: usize, family: Family, mut visit: impl FnMut(&mut Self, usize)) {
        let mut from = 0;
        while let Some(place) = self.heard.get(peer).and_then(|heard| heard.next(from)) {
            from = place + 1;
            if self.places[place].prefix().family() == family {
                visit(self, place);
            }
        }
    }

    fn drop_candidate(&mut self, peer: usize, place: usize) {
        let before = self.next_hops(place);
        if self.heard.get_mut(peer).is_some_and(|heard| heard.remove(place)) {
            self.kept6[peer] -= u16::from(self.places[place].prefix().family() == Family::Ipv6);
            self.release(peer, place);
            self.owe_if_changed(place, &before);
        }
    }

    /// The place of a candidate among the offers, a free one when it is new; `None`: all are taken.
    fn intern(&mut self, candidate: &Candidate) -> Option<usize> {
        let wanted = Packed::of(candidate);
        let offers = self.offers.as_flattened_mut();
        let is_it = |offer: &Offer| offer.prefixes > 0 && offer.candidate == wanted;
        if offers.get(usize::from(self.offer_last)).is_some_and(is_it) {
            return Some(usize::from(self.offer_last));
        }
        let used = offers.get(..usize::from(self.offers_used)).unwrap_or(&[]);
        let known = used.iter().position(is_it);
        let place = known.or_else(|| used.iter().position(|offer| offer.prefixes == 0)).unwrap_or(used.len());
        let hop =
            used.iter().find(|offer| offer.prefixes > 0 && offer.candidate.next_hop() == candidate.next_hop);
        let hop = hop.map_or(0, |offer| offer.hop);
        let offer = offers.get_mut(place)?;
        (offer.candidate, offer.hop) = (wanted, hop);
        let number = u16::try_from(place).ok()?;
        self.offer_last = number;
        self.offers_used = self.offers_used.max(number + 1);
        Some(place)
    }

    /// A peer's candidate for the prefix in a place holds no more.
    fn release(&mut self, peer: usize, place: usize) {
        let offer = usize::from(self.candidates[peer][place] & !STALE);
        if let Some(offer) = self.offers.as_flattened_mut().get_mut(offer) {
            offer.prefixes = offer.prefixes.saturating_sub(1);
        }
    }

    fn owe_if_changed(&mut self, place: usize, before: &NextHops) {
        if self.next_hops(place) != *before {
            self.owe(place);
        }
    }

    pub(super) fn owe(&mut self, place: usize) {
        let own = &mut self.places[place];
        if own.has(OUT) {
            own.state |= CHANGED;
        } else if own.has(USED) {
            self.owed.insert(place);
        }
    }

    /// Puts a new prefix into a free place; `None`: there is none.
    fn take_place(&mut self, prefix: Prefix) -> Option<usize> {
        let place = match usize::from(self.free).checked_sub(1) {
            Some(place) => {
                let [low, high, ..] = self.places[place].address;
                self.free = u16::from_le_bytes([low, high]);
                place
            }
            None if usize::from(self.used) < ROUTES => {
                self.used += 1;
                usize::from(self.used) - 1
            }
            None => return None,
        };
        self.places[place] = Place::of(prefix);
        self.index.insert(prefix, u16::try_from(place).unwrap_or(u16::MAX));
        self.count += 1;
        Some(place)
    }

    /// Frees the place of a prefix that nobody offers and the host does not have.
    fn give_back(&mut self, place: usize) {
        let places = &self.places;
        self.index.remove(places[place].prefix(), |number| places[usize::from(number)].prefix());
        let [low, high] = self.free.to_le_bytes();
        self.places[place] = Place::REST;
        (self.places[place].address[0], self.places[place].address[1]) = (low, high);
        self.free = u16::try_from(place + 1).unwrap_or(u16::MAX);
        self.count -= 1;
    }

    /// The prefix's place.
    fn find(&self, prefix: Prefix) -> Option<usize> {
        self.index.find(prefix, |number| self.places[usize::from(number)].prefix()).map(usize::from)
    }
}

impl<const PEERS: usize, const ROUTES: usize> Default for Table<PEERS, ROUTES> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use core::net::Ipv4Addr;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    const PLAIN: Candidate = Candidate {
        next_hop: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        rank: 0,
        local_pref: 100,
        path_length: 1,
        origin: 0,
        med: 0,
        internal: false,
    };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn via(text: &str) -> Candidate {
        Candidate { next_hop: address(text), ..PLAIN }
    }

    fn host(number: u32) -> Prefix {
        Prefix::host(IpAddr::V4(Ipv4Addr::from_bits(0xC000_0200 + number)))
    }

    /// Whether a peer's candidate for this prefix is kept.
    fn has<const P: usize, const R: usize>(table: &Table<P, R>, peer: usize, prefix: Prefix) -> bool {
        table.find(prefix).is_some_and(|place| table.heard[peer].has(place))
    }

    fn hops(order: &Order) -> Vec<IpAddr> {
        order.next_hops.to_vec()
    }

    /// Gives the next order and answers it at once.
    fn settle<const P: usize, const R: usize>(table: &mut Table<P, R>) -> Option<Order> {
        let order = table.next_order()?;
        table.done(order.place, order.step == Step::Install);
        Some(order)
    }

    #[test]
    fn it_has_the_size_it_may_have_and_is_zero_at_rest() {
        let (small, large) = (size_of::<Table<2, 32>>(), size_of::<Table<4, 32>>());
        std::println!("Table<2, 32> {small}, Table<4, 32> {large}");
        assert!(small <= 1_536 && large <= 2_304);
        let table = Table::<2, 32>::new();
        assert_eq!((table.used, table.free, table.count, table.peers, table.relax), (0, 0, 0, 0, false));
        assert!(!table.owes());
    }

    #[test]
    fn the_first_candidate_is_installed_and_the_last_withdrawal_removes_it() {
        let mut table = Table::<2, 8>::new();
        table.learn(0, host(1), &PLAIN).unwrap();
        let order = settle(&mut table).unwrap();
        assert_eq!((order.prefix, hops(&order)), (host(1), std::vec![PLAIN.next_hop]));
        assert_eq!((table.count(), table.count_of(0), table.count_of(1)), (1, 1, 0));
        table.forget(0, host(1));
        let order = settle(&mut table).unwrap();
        assert_eq!((order.prefix, hops(&order)), (host(1), std::vec![]));
        assert_eq!(settle(&mut table), None);
        assert_eq!((table.count(), table.next(0)), (0, None));
    }

    #[test]
    fn a_better_candidate_takes_over_and_a_worse_one_changes_nothing() {
        let mut table = Table::<3, 8>::new();
        let (primary, secondary) = (via("10.0.0.1"), Candidate { rank: 1, ..via("10.0.0.2") });
        table.learn(1, host(1), &secondary).unwrap();
        assert_eq!(hops(&settle(&mut table).unwrap()), [secondary.next_hop]);
        table.learn(0, host(1), &primary).unwrap();
        assert_eq!(hops(&settle(&mut table).unwrap()), [primary.next_hop]);
        table.learn(2, host(1), &Candidate { rank: 2, ..via("10.0.0.3") }).unwrap();
        table.forget(1, host(1));
        assert!(!table.owes());
        // The primary dies: the best of those left.
        table.peer_down(0);
        assert_eq!(hops(&settle(&mut table).unwrap()), [address("10.0.0.3")]);
    }

    #[test]
    fn the_order_is_rank_path_origin_med_router_id() {
        let mut table = Table::<4, 8>::new();
        table.peer_up(0, BgpId(9));
        table.peer_up(1, BgpId(3));
        let best = |table: &Table<4, 8>| table.best(0).unwrap().peer;
        table.learn(0, host(1), &via("10.0.0.1")).unwrap();
        table.learn(1, host(1), &via("10.0.0.2")).unwrap();
        assert_eq!(best(&table), 1, "the lower router-id");
        table.learn(1, host(1), &Candidate { med: 1, ..via("10.0.0.2") }).unwrap();
        assert_eq!(best(&table), 0, "the lower MED");
        table.learn(0, host(1), &Candidate { origin: 2, ..via("10.0.0.1") }).unwrap();
        assert_eq!(best(&table), 1, "the lower origin");
        table.learn(1, host(1), &Candidate { path_length: 3, ..via("10.0.0.2") }).unwrap();
        assert_eq!(best(&table), 0, "the shorter path: a standby that prepends does not win");
        table.learn(0, host(1), &Candidate { rank: 1, ..via("10.0.0.1") }).unwrap();
        assert_eq!(best(&table), 1, "the better rank");
    }

    #[test]
    fn equal_candidates_share_only_when_they_may() {
        let mut table = Table::<4, 8>::new();
        for (peer, next_hop) in [(0, "10.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.1")] {
            table.peer_up(peer, BgpId(10 - u32::try_from(peer).unwrap()));
            table.learn(peer, host(1), &via(next_hop)).unwrap();
        }
        table.learn(3, host(1), &Candidate { rank: 1, ..via("10.0.0.9") }).unwrap();
        assert_eq!(hops(&settle(&mut table).unwrap()), [address("10.0.0.1")]);
        table.share(true);
        // The best first (the lowest router-id is peer 2's), each next hop once.
        assert_eq!(hops(&settle(&mut table).unwrap()), [address("10.0.0.1"), address("10.0.0.2")]);
        table.share(true);
        assert!(!table.owes());
        table.share(false);
        assert_eq!(hops(&settle(&mut table).unwrap()), [address("10.0.0.1")]);
    }

    #[test]
    fn a_route_has_no_more_next_hops_than_the_host_takes() {
        let mut table = Table::<32, 4>::new();
        table.share(true);
        for peer in 0..32 {
            table.learn(peer, host(1), &via(&std::format!("10.0.0.{peer}"))).unwrap();
        }
        assert_eq!(settle(&mut table).unwrap().next_hops.len(), NEXT_HOPS);
    }

    #[test]
    fn a_prefix_too_many_is_ignored_whole_and_has_a_place_when_one_is_free_again() {
        let mut table = Table::<2, 4>::new();
        for number in 0..4 {
            table.learn(0, host(number), &PLAIN).unwrap();
        }
        assert_eq!(table.learn(0, host(9), &PLAIN), Err(Full));
        assert!(!has(&table, 0, host(9)) && table.count_of(0) == 4);
        // A known prefix still takes another peer's candidate.
        assert_eq!(table.learn(1, host(3), &PLAIN), Ok(()));
        while settle(&mut table).is_some() {}
        table.forget(0, host(2));
        // Not before the host has removed it.
        assert_eq!(table.learn(0, host(9), &PLAIN), Err(Full));
        settle(&mut table);
        settle(&mut table);
        assert_eq!(table.learn(0, host(9), &PLAIN), Ok(()));
    }

    #[test]
    fn an_offer_too_many_is_ignored_and_the_one_before_it_holds_no_more() {
        let mut table = Table::<1, 16>::new();
        let kind = |med| Candidate { med, ..PLAIN };
        for number in 0..u32::try_from(OFFERS).unwrap() {
            table.learn(0, host(number), &kind(number)).unwrap();
        }
        // As good as one that is known: no place needed.
        table.learn(0, host(8), &kind(3)).unwrap();
        assert_eq!(table.learn(0, host(9), &kind(9)), Err(Full));
        assert_eq!(table.learn(0, host(8), &kind(9)), Err(Full));
        assert!(!has(&table, 0, host(8)) && !has(&table, 0, host(9)));
        // When nobody offers like this any more, there is room for another kind.
        table.forget(0, host(5));
        assert_eq!(table.learn(0, host(9), &kind(9)), Ok(()));
        assert_eq!(table.count_of(0) as usize, OFFERS);
    }

    #[test]
    fn a_change_while_an_order_is_out_is_owed_when_that_one_is_answered() {
        let mut table = Table::<2, 4>::new();
        table.learn(0, host(1), &via("10.0.0.1")).unwrap();
        let first = table.next_order().unwrap();
        table.learn(0, host(1), &via("10.0.0.2")).unwrap();
        table.learn(0, host(1), &via("10.0.0.3")).unwrap();
        assert_eq!(table.next_order(), None);
        table.done(first.place, true);
        assert_eq!(hops(&settle(&mut table).unwrap()), [address("10.0.0.3")]);
        assert_eq!(table.next_order(), None);
    }

    #[test]
    fn a_prefix_that_goes_while_its_install_is_out_is_removed_after_it() {
        let mut table = Table::<2, 4>::new();
        table.learn(0, host(1), &PLAIN).unwrap();
        let first = table.next_order().unwrap();
        table.peer_down(0);
        assert_eq!(table.next_order(), None);
        table.done(first.place, true);
        assert!(settle(&mut table).unwrap().next_hops.is_empty());
        assert_eq!((settle(&mut table), table.count()), (None, 0));
    }

    #[test]
    fn a_prefix_that_goes_before_it_was_installed_is_never_ordered() {
        let mut table = Table::<2, 4>::new();
        table.learn(0, host(1), &PLAIN).unwrap();
        table.forget(0, host(1));
        assert_eq!((table.next_order(), table.count()), (None, 0));
    }

    #[test]
    fn an_install_that_failed_is_tried_again_at_the_next_change() {
        let mut table = Table::<2, 4>::new();
        table.learn(0, host(1), &PLAIN).unwrap();
        let order = table.next_order().unwrap();
        assert!(table.refused(order.place, false));
        assert_eq!(table.next_order(), None);
        table.learn(0, host(1), &via("10.0.0.7")).unwrap();
        assert!(table.next_order().is_some());
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing() {
        let mut table = Table::<2, 4>::new();
        table.done(0, true);
        table.done(99, true);
        assert_eq!((table.next_order(), table.count()), (None, 0));
    }

    #[test]
    fn an_ipv4_prefix_is_never_taken_for_the_ipv6_one_that_maps_it() {
        let mut table = Table::<2, 4>::new();
        let mapped = Prefix::host(address("::ffff:192.0.2.1"));
        table.learn(0, host(1), &PLAIN).unwrap();
        assert!(!has(&table, 0, mapped));
        let all_v4 = Prefix::ZERO;
        let all_v6 = Prefix::new(address("::"), 0).unwrap();
        table.learn(0, all_v4, &PLAIN).unwrap();
        assert!(has(&table, 0, all_v4) && !has(&table, 0, all_v6));
    }

    /// Against a plain map: any order of offers, withdrawals, sessions that end, and answers.
    fn agrees_with_a_plain_map<const PEERS: usize, const ROUTES: usize>(seed: u64, prefixes: u32) {
        let mut rand = Rand::new(seed);
        let mut table = std::boxed::Box::new(Table::<PEERS, ROUTES>::new());
        let mut plain: BTreeMap<(Prefix, usize), Candidate> = BTreeMap::new();
        let mut host_table: BTreeMap<Prefix, Vec<IpAddr>> = BTreeMap::new();
        let mut out: Vec<Order> = Vec::new();
        for _ in 0..20_000 {
            let peer = rand.next() as usize % PEERS;
            let prefix = host(rand.next() % prefixes);
            match rand.next() % 16 {
                0 => {
                    table.peer_down(peer);
                    plain.retain(|&(_, of), _| of != peer);
                }
                1..=5 => {
                    table.forget(peer, prefix);
                    plain.remove(&(prefix, peer));
                }
                6..=11 => {
                    let next_hop = IpAddr::V4(Ipv4Addr::from_bits(rand.next() % 5));
                    let rank = u8::try_from(rand.next() % 3).unwrap();
                    let candidate = Candidate { next_hop, rank, ..PLAIN };
                    if table.learn(peer, prefix, &candidate).is_ok() {
                        plain.insert((prefix, peer), candidate);
                    } else {
                        plain.remove(&(prefix, peer));
                    }
                }
                12..=13 => out.extend(table.next_order()),
                _ if !out.is_empty() => {
                    let order = out.swap_remove(rand.next() as usize % out.len());
                    table.done(order.place, !order.next_hops.is_empty());
                    if order.next_hops.is_empty() {
                        host_table.remove(&order.prefix);
                    } else {
                        host_table.insert(order.prefix, hops(&order));
                    }
                }
                _ => {}
            }
            for number in 0..prefixes.min(8) {
                assert_eq!(has(&table, peer, host(number)), plain.contains_key(&(host(number), peer)));
            }
            let of_peer = plain.keys().filter(|(_, of)| *of == peer).count();
            assert_eq!(table.count_of(peer) as usize, of_peer);
        }
        for order in out {
            table.done(order.place, !order.next_hops.is_empty());
            host_table.insert(order.prefix, hops(&order));
        }
        while let Some(order) = settle(&mut table) {
            host_table.insert(order.prefix, hops(&order));
        }
        host_table.retain(|_, hops| !hops.is_empty());
        let mut expected: BTreeMap<Prefix, Vec<IpAddr>> = BTreeMap::new();
        for &(prefix, _) in plain.keys() {
            let offers = || plain.iter().filter(move |((of, _), _)| *of == prefix);
            let best = offers().min_by_key(|((_, peer), candidate)| (candidate.cost(), *peer)).unwrap().1;
            expected.insert(prefix, std::vec![best.next_hop]);
        }
        assert_eq!(host_table, expected);
        assert_eq!(usize::from(table.count()), expected.len());
    }

    #[test]
    fn in_the_end_the_host_has_what_a_plain_map_says() {
        agrees_with_a_plain_map::<2, 8>(1, 6);
        agrees_with_a_plain_map::<2, 8>(2, 30);
        agrees_with_a_plain_map::<4, 32>(3, 40);
        agrees_with_a_plain_map::<64, 256>(4, 200);
    }
}
