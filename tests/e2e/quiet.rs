//! What an operator does on purpose costs nobody a packet: each move, again and again, under probes at 1 kHz.
//!
//! `HOLDOVER_ROUNDS=N` repeats each move N times, to look for what is lost seldom.

use std::time::Instant;

use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::NODES;
use holdover_tests::harness::{Lab, Result};

use super::world::{COMMUNITY, PLAIN, ROLE, Setup, World};

/// How often each move is made.
const ROUNDS: usize = 3;
/// The longest that one round may take, in seconds.
const ROUND: u64 = 20;

const STANDBY: &str = " standby route-map secondary\n drain-delay 300ms\n linger 500ms\n";
const NO_STANDBY: &str = " drain-delay 300ms\n linger 500ms\n";

/// The networks in which the moves are made.
const SETUPS: [(&str, Setup); 6] = [
    ("template", PLAIN),
    ("template_adopted", Setup { prebound: Some("lo"), ..PLAIN }),
    ("service", Setup { service: Some(STANDBY), ..PLAIN }),
    ("service_adopted", Setup { service: Some(STANDBY), prebound: Some("lo"), ..PLAIN }),
    ("service_over_ipv6", Setup { service: Some(STANDBY), six: true, ..PLAIN }),
    ("service_without_standby", Setup { service: Some(NO_STANDBY), ..PLAIN }),
];

/// What a move needs of the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// A `failover` block.
    Service,
    /// One with `standby`.
    Standby,
}

impl Needs {
    fn met_by(self, setup: &Setup) -> bool {
        match self {
            Self::Nothing => true,
            Self::Service => setup.service.is_some(),
            Self::Standby => setup.service == Some(STANDBY),
        }
    }
}

/// A move that must not be felt; it is told the number of its round.
struct Move {
    name: &'static str,
    needs: Needs,
    run: fn(&mut World<'_>, usize) -> Result<()>,
}

#[rustfmt::skip] // a table reads by rows
const MOVES: [Move; 6] = [
    Move { name: "drain_and_undrain", needs: Needs::Service, run: drain },
    Move { name: "demote_and_promote", needs: Needs::Standby, run: demote },
    Move { name: "stop_and_start_of_the_primary", needs: Needs::Nothing, run: |world, _| stop_and_start(world, 0) },
    Move { name: "upgrade_of_each_node", needs: Needs::Nothing, run: upgrade },
    Move { name: "reload_with_other_communities", needs: Needs::Nothing, run: communities },
    Move { name: "roles_swapped", needs: Needs::Nothing, run: swap },
];

pub(crate) fn cases() -> Vec<Case> {
    let rounds = std::env::var("HOLDOVER_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    let mut cases = Vec::new();
    for (setup_name, setup) in &SETUPS {
        for motion in MOVES.iter().filter(|motion| motion.needs.met_by(setup)) {
            let name = format!("quiet/{}_with_{setup_name}_loses_no_probe", motion.name);
            let seconds = 60 + ROUND * u64::try_from(rounds).unwrap_or(0);
            cases.push(Case::new(name, seconds, move |lab| quiet(lab, setup, motion, rounds)));
        }
    }
    cases
}

fn quiet(lab: &Lab, setup: &Setup, motion: &Move, rounds: usize) -> Result<()> {
    let mut world = World::up(lab, *setup)?;
    let at = Instant::now();
    for round in 0..rounds {
        lab.note(&format!("round {round}"));
        (motion.run)(&mut world, round)?;
    }
    world.lost_at_most(at, 0)?;
    world.end()
}

fn drain(world: &mut World<'_>, _: usize) -> Result<()> {
    let at = Instant::now();
    world.nodes[0].command(world.lab, &["drain", "web"])?;
    world.probe.answered_by(world.lab, "n2", at, 5.0)?;
    world.withdrawn(0, 5.0)?;
    let at = Instant::now();
    world.nodes[0].command(world.lab, &["undrain", "web"])?;
    world.probe.answered_by(world.lab, "n1", at, 5.0)?;
    world.settled(5.0)
}

/// The secondary is promoted beside the primary before that one is demoted, and both are given back.
fn demote(world: &mut World<'_>, _: usize) -> Result<()> {
    let lab = world.lab;
    let at = Instant::now();
    world.nodes[1].command(lab, &["promote", "web"])?;
    world.nodes[0].command(lab, &["demote", "web"])?;
    world.probe.answered_by(lab, "n2", at, 5.0)?;
    let at = Instant::now();
    world.nodes[0].command(lab, &["undrain", "web"])?;
    world.nodes[1].command(lab, &["undrain", "web"])?;
    world.probe.answered_by(lab, "n1", at, 5.0)?;
    world.settled(5.0)
}

fn stop_and_start(world: &mut World<'_>, node: usize) -> Result<()> {
    let at = Instant::now();
    world.nodes[node].stop(world.lab, 10.0)?;
    world.withdrawn(node, 1.0)?;
    world.probe.answered_by(world.lab, NODES[1 - node], at, 1.0)?;
    world.restart(node)?;
    world.settled(10.0)
}

/// As a package's upgrade does it: the new daemon starts as soon as the old one has ended.
fn upgrade(world: &mut World<'_>, _: usize) -> Result<()> {
    for node in [1, 0] {
        world.nodes[node].stop(world.lab, 10.0)?;
        world.restart(node)?;
        world.settled(10.0)?;
    }
    Ok(())
}

fn communities(world: &mut World<'_>, round: usize) -> Result<()> {
    // Another number of the provider's, which does not change the role.
    let more = if round.is_multiple_of(2) { " 63949:7:7" } else { "" };
    for node in [0, 1] {
        let role = COMMUNITY[node];
        let plain = world.setup.config(node);
        world.nodes[node].reload(world.lab, &plain.replace(role, &format!("{role}{more}")))?;
    }
    for node in [0, 1] {
        let large: Vec<&str> = [COMMUNITY[node]].into_iter().chain(more.split_whitespace()).collect();
        world.announced_with(node, &large, 5.0)?;
    }
    Ok(())
}

/// Both nodes are reloaded, the one that steps down first in every other round.
fn swap(world: &mut World<'_>, round: usize) -> Result<()> {
    let swapped = round.is_multiple_of(2);
    for node in if round % 4 < 2 { [0, 1] } else { [1, 0] } {
        let role = ROLE[if swapped { 1 - node } else { node }];
        world.nodes[node].reload(world.lab, &world.setup.config_as(node, role))?;
    }
    for node in [0, 1] {
        world.announced_with(node, &[COMMUNITY[if swapped { 1 - node } else { node }]], 5.0)?;
    }
    let primary = NODES[usize::from(swapped)];
    world.probe.answered_by(world.lab, primary, Instant::now(), 2.0).map(drop)
}
