//! QEMU Enhanced Disk.
//!
//! Follows QEMU's `docs/interop/qed_spec.rst`; the checks are those of QEMU's `block/qed.c`.

pub mod check;
pub mod mapping;

use super::fields::Fields;
use super::info::{FormatName, FormatSpecific, Metadata, StoredBacking};
use super::request::{self, SECTOR};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;
use crate::text::until_nul;

/// `QED\0`
pub(super) const MAGIC: [u8; 4] = *b"QED\0";

/// The image has a backing file.
const FEATURE_BACKING_FILE: u64 = 1 << 0;
/// The image was not closed cleanly.
const FEATURE_NEED_CHECK: u64 = 1 << 1;
/// The backing file is raw and must not be probed.
const FEATURE_BACKING_RAW: u64 = 1 << 2;
const FEATURES_KNOWN: u64 = 0x7;

const HEADER: usize = 64;

/// Byte offsets of the header's fields, all little-endian.
mod offset_of {
    /// u32, bytes.
    pub const CLUSTER_SIZE: usize = 4;
    /// u32, clusters.
    pub const TABLE_SIZE: usize = 8;
    /// u32, clusters.
    pub const HEADER_SIZE: usize = 12;
    /// u64, bits that a reader must know.
    pub const FEATURES: usize = 16;
    /// u64.
    pub const L1_TABLE_OFFSET: usize = 40;
    /// u64, bytes.
    pub const IMAGE_SIZE: usize = 48;
    /// u32.
    pub const BACKING_FILENAME_OFFSET: usize = 56;
    /// u32, bytes.
    pub const BACKING_FILENAME_SIZE: usize = 60;
}

/// Where an image has its tables and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QedInfo {
    /// Bytes of a cluster: a power of two.
    pub cluster_size: u32,
    /// Clusters of a table: a power of two.
    pub table_clusters: u32,
    /// Bytes of the header with all that belongs to it.
    pub header_bytes: u32,
    /// Offset of the L1 table in the file.
    pub l1_table_offset: u64,
    /// Bytes of the disk.
    pub disk_bytes: u64,
    /// Bytes of the file in whole clusters.
    pub file_bytes: u64,
}

impl QedInfo {
    /// Entries of a table.
    fn table_entries(&self) -> u64 {
        u64::from(self.table_clusters) * u64::from(self.cluster_size) / 8
    }

    /// Whether a cluster can lie there.
    fn is_cluster(&self, offset: u64) -> bool {
        offset % u64::from(self.cluster_size) == 0
            && (u64::from(self.header_bytes)..self.file_bytes).contains(&offset)
    }

    /// Whether a table can lie there. QEMU takes one of a single cluster for one whose end
    /// overflowed.
    fn is_table(&self, offset: u64) -> bool {
        let rest = u64::from(self.table_clusters - 1) * u64::from(self.cluster_size);
        let last = offset.checked_add(rest).filter(|&last| last > offset);
        self.is_cluster(offset) && last.is_some_and(|last| self.is_cluster(last))
    }
}

/// Reads the header.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let header: [u8; HEADER] = source.array(0)?;
    let header = Fields(&header);
    if header.array(0) != MAGIC {
        return Err(Error::format("not a QED image: wrong magic").at(0));
    }
    let features = header.le64(offset_of::FEATURES);
    let unknown = features & !FEATURES_KNOWN;
    if unknown != 0 {
        return Err(
            Error::unsupported(format!("features {unknown:#x}")).at(offset_of::FEATURES as u64)
        );
    }
    let cluster_size = header.le32(offset_of::CLUSTER_SIZE);
    if !limits::QED_CLUSTER_BYTES.contains(&cluster_size) || !cluster_size.is_power_of_two() {
        return Err(Error::corrupt(format!("clusters of {cluster_size} bytes"))
            .at(offset_of::CLUSTER_SIZE as u64));
    }
    let table_size = header.le32(offset_of::TABLE_SIZE);
    if !limits::QED_TABLE_CLUSTERS.contains(&table_size) || !table_size.is_power_of_two() {
        return Err(Error::corrupt(format!("tables of {table_size} clusters"))
            .at(offset_of::TABLE_SIZE as u64));
    }
    let header_clusters = header.le32(offset_of::HEADER_SIZE);
    let Some(header_size) = header_clusters.checked_mul(cluster_size) else {
        return Err(
            Error::corrupt(format!("header of {header_clusters} clusters"))
                .at(offset_of::HEADER_SIZE as u64),
        );
    };
    let size = header.le64(offset_of::IMAGE_SIZE);
    if size % SECTOR != 0 || size > largest_image(cluster_size, table_size) {
        return Err(
            Error::corrupt(format!("disk of {size} bytes")).at(offset_of::IMAGE_SIZE as u64)
        );
    }
    request::disk_size(size / SECTOR)?;
    let clusters = request::file_length(source)? / u64::from(cluster_size);
    let info = QedInfo {
        cluster_size,
        table_clusters: table_size,
        header_bytes: header_size,
        l1_table_offset: header.le64(offset_of::L1_TABLE_OFFSET),
        disk_bytes: size,
        file_bytes: clusters * u64::from(cluster_size),
    };
    if !info.is_table(info.l1_table_offset) {
        let message = format!("L1 table at {}", info.l1_table_offset);
        return Err(Error::corrupt(message).at(offset_of::L1_TABLE_OFFSET as u64));
    }
    let (backing, name_has_nul) = if features & FEATURE_BACKING_FILE != 0 {
        read_backing(source, header, header_size)?
    } else {
        (None, false)
    };
    let format = (features & FEATURE_BACKING_RAW != 0).then(|| FormatName::new(b"raw"));
    let backing = backing.map(|name| StoredBacking { name, format });
    let mut warnings = Vec::new();
    if features & FEATURE_NEED_CHECK != 0 {
        warnings.push("the image was not closed cleanly: it needs a check".into());
    }
    Ok(Metadata {
        virtual_size: Some(size),
        cluster_size: Some(u64::from(cluster_size)),
        // QEMU takes the image for clean before it answers, even if it may not write to it.
        dirty: Some(false),
        backing,
        name_has_nul,
        warnings,
        specific: FormatSpecific::Qed(info),
        ..Metadata::default()
    })
}

/// What two levels of tables can map. With the largest clusters and tables the product does not
/// fit; QEMU lets it wrap, and so refuses such images.
fn largest_image(cluster_size: u32, table_size: u32) -> u64 {
    let entries = u64::from(table_size) * u64::from(cluster_size) / 8;
    entries
        .wrapping_mul(u64::from(cluster_size))
        .wrapping_mul(entries)
}

/// The backing file's name, and whether it has more behind a NUL.
fn read_backing(
    source: &Source<'_>,
    header: Fields<'_>,
    header_size: u32,
) -> Result<(Option<Vec<u8>>, bool)> {
    let offset = u64::from(header.le32(offset_of::BACKING_FILENAME_OFFSET));
    let length = header.le32(offset_of::BACKING_FILENAME_SIZE);
    if offset + u64::from(length) > u64::from(header_size) {
        return Err(
            Error::corrupt("backing file name lies outside of the header")
                .at(offset_of::BACKING_FILENAME_OFFSET as u64),
        );
    }
    if length as usize >= limits::BACKING_NAME {
        return Err(
            Error::corrupt(format!("backing file name of {length} bytes"))
                .at(offset_of::BACKING_FILENAME_SIZE as u64),
        );
    }
    let stored = source.bytes(offset, length as usize)?;
    let name = until_nul(&stored);
    let has_nul = name.len() < stored.len();
    Ok(((!name.is_empty()).then(|| name.to_vec()), has_nul))
}
