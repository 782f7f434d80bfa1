//! `cargo xtask api`: core's public interface as a text, so that a change of it stands in a diff.
//!
//! Nightly's rustdoc writes what it knows of a crate as JSON; [`listing`] walks that along what is public, and
//! [`signature`] writes types as Rust does. The toolchain is used where it is, and never installed.

mod listing;
mod signature;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::Outcome;
use crate::process;

pub(crate) const USAGE: &str = "api";
pub(crate) const HELP: &str = "\
Write docs/api.txt anew: every public item of core, one a line.

Needs a nightly toolchain, whose rustdoc writes JSON, and installs none. `cargo xtask lint api` compares the
listing with the code where there is one, and says that it was not compared where there is none.";

/// The listing that is committed.
const LISTING: &str = "docs/api.txt";

/// The version of rustdoc's JSON that is understood: another one may name the same thing otherwise.
const FORMAT: u64 = 57;

/// How many differing lines a comparison shows.
const SHOWN: usize = 20;

const INTRO: &str = "\
# The public interface of holdover-core, all features on. Written by `cargo xtask api`; `cargo xtask lint api` compares.
# A path without a crate is of this one, at the shortest way to it; `use` marks the longer ways.

";

/// Why there is no listing to be had.
#[derive(Clone, Debug)]
enum Absent {
    /// The machine cannot make one; nothing is wrong with the code.
    Unable(String),
    /// Something is wrong.
    Broken(String),
}

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let [word, ..] = arguments {
        return Err(format!("api takes no `{word}`; usage: cargo xtask {USAGE}"));
    }
    let made = made().map_err(|absent| match absent {
        Absent::Unable(why) | Absent::Broken(why) => format!("{LISTING} cannot be written: {why}"),
    })?;
    std::fs::write(process::root().join(LISTING), made).map_err(|error| format!("{LISTING}: {error}"))
}

/// Why the listing cannot be compared on this machine, if so.
pub(crate) fn unable() -> Option<String> {
    match made() {
        Err(Absent::Unable(why)) => Some(format!("not compared: {why}")),
        Ok(_) | Err(Absent::Broken(_)) => None,
    }
}

/// Compares the listing that is committed with the code.
pub(crate) fn check() -> Outcome {
    let made = made().map_err(|absent| match absent {
        Absent::Unable(why) | Absent::Broken(why) => why,
    })?;
    let stands = std::fs::read_to_string(process::root().join(LISTING)).unwrap_or_default();
    compare(&stands, &made)
}

fn compare(stands: &str, made: &str) -> Outcome {
    if stands == made {
        return Ok(());
    }
    let mut message =
        format!("{LISTING} is stale; write it anew and look at the difference: cargo xtask api\n");
    let only = |these: &str, those: &str, mark: char| {
        let missing = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        missing.map(|line| format!("{mark} {line}\n")).collect::<Vec<_>>()
    };
    let lines = [only(stands, made, '-'), only(made, stands, '+')].concat();
    message.extend(lines.iter().take(SHOWN).map(String::as_str));
    if lines.len() > SHOWN {
        return Err(format!("{message}… and {} lines more", lines.len() - SHOWN));
    }
    Err(message.trim_end().to_owned())
}

/// The listing as the code has it: made once, because a law asks twice.
fn made() -> Result<String, Absent> {
    static MADE: OnceLock<Result<String, Absent>> = OnceLock::new();
    MADE.get_or_init(make).clone()
}

fn make() -> Result<String, Absent> {
    let toolchain = nightly().ok_or_else(|| Absent::Unable("there is no nightly toolchain".to_owned()))?;
    let file = document(&toolchain).map_err(Absent::Broken)?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Absent::Broken(format!("{}: {error}", file.display())))?;
    let json: Value = serde_json::from_str(&text)
        .map_err(|error| Absent::Broken(format!("{}: {error}", file.display())))?;
    match json.get("format_version").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        other => {
            let version = other.map_or("no version".to_owned(), |version| format!("version {version}"));
            return Err(Absent::Unable(format!(
                "{toolchain}'s rustdoc writes {version} of its JSON, and version {FORMAT} is understood (FORMAT in xtask/src/api)"
            )));
        }
    }
    let body = listing::of(&json).map_err(|why| Absent::Broken(format!("rustdoc's JSON: {why}")))?;
    Ok(format!("{INTRO}{body}"))
}

/// The name of an installed nightly toolchain.
fn nightly() -> Option<String> {
    first_nightly(&process::output(Command::new("rustup").args(["toolchain", "list"]))?)
}

fn first_nightly(list: &str) -> Option<String> {
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    // One without a date first: that is the one that is kept up to date.
    let is_dated = |name: &str| name["nightly-".len()..].starts_with(|c: char| c.is_ascii_digit());
    names.filter(|name| name.starts_with("nightly-")).min_by_key(|name| is_dated(name)).map(str::to_owned)
}

/// Has rustdoc describe core, and gives the file.
fn document(toolchain: &str) -> Result<PathBuf, String> {
    // Its own folder: another compiler's files beside the usual ones would rebuild both each time.
    let folder = process::target_dir().join("api");
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo", "rustdoc", "--quiet", "--lib", "--all-features"]);
    command.args(["--package", "holdover-core", "--target-dir"]).arg(&folder);
    command.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    // Meant for the compiler that built this program.
    for name in ["CARGO", "RUSTC", "RUSTC_WRAPPER", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    process::run(command.current_dir(process::root()))?;
    Ok(folder.join("doc/holdover_core.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nightly_without_a_date_is_preferred_and_no_other_toolchain_is_taken() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\nnightly-2026-01-01-x86_64-unknown-linux-gnu\n\
                    nightly-x86_64-unknown-linux-gnu\n1.95.0-x86_64-unknown-linux-gnu\n";
        assert_eq!(first_nightly(list).as_deref(), Some("nightly-x86_64-unknown-linux-gnu"));
        let dated = "nightly-2026-01-01-x86_64-unknown-linux-gnu (override)\n";
        assert_eq!(first_nightly(dated).as_deref(), Some("nightly-2026-01-01-x86_64-unknown-linux-gnu"));
        assert_eq!(first_nightly("stable-x86_64-unknown-linux-gnu (default)\n"), None);
        assert_eq!(first_nightly("no installed toolchains\n"), None);
    }

    #[test]
    fn a_stale_listing_is_told_line_by_line_with_the_command_that_mends_it() {
        assert_eq!(compare("a\nb\n", "a\nb\n"), Ok(()));
        let message = compare("a\nb\n", "a\nc\n").unwrap_err();
        assert!(message.contains("cargo xtask api"), "{message}");
        assert!(message.contains("\n- b\n+ c"), "{message}");
        let many = (0..30).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        assert!(compare("", &many).unwrap_err().ends_with("… and 10 lines more"));
    }

    #[test]
    fn lines_in_another_order_are_a_difference_too() {
        assert!(compare("a\nb\n", "b\na\n").is_err());
    }
}
