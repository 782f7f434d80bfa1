//! The configuration of an image without text: composed in code, by the same rules.
//!
//! A product that keeps its settings in a form of its own reads them here; this one has them as constants: one address,
//! one neighbor, and the two route-maps of a pair.

use core::net::{IpAddr, Ipv4Addr};

use holdover_core::base::net::Asn;
use holdover_core::config::{
    Builder, Clause, ErrorKind, ListRef, Owner, PeerOptions, RemoteAs, Role, Route, Service, compose,
};
use holdover_smoltcp::PLATFORM;

use crate::appliance::Settings;

const NAME: &str = "appliance";
const OWN_AS: Asn = Asn(65_001);
const PEER_AS: Asn = Asn(64_500);
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 11));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
const SUBNET: u8 = 24;
const SHARED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const ROLE: Role = Role::Primary;

/// Builds it in the place of what `config` holds.
pub(crate) fn build(config: &mut Settings) -> Result<(), ErrorKind> {
    compose(&PLATFORM, config, describe)
}

fn describe(builder: &mut Builder<'_>) -> Result<(), ErrorKind> {
    builder.hostname(NAME)?;
    builder.bgp().local_as = OWN_AS;
    let interface = builder.text("eth0")?;
    builder.route(Route {
        address: OWN,
        length: SUBNET,
        owner: Owner::Interface,
        interface,
        ..Route::REST
    })?;
    builder.neighbor(PEER, PeerOptions { remote_as: RemoteAs::Number(PEER_AS), ..PeerOptions::REST })?;
    for (name, value) in [("primary", 1), ("secondary", 2)] {
        builder.route_map(name, 10, false, &[Clause::SetLargeCommunity([63_949, 1, value])])?;
    }
    let mut list = |name| builder.text(name).map(|name| ListRef { name, first: 0 });
    let (active, standby) = (list("primary")?, list("secondary")?);
    let service = Service { name: builder.text("shared")?, role: ROLE, active, standby, ..Service::DEFAULT };
    builder.service(service, &[(SHARED, 32)]).map(drop)
}
