//! VHD's block allocation table: the sector of each block, decoded a part at a time. The bitmaps in
//! front of the blocks do not count, as QEMU does not look at them either.

use super::{BlockTable, UNALLOCATED};
use crate::error::Result;
use crate::image::fields::Fields;
use crate::image::map::{Runs, Stored};
use crate::image::request::SECTOR;
use crate::image::table::Table;
use crate::io::ReadAt;

/// Bytes of an entry.
const ENTRY: usize = 4;

/// The table of one dynamic image.
pub struct Mapping {
    block_size: u64,
    bitmap_bytes: u64,
    disk_size: u64,
    table: Table,
}

impl Mapping {
    /// The table of an image of `disk_size` bytes, of which at most `buffer` bytes are in memory at
    /// a time.
    pub fn new(info: &BlockTable, disk_size: u64, buffer: usize) -> Self {
        Mapping {
            block_size: u64::from(info.block_size),
            bitmap_bytes: info.bitmap_bytes(),
            disk_size,
            table: Table::new(info.offset, u64::from(info.entries), ENTRY, buffer),
        }
    }

    /// Adds the runs from the block that holds `from`, which is within the disk, up to where the
    /// part of the table that was read ends.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let mut start = from - from % self.block_size;
        let entries = self.table.from(file, from / self.block_size)?;
        for entry in entries.chunks_exact(ENTRY) {
            if start >= self.disk_size {
                break;
            }
            let length = self.block_size.min(self.disk_size - start);
            match Fields(entry).be32(0) {
                UNALLOCATED => runs.push(start, length, Stored::Zero, 0),
                sector => {
                    let host = u64::from(sector) * SECTOR + self.bitmap_bytes;
                    runs.push(start, length, Stored::Data, host);
                }
            }
            start += length;
        }
        Ok(())
    }
}
