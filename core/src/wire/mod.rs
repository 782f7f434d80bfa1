//! BGP-4 and BFD on the wire: bytes to values and back. It knows no time, no state and no configuration.
//!
//! Receiving gives **views**: slices into the receive buffer, one pass over the attributes, prefixes walked after the
//! verdict is known. Sending takes **values** of fixed capacity. Nothing here allocates, and no input makes it panic:
//! every decoder reads its own slice only, and every loop over input consumes at least one octet.
//!
//! | file | what it holds | RFC |
//! |---|---|---|
//! | [`header`] | framing of a received stream | 4271 4.1, 6.1 |
//! | [`open`], [`capability`] | OPEN and what it offers | 4271 4.2, 6.2; 5492; 9072; 6793; 8950; 7313 |
//! | [`update`] | a received UPDATE as a view, with its verdict | 4271 4.3; 4760; 7606 |
//! | [`verdict`] | what to do about each fault of an attribute: one table | 7606 |
//! | [`attribute`] | the values of attributes, received and sent | 4271 5; 6793; 5065; 4456 |
//! | [`next_hop`], [`nlri`], [`community`] | their parts | 2545, 8950; 4271 4.3; 1997, 8092 |
//! | [`writer`] | an UPDATE being filled with prefixes | 4271 4.3; 4760; 7606 5.1 |
//! | [`notification`] | every code, its name, the shutdown text | 4271 4.5; 4486; 9003; 9384; 9687 |
//! | [`refresh`] | ROUTE-REFRESH | 2918, 7313 |
//! | [`bfd`] | the BFD control packet | 5880 4.1 |
//!
//! An UPDATE there and back, as a codec without the rest of the crate:
//!
//! ```
//! use holdover_core::base::net::{Asn, Families, Family, Prefix};
//! use holdover_core::wire::attribute::Attributes;
//! use holdover_core::wire::community::LargeCommunity;
//! use holdover_core::wire::header::{MessageType, peel};
//! use holdover_core::wire::next_hop::NextHop;
//! use holdover_core::wire::update::{Context, Update};
//! use holdover_core::wire::verdict::Verdict;
//! use holdover_core::wire::writer::UpdateWriter;
//!
//! let primary = LargeCommunity::new(63_949, 1, 1);
//! let service = Prefix::host("192.0.2.10".parse().unwrap());
//! let mut attributes = Attributes::new();
//! attributes.as_path.push(Asn(65_001)).unwrap();
//! attributes.large_communities.push(primary).unwrap();
//! attributes.next_hop = NextHop::new("2001:db8::11".parse().unwrap()); // RFC 8950: an IPv4 route by way of IPv6
//!
//! let mut buffer = [0; 4096];
//! let mut message = UpdateWriter::announce(&mut buffer, Family::Ipv4, &attributes, true).expect("it fits");
//! assert!(message.push(service));
//! let length = message.finish();
//!
//! // What a receiver does with a stream: whole messages are peeled off its start.
//! assert_eq!(peel(&buffer[..18]), Ok(None));
//! let frame = peel(&buffer[..length]).expect("a sound header").expect("a whole message");
//! assert_eq!(frame.kind, MessageType::Update);
//! let agreed = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };
//! let update = Update::read(frame.body, agreed);
//! assert_eq!(update.verdict(), Verdict::Accept);
//! assert!(update.announced().eq([service]));
//! assert!(update.large_communities().eq([primary]));
//! assert_eq!(update.next_hop(Family::Ipv4), Some(attributes.next_hop));
//! // Where that was not agreed, the routes are not to be used; the session stays (RFC 7606).
//! let update = Update::read(frame.body, Context { extended_next_hop: false, ..agreed });
//! assert_ne!(update.verdict(), Verdict::Accept);
//! ```
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

pub mod attribute;
pub mod bfd;
pub mod capability;
pub mod community;
mod cursor;
pub mod header;
pub mod next_hop;
pub mod nlri;
pub mod notification;
pub mod open;
pub mod refresh;
pub mod update;
pub mod verdict;
pub mod writer;
