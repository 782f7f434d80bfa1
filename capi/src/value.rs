//! The values on both sides of the boundary. What comes from C is plain integers and pointers, so that no bit pattern is
//! undefined behaviour; it becomes a Rust value by being checked.

use core::ffi::{c_char, c_void};
use core::net::IpAddr;

use holdover_core::base::net::{Family, InterfaceAddress, Prefix};
use holdover_core::bfd::BfdKind;
use holdover_core::engine::{
    AddressId, BfdId, ConnId, Endpoint, IoError, LinkId, PeerId, ProbeFailure, ProbeId, RouteId, Slot,
    Verdict,
};

use crate::status::holdover_status;

/// What a check of a value gives.
pub(crate) type Checked<T> = Result<T, holdover_status>;

/// The family of an address.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_family {
    /// No address: the other fields mean nothing.
    None = 0,
    /// IPv4: the first four octets count.
    Ipv4 = 4,
    /// IPv6: all sixteen octets count.
    Ipv6 = 6,
}

/// An IP address, its octets in network order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_address {
    /// One of holdover_family.
    pub family: u8,
    /// The address; of IPv4 the first four, the rest zero.
    pub octets: [u8; 16],
}

/// An address and a length in bits: of a prefix, or of the subnet around an interface's address.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_prefix {
    /// The address.
    pub address: holdover_address,
    /// The length: 0 to 32, or to 128.
    pub length: u8,
}

/// One end of a TCP connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_endpoint {
    /// The address.
    pub address: holdover_address,
    /// The port, in host order.
    pub port: u16,
    /// The link it is reached by; 0: whichever. An IPv6 link-local address needs one.
    pub link: u32,
}

/// Some octets. In an order they are the engine's, and stay until the next call that changes the engine; in an input they
/// are the caller's, and are read before the call returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_bytes {
    /// The first; NULL: there are none.
    pub data: *const u8,
    /// How many.
    pub len: usize,
}

/// Some text: UTF-8, not ended by a zero. Whose it is and how long it stays: as for holdover_bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_text {
    /// The first octet; NULL: there is none.
    pub data: *const c_char,
    /// How many octets.
    pub len: usize,
}

/// Takes a piece of what a function writes. Answers 0 to go on; anything else ends the writing, and the function answers
/// HOLDOVER_STATUS_ERROR_WRITE. The text is UTF-8, is not ended by a zero, and stays only until the callback returns. The
/// callback calls no function of this library with the same engine (it would be answered HOLDOVER_STATUS_ERROR_BUSY), and
/// does not leave by longjmp.
pub type holdover_write =
    Option<unsafe extern "C" fn(context: *mut c_void, text: *const c_char, len: usize) -> i32>;

/// The name of a TCP connection, or of an attempt at one. Compare all three fields: a later connection in the same place
/// has another generation. There are at most 2 * HOLDOVER_PEERS at a time, so that `2 * peer + slot` is a place in a table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_conn {
    /// Which peer, from 0.
    pub peer: u16,
    /// 0: we opened it; 1: the peer did.
    pub slot: u8,
    /// Which use of that place.
    pub generation: u32,
}

/// The name of a BFD session.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_bfd {
    /// Which peer's, from 0.
    pub peer: u16,
    /// Which use of it.
    pub generation: u16,
}

/// The name of an address that the engine binds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_address_id {
    /// Its place.
    pub index: u16,
    /// Which use of it.
    pub generation: u16,
}

/// The name of a route that the engine installs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_route_id {
    /// Its place.
    pub index: u32,
    /// Which use of it.
    pub generation: u16,
}

/// The name of a run of a check.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct holdover_probe {
    /// The check's place in the configuration.
    pub check: u16,
    /// Which run of it.
    pub generation: u16,
}

/// Which port a BFD packet goes to.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_bfd_kind {
    /// UDP 3784: the neighbor is on a connected subnet (RFC 5881 section 4).
    SingleHop = 0,
    /// UDP 4784: it is some hops away (RFC 5883 section 5).
    Multihop = 1,
}

/// Why the machine could not do something, or that it could.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_io_error {
    /// Nothing went wrong; of a connection that closed: an orderly end.
    None = 0,
    /// The peer refused the connection.
    Refused = 1,
    /// The peer reset an established connection.
    Reset = 2,
    /// No answer in time.
    TimedOut = 3,
    /// No route to it, or its network or host is unreachable.
    Unreachable = 4,
    /// Our own address is not there.
    AddressUnavailable = 5,
    /// The address or port is taken.
    InUse = 6,
    /// Permission denied.
    Denied = 7,
    /// This machine lacks it (TCP MD5, for example).
    Unsupported = 8,
    /// No memory, no socket, a full table.
    Exhausted = 9,
    /// Anything else.
    Other = 10,
}

/// What a probe found.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_verdict {
    /// The service is well.
    Pass = 0,
    /// It is not; nothing more is known.
    Fail = 1,
    /// No answer in time.
    TimedOut = 2,
    /// The connection was refused or reset.
    Refused = 3,
    /// There is no way to the host.
    Unreachable = 4,
    /// An HTTP status that is not expected; `detail`: which.
    BadStatus = 5,
    /// What came back is not what is expected.
    BadBody = 6,
    /// The program ended badly; `detail`: its exit status.
    ExitStatus = 7,
    /// A signal ended the program; `detail`: its number.
    Signalled = 8,
    /// It could not be started.
    NotStarted = 9,
    /// It may not be started, or looked at.
    NotAllowed = 10,
    /// What is asked for is not there.
    Missing = 11,
    /// It is there, and is not to be.
    Present = 12,
    /// TLS: a certificate that does not hold, or no agreement.
    Tls = 13,
    /// The name could not be resolved.
    Resolve = 14,
    /// This machine lacks what the check needs.
    Unsupported = 15,
    /// The probe could not be made, for want of memory or sockets of this machine: that says nothing about the service. The last
    /// result stands, and the next probe is due 100 ms after this one began; without a result it counts as NotStarted. Do not
    /// give it for ever: a service that has ended must be noticed.
    NotRun = 16,
}

const IO_ERRORS: [(holdover_io_error, IoError); 11] = [
    (holdover_io_error::None, IoError::None),
    (holdover_io_error::Refused, IoError::Refused),
    (holdover_io_error::Reset, IoError::Reset),
    (holdover_io_error::TimedOut, IoError::TimedOut),
    (holdover_io_error::Unreachable, IoError::Unreachable),
    (holdover_io_error::AddressUnavailable, IoError::AddressUnavailable),
    (holdover_io_error::InUse, IoError::InUse),
    (holdover_io_error::Denied, IoError::Denied),
    (holdover_io_error::Unsupported, IoError::Unsupported),
    (holdover_io_error::Exhausted, IoError::Exhausted),
    (holdover_io_error::Other, IoError::Other),
];

/// The reason with this number.
pub(crate) fn io_error(number: u8) -> Checked<IoError> {
    let row = IO_ERRORS.iter().find(|(code, _)| *code as u8 == number);
    row.map(|&(_, error)| error).ok_or(holdover_status::ErrorValue)
}

/// A result by the reason's number: none is a success.
pub(crate) fn result(number: u8) -> Checked<Result<(), IoError>> {
    Ok(match io_error(number)? {
        IoError::None => Ok(()),
        why => Err(why),
    })
}

/// The verdicts that carry no number.
const VERDICTS: [(holdover_verdict, ProbeFailure); 12] = [
    (holdover_verdict::Fail, ProbeFailure::Other),
    (holdover_verdict::TimedOut, ProbeFailure::TimedOut),
    (holdover_verdict::Refused, ProbeFailure::Refused),
    (holdover_verdict::Unreachable, ProbeFailure::Unreachable),
    (holdover_verdict::BadBody, ProbeFailure::BadBody),
    (holdover_verdict::NotStarted, ProbeFailure::NotStarted),
    (holdover_verdict::NotAllowed, ProbeFailure::NotAllowed),
    (holdover_verdict::Missing, ProbeFailure::Missing),
    (holdover_verdict::Present, ProbeFailure::Present),
    (holdover_verdict::Tls, ProbeFailure::Tls),
    (holdover_verdict::Resolve, ProbeFailure::Resolve),
    (holdover_verdict::Unsupported, ProbeFailure::Unsupported),
];

/// The verdict with this number.
pub(crate) fn verdict(number: u8, detail: u16) -> Checked<Verdict> {
    let octet = u8::try_from(detail).map_err(|_| holdover_status::ErrorValue);
    let is = |verdict: holdover_verdict| number == verdict as u8;
    if is(holdover_verdict::Pass) {
        return Ok(Verdict::Pass);
    }
    if is(holdover_verdict::NotRun) {
        return Ok(Verdict::NotRun(ProbeFailure::NotStarted));
    }
    let failure = if is(holdover_verdict::BadStatus) {
        ProbeFailure::BadStatus(detail)
    } else if is(holdover_verdict::ExitStatus) {
        ProbeFailure::ExitStatus(octet?)
    } else if is(holdover_verdict::Signalled) {
        ProbeFailure::Signalled(octet?)
    } else {
        let row = VERDICTS.iter().find(|(code, _)| is(*code));
        row.map(|&(_, failure)| failure).ok_or(holdover_status::ErrorValue)?
    };
    Ok(Verdict::Fail(failure))
}

impl holdover_address {
    /// No address.
    pub(crate) const NONE: Self = Self { family: holdover_family::None as u8, octets: [0; 16] };

    pub(crate) fn get(self) -> Checked<IpAddr> {
        let [a, b, c, d, ..] = self.octets;
        if self.family == holdover_family::Ipv4 as u8 {
            Ok(IpAddr::from([a, b, c, d]))
        } else if self.family == holdover_family::Ipv6 as u8 {
            Ok(IpAddr::from(self.octets))
        } else {
            Err(holdover_status::ErrorValue)
        }
    }
}

impl From<IpAddr> for holdover_address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let mut octets = [0; 16];
                octets[..4].copy_from_slice(&address.octets());
                Self { family: holdover_family::Ipv4 as u8, octets }
            }
            IpAddr::V6(address) => Self { family: holdover_family::Ipv6 as u8, octets: address.octets() },
        }
    }
}

impl From<Option<IpAddr>> for holdover_address {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::NONE, Self::from)
    }
}

impl holdover_prefix {
    /// A prefix; host bits are cleared.
    pub(crate) fn prefix(self) -> Checked<Prefix> {
        Prefix::new(self.address.get()?, self.length).ok_or(holdover_status::ErrorValue)
    }

    /// An interface's address, with its host bits.
    pub(crate) fn interface(self) -> Checked<InterfaceAddress> {
        let address = self.address.get()?;
        if self.length > Family::of(address).bits() {
            return Err(holdover_status::ErrorValue);
        }
        Ok(InterfaceAddress { address, length: self.length })
    }
}

impl From<Prefix> for holdover_prefix {
    fn from(prefix: Prefix) -> Self {
        Self { address: prefix.address().into(), length: prefix.length() }
    }
}

impl From<InterfaceAddress> for holdover_prefix {
    fn from(address: InterfaceAddress) -> Self {
        Self { address: address.address.into(), length: address.length }
    }
}

/// A link that there must be.
pub(crate) fn link(number: u32) -> Checked<LinkId> {
    if number == 0 { Err(holdover_status::ErrorValue) } else { Ok(LinkId(number)) }
}

impl holdover_endpoint {
    pub(crate) fn get(self) -> Checked<Endpoint> {
        let link = (self.link != 0).then_some(LinkId(self.link));
        Ok(Endpoint { address: self.address.get()?, port: self.port, link })
    }
}

impl From<Endpoint> for holdover_endpoint {
    fn from(endpoint: Endpoint) -> Self {
        Self { address: endpoint.address.into(), port: endpoint.port, link: number(endpoint.link) }
    }
}

/// The number of a link; 0: none.
pub(crate) fn number(link: Option<LinkId>) -> u32 {
    link.map_or(0, |link| link.0)
}

impl holdover_conn {
    pub(crate) fn get(self) -> Checked<ConnId> {
        let slot = match self.slot {
            0 => Slot::Outgoing,
            1 => Slot::Incoming,
            _ => return Err(holdover_status::ErrorValue),
        };
        Ok(ConnId { peer: PeerId(self.peer), slot, generation: self.generation })
    }
}

impl From<ConnId> for holdover_conn {
    fn from(conn: ConnId) -> Self {
        let slot = match conn.slot {
            Slot::Outgoing => 0,
            Slot::Incoming => 1,
        };
        Self { peer: conn.peer.0, slot, generation: conn.generation }
    }
}

impl From<holdover_bfd> for BfdId {
    fn from(bfd: holdover_bfd) -> Self {
        Self { peer: PeerId(bfd.peer), generation: bfd.generation }
    }
}

impl From<BfdId> for holdover_bfd {
    fn from(bfd: BfdId) -> Self {
        Self { peer: bfd.peer.0, generation: bfd.generation }
    }
}

impl From<holdover_address_id> for AddressId {
    fn from(address: holdover_address_id) -> Self {
        Self { index: address.index, generation: address.generation }
    }
}

impl From<AddressId> for holdover_address_id {
    fn from(address: AddressId) -> Self {
        Self { index: address.index, generation: address.generation }
    }
}

impl From<holdover_route_id> for RouteId {
    fn from(route: holdover_route_id) -> Self {
        Self { index: route.index, generation: route.generation }
    }
}

impl From<RouteId> for holdover_route_id {
    fn from(route: RouteId) -> Self {
        Self { index: route.index, generation: route.generation }
    }
}

impl From<holdover_probe> for ProbeId {
    fn from(probe: holdover_probe) -> Self {
        Self { check: probe.check, generation: probe.generation }
    }
}

impl From<ProbeId> for holdover_probe {
    fn from(probe: ProbeId) -> Self {
        Self { check: probe.check, generation: probe.generation }
    }
}

/// The kind with this number.
pub(crate) fn bfd_kind(number: u8) -> Checked<BfdKind> {
    let kinds = [BfdKind::SingleHop, BfdKind::Multihop];
    kinds.into_iter().find(|&kind| self::kind(kind) as u8 == number).ok_or(holdover_status::ErrorValue)
}

/// The same in C.
pub(crate) const fn kind(kind: BfdKind) -> holdover_bfd_kind {
    match kind {
        BfdKind::SingleHop => holdover_bfd_kind::SingleHop,
        BfdKind::Multihop => holdover_bfd_kind::Multihop,
    }
}

impl holdover_bytes {
    /// None.
    pub(crate) const NONE: Self = Self { data: core::ptr::null(), len: 0 };

    /// The octets themselves.
    ///
    /// # Safety
    ///
    /// `data` is NULL, or leads to `len` octets that nothing changes for as long as `'a` lasts.
    pub(crate) unsafe fn get<'a>(self) -> Checked<&'a [u8]> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(holdover_status::ErrorNull);
        }
        if isize::try_from(self.len).is_err() {
            return Err(holdover_status::ErrorValue);
        }
        // SAFETY: not NULL, no longer than an object can be, octets need no alignment; the rest is the caller's word.
        Ok(unsafe { core::slice::from_raw_parts(self.data, self.len) })
    }
}

impl From<&[u8]> for holdover_bytes {
    fn from(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

impl holdover_text {
    /// The octets of the text, which may be no text at all.
    pub(crate) const fn bytes(self) -> holdover_bytes {
        holdover_bytes { data: self.data.cast(), len: self.len }
    }

    /// The text itself.
    ///
    /// # Safety
    ///
    /// As for [`holdover_bytes::get`].
    pub(crate) unsafe fn get<'a>(self) -> Checked<&'a str> {
        // SAFETY: handed on as it is.
        let bytes = unsafe { self.bytes().get() }?;
        core::str::from_utf8(bytes).map_err(|_| holdover_status::ErrorNotUtf8)
    }
}

impl From<&str> for holdover_text {
    fn from(text: &str) -> Self {
        Self { data: text.as_ptr().cast(), len: text.len() }
    }
}
