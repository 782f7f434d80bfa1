//! The next hops that each peer is told: always an address of ours (RFC 4271 section 5.1.3), or one that a route-map sets.
//!
//! They are made of what the host is now, not of what it was when the session came up: an address that arrives late (duplicate
//! address detection, DHCP, a router's advertisement) announces what waited for it, and one that goes leaves no dead next hop
//! behind. What a peer was told last is kept as a digest, so that a change that does not matter to it costs nothing.

use core::net::{IpAddr, Ipv6Addr};

use super::Inner;
use super::announce::Audience;
use super::names::LinkId;
use super::own::{Stands, fnv};
use super::record::{NoNextHop, Record};
use crate::base::net::{Family, is_link_local};
use crate::bgp::peer::Digests;
use crate::bgp::policy::{self, Symbol};
use crate::config::PeerFlags;
use crate::wire::next_hop::NextHop;

/// A next hop, or why there is none.
pub(super) type Found = Result<NextHop, NoNextHop>;

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// The next hops that a peer is told unless a route-map says otherwise, by family of the routes. Without one such routes
    /// are not announced.
    pub(super) fn next_hops(&self, peer: usize, slot: usize) -> [Found; 2] {
        let state = &self.peers[peer];
        let extended = state.conns[slot].session.extended_next_hop;
        let v6 = self.next_hop_v6(peer);
        let v4 = || self.own_hop(peer, Family::Ipv4).map(NextHop::new);
        let v4 = match state.local {
            IpAddr::V4(_) => v4(),
            IpAddr::V6(_) if extended => v6.or_else(|why| v4().map_err(|_| why)),
            IpAddr::V6(_) => v4().map_err(|_| NoNextHop::NotAgreed),
        };
        [v4, v6]
    }

    /// The one for IPv6 routes: a global address, and beside it the link-local one for a peer on the same link (RFC 2545
    /// section 3). Where the session itself runs over link-local addresses that one alone will do: `::` stands before it, as FRR
    /// and BIRD have it.
    fn next_hop_v6(&self, peer: usize) -> Found {
        let state = &self.peers[peer];
        let near = state.connected && !self.options(peer).flags.on(PeerFlags::EBGP_MULTIHOP);
        let link_local = if near { self.link_local_on(LinkId(state.link)) } else { None };
        match (self.own_hop(peer, Family::Ipv6), link_local) {
            (Ok(global), _) => {
                Ok(NextHop { global, link_local: link_local.unwrap_or(Ipv6Addr::UNSPECIFIED) })
            }
            (Err(_), Some(link_local)) if state.address.is_ipv6() && is_link_local(state.address) => {
                Ok(NextHop { global: IpAddr::V6(Ipv6Addr::UNSPECIFIED), link_local })
            }
            (Err(why), _) => Err(why),
        }
    }

    /// Our own address of a family for a peer: our end of the session as long as it is there and may stand for us, else one on
    /// the link to the peer.
    fn own_hop(&self, peer: usize, family: Family) -> Result<IpAddr, NoNextHop> {
        let (state, link) = (&self.peers[peer], LinkId(self.peers[peer].link));
        let local = state.local;
        let usable = Family::of(local) == family
            && !(family == Family::Ipv6 && is_link_local(local))
            && !state.local_gone;
        let named = !self.options(peer).interface.is_empty();
        if usable && (!self.is_shared(local) || (named && self.may_stand(local, Stands::Named))) {
            return Ok(local);
        }
        let own = match link {
            LinkId(0) if usable => self.only_own(family),
            LinkId(0) => None,
            link => self.own_on(link, family),
        };
        let own = own.or(Some(local).filter(|&local| usable && self.may_stand(local, Stands::Last)));
        own.ok_or(match link {
            _ if usable => NoNextHop::Shared,
            LinkId(0) => NoNextHop::NotConnected,
            _ => NoNextHop::NoAddress,
        })
    }

    /// The next hop for routes of a family with these attributes. What a route-map asks for is not told to the peer whose own
    /// address it is (RFC 4271 section 5.1.3), and an announced address leads to whoever announces it.
    pub(super) fn next_hop(&self, audience: &Audience, family: Family, symbol: Symbol) -> Found {
        let asked = policy::next_hops(self.config.view(), symbol);
        let may =
            |address: &IpAddr| *address != self.peers[audience.peer].address && !self.is_shared(*address);
        let v4 = asked.v4.map(IpAddr::V4).filter(may);
        let v6 = asked.v6.map(IpAddr::V6).filter(may);
        let set = match family {
            Family::Ipv4 => v4.or(v6.filter(|_| audience.session.extended_next_hop)),
            Family::Ipv6 => v6,
        };
        set.map_or(audience.next_hops[family.index()], |address| Ok(NextHop::new(address)))
    }

    /// A session is new: from here on its next hops are followed.
    pub(super) fn begin_next_hops(&mut self, peer: usize, slot: usize) {
        let local = self.peers[peer].local;
        self.peers[peer].local_seen = self.is_own(local);
        self.peers[peer].local_gone = false;
        let found = self.next_hops(peer, slot);
        let state = &mut self.peers[peer];
        state.next_hops = digests(&found);
        for family in Family::ALL.into_iter().filter(|family| found[family.index()].is_ok()) {
            state.lacks_next_hop = state.lacks_next_hop.with_if(family, false);
        }
    }

    /// Something changed of what a peer's next hops are made of: what it was told with others is told again, or withdrawn.
    pub(super) fn follow_next_hops(&mut self, peer: usize) {
        let Some(slot) = self.peers[peer].established().filter(|_| !self.pass.is_running()) else { return };
        let own = self.is_own(self.peers[peer].local);
        let state = &mut self.peers[peer];
        // An address that the host never told may be ours all the same.
        state.local_seen |= own;
        state.local_gone = state.local_seen && !own;
        let found = self.next_hops(peer, slot);
        self.take_next_hops(peer, &found);
    }

    /// These are a peer's next hops from now on.
    pub(super) fn take_next_hops(&mut self, peer: usize, found: &[Found; 2]) {
        let (before, now) = (self.peers[peer].next_hops, digests(found));
        self.peers[peer].next_hops = now;
        for family in Family::ALL.into_iter().filter(|family| before[family.index()] != now[family.index()]) {
            for place in 0..self.routes.high() {
                if self.routes.is_used(place) && self.routes.get(place).prefix.family() == family {
                    self.adj_out.again(peer, place);
                }
            }
            let (address, lacked) = (self.peers[peer].address, self.peers[peer].lacks_next_hop);
            if found[family.index()].is_ok() && lacked.has(family) {
                self.peers[peer].lacks_next_hop = lacked.with_if(family, false);
                self.record(Record::NextHopFound { peer: address, family });
            }
            self.touch(peer);
        }
    }

    /// A route is not told to a peer for want of a next hop: said once, until there is one.
    pub(super) fn note_no_next_hop(&mut self, peer: usize, family: Family, why: NoNextHop) {
        let state = &mut self.peers[peer];
        if !state.lacks_next_hop.has(family) {
            state.lacks_next_hop = state.lacks_next_hop.with(family);
            let peer = state.address;
            self.record(Record::NoNextHop { peer, family, why });
        }
    }
}

/// A number for each next hop, 0 for none.
pub(super) fn digests(found: &[Found; 2]) -> Digests {
    found.map(|next_hop| {
        next_hop.map_or(0, |next_hop| {
            let global = match next_hop.global {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let mut octets = [0; 32];
            let (first, second) = octets.split_at_mut(16);
            first.copy_from_slice(&global.octets());
            second.copy_from_slice(&next_hop.link_local.octets());
            fnv(&octets).max(1)
        })
    })
}
