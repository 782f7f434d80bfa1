//! BIRD 2: its configuration, and its view over the control socket.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{BfdView, Family, Peer, Route, Session, addresses, moment};
use crate::harness::Process;
use crate::harness::lab::Lab;
use crate::harness::topology::{NODES, SHARED, SHARED6, segment4, segment6};

/// One BIRD.
pub struct Bird {
    process: Process,
    socket: PathBuf,
    log: PathBuf,
    /// The control name of the session with each remote address.
    names: Vec<(IpAddr, String)>,
}

/// A configuration and the names that its sessions have in it.
#[derive(Clone)]
pub struct Config {
    text: String,
    names: Vec<(IpAddr, String)>,
}

impl Config {
    /// What stands in the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, for a peer that is not on a connected subnet.
    #[must_use]
    pub fn over_several_hops(mut self) -> Self {
        self.text = self.text.replace(" direct;\n", " multihop 10;\n");
        self
    }

    /// The same, with so many IPv4 routes more to announce.
    #[must_use]
    pub fn with_routes(mut self, count: usize) -> Self {
        self.text.push_str("protocol static many { ipv4;\n");
        for number in 0..u32::try_from(count).unwrap_or(u32::MAX).min(1 << 22) {
            // Out of 100.64.0.0/10, which is nobody's.
            let address = std::net::Ipv4Addr::from(0x6440_0000 + number);
            let _ = writeln!(self.text, "route {address}/32 blackhole;");
        }
        self.text.push_str("}\n");
        self
    }

    /// The same, with BFD on every session: so many milliseconds, times three.
    #[must_use]
    pub fn with_bfd(mut self, milliseconds: u32) -> Self {
        self.text = self.text.replace(" direct;\n", " direct;\n bfd on;\n");
        let _ = writeln!(
            self.text,
            "protocol bfd {{ interface \"eth0\" {{ min rx interval {milliseconds} ms; \
             min tx interval {milliseconds} ms; idle tx interval 200 ms; multiplier 3; }}; }}"
        );
        self
    }
}

const HEAD: &str = "timeformat log iso long us; timeformat protocol iso long us;\n\
    debug protocols { states, events, routes };\nprotocol device { }\n";

/// The configuration of one session.
pub fn config(session: &Session) -> Config {
    let mut text = format!("router id {};\n{HEAD}", identifier(session.local));
    for family in Family::ALL {
        let routes: String = session
            .announced(family)
            .fold(String::new(), |all, prefix| all + &format!("route {prefix} blackhole; "));
        let name = family.name();
        let _ = writeln!(text, "protocol static s_{name} {{ {name}; {routes}}}");
    }
    let Session { local, remote, local_as, remote_as, .. } = session;
    if let Some(bfd) = session.bfd {
        let whom = if bfd.multihop { "multihop" } else { "interface \"*\"" };
        let (interval, multiplier) = (bfd.interval_ms, bfd.multiplier);
        let _ = writeln!(
            text,
            "protocol bfd {{ {whom} {{ interval {interval} ms; multiplier {multiplier}; }}; }}"
        );
    }
    let reach = if session.bfd.is_some_and(|bfd| bfd.multihop) { "multihop 10" } else { "direct" };
    let _ = write!(
        text,
        "protocol bgp p0 {{ local {local} as {local_as}; neighbor {remote} as {remote_as}; {reach};\n\
         error wait time 1, 2; error forget time 5; connect delay time 1; connect retry time 1;\n"
    );
    let mut option = |on: bool, what: &str| {
        if on {
            let _ = writeln!(text, "{what};");
        }
    };
    option(session.passive, "passive on");
    option(session.gtsm, "ttl security on");
    option(session.bfd.is_some(), "bfd on");
    option(session.password.is_some(), &format!("password \"{}\"", session.password.unwrap_or("")));
    option(session.hold.is_some(), &format!("hold time {}", session.hold.unwrap_or(0)));
    for family in &session.families {
        let limit =
            session.max_prefix.map_or(String::new(), |max| format!("import limit {max} action disable; "));
        let extended =
            if session.extended_next_hop() && *family == Family::V4 { "extended next hop on; " } else { "" };
        // An IPv6 route over IPv4 transport has no next hop by itself.
        let hop = format!("next hop address {}; ", session.next_hop(*family));
        let name = family.name();
        let _ = writeln!(
            text,
            "{name} {{ import all; export where source = RTS_STATIC; {limit}{extended}{hop}}};"
        );
    }
    text.push_str("}\n");
    Config { text, names: vec![(session.remote, "p0".to_owned())] }
}

/// A router id for a speaker at this address.
pub(super) fn identifier(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let last = address.segments()[7];
            format!("10.0.{}.{}", last >> 8, last & 0xff)
        }
    }
}

/// A provider's route server on the failover segment (the roles are chosen by community, the best route is installed).
pub fn route_server(host: &str) -> Config {
    route_server_at(host, segment6)
}

/// The same, with the addresses that `address` gives to the hosts: [`segment6`] or [`segment4`].
pub fn route_server_at(host: &str, address: fn(&str) -> IpAddr) -> Config {
    let (local, id) = (address(host), segment4(host));
    let mut text = format!("router id {id};\n{HEAD}");
    for (name, prefix) in [("ipv4", format!("{SHARED}/32")), ("ipv6", format!("{SHARED6}/128"))] {
        let _ = writeln!(
            text,
            "protocol kernel k_{name} {{ {name} {{ import none; \
             export where source = RTS_BGP && net = {prefix}; }}; }}"
        );
    }
    text.push_str(
        "filter from_node {
    if (63949, 1, 1) ~ bgp_large_community then bgp_local_pref = 200;
    else if (63949, 1, 2) ~ bgp_large_community then bgp_local_pref = 100;
    else if (65000, 1) ~ bgp_community then bgp_local_pref = 200;
    else if (65000, 2) ~ bgp_community then bgp_local_pref = 100;
    else reject \"no role community \", net;
    if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
    accept;
}
template bgp node {
    local as 63949;
    direct;
    passive on;
    error wait time 1, 2; error forget time 5; connect delay time 1; connect retry time 2;
    ipv4 { import filter from_node; export none; extended next hop on; };
    ipv6 { import filter from_node; export none; };
}
",
    );
    let mut names = Vec::new();
    for node in NODES {
        let remote = address(node);
        let _ =
            writeln!(text, "protocol bgp {node} from node {{ local {local}; neighbor {remote} as 65000; }}");
        names.push((remote, node.to_owned()));
    }
    Config { text, names }
}

/// A router of the nodes' own AS, without a policy: their LOCAL_PREF decides.
pub fn internal_router(host: &str) -> Config {
    let mut config = route_server(host);
    config.text = config
        .text
        .replace("local as 63949", "local as 65000")
        .replace("import filter from_node", "import all");
    config
}

impl Bird {
    /// Starts BIRD on `host`; returns when it answers.
    pub fn start(lab: &Lab, host: &str, config: &Config) -> Result<Self> {
        let log = lab.dir().join(format!("{host}-bird.log"));
        let text = format!("log \"{}\" all;\n{}", log.display(), config.text);
        let file = lab.write(&format!("{host}-bird.conf"), &text)?;
        let socket = lab.dir().join(format!("{host}-bird.ctl"));
        let _ = std::fs::remove_file(&socket);
        let pid = lab.dir().join(format!("{host}-bird.pid"));
        let (file, control, pid) = (file.to_string_lossy(), socket.to_string_lossy(), pid.to_string_lossy());
        let argv = ["bird", "-f", "-c", &file, "-s", &control, "-P", &pid];
        let process = lab.spawn(host, &format!("{host}-bird-out"), &argv, &[("TZ", "UTC")])?;
        let bird = Self { process, socket, log, names: config.names.clone() };
        lab.eventually("BIRD answers", 20.0, || {
            if let Some(status) = bird.process.ended()? {
                let out = std::fs::read_to_string(lab.dir().join(format!("{host}-bird-out.log")));
                anyhow::bail!("it ended ({status}): {out:?}");
            }
            bird.ask("show status").map(drop)
        })?;
        Ok(bird)
    }

    /// One question to the control socket.
    pub fn ask(&self, question: &str) -> Result<String> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(&stream).lines();
        lines.next().context("no greeting")??;
        (&stream).write_all(format!("{question}\n").as_bytes())?;
        let mut answer = String::new();
        for line in lines {
            let line = line?;
            // "1006-text" goes on, "0013 text" is the last, " text" goes on without a code.
            let code = line.len() >= 5 && line.bytes().take(4).all(|b| b.is_ascii_digit());
            answer.push_str(line.get(if code { 5 } else { 1 }..).unwrap_or(""));
            answer.push('\n');
            if code && line.as_bytes().get(4) == Some(&b' ') {
                break;
            }
        }
        Ok(answer)
    }

    /// Everything it has logged: each line begins with its time, UTC, in microseconds.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// How many routes it has from `remote`.
    pub fn count(&self, remote: IpAddr) -> Result<usize> {
        let all = self.protocol(remote)?;
        let lines = all.lines().filter_map(|line| line.trim().strip_prefix("Routes:"));
        Ok(lines.filter_map(|line| line.split_whitespace().next()?.parse::<usize>().ok()).sum())
    }

    /// How many routes it has told `remote`.
    pub fn told(&self, remote: IpAddr) -> Result<usize> {
        let all = self.protocol(remote)?;
        // "Export updates:  2  0  0  ---  2": the last is what was accepted, and thus told.
        let lines = all.lines().filter_map(|line| line.trim().strip_prefix("Export updates:"));
        Ok(lines.filter_map(|line| line.split_whitespace().last()?.parse::<usize>().ok()).sum())
    }

    /// When BFD sessions that were up went down, in seconds since 1970.
    pub fn bfd_ends(&self) -> Result<Vec<f64>> {
        let log = self.log()?;
        let ended =
            |line: &&str| line.contains(": Session to ") && line.contains(" changed state from Up to ");
        log.lines().filter(ended).map(moment).collect()
    }

    fn name(&self, remote: IpAddr) -> Result<&str> {
        let found = self.names.iter().find(|(address, _)| *address == remote);
        Ok(&found.with_context(|| format!("BIRD has no neighbor {remote}"))?.1)
    }

    fn protocol(&self, remote: IpAddr) -> Result<String> {
        self.ask(&format!("show protocols all {}", self.name(remote)?))
    }
}

/// What follows `key` on its line.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim)
}

impl Peer for Bird {
    fn process(&self) -> &Process {
        &self.process
    }

    fn established(&self, remote: IpAddr) -> Result<()> {
        let all = self.protocol(remote)?;
        let state = after(&all, "BGP state:").unwrap_or("unknown");
        ensure!(state == "Established", "BIRD says {state}, {:?}", after(&all, "Last error:"));
        Ok(())
    }

    fn incarnation(&self, remote: IpAddr) -> Result<String> {
        // Its "since" is computed anew each time and trembles.
        let up = format!(" {}: State changed to up", self.name(remote)?);
        let log = self.log()?;
        Ok(format!("up {} times", log.lines().filter(|line| line.ends_with(&up)).count()))
    }

    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>> {
        let name = self.name(remote)?;
        let table = if family == Family::V4 { "master4" } else { "master6" };
        let text = self.ask(&format!("show route all table {table} protocol {name}"))?;
        let mut routes: Vec<Route> = Vec::new();
        for line in text.lines() {
            let (key, value) = line.trim().split_once(": ").unwrap_or((line.trim(), ""));
            // A further route to the same network repeats everything but the network.
            if line.contains(" [") && line.contains("] ") {
                let last = routes.last().map_or(String::new(), |route| route.prefix.clone());
                let first = line.split_whitespace().next().filter(|_| !line.starts_with(' '));
                routes.push(Route { prefix: first.map_or(last, str::to_owned), ..Route::default() });
            }
            let Some(route) = routes.last_mut() else { continue };
            match key {
                "BGP.next_hop" => route.next_hops = addresses(value),
                "BGP.as_path" => {
                    route.as_path = value.split(' ').filter_map(|word| word.parse().ok()).collect();
                }
                "BGP.community" => route.communities = tuples(value),
                "BGP.large_community" => route.large = tuples(value),
                _ => {}
            }
        }
        Ok(routes)
    }

    fn hold_time(&self, remote: IpAddr) -> Result<u16> {
        let all = self.protocol(remote)?;
        // "Hold timer:  7.6/9"; with hold time 0 the line is not there.
        let Some(line) = after(&all, "Hold timer:") else { return Ok(0) };
        Ok(line.split_once('/').context("no hold time")?.1.trim().parse()?)
    }

    fn last_words(&self, remote: IpAddr) -> Result<String> {
        let name = format!(" {}: ", self.name(remote)?);
        let log = self.log()?;
        // "p0: Received: Administrative shutdown" is soon overwritten in `show protocols` by the next attempt's fate.
        let told = log.lines().filter(|line| line.contains(&name) && !line.contains("<TRACE>"));
        Ok(told.collect::<Vec<_>>().join("\n"))
    }

    fn refresh(&self, remote: IpAddr) -> Result<()> {
        self.ask(&format!("reload in {}", self.name(remote)?)).map(drop)
    }

    fn bfd(&self, remote: IpAddr) -> Result<BfdView> {
        // 10.0.0.1   eth0   Up   2026-11-22 10:00:00.000   0.010   0.030
        let all = self.ask("show bfd sessions")?;
        let line = all.lines().find(|line| line.split_whitespace().next() == Some(&remote.to_string()));
        let words: Vec<&str> =
            line.with_context(|| format!("no session: {all}"))?.split_whitespace().collect();
        let milliseconds = |word: Option<&&str>| -> Result<u32> {
            Ok(word.context("too short a line")?.replace('.', "").parse()?)
        };
        Ok(BfdView {
            state: words.get(2).context("too short a line")?.to_lowercase(),
            transmit_ms: milliseconds(words.get(words.len().saturating_sub(2)))?,
            detection_ms: milliseconds(words.last())?,
        })
    }

    fn ended_by_bfd(&self, remote: IpAddr) -> Result<f64> {
        let ended = format!("{}: BFD session down", self.name(remote)?);
        let log = self.log()?;
        let line = log.lines().rev().find(|line| line.contains(&ended)).context("BIRD does not say so")?;
        moment(line)
    }

    fn shut_down(&self, remote: IpAddr, text: &str) -> Result<()> {
        self.ask(&format!("disable {} \"{text}\"", self.name(remote)?)).map(drop)
    }
}

/// `(63949, 1, 1) (1, 2, 3)` as `63949:1:1`, `1:2:3`.
fn tuples(text: &str) -> Vec<String> {
    let inner = text.split('(').skip(1).filter_map(|part| part.split(')').next());
    inner.map(|part| part.replace([' ', ','], ":").replace("::", ":")).collect()
}
