//! `steer NAME`: the router's side, the choice between those who announce an address.

use super::lists::ranged;
use super::{Statement, Subject};
use crate::base::net::InterfaceAddress;
use crate::config::build::Draft;
use crate::config::error::NotTaken;
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{Clause, ConfigView, List, Rule};
use crate::config::value::Value;

/// Printed before the first rule of a block.
pub(super) const HEADER: &[Statement] = &[Statement::printed("steer NAME", print_header)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "accept PREFIX {ge N(0-128)|le N(0-128)}",
        "takes in routes for these prefixes; without it, none",
        accept,
    )
    .default("lengths: the prefix's own")
    .print(print_accept),
    Statement::new(
        "prefer community COMMUNITY",
        "a route with this community is better than one that only a later `prefer` line names",
        |draft, values| add(draft, Clause::PreferCommunity(values.number(0))),
    )
    .print(|view, subject, values| match rule(view, subject).map(|rule| rule.clause) {
        Some(Clause::PreferCommunity(community)) => put(values, Value::Number(community)),
        _ => false,
    }),
    Statement::new(
        "prefer large-community LARGE-COMMUNITY",
        "a route with this large community is better than one that only a later `prefer` line names",
        |draft, values| match values.get(0) {
            Value::Large(community) => add(draft, Clause::PreferLargeCommunity(community)),
            _ => Ok(()),
        },
    )
    .print(|view, subject, values| match rule(view, subject).map(|rule| rule.clause) {
        Some(Clause::PreferLargeCommunity(community)) => put(values, Value::Large(community)),
        _ => false,
    }),
    Statement::new("install kernel", "installs the chosen routes in the kernel", |draft, _| {
        if draft.platform.kernel_routes {
            add(draft, Clause::InstallKernel)
        } else {
            Err(draft.cannot("installs no kernel routes"))
        }
    })
    .default("they are only shown")
    .print(|view, subject, _| rule(view, subject).is_some_and(|rule| rule.clause == Clause::InstallKernel)),
];

fn add(draft: &mut Draft<'_>, clause: Clause) -> Result<(), NotTaken> {
    draft.insert_rule(Rule { name: draft.place.name, list: List::Steer, clause, ..Rule::REST })
}

fn accept(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let Value::Prefix(address) = values.get(0) else { return Ok(()) };
    let (prefix, ge, le) = ranged(draft, values, 0, address)?;
    if prefix.address() != address.address {
        draft.warn(Lint::HostBits, values, 0);
    }
    add(draft, Clause::Prefix { prefix, ge, le })
}

fn rule<'v>(view: &ConfigView<'v>, subject: Subject) -> Option<&'v Rule> {
    view.rules.get(subject.index).filter(|rule| rule.list == List::Steer)
}

fn put<'v>(values: &mut Values<'v>, value: Value<'v>) -> bool {
    values.set(0, value);
    true
}

fn print_header<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    rule(view, subject).is_some_and(|rule| put(values, Value::Text(view.text(rule.name))))
}

fn print_accept<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(Clause::Prefix { prefix, ge, le }) = rule(view, subject).map(|rule| rule.clause) else {
        return false;
    };
    for (index, length) in [(1, ge), (2, le)] {
        if length > 0 {
            values.set(index, Value::Number(u32::from(length)));
        }
    }
    put(values, Value::Prefix(InterfaceAddress { address: prefix.address(), length: prefix.length() }))
}
