//! `cargo xtask test`: everything that can fail, in one command.

use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::capi;
use crate::e2e;
use crate::firmware;
use crate::packages;
use crate::process;
use crate::soak;

pub(crate) const USAGE: &str = "test [--no-e2e]";
pub(crate) const HELP: &str = "\
Install what the tests need, then run them all: units, vectors, simulation, C library, end to end, four minutes of soak.

As root on Debian or Ubuntu the missing packages are installed (their services are not started); anywhere
else the run says exactly what is missing. Ends with 0 only when every test ran and passed.

  --no-e2e   leave out the tests against real routers, the soak among them (they need root and the packages)

HOLDOVER_SEEDS     how many drawn networks; default 5000, others each day. HOLDOVER_SEED is the first of them.
HOLDOVER_VECTORS   folder of the third-party byte vectors; default ../shared/vectors. Where there is none the
                   run says so; with CI set in the environment that is a failure.";

/// How many networks a run draws where `HOLDOVER_SEEDS` does not say it: 1 to 2 minutes with the build, on 2 cores.
const DRAWN: &str = "5000";

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let with_e2e = match arguments {
        [] => true,
        [word] if word == "--no-e2e" => false,
        [word, ..] => return Err(format!("test does not know `{word}`; usage: cargo xtask {USAGE}")),
    };
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let vectors = vectors(std::env::var_os("HOLDOVER_VECTORS").as_ref().map(Path::new), process::root(), ci)?;
    // Looked for first: a missing package should be known before a long build, not after it.
    let peers = if with_e2e {
        packages::ensure(packages::PEERS).and_then(|()| firmware::test::ensure())
    } else {
        Ok(())
    };
    if let Err(message) = &peers {
        eprintln!("xtask: the end-to-end tests cannot run: {message}");
    }

    let mut command = process::cargo(["test", "--workspace", "--no-fail-fast"]);
    command.env_remove(e2e::BINARY);
    if let Some(folder) = &vectors {
        command.env("HOLDOVER_VECTORS", folder);
    }
    let units = process::run(&mut command);
    let networks = drawn_networks();
    let library = match (&peers, with_e2e) {
        (Ok(()), true) => capi::run(&[]),
        _ => capi::run(&["--no-e2e".to_owned()]),
    };
    let image = firmware::units().and_then(|()| firmware::measured());
    let end_to_end = match (&peers, with_e2e) {
        (Err(message), _) => Err(format!("the end-to-end tests did not run: {message}")),
        (Ok(()), true) => e2e::run(&[]),
        (Ok(()), false) => Ok(()),
    };
    let soaked = match (&peers, with_e2e) {
        (Err(message), _) => Err(format!("the soak did not run: {message}")),
        (Ok(()), true) => {
            let failover = soak::run(&["failover", "--minutes", "2"].map(str::to_owned));
            let bfd = soak::run(&["bfd", "--seconds", "45"].map(str::to_owned));
            failover.and(bfd)
        }
        (Ok(()), false) => Ok(()),
    };
    report(vectors.as_deref(), with_e2e, &[&units, &networks, &library, &image, &end_to_end, &soaked]);
    units.and(networks).and(library).and(image).and(end_to_end).and(soaked)
}

/// Networks that nobody has drawn before, in the fast build of the simulator; their seeds are printed.
fn drawn_networks() -> Outcome {
    let test = ["test", "--profile", "sim", "-p", "holdover-tests", "--test", "sim"];
    let mut command = process::cargo(test);
    command.args(["seeds::after_any_faults", "--", "--nocapture"]);
    if std::env::var_os("HOLDOVER_SEEDS").is_none() {
        command.env("HOLDOVER_SEEDS", DRAWN);
    }
    process::run(&mut command)
}

/// The folder of the vectors, or none where a clone has none. In CI none is an error, so that nobody takes a run
/// without them for a full one.
fn vectors(named: Option<&Path>, root: &Path, ci: bool) -> Result<Option<PathBuf>, String> {
    let folder = root.join(named.unwrap_or(Path::new("../shared/vectors")));
    if folder.join("README.md").is_file() {
        return Ok(Some(folder));
    }
    if named.is_some() {
        return Err(format!("HOLDOVER_VECTORS names {}, which is no folder of vectors", folder.display()));
    }
    if ci {
        return Err(format!("the byte vectors are missing: there is no {}", folder.display()));
    }
    Ok(None)
}

/// Says in a few lines what ran and what did not: a test that was left out must not look like one that passed.
fn report(
    vectors: Option<&Path>,
    with_e2e: bool,
    [units, networks, library, image, end_to_end, soaked]: &[&Outcome; 6],
) {
    let word = |outcome: &Outcome| if outcome.is_ok() { "passed" } else { "FAILED" };
    eprintln!();
    eprintln!("xtask: cargo test --workspace   {}", word(units));
    eprintln!("xtask: drawn networks            {}", word(networks));
    eprintln!("xtask: the image, its budgets   {}", word(image));
    match vectors {
        Some(folder) => eprintln!("xtask: third-party vectors      run from {}", folder.display()),
        None => eprintln!(
            "xtask: third-party vectors      NOT RUN: no ../shared/vectors, and HOLDOVER_VECTORS is not set"
        ),
    }
    eprintln!("xtask: C library                {}", word(library));
    if with_e2e {
        eprintln!("xtask: end to end               {}", word(end_to_end));
        eprintln!("xtask: four minutes of soak     {}", word(soaked));
    } else {
        eprintln!("xtask: end to end, soak         NOT RUN: --no-e2e (nor the C library against BIRD)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_that_are_absent_fail_in_ci_and_are_none_in_a_clone() {
        let nowhere = Path::new("/nonexistent/root");
        assert_eq!(vectors(None, nowhere, false), Ok(None));
        assert!(vectors(None, nowhere, true).unwrap_err().contains("/nonexistent/root/../shared/vectors"));
    }

    #[test]
    fn a_vectors_folder_that_was_named_must_be_one() {
        let message = vectors(Some(Path::new("/nonexistent")), Path::new("/"), false).unwrap_err();
        assert!(message.contains("HOLDOVER_VECTORS names /nonexistent"), "{message}");
    }
}
