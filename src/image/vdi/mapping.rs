//! VDI's block map: one number of a block for each MiB of the disk, decoded a part at a time.

use super::VdiInfo;
use crate::error::Result;
use crate::image::fields::Fields;
use crate::image::map::{Runs, Stored};
use crate::image::table::Table;
use crate::io::ReadAt;
use crate::limits;

/// From here on numbers are marks: the block was discarded, or never written.
const UNALLOCATED: u32 = u32::MAX - 1;
/// Bytes of an entry.
pub(super) const ENTRY: usize = 4;

/// Whether this entry of the map stands for a block in the file.
pub(super) fn is_allocated(entry: u32) -> bool {
    entry < UNALLOCATED
}

/// The block map of one image.
pub struct Mapping {
    info: VdiInfo,
    disk_size: u64,
    table: Table,
}

impl Mapping {
    /// The map of an image of `disk_size` bytes, of which at most `buffer` bytes are in memory at a
    /// time.
    pub fn new(info: &VdiInfo, disk_size: u64, buffer: usize) -> Self {
        Mapping {
            info: *info,
            disk_size,
            table: Table::new(info.block_map, u64::from(info.blocks), ENTRY, buffer),
        }
    }

    /// Adds the runs from the block that holds `from`, which is within the disk, up to where the
    /// part of the map that was read ends.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let block = u64::from(limits::VDI_BLOCK_BYTES);
        let mut start = from - from % block;
        for entry in self.table.from(file, from / block)?.chunks_exact(ENTRY) {
            if start >= self.disk_size {
                break;
            }
            let length = block.min(self.disk_size - start);
            let entry = Fields(entry).le32(0);
            if is_allocated(entry) {
                let host = self.info.data + u64::from(entry) * block;
                runs.push(start, length, Stored::Data, host);
            } else {
                runs.push(start, length, Stored::Zero, 0);
            }
            start += length;
        }
        Ok(())
    }
}
