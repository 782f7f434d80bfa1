//! What an appliance does with a frame: forwarding it, checking and making a TCP MD5 signature.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Instant;
use holdover_core::engine::{NextHop, RouteTarget};
use holdover_smoltcp::frame::FRAME;
use holdover_smoltcp::frame::forward::{Forward, Verdict};
use holdover_smoltcp::frame::guard::Guard;
use smoltcp::wire::EthernetAddress;

const US: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];
const THEM: [u8; 6] = [0x52, 0x54, 0, 0, 0, 2];
const ARP_REPLY: [u8; 10] = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];

/// Shortest and longest, without the Ethernet header.
const PACKETS: [u16; 2] = [60, 1_500];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A packet of `length` octets from 192.0.2.50 to 10.0.31.9 with an upper layer of zeros behind its two ports.
fn packet(length: u16, protocol: u8) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let mut frame = [&US[..], &THEM, &[8, 0, 0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0]].concat();
    frame.extend([192, 0, 2, 50, 10, 0, 31, 9, 0, 179, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10]);
    let sum = !smoltcp::wire::checksum::data(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.resize(14 + usize::from(length), 0);
    frame
}

/// A router with a full table, whose longest match is the route that is looked at last, and a next hop that is known.
fn router() -> Box<Forward<32, 8, 1>> {
    let mut router = Box::new(Forward::new());
    router.set_mac(EthernetAddress(US));
    router.set_addresses(&[InterfaceAddress { address: ip("192.0.2.1"), length: 24 }]).expect("room");
    router.set_enabled(true);
    for n in 0..32 {
        let prefix = Prefix::new(IpAddr::from([10, 0, n, 0]), 24).expect("a prefix");
        let hops = [NextHop { address: ip("192.0.2.7"), link: None }];
        router.install(prefix, RouteTarget::Via(&hops)).expect("room");
    }
    let mut reply = [&US[..], &THEM, &ARP_REPLY, &THEM, &[192, 0, 2, 7], &US, &[192, 0, 2, 1]].concat();
    let mut buffer = [0; FRAME];
    router.resolve(Instant::ZERO, ip("192.0.2.7"));
    assert!(router.poll(Instant::ZERO, &mut buffer).is_some(), "the next hop is asked for");
    assert_eq!(router.receive(Instant::ZERO, &mut reply, &mut buffer), Verdict::Local);
    router
}

fn forwarding(criterion: &mut Criterion) {
    let mut router = router();
    let mut reply = [0; FRAME];
    let mut group = criterion.benchmark_group("forward, 32 routes");
    for length in PACKETS {
        let original = packet(length, 17);
        let mut frame = original.clone();
        let sent = router.receive(Instant::ZERO, &mut frame, &mut reply);
        assert_eq!(sent, Verdict::Send(original.len()));
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{length} octets"), |bencher| {
            bencher.iter(|| {
                frame[..34].copy_from_slice(&original[..34]);
                black_box(router.receive(Instant::ZERO, &mut frame, &mut reply))
            });
        });
    }
}

fn signatures(criterion: &mut Criterion) {
    let mut sender = Guard::<16>::new();
    let mut receiver = Guard::<16>::new();
    sender.set_key(Prefix::host(ip("10.0.31.9")), 0, Some(b"between us")).expect("room");
    receiver.set_key(Prefix::host(ip("192.0.2.50")), 0, Some(b"between us")).expect("room");
    let mut group = criterion.benchmark_group("TCP MD5");
    for length in [40, 1_480] {
        let original = packet(length, 6);
        let mut frame = [0; FRAME];
        group.bench_function(format!("sign {length} octets"), |bencher| {
            bencher.iter(|| {
                frame[..original.len()].copy_from_slice(&original);
                black_box(sender.send(&mut frame, original.len()))
            });
        });
        let signed = &mut frame[..original.len() + 20];
        assert!(receiver.receive(signed, FRAME), "it has the right signature");
        group.bench_function(format!("check {length} octets"), |bencher| {
            bencher.iter(|| assert!(black_box(receiver.receive(signed, FRAME))));
        });
    }
}

fn quick() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = quick(); targets = forwarding, signatures }
criterion_main!(benches);
