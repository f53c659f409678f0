//! The block allocation table, read only to find a truncated file (MS-VHDX, "BAT").

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

/// Blocks that are there must end within the file and lie apart from the regions.
pub(super) fn check(source: &Source<'_>, regions: &Regions, disk: &DiskParameters) -> Result<()> {
    let length = request::file_length(source)?;
    let table = regions.block_table;
    let block = u64::from(disk.block_size);
    let blocks_per_chunk = CHUNK_BYTES / block;
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
    let mut counter = blocks_per_chunk;
    let mut chunk = vec![0; limits::VHDX_TABLE_CHUNK.min(used as usize)];
    let mut done = 0;
    while done < used {
        let part = chunk.len().min((used - done) as usize);
        source.step(1)?;
        source.read_block_table(table.start + done, &mut chunk[..part])?;
        for (i, entry) in (done / ENTRY..).zip(chunk[..part].chunks(ENTRY as usize)) {
            let entry = Fields(entry).le64(0);
            if entry & STATE != FULLY_PRESENT {
                continue;
            }
            let start = entry & OFFSET;
            // The last block of an image that an old QEMU made may be cut short.
            let rest = (disk.sectors * request::SECTOR).wrapping_sub(i * block);
            let fits = start < length && start + block.min(rest) <= length;
            // As QEMU counts: the entry after so many present ones is taken for a bitmap's.
            let is_bitmap = counter == 0;
            counter = if is_bitmap {
                blocks_per_chunk
            } else {
                counter - 1
            };
            let end = start.saturating_add(block);
            if !fits || (!is_bitmap && regions.overlaps(Region { start, end })) {
                return Err(Error::corrupt(format!(
                    "block {i} at {start} lies behind the end of the file or on other tables"
                ))
                .at(table.start + i * ENTRY));
            }
        }
        done += part as u64;
    }
    Ok(())
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
