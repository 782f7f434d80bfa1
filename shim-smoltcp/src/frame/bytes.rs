//! Reading and writing numbers in a frame: both refuse instead of reaching beyond, and building a frame from its parts.

use core::net::{Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{IpProtocol, checksum};

use super::Mac;

/// The Ethernet header's length.
pub(super) const ETHERNET: usize = 14;
/// The shortest IPv4 header's length, and that of every one written here.
pub(super) const IPV4: usize = 20;
/// The IPv6 header's length.
pub(super) const IPV6: usize = 40;

/// EtherTypes.
pub(super) const TYPE_IPV4: u16 = 0x0800;
/// See [`TYPE_IPV4`].
pub(super) const TYPE_ARP: u16 = 0x0806;
/// See [`TYPE_IPV4`].
pub(super) const TYPE_IPV6: u16 = 0x86DD;

/// The `N` octets at `at`.
#[inline]
pub(super) fn octets<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The number in the two octets at `at`.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u16> {
    octets(bytes, at).map(u16::from_be_bytes)
}

/// Writes `octets` at `at`.
#[inline]
pub(super) fn put<const N: usize>(bytes: &mut [u8], at: usize, octets: [u8; N]) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut::<N>()? = octets;
    Some(())
}

/// Writes `octets`, as many as there are, at `at`; returns where they end.
#[inline]
pub(super) fn put_slice(bytes: &mut [u8], at: usize, octets: &[u8]) -> Option<usize> {
    let end = at.checked_add(octets.len())?;
    bytes.get_mut(at..end)?.copy_from_slice(octets);
    Some(end)
}

/// The EtherType of a frame.
#[inline]
pub(super) fn ether_type(frame: &[u8]) -> Option<u16> {
    number(frame, 12)
}

/// Whom a frame is for.
#[inline]
pub(super) fn destination(frame: &[u8]) -> Option<Mac> {
    octets(frame, 0).map(smoltcp::wire::EthernetAddress)
}

/// Whom a frame is from.
#[inline]
pub(super) fn source(frame: &[u8]) -> Option<Mac> {
    octets(frame, 6).map(smoltcp::wire::EthernetAddress)
}

/// Writes an Ethernet header; returns where it ends.
pub(super) fn put_ethernet(frame: &mut [u8], to: Mac, from: Mac, ether_type: u16) -> Option<usize> {
    put(frame, 0, to.0)?;
    put(frame, 6, from.0)?;
    put(frame, 12, ether_type.to_be_bytes())?;
    Some(ETHERNET)
}

/// Fills in the checksum of the IPv4 header from `ETHERNET` to `end`.
pub(super) fn fill_ipv4_checksum(frame: &mut [u8], end: usize) -> Option<()> {
    const AT: usize = ETHERNET + 10;
    put(frame, AT, [0; 2])?;
    let sum = !checksum::data(frame.get(ETHERNET..end)?);
    put(frame, AT, sum.to_be_bytes())
}

/// Both ends of a packet that is built here, and how it goes.
#[derive(Clone, Copy)]
pub(super) struct Ends<A> {
    /// The link-layer address it goes to.
    pub(super) to: Mac,
    /// Ours.
    pub(super) from: Mac,
    /// The sender's address.
    pub(super) source: A,
    /// The receiver's.
    pub(super) destination: A,
    /// TTL or hop limit.
    pub(super) hop_limit: u8,
}

/// A frame with an ICMP message of these parts, its checksum filled in; returns its length.
///
/// Its IPv4 header says precedence 6, internetwork control (RFC 1812 section 4.3.2.5), and "don't fragment", which makes
/// an identification of 0 a valid one (RFC 6864 section 4.1).
pub(super) fn build_icmp4(frame: &mut [u8], ends: Ends<Ipv4Addr>, parts: [&[u8]; 2]) -> Option<usize> {
    let body = ETHERNET.saturating_add(IPV4);
    let end = build_body(frame, body, parts)?;
    let [high, low] = u16::try_from(end.checked_sub(ETHERNET)?).ok()?.to_be_bytes();
    put_ethernet(frame, ends.to, ends.from, TYPE_IPV4)?;
    put(frame, ETHERNET, [0x45, 0xC0, high, low, 0, 0, 0x40, 0, ends.hop_limit, 1, 0, 0])?;
    put(frame, ETHERNET.saturating_add(12), ends.source.octets())?;
    put(frame, ETHERNET.saturating_add(16), ends.destination.octets())?;
    fill_ipv4_checksum(frame, body)?;
    let sum = !checksum::data(frame.get(body..end)?);
    put(frame, body.saturating_add(2), sum.to_be_bytes())?;
    Some(end)
}

/// The same over IPv6 (RFC 4443 section 2.3: the checksum is over the pseudo-header too).
pub(super) fn build_icmp6(frame: &mut [u8], ends: Ends<Ipv6Addr>, parts: [&[u8]; 2]) -> Option<usize> {
    let body = ETHERNET.saturating_add(IPV6);
    let end = build_body(frame, body, parts)?;
    let length = u16::try_from(end.checked_sub(body)?).ok()?;
    let [high, low] = length.to_be_bytes();
    put_ethernet(frame, ends.to, ends.from, TYPE_IPV6)?;
    put(frame, ETHERNET, [0x60, 0, 0, 0, high, low, IpProtocol::Icmpv6.into(), ends.hop_limit])?;
    put(frame, ETHERNET.saturating_add(8), ends.source.octets())?;
    put(frame, ETHERNET.saturating_add(24), ends.destination.octets())?;
    let pseudo =
        checksum::pseudo_header_v6(&ends.source, &ends.destination, IpProtocol::Icmpv6, u32::from(length));
    let sum = !checksum::combine(&[pseudo, checksum::data(frame.get(body..end)?)]);
    put(frame, body.saturating_add(2), sum.to_be_bytes())?;
    Some(end)
}

/// Writes the parts one behind the other, the checksum's place (the third and fourth octet) as zeros.
fn build_body(frame: &mut [u8], body: usize, parts: [&[u8]; 2]) -> Option<usize> {
    let [head, rest] = parts;
    let end = put_slice(frame, body, head)?;
    let end = put_slice(frame, end, rest)?;
    put(frame, body.saturating_add(2), [0; 2])?;
    Some(end)
}
