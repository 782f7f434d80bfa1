//! What operators want, what failures lead to, and how often: against route servers where the node that gives way has the
//! lower router-id, so that a tie would keep the traffic there.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use holdover_tests::harness::holdover::program;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{NODES, segment6};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::addresses::present;
use super::world::{COMMUNITY, PLAIN, PREFIX, Setup, World};

/// The first node, which gives way in every case.
const N1: usize = 0;
const N2: usize = 1;

const STANDBY: &str = " standby route-map secondary\n drain-delay 1s\n linger 500ms\n";

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, run: fn(&Lab) -> Result<()>| Case::new(format!("policy/{name}"), 60, run);
    vec![
        case("on_failure_standby_never_ties", on_failure_standby),
        case("no_preempt_never_ties_and_undrain_ends_it", no_preempt),
        case("no_preempt_outlives_a_crash_and_not_a_stop_in_good_order", no_preempt_crash),
        case("a_drain_into_standby_never_ties", drain_into_standby),
        case("preempt_delay_stands_by_first", preempt_delay),
        case("demote_stands_by_and_is_refused_without_standby", demote),
        case("promote_makes_the_secondary_active", promote),
        case("force_overrules_a_failing_check_and_not_a_missing_address", force),
        case("drain_wait_returns_when_all_neighbors_have_acknowledged", drain_wait),
        case("drain_wait_names_a_neighbor_that_does_not_answer", drain_unconfirmed),
        case("persist_survives_a_restart_and_announces_nothing", persist),
        case("three_failures_hold_a_service_down_and_it_comes_back", damping),
        case("graceful_shutdown_by_reload_drains_and_is_taken_back", graceful_shutdown),
    ]
}

fn setup(service: &'static str) -> Setup {
    Setup { service: Some(service), ..PLAIN }
}

/// The first node's configuration, with a check that passes while a file is there; and the file.
fn with_check(world: &World<'_>) -> Result<PathBuf> {
    let file = world.lab.dir().join("ready");
    fs::write(&file, "")?;
    let check = format!(" check ready file {} interval 50ms rise 1 fall 1\nexit\n", file.display());
    let config = world.setup.config(N1);
    let (head, tail) = config.rsplit_once("exit\n").unwrap_or((&config, ""));
    world.nodes[N1].reload(world.lab, &format!("{head}{check}{tail}"))?;
    world.lab.eventually("the check passes", 5.0, || {
        let services = world.nodes[N1].show(world.lab, "services")?;
        ensure!(services["checks"][0]["last_passed"] == true, "{services}");
        Ok(())
    })?;
    Ok(file)
}

/// Every route server has the first node's route, with the standby attributes and its AS three times.
fn stands_by(world: &World<'_>, seconds: f64) -> Result<()> {
    for server in &world.servers {
        world.lab.eventually("the first node stands by", seconds, || {
            let route = server.route(segment6(NODES[N1]), PREFIX)?;
            ensure!(route.large == [COMMUNITY[N2]] && route.as_path == [65000; 3], "{route:?}");
            Ok(())
        })?;
    }
    Ok(())
}

fn service(world: &World<'_>, node: usize) -> Result<Value> {
    Ok(world.nodes[node].show(world.lab, "services")?["services"][0].clone())
}

/// A command to the first node: its exit status, and what it says on either output.
fn say(world: &World<'_>, node: usize, words: &[&str]) -> Result<(Option<i32>, String)> {
    let control = world.lab.dir().join(format!("{}-holdover.sock", NODES[node]));
    let control = control.to_string_lossy();
    let program = program()?;
    let argv = [&[program.as_str()], words, &["--control", &control]].concat();
    let (code, out, err) = world.lab.run_any(NODES[node], &argv)?;
    Ok((code, out + &err))
}

fn on_failure_standby(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" standby route-map secondary\n on-failure standby\n"))?;
    let file = with_check(&world)?;
    let at = Instant::now();
    fs::remove_file(&file)?;
    world.probe.answered_by(lab, "n2", at, 2.0)?;
    stands_by(&world, 2.0)?;
    world.probe.stays_with(lab, "n2", 1.0)?;
    fs::write(&file, "")?;
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

fn no_preempt(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" standby route-map secondary\n no preempt\n"))?;
    let file = with_check(&world)?;
    let at = Instant::now();
    fs::remove_file(&file)?;
    world.probe.answered_by(lab, "n2", at, 2.0)?;
    world.withdrawn(N1, 2.0)?;
    fs::write(&file, "")?;
    stands_by(&world, 3.0)?;
    world.probe.stays_with(lab, "n2", 2.0)?;
    world.nodes[N1].command(lab, &["undrain", "web"])?;
    world.settled(5.0)?;
    world.end()
}

fn no_preempt_crash(lab: &Lab) -> Result<()> {
    let mut world = World::up(lab, setup(" standby route-map secondary\n linger 500ms\n no preempt\n"))?;
    let file = lab.dir().join("n1-wishes.last-run");
    let says = |what: &str| {
        lab.eventually(what, 2.0, || {
            let text = fs::read_to_string(&file)?;
            ensure!(text.contains(what), "{text}");
            Ok(())
        })
    };
    says("web active")?;
    // The second time it was not active when it was killed.
    for _ in 0..2 {
        world.nodes[N1].process().signal(Signal::KILL)?;
        world.nodes[N1].process().wait(lab, 5.0)?;
        world.probe.answered_by(lab, "n2", Instant::now(), 3.0)?;
        world.restart(N1)?;
        stands_by(&world, 8.0)?;
        world.probe.stays_with(lab, "n2", 1.0)?;
        says("web gave-way")?;
    }
    let because = service(&world, N1)?["because"].to_string();
    ensure!(because.contains("may not preempt"), "{because}");
    world.nodes[N1].command(lab, &["undrain", "web"])?;
    world.settled(5.0)?;
    says("web active")?;
    world.nodes[N1].stop(lab, 10.0)?;
    ensure!(!file.exists(), "a stop in good order leaves {}", file.display());
    world.restart(N1)?;
    world.settled(8.0)?;
    // A file that cannot be read means standing by.
    world.nodes[N1].process().signal(Signal::KILL)?;
    world.nodes[N1].process().wait(lab, 5.0)?;
    fs::write(&file, "")?;
    world.restart(N1)?;
    stands_by(&world, 8.0)?;
    ensure!(world.nodes[N1].log()?.contains("last_run_unreadable"), "nothing in the log");
    world.nodes[N1].command(lab, &["promote", "web"])?;
    world.settled(5.0)?;
    world.end()
}

fn drain_into_standby(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" standby route-map secondary\n drain-delay 5s\n"))?;
    let at = Instant::now();
    world.nodes[N1].command(lab, &["drain"])?;
    // These route servers make nothing of GRACEFUL_SHUTDOWN: only the prepends move the traffic.
    world.probe.answered_by(lab, "n2", at, 2.0)?;
    stands_by(&world, 2.0)?;
    for server in &world.servers {
        let route = server.route(segment6("n1"), PREFIX)?;
        ensure!(route.communities == ["65535:0"], "{route:?}");
    }
    world.withdrawn(N1, 8.0)?;
    present(lab, "n1", "lo", PREFIX)?;
    world.nodes[N1].command(lab, &["auto"])?;
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

fn preempt_delay(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" standby route-map secondary\n preempt delay 3s\n"))?;
    let file = with_check(&world)?;
    fs::remove_file(&file)?;
    world.withdrawn(N1, 2.0)?;
    let at = Instant::now();
    fs::write(&file, "")?;
    stands_by(&world, 2.0)?;
    world.settled(8.0)?;
    ensure!(at.elapsed() > Duration::from_secs(3), "it took over after {:?}", at.elapsed());
    world.end()
}

fn demote(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" linger 500ms\n"))?;
    let (code, said) = say(&world, N1, &["demote", "web"])?;
    ensure!(code == Some(1) && said.contains("standby") && said.contains("drain web"), "{code:?} {said}");
    let (code, said) = say(&world, N1, &["promote", "wep"])?;
    ensure!(code == Some(1) && said.contains("did you mean `web`?"), "{code:?} {said}");
    world.probe.stays_with(lab, "n1", 0.3)?;
    let text = world.setup.config(N1).replace(" linger", " standby route-map secondary\n linger");
    world.nodes[N1].reload(lab, &text)?;
    let at = Instant::now();
    lab.eventually("it may be demoted", 5.0, || {
        let (code, said) = say(&world, N1, &["demote", "web"])?;
        ensure!(code == Some(0), "{code:?} {said}");
        Ok(())
    })?;
    world.probe.answered_by(lab, "n2", at, 2.0)?;
    stands_by(&world, 2.0)?;
    let shown = service(&world, N1)?;
    ensure!(shown["wish"] == "demote" && shown["wish_user"] == "root", "{shown}");
    ensure!(shown["wish_process"].is_number() && shown["wish_since"].is_string(), "{shown}");
    let (_, text) = say(&world, N1, &["show", "services"])?;
    ensure!(text.contains("web: `demote` by root (process "), "{text}");
    ensure!(world.nodes[N1].log()?.contains("service web: `demote` by root"), "the log does not tell");
    world.nodes[N1].command(lab, &["undrain", "web"])?;
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

fn promote(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(STANDBY))?;
    let at = Instant::now();
    let config = world.setup.config(N2).replace("active route-map secondary", "active route-map primary");
    world.nodes[N2].reload(lab, &config)?;
    world.nodes[N2].command(lab, &["promote", "web"])?;
    world.announced_with(N2, &[COMMUNITY[N1]], 3.0)?;
    world.nodes[N1].command(lab, &["demote", "web"])?;
    world.probe.answered_by(lab, "n2", Instant::now(), 2.0)?;
    stands_by(&world, 2.0)?;
    world.probe.stays_with(lab, "n2", 0.5)?;
    for node in [N1, N2] {
        world.nodes[node].command(lab, &["undrain", "web"])?;
    }
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}

fn force(lab: &Lab) -> Result<()> {
    let world = World::up(lab, Setup { prebound: Some("lo"), ..setup(STANDBY) })?;
    let file = with_check(&world)?;
    fs::remove_file(&file)?;
    world.withdrawn(N1, 2.0)?;
    world.nodes[N1].command(lab, &["force", "web"])?;
    world.announced(N1, 2.0)?;
    world.probe.answered_by(lab, "n1", Instant::now(), 2.0)?;
    lab.ip("n1", &format!("addr del {PREFIX} dev lo"))?;
    world.withdrawn(N1, 2.0)?;
    world.probe.answered_by(lab, "n2", Instant::now(), 2.0)?;
    lab.ip("n1", &format!("addr add {PREFIX} dev lo"))?;
    world.announced(N1, 2.0)?;
    world.nodes[N1].command(lab, &["auto", "web"])?;
    world.withdrawn(N1, 2.0)?;
    world.end()
}

fn drain_wait(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(STANDBY))?;
    let at = Instant::now();
    let (code, said) = say(&world, N1, &["drain", "--wait", "web"])?;
    ensure!(code == Some(0) && said.contains("acknowledged"), "{code:?} {said}");
    let took = at.elapsed();
    ensure!(took > Duration::from_secs(1), "it returned after {took:?}, before drain-delay was over");
    ensure!(took < Duration::from_secs(3), "it returned after {took:?}");
    // The kernels have it; the daemons read it as soon as they run.
    world.withdrawn(N1, 0.5)?;
    world.lost_at_most(at, 3)?;
    let (code, said) = say(&world, N1, &["drain", "--wait", "web"])?;
    ensure!(code == Some(0) && said.contains("it was so already"), "{code:?} {said}");
    world.end()
}

fn drain_unconfirmed(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(" drain-delay 500ms\n drain-timeout 2s\n"))?;
    let silent = segment6("rs3");
    let rules = format!(
        "add table inet cut; add chain inet cut in {{ type filter hook input priority -300; }}; \
         add rule inet cut in ip6 saddr {silent} drop"
    );
    lab.run("n1", &["nft", &rules])?;
    let at = Instant::now();
    let (code, said) = say(&world, N1, &["drain", "--wait", "web"])?;
    ensure!(code == Some(3), "{code:?} {said}");
    ensure!(said.contains(&format!("within 2 s not acknowledged by {silent}\n")), "{said}");
    ensure!(at.elapsed() < Duration::from_secs(5), "it returned after {:?}", at.elapsed());
    lab.run("n1", &["nft", "delete table inet cut"])?;
    world.withdrawn(N1, 5.0)?;
    world.end()
}

fn persist(lab: &Lab) -> Result<()> {
    // The address is there before the daemon: it could be announced at once.
    let mut world = World::up(lab, Setup { prebound: Some("lo"), ..setup(STANDBY) })?;
    world.nodes[N1].command(lab, &["drain", "--persist", "web"])?;
    world.withdrawn(N1, 5.0)?;
    world.nodes[N1].stop(lab, 10.0)?;
    world.restart(N1)?;
    for server in &world.servers {
        lab.eventually("the session is back", 10.0, || server.established(segment6("n1")))?;
    }
    lab.steadily("nothing is announced", 2.0, || {
        world.servers.iter().try_for_each(|server| server.no_route(segment6("n1"), PREFIX))
    })?;
    let shown = service(&world, N1)?;
    ensure!(shown["wish"] == "drain" && shown["wish_persists"] == true, "{shown}");
    ensure!(shown["wish_user"] == "root", "{shown}");
    // What is taken back does not come back.
    world.nodes[N1].command(lab, &["undrain", "web"])?;
    world.settled(5.0)?;
    world.nodes[N1].stop(lab, 10.0)?;
    world.restart(N1)?;
    world.settled(10.0)?;
    world.end()
}

fn damping(lab: &Lab) -> Result<()> {
    let world = World::up(lab, setup(STANDBY))?;
    let file = with_check(&world)?;
    for failure in 1..=3 {
        fs::remove_file(&file)?;
        world.withdrawn(N1, 2.0)?;
        fs::write(&file, "")?;
        if failure < 3 {
            world.announced(N1, 2.0)?;
        }
    }
    let at = Instant::now();
    stands_by(&world, 2.0)?;
    let shown = service(&world, N1)?;
    let held = shown["held_milliseconds"].as_u64().unwrap_or(0);
    ensure!((1..=3_000).contains(&held), "{shown}");
    let (_, text) = say(&world, N1, &["show", "services"])?;
    ensure!(text.contains("damping holds it down for another"), "{text}");
    world.probe.stays_with(lab, "n2", 1.0)?;
    world.settled(6.0)?;
    ensure!(at.elapsed() > Duration::from_secs(2), "it was held for {:?}", at.elapsed());
    let shown = service(&world, N1)?;
    ensure!(shown["held_milliseconds"].is_null(), "{shown}");
    world.end()
}

fn graceful_shutdown(lab: &Lab) -> Result<()> {
    let world = World::up(lab, PLAIN)?;
    let at = Instant::now();
    let config = world.setup.config(N1);
    world.nodes[N1]
        .reload(lab, &config.replace("router bgp 65000\n", "router bgp 65000\nbgp graceful-shutdown\n"))?;
    for server in &world.servers {
        lab.eventually("the route has GRACEFUL_SHUTDOWN", 1.5, || {
            let route = server.route(segment6("n1"), PREFIX)?;
            ensure!(route.communities == ["65535:0"], "{route:?}");
            Ok(())
        })?;
    }
    world.withdrawn(N1, 5.0)?;
    world.probe.answered_by(lab, "n2", Instant::now(), 1.0)?;
    present(lab, "n1", "lo", PREFIX)?;
    world.nodes[N1].reload(lab, &config)?;
    world.settled(5.0)?;
    world.lost_at_most(at, 3)?;
    world.end()
}
