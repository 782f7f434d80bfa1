//! A mixed pair: an appliance and a Linux host share an address behind four route servers. Each fault of the primary moves
//! a client's traffic to the secondary within the bounds of two Linux hosts, and its repair brings it back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use holdover_tests::harness::appliance::{Appliance, Port, Vehicle};
use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{Holdover, with_service};
use holdover_tests::harness::lab::bounded;
use holdover_tests::harness::peers::{Peer, bird};
use holdover_tests::harness::ping;
use holdover_tests::harness::probe::Probe;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::service::Service;
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, SHARED6, appliance_in_place_of, cut, failover,
    mend, segment4, segment6,
};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;

use super::{PROFILE, gateways, interface};
use crate::world::{COMMUNITY, PREFIX, PREFIX6, ROLE};

/// What happens to the primary, and what of the traffic may be lost by it.
struct Fault {
    name: &'static str,
    begin: fn(&mut Pair<'_>) -> Result<()>,
    end: fn(&mut Pair<'_>) -> Result<()>,
    /// The traffic has moved after this many seconds.
    moves: f64,
    /// So many probes are lost at most, of those that could be answered all along.
    lost: Option<usize>,
}

/// What a pair of Linux hosts is held to when its primary vanishes: BFD's 150 ms, and a machine with other tests under way.
const SILENT: f64 = 1.0;

#[rustfmt::skip] // a table reads by rows
const OF_THE_APPLIANCE: [Fault; 4] = [
    Fault { name: "killed", begin: |p| p.appliance.kill(p.lab), end: |p| p.boot(), moves: SILENT, lost: None },
    Fault { name: "cut off", begin: |p| cut(p.lab, NODES[0]), end: |p| mend(p.lab, NODES[0]), moves: SILENT, lost: None },
    Fault { name: "service stopped", begin: |p| p.appliance.obeys(p.lab, "echo off"), end: |p| p.appliance.obeys(p.lab, "echo on"), moves: 1.0, lost: Some(100) },
    Fault { name: "drained", begin: |p| p.appliance.obeys(p.lab, "drain web"), end: |p| p.appliance.obeys(p.lab, "undrain web"), moves: 5.0, lost: Some(3) },
];

#[rustfmt::skip] // a table reads by rows
const OF_THE_LINUX_HOST: [Fault; 4] = [
    Fault { name: "killed", begin: |p| p.linux.process().signal(Signal::KILL), end: |p| p.start_daemon(), moves: 1.0, lost: Some(50) },
    Fault { name: "cut off", begin: |p| cut(p.lab, NODES[0]), end: |p| mend(p.lab, NODES[0]), moves: SILENT, lost: None },
    Fault { name: "service stopped", begin: |p| p.service.kill(), end: |p| p.start_service(), moves: 1.0, lost: Some(100) },
    Fault { name: "drained", begin: |p| p.linux.command(p.lab, &["drain", "web"]).map(drop), end: |p| p.linux.command(p.lab, &["undrain", "web"]).map(drop), moves: 5.0, lost: Some(3) },
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for vehicle in Vehicle::ALL {
        let within = vehicle.name();
        let name = format!("appliance/mixed_pair_with_the_primary_{within}");
        cases.push(Case::new(name, 150, move |lab| moves(lab, vehicle, 0, &OF_THE_APPLIANCE)));
        let name = format!("appliance/mixed_pair_with_the_secondary_{within}");
        cases.push(Case::new(name, 150, move |lab| moves(lab, vehicle, 1, &OF_THE_LINUX_HOST)));
    }
    cases
}

/// An appliance, a Linux host, four route servers, and a client.
struct Pair<'a> {
    lab: &'a Lab,
    vehicle: Vehicle,
    /// Which node is the appliance; the other one is the Linux host.
    place: usize,
    servers: Vec<bird::Bird>,
    appliance: Appliance,
    linux: Holdover,
    service: Service,
    probe: Probe,
    captures: Vec<Capture>,
}

/// Where the service is.
fn target() -> Result<SocketAddr> {
    Ok(SocketAddr::new(SHARED.parse()?, SERVICE_PORT))
}

impl<'a> Pair<'a> {
    /// Everything started, and the primary answering.
    fn up(lab: &'a Lab, vehicle: Vehicle, place: usize) -> Result<Self> {
        failover(lab, Failover::default())?;
        appliance_in_place_of(lab, NODES[place])?;
        let other = 1 - place;
        let service = Service::start(lab, NODES[other], target()?)?;
        let servers = ROUTE_SERVERS.map(|host| server(lab, host)).into_iter().collect::<Result<_>>()?;
        let captures =
            ["rs1", "rs2"].map(|host| Capture::start(lab, host)).into_iter().collect::<Result<_>>()?;
        let linux = Holdover::start(lab, NODES[other], &linux_config(lab, other))?;
        let appliance = Appliance::start(lab, vehicle, port(place), &appliance_config(place))?;
        let probe = Probe::start(lab, "cl", target()?)?;
        let pair = Self { lab, vehicle, place, servers, appliance, linux, service, probe, captures };
        pair.settled(20.0)?;
        pair.probe.stays_with(lab, NODES[0], 0.5)?;
        Ok(pair)
    }

    fn boot(&mut self) -> Result<()> {
        self.appliance =
            Appliance::start(self.lab, self.vehicle, port(self.place), &appliance_config(self.place))?;
        Ok(())
    }

    fn start_daemon(&mut self) -> Result<()> {
        self.linux.process().wait(self.lab, 5.0)?;
        let host = 1 - self.place;
        self.linux = Holdover::start(self.lab, NODES[host], &linux_config(self.lab, host))?;
        Ok(())
    }

    fn start_service(&mut self) -> Result<()> {
        self.service.process().wait(self.lab, 5.0)?;
        self.service = Service::start(self.lab, NODES[1 - self.place], target()?)?;
        Ok(())
    }

    /// Every route server has both routes, exact, and the primary answers.
    fn settled(&self, seconds: f64) -> Result<()> {
        for (server, host) in self.servers.iter().zip(ROUTE_SERVERS) {
            for (node, name) in NODES.iter().enumerate() {
                let remote = segment6(name);
                self.lab.eventually(&format!("{host} has the route of {name}"), seconds, || {
                    self.appliance.runs()?;
                    self.linux.runs()?;
                    server.established(remote)?;
                    let view = server.bfd(remote)?;
                    ensure!(view.state == "up", "{view:?}");
                    for prefix in [PREFIX, PREFIX6] {
                        let route = server.route(remote, prefix)?;
                        ensure!(route.large == [COMMUNITY[node]] && route.as_path == [65000], "{route:?}");
                        // RFC 8950: the IPv4 route as well has the node's IPv6 address as its next hop.
                        ensure!(route.next_hops.first() == Some(&remote), "{route:?}");
                    }
                    Ok(())
                })?;
            }
        }
        self.probe.answered_by(self.lab, NODES[0], Instant::now(), seconds).map(drop)
    }

    /// A fault, what it costs the client, and the way back.
    fn suffers(&mut self, fault: &Fault) -> Result<()> {
        let (lab, name) = (self.lab, fault.name);
        let at = Instant::now();
        lab.note(&format!("fault: {name}"));
        (fault.begin)(self)?;
        let moved = self.probe.answered_by(lab, NODES[1], at, fault.moves)?;
        last_answers(lab)?;
        self.probe.stays_with(lab, NODES[1], 0.5)?;
        let there = self.probe.report(lab, earlier(at), Instant::now())?;
        let back_at = Instant::now();
        (fault.end)(self)?;
        let back = self.probe.answered_by(lab, NODES[0], back_at, 20.0)?;
        last_answers(lab)?;
        self.settled(20.0)?;
        self.probe.stays_with(lab, NODES[0], 0.5)?;
        let again = self.probe.report(lab, earlier(back_at), Instant::now())?;
        let said = format!(
            "{name}: moved after {} ms, outage {} ms, {} probes lost; back after {} ms, outage {} ms, {} probes lost",
            moved.duration_since(at).as_millis(),
            there.outage.as_millis(),
            there.lost.len(),
            back.duration_since(back_at).as_millis(),
            again.outage.as_millis(),
            again.lost.len(),
        );
        println!("     {}: {said}", lab.case());
        lab.note(&said);
        let most = fault.lost.unwrap_or(usize::MAX);
        ensure!(there.lost.len() <= most, "more than {most} probes were lost: {said}");
        ensure!(again.lost.len() <= 50, "more than 50 probes were lost on the way back: {said}");
        Ok(())
    }

    /// tshark finds nothing wrong in what either node sent to the first two route servers.
    fn end(self) -> Result<()> {
        self.appliance.runs()?;
        self.linux.stop(self.lab, 10.0)?;
        for capture in &self.captures {
            capture.is_clean_from(&NODES.map(segment6))?;
        }
        Ok(())
    }
}

/// What the other host was asked before the traffic moved, it may answer a little after it has, on a busy machine.
pub(super) fn last_answers(lab: &Lab) -> Result<()> {
    lab.steadily("the last answers of the other one come", 0.1, || Ok(()))
}

fn earlier(at: Instant) -> Instant {
    at.checked_sub(Duration::from_millis(100)).unwrap_or(at)
}

fn moves(lab: &Lab, vehicle: Vehicle, place: usize, faults: &[Fault]) -> Result<()> {
    let mut pair = Pair::up(lab, vehicle, place)?;
    if place == 0 {
        // From behind the route server, as well as the datagrams of the probes.
        for address in [SHARED, SHARED6] {
            let at = SocketAddr::new(address.parse()?, SERVICE_PORT);
            lab.eventually("the shared address answers", 5.0, || {
                ping::answers(lab, "cl", at.ip())?;
                ping::echoes(lab, "cl", at, NODES[0])
            })?;
        }
    }
    for fault in faults {
        pair.suffers(fault)?;
    }
    pair.end()
}

/// A route server, on a machine of its own as it were: it must not miss 150 ms because this one is busy.
fn server(lab: &Lab, host: &str) -> Result<bird::Bird> {
    let server = bird::Bird::start(lab, host, &bird::route_server(host).with_bfd(50))?;
    bounded(&["chrt", "--all-tasks", "--fifo", "--pid", "2", &server.process().pid().to_string()])?;
    Ok(server)
}

fn port(place: usize) -> Port<'static> {
    Port { switch: "sw", tap: NODES[place], number: if place == 0 { 1 } else { 2 } }
}

/// The sessions and the service of a node, with this check.
fn config(node: usize, check: &str) -> String {
    let extra = "neighbor RS timers 1 3\nneighbor RS bfd profile fast\n\
                 address-family ipv6 unicast\nneighbor RS activate\nexit-address-family\n";
    let addresses = format!(" address {SHARED}/32\n address {SHARED6}/128");
    let more = format!(
        " standby route-map secondary\n drain-delay 500ms\n linger 1s\n no dampen\n check up process {check}\n"
    );
    PROFILE.to_owned() + &with_service(NODES[node], ROLE[node], extra, &addresses, &more)
}

fn linux_config(lab: &Lab, node: usize) -> String {
    config(node, &format!("pidfile {}", Service::pidfile(lab, NODES[node]).display()))
}

fn appliance_config(node: usize) -> String {
    let name = NODES[node];
    let addresses = [format!("{}/24", segment4(name)), format!("{}/64", segment6(name))];
    interface(addresses) + &gateways([segment4("rs1"), segment6("rs1")]) + &config(node, "unit echo")
}
