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
        if capabilities.read(value).is_none() {
            return Err(unspecific);
        }
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
