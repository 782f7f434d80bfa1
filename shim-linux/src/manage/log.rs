//! The log: a line for a person, or an object for a machine.

use std::cell::Cell;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use holdover_core::base::text::Masked;
use holdover_core::engine::Record;
use holdover_core::engine::record::Level;
use serde_json::json;

use super::writer::{self, Writer};
use crate::bridge::{Event, Subject, What};

/// Two threads may tell the time in one order and write in the other; a clock that was set back by more is shown as it is.
const JITTER: Duration = Duration::from_secs(1);

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A sentence a line.
    #[default]
    Text,
    /// A JSON object a line, with the fields time, level, event and message.
    Json,
}

/// The quietest level that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What does not work until somebody acts.
    Error,
    /// And what is wrong but coped with.
    Warning,
    /// And what changes.
    #[default]
    Info,
    /// And what helps to find a fault.
    Debug,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warning => Self::Warning,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}

/// Where log lines go.
#[derive(Debug)]
pub(crate) struct Log {
    style: Style,
    least: Level,
    writer: Writer,
    /// The time of the last line.
    last: Cell<SystemTime>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
struct Style {
    format: LogFormat,
    /// The journal writes the time itself.
    with_time: bool,
}

impl Log {
    /// A log on the standard error. Errors: no thread is to be had to write it.
    pub(crate) fn new(format: LogFormat, least: Level) -> io::Result<Self> {
        let style = Style { format, with_time: std::env::var_os("JOURNAL_STREAM").is_none() };
        let lost = move |count: u64| {
            let message = format!("{count} log lines were lost: nobody read the log for so long");
            style.line(SystemTime::now(), Level::Warning, "log_lines_lost", &message)
        };
        let writer = Writer::start(writer::to_standard_error, lost)?;
        Ok(Self { style, least, writer, last: Cell::new(UNIX_EPOCH) })
    }

    /// Writes an event. `service` gives a service's name for its place, `check` a check's.
    pub(crate) fn write(
        &self,
        event: &Event,
        service: impl Fn(u16) -> Option<String>,
        check: impl Fn(u16) -> Option<String>,
    ) {
        let (level, name, message) = match &event.what {
            What::Record(record, subject) => {
                (record.level(), event_name(record), sentence(record, subject, service, check))
            }
            What::Note(level, name, message) => (*level, (*name).to_owned(), message.clone()),
        };
        if level < self.least {
            return;
        }
        let at = in_order(self.last.get(), event.at);
        self.last.set(at);
        self.writer.give(self.style.line(at, level, &name, &message));
    }

    /// Writes an event of this thread.
    pub(crate) fn note(&self, level: Level, name: &'static str, message: impl Into<String>) {
        let what = What::Note(level, name, message.into());
        self.write(&Event { at: SystemTime::now(), what }, |_| None, |_| None);
    }
}

impl Style {
    fn line(self, at: SystemTime, level: Level, name: &str, message: &str) -> String {
        // It may have names of the configuration in it, or a peer's words.
        let message = Masked(message).to_string();
        match self.format {
            LogFormat::Text if self.with_time => {
                format!("{} {:7} {message}\n", timestamp(at), level_name(level))
            }
            LogFormat::Text => format!("{}{message}\n", journal_level(level)),
            LogFormat::Json => {
                let (time, level) = (timestamp(at), level_name(level));
                format!("{}\n", json!({ "time": time, "level": level, "event": name, "message": message }))
            }
        }
    }
}

/// The time to write for what happened at `at`, behind a line of the time `last`.
fn in_order(last: SystemTime, at: SystemTime) -> SystemTime {
    if last.duration_since(at).is_ok_and(|ahead| ahead < JITTER) { last } else { at }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// The prefix by which the journal knows a line's level (sd-daemon(3)).
fn journal_level(level: Level) -> &'static str {
    match level {
        Level::Debug => "<7>",
        Level::Info => "<6>",
        Level::Warning => "<4>",
        Level::Error => "<3>",
    }
}

/// The record's sentence, with names in place of numbers.
fn sentence(
    record: &Record,
    subject: &Subject,
    service: impl Fn(u16) -> Option<String>,
    check: impl Fn(u16) -> Option<String>,
) -> String {
    if let Subject::Sentence(text) = subject {
        return text.clone();
    }
    let mut text = record.to_string();
    if let Subject::Detail(detail) = subject
        && !detail.is_empty()
    {
        text = format!("{text}: {detail}");
    }
    if let Subject::Said(said) = subject {
        text.push_str(said);
    }
    if let Record::Check { check: place, .. } = *record
        && let Some(name) = check(place)
    {
        text = text.replacen(&format!("check {place}:"), &format!("check {name}:"), 1);
    }
    if let Record::Posture { service: place, .. } | Record::Check { service: place, .. } = record
        && let Some(name) = service(place.0)
    {
        return text.replacen(&format!("service {}:", place.0), &format!("service {name}:"), 1);
    }
    let (Subject::Link(name) | Subject::Kept(name), Some(link)) = (subject, link_of(record)) else {
        return text;
    };
    let text = match text.rsplit_once(&format!("link {link}")) {
        Some((head, tail)) if !name.as_str().is_empty() => format!("{head}{}{tail}", name.as_str()),
        _ => text,
    };
    if matches!(subject, Subject::Kept(_)) {
        format!("{text} already, by an earlier run: kept")
    } else {
        text
    }
}

fn link_of(record: &Record) -> Option<u32> {
    match *record {
        Record::Bound { link, .. }
        | Record::Unbound { link, .. }
        | Record::Adopted { link, .. }
        | Record::BoundElsewhere { link, .. } => Some(link.0),
        _ => None,
    }
}

/// The variant's name in snake case.
fn event_name(record: &Record) -> String {
    let debug = format!("{record:?}");
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The time as RFC 3339 has it, in UTC, to the millisecond.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second, millis) =
        (second / 3_600, second / 60 % 60, second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day, `days` after 1970-01-01. The year is counted from March, so that a leap day is its last one; 400
/// years are always 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // Since 0000-03-01.
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::facts::LinkName;
    use holdover_core::base::net::{InterfaceAddress, Prefix};
    use holdover_core::engine::{LinkId, ProbeFailure, ServiceId};
    use holdover_core::failover::posture::{Because, Health, Posture};

    #[test]
    fn the_time_is_written_as_rfc_3339_has_it() {
        let at = |seconds, millis| {
            timestamp(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
        };
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400, 0), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(951_868_800, 7), "2000-03-01T00:00:00.007Z");
        assert_eq!(at(1_795_305_599, 999), "2026-11-21T23:59:59.999Z");
        assert_eq!(at(4_107_455_999, 0), "2100-02-27T23:59:59.000Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn the_time_of_lines_runs_back_only_with_the_clock() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(in_order(UNIX_EPOCH, at(5_000)), at(5_000));
        assert_eq!(in_order(at(5_000), at(4_999)), at(5_000));
        assert_eq!(in_order(at(5_000), at(5_001)), at(5_001));
        assert_eq!(in_order(at(5_000), at(3_000)), at(3_000), "the clock was set");
    }

    #[test]
    fn an_event_has_its_records_name() {
        assert_eq!(event_name(&Record::Stopped), "stopped");
        assert_eq!(event_name(&Record::NoRouterId), "no_router_id");
        assert_eq!(event_name(&Record::Steered { prefix: Prefix::ZERO, next_hops: 1 }), "steered");
    }

    #[test]
    fn names_stand_where_numbers_were() {
        let address = InterfaceAddress { address: "192.0.2.10".parse().unwrap(), length: 32 };
        let bound = Record::Bound { address, link: LinkId(2) };
        let subject = Subject::Link(LinkName::new(b"eth0").unwrap());
        assert_eq!(sentence(&bound, &subject, |_| None, |_| None), "192.0.2.10/32 bound on eth0");
        let subject = Subject::Kept(LinkName::new(b"eth0").unwrap());
        assert_eq!(
            sentence(&bound, &subject, |_| None, |_| None),
            "192.0.2.10/32 bound on eth0 already, by an earlier run: kept"
        );
        let posture =
            Record::Posture { service: ServiceId(3), posture: Posture::Active, because: Because::Primary };
        let text =
            sentence(&posture, &Subject::None, |place| (place == 3).then(|| "web".to_owned()), |_| None);
        assert_eq!(text, "service web: active because its role is primary");
        let why = ProbeFailure::Refused;
        let check = Record::Check { service: ServiceId(3), check: 5, health: Health::No, why };
        let text = sentence(&check, &Subject::None, |_| Some("web".to_owned()), |_| Some("up".to_owned()));
        assert_eq!(text, "service web: check up: unhealthy: connection refused");
        let subject = Subject::Detail("nobody listens".to_owned());
        assert_eq!(
            sentence(&check, &subject, |_| None, |_| None),
            "service 3: check 5: unhealthy: connection refused: nobody listens"
        );
    }
}
