//! The workspace's sources, parsed, with what is test code told apart from what is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", ".git", ".tools", "corpus", "artifacts"];

/// A file of Rust.
#[derive(Clone)]
pub(super) struct Source {
    /// Path from the root of the tree, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) file: syn::File,
    /// The whole file is test code: it lies in a `tests` or `benches` folder or package, or a `#[cfg(test)] mod` names it.
    pub(super) is_test: bool,
}

/// All sources, in the order of their paths.
#[derive(Clone, Default)]
pub(super) struct Tree {
    pub(super) sources: Vec<Source>,
}

impl Tree {
    /// Reads every `.rs` file below `root`.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        let texts = files.into_iter().map(|path| {
            let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
            Ok((path, text))
        });
        Self::parse(texts.collect::<Result<Vec<_>, String>>()?)
    }

    /// Parses files that were read already.
    pub(super) fn parse(texts: Vec<(String, String)>) -> Result<Self, String> {
        let mut sources = Vec::new();
        for (path, text) in texts {
            let file = syn::parse_file(&text).map_err(|error| {
                format!("{path}:{}: not parsed as Rust: {error}", error.span().start().line)
            })?;
            let is_test = path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"));
            sources.push(Source { path, text, file, is_test });
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let mut tree = Self { sources };
        tree.mark_test_modules();
        Ok(tree)
    }

    /// A file named by `#[cfg(test)] mod name;` is test code, and so are the modules it names.
    fn mark_test_modules(&mut self) {
        let mut marked: BTreeSet<String> = BTreeSet::new();
        loop {
            let mut found = BTreeSet::new();
            for source in &self.sources {
                let whole = source.is_test || marked.contains(&source.path);
                for item in &source.file.items {
                    if let syn::Item::Mod(module) = item
                        && module.content.is_none()
                        && (whole || is_test_only(&module.attrs))
                    {
                        found.extend(module_files(&source.path, &module.ident.to_string()));
                    }
                }
            }
            let before = marked.len();
            marked.extend(found);
            if marked.len() == before {
                break;
            }
        }
        for source in &mut self.sources {
            source.is_test |= marked.contains(&source.path);
        }
    }

    /// The sources below a folder, given with its closing `/`.
    pub(super) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.path.starts_with(folder))
    }
}

fn collect(root: &Path, folder: &str, files: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{folder}: {error}"))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().map_err(|error| format!("{path}: {error}"))?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(root, &path, files)?;
        } else if kind.is_file() && Path::new(&name).extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The two files that `mod name;` in `path` can mean.
fn module_files(path: &str, name: &str) -> [String; 2] {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        other => format!("{folder}/{}", other.trim_end_matches(".rs")),
    };
    [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
}

/// Whether the attributes say `#[cfg(test)]` or `#[test]`.
pub(super) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let inside = attribute.meta.to_token_stream().to_string().replace(' ', "");
        inside == "test" || inside == "cfg(test)" || inside.starts_with("cfg(all(test,")
    })
}

/// The attributes of an item that has any.
pub(super) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::ExternCrate(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The first and last line of anything parsed.
pub(super) fn lines(part: &impl Spanned) -> (usize, usize) {
    let span = part.span();
    (span.start().line, span.end().line)
}

/// A token with the line it stands on; groups are flattened, with their brackets as tokens of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The tokens of a file that are test code, or those that are not. Comments and documentation are in neither.
pub(super) fn tokens(source: &Source, of_tests: bool) -> Vec<Token> {
    let mut out = Vec::new();
    if !of_tests && !source.is_test {
        for attribute in &source.file.attrs {
            flatten(attribute.to_token_stream(), &mut out);
        }
    }
    items(&source.file.items, source.is_test, of_tests, &mut out);
    out
}

fn items(list: &[syn::Item], inside_test: bool, of_tests: bool, out: &mut Vec<Token>) {
    for item in list {
        let is_test = inside_test || is_test_only(attributes(item));
        match item {
            syn::Item::Mod(syn::ItemMod { content: Some((_, inner)), ident, .. }) if !is_test => {
                out.push(Token { text: format!("mod {ident} {{"), line: lines(ident).0 });
                items(inner, is_test, of_tests, out);
                out.push(Token { text: "} mod".to_owned(), line: lines(item).1 });
            }
            _ if is_test == of_tests => flatten(item.to_token_stream(), out),
            _ => {}
        }
    }
}

fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                if is_doc(&group) {
                    continue;
                }
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                out.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), out);
                out.push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
            TokenTree::Punct(first) if first.as_char() == ':' => {
                let joined = first.spacing() == proc_macro2::Spacing::Joint
                    && matches!(trees.peek(), Some(TokenTree::Punct(second)) if second.as_char() == ':');
                if joined {
                    trees.next();
                }
                out.push(Token { text: if joined { "::" } else { ":" }.to_owned(), line });
            }
            other => out.push(Token { text: other.to_string(), line }),
        }
    }
}

/// Whether a bracket holds `doc = "…"`: documentation may name whatever it likes.
fn is_doc(group: &proc_macro2::Group) -> bool {
    group.delimiter() == proc_macro2::Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "doc")
}

/// One file as a tree, for the tests of the laws.
#[cfg(test)]
pub(super) fn sample(path: &str, text: &str) -> Tree {
    Tree::parse(vec![(path.to_owned(), text.to_owned())]).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tree: &Tree, of_tests: bool) -> String {
        let all: Vec<String> =
            tree.sources.iter().flat_map(|source| tokens(source, of_tests)).map(|token| token.text).collect();
        all.join(" ")
    }

    #[test]
    fn test_code_is_told_apart_from_the_rest() {
        let tree = sample("core/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n");
        assert_eq!(words(&tree, false), "fn a ( ) { }");
        assert!(words(&tree, true).contains("fn b"));
    }

    #[test]
    fn documentation_is_no_code() {
        let tree = sample("core/src/a.rs", "/// Uses std::net.\nfn a() {}\n");
        assert!(!words(&tree, false).contains("std"));
    }

    #[test]
    fn a_file_named_by_a_test_module_is_test_code_and_so_is_what_it_names() {
        let files = [
            ("core/src/bgp/mod.rs", "mod peer;\n"),
            ("core/src/bgp/peer.rs", "#[cfg(test)]\nmod checks;\nmod more;\n"),
            ("core/src/bgp/peer/checks.rs", "mod deep;\n"),
            ("core/src/bgp/peer/checks/deep.rs", ""),
            ("core/src/bgp/peer/more.rs", ""),
        ];
        let tree =
            Tree::parse(files.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()).unwrap();
        let tests: Vec<&str> =
            tree.sources.iter().filter(|source| source.is_test).map(|source| source.path.as_str()).collect();
        assert_eq!(tests, ["core/src/bgp/peer/checks.rs", "core/src/bgp/peer/checks/deep.rs"]);
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_line() {
        let Err(message) = Tree::parse(vec![("a.rs".to_owned(), "fn a() {}\nfn (\n".to_owned())]) else {
            panic!("parsed");
        };
        assert!(message.starts_with("a.rs:2: not parsed"), "{message}");
    }

    #[test]
    fn tokens_keep_their_lines() {
        let tree = sample("core/src/a.rs", "fn a() {\n    crate::b::c();\n}\n");
        let found = tokens(&tree.sources[0], false);
        assert!(found.contains(&Token { text: "crate".to_owned(), line: 2 }), "{found:?}");
    }
}
