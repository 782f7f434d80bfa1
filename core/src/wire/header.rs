//! The header of every message, and how a received stream falls into messages (RFC 4271 sections 4.1 and 6.1).

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16};

use crate::base::limits;
use crate::wire::cursor::Writer;
use crate::wire::notification::{Notification, header};

/// The octets of a header: marker 16, length 2, type 1.
pub const HEADER: usize = 19;

const MARKER: [u8; 16] = [0xFF; 16];

/// The type of a message (RFC 4271 section 4.1; RFC 2918).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum MessageType {
    /// OPEN.
    Open = 1,
    /// UPDATE.
    Update = 2,
    /// NOTIFICATION.
    Notification = 3,
    /// KEEPALIVE.
    KeepAlive = 4,
    /// ROUTE-REFRESH.
    RouteRefresh = 5,
}

impl MessageType {
    /// The type with this code.
    pub const fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Open,
            2 => Self::Update,
            3 => Self::Notification,
            4 => Self::KeepAlive,
            5 => Self::RouteRefresh,
            _ => return None,
        })
    }

    /// The shortest message of this type, header included (RFC 4271 section 6.1). ROUTE-REFRESH has none here, because
    /// RFC 7313 section 5 gives its wrong length an error of its own.
    const fn shortest(self) -> usize {
        match self {
            Self::Open => 29,
            Self::Update => 23,
            Self::Notification => 21,
            Self::KeepAlive | Self::RouteRefresh => HEADER,
        }
    }

    /// The longest message of this type.
    const fn longest(self) -> usize {
        match self {
            Self::KeepAlive => HEADER,
            _ => limits::MESSAGE,
        }
    }
}

/// One whole message at the start of a received stream, its header checked (RFC 4271 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its type.
    pub kind: MessageType,
    /// What follows the header.
    pub body: &'a [u8],
    /// All of it, header included.
    pub message: &'a [u8],
    /// Its length in octets, header included: what to drop from the stream.
    pub length: usize,
}

/// Looks at the start of a received stream. `Ok(None)`: the message is not all there yet, and what is there is in order.
///
/// The error is what to answer with: 1/1, 1/2 with the length field, or 1/3 with the type field (RFC 4271 section 6.1).
#[inline]
pub fn peel(stream: &[u8]) -> Result<Option<Frame<'_>>, Notification<'_>> {
    let Ok((_, (marker, length, code))) = (take::<_, _, ()>(MARKER.len()), be_u16, be_u8).parse(stream)
    else {
        // A stream that lost its place is told apart at its first wrong octet, not when a header's worth has come.
        let synchronized = stream.iter().take(MARKER.len()).all(|&octet| octet == 0xFF);
        return if synchronized {
            Ok(None)
        } else {
            Err(Notification::new(header::CODE, header::NOT_SYNCHRONIZED))
        };
    };
    if marker != MARKER {
        return Err(Notification::new(header::CODE, header::NOT_SYNCHRONIZED));
    }
    let length = usize::from(length);
    let bad_length = || Notification {
        code: header::CODE,
        subcode: header::BAD_LENGTH,
        data: stream.get(16..18).unwrap_or_default(),
    };
    if !(HEADER..=limits::MESSAGE).contains(&length) {
        return Err(bad_length());
    }
    let Some(kind) = MessageType::of(code) else {
        let data = stream.get(18..19).unwrap_or_default();
        return Err(Notification { code: header::CODE, subcode: header::BAD_TYPE, data });
    };
    if !(kind.shortest()..=kind.longest()).contains(&length) {
        return Err(bad_length());
    }
    Ok(stream.get(..length).map(|message| Frame {
        kind,
        body: message.get(HEADER..).unwrap_or_default(),
        message,
        length,
    }))
}

/// Writes a KEEPALIVE; returns its length, 19. `None` when it does not fit.
pub fn write_keepalive(out: &mut [u8]) -> Option<usize> {
    Writer::message(out, MessageType::KeepAlive)?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u16, code: u8) -> [u8; 32] {
        let mut stream = [0xFF; 32];
        stream[16..18].copy_from_slice(&length.to_be_bytes());
        stream[18] = code;
        stream
    }

    fn error(stream: &[u8]) -> (u8, u8, &[u8]) {
        let Notification { code, subcode, data } = peel(stream).unwrap_err();
        (code, subcode, data)
    }

    #[test]
    fn a_message_is_whole_or_not_there_yet_at_every_cut() {
        let stream = message(32, 2);
        for cut in 0..32 {
            assert_eq!(peel(&stream[..cut]), Ok(None), "{cut}");
        }
        let frame = peel(&stream).unwrap().unwrap();
        assert_eq!((frame.kind, frame.length, frame.body.len()), (MessageType::Update, 32, 13));
        assert_eq!(frame.message, stream);
    }

    #[test]
    fn messages_follow_each_other() {
        let mut stream = [0; 38];
        write_keepalive(&mut stream).unwrap();
        write_keepalive(&mut stream[19..]).unwrap();
        let first = peel(&stream).unwrap().unwrap();
        let second = peel(&stream[first.length..]).unwrap().unwrap();
        assert_eq!((first.kind, second.kind), (MessageType::KeepAlive, MessageType::KeepAlive));
        assert!(second.body.is_empty());
    }

    #[test]
    fn rfc4271_6_1_a_marker_that_is_not_all_ones_is_not_synchronized_at_its_first_octet() {
        for place in 0..16 {
            let mut stream = message(19, 4);
            stream[place] = 0xFE;
            assert_eq!(error(&stream), (1, 1, &[][..]));
            assert_eq!(error(&stream[..=place]), (1, 1, &[][..]));
        }
    }

    #[test]
    fn rfc4271_6_1_a_bad_length_is_told_with_the_length_field() {
        for (length, code) in
            [(0, 2), (18, 4), (4097, 2), (65535, 1), (28, 1), (22, 2), (20, 3), (20, 4), (18, 5), (0, 0)]
        {
            let length: u16 = length;
            assert_eq!(error(&message(length, code)), (1, 2, &length.to_be_bytes()[..]), "{length} {code}");
        }
        for (length, code) in [(29, 1), (4096, 1), (23, 2), (4096, 2), (21, 3), (19, 4), (19, 5), (4096, 5)] {
            assert!(peel(&message(length, code)).is_ok(), "{length} {code}");
        }
    }

    #[test]
    fn rfc4271_6_1_a_bad_type_is_told_with_the_type_field() {
        for code in [0, 6, 255] {
            assert_eq!(error(&message(19, code)), (1, 3, &[code][..]));
        }
    }

    #[test]
    fn a_keepalive_that_does_not_fit_is_not_written() {
        assert_eq!(write_keepalive(&mut [0; 18]), None);
        let mut out = [0; 19];
        assert_eq!(write_keepalive(&mut out), Some(19));
        assert_eq!(out[16..], [0, 19, 4]);
    }
}
