//! Values without policy: time, jitter, addresses, and the fixed containers everything else lives in.

pub mod bits;
pub mod index;
pub mod limits;
pub mod net;
pub mod rand;
pub mod ring;
pub mod table;
pub mod time;
