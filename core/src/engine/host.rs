//! The host as the engine knows it: its addresses, and the routes of its table.

use core::net::IpAddr;

use super::Inner;
use super::input::{HostTable, Phase};
use super::link::table_bit;
use super::names::LinkId;
use super::own::is_global;
use super::record::{Limit, Record};
use super::route::{Flags, KERNEL, KERNEL_STALE, OWED, PRESENT, STALE};
use crate::base::net::{BgpId, Family, InterfaceAddress, Prefix, is_link_local};
use crate::bgp::policy;
use crate::config::{Owner, RouteSource};

/// Among the tables to be asked for: the addresses, when no order to bind is out any more.
pub(super) const ADDRESSES_LATER: u8 = 1 << 3;

/// An address of this host that no route of ours stands for (or one with a subnet, which tells who is near).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostAddress {
    pub(super) address: InterfaceAddress,
    /// Its link, whether that has a place or not.
    pub(super) link: LinkId,
    /// Whether it bears the mark of an earlier run of ours.
    pub(super) ours: bool,
    /// Whether the table that is being told has repeated it.
    seen: bool,
}

impl HostAddress {
    pub(super) const REST: Self =
        Self { address: InterfaceAddress::ZERO, link: LinkId(0), ours: false, seen: false };
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// An address of this host, as it is now.
    pub(super) fn address(&mut self, id: LinkId, address: InterfaceAddress, present: bool, ours: bool) {
        let exact = self.route_of_address(address.address);
        let single = address.length == Family::of(address.address).bits();
        // First: what is told of the route's address has the length that is found here.
        if exact.is_none() || !single {
            self.host_address(id, address, present, ours);
        }
        if let Some(route) = exact {
            let place = if present { self.claim_link(id) } else { self.link_place(id) };
            if let Some(link) = place {
                self.address_of_route(route, link, present, ours);
            }
        }
        self.leftovers |= ours && present && exact.is_none();
        // Thousands of addresses that a service binds are nobody's source.
        let shared = exact.is_some_and(|place| matches!(self.routes.get(place).owner, Owner::Service(_)));
        if !single || exact.is_none() || (!shared && self.names_sources()) {
            self.find_peers();
        }
        if !single {
            self.judge_next_hops();
        }
    }

    /// The route whose own address this is.
    pub(super) fn route_of_address(&self, address: IpAddr) -> Option<usize> {
        let is_it =
            |&place: &usize| self.routes.get(place).is_address && self.address_behind(place) == address;
        self.routes
            .find(Prefix::host(address))
            .filter(is_it)
            .or_else(|| self.routes.covering(address).find(is_it))
    }

    /// An address of an earlier run that no line of the configuration wants any more, to be removed. What a line wants has
    /// been taken over when that line was met.
    pub(super) fn next_leftover(&mut self) -> Option<(LinkId, InterfaceAddress)> {
        if !self.leftovers || !self.configured || self.pass.is_running() || !self.addresses_known {
            return None;
        }
        let Some(host) = self.hosts.as_mut_slice().iter_mut().find(|host| host.ours) else {
            self.leftovers = false;
            return None;
        };
        host.ours = false;
        self.leftover_asked = host.address;
        Some((host.link, host.address))
    }

    /// The address behind a route.
    pub(super) fn address_behind(&self, place: usize) -> IpAddr {
        let route = self.routes.get(place);
        // While a new configuration is gone through, the line of a route that was not met yet is another one's.
        if route.prefix.is_host() || (self.pass.is_running() && !route.flags.has(Flags::MET)) {
            return route.prefix.address();
        }
        let line =
            usize::from(route.line).checked_sub(1).and_then(|line| self.config.view().routes.get(line));
        line.map_or(route.prefix.address(), |line| line.address)
    }

    /// The address of a route of ours came to a link or left it.
    pub(super) fn address_of_route(&mut self, place: usize, link: usize, present: bool, ours: bool) {
        let fresh = self.routes.sets.remove(STALE, place);
        let route = self.routes.get_mut(place);
        let before = route.links;
        if fresh {
            route.links = 0;
        }
        if present {
            route.links |= 1 << link;
        } else {
            route.links &= !(1 << link);
        }
        let now_present = route.links != 0;
        if ours && present && route.bound_on == 0 {
            route.bound_on = link as u8 + 1;
            route.bound_length = Family::of(route.prefix.address()).bits();
        }
        if now_present {
            self.routes.sets.insert(PRESENT, place);
        } else {
            self.routes.sets.remove(PRESENT, place);
        }
        if (before != 0) != now_present {
            let address = self.address_behind(place);
            self.inside_changed(address, now_present, Some(place));
        }
        let link_up = self.links()[link].up;
        self.observe(place, now_present, ours, link_up);
    }

    /// A route is over, and its address, which is somebody else's, may still be on this host.
    pub(super) fn give_to_host(&mut self, place: usize) {
        let route = self.routes.get(place);
        if !route.is_address || !route.prefix.is_host() {
            return;
        }
        let address = InterfaceAddress { address: route.prefix.address(), length: route.prefix.length() };
        let links = route.links;
        for link in (0..Self::LINKS).filter(|link| links & (1 << link) != 0) {
            let link = self.links()[link].id;
            let entry = HostAddress { address, link, ours: false, seen: true };
            if !self.hosts.as_slice().contains(&entry) && self.hosts.push(entry).is_err() {
                self.full(Limit::HostAddresses);
            }
        }
    }

    /// An address that no route of ours stands for, or one with a subnet.
    fn host_address(&mut self, link: LinkId, address: InterfaceAddress, present: bool, ours: bool) {
        let entry = HostAddress { address, link, ours, seen: true };
        let hosts = self.hosts.as_mut_slice();
        let known = hosts.iter().position(|host| host.address == address && host.link == link);
        match (known, present) {
            (Some(place), true) => hosts[place].seen = true,
            (Some(place), false) => self.forget_host_address(place),
            (None, true) => self.keep_host_address(entry),
            (None, false) => {}
        }
    }

    /// One that is new. When all places are taken, a link-local one on a link that no peer is on gives its place up: a host
    /// with many containers has hundreds of those, and nothing asks for them.
    fn keep_host_address(&mut self, entry: HostAddress) {
        if self.hosts.push(entry).is_err() {
            self.left_out |= table_bit(HostTable::Addresses);
            if self.is_idle(&entry) {
                return;
            }
            let Some(idle) = self.hosts.as_slice().iter().position(|host| self.is_idle(host)) else {
                return self.full(Limit::HostAddresses);
            };
            let before = core::mem::replace(&mut self.hosts.as_mut_slice()[idle], entry);
            self.host_address_changed(before.address, false);
        }
        self.host_address_changed(entry.address, true);
    }

    fn is_idle(&self, host: &HostAddress) -> bool {
        let v6 = Family::of(host.address.address) == Family::Ipv6;
        v6 && is_link_local(host.address.address) && !self.peers.iter().any(|peer| peer.link == host.link.0)
    }

    /// One is gone; what was left out because all places were taken is asked for again.
    pub(super) fn forget_host_address(&mut self, place: usize) {
        let address = self.hosts.as_slice()[place].address;
        self.hosts.edit().remove(place);
        if self.is_full(Limit::HostAddresses) {
            self.room(Limit::HostAddresses);
            self.ask_left_out(HostTable::Addresses);
        }
        self.host_address_changed(address, false);
    }

    pub(super) fn host_address_changed(&mut self, address: InterfaceAddress, present: bool) {
        self.inside_changed(address.address, present, None);
        self.redistribute_connected(address, present);
        // Whether it is announced is known now.
        let wants_one = self.router_id == BgpId(0) || self.router_id_lent;
        if present && wants_one && is_global(address.address) {
            self.choose_router_id();
        }
        self.weigh_loops(address.address, present);
    }

    /// Counts the addresses that lie in wide prefixes: the evidence of a wide `network`.
    fn inside_changed(&mut self, address: IpAddr, present: bool, except: Option<usize>) {
        let mut wide: heapless::Vec<u16, 8> = heapless::Vec::new();
        for place in self.routes.covering(address) {
            if Some(place) != except && wide.push(place as u16).is_err() {
                break;
            }
        }
        for place in wide {
            let place = usize::from(place);
            let route = self.routes.get_mut(place);
            route.inside =
                if present { route.inside.saturating_add(1) } else { route.inside.saturating_sub(1) };
            self.weigh(place);
        }
    }

    /// `redistribute connected`: an address with its subnet came or went.
    pub(super) fn redistribute_connected(&mut self, address: InterfaceAddress, present: bool) {
        let family = Family::of(address.address);
        if !is_global(address.address) || !self.redistributes(family, RouteSource::Connected) {
            return;
        }
        let prefix = address.subnet();
        let present = present || self.hosts.as_slice().iter().any(|host| host.address.subnet() == prefix);
        self.offer(prefix, RouteSource::Connected, present);
    }

    /// A route of the kernel's table came or went.
    pub(super) fn kernel_route(&mut self, prefix: Prefix, present: bool) {
        if self.redistributes(prefix.family(), RouteSource::Kernel) || !present {
            self.offer(prefix, RouteSource::Kernel, present);
        }
    }

    /// Whether a `redistribute` line asks for this.
    pub(super) fn redistributes(&self, family: Family, source: RouteSource) -> bool {
        self.config.view().bgp.redistribute[family.index()][source as usize].on
    }

    /// The host offers a prefix, or does no more.
    pub(super) fn offer(&mut self, prefix: Prefix, source: RouteSource, offered: bool) {
        let known = self.routes.find(prefix);
        if !offered {
            if let Some(place) = known {
                self.routes.get_mut(place).offer(source, false);
                if source == RouteSource::Kernel {
                    self.routes.sets.remove(KERNEL, place);
                    self.routes.sets.remove(KERNEL_STALE, place);
                }
                self.weigh(place);
            }
            return;
        }
        if !self.may_redistribute(prefix, source) {
            self.hold_back(prefix);
            return;
        }
        let place = if self.do_lines_wait() { known } else { known.or_else(|| self.routes.place(prefix)) };
        let Some(place) = place else {
            self.full(Limit::Routes);
            self.left_out |= table_bit(match source {
                RouteSource::Kernel => HostTable::Routes,
                RouteSource::Connected | RouteSource::Static => HostTable::Addresses,
            });
            return;
        };
        self.routes.get_mut(place).offer(source, true);
        if source == RouteSource::Kernel {
            self.routes.sets.insert(KERNEL, place);
            self.routes.sets.remove(KERNEL_STALE, place);
        }
        self.weigh(place);
    }

    /// Only host routes are redistributed, unless the statement's route-map permits a shorter one by prefix-list; the
    /// default route never is.
    pub(super) fn may_redistribute(&self, prefix: Prefix, source: RouteSource) -> bool {
        let view = self.config.view();
        let statement = view.bgp.redistribute[prefix.family().index()][source as usize];
        policy::redistributes(view, statement.map, prefix)
    }

    /// Says once that a prefix is held back (the last few are remembered).
    pub(super) fn hold_back(&mut self, prefix: Prefix) {
        if prefix.length() == 0 || self.held_back.contains(&prefix) {
            return;
        }
        self.held_back.rotate_right(1);
        self.held_back[0] = prefix;
        self.record(Record::HeldBack { prefix });
    }

    /// A table is told whole: what is not repeated by its end is gone.
    pub(super) fn resync(&mut self, what: HostTable, phase: Phase) {
        match (what, phase) {
            (HostTable::Links, Phase::Begin) => self.links_begin(),
            (HostTable::Links, Phase::End) => self.links_told(),
            (HostTable::Addresses, Phase::Begin) => {
                self.left_out &= !table_bit(HostTable::Addresses);
                self.hosts.as_mut_slice().iter_mut().for_each(|host| host.seen = false);
                self.routes.sets.add(STALE, PRESENT);
                // What an answer says is here, and no news has yet, must be repeated too.
                for place in 0..self.routes.high() {
                    if self.routes.get(place).cell.is_here() {
                        self.routes.sets.insert(STALE, place);
                    }
                }
            }
            (HostTable::Addresses, Phase::End) => self.addresses_told(),
            (HostTable::Routes, Phase::Begin) => {
                self.left_out &= !table_bit(HostTable::Routes);
                self.routes.sets.add(KERNEL_STALE, KERNEL);
            }
            (HostTable::Routes, Phase::End) => {
                while let Some(place) = self.routes.sets.next(KERNEL_STALE, 0) {
                    self.offer(self.routes.get(place).prefix, RouteSource::Kernel, false);
                }
            }
        }
    }

    /// All addresses were told: the rest is gone; and if this was the first time, work can begin.
    fn addresses_told(&mut self) {
        while let Some(place) = self.routes.sets.next(STALE, 0) {
            self.routes.sets.remove(STALE, place);
            self.routes.get_mut(place).links = 0;
            self.routes.sets.remove(PRESENT, place);
            let address = self.address_behind(place);
            self.inside_changed(address, false, Some(place));
            self.observe(place, false, false, self.is_bound_link_up(place));
        }
        // An answer came, or will come, of which nobody knows whether it is older than the table: that is told once more.
        let by_answer =
            |place: usize| self.routes.get(place).cell.is_here() && !self.routes.sets.has(PRESENT, place);
        if self.binding > 0 || (0..self.routes.high()).any(by_answer) {
            self.ask_tables |= ADDRESSES_LATER;
        }
        self.ask_for_addresses();
        while let Some(place) = self.hosts.as_slice().iter().position(|host| !host.seen) {
            self.forget_host_address(place);
        }
        if !self.addresses_known {
            self.addresses_known = true;
            for place in 0..self.routes.high() {
                if self.routes.is_used(place) {
                    if self.routes.get(place).is_address {
                        self.routes.sets.insert(OWED, place);
                    }
                    self.weigh(place);
                }
            }
            for service in 0..self.config.view().services.len() {
                self.service_presence(service);
            }
            self.dial_all_soon();
        }
        self.find_peers();
        self.judge_next_hops();
        self.choose_router_id();
    }

    /// Asks for the addresses again when that is owed and no order to bind is out any more.
    pub(super) fn ask_for_addresses(&mut self) {
        if self.binding == 0 && self.ask_tables & ADDRESSES_LATER != 0 {
            self.ask_tables = self.ask_tables & !ADDRESSES_LATER | 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostTable;
    use crate::base::net::InterfaceAddress;
    use crate::base::time::Instant;
    use crate::engine::record::{Limit, Record};
    use crate::engine::{Engine, Input, LinkId, Output, Phase};
    use std::boxed::Box;
    use std::vec::Vec;

    /// An engine that keeps eight addresses, and a host that tells its table when it is asked.
    struct Host {
        engine: Box<Engine<2, 4>>,
        here: Vec<u8>,
        full: usize,
    }

    impl Host {
        fn address(last: u8, present: bool) -> Input<'static> {
            let address = core::net::Ipv4Addr::new(203, 0, 113, last).into();
            let address = InterfaceAddress { address, length: 24 };
            Input::Address { link: LinkId(1), address, present, ours: false }
        }

        fn set(&mut self, last: u8, present: bool) {
            if present {
                self.here.push(last);
            } else {
                self.here.retain(|&other| other != last);
            }
            self.tell(Self::address(last, present));
        }

        fn tell(&mut self, input: Input<'_>) {
            self.engine.handle(Instant::ZERO, input);
            let mut asked = false;
            while let Some(output) = self.engine.poll() {
                asked |= matches!(output, Output::AskTable { what: HostTable::Addresses });
                let full = Record::Full { limit: Limit::HostAddresses };
                self.full += usize::from(matches!(output, Output::Record(record) if record == full));
            }
            if asked {
                self.tell_all();
            }
        }

        fn tell_all(&mut self) {
            self.tell(Input::Resync { what: HostTable::Addresses, phase: Phase::Begin });
            for last in self.here.clone() {
                self.tell(Self::address(last, true));
            }
            self.tell(Input::Resync { what: HostTable::Addresses, phase: Phase::End });
        }

        fn known(&self) -> Vec<u8> {
            let own =
                |last: &u8| self.engine.inner.is_own(core::net::Ipv4Addr::new(203, 0, 113, *last).into());
            (0..=255).filter(own).collect()
        }
    }

    #[test]
    fn an_address_too_many_is_said_once_and_known_when_there_is_room() {
        let mut host = Host { engine: Box::default(), here: Vec::new(), full: 0 };
        host.engine.start(Instant::ZERO, 1);
        host.tell(Input::Link { link: LinkId(1), name: "eth0", up: true, gone: false });
        host.tell_all();
        for last in 1..=8 {
            host.set(last, true);
        }
        assert_eq!((host.known(), host.full), ((1..=8).collect(), 0), "at the limit nothing is left out");
        host.set(9, true);
        host.set(10, true);
        host.tell_all();
        assert_eq!((host.known(), host.full), ((1..=8).collect(), 1), "beyond it is said once");
        host.set(3, false);
        host.set(4, false);
        assert_eq!(host.known(), [1, 2, 5, 6, 7, 8, 9, 10], "what was left out is asked for");
        let said = host.full;
        host.set(5, false);
        host.set(11, true);
        assert_eq!((host.known(), host.full), ([1, 2, 6, 7, 8, 9, 10, 11].into(), said));
        host.set(12, true);
        assert_eq!(host.full, said + 1, "the next time is another time");
    }
}
