//! BFD: profiles and what a neighbor says of it.

use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::{Small, canonical, read_all};
use crate::config::{BfdProfile, Clause, List, PeerFlags, Platform, Printed, lint};

/// Reads the lines below a `router bgp` with two neighbors; the configuration, and the lines of BFD as they are printed.
fn bgp(lines: &str) -> (Box<Small>, Vec<String>) {
    let text = format!(
        "router bgp 65000\n neighbor RS peer-group\n neighbor RS remote-as external\n neighbor 192.0.2.1 peer-group RS\n\
         {lines}\n"
    );
    let (config, said, fine) = read_all(&text, &Platform::ALL);
    assert!(fine && said.is_empty(), "{said:?}\n{text}");
    let printed = format!("{}", Printed(config.view()));
    let (again, said, fine) = read_all(&printed, &Platform::ALL);
    assert!(fine && canonical(again.view()) == canonical(config.view()), "{said:?}\n{printed}");
    let about = printed.lines().map(str::trim).filter(|line| line.contains(" bfd"));
    let lines = about.map(String::from).collect();
    (config, lines)
}

#[test]
fn a_profile_keeps_its_timers_and_who_begins() {
    let text = "bfd\n profile slow\n profile fast\n  transmit-interval 10\n  receive-interval 20\n  detect-multiplier 5\n  \
                minimum-ttl 250\n  passive-mode\n";
    let (config, said, fine) = read_all(text, &Platform::ALL);
    assert!(fine && said.is_empty(), "{said:?}");
    let profiles: Vec<_> = config
        .view()
        .rules
        .iter()
        .filter(|rule| rule.list == List::BfdProfile)
        .map(|rule| rule.clause)
        .collect();
    let fast = BfdProfile { multiplier: 5, minimum_ttl: 250, passive: true, receive_ms: 20, transmit_ms: 10 };
    assert_eq!(profiles, [Clause::Bfd(fast), Clause::Bfd(BfdProfile::default())]);
    let printed = format!("{}", Printed(config.view()));
    assert_eq!(
        printed,
        "bfd\n profile fast\n  detect-multiplier 5\n  receive-interval 20\n  transmit-interval 10\n  minimum-ttl 250\n  \
         passive-mode\n profile slow\nexit\n"
    );
    let (config, ..) = read_all(&format!("{text}  no passive-mode\n"), &Platform::ALL);
    assert!(!format!("{}", Printed(config.view())).contains("passive"));
}

#[test]
fn a_neighbor_has_bfd_in_each_of_frrs_forms() {
    for (lines, printed) in [
        (" neighbor RS bfd", &["neighbor RS bfd"][..]),
        (" neighbor RS bfd strict", &["neighbor RS bfd strict"]),
        (" neighbor RS bfd 3 50 60", &["neighbor RS bfd 3 50 60"]),
        (
            " neighbor RS bfd 3 50 60\n neighbor 192.0.2.1 bfd 3 50 60",
            &["neighbor RS bfd 3 50 60", "neighbor 192.0.2.1 bfd 3 50 60"],
        ),
        (" neighbor RS bfd 3 50 60\n neighbor RS bfd 4 50 60", &["neighbor RS bfd 4 50 60"]),
        (
            " neighbor RS bfd\n neighbor 192.0.2.1 bfd strict",
            &["neighbor RS bfd", "neighbor 192.0.2.1 bfd strict"],
        ),
        (
            " neighbor RS bfd\n no neighbor 192.0.2.1 bfd",
            &["neighbor RS bfd", "no neighbor 192.0.2.1 bfd", "no neighbor 192.0.2.1 bfd strict"],
        ),
        (" neighbor RS bfd profile M\n no neighbor RS bfd profile M\nbfd\n profile M", &["neighbor RS bfd"]),
    ] {
        assert_eq!(bgp(lines).1, printed, "{lines}");
    }
    let (config, _) =
        bgp(" neighbor RS bfd strict\n neighbor 192.0.2.1 bfd 3 50 60\n no neighbor 192.0.2.1 bfd");
    let view = config.view();
    let options = view.options(&view.neighbors[0]);
    assert!(!options.flags.on(PeerFlags::BFD) && !options.flags.on(PeerFlags::BFD_STRICT));
    assert!(view.rules.is_empty(), "numbers that nobody uses are not kept: {:?}", view.rules);
}

#[test]
fn what_is_wrong_with_bfd_is_told_with_the_way_out() {
    let echo = "Holdover does not do this: the echo function is not there (RFC 5880 section 6.4): asynchronous mode is as \
                fast";
    for (text, expected) in [
        (
            "bfd\n peer 192.0.2.1\n  receive-interval 50\n exit\n profile a\nexit",
            &[
                "error: line 2, column 2: Holdover does not do this: a BFD session belongs to a neighbor; say `neighbor \
               ADDRESS bfd` below `router bgp`, and `bfd profile NAME` there for other timers",
            ][..],
        ),
        (
            "bfd\n profile a\n  echo-mode\n  echo transmit-interval 50\n  no echo-mode",
            &[
                &format!("error: line 3, column 3: {echo}"),
                &format!("error: line 4, column 3: {echo}"),
                "note: line 5, column 3: no effect here: the echo function is not there (RFC 5880 section 6.4): \
                 asynchronous mode is as fast",
            ],
        ),
        (
            "bfd\n profile a\n  transmit-interval 5\n  receive-interval 50ms\n  detect-multiplier 1\n  minimum-ttl 255\n  minimum-ttl 0",
            &[
                "error: line 3, column 21: `5` is out of range: 10 to 60000",
                "error: line 4, column 20: expected a number (10 to 60000), found `50ms`; milliseconds without their unit, as \
                 in FRR",
                "error: line 5, column 21: `1` is out of range: 2 to 255",
                "error: line 6, column 15: `255` is out of range: 1 to 254",
                "error: line 7, column 15: `0` is out of range: 1 to 254",
            ],
        ),
        (
            "bfd\n profile a\n  shutdown\n  no shutdown\n  authentication key x",
            &[
                "error: line 3, column 3: Holdover does not do this: a session is shut down by `no neighbor … bfd` below \
                 `router bgp`",
                "note: line 4, column 3: no effect here: a session is shut down by `no neighbor … bfd` below `router bgp`",
                "error: line 5, column 3: Holdover does not do this: BFD packets are not authenticated (RFC 5880 section \
                 6.7); their TTL is checked",
            ],
        ),
        (
            "router bgp 1\n neighbor 192.0.2.1 remote-as 2\n neighbor 192.0.2.1 bfd profile fsat\nbfd\n profile fast",
            &["error: line 3, column 33: there is no bfd profile `fsat`; did you mean `fast`?"],
        ),
        (
            "router bgp 1\n neighbor 192.0.2.1 remote-as 2\n neighbor 192.0.2.1 bfd profile fast",
            &[
                "error: line 3, column 33: there is no bfd profile `fast`; say `bfd`, and below it `profile NAME`",
            ],
        ),
        (
            "router bgp 1\n neighbor 192.0.2.1 remote-as 2\n neighbor 192.0.2.1 bfd 3 300",
            &["error: line 3, column 30: the line ends too early: expected a number (10 to 60000)"],
        ),
    ] {
        let (_, said, _) = read_all(text, &Platform::ALL);
        assert_eq!(said, expected, "{text}");
    }
}

#[test]
fn tight_timers_and_a_strict_range_are_told() {
    let text = "bfd\n profile fast\n  transmit-interval 10\n  receive-interval 10\n profile fair\n  receive-interval 50\nrouter \
                bgp 1\n neighbor RS peer-group\n neighbor RS remote-as external\n neighbor RS bfd strict\n bgp listen range \
                192.0.2.0/24 peer-group RS";
    let (config, said, fine) = read_all(text, &Platform::ALL);
    assert!(fine && said.is_empty(), "{said:?}");
    let mut told = Vec::new();
    lint(config.view(), &mut |diagnostic| told.push(format!("{}: {diagnostic}", diagnostic.severity)));
    for expected in [
        "note: the bfd profile fast finds a path down after 30 ms: so does a host that is busy for as long, unless Holdover \
         may use real-time scheduling",
        "warning: `bfd strict` has no effect on neighbors from the listen range of RS: before they connect nobody knows \
         them",
    ] {
        assert!(told.iter().any(|said| said == expected), "{told:#?}");
    }
    assert_eq!(told.iter().filter(|said| said.contains("bfd profile")).count(), 1, "{told:#?}");
}
