//! `FRRouting`: zebra, bgpd and, where a session wants it, bfdd with their own path space, and vtysh's JSON.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{BfdView, Family, Peer, Route, Session, bird, elements, moment, number, text};
use crate::harness::Process;
use crate::harness::lab::{Lab, bounded};
use crate::harness::topology::{NODES, segment4, segment6};

/// zebra, bgpd and perhaps bfdd of one host.
pub struct Frr {
    bgpd: Process,
    /// The path space, which is the namespace's name.
    space: String,
    asn: u32,
}

/// A configuration and the AS number in it.
pub struct Config {
    text: String,
    /// bfdd's; empty: it is not started.
    bfdd: String,
    asn: u32,
}

/// The configuration of one session.
pub fn config(session: &Session) -> Config {
    let Session { remote, local, local_as, remote_as, .. } = session;
    let mut text = format!(
        "router bgp {local_as}\n bgp router-id {}\n no bgp ebgp-requires-policy\n bgp log-neighbor-changes\n no bgp default ipv4-unicast\n \
         no bgp network import-check\n neighbor {remote} remote-as {remote_as}\n \
         neighbor {remote} update-source {local}\n neighbor {remote} timers connect 1\n",
        bird::identifier(*local)
    );
    let mut option = |on: bool, what: &str| {
        if on {
            let _ = writeln!(text, " neighbor {remote} {what}");
        }
    };
    option(session.passive, "passive");
    option(session.gtsm, "ttl-security hops 1");
    option(session.password.is_some(), &format!("password {}", session.password.unwrap_or("")));
    option(session.bfd.is_some(), "bfd");
    option(session.bfd.is_some(), "bfd profile timers");
    option(session.bfd.is_some_and(|bfd| bfd.multihop), "ebgp-multihop 10");
    let hold = session.hold.unwrap_or(0);
    option(session.hold.is_some(), &format!("timers {} {hold}", hold / 3));
    option(session.extended_next_hop(), "capability extended-nexthop");
    for family in &session.families {
        let _ = writeln!(text, " address-family {} unicast\n  neighbor {remote} activate", family.name());
        if let Some(max) = session.max_prefix {
            let _ = writeln!(text, "  neighbor {remote} maximum-prefix {max}");
        }
        if session.local.is_ipv4() && *family == Family::V6 {
            let _ = writeln!(text, "  neighbor {remote} route-map SIX out");
        }
        for prefix in session.announced(*family) {
            let _ = writeln!(text, "  network {prefix}");
        }
        text.push_str(" exit-address-family\n");
    }
    let _ =
        writeln!(text, "route-map SIX permit 10\n set ipv6 next-hop global {}", session.next_hop(Family::V6));
    let bfdd = session.bfd.map_or(String::new(), |bfd| {
        let (interval, multiplier) = (bfd.interval_ms, bfd.multiplier);
        format!(
            "bfd\n profile timers\n  detect-multiplier {multiplier}\n  receive-interval {interval}\n  \
             transmit-interval {interval}\n exit\nexit\n"
        )
    });
    Config { text, bfdd, asn: *local_as }
}

/// The provider's route server on the failover segment, in FRR.
pub fn route_server(host: &str) -> Config {
    let mut text = format!(
        "router bgp 63949\n bgp router-id {}\n no bgp ebgp-requires-policy\n neighbor N peer-group\n \
         neighbor N remote-as 65000\n neighbor N capability extended-nexthop\n neighbor N passive\n",
        segment4(host)
    );
    for node in NODES {
        let _ = writeln!(text, " neighbor {} peer-group N", segment6(node));
    }
    text.push_str(
        " address-family ipv4 unicast
  neighbor N route-map IN in
 exit-address-family
 address-family ipv6 unicast
  neighbor N activate
  neighbor N route-map IN in
 exit-address-family
bgp large-community-list standard PRI permit 63949:1:1
bgp large-community-list standard SEC permit 63949:1:2
route-map IN permit 10
 match large-community PRI
 set local-preference 200
route-map IN permit 20
 match large-community SEC
 set local-preference 100
",
    );
    Config { text, bfdd: String::new(), asn: 63949 }
}

/// A router of the nodes' own AS, without a policy: their LOCAL_PREF decides.
pub fn internal_router(host: &str) -> Config {
    let text = route_server(host).text.replace("router bgp 63949", "router bgp 65000");
    let text = text.replace("  neighbor N route-map IN in\n", "");
    Config { text, bfdd: String::new(), asn: 65_000 }
}

impl Frr {
    /// Starts zebra and bgpd on `host`; returns when bgpd answers.
    pub fn start(lab: &Lab, host: &str, config: &Config) -> Result<Self> {
        let space = lab.namespace(host);
        let folder = Path::new("/var/run/frr").join(&space);
        std::fs::create_dir_all(&folder)?;
        lab.owns_folder(&folder);
        bounded(&["chown", "frr:frr", &folder.to_string_lossy()])?;
        lab.write(&format!("{host}-zebra.conf"), "hostname peer\n")?;
        lab.write(
            &format!("{host}-bgpd.conf"),
            &format!("hostname peer\nlog timestamp precision 3\ndebug bgp neighbor-events\n{}", config.text),
        )?;
        let daemon = |name: &str| {
            let program = format!("/usr/lib/frr/{name}");
            let file = lab.dir().join(format!("{host}-{name}.conf"));
            let argv =
                [&program, "-N", &space, "-f", &file.to_string_lossy(), "-P", "0", "-u", "frr", "-g", "frr"];
            let argv = [&argv[..], &["--log", "stdout"]].concat();
            lab.spawn(host, &format!("{host}-{name}"), &argv, &[("TZ", "UTC")])
        };
        daemon("zebra")?;
        lab.eventually("zebra answers", 20.0, || Ok(std::fs::metadata(folder.join("zserv.api")).map(drop)?))?;
        if !config.bfdd.is_empty() {
            lab.write(&format!("{host}-bfdd.conf"), &format!("hostname peer\n{}", config.bfdd))?;
            daemon("bfdd")?;
            lab.eventually("bfdd answers", 20.0, || {
                Ok(std::fs::metadata(folder.join("bfdd.vty")).map(drop)?)
            })?;
        }
        let frr = Self { bgpd: daemon("bgpd")?, space, asn: config.asn };
        lab.eventually("bgpd answers", 20.0, || frr.show("show bgp summary json").map(drop))?;
        Ok(frr)
    }

    /// Runs vtysh commands in order.
    pub fn vtysh(&self, commands: &[&str]) -> Result<String> {
        self.vtysh_of("bgpd", commands)
    }

    fn vtysh_of(&self, daemon: &str, commands: &[&str]) -> Result<String> {
        let mut argv = vec!["vtysh", "-N", &self.space, "-d", daemon];
        for command in commands {
            argv.extend(["-c", command]);
        }
        bounded(&argv)
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(format!("/proc/{}/fd/1", self.bgpd.pid()))?)
    }

    fn show(&self, command: &str) -> Result<Value> {
        let out = self.vtysh(&[command])?;
        let json =
            out.find('{').and_then(|at| out.get(at..)).with_context(|| format!("not JSON: {out:.200}"))?;
        Ok(serde_json::from_str(json)?)
    }

    fn neighbor(&self, remote: IpAddr) -> Result<Value> {
        let all = self.show(&format!("show bgp neighbors {remote} json"))?;
        all.get(remote.to_string())
            .cloned()
            .with_context(|| format!("FRR has no neighbor {remote}: {all:.200}"))
    }
}

impl Peer for Frr {
    fn process(&self) -> &Process {
        &self.bgpd
    }

    fn established(&self, remote: IpAddr) -> Result<()> {
        let neighbor = self.neighbor(remote)?;
        let state = text(&neighbor, "/bgpState");
        ensure!(state == "Established", "FRR says {state}, {}", text(&neighbor, "/lastResetDueTo"));
        Ok(())
    }

    fn incarnation(&self, remote: IpAddr) -> Result<String> {
        let neighbor = self.neighbor(remote)?;
        let count = |key| number(&neighbor, key).unwrap_or(0);
        Ok(format!(
            "established {} dropped {}",
            count("/connectionsEstablished"),
            count("/connectionsDropped")
        ))
    }

    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>> {
        let name = family.name();
        let list = self.show(&format!("show bgp {name} unicast neighbors {remote} routes json"))?;
        let Some(prefixes) = list.get("routes").and_then(Value::as_object) else {
            bail!("no routes: {list:.200}")
        };
        let mut routes = Vec::new();
        for prefix in prefixes.keys() {
            let detail = self.show(&format!("show bgp {name} unicast {prefix} json"))?;
            let from = |path: &&Value| text(path, "/peer/peerId") == remote.to_string();
            for path in elements(&detail["paths"]).iter().filter(from) {
                routes.push(route_of(prefix, path));
            }
        }
        Ok(routes)
    }

    fn hold_time(&self, remote: IpAddr) -> Result<u16> {
        let neighbor = self.neighbor(remote)?;
        let milliseconds = number(&neighbor, "/bgpTimerHoldTimeMsecs").context("no hold time")?;
        Ok(u16::try_from(milliseconds / 1000)?)
    }

    fn last_words(&self, remote: IpAddr) -> Result<String> {
        // A text is logged; the view forgets it with the next attempt.
        Ok(self.vtysh(&[&format!("show bgp neighbors {remote}")])? + &self.log()?)
    }

    fn refresh(&self, remote: IpAddr) -> Result<()> {
        self.vtysh(&[&format!("clear bgp {remote} in")]).map(drop)
    }

    fn bfd(&self, remote: IpAddr) -> Result<BfdView> {
        let out = self.vtysh_of("bfdd", &["show bfd peers json"])?;
        let json =
            out.find('[').and_then(|at| out.get(at..)).with_context(|| format!("not JSON: {out:.200}"))?;
        let all: Value = serde_json::from_str(json)?;
        let peer = elements(&all).iter().find(|peer| text(peer, "/peer") == remote.to_string());
        let peer = peer.with_context(|| format!("no session: {all}"))?;
        let figure = |key| number(peer, key).with_context(|| format!("no {key}: {peer}"));
        // What both sides said: the slower one decides (RFC 5880 sections 6.8.2 and 6.8.4).
        let transmit = figure("/transmit-interval")?.max(figure("/remote-receive-interval")?);
        let receive = figure("/receive-interval")?.max(figure("/remote-transmit-interval")?);
        let detection = receive * figure("/remote-detect-multiplier")?;
        Ok(BfdView {
            state: text(peer, "/status").to_owned(),
            transmit_ms: u32::try_from(transmit)?,
            detection_ms: u32::try_from(detection)?,
        })
    }

    fn ended_by_bfd(&self, remote: IpAddr) -> Result<f64> {
        let log = self.log()?;
        let ended = |line: &&str| line.contains(&format!("NOTIFICATION: sent to neighbor {remote} 6/10 "));
        moment(log.lines().rev().find(ended).context("FRR does not say so")?)
    }

    fn shut_down(&self, remote: IpAddr, text: &str) -> Result<()> {
        let router = format!("router bgp {}", self.asn);
        let shut = format!("neighbor {remote} shutdown message {text}");
        self.vtysh(&["configure terminal", &router, &shut]).map(drop)
    }
}

fn route_of(prefix: &str, path: &Value) -> Route {
    let words = |pointer: &str| text(path, pointer).split(' ').filter(|word| !word.is_empty());
    let hop = |hop: &Value| text(hop, "/ip").parse().ok();
    Route {
        prefix: prefix.to_owned(),
        next_hops: elements(&path["nexthops"]).iter().filter_map(hop).collect(),
        as_path: words("/aspath/string").filter_map(|word| word.parse().ok()).collect(),
        // FRR has names for the well-known ones.
        communities: words("/community/string")
            .map(|word| word.replace("graceful-shutdown", "65535:0"))
            .collect(),
        large: words("/largeCommunity/string").map(str::to_owned).collect(),
    }
}
