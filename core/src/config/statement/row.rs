//! The rows as a program holds them: only what reading and printing need, as small as it can be.
//!
//! What the tables say of a statement for people, its help and what holds without it, is in the constants of the tables
//! only. A program in which nobody asks for that, as an appliance's, whose `?` knows the commands of the console, does
//! not hold a word of it.

use core::fmt;

use super::{Apply, No, Node, Print, Statement, Tier};
use crate::config::lint::Lint;
use crate::config::shown::Shown;
use crate::config::syntax::Syntax;

/// A row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// How it is written.
    pub(crate) syntax: Syntax,
    /// What becomes of it.
    pub(crate) does: Does,
}

/// What becomes of a line.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// It acts.
    Act {
        /// Its form with `no`.
        no: No,
        /// Puts its values into the configuration.
        apply: Apply,
        /// Takes them out again.
        print: Option<Print>,
    },
    /// It is accepted and has no effect here.
    NoEffect {
        /// Its form with `no`.
        no: No,
        /// Whether it opens a block whose lines are skipped.
        block: bool,
        /// Why.
        why: &'static str,
    },
    /// It is refused.
    Refused {
        /// Whether it opens a block whose lines are skipped.
        block: bool,
        /// Why.
        why: &'static str,
    },
    /// It is accepted, has no effect, and probably was not wanted.
    Warn(Lint),
    /// It is only printed.
    Print(Print),
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown(self.syntax))
    }
}

impl Row {
    const fn of(statement: &Statement) -> Self {
        let Statement { syntax, no, block, apply, print, .. } = *statement;
        let does = match (statement.tier, print) {
            (Tier::Act, Some(print)) if !statement.is_read() => Does::Print(print),
            (Tier::Act, print) => Does::Act { no, apply, print },
            (Tier::NoEffect(why), _) => Does::NoEffect { no, block, why },
            (Tier::Refused(why), _) => Does::Refused { block, why },
            (Tier::Warn(lint), _) => Does::Warn(lint),
        };
        Self { syntax, does }
    }

    /// The rows of a table, of which there must be `N`.
    pub(super) const fn all<const N: usize>(table: &[Statement]) -> [Self; N] {
        assert!(table.len() == N, "as many rows as statements");
        let mut rows = [Self { syntax: Syntax::new(""), does: Does::Warn(Lint::NoTimers) }; N];
        let (mut to, mut from): (&mut [Self], _) = (&mut rows, table);
        while let ([row, more @ ..], [statement, left @ ..]) = (to, from) {
            *row = Self::of(statement);
            (to, from) = (more, left);
        }
        rows
    }

    /// Its form with `no`.
    pub(crate) const fn no(&self) -> No {
        match self.does {
            Does::Act { no, .. } | Does::NoEffect { no, .. } => no,
            Does::Refused { .. } | Does::Warn(_) => No::Form,
            Does::Print(_) => No::Never,
        }
    }

    /// Whether `no` may stand before it.
    pub(crate) fn has_no(&self) -> bool {
        self.no() != No::Never
    }

    /// Whether lines are matched against it.
    pub(crate) const fn is_read(&self) -> bool {
        !matches!(self.does, Does::Print(_))
    }

    /// Whether a line of it changes the configuration.
    pub(crate) const fn acts(&self) -> bool {
        matches!(self.does, Does::Act { .. } | Does::Print(_))
    }

    /// Whether it is refused.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self.does, Does::Refused { .. })
    }

    /// Whether it opens a block whose lines are skipped.
    pub(crate) const fn opens_foreign_block(&self) -> bool {
        matches!(self.does, Does::NoEffect { block: true, .. } | Does::Refused { block: true, .. })
    }

    /// How it is printed, when it is.
    pub(crate) const fn print(&self) -> Option<Print> {
        match self.does {
            Does::Act { print, .. } => print,
            Does::Print(print) => Some(print),
            Does::NoEffect { .. } | Does::Refused { .. } | Does::Warn(_) => None,
        }
    }
}

/// Where a row stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// In which node,
    pub(crate) node: Node,
    /// in which of its tables,
    pub(crate) table: usize,
    /// and where in that.
    pub(crate) index: usize,
}

impl Place {
    /// What the statement there does, in a sentence.
    pub(crate) fn help(self) -> &'static str {
        let table = super::written(self.node).get(self.table);
        table.and_then(|rows| rows.get(self.index)).map_or("", |statement| statement.help)
    }
}
