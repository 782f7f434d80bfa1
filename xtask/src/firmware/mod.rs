//! `cargo xtask firmware`: the appliance's image, built, run and measured.

mod build;
mod elf;
mod place;
mod qemu;
mod run;
mod size;
mod stage;
pub(crate) mod test;
mod weather;

use std::path::PathBuf;

use crate::Outcome;
use crate::process;

pub(crate) const USAGE: &str = "firmware build|run|log|where|test|weather|size [OPTION...]";
pub(crate) const HELP: &str = "\
Build the appliance's image for a Cortex-M4, run it in QEMU (mps2-an386), measure it.

Where rustup has the target thumbv7em-none-eabi it is used, else Debian's rustc-web with rust-web-src, which is installed
as root on Debian; the machine's own toolchain is left as it is.

  build [full|small|bare]            the image; its path is the last line
  run [full|small|bare] [--config FILE] [--tap NAME]
                                     boot it, its console on this terminal (Ctrl-A X ends it); as root on a tap in a
                                     network namespace of its own, unless one is named; else behind QEMU's own network
  log [full|small|bare]              what the image that was run last has logged, as text
  where [full|small|bare] ADDRESS... the function, file and line before each of these addresses: `last-panic` tells where a
                                     panic came from as addresses of the image that is built of the same sources
  test [FILTER]                      the image in QEMU, and the same shim as a process over a tap, against BIRD, FRR and
                                     the daemon; as root, with what `cargo xtask e2e` needs
  weather [--seconds N] [--routes N] [--seed S]
                                     the image exposed to loss for 600 s, restarts of the route server, 20 s of a black
                                     hole, 100000 routes, octets and frames at random; the seed that a run printed sends
                                     the same octets and frames again. `test` has 60 s and 20000 routes of it
  size [--write]                     flash and RAM of all three against their budgets; fails over one
                                     --write: into docs/appliance-size.md

  full    4 neighbors, 8 services, configuration as text, console
  small   2 neighbors, 4 services, the same otherwise
  bare    as full without text and console: its configuration is composed in code";

/// The image's package, from the workspace's root.
pub(crate) const MANIFEST: &str = "firmware/Cargo.toml";

/// What is said on the command line, behind `firmware`.
struct Word {
    name: &'static str,
    run: fn(&[String]) -> Outcome,
}

const WORDS: &[Word] = &[
    Word { name: "build", run: build::run },
    Word { name: "run", run: run::run },
    Word { name: "log", run: run::log },
    Word { name: "where", run: place::run },
    Word { name: "test", run: test::run },
    Word { name: "weather", run: weather::run },
    Word { name: "size", run: size::run },
];

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let names = || WORDS.iter().map(|word| word.name).collect::<Vec<_>>().join(" ");
    let Some((name, rest)) = arguments.split_first() else {
        return Err(format!("firmware: say what to do: {}", names()));
    };
    let Some(word) = WORDS.iter().find(|word| word.name == name) else {
        return Err(format!("firmware does not know `{name}`; it knows {}", names()));
    };
    (word.run)(rest)
}

/// What the image can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Four neighbors, eight services, text and console.
    Full,
    /// Two neighbors, four services.
    Small,
    /// Without text and console.
    Bare,
}

impl Variant {
    const ALL: [Self; 3] = [Self::Full, Self::Small, Self::Bare];

    /// As on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Small => "small",
            Self::Bare => "bare",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }

    /// What cargo is told.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Full => &[],
            Self::Small => &["--features", "small"],
            Self::Bare => &["--no-default-features"],
        }
    }
}

/// The folder of the image's sources, where its `.cargo/config.toml` holds.
fn folder() -> PathBuf {
    process::root().join("firmware")
}

/// Where what of it runs on the host is built.
pub(crate) fn host_folder() -> PathBuf {
    process::target_dir().join("firmware/host")
}

/// The tests of what needs no board.
pub(crate) fn units() -> Outcome {
    let mut command = process::cargo(["test", "--quiet", "--locked", "--manifest-path", MANIFEST, "--lib"]);
    process::run(command.arg("--target-dir").arg(host_folder()))
}

/// The images beside their budgets and their committed table.
pub(crate) fn measured() -> Outcome {
    size::run(&[])
}

/// Where tools are kept that no package brings.
fn tools() -> PathBuf {
    process::root().join(".tools")
}

/// The program that reads the image's log; installed where it is not there yet.
pub(crate) fn defmt_print() -> Result<PathBuf, String> {
    let program = tools().join("bin/defmt-print");
    if !program.is_file() {
        let mut command =
            process::cargo(["install", "--locked", "--quiet", "defmt-print", "--version", "1.0.0"]);
        process::run(command.arg("--root").arg(tools()))?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_answered_with_those_there_are() {
        let message = run(&["flash".to_owned()]).unwrap_err();
        assert!(WORDS.iter().all(|word| message.contains(word.name)), "{message}");
        assert!(run(&[]).unwrap_err().contains("build"));
    }

    #[test]
    fn every_word_and_every_variant_is_in_the_help() {
        for name in WORDS.iter().map(|word| word.name).chain(Variant::ALL.map(Variant::name)) {
            assert!(HELP.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    #[test]
    fn a_variant_is_found_by_its_name() {
        assert_eq!(Variant::ALL.map(|variant| Variant::named(variant.name())), Variant::ALL.map(Some));
        assert_eq!(Variant::named("tiny"), None);
    }
}
