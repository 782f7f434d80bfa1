//! `ExaBGP`: its configuration; what it hears is written, as JSON, by a process of its API.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Family, Peer, Route, Session, bird, elements, number, text};
use crate::harness::Process;
use crate::harness::lab::Lab;

/// One exabgp.
pub struct Exabgp {
    process: Process,
    /// What its API tells, one JSON value a line.
    heard: PathBuf,
    /// What we tell its API, one command a line.
    told: PathBuf,
}

fn config(session: &Session, bridge: &str) -> String {
    let Session { local, remote, local_as, remote_as, .. } = session;
    let mut text = format!(
        "process watch {{ run {bridge}; encoder json; }}\nneighbor {remote} {{\n router-id {}; local-address {local}; \
         local-as {local_as}; peer-as {remote_as};\n",
        bird::identifier(*local)
    );
    let mut option = |on: bool, what: &str| {
        if on {
            let _ = writeln!(text, " {what};");
        }
    };
    option(session.passive, "passive true");
    option(session.gtsm, "incoming-ttl 255; outgoing-ttl 255");
    option(session.password.is_some(), &format!("md5-password '{}'", session.password.unwrap_or("")));
    option(session.hold.is_some(), &format!("hold-time {}", session.hold.unwrap_or(0)));
    let extended = session.extended_next_hop();
    // It wants IPv6 unicast for RFC 8950, and offers it.
    let carried = Family::ALL.into_iter().filter(|family| session.carries(*family) || extended);
    let families = carried.fold(String::new(), |all, family| all + family.name() + " unicast; ");
    let nexthop = if extended { " nexthop { ipv4 unicast ipv6; }\n" } else { "" };
    let enable = if extended { "nexthop enable; " } else { "" };
    let _ = write!(
        text,
        " capability {{ {enable}route-refresh enable; }}\n{nexthop} family {{ {families}}}\n \
         api {{ processes [ watch ]; neighbor-changes; receive {{ parsed; open; update; notification; refresh; }} \
         send {{ parsed; notification; }} }}\n static {{\n"
    );
    for prefix in &session.announce {
        let hop = session.next_hop(Family::of(prefix));
        let _ = writeln!(text, "  route {prefix} next-hop {hop};");
    }
    text.push_str(" }\n}\n");
    text
}

impl Exabgp {
    /// Starts exabgp on `host`; returns when its API process is there.
    pub fn start(lab: &Lab, host: &str, session: &Session) -> Result<Self> {
        let heard = lab.dir().join(format!("{host}-exabgp.json"));
        let told = lab.write(&format!("{host}-exabgp.commands"), "")?;
        let script = format!(
            "#!/bin/sh\nexec 3<&0\ncat <&3 >>{} &\nexec tail -n +1 -f {}\n",
            heard.display(),
            told.display()
        );
        let bridge = lab.write(&format!("{host}-exabgp.sh"), &script)?;
        std::fs::set_permissions(&bridge, std::fs::Permissions::from_mode(0o755))?;
        let file = lab.write(&format!("{host}-exabgp.conf"), &config(session, &bridge.to_string_lossy()))?;
        let env = [
            ("exabgp.daemon.user", "root"),
            ("exabgp.daemon.drop", "false"),
            ("exabgp.log.level", "INFO"),
            ("exabgp.log.destination", "stdout"),
            ("exabgp.api.cli", "false"),
            ("exabgp.tcp.delay", "0"),
            ("exabgp.tcp.bind", if session.passive { &session.local.to_string() } else { "" }),
        ];
        let program = ["exabgp", &file.to_string_lossy()];
        let process = lab.spawn(host, &format!("{host}-exabgp"), &program, &env)?;
        let exabgp = Self { process, heard, told };
        lab.eventually("ExaBGP's process runs", 30.0, || {
            if let Some(status) = exabgp.process.ended()? {
                bail!("it ended: {status}");
            }
            Ok(std::fs::metadata(&exabgp.heard).map(drop)?)
        })?;
        Ok(exabgp)
    }

    /// Everything heard so far about `remote`, oldest first.
    fn events(&self, remote: IpAddr) -> Result<Vec<Value>> {
        let log = std::fs::read_to_string(&self.heard)?;
        let values = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address = remote.to_string();
        Ok(values.filter(|value| text(value, "/neighbor/address/peer") == address).collect())
    }

    fn tell(&self, command: &str) -> Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::options().append(true).open(&self.told)?;
        Ok(file.write_all(format!("{command}\n").as_bytes())?)
    }
}

impl Peer for Exabgp {
    fn process(&self) -> &Process {
        &self.process
    }

    fn established(&self, remote: IpAddr) -> Result<()> {
        let events = self.events(remote)?;
        let state = events.iter().rev().find(|event| text(event, "/type") == "state");
        let state = state.map_or("nothing", |event| text(event, "/neighbor/state"));
        ensure!(state == "up", "ExaBGP says {state}");
        Ok(())
    }

    fn incarnation(&self, remote: IpAddr) -> Result<String> {
        let events = self.events(remote)?;
        let ups = events.iter().filter(|event| text(event, "/neighbor/state") == "up");
        Ok(format!("up {} times", ups.count()))
    }

    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>> {
        let name = format!("{} unicast", family.name());
        let mut routes: BTreeMap<String, Route> = BTreeMap::new();
        for event in self.events(remote)? {
            if text(&event, "/neighbor/state") == "down" {
                routes.clear();
            }
            let Some(update) = event.pointer("/neighbor/message/update") else { continue };
            for entry in elements(&update["withdraw"][&name]) {
                routes.remove(text(entry, "/nlri"));
            }
            for (hop, entries) in update["announce"][&name].as_object().into_iter().flatten() {
                for entry in elements(entries) {
                    let route = route_of(text(entry, "/nlri"), hop, &update["attribute"]);
                    routes.insert(route.prefix.clone(), route);
                }
            }
        }
        Ok(routes.into_values().collect())
    }

    fn hold_time(&self, remote: IpAddr) -> Result<u16> {
        // Its API tells what each side said; RFC 4271 4.2: the smaller one is in force.
        let events = self.events(remote)?;
        let mut held = Vec::new();
        for event in events.iter().filter(|event| text(event, "/type") == "open") {
            held.extend(number(event, "/neighbor/open/hold_time"));
        }
        let last = held.pop().context("no OPEN heard")?;
        Ok(u16::try_from(last)?)
    }

    fn last_words(&self, remote: IpAddr) -> Result<String> {
        let events: Vec<String> = self.events(remote)?.iter().map(Value::to_string).collect();
        Ok(events.join("\n") + &std::fs::read_to_string(format!("/proc/{}/fd/1", self.process.pid()))?)
    }

    fn refresh(&self, remote: IpAddr) -> Result<()> {
        self.tell(&format!("neighbor {remote} announce route-refresh ipv4 unicast"))?;
        self.tell(&format!("neighbor {remote} announce route-refresh ipv6 unicast"))
    }

    fn shut_down(&self, remote: IpAddr, _text: &str) -> Result<()> {
        // ExaBGP 4 takes a subcode only.
        self.tell(&format!("neighbor {remote} teardown 2"))
    }
}

fn route_of(prefix: &str, hop: &str, attributes: &Value) -> Route {
    // ExaBGP's lists hold numbers: [[63949, 1, 1], …].
    let joined = |value: &Value| -> String {
        elements(value).iter().map(Value::to_string).collect::<Vec<_>>().join(":")
    };
    let list = |key: &str| elements(&attributes[key]).iter().map(joined).collect();
    let numbers = attributes["as-path"].to_string();
    Route {
        prefix: prefix.to_owned(),
        next_hops: super::addresses(hop),
        as_path: numbers.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect(),
        communities: list("community"),
        large: list("large-community"),
    }
}
