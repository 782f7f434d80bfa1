//! `cargo xtask docs`: the documents that come from tables in the code.

use crate::Outcome;
use crate::process;

pub(crate) const USAGE: &str = "docs";
pub(crate) const HELP: &str = "\
Write docs/config.md and docs/fsm.md anew from the tables in core, and the sizes in docs/appliance.md.

The tests that compare them with the tables write them when HOLDOVER_BLESS is set; without it they fail
when a document is stale, in `cargo test` and so in `cargo xtask test`.";

/// Tells a test to write its document instead of comparing it.
const WRITE: &str = "HOLDOVER_BLESS";

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let [word, ..] = arguments {
        return Err(format!("docs takes no `{word}`; usage: cargo xtask {USAGE}"));
    }
    process::run(process::cargo(["test", "--package", "holdover-core", "docs_"]).env(WRITE, "1"))
}
