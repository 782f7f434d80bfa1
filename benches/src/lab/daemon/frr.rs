//! FRR as a node: the provider's template as it is pasted, or the best that is known of it.

use std::fmt::Write as _;
use std::path::Path;

use holdover_tests::harness::topology::SHARED;

use super::super::setup::Timers;
use super::{ConfigFile, Node, Step};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let host = format!("hostname {}\n", node.host);
    let mut files = vec![
        ConfigFile::new("zebra.conf", host.clone()),
        ConfigFile::new("staticd.conf", host.clone()),
        ConfigFile::new("bgpd.conf", host + &bgpd(node)),
    ];
    if let Some(interval) = node.setup.bfd() {
        files.push(ConfigFile::new("bfdd.conf", profile(interval)));
    }
    files
}

/// The BFD profile that the neighbors name.
pub(super) fn profile(interval: u32) -> String {
    format!(
        "bfd\n profile fast\n  transmit-interval {interval}\n  receive-interval {interval}\n  detect-multiplier 3\n"
    )
}

const ROUTE_MAPS: &str = "route-map primary permit 10\n set large-community 63949:1:1\n\
                          route-map secondary permit 10\n set large-community 63949:1:2\n";

fn bgpd(node: &Node<'_>) -> String {
    let tuned = node.setup.timers != Timers::Default;
    // With the route-maps below the `network` line, as the template has them, it announces 5 s later.
    let mut text = String::from(if tuned { ROUTE_MAPS } else { "" });
    let _ = write!(
        text,
        "router bgp 65000\n no bgp ebgp-requires-policy\n coalesce-time {}\n bgp bestpath as-path multipath-relax\n \
         neighbor RS peer-group\n neighbor RS remote-as external\n neighbor RS capability extended-nexthop\n",
        if tuned { 0 } else { 1000 }
    );
    if tuned {
        // Else a route server keeps the route of a dead node for two minutes.
        text.push_str(
            " bgp graceful-restart-disable\n neighbor RS timers 1 3\n neighbor RS timers connect 1\n",
        );
    }
    if node.setup.bfd().is_some() {
        text.push_str(" neighbor RS bfd\n neighbor RS bfd profile fast\n");
    }
    for server in node.servers() {
        let _ = writeln!(text, " neighbor {server} peer-group RS");
    }
    let _ = write!(
        text,
        " address-family ipv4 unicast\n  network {SHARED}/32 route-map {}\n  redistribute static\n \
         exit-address-family\n",
        node.role()
    );
    text + if tuned { "" } else { ROUTE_MAPS }
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    let folder = Path::new("/var/run/frr").join(node.space);
    let daemon = |name: &str| {
        let file = node.file(&format!("{name}.conf"));
        let program = format!("/usr/lib/frr/{name}");
        let user = ["-u", "frr", "-g", "frr", "--log", "stdout"];
        Step::run([&[program.as_str(), "-N", node.space, "-f", &file, "-P", "0"][..], &user].concat())
    };
    let zebra = folder.join("zserv.api");
    let mut steps = vec![Step::Folder(folder, "frr"), daemon("zebra"), Step::Wait(zebra)];
    steps.extend(node.setup.bfd().map(|_| daemon("bfdd")));
    steps.extend([daemon("staticd"), daemon("bgpd")]);
    steps
}
