//! ROUTE-REFRESH (RFC 2918), with the subtypes that mark the begin and the end of a refresh (RFC 7313).

use crate::base::net::AfiSafi;
use crate::wire::cursor::Writer;
use crate::wire::header::{Frame, MessageType};
use crate::wire::notification::{Notification, refresh};

/// What a ROUTE-REFRESH says (RFC 7313 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Subtype {
    /// 0: send your routes again.
    #[default]
    Request,
    /// 1: here begins the refresh (BoRR).
    Begin,
    /// 2: here it ends (EoRR).
    End,
    /// Any other: to be ignored (RFC 7313 section 5).
    Unknown(u8),
}

/// A ROUTE-REFRESH message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouteRefresh {
    /// The family it is about, known or not.
    pub afi_safi: AfiSafi,
    /// What it says of it.
    pub subtype: Subtype,
}

impl RouteRefresh {
    /// Reads a framed message. The error is 7/1 with the whole message as data (RFC 7313 section 5). A request may be
    /// longer, because a peer that believes in outbound route filters appends them (RFC 5291): they are not looked at.
    pub fn read(frame: Frame<'_>) -> Result<Self, Notification<'_>> {
        let bad = Notification { code: refresh::CODE, subcode: refresh::INVALID_LENGTH, data: frame.message };
        let Some((&[afi_high, afi_low, subtype, safi], rest)) = frame.body.split_first_chunk() else {
            return Err(bad);
        };
        let subtype = match subtype {
            0 => Subtype::Request,
            1 => Subtype::Begin,
            2 => Subtype::End,
            other => Subtype::Unknown(other),
        };
        if matches!(subtype, Subtype::Begin | Subtype::End) && !rest.is_empty() {
            return Err(bad);
        }
        Ok(Self { afi_safi: AfiSafi { afi: u16::from_be_bytes([afi_high, afi_low]), safi }, subtype })
    }

    /// Writes the whole message; returns its length, 23. `None` when it does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let subtype = match self.subtype {
            Subtype::Request => 0,
            Subtype::Begin => 1,
            Subtype::End => 2,
            Subtype::Unknown(other) => other,
        };
        let mut message = Writer::message(out, MessageType::RouteRefresh)?;
        let [high, low] = self.afi_safi.afi.to_be_bytes();
        message.put([high, low, subtype, self.afi_safi.safi])?;
        message.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::Family;
    use crate::wire::header::peel;
    use std::vec::Vec;

    fn message(body: &[u8]) -> Vec<u8> {
        [&[0xFF; 16][..], &[0, 19 + u8::try_from(body.len()).unwrap(), 5], body].concat()
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same() {
        for subtype in [Subtype::Request, Subtype::Begin, Subtype::End, Subtype::Unknown(7)] {
            for afi_safi in [Family::Ipv4.into(), Family::Ipv6.into(), AfiSafi { afi: 25, safi: 70 }] {
                let refresh = RouteRefresh { afi_safi, subtype };
                let mut out = [0; 23];
                assert_eq!(refresh.write(&mut out), Some(23));
                assert_eq!(RouteRefresh::read(peel(&out).unwrap().unwrap()), Ok(refresh));
                assert_eq!(refresh.write(&mut out[..22]), None);
            }
        }
    }

    #[test]
    fn rfc2918_3_the_octets_stand_in_this_order() {
        let mut out = [0; 23];
        RouteRefresh { afi_safi: Family::Ipv6.into(), subtype: Subtype::End }.write(&mut out).unwrap();
        assert_eq!(out[19..], [0, 2, 2, 1]);
    }

    #[test]
    fn rfc7313_5_a_bad_length_is_told_with_the_whole_message() {
        for body in [&[][..], &[0, 1, 0], &[0, 1, 1, 1, 0], &[0, 1, 2, 1, 9, 9]] {
            let bytes = message(body);
            let error = RouteRefresh::read(peel(&bytes).unwrap().unwrap()).unwrap_err();
            assert_eq!((error.code, error.subcode, error.data), (7, 1, &bytes[..]));
        }
    }

    #[test]
    fn rfc5291_a_request_with_filters_is_a_request() {
        let bytes = message(&[0, 1, 0, 1, 1, 128, 0, 0]);
        assert_eq!(RouteRefresh::read(peel(&bytes).unwrap().unwrap()).unwrap().subtype, Subtype::Request);
    }
}
