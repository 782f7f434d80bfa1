//! An echo request as a frame. A socket of smoltcp cannot send it: behind one neighbour that is gone all would wait.

use core::net::IpAddr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
};

/// What the request carries, and the answer gives back.
const DATA: &[u8] = b"holdover";
/// RFC 1700's default.
const HOP_LIMIT: u8 = 64;

/// An echo request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) macs: (EthernetAddress, EthernetAddress),
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) ident: u16,
    pub(crate) sequence: u16,
}

impl Echo {
    /// Writes the frame; its length, or `None` when the buffer is shorter or the families differ.
    pub(crate) fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let checksums = ChecksumCapabilities::default();
        let (ident, seq_no) = (self.ident, self.sequence);
        let header = EthernetFrame::<&[u8]>::header_len();
        match (self.source, self.target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                let icmp = Icmpv4Repr::EchoRequest { ident, seq_no, data: DATA };
                let ip = Ipv4Repr {
                    src_addr: source,
                    dst_addr: target,
                    next_header: IpProtocol::Icmp,
                    payload_len: icmp.buffer_len(),
                    hop_limit: HOP_LIMIT,
                };
                let inner = header + ip.buffer_len();
                let frame = buffer.get_mut(..inner + icmp.buffer_len())?;
                self.write_ethernet(frame, EthernetProtocol::Ipv4);
                ip.emit(&mut Ipv4Packet::new_unchecked(frame.get_mut(header..)?), &checksums);
                icmp.emit(&mut Icmpv4Packet::new_unchecked(frame.get_mut(inner..)?), &checksums);
                Some(frame.len())
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                let icmp = Icmpv6Repr::EchoRequest { ident, seq_no, data: DATA };
                let ip = Ipv6Repr {
                    src_addr: source,
                    dst_addr: target,
                    next_header: IpProtocol::Icmpv6,
                    payload_len: icmp.buffer_len(),
                    hop_limit: HOP_LIMIT,
                };
                let inner = header + ip.buffer_len();
                let frame = buffer.get_mut(..inner + icmp.buffer_len())?;
                self.write_ethernet(frame, EthernetProtocol::Ipv6);
                ip.emit(&mut Ipv6Packet::new_unchecked(frame.get_mut(header..)?));
                let mut packet = Icmpv6Packet::new_unchecked(frame.get_mut(inner..)?);
                icmp.emit(&source, &target, &mut packet, &checksums);
                Some(frame.len())
            }
            _ => None,
        }
    }

    fn write_ethernet(&self, frame: &mut [u8], protocol: EthernetProtocol) {
        let mut frame = EthernetFrame::new_unchecked(frame);
        frame.set_src_addr(self.macs.0);
        frame.set_dst_addr(self.macs.1);
        frame.set_ethertype(protocol);
    }
}
