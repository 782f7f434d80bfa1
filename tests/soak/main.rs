//! What must hold for long. Run by `cargo xtask soak NAME [--seconds N]`, one case after another.

mod bfd;

use std::path::Path;
use std::time::Duration;

use holdover_tests::harness::runner::{self, Case};

/// So many seconds each case goes on, once it is under way.
const SECONDS: &str = "HOLDOVER_SOAK_SECONDS";

fn main() {
    let Some(seconds) = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()) else {
        println!("soak: not run (use cargo xtask soak)");
        return;
    };
    let cases: Vec<Case> = bfd::cases(seconds);
    let limits: u64 = cases.iter().map(|case| case.seconds).sum();
    let target = option_env!("CARGO_TARGET_TMPDIR").unwrap_or("target/tmp");
    let keep = Path::new(target).parent().unwrap_or(Path::new("target")).join("soak");
    std::process::exit(runner::main(cases, &keep, Duration::from_secs(limits)));
}
