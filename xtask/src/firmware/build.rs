//! `cargo xtask firmware build`.

use std::path::PathBuf;

use super::{Variant, folder};
use crate::Outcome;
use crate::process;
use crate::thumb;

/// Runs the word.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let variant = named("build", arguments)?;
    println!("{}", image(variant)?.display());
    Ok(())
}

/// The one image that a word names, or the full one.
pub(super) fn named(word: &str, arguments: &[String]) -> Result<Variant, String> {
    match arguments {
        [] => Ok(Variant::Full),
        [name] => Variant::named(name).ok_or_else(|| format!("there is no image `{name}`")),
        [_, more, ..] => Err(format!("firmware {word} takes one image; `{more}` is one too many")),
    }
}

/// Builds an image; where it is then.
pub(crate) fn image(variant: Variant) -> Result<PathBuf, String> {
    // Each with its own folder, so that none is built anew because another was.
    let target_dir = process::target_dir().join("firmware").join(variant.name());
    let mut command = thumb::cargo_in(&folder(), &target_dir, "build")?;
    command.args(["--quiet", "--locked", "--bin", "holdover-firmware"]).args(variant.features());
    let mut flags = short_paths();
    if thumb::builds_core() {
        flags.extend(SILENT_PANICS.map(str::to_owned));
    }
    command.env("CARGO_TARGET_THUMBV7EM_NONE_EABI_RUSTFLAGS", flags.join(" "));
    process::run(&mut command)?;
    Ok(target_dir.join(thumb::TARGET).join("release/holdover-firmware"))
}

/// A panic is one instruction that is none, and ends in the handler of faults, which keeps the same as a panic's own handler
/// (firmware/src/board/keep.rs). That is 6 KB less than calls of the handler, but core must be built that way too.
const SILENT_PANICS: [&str; 2] = ["-Zunstable-options", "-Cpanic=immediate-abort"];

/// Paths in the image's file are for people: those of a panic, from the root on. So no machine's folders are in it either.
fn short_paths() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let folders = [process::root().to_owned(), home.join("registry/src")];
    folders.iter().map(|folder| format!("--remap-path-prefix={}/=", folder.display())).collect()
}
