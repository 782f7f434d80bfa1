//! Engines and configurations at rest are all zero bits, so a static one lies in `.bss`: one field with another rest value
//! would move kilobytes into a board's flash, and megabytes into the daemon's file.

use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use super::Fault;
use crate::Outcome;
use crate::process;
use crate::thumb;

/// The package whose statics are looked at.
const MANIFEST: &str = "xtask/bss/Cargo.toml";

/// Names of its statics; those that a target does not have are not there.
const STATICS: &[&str] =
    &["ENGINE_APPLIANCE", "ENGINE_SMALL", "ENGINE_LINUX", "CONFIG_APPLIANCE", "CONFIG_LINUX"];

/// A static of an object file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Static {
    name: String,
    size: u64,
    section: String,
    in_bss: bool,
    /// Where its first octets stand that are not zero, at most [`SHOWN`] of them: a hint at the field.
    ones: Vec<usize>,
}

impl Static {
    /// The section's own name, without that of the static behind it.
    fn section(&self) -> &str {
        let rest = self.section.trim_start_matches('.');
        rest.split('.').next().unwrap_or_default()
    }
}

/// How many octets a fault names.
const SHOWN: usize = 8;

/// Builds the package for the host and for the board, and reads where its statics lie.
pub(super) fn check() -> Outcome {
    let host = process::target_dir().join("bss");
    let mut command = process::cargo(["rustc", "--quiet", "--release", "--manifest-path", MANIFEST]);
    command.arg("--target-dir").arg(&host);
    examine("the host", command, &host.join("release/deps"))?;

    let mut command = thumb::cargo("rustc")?;
    command.args(["--quiet", "--manifest-path", MANIFEST]);
    examine(thumb::TARGET, command, &thumb::folder().join(thumb::TARGET).join("release/deps"))
}

fn examine(target: &str, mut command: Command, folder: &Path) -> Outcome {
    process::run(command.args(["--", "--emit=obj"]))?;
    let statics = statics(&std::fs::read(newest_object(folder)?).map_err(|error| error.to_string())?)?;
    for found in &statics {
        eprintln!(
            "xtask: lint bss: {target}: {} has {} octets in {}",
            found.name,
            found.size,
            found.section()
        );
    }
    super::report(&faults(target, &statics))
}

/// The object file that was written last: older ones are of earlier builds.
fn newest_object(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let objects = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let ours = path.file_name()?.to_str()?.starts_with("holdover_bss") && path.extension()? == "o";
        Some((path.metadata().ok()?.modified().ok()?, path)).filter(|_| ours)
    });
    let newest = objects.max().map(|(_, path)| path);
    newest.ok_or_else(|| format!("{}: the build left no object file of holdover_bss", folder.display()))
}

/// The statics of an object file that are ours to judge.
fn statics(file: &[u8]) -> Result<Vec<Static>, String> {
    let file = object::File::parse(file).map_err(|error| format!("not an object file: {error}"))?;
    let mut found = Vec::new();
    for symbol in file.symbols() {
        let mangled = symbol.name().unwrap_or_default();
        let Some(name) = STATICS.iter().find(|name| mangled.contains(*name)) else { continue };
        let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
        let data =
            section.as_ref().and_then(|s| s.data_range(symbol.address(), symbol.size()).ok().flatten());
        let ones = data.unwrap_or_default().iter().enumerate().filter(|(_, octet)| **octet != 0);
        found.push(Static {
            name: (*name).to_owned(),
            size: symbol.size(),
            section: section.as_ref().and_then(|s| s.name().ok()).unwrap_or("no section").to_owned(),
            in_bss: section.is_some_and(|s| s.kind() == SectionKind::UninitializedData),
            ones: ones.map(|(place, _)| place).take(SHOWN).collect(),
        });
    }
    Ok(found)
}

fn faults(target: &str, statics: &[Static]) -> Vec<Fault> {
    let fault = |message: String| Fault::new("xtask/bss/src/lib.rs", 0, message);
    if !statics.iter().any(|found| found.name == "ENGINE_APPLIANCE") {
        return vec![fault(format!("{target}: the object has no ENGINE_APPLIANCE: the check sees nothing"))];
    }
    let outside = statics.iter().filter(|found| !found.in_bss);
    outside
        .map(|found| {
            fault(format!(
                "{target}: {} ({} octets) does not lie in .bss: octets {:?} … are not zero: some field's rest value is not (a \
                 stored `Option` of an enum, bool or address; an enum whose rest is not its first variant; or one with \
                 values, whose discriminant the compiler hides in them unless it is `#[repr(u8)]`)",
                found.name, found.size, found.ones
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles a library with the machine's own compiler and gives its object file.
    fn compile(name: &str, text: &str) -> Vec<u8> {
        let folder = std::env::temp_dir().join(format!("holdover-bss-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, object) = (folder.join("sample.rs"), folder.join("sample.o"));
        std::fs::write(&source, text).unwrap();
        let mut command = Command::new("rustc");
        command.args(["--edition=2024", "--crate-type=lib", "--emit=obj", "-o"]).arg(&object).arg(&source);
        assert!(command.status().unwrap().success());
        let bytes = std::fs::read(&object).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        bytes
    }

    #[test]
    fn a_static_of_zeros_lies_in_bss_and_one_with_a_single_one_does_not() {
        let zeros = compile("zeros", "pub static mut ENGINE_APPLIANCE: [u32; 999] = [0; 999];\n");
        let found = statics(&zeros).unwrap();
        assert_eq!((found.len(), found[0].size), (1, 3_996));
        assert_eq!(faults("x", &found), []);

        let text = "pub static mut ENGINE_APPLIANCE: (u8, [u32; 999]) = (1, [0; 999]);\n";
        let found = faults("x", &statics(&compile("one", text)).unwrap());
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .contains("ENGINE_APPLIANCE (4000 octets) does not lie in .bss: octets [0] …"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn an_object_without_the_engine_is_a_fault_and_no_success() {
        let found = faults("x", &statics(&compile("none", "pub static mut OTHER: u8 = 0;\n")).unwrap());
        assert!(found[0].to_string().contains("the check sees nothing"), "{}", found[0]);
    }

    #[test]
    fn what_is_no_object_file_is_an_error() {
        assert!(statics(b"nothing").unwrap_err().contains("not an object file"));
    }
}
