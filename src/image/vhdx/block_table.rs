//! The block allocation table, read to find blocks that are not where they can be (MS-VHDX, "BAT").

use super::super::fields::Fields;
use super::super::request;
use super::metadata::DiskParameters;
use super::region::{Region, Regions};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

const ENTRY: u64 = 8;
/// State in the lowest bits of an entry: the block is there.
const FULLY_PRESENT: u64 = 6;
const STATE: u64 = 0x7;
/// Offset in the file, in the upper bits of an entry.
const OFFSET: u64 = 0xffff_ffff_fff0_0000;
/// Blocks of so many bytes in total share one block of bitmaps.
const CHUNK_BYTES: u64 = (1 << 23) * request::SECTOR;

/// Why a block cannot be where the table says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its end is past every file's.
    Overflow,
    /// It lies behind the end of the file, or across it.
    BehindEnd,
    /// It lies on the log, a table or another region.
    OnRegion,
}

/// The table, and what it takes to judge its entries.
pub(super) struct BlockTable {
    regions: Regions,
    /// Bytes of the file.
    length: u64,
    block_size: u64,
    disk_size: u64,
    /// Blocks that are there before the next entry is taken for a bitmap's, as QEMU counts.
    counter: u64,
    /// Bytes of the table that are in use and within the file, and how many of them are judged.
    used: u64,
    done: u64,
}

impl BlockTable {
    /// The table of an image; it is large enough for the disk, and not too large to be read.
    pub fn new(source: &Source<'_>, regions: Regions, disk: &DiskParameters) -> Result<Self> {
        let length = request::file_length(source)?;
        let table = regions.block_table;
        let entries = entries(disk.size, disk.block_size);
        if u64::from(entries) > table.length() / ENTRY {
            return Err(
                Error::corrupt("block allocation table is too small for the disk").at(table.start),
            );
        }
        request::check_read("block allocation table", table.start, table.length())?;
        // Behind the end of the file are zeros: blocks that are not there.
        let used = (u64::from(entries) * ENTRY).min(length.saturating_sub(table.start));
        let most = source.limits().block_table_bytes;
        if used > most {
            let what = format!("block allocation table of {used} bytes");
            return Err(limits::above(what, "max-block-table-bytes", most));
        }
        let block_size = u64::from(disk.block_size);
        Ok(BlockTable {
            regions,
            length,
            block_size,
            disk_size: disk.sectors * request::SECTOR,
            counter: CHUNK_BYTES / block_size,
            used,
            done: 0,
        })
    }

    /// Where the next part of the table lies, and how long it is; 0 at the end.
    pub fn next_part(&self) -> (u64, usize) {
        let left = self.used - self.done;
        let part = left.min(limits::VHDX_TABLE_CHUNK as u64) as usize;
        (self.regions.block_table.start + self.done, part)
    }

    /// Bytes that are judged, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.used)
    }

    /// Judges that part. `wrong` is told of each block that is not where it can be: where its entry
    /// lies, where the block, and why it cannot.
    pub fn judge(
        &mut self,
        part: &[u8],
        wrong: &mut dyn FnMut(u64, u64, Wrong) -> Result<()>,
    ) -> Result<()> {
        for (i, entry) in (self.done / ENTRY..).zip(part.chunks(ENTRY as usize)) {
            let entry = Fields(entry).le64(0);
            if entry & STATE != FULLY_PRESENT {
                continue;
            }
            let at = self.regions.block_table.start + i * ENTRY;
            let start = entry & OFFSET;
            if start > i64::MAX as u64 - self.block_size {
                wrong(at, start, Wrong::Overflow)?;
            }
            // The last block of an image that an old QEMU made may be cut short.
            let rest = self.disk_size.wrapping_sub(i * self.block_size);
            let within = self.block_size.min(rest);
            if start >= self.length || start + within > self.length {
                wrong(at, start, Wrong::BehindEnd)?;
            }
            if self.counter == 0 {
                self.counter = CHUNK_BYTES / self.block_size;
                continue;
            }
            self.counter -= 1;
            let end = start.checked_add(self.block_size);
            if end.is_some_and(|end| self.regions.overlaps(Region { start, end })) {
                wrong(at, start, Wrong::OnRegion)?;
            }
        }
        self.done += part.len() as u64;
        Ok(())
    }

    /// Judges all of it; the first block that is wrong is an error.
    pub fn check(mut self, source: &Source<'_>) -> Result<()> {
        let mut chunk = vec![0; self.next_part().1];
        loop {
            let (at, length) = self.next_part();
            if length == 0 {
                return Ok(());
            }
            source.step(1)?;
            source.read_block_table(at, &mut chunk[..length])?;
            self.judge(&chunk[..length], &mut |at, block, _| {
                Err(Error::corrupt(format!(
                    "block at {block} lies behind the end of the file or on other tables"
                ))
                .at(at))
            })?;
        }
    }
}

/// Entries for the blocks of the disk with a bitmap's entry after each chunk of them. QEMU's
/// counters have 32 bits and wrap.
fn entries(size: u64, block_size: u32) -> u32 {
    let blocks = (size.wrapping_add(u64::from(block_size) - 1) / u64::from(block_size)) as u32;
    let chunk_bits = (CHUNK_BYTES / u64::from(block_size)).trailing_zeros();
    let bitmaps = blocks.wrapping_sub(1).checked_shr(chunk_bits);
    blocks.wrapping_add(bitmaps.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chunk_of_blocks_has_an_entry_for_its_bitmap() {
        let block = 1 << 20;
        assert_eq!(entries(1, block), 1);
        assert_eq!(entries(4096 << 20, block), 4096);
        assert_eq!(entries(4097 << 20, block), 4098);
        // As in QEMU: an empty disk has the bitmaps of the largest one.
        assert_eq!(entries(0, block), u32::MAX >> 12);
    }
}
