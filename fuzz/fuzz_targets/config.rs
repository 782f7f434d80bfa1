//! Any octets as a configuration: every error can be told; what is taken is judged, printed, and read back the same. The
//! first octet chooses the platform.
#![no_main]

use std::fmt::Write;

use holdover_core::config::{CheckKinds, Config, ConfigView, Platform, Printed, Severity, Span, lint, parse};
use libfuzzer_sys::fuzz_target;

type Small = Config<4, 8, 32, 64, 2048>;

/// A platform that can do nothing beyond BGP.
const POOR: Platform = Platform {
    name: "this board",
    checks: CheckKinds::NONE,
    names: false,
    md5: false,
    bfd: false,
    ..Platform::ALL
};

fuzz_target!(|input: &[u8]| {
    let Some((&chosen, text)) = input.split_first() else { return };
    let platform = if chosen & 1 == 0 { Platform::ALL } else { POOR };
    let mut config = Box::new(Small::new());
    let (mut errors, mut told) = (0, String::new());
    let result = parse(text, &platform, &mut config, &mut |diagnostic| {
        errors += usize::from(diagnostic.severity == Severity::Error);
        let _ = write!(told, "{diagnostic} {diagnostic:#} {}", diagnostic.what.code());
    });
    assert_eq!(result.is_err(), errors > 0);
    let printed = Printed(config.view()).to_string();
    if result.is_err() {
        assert!(printed.is_empty(), "what is refused leaves nothing behind: {printed}");
        return;
    }
    lint(config.view(), &mut |diagnostic| {
        let _ = write!(told, "{diagnostic}");
    });
    let hidden = format!("{:#}", Printed(config.view()));
    assert_eq!(hidden.lines().count(), printed.lines().count());

    let mut again = Box::new(Small::new());
    let mut refused = String::new();
    let result = parse(&printed, &platform, &mut again, &mut |diagnostic| {
        if diagnostic.severity == Severity::Error {
            let _ = writeln!(refused, "{diagnostic}");
        }
    });
    assert!(result.is_ok(), "what is printed is read: {refused}\n{printed}");
    assert_eq!(canonical(config.view()), canonical(again.view()), "as it was printed:\n{printed}");
    assert_eq!(Printed(again.view()).to_string(), printed);
});

/// A configuration as text that names nothing by its place in the pool: equal configurations have equal texts.
fn canonical(view: ConfigView<'_>) -> String {
    let all = (
        view.hostname,
        view.bgp,
        view.groups,
        view.neighbors,
        view.services,
        view.checks,
        view.routes,
        view.rules,
    );
    let raw = format!("{all:?}");
    let mut pieces = raw.split("Span { start: ");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (span, rest) = piece.split_once(" }").expect("a span is written to its end");
        let (start, length) = span.split_once(", length: ").expect("a span has two fields");
        let span = Span { start: start.parse().unwrap(), length: length.parse().unwrap() };
        let _ = write!(out, "{:?}{rest}", view.text(span));
    }
    out
}
