//! Links, addresses and routes of the demo's network, as requests to the kernel (rtnetlink(7)). Everything is set by
//! netlink, nothing by `/proc/sys`, which is read-only in many containers.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::RawFd;

use crate::host::message::{ACK, CREATE, EXCLUSIVE, INET, INET6, Request};
use crate::host::socket::NetlinkSocket;

const RTM_NEWLINK: u16 = 16;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const NLA_F_NESTED: u16 = 0x8000;
const AF_BRIDGE: u8 = 7;
const IFF_UP: u32 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_PROTINFO: u16 = 12;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_BRPORT_STATE: u16 = 1;
const IFLA_INET_CONF: u16 = 1;
const IPV4_DEVCONF_FORWARDING: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const IFA_F_NODAD: u32 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;

/// What a bridge does with the frames of a port (linux/if_bridge.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortState {
    /// `BR_STATE_DISABLED`: drops them all, in both directions. The carrier stays up, so neither end is told.
    Disabled = 0,
    /// `BR_STATE_FORWARDING`: passes them on.
    Forwarding = 3,
}

/// The hands of somebody who wires one network namespace: the one that its thread was in when it was opened.
#[derive(Debug)]
pub(super) struct Wiring {
    socket: NetlinkSocket,
}

/// The number of a link.
pub(super) type Index = u32;

impl Wiring {
    /// Opens it. Errors: as `socket(2)`.
    pub(super) fn open() -> io::Result<Self> {
        NetlinkSocket::open(0).map(|socket| Self { socket })
    }

    /// The link of this name.
    pub(super) fn index(&self, name: &str) -> io::Result<Index> {
        Ok(rustix::net::netdevice::name_to_index(&self.socket, name)?)
    }

    /// Takes the link of this name up, without an address of the kernel's own choice (which it would first try out for a
    /// second, RFC 4862 section 5.4).
    pub(super) fn bring_up(&mut self, name: &str) -> io::Result<Index> {
        let index = self.index(name)?;
        if name != "lo" {
            self.set_link(index, |request| {
                request.nested(IFLA_AF_SPEC, |request| {
                    request.nested(INET6.into(), |request| {
                        request.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
                    });
                });
            })?;
        }
        self.execute(RTM_SETLINK, 0, |request| {
            request.put(&link_header(0, index, IFF_UP));
        })?;
        Ok(index)
    }

    /// Makes a bridge.
    pub(super) fn add_bridge(&mut self, name: &str) -> io::Result<()> {
        self.add(RTM_NEWLINK, |request| {
            request.put(&link_header(0, 0, 0)).attribute(IFLA_IFNAME, name.as_bytes());
            request.nested(IFLA_LINKINFO, |request| {
                request.attribute(IFLA_INFO_KIND, b"bridge");
            });
        })
    }

    /// Makes a virtual cable: one end, `here`, in this namespace, the other, `there`, in the namespace `network`.
    pub(super) fn add_cable(&mut self, here: &str, there: &str, network: RawFd) -> io::Result<()> {
        self.add(RTM_NEWLINK, |request| {
            request.put(&link_header(0, 0, 0)).attribute(IFLA_IFNAME, here.as_bytes());
            request.nested(IFLA_LINKINFO, |request| {
                request.attribute(IFLA_INFO_KIND, b"veth");
                request.nested(IFLA_INFO_DATA, |request| {
                    request.nested(VETH_INFO_PEER, |request| {
                        request.put(&link_header(0, 0, 0)).attribute(IFLA_IFNAME, there.as_bytes());
                        request.attribute(IFLA_NET_NS_FD, &network.to_ne_bytes());
                    });
                });
            });
        })
    }

    /// Plugs the link into the bridge.
    pub(super) fn plug_in(&mut self, index: Index, bridge: Index) -> io::Result<()> {
        self.set_link(index, |request| {
            request.attribute(IFLA_MASTER, &bridge.to_ne_bytes());
        })
    }

    /// Forwards the IPv4 packets that come in by this link.
    pub(super) fn set_forwarding(&mut self, index: Index) -> io::Result<()> {
        self.set_link(index, |request| {
            request.nested(IFLA_AF_SPEC, |request| {
                request.nested(INET.into(), |request| {
                    request.nested(IFLA_INET_CONF | NLA_F_NESTED, |request| {
                        request.attribute(IPV4_DEVCONF_FORWARDING, &1_u32.to_ne_bytes());
                    });
                });
            });
        })
    }

    /// Sets the state of a port of a bridge.
    pub(super) fn set_port_state(&mut self, port: Index, state: PortState) -> io::Result<()> {
        self.execute(RTM_SETLINK, 0, |request| {
            request.put(&link_header(AF_BRIDGE, port, 0)).nested(IFLA_PROTINFO | NLA_F_NESTED, |request| {
                request.attribute(IFLA_BRPORT_STATE, &[state as u8]);
            });
        })
    }

    /// Puts an address on a link, without duplicate address detection.
    pub(super) fn add_address(&mut self, index: Index, address: IpAddr, length: u8) -> io::Result<()> {
        self.add(RTM_NEWADDR, |request| {
            // `struct ifaddrmsg`: family, length, flags, scope, link.
            request.put(&[family(address), length, 0, 0]).put(&index.to_ne_bytes());
            request.address(IFA_LOCAL, address).address(IFA_ADDRESS, address);
            request.attribute(IFA_FLAGS, &IFA_F_NODAD.to_ne_bytes());
        })
    }

    /// Leads everything that has no better route through `gateway`.
    pub(super) fn add_default_route(&mut self, gateway: Ipv4Addr, index: Index) -> io::Result<()> {
        self.add(RTM_NEWROUTE, |request| {
            request.put(&route_header(0)).address(RTA_GATEWAY, gateway.into());
            request.attribute(RTA_OIF, &index.to_ne_bytes());
        })
    }

    fn set_link(&mut self, index: Index, fill: impl FnOnce(&mut Request)) -> io::Result<()> {
        self.execute(RTM_SETLINK, 0, |request| {
            request.put(&link_header(0, index, 0));
            fill(request);
        })
    }

    fn add(&mut self, kind: u16, fill: impl FnOnce(&mut Request)) -> io::Result<()> {
        self.execute(kind, CREATE | EXCLUSIVE, fill)
    }

    fn execute(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Request)) -> io::Result<()> {
        let mut request = Request::new(kind, flags | ACK, self.socket.next_sequence());
        fill(&mut request);
        Ok(self.socket.execute(&mut request)?)
    }
}

/// `struct ifinfomsg`: family, padding, type, index, flags, and which of the flags are meant.
fn link_header(family: u8, index: Index, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[0] = family;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// `struct rtmsg` of an IPv4 route: family, two lengths, type of service, table, protocol, scope, type, flags.
fn route_header(length: u8) -> [u8; 12] {
    [INET, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0, 0, 0, 0]
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { INET } else { INET6 }
}

#[cfg(test)]
impl Wiring {
    /// Leads an IPv4 address through an IPv6 gateway (RFC 8950), in the place of an earlier such route.
    pub(super) fn lead(&mut self, to: Ipv4Addr, gateway: std::net::Ipv6Addr, index: Index) -> io::Result<()> {
        const RTA_DST: u16 = 1;
        const RTA_VIA: u16 = 18;
        self.execute(RTM_NEWROUTE, CREATE | crate::host::message::REPLACE, |request| {
            request.put(&route_header(32)).address(RTA_DST, to.into());
            request.nested(RTA_VIA, |request| {
                request.put(&u16::from(INET6).to_ne_bytes()).put(&gateway.octets());
            });
            request.attribute(RTA_OIF, &index.to_ne_bytes());
        })
    }
}
