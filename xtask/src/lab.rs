//! `cargo xtask lab`: the failover lab, Holdover beside other daemons.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::Outcome;
use crate::e2e;
use crate::packages;
use crate::process;

pub(crate) const USAGE: &str = "lab [OPTION...]";
pub(crate) const HELP: &str = "\
Measure failover beside FRR, BIRD, GoBGP, ExaBGP and OpenBGPD: the same network, the same faults.

Needs root (network namespaces) and the packages of `cargo xtask test`, which are installed as root on Debian. Builds
the release binary, and runs the lab of the package holdover-benches with it. A machine that does anything else
meanwhile gives worse figures, and the documents say so.

  --daemons A,B    holdover frr bird gobgp exabgp openbgpd; all unless told otherwise
  --faults X,Y     term kill killall loss service address freeze idle; all unless told otherwise
  --reps N         repetitions of each fault, 3 unless told otherwise (half an hour); BFD's are half as many again
  --limit SECONDS  how long the end of an outage is waited for, 60 unless told otherwise
  --quick          1 repetition, a limit of 15 s: whether all works, not how well
  --resume FILE    go on with these raw results: only what they lack is measured, and added to them
  --keep DIR       keep the raw results, and each network's configurations and logs, there
  --out DIR        write failover.md, img/failover.svg and lab/*.conf there: `--out docs` for this project's own
  --from FILE      measure nothing, write the documents from these raw results

Paths are those of the workspace's root. Without --keep the raw results are in lab/ of cargo's target folder.";

/// Runs the chore: on success it becomes the lab, so that a Ctrl-C ends what it has to end and nothing else.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let measures = !arguments.iter().any(|word| word == "--from");
    if measures {
        if !process::is_root() {
            return Err("the lab makes network namespaces and needs root: run it with sudo".to_owned());
        }
        packages::ensure(packages::PEERS)?;
    }
    let build = ["build", "--release", "--package", "holdover", "--package", "holdover-benches", "--bins"];
    process::run(&mut process::cargo(build))?;
    let folder = process::target_dir().join("release");
    let mut command = Command::new(folder.join("lab"));
    command.args(arguments).current_dir(process::root()).env(e2e::BINARY, folder.join("holdover"));
    command.env("HOLDOVER_LAB", process::target_dir().join("lab"));
    Err(format!("cannot run the lab: {}", command.exec()))
}
