//! What must hold for long. Run by `cargo xtask soak`, one case after another.

mod bfd;
mod failover;

use std::path::Path;
use std::time::Duration;

use holdover_tests::harness::runner::{self, Case};
use holdover_tests::harness::service;

/// So many seconds each case goes on, once it is under way.
const SECONDS: &str = "HOLDOVER_SOAK_SECONDS";
/// What a soak draws its faults from.
const SEED: &str = "HOLDOVER_SOAK_SEED";

fn main() {
    if let Err(error) = service::run_if_asked() {
        eprintln!("soak: the service: {error:#}");
        std::process::exit(1);
    }
    let Some(seconds) = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()) else {
        println!("soak: not run (use cargo xtask soak)");
        return;
    };
    let seed = std::env::var(SEED).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut cases: Vec<Case> = bfd::cases(seconds);
    cases.extend(failover::cases(seconds, seed));
    let limits: u64 = cases.iter().map(|case| case.seconds).sum();
    let target = option_env!("CARGO_TARGET_TMPDIR").unwrap_or("target/tmp");
    let keep = Path::new(target).parent().unwrap_or(Path::new("target")).join("soak");
    std::process::exit(runner::main(cases, &keep, Duration::from_secs(limits)));
}
