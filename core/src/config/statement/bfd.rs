//! `bfd`: profiles of timers for `neighbor … bfd profile NAME`.

use super::{Statement, Subject};
use crate::config::build::Draft;
use crate::config::error::Fault;
use crate::config::matcher::Token::{Anything, Arg, Word};
use crate::config::matcher::Values;
use crate::config::model::{Clause, ConfigView, List};
use crate::config::value::{Kind, Value};

/// Printed before what stands in a profile.
pub(super) const HEADER: &[Statement] =
    &[Statement::printed(&[Word("profile"), Arg(Kind::Name, "NAME")], print_header)];

pub(super) const OPENERS: &[Statement] = &[Statement::new(
    &[Word("profile"), Arg(Kind::Name, "NAME")],
    "opens a profile of BFD timers",
    |draft, values| draft.enter_bfd_profile(values.text(0)),
)];

pub(super) const REFUSED: &[Statement] = &[Statement::refused(
    &[Word("peer"), Anything],
    "a BFD session belongs to a neighbor; say `neighbor … bfd` below `router bgp`",
)];

pub(super) const PROFILE: &[Statement] = &[
    Statement::new(
        &[Word("detect-multiplier"), Arg(Kind::Number(2, 255), "N")],
        "so many packets may be lost",
        |draft, values| set::<0>(draft, values.number(0)),
    )
    .default("3")
    .print(print::<0>),
    Statement::new(
        &[Word("receive-interval"), Arg(Kind::Number(10, 60_000), "MILLISECONDS")],
        "the shortest time between packets that we can take",
        |draft, values| set::<1>(draft, values.number(0)),
    )
    .default("300")
    .print(print::<1>),
    Statement::new(
        &[Word("transmit-interval"), Arg(Kind::Number(10, 60_000), "MILLISECONDS")],
        "the time between packets that we wish to send",
        |draft, values| set::<2>(draft, values.number(0)),
    )
    .default("300")
    .print(print::<2>),
    Statement::refused(
        &[Word("passive-mode")],
        "a BFD session always begins by itself (RFC 5880 section 6.1)",
    ),
    Statement::refused(
        &[Word("minimum-ttl"), Anything],
        "the TTL of a BFD session follows from its BGP session",
    ),
    Statement::refused(
        &[Word("echo-mode"), Anything],
        "the echo function is not there (RFC 5880 section 6.4)",
    ),
    Statement::no_effect(&[Word("shutdown")], "only `no shutdown` has a meaning, and that is how it is"),
];

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn set<const WHICH: usize>(draft: &mut Draft<'_>, value: u32) -> Result<(), Fault> {
    let (list, name) = (List::BfdProfile, draft.place.name);
    let rules = draft.config.rules.as_mut_slice();
    let rule = rules.iter_mut().find(|rule| rule.list == list && rule.name == name);
    if let Some(Clause::Bfd { multiplier, receive_ms, transmit_ms }) = rule.map(|rule| &mut rule.clause) {
        let wide = u16::try_from(value).unwrap_or(u16::MAX);
        match WHICH {
            0 => *multiplier = u8::try_from(value).unwrap_or(u8::MAX),
            1 => *receive_ms = wide,
            _ => *transmit_ms = wide,
        }
    }
    Ok(())
}

fn print<'v, const WHICH: usize>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(Clause::Bfd { multiplier, receive_ms, transmit_ms }) =
        view.rules.get(subject.index).map(|rule| rule.clause)
    else {
        return false;
    };
    let value = match WHICH {
        0 => u32::from(multiplier),
        1 => u32::from(receive_ms),
        _ => u32::from(transmit_ms),
    };
    values.set(0, Value::Number(value));
    value > 0
}

fn print_header<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(rule) = view.rules.get(subject.index).filter(|rule| rule.list == List::BfdProfile) else {
        return false;
    };
    values.set(0, Value::Text(view.text(rule.name)));
    true
}
