//! What can be wrong between what is chosen and what the host's table has: next hops that cannot be used, orders that the
//! host refuses, and routes that somebody else takes away.
//!
//! A refused order is no fact about the world: whatever was in the host's table before is still taken to be there, so that
//! it is replaced or removed later. All that waits is tried again together, when the caller says so.

use core::net::IpAddr;

use super::table::{CHANGED, INSTALLED, INSTALLS, OUT, Offer, Place, Table, USED};

/// It is on a subnet of this host.
const NEAR: u8 = 1;
/// The link of that subnet is down.
const DOWN: u8 = 1 << 1;
/// The host refused a route with it.
const REFUSED: u8 = 1 << 2;
/// Which was told.
const HOP_TOLD: u8 = 1 << 3;

/// How often the route was put back at once (two bits of a place's state).
const PUT_BACKS: u8 = 3 << 5;
const PUT_BACK: u8 = 1 << 5;
/// That an order was refused, or that the route was lost too often, was told.
const TOLD: u8 = 1 << 7;

/// What the host's links and addresses say of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is on the subnet of a link that is up.
    Near,
    /// It is on the subnet of a link that is down.
    Down,
    /// It is on no subnet of this host: the host may still know a way, which it says by taking the route or not.
    Unknown,
}

/// Where a prefix stands in the host's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InTable {
    /// Nothing of it is to be there, or nothing is chosen that could be.
    #[default]
    None,
    /// An order about it is out, or owed.
    Ordered,
    /// It is there as it is chosen.
    Installed,
    /// The host refuses it, or it is taken away too often; it is tried again.
    Waits,
}

/// A route of ours was taken away: what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is put back at once.
    PutBack,
    /// That happened too often: it is put back after a pause. `news`: that was not told yet.
    Waits {
        /// See above.
        news: bool,
    },
}

impl Offer {
    pub(super) const fn is_usable(&self) -> bool {
        self.hop & (DOWN | REFUSED) == 0
    }
}

impl Place {
    /// No order is out any more.
    pub(super) const fn settle(&mut self, installed: u8) {
        self.state = self.state & (USED | PUT_BACKS | TOLD) | installed;
    }
}

impl<const PEERS: usize, const ROUTES: usize> Table<PEERS, ROUTES> {
    /// The offers in use, to be judged one by one: up to which place, and the next hop in one.
    pub(crate) fn offers(&self) -> usize {
        usize::from(self.offers_used)
    }

    /// The next hop of an offer in use.
    pub(crate) fn hop(&self, offer: usize) -> Option<IpAddr> {
        let offer = self.offers.as_flattened().get(offer).filter(|offer| offer.prefixes > 0)?;
        Some(offer.candidate.next_hop())
    }

    /// Whether somebody offers something with this next hop already.
    pub(crate) fn knows(&self, hop: IpAddr) -> bool {
        let is_it = |offer: usize| self.hop(offer) == Some(hop);
        is_it(usize::from(self.offer_last)) || (0..self.offers()).any(is_it)
    }

    /// What the host's links and addresses say of a next hop now. One that was refused has another chance by that; one whose
    /// subnet has gone is taken for refused: the kernel may have dropped its routes without a word. Says whether that is so.
    pub(crate) fn judge(&mut self, hop: IpAddr, sight: Sight) -> bool {
        let was_near =
            self.offers.as_flattened().iter().any(|offer| offer.hop & NEAR != 0 && is_to(offer, hop));
        self.turn(hop, |state| match sight {
            Sight::Near => NEAR,
            Sight::Down => NEAR | DOWN,
            Sight::Unknown if was_near => REFUSED,
            Sight::Unknown => state & HOP_TOLD,
        });
        was_near && sight == Sight::Unknown
    }

    /// Sets what is so of a next hop, and owes what is chosen otherwise by that.
    fn turn(&mut self, hop: IpAddr, state: impl Fn(u8) -> u8) {
        let offers = self.offers.as_flattened();
        let Some(before) = offers.iter().find(|offer| is_to(offer, hop)).copied() else { return };
        let after = Offer { hop: state(before.hop), ..before };
        // While the next hop can be used, those whose choice it is in are those whose choice changes.
        if before.is_usable() && !after.is_usable() {
            self.owe_those_by(hop);
        }
        for offer in self.offers.as_flattened_mut().iter_mut().filter(|offer| is_to(offer, hop)) {
            offer.hop = after.hop;
        }
        if !before.is_usable() && after.is_usable() {
            self.owe_those_by(hop);
        }
    }

    fn owe_those_by(&mut self, hop: IpAddr) {
        for place in 0..usize::from(self.used) {
            if self.places[place].has(USED) && self.next_hops(place).contains(&hop) {
                self.owe(place);
            }
        }
    }

    /// The order for the prefix in a place was refused; `hop`: for what may be its next hop's fault. What was there before may
    /// be there still. A next hop at fault is not chosen any more, the rest waits. Says whether that is news.
    pub(crate) fn refused(&mut self, place: usize, hop: bool) -> bool {
        let Some(own) = self.places.get_mut(place).filter(|own| own.has(OUT)) else { return false };
        let (changed, installs) = (own.has(CHANGED), own.has(INSTALLS));
        own.settle(own.state & INSTALLED);
        if changed {
            self.owe(place);
            return false; // it was another choice that was refused
        }
        if let Some(fault) = self.at_fault(place).filter(|_| hop && installs) {
            let told = self
                .offers
                .as_flattened()
                .iter()
                .any(|offer| is_to(offer, fault) && offer.hop & HOP_TOLD != 0);
            self.turn(fault, |state| state | REFUSED | HOP_TOLD);
            return !told;
        }
        let own = &mut self.places[place];
        let told = own.has(TOLD);
        own.state |= CHANGED | TOLD;
        !told
    }

    /// Which of the chosen next hops is refused: one that is on no subnet of this host, or else the last one.
    fn at_fault(&self, place: usize) -> Option<IpAddr> {
        let chosen = self.next_hops(place);
        let offers = self.offers.as_flattened();
        let far = |hop: &&IpAddr| !offers.iter().any(|offer| is_to(offer, **hop) && offer.hop & NEAR != 0);
        chosen.iter().find(far).or(chosen.last()).copied()
    }

    /// The host has the route of a place no more, and it was not our order. `None`: it was not to be there.
    pub(crate) fn lost(&mut self, place: usize) -> Option<Loss> {
        let own = self.places.get_mut(place).filter(|own| own.has(USED))?;
        if own.has(OUT) {
            own.state |= CHANGED;
            return None;
        }
        if !own.has(INSTALLED) {
            return None;
        }
        own.state &= !INSTALLED;
        if self.only_shown || self.next_hops(place).is_empty() {
            self.owe(place);
            return None;
        }
        let own = &mut self.places[place];
        if own.state & PUT_BACKS == PUT_BACKS {
            let news = !own.has(TOLD);
            own.state |= CHANGED | TOLD;
            return Some(Loss::Waits { news });
        }
        own.state += PUT_BACK;
        self.owe(place);
        Some(Loss::PutBack)
    }

    /// All that waits is tried again, and every next hop that was refused.
    pub(crate) fn retry(&mut self) {
        for offer in 0..self.offers() {
            if let Some(hop) = self.hop(offer) {
                self.turn(hop, |state| state & !REFUSED);
            }
        }
        for place in 0..usize::from(self.used) {
            if self.waits(place) {
                self.places[place].state &= !CHANGED;
                self.owe(place);
            }
        }
    }

    /// Nothing was refused or lost for a while: what is told and counted begins anew.
    pub(crate) fn calm(&mut self) {
        for place in &mut self.places[..usize::from(self.used)] {
            place.state &= !(PUT_BACKS | TOLD);
        }
        for offer in self.offers.as_flattened_mut() {
            offer.hop &= !HOP_TOLD;
        }
    }

    fn waits(&self, place: usize) -> bool {
        self.places[place].state & (USED | OUT | CHANGED) == USED | CHANGED
    }

    /// Where the prefix in a place stands in the host's table.
    pub(crate) fn in_table(&self, place: usize) -> InTable {
        let Some(own) = self.places.get(place) else { return InTable::None };
        if own.has(OUT) || self.owes_place(place) {
            InTable::Ordered
        } else if self.waits(place) {
            InTable::Waits
        } else if own.has(INSTALLED) {
            InTable::Installed
        } else if self.only_shown {
            InTable::None
        } else {
            InTable::Waits
        }
    }
}

/// Whether an offer in use has this next hop.
fn is_to(offer: &Offer, hop: IpAddr) -> bool {
    offer.prefixes > 0 && offer.candidate.next_hop() == hop
}

#[cfg(test)]
mod tests {
    use super::super::candidate::Candidate;
    use super::super::table::Step;
    use super::*;
    use crate::base::net::Prefix;
    use core::net::Ipv4Addr;
    use std::vec::Vec;

    fn hop(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    fn via(number: u8, rank: u8) -> Candidate {
        Candidate {
            next_hop: hop(number),
            rank,
            local_pref: 100,
            path_length: 1,
            origin: 0,
            med: 0,
            internal: false,
        }
    }

    fn host(number: u8) -> Prefix {
        Prefix::host(IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)))
    }

    /// Gives all orders, and refuses those by one of these next hops; what the host's table has in the end, by place.
    fn obey<const P: usize>(table: &mut Table<P, 8>, refused: &[IpAddr], has: &mut [Vec<IpAddr>; 8]) {
        for _ in 0..100 {
            let Some(order) = table.next_order() else { return };
            if order.next_hops.iter().any(|hop| refused.contains(hop)) {
                table.refused(order.place, true);
                continue;
            }
            has[order.place] = order.next_hops.to_vec();
            table.done(order.place, order.step == Step::Install);
        }
        panic!("orders without end");
    }

    #[test]
    fn a_next_hop_that_is_refused_is_avoided_by_every_prefix_and_tried_again_when_it_is_time() {
        let (mut table, mut has) = (std::boxed::Box::new(Table::<2, 8>::new()), Default::default());
        for number in 0..4 {
            table.learn(0, host(number), &via(1, 0)).unwrap();
            table.learn(1, host(number), &via(2, 1)).unwrap();
        }
        obey(&mut table, &[hop(1)], &mut has);
        assert_eq!(has[..4], [[hop(2)], [hop(2)], [hop(2)], [hop(2)]].map(|hops| hops.to_vec()));
        table.retry();
        obey(&mut table, &[], &mut has);
        assert_eq!(has[..4], [[hop(1)], [hop(1)], [hop(1)], [hop(1)]].map(|hops| hops.to_vec()));
    }

    #[test]
    fn of_several_next_hops_those_that_the_host_takes_are_used() {
        let (mut table, mut has) = (std::boxed::Box::new(Table::<4, 8>::new()), Default::default());
        table.share(true);
        for number in 1..=4 {
            table.learn(usize::from(number) - 1, host(1), &via(number, 0)).unwrap();
        }
        // Those on a subnet of ours are trusted more.
        for number in [1, 3, 4] {
            table.judge(hop(number), Sight::Near);
        }
        obey(&mut table, &[hop(2)], &mut has);
        assert_eq!(has[0], [hop(1), hop(3), hop(4)]);
        table.retry();
        obey(&mut table, &[hop(1), hop(2)], &mut has);
        assert!(!has[0].contains(&hop(1)) && !has[0].contains(&hop(2)));
        table.judge(hop(2), Sight::Near);
        table.retry();
        obey(&mut table, &[], &mut has);
        assert_eq!(has[0], [hop(1), hop(2), hop(3), hop(4)]);
    }

    #[test]
    fn a_choice_that_changed_while_its_order_was_out_blames_nobody() {
        let mut table = Table::<2, 8>::new();
        table.learn(0, host(1), &via(1, 1)).unwrap();
        let order = table.next_order().unwrap();
        table.learn(1, host(1), &via(2, 0)).unwrap();
        assert!(!table.refused(order.place, true));
        assert_eq!(table.next_order().unwrap().next_hops, [hop(2)]);
        table.done(0, true);
        table.forget(1, host(1));
        assert_eq!(table.next_order().unwrap().next_hops, [hop(1)], "it was never at fault");
    }

    #[test]
    fn a_route_lost_while_an_order_is_out_is_ordered_again() {
        let mut table = Table::<2, 8>::new();
        table.learn(0, host(1), &via(1, 0)).unwrap();
        let order = table.next_order().unwrap();
        assert_eq!(table.lost(order.place), None);
        table.done(order.place, true);
        assert_eq!(table.next_order().map(|order| order.step), Some(Step::Install));
        table.done(0, true);
        // What nobody offers is not put back.
        table.forget(0, host(1));
        assert_eq!(table.lost(0), None);
        assert_eq!((table.next_order(), table.count()), (None, 0));
        assert_eq!(table.lost(0), None);
    }

    #[test]
    fn a_removal_that_is_refused_is_owed_until_it_is_done() {
        let mut table = Table::<1, 8>::new();
        table.learn(0, host(1), &via(1, 0)).unwrap();
        table.next_order().unwrap();
        table.done(0, true);
        table.forget(0, host(1));
        for told in [true, false] {
            assert_eq!(table.next_order().map(|order| order.step), Some(Step::Remove));
            assert_eq!(table.refused(0, false), told);
            assert_eq!((table.next_order(), table.in_table(0)), (None, InTable::Waits));
            table.retry();
        }
        assert_eq!(table.next_order().map(|order| order.step), Some(Step::Remove));
        table.done(0, false);
        assert_eq!((table.next_order(), table.count()), (None, 0));
    }
}
