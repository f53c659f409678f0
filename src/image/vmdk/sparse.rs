//! Headers of sparse extents: the hosted format and the older COWD ("Virtual Disk Format",
//! sections "Hosted Sparse Extents" and "ESX Server Sparse Extents").

use super::extent::{GrainEntries, GrainTables, Layout};
use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::request::{self, SECTOR};
use crate::io::Source;
use crate::limits;

/// Begins a hosted sparse extent.
pub(super) const MAGIC: [u8; 4] = *b"KDMV";
/// Begins a sparse extent of the older kind.
pub(super) const COWD_MAGIC: [u8; 4] = *b"COWD";

const HEADER: usize = 512;

/// Byte offsets of the hosted header's fields, all little-endian.
mod offset_of {
    /// u32.
    pub const VERSION: usize = 4;
    /// u32, see [`super::FLAG_COPY`].
    pub const FLAGS: usize = 8;
    /// u64, sectors.
    pub const CAPACITY: usize = 12;
    /// u64, sectors of a grain.
    pub const GRAIN_SIZE: usize = 20;
    /// u64, sector of the embedded descriptor.
    pub const DESCRIPTOR: usize = 28;
    /// u32, entries of a grain table.
    pub const TABLE_ENTRIES: usize = 44;
    /// u64, sector of the grain directory's copy.
    pub const COPY: usize = 48;
    /// u64, sector of the grain directory.
    pub const DIRECTORY: usize = 56;
    /// u64, sectors of all metadata before the first grain.
    pub const OVERHEAD: usize = 64;
    /// u16.
    pub const COMPRESSION: usize = 77;
}

/// There is a copy of the grain directory.
const FLAG_COPY: u32 = 1 << 1;
/// An entry of 1 stands for a grain of zeros.
const FLAG_ZERO_GRAINS: u32 = 1 << 2;
/// Entries of a grain table of the older kind.
const COWD_TABLE_ENTRIES: u32 = 4096;
/// Instead of the grain directory's sector: the footer tells it.
const DIRECTORY_IN_FOOTER: u64 = u64::MAX;
const COMPRESSION_DEFLATE: u16 = 1;
const VERSION_MAX: u32 = 3;

/// The end of a stream: a marker, the header again, and another marker; a sector each.
const FOOTER: usize = 3 * HEADER;
const MARKER_FOOTER: u32 = 3;
const MARKER_END: u32 = 0;

/// Byte offsets of a marker's fields.
mod marker {
    /// u64, sectors or a sector's number.
    pub const VALUE: usize = 0;
    /// u32, bytes of a grain; 0 in a marker of metadata.
    pub const SIZE: usize = 8;
    /// u32.
    pub const TYPE: usize = 12;
}

/// Byte offsets of the older header's fields, all u32 and little-endian.
mod cowd {
    /// Sectors.
    pub const DISK_SECTORS: usize = 12;
    /// Sectors.
    pub const GRAIN_SIZE: usize = 16;
    /// Sector.
    pub const DIRECTORY: usize = 20;
    /// Entries.
    pub const DIRECTORY_ENTRIES: usize = 24;
}

/// Where a hosted extent without a capacity has the descriptor that stands for it.
pub(super) fn embedded_descriptor(source: &Source<'_>) -> Result<Option<u64>> {
    let header: [u8; HEADER] = source.array(0)?;
    let header = Fields(&header);
    let sector = header.le64(offset_of::DESCRIPTOR);
    let stands_for_it = header.array(0) == MAGIC && header.le64(offset_of::CAPACITY) == 0;
    if !stands_for_it || sector == 0 {
        return Ok(None);
    }
    // QEMU shifts, and loses what does not fit.
    Ok(Some(sector << 9))
}

/// Reads the header of a hosted sparse extent, or the footer that takes its place, which lies at
/// the end of `main_length` bytes.
pub(super) fn read(source: &Source<'_>, main_length: u64) -> Result<Layout> {
    let mut header: [u8; HEADER] = source.array(0)?;
    if !header.starts_with(&MAGIC) {
        return Err(Error::format("not a VMDK extent: wrong magic").at(0));
    }
    if Fields(&header).le64(offset_of::DIRECTORY) == DIRECTORY_IN_FOOTER {
        header = read_footer(source, main_length)?;
    }
    let header = Fields(&header);
    let version = header.le32(offset_of::VERSION);
    if version > VERSION_MAX {
        return Err(
            Error::unsupported(format!("VMDK version {version}")).at(offset_of::VERSION as u64)
        );
    }
    let table_entries = header.le32(offset_of::TABLE_ENTRIES);
    if table_entries > limits::VMDK_GRAIN_TABLE_ENTRIES {
        return Err(
            Error::corrupt(format!("grain tables of {table_entries} entries"))
                .at(offset_of::TABLE_ENTRIES as u64),
        );
    }
    let capacity = header.le64(offset_of::CAPACITY);
    let grain_sectors = header.le64(offset_of::GRAIN_SIZE);
    // QEMU's words are 32 bits wide here, and cut what does not fit.
    let covered = grain_sectors.wrapping_mul(u64::from(table_entries)) as u32;
    if covered == 0 {
        return Err(
            Error::corrupt("grain tables that cover nothing").at(offset_of::TABLE_ENTRIES as u64)
        );
    }
    let covered = u64::from(covered);
    let directory_entries = (capacity.wrapping_add(covered - 1) / covered) as u32;
    let overhead = header.le64(offset_of::OVERHEAD);
    if request::file_length(source)? / SECTOR < overhead {
        return Err(Error::corrupt(format!(
            "file is shorter than {overhead} sectors of metadata"
        ))
        .at(offset_of::OVERHEAD as u64));
    }
    let flags = header.le32(offset_of::FLAGS);
    let copy = header.le64(offset_of::COPY) << 9;
    Ok(Layout {
        sectors: capacity,
        tables: GrainTables {
            grain_sectors,
            directory: header.le64(offset_of::DIRECTORY) << 9,
            directory_entries,
            table_entries,
            entries: GrainEntries::Sectors {
                zeros: flags & FLAG_ZERO_GRAINS != 0,
            },
        },
        copy: Some(copy).filter(|&copy| flags & FLAG_COPY != 0 && copy != 0),
        compressed: header.le16(offset_of::COMPRESSION) == COMPRESSION_DEFLATE,
    })
}

fn read_footer(source: &Source<'_>, main_length: u64) -> Result<[u8; HEADER]> {
    let corrupt = || Error::corrupt("no footer at the end of the stream");
    let at = main_length.checked_sub(FOOTER as u64).ok_or_else(corrupt)?;
    let footer: [u8; FOOTER] = source.array(at)?;
    let (front, rest) = footer.split_at(HEADER);
    let (header, end) = rest.split_at(HEADER);
    let is_marker = |bytes, type_| {
        let marker = Fields(bytes);
        marker.le32(marker::SIZE) == 0 && marker.le32(marker::TYPE) == type_
    };
    if !is_marker(front, MARKER_FOOTER)
        || !header.starts_with(&MAGIC)
        || !is_marker(end, MARKER_END)
        || Fields(end).le64(marker::VALUE) != 0
    {
        return Err(corrupt().at(at));
    }
    Ok(Fields(header).array(0))
}

/// Reads the header of a sparse extent of the older kind.
pub(super) fn read_cowd(source: &Source<'_>) -> Result<Layout> {
    let header: [u8; HEADER] = source.array(0)?;
    let header = Fields(&header);
    Ok(Layout {
        sectors: u64::from(header.le32(cowd::DISK_SECTORS)),
        tables: GrainTables {
            grain_sectors: u64::from(header.le32(cowd::GRAIN_SIZE)),
            directory: u64::from(header.le32(cowd::DIRECTORY)) << 9,
            directory_entries: header.le32(cowd::DIRECTORY_ENTRIES),
            table_entries: COWD_TABLE_ENTRIES,
            entries: GrainEntries::Sectors { zeros: false },
        },
        copy: None,
        compressed: false,
    })
}
