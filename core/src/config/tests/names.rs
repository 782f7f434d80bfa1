//! Names are compared by where they lie in the pool of texts: that must be as good as comparing what they say.

use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{Small, read_all};
use crate::base::rand::Rand;
use crate::config::build::Draft;
use crate::config::{Config, List, Platform, Printed, Span, parse};

/// A name of two letters, which repeats itself and others.
fn name(rand: &mut Rand) -> String {
    (0..=rand.next() % 5).map(|_| if rand.next().is_multiple_of(2) { 'R' } else { '1' }).collect()
}

/// Interns names of two letters, one by one and several in a row; each must be one span, and say what it said.
fn intern_some<const T: usize>(seed: u64) {
    let mut config = Box::new(Config::<1, 1, 1, 1, T>::new());
    let mut report = |_: crate::config::Diagnostic<'_>| {};
    let mut draft = Draft::new(&[], &Platform::ALL, config.edit(), &mut report);
    let mut known = BTreeMap::<String, Span>::new();
    let mut rand = Rand::new(seed);
    for _ in 0..60 {
        let words: Vec<String> = (0..=rand.next() % 3).map(|_| name(&mut rand)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = words.join(" ");
        let told = if words.len() == 1 { draft.intern(&text) } else { draft.intern_words(&words) };
        let Ok(span) = told else { continue };
        let before = *known.entry(text.clone()).or_insert(span);
        assert_eq!(before, span, "seed {seed}: `{text}` has two places");
    }
    for (text, span) in &known {
        assert_eq!(draft.text(*span), text, "seed {seed}");
    }
}

#[test]
fn the_same_text_is_the_same_span_and_no_other_is() {
    for seed in 0..super::robust::seeds(2_000) {
        intern_some::<4096>(seed);
        // What does not fit leaves nothing behind.
        intern_some::<24>(seed);
    }
}

#[test]
fn nothing_at_all_is_the_empty_span() {
    let mut config = Box::new(Small::new());
    let mut report = |_: crate::config::Diagnostic<'_>| {};
    let mut draft = Draft::new(&[], &Platform::ALL, config.edit(), &mut report);
    draft.intern("a name").unwrap();
    assert_eq!(
        (draft.intern("").unwrap(), draft.intern_words(&["", ""]).unwrap()),
        (Span::EMPTY, Span::EMPTY)
    );
}

#[test]
fn every_line_of_a_list_is_in_force_whatever_its_name() {
    for seed in 0..super::robust::seeds(300) {
        let mut rand = Rand::new(seed);
        let (mut text, mut lines) = (String::new(), BTreeMap::<String, usize>::new());
        let mut clauses = BTreeMap::<String, usize>::new();
        for number in 0..12 {
            let name = name(&mut rand);
            if rand.next().is_multiple_of(2) {
                text += &format!("ip prefix-list {name} permit 192.0.2.{number}/32\n");
                *lines.entry(name).or_default() += 1;
            } else {
                text += &format!("route-map {name} permit {}\n set metric 1\n", 10 + number);
                *clauses.entry(name).or_default() += 2;
            }
        }
        text += "router bgp 65000\n";
        for (number, name) in clauses.keys().enumerate() {
            text += &format!(" network 198.51.100.{number}/32 route-map {name}\n");
        }
        for (number, name) in lines.keys().enumerate() {
            text += &format!(" neighbor 10.0.0.{} remote-as external\n", number + 1);
            text += &format!(" neighbor 10.0.0.{} prefix-list {name} out\n", number + 1);
        }
        let mut config = Box::new(Config::<16, 1, 32, 64, 1024>::new());
        parse(&text, &Platform::ALL, &mut config, &mut |said| panic!("seed {seed}: {said}\n{text}")).unwrap();
        let view = config.view();
        for route in view.routes {
            let name = view.text(route.map.name);
            assert_eq!(view.list(route.map).count(), clauses[name], "seed {seed}: route-map {name}\n{text}");
        }
        for neighbor in view.neighbors {
            let list = neighbor.options.list_out[0];
            let name = view.text(list.name);
            assert_eq!(view.list(list).count(), lines[name], "seed {seed}: prefix-list {name}\n{text}");
        }
        assert!(view.rules.iter().all(|rule| rule.list != List::None), "{}", Printed(view).to_string());
    }
}

#[test]
fn a_block_with_a_name_that_repeats_itself_is_one_block() {
    let text = "hostname xR\nfailover RR\n address 192.0.2.1/32\nsteer a\nsteer b\nsteer c\nsteer d\nsteer e\nfailover \
                RR\n address 192.0.2.2/32\n";
    let (config, said, _) = read_all(text, &Platform::ALL);
    assert_eq!((config.view().services.len(), said), (1, Vec::new()));
}
