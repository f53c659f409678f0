//! The bars of a drawn map: cells that look alike become one bar, which says under the pointer
//! what it stands for.

use std::fmt::Write;
use std::ops::Range;

use pve_native_core::chain::picture::{Picture, Share};

use super::map::{CELLS, LEFT};
use crate::human::size;
use crate::scale;

/// Steps of a bar's height; the heights of full bars are multiples of it.
const LEVELS: u64 = 8;

/// How most of something is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Data,
    Compressed,
    Zero,
}

impl Kind {
    pub fn of(share: &Share) -> Kind {
        let stored = share.data.saturating_add(share.compressed);
        if share.zero > stored {
            Kind::Zero
        } else if share.compressed > share.data {
            Kind::Compressed
        } else {
            Kind::Data
        }
    }

    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Kind::Data => "",
            Kind::Compressed => "k",
            Kind::Zero => "z",
        }
    }
}

/// Neighbouring cells that look alike.
pub fn runs<T: PartialEq>(
    cells: usize,
    look: impl Fn(usize) -> T,
) -> impl Iterator<Item = (Range<usize>, T)> {
    let mut cell = 0;
    std::iter::from_fn(move || {
        let start = (cell < cells).then_some(cell)?;
        let first = look(start);
        cell += 1;
        while cell < cells && look(cell) == first {
            cell += 1;
        }
        Some((start..cell, first))
    })
}

/// A row of bars.
pub struct Bars<'a> {
    out: &'a mut String,
    picture: &'a Picture,
    top: usize,
    /// Of a full bar.
    height: usize,
}

impl<'a> Bars<'a> {
    /// Draws where bars could be.
    pub fn new(out: &'a mut String, picture: &'a Picture, top: usize, height: usize) -> Self {
        let _ = writeln!(
            out,
            "<rect class=\"t\" x=\"{LEFT}\" y=\"{top}\" width=\"{CELLS}\" height=\"{height}\"/>"
        );
        Bars {
            out,
            picture,
            top,
            height,
        }
    }

    /// Bars as high as these shares of their cells.
    pub fn shares(&mut self, shares: &[Share], attributes: &str) {
        let picture = self.picture;
        let look = |cell: usize| {
            let bytes = picture.bytes(cell..cell + 1);
            let level = scale::level(shares[cell].total(), bytes.end - bytes.start, LEVELS);
            (level, Kind::of(&shares[cell]))
        };
        let _ = writeln!(self.out, "<g {attributes}>");
        for (cells, (level, kind)) in runs(shares.len(), look) {
            if level > 0 {
                let sum = shares[cells.clone()].iter();
                let sum = sum.fold(Share::default(), |a, b| a.with(b));
                let range = range_text(&picture.bytes(cells.clone()));
                let title = format!("{range}\n{}", share_text(&sum));
                let height = self.height * level as usize / LEVELS as usize;
                self.bar(&cells, height, kind.class(), &title);
            }
        }
        self.out.push_str("</g>\n");
    }

    /// One bar. The title is no name: nothing in it is escaped.
    pub fn bar(&mut self, cells: &Range<usize>, height: usize, class: &str, title: &str) {
        let place = |cell: usize| LEFT + cell * CELLS / self.picture.cells();
        let (x, end) = (place(cells.start), place(cells.end));
        let (y, width) = (self.top + self.height - height, end - x);
        let class = match class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let _ = writeln!(
            self.out,
            "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">\
             <title>{title}</title></rect>"
        );
    }
}

/// A part of the disk.
pub fn range_text(bytes: &Range<u64>) -> String {
    let last = bytes.end.saturating_sub(1);
    let (from, to) = (size(bytes.start), size(bytes.end));
    format!("{from} – {to}, bytes {} to {last}", bytes.start)
}

/// What is served.
pub fn share_text(share: &Share) -> String {
    let parts = [
        (share.data, "data"),
        (share.compressed, "compressed"),
        (share.zero, "zeros"),
    ];
    let parts = parts.into_iter().filter(|part| part.0 > 0);
    let parts: Vec<String> = parts
        .map(|(bytes, what)| format!("{} {what}", size(bytes)))
        .collect();
    match parts.is_empty() {
        true => "nothing".into(),
        false => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_cells_in_order() {
        let cells = [1, 1, 2, 1];
        let found: Vec<_> = runs(cells.len(), |cell| cells[cell]).collect();
        assert_eq!(found, [(0..2, 1), (2..3, 2), (3..4, 1)]);
        assert_eq!(runs(0, |cell| cell).count(), 0);
    }

    #[test]
    fn only_what_is_there_is_said() {
        let share = Share {
            data: 1 << 20,
            compressed: 0,
            zero: 512,
        };
        assert_eq!(share_text(&share), "1 MiB data, 512 B zeros");
        assert_eq!(share_text(&Share::default()), "nothing");
        assert_eq!(range_text(&(512..1024)), "512 B – 1 KiB, bytes 512 to 1023");
    }
}
