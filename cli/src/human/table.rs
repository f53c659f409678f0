//! Small tables and sheets: columns that stand under each other on a terminal.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::{QUIET, styled};

/// Rows that are shown; a hostile image can hold 65,536.
pub const ROWS: usize = 200;

/// Rows under a heading, the columns two spaces apart. At most [`ROWS`] rows; what is left out is
/// counted in a last line.
pub fn table<const N: usize>(
    heading: [&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
) -> Vec<String> {
    table_of_numbers(heading, 0..0, rows)
}

/// The same with some columns whose ends stand under each other.
pub fn table_of_numbers<const N: usize>(
    heading: [&str; N],
    numbers: Range<usize>,
    rows: impl ExactSizeIterator<Item = [String; N]>,
) -> Vec<String> {
    let left_out = rows.len().saturating_sub(ROWS);
    let rows: Vec<[String; N]> = rows.take(ROWS).collect();
    let rows: Vec<&[String]> = rows.iter().map(<[String; N]>::as_slice).collect();
    table_of_rows(&heading, &numbers, &rows, left_out)
}

/// The same with rows of any length; `left_out` is how many there are besides.
pub fn table_of_rows(
    heading: &[&str],
    numbers: &Range<usize>,
    rows: &[&[String]],
    left_out: usize,
) -> Vec<String> {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(*row) {
            *width = cell.width().max(*width);
        }
    }
    let mut lines = vec![styled(
        QUIET,
        &line(&widths, numbers, heading.iter().copied()),
    )];
    let row = |row: &&[String]| line(&widths, numbers, row.iter().map(String::as_str));
    lines.extend(rows.iter().map(row));
    if left_out > 0 {
        lines.push(format!("and {left_out} more, all in --output json"));
    }
    lines
}

fn line<'a>(
    widths: &[usize],
    numbers: &Range<usize>,
    cells: impl Iterator<Item = &'a str>,
) -> String {
    let mut out = String::new();
    for (column, (width, cell)) in widths.iter().zip(cells).enumerate() {
        if numbers.contains(&column) {
            out.push_str(&" ".repeat(width.saturating_sub(cell.width())));
            out.push_str(&padded(cell, cell.width() + 2));
        } else {
            out.push_str(&padded(cell, width + 2));
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// `text`, followed by spaces up to `width` columns.
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["1", "größe"], ["10", "日本"]].map(|row| row.map(String::from));
        let lines = table(["ID", "NAME"], rows.into_iter());
        assert_eq!(lines[1..], ["1   größe", "10  日本"]);
        assert_eq!(padded("日本", 6), "日本  ");

        let rows = [["1", "a"], ["10", "b"]].map(|row| row.map(String::from));
        let lines = table_of_numbers(["N", ""], 0..1, rows.into_iter());
        assert_eq!(lines[1..], [" 1  a", "10  b"]);
    }

    #[test]
    fn long_tables_are_cut_and_say_so() {
        let rows: Vec<[String; 1]> = (0..65_536).map(|i| [i.to_string()]).collect();
        let lines = table(["ID"], rows.into_iter());
        assert_eq!(lines.len(), ROWS + 2);
        assert_eq!(
            lines.last().unwrap(),
            "and 65336 more, all in --output json"
        );
    }
}
