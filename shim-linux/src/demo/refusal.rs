//! What to say when the kernel does not let us build the network.

use std::fs;
use std::io;

use rustix::io::Errno;

use super::world::Refused;

/// What the kernel's settings say about namespaces; `None`: this kernel has no such setting.
#[derive(Clone, Copy, Debug, Default)]
struct Settings {
    root: bool,
    /// `kernel.unprivileged_userns_clone` (Debian).
    userns_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns` (Ubuntu).
    apparmor: Option<u64>,
    /// `user.max_user_namespaces`.
    most_users: Option<u64>,
    /// `user.max_net_namespaces`.
    most_networks: Option<u64>,
}

impl Settings {
    fn read() -> Self {
        let number = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok();
        Self {
            root: rustix::process::geteuid().is_root(),
            userns_clone: number("kernel/unprivileged_userns_clone"),
            apparmor: number("kernel/apparmor_restrict_unprivileged_userns"),
            most_users: number("user/max_user_namespaces"),
            most_networks: number("user/max_net_namespaces"),
        }
    }
}

/// Says what is missing and how to get it.
pub(super) fn explain(refused: &Refused) -> String {
    let Refused { doing, error } = refused;
    format!(
        "The demo cannot build its private network: {doing}: {error}.\n{}",
        advice(doing, error, Settings::read())
    )
}

fn advice(doing: &str, error: &io::Error, settings: Settings) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::PERM | Errno::ACCESS) => not_permitted(settings),
        Some(Errno::NOSPC | Errno::USERS) => too_many(settings),
        Some(Errno::INVAL) if doing.contains("namespace") => {
            "This kernel is built without user or network namespaces (CONFIG_USER_NS, CONFIG_NET_NS)."
                .to_owned()
        }
        Some(Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::NODEV | Errno::PROTONOSUPPORT) => lacking(doing),
        Some(Errno::NOENT) if doing.contains("namespace") => {
            "/proc is not mounted here, or this kernel has no network namespaces (CONFIG_NET_NS).".to_owned()
        }
        _ => "This is not a refusal that the demo knows; the kernel's log (dmesg) may say more.".to_owned(),
    }
}

/// What the kernel would need to have.
fn lacking(doing: &str) -> String {
    let (what, module) = match doing {
        "making a bridge" | "plugging a cable in" => ("bridges (CONFIG_BRIDGE)", "bridge"),
        "making a cable" => ("virtual cables (CONFIG_VETH)", "veth"),
        _ => ("IPv6 (CONFIG_IPV6, and no `ipv6.disable=1` on its command line)", "ipv6"),
    };
    format!("This kernel has no {what}. If it is a module: `sudo modprobe {module}`.")
}

fn not_permitted(settings: Settings) -> String {
    if settings.root {
        return "You are root, but without CAP_SYS_ADMIN and CAP_NET_ADMIN, as in most containers. Give the container\n\
                both (docker: `--cap-add SYS_ADMIN --cap-add NET_ADMIN`), or run the demo on the host."
            .to_owned();
    }
    let allow = if settings.userns_clone == Some(0) {
        "`sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    } else if settings.apparmor.is_some_and(|value| value != 0) {
        "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
    } else {
        return "Unprivileged user namespaces are not allowed here (by seccomp or a security module, as in most\n\
                containers). Run the demo as root."
            .to_owned();
    };
    format!("Run it as root (`sudo`), or allow unprivileged user namespaces: {allow}.")
}

fn too_many(settings: Settings) -> String {
    if settings.most_networks.is_some_and(|most| most < 5) {
        "The demo needs 5 network namespaces: `sudo sysctl -w user.max_net_namespaces=10000`.".to_owned()
    } else if settings.most_users == Some(0) {
        "User namespaces are switched off. Run it as root with CAP_SYS_ADMIN (`sudo`), or allow them:\n\
         `sudo sysctl -w user.max_user_namespaces=10000`."
            .to_owned()
    } else {
        "Too many namespaces are in use on this machine.".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(doing: &str, errno: Errno, settings: Settings) -> String {
        advice(doing, &errno.into(), settings)
    }

    const NETWORK: &str = "making a network namespace";

    #[test]
    fn debians_and_ubuntus_switches_are_named() {
        let debian = Settings { userns_clone: Some(0), ..Settings::default() };
        assert!(said(NETWORK, Errno::PERM, debian).contains("kernel.unprivileged_userns_clone=1"));
        let ubuntu = Settings { userns_clone: Some(1), apparmor: Some(1), ..Settings::default() };
        assert!(said(NETWORK, Errno::PERM, ubuntu).contains("apparmor_restrict_unprivileged_userns=0"));
        assert!(said(NETWORK, Errno::ACCESS, ubuntu).contains("sudo"));
    }

    #[test]
    fn a_container_is_told_which_capabilities_it_lacks() {
        let root = Settings { root: true, ..Settings::default() };
        assert!(said(NETWORK, Errno::PERM, root).contains("--cap-add SYS_ADMIN"));
        assert!(said(NETWORK, Errno::PERM, Settings::default()).contains("as root"));
    }

    #[test]
    fn limits_are_told_apart() {
        let none = Settings { most_users: Some(0), ..Settings::default() };
        assert!(said(NETWORK, Errno::NOSPC, none).contains("max_user_namespaces"));
        let few = Settings { most_users: Some(9), most_networks: Some(3), ..Settings::default() };
        assert!(said(NETWORK, Errno::NOSPC, few).contains("max_net_namespaces"));
    }

    #[test]
    fn a_kernel_is_told_what_it_lacks() {
        assert!(said("making a bridge", Errno::OPNOTSUPP, Settings::default()).contains("modprobe bridge"));
        assert!(said("making a cable", Errno::OPNOTSUPP, Settings::default()).contains("modprobe veth"));
        assert!(said("setting a node up", Errno::AFNOSUPPORT, Settings::default()).contains("IPv6"));
        assert!(said(NETWORK, Errno::INVAL, Settings::default()).contains("CONFIG_USER_NS"));
    }
}
