//! The unsafe corner: what Linux offers and no safe crate wraps. Each block says why it is sound.

pub(crate) mod cell;
pub(crate) mod child;
pub(crate) mod datagram;
pub(crate) mod filter;
pub(crate) mod name;
pub(crate) mod namespace;
pub(crate) mod option;
pub(crate) mod ready;
pub(crate) mod sched;
pub(crate) mod secret;
pub(crate) mod user;
