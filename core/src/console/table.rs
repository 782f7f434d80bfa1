//! Columns that line up: every row is asked for twice, once to measure and once to write, so nothing is kept.

use core::fmt;

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
    lines(out, columns, &mut [0; N], &move |line| {
        rows.clone().for_each(|row| line(&|place, f| cell(&row, place, f)));
    })
}

/// The same, in code that all tables share.
fn lines<W: Write + ?Sized>(
    out: &mut W,
    columns: &[Column],
    widths: &mut [usize],
    rows: &Rows<'_>,
) -> Result<(), W::Error> {
    let titles: &Cells<'_> = &|place, f| f.write_str(columns.get(place).map_or("", |column| column.title));
    widen(widths, titles);
    rows(&mut |cells| widen(widths, cells));
    let mut result = put(out, format_args!("{}", Line { columns, widths, cells: titles }));
    rows(&mut |cells| {
        if result.is_ok() {
            result = put(out, format_args!("{}", Line { columns, widths, cells }));
        }
    });
    result
}

/// Hands the cells of each row on.
type Rows<'a> = dyn Fn(&mut dyn FnMut(&Cells<'_>)) + 'a;

/// Writes what stands in one column of a line.
type Cells<'a> = dyn Fn(usize, &mut dyn fmt::Write) -> fmt::Result + 'a;

/// Makes the columns as wide as these cells want them.
fn widen(widths: &mut [usize], cells: &Cells<'_>) {
    for (place, width) in widths.iter_mut().enumerate() {
        *width = (*width).max(length(cells, place));
    }
}

/// One line. Blanks are owed until something stands behind them.
struct Line<'a> {
    columns: &'a [Column],
    widths: &'a [usize],
    cells: &'a Cells<'a>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut owed = 0;
        for (place, (column, &width)) in self.columns.iter().zip(self.widths).enumerate() {
            let length = length(self.cells, place);
            let fill = width.saturating_sub(length);
            let before = owed + if column.right { fill } else { 0 };
            if length > 0 {
                write!(f, "{:before$}", "")?;
                (self.cells)(place, f)?;
                owed = 0;
            } else {
                owed += width;
            }
            owed += 2 + if column.right || length == 0 { 0 } else { fill };
        }
        f.write_str("\n")
    }
}

/// How many characters stand in a column.
fn length(cells: &Cells<'_>, place: usize) -> usize {
    struct Counter(usize);
    impl fmt::Write for Counter {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A cell that refuses to be written is as long as what it wrote.
    let _ = cells(place, &mut counter);
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
