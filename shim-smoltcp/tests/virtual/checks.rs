//! Health checks on a board.

use holdover_core::engine::ProbeFailure;
use holdover_core::failover::posture::Health;

use crate::lab::{Lab, MS, SECOND, text};

fn service(checks: &str) -> String {
    format!("exit\nfailover web\n address 192.0.2.10/32\n{checks}")
}

/// What a check says now, and the last failure.
fn check(lab: &Lab, name: &str) -> (Health, Option<ProbeFailure>) {
    let checks = (0..64).filter_map(|place| lab.nodes[0].engine.check(place));
    let view = checks.into_iter().find(|check| check.name == name).expect("such a check");
    (view.health, view.last.and_then(|(found, _)| found.err()))
}

#[test]
fn checks_of_another_host_follow_it() {
    let mut lab = Lab::new(1);
    let options = "interval 200ms timeout 100ms rise 1 fall 2\n";
    let lines = format!(
        " check bgp tcp 10.0.0.2:179 {options} check closed tcp 10.0.0.2:81 {options} check ping icmp 10.0.0.2 {options} \
         check ping6 icmp fd00::2 {options} check nobody icmp 10.0.0.77 {options} check nowhere icmp 172.16.0.1 {options}"
    );
    lab.boot("a", 1, &text(1, &service(&lines)));
    lab.boot("b", 2, &text(2, " neighbor 10.0.0.1 remote-as external\n neighbor 10.0.0.1 passive"));
    lab.run(10 * SECOND);
    for name in ["bgp", "ping", "ping6"] {
        assert_eq!(check(&lab, name), (Health::Yes, None), "{name}");
    }
    assert_eq!(check(&lab, "closed"), (Health::No, Some(ProbeFailure::Refused)));
    assert_eq!(check(&lab, "nowhere"), (Health::No, Some(ProbeFailure::Unreachable)));
    let (health, why) = check(&lab, "nobody");
    assert!(
        health == Health::No && matches!(why, Some(ProbeFailure::Unreachable | ProbeFailure::TimedOut)),
        "{why:?}"
    );
    lab.cut(1);
    lab.run(2 * SECOND);
    for name in ["bgp", "ping", "ping6"] {
        assert_eq!(check(&lab, name).0, Health::No, "{name}");
    }
    lab.mend(1);
    lab.run(10 * SECOND);
    for name in ["bgp", "ping", "ping6"] {
        assert_eq!(check(&lab, name), (Health::Yes, None), "{name}");
    }
}

#[test]
fn checks_of_this_host_never_leave_it() {
    let mut lab = Lab::new(1);
    let options = "interval 200ms timeout 100ms rise 1 fall 1\n";
    let lines = format!(
        " check own icmp 192.0.2.10 {options} check local icmp 127.0.0.1 {options} check here tcp 192.0.2.10:179 {options} \
         check gone tcp 192.0.2.10:80 {options}"
    );
    lab.taped = true;
    let bgp = " neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 passive\n";
    lab.boot("a", 1, &text(1, &format!("{bgp}{}", service(&lines))));
    lab.run(2 * SECOND);
    for name in ["own", "local", "here"] {
        assert_eq!(check(&lab, name), (Health::Yes, None), "{name}");
    }
    assert_eq!(check(&lab, "gone"), (Health::No, Some(ProbeFailure::Refused)));
    let left =
        lab.tape.iter().filter(|(_, _, frame)| frame[12..14] == [8, 0] && frame[30..34] == [192, 0, 2, 10]);
    assert_eq!(left.count(), 0);
}

#[test]
fn a_part_of_the_application_is_watched_by_its_name() {
    let mut lab = Lab::new(1);
    lab.boot(
        "a",
        1,
        &text(1, &service(" check echo process unit echo\n check file process pidfile /run/x.pid\n")),
    );
    lab.run(SECOND);
    assert_eq!(check(&lab, "echo").0, Health::No, "it was never said to run");
    assert_eq!(check(&lab, "file"), (Health::No, Some(ProbeFailure::Unsupported)));
    for (runs, health) in [(true, Health::Yes), (false, Health::No), (true, Health::Yes)] {
        assert!(lab.nodes[0].shim.set_unit("echo", runs));
        // The application turns at once after it.
        lab.plug(0, true);
        lab.run(5 * MS);
        assert_eq!(check(&lab, "echo").0, health);
    }
    assert!(
        !lab.nodes[0].shim.set_unit(&"x".repeat(40), true),
        "a name that cannot be kept is not kept silently"
    );
}
