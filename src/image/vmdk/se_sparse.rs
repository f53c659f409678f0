//! Headers of ESXi's space-efficient sparse extents.
//!
//! The format has no public description; the strict checks are those of QEMU's `block/vmdk.c`.

use super::extent::{GrainEntries, GrainTables, Layout};
use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::request;
use crate::io::Source;

const HEADER: usize = 512;
const MAGIC: u64 = 0xcafe_babe;
const VERSION: u64 = 0x2_0000_0001;
/// Sectors of a grain.
const GRAIN_SIZE: u64 = 8;
/// Sectors of a grain table.
const TABLE_SIZE: u64 = 64;
const VOLATILE_MAGIC: u64 = 0xcafe_cafe;
/// Bytes of an entry of the grain directory.
const ENTRY: u64 = 8;

/// Byte offsets of the constant header's fields, all u64 and little-endian.
mod offset_of {
    /// Major in the high half.
    pub const VERSION: usize = 8;
    /// Sectors.
    pub const CAPACITY: usize = 16;
    /// Sectors.
    pub const GRAIN_SIZE: usize = 24;
    /// Sectors.
    pub const TABLE_SIZE: usize = 32;
    /// Flags and four reserved words: all zero.
    pub const FLAGS: usize = 40;
    /// Sector.
    pub const VOLATILE_HEADER: usize = 80;
    /// Sector.
    pub const DIRECTORY: usize = 128;
    /// Sectors.
    pub const DIRECTORY_SIZE: usize = 136;
    /// Sector.
    pub const TABLES: usize = 144;
    /// Sector.
    pub const GRAINS: usize = 192;
    /// Zeros up to the end of the sector.
    pub const PADDING: usize = 208;
}

/// Byte offsets of the volatile header's fields.
mod volatile {
    /// u64, not zero if the journal must be replayed.
    pub const REPLAY: usize = 24;
    /// Zeros up to the end of the sector.
    pub const PADDING: usize = 32;
}

/// Reads both headers.
pub(super) fn read(source: &Source<'_>) -> Result<Layout> {
    let bytes: [u8; HEADER] = source.array(0)?;
    let header = Fields(&bytes);
    if header.le64(0) != MAGIC {
        return Err(Error::format("not a seSparse extent: wrong magic").at(0));
    }
    let sizes = (
        header.le64(offset_of::VERSION),
        header.le64(offset_of::GRAIN_SIZE),
        header.le64(offset_of::TABLE_SIZE),
    );
    if sizes != (VERSION, GRAIN_SIZE, TABLE_SIZE) {
        return Err(Error::unsupported("seSparse extent of another version").at(8));
    }
    if !is_zero(&bytes[offset_of::FLAGS..offset_of::VOLATILE_HEADER])
        || !is_zero(&bytes[offset_of::PADDING..])
    {
        return Err(Error::unsupported("seSparse extent with unknown fields").at(0));
    }
    // QEMU's products have 64 bits, and the number of entries 32.
    let at = header
        .le64(offset_of::VOLATILE_HEADER)
        .wrapping_mul(request::SECTOR);
    request::check_read("volatile header", at, HEADER as u64)?;
    let bytes: [u8; HEADER] = source.array(at)?;
    if Fields(&bytes).le64(0) != VOLATILE_MAGIC {
        return Err(Error::corrupt("no volatile header").at(at));
    }
    if Fields(&bytes).le64(volatile::REPLAY) != 0 {
        return Err(Error::unsupported("the journal has to be replayed").at(at));
    }
    if !is_zero(&bytes[volatile::PADDING..]) {
        return Err(Error::unsupported("volatile header with unknown fields").at(at));
    }
    let directory_bytes = header
        .le64(offset_of::DIRECTORY_SIZE)
        .wrapping_mul(request::SECTOR);
    let directory = header
        .le64(offset_of::DIRECTORY)
        .wrapping_mul(request::SECTOR);
    Ok(Layout {
        sectors: header.le64(offset_of::CAPACITY),
        tables: GrainTables {
            grain_sectors: GRAIN_SIZE,
            directory,
            directory_entries: (directory_bytes / ENTRY) as u32,
            table_entries: (TABLE_SIZE * request::SECTOR / ENTRY) as u32,
            entries: GrainEntries::Numbers {
                tables: header.le64(offset_of::TABLES),
                grains: header.le64(offset_of::GRAINS),
            },
        },
        copy: None,
        compressed: false,
    })
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}
