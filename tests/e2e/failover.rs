//! The pasted template against real route servers, and every fault with the move seen in a client's traffic.

use std::time::Instant;

use holdover_tests::harness::peers::Kind;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{NODES, ROUTE_SERVERS, cut, mend, segment4, segment6};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;

use super::addresses::{absent, present};
use super::world::{PLAIN, PREFIX, Setup, World, start_server};

/// A fault of the primary that must move the traffic to the secondary, and back once it is repaired.
struct Fault {
    name: &'static str,
    setup: Setup,
    /// What happens to the primary.
    inject: fn(&mut World<'_>) -> Result<()>,
    /// The traffic has moved after this many seconds.
    moves: f64,
    /// At most so many probes are lost, where the machine lives on.
    lost: Option<usize>,
    /// What undoes it.
    repair: fn(&mut World<'_>) -> Result<()>,
}

const TUNED: Setup = Setup { extra: "neighbor RS timers 1 3\n", ..PLAIN };
const ADOPTED: Setup = Setup { prebound: Some("lo"), ..PLAIN };
const ADOPTED_ON_ETH0: Setup = Setup { prebound: Some("eth0"), ..PLAIN };

/// Hold time of a plain template, with what detection may add to it.
const HOLD: f64 = 9.0 + 3.0;

#[rustfmt::skip] // a table reads by rows
const FAULTS: [Fault; 11] = [
    Fault { name: "sigterm", setup: PLAIN, inject: stop, moves: 1.0, lost: Some(3), repair: start },
    Fault { name: "sigterm_with_frr_route_servers", setup: Setup { servers: Kind::Frr, ..PLAIN }, inject: stop, moves: 5.0, lost: Some(3), repair: start },
    Fault { name: "sigterm_with_an_adopted_address", setup: ADOPTED, inject: stop, moves: 1.0, lost: Some(3), repair: start },
    Fault { name: "sigkill", setup: PLAIN, inject: |w| signal(w, Signal::KILL), moves: 1.0, lost: Some(50), repair: start },
    Fault { name: "sigstop", setup: PLAIN, inject: |w| signal(w, Signal::STOP), moves: HOLD, lost: Some(50), repair: |w| signal(w, Signal::CONT) },
    Fault { name: "silent_loss", setup: PLAIN, inject: |w| cut(w.lab, "n1"), moves: HOLD, lost: None, repair: |w| mend(w.lab, "n1") },
    Fault { name: "silent_loss_with_hold_time_3", setup: TUNED, inject: |w| cut(w.lab, "n1"), moves: 5.0, lost: None, repair: |w| mend(w.lab, "n1") },
    Fault { name: "packets_dropped_by_nft", setup: TUNED, inject: drop_packets, moves: 5.0, lost: None, repair: pass_packets },
    Fault { name: "link_down", setup: PLAIN, inject: |w| w.lab.ip("sw", "link set n1 down"), moves: HOLD, lost: None, repair: |w| w.lab.ip("sw", "link set n1 up") },
    Fault { name: "adopted_address_removed", setup: ADOPTED, inject: remove_address, moves: 1.0, lost: Some(100), repair: add_address },
    Fault { name: "ifdown", setup: ADOPTED_ON_ETH0, inject: ifdown, moves: HOLD, lost: None, repair: ifup },
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::Bird, Kind::Frr] {
        let name = format!("template/works_as_pasted_with_four_{}_route_servers", kind.name());
        cases.push(Case::new(name, 60, move |lab| pasted(lab, kind)));
    }
    for fault in &FAULTS {
        let name = format!("fault/{}_moves_the_traffic_and_back", fault.name);
        cases.push(Case::new(name, 90, move |lab| moves(lab, fault)));
    }
    cases.push(Case::new("fault/one_route_server_restarts_and_nothing_is_lost", 60, one_server_restarts));
    cases.push(Case::new(
        "fault/all_route_servers_restart_and_the_primary_answers_again",
        60,
        all_servers_restart,
    ));
    cases.push(Case::new("fault/a_bound_address_removed_by_hand_is_put_back", 60, put_back));
    cases
}

fn pasted(lab: &Lab, servers: Kind) -> Result<()> {
    let world = World::up(lab, Setup { servers, ..PLAIN })?;
    world.kernel_sends_to(0, 5.0)?;
    for (node, name) in NODES.iter().enumerate() {
        present(lab, name, "lo", PREFIX)?;
        let neighbors = world.nodes[node].show(lab, "neighbors")?;
        let list = neighbors["neighbors"].as_array().map_or(0, Vec::len);
        ensure!(list == ROUTE_SERVERS.len(), "{neighbors}");
        let up = neighbors.to_string().matches("\"Established\"").count();
        ensure!(up == ROUTE_SERVERS.len(), "our own view: {neighbors}");
    }
    world.probe.stays_with(lab, "n1", 1.0)?;
    // They are on a connected subnet.
    world.sent_with_hop_limit(0, 1)?;
    world.end()?;
    for node in NODES {
        absent(lab, node, PREFIX)?;
    }
    Ok(())
}

fn moves(lab: &Lab, fault: &Fault) -> Result<()> {
    let mut world = World::up(lab, fault.setup)?;
    let at = Instant::now();
    lab.note(&format!("fault: {}", fault.name));
    (fault.inject)(&mut world)?;
    let moved = world.probe.answered_by(lab, "n2", at, fault.moves)?;
    lab.note(&format!("the traffic moved {} ms after the fault", moved.duration_since(at).as_millis()));
    world.kernel_sends_to(1, 2.0)?;
    world.probe.stays_with(lab, "n2", 1.0)?;
    if let Some(most) = fault.lost {
        world.lost_at_most(at, most)?;
    }
    let at = Instant::now();
    lab.note("repair");
    (fault.repair)(&mut world)?;
    world.probe.answered_by(lab, "n1", at, 20.0)?;
    world.settled(20.0)?;
    world.probe.stays_with(lab, "n1", 0.5)?;
    world.lost_at_most(at, 50)?;
    world.end()
}

fn stop(world: &mut World<'_>) -> Result<()> {
    world.nodes[0].process().signal(Signal::TERM)
}

fn start(world: &mut World<'_>) -> Result<()> {
    world.nodes[0].process().wait(world.lab, 10.0)?;
    world.restart(0)
}

fn signal(world: &mut World<'_>, signal: Signal) -> Result<()> {
    world.nodes[0].process().signal(signal)
}

fn drop_packets(world: &mut World<'_>) -> Result<()> {
    let rules = "add table inet cut; add chain inet cut in { type filter hook input priority -300; }; \
                 add chain inet cut out { type filter hook output priority -300; }; \
                 add rule inet cut in iifname eth0 drop; add rule inet cut out oifname eth0 drop";
    world.lab.run("n1", &["nft", rules]).map(drop)
}

fn pass_packets(world: &mut World<'_>) -> Result<()> {
    world.lab.run("n1", &["nft", "delete table inet cut"]).map(drop)
}

fn remove_address(world: &mut World<'_>) -> Result<()> {
    world.lab.ip("n1", &format!("addr del {PREFIX} dev lo"))
}

fn add_address(world: &mut World<'_>) -> Result<()> {
    world.lab.ip("n1", &format!("addr add {PREFIX} dev lo"))
}

/// What `ifdown eth0` does where the address is an `up ip addr add` line.
fn ifdown(world: &mut World<'_>) -> Result<()> {
    world.lab.ip("n1", &format!("addr del {PREFIX} dev eth0\naddr flush dev eth0\nlink set eth0 down"))
}

/// What `ifup eth0` does.
fn ifup(world: &mut World<'_>) -> Result<()> {
    let (four, six) = (segment4("n1"), segment6("n1"));
    let (gateway, gateway6) = (segment4("rs1"), segment6("rs1"));
    world.lab.ip(
        "n1",
        &format!(
            "link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad\n\
             route add default via {gateway}\nroute add ::/0 via {gateway6}\naddr add {PREFIX} dev eth0 label eth0"
        ),
    )
}

fn one_server_restarts(lab: &Lab) -> Result<()> {
    let mut world = World::up(lab, PLAIN)?;
    let node = segment6("n1");
    let others: Vec<String> =
        [0, 2, 3].map(|i| world.servers[i].incarnation(node)).into_iter().collect::<Result<_>>()?;
    let at = Instant::now();
    world.servers[1].process().signal(Signal::TERM)?;
    world.servers[1].process().wait(lab, 10.0)?;
    world.servers[1] = start_server(lab, Kind::Bird, "rs2")?;
    world.announced(0, 10.0)?;
    world.announced(1, 10.0)?;
    let after: Vec<String> =
        [0, 2, 3].map(|i| world.servers[i].incarnation(node)).into_iter().collect::<Result<_>>()?;
    ensure!(others == after, "other sessions changed: {others:?} {after:?}");
    world.probe.stays_with(lab, "n1", 0.5)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

fn all_servers_restart(lab: &Lab) -> Result<()> {
    let mut world = World::up(lab, PLAIN)?;
    for server in &world.servers {
        server.process().signal(Signal::TERM)?;
    }
    for server in &world.servers {
        server.process().wait(lab, 10.0)?;
    }
    let started = Instant::now();
    world.servers =
        ROUTE_SERVERS.iter().map(|host| start_server(lab, Kind::Bird, host)).collect::<Result<_>>()?;
    // Refused connections are tried again every second at least.
    world.probe.answered_by(lab, "n1", started, 6.0)?;
    world.settled(10.0)?;
    world.probe.stays_with(lab, "n1", 0.5)?;
    world.end()
}

fn put_back(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    let at = Instant::now();
    remove_address_of(&world)?;
    lab.eventually("the address is put back", 2.0, || present(lab, "n1", "lo", PREFIX))?;
    world.announced(0, 2.0)?;
    world.probe.stays_with(lab, "n1", 0.5)?;
    world.lost_at_most(at, 100)?;
    world.end()?;
    absent(lab, "n1", PREFIX)
}

fn remove_address_of(world: &World<'_>) -> Result<()> {
    world.lab.ip("n1", &format!("addr del {PREFIX} dev lo"))
}
