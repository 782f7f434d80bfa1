//! `holdover check`: everything there is to say about a configuration file, without touching the host or the daemon.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use holdover_core::base::text::{Masked, is_hidden};
use holdover_core::config::{
    Config, ConfigView, Diagnostic, ErrorKind, Lint, Owner, Platform, Route, Severity, concealed, lint, parse,
};
use serde_json::{Value, json};

use crate::bridge::HostConfig;
use crate::load;
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
    let mut remarks = remarks(&text);
    remarks.extend(of_the_file(&args.file));
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
        remarks.extend(missing_links(text, configuration.view()));
    }
    // What concerns the whole comes last, and what was said first about a line stays first.
    remarks.sort_by_key(|remark| if remark.line == 0 { usize::MAX } else { remark.line });
    remarks
}

/// That everybody may read a file which holds a password.
fn of_the_file(file: &Path) -> Option<Remark> {
    let configuration = CONFIGURATION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let open = load::is_readable_by_all(file) && load::holds_secret(configuration.view());
    let (severity, code) = (Severity::Warning, "readable-by-all");
    open.then(|| Remark { severity, code, line: 0, column: 0, message: load::readable(file) })
}

/// Interfaces that the configuration binds addresses on and this host does not have now. Another host may have them.
fn missing_links(text: &[u8], view: ConfigView<'_>) -> Vec<Remark> {
    const LINKS: &str = "/sys/class/net";
    if !Path::new(LINKS).is_dir() {
        return Vec::new();
    }
    let owns = |route: &&Route| route.owner == Owner::Interface;
    let of_services = view.services.iter().map(|service| (service.interface, &["bind"][..]));
    let of_routes = view.routes.iter().filter(owns).map(|route| (route.interface, &["interface"][..]));
    let mut missing = Vec::new();
    for (name, keyword) in of_services.chain(of_routes) {
        let name = view.text(name);
        if name.is_empty() || Path::new(LINKS).join(name).exists() || missing.contains(&(name, keyword)) {
            continue;
        }
        missing.push((name, keyword));
    }
    let remark = |(name, keyword): (&str, &[&str])| {
        let place = first(text, &[keyword, &[name]].concat());
        let (line, column) = place.unwrap_or((0, 0));
        let message = format!(
            "this host has no interface {} now: addresses are bound on it, and announced, once it is there",
            Masked(name)
        );
        Remark { severity: Severity::Note, code: "no-such-interface", line, column, message }
    };
    missing.into_iter().map(remark).collect()
}

/// Where the first line begins that begins with these words.
fn first(text: &[u8], wanted: &[&str]) -> Option<(usize, usize)> {
    text.split(|&octet| octet == b'\n').zip(1_usize..).find_map(|(line, number)| {
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.split_ascii_whitespace();
        wanted.iter().all(|wanted| words.next() == Some(wanted)).then(|| {
            let indent = line.chars().take_while(char::is_ascii_whitespace).count();
            (number, indent + 1)
        })
    })
}

/// The line that a fault of the whole configuration is best shown at: where its subject is first named, else `router bgp`.
fn locate(text: &[u8], lint: Lint, found: &str) -> (usize, usize) {
    let first = |wanted: &[&str]| first(text, wanted);
    let subject = match lint {
        Lint::Unfiltered => first(&["redistribute", found]),
        Lint::SharedRouterId => first(&["bgp", "router-id"]),
        Lint::NoFamily | Lint::NoInboundFilter | Lint::LowTtl(_) => first(&["neighbor", found]),
        Lint::NotActivated => first(&["address-family", "ipv6"]),
        Lint::NoActive | Lint::NoStandby | Lint::SecondaryPreempts => first(&["failover", found]),
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
            let source = shown(source.trim_end());
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

/// A line as it may be shown: without what must not be told, and nothing in it that is not seen.
fn shown(line: &str) -> String {
    // A byte order mark is no column.
    let line = line.trim_start_matches('\u{feff}');
    let told = concealed(line).and_then(|from| line.get(..from));
    let masked = |line: &str| -> String {
        line.chars().map(|letter| if letter != '\t' && is_hidden(letter) { '?' } else { letter }).collect()
    };
    told.map_or_else(|| masked(line), |told| format!("{}…", masked(told)))
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
    fn no_secret_is_shown_whatever_is_wrong_with_its_line() {
        for line in [
            "password geheim",
            "password 8 geheim",
            "enable password geheim",
            "username op password geheim",
            " neighbor 203.0.113.9 password geheim geheim",
            " neighbor 203.0.113.1 pasword geheim",
            " neighbor 203.0.113.1 passwrod geheim",
            " neighbor 203.0.113.1 pwd geheim",
            " neighbor 203.0.113.1 port 0 password geheim",
            " neighbor 203.0.113.1 remote-as 1 md5 geheim",
            " check a http http://op:geheim@h/",
            " check a http http://h/ header \"Authorization: geheim\" xyz",
            " check a exec bin/x -p geheim",
            "key chain X\n key 1\n  key-string geheim",
            "snmp-server community geheim ro",
            "interface eth0\n ip ospf authentication-key geheim",
        ] {
            let text = CLEAN.replace(" network", &format!("{line}\n network"));
            let remarks = remarks(text.as_bytes());
            let shown = page("x.conf", text.as_bytes(), &remarks) + &object("x.conf", &remarks).to_string();
            assert!(!shown.contains("geheim"), "{line}\n{shown}");
        }
    }

    #[test]
    fn what_is_not_seen_is_masked() {
        let text = "\u{feff}router bgp 65000\n nei\u{202e}ghbor \u{200b}x\n network 192.0.2.1/32 route-map a\u{2066}b\n\u{9b}\n";
        let shown = page("x.conf", text.as_bytes(), &remarks(text.as_bytes()));
        assert!(shown.contains("nei?ghbor ?x") && shown.contains("route-map `a?b`"), "{shown}");
        assert!(!shown.chars().any(|letter| letter != '\n' && is_hidden(letter)), "{shown}");
    }

    #[test]
    fn an_interface_that_is_not_there_is_said() {
        let text = format!(
            "{CLEAN}failover x\n address 192.0.2.11/32\n bind nosuchlink7\nfailover y\n address 192.0.2.12/32\n bind lo\n"
        );
        let found = remarks(text.as_bytes());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].code, found[0].line, found[0].severity),
            ("no-such-interface", 10, Severity::Note)
        );
        assert!(found[0].message.contains("nosuchlink7"), "{found:?}");
    }

    #[test]
    fn an_empty_file_is_not_fine() {
        for text in ["", "! erased\n", "hostname x\n"] {
            assert_eq!(code(text), ExitCode::from(2));
        }
    }

    #[test]
    fn a_file_with_a_password_that_all_may_read_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::env::temp_dir().join(format!("holdover-check-{}", std::process::id()));
        let secret = CLEAN.replace(" network", " neighbor 203.0.113.1 password geheim\n network");
        for (text, mode, warned) in
            [(secret.as_str(), 0o644, true), (&secret, 0o640, false), (CLEAN, 0o644, false)]
        {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut configuration = CONFIGURATION_OF_TEST.lock().unwrap();
            let remarks = load::load(&file, &mut configuration).unwrap();
            assert_eq!(remarks.iter().any(|remark| remark.text.contains("chmod o-r")), warned, "{mode:o}");
        }
        std::fs::remove_file(&file).unwrap();
    }

    /// Beside the command's own, which other tests use.
    static CONFIGURATION_OF_TEST: Mutex<HostConfig> = Mutex::new(Config::new());

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
