//! `GoBGP`: its TOML, and its CLI's JSON.

use std::fmt::Write as _;
use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Family, Peer, Route, Session, bird, elements, number, text};
use crate::harness::Process;
use crate::harness::lab::{Lab, bounded};

/// One gobgpd.
pub struct Gobgp {
    process: Process,
    namespace: String,
}

fn config(session: &Session) -> String {
    let Session { local, remote, local_as, remote_as, .. } = session;
    let mut text = format!(
        "[global.config]\n as = {local_as}\n router-id = \"{}\"\n[[neighbors]]\n[neighbors.config]\n \
         neighbor-address = \"{remote}\"\n peer-as = {remote_as}\n",
        bird::identifier(*local)
    );
    if let Some(password) = session.password {
        let _ = writeln!(text, " auth-password = \"{password}\"");
    }
    let _ = writeln!(
        text,
        "[neighbors.transport.config]\n local-address = \"{local}\"\n passive-mode = {}",
        session.passive
    );
    let _ = writeln!(text, "[neighbors.timers.config]\n connect-retry = 1\n idle-hold-time-after-reset = 1");
    if let Some(hold) = session.hold {
        let _ = writeln!(text, " hold-time = {hold}\n keepalive-interval = {}", hold / 3);
    }
    if session.gtsm {
        text.push_str("[neighbors.ttl-security.config]\n enabled = true\n ttl-min = 255\n");
    }
    for family in &session.families {
        let _ = writeln!(
            text,
            "[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\n afi-safi-name = \"{}-unicast\"",
            family.name()
        );
        if let Some(max) = session.max_prefix {
            let _ = writeln!(text, "[neighbors.afi-safis.prefix-limit.config]\n max-prefixes = {max}");
        }
    }
    text
}

impl Gobgp {
    /// Starts gobgpd on `host`; returns when it announces what it should.
    pub fn start(lab: &Lab, host: &str, session: &Session) -> Result<Self> {
        let file = lab.write(&format!("{host}-gobgpd.toml"), &config(session))?;
        let argv = ["gobgpd", "-f", &file.to_string_lossy(), "--api-hosts", "127.0.0.1:50051", "-l", "debug"];
        let process = lab.spawn(host, &format!("{host}-gobgpd"), &argv, &[])?;
        let gobgp = Self { process, namespace: lab.namespace(host) };
        lab.eventually("gobgpd answers", 30.0, || gobgp.neighbor(session.remote).map(drop))?;
        for prefix in &session.announce {
            let family = Family::of(prefix);
            let hop = session.next_hop(family).to_string();
            gobgp.cli(&["global", "rib", "add", prefix, "-a", family.name(), "nexthop", &hop])?;
        }
        Ok(gobgp)
    }

    fn cli(&self, words: &[&str]) -> Result<String> {
        let net = format!("--net=/run/netns/{}", self.namespace);
        bounded(&[&["nsenter", &net, "--", "gobgp"], words].concat())
    }

    fn neighbor(&self, remote: IpAddr) -> Result<Value> {
        let out = self.cli(&["-j", "neighbor", &remote.to_string()])?;
        serde_json::from_str(&out).with_context(|| format!("not JSON: {out:.200}"))
    }
}

/// `GoBGP`'s number of the state Established.
const ESTABLISHED: u64 = 6;

impl Peer for Gobgp {
    fn process(&self) -> &Process {
        &self.process
    }

    fn established(&self, remote: IpAddr) -> Result<()> {
        let neighbor = self.neighbor(remote)?;
        let state = number(&neighbor, "/state/session_state").unwrap_or(0);
        ensure!(state == ESTABLISHED, "GoBGP says {state} (6 is Established)");
        Ok(())
    }

    fn incarnation(&self, remote: IpAddr) -> Result<String> {
        let neighbor = self.neighbor(remote)?;
        Ok(format!("{} flops {}", neighbor["timers"]["state"]["uptime"], neighbor["state"]["flops"]))
    }

    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>> {
        let out = self.cli(&["-j", "neighbor", &remote.to_string(), "adj-in", "-a", family.name()])?;
        let list: Value = serde_json::from_str(&out).unwrap_or_default();
        let mut routes = Vec::new();
        for (prefix, paths) in list.as_object().into_iter().flatten() {
            routes.extend(elements(paths).iter().map(|path| route_of(prefix, path)));
        }
        Ok(routes)
    }

    fn hold_time(&self, remote: IpAddr) -> Result<u16> {
        let neighbor = self.neighbor(remote)?;
        let hold = number(&neighbor, "/timers/state/negotiated_hold_time").unwrap_or(0);
        Ok(u16::try_from(hold)?)
    }

    fn last_words(&self, remote: IpAddr) -> Result<String> {
        let log = format!("{}", self.neighbor(remote)?);
        Ok(log + &std::fs::read_to_string(format!("/proc/{}/fd/1", self.process.pid()))?)
    }

    fn refresh(&self, remote: IpAddr) -> Result<()> {
        self.cli(&["neighbor", &remote.to_string(), "softresetin"]).map(drop)
    }

    fn shut_down(&self, remote: IpAddr, text: &str) -> Result<()> {
        self.cli(&["neighbor", &remote.to_string(), "disable", text]).map(drop)
    }
}

fn route_of(prefix: &str, path: &Value) -> Route {
    let mut route = Route { prefix: prefix.to_owned(), ..Route::default() };
    for attribute in elements(&path["attrs"]) {
        match number(attribute, "/type") {
            Some(2) => {
                let segments = elements(&attribute["as_paths"]).iter();
                let numbers = segments.flat_map(|segment| elements(&segment["asns"]));
                route.as_path = numbers.filter_map(|n| n.as_u64()?.try_into().ok()).collect();
            }
            Some(3 | 14) => route.next_hops.extend(text(attribute, "/nexthop").parse::<IpAddr>().ok()),
            Some(8) => {
                let values = elements(&attribute["communities"]).iter().filter_map(Value::as_u64);
                route.communities = values.map(|c| format!("{}:{}", c >> 16, c & 0xffff)).collect();
            }
            Some(32) => {
                let part = |value: &Value, key: &str| value[key].as_u64().unwrap_or(0);
                let one = |v: &Value| {
                    format!("{}:{}:{}", part(v, "ASN"), part(v, "LocalData1"), part(v, "LocalData2"))
                };
                route.large = elements(&attribute["value"]).iter().map(one).collect();
            }
            _ => {}
        }
    }
    route
}
