//! What an operator does: reload, drain, check, look; and what the daemon weighs while it runs.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Instant;

use holdover_tests::harness::holdover::{Holdover, frame, program, template};
use holdover_tests::harness::peers::{Family, Peer, Session, bird};
use holdover_tests::harness::probe::{Probe, serve};
use holdover_tests::harness::raw::message;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, Transport, cut, failover, pair, segment6,
};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

use rustix::process::Signal;

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
        Case::new("stop/a_silent_network_holds_up_the_stop_for_a_moment_only", 60, stop_in_silence),
        Case::new("session/a_router_behind_another_is_reached", 60, several_hops),
        Case::new("start/announces_soon_and_stays_small", 30, start_is_quick),
        Case::new("start/ten_thousand_networks_reach_all_four_route_servers", 60, ten_thousand),
        Case::new("start/a_bad_file_is_refused_with_all_its_errors", 30, bad_start),
        Case::new("secrets/are_printed_nowhere", 30, secrets),
        Case::new("notify/systemd_hears_of_start_reload_watchdog_and_stop", 30, notify),
        Case::new("router/a_listen_range_and_steer_install_the_preferred_route", 60, router),
        Case::new("decode/answers_every_line_whatever_it_is", 60, decode),
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
  neighbor 203.0.113.1 prefix-list NOTHING in
  network 192.0.2.10/32 route-map primary
 exit-address-family
ip prefix-list NOTHING seq 5 deny any
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

fn stop_in_silence(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    cut(lab, "n1")?;
    let at = Instant::now();
    world.nodes[0].process().signal(Signal::INT)?;
    let status = world.nodes[0].process().wait(lab, 10.0)?;
    ensure!(status.success(), "{status}");
    // Flush 1 s, closing 1 s, linger 2 s.
    let took = at.elapsed().as_secs_f64();
    ensure!(took < 6.0, "the stop took {took} s");
    absent(lab, "n1", PREFIX)
}

/// BIRD runs on the client, which the node reaches by rs1.
fn several_hops(lab: &Lab) -> Result<()> {
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    let (peer, us) = ("2001:db8:c::2".parse()?, segment6("n1"));
    let session = Session {
        local: peer,
        remote: us,
        local_as: 63949,
        remote_as: 65000,
        passive: true,
        password: None,
        gtsm: false,
        hold: None,
        families: vec![Family::V6],
        max_prefix: None,
        bfd: None,
        announce: Vec::new(),
    };
    let bird = bird::Bird::start(lab, "cl", &bird::config(&session).over_several_hops())?;
    // Our own choice of the TTL, and the operator's.
    for (extra, ttl) in [("", 16), (" neighbor 2001:db8:c::2 ebgp-multihop 10\n", 10)] {
        let config = format!(
            "router bgp 65000\n bgp router-id 203.0.113.101\n no bgp network import-check\n \
             neighbor {peer} remote-as 63949\n{extra} address-family ipv6 unicast\n  neighbor {peer} activate\n  \
             network 2001:db8:18:1::7/128 route-map primary\n exit-address-family\n\
             route-map primary permit 10\n set large-community 63949:1:1\n"
        );
        let node = Holdover::start(lab, "n1", &config)?;
        let route = lab.eventually("the route is there", 15.0, || {
            node.runs()?;
            bird.established(us)?;
            bird.route(us, "2001:db8:18:1::7/128")
        })?;
        // A link-local next hop means nothing behind a router.
        ensure!(route.next_hops == [us], "{route:?}");
        let view = node.show(lab, "neighbors")?;
        ensure!(view.pointer("/neighbors/0/ttl").is_some_and(|found| *found == ttl), "{view}");
        node.stop(lab, 10.0)?;
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

fn ten_thousand(lab: &Lab) -> Result<()> {
    const ROUTES: usize = 10_000;
    failover(lab, Failover::default())?;
    let servers = ROUTE_SERVERS.map(|host| bird::Bird::start(lab, host, &bird::route_server(host)));
    let servers: Vec<bird::Bird> = servers.into_iter().collect::<Result<_>>()?;
    let networks: String = (0..ROUTES).fold(String::new(), |all, n| {
        all + &format!("network 10.16.{}.{}/32 route-map primary\n", n / 250, n % 250)
    });
    let family = format!("address-family ipv4 unicast\n{networks}exit-address-family\n");
    let at = Instant::now();
    let node = Holdover::start(lab, "n1", &frame("n1", "no bgp network import-check\n", &family))?;
    for server in &servers {
        lab.eventually("all routes are there", 20.0, || {
            node.runs()?;
            let count = server.count(segment6("n1"))?;
            ensure!(count == ROUTES, "{count}");
            Ok(())
        })?;
    }
    let (took, resident) = (at.elapsed(), node.process().resident_kib()?);
    println!("    start: {ROUTES} networks at all four after {took:?}; RSS {resident} KiB");
    ensure!(took.as_secs_f64() < 5.0, "only after {took:?}");
    ensure!(resident < 24 * 1024, "RSS {resident} KiB");
    let at = Instant::now();
    node.process().signal(Signal::TERM)?;
    for server in &servers {
        lab.eventually("all routes are gone", 20.0, || {
            let count = server.count(segment6("n1"))?;
            ensure!(count == 0, "{count}");
            Ok(())
        })?;
    }
    println!("    start: withdrawn everywhere after {:?}", at.elapsed());
    let status = node.process().wait(lab, 10.0)?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn bad_start(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let bad = CLEAN.replace("remote-as 63949", "remote-as minus") + "frobnicate\n";
    let node = Holdover::start(lab, "us", &bad)?;
    let status = node.process().wait(lab, 5.0)?;
    ensure!(!status.success(), "it gave {status}");
    let log = node.log()?;
    ensure!(log.contains("minus") && log.contains("frobnicate"), "{log}");
    Ok(())
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
    for what in ["summary", "neighbors", "services", "routes", "running-config"] {
        let said = node.show(lab, what)?.to_string();
        ensure!(!said.contains(SECRET), "the password is in show {what}: {said}");
    }
    node.reload(lab, &format!("{config} nonsense {SECRET}\n neighbor {them} passwort {SECRET}\n"))?;
    lab.eventually("the error is shown", 5.0, || {
        let summary = node.show(lab, "summary")?.to_string();
        ensure!(summary.contains("nonsense"), "{summary}");
        Ok(())
    })?;
    let said = format!("{}{}", node.show(lab, "summary")?, node.log()?);
    ensure!(!said.contains(SECRET), "the password is in what it said: {said}");
    node.stop(lab, 10.0)
}

/// Holdover in the route server's place: `rs1` listens for the nodes and installs the primary's route.
fn router(lab: &Lab) -> Result<()> {
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    let config = "hostname rs1\nrouter bgp 63949\n bgp router-id 203.0.113.1\n neighbor NODES peer-group\n \
                  neighbor NODES remote-as 65000\n neighbor NODES capability extended-nexthop\n \
                  bgp listen range 2600:3c0f:4:34::/64 peer-group NODES\nsteer edge\n accept 192.0.2.0/24 le 32\n \
                  prefer large-community 63949:1:1\n prefer large-community 63949:1:2\n install kernel\nexit\n";
    let server = Holdover::start(lab, "rs1", config)?;
    let target = format!("{SHARED}:{SERVICE_PORT}").parse()?;
    for node in NODES {
        serve(lab, node, target)?;
    }
    let second = Holdover::start(lab, "n2", &PLAIN.config(1))?;
    let probe = Probe::start(lab, "cl", target)?;
    probe.answered_by(lab, "n2", Instant::now(), 10.0)?;
    let first = Holdover::start(lab, "n1", &PLAIN.config(0))?;
    probe.answered_by(lab, "n1", Instant::now(), 10.0)?;
    probe.stays_with(lab, "n1", 0.5)?;
    first.stop(lab, 10.0)?;
    probe.answered_by(lab, "n2", Instant::now(), 2.0)?;
    second.stop(lab, 10.0)?;
    server.stop(lab, 10.0)?;
    let left = lab.run("rs1", &["ip", "route", "show", PREFIX])?;
    ensure!(left.is_empty(), "a route was left behind: {left}");
    Ok(())
}

/// Random messages cut at every offset, and third-party vectors where they are: one JSON object a line, always.
fn decode(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let mut lines = vec![String::new(), "zz".to_owned(), "f".repeat(10_001)];
    let mut seed = 0x1234_5678_9abc_def1_u64;
    for kind in [1, 2, 3, 5, 4, 77] {
        for _ in 0..20 {
            let body: Vec<u8> = (0..60)
                .map(|_| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    // Small numbers are lengths, flags and codes more often.
                    seed.to_be_bytes()[0] & if seed & 1 == 0 { 0xff } else { 0x0f }
                })
                .collect();
            let whole = message(kind, &body);
            let hex =
                |bytes: &[u8]| bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
            lines.extend((1..=whole.len()).map(|cut| hex(&whole[..cut])));
        }
    }
    lines.extend(vectors()?);
    let input = lab.write("messages.txt", &(lines.join("\n") + "\n"))?;
    let script = format!("{} decode < {}", program()?, input.display());
    let (code, out, err) = lab.run_any("us", &["sh", "-c", &script])?;
    ensure!(code == Some(0), "{code:?}: {err:.2000}");
    let answers: Vec<&str> = out.lines().collect();
    ensure!(answers.len() == lines.len(), "{} answers for {} lines", answers.len(), lines.len());
    for (line, answer) in lines.iter().zip(answers) {
        let value: serde_json::Value = serde_json::from_str(answer)?;
        let verdict = value["verdict"].as_str();
        let known =
            verdict.is_none_or(|verdict| ["accept", "discard", "withdraw", "reset"].contains(&verdict));
        ensure!(known && value["version"] == 1, "{line}: {answer}");
        ensure!(verdict != Some("reset") || value["notification"]["code"].is_number(), "{line}: {answer}");
    }
    Ok(())
}

/// The hexadecimal texts of the third-party vectors, where there are any.
fn vectors() -> Result<Vec<String>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let folder = std::env::var_os("HOLDOVER_VECTORS").map_or(beside, PathBuf::from);
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.path().extension().is_some_and(|ending| ending == "tsv") {
            let text = std::fs::read_to_string(file.path())?;
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            found.extend(lines.filter_map(|line| line.split('\t').nth(1)).map(str::to_owned));
        }
    }
    Ok(found)
}

/// We play systemd: `Type=notify`, `WatchdogSec=400ms`.
fn notify(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let socket = lab.dir().join("notify");
    let listener = UnixDatagram::bind(&socket)?;
    listener.set_nonblocking(true)?;
    let told = RefCell::new(String::new());
    let hears = |what: &str| {
        lab.eventually(&format!("it says {what}"), 10.0, || {
            let mut buffer = [0; 512];
            while let Ok(length) = listener.recv(&mut buffer) {
                *told.borrow_mut() += &(String::from_utf8_lossy(&buffer[..length]) + "\n");
            }
            let mut told = told.borrow_mut();
            let at = told.find(what).with_context(|| format!("only {told:?}"))?;
            // What comes next is looked for behind it.
            *told = told.split_off(at + what.len());
            Ok(())
        })
    };
    let (named, allowed) = (format!("NOTIFY_SOCKET={}", socket.display()), "WATCHDOG_USEC=400000");
    let node = Holdover::start_by(lab, "us", CLEAN, &["env", &named, allowed])?;
    hears("READY=1")?;
    hears("STATUS=0 of 1 neighbors Established")?;
    hears("WATCHDOG=1")?;
    hears("WATCHDOG=1")?;
    node.reload(lab, CLEAN)?;
    hears("RELOADING=1\nMONOTONIC_USEC=")?;
    hears("READY=1")?;
    node.process().signal(Signal::TERM)?;
    hears("STOPPING=1")?;
    let status = node.process().wait(lab, 10.0)?;
    ensure!(status.success(), "{status}");
    Ok(())
}
