//! How large an image would become: `qemu-img measure` for raw, qcow2 and luks, from the size of a
//! disk and the options that the image would be created with.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::ImageFormat;
use super::create_options::CreateOptions;
use super::qcow2::Bitmap;
use super::qcow2::growth::Growth;
use super::request::SECTOR;
use crate::error::{Error, Result};
use crate::limits;

/// Bytes of the fixed part of an entry of the directory of bitmaps.
const DIRECTORY_ENTRY: u64 = 24;

/// What an image takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Bytes for what there is to store.
    pub required: u64,
    /// Bytes once all of the disk has been written.
    pub fully_allocated: u64,
    /// Bytes for the persistent bitmaps of the source, where both formats have them.
    pub bitmaps: Option<u64>,
}

/// In the order in which `qemu-img measure --output=json` prints it.
impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Measure", 3)?;
        match &self.bitmaps {
            Some(bytes) => map.serialize_field("bitmaps", bytes)?,
            None => map.skip_field("bitmaps")?,
        }
        map.serialize_field("required", &self.required)?;
        map.serialize_field("fully-allocated", &self.fully_allocated)?;
        map.end()
    }
}

/// How a qcow2 image is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qcow2Layout {
    /// log2 of the cluster size.
    pub cluster_bits: u32,
    /// log2 of the width of a refcount in bits.
    pub refcount_order: u32,
    /// Whether L2 entries have subcluster bitmaps.
    pub extended_l2: bool,
}

impl Qcow2Layout {
    /// Bytes of the whole image for a disk of `size` bytes, all of it allocated.
    pub fn fully_allocated(&self, size: u64) -> Option<u64> {
        let cluster = 1u64 << self.cluster_bits;
        let data = size.div_ceil(cluster);
        let l2_tables = data.div_ceil(self.l2_entries());
        let l1 = (l2_tables * 8).div_ceil(cluster);
        let counted = 1 + data + l2_tables + l1;
        let clusters = counted + refcount_clusters(counted, self.cluster_bits, self.refcount_order);
        clusters.checked_mul(cluster)
    }

    /// Bytes up to the end of a new image once the guest has written all of a disk of `size` bytes, in
    /// whatever order. More than [`fully_allocated`](Self::fully_allocated), and than `qemu-img measure`
    /// says, where the refcount table outgrows its first cluster.
    pub fn worst_case(&self, size: u64) -> Option<u64> {
        let cluster = 1u64 << self.cluster_bits;
        let data = size.div_ceil(cluster);
        let l2_tables = data.div_ceil(self.l2_entries());
        let l1 = (l2_tables * 8).div_ceil(cluster);
        // The header, the refcount table, its first block.
        let bits = (self.cluster_bits, self.refcount_order);
        let table = [2 * cluster];
        let growth = Growth::of(bits, 1, &table, 3 + l1);
        // A disk that grows gets another L1 table, and leaves the place of the old one.
        let clusters = growth.end_after(data + l2_tables).checked_add(2 * l1)?;
        clusters.checked_mul(cluster)
    }

    fn l2_entries(&self) -> u64 {
        1 << (self.cluster_bits - if self.extended_l2 { 4 } else { 3 })
    }
}

/// Clusters of the refcount table and blocks for so many other clusters and themselves.
fn refcount_clusters(clusters: u64, cluster_bits: u32, refcount_order: u32) -> u64 {
    let per_block = 1u64 << (cluster_bits + 3 - refcount_order);
    let (mut table, mut blocks) = (0, 0);
    loop {
        let needed = (clusters + table + blocks).div_ceil(per_block);
        let table_needed = (needed * 8).div_ceil(1 << cluster_bits);
        if (table_needed, needed) == (table, blocks) {
            return table + blocks;
        }
        (table, blocks) = (table_needed, needed);
    }
}

/// What is to be stored.
#[derive(Clone, Copy, Debug)]
pub enum Disk {
    /// A new disk of so many bytes.
    Empty(u64),
    /// One that exists.
    Filled(Source),
}

/// What is stored of a disk that exists.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Bytes of the disk.
    pub size: u64,
    /// Bytes of data in it, in whole clusters of the new image; see [`CreateOptions::needs_data`].
    pub data: u64,
    /// Bytes for its persistent bitmaps in the new image; None if its format has none.
    pub bitmaps: Option<u64>,
}

impl CreateOptions {
    /// Whether how much data there is decides anything.
    pub fn needs_data(&self) -> bool {
        self.format == ImageFormat::Qcow2 && !self.backing && !self.preallocated
    }
}

/// What an image with these options takes for this disk. A size that no image can have is an error,
/// also where QEMU's figures would overflow.
pub fn measure(options: &CreateOptions, disk: &Disk) -> Result<Measure> {
    let size = match disk {
        Disk::Empty(size) => *size,
        Disk::Filled(source) => source.size,
    };
    let measured = match options.format {
        ImageFormat::Qcow2 => qcow2(options, disk),
        // Preallocated or not: what is not written takes room too.
        ImageFormat::Luks => (|| size.checked_add(options.luks_header?))().map(whole),
        _ => size.checked_next_multiple_of(SECTOR).map(whole),
    };
    let possible = |measure: &Measure| measure.fully_allocated <= i64::MAX as u64;
    let measured = measured.filter(|m| size <= i64::MAX as u64 && possible(m));
    measured.ok_or_else(|| Error::argument(format!("a disk of {size} bytes is too large")))
}

fn whole(bytes: u64) -> Measure {
    Measure {
        required: bytes,
        fully_allocated: bytes,
        bitmaps: None,
    }
}

fn qcow2(options: &CreateOptions, disk: &Disk) -> Option<Measure> {
    let layout = &options.layout;
    let cluster = 1u64 << layout.cluster_bits;
    let (size, data, bitmaps) = match disk {
        Disk::Empty(size) => (*size, 0, None),
        Disk::Filled(source) => (source.size, source.data, source.bitmaps),
    };
    // QEMU looks at whether the L1 table can be large enough for the size that the options name,
    // which a new disk's size takes the place of, but not for that of a disk that exists.
    let named = match disk {
        Disk::Empty(size) => *size,
        Disk::Filled(_) => options.size.unwrap_or(0),
    };
    let tables = named.div_ceil(cluster).div_ceil(layout.l2_entries());
    if tables > limits::QCOW2_L1_BYTES / 8 {
        return None;
    }
    let disk_bytes = size.checked_next_multiple_of(cluster)?;
    let header = options.luks_header.unwrap_or(0).next_multiple_of(cluster);
    let fully_allocated = layout.fully_allocated(size)?.checked_add(header)?;
    let data = match options.preallocated || options.backing && matches!(disk, Disk::Filled(_)) {
        // With another image below, there may be nothing that the two have in common.
        true => disk_bytes,
        false => data,
    };
    Some(Measure {
        required: fully_allocated - disk_bytes + data,
        fully_allocated,
        bitmaps: bitmaps.filter(|_| options.version >= 3),
    })
}

/// Bytes that copies of these bitmaps of a disk of `size` bytes take in a qcow2 image, all bits of
/// them stored, in whole clusters of so many bytes.
pub fn bitmaps_bytes(bitmaps: &[Bitmap], size: u64, cluster: u64) -> u64 {
    let mut directory = 0;
    let mut bytes = 0u64;
    for bitmap in bitmaps {
        let bits = size.div_ceil(bitmap.granularity());
        let clusters = bits.div_ceil(8).div_ceil(cluster);
        let table = (clusters * 8).next_multiple_of(cluster);
        bytes = bytes.saturating_add(clusters * cluster + table);
        directory += (DIRECTORY_ENTRY + bitmap.name.len() as u64).next_multiple_of(8);
    }
    bytes.saturating_add(directory.next_multiple_of(cluster))
}
