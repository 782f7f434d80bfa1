//! `cargo xtask e2e`: the daemon as a user runs it, against real routers in network namespaces.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use crate::Outcome;
use crate::firmware;
use crate::packages;
use crate::process;

pub(crate) const USAGE: &str = "e2e [--debug] [FILTER]";
pub(crate) const HELP: &str = "\
Run the end-to-end tests: the release binary against FRR, BIRD, GoBGP, OpenBGPD and ExaBGP, and the appliance, as its
image in QEMU and as a process over a tap, against BIRD, FRR and the release binary.

Needs root (network namespaces) and the packages of `cargo xtask test`, which are installed as root on Debian.

  --debug    a binary of the dev profile: builds faster, runs slower
  FILTER     only the cases whose name contains it";

/// Tells the tests which daemon to run; without it they say that they were not run.
pub(crate) const BINARY: &str = "HOLDOVER_BIN";

/// The names of the appliance's cases have one of these words: it is built when some of them may run.
const APPLIANCE: [&str; 3] = ["appliance", "on_a_tap", "in_qemu"];
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
    let appliance = filter.is_none_or(|filter| APPLIANCE.iter().any(|word| filter.contains(word)));
    let variables = if appliance { firmware::test::vehicles()? } else { Vec::new() };
    cases(filter, debug, &variables)
}

/// Runs the cases whose name contains `filter`, with these variables in their environment.
pub(crate) fn cases(filter: Option<&str>, debug: bool, variables: &[(&str, OsString)]) -> Outcome {
    packages::ensure(packages::PEERS)?;
    let binary = build(debug)?;
    let mut command = process::cargo(["test", "--package", "holdover-tests", "--test", "e2e"]);
    if filter.is_none() {
        command.args(["--package", "holdover-benches", "--test", "lab"]);
    }
    command.arg("--").args(filter).env(BINARY, binary).env(REQUIRED.0, REQUIRED.1).stdin(Stdio::null());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    process::run(&mut command)
}

/// Builds the daemon; where it is then.
pub(crate) fn build(debug: bool) -> Result<PathBuf, String> {
    let profile: &[&str] = if debug { &[] } else { &["--release"] };
    process::run(process::cargo(["build", "--package", "holdover"]).args(profile))?;
    let folder = process::target_dir().join(if debug { "debug" } else { "release" });
    Ok(folder.join("holdover"))
}
