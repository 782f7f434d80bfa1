//! FRR's own list of statements: each has a tier here on purpose, and none is merely unknown.
//!
//! `frr.txt` has a line per statement: the node, the versions of FRR that have it (`list` of 8.4, and 10), its tier here, and
//! its syntax in FRR's notation. The tier is a list of what may be said of its lines, one letter each:
//!
//! | letter | what becomes of it |
//! |---|---|
//! | `a` | it acts, or says what holds anyway |
//! | `n` | no effect here: a note says why |
//! | `w` | a warning: no effect, and probably not what was meant |
//! | `r` | refused, with the reason |
//! | `o` | its form with `no` is refused: the line that it would undo is to be removed |
//! | `v` | a value or combination that FRR takes is refused, with the reason |

use std::boxed::Box;
use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::Small;
use crate::config::{ErrorKind, Lint, Platform, Severity, parse};

const STATEMENTS: &str = include_str!("frr.txt");

/// A piece of FRR's notation.
#[derive(Clone, Debug)]
enum Piece {
    Word(String),
    /// One of these.
    One(Vec<Vec<Piece>>),
    /// This or nothing.
    Maybe(Vec<Piece>),
}

/// Reads FRR's notation up to a closing letter.
fn pieces(text: &mut &str) -> Vec<Vec<Piece>> {
    let mut all = std::vec![Vec::new()];
    while let Some(first) = text.chars().next() {
        match first {
            ' ' => *text = &text[1..],
            '<' | '{' | '[' => {
                *text = &text[1..];
                let inner = pieces(text);
                *text = text.get(1..).unwrap_or("");
                let choice = Piece::One(inner);
                let piece = if first == '[' { Piece::Maybe(std::vec![choice]) } else { choice };
                all.last_mut().unwrap().push(piece);
            }
            '>' | '}' | ']' => return all,
            '|' => {
                *text = &text[1..];
                all.push(Vec::new());
            }
            _ => {
                let end = text.find([' ', '<', '>', '{', '}', '[', ']', '|']).unwrap_or(text.len());
                let (word, rest) = text.split_at(end);
                *text = rest;
                all.last_mut().unwrap().push(Piece::Word(word.to_string()));
            }
        }
    }
    all
}

/// What is called so is there under this name.
const NAMES: [&str; 9] = [
    "NAME",
    "RMAP_NAME",
    "PREFIXLIST_NAME",
    "PREFIXLIST4_NAME",
    "PREFIXLIST6_NAME",
    "PGNAME",
    "COMMUNITY_LIST_NAME",
    "LCOMMUNITY_LIST_NAME",
    "BFDPROF",
];

/// A word that a piece of the notation stands for.
fn sample(word: &str, before: &str) -> String {
    let range = word.strip_prefix('(').and_then(|word| word.strip_suffix(')'));
    let least = range.map(|range| range.strip_prefix('-').map_or(range, |_| "0"));
    match (word.trim_end_matches("..."), before) {
        ("ASNUM", _) | ("(1-4294967295)", "as" | "bgp" | "prepend" | "exclude") => "65001",
        // A hold time of 1 or 2 is none, and 0 is warned of.
        ("(0-65535)", "timers" | "bgp") => "3",
        ("(0-65535)", _) if before.bytes().all(|octet| octet.is_ascii_digit()) => "9",
        ("(0-65535)", "port") => "1179",
        ("(1-65535)", "msec") => "70",
        ("A.B.C.D/M", _) => "192.0.2.0/24",
        ("A.B.C.D", before) if before.starts_with("192.0.2.") => "255.255.255.0",
        ("A.B.C.D", _) => "198.51.100.9",
        ("X:X::X:X/M", _) => "2001:db8::/32",
        ("X:X::X:X", _) => "2001:db8::9",
        ("X:X:X:X:X:X", _) => "02:00:00:00:00:01",
        ("PEER", _) => "203.0.113.1",
        ("AA:NN" | "ASN:NN_OR_IP-ADDRESS:NN" | "RTLIST", _) => "65000:1",
        ("AA:BB:CC" | "AA:AA:NN", _) => "65000:1:1",
        ("PATH" | "FILENAME", _) => "/tmp/x",
        ("LINE", "label") => "eth9",
        ("LINE" | "MSG", _) => "some text",
        ("WORD", "local-preference") => "200",
        ("WORD", "prefix-list" | "neighbor") => "M1",
        (name, _) if NAMES.contains(&name) => "M1",
        (other, _) => match least.and_then(|range| range.split('-').next()) {
            Some(low) => low,
            None if other.starts_with(|letter: char| letter.is_ascii_uppercase()) => "X1",
            None => other,
        },
    }
    .to_string()
}

/// Every way to write it in which one choice is another than the first, or one option stands.
fn variants(pieces: &[Piece]) -> Vec<Vec<String>> {
    let mut all = std::vec![Vec::new()];
    for piece in pieces {
        let here: Vec<Vec<String>> = match piece {
            Piece::Word(word) => std::vec![std::vec![word.clone()]],
            Piece::One(choices) => choices.iter().flat_map(|choice| variants(choice)).collect(),
            Piece::Maybe(inner) => core::iter::once(Vec::new()).chain(variants(inner)).collect(),
        };
        let (plain, base) = (here[0].clone(), all[0].clone());
        for one in &mut all {
            one.extend(plain.iter().cloned());
        }
        for other in &here[1..] {
            let mut line = base.clone();
            line.extend(other.iter().cloned());
            all.push(line);
        }
    }
    all
}

/// The lines that a statement can be.
fn lines(syntax: &str) -> Vec<String> {
    let (no, syntax) = match syntax.strip_prefix("[no] ") {
        Some(rest) => (&["", "no "][..], rest),
        None => (&[""][..], syntax),
    };
    let mut rest = syntax;
    let pieces = pieces(&mut rest).remove(0);
    assert!(rest.is_empty(), "{syntax}");
    let mut all = Vec::new();
    for words in variants(&pieces) {
        let mut line = String::new();
        for word in &words {
            let before = line.split(' ').next_back().unwrap_or("").to_string();
            if !line.is_empty() {
                line.push(' ');
            }
            line += &sample(word, &before);
        }
        all.extend(no.iter().map(|no| format!("{no}{line}")));
    }
    all
}

/// What stands before a line of a node.
fn around(node: &str) -> (&'static str, &'static str) {
    match node {
        "Top" => ("", ""),
        "Bgp" => ("router bgp 65000\n", ""),
        "Family4" => ("router bgp 65000\n address-family ipv4 unicast\n", ""),
        "Family6" => ("router bgp 65000\n address-family ipv6 unicast\n", ""),
        "RouteMap" => ("route-map M1 permit 10\n", ""),
        "Interface" => ("interface eth9\n", ""),
        "Bfd" => ("bfd\n", ""),
        "BfdProfile" => ("bfd\n profile M1\n", ""),
        other => panic!("{other}"),
    }
}

/// What a line of a node is answered with, as the letters above; or the error that is none of them.
fn verdict(node: &str, line: &str) -> Result<char, String> {
    let text = format!("{}  {line}\n", around(node).0);
    let number = u32::try_from(text.lines().count()).unwrap();
    let mut config = Box::new(Small::new());
    let mut verdict = Ok('a');
    let _ = parse(&text, &Platform::LINUX, &mut config, &mut |said| {
        if said.line != number {
            return;
        }
        let now = match (said.severity, said.what) {
            (Severity::Note, ErrorKind::NoEffect(_)) => Ok('n'),
            (Severity::Warning, ErrorKind::Lint(Lint::GracefulRestart)) => Ok('w'),
            (Severity::Note | Severity::Warning, _) => Ok('a'),
            (_, ErrorKind::Refused(_)) => Ok('r'),
            (_, ErrorKind::NoForm) => Ok('o'),
            // `router bgp` goes on with the block that there is.
            (_, ErrorKind::Incomplete) if line == "router bgp" => Ok('v'),
            (
                _,
                ErrorKind::Senseless(_)
                | ErrorKind::Conflict(_)
                | ErrorKind::OtherAs(_)
                | ErrorKind::Range(..)
                | ErrorKind::LengthMissing
                | ErrorKind::NotACommunity(_),
            ) => Ok('v'),
            // Names that this text does not define.
            (_, ErrorKind::Undefined(_) | ErrorKind::NoRemoteAs) => return,
            (_, other) => Err(format!("{other:?}: {said}")),
        };
        // The worst counts: an error, then what has no effect.
        verdict = match (&verdict, now) {
            (_, Err(error)) => Err(error),
            (Ok('a'), now) => now,
            (Err(_) | Ok('r' | 'o' | 'v'), _) => verdict.clone(),
            (Ok(_), Ok(now @ ('r' | 'o' | 'v'))) => Ok(now),
            _ => verdict.clone(),
        };
    });
    verdict
}

#[test]
fn every_statement_of_frr_has_the_tier_that_it_was_given() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut table = String::new();
    for row in STATEMENTS.lines() {
        let [node, versions, tier, syntax] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let mut found = BTreeSet::new();
        for line in lines(syntax) {
            count += 1;
            match verdict(node, &line) {
                Ok(letter) => {
                    found.insert(letter);
                }
                Err(error) => wrong.push(format!("{node}: {line}\n    {error}")),
            }
        }
        let found: String = found.into_iter().collect();
        if found != tier {
            wrong.push(format!("{node}: {syntax}: `{tier}` became `{found}`"));
        }
        table += &format!("{node}\t{versions}\t{found}\t{syntax}\n");
    }
    if let Ok(file) = std::env::var("HOLDOVER_FRR_TABLE") {
        std::fs::write(file, table).unwrap();
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 2_000, "{count}");
}
