//! A tight BFD session stays Up while eight busy processes hold every core: 10 ms × 3 with real-time scheduling, 50 ms × 3
//! without the permission for it.

use std::net::IpAddr;

use holdover_tests::harness::holdover::{Holdover, opposite};
use holdover_tests::harness::peers::{Bfd, Family, Peer, Session, bird};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::stalls::{Stalls, explain};
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Context as _, Lab, Process, Result, ensure};

/// How many processes do nothing but compute.
const BUSY: usize = 8;
/// What a half has beside its soaking: the sessions come up, and all is looked at again.
const AROUND: u64 = 60;
/// Starts a program without any way to real-time scheduling or a favoured one.
const WITHOUT_PERMISSION: &[&str] =
    &["setpriv", "--bounding-set=-sys_nice", "prlimit", "--rtprio=0:0", "--nice=0:0"];
/// `SCHED_FIFO`, as the kernel counts policies.
const REAL_TIME: &str = "1";

/// One half.
#[derive(Clone, Copy)]
struct Half {
    name: &'static str,
    interval_ms: u32,
    by: &'static [&'static str],
    real_time_threads: usize,
}

const HALVES: [Half; 2] = [
    Half { name: "bfd/10_ms_x_3_in_real_time", interval_ms: 10, by: &[], real_time_threads: 1 },
    Half {
        name: "bfd/50_ms_x_3_without_permission",
        interval_ms: 50,
        by: WITHOUT_PERMISSION,
        real_time_threads: 0,
    },
];

pub(crate) fn cases(seconds: u64) -> Vec<Case> {
    let case = |half: Half| Case::new(half.name, seconds + AROUND, move |lab| soak(lab, half, seconds));
    HALVES.map(case).into()
}

fn soak(lab: &Lab, half: Half, seconds: u64) -> Result<()> {
    pair(lab)?;
    let session = session(half.interval_ms);
    let bird = bird::Bird::start(lab, "them", &bird::config(&session))?;
    // The peer is another machine in life, and nobody computes there.
    lab.in_real_time("them")?;
    let profile = format!(
        "bfd\n profile tight\n  detect-multiplier 3\n  receive-interval {0}\n  transmit-interval {0}\n exit\nexit\n",
        half.interval_ms
    );
    let config = profile + &opposite(&session, &["bfd profile tight"]);
    let us = Holdover::start_by(lab, "us", &config, half.by)?;
    lab.eventually("both are up", 30.0, || {
        us.runs()?;
        bird.established(session.remote)?;
        is_up(&bird, session.remote)
    })?;
    ensure!(real_time_threads(us.process())? == half.real_time_threads, "scheduled otherwise");
    says_what_to_grant(&us, half.real_time_threads == 0)?;

    let before = bird.incarnation(session.remote)?;
    let stalls = Stalls::watch()?;
    let busy = format!("for i in $(seq {BUSY}); do while :; do :; done & done; wait");
    lab.spawn("us", "busy", &["sh", "-c", &busy], &[])?;
    let [idle, all] = ticks()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds that somebody waits for")]
    lab.steadily("the daemon runs", seconds as f64, || us.runs())?;
    let [idle, all] = [ticks()?[0] - idle, ticks()?[1] - all];
    lab.note(&format!("the cores were idle for {idle} of {all} ticks"));
    ensure!(idle * 20 < all, "the cores were not held: idle for {idle} of {all} ticks");
    let (ends, stalls) = (bird.bfd_ends()?, stalls.end()?);
    let interval = f64::from(half.interval_ms) / 1e3;
    let excused = explain(&ends, &stalls, interval, 3.0 * interval)?;
    lab.note(&format!(
        "BFD went down {excused} times, always when the machine itself stood still: {stalls:?}"
    ));
    let after = bird.incarnation(session.remote)?;
    ensure!(excused > 0 || before == after, "the BGP session went down: {before}, then {after}");
    if excused > 0 {
        eprintln!("soak: the machine itself stood still, and BFD went down by that: {excused} times");
    }
    lab.eventually("both are up at the end", 10.0, || {
        bird.established(session.remote)?;
        is_up(&bird, session.remote)
    })?;
    us.stop(lab, 10.0)
}

fn session(interval_ms: u32) -> Session {
    let (local, remote) = (Transport::V6.address("them"), Transport::V6.address("us"));
    Session {
        local,
        remote,
        local_as: 65002,
        remote_as: 65001,
        passive: true,
        password: None,
        gtsm: false,
        hold: None,
        families: vec![Family::V6],
        max_prefix: None,
        bfd: Some(Bfd { interval_ms, multiplier: 3, multihop: false }),
        announce: Vec::new(),
    }
}

fn is_up(peer: &dyn Peer, remote: IpAddr) -> Result<()> {
    let view = peer.bfd(remote)?;
    ensure!(view.state == "up", "{view:?}");
    Ok(())
}

/// A figure of `/proc/PID/stat` or its like, counted from 1 as in proc(5); the name in the second one may have blanks.
fn stat(path: &str, field: usize) -> Result<String> {
    let text = std::fs::read_to_string(path)?;
    let (_, rest) = text.rsplit_once(')').context("no name")?;
    Ok(rest.split_whitespace().nth(field - 3).context("too short a line")?.to_owned())
}

/// For how many ticks the cores were idle, and how many there were, since the machine started.
fn ticks() -> Result<[u64; 2]> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("no line")?;
    let figures: Vec<u64> =
        line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    Ok([figures[3] + figures[4], figures.iter().sum()])
}

fn real_time_threads(process: &Process) -> Result<usize> {
    let mut count = 0;
    for thread in std::fs::read_dir(format!("/proc/{}/task", process.pid()))? {
        let policy = stat(&thread?.path().join("stat").to_string_lossy(), 41)?;
        count += usize::from(policy == REAL_TIME);
    }
    Ok(count)
}

/// The log says what to grant when it is denied, and only then.
fn says_what_to_grant(us: &Holdover, denied: bool) -> Result<()> {
    let log = us.log()?;
    let line = log.lines().find(|line| line.contains("real_time_denied"));
    let says = |word| line.is_some_and(|line| line.contains(word));
    ensure!(line.is_some() == denied, "{log}");
    ensure!(!denied || (says("CAP_SYS_NICE") && says("LimitRTPRIO=1") && says("LimitNICE=-20")), "{line:?}");
    Ok(())
}
