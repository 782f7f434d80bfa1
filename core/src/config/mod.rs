//! Text to configuration and back: FRR's language on a value of fixed size.
//!
//! [`parse`] reads a text into a [`Config`] and reports all that is wrong with it; [`lint`] tells the silent faults;
//! [`print`] gives the text back. All three, and completion and the documentation, come from the statement tables.
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

mod build;
mod complete;
mod compose;
mod edit;
mod error;
mod finish;
mod hint;
mod line;
mod lint;
mod locate;
mod matcher;
mod model;
mod platform;
mod print;
mod secret;
mod shown;
mod statement;
mod syntax;
mod takeaway;
pub mod target;
mod value;

pub(crate) use line::Words;
pub(crate) use matcher::{Fit, Values, walk};
pub(crate) use value::Value;

pub use complete::{Completion, completions};
pub use compose::{Builder, compose};
pub use error::{Diagnostic, ErrorKind, Errors, Expected, Hint, Limit, Severity, Thing};
pub use hint::nearest;
pub use lint::{Lint, lint};
pub use matcher::Expect;
pub use model::*;
pub use platform::{CheckKinds, Platform};
pub use print::{Printed, print};
pub use secret::concealed;
pub use shown::Shown;
pub use statement::{Node, Statement, Tier};
pub use syntax::{Alternatives, Syntax, Token, Tokens};
pub use value::Kind;

/// Reads a configuration text (UTF-8, lines ended by `\n` or `\r\n`) into `config`.
///
/// Everything there is to say goes to `report`, line after line, and what is only known at the end last. When there is
/// an error, `config` is empty afterwards: read into a spare one, and keep the old one.
///
/// ```
/// use holdover_core::config::{Config, Platform, parse, print};
///
/// const BOARD: Platform = Platform { name: "this board", md5: false, ..Platform::ALL };
/// let mut config = Box::new(Config::<1, 1>::new());
/// let mut said = Vec::new();
/// let text = "router bgp 65000\n nieghbor 192.0.2.2 remote-as 65001\n neighbor 192.0.2.2 password secret\n";
/// assert!(parse(text, &BOARD, &mut config, &mut |one| said.push(one.to_string())).is_err());
/// assert!(said[0].starts_with("line 2, column 2: unknown statement `nieghbor`; did you mean `neighbor`?"), "{said:#?}");
/// assert!(said[1].contains("this board"), "{said:#?}");
///
/// let text = "router bgp 65000\n neighbor 192.0.2.2 remote-as 65001\n";
/// parse(text, &BOARD, &mut config, &mut |_| {}).expect("a good configuration");
/// let mut printed = String::new();
/// print(config.view(), &mut printed).expect("a string takes everything");
/// assert!(printed.contains(" neighbor 192.0.2.2 remote-as 65001\n"));
/// ```
pub fn parse<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
    text: &(impl AsRef<[u8]> + ?Sized),
    platform: &Platform,
    config: &mut Config<P, S, R, U, T>,
    report: &mut dyn FnMut(Diagnostic<'_>),
) -> Result<(), Errors> {
    config.clear();
    let errors = read(text.as_ref(), platform, config.edit(), report);
    if errors == 0 {
        return Ok(());
    }
    config.clear();
    Err(Errors(errors))
}

/// The part of [`parse`] that is the same for all capacities.
fn read(
    text: &[u8],
    platform: &Platform,
    config: ConfigMut<'_>,
    report: &mut dyn FnMut(Diagnostic<'_>),
) -> usize {
    let mut draft = build::Draft::new(text, platform, config, report);
    draft.read();
    draft.finish(Some(finish::Text::LOOKED_INTO))
}

/// All statements that are read, as they are written, node by node in the order of their tables: for the documentation.
pub fn statements() -> impl Iterator<Item = (Node, &'static Statement)> {
    Node::ALL.into_iter().flat_map(|node| {
        let rows = statement::written(node).iter().copied().flatten();
        rows.filter(|row| row.is_read()).map(move |row| (node, row))
    })
}

#[cfg(test)]
mod tests;
