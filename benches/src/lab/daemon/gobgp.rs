//! GoBGP as a node: its path comes from its API once that answers.

use std::fmt::Write as _;

use holdover_tests::harness::topology::{SHARED, segment4};

use super::super::setup::Timers;
use super::{ConfigFile, Node, Step};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let mut text = format!("[global.config]\n  as = 65000\n  router-id = \"{}\"\n", segment4(node.host));
    for server in node.servers() {
        let _ = write!(
            text,
            "[[neighbors]]\n  [neighbors.config]\n    neighbor-address = \"{server}\"\n    peer-as = 63949\n"
        );
        if node.setup.timers != Timers::Default {
            text.push_str(
                "  [neighbors.timers.config]\n    connect-retry = 1\n    hold-time = 3\n    \
                 keepalive-interval = 1\n    idle-hold-time-after-reset = 1\n",
            );
        }
        text.push_str(
            "  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      \
             afi-safi-name = \"ipv4-unicast\"\n",
        );
    }
    vec![ConfigFile::new("gobgpd.toml", text)]
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    let shared = format!("{SHARED}/32");
    let community = node.community(":");
    let words = ["gobgp", "global", "rib", "add", &shared, "-a", "ipv4", "large-community", &community];
    vec![
        Step::run(["gobgpd", "-f", &node.file("gobgpd.toml"), "--api-hosts", "127.0.0.1:50051"]),
        Step::Say(words.map(str::to_owned).to_vec()),
    ]
}
