//! `bfd`: profiles of timers for `neighbor … bfd profile NAME`.

use super::{Statement, Subject};
use crate::config::build::Draft;
use crate::config::error::NotTaken;
use crate::config::matcher::Values;
use crate::config::model::{BfdProfile, Clause, ConfigView, List};
use crate::config::value::Value;

/// Printed before what stands in a profile.
pub(super) const HEADER: &[Statement] = &[Statement::printed("profile NAME", print_header)];

pub(super) const OPENERS: &[Statement] =
    &[Statement::new("profile NAME", "opens a profile of BFD timers", |draft, values| {
        draft.enter_bfd_profile(values.text(0))
    })];

pub(super) const REFUSED: &[Statement] = &[
    Statement::refused(
        "peer ...",
        "a BFD session belongs to a neighbor; say `neighbor ADDRESS bfd` below `router bgp`, and `bfd profile NAME` there \
         for other timers",
    )
    .block(),
    Statement::refused("sbfd ...", "seamless BFD (RFC 7880) is not there"),
];

const ECHO: &str = "the echo function is not there (RFC 5880 section 6.4): asynchronous mode is as fast";

pub(super) const PROFILE: &[Statement] = &[
    Statement::new(
        "detect-multiplier N(2-255)",
        "so many packets in a row are lost when the path is down",
        |draft, values| set(draft, |profile| profile.multiplier = octet(values)),
    )
    .default("3")
    .print(|view, subject, values| print(view, subject, values, |profile| profile.multiplier.into())),
    Statement::new(
        "receive-interval MILLISECONDS(10-60000)",
        "the shortest time between packets that we can take",
        |draft, values| set(draft, |profile| profile.receive_ms = millis(values)),
    )
    .default("300")
    .print(|view, subject, values| print(view, subject, values, |profile| profile.receive_ms.into())),
    Statement::new(
        "transmit-interval MILLISECONDS(10-60000)",
        "the time between packets that we wish to send",
        |draft, values| set(draft, |profile| profile.transmit_ms = millis(values)),
    )
    .default("300")
    .print(|view, subject, values| print(view, subject, values, |profile| profile.transmit_ms.into())),
    Statement::new(
        "minimum-ttl TTL(1-254)",
        "the least TTL or hop limit of a packet from a neighbor several hops away (RFC 5883)",
        |draft, values| set(draft, |profile| profile.minimum_ttl = octet(values)),
    )
    .default("what `ttl-security` asks for, else 4 less than the neighbor's packets have")
    .print(|view, subject, values| print(view, subject, values, |profile| profile.minimum_ttl.into())),
    Statement::new(
        "passive-mode",
        "the neighbor speaks first (RFC 5880 section 6.1); one of both sides must begin",
        |draft, values| set(draft, |profile| profile.passive = !values.negated),
    )
    .no()
    .default("off: we begin")
    .print(|view, subject, values| print(view, subject, values, |profile| profile.passive.into())),
    Statement::refused("echo-mode", ECHO),
    Statement::refused("echo-interval ...", ECHO),
    Statement::refused("echo ...", ECHO),
    Statement::refused(
        "authentication ...",
        "BFD packets are not authenticated (RFC 5880 section 6.7); their TTL is checked",
    ),
    Statement::refused("shutdown", "a session is shut down by `no neighbor … bfd` below `router bgp`"),
    Statement::no_effect("log-session-changes", "every change of a session is logged"),
];

fn octet(values: &Values<'_>) -> u8 {
    u8::try_from(values.number(0)).unwrap_or(u8::MAX)
}

fn millis(values: &Values<'_>) -> u16 {
    u16::try_from(values.number(0)).unwrap_or(u16::MAX)
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn set(draft: &mut Draft<'_>, change: impl Fn(&mut BfdProfile)) -> Result<(), NotTaken> {
    let (list, name) = (List::BfdProfile, draft.place.name);
    let rules = draft.config.rules.as_mut_slice();
    let rule = rules.iter_mut().find(|rule| rule.list == list && rule.name == name);
    if let Some(Clause::Bfd(profile)) = rule.map(|rule| &mut rule.clause) {
        change(profile);
    }
    Ok(())
}

fn print<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    which: fn(&BfdProfile) -> u32,
) -> bool {
    let Some(Clause::Bfd(profile)) = view.rules.get(subject.index).map(|rule| rule.clause) else {
        return false;
    };
    let number = which(&profile);
    values.set(0, Value::Number(number));
    number > 0
}

fn print_header<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(rule) = view.rules.get(subject.index).filter(|rule| rule.list == List::BfdProfile) else {
        return false;
    };
    values.set(0, Value::Text(view.text(rule.name)));
    true
}
