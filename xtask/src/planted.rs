//! `cargo xtask planted`: whether drawn networks would find the faults of the past.

use std::path::PathBuf;

use crate::Outcome;
use crate::process;

pub(crate) const USAGE: &str = "planted [FAULT...]";
pub(crate) const HELP: &str = "\
Plant faults of the past again, one at a time, and draw networks until one fails.

Builds the simulator apart, with `--cfg planted`, and writes docs/planted.md: for each fault the first seed that finds it,
and what it says. Ends with 0 when each was found within 20,000 seeds. With names, only those, and nothing is written.";

/// Each fault of `core/src/planted.rs`, and what it was.
const FAULTS: &[(&str, &str)] = &[
    ("no-pause", "a session that was short is dialed again at once, without end"),
    (
        "answer-over-news",
        "the answer to a bind hides that the address was removed meanwhile: announced and absent",
    ),
    ("last-place-shared", "links beyond the limit share the last place: a foreign link's end ends sessions"),
    ("bfd-stays-silent", "a BFD session that was asked for silence never speaks again"),
    ("lost-stays-lost", "a route of ours that somebody deletes is not put back"),
    ("refused-is-done", "an order about a route that the kernel refused is never tried again"),
];

/// How many seeds a fault has to be found.
const SEEDS: u64 = 20_000;

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(word) = arguments.iter().find(|word| FAULTS.iter().all(|(name, _)| name != word)) {
        return Err(format!("planted does not know `{word}`; usage: cargo xtask {USAGE}"));
    }
    let mut rows = vec![];
    let mut missed = vec![];
    for (name, what) in
        FAULTS.iter().filter(|(name, _)| arguments.is_empty() || arguments.contains(&(*name).to_owned()))
    {
        let found = find(name)?;
        eprintln!("xtask: {name}: {found:?}");
        match found {
            Some((seed, said)) => rows.push(format!("| `{name}` | {what} | {seed} | {said} |\n")),
            None => missed.push(*name),
        }
    }
    if !missed.is_empty() {
        return Err(format!("not found within {SEEDS} seeds: {}", missed.join(", ")));
    }
    if arguments.is_empty() {
        let path = process::root().join("docs/planted.md");
        let text = format!(
            "# Faults that drawn networks find\n\nWritten by `cargo xtask planted`: each fault of the past is planted again, and \
             networks are drawn from seed 1 on\nuntil one fails. `core/src/planted.rs` says where they are planted.\n\n\
             | fault | what it was | seed | what the simulator says |\n|---|---|---|---|\n{}",
            rows.concat()
        );
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The first seed that finds a fault, and what it says.
fn find(name: &str) -> Result<Option<(String, String)>, String> {
    let target: PathBuf = process::target_dir().join("planted");
    let test = ["test", "--profile", "sim", "-p", "holdover-tests", "--test", "sim"];
    let mut command = process::cargo(test);
    command
        .args(["seeds::after_any_faults", "--", "--nocapture"])
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "--cfg planted")
        .env("RUST_BACKTRACE", "0")
        .env("HOLDOVER_PLANTED", name)
        .env("HOLDOVER_SEED", "1")
        .env("HOLDOVER_SEEDS", SEEDS.to_string())
        .env("HOLDOVER_THREADS", "1");
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !said.contains("drawn networks: ") {
        return Err(format!("the simulator did not run:\n{said}"));
    }
    let mut lines = said.lines();
    let mut message = "";
    while let Some(line) = lines.next() {
        if line.contains("panicked at") {
            message = lines.next().unwrap_or_default();
        } else if let Some(rest) = line.strip_prefix("seed ") {
            let seed = rest.split(' ').next().unwrap_or_default();
            return Ok(Some((seed.to_owned(), message.to_owned())));
        }
    }
    Ok(None)
}
