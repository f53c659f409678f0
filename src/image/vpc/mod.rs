//! Connectix's and Microsoft's VHD, fixed and dynamic. QEMU calls the format vpc.
//!
//! Follows Microsoft's "Virtual Hard Disk Image Format Specification"; the checks, and the choice
//! between the two sizes that an image states, are those of QEMU's `block/vpc.c`.

pub mod mapping;

use super::fields::Fields;
use super::info::{FormatSpecific, Metadata};
use super::request::{self, SECTOR};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

/// Begins the footer, and the copy of it at the start of a dynamic image.
pub(crate) const COOKIE: [u8; 8] = *b"conectix";

const DYNAMIC_COOKIE: [u8; 8] = *b"cxsparse";
const FOOTER: usize = 512;
const DYNAMIC_HEADER: usize = 1024;

/// `type` of an image whose data lies before its footer.
const TYPE_FIXED: u32 = 2;
/// The largest geometry: 65535 cylinders, 16 heads, 255 sectors. It means "more than that".
const GEOMETRY_MAX: u64 = 65_535 * 16 * 255;
/// An entry of the block allocation table without a block.
const UNALLOCATED: u32 = u32::MAX;

/// Byte offsets of the footer's fields, all big-endian.
mod footer {
    /// u64, where the dynamic header lies.
    pub const DATA_OFFSET: usize = 16;
    /// Four letters.
    pub const CREATOR_APP: usize = 28;
    /// u64, bytes.
    pub const CURRENT_SIZE: usize = 48;
    /// u16.
    pub const CYLINDERS: usize = 56;
    /// u8.
    pub const HEADS: usize = 58;
    /// u8, per track.
    pub const SECTORS: usize = 59;
    /// u32.
    pub const TYPE: usize = 60;
    /// u32.
    pub const CHECKSUM: usize = 64;
}

/// Byte offsets of the dynamic header's fields, all big-endian.
mod dynamic {
    /// u64, where the block allocation table lies.
    pub const TABLE_OFFSET: usize = 16;
    /// u32.
    pub const TABLE_ENTRIES: usize = 28;
    /// u32, bytes.
    pub const BLOCK_SIZE: usize = 32;
}

/// Where an image has its table and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpcInfo {
    /// The table of a dynamic image; without one the data lies at the file's start.
    pub table: Option<BlockTable>,
}

/// A block allocation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockTable {
    /// Its offset in the file.
    pub offset: u64,
    /// Its entries.
    pub entries: u32,
    /// Bytes of a block, without the bitmap in front of it.
    pub block_size: u32,
}

impl BlockTable {
    /// Bytes of the bitmap in front of each block, which has one bit for each of its sectors.
    fn bitmap_bytes(&self) -> u64 {
        (u64::from(self.block_size) / (8 * SECTOR)).next_multiple_of(SECTOR)
    }
}

/// Reads the footer and, of a dynamic image, its header and its block allocation table.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let mut bytes: [u8; FOOTER] = source.array(0)?;
    let mut at = 0;
    // QEMU takes any image that begins with the footer's copy for a dynamic one.
    let is_dynamic = bytes.starts_with(&COOKIE);
    if !is_dynamic {
        let length = request::file_length(source)?;
        at = length
            .checked_sub(FOOTER as u64)
            .ok_or_else(|| Error::format("not a VHD image: empty"))?;
        bytes = source.array(at)?;
    }
    let footer = Fields(&bytes);
    let type_ = footer.be32(footer::TYPE);
    if !bytes.starts_with(&COOKIE) || (!is_dynamic && type_ != TYPE_FIXED) {
        return Err(Error::format("not a VHD image: no footer").at(at));
    }
    if footer.be32(footer::CHECKSUM) != checksum(&bytes) {
        return Err(Error::corrupt("wrong checksum of the footer").at(at));
    }
    let sectors = sectors(footer);
    if sectors > limits::VPC_SECTORS {
        return Err(Error::limit("disk of more than 2040 GiB").at(at));
    }
    let mut table = None;
    if is_dynamic {
        let offset = footer.be64(footer::DATA_OFFSET);
        let found = read_dynamic(source, offset, sectors * SECTOR)?;
        table = (type_ != TYPE_FIXED).then_some(found);
    }
    Ok(Metadata {
        virtual_size: Some(sectors * SECTOR),
        cluster_size: table.map(|table| u64::from(table.block_size)),
        dirty: Some(false),
        specific: FormatSpecific::Vpc(VpcInfo { table }),
        ..Metadata::default()
    })
}

/// One's complement of the sum of the bytes, the checksum itself left out.
fn checksum(footer: &[u8; FOOTER]) -> u32 {
    let skipped = footer::CHECKSUM..footer::CHECKSUM + 4;
    let bytes = footer.iter().enumerate();
    let counted = bytes.filter(|(at, _)| !skipped.contains(at));
    !counted.map(|(_, &byte)| u32::from(byte)).sum::<u32>()
}

/// Virtual PC and old QEMU go by the geometry, everyone else by the size.
fn sectors(footer: Fields<'_>) -> u64 {
    let geometry = u64::from(footer.be16(footer::CYLINDERS))
        * u64::from(footer.u8(footer::HEADS))
        * u64::from(footer.u8(footer::SECTORS));
    let by_geometry = matches!(&footer.array(footer::CREATOR_APP), b"vpc " | b"qemu");
    if by_geometry && geometry != GEOMETRY_MAX {
        geometry
    } else {
        footer.be64(footer::CURRENT_SIZE) / SECTOR
    }
}

/// Checks the dynamic header at `offset` and the table that it leads to.
fn read_dynamic(source: &Source<'_>, offset: u64, size: u64) -> Result<BlockTable> {
    request::check_read("dynamic header", offset, DYNAMIC_HEADER as u64)
        .map_err(|e| e.at(footer::DATA_OFFSET as u64))?;
    let header: [u8; DYNAMIC_HEADER] = source.array(offset)?;
    let field = |at: usize| offset + at as u64;
    if !header.starts_with(&DYNAMIC_COOKIE) {
        return Err(Error::corrupt("no dynamic header").at(offset));
    }
    let header = Fields(&header);
    let block_size = header.be32(dynamic::BLOCK_SIZE);
    if !block_size.is_power_of_two() || !limits::VPC_BLOCK_BYTES.contains(&block_size) {
        return Err(
            Error::corrupt(format!("blocks of {block_size} bytes")).at(field(dynamic::BLOCK_SIZE))
        );
    }
    let entries = header.be32(dynamic::TABLE_ENTRIES);
    if entries > limits::VPC_TABLE_ENTRIES {
        return Err(
            Error::limit(format!("block allocation table of {entries} entries"))
                .at(field(dynamic::TABLE_ENTRIES)),
        );
    }
    if u64::from(entries) * u64::from(block_size) < size {
        return Err(Error::corrupt(format!(
            "block allocation table of {entries} entries is too small for the disk"
        ))
        .at(field(dynamic::TABLE_ENTRIES)));
    }
    let table = BlockTable {
        offset: header.be64(dynamic::TABLE_OFFSET),
        entries,
        block_size,
    };
    check_table(source, &table).map_err(|e| e.at(field(dynamic::TABLE_OFFSET)))?;
    Ok(table)
}

/// No block, nor the table itself, may end behind the end of the file.
fn check_table(source: &Source<'_>, table: &BlockTable) -> Result<()> {
    let length = request::file_length(source)?;
    let start = table.offset;
    let bytes = u64::from(table.entries) * 4;
    request::check_read("block allocation table", start, bytes)?;
    let truncated = || Error::corrupt("a block lies behind the end of the file");
    if (start + bytes).next_multiple_of(SECTOR) > length {
        return Err(truncated());
    }
    let most = source.limits().block_table_bytes;
    if bytes > most {
        let what = format!("block allocation table of {bytes} bytes");
        return Err(limits::above(what, "max-block-table-bytes", most));
    }
    let block = table.bitmap_bytes() + u64::from(table.block_size);
    let mut at = start;
    let mut chunk = vec![0; limits::VPC_TABLE_CHUNK.min(bytes as usize)];
    while at < start + bytes {
        let rest = usize::try_from(start + bytes - at).unwrap_or(usize::MAX);
        let part = rest.min(chunk.len());
        source.step(1)?;
        source.read_block_table(at, &mut chunk[..part])?;
        for entry in chunk[..part].chunks_exact(4) {
            let sector = Fields(entry).be32(0);
            let end = u64::from(sector) * SECTOR + block;
            if sector != UNALLOCATED && end > length {
                return Err(truncated());
            }
        }
        at += part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer(app: &[u8; 4], geometry: (u16, u8, u8), size: u64) -> [u8; FOOTER] {
        let mut bytes = [0; FOOTER];
        bytes[footer::CREATOR_APP..][..4].copy_from_slice(app);
        bytes[footer::CYLINDERS..][..2].copy_from_slice(&geometry.0.to_be_bytes());
        bytes[footer::HEADS] = geometry.1;
        bytes[footer::SECTORS] = geometry.2;
        bytes[footer::CURRENT_SIZE..][..8].copy_from_slice(&size.to_be_bytes());
        bytes
    }

    #[test]
    fn virtual_pc_goes_by_the_geometry_and_hyper_v_by_the_size() {
        let size = 10 << 20;
        let geometry = (300, 4, 17);
        for (app, expected) in [
            (b"vpc ", 300 * 4 * 17),
            (b"qemu", 300 * 4 * 17),
            (b"qem2", size / SECTOR),
            (b"win ", size / SECTOR),
            (b"tap\0", size / SECTOR),
        ] {
            assert_eq!(sectors(Fields(&footer(app, geometry, size))), expected);
        }
    }

    #[test]
    fn the_largest_geometry_means_the_size() {
        let size = 200 << 30;
        let bytes = footer(b"vpc ", (65_535, 16, 255), size);
        assert_eq!(sectors(Fields(&bytes)), size / SECTOR);
    }
}
