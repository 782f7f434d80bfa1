//! What each posture says, and what each router makes of it: two nodes of the router's own AS and of another one. The node that
//! gives way has the lower router-id, so that a tie would keep the traffic there.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use holdover_tests::harness::holdover::{Holdover, with_service};
use holdover_tests::harness::peers::{Kind, Peer, bird, frr};
use holdover_tests::harness::probe::{Probe, serve};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{
    Failover, NODES, SERVICE_PORT, SHARED, failover, segment4, segment6,
};
use holdover_tests::harness::{Lab, Result, ensure};

/// Who chooses between the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Router {
    Holdover,
    Foreign(Kind),
}

/// The one that is started; it lives as long as the case.
enum Running {
    Holdover(#[expect(dead_code, reason = "held until the case ends")] Holdover),
    Foreign(#[expect(dead_code, reason = "held until the case ends")] Box<dyn Peer>),
}

const ROUTERS: [(Router, &str); 3] = [
    (Router::Holdover, "holdover"),
    (Router::Foreign(Kind::Bird), "bird"),
    (Router::Foreign(Kind::Frr), "frr"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (router, name) in ROUTERS {
        for (internal, relation) in [(true, "internal"), (false, "external")] {
            cases.push(Case::new(format!("choice/every_posture_{relation}_{name}"), 90, move |lab: &Lab| {
                every_posture(lab, router, internal)
            }));
        }
    }
    cases
}

/// The router on `rs1`. An internal one has no policy: LOCAL_PREF decides, which the nodes give.
fn start_router(lab: &Lab, router: Router, internal: bool) -> Result<Running> {
    Ok(match (router, internal) {
        (Router::Foreign(Kind::Frr), true) => {
            Running::Foreign(Box::new(frr::Frr::start(lab, "rs1", &frr::internal_router("rs1"))?))
        }
        (Router::Foreign(Kind::Frr), false) => {
            Running::Foreign(Box::new(frr::Frr::start(lab, "rs1", &frr::route_server("rs1"))?))
        }
        (Router::Foreign(_), true) => {
            Running::Foreign(Box::new(bird::Bird::start(lab, "rs1", &bird::internal_router("rs1"))?))
        }
        (Router::Foreign(_), false) => {
            Running::Foreign(Box::new(bird::Bird::start(lab, "rs1", &bird::route_server("rs1"))?))
        }
        (Router::Holdover, _) => {
            let asn = if internal { 65_000 } else { 63_949 };
            let mut text = format!(
                "hostname rs1\nrouter bgp {asn}\n bgp router-id {}\n neighbor N peer-group\n \
                 neighbor N remote-as 65000\n neighbor N passive\n neighbor N capability extended-nexthop\n",
                segment4("rs1")
            );
            for node in NODES {
                let _ = writeln!(text, " neighbor {} peer-group N", segment6(node));
            }
            let prefer = " prefer large-community 63949:1:1\n prefer large-community 63949:1:2\n";
            let prefer = if internal { "" } else { prefer };
            let _ = writeln!(text, "steer edge\n accept {SHARED}/32\n{prefer} install kernel\nexit");
            Running::Holdover(Holdover::start(lab, "rs1", &text)?)
        }
    })
}

fn node_config(node: &str, role: &str, internal: bool, more: &str) -> String {
    let text = with_service(node, role, "", &format!(" address {SHARED}/32"), more);
    let one_router = |line: &&str| {
        !["rs2", "rs3", "rs4"].iter().any(|host| line.contains(&format!(" {} ", segment6(host))))
    };
    let text: String = text.lines().filter(one_router).fold(String::new(), |all, line| all + line + "\n");
    if !internal {
        return text;
    }
    text.replace("remote-as external", "remote-as internal")
        .replace("set large-community 63949:1:1", "set local-preference 200")
        .replace("set large-community 63949:1:2", "set local-preference 50")
}

fn every_posture(lab: &Lab, router: Router, internal: bool) -> Result<()> {
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    let target = SocketAddr::new(SHARED.parse()?, SERVICE_PORT);
    for node in NODES {
        serve(lab, node, target)?;
    }
    let file = lab.dir().join("ready");
    fs::write(&file, "")?;
    let ready = format!(
        " standby route-map secondary\n on-failure standby\n drain-delay 3s\n no dampen\n \
         check ready file {} interval 50ms rise 1 fall 1\n",
        file.display()
    );
    let _router = start_router(lab, router, internal)?;
    let first = |more: &str| node_config(NODES[0], "primary", internal, &format!("{ready}{more}"));
    let nodes = [
        Holdover::start(lab, NODES[0], &first(""))?,
        Holdover::start(lab, NODES[1], &node_config(NODES[1], "secondary", internal, ""))?,
    ];
    let probe = Probe::start(lab, "cl", target)?;
    let moves_to = |node: usize, what: &str| -> Result<()> {
        lab.note(what);
        probe.answered_by(lab, NODES[node], Instant::now(), 10.0)?;
        probe.stays_with(lab, NODES[node], 0.5)
    };
    moves_to(0, "the primary is active")?;
    fs::remove_file(&file)?;
    moves_to(1, "the check fails, standby")?;
    fs::write(&file, "")?;
    moves_to(0, "the check passes")?;
    for wish in ["demote", "drain"] {
        nodes[0].command(lab, &[wish, "web"])?;
        moves_to(1, wish)?;
        nodes[0].command(lab, &["undrain", "web"])?;
        moves_to(0, "undrain")?;
    }
    nodes[0].reload(lab, &first(" no preempt\n"))?;
    fs::remove_file(&file)?;
    moves_to(1, "the check fails, no preempt")?;
    fs::write(&file, "")?;
    lab.eventually("the first node is healthy and stands by", 5.0, || {
        let shown = nodes[0].show(lab, "services")?;
        ensure!(shown["services"][0]["posture"] == "standby", "{shown}");
        Ok(())
    })?;
    moves_to(1, "the check passes, no preempt")?;
    nodes[0].command(lab, &["undrain", "web"])?;
    moves_to(0, "undrain, no preempt")?;
    nodes[0].stop(lab, 10.0)?;
    moves_to(1, "the first node stopped")?;
    nodes[1].stop(lab, 10.0)?;
    Ok(())
}
