//! `check` lines of a `failover` block.

use super::{Statement, Subject};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, Fault, Hint, NotTaken};
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{Check, CheckKind, ConfigView, Millis, Span};
use crate::config::platform::CheckKinds;
use crate::config::target::{EXEC_USER, Exec, Http, HttpOption, Process, Scheme, Target, UNIT_USER};
use crate::config::value::Value;

const DEFAULTS: &str = "interval 1s, fast-interval as interval, timeout 1s, rise 2, fall 3, start-delay 0s";

/// What every check that runs at intervals can have, in the order of [`timing`].
macro_rules! timing {
    () => {
        "interval TIME|fast-interval TIME|timeout TIME|rise N(1-255)|fall N(1-255)|start-delay TIME"
    };
}

/// The most `header` options of a check.
const HEADERS: usize = 4;

/// Printed from checks.
pub(super) const CHECKS: &[Statement] = &[
    Statement::new(
        concat!(
            "check NAME <http|https> URL {expect CODES|body TEXT|",
            // As often as a check can have it: `HEADERS` times.
            "header \"NAME: VALUE\"|header \"NAME: VALUE\"|header \"NAME: VALUE\"|header \"NAME: VALUE\"|",
            "[insecure]|",
            timing!(),
            "}"
        ),
        "healthy while this URL answers with a status of 200 to 399, or one that `expect` names (`200-299`, `200,204`), and \
         with TEXT in its body; `insecure` takes any certificate; a `Host` header is also the name that the certificate \
         must have",
        check_http,
    )
    .default(DEFAULTS)
    .print(print_http),
    Statement::new(
        concat!("check NAME tcp ADDRESS:PORT {", timing!(), "}"),
        "healthy while this port takes connections",
        |draft, values| check_word(draft, values, CheckKind::Tcp),
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_word(view, subject, values, CheckKind::Tcp)),
    Statement::new(
        concat!("check NAME icmp ADDRESS {", timing!(), "}"),
        "healthy while this address answers to an echo request",
        |draft, values| check_word(draft, values, CheckKind::Icmp),
    )
    .default(DEFAULTS)
    .print(|view, subject, values| print_word(view, subject, values, CheckKind::Icmp)),
    Statement::new(
        "check NAME process pidfile PATH {start-delay TIME}",
        "healthy while the process lives whose number stands in this file; the kernel tells, there is no interval",
        |draft, values| check_process(draft, values, "pidfile"),
    )
    .print(|view, subject, values| print_process(view, subject, values, "pidfile ")),
    Statement::new(
        "check NAME process unit UNIT {user USER(NAME)|start-delay TIME}",
        "healthy while this unit of systemd has a process; the kernel tells, there is no interval. A unit of the system is meant; \
         with `user` one of this user's own service manager",
        check_unit,
    )
    .print(print_unit),
    Statement::new(
        "check NAME process cgroup PATH {start-delay TIME}",
        "healthy while this control group holds a process; the kernel tells, there is no interval",
        |draft, values| check_process(draft, values, "cgroup"),
    )
    .print(|view, subject, values| print_process(view, subject, values, "cgroup ")),
    Statement::new(
        concat!("check NAME file PATH {[absent]|", timing!(), "}"),
        "healthy while this file exists; with `absent` while it does not",
        check_file,
    )
    .default(DEFAULTS)
    .print(print_file),
    Statement::new(
        concat!("check NAME {exec-user USER(NAME)|", timing!(), "} exec COMMAND(LINE)"),
        "healthy while this command exits with 0; options stand before `exec`, the rest of the line is the program's \
         absolute path and its arguments, in double quotes where they hold blanks",
        check_exec,
    )
    .default(DEFAULTS)
    .print(print_exec),
];

const AT_ONCE: &str =
    "the kernel tells at once when a process ends: there is nothing to repeat, to wait for or to count";

pub(super) const REFUSED: &[Statement] = &[
    Statement::refused(
        "check NAME process <pidfile|cgroup> PATH <interval|fast-interval|timeout|rise|fall> ...",
        AT_ONCE,
    ),
    Statement::refused(
        "check NAME process unit UNIT {user USER(NAME)} <interval|fast-interval|timeout|rise|fall> ...",
        AT_ONCE,
    ),
];

/// The keyword of an option, when that was given.
fn keyword(values: &Values<'_>, place: usize, word: &'static str) -> &'static str {
    if values.given(place) { word } else { "" }
}

fn check_http(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    const URL: usize = 2;
    const INSECURE: usize = 5 + HEADERS;
    let url = values.text(URL);
    let https = Http::url(url).is_ok_and(|http| http.scheme == Scheme::Https);
    if values.number(1) == 1 && !https {
        return Err(draft.blame(URL, ErrorKind::Conflict("the check says `https`, and the URL does not")));
    }
    if values.given(INSECURE) && !https {
        let why = "`insecure` is for https: over http there is no certificate";
        return Err(draft.senseless(INSECURE, why));
    }
    let mut pieces = [""; 6 + HEADERS * 2];
    let (expect, body) = (keyword(values, 3, "expect"), keyword(values, 4, "body"));
    let given = [url, expect, values.text(3), body, values.text(4), keyword(values, INSECURE, "insecure")];
    let headers = (5..INSECURE).flat_map(|place| [keyword(values, place, "header"), values.text(place)]);
    for (place, piece) in pieces.iter_mut().zip(given.into_iter().chain(headers)) {
        *place = piece;
    }
    let target = draft.intern_words(&pieces)?;
    let timing = timing(draft, values, INSECURE + 1)?;
    add_check(draft, values, CheckKind::Http, target, timing)?;
    if values.given(INSECURE) {
        draft.warn(Lint::AnyCertificate, values, 0);
    }
    Ok(())
}

fn check_word(draft: &mut Draft<'_>, values: &Values<'_>, kind: CheckKind) -> Result<(), NotTaken> {
    let word = draft.word(values, 1);
    let target = draft.intern(word)?;
    let timing = timing(draft, values, 2)?;
    add_check(draft, values, kind, target, timing)
}

fn check_exec(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    const COMMAND: usize = 8;
    let command = values.text(COMMAND);
    match Exec::command(command) {
        Err(flaw) => return Err(draft.refuse(Fault { offset: flaw.at, ..Fault::at(COMMAND, flaw.what) })),
        Ok(command) if ends_in_option(command) => draft.warn(Lint::OptionOfCommand, values, 0),
        Ok(_) => {}
    }
    let target =
        draft.intern_words(&[keyword(values, 1, EXEC_USER.trim_ascii_end()), values.text(1), command])?;
    let timing = timing(draft, values, 2)?;
    add_check(draft, values, CheckKind::Exec, target, timing)?;
    if !values.given(1) {
        draft.warn(Lint::ExecWithoutUser, values, 0);
    }
    Ok(())
}

/// Whether a command ends like `… interval 1s`: then that was probably meant for the check.
fn ends_in_option(command: Exec<'_>) -> bool {
    let options = ["interval", "fast-interval", "timeout", "rise", "fall", "start-delay"];
    let mut before = None;
    let mut found = false;
    for argument in command.arguments() {
        let option = before.is_some_and(|before| options.iter().any(|&option| before == *option));
        found = option && argument.chars().next().is_some_and(|first| first.is_ascii_digit());
        before = Some(argument);
    }
    found
}

fn check_process(draft: &mut Draft<'_>, values: &Values<'_>, how: &str) -> Result<(), NotTaken> {
    let target = draft.intern_words(&[how, values.text(1)])?;
    let timing = Check { start_delay_ms: Millis::of(values.number(2)), ..Check::REST };
    add_check(draft, values, CheckKind::Process, target, timing)
}

fn check_unit(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let user = values.text(2);
    let target =
        draft.intern_words(&["unit", values.text(1), keyword(values, 2, UNIT_USER.trim_ascii()), user])?;
    let timing = Check { start_delay_ms: Millis::of(values.number(3)), ..Check::REST };
    add_check(draft, values, CheckKind::Process, target, timing)
}

fn check_file(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let target = draft.intern_words(&[values.text(1), keyword(values, 2, "absent")])?;
    let timing = timing(draft, values, 3)?;
    add_check(draft, values, CheckKind::File, target, timing)
}

/// The options whose values begin at `first`.
fn timing(draft: &mut Draft<'_>, values: &Values<'_>, first: usize) -> Result<Check, NotTaken> {
    let at = |index: usize| first.saturating_add(index);
    for place in (0..3).map(at) {
        if values.given(place) && values.number(place) < 10 {
            return Err(draft.senseless(place, "a check needs at least 10 ms"));
        }
    }
    let time = |index: usize| Millis::of(values.number(at(index)));
    let count = |index: usize| u8::try_from(values.number(at(index))).unwrap_or(u8::MAX);
    Ok(Check {
        interval_ms: time(0),
        fast_interval_ms: time(1),
        timeout_ms: time(2),
        rise: count(3),
        fall: count(4),
        start_delay_ms: time(5),
        ..Check::REST
    })
}

fn add_check(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    kind: CheckKind,
    target: Span,
    timing: Check,
) -> Result<(), NotTaken> {
    if !draft.platform.checks.has(kind) {
        let none = draft.platform.checks == CheckKinds::NONE;
        return Err(draft.cannot(if none {
            "does not run checks"
        } else {
            "does not run checks of this kind"
        }));
    }
    let name = draft.intern(values.text(0))?;
    let check = Check { service: draft.place.service, kind, name, target, ..timing };
    let named = matches!(draft.config.view().target(&check), Target::Http(http) if http.address.is_none());
    if named && !draft.platform.names {
        let what = ErrorKind::Platform(draft.platform.name, "does not ask for the addresses of names");
        let hint = Hint::Text("write the address, and the name as `header \"Host: NAME\"`");
        return Err(draft.refuse(Fault { hint, ..Fault::at(2, what) }));
    }
    let interval = check.interval_ms.or(Check::DEFAULT);
    if check.timeout_ms > interval {
        draft.warn(Lint::SlowCheck, values, 0);
    }
    if check.fast_interval_ms > interval {
        draft.warn(Lint::SlowFastInterval, values, 0);
    }
    draft.add_check(check)?;
    if named {
        draft.warn(Lint::NamedTarget, values, 0);
    }
    Ok(())
}

/// The line's check when it is of this kind; its name is set, and its timing from `first` on.
fn printed<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    kind: CheckKind,
    first: usize,
) -> Option<(&'v Check, &'v str)> {
    let check = view.checks.get(subject.index).filter(|check| check.kind == kind)?;
    values.set(0, Value::Text(view.text(check.name)));
    let [rise, fall] = [check.rise, check.fall].map(u32::from);
    let numbers = [
        check.interval_ms.get(),
        check.fast_interval_ms.get(),
        check.timeout_ms.get(),
        rise,
        fall,
        check.start_delay_ms.get(),
    ];
    for (place, number) in (first..).zip(numbers) {
        if number > 0 {
            values.set(place, Value::Number(number));
        }
    }
    Some((check, view.text(check.target)))
}

fn print_http<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let kind = CheckKind::Http;
    let Some((check, text)) = printed(view, subject, values, kind, 6 + HEADERS) else { return false };
    let Target::Http(http) = view.target(check) else { return false };
    values.set(1, Value::Choice(u8::from(http.scheme == Scheme::Https)));
    values.set(2, Value::Text(text.split(' ').next().unwrap_or("")));
    let mut header = 5..;
    for option in http.options() {
        match option {
            HttpOption::Expect(codes) => values.set(3, Value::Text(codes)),
            HttpOption::Body(raw) => values.set(4, Value::Text(raw)),
            HttpOption::Header(raw) => values.set(header.next().unwrap_or(usize::MAX), Value::Text(raw)),
            HttpOption::Insecure => values.set(5 + HEADERS, Value::Given),
        }
    }
    true
}

fn print_word<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>, kind: CheckKind) -> bool {
    let Some((_, word)) = printed(view, subject, values, kind, 2) else { return false };
    values.set(1, Value::Text(word));
    true
}

fn print_exec<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some((_, text)) = printed(view, subject, values, CheckKind::Exec, 2) else { return false };
    let user = text.strip_prefix(EXEC_USER).and_then(|behind| behind.split_once(' '));
    if let Some((user, _)) = user {
        values.set(1, Value::Text(user));
    }
    values.set(8, Value::Text(user.map_or(text, |(_, command)| command)));
    true
}

fn print_process<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    how: &'static str,
) -> bool {
    let Some(check) = view.checks.get(subject.index).filter(|check| check.kind == CheckKind::Process) else {
        return false;
    };
    let Some(what) = view.text(check.target).strip_prefix(how) else { return false };
    values.set(0, Value::Text(view.text(check.name)));
    values.set(1, Value::Text(what));
    if check.start_delay_ms > Millis::ZERO {
        values.set(2, Value::Number(check.start_delay_ms.get()));
    }
    true
}

fn print_unit<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(check) = view.checks.get(subject.index) else { return false };
    let Target::Process(Process::Unit { unit, user }) = view.target(check) else { return false };
    values.set(0, Value::Text(view.text(check.name)));
    values.set(1, Value::Text(unit));
    if !user.is_empty() {
        values.set(2, Value::Text(user));
    }
    if check.start_delay_ms > Millis::ZERO {
        values.set(3, Value::Number(check.start_delay_ms.get()));
    }
    true
}

fn print_file<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some((_, text)) = printed(view, subject, values, CheckKind::File, 3) else { return false };
    let absent = text.strip_suffix(" absent");
    if absent.is_some() {
        values.set(2, Value::Given);
    }
    values.set(1, Value::Text(absent.unwrap_or(text)));
    true
}
