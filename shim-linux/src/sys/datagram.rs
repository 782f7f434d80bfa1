//! Many UDP packets in one call, each with its TTL, its link and the address that it was sent to: no safe crate offers
//! `recvmmsg` with what the kernel says beside the payload.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};

use holdover_core::engine::LinkId;

/// The most packets of one call: each place costs a little at every call, and one packet is what there is nearly always.
pub(crate) const BATCH: usize = 16;
/// What is kept of a payload: a BFD packet has 24 octets, 52 with the longest authentication.
const PAYLOAD: usize = 64;
/// Room for what comes beside it: two control messages, of which `in6_pktinfo` with 20 octets is the longest.
const CONTROL: usize = 96;
/// Room for `sockaddr_in` and `sockaddr_in6`.
const NAME: usize = size_of::<libc::sockaddr_in6>();
/// A control message's data begins here.
const HEADER: usize = align(size_of::<libc::cmsghdr>());

/// One packet as the kernel wrote it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Slot {
    control: [u8; CONTROL],
    name: [u8; NAME],
    payload: [u8; PAYLOAD],
    control_length: usize,
    name_length: usize,
    length: usize,
}

const EMPTY: Slot = Slot {
    control: [0; CONTROL],
    name: [0; NAME],
    payload: [0; PAYLOAD],
    control_length: 0,
    name_length: 0,
    length: 0,
};

/// What the kernel says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The link it came by.
    pub(crate) link: LinkId,
    /// Where it was sent to.
    pub(crate) local: IpAddr,
    /// Who sent it.
    pub(crate) remote: IpAddr,
    /// The TTL or hop limit it arrived with.
    pub(crate) ttl: u8,
}

/// Room for the packets of one call.
pub(crate) struct Batch {
    slots: Box<[Slot; BATCH]>,
}

impl Batch {
    /// Empty room.
    pub(crate) fn new() -> Self {
        Self { slots: Box::new([EMPTY; BATCH]) }
    }

    /// Takes what waits at the socket, without waiting for more; how many packets. Fewer than [`BATCH`] means that no more
    /// were there. What an earlier call took is lost.
    pub(crate) fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        // SAFETY: all zero bits are a valid value of both: numbers and null pointers.
        let (mut headers, mut vectors): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        for ((header, vector), slot) in headers.iter_mut().zip(&mut vectors).zip(self.slots.iter_mut()) {
            vector.iov_base = slot.payload.as_mut_ptr().cast();
            vector.iov_len = PAYLOAD;
            header.msg_hdr.msg_name = slot.name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = libc::socklen_t::try_from(NAME).unwrap_or(0);
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        // SAFETY: every header points to buffers of the lengths it names; they are distinct, exclusively borrowed, and
        // live until after the call. The descriptor is open as long as it is borrowed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                libc::c_uint::try_from(BATCH).unwrap_or(0),
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
        for (slot, header) in self.slots.iter_mut().zip(&headers).take(count) {
            slot.length = usize::try_from(header.msg_len).unwrap_or(usize::MAX).min(PAYLOAD);
            slot.name_length = usize::try_from(header.msg_hdr.msg_namelen).unwrap_or(0).min(NAME);
            #[allow(clippy::unnecessary_cast, reason = "musl's length is narrower than a usize")]
            let control_length = header.msg_hdr.msg_controllen as usize;
            slot.control_length = control_length.min(CONTROL);
        }
        Ok(count)
    }

    /// The payload of a packet of the last call; what is longer than 64 octets is cut off.
    pub(crate) fn payload(&self, place: usize) -> &[u8] {
        self.slots.get(place).and_then(|slot| slot.payload.get(..slot.length)).unwrap_or(&[])
    }

    /// How a packet of the last call arrived; `None` when the kernel did not say all of it.
    pub(crate) fn arrival(&self, place: usize) -> Option<Arrival> {
        let slot = self.slots.get(place)?;
        let remote = sender(slot.name.get(..slot.name_length)?)?;
        let (mut arrived, mut ttl) = (None, None);
        let mut rest = slot.control.get(..slot.control_length)?;
        while let Some((level, kind, data, after)) = control_message(rest) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    // `struct in_pktinfo`: the link, the address it was routed to, the destination in the packet.
                    let destination: [u8; 4] = array(data, 8)?;
                    arrived = Some((number(data, 0)?, Ipv4Addr::from(destination).into()));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    // `struct in6_pktinfo`: the destination, the link.
                    let destination: [u8; 16] = array(data, 0)?;
                    arrived = Some((number(data, 16)?, Ipv6Addr::from(destination).into()));
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    ttl = u8::try_from(number(data, 0)?).ok();
                }
                _ => {}
            }
            rest = after;
        }
        let (link, local) = arrived?;
        Some(Arrival { link: LinkId(link), local, remote, ttl: ttl? })
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

/// The next control message: its level, its type, its data, and what comes after it.
fn control_message(bytes: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    const WIDTH: usize = size_of::<usize>();
    // `struct cmsghdr`: its length with this header, level, type. (musl has half as wide a length, and a gap.)
    let length = usize::from_ne_bytes(array(bytes, 0)?);
    let (level, kind) = (number(bytes, WIDTH)?, number(bytes, WIDTH + 4)?);
    let data = bytes.get(HEADER..length)?;
    let after = bytes.get(align(length)..).unwrap_or(&[]);
    Some((level.cast_signed(), kind.cast_signed(), data, after))
}

/// `CMSG_ALIGN`.
const fn align(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

/// The address in a `sockaddr_in` or `sockaddr_in6`.
fn sender(name: &[u8]) -> Option<IpAddr> {
    match i32::from(u16::from_ne_bytes(array(name, 0)?)) {
        libc::AF_INET => Some(Ipv4Addr::from(array::<4>(name, 4)?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(array::<16>(name, 8)?).into()),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alignment_is_the_systems() {
        for length in 0..64 {
            // SAFETY: it computes, and touches nothing.
            let space = unsafe { libc::CMSG_SPACE(length) };
            assert_eq!(HEADER + align(length as usize), space as usize);
        }
    }

    #[test]
    fn control_messages_that_lie_about_their_length_end_the_walk() {
        assert!(control_message(&[0; CONTROL]).is_none());
        assert!(control_message(&[0xff; CONTROL]).is_none());
        assert!(control_message(&[]).is_none());
    }
}
