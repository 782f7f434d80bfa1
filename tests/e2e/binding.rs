//! Who puts the shared address on the host, where, how marked, and who takes it away.

use std::time::{Duration, Instant};

use holdover_tests::harness::holdover::{Holdover, frame, template, with_service};
use holdover_tests::harness::peers::{Kind, Peer};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Failover, SHARED, failover, segment6};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};
use rustix::process::Signal;

use super::addresses::{absent, entry, present};
use super::world::{PLAIN, PREFIX, PREFIX6, SIX, Setup, World, start_server};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("binding/on_eth0_carries_the_label_eth0", 30, on_eth0),
        Case::new("binding/a_label_of_ones_own_is_used", 30, own_label),
        Case::new("binding/an_address_on_eth0_is_adopted_and_survives_the_daemon", 30, adopted),
        Case::new("binding/an_address_goes_only_after_the_withdrawal_and_the_linger", 30, lingers),
        Case::new("binding/the_leftover_of_a_crash_is_ours_again", 30, leftover_adopted),
        Case::new("binding/the_leftover_of_a_crash_is_cleaned_when_nobody_wants_it", 30, leftover_cleaned),
        Case::new("binding/an_address_removed_again_and_again_is_put_back_after_a_pause", 30, paused),
        Case::new("binding/lo_flushed_again_and_again_never_leaves_announced_what_is_absent", 90, flushed),
        Case::new("binding/ipv6_on_an_interface_comes_back_however_often_its_link_flaps", 60, flaps),
        Case::new(
            "binding/an_interface_that_is_made_anew_is_one_withdrawal_and_one_announcement",
            60,
            made_anew,
        ),
    ];
    cases.push(Case::new("announce/a_wider_network_follows_the_address_inside_it", 30, wider));
    cases.push(Case::new("announce/static_routes_are_installed_and_redistributed", 30, redistributes_static));
    cases.push(Case::new(
        "announce/a_static_route_that_another_hand_removes_is_put_back",
        30,
        puts_back_static,
    ));
    cases.push(Case::new("announce/host_routes_of_the_kernel_are_followed_live", 30, redistributes_kernel));
    for device in ["eth0", "lo"] {
        let name = format!("binding/an_ipv6_address_on_{device}_of_both_nodes_has_no_duplicate_trouble");
        cases.push(Case::new(name, 60, move |lab| six(lab, device)));
    }
    cases
}

/// One node, one route server; the other three of the template are not there.
fn small(lab: &Lab) -> Result<Box<dyn Peer>> {
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    start_server(lab, Kind::Bird, "rs1")
}

fn announced(lab: &Lab, server: &dyn Peer, node: &Holdover) -> Result<()> {
    lab.eventually("the route is announced", 10.0, || {
        node.runs()?;
        server.route(segment6("n1"), PREFIX).map(drop)
    })
}

fn service(more: &str) -> String {
    with_service("n1", "primary", "", &format!(" address {SHARED}/32"), more)
}

fn on_eth0(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &service(" bind eth0\n"))?;
    announced(lab, &*server, &node)?;
    let address = entry(lab, "n1", PREFIX)?.context("not bound")?;
    ensure!(address["dev"] == "eth0" && address["label"] == "eth0", "{address}");
    node.stop(lab, 10.0)?;
    absent(lab, "n1", PREFIX)
}

fn own_label(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &service(" bind eth0 label eth0:web\n"))?;
    announced(lab, &*server, &node)?;
    let address = entry(lab, "n1", PREFIX)?.context("not bound")?;
    ensure!(address["dev"] == "eth0" && address["label"] == "eth0:web", "{address}");
    node.stop(lab, 10.0)
}

fn adopted(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    lab.ip("n1", &format!("addr add {PREFIX} dev eth0 label eth0"))?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    present(lab, "n1", "eth0", PREFIX)?;
    node.stop(lab, 10.0)?;
    lab.eventually("the route is gone", 5.0, || server.no_route(segment6("n1"), PREFIX))?;
    present(lab, "n1", "eth0", PREFIX)
}

fn lingers(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &service(" linger 2s\n"))?;
    announced(lab, &*server, &node)?;
    node.process().signal(Signal::TERM)?;
    lab.eventually("the route is withdrawn", 2.0, || server.no_route(segment6("n1"), PREFIX))?;
    let withdrawn = Instant::now();
    present(lab, "n1", "lo", PREFIX)?;
    let words = lab.eventually("BIRD heard why", 2.0, || {
        let words = server.last_words(segment6("n1"))?;
        ensure!(words.contains("Administrative shutdown"), "{words}");
        Ok(words)
    })?;
    lab.note(&words);
    lab.eventually("the address goes", 5.0, || absent(lab, "n1", PREFIX))?;
    // The withdrawal was seen a moment after it left.
    let stayed = withdrawn.elapsed();
    ensure!(stayed > Duration::from_millis(1700), "it stayed only {stayed:?}");
    let status = node.process().wait(lab, 5.0)?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn leftover_adopted(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0)?;
    present(lab, "n1", "lo", PREFIX)?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    node.stop(lab, 10.0)?;
    absent(lab, "n1", PREFIX)
}

fn leftover_cleaned(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0)?;
    let node = Holdover::start(lab, "n1", &frame("n1", "", ""))?;
    lab.eventually("the leftover is removed", 5.0, || {
        node.runs()?;
        absent(lab, "n1", PREFIX)
    })?;
    node.stop(lab, 10.0)
}

fn paused(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    for _ in 0..3 {
        lab.ip("n1", &format!("addr del {PREFIX} dev lo"))?;
        lab.eventually("it is put back", 2.0, || present(lab, "n1", "lo", PREFIX))?;
    }
    lab.ip("n1", &format!("addr del {PREFIX} dev lo"))?;
    lab.eventually("the route is withdrawn", 2.0, || server.no_route(segment6("n1"), PREFIX))?;
    lab.steadily("it is not put back at once", 0.6, || absent(lab, "n1", PREFIX))?;
    lab.eventually("it is put back after a second", 2.0, || present(lab, "n1", "lo", PREFIX))?;
    announced(lab, &*server, &node)?;
    node.stop(lab, 10.0)
}

/// `ip addr flush` removes, looks, and removes again: it meets our put-back, and the news of that overtakes its answer.
fn flushed(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    announced(lab, &*server, &node)?;
    for round in 1..=8 {
        // It gives up with an error when the address comes back again and again.
        let _ = lab.ip("n1", "addr flush dev lo");
        lab.eventually(&format!("round {round}: what is announced is here"), 2.0, || {
            match server.no_route(segment6("n1"), PREFIX) {
                Ok(()) => Ok(()),
                Err(_) => present(lab, "n1", "lo", PREFIX),
            }
        })?;
        if round % 4 == 0 {
            lab.eventually("it is put back", 40.0, || present(lab, "n1", "lo", PREFIX))?;
            announced(lab, &*server, &node)?;
        }
    }
    node.stop(lab, 10.0)
}

/// The kernel takes IPv6 addresses off a link that goes down: that is no foreign hand.
fn flaps(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    // Two links of its own, so that the session to the server is not lost.
    lab.ip("n1", "link add vip0 type veth peer name vip1\nlink set vip1 up\nlink set vip0 up")?;
    let service = with_service("n1", "primary", SIX, &format!(" address {PREFIX6}"), " bind vip0\n");
    let node = Holdover::start(lab, "n1", &service)?;
    let route = || server.route(segment6("n1"), PREFIX6).map(drop);
    lab.eventually("the route is announced", 10.0, route)?;
    for round in 1..=5 {
        lab.ip("n1", "link set vip0 down")?;
        lab.eventually("it is withdrawn", 2.0, || server.no_route(segment6("n1"), PREFIX6))?;
        lab.ip("n1", "link set vip0 up")?;
        lab.eventually(&format!("it is announced again, round {round}"), 2.0, route)?;
        present(lab, "n1", "vip0", PREFIX6)?;
    }
    // So short that the news of it all comes at once.
    for round in 1..=5 {
        lab.ip("n1", "link set vip0 down\nlink set vip0 up")?;
        lab.eventually(&format!("it is bound again, round {round}"), 2.0, || {
            present(lab, "n1", "vip0", PREFIX6)
        })?;
        lab.eventually(&format!("it is announced again, round {round}"), 2.0, route)?;
    }
    let log = node.log()?;
    ensure!(!log.contains("removed by somebody else"), "{log}");
    node.stop(lab, 10.0)
}

/// A VLAN or bond that is made anew, or a container's network.
fn made_anew(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let make = || lab.ip("n1", "link add vip0 type veth peer name vip1\nlink set vip1 up\nlink set vip0 up");
    make()?;
    let node = Holdover::start(lab, "n1", &service(" bind vip0\n"))?;
    announced(lab, &*server, &node)?;
    let count = |log: &str, what: &str| log.matches(&format!("{PREFIX} is {what}")).count();
    for round in 1..=3 {
        lab.ip("n1", "link del vip0")?;
        lab.eventually("the route is withdrawn", 2.0, || server.no_route(segment6("n1"), PREFIX))?;
        let shown = node.command(lab, &["show", "routes"])?;
        ensure!(shown.contains("its interface does not exist"), "{shown}");
        make()?;
        lab.eventually("it is bound and announced", 2.0, || {
            present(lab, "n1", "vip0", PREFIX)?;
            server.route(segment6("n1"), PREFIX).map(drop)
        })?;
        // The log is written by a thread of its own, a little later.
        lab.eventually("the log has it", 2.0, || {
            let log = node.log()?;
            ensure!((count(&log, "withdrawn"), count(&log, "announced")) == (round, round + 1), "{log}");
            Ok(())
        })?;
    }
    node.stop(lab, 10.0)
}

/// The template's sessions with these lines in the IPv4 family, and these at the end.
fn announcing(family: &str, end: &str) -> String {
    let family = format!("address-family ipv4 unicast\n{family}exit-address-family\n");
    frame("n1", "", &family) + end
}

/// Waits until rs1 has `prefix` from n1.
fn announces(lab: &Lab, server: &dyn Peer, prefix: &str) -> Result<()> {
    lab.eventually(&format!("{prefix} is announced"), 5.0, || server.route(segment6("n1"), prefix).map(drop))
}

/// Waits until rs1 does not have `prefix` from n1.
fn withdraws(lab: &Lab, server: &dyn Peer, prefix: &str) -> Result<()> {
    lab.eventually(&format!("{prefix} is withdrawn"), 5.0, || server.no_route(segment6("n1"), prefix))
}

fn kernel_has(lab: &Lab, prefix: &str, what: &str) -> Result<()> {
    let all = lab.run("n1", &["ip", "route", "show", prefix])?;
    ensure!(all.contains(what), "no {what} for {prefix}: {all}");
    Ok(())
}

fn wider(lab: &Lab) -> Result<()> {
    const WIDE: &str = "192.0.2.0/24";
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &announcing("network 192.0.2.0/24 route-map primary\n", ""))?;
    lab.eventually("Established", 10.0, || server.established(segment6("n1")))?;
    lab.steadily("nothing is announced", 1.2, || server.no_route(segment6("n1"), WIDE))?;
    lab.ip("n1", &format!("addr add {PREFIX} dev lo"))?;
    announces(lab, &*server, WIDE)?;
    lab.eventually("the rest is unreachable", 2.0, || kernel_has(lab, WIDE, "unreachable"))?;
    lab.ip("n1", &format!("addr del {PREFIX} dev lo"))?;
    withdraws(lab, &*server, WIDE)?;
    node.stop(lab, 10.0)?;
    ensure!(kernel_has(lab, WIDE, "unreachable").is_err(), "the route was left behind");
    Ok(())
}

fn redistributes_static(lab: &Lab) -> Result<()> {
    const ROUTE: &str = "192.0.2.99/32";
    let server = small(lab)?;
    let with = announcing("redistribute static route-map primary\n", "ip route 192.0.2.99/32 blackhole\n");
    let node = Holdover::start(lab, "n1", &with)?;
    announces(lab, &*server, ROUTE)?;
    kernel_has(lab, ROUTE, "blackhole")?;
    node.reload(lab, &announcing("redistribute static route-map primary\n", ""))?;
    withdraws(lab, &*server, ROUTE)?;
    lab.eventually("the kernel's route goes", 5.0, || {
        ensure!(kernel_has(lab, ROUTE, "blackhole").is_err(), "still there");
        Ok(())
    })?;
    node.stop(lab, 10.0)
}

fn puts_back_static(lab: &Lab) -> Result<()> {
    const ROUTE: &str = "192.0.2.99/32";
    let server = small(lab)?;
    let with = announcing("redistribute static route-map primary\n", "ip route 192.0.2.99/32 blackhole\n");
    let node = Holdover::start(lab, "n1", &with)?;
    announces(lab, &*server, ROUTE)?;
    for take in [
        "route del blackhole 192.0.2.99/32",
        "route del 192.0.2.99/32 proto 179",
        "route replace unreachable 192.0.2.99/32 metric 2147483647",
    ] {
        kernel_has(lab, ROUTE, "blackhole")?;
        lab.ip("n1", take)?;
        lab.eventually("it is put back", 2.0, || kernel_has(lab, ROUTE, "blackhole 192.0.2.99 proto 179"))?;
    }
    // It removes, looks, and removes again.
    lab.ip("n1", "route flush proto 179")?;
    lab.steadily("not at once the fourth time", 0.6, || {
        ensure!(kernel_has(lab, ROUTE, "blackhole").is_err(), "it is there");
        Ok(())
    })?;
    let shown = node.command(lab, &["show", "routes"])?;
    ensure!(shown.contains("192.0.2.99/32: the host's table does not have it"), "{shown}");
    lab.eventually("it is put back after a pause", 3.0, || kernel_has(lab, ROUTE, "blackhole"))?;
    server.route(segment6("n1"), ROUTE)?;
    node.stop(lab, 10.0)?;
    ensure!(kernel_has(lab, ROUTE, "blackhole").is_err(), "the route was left behind");
    Ok(())
}

fn redistributes_kernel(lab: &Lab) -> Result<()> {
    let server = small(lab)?;
    let node = Holdover::start(lab, "n1", &announcing("redistribute kernel route-map primary\n", ""))?;
    lab.eventually("Established", 10.0, || server.established(segment6("n1")))?;
    lab.ip("n1", "route add 198.51.100.77/32 dev lo\nroute add 198.51.101.0/24 dev lo")?;
    announces(lab, &*server, "198.51.100.77/32")?;
    for never in ["198.51.101.0/24", "0.0.0.0/0"] {
        server.no_route(segment6("n1"), never)?;
    }
    lab.ip("n1", "route del 198.51.100.77/32 dev lo")?;
    withdraws(lab, &*server, "198.51.100.77/32")?;
    node.stop(lab, 10.0)
}

fn six(lab: &Lab, device: &'static str) -> Result<()> {
    let service = Some(if device == "eth0" { " bind eth0\n" } else { " bind lo\n" });
    let world = World::up(lab, Setup { service, six: true, detects_duplicates: true, ..PLAIN })?;
    for node in ["n1", "n2"] {
        present(lab, node, device, PREFIX6)?;
        let address = entry(lab, node, PREFIX6)?.context("not bound")?;
        ensure!(address["preferred_life_time"] == 0, "{address}");
        ensure!(address["tentative"].is_null() && address["dadfailed"].is_null(), "{address}");
        let source = lab.run(node, &["ip", "-6", "route", "get", "2001:db8:c::2"])?;
        ensure!(!source.contains(&format!("src {}", PREFIX6.trim_end_matches("/128"))), "{source}");
    }
    world.kernel_sends_to(0, 5.0)?;
    world.probe.stays_with(lab, "n1", 1.0)?;
    world.end()?;
    absent(lab, "n1", PREFIX6)
}
