//! What the chores need from the machine: looked for first, installed where that is allowed, else named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::process;

/// A Debian package and the programs of it that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name for apt.
    pub(crate) name: &'static str,
    /// Full paths, or bare names to be found in the usual folders.
    pub(crate) programs: &'static [&'static str],
}

/// The peers and tools of the end-to-end tests.
pub(crate) const PEERS: &[Package] = &[
    Package {
        name: "frr",
        programs: &["/usr/lib/frr/bgpd", "/usr/lib/frr/bfdd", "/usr/lib/frr/zebra", "vtysh"],
    },
    Package { name: "bird2", programs: &["bird", "birdc"] },
    Package { name: "gobgpd", programs: &["gobgpd", "gobgp"] },
    Package { name: "exabgp", programs: &["exabgp"] },
    Package { name: "openbgpd", programs: &["/usr/sbin/bgpd", "bgpctl"] },
    Package { name: "tshark", programs: &["tshark"] },
    Package { name: "tcpdump", programs: &["tcpdump"] },
    Package { name: "iproute2", programs: &["ip", "bridge", "ss"] },
    Package { name: "nftables", programs: &["nft"] },
    Package { name: "procps", programs: &["sysctl"] },
    Package { name: "util-linux", programs: &["nsenter", "setpriv", "setsid", "prlimit", "chrt"] },
];

/// Folders searched after `PATH`: an ordinary user's `PATH` often lacks the last ones.
const FOLDERS: &[&str] = &["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where a package leaves the order "start no service".
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Makes sure that every program of `packages` is here: installs what is missing as root on Debian, and says exactly
/// what is missing anywhere else.
pub(crate) fn ensure(packages: &[Package]) -> Outcome {
    let wanted = missing(packages, find);
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
    if !process::is_root() || find("apt-get").is_none() {
        return Err(advice(&wanted));
    }
    install(&names)?;
    let still = missing(packages, find);
    if still.is_empty() { Ok(()) } else { Err(advice(&still)) }
}

/// Those of `packages` that have a program which `find` does not know.
fn missing(packages: &[Package], find: impl Fn(&str) -> Option<PathBuf>) -> Vec<Package> {
    let lacks = |package: &&Package| package.programs.iter().any(|program| find(program).is_none());
    packages.iter().filter(lacks).copied().collect()
}

fn advice(wanted: &[Package]) -> String {
    let rows = wanted
        .iter()
        .map(|package| format!("  {} (Debian package `{}`)\n", package.programs.join(", "), package.name));
    let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
    format!(
        "this machine lacks:\n{}As root on Debian or Ubuntu: apt-get install --no-install-recommends {}",
        rows.collect::<String>(),
        names.join(" ")
    )
}

/// The full path of a program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.starts_with('/') {
        return Path::new(program).is_file().then(|| PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Installs packages and starts none of their services: a router daemon that comes up on a developer's machine, or
/// takes port 179 from a test, is nobody's wish.
fn install(names: &[&str]) -> Outcome {
    let _guard = NoServices::new();
    process::run(&mut apt(&["update"]))?;
    let mut words = vec!["install", "-y", "--no-install-recommends"];
    words.extend(names);
    process::run(&mut apt(&words))
}

fn apt(words: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]).args(words);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdin(std::process::Stdio::null());
    command
}

/// While it lives, `invoke-rc.d` is told to start nothing. A policy that is there already is left alone.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        if Path::new(POLICY).exists() {
            return Self { ours: false };
        }
        let written =
            fs::write(POLICY, "#!/bin/sh\n# Written for one installation: start nothing.\nexit 101\n");
        let allowed = written.and_then(|()| fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)));
        if let Err(error) = allowed {
            eprintln!("xtask: cannot write {POLICY} ({error}): a package may start its service");
        }
        Self { ours: true }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // Nothing is lost when it is not there any more.
            let _ = fs::remove_file(POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Package] = &[
        Package { name: "full", programs: &["one", "two"] },
        Package { name: "half", programs: &["three", "four"] },
    ];

    #[test]
    fn a_package_is_missing_when_one_of_its_programs_is() {
        let found = missing(TWO, |program| (program != "four").then(|| PathBuf::from(program)));
        assert_eq!(found, [TWO[1]]);
    }

    #[test]
    fn the_advice_names_the_programs_and_the_command_that_brings_them() {
        let text = advice(TWO);
        assert!(text.contains("three, four (Debian package `half`)"), "{text}");
        assert!(text.ends_with("apt-get install --no-install-recommends full half"), "{text}");
    }

    #[test]
    fn a_program_is_found_by_name_and_by_full_path_and_not_otherwise() {
        let shell = find("sh").unwrap();
        assert_eq!(find(shell.to_str().unwrap()), Some(shell));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(find("/no/such/program"), None);
    }
}
