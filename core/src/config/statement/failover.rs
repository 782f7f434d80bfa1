//! `failover NAME`: addresses with one health and one posture.

use super::{Statement, Subject};
use crate::base::limits::{DAMPEN_FAILURES, DAMPEN_WITHIN_SECONDS};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, NotTaken};
use crate::config::matcher::Values;
use crate::config::model::{
    Bind, ConfigView, ListRef, Millis, OnFailure, Owner, Require, Role, Service, Span,
};
use crate::config::value::Value;

/// Printed before what stands in the block.
pub(super) const HEADER: &[Statement] = &[Statement::printed("failover NAME", |view, subject, values| {
    let name = view.services.get(subject.index).map_or("", |service| view.text(service.name));
    values.set(0, Value::Text(name));
    true
})];

/// Printed from routes.
pub(super) const ROUTES: &[Statement] = &[Statement::new(
    "address ADDRESS/LENGTH(PREFIX) [announce /LENGTH]",
    "an address of this service, of host length; `announce` widens what is announced (1 to 8 lines)",
    address,
)
.default("announced as it is")
.print(print_address)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "bind none",
        "somebody else binds the addresses; announced while they are on this host",
        |draft, _| {
            let service = draft.service()?;
            (service.bind, service.interface, service.label) = (Bind::Watch, Span::EMPTY, Span::EMPTY);
            Ok(())
        },
    )
    .print(|view, subject, _| service(view, subject).is_some_and(|service| service.bind == Bind::Watch)),
    Statement::new(
        "bind IFNAME [label LABEL(IFNAME)]",
        "binds the addresses on this interface, from start to stop",
        bind,
    )
    .default("lo, with the interface's name as label")
    .print(print_bind),
    Statement::new(
        "role <primary|secondary>",
        "what this machine is for the service",
        |draft, values| {
            draft.service()?.role = if values.number(0) == 1 { Role::Secondary } else { Role::Primary };
            Ok(())
        },
    )
    .default("primary")
    .print(|view, subject, values| {
        let secondary = service(view, subject).is_some_and(|service| service.role == Role::Secondary);
        values.set(0, Value::Choice(u8::from(secondary)));
        true
    }),
    Statement::new(
        "active route-map NAME",
        "the attributes of a route that should be taken",
        |draft, values| {
            let map = draft.reference(values.text(0))?;
            draft.service()?.active = map;
            Ok(())
        },
    )
    .print(|view, subject, values| list(view, subject, values, |service| service.active)),
    Statement::new(
        "standby route-map NAME",
        "the attributes of a route that should be taken only when no other machine offers a better one",
        |draft, values| {
            let map = draft.reference(values.text(0))?;
            draft.service()?.standby = map;
            Ok(())
        },
    )
    .default("none: instead of standing by, the route is withdrawn")
    .print(|view, subject, values| list(view, subject, values, |service| service.standby)),
    Statement::new(
        "require <all|any>",
        "how many checks must pass",
        |draft, values| {
            draft.service()?.require = if values.number(0) == 1 { Require::Any } else { Require::All };
            Ok(())
        },
    )
    .default("all")
    .print(|view, subject, values| {
        values.set(0, Value::Choice(1));
        service(view, subject).is_some_and(|service| service.require == Require::Any)
    }),
    Statement::new(
        "require N(1-255)",
        "how many checks must pass, at least",
        |draft, values| {
            draft.service()?.require = Require::Count(u8::try_from(values.number(0)).unwrap_or(u8::MAX));
            Ok(())
        },
    )
    .print(|view, subject, values| match service(view, subject).map(|service| service.require) {
        Some(Require::Count(count)) => {
            values.set(0, Value::Number(u32::from(count)));
            true
        }
        _ => false,
    }),
    Statement::new(
        "on-failure <withdraw|standby>",
        "what is announced when the checks fail: nothing, or the standby attributes",
        |draft, values| {
            let standby = values.number(0) == 1;
            draft.service()?.on_failure = if standby { OnFailure::Standby } else { OnFailure::Withdraw };
            Ok(())
        },
    )
    .default("withdraw")
    .print(|view, subject, values| {
        values.set(0, Value::Choice(1));
        service(view, subject).is_some_and(|service| service.on_failure == OnFailure::Standby)
    }),
    Statement::new(
        "preempt",
        "becomes active again by itself after a failure; with `no` it stands by until told otherwise",
        |draft, values| {
            draft.service()?.no_preempt = values.negated;
            Ok(())
        },
    )
    .no()
    .default("on")
    .print(|view, subject, values| {
        values.negated = true;
        service(view, subject).is_some_and(|service| service.no_preempt)
    }),
    Statement::new(
        "preempt delay TIME",
        "from healthy again to the active attributes; the standby ones meanwhile",
        |draft, values| set_time(draft, values, 0),
    )
    .default("0s")
    .print(|view, subject, values| print_time(view, subject, values, 0)),
    Statement::new(
        "start-delay TIME",
        "from the daemon's start to the first announcement",
        |draft, values| set_time(draft, values, 1),
    )
    .default("0s")
    .print(|view, subject, values| print_time(view, subject, values, 1)),
    Statement::new(
        "drain-delay TIME",
        "from GRACEFUL_SHUTDOWN (RFC 8326) to the withdrawal, when the service is drained",
        |draft, values| set_time(draft, values, 2),
    )
    .default("2s")
    .print(|view, subject, values| print_time(view, subject, values, 2)),
    Statement::new(
        "linger TIME",
        "how long an address stays bound after its withdrawal has left",
        |draft, values| set_time(draft, values, 3),
    )
    .default("2s")
    .print(|view, subject, values| print_time(view, subject, values, 3)),
    Statement::new(
        "drain-timeout TIME",
        "how long a drain waits until every neighbor has taken the withdrawal",
        |draft, values| set_time(draft, values, 4),
    )
    .default("5s")
    .print(|view, subject, values| print_time(view, subject, values, 4)),
    Statement::new(
        "dampen {failures N(1-5)|within TIME|hold TIME|max TIME}",
        "after N changes from healthy to unhealthy within this time the service is held down, `hold` long the first time \
         and then twice as long each time up to `max`; after `max` without a failure that is forgotten; with `no` every \
         change counts at once",
        dampen,
    )
    .no()
    .default("failures 3 within 60s hold 3s max 300s")
    .print(print_dampen),
    Statement::new(
        "unbind-when-withdrawn",
        "takes the addresses off while they are withdrawn",
        |draft, values| {
            draft.service()?.unbind_when_withdrawn = !values.negated;
            Ok(())
        },
    )
    .no()
    .default("off: they stay bound from start to stop")
    .print(|view, subject, _| service(view, subject).is_some_and(|service| service.unbind_when_withdrawn)),
];

/// As many as `dampen` says above.
const _: () = assert!(DAMPEN_FAILURES == 5, "so many failures are remembered");

fn service<'v>(view: &ConfigView<'v>, subject: Subject) -> Option<&'v Service> {
    view.services.get(subject.index)
}

fn list<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    which: fn(&Service) -> ListRef,
) -> bool {
    let name = service(view, subject).map_or("", |service| view.text(which(service).name));
    values.set(0, Value::Text(name));
    !name.is_empty()
}

fn address(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let Value::Prefix(InterfaceAddress { address, length }) = values.get(0) else { return Ok(()) };
    let bits = Family::of(address).bits();
    if length != bits {
        return Err(draft.senseless_but(
            0,
            "a service's address has host length: /32, or /128 for IPv6",
            "what is announced can be wider: `address A/32 announce /24`",
        ));
    }
    draft.shareable(address, 0)?;
    let length = if values.given(1) { u8::try_from(values.number(1)).unwrap_or(u8::MAX) } else { bits };
    if length > bits || length == 0 {
        return Err(draft.blame(1, ErrorKind::Range(1, u32::from(bits))));
    }
    draft.add_address(address, length)
}

fn print_address<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(route) = view.routes.get(subject.index) else { return false };
    let bits = Family::of(route.address).bits();
    values.set(0, Value::Prefix(InterfaceAddress { address: route.address, length: bits }));
    if route.length != bits {
        values.set(1, Value::Number(u32::from(route.length)));
    }
    matches!(route.owner, Owner::Service(_))
}

fn bind(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let interface = draft.intern(values.text(0))?;
    let label = draft.intern(values.text(1))?;
    let service = draft.service()?;
    (service.bind, service.interface, service.label) = (Bind::Interface, interface, label);
    Ok(())
}

fn print_bind<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(service) = service(view, subject) else { return false };
    values.set(0, Value::Text(view.text(service.interface)));
    if !service.label.is_empty() {
        values.set(1, Value::Text(view.text(service.label)));
    }
    service.bind == Bind::Interface && !service.interface.is_empty()
}

fn dampen(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let default = Service::DEFAULT;
    let nothing = Values::new();
    let given = if values.negated { &nothing } else { values };
    let failures = if given.given(0) { given.number(0) } else { u32::from(default.dampen_failures) };
    let failures = if values.negated { 0 } else { u8::try_from(failures).unwrap_or(u8::MAX) };
    let time = |index, default| if given.given(index) { Millis::of(given.number(index)) } else { default };
    let within = time(1, default.dampen_within_ms);
    let hold = time(2, default.dampen_hold_ms);
    let max = time(3, default.dampen_max_ms);
    for (index, time) in (1..).zip([within, hold]) {
        if time == Millis::ZERO {
            let hint = "to turn it off say `no dampen`";
            return Err(draft.senseless_but(index, "no time at all dampens nothing", hint));
        }
    }
    if within.get() > DAMPEN_WITHIN_SECONDS * 1_000 {
        let hint = "`within` is at most 10m";
        return Err(draft.senseless_but(1, "failures are remembered for 10 minutes", hint));
    }
    if max < hold {
        let index = if given.given(3) { 3 } else { 2 };
        let what = ErrorKind::Conflict("`hold` is longer than `max`, which is 300s when it is not given");
        return Err(draft.blame(index, what));
    }
    let service = draft.service()?;
    service.given |= DAMPEN;
    service.dampen_failures = failures;
    (service.dampen_within_ms, service.dampen_hold_ms, service.dampen_max_ms) = (within, hold, max);
    Ok(())
}

fn print_dampen<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(service) = service(view, subject) else { return false };
    values.negated = service.dampen_failures == 0;
    if !values.negated {
        values.set(0, Value::Number(u32::from(service.dampen_failures)));
        let times = [service.dampen_within_ms, service.dampen_hold_ms, service.dampen_max_ms];
        for (index, time) in (1..).zip(times) {
            values.set(index, Value::Number(time.get()));
        }
    }
    service.given & DAMPEN != 0
}

/// The bit of `dampen` in [`Service::given`].
const DAMPEN: u8 = 1 << 5;

/// One of the five times, as [`Service::given`] counts them.
fn time(service: &mut Service, which: u8) -> &mut Millis {
    match which {
        0 => &mut service.preempt_delay_ms,
        1 => &mut service.start_delay_ms,
        2 => &mut service.drain_delay_ms,
        3 => &mut service.linger_ms,
        _ => &mut service.drain_timeout_ms,
    }
}

fn set_time(draft: &mut Draft<'_>, values: &Values<'_>, which: u8) -> Result<(), NotTaken> {
    let service = draft.service()?;
    service.given |= 1 << which;
    *time(service, which) = Millis::of(values.number(0));
    Ok(())
}

fn print_time<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>, which: u8) -> bool {
    let Some(mut service) = service(view, subject).copied() else { return false };
    values.set(0, Value::Number(time(&mut service, which).get()));
    service.given & (1 << which) != 0
}
