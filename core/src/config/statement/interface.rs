//! `interface NAME`: addresses to own, whether announced or not.

use super::{Statement, Subject};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::edit::is_nobodys;
use crate::config::error::NotTaken;
use crate::config::matcher::Values;
use crate::config::model::{ConfigView, Owner, Route};
use crate::config::value::Value;

/// Printed when a route's interface is another than the one before.
pub(super) const HEADER: &[Statement] = &[Statement::printed("interface IFNAME", print_header)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "ip address ADDRESS/LENGTH(PREFIX) [label LABEL(IFNAME)]",
        "an IPv4 address to own: bound on this interface from start to stop, announced only by another statement",
        |draft, values| address(draft, values, Family::Ipv4),
    )
    .print(|view, subject, values| print_address(view, subject, values, Family::Ipv4)),
    Statement::new(
        "ipv6 address ADDRESS/LENGTH(PREFIX)",
        "an IPv6 address to own: bound on this interface from start to stop, announced only by another statement",
        |draft, values| address(draft, values, Family::Ipv6),
    )
    .print(|view, subject, values| print_address(view, subject, values, Family::Ipv6)),
];

fn address(draft: &mut Draft<'_>, values: &Values<'_>, family: Family) -> Result<(), NotTaken> {
    let InterfaceAddress { address, length } = draft.prefix(values, 0, family)?;
    if length == 0 || is_nobodys(address) {
        return Err(draft.senseless(0, "no interface can hold this address"));
    }
    let interface = draft.place.name;
    if values.given(1) && values.text(1) != draft.text(interface) {
        return Err(draft.senseless_but(
            1,
            "an address has the interface's name as its label",
            "a `failover` block can choose: `bind IFNAME label LABEL`",
        ));
    }
    draft.add_route(Route { address, length, owner: Owner::Interface, interface, ..Route::REST })
}

fn route<'v>(view: &ConfigView<'v>, subject: Subject) -> Option<&'v Route> {
    view.routes.get(subject.index).filter(|route| route.owner == Owner::Interface)
}

fn print_header<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(route) = route(view, subject) else { return false };
    values.set(0, Value::Text(view.text(route.interface)));
    true
}

fn print_address<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    family: Family,
) -> bool {
    let Some(route) = route(view, subject) else { return false };
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: route.length }));
    Family::of(route.address) == family
}
