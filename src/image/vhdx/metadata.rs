//! The metadata table: sizes of the disk, its blocks and its sectors (MS-VHDX, "Metadata
//! Region").

use super::super::fields::Fields;
use super::super::request::{self, SECTOR};
use super::guid::{Guid, guid};
use super::region::Region;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

const LENGTH: usize = 64 << 10;
const SIGNATURE: [u8; 8] = *b"metadata";
/// u16 in the table's head.
const ENTRY_COUNT: usize = 10;
const ENTRY: usize = 32;

/// Byte offsets of an entry's fields.
mod offset_of {
    /// GUID that says what the item is.
    pub const ITEM_ID: usize = 0;
    /// u32, from the start of the region.
    pub const OFFSET: usize = 16;
    /// u32, bit 2: a reader must know this item.
    pub const FLAGS: usize = 24;
}

const FLAG_REQUIRED: u32 = 1 << 2;
/// In the second word of the file parameters.
const HAS_PARENT: u32 = 1 << 1;

/// The items in the order of [`Items`].
const KNOWN: [Guid; 6] = [
    guid(
        0xcaa1_6737,
        0xfa36,
        0x4d43,
        [0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b],
    ),
    guid(
        0x2fa5_4224,
        0xcd1b,
        0x4876,
        [0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8],
    ),
    guid(
        0xbeca_12ab,
        0xb2e6,
        0x4523,
        [0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46],
    ),
    guid(
        0x8141_bf1d,
        0xa96f,
        0x4709,
        [0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f],
    ),
    guid(
        0xcda3_48c7,
        0x445d,
        0x4471,
        [0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56],
    ),
    guid(
        0xa8d3_5f2d,
        0xb30b,
        0x454d,
        [0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c],
    ),
];

/// What the metadata says of the disk.
pub(super) struct DiskParameters {
    /// Bytes of a block: a power of two.
    pub block_size: u32,
    /// Bytes of the disk, as stored.
    pub size: u64,
    /// Whole sectors of the disk.
    pub sectors: u64,
}

impl DiskParameters {
    /// Reads the table in `region` and the items it leads to.
    pub fn read(source: &Source<'_>, region: Region) -> Result<DiskParameters> {
        let base = region.start;
        let item = |offset: u32, bytes: u64| {
            let at = base.saturating_add(u64::from(offset));
            request::check_read("metadata", at, bytes).map(|()| at)
        };
        let [parameters, size, _page_83, logical_sector, physical_sector] = items(source, base)?;
        let at = item(parameters, 8)?;
        let block_size = source.le32(at)?;
        if source.le32(at + 4)? & HAS_PARENT != 0 {
            return Err(Error::unsupported("VHDX image with a parent").at(at));
        }
        if !limits::VHDX_BLOCK_BYTES.contains(&block_size) || !block_size.is_power_of_two() {
            return Err(Error::corrupt(format!("blocks of {block_size} bytes")).at(at));
        }
        let size = source.le64(item(size, 8)?)?;
        item(physical_sector, 4)?;
        let at = item(logical_sector, 4)?;
        let sector = source.le32(at)?;
        if u64::from(sector) != SECTOR {
            return Err(Error::unsupported(format!("sectors of {sector} bytes")).at(at));
        }
        Ok(DiskParameters {
            block_size,
            size,
            sectors: size / SECTOR,
        })
    }
}

/// Offsets of the items that every image has, in the order of [`KNOWN`].
type Items = [u32; 5];

fn items(source: &Source<'_>, base: u64) -> Result<Items> {
    request::check_read("metadata table", base, LENGTH as u64)?;
    // No checksum covers the table, so what is not in use need not be read.
    let head = source.bytes(base, ENTRY)?;
    let corrupt = |message: String| Error::corrupt(message).at(base);
    if !head.starts_with(&SIGNATURE) {
        return Err(corrupt("no metadata table".into()));
    }
    let count = Fields(&head).le16(ENTRY_COUNT);
    if count > limits::VHDX_METADATA_ENTRIES {
        return Err(corrupt(format!("{count} entries of metadata")));
    }
    source.step(u64::from(count))?;
    let entries = source.bytes(base + ENTRY as u64, ENTRY * usize::from(count))?;
    let mut found = [None; KNOWN.len()];
    for entry in entries.chunks_exact(ENTRY) {
        let entry = Fields(entry);
        let id: Guid = entry.array(offset_of::ITEM_ID);
        let Some(known) = KNOWN.iter().position(|known| *known == id) else {
            if entry.le32(offset_of::FLAGS) & FLAG_REQUIRED != 0 {
                return Err(Error::unsupported("unknown metadata is required").at(base));
            }
            continue;
        };
        let offset = entry.le32(offset_of::OFFSET);
        if found[known].replace(offset).is_some() {
            return Err(corrupt("an item of metadata appears twice".into()));
        }
    }
    match found {
        [Some(a), Some(b), Some(c), Some(d), Some(e), None] => Ok([a, b, c, d, e]),
        [.., Some(_)] => Err(Error::unsupported("VHDX image with a parent").at(base)),
        _ => Err(corrupt("metadata is not complete".into())),
    }
}
