//! Where a statement stands in a text: what is only known at its end is told at the line that says it.
//!
//! The text is read again, statement by statement, so that a word in a description is not taken for a name, and an
//! abbreviated line is found as well. Nothing is applied.

use super::line::{self, Words};
use super::matcher::{self, Values};
use super::statement::{Node, Row, Scope};
use super::value::Value;
use crate::base::net::Family;

/// A statement of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Its line's number and text.
    pub(super) number: u32,
    pub(super) line: &'a str,
    /// Where it stands.
    pub(super) node: Node,
    pub(super) family: Family,
    pub(super) row: &'static Row,
    pub(super) values: Values<'a>,
}

impl<'a> Seen<'a> {
    /// The first word of its syntax.
    pub(super) fn keyword(&self) -> &'static str {
        self.row.syntax.first_word().unwrap_or("")
    }

    /// Whether it is a `neighbor` line of this peer.
    pub(super) fn is_of(&self, peer: Value<'_>) -> bool {
        self.keyword() == "neighbor" && self.values.get(0) == peer
    }

    /// Where the value begins, in octets; the first word when there is no such value.
    pub(super) fn at(&self, value: usize) -> usize {
        let first = || Words::of(self.line).peek().map_or(0, |word| word.at);
        if self.values.given(value) { self.values.place(value).unwrap_or_else(first) } else { first() }
    }

    /// The word that begins there.
    pub(super) fn word(&self, at: usize) -> &'a str {
        Words::of(self.line.get(at..).unwrap_or("")).peek().map_or("", |word| word.text)
    }

    /// The value that is this text behind a word that begins `keyword`.
    pub(super) fn behind(&self, keyword: &str, text: &str) -> Option<usize> {
        let mut before = "";
        Words::of(self.line).find_map(|word| {
            let fits = !before.is_empty() && keyword.starts_with(before) && word.text == text;
            before = word.text;
            (fits && (0..matcher::VALUES).any(|value| self.values.place(value) == Some(word.at)))
                .then_some(word.at)
        })
    }
}

/// The statements of a text that are taken or refused as such; what stands in a block that is not ours is passed over.
pub(super) fn statements(source: &[u8]) -> impl Iterator<Item = Seen<'_>> {
    let (mut node, mut family, mut foreign) = (Node::Top, Family::Ipv4, false);
    line::lines(source).filter_map(move |(number, octets)| {
        let line = line::text(octets).ok().filter(|text| !line::is_silent(text))?;
        let Ok(found) = matcher::find(Scope::of(node), line) else {
            let opened = Words::of(line).peek().and_then(|word| Node::opened_by(word.text));
            if let Some(opened) = opened.filter(|_| !foreign) {
                (node, family) = (opened, Family::Ipv4);
            }
            return None;
        };
        let (row, values) = (found.row, found.values);
        if found.node != Node::Any {
            if foreign && found.node == node && node != Node::Top {
                return None;
            }
            if found.node != node {
                (node, family) = (found.node, Family::Ipv4);
            }
            foreign = row.opens_foreign_block() && !values.negated;
        }
        let seen = Seen { number, line, node, family, row, values };
        match (found.node, seen.keyword()) {
            (Node::Any, "exit" | "quit" | "exit-vrf") if foreign && node != Node::Top => foreign = false,
            (Node::Any, "exit" | "quit" | "exit-vrf") => (node, family) = (node.parent(), Family::Ipv4),
            (Node::Any, "end" | "configure") => (node, family, foreign) = (Node::Top, Family::Ipv4, false),
            (Node::Any, "exit-address-family") if matches!(node, Node::Family | Node::Bgp) => {
                (node, family, foreign) = (Node::Bgp, Family::Ipv4, false);
            }
            (Node::Bgp, "address-family") if row.acts() => {
                let six = values.number(0) == 1;
                (node, family) = (Node::Family, if six { Family::Ipv6 } else { Family::Ipv4 });
            }
            (Node::Top, "bfd") => node = Node::Bfd,
            (Node::Top | Node::Bfd, word) if row.acts() => {
                // `route-map` and the like: the line that opens a node has its word.
                if let Some(opened) = Node::opened_by(word) {
                    node = opened;
                }
            }
            _ => {}
        }
        Some(seen)
    })
}
