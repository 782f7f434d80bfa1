//! Ways to other subnets, for what this host sends itself: the configuration's routes with a gateway.

use core::net::IpAddr;

use holdover_core::base::net::{Family, Prefix};
use holdover_core::engine::IoError;
use smoltcp::config::IFACE_MAX_ROUTE_COUNT;
use smoltcp::iface::{Interface, Route};
use smoltcp::wire::IpCidr;

use crate::address::Addresses;

/// The routes.
#[derive(Debug)]
pub(crate) struct Gateways {
    known: heapless::Vec<(Prefix, IpAddr), IFACE_MAX_ROUTE_COUNT>,
}

impl Gateways {
    pub(crate) const fn new() -> Self {
        Self { known: heapless::Vec::new() }
    }

    /// Every gateway.
    pub(crate) fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.known.iter().map(|(_, gateway)| *gateway)
    }

    /// Sets the gateway of a prefix, in the place of an earlier one.
    pub(crate) fn insert(
        &mut self,
        interface: &mut Interface,
        prefix: Prefix,
        gateway: IpAddr,
    ) -> Result<(), IoError> {
        // The stack resolves a gateway by its own family; one of the other family serves forwarding only.
        if Family::of(gateway) != prefix.family() {
            return Err(IoError::Unsupported);
        }
        self.keep(prefix, gateway)?;
        self.tell(interface);
        Ok(())
    }

    /// Longest prefixes first: the stack takes the one that fits best, or the first.
    fn keep(&mut self, prefix: Prefix, gateway: IpAddr) -> Result<(), IoError> {
        if let Some(place) = self.known.iter_mut().find(|(known, _)| *known == prefix) {
            place.1 = gateway;
            return Ok(());
        }
        let shorter = self.known.iter().position(|(known, _)| known.length() < prefix.length());
        let place = shorter.unwrap_or(self.known.len());
        self.known.insert(place, (prefix, gateway)).map_err(|_| IoError::Exhausted)
    }

    /// Takes a prefix out.
    pub(crate) fn remove(&mut self, interface: &mut Interface, prefix: Prefix) {
        let before = self.known.len();
        self.known.retain(|(known, _)| *known != prefix);
        if self.known.len() != before {
            self.tell(interface);
        }
    }

    fn tell(&mut self, interface: &mut Interface) {
        interface.routes_mut().update(|routes| {
            routes.clear();
            for (prefix, gateway) in &self.known {
                let cidr = IpCidr::new(prefix.address().into(), prefix.length());
                // It has as many places as ours.
                let _ = routes.push(Route {
                    cidr,
                    via_router: (*gateway).into(),
                    preferred_until: None,
                    expires_at: None,
                });
            }
        });
    }

    /// The neighbour that a packet to this address goes to; `None`: there is no way.
    pub(crate) fn next_hop(&self, addresses: &Addresses, to: IpAddr) -> Option<IpAddr> {
        if addresses.beside(to).is_some() {
            return Some(to);
        }
        self.known.iter().find(|(prefix, _)| prefix.contains(to)).map(|(_, gateway)| *gateway)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_leads_and_a_neighbour_needs_none() {
        let prefix = |text: &str, length| Prefix::new(text.parse().unwrap(), length).unwrap();
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let mut gateways = Gateways::new();
        for (to, length, gateway) in
            [("0.0.0.0", 0, "10.0.0.1"), ("192.0.2.0", 24, "10.0.0.2"), ("192.0.0.0", 16, "10.0.0.3")]
        {
            gateways.keep(prefix(to, length), address(gateway)).unwrap();
        }
        let mut addresses = Addresses::new();
        let own = holdover_core::base::net::InterfaceAddress { address: address("10.0.0.9"), length: 24 };
        addresses.bind(holdover_core::base::time::Instant::ZERO, crate::address::ETHERNET, own).unwrap();
        let hop = |to: &str| gateways.next_hop(&addresses, address(to));
        assert_eq!(hop("10.0.0.77"), Some(address("10.0.0.77")));
        assert_eq!(hop("192.0.2.1"), Some(address("10.0.0.2")));
        assert_eq!(hop("192.0.9.1"), Some(address("10.0.0.3")));
        assert_eq!(hop("8.8.8.8"), Some(address("10.0.0.1")));
        assert_eq!(hop("2001:db8::1"), None);
    }
}
