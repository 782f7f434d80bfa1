//! The daemons of the lab: what each can do, its configuration, and how it is started.
//!
//! A configuration is a pure function of the [`Node`], so what the documents show is what was run.

mod bird;
mod exabgp;
mod frr;
mod gobgp;
mod holdover;
mod openbgpd;

use std::net::IpAddr;
use std::path::PathBuf;

use holdover_tests::harness::holdover::program as under_test;
use holdover_tests::harness::lab::bounded_any;
use holdover_tests::harness::topology::{NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, segment4, segment6};
use holdover_tests::harness::{Context as _, Result};

use super::setup::Setup;

/// A daemon that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Daemon {
    /// This project's.
    Holdover,
    /// `FRRouting`.
    Frr,
    /// BIRD 2.
    Bird,
    /// `GoBGP`.
    Gobgp,
    /// `ExaBGP` with its healthcheck process.
    Exabgp,
    /// `OpenBGPD`.
    Openbgpd,
}

/// One of the two machines that share the address, as a configuration needs to know it.
pub struct Node<'a> {
    /// `n1` or `n2`.
    pub host: &'a str,
    /// How the daemon is set up.
    pub setup: Setup,
    /// Where its files lie.
    pub folder: &'a str,
    /// A name of its own among all machines of the lab.
    pub space: &'a str,
}

impl Node<'_> {
    /// What it announces itself as.
    pub fn role(&self) -> &'static str {
        if self.host == NODES[0] { "primary" } else { "secondary" }
    }

    /// The large community of its role, the three numbers with `separator` between them.
    pub fn community(&self, separator: &str) -> String {
        let last = if self.host == NODES[0] { "1" } else { "2" };
        ["63949", "1", last].join(separator)
    }

    /// A file of this node.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{}-{name}", self.folder, self.host)
    }

    /// The file with the service's process id.
    pub fn service_pidfile(&self) -> String {
        self.file("service.pid")
    }

    /// Where a check finds the service.
    pub fn service(&self) -> String {
        format!("{SHARED}:{}", SERVICE_PORT + 1)
    }

    /// The route servers' IPv6 addresses.
    pub fn servers(&self) -> impl Iterator<Item = IpAddr> {
        ROUTE_SERVERS.iter().map(|host| segment6(host))
    }
}

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its name; on a node it is `HOST-NAME`.
    pub name: &'static str,
    /// What stands in it.
    pub text: String,
    /// Its permissions.
    pub mode: u32,
}

impl ConfigFile {
    fn new(name: &'static str, text: String) -> Self {
        Self { name, text, mode: 0o644 }
    }
}

/// A step of a daemon's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A folder of this node for its sockets, empty, of this user, that is not in the lab's own folder.
    Folder(PathBuf, &'static str),
    /// A folder that must be there, the same for all instances.
    Shared(PathBuf),
    /// A process that stays.
    Run(Vec<String>, Vec<(&'static str, String)>),
    /// The next step waits for this file.
    Wait(PathBuf),
    /// A command that is repeated until it succeeds.
    Say(Vec<String>),
}

impl Step {
    fn run<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self::Run(argv.into_iter().map(Into::into).collect(), Vec::new())
    }
}

impl Daemon {
    /// All, in the order of the tables.
    pub const ALL: [Self; 6] =
        [Self::Holdover, Self::Frr, Self::Bird, Self::Gobgp, Self::Exabgp, Self::Openbgpd];

    /// Its name on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holdover => "holdover",
            Self::Frr => "frr",
            Self::Bird => "bird",
            Self::Gobgp => "gobgp",
            Self::Exabgp => "exabgp",
            Self::Openbgpd => "openbgpd",
        }
    }

    /// Its name as its authors write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Holdover => "Holdover",
            Self::Frr => "FRR",
            Self::Bird => "BIRD",
            Self::Gobgp => "GoBGP",
            Self::Exabgp => "ExaBGP",
            Self::Openbgpd => "OpenBGPD",
        }
    }

    /// The daemon of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|daemon| daemon.name() == name)
    }

    /// It speaks BFD.
    pub fn has_bfd(self) -> bool {
        matches!(self, Self::Holdover | Self::Frr | Self::Bird)
    }

    /// The addresses that its sessions run between: OpenBGPD has no RFC 8950 and announces over IPv4.
    pub fn address(self) -> fn(&str) -> IpAddr {
        if self == Self::Openbgpd { segment4 } else { segment6 }
    }

    /// Its configuration on `node`.
    pub fn files(self, node: &Node<'_>) -> Vec<ConfigFile> {
        match self {
            Self::Holdover => holdover::files(node),
            Self::Frr => frr::files(node),
            Self::Bird => bird::files(node),
            Self::Gobgp => gobgp::files(node),
            Self::Exabgp => exabgp::files(node),
            Self::Openbgpd => openbgpd::files(node),
        }
    }

    /// How it is started on `node`, its files written.
    pub fn steps(self, node: &Node<'_>) -> Vec<Step> {
        match self {
            Self::Holdover => holdover::steps(node),
            Self::Frr => frr::steps(node),
            Self::Bird => bird::steps(node),
            Self::Gobgp => gobgp::steps(node),
            Self::Exabgp => exabgp::steps(node),
            Self::Openbgpd => openbgpd::steps(node),
        }
    }

    /// Its version, as it says itself: the first word of what it prints that begins with a digit.
    pub fn version(self) -> Result<String> {
        let holdover = program("holdover")?;
        let argv: &[&str] = match self {
            Self::Holdover => &[&holdover, "--version"],
            Self::Frr => &["/usr/lib/frr/bgpd", "--version"],
            Self::Bird => &["bird", "--version"],
            Self::Gobgp => &["gobgpd", "--version"],
            Self::Exabgp => &["exabgp", "--version"],
            Self::Openbgpd => &["/usr/sbin/bgpd", "-V"],
        };
        let said = bounded_any(argv)?;
        version_in(&said).with_context(|| format!("{} said no version: {said:.200}", argv.join(" ")))
    }
}

/// The program that a configuration calls `name`: ours is the one that was built.
pub fn program(name: &str) -> Result<String> {
    if name == Daemon::Holdover.name() { under_test() } else { Ok(name.to_owned()) }
}

fn version_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let word = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))?;
    Some(word.trim_end_matches([',', ')']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::setup::{Timers, Watch};
    use super::*;

    fn node(host: &str, setup: Setup) -> Node<'_> {
        Node { host, setup, folder: "/lab", space: "lab-n1" }
    }

    #[test]
    fn a_version_is_found_in_what_the_daemons_print() {
        for (text, version) in [
            ("bgpd version 8.4.4\nCopyright 1996-2005", "8.4.4"),
            ("BIRD version 2.0.12", "2.0.12"),
            ("ExaBGP : 4.2.21\nPython : 3.11.2", "4.2.21"),
            ("OpenBGPD 7.7", "7.7"),
        ] {
            assert_eq!(version_in(text).as_deref(), Some(version));
        }
        assert_eq!(version_in("unknown option"), None);
    }

    #[test]
    fn each_daemon_announces_the_shared_address_with_the_community_of_its_role() {
        for daemon in Daemon::ALL {
            for (host, community) in [("n1", "63949:1:1"), ("n2", "63949:1:2")] {
                let node = node(host, Setup::with(Timers::Hold, Watch::Nothing));
                let mut all: String = daemon.files(&node).into_iter().map(|file| file.text).collect();
                for step in daemon.steps(&node) {
                    if let Step::Say(argv) = step {
                        all.push_str(&argv.join(" "));
                    }
                }
                assert!(all.contains(SHARED), "{}: {all}", daemon.name());
                let plain = all.replace(", ", ":");
                assert!(plain.contains(community) || all.contains(node.role()), "{}: {all}", daemon.name());
            }
        }
    }

    #[test]
    fn bfd_and_hold_time_stand_in_the_configuration_that_is_named_after_them() {
        for daemon in Daemon::ALL {
            let text = |timers| {
                let files = daemon.files(&node("n1", Setup::with(timers, Watch::Nothing)));
                files.into_iter().map(|file| file.text).collect::<String>()
            };
            assert_ne!(text(Timers::Default), text(Timers::Hold), "{}", daemon.name());
            assert!(!text(Timers::Hold).contains("bfd"), "{}", daemon.name());
            assert_eq!(text(Timers::Bfd(50)).contains("bfd"), daemon.has_bfd(), "{}", daemon.name());
        }
    }
}
