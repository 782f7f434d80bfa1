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
    command.env("CARGO_TARGET_THUMBV7EM_NONE_EABI_RUSTFLAGS", short_paths());
    process::run(&mut command)?;
    Ok(target_dir.join(thumb::TARGET).join("release/holdover-firmware"))
}

/// Paths in the image are for people: those of a panic, from the root on. So no machine's folders are in it either.
fn short_paths() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let folders = [process::root().to_owned(), home.join("registry/src")];
    let flags = folders.iter().map(|folder| format!("--remap-path-prefix={}/=", folder.display()));
    flags.collect::<Vec<_>>().join(" ")
}
