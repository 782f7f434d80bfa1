//! What an RFC forbids and a configuration could ask for, and what it could be mistaken for.

use holdover_core::config::{Config, Platform, parse};

/// Whether a configuration with this line is refused.
fn is_refused(line: &str) -> bool {
    let text = format!("router bgp 65000\n neighbor 192.0.2.1 remote-as 65001\n{line}\n");
    let mut config = Config::<4, 8>::new();
    parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_err()
}

#[test]
fn rfc7607_2_as_zero_cannot_be_configured() {
    for (zero, one) in [
        ("router bgp 0", "router bgp 65000"),
        (" neighbor 192.0.2.2 remote-as 0", " neighbor 192.0.2.2 remote-as 1"),
        ("route-map m permit 10\n set as-path prepend 0", "route-map m permit 10\n set as-path prepend 1"),
    ] {
        assert!(is_refused(zero), "{zero}");
        assert!(!is_refused(one), "{one}");
    }
}

#[test]
fn rfc4271_4_2_a_hold_time_of_one_or_two_seconds_cannot_be_configured() {
    for hold in [1, 2] {
        assert!(is_refused(&format!(" timers bgp 1 {hold}")));
        assert!(is_refused(&format!(" neighbor 192.0.2.1 timers 1 {hold}")));
    }
    assert!(!is_refused(" timers bgp 1 3"));
    assert!(!is_refused(" timers bgp 0 0"));
}

#[test]
fn rfc6286_2_1_an_identifier_of_zero_cannot_be_configured() {
    assert!(is_refused(" bgp router-id 0.0.0.0"));
    assert!(!is_refused(" bgp router-id 0.0.0.1"));
}

#[test]
fn a_faulty_line_is_never_taken_for_an_abbreviation_of_another() {
    for line in ["router bgp 0", "router bgp 65000x", "router", "interface", "failover"] {
        assert!(is_refused(line), "{line}");
    }
    assert!(!is_refused("rout bgp 65000"), "an abbreviation is still one");
}
