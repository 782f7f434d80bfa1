//! Holdover as a node: the provider's template as it is pasted, or a `failover` block with checks and BFD.

use std::fmt::Write as _;

use holdover_tests::harness::holdover::{frame, template};
use holdover_tests::harness::topology::SHARED;

use super::super::setup::{Timers, Watch};
use super::{ConfigFile, Node, Step, frr};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let text = match node.setup.timers {
        Timers::Default => template(node.host, node.role(), ""),
        Timers::Hold | Timers::Bfd(_) => tuned(node),
    };
    vec![ConfigFile::new("holdover.conf", text)]
}

fn tuned(node: &Node<'_>) -> String {
    let mut session = String::from("neighbor RS timers 1 3\nneighbor RS timers connect 1\n");
    let mut text = String::new();
    if let Some(interval) = node.setup.bfd() {
        text.push_str(&frr::profile(interval));
        session.push_str("neighbor RS bfd profile fast\n");
    }
    text.push_str(&frame(node.host, &session, ""));
    let role = node.role();
    let _ = writeln!(
        text,
        "failover web\n address {SHARED}/32\n bind lo\n role {role}\n active route-map {role}\n linger 1s"
    );
    // The lab kills the service every few seconds on purpose: damping would hold it down.
    match node.setup.watch {
        Watch::Nothing => {}
        Watch::Port => {
            let service = node.service();
            let _ = writeln!(
                text,
                " no dampen\n check app tcp {service} interval 100ms timeout 500ms rise 1 fall 1"
            );
        }
        Watch::Process => {
            let _ = writeln!(text, " no dampen\n check app process pidfile {}", node.service_pidfile());
        }
    }
    text + "exit\n"
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    let (file, socket, owned) = (node.file("holdover.conf"), node.file("holdover.sock"), node.file("owned"));
    vec![Step::run(["holdover", "run", "-c", &file, "--control", &socket, "--owned", &owned])]
}

#[cfg(test)]
mod tests {
    use holdover_core::config::{Config, Platform, parse};
    use holdover_tests::harness::topology::NODES;

    use super::super::super::plan::{DEFAULTS, TUNED};
    use super::super::Daemon;
    use super::*;

    #[test]
    fn each_configuration_is_one_that_holdover_takes() {
        for row in TUNED.iter().chain(DEFAULTS) {
            let Ok(setup) = row.way.setup(Daemon::Holdover) else { continue };
            for host in NODES {
                let node = Node { host, setup, folder: "/run/lab", space: host };
                for file in files(&node) {
                    let mut said = Vec::new();
                    let mut config = Config::<8, 4, 32, 64, 2048>::new();
                    let result = parse(&file.text, &Platform::ALL, &mut config, &mut |diagnostic| {
                        said.push(diagnostic.to_string());
                    });
                    assert!(result.is_ok(), "{setup}: {said:?}");
                }
            }
        }
    }
}
