//! The region table: where the block allocation table and the metadata lie (MS-VHDX, "Region
//! Table").

use super::super::fields::Fields;
use super::checksum;
use super::guid::{Guid, guid};
use super::header::Header;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

const OFFSET: u64 = 192 << 10;
/// The checksum covers all of it.
const LENGTH: usize = 64 << 10;
const SIGNATURE: [u8; 4] = *b"regi";
/// u32 in the table's head.
const ENTRY_COUNT: usize = 8;
const HEAD: usize = 16;
const ENTRY: usize = 32;

/// Byte offsets of an entry's fields.
mod offset_of {
    /// GUID that says what the region is.
    pub const GUID: usize = 0;
    /// u64.
    pub const FILE_OFFSET: usize = 16;
    /// u32, bytes.
    pub const LENGTH: usize = 24;
    /// u32, bit 0: a reader must know this region.
    pub const REQUIRED: usize = 28;
}

const BLOCK_TABLE: Guid = guid(
    0x2dc2_7766,
    0xf623,
    0x4200,
    [0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08],
);
const METADATA: Guid = guid(
    0x8b7c_a206,
    0x4790,
    0x4b9a,
    [0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e],
);

/// A range of bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one.
    pub end: u64,
}

impl Region {
    fn new(start: u64, length: u32) -> Result<Region> {
        let end = start.checked_add(u64::from(length));
        let end = end.ok_or_else(|| Error::corrupt(format!("region at {start}")))?;
        Ok(Region { start, end })
    }

    /// Its length in bytes.
    pub fn length(self) -> u64 {
        self.end - self.start
    }
}

/// All regions; no two overlap.
pub(super) struct Regions {
    /// The block allocation table.
    pub block_table: Region,
    /// The metadata.
    pub metadata: Region,
    /// These, the log and all unknown ones, in the order of the file.
    sorted: Vec<Region>,
}

impl Regions {
    /// Reads the table.
    pub fn read(source: &Source<'_>, header: &Header) -> Result<Regions> {
        let table = source.bytes(OFFSET, LENGTH)?;
        let corrupt = |message: String| Error::corrupt(message).at(OFFSET);
        if !table.starts_with(&SIGNATURE) || !checksum::is_valid(&table) {
            return Err(corrupt("no valid region table".into()));
        }
        let count = Fields(&table).le32(ENTRY_COUNT);
        if count > limits::VHDX_REGIONS {
            return Err(corrupt(format!("{count} regions")));
        }
        source.step(u64::from(count))?;
        let (mut block_table, mut metadata) = (None, None);
        let mut regions = vec![Region::new(header.log_offset, header.log_length)?];
        for entry in table[HEAD..].chunks_exact(ENTRY).take(count as usize) {
            let entry = Fields(entry);
            let region = Region::new(
                entry.le64(offset_of::FILE_OFFSET),
                entry.le32(offset_of::LENGTH),
            )?;
            regions.push(region);
            let slot = match entry.array(offset_of::GUID) {
                BLOCK_TABLE => &mut block_table,
                METADATA => &mut metadata,
                _ if entry.le32(offset_of::REQUIRED) & 1 != 0 => {
                    return Err(Error::unsupported("an unknown region is required").at(OFFSET));
                }
                _ => continue,
            };
            if slot.replace(region).is_some() {
                return Err(corrupt("a region appears twice".into()));
            }
        }
        let missing = |what: &str| corrupt(format!("no region for the {what}"));
        regions.sort_unstable();
        if let Some(region) = first_overlap(&regions) {
            let start = region.start;
            return Err(corrupt(format!("region at {start} overlaps another")));
        }
        Ok(Regions {
            block_table: block_table.ok_or_else(|| missing("block allocation table"))?,
            metadata: metadata.ok_or_else(|| missing("metadata"))?,
            sorted: regions,
        })
    }

    /// Whether a block of data would overlap a region.
    pub fn overlaps(&self, block: Region) -> bool {
        let first = self
            .sorted
            .partition_point(|region| region.end <= block.start);
        self.sorted
            .get(first)
            .is_some_and(|region| region.start < block.end)
    }
}

/// The first of these sorted regions that begins before an earlier one has ended. An empty one
/// overlaps what it lies within.
fn first_overlap(sorted: &[Region]) -> Option<Region> {
    let mut end = 0;
    sorted.iter().copied().find(|region| {
        let overlaps = region.start < end;
        end = end.max(region.end);
        overlaps
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_regions_show_every_overlap() {
        let overlap = |a: Region, b: Region| a.start < b.end && b.start < a.end;
        let all: Vec<Region> = (0..4)
            .flat_map(|start| (start..5).map(move |end| Region { start, end }))
            .collect();
        for &a in &all {
            for &b in &all {
                for &c in &all {
                    let mut sorted = [a, b, c];
                    sorted.sort_unstable();
                    let pairs = overlap(a, b) || overlap(a, c) || overlap(b, c);
                    assert_eq!(first_overlap(&sorted).is_some(), pairs, "{sorted:?}");
                }
            }
        }
    }
}
