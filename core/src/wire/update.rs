//! UPDATE as it is received: a view over the message's body, and the verdict on it (RFC 4271 sections 4.3 and 6.3,
//! RFC 4760, RFC 7606).
//!
//! [`Update::read`] goes over the attributes once and remembers where each stands; values are read when asked for, and
//! prefixes are walked when the caller, who knows the verdict by then, walks them. Checks come in this order: framing of
//! the three sections; framing of the attributes; per attribute unknown well-known, duplicate, flags, length, value; then
//! the mandatory set, the next hop, the syntax of the prefixes, and whether an error can be confined at all.

use core::net::IpAddr;

use crate::base::net::{AfiSafi, Asn, BgpId, Families, Family};
use crate::wire::attribute::{self, Aggregator, AsPath, Origin, RawAttribute, flag, ids, ipv4, is_path};
use crate::wire::community::{Community, LargeCommunity};
use crate::wire::cursor::{split_u16, whole_u32};
use crate::wire::next_hop::NextHop;
use crate::wire::nlri::{Prefixes, is_well_formed};
use crate::wire::notification::{Notification, update};
use crate::wire::verdict::{self, From, KNOWN, Kind, Length, RULES, Rule, Verdict, code};

/// What the session agreed on, as far as reading an UPDATE depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The peer is external.
    pub ebgp: bool,
    /// Both sides speak of 4-octet AS numbers.
    pub as4: bool,
    /// The families that both sides offered.
    pub families: Families,
    /// IPv4 routes may have IPv6 next hops (RFC 8950).
    pub extended_next_hop: bool,
}

/// Where a value stands in the attribute section.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    length: u16,
}

/// The worst fault so far, and the first of its severity.
#[derive(Clone, Copy, Debug)]
struct Worst<'a> {
    verdict: Verdict,
    offender: Option<u8>,
    subcode: u8,
    data: &'a [u8],
}

/// What MP_REACH_NLRI or MP_UNREACH_NLRI holds, of a family that was negotiated.
#[derive(Clone, Copy, Debug)]
struct Routes<'a> {
    family: Family,
    next_hop: &'a [u8],
    field: &'a [u8],
}

impl Routes<'_> {
    const NONE: Self = Self { family: Family::Ipv6, next_hop: &[], field: &[] };
}

/// A received UPDATE.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    body: &'a [u8],
    context: Context,
    withdrawn: &'a [u8],
    attributes: &'a [u8],
    announced: &'a [u8],
    reach: Routes<'a>,
    unreach: Routes<'a>,
    /// Whether there are reachable routes at all, those of families that are not looked at included.
    reachable: bool,
    /// Bits by place in the table: seen at all, and good enough to be shown.
    seen: u32,
    shown: u32,
    spans: [Span; KNOWN],
    /// Bits by type code, for those that the table does not know.
    seen_unknown: [u64; 4],
    worst: Worst<'a>,
}

impl<'a> Update<'a> {
    /// Looks at a body. It never fails: [`Update::verdict`] says what to do.
    #[inline]
    pub fn read(body: &'a [u8], context: Context) -> Self {
        let mut view = Self {
            body,
            context,
            withdrawn: &[],
            attributes: &[],
            announced: &[],
            reach: Routes::NONE,
            unreach: Routes::NONE,
            reachable: false,
            seen: 0,
            shown: 0,
            spans: [Span::default(); KNOWN],
            seen_unknown: [0; 4],
            worst: Worst { verdict: Verdict::Accept, offender: None, subcode: 0, data: &[] },
        };
        view.judge();
        view
    }

    /// Goes over the body. Apart from [`Update::read`], so that the view is filled where it stays and is never copied.
    #[inline(never)]
    fn judge(&mut self) {
        if self.split().is_none() {
            return self.fault(Verdict::ResetSession, None, update::MALFORMED_ATTRIBUTE_LIST, &[]);
        }
        self.walk();
        self.check_routes();
    }

    /// What to do with it.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        self.worst.verdict
    }

    /// The type code of the attribute that the verdict is about, when it is about one.
    pub fn offender(&self) -> Option<u8> {
        self.worst.offender
    }

    /// What to end the session with, when the verdict is to reset it.
    pub fn notification(&self) -> Option<Notification<'a>> {
        (self.worst.verdict == Verdict::ResetSession).then_some(self.blame()?)
    }

    /// What RFC 4271 section 6.3 calls the fault, however mild the verdict: for logs. `None` when nothing is wrong.
    pub fn blame(&self) -> Option<Notification<'a>> {
        let Worst { verdict, subcode, data, .. } = self.worst;
        (verdict != Verdict::Accept).then_some(Notification { code: update::CODE, subcode, data })
    }

    /// The family whose End-of-RIB this is: an empty UPDATE, or one that holds an empty MP_UNREACH_NLRI and not one octet
    /// more (RFC 4724 section 2).
    pub fn end_of_rib(&self) -> Option<Family> {
        match self.body {
            [0, 0, 0, 0] => Some(Family::Ipv4),
            &[0, 0, 0, 6, 0x80, code::MP_UNREACH_NLRI, 3, high, low, safi]
            | &[0, 0, 0, 7, 0x90, code::MP_UNREACH_NLRI, 0, 3, high, low, safi] => {
                AfiSafi { afi: u16::from_be_bytes([high, low]), safi }.family()
            }
            _ => None,
        }
    }

    /// The prefixes that are announced: those of the body, then those of MP_REACH_NLRI, of negotiated families only. The
    /// same under every verdict, so that those of a bad UPDATE can be withdrawn.
    #[inline]
    pub fn announced(&self) -> Prefixes<'a> {
        Prefixes::new(self.announced, self.reach.family, self.reach.field)
    }

    /// The prefixes that are withdrawn: those of the body, then those of MP_UNREACH_NLRI, of negotiated families only.
    #[inline]
    pub fn withdrawn(&self) -> Prefixes<'a> {
        Prefixes::new(self.withdrawn, self.unreach.family, self.unreach.field)
    }

    /// The next hop of the routes of `family`. IPv4 routes may stand in the body, with NEXT_HOP, or in MP_REACH_NLRI; an
    /// UPDATE that has both is answered for the body's.
    pub fn next_hop(&self, family: Family) -> Option<NextHop> {
        if family == Family::Ipv4 && !self.announced.is_empty() {
            return self.value(code::NEXT_HOP).and_then(ipv4).map(|v4| NextHop::new(IpAddr::V4(v4)));
        }
        if family == self.reach.family { NextHop::read(self.reach.next_hop) } else { None }
    }

    /// ORIGIN, when it is there and sound (RFC 4271 section 5.1.1).
    #[inline]
    pub fn origin(&self) -> Option<Origin> {
        Origin::of(*self.value(code::ORIGIN)?.first()?)
    }

    /// AS_PATH, merged with AS4_PATH; empty when there is none.
    pub fn as_path(&self) -> AsPath<'a> {
        let path = self.value(code::AS_PATH).unwrap_or_default();
        let as4 = if self.as4_counts() { self.value(code::AS4_PATH).unwrap_or_default() } else { &[] };
        AsPath::new(path, self.context.as4, as4)
    }

    /// MULTI_EXIT_DISC, when it is there and sound (RFC 4271 section 5.1.4).
    pub fn med(&self) -> Option<u32> {
        self.value(code::MULTI_EXIT_DISC).and_then(whole_u32)
    }

    /// LOCAL_PREF, from internal peers (RFC 4271 section 5.1.5).
    pub fn local_pref(&self) -> Option<u32> {
        self.value(code::LOCAL_PREF).and_then(whole_u32)
    }

    /// Whether ATOMIC_AGGREGATE is there.
    pub fn atomic_aggregate(&self) -> bool {
        self.value(code::ATOMIC_AGGREGATE).is_some()
    }

    /// AGGREGATOR, or AS4_AGGREGATOR where that counts (RFC 6793 section 4.2.3).
    pub fn aggregator(&self) -> Option<Aggregator> {
        let aggregator = self.value(code::AGGREGATOR).and_then(Aggregator::read)?;
        let as4 = self.value(code::AS4_AGGREGATOR).and_then(Aggregator::read);
        Some(if aggregator.asn == Asn::TRANS { as4.unwrap_or(aggregator) } else { aggregator })
    }

    /// ORIGINATOR_ID, from internal peers (RFC 4456).
    pub fn originator_id(&self) -> Option<BgpId> {
        self.value(code::ORIGINATOR_ID).and_then(whole_u32).map(BgpId)
    }

    /// CLUSTER_LIST, from internal peers (RFC 4456).
    pub fn cluster_list(&self) -> impl Iterator<Item = BgpId> + use<'a> {
        ids(self.value(code::CLUSTER_LIST).unwrap_or_default())
    }

    /// COMMUNITIES (RFC 1997).
    #[inline]
    pub fn communities(&self) -> impl Iterator<Item = Community> + use<'a> {
        let value = self.value(code::COMMUNITIES).unwrap_or_default();
        value.as_chunks::<4>().0.iter().map(|&four| Community(u32::from_be_bytes(four)))
    }

    /// LARGE_COMMUNITY (RFC 8092).
    #[inline]
    pub fn large_communities(&self) -> impl Iterator<Item = LargeCommunity> + use<'a> {
        let value = self.value(code::LARGE_COMMUNITY).unwrap_or_default();
        value.as_chunks::<12>().0.iter().map(LargeCommunity::from_octets)
    }

    /// EXTENDED_COMMUNITIES, eight octets each (RFC 4360).
    pub fn extended_communities(&self) -> impl Iterator<Item = [u8; 8]> + use<'a> {
        let value = self.value(code::EXTENDED_COMMUNITIES).unwrap_or_default();
        value.as_chunks::<8>().0.iter().copied()
    }

    /// Every attribute as it stands, faulty and repeated ones too, up to where the framing breaks.
    pub fn attributes(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        let mut rest = self.attributes;
        core::iter::from_fn(move || {
            let attribute = RawAttribute::take(&mut rest);
            if attribute.is_none() {
                rest = &[];
            }
            attribute
        })
    }

    /// The attributes that the table does not know, as they stand.
    pub fn unknown(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        self.attributes().filter(|attribute| verdict::place(attribute.code).is_none())
    }

    /// The family of MP_REACH_NLRI, negotiated or not, when the attribute is there.
    pub fn reach_family(&self) -> Option<AfiSafi> {
        self.value(code::MP_REACH_NLRI).and_then(afi_safi).map(|(family, _)| family)
    }

    /// The family of MP_UNREACH_NLRI, negotiated or not, when the attribute is there.
    pub fn unreach_family(&self) -> Option<AfiSafi> {
        self.value(code::MP_UNREACH_NLRI).and_then(afi_safi).map(|(family, _)| family)
    }

    /// The value of an attribute that is there and was not discarded.
    #[inline]
    fn value(&self, code: u8) -> Option<&'a [u8]> {
        let place = verdict::place(code)?;
        if self.shown & bit(place) == 0 {
            return None;
        }
        let Span { start, length } = *self.spans.get(place)?;
        self.attributes.get(usize::from(start)..)?.get(..usize::from(length))
    }

    /// Whether AS4_PATH and AS4_AGGREGATOR count: not when somebody who knows 4-octet numbers has aggregated since (RFC
    /// 6793 section 4.2.3).
    fn as4_counts(&self) -> bool {
        self.value(code::AGGREGATOR).and_then(Aggregator::read).is_none_or(|by| by.asn == Asn::TRANS)
    }

    /// Finds the three sections.
    #[inline]
    fn split(&mut self) -> Option<()> {
        let (length, rest) = split_u16(self.body)?;
        let (withdrawn, rest) = rest.split_at_checked(usize::from(length))?;
        let (length, rest) = split_u16(rest)?;
        let (attributes, announced) = rest.split_at_checked(usize::from(length))?;
        self.attributes = attributes;
        self.reachable = !announced.is_empty();
        if self.context.families.has(Family::Ipv4) {
            (self.withdrawn, self.announced) = (withdrawn, announced);
        }
        Some(())
    }

    /// Goes over the attributes.
    #[inline]
    fn walk(&mut self) {
        let mut rest = self.attributes;
        while !rest.is_empty() {
            let Some(attribute) = RawAttribute::take(&mut rest) else {
                let code = rest.get(1).copied();
                return self.fault(Verdict::TreatAsWithdraw, code, update::MALFORMED_ATTRIBUTE_LIST, &[]);
            };
            match verdict::place(attribute.code) {
                Some(place) => self.take_known(place, attribute, rest.len()),
                None => self.take_unknown(attribute),
            }
        }
    }

    fn take_unknown(&mut self, attribute: RawAttribute<'a>) {
        let RawAttribute { flags, code, whole, .. } = attribute;
        if flags & flag::OPTIONAL == 0 {
            self.fault(Verdict::TreatAsWithdraw, Some(code), update::UNRECOGNIZED_WELL_KNOWN, whole);
        }
        if let Some(word) = self.seen_unknown.get_mut(usize::from(code >> 6)) {
            let bit = 1_u64 << (code & 63);
            let again = *word & bit != 0;
            *word |= bit;
            if again {
                self.fault(Verdict::DiscardAttribute, Some(code), update::MALFORMED_ATTRIBUTE_LIST, &[]);
            }
        }
    }

    /// Checks an attribute of the table and remembers where its value stands; `after` octets of the section follow it.
    #[inline]
    fn take_known(&mut self, place: usize, attribute: RawAttribute<'a>, after: usize) {
        let Some(rule) = RULES.get(place) else { return };
        let RawAttribute { flags, code, value, whole } = attribute;
        if self.seen & bit(place) != 0 {
            // RFC 7606 section 3 g.
            let twice = if rule.flags == Verdict::ResetSession {
                Verdict::ResetSession
            } else {
                Verdict::DiscardAttribute
            };
            return self.fault(twice, Some(code), update::MALFORMED_ATTRIBUTE_LIST, &[]);
        }
        self.seen |= bit(place);
        if self.is_out_of_place(rule) {
            return self.fault(Verdict::DiscardAttribute, Some(code), update::OPTIONAL_ATTRIBUTE, whole);
        }
        if !flags_match(rule.kind, flags) {
            return self.fault(rule.flags, Some(code), update::ATTRIBUTE_FLAGS, whole);
        }
        let severity = if self.context.ebgp { rule.ebgp } else { rule.ibgp };
        if !self.length_matches(rule.length, value.len()) {
            let subcode = if severity == Verdict::ResetSession {
                update::OPTIONAL_ATTRIBUTE
            } else {
                update::ATTRIBUTE_LENGTH
            };
            return self.fault(severity, Some(code), subcode, whole);
        }
        if let Err((subcode, data)) = self.check_value(attribute) {
            return self.fault(severity, Some(code), subcode, data);
        }
        let start = self.attributes.len().saturating_sub(after).saturating_sub(value.len());
        if let (Some(span), Ok(start), Ok(length)) =
            (self.spans.get_mut(place), u16::try_from(start), u16::try_from(value.len()))
        {
            *span = Span { start, length };
            self.shown |= bit(place);
        }
    }

    /// Whether this peer has no business sending the attribute.
    #[inline]
    fn is_out_of_place(&self, rule: &Rule) -> bool {
        match rule.from {
            From::Anybody => false,
            From::Internal => self.context.ebgp,
            From::OldSpeakers => self.context.as4,
        }
    }

    #[inline]
    fn length_matches(&self, rule: Length, length: usize) -> bool {
        match rule {
            Length::Exactly(exactly) => length == usize::from(exactly),
            Length::Multiple(of) => length != 0 && length.is_multiple_of(usize::from(of)),
            Length::ByAsWidth(new, old) => length == usize::from(if self.context.as4 { new } else { old }),
            Length::Any => true,
        }
    }

    /// Checks what an attribute says. The error is the subcode and its data.
    #[inline]
    fn check_value(&mut self, attribute: RawAttribute<'a>) -> Result<(), (u8, &'a [u8])> {
        let RawAttribute { value, whole, .. } = attribute;
        let (good, subcode, data) = match attribute.code {
            code::ORIGIN => (matches!(value, [0..=2]), update::INVALID_ORIGIN, whole),
            // RFC 7607 section 2 and RFC 5065 section 5 have it malformed as well.
            code::AS_PATH => {
                let good = is_path(value, self.context.as4, !self.context.ebgp);
                (good, update::MALFORMED_AS_PATH, &[][..])
            }
            code::AS4_PATH => {
                (!value.is_empty() && is_path(value, true, true), update::OPTIONAL_ATTRIBUTE, whole)
            }
            code::AGGREGATOR | code::AS4_AGGREGATOR => {
                let good = Aggregator::read(value).is_some_and(|by| by.asn != Asn(0));
                (good, update::OPTIONAL_ATTRIBUTE, whole)
            }
            code::MP_REACH_NLRI => (self.take_reach(value).is_some(), update::OPTIONAL_ATTRIBUTE, whole),
            code::MP_UNREACH_NLRI => (self.take_unreach(value).is_some(), update::OPTIONAL_ATTRIBUTE, whole),
            _ => return Ok(()),
        };
        if good { Ok(()) } else { Err((subcode, data)) }
    }

    /// Takes MP_REACH_NLRI apart. `None`: its prefixes cannot be told for sure. Of a family that was not negotiated
    /// nothing but the shortest length is looked at (RFC 7606 section 5.3).
    #[inline]
    fn take_reach(&mut self, value: &'a [u8]) -> Option<()> {
        let (afi_safi, rest) = afi_safi(value)?;
        let (&length, rest) = rest.split_first()?;
        if rest.is_empty() {
            return None;
        }
        let Some(family) = afi_safi.family().filter(|&family| self.context.families.has(family)) else {
            self.reachable = true;
            return Some(());
        };
        if !NextHop::length_is_known(family, usize::from(length)) {
            return None;
        }
        let (next_hop, rest) = rest.split_at_checked(usize::from(length))?;
        let (_reserved, field) = rest.split_first()?;
        if !is_well_formed(family, field) {
            return None;
        }
        self.reachable |= !field.is_empty();
        self.reach = Routes { family, next_hop, field };
        Some(())
    }

    /// Takes MP_UNREACH_NLRI apart, likewise.
    #[inline]
    fn take_unreach(&mut self, value: &'a [u8]) -> Option<()> {
        let (afi_safi, field) = afi_safi(value)?;
        if let Some(family) = afi_safi.family().filter(|&family| self.context.families.has(family)) {
            if !is_well_formed(family, field) {
                return None;
            }
            self.unreach = Routes { family, next_hop: &[], field };
        }
        Some(())
    }

    /// Checks what concerns the routes as a whole: mandatory attributes, next hops, the syntax of the body's prefixes, and
    /// whether an error can be confined to the routes it names.
    #[inline]
    fn check_routes(&mut self) {
        if self.reachable {
            self.check_mandatory();
            self.check_next_hops();
        }
        let withdrawn = is_well_formed(Family::Ipv4, self.withdrawn);
        if !withdrawn || !is_well_formed(Family::Ipv4, self.announced) {
            self.fault(Verdict::ResetSession, None, update::INVALID_NETWORK, &[]);
        }
        if self.worst.verdict == Verdict::TreatAsWithdraw && !self.reachable {
            // RFC 7606 section 5.2: attributes without a reachable route make it doubtful that the routes were found.
            self.worst.verdict = Verdict::ResetSession;
        }
    }

    /// RFC 7606 section 3 d: what every announcement must have. Seen is enough: a malformed one was judged by its row.
    #[inline]
    fn check_mandatory(&mut self) {
        const ORIGIN: u32 = bit_of(code::ORIGIN);
        const AS_PATH: u32 = bit_of(code::AS_PATH);
        const NEXT_HOP: u32 = bit_of(code::NEXT_HOP);
        const LOCAL_PREF: u32 = bit_of(code::LOCAL_PREF);
        let mut wanted = ORIGIN | AS_PATH;
        if !self.announced.is_empty() {
            wanted |= NEXT_HOP;
        }
        if !self.context.ebgp {
            wanted |= LOCAL_PREF;
        }
        let missing = wanted & !self.seen;
        if missing == 0 {
            return;
        }
        let code: &[u8] = match missing {
            _ if missing & ORIGIN != 0 => &[code::ORIGIN],
            _ if missing & AS_PATH != 0 => &[code::AS_PATH],
            _ if missing & NEXT_HOP != 0 => &[code::NEXT_HOP],
            _ => &[code::LOCAL_PREF],
        };
        self.fault(Verdict::TreatAsWithdraw, code.first().copied(), update::MISSING_WELL_KNOWN, code);
    }

    /// RFC 4271 section 6.3 and RFC 8950 section 4: routes that nobody could follow are not kept. NEXT_HOP beside
    /// MP_REACH_NLRI means nothing when the body has no routes (RFC 4760 section 3).
    #[inline]
    fn check_next_hops(&mut self) {
        if !self.announced.is_empty()
            && let Some(value) = self.value(code::NEXT_HOP)
            && !ipv4(value).is_some_and(|v4| NextHop::new(IpAddr::V4(v4)).is_usable())
        {
            self.fault(Verdict::TreatAsWithdraw, Some(code::NEXT_HOP), update::INVALID_NEXT_HOP, value);
        }
        if self.reach.field.is_empty() {
            return;
        }
        let crosses = self.reach.family == Family::Ipv4 && self.reach.next_hop.len() != 4;
        let usable = NextHop::read(self.reach.next_hop).is_some_and(|next_hop| next_hop.is_usable());
        if !usable || (crosses && !self.context.extended_next_hop) {
            let next_hop = self.reach.next_hop;
            self.fault(
                Verdict::TreatAsWithdraw,
                Some(code::MP_REACH_NLRI),
                update::INVALID_NEXT_HOP,
                next_hop,
            );
        }
    }

    /// Notes a fault; the first of the worst is kept.
    #[cold]
    fn fault(&mut self, verdict: Verdict, offender: Option<u8>, subcode: u8, data: &'a [u8]) {
        if verdict > self.worst.verdict {
            self.worst = Worst { verdict, offender, subcode, data };
        }
    }
}

/// A place in the table as a bit.
#[inline]
const fn bit(place: usize) -> u32 {
    1 << (place & 31)
}

/// A known type code's place in the table as a bit; 0 for an unknown one.
const fn bit_of(code: u8) -> u32 {
    match verdict::place(code) {
        Some(place) => bit(place),
        None => 0,
    }
}

#[inline]
fn afi_safi(value: &[u8]) -> Option<(AfiSafi, &[u8])> {
    let (&[high, low, safi], rest) = value.split_first_chunk::<3>()?;
    Some((AfiSafi { afi: u16::from_be_bytes([high, low]), safi }, rest))
}

/// Whether Optional and Transitive are as the table has them, and a well-known attribute is not partial. The lower four
/// bits, and the Partial bit elsewhere, are no fault worth a route.
#[inline]
const fn flags_match(kind: Kind, flags: u8) -> bool {
    use attribute::flag::{OPTIONAL, PARTIAL, TRANSITIVE};
    match kind {
        Kind::WellKnown => flags & (OPTIONAL | TRANSITIVE | PARTIAL) == TRANSITIVE,
        Kind::OptionalTransitive => flags & (OPTIONAL | TRANSITIVE) == OPTIONAL | TRANSITIVE,
        Kind::OptionalNonTransitive => flags & (OPTIONAL | TRANSITIVE) == OPTIONAL,
    }
}

#[cfg(test)]
mod tests;
