//! The device that smoltcp sees: the board's, with the guard and the forwarding plane in between.
//!
//! A received frame is copied into a buffer of the port, looked at, and then handed up, forwarded or dropped. What is not
//! handed up shows as an **empty frame**, which smoltcp takes for a packet that was processed: so one call of
//! `Interface::poll_ingress_single` costs one received frame, whatever is in it. A frame that smoltcp sends is built in a
//! second buffer, where there is room to sign it.

use core::net::IpAddr;

use holdover_core::base::net::InterfaceAddress;
use holdover_core::base::time::Instant;
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant as StackInstant;

use super::forward::{Forward, ForwardCounters, Verdict};
use super::guard::{Guard, GuardCounters};
use super::neighbor::Answer;
use super::packet::Packet;
use super::repeat::Repeats;
use super::{FRAME, Full, Mac};

/// What passed through a port, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Frames received.
    pub received_frames: u32,
    /// Their octets.
    pub received_octets: u64,
    /// Frames sent.
    pub sent_frames: u32,
    /// Their octets.
    pub sent_octets: u64,
    /// Frames longer than [`FRAME`]: received ones are dropped, others are sent past the guard.
    pub oversize: u32,
    /// TCP segments sent again before the stack would have.
    pub repeated: u32,
    /// What the guard did.
    pub guard: GuardCounters,
    /// What the forwarding plane did.
    pub forward: ForwardCounters,
}

/// What the port itself counts.
struct Traffic {
    received_frames: u32,
    sent_frames: u32,
    received_octets: u64,
    sent_octets: u64,
    oversize: u32,
    repeated: u32,
}

impl Traffic {
    fn received(&mut self, length: usize) {
        self.received_frames = self.received_frames.saturating_add(1);
        self.received_octets = self.received_octets.saturating_add(length as u64);
    }

    fn sent(&mut self, length: usize) {
        self.sent_frames = self.sent_frames.saturating_add(1);
        self.sent_octets = self.sent_octets.saturating_add(length as u64);
    }

    fn oversize(&mut self) {
        self.oversize = self.oversize.saturating_add(1);
    }
}

/// A device around `D`. All zero bits at rest, but for `D`.
///
/// `RULES` is the guard's capacity; `ROUTES`, `NEIGHBORS` and `HELD` (frames of [`FRAME`] octets) the forwarding plane's. Its fields
/// are in this order, the small first: a Cortex-M reaches what lies near the beginning with fewer instructions.
#[repr(C)]
pub struct Port<
    D,
    const RULES: usize = 16,
    const ROUTES: usize = 32,
    const NEIGHBORS: usize = 8,
    const HELD: usize = 1,
> {
    hop_limit: u8,
    traffic: Traffic,
    /// Who may speak to the BGP port.
    pub guard: Guard<RULES>,
    repeats: Repeats,
    /// The board's device.
    pub device: D,
    received: [u8; FRAME],
    sent: [u8; FRAME],
    /// What is not for this host.
    pub forward: Forward<ROUTES, NEIGHBORS, HELD>,
}

impl<D: Device, const RULES: usize, const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize>
    Port<D, RULES, ROUTES, NEIGHBORS, HELD>
{
    /// A port that lets everything pass and forwards nothing.
    pub const fn new(device: D) -> Self {
        let traffic = Traffic {
            received_frames: 0,
            sent_frames: 0,
            received_octets: 0,
            sent_octets: 0,
            oversize: 0,
            repeated: 0,
        };
        Self {
            device,
            guard: Guard::new(),
            forward: Forward::new(),
            traffic,
            repeats: Repeats::new(),
            hop_limit: 0,
            received: [0; FRAME],
            sent: [0; FRAME],
        }
    }

    /// Our link-layer address: frames to another one are not forwarded.
    pub fn set_mac(&mut self, mac: Mac) {
        self.forward.set_mac(mac);
    }

    /// All addresses of the interface, in the place of the earlier ones; with `Full` those stay.
    pub fn set_addresses(&mut self, addresses: &[InterfaceAddress]) -> Result<(), Full> {
        self.forward.set_addresses(addresses)
    }

    /// The TTL or hop limit of the frame that was handed up last; 0: it had none. The same stands in its
    /// [`PacketMeta::id`], and so beside each datagram in a socket.
    pub const fn last_hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// What passed through so far.
    pub const fn counters(&self) -> Counters {
        Counters {
            received_frames: self.traffic.received_frames,
            received_octets: self.traffic.received_octets,
            sent_frames: self.traffic.sent_frames,
            sent_octets: self.traffic.sent_octets,
            oversize: self.traffic.oversize,
            repeated: self.traffic.repeated,
            guard: self.guard.counters(),
            forward: self.forward.counters(),
        }
    }

    /// Sends the frame that `build` writes, past the guard; `build` gives its length, or `None` for no frame at all. Says
    /// whether it was sent: a device that is full takes none.
    pub fn send(&mut self, now: Instant, build: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(token) = self.device.transmit(stack_instant(now)) else { return false };
        let Some(frame) = build(&mut self.sent).and_then(|length| self.sent.get(..length)) else {
            return false;
        };
        put_out(token, frame, &mut self.traffic);
        true
    }

    /// Sends what the forwarding plane owes, and what was not acknowledged, as much of it as the device takes.
    pub fn pump(&mut self, now: Instant) {
        while self.repeats.deadline() <= now {
            let Some(token) = self.device.transmit(stack_instant(now)) else { return };
            let Some(frame) = self.repeats.due(now) else { break };
            put_out(token, frame, &mut self.traffic);
            self.traffic.repeated = self.traffic.repeated.saturating_add(1);
        }
        // Each held frame is sent once, and each neighbour asked for once, or found not to answer.
        let most = NEIGHBORS.saturating_add(HELD);
        for _ in 0..most {
            if self.forward.deadline() > now {
                return;
            }
            let Some(token) = self.device.transmit(stack_instant(now)) else { return };
            let built = self.forward.poll(now, &mut self.sent);
            if let Some(frame) = built.and_then(|length| self.sent.get(..length)) {
                put_out(token, frame, &mut self.traffic);
            }
        }
    }

    /// The link-layer address of a neighbour, for frames that the shim sends itself. Where it is not known, it is asked for
    /// by [`Port::pump`] from now on, and known when it answered; an entry that is used is kept up to date.
    pub fn resolve(&mut self, now: Instant, neighbor: IpAddr) -> Answer {
        self.forward.resolve(now, neighbor)
    }

    /// The buffer of received frames. Between two calls of the stack it holds nothing that anybody needs.
    pub(crate) const fn scratch(&mut self) -> &mut [u8; FRAME] {
        &mut self.received
    }

    /// When [`Port::pump`] is to be called at the latest; [`Instant::FAR`] when nothing is owed.
    pub fn deadline(&self) -> Instant {
        self.forward.deadline().min(self.repeats.deadline())
    }
}

impl<D: Device, const RULES: usize, const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize> Device
    for Port<D, RULES, ROUTES, NEIGHBORS, HELD>
{
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Transmit<'a, D::TxToken<'a>, RULES>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: StackInstant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let mtu = self.capabilities().max_transmission_unit;
        let Self { device, guard, forward, traffic, repeats, hop_limit, received, sent } = self;
        let now = core_instant(timestamp);
        let (rx, tx) = device.receive(timestamp)?;
        let length = rx.consume(|frame| take_in(frame, received, traffic));
        let frame = received.get_mut(..length).unwrap_or_default();
        let mut token = Some(tx);
        let handed_up = match forward.receive(now, frame, sent) {
            Verdict::Local => guard.receive(frame, mtu),
            Verdict::Consumed => false,
            Verdict::Send(length) => {
                put_out_with(&mut token, frame.get(..length), traffic);
                false
            }
            Verdict::Reply(length) => {
                put_out_with(&mut token, sent.get(..length), traffic);
                false
            }
        };
        let frame: &[u8] = if handed_up { frame } else { &[] };
        *hop_limit = Packet::read(frame).map_or(0, |packet| packet.hop_limit);
        repeats.heard(frame);
        let transmit = Transmit { token, guard, buffer: sent, traffic, repeats, now };
        Some((Received { frame, hop_limit: *hop_limit }, transmit))
    }

    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        let Self { device, guard, traffic, repeats, sent, .. } = self;
        let token = Some(device.transmit(timestamp)?);
        Some(Transmit { token, guard, buffer: sent, traffic, repeats, now: core_instant(timestamp) })
    }

    /// The device's, with an MTU of no more than [`FRAME`].
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        capabilities.max_transmission_unit = capabilities.max_transmission_unit.min(FRAME);
        capabilities
    }
}

/// A received frame; an empty one stands for a frame that is not for smoltcp.
pub struct Received<'a> {
    frame: &'a [u8],
    hop_limit: u8,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }

    /// Its `id` is the packet's TTL or hop limit.
    fn meta(&self) -> PacketMeta {
        let mut meta = PacketMeta::default();
        meta.id = u32::from(self.hop_limit);
        meta
    }
}

/// A frame to be sent.
pub struct Transmit<'a, T, const RULES: usize> {
    /// `None`: used up by a frame that was forwarded. smoltcp does not answer an empty frame.
    token: Option<T>,
    guard: &'a mut Guard<RULES>,
    buffer: &'a mut [u8; FRAME],
    traffic: &'a mut Traffic,
    repeats: &'a mut Repeats,
    now: Instant,
}

impl<T: TxToken, const RULES: usize> TxToken for Transmit<'_, T, RULES> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Self { token, guard, buffer, traffic, repeats, now } = self;
        let Some(frame) = buffer.get_mut(..length) else {
            // Longer than the MTU that was told: no TCP segment is, and so nothing that would have to be signed.
            traffic.oversize();
            return match token {
                Some(token) => token.consume(length, f),
                None => f(buffer),
            };
        };
        let result = f(frame);
        if let Some(token) = token
            && let Some(frame) = guard.send(buffer, length).and_then(|length| buffer.get(..length))
        {
            repeats.sent(now, frame);
            put_out(token, frame, traffic);
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Some(token) = &mut self.token {
            token.set_meta(meta);
        }
    }
}

/// Copies a received frame into the port's buffer; returns its length, or 0 when it is too long.
fn take_in(frame: &[u8], buffer: &mut [u8; FRAME], traffic: &mut Traffic) -> usize {
    traffic.received(frame.len());
    let Some(place) = buffer.get_mut(..frame.len()) else {
        traffic.oversize();
        return 0;
    };
    place.copy_from_slice(frame);
    frame.len()
}

/// Gives a frame to the device.
fn put_out(token: impl TxToken, frame: &[u8], traffic: &mut Traffic) {
    traffic.sent(frame.len());
    token.consume(frame.len(), |place| place.copy_from_slice(frame));
}

fn put_out_with(token: &mut Option<impl TxToken>, frame: Option<&[u8]>, traffic: &mut Traffic) {
    if let Some(frame) = frame
        && let Some(token) = token.take()
    {
        put_out(token, frame, traffic);
    }
}

/// smoltcp is given core's microseconds, and so gives them back.
fn core_instant(instant: StackInstant) -> Instant {
    Instant::from_micros(u64::try_from(instant.total_micros()).unwrap_or(0))
}

fn stack_instant(instant: Instant) -> StackInstant {
    StackInstant::from_micros(i64::try_from(instant.as_micros()).unwrap_or(i64::MAX))
}
