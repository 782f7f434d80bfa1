//! UPDATE as it is sent: attributes first, then as many prefixes as fit (RFC 4271 section 4.3, RFC 4760, RFC 7606 section
//! 5.1).
//!
//! IPv4 routes with an IPv4 next hop, and IPv4 withdrawals, use the body's own fields. Everything else stands in
//! MP_REACH_NLRI or MP_UNREACH_NLRI, the first attribute of its UPDATE, and there is no NEXT_HOP beside it.

use core::net::IpAddr;

use crate::base::net::{Asn, Family, Prefix};
use crate::wire::attribute::{Attributes, SegmentKind, flag};
use crate::wire::cursor::Writer;
use crate::wire::header::MessageType;
use crate::wire::nlri;
use crate::wire::verdict::code;

const WELL_KNOWN: u8 = flag::TRANSITIVE;
const OPTIONAL: u8 = flag::OPTIONAL;
const OPTIONAL_TRANSITIVE: u8 = flag::OPTIONAL | flag::TRANSITIVE;

/// Where the prefixes go, and what is to be filled in behind them.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// At the end of the body; all lengths stand.
    Body,
    /// In the body's withdrawn field.
    Withdrawn,
    /// In a multiprotocol attribute, whose length is at `length`; the other attributes wait at the end of the buffer.
    Attribute { length: usize, rest: usize },
}

/// Where the total attribute length stands in an UPDATE that withdraws nothing in its body.
const ATTRIBUTES_LENGTH: usize = 21;
/// Where the length of the withdrawn field stands.
const WITHDRAWN_LENGTH: usize = 19;

/// An UPDATE being filled.
#[derive(Debug)]
pub struct UpdateWriter<'b> {
    message: Writer<'b>,
    family: Family,
    layout: Layout,
    /// Prefixes end here.
    end: usize,
}

impl<'b> UpdateWriter<'b> {
    /// Starts an UPDATE that announces routes of `family` with `attributes`; `as4`: the peer speaks of 4-octet AS numbers
    /// (to one that does not, AS_TRANS and AS4_PATH tell them, RFC 6793 section 4.2.2). `None`: the attributes do not fit,
    /// or the next hop cannot be one of this family (IPv6 routes with an IPv4 next hop).
    pub fn announce(
        buffer: &'b mut [u8],
        family: Family,
        attributes: &Attributes,
        as4: bool,
    ) -> Option<Self> {
        let mut message = Writer::message(buffer, MessageType::Update)?;
        message.put([0, 0, 0, 0])?;
        if let (Family::Ipv4, IpAddr::V4(_)) = (family, attributes.next_hop.global) {
            write_attributes(&mut message, attributes, as4)?;
            message.patch_length(ATTRIBUTES_LENGTH)?;
            let end = message.room();
            return Some(Self { message, family, layout: Layout::Body, end });
        }
        let length = start_reach(&mut message, family, attributes)?;
        let start = message.at();
        write_attributes(&mut message, attributes, as4)?;
        let rest = message.set_aside(start)?;
        let end = message.room().checked_sub(rest)?;
        Some(Self { message, family, layout: Layout::Attribute { length, rest }, end })
    }

    /// Starts an UPDATE that withdraws routes of `family`. `None`: the buffer is too small for any.
    pub fn withdraw(buffer: &'b mut [u8], family: Family) -> Option<Self> {
        let mut message = Writer::message(buffer, MessageType::Update)?;
        message.put([0, 0])?;
        let (layout, kept) = match family {
            // Two octets are kept for the length of the attributes.
            Family::Ipv4 => (Layout::Withdrawn, 2),
            Family::Ipv6 => (Layout::Attribute { length: start_unreach(&mut message, family)?, rest: 0 }, 0),
        };
        let end = message.room().checked_sub(kept)?;
        Some(Self { message, family, layout, end })
    }

    /// Appends a prefix. `false`: it does not fit, or is of the other family, and nothing was written.
    #[inline]
    pub fn push(&mut self, prefix: Prefix) -> bool {
        if prefix.family() != self.family {
            return false;
        }
        let Some(room) = self.message.open_until(self.end) else { return false };
        let Some(octets) = nlri::write(prefix, room) else { return false };
        self.message.advance(octets);
        true
    }

    /// Completes the message; returns its length.
    pub fn finish(mut self) -> usize {
        // What was kept free while filling makes sure that this fits.
        let complete = self.complete();
        debug_assert!(complete.is_some());
        complete.and_then(|()| self.message.finish()).unwrap_or(0)
    }

    fn complete(&mut self) -> Option<()> {
        match self.layout {
            Layout::Body => Some(()),
            Layout::Withdrawn => {
                self.message.patch_length(WITHDRAWN_LENGTH)?;
                self.message.put([0, 0])
            }
            Layout::Attribute { length, rest } => {
                self.message.patch_length(length)?;
                self.message.bring_back(rest)?;
                self.message.patch_length(ATTRIBUTES_LENGTH)
            }
        }
    }
}

/// Writes the End-of-RIB of `family` (RFC 4724 section 2); returns the message's length. `None` when it does not fit.
pub fn write_end_of_rib(buffer: &mut [u8], family: Family) -> Option<usize> {
    let mut message = Writer::message(buffer, MessageType::Update)?;
    match family {
        Family::Ipv4 => message.put([0, 0, 0, 0])?,
        Family::Ipv6 => {
            let [high, low] = family.afi().to_be_bytes();
            message.put([0, 0, 0, 6, OPTIONAL, code::MP_UNREACH_NLRI, 3, high, low, 1])?;
        }
    }
    message.finish()
}

/// Writes MP_REACH_NLRI up to its prefixes, with a 2-octet length to be filled in; returns where that stands.
fn start_reach(message: &mut Writer<'_>, family: Family, attributes: &Attributes) -> Option<usize> {
    let IpAddr::V6(global) = attributes.next_hop.global else { return None };
    let [high, low] = family.afi().to_be_bytes();
    let length = message.at().checked_add(2)?;
    let flags = OPTIONAL | flag::EXTENDED_LENGTH;
    match attributes.next_hop.link_local() {
        None => {
            message.put([flags, code::MP_REACH_NLRI, 0, 0, high, low, 1, 16])?;
            message.put(global.octets())?;
        }
        Some(link_local) => {
            message.put([flags, code::MP_REACH_NLRI, 0, 0, high, low, 1, 32])?;
            message.put(global.octets())?;
            message.put(link_local.octets())?;
        }
    }
    message.put([0])?;
    Some(length)
}

/// Writes the total attribute length and MP_UNREACH_NLRI up to its prefixes; returns where its length stands.
fn start_unreach(message: &mut Writer<'_>, family: Family) -> Option<usize> {
    let [high, low] = family.afi().to_be_bytes();
    message.put([0, 0])?;
    let length = message.at().checked_add(2)?;
    message.put([OPTIONAL | flag::EXTENDED_LENGTH, code::MP_UNREACH_NLRI, 0, 0, high, low, 1])?;
    Some(length)
}

/// Writes all attributes but the multiprotocol ones, in the order of their type codes (RFC 4271 section 5).
fn write_attributes(message: &mut Writer<'_>, attributes: &Attributes, as4: bool) -> Option<()> {
    message.put([WELL_KNOWN, code::ORIGIN, 1, attributes.origin as u8])?;
    write_as_path(message, &attributes.as_path, as4)?;
    if let IpAddr::V4(next_hop) = attributes.next_hop.global {
        let [a, b, c, d] = next_hop.octets();
        message.put([WELL_KNOWN, code::NEXT_HOP, 4, a, b, c, d])?;
    }
    if let Some(med) = attributes.med {
        let [a, b, c, d] = med.to_be_bytes();
        message.put([OPTIONAL, code::MULTI_EXIT_DISC, 4, a, b, c, d])?;
    }
    if let Some(local_pref) = attributes.local_pref {
        let [a, b, c, d] = local_pref.to_be_bytes();
        message.put([WELL_KNOWN, code::LOCAL_PREF, 4, a, b, c, d])?;
    }
    if !attributes.communities.is_empty() {
        let length = attributes.communities.len().checked_mul(4)?;
        start_attribute(message, OPTIONAL_TRANSITIVE, code::COMMUNITIES, length)?;
        for community in &attributes.communities {
            message.put(community.0.to_be_bytes())?;
        }
    }
    if !as4 && attributes.as_path.iter().any(|&asn| narrow(asn).is_none()) {
        write_as4_path(message, &attributes.as_path)?;
    }
    if !attributes.large_communities.is_empty() {
        let length = attributes.large_communities.len().checked_mul(12)?;
        start_attribute(message, OPTIONAL_TRANSITIVE, code::LARGE_COMMUNITY, length)?;
        for community in &attributes.large_communities {
            message.put(community.global.to_be_bytes())?;
            message.put(community.local1.to_be_bytes())?;
            message.put(community.local2.to_be_bytes())?;
        }
    }
    Some(())
}

fn write_as_path(message: &mut Writer<'_>, path: &[Asn], as4: bool) -> Option<()> {
    if path.is_empty() {
        return message.put([WELL_KNOWN, code::AS_PATH, 0]);
    }
    let length = path.len().checked_mul(if as4 { 4 } else { 2 })?.checked_add(2)?;
    start_attribute(message, WELL_KNOWN, code::AS_PATH, length)?;
    message.put([SegmentKind::Sequence as u8, u8::try_from(path.len()).ok()?])?;
    for &asn in path {
        if as4 {
            message.put(asn.0.to_be_bytes())?;
        } else {
            message.put(narrow(asn).unwrap_or(TRANS).to_be_bytes())?;
        }
    }
    Some(())
}

fn write_as4_path(message: &mut Writer<'_>, path: &[Asn]) -> Option<()> {
    let length = path.len().checked_mul(4)?.checked_add(2)?;
    start_attribute(message, OPTIONAL_TRANSITIVE, code::AS4_PATH, length)?;
    message.put([SegmentKind::Sequence as u8, u8::try_from(path.len()).ok()?])?;
    for asn in path {
        message.put(asn.0.to_be_bytes())?;
    }
    Some(())
}

/// Writes flags, type and length, in two octets where one is too few.
#[inline]
fn start_attribute(message: &mut Writer<'_>, flags: u8, code: u8, length: usize) -> Option<()> {
    if let Ok(length) = u8::try_from(length) {
        return message.put([flags, code, length]);
    }
    let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
    message.put([flags | flag::EXTENDED_LENGTH, code, high, low])
}

const TRANS: u16 = 23_456;

/// The AS number in two octets, when it fits.
#[inline]
fn narrow(asn: Asn) -> Option<u16> {
    u16::try_from(asn.0).ok()
}
