//! `cargo xtask capi`: the core as a C library, for this machine and for a Cortex-M4: built, tested, and looked into.

mod board;
pub(crate) mod header;
mod network;
mod symbols;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::packages::{self, Package};
use crate::process;

pub(crate) const USAGE: &str = "capi [--no-e2e | --header]";
pub(crate) const HELP: &str = "\
Build and test the C library: its Rust tests, C programs, a speaker against BIRD, and a board's image.

The C programs are compiled with all warnings as errors and run plain, under valgrind, and with the address and
undefined-behaviour sanitizers, in the library too. The speaker of capi/examples establishes with BIRD in network
namespaces each time. The library for thumbv7em-none-eabi is linked with capi/examples/firmware.c by the Arm
compiler, and booted in QEMU. Both libraries are looked through for an allocator and an unwinder.

  --no-e2e   leave out the speaker against BIRD (it needs root)
  --header   only write capi/include/holdover.h anew, by cbindgen";

/// What is needed whatever is run.
const TOOLS: &[Package] = &[
    Package { name: "gcc", programs: &["gcc", "nm"] },
    Package { name: "g++", programs: &["g++"] },
    Package { name: "libc6-dev", programs: &["/usr/include/stdio.h"] },
    Package { name: "valgrind", programs: &["valgrind"] },
    Package { name: "gcc-arm-none-eabi", programs: &["arm-none-eabi-gcc"] },
    Package { name: "binutils-arm-none-eabi", programs: &["arm-none-eabi-nm", "arm-none-eabi-size"] },
    Package { name: "qemu-system-arm", programs: &["qemu-system-arm"] },
];

/// What the speaker needs beside.
const PEER: &[Package] = &[
    Package { name: "bird2", programs: &["bird", "birdc"] },
    Package { name: "iproute2", programs: &["ip"] },
];

const MANIFEST: &str = "capi/Cargo.toml";
const LIBRARY: &str = "libholdover_capi.a";

/// How the C of this project is compiled.
const STRICT: &[&str] = &["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Icapi/include"];

/// A way to run a C program.
struct Way {
    name: &'static str,
    /// Beside [`STRICT`].
    flags: &'static [&'static str],
    /// What stands before the program.
    before: &'static [&'static str],
    /// The library's own accesses are checked too.
    instrumented: bool,
    /// How many seeds of random calls: each way is as thorough as it is fast.
    seeds: &'static str,
}

const WAYS: &[Way] = &[
    Way { name: "plain", flags: &["-O2"], before: &[], instrumented: false, seeds: "1000" },
    Way {
        name: "valgrind",
        flags: &["-O1", "-g"],
        before: &[
            "valgrind",
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--errors-for-leak-kinds=all",
        ],
        instrumented: false,
        seeds: "50",
    },
    Way {
        name: "sanitized",
        flags: &["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        before: &[],
        instrumented: true,
        seeds: "300",
    },
];

/// The library for this machine, and the same with the address sanitizer in it.
struct Libraries {
    plain: PathBuf,
    instrumented: PathBuf,
}

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let with_peer = match arguments {
        [] => true,
        [word] if word == "--no-e2e" => false,
        [word] if word == "--header" => return header::write(),
        [word, ..] => return Err(format!("capi does not know `{word}`; usage: cargo xtask {USAGE}")),
    };
    packages::ensure(TOOLS)?;
    if with_peer {
        packages::ensure(PEER)?;
    }
    header::check()?;
    let folder = process::target_dir().join("capi");
    process::run(&mut cargo("test", &folder))?;
    let libraries = Libraries { plain: build(&folder)?, instrumented: build_instrumented(&folder)? };
    let programs = folder.join("programs");
    std::fs::create_dir_all(&programs).map_err(|error| format!("{}: {error}", programs.display()))?;
    header_in_cpp()?;
    for way in WAYS {
        let unit = compile("capi/tests/unit.c", way, &libraries, &programs)?;
        process::run(&mut started(way, &unit))?;
        let random = compile("capi/tests/random.c", way, &libraries, &programs)?;
        process::run(started(way, &random).arg(way.seeds))?;
    }
    if with_peer {
        let mut speakers = Vec::new();
        for way in WAYS {
            let speaker = compile("capi/examples/speaker.c", way, &libraries, &programs)?;
            speakers.push((way.name, started(way, &speaker)));
        }
        network::run(speakers, &programs)?;
    }
    board::run(&programs)
}

/// A subcommand of cargo on the library's own package.
fn cargo(word: &str, folder: &Path) -> Command {
    let mut command = process::cargo([word, "--quiet", "--locked", "--manifest-path", MANIFEST]);
    command.arg("--target-dir").arg(folder);
    command
}

/// The library for this machine.
fn build(folder: &Path) -> Result<PathBuf, String> {
    process::run(cargo("build", folder).arg("--release"))?;
    let library = folder.join("release").join(LIBRARY);
    symbols::look_into("nm", &library)?;
    Ok(library)
}

/// The same with the address sanitizer in it, whose run-time gcc's `-fsanitize=address` brings. The switch is one that stable
/// Rust hides; the toolchain stays as it is.
fn build_instrumented(folder: &Path) -> Result<PathBuf, String> {
    let said = process::output(Command::new("rustc").arg("-vV").current_dir(process::root()));
    let said = said.ok_or("`rustc -vV` failed")?;
    let host =
        said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("`rustc -vV` names no host")?;
    let mut command = cargo("build", folder);
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    process::run(command.args(["--release", "--target", host]))?;
    Ok(folder.join(host).join("release").join(LIBRARY))
}

/// A C++ program can include the header.
fn header_in_cpp() -> Outcome {
    let mut command = Command::new("g++");
    command.args(["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-x", "c++"]);
    process::run(command.arg(header::HEADER).current_dir(process::root()))
}

/// Compiles and links a C program in one of the ways.
fn compile(source: &str, way: &Way, libraries: &Libraries, folder: &Path) -> Result<PathBuf, String> {
    let stem = Path::new(source).file_stem().unwrap_or_default().to_string_lossy();
    let program = folder.join(format!("{stem}-{}", way.name));
    let library = if way.instrumented { &libraries.instrumented } else { &libraries.plain };
    let mut command = Command::new("gcc");
    command.args(STRICT).args(way.flags).arg(source).arg(library).arg("-o").arg(&program);
    process::run(command.current_dir(process::root()))?;
    Ok(program)
}

/// A program in one of the ways.
fn started(way: &Way, program: &Path) -> Command {
    let Some((first, rest)) = way.before.split_first() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}
