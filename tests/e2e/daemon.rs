//! The daemon as a process among others: who gets in while it starts, who else uses its network, its control socket.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use holdover_tests::harness::holdover::{Holdover, program};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;
use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::present;
use super::world::PREFIX;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("daemon/nobody_comes_in_without_a_key_while_it_starts_or_reloads", 120, without_key),
        Case::new("daemon/a_second_one_in_the_same_network_is_refused_and_harms_nothing", 60, second),
        Case::new("daemon/the_control_socket_hears_again_after_an_accept_that_failed", 60, deaf),
        Case::new("daemon/one_that_is_stopped_is_said_to_be_so_soon", 60, stopped),
        Case::new("daemon/a_file_that_is_no_socket_is_not_replaced", 30, no_socket),
    ]
}

/// How often the daemon is started.
const STARTS: usize = 20;
/// How many neighbors have a key.
const KEYS: u8 = 40;

/// A configuration in which all these neighbors have a key, `10.0.0.2` the last of them.
fn keyed(neighbors: std::ops::Range<u8>) -> String {
    let mut text = "router bgp 65001\n bgp router-id 10.0.0.1\n".to_owned();
    for last in neighbors.map(|place| KEYS + 1 - place) {
        let it = format!(" neighbor 10.0.0.{last}");
        let _ = write!(text, "{it} remote-as 65002\n{it} passive\n{it} password key-{last}\n");
    }
    text
}

/// A client without the key connects as fast as it can while the daemon starts with 40 keys, and while it gives one up.
fn without_key(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let (over, attempts, entered) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let client = scope.spawn(|| lab.within("them", || hammer(&over, &attempts, &entered)));
        let result = (0..STARTS).try_for_each(|_| start_and_reload(lab, &entered));
        over.store(true, Ordering::Relaxed);
        client.join().unwrap_or_else(|_| Err(holdover_tests::harness::anyhow!("the client panicked")))?;
        result
    })?;
    let (attempts, entered) = (attempts.into_inner(), entered.into_inner());
    println!("    {STARTS} starts: {attempts} attempts without the key, {entered} came in");
    ensure!(entered == 0 && attempts > 1_000, "{entered} of {attempts} came in");
    Ok(())
}

fn start_and_reload(lab: &Lab, entered: &AtomicU32) -> Result<()> {
    let node = Holdover::start(lab, "us", &keyed(0..KEYS))?;
    let listens = |count: u64| {
        node.runs()?;
        let summary = node.show(lab, "summary")?;
        let summary = &summary["summary"];
        ensure!(summary["listening"] == true && summary["neighbors"] == count, "{summary}");
        Ok(())
    };
    lab.eventually("it listens", 10.0, || listens(KEYS.into()))?;
    node.reload(lab, &keyed(1..KEYS))?;
    lab.eventually("one neighbor is gone", 10.0, || listens(u64::from(KEYS) - 1))?;
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0)?;
    ensure!(entered.load(Ordering::Relaxed) == 0, "somebody came in without the key");
    Ok(())
}

/// Connects to BGP's port without a key again and again, and counts.
fn hammer(over: &AtomicBool, attempts: &AtomicU32, entered: &AtomicU32) -> Result<()> {
    let to = SocketAddr::new(Transport::V4.address("us"), 179);
    while !over.load(Ordering::Relaxed) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        attempts.fetch_add(1, Ordering::Relaxed);
        if socket.connect_timeout(&to.into(), Duration::from_millis(2)).is_ok() {
            entered.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// A configuration that binds an address.
const BINDS: &str = "router bgp 65001\n bgp router-id 10.0.0.1\nfailover web\n address 192.0.2.10/32\n start-delay 0s\nexit\n";

fn second(lab: &Lab) -> Result<()> {
    const EMPTY: &str = "router bgp 65001\n bgp router-id 10.0.0.1\n";
    pair(lab)?;
    let first = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("the address is bound", 10.0, || present(lab, "us", "lo", PREFIX))?;
    // With files of its own; it wants no address, and would take the first one's for leftovers.
    let (config, control) = (lab.write("second.conf", EMPTY)?, lab.dir().join("second.sock"));
    let own = |name: &str| lab.dir().join(name).to_string_lossy().into_owned();
    let (program, config, control) = (program()?, config.to_string_lossy(), control.to_string_lossy());
    let (owned, state) = (own("second-owned"), own("second-wishes"));
    let words = ["run", "-c", &config, "--control", &control, "--owned", &owned, "--state", &state];
    let run = |host: &str| lab.run_any(host, &[&["timeout", "3", program.as_str()], &words[..]].concat());
    let (code, _, said) = run("us")?;
    let pid = first.process().pid();
    ensure!(code == Some(1) && said.contains(&format!("process {pid}")), "{code:?}: {said}");
    lab.steadily("the address stays", 0.5, || present(lab, "us", "lo", PREFIX))?;
    // Another network is another matter: there it runs until `timeout` ends it.
    let (code, _, said) = run("them")?;
    ensure!(code == Some(124), "{code:?}: {said}");
    // The lock goes with its holder, however that ends.
    first.process().signal(Signal::KILL)?;
    first.process().wait(lab, 5.0)?;
    let again = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("the next one answers", 10.0, || again.show(lab, "summary").map(drop))?;
    again.stop(lab, 10.0)
}

fn deaf(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let node = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("it answers", 10.0, || node.show(lab, "summary").map(drop))?;
    let pid = node.process().pid();
    // Not a descriptor more than it has now: what is free below the highest one is taken into account.
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let open: std::collections::BTreeSet<u32> = open.collect();
    let lowest = (0..1024).find(|fd| !open.contains(fd)).unwrap_or(0);
    let limit =
        |soft: u32| lab.run("us", &["prlimit", "--pid", &pid.to_string(), &format!("--nofile={soft}:")]);
    limit(lowest)?;
    let asked =
        lab.spawn("us", "asked", &[&program()?, "show", "summary", "--control", &control(lab)], &[])?;
    lab.eventually("it says so", 10.0, || {
        ensure!(node.log()?.contains("control_deaf"), "nothing in the log");
        Ok(())
    })?;
    limit(1024)?;
    let status = asked.wait(lab, 5.0)?;
    ensure!(status.success(), "who waited was not answered: {status}");
    node.show(lab, "summary")?;
    node.stop(lab, 10.0)
}

/// Where the first host's daemon listens.
fn control(lab: &Lab) -> String {
    lab.dir().join("us-holdover.sock").to_string_lossy().into_owned()
}

fn stopped(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let node = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("it answers", 10.0, || node.show(lab, "summary").map(drop))?;
    node.process().signal(Signal::STOP)?;
    let (program, control, begun) = (program()?, control(lab), std::time::Instant::now());
    for words in [&["show", "summary"][..], &["drain", "--wait"], &["stop"]] {
        let (code, _, said) =
            lab.run_any("us", &[&[program.as_str()], words, &["--control", &control]].concat())?;
        let expected = format!("process {}) is stopped", node.process().pid());
        ensure!(code == Some(1) && said.contains(&expected), "{code:?}: {said}");
    }
    ensure!(begun.elapsed() < Duration::from_secs(9), "only after {:?}", begun.elapsed());
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0).map(drop)
}

fn no_socket(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let file = lab.write("us-holdover.sock", "precious\n")?;
    let node = Holdover::start(lab, "us", BINDS)?;
    let status = node.process().wait(lab, 5.0)?;
    ensure!(status.code() == Some(1) && node.log()?.contains("no socket"), "{status}: {}", node.log()?);
    ensure!(std::fs::read_to_string(&file)? == "precious\n", "it is gone");
    std::fs::remove_file(&file)?;
    // A socket that a dead daemon left is replaced; what somebody put in the place of ours stays when we go.
    let node = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("it answers", 10.0, || node.show(lab, "summary").map(drop))?;
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0)?;
    let node = Holdover::start(lab, "us", BINDS)?;
    lab.eventually("it answers", 10.0, || node.show(lab, "summary").map(drop))?;
    std::fs::remove_file(&file)?;
    std::fs::write(&file, "precious\n")?;
    node.stop(lab, 10.0)?;
    ensure!(std::fs::read_to_string(&file)? == "precious\n", "it is gone");
    Ok(())
}
