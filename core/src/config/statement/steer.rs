//! `steer NAME`: the router's side, the choice between those who announce an address.

use super::lists::{print_ranged, ranged};
use super::{Statement, Subject};
use crate::config::build::Draft;
use crate::config::error::NotTaken;
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
    .print(|view, subject, values| {
        rule(view, subject).is_some_and(|rule| print_ranged(&rule.clause, values, 0))
    }),
    Statement::new(
        "prefer community COMMUNITY",
        "a route with this community is better than one that only a later `prefer` line names",
        |draft, values| add(draft, Clause::PreferCommunity(values.number(0))),
    )
    .print(|view, subject, values| match rule(view, subject).map(|rule| &rule.clause) {
        Some(&Clause::PreferCommunity(community)) => put(values, Value::Number(community)),
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
    .print(|view, subject, values| match rule(view, subject).map(|rule| &rule.clause) {
        Some(&Clause::PreferLargeCommunity(community)) => put(values, Value::Large(community)),
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
    let clause = ranged(draft, values, 0, address, 0)?;
    add(draft, clause)
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
