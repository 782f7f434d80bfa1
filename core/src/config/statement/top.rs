//! The top level: the host's name, the blocks, and routes to nowhere or to a gateway.

use core::fmt::Write;

use super::{Node, Statement, Subject};
use crate::base::net::{Asn, Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::edit::is_nobodys;
use crate::config::error::{ErrorKind, Fault, NotTaken};
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{ConfigView, Owner, Route, StaticKind};
use crate::config::value::Value;

pub(super) const ROWS: &[Statement] = &[
    Statement::new("hostname NAME(WORD)", "the name of this host, in `show` and in logs", hostname)
        .default("the system's host name")
        .print(print_hostname),
    Statement::new(
        "router bgp ASN [as-notation <plain|dot|dot+>]",
        "opens the BGP block: our AS number",
        router_bgp,
    ),
    Statement::new("bfd", "opens the BFD block: profiles of timers", bfd),
    Statement::new(
        "failover NAME",
        "opens a failover block: addresses with one health and one posture",
        failover,
    ),
    Statement::new(
        "steer NAME",
        "opens a steer block: the router's side, the choice between announcers",
        steer,
    ),
    Statement::new("interface IFNAME", "opens an interface block", interface),
];

pub(super) const ROUTES: &[Statement] = &[
    Statement::new(
        "ip route PREFIX <Null0|blackhole|reject|null0> [tag TAG(1-4294967295)] [DISTANCE(1-255)] [tag TAG(1-4294967295)]",
        "installs a route to nowhere; `redistribute static` announces it; tag and distance have no effect",
        |draft, values| route(draft, values, Family::Ipv4),
    )
    .print(|view, subject, values| print_route(view, subject, values, Family::Ipv4)),
    Statement::new(
        "ipv6 route PREFIX <Null0|blackhole|reject|null0> [tag TAG(1-4294967295)] [DISTANCE(1-255)] [tag TAG(1-4294967295)]",
        "installs a route to nowhere; `redistribute static` announces it; tag and distance have no effect",
        |draft, values| route(draft, values, Family::Ipv6),
    )
    .print(|view, subject, values| print_route(view, subject, values, Family::Ipv6)),
    Statement::new(
        "ip route PREFIX GATEWAY(A.B.C.D) [tag TAG(1-4294967295)] [DISTANCE(1-255)] [tag TAG(1-4294967295)]",
        "an appliance's route by way of a gateway (a host's are its own); `redistribute static` announces it",
        |draft, values| gateway(draft, values, Family::Ipv4),
    )
    .print(|view, subject, values| print_gateway(view, subject, values, Family::Ipv4)),
    Statement::new(
        "ipv6 route PREFIX GATEWAY(X:X::X:X) [tag TAG(1-4294967295)] [DISTANCE(1-255)] [tag TAG(1-4294967295)]",
        "an appliance's route by way of a gateway (a host's are its own); `redistribute static` announces it",
        |draft, values| gateway(draft, values, Family::Ipv6),
    )
    .print(|view, subject, values| print_gateway(view, subject, values, Family::Ipv6)),
];

/// The longest text of an address: an IPv6 one with an IPv4 one in it.
const GATEWAY_TEXT: usize = 45;

fn hostname(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if crate::config::value::is_placeholder(values.text(0)) {
        draft.warn(Lint::Placeholder, values, 0);
    }
    *draft.config.hostname = draft.intern(values.text(0))?;
    Ok(())
}

fn print_hostname<'v>(view: &ConfigView<'v>, _: Subject, values: &mut Values<'v>) -> bool {
    values.set(0, Value::Text(view.text(view.hostname)));
    !view.hostname.is_empty()
}

fn router_bgp(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let asn = Asn(values.number(0));
    let before = draft.config.bgp.local_as;
    if before != Asn(0) && before != asn {
        return Err(draft.blame(0, ErrorKind::OtherAs(before)));
    }
    if asn == Asn::TRANS {
        return Err(draft.senseless(0, "23456 is AS_TRANS (RFC 6793), nobody's AS number"));
    }
    if values.given(1) {
        draft.note(values, 1, "AS numbers are read in every notation and shown as plain numbers");
    }
    draft.config.bgp.local_as = asn;
    draft.enter(Node::Bgp);
    Ok(())
}

fn bfd(draft: &mut Draft<'_>, _: &Values<'_>) -> Result<(), NotTaken> {
    draft.enter(Node::Bfd);
    draft.needs_bfd()
}

fn failover(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.enter_service(values.text(0))
}

fn steer(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let name = draft.intern(values.text(0))?;
    draft.enter(Node::Steer);
    draft.place.name = name;
    Ok(())
}

fn interface(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let name = draft.intern(values.text(0))?;
    draft.enter(Node::Interface);
    draft.place.name = name;
    Ok(())
}

fn route(draft: &mut Draft<'_>, values: &Values<'_>, family: Family) -> Result<(), NotTaken> {
    let address = draft.prefix(values, 0, family)?;
    if !draft.platform.kernel_routes {
        return Err(draft.cannot("installs no kernel routes"));
    }
    without_effect(draft, values);
    let kind = if values.number(1) == 2 { StaticKind::Reject } else { StaticKind::Blackhole };
    draft.add_route(Route {
        address: address.subnet().address(),
        length: address.length,
        owner: Owner::Static(kind),
        ..Route::REST
    })
}

/// Says that tag and distance of a route are not used.
fn without_effect(draft: &mut Draft<'_>, values: &Values<'_>) {
    if let Some(place) = (2..=4).find(|&place| values.given(place)) {
        draft.note(values, place, "routes have neither tag nor distance: the host's own metric decides");
    }
}

fn print_route<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>, family: Family) -> bool {
    let Some(route) = view.routes.get(subject.index) else { return false };
    let choice = match route.owner {
        Owner::Static(StaticKind::Blackhole) => 1,
        Owner::Static(StaticKind::Reject) => 2,
        _ => return false,
    };
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: route.length }));
    values.set(1, Value::Choice(choice));
    Family::of(route.address) == family
}

fn gateway(draft: &mut Draft<'_>, values: &Values<'_>, family: Family) -> Result<(), NotTaken> {
    if !draft.platform.next_hops {
        return Err(draft.blame(Fault::WHOLE, ErrorKind::Refused(super::refused::NEXT_HOP)));
    }
    let address = draft.prefix(values, 0, family)?;
    let Value::Address(gateway) = values.get(1) else { return Ok(()) };
    if is_nobodys(gateway) || gateway.is_loopback() {
        return Err(draft.senseless(1, "no neighbour has this address"));
    }
    without_effect(draft, values);
    // As it is printed, whatever way it was written in: so two lines that say the same are the same.
    let mut text = heapless::String::<GATEWAY_TEXT>::new();
    // An address is never longer than that.
    let _ = write!(text, "{gateway}");
    let interface = draft.intern(&text)?;
    draft.add_route(Route {
        address: address.subnet().address(),
        length: address.length,
        owner: Owner::Static(StaticKind::Gateway),
        interface,
        ..Route::REST
    })
}

fn print_gateway<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    family: Family,
) -> bool {
    let Some(route) = view.routes.get(subject.index) else { return false };
    let Some(gateway) = view.gateway(route) else { return false };
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: route.length }));
    values.set(1, Value::Address(gateway));
    Family::of(route.address) == family
}
