//! Columns that line up: every row is asked for twice, once to measure and once to write, so nothing is kept.

use core::fmt::{self, Write as _};

use embedded_io::Write;

use super::text::put;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    right: bool,
}

/// A column of words.
pub(super) const fn left(title: &'static str) -> Column {
    Column { title, right: false }
}

/// A column of numbers.
pub(super) const fn right(title: &'static str) -> Column {
    Column { title, right: true }
}

/// Writes a table: its titles, then the rows. `cell` writes what stands in one column of a row. The last column is as
/// long as it wants to be, and no line ends in blanks.
pub(super) fn write<V, W: Write + ?Sized, const N: usize>(
    out: &mut W,
    columns: &[Column; N],
    rows: impl Iterator<Item = V> + Clone,
    cell: impl Fn(&V, usize, &mut dyn fmt::Write) -> fmt::Result,
) -> Result<(), W::Error> {
    let mut widths = columns.map(|column| column.title.chars().count());
    for row in rows.clone() {
        for (place, width) in widths.iter_mut().enumerate() {
            *width = (*width).max(length(|f| cell(&row, place, f)));
        }
    }
    line(out, columns, &widths, |place, f| f.write_str(columns[place].title))?;
    for row in rows {
        line(out, columns, &widths, |place, f| cell(&row, place, f))?;
    }
    Ok(())
}

/// Writes one line. Blanks are owed until something stands behind them.
fn line<W: Write + ?Sized, const N: usize>(
    out: &mut W,
    columns: &[Column; N],
    widths: &[usize; N],
    cell: impl Fn(usize, &mut dyn fmt::Write) -> fmt::Result,
) -> Result<(), W::Error> {
    let mut owed = 0;
    for (place, (column, &width)) in columns.iter().zip(widths).enumerate() {
        let length = length(|f| cell(place, f));
        let fill = width.saturating_sub(length);
        let before = owed + if column.right { fill } else { 0 };
        if length > 0 {
            put(out, format_args!("{:before$}{}", "", Cell(|f: &mut fmt::Formatter<'_>| cell(place, f))))?;
            owed = 0;
        } else {
            owed += width;
        }
        owed += 2 + if column.right || length == 0 { 0 } else { fill };
    }
    put(out, format_args!("\n"))
}

struct Cell<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Cell<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// How many characters are written.
fn length(write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> usize {
    struct Counter(usize);
    impl fmt::Write for Counter {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A cell that refuses to be written is as long as what it wrote.
    let _ = write(&mut counter);
    let _ = counter.write_str("");
    counter.0
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::*;
    use std::string::String;

    fn render(rows: &[(&str, u32, &str)]) -> String {
        let mut text = String::new();
        let columns = [left("Name"), right("N"), left("Note")];
        write(&mut Text(&mut text), &columns, rows.iter(), |row, place, f| match place {
            0 => f.write_str(row.0),
            1 => write!(f, "{}", row.1),
            _ => f.write_str(row.2),
        })
        .unwrap();
        text
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        assert_eq!(
            render(&[("web", 7, "well"), ("database", 1_234, "")]),
            "Name         N  Note\nweb          7  well\ndatabase  1234\n"
        );
    }

    #[test]
    fn width_counts_characters_not_octets() {
        assert_eq!(render(&[("é", 1, "a"), ("abcde", 2, "b")]), "Name   N  Note\né      1  a\nabcde  2  b\n");
    }

    #[test]
    fn an_empty_cell_in_the_middle_keeps_the_others_in_place() {
        assert_eq!(render(&[("", 1, "a")]), "Name  N  Note\n      1  a\n");
    }
}
