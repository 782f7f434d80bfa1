use std::collections::VecDeque;
use std::vec::Vec;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Instant;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as StackInstant;

use super::{Segment, THEM, US, datagram, ip};
use crate::frame::announce::announce;
use crate::frame::guard::SIGNATURE_ROOM;
use crate::frame::neighbor::Answer;
use crate::frame::port::Port;
use crate::frame::{FRAME, Full};

const KEY: &[u8] = b"between us";

/// A device of two queues.
pub(super) struct Wire {
    pub(super) incoming: VecDeque<Vec<u8>>,
    pub(super) outgoing: Vec<Vec<u8>>,
    /// How many more frames it takes.
    pub(super) room: usize,
    mtu: usize,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self { incoming: VecDeque::new(), outgoing: Vec::new(), room: usize::MAX, mtu: FRAME }
    }
}

pub(super) struct Incoming(Vec<u8>);
pub(super) struct Outgoing<'a>(&'a mut Wire);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = std::vec![0; length];
        let result = f(&mut frame);
        self.0.outgoing.push(frame);
        self.0.room -= 1;
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: StackInstant) -> Option<(Incoming, Outgoing<'_>)> {
        if self.room == 0 {
            return None;
        }
        let frame = self.incoming.pop_front()?;
        Some((Incoming(frame), Outgoing(self)))
    }

    fn transmit(&mut self, _: StackInstant) -> Option<Outgoing<'_>> {
        (self.room > 0).then_some(Outgoing(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

fn port() -> Port<Wire> {
    let mut port = Port::new(Wire::new());
    port.set_mac(US);
    port.set_addresses(&[
        InterfaceAddress { address: ip("192.0.2.1"), length: 24 },
        InterfaceAddress { address: ip("198.51.100.1"), length: 24 },
    ])
    .unwrap();
    port
}

/// What is handed up of this frame, and the number beside it.
fn receive(port: &mut Port<Wire>, frame: &[u8]) -> (Vec<u8>, u32) {
    port.device.incoming.push_back(frame.to_vec());
    let (rx, _tx) = port.receive(StackInstant::ZERO).expect("one call gives one frame");
    let id = rx.meta().id;
    (rx.consume(<[u8]>::to_vec), id)
}

#[test]
fn a_frame_is_handed_up_as_it_came_with_its_hop_limit_beside_it() {
    let mut port = port();
    for hop_limit in [0, 1, 254, 255] {
        for frame in [
            datagram(ip("192.0.2.9"), ip("192.0.2.1"), hop_limit, b"hello"),
            datagram(ip("2001:db8::9"), ip("2001:db8::1"), hop_limit, b"hello"),
        ] {
            assert_eq!(receive(&mut port, &frame), (frame, hop_limit.into()));
            assert_eq!(port.last_hop_limit(), hop_limit);
        }
    }
    let arp = [&[0xFF; 6][..], &THEM.0, &[8, 6], &[0; 28]].concat();
    assert_eq!(receive(&mut port, &arp), (arp, 0));
    assert_eq!(port.last_hop_limit(), 0);
    assert_eq!(port.counters().received_frames, 9);
}

#[test]
fn a_dropped_frame_is_an_empty_one() {
    let mut port = port();
    port.guard.set_key(Prefix::host(ip("192.0.2.9")), 0, Some(KEY)).unwrap();
    let segment = Segment::between("192.0.2.9", "192.0.2.1");
    assert_eq!(receive(&mut port, &segment.frame()), (Vec::new(), 0));
    assert_eq!(receive(&mut port, &segment.signed(KEY).frame()), (segment.signed(KEY).frame(), 255));
    assert_eq!(receive(&mut port, &[0; FRAME + 1]), (Vec::new(), 0));
    assert_eq!(receive(&mut port, &[]), (Vec::new(), 0));
    let counters = port.counters();
    assert_eq!((counters.guard.missing, counters.guard.verified, counters.oversize), (1, 1, 1));
    assert_eq!(counters.received_frames, 4);
}

#[test]
fn the_mtu_is_the_devices_and_no_more_than_the_buffers() {
    let mut port = port();
    for (device, told) in [(FRAME, FRAME), (1_000, 1_000), (9_014, FRAME), (10, 10)] {
        port.device.mtu = device;
        assert_eq!(port.capabilities().max_transmission_unit, told);
    }
}

#[test]
fn what_smoltcp_sends_to_a_remote_with_a_key_is_signed() {
    let mut port = port();
    port.guard.set_key(Prefix::host(ip("192.0.2.9")), 0, Some(KEY)).unwrap();
    let longest = Segment { data: std::vec![7; 1_440], ..Segment::between("192.0.2.1", "192.0.2.9") };
    assert_eq!(longest.frame().len() + SIGNATURE_ROOM, port.capabilities().max_transmission_unit);
    let other = Segment::between("192.0.2.1", "192.0.2.8");
    for segment in [&longest, &other] {
        let frame = segment.frame();
        let token = port.transmit(StackInstant::ZERO).unwrap();
        assert_eq!(
            token.consume(frame.len(), |buffer| {
                buffer.copy_from_slice(&frame);
                42
            }),
            42
        );
    }
    assert_eq!(port.device.outgoing, [longest.signed(KEY).frame(), other.frame()]);
    assert_eq!(port.device.outgoing[0].len(), FRAME);
    assert_eq!((port.counters().sent_frames, port.counters().guard.signed), (2, 1));
}

#[test]
fn a_frame_beyond_the_buffer_is_sent_as_it_is_and_counted() {
    let mut port = port();
    let token = port.transmit(StackInstant::ZERO).unwrap();
    token.consume(FRAME + 1, |buffer| buffer.fill(1));
    assert_eq!((port.device.outgoing[0].len(), port.counters().oversize), (FRAME + 1, 1));
}

#[test]
fn a_packet_for_another_host_goes_out_again_and_is_not_handed_up() {
    let mut port = port();
    port.forward.set_enabled(true);
    let now = Instant::from_micros(1_000);
    let frame = datagram(ip("192.0.2.9"), ip("198.51.100.7"), 64, b"hello");
    assert_eq!(receive(&mut port, &frame), (Vec::new(), 0));
    port.device.room = 0;
    port.pump(now);
    assert_eq!(
        (port.deadline(), port.device.outgoing.len()),
        (Instant::ZERO, 0),
        "a full device has its time"
    );
    port.device.room = 1;
    port.pump(now);
    assert_eq!(
        (port.device.outgoing.len(), port.device.outgoing[0].len()),
        (1, 42),
        "the next hop is asked for"
    );
    port.device.room = usize::MAX;
    let mut reply =
        [&US.0[..], &THEM.0, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &THEM.0, &[198, 51, 100, 7]].concat();
    reply.extend([&US.0[..], &[198, 51, 100, 1]].concat());
    assert_eq!(receive(&mut port, &reply), (reply, 0));
    assert_eq!(port.deadline(), Instant::ZERO);
    port.pump(now);
    assert_eq!((port.device.outgoing.len(), port.deadline()), (2, Instant::FAR));
    assert_eq!(receive(&mut port, &frame), (Vec::new(), 0));
    assert_eq!(port.device.outgoing.len(), 3);
    for sent in &port.device.outgoing[1..] {
        assert_eq!((&sent[..6], sent[22], sent.len()), (&THEM.0[..], 63, frame.len()));
    }
    let expired = datagram(ip("192.0.2.9"), ip("198.51.100.7"), 1, b"hello");
    assert_eq!(receive(&mut port, &expired), (Vec::new(), 0));
    assert_eq!(port.device.outgoing[3][34..36], [11, 0], "time exceeded");
}

#[test]
fn the_shim_can_resolve_a_neighbour_of_its_own_while_nothing_is_forwarded() {
    let mut port = port();
    let now = Instant::ZERO;
    assert_eq!(port.resolve(now, ip("203.0.113.9")), Answer::Failed, "on no subnet of ours");
    assert_eq!(port.resolve(now, ip("192.0.2.1")), Answer::Failed, "ourselves");
    assert_eq!(port.resolve(now, ip("192.0.2.9")), Answer::Asked);
    port.pump(now);
    assert_eq!((port.device.outgoing.len(), &port.device.outgoing[0][..6]), (1, &[0xFF; 6][..]));
    let mut reply = [&US.0[..], &THEM.0, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &THEM.0, &[192, 0, 2, 9]].concat();
    reply.extend([&US.0[..], &[192, 0, 2, 1]].concat());
    assert_eq!(receive(&mut port, &reply), (reply, 0));
    assert_eq!((port.resolve(now, ip("192.0.2.9")), port.deadline()), (Answer::Known(THEM), Instant::FAR));
}

#[test]
fn bgp_between_others_passes_through_whatever_rules_there_are_for_ours() {
    let mut port = port();
    port.forward.set_enabled(true);
    port.guard.set_key(Prefix::host(ip("192.0.2.9")), 0, Some(KEY)).unwrap();
    assert_eq!(receive(&mut port, &Segment::between("192.0.2.9", "198.51.100.7").frame()).0, []);
    assert_eq!((port.counters().guard.missing, port.counters().forward.held), (0, 1));
    assert_eq!(receive(&mut port, &Segment::between("192.0.2.9", "198.51.100.1").frame()).0, []);
    assert_eq!((port.counters().guard.missing, port.counters().forward.held), (1, 1));
}

#[test]
fn the_shim_sends_frames_of_its_own() {
    let mut port = port();
    assert!(port.send(Instant::ZERO, |buffer| announce(US, ip("203.0.113.9"), false, buffer)));
    assert_eq!((port.device.outgoing[0].len(), &port.device.outgoing[0][..6]), (42, &[0xFF; 6][..]));
    assert!(!port.send(Instant::ZERO, |_| None));
    assert!(!port.send(Instant::ZERO, |_| Some(FRAME + 1)));
    port.device.room = 0;
    assert!(!port.send(Instant::ZERO, |buffer| announce(US, ip("203.0.113.9"), false, buffer)));
    assert_eq!((port.counters().sent_frames, port.counters().sent_octets), (1, 42));
}

#[test]
fn too_many_addresses_are_refused() {
    let address = InterfaceAddress { address: ip("192.0.2.1"), length: 24 };
    assert_eq!(port().set_addresses(&[address; 17]), Err(Full));
    assert_eq!(port().set_addresses(&[address; 16]), Ok(()));
}
