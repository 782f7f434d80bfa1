//! Network and user namespaces.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::thread::{LinkNameSpaceType, UnshareFlags};

/// Moves this thread into a new network namespace and returns it. It lives as long as a process, a socket or a
/// descriptor in it. Errors: EPERM without `CAP_SYS_ADMIN`, ENOSPC beyond `user.max_net_namespaces`.
pub(crate) fn new_network() -> io::Result<OwnedFd> {
    // SAFETY: CLONE_NEWNET changes where this thread's later sockets are made; no memory or descriptor becomes invalid.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    current_network()
}

/// The network namespace of this thread.
pub(crate) fn current_network() -> io::Result<OwnedFd> {
    File::open("/proc/thread-self/ns/net").map(OwnedFd::from)
}

/// Moves this thread into the network namespace.
pub(crate) fn enter_network(network: impl AsFd) -> io::Result<()> {
    Ok(rustix::thread::move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Moves this process into a new user namespace, in which it is root over what it makes there (and over nothing else).
/// Errors: EINVAL when the process has more than one thread, EPERM or ENOSPC where the kernel does not allow it.
pub(crate) fn new_user() -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // SAFETY: CLONE_NEWUSER changes credentials only; the kernel refuses it in a process of several threads.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER) }?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}
