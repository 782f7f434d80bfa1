//! The three Holdovers: their configurations, their files and their processes.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::ledger::Node;
use super::world::{Host, SHARED, World};
use crate::sys::child;

/// This program, even when its file has been deleted or replaced since it was started.
const OURSELVES: &str = "/proc/self/exe";
/// The service that the nodes share.
pub(super) const SERVICE: &str = "web";
/// The longest path of a unix socket, in octets.
const SOCKET_PATH: usize = 107;

/// The configuration of `host`, as a user would write it.
pub(super) fn config(host: Host) -> String {
    match host {
        Host::Router | Host::Client => router_config(),
        Host::Node(node) => node_config(node),
    }
}

fn router_config() -> String {
    format!(
        "\
! The provider's side: a route server that installs what it is told.
hostname router
router bgp 63949
 bgp router-id {id}
 timers bgp 1 3
 neighbor NODES peer-group
 neighbor NODES remote-as 65000
 neighbor NODES capability extended-nexthop
 bgp listen range 2001:db8:34::/64 peer-group NODES
exit
steer edge
 accept {SHARED}/32
 prefer large-community 63949:1:1
 prefer large-community 63949:1:2
 install kernel
exit
",
        id = Host::Router.address_v4()
    )
}

fn node_config(node: Node) -> String {
    let role = match node {
        Node::One => "primary",
        Node::Two => "secondary",
    };
    format!(
        "\
! The {role}: one of two machines that share {SHARED}.
hostname {name}
router bgp 65000
 bgp router-id {id}
 timers bgp 1 3
 neighbor RS peer-group
 neighbor RS remote-as external
 neighbor RS capability extended-nexthop
 neighbor {router} peer-group RS
 address-family ipv4 unicast
  neighbor RS prefix-list nothing in
 exit-address-family
exit
ip prefix-list nothing deny any
route-map primary permit 10
 set large-community 63949:1:1
exit
route-map secondary permit 10
 set large-community 63949:1:2
exit
failover {SERVICE}
 address {SHARED}/32
 role {role}
 active route-map primary
 standby route-map secondary
 drain-delay 1s
exit
",
        name = node.name(),
        id = Host::Node(node).address_v4(),
        router = Host::Router.address(),
    )
}

/// The directory of configurations, logs and control sockets.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    keep: bool,
}

impl Files {
    /// Makes it and writes the configurations: in `keep` if that is given, else in a place that goes with the demo.
    pub(super) fn create(keep: Option<&Path>) -> io::Result<Self> {
        let directory = match keep {
            Some(directory) => {
                DirBuilder::new().mode(0o700).recursive(true).create(directory)?;
                directory.canonicalize()?
            }
            None => private_place()?,
        };
        let files = Self { directory, keep: keep.is_some() };
        if files.path(Host::Router, "sock").as_os_str().len() > SOCKET_PATH {
            return Err(io::Error::other("its path is too long for the control sockets"));
        }
        for host in Host::SPEAKERS {
            fs::write(files.path(host, "conf"), config(host))?;
            File::create(files.path(host, "log"))?;
        }
        Ok(files)
    }

    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, host: Host, kind: &str) -> PathBuf {
        self.directory.join(host.name()).with_extension(kind)
    }

    /// The last `count` lines that the daemon of `host` logged.
    pub(super) fn log_tail(&self, host: Host, count: usize) -> Vec<String> {
        let log = fs::read(self.path(host, "log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().map(str::to_owned).collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }

    /// A command to the daemon of `host`, as a user would give it.
    pub(super) fn command(&self, host: Host, words: &[&str]) -> Command {
        let mut command = holdover(words);
        command.arg("--control").arg(self.path(host, "sock"));
        command
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.keep {
            for host in Host::SPEAKERS {
                let _ = fs::remove_file(self.path(host, "sock"));
                let _ = fs::remove_file(self.path(host, "owned"));
            }
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// A new directory that nobody else may enter.
fn private_place() -> io::Result<PathBuf> {
    let parent = std::env::temp_dir().canonicalize()?;
    let mut result = Err(io::ErrorKind::AlreadyExists.into());
    // A demo that was killed with SIGKILL may have left one behind whose number is ours now.
    for attempt in 0..100 {
        let directory = parent.join(format!("holdover-demo-{}-{attempt}", std::process::id()));
        result = DirBuilder::new().mode(0o700).create(&directory).map(|()| directory);
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            break;
        }
    }
    result
}

/// This program with other arguments, which dies with us.
fn holdover(words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(OURSELVES);
    // A process group of its own, so that a terminal's Ctrl-C reaches the demo alone, which then ends everything in order.
    command.arg0("holdover").args(words).stdin(Stdio::null()).process_group(0);
    child::die_with_parent(&mut command);
    command
}

/// A running `holdover run`.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it on `host`.
    pub(super) fn start(world: &World, files: &Files, host: Host) -> io::Result<Self> {
        let log = OpenOptions::new().append(true).open(files.path(host, "log"))?;
        let mut command = files.command(host, &["run"]);
        command.arg("-c").arg(files.path(host, "conf"));
        command.arg("--owned").arg(files.path(host, "owned"));
        command.stdout(log.try_clone()?).stderr(log);
        world.inside(host, || command.spawn()).map(|child| Self { child })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Daemon {
    /// Kills it with SIGKILL: nothing in it gets a word in.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use holdover_core::config::{Config, Platform, lint, parse};

    use super::*;

    #[test]
    fn the_configurations_are_read_without_a_remark() {
        for host in Host::SPEAKERS {
            let mut configuration = Config::<4, 8>::new();
            let mut remarks = Vec::new();
            let mut tell =
                |diagnostic: holdover_core::config::Diagnostic<'_>| remarks.push(diagnostic.to_string());
            let result = parse(&config(host), &Platform::LINUX, &mut configuration, &mut tell);
            lint(configuration.view(), &mut tell);
            assert!(result.is_ok() && remarks.is_empty(), "{}: {remarks:#?}", host.name());
        }
    }
}
