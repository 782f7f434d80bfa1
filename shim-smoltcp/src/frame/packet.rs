//! Where things lie in an Ethernet frame that carries IP.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{
    ETHERNET, IPV4, IPV6, TYPE_IPV4, TYPE_IPV6, ether_type, fill_ipv4_checksum, number, octets, put,
};

/// Protocol numbers that this code knows.
pub(super) const ICMP: u8 = 1;
/// See [`ICMP`].
pub(super) const TCP: u8 = 6;
/// See [`ICMP`].
pub(super) const UDP: u8 = 17;
/// See [`ICMP`].
pub(super) const ICMPV6: u8 = 58;

/// The two bits of an IPv4 header's flags and offset, or of a fragment header's, that say where a fragment lies.
const V4_OFFSET: u16 = 0x1FFF;
const V4_MORE: u16 = 0x2000;
const V6_OFFSET: u16 = 0xFFF8;
const V6_MORE: u16 = 0x0001;

/// A header claims what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Whether a packet is a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is.
    Whole,
    /// The first fragment: the upper layer's header is there.
    First,
    /// A later one: it is not.
    Later,
}

impl Part {
    fn of(offset: bool, more: bool) -> Self {
        match (offset, more) {
            (false, false) => Self::Whole,
            (false, true) => Self::First,
            (true, _) => Self::Later,
        }
    }
}

/// What an IPv4 or IPv6 header says, and where the parts lie in the frame. The header's lengths were checked against the
/// frame's, its checksum was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Who sent it.
    pub(super) source: IpAddr,
    /// Whom it is for.
    pub(super) destination: IpAddr,
    /// Its TTL or hop limit.
    pub(super) hop_limit: u8,
    /// What lies at `body`: the last "next header" of an IPv6 packet that could be followed.
    pub(super) protocol: u8,
    /// Whether it is a fragment.
    pub(super) part: Part,
    /// Where the upper layer begins, from the frame's first octet.
    pub(super) body: usize,
    /// Where the packet ends; what follows is padding.
    pub(super) end: usize,
}

impl Packet {
    /// Reads the frame's IP header; `None` when it has none, or one that lies.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        match ether_type(frame)? {
            TYPE_IPV4 => Self::read_ipv4(frame),
            TYPE_IPV6 => Self::read_ipv6(frame),
            _ => None,
        }
    }

    fn read_ipv4(frame: &[u8]) -> Option<Self> {
        let head: [u8; IPV4] = octets(frame, ETHERNET)?;
        let [first, _, long, short, _, _, flags, offset, hop_limit, protocol, _, _, ..] = head;
        let header = usize::from((first & 0x0F) << 2);
        let body = ETHERNET.saturating_add(header);
        let end = ETHERNET.saturating_add(usize::from(u16::from_be_bytes([long, short])));
        if first >> 4 != 4 || header < IPV4 || end < body || frame.len() < end {
            return None;
        }
        let place = u16::from_be_bytes([flags, offset]);
        Some(Self {
            source: IpAddr::V4(Ipv4Addr::from_octets(octets(&head, 12)?)),
            destination: IpAddr::V4(Ipv4Addr::from_octets(octets(&head, 16)?)),
            hop_limit,
            protocol,
            part: Part::of(place & V4_OFFSET != 0, place & V4_MORE != 0),
            body,
            end,
        })
    }

    fn read_ipv6(frame: &[u8]) -> Option<Self> {
        let head: [u8; IPV6] = octets(frame, ETHERNET)?;
        let [first, _, _, _, long, short, next, hop_limit, ..] = head;
        let body = ETHERNET.saturating_add(IPV6);
        let end = body.saturating_add(usize::from(u16::from_be_bytes([long, short])));
        if first >> 4 != 6 || frame.len() < end {
            return None;
        }
        let mut packet = Self {
            source: IpAddr::V6(Ipv6Addr::from_octets(octets(&head, 8)?)),
            destination: IpAddr::V6(Ipv6Addr::from_octets(octets(&head, 24)?)),
            hop_limit,
            protocol: next,
            part: Part::Whole,
            body,
            end,
        };
        while packet.part != Part::Later {
            let Some(length) = packet.skip(frame).ok()? else { break };
            packet.protocol = *frame.get(packet.body)?;
            packet.body = packet.body.checked_add(length)?;
            if packet.body > packet.end {
                return None;
            }
        }
        Some(packet)
    }

    /// The length of the extension header at `body`, never 0 (RFC 8200 section 4); `None`: there is none, the upper layer
    /// begins. A fragment header is taken note of.
    fn skip(&mut self, frame: &[u8]) -> Result<Option<usize>, Malformed> {
        let units =
            || frame.get(self.body.saturating_add(1)).map(|&units| usize::from(units)).ok_or(Malformed);
        Ok(match self.protocol {
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => Some(units()?.saturating_add(1) << 3),
            // Fragment.
            44 => {
                let place = number(frame, self.body.saturating_add(2)).ok_or(Malformed)?;
                if self.part == Part::Whole {
                    self.part = Part::of(place & V6_OFFSET != 0, place & V6_MORE != 0);
                }
                Some(8)
            }
            // Authentication header, in units of 4 octets (RFC 4302 section 2.2).
            51 => Some(units()?.saturating_add(2) << 2),
            _ => None,
        })
    }

    /// Gives the packet another TTL or hop limit, and an IPv4 header the checksum that goes with it.
    pub(super) fn set_hop_limit(&self, frame: &mut [u8], hop_limit: u8) -> Option<()> {
        if self.source.is_ipv4() {
            put(frame, ETHERNET.saturating_add(8), [hop_limit])?;
            fill_ipv4_checksum(frame, self.body)
        } else {
            put(frame, ETHERNET.saturating_add(7), [hop_limit])
        }
    }

    /// The upper layer's octets.
    pub(super) fn body<'f>(&self, frame: &'f [u8]) -> Option<&'f [u8]> {
        frame.get(self.body..self.end)
    }

    /// The source and destination port of a TCP or UDP packet whose header is there.
    pub(super) fn ports(&self, frame: &[u8]) -> Option<[u16; 2]> {
        if self.part == Part::Later || !matches!(self.protocol, TCP | UDP) {
            return None;
        }
        let body = self.body(frame)?;
        Some([number(body, 0)?, number(body, 2)?])
    }
}
