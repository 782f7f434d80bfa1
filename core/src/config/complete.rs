//! What could stand next on a line: for "expected …", completion, `?` and hints.

use super::line::Words;
use super::matcher::{Expect, Values, walk_row};
use super::statement::{self, Node, Place, Scope};
use super::value::is_placeholder;

/// Tells everything that could follow `before` in this node, and the place of its row.
pub(crate) fn expected(node: Node, before: &str, sink: &mut dyn FnMut(Expect, Place)) {
    let mut words = Words::of(before);
    let negated = words.peek().is_some_and(|word| word.text == "no");
    if negated {
        words.next();
    }
    for (node, tables) in Scope::of(node).nodes() {
        for (table, rows) in tables.iter().enumerate() {
            for (index, row) in rows.iter().enumerate() {
                if row.is_refused() || !row.is_read() || (negated && !row.has_no()) {
                    continue;
                }
                let (mut values, place) = (Values::new(), Place { node, table, index });
                // Whether it fits does not matter: the walk tells what follows only when all words fitted so far.
                let _ = walk_row(
                    (node, row),
                    words.clone(),
                    &mut values,
                    Some(&mut |expect| sink(expect, place)),
                );
            }
        }
    }
}

/// Something that can be typed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What: a keyword to complete, or a value to be told about.
    pub expect: Expect,
    /// What the statement does.
    pub help: &'static str,
}

/// Tells what could follow, or complete, the last word of `line` in a node. Each is told once.
///
/// A line that ends in a blank asks for the next word; otherwise the last word is the beginning of one.
pub fn completions(node: Node, line: &str, sink: &mut dyn FnMut(Completion)) {
    let begins = if line.ends_with([' ', '\t']) { "" } else { line.rsplit([' ', '\t']).next().unwrap_or("") };
    let before = line.strip_suffix(begins).unwrap_or(line);
    let mut seen = [Expect::End; 48];
    let mut count = 0_usize;
    expected(node, before, &mut |expect, place| {
        let fits = match expect {
            Expect::Word(word) => word.starts_with(begins),
            Expect::Value(kind, _) => begins.is_empty() || kind.read(begins).is_ok(),
            Expect::Text(_) => true,
            Expect::End => begins.is_empty() && !before.trim_ascii().is_empty(),
        };
        if !fits || seen.get(..count).is_some_and(|seen| seen.contains(&expect)) {
            return;
        }
        if let Some(place) = seen.get_mut(count) {
            *place = expect;
            count = count.saturating_add(1);
        }
        sink(Completion { expect, help: place.help() });
    });
}

/// Whether any word of the line is a guide's placeholder, and where.
pub(crate) fn placeholder(line: &str) -> Option<usize> {
    Words::of(line).find(|word| is_placeholder(word.text)).map(|word| word.at)
}

/// The first words of all statements of all nodes, for hints.
pub(crate) fn first_words(sink: &mut dyn FnMut(Node, &'static str)) {
    for node in Node::ALL {
        for row in statement::tables(node).iter().copied().flatten() {
            if let Some(word) = row.syntax.first_word() {
                sink(node, word);
            }
        }
    }
}
