//! ExaBGP as a node, with the health check that comes with it: the route is announced while the check passes.

use std::fmt::Write as _;

use holdover_tests::harness::topology::{SERVICE_PORT, SHARED, segment4, segment6};

use super::super::setup::Timers;
use super::{ConfigFile, Node, Step};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let tuned = node.setup.timers != Timers::Default;
    let pace = if tuned { " --interval 0.2 --fast-interval 0.1 --rise 1 --fall 2 --timeout 1" } else { "" };
    let script = format!("#!/bin/bash\nexec 3<>/dev/tcp/{SHARED}/{}\n", SERVICE_PORT + 1);
    let mut text = format!(
        "process watch {{\n    run /usr/bin/python3 -m exabgp healthcheck --no-syslog --no-ip-setup --cmd {} \
         --withdraw-on-down --ip {SHARED}/32 --next-hop {} --large-community {}{pace};\n    encoder text;\n}}\n",
        node.file("check.sh"),
        segment6(node.host),
        node.community(":")
    );
    for server in node.servers() {
        let _ = write!(
            text,
            "neighbor {server} {{\n    router-id {};\n    local-address {};\n    local-as 65000;\n    \
             peer-as 63949;\n{}    capability {{ nexthop enable; }}\n    nexthop {{ ipv4 unicast ipv6; }}\n    \
             family {{ ipv4 unicast; ipv6 unicast; }}\n    api {{ processes [ watch ]; }}\n}}\n",
            segment4(node.host),
            segment6(node.host),
            if tuned { "    hold-time 3;\n" } else { "" }
        );
    }
    let check = ConfigFile { name: "check.sh", text: script, mode: 0o755 };
    vec![ConfigFile::new("exabgp.conf", text), check]
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    let mut env = vec![
        ("exabgp.daemon.user", "root".to_owned()),
        ("exabgp.daemon.drop", "false".to_owned()),
        ("exabgp.log.level", "WARNING".to_owned()),
        ("exabgp.log.destination", "stdout".to_owned()),
        ("exabgp.api.cli", "false".to_owned()),
    ];
    if node.setup.timers != Timers::Default {
        env.push(("exabgp.tcp.delay", "0".to_owned()));
    }
    vec![Step::Run(vec!["exabgp".to_owned(), node.file("exabgp.conf")], env)]
}
