//! A function fits a screen, a file fits a reader's patience.

use syn::visit::Visit;

use super::Fault;
use super::source::{Source, Tree, attributes, is_test_only, lines};

/// Lines of a file, its test code left out.
const FILE: usize = 600;

/// Lines of a function, from its signature to its closing brace, without blank lines and lines that are only comment.
const FUNCTION: usize = 70;

/// A comment with this opening, and a reason after it, above a function exempts it.
const EXEMPT: &str = "// table: ";

/// Checks every source of the workspace.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    tree.sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let count = lines_without_tests(source);
    if !source.is_test && count > FILE {
        let message = format!(
            "{count} lines without its tests; at most {FILE}: split it where a reader would look for the parts"
        );
        faults.push(Fault::new(&source.path, 0, message));
    }
    let mut finder = Functions { lines: source.text.lines().collect(), path: &source.path, faults };
    finder.visit_file(&source.file);
    finder.faults
}

/// The lines of the file less those of its `#[cfg(test)]` items.
fn lines_without_tests(source: &Source) -> usize {
    let tests = source.file.items.iter().filter(|item| is_test_only(attributes(item)));
    let of_tests: usize = tests.map(lines).map(|(first, last)| last - first + 1).sum();
    source.text.lines().count() - of_tests
}

struct Functions<'a> {
    lines: Vec<&'a str>,
    path: &'a str,
    faults: Vec<Fault>,
}

impl Functions<'_> {
    /// `first` is the line of the signature, `last` that of the closing brace.
    fn measure(&mut self, name: &syn::Ident, first: usize, last: usize) {
        let body = &self.lines[first - 1..last];
        let counted =
            body.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let count = counted.count();
        if count > FUNCTION && !self.is_exempt(first) {
            let message = format!(
                "`{name}` has {count} lines, at most {FUNCTION}: name its steps as functions, or say why it is one table in `{EXEMPT}<reason>` above it"
            );
            self.faults.push(Fault::new(self.path, first, message));
        }
    }

    /// Whether the comments and attributes directly above a line hold the exemption with a reason.
    fn is_exempt(&self, first: usize) -> bool {
        let above = self.lines[..first - 1].iter().rev().map(|line| line.trim());
        above
            .take_while(|line| line.starts_with("//") || line.starts_with('#') || line.ends_with(")]"))
            .any(|line| line.strip_prefix(EXEMPT).is_some_and(|reason| !reason.trim().is_empty()))
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, lines(&function.sig).0, lines(&function.block).1);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, lines(&function.sig).0, lines(&function.block).1);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig.ident, lines(&function.sig).0, lines(block).1);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::sample;
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        check(&sample("core/src/a.rs", text)).iter().map(Fault::to_string).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_seventy_lines_is_kept_and_one_of_seventy_one_is_refused() {
        assert_eq!(faults(&function(70)), [""; 0]);
        let found = faults(&function(71));
        assert!(found[0].starts_with("core/src/a.rs:1: `a` has 71 lines"), "{found:?}");
    }

    #[test]
    fn methods_and_default_methods_are_functions() {
        let body = "b();\n".repeat(80);
        assert_eq!(faults(&format!("impl A {{ fn a() {{\n{body}}} }}\n")).len(), 1);
        assert_eq!(faults(&format!("trait A {{ fn a() {{\n{body}}} }}\n")).len(), 1);
    }

    #[test]
    fn blank_lines_and_comments_are_free() {
        let text = format!("fn a() {{\n{}{}}}\n", "    // why\n\n".repeat(40), "    b();\n".repeat(60));
        assert_eq!(faults(&text), [""; 0]);
    }

    #[test]
    fn a_table_that_says_why_is_exempt_and_one_that_does_not_is_not() {
        let table = format!("/// Doc.\n// table: one row per code\n#[inline]\n{}", function(100));
        assert_eq!(faults(&table), [""; 0]);
        assert_eq!(faults(&format!("// table: \n{}", function(100))).len(), 1);
        assert_eq!(
            faults(&format!("// table: of another function\nfn b() {{}}\n{}", function(100))).len(),
            1
        );
    }

    #[test]
    fn a_file_of_more_than_six_hundred_lines_is_refused_and_its_tests_are_not_counted() {
        let code = "const A: u8 = 0;\n".repeat(600);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    const B: u8 = 0;\n".repeat(300));
        assert_eq!(faults(&format!("{code}{tests}")), [""; 0]);
        let found = faults(&format!("{code}const C: u8 = 0;\n{tests}"));
        assert!(found[0].starts_with("core/src/a.rs: 601 lines without its tests"), "{found:?}");
    }

    #[test]
    fn a_test_file_may_be_long_but_its_functions_may_not() {
        let long = "const A: u8 = 0;\n".repeat(900);
        assert_eq!(check(&sample("tests/tests/sim.rs", &long)), []);
        assert_eq!(check(&sample("tests/tests/sim.rs", &function(90))).len(), 1);
    }
}
