//! The TCP MD5 signature (RFC 2385): made and checked on a segment as it stands in a frame.
//!
//! Section 2: the digest is over the pseudo-header, the TCP header without options and with a checksum of zero, the data,
//! and the key, in that order. Options are not covered: what changes them on the way is found by the checksum, which is
//! checked first, so that a damaged segment is not taken for a forged one.

use core::net::IpAddr;

use md5::{Digest, Md5};
use smoltcp::wire::{IpProtocol, checksum};

use super::bytes::{
    ETHERNET, IPV4, IPV6, TYPE_IPV4, ether_type, fill_ipv4_checksum, number, octets, put, put_slice,
};
use super::packet::{Packet, Part, TCP};

/// The option's kind and its length (section 3.0).
const KIND: u8 = 19;
const LENGTH: u8 = 18;
/// The option behind two no-operations, so that the digest lies on a boundary of four octets, as Linux writes it.
const PREFIX: [u8; 4] = [NO_OPERATION, NO_OPERATION, KIND, LENGTH];
/// Where the digest begins, from the options' first octet.
const DIGEST_AT: usize = 4;
/// What the option takes in all: by so much does a signed segment grow at most.
pub(super) const ROOM: usize = 20;
/// The option that tells the largest segment (RFC 9293 section 3.2).
const SEGMENT_SIZE: u8 = 2;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
/// "SACK permitted" and SACK (RFC 2018): what is left out where there is no room for everything. Without them the peer
/// sends again what was lost, and some of what was not.
const SPARED: [u8; 2] = [4, 5];
/// The TCP header without options, and the most that the options can take.
const HEADER: usize = 20;
const OPTIONS: usize = 40;

/// What is wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its header or an option claims what is not there.
    Malformed,
    /// Its TCP checksum is wrong.
    Corrupt,
    /// It has no signature, and needs one.
    Missing,
    /// It has a signature, and must not.
    Unexpected,
    /// Its signature is not the key's.
    Forged,
}

/// One option of a TCP header.
struct Opt<'s> {
    kind: u8,
    whole: &'s [u8],
}

/// The options as they come, no-operations left out; an error ends them.
struct Options<'s>(&'s [u8]);

impl<'s> Iterator for Options<'s> {
    type Item = Result<Opt<'s>, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&kind, rest) = self.0.split_first()?;
            match kind {
                END => return None,
                NO_OPERATION => self.0 = rest,
                _ => {
                    let length = rest.first().map_or(0, |&length| usize::from(length));
                    let Some((whole, rest)) = self.0.split_at_checked(length).filter(|_| length >= 2) else {
                        self.0 = &[];
                        return Some(Err(Wrong::Malformed));
                    };
                    self.0 = rest;
                    return Some(Ok(Opt { kind, whole }));
                }
            }
        }
    }
}

/// The signature of a segment, if it has one; the first when it has more.
fn find(options: &[u8]) -> Result<Option<[u8; 16]>, Wrong> {
    for option in Options(options) {
        let option = option?;
        if option.kind == KIND && option.whole.len() == usize::from(LENGTH) {
            return octets(option.whole, 2).map(Some).ok_or(Wrong::Malformed);
        }
    }
    Ok(None)
}

/// Where the first option of this kind begins.
fn find_at(options: &[u8], kind: u8) -> Option<usize> {
    let mut rest = Options(options);
    while let Some(Ok(option)) = rest.next() {
        if option.kind == kind {
            return options.len().checked_sub(rest.0.len())?.checked_sub(option.whole.len());
        }
    }
    None
}

/// The TCP header's length with its options.
fn header_length(segment: &[u8]) -> Option<usize> {
    let length = usize::from(segment.get(12)? >> 4) << 2;
    (HEADER..=segment.len()).contains(&length).then_some(length)
}

/// Whether a whole TCP segment is signed with `key`; or, without one, whether it has no signature.
pub(super) fn verify(frame: &[u8], packet: &Packet, key: Option<&[u8]>) -> Result<(), Wrong> {
    let segment = packet.body(frame).ok_or(Wrong::Malformed)?;
    let header = header_length(segment).ok_or(Wrong::Malformed)?;
    let found = find(segment.get(HEADER..header).ok_or(Wrong::Malformed)?)?;
    let (key, found) = match (key, found) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(Wrong::Unexpected),
        (Some(_), None) => return Err(Wrong::Missing),
        (Some(key), Some(found)) => (key, found),
    };
    if checksum::combine(&[pseudo_sum(packet), checksum::data(segment)]) != u16::MAX {
        return Err(Wrong::Corrupt);
    }
    let ours = digest(frame, packet, header, key).ok_or(Wrong::Malformed)?;
    // Every octet is looked at, so that the time taken does not say how many were right.
    let differ = ours.iter().zip(found).fold(0, |differ, (ours, theirs)| differ | (ours ^ theirs));
    if differ == 0 { Ok(()) } else { Err(Wrong::Forged) }
}

/// Signs the whole TCP segment in the first `length` octets of `frame` and fills in every length and checksum; returns the
/// frame's new length. `None` when the buffer has no room for it, or the frame is no such segment.
///
/// Options that the segment has stay as far as there is room for them behind the signature, those of selective
/// acknowledgement last. A signature that is there is replaced. No segment of smoltcp's has so many that they do not fit.
pub(super) fn sign(frame: &mut [u8], length: usize, key: &[u8]) -> Option<usize> {
    let mut packet = Packet::read(frame.get(..length)?)?;
    if packet.protocol != TCP || packet.part != Part::Whole {
        return None;
    }
    let segment = packet.body(frame)?;
    let (low_bits, old) = (segment.get(12)? & 0x0F, header_length(segment)?);
    let (options, room) = options_with_signature(segment.get(HEADER..old)?)?;
    let new = HEADER.saturating_add(room);
    let data = packet.body.checked_add(old)?..packet.end;
    let to = packet.body.checked_add(new)?;
    packet.end = to.checked_add(data.len())?;
    if packet.end > frame.len() {
        return None;
    }
    frame.copy_within(data, to);
    put_slice(frame, packet.body.checked_add(HEADER)?, options.get(..room)?)?;
    // The header's length in units of four octets, in the upper half of its octet.
    put(frame, packet.body.checked_add(12)?, [u8::try_from(new).ok()? << 2 | low_bits])?;
    set_length(frame, &packet)?;
    let digest = digest(frame, &packet, new, key)?;
    put(frame, packet.body.checked_add(HEADER)?.checked_add(DIGEST_AT)?, digest)?;
    fill_checksum(frame, &packet)?;
    Some(packet.end)
}

/// Writes the segment's checksum into its header.
fn fill_checksum(frame: &mut [u8], packet: &Packet) -> Option<()> {
    let at = packet.body.checked_add(16)?;
    put(frame, at, [0; 2])?;
    let sum = !checksum::combine(&[pseudo_sum(packet), checksum::data(packet.body(frame)?)]);
    put(frame, at, sum.to_be_bytes())
}

/// The options to send: the signature with a digest of zeros, then the old ones; and how many octets of it to send.
///
/// They stay as they are where all of them fit; where not, they are put in closer, without what only fills.
fn options_with_signature(old: &[u8]) -> Option<([u8; OPTIONS], usize)> {
    let mut options = [END; OPTIONS];
    put(&mut options, 0, PREFIX)?;
    let (mut signed, mut sound) = (false, true);
    Options(old).for_each(|option| match option {
        Ok(option) => signed |= option.kind == KIND,
        Err(_) => sound = false,
    });
    if !sound {
        return None;
    }
    if !signed && let Some(end) = put_slice(&mut options, ROOM, old) {
        return Some((options, end.next_multiple_of(4)));
    }
    let mut end = ROOM;
    for spared in [false, true] {
        for option in Options(old).flatten() {
            if option.kind != KIND && SPARED.contains(&option.kind) == spared {
                end = put_slice(&mut options, end, option.whole).unwrap_or(end);
            }
        }
    }
    Some((options, end.next_multiple_of(4)))
}

/// Lowers the segment size that a peer's SYN tells, so that what smoltcp builds to that size and is signed then is neither
/// longer than the peer takes nor than `mtu`, the longest frame (RFC 6691 section 3: the sender makes up for its own
/// options). The checksum is mended.
pub(super) fn leave_room(frame: &mut [u8], mtu: usize) -> Option<()> {
    const SYN: u8 = 2;
    let packet = Packet::read(frame)?;
    let segment = packet.body(frame)?;
    if segment.get(13)? & SYN == 0 {
        return None;
    }
    let at = find_at(segment.get(HEADER..header_length(segment)?)?, SEGMENT_SIZE)?;
    let at = packet.body.checked_add(HEADER)?.checked_add(at)?.checked_add(2)?;
    let headers =
        if packet.source.is_ipv4() { IPV4 } else { IPV6 }.saturating_add(const { ETHERNET + HEADER });
    let told = usize::from(number(frame, at)?);
    let less = told.min(mtu.saturating_sub(headers)).checked_sub(ROOM).filter(|&less| less != 0)?;
    put(frame, at, u16::try_from(less).ok()?.to_be_bytes())?;
    fill_checksum(frame, &packet)
}

/// Writes the packet's length into its IP header.
fn set_length(frame: &mut [u8], packet: &Packet) -> Option<()> {
    let from = if ether_type(frame)? == TYPE_IPV4 { ETHERNET } else { ETHERNET.saturating_add(IPV6) };
    let length = u16::try_from(packet.end.checked_sub(from)?).ok()?.to_be_bytes();
    if from == ETHERNET {
        put(frame, ETHERNET.saturating_add(2), length)?;
        fill_ipv4_checksum(frame, packet.body)
    } else {
        put(frame, ETHERNET.saturating_add(4), length)
    }
}

/// The sum over the pseudo-header.
fn pseudo_sum(packet: &Packet) -> u16 {
    let length = segment_length(packet);
    match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            checksum::pseudo_header_v4(&source, &destination, IpProtocol::Tcp, length)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            checksum::pseudo_header_v6(&source, &destination, IpProtocol::Tcp, length)
        }
        _ => 0, // a packet has one family
    }
}

/// The segment's length, its header included.
fn segment_length(packet: &Packet) -> u32 {
    u32::try_from(packet.end.saturating_sub(packet.body)).unwrap_or(u32::MAX)
}

/// The digest of the segment whose header has `header` octets.
///
/// The pseudo-header of IPv6 is that of RFC 8200 section 8.1, as every implementation has it; RFC 2385 knows IPv4 only.
fn digest(frame: &[u8], packet: &Packet, header: usize, key: &[u8]) -> Option<[u8; 16]> {
    let mut hash = Md5::new();
    let length @ [_, _, high, low] = segment_length(packet).to_be_bytes();
    match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            hash.update(source.octets());
            hash.update(destination.octets());
            hash.update([0, TCP, high, low]);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            hash.update(source.octets());
            hash.update(destination.octets());
            hash.update(length);
            hash.update([0, 0, 0, TCP]);
        }
        _ => return None,
    }
    let mut fixed: [u8; HEADER] = octets(frame, packet.body)?;
    put(&mut fixed, 16, [0; 2])?;
    hash.update(fixed);
    hash.update(frame.get(packet.body.checked_add(header)?..packet.end)?);
    hash.update(key);
    Some(hash.finalize().into())
}
