//! The two links, and the addresses on them.
//!
//! Configurations are pasted, and bind on `lo` what is shared; so a board has a `lo` too. The stack has one list of addresses:
//! what stands on `lo` is answered for on the wire as well, as Linux does it, but is not *announced* to the neighbours: both
//! machines of a pair hold it, and a route leads to the one that is active.

use core::net::{IpAddr, Ipv6Addr};

use holdover_core::base::net::{Family, InterfaceAddress};
use holdover_core::base::time::Instant;
use holdover_core::engine::{Bound, IoError, LinkId};
use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::Interface;
use smoltcp::wire::{IpAddress, IpCidr};

use crate::frame::announce::{ANNOUNCEMENT_INTERVAL, ANNOUNCEMENTS};

/// The Ethernet link.
pub(crate) const ETHERNET: LinkId = LinkId(1);
/// The link of what is only this host's.
pub(crate) const LOOPBACK: LinkId = LinkId(2);
/// Its name.
pub(crate) const LOOPBACK_NAME: &str = "lo";

/// The link that an address needs to be spoken of with.
pub(crate) const fn link_of(address: IpAddr) -> Option<LinkId> {
    match address {
        IpAddr::V6(six) if six.is_unicast_link_local() => Some(ETHERNET),
        _ => None,
    }
}

/// The link-local address that a link-layer address gives (RFC 4291 appendix A).
pub(crate) const fn link_local(mac: [u8; 6]) -> IpAddr {
    let [first, mac1, mac2, mac3, mac4, mac5] = mac;
    let [mac0, high, low] = [first ^ 2, 0xFF, 0xFE];
    IpAddr::V6(Ipv6Addr::from_octets([
        0xFE, 0x80, 0, 0, 0, 0, 0, 0, mac0, mac1, mac2, high, low, mac3, mac4, mac5,
    ]))
}

/// An address that is there.
#[derive(Clone, Copy, Debug)]
struct Held {
    link: LinkId,
    address: InterfaceAddress,
    /// How often it is still to be announced to the neighbours.
    announcements: u8,
    /// When next.
    announce_at: Instant,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Addresses {
    held: heapless::Vec<Held, IFACE_MAX_ADDR_COUNT>,
}

impl Addresses {
    pub(crate) const fn new() -> Self {
        Self { held: heapless::Vec::new() }
    }

    /// All addresses with their links.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, InterfaceAddress)> + '_ {
        self.held.iter().map(|held| (held.link, held.address))
    }

    /// The one at this place.
    pub(crate) fn get(&self, place: usize) -> Option<(LinkId, InterfaceAddress)> {
        self.held.get(place).map(|held| (held.link, held.address))
    }

    /// Whether this host has the address.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.held.iter().any(|held| held.address.address == address)
    }

    /// The address of ours on the subnet of a neighbour; one that is the host's own, not a shared one.
    pub(crate) fn beside(&self, neighbour: IpAddr) -> Option<IpAddr> {
        let near = |held: &&Held| is_own(held) && held.address.subnet().contains(neighbour);
        let longest = self.held.iter().filter(near).max_by_key(|held| held.address.length);
        longest.map(|held| held.address.address)
    }

    /// Adds an address.
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        link: LinkId,
        address: InterfaceAddress,
    ) -> Result<Bound, IoError> {
        let known = link == ETHERNET || link == LOOPBACK;
        let fits = (1..=Family::of(address.address).bits()).contains(&address.length);
        if !known || !fits || !IpAddress::from(address.address).is_unicast() || address.address.is_loopback()
        {
            return Err(IoError::AddressUnavailable);
        }
        if self.iter().any(|held| held == (link, address)) {
            return Ok(Bound::AlreadySo);
        }
        let announcements = if link == ETHERNET { ANNOUNCEMENTS } else { 0 };
        let held = Held { link, address, announcements, announce_at: now };
        self.held.push(held).map_err(|_| IoError::Exhausted)?;
        Ok(Bound::Done)
    }

    /// Removes an address.
    pub(crate) fn unbind(&mut self, link: LinkId, address: InterfaceAddress) -> Bound {
        let before = self.held.len();
        self.held.retain(|held| (held.link, held.address) != (link, address));
        if self.held.len() == before { Bound::AlreadySo } else { Bound::Done }
    }

    /// Announces everything anew: the cable may lead to another switch now.
    pub(crate) fn announce_all(&mut self, now: Instant) {
        for held in self.held.iter_mut().filter(|held| held.link == ETHERNET) {
            (held.announcements, held.announce_at) = (ANNOUNCEMENTS, now);
        }
    }

    /// The next address to be announced now.
    pub(crate) fn to_announce(&self, now: Instant) -> Option<IpAddr> {
        let due = |held: &&Held| held.announcements > 0 && held.announce_at <= now;
        self.held.iter().find(due).map(|held| held.address.address)
    }

    /// It was announced.
    pub(crate) fn announced(&mut self, now: Instant, address: IpAddr) {
        for held in self.held.iter_mut().filter(|held| held.address.address == address) {
            held.announcements = held.announcements.saturating_sub(1);
            held.announce_at = now + ANNOUNCEMENT_INTERVAL;
        }
    }

    /// When the next announcement is due.
    pub(crate) fn deadline(&self) -> Instant {
        let waiting = self.held.iter().filter(|held| held.announcements > 0);
        waiting.map(|held| held.announce_at).min().unwrap_or(Instant::FAR)
    }

    /// Tells the stack. It forgets its neighbours whenever it is told, so only when it must be.
    pub(crate) fn tell(&self, interface: &mut Interface) -> bool {
        let list = self.list();
        if interface.ip_addrs() == list.as_slice() {
            return false;
        }
        interface.update_ip_addrs(|addresses| {
            addresses.clear();
            for cidr in list {
                // It has as many places as ours.
                let _ = addresses.push(cidr);
            }
        });
        true
    }

    /// The list as the stack has it: the host's own first, for they are the source of what has no other; each address once.
    ///
    /// The stack takes for a source, of an ARP request or a neighbour solicitation too, the IPv6 address that has most of its
    /// *subnet's* bits in common with the destination. A shared /128 would win, and the answer go to whoever holds it at the
    /// moment; so where a shared address lies in a subnet of ours it has that subnet's length, and being later loses the tie.
    fn list(&self) -> heapless::Vec<IpCidr, IFACE_MAX_ADDR_COUNT> {
        let mut list = heapless::Vec::<IpCidr, IFACE_MAX_ADDR_COUNT>::new();
        let own = self.held.iter().filter(|held| is_own(held));
        for held in own.chain(self.held.iter().filter(|held| !is_own(held))) {
            let InterfaceAddress { address, length } = held.address;
            let around =
                self.held.iter().filter(|other| is_own(other) && other.address.subnet().contains(address));
            let length = match around.map(|other| other.address.length).max() {
                Some(around) => around,
                None if held.link == LOOPBACK => Family::of(address).bits(),
                None => length,
            };
            if !list.iter().any(|cidr| cidr.address() == address.into()) {
                let _ = list.push(IpCidr::new(address.into(), length));
            }
        }
        list
    }
}

/// Whether the address is this host's on a subnet, and not a shared one or one that stands alone.
fn is_own(held: &Held) -> bool {
    held.link == ETHERNET && held.address.length < Family::of(held.address.address).bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn at(address: &str, length: u8) -> InterfaceAddress {
        InterfaceAddress { address: address.parse().unwrap(), length }
    }

    #[test]
    fn a_link_layer_address_gives_the_link_local_one_of_the_rfc() {
        // RFC 4291 appendix A: 34-56-78-9A-BC-DE has the identifier 36-56-78-FF-FE-9A-BC-DE.
        let address = link_local([0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE]);
        assert_eq!(address.to_string(), "fe80::3656:78ff:fe9a:bcde");
        assert_eq!(link_of(address), Some(ETHERNET));
    }

    #[test]
    fn a_shared_address_is_never_the_longest_match_in_the_stacks_list() {
        let mut addresses = Addresses::new();
        for (link, address) in [
            (LOOPBACK, at("2001:db8::10", 128)),
            (ETHERNET, at("2001:db8::2", 64)),
            (LOOPBACK, at("198.51.100.1", 24)),
            (ETHERNET, at("2001:db8:9::1", 128)),
        ] {
            assert_eq!(addresses.bind(Instant::ZERO, link, address), Ok(Bound::Done));
        }
        let list: Vec<_> = addresses.list().iter().map(ToString::to_string).collect();
        assert_eq!(list, ["2001:db8::2/64", "2001:db8::10/64", "198.51.100.1/32", "2001:db8:9::1/128"]);
        assert_eq!(addresses.beside(at("2001:db8::99", 64).address), Some(at("2001:db8::2", 64).address));
        assert_eq!(addresses.beside(at("198.51.100.9", 24).address), None);
    }

    #[test]
    fn what_no_link_can_hold_and_what_finds_no_place_is_refused() {
        let mut addresses = Addresses::new();
        for address in [at("224.0.0.5", 32), at("0.0.0.0", 8), at("127.0.0.1", 8), at("192.0.2.1", 0)] {
            assert_eq!(addresses.bind(Instant::ZERO, ETHERNET, address), Err(IoError::AddressUnavailable));
        }
        assert!(addresses.bind(Instant::ZERO, LinkId(3), at("192.0.2.1", 24)).is_err());
        for last in 0..IFACE_MAX_ADDR_COUNT {
            let address = at(&std::format!("192.0.2.{}", last + 1), 24);
            assert_eq!(addresses.bind(Instant::ZERO, ETHERNET, address), Ok(Bound::Done));
            assert_eq!(addresses.bind(Instant::ZERO, ETHERNET, address), Ok(Bound::AlreadySo));
        }
        assert_eq!(addresses.bind(Instant::ZERO, ETHERNET, at("192.0.2.99", 24)), Err(IoError::Exhausted));
        assert_eq!(addresses.unbind(ETHERNET, at("192.0.2.1", 24)), Bound::Done);
        assert_eq!(addresses.unbind(ETHERNET, at("192.0.2.1", 24)), Bound::AlreadySo);
        assert_eq!(addresses.bind(Instant::ZERO, ETHERNET, at("192.0.2.99", 24)), Ok(Bound::Done));
    }
}
