//! The addresses of this host as one table: those that the host told, and those that stand behind routes of ours. One
//! question, one function: whether an address is ours, whether others may have it too, which one is near a peer or on a link.
//!
//! An address that is announced may be on another machine as well. As the source of a session, as a next hop or as our
//! identifier it would name both, so one that is not announced comes first everywhere; what may stand in its place when there
//! is none is told by [`Stands`].

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Inner;
use super::names::LinkId;
use super::record::Record;
use super::route::PRESENT;
use crate::base::net::{BgpId, Family, InterfaceAddress, Prefix, is_link_local};
use crate::bgp::fsm::State;
use crate::bgp::peer::Kind;
use crate::bgp::policy::{self, Decision};
use crate::config::Owner;
use crate::failover::reconcile::Standing;

/// How well an address of this host stands for this host alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stands {
    /// Not at all: a `failover` block shares it.
    Never,
    /// It is announced, and alone in its prefix: only where a statement asks for the addresses of its interface.
    Named,
    /// It is announced, and the system has put it on this host with a subnet: where there is none that is not announced.
    Last,
    /// It is not announced.
    Alone,
}

/// Whether an address can serve other hosts: not loopback, not link-local, not multicast.
pub(super) fn is_global(address: IpAddr) -> bool {
    !(address.is_loopback() || address.is_multicast() || address.is_unspecified() || is_link_local(address))
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Whether an address is on this host.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        self.hosts.as_slice().iter().any(|host| host.address.address == address)
            || self.route_of_address(address).is_some_and(|place| self.routes.sets.has(PRESENT, place))
    }

    /// Whether an address is on this link of this host: a link-local one may be on several, and on the neighbors of others.
    pub(super) fn is_own_on(&self, address: IpAddr, link: LinkId) -> bool {
        self.hosts.as_slice().iter().any(|host| host.address.address == address && host.link == link)
    }

    /// Who announces exactly this address; `None`: nobody does. Such an address may be on other machines too.
    fn announcer(&self, address: IpAddr) -> Option<Owner> {
        let place = self.route_of_address(address).or_else(|| self.routes.find(Prefix::host(address)))?;
        let route = self.routes.get(place);
        match route.owner {
            Owner::Service(_) | Owner::Network => Some(route.owner),
            // One with a subnet is this host's by its statement, whatever `redistribute connected` tells of it.
            Owner::Interface if self.bind_length(place) < Family::of(address).bits() => None,
            Owner::None | Owner::Static(_) | Owner::Interface => {
                let (_, map) = self.redistributed(route)?;
                let decision = policy::decide(self.config.view(), map, route.prefix, |_| false);
                (decision != Decision::Deny).then_some(route.owner)
            }
        }
    }

    /// Whether an address is one that other machines may hold too.
    pub(super) fn is_shared(&self, address: IpAddr) -> bool {
        self.announcer(address).is_some()
    }

    /// How well an address of this host, with the length it has there, stands for this host alone.
    fn stands(&self, own: InterfaceAddress) -> Stands {
        let InterfaceAddress { address, length } = own;
        let by_system = |place: usize| {
            let route = self.routes.get(place);
            !route.is_address || route.cell.standing() == Standing::Adopted
        };
        match self.announcer(address) {
            None => Stands::Alone,
            Some(Owner::Service(_)) => Stands::Never,
            Some(_) if length == Family::of(address).bits() => Stands::Named,
            Some(_) if self.route_of_address(address).is_none_or(by_system) => Stands::Last,
            Some(_) => Stands::Named,
        }
    }

    /// The address of this host, as the host holds it, that stands best for this host alone among those that fit, at least as
    /// well as `least`: of equals the one with the longest subnet, then the one that was told last.
    fn best_own(&self, least: Stands, fits: impl Fn(InterfaceAddress, LinkId) -> bool) -> Option<IpAddr> {
        let told = self.hosts.as_slice().iter().filter(|host| is_global(host.address.address));
        let told = told.filter(|host| fits(host.address, host.link));
        told.map(|host| (self.stands(host.address), host.address.length, host.address.address))
            .filter(|(stands, ..)| *stands >= least)
            .max_by_key(|(stands, length, _)| (*stands, *length))
            .map(|(.., address)| address)
    }

    /// The host's subnet that `address` lies in, by the longest prefix, and its link: whether a peer or a next hop is connected.
    /// A link-local address says nothing: every link has that subnet.
    pub(super) fn near(&self, address: IpAddr) -> Option<LinkId> {
        if Family::of(address) == Family::Ipv6 && is_link_local(address) {
            return None;
        }
        let hosts = self.hosts.as_slice().iter().filter(|host| is_subnet_of(host.address, address));
        hosts.max_by_key(|host| host.address.length).map(|host| host.link)
    }

    /// Whether `address` lies in a subnet of this link.
    pub(super) fn is_subnet_on(&self, address: IpAddr, link: LinkId) -> bool {
        let mut hosts = self.hosts.as_slice().iter();
        hosts.any(|host| host.link == link && is_subnet_of(host.address, address))
    }

    /// Our own address on the subnet of `peer`.
    pub(super) fn own_near(&self, peer: IpAddr) -> Option<IpAddr> {
        self.best_own(Stands::Last, |own, _| is_subnet_of(own, peer))
    }

    /// An own address of `family` on this link, with a subnet or without.
    pub(super) fn own_on(&self, link: LinkId, family: Family) -> Option<IpAddr> {
        self.best_own(Stands::Last, |own, on| on == link && Family::of(own.address) == family)
    }

    /// The same where a statement names the link: an announced one will do, if a `failover` block does not share it.
    pub(super) fn named_on(&self, link: LinkId, family: Family) -> Option<IpAddr> {
        let fits = |own: InterfaceAddress, on| on == link && Family::of(own.address) == family;
        self.best_own(Stands::Named, fits).or_else(|| {
            let place = self.link_place(link)?;
            self.own_routes(family)
                .find(|&(route, own)| {
                    self.routes.get(route).links & (1 << place) != 0 && self.stands(own) >= Stands::Named
                })
                .map(|(_, own)| own.address)
        })
    }

    /// The addresses of this host that only a route of ours knows. Whoever asks has found no better one in the host's table:
    /// this looks at every address that is bound.
    fn own_routes(&self, family: Family) -> impl Iterator<Item = (usize, InterfaceAddress)> {
        let mut from = 0;
        let places = core::iter::from_fn(move || {
            let place = self.routes.sets.next(PRESENT, from)?;
            from = place + 1;
            Some(place)
        });
        places.filter_map(move |place| {
            let address = self.address_behind(place);
            let own = InterfaceAddress { address, length: family.bits() };
            (Family::of(address) == family && is_global(address)).then_some((place, own))
        })
    }

    /// Our one global address of a family that is not announced and has a subnet; with several, the host's routing decides.
    pub(super) fn only_own(&self, family: Family) -> Option<IpAddr> {
        let mut own = self.hosts.as_slice().iter().map(|host| host.address).filter(|own| {
            Family::of(own.address) == family
                && own.length < family.bits()
                && is_global(own.address)
                && self.stands(*own) == Stands::Alone
        });
        let first = own.next()?.address;
        own.all(|other| other.address == first).then_some(first)
    }

    /// Our link-local address on this link.
    pub(super) fn link_local_on(&self, link: LinkId) -> Option<Ipv6Addr> {
        self.hosts.as_slice().iter().filter(|host| host.link == link).find_map(|host| {
            match host.address.address {
                IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(v6),
                _ => None,
            }
        })
    }

    /// The link by which an address is reached that no peer told. A link-local one is a neighbor's, or it is on the only link
    /// there is; else nobody knows where it is.
    pub(super) fn link_towards(&self, address: IpAddr) -> Option<LinkId> {
        if Family::of(address) == Family::Ipv4 || !is_link_local(address) {
            return self.near(address);
        }
        let peer = self.peers.iter().find(|peer| peer.address == address && peer.link != 0);
        peer.map(|peer| LinkId(peer.link)).or_else(|| {
            let link_local = |address| Family::of(address) == Family::Ipv6 && is_link_local(address);
            let mut links = self.hosts.as_slice().iter().filter(|host| link_local(host.address.address));
            let first = links.next()?.link;
            links.all(|host| host.link == first).then_some(first)
        })
    }

    /// Whether a statement asks for sessions from the addresses of an interface: then an announced address matters to peers.
    pub(super) fn names_sources(&self) -> bool {
        self.peers.iter().enumerate().any(|(peer, state)| {
            let by_link = state.address.is_ipv6() && is_link_local(state.address);
            state.kind != Kind::Free && !by_link && !self.options(peer).interface.is_empty()
        })
    }

    /// Whether an address of this host may be told to others, or used towards them, as ours: it is not announced, or it stands
    /// in for one that is not.
    pub(super) fn may_stand(&self, address: IpAddr, least: Stands) -> bool {
        if !self.is_shared(address) {
            return true;
        }
        let told = self.hosts.as_slice().iter().map(|host| host.address).filter(|own| own.address == address);
        let single = InterfaceAddress { address, length: Family::of(address).bits() };
        told.chain([single]).any(|own| self.stands(own) >= least)
    }

    /// The BGP Identifier: as configured, else the highest IPv4 address that is this host's alone, else a number made of its
    /// IPv6 address (RFC 6286 asks for uniqueness within the AS only). One that was chosen is kept. Where there is nothing but
    /// addresses that are announced, one that the system has put there is lent, until a better one comes before a session.
    /// Which addresses are announced is known when the configuration's lines are met.
    pub(super) fn choose_router_id(&mut self) {
        let configured = self.config.view().bgp.router_id;
        if configured != BgpId(0) {
            self.router_id = configured;
            self.router_id_lent = false;
            return;
        }
        let known = self.addresses_known && self.configured && !self.pass.is_running();
        let at_rest = || self.peers.iter().all(|peer| peer.furthest().0 < State::OpenSent);
        let settled =
            self.router_id != BgpId(0) && !self.router_id_configured && !(self.router_id_lent && at_rest());
        if !known || settled {
            return;
        }
        let before = self.router_id;
        let own = self.hosts.as_slice().iter().map(|host| host.address);
        let alone = own.filter(|own| is_global(own.address) && self.stands(*own) == Stands::Alone);
        let number = alone.map(|own| rank_of(own.address)).max().or_else(|| self.lent_router_id());
        self.router_id_lent = number.is_some_and(|(kind, _)| kind == LENT);
        self.router_id = BgpId(number.map_or(0, |(_, number)| number));
        if self.router_id == BgpId(0) {
            // One that the configuration brings is on its way, and when it cannot be bound, that is told.
            let mut routes = self.config.view().routes.iter();
            let comes = routes.any(|route| route.owner == Owner::Interface && is_global(route.address));
            if !comes && !core::mem::replace(&mut self.router_id_missed, true) {
                self.record(Record::NoRouterId);
            }
        } else if self.router_id != before {
            self.router_id_missed = false;
            self.dial_all_soon();
        }
    }

    /// The highest IPv4 address that is announced, and that the system has put on this host.
    fn lent_router_id(&self) -> Option<(u8, u32)> {
        let told = self.hosts.as_slice().iter().map(|host| host.address).filter(|own| {
            own.address.is_ipv4() && is_global(own.address) && self.stands(*own) >= Stands::Named
        });
        let adopted = |place: usize| self.routes.get(place).cell.standing() == Standing::Adopted;
        let bound = self
            .own_routes(Family::Ipv4)
            .filter(|&(place, own)| adopted(place) && self.stands(own) >= Stands::Named);
        let numbers = told.chain(bound.map(|(_, own)| own)).map(|own| rank_of(own.address).1);
        numbers.max().map(|number| (LENT, number))
    }
}

/// Whether `address` lies in the subnet of an address of ours.
fn is_subnet_of(own: InterfaceAddress, address: IpAddr) -> bool {
    own.length < Family::of(address).bits() && own.subnet().contains(address)
}

const LENT: u8 = 0;

/// An address as a BGP Identifier; one of IPv4 comes before a number made of an IPv6 one.
fn rank_of(address: IpAddr) -> (u8, u32) {
    match address {
        IpAddr::V4(v4) => (2, v4.to_bits()),
        IpAddr::V6(v6) => (1, number_of(v6)),
    }
}

/// A number that is hardly ever another host's, made of an address that never is: FNV-1a, never 0.
fn number_of(address: Ipv6Addr) -> u32 {
    fnv(&address.octets()).max(u32::from(Ipv4Addr::LOCALHOST.octets()[3]))
}

/// FNV-1a.
pub(super) fn fnv(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811C_9DC5_u32, |hash, &octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193))
}
