//! OPEN (RFC 4271 sections 4.2 and 6.2), its optional parameters (RFC 5492), also in their extended form (RFC 9072).

use nom::Parser;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};

use crate::base::net::{Asn, BgpId};
use crate::wire::capability::{Capabilities, Parsed};
use crate::wire::cursor::Writer;
use crate::wire::header::MessageType;
use crate::wire::notification::{Notification, open};

/// The version of the protocol.
pub const VERSION: u8 = 4;

/// The parameter that holds capabilities.
const CAPABILITIES: u8 = 2;
/// The first parameter's type that says that the extended form follows (RFC 9072 section 2).
const EXTENDED: u8 = 255;

/// An OPEN message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Open {
    /// The version: 4.
    pub version: u8,
    /// The AS number: the 4-octet one when the capability tells it, else the 2-octet field (which may be AS_TRANS).
    pub asn: Asn,
    /// The hold time offered, in seconds: 0, or 3 and more.
    pub hold_time: u16,
    /// The BGP Identifier; not zero.
    pub id: BgpId,
    /// What is offered.
    pub capabilities: Capabilities,
}

impl Open {
    /// Reads a body. The error is what to answer with (RFC 4271 section 6.2, RFC 6286 section 2.2, RFC 7607 section 2).
    pub fn read(body: &[u8]) -> Result<Self, Notification<'_>> {
        let Ok((rest, (version, my_as, hold_time, id))) =
            (be_u8::<_, ()>, be_u16, be_u16, be_u32).parse(body)
        else {
            return Err(Notification::open_error(open::UNSPECIFIC));
        };
        if version != VERSION {
            // The data is the largest version that this speaker supports.
            return Err(Notification {
                code: open::CODE,
                subcode: open::UNSUPPORTED_VERSION,
                data: &[0, VERSION],
            });
        }
        // The parameters before the values: the 4-octet AS number is among them.
        let mut capabilities = Capabilities::NONE;
        parameters(rest, &mut capabilities)?;
        let asn = peer_as(my_as, &capabilities).ok_or(Notification::open_error(open::BAD_PEER_AS))?;
        if matches!(hold_time, 1 | 2) {
            return Err(Notification::open_error(open::UNACCEPTABLE_HOLD_TIME));
        }
        if id == 0 {
            return Err(Notification::open_error(open::BAD_IDENTIFIER));
        }
        Ok(Self { version, asn, hold_time, id: BgpId(id), capabilities })
    }

    /// Writes the whole message, all capabilities in one parameter (RFC 5492 section 4); an AS number that does not fit
    /// two octets stands as AS_TRANS in the fixed part (RFC 6793 section 9). Returns the message's length; `None` when it
    /// does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut message = Writer::message(out, MessageType::Open)?;
        let my_as = u16::try_from(self.asn.0).unwrap_or(TRANS);
        message.put([self.version])?;
        message.put(my_as.to_be_bytes())?;
        message.put(self.hold_time.to_be_bytes())?;
        message.put(self.id.0.to_be_bytes())?;
        let start = message.at();
        message.put([0, CAPABILITIES, 0])?;
        self.capabilities.write(&mut message)?;
        let length = message.at().checked_sub(start)?.checked_sub(3)?;
        if length == 0 {
            message.truncate(start.checked_add(1)?);
        } else {
            // What is offered takes 32 octets at most, so that the extended form (RFC 9072) is never needed.
            message.patch_octet(start, u8::try_from(length.checked_add(2)?).ok()?)?;
            message.patch_octet(start.checked_add(2)?, u8::try_from(length).ok()?)?;
        }
        message.finish()
    }
}

const TRANS: u16 = 23_456;

/// The peer's AS number: zero is none (RFC 7607), and the two places that tell it may not contradict each other.
fn peer_as(my_as: u16, capabilities: &Capabilities) -> Option<Asn> {
    let as2 = Asn(u32::from(my_as));
    let asn = if capabilities.as4 == Asn(0) { as2 } else { capabilities.as4 };
    (as2 != Asn(0) && (as2 == asn || as2 == Asn::TRANS)).then_some(asn)
}

/// Reads the optional parameters, from their length field to the end of the body, in either form.
fn parameters<'a>(rest: &'a [u8], capabilities: &mut Capabilities) -> Result<(), Notification<'a>> {
    let unspecific = Notification::open_error(open::UNSPECIFIC);
    // RFC 9072 section 2: the type 255 in the first parameter's place says that a 2-octet length follows. A length of 0
    // means none in any case.
    let extended = matches!(rest, [length, EXTENDED, ..] if *length != 0);
    let field = match rest {
        [_, _, long @ ..] if extended => length_data(be_u16::<_, ()>).parse(long),
        _ => length_data(be_u8::<_, ()>).parse(rest),
    };
    // What is left after the length that is told belongs to nothing.
    let Ok(([], mut field)) = field else { return Err(unspecific) };
    while !field.is_empty() {
        let Ok((next, (kind, value))) = parameter(field, extended) else { return Err(unspecific) };
        if kind != CAPABILITIES {
            return Err(Notification::open_error(open::UNSUPPORTED_PARAMETER));
        }
        capabilities.read(value).map_err(Notification::open_error)?;
        field = next;
    }
    Ok(())
}

/// One parameter: type, length (two octets in the extended form), value.
fn parameter(field: &[u8], extended: bool) -> Parsed<'_, (u8, &[u8])> {
    if extended {
        (be_u8, length_data(be_u16)).parse(field)
    } else {
        (be_u8, length_data(be_u8)).parse(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::{Families, Family};
    use crate::base::rand::Rand;
    use crate::wire::header::{HEADER, peel};
    use std::vec::Vec;

    /// An OPEN's body: version 4, AS 65000, hold time 9, identifier 1.1.1.1, and what follows.
    fn body(parameters: &[u8]) -> Vec<u8> {
        [&[4, 0xFD, 0xE8, 0, 9, 1, 1, 1, 1][..], parameters].concat()
    }

    fn with_capabilities(capabilities: &[u8]) -> Vec<u8> {
        let length = u8::try_from(capabilities.len()).unwrap();
        body(&[&[length + 2, 2, length][..], capabilities].concat())
    }

    fn error(body: &[u8]) -> (u8, u8, Vec<u8>) {
        let Notification { code, subcode, data } = Open::read(body).unwrap_err();
        (code, subcode, data.to_vec())
    }

    fn offered(capabilities: &[u8]) -> Capabilities {
        Open::read(&with_capabilities(capabilities)).unwrap().capabilities
    }

    #[test]
    fn an_open_without_parameters_offers_nothing() {
        let open = Open::read(&body(&[0])).unwrap();
        assert_eq!(
            (open.version, open.asn, open.hold_time, open.id),
            (4, Asn(65_000), 9, BgpId(0x0101_0101))
        );
        assert_eq!(open.capabilities, Capabilities::NONE);
        assert!(
            open.capabilities.spoken().has(Family::Ipv4) && !open.capabilities.spoken().has(Family::Ipv6)
        );
    }

    #[test]
    fn rfc4271_6_2_another_version_is_told_the_largest_we_support() {
        let mut body = body(&[0]);
        body[0] = 3;
        assert_eq!(error(&body), (2, 1, std::vec![0, 4]));
    }

    #[test]
    fn rfc4271_6_2_a_hold_time_of_one_or_two_seconds_is_unacceptable() {
        for (seconds, good) in [(0, true), (1, false), (2, false), (3, true), (255, true)] {
            let mut body = body(&[0]);
            body[4] = seconds;
            assert_eq!(Open::read(&body).is_ok(), good);
            assert!(good || error(&body) == (2, 6, Vec::new()));
        }
    }

    #[test]
    fn rfc6286_2_2_an_identifier_of_zero_is_bad_and_any_other_is_good() {
        let mut body = body(&[0]);
        body[5..9].fill(0);
        assert_eq!(error(&body), (2, 3, Vec::new()));
        body[8] = 1;
        assert!(Open::read(&body).is_ok());
        body[5..9].fill(255);
        assert!(Open::read(&body).is_ok());
    }

    #[test]
    fn rfc7607_2_as_zero_is_a_bad_peer_as_in_both_places() {
        let mut zero = body(&[0]);
        zero[1..3].fill(0);
        assert_eq!(error(&zero), (2, 2, Vec::new()));
        assert_eq!(error(&with_capabilities(&[65, 4, 0, 0, 0, 0])), (2, 2, Vec::new()));
    }

    #[test]
    fn rfc6793_the_four_octet_number_is_the_peers_and_must_agree_with_the_other() {
        let mut wide = with_capabilities(&[65, 4, 0, 1, 0, 1]);
        assert_eq!(error(&wide), (2, 2, Vec::new()));
        wide[1..3].copy_from_slice(&TRANS.to_be_bytes());
        assert_eq!(Open::read(&wide).unwrap().asn, Asn(65_537));
        assert_eq!(Open::read(&with_capabilities(&[65, 4, 0, 0, 0xFD, 0xE8])).unwrap().asn, Asn(65_000));
    }

    #[test]
    fn rfc4271_6_2_an_unknown_parameter_is_unsupported() {
        for kind in [0, 1, 3, 254] {
            assert_eq!(error(&body(&[3, kind, 1, 0])), (2, 4, Vec::new()));
        }
    }

    #[test]
    fn parameters_that_do_not_fill_their_field_are_malformed() {
        for parameters in [&[][..], &[1], &[0, 0], &[2, 2], &[2, 2, 1], &[3, 2, 0, 2], &[4, 2, 0, 2, 1]] {
            assert_eq!(error(&body(parameters)), (2, 0, Vec::new()), "{parameters:?}");
        }
    }

    #[test]
    fn capabilities_that_do_not_fill_their_parameter_are_malformed() {
        for capabilities in [
            &[1][..],
            &[1, 1],
            &[1, 4, 0, 1, 0],
            &[1, 3, 0, 1, 0],
            &[1, 5, 0, 1, 0, 1, 0],
            &[65, 3, 0, 0, 1],
            &[5, 5, 0, 1, 0, 1, 0],
        ] {
            assert_eq!(error(&with_capabilities(capabilities)), (2, 0, Vec::new()), "{capabilities:?}");
        }
    }

    #[test]
    fn rfc5492_4_capabilities_may_be_spread_repeated_and_unknown() {
        let spread = body(&[16, 2, 6, 1, 4, 0, 1, 0, 1, 2, 6, 1, 4, 0, 2, 0, 1]);
        assert_eq!(Open::read(&spread).unwrap().capabilities.families, Families::ALL);
        let repeated = offered(&[2, 0, 2, 0, 1, 4, 0, 2, 0, 1, 1, 4, 0, 2, 0, 1, 200, 3, 1, 2, 3, 128, 0]);
        assert!(repeated.route_refresh && repeated.multiprotocol && repeated.unknown == 2);
        assert_eq!(repeated.families, Families::NONE.with(Family::Ipv6));
    }

    #[test]
    fn rfc4760_8_a_family_that_is_not_ours_is_multiprotocol_all_the_same() {
        let flowspec = offered(&[1, 4, 0, 1, 0, 133]);
        assert!(flowspec.multiprotocol && flowspec.families.is_empty() && flowspec.spoken().is_empty());
    }

    #[test]
    fn rfc8950_4_only_ipv4_unicast_over_ipv6_counts() {
        assert!(offered(&[5, 6, 0, 1, 0, 1, 0, 2]).extended_next_hop);
        assert!(offered(&[5, 12, 0, 1, 0, 128, 0, 2, 0, 1, 0, 1, 0, 2]).extended_next_hop);
        assert!(!offered(&[5, 6, 0, 1, 0, 4, 0, 2]).extended_next_hop);
        assert!(!offered(&[5, 0]).extended_next_hop);
    }

    #[test]
    fn graceful_restart_is_seen_and_never_written() {
        let open = Open::read(&with_capabilities(&[64, 2, 0, 120])).unwrap();
        assert!(open.capabilities.graceful_restart);
        let mut out = [0; 64];
        let length = open.write(&mut out).unwrap();
        assert!(!Open::read(&out[HEADER..length]).unwrap().capabilities.graceful_restart);
    }

    /// The parameters of `body` in the extended form.
    fn extended(parameters: &[u8]) -> Vec<u8> {
        let length = u16::try_from(parameters.len()).unwrap().to_be_bytes();
        body(&[&[255, 255][..], &length, parameters].concat())
    }

    #[test]
    fn rfc9072_2_the_extended_form_is_read_within_its_own_bounds() {
        let long: Vec<u8> = std::iter::repeat_n([200, 1, 7], 100).flatten().collect();
        let parameter = [&[2, 1, 44][..], &long].concat();
        assert_eq!(Open::read(&extended(&parameter)).unwrap().capabilities.unknown, 100);
        assert_eq!(Open::read(&extended(&[])).unwrap().capabilities, Capabilities::NONE);
        assert_eq!(error(&extended(&parameter[..200])), (2, 0, Vec::new()));
        let mut short = extended(&[2, 0, 2, 2, 0]);
        assert!(Open::read(&short).unwrap().capabilities.route_refresh);
        // The length field of the plain form may be anything but 0.
        short[9] = 4;
        assert!(Open::read(&short).is_ok());
        short.pop();
        assert_eq!(error(&short), (2, 0, Vec::new()));
        assert_eq!(error(&body(&[255, 255])), (2, 0, Vec::new()));
        assert_eq!(error(&body(&[255, 255, 0])), (2, 0, Vec::new()));
    }

    #[test]
    fn rfc9072_2_type_255_anywhere_else_is_an_unknown_parameter() {
        assert_eq!(error(&body(&[4, 2, 0, 255, 0])), (2, 4, Vec::new()));
        assert_eq!(error(&extended(&[255, 0, 0])), (2, 4, Vec::new()));
    }

    fn any_open(rand: &mut Rand) -> Open {
        let bits = rand.next();
        let mut families = Families::NONE;
        for family in Family::ALL {
            if bits & (1 << family.index()) != 0 {
                families = families.with(family);
            }
        }
        let multiprotocol = !families.is_empty();
        let asn = Asn((rand.next() >> (bits >> 27)).max(1));
        let as4 = if asn.0 > 0xFFFF || bits & 4 != 0 { asn } else { Asn(0) };
        Open {
            version: VERSION,
            asn,
            hold_time: (rand.next() as u16).max(3),
            id: BgpId(rand.next().max(1)),
            capabilities: Capabilities {
                families,
                multiprotocol,
                as4,
                route_refresh: bits & 8 != 0,
                enhanced_route_refresh: bits & 16 != 0,
                extended_next_hop: bits & 32 != 0,
                graceful_restart: false,
                unknown: 0,
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same() {
        let mut rand = Rand::new(4);
        for _ in 0..2_000 {
            let open = any_open(&mut rand);
            let (mut first, mut second) = ([0; 128], [0; 128]);
            let length = open.write(&mut first).unwrap();
            let frame = peel(&first[..length]).unwrap().unwrap();
            let read = Open::read(frame.body).unwrap();
            assert_eq!(read, open);
            assert_eq!(read.write(&mut second), Some(length));
            assert_eq!(first, second);
            assert_eq!(open.write(&mut first[..length - 1]), None);
        }
    }

    #[test]
    fn an_open_cut_or_changed_anywhere_is_an_error_or_another_open() {
        let mut rand = Rand::new(5);
        for _ in 0..2_000 {
            let mut out = [0; 128];
            let length = any_open(&mut rand).write(&mut out).unwrap();
            for cut in HEADER..length {
                assert!(Open::read(&out[HEADER..cut]).is_err());
            }
            for _ in 0..8 {
                let place = HEADER + rand.next() as usize % (length - HEADER);
                out[place] = rand.next() as u8;
                let _ = Open::read(&out[HEADER..length]);
            }
        }
    }

    #[test]
    fn the_bytes_of_an_open_are_these() {
        let capabilities = Capabilities {
            families: Families::ALL,
            multiprotocol: true,
            as4: Asn(4_200_000_000),
            route_refresh: true,
            enhanced_route_refresh: true,
            extended_next_hop: true,
            ..Capabilities::NONE
        };
        let open =
            Open { version: 4, asn: Asn(4_200_000_000), hold_time: 9, id: BgpId(0xC000_0201), capabilities };
        let mut out = [0; 128];
        let length = open.write(&mut out).unwrap();
        let expected = [
            &[0xFF; 16][..],
            &[0, 61, 1, 4, 0x5B, 0xA0, 0, 9, 192, 0, 2, 1, 32, 2, 30],
            &[
                1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 5, 6, 0, 1, 0, 1, 0, 2, 65, 4, 0xFA, 0x56, 0xEA, 0,
                70, 0,
            ],
        ]
        .concat();
        assert_eq!(out[..length], expected);
    }
}
