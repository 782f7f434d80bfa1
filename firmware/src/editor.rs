//! A line as it is typed: octets in, what to echo and what is meant out.

/// The longest line. What is typed beyond it is not taken, and rings.
pub const LINE: usize = 120;

/// What an octet means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing that somebody must answer.
    None,
    /// The line is finished: see [`Editor::line`]; [`Editor::clear`] begins the next one.
    Line,
    /// `?`: what can stand here?
    Help,
    /// Tab: complete the word.
    Complete,
}

/// Where in an escape sequence (a cursor key, for one) the input is: those are swallowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

/// A line that is being typed. At rest it is all zero.
#[derive(Clone, Debug)]
pub struct Editor {
    octets: [u8; LINE],
    len: usize,
    escape: Escape,
    after_return: bool,
}

impl Editor {
    /// An empty line.
    pub const fn new() -> Self {
        Self { octets: [0; LINE], len: 0, escape: Escape::None, after_return: false }
    }

    /// What is typed so far.
    pub fn line(&self) -> &str {
        // Printable ASCII only was let in.
        core::str::from_utf8(&self.octets[..self.len]).unwrap_or_default()
    }

    /// Begins anew.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes an octet. `echo` is given what the terminal is to show.
    pub fn feed(&mut self, octet: u8, echo: &mut dyn FnMut(&[u8])) -> Event {
        let after_return = core::mem::replace(&mut self.after_return, octet == b'\r');
        match (self.escape, octet) {
            (Escape::None, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Sequence,
            (Escape::Begun, _) | (Escape::Sequence, 0x40..=0x7e) => self.escape = Escape::None,
            (Escape::None, b'\n') if after_return => {}
            (Escape::None, b'\r' | b'\n') => {
                echo(b"\r\n");
                return Event::Line;
            }
            (Escape::None, b'\t') => return Event::Complete,
            (Escape::None, b'?') => return Event::Help,
            (Escape::None, 0x08 | 0x7f) if self.len > 0 => {
                self.len -= 1;
                echo(b"\x08 \x08");
            }
            // ^C and ^U: not that.
            (Escape::None, 0x03 | 0x15) => {
                (0..self.len).for_each(|_| echo(b"\x08 \x08"));
                self.len = 0;
            }
            (Escape::None, b' '..=b'~') => self.append(&[octet], echo),
            (Escape::None | Escape::Sequence, _) => {}
        }
        Event::None
    }

    /// Puts more behind the line, as if it were typed.
    pub fn append(&mut self, octets: &[u8], echo: &mut dyn FnMut(&[u8])) {
        for &octet in octets {
            if self.len == LINE {
                echo(b"\x07");
                return;
            }
            self.octets[self.len] = octet;
            self.len += 1;
            echo(&[octet]);
        }
    }
}

impl Default for Editor {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types it; gives the events that are some, and the echo.
    fn type_in(editor: &mut Editor, octets: &[u8]) -> (Vec<Event>, String) {
        let mut echo = Vec::new();
        let events =
            octets.iter().map(|&octet| editor.feed(octet, &mut |shown| echo.extend_from_slice(shown)));
        let events = events.filter(|&event| event != Event::None).collect();
        (events, String::from_utf8(echo).unwrap())
    }

    #[test]
    fn a_line_ends_once_whatever_ends_it() {
        for end in [&b"\r"[..], b"\n", b"\r\n"] {
            let mut editor = Editor::new();
            let (events, echo) = type_in(&mut editor, &[b"show", end].concat());
            assert_eq!((events, echo.as_str()), (vec![Event::Line], "show\r\n"));
            assert_eq!(editor.line(), "show");
            editor.clear();
            assert_eq!(type_in(&mut editor, b"\n").0.len(), usize::from(end != b"\r"));
        }
    }

    #[test]
    fn a_backspace_takes_the_last_character_and_no_more() {
        let mut editor = Editor::new();
        let (_, echo) = type_in(&mut editor, b"ab\x7f\x08\x08c");
        assert_eq!((editor.line(), echo.as_str()), ("c", "ab\x08 \x08\x08 \x08c"));
    }

    #[test]
    fn cursor_keys_and_other_controls_leave_nothing_behind() {
        let mut editor = Editor::new();
        let (events, _) = type_in(&mut editor, b"a\x1b[A\x1b[1;5C\x1bOP\x01\x80\xffb");
        assert_eq!((events, editor.line()), (vec![], "ab"));
    }

    #[test]
    fn a_question_and_a_tab_are_told_and_not_typed() {
        let mut editor = Editor::new();
        let (events, echo) = type_in(&mut editor, b"sh?\t");
        assert_eq!((events, echo.as_str()), (vec![Event::Help, Event::Complete], "sh"));
    }

    #[test]
    fn control_c_forgets_the_line() {
        let mut editor = Editor::new();
        type_in(&mut editor, b"drain\x03");
        assert_eq!(editor.line(), "");
    }

    #[test]
    fn a_line_that_is_too_long_rings_and_keeps_its_beginning() {
        let mut editor = Editor::new();
        let (_, echo) = type_in(&mut editor, &[b'x'; LINE + 3]);
        assert_eq!(editor.line().len(), LINE);
        assert!(echo.ends_with("x\x07\x07\x07"));
    }
}
