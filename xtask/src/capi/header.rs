//! The C header, made from the library's source by cbindgen.

use std::path::PathBuf;

use crate::Outcome;
use crate::process;

/// Where the header is checked in.
pub(super) const HEADER: &str = "capi/include/holdover.h";

/// Rust's heading of what a caller must see to, and how C says it.
const SAFETY: (&str, &str) = (" * # Safety\n *\n * ", " * Not checked, and the caller's to see to:\n * ");

/// Writes the header anew.
pub(super) fn write() -> Outcome {
    let file = file();
    std::fs::write(&file, made()?).map_err(|error| format!("{}: {error}", file.display()))
}

/// Refuses a header that is not the one that the source makes.
pub(crate) fn check() -> Outcome {
    let file = file();
    let there = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    compare(&there, &made()?)
}

fn file() -> PathBuf {
    process::root().join(HEADER)
}

/// The header as the source makes it now.
fn made() -> Result<String, String> {
    let folder = process::root().join("capi");
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml"))?;
    let builder = cbindgen::Builder::new().with_config(config).with_crate(folder);
    let bindings = builder.generate().map_err(|error| format!("capi: {error}"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).map_err(|error| format!("{HEADER}: {error}"))?;
    Ok(text.replace(SAFETY.0, SAFETY.1))
}

/// Names the first line in which two headers differ.
fn compare(there: &str, made: &str) -> Outcome {
    if there == made {
        return Ok(());
    }
    let same = there.lines().zip(made.lines()).take_while(|(there, made)| there == made).count();
    Err(format!("{HEADER}:{}: not what the source makes: cargo xtask capi --header", same + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_header_is_refused_with_the_line_where_it_begins() {
        assert_eq!(compare("a\nb\n", "a\nb\n"), Ok(()));
        assert!(compare("a\nb\n", "a\nc\n").unwrap_err().starts_with("capi/include/holdover.h:2: "));
        assert!(compare("a\nb\n", "a\nb\nc\n").unwrap_err().starts_with("capi/include/holdover.h:3: "));
    }
}
