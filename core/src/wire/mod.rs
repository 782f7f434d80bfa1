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
