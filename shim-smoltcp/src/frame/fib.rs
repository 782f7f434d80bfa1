//! The forwarding plane's routes: by longest prefix, for both families, with equal shares among next hops.

use core::net::{IpAddr, Ipv4Addr};

use holdover_core::base::net::Prefix;
use holdover_core::engine::RouteTarget;

use super::Full;

/// The most distinct next hops of all routes together: a route's are a set of places among them, one bit each.
pub const NEXT_HOPS: usize = u32::BITS as usize;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this neighbour, which may be of another family than the packet (RFC 8950).
    Via(IpAddr),
    /// Nowhere, in silence.
    Blackhole,
    /// Nowhere, answered with "unreachable".
    Unreachable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Free,
    Via,
    Blackhole,
    Unreachable,
}

#[derive(Clone, Copy)]
struct Route {
    kind: Kind,
    /// The next hops, as a set of places.
    hops: u32,
    prefix: Prefix,
}

impl Route {
    const REST: Self = Self { kind: Kind::Free, hops: 0, prefix: Prefix::ZERO };
}

/// At most `ROUTES` routes. All zero bits at rest.
pub struct Fib<const ROUTES: usize> {
    routes: [Route; ROUTES],
    /// A place that no route names is free.
    hops: [IpAddr; NEXT_HOPS],
}

impl<const ROUTES: usize> Default for Fib<ROUTES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const ROUTES: usize> Fib<ROUTES> {
    /// A table without routes.
    pub const fn new() -> Self {
        Self { routes: [Route::REST; ROUTES], hops: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); NEXT_HOPS] }
    }

    /// Puts a route in the table, in the place of an earlier one to the same prefix. `Full`: every place for a route, or
    /// for a next hop, is taken, and the table is as it was. A route via no next hop is an unreachable one.
    pub fn install(&mut self, prefix: Prefix, target: RouteTarget<'_>) -> Result<(), Full> {
        let place =
            self.place(prefix).or_else(|| self.routes.iter().position(|route| route.kind == Kind::Free));
        let place = place.ok_or(Full)?;
        let (kind, hops) = match target {
            RouteTarget::Via([]) | RouteTarget::Unreachable => (Kind::Unreachable, 0),
            RouteTarget::Via(hops) => (Kind::Via, self.places_of(hops.iter().map(|hop| hop.address))?),
            RouteTarget::Blackhole => (Kind::Blackhole, 0),
        };
        *self.routes.get_mut(place).ok_or(Full)? = Route { kind, hops, prefix };
        Ok(())
    }

    /// Takes the route to exactly this prefix out of the table; says whether there was one.
    pub fn remove(&mut self, prefix: Prefix) -> bool {
        let place = self.place(prefix).and_then(|place| self.routes.get_mut(place));
        place.map(|route| *route = Route::REST).is_some()
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.routes.iter().filter(|route| route.kind != Kind::Free).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The longest prefix's target for `destination`, and that prefix's length. Of several next hops `flow`, a hash over
    /// what a flow's packets have in common, chooses one: each has an equal part of the hashes in a row, so that a next hop
    /// that comes or goes moves few of the others' flows (RFC 2992 section 2).
    pub fn find(&self, destination: IpAddr, flow: u16) -> Option<(u8, Target)> {
        let routes =
            self.routes.iter().filter(|route| route.kind != Kind::Free && route.prefix.contains(destination));
        let route = routes.max_by_key(|route| route.prefix.length())?;
        let target = match route.kind {
            Kind::Via => self.share(route.hops, flow).map_or(Target::Unreachable, Target::Via),
            Kind::Blackhole => Target::Blackhole,
            Kind::Free | Kind::Unreachable => Target::Unreachable,
        };
        Some((route.prefix.length(), target))
    }

    fn place(&self, prefix: Prefix) -> Option<usize> {
        self.routes.iter().position(|route| route.kind != Kind::Free && route.prefix == prefix)
    }

    /// The places of these next hops. No place that a route names is written over, so that a failure changes no route.
    fn places_of(&mut self, wanted: impl Iterator<Item = IpAddr>) -> Result<u32, Full> {
        let taken = self.routes.iter().fold(0, |taken, route| taken | route.hops);
        let mut places = 0_u32;
        for address in wanted {
            let taken = taken | places;
            let known = bits(taken).find(|&place| self.hops.get(place as usize) == Some(&address));
            let place = known.or_else(|| bits(!taken).next()).ok_or(Full)?;
            *self.hops.get_mut(place as usize).ok_or(Full)? = address;
            places |= 1_u32.checked_shl(place).ok_or(Full)?;
        }
        Ok(places)
    }

    /// The one of these next hops whose part of all hashes `flow` lies in.
    fn share(&self, hops: u32, flow: u16) -> Option<IpAddr> {
        let nth = u32::from(flow).saturating_mul(hops.count_ones()) >> 16;
        let place = bits(hops).nth(usize::try_from(nth).ok()?)?;
        self.hops.get(place as usize).copied()
    }
}

/// The places in a set, in their order.
fn bits(set: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).filter(move |&place| set.checked_shr(place).is_some_and(|rest| rest & 1 != 0))
}
