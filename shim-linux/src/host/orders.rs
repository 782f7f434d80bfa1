//! What we ask the kernel to do, as messages (rtnetlink(7)).

use holdover_core::base::net::{Family, InterfaceAddress, Prefix};
use holdover_core::engine::{LinkId, NextHop, RouteTarget};
use std::net::IpAddr;

use super::message::{ACK, CREATE, DUMP, EXCLUSIVE, INET, INET6, REPLACE, Request};
use super::{OUR_MARK, kind};

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
const IFA_F_NODAD: u32 = 0x02;
const FOREVER: u32 = u32::MAX;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;
const RT_TABLE_MAIN: u8 = 254;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_NOWHERE: u8 = 255;
const RTN_UNSPECIFIED: u8 = 0;
const RTN_UNICAST: u8 = 1;
const RTN_BLACKHOLE: u8 = 6;
const RTN_UNREACHABLE: u8 = 7;

/// The metric of routes that lead somewhere: behind what somebody typed without one (0), before what IPv6 gives (1024).
pub(crate) const METRIC: u32 = 20;
/// The metric of routes that lead nowhere: behind everything else, a connected subnet above all.
pub(crate) const METRIC_NOWHERE: u32 = 0x7FFF_FFFF;

fn family(address: IpAddr) -> u8 {
    match Family::of(address) {
        Family::Ipv4 => INET,
        Family::Ipv6 => INET6,
    }
}

/// Adds an address: new, marked as ours, without duplicate address detection and never preferred as a source (IPv6).
pub(crate) fn bind(sequence: u32, link: LinkId, address: InterfaceAddress, label: &str) -> Request {
    let mut request = on_address(kind::NEW_ADDRESS, ACK | CREATE | EXCLUSIVE, sequence, link, address);
    request.attribute(IFA_PROTO, &[OUR_MARK]);
    if address.address.is_ipv4() {
        if !label.is_empty() {
            request.nested(IFA_LABEL, |request| {
                request.put(label.as_bytes()).put(&[0]);
            });
        }
        return request;
    }
    request.attribute(IFA_FLAGS, &IFA_F_NODAD.to_ne_bytes());
    // `struct ifa_cacheinfo`: preferred and valid lifetime, and two times that the kernel fills in.
    request.nested(IFA_CACHEINFO, |request| {
        request.put(&0_u32.to_ne_bytes()).put(&FOREVER.to_ne_bytes()).put(&[0; 8]);
    });
    request
}

/// Removes an address.
pub(crate) fn unbind(sequence: u32, link: LinkId, address: InterfaceAddress) -> Request {
    on_address(kind::DELETE_ADDRESS, ACK, sequence, link, address)
}

fn on_address(kind: u16, flags: u16, sequence: u32, link: LinkId, address: InterfaceAddress) -> Request {
    let mut request = Request::new(kind, flags, sequence);
    request.put(&[family(address.address), address.length, 0, 0]).put(&link.0.to_ne_bytes());
    request.address(IFA_LOCAL, address.address).address(IFA_ADDRESS, address.address);
    request
}

/// The metric a route to `target` has.
pub(crate) fn metric(target: RouteTarget<'_>) -> u32 {
    match target {
        RouteTarget::Via(_) => METRIC,
        RouteTarget::Blackhole | RouteTarget::Unreachable => METRIC_NOWHERE,
    }
}

/// Installs a route, in the place of one of ours to the same prefix.
pub(crate) fn install(sequence: u32, prefix: Prefix, target: RouteTarget<'_>) -> Request {
    let kind = match target {
        RouteTarget::Via(_) => RTN_UNICAST,
        RouteTarget::Blackhole => RTN_BLACKHOLE,
        RouteTarget::Unreachable => RTN_UNREACHABLE,
    };
    let mut request = Request::new(kind::NEW_ROUTE, ACK | CREATE | REPLACE, sequence);
    on_route(&mut request, prefix, RT_SCOPE_UNIVERSE, kind);
    request.attribute(RTA_PRIORITY, &metric(target).to_ne_bytes());
    match target {
        RouteTarget::Via([only]) => {
            gateway(&mut request, prefix, only);
            if let Some(link) = only.link {
                request.attribute(RTA_OIF, &link.0.to_ne_bytes());
            }
        }
        RouteTarget::Via(several) => {
            request.nested(RTA_MULTIPATH, |request| {
                for next_hop in several {
                    // `struct rtnexthop`: length (2), flags, weight less one, index (4), then attributes.
                    request.sized(|request| {
                        let link = next_hop.link.map_or(0, |link| link.0);
                        request.put(&[0, 0]).put(&link.to_ne_bytes());
                        gateway(request, prefix, next_hop);
                    });
                }
            });
        }
        RouteTarget::Blackhole | RouteTarget::Unreachable => {}
    }
    request
}

/// The gateway; one of another family than the prefix has an attribute of its own (RFC 8950).
fn gateway(request: &mut Request, prefix: Prefix, next_hop: &NextHop) {
    if Family::of(next_hop.address) == prefix.family() {
        request.address(RTA_GATEWAY, next_hop.address);
        return;
    }
    request.nested(RTA_VIA, |request| {
        request.put(&u16::from(family(next_hop.address)).to_ne_bytes());
        match next_hop.address {
            IpAddr::V4(address) => request.put(&address.octets()),
            IpAddr::V6(address) => request.put(&address.octets()),
        };
    });
}

/// Removes our route to the prefix that has this metric, whatever its kind.
pub(crate) fn remove(sequence: u32, prefix: Prefix, metric: u32) -> Request {
    let mut request = Request::new(kind::DELETE_ROUTE, ACK, sequence);
    on_route(&mut request, prefix, RT_SCOPE_NOWHERE, RTN_UNSPECIFIED);
    request.attribute(RTA_PRIORITY, &metric.to_ne_bytes());
    request
}

fn on_route(request: &mut Request, prefix: Prefix, scope: u8, kind: u8) {
    let length = prefix.length();
    request.put(&[family(prefix.address()), length, 0, 0, RT_TABLE_MAIN, OUR_MARK, scope, kind, 0, 0, 0, 0]);
    if length > 0 {
        request.address(RTA_DST, prefix.address());
    }
}

/// Asks which way packets to an address take; `facts::leads_here` reads the answer.
pub(crate) fn way_to(sequence: u32, address: IpAddr) -> Request {
    let mut request = Request::new(kind::GET_ROUTE, ACK, sequence);
    request.put(&[family(address), Family::of(address).bits(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    request.address(RTA_DST, address);
    request
}

/// Asks for all links.
pub(crate) fn dump_links(sequence: u32) -> Request {
    let mut request = Request::new(kind::GET_LINK, DUMP, sequence);
    request.put(&[0; 16]);
    request
}

/// Asks for all addresses of both families.
pub(crate) fn dump_addresses(sequence: u32) -> Request {
    let mut request = Request::new(kind::GET_ADDRESS, DUMP, sequence);
    request.put(&[0; 8]);
    request
}

/// Asks for the routes of table main of both families; a kernel that does not filter tells all tables, which the reader
/// sorts out.
pub(crate) fn dump_routes(sequence: u32) -> Request {
    let mut request = Request::new(kind::GET_ROUTE, DUMP, sequence);
    request.put(&[0, 0, 0, 0, RT_TABLE_MAIN, 0, 0, 0, 0, 0, 0, 0]);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(mut request: Request) -> String {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
        request.finish().iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    // The expected octets are written down by hand from linux/netlink.h, linux/rtnetlink.h and linux/if_addr.h.
    #[cfg(target_endian = "little")]
    #[test]
    fn an_ipv4_address_is_bound_with_its_label_and_our_mark() {
        let address = InterfaceAddress { address: address("192.0.2.10"), length: 32 };
        let expected = concat!(
            "3c000000140005060100000000000000", // RTM_NEWADDR, REQUEST ACK EXCL CREATE
            "0220000002000000",                 // AF_INET, /32, index 2
            "08000200c000020a",                 // IFA_LOCAL
            "08000100c000020a",                 // IFA_ADDRESS
            "05000b00b3000000",                 // IFA_PROTO
            "090003006574683000000000",         // IFA_LABEL eth0
        );
        assert_eq!(octets(bind(1, LinkId(2), address, "eth0")), expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn an_ipv6_address_is_bound_without_detection_and_never_preferred() {
        let address = InterfaceAddress { address: address("2001:db8::1"), length: 128 };
        let expected = concat!(
            "64000000140005060100000000000000",
            "0a80000001000000",
            "1400020020010db8000000000000000000000001",
            "1400010020010db8000000000000000000000001",
            "05000b00b3000000",
            "0800080002000000",                         // IFA_FLAGS: IFA_F_NODAD
            "1400060000000000ffffffff0000000000000000", // preferred 0, valid for ever
        );
        assert_eq!(octets(bind(1, LinkId(1), address, "lo")), expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn an_ipv4_route_through_ipv6_has_the_attribute_via() {
        let prefix = Prefix::host(address("192.0.2.10"));
        let next_hop = NextHop { address: address("fe80::1"), link: Some(LinkId(3)) };
        let expected = concat!(
            "4c000000180005050100000000000000", // RTM_NEWROUTE, REQUEST ACK REPLACE CREATE
            "02200000feb3000100000000",         // AF_INET, /32, main, ours, universe, unicast
            "08000100c000020a",
            "0800060014000000", // metric 20
            "160012000a00fe8000000000000000000000000000010000",
            "0800040003000000",
        );
        assert_eq!(octets(install(1, prefix, RouteTarget::Via(&[next_hop]))), expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn several_next_hops_are_one_route() {
        let prefix = Prefix::new(address("2001:db8:1::"), 64).unwrap();
        let hops = [1_u32, 2]
            .map(|n| NextHop { address: address(&format!("2001:db8::{n}")), link: Some(LinkId(n)) });
        let expected = concat!(
            "74000000180005050100000000000000",
            "0a400000feb3000100000000",
            "1400010020010db8000100000000000000000000",
            "0800060014000000",
            "3c000900",
            "1c00000001000000",
            "1400050020010db8000000000000000000000001",
            "1c00000002000000",
            "1400050020010db8000000000000000000000002",
        );
        assert_eq!(octets(install(1, prefix, RouteTarget::Via(&hops))), expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_route_to_nowhere_stands_behind_all_others_and_is_removed_by_its_metric() {
        let prefix = Prefix::new(address("192.0.2.0"), 24).unwrap();
        let expected = concat!(
            "2c000000180005050100000000000000",
            "02180000feb3000700000000",
            "08000100c0000200",
            "08000600ffffff7f",
        );
        assert_eq!(octets(install(1, prefix, RouteTarget::Unreachable)), expected);
        let expected = concat!(
            "2c000000190005000100000000000000",
            "02180000feb3ff0000000000",
            "08000100c0000200",
            "08000600ffffff7f",
        );
        assert_eq!(octets(remove(1, prefix, METRIC_NOWHERE)), expected);
    }
}
