//! The appliance as the router: it hears two Linux hosts announce the same addresses, prefers the primary's community, and
//! forwards a client's packets to it, between two networks on one wire. No other route server is there.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use holdover_tests::harness::appliance::{Appliance, Port, Vehicle};
use holdover_tests::harness::holdover::{Holdover, with_service};
use holdover_tests::harness::probe::{Probe, serve};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{
    NODES, ROUTE_SERVERS, ROUTER, SERVICE_PORT, SHARED, SHARED6, cut, mend, routed_by_an_appliance, segment6,
};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;

use super::pair::last_answers;
use super::{PROFILE, interface};
use crate::world::ROLE;

pub(super) fn cases() -> Vec<Case> {
    let case = |vehicle: Vehicle| {
        let name = format!("appliance/router_that_steers_between_two_hosts_{}", vehicle.name());
        Case::new(name, 120, move |lab| steers(lab, vehicle))
    };
    Vehicle::ALL.map(case).into()
}

/// The appliance's configuration: two neighbors that dial, what it takes from them, and what it prefers.
fn router() -> String {
    let mut text = PROFILE.to_owned()
        + &interface(ROUTER)
        + "hostname rs1\nrouter bgp 63949\n bgp router-id 203.0.113.1\n neighbor NODES peer-group\n \
           neighbor NODES remote-as 65000\n neighbor NODES passive\n neighbor NODES timers 1 3\n \
           neighbor NODES bfd profile fast\n neighbor NODES capability extended-nexthop\n";
    for node in NODES {
        let _ = writeln!(text, " neighbor {} peer-group NODES", segment6(node));
    }
    text + " address-family ipv6 unicast\n  neighbor NODES activate\n exit-address-family\nsteer edge\n \
            accept 192.0.2.0/24 le 32\n accept 2001:db8:e001::/48 le 128\n prefer large-community 63949:1:1\n \
            prefer large-community 63949:1:2\n install kernel\nexit\n"
}

/// A node's configuration: one neighbor, both addresses.
fn node_config(node: usize) -> String {
    let extra = "neighbor RS timers 1 3\nneighbor RS bfd profile fast\n\
                 address-family ipv6 unicast\nneighbor RS activate\nexit-address-family\n";
    let addresses = format!(" address {SHARED}/32\n address {SHARED6}/128");
    let mut text =
        with_service(NODES[node], ROLE[node], extra, &addresses, " drain-delay 300ms\n linger 500ms\n");
    for absent in &ROUTE_SERVERS[1..] {
        text = text.replace(&format!("neighbor {} peer-group RS\n", segment6(absent)), "");
    }
    PROFILE.to_owned() + &text
}

fn steers(lab: &Lab, vehicle: Vehicle) -> Result<()> {
    routed_by_an_appliance(lab)?;
    let port = Port { switch: "sw", tap: "rs1", number: 0x11 };
    let router = Appliance::start(lab, vehicle, port, &self::router())?;
    let targets =
        [SHARED, SHARED6].map(|address| Ok(std::net::SocketAddr::new(address.parse()?, SERVICE_PORT)));
    let targets = targets.into_iter().collect::<Result<Vec<_>>>()?;
    for node in NODES {
        for target in &targets {
            serve(lab, node, *target)?;
        }
    }
    let start = |node: usize| Holdover::start(lab, NODES[node], &node_config(node));
    let second = start(1)?;
    let probes = targets.iter().map(|target| Probe::start(lab, "cl", *target)).collect::<Result<Vec<_>>>()?;
    let answers = |node: &str, since: Instant, seconds: f64| -> Result<Vec<Instant>> {
        probes.iter().map(|probe| probe.answered_by(lab, node, since, seconds)).collect()
    };
    answers("n2", Instant::now(), 20.0)?;
    // The announcements of the router's own addresses are over then: the first host has to ask for it, and does so in the
    // name of the shared address.
    lab.steadily("it forwards", 3.0, || router.runs())?;
    let mut first = start(0)?;
    answers("n1", Instant::now(), 20.0)?;
    let steered = router.ask(lab, "show steer")?;
    ensure!(steered.contains("192.0.2.10/32") && steered.contains(&segment6("n1").to_string()), "{steered}");

    last_answers(lab)?;
    for (fault, moves, lost) in [("killed", 1.0, Some(50)), ("cut off", 1.0, None), ("stopped", 1.0, Some(3))]
    {
        for probe in &probes {
            probe.stays_with(lab, "n1", 0.3)?;
        }
        let at = Instant::now();
        match fault {
            "killed" => first.process().signal(Signal::KILL)?,
            "cut off" => cut(lab, "n1")?,
            _ => first.process().signal(Signal::TERM)?,
        }
        answers("n2", at, moves)?;
        last_answers(lab)?;
        for (probe, target) in probes.iter().zip(&targets) {
            probe.stays_with(lab, "n2", 0.3)?;
            let from = at.checked_sub(Duration::from_millis(100)).unwrap_or(at);
            let report = probe.report(lab, from, Instant::now())?;
            let (outage, count) = (report.outage.as_millis(), report.lost.len());
            let said = format!("{fault}: {target}: outage {outage} ms, {count} probes lost");
            println!("     {}: {said}", lab.case());
            lab.note(&said);
            ensure!(lost.is_none_or(|most| count <= most), "{said}");
        }
        let back = Instant::now();
        if fault == "cut off" {
            mend(lab, "n1")?;
        } else {
            first.process().wait(lab, 10.0)?;
            first = start(0)?;
        }
        answers("n1", back, 20.0)?;
        last_answers(lab)?;
        router.runs()?;
    }
    first.stop(lab, 10.0)?;
    second.stop(lab, 10.0)?;
    lab.eventually("nothing is steered any more", 5.0, || {
        let steered = router.ask(lab, "show steer")?;
        ensure!(!steered.contains("192.0.2.10"), "{steered}");
        Ok(())
    })
}
