//! What two OPENs agree on (RFC 4271 section 4.2 and 6.2, RFC 5492, RFC 6286, RFC 6793, RFC 8950).

use crate::base::net::{Asn, BgpId, Families, Family};
use crate::config::RemoteAs;
use crate::wire::capability::{Capabilities, multiprotocol};
use crate::wire::notification::{Fault, Notification, open};
use crate::wire::open::{Open, VERSION};

/// What we bring to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// Our AS.
    pub asn: Asn,
    /// Our BGP Identifier.
    pub id: BgpId,
    /// The hold time we propose, in seconds.
    pub hold_time: u16,
    /// How often we would send KEEPALIVEs, in seconds.
    pub keepalive: u16,
    /// Which AS the peer may have.
    pub remote_as: RemoteAs,
    /// The families we want to exchange.
    pub families: Families,
    /// Whether we offer IPv4 routes with IPv6 next hops.
    pub extended_next_hop: bool,
    /// Whether the peer takes optional parameters: without them it is told of no capability, and none is agreed on.
    pub parameters: bool,
}

/// What was agreed on. The rest value is all zero bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// The peer's AS.
    pub remote_as: Asn,
    /// The peer's BGP Identifier.
    pub remote_id: BgpId,
    /// The hold time, in seconds: the lesser of both; 0: neither side expects anything.
    pub hold_time: u16,
    /// How often we send a KEEPALIVE, in seconds: at most a third of the hold time.
    pub keepalive: u16,
    /// The families both sides exchange.
    pub families: Families,
    /// Whether the peer is of another AS.
    pub ebgp: bool,
    /// Whether both sides speak of 4-octet AS numbers.
    pub as4: bool,
    /// Whether IPv4 routes may have IPv6 next hops.
    pub extended_next_hop: bool,
    /// Whether the peer understands ROUTE-REFRESH.
    pub route_refresh: bool,
    /// Whether the peer understands its markers (RFC 7313).
    pub enhanced_route_refresh: bool,
    /// Whether the peer offers graceful restart.
    pub graceful_restart: bool,
}

impl Session {
    /// Nothing agreed on.
    pub(crate) const REST: Self = Self {
        remote_as: Asn(0),
        remote_id: BgpId(0),
        hold_time: 0,
        keepalive: 0,
        families: Families::NONE,
        ebgp: false,
        as4: false,
        extended_next_hop: false,
        route_refresh: false,
        enhanced_route_refresh: false,
        graceful_restart: false,
    };
}

impl Local {
    /// Our OPEN.
    pub(crate) const fn open(&self) -> Open {
        let Self { asn, id, hold_time, .. } = *self;
        if !self.parameters {
            return Open { version: VERSION, asn, hold_time, id, capabilities: Capabilities::NONE };
        }
        Open {
            version: VERSION,
            asn,
            hold_time,
            id,
            capabilities: Capabilities {
                families: self.families,
                multiprotocol: true,
                as4: self.asn,
                route_refresh: true,
                enhanced_route_refresh: true,
                extended_next_hop: self.extended_next_hop && self.families.has(Family::Ipv4),
                graceful_restart: false,
                unknown: 0,
            },
        }
    }

    /// Whether a peer may have `asn`.
    fn accepts(&self, asn: Asn) -> bool {
        match self.remote_as {
            RemoteAs::Unset => false,
            RemoteAs::External => asn != self.asn,
            RemoteAs::Internal => asn == self.asn,
            RemoteAs::Number(number) => asn == number,
        }
    }
}

/// What `local` and the peer's OPEN agree on, or what the peer is told instead.
pub(crate) fn negotiate(local: &Local, peer: &Open) -> Result<Session, Fault> {
    let theirs = &peer.capabilities;
    let as4 = theirs.as4 != Asn(0);
    let remote_as = if as4 { theirs.as4 } else { peer.asn };
    // AS_TRANS is nobody's number (RFC 6793 section 9).
    if !local.accepts(remote_as) || remote_as == Asn::TRANS {
        return Err(Fault::new(open::CODE, open::BAD_PEER_AS));
    }
    let ebgp = remote_as != local.asn;
    // Within an AS an identifier is unique; across them the pair of AS and identifier is (RFC 6286 section 2.2).
    if !ebgp && peer.id == local.id {
        return Err(Fault::new(open::CODE, open::BAD_IDENTIFIER));
    }
    let none = Capabilities::NONE;
    let theirs = if local.parameters { theirs } else { &none };
    let families = local.families.and(theirs.spoken());
    if families.is_empty() && !local.families.is_empty() {
        return Err(unsupported(local.families));
    }
    let hold_time = local.hold_time.min(peer.hold_time);
    Ok(Session {
        remote_as,
        remote_id: peer.id,
        hold_time,
        keepalive: if hold_time == 0 { 0 } else { local.keepalive.clamp(1, (hold_time / 3).max(1)) },
        families,
        ebgp,
        as4: as4 && local.parameters,
        extended_next_hop: local.extended_next_hop && theirs.extended_next_hop,
        route_refresh: theirs.route_refresh,
        enhanced_route_refresh: theirs.enhanced_route_refresh,
        graceful_restart: theirs.graceful_restart,
    })
}

/// Unsupported Capability, with the capabilities that are missed as data (RFC 5492 section 5).
fn unsupported(families: Families) -> Fault {
    let mut data = [0; 12];
    let mut length = 0;
    for (place, family) in data.chunks_exact_mut(6).zip(families.iter()) {
        place.copy_from_slice(&multiprotocol(family));
        length += 6;
    }
    let data = data.get(..length).unwrap_or(&[]);
    Fault::from(Notification { code: open::CODE, subcode: open::UNSUPPORTED_CAPABILITY, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Local {
        Local {
            asn: Asn(65_000),
            id: BgpId(1),
            hold_time: 9,
            keepalive: 3,
            remote_as: RemoteAs::External,
            families: Families::NONE.with(Family::Ipv4),
            extended_next_hop: true,
            parameters: true,
        }
    }

    fn peer() -> Open {
        Local { asn: Asn(63_949), id: BgpId(2), hold_time: 240, ..local() }.open()
    }

    fn refused(local: &Local, open: &Open) -> (u8, u8) {
        let fault = negotiate(local, open).unwrap_err();
        (fault.code, fault.subcode)
    }

    #[test]
    fn the_lesser_hold_time_wins_and_keepalives_are_a_third_of_it_at_most() {
        let got = negotiate(&local(), &peer()).unwrap();
        assert_eq!((got.hold_time, got.keepalive), (9, 3));
        let got = negotiate(&local(), &Open { hold_time: 3, ..peer() }).unwrap();
        assert_eq!((got.hold_time, got.keepalive), (3, 1));
        let got = negotiate(&local(), &Open { hold_time: 0, ..peer() }).unwrap();
        assert_eq!((got.hold_time, got.keepalive), (0, 0));
    }

    #[test]
    fn an_as_that_was_not_asked_for_is_refused() {
        assert_eq!(refused(&Local { remote_as: RemoteAs::Number(Asn(1)), ..local() }, &peer()), (2, 2));
        assert_eq!(refused(&Local { remote_as: RemoteAs::Internal, ..local() }, &peer()), (2, 2));
        assert_eq!(refused(&Local { asn: Asn(63_949), ..local() }, &peer()), (2, 2));
    }

    #[test]
    fn as_trans_without_the_capability_is_nobodys_number() {
        let mut open = peer();
        open.asn = Asn::TRANS;
        open.capabilities.as4 = Asn(0);
        assert_eq!(refused(&local(), &open), (2, 2));
    }

    #[test]
    fn one_identifier_twice_is_refused_within_an_as_only() {
        let twin = Open { id: BgpId(1), ..peer() };
        assert!(negotiate(&local(), &twin).is_ok());
        let internal = Local { asn: Asn(63_949), remote_as: RemoteAs::Internal, ..local() };
        assert_eq!(refused(&internal, &twin), (2, 3));
    }

    #[test]
    fn a_peer_without_multiprotocol_capabilities_speaks_ipv4() {
        let mut open = peer();
        open.capabilities = Capabilities { as4: Asn(63_949), ..Capabilities::NONE };
        let got = negotiate(&local(), &open).unwrap();
        assert!(got.families.has(Family::Ipv4) && !got.extended_next_hop);
        let v6_only = Local { families: Families::NONE.with(Family::Ipv6), ..local() };
        let fault = negotiate(&v6_only, &open).unwrap_err();
        assert_eq!((fault.code, fault.subcode), (2, 7));
        assert_eq!(fault.notification().data, [1, 4, 0, 2, 0, 1]);
    }

    #[test]
    fn extended_next_hops_need_both_sides() {
        assert!(negotiate(&local(), &peer()).unwrap().extended_next_hop);
        assert!(
            !negotiate(&Local { extended_next_hop: false, ..local() }, &peer()).unwrap().extended_next_hop
        );
    }
}
