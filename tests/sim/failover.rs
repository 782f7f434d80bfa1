//! Two machines, one address: who answers through every fault, seen at the router's own table.

use holdover_core::engine::{Command, IoError, Past, ProbeFailure, Record, Verdict, Wish};

use super::lab::{Lab, PRIMARY, Plan, SECONDARY, SHARED, block, node_config, updates, wish};
use super::speaker::usual;
use super::world::{MS, Nature, SECOND, prefix};

const GRACEFUL_SHUTDOWN: u32 = 0xFFFF_0000;
const CHECK: &str = " check web tcp 127.0.0.1:80 interval 100ms timeout 100ms rise 2 fall 3";
const TARGET: &str = "127.0.0.1:80";

#[test]
fn traffic_goes_to_the_primary_and_both_machines_hold_the_address() {
    let mut lab = Lab::up(&Plan { routers: 4, ..Plan::default() });
    assert!(lab.holds(0) && lab.holds(1));
    lab.world.run(SECOND);
    let told = lab.told(0).unwrap();
    assert_eq!((told.large, told.as_path), (vec![PRIMARY], vec![65_000]));
    let told = lab.told(1).unwrap();
    assert_eq!(
        (told.large, told.as_path),
        (vec![SECONDARY], vec![65_000]),
        "a secondary by role does not prepend"
    );
    lab.stays_at(0, 60 * SECOND);
}

#[test]
fn a_killed_daemon_moves_the_traffic_in_the_time_of_a_packet() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    lab.world.end_daemon(lab.nodes[0]);
    lab.expect_at(1, 5 * MS);
    lab.world.run(5 * SECOND);
    lab.world.start_daemon(lab.nodes[0]);
    lab.expect_at(0, 2 * SECOND);
}

#[test]
fn a_machine_without_power_is_given_up_after_the_hold_time() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    lab.world.power_off(lab.nodes[0]);
    lab.expect_at(1, 3_100 * MS);
    lab.world.run(20 * SECOND);
    lab.world.power_on(lab.nodes[0]);
    lab.world.start_daemon(lab.nodes[0]);
    lab.expect_at(0, 2 * SECOND);
}

#[test]
fn a_silent_cut_moves_the_traffic_and_mending_it_moves_it_back() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    lab.world.cut(lab.nodes[0], true);
    lab.expect_at(1, 3_100 * MS);
    lab.world.run(30 * SECOND);
    lab.world.cut(lab.nodes[0], false);
    lab.expect_at(0, 3 * SECOND);
}

#[test]
fn a_link_that_goes_down_ends_the_session_at_once() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.set_link(node, Lab::ETH0, false);
    lab.world.expect("the session's end", 100 * MS, |world| {
        world.hosts[node].records.iter().any(|(_, record)| matches!(record, Record::SessionDown { .. }))
    });
    lab.expect_at(1, 3_100 * MS);
    lab.world.set_link(node, Lab::ETH0, true);
    lab.expect_at(0, 3 * SECOND);
}

#[test]
fn a_frozen_daemon_loses_the_traffic_after_the_hold_time_and_takes_it_back_when_it_thaws() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    lab.world.hosts[lab.nodes[0]].paused = true;
    lab.expect_at(1, 3_100 * MS);
    lab.world.run(30 * SECOND);
    lab.world.hosts[lab.nodes[0]].paused = false;
    lab.expect_at(0, 3 * SECOND);
}

#[test]
fn a_pause_shorter_than_the_hold_time_costs_nothing() {
    let mut lab = Lab::up(&Plan::default());
    for _ in 0..10 {
        lab.world.hosts[lab.nodes[0]].paused = true;
        lab.stays_at(0, 1_900 * MS);
        lab.world.hosts[lab.nodes[0]].paused = false;
        lab.stays_at(0, 3 * SECOND);
    }
}

#[test]
fn a_clean_stop_withdraws_before_it_unbinds_and_loses_nothing() {
    let mut lab = Lab::up(&Plan { routers: 2, ..Plan::default() });
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let id = lab.world.command(node, Command::Stop);
    let start = lab.world.now;
    lab.always_answered(10 * SECOND);
    lab.expect_at(1, MS);
    assert!(!lab.world.hosts[node].running, "the stop was answered");
    assert!(lab.world.hosts[node].answers.contains_key(&id));
    assert!(!lab.holds(0), "what was bound is unbound");
    let unbound = |(at, record): &(u64, Record)| matches!(record, Record::Unbound { .. }).then_some(*at);
    let unbound = lab.world.hosts[node].records.iter().find_map(unbound).unwrap();
    let withdrawn =
        updates(&lab.world, node).iter().rev().find(|(_, update)| !update.withdrawn.is_empty()).unwrap().0;
    assert!(withdrawn - start < 10 * MS, "withdrawn at once");
    assert!((2_000 * MS..2_300 * MS).contains(&(unbound - withdrawn)), "linger: {} us", unbound - withdrawn);
    let farewells =
        lab.world.hosts[node].tap.log.iter().filter(|said| said.message.error() == Some((6, 2))).count();
    assert_eq!(farewells, 2, "Cease, Administrative Shutdown, to each router");
}

#[test]
fn a_stop_is_not_held_up_by_a_peer_that_is_silent() {
    let mut lab = Lab::up(&Plan { routers: 2, ..Plan::default() });
    lab.world.run(SECOND);
    lab.world.cut(lab.routers[1], true);
    let node = lab.nodes[0];
    lab.world.command(node, Command::Stop);
    lab.world.expect("the stop", 5 * SECOND, |world| !world.hosts[node].running);
    assert!(!lab.holds(0));
}

#[test]
fn a_drain_is_announced_as_going_away_then_withdrawn_and_keeps_the_address() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let service = lab.world.hosts[node].engine().service_named("web").unwrap();
    lab.world.command(node, wish(service, Wish::Drain));
    lab.expect_told(0, "GRACEFUL_SHUTDOWN", 10 * MS, |told| {
        told.is_some_and(|told| told.communities.contains(&GRACEFUL_SHUTDOWN) && told.large == [SECONDARY])
    });
    let told = lab.told(0).unwrap();
    assert_eq!(
        told.as_path, [65_000; 3],
        "a node that stands by for another reason than its role prepends twice"
    );
    lab.always_answered(1_900 * MS);
    assert!(lab.told(0).is_some(), "until drain-delay is over");
    lab.expect_told(0, "the withdrawal", 200 * MS, |told| told.is_none());
    lab.always_answered(10 * SECOND);
    assert!(lab.holds(0), "the address stays bound");
    assert_eq!(lab.answering(), Some(1));
    lab.world.command(node, wish(service, Wish::None));
    lab.expect_at(0, 100 * MS);
}

#[test]
fn an_address_of_ours_is_put_back_three_times_in_a_minute_without_moving_traffic_and_then_after_pauses() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let sent = updates(&lab.world, node).len();
    for _ in 0..3 {
        assert!(lab.world.remove_address(node, SHARED));
        lab.world.run(15 * MS);
        assert!(lab.holds(0), "put back");
        lab.stays_at(0, 5 * SECOND);
    }
    assert_eq!(updates(&lab.world, node).len(), sent, "the route stayed");
    lab.world.remove_address(node, SHARED);
    lab.expect_at(1, 30 * MS);
    lab.stays_at(1, 900 * MS);
    lab.expect_at(0, 200 * MS);
    for pause in [2, 4, 8, 16, 32, 60, 60] {
        lab.world.remove_address(node, SHARED);
        lab.expect_at(1, 30 * MS);
        lab.stays_at(1, pause * SECOND - 100 * MS);
        assert!(!lab.holds(0));
        lab.expect_at(0, 200 * MS);
    }
    let paused = |(_, record): &(u64, Record)| matches!(record, Record::PutBackPaused { .. });
    assert_eq!(lab.world.hosts[node].records.iter().filter(|one| paused(one)).count(), 1, "said once");
    // A reload does not wait.
    lab.world.remove_address(node, SHARED);
    lab.expect_at(1, 30 * MS);
    let config = lab.world.hosts[node].config.clone();
    lab.world.reload(node, &config);
    lab.expect_at(0, 100 * MS);
}

#[test]
fn a_slow_put_back_withdraws_the_route_after_twenty_milliseconds() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    lab.world.hosts[lab.nodes[0]].bind_error = Some(IoError::Denied);
    lab.world.remove_address(lab.nodes[0], SHARED);
    lab.expect_at(1, 30 * MS);
    lab.world.hosts[lab.nodes[0]].bind_error = None;
    lab.expect_at(0, 10 * SECOND);
}

#[test]
fn an_adopted_address_is_never_put_back_and_never_removed() {
    let plan = Plan::default();
    let mut lab = Lab::bare(&plan);
    let node = lab.nodes[0];
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    lab.start(&plan);
    lab.expect_at(0, 5 * SECOND);
    assert_eq!(
        lab.world.hosts[node].addresses.iter().filter(|held| held.marked).count(),
        0,
        "adopted, not bound"
    );
    lab.world.remove_address(node, SHARED);
    lab.expect_at(1, 5 * MS);
    lab.stays_at(1, 30 * SECOND);
    assert!(!lab.holds(0));
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    lab.expect_at(0, 5 * MS);
    lab.world.command(node, Command::Stop);
    lab.world.run(10 * SECOND);
    assert!(lab.holds(0) && !lab.world.hosts[node].running);
}

#[test]
fn what_a_netlink_overrun_hid_is_found_when_the_table_is_told_again() {
    let plan = Plan::default();
    let mut lab = Lab::bare(&plan);
    let node = lab.nodes[0];
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    lab.start(&plan);
    lab.expect_at(0, 5 * SECOND);
    for present in [false, true, false] {
        lab.world.hosts[node].paused = true;
        if present {
            lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
        } else {
            lab.world.remove_address(node, SHARED);
        }
        lab.world.run(MS);
        lab.world.overrun(node);
        lab.world.hosts[node].paused = false;
        lab.expect_at(usize::from(!present), 5 * MS);
    }
}

#[test]
fn a_failing_check_moves_the_traffic_and_a_passing_one_moves_it_back() {
    let mut lab = Lab::up(&Plan::primary(CHECK));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, 500 * MS);
    assert!(lab.holds(0), "binding follows ownership, not posture");
    assert!(lab.told(0).is_none(), "on-failure withdraw is the default");
    lab.world.run(10 * SECOND);
    lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Pass));
    lab.expect_at(0, 500 * MS);
}

#[test]
fn a_hanging_check_fails_by_its_timeout() {
    let mut lab = Lab::up(&Plan::primary(CHECK));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], TARGET, None);
    lab.expect_at(1, SECOND);
}

#[test]
fn one_failed_probe_is_damped() {
    let mut lab = Lab::up(&Plan::primary(CHECK));
    for _ in 0..20 {
        lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
        lab.stays_at(0, 110 * MS);
        lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Pass));
        lab.stays_at(0, 500 * MS);
    }
}

#[test]
fn on_failure_standby_never_ties_with_the_secondary() {
    let mut lab = Lab::up(&Plan::primary(&format!("{CHECK}\n on-failure standby")));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
    // The failed primary has the lower router-id: without the prepends it would win.
    lab.expect_at(1, 500 * MS);
    let told = lab.told(0).unwrap();
    assert_eq!((told.large, told.as_path), (vec![SECONDARY], vec![65_000; 3]));
    lab.stays_at(1, 20 * SECOND);
    lab.world.end_daemon(lab.nodes[1]);
    lab.expect_at(0, 100 * MS);
}

#[test]
fn preempt_delay_stands_by_from_healthy_to_active() {
    let mut lab = Lab::started(&Plan::primary(&format!("{CHECK}\n preempt delay 30s")));
    lab.expect_at(1, 5 * SECOND);
    lab.expect_told(0, "the standby attributes", 5 * SECOND, |told| {
        told.is_some_and(|told| told.large == [SECONDARY] && told.as_path == [65_000; 3])
    });
    lab.stays_at(1, 27 * SECOND);
    lab.expect_at(0, 4 * SECOND);
}

#[test]
fn start_delay_announces_nothing_before_it_is_over() {
    let mut lab = Lab::started(&Plan::primary(" start-delay 2s"));
    lab.expect_at(1, 5 * SECOND);
    let started = lab.world.now;
    lab.world.run_until(1_800 * MS, |_| false);
    assert!(lab.told(0).is_none());
    assert!(lab.holds(0), "bound from the start");
    lab.expect_at(0, started + 2_500 * MS - lab.world.now);
}

#[test]
fn no_preempt_stands_by_after_a_failure_until_an_operator_says_so() {
    let mut lab = Lab::up(&Plan::primary(&format!("{CHECK}\n no preempt")));
    lab.world.run(SECOND);
    lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, 500 * MS);
    lab.world.set_health(lab.nodes[0], TARGET, Some(Verdict::Pass));
    lab.stays_at(1, 120 * SECOND);
    let told = lab.told(0).unwrap();
    assert_eq!((told.large, told.as_path), (vec![SECONDARY], vec![65_000; 3]));
    let service = lab.world.hosts[lab.nodes[0]].engine().service_named("web").unwrap();
    lab.world.command(lab.nodes[0], wish(service, Wish::None));
    lab.expect_at(0, 100 * MS);
}

/// A primary with `no preempt` that has been active, and a secondary.
fn no_preempt(lines: &str) -> Lab {
    let mut lab = Lab::up(&Plan::primary(&format!(" no preempt\n{lines}")));
    lab.world.run(SECOND);
    lab
}

#[test]
fn no_preempt_outlives_a_crash_and_a_loss_of_power() {
    for power in [false, true] {
        for told in [Wish::None, Wish::Promote] {
            let mut lab = no_preempt("");
            let node = lab.nodes[0];
            if power {
                lab.world.power_off(node);
            } else {
                lab.world.end_daemon(node);
            }
            lab.expect_at(1, 4 * SECOND);
            if power {
                lab.world.power_on(node);
            }
            // Also a second time, when it was not active before it ended.
            for _ in 0..2 {
                lab.world.start_daemon(node);
                lab.stays_at(1, 60 * SECOND);
                let said = lab.told(0).unwrap();
                assert_eq!((said.large, said.as_path), (vec![SECONDARY], vec![65_000; 3]));
                lab.world.end_daemon(node);
                lab.world.run(SECOND);
            }
            lab.world.start_daemon(node);
            lab.world.run(5 * SECOND);
            let service = lab.world.hosts[node].engine().service_named("web").unwrap();
            lab.world.command(node, wish(service, told));
            lab.expect_at(0, 100 * MS);
        }
    }
}

#[test]
fn no_preempt_lets_a_primary_take_over_again_that_was_stopped_in_good_order() {
    let mut lab = no_preempt("");
    let node = lab.nodes[0];
    lab.world.command(node, Command::Stop);
    lab.expect_at(1, 4 * SECOND);
    lab.world.expect("it has ended", 5 * SECOND, |world| !world.hosts[node].running);
    assert!(lab.world.hosts[node].kept.is_empty());
    lab.world.start_daemon(node);
    lab.expect_at(0, 5 * SECOND);
}

#[test]
fn no_preempt_holds_over_a_stop_in_good_order_of_what_had_given_way() {
    let mut lab = no_preempt(CHECK);
    let node = lab.nodes[0];
    lab.world.set_health(node, TARGET, Some(Verdict::Fail(ProbeFailure::Refused)));
    lab.expect_at(1, 500 * MS);
    lab.world.set_health(node, TARGET, Some(Verdict::Pass));
    lab.world.run(5 * SECOND);
    lab.world.command(node, Command::Stop);
    lab.world.expect("it has ended", 5 * SECOND, |world| !world.hosts[node].running);
    lab.world.start_daemon(node);
    lab.stays_at(1, 60 * SECOND);
}

#[test]
fn what_was_kept_and_cannot_be_read_means_standing_by() {
    let mut lab = no_preempt("");
    let node = lab.nodes[0];
    lab.world.end_daemon(node);
    lab.expect_at(1, 4 * SECOND);
    // Without a name it is said of every service.
    lab.world.hosts[node].kept = [(String::new(), Past::Unknown)].into();
    lab.world.start_daemon(node);
    lab.stays_at(1, 60 * SECOND);
}

#[test]
fn a_way_out_that_does_not_come_to_its_end_is_a_crash() {
    let mut lab = no_preempt("");
    let node = lab.nodes[0];
    lab.world.command(node, Command::Stop);
    lab.expect_at(1, 4 * SECOND);
    lab.world.end_daemon(node);
    lab.world.start_daemon(node);
    lab.stays_at(1, 60 * SECOND);
}

#[test]
fn a_check_of_the_shared_address_counts_only_while_the_address_is_here() {
    let check = " bind none\n check web tcp 192.0.2.10:80 interval 100ms rise 2 fall 3";
    let plan = Plan::primary(check);
    let mut lab = Lab::bare(&plan);
    let node = lab.nodes[0];
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    lab.start(&plan);
    lab.expect_at(0, 5 * SECOND);
    // From now on the check would pass all the same: it reaches the other machine.
    lab.world.remove_address(node, SHARED);
    lab.expect_at(1, 5 * MS);
    lab.stays_at(1, 30 * SECOND);
}

#[test]
fn an_adopted_address_is_told_with_the_length_that_it_has() {
    for (held, length) in [("192.0.2.10/24", 24), ("192.0.2.10/32", 32)] {
        let plan = Plan::default();
        let mut lab = Lab::bare(&plan);
        let node = lab.nodes[0];
        lab.world.add_address(node, Lab::ETH0, held);
        lab.start(&plan);
        lab.expect_at(0, 5 * SECOND);
        let told = lab.world.hosts[node].records.iter().find_map(|(_, record)| match *record {
            Record::Adopted { address, .. } => Some(address.length),
            _ => None,
        });
        assert_eq!(told, Some(length));
    }
}

#[test]
fn an_adopted_address_that_comes_back_is_announced_at_once_although_there_is_a_check() {
    let plan = Plan::primary(CHECK);
    let mut lab = Lab::bare(&plan);
    let node = lab.nodes[0];
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    lab.start(&plan);
    lab.expect_at(0, 5 * SECOND);
    lab.world.remove_address(node, SHARED);
    lab.expect_at(1, 5 * MS);
    lab.world.run(10 * SECOND);
    lab.world.add_address(node, Lab::ETH0, "192.0.2.10/32");
    // The check is of another address, so it has counted all the time.
    lab.expect_at(0, 5 * MS);
}

#[test]
fn the_plain_template_works_as_it_stands() {
    let plan = Plan { routers: 4, ..Plan::default() };
    let mut lab = Lab::bare(&plan);
    for (index, &router) in lab.routers.clone().iter().enumerate() {
        lab.world.boot(router, usual(), &super::lab::router_config(index, false));
    }
    for (index, role) in ["primary", "secondary"].iter().enumerate() {
        let neighbors = "neighbor fd00::20 peer-group RS\nneighbor fd00::21 peer-group RS\n\
                         neighbor fd00::22 peer-group RS\nneighbor fd00::23 peer-group RS\n";
        let text = format!(
            "hostname n{index}\n\nrouter bgp 65000\nno bgp ebgp-requires-policy\ncoalesce-time 1000\n\
             bgp bestpath as-path multipath-relax\nneighbor RS peer-group\nneighbor RS remote-as external\n\
             neighbor RS capability extended-nexthop\n{neighbors}address-family ipv4 unicast\n  \
             network 192.0.2.10/32 route-map {role}\n  redistribute static\nexit-address-family\n\
             route-map primary permit 10\nset large-community 63949:1:1\nroute-map secondary permit 10\n\
             set large-community 63949:1:2\n"
        );
        lab.world.boot(lab.nodes[index], usual(), &text);
    }
    lab.expect_at(0, 2 * SECOND);
    assert!(lab.holds(0) && lab.holds(1));
    lab.world.end_daemon(lab.nodes[0]);
    lab.expect_at(1, 10 * MS);
}

#[test]
fn routers_that_restart_are_told_everything_again() {
    let mut lab = Lab::up(&Plan { routers: 4, ..Plan::default() });
    lab.world.run(SECOND);
    for router in lab.routers.clone() {
        lab.world.end_daemon(router);
    }
    lab.world.run(3 * SECOND);
    for router in lab.routers.clone() {
        lab.world.start_daemon(router);
    }
    lab.expect_at(0, 2 * SECOND);
}

#[test]
fn the_first_batch_waits_for_decisions_but_no_longer_than_the_coalesce_time() {
    // A check that hangs keeps the service undecided for three timeouts.
    let lines = " check web tcp 127.0.0.1:80 interval 1s timeout 1s rise 2 fall 3";
    let bgp = " timers bgp 1 3\n coalesce-time 700\n no bgp network import-check\n address-family ipv4 unicast\n  \
               network 198.51.100.0/24\n exit-address-family\n";
    let plan = Plan { lines: [lines.to_owned(), String::new()], bgp: bgp.to_owned(), ..Plan::default() };
    let mut lab = Lab::bare(&plan);
    let node = lab.nodes[0];
    lab.world.set_health(node, TARGET, None);
    lab.start(&plan);
    for host in lab.nodes {
        lab.world.hosts[host].ledger.lax = true;
    }
    let up = |(at, record): &(u64, Record)| super::ledger::is_established(record).then_some(*at);
    lab.world.expect("the session", 3 * SECOND, |world| {
        world.hosts[node].records.iter().any(|one| up(one).is_some())
    });
    let established = lab.world.hosts[node].records.iter().find_map(up).unwrap();
    lab.world.run(SECOND);
    let (first, update) = updates(&lab.world, node).remove(0);
    assert_eq!(update.announced, [prefix("198.51.100.0/24")]);
    assert!((690 * MS..=720 * MS).contains(&(first - established)), "after {} us", first - established);
}

#[test]
fn the_first_batch_leaves_at_once_when_everything_is_decided() {
    let bgp = " timers bgp 1 3\n coalesce-time 60000\n";
    let mut lab = Lab::started(&Plan { bgp: bgp.to_owned(), ..Plan::default() });
    lab.expect_at(0, 2 * SECOND);
}

#[test]
fn a_leftover_of_a_crash_is_taken_over_when_it_is_wanted() {
    let mut lab = Lab::up(&Plan::default());
    let node = lab.nodes[0];
    lab.world.end_daemon(node);
    assert!(lab.holds(0), "a crash leaves the address behind");
    lab.world.start_daemon(node);
    lab.expect_at(0, 2 * SECOND);
    let adopted = |(_, record): &(u64, Record)| matches!(record, Record::Adopted { .. });
    assert!(!lab.world.hosts[node].records.iter().any(adopted));
    lab.world.command(node, Command::Stop);
    lab.world.run(10 * SECOND);
    assert!(!lab.holds(0), "it is ours again, so it is removed");
}

#[test]
fn a_leftover_of_a_crash_is_removed_when_nobody_wants_it() {
    let mut lab = Lab::up(&Plan::default());
    let node = lab.nodes[0];
    lab.world.end_daemon(node);
    lab.world.hosts[node].config = node_config(0, 1, "", "");
    lab.world.start_daemon(node);
    lab.world.run(5 * SECOND);
    assert!(!lab.holds(0));
    let removed = |(_, record): &(u64, Record)| matches!(record, Record::LeftoverRemoved { .. });
    assert!(lab.world.hosts[node].records.iter().any(removed));
}

#[test]
fn a_bind_that_fails_announces_nothing_and_is_tried_again() {
    let plan = Plan::default();
    let mut lab = Lab::bare(&plan);
    lab.world.hosts[lab.nodes[0]].bind_error = Some(IoError::Exhausted);
    lab.start(&plan);
    lab.expect_at(1, 5 * SECOND);
    lab.world.run(20 * SECOND);
    assert!(lab.told(0).is_none());
    lab.world.hosts[lab.nodes[0]].bind_error = None;
    lab.expect_at(0, 10 * SECOND);
}

#[test]
fn an_interface_that_comes_later_is_waited_for() {
    let plan = Plan::primary(" bind eth1");
    let mut lab = Lab::started(&plan);
    lab.expect_at(1, 5 * SECOND);
    lab.world.run(5 * SECOND);
    assert!(lab.told(0).is_none());
    let spare = lab.world.segment(100);
    let node = lab.nodes[0];
    let link = lab.world.plug(node, spare, &[]);
    lab.world.tell_link(node, link);
    lab.expect_at(0, SECOND);
    assert!(lab.world.hosts[node].addresses.iter().any(|held| held.link == link && held.marked));
    lab.world.set_link(node, link, false);
    lab.expect_at(1, 10 * MS);
    lab.world.set_link(node, link, true);
    lab.expect_at(0, 10 * MS);
}

#[test]
fn flaps_while_a_peer_does_not_read_leave_as_one_difference() {
    let nature = Nature { receive_room: 256, send_room: 256, ..Nature::CALM };
    let mut lab = Lab::up(&Plan { nature, ..Plan::primary(" drain-delay 0s") });
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let service = lab.world.hosts[node].engine().service_named("web").unwrap();
    lab.world.hosts[lab.routers[0]].paused = true;
    let before = updates(&lab.world, node).len();
    for round in 0..101 {
        let command = if round % 2 == 0 { wish(service, Wish::Drain) } else { wish(service, Wish::None) };
        lab.world.command(node, command);
        lab.world.run(10 * MS);
    }
    lab.world.hosts[lab.routers[0]].paused = false;
    lab.expect_at(1, SECOND);
    let sent = updates(&lab.world, node).len() - before;
    assert!(sent < 12, "{sent} UPDATEs for 101 flaps: what a full wire cannot take is owed once");
    assert!(lab.told(0).is_none());
}

#[test]
fn a_reload_on_the_heels_of_the_start_is_taken_over_whole() {
    let plan = Plan::default();
    let mut lab = Lab::started(&plan);
    for node in lab.nodes {
        let config = lab.world.hosts[node].config.clone();
        lab.world.reload(node, &config);
    }
    lab.expect_at(0, 2 * SECOND);
}

#[test]
fn a_reload_on_the_way_out_comes_too_late() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.command(node, Command::Stop);
    for _ in 0..8 {
        let config = lab.world.hosts[node].config.clone();
        lab.world.reload(node, &config);
        lab.world.run(500 * MS);
    }
    assert!(!lab.world.hosts[node].running && !lab.holds(0));
}

#[test]
fn a_reload_keeps_what_checks_have_found() {
    let checks = format!("{CHECK}\n check unit process unit web.service");
    let mut lab = Lab::up(&Plan::primary(&checks));
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let config = lab.world.hosts[node].config.clone();
    for _ in 0..5 {
        lab.world.reload(node, &config);
        lab.stays_at(0, 50 * MS);
    }
    lab.stays_at(0, 5 * SECOND);
    assert_eq!(
        lab.world.hosts[node].probes.values().filter(|probe| probe.watch).count(),
        1,
        "watches are not heaped up"
    );
}

#[test]
fn removing_the_block_withdraws_lingers_and_unbinds() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", ""));
    lab.expect_at(1, 100 * MS);
    assert!(lab.holds(0), "it lingers");
    lab.always_answered(5 * SECOND);
    assert!(!lab.holds(0));
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", &block(0, "")));
    lab.expect_at(0, SECOND);
}
