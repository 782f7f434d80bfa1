//! What must not stand where: a short list of words and places.

use super::Fault;
use super::source::{Source, Token, Tree, tokens};

/// The crates that run without an operating system, and how they are called in messages: what holds for core holds for
/// the shim that puts it on a board.
const BARE: &[(&str, &str)] = &[("core/src/", "core"), ("shim-smoltcp/src/", "shim-smoltcp")];

/// Words that are refused in their code, its tests aside, each with what to do instead.
const IN_CORE: &[(&[&str], &str)] = &[
    (&["std", "::"], "core has no std: use `core::`, or move it into a shim"),
    (&["extern", "crate", "std"], "core has no std: use `core::`, or move it into a shim"),
    (
        &["alloc", "::"],
        "core allocates nothing: give it a fixed capacity in base/limits.rs or a const generic",
    ),
    (&["extern", "crate", "alloc"], "core allocates nothing: give it a fixed capacity"),
    (&["unsafe"], "core is safe: unsafe code lives in shim-linux/src/sys/"),
    (&["Instant", "::", "now"], "core reads no clock: time comes in with `handle(now, …)`"),
    (&["SystemTime"], "core reads no clock: time comes in with `handle(now, …)`"),
];

/// The image, and the only folder of it with unsafe code: where the hardware is.
const IMAGE: (&str, &str) = ("firmware/src/", "firmware/src/board/");

const IN_IMAGE: &[(&[&str], &str)] = &[(&["unsafe"], "the image is unsafe in firmware/src/board/ only")];

/// The one place where test code may pause: it asks a real program again and again until a deadline. Each pause says why,
/// in a comment with this opening on the line above it.
const HARNESS: (&str, &str) = ("tests/src/harness/", "// pause: ");

/// Words that are refused in tests.
const IN_TESTS: &[(&[&str], &str)] = &[
    (
        &["thread", "::", "sleep"],
        "a test does not sleep: wait for the condition, with a deadline (the harness may, below `// pause: <reason>`)",
    ),
    (
        &["time", "::", "sleep"],
        "a test does not sleep: wait for the condition, with a deadline (the harness may, below `// pause: <reason>`)",
    ),
];

/// Macros and attributes that leave something open, in any code.
const LOOSE: &[(&[&str], &str)] = &[
    (&["todo", "!"], "a known gap is a line in docs/rfc/, not a macro"),
    (&["unimplemented", "!"], "a known gap is a line in docs/rfc/, not a macro"),
    (&["dbg", "!"], "left over from a search: remove it"),
    (
        &["#", "[", "ignore"],
        "an ignored test shows nothing: mend it, or gate it and say so when it is not run",
    ),
];

/// Notes to oneself, in any text of a source. Written in halves, or this file would be its own first fault.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Checks every source of the workspace.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    tree.sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Fault> {
    let code = tokens(source, false);
    let of_tests = tokens(source, true);
    let mut faults = Vec::new();
    if let Some((_, name)) = BARE.iter().find(|(folder, _)| source.path.starts_with(folder)) {
        let first = faults.len();
        search(source, &code, IN_CORE, &mut faults);
        for fault in faults.iter_mut().skip(first) {
            fault.message = fault.message.replacen("`: core ", &format!("`: {name} "), 1);
        }
    }
    if source.path.starts_with(IMAGE.0) && !source.path.starts_with(IMAGE.1) {
        search(source, &code, IN_IMAGE, &mut faults);
    }
    search(source, &of_tests, IN_TESTS, &mut faults);
    faults.retain(|fault| !is_explained_pause(source, fault.line));
    search(source, &code, LOOSE, &mut faults);
    search(source, &of_tests, LOOSE, &mut faults);
    for (index, line) in source.text.lines().enumerate() {
        if let Some(note) = NOTES.iter().find(|note| has_word(line, note)) {
            let message =
                format!("`{note}`: do it now, or write the gap down in docs/rfc/ or docs/decisions/");
            faults.push(Fault::new(&source.path, index + 1, message));
        }
    }
    faults
}

fn is_explained_pause(source: &Source, line: usize) -> bool {
    let above = line.checked_sub(2).and_then(|index| source.text.lines().nth(index)).unwrap_or_default();
    let reason = above.trim().strip_prefix(HARNESS.1);
    source.path.starts_with(HARNESS.0) && reason.is_some_and(|reason| !reason.is_empty())
}

fn search(source: &Source, code: &[Token], words: &[(&[&str], &str)], faults: &mut Vec<Fault>) {
    for (sequence, advice) in words {
        for window in code.windows(sequence.len()) {
            if window.iter().map(|token| token.text.as_str()).eq(sequence.iter().copied()) {
                let shown = sequence.concat();
                faults.push(Fault::new(&source.path, window[0].line, format!("`{shown}`: {advice}")));
            }
        }
    }
}

/// Whether `line` holds `word` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_letter(line[..at].chars().next_back()) && !is_letter(line[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::super::source::sample;
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&sample(path, text)).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn core_with_std_alloc_unsafe_or_a_clock_is_refused() {
        for text in [
            "use std::net::IpAddr;",
            "extern crate std;",
            "extern crate alloc;",
            "fn a() -> alloc::vec::Vec<u8> { b() }",
            "fn a() { unsafe { b() } }",
            "fn a() { let now = Instant::now(); }",
            "use x::time::SystemTime;",
        ] {
            assert_eq!(faults("core/src/a.rs", text).len(), 1, "{text}");
        }
        let found = faults("core/src/a.rs", "\nuse std::net::IpAddr;\n");
        assert!(found[0].starts_with("core/src/a.rs:2: `std::`: core has no std"), "{found:?}");
        let found = faults("shim-smoltcp/src/a.rs", "fn a() { unsafe { b() } }");
        assert!(found[0].starts_with("shim-smoltcp/src/a.rs:1: `unsafe`: shim-smoltcp is safe"), "{found:?}");
    }

    #[test]
    fn the_image_is_unsafe_where_its_board_is_and_nowhere_else() {
        let text = "fn a() { unsafe { b() } }";
        assert_eq!(faults("firmware/src/console.rs", text).len(), 1);
        assert_eq!(faults("firmware/src/board/clock.rs", text), [""; 0]);
    }

    #[test]
    fn the_same_is_free_in_a_shim_in_tests_and_in_documentation() {
        assert_eq!(faults("shim-linux/src/main.rs", "use std::net::IpAddr;"), [""; 0]);
        assert_eq!(faults("core/src/a.rs", "#[cfg(test)]\nextern crate std;\n"), [""; 0]);
        assert_eq!(faults("core/src/a.rs", "/// Not std::time::Instant::now.\nfn a() {}\n"), [""; 0]);
    }

    #[test]
    fn a_test_that_sleeps_is_refused_wherever_it_stands() {
        let sleep = "std::thread::sleep(d);";
        assert_eq!(faults("tests/tests/a.rs", &format!("fn a() {{ {sleep} }}")).len(), 1);
        assert_eq!(
            faults("core/src/a.rs", &format!("#[cfg(test)]\nmod tests {{ fn a() {{ {sleep} }} }}")).len(),
            1
        );
        assert_eq!(faults("shim-linux/src/a.rs", &format!("fn a() {{ {sleep} }}")), [""; 0]);
    }

    #[test]
    fn a_pause_of_the_harness_needs_its_reason() {
        let pause = |comment: &str| format!("fn a() {{\n    {comment}\n    std::thread::sleep(d);\n}}\n");
        assert_eq!(
            faults("tests/src/harness/lab.rs", &pause("// pause: the next look at the peer")),
            [""; 0]
        );
        assert_eq!(faults("tests/src/harness/lab.rs", &pause("// wait")).len(), 1);
        assert_eq!(faults("tests/e2e/fault.rs", &pause("// pause: the next look at the peer")).len(), 1);
    }

    #[test]
    fn loose_ends_are_refused_in_code_and_in_comments() {
        assert_eq!(faults("shim-linux/src/a.rs", "fn a() { todo!() }").len(), 1);
        assert_eq!(faults("shim-linux/src/a.rs", "#[test]\n#[ignore]\nfn a() {}").len(), 1);
        let note = format!("// {}: later\nfn a() {{}}\n", NOTES[0]);
        let found = faults("shim-linux/src/a.rs", &note);
        assert!(found[0].starts_with("shim-linux/src/a.rs:1: `"), "{found:?}");
    }

    #[test]
    fn a_longer_word_that_holds_a_note_is_no_note() {
        let note = NOTES[0];
        assert!(!has_word(&format!("ME{note}S {note}_LIST"), note));
        assert!(has_word(&format!("({note})"), note));
    }
}
