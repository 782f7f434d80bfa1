//! How statements are written: FRR's own notation, one text per row, read piece by piece while a line is matched.
//!
//! | written | is |
//! |---|---|
//! | `neighbor` | this word |
//! | `<permit\|deny>` | one of these words |
//! | `PREFIX` | a value; its name says its kind ([`Kind`]) |
//! | `HOLD(0-65535)`, `GROUP(NAME)` | a value with a name of its own, and behind it its kind or its least and greatest number |
//! | `[additive]` | this word or nothing, a value |
//! | `[seq N(1-65535)]` | all of this, or nothing |
//! | `{ge N(0-128)\|[absent]}` | any of these, each at most once, in any order |
//! | `COMMUNITY...` | one or more of these |
//! | `TEXT(LINE)` | the rest of the line |
//! | `...` | the rest of the line, or nothing |
//!
//! Groups of one form do not hold each other. A text that breaks these rules is found by the tests.

use super::value::Kind;

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax(&'static str);

/// A piece of a statement's syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// This word, or the beginning of it.
    Word(&'static str),
    /// One of these words. A value.
    Choice(Alternatives),
    /// A value of a kind, and what it is called in the documentation. A value.
    Arg(Kind, &'static str),
    /// This word or nothing. A value.
    Flag(&'static str),
    /// All of this, or nothing.
    Optional(Syntax),
    /// Any of these, each at most once, in any order; each begins with a [`Token::Word`] or is a [`Token::Flag`]. What
    /// may stand several times is there as often, side by side.
    Options(Alternatives),
    /// One or more values of a kind. One value: the text of them all.
    Repeat(Kind, &'static str),
    /// The rest of the line, at least one word. A value.
    Line(&'static str),
    /// The rest of the line, or nothing.
    Anything,
}

/// What stands between `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternatives(&'static str);

impl Alternatives {
    /// As words.
    pub fn words(self) -> impl Iterator<Item = &'static str> + Clone {
        self.0.split('|')
    }

    /// As syntaxes.
    pub fn syntaxes(self) -> impl Iterator<Item = Syntax> + Clone {
        self.0.split('|').map(Syntax)
    }
}

impl Syntax {
    /// A syntax in the notation above.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// Whether it is this text.
    pub(crate) fn is(self, text: &str) -> bool {
        self.0 == text
    }

    /// Its pieces.
    pub const fn tokens(self) -> Tokens {
        Tokens { left: self.0 }
    }

    /// The word with which it begins; none when it begins with anything else.
    pub(crate) fn first_word(self) -> Option<&'static str> {
        self.0.starts_with(|first: char| first.is_ascii_lowercase()).then(|| split(self.0).0)
    }

    /// The word of an option: its first, or the only one in brackets.
    pub(crate) fn name(self) -> &'static str {
        let (first, _) = split(self.0);
        first.strip_prefix('[').and_then(|flag| flag.strip_suffix(']')).unwrap_or(first)
    }

    /// Whether it begins with this word, or, when that need not be in full, with a longer one. So rows are passed over
    /// without being read.
    pub(crate) fn begins_with(self, word: &str, exact: bool) -> bool {
        let Some(rest) = self.0.as_bytes().strip_prefix(word.as_bytes()) else { return false };
        !exact || matches!(rest.first(), None | Some(b' '))
    }

    /// Whether it takes the rest of the line, so that a more precise row may follow.
    pub(crate) fn is_open(self) -> bool {
        self.0.ends_with(" ...") || self.0.ends_with("(LINE)")
    }

    /// Whether its third word says that a password follows.
    pub(crate) fn is_secret(self) -> bool {
        self.tokens().nth(2) == Some(Token::Word("password"))
    }

    /// The name of its value at a place, in the documentation.
    pub(crate) fn name_of(self, mut place: usize) -> Option<&'static str> {
        for token in self.tokens() {
            let width = token.places();
            if place < width {
                return match token {
                    Token::Arg(_, name) | Token::Line(name) | Token::Repeat(_, name) => Some(name),
                    Token::Optional(inner) => inner.name_of(place),
                    Token::Options(options) => options.syntaxes().find_map(|option| {
                        let inner = option.places();
                        if place < inner {
                            Some(option.name_of(place))
                        } else {
                            place = place.saturating_sub(inner);
                            None
                        }
                    })?,
                    _ => None,
                };
            }
            place = place.saturating_sub(width);
        }
        None
    }

    /// How many values it yields.
    pub(crate) fn places(self) -> usize {
        self.tokens().fold(0, |sum, token| sum.saturating_add(token.places()))
    }
}

impl IntoIterator for Syntax {
    type Item = Token;
    type IntoIter = Tokens;

    fn into_iter(self) -> Tokens {
        self.tokens()
    }
}

/// The pieces of a syntax, one after the other.
#[derive(Clone, Debug)]
pub struct Tokens {
    left: &'static str,
}

impl Tokens {
    /// Whether there is none left.
    pub(crate) const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

impl Iterator for Tokens {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.left.is_empty() {
            return None;
        }
        let (piece, left) = split(self.left);
        self.left = left;
        Some(Token::of(piece))
    }
}

/// The first piece of a syntax, and what stands behind the blank that follows it.
fn split(text: &'static str) -> (&'static str, &'static str) {
    let close = match text.as_bytes().first() {
        Some(b'[') => b']',
        Some(b'<') => b'>',
        Some(b'{') => b'}',
        Some(b'"') => b'"',
        _ => b' ',
    };
    let rest = text.as_bytes().iter().skip(1);
    let inner = rest.clone().position(|&octet| octet == close).unwrap_or(rest.len());
    // A group has its last octet, a word ends before the blank.
    let end = inner.saturating_add(if close == b' ' { 1 } else { 2 });
    let (piece, behind) = text.split_at_checked(end).unwrap_or((text, ""));
    (piece, behind.strip_prefix(' ').unwrap_or(behind))
}

impl Token {
    /// What a piece of a syntax says.
    fn of(piece: &'static str) -> Self {
        let inner = piece.get(1..piece.len().saturating_sub(1)).unwrap_or("");
        match piece.as_bytes().first() {
            Some(b'a'..=b'z') => Self::Word(piece),
            Some(b'[') if Syntax(inner).first_word() == Some(inner) => Self::Flag(inner),
            Some(b'[') => Self::Optional(Syntax(inner)),
            Some(b'<') => Self::Choice(Alternatives(inner)),
            Some(b'{') => Self::Options(Alternatives(inner)),
            Some(b'.') => Self::Anything,
            _ => Self::value(piece),
        }
    }

    fn value(piece: &'static str) -> Self {
        let (once, many) = piece.strip_suffix("...").map_or((piece, false), |once| (once, true));
        let (name, kind) = named(once);
        if kind == LINE {
            return Self::Line(name);
        }
        // The tests know that there is a kind.
        let kind = Kind::named(kind).unwrap_or(Kind::Word);
        if many { Self::Repeat(kind, name) } else { Self::Arg(kind, name) }
    }

    /// How many values it yields.
    pub(crate) fn places(self) -> usize {
        match self {
            Self::Word(_) | Self::Anything => 0,
            Self::Optional(inner) => inner.places(),
            Self::Options(options) => {
                options.syntaxes().fold(0, |sum, option| sum.saturating_add(option.places()))
            }
            _ => 1,
        }
    }
}

/// The kind of a value that is the rest of the line.
const LINE: &str = "LINE";

/// `NAME(KIND)`: the name and the kind of a value, which are mostly one word.
fn named(piece: &'static str) -> (&'static str, &'static str) {
    piece.strip_suffix(')').and_then(|piece| piece.split_once('(')).unwrap_or((piece, piece))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn tokens(text: &'static str) -> Vec<Token> {
        Syntax::new(text).tokens().collect()
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(tokens("no-rib"), [Token::Word("no-rib")]);
        assert_eq!(tokens("vrf ..."), [Token::Word("vrf"), Token::Anything]);
        assert_eq!(
            tokens("timers HOLD(0-65535) GROUP(NAME) PEER"),
            [
                Token::Word("timers"),
                Token::Arg(Kind::Number(0, 65_535), "HOLD"),
                Token::Arg(Kind::Name, "GROUP"),
                Token::Arg(Kind::Peer, "PEER"),
            ]
        );
        assert_eq!(
            tokens("COMMUNITY... [additive] [seq N(1-9)] <permit|deny>"),
            [
                Token::Repeat(Kind::Community, "COMMUNITY"),
                Token::Flag("additive"),
                Token::Optional(Syntax::new("seq N(1-9)")),
                Token::Choice(Alternatives("permit|deny")),
            ]
        );
        let all = tokens("{header \"NAME: VALUE\"|[insecure]} exec COMMAND(LINE)");
        let [Token::Options(options), Token::Word("exec"), Token::Line("COMMAND")] = all[..] else {
            panic!("{all:?}");
        };
        let options: Vec<Syntax> = options.syntaxes().collect();
        assert_eq!(
            tokens(options[0].0),
            [Token::Word("header"), Token::Arg(Kind::Header, "\"NAME: VALUE\"")]
        );
        assert_eq!(tokens(options[1].0), [Token::Flag("insecure")]);
        assert_eq!((options[0].name(), options[1].name()), ("header", "insecure"));
    }

    #[test]
    fn a_row_is_passed_over_by_its_first_word() {
        let syntax = Syntax::new("router bgp ASN");
        assert!(syntax.begins_with("router", true) && syntax.begins_with("rou", false));
        assert!(!syntax.begins_with("rou", true) && !syntax.begins_with("routers", false));
        assert!(Syntax::new("bfd").begins_with("bfd", true));
    }

    /// What is wrong with a syntax.
    fn fault(text: &'static str) -> Option<&'static str> {
        let mut left = text;
        while !left.is_empty() {
            let (piece, rest) = split(left);
            let whole = match piece.as_bytes() {
                [b'[', .., b']'] | [b'<', .., b'>'] | [b'{', .., b'}'] | [b'"', .., b'"'] => true,
                [b'[' | b'<' | b'{' | b'"', ..] => false,
                _ => piece == "..." || !piece.contains(['[', ']', '<', '>', '{', '}', '"']),
            };
            let behind =
                left.len() == piece.len() || (!rest.is_empty() && left.len() == piece.len() + 1 + rest.len());
            if !whole || !behind {
                return Some(left);
            }
            let wrong = match Token::of(piece) {
                Token::Word(word) => {
                    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
                    (!word.chars().all(letter)).then_some(word)
                }
                Token::Flag(word) => fault(word),
                Token::Optional(inner) => fault(inner.0),
                Token::Choice(words) => {
                    words.words().find(|word| word.is_empty() || word.contains([' ', '[']))
                }
                // No more than the walk has places for.
                Token::Options(options) if options.syntaxes().count() > super::super::matcher::OPTIONS => {
                    Some(piece)
                }
                Token::Options(options) => options.syntaxes().find_map(|option| {
                    let first = option.tokens().next();
                    let named = matches!(first, Some(Token::Word(_) | Token::Flag(_)));
                    if named { fault(option.0) } else { Some(option.0) }
                }),
                Token::Arg(..) | Token::Repeat(..) => {
                    let kind = named(piece.strip_suffix("...").unwrap_or(piece)).1;
                    Kind::named(kind).is_none().then_some(piece)
                }
                Token::Line(_) | Token::Anything => (!rest.is_empty()).then_some(rest),
            };
            if wrong.is_some() {
                return wrong;
            }
            left = rest;
        }
        text.is_empty().then_some("nothing")
    }

    #[test]
    fn every_row_is_in_the_notation() {
        let mut rows = 0;
        for row in crate::config::statement::all_rows() {
            assert_eq!(fault(row.syntax.0), None, "{row:?}");
            assert!(row.syntax.first_word().is_some(), "rows are passed over by their first word: {row:?}");
            assert!(row.syntax.places() <= crate::config::matcher::VALUES, "{row:?}");
            rows += 1;
        }
        assert!(rows > 250, "{rows}");
        for wrong in [
            "", " a", "a  b", "a ", "[a", "a]", "{a|B}", "X(Y)", "A-B", "... a", "a_b", "{|}", "<a|>",
            "N(1-x)",
        ] {
            assert!(fault(wrong).is_some(), "{wrong}");
        }
    }
}
