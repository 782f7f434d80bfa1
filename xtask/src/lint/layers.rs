//! The dependency direction of core's modules: who may use whom, and nothing else.
//!
//! Every path that begins with `crate` or `super`, in a `use` or anywhere in code, is resolved to the module it enters.
//! Test code is exempt: a test may drive a module with whatever stands above it.

use super::Fault;
use super::source::{Source, Token, Tree, tokens};

/// The one folder that is looked at.
const CORE: &str = "core/src/";

/// A module, what it may use beside itself, and, of `wire` and `config`, which parts.
struct Layer {
    module: &'static str,
    may_use: &'static [&'static str],
}

/// The parts of `config` that are the language: text, tables and lints. What is left are its values, and those alone are
/// for the modules that decide.
const LANGUAGE: &[&str] = &["compose", "line", "statement", "build", "error", "lint", "print", "parse"];

/// The table that ARCHITECTURE.md draws.
const LAYERS: &[Layer] = &[
    Layer { module: "base", may_use: &[] },
    Layer { module: "stream", may_use: &[] },
    // Only in builds that test the simulator; whoever has a fault of the past asks it.
    Layer { module: "planted", may_use: &[] },
    Layer { module: "wire", may_use: &["base"] },
    Layer { module: "config", may_use: &["base"] },
    Layer { module: "bgp", may_use: &["base", "wire", "config"] },
    Layer { module: "bfd", may_use: &["base", "wire::bfd", "config"] },
    Layer { module: "failover", may_use: &["base", "config"] },
    Layer { module: "steer", may_use: &["base", "config"] },
    Layer { module: "engine", may_use: &["base", "wire", "config", "bgp", "bfd", "failover", "steer"] },
    Layer {
        module: "console",
        may_use: &["base", "wire", "config", "bgp", "bfd", "failover", "steer", "engine"],
    },
];

/// Modules that take decisions, and so see the values of a Config but never its language.
const DECIDING: &[&str] = &["bgp", "bfd", "failover", "steer"];

/// Checks every module of core.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    tree.below(CORE).flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Fault> {
    let module = module_of(&source.path);
    let Some(top) = module.first() else {
        return Vec::new(); // lib.rs names every module
    };
    let Some(layer) = LAYERS.iter().find(|layer| layer.module == top.as_str()) else {
        let message =
            format!("core has no place for a module `{top}`: give it a row in xtask/src/lint/layers.rs");
        return vec![Fault::new(&source.path, 0, message)];
    };
    let mut faults: Vec<Fault> = Vec::new();
    for (path, line) in paths(&tokens(source, false), &module) {
        if let Some(message) = verdict(layer, &path) {
            let fault = Fault::new(&source.path, line, message);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

/// Why `layer` may not use `path` (from the crate's root), if it may not.
fn verdict(layer: &Layer, path: &[String]) -> Option<String> {
    let target = path.first()?.as_str();
    if target == layer.module || !LAYERS.iter().any(|other| other.module == target) {
        return None; // itself, or an item of the crate's root
    }
    let second = path.get(1).map(String::as_str);
    let full = path.join("::");
    let allowed = layer.may_use.iter().any(|entry| match entry.split_once("::") {
        None => *entry == target,
        Some((module, part)) => module == target && second == Some(part),
    });
    let may = if layer.may_use.is_empty() { "nothing".to_owned() } else { layer.may_use.join(", ") };
    if !allowed {
        return Some(format!(
            "`{}` may not use `{full}` (it may use {may}): move the code up, or pass the value in",
            layer.module
        ));
    }
    let language = target == "config" && second.is_some_and(|part| LANGUAGE.contains(&part));
    (language && DECIDING.contains(&layer.module)).then(|| {
        format!(
            "`{}` may use the values of `config`, not its language (`{full}`): it decides, it does not parse",
            layer.module
        )
    })
}

/// `core/src/bgp/fsm.rs` is the module `bgp::fsm`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches(CORE).trim_end_matches(".rs");
    let parts = inner.split('/').filter(|part| !matches!(*part, "lib" | "mod"));
    parts.map(str::to_owned).collect()
}

/// Every path in `tokens` that begins with `crate` or `super`, from the crate's root, with its line.
fn paths(tokens: &[Token], module: &[String]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let mut inner: Vec<String> = module.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some(name) = token.text.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            inner.push(name.to_owned());
        } else if token.text == "} mod" {
            inner.pop();
        }
        let begins = matches!(token.text.as_str(), "crate" | "super");
        let continues = at > 0 && tokens[at - 1].text == "::";
        // `pub(in crate::a)` and `pub(super)` say who may look in; they use nothing.
        let visibility = at > 0
            && (tokens[at - 1].text == "in" || tokens[at - 1].text == "(")
            && is_visibility(tokens, at);
        if begins && !continues && !visibility {
            at = walk(tokens, at, &inner, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn is_visibility(tokens: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| tokens[index].text.as_str());
    before(2) == Some("pub") || (before(1) == Some("in") && before(3) == Some("pub"))
}

/// Reads one path, or one group of a `use`, from `at`; gives the place after it.
fn walk(
    tokens: &[Token],
    mut at: usize,
    module: &[String],
    prefix: &[String],
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens[at].line;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = if tokens[at].text == "," { at + 1 } else { walk(tokens, at, module, &path, found) };
                }
                return at + 1;
            }
            "crate" => path.clear(),
            "super" => {
                if at == 0 || tokens[at - 1].text != "::" {
                    path = module.to_vec();
                }
                path.pop();
            }
            "self" | "*" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
        if tokens.get(at).is_some_and(|token| token.text == "::") {
            at += 1;
        } else {
            break;
        }
    }
    found.push((path, line));
    // `as name` belongs to this path; leave it for the caller's loop, which finds nothing in it.
    while tokens.get(at).is_some_and(|token| token.text == "as") {
        at += 2;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::source::sample;
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&sample(path, text)).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn wire_that_uses_bgp_is_refused_with_its_line() {
        let found =
            faults("core/src/wire/open.rs", "use crate::base::net::Asn;\nuse crate::bgp::peer::Peer;\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("core/src/wire/open.rs:2: `wire` may not use `bgp::peer::Peer`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_path_in_code_counts_like_a_use() {
        let found =
            faults("core/src/failover/posture.rs", "fn a() -> u8 {\n    crate::wire::open::length()\n}\n");
        assert!(found[0].starts_with("core/src/failover/posture.rs:2:"), "{found:?}");
    }

    #[test]
    fn a_path_inside_a_macro_counts_too() {
        assert_eq!(faults("core/src/base/net.rs", "fn a() { assert!(crate::wire::open::ok()); }\n").len(), 1);
    }

    #[test]
    fn a_group_is_looked_into() {
        let found =
            faults("core/src/steer/mod.rs", "use crate::{base::{net::Asn, bits::Bits}, wire, bgp::conn};\n");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn super_is_followed_out_of_the_module() {
        assert_eq!(faults("core/src/wire/open.rs", "use super::super::bgp::conn;\n").len(), 1);
        assert_eq!(faults("core/src/wire/open.rs", "use super::cursor::Cursor;\n"), [""; 0]);
        assert_eq!(
            faults("core/src/bgp/mod.rs", "mod inner { use super::fsm; use super::super::steer::x; }\n")
                .len(),
            1
        );
    }

    #[test]
    fn bfd_has_only_its_own_part_of_wire() {
        assert_eq!(faults("core/src/bfd/session.rs", "use crate::wire::bfd::Packet;\n"), [""; 0]);
        assert_eq!(faults("core/src/bfd/session.rs", "use crate::wire::open::Open;\n").len(), 1);
    }

    #[test]
    fn a_deciding_module_has_the_values_of_config_and_not_its_language() {
        assert_eq!(faults("core/src/bgp/peer.rs", "use crate::config::Neighbor;\n"), [""; 0]);
        let found = faults("core/src/bgp/peer.rs", "use crate::config::statement::TABLE;\n");
        assert!(found[0].contains("not its language"), "{found:?}");
        assert_eq!(faults("core/src/engine/configure.rs", "use crate::config::print::print;\n"), [""; 0]);
    }

    #[test]
    fn nothing_below_the_engine_uses_it_and_stream_uses_nothing() {
        assert_eq!(faults("core/src/bgp/conn.rs", "use crate::engine::Input;\n").len(), 1);
        assert_eq!(faults("core/src/stream.rs", "use crate::base::time::Instant;\n").len(), 1);
        assert_eq!(faults("core/src/console/show.rs", "use crate::engine::view::Summary;\n"), [""; 0]);
    }

    #[test]
    fn test_code_may_use_whatever_it_drives() {
        let text = "#[cfg(test)]\nmod tests {\n    use crate::engine::Engine;\n}\n";
        assert_eq!(faults("core/src/wire/open.rs", text), [""; 0]);
    }

    #[test]
    fn visibility_is_no_use() {
        assert_eq!(
            faults("core/src/bgp/conn.rs", "pub(in crate::bgp) fn a() {}\npub(super) fn b() {}\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_new_module_must_be_given_its_place() {
        let found = faults("core/src/clever/mod.rs", "");
        assert!(found[0].contains("no place for a module `clever`"), "{found:?}");
    }
}
