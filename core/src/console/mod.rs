//! What an operator reads: the engine's views as plain text, for a terminal of 80 to 100 columns, a serial line, or a
//! file. Colour and JSON are the shim's.
//!
//! | file | what it holds |
//! |---|---|
//! | [`command`] | what an operator can say: the table, abbreviation, completion and `?` |
//! | [`show`] | the renderers: summary, neighbors, services, routes, steered prefixes, the configuration |
//! | [`advice`] | what to do about what is shown, in sentences |
//! | [`table`] | columns that line up |
//! | [`text`] | ages, and a sink for those who have [`core::fmt::Write`] |

pub mod advice;
pub mod command;
pub mod show;
pub mod table;
pub mod text;
