//! One test for each silent fault of a pasted guide.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::{TEMPLATE, read_all};
use crate::config::{Diagnostic, ErrorKind, Platform, Severity, lint};

/// The codes of all warnings: those of the lines, then those of the whole.
fn warnings(text: &str) -> Vec<&'static str> {
    let mut codes = Vec::new();
    let mut config = super::Small::new();
    let mut note = |diagnostic: Diagnostic<'_>| {
        assert!(!format!("{diagnostic}").is_empty());
        match diagnostic.severity {
            Severity::Error => panic!("{diagnostic}\n{text}"),
            Severity::Warning => codes.push(diagnostic.what.code()),
            Severity::Note => {}
        }
    };
    crate::config::parse(text, &Platform::ALL, &mut config, &mut note).unwrap();
    let count = lint(config.view(), &mut note);
    assert!(codes.len() >= count);
    codes
}

/// The template with one line put in front of the address family, or in place of another.
fn with(line: &str) -> String {
    TEMPLATE.replace("address-family ipv4 unicast\n", &format!("{line}\naddress-family ipv4 unicast\n"))
}

/// A configuration without any silent fault.
const CLEAN: &str = "\
router bgp 65000
 bgp router-id 203.0.113.7
 timers bgp 3 9
 neighbor RS peer-group
 neighbor RS remote-as external
 neighbor 2600:3c0f:4:34::1 peer-group RS
 address-family ipv4 unicast
  neighbor RS prefix-list NONE in
  network 192.0.2.10/32 route-map primary
  redistribute static route-map primary
route-map primary permit 10
 set large-community 63949:1:1
ip prefix-list NONE deny any
";

#[test]
fn a_clean_configuration_has_no_silent_fault() {
    assert_eq!(warnings(CLEAN), [""; 0]);
}

#[test]
fn the_template_has_the_silent_faults_that_it_has() {
    assert_eq!(
        warnings(TEMPLATE),
        ["no-timers", "no-router-id", "no-inbound-filter", "unfiltered-redistribute"]
    );
}

#[test]
fn no_timers() {
    assert!(warnings(&CLEAN.replace(" timers bgp 3 9\n", "")).contains(&"no-timers"));
    let own = CLEAN
        .replace(" timers bgp 3 9\n", "")
        .replace("address-family", "neighbor RS timers 3 9\naddress-family");
    assert_eq!(warnings(&own), [""; 0]);
}

#[test]
fn timers_that_make_failover_slow() {
    assert_eq!(warnings(&CLEAN.replace("timers bgp 3 9", "timers bgp 60 180")), ["slow-timers"]);
    assert_eq!(warnings(&CLEAN.replace("timers bgp 3 9", "timers bgp 0 0")), ["hold-zero"]);
    assert_eq!(warnings(&CLEAN.replace("timers bgp 3 9", "timers bgp 5 9")), ["keepalive-too-long"]);
}

#[test]
fn no_router_id_or_a_shared_one() {
    assert_eq!(warnings(&CLEAN.replace(" bgp router-id 203.0.113.7\n", "")), ["no-router-id"]);
    assert_eq!(warnings(&CLEAN.replace("203.0.113.7", "192.0.2.10")), ["shared-router-id"]);
}

#[test]
fn ipv6_without_activate() {
    let six = format!("{CLEAN}router bgp 65000\n address-family ipv6 unicast\n  network 2001:db8::/48\n");
    assert_eq!(warnings(&six), ["not-activated"]);
    assert_eq!(warnings(&format!("{six}  neighbor RS activate\n")), [""; 0]);
    let redistributed =
        format!("{CLEAN}router bgp 65000\n address-family ipv6\n redistribute static route-map primary");
    assert_eq!(warnings(&redistributed), ["not-activated"]);
    assert_eq!(
        warnings(&format!("{CLEAN}failover a\n address 2001:db8::1/128\n active route-map primary\n")),
        ["not-activated"]
    );
    assert_eq!(warnings(&CLEAN.replace(" timers", " no bgp default ipv4-unicast\n timers")), ["no-family"]);
}

#[test]
fn host_bits_in_network() {
    let text = format!("{CLEAN}router bgp 65000\n network 198.51.100.7/24\n");
    assert_eq!(warnings(&text), ["host-bits"]);
    let (config, said, _) = read_all(&text, &Platform::ALL);
    assert_eq!(
        said,
        ["warning: line 15, column 10: `198.51.100.7/24` has host bits; they are masked, as FRR does"]
    );
    assert!(config.view().routes.iter().any(|route| format!("{:?}", route.address) == "198.51.100.0"));
}

#[test]
fn redistribute_static_unfiltered() {
    let text = CLEAN.replace("redistribute static route-map primary", "redistribute static");
    assert_eq!(warnings(&text), ["unfiltered-redistribute"]);
}

#[test]
fn no_inbound_filter() {
    let text = CLEAN.replace("  neighbor RS prefix-list NONE in\n", "");
    assert_eq!(warnings(&text), ["no-inbound-filter"]);
    let steered = format!("{text}steer edge\n accept 192.0.2.0/24 le 32\n");
    assert_eq!(warnings(&steered), [""; 0]);
}

#[test]
fn a_ttl_of_10_where_16_is_needed() {
    let hops = |hops: &str| {
        CLEAN.replace(" address-family", &format!(" neighbor RS ebgp-multihop {hops}\n address-family"))
    };
    assert_eq!(warnings(&hops("10")), ["low-ttl"]);
    assert_eq!(warnings(&hops("16")), [""; 0]);
    assert_eq!(warnings(&hops("")), [""; 0]);
    let vultr = hops("2").replace("2600:3c0f:4:34::1", "169.254.169.254");
    assert_eq!(warnings(&vultr), [""; 0], "two hops are right elsewhere");
}

#[test]
fn statements_about_a_neighbor_before_its_peer_group_line() {
    let text = with("neighbor 2600:3c0f:4:34::5 timers 3 9\nneighbor 2600:3c0f:4:34::5 peer-group RS");
    let (_, said, fine) = read_all(&text, &Platform::LINUX);
    assert!(fine);
    assert_eq!(
        said,
        [
            "warning: line 14, column 10: a statement about 2600:3c0f:4:34::5 before its `peer-group` or `remote-as` line: \
          FRR drops it, Holdover takes it"
        ]
    );
    let group = CLEAN.replace(
        " neighbor RS peer-group\n neighbor RS remote-as external\n",
        " neighbor RS remote-as external\n neighbor RS peer-group\n",
    );
    assert_eq!(warnings(&group), ["before-peer-group"]);
}

#[test]
fn placeholders_left_in() {
    assert!(warnings(&TEMPLATE.replace("hostname node1", "hostname [HOSTNAME]")).contains(&"placeholder"));
    let (_, said, fine) = read_all(&TEMPLATE.replace("192.0.2.10", "[SHARED_IP]"), &Platform::LINUX);
    assert!(!fine && said.len() == 1 && said[0].contains("placeholder"), "{said:#?}");
}

#[test]
fn graceful_restart_on() {
    for line in [
        "bgp graceful-restart",
        "bgp graceful-restart preserve-fw-state",
        "bgp graceful-restart stalepath-time 60",
        "neighbor RS graceful-restart",
        "neighbor RS graceful-restart-helper",
        "bgp long-lived-graceful-restart stale-time 60",
    ] {
        assert!(warnings(&with(line)).contains(&"graceful-restart"), "{line}");
    }
    for line in
        ["bgp graceful-restart-disable", "no bgp graceful-restart", "neighbor RS graceful-restart-disable"]
    {
        assert!(!warnings(&with(line)).contains(&"graceful-restart"), "{line}");
    }
}

#[test]
fn a_network_behind_a_failover_block() {
    assert_eq!(
        warnings(&format!("{CLEAN}failover a\n address 192.0.2.10/32\n active route-map primary\n")),
        ["shadowed"]
    );
}

#[test]
fn nothing_announced() {
    assert_eq!(warnings("router bgp 1\n bgp router-id 10.0.0.1\n timers bgp 3 9\n"), ["nothing-announced"]);
}

#[test]
fn a_check_slower_than_its_interval() {
    let text = format!(
        "{CLEAN}failover a\n address 192.0.2.11/32\n active route-map primary\n check c icmp 192.0.2.1 interval 200ms timeout 1s\n"
    );
    assert_eq!(warnings(&text), ["slow-check"]);
}

#[test]
fn every_code_is_a_word_of_its_own() {
    let kinds = [ErrorKind::Unknown, ErrorKind::Trailing, ErrorKind::NoRemoteAs];
    assert!(
        kinds
            .iter()
            .all(|kind| kind.code().chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'))
    );
}

#[test]
fn a_secondary_without_standby_attributes() {
    let text =
        format!("{CLEAN}failover web\n address 192.0.2.11/32\n role secondary\n active route-map primary\n");
    assert_eq!(warnings(&text), ["no-standby"]);
    assert_eq!(warnings(&format!("{text} standby route-map primary\n")), [""; 0]);
    assert_eq!(warnings(&text.replace("secondary", "primary")), [""; 0]);
}

#[test]
fn a_service_that_is_announced_without_a_community_beside_others_that_have_one() {
    let bare = format!("{CLEAN}failover web\n address 192.0.2.11/32\n");
    assert_eq!(warnings(&bare), ["no-active"]);
    assert_eq!(warnings(&format!("{bare} active route-map primary\n")), [""; 0]);
    // Where nobody marks anything, or every neighbor's own route-map does, it is nothing to speak of.
    assert_eq!(warnings(&bare.replace(" set large-community 63949:1:1\n", "")), [""; 0]);
    assert_eq!(warnings(&format!("{bare}router bgp 65000\n neighbor RS route-map primary out\n")), [""; 0]);
}

#[test]
fn a_configuration_without_bgp_is_as_good_as_none() {
    for text in ["", "! erased\n", "hostname x\nip prefix-list A permit any\n"] {
        assert_eq!(warnings(text), ["no-bgp"], "{text}");
    }
}

#[test]
fn a_keepalive_that_is_too_long_says_what_is_used() {
    let (_, said, _) = read_all("router bgp 1\n timers bgp 9 3\n timers bgp 9 12\n", &Platform::ALL);
    assert!(
        said[0].ends_with("1 s is used instead") && said[1].ends_with("4 s is used instead"),
        "{said:#?}"
    );
}

#[test]
fn a_secondary_that_preempts() {
    let text = format!(
        "{CLEAN}failover web\n address 192.0.2.11/32\n role secondary\n active route-map primary\n standby route-map primary\n"
    );
    for line in [" preempt delay 30s", " no preempt"] {
        assert_eq!(warnings(&format!("{text}{line}\n")), ["secondary-preempts"], "{line}");
        assert_eq!(warnings(&format!("{text}{line}\n role primary\n")), [""; 0], "{line}");
    }
    assert_eq!(warnings(&format!("{text} start-delay 5s\n preempt delay 0s\n")), [""; 0]);
}

#[test]
fn route_maps_that_add_up_to_more_than_an_announcement_holds() {
    let set = |what: &str, count: u32, form: &dyn Fn(u32) -> String, behind: &str| {
        let all: Vec<String> = (1..=count).map(form).collect();
        format!(" set {what} {}{behind}\n", all.join(" "))
    };
    let text = |own: &str, out: &str| {
        format!(
            "{CLEAN}router bgp 65000\n neighbor RS route-map out out\nroute-map primary permit 20\n{own}route-map out permit \
             10\n{out}"
        )
    };
    let one = |number: u32| format!("65000:{number}");
    let large = |number: u32| format!("65000:1:{number}");
    let path = |_: u32| String::from("65000");
    let sixteen = set("community", 16, &one, "");
    let rest = |count, behind| set("community", count, &one, behind);
    assert_eq!(warnings(&text(&sixteen, &rest(15, " additive"))), [""; 0]);
    assert_eq!(warnings(&text(&sixteen, &rest(16, " additive"))), ["too-much"]);
    assert_eq!(warnings(&text(&sixteen, &rest(31, ""))), [""; 0]);
    let sixteen = set("large-community", 16, &large, "");
    assert_eq!(warnings(&text(&sixteen, &set("large-community", 16, &large, " additive"))), [""; 0]);
    assert_eq!(warnings(&text(&sixteen, &set("large-community", 17, &large, " additive"))), ["too-much"]);
    let fifteen = set("as-path prepend", 15, &path, "");
    assert_eq!(warnings(&text(&fifteen, &set("as-path prepend", 14, &path, ""))), [""; 0]);
    assert_eq!(warnings(&text(&fifteen, &fifteen)), ["too-much"]);
    let (_, told, _) = read_all(&text(&fifteen, &fifteen), &Platform::ALL);
    assert!(told.is_empty(), "{told:?}");
}
