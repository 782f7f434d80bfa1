//! `failover NAME`: addresses with one health and one posture.

use core::net::IpAddr;

use super::{Statement, Subject};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, Fault, Lint};
use crate::config::matcher::Token::{Arg, Choice, Flag, Line, Optional, Options, Word};
use crate::config::matcher::{Token, Values};
use crate::config::model::{
    Bind, Check, CheckKind, ConfigView, ListRef, Millis, OnFailure, Owner, Require, Role, Service, Span,
};
use crate::config::platform::CheckKinds;
use crate::config::target::Exec;
use crate::config::value::{Kind, Value};

/// Printed before what stands in the block.
pub(super) const HEADER: &[Statement] =
    &[Statement::printed(&[Word("failover"), Arg(Kind::Name, "NAME")], |view, subject, values| {
        let name = view.services.get(subject.index).map_or("", |service| view.text(service.name));
        values.set(0, Value::Text(name));
        true
    })];

/// Printed from routes.
pub(super) const ROUTES: &[Statement] = &[Statement::new(
    &[
        Word("address"),
        Arg(Kind::Prefix, "ADDRESS/LENGTH"),
        Optional(&[Word("announce"), Arg(Kind::Length, "/LENGTH")]),
    ],
    "an address of this service, of host length; `announce` widens what is announced (1 to 8 lines)",
    address,
)
.default("announced as it is")
.print(print_address)];

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        &[Word("bind"), Word("none")],
        "somebody else binds the addresses; announced while they are on this host",
        |draft, _| {
            let service = draft.service()?;
            (service.bind, service.interface, service.label) = (Bind::Watch, Span::EMPTY, Span::EMPTY);
            Ok(())
        },
    )
    .print(|view, subject, _| service(view, subject).is_some_and(|service| service.bind == Bind::Watch)),
    Statement::new(
        &[
            Word("bind"),
            Arg(Kind::Interface, "IFNAME"),
            Optional(&[Word("label"), Arg(Kind::Interface, "LABEL")]),
        ],
        "binds the addresses on this interface, from start to stop",
        bind,
    )
    .default("lo, with the interface's name as label")
    .print(print_bind),
    Statement::new(
        &[Word("role"), Choice(&["primary", "secondary"])],
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
        &[Word("active"), Word("route-map"), Arg(Kind::Name, "NAME")],
        "the attributes of a route that should be taken",
        |draft, values| {
            let map = draft.reference(values.text(0))?;
            draft.service()?.active = map;
            Ok(())
        },
    )
    .print(|view, subject, values| list(view, subject, values, |service| service.active)),
    Statement::new(
        &[Word("standby"), Word("route-map"), Arg(Kind::Name, "NAME")],
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
        &[Word("require"), Choice(&["all", "any"])],
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
        &[Word("require"), Arg(Kind::Number(1, 255), "N")],
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
        &[Word("on-failure"), Choice(&["withdraw", "standby"])],
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
        &[Word("preempt")],
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
        &[Word("preempt"), Word("delay"), Arg(Kind::Duration, "TIME")],
        "from healthy again to the active attributes; the standby ones meanwhile",
        |draft, values| set_time(draft, values, 0),
    )
    .default("0s")
    .print(|view, subject, values| print_time(view, subject, values, 0)),
    Statement::new(
        &[Word("start-delay"), Arg(Kind::Duration, "TIME")],
        "from the daemon's start to the first announcement",
        |draft, values| set_time(draft, values, 1),
    )
    .default("0s")
    .print(|view, subject, values| print_time(view, subject, values, 1)),
    Statement::new(
        &[Word("drain-delay"), Arg(Kind::Duration, "TIME")],
        "from GRACEFUL_SHUTDOWN (RFC 8326) to the withdrawal, when the service is drained",
        |draft, values| set_time(draft, values, 2),
    )
    .default("2s")
    .print(|view, subject, values| print_time(view, subject, values, 2)),
    Statement::new(
        &[Word("linger"), Arg(Kind::Duration, "TIME")],
        "how long an address stays bound after its withdrawal has left",
        |draft, values| set_time(draft, values, 3),
    )
    .default("2s")
    .print(|view, subject, values| print_time(view, subject, values, 3)),
    Statement::new(
        &[Word("unbind-when-withdrawn")],
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

/// Options of every check that runs at intervals; each is one value.
const OPTIONS: Token = Options(&[
    &[Word("interval"), Arg(Kind::Duration, "TIME")],
    &[Word("timeout"), Arg(Kind::Duration, "TIME")],
    &[Word("rise"), Arg(Kind::Number(1, 255), "N")],
    &[Word("fall"), Arg(Kind::Number(1, 255), "N")],
]);
const CHECK: Token = Word("check");
const NAME: Token = Arg(Kind::Name, "NAME");
const DEFAULTS: &str = "interval 1s, timeout 1s, rise 2, fall 3";

/// Printed from checks.
pub(super) const CHECKS: &[Statement] = &[
    Statement::new(
        &[CHECK, NAME, Word("http"), Arg(Kind::Url, "URL"), OPTIONS],
        "healthy while this URL answers with a status of 200 to 399",
        |draft, values| check(draft, values, CheckKind::Http, 1, 2),
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_check(view, subject, values, CheckKind::Http, 1, 2)),
    Statement::new(
        &[CHECK, NAME, Word("tcp"), Arg(Kind::Endpoint, "ADDRESS:PORT"), OPTIONS],
        "healthy while this port takes connections",
        |draft, values| check(draft, values, CheckKind::Tcp, 1, 2),
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_check(view, subject, values, CheckKind::Tcp, 1, 2)),
    Statement::new(
        &[CHECK, NAME, Word("icmp"), Arg(Kind::Address, "ADDRESS"), OPTIONS],
        "healthy while this address answers to an echo request",
        |draft, values| check(draft, values, CheckKind::Icmp, 1, 2),
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_check(view, subject, values, CheckKind::Icmp, 1, 2)),
    Statement::new(
        &[CHECK, NAME, OPTIONS, Word("exec"), Line("COMMAND")],
        "healthy while this command exits with 0; options stand before `exec`, the rest of the line is its arguments",
        |draft, values| {
            let command = Exec::command(values.text(5));
            command.map_err(|flaw| Fault { offset: flaw.at, ..Fault::at(5, flaw.what) })?;
            check(draft, values, CheckKind::Exec, 5, 1)
        },
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_check(view, subject, values, CheckKind::Exec, 5, 1)),
    Statement::new(
        &[CHECK, NAME, Word("process"), Word("pidfile"), Arg(Kind::Path, "PATH")],
        "healthy while the process lives whose number stands in this file; the kernel tells, there is no interval",
        |draft, values| check_process(draft, values, "pidfile"),
    )
    .print(|view, subject, values| print_process(view, subject, values, "pidfile ")),
    Statement::new(
        &[CHECK, NAME, Word("process"), Word("unit"), Arg(Kind::Unit, "UNIT")],
        "healthy while this unit of systemd has a process; the kernel tells, there is no interval",
        |draft, values| check_process(draft, values, "unit"),
    )
    .print(|view, subject, values| print_process(view, subject, values, "unit ")),
    Statement::new(
        &[CHECK, NAME, Word("process"), Word("cgroup"), Arg(Kind::Path, "PATH")],
        "healthy while this control group holds a process; the kernel tells, there is no interval",
        |draft, values| check_process(draft, values, "cgroup"),
    )
    .print(|view, subject, values| print_process(view, subject, values, "cgroup ")),
    Statement::new(
        &[CHECK, NAME, Word("file"), Arg(Kind::Path, "PATH"), Flag("absent"), OPTIONS],
        "healthy while this file exists, or does not",
        check_file,
    )
    .default(DEFAULTS)
    .print(print_file),
];

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

fn address(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), Fault> {
    let Value::Prefix(InterfaceAddress { address, length }) = values.get(0) else { return Ok(()) };
    let bits = Family::of(address).bits();
    if length != bits {
        return Err(Fault::at(
            0,
            ErrorKind::Senseless("a service's address has host length: /32, or /128 for IPv6"),
        )
        .hint("what is announced can be wider: `address A/32 announce /24`"));
    }
    Draft::shareable(address, 0)?;
    let length = if values.given(1) { u8::try_from(values.number(1)).unwrap_or(u8::MAX) } else { bits };
    if length > bits || length == 0 {
        return Err(Fault::at(1, ErrorKind::Range(1, u32::from(bits))));
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

fn bind(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), Fault> {
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

/// One of the four times, as [`Service::given`] counts them.
fn time(service: &mut Service, which: u8) -> &mut Millis {
    match which {
        0 => &mut service.preempt_delay_ms,
        1 => &mut service.start_delay_ms,
        2 => &mut service.drain_delay_ms,
        _ => &mut service.linger_ms,
    }
}

fn set_time(draft: &mut Draft<'_>, values: &Values<'_>, which: u8) -> Result<(), Fault> {
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

/// A check whose target is the value at `target`, and whose options begin at `options`.
fn check(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    kind: CheckKind,
    target: usize,
    options: usize,
) -> Result<(), Fault> {
    let target = if let Value::Address(_) = values.get(target) {
        draft.word(values, target)
    } else {
        values.text(target)
    };
    let target = draft.intern(target)?;
    add_check(draft, values, kind, target, options)
}

fn add_check(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    kind: CheckKind,
    target: Span,
    options: usize,
) -> Result<(), Fault> {
    if !draft.platform.checks.has(kind) {
        let none = draft.platform.checks == CheckKinds::NONE;
        return Err(draft.cannot(if none {
            "does not run checks"
        } else {
            "does not run checks of this kind"
        }));
    }
    let option = |index: usize| values.number(options.saturating_add(index));
    let short = |index: usize| u8::try_from(option(index)).unwrap_or(u8::MAX);
    for index in 0..2 {
        let index = options.saturating_add(index);
        if values.given(index) && values.number(index) < 10 {
            return Err(Fault::at(index, ErrorKind::Senseless("a check needs at least 10 ms")));
        }
    }
    let (interval_ms, timeout_ms) = (option(0), option(1));
    let or_default = |ms: u32| if ms == 0 { Check::DEFAULT_MS } else { ms };
    if timeout_ms > 0 && timeout_ms > or_default(interval_ms) {
        draft.warn(Lint::SlowCheck, values, 0);
    }
    let name = draft.intern(values.text(0))?;
    draft.add_check(Check {
        service: draft.place.service,
        kind,
        rise: short(2),
        fall: short(3),
        name,
        target,
        interval_ms: Millis::of(interval_ms),
        timeout_ms: Millis::of(timeout_ms),
        ..Check::REST
    })
}

fn check_process(draft: &mut Draft<'_>, values: &Values<'_>, how: &str) -> Result<(), Fault> {
    let target = draft.intern_words([how, values.text(1)])?;
    add_check(draft, values, CheckKind::Process, target, 9)
}

fn check_file(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), Fault> {
    let target = if values.given(2) {
        draft.intern_words([values.text(1), "absent"])?
    } else {
        draft.intern(values.text(1))?
    };
    add_check(draft, values, CheckKind::File, target, 3)
}

fn print_check<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    kind: CheckKind,
    target: usize,
    options: usize,
) -> bool {
    let Some(check) = view.checks.get(subject.index).filter(|check| check.kind == kind) else { return false };
    let text = view.text(check.target);
    let address = if kind == CheckKind::Icmp { text.parse::<IpAddr>().ok() } else { None };
    values.set(0, Value::Text(view.text(check.name)));
    values.set(target, address.map_or(Value::Text(text), Value::Address));
    let numbers =
        [check.interval_ms.get(), check.timeout_ms.get(), u32::from(check.rise), u32::from(check.fall)];
    for (index, number) in (options..).zip(numbers) {
        if number > 0 {
            values.set(index, Value::Number(number));
        }
    }
    true
}

fn print_process<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    how: &'static str,
) -> bool {
    let printed = print_check(view, subject, values, CheckKind::Process, 1, 9);
    let name = values.text(1).strip_prefix(how);
    values.set(1, Value::Text(name.unwrap_or("")));
    printed && name.is_some()
}

fn print_file<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let printed = print_check(view, subject, values, CheckKind::File, 1, 3);
    if let Some(path) = values.text(1).strip_suffix(" absent") {
        values.set(1, Value::Text(path));
        values.set(2, Value::Given);
    }
    printed
}
