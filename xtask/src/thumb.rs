//! Building for a Cortex-M4: by rustup's target where it is installed, else by Debian's second Rust, which comes with the
//! library's sources. The toolchain of the machine is left as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::{self, Package};
use crate::process;

/// A Cortex-M4 without an operating system.
pub(crate) const TARGET: &str = "thumbv7em-none-eabi";

/// Debian's second Rust: for a machine whose rustup cannot fetch a target.
const DEBIAN: &[Package] = &[
    Package { name: "rustc-web", programs: &[DEBIAN_RUSTC] },
    Package { name: "rust-web-src", programs: &[DEBIAN_SOURCE] },
];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";

/// `cargo build` or its like in the workspace's root, for the target, by whichever of the two ways this machine has.
pub(crate) fn cargo(word: &str) -> Result<Command, String> {
    cargo_in(process::root(), &folder(), word)
}

/// The same in another folder, whose `.cargo/config.toml` holds, and with another folder for what is built.
pub(crate) fn cargo_in(place: &Path, target_dir: &Path, word: &str) -> Result<Command, String> {
    let sysroot = sysroot();
    let builds_core = !sysroot.as_deref().is_some_and(has_target);
    if builds_core {
        packages::ensure(DEBIAN).map_err(|message| {
            format!(
                "nothing can be built for {TARGET}: {message}\nor, with rustup: rustup target add {TARGET}"
            )
        })?;
    }
    let mut command = process::cargo([word, "--release", "--target", TARGET]);
    command.current_dir(place).arg("--target-dir").arg(target_dir);
    if builds_core {
        command.args(["-Zbuild-std=core", "-Zbuild-std-features=optimize_for_size"]);
        command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        // A wrapper or flags meant for the other compiler would confuse this one.
        command.env_remove("RUSTC_WRAPPER").env_remove("RUSTFLAGS");
        // Debian's has no linker for bare metal; the usual one's links for every target.
        if let Some(linker) = sysroot.as_deref().and_then(linker) {
            command.env("CARGO_TARGET_THUMBV7EM_NONE_EABI_LINKER", linker);
        }
    }
    Ok(command)
}

/// Whether core is built anew here, with flags of our own, because rustup's target with its core is not installed.
pub(crate) fn builds_core() -> bool {
    !sysroot().is_some_and(|sysroot| has_target(&sysroot))
}

/// What compiles for the target here, as it calls itself: another one makes other code.
pub(crate) fn compiler() -> String {
    let builds_core = builds_core();
    let program = if builds_core { DEBIAN_RUSTC } else { "rustc" };
    let said = process::output(Command::new(program).arg("--version").current_dir(process::root()));
    let version = said.as_deref().and_then(|line| line.split(' ').nth(1)).unwrap_or("of unknown version");
    format!("rustc {version} {}", if builds_core { "with core built anew" } else { "with rustup's core" })
}

/// Its own target folder: another compiler's files beside the usual ones would rebuild both each time.
pub(crate) fn folder() -> PathBuf {
    process::target_dir().join("thumb")
}

/// Where the machine's own compiler lives.
fn sysroot() -> Option<PathBuf> {
    let path =
        process::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(process::root()))?;
    Some(PathBuf::from(path.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// The linker that comes with a compiler, whatever host that is for.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    hosts.filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld"))).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like a compiler's, as long as it is used.
    struct Sysroot(PathBuf);

    impl Sysroot {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("holdover-sysroot-{name}-{}", std::process::id())))
        }
    }

    impl Drop for Sysroot {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_sysroot_has_the_target_only_when_its_library_is_there() {
        let sysroot = Sysroot::new("target");
        assert!(!has_target(&sysroot.0));
        std::fs::create_dir_all(sysroot.0.join("lib/rustlib/thumbv7em-none-eabi/lib")).unwrap();
        assert!(has_target(&sysroot.0));
    }

    #[test]
    fn the_linker_is_found_whatever_the_host_is_called() {
        let sysroot = Sysroot::new("linker");
        assert_eq!(linker(&sysroot.0), None);
        let folder = sysroot.0.join("lib/rustlib/some-host/bin");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("rust-lld"), "").unwrap();
        assert_eq!(linker(&sysroot.0), Some(folder.join("rust-lld")));
    }
}
