//! `OpenBGPD`: its configuration, and bgpctl's JSON.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Family, Peer, Route, Session, bird, elements, number, text};
use crate::harness::Process;
use crate::harness::lab::{Lab, bounded};

/// One bgpd of `OpenBGPD`.
pub struct Openbgpd {
    process: Process,
    socket: PathBuf,
}

fn config(session: &Session, socket: &str) -> String {
    let Session { local, remote, local_as, remote_as, .. } = session;
    let mut text = format!(
        "AS {local_as}{}\nrouter-id {}\nfib-update no\nlog updates\nsocket \"{socket}\"\nlisten on {local}\n",
        // A 4-octet AS needs a 2-octet one beside it.
        if *local_as > 65535 { " 23456" } else { "" },
        bird::identifier(*local)
    );
    for prefix in &session.announce {
        let _ = writeln!(text, "network {prefix}");
    }
    let _ = writeln!(text, "neighbor {remote} {{\n remote-as {remote_as}");
    for family in Family::ALL {
        let what = if session.carries(family) { "unicast" } else { "none" };
        let name = if family == Family::V4 { "IPv4" } else { "IPv6" };
        let _ = writeln!(text, " announce {name} {what}");
    }
    let mut option = |on: bool, what: &str| {
        if on {
            let _ = writeln!(text, " {what}");
        }
    };
    option(session.passive, "passive");
    // Beside `passive` it keeps a key from being used.
    option(!session.passive, &format!("local-address {local}"));
    option(session.gtsm, "ttl-security yes");
    option(session.password.is_some(), &format!("tcp md5sig password {}", session.password.unwrap_or("")));
    option(session.hold.is_some(), &format!("holdtime {}", session.hold.unwrap_or(0)));
    option(session.max_prefix.is_some(), &format!("max-prefix {}", session.max_prefix.unwrap_or(0)));
    text.push_str("}\nallow to any\nallow from any\n");
    text
}

impl Openbgpd {
    /// Starts bgpd on `host`; returns when it answers.
    pub fn start(lab: &Lab, host: &str, session: &Session) -> Result<Self> {
        // Its chroot; an init system makes it otherwise. All instances share it, it is empty.
        std::fs::create_dir_all("/run/openbgpd")?;
        std::fs::set_permissions("/run/openbgpd", std::fs::Permissions::from_mode(0o755))?;
        let socket = lab.dir().join(format!("{host}-openbgpd.sock"));
        let file =
            lab.write(&format!("{host}-openbgpd.conf"), &config(session, &socket.to_string_lossy()))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        let argv = ["/usr/sbin/bgpd", "-d", "-v", "-f", &file.to_string_lossy()];
        let process = lab.spawn(host, &format!("{host}-openbgpd"), &argv, &[])?;
        let bgpd = Self { process, socket };
        lab.eventually("OpenBGPD answers", 20.0, || bgpd.neighbor(session.remote).map(drop))?;
        Ok(bgpd)
    }

    fn ctl(&self, words: &[&str]) -> Result<String> {
        let socket = self.socket.to_string_lossy();
        bounded(&[&["bgpctl", "-j", "-s", &socket], words].concat())
    }

    fn neighbor(&self, remote: IpAddr) -> Result<Value> {
        let out = self.ctl(&["show", "neighbor", &remote.to_string()])?;
        let all: Value = serde_json::from_str(&out).with_context(|| format!("not JSON: {out:.200}"))?;
        all.pointer("/neighbors/0").cloned().with_context(|| format!("no neighbor {remote}: {out:.200}"))
    }
}

impl Peer for Openbgpd {
    fn process(&self) -> &Process {
        &self.process
    }

    fn established(&self, remote: IpAddr) -> Result<()> {
        let neighbor = self.neighbor(remote)?;
        let state = text(&neighbor, "/state");
        ensure!(state == "Established", "OpenBGPD says {state}");
        Ok(())
    }

    fn incarnation(&self, remote: IpAddr) -> Result<String> {
        let neighbor = self.neighbor(remote)?;
        Ok(format!("{} {}", neighbor["session"]["local"]["port"], neighbor["session"]["remote"]["port"]))
    }

    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>> {
        let address = remote.to_string();
        let out = self.ctl(&["show", "rib", family.name(), "detail", "neighbor", &address])?;
        let list: Value = serde_json::from_str(&out).with_context(|| format!("not JSON: {out:.200}"))?;
        Ok(elements(&list["rib"]).iter().map(route_of).collect())
    }

    fn hold_time(&self, remote: IpAddr) -> Result<u16> {
        let neighbor = self.neighbor(remote)?;
        Ok(u16::try_from(number(&neighbor, "/session/holdtime").unwrap_or(0))?)
    }

    fn last_words(&self, remote: IpAddr) -> Result<String> {
        let log = std::fs::read_to_string(format!("/proc/{}/fd/1", self.process.pid()))?;
        Ok(format!("{}\n{log}", self.neighbor(remote)?))
    }

    fn refresh(&self, remote: IpAddr) -> Result<()> {
        self.ctl(&["neighbor", &remote.to_string(), "refresh"]).map(drop)
    }

    fn shut_down(&self, remote: IpAddr, text: &str) -> Result<()> {
        self.ctl(&["neighbor", &remote.to_string(), "down", text]).map(drop)
    }
}

fn route_of(entry: &Value) -> Route {
    let mut route = Route { prefix: text(entry, "/prefix").to_owned(), ..Route::default() };
    route.as_path = text(entry, "/aspath").split(' ').filter_map(|word| word.parse().ok()).collect();
    route.next_hops.extend(text(entry, "/exit_nexthop").parse::<IpAddr>().ok());
    let strings = |value: &Value| -> Vec<String> {
        elements(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // It has names for the well-known ones.
    let named = strings(&entry["communities"]);
    route.communities = named.iter().map(|name| name.replace("GRACEFUL_SHUTDOWN", "65535:0")).collect();
    route.large = strings(&entry["large_communities"]);
    route
}
