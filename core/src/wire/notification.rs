//! NOTIFICATION: every code and subcode, their names, and the shutdown text (RFC 4271 sections 4.5 and 6; RFC 4486,
//! 6608, 7313, 8538, 9003, 9234, 9384, 9687).

use core::fmt;

use crate::base::limits;
use crate::wire::cursor::Writer;
use crate::wire::header::MessageType;

/// Message Header Error (RFC 4271 section 6.1).
pub mod header {
    /// The error code.
    pub const CODE: u8 = 1;
    /// Connection Not Synchronized.
    pub const NOT_SYNCHRONIZED: u8 = 1;
    /// Bad Message Length; data: the length field.
    pub const BAD_LENGTH: u8 = 2;
    /// Bad Message Type; data: the type field.
    pub const BAD_TYPE: u8 = 3;
}

/// OPEN Message Error (RFC 4271 section 6.2; RFC 5492 section 5; RFC 9234 section 4.2).
pub mod open {
    /// The error code.
    pub const CODE: u8 = 2;
    /// Malformed in a way that has no subcode of its own.
    pub const UNSPECIFIC: u8 = 0;
    /// Unsupported Version Number; data: the largest version supported, in two octets.
    pub const UNSUPPORTED_VERSION: u8 = 1;
    /// Bad Peer AS.
    pub const BAD_PEER_AS: u8 = 2;
    /// Bad BGP Identifier.
    pub const BAD_IDENTIFIER: u8 = 3;
    /// Unsupported Optional Parameter.
    pub const UNSUPPORTED_PARAMETER: u8 = 4;
    /// Authentication Failure; deprecated by RFC 4271.
    pub const AUTHENTICATION_FAILURE: u8 = 5;
    /// Unacceptable Hold Time.
    pub const UNACCEPTABLE_HOLD_TIME: u8 = 6;
    /// Unsupported Capability; data: the capabilities that are missing.
    pub const UNSUPPORTED_CAPABILITY: u8 = 7;
    /// Role Mismatch.
    pub const ROLE_MISMATCH: u8 = 11;
}

/// UPDATE Message Error (RFC 4271 section 6.3).
pub mod update {
    /// The error code.
    pub const CODE: u8 = 3;
    /// Malformed Attribute List.
    pub const MALFORMED_ATTRIBUTE_LIST: u8 = 1;
    /// Unrecognized Well-known Attribute; data: the attribute.
    pub const UNRECOGNIZED_WELL_KNOWN: u8 = 2;
    /// Missing Well-known Attribute; data: its type code.
    pub const MISSING_WELL_KNOWN: u8 = 3;
    /// Attribute Flags Error; data: the attribute.
    pub const ATTRIBUTE_FLAGS: u8 = 4;
    /// Attribute Length Error; data: the attribute.
    pub const ATTRIBUTE_LENGTH: u8 = 5;
    /// Invalid ORIGIN Attribute; data: the attribute.
    pub const INVALID_ORIGIN: u8 = 6;
    /// AS Routing Loop; deprecated by RFC 4271.
    pub const ROUTING_LOOP: u8 = 7;
    /// Invalid NEXT_HOP Attribute; data: the attribute.
    pub const INVALID_NEXT_HOP: u8 = 8;
    /// Optional Attribute Error; data: the attribute.
    pub const OPTIONAL_ATTRIBUTE: u8 = 9;
    /// Invalid Network Field.
    pub const INVALID_NETWORK: u8 = 10;
    /// Malformed AS_PATH.
    pub const MALFORMED_AS_PATH: u8 = 11;
}

/// Hold Timer Expired (RFC 4271 section 6.5).
pub mod hold_timer {
    /// The error code; it has no subcodes.
    pub const CODE: u8 = 4;
}

/// Finite State Machine Error (RFC 4271 section 6.6; subcodes of RFC 6608).
pub mod fsm {
    /// The error code.
    pub const CODE: u8 = 5;
    /// Unspecified Error.
    pub const UNSPECIFIED: u8 = 0;
    /// Receive Unexpected Message in OpenSent State.
    pub const IN_OPEN_SENT: u8 = 1;
    /// Receive Unexpected Message in OpenConfirm State.
    pub const IN_OPEN_CONFIRM: u8 = 2;
    /// Receive Unexpected Message in Established State.
    pub const IN_ESTABLISHED: u8 = 3;
}

/// Cease (RFC 4271 section 6.7; subcodes of RFC 4486, 8538, 9384).
pub mod cease {
    /// The error code.
    pub const CODE: u8 = 6;
    /// Maximum Number of Prefixes Reached; data may hold AFI, SAFI and the bound.
    pub const MAXIMUM_PREFIXES: u8 = 1;
    /// Administrative Shutdown; data may hold a text (RFC 9003).
    pub const ADMINISTRATIVE_SHUTDOWN: u8 = 2;
    /// Peer De-configured.
    pub const PEER_DECONFIGURED: u8 = 3;
    /// Administrative Reset; data may hold a text (RFC 9003).
    pub const ADMINISTRATIVE_RESET: u8 = 4;
    /// Connection Rejected.
    pub const CONNECTION_REJECTED: u8 = 5;
    /// Other Configuration Change.
    pub const CONFIGURATION_CHANGE: u8 = 6;
    /// Connection Collision Resolution.
    pub const COLLISION: u8 = 7;
    /// Out of Resources.
    pub const OUT_OF_RESOURCES: u8 = 8;
    /// Hard Reset (RFC 8538).
    pub const HARD_RESET: u8 = 9;
    /// BFD Down (RFC 9384).
    pub const BFD_DOWN: u8 = 10;
}

/// ROUTE-REFRESH Message Error (RFC 7313 section 5).
pub mod refresh {
    /// The error code.
    pub const CODE: u8 = 7;
    /// Invalid Message Length; data: the whole ROUTE-REFRESH message.
    pub const INVALID_LENGTH: u8 = 1;
}

/// Send Hold Timer Expired (RFC 9687).
pub mod send_hold_timer {
    /// The error code; it has no subcodes.
    pub const CODE: u8 = 8;
}

/// What a code and a subcode mean, in the RFCs' words, for logs. What is not assigned is called so.
pub const fn name(code: u8, subcode: u8) -> &'static str {
    match (code, subcode) {
        (1, 1) => "Connection Not Synchronized",
        (1, 2) => "Bad Message Length",
        (1, 3) => "Bad Message Type",
        (1, _) => "Message Header Error",
        (2, 1) => "Unsupported Version Number",
        (2, 2) => "Bad Peer AS",
        (2, 3) => "Bad BGP Identifier",
        (2, 4) => "Unsupported Optional Parameter",
        (2, 5) => "Authentication Failure",
        (2, 6) => "Unacceptable Hold Time",
        (2, 7) => "Unsupported Capability",
        (2, 11) => "Role Mismatch",
        (2, _) => "OPEN Message Error",
        (3, 1) => "Malformed Attribute List",
        (3, 2) => "Unrecognized Well-known Attribute",
        (3, 3) => "Missing Well-known Attribute",
        (3, 4) => "Attribute Flags Error",
        (3, 5) => "Attribute Length Error",
        (3, 6) => "Invalid ORIGIN Attribute",
        (3, 7) => "AS Routing Loop",
        (3, 8) => "Invalid NEXT_HOP Attribute",
        (3, 9) => "Optional Attribute Error",
        (3, 10) => "Invalid Network Field",
        (3, 11) => "Malformed AS_PATH",
        (3, _) => "UPDATE Message Error",
        (4, _) => "Hold Timer Expired",
        (5, 1) => "Receive Unexpected Message in OpenSent State",
        (5, 2) => "Receive Unexpected Message in OpenConfirm State",
        (5, 3) => "Receive Unexpected Message in Established State",
        (5, _) => "Finite State Machine Error",
        (6, 1) => "Maximum Number of Prefixes Reached",
        (6, 2) => "Administrative Shutdown",
        (6, 3) => "Peer De-configured",
        (6, 4) => "Administrative Reset",
        (6, 5) => "Connection Rejected",
        (6, 6) => "Other Configuration Change",
        (6, 7) => "Connection Collision Resolution",
        (6, 8) => "Out of Resources",
        (6, 9) => "Hard Reset",
        (6, 10) => "BFD Down",
        (6, _) => "Cease",
        (7, 1) => "Invalid Message Length",
        (7, _) => "ROUTE-REFRESH Message Error",
        (8, _) => "Send Hold Timer Expired",
        _ => "unassigned error code",
    }
}

/// A NOTIFICATION, received or to be sent. Its data is a slice of what was received (or a constant), never a guess at
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The error code.
    pub code: u8,
    /// The error subcode; 0 where the code has none.
    pub subcode: u8,
    /// What the RFC of the code says belongs here.
    pub data: &'a [u8],
}

impl Notification<'static> {
    /// A NOTIFICATION without data.
    pub const fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, data: &[] }
    }

    /// A Cease; the constants are in [`cease`].
    pub const fn cease(subcode: u8) -> Self {
        Self::new(cease::CODE, subcode)
    }

    /// Hold Timer Expired.
    pub const fn hold_timer_expired() -> Self {
        Self::new(hold_timer::CODE, 0)
    }

    /// Send Hold Timer Expired (RFC 9687).
    pub const fn send_hold_timer_expired() -> Self {
        Self::new(send_hold_timer::CODE, 0)
    }

    /// Finite State Machine Error; the constants are in [`fsm`].
    pub const fn fsm_error(subcode: u8) -> Self {
        Self::new(fsm::CODE, subcode)
    }

    /// OPEN Message Error; the constants are in [`open`].
    pub const fn open_error(subcode: u8) -> Self {
        Self::new(open::CODE, subcode)
    }
}

impl<'a> Notification<'a> {
    /// Reads a body. A NOTIFICATION is never answered with another (RFC 4271 section 6.4), so that a body cut short is
    /// read as far as it goes; framing lets none through that has fewer than two octets.
    pub fn read(body: &'a [u8]) -> Self {
        let (code, rest) = body.split_first().unwrap_or((&0, &[]));
        let (subcode, data) = rest.split_first().unwrap_or((&0, &[]));
        Self { code: *code, subcode: *subcode, data }
    }

    /// Writes the whole message; returns its length. `None` when it does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut message = Writer::message(out, MessageType::Notification)?;
        message.put([self.code, self.subcode])?;
        message.put_slice(self.data)?;
        message.finish()
    }

    /// What the code and the subcode mean.
    pub const fn name(&self) -> &'static str {
        name(self.code, self.subcode)
    }

    /// The text of an Administrative Shutdown or Reset (RFC 9003): `None` when there is none, when its length octet does
    /// not fit the data, or when it is not UTF-8. It comes from the peer: whoever shows it must defuse control characters.
    pub fn shutdown_text(&self) -> Option<&'a str> {
        core::str::from_utf8(self.shutdown_communication()?).ok()
    }

    /// The same as it came, UTF-8 or not: 1 to 255 octets (RFC 9003 section 2, "Shutdown Communication").
    pub fn shutdown_communication(&self) -> Option<&'a [u8]> {
        if self.code != cease::CODE
            || !matches!(self.subcode, cease::ADMINISTRATIVE_SHUTDOWN | cease::ADMINISTRATIVE_RESET)
        {
            return None;
        }
        let (&length, text) = self.data.split_first()?;
        text.get(..usize::from(length)).filter(|text| !text.is_empty())
    }
}

/// Writes a Cease with a text (RFC 9003 section 2); `subcode` is Administrative Shutdown or Administrative Reset. A text
/// beyond 128 octets, which is what older receivers take (RFC 8203), is cut at a character. Returns the message's length.
pub fn write_shutdown(subcode: u8, text: &str, out: &mut [u8]) -> Option<usize> {
    let text = text.get(..text.floor_char_boundary(limits::SHUTDOWN_TEXT)).unwrap_or_default();
    let mut message = Writer::message(out, MessageType::Notification)?;
    message.put([cease::CODE, subcode])?;
    if !text.is_empty() {
        message.put([u8::try_from(text.len()).ok()?])?;
        message.put_slice(text.as_bytes())?;
    }
    message.finish()
}

impl fmt::Display for Notification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.code, self.subcode, self.name())
    }
}

impl core::error::Error for Notification<'_> {}

/// How many octets of data a [`Fault`] keeps.
pub const FAULT_DATA: usize = 26;

/// A NOTIFICATION that is owed: without a borrow, all zero bits at rest (code 0 is not assigned: nothing is owed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The error code.
    pub code: u8,
    /// The error subcode.
    pub subcode: u8,
    length: u8,
    data: [u8; FAULT_DATA],
}

impl Fault {
    /// Nothing owed.
    pub const NONE: Self = Self { code: 0, subcode: 0, length: 0, data: [0; FAULT_DATA] };

    /// One without data.
    pub const fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, length: 0, data: [0; FAULT_DATA] }
    }

    /// Whether nothing is owed.
    pub const fn is_none(&self) -> bool {
        self.code == 0
    }

    /// It as a NOTIFICATION, to be written.
    pub fn notification(&self) -> Notification<'_> {
        let data = self.data.get(..usize::from(self.length)).unwrap_or_default();
        Notification { code: self.code, subcode: self.subcode, data }
    }
}

impl From<Notification<'_>> for Fault {
    /// Keeps the first [`FAULT_DATA`] octets of the data.
    fn from(notification: Notification<'_>) -> Self {
        let mut fault = Self::new(notification.code, notification.subcode);
        for (kept, &octet) in fault.data.iter_mut().zip(notification.data) {
            *kept = octet;
            fault.length = fault.length.saturating_add(1);
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::{HEADER, peel};
    use std::string::ToString;
    use std::vec::Vec;

    fn written(notification: Notification<'_>) -> Vec<u8> {
        let mut out = [0; 256];
        let length = notification.write(&mut out).unwrap();
        out[..length].to_vec()
    }

    fn with_text(subcode: u8, data: &[u8]) -> Notification<'_> {
        Notification { code: cease::CODE, subcode, data }
    }

    #[test]
    fn every_assigned_code_and_subcode_has_a_name_of_its_own() {
        let last = [(1, 3), (2, 7), (3, 11), (4, 0), (5, 3), (6, 10), (7, 1), (8, 0)];
        let mut names = Vec::new();
        for (code, subcodes) in last {
            names.extend((0..=subcodes).map(|subcode| name(code, subcode)));
            assert_eq!(name(code, 99), name(code, 0), "{code}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(name(2, 11), "Role Mismatch");
        assert_eq!(name(0, 0), name(9, 1));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for code in 0..=9 {
            for subcode in 0..=12 {
                for data in [&[][..], &[1], &[0xFF; 40]] {
                    let notification = Notification { code, subcode, data };
                    let bytes = written(notification);
                    let frame = peel(&bytes).unwrap().unwrap();
                    assert_eq!(Notification::read(frame.body), notification);
                }
            }
        }
        assert_eq!(Notification::read(&[6]), Notification::cease(0));
        assert_eq!(Notification::read(&[]), Notification::new(0, 0));
    }

    #[test]
    fn one_that_does_not_fit_is_not_written() {
        let notification = Notification { code: 3, subcode: 9, data: &[0; 236] };
        assert_eq!(notification.write(&mut [0; 256]), None);
        assert_eq!(notification.write(&mut [0; 257]), Some(257));
    }

    #[test]
    fn rfc9003_2_the_text_goes_both_ways() {
        for subcode in [cease::ADMINISTRATIVE_SHUTDOWN, cease::ADMINISTRATIVE_RESET] {
            let mut out = [0; 256];
            let length = write_shutdown(subcode, "Wartung bis 3 Uhr, Grüße", &mut out).unwrap();
            let read = Notification::read(&out[HEADER..length]);
            assert_eq!((read.code, read.subcode), (6, subcode));
            assert_eq!(read.shutdown_text(), Some("Wartung bis 3 Uhr, Grüße"));
        }
    }

    #[test]
    fn rfc9003_2_a_long_text_is_cut_at_a_character() {
        let text: std::string::String = core::iter::repeat_n('ü', 65).collect();
        let mut out = [0; 256];
        let odd = std::format!("x{text}");
        let length = write_shutdown(2, &odd, &mut out).unwrap();
        let read = Notification::read(&out[HEADER..length]).shutdown_text().unwrap();
        assert_eq!(read.len(), 127);
        assert!(odd.starts_with(read));
        assert_eq!(write_shutdown(2, "", &mut out), Some(21));
        assert_eq!(write_shutdown(2, &odd, &mut out[..148]), None);
    }

    #[test]
    fn rfc9003_2_a_text_that_is_not_in_order_is_none() {
        for data in [&[][..], &[0], &[3, b'a', b'b'], &[2, 0xC3, 0x28], &[1]] {
            assert_eq!(with_text(2, data).shutdown_text(), None, "{data:?}");
        }
        assert_eq!(with_text(2, &[2, b'o', b'k', 0]).shutdown_text(), Some("ok"));
        assert_eq!(with_text(6, &[2, b'o', b'k']).shutdown_text(), None);
        assert_eq!(Notification { code: 3, subcode: 2, data: &[2, b'o', b'k'] }.shutdown_text(), None);
    }

    #[test]
    fn a_fault_keeps_what_is_owed_and_no_more_than_it_can() {
        assert!(Fault::NONE.is_none() && Fault::default() == Fault::NONE);
        let data: Vec<u8> = (0..100).collect();
        let fault = Fault::from(Notification { code: 3, subcode: 9, data: &data });
        assert_eq!(fault.notification(), Notification { code: 3, subcode: 9, data: &data[..FAULT_DATA] });
        let short = Fault::from(Notification { code: 1, subcode: 2, data: &[0, 18] });
        assert_eq!(short.notification().data, [0, 18]);
        assert_eq!(Fault::new(6, 2).notification(), Notification::cease(2));
    }

    #[test]
    fn the_constructors_carry_their_codes() {
        assert_eq!(Notification::cease(cease::BFD_DOWN).to_string(), "6/10 BFD Down");
        assert_eq!(Notification::hold_timer_expired().to_string(), "4/0 Hold Timer Expired");
        assert_eq!(Notification::send_hold_timer_expired().to_string(), "8/0 Send Hold Timer Expired");
        assert_eq!(Notification::fsm_error(fsm::IN_OPEN_SENT).code, 5);
        assert_eq!(Notification::open_error(open::BAD_PEER_AS).code, 2);
    }
}
