//! The values of path attributes: views of those received, and the set that is sent (RFC 4271 section 5; RFC 6793; 5065).

use core::net::Ipv4Addr;

use heapless::Vec;

use crate::base::limits;
use crate::base::net::{Asn, BgpId};
use crate::wire::community::{Community, LargeCommunity};
use crate::wire::cursor::whole_u32;
use crate::wire::next_hop::NextHop;

/// The bits of an attribute's flags octet (RFC 4271 section 4.3).
pub mod flag {
    /// Optional; clear: well-known.
    pub const OPTIONAL: u8 = 0x80;
    /// Transitive.
    pub const TRANSITIVE: u8 = 0x40;
    /// Partial: somebody on the way did not know it.
    pub const PARTIAL: u8 = 0x20;
    /// The length has two octets.
    pub const EXTENDED_LENGTH: u8 = 0x10;
}

/// Where a route comes from (RFC 4271 section 5.1.1). Lower is preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Origin {
    /// Interior to the originating AS.
    #[default]
    Igp = 0,
    /// Learned by EGP (RFC 904).
    Egp = 1,
    /// Learned by some other means.
    Incomplete = 2,
}

impl Origin {
    /// The origin with this code.
    #[inline]
    pub const fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Igp),
            1 => Some(Self::Egp),
            2 => Some(Self::Incomplete),
            _ => None,
        }
    }
}

/// Who aggregated a route (RFC 4271 section 5.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Aggregator {
    /// Its AS number.
    pub asn: Asn,
    /// Its BGP Identifier.
    pub id: BgpId,
}

impl Aggregator {
    /// From 8 octets (4-octet AS number) or 6.
    #[inline]
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let (asn, id) = if value.len() == 8 {
            let (asn, id) = value.split_first_chunk::<4>()?;
            (u32::from_be_bytes(*asn), id)
        } else {
            let (asn, id) = value.split_first_chunk::<2>()?;
            (u32::from(u16::from_be_bytes(*asn)), id)
        };
        Some(Self { asn: Asn(asn), id: BgpId(whole_u32(id)?) })
    }
}

/// What the AS numbers of a segment are to each other (RFC 4271 section 4.3, RFC 5065 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum SegmentKind {
    /// Unordered.
    Set = 1,
    /// In the order of the way back.
    Sequence = 2,
    /// In order, within a confederation.
    ConfedSequence = 3,
    /// Unordered, within a confederation.
    ConfedSet = 4,
}

impl SegmentKind {
    #[inline]
    const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Set),
            2 => Some(Self::Sequence),
            3 => Some(Self::ConfedSequence),
            4 => Some(Self::ConfedSet),
            _ => None,
        }
    }

    /// Whether it stays within a confederation.
    pub const fn is_confed(self) -> bool {
        matches!(self, Self::ConfedSequence | Self::ConfedSet)
    }
}

/// A segment of an AS_PATH: never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// What its numbers are to each other.
    pub kind: SegmentKind,
    octets: &'a [u8],
    wide: bool,
}

impl<'a> Segment<'a> {
    /// Takes the segment at the start of `rest` off it. `None`: it is malformed (RFC 7606 section 7.2).
    #[inline]
    fn take(rest: &mut &'a [u8], wide: bool) -> Option<Self> {
        let (&[kind, count], after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(count).checked_mul(if wide { 4 } else { 2 })?;
        let octets = after.get(..length)?;
        *rest = after.get(length..)?;
        if count == 0 {
            return None;
        }
        Some(Self { kind: SegmentKind::of(kind)?, octets, wide })
    }

    /// Its AS numbers.
    pub fn asns(&self) -> impl Iterator<Item = Asn> + use<'a> {
        let (pairs, fours) = if self.wide { (&[][..], self.octets) } else { (self.octets, &[][..]) };
        let fours = fours.as_chunks::<4>().0.iter().map(|&four| Asn(u32::from_be_bytes(four)));
        let pairs = pairs.as_chunks::<2>().0.iter().map(|&pair| Asn(u32::from(u16::from_be_bytes(pair))));
        pairs.chain(fours)
    }

    /// How many AS numbers it has.
    pub fn count(&self) -> usize {
        // A shift, because the width is 4 or 2.
        self.octets.len() >> if self.wide { 2 } else { 1 }
    }

    /// What it adds to the length of the path (RFC 4271 section 9.1.2.2, RFC 5065 section 5.3).
    fn hops(&self) -> usize {
        match self.kind {
            SegmentKind::Sequence => self.count(),
            SegmentKind::Set => 1,
            SegmentKind::ConfedSequence | SegmentKind::ConfedSet => 0,
        }
    }

    /// The first `hops` hops of it.
    fn leading(mut self, hops: usize) -> Self {
        if self.kind == SegmentKind::Sequence {
            let width = if self.wide { 4 } else { 2 };
            self.octets = self.octets.get(..hops.saturating_mul(width)).unwrap_or(self.octets);
        }
        self
    }
}

/// Whether the value is a sequence of whole segments without the AS number 0 (RFC 7606 section 7.2, RFC 7607 section 2),
/// and without confederation segments where these are out of place (RFC 5065 section 5: from an external peer).
#[inline]
pub(crate) fn is_path(value: &[u8], wide: bool, confed: bool) -> bool {
    let mut rest = value;
    while !rest.is_empty() {
        let Some(segment) = Segment::take(&mut rest, wide) else { return false };
        if segment.kind.is_confed() && !confed {
            return false;
        }
        let has_zero = if wide {
            segment.octets.as_chunks::<4>().0.contains(&[0; 4])
        } else {
            segment.octets.as_chunks::<2>().0.contains(&[0; 2])
        };
        if has_zero {
            return false;
        }
    }
    true
}

/// The way a route came: AS_PATH, with AS4_PATH merged into it when an old speaker is in between (RFC 6793 section
/// 4.2.3).
#[derive(Clone, Copy, Debug, Default)]
pub struct AsPath<'a> {
    path: &'a [u8],
    wide: bool,
    as4: &'a [u8],
    /// How many hops of `path` stand before those of `as4`.
    lead: usize,
}

impl<'a> AsPath<'a> {
    /// `path` has 4-octet numbers when `wide`; `as4` is empty when it does not count.
    pub(crate) fn new(path: &'a [u8], wide: bool, as4: &'a [u8]) -> Self {
        let plain = Self { path, wide, as4: &[], lead: usize::MAX };
        if as4.is_empty() {
            return plain;
        }
        let merged = Self { path: as4, wide: true, as4: &[], lead: usize::MAX };
        match plain.length().checked_sub(merged.length()) {
            Some(lead) => Self { path, wide, as4, lead },
            // More in AS4_PATH than in AS_PATH: it is out of date and does not count.
            None => plain,
        }
    }

    /// Its segments, nearest first.
    pub fn segments(&self) -> Segments<'a> {
        Segments { path: self.path, wide: self.wide, as4: self.as4, lead: self.lead, adjacent: true }
    }

    /// Its length for the choice between routes: a set counts 1, confederation segments 0 (RFC 4271 section 9.1.2.2,
    /// RFC 5065 section 5.3).
    pub fn length(&self) -> usize {
        self.segments().map(|segment| segment.hops()).fold(0, usize::saturating_add)
    }

    /// Whether `asn` is in it: a loop, when it is ours (RFC 4271 section 9.1.2).
    pub fn contains(&self, asn: Asn) -> bool {
        self.segments().any(|segment| segment.asns().any(|other| other == asn))
    }

    /// The neighboring AS: the first of the leading sequence (RFC 4271 section 9.1.2.2 c).
    pub fn neighbor(&self) -> Option<Asn> {
        let first = self.segments().find(|segment| !segment.kind.is_confed())?;
        if first.kind == SegmentKind::Sequence { first.asns().next() } else { None }
    }

    /// The AS that the route started from: the last of the path, when that is a sequence.
    pub fn origin(&self) -> Option<Asn> {
        let last = self.segments().last()?;
        if last.kind == SegmentKind::Sequence { last.asns().last() } else { None }
    }
}

/// The segments of an [`AsPath`].
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    path: &'a [u8],
    wide: bool,
    as4: &'a [u8],
    lead: usize,
    /// Whether the segment before this one was taken whole, or this is the first: a confederation segment goes with it.
    adjacent: bool,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a>> {
        if !self.path.is_empty() {
            if let Some(segment) = Segment::take(&mut self.path, self.wide) {
                let hops = segment.hops();
                if hops == 0 && self.adjacent {
                    return Some(segment);
                }
                if hops > 0 && self.lead > 0 {
                    self.adjacent = hops <= self.lead;
                    let segment = segment.leading(self.lead);
                    self.lead = self.lead.saturating_sub(hops);
                    return Some(segment);
                }
            }
            self.path = &[];
        }
        while !self.as4.is_empty() {
            let Some(segment) = Segment::take(&mut self.as4, true) else {
                self.as4 = &[];
                return None;
            };
            // Confederation segments have no place in AS4_PATH and are left out (RFC 6793 section 6).
            if !segment.kind.is_confed() {
                return Some(segment);
            }
        }
        None
    }
}

/// An attribute as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its flags; the lower four bits mean nothing.
    pub flags: u8,
    /// Its type code.
    pub code: u8,
    /// Its value.
    pub value: &'a [u8],
    /// All of it: flags, type, length and value.
    pub whole: &'a [u8],
}

impl<'a> RawAttribute<'a> {
    /// Takes the attribute at the start of `rest` off it. `None`: it does not fit, and nothing after it can be found.
    #[inline]
    pub(crate) fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let start = *rest;
        let (&[flags, code, short], after) = start.split_first_chunk::<3>()?;
        let (length, after) = if flags & flag::EXTENDED_LENGTH == 0 {
            (usize::from(short), after)
        } else {
            let (&low, after) = after.split_first()?;
            (usize::from(u16::from_be_bytes([short, low])), after)
        };
        let (value, next) = after.split_at_checked(length)?;
        *rest = next;
        let whole = start.get(..start.len().checked_sub(next.len())?)?;
        Some(Self { flags, code, value, whole })
    }
}

/// The attributes of a route that is sent. All zero bits at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH as one AS_SEQUENCE, nearest first; empty for an empty path.
    pub as_path: Vec<Asn, { limits::AS_PATH }>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF, towards internal peers.
    pub local_pref: Option<u32>,
    /// COMMUNITIES.
    pub communities: Vec<Community, { limits::COMMUNITIES }>,
    /// LARGE_COMMUNITY.
    pub large_communities: Vec<LargeCommunity, { limits::COMMUNITIES }>,
    /// The next hop.
    pub next_hop: NextHop,
}

impl Attributes {
    /// ORIGIN IGP, an empty path, nothing else.
    pub const fn new() -> Self {
        Self {
            origin: Origin::Igp,
            as_path: Vec::new(),
            med: None,
            local_pref: None,
            communities: Vec::new(),
            large_communities: Vec::new(),
            next_hop: NextHop::ZERO,
        }
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self::new()
    }
}

/// The BGP Identifiers of a CLUSTER_LIST.
#[inline]
pub(crate) fn ids(value: &[u8]) -> impl Iterator<Item = BgpId> {
    value.as_chunks::<4>().0.iter().map(|&four| BgpId(u32::from_be_bytes(four)))
}

/// The address in NEXT_HOP.
#[inline]
pub(crate) fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    whole_u32(value).map(Ipv4Addr::from_bits)
}
