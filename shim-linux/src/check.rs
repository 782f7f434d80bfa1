//! `holdover check`: everything there is to say about a configuration file, without touching the host or the daemon.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use holdover_core::config::{Config, Diagnostic, ErrorKind, Lint, Platform, Severity, lint, parse};
use serde_json::{Value, json};

use crate::bridge::HostConfig;
use crate::out;

/// The version of the JSON's shape.
const VERSION: u32 = 1;

/// Too large for a stack.
static CONFIGURATION: Mutex<HostConfig> = Mutex::new(Config::new());

/// Reads a configuration file and tells every error, every silent mistake, and what has no effect. Exits with 0 when there is
/// neither error nor warning, with 1 when there are errors, with 2 when there are only warnings.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The file; `-` reads standard input
    #[arg(value_name = "FILE", default_value = "/etc/holdover/holdover.conf")]
    file: PathBuf,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Something said about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Remark {
    severity: Severity,
    code: &'static str,
    /// Counted from 1; 0: the file as a whole.
    line: usize,
    /// In characters, counted from 1; 0: the line as a whole.
    column: usize,
    message: String,
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let name = args.file.display();
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(error) if args.json => {
            let object = json!({ "version": VERSION, "file": name.to_string(), "error": error.to_string() });
            let _ = out::print(&format!("{object}\n"));
            return ExitCode::FAILURE;
        }
        Err(error) => {
            out::complain(format_args!("{name}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let remarks = remarks(&text);
    let name = name.to_string();
    let shown =
        if args.json { format!("{}\n", object(&name, &remarks)) } else { page(&name, &text, &remarks) };
    if let Err(error) = out::print(&shown) {
        out::complain(format_args!("{name}: what there is to say cannot be written: {error}"));
        return ExitCode::FAILURE;
    }
    verdict(&remarks)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file);
    }
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

fn verdict(remarks: &[Remark]) -> ExitCode {
    match remarks.iter().map(|remark| remark.severity).max() {
        Some(Severity::Error) => ExitCode::from(1),
        Some(Severity::Warning) => ExitCode::from(2),
        Some(Severity::Note) | None => ExitCode::SUCCESS,
    }
}

/// Everything there is to say about a text, by line.
fn remarks(text: &[u8]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut note = |diagnostic: Diagnostic<'_>| {
        let (line, column) = match (diagnostic.line, diagnostic.what) {
            (0, ErrorKind::Lint(lint)) => locate(text, lint, diagnostic.found),
            _ => (diagnostic.line as usize, diagnostic.column as usize),
        };
        let (severity, code) = (diagnostic.severity, diagnostic.what.code());
        remarks.push(Remark { severity, code, line, column, message: format!("{diagnostic:#}") });
    };
    // Nothing panics while it is held; and if something had, its content would not matter.
    let mut configuration = CONFIGURATION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if parse(text, &Platform::LINUX, &mut configuration, &mut note).is_ok() {
        lint(configuration.view(), &mut note);
    }
    // What concerns the whole comes last, and what was said first about a line stays first.
    remarks.sort_by_key(|remark| if remark.line == 0 { usize::MAX } else { remark.line });
    remarks
}

/// The line that a fault of the whole configuration is best shown at: where its subject is first named, else `router bgp`.
fn locate(text: &[u8], lint: Lint, found: &str) -> (usize, usize) {
    let first = |wanted: &[&str]| {
        text.split(|&octet| octet == b'\n').zip(1_usize..).find_map(|(line, number)| {
            let line = std::str::from_utf8(line).ok()?;
            let mut words = line.split_ascii_whitespace();
            wanted.iter().all(|wanted| words.next() == Some(wanted)).then(|| {
                let indent = line.chars().take_while(char::is_ascii_whitespace).count();
                (number, indent + 1)
            })
        })
    };
    let subject = match lint {
        Lint::Unfiltered => first(&["redistribute", found]),
        Lint::SharedRouterId => first(&["bgp", "router-id"]),
        Lint::NoFamily | Lint::NoInboundFilter | Lint::LowTtl(_) => first(&["neighbor", found]),
        Lint::NotActivated => first(&["address-family", "ipv6"]),
        _ => None,
    };
    subject.or_else(|| first(&["router", "bgp"])).unwrap_or((0, 0))
}

/// The remarks as a person reads them: each with its line, and a mark below the place.
fn page(name: &str, text: &[u8], remarks: &[Remark]) -> String {
    let mut page = String::new();
    let lines: Vec<&[u8]> = text.split(|&octet| octet == b'\n').collect();
    for Remark { severity, line, column, message, .. } in remarks {
        let place = match (*line, *column) {
            (0, _) => String::new(),
            (line, 0) => format!("{line}:"),
            (line, column) => format!("{line}:{column}:"),
        };
        let _ = writeln!(page, "{name}:{place} {severity}: {message}");
        if let Some(source) = line.checked_sub(1).and_then(|index| lines.get(index)) {
            let source = String::from_utf8_lossy(source);
            let source = without_secret(source.trim_end());
            let _ = writeln!(page, "{line:>5} | {source}");
            if *column > 0 {
                let _ = writeln!(page, "      | {}^", blanks(&source, *column));
            }
        }
    }
    let count = |severity: Severity| remarks.iter().filter(|remark| remark.severity == severity).count();
    let counted = |severity: Severity| match count(severity) {
        1 => format!("1 {severity}"),
        count => format!("{count} {severity}s"),
    };
    let all = [Severity::Error, Severity::Warning, Severity::Note].map(counted).join(", ");
    let verdict = match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "fine",
        (0, _) => "can be used, and probably is not quite what is meant",
        _ => "cannot be used",
    };
    let _ = writeln!(page, "{name}: {all}: {verdict}");
    page
}

/// A line without the password in it.
fn without_secret(line: &str) -> String {
    match line.split_once(" password ") {
        Some((before, _)) => format!("{before} password …"),
        None => line.to_owned(),
    }
}

/// As wide as what stands before the column: tabs stay tabs.
fn blanks(line: &str, column: usize) -> String {
    line.chars().take(column - 1).map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect()
}

fn object(name: &str, remarks: &[Remark]) -> Value {
    let count = |severity: Severity| remarks.iter().filter(|remark| remark.severity == severity).count();
    let diagnostics: Vec<Value> = remarks
        .iter()
        .map(|remark| {
            json!({
                "severity": remark.severity.to_string(),
                "code": remark.code,
                "line": remark.line,
                "column": remark.column,
                "message": remark.message,
            })
        })
        .collect();
    json!({
        "version": VERSION,
        "file": name,
        "usable": count(Severity::Error) == 0,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notes": count(Severity::Note),
        "diagnostics": diagnostics,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "\
router bgp 65000
 bgp router-id 203.0.113.7
 timers bgp 3 9
 neighbor 203.0.113.1 remote-as external
 neighbor 203.0.113.1 prefix-list NONE in
 network 192.0.2.10/32
ip prefix-list NONE deny any
";

    fn code(text: &str) -> ExitCode {
        verdict(&remarks(text.as_bytes()))
    }

    #[test]
    fn the_exit_code_tells_errors_from_warnings() {
        assert_eq!(code(CLEAN), ExitCode::SUCCESS);
        assert_eq!(code(&format!("log syslog\n{CLEAN}")), ExitCode::SUCCESS, "a note is no fault");
        assert_eq!(code(&CLEAN.replace("3 9", "60 180")), ExitCode::from(2));
        assert_eq!(code(&CLEAN.replace("3 9", "60 180").replace("external", "exernal")), ExitCode::from(1));
    }

    #[test]
    fn the_place_is_marked_below_its_line() {
        let text = "router bgp 65000\n\tneighbor 203.0.113.1 remote-us external\n";
        let shown = page("x.conf", text.as_bytes(), &remarks(text.as_bytes()));
        assert_eq!(
            shown,
            "x.conf:2:23: error: unexpected `remote-us`; did you mean `remote-as`?\n    2 | \tneighbor 203.0.113.1 remote-us \
             external\n      | \t                     ^\nx.conf: 1 error, 0 warnings, 0 notes: cannot be used\n"
        );
    }

    #[test]
    fn a_fault_of_the_whole_is_shown_where_its_subject_stands() {
        let text = CLEAN.replace(" neighbor 203.0.113.1 prefix-list NONE in\n", " redistribute static\n");
        let found: Vec<_> =
            remarks(text.as_bytes()).iter().map(|remark| (remark.code, remark.line)).collect();
        assert_eq!(found, [("no-inbound-filter", 4), ("unfiltered-redistribute", 5)]);
    }

    #[test]
    fn the_json_counts_and_names_what_it_tells() {
        let text = CLEAN.replace("3 9", "60 180");
        let object = object("x.conf", &remarks(text.as_bytes()));
        assert_eq!(object["version"], VERSION);
        assert_eq!((&object["usable"], &object["warnings"]), (&json!(true), &json!(1)));
        assert_eq!(
            (&object["diagnostics"][0]["code"], &object["diagnostics"][0]["line"]),
            (&json!("slow-timers"), &json!(3))
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        let text = CLEAN.replace(" network", " neighbor 203.0.113.9 password s3cret word\n network");
        let shown = page("x.conf", text.as_bytes(), &remarks(text.as_bytes()));
        assert!(
            shown.contains("password …") && !shown.contains("s3cret") && !shown.contains("word\n"),
            "{shown}"
        );
    }
}
