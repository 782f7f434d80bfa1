//! What each peer was told, what it is owed, and the attribute sets that are told from.
//!
//! A set is interned by its [`Symbol`] (which entries of which route-maps gave it), and by the digest of what the symbol
//! renders to: after a reload symbols mean other things, and a set that renders to the same digest is the same set.
//! `told` holds for each peer and route the set it was last told with, so that an UPDATE is the difference between told
//! and wanted, and what came and went in between costs nothing.

use crate::base::bits::Bits;
use crate::base::limits::{ATTRIBUTE_SETS, SETS_PER_SERVICE};
use crate::bgp::policy::{Marks, Symbol};

/// An attribute set that somebody was told. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
struct Set {
    /// As octets, so that a set is not padded to a multiple of eight.
    digest: [u8; 8],
    symbol: Symbol,
    /// How many routes of how many peers were last told with it; 0: the place is free.
    told: u32,
    /// Whether the symbol is one of the configuration in force.
    current: bool,
}

impl Set {
    const REST: Self = Self {
        digest: [0; 8],
        symbol: Symbol { own: 0, neighbor: 0, marks: Marks(0) },
        told: 0,
        current: false,
    };
}

/// One more than a set's place; 0 stands for "not told".
pub(crate) type SetId = u16;

/// Added to what a peer was told: it is to be told again (a refresh), even the same.
const AGAIN: SetId = 1 << 15;

/// Whom a route reaches, after one peer was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// That peer, and none before it.
    First,
    /// Nobody any more.
    Nobody,
    /// Somebody as before, or nobody as before.
    Same,
}

/// The book of all peers. Places for [`SETS_PER_SERVICE`] attribute sets a service, of which at most
/// [`ATTRIBUTE_SETS`] are used.
#[derive(Debug)]
pub(crate) struct AdjOut<const PEERS: usize, const ROUTES: usize, const SERVICES: usize> {
    sets: [[Set; SETS_PER_SERVICE]; SERVICES],
    told: [[SetId; ROUTES]; PEERS],
    owed: [Bits<ROUTES>; PEERS],
    /// How many routes some peer was told.
    reached: u32,
    /// Whether a set found no place, and none has become free since.
    waits: bool,
    /// Whether a place became free that a set had waited for.
    freed: bool,
}

impl<const P: usize, const R: usize, const S: usize> AdjOut<P, R, S> {
    /// Nobody was told anything.
    pub(crate) const fn new() -> Self {
        Self {
            sets: [[Set::REST; SETS_PER_SERVICE]; S],
            told: [[0; R]; P],
            owed: [const { Bits::new() }; P],
            reached: 0,
            waits: false,
            freed: false,
        }
    }

    /// The set that `symbol` stands for now, if somebody was told it.
    pub(crate) fn known(&self, symbol: Symbol) -> Option<SetId> {
        let place = self
            .sets
            .as_flattened()
            .iter()
            .position(|set| set.told > 0 && set.current && set.symbol == symbol)?;
        u16::try_from(place + 1).ok()
    }

    /// The place for a set that renders to `digest`: the one that has it already, or a free one. `None`: all are taken.
    /// A free place stays free until somebody is [`told`](Self::tell) with it.
    pub(crate) fn intern(&mut self, symbol: Symbol, digest: u64) -> Option<SetId> {
        let digest = digest.to_ne_bytes();
        let all = self.sets.as_flattened_mut();
        let most = all.len().min(ATTRIBUTE_SETS);
        let sets = all.get_mut(..most)?;
        let same = sets.iter().position(|set| set.told > 0 && set.digest == digest);
        let Some(place) = same.or_else(|| sets.iter().position(|set| set.told == 0)) else {
            self.waits = true;
            return None;
        };
        let set = sets.get_mut(place)?;
        *set = Set { digest, symbol, told: set.told, current: true };
        u16::try_from(place + 1).ok()
    }

    /// Symbols of another configuration mean other things: each set must be found by its digest again.
    pub(crate) fn forget_symbols(&mut self) {
        for set in self.sets.as_flattened_mut() {
            set.current = false;
        }
    }

    /// `peer` asks to be told `route` again.
    pub(crate) fn again(&mut self, peer: usize, route: usize) {
        if self.told[peer][route] != 0 {
            self.told[peer][route] |= AGAIN;
        }
        self.owe(peer, route);
    }

    /// The set that `peer` was last told `route` with, which no set equals if it asked to be told again; 0: it was not told.
    pub(crate) fn told(&self, peer: usize, route: usize) -> SetId {
        self.told[peer][route]
    }

    /// Whether a place became free, since this was asked last, that a set had waited for: whoever waits may try again.
    pub(crate) const fn take_freed(&mut self) -> bool {
        core::mem::replace(&mut self.freed, false)
    }

    /// How many routes some peer was told.
    pub(crate) const fn reached(&self) -> u32 {
        self.reached
    }

    /// Notes that `peer` was told `route` with `set`, or (0) that it was withdrawn. Nothing of it is owed any more.
    pub(crate) fn tell(&mut self, peer: usize, route: usize, set: SetId) -> Reach {
        let before = core::mem::replace(&mut self.told[peer][route], set);
        if let Some(place) = usize::from(before & !AGAIN).checked_sub(1) {
            let left = &mut self.sets.as_flattened_mut()[place].told;
            *left -= 1;
            if *left == 0 && core::mem::take(&mut self.waits) {
                self.freed = true;
            }
        }
        if let Some(place) = usize::from(set).checked_sub(1) {
            self.sets.as_flattened_mut()[place].told += 1;
        }
        self.owed[peer].remove(route);
        let others = || self.told.iter().enumerate().any(|(other, told)| other != peer && told[route] != 0);
        match (before, set) {
            (0, 1..) if !others() => {
                self.reached += 1;
                Reach::First
            }
            (1.., 0) if !others() => {
                self.reached -= 1;
                Reach::Nobody
            }
            _ => Reach::Same,
        }
    }

    /// Something about `route` changed: `peer` may have to be told.
    pub(crate) fn owe(&mut self, peer: usize, route: usize) {
        self.owed[peer].insert(route);
    }

    /// `peer` need not be told of `route`.
    pub(crate) fn settle(&mut self, peer: usize, route: usize) {
        self.owed[peer].remove(route);
    }

    /// The lowest route from `from` on that `peer` may have to be told.
    pub(crate) fn next_owed(&self, peer: usize, from: usize) -> Option<usize> {
        self.owed[peer].next(from)
    }

    /// How many routes `peer` may have to be told.
    pub(crate) fn owed(&self, peer: usize) -> u32 {
        self.owed[peer].count()
    }

    /// The session with `peer` ended: it was told nothing and is owed nothing. `high`: no route at or beyond it was told.
    pub(crate) fn end(&mut self, peer: usize, high: usize) {
        for route in 0..high.min(R) {
            if self.told[peer][route] != 0 {
                self.tell(peer, route, 0);
            }
        }
        self.owed[peer].clear();
    }
}

impl<const P: usize, const R: usize, const S: usize> Default for AdjOut<P, R, S> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(own: u16) -> Symbol {
        Symbol { own, ..Symbol::default() }
    }

    #[test]
    fn a_set_lives_as_long_as_somebody_was_told_it() {
        let mut book = AdjOut::<2, 4, 1>::new();
        let first = book.intern(symbol(1), 11).unwrap();
        book.tell(0, 0, first);
        book.tell(1, 0, first);
        let second = book.intern(symbol(2), 22).unwrap();
        book.tell(0, 1, second);
        assert_ne!(first, second);
        let third = book.intern(symbol(12), 112).unwrap();
        book.tell(0, 2, third);
        assert_eq!(book.intern(symbol(3), 33), None, "all places are taken");
        book.tell(0, 1, 0);
        assert_eq!(book.intern(symbol(3), 33), Some(second), "nobody was told it any more");
        assert_eq!(book.known(symbol(1)), Some(first));
    }

    #[test]
    fn a_set_that_means_the_same_after_a_reload_is_the_same_set() {
        let mut book = AdjOut::<1, 4, 1>::new();
        let set = book.intern(symbol(1), 11).unwrap();
        book.tell(0, 0, set);
        book.forget_symbols();
        assert_eq!(book.known(symbol(1)), None);
        assert_eq!(book.intern(symbol(9), 11), Some(set));
        assert_eq!(book.known(symbol(9)), Some(set));
    }

    #[test]
    fn the_end_of_a_session_forgets_what_was_told_and_owed() {
        let mut book = AdjOut::<1, 4, 1>::new();
        let set = book.intern(symbol(1), 11).unwrap();
        book.tell(0, 2, set);
        book.owe(0, 3);
        book.end(0, 4);
        assert_eq!((book.told(0, 2), book.owed(0), book.known(symbol(1))), (0, 0, None));
    }

    #[test]
    fn owing_twice_is_owing_once() {
        let mut book = AdjOut::<1, 4, 1>::new();
        book.owe(0, 1);
        book.owe(0, 1);
        assert_eq!(book.owed(0), 1);
        book.tell(0, 1, 0);
        assert_eq!(book.next_owed(0, 0), None);
    }
}
