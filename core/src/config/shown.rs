//! A syntax turned back into text: as documentation, and as the line of a configuration.

use core::fmt;

use super::matcher::{Token, Values, places};
use super::model::ConfigView;
use super::value::Value;

/// A syntax as the documentation shows it.
pub struct Shown(pub &'static [Token]);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match *token {
                Token::Word(word) => f.write_str(word)?,
                Token::Choice(words) => {
                    for (index, word) in words.iter().enumerate() {
                        write!(f, "{}{word}", if index > 0 { "|" } else { "" })?;
                    }
                }
                Token::Arg(_, name) | Token::Line(name) => f.write_str(name)?,
                Token::Flag(word) => write!(f, "[{word}]")?,
                Token::Optional(inner) => write!(f, "[{}]", Self(inner))?,
                Token::Options(options) => {
                    let mut before: &[Token] = &[];
                    for (index, &option) in options.iter().enumerate() {
                        let blank = if index > 0 { " " } else { "" };
                        match option {
                            _ if option == before => {}
                            [Token::Flag(_)] => write!(f, "{blank}{}", Self(option))?,
                            _ => write!(f, "{blank}[{}]", Self(option))?,
                        }
                        if option != before && options.get(index.saturating_add(1)) == Some(&option) {
                            f.write_str("…")?;
                        }
                        before = option;
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
    syntax: &'static [Token],
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
    tokens: &'static [Token],
    values: &Values<'_>,
    mut place: usize,
    mut first: bool,
) -> fmt::Result {
    let mut blank =
        |out: &mut dyn fmt::Write| if core::mem::take(&mut first) { Ok(()) } else { out.write_str(" ") };
    for token in tokens {
        let value = values.get(place);
        let width = places(core::slice::from_ref(token));
        let any = (place..place.saturating_add(width)).any(|place| values.given(place));
        match *token {
            Token::Word(word) => {
                blank(out)?;
                out.write_str(word)?;
            }
            Token::Choice(words) => {
                blank(out)?;
                let index = usize::try_from(values.number(place)).unwrap_or(usize::MAX);
                out.write_str(words.get(index).copied().unwrap_or(""))?;
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
                out.write_str(values.text(place))?;
            }
            Token::Optional(inner) if any => {
                blank(out)?;
                write_tokens(out, view, inner, values, place, true)?;
            }
            Token::Options(options) => {
                let mut inner = place;
                for option in options {
                    let width = places(option);
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
