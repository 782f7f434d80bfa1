//! `cargo xtask capi`: the core as a C library, for this machine and for a Cortex-M4: built, tested, and looked into.

pub(crate) mod header;
mod network;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::packages::{self, Package};
use crate::process;
use crate::thumb;

pub(crate) const USAGE: &str = "capi [--no-e2e | --header]";
pub(crate) const HELP: &str = "\
Build and test the C library: its Rust tests, a C program, a speaker against BIRD, and a board's image.

The C programs are compiled with all warnings as errors and run plain, under valgrind, and with the address and
undefined-behaviour sanitizers. The speaker of capi/examples establishes with BIRD in a network namespace each
time. For thumbv7em-none-eabi the library is built, looked through for an allocator and an unwinder, and linked
with capi/examples/firmware.c by the Arm compiler.

  --no-e2e   leave out the speaker against BIRD (it needs root)
  --header   only write capi/include/holdover.h anew, by cbindgen";

/// What is needed whatever is run.
const TOOLS: &[Package] = &[
    Package { name: "gcc", programs: &["gcc", "nm"] },
    Package { name: "libc6-dev", programs: &["/usr/include/stdio.h"] },
    Package { name: "valgrind", programs: &["valgrind"] },
    Package { name: "gcc-arm-none-eabi", programs: &["arm-none-eabi-gcc"] },
    Package { name: "binutils-arm-none-eabi", programs: &["arm-none-eabi-nm", "arm-none-eabi-size"] },
];

/// What the speaker needs beside.
const PEER: &[Package] = &[
    Package { name: "bird2", programs: &["bird", "birdc"] },
    Package { name: "iproute2", programs: &["ip"] },
];

const MANIFEST: &str = "capi/Cargo.toml";
const LIBRARY: &str = "libholdover_capi.a";

/// Parts of names that would show an allocator or an unwinder. Names of Rust's own are found in their mangled form too.
const FORBIDDEN: &[&str] = &[
    "_Unwind_",
    "eh_personality",
    "panic_unwind",
    "__rust_alloc",
    "__rust_realloc",
    "__rdl_",
    "malloc",
    "calloc",
    "realloc",
    "__cxa_",
];

/// How the C of this project is compiled.
const STRICT: &[&str] = &["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Icapi/include"];

/// A way to run a C program.
struct Way {
    name: &'static str,
    /// Beside [`STRICT`].
    flags: &'static [&'static str],
    /// What stands before the program.
    before: &'static [&'static str],
}

const WAYS: &[Way] = &[
    Way { name: "plain", flags: &["-O2"], before: &[] },
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
    },
    Way {
        name: "sanitized",
        flags: &["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        before: &[],
    },
];

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
    cargo("test", &folder)?;
    let library = build(&folder)?;
    let programs = folder.join("programs");
    std::fs::create_dir_all(&programs).map_err(|error| format!("{}: {error}", programs.display()))?;
    for way in WAYS {
        let unit = compile("capi/tests/unit.c", way, &library, &programs)?;
        process::run(&mut started(way, &unit))?;
    }
    if with_peer {
        let mut speakers = Vec::new();
        for way in WAYS {
            speakers.push((way, compile("capi/examples/speaker.c", way, &library, &programs)?));
        }
        let speakers: Vec<_> =
            speakers.iter().map(|(way, program)| (way.name, started(way, program))).collect();
        network::run(speakers, &programs)?;
    }
    board(&programs)
}

/// A subcommand of cargo on the library's own package.
fn cargo(word: &str, folder: &Path) -> Outcome {
    let mut command = process::cargo([word, "--quiet", "--locked", "--manifest-path", MANIFEST]);
    if word == "build" {
        command.arg("--release");
    }
    process::run(command.arg("--target-dir").arg(folder))
}

/// The library for this machine.
fn build(folder: &Path) -> Result<PathBuf, String> {
    cargo("build", folder)?;
    let library = folder.join("release").join(LIBRARY);
    look_into("nm", &library)?;
    Ok(library)
}

/// Compiles and links a C program in one of the ways.
fn compile(source: &str, way: &Way, library: &Path, folder: &Path) -> Result<PathBuf, String> {
    let stem = Path::new(source).file_stem().unwrap_or_default().to_string_lossy();
    let program = folder.join(format!("{stem}-{}", way.name));
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

/// The library for the board, and an image with it.
fn board(programs: &Path) -> Outcome {
    let mut command = thumb::cargo("build")?;
    process::run(command.args(["--quiet", "--locked", "--manifest-path", MANIFEST]))?;
    let library = thumb::folder().join(thumb::TARGET).join("release").join(LIBRARY);
    look_into("arm-none-eabi-nm", &library)?;

    let arm = || {
        let mut command = Command::new("arm-none-eabi-gcc");
        command.current_dir(process::root()).args(STRICT);
        command.args(["-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-ffunction-sections"]);
        command
    };
    let (object, image) = (programs.join("firmware.o"), programs.join("firmware.elf"));
    process::run(arm().args(["-c", "capi/examples/firmware.c", "-o"]).arg(&object))?;
    let mut link = arm();
    link.args([
        "-nostdlib",
        "-nostartfiles",
        "-Wl,-z,noexecstack",
        "-Wl,--gc-sections",
        "-Wl,-Ttext=0",
        "-Wl,-Tdata=0x20000000",
    ]);
    // Undefined symbols are errors: that it links shows that the library needs nothing but the compiler's own helpers.
    process::run(link.args(["-Wl,-e,reset", "-o"]).arg(&image).arg(&object).arg(&library).arg("-lgcc"))?;
    size(&image)
}

/// Refuses a library whose symbols show an allocator or an unwinder.
fn look_into(nm: &str, library: &Path) -> Outcome {
    let listing = process::output(Command::new(nm).arg(library))
        .ok_or_else(|| format!("`{nm} {}` failed", library.display()))?;
    let found = forbidden(&listing);
    if !listing.contains(" T holdover_handle") {
        return Err(format!("{}: no holdover_handle in it: the look sees nothing", library.display()));
    }
    if found.is_empty() {
        eprintln!("xtask: capi: {}: no allocator, no unwinder", library.display());
        return Ok(());
    }
    Err(format!("{}: an allocator or an unwinder shows: {}", library.display(), found.join(", ")))
}

/// The names in a listing of `nm` that must not be there.
fn forbidden(listing: &str) -> Vec<&str> {
    let names = listing.lines().filter_map(|line| line.split_whitespace().last());
    names.filter(|name| FORBIDDEN.iter().any(|part| name.contains(part))).collect()
}

/// Says how large the image is.
fn size(image: &Path) -> Outcome {
    let listing = process::output(Command::new("arm-none-eabi-size").arg(image))
        .ok_or_else(|| format!("`arm-none-eabi-size {}` failed", image.display()))?;
    let (flash, memory) = sizes(&listing).ok_or_else(|| format!("not understood: {listing}"))?;
    eprintln!("xtask: capi: {} image: {flash} octets of flash, {memory} of static memory", thumb::TARGET);
    Ok(())
}

/// Flash (text and data) and static memory (data and bss) from the second line of `size`.
fn sizes(listing: &str) -> Option<(u64, u64)> {
    let mut numbers = listing.lines().nth(1)?.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (text, data, bss) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some((text + data, data + bss))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocator_and_an_unwinder_are_seen_in_a_listing() {
        let listing = "\nlib.o:\n00000000 T holdover_handle\n         U memcpy\n         U _Unwind_Resume\n\
                       00000004 t _RNvCs1_7___rustc12___rust_alloc\n         U malloc\n";
        assert_eq!(forbidden(listing), ["_Unwind_Resume", "_RNvCs1_7___rustc12___rust_alloc", "malloc"]);
        assert_eq!(forbidden("00000000 T holdover_handle\n         U memcpy\n"), [""; 0]);
    }

    #[test]
    fn flash_and_memory_are_read_from_what_size_says() {
        let listing = "   text\t   data\t    bss\t    dec\t    hex\tfilename\n  1000\t     20\t    300\t   1320\t    528\ta\n";
        assert_eq!(sizes(listing), Some((1_020, 320)));
        assert_eq!(sizes("nothing"), None);
    }
}
