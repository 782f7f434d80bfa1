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
        let end = message.room().checked_sub(kept).filter(|&end| end >= message.at())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits;
    use crate::base::net::Families;
    use crate::base::rand::Rand;
    use crate::wire::attribute::Origin;
    use crate::wire::community::{Community, LargeCommunity};
    use crate::wire::header::{HEADER, peel};
    use crate::wire::next_hop::NextHop;
    use crate::wire::update::{Context, Update};
    use crate::wire::verdict::Verdict;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use std::vec::Vec;

    const CONTEXT: Context =
        Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };

    fn any_attributes(rand: &mut Rand, family: Family) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.origin = [Origin::Igp, Origin::Egp, Origin::Incomplete][rand.next() as usize % 3];
        for _ in 0..rand.next() as usize % (limits::AS_PATH + 1) {
            attributes.as_path.push(Asn((rand.next() >> (rand.next() % 24)).max(1))).unwrap();
        }
        for _ in 0..rand.next() as usize % (limits::COMMUNITIES + 1) {
            attributes.communities.push(Community(rand.next())).unwrap();
        }
        for _ in 0..rand.next() as usize % (limits::COMMUNITIES + 1) {
            attributes
                .large_communities
                .push(LargeCommunity::new(rand.next(), rand.next(), rand.next()))
                .unwrap();
        }
        attributes.med = rand.next().is_multiple_of(2).then(|| rand.next());
        attributes.local_pref = rand.next().is_multiple_of(2).then(|| rand.next());
        let global = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(rand.next()));
        attributes.next_hop = match rand.next() % 3 {
            0 if family == Family::Ipv4 => {
                NextHop::new(Ipv4Addr::from_bits(0xC000_0200 | rand.next() & 0xFF).into())
            }
            1 => NextHop {
                global: global.into(),
                link_local: Ipv6Addr::from_bits(0xFE80 << 112 | u128::from(rand.next())),
            },
            _ => NextHop::new(global.into()),
        };
        attributes
    }

    fn any_prefix(rand: &mut Rand, family: Family) -> Prefix {
        let number = (0..4).fold(0_u128, |all, _| all << 32 | u128::from(rand.next()));
        let bits = (rand.next() % (u32::from(family.bits()) + 1)) as u8;
        let address = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        };
        Prefix::new(address, bits).unwrap()
    }

    /// What the view shows, as values to send again.
    fn values(update: &Update<'_>, family: Family) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.origin = update.origin().unwrap();
        for asn in update.as_path().segments().flat_map(|segment| segment.asns()) {
            attributes.as_path.push(asn).unwrap();
        }
        attributes.communities.extend(update.communities());
        attributes.large_communities.extend(update.large_communities());
        (attributes.med, attributes.local_pref) = (update.med(), update.local_pref());
        attributes.next_hop = update.next_hop(family).unwrap();
        attributes
    }

    fn write(attributes: &Attributes, family: Family, prefixes: &[Prefix], as4: bool) -> Vec<u8> {
        let mut buffer = [0xAA; limits::MESSAGE];
        let mut writer = UpdateWriter::announce(&mut buffer, family, attributes, as4).unwrap();
        assert!(prefixes.iter().all(|&prefix| writer.push(prefix)));
        let length = writer.finish();
        buffer[..length].to_vec()
    }

    #[test]
    fn what_is_announced_is_read_back_and_written_the_same() {
        let mut rand = Rand::new(1);
        for round in 0..600 {
            let family = Family::ALL[round % 2];
            let as4 = !rand.next().is_multiple_of(3);
            let attributes = any_attributes(&mut rand, family);
            let prefixes: Vec<Prefix> =
                (0..=rand.next() % 40).map(|_| any_prefix(&mut rand, family)).collect();
            let message = write(&attributes, family, &prefixes, as4);
            let frame = peel(&message).unwrap().unwrap();
            assert_eq!(frame.length, message.len());
            // LOCAL_PREF is for internal peers: from an external one it is discarded, and nothing else is.
            let update = Update::read(frame.body, Context { ebgp: false, as4, ..CONTEXT });
            let whole = attributes.local_pref.is_some();
            assert_eq!(update.verdict(), if whole { Verdict::Accept } else { Verdict::TreatAsWithdraw });
            let outside = Update::read(frame.body, Context { as4, ..CONTEXT }).verdict();
            assert_eq!(outside, if whole { Verdict::DiscardAttribute } else { Verdict::Accept });
            assert!(update.announced().eq(prefixes.iter().copied()));
            assert_eq!(values(&update, family), attributes);
            assert_eq!(write(&values(&update, family), family, &prefixes, as4), message);
        }
    }

    #[test]
    fn a_full_message_is_filled_to_what_fits_and_not_one_octet_more() {
        let mut rand = Rand::new(2);
        for round in 0..200 {
            let family = Family::ALL[round % 2];
            let attributes = any_attributes(&mut rand, family);
            let mut buffer = [0; limits::MESSAGE + 100];
            let mut writer = UpdateWriter::announce(&mut buffer, family, &attributes, true).unwrap();
            let mut prefixes = Vec::new();
            let refused = loop {
                let prefix = any_prefix(&mut rand, family);
                if !writer.push(prefix) {
                    break prefix;
                }
                prefixes.push(prefix);
            };
            let length = writer.finish();
            assert!(length <= limits::MESSAGE);
            assert!(length + 1 + usize::from(refused.length().div_ceil(8)) > limits::MESSAGE);
            let frame = peel(&buffer[..length]).unwrap().unwrap();
            let update = Update::read(frame.body, CONTEXT);
            assert!(update.announced().eq(prefixes));
            assert_eq!(values_without_local_pref(&attributes), values(&update, family));
        }
    }

    fn values_without_local_pref(attributes: &Attributes) -> Attributes {
        Attributes { local_pref: None, ..attributes.clone() }
    }

    #[test]
    fn withdrawals_are_read_back_and_fill_the_message() {
        let mut rand = Rand::new(3);
        for family in Family::ALL {
            let mut buffer = [0; limits::MESSAGE];
            let mut writer = UpdateWriter::withdraw(&mut buffer, family).unwrap();
            let mut prefixes = Vec::new();
            let refused = loop {
                let prefix = any_prefix(&mut rand, family);
                if !writer.push(prefix) {
                    break prefix;
                }
                prefixes.push(prefix);
            };
            let length = writer.finish();
            assert!(length + 1 + usize::from(refused.length().div_ceil(8)) > limits::MESSAGE);
            let update = Update::read(&buffer[HEADER..length], CONTEXT);
            assert_eq!(update.verdict(), Verdict::Accept);
            assert!(update.withdrawn().eq(prefixes) && update.announced().next().is_none());
        }
    }

    #[test]
    fn end_of_rib_is_read_back_for_both_families() {
        for (family, length) in [(Family::Ipv4, 23), (Family::Ipv6, 29)] {
            let mut out = [0; 29];
            assert_eq!(write_end_of_rib(&mut out, family), Some(length));
            let update = Update::read(&out[HEADER..length], CONTEXT);
            assert_eq!((update.end_of_rib(), update.verdict()), (Some(family), Verdict::Accept));
            assert_eq!(write_end_of_rib(&mut out[..length - 1], family), None);
        }
    }

    #[test]
    fn the_bytes_of_a_shared_address_over_an_ipv6_next_hop_are_these() {
        let mut attributes = Attributes::new();
        attributes.as_path.push(Asn(65_000)).unwrap();
        attributes.large_communities.push(LargeCommunity::new(63_949, 1, 1)).unwrap();
        attributes.next_hop = NextHop::new("2001:db8::1".parse().unwrap());
        let prefix = Prefix::host("192.0.2.10".parse().unwrap());
        let expected = [
            &[0xFF; 16][..],
            &[0, 83, 2, 0, 0, 0, 60],
            &[
                0x90, 14, 0, 26, 0, 1, 1, 16, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32,
                192, 0, 2, 10,
            ],
            &[0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8],
            &[0xC0, 32, 12, 0, 0, 0xF9, 0xCD, 0, 0, 0, 1, 0, 0, 0, 1],
        ]
        .concat();
        let mut expected = expected;
        let length = u16::try_from(expected.len()).unwrap();
        expected[16..18].copy_from_slice(&length.to_be_bytes());
        expected[21..23].copy_from_slice(&(length - 23).to_be_bytes());
        assert_eq!(write(&attributes, Family::Ipv4, &[prefix], true), expected);
    }

    #[test]
    fn rfc7606_5_1_the_multiprotocol_attribute_stands_first_and_alone_has_the_next_hop() {
        let mut attributes = Attributes::new();
        attributes.next_hop = NextHop::new("2001:db8::1".parse().unwrap());
        for family in Family::ALL {
            let message = write(&attributes, family, &[any_prefix(&mut Rand::new(1), family)], true);
            let update = Update::read(&message[HEADER..], CONTEXT);
            let codes: Vec<u8> = update.attributes().map(|attribute| attribute.code).collect();
            assert_eq!(codes, [14, 1, 2]);
        }
        attributes.next_hop = NextHop::new("192.0.2.1".parse().unwrap());
        let message = write(&attributes, Family::Ipv4, &[Prefix::ZERO], true);
        let codes: Vec<u8> =
            Update::read(&message[HEADER..], CONTEXT).attributes().map(|it| it.code).collect();
        assert_eq!(codes, [1, 2, 3]);
        assert!(UpdateWriter::announce(&mut [0; 200], Family::Ipv6, &attributes, true).is_none());
    }

    #[test]
    fn rfc6793_4_2_2_an_old_speaker_is_told_as_trans_and_the_wide_path_beside_it() {
        let mut attributes = Attributes::new();
        attributes.as_path.extend([Asn(65_000), Asn(4_200_000_000)]);
        attributes.next_hop = NextHop::new("192.0.2.1".parse().unwrap());
        let message = write(&attributes, Family::Ipv4, &[Prefix::ZERO], false);
        let update = Update::read(&message[HEADER..], Context { as4: false, ..CONTEXT });
        let raw: Vec<_> = update.attributes().map(|it| (it.code, it.value.to_vec())).collect();
        assert_eq!(raw[1], (2, std::vec![2, 2, 0xFD, 0xE8, 0x5B, 0xA0]));
        assert_eq!(raw[3], (17, std::vec![2, 2, 0, 0, 0xFD, 0xE8, 0xFA, 0x56, 0xEA, 0]));
        // Numbers that all fit need no second path.
        attributes.as_path.pop();
        let message = write(&attributes, Family::Ipv4, &[Prefix::ZERO], false);
        let update = Update::read(&message[HEADER..], Context { as4: false, ..CONTEXT });
        assert_eq!(update.attributes().count(), 3);
    }

    #[test]
    fn what_does_not_fit_is_not_started_and_the_other_family_is_not_taken() {
        let attributes =
            Attributes { next_hop: NextHop::new("2001:db8::1".parse().unwrap()), ..Attributes::new() };
        let mut buffer = [0; 128];
        let mut smallest = 0;
        while UpdateWriter::announce(&mut buffer[..smallest], Family::Ipv4, &attributes, true).is_none() {
            smallest += 1;
        }
        let mut writer =
            UpdateWriter::announce(&mut buffer[..smallest], Family::Ipv4, &attributes, true).unwrap();
        assert!(!writer.push(Prefix::ZERO) && !writer.push(Prefix::host("::1".parse().unwrap())));
        assert_eq!(writer.finish(), smallest);
        for family in Family::ALL {
            for room in 0..34 {
                if let Some(writer) = UpdateWriter::withdraw(&mut buffer[..room], family) {
                    assert!(writer.finish() <= room);
                }
            }
        }
    }

    #[test]
    fn an_announcement_cut_or_changed_anywhere_still_gets_a_verdict() {
        let mut rand = Rand::new(9);
        for round in 0..300 {
            let family = Family::ALL[round % 2];
            let attributes = any_attributes(&mut rand, family);
            let prefixes: Vec<Prefix> = (0..8).map(|_| any_prefix(&mut rand, family)).collect();
            let mut message = write(&attributes, family, &prefixes, true);
            for cut in HEADER..message.len() {
                let update = Update::read(&message[HEADER..cut], CONTEXT);
                assert!(update.announced().count() <= 4_096);
            }
            for _ in 0..40 {
                let place = HEADER + rand.next() as usize % (message.len() - HEADER);
                message[place] = rand.next() as u8;
                let update = Update::read(&message[HEADER..], CONTEXT);
                let walked =
                    update.announced().count() + update.withdrawn().count() + update.communities().count();
                assert!(walked + update.as_path().length() <= 3 * message.len());
            }
        }
    }
}
