//! What operators are told is so at the moment at which it is told.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::record::EndCause;
use holdover_core::engine::view::Hint;
use holdover_core::engine::{Command, IoError, Record};

use super::lab::{Lab, Plan, block, node_config, router_config};
use super::speaker::usual;
use super::world::{MS, SECOND};

fn announced(lab: &Lab, node: usize) -> Vec<bool> {
    let records = lab.world.hosts[lab.nodes[node]].records.iter();
    let of = |(_, record): &(u64, Record)| match record {
        Record::Announced { announced, .. } => Some(*announced),
        _ => None,
    };
    records.filter_map(of).collect()
}

fn without_sessions(lab: &Lab, node: usize) -> Vec<(u64, Option<EndCause>)> {
    let records = lab.world.hosts[lab.nodes[node]].records.iter();
    let of = |(at, record): &(u64, Record)| match record {
        Record::NoSession { why, .. } => Some((*at, *why)),
        _ => None,
    };
    records.filter_map(of).collect()
}

fn peer(lab: &Lab, node: usize) -> holdover_core::engine::view::PeerView<'_> {
    lab.world.hosts[lab.nodes[node]].engine().peer(0).unwrap()
}

/// The nodes without their router.
fn alone(bgp: &str) -> Lab {
    let plan = Plan::default();
    let mut lab = Lab::bare(&plan);
    let text = node_config(0, 1, &format!("{}{bgp}", plan.bgp), &block(0, ""));
    lab.world.boot(lab.nodes[0], usual(), &text);
    lab
}

fn start_router(lab: &mut Lab) {
    lab.world.boot(lab.routers[0], usual(), &router_config(0, false));
}

#[test]
fn a_route_is_announced_when_a_neighbor_was_told_it_and_not_before() {
    let mut lab = alone("");
    lab.world.run(5 * SECOND);
    let summary = |lab: &Lab| {
        let summary = lab.world.hosts[lab.nodes[0]].engine().summary();
        (summary.announced, summary.routes)
    };
    assert_eq!((announced(&lab, 0), summary(&lab)), (vec![], (0, 1)));
    start_router(&mut lab);
    lab.world.run(5 * SECOND);
    assert_eq!((announced(&lab, 0), summary(&lab)), (vec![true], (1, 1)));
    lab.world.end_daemon(lab.routers[0]);
    lab.world.run(SECOND);
    assert_eq!(summary(&lab), (0, 1), "nobody has it any more");
    lab.world.start_daemon(lab.routers[0]);
    lab.world.run(5 * SECOND);
    lab.world.command(lab.nodes[0], Command::Stop);
    lab.world.run(10 * SECOND);
    assert_eq!(announced(&lab, 0), [true, true, false]);
}

#[test]
fn a_session_that_never_comes_up_is_told_once_after_ten_seconds_with_the_reason() {
    let mut lab = alone("");
    lab.world.run(60 * SECOND);
    let told = without_sessions(&lab, 0);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!((9 * SECOND..12 * SECOND).contains(&told[0].0), "{told:?}");
    assert_eq!(told[0].1, Some(EndCause::Connection(IoError::Refused)));
    let view = peer(&lab, 0);
    assert_eq!(view.hint, Hint::Refused);
    assert!(
        view.since.as_micros() < 2 * SECOND,
        "since when it is down does not begin anew: {:?}",
        view.since
    );
    start_router(&mut lab);
    lab.world.run(5 * SECOND);
    assert!(peer(&lab, 0).since.as_micros() > 60 * SECOND);
    lab.world.end_daemon(lab.routers[0]);
    lab.world.run(60 * SECOND);
    assert_eq!(without_sessions(&lab, 0).len(), 2, "it is told of each loss");
}

#[test]
fn a_session_in_time_is_not_told_to_be_missing() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(60 * SECOND);
    for _ in 0..3 {
        lab.world.end_daemon(lab.routers[0]);
        lab.world.run(5 * SECOND);
        lab.world.start_daemon(lab.routers[0]);
        lab.world.run(60 * SECOND);
    }
    assert_eq!(without_sessions(&lab, 0), []);
}

#[test]
fn why_the_session_ended_outlives_the_attempts_after_it() {
    let mut lab = Lab::up(&Plan::default());
    lab.world.run(60 * SECOND);
    lab.world.end_daemon(lab.routers[0]);
    lab.world.run(5 * SECOND);
    let view = peer(&lab, 0);
    assert!(
        matches!(view.session_end, Some(EndCause::Connection(IoError::None | IoError::Reset))),
        "{view:?}"
    );
    assert_eq!(view.last_end, Some(EndCause::Connection(IoError::Refused)));
    lab.world.start_daemon(lab.routers[0]);
    lab.world.run(60 * SECOND);
    lab.world.command(lab.routers[0], Command::Stop);
    lab.world.run(30 * SECOND);
    assert_eq!(peer(&lab, 0).session_end, Some(EndCause::NotificationReceived(6, 2)));
}

#[test]
fn a_neighbor_that_is_shut_down_is_idle_and_nothing_is_missing() {
    let mut lab = alone(" neighbor RS shutdown\n");
    lab.world.run(30 * SECOND);
    assert_eq!((peer(&lab, 0).state, peer(&lab, 0).hint), (State::Idle, Hint::Shutdown));
    assert_eq!(without_sessions(&lab, 0), []);
    start_router(&mut lab);
    lab.world.run(MS);
    assert_eq!(peer(&lab, 0).state, State::Idle);
}
