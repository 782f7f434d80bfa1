//! What this machine lacks, or what does not answer, is no failure of a service: names, threads, descriptors, disks, the reader
//! of the log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use holdover_tests::harness::holdover::{Holdover, frame, with_service};
use holdover_tests::harness::peers::{Kind, Peer};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Failover, SHARED, failover, segment6};
use holdover_tests::harness::{Context as _, Lab, Result, bail, ensure};
use rustix::process::Signal;

use super::world::{PREFIX, start_server};

/// The port of the service that is checked.
const PORT: u16 = 8080;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, run: fn(&Lab) -> Result<()>| Case::new(format!("scarcity/{name}"), 90, run);
    vec![
        case("a_silent_name_server_withdraws_nothing_that_was_found", names),
        case("no_thread_to_be_had_is_a_failed_check_with_a_reason", threads),
        case("no_descriptor_to_be_had_changes_no_verdict", descriptors),
        case("a_log_that_nobody_reads_holds_nobody_up", log),
        case("a_disk_that_does_not_answer_holds_up_its_own_checks", disk),
        case("what_a_command_started_ends_with_a_daemon_that_is_killed", killed),
        case("the_text_of_the_configuration_is_in_no_memory_and_no_core", secrets),
        case("a_command_has_nothing_of_what_was_lent_to_the_daemon", guest),
        case("output_that_cannot_be_written_ends_nothing", full),
        case("a_start_after_a_crash_says_so", crashed),
    ]
}

/// One route server, and a place for a node.
fn server(lab: &Lab) -> Result<Box<dyn Peer>> {
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    start_server(lab, Kind::Bird, "rs1")
}

fn config(checks: &str) -> String {
    let more = format!(" no dampen\n{checks}\n");
    with_service("n1", "primary", "", &format!(" address {SHARED}/32"), &more)
}

fn announced(lab: &Lab, node: &Holdover, server: &dyn Peer) -> Result<()> {
    lab.eventually("the service is announced", 15.0, || {
        node.runs()?;
        server.route(segment6("n1"), PREFIX).map(drop)
    })
}

fn withdrawn(lab: &Lab, node: &Holdover, server: &dyn Peer) -> Result<()> {
    lab.eventually("the service is withdrawn", 15.0, || {
        node.runs()?;
        server.established(segment6("n1"))?;
        server.no_route(segment6("n1"), PREFIX)
    })
}

fn stays(lab: &Lab, node: &Holdover, server: &dyn Peer, seconds: f64) -> Result<()> {
    lab.steadily("the service stays announced", seconds, || {
        node.runs()?;
        server.route(segment6("n1"), PREFIX).map(drop)
    })
}

fn says(lab: &Lab, node: &Holdover, mark: usize, text: &str) -> Result<()> {
    lab.eventually(&format!("the log says {text}"), 10.0, || {
        let log = node.log()?;
        let news = log.get(mark..).unwrap_or("");
        ensure!(news.contains(text), "{news}");
        Ok(())
    })
}

/// A TCP server of HTTP that is always well.
fn serve(lab: &Lab) -> Result<()> {
    use std::io::Write as _;
    let listener = lab.within("n1", || Ok(TcpListener::bind(("0.0.0.0", PORT))?))?;
    let stop = lab.stop_flag();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let Ok(mut stream) = stream else { continue };
            let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    Ok(())
}

const SILENT: u8 = 0;
const ANSWERS: u8 = 1;
const DENIES: u8 = 2;

/// A name server at 127.0.0.53 of n1, which knows each name as 127.0.0.1.
fn name_server(lab: &Lab) -> Result<Arc<AtomicU8>> {
    let socket = lab.within("n1", || Ok(UdpSocket::bind(("127.0.0.53", 53))?))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let (manner, stop) = (Arc::new(AtomicU8::new(SILENT)), lab.stop_flag());
    let obeyed = Arc::clone(&manner);
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while !stop.load(Ordering::Relaxed) {
            let Ok((length, asker)) = socket.recv_from(&mut packet) else { continue };
            let manner = obeyed.load(Ordering::Relaxed);
            if manner == SILENT || length < 17 {
                continue;
            }
            // The question: a name up to its empty label, the type, the class.
            let Some(end) = packet[12..length].iter().position(|&octet| octet == 0).map(|at| 12 + at + 5)
            else {
                continue;
            };
            let is_a = packet[end - 4..end - 2] == [0, 1];
            let mut answer = packet[..end.min(length)].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
            if manner == DENIES {
                answer[3] = 0x83;
            } else if is_a {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, asker);
        }
    });
    Ok(manner)
}

/// Whether the four services whose checks ask names have this posture.
fn all(lab: &Lab, node: &Holdover, posture: &str) -> Result<()> {
    let shown = node.show(lab, "services")?;
    let services = shown["services"].as_array().context("no services")?;
    let others = services.iter().filter(|one| one["name"] != "web" && one["posture"] == posture).count();
    ensure!(others == 4, "{services:?}");
    Ok(())
}

fn names(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    serve(lab)?;
    let manner = name_server(lab)?;
    let resolv = lab.write("resolv.conf", "nameserver 127.0.0.53\noptions timeout:5 attempts:3\n")?;
    let switch = lab.write("switch", "")?;
    let mut text = config(&format!(
        "check file file {} interval 100ms rise 1 fall 1\ncheck command interval 200ms rise 1 fall 1 exec /bin/true\n\
         check port tcp 127.0.0.1:{PORT} interval 100ms rise 1 fall 1",
        switch.display()
    ));
    // More names than there are helpers of any kind.
    for service in 0..4 {
        writeln!(text, "failover other{service}\n address 192.0.2.{}/32\n no dampen", 20 + service)?;
        for check in 0..8 {
            let url = format!("http://n{service}x{check}.example.org:{PORT}/");
            writeln!(text, " check c{check} http {url} interval 200ms timeout 200ms rise 1 fall 2")?;
        }
        text += "exit\n";
    }
    let bind = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", resolv.display());
    let node = Holdover::start_by(lab, "n1", &text, &["unshare", "--mount", "sh", "-c", &bind, "sh"])?;
    announced(lab, &node, &*server)?;
    stays(lab, &node, &*server, 5.0)?;
    says(lab, &node, 0, "its name could not be resolved")?;
    // Names that were found once are good for as long as nobody says otherwise.
    manner.store(ANSWERS, Ordering::Relaxed);
    lab.eventually("the services with names are announced", 40.0, || all(lab, &node, "active"))?;
    let mark = node.log()?.len();
    manner.store(SILENT, Ordering::Relaxed);
    lab.steadily("they stay announced", 8.0, || all(lab, &node, "active"))?;
    says(lab, &node, mark, "name_server_silent")?;
    let log = node.log()?;
    ensure!(!log.get(mark..).unwrap_or("").contains("unhealthy"), "{log}");
    // An answer counts, also one that there is no such name.
    manner.store(DENIES, Ordering::Relaxed);
    lab.eventually("they are withdrawn", 30.0, || all(lab, &node, "withdrawn"))?;
    server.route(segment6("n1"), PREFIX)?;
    node.stop(lab, 10.0)
}

fn threads(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let switch = lab.write("switch", "")?;
    // The limit is that of a user, and root has none. There is room for the daemon's five threads and no helper.
    let by = [&["prlimit", "--nproc=5:64"][..], &LENT].concat();
    let check = format!("check up file {} interval 100ms rise 1 fall 1", switch.display());
    let node = Holdover::start_by(lab, "n1", &config(&check), &by)?;
    lab.eventually("it says why", 15.0, || {
        node.runs()?;
        let log = node.log()?;
        ensure!(log.contains("unhealthy: could not be started: no thread is to be had"), "{log}");
        ensure!(log.contains("check_not_run"), "{log}");
        server.established(segment6("n1"))
    })?;
    lab.steadily("it runs on", 1.0, || node.runs())?;
    let pid = node.process().pid().to_string();
    // Who may change it is the user itself.
    let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
    lab.run("n1", &[&user[..], &["prlimit", "--pid", &pid, "--nproc=64:64"]].concat())?;
    announced(lab, &node, &*server)?;
    node.stop(lab, 10.0)
}

/// A process that does nothing; it ends with the test.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Result<Self> {
        Ok(Self(Command::new("sleep").arg("500").spawn()?))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn descriptors(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    serve(lab)?;
    let pidfile = lab.dir().join("service.pid");
    let process = Sleeper::new()?;
    let write = |process: &Sleeper| -> Result<()> {
        let beside = lab.write("service.pid.new", &format!("{}\n", process.0.id()))?;
        Ok(fs::rename(beside, &pidfile)?)
    };
    write(&process)?;
    let checks = format!(
        "check port tcp {SHARED}:{PORT} interval 100ms rise 1 fall 1\n\
         check page http http://127.0.0.1:{PORT}/ interval 100ms rise 1 fall 1\n\
         check echo icmp 127.0.0.1 interval 100ms rise 1 fall 1\n\
         check command interval 100ms rise 1 fall 1 exec /bin/true\n\
         check process process pidfile {}",
        pidfile.display()
    );
    let node = Holdover::start(lab, "n1", &config(&checks))?;
    announced(lab, &node, &*server)?;
    let pid = node.process().pid().to_string();
    let limit =
        |most: &str| lab.run("n1", &["prlimit", "--pid", &pid, &format!("--nofile={most}")]).map(drop);
    let mark = node.log()?.len();
    limit("3:4096")?;
    // Whoever looks into the file now finds nothing out, and must look again.
    write(&process)?;
    stays(lab, &node, &*server, 6.0)?;
    for check in ["port", "page", "echo", "command", "process"] {
        says(lab, &node, mark, &format!("check {check} cannot be run, this machine lacks what it takes"))?;
    }
    let log = node.log()?;
    ensure!(!log.get(mark..).unwrap_or("").contains("unhealthy"), "{log}");
    ensure!(log.lines().filter(|line| line.contains("check_not_run")).count() == 5, "said once each: {log}");
    // What is known without a new descriptor is acted on all the same.
    drop(process);
    withdrawn(lab, &node, &*server)?;
    limit("4096:4096")?;
    let successor = Sleeper::new()?;
    write(&successor)?;
    announced(lab, &node, &*server)?;
    says(lab, &node, mark, "check_runs_again")?;
    drop(successor);
    withdrawn(lab, &node, &*server)?;
    node.stop(lab, 10.0)
}

fn log(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let fifo = lab.dir().join("log");
    lab.run("n1", &["mkfifo", &fifo.to_string_lossy()])?;
    // Somebody has it open, and never reads.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits())?;
    let mut reader = File::options().read(true).write(true).custom_flags(nonblock).open(&fifo)?;
    rustix::pipe::fcntl_setpipe_size(&reader, 4_096)?;
    let notify = lab.dir().join("notify");
    let manager = UnixDatagram::bind(&notify)?;
    manager.set_nonblocking(true)?;
    let script = format!(
        "export NOTIFY_SOCKET={} WATCHDOG_USEC=1000000; exec \"$@\" 2> {}",
        notify.display(),
        fifo.display()
    );
    // The text has a remark for each of these lines, each time it is read.
    let mut text = config("");
    for number in 0..40 {
        writeln!(text, "log file /var/log/{number}")?;
    }
    let node = Holdover::start_by(lab, "n1", &text, &["sh", "-c", &script, "sh"])?;
    announced(lab, &node, &*server)?;
    for _ in 0..10 {
        let begun = Instant::now();
        node.command(lab, &["reload"])?;
        node.show(lab, "summary")?;
        ensure!(begun.elapsed() < Duration::from_secs(3), "it took {:?}", begun.elapsed());
    }
    let pings = || {
        let (mut octets, mut count) = ([0; 1_024], 0);
        while let Ok(length) = manager.recv(&mut octets) {
            count += u32::from(octets[..length].windows(10).any(|part| part == b"WATCHDOG=1"));
        }
        count
    };
    pings();
    let begun = Instant::now();
    let mut count = 0;
    lab.eventually("the watchdog is fed", 10.0, || {
        count += pings();
        ensure!(count >= 4, "{count}");
        Ok(())
    })?;
    ensure!(begun.elapsed() < Duration::from_secs(5), "four times in {:?}", begun.elapsed());
    // It stops in order, and does not wait for the reader for ever.
    node.stop(lab, 10.0)?;
    let mut octets = vec![0; 4_096];
    let length = reader.read(&mut octets)?;
    ensure!(length > 1_000, "{length} octets were in the pipe");
    server.no_route(segment6("n1"), PREFIX)
}

/// A folder that only root may write: the lab's own is open to every user.
fn folder(lab: &Lab) -> Result<PathBuf> {
    let name = lab.dir().file_name().context("no name")?.to_string_lossy().into_owned();
    let path = std::env::temp_dir().join(format!("{name}-scarcity"));
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    lab.owns_folder(&path);
    Ok(path)
}

/// A file system whose server never answers: FUSE, mounted by hand. Who looks at it waits until it is taken away.
struct DeadDisk {
    at: PathBuf,
    _server: File,
}

impl DeadDisk {
    fn mount(lab: &Lab) -> Result<Self> {
        use std::os::fd::AsRawFd as _;
        let at = folder(lab)?.join("dead");
        fs::create_dir(&at)?;
        let server = File::options().read(true).write(true).open("/dev/fuse").context("no FUSE here")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
        rustix::mount::mount(
            "dead",
            &at,
            "fuse",
            rustix::mount::MountFlags::empty(),
            Some(std::ffi::CString::new(options)?.as_c_str()),
        )
        .context("mount")?;
        Ok(Self { at, _server: server })
    }
}

impl Drop for DeadDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(
            &self.at,
            rustix::mount::UnmountFlags::DETACH | rustix::mount::UnmountFlags::FORCE,
        );
    }
}

fn disk(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    serve(lab)?;
    let Ok(dead) = DeadDisk::mount(lab) else {
        lab.note("not shown: a disk that does not answer needs FUSE");
        return Ok(());
    };
    let pidfile = lab.dir().join("service.pid");
    let process = Sleeper::new()?;
    fs::write(&pidfile, format!("{}\n", process.0.id()))?;
    let good = lab.write("good", "")?;
    let mut text = config(&format!(
        "check port tcp 127.0.0.1:{PORT} interval 100ms rise 1 fall 1\n\
         check file file {} interval 100ms rise 1 fall 1\n\
         check command interval 100ms rise 1 fall 1 exec /bin/true\n\
         check process process pidfile {}",
        good.display(),
        pidfile.display()
    ));
    let path = dead.at.display();
    write!(
        text,
        "failover ill\n address 192.0.2.20/32\n no dampen\n check pid process pidfile {path}/run/service.pid\n \
         check file file {path}/file interval 100ms timeout 100ms\n \
         check command interval 100ms timeout 100ms exec {path}/check\nexit\n"
    )?;
    let node = Holdover::start(lab, "n1", &text)?;
    announced(lab, &node, &*server)?;
    // Each of the three asks a hundred times.
    stays(lab, &node, &*server, 10.0)?;
    let log = node.log()?;
    for check in ["pid", "file", "command"] {
        ensure!(
            log.contains(&format!("service ill: check {check}: unhealthy: no answer in time")),
            "{check}: {log}"
        );
    }
    ensure!(!log.contains("service web: check file: unhealthy"), "{log}");
    drop(process);
    withdrawn(lab, &node, &*server)?;
    drop(dead);
    node.stop(lab, 10.0)
}

fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn killed(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let folder = folder(lab)?;
    let (program, pids) = (folder.join("check"), folder.join("pids"));
    let script = format!(
        "#!/bin/sh\nsetsid sh -c '(sleep 500 & echo $! >> {0}) & echo $$ >> {0}; exec sleep 500' &\necho $$ >> {0}\nwait\n",
        pids.display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let check = format!("check up interval 30s timeout 30s exec {}", program.display());
    let node = Holdover::start(lab, "n1", &config(&check))?;
    let list = || fs::read_to_string(&pids).unwrap_or_default();
    lab.eventually("it runs", 15.0, || {
        ensure!(list().lines().count() == 3, "{}", list());
        server.established(segment6("n1"))
    })?;
    node.process().signal(Signal::KILL)?;
    lab.eventually("nothing is left running", 5.0, || {
        let running: Vec<String> = list().lines().filter(|pid| alive(pid)).map(str::to_owned).collect();
        ensure!(running.is_empty(), "{running:?} of {}", list());
        Ok(())
    })
}

/// How often a text is in memory that a process may write.
fn found_in_memory(pid: u32, text: &str) -> Result<usize> {
    use std::os::unix::fs::FileExt as _;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut count = 0;
    for line in fs::read_to_string(format!("/proc/{pid}/maps"))?.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').context("no range")?;
        let (mut at, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut page = vec![0; 1 << 16];
        while at < to {
            let wanted = usize::try_from((to - at).min(1 << 16))?;
            let Ok(length @ 1..) = memory.read_at(&mut page[..wanted], at) else { break };
            count += page[..length].windows(text.len()).filter(|part| *part == text.as_bytes()).count();
            at += length as u64;
        }
    }
    Ok(count)
}

fn secrets(lab: &Lab) -> Result<()> {
    let _server = server(lab)?;
    // A comment is read and kept nowhere: wherever it is found, so is the text around it.
    let marker = format!("lot-{}-unlikely", std::process::id());
    let text = format!("! {marker}\n{}! {marker}\n", frame("n1", "", ""));
    let node = Holdover::start(lab, "n1", &text)?;
    lab.eventually("it answers", 10.0, || node.show(lab, "summary").map(drop))?;
    node.command(lab, &["reload"])?;
    let pid = node.process().pid();
    ensure!(found_in_memory(pid, &marker)? == 0, "the file's text is in memory");
    // What is in force is there, so the search finds what there is.
    ensure!(
        found_in_memory(pid, "capability")? > 0 || found_in_memory(pid, "n1")? > 0,
        "nothing was found at all"
    );
    // A process that may not be dumped writes no core, whatever the limit.
    lab.run("n1", &["prlimit", "--pid", &pid.to_string(), "--core=unlimited"])?;
    node.process().signal(Signal::QUIT)?;
    let said = lab.eventually("it has ended", 5.0, || match node.runs() {
        Ok(()) => bail!("it runs"),
        Err(how) => Ok(how.to_string()),
    })?;
    ensure!(!said.contains("core dumped"), "{said}");
    Ok(())
}

/// The user that the daemon runs as where it is not to be root, with what a service manager lends it.
const LENT: [&str; 8] = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    "--inh-caps",
    "+net_admin,+net_bind_service,+net_raw",
    "--ambient-caps",
    "+net_admin,+net_bind_service,+net_raw",
];

fn guest(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let program = folder(lab)?.join("check");
    // As these tests were started, so is the daemon, and so are its commands (proc(5): the 19th field).
    let stat = fs::read_to_string("/proc/self/stat")?;
    let nice = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_ascii_whitespace().nth(16));
    let script = "#!/bin/sh\n\
                  grep '^Cap\\(Prm\\|Eff\\|Amb\\):.*[1-9a-f]$' /proc/self/status && exit 2\n\
                  grep 'Max realtime priority' /proc/self/limits | grep -q ' 0  *0 ' || { echo limit; exit 3; }\n\
                  nice=$(cut -d' ' -f19 /proc/self/stat)\ntest $nice = NICE || { echo nice $nice; exit 4; }\n";
    fs::write(&program, script.replace("NICE", nice.context("no nice value")?))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let check = format!("check up interval 100ms rise 1 fall 1 exec {}", program.display());
    // With real-time scheduling, and with what has to do without it.
    for limits in [["--rtprio=1:1", "--nice=0:0"], ["--rtprio=0:0", "--nice=40:40"]] {
        // To raise a limit takes CAP_SYS_RESOURCE.
        let raised = [&["prlimit"][..], &limits].concat();
        let permitted = lab.run("n1", &[&raised[..], &["true"]].concat()).is_ok();
        if !permitted {
            lab.note(&format!("not shown with {limits:?}: not permitted here"));
        }
        let by = [if permitted { &raised[..] } else { &[] }, &LENT].concat();
        let node = Holdover::start_by(lab, "n1", &config(&check), &by)?;
        announced(lab, &node, &*server)?;
        node.stop(lab, 10.0)?;
    }
    Ok(())
}

fn full(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let program = holdover_tests::harness::holdover::program()?;
    let none = lab.dir().join("none").to_string_lossy().into_owned();
    let bad = lab.write("bad.conf", "router bgp\n")?.to_string_lossy().into_owned();
    let sock = lab.dir().join("other.sock").to_string_lossy().into_owned();
    for words in [
        vec!["show", "summary", "--control", &none],
        vec!["check", &none],
        vec!["check", &bad],
        vec!["decode", "--raw", &none],
        vec!["run", "-c", &bad, "--control", &sock],
    ] {
        let argv = [&["sh", "-c", "exec \"$@\" >/dev/full 2>/dev/full", "sh", program.as_str()], &words[..]]
            .concat();
        let (code, ..) = lab.run_any("n1", &argv)?;
        ensure!(code == Some(1), "{words:?} gave {code:?}");
    }
    let node = Holdover::start_by(lab, "n1", &config(""), &["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"])?;
    announced(lab, &node, &*server)?;
    node.command(lab, &["reload"])?;
    let control = lab.dir().join("n1-holdover.sock").to_string_lossy().into_owned();
    for (out, wanted) in [("/dev/full", Some(1)), ("/dev/null", Some(0))] {
        let line = format!("exec \"$@\" >{out}");
        let argv = ["sh", "-c", &line, "sh", &program, "show", "summary", "--control", &control];
        let (code, _, said) = lab.run_any("n1", &argv)?;
        ensure!(code == wanted, "{out}: {code:?} {said}");
    }
    node.stop(lab, 10.0)
}

fn crashed(lab: &Lab) -> Result<()> {
    let server = server(lab)?;
    let node = Holdover::start(lab, "n1", &config(""))?;
    announced(lab, &node, &*server)?;
    let mark = node.log()?.len();
    ensure!(!node.log()?.contains("last_run_crashed"), "a first start is none after a crash");
    node.process().signal(Signal::KILL)?;
    node.process().wait(lab, 5.0)?;
    let node = Holdover::start(lab, "n1", &config(""))?;
    announced(lab, &node, &*server)?;
    let log = node.log()?;
    let news = log.get(mark..).unwrap_or("");
    let said = news.lines().find(|line| line.contains("last_run_crashed")).context("it is not said")?;
    ensure!(said.contains("it left 1 address"), "{said}");
    ensure!(news.contains("192.0.2.10/32 bound on lo already, by an earlier run: kept"), "{news}");
    let mark = log.len();
    node.stop(lab, 10.0)?;
    let node = Holdover::start(lab, "n1", &config(""))?;
    announced(lab, &node, &*server)?;
    let log = node.log()?;
    let news = log.get(mark..).unwrap_or("");
    ensure!(!news.contains("last_run_crashed") && news.contains("192.0.2.10/32 bound on lo\""), "{news}");
    // Nothing is told before what it follows from, and no line before an earlier one.
    let times: Vec<&str> = log.lines().filter_map(|line| line.split("\"time\":\"").nth(1)).collect();
    ensure!(times.len() > 10 && times.is_sorted(), "{times:?}");
    node.stop(lab, 10.0)
}
