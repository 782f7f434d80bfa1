//! What an operator does: reload, drain, check, look; and what the daemon weighs while it runs.

use std::time::Instant;

use holdover_tests::harness::holdover::{Holdover, program, template};
use holdover_tests::harness::peers::Peer;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SHARED, Transport, failover, pair, segment6,
};
use holdover_tests::harness::{Lab, Result, ensure};

use super::addresses::{absent, present};
use super::world::{PLAIN, PREFIX, Setup, World, start_server};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("reload/changed_communities_arrive_and_no_session_is_reset", 60, reload_roles),
        Case::new("reload/a_bad_file_changes_nothing_and_is_shown", 60, reload_bad),
        Case::new("reload/a_removed_neighbor_is_told_so_and_the_others_stay", 60, reload_removes),
        Case::new("reload/an_address_is_added_and_another_removed", 60, reload_addresses),
        Case::new("drain/moves_the_traffic_with_graceful_shutdown_and_undrain_brings_it_back", 60, drain),
        Case::new("check/tells_clean_warned_and_broken_files_apart", 30, check),
        Case::new("start/announces_soon_and_stays_small", 30, start_is_quick),
        Case::new("secrets/are_printed_nowhere", 30, secrets),
    ]
}

/// What every route server says about the identity of its sessions with the nodes.
fn incarnations(world: &World<'_>) -> Result<Vec<String>> {
    let pairs = world.servers.iter().flat_map(|server| NODES.map(|node| (server, segment6(node))));
    pairs.map(|(server, node)| server.incarnation(node)).collect()
}

fn reload_roles(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    let before = incarnations(&world)?;
    let at = Instant::now();
    world.nodes[1].reload(lab, &template("n2", "primary", ""))?;
    let large = |node: &str, community: &str| -> Result<()> {
        for server in &world.servers {
            lab.eventually(&format!("{node} is announced with {community}"), 5.0, || {
                let route = server.route(segment6(node), PREFIX)?;
                ensure!(route.large == [community], "{route:?}");
                Ok(())
            })?;
        }
        Ok(())
    };
    large("n2", "63949:1:1")?;
    world.nodes[0].reload(lab, &template("n1", "secondary", ""))?;
    large("n1", "63949:1:2")?;
    world.probe.answered_by(lab, "n2", Instant::now(), 2.0)?;
    world.lost_at_most(at, 3)?;
    let after = incarnations(&world)?;
    ensure!(before == after, "sessions were reset: {before:?} {after:?}");
    world.end()
}

fn reload_bad(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    let before = incarnations(&world)?;
    let bad = template("n1", "secondary", "neighbor RS frobnicate 7\n");
    world.nodes[0].reload(lab, &bad)?;
    lab.eventually("the error is in show summary", 5.0, || {
        let summary = world.nodes[0].show(lab, "summary")?.to_string();
        ensure!(summary.contains("frobnicate"), "{summary}");
        Ok(())
    })?;
    let log = world.nodes[0].log()?;
    ensure!(log.contains("frobnicate"), "the log does not tell");
    world.probe.stays_with(lab, "n1", 1.0)?;
    world.announced(0, 1.0)?;
    ensure!(before == incarnations(&world)?, "sessions were reset");
    world.nodes[0].reload(lab, &world.setup.config(0))?;
    lab.eventually("the error is gone from show summary", 5.0, || {
        let summary = world.nodes[0].show(lab, "summary")?.to_string();
        ensure!(!summary.contains("frobnicate"), "{summary}");
        Ok(())
    })?;
    world.end()
}

fn reload_removes(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    let before = incarnations(&world)?;
    let gone = segment6(ROUTE_SERVERS[3]);
    world.nodes[0]
        .reload(lab, &world.setup.config(0).replace(&format!("neighbor {gone} peer-group RS\n"), ""))?;
    lab.eventually("rs4 hears that it is not a neighbor any more", 5.0, || {
        let words = world.servers[3].last_words(segment6("n1"))?;
        ensure!(words.to_lowercase().contains("de-configured"), "{words}");
        world.servers[3].no_route(segment6("n1"), PREFIX)
    })?;
    world.probe.stays_with(lab, "n1", 0.5)?;
    let after = incarnations(&world)?;
    ensure!(before.get(..6) == after.get(..6), "other sessions were reset: {before:?} {after:?}");
    world.end()
}

fn reload_addresses(lab: &Lab) -> Result<()> {
    const OTHER: &str = "192.0.2.77";
    let world = World::up(lab, PLAIN)?;
    let before = incarnations(&world)?;
    world.nodes[0].reload(lab, &world.setup.config(0).replace(SHARED, OTHER))?;
    world.withdrawn(0, 5.0)?;
    for server in &world.servers {
        lab.eventually("the other address is announced", 5.0, || {
            server.route(segment6("n1"), &format!("{OTHER}/32")).map(drop)
        })?;
    }
    lab.eventually("the first address is unbound", 10.0, || absent(lab, "n1", PREFIX))?;
    present(lab, "n1", "lo", &format!("{OTHER}/32"))?;
    ensure!(before == incarnations(&world)?, "sessions were reset");
    world.end()
}

fn drain(lab: &Lab) -> Result<()> {
    let setup = Setup { service: Some(" drain-delay 2s\n linger 1s\n"), ..PLAIN };
    let world = World::up(lab, setup)?;
    let at = Instant::now();
    world.nodes[0].command(lab, &["drain", "web"])?;
    for server in &world.servers {
        lab.eventually("the route has GRACEFUL_SHUTDOWN", 1.5, || {
            let route = server.route(segment6("n1"), PREFIX)?;
            ensure!(route.communities.iter().any(|community| community == "65535:0"), "{route:?}");
            Ok(())
        })?;
    }
    world.probe.answered_by(lab, "n2", at, 2.0)?;
    world.withdrawn(0, 5.0)?;
    present(lab, "n1", "lo", PREFIX)?;
    world.probe.stays_with(lab, "n2", 0.5)?;
    world.lost_at_most(at, 3)?;
    let at = Instant::now();
    world.nodes[0].command(lab, &["undrain", "web"])?;
    world.probe.answered_by(lab, "n1", at, 5.0)?;
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

/// Files and what `holdover check` must make of them.
const CLEAN: &str = "hostname a
router bgp 65000
 bgp router-id 203.0.113.101
 timers bgp 3 9
 neighbor 203.0.113.1 remote-as 63949
 address-family ipv4 unicast
  network 192.0.2.10/32 route-map primary
 exit-address-family
route-map primary permit 10
 set large-community 63949:1:1
";

fn check(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let program = program()?;
    let template = template("n1", "primary", "");
    let mut files = vec![
        ("clean".to_owned(), CLEAN.to_owned(), 0),
        ("template".to_owned(), template.clone(), 2),
        ("broken".to_owned(), CLEAN.replace("remote-as 63949", "remote-as minus"), 1),
        ("placeholders".to_owned(), template.replace(SHARED, "[SHARED_IP]"), 1),
    ];
    // Random lines: errors, never a panic.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for number in 0..40 {
        let mut text = String::new();
        for _ in 0..200 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let words: Vec<&str> = template.split_whitespace().collect();
            let pick = usize::try_from(seed >> 33).unwrap_or(0);
            text.push_str(words.get(pick % words.len()).unwrap_or(&"x"));
            text.push(if seed.is_multiple_of(5) { '\n' } else { ' ' });
        }
        files.push((format!("random{number}"), text, 1));
    }
    for (name, text, expected) in files {
        let file = lab.write(&format!("{name}.conf"), &text)?;
        for json in [false, true] {
            let path = file.to_string_lossy();
            let mut argv = vec![program.as_str(), "check", &path];
            argv.extend(json.then_some("--json"));
            let (code, out, err) = lab.run_any("us", &argv)?;
            ensure!(code == Some(expected), "{name}: {code:?}, expected {expected}: {out:.2000} {err:.2000}");
            if json {
                let value: serde_json::Value = serde_json::from_str(&out)?;
                ensure!(value["version"].is_number(), "{value}");
            }
        }
    }
    Ok(())
}

/// Generous on a machine that runs other cases beside this one; the measurement proper is the lab's.
fn start_is_quick(lab: &Lab) -> Result<()> {
    failover(lab, Failover::default())?;
    let servers = ROUTE_SERVERS.map(|host| start_server(lab, PLAIN.servers, host));
    let servers: Vec<Box<dyn Peer>> = servers.into_iter().collect::<Result<_>>()?;
    let at = Instant::now();
    let node = Holdover::start(lab, "n1", &template("n1", "primary", ""))?;
    for server in &servers {
        lab.eventually("the route is there", 5.0, || server.route(segment6("n1"), PREFIX).map(drop))?;
    }
    let took = at.elapsed();
    let (resident, proportional) = (node.process().resident_kib()?, node.process().proportional_kib()?);
    lab.note(&format!("announced after {took:?}; RSS {resident} KiB, PSS {proportional} KiB"));
    println!("    start: announced to four after {took:?}; RSS {resident} KiB, PSS {proportional} KiB");
    ensure!(took.as_secs_f64() < 1.0, "announced only after {took:?}");
    ensure!(resident < 12 * 1024, "RSS {resident} KiB");
    node.stop(lab, 10.0)
}

fn secrets(lab: &Lab) -> Result<()> {
    const SECRET: &str = "hunter2hunter2";
    pair(lab)?;
    let them = Transport::V4.address("them");
    let config = format!(
        "router bgp 65001\n bgp router-id 10.0.0.1\n neighbor {them} remote-as 65002\n \
         neighbor {them} password {SECRET}\n"
    );
    let node = Holdover::start(lab, "us", &config)?;
    lab.eventually("it answers", 5.0, || node.show(lab, "summary").map(drop))?;
    let mut said = node.log()?;
    for what in ["summary", "neighbors", "services", "routes", "running-config"] {
        said.push_str(&node.show(lab, what)?.to_string());
    }
    ensure!(!said.contains(SECRET), "the password is in what it said");
    node.reload(lab, &format!("{config} nonsense {SECRET}\n neighbor {them} passwort {SECRET}\n"))?;
    lab.eventually("the error is shown", 5.0, || {
        let summary = node.show(lab, "summary")?.to_string();
        ensure!(summary.contains("error"), "{summary}");
        Ok(())
    })?;
    node.stop(lab, 10.0)
}
