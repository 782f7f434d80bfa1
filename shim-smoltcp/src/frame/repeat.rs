//! Small TCP segments that nobody has acknowledged are sent again, early.
//!
//! smoltcp waits a second before it sends a segment again, then two, four and so on (RFC 6298 section 2.4). A KEEPALIVE that is
//! lost three times comes too late for a hold time of 9 s; where a fifth of all frames is lost that ends a session every other
//! minute. So the oldest small segment of each BGP connection is kept here as the frame that it was, and sent again while no
//! acknowledgement covers it: what RFC 8985 section 7 calls a tail loss probe, and other stacks do. The stack's own timer
//! goes on as it was; what comes twice is acknowledged twice, and that is all.

use core::net::IpAddr;

use holdover_core::base::time::{Duration, Instant};

use super::bytes::{number, octets};
use super::packet::{Packet, Part, TCP};

/// Connections that a frame is kept for.
const PLACES: usize = 4;
/// The longest frame that is kept: a signed KEEPALIVE over IPv6 has 113 octets, an UPDATE of one route some 60 more.
const LONGEST: usize = 192;
/// The BGP port.
const BGP: u16 = 179;
/// The pauses before it is sent again. A whole way there and back takes less, or else the peer gets it twice.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
];

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// What matters of a segment.
#[derive(Clone, Copy)]
struct Segment {
    peer: IpAddr,
    /// Ours, then the peer's.
    ports: [u16; 2],
    sequence: u32,
    acknowledges: u32,
    flags: u8,
    /// Octets of data.
    length: u32,
}

impl Segment {
    /// Reads a segment that we send, or (`received`) one that comes.
    fn read(frame: &[u8], received: bool) -> Option<Self> {
        let packet = Packet::read(frame)?;
        let segment = frame.get(packet.body..packet.end)?;
        if packet.protocol != TCP || packet.part != Part::Whole {
            return None;
        }
        let [from, to] = [number(segment, 0)?, number(segment, 2)?];
        if from != BGP && to != BGP {
            return None;
        }
        let head: [u8; 2] = octets(segment, 12)?;
        let data = segment.get(usize::from(head[0] >> 4) << 2..)?;
        Some(Self {
            peer: if received { packet.source } else { packet.destination },
            ports: if received { [to, from] } else { [from, to] },
            sequence: u32::from_be_bytes(octets(segment, 4)?),
            acknowledges: u32::from_be_bytes(octets(segment, 8)?),
            flags: head[1],
            length: u32::try_from(data.len()).ok()?,
        })
    }
}

/// A frame that is kept.
#[derive(Clone, Copy)]
struct Kept {
    /// 0: none.
    length: u8,
    /// How often it was sent again.
    repeats: u8,
    peer: IpAddr,
    ports: [u16; 2],
    /// The sequence number of its first octet, and of the one after its last.
    first: u32,
    end: u32,
    at: Instant,
    frame: [u8; LONGEST],
}

impl Kept {
    const REST: Self = Self {
        length: 0,
        repeats: 0,
        peer: IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
        ports: [0; 2],
        first: 0,
        end: 0,
        at: Instant::ZERO,
        frame: [0; LONGEST],
    };

    fn is_of(&self, segment: &Segment) -> bool {
        self.length > 0 && (self.peer, self.ports) == (segment.peer, segment.ports)
    }

    fn deadline(&self) -> Instant {
        if self.length > 0 { self.at } else { Instant::FAR }
    }
}

/// Frames that are kept. All zero bits at rest.
pub(super) struct Repeats {
    kept: [Kept; PLACES],
}

impl Repeats {
    /// None.
    pub(super) const fn new() -> Self {
        Self { kept: [Kept::REST; PLACES] }
    }

    /// A frame goes out by the stack's own will.
    pub(super) fn sent(&mut self, now: Instant, frame: &[u8]) {
        let Some(segment) = Segment::read(frame, false) else { return };
        let known = self.kept.iter().position(|kept| kept.is_of(&segment));
        if segment.flags & (SYN | RST) != 0 {
            // Another connection, or the end of this one.
            return self.forget(known);
        }
        let end = segment.sequence.wrapping_add(segment.length);
        let free = || self.kept.iter().position(|kept| kept.length == 0);
        let Some(kept) = known.or_else(free).and_then(|place| self.kept.get_mut(place)) else { return };
        // The oldest one is what the peer waits for; the same one again may be a longer one.
        let later = known.is_some() && is_before(kept.first, segment.sequence);
        let (Ok(length), Some(place)) = (u8::try_from(frame.len()), kept.frame.get_mut(..frame.len())) else {
            return;
        };
        if later || segment.length == 0 {
            return;
        }
        place.copy_from_slice(frame);
        let again = known.is_some() && kept.first == segment.sequence;
        let repeats = if again { kept.repeats } else { 0 };
        (kept.length, kept.repeats, kept.peer, kept.ports) = (length, repeats, segment.peer, segment.ports);
        (kept.first, kept.end) = (segment.sequence, end);
        kept.at = now + PAUSES.get(usize::from(repeats)).copied().unwrap_or(Duration::from_secs(2));
    }

    /// A frame was handed up to the stack.
    pub(super) fn heard(&mut self, frame: &[u8]) {
        let Some(segment) = Segment::read(frame, true) else { return };
        let known = self.kept.iter().position(|kept| kept.is_of(&segment));
        let over = self.kept.iter().find(|kept| kept.is_of(&segment)).is_some_and(|kept| {
            let covered = segment.flags & ACK != 0 && !is_before(segment.acknowledges, kept.end);
            covered || segment.flags & RST != 0
        });
        if over {
            self.forget(known);
        }
    }

    fn forget(&mut self, place: Option<usize>) {
        if let Some(kept) = place.and_then(|place| self.kept.get_mut(place)) {
            kept.length = 0;
        }
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Instant {
        self.kept.iter().map(Kept::deadline).min().unwrap_or(Instant::FAR)
    }

    /// The next frame to be sent again.
    pub(super) fn due(&mut self, now: Instant) -> Option<&[u8]> {
        let kept = self.kept.iter_mut().find(|kept| kept.deadline() <= now)?;
        let length = usize::from(kept.length);
        kept.repeats = kept.repeats.saturating_add(1);
        match PAUSES.get(usize::from(kept.repeats)) {
            Some(&pause) => kept.at = now + pause,
            // From here on the stack's own timer has to do.
            None => kept.length = 0,
        }
        kept.frame.get(..length)
    }
}

/// Whether a sequence number lies before another one (RFC 9293 section 3.4).
const fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}
