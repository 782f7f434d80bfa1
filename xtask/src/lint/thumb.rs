//! A real build of core for a microcontroller: that it needs neither std nor an allocator is then a fact.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::packages::{self, Package};
use crate::process;

/// A Cortex-M4 without an operating system.
pub(super) const TARGET: &str = "thumbv7em-none-eabi";

/// Debian's second Rust, which comes with the library's sources: for a machine whose rustup cannot fetch a target.
const DEBIAN: &[Package] = &[
    Package { name: "rustc-web", programs: &[DEBIAN_RUSTC] },
    Package { name: "rust-web-src", programs: &[DEBIAN_SOURCE] },
];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";

/// Builds core for the target; the toolchain of the machine is left as it is.
pub(super) fn check() -> Outcome {
    process::run(cargo("build")?.args(["--package", "holdover-core"]))
}

/// `cargo build` or its like for the target, by whichever of the two ways this machine has.
pub(super) fn cargo(word: &str) -> Result<Command, String> {
    let installed = installed_target();
    if !installed {
        packages::ensure(DEBIAN).map_err(|message| {
            format!(
                "core cannot be built for {TARGET}: {message}\nor, with rustup: rustup target add {TARGET}"
            )
        })?;
    }
    let mut command = process::cargo([word, "--release", "--target", TARGET]);
    command.arg("--target-dir").arg(folder());
    if !installed {
        command.arg("-Zbuild-std=core").env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        // A wrapper or flags meant for the other compiler would confuse this one.
        command.env_remove("RUSTC_WRAPPER").env_remove("RUSTFLAGS");
    }
    Ok(command)
}

/// Its own target folder: another compiler's files beside the usual ones would rebuild both each time.
pub(super) fn folder() -> PathBuf {
    process::target_dir().join("thumb")
}

fn installed_target() -> bool {
    let sysroot =
        process::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(process::root()));
    sysroot.is_some_and(|path| has_target(Path::new(path.trim())))
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_has_the_target_only_when_its_library_is_there() {
        let sysroot = std::env::temp_dir().join(format!("holdover-sysroot-{}", std::process::id()));
        assert!(!has_target(&sysroot));
        std::fs::create_dir_all(sysroot.join("lib/rustlib/thumbv7em-none-eabi/lib")).unwrap();
        assert!(has_target(&sysroot));
        std::fs::remove_dir_all(&sysroot).unwrap();
    }
}
