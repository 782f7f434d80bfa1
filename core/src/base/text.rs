//! Text of others, as it may be shown.

use core::fmt::{self, Write as _};

/// Whether a character is not seen, or changes how others are seen: controls, the marks that turn the direction of writing
/// (U+202E and its like), and what has no width. Shown as it is, it could hide or forge a line on a terminal.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{0600}'..='\u{0605}'
                | '\u{061C}'
                | '\u{06DD}'
                | '\u{070F}'
                | '\u{0890}'..='\u{0891}'
                | '\u{08E2}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{110BD}'
                | '\u{110CD}'
                | '\u{13430}'..='\u{1345F}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// A text with `?` in the place of each [hidden](is_hidden) character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked<'a>(pub &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| f.write_char(if is_hidden(letter) { '?' } else { letter }))
    }
}

/// A sink that masks what goes through it; a line's end goes through.
pub(crate) struct Masking<'w>(pub(crate) &'w mut dyn fmt::Write);

impl fmt::Write for Masking<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            write!(self.0, "{}", Masked(first))?;
        }
        lines.try_for_each(|line| write!(self.0, "\n{}", Masked(line)))
    }
}

/// A text that a peer sent with a NOTIFICATION (RFC 9003 section 2), as the end of a sentence; empty when it sent none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a>(pub &'a [u8]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok("") => Ok(()),
            Ok(text) => write!(f, "; it says: \"{}\"", Masked(text)),
            Err(_) => f.write_str("; it says something that is not UTF-8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn what_is_not_seen_is_shown_as_a_question_mark() {
        for letter in [
            '\0',
            '\n',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(Masked(&std::format!("a{letter}b")).to_string(), "a?b", "{:x}", u32::from(letter));
        }
        let seen = "NET-4711: Wartung bis 23:00, größer, 維持, éé, 👍";
        assert_eq!(Masked(seen).to_string(), seen);
    }

    #[test]
    fn a_sink_keeps_the_lines() {
        let mut text = std::string::String::new();
        Masking(&mut text).write_str("a\u{202e}\nb\r\n").unwrap();
        assert_eq!(text, "a?\nb?\n");
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_said_to_be_so() {
        assert_eq!(Said(b"").to_string(), "");
        assert_eq!(Said("bis 4\u{1b}[31m".as_bytes()).to_string(), "; it says: \"bis 4?[31m\"");
        assert_eq!(Said(&[0x61, 0xFF]).to_string(), "; it says something that is not UTF-8");
    }
}
