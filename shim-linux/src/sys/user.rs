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
                return Ok(User { id, group, groups: groups(&name, group) });
            }
            libc::ERANGE if buffer.len() < LARGEST => buffer.resize(buffer.len() * 4, 0),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn groups(name: &CString, group: u32) -> Vec<Gid> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name ends with a zero, and the list has room for as many groups as `count` says.
        let result = unsafe { libc::getgrouplist(name.as_ptr(), group, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if result >= 0 || count <= groups.len() {
            groups.truncate(count);
            return groups.into_iter().map(Gid::from_raw).collect();
        }
        groups.resize(count, 0);
    }
}

impl User {
    /// Makes the calling thread run with this user's rights and no others, for good. It makes system calls only. Errors:
    /// EPERM without `CAP_SETUID` and `CAP_SETGID`.
    pub(super) fn become_it(&self) -> io::Result<()> {
        rustix::thread::set_thread_groups(&self.groups)?;
        rustix::thread::set_thread_gid(Gid::from_raw(self.group))?;
        rustix::thread::set_thread_uid(Uid::from_raw(self.id))?;
        // What a service manager lent us would otherwise survive the change from one plain user to another.
        rustix::thread::clear_ambient_capability_set()?;
        Ok(())
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
}
