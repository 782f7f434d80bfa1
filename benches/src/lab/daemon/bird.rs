//! BIRD 2 as a node: the route lives and dies with the address on `lo`.

use std::fmt::Write as _;

use holdover_tests::harness::topology::{SHARED, segment4, segment6};

use super::super::setup::Timers;
use super::{ConfigFile, Node, Step};

pub(super) fn files(node: &Node<'_>) -> Vec<ConfigFile> {
    let mut text = format!(
        "log \"{}\" all;\nrouter id {};\nprotocol device {{ }}\n\
         protocol direct shared {{ ipv4; interface \"lo\"; }}\n",
        node.file("bird.log"),
        segment4(node.host)
    );
    let mut tuning = String::new();
    if node.setup.timers != Timers::Default {
        tuning.push_str(
            "    hold time 3; keepalive time 1;\n    connect delay time 1; connect retry time 1; error wait time 1, 1;\n",
        );
    }
    if let Some(interval) = node.setup.bfd() {
        tuning.push_str("    bfd on;\n");
        let _ = writeln!(
            text,
            "protocol bfd {{\n    interface \"eth0\" {{\n        min rx interval {interval} ms; min tx interval \
             {interval} ms;\n        idle tx interval 200 ms; multiplier 3;\n    }};\n}}"
        );
    }
    let _ = write!(
        text,
        "filter to_route_servers {{\n    if net = {SHARED}/32 then {{ bgp_large_community.add(({})); accept; }}\n    \
         reject;\n}}\ntemplate bgp server {{\n    local {} as 65000;\n    direct;\n{tuning}    \
         ipv4 {{ import all; export filter to_route_servers; extended next hop on; next hop self; }};\n}}\n",
        node.community(", "),
        segment6(node.host)
    );
    for (number, server) in node.servers().enumerate() {
        let _ = writeln!(text, "protocol bgp rs{} from server {{ neighbor {server} as 63949; }}", number + 1);
    }
    vec![ConfigFile::new("bird.conf", text)]
}

pub(super) fn steps(node: &Node<'_>) -> Vec<Step> {
    let (file, socket, pid) = (node.file("bird.conf"), node.file("bird.ctl"), node.file("bird.pid"));
    vec![Step::run(["bird", "-f", "-c", &file, "-s", &socket, "-P", &pid])]
}
