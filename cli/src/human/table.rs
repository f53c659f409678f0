//! Small tables and sheets: columns that stand under each other on a terminal.

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
    let left_out = rows.len().saturating_sub(ROWS);
    let rows: Vec<[String; N]> = rows.take(ROWS).collect();
    let mut widths = heading.map(UnicodeWidthStr::width);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut lines = vec![styled(QUIET, &line(&widths, heading))];
    lines.extend(
        rows.iter()
            .map(|row| line(&widths, row.each_ref().map(String::as_str))),
    );
    if left_out > 0 {
        lines.push(format!("and {left_out} more, all in --output json"));
    }
    lines
}

fn line<const N: usize>(widths: &[usize; N], cells: [&str; N]) -> String {
    let mut out = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        out.push_str(&padded(cell, width + 2));
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
