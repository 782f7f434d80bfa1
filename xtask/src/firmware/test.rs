//! `cargo xtask firmware test`: the appliance against real peers, in QEMU and as a process over a tap.

use std::ffi::OsString;

use super::{Variant, build, qemu};
use crate::Outcome;
use crate::e2e;
use crate::process;

/// All of the appliance's cases.
const ALL: &str = "appliance/";

/// Runs the word.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let filter = match arguments {
        [] => ALL,
        [word] if !word.starts_with('-') => word,
        [word, ..] => return Err(format!("firmware test takes one filter, and not `{word}`")),
    };
    e2e::cases(Some(filter), false, &vehicles()?)
}

/// Makes sure that the emulator is here.
pub(crate) fn ensure() -> Outcome {
    qemu::ensure()
}

/// Builds both vehicles of the appliance, its image and its process; the variables that tell the cases where they are.
pub(crate) fn vehicles() -> Result<Vec<(&'static str, OsString)>, String> {
    // Looked for first: a missing emulator should be known before a long build.
    ensure()?;
    let image = build::image(Variant::Full)?;
    let words = ["build", "--release", "--package", "holdover-smoltcp", "--example", "tap"];
    process::run(&mut process::cargo(words))?;
    let tap = process::target_dir().join("release/examples/tap");
    Ok(vec![("HOLDOVER_IMAGE", image.into()), ("HOLDOVER_TAP", tap.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_there_is_not_is_named() {
        assert!(run(&["--fast".to_owned()]).unwrap_err().contains("`--fast`"));
    }
}
