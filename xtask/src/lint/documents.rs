//! Documents say true things: links lead somewhere, a cited file and a cited test exist, every record is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::Visit;

use super::Fault;
use super::source::{Source, Tree, is_test_only, tokens};
use crate::Outcome;
use crate::process;

/// Where the pages about RFCs lie.
const RFC: &str = "docs/rfc/";

/// Where each record must be explained.
const OPERATING: &str = "docs/operating.md";

/// Where the records are defined.
const RECORDS: &str = "core/src/engine/record.rs";

/// Where the daemon notes events of its own.
const DAEMON: &str = "shim-linux/src/";

/// How many tokens of such a call are looked at: `note ( Level :: Error , "event"`.
const CALL: usize = 8;

/// Where the end-to-end cases are listed by name.
const CASES: &str = "tests/e2e/";

/// A row of an RFC page without a test begins its last cell with one of these, and a reason.
const EXCUSES: &[&str] = &["No test: ", "Not done: ", "Not applicable: "];

/// A document, with its path from the root.
struct Document {
    path: String,
    text: String,
}

/// Checks all documents of the workspace.
pub(super) fn check() -> Outcome {
    let root = process::root();
    let tree = Tree::read(root)?;
    let documents = read(root)?;
    let exists = |path: &str| root.join(path).exists();
    let tests = test_names(&tree);
    let mut faults: Vec<Fault> = Vec::new();
    for document in &documents {
        faults.extend(dead_links(document, exists));
        if document.path.starts_with(RFC) && !document.path.ends_with("README.md") {
            faults.extend(rfc_rows(document, |name| tests.contains(name), exists));
        }
    }
    faults.extend(unlisted_pages(&documents));
    faults.extend(unexplained_records(&tree, &documents));
    faults.extend(unexplained_events(&tree, &documents));
    super::report(&faults)
}

fn read(root: &Path) -> Result<Vec<Document>, String> {
    let mut paths = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/rfc"] {
        let entries = fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let markdown = names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"));
        paths.extend(markdown.map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }));
    }
    paths.sort();
    let texts = paths.into_iter().map(|path| {
        let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        Ok(Document { path, text })
    });
    texts.collect()
}

/// Relative links whose file is not there.
fn dead_links(document: &Document, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut faults = Vec::new();
    for (index, line) in document.text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
            if !exists(&path) {
                let message = format!("the link to `{target}` leads nowhere: mend it, or write the page");
                faults.push(Fault::new(&document.path, index + 1, message));
            }
        }
    }
    faults
}

/// Pages of a folder that its README does not link to.
fn unlisted_pages(documents: &[Document]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for document in documents {
        let Some((folder, name)) = document.path.rsplit_once('/') else { continue };
        let index = format!("{folder}/README.md");
        let Some(index) = documents.iter().find(|other| other.path == index) else { continue };
        if name != "README.md" && !index.text.contains(&format!("]({name})")) {
            let message = format!("{} does not list this page: give it a line there", index.path);
            faults.push(Fault::new(&document.path, 0, message));
        }
    }
    faults
}

/// Rows of an RFC page (`section | level | rule | where | test or why not`) that cite what is not there.
fn rfc_rows(
    document: &Document,
    is_test: impl Fn(&str) -> bool,
    exists: impl Fn(&str) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rows = 0;
    for (index, line) in document.text.lines().enumerate() {
        let Some(inner) = line.strip_prefix('|').and_then(|rest| rest.trim_end().strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = inner.split(" | ").map(str::trim).collect();
        if inner.contains("---") || cells.first() == Some(&"section") {
            continue;
        }
        rows += 1;
        let mut fault = |message: String| faults.push(Fault::new(&document.path, index + 1, message));
        let [_, _, _, place, test] = cells[..] else {
            fault(format!(
                "a row has five cells (section, level, rule, where, test or why not); this has {}",
                cells.len()
            ));
            continue;
        };
        for path in quoted(place).filter(|path| !exists(path)) {
            fault(format!("there is no file `{path}`: name the one where it is done now"));
        }
        let excused =
            EXCUSES.iter().any(|excuse| test.strip_prefix(excuse).is_some_and(|why| !why.is_empty()));
        if !excused && quoted(test).next().is_none() {
            fault(format!(
                "no test is cited: name one in backquotes, or begin with one of {EXCUSES:?} and a reason"
            ));
        }
        for name in quoted(test).filter(|name| !excused && !is_test(name)) {
            fault(format!("there is no test `{name}`: name the one that shows it now"));
        }
    }
    if rows == 0 {
        faults.push(Fault::new(&document.path, 0, "a page about an RFC has a table of its sections"));
    }
    faults
}

/// What stands in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Records that the operator's page does not explain.
fn unexplained_records(tree: &Tree, documents: &[Document]) -> Vec<Fault> {
    let Some(source) = tree.sources.iter().find(|source| source.path == RECORDS) else { return Vec::new() };
    let operating =
        documents.iter().find(|document| document.path == OPERATING).map_or("", |d| d.text.as_str());
    let rows: BTreeSet<&str> =
        operating.lines().filter(|line| line.starts_with("| `")).flat_map(quoted).collect();
    let unexplained =
        variants(source, "Record").into_iter().filter(|(name, _)| !rows.contains(name.as_str()));
    unexplained
        .map(|(name, line)| {
            Fault::new(
                RECORDS,
                line,
                format!("the record `{name}` has no row in {OPERATING}: say what it asks of the operator"),
            )
        })
        .collect()
}

/// Events that the daemon notes by itself and the operator's page does not explain: `note(level, "event", …)`.
fn unexplained_events(tree: &Tree, documents: &[Document]) -> Vec<Fault> {
    let rows = explained(documents);
    let mut faults = Vec::new();
    for source in tree.below(DAEMON) {
        let code = tokens(source, false);
        let calls = code.windows(CALL).filter(|call| matches!(call[0].text.as_str(), "note" | "Note"));
        for event in calls.filter_map(|call| call.iter().find(|token| token.text.starts_with('"'))) {
            let name = event.text.trim_matches('"');
            if name.contains('_') && !rows.contains(name) {
                let message =
                    format!("the event `{name}` has no row in {OPERATING}: say what it asks of the operator");
                faults.push(Fault::new(&source.path, event.line, message));
            }
        }
    }
    faults
}

/// What the operator's page has a row for.
fn explained(documents: &[Document]) -> BTreeSet<&str> {
    let operating =
        documents.iter().find(|document| document.path == OPERATING).map_or("", |d| d.text.as_str());
    operating.lines().filter(|line| line.starts_with("| `")).flat_map(quoted).collect()
}

/// The variants of an enum, with their lines.
fn variants(source: &Source, name: &str) -> Vec<(String, usize)> {
    let found = source.file.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == name => Some(item),
        _ => None,
    });
    let variants = found.map(|item| item.variants.iter()).into_iter().flatten();
    variants.map(|variant| (variant.ident.to_string(), variant.ident.span().start().line)).collect()
}

/// The names of all test functions, of all functions in test files, and of the end-to-end cases, which are texts like
/// `fault/sigkill`.
fn test_names(tree: &Tree) -> BTreeSet<String> {
    let mut finder = Names { in_test_file: false, found: BTreeSet::new() };
    for source in &tree.sources {
        finder.in_test_file = source.is_test;
        finder.visit_file(&source.file);
        if source.path.starts_with(CASES) {
            finder.found.extend(tokens(source, true).iter().filter_map(|token| case_name(&token.text)));
        }
    }
    finder.found
}

/// The name of an end-to-end case, if the token is a text that looks like one.
fn case_name(token: &str) -> Option<String> {
    let text = token.strip_prefix('"')?.strip_suffix('"')?;
    let (group, case) = text.split_once('/')?;
    (!group.is_empty() && !case.is_empty()).then(|| text.to_owned())
}

struct Names {
    in_test_file: bool,
    found: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if self.in_test_file || is_test_only(&function.attrs) {
            self.found.insert(function.sig.ident.to_string());
        }
        syn::visit::visit_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::sample;
    use super::*;

    fn document(path: &str, text: &str) -> Document {
        Document { path: path.to_owned(), text: text.to_owned() }
    }

    fn rows(text: &str) -> Vec<String> {
        let tests = BTreeSet::from(["an_open_of_version_3_is_refused".to_owned()]);
        let faults = rfc_rows(
            &document("docs/rfc/rfc4271.md", text),
            |name| tests.contains(name),
            |path| path == "core/src/wire/open.rs",
        );
        faults.iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_row_whose_file_and_test_exist_is_kept() {
        let text = "| section | level | rule | where | test or why not |\n|---|---|---|---|---|\n\
                    | 6.2 | MUST | version | `core/src/wire/open.rs` | `an_open_of_version_3_is_refused` |\n";
        assert_eq!(rows(text), [""; 0]);
    }

    #[test]
    fn a_row_that_cites_a_test_or_a_file_that_is_gone_is_refused() {
        let found = rows("| 6.2 | MUST | version | `core/src/gone.rs` | `a_test_that_is_gone` |\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("docs/rfc/rfc4271.md:1: there is no file `core/src/gone.rs`"),
            "{found:?}"
        );
        assert!(found[1].contains("there is no test `a_test_that_is_gone`"), "{found:?}");
    }

    #[test]
    fn a_row_without_a_test_needs_a_reason() {
        assert!(rows("| 6.2 | MUST | version |  |  |\n")[0].contains("no test is cited"));
        assert!(rows("| 6.2 | MUST | version |  | Not done:  |\n")[0].contains("no test is cited"));
        assert_eq!(rows("| 6.2 | MAY | version |  | Not done: nobody needs it |\n"), [""; 0]);
    }

    #[test]
    fn a_row_with_a_cell_missing_and_a_page_without_a_table_are_refused() {
        assert!(rows("| 6.2 | MUST | version |\n")[0].contains("five cells"));
        assert!(rows("nothing here\n")[0].contains("has a table"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused() {
        let page = document(
            "docs/operating.md",
            "[a](config.md) [b](https://example.net/x)\n[c](../gone.md#part) [d](#part)\n",
        );
        let found = dead_links(&page, |path| path == "docs/config.md");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().starts_with("docs/operating.md:2: the link to `../gone.md#part`"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_page_that_its_index_does_not_list_is_refused() {
        let index = document("docs/decisions/README.md", "[0001](0001-a.md)\n");
        let pages =
            [index, document("docs/decisions/0001-a.md", ""), document("docs/decisions/0002-b.md", "")];
        let found = unlisted_pages(&pages);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().starts_with("docs/decisions/0002-b.md: docs/decisions/README.md"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_record_that_the_operator_is_not_told_about_is_refused() {
        let tree = sample(RECORDS, "pub enum Record {\n    Bound,\n    Lost { a: u8 },\n}\n");
        let found = unexplained_records(&tree, &[document(OPERATING, "| `Bound` | info | fine |\n")]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().starts_with("core/src/engine/record.rs:3: the record `Lost`"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn an_event_that_the_operator_is_not_told_about_is_refused() {
        let text = "fn a() {\n    log.note(Level::Info, \"told_about\", x);\n    log.note(Level::Error, \"kept_secret\", x);\n}\n";
        let tree = sample("shim-linux/src/run.rs", text);
        let found = unexplained_events(&tree, &[document(OPERATING, "| `told_about` | info | fine |\n")]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().starts_with("shim-linux/src/run.rs:3: the event `kept_secret`"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn tests_are_known_by_their_attribute_or_their_file() {
        let tree = sample(
            "core/src/a.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n    fn c() {}\n}\n",
        );
        assert_eq!(test_names(&tree), BTreeSet::from(["b".to_owned()]));
        let cases = sample(
            "tests/e2e/fault.rs",
            "fn cases() { vec![case(\"fault/sigkill\", 30)]; open(\"/proc/x\"); }",
        );
        assert_eq!(test_names(&cases), BTreeSet::from(["cases".to_owned(), "fault/sigkill".to_owned()]));
        assert_eq!(
            test_names(&sample("tests/tests/e2e/a.rs", "fn a() {}")),
            BTreeSet::from(["a".to_owned()])
        );
    }
}
