//! What to do about each fault of an UPDATE: RFC 7606 as one table.
//!
//! Where the RFCs leave room, or good implementations differ, the decision stands at its row or at the check in
//! [`update`](crate::wire::update):
//!
//! - An unknown attribute that claims to be well-known: treat as withdraw (RFC 4271 section 6.3 would reset; BIRD does
//!   not either, and one strange attribute relayed by a router in between must not cost a session).
//! - The Partial bit on a well-known attribute is a flags error.
//! - MP_REACH_NLRI and MP_UNREACH_NLRI that cannot be parsed are 3/9 (RFC 4760 section 7).
//! - AS_SET is accepted on the way in; RFC 9774 would treat it as withdraw. Holdover never sends one.

/// What to do with an UPDATE, mildest first; the worst fault in it decides (RFC 7606 section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// Nothing is wrong.
    #[default]
    Accept,
    /// Use it without the attributes at fault; the view no longer shows them.
    DiscardAttribute,
    /// Treat its routes as withdrawn.
    TreatAsWithdraw,
    /// End the session with the NOTIFICATION.
    ResetSession,
}

/// The Optional and Transitive bits that an attribute must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Well-known: transitive, not optional, never partial.
    WellKnown,
    /// Optional transitive.
    OptionalTransitive,
    /// Optional non-transitive.
    OptionalNonTransitive,
}

/// How long an attribute may be, in octets. What a value's parser checks by itself is `Any` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Exactly so many.
    Exactly(u16),
    /// A multiple of it, and not zero.
    Multiple(u16),
    /// The first towards a 4-octet AS speaker, the second towards an old one.
    ByAsWidth(u16, u16),
    /// Checked with the value.
    Any,
}

/// From whom an attribute makes sense; from others it is discarded whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// From any peer.
    Anybody,
    /// From internal peers only (RFC 7606 sections 7.5, 7.9, 7.10).
    Internal,
    /// From speakers of 2-octet AS numbers only (RFC 6793 sections 4.1 and 6).
    OldSpeakers,
}

/// A row: what is known of an attribute, and what a malformed one costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The attribute's type code.
    pub(crate) code: u8,
    /// Its name, as the RFCs write it.
    pub(crate) name: &'static str,
    /// Its flags.
    pub(crate) kind: Kind,
    /// Its length.
    pub(crate) length: Length,
    /// From whom it makes sense.
    pub(crate) from: From,
    /// What a malformed one from an external peer costs.
    pub(crate) ebgp: Verdict,
    /// What a malformed one from an internal peer costs.
    pub(crate) ibgp: Verdict,
    /// What wrong Optional or Transitive bits cost: treat as withdraw (RFC 7606 section 3 c), but for the attributes that
    /// hold the routes (section 5.3) and those that are discarded anyway.
    pub(crate) flags: Verdict,
}

/// The attribute type codes that are known.
pub mod code {
    #![expect(missing_docs, reason = "the names are the RFCs'; the table has their meaning")]
    pub const ORIGIN: u8 = 1;
    pub const AS_PATH: u8 = 2;
    pub const NEXT_HOP: u8 = 3;
    pub const MULTI_EXIT_DISC: u8 = 4;
    pub const LOCAL_PREF: u8 = 5;
    pub const ATOMIC_AGGREGATE: u8 = 6;
    pub const AGGREGATOR: u8 = 7;
    pub const COMMUNITIES: u8 = 8;
    pub const ORIGINATOR_ID: u8 = 9;
    pub const CLUSTER_LIST: u8 = 10;
    pub const MP_REACH_NLRI: u8 = 14;
    pub const MP_UNREACH_NLRI: u8 = 15;
    pub const EXTENDED_COMMUNITIES: u8 = 16;
    pub const AS4_PATH: u8 = 17;
    pub const AS4_AGGREGATOR: u8 = 18;
    pub const LARGE_COMMUNITY: u8 = 32;
}

use Kind::{OptionalNonTransitive, OptionalTransitive, WellKnown};
use Verdict::{DiscardAttribute, ResetSession, TreatAsWithdraw};

const fn rule(code: u8, name: &'static str, kind: Kind, length: Length, verdict: Verdict) -> Rule {
    Rule {
        code,
        name,
        kind,
        length,
        from: From::Anybody,
        ebgp: verdict,
        ibgp: verdict,
        flags: TreatAsWithdraw,
    }
}

const fn internal(code: u8, name: &'static str, kind: Kind, length: Length) -> Rule {
    let (ebgp, ibgp) = (DiscardAttribute, TreatAsWithdraw);
    Rule { code, name, kind, length, from: From::Internal, ebgp, ibgp, flags: TreatAsWithdraw }
}

const fn old(code: u8, name: &'static str, length: Length) -> Rule {
    let from = From::OldSpeakers;
    let (kind, verdict) = (OptionalTransitive, DiscardAttribute);
    // RFC 6793 section 6 has AS4_PATH discarded when malformed, and its flags are part of that.
    Rule { code, name, kind, length, from, ebgp: verdict, ibgp: verdict, flags: verdict }
}

const fn routes(code: u8, name: &'static str) -> Rule {
    let verdict = ResetSession;
    let (kind, length, from) = (OptionalNonTransitive, Length::Any, From::Anybody);
    Rule { code, name, kind, length, from, ebgp: verdict, ibgp: verdict, flags: verdict }
}

/// How many attributes are known.
pub(crate) const KNOWN: usize = 16;

/// The table (RFC 7606 section 7 and the RFC of each attribute).
pub(crate) const RULES: [Rule; KNOWN] = [
    rule(code::ORIGIN, "ORIGIN", WellKnown, Length::Exactly(1), TreatAsWithdraw), // 7.1
    rule(code::AS_PATH, "AS_PATH", WellKnown, Length::Any, TreatAsWithdraw),      // 7.2
    rule(code::NEXT_HOP, "NEXT_HOP", WellKnown, Length::Exactly(4), TreatAsWithdraw), // 7.3
    rule(
        code::MULTI_EXIT_DISC,
        "MULTI_EXIT_DISC",
        OptionalNonTransitive,
        Length::Exactly(4),
        TreatAsWithdraw,
    ), // 7.4
    internal(code::LOCAL_PREF, "LOCAL_PREF", WellKnown, Length::Exactly(4)),      // 7.5
    rule(code::ATOMIC_AGGREGATE, "ATOMIC_AGGREGATE", WellKnown, Length::Exactly(0), DiscardAttribute), // 7.6
    rule(code::AGGREGATOR, "AGGREGATOR", OptionalTransitive, Length::ByAsWidth(8, 6), DiscardAttribute), // 7.7
    rule(code::COMMUNITIES, "COMMUNITIES", OptionalTransitive, Length::Multiple(4), TreatAsWithdraw), // 7.8
    internal(code::ORIGINATOR_ID, "ORIGINATOR_ID", OptionalNonTransitive, Length::Exactly(4)),        // 7.9
    internal(code::CLUSTER_LIST, "CLUSTER_LIST", OptionalNonTransitive, Length::Multiple(4)),         // 7.10
    routes(code::MP_REACH_NLRI, "MP_REACH_NLRI"),     // 7.11, 5.3
    routes(code::MP_UNREACH_NLRI, "MP_UNREACH_NLRI"), // 7.12, 5.3
    rule(
        code::EXTENDED_COMMUNITIES,
        "EXTENDED_COMMUNITIES",
        OptionalTransitive,
        Length::Multiple(8),
        TreatAsWithdraw,
    ), // 7.14
    old(code::AS4_PATH, "AS4_PATH", Length::Any),     // RFC 6793 section 6
    old(code::AS4_AGGREGATOR, "AS4_AGGREGATOR", Length::Exactly(8)), // RFC 6793 section 6
    rule(code::LARGE_COMMUNITY, "LARGE_COMMUNITY", OptionalTransitive, Length::Multiple(12), TreatAsWithdraw), // RFC 8092 section 6
];

/// The row's place in the table by type code; `KNOWN` and more for none.
const PLACES: [u8; 256] = {
    let mut places = [u8::MAX; 256];
    let mut row: u8 = 0;
    while (row as usize) < KNOWN {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            places[RULES[row as usize].code as usize] = row;
        }
        row += 1;
    }
    places
};

/// The place of an attribute in [`RULES`].
#[inline]
pub(crate) const fn place(code: u8) -> Option<usize> {
    #[expect(clippy::indexing_slicing, reason = "an octet is always less than 256")]
    let place = PLACES[code as usize] as usize;
    if place < KNOWN { Some(place) } else { None }
}

/// The name of an attribute, when it is known.
pub fn attribute_name(code: u8) -> Option<&'static str> {
    RULES.get(place(code)?).map(|rule| rule.name)
}
