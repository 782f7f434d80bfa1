//! The failover lab: Holdover beside other daemons, the same faults, what a client sees of them.
//!
//! `cargo xtask lab` runs it. Two nodes share an address and speak BGP with four BIRD route servers; a client probes the
//! address every millisecond, and every figure is read off its probes ([`passage`]). [`plan`] says what is measured,
//! [`daemon`] how each daemon is set up, [`run`] does it, [`record`] keeps it, [`report`] and [`svg`] tell it.

pub mod cell;
pub mod daemon;
pub mod machine;
pub mod options;
pub mod passage;
pub mod plan;
pub mod record;
pub mod report;
pub mod run;
pub mod servers;
pub mod setup;
pub mod stats;
pub mod svg;
pub mod world;

use std::path::PathBuf;

use holdover_tests::harness::lab::{bounded, clean_leftovers, is_over, other_runs};
use holdover_tests::harness::{Result, bail, holdover, runner, service};

use self::options::{Options, USAGE};
use self::record::{Book, Line};

/// The whole program; gives the process's exit code.
pub fn main() -> i32 {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}");
        return 0;
    }
    let outcome = service::run_if_asked()
        .and_then(|()| options::parse(&words))
        .and_then(|options| lab(&options, &words));
    while is_over() {
        // The thread that cleans up ends the process.
        std::thread::park();
    }
    match outcome {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("lab: {why:#}");
            1
        }
    }
}

fn lab(options: &Options, words: &[String]) -> Result<()> {
    let lines = match &options.from {
        Some(file) => record::read(file)?,
        None => measured(options, words)?,
    };
    if let Some(folder) = &options.out {
        report::write(folder, &lines)?;
        println!("written: {}", folder.join("failover.md").display());
    }
    let failures = lines.iter().filter(|line| matches!(line, Line::Failure(_))).count();
    if failures > 0 {
        bail!("{failures} faults could not be measured");
    }
    Ok(())
}

/// Runs the lab; gives the raw results.
fn measured(options: &Options, words: &[String]) -> Result<Vec<Line>> {
    possible()?;
    runner::clean_up_on_signals();
    let (others, gone) = other_runs();
    if !gone.is_empty() {
        println!("removing what the aborted runs {gone:?} left");
        clean_leftovers();
    }
    if !others.is_empty() {
        eprintln!("lab: the processes {others:?} run networks like these now: the figures will be worse");
    }
    let usual =
        || std::env::var_os("HOLDOVER_LAB").map_or_else(|| PathBuf::from("target/lab"), PathBuf::from);
    let folder = options.keep.clone().unwrap_or_else(usual);
    let file = options.resume.clone().unwrap_or_else(|| folder.join("results.jsonl"));
    let mut book = if options.resume.is_some() { Book::resume(&file)? } else { Book::create(&file)? };
    let mut circumstances = machine::circumstances(&options::command(words), &options.daemons)?;
    circumstances.repetitions = options.repetitions;
    circumstances.limit = options.limit;
    book.add(Line::Circumstances(circumstances))?;
    run::run(options, &mut book)?;
    println!("raw results: {}", file.display());
    Ok(book.lines)
}

/// Says what this machine lacks.
fn possible() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the lab makes network namespaces and needs root: run it with sudo");
    }
    let program = holdover::program()?;
    if !std::path::Path::new(&program).exists() {
        bail!("HOLDOVER_BIN names {program}, which is not there");
    }
    let name = format!("ho{}x-test", std::process::id());
    if let Err(why) = bounded(&["ip", "netns", "add", &name]) {
        bail!("network namespaces are not permitted here: {why:#}");
    }
    bounded(&["ip", "netns", "del", &name]).map(drop)
}
