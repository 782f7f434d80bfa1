//! The wires: segments that carry frames between hosts, and whether a packet gets from one to another.

use std::net::IpAddr;

use holdover_core::base::net::InterfaceAddress;
use holdover_core::engine::LinkId;

use super::world::World;

/// A broadcast domain.
#[derive(Clone, Debug)]
pub struct Segment {
    /// How long a frame takes, in microseconds.
    pub delay: u64,
    /// Other segments that routers join to this one, one hop away each.
    pub joined: Vec<usize>,
}

/// A link of a host.
#[derive(Clone, Debug)]
pub struct Nic {
    pub id: LinkId,
    pub name: String,
    /// The segment it is plugged into; none for `lo`.
    pub segment: Option<usize>,
    /// Administratively up and with a carrier.
    pub up: bool,
    /// Frames towards the host get lost, and nobody notices.
    pub deaf: bool,
    /// Frames from the host get lost, and nobody notices.
    pub mute: bool,
}

/// An address on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub link: LinkId,
    pub address: InterfaceAddress,
    /// Whether it bears Holdover's mark in the kernel.
    pub marked: bool,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// The sender's own kernel refuses: no link, no route.
    NoRoute,
    /// It is lost on the way.
    Lost,
    /// The segment has nobody with that address.
    Nobody,
    /// It arrives.
    To {
        /// At this host.
        host: usize,
        /// Over this many routers.
        hops: u8,
        /// After this many microseconds.
        delay: u64,
    },
}

impl World {
    /// The way of a packet from `from` to the address `to`, optionally by one link only.
    pub fn path(&self, from: usize, via: Option<LinkId>, to: IpAddr) -> Path {
        let host = &self.hosts[from];
        if host.addresses.iter().any(|held| held.address.address == to) && via.is_none() {
            return Path::To { host: from, hops: 0, delay: 1 };
        }
        let Some(nic) = self.leaving(from, via, to) else { return Path::NoRoute };
        let nic = &host.nics[nic];
        let Some(start) = nic.segment.filter(|_| nic.up) else { return Path::NoRoute };
        if nic.mute {
            return Path::Lost;
        }
        let mut seen = vec![start];
        let mut ring = vec![start];
        let (mut hops, mut delay) = (0, 0);
        while !ring.is_empty() {
            for &segment in &ring {
                match self.owner_on(segment, to, from) {
                    None => {}
                    Some((_, true)) => return Path::Lost,
                    Some((owner, false)) => {
                        return Path::To { host: owner, hops, delay: delay + self.segments[segment].delay };
                    }
                }
            }
            if !host.has_gateway {
                break;
            }
            delay += ring.iter().map(|&segment| self.segments[segment].delay).max().unwrap_or(0);
            hops += 1;
            ring = ring.iter().flat_map(|&segment| self.segments[segment].joined.clone()).collect();
            ring.retain(|segment| !seen.contains(segment));
            seen.extend(&ring);
        }
        Path::Nobody
    }

    /// The link that packets to `to` leave by.
    pub fn leaving(&self, from: usize, via: Option<LinkId>, to: IpAddr) -> Option<usize> {
        let host = &self.hosts[from];
        if let Some(link) = via {
            return host.nics.iter().position(|nic| nic.id == link);
        }
        let on_link = |held: &&Held| {
            let bits = if held.address.address.is_ipv4() { 32 } else { 128 };
            held.address.length < bits && held.address.subnet().contains(to)
        };
        if let Some(held) = host.addresses.iter().find(on_link) {
            return host.nics.iter().position(|nic| nic.id == held.link);
        }
        if host.has_gateway { host.nics.iter().position(|nic| nic.segment.is_some()) } else { None }
    }

    /// Who on `segment` answers for `to`, and whether the frame is lost on the last bit of wire.
    fn owner_on(&self, segment: usize, to: IpAddr, except: usize) -> Option<(usize, bool)> {
        self.hosts.iter().enumerate().find_map(|(index, host)| {
            let nic = host.nics.iter().find(|nic| nic.segment == Some(segment) && nic.up)?;
            let owns = index != except
                && host.powered
                && host.addresses.iter().any(|held| held.address.address == to && held.link == nic.id);
            owns.then_some((index, nic.deaf))
        })
    }

    /// The source address for packets to `to`: a usual address first, never one that Holdover bound.
    pub fn source_for(&self, from: usize, via: Option<LinkId>, to: IpAddr) -> Option<IpAddr> {
        let host = &self.hosts[from];
        let link = host.nics[self.leaving(from, via, to)?].id;
        let local = super::host::is_link_local(to);
        host.addresses
            .iter()
            .filter(|held| held.link == link && !held.marked)
            .map(|held| held.address.address)
            .find(|own| own.is_ipv4() == to.is_ipv4() && super::host::is_link_local(*own) == local)
    }
}
