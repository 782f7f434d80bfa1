//! What the kernel tells of links, addresses and routes, read into facts (rtnetlink(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdover_core::base::limits::LINK_NAME;
use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::engine::LinkId;

use super::message::{INET, INET6, Message, REPLACE, address, u32_at};
use super::{OUR_MARK, kind};

const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
const IFF_LOWER_UP: u32 = 0x1_0000;
const IFLA_IFNAME: u16 = 3;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
const IFA_F_OPTIMISTIC: u32 = 0x04;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_TENTATIVE: u32 = 0x40;
const RTA_DST: u16 = 1;
const RTA_PRIORITY: u16 = 6;
const RTA_TABLE: u16 = 15;
const RT_TABLE_MAIN: u32 = 254;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BLACKHOLE: u8 = 6;
const RTN_UNREACHABLE: u8 = 7;
const RTN_PROHIBIT: u8 = 8;
const RTPROT_REDIRECT: u8 = 1;
const RTPROT_KERNEL: u8 = 2;
const RTM_F_CLONED: u32 = 0x200;

/// An interface's name, kept by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkName {
    octets: [u8; LINK_NAME],
    length: u8,
}

impl LinkName {
    /// The name in these octets, up to a NUL; nothing when it is too long or not text.
    pub(crate) fn new(octets: &[u8]) -> Option<Self> {
        let text = octets.split(|&octet| octet == 0).next().unwrap_or(&[]);
        std::str::from_utf8(text).ok()?;
        let mut name = Self::default();
        name.octets.get_mut(..text.len())?.copy_from_slice(text);
        name.length = u8::try_from(text.len()).ok()?;
        Some(name)
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        self.octets
            .get(..usize::from(self.length))
            .and_then(|octets| std::str::from_utf8(octets).ok())
            .unwrap_or("")
    }
}

/// One fact of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostFact {
    /// A link, as it is.
    Link {
        /// Its index.
        link: LinkId,
        /// Its name.
        name: LinkName,
        /// Whether it is up and has a carrier.
        up: bool,
        /// Whether it has gone.
        gone: bool,
    },
    /// An address, as it is.
    Address {
        /// Its link.
        link: LinkId,
        /// The address.
        address: InterfaceAddress,
        /// Whether it is there and usable.
        present: bool,
        /// Whether it bears our mark.
        marked: bool,
    },
    /// A route of table main that may be redistributed.
    Route {
        /// Its prefix.
        prefix: Prefix,
        /// Its metric.
        metric: u32,
        /// Whether it is there.
        present: bool,
        /// Whether it took the place of another one with its prefix and metric, which may have been ours.
        replaces: bool,
    },
    /// A route that bears our mark.
    OwnRoute {
        /// Its prefix.
        prefix: Prefix,
        /// Its metric.
        metric: u32,
        /// Whether it is there.
        present: bool,
        /// The port of the socket by whose request; 0: the kernel's own doing.
        sender: u32,
    },
}

/// Reads a message; nothing when it does not concern us.
pub(crate) fn read(message: &Message<'_>) -> Option<HostFact> {
    match message.kind {
        kind::NEW_LINK => link(message, false),
        kind::DELETE_LINK => link(message, true),
        kind::NEW_ADDRESS => interface_address(message, true),
        kind::DELETE_ADDRESS => interface_address(message, false),
        kind::NEW_ROUTE => route(message, true),
        kind::DELETE_ROUTE => route(message, false),
        _ => None,
    }
}

/// Whether a route is the one by which the host takes an address for its own.
pub(crate) fn leads_here(message: &Message<'_>) -> bool {
    message.kind == kind::NEW_ROUTE && message.body.get(7) == Some(&RTN_LOCAL)
}

/// `struct ifinfomsg`: family, pad, type (2), index (4), flags (4), change (4).
fn link(message: &Message<'_>, gone: bool) -> Option<HostFact> {
    if message.body.first() != Some(&0) {
        return None; // A bridge speaks of its port (AF_BRIDGE): losing the port is not losing the link.
    }
    let link = LinkId(u32_at(message.body, 4)?);
    let flags = u32_at(message.body, 8)?;
    let name = message.attributes(16).find(|&(kind, _)| kind == IFLA_IFNAME).map(|(_, value)| value)?;
    let needed = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
    Some(HostFact::Link { link, name: LinkName::new(name)?, up: !gone && flags & needed == needed, gone })
}

/// `struct ifaddrmsg`: family, prefix length, flags, scope, index (4).
fn interface_address(message: &Message<'_>, present: bool) -> Option<HostFact> {
    let &[_, length, short_flags, _, ..] = message.body else { return None };
    let link = LinkId(u32_at(message.body, 4)?);
    let (mut plain, mut local, mut flags, mut marked) = (None, None, u32::from(short_flags), false);
    for (kind, value) in message.attributes(8) {
        match kind {
            IFA_ADDRESS => plain = address(value),
            IFA_LOCAL => local = address(value),
            IFA_FLAGS => flags = u32_at(value, 0).unwrap_or(flags),
            IFA_PROTO => marked = value.first() == Some(&OUR_MARK),
            _ => {}
        }
    }
    let address = InterfaceAddress { address: local.or(plain)?, length };
    let trying = flags & IFA_F_TENTATIVE != 0 && flags & IFA_F_OPTIMISTIC == 0;
    let usable = address.address.is_ipv4() || !(trying || flags & IFA_F_DADFAILED != 0);
    Some(HostFact::Address { link, address, present: present && usable, marked })
}

/// `struct rtmsg`: family, destination length, source length, tos, table, protocol, scope, type, flags (4).
fn route(message: &Message<'_>, present: bool) -> Option<HostFact> {
    let &[family, length, _, _, table, protocol, _, kind, ..] = message.body else { return None };
    let (mut table, mut metric) = (u32::from(table), 0);
    let mut destination =
        if family == INET { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    for (kind, value) in message.attributes(12) {
        match kind {
            RTA_DST => destination = address(value)?,
            RTA_PRIORITY => metric = u32_at(value, 0)?,
            RTA_TABLE => table = u32_at(value, 0)?,
            _ => {}
        }
    }
    let cloned = u32_at(message.body, 8)? & RTM_F_CLONED != 0;
    if table != RT_TABLE_MAIN || cloned || !matches!(family, INET | INET6) {
        return None; // Another table, a cache, or multicast routing, which speaks in the same messages.
    }
    let prefix = Prefix::new(destination, length)?;
    match (protocol, kind) {
        (OUR_MARK, _) => Some(HostFact::OwnRoute { prefix, metric, present, sender: message.sender }),
        (RTPROT_REDIRECT | RTPROT_KERNEL, _) => None,
        (_, RTN_UNICAST | RTN_BLACKHOLE | RTN_UNREACHABLE | RTN_PROHIBIT) => {
            let replaces = present && message.flags & REPLACE != 0;
            Some(HostFact::Route { prefix, metric, present, replaces })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Request;
    use super::*;

    fn fact(request: &mut Request) -> Option<HostFact> {
        read(&Message::first(request.finish()).unwrap().0)
    }

    fn link_message(kind: u16, family: u8, flags: u32) -> Request {
        let mut request = Request::new(kind, 0, 0);
        request.put(&[family, 0, 0, 0]).put(&7_u32.to_ne_bytes()).put(&flags.to_ne_bytes()).put(&[0; 4]);
        request.attribute(IFLA_IFNAME, b"eth0\0");
        request
    }

    #[test]
    fn a_link_is_up_only_with_its_carrier() {
        let name = LinkName::new(b"eth0").unwrap();
        let link = |up, gone| Some(HostFact::Link { link: LinkId(7), name, up, gone });
        let all = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
        assert_eq!(fact(&mut link_message(kind::NEW_LINK, 0, all)), link(true, false));
        assert_eq!(fact(&mut link_message(kind::NEW_LINK, 0, all & !IFF_LOWER_UP)), link(false, false));
        assert_eq!(fact(&mut link_message(kind::DELETE_LINK, 0, all)), link(false, true));
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_a_link_that_has_gone() {
        assert_eq!(fact(&mut link_message(kind::DELETE_LINK, 7, IFF_UP)), None);
    }

    fn v6_address(flags: u32, mark: Option<u8>) -> Option<HostFact> {
        let mut request = Request::new(kind::NEW_ADDRESS, 0, 0);
        request.put(&[10, 64, 0x80, 0]).put(&3_u32.to_ne_bytes());
        request.address(IFA_ADDRESS, "2001:db8::1".parse().unwrap());
        request.attribute(IFA_FLAGS, &flags.to_ne_bytes());
        if let Some(mark) = mark {
            request.attribute(IFA_PROTO, &[mark]);
        }
        fact(&mut request)
    }

    #[test]
    fn an_ipv6_address_is_there_when_it_can_be_used() {
        let address = InterfaceAddress { address: "2001:db8::1".parse().unwrap(), length: 64 };
        let is = |present, marked| Some(HostFact::Address { link: LinkId(3), address, present, marked });
        assert_eq!(v6_address(0x80, None), is(true, false));
        assert_eq!(v6_address(0x80, Some(OUR_MARK)), is(true, true));
        assert_eq!(v6_address(0x80, Some(2)), is(true, false));
        assert_eq!(v6_address(IFA_F_TENTATIVE, None), is(false, false));
        assert_eq!(v6_address(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, None), is(true, false));
        assert_eq!(v6_address(IFA_F_DADFAILED, None), is(false, false));
    }

    #[test]
    fn the_address_of_a_point_to_point_link_is_the_local_one() {
        let mut request = Request::new(kind::DELETE_ADDRESS, 0, 0);
        request.put(&[2, 32, 0, 0]).put(&3_u32.to_ne_bytes());
        request.address(IFA_ADDRESS, "192.0.2.2".parse().unwrap());
        request.address(IFA_LOCAL, "192.0.2.1".parse().unwrap());
        let address = InterfaceAddress { address: "192.0.2.1".parse().unwrap(), length: 32 };
        let gone = HostFact::Address { link: LinkId(3), address, present: false, marked: false };
        assert_eq!(fact(&mut request), Some(gone));
    }

    fn v4_route(table: u8, protocol: u8, kind: u8) -> Option<HostFact> {
        let mut request = Request::new(kind::NEW_ROUTE, 0, 0);
        request.put(&[2, 24, 0, 0, table, protocol, 0, kind, 0, 0, 0, 0]);
        request.address(RTA_DST, "198.51.100.0".parse().unwrap());
        request.attribute(RTA_PRIORITY, &5_u32.to_ne_bytes());
        fact(&mut request)
    }

    #[test]
    fn only_routes_that_somebody_added_to_the_main_table_are_told() {
        let prefix = Prefix::new("198.51.100.0".parse().unwrap(), 24).unwrap();
        let told = Some(HostFact::Route { prefix, metric: 5, present: true, replaces: false });
        assert_eq!(v4_route(254, 4, RTN_UNICAST), told);
        assert_eq!(v4_route(254, 16, RTN_BLACKHOLE), told);
        assert_eq!(v4_route(254, RTPROT_KERNEL, RTN_UNICAST), None);
        assert_eq!(v4_route(255, 4, RTN_UNICAST), None);
        assert_eq!(v4_route(254, 4, 2), None);
        let own = HostFact::OwnRoute { prefix, metric: 5, present: true, sender: 0 };
        assert_eq!(v4_route(254, OUR_MARK, RTN_UNICAST), Some(own));
    }

    #[test]
    fn the_default_route_has_no_destination() {
        let mut request = Request::new(kind::NEW_ROUTE, 0, 0);
        request.put(&[10, 0, 0, 0, 254, 9, 0, RTN_UNICAST, 0, 0, 0, 0]);
        let prefix = Prefix::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0).unwrap();
        assert_eq!(
            fact(&mut request),
            Some(HostFact::Route { prefix, metric: 0, present: true, replaces: false })
        );
    }
}
