//! One walk over a statement's syntax serves parsing, abbreviation, completion, `?` and "expected …".
//!
//! A [`Syntax`] is read [`Token`] by token. [`walk`] matches the words of a line against it; where the words end, it
//! tells what could come next. [`find`] chooses the row that fits a line best: a keyword written in full beats an
//! abbreviated one, which beats a value, which beats "the rest of the line"; equal abbreviations are ambiguous.

use core::fmt;

use super::error::ErrorKind;
use super::line::{Word, Words};
use super::statement::{Node, Row, Scope};
use super::syntax::{Alternatives, Syntax, Token};
use super::value::{Kind, Misfit, Value};

/// The most values of one statement.
pub(super) const VALUES: usize = 16;
/// The most options of one group.
pub(super) const OPTIONS: usize = 16;
/// How many words of a line count when rows are compared.
const GRADED: usize = 16;

/// What can come next on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A keyword.
    Word(&'static str),
    /// A value of this kind, with its name in the documentation.
    Value(Kind, &'static str),
    /// Free text, with its name in the documentation.
    Text(&'static str),
    /// The end of the line.
    End,
}

impl Expect {
    pub(crate) fn describe(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Value(kind, _) => kind.describe(f),
            Self::Text(name) => write!(f, "text ({name})"),
            Self::End => f.write_str("the end of the line"),
        }
    }
}

/// The values of a line, each at the place its token has in the syntax: a value that was not given leaves its place
/// [`Value::Absent`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    items: [Value<'a>; VALUES],
    places: [u32; VALUES],
    /// Whether any was given since they were all absent.
    some: bool,
    /// Whether the line begins with `no`.
    pub negated: bool,
}

impl<'a> Values<'a> {
    /// No values.
    pub(crate) const fn new() -> Self {
        Self { items: [Value::Absent; VALUES], places: [0; VALUES], some: false, negated: false }
    }

    /// Takes all of them back. A row that does not fit has mostly given none, and a line is tried against many rows.
    fn clear(&mut self) {
        if self.some {
            *self = Self { negated: self.negated, ..Self::new() };
        }
    }

    /// The value at `index`.
    pub(crate) fn get(&self, index: usize) -> Value<'a> {
        self.items.get(index).copied().unwrap_or(Value::Absent)
    }

    /// Sets the value at `index`.
    pub(crate) fn set(&mut self, index: usize, value: Value<'a>) {
        if let Some(place) = self.items.get_mut(index) {
            (*place, self.some) = (value, true);
        }
    }

    /// Whether the value at `index` was given.
    #[inline(never)] // All statements ask; so it is with those below.
    pub(crate) fn given(&self, index: usize) -> bool {
        !matches!(self.items.get(index), None | Some(Value::Absent))
    }

    /// The number at `index`, or the index of a choice; 0 when absent.
    #[inline(never)]
    pub(crate) fn number(&self, index: usize) -> u32 {
        match self.items.get(index) {
            Some(&Value::Number(number)) => number,
            Some(&Value::Choice(choice)) => u32::from(choice),
            _ => 0,
        }
    }

    /// The text at `index`; empty when absent.
    #[inline(never)]
    pub(crate) fn text(&self, index: usize) -> &'a str {
        match self.items.get(index) {
            Some(&Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Where the word of the value at `index` starts in its line, in octets.
    pub(crate) fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).and_then(|&place| usize::try_from(place).ok())
    }

    fn put(&mut self, index: usize, value: Value<'a>, at: usize) {
        self.set(index, value);
        if let Some(place) = self.places.get_mut(index) {
            *place = u32::try_from(at).unwrap_or(u32::MAX);
        }
    }
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where and why a line does not fit a syntax.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Miss {
    /// How many words did fit.
    pub(crate) depth: usize,
    /// Where the word starts that did not, in octets.
    pub(crate) at: usize,
    /// Why: [`ErrorKind::Misplaced`], [`ErrorKind::Incomplete`], [`ErrorKind::Trailing`], or something precise.
    pub(crate) what: ErrorKind,
}

/// How well a line fits: two bits per word, the first word in the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fit(u32);

impl Fit {
    const EXACT: u32 = 3;
    const SHORT: u32 = 2;
    const VALUE: u32 = 1;

    fn grade(&mut self, depth: usize, grade: u32) {
        if depth < GRADED {
            let shift = GRADED.saturating_sub(depth).saturating_sub(1).saturating_mul(2);
            self.0 |= grade << shift;
        }
    }

    /// Whether the first word was abbreviated.
    const fn begins_short(self) -> bool {
        self.0 >> ((GRADED - 1) * 2) == Self::SHORT
    }

    /// Whether a keyword was abbreviated.
    const fn is_short(self) -> bool {
        // A grade of 2 has its high bit set and its low bit clear.
        (self.0 >> 1) & !self.0 & 0x5555_5555 != 0
    }
}

/// One walk of one line over one syntax.
struct Walk<'a, 'w> {
    words: Words<'a>,
    depth: usize,
    values: &'w mut Values<'a>,
    fit: Fit,
    /// The depth behind the last text without double quotes.
    behind_text: usize,
    /// Whether keywords must be written in full.
    exact: bool,
    expect: Option<&'w mut dyn FnMut(Expect)>,
}

/// Matches the words against the syntax. `expect`, when given, is told what could follow where the words end.
pub(crate) fn walk<'a, 'w>(
    syntax: Syntax,
    words: Words<'a>,
    values: &'w mut Values<'a>,
    expect: Option<&'w mut dyn FnMut(Expect)>,
) -> Result<Fit, Miss> {
    Walk { words, depth: 0, values, fit: Fit::default(), behind_text: 0, exact: false, expect }.whole(syntax)
}

/// The same for a row of a node. What is taken without effect, or refused, must be written in full: a slip in another
/// statement would pass for it.
pub(super) fn walk_row<'a, 'w>(
    (node, row): (Node, &'static Row),
    words: Words<'a>,
    values: &'w mut Values<'a>,
    expect: Option<&'w mut dyn FnMut(Expect)>,
) -> Result<Fit, Miss> {
    let exact = is_exact(node, row);
    Walk { words, depth: 0, values, fit: Fit::default(), behind_text: 0, exact, expect }.whole(row.syntax)
}

/// Whether a row must be written in full.
fn is_exact(node: Node, row: &Row) -> bool {
    !row.acts() && node != Node::Any
}

/// Whether a line with this first word can be the row at all. Where it cannot, its first word misses, and such a miss says
/// nothing ([`is_worse`]): most rows are passed over for a glance.
fn can_begin(node: Node, row: &Row, first: Option<Word<'_>>) -> bool {
    first.is_some_and(|first| row.syntax.begins_with(first.text, is_exact(node, row)))
}

/// How a word fits a keyword.
fn keyword(keyword: &str, word: &str, exact: bool) -> Option<u32> {
    if word == keyword {
        Some(Fit::EXACT)
    } else if !exact && keyword.starts_with(word) {
        Some(Fit::SHORT)
    } else {
        None
    }
}

/// Which of the keywords a word means: the one written in full, or the only one it begins.
fn choose<'t>(
    keywords: impl Iterator<Item = &'t str> + Clone,
    word: &str,
    exact: bool,
) -> Option<(usize, u32)> {
    if let Some(index) = keywords.clone().position(|keyword| keyword == word) {
        return Some((index, Fit::EXACT));
    }
    let mut fitting = keywords.enumerate().filter(|(_, keyword)| !exact && keyword.starts_with(word));
    match (fitting.next(), fitting.next()) {
        (Some((index, _)), None) => Some((index, Fit::SHORT)),
        _ => None,
    }
}

impl Walk<'_, '_> {
    /// Matches all the words.
    fn whole(&mut self, syntax: Syntax) -> Result<Fit, Miss> {
        self.sequence(syntax, 0)?;
        if let Some(word) = self.words.peek() {
            let behind_text = self.behind_text > 0 && self.behind_text == self.depth;
            let what = if behind_text { ErrorKind::Unquoted } else { ErrorKind::Trailing };
            return Err(Miss { depth: self.depth, at: word.at, what });
        }
        self.could_be(Expect::End);
        Ok(self.fit)
    }

    fn could_be(&mut self, expect: Expect) {
        if let Some(sink) = &mut self.expect {
            sink(expect);
        }
    }

    fn take(&mut self, grade: u32) {
        if let Some(word) = self.words.peek() {
            self.take_until(word, grade);
        }
    }

    /// Takes this word, which may hold blanks.
    fn take_until(&mut self, word: Word<'_>, grade: u32) {
        self.words.go_behind(word);
        self.fit.grade(self.depth, grade);
        self.depth = self.depth.saturating_add(1);
    }

    fn miss(&self, what: ErrorKind) -> Miss {
        let at = self.words.rest().at;
        let what = if self.words.peek().is_none() { ErrorKind::Incomplete } else { what };
        Miss { depth: self.depth, at, what }
    }

    /// Matches the tokens one after the other; `place` is the index of their first value. Syntaxes are constants that
    /// nest twice at most, so the recursion is bounded.
    fn sequence(&mut self, syntax: Syntax, mut place: usize) -> Result<(), Miss> {
        let mut tokens = syntax.tokens();
        while let Some(token) = tokens.next() {
            match token {
                Token::Optional(inner) => self.optional(inner, place)?,
                Token::Options(options) => {
                    let behind = match tokens.clone().next() {
                        Some(Token::Word(word)) => word,
                        _ => "",
                    };
                    self.options(options, behind, place)?;
                }
                Token::Flag(word) => self.flag(word, place),
                _ => self.one(token, place)?,
            }
            if !tokens.is_empty() {
                place = place.saturating_add(token.places());
            }
        }
        Ok(())
    }

    /// A token that must be there.
    fn one(&mut self, token: Token, place: usize) -> Result<(), Miss> {
        let next = self.words.peek();
        match token {
            Token::Word(keyword_) => {
                self.expect_at_end(Expect::Word(keyword_));
                let grade = next.and_then(|word| keyword(keyword_, word.text, self.exact));
                self.take(grade.ok_or_else(|| self.miss(ErrorKind::Misplaced))?);
            }
            Token::Choice(keywords) => {
                for word in keywords.words() {
                    self.expect_at_end(Expect::Word(word));
                }
                let word = next.ok_or_else(|| self.miss(ErrorKind::Incomplete))?;
                let chosen = choose(keywords.words(), word.text, self.exact);
                let (index, grade) = chosen.ok_or_else(|| self.miss(ErrorKind::Misplaced))?;
                self.values.put(place, Value::Choice(u8::try_from(index).unwrap_or(u8::MAX)), word.at);
                self.take(grade);
            }
            Token::Arg(kind, name) => {
                self.expect_value(kind, name);
                let mut word = next.ok_or_else(|| self.miss(ErrorKind::Incomplete))?;
                if kind.is_string() {
                    word =
                        self.words.string().map_err(|flaw| Miss { at: flaw.at, ..self.miss(flaw.what) })?;
                }
                let value = kind.read(word.text).map_err(|misfit| self.miss(misfit.into()))?;
                self.values.put(place, value, word.at);
                self.take_until(word, Fit::VALUE);
                if kind.is_string() && !word.text.starts_with('"') {
                    self.behind_text = self.depth;
                }
            }
            Token::Repeat(kind, name) => self.repeat(kind, name, place)?,
            Token::Line(name) => {
                self.expect_at_end(Expect::Text(name));
                let rest = self.words.rest();
                if rest.text.is_empty() {
                    return Err(self.miss(ErrorKind::Incomplete));
                }
                self.values.put(place, Value::Text(rest.text), rest.at);
                self.words = Words::of("");
            }
            Token::Anything => self.words = Words::of(""),
            Token::Flag(_) | Token::Optional(_) | Token::Options(_) => {}
        }
        Ok(())
    }

    fn expect_at_end(&mut self, expect: Expect) {
        if self.expect.is_some() && self.words.peek().is_none() {
            self.could_be(expect);
        }
    }

    fn expect_value(&mut self, kind: Kind, name: &'static str) {
        for word in kind.words() {
            self.expect_at_end(Expect::Word(word));
        }
        self.expect_at_end(Expect::Value(kind, name));
    }

    fn repeat(&mut self, kind: Kind, name: &'static str, place: usize) -> Result<(), Miss> {
        self.expect_value(kind, name);
        let first = self.words.rest();
        let mut end = first.at;
        while let Some(word) = self.words.peek() {
            match kind.read(word.text) {
                Ok(_) => {
                    end = word.at.saturating_add(word.text.len());
                    self.take(Fit::VALUE);
                }
                Err(Misfit::Wrong(what)) => return Err(self.miss(what)),
                Err(Misfit::Other) => break,
            }
        }
        let text = first.text.get(..end.saturating_sub(first.at)).unwrap_or("");
        if text.is_empty() {
            return Err(self.miss(ErrorKind::Misplaced));
        }
        if self.words.peek().is_none() {
            self.expect_value(kind, name);
        }
        self.values.put(place, Value::Text(text), first.at);
        Ok(())
    }

    fn flag(&mut self, word: &'static str, place: usize) {
        self.expect_at_end(Expect::Word(word));
        if let Some(next) = self.words.peek()
            && let Some(grade) = keyword(word, next.text, self.exact)
        {
            self.values.put(place, Value::Given, next.at);
            self.take(grade);
        }
    }

    fn optional(&mut self, syntax: Syntax, place: usize) -> Result<(), Miss> {
        let Some(word) = self.words.peek() else {
            if self.expect.is_some() {
                // Tells what it could begin with; that it is not there is no error.
                let _ = self.sequence(syntax, place);
            }
            return Ok(());
        };
        let begins = match syntax.tokens().next() {
            Some(Token::Word(first)) => keyword(first, word.text, self.exact).is_some(),
            Some(Token::Choice(words)) => choose(words.words(), word.text, self.exact).is_some(),
            Some(Token::Arg(kind, _)) => kind.read(word.text) != Err(Misfit::Other),
            _ => true,
        };
        if begins { self.sequence(syntax, place) } else { Ok(()) }
    }

    /// Options, up to the keyword that may follow them: written in full that is no abbreviation of one.
    fn options(&mut self, options: Alternatives, behind: &'static str, place: usize) -> Result<(), Miss> {
        let mut all = [None; OPTIONS];
        let mut count = 0_usize;
        for (place, option) in all.iter_mut().zip(options.syntaxes()) {
            *place = Some((option, option.name()));
            count = count.saturating_add(1);
        }
        let name = |index: usize| all.get(index).copied().flatten().map_or("", |(_, name)| name);
        // An option that may stand several times is there as often, side by side.
        let repeats = |index: usize| index.checked_sub(1).is_some_and(|before| name(before) == name(index));
        let names = (0..count).map(|index| if repeats(index) { "" } else { name(index) });
        let mut seen = 0_u32;
        loop {
            let Some(word) = self.words.peek() else {
                for index in (0..count).filter(|&index| seen & bit(index) == 0) {
                    self.could_be(Expect::Word(name(index)));
                }
                return Ok(());
            };
            if word.text == behind {
                return Ok(());
            }
            let Some((first, _)) = choose(names.clone(), word.text, self.exact) else { return Ok(()) };
            let mut same = (first..count).take_while(|&index| index == first || repeats(index));
            let Some(index) = same.find(|&index| seen & bit(index) == 0) else {
                let times = (first..count).skip(1).take_while(|&index| repeats(index)).count();
                return Err(self.miss(match times {
                    0 => ErrorKind::Twice,
                    _ => ErrorKind::TooMany(times.saturating_add(1)),
                }));
            };
            seen |= bit(index);
            let before = options.syntaxes().take(index);
            let skip = before.fold(place, |sum, option| sum.saturating_add(option.places()));
            if let Some((option, _)) = all.get(index).copied().flatten() {
                self.sequence(option, skip)?;
            }
        }
    }
}

/// A bit per option; there are never 32 of them.
const fn bit(index: usize) -> u32 {
    1 << (index & 31)
}

impl From<Misfit> for ErrorKind {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Other => Self::Misplaced,
            Misfit::Wrong(kind) => kind,
        }
    }
}

/// The row that fits a line, and the node it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) row: &'static Row,
    pub(crate) node: Node,
    pub(crate) values: Values<'a>,
}

/// Finds the statement that a line in this node is: the node's own, or one of an enclosing node's, which ends it.
pub(crate) fn find(scope: Scope, line: &str) -> Result<Found<'_>, Miss> {
    let mut words = Words::of(line);
    let first = words.rest().at;
    let negated = words.peek().is_some_and(|word| word.text == "no");
    if negated {
        words.next();
    }
    let beginning = words.peek();
    let mut worst = (Miss { depth: 0, at: words.rest().at, what: ErrorKind::Unknown }, true);
    let mut best: Option<(Found<'_>, Fit, bool)> = None;
    let mut values = Values { negated, ..Values::new() };
    for (node, tables) in scope.nodes() {
        // An abbreviation of an inner node yields to a statement written in full of an outer one.
        let mut here: Option<(Found<'_>, Fit, bool)> = None;
        let rows = tables.iter().copied().flatten();
        for row in rows.filter(|row| row.is_read() && can_begin(node, row, beginning)) {
            values.clear();
            match walk_row((node, row), words.clone(), &mut values, None) {
                Ok(fit) => {
                    let found = Found { row, node, values };
                    match &mut here {
                        Some((_, best, twin)) if fit <= *best => *twin |= fit == *best,
                        _ => here = Some((found, fit, false)),
                    }
                    if !fit.is_short() && !row.syntax.is_open() {
                        break;
                    }
                }
                Err(miss) if is_worse(&worst.0, &miss) => worst = (miss, row.has_no()),
                Err(_) => {}
            }
        }
        if let Some((found, fit, twin)) = here {
            if !fit.is_short() {
                return allowed(&found, &words).map(|()| found);
            }
            if best.is_none() {
                best = Some((found, fit, twin));
            }
        }
    }
    match best {
        // `router bgp 0` is a faulty `router bgp`, and no abbreviation of `router-id …`.
        Some((_, fit, _)) if fit.begins_short() && begins_in_full(scope, &words) => Err(worst.0),
        Some((_, _, true)) => Err(Miss { depth: 0, at: words.rest().at, what: ErrorKind::Ambiguous }),
        Some((found, ..)) => allowed(&found, &words).map(|()| found),
        // A line with `no` that comes near a statement without such a form.
        None if negated && !worst.1 => Err(Miss { what: ErrorKind::NoForm, at: first, ..worst.0 }),
        None => Err(worst.0),
    }
}

/// Whether the first word is one with which some statement begins.
fn begins_in_full(scope: Scope, words: &Words<'_>) -> bool {
    let Some(first) = words.peek() else { return false };
    let mut rows = scope.nodes().flat_map(|(_, tables)| tables.iter().copied().flatten());
    rows.any(|row| row.is_read() && row.syntax.begins_with(first.text, true))
}

/// Whether the statement may stand with the `no` it has.
fn allowed(found: &Found<'_>, words: &Words<'_>) -> Result<(), Miss> {
    if found.values.negated && !found.row.has_no() {
        return Err(Miss { depth: 0, at: words.rest().at, what: ErrorKind::NoForm });
    }
    Ok(())
}

/// Whether `b` says more than `a`: it is further on, or at the same word and more precise.
fn is_worse(a: &Miss, b: &Miss) -> bool {
    let precise = |miss: &Miss| match miss.what {
        ErrorKind::Unknown => 0,
        ErrorKind::Trailing => 1,
        ErrorKind::Misplaced | ErrorKind::Incomplete => 2,
        _ => 3,
    };
    (b.depth > 0 || precise(b) == 3) && (b.depth, precise(b)) > (a.depth, precise(a))
}
