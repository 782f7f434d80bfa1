//! Values without policy: time, jitter, addresses, and the fixed containers everything else lives in.

pub(crate) mod bits;
pub(crate) mod index;
pub mod limits;
pub mod net;
pub mod rand;
pub(crate) mod ring;
pub(crate) mod sort;
pub(crate) mod table;
pub mod text;
pub mod time;
