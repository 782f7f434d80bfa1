//! Netlink messages as octets: a writer for requests and a reader for answers, after netlink(7) and rtnetlink(7).
//!
//! Written by hand, because the engine thread follows whole tables of a host: it reads in place, allocates nothing per
//! message, and an attribute that a newer kernel made longer is no reason to lose the message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `NLMSG_ERROR` of linux/netlink.h: also the acknowledgement, with error 0.
pub(crate) const ERROR: u16 = 2;
/// `NLMSG_DONE`.
pub(crate) const DONE: u16 = 3;
/// `NLM_F_REQUEST`.
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`.
pub(crate) const ACK: u16 = 0x4;
/// `NLM_F_DUMP_INTR`: the table changed while it was told.
pub(crate) const INTERRUPTED: u16 = 0x10;
/// `NLM_F_REPLACE`.
pub(crate) const REPLACE: u16 = 0x100;
/// `NLM_F_EXCL`.
pub(crate) const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_CREATE`.
pub(crate) const CREATE: u16 = 0x400;
/// `NLM_F_DUMP`.
pub(crate) const DUMP: u16 = 0x300;
/// `AF_INET` as the tables write it.
pub(crate) const INET: u8 = 2;
/// `AF_INET6`.
pub(crate) const INET6: u8 = 10;

/// The length of a message's header, in octets.
const HEADER: usize = 16;
/// Everything starts at a multiple of this.
const ALIGN: usize = 4;
/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const TYPE_MASK: u16 = 0x3FFF;

/// A request under construction.
#[derive(Debug)]
pub(crate) struct Request {
    octets: Vec<u8>,
}

impl Request {
    /// Starts one of the kind (`RTM_…`), with these flags beside `NLM_F_REQUEST`.
    pub(crate) fn new(kind: u16, flags: u16, sequence: u32) -> Self {
        let mut octets = Vec::with_capacity(256);
        octets.extend_from_slice(&[0; 4]);
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        octets.extend_from_slice(&sequence.to_ne_bytes());
        octets.extend_from_slice(&[0; 4]);
        Self { octets }
    }

    /// Appends a fixed structure, or a part of it.
    pub(crate) fn put(&mut self, octets: &[u8]) -> &mut Self {
        self.octets.extend_from_slice(octets);
        self
    }

    /// Appends an attribute.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.nested(kind, |request| {
            request.put(value);
        })
    }

    /// Appends an attribute with an address as its value.
    pub(crate) fn address(&mut self, kind: u16, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// Appends an attribute whose value `fill` writes.
    pub(crate) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.sized(|request| {
            request.put(&kind.to_ne_bytes());
            fill(request);
        })
    }

    /// Appends what begins with its own length in two octets (an attribute, or a `struct rtnexthop`).
    pub(crate) fn sized(&mut self, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.octets.len();
        self.octets.extend_from_slice(&[0; 2]);
        fill(self);
        let length = u16::try_from(self.octets.len() - start).unwrap_or(u16::MAX);
        self.octets[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.octets.resize(self.octets.len().next_multiple_of(ALIGN), 0);
        self
    }

    /// The whole message.
    pub(crate) fn finish(&mut self) -> &[u8] {
        let length = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        self.octets[..4].copy_from_slice(&length.to_ne_bytes());
        &self.octets
    }
}

/// A message that was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// `RTM_…`, [`ERROR`] or [`DONE`].
    pub(crate) kind: u16,
    /// `NLM_F_…`.
    pub(crate) flags: u16,
    /// The request it answers; 0: nobody's.
    pub(crate) sequence: u32,
    /// The port of the socket whose request caused it; 0: the kernel's own doing.
    pub(crate) sender: u32,
    /// What stands behind the header.
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the first message off `octets` and says how many octets it fills; `None` at the end, or when the rest is no
    /// message.
    pub(crate) fn first(octets: &'a [u8]) -> Option<(Self, usize)> {
        let length = usize::try_from(u32_at(octets, 0)?).ok()?;
        let body = octets.get(HEADER..length)?;
        let message = Self {
            kind: u16_at(octets, 4)?,
            flags: u16_at(octets, 6)?,
            sequence: u32_at(octets, 8)?,
            sender: u32_at(octets, 12)?,
            body,
        };
        Some((message, length.next_multiple_of(ALIGN).min(octets.len())))
    }

    /// The error number in an [`ERROR`] message; 0: the request was carried out.
    pub(crate) fn error(&self) -> i32 {
        u32_at(self.body, 0).map_or(libc::EBADMSG, |code| code.cast_signed().saturating_neg())
    }

    /// The attributes behind a fixed structure of `skip` octets.
    pub(crate) fn attributes(&self, skip: usize) -> Attributes<'a> {
        Attributes(self.body.get(skip.next_multiple_of(ALIGN)..).unwrap_or(&[]))
    }
}

/// Attributes, one after the other: kind (without flags) and value.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & TYPE_MASK;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(ALIGN)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

/// The number in two octets at `at`, in the machine's order.
pub(crate) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

/// The number in four octets at `at`.
pub(crate) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

/// An address of four or sixteen octets.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => Some(Ipv4Addr::from(*octets.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*octets.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut request = Request::new(20, CREATE, 7);
        request.put(&[INET, 32, 0, 0, 1, 0, 0, 0]).attribute(3, b"eth0\0").attribute(4, &[]);
        let octets = request.finish().to_vec();
        let (message, used) = Message::first(&octets).unwrap();
        assert_eq!(
            (message.kind, message.flags, message.sequence, used),
            (20, CREATE | REQUEST, 7, octets.len())
        );
        let attributes: Vec<_> = message.attributes(8).collect();
        assert_eq!(attributes, [(3, &b"eth0\0"[..]), (4, &[][..])]);
    }

    #[test]
    fn octets_cut_anywhere_never_give_more_than_there_is() {
        let mut request = Request::new(20, 0, 1);
        request.put(&[0; 8]).attribute(1, &[1, 2, 3, 4]).attribute(2, &[5; 16]);
        let octets = request.finish();
        for cut in 0..octets.len() {
            assert!(Message::first(&octets[..cut]).is_none());
            assert!(Attributes(&octets[24..24.max(cut)]).count() <= 2);
        }
    }

    #[test]
    fn a_length_that_lies_ends_the_walk() {
        assert!(Message::first(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_none());
        assert_eq!(Attributes(&[0, 0, 1, 0, 9, 9, 9, 9]).count(), 0);
        assert_eq!(Attributes(&[200, 0, 1, 0, 9, 9, 9, 9]).count(), 0);
    }
}
