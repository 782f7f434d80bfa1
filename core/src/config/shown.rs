//! A syntax turned back into text: as documentation, and as the line of a configuration.

use core::fmt;

use super::matcher::Values;
use super::model::ConfigView;
use super::syntax::{Syntax, Token};
use super::value::Value;

/// A syntax as the documentation shows it.
pub struct Shown(pub Syntax);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.tokens().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match token {
                Token::Word(word) => f.write_str(word)?,
                Token::Choice(words) => {
                    for (index, word) in words.words().enumerate() {
                        write!(f, "{}{word}", if index > 0 { "|" } else { "" })?;
                    }
                }
                Token::Arg(_, name) | Token::Line(name) => f.write_str(name)?,
                Token::Flag(word) => write!(f, "[{word}]")?,
                Token::Optional(inner) => write!(f, "[{}]", Self(inner))?,
                Token::Options(options) => {
                    let mut before = None;
                    let mut left = options.syntaxes();
                    while let Some(option) = left.next() {
                        let blank = if before.is_some() { " " } else { "" };
                        match option.tokens().next() {
                            _ if before == Some(option) => {}
                            Some(Token::Flag(_)) => write!(f, "{blank}{}", Self(option))?,
                            _ => write!(f, "{blank}[{}]", Self(option))?,
                        }
                        if before != Some(option) && left.clone().next() == Some(option) {
                            f.write_str("…")?;
                        }
                        before = Some(option);
                    }
                }
                Token::Repeat(_, name) => write!(f, "{name}…")?,
                Token::Anything => f.write_str("…")?,
            }
        }
        Ok(())
    }
}

/// Writes a statement's line: its syntax with these values. What [`walk`] would read back.
pub(crate) fn write(
    out: &mut dyn fmt::Write,
    view: &ConfigView<'_>,
    syntax: Syntax,
    values: &Values<'_>,
) -> fmt::Result {
    if values.negated {
        out.write_str("no ")?;
    }
    write_tokens(out, view, syntax, values, 0, true)
}

fn write_tokens(
    out: &mut dyn fmt::Write,
    view: &ConfigView<'_>,
    syntax: Syntax,
    values: &Values<'_>,
    mut place: usize,
    mut first: bool,
) -> fmt::Result {
    let mut blank =
        |out: &mut dyn fmt::Write| if core::mem::take(&mut first) { Ok(()) } else { out.write_str(" ") };
    for token in syntax {
        let value = values.get(place);
        let width = token.places();
        let any = (place..place.saturating_add(width)).any(|place| values.given(place));
        match token {
            Token::Word(word) => {
                blank(out)?;
                out.write_str(word)?;
            }
            Token::Choice(words) => {
                blank(out)?;
                let index = usize::try_from(values.number(place)).unwrap_or(usize::MAX);
                out.write_str(words.words().nth(index).unwrap_or(""))?;
            }
            Token::Flag(word) if any => {
                blank(out)?;
                out.write_str(word)?;
            }
            Token::Arg(kind, _) | Token::Repeat(kind, _) => {
                blank(out)?;
                match value {
                    Value::Rules(from, count) => kind.write_rules(out, view, from, count)?,
                    value => kind.write(out, value)?,
                }
            }
            Token::Line(_) => {
                blank(out)?;
                match value {
                    Value::Hidden(program) => write!(out, "{program} {}", super::print::HIDDEN)?,
                    _ => out.write_str(values.text(place))?,
                }
            }
            Token::Optional(inner) if any => {
                blank(out)?;
                write_tokens(out, view, inner, values, place, true)?;
            }
            Token::Options(options) => {
                let mut inner = place;
                for option in options.syntaxes() {
                    let width = option.places();
                    if (inner..inner.saturating_add(width)).any(|place| values.given(place)) {
                        blank(out)?;
                        write_tokens(out, view, option, values, inner, true)?;
                    }
                    inner = inner.saturating_add(width);
                }
            }
            Token::Flag(_) | Token::Optional(_) | Token::Anything => {}
        }
        place = place.saturating_add(width);
    }
    Ok(())
}
