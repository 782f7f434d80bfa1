//! `interface NAME`: addresses to own, whether announced or not.

use core::net::IpAddr;

use super::{Statement, Subject};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, Fault};
use crate::config::matcher::Token::{Arg, Optional, Word};
use crate::config::matcher::Values;
use crate::config::model::{ConfigView, Owner, Route};
use crate::config::value::{Kind, Value};

/// Printed when a route's interface is another than the one before.
pub(super) const HEADER: &[Statement] =
    &[Statement::printed(&[Word("interface"), Arg(Kind::Interface, "IFNAME")], print_header)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        &[
            Word("ip"),
            Word("address"),
            Arg(Kind::Prefix, "ADDRESS/LENGTH"),
            Optional(&[Word("label"), Arg(Kind::Interface, "LABEL")]),
        ],
        "an IPv4 address to own: bound on this interface from start to stop, announced only by another statement",
        address::<false>,
    )
    .print(print_address::<false>),
    Statement::new(
        &[Word("ipv6"), Word("address"), Arg(Kind::Prefix, "ADDRESS/LENGTH")],
        "an IPv6 address to own: bound on this interface from start to stop, announced only by another statement",
        address::<true>,
    )
    .print(print_address::<true>),
];

fn address<const IPV6: bool>(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), Fault> {
    let InterfaceAddress { address, length } =
        draft.prefix(values, 0, if IPV6 { Family::Ipv6 } else { Family::Ipv4 })?;
    if length == 0 || address.is_unspecified() || address.is_multicast() {
        return Err(Fault::at(0, ErrorKind::Senseless("no interface can hold this address")));
    }
    let interface = draft.place.name;
    if values.given(1) && values.text(1) != draft.text(interface) {
        return Err(Fault::at(1, ErrorKind::Senseless("an address has the interface's name as its label"))
            .hint("a `failover` block can choose: `bind IFNAME label LABEL`"));
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

fn print_address<'v, const IPV6: bool>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
) -> bool {
    let Some(route) = route(view, subject) else { return false };
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: route.length }));
    matches!(route.address, IpAddr::V6(_)) == IPV6
}
