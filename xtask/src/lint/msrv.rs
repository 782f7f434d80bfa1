//! The least supported Rust is one that was tried.

use std::process::Command;

use crate::Outcome;
use crate::process;

/// What the workspace's `rust-version` says.
const LEAST: &str = env!("CARGO_PKG_RUST_VERSION");

/// The compilers that the law can be looked at with.
enum Compiler {
    /// The one that runs this chore.
    Own,
    /// A toolchain of rustup's by this name.
    Toolchain(String),
}

/// Why the law cannot be looked at on this machine, if so.
pub(super) fn unable() -> Option<String> {
    compiler().is_none().then(|| format!("not checked: there is no toolchain of Rust {LEAST}"))
}

/// Core, with all its features, is checked by that compiler.
pub(super) fn check() -> Outcome {
    let words = ["check", "--quiet", "--package", "holdover-core", "--all-features"];
    let mut command = match compiler() {
        Some(Compiler::Own) => process::cargo(words),
        Some(Compiler::Toolchain(name)) => {
            let mut command = Command::new("rustup");
            command.args(["run", &name, "cargo"]).args(words).current_dir(process::root());
            // Its own folder: another compiler's files beside the usual ones would rebuild both each time.
            command.arg("--target-dir").arg(process::target_dir().join("msrv"));
            for variable in ["CARGO", "RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"] {
                command.env_remove(variable);
            }
            command
        }
        None => return Err(format!("there is no toolchain of Rust {LEAST}")),
    };
    process::run(&mut command)
}

fn compiler() -> Option<Compiler> {
    let own = process::output(Command::new("rustc").arg("--version").current_dir(process::root()));
    if own.is_some_and(|version| is_least(version.split_whitespace().nth(1).unwrap_or_default())) {
        return Some(Compiler::Own);
    }
    let list = process::output(Command::new("rustup").args(["toolchain", "list"]))?;
    toolchain(&list).map(Compiler::Toolchain)
}

/// The first toolchain of a list that is one of the least version.
fn toolchain(list: &str) -> Option<String> {
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).find(|name| is_least(name.split('-').next().unwrap_or_default()))
}

/// Whether `version` is `LEAST` or a patch of it.
fn is_least(version: &str) -> bool {
    version.strip_prefix(LEAST).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_the_least_version_is_taken_and_a_later_version_is_not() {
        let least = format!("{LEAST}.0-x86_64-unknown-linux-gnu");
        let list = format!("stable-x86_64-unknown-linux-gnu (active, default)\n{LEAST}9-x86_64\n{least}\n");
        assert_eq!(toolchain(&list), Some(least));
        assert_eq!(toolchain("stable-x86_64-unknown-linux-gnu (default)\nnightly-x86_64\n"), None);
        assert!(is_least(LEAST) && !is_least("") && !is_least("1"));
    }
}
