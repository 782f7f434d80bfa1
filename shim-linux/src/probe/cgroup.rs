//! Where the units of the service manager are in the hierarchy of control groups.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::failure::{Failure, is_ours};

/// What is mounted here, as we see it.
pub(super) const MOUNTS: &str = "/proc/self/mountinfo";
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

/// Whose service manager runs a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The system's.
    System,
    /// That of the user with this number.
    User(u32),
}

/// The hierarchy of version 2 of this host, or else that of the service manager in version 1.
pub(super) fn hierarchy() -> io::Result<Option<Hierarchy>> {
    Ok(parse(&fs::read_to_string(MOUNTS)?))
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

    /// Looks for the group of a unit in the slices of one service manager. Those below another one are somebody else's: a user
    /// can name a unit as they like. Errors: a directory cannot be looked into for want of something of our own.
    pub(super) fn find(&self, unit: &str, owner: Owner) -> Result<Found, Failure> {
        let name =
            if unit.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind, "service" | "scope" | "slice")) {
                unit.to_owned()
            } else {
                format!("{unit}.service")
            };
        let mut found = Found::default();
        let mut waiting = VecDeque::from([self.root.clone()]);
        if let Owner::User(user) = owner {
            // The way there, so that one sees the manager appear (systemd's own names).
            let slice = self.root.join("user.slice");
            let own = slice.join(format!("user-{user}.slice"));
            waiting = VecDeque::from([own.join(format!("user@{user}.service"))]);
            let way = [self.root.clone(), slice, own];
            found.slices.extend(way.into_iter().filter(|directory| directory.is_dir()));
        }
        while let Some(directory) = waiting.pop_front() {
            let below = match fs::read_dir(&directory) {
                Ok(below) => below,
                Err(error) if is_ours(&error) => {
                    return Err(Failure::of_path(&directory.to_string_lossy(), &error));
                }
                // It has just gone, or is not there.
                Err(_) => continue,
            };
            let group = directory.join(&name);
            if group.is_dir() {
                found.group = Some(group);
            }
            for entry in below.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let leads_on = entry.file_name().to_string_lossy().ends_with(".slice");
                if leads_on && waiting.len() + found.slices.len() < DIRECTORIES {
                    waiting.push_back(entry.path());
                }
            }
            found.slices.push(directory);
            if found.group.is_some() {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether a group or one below it has processes, where the kernel does not tell.
pub(super) fn has_processes(group: &Path) -> io::Result<bool> {
    match fs::read_to_string(group.join("cgroup.procs")) {
        Ok(processes) if !processes.trim().is_empty() => return Ok(true),
        Err(error) if is_ours(&error) => return Err(error),
        _ => {}
    }
    let below = match fs::read_dir(group) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        below => below?,
    };
    for entry in below {
        let entry = entry?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && has_processes(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
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
            "user.slice/user-7.slice/user@7.service/app.slice/dead.service",
            "user.slice/user-8.slice/session-1.scope",
            "machine.slice/one.scope/nginx.service",
        ] {
            fs::create_dir_all(folder.path(group)).unwrap();
        }
        let (system, user) = (Owner::System, Owner::User);
        let mine = "user.slice/user-7.slice/user@7.service/app.slice/mine.service";
        for (unit, owner, group) in [
            ("nginx", system, Some("system.slice/nginx.service")),
            ("nginx.service", system, Some("system.slice/nginx.service")),
            ("web@1", system, Some("system.slice/system-web.slice/web@1.service")),
            ("one.scope", system, Some("machine.slice/one.scope")),
            ("none", system, None),
            // A user's unit is none of the system's, whatever its name is.
            ("dead", system, None),
            ("mine", system, None),
            ("mine.service", user(7), Some(mine)),
            ("mine.service", user(8), None),
            ("mine.service", user(9), None),
            ("nginx", user(7), None),
        ] {
            let found = hierarchy.find(unit, owner).unwrap();
            assert_eq!(found.group, group.map(|group| folder.path(group).into()), "{unit}");
            assert!(found.slices.contains(&hierarchy.root), "{found:?}");
        }
        // The service manager of user 8 can appear there.
        let found = hierarchy.find("mine", user(8)).unwrap();
        assert!(found.slices.contains(&folder.path("user.slice/user-8.slice").into()), "{found:?}");
        assert_eq!(hierarchy.group("/system.slice/x"), PathBuf::from(folder.path("system.slice/x")));
        assert_eq!(hierarchy.group(&folder.path("y")), PathBuf::from(folder.path("y")));
    }
}
