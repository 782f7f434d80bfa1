//! `cargo xtask e2e`: the daemon as a user runs it, against real routers in network namespaces.

use std::path::PathBuf;
use std::process::Stdio;

use crate::Outcome;
use crate::packages;
use crate::process;

pub(crate) const USAGE: &str = "e2e [--debug] [FILTER]";
pub(crate) const HELP: &str = "\
Run the end-to-end tests: the release binary against FRR, BIRD, GoBGP, OpenBGPD and ExaBGP, and the appliance as a
process over a tap against BIRD, FRR and the release binary.

Needs root (network namespaces) and the packages of `cargo xtask test`, which are installed as root on Debian.

  --debug    a binary of the dev profile: builds faster, runs slower
  FILTER     only the cases whose name contains it";

/// Tells the tests which daemon to run; without it they say that they were not run.
pub(crate) const BINARY: &str = "HOLDOVER_BIN";

/// Tells the tests where the appliance as a process is.
const TAP: &str = "HOLDOVER_TAP";
/// The names of the appliance's cases have one of these words: it is built when some of them may run.
const APPLIANCE: [&str; 2] = ["appliance", "on_a_tap"];
/// Makes "cannot run here" a failure of theirs.
const REQUIRED: (&str, &str) = ("HOLDOVER_E2E", "required");

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut debug = false;
    let mut filter = None;
    for word in arguments {
        match word.as_str() {
            "--debug" => debug = true,
            option if option.starts_with('-') => {
                return Err(format!("e2e does not know `{option}`; usage: cargo xtask {USAGE}"));
            }
            name if filter.is_none() => filter = Some(name),
            more => return Err(format!("e2e takes one filter; `{more}` is one too many")),
        }
    }
    packages::ensure(packages::PEERS)?;

    let binary = build(debug)?;
    let mut command = process::cargo(["test", "--package", "holdover-tests", "--test", "e2e"]);
    if filter.is_none() {
        command.args(["--package", "holdover-benches", "--test", "lab"]);
    }
    if filter.is_none_or(|filter| APPLIANCE.iter().any(|word| filter.contains(word))) {
        command.env(TAP, appliance()?);
    }
    command.arg("--").args(filter).env(BINARY, binary).env(REQUIRED.0, REQUIRED.1).stdin(Stdio::null());
    process::run(&mut command)
}

/// Builds the appliance as a process over a tap; gives the program's path.
fn appliance() -> Result<PathBuf, String> {
    process::run(&mut process::cargo([
        "build",
        "--release",
        "--package",
        "holdover-smoltcp",
        "--example",
        "tap",
    ]))?;
    Ok(process::target_dir().join("release/examples/tap"))
}

/// Builds the daemon; where it is then.
pub(crate) fn build(debug: bool) -> Result<PathBuf, String> {
    let profile: &[&str] = if debug { &[] } else { &["--release"] };
    process::run(process::cargo(["build", "--package", "holdover"]).args(profile))?;
    let folder = process::target_dir().join(if debug { "debug" } else { "release" });
    Ok(folder.join("holdover"))
}
