use core::net::IpAddr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet,
    Icmpv6Repr, IpProtocol, Ipv6Packet, NdiscNeighborFlags, NdiscRepr,
};

use super::{THEM, US, ip};
use crate::frame::announce::{announce, ask};

fn arp(frame: &[u8]) -> (EthernetAddress, ArpRepr) {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!((frame.src_addr(), frame.ethertype()), (US, EthernetProtocol::Arp));
    let packet = ArpPacket::new_checked(frame.payload()).unwrap();
    (frame.dst_addr(), ArpRepr::parse(&packet).unwrap())
}

/// Where it goes, by link-layer address and by address, and what it says; from `source`, with hop limit 255.
fn discovery(frame: &[u8], source: &str) -> (EthernetAddress, IpAddr, NdiscRepr<'static>) {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!((frame.src_addr(), frame.ethertype()), (US, EthernetProtocol::Ipv6));
    let packet = Ipv6Packet::new_checked(frame.payload()).unwrap();
    assert_eq!((IpAddr::V6(packet.src_addr()), packet.hop_limit()), (ip(source), 255));
    assert_eq!(packet.next_header(), IpProtocol::Icmpv6);
    let message = Icmpv6Packet::new_checked(packet.payload()).unwrap();
    let capabilities = ChecksumCapabilities::default();
    let repr = Icmpv6Repr::parse(&packet.src_addr(), &packet.dst_addr(), &message, &capabilities).unwrap();
    let Icmpv6Repr::Ndisc(repr) = repr else { panic!("{repr:?}") };
    let repr = match repr {
        NdiscRepr::NeighborSolicit { target_addr, lladdr } => {
            NdiscRepr::NeighborSolicit { target_addr, lladdr }
        }
        NdiscRepr::NeighborAdvert { flags, target_addr, lladdr } => {
            NdiscRepr::NeighborAdvert { flags, target_addr, lladdr }
        }
        other => panic!("{other:?}"),
    };
    (frame.dst_addr(), packet.dst_addr().into(), repr)
}

fn v4(text: &str) -> core::net::Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> core::net::Ipv6Addr {
    text.parse().unwrap()
}

#[test]
fn a_gratuitous_arp_is_a_request_of_an_address_for_itself_to_everybody() {
    let mut buffer = [0xEE; 64];
    let length = announce(US, ip("192.0.2.9"), true, &mut buffer).unwrap();
    assert_eq!(length, 42);
    let says = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: US,
        source_protocol_addr: v4("192.0.2.9"),
        target_hardware_addr: EthernetAddress([0; 6]), // RFC 5227 section 3
        target_protocol_addr: v4("192.0.2.9"),
    };
    assert_eq!(arp(&buffer[..length]), (EthernetAddress::BROADCAST, says));
    assert!(buffer[length..].iter().all(|&octet| octet == 0xEE));
}

#[test]
fn an_unsolicited_advertisement_goes_to_all_nodes_and_overrides() {
    for (router, flags) in [
        (false, NdiscNeighborFlags::OVERRIDE),
        (true, NdiscNeighborFlags::OVERRIDE | NdiscNeighborFlags::ROUTER),
    ] {
        let mut buffer = [0xEE; 90];
        let length = announce(US, ip("2001:db8::9"), router, &mut buffer).unwrap();
        let (to, destination, says) = discovery(&buffer[..length], "2001:db8::9");
        assert_eq!(to, EthernetAddress([0x33, 0x33, 0, 0, 0, 1]));
        assert_eq!(destination, ip("ff02::1"));
        let target_addr = v6("2001:db8::9");
        assert_eq!(says, NdiscRepr::NeighborAdvert { flags, target_addr, lladdr: Some(US.into()) });
    }
}

#[test]
fn a_question_goes_to_everybody_or_to_the_one_who_had_it() {
    let mut buffer = [0; 90];
    for to in [None, Some(THEM)] {
        let length = ask(US, ip("192.0.2.1"), ip("192.0.2.7"), to, &mut buffer).unwrap();
        let says = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: US,
            source_protocol_addr: v4("192.0.2.1"),
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: v4("192.0.2.7"),
        };
        assert_eq!(arp(&buffer[..length]), (to.unwrap_or(EthernetAddress::BROADCAST), says));

        let length = ask(US, ip("2001:db8::1"), ip("2001:db8::12:3456"), to, &mut buffer).unwrap();
        let (mac, destination, says) = discovery(&buffer[..length], "2001:db8::1");
        let target_addr = v6("2001:db8::12:3456");
        assert_eq!(says, NdiscRepr::NeighborSolicit { target_addr, lladdr: Some(US.into()) });
        match to {
            None => assert_eq!(
                (mac, destination),
                (EthernetAddress([0x33, 0x33, 0xFF, 0x12, 0x34, 0x56]), ip("ff02::1:ff12:3456"))
            ),
            Some(to) => assert_eq!((mac, destination), (to, ip("2001:db8::12:3456"))),
        }
    }
    assert_eq!(ask(US, ip("192.0.2.1"), ip("2001:db8::1"), None, &mut buffer), None);
}

#[test]
fn a_buffer_that_is_too_short_gets_no_frame() {
    let mut buffer = [0; 128];
    for (address, length) in [("192.0.2.9", 42), ("2001:db8::9", 86)] {
        for short in 0..length {
            assert_eq!(announce(US, ip(address), false, &mut buffer[..short]), None);
            assert_eq!(ask(US, ip(address), ip(address), None, &mut buffer[..short]), None);
        }
        assert_eq!(announce(US, ip(address), false, &mut buffer[..length]), Some(length));
        assert_eq!(ask(US, ip(address), ip(address), None, &mut buffer[..length]), Some(length));
    }
}
