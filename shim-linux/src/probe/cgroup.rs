//! Where the units of the service manager are in the hierarchy of control groups.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

/// The most directories that are looked through for a unit.
const DIRECTORIES: usize = 1_024;

/// A hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Where it is mounted.
    pub(super) root: PathBuf,
    /// Whether its groups tell when they become empty (version 2).
    pub(super) tells: bool,
}

/// What was found of a unit.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its group.
    pub(super) group: Option<PathBuf>,
    /// The directories in which it could appear.
    pub(super) slices: Vec<PathBuf>,
}

/// The hierarchy of version 2 of this host, or else that of the service manager in version 1.
pub(super) fn hierarchy() -> Option<Hierarchy> {
    parse(&fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// Reads what /proc/self/mountinfo says (proc(5)): the fifth field is the mount point; behind the dash, the kind of file
/// system, its source and its options.
fn parse(text: &str) -> Option<Hierarchy> {
    let mounts = text.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        Some((place.split(' ').nth(4)?, kind.next()?, kind.nth(1).unwrap_or("")))
    });
    let mut manager = None;
    for (place, kind, options) in mounts {
        let root = unescape(place);
        match kind {
            "cgroup2" => return Some(Hierarchy { root, tells: true }),
            "cgroup" if options.split(',').any(|option| option == "name=systemd") => {
                manager = Some(Hierarchy { root, tells: false });
            }
            _ => {}
        }
    }
    manager
}

/// A blank in a mount point is written as `\040`.
fn unescape(text: &str) -> PathBuf {
    PathBuf::from(text.replace("\\040", " "))
}

impl Hierarchy {
    /// The group with this path, as /proc/PID/cgroup names it; a path that includes the mount point is understood too.
    pub(super) fn group(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        let inside = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
        self.root.join(inside)
    }

    /// Looks for the group of a unit, in the slices and below the service managers of users.
    pub(super) fn find(&self, unit: &str) -> Found {
        let name =
            if unit.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind, "service" | "scope" | "slice")) {
                unit.to_owned()
            } else {
                format!("{unit}.service")
            };
        let mut found = Found::default();
        let mut waiting = VecDeque::from([self.root.clone()]);
        while let Some(directory) = waiting.pop_front() {
            let group = directory.join(&name);
            if group.is_dir() {
                found.group = Some(group);
            }
            let below = fs::read_dir(&directory).into_iter().flatten().flatten();
            for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let leads_on = name.ends_with(".slice") || name.starts_with("user@");
                if leads_on && waiting.len() + found.slices.len() < DIRECTORIES {
                    waiting.push_back(entry.path());
                }
            }
            found.slices.push(directory);
            if found.group.is_some() {
                break;
            }
        }
        found
    }
}

/// Whether a group or one below it has processes, where the kernel does not tell.
pub(super) fn has_processes(group: &Path) -> bool {
    let processes = fs::read_to_string(group.join("cgroup.procs"));
    if processes.is_ok_and(|processes| !processes.trim().is_empty()) {
        return true;
    }
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    below
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .any(|entry| has_processes(&entry.path()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    #[test]
    fn the_second_version_is_preferred_wherever_it_is_mounted() {
        let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                    37 31 0:37 / /sys/fs/cgroup/systemd rw shared:5 - cgroup cgroup rw,xattr,name=systemd\n";
        let root = PathBuf::from("/sys/fs/cgroup/systemd");
        assert_eq!(parse(text), Some(Hierarchy { root, tells: false }));
        let text = format!("{text}38 31 0:38 / /sys/fs/my\\040groups rw,relatime - cgroup2 cgroup2 rw\n");
        let root = PathBuf::from("/sys/fs/my groups");
        assert_eq!(parse(&text), Some(Hierarchy { root, tells: true }));
        assert_eq!(parse("nonsense\n\n1 2 3 - 4\n"), None);
    }

    #[test]
    fn a_unit_is_found_in_whatever_slice_it_is() {
        let folder = Folder::new("cgroup");
        let hierarchy = Hierarchy { root: folder.path("").into(), tells: true };
        for group in [
            "system.slice/nginx.service",
            "system.slice/system-web.slice/web@1.service",
            "user.slice/user-7.slice/user@7.service/app.slice/mine.service",
            "machine.slice/one.scope/nginx.service",
        ] {
            fs::create_dir_all(folder.path(group)).unwrap();
        }
        for (unit, group) in [
            ("nginx", Some("system.slice/nginx.service")),
            ("nginx.service", Some("system.slice/nginx.service")),
            ("web@1", Some("system.slice/system-web.slice/web@1.service")),
            ("mine.service", Some("user.slice/user-7.slice/user@7.service/app.slice/mine.service")),
            ("one.scope", Some("machine.slice/one.scope")),
            ("none", None),
        ] {
            let found = hierarchy.find(unit);
            assert_eq!(found.group, group.map(|group| folder.path(group).into()), "{unit}");
            assert!(found.slices.contains(&hierarchy.root), "{found:?}");
        }
        assert_eq!(hierarchy.group("/system.slice/x"), PathBuf::from(folder.path("system.slice/x")));
        assert_eq!(hierarchy.group(&folder.path("y")), PathBuf::from(folder.path("y")));
    }
}
