//! `address-family`: what is announced.

use super::{Statement, Subject};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, NotTaken};
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{ConfigView, ListRef, Owner, Redistribute, Route, RouteSource};
use crate::config::value::Value;

/// Printed before what stands in the family, when anything does.
pub(super) const HEADER: &[Statement] =
    &[Statement::printed("address-family <ipv4|ipv6> unicast", |_, subject, values| {
        values.set(0, Value::Choice(u8::from(subject.family == Family::Ipv6)));
        true
    })];

/// Printed from routes.
pub(super) const ROUTES: &[Statement] = &[Statement::new(
    "network PREFIX [route-map NAME]",
    "announces this prefix; one of host length is bound on `lo` unless an interface has it",
    network,
)
.print(print_network)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "redistribute static {route-map NAME|metric METRIC(0-4294967295)}",
        "announces the `ip route … blackhole|reject` lines of this file, of host length unless the route-map permits \
         a shorter one by prefix-list",
        |draft, values| redistribute(draft, values, RouteSource::Static),
    )
    .no()
    .print(|view, subject, values| print_redistribute(view, subject, values, RouteSource::Static)),
    Statement::new(
        "redistribute connected {route-map NAME|metric METRIC(0-4294967295)}",
        "announces the global addresses of the interfaces, of host length unless the route-map permits a shorter one \
         by prefix-list",
        |draft, values| redistribute(draft, values, RouteSource::Connected),
    )
    .no()
    .print(|view, subject, values| print_redistribute(view, subject, values, RouteSource::Connected)),
    Statement::new(
        "redistribute kernel {route-map NAME|metric METRIC(0-4294967295)}",
        "announces the other routes of the kernel's main table, of host length unless the route-map permits a \
         shorter one by prefix-list; never a default route",
        |draft, values| redistribute(draft, values, RouteSource::Kernel),
    )
    .no()
    .print(|view, subject, values| print_redistribute(view, subject, values, RouteSource::Kernel)),
];

fn network(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let address = draft.prefix(values, 0, draft.place.family)?;
    let prefix = address.subnet();
    if prefix.is_host() {
        draft.shareable(prefix.address(), 0)?;
    }
    if prefix.address() != address.address {
        draft.warn(Lint::HostBits, values, 0);
    }
    let map = draft.reference(values.text(1))?;
    draft.add_route(Route {
        address: prefix.address(),
        length: prefix.length(),
        owner: Owner::Network,
        map,
        ..Route::REST
    })
}

fn print_network<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(route) = view.routes.get(subject.index) else { return false };
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: route.length }));
    if !route.map.name.is_empty() {
        values.set(1, Value::Text(view.text(route.map.name)));
    }
    route.owner == Owner::Network && Family::of(route.address) == subject.family
}

fn redistribute(draft: &mut Draft<'_>, values: &Values<'_>, source: RouteSource) -> Result<(), NotTaken> {
    if source == RouteSource::Kernel && !draft.platform.kernel_routes && !values.negated {
        return Err(draft.cannot("has no kernel routes"));
    }
    if values.given(1) && !values.negated {
        return Err(draft.blame(1, ErrorKind::Refused("say `set metric` in a route-map")));
    }
    let map = if values.negated { ListRef::NONE } else { draft.reference(values.text(0))? };
    let by_family = draft.config.bgp.redistribute.get_mut(draft.place.family.index());
    if let Some(place) = by_family.and_then(|sources| sources.get_mut(source as usize)) {
        *place = Redistribute { on: !values.negated, map };
    }
    Ok(())
}

fn print_redistribute<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    source: RouteSource,
) -> bool {
    let sources = view.bgp.redistribute.get(subject.family.index());
    let Some(redistribute) = sources.and_then(|sources| sources.get(source as usize)) else { return false };
    if !redistribute.map.name.is_empty() {
        values.set(0, Value::Text(view.text(redistribute.map.name)));
    }
    redistribute.on
}
