//! What the library's symbols show: no allocator, no unwinder, and nothing that a board would not have.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::process;

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

/// All that the library may want of whoever links it: memory is copied, 64 and 128 bits are divided, a process is aborted.
const WANTED: &[&str] = &["abort", "bcmp", "memcmp", "memcpy", "memmove", "memset", "__udivti3", "__umodti3"];

/// The same by the names that Arm's run-time ABI has for it.
const WANTED_PREFIX: &str = "__aeabi_";

/// Refuses a library whose symbols show an allocator or an unwinder, or that needs more than it may.
pub(super) fn look_into(nm: &str, library: &Path) -> Outcome {
    let listing = process::output(Command::new(nm).arg(library))
        .ok_or_else(|| format!("`{nm} {}` failed", library.display()))?;
    if !listing.contains(" T holdover_handle") {
        return Err(format!("{}: no holdover_handle in it: the look sees nothing", library.display()));
    }
    let (found, missing) = (forbidden(&listing), missing(&listing));
    if !found.is_empty() {
        return Err(format!(
            "{}: an allocator or an unwinder shows: {}",
            library.display(),
            found.join(", ")
        ));
    }
    if !missing.is_empty() {
        return Err(format!("{}: it needs what it may not: {}", library.display(), missing.join(", ")));
    }
    eprintln!("xtask: capi: {}: no allocator, no unwinder, nothing missing", library.display());
    Ok(())
}

/// The names in a listing of `nm` that must not be there.
fn forbidden(listing: &str) -> Vec<&str> {
    let names = listing.lines().filter_map(|line| line.split_whitespace().last());
    names.filter(|name| FORBIDDEN.iter().any(|part| name.contains(part))).collect()
}

/// The names that are used and not defined in a listing, and that whoever links the library need not have.
fn missing(listing: &str) -> Vec<&str> {
    let (mut used, mut defined) = (BTreeSet::new(), BTreeSet::new());
    for line in listing.lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["U" | "w" | "v", name] => used.insert(name),
            [_, _, name] => defined.insert(name),
            _ => continue,
        };
    }
    let may = |name: &str| WANTED.contains(&name) || name.starts_with(WANTED_PREFIX);
    used.difference(&defined).copied().filter(|name| !may(name)).collect()
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
    fn what_is_used_and_defined_nowhere_is_missing_but_for_the_compilers_own() {
        let listing = "a.o:\n         U memcpy\n         U __aeabi_uldivmod\n         U helper\n         U write\n\n\
                       b.o:\n00000000 t helper\n";
        assert_eq!(missing(listing), ["write"]);
    }
}
