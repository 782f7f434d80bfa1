//! What an operator reads: the engine's views as plain text, for a terminal of 80 to 100 columns, a serial line, or a
//! file. Colour and JSON are the shim's.
//!
//! Renderers write to any [`embedded_io::Write`], and their error is the sink's. `now` is the instant that the engine was last
//! told: ages are counted from it.
//!
//! | file | what it holds |
//! |---|---|
//! | [`command`] | what an operator can say: the table, abbreviation, completion and `?` |
//! | [`show`] | the renderers: summary, neighbors, services, routes, steered prefixes, the configuration |
//! | `advice` | what to do about what is shown, in sentences |
//! | `table` | columns that line up |
//! | [`text`] | ages, and a sink for those who have [`core::fmt::Write`] |

mod advice;
pub mod command;
pub mod show;
mod table;
pub mod text;
