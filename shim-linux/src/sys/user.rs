//! The users of this host, and becoming one of them.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

use rustix::process::{Gid, Uid};
use rustix::thread::CapabilitySet;

/// A user: whose rights a command can run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// Its number.
    pub(crate) id: u32,
    group: u32,
    groups: Vec<Gid>,
}

/// The most that the name service may say about a user, in octets.
const LARGEST: usize = 1 << 20;
/// The most groups that the kernel lets a process have.
const MOST: usize = 65_536;

/// The user of this name, with all groups it is in. May wait for the name service. Errors: ENOENT when there is none.
pub(crate) fn named(name: &str) -> io::Result<User> {
    let name = CString::new(name)?;
    let mut buffer = vec![0; 1_024];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // SAFETY: the name ends with a zero, the buffer is as long as it says, and all of them live through the call.
        let result = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                entry.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        match result {
            0 if found.is_null() => return Err(io::ErrorKind::NotFound.into()),
            0 => {
                // SAFETY: a result of 0 and a pointer that is not null mean that the entry was filled in.
                let (id, group) = unsafe { ((*found).pw_uid, (*found).pw_gid) };
                return Ok(User { id, group, groups: groups(&name, group)? });
            }
            libc::ERANGE if buffer.len() < LARGEST => buffer.resize(buffer.len() * 4, 0),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// The groups of a user. Errors: they cannot be had whole, for want of memory or descriptors; with some of them missing a
/// command would fail, or may what it should not.
fn groups(name: &CString, group: u32) -> io::Result<Vec<Gid>> {
    groups_by(|list, count| {
        // SAFETY: the name ends with a zero, and the list has room for as many groups as `count` says. The result does not
        // tell of a database that could not be opened; the error number does, when it is 0 before.
        unsafe {
            *libc::__errno_location() = 0;
            libc::getgrouplist(name.as_ptr(), group, list.as_mut_ptr(), count)
        }
    })
}

/// The groups that `lookup` gives: it writes as many as fit, sets the number of all, and its result is negative when they do
/// not fit or when it failed.
fn groups_by(
    mut lookup: impl FnMut(&mut [libc::gid_t], &mut libc::c_int) -> libc::c_int,
) -> io::Result<Vec<Gid>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        let result = lookup(&mut groups, &mut count);
        let error = io::Error::last_os_error();
        let wants = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM));
        let count = usize::try_from(count).unwrap_or(0);
        match result {
            0.. if !wants && count <= groups.len() => {
                groups.truncate(count);
                return Ok(groups.into_iter().map(Gid::from_raw).collect());
            }
            ..0 if !wants && count > groups.len() && count <= MOST => groups.resize(count, 0),
            _ if wants => return Err(error),
            _ => return Err(io::Error::other("its groups cannot be looked up")),
        }
    }
}

impl User {
    /// Makes the calling thread run with this user's rights and no others, for good. It makes system calls only. Errors:
    /// EPERM without `CAP_SETUID` and `CAP_SETGID`.
    pub(super) fn become_it(&self) -> io::Result<()> {
        rustix::thread::set_thread_groups(&self.groups)?;
        rustix::thread::set_thread_gid(Gid::from_raw(self.group))?;
        Ok(rustix::thread::set_thread_uid(Uid::from_raw(self.id))?)
    }
}

/// Which of the capabilities that it takes to run a command as another user, and to end it, are missing; empty: none.
pub(crate) fn missing() -> Vec<&'static str> {
    let held = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    [
        (CapabilitySet::SETUID, "CAP_SETUID"),
        (CapabilitySet::SETGID, "CAP_SETGID"),
        (CapabilitySet::KILL, "CAP_KILL"),
    ]
    .into_iter()
    .filter(|(capability, _)| !held.contains(*capability))
    .map(|(_, name)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_of_that_name_is_not() {
        let root = named("root").unwrap();
        assert!(root.id == 0 && root.group == 0 && root.groups.contains(&Gid::from_raw(0)));
        assert_eq!(named("nobody-of-that-name").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    fn set_errno(number: i32) {
        // SAFETY: it is this thread's own number.
        unsafe { *libc::__errno_location() = number };
    }

    #[test]
    fn a_failed_lookup_of_groups_is_no_list_of_groups() {
        // As the C library does it when it has no memory: nothing is written, and the number stays what it was.
        groups_by(|_, _| {
            set_errno(0);
            -1
        })
        .unwrap_err();
        // As it does when it cannot open the database: the first group alone, and a good result.
        let failure = groups_by(|list, count| {
            list[0] = 100;
            *count = 1;
            set_errno(libc::EMFILE);
            1
        });
        assert_eq!(failure.unwrap_err().raw_os_error(), Some(libc::EMFILE));
    }

    #[test]
    fn more_groups_than_there_was_room_for_are_looked_up_again() {
        let groups = groups_by(|list, count| {
            set_errno(0);
            *count = 40;
            if list.len() < 40 {
                return -1;
            }
            list.iter_mut().zip(1_000..).for_each(|(place, group)| *place = group);
            40
        })
        .unwrap();
        assert_eq!(
            groups.iter().map(|group| group.as_raw()).collect::<Vec<_>>(),
            (1_000..1_040).collect::<Vec<_>>()
        );
    }
}
