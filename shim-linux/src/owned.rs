//! The list of addresses that are ours on this host: what a crashed run leaves is known by it (beside the mark that newer
//! kernels keep with the address).
//!
//! The file names the boot and the network namespace it speaks of. An entry is written before its address is bound and
//! taken out after it is unbound, so the list may say too much for a moment, never too little.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use holdover_core::base::net::{Family, InterfaceAddress};
use rustix::net::{AddressFamily, SocketType};

use crate::sys::option;

/// Where the list lies by default.
const DIRECTORY: &str = "/run/holdover";

/// An address that is ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The name of its link.
    pub(crate) link: String,
    /// The address.
    pub(crate) address: InterfaceAddress,
}

/// A change of the list.
#[derive(Debug)]
pub(crate) enum OwnedChange {
    /// About to be bound; the bind waits until the change with this number is written.
    Add {
        /// Counts up.
        serial: u32,
        /// What.
        entry: Entry,
    },
    /// Was unbound.
    Remove {
        /// What.
        entry: Entry,
    },
}

/// The list and its file.
#[derive(Debug)]
pub(crate) struct OwnedList {
    path: PathBuf,
    header: String,
    entries: BTreeSet<Entry>,
}

impl OwnedList {
    /// Reads the list at `path`, or at the default place. A list of another boot or namespace is as good as none.
    pub(crate) fn read(path: Option<PathBuf>) -> Self {
        let (boot, namespace) = (boot_id(), namespace());
        let path = path.unwrap_or_else(|| in_namespace(Path::new(DIRECTORY), "owned"));
        let header = format!("boot {boot} namespace {namespace}\n");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let entries = text.strip_prefix(&header).unwrap_or("").lines().filter_map(parse_entry).collect();
        Self { path, header, entries }
    }

    /// What it says.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes note of a change; [`OwnedList::write`] makes it last.
    pub(crate) fn apply(&mut self, change: OwnedChange) {
        match change {
            OwnedChange::Add { entry, .. } => self.entries.insert(entry),
            OwnedChange::Remove { entry } => self.entries.remove(&entry),
        };
    }

    /// Writes the file whole, in one step; an empty list is no file.
    pub(crate) fn write(&self) -> io::Result<()> {
        // Not a file of somebody else's that --owned names by mistake. (A list of another boot is as good as none.)
        let found = fs::read(&self.path).unwrap_or_default();
        if !found.is_empty() && !found.starts_with(b"boot ") {
            return Err(io::Error::other("it is there and no list of addresses"));
        }
        if self.entries.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut text = self.header.clone();
        for entry in &self.entries {
            writeln!(text, "{} {}", entry.link, entry.address).map_err(io::Error::other)?;
        }
        let mut draft = self.path.clone().into_os_string();
        draft.push(".new");
        fs::write(&draft, text)?;
        fs::rename(&draft, &self.path)
    }
}

/// A file of this name, host-wide in the first namespace; elsewhere the namespace is in the name, because namespaces often
/// share `/run` and `/var`.
pub(crate) fn in_namespace(directory: &Path, name: &str) -> PathBuf {
    let inode = |path: &str| fs::metadata(path).map(|metadata| metadata.ino()).ok();
    match (inode("/proc/1/ns/net"), inode("/proc/self/ns/net")) {
        (Some(first), Some(own)) if first != own => directory.join(format!("{name}-{}", namespace())),
        _ => directory.join(name),
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The network namespace's number, which the kernel never uses twice in one boot (an inode it does); 0 before Linux 5.14.
fn namespace() -> u64 {
    rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None)
        .map_err(io::Error::from)
        .and_then(option::namespace_cookie)
        .unwrap_or(0)
}

fn parse_entry(line: &str) -> Option<Entry> {
    let (link, address) = line.split_once(' ')?;
    let (address, length) = address.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    (length <= Family::of(address).bits())
        .then(|| Entry { link: link.to_owned(), address: InterfaceAddress { address, length } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        parse_entry(text).unwrap()
    }

    #[test]
    fn a_file_that_is_no_list_stays_as_it_is() {
        let path = std::env::temp_dir().join(format!("holdover-no-list-{}", std::process::id()));
        fs::write(&path, "precious\n").unwrap();
        let mut list = OwnedList::read(Some(path.clone()));
        assert!(list.write().is_err());
        list.apply(OwnedChange::Add { serial: 1, entry: entry("lo 192.0.2.10/32") });
        assert!(list.write().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious\n");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_written_is_read_again_and_an_empty_list_is_no_file() {
        let directory = std::env::temp_dir().join(format!("holdover-owned-{}", std::process::id()));
        let path = directory.join("owned");
        let mut list = OwnedList::read(Some(path.clone()));
        assert!(list.entries().is_empty());
        list.apply(OwnedChange::Add { serial: 1, entry: entry("lo 192.0.2.10/32") });
        list.apply(OwnedChange::Add { serial: 2, entry: entry("eth0 2001:db8::1/64") });
        list.write().unwrap();
        assert_eq!(OwnedList::read(Some(path.clone())).entries(), list.entries());
        list.apply(OwnedChange::Remove { entry: entry("lo 192.0.2.10/32") });
        list.apply(OwnedChange::Remove { entry: entry("eth0 2001:db8::1/64") });
        list.write().unwrap();
        assert!(!path.exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_list_of_another_boot_says_nothing() {
        let path = std::env::temp_dir().join(format!("holdover-boot-{}", std::process::id()));
        fs::write(&path, "boot 0 namespace 0\nlo 192.0.2.10/32\n").unwrap();
        assert!(OwnedList::read(Some(path.clone())).entries().is_empty());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_spoilt_line_is_left_out() {
        assert!(parse_entry("lo 192.0.2.10/33").is_none());
        assert!(parse_entry("lo").is_none());
        assert!(parse_entry("lo x/1").is_none());
    }
}
