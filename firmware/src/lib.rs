//! What the image knows without its board: tested on the host.
//!
//! | module | what it holds |
//! |---|---|
//! | [`count`] | a timer that counts down and begins anew, as one number that does not |
//! | [`editor`] | a line as it is typed |
//! | [`kept`] | what is remembered across a reset |
//! | [`pieces`] | a long answer in pieces, each rendered again |
//! | [`pool`] | what is not to be guessed |
//! | [`ring`] | octets on their way in or out |
//! | [`text`] | where a text ends in a region of flash, and its checksum |
//! | [`trace`] | who called, from the words of a stack |
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

pub mod count;
pub mod editor;
pub mod kept;
pub mod pieces;
pub mod pool;
pub mod ring;
pub mod text;
pub mod trace;
