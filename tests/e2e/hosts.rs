//! What a host does to the session without knowing of it: hundreds of links, addresses that come late, none but link-local ones.

use std::fmt::Write as _;
use std::net::IpAddr;

use holdover_tests::harness::holdover::{Holdover, OURS, opposite};
use holdover_tests::harness::lab::HostOptions;
use holdover_tests::harness::peers::{Family, Kind, Session};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("hosts/two_hundred_links_before_the_uplink", 60, crowded),
        Case::new("hosts/an_ipv6_address_comes_late_and_goes", 60, late_address),
        Case::new("hosts/link_local_addresses_only", 60, link_local_only),
    ]
}

const SIX: &str = OURS[1];

fn session(families: &[Family], local: IpAddr, remote: IpAddr) -> Session {
    Session {
        local,
        remote,
        local_as: 65002,
        remote_as: 65001,
        passive: true,
        password: None,
        gtsm: false,
        hold: None,
        families: families.to_vec(),
        max_prefix: None,
        bfd: None,
        announce: vec![],
    }
}

fn over_four(families: &[Family]) -> Session {
    session(families, Transport::V4.address("them"), Transport::V4.address("us"))
}

/// 100 pairs of links with link-local addresses stand in the kernel's table before the one that leads to the neighbor.
fn crowded(lab: &Lab) -> Result<()> {
    lab.host("us", HostOptions::default())?;
    lab.host("them", HostOptions::default())?;
    let mut lines = String::new();
    for number in 0..100 {
        let _ = write!(
            lines,
            "link add a{number} type veth peer name b{number}\nlink set a{number} up\nlink set b{number} up\n"
        );
    }
    lab.ip("us", lines.trim_end())?;
    lab.ip("us", &format!("link add eth0 type veth peer name eth0 netns {}", lab.namespace("them")))?;
    for host in ["us", "them"] {
        let (four, six) = (Transport::V4.address(host), Transport::V6.address(host));
        lab.ip(
            host,
            &format!("link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad"),
        )?;
    }
    let session = over_four(&[Family::V4, Family::V6]);
    let peer = Kind::Bird.start(lab, "them", &session)?;
    let us = Holdover::start(lab, "us", &opposite(&session, &[]))?;
    let route = lab.eventually("the peer has our IPv6 route", 20.0, || peer.route(session.remote, SIX))?;
    let own: Vec<_> = route.next_hops.iter().filter(|hop| !hop.to_string().starts_with("fe80:")).collect();
    ensure!(own == [&Transport::V6.address("us")], "{route:?}");
    for hop in &route.next_hops {
        let shown = lab.run("us", &["ip", "-o", "-6", "addr", "show", "dev", "eth0"])?;
        ensure!(shown.contains(&hop.to_string()), "{hop} is not on the uplink: {shown}");
    }
    let before = peer.incarnation(session.remote)?;
    let mut lines = String::new();
    for number in 0..100 {
        let _ = writeln!(lines, "link del a{number}");
    }
    lab.ip("us", lines.trim_end())?;
    lab.steadily("the session", 2.0, || {
        us.runs()?;
        let now = peer.incarnation(session.remote)?;
        ensure!(now == before, "another session: {now}");
        Ok(())
    })?;
    ensure!(!us.log()?.contains("limit of links"), "every link that matters has its place");
    lab.ip("us", "link set eth0 down")?;
    lab.eventually("our own link's end ends the session", 2.0, || {
        ensure!(us.log()?.contains("session down: its link is down"), "not yet");
        Ok(())
    })
}

/// The session is over IPv4, and the host gets the IPv6 address that can be the next hop when it is up; then another one.
fn late_address(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let own = Transport::V6.address("us");
    lab.ip("us", &format!("addr del {own}/64 dev eth0"))?;
    let session = over_four(&[Family::V4, Family::V6]);
    let peer = Kind::Bird.start(lab, "them", &session)?;
    let us = Holdover::start(lab, "us", &opposite(&session, &[]))?;
    lab.eventually("the peer has our IPv4 route", 20.0, || peer.route(session.remote, OURS[0]))?;
    lab.eventually("the log says why IPv6 is not announced", 5.0, || {
        let said =
            "ipv6 unicast routes are not announced to it: the interface to it has no address of this host";
        ensure!(us.log()?.contains(said), "not yet");
        Ok(())
    })?;
    let held_back = |wanted: bool| {
        let shown = us.show(lab, "routes")?;
        let rows = shown["routes"].as_array().context("no routes")?;
        let row = rows.iter().find(|row| row["prefix"] == SIX).context("no such route")?;
        ensure!(row["held_back"].is_object() == wanted, "{row}");
        Ok(())
    };
    held_back(true)?;
    for (add, del) in [("fd00:1::1", ""), ("fd00:1::7", "fd00:1::1"), ("fd00:1::9", "fd00:1::7")] {
        if !del.is_empty() {
            lab.ip("us", &format!("addr del {del}/64 dev eth0"))?;
            lab.eventually("no dead next hop is left", 2.0, || peer.no_route(session.remote, SIX))?;
        }
        lab.ip("us", &format!("addr add {add}/64 dev eth0 nodad"))?;
        lab.eventually("the route follows the address", 2.0, || {
            let route = peer.route(session.remote, SIX)?;
            ensure!(route.next_hops.iter().any(|hop| hop.to_string() == add), "{route:?}");
            held_back(false)
        })?;
    }
    peer.established(session.remote)
}

/// A fabric's link: no global address on either side, IPv4 routes over a link-local next hop.
fn link_local_only(lab: &Lab) -> Result<()> {
    pair(lab)?;
    for host in ["us", "them"] {
        let (four, six) = (Transport::V4.address(host), Transport::V6.address(host));
        lab.ip(host, &format!("addr del {four}/24 dev eth0\naddr del {six}/64 dev eth0"))?;
    }
    let link_local = |host: &str| -> Result<String> {
        lab.eventually("a link-local address", 5.0, || {
            let shown = lab.run(
                host,
                &["ip", "-o", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative"],
            )?;
            let word = shown.split_whitespace().find(|word| word.starts_with("fe80:")).context("none")?;
            Ok(word.split('/').next().unwrap_or(word).to_owned())
        })
    };
    let (ours, theirs) = (link_local("us")?, link_local("them")?);
    let conf = format!(
        "log stderr all;\nrouter id 10.0.0.2;\nprotocol device {{}}\nprotocol bgp node {{\n local {theirs} as 65002;\n \
         neighbor {ours}%eth0 as 65001;\n passive on;\n ipv4 {{ import all; export none; extended next hop on; }};\n}}\n"
    );
    let path = lab.write("bird-link-local.conf", &conf)?;
    let control = lab.dir().join("bird-link-local.ctl");
    let (path, control) = (path.display().to_string(), control.display().to_string());
    let _bird = lab.spawn("them", "bird.log", &["bird", "-f", "-c", &path, "-s", &control], &[])?;
    let config = format!(
        "hostname us\nrouter bgp 65001\n bgp router-id 10.0.0.1\n no bgp network import-check\n neighbor {theirs} \
         remote-as 65002\n neighbor {theirs} interface eth0\n address-family ipv4 unicast\n  network 198.18.1.7/32\n"
    );
    let us = Holdover::start(lab, "us", &config)?;
    lab.eventually("BIRD has the route, with our link-local address as the next hop", 20.0, || {
        us.runs()?;
        let shown = lab.run("them", &["birdc", "-s", &control, "show", "route", "all"])?;
        let hop = format!(":: {ours}");
        ensure!(shown.contains("198.18.1.7/32") && shown.contains(&hop), "{shown}");
        Ok(())
    })?;
    ensure!(!us.log()?.contains("not announced"), "nothing is held back");
    Ok(())
}
