//! A map as a picture in letters: the disk as a bar in which each cell shows the image that serves
//! most of it, below it what each image serves, and the sums as a table.
//!
//! Images have marks and colours; the marks alone say everything.

use std::ops::Range;

use anstyle::{Ansi256Color, Style};
use pve_native_core::chain::Chain;
use pve_native_core::chain::picture::{Picture, Served, Share};
use pve_native_core::text::printable;
use unicode_width::UnicodeWidthStr;

use super::table::{ROWS as TABLE_ROWS, padded, table_of_numbers};
use super::{NAME, QUIET, exact_size, facts, locale_is_utf8, percent, round_size, size, styled};
use crate::scale;

/// What images are called in the bar, the top one first: their depth, as long as that has one digit.
const MARKS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Rows of the picture at the most: each has a mark of its own.
pub const ROWS: usize = MARKS.len();
/// Colours that people with any kind of colour vision can tell apart, after Okabe and Ito; what is
/// written on them is black.
const COLORS: [u8; 7] = [32, 208, 36, 175, 178, 117, 166];
const BLACK: u8 = 16;
/// The narrowest bar that says anything, and the widest.
const CELLS: Range<usize> = 10..1000;
/// What stands before the bar of the disk.
const DISK: &str = "disk";

/// Cells of the bars on a terminal with so many columns.
pub fn cells(images: usize, columns: usize) -> usize {
    let label = label_width(&Picture::new(0, images, ROWS, 0));
    columns
        .saturating_sub(label + 1)
        .clamp(CELLS.start, CELLS.end)
}

/// The picture and the table.
pub fn drawing(path: &[u8], chain: &Chain, picture: &Picture) -> String {
    let symbols = match locale_is_utf8() {
        true => &UNICODE,
        false => &ASCII,
    };
    let name = styled(NAME, &printable(path));
    let images = facts::count(chain.images.len(), "image");
    let mut out = format!("{name}: {}, {images}\n\n", exact_size(picture.size()));
    if picture.cells() > 0 {
        let label = label_width(picture);
        let mut line = |label_text: &str, bar: String| {
            let line = format!("{} {bar}", padded(label_text, label));
            out.push_str(line.trim_end());
            out.push('\n');
        };
        line(DISK, disk(picture, symbols));
        line("", styled(QUIET, &ruler(picture, symbols)));
        for row in 0..picture.rows() {
            line(&label_of(picture, row), bar(picture, row, symbols));
        }
        line("", styled(QUIET, symbols.legend));
        out.push('\n');
    }
    for line in table(chain, picture) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

struct Symbols {
    /// Served as zeros.
    zero: char,
    /// Served by nobody.
    nobody: char,
    /// How much of a cell an image serves.
    levels: &'static [char],
    tick: char,
    legend: &'static str,
}

const UNICODE: Symbols = Symbols {
    zero: '░',
    nobody: '·',
    levels: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    tick: '╵',
    legend: "▁▄█ what the image serves of it  ░ as zeros  · no image: reads as zeros",
};

const ASCII: Symbols = Symbols {
    zero: '-',
    nobody: '.',
    levels: &['_', '=', '#'],
    tick: '\'',
    legend: "_=# what the image serves of it  - as zeros  . no image: reads as zeros",
};

fn mark(row: usize) -> char {
    char::from(MARKS[row % MARKS.len()])
}

fn color(row: usize) -> Ansi256Color {
    Ansi256Color(COLORS[row % COLORS.len()])
}

/// The images of a row by their depths, and their mark where that says something else.
fn label_of(picture: &Picture, row: usize) -> String {
    let label = depths(&picture.images_of(row));
    if picture.images().len() <= 10 {
        return label;
    }
    // The last row has the longest ones, if it has as many images as the others.
    let last = picture.images().len() - 1;
    let width = match picture.images_of(0).len() {
        1 => last.to_string().len(),
        _ => format!("{last}-{last}").len(),
    };
    format!("{label:<width$} {}", mark(row))
}

fn depths(images: &Range<usize>) -> String {
    match images.len() {
        1 => images.start.to_string(),
        _ => format!("{}-{}", images.start, images.end - 1),
    }
}

fn label_width(picture: &Picture) -> usize {
    let labels = (0..picture.rows()).map(|row| label_of(picture, row).len());
    labels.max().unwrap_or(0).max(DISK.len())
}

/// Each cell as the image that serves most of it.
fn disk(picture: &Picture, symbols: &Symbols) -> String {
    let cell = |cell| match picture.most(cell) {
        None => (QUIET, symbols.nobody),
        Some(row) => match is_zero(&picture.row(row)[cell]) {
            true => (color(row).on_default(), symbols.zero),
            false => (Ansi256Color(BLACK).on(color(row)), mark(row)),
        },
    };
    painted((0..picture.cells()).map(cell))
}

/// How much of each cell the images of a row serve.
fn bar(picture: &Picture, row: usize, symbols: &Symbols) -> String {
    let style = color(row).on_default();
    let cells = picture.row(row).iter().enumerate().map(|(cell, share)| {
        let bytes = picture.bytes(cell..cell + 1);
        let levels = symbols.levels.len() as u64;
        match scale::level(share.total(), bytes.end - bytes.start, levels) {
            0 => (Style::new(), ' '),
            _ if is_zero(share) => (style, symbols.zero),
            level => (style, symbols.levels[level as usize - 1]),
        }
    });
    painted(cells)
}

/// Whether most of it are zeros.
fn is_zero(share: &Share) -> bool {
    share.zero > share.total() - share.zero
}

/// Characters, those of the same style that stand together as one piece.
fn painted(cells: impl Iterator<Item = (Style, char)>) -> String {
    let cells: Vec<(Style, char)> = cells.collect();
    let pieces = cells.chunk_by(|a, b| a.0 == b.0).map(|piece| {
        let text: String = piece.iter().map(|cell| cell.1).collect();
        styled(piece[0].0, &text)
    });
    pieces.collect()
}

/// Offsets in the disk, as many as there is room for.
fn ruler(picture: &Picture, symbols: &Symbols) -> String {
    let (size_of_disk, width) = (picture.size(), picture.cells());
    let mut out = String::new();
    let mut end = 0;
    for tick in scale::ticks(size_of_disk, width as u64 / 12) {
        let at = scale::place(tick, size_of_disk, width);
        let text = format!("{}{}", symbols.tick, round_size(tick));
        if at >= end && at + text.width() <= width {
            out.push_str(&" ".repeat(at + 1 - end.max(1)));
            out.push_str(&text);
            end = at + text.width() + 1;
        }
    }
    out
}

const HEADING: [&str; 8] = [
    "DEPTH",
    "FORMAT",
    "DATA",
    "COMPRESSED",
    "ZERO",
    "SHARE",
    "EXTENTS",
    "FILE",
];

/// What each image serves; the bytes of all rows together are the disk.
fn table(chain: &Chain, picture: &Picture) -> Vec<String> {
    let images = picture.images();
    let row = |depth: String, format: &str, served: &Served, file: String| {
        let Share {
            data,
            compressed,
            zero,
        } = served.share;
        let share = percent(served.share.total(), picture.size());
        let extents = served.extents.to_string();
        let format = format.to_owned();
        let sizes = [data, compressed, zero].map(size);
        let [data, compressed, zero] = sizes;
        [depth, format, data, compressed, zero, share, extents, file]
    };
    let mut rows = Vec::new();
    // Three rows are for what follows.
    let shown = match images.len() {
        all if all <= TABLE_ROWS - 2 => all,
        _ => TABLE_ROWS - 3,
    };
    for (depth, (image, served)) in chain.images.iter().zip(images).take(shown).enumerate() {
        let file = printable(&image.filename).into_owned();
        rows.push(row(depth.to_string(), image.format.name(), served, file));
    }
    if shown < images.len() {
        let more = sum(&images[shown..]);
        let text = format!("{} more", images.len() - shown);
        rows.push(row(depths(&(shown..images.len())), "", &more, text));
    }
    let text = "no image: reads as zeros".into();
    rows.push(row("-".into(), "", picture.nobody(), text));
    let all = sum(images.iter().chain([picture.nobody()]));
    rows.push(row("all".into(), "", &all, String::new()));
    table_of_numbers(HEADING, 2..7, rows.into_iter())
}

fn sum<'a>(served: impl IntoIterator<Item = &'a Served>) -> Served {
    let served = served.into_iter();
    served.fold(Served::default(), |sum, served| sum.with(served))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_under_each_other() {
        let labels = |images| {
            let picture = Picture::new(0, images, ROWS, 0);
            let labels = (0..picture.rows()).map(|row| label_of(&picture, row));
            labels.collect::<Vec<_>>()
        };
        assert_eq!(labels(3), ["0", "1", "2"]);
        assert_eq!(labels(12)[9..], ["9  9", "10 a", "11 b"]);
        let deep = labels(10_000);
        assert_eq!((deep.len(), &*deep[0]), (36, "0-277     0"));
        assert_eq!(deep[35], "9730-9999 z");
        assert!(deep.iter().all(|label| label.len() == deep[0].len()));
    }

    #[test]
    fn the_bar_is_as_wide_as_the_terminal() {
        assert_eq!(cells(1, 80), 75);
        assert_eq!(cells(200, 80), 80 - "192-197 x".len() - 1);
        assert_eq!((cells(1, 0), cells(1, 100_000)), (10, 1000));
    }

    #[test]
    fn marks_on_a_ruler_do_not_touch() {
        for width in 1..200 {
            for size in [512, 1 << 20, 1000 << 20, u64::MAX / 2] {
                let picture = Picture::new(size, 1, 1, width);
                let ruler = ruler(&picture, &ASCII);
                assert!(ruler.len() <= width, "{width} {size} {ruler:?}");
                assert!(!ruler.contains("B'") && !ruler.ends_with(' '));
            }
        }
    }
}
