//! Files that users bring: what is right with them is taken, and what is wrong is told once, at its place.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::read_all;
use crate::config::{Platform, Printed};

/// The errors of a text, and nothing else that is said of it.
fn errors(text: &str) -> Vec<String> {
    let (_, said, fine) = read_all(text, &Platform::LINUX);
    let errors: Vec<String> = said.into_iter().filter(|said| said.starts_with("error")).collect();
    assert_eq!(fine, errors.is_empty(), "{errors:#?}");
    errors
}

/// What has no effect in a text that has no error.
fn notes(text: &str) -> Vec<String> {
    let (_, said, fine) = read_all(text, &Platform::LINUX);
    assert!(fine, "{said:#?}");
    said.into_iter().filter(|said| said.starts_with("note")).collect()
}

/// A configuration with these lines below `router bgp`, and these at its end.
fn around(lines: &str, behind: &str) -> String {
    format!(
        "router bgp 64501\n bgp router-id 192.0.2.2\n timers bgp 3 9\n neighbor 192.0.2.1 remote-as 64500\n neighbor \
         192.0.2.1 prefix-list NONE in\n network 203.0.113.9/32\n{lines}ip prefix-list NONE deny any\n{behind}"
    )
}

#[test]
fn a_route_to_nowhere_may_have_a_distance_and_a_tag() {
    let behind = "ip route 203.0.113.0/24 Null0 254\nip route 198.51.100.0/24 blackhole tag 7 250\nipv6 route \
                  2001:db8:1::/48 reject 254 tag 9\n";
    let text = around("", behind);
    assert_eq!(notes(&text).len(), 3);
    let (config, ..) = read_all(&text, &Platform::LINUX);
    let printed = format!("{}", Printed(config.view()));
    assert!(printed.contains("ip route 203.0.113.0/24 blackhole\n"), "{printed}");
    for wrong in ["table 5", "vrf RED", "label 16", "254 table 5"] {
        let said = errors(&around("", &format!("ip route 203.0.113.0/24 Null0 {wrong}\n")));
        assert!(said.len() == 1 && said[0].contains("only a distance and a tag"), "{said:#?}");
    }
    // On an appliance, which has such routes, it is no error either.
    let (_, said, fine) = read_all("ip route 0.0.0.0/0 192.0.2.1 5\n", &Platform::ALL);
    assert!(fine && said.len() == 1, "{said:#?}");
}

#[test]
fn maximum_prefix_and_next_hop_self_are_read_in_all_their_forms() {
    for line in [
        "maximum-prefix 1000 90",
        "maximum-prefix 250 restart 60",
        "maximum-prefix 1000 90 warning-only",
        "maximum-prefix 1000 90 restart 3 force",
        "next-hop-self force",
        "next-hop-self all",
    ] {
        assert!(!notes(&around(&format!(" neighbor 192.0.2.1 {line}\n"), "")).is_empty(), "{line}");
    }
    assert_eq!(errors(&around(" no neighbor 192.0.2.1 next-hop-self\n", "")), [""; 0]);
}

#[test]
fn capabilities_may_be_turned_off_and_on_one_by_one() {
    let mut lines = String::new();
    for name in ["link-local", "software-version", "fqdn", "dynamic", "orf prefix-list both"] {
        lines +=
            &format!(" no neighbor 192.0.2.1 capability {name}\n neighbor 192.0.2.1 capability {name}\n");
    }
    for name in ["software-version", "link-local", "dynamic"] {
        lines += &format!(" no bgp default {name}-capability\n");
    }
    assert_eq!(notes(&around(&lines, "")).len(), 13);
}

#[test]
fn what_the_terminal_says_above_a_configuration_is_no_part_of_it() {
    let text = format!("Building configuration...\n\nCurrent configuration:\n!\n{}end\n", around("", ""));
    assert_eq!(notes(&text).len(), 2);
}

#[test]
fn communities_may_be_turned_off_where_none_is_sent() {
    let off = |kind: &str, behind: &str| {
        let lines = format!(
            " neighbor G peer-group\n neighbor 192.0.2.1 peer-group G\n address-family ipv4 unicast\n  no neighbor G \
             send-community{kind}\n  neighbor G route-map OUT out\n exit-address-family\n"
        );
        errors(&around(&lines, behind))
    };
    let map = "route-map OUT permit 10\n";
    let (one, large) = (" set community 65000:1\n", " set large-community 65000:1:1\n");
    for kind in ["", " both", " all", " large", " extended"] {
        assert_eq!(off(kind, map), [""; 0]);
    }
    for (kind, set, refused) in [
        ("", one, true),
        (" all", one, true),
        (" large", one, false),
        (" extended", one, false),
        ("", large, false),
        (" large", large, true),
    ] {
        let said = off(kind, &format!("{map}{set}"));
        assert_eq!(said.len(), usize::from(refused), "{kind}{set}{said:#?}");
        assert!(
            said.iter()
                .all(|said| said.starts_with("error: line 10, column 3: Holdover does not do this: commun"))
        );
    }
    // What a route is announced with counts as well; that of the other family does not.
    let network = " address-family ipv4\n  no neighbor 192.0.2.1 send-community\n  network 203.0.113.10/32 route-map OUT\n";
    assert_eq!(errors(&around(network, &format!("{map}{one}"))).len(), 1);
    let other = network
        .replace("  no neigh", " address-family ipv6\n  no neigh")
        .replace("  network", " address-family ipv4\n  network");
    assert_eq!(errors(&around(&other, &format!("{map}{one}"))), [""; 0]);
}

#[test]
fn private_as_numbers_may_be_removed_where_none_is_prepended() {
    for words in ["", " all", " replace-AS", " all replace-AS"] {
        let line = format!(
            " address-family ipv4 unicast\n  neighbor 192.0.2.1 remove-private-AS{words}\n  neighbor 192.0.2.1 route-map OUT out\n"
        );
        let said = |prepended: &str| {
            errors(&around(&line, &format!("route-map OUT permit 10\n set as-path prepend {prepended}\n")))
        };
        assert_eq!(said("64501 64501"), [""; 0], "our own, or a public one");
        for private in ["64512", "3356 65534", "4200000000"] {
            assert_eq!(said(private).len(), 1, "{words} {private}");
        }
    }
}

#[test]
fn a_line_taken_back_that_would_have_been_refused_hides_nothing_behind_it() {
    let text = around(" no bmp targets X\n no vrf-policy Y\n bad line\n", "");
    assert_eq!(errors(&text), ["error: line 9, column 2: unknown statement `bad`; did you mean `bfd`?"]);
}

#[test]
fn the_place_of_an_error_is_the_statement_that_says_it() {
    // The name stands in other lines before: as a text, as another name, of the other family.
    let text = "hostname X\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 description use route-map X \
                here\n address-family ipv6\n  nei 10.0.0.1 prefix-list X out\n exit\n address-family ipv4\n  nei 10.0.0.1 \
                prefix-list X out\n  nei 10.0.0.1 route-m X out\nipv6 prefix-list X permit any\n";
    assert_eq!(
        errors(text),
        [
            "error: line 10, column 24: there is no route-map `X`; it begins with a line `route-map NAME permit 10`",
            "error: line 9, column 28: there is no ip prefix-list `X`",
        ]
    );
    let text = "ip prefix-list 10.0.0.1 permit 10.0.0.1/32\nrouter bgp 1\n network 10.0.0.1/32\n nei 10.0.0.1 remote-as 2";
    assert_eq!(errors(text), ["error: line 4, column 6: neighbor 10.0.0.1 has an address of this host"]);
}

#[test]
fn an_error_of_a_group_has_a_line_and_is_told_once() {
    let group = "router bgp 1\n neighbor L peer-group\n neighbor L remote-as external\n neighbor L update-source \
                 203.0.113.9\n neighbor 192.0.2.1 peer-group L\n neighbor 192.0.2.2 peer-group L\n network 203.0.113.9/32\n";
    assert_eq!(
        errors(group),
        ["error: line 4, column 27: a shared address is never the source of a session: it may move away"]
    );
    let no_as = "router bgp 1\n neighbor L peer-group\n neighbor 192.0.2.1 peer-group L\n neighbor 192.0.2.2 peer-group L\n";
    assert_eq!(errors(no_as).len(), 1);
}

#[test]
fn one_mistake_is_one_error() {
    for (text, place) in [
        // The line that would have made what a later line uses.
        (
            "router bgp 1\n neighbor 10.0.0.1 remote-as foo\n neighbor 10.0.0.1 timers 3 9",
            "line 2, column 30",
        ),
        (
            "router bgp 1\n neighbor G peer-grup\n neighbor G remote-as 2\n neighbor 10.0.0.1 peer-group G",
            "line 2",
        ),
        (
            "route-map A permti 10\n set metric 1\nrouter bgp 1\n network 10.0.0.1/32 route-map A",
            "line 1, column 13",
        ),
        (
            "ip prefix-list L permit 10.0.0.0/33\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 \
             prefix-list L in",
            "line 1, column 25",
        ),
        ("failover x\n address 192.0.2.1/24\n", "line 2, column 10"),
        ("failover x\n address 192.0.2.1/32\n require 1\n check a tcp nowhere\n", "line 4, column 14"),
        (
            "failover x\n address 192.0.2.1/32\n on-failure standby\n standby route-mop X\n",
            "line 4, column 10",
        ),
        // Matching interfaces, and a neighbor without an address: the group's name is no third mistake.
        (
            "router bgp 1\n neighbor F peer-group\n neighbor F remote-as external\n neighbor eth1 interface peer-group F\n \
          address-family ipv4\n  neighbor eth1 route-map OUT out\nroute-map OUT permit 10",
            "line 4, column 2",
        ),
    ] {
        let said = errors(text);
        assert!(said.len() == 1 && said[0].starts_with(&format!("error: {place}")), "{text}\n{said:#?}");
    }
    // Two mistakes are two.
    assert_eq!(
        errors("router bgp 1\n neighbor 10.0.0.1 remote-as foo\n neighbor 10.0.0.2 timers 3 9").len(),
        2
    );
    assert_eq!(errors("failover x\n address 192.0.2.1/24\nfailover y\n").len(), 2);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_word() {
    let text = format!("\u{feff}{}", around("", ""));
    assert_eq!(errors(&text), [""; 0]);
    assert_eq!(
        errors("\u{feff}bad"),
        ["error: line 1, column 1: unknown statement `bad`; did you mean `bfd`?"]
    );
}

#[test]
fn as_numbers_may_be_written_with_a_dot() {
    let (config, said, fine) =
        read_all("router bgp 1.10 as-notation dot\n neighbor 10.0.0.1 remote-as 0.65001\n", &Platform::ALL);
    assert!(fine, "{said:#?}");
    let printed = format!("{}", Printed(config.view()));
    assert!(printed.contains("router bgp 65546\n neighbor 10.0.0.1 remote-as 65001\n"), "{printed}");
    assert_eq!(errors("router bgp 0.0\n").len(), 1);
}

#[test]
fn what_is_shown_of_a_configuration_has_no_secret_in_it() {
    let text = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 password geheim\n neighbor 10.0.0.1 \
                description a\u{202e}b\nfailover x\n address 192.0.2.1/32\n check a http http://192.0.2.1/ header \
                \"Authorization: geheim\" header Host:www header X-Api-Key:geheim\n check b interval 2s exec /bin/x -p \
                geheim\n check c exec-user nobody exec \"/bin/a b\" \"geheim\"\n check d exec /bin/true\n";
    let mut config = std::boxed::Box::new(crate::config::Config::<2, 4, 8, 8, 1024>::new());
    crate::config::parse(text, &Platform::ALL, &mut config, &mut |_| {}).unwrap();
    let shown = format!("{:#}", Printed(config.view()));
    assert!(!shown.contains("geheim") && !shown.contains('\u{202e}'), "{shown}");
    for line in [
        "password <hidden>",
        "description a?b",
        "header <hidden> header Host:www header <hidden>",
        "check b interval 2s exec /bin/x <hidden>",
        "check c exec-user nobody exec \"/bin/a b\" <hidden>",
        "check d exec /bin/true",
    ] {
        assert!(shown.contains(&format!(" {line}\n")), "{line}\n{shown}");
    }
    let whole = format!("{}", Printed(config.view()));
    assert_eq!(whole.matches("geheim").count(), 5);
}

#[test]
fn an_error_does_not_tell_what_stands_behind_a_secret_word() {
    for line in
        ["neighbor 10.0.0.1 port password geheim", "neighbor 10.0.0.1 pasword geheim", "password geheim"]
    {
        let (_, said, _) = read_all(&format!("router bgp 1\n {line}\n"), &Platform::LINUX);
        assert!(!said.is_empty() && !said.iter().any(|said| said.contains("geheim")), "{said:#?}");
    }
}
