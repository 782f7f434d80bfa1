//! Ethernet frames: what smoltcp leaves out. Pure functions and small fixed tables over `&mut [u8]`, and the
//! `smoltcp::phy::Device` that uses them on the way through.
//!
//! | file | what it holds | RFC |
//! |---|---|---|
//! | [`port`] | a device around the board's: guards both ways, forwards, counts | |
//! | [`guard`] | per remote: TCP MD5 signature and least TTL | 2385, 5082 |
//! | `signature` | that signature | 2385 |
//! | `repeat` | small TCP segments that nobody acknowledged are sent again early | 8985 7 |
//! | [`announce`] | gratuitous ARP, unsolicited advertisements, the questions and their answers | 826, 4861, 5227 |
//! | [`forward`] | the forwarding plane: what is not for this host goes on | 1812, 4443, 8200 |
//! | [`fib`] | its routes, by longest prefix, with equal shares | 2992 |
//! | [`neighbor`] | its neighbours' link-layer addresses | 826, 4861 7 |
//!
//! Nothing here allocates, and no frame makes it panic: every read is checked, and whatever grows, grows within its
//! buffer. Tables are all zero bits at rest, so that an appliance's lie in `.bss`. Frames with a VLAN tag are no IP
//! frames to this code, as they are none to smoltcp.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests draw octets from wider random numbers")
)]

pub mod announce;
mod bytes;
pub mod fib;
pub mod forward;
pub mod guard;
mod host;
mod icmp;
pub mod neighbor;
mod packet;
pub mod port;
mod repeat;
mod signature;
#[cfg(test)]
mod tests;

/// The longest Ethernet frame, without its check sequence: 14 octets of header and 1,500 of payload.
pub const FRAME: usize = 1_514;

/// A link-layer address.
pub type Mac = smoltcp::wire::EthernetAddress;

/// A table is full; what was there stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;
