//! Checks of every type: good, failing, hanging, flapping, and those that cannot be started.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use holdover_tests::harness::holdover::{Holdover, frame, with_service};
use holdover_tests::harness::peers::{Kind, Peer};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Failover, SHARED, failover, segment6};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

use super::world::{PLAIN, PREFIX, Setup, World, start_server};

/// The port of the service that is checked, beside that of the probes of the client.
const PORT: u16 = 8080;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, run: fn(&Lab) -> Result<()>| Case::new(format!("checks/{name}"), 60, run);
    vec![
        case("tcp_follows_the_port", tcp),
        case("a_check_that_gets_no_answer_fails_at_its_timeout", silent),
        case("http_follows_status_and_body", http),
        case("http_that_hangs_fails_at_its_timeout", http_hangs),
        case("a_check_that_flaps_below_fall_moves_nothing", flaps),
        case("https_wants_a_certificate_that_holds", https),
        case("icmp_follows_the_address", icmp),
        case("exec_follows_the_exit_status", exec),
        case("exec_that_hangs_is_killed_with_all_it_started", exec_hangs),
        case("exec_that_cannot_or_must_not_be_started_fails_and_says_why", exec_refused),
        case("exec_user_runs_with_that_users_rights", exec_user),
        case("no_more_than_64_commands_run_at_once", many),
        case("file_is_a_switch_either_way", file),
        case("a_process_that_dies_is_withdrawn_at_once_and_its_successor_followed", pidfile),
        case("a_control_group_that_empties_is_withdrawn_at_once_and_found_again", cgroup),
        case("a_check_that_the_other_machine_answers_announces_no_black_hole", |lab| {
            black_hole(lab, ADOPTED)
        }),
        case("nor_where_somebody_else_binds_the_address", |lab| black_hole(lab, FOREIGN)),
    ]
}

/// One node with a service, one route server.
struct Bench<'a> {
    lab: &'a Lab,
    server: Box<dyn Peer>,
    node: Holdover,
}

impl<'a> Bench<'a> {
    /// The service has these checks. What they need is there already, or is made by `before`.
    fn up(lab: &'a Lab, before: impl FnOnce() -> Result<()>, checks: &str) -> Result<Self> {
        Self::by(lab, before, checks, &[])
    }

    fn by(lab: &'a Lab, before: impl FnOnce() -> Result<()>, checks: &str, by: &[&str]) -> Result<Self> {
        failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
        let server = start_server(lab, Kind::Bird, "rs1")?;
        before()?;
        let more = format!(" no dampen\n{checks}\n");
        let config = with_service("n1", "primary", "", &format!(" address {SHARED}/32"), &more);
        let node = Holdover::start_by(lab, "n1", &config, by)?;
        Ok(Self { lab, server, node })
    }

    /// The route is announced.
    fn healthy(&self) -> Result<()> {
        self.lab.eventually("the service is announced", 15.0, || {
            self.node.runs()?;
            self.server.route(segment6("n1"), PREFIX).map(drop)
        })
    }

    /// The route is withdrawn, and the log has said since `mark` why the check fails.
    fn fails(&self, mark: usize, why: &str) -> Result<()> {
        self.lab.eventually(&format!("the service is withdrawn: {why}"), 15.0, || {
            self.node.runs()?;
            self.server.established(segment6("n1"))?;
            self.server.no_route(segment6("n1"), PREFIX)?;
            let log = self.node.log()?;
            let news = log.get(mark..).unwrap_or("");
            ensure!(news.lines().any(|line| line.contains("unhealthy") && line.contains(why)), "{news}");
            Ok(())
        })
    }

    /// The log up to now.
    fn mark(&self) -> Result<usize> {
        Ok(self.node.log()?.len())
    }

    fn end(self) -> Result<()> {
        self.node.stop(self.lab, 10.0)
    }
}

/// What a server does with a connection.
#[derive(Clone)]
enum Manner {
    /// Answers each request with this.
    Answer(&'static str),
    /// Takes it and says nothing.
    Silence,
    /// Answers well, and every second time badly.
    EverySecond,
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall's well";
const BAD: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

/// What a server does, and how often it was asked.
struct Manners {
    now: Mutex<Manner>,
    asked: AtomicU32,
}

fn set(manners: &Manners, manner: Manner) {
    *manners.now.lock().unwrap_or_else(PoisonError::into_inner) = manner;
}

/// Serves HTTP on `host`, at every address of it, until the lab ends.
fn serve_http(lab: &Lab, host: &str, manner: Manner) -> Result<Arc<Manners>> {
    let listener = lab.within(host, || Ok(TcpListener::bind(("0.0.0.0", PORT))?))?;
    let manners = Arc::new(Manners { now: Mutex::new(manner), asked: AtomicU32::new(0) });
    let (stop, obeyed) = (lab.stop_flag(), Arc::clone(&manners));
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let Ok(mut stream) = stream else { continue };
            let count = obeyed.asked.fetch_add(1, Ordering::Relaxed);
            let manner = obeyed.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let answer = match manner {
                Manner::Answer(answer) => answer,
                Manner::EverySecond if !count.is_multiple_of(2) => BAD,
                Manner::EverySecond => GOOD,
                Manner::Silence => {
                    silent.push(stream);
                    continue;
                }
            };
            // Whoever asks may have gone.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(manners)
}

fn tcp(lab: &Lab) -> Result<()> {
    let listen = || lab.within("n1", || Ok(TcpListener::bind(("0.0.0.0", PORT))?));
    let check = format!("check up tcp {SHARED}:{PORT} interval 50ms rise 1 fall 1");
    let bench = Bench::up(lab, || Ok(()), &check)?;
    bench.fails(0, "connection refused")?;
    for _ in 0..2 {
        let listener = listen()?;
        bench.healthy()?;
        let mark = bench.mark()?;
        drop(listener);
        bench.fails(mark, "connection refused")?;
    }
    let log = bench.node.log()?;
    let said = log.matches("check up: ").count();
    ensure!(said == 5, "only changes are logged, but there are {said} lines: {log}");
    bench.end()
}

fn silent(lab: &Lab) -> Result<()> {
    let rules = format!(
        "add table inet cut; add chain inet cut in {{ type filter hook input priority 0; }}; \
         add rule inet cut in tcp dport {PORT} drop; add rule inet cut in icmp type echo-request drop"
    );
    let checks = format!("check up tcp {SHARED}:{PORT} interval 100ms timeout 80ms rise 1 fall 2");
    let mut listener = None;
    let listen = || {
        listener = Some(lab.within("n1", || Ok(TcpListener::bind(("0.0.0.0", PORT))?))?);
        Ok(())
    };
    let bench = Bench::up(lab, listen, &checks)?;
    bench.healthy()?;
    let mark = bench.mark()?;
    lab.run("n1", &["nft", &rules])?;
    bench.fails(mark, "no answer in time")?;
    lab.run("n1", &["nft", "delete table inet cut"])?;
    bench.healthy()?;
    bench.end()
}

fn http(lab: &Lab) -> Result<()> {
    let mut manners = None;
    let serve = || {
        manners = Some(serve_http(lab, "n1", Manner::Answer(GOOD))?);
        Ok(())
    };
    let check = format!(
        "check up http http://{SHARED}:{PORT}/health expect 200-299 body \"all's well\" interval 50ms rise 1 fall 1"
    );
    let bench = Bench::up(lab, serve, &check)?;
    let manners = manners.context("no server")?;
    bench.healthy()?;
    for (answer, why) in [
        (BAD, "HTTP status 503"),
        ("HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "HTTP status 301"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworse", "the answer is not as expected"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall's well", "the answer is not as expected"),
        ("220 mail.example.org ESMTP\r\n", "the answer is not as expected"),
    ] {
        let mark = bench.mark()?;
        set(&manners, Manner::Answer(answer));
        bench.fails(mark, why)?;
        set(&manners, Manner::Answer(GOOD));
        bench.healthy()?;
    }
    bench.end()
}

fn http_hangs(lab: &Lab) -> Result<()> {
    let mut manners = None;
    let serve = || {
        manners = Some(serve_http(lab, "n1", Manner::Answer(GOOD))?);
        Ok(())
    };
    let check = format!("check up http http://{SHARED}:{PORT}/ interval 100ms timeout 100ms rise 1 fall 2");
    let bench = Bench::up(lab, serve, &check)?;
    let manners = manners.context("no server")?;
    bench.healthy()?;
    let mark = bench.mark()?;
    set(&manners, Manner::Silence);
    bench.fails(mark, "no answer in time")?;
    set(&manners, Manner::Answer(GOOD));
    bench.healthy()?;
    bench.end()
}

fn flaps(lab: &Lab) -> Result<()> {
    let mut manners = None;
    let serve = || {
        manners = Some(serve_http(lab, "n1", Manner::EverySecond)?);
        Ok(())
    };
    let check = format!("check up http http://{SHARED}:{PORT}/ interval 20ms rise 1 fall 2");
    let bench = Bench::up(lab, serve, &check)?;
    bench.healthy()?;
    lab.steadily("the service stays announced", 2.0, || {
        bench.server.route(segment6("n1"), PREFIX).map(drop)
    })?;
    let asked = manners.context("no server")?.asked.load(Ordering::Relaxed);
    ensure!(asked > 20, "it was asked {asked} times only");
    let log = bench.node.log()?;
    ensure!(!log.contains("unhealthy"), "{log}");
    bench.end()
}

/// A certificate authority, and a server's certificate for `name`, by openssl.
fn certificates(lab: &Lab, name: &str) -> Result<()> {
    let dir = lab.dir();
    let extensions = format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n");
    lab.write("extensions", &extensions)?;
    let script = format!(
        "cd {} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem \
         -addext basicConstraints=critical,CA:TRUE && \
         openssl req -newkey rsa:2048 -nodes -subj /CN={name} -keyout server.key -out server.csr && \
         openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions \
         -out server.pem",
        dir.display()
    );
    lab.run("n1", &["sh", "-c", &script]).map(drop)
}

const HTTPS: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
server = http.server.ThreadingHTTPServer(('0.0.0.0', 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

fn https(lab: &Lab) -> Result<()> {
    let dir = lab.dir().to_owned();
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let serve = || {
        certificates(lab, "www.example.org")?;
        let script = lab.write("https.py", HTTPS)?;
        let argv = ["python3", &script.to_string_lossy(), &path("server.pem"), &path("server.key")];
        lab.spawn("n1", "https", &argv, &[]).map(drop)
    };
    let url = format!("https://{SHARED}:8443/");
    let right = format!("check up http {url} header \"Host: www.example.org\" interval 200ms rise 1 fall 1");
    // With the authority among the trusted ones.
    let trust = format!("SSL_CERT_FILE={}", path("ca.pem"));
    let mut bench = Bench::by(lab, serve, &right, &["env", &trust])?;
    bench.healthy()?;
    // The name must be the certificate's.
    let config = |check: &str| {
        let more = format!(" no dampen\n {check}\n");
        with_service("n1", "primary", "", &format!(" address {SHARED}/32"), &more)
    };
    let mark = bench.mark()?;
    bench.node.reload(lab, &config(&right.replace("www.example.org", "www.example.com")))?;
    bench.fails(mark, "TLS failed")?;
    // Without the authority nothing holds but `insecure`.
    bench.node.stop(lab, 10.0)?;
    let mark = bench.mark()?;
    bench.node = Holdover::start(lab, "n1", &config(&right))?;
    bench.fails(mark, "TLS failed")?;
    bench.node.reload(lab, &config(&format!("check up http {url} insecure interval 200ms rise 1 fall 1")))?;
    bench.healthy()?;
    // Plain HTTP where TLS is expected is no agreement.
    bench.end()
}

fn icmp(lab: &Lab) -> Result<()> {
    let check = "check gateway icmp 203.0.113.1 interval 50ms timeout 50ms rise 1 fall 2\n\
                 check own icmp 192.0.2.10 interval 50ms timeout 50ms rise 1 fall 2";
    let bench = Bench::up(lab, || Ok(()), check)?;
    bench.healthy()?;
    let mark = bench.mark()?;
    let rules = "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; \
                 add rule inet cut in icmp type echo-request drop";
    lab.run("rs1", &["nft", rules])?;
    bench.fails(mark, "check gateway: unhealthy: no answer in time")?;
    lab.run("rs1", &["nft", "delete table inet cut"])?;
    bench.healthy()?;
    let mark = bench.mark()?;
    lab.run("n1", &["nft", rules])?;
    bench.fails(mark, "check own: unhealthy: no answer in time")?;
    bench.end()
}

/// A folder that only root may write: the lab's own is open to every user.
fn folder(lab: &Lab) -> Result<PathBuf> {
    let name = lab.dir().file_name().context("no name")?.to_string_lossy().into_owned();
    let path = std::env::temp_dir().join(format!("{name}-checks"));
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    lab.owns_folder(&path);
    Ok(path)
}

fn script(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.to_string_lossy().into_owned())
}

fn exec(lab: &Lab) -> Result<()> {
    let folder = folder(lab)?;
    let switch = folder.join("ill");
    let text = format!(
        "test \"$HOLDOVER_SERVICE $HOLDOVER_CHECK $1\" = 'web up two words' || exit 9\n\
         test -e {} || exit 0\necho 'the disk is full' >&2\nexit 3",
        switch.display()
    );
    let program = script(&folder, "check", &text)?;
    let check = format!("check up interval 100ms rise 1 fall 2 exec {program} \"two words\"");
    let bench = Bench::up(lab, || Ok(()), &check)?;
    bench.healthy()?;
    let mark = bench.mark()?;
    fs::write(&switch, "")?;
    bench.fails(mark, "exit status 3: the disk is full")?;
    fs::remove_file(&switch)?;
    bench.healthy()?;
    bench.end()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn exec_hangs(lab: &Lab) -> Result<()> {
    let folder = folder(lab)?;
    let pids = folder.join("pids");
    let file = pids.display();
    let text = format!("sh -c 'sleep 500 & echo $! >> {file}; wait' &\necho $$ $! >> {file}\nwait");
    let program = script(&folder, "check", &text)?;
    let check = format!("check up interval 500ms timeout 300ms rise 1 fall 1 exec {program}");
    let bench = Bench::up(lab, || Ok(()), &check)?;
    bench.fails(0, "no answer in time")?;
    lab.eventually("it ran three times", 10.0, || {
        ensure!(lines(&pids).len() >= 6, "{:?}", lines(&pids));
        Ok(())
    })?;
    bench.end()?;
    // Nothing of it is left: children, grandchildren, zombies.
    let left = lines(&pids).join(" ");
    lab.eventually("nothing is left running", 2.0, || {
        let running: Vec<&str> = left.split(' ').filter(|pid| alive(pid)).collect();
        ensure!(running.is_empty(), "{running:?} of {left}");
        Ok(())
    })
}

fn exec_refused(lab: &Lab) -> Result<()> {
    let folder = folder(lab)?;
    let good = script(&folder, "good", "exit 0")?;
    let open = script(&folder, "open", "exit 0")?;
    fs::set_permissions(&open, fs::Permissions::from_mode(0o757))?;
    let inside = folder.join("inside");
    fs::create_dir(&inside)?;
    let inner = script(&inside, "good", "exit 0")?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o777))?;
    let none = folder.join("none").to_string_lossy().into_owned();
    let check = |program: &str| format!("check up interval 100ms rise 1 fall 1 exec {program}");
    let bench = Bench::up(lab, || Ok(()), &check(&good))?;
    bench.healthy()?;
    for (program, why) in [
        (&none, "could not be started"),
        (&open, "not allowed: "),
        (&inner, "inside may be written by anybody"),
    ] {
        let mark = bench.mark()?;
        let reload = |program: &str| {
            let more = format!(" no dampen\n {}\n", check(program));
            let config = with_service("n1", "primary", "", &format!(" address {SHARED}/32"), &more);
            bench.node.reload(lab, &config)
        };
        reload(program)?;
        bench.fails(mark, why)?;
        reload(&good)?;
        bench.healthy()?;
    }
    bench.end()
}

fn exec_user(lab: &Lab) -> Result<()> {
    let folder = folder(lab)?;
    let text = "test \"$(id -un) $(id -Gn)\" = 'nobody nogroup' || { id; exit 8; }\n\
                grep -q '^Cap\\(Prm\\|Eff\\|Amb\\):.*[1-9a-f]$' /proc/self/status && exit 9\n\
                exit 0";
    let program = script(&folder, "check", text)?;
    let check = format!("check up interval 100ms rise 1 fall 1 exec-user nobody exec {program}");
    let mut bench = Bench::up(lab, || Ok(()), &check)?;
    bench.healthy()?;
    bench.node.stop(lab, 10.0)?;
    // Without the capabilities it says so when it starts, and the check fails.
    let mark = bench.mark()?;
    let more = format!(" no dampen\n {check}\n");
    let config = with_service("n1", "primary", "", &format!(" address {SHARED}/32"), &more);
    let less = ["setpriv", "--bounding-set", "-setuid,-setgid", "--inh-caps", "-setuid,-setgid"];
    bench.node = Holdover::start_by(lab, "n1", &config, &less)?;
    bench.fails(mark, "grant CAP_SETUID, CAP_SETGID")?;
    let log = bench.node.log()?;
    let news = log.get(mark..).unwrap_or("");
    ensure!(news.contains("config_remark") && news.contains("exec-user nobody"), "{news}");
    bench.end()
}

fn many(lab: &Lab) -> Result<()> {
    let folder = folder(lab)?;
    let pids = folder.join("pids");
    let program = script(&folder, "check", &format!("echo $$ >> {}\nexec sleep 500", pids.display()))?;
    failover(lab, Failover { route_servers: 1, ..Failover::default() })?;
    let mut config = frame("n1", "", "");
    for service in 0..9 {
        writeln!(config, "failover web{service}\n address 192.0.2.{}/32", 20 + service)?;
        for check in 0..8 {
            writeln!(config, " check c{check} interval 30s timeout 3s exec {program}")?;
        }
        config += "exit\n";
    }
    let node = Holdover::start(lab, "n1", &config)?;
    let alive = || lines(&pids).iter().filter(|pid| alive(pid)).count();
    lab.eventually("64 of 72 run", 10.0, || {
        ensure!(alive() == 64, "{}", alive());
        Ok(())
    })?;
    lab.eventually("the others run when these are killed", 10.0, || {
        ensure!(alive() <= 64, "{}", alive());
        ensure!(lines(&pids).len() == 72, "{}", lines(&pids).len());
        Ok(())
    })?;
    lab.eventually("all of them failed", 10.0, || {
        let log = node.log()?;
        ensure!(log.matches("unhealthy: no answer in time").count() == 72, "{log}");
        Ok(())
    })?;
    lab.eventually("all of them are killed", 2.0, || {
        ensure!(alive() == 0, "{} still run", alive());
        Ok(())
    })?;
    node.stop(lab, 10.0)
}

fn file(lab: &Lab) -> Result<()> {
    let (wanted, unwanted) = (lab.dir().join("wanted"), lab.dir().join("unwanted"));
    let checks = format!(
        "check there file {} interval 50ms rise 1 fall 1\n\
         check enabled file {} absent interval 50ms rise 1 fall 1",
        wanted.display(),
        unwanted.display()
    );
    let bench = Bench::up(lab, || Ok(()), &checks)?;
    bench.fails(0, "check there: unhealthy: not there")?;
    fs::write(&wanted, "")?;
    bench.healthy()?;
    let mark = bench.mark()?;
    fs::write(&unwanted, "")?;
    bench.fails(mark, "it is there")?;
    fs::remove_file(&unwanted)?;
    bench.healthy()?;
    bench.end()
}

/// A process that does nothing; it ends with the test.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Result<Self> {
        Ok(Self(Command::new("sleep").arg("500").spawn()?))
    }

    fn pid(&self) -> String {
        format!("{}\n", self.0.id())
    }

    /// Ends it; the moment when it was told to.
    fn end(&mut self) -> Result<Instant> {
        let at = Instant::now();
        self.0.kill()?;
        self.0.wait()?;
        Ok(at)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Waits for the line that says that the check fails; it must be there within `patience`.
fn noticed(bench: &Bench<'_>, mark: usize, at: Instant, patience: Duration) -> Result<()> {
    bench.lab.eventually("the death is noticed", 5.0, || {
        let log = bench.node.log()?;
        let news = log.get(mark..).unwrap_or("");
        ensure!(news.contains("unhealthy"), "{news}");
        Ok(())
    })?;
    let took = at.elapsed();
    bench.lab.note(&format!("noticed at most {} ms after the kill", took.as_millis()));
    ensure!(took < patience, "it took {took:?}");
    Ok(())
}

/// An interval of 100 ms cannot hide behind this, on a machine that runs other tests at the same time.
const AT_ONCE: Duration = Duration::from_millis(80);

fn pidfile(lab: &Lab) -> Result<()> {
    let path = lab.dir().join("service.pid");
    let bench = Bench::up(lab, || Ok(()), &format!("check up process pidfile {}", path.display()))?;
    bench.fails(0, "not there")?;
    let mut first = Sleeper::new()?;
    fs::write(&path, first.pid())?;
    bench.healthy()?;
    let mark = bench.mark()?;
    let at = first.end()?;
    noticed(&bench, mark, at, AT_ONCE)?;
    bench.fails(mark, "the process has ended")?;
    // Replaced as daemons do it: by a rename; then while the process before it lives on.
    let (second, mut third) = (Sleeper::new()?, Sleeper::new()?);
    let beside = lab.write("service.pid.new", &second.pid())?;
    fs::rename(&beside, &path)?;
    bench.healthy()?;
    fs::write(&path, third.pid())?;
    let mark = bench.mark()?;
    lab.steadily("the service stays announced", 0.5, || {
        bench.server.route(segment6("n1"), PREFIX).map(drop)
    })?;
    drop(second);
    lab.steadily("it follows the file, not the process before", 0.5, || {
        bench.server.route(segment6("n1"), PREFIX).map(drop)
    })?;
    let at = third.end()?;
    noticed(&bench, mark, at, AT_ONCE)?;
    bench.fails(mark, "the process has ended")?;
    let fourth = Sleeper::new()?;
    fs::write(&path, fourth.pid())?;
    bench.healthy()?;
    let mark = bench.mark()?;
    fs::write(&path, "garbage\n")?;
    bench.fails(mark, "holds no number of a process")?;
    bench.end()
}

/// Where version 2 of control groups is mounted.
fn groups() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 ")).context("no cgroup2 here")?;
    Ok(line.split(' ').nth(4).context("no mount point")?.into())
}

/// A control group that goes when it is dropped.
struct Group(PathBuf);

impl Group {
    fn new(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    fn take(&self, process: &Sleeper) -> Result<()> {
        Ok(fs::write(self.0.join("cgroup.procs"), process.pid())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Empty by then, unless the test failed: then its processes are ended first.
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

fn cgroup(lab: &Lab) -> Result<()> {
    let name = lab.namespace("unit");
    let slice = Group::new(groups()?.join(format!("{name}.slice")))?;
    let path = slice.0.join(format!("{name}.service"));
    let bench = Bench::up(
        lab,
        || Ok(()),
        &format!("check unit process unit {name}\ncheck group process cgroup /{name}.slice/{name}.service"),
    )?;
    bench.fails(0, "it does not run")?;
    for _ in 0..2 {
        let group = Group::new(path.clone())?;
        let mut process = Sleeper::new()?;
        group.take(&process)?;
        bench.healthy()?;
        let mark = bench.mark()?;
        let at = process.end()?;
        noticed(&bench, mark, at, AT_ONCE)?;
        bench.fails(mark, "the last process of its control group has ended")?;
        // A unit that is started again may find its group still there.
        let process = Sleeper::new()?;
        group.take(&process)?;
        bench.healthy()?;
    }
    bench.end()
}

const ADOPTED: Setup = Setup { prebound: Some("lo"), service: Some(CHECKED), ..PLAIN };
const FOREIGN: Setup = Setup { prebound: Some("lo"), service: Some(CHECKED_ELSEWHERE), ..PLAIN };
const CHECKED: &str = " check up tcp 192.0.2.10:8080 interval 50ms rise 1 fall 1\n";
const CHECKED_ELSEWHERE: &str = " bind none\n check up tcp 192.0.2.10:8080 interval 50ms rise 1 fall 1\n";

fn black_hole(lab: &Lab, setup: Setup) -> Result<()> {
    let world = World::up_with(lab, setup, || {
        for node in ["n1", "n2"] {
            serve_http(lab, node, Manner::Answer(GOOD))?;
        }
        Ok(())
    })?;
    let at = Instant::now();
    lab.ip("n1", &format!("addr del {PREFIX} dev lo"))?;
    world.probe.answered_by(lab, "n2", at, 5.0)?;
    world.withdrawn(0, 5.0)?;
    // Now the network hands a connection from n1 to the other machine.
    lab.eventually("the other machine answers n1", 5.0, || {
        let target = SocketAddr::new(SHARED.parse()?, PORT);
        lab.within("n1", || {
            Ok(std::net::TcpStream::connect_timeout(&target, Duration::from_secs(1)).map(drop)?)
        })
    })?;
    lab.steadily("nothing is announced again", 3.0, || {
        world.servers.iter().try_for_each(|server| server.no_route(segment6("n1"), PREFIX))
    })?;
    world.probe.stays_with(lab, "n2", 0.3)?;
    lab.ip("n1", &format!("addr add {PREFIX} dev lo"))?;
    world.settled(10.0)?;
    world.end()
}
