//! What a person sees: permanent lines, one live line below them, and a table at the end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::ledger::{Account, Cell, Node};

/// Below this many columns a live line shows too little.
const LIVE_COLUMNS: usize = 60;
/// For output that is not a terminal.
const DEFAULT_COLUMNS: usize = 80;
/// Long lines are hard to read, whatever the terminal's width.
const MOST_COLUMNS: usize = 110;

/// The terminal, or the file in its place.
#[derive(Debug)]
pub(super) struct Screen {
    out: io::Stdout,
    /// Whether the last line is rewritten in place.
    live: bool,
    colour: bool,
    /// Whether a live line is on the screen now.
    shown: bool,
}

impl Screen {
    /// `plain` asks for lines only, without colours.
    pub(super) fn new(plain: bool) -> Self {
        let out = io::stdout();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = out.is_terminal() && !plain && !dumb;
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { out, live: terminal, colour, shown: false }
    }

    /// The columns of the terminal, now.
    pub(super) fn columns(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(&self.out).ok();
        let columns = size.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
        columns.unwrap_or(DEFAULT_COLUMNS)
    }

    /// Gives the live line up where it has no room. Whether that was so.
    pub(super) fn give_up_live_line(&mut self) -> bool {
        let narrow = self.live && self.columns() < LIVE_COLUMNS;
        self.live &= !narrow;
        narrow
    }

    /// Whether colours are shown.
    pub(super) fn colour(&self) -> bool {
        self.colour
    }

    /// Prints `text` above the live line. The error is that nobody reads any more.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let clear = if self.shown { CLEAR } else { "" };
        self.shown = false;
        writeln!(self.out, "{clear}{text}")?;
        self.out.flush()
    }

    /// Prints `text` in as many lines as it needs, each behind `indent`.
    pub(super) fn say_wrapped(&mut self, indent: &str, text: &str) -> io::Result<()> {
        let room = self.columns().min(MOST_COLUMNS).saturating_sub(indent.len() + 1);
        wrap(text, room).iter().try_for_each(|line| self.say(&format!("{indent}{line}")))
    }

    /// Prints `text` in bold.
    pub(super) fn say_title(&mut self, text: &str) -> io::Result<()> {
        if self.colour { self.say(&format!("\x1b[1m{text}\x1b[0m")) } else { self.say(text) }
    }

    /// Rewrites the live line.
    pub(super) fn show(&mut self, live: &Live<'_>) -> io::Result<()> {
        let columns = self.columns();
        if !self.live || columns < LIVE_COLUMNS {
            return Ok(());
        }
        self.shown = true;
        let line = live.render(columns.min(MOST_COLUMNS), self.colour);
        write!(self.out, "{CLEAR}{line}")?;
        self.out.flush()
    }

    /// Prints the table.
    pub(super) fn table(&mut self, rows: &[Row]) -> io::Result<()> {
        let columns = self.columns().clamp(DEFAULT_COLUMNS, MOST_COLUMNS);
        let text = table(rows, columns);
        self.say(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(self.out, "{CLEAR}");
            let _ = self.out.flush();
        }
    }
}

/// To the first column, and nothing to the right of it.
const CLEAR: &str = "\r\x1b[K";

/// What the live line shows.
#[derive(Debug)]
pub(super) struct Live<'a> {
    /// Since the demo began.
    pub(super) elapsed: Duration,
    /// Who answers now.
    pub(super) answering: Option<Node>,
    /// The timeline, the oldest cell first.
    pub(super) cells: &'a [Cell],
    /// Probes sent so far.
    pub(super) sent: usize,
    /// Probes lost so far.
    pub(super) lost: usize,
}

impl Live<'_> {
    fn render(&self, columns: usize, colour: bool) -> String {
        let who = self.answering.map_or("nobody", Node::name);
        let begin = format!("{:5.1} s  {who:<6} answers  ", self.elapsed.as_secs_f64());
        let end = format!("  {} sent, {} lost", thousands(self.sent as u128), thousands(self.lost as u128));
        // The last column stays empty: a terminal may wrap when it is written.
        let room = columns.saturating_sub(begin.len() + end.len() + 1);
        let cells = &self.cells[self.cells.len().saturating_sub(room)..];
        format!("{begin}{}{end}", strip(cells, None, colour))
    }
}

/// The timeline as text: a digit for the node that answered, `!` where some probes were lost, `.` where all were, and `|`
/// behind `deed` cells.
pub(super) fn strip(cells: &[Cell], deed: Option<u32>, colour: bool) -> String {
    let mut text = String::new();
    let mut last = None;
    for (index, cell) in (0..).zip(cells) {
        if deed == Some(index) {
            text.push_str(if last.take().is_some() { "\x1b[0m|" } else { "|" });
        }
        let (mark, code) = match cell {
            Cell::Empty => (' ', 0),
            Cell::Answered(Node::One) => ('1', 32),
            Cell::Answered(Node::Two) => ('2', 36),
            Cell::Partly => ('!', 33),
            Cell::Silent => ('.', 31),
        };
        if colour && last != Some(code) {
            let _ = write!(text, "\x1b[{code}m");
            last = Some(code);
        }
        text.push(mark);
    }
    if last.is_some() {
        text.push_str("\x1b[0m");
    }
    text
}

/// A line of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// What was done.
    pub(super) fault: &'static str,
    /// Who answers since.
    pub(super) moved_to: Node,
    /// What it cost.
    pub(super) account: Account,
    /// What Holdover did.
    pub(super) answer: &'static str,
}

/// The table, at most `columns` wide; the last column is wrapped.
pub(super) fn table(rows: &[Row], columns: usize) -> String {
    let header = cells("what was done", "moved to", "within", "lost", "outage");
    let room = columns.saturating_sub(header.len());
    let mut text = format!("{header}what Holdover did\n");
    let _ = writeln!(text, "{}", "-".repeat(columns));
    for row in rows {
        let within = row.account.moved_in.map_or_else(|| "never".to_owned(), milliseconds);
        let lost = thousands(row.account.lost as u128);
        let outage = milliseconds(row.account.outage);
        let mut begin = cells(row.fault, row.moved_to.name(), &within, &lost, &outage);
        for part in wrap(row.answer, room) {
            let _ = writeln!(text, "{begin}{part}");
            begin = " ".repeat(begin.len());
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn cells(fault: &str, moved_to: &str, within: &str, lost: &str, outage: &str) -> String {
    format!("{fault:<19} {moved_to:<8} {within:>8} {lost:>6} {outage:>8}  ")
}

/// Cuts a text into lines of at most `room` characters, at blanks.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A time in milliseconds, rounded, with the unit.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{} ms", thousands((time.as_micros() + 500) / 1_000))
}

/// A number with its thousands set apart.
pub(super) fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [Cell; 5] =
        [Cell::Answered(Node::One), Cell::Answered(Node::One), Cell::Partly, Cell::Silent, Cell::Empty];

    fn row(answer: &'static str) -> Row {
        let account = Account {
            lost: 2_345,
            outage: Duration::from_micros(2_345_600),
            moved_in: Some(Duration::from_millis(7)),
        };
        Row { fault: "cable cut silently", moved_to: Node::Two, account, answer }
    }

    #[test]
    fn a_strip_without_colour_is_one_character_a_cell() {
        assert_eq!(strip(&CELLS, None, false), "11!. ");
    }

    #[test]
    fn a_strip_with_colour_changes_it_only_where_the_answer_changes() {
        assert_eq!(strip(&CELLS[..3], None, true), "\x1b[32m11\x1b[33m!\x1b[0m");
        assert_eq!(strip(&[], None, true), "");
    }

    #[test]
    fn the_deed_stands_between_the_cells_before_and_after_it() {
        assert_eq!(strip(&CELLS, Some(1), false), "1|1!. ");
        assert_eq!(strip(&CELLS[..2], Some(1), true), "\x1b[32m1\x1b[0m|\x1b[32m1\x1b[0m");
    }

    #[test]
    fn the_live_line_never_fills_the_last_column() {
        let cells = [Cell::Answered(Node::Two); 400];
        for columns in [60, 80, 200] {
            let live = Live {
                elapsed: Duration::from_millis(12_345),
                answering: Some(Node::Two),
                cells: &cells,
                sent: 12_345,
                lost: 6,
            };
            let line = live.render(columns, false);
            assert_eq!(line.len(), columns - 1);
            assert!(line.starts_with(" 12.3 s  node2  answers  2"), "{line}");
            assert!(line.ends_with("2  12,345 sent, 6 lost"), "{line}");
        }
    }

    #[test]
    fn the_live_line_says_when_nobody_answers() {
        let live = Live { elapsed: Duration::ZERO, answering: None, cells: &[], sent: 0, lost: 0 };
        assert_eq!(live.render(80, false), "  0.0 s  nobody answers    0 sent, 0 lost");
    }

    #[test]
    fn the_table_keeps_within_its_columns_and_wraps_the_answer() {
        let text = table(&[row("the hold timer of 3 s expired, so the router took the route of node2")], 80);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(
            text.contains("cable cut silently  node2        7 ms  2,345 2,346 ms  the hold timer of 3 s"),
            "{text}"
        );
        assert!(text.lines().count() > 3);
    }

    #[test]
    fn a_move_that_did_not_happen_is_in_the_table() {
        let mut row = row("nothing");
        row.account.moved_in = None;
        assert!(table(&[row], 80).contains("never"));
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(milliseconds(Duration::from_micros(1_499)), "1 ms");
        assert_eq!(milliseconds(Duration::from_micros(1_500)), "2 ms");
    }
}
