//! What a failover block may say beyond one address and one check.

use holdover_core::engine::{Command, ProbeFailure, Record, Verdict, Wish};
use holdover_core::failover::posture::Health;

use super::bytes::Open;
use super::duo::{Duo, THEIR_ID, THEIRS, router};
use super::lab::{Lab, Plan, SHARED, wish};
use super::speaker::{sized, usual};
use super::world::{MS, SECOND, prefix};

#[test]
fn a_process_that_dies_moves_the_traffic_at_once() {
    let mut lab = Lab::up(&Plan::primary(" check web process unit web.service"));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], "unit web.service", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, 5 * MS);
    lab.world.set_health(lab.nodes[0], "unit web.service", Some(Verdict::Pass));
    lab.expect_at(0, 5 * MS);
}

#[test]
fn with_require_any_one_good_check_is_enough() {
    let checks = " check one tcp 127.0.0.1:81 interval 100ms\n check two tcp 127.0.0.1:82 interval 100ms\n require any";
    let mut lab = Lab::up(&Plan::primary(checks));
    let node = lab.nodes[0];
    lab.world.set_health(node, "127.0.0.1:81", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.stays_at(0, 5 * SECOND);
    lab.world.set_health(node, "127.0.0.1:82", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, SECOND);
}

#[test]
fn a_service_that_is_broken_from_the_start_is_never_announced() {
    let plan = Plan::primary(" check web tcp 127.0.0.1:80 interval 100ms");
    let mut lab = Lab::bare(&plan);
    lab.world.set_health(lab.nodes[0], "127.0.0.1:80", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.start(&plan);
    lab.expect_at(1, 3 * SECOND);
    lab.stays_at(1, 30 * SECOND);
    assert!(lab.told(0).is_none());
    assert!(lab.holds(0), "bound before any check runs, so that a service can start on it");
}

#[test]
fn a_probe_that_could_not_be_made_says_nothing_of_the_service() {
    const TARGET: &str = "127.0.0.1:80";
    let mut lab = Lab::up(&Plan::primary(" check web tcp 127.0.0.1:80 interval 10s rise 1 fall 1"));
    let node = lab.nodes[0];
    lab.world.run(SECOND);
    lab.world.set_health(node, TARGET, Some(Verdict::NotRun(ProbeFailure::NotStarted)));
    lab.stays_at(0, 30 * SECOND);
    // It is tried every 100 ms, whatever its interval, so what is true then is soon known.
    lab.world.set_health(node, TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, SECOND / 2);
    lab.world.set_health(node, TARGET, Some(Verdict::NotRun(ProbeFailure::NotStarted)));
    lab.stays_at(1, 30 * SECOND);
    lab.world.set_health(node, TARGET, Some(Verdict::Pass));
    lab.expect_at(0, SECOND / 2);
}

#[test]
fn a_probe_that_could_not_be_made_is_a_failure_where_nothing_was_found_before() {
    let plan = Plan::primary(" check web tcp 127.0.0.1:80 interval 100ms");
    let mut lab = Lab::bare(&plan);
    lab.world.set_health(lab.nodes[0], "127.0.0.1:80", Some(Verdict::NotRun(ProbeFailure::NotStarted)));
    lab.start(&plan);
    lab.expect_at(1, 3 * SECOND);
    lab.world.run(SECOND);
    let check = lab.world.hosts[lab.nodes[0]].engine().check(0).unwrap();
    assert_eq!(check.health, Health::No);
    lab.world.set_health(lab.nodes[0], "127.0.0.1:80", Some(Verdict::Pass));
    lab.expect_at(0, 3 * SECOND);
}

#[test]
fn the_reason_is_told_before_what_follows_from_it() {
    let mut lab = Lab::started(&Plan::primary(" bind none"));
    lab.expect_at(1, 3 * SECOND);
    lab.world.add_address(lab.nodes[0], Lab::ETH0, "192.0.2.10/32");
    lab.expect_at(0, 5 * MS);
    lab.world.remove_address(lab.nodes[0], SHARED);
    lab.expect_at(1, 5 * MS);
    let told: Vec<String> = lab.world.hosts[lab.nodes[0]]
        .records
        .iter()
        .filter(|(_, record)| matches!(record, Record::Posture { .. } | Record::Announced { .. }))
        .map(|(_, record)| record.to_string())
        .collect();
    let [.., active, announced, withdrawn, gone] = &told[..] else { panic!("{told:?}") };
    assert!(active.contains("active because") && announced.ends_with("is announced"), "{told:?}");
    assert!(withdrawn.contains("withdrawn because") && gone.contains("192.0.2.10/32"), "{told:?}");
}

#[test]
fn bind_none_only_watches() {
    let plan = Plan::primary(" bind none");
    let mut lab = Lab::started(&plan);
    lab.expect_at(1, 3 * SECOND);
    assert!(!lab.holds(0));
    lab.world.add_address(lab.nodes[0], Lab::ETH0, "192.0.2.10/32");
    lab.expect_at(0, 5 * MS);
    lab.world.remove_address(lab.nodes[0], SHARED);
    lab.expect_at(1, 5 * MS);
    lab.world.run(10 * SECOND);
    assert!(!lab.holds(0));
}

#[test]
fn unbind_when_withdrawn_unbinds_in_a_drain_and_binds_again_after_it() {
    let mut lab = Lab::up(&Plan::primary(" unbind-when-withdrawn\n linger 100ms\n drain-delay 500ms"));
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let service = lab.world.hosts[node].engine().service_named("web").unwrap();
    lab.world.command(node, wish(service, Wish::Drain));
    lab.always_answered(5 * SECOND);
    assert!(!lab.holds(0));
    lab.world.command(node, wish(service, Wish::None));
    lab.expect_at(0, SECOND);
    assert!(lab.holds(0));
}

#[test]
fn the_evidence_of_one_address_withdraws_only_its_own_route() {
    let config =
        router("failover web\n address 192.0.2.10/32\n address 192.0.2.11/32\n address 192.0.2.12/32\nexit");
    let mut duo = Duo::bare();
    duo.world.add_address(duo.node, Lab::ETH0, "192.0.2.11/32");
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, usual(), &config);
    let mut line = duo.accept();
    duo.world.establish(&mut line, &Open::modern(THEIRS, 9, THEIR_ID));
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    assert_eq!(batch.iter().map(|update| update.announced.len()).sum::<usize>(), 3);
    let node = duo.node;
    duo.world.remove_address(node, "192.0.2.11");
    let update = duo.hear_update(line, SECOND);
    assert_eq!((update.withdrawn, update.announced), (vec![prefix("192.0.2.11/32")], vec![]));
    duo.world.add_address(node, Lab::ETH0, "192.0.2.11/32");
    assert_eq!(duo.hear_update(line, SECOND).announced, [prefix("192.0.2.11/32")]);
}

#[test]
fn graceful_shutdown_of_the_whole_router_marks_every_route() {
    let lines = "neighbor 10.0.0.2 description x\naddress-family ipv4 unicast\n network 192.0.2.10/32\nexit-address-family";
    let mut duo = Duo::dialling(lines);
    let line = duo.session();
    assert!(duo.hear_update(line, 3 * SECOND).attributes.communities.is_empty());
    duo.world.reload(duo.node, &router(&format!("bgp graceful-shutdown\n{lines}")));
    let going = duo.hear_update(line, SECOND).attributes;
    assert_eq!((going.communities, going.as_path), (vec![0xFFFF_0000], vec![65_000; 3]));
    let update = duo.hear_update(line, 2_100 * MS);
    assert_eq!((update.withdrawn, update.announced), (vec![prefix("192.0.2.10/32")], vec![]));
    assert!(duo.world.hosts[duo.node].holds(SHARED), "the address stays bound");
    duo.world.reload(duo.node, &router(lines));
    let back = duo.hear_update(line, SECOND).attributes;
    assert_eq!((back.communities, back.as_path), (vec![], vec![65_000]));
}

#[test]
fn graceful_shutdown_of_the_whole_router_drains_services_too_and_a_start_with_it_announces_nothing() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let before = lab.world.hosts[node].config.clone();
    let shut = before.replace("router bgp 65000\n", "router bgp 65000\n bgp graceful-shutdown\n");
    lab.world.reload(node, &shut);
    lab.expect_told(0, "GRACEFUL_SHUTDOWN", 20 * MS, |told| {
        told.is_some_and(|told| told.communities == [0xFFFF_0000] && told.as_path == [65_000; 3])
    });
    lab.always_answered(1_900 * MS);
    lab.expect_told(0, "the withdrawal", 200 * MS, |told| told.is_none());
    lab.always_answered(SECOND);
    lab.world.end_daemon(node);
    lab.world.start_daemon(node);
    lab.world.never("an announcement", 5 * SECOND, |world| super::lab::told(world, node).is_some());
    assert!(lab.holds(0));
    lab.world.reload(node, &before);
    lab.expect_at(0, 100 * MS);
}

#[test]
fn an_interface_address_is_bound_with_its_subnet_and_never_announced() {
    let config = format!("{}interface eth0\n ip address 198.51.100.7/24\nexit\n", router(""));
    let mut duo = Duo::with(&config);
    let line = duo.session();
    assert!(duo.hear_batch(line, 3 * SECOND).is_empty());
    let held = duo.world.hosts[duo.node].addresses.iter().find(|held| held.marked).unwrap();
    assert_eq!((held.address.to_string(), held.link), ("198.51.100.7/24".to_owned(), Lab::ETH0));
    duo.world.command(duo.node, Command::Stop);
    duo.world.run(10 * SECOND);
    assert!(!duo.world.hosts[duo.node].holds("198.51.100.7"));
}

#[test]
fn every_posture_is_told_with_its_reason() {
    let mut lab = Lab::up(&Plan::primary(" check web process unit web.service"));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], "unit web.service", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.world.run(SECOND);
    let said: Vec<String> = lab.world.hosts[lab.nodes[0]]
        .records
        .iter()
        .filter(|(_, record)| matches!(record, Record::Posture { .. }))
        .map(|(_, record)| record.to_string())
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("active") && said[1].contains("its checks fail"), "{said:?}");
}

#[test]
fn a_check_that_changes_is_told_once_with_its_reason_and_shown_with_its_last_result() {
    let mut lab = Lab::up(&Plan::primary(" check up tcp 127.0.0.1:80 interval 100ms rise 2 fall 3"));
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.set_health(node, "127.0.0.1:80", Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.world.run(5 * SECOND);
    let told: Vec<String> = lab.world.hosts[node]
        .records
        .iter()
        .filter(|(_, record)| matches!(record, Record::Check { .. }))
        .map(|(_, record)| record.to_string())
        .collect();
    assert_eq!(told, ["service 0: check 0: healthy", "service 0: check 0: unhealthy: connection refused"]);
    let check = lab.world.hosts[node].engine().check(0).unwrap();
    assert_eq!((check.service, check.name, check.health), ("web", "up", Health::No));
    assert!(matches!(check.last, Some((Err(ProbeFailure::Refused), took)) if took.as_micros() > 0));
}

#[test]
fn at_most_64_probes_run_at_once_and_every_check_has_its_turn() {
    use std::fmt::Write as _;
    let mut text = String::from("hostname n\nrouter bgp 65000\n bgp router-id 10.0.0.1\n");
    for service in 0..50 {
        write!(text, "failover s{service}\n address 198.51.100.{service}/32\n").unwrap();
        for check in 0..2 {
            let port = 1_000 + service * 2 + check;
            writeln!(text, " check c{check} tcp 127.0.0.1:{port} interval 100ms timeout 900ms").unwrap();
        }
        text.push_str("exit\n");
    }
    let mut duo = Duo::bare();
    // Every probe hangs: as many as may run, run, and those who wait must not starve.
    for port in 1_000..1_100 {
        duo.world.set_health(duo.node, &format!("127.0.0.1:{port}"), None);
    }
    duo.world.boot(duo.node, sized::<1, 50, 64, 64, 8_192>(), &text);
    let (node, mut most) = (duo.node, 0);
    duo.world.never("too many probes", 4 * SECOND, |world| {
        most = most.max(world.hosts[node].probes.len());
        most > 64
    });
    assert_eq!(most, 64);
    let engine = duo.world.hosts[node].engine();
    assert!((0..100).all(|place| engine.check(place).unwrap().last.is_some()), "a check starved");
}

#[test]
fn a_daemon_that_stops_asks_no_checks_any_more() {
    let text = " check up tcp 192.0.2.10:80 interval 100ms\n check unit process unit web.service\n linger 2s";
    let mut lab = Lab::up(&Plan::primary(text));
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let told = |lab: &Lab| {
        let is_check = |(_, record): &&(_, Record)| matches!(record, Record::Check { .. });
        lab.world.hosts[node].records.iter().filter(is_check).count()
    };
    let before = told(&lab);
    assert_eq!(before, 2);
    lab.world.command(node, Command::Stop);
    lab.world.run(SECOND);
    assert!(lab.world.hosts[node].probes.is_empty() && told(&lab) == before);
}
