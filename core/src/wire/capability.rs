//! Capabilities (RFC 5492): what a speaker offers in its OPEN.

use nom::bytes::complete::take;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use crate::base::net::{AfiSafi, Asn, Families, Family};
use crate::wire::cursor::Writer;
use crate::wire::notification::open;

/// Capability codes (IANA, Capability Codes).
pub mod code {
    /// Multiprotocol Extensions (RFC 4760).
    pub const MULTIPROTOCOL: u8 = 1;
    /// Route Refresh (RFC 2918).
    pub const ROUTE_REFRESH: u8 = 2;
    /// Extended Next Hop Encoding (RFC 8950).
    pub const EXTENDED_NEXT_HOP: u8 = 5;
    /// Graceful Restart (RFC 4724): seen, never offered.
    pub const GRACEFUL_RESTART: u8 = 64;
    /// 4-octet AS numbers (RFC 6793).
    pub const AS4: u8 = 65;
    /// Enhanced Route Refresh (RFC 7313).
    pub const ENHANCED_ROUTE_REFRESH: u8 = 70;
}

/// What a speaker offers. The rest value offers nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Capabilities {
    /// The families of its multiprotocol capabilities, of those that Holdover speaks.
    pub families: Families,
    /// Whether it has a multiprotocol capability at all, for whatever family.
    pub multiprotocol: bool,
    /// Its 4-octet AS number; 0 when it does not speak of such.
    pub as4: Asn,
    /// Route refresh.
    pub route_refresh: bool,
    /// Enhanced route refresh.
    pub enhanced_route_refresh: bool,
    /// IPv4 unicast routes with IPv6 next hops.
    pub extended_next_hop: bool,
    /// Graceful restart, received. Never written, because it makes a peer keep a dead machine's routes.
    pub graceful_restart: bool,
    /// How many capabilities it has that Holdover does not know. Never written.
    pub unknown: u8,
}

/// What is left of a parse, and its result; an error says only that there was one.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

impl Capabilities {
    /// Nothing offered.
    pub const NONE: Self = Self {
        families: Families::NONE,
        multiprotocol: false,
        as4: Asn(0),
        route_refresh: false,
        enhanced_route_refresh: false,
        extended_next_hop: false,
        graceful_restart: false,
        unknown: 0,
    };

    /// The families it can exchange: those it names, or IPv4 unicast when it names none at all (RFC 4760 section 8).
    pub const fn spoken(&self) -> Families {
        if self.multiprotocol { self.families } else { Families::NONE.with(Family::Ipv4) }
    }

    /// Adds the capabilities in `value`, the value of one Capabilities parameter. The error is the subcode of the OPEN
    /// error: their framing, or the length of one that is known, is wrong; or the AS number is 0 (RFC 7607 section 2). A
    /// capability may come more than once (RFC 5492 section 4).
    pub(super) fn read(&mut self, value: &[u8]) -> Result<(), u8> {
        let mut rest = value;
        while !rest.is_empty() {
            let Ok((next, (code, value))) = capability(rest) else { return Err(open::UNSPECIFIC) };
            self.take(code, value).ok_or(open::UNSPECIFIC)?;
            if code == code::AS4 && self.as4 == Asn(0) {
                return Err(open::BAD_PEER_AS);
            }
            rest = next;
        }
        Ok(())
    }

    fn take(&mut self, code: u8, value: &[u8]) -> Option<()> {
        match code {
            code::MULTIPROTOCOL => {
                let (_, family) = whole(value, afi_safi)?;
                self.multiprotocol = true;
                if let Some(family) = family.family() {
                    self.families = self.families.with(family);
                }
            }
            // Its length is 0; what a peer may add says nothing, and is no reason to refuse it.
            code::ROUTE_REFRESH => self.route_refresh = true,
            code::ENHANCED_ROUTE_REFRESH => self.enhanced_route_refresh = true,
            code::EXTENDED_NEXT_HOP => {
                let mut rest = value;
                while !rest.is_empty() {
                    let (next, (afi, safi, next_hop_afi)) =
                        (be_u16::<_, ()>, be_u16, be_u16).parse(rest).ok()?;
                    self.extended_next_hop |= (afi, safi, next_hop_afi) == (1, 1, 2);
                    rest = next;
                }
            }
            code::AS4 => self.as4 = Asn(whole(value, be_u32)?.1),
            code::GRACEFUL_RESTART => self.graceful_restart = true,
            _ => self.unknown = self.unknown.saturating_add(1),
        }
        Some(())
    }

    /// Appends them as TLVs, in the order of their codes.
    pub(super) fn write(&self, message: &mut Writer<'_>) -> Option<()> {
        if self.multiprotocol {
            for family in self.families.iter() {
                message.put(multiprotocol(family))?;
            }
        }
        if self.route_refresh {
            message.put([code::ROUTE_REFRESH, 0])?;
        }
        if self.extended_next_hop {
            message.put([code::EXTENDED_NEXT_HOP, 6, 0, 1, 0, 1, 0, 2])?;
        }
        if self.as4 != Asn(0) {
            let [a, b, c, d] = self.as4.0.to_be_bytes();
            message.put([code::AS4, 4, a, b, c, d])?;
        }
        if self.enhanced_route_refresh {
            message.put([code::ENHANCED_ROUTE_REFRESH, 0])?;
        }
        Some(())
    }
}

/// The multiprotocol capability of a family as it stands in an OPEN: the data of a NOTIFICATION 2/7 that says which one
/// is missing (RFC 5492 section 5).
pub const fn multiprotocol(family: Family) -> [u8; 6] {
    let [high, low] = family.afi().to_be_bytes();
    [code::MULTIPROTOCOL, 4, high, low, 0, 1]
}

fn capability(rest: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    (be_u8, length_data(be_u8)).parse(rest)
}

fn afi_safi(value: &[u8]) -> Parsed<'_, AfiSafi> {
    let (rest, (afi, _reserved, safi)) = (be_u16, take(1_usize), be_u8).parse(value)?;
    Ok((rest, AfiSafi { afi, safi }))
}

/// Parses all of `value`, or nothing.
fn whole<'a, T>(value: &'a [u8], parser: impl Fn(&'a [u8]) -> Parsed<'a, T>) -> Option<(&'a [u8], T)> {
    parser(value).ok().filter(|(rest, _)| rest.is_empty())
}
