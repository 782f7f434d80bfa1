//! One daemon in a network namespace: two would take each other's addresses and routes for leftovers and remove them.
//!
//! The lock is a socket with an abstract name, which each network namespace has of its own, whatever its file systems are. It goes
//! with its process, however that ends, and needs no permission. Anybody can take the name; but whoever may not change addresses
//! does no harm either, and does not keep the daemon from starting.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The lock's name.
const NAME: &[u8] = b"holdover";
/// How often the lock is tried while its holder is just ending, or just beginning.
const ATTEMPTS: u32 = 20;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// `CAP_NET_ADMIN` as a bit of `CapEff`.
const NET_ADMIN: u64 = 1 << 12;

/// What came of asking for the lock.
pub(crate) enum Lock {
    /// It is ours as long as this lives.
    Taken(UnixListener),
    /// Somebody has it who can do no harm: why that is told.
    Harmless(String),
}

/// Takes the lock of this thread's network namespace. Errors: another daemon has it, and which.
pub(crate) fn take() -> Result<Lock, String> {
    let explain = |error: io::Error| format!("cannot take the lock of this network namespace: {error}");
    let address = SocketAddr::from_abstract_name(NAME).map_err(explain)?;
    for _ in 0..ATTEMPTS {
        match UnixListener::bind_addr(&address) {
            Ok(listener) => return Ok(Lock::Taken(listener)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(explain(error)),
        }
        match holder() {
            Ok(pid) if pid.is_some_and(|pid| !may_change_addresses(pid)) => {
                return Ok(Lock::Harmless(format!(
                    "process {} has the name of the daemon's lock and is no daemon: a second daemon would not be noticed",
                    pid.unwrap_or_default()
                )));
            }
            Ok(pid) => {
                let who =
                    pid.map_or_else(|| "in another PID namespace".to_owned(), |pid| format!("process {pid}"));
                return Err(format!(
                    "another daemon ({who}) runs in this network namespace, and two would remove each other's addresses \
                     and routes: stop it first, or start this one in a network namespace of its own"
                ));
            }
            // It has just ended, or does not listen yet.
            Err(_) => thread::sleep(PAUSE),
        }
    }
    Err("another daemon runs in this network namespace, and two would remove each other's addresses and routes".to_owned())
}

/// The process that has the lock; `None`: it is in another PID namespace.
fn holder() -> io::Result<Option<i32>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(NAME)?)?;
    Ok(listening_process(&socket))
}

/// The process that listens at the other end of a connection.
pub(crate) fn listening_process(socket: impl AsFd) -> Option<i32> {
    // Written by the kernel, 0 where the process has no number here: `UCred` does not have that, so it is read as it is.
    crate::sys::option::listener_of(socket).ok().filter(|pid| *pid > 0)
}

/// Whether a process could remove addresses of ours. One that cannot be looked at could.
fn may_change_addresses(pid: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    let sets = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let sets = sets.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // Who is root in a user namespace of his own has its rights there only.
    let users = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).ok();
    let elsewhere = match (users("self"), users(&pid.to_string())) {
        (Some(own), Some(theirs)) => own != theirs,
        _ => false,
    };
    !elsewhere && sets.is_none_or(|sets| sets & NET_ADMIN != 0)
}

/// The letter of /proc/PID/stat for what a process does: `T` is stopped, `D` waits for a disk.
pub(crate) fn state(pid: i32) -> Option<char> {
    // The name in parentheses may have any character in it.
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::in_a_namespace;

    #[test]
    fn one_takes_the_lock_of_a_network_namespace_and_the_next_one_is_told_who_has_it() {
        in_a_namespace(|| {
            let Ok(Lock::Taken(first)) = take() else { panic!("not taken") };
            let Err(why) = take() else { panic!("taken twice") };
            assert!(why.contains(&format!("process {}", std::process::id())), "{why}");
            // Another namespace has another lock.
            in_a_namespace(|| assert!(matches!(take(), Ok(Lock::Taken(_)))));
            drop(first);
            assert!(matches!(take(), Ok(Lock::Taken(_))), "it goes with its holder");
        });
    }

    #[test]
    fn who_may_not_change_addresses_keeps_nobody_out() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(may_change_addresses(pid), "this test needs root");
        // A child that gives up every capability.
        let mut child = std::process::Command::new("setpriv")
            .args([
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--reuid=65534",
                "--clear-groups",
                "--regid=65534",
            ])
            .args(["sleep", "30"])
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while may_change_addresses(pid) {
            assert!(std::time::Instant::now() < end);
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_says_what_it_does() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(matches!(state(pid), Some('R' | 'S')));
        assert_eq!(state(i32::MAX), None);
    }
}
