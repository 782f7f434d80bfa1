//! `cargo xtask lint`: the laws of the house that a machine can check.
//!
//! Each law is a module with one function from sources to [`Fault`]s, tested with a sample that breaks it.

mod bss;
mod documents;
mod forbidden;
mod layers;
mod length;
mod msrv;
mod source;

use std::fmt;

use crate::Outcome;
use crate::api;
use crate::capi;
use crate::firmware;
use crate::process;
use crate::thumb;
use source::Tree;

pub(crate) const USAGE: &str = "lint [LAW...]";
pub(crate) const HELP: &str = "\
Check formatting, clippy, and the laws of the house; change nothing.

  fmt         cargo fmt --all --check, capi and the image
  clippy      cargo clippy --workspace --all-targets, core and shim-smoltcp with their features, capi, and what of the
              image needs no board; warnings are errors
  layers      core's modules use only what stands below them
  length      files of at most 600 lines without tests, functions of at most 70
  forbidden   no std, alloc, unsafe or clock in core and shim-smoltcp; no loose ends; no sleeping test
  documents   links, cited files and cited tests exist; every record is explained
  thumb       core and shim-smoltcp build for thumbv7em-none-eabi: no_std and no alloc are facts
  bss         a static engine, and a static configuration, lie in .bss, on the host and on the board
  doc         the documentation of core and shim-smoltcp is built without a warning, every link in it leads somewhere
  package     core as it would be published builds by itself, licences and all
  msrv        core builds with the least supported Rust; not checked where that is not installed
  api         docs/api.txt is core's public interface; not compared where there is no nightly toolchain
  header      capi/include/holdover.h is what capi/src makes

Without a name all of them are checked, and all are reported even when an early one fails.";

/// The C library: a package outside the workspace, under the same laws.
const CAPI: &str = "capi/Cargo.toml";

/// One place that breaks a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Path from the workspace's root.
    file: String,
    /// Counted from 1; 0 when the whole file is meant.
    line: usize,
    /// What is wrong, and how to mend it.
    message: String,
}

impl Fault {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// A law by its name, and how it is checked.
struct Law {
    name: &'static str,
    check: fn() -> Outcome,
}

const LAWS: &[Law] = &[
    Law { name: "fmt", check: fmt_law },
    Law { name: "clippy", check: clippy },
    Law { name: "layers", check: || on_tree(layers::check) },
    Law { name: "length", check: || on_tree(length::check) },
    Law { name: "forbidden", check: || on_tree(forbidden::check) },
    Law { name: "documents", check: documents::check },
    Law { name: "thumb", check: thumb },
    Law { name: "bss", check: bss::check },
    Law { name: "doc", check: doc },
    Law { name: "package", check: package },
    Law { name: "msrv", check: msrv::check },
    Law { name: "api", check: api::check },
    Law { name: "header", check: capi::header::check },
];

/// What stands in the way of looking at a law on this machine, if anything does.
type Unable = fn() -> Option<String>;

/// Laws that not every machine can look at: what stands in the way is said, and none of these is then called kept.
const UNABLE: &[(&str, Unable)] = &[("msrv", msrv::unable), ("api", api::unable)];

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    for word in arguments {
        if !LAWS.iter().any(|law| law.name == word) {
            let names: Vec<&str> = LAWS.iter().map(|law| law.name).collect();
            return Err(format!("lint knows no law `{word}`; there are: {}", names.join(" ")));
        }
    }
    let mut broken = Vec::new();
    for law in LAWS {
        if !arguments.is_empty() && !arguments.iter().any(|word| word == law.name) {
            continue;
        }
        let unable = UNABLE.iter().find(|(name, _)| *name == law.name);
        if let Some(why) = unable.and_then(|(_, unable)| unable()) {
            eprintln!("xtask: lint {}: {why}", law.name);
            continue;
        }
        match (law.check)() {
            Ok(()) => eprintln!("xtask: lint {}: kept", law.name),
            Err(message) => {
                eprintln!("{message}");
                eprintln!("xtask: lint {}: BROKEN", law.name);
                broken.push(law.name);
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("lint: broken: {}", broken.join(" "))) }
}

fn fmt_law() -> Outcome {
    process::run(&mut process::cargo(["fmt", "--all", "--check"]))?;
    for manifest in [CAPI, firmware::MANIFEST] {
        process::run(&mut process::cargo(["fmt", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Outcome {
    let with = |what: &[&str]| {
        process::run(process::cargo(["clippy", "--quiet"]).args(what).args(["--", "-D", "warnings"]))
    };
    with(&["--workspace", "--all-targets"])?;
    with(&["--package", "holdover-core", "--package", "holdover-smoltcp", "--all-features"])?;
    let folder = process::target_dir().join("capi");
    with(&["--manifest-path", CAPI, "--locked", "--all-targets", "--target-dir", &folder.to_string_lossy()])?;
    // What of the image needs no board; the rest has another target.
    let folder = firmware::host_folder();
    let place = ["--manifest-path", firmware::MANIFEST, "--target-dir", &folder.to_string_lossy()];
    with(&[&place[..], &["--locked", "--lib", "--tests"]].concat())
}

/// A real build of core and of the shim over smoltcp for a microcontroller: that they need neither std nor an allocator is
/// then a fact.
fn thumb() -> Outcome {
    process::run(thumb::cargo("build")?.args(["--package", "holdover-core", "--package", "holdover-smoltcp"]))
}

/// The documentation of what others link, with and without its features.
fn doc() -> Outcome {
    let with = |features: &[&str]| {
        let mut command = process::cargo(["doc", "--quiet", "--no-deps"]);
        command.args(["--package", "holdover-core", "--package", "holdover-smoltcp"]).args(features);
        process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
    };
    with(&[])?;
    with(&["--all-features"])
}

/// Core as a package: packed, unpacked and built by itself. Nothing is sent anywhere.
fn package() -> Outcome {
    process::run(&mut process::cargo(["package", "--quiet", "--allow-dirty", "--package", "holdover-core"]))
}

/// Reads the sources once more and applies one law to them.
fn on_tree(check: fn(&Tree) -> Vec<Fault>) -> Outcome {
    let tree = Tree::read(process::root())?;
    report(&check(&tree))
}

/// All faults, a line each, or nothing to say.
fn report(faults: &[Fault]) -> Outcome {
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_law_is_answered_with_the_list_of_those_there_are() {
        let message = run(&["lenght".to_owned()]).unwrap_err();
        for law in LAWS {
            assert!(message.contains(law.name), "{message}");
        }
    }

    #[test]
    fn every_law_is_described_in_the_help() {
        for law in LAWS {
            assert!(HELP.contains(&format!("\n  {} ", law.name)), "{}", law.name);
        }
    }

    #[test]
    fn a_fault_is_written_as_editors_read_it() {
        assert_eq!(Fault::new("a.rs", 7, "too long").to_string(), "a.rs:7: too long");
        assert_eq!(Fault::new("a.rs", 0, "too long").to_string(), "a.rs: too long");
    }
}
