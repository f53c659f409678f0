//! What stands beside the bars of a drawn map: left of them the image, right of them what it serves,
//! and under the pointer both in full.

use std::fmt::Write;
use std::ops::Range;

use pve_native_core::chain::Chain;
use pve_native_core::chain::picture::{Picture, Served, Share};

use super::bars::share_text;
use super::colors;
use super::map::{MARGIN, RIGHT, TITLE};
use super::text::{escaped, shortened};
use crate::human::{facts, percent, size};

/// How large rows are.
pub struct Size {
    /// From one row to the next.
    pub height: usize,
    /// Of a full bar.
    pub bar: usize,
    /// Whether there is room for a second line of text.
    details: bool,
}

impl Size {
    /// With room for everything.
    pub const LARGE: Size = Size {
        height: 48,
        bar: 32,
        details: true,
    };

    /// Where there are so many rows.
    pub fn of(rows: usize) -> Size {
        let (height, bar) = match rows {
            0..=16 => return Size::LARGE,
            17..=50 => (24, 16),
            _ => (16, 8),
        };
        Size {
            height,
            bar,
            details: false,
        }
    }
}

/// The texts of a row.
pub struct Label {
    /// Where in the chain that is, if it is in the chain.
    pub depth: Option<Depth>,
    /// Whose bars these are.
    pub name: String,
    /// Whether that is a file.
    pub mono: bool,
    /// More about it, where there is room.
    pub details: String,
    /// How much it serves.
    pub sum: String,
    /// More about that, where there is room.
    pub sum_details: String,
    /// What is shown under the pointer.
    pub title: String,
}

/// A place in the chain.
pub struct Depth {
    /// Number of the colour.
    color: usize,
    text: String,
    /// Columns of the text in any row.
    width: usize,
}

/// Columns of a name; a character is about 7 units wide.
const COLUMNS: usize = 28;

impl Label {
    /// What is said of a row of images.
    pub fn of_row(chain: &Chain, picture: &Picture, row: usize) -> Self {
        let images = picture.images_of(row);
        let served = picture.images()[images.clone()].iter();
        let served = served.fold(Served::default(), |a, b| a.with(b));
        let first = &chain.images[images.start];
        let (name, of, mono) = match images.len() {
            1 => {
                let base = first.filename.rsplit(|&b| b == b'/').next();
                let name = shortened(base.unwrap_or_default(), COLUMNS);
                let full = shortened(&first.filename, TITLE);
                (name.into_owned(), full.into_owned(), true)
            }
            count => {
                let text = facts::count(count, "image");
                (text.clone(), text, false)
            }
        };
        let format = first.format.name();
        let width = |row| depths(&picture.images_of(row)).chars().count();
        let width = (0..picture.rows()).map(width).max();
        let title = format!("{}: {}\n{}", Self::images(&images), of, exact(&served));
        Label {
            depth: Some(Depth {
                color: row % colors::IMAGES,
                text: depths(&images),
                width: width.unwrap_or(0),
            }),
            name,
            mono,
            details: format!("{format}, {}", extents_text(&served)),
            sum: sum_text(&served, picture),
            sum_details: share_text(&served.share),
            title,
        }
    }

    /// What is said of what no image serves.
    pub fn of_nobody(picture: &Picture) -> Self {
        let nobody = picture.nobody();
        Label {
            depth: None,
            name: "No image".into(),
            mono: false,
            details: "reads as zeros".into(),
            sum: sum_text(nobody, picture),
            sum_details: String::new(),
            title: format!("in no image, reads as zeros\n{}", exact(nobody)),
        }
    }

    /// `image 3`, `images 4–7`.
    pub fn images(images: &Range<usize>) -> String {
        let plural = if images.len() == 1 { "" } else { "s" };
        format!("image{plural} {}", depths(images))
    }

    /// Writes it for a row that begins at `top`.
    pub fn draw(&self, out: &mut String, top: usize, size: &Size) {
        let line = top + if size.details { 13 } else { size.bar / 2 + 4 };
        let small = if size.height < 20 { " s" } else { "" };
        // No line of it can have another one in it: names have been made printable.
        let title: Vec<String> = self.title.lines().map(escaped).collect();
        let _ = writeln!(out, "<g><title>{}</title>", title.join("\n"));
        let mut text = |(x, y): (usize, usize), class: &str, text: &str| {
            let text = escaped(text);
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"
            );
        };
        let mut x = MARGIN;
        if let Some(depth) = &self.depth {
            text((x + 20, line), &format!("w{small}"), &depth.text);
            x += 32 + 8 * depth.width;
        }
        let class = if self.mono { "m s" } else { "w" };
        text((x, line), &format!("{class}{small}"), &self.name);
        text((RIGHT + 20, line), &format!("w{small}"), &self.sum);
        if size.details {
            text((x, line + 17), "q s", &self.details);
            text((RIGHT + 20, line + 17), "q s", &self.sum_details);
        }
        if let Some(Depth { color, .. }) = self.depth {
            let side = size.bar.min(12);
            let y = line - side + 1;
            let _ = writeln!(
                out,
                "<rect class=\"c{color}\" x=\"{MARGIN}\" y=\"{y}\" width=\"{side}\" \
                 height=\"{side}\" rx=\"2\"/>"
            );
        }
        out.push_str("</g>\n");
    }
}

/// `3`, `4–7`.
fn depths(images: &Range<usize>) -> String {
    match images.len() {
        1 => images.start.to_string(),
        _ => format!("{}–{}", images.start, images.end - 1),
    }
}

fn sum_text(served: &Served, picture: &Picture) -> String {
    let total = served.share.total();
    format!("{}, {}", size(total), percent(total, picture.size()))
}

/// To the byte.
fn exact(served: &Served) -> String {
    let Share {
        data,
        compressed,
        zero,
    } = served.share;
    let extents = extents_text(served);
    format!("{data} bytes of data, {compressed} compressed, {zero} of zeros, in {extents}")
}

fn extents_text(served: &Served) -> String {
    let extents = usize::try_from(served.extents).unwrap_or(usize::MAX);
    facts::count(extents, "extent")
}
