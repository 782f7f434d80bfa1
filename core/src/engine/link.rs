//! The host's links: which of them are kept, and who depends on one that changes.
//!
//! A host may have hundreds of links (one for each container) and a place is kept for at most 32 of them: those that
//! something needs, and as many others as find room. One that has no place is nobody: nothing is ever concluded from another
//! link in its stead. What is needed may be known only after the links were told (the address that leads to a neighbor comes
//! later), so the table is asked for again when a link was left out and something needs one.

use super::Inner;
use super::input::HostTable;
use super::names::LinkId;
use super::record::Limit;
use super::route::OWED;
use crate::base::limits::{LINK_NAME, LINKS_PER_PEER};
use crate::bgp::peer::LastEnd;

/// A link. All zero bits at rest: `id` 0 is a free place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    /// Empty until it is told: an address may be told before its link.
    name: [u8; LINK_NAME],
    pub(super) up: bool,
}

impl Link {
    pub(super) const REST: Self = Self { id: LinkId(0), name: [0; LINK_NAME], up: false };

    pub(super) fn name(&self) -> &str {
        let length = self.name.iter().position(|&octet| octet == 0).unwrap_or(LINK_NAME);
        self.name.get(..length).and_then(|name| core::str::from_utf8(name).ok()).unwrap_or("")
    }

    fn set_name(&mut self, name: &str) {
        self.name = [0; LINK_NAME];
        for (place, &octet) in self.name.iter_mut().zip(name.as_bytes()) {
            *place = octet;
        }
    }
}

/// The bit of a table of the host in `ask_tables` and `left_out`.
pub(super) const fn table_bit(table: HostTable) -> u8 {
    1 << table as u8
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// How many links are kept at most.
    pub(super) const LINKS: usize = if P * LINKS_PER_PEER < 32 { P * LINKS_PER_PEER } else { 32 };

    pub(super) fn links(&self) -> &[Link] {
        self.links.as_flattened().get(..Self::LINKS).unwrap_or(&[])
    }

    /// The place of a link; `None`: it has none.
    pub(super) fn link_place(&self, id: LinkId) -> Option<usize> {
        let known = self.links().iter().position(|link| link.id == id && id != LinkId(0));
        known.or(planted!(LastPlaceShared).then_some(Self::LINKS - 1))
    }

    /// The place of the link with this name.
    pub(super) fn link_named(&self, name: &str) -> Option<usize> {
        self.links().iter().position(|link| link.id != LinkId(0) && link.name() == name)
    }

    /// Whether a statement names this link (`lo` is where an address is bound when nothing is said).
    fn is_link_said(&self, name: &str) -> bool {
        let view = self.config.view();
        let is_it = |said| view.text(said) == name;
        !name.is_empty()
            && (name == "lo"
                || view.services.iter().any(|service| is_it(service.interface))
                || view.neighbors.iter().any(|neighbor| is_it(neighbor.options.interface))
                || view.groups.iter().any(|group| is_it(group.options.interface))
                || view.routes.iter().any(|route| !route.interface.is_empty() && is_it(route.interface)))
    }

    /// Whether a statement names a link or a peer is on it.
    fn is_link_needed(&self, id: LinkId, name: &str) -> bool {
        self.is_link_said(name) || self.peers.iter().any(|peer| peer.link == id.0)
    }

    /// A place for a link that is needed: a free one, or that of a link that nothing needs. `None`: all are needed.
    fn room_for_link(&mut self) -> Option<usize> {
        let free = self.links().iter().position(|link| link.id == LinkId(0));
        let place = free.or_else(|| {
            let held = (0..self.routes.high())
                .map(|route| self.routes.get(route))
                .fold(0, |held, route| held | route.links | bit_of_bound(route.bound_on));
            (0..Self::LINKS).find(|&place| {
                let link = &self.links()[place];
                held & (1 << place) == 0 && !self.is_link_needed(link.id, link.name())
            })
        });
        match place {
            Some(place) if free.is_none() => self.leave_out_link(place),
            Some(_) => {}
            None => {
                self.left_out |= table_bit(HostTable::Links);
                self.full(Limit::Links);
            }
        }
        place
    }

    /// Takes the place of a link that nothing needs.
    fn leave_out_link(&mut self, place: usize) {
        self.left_out |= table_bit(HostTable::Links);
        self.free_link(place);
    }

    fn free_link(&mut self, place: usize) {
        self.links.as_flattened_mut()[place] = Link::REST;
        self.links_stale &= !(1 << place);
    }

    /// Something needs a link: if it was left out, its table is asked for again. Not while all places are needed: then the
    /// end of one of those asks.
    pub(super) fn want_link(&mut self, id: LinkId) {
        if id != LinkId(0) && self.link_place(id).is_none() && !self.is_full(Limit::Links) {
            self.ask_left_out(HostTable::Links);
        }
    }

    /// Asks for a table again if something of it was left out.
    pub(super) fn ask_left_out(&mut self, table: HostTable) {
        self.ask_tables |= self.left_out & table_bit(table);
        self.left_out &= !table_bit(table);
    }

    /// The place of a link that an address of a route is on; it gets one if it has none. `None`: all places are needed.
    pub(super) fn claim_link(&mut self, id: LinkId) -> Option<usize> {
        if let Some(place) = self.link_place(id) {
            return Some(place);
        }
        self.want_link(id);
        let place = self.room_for_link()?;
        self.links.as_flattened_mut()[place].id = id;
        Some(place)
    }

    /// A link, as it is now.
    pub(super) fn link(&mut self, id: LinkId, name: &str, up: bool, gone: bool) {
        if gone {
            return self.link_gone(id);
        }
        let known = self.link_place(id);
        let free = self.links().iter().any(|link| link.id == LinkId(0));
        let place =
            known.or_else(|| if free || self.is_link_needed(id, name) { self.room_for_link() } else { None });
        let Some(place) = place else {
            self.left_out |= table_bit(HostTable::Links);
            if !up && self.peers.iter().any(|peer| peer.link == id.0) {
                self.link_changed(id, false); // What it was before is not kept: at worst this is said again.
            }
            return;
        };
        self.links_stale &= !(1 << place);
        let link = &mut self.links.as_flattened_mut()[place];
        let news = known.is_none() || link.up != up || link.name() != name;
        link.id = id;
        link.up = up;
        link.set_name(name);
        if news {
            self.link_changed(id, up);
        }
    }

    /// A link is gone, and its addresses with it: its place may soon be another one's.
    fn link_gone(&mut self, id: LinkId) {
        while let Some(host) = self.hosts.as_slice().iter().position(|host| host.link == id) {
            self.forget_host_address(host);
        }
        let is_known = self.link_place(id).is_some() || self.peers.iter().any(|peer| peer.link == id.0);
        if let Some(link) = self.link_place(id) {
            // It is down before its addresses go: nobody took them away.
            self.links.as_flattened_mut()[link].up = false;
            for place in 0..self.routes.high() {
                if self.routes.is_used(place) && self.routes.get(place).links & (1 << link) != 0 {
                    self.address_of_route(place, link, false, false);
                }
                let bound_on = &mut self.routes.get_mut(place).bound_on;
                if usize::from(*bound_on) == link + 1 {
                    *bound_on = 0;
                }
            }
            self.free_link(link);
            if self.is_full(Limit::Links) {
                self.room(Limit::Links);
                self.ask_left_out(HostTable::Links);
            }
        }
        if is_known {
            self.link_changed(id, false);
        } else {
            self.find_peers();
        }
    }

    /// The table of links was told from its beginning to its end: those that were not repeated are gone.
    pub(super) fn links_told(&mut self) {
        for place in 0..Self::LINKS {
            if self.links_stale & (1 << place) != 0 {
                self.link_gone(self.links()[place].id);
            }
        }
    }

    /// The table of links is about to be told.
    pub(super) fn links_begin(&mut self) {
        self.left_out &= !table_bit(HostTable::Links);
        self.links_stale = 0;
        for place in 0..Self::LINKS {
            self.links_stale |= u32::from(self.links()[place].id != LinkId(0)) << place;
        }
    }

    /// A link came, went, or changed its carrier: who depends on it?
    fn link_changed(&mut self, id: LinkId, up: bool) {
        // One that is known by its link alone loses it here.
        let before = self.peers.each_ref().map(|peer| peer.link);
        self.find_peers();
        for (peer, before) in before.into_iter().enumerate() {
            if [before, self.peers[peer].link].contains(&id.0) {
                if up {
                    self.dial_soon(peer);
                } else {
                    self.path_down(peer, LastEnd::LinkDown);
                }
            }
        }
        for service in 0..self.config.view().services.len() {
            self.service_link(service);
        }
        self.judge_next_hops();
        // An address that waits for its link, or lost it with the link, may have a step to take.
        for route in 0..self.routes.high() {
            if self.routes.is_used(route) && self.routes.get(route).is_address {
                let now = self.now;
                self.routes.get_mut(route).cell.ground_changed(now);
                self.routes.sets.insert(OWED, route);
            }
        }
    }
}

/// The bit of the place that an address is bound on; none for 0.
const fn bit_of_bound(bound_on: u8) -> u32 {
    if bound_on == 0 { 0 } else { 1 << (bound_on - 1) }
}

#[cfg(test)]
mod tests {
    use crate::base::net::InterfaceAddress;
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::{Limit, Record};
    use crate::engine::{Engine, HostTable, Input, LinkId, Output, Phase};
    use std::boxed::Box;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    /// Places for four links.
    type Small = Engine<1, 4>;

    const NEIGHBOR: &str = "router bgp 65000\nbgp router-id 10.0.0.1\nneighbor 10.0.0.2 remote-as external\n";
    const UPLINK: u32 = 210;

    /// A host with the links that it tells when it is asked.
    struct Host {
        engine: Box<Small>,
        links: Vec<(u32, String)>,
        addresses: Vec<(u32, &'static str, u8)>,
        records: Vec<Record>,
        dialed: usize,
        closed: usize,
        asked: usize,
    }

    impl Host {
        /// `lo`, 200 links of containers, and the uplink, listed last.
        fn crowded(lines: &str) -> Self {
            let mut links = std::vec![(1, String::from("lo"))];
            links.extend((2..=201).map(|number| (number, format!("veth{number}"))));
            links.push((UPLINK, String::from("eth0")));
            let mut addresses = std::vec![(1, "127.0.0.1", 8)];
            addresses.extend((2..=201).map(|number| (number, "fe80::1", 64)));
            addresses.push((UPLINK, "10.0.0.1", 24));
            let (records, dialed, closed, asked) = (Vec::new(), 0, 0, 0);
            let mut host = Self { engine: Box::default(), links, addresses, records, dialed, closed, asked };
            host.engine.start(Instant::ZERO, 1);
            host.configure(lines);
            host
        }

        fn configure(&mut self, lines: &str) {
            let mut config = Box::<Config<1, 4>>::default();
            let text = format!("{NEIGHBOR}{lines}");
            assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok(), "{text}");
            self.engine.configure(Instant::ZERO, &config);
            self.obey();
        }

        fn tell(&mut self, fact: Input<'_>) {
            self.engine.handle(Instant::ZERO, fact);
            self.obey();
        }

        fn obey(&mut self) {
            let mut asked = Vec::new();
            while let Some(order) = self.engine.poll() {
                match order {
                    Output::AskTable { what } => asked.push(what),
                    Output::Record(record) => self.records.push(record),
                    Output::Connect { .. } => self.dialed += 1,
                    Output::Close { .. } => self.closed += 1,
                    _ => {}
                }
            }
            self.asked += asked.len();
            assert!(self.asked < 20, "a table is asked for again and again");
            for table in asked {
                self.tell_table(table);
            }
        }

        fn tell_table(&mut self, what: HostTable) {
            self.tell(Input::Resync { what, phase: Phase::Begin });
            match what {
                HostTable::Links => {
                    for (number, name) in self.links.clone() {
                        self.tell(Input::Link { link: LinkId(number), name: &name, up: true, gone: false });
                    }
                }
                HostTable::Addresses => {
                    for (link, text, length) in self.addresses.clone() {
                        let address = InterfaceAddress { address: text.parse().unwrap(), length };
                        let link = LinkId(link);
                        self.tell(Input::Address { link, address, present: true, ours: false });
                    }
                }
                HostTable::Routes => {}
            }
            self.tell(Input::Resync { what, phase: Phase::End });
        }

        fn end_link(&mut self, number: u32) {
            self.links.retain(|&(other, _)| other != number);
            self.addresses.retain(|&(other, ..)| other != number);
            self.tell(Input::Link { link: LinkId(number), name: "", up: false, gone: true });
            self.tell(Input::Tick);
        }

        fn has_place(&self, number: u32) -> bool {
            self.engine.inner.link_place(LinkId(number)).is_some()
        }

        fn full(&self) -> usize {
            self.records.iter().filter(|&&record| record == Record::Full { limit: Limit::Links }).count()
        }
    }

    #[test]
    fn the_link_to_a_neighbor_has_a_place_on_a_host_with_200_others_in_whatever_order_they_are_told() {
        use HostTable::{Addresses, Links};
        for order in [&[Links, Addresses][..], &[Addresses, Links], &[Addresses, Links, Addresses]] {
            for uplink_first in [false, true] {
                let mut host = Host::crowded("");
                if uplink_first {
                    host.links.reverse();
                    host.addresses.reverse();
                }
                for &table in order {
                    host.tell_table(table);
                }
                host.tell(Input::Tick);
                assert_eq!(host.engine.inner.peers[0].link, UPLINK);
                assert!(host.has_place(UPLINK) && host.has_place(1), "{order:?}");
                assert_eq!((host.full(), host.dialed), (0, 1), "nothing that matters was left out");
                for number in [2, 3, 100, 201] {
                    host.end_link(number);
                }
                assert_eq!((host.dialed, host.closed), (1, 0), "a foreign link is nobody");
                host.tell(Input::Link { link: LinkId(UPLINK), name: "eth0", up: false, gone: false });
                assert_eq!(host.closed, 1, "{order:?}: our own link is down");
                host.end_link(UPLINK);
                assert_eq!((host.engine.inner.peers[0].link, host.has_place(UPLINK)), (0, false));
            }
        }
    }

    #[test]
    fn a_link_that_a_reload_names_is_asked_for() {
        let mut host = Host::crowded("");
        for table in [HostTable::Links, HostTable::Addresses] {
            host.tell_table(table);
        }
        assert!(!host.has_place(150));
        host.configure("failover web\naddress 192.0.2.10/32\nbind veth150\nexit\n");
        assert!(host.has_place(150) && host.has_place(UPLINK) && host.has_place(1));
        host.tell(Input::Tick);
        let bound = host.engine.inner.routes.get(0).bound_on;
        let on = host.engine.inner.links()[usize::from(bound) - 1].id;
        assert_eq!(on, LinkId(150));
    }

    #[test]
    fn one_more_link_than_there_are_places_is_said_once_and_gets_the_next_place_that_is_free() {
        let service = |number: u32| {
            format!("failover s{number}\naddress 192.0.2.{number}/32\nbind veth{number}\nexit\n")
        };
        let lines: String = [11, 12, 13].map(service).concat();
        let mut host = Host::crowded(&lines);
        for table in [HostTable::Links, HostTable::Addresses, HostTable::Links] {
            host.tell_table(table);
        }
        host.tell(Input::Tick);
        let placed = |host: &Host| [1, 11, 12, 13, UPLINK].map(|number| host.has_place(number));
        assert_eq!(placed(&host), [true, true, true, true, false]);
        assert_eq!(host.full(), 1);
        assert_eq!((host.engine.inner.peers[0].link, host.dialed), (UPLINK, 1), "it works all the same");
        host.tell(Input::Link { link: LinkId(UPLINK), name: "eth0", up: false, gone: false });
        assert_eq!(host.closed, 1, "news of it is news of the neighbor's link, with a place or without");
        host.end_link(12);
        assert_eq!(placed(&host), [true, true, false, true, true]);
        assert_eq!(host.full(), 1);
        let dialed = host.dialed;
        host.end_link(13);
        host.end_link(UPLINK);
        assert_eq!((host.dialed, host.engine.inner.peers[0].link), (dialed, 0));
    }

    #[test]
    fn an_address_of_an_unknown_link_counts_and_goes_with_it() {
        let mut host = Host::crowded("failover web\naddress 192.0.2.10/32\nbind none\nexit\n");
        for table in [HostTable::Links, HostTable::Addresses] {
            host.tell_table(table);
        }
        let address = InterfaceAddress { address: "192.0.2.10".parse().unwrap(), length: 32 };
        host.tell(Input::Address { link: LinkId(150), address, present: true, ours: false });
        assert_eq!(host.engine.inner.addresses_of(0), (1, 1));
        host.tell(Input::Address { link: LinkId(151), address, present: false, ours: false });
        assert_eq!(host.engine.inner.addresses_of(0), (1, 1), "it was not there");
        host.end_link(151);
        assert_eq!(host.engine.inner.addresses_of(0), (1, 1));
        host.end_link(150);
        assert_eq!(host.engine.inner.addresses_of(0), (1, 0));
    }
}
