//! The daemon under test: `holdover`, started as an operator starts it.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::lab::{Lab, Process};
use super::peers::{Family, Session};
use super::topology::{ROUTE_SERVERS, SHARED, segment6};

/// The program that `HOLDOVER_BIN` names.
pub fn program() -> Result<String> {
    std::env::var("HOLDOVER_BIN").context("HOLDOVER_BIN does not name the daemon")
}

/// One running daemon.
pub struct Holdover {
    process: Process,
    host: String,
    config: PathBuf,
    control: PathBuf,
    log: PathBuf,
}

impl Holdover {
    /// Starts the daemon on `host` with this configuration; does not wait for anything.
    ///
    /// Its list of owned addresses and what operators want to persist are one file each per host, which outlive it, as
    /// `/run/holdover/owned` and `/var/lib/holdover/wishes` do.
    pub fn start(lab: &Lab, host: &str, config: &str) -> Result<Self> {
        Self::start_by(lab, host, config, &[])
    }

    /// The same, by a program that changes what the daemon may do and then becomes it.
    pub fn start_by(lab: &Lab, host: &str, config: &str, by: &[&str]) -> Result<Self> {
        let config = lab.write(&format!("{host}-holdover.conf"), config)?;
        let control = lab.dir().join(format!("{host}-holdover.sock"));
        let owned = lab.dir().join(format!("{host}-owned"));
        let state = lab.dir().join(format!("{host}-wishes"));
        let program = program()?;
        let argv = [
            &program,
            "run",
            "-c",
            &config.to_string_lossy(),
            "--control",
            &control.to_string_lossy(),
            "--log-format",
            "json",
            "--owned",
            &owned.to_string_lossy(),
            "--state",
            &state.to_string_lossy(),
        ];
        let name = format!("{host}-holdover");
        let process = lab.spawn(host, &name, &[by, &argv[..]].concat(), &[])?;
        let log = lab.dir().join(format!("{name}.log"));
        Ok(Self { process, host: host.to_owned(), config, control, log })
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Everything it has logged, over all starts on this host.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// Ok while it runs; the error has the end of its log.
    pub fn runs(&self) -> Result<()> {
        if let Some(status) = self.process.ended()? {
            let log = self.log()?;
            let tail: Vec<&str> = log.lines().rev().take(5).collect();
            bail!("holdover on {} ended: {status}: {tail:?}", self.host);
        }
        Ok(())
    }

    /// `holdover show WHAT --json`.
    pub fn show(&self, lab: &Lab, what: &str) -> Result<Value> {
        let control = self.control.to_string_lossy();
        lab.json(&self.host, &[&program()?, "show", what, "--json", "--control", &control])
    }

    /// A command other than `show`, over the control socket.
    pub fn command(&self, lab: &Lab, words: &[&str]) -> Result<String> {
        let control = self.control.to_string_lossy();
        lab.run(&self.host, &[&[program()?.as_str()], words, &["--control", &control]].concat())
    }

    /// Replaces the configuration file and sends SIGHUP.
    pub fn reload(&self, lab: &Lab, config: &str) -> Result<()> {
        lab.note(&format!("{}: reload", self.host));
        std::fs::write(&self.config, config)?;
        self.process.signal(Signal::HUP)
    }

    /// SIGTERM, and the end that must follow: exit code 0.
    pub fn stop(&self, lab: &Lab, seconds: f64) -> Result<()> {
        self.process.signal(Signal::TERM)?;
        let status = self.process.wait(lab, seconds)?;
        ensure!(status.success(), "holdover on {} gave {status}", self.host);
        Ok(())
    }
}

/// The provider's template of the field guide with its placeholders filled, and `extra` lines under `router bgp`.
pub fn template(hostname: &str, role: &str, extra: &str) -> String {
    let network = format!("  network {SHARED}/32 route-map {role}\n");
    frame(
        hostname,
        extra,
        &format!(" address-family ipv4 unicast\n{network}  redistribute static\n exit-address-family\n"),
    )
}

/// The template's frame around these address families.
pub fn frame(hostname: &str, extra: &str, families: &str) -> String {
    let mut text = format!(
        "hostname {hostname}\n\nrouter bgp 65000\nno bgp ebgp-requires-policy\ncoalesce-time 1000\n\
         bgp bestpath as-path multipath-relax\nneighbor RS peer-group\nneighbor RS remote-as external\n\
         neighbor RS capability extended-nexthop\n{extra}"
    );
    for server in ROUTE_SERVERS {
        let _ = writeln!(text, "neighbor {} peer-group RS", segment6(server));
    }
    text + families
        + "route-map primary permit 10\nset large-community 63949:1:1\n\
           route-map secondary permit 10\nset large-community 63949:1:2\n"
}

/// The template's sessions with a `failover` block in the place of the `network` line.
pub fn with_service(hostname: &str, role: &str, extra: &str, addresses: &str, more: &str) -> String {
    frame(hostname, extra, "")
        + &format!(
            "failover web\n{addresses}\n role {role}\n active route-map {role}\n start-delay 0s\n \
             preempt delay 0s\n{more}exit\n"
        )
}

/// The prefixes that our side of an interop session announces.
pub const OURS: [&str; 2] = ["198.18.1.7/32", "2001:db8:18:1::7/128"];

/// Our side of an interop session; `extra` are statements about the neighbor, without `neighbor ADDRESS`.
pub fn opposite(session: &Session, extra: &[&str]) -> String {
    let peer = session.local;
    let mut text = format!(
        "hostname us\nrouter bgp {}\n bgp router-id 10.0.0.1\n no bgp ebgp-requires-policy\n \
         no bgp default ipv4-unicast\n no bgp network import-check\n neighbor {peer} remote-as {}\n",
        session.remote_as, session.local_as
    );
    let password = format!("password {}", session.password.unwrap_or(""));
    let standard = [
        (!session.passive, "passive"),
        (session.password.is_some(), &password),
        (session.gtsm, "ttl-security hops 1"),
        (session.extended_next_hop(), "capability extended-nexthop"),
    ];
    let standard = standard.iter().filter(|(on, _)| *on).map(|(_, what)| *what);
    for statement in standard.chain(extra.iter().copied()) {
        let _ = writeln!(text, " neighbor {peer} {statement}");
    }
    for family in &session.families {
        let network = OURS.iter().find(|prefix| Family::of(prefix) == *family).copied().unwrap_or("");
        let _ = writeln!(
            text,
            " address-family {} unicast\n  neighbor {peer} activate\n  network {network} route-map OUT\n \
             exit-address-family",
            family.name()
        );
    }
    text + "route-map OUT permit 10\n set community 65000:1\n set large-community 63949:1:1\n"
}
