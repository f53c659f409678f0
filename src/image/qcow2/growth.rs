//! Where an image's file ends once so many more clusters have been allocated, with the refcounts
//! that these need: QEMU's way of placing them (`docs/interop/qcow2`, section "Host cluster
//! management"), at its worst.
//!
//! QEMU looks for free clusters in one piece from where it stopped the last time. A write of several
//! clusters passes over holes that are too small for it, so that none of them may ever be used.

use super::Header;

/// Bytes of the largest write that is reckoned with. Guests write less at a time.
const WRITE: u64 = 2 << 20;
/// Bytes of an entry of the refcount table.
const TABLE_ENTRY: u64 = 8;

/// A file that grows.
pub struct Growth<'a> {
    cluster_bits: u32,
    /// Refcounts in a block.
    per_block: u64,
    /// Clusters that a write allocates at once, at the most.
    at_once: u64,
    /// The refcount table as it is.
    table: &'a [u64],
    /// Entries that the table has room for.
    entries: u64,
    /// Blocks that a larger table came with: the first of them, and the one behind the last.
    blocks: Vec<(u64, u64)>,
    /// The next cluster, behind all that are in use.
    next: u64,
    /// The clusters of the last larger table and of the blocks that came with it.
    area: std::ops::Range<u64>,
}

impl<'a> Growth<'a> {
    /// Of a file whose clusters from `end` on are free.
    pub fn new(header: &Header, table: &'a [u64], end: u64) -> Self {
        let bits = (header.cluster_bits, header.refcount_order);
        Self::of(bits, header.refcount_table_clusters, table, end)
    }

    /// Of a file whose refcount table has so many clusters; log2 of the sizes of a cluster in bytes
    /// and of a refcount in bits.
    pub fn of(
        (cluster_bits, refcount_order): (u32, u32),
        table_clusters: u32,
        table: &'a [u64],
        end: u64,
    ) -> Self {
        let cluster = 1u64 << cluster_bits;
        let entries = (u64::from(table_clusters) << cluster_bits) / TABLE_ENTRY;
        Growth {
            cluster_bits,
            per_block: 1 << (cluster_bits + 3 - refcount_order),
            at_once: (WRITE / cluster + 1).min(cluster / TABLE_ENTRY),
            table,
            entries,
            blocks: Vec::new(),
            next: end,
            area: 0..0,
        }
    }

    /// The end, in clusters, once `count` more have been allocated.
    pub fn end_after(mut self, count: u64) -> u64 {
        // Holes in the table, below the end: a cluster that is taken there needs a block.
        let below = (self.next / self.per_block).min(self.table.len() as u64) as usize;
        let holes = self.table[..below].iter().filter(|&&entry| entry == 0);
        let mut left = count.saturating_add(count.min(holes.count() as u64));
        while left > 0 {
            let alike = self.blocks_alike().min(left / (self.per_block - 1));
            self.next += alike * self.per_block;
            left -= alike * (self.per_block - 1);
            if left == 0 {
                break;
            }
            self.block();
            let mut taken = left.min(self.counted_until() - self.next);
            if self.next < self.area.end {
                // A write that does not fit in before the table leaves a hole there.
                let fits = (self.area.start + 1).saturating_sub(self.next + self.at_once);
                if fits == 0 {
                    self.next = self.area.end;
                    continue;
                }
                taken = taken.min(fits);
            }
            left -= taken;
            self.next += taken;
        }
        self.next.max(self.area.end)
    }

    /// Up to where clusters have refcounts, at least to the end of the block of the next one.
    fn counted_until(&self) -> u64 {
        let index = self.next / self.per_block;
        let mut came = self
            .blocks
            .iter()
            .filter(|range| self.area.end <= self.next && range.0 <= index);
        let end = came
            .find(|range| range.1 > index)
            .map_or(index + 1, |range| range.1);
        end * self.per_block
    }

    /// From here on, how many blocks are only to be made, each in the first of its own clusters.
    fn blocks_alike(&self) -> u64 {
        let index = self.next / self.per_block;
        let known = self.table.len() as u64 > index
            || self.blocks.iter().any(|&(_, end)| end > index)
            || self.area.end > self.next;
        match known || self.next % self.per_block != 0 {
            true => 0,
            false => self.entries.saturating_sub(index),
        }
    }

    /// Makes sure that the next cluster has a refcount.
    fn block(&mut self) {
        let index = self.next / self.per_block;
        if self.has_block(index) {
            return;
        }
        if index >= self.entries {
            self.grow();
        }
        self.blocks.retain(|&(_, end)| end > index);
        self.blocks.push((index, index + 1));
        self.next += 1;
    }

    fn has_block(&self, index: u64) -> bool {
        let held = usize::try_from(index).ok();
        let held = held.and_then(|index| self.table.get(index));
        let came = |&(first, end): &(u64, u64)| first <= index && index < end;
        held.is_some_and(|&entry| entry != 0) || self.blocks.iter().any(came)
    }

    /// A larger table, with blocks for itself and the next half, where the new block's end.
    fn grow(&mut self) {
        let used = (self.next + self.at_once + 1).div_ceil(self.per_block);
        let start = used * self.per_block;
        let blocks = self.blocks_for(start);
        let table = (blocks + blocks.div_ceil(2)) * TABLE_ENTRY;
        let table = table.div_ceil(1 << self.cluster_bits);
        self.entries = (table << self.cluster_bits) / TABLE_ENTRY;
        self.blocks.push((used, blocks));
        self.area = start..start + blocks.saturating_sub(used) + table;
    }

    /// Blocks for so many clusters, for themselves, and for a table with half as much again.
    fn blocks_for(&self, clusters: u64) -> u64 {
        let mut clusters = clusters;
        let mut generous = true;
        let (mut blocks, mut table) = (0u64, 0u64);
        loop {
            let needed = (clusters + table + blocks).div_ceil(self.per_block);
            let table_needed = (needed * TABLE_ENTRY).div_ceil(1 << self.cluster_bits);
            if (needed, table_needed) != (blocks, table) {
                (blocks, table) = (needed, table_needed);
            } else if generous {
                clusters += table.div_ceil(2);
                generous = false;
            } else {
                return blocks;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of clusters of 4 KiB: 2048 refcounts in a block, 512 blocks in a table of one cluster.
    fn growth(table: &[u64], end: u64) -> Growth<'_> {
        Growth {
            cluster_bits: 12,
            per_block: 2048,
            at_once: 512,
            table,
            entries: 512,
            blocks: Vec::new(),
            next: end,
            area: 0..0,
        }
    }

    #[test]
    fn each_block_takes_a_cluster() {
        let table = [4096, 0, 0, 8192];
        assert_eq!(growth(&table, 4).end_after(0), 4);
        assert_eq!(growth(&table, 4).end_after(2044), 2048);
        assert_eq!(growth(&table, 4).end_after(2045), 2050);
        assert_eq!(growth(&table, 4).end_after(2044 + 2047 + 1), 4096 + 2);
        // The fourth is there already.
        let filled = 2044 + 2 * 2047 + 2048;
        assert_eq!(growth(&table, 4).end_after(filled), 4 * 2048);
        let all = filled + 508 * 2047;
        assert_eq!(growth(&table, 4).end_after(all), 512 * 2048);
        // One more needs a larger table, behind what the next block tells of; with it come blocks.
        let (blocks, table_clusters) = (514, 2);
        let larger = 513 * 2048 + (blocks - 513) + table_clusters;
        assert_eq!(growth(&table, 4).end_after(all + 1), larger);
        // A write of 512 clusters may not fit in before it.
        let before = all + 2047 - 511;
        assert_eq!(growth(&table, 4).end_after(before), larger);
        assert_eq!(growth(&table, 4).end_after(before + 1), larger + 1);
    }

    #[test]
    fn enormous_numbers_take_no_time() {
        assert!(growth(&[], 1 << 40).end_after(1 << 52) > 1 << 52);
    }
}
