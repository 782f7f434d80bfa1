//! The routes that may be announced, and what stands behind each: an address, an evidence, a static route.

use core::net::IpAddr;

use super::{Inner, NextHop};
use crate::base::bits::EightBits;
use crate::base::index::Index;
use crate::base::net::{Family, Prefix};
use crate::config::{Owner, RouteSource, StaticKind};
use crate::failover::reconcile::{AddressCell, Standing};

/// A route of the host's table that is ours to install.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fib {
    /// None.
    #[default]
    None,
    /// `Null0`.
    Blackhole,
    /// `reject`, and the rest of a prefix that is wider than its address.
    Unreachable,
    /// By way of the gateway that the configuration names.
    Gateway,
    /// In the host's table: something of ours may be there, and it is not what is to be there.
    Other,
}

/// Small things that are so of a route, or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags(u8);

impl Flags {
    /// The pass over a new configuration has met it.
    pub(super) const MET: u8 = 1;
    /// An answer about its route in the host's table is awaited.
    pub(super) const FIB_ASKED: u8 = 1 << 1;
    /// It was said that its interface is missing.
    pub(super) const MISSING_TOLD: u8 = 1 << 2;
    /// An order to bind it is out.
    pub(super) const BINDING: u8 = 1 << 3;
    /// Its route in the host's table was refused, or taken away too often, and waits until orders are tried again.
    pub(super) const FIB_WAITS: u8 = 1 << 4;
    /// Which was told.
    pub(super) const FIB_TOLD: u8 = 1 << 5;
    /// How often its route was put back at once: the two highest bits.
    const PUT_BACKS: u8 = 3 << 6;
    const PUT_BACK: u8 = 1 << 6;

    /// Whether it is so.
    pub(super) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Makes it so or not; says what was.
    pub(super) const fn set(&mut self, flag: u8, on: bool) -> bool {
        let was = self.has(flag);
        self.0 = if on { self.0 | flag } else { self.0 & !flag };
        was
    }

    /// How often its route in the host's table was put back at once; at most 3.
    pub(super) const fn put_backs(self) -> u8 {
        (self.0 & Self::PUT_BACKS) / Self::PUT_BACK
    }

    /// It is put back at once, once more.
    pub(super) const fn put_back(&mut self) {
        if self.0 & Self::PUT_BACKS != Self::PUT_BACKS {
            self.0 += Self::PUT_BACK;
        }
    }

    /// Nothing of its route was refused or lost for a while.
    pub(super) const fn calm(&mut self) {
        self.0 &= !(Self::PUT_BACKS | Self::FIB_TOLD);
    }
}

/// One prefix that is, or could be, announced. At most 64 octets (law 8); all zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// The prefix.
    pub(super) prefix: Prefix,
    /// The strongest of those who say that it exists; [`Owner::None`]: only the host does.
    pub(super) owner: Owner,
    /// Its line of the configuration: one more than the index; 0: none.
    pub(super) line: u16,
    /// Who else offers it, as a set of [`RouteSource`]s.
    pub(super) sources: u8,
    /// Whether it is wanted announced now.
    pub(super) announced: bool,
    /// What else is so of it.
    pub(super) flags: Flags,
    /// Whether an address of its own stands behind it (`cell` is alive).
    pub(super) is_address: bool,
    /// The links that hold its address, as a set of places in the table of links.
    pub(super) links: u32,
    /// The link it was bound on, one more than its place; 0: none.
    pub(super) bound_on: u8,
    /// The length it was bound with.
    pub(super) bound_length: u8,
    /// What is to be in the host's table.
    pub(super) fib: Fib,
    /// What is in it, as far as answered.
    pub(super) fib_now: Fib,
    /// How many addresses of this host lie in it (wide prefixes).
    pub(super) inside: u16,
    /// Which use of the place this is.
    pub(super) generation: u16,
    /// The address behind it.
    pub(super) cell: AddressCell,
}

const _: () = assert!(size_of::<Route>() <= 64);

impl Route {
    /// A free place.
    pub(super) const REST: Self = Self {
        prefix: Prefix::ZERO,
        owner: Owner::None,
        line: 0,
        sources: 0,
        announced: false,
        flags: Flags(0),
        is_address: false,
        links: 0,
        bound_on: 0,
        bound_length: 0,
        fib: Fib::None,
        fib_now: Fib::None,
        inside: 0,
        generation: 0,
        cell: AddressCell::new(),
    };

    /// Whether `source` offers it.
    pub(super) const fn has(&self, source: RouteSource) -> bool {
        self.sources & (1 << source as u8) != 0
    }

    /// Notes whether `source` offers it.
    pub(super) const fn offer(&mut self, source: RouteSource, offered: bool) {
        let bit = 1 << source as u8;
        self.sources = if offered { self.sources | bit } else { self.sources & !bit };
    }

    /// Whether nobody says that it exists, and nothing of it is left to undo.
    pub(super) fn is_over(&self) -> bool {
        self.owner == Owner::None
            && self.sources == 0
            && !self.announced
            && !self.flags.has(Flags::FIB_ASKED)
            && self.fib_now == Fib::None
            && (!self.is_address || self.cell.is_at_rest())
    }
}

impl Route {
    /// Whether the address behind it can be given to another route: no order about it is out.
    pub(super) fn may_move(&self) -> bool {
        self.is_address && !matches!(self.cell.standing(), Standing::Binding | Standing::Unbinding)
    }
}

/// The sets of places in [`Routes::sets`]. Places that are free below `high`:
const FREED: usize = 0;
/// Those whose address is on this host.
pub(super) const PRESENT: usize = 1;
/// Those whose address was not repeated yet in the table that is being told.
pub(super) const STALE: usize = 2;
/// Those that the kernel's table offers.
pub(super) const KERNEL: usize = 3;
/// Those that were not repeated yet in the table that is being told.
pub(super) const KERNEL_STALE: usize = 4;
/// Those whose address may owe an order.
pub(super) const OWED: usize = 5;
/// Those whose address has a timer.
pub(super) const TIMED: usize = 6;
/// Those whose route in the host's table may owe an order.
pub(super) const FIB_OWED: usize = 7;

/// All of them.
#[derive(Debug)]
pub(super) struct Routes<const R: usize> {
    places: [Route; R],
    index: Index<R>,
    /// Places from here on were never used.
    high: u16,
    used: u16,
    /// Which lengths the wide prefixes have, by family: the octets of a `u128`, which would align the engine to 16.
    wide: [[u8; 16]; 2],
    /// Sets of places, by their numbers below.
    pub(super) sets: EightBits<R>,
}

impl<const R: usize> Routes<R> {
    pub(super) const fn new() -> Self {
        Self {
            places: [Route::REST; R],
            index: Index::new(),
            high: 0,
            used: 0,
            wide: [[0; 16]; 2],
            sets: EightBits::new(),
        }
    }

    /// The place of `prefix`.
    pub(super) fn find(&self, prefix: Prefix) -> Option<usize> {
        self.index.find(prefix, |number| self.places[usize::from(number)].prefix).map(usize::from)
    }

    /// The place of `prefix`, a new one if it has none; `None`: all are taken.
    pub(super) fn place(&mut self, prefix: Prefix) -> Option<usize> {
        if let Some(place) = self.find(prefix) {
            return Some(place);
        }
        let place = match self.sets.next(FREED, 0) {
            Some(place) => {
                self.sets.remove(FREED, place);
                place
            }
            None if usize::from(self.high) < R => {
                self.high += 1;
                usize::from(self.high - 1)
            }
            None => return None,
        };
        let generation = self.places[place].generation.wrapping_add(1);
        self.places[place] = Route { prefix, generation, ..Route::REST };
        self.index.insert(prefix, place as u16);
        self.used += 1;
        if !prefix.is_host() {
            let wide = &mut self.wide[prefix.family().index()];
            *wide = (u128::from_le_bytes(*wide) | 1 << prefix.length()).to_le_bytes();
        }
        Some(place)
    }

    /// Gives the place back.
    pub(super) fn free(&mut self, place: usize) {
        let prefix = self.places[place].prefix;
        self.index.remove(prefix, |number| self.places[usize::from(number)].prefix);
        let generation = self.places[place].generation;
        self.places[place] = Route { generation, ..Route::REST };
        for set in FREED..=FIB_OWED {
            self.sets.remove(set, place);
        }
        self.sets.insert(FREED, place);
        self.used -= 1;
    }

    /// Gives the address behind a route to another one that has none, with all that is known of it.
    pub(super) fn move_address(&mut self, from: usize, to: usize) {
        if self.places[to].is_address {
            return;
        }
        let Route { cell, links, bound_on, bound_length, .. } = self.places[from];
        let to_route = &mut self.places[to];
        (to_route.cell, to_route.links, to_route.is_address) = (cell, links, true);
        (to_route.bound_on, to_route.bound_length) = (bound_on, bound_length);
        let from_route = &mut self.places[from];
        (from_route.cell, from_route.links, from_route.is_address) = (AddressCell::new(), 0, false);
        (from_route.bound_on, from_route.bound_length) = (0, 0);
        for set in [PRESENT, STALE, OWED, TIMED] {
            if self.sets.remove(set, from) {
                self.sets.insert(set, to);
            }
        }
    }

    pub(super) fn get(&self, place: usize) -> &Route {
        &self.places[place]
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut Route {
        &mut self.places[place]
    }

    /// Whether the place is in use.
    pub(super) fn is_used(&self, place: usize) -> bool {
        place < usize::from(self.high) && !self.sets.has(FREED, place)
    }

    /// How many are in use.
    pub(super) const fn used(&self) -> u16 {
        self.used
    }

    /// Places from here on were never used.
    pub(super) const fn high(&self) -> usize {
        self.high as usize
    }

    /// The wide prefixes that cover `address`, longest first, by place.
    pub(super) fn covering(&self, address: IpAddr) -> impl Iterator<Item = usize> {
        let mut lengths = u128::from_le_bytes(self.wide[Family::of(address).index()]);
        core::iter::from_fn(move || {
            while lengths != 0 {
                let length = 127 - lengths.leading_zeros() as u8;
                lengths &= !(1 << length);
                let found = Prefix::new(address, length).and_then(|prefix| self.find(prefix));
                if found.is_some() {
                    return found;
                }
            }
            None
        })
    }
}

/// The lines of the configuration that say where a prefix leads.
impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Whether an `ip route` line speaks of a prefix beside a stronger one. Lines are sorted by prefix.
    pub(super) fn has_static(&self, prefix: Prefix) -> bool {
        self.static_line(prefix).is_some()
    }

    fn static_line(&self, prefix: Prefix) -> Option<(usize, StaticKind)> {
        let lines = self.config.view().routes;
        let from = lines.partition_point(|line| line.prefix() < prefix);
        let of_it = lines.get(from..)?.iter().take_while(|line| line.prefix() == prefix);
        of_it.zip(from..).find_map(|(line, index)| match line.owner {
            Owner::Static(kind) => Some((index, kind)),
            _ => None,
        })
    }

    /// The gateway of an `ip route` line, with the link that it is on.
    pub(super) fn gateway(&self, prefix: Prefix) -> Option<NextHop> {
        let view = self.config.view();
        let (line, _) = self.static_line(prefix)?;
        let address = view.gateway(view.routes.get(line)?)?;
        Some(NextHop { address, link: self.link_towards(address) })
    }

    /// What an `ip route` line asks for.
    pub(super) fn static_kind(&self, place: usize) -> Fib {
        match self.static_line(self.routes.get(place).prefix).map(|(_, kind)| kind) {
            Some(StaticKind::Blackhole) => Fib::Blackhole,
            Some(StaticKind::Reject) => Fib::Unreachable,
            Some(StaticKind::Gateway) => Fib::Gateway,
            None => Fib::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::{Command, CommandId, CommandResult, Engine, Input, Output, RouteId, RouteTarget};
    use std::boxed::Box;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const HEAD: &str = "router bgp 65000\nbgp router-id 10.0.0.1\nexit\n";

    /// Obeys what is ordered now; writes down which routes are installed and removed, and gives those not answered yet.
    fn obey(engine: &mut Engine<1, 1>, log: &mut Vec<String>) -> Vec<RouteId> {
        let mut asked = Vec::new();
        while let Some(order) = engine.poll() {
            match order {
                Output::InstallRoute { route, prefix, target } => {
                    asked.push(route);
                    log.push(match target {
                        RouteTarget::Via([hop]) => format!("{prefix} via {}", hop.address),
                        other => format!("{prefix} {other:?}"),
                    });
                }
                Output::RemoveRoute { route, prefix } => {
                    asked.push(route);
                    log.push(format!("no {prefix}"));
                }
                Output::Answer { result, .. } => log.push(format!("{result:?}")),
                _ => {}
            }
        }
        asked
    }

    /// Some turns in which every order is answered; what was ordered.
    fn drain(engine: &mut Engine<1, 1>) -> Vec<String> {
        let mut log = Vec::new();
        let mut asked = obey(engine, &mut log);
        for _ in 0..8 {
            for route in core::mem::take(&mut asked) {
                engine.handle(Instant::ZERO, Input::RouteDone { route, result: Ok(()) });
                asked.extend(obey(engine, &mut log));
            }
            engine.handle(Instant::ZERO, Input::Tick);
            asked.extend(obey(engine, &mut log));
        }
        log
    }

    fn configure(engine: &mut Engine<1, 1>, lines: &str) -> Vec<String> {
        let mut config = Box::<Config<1, 1>>::default();
        assert!(
            parse(&format!("{HEAD}{lines}"), &Platform::ALL, &mut config, &mut |_| {}).is_ok(),
            "{lines}"
        );
        engine.configure(Instant::ZERO, &config);
        drain(engine)
    }

    #[test]
    fn a_route_with_a_gateway_is_installed_follows_the_configuration_and_outlives_a_stop() {
        let mut engine = Box::<Engine<1, 1>>::default();
        engine.start(Instant::ZERO, 1);
        let first = "ip route 0.0.0.0/0 10.0.0.254\nipv6 route ::/0 fe80::1\nip route 192.0.2.0/24 Null0\n";
        let mut installed = configure(&mut engine, first);
        installed.sort();
        assert_eq!(installed, ["0.0.0.0/0 via 10.0.0.254", "192.0.2.0/24 Blackhole", "::/0 via fe80::1"]);
        let other = "ip route 0.0.0.0/0 10.0.0.253\nip route 192.0.2.0/24 10.0.0.9\n";
        let mut changed = configure(&mut engine, other);
        changed.sort();
        assert_eq!(changed, ["0.0.0.0/0 via 10.0.0.253", "192.0.2.0/24 via 10.0.0.9", "no ::/0"]);
        let stop = Input::Command { id: CommandId(1), command: Command::Stop };
        engine.handle(Instant::ZERO, stop);
        let mut stopped = drain(&mut engine);
        for second in 1..10 {
            engine.handle(Instant::from_micros(second * 1_000_000), Input::Tick);
            stopped.extend(drain(&mut engine));
        }
        assert_eq!(stopped, [format!("{:?}", CommandResult::Done)]);
    }

    #[test]
    fn a_gateway_that_goes_from_the_configuration_while_it_is_being_changed_is_removed() {
        let mut engine = Box::<Engine<1, 1>>::default();
        engine.start(Instant::ZERO, 1);
        configure(&mut engine, "ip route 0.0.0.0/0 10.0.0.254\n");
        let mut config = Box::<Config<1, 1>>::default();
        let text = format!("{HEAD}ip route 0.0.0.0/0 10.0.0.253\n");
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        // The order to install is out, and not answered.
        let (mut log, mut asked) = (Vec::new(), obey(&mut engine, &mut Vec::new()));
        for _ in 0..8 {
            engine.handle(Instant::ZERO, Input::Tick);
            asked.extend(obey(&mut engine, &mut log));
        }
        assert_eq!((log, asked.len()), (["0.0.0.0/0 via 10.0.0.253".to_string()].into(), 1));
        assert!(parse(HEAD, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        engine.configure(Instant::ZERO, &config);
        assert!(drain(&mut engine).is_empty());
        engine.handle(Instant::ZERO, Input::RouteDone { route: asked[0], result: Ok(()) });
        assert_eq!(drain(&mut engine), ["no 0.0.0.0/0".to_string()]);
    }
}
