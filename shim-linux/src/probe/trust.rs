//! Whether a program may be run: nobody but root and the user it runs as may be able to change it, or to put another one in
//! its place.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use holdover_core::engine::ProbeFailure;

use super::failure::Failure;

/// As many symbolic links as the kernel follows.
const LINKS: usize = 40;
/// Write permission for the group, and for others.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;
/// A directory in which only a file's owner may rename or remove it.
const STICKY: u32 = 0o1000;

/// The program behind `path`, every link followed, when each directory and link on the way and the file itself belong to
/// root or to `user`, and nobody else may write them.
pub(super) fn program(path: &str, user: u32) -> Result<PathBuf, Failure> {
    let failed =
        |error: io::Error| Failure { why: ProbeFailure::NotStarted, ..Failure::of_path(path, &error) };
    if !path.starts_with('/') {
        return Err(Failure::new(ProbeFailure::NotStarted, format!("{path} does not begin with /")));
    }
    let mut here = PathBuf::from("/");
    let mut steps = steps(Path::new(path));
    let mut links = 0;
    let mut found = fs::symlink_metadata(&here).map_err(failed)?;
    trusted(&here, &found, user)?;
    while let Some(step) = steps.pop() {
        if step == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&step);
        found = fs::symlink_metadata(&next).map_err(failed)?;
        if found.is_symlink() {
            links += 1;
            if links > LINKS {
                return Err(failed(io::Error::from_raw_os_error(libc::ELOOP)));
            }
            owned(&next, &found, user)?;
            let target = fs::read_link(&next).map_err(failed)?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            steps.extend(self::steps(&target));
            continue;
        }
        trusted(&next, &found, user)?;
        here = next;
    }
    let is_program = fs::metadata(&here).map_err(failed)?;
    if !is_program.is_file() {
        return Err(Failure::new(ProbeFailure::NotStarted, format!("{path} is not a file")));
    }
    Ok(here)
}

/// The components of a path, the first one last.
fn steps(path: &Path) -> Vec<std::ffi::OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut steps: Vec<_> = names.collect();
    steps.reverse();
    steps
}

fn owned(path: &Path, found: &Metadata, user: u32) -> Result<(), Failure> {
    if found.uid() == 0 || found.uid() == user {
        return Ok(());
    }
    Err(refused(path, &format!("belongs to the user {}", found.uid())))
}

fn trusted(path: &Path, found: &Metadata, user: u32) -> Result<(), Failure> {
    owned(path, found, user)?;
    // In a sticky directory, as /tmp, others cannot touch what is not theirs.
    if found.is_dir() && found.mode() & STICKY != 0 {
        return Ok(());
    }
    if found.mode() & OTHERS != 0 {
        return Err(refused(path, "may be written by anybody"));
    }
    if found.mode() & GROUP != 0 && found.gid() != 0 {
        return Err(refused(path, &format!("may be written by the group {}", found.gid())));
    }
    Ok(())
}

fn refused(path: &Path, why: &str) -> Failure {
    let path = String::from_utf8_lossy(path.as_os_str().as_bytes());
    Failure::new(ProbeFailure::NotAllowed, format!("{path} {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn us() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn mode(path: &str, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_that_only_its_owner_writes_is_trusted() {
        let folder = Folder::new("trust");
        let path = folder.path("check");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        mode(&path, 0o755);
        assert_eq!(program(&path, us()).unwrap(), fs::canonicalize(&path).unwrap());
        for (bits, word) in [(0o757, "anybody"), (0o775, "group")] {
            mode(&path, bits);
            let verdict = program(&path, us());
            if bits == 0o775 && fs::metadata(&path).unwrap().gid() == 0 {
                verdict.unwrap();
                continue;
            }
            let failure = verdict.unwrap_err();
            assert!(failure.why == ProbeFailure::NotAllowed && failure.detail.contains(word), "{failure}");
        }
    }

    #[test]
    fn a_directory_that_others_write_is_found_wherever_a_link_leads() {
        let folder = Folder::new("trust");
        for name in ["good", "bad"] {
            fs::create_dir(folder.path(name)).unwrap();
        }
        let (good, bad) = (folder.path("good/check"), folder.path("bad/check"));
        for path in [&good, &bad] {
            fs::write(path, "#!/bin/sh\n").unwrap();
            mode(path, 0o755);
        }
        symlink("../bad/check", folder.path("good/link")).unwrap();
        program(&folder.path("good/link"), us()).unwrap();
        mode(&folder.path("bad"), 0o777);
        program(&good, us()).unwrap();
        for path in [&bad, &folder.path("good/link"), &folder.path("bad/../good/check")] {
            let failure = program(path, us()).unwrap_err();
            assert_eq!(failure.why, ProbeFailure::NotAllowed, "{failure}");
        }
        // As in /tmp: what lies there is safe from others.
        mode(&folder.path("bad"), 0o1777);
        program(&bad, us()).unwrap();
    }

    #[test]
    fn what_is_not_there_or_no_file_cannot_be_started() {
        let folder = Folder::new("trust");
        symlink("turn", folder.path("turn")).unwrap();
        for path in [folder.path("none"), folder.path(""), folder.path("turn"), "check".to_owned()] {
            let failure = program(&path, us()).unwrap_err();
            assert_eq!(failure.why, ProbeFailure::NotStarted, "{failure}");
        }
    }
}
