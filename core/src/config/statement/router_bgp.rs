//! `router bgp`: what holds for all sessions.

use core::net::IpAddr;

use super::{Node, Statement, Subject};
use crate::base::net::{BgpId, Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, Fault, NotTaken};
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{BgpFlags, Clause, ConfigView, LOCAL_PREF, List, Rule};
use crate::config::value::Value;

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "bgp router-id A.B.C.D",
        "our BGP identifier",
        router_id,
    )
    .default("an IPv4 address of this host that is not shared")
    .print(print_router_id),
    Statement::new(
        "bgp ebgp-requires-policy",
        "no effect: nothing comes in but by `steer`, and nothing goes out but what this file names",
        set_unless::<{ BgpFlags::NO_EBGP_REQUIRES_POLICY.0 }>,
    )
    .no()
    .print(print_unless::<{ BgpFlags::NO_EBGP_REQUIRES_POLICY.0 }>),
    Statement::new(
        "bgp network import-check",
        "a `network` is announced while its address is on this host; with `no` it always is, and nothing is bound",
        set_unless::<{ BgpFlags::NO_IMPORT_CHECK.0 }>,
    )
    .no()
    .default("on")
    .print(print_unless::<{ BgpFlags::NO_IMPORT_CHECK.0 }>),
    Statement::new(
        "bgp default ipv4-unicast",
        "neighbors exchange IPv4 routes unless told otherwise",
        set_unless::<{ BgpFlags::NO_DEFAULT_IPV4.0 }>,
    )
    .no()
    .default("on")
    .print(print_unless::<{ BgpFlags::NO_DEFAULT_IPV4.0 }>),
    Statement::new(
        "bgp default local-preference [N(0-4294967295)]",
        "LOCAL_PREF towards internal peers where no route-map sets it, and of what external peers announce for `steer`",
        |draft, values| {
            if !values.given(0) && !values.negated {
                return Err(draft.blame(Fault::WHOLE, ErrorKind::Incomplete));
            }
            draft.config.bgp.set_local_preference(if values.negated { LOCAL_PREF } else { values.number(0) });
            Ok(())
        },
    )
    .no()
    .default("100")
    .print(|view, _, values| {
        values.set(0, Value::Number(view.bgp.local_preference()));
        view.bgp.local_preference() != LOCAL_PREF
    }),
    Statement::new(
        "bgp bestpath as-path multipath-relax {[as-set]|[no-as-set]}",
        "`steer` shares the load between equally good routes of different neighbors",
        set_if::<{ BgpFlags::MULTIPATH_RELAX.0 }>,
    )
    .no()
    .default("off")
    .print(print_if::<{ BgpFlags::MULTIPATH_RELAX.0 }>),
    Statement::new(
        "bgp graceful-shutdown",
        "everything is announced with GRACEFUL_SHUTDOWN (RFC 8326): this host is about to go",
        set_if::<{ BgpFlags::GRACEFUL_SHUTDOWN.0 }>,
    )
    .no()
    .default("off")
    .print(print_if::<{ BgpFlags::GRACEFUL_SHUTDOWN.0 }>),
    Statement::new(
        "bgp listen",
        "incoming connections are taken; with `no` never, not even from a passive neighbor",
        listen,
    )
    .no()
    .default("on when a neighbor is passive or a range is given")
    .print(print_listen),
    Statement::new(
        "bgp listen limit [NEIGHBORS(1-65535)]",
        "at most so many neighbors from listen ranges at one time",
        |draft, values| {
            if !values.given(0) && !values.negated {
                return Err(draft.blame(Fault::WHOLE, ErrorKind::Incomplete));
            }
            let limit = if values.negated { 0 } else { values.number(0) };
            draft.config.bgp.listen_limit = u16::try_from(limit).unwrap_or(u16::MAX);
            Ok(())
        },
    )
    .no()
    .default("as many as there is room for")
    .print(|view, _, values| {
        values.set(0, Value::Number(view.bgp.listen_limit.into()));
        view.bgp.listen_limit != 0
    }),
    Statement::new(
        "timers bgp KEEPALIVE(0-65535) HOLD(0-65535)",
        "keepalive and hold time in seconds, of all neighbors that have no `timers` of their own",
        timers,
    )
    .default("3 9")
    .print(print_timers),
    Statement::new(
        "coalesce-time MILLISECONDS(0-4294967295)",
        "the most that a first announcement waits for services that are not decided yet; never delays a withdrawal",
        |draft, values| {
            draft.config.bgp.coalesce_ms = values.number(0);
            draft.config.bgp.flags.set(BgpFlags::COALESCE, true);
            Ok(())
        },
    )
    .default("1000")
    .print(|view, _, values| {
        values.set(0, Value::Number(view.bgp.coalesce_ms));
        view.bgp.flags.has(BgpFlags::COALESCE)
    }),
];

/// Printed from rules.
pub(super) const RULES: &[Statement] = &[Statement::new(
    "bgp listen range PREFIX peer-group GROUP(NAME)",
    "whoever connects from this prefix is a neighbor of this group",
    listen_range,
)
.print(print_listen_range)];

pub(super) const OPENERS: &[Statement] =
    &[Statement::new("address-family <ipv4|ipv6> [unicast]", "opens an address family", |draft, values| {
        draft.enter(Node::Family);
        draft.place.family = if values.number(0) == 1 { Family::Ipv6 } else { Family::Ipv4 };
        Ok(())
    })];

fn router_id(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let Value::Address(IpAddr::V4(id)) = values.get(0) else { return Ok(()) };
    if id.is_unspecified() {
        return Err(draft.senseless(0, "a router-id is not zero (RFC 6286)"));
    }
    draft.config.bgp.router_id = BgpId(id.to_bits());
    Ok(())
}

fn print_router_id<'v>(view: &ConfigView<'v>, _: Subject, values: &mut Values<'v>) -> bool {
    values.set(0, Value::Address(IpAddr::V4(view.bgp.router_id.0.into())));
    view.bgp.router_id != BgpId(0)
}

/// The switch is on when the statement stands.
#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn set_if<const FLAG: u16>(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.config.bgp.flags.set(BgpFlags(FLAG), !values.negated);
    Ok(())
}

fn print_if<'v, const FLAG: u16>(view: &ConfigView<'v>, _: Subject, _: &mut Values<'v>) -> bool {
    view.bgp.flags.has(BgpFlags(FLAG))
}

/// The switch is on when the statement stands with `no`.
#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn set_unless<const FLAG: u16>(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.config.bgp.flags.set(BgpFlags(FLAG), values.negated);
    Ok(())
}

fn print_unless<'v, const FLAG: u16>(view: &ConfigView<'v>, _: Subject, values: &mut Values<'v>) -> bool {
    values.negated = true;
    view.bgp.flags.has(BgpFlags(FLAG))
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn listen(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.config.bgp.flags.set(BgpFlags::LISTEN, !values.negated);
    draft.config.bgp.flags.set(BgpFlags::NO_LISTEN, values.negated);
    Ok(())
}

fn print_listen<'v>(view: &ConfigView<'v>, _: Subject, values: &mut Values<'v>) -> bool {
    values.negated = view.bgp.flags.has(BgpFlags::NO_LISTEN);
    values.negated || view.bgp.flags.has(BgpFlags::LISTEN)
}

/// Two values from `at` on as keepalive and hold time (RFC 4271 section 4.2: 0, or at least 3).
pub(super) fn keepalive_and_hold(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    at: usize,
) -> Result<(u16, u16), NotTaken> {
    let next = at.saturating_add(1);
    let short = |index: usize| u16::try_from(values.number(index)).unwrap_or(u16::MAX);
    let (keepalive, hold) = (short(at), short(next));
    match hold {
        1 | 2 => {
            let why = "a hold time is 0 or at least 3 seconds (RFC 4271 section 4.2)";
            return Err(draft.senseless(next, why));
        }
        0 => draft.warn(Lint::HoldZero, values, next),
        31.. => draft.warn(Lint::SlowTimers(hold), values, next),
        _ if keepalive > hold / 3 => draft.warn(Lint::Keepalive((hold / 3).max(1)), values, at),
        _ => {}
    }
    Ok((keepalive, hold))
}

fn timers(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let (keepalive, hold) = keepalive_and_hold(draft, values, 0)?;
    let bgp = &mut *draft.config.bgp;
    (bgp.keepalive, bgp.hold) = (keepalive, hold);
    bgp.flags.set(BgpFlags::TIMERS, true);
    Ok(())
}

fn print_timers<'v>(view: &ConfigView<'v>, _: Subject, values: &mut Values<'v>) -> bool {
    values.set(0, Value::Number(u32::from(view.bgp.keepalive)));
    values.set(1, Value::Number(u32::from(view.bgp.hold)));
    view.bgp.flags.has(BgpFlags::TIMERS)
}

fn listen_range(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let Value::Prefix(address) = values.get(0) else { return Ok(()) };
    let prefix = address.subnet();
    if prefix.address() != address.address {
        draft.warn(Lint::HostBits, values, 0);
    }
    let group = u8::try_from(draft.group(values.text(1))?).unwrap_or(u8::MAX);
    let twice = draft.config.rules.as_slice().iter().any(|rule| match rule.clause {
        Clause::ListenRange { prefix: other, .. } => other == prefix,
        _ => false,
    });
    if twice {
        return Err(draft.blame(0, ErrorKind::Conflict("this range was given before")));
    }
    draft.insert_rule(Rule {
        list: List::ListenRange,
        clause: Clause::ListenRange { prefix, group },
        ..Rule::REST
    })
}

fn print_listen_range<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(Clause::ListenRange { prefix, group }) = view.rules.get(subject.index).map(|rule| rule.clause)
    else {
        return false;
    };
    let name = view.groups.get(usize::from(group)).map_or("", |group| view.text(group.name));
    values.set(0, Value::Prefix(InterfaceAddress { address: prefix.address(), length: prefix.length() }));
    values.set(1, Value::Text(name));
    true
}
