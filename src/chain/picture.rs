//! Extents folded into a picture of bounded size: which image of the chain serves how much of each
//! part of the disk, whatever the number of extents.
//!
//! The disk is cut into cells of equal length, and the images are rows; in a chain deeper than the
//! picture has rows, each of them stands for several images that follow each other.

use std::ops::Range;

use super::extents::{COMPRESSED, DATA, Extent, PRESENT, ZERO};

/// What images serve of a stretch of the disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// As it is stored.
    pub data: u64,
    /// Stored compressed.
    pub compressed: u64,
    /// As zeros: by a mark, or because the file has a hole there.
    pub zero: u64,
}

impl Share {
    /// All of it.
    pub fn total(&self) -> u64 {
        let stored = self.data.saturating_add(self.compressed);
        stored.saturating_add(self.zero)
    }

    /// Both together.
    pub fn with(&self, other: &Share) -> Share {
        Share {
            data: self.data.saturating_add(other.data),
            compressed: self.compressed.saturating_add(other.compressed),
            zero: self.zero.saturating_add(other.zero),
        }
    }

    /// Adds `bytes` that are stored as the flags of an extent say, unless no image serves it.
    fn add(&mut self, flags: u64, bytes: u64) {
        let sum = match flags {
            _ if flags & PRESENT == 0 => return,
            _ if flags & ZERO != 0 => &mut self.zero,
            _ if flags & COMPRESSED != 0 => &mut self.compressed,
            _ if flags & DATA != 0 => &mut self.data,
            _ => return,
        };
        *sum = sum.saturating_add(bytes);
    }
}

/// What one image serves of the whole disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// How much.
    pub share: Share,
    /// In how many extents.
    pub extents: u64,
}

impl Served {
    /// Both together.
    pub fn with(&self, other: &Served) -> Served {
        Served {
            share: self.share.with(&other.share),
            extents: self.extents.saturating_add(other.extents),
        }
    }

    fn add(&mut self, extent: &Extent) {
        self.share.add(extent.flags, extent.length);
        self.extents += 1;
    }
}

/// The picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    size: u64,
    images: Vec<Served>,
    nobody: Served,
    images_per_row: usize,
    cells: usize,
    /// Row by row.
    shares: Vec<Share>,
    /// Where the last extent ended: they come in the order of the disk.
    cell: usize,
    cell_bytes: Range<u64>,
}

impl Picture {
    /// An empty picture of a disk of `size` bytes and a chain of so many images, with at most so
    /// many rows and cells in each. A disk has no more cells than bytes.
    pub fn new(size: u64, images: usize, rows: usize, cells: usize) -> Self {
        let images = images.max(1);
        let images_per_row = images.div_ceil(rows.max(1));
        let rows = images.div_ceil(images_per_row);
        let cells = cells.min(usize::try_from(size).unwrap_or(usize::MAX));
        Picture {
            size,
            images: vec![Served::default(); images],
            nobody: Served::default(),
            images_per_row,
            cells,
            shares: vec![Share::default(); rows * cells],
            cell: 0,
            cell_bytes: 0..0,
        }
    }

    /// Adds these extents of the disk.
    pub fn add(&mut self, extents: &[Extent]) {
        for extent in extents {
            if extent.flags & PRESENT == 0 {
                let zeros = extent.flags | PRESENT | ZERO;
                self.nobody.share.add(zeros, extent.length);
                self.nobody.extents += 1;
                continue;
            }
            // A depth that does not exist is nobody's word, but must not do any harm.
            let image = usize::try_from(extent.depth()).unwrap_or(usize::MAX);
            if let Some(served) = self.images.get_mut(image) {
                served.add(extent);
                self.fold(extent, image / self.images_per_row);
            }
        }
    }

    fn fold(&mut self, extent: &Extent, row: usize) {
        let end = extent.start.saturating_add(extent.length).min(self.size);
        let mut at = extent.start;
        while at < end {
            if !self.cell_bytes.contains(&at) {
                self.cell = self.cell_at(at);
                self.cell_bytes = self.bytes(self.cell..self.cell + 1);
            }
            let to = end.min(self.cell_bytes.end);
            self.shares[row * self.cells + self.cell].add(extent.flags, to - at);
            at = to;
        }
    }

    /// The cell that holds this offset of the disk.
    fn cell_at(&self, offset: u64) -> usize {
        let (offset, cells) = (u128::from(offset), self.cells as u128);
        (((offset + 1) * cells - 1) / u128::from(self.size)) as usize
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Images of the chain, the top one first, with what each serves.
    pub fn images(&self) -> &[Served] {
        &self.images
    }

    /// What no image serves: it reads as the zeros behind the end of the chain.
    pub fn nobody(&self) -> &Served {
        &self.nobody
    }

    /// Rows of the picture.
    pub fn rows(&self) -> usize {
        self.images.len().div_ceil(self.images_per_row)
    }

    /// The images that a row stands for.
    pub fn images_of(&self, row: usize) -> Range<usize> {
        let start = row * self.images_per_row;
        start..self.images.len().min(start + self.images_per_row)
    }

    /// Cells of each row.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The bytes of the disk that cells stand for.
    pub fn bytes(&self, cells: Range<usize>) -> Range<u64> {
        let start = |cell: usize| {
            let offset = u128::from(self.size) * cell as u128 / (self.cells.max(1)) as u128;
            offset as u64
        };
        start(cells.start)..start(cells.end)
    }

    /// What the images of a row serve of each cell.
    pub fn row(&self, row: usize) -> &[Share] {
        &self.shares[row * self.cells..(row + 1) * self.cells]
    }

    /// The row that serves most of a cell; None if nobody serves more than any row does. Among
    /// equals the one nearest to the top.
    pub fn most(&self, cell: usize) -> Option<usize> {
        let bytes = self.bytes(cell..cell + 1);
        let mut nobody = bytes.end - bytes.start;
        let mut best = (0, None);
        for row in 0..self.rows() {
            let total = self.row(row)[cell].total();
            nobody = nobody.saturating_sub(total);
            if total > best.0 {
                best = (total, Some(row));
            }
        }
        best.1.filter(|_| best.0 >= nobody)
    }

    /// The same picture with half as many cells; None if that cannot be done.
    pub fn halved(&self) -> Option<Picture> {
        if self.cells == 0 || self.cells % 2 != 0 {
            return None;
        }
        let shares = self.shares.chunks_exact(2);
        Some(Picture {
            cells: self.cells / 2,
            shares: shares.map(|pair| pair[0].with(&pair[1])).collect(),
            images: self.images.clone(),
            cell: 0,
            cell_bytes: 0..0,
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::extents::{DEPTH_SHIFT, NO_OFFSET};
    use super::*;

    const ZEROS: u64 = PRESENT | ZERO;
    const STORED: u64 = PRESENT | DATA;

    fn extent(start: u64, length: u64, depth: u64, flags: u64) -> Extent {
        Extent {
            start,
            length,
            offset: NO_OFFSET,
            flags: flags | depth << DEPTH_SHIFT,
        }
    }

    fn share(data: u64, compressed: u64, zero: u64) -> Share {
        Share {
            data,
            compressed,
            zero,
        }
    }

    #[test]
    fn extents_are_shared_out_between_cells() {
        let mut picture = Picture::new(1000, 2, 10, 4);
        picture.add(&[
            extent(0, 300, 0, STORED),
            extent(300, 400, 1, STORED | COMPRESSED),
        ]);
        picture.add(&[extent(700, 100, 1, ZEROS), extent(800, 200, 1, ZERO)]);
        assert_eq!(picture.row(0)[..2], [share(250, 0, 0), share(50, 0, 0)]);
        let below = [(0, 0), (200, 0), (200, 50), (0, 50)];
        assert_eq!(picture.row(1), below.map(|(c, z)| share(0, c, z)));
        assert_eq!(picture.images()[1].share, share(0, 400, 100));
        assert_eq!(picture.images()[1].extents, 2);
        assert_eq!(picture.nobody().share, share(0, 0, 200));
        let most: Vec<_> = (0..4).map(|cell| picture.most(cell)).collect();
        assert_eq!(most, [Some(0), Some(1), Some(1), None]);
    }

    #[test]
    fn data_in_a_hole_reads_as_zeros() {
        let mut picture = Picture::new(512, 1, 1, 1);
        picture.add(&[extent(0, 512, 0, STORED | ZERO)]);
        assert_eq!(picture.row(0), [share(0, 0, 512)]);
    }

    #[test]
    fn among_equals_the_top_one_is_shown_and_nobody_only_with_more() {
        let mut picture = Picture::new(90, 3, 3, 1);
        picture.add(&[extent(0, 30, 2, STORED), extent(30, 30, 1, STORED)]);
        picture.add(&[extent(60, 30, 1, ZERO)]);
        assert_eq!(picture.most(0), Some(1));
    }

    /// Whatever the sizes, each byte is in one cell of one row.
    #[test]
    fn no_byte_is_lost_or_counted_twice() {
        for size in [1, 7, 512, 1000, 4096, 1 << 40, u64::MAX] {
            for cells in [1, 2, 3, 80, 960] {
                let mut picture = Picture::new(size, 3, 2, cells);
                let cut = [0, size / 7, size / 3, size / 2, size - 1, size];
                for (depth, pair) in cut.windows(2).enumerate() {
                    let length = pair[1] - pair[0];
                    picture.add(&[extent(pair[0], length, depth as u64 % 3, STORED)]);
                }
                let mut end = 0;
                for cell in 0..picture.cells() {
                    let bytes = picture.bytes(cell..cell + 1);
                    assert_eq!(bytes.start, end);
                    end = bytes.end;
                    let sum: u64 = (0..picture.rows())
                        .map(|row| picture.row(row)[cell].total())
                        .sum();
                    assert_eq!(sum, bytes.end - bytes.start, "{size} {cells} {cell}");
                }
                assert_eq!(end, size);
                assert_eq!(picture.cell_at(size - 1), picture.cells() - 1);
            }
        }
    }

    #[test]
    fn deep_chains_have_several_images_in_a_row() {
        let mut picture = Picture::new(100, 10_000, 200, 10);
        assert_eq!(picture.rows(), 200);
        assert_eq!(picture.images_of(199), 9950..10_000);
        picture.add(&[extent(0, 10, 60, STORED), extent(10, 10, 9999, STORED)]);
        assert_eq!(picture.row(1)[0], share(10, 0, 0));
        assert_eq!(picture.row(199)[1], share(10, 0, 0));
        let picture = Picture::new(100, 201, 200, 10);
        assert_eq!((picture.rows(), picture.images_of(100)), (101, 200..201));
    }

    #[test]
    fn half_the_cells_show_the_same() {
        let mut picture = Picture::new(999, 1, 1, 4);
        picture.add(&[extent(100, 700, 0, STORED)]);
        let half = picture.halved().unwrap();
        let mut direct = Picture::new(999, 1, 1, 2);
        direct.add(&[extent(100, 700, 0, STORED)]);
        assert_eq!(half.row(0), direct.row(0));
        assert_eq!(half.bytes(0..1), direct.bytes(0..1));
        assert!(half.halved().unwrap().halved().is_none());
    }

    #[test]
    fn a_disk_without_bytes_has_no_cells() {
        let mut picture = Picture::new(0, 1, 1, 80);
        picture.add(&[extent(0, 0, 0, ZERO), extent(0, 10, 0, STORED)]);
        assert_eq!((picture.cells(), picture.rows()), (0, 1));
        assert!(picture.row(0).is_empty() && picture.halved().is_none());
    }

    #[test]
    fn extents_that_cannot_be_do_no_harm() {
        let mut picture = Picture::new(1000, 1, 1, 3);
        picture.add(&[
            extent(990, u64::MAX, 0, STORED),
            extent(u64::MAX, 5, 0, STORED),
            extent(0, 5, 77, STORED),
        ]);
        assert_eq!(picture.row(0)[2], share(10, 0, 0));
    }
}
