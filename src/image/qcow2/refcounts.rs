//! The refcounts as stored (`docs/interop/qcow2`, section "Host cluster management"): a table of
//! blocks, each entry 1 to 64 bits wide.

use super::Header;
use crate::error::{Error, Result};
use crate::io::{ReadAt, Shared};

/// Bits of an entry of the refcount table that hold an offset; the others must be zero.
pub(super) const OFFSET: u64 = 0xffff_ffff_ffff_fe00;

/// Bytes of a block that are read at a time.
const PART: u64 = 64 << 10;
/// Parts that are kept: data usually lies in order, snapshots in a few orders.
const PARTS: usize = 64;

/// The stored refcounts of an image.
pub struct Refcounts<'a> {
    file: Shared<'a>,
    cluster_bits: u32,
    order: u32,
    /// The refcount table.
    pub table: Vec<u64>,
    parts: Vec<Part>,
}

/// A part of a refcount block.
#[derive(Clone, Default)]
struct Part {
    /// Its offset in the file; 0 is the header's place and no block.
    offset: u64,
    bytes: Vec<u8>,
}

/// Why there is no refcount.
#[derive(Debug)]
pub enum NoRefcount {
    /// The block is not where a block can be.
    Misplaced {
        /// Its index in the table.
        index: u64,
        /// Where it is said to be.
        offset: u64,
    },
    /// It cannot be read.
    Unreadable(Error),
}

/// A stretch of stored refcounts, as many as lie together in memory.
pub enum Stretch<'a> {
    /// There is no block: all are zero.
    Zero,
    /// The bytes of the entries.
    Stored(&'a [u8]),
}

impl<'a> Refcounts<'a> {
    /// Reads the refcount table.
    pub fn new(file: Shared<'a>, header: &Header) -> Result<Self> {
        let bytes = u64::from(header.refcount_table_clusters) << header.cluster_bits;
        // What lies behind the end of the file is zero.
        let at = header.refcount_table_offset;
        let held = file
            .size()
            .saturating_sub(at)
            .min(bytes)
            .next_multiple_of(8);
        let mut table = vec![0; held as usize];
        file.read_at(at, &mut table)?;
        let table = table.chunks_exact(8).map(super::mapping::be64).collect();
        Ok(Refcounts {
            file,
            cluster_bits: header.cluster_bits,
            order: header.refcount_order,
            table,
            parts: vec![Part::default(); PARTS],
        })
    }

    /// log2 of the entries of a block.
    fn block_bits(&self) -> u32 {
        self.cluster_bits + 3 - self.order
    }

    /// The refcount of a cluster.
    pub fn get(&mut self, cluster: u64) -> std::result::Result<u64, NoRefcount> {
        let (order, per_part) = (self.order, self.per_part());
        match self.stretch(cluster)? {
            (_, Stretch::Zero) => Ok(0),
            (_, Stretch::Stored(bytes)) => Ok(entry(bytes, order, cluster & (per_part - 1))),
        }
    }

    /// Entries of a part.
    fn per_part(&self) -> u64 {
        (PART.min(1 << self.cluster_bits) * 8) >> self.order
    }

    /// The stretch that a cluster's refcount stands in, and the first cluster of it.
    pub fn stretch(
        &mut self,
        cluster: u64,
    ) -> std::result::Result<(std::ops::Range<u64>, Stretch<'_>), NoRefcount> {
        let block_bits = self.block_bits();
        let index = cluster >> block_bits;
        let offset = match usize::try_from(index).ok().and_then(|i| self.table.get(i)) {
            Some(entry) => entry & OFFSET,
            None => {
                let first = (self.table.len() as u64) << block_bits;
                return Ok((first..u64::MAX, Stretch::Zero));
            }
        };
        if offset == 0 {
            let first = index << block_bits;
            return Ok((first..first + (1 << block_bits), Stretch::Zero));
        }
        if offset & ((1 << self.cluster_bits) - 1) != 0 {
            return Err(NoRefcount::Misplaced { index, offset });
        }
        let per_part = self.per_part();
        let first = cluster & !(per_part - 1);
        let in_block = first & ((1 << block_bits) - 1);
        let at = offset + ((in_block << self.order) >> 3);
        let length = PART.min(1 << self.cluster_bits) as usize;
        let slot = ((at / length as u64) % PARTS as u64) as usize;
        let part = &mut self.parts[slot];
        if part.offset != at || part.bytes.is_empty() {
            part.bytes.resize(length, 0);
            part.offset = 0;
            let read = self.file.read_at(at, &mut part.bytes);
            read.map_err(NoRefcount::Unreadable)?;
            part.offset = at;
        }
        Ok((first..first + per_part, Stretch::Stored(&part.bytes)))
    }

    /// log2 of the width of an entry in bits.
    pub fn order(&self) -> u32 {
        self.order
    }
}

/// Whether the file of an image of which `allocated` bytes take up storage has noticeably more
/// clusters in use than that: its clusters were given places before there was data for them, and
/// where the file has holes the disk reads as zeros. QEMU's rule. What cannot be told is no.
pub fn is_preallocated(
    file: &(dyn ReadAt + Send + Sync),
    header: &Header,
    allocated: u64,
) -> Result<bool> {
    let real = allocated >> header.cluster_bits;
    let threshold = (real * 10 / 9).max(real + 2);
    let clusters = file.size().div_ceil(header.cluster_size());
    // So many cannot be in use: most images whose data was written end here.
    if clusters < threshold {
        return Ok(false);
    }
    let mut refcounts = Refcounts::new(std::sync::Arc::new(file), header)?;
    let order = refcounts.order();
    let (mut used, mut cluster) = (0, 0);
    while cluster < clusters && used < threshold {
        match refcounts.stretch(cluster) {
            Ok((range, Stretch::Zero)) => cluster = range.end,
            Ok((range, Stretch::Stored(bytes))) => {
                let end = range.end.min(clusters);
                let (from, to) = (cluster - range.start, end - range.start);
                used += (from..to).filter(|&i| entry(bytes, order, i) != 0).count() as u64;
                cluster = end;
            }
            Err(NoRefcount::Misplaced { .. }) => return Ok(false),
            Err(NoRefcount::Unreadable(error)) => return Err(error),
        }
    }
    Ok(used >= threshold)
}

/// The entry at `index`, 2^`order` bits wide. Narrow ones begin with the lowest bits of a byte.
#[inline]
pub fn entry(bytes: &[u8], order: u32, index: u64) -> u64 {
    let index = index as usize;
    if order < 3 {
        let per_byte = 8 >> order;
        let shift = (index % per_byte) << order;
        let mask = (1u16 << (1 << order)) - 1;
        return u64::from(bytes[index / per_byte]) >> shift & u64::from(mask);
    }
    let width = 1 << (order - 3);
    let bytes = &bytes[index * width..][..width];
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn entries_of_all_widths() {
        let bytes = [0b1010_0110, 0xff, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
        let bits: Vec<u64> = (0..8).map(|i| entry(&bytes, 0, i)).collect();
        assert_eq!(bits, [0, 1, 1, 0, 0, 1, 0, 1]);
        let pairs: Vec<u64> = (0..4).map(|i| entry(&bytes, 1, i)).collect();
        assert_eq!(pairs, [2, 1, 2, 2]);
        assert_eq!(entry(&bytes, 2, 1), 0b1010);
        assert_eq!(entry(&bytes, 3, 2), 0x12);
        assert_eq!(entry(&bytes, 4, 1), 0x1234);
        assert_eq!(entry(&bytes, 5, 1), 0x5678_9abc);
        assert_eq!(entry(&bytes, 6, 0), 0xa6ff_1234_5678_9abc);
    }
}
