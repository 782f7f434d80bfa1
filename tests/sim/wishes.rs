//! What operators want: commands that wait, wishes that replace each other, and what each may overrule.

use holdover_core::engine::{Command, CommandResult, ProbeFailure, Verdict, Wish};

use super::lab::{Lab, PRIMARY, Plan, SECONDARY, SHARED, block, node_config, told, wish};
use super::world::{MS, SECOND};

const CHECK: &str = " check web process unit web.service\n";
const UNIT: &str = "unit web.service";

/// The command that says what is wanted of every service, and waits.
const fn wait(wish: Wish) -> Command {
    Command::Wish { service: None, wish, wait: true }
}

fn fail(lab: &mut Lab, node: usize) {
    lab.world.set_health(lab.nodes[node], UNIT, Some(Verdict::Fail(ProbeFailure::Missing)));
}

fn recover(lab: &mut Lab, node: usize) {
    lab.world.set_health(lab.nodes[node], UNIT, Some(Verdict::Pass));
}

#[test]
fn a_drain_that_is_waited_for_is_answered_when_every_peer_has_acknowledged() {
    let mut lab = Lab::up(&Plan { routers: 3, ..Plan::primary(" drain-delay 1s") });
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let id = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(990 * MS);
    assert!(!lab.world.hosts[node].answers.contains_key(&id), "drain-delay runs");
    lab.world.run(30 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&id), Some(&CommandResult::Done));
    assert_eq!(told(&lab.world, node), None);
    // Once more: it is drained, and everybody knows.
    let id = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(10 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&id), Some(&CommandResult::Done));
}

#[test]
fn peers_that_do_not_acknowledge_in_time_are_named() {
    let plan = Plan::primary(" drain-delay 500ms\n drain-timeout 1s");
    let mut lab = Lab::up(&Plan { routers: 3, ..plan });
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.cut(lab.routers[1], true);
    let id = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(1_490 * MS);
    assert!(!lab.world.hosts[node].answers.contains_key(&id));
    lab.world.run(20 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&id), Some(&CommandResult::Unconfirmed { peers: 0b10 }));
    // The question that is out is not asked twice (the ledger looks), and the next command may wait again.
    let second = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(10 * MS);
    assert!(!lab.world.hosts[node].answers.contains_key(&second));
    lab.world.cut(lab.routers[1], false);
    lab.world.run(10 * SECOND);
    assert!(lab.world.hosts[node].answers.contains_key(&second));
    let third = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(10 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&third), Some(&CommandResult::Done));
}

#[test]
fn a_session_that_ends_is_not_waited_for() {
    let mut lab = Lab::up(&Plan { routers: 2, ..Plan::primary(" drain-delay 500ms") });
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.cut(lab.routers[1], true);
    let id = lab.world.command(node, wait(Wish::Drain));
    // Hold time 3 s.
    lab.world.run(4 * SECOND);
    assert_eq!(lab.world.hosts[node].answers.get(&id), Some(&CommandResult::Done));
}

#[test]
fn one_command_waits_at_a_time_and_is_told_when_it_is_overtaken() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let first = lab.world.command(node, wait(Wish::Drain));
    let second = lab.world.command(node, wait(Wish::Drain));
    lab.world.run(10 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&second), Some(&CommandResult::Busy));
    lab.world.command(node, Command::Wish { service: None, wish: Wish::None, wait: false });
    lab.world.run(10 * MS);
    assert_eq!(lab.world.hosts[node].answers.get(&first), Some(&CommandResult::Replaced));
    for (end, result) in [(true, CommandResult::Stopping), (false, CommandResult::NoSuchService)] {
        let service = lab.world.hosts[node].engine().service_named("web");
        let waits = Command::Wish { service, wish: Wish::Drain, wait: true };
        let id = lab.world.command(lab.nodes[usize::from(end)], waits);
        lab.world.run(10 * MS);
        if end {
            lab.world.command(lab.nodes[1], Command::Stop);
        } else {
            lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", ""));
        }
        lab.world.run(10 * MS);
        assert_eq!(lab.world.hosts[lab.nodes[usize::from(end)]].answers.get(&id), Some(&result));
    }
}

#[test]
fn a_command_that_is_told_busy_changes_nothing_and_who_waits_again_undoes_nothing() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let service = lab.world.hosts[node].engine().service_named("web");
    let say = |lab: &mut Lab, command| {
        let id = lab.world.command(node, command);
        lab.world.run(10 * MS);
        (id, lab.world.hosts[node].answers.get(&id).copied())
    };
    // Somebody waits for the drain.
    let (first, answer) = say(&mut lab, wait(Wish::Drain));
    assert_eq!(answer, None);
    // Whatever a second one wants, it is not in force.
    for wish in [Wish::Promote, Wish::Force, Wish::Demote, Wish::None] {
        let (_, answer) = say(&mut lab, wait(wish));
        assert_eq!(answer, Some(CommandResult::Busy), "{wish:?}");
        let (_, answer) = say(&mut lab, Command::Wish { service, wish: Wish::Drain, wait: false });
        assert_eq!(answer, Some(CommandResult::Unchanged), "{wish:?}");
    }
    let (_, answer) = say(&mut lab, Command::Await { service, wish: Wish::Drain });
    assert_eq!(answer, Some(CommandResult::Busy));
    // Somebody else takes the drain back; the one who was told Busy asks again, and his wish stays undone.
    let (_, answer) = say(&mut lab, Command::Wish { service: None, wish: Wish::None, wait: false });
    assert_eq!(answer, Some(CommandResult::Done));
    assert_eq!(lab.world.hosts[node].answers.get(&first), Some(&CommandResult::Replaced));
    let (_, answer) = say(&mut lab, Command::Await { service, wish: Wish::Drain });
    assert_eq!(answer, Some(CommandResult::Replaced));
    lab.stays_at(0, SECOND);
    let (_, answer) = say(&mut lab, Command::Wish { service, wish: Wish::Drain, wait: false });
    assert_eq!(answer, Some(CommandResult::Done));
    // One that is in force is waited for.
    let (waits, answer) = say(&mut lab, Command::Await { service, wish: Wish::Drain });
    assert_eq!(answer, None);
    lab.world.run(6 * SECOND);
    assert_eq!(lab.world.hosts[node].answers.get(&waits), Some(&CommandResult::Done));
}

#[test]
fn demote_stands_by_and_promote_makes_the_other_one_active() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let service = lab.world.hosts[lab.nodes[0]].engine().service_named("web").unwrap();
    lab.world.command(lab.nodes[0], wish(service, Wish::Demote));
    lab.expect_at(1, 10 * MS);
    let said = lab.told(0).unwrap();
    assert_eq!((said.large, said.as_path), (vec![SECONDARY], vec![65_000; 3]));
    lab.world.command(lab.nodes[1], wish(service, Wish::Promote));
    lab.world.run(10 * MS);
    let config = lab.world.hosts[lab.nodes[1]].config.clone();
    lab.world.reload(lab.nodes[1], &config);
    lab.stays_at(1, 5 * SECOND);
    let said = lab.told(1).unwrap();
    assert_eq!((said.large, said.as_path), (vec![PRIMARY], vec![65_000]));
}

#[test]
fn without_standby_attributes_demote_is_refused_and_changes_nothing() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    let plain = block(0, "").replace(" standby route-map secondary\n", "");
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", &plain));
    lab.world.run(10 * MS);
    let id = lab.world.command(node, Command::Wish { service: None, wish: Wish::Demote, wait: false });
    lab.stays_at(0, SECOND);
    assert_eq!(lab.world.hosts[node].answers.get(&id), Some(&CommandResult::NoStandby));
}

#[test]
fn force_overrules_the_checks_but_never_announces_what_is_not_here() {
    let mut lab = Lab::up(&Plan::primary(CHECK));
    lab.world.run(SECOND);
    let service = lab.world.hosts[lab.nodes[0]].engine().service_named("web").unwrap();
    fail(&mut lab, 0);
    lab.expect_at(1, 5 * MS);
    lab.world.command(lab.nodes[0], wish(service, Wish::Promote));
    lab.stays_at(1, SECOND);
    lab.world.command(lab.nodes[0], wish(service, Wish::Force));
    lab.expect_at(0, 5 * MS);
    // Removed too often, it is put back after a pause; force does not change that.
    for _ in 0..4 {
        lab.world.run(30 * MS);
        lab.world.remove_address(lab.nodes[0], SHARED);
    }
    lab.expect_at(1, 50 * MS);
    lab.stays_at(1, 900 * MS);
    lab.expect_at(0, 200 * MS);
}

#[test]
fn a_service_that_flaps_is_held_down_ever_longer_and_comes_back() {
    let mut lab = Lab::up(&Plan::primary(CHECK));
    lab.world.run(SECOND);
    for hold in [3, 6, 12] {
        for _ in 0..3 {
            lab.world.run(100 * MS);
            fail(&mut lab, 0);
            lab.expect_at(1, 5 * MS);
            recover(&mut lab, 0);
        }
        lab.expect_told(0, "standing by", 5 * MS, |told| {
            told.is_some_and(|told| told.large == [SECONDARY] && told.as_path == [65_000; 3])
        });
        lab.stays_at(1, hold * SECOND - 100 * MS);
        lab.expect_at(0, 200 * MS);
    }
}

#[test]
fn a_block_that_is_removed_lingers_as_long_as_it_said() {
    let mut lab = Lab::up(&Plan::primary(" linger 6s"));
    lab.world.run(SECOND);
    let node = lab.nodes[0];
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", ""));
    lab.expect_at(1, 100 * MS);
    lab.world.run(5_800 * MS);
    assert!(lab.holds(0), "the block said 6 s");
    lab.world.run(SECOND);
    assert!(!lab.holds(0));
    // One that is only renamed keeps what it has.
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", &block(0, "")));
    lab.expect_at(0, SECOND);
    let renamed = block(0, "").replace("failover web", "failover www");
    lab.world.reload(node, &node_config(0, 1, " timers bgp 1 3\n", &renamed));
    lab.stays_at(0, 5 * SECOND);
}
