//! Small pieces of text: ages, counts, and sinks.

use core::fmt;

use embedded_io::{ErrorType, Write};

use crate::base::time::Duration;

/// How long ago something was: `00:12:07`, from a day on `1d02h`, from a hundred days on `123d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        match days {
            0 => write!(f, "{hours:02}:{minutes:02}:{:02}", seconds % 60),
            1..100 => write!(f, "{days}d{hours:02}h"),
            _ => write!(f, "{days}d"),
        }
    }
}

/// A short span: `1.2 ms`, `2.3 s`, from a minute on as an [`Age`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            0..1_000 => {
                let micros = self.0.as_micros();
                write!(f, "{}.{} ms", micros / 1_000, micros / 100 % 10)
            }
            millis @ 0..60_000 => write!(f, "{}.{} s", millis / 1_000, millis / 100 % 10),
            _ => Age(self.0).fmt(f),
        }
    }
}

/// A number and what it counts: `1 route`, `2 routes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count<'a>(pub u32, pub &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, of) = *self;
        match (number, of.strip_suffix('y')) {
            (1, _) => write!(f, "1 {of}"),
            (_, Some(stem)) => write!(f, "{number} {stem}ies"),
            _ => write!(f, "{number} {of}s"),
        }
    }
}

/// A sink over [`core::fmt::Write`], for renderers that want an [`embedded_io::Write`]. It takes whole characters only,
/// which is what the renderers give it.
pub struct Text<'a>(pub &'a mut dyn fmt::Write);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text")
    }
}

impl ErrorType for Text<'_> {
    type Error = embedded_io::ErrorKind;
}

impl Write for Text<'_> {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        let text = core::str::from_utf8(octets).map_err(|_| embedded_io::ErrorKind::InvalidData)?;
        self.0.write_str(text).map_err(|fmt::Error| embedded_io::ErrorKind::OutOfMemory)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Writes formatted text. Only the sink can fail: nothing that is written here refuses to be.
pub(super) fn put<W: Write + ?Sized>(out: &mut W, text: fmt::Arguments<'_>) -> Result<(), W::Error> {
    match out.write_fmt(text) {
        Ok(()) | Err(embedded_io::WriteFmtError::FmtError) => Ok(()),
        Err(embedded_io::WriteFmtError::Other(error)) => Err(error),
    }
}

/// The longest line of a note, in characters.
const WIDTH: usize = 96;

/// Writes a sentence as a paragraph of its own: broken between words, the later lines indented.
pub(super) fn note<W: Write + ?Sized>(out: &mut W, text: fmt::Arguments<'_>) -> Result<(), W::Error> {
    let mut paragraph =
        Paragraph { out, word: heapless::String::new(), column: 0, blanks: 0, result: Ok(()) };
    let _ = fmt::write(&mut paragraph, text);
    paragraph.end_word();
    let Paragraph { out, result, .. } = paragraph;
    result?;
    put(out, format_args!("\n"))
}

/// Text that is being broken into lines. The blanks before a word are owed until it is known where the word goes.
struct Paragraph<'a, W: Write + ?Sized> {
    out: &'a mut W,
    word: heapless::String<WIDTH>,
    column: usize,
    blanks: usize,
    result: Result<(), W::Error>,
}

impl<W: Write + ?Sized> Paragraph<'_, W> {
    fn end_word(&mut self) {
        let length = self.word.chars().count();
        if length == 0 || self.result.is_err() {
            return;
        }
        let breaks = self.column > 0 && self.column + self.blanks + length > WIDTH;
        let (line, blanks) = if breaks { ("\n", 4) } else { ("", self.blanks) };
        self.result = put(self.out, format_args!("{line}{:blanks$}{}", "", self.word));
        self.column = if breaks { 0 } else { self.column } + blanks + length;
        self.blanks = 0;
        self.word.clear();
    }
}

impl<W: Write + ?Sized> fmt::Write for Paragraph<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if c == ' ' {
                self.end_word();
                self.blanks += 1;
            } else if self.word.push(c).is_err() {
                // Longer than a line: it is broken where it is.
                self.end_word();
                let _ = self.word.push(c);
            }
        }
        if self.result.is_ok() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    #[test]
    fn ages_are_read_at_a_glance() {
        let age = |seconds| Age(Duration::from_secs(seconds)).to_string();
        assert_eq!(age(0), "00:00:00");
        assert_eq!(age(12 * 60 + 7), "00:12:07");
        assert_eq!(age(86_399), "23:59:59");
        assert_eq!(age(86_400 + 2 * 3_600), "1d02h");
        assert_eq!(age(99 * 86_400), "99d00h");
        assert_eq!(age(100 * 86_400), "100d");
    }

    #[test]
    fn short_spans_have_tenths() {
        let seconds = |millis| Seconds(Duration::from_millis(millis)).to_string();
        assert_eq!((seconds(15), seconds(2_390)), ("15.0 ms".to_string(), "2.3 s".to_string()));
        assert_eq!(seconds(61_000), "00:01:01");
    }

    #[test]
    fn one_of_a_thing_is_not_called_many() {
        assert_eq!(Count(1, "route").to_string(), "1 route");
        assert_eq!(Count(0, "route").to_string(), "0 routes");
        assert_eq!(Count(2, "family").to_string(), "2 families");
    }

    #[test]
    fn a_string_is_a_sink() {
        let mut text = String::new();
        put(&mut Text(&mut text), format_args!("{} {}", 1, "é")).unwrap();
        assert_eq!(text, "1 é");
    }

    #[test]
    fn a_note_breaks_between_words_and_indents_what_follows() {
        let noted = |text: &str| {
            let mut out = String::new();
            note(&mut Text(&mut out), format_args!("{text}")).unwrap();
            out
        };
        assert_eq!(noted("  short enough"), "  short enough\n");
        let words = "word ".repeat(40);
        let text = noted(&words);
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word")));
        assert_eq!(text.split_whitespace().count(), 40);
        let long = noted(&"x".repeat(300));
        assert_eq!(long.chars().filter(|&c| c == 'x').count(), 300);
    }
}
