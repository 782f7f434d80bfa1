//! Telling the neighbours which link-layer address an address has, and asking them for theirs.
//!
//! **The form of a gratuitous ARP.** It is an ARP request whose sender and target address are the announced one, to the
//! broadcast address: RFC 5227 section 3 asks for requests (a reply that nobody asked for is the rarer sight, and RFC 826
//! makes no difference: a receiver that has an entry for the sender takes it over from either), Linux's `arp_notify` and
//! keepalived send requests too. One form is enough, and it is said three times, as unsolicited advertisements are
//! (RFC 4861 section 7.2.6), for one frame can be lost and nobody acknowledges it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdover_core::base::time::Duration;

use super::Mac;
use super::bytes::{ETHERNET, Ends, TYPE_ARP, build_icmp6, put, put_ethernet};

/// How often an address is announced after it was bound: RFC 4861's MAX_NEIGHBOR_ADVERTISEMENT, one more than RFC 5227's
/// ANNOUNCE_NUM.
pub const ANNOUNCEMENTS: u8 = 3;
/// The time between two announcements of one address (RFC 4861: RetransTimer, at least that much).
pub const ANNOUNCEMENT_INTERVAL: Duration = Duration::from_secs(1);

/// Everybody on the link.
const BROADCAST: Mac = smoltcp::wire::EthernetAddress([0xFF; 6]);
const NOBODY: Mac = smoltcp::wire::EthernetAddress([0; 6]);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);

/// Ethernet, IPv4, and their lengths; then "request" or "reply" (RFC 826).
const ARP: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const FLAG_ROUTER: u8 = 0x80;
const FLAG_SOLICITED: u8 = 0x40;
const FLAG_OVERRIDE: u8 = 0x20;
const SOURCE_OPTION: u8 = 1;
const TARGET_OPTION: u8 = 2;
/// RFC 4861 section 7.1: a lower one has passed a router and is not believed.
const HOP_LIMIT: u8 = 255;

/// Writes the frame that tells everybody on the link that `address` is at `mac`: a gratuitous ARP, or an unsolicited
/// neighbour advertisement with the override flag, and with the router flag where `router` says so. Returns its length, or
/// `None` when the buffer is shorter than it (86 octets are enough for both).
pub fn announce(mac: Mac, address: IpAddr, router: bool, buffer: &mut [u8]) -> Option<usize> {
    match address {
        IpAddr::V4(address) => arp_request(mac, address, address, BROADCAST, buffer),
        IpAddr::V6(address) => {
            let flags = if router { FLAG_ROUTER | FLAG_OVERRIDE } else { FLAG_OVERRIDE };
            let ends = Ends {
                to: multicast_mac(ALL_NODES),
                from: mac,
                source: address,
                destination: ALL_NODES,
                hop_limit: HOP_LIMIT,
            };
            discovery([ADVERTISEMENT, flags], address, [TARGET_OPTION, 1], ends, buffer)
        }
    }
}

/// Writes the frame that asks for the link-layer address of `target` in the name of `source`, which is one of ours and
/// of the same family: asks everybody, or with `to` only the one who had it (RFC 1122 section 2.3.2.1, RFC 4861 section
/// 7.3.3). Returns its length, or `None` when the buffer is shorter (86 octets are enough) or the families differ.
pub fn ask(mac: Mac, source: IpAddr, target: IpAddr, to: Option<Mac>, buffer: &mut [u8]) -> Option<usize> {
    match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            arp_request(mac, source, target, to.unwrap_or(BROADCAST), buffer)
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            let group = solicited_node(target);
            let ends = Ends {
                to: to.unwrap_or(multicast_mac(group)),
                from: mac,
                source,
                destination: if to.is_some() { target } else { group },
                hop_limit: HOP_LIMIT,
            };
            discovery([SOLICITATION, 0], target, [SOURCE_OPTION, 1], ends, buffer)
        }
        _ => None,
    }
}

/// Writes the frame that answers `asker`, who is at `to`, that `address` is at `mac` (RFC 826; RFC 4861 section 7.2.4).
/// Returns its length, or `None` when the buffer is shorter (86 octets are enough) or the families differ.
pub(super) fn answer(mac: Mac, address: IpAddr, asker: IpAddr, to: Mac, buffer: &mut [u8]) -> Option<usize> {
    match (address, asker) {
        (IpAddr::V4(address), IpAddr::V4(asker)) => arp(REPLY, [(mac, address), (to, asker)], to, buffer),
        (IpAddr::V6(address), IpAddr::V6(asker)) => {
            let ends = Ends { to, from: mac, source: address, destination: asker, hop_limit: HOP_LIMIT };
            let flags = FLAG_SOLICITED | FLAG_OVERRIDE;
            discovery([ADVERTISEMENT, flags], address, [TARGET_OPTION, 1], ends, buffer)
        }
        _ => None,
    }
}

fn arp_request(mac: Mac, source: Ipv4Addr, target: Ipv4Addr, to: Mac, buffer: &mut [u8]) -> Option<usize> {
    arp(REQUEST, [(mac, source), (NOBODY, target)], to, buffer)
}

/// An ARP packet: from whom and about whom, and to whom it goes.
fn arp(operation: [u8; 2], ends: [(Mac, Ipv4Addr); 2], to: Mac, buffer: &mut [u8]) -> Option<usize> {
    let [(mac, source), (their_mac, target)] = ends;
    put(buffer, ETHERNET, ARP)?;
    put(buffer, ETHERNET.saturating_add(6), operation)?;
    put(buffer, ETHERNET.saturating_add(8), mac.0)?;
    put(buffer, ETHERNET.saturating_add(14), source.octets())?;
    put(buffer, ETHERNET.saturating_add(18), their_mac.0)?;
    put(buffer, ETHERNET.saturating_add(24), target.octets())?;
    put_ethernet(buffer, to, mac, TYPE_ARP)?;
    Some(ETHERNET.saturating_add(28))
}

/// A solicitation or advertisement: type and flags, its target, and the one option, which holds our link-layer address.
fn discovery(
    [kind, flags]: [u8; 2],
    target: Ipv6Addr,
    option: [u8; 2],
    ends: Ends<Ipv6Addr>,
    buffer: &mut [u8],
) -> Option<usize> {
    let mut rest = [0; 24];
    put(&mut rest, 0, target.octets())?;
    put(&mut rest, 16, option)?;
    put(&mut rest, 18, ends.from.0)?;
    build_icmp6(buffer, ends, [&[kind, 0, 0, 0, flags, 0, 0, 0], &rest])
}

/// The group that whoever has `address` listens to (RFC 4291 section 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from_octets([0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, a, b, c])
}

/// The link-layer address of a group (RFC 2464 section 7).
fn multicast_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    smoltcp::wire::EthernetAddress([0x33, 0x33, a, b, c, d])
}
