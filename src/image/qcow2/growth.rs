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
        let cluster = header.cluster_size();
        let entries =
            (u64::from(header.refcount_table_clusters) << header.cluster_bits) / TABLE_ENTRY;
        Growth {
            cluster_bits: header.cluster_bits,
            per_block: 1 << (header.cluster_bits + 3 - header.refcount_order),
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
            self.block();
            let block_end = (self.next / self.per_block + 1) * self.per_block;
            let taken = left.min(block_end - self.next);
            left -= taken;
            self.pass(taken);
        }
        self.next.max(self.area.end)
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
        self.pass(1);
    }

    fn has_block(&self, index: u64) -> bool {
        let held = usize::try_from(index).ok();
        let held = held.and_then(|index| self.table.get(index));
        let came = |&(first, end): &(u64, u64)| first <= index && index < end;
        held.is_some_and(|&entry| entry != 0) || self.blocks.iter().any(came)
    }

    /// Goes on by so many clusters. Before a larger table that lies there, a write that does not fit
    /// leaves a hole.
    fn pass(&mut self, count: u64) {
        self.next += count;
        if self.next < self.area.end && self.next + self.at_once > self.area.start {
            self.next = self.area.end;
        }
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
