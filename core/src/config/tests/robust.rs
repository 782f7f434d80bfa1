//! Whatever the text: errors, never a panic.

use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::{Small, TEMPLATE};
use crate::base::rand::Rand;
use crate::config::{
    Completion, Config, Node, Platform, Printed, Syntax, Token, completions, lint, parse, statements,
};

const BLOCKS: &str = "\
failover web
 address 192.0.2.10/32
 address 2001:db8:e001:1b8c::1/128 announce /64
 bind lo label web
 role primary
 active route-map primary
 standby route-map secondary
 check web http http://127.0.0.1:8080/healthz interval 500ms timeout 1s rise 2 fall 3
 check db tcp 127.0.0.1:5432 interval 200ms
 check ready interval 2s exec /usr/local/bin/ready --fast
 check nginx process unit nginx.service start-delay 5s
 check page https https://192.0.2.10/x?y header \"Host: www\" expect 200,204-206 body \"\\\"up\\\" \\\\\" insecure fall 1
 check job interval 1s exec-user nobody exec /bin/sh -c \"exit 0\" a
 check off file \"/run/a b\" absent fast-interval 50ms
 check pid process pidfile /run/x.pid
 check group process cgroup /system.slice
 dampen failures 2 within 10s hold 1s max 1m
 drain-timeout 3s
 on-failure withdraw
 preempt delay 30s
 start-delay 2s
exit
steer edge
 accept 192.0.2.0/24 le 32
 prefer large-community 63949:1:1
 install kernel
exit
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
  minimum-ttl 250
  passive-mode
bgp community-list standard C permit 1:1 2:2
ipv6 prefix-list P seq 5 permit 2001:db8::/32 ge 48 le 64
router bgp 65000
 neighbor RS timers 1 3
 neighbor RS password s3cr!t
 neighbor RS bfd profile fast
 neighbor RS bfd strict
 neighbor 2600:3c0f:4:34::1 bfd 3 50 60
 address-family ipv6 unicast
  neighbor RS activate
  neighbor RS prefix-list P out
";

/// How many seeds a test takes: as many as the variable says, so that a long run needs no other code.
pub(super) fn seeds(usual: u64) -> u64 {
    std::env::var("HOLDOVER_SEEDS").map_or(usual, |seeds| seeds.parse().unwrap())
}

/// Reads the text on both platforms, prints what came of it, and reads that again.
fn survive(text: &[u8]) {
    for platform in [Platform::LINUX, Platform::ALL] {
        let mut config = Box::new(Small::new());
        let mut tiny = Config::<2, 1, 3, 5, 40>::new();
        let mut letters = 0;
        let mut errors = 0;
        let result = parse(text, &platform, &mut config, &mut |diagnostic| {
            letters += format!("{diagnostic}").len();
            errors += usize::from(diagnostic.severity == crate::config::Severity::Error);
        });
        // A table that is full is told once, so there may be fewer words than errors.
        assert_eq!(result.is_err(), errors > 0);
        lint(config.view(), &mut |diagnostic| letters += format!("{diagnostic}").len());
        let printed = format!("{}", Printed(config.view()));
        if result.is_ok() {
            let mut again = Box::new(Small::new());
            parse(&printed, &platform, &mut again, &mut |_| {}).unwrap();
        } else {
            assert_eq!((printed.as_str(), letters > 0), ("", true));
        }
        let _ = parse(text, &platform, &mut tiny, &mut |_| {});
    }
}

#[test]
fn random_octets_give_errors_only() {
    for seed in 0..seeds(200) {
        let mut rand = Rand::new(seed);
        let octets: Vec<u8> = (0..rand.next() % 400).map(|_| rand.next().to_le_bytes()[0]).collect();
        survive(&octets);
    }
}

/// The words that syntaxes are made of.
fn collect(syntax: Syntax, words: &mut Vec<&'static str>) {
    for token in syntax {
        match token {
            Token::Word(word) | Token::Flag(word) => words.push(word),
            Token::Choice(choices) => words.extend(choices.words()),
            Token::Optional(inner) => collect(inner, words),
            Token::Options(options) => options.syntaxes().for_each(|option| collect(option, words)),
            _ => {}
        }
    }
}

#[test]
fn random_lines_of_known_words_give_errors_only() {
    let mut words: Vec<&str> = std::vec![
        "",
        "!",
        "#",
        "no",
        "0",
        "1",
        "4294967295",
        "4294967296",
        "99999999999999999999",
        "-1",
        "192.0.2.1",
        "192.0.2.1/32",
        "0.0.0.0/0",
        "::/0",
        "::1/128",
        "fe80::1",
        "2001:db8::/129",
        "1:1",
        "1:1:1",
        ":",
        "::",
        "/",
        "/32",
        "[",
        "[x]",
        "é",
        "10ms",
        "5s",
        "any",
        "M",
        "external",
        "http://",
        "[::1]:80",
    ];
    for (_, row) in statements() {
        collect(row.syntax, &mut words);
    }
    for seed in 0..seeds(6) {
        let mut rand = Rand::new(seed);
        let mut text = String::new();
        for _ in 0..60 {
            for _ in 0..=rand.next() % 7 {
                text += words[rand.next() as usize % words.len()];
                text.push(' ');
            }
            text.push('\n');
        }
        survive(text.as_bytes());
    }
}

#[test]
fn templates_with_faults_give_errors_only() {
    let whole = format!("{TEMPLATE}{BLOCKS}");
    survive(whole.as_bytes());
    for seed in 0..seeds(40) {
        let mut rand = Rand::new(seed);
        let mut octets = whole.clone().into_bytes();
        for _ in 0..=rand.next() % 8 {
            let at = rand.next() as usize % octets.len();
            match rand.next() % 5 {
                0 => octets[at] = rand.next().to_le_bytes()[0],
                1 => drop(octets.remove(at)),
                2 => octets.insert(at, b" \n!#/.:0"[rand.next() as usize % 8]),
                3 => octets.truncate(at + 1),
                _ => {
                    let to = (at + rand.next() as usize % 60).min(octets.len());
                    let piece = octets[at..to].to_vec();
                    let into = rand.next() as usize % octets.len();
                    octets.splice(into..into, piece);
                }
            }
        }
        survive(&octets);
    }
}

#[test]
fn completion_takes_any_line() {
    let whole = format!("{TEMPLATE}{BLOCKS}");
    let mut told = 0_usize;
    for node in Node::ALL {
        for line in whole.lines() {
            for (cut, _) in line.char_indices() {
                completions(node, &line[..cut], &mut |_| told += 1);
            }
        }
    }
    assert!(told > 10_000);
}

#[test]
fn completion_offers_what_can_follow() {
    fn offered(node: Node, line: &str) -> Vec<String> {
        let mut all = Vec::new();
        completions(node, line, &mut |Completion { expect, .. }| all.push(format!("{expect:?}")));
        all
    }
    assert_eq!(offered(Node::Bgp, "neighbor RS remote-a"), ["Word(\"remote-as\")"]);
    assert_eq!(
        offered(Node::Bgp, "neighbor RS remote-as "),
        ["Word(\"external\")", "Word(\"internal\")", "Value(RemoteAs, \"ASN|external|internal\")"]
    );
    assert_eq!(offered(Node::Failover, "role s"), ["Word(\"secondary\")"]);
    assert_eq!(
        offered(Node::Failover, "check a tcp 127.0.0.1:80 rise 2 "),
        ["interval", "fast-interval", "timeout", "fall", "start-delay"]
            .map(|word| format!("Word({word:?})"))
            .into_iter()
            .chain([String::from("End")])
            .collect::<Vec<_>>()
    );
    let url = offered(Node::Failover, "check a https https://192.0.2.1/ header X:1 insecure ");
    assert!(
        url.contains(&String::from("Word(\"header\")")) && !url.contains(&String::from("Word(\"insecure\")"))
    );
    assert_eq!(offered(Node::Failover, "check a exec"), ["Word(\"exec-user\")", "Word(\"exec\")"]);
    assert_eq!(offered(Node::Failover, "check a exec "), ["Text(\"COMMAND\")"]);
    assert_eq!(
        offered(Node::Failover, "check a process "),
        ["Word(\"pidfile\")", "Word(\"unit\")", "Word(\"cgroup\")"]
    );
    assert_eq!(offered(Node::Bgp, "neighbor RS bfd p"), ["Word(\"profile\")"]);
    assert!(offered(Node::RouteMap, "").contains(&String::from("Word(\"set\")")));
    assert_eq!(offered(Node::Bgp, "no bgp network import-check "), ["End"]);
}

#[test]
fn ten_thousand_networks_in_any_order_are_read() {
    let mut text = String::from(TEMPLATE);
    text += "router bgp 65000\n address-family ipv4 unicast\n";
    for seed in 0..10_000_u32 {
        // Not in the order of the addresses.
        let number = seed.wrapping_mul(7_919) % 10_000;
        text += &format!("  network 10.9.{}.{}/32 route-map primary\n", number / 100, number % 100);
    }
    let mut config = Box::new(Config::<64, 16, 16_384, 4_096, 4_096>::new());
    parse(&text, &Platform::LINUX, &mut config, &mut |diagnostic| panic!("{diagnostic}")).unwrap();
    assert_eq!(config.view().routes.len(), 10_001);
}

#[test]
fn ten_thousand_mistakes_are_all_counted() {
    let mut text = String::from("router bgp 65000\n");
    for number in 0..10_000 {
        text += &format!("network 10.9.0.0/24 route-map M{}\n", number % 5_000);
    }
    let mut config = Box::new(Config::<64, 16, 16_384, 4_096, 65_535>::new());
    let mut count = 0;
    parse(&text, &Platform::LINUX, &mut config, &mut |_| count += 1).unwrap_err();
    assert!(count > 5_000, "{count}");
}
