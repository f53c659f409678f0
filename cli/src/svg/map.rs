//! A map as a drawing: the disk from left to right, the chain from top to bottom. First the disk,
//! in the colour of the image that serves most of each part; then a row for each image, whose bars
//! are as high as its share of that part; at last what nobody serves.
//!
//! The drawing is as fine as a bound on its bytes allows, whatever the image and the chain.

use std::fmt::Write;
use std::ops::Range;

use pve_native_core::chain::Chain;
use pve_native_core::chain::picture::{Picture, Share};

use super::bars::{Bars, Kind, range_text, runs, share_text};
use super::colors;
use super::label::{Label, Size};
use super::text::{escaped, shortened};
use crate::human::{facts, round_size, size};
use crate::scale;

/// Rows for images at the most.
pub const ROWS: usize = 200;
/// Cells in a row at the most, and units that the bars are wide. Can be halved six times.
pub const CELLS: usize = 960;
/// Bytes of the drawing at the most.
pub const BYTES: usize = 1 << 20;

/// Columns of a name that heads the drawing, and of one that is shown under the pointer.
const HEADING: usize = 100;
pub(super) const TITLE: usize = 200;

/// Where names begin, bars begin and end, and the whole ends, from left to right.
pub(super) const MARGIN: usize = 28;
pub(super) const LEFT: usize = 284;
pub(super) const RIGHT: usize = LEFT + CELLS;
const WIDTH: usize = RIGHT + 344;
/// Where things begin, from top to bottom.
const SCALE: usize = 106;
const DISK: Range<usize> = 124..160;
const IMAGES: usize = 188;

/// The drawing.
pub fn drawing(path: &[u8], chain: &Chain, mut picture: Picture) -> String {
    loop {
        let drawing = Drawing {
            path,
            chain,
            picture: &picture,
            size: Size::of(picture.rows()),
            out: String::new(),
        };
        let out = drawing.draw();
        match picture.halved() {
            Some(coarser) if out.len() > BYTES => picture = coarser,
            _ => return out,
        }
    }
}

struct Drawing<'a> {
    path: &'a [u8],
    chain: &'a Chain,
    picture: &'a Picture,
    size: Size,
    out: String,
}

impl Drawing<'_> {
    fn draw(mut self) -> String {
        let nobody = IMAGES + self.size.height * self.picture.rows();
        let end = match self.picture.nobody().extents {
            0 => nobody,
            _ => nobody + self.size.height,
        };
        self.head(end + 68);
        self.scale(end);
        self.disk();
        for row in 0..self.picture.rows() {
            self.row(row, IMAGES + self.size.height * row);
            // It will be drawn again with fewer cells; there is no need for the rest.
            if self.out.len() > 2 * BYTES {
                return self.out;
            }
        }
        if end > nobody {
            self.nobody(nobody);
        }
        self.legend(end + 32);
        self.out.push_str("</svg>\n");
        self.out
    }

    fn head(&mut self, height: usize) {
        let picture = self.picture;
        let served = picture.images().iter().map(|image| image.share);
        let served = served.fold(Share::default(), |a, b| a.with(&b));
        let nobody = match picture.nobody().share.total() {
            0 => String::new(),
            bytes => format!("; {} in no image", size(bytes)),
        };
        let facts = format!(
            "{} of disk, {}: {}{nobody}",
            size(picture.size()),
            facts::count(self.chain.images.len(), "image"),
            share_text(&served),
        );
        // Writing to memory cannot fail, here and below.
        let _ = write!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pve\" role=\"img\" \
             aria-labelledby=\"pve-title pve-desc\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\">\n\
             <title id=\"pve-title\">Map of {}</title>\n\
             <desc id=\"pve-desc\">{}</desc>\n\
             <style>\n{}</style>\n<defs>\n{}</defs>\n\
             <rect class=\"b\" width=\"{WIDTH}\" height=\"{height}\" rx=\"10\"/>\n",
            escaped(&shortened(self.path, TITLE)),
            escaped(&facts),
            colors::style(),
            colors::patterns(),
        );
        self.text((MARGIN, 44), "h", &shortened(self.path, HEADING));
        self.text((MARGIN, 68), "q", &facts);
    }

    fn text(&mut self, (x, y): (usize, usize), class: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"
        );
    }

    /// Offsets in the disk, with lines down to `end`.
    fn scale(&mut self, end: usize) {
        let disk = self.picture.size();
        let mut lines = String::new();
        for tick in scale::ticks(disk, 8) {
            let x = LEFT + scale::place(tick, disk, CELLS);
            let _ = write!(lines, "M{x} {}V{end}", SCALE + 8);
            self.text((x, SCALE), "o q s", &round_size(tick));
        }
        let _ = writeln!(self.out, "<path class=\"g\" d=\"{lines}\"/>");
    }

    fn disk(&mut self) {
        let picture = self.picture;
        let look = |cell: usize| {
            let row = picture.most(cell)?;
            Some((row, Kind::of(&picture.row(row)[cell])))
        };
        let label = Label {
            depth: None,
            name: "The disk".into(),
            mono: false,
            details: "which image serves most of each part".into(),
            sum: size(picture.size()),
            sum_details: "in all".into(),
            title: format!("{} bytes", picture.size()),
        };
        label.draw(&mut self.out, DISK.start + 2, &Size::LARGE);
        let mut bars = Bars::new(&mut self.out, picture, DISK.start, DISK.len());
        for (cells, look) in runs(picture.cells(), look) {
            let Some((row, kind)) = look else { continue };
            let shares = &picture.row(row)[cells.clone()];
            let share = shares.iter().fold(Share::default(), |a, b| a.with(b));
            let title = format!(
                "{}\nmostly {}, which serves {}",
                range_text(&picture.bytes(cells.clone())),
                Label::images(&picture.images_of(row)),
                share_text(&share),
            );
            let class = format!("{} c{}", kind.class(), row % colors::IMAGES);
            bars.bar(&cells, DISK.len(), class.trim_start(), &title);
        }
    }

    fn row(&mut self, row: usize, top: usize) {
        let color = row % colors::IMAGES;
        let label = Label::of_row(self.chain, self.picture, row);
        label.draw(&mut self.out, top, &self.size);
        let mut bars = Bars::new(&mut self.out, self.picture, top, self.size.bar);
        bars.shares(self.picture.row(row), &format!("class=\"c{color}\""));
    }

    /// What no image serves.
    fn nobody(&mut self, top: usize) {
        let picture = self.picture;
        Label::of_nobody(picture).draw(&mut self.out, top, &self.size);
        let left = |cell: usize| {
            let bytes = picture.bytes(cell..cell + 1);
            let served = (0..picture.rows()).map(|row| picture.row(row)[cell].total());
            Share {
                // The bars of this row are filled, though what they stand for reads as zeros.
                data: (bytes.end - bytes.start).saturating_sub(served.sum()),
                ..Share::default()
            }
        };
        let left: Vec<Share> = (0..picture.cells()).map(left).collect();
        let mut bars = Bars::new(&mut self.out, picture, top, self.size.bar);
        bars.shares(&left, "class=\"n\"");
    }

    fn legend(&mut self, top: usize) {
        let mut x = LEFT;
        let kinds = [
            ("c0", "data", 64),
            ("c0 k", "compressed", 104),
            ("c0 z", "zeros that an image has", 172),
            ("n", "in no image: reads as zeros", 198),
        ];
        for (class, text, width) in kinds {
            let _ = writeln!(
                self.out,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"16\" height=\"12\"/>"
            );
            self.text((x + 22, top + 10), "q s", text);
            x += width;
        }
        let cell = self.picture.bytes(0..self.picture.cells().min(1));
        let text = match cell.end {
            0 => "the disk has no bytes".into(),
            bytes => format!("height: what it serves of each {}", size(bytes)),
        };
        self.text((x, top + 10), "q s", &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pve_native_core::chain::ChainOptions;
    use pve_native_core::chain::extents::{
        COMPRESSED, DATA, DEPTH_SHIFT, Extent, NO_OFFSET, PRESENT, ZERO,
    };
    use pve_native_core::image::FormatChoice;
    use pve_native_core::inspect;

    /// A chain of so many images of this name.
    fn chain(images: usize, name: &[u8]) -> Chain {
        let file = tempfile::NamedTempFile::with_suffix(".raw").unwrap();
        file.as_file().set_len(512).unwrap();
        let path = file.path().to_str().unwrap().as_bytes();
        let options = ChainOptions::new(FormatChoice::Extension);
        let mut chain = inspect::chain(path, &options, None).unwrap();
        chain.images[0].filename = name.into();
        chain.images = vec![chain.images[0].clone(); images];
        chain
    }

    /// Every image serves a bit of every cell, each time another way.
    fn worst(images: usize, cells: usize) -> Picture {
        const BIT: u64 = 1 << 16;
        let kinds = [
            PRESENT | DATA,
            PRESENT | ZERO,
            PRESENT | DATA | COMPRESSED,
            ZERO,
        ];
        let mut picture = Picture::new(BIT * (cells * images) as u64, images, ROWS, cells);
        for bit in 0..cells * images {
            let depth = bit % images;
            picture.add(&[Extent {
                start: BIT * bit as u64,
                length: BIT,
                offset: NO_OFFSET,
                flags: kinds[(bit / images + depth) % 4] | (depth as u64) << DEPTH_SHIFT,
            }]);
        }
        picture
    }

    #[test]
    fn no_chain_makes_a_large_drawing() {
        let name = "&<\u{1}".repeat(1500);
        for images in [1, 2, 5, 16, 17, 51, 200, 201, 10_000] {
            let chain = chain(images, name.as_bytes());
            let drawing = drawing(name.as_bytes(), &chain, worst(images, CELLS));
            assert!(drawing.len() <= BYTES, "{images}: {}", drawing.len());
            assert!(drawing.ends_with("</svg>\n"), "{images}");
            assert!(drawing.lines().count() > 30 + 2 * images.min(ROWS));
        }
    }

    #[test]
    fn equal_maps_give_equal_drawings() {
        let draw = || drawing(b"a", &chain(3, b"b"), worst(3, CELLS));
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_disk_without_bytes_has_a_drawing() {
        let drawing = drawing(b"a", &chain(1, b"a"), Picture::new(0, 1, ROWS, CELLS));
        assert!(drawing.contains("the disk has no bytes") && drawing.ends_with("</svg>\n"));
    }

    #[test]
    fn a_disk_of_one_sector_has_a_drawing() {
        let drawing = drawing(b"a", &chain(1, b"a"), worst(1, 1));
        assert!(drawing.contains("width=\"960\""));
        let mut sector = Picture::new(512, 1, ROWS, CELLS);
        sector.add(&[Extent {
            start: 0,
            length: 512,
            offset: NO_OFFSET,
            flags: PRESENT | DATA,
        }]);
        let drawing = super::drawing(b"a", &chain(1, b"a"), sector);
        assert!(drawing.contains("x=\"284\" y=\"188\" width=\"960\" height=\"32\"><title>"));
    }
}
