//! Text into lines, and lines into words that know their column.

use super::target::{self, Flaw};

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// What it says.
    pub(crate) text: &'a str,
    /// Where it starts in its line, in octets.
    pub(crate) at: usize,
}

/// The words of a line, one after the other. Blanks separate them; there is no quoting, as in FRR, but where a statement
/// asks for a [string](Words::string).
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    line: &'a str,
    /// Looked up ahead: every row of a table looks at it.
    next: Option<Word<'a>>,
}

impl<'a> Words<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        Self { line, next: word(line, 0) }
    }

    /// What is left of the line, from the next word on, without blanks around it.
    pub(crate) fn rest(&self) -> Word<'a> {
        let at = self.next.map_or(self.line.len(), |word| word.at);
        Word { text: self.line.get(at..).unwrap_or("").trim_end_matches(is_blank), at }
    }

    /// The string that stands next, not taken: a word, or what is in double quotes.
    pub(crate) fn string(&self) -> Result<Word<'a>, Flaw> {
        let Word { text, at } = self.rest();
        let raw = target::string(text).map_err(|flaw| Flaw { at: at.saturating_add(flaw.at), ..flaw })?;
        Ok(Word { text: raw, at })
    }

    /// Goes on behind this word or string.
    pub(crate) fn go_behind(&mut self, word: Word<'_>) {
        self.next = self::word(self.line, word.at.saturating_add(word.text.len()));
    }

    /// The next word, not taken.
    pub(crate) fn peek(&self) -> Option<Word<'a>> {
        self.next
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let taken = self.next?;
        self.go_behind(taken);
        Some(taken)
    }
}

/// The first word of the line that starts at `from` or behind it.
fn word(line: &str, from: usize) -> Option<Word<'_>> {
    let left = line.as_bytes().get(from..)?;
    let skip = left.iter().position(|&octet| octet != b' ' && octet != b'\t')?;
    let left = left.get(skip..)?;
    let length = left.iter().position(|&octet| octet == b' ' || octet == b'\t').unwrap_or(left.len());
    let at = from.saturating_add(skip);
    Some(Word { text: line.get(at..at.saturating_add(length))?, at })
}

const fn is_blank(letter: char) -> bool {
    letter == ' ' || letter == '\t'
}

/// Whether the line says nothing: blank, or a comment (its first character is `!` or `#`; elsewhere those are text).
pub(crate) fn is_silent(line: &str) -> bool {
    Words::of(line).next().is_none_or(|word| word.text.starts_with(['!', '#']))
}

/// Whether it is one of the lines that `show running-config` of FRR has above the configuration.
pub(crate) fn is_heading(line: &str) -> bool {
    matches!(line.trim_matches(is_blank), "Building configuration..." | "Current configuration:")
}

/// The column of an octet of the line, in characters, counted from 1.
pub(crate) fn column(line: &str, at: usize) -> u32 {
    let before = line.get(..at).map_or_else(|| line.chars().count(), |text| text.chars().count());
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

/// Why a line is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotText {
    /// It is not UTF-8.
    Encoding,
    /// It holds a control character.
    Control,
}

/// A line's text, or its readable beginning and why it ends there. A carriage return at its end is dropped.
pub(crate) fn text(octets: &[u8]) -> Result<&str, (&str, NotText)> {
    let octets = octets.strip_suffix(b"\r").unwrap_or(octets);
    let (text, why) = match core::str::from_utf8(octets) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = octets.get(..error.valid_up_to()).unwrap_or(&[]);
            (core::str::from_utf8(good).unwrap_or(""), Some(NotText::Encoding))
        }
    };
    match text.bytes().position(|octet| (octet < b' ' && octet != b'\t') || octet == 0x7F) {
        Some(at) => Err((text.get(..at).unwrap_or(""), NotText::Control)),
        None => why.map_or(Ok(text), |why| Err((text, why))),
    }
}

/// The lines of a text, counted from 1. A byte order mark at its beginning belongs to none.
pub(crate) fn lines(octets: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    octets
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(octets)
        .split(|&octet| octet == b'\n')
        .enumerate()
        .map(|(index, line)| (u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_where_they_start() {
        let mut words = Words::of("  neighbor\tRS  port 179 ");
        assert_eq!(words.next(), Some(Word { text: "neighbor", at: 2 }));
        assert_eq!(words.next(), Some(Word { text: "RS", at: 11 }));
        assert_eq!(words.rest(), Word { text: "port 179", at: 15 });
        assert_eq!(words.by_ref().count(), 2);
        assert_eq!(words.rest().text, "");
    }

    #[test]
    fn comments_begin_a_line_and_nothing_else_does() {
        assert!(is_silent("  ! text") && is_silent("# text") && is_silent(" \t"));
        assert!(!is_silent("password a!b #c"));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(column("é x", 3), 3);
        assert_eq!(column("ab", 99), 3);
    }

    #[test]
    fn what_is_not_text_is_cut_where_it_stops_being_text() {
        assert_eq!(text(b"abc\r"), Ok("abc"));
        assert_eq!(text(b"ab\xFFc"), Err(("ab", NotText::Encoding)));
        assert_eq!(text(b"a\x00b"), Err(("a", NotText::Control)));
        assert_eq!(text("\u{e9}\u{7f}".as_bytes()), Err(("\u{e9}", NotText::Control)));
    }
}
