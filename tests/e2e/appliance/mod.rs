//! The appliance against real peers: its image in QEMU, and the same shim as a process over a tap.
//!
//! | file | what it shows |
//! |---|---|
//! | [`session`] | sessions and BFD with BIRD and FRR, in the peers' views |
//! | [`pair`] | an appliance and a Linux host share an address; faults move a client's traffic, and back |
//! | [`router`] | the appliance is the router in front of two Linux hosts |
//! | [`weather`] | loss, black holes, floods of routes, octets and frames at random, resets |
//! | [`wire`] | what the others stand on: loss, cuts, frames at random, a console |

mod pair;
mod router;
mod session;
mod weather;
mod wire;

use std::fmt::Write as _;
use std::net::IpAddr;

use holdover_tests::harness::runner::Case;

/// All cases; the weather lasts as the environment says.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = wire::cases();
    cases.extend(session::cases());
    cases.extend(pair::cases());
    cases.extend(router::cases());
    cases.extend(weather::cases());
    cases
}

/// BFD timers of 50 ms, three times, as the profile `fast`.
const PROFILE: &str =
    "bfd\n profile fast\n  detect-multiplier 3\n  receive-interval 50\n  transmit-interval 50\n exit\nexit\n";

/// The appliance's own addresses, with their lengths.
fn interface<T: AsRef<str>>(addresses: impl IntoIterator<Item = T>) -> String {
    let mut text = "interface eth0\n".to_owned();
    for address in addresses {
        let address = address.as_ref();
        let family = if address.contains(':') { "ipv6" } else { "ip" };
        let _ = writeln!(text, " {family} address {address}");
    }
    text + "exit\n"
}

/// Its way out.
fn gateways(addresses: [IpAddr; 2]) -> String {
    addresses
        .map(|address| match address {
            IpAddr::V4(_) => format!("ip route 0.0.0.0/0 {address}\n"),
            IpAddr::V6(_) => format!("ipv6 route ::/0 {address}\n"),
        })
        .concat()
}
