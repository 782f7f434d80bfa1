//! Who this host is on its link: its link-layer address, its addresses and their subnets.

use core::net::IpAddr;

use holdover_core::base::net::{Family, InterfaceAddress, is_link_local};
use smoltcp::wire::EthernetAddress;

use super::{Full, Mac};

/// The most addresses of the interface.
pub const ADDRESSES: usize = 16;

/// All zero bits at rest: no address at all.
#[repr(C)] // The small first, as in `Port`.
pub(super) struct Host {
    mac: [u8; 6],
    count: u8,
    addresses: [InterfaceAddress; ADDRESSES],
}

impl Host {
    pub(super) const REST: Self =
        Self { mac: [0; 6], count: 0, addresses: [InterfaceAddress::ZERO; ADDRESSES] };

    pub(super) fn set_mac(&mut self, mac: Mac) {
        self.mac = mac.0;
    }

    pub(super) fn mac(&self) -> Mac {
        EthernetAddress(self.mac)
    }

    /// Takes over all addresses; with `Full` the earlier ones stay.
    pub(super) fn set_addresses(&mut self, addresses: &[InterfaceAddress]) -> Result<(), Full> {
        let count = u8::try_from(addresses.len()).map_err(|_| Full)?;
        self.addresses.get_mut(..addresses.len()).ok_or(Full)?.copy_from_slice(addresses);
        self.count = count;
        Ok(())
    }

    fn addresses(&self) -> impl Iterator<Item = &InterfaceAddress> {
        self.addresses.iter().take(usize::from(self.count))
    }

    /// Those whose subnet `address` lies in. A shared address (/32, /128) has no subnet: nobody else is in it.
    fn beside(&self, address: IpAddr) -> impl Iterator<Item = &InterfaceAddress> {
        self.addresses().filter(move |ours| ours.subnet().contains(address))
    }

    /// Whether it is an address of this host.
    pub(super) fn is_ours(&self, address: IpAddr) -> bool {
        self.addresses().any(|ours| ours.address == address)
    }

    /// Whether a packet to it goes no further than this link: one of ours, a group, a broadcast (the limited one, or one of
    /// a subnet of ours in its old and new form: RFC 1812 sections 4.2.2.11 and 5.3.5), the routers' anycast address of a
    /// subnet of ours (RFC 4291 section 2.6.1).
    pub(super) fn stays_here(&self, address: IpAddr) -> bool {
        let limited = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        limited
            || address.is_multicast()
            || self.is_ours(address)
            || self.beside(address).any(|ours| ends(ours, address))
    }

    /// The length of the longest of our subnets that it lies in.
    pub(super) fn subnet_length(&self, address: IpAddr) -> Option<u8> {
        self.beside(address).map(|ours| ours.length).max()
    }

    /// The address of ours in whose name a next hop is asked for; `None` when it is on no subnet of ours. An IPv6
    /// link-local next hop is on the link whatever our subnets are.
    pub(super) fn source_towards(&self, next_hop: IpAddr) -> Option<IpAddr> {
        let beside = self.beside(next_hop).max_by_key(|ours| ours.length).map(|ours| ours.address);
        let any = || self.addresses().map(|ours| ours.address).find(IpAddr::is_ipv6);
        let on_link = next_hop.is_ipv6() && is_link_local(next_hop);
        beside.or_else(|| if on_link { any() } else { None })
    }

    /// The address of ours that answers `remote` with an error: of its subnet, else of another one, else any; of its family,
    /// and no link-local one, which says nothing to a remote. Shared addresses come last: they are not this host alone.
    pub(super) fn source_for_errors(&self, remote: IpAddr) -> Option<IpAddr> {
        let family = Family::of(remote);
        let usable = self
            .addresses()
            .filter(|ours| Family::of(ours.address) == family && !is_link_local(ours.address));
        let rank = |ours: &&InterfaceAddress| (ours.subnet().contains(remote), !ours.subnet().is_host());
        usable.max_by_key(rank).map(|ours| ours.address)
    }
}

/// Whether it is the first address of the subnet, or of an IPv4 one the last; a subnet of one or two addresses has none.
fn ends(ours: &InterfaceAddress, address: IpAddr) -> bool {
    let subnet = ours.subnet();
    let small = subnet.length() >= subnet.family().bits().saturating_sub(1);
    let last = match (subnet.address(), address) {
        (IpAddr::V4(first), IpAddr::V4(address)) => {
            let hosts = u32::MAX.checked_shr(u32::from(subnet.length())).unwrap_or(0);
            first.to_bits() | hosts == address.to_bits()
        }
        _ => false,
    };
    !small && (last || subnet.address() == address)
}
