//! Statements that take away what a route-map sets: refused where they would.

use super::error::{Diagnostic, ErrorKind, Expected, Hint, Severity};
use super::finish::Late;
use super::line::{self, Words};
use super::locate;
use super::model::{Clause, ConfigMut, ConfigView, ListRef, Neighbor, Owner, PeerOptions, Route};
use super::statement::{REMOVE_PRIVATE_AS, SEND_COMMUNITY};
use super::value::Value;
use crate::base::net::Family;

/// Statements that take something away which a route-map sets: `no neighbor … send-community`, and `remove-private-AS`.
pub(super) fn takes_away(config: &ConfigMut<'_>, late: &mut Late<'_, '_>) {
    let view = config.view();
    for seen in locate::statements(late.source) {
        let silences = seen.values.negated && seen.row.syntax.is(SEND_COMMUNITY);
        let strips = !seen.values.negated && seen.row.syntax.is(REMOVE_PRIVATE_AS);
        if !silences && !strips {
            continue;
        }
        let kind = Words::of(seen.line).last().map_or("", |word| word.text);
        let (standard, large) = match kind {
            "extended" => (false, false),
            "large" => (false, true),
            "all" => (true, true),
            _ => (true, false),
        };
        let sets = |map: ListRef| {
            view.list(map).any(|rule| match rule.clause {
                Clause::SetCommunity(_) => silences && standard,
                Clause::SetLargeCommunity(_) => silences && large,
                Clause::SetPrepend(asn) => strips && asn.is_private() && asn != view.bgp.local_as,
                _ => false,
            })
        };
        let told =
            |options: &PeerOptions| options.map_out.get(seen.family.index()).copied().is_some_and(sets);
        let group = match seen.values.get(0) {
            Value::Text(name) => view.groups.iter().position(|group| view.text(group.name) == name),
            _ => None,
        };
        let is_meant = |neighbor: &&Neighbor| match seen.values.get(0) {
            Value::Address(address) => neighbor.address == address,
            _ => group.is_some_and(|group| usize::from(neighbor.group) == group.saturating_add(1)),
        };
        let of_group =
            group.and_then(|group| view.groups.get(group)).is_some_and(|group| told(&group.options));
        let of_members = view.neighbors.iter().filter(is_meant).any(|neighbor| told(&view.options(neighbor)));
        if of_group || of_members || sets_of(&view, seen.family).any(sets) {
            late.errors = late.errors.saturating_add(1);
            let at = seen.at(usize::MAX);
            (late.report)(Diagnostic {
                severity: Severity::Error,
                line: seen.number,
                column: line::column(seen.line, at),
                what: ErrorKind::Refused(if silences {
                    "communities are always sent; leave them out of the route-map"
                } else {
                    "AS numbers that a route-map prepends are always sent; leave the private ones out of it"
                }),
                found: seen.word(at),
                expected: Expected::NOTHING,
                hint: Hint::None,
            });
        }
    }
}

/// The route-maps of what is announced of a family.
fn sets_of<'v>(view: &ConfigView<'v>, family: Family) -> impl Iterator<Item = ListRef> + use<'v> {
    let of_family = move |route: &&Route| Family::of(route.address) == family;
    let redistributed = view.bgp.redistribute.get(family.index()).into_iter().flatten().map(|line| line.map);
    let services = view.services;
    let of_service = move |owner: Owner| match owner {
        Owner::Service(index) => services.get(usize::from(index)),
        _ => None,
    };
    let routes = view.routes.iter().filter(of_family).flat_map(move |route| {
        let service = of_service(route.owner).map(|service| [service.active, service.standby]);
        core::iter::once(route.map).chain(service.into_iter().flatten())
    });
    redistributed.chain(routes)
}
