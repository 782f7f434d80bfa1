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
//!
//! A serial line's answer to `sh sum`:
//!
//! ```
//! use holdover_core::base::time::Instant;
//! use holdover_core::config::{Config, Platform, parse};
//! use holdover_core::console::command::{Request, Show, read};
//! use holdover_core::console::{show, text::Text};
//! use holdover_core::engine::Engine;
//!
//! let text = "hostname edge\nrouter bgp 65000\n bgp router-id 192.0.2.1\n neighbor 192.0.2.2 remote-as 65001\n";
//! let mut config = Box::new(Config::<1, 1>::new());
//! parse(text, &Platform::ALL, &mut config, &mut |_| {}).expect("a good configuration");
//! let mut engine = Box::new(Engine::<1, 1>::new());
//! engine.start(Instant::ZERO, 1);
//! engine.configure(Instant::ZERO, &config);
//! while engine.poll().is_some() {}
//!
//! assert_eq!(read("sh sum"), Ok(Request::Show(Show::Summary)));
//! let (now, mut line) = (Instant::from_micros(9_500_000), String::new());
//! let peers = (0..1).filter_map(|place| engine.peer(place));
//! let services = (0..1).filter_map(|place| engine.service(place));
//! show::summary(&mut Text(&mut line), now, &engine.summary(), peers, services).expect("a string takes everything");
//! assert!(line.starts_with("edge: AS 65000, router-id 192.0.2.1, up 00:00:09"), "{line}");
//! ```

mod advice;
pub mod command;
pub mod show;
mod table;
pub mod text;
