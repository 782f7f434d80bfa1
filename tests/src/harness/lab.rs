//! One case's private machines: namespaces, processes, files, and a deadline that nothing outlives.
//!
//! Names are unique to this run and case (`ho<pid>x<n>-<host>`), so cases run side by side and a later run recognises
//! and removes what a killed one left. Everything in a namespace of ours was started by us: ending a lab ends exactly
//! the processes in its namespaces, by pid.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Every lab that exists in this process, by tag, for the clean-up on a signal and for cases that hang.
static LABS: Mutex<BTreeMap<String, Vestige>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU32 = AtomicU32::new(0);
/// The process is on its way out.
static OVER: AtomicBool = AtomicBool::new(false);

/// How long one helper command (`ip`, `vtysh`, `tshark`, …) may take, in seconds.
const COMMAND_LIMIT: &str = "30";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is left to remove of a lab.
#[derive(Clone, Default)]
struct Vestige {
    case: String,
    namespaces: Vec<String>,
    folders: Vec<PathBuf>,
}

/// How a host of the lab is set up.
#[derive(Clone, Copy, Default)]
pub struct HostOptions {
    /// It is a router: IPv4 and IPv6 packets are forwarded.
    pub forwards: bool,
    /// Duplicate address detection stays on, as on a real machine (it delays link-local addresses by 1 to 2 s).
    pub detects_duplicates: bool,
}

/// One case's private network and its deadline.
pub struct Lab {
    case: String,
    tag: String,
    dir: PathBuf,
    started: Instant,
    deadline: Instant,
    stop: Arc<AtomicBool>,
    journal: Mutex<File>,
}

impl Lab {
    /// An empty lab for `case`, which must be over after `limit`.
    pub fn new(case: &str, limit: Duration) -> Result<Self> {
        ensure!(!is_over(), "the run is over");
        let tag = format!("ho{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(format!("holdover-e2e-{tag}"));
        std::fs::create_dir_all(&dir)?;
        // The daemons under test drop their privileges to different users and write here.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o777))?;
        let journal = Mutex::new(File::create(dir.join("journal.txt"))?);
        let vestige = Vestige { case: case.to_owned(), folders: vec![dir.clone()], ..Vestige::default() };
        lock(&LABS).insert(tag.clone(), vestige);
        let started = Instant::now();
        let stop = Arc::default();
        Ok(Self { case: case.to_owned(), tag, dir, started, deadline: started + limit, stop, journal })
    }

    /// The name of the case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// The folder of this lab's files: short, because socket paths may have 107 octets only.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The namespace of `host`.
    pub fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.tag)
    }

    /// True once the lab is being taken down: threads that serve it must end.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Writes a line, with the time since the case began, into the lab's journal.
    pub fn note(&self, what: &str) {
        // A journal that cannot be written must not fail a case.
        let _ = writeln!(lock(&self.journal), "{:>9} {what}", self.time(Instant::now()));
    }

    /// A moment as the journal writes it: seconds since the case began.
    pub fn time(&self, at: Instant) -> String {
        format!("{:.3}", at.saturating_duration_since(self.started).as_secs_f64())
    }

    /// A folder outside the lab's own that must go when the lab goes.
    pub fn owns_folder(&self, folder: &Path) {
        if let Some(vestige) = lock(&LABS).get_mut(&self.tag) {
            vestige.folders.push(folder.to_owned());
        }
    }

    /// Adds a machine: a namespace with `lo` up and nothing else.
    pub fn host(&self, host: &str, options: HostOptions) -> Result<()> {
        let namespace = self.namespace(host);
        lock(&LABS).get_mut(&self.tag).context("the lab is over")?.namespaces.push(namespace.clone());
        bounded(&["ip", "netns", "add", &namespace])?;
        let forwards = u8::from(options.forwards);
        let dad = u8::from(options.detects_duplicates);
        let script = format!(
            "sysctl -qw net.ipv6.conf.default.accept_dad={dad} net.ipv6.conf.all.accept_dad={dad} \
             net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 \
             net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.default.accept_redirects=0 \
             net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
             net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.all.forwarding={forwards} \
             net.ipv4.ip_forward={forwards} && ip link set lo up"
        );
        self.run(host, &["sh", "-c", &script]).map(drop)
    }

    /// Runs `ip -batch` on `host` with these lines.
    pub fn ip(&self, host: &str, lines: &str) -> Result<()> {
        let namespace = self.namespace(host);
        self.note(&format!("{host}: ip {}", lines.trim().replace('\n', "; ")));
        let mut child = Command::new("timeout")
            .args([COMMAND_LIMIT, "ip", "-n", &namespace, "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no stdin")?.write_all(format!("{}\n", lines.trim()).as_bytes())?;
        let out = child.wait_with_output()?;
        ensure!(out.status.success(), "{host}: ip: {lines}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }

    /// Runs a short command on `host` and gives its standard output.
    pub fn run(&self, host: &str, argv: &[&str]) -> Result<String> {
        let net = format!("--net=/run/netns/{}", self.namespace(host));
        let mut all = vec!["nsenter", &net, "--"];
        all.extend(argv);
        bounded(&all)
    }

    /// Runs a short command on `host` and gives its exit code, standard output and standard error.
    pub fn run_any(&self, host: &str, argv: &[&str]) -> Result<(Option<i32>, String, String)> {
        let net = format!("--net=/run/netns/{}", self.namespace(host));
        let out = Command::new("timeout").args([COMMAND_LIMIT, "nsenter", &net, "--"]).args(argv).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((out.status.code(), text(&out.stdout), text(&out.stderr)))
    }

    /// Runs a short command on `host` and gives its standard output as JSON.
    pub fn json(&self, host: &str, argv: &[&str]) -> Result<serde_json::Value> {
        let text = self.run(host, argv)?;
        serde_json::from_str(&text).with_context(|| format!("{argv:?} said {text:.300}"))
    }

    /// Starts a daemon on `host`; both its outputs go to `<log>.log` in the lab's folder.
    pub fn spawn(&self, host: &str, log: &str, argv: &[&str], env: &[(&str, &str)]) -> Result<Process> {
        let err = self.log_file(log)?;
        let out = err.try_clone()?;
        let mut command = self.daemon(host, argv);
        command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(out).stderr(err);
        Self::begin(command, log)
    }

    /// The same, with its standard input and output at one end of a stream; gives the other end. Its standard error goes
    /// to the log.
    pub fn spawn_talking(&self, host: &str, log: &str, argv: &[&str]) -> Result<(Process, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = self.daemon(host, argv);
        command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs));
        command.stderr(self.log_file(log)?);
        Ok((Self::begin(command, log)?, ours))
    }

    fn log_file(&self, log: &str) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.dir.join(format!("{log}.log")))?)
    }

    /// A command in `host`'s namespace and in a session of its own, as init gives one to each daemon: a Ctrl-C on the
    /// terminal ends the harness, and the harness ends its daemons; and the kernel shares the cores between sessions.
    fn daemon(&self, host: &str, argv: &[&str]) -> Command {
        self.note(&format!("{host}: start {}", argv.join(" ")));
        let mut command = Command::new("setsid");
        command.arg("nsenter").arg(format!("--net=/run/netns/{}", self.namespace(host))).arg("--").args(argv);
        command
    }

    fn begin(mut command: Command, name: &str) -> Result<Process> {
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Process { name: name.to_owned(), pid: child.id(), child: Mutex::new(child) })
    }

    /// Gives every process on `host` real-time scheduling, as if nobody else's computed on its machine.
    pub fn in_real_time(&self, host: &str) -> Result<()> {
        for pid in pids_in(&self.namespace(host)) {
            bounded(&["chrt", "--all-tasks", "--fifo", "--pid", "2", &pid.to_string()])?;
        }
        Ok(())
    }

    /// Kills every process on `host`, and waits until none is left.
    pub fn kill_all(&self, host: &str) -> Result<()> {
        self.note(&format!("{host}: all are killed"));
        let namespace = self.namespace(host);
        self.eventually(&format!("nothing runs on {host}"), 10.0, || {
            let left = pids_in(&namespace);
            for pid in &left {
                signal(*pid, Signal::KILL);
            }
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
    }

    /// Runs `f` on a thread inside `host`'s namespace: sockets that it opens belong there for ever.
    pub fn within<T: Send>(&self, host: &str, f: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = format!("/run/netns/{}", self.namespace(host));
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let file = File::open(&path).with_context(|| path.clone())?;
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))?;
                f()
            });
            thread.join().unwrap_or_else(|_| Err(anyhow!("the thread in the namespace panicked")))
        })
    }

    /// Waits until `condition` holds and gives its value; an error means "not yet" and its text says why.
    ///
    /// This is the one place where the harness waits: short pauses between looks, at most `seconds` in all and never
    /// beyond the case's own limit.
    pub fn eventually<T>(
        &self,
        what: &str,
        seconds: f64,
        mut condition: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let begun = Instant::now();
        let end = (begun + Duration::from_secs_f64(seconds)).min(self.deadline);
        let mut pause = Duration::from_millis(5);
        loop {
            match condition() {
                Ok(value) => {
                    self.note(&format!("after {:.3} s: {what}", begun.elapsed().as_secs_f64()));
                    return Ok(value);
                }
                Err(why) if Instant::now() >= end => {
                    let waited = begun.elapsed().as_secs_f64();
                    self.note(&format!("after {waited:.3} s NOT: {what}: {why:#}"));
                    bail!("waited {waited:.1} s for: {what}: {why:#}");
                }
                Err(_) => {}
            }
            // pause: the next look at the condition; the deadline above ends it
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(Duration::from_millis(150));
        }
    }

    /// Makes sure that `condition` holds now and goes on holding for `seconds`.
    pub fn steadily(
        &self,
        what: &str,
        seconds: f64,
        mut condition: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let end = (Instant::now() + Duration::from_secs_f64(seconds)).min(self.deadline);
        while Instant::now() < end {
            condition().with_context(|| format!("did not stay so: {what}"))?;
            // pause: the next look at what must not change
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Writes a file into the lab's folder, readable by every daemon's user.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        Ok(path)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(vestige) = lock(&LABS).get_mut(&self.tag) {
            end_namespaces(&vestige.namespaces);
        }
    }
}

/// A daemon that the lab started. It is not ended on drop: the lab ends all that lives in its namespaces.
pub struct Process {
    name: String,
    pid: u32,
    child: Mutex<Child>,
}

impl Process {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal; an error if the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        ensure!(lock(&self.child).try_wait()?.is_none(), "{} has already ended", self.name);
        self::signal(self.pid, signal);
        Ok(())
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        Ok(lock(&self.child).try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&self, lab: &Lab, seconds: f64) -> Result<ExitStatus> {
        lab.eventually(&format!("{} ends", self.name), seconds, || {
            self.ended()?.ok_or_else(|| anyhow!("it still runs"))
        })
    }

    /// Resident set size in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        self.memory("Rss:")
    }

    /// Proportional set size in KiB.
    pub fn proportional_kib(&self) -> Result<u64> {
        self.memory("Pss:")
    }

    fn memory(&self, key: &str) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let line = text.lines().find(|line| line.starts_with(key)).context("no such line")?;
        Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
    }
}

/// Sends a signal to a process of a lab.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile; that is no error.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Runs a short command and gives its standard output; failure carries both outputs.
pub fn bounded(argv: &[&str]) -> Result<String> {
    let out = Command::new("timeout").arg(COMMAND_LIMIT).args(argv).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(
        out.status.success(),
        "{} gave {:?}: {} {text:.500}",
        argv.join(" "),
        out.status.code(),
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(text)
}

/// The processes in a namespace, ourselves left out.
pub fn pids_in(namespace: &str) -> Vec<u32> {
    let list = bounded(&["ip", "netns", "pids", namespace]).unwrap_or_default();
    let own = std::process::id();
    list.lines().filter_map(|pid| pid.parse().ok()).filter(|pid| *pid != own).collect()
}

/// Runs a short command and gives all that it prints, however it ends.
pub fn bounded_any(argv: &[&str]) -> Result<String> {
    let out = Command::new("timeout").arg(COMMAND_LIMIT).args(argv).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

/// Ends every process in these namespaces, then removes the namespaces.
fn end_namespaces(namespaces: &[String]) {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let left: Vec<u32> = namespaces.iter().flat_map(|name| pids_in(name)).collect();
        if left.is_empty() || Instant::now() > end {
            break;
        }
        for pid in left {
            signal(pid, Signal::CONT);
            signal(pid, Signal::KILL);
        }
        // pause: the kernel takes a moment to end what was killed
        std::thread::sleep(Duration::from_millis(5));
    }
    for name in namespaces {
        let _ = bounded(&["ip", "netns", "del", name]);
    }
}

/// Removes what is left of the labs of `case`; the files are kept in `keep` when the case failed.
pub fn clean(case: &str, keep: Option<&Path>) {
    let gone: Vec<Vestige> = {
        let mut labs = lock(&LABS);
        let tags: Vec<String> =
            labs.iter().filter(|(_, v)| v.case == case).map(|(tag, _)| tag.clone()).collect();
        tags.iter().filter_map(|tag| labs.remove(tag)).collect()
    };
    for vestige in gone {
        remove(&vestige, keep);
    }
}

/// Removes everything of this process, when it is told to stop: no lab can be made or grow from now on.
pub fn clean_all() {
    OVER.store(true, Ordering::SeqCst);
    let gone = std::mem::take(&mut *lock(&LABS));
    for vestige in gone.values() {
        remove(vestige, None);
    }
    // What a case was just about to make is there a moment later.
    for _ in 0..3 {
        // pause: the commands that were under way have ended then
        std::thread::sleep(Duration::from_millis(100));
        remove_labs_of(|pid| pid == std::process::id());
    }
}

/// Whether [`clean_all`] was called.
pub fn is_over() -> bool {
    OVER.load(Ordering::SeqCst)
}

fn remove(vestige: &Vestige, keep: Option<&Path>) {
    end_namespaces(&vestige.namespaces);
    for (index, folder) in vestige.folders.iter().enumerate() {
        if let (0, Some(keep)) = (index, keep) {
            let _ = std::fs::remove_dir_all(keep);
            let _ = keep.parent().map(std::fs::create_dir_all);
            let _ = bounded(&["cp", "-r", &folder.to_string_lossy(), &keep.to_string_lossy()]);
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Removes what runs that were killed left behind: labs whose process is no more.
pub fn clean_leftovers() {
    remove_labs_of(|pid| !lives(pid));
}

fn lives(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The processes that made the namespaces of labs: those that live, ourselves left out, and those that are no more.
pub fn other_runs() -> (Vec<u32>, Vec<u32>) {
    let list = bounded(&["ip", "netns", "list"]).unwrap_or_default();
    let mut owners: Vec<u32> = list.lines().filter_map(owner).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.into_iter().filter(|pid| *pid != std::process::id()).partition(|pid| lives(*pid))
}

/// The process that made the lab with this name: `ho<pid>x<n>-<host>`.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix("ho")?.split_once('x')?.0.parse().ok()
}

/// Removes all namespaces and folders of labs by the process that made them.
fn remove_labs_of(is_meant: impl Fn(u32) -> bool) {
    let meant = |name: &str| owner(name).is_some_and(&is_meant);
    let list = bounded(&["ip", "netns", "list"]).unwrap_or_default();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    end_namespaces(&names.filter(|name| meant(name)).map(str::to_owned).collect::<Vec<_>>());
    for parent in [std::env::temp_dir(), PathBuf::from("/var/run/frr")] {
        for folder in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            if meant(name.strip_prefix("holdover-e2e-").unwrap_or(&name)) {
                let _ = std::fs::remove_dir_all(folder.path());
            }
        }
    }
}
