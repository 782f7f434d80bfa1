//! The daemon as a process among others: who gets in while it starts, who else uses its network, its control socket.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use holdover_tests::harness::holdover::Holdover;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Lab, Result, ensure};
use rustix::process::Signal;
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("daemon/nobody_comes_in_without_a_key_while_it_starts_or_reloads", 120, without_key)]
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
