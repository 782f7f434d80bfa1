//! What is said of one family of a neighbor, or of one neighbor of a group, is no word about the other.

use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::round_trip::{PRELUDE, line};
use super::{by_name, read_all};
use crate::base::rand::Rand;
use crate::config::{Node, Platform, Printed, Statement, Tier, statements};

/// The statements that act and stand in a node, those that open another one left out.
fn acting(node: Node) -> impl Iterator<Item = &'static Statement> {
    statements().filter(move |(at, row)| *at == node && row.tier == Tier::Act).map(|(_, row)| row)
}

/// Some lines that a statement can be, of the neighbor with this name.
fn lines(row: &Statement, peer: &str) -> Vec<String> {
    let mut all = BTreeSet::new();
    for seed in 0..9 {
        let mut words = Vec::new();
        line(&mut Rand::new(seed), row.syntax, &mut words);
        if words[0] == "neighbor" {
            words[1] = peer.to_string();
        }
        let text = words.join(" ");
        if row.has_no() && seed % 4 == 0 {
            all.insert(format!("no {text}"));
        }
        all.insert(text);
    }
    all.into_iter().collect()
}

/// What is printed between the beginning and the end of a family.
fn section(printed: &str, family: &str) -> String {
    let head = format!(" address-family {family} unicast\n");
    let behind = printed.split_once(&head).map_or("", |(_, behind)| behind);
    behind.split(" exit-address-family\n").next().unwrap_or_default().to_string()
}

/// The text as it is printed, when it has no error.
fn printed(text: &str) -> Option<String> {
    let (config, _, fine) = read_all(text, &Platform::ALL);
    fine.then(|| format!("{}", Printed(config.view())))
}

#[test]
fn every_statement_of_a_family_is_kept_and_printed_for_that_family_alone() {
    let head = format!("{PRELUDE} neighbor 198.51.100.1 remote-as external\n");
    let mut compared = BTreeSet::new();
    for row in acting(Node::Family) {
        let lines = lines(row, "198.51.100.1");
        for four in &lines {
            for six in lines.iter().chain([&String::new()]).filter(|&six| six != four) {
                let of = |four: &str, six: &str| {
                    let blocks = format!(
                        " address-family ipv4 unicast\n  {four}\n exit-address-family\n address-family ipv6 \
                         unicast\n  {six}\n exit-address-family\n"
                    );
                    printed(&format!("{head}{blocks}"))
                };
                let (Some(both), Some(alone4), Some(alone6)) = (of(four, six), of(four, ""), of("", six))
                else {
                    continue;
                };
                let context = format!("ipv4: {four}\nipv6: {six}\n{both}");
                assert_eq!(section(&both, "ipv4"), section(&alone4, "ipv4"), "{context}");
                assert_eq!(section(&both, "ipv6"), section(&alone6, "ipv6"), "{context}");
                assert_eq!(section(&alone4, "ipv6"), section(&of("", "").unwrap(), "ipv6"), "{context}");
                assert_eq!(printed(&both), Some(both.clone()), "{context}");
                compared.insert(format!("{row:?}"));
            }
        }
    }
    let all: BTreeSet<String> = acting(Node::Family).map(|row| format!("{row:?}")).collect();
    // The prefixes of both families never fit one statement with the same words.
    assert_eq!(compared, all);
}

#[test]
fn what_a_member_says_itself_is_never_mixed_with_what_its_group_says() {
    let mut compared = BTreeSet::new();
    for (node, row) in
        [Node::Bgp, Node::Family].into_iter().flat_map(|node| acting(node).map(move |row| (node, row)))
    {
        let syntax = format!("{row:?}");
        if !syntax.starts_with("neighbor PEER") {
            continue;
        }
        let family = if node == Node::Family { " address-family ipv6 unicast\n" } else { "" };
        // `no neighbor … bfd` takes back `strict` and the profile too, which are other statements.
        let whole = |line: &String| syntax != "neighbor PEER bfd" || !line.starts_with("no ");
        for of_group in lines(row, "M1").into_iter().filter(whole) {
            for own in lines(row, "198.51.100.1").into_iter().filter(|own| !own.starts_with("no ")) {
                // `in` and `out` are two statements in one row.
                if own.ends_with(" in") != of_group.ends_with(" in") {
                    continue;
                }
                let of = |of_group: &str| {
                    let head = format!("{PRELUDE} neighbor 198.51.100.1 peer-group M1\n{family}");
                    let (config, _, fine) = read_all(&format!("{head}{of_group}\n{own}\n"), &Platform::ALL);
                    let view = config.view();
                    let of_it = view.neighbors.iter().find(|one| one.address.is_ipv4());
                    fine.then(|| by_name(view, &format!("{:#?}", view.options(of_it.unwrap()))))
                };
                let (Some(mixed), Some(alone)) = (of(&of_group), of("")) else { continue };
                assert_eq!(mixed, alone, "{of_group}\n{own}");
                compared.insert(syntax.clone());
            }
        }
    }
    assert!(compared.len() > 15, "{compared:#?}");
}
