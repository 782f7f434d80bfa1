//! OpenBGPD as a node, over IPv4: it has no RFC 8950.

use std::fmt::Write as _;
use std::path::PathBuf;

use holdover_tests::harness::topology::{ROUTE_SERVERS, SHARED, segment4};

use super::super::setup::Timers;
use super::{ConfigFile, Node, Step};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let tuned = node.setup.timers != Timers::Default;
    let mut text = format!(
        "AS 65000\nrouter-id {}\nfib-update no\nsocket \"{}\"\n{}network {SHARED}/32 set large-community {}\n\
         group \"servers\" {{\n    announce IPv4 unicast\n",
        segment4(node.host),
        node.file("openbgpd.sock"),
        if tuned { "holdtime 3\n" } else { "" },
        node.community(":")
    );
    for server in ROUTE_SERVERS {
        let _ = writeln!(text, "    neighbor {} {{ remote-as 63949 }}", segment4(server));
    }
    text.push_str("}\nallow to ebgp\nallow from ebgp\n");
    vec![ConfigFile { name: "openbgpd.conf", text, mode: 0o600 }]
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    vec![
        // Its chroot, which an init system makes otherwise.
        Step::Shared(PathBuf::from("/run/openbgpd")),
        Step::run(["/usr/sbin/bgpd", "-d", "-f", &node.file("openbgpd.conf")]),
    ]
}
