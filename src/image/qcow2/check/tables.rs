//! The references that L1 and L2 tables hold, and the flags in them.

use super::Check;
use crate::error::Result;
use crate::image::check::CheckFindingCode;
use crate::image::qcow2::Header;
use crate::image::qcow2::mapping::{COMPRESSED, COPIED, OFFSET, OFFSET_END, ZERO, be64};
use crate::image::qcow2::refcounts::NoRefcount;

/// Bits of an L1 entry that must be zero.
const L1_RESERVED: u64 = 0x7f00_0000_0000_01ff;
/// Bits of an L2 entry that must be zero, unless it is of a compressed cluster.
const L2_RESERVED: u64 = 0x3f00_0000_0000_01fe;
/// Unit in which the length of compressed data is told.
const COMPRESSED_SECTOR: u64 = 512;
/// Bytes of tables that are read at a time.
const PART: usize = 64 << 10;
/// Bytes of tables that make a part of the work.
const WORK: u64 = 1 << 20;

/// What an L2 entry is.
#[derive(PartialEq)]
enum Kind {
    Unallocated,
    ZeroPlain,
    /// With a place in the file, whatever is in it.
    Allocated,
    Compressed,
}

impl Check<'_> {
    /// Counts what an L1 table leads to, as much of it as makes a part of the work; false at the end.
    pub(super) fn count_tables(&mut self, tables: &mut Tables, active: bool) -> Result<bool> {
        let cluster = 1u64 << self.cluster_bits;
        let mut left = WORK;
        while left > 0 {
            let Some((at, entry)) = tables.next(self)? else {
                return Ok(false);
            };
            left = left.saturating_sub(8);
            if entry == 0 {
                continue;
            }
            if entry & L1_RESERVED != 0 {
                let message = format!("reserved bits in L1 entry {entry:#018x}");
                self.corrupt(CheckFindingCode::ReservedBits, at, message);
            }
            let table = entry & OFFSET;
            self.not_copied |= active && entry & COPIED == 0;
            self.count(table, cluster);
            if table & (cluster - 1) != 0 {
                let message = format!("the L2 table at {table} is not aligned to a cluster");
                self.corrupt(CheckFindingCode::Misaligned, at, message);
            }
            self.l2(table, &mut tables.part, active)?;
            left = left.saturating_sub(cluster);
        }
        Ok(true)
    }

    fn l2(&mut self, table: u64, part: &mut [u8], active: bool) -> Result<()> {
        let cluster = 1u64 << self.cluster_bits;
        let end = (table + cluster).min(self.size);
        let entry_bytes = self.entry_bytes();
        let mut contiguous = 0;
        let mut at = table;
        while at < end {
            let length = part.len().min(cluster as usize);
            self.file.read_at(at, &mut part[..length])?;
            let mut entries = part[..length].chunks_exact(entry_bytes).enumerate();
            loop {
                if entry_bytes == 8 && !self.has_data_file {
                    let done = length - entries.len() * 8;
                    let plain = self.plain(&part[done..length], active, &mut contiguous);
                    if plain > 0 {
                        entries.nth(plain - 1);
                    }
                }
                let Some((index, bytes)) = entries.next() else {
                    break;
                };
                let entry = be64(bytes);
                let bitmap = if entry_bytes == 16 {
                    be64(&bytes[8..])
                } else {
                    0
                };
                if entry == 0 && bitmap == 0 {
                    continue;
                }
                let place = at + (index * entry_bytes) as u64;
                self.l2_entry(place, entry, bitmap, active.then_some(&mut contiguous));
            }
            at += length as u64;
        }
        Ok(())
    }

    /// Counts plain clusters, as nearly all are; returns behind how many entries of `table`, empty
    /// ones included, that ends.
    #[inline(never)]
    fn plain(&mut self, table: &[u8], active: bool, contiguous: &mut u64) -> usize {
        let bits = self.cluster_bits;
        let cluster = 1u64 << bits;
        let end = self.size.min(OFFSET_END);
        let (mut allocated, mut fragmented, mut not_copied) = (0, 0, false);
        let mut behind = *contiguous;
        let mut entries = table.chunks_exact(8).map(be64);
        let mut next = entries.next();
        while let Some(entry) = next {
            if entry == 0 {
                next = entries.next();
                continue;
            }
            let offset = entry & OFFSET;
            let room = end.saturating_sub(offset) >> bits;
            let placed = offset != 0 && offset & (cluster - 1) == 0 && room > 0;
            if entry & !(OFFSET | COPIED) != 0 || !placed {
                break;
            }
            // With all that follow it in the file, whether or not the disk has gaps between them.
            let mut following = entry;
            let last = entry + ((room - 1) << bits);
            next = entries.by_ref().find(|&entry| {
                if entry == 0 {
                    return false;
                }
                let follows = entry == following + cluster && following != last;
                following += if follows { cluster } else { 0 };
                !follows
            });
            let clusters = ((following - entry) >> bits) + 1;
            self.count_clusters(offset >> bits, clusters);
            allocated += clusters;
            fragmented += u64::from(behind != 0 && behind != offset);
            behind = offset + (clusters << bits);
            not_copied |= entry & COPIED == 0;
        }
        if active {
            self.result.allocated_clusters += allocated;
            self.result.fragmented_clusters += fragmented;
            self.not_copied |= not_copied;
            *contiguous = behind;
        }
        table.len() / 8 - entries.len() - usize::from(next.is_some())
    }

    #[inline]
    fn l2_entry(&mut self, at: u64, entry: u64, bitmap: u64, active: Option<&mut u64>) {
        let cluster = 1u64 << self.cluster_bits;
        let kind = self.kind(entry);
        if kind != Kind::Compressed && entry & L2_RESERVED != 0 {
            let message = format!("reserved bits in L2 entry {entry:#018x}");
            self.corrupt(CheckFindingCode::ReservedBits, at, message);
        }
        match kind {
            Kind::Allocated => {
                let offset = entry & OFFSET;
                if bitmap >> 32 & bitmap & 0xffff_ffff != 0 {
                    let message = "subclusters are both allocated and zero";
                    self.corrupt(CheckFindingCode::Subclusters, at, message);
                }
                let aligned = offset & (cluster - 1) == 0;
                if !aligned {
                    let message = format!("the cluster at {offset} is not aligned");
                    self.corrupt(CheckFindingCode::Misaligned, at, message);
                }
                if let Some(contiguous) = active {
                    self.not_copied |= entry & COPIED == 0;
                    self.result.allocated_clusters += 1;
                    if *contiguous != 0 && *contiguous != offset {
                        self.result.fragmented_clusters += 1;
                    }
                    *contiguous = offset + cluster;
                }
                if self.has_data_file {
                    return;
                }
                if aligned && offset + cluster <= self.size {
                    self.count_cluster(offset >> self.cluster_bits);
                } else {
                    self.count(offset, cluster);
                }
            }
            Kind::Compressed => self.compressed(at, entry, bitmap, active.is_some()),
            Kind::Unallocated => {
                if bitmap & 0xffff_ffff != 0 {
                    let message = "subclusters of a cluster without a place are allocated";
                    self.corrupt(CheckFindingCode::Subclusters, at, message);
                }
            }
            Kind::ZeroPlain => {}
        }
    }

    fn compressed(&mut self, at: u64, entry: u64, bitmap: u64, active: bool) {
        let code = CheckFindingCode::Compressed;
        if entry & COPIED != 0 {
            self.corrupt(code, at, "a compressed cluster has the copied flag");
        }
        if self.has_data_file {
            return self.corrupt(
                code,
                at,
                "a compressed cluster in an image with a data file",
            );
        }
        if bitmap != 0 {
            return self.corrupt(code, at, "a compressed cluster with subclusters");
        }
        let size_shift = 62 - (self.cluster_bits - 8);
        let offset = entry & ((1 << size_shift) - 1);
        let sectors = (entry >> size_shift & ((1 << (self.cluster_bits - 8)) - 1)) + 1;
        let length = sectors * COMPRESSED_SECTOR - (offset & (COMPRESSED_SECTOR - 1));
        self.count(offset, length);
        if active {
            self.result.allocated_clusters += 1;
            self.result.compressed_clusters += 1;
            // Compressed clusters share sectors: none of them follows another.
            self.result.fragmented_clusters += 1;
        }
    }

    /// Whether the flag for "refcount is exactly one" is right in the active tables, as many of
    /// them as make a part of the work; false at the end.
    pub(super) fn copied_flags(&mut self, tables: &mut Tables) -> Result<bool> {
        let mut left = WORK;
        while left > 0 {
            let Some((at, entry)) = tables.next(self)? else {
                return Ok(false);
            };
            left = left.saturating_sub(8);
            let table = entry & OFFSET;
            if table == 0 {
                continue;
            }
            if let Some(refcount) = self.refcount(table)? {
                self.copied_flag(at, entry, refcount);
                self.copied_flags_of(table, &mut tables.part)?;
                left = left.saturating_sub(1 << self.cluster_bits);
            }
        }
        Ok(true)
    }

    fn copied_flags_of(&mut self, table: u64, part: &mut [u8]) -> Result<()> {
        let cluster = 1u64 << self.cluster_bits;
        let end = (table + cluster).min(self.size);
        let entry_bytes = self.entry_bytes();
        let mut at = table;
        while at < end {
            let length = part.len().min(cluster as usize);
            self.file.read_at(at, &mut part[..length])?;
            for (index, bytes) in part[..length].chunks_exact(entry_bytes).enumerate() {
                let entry = be64(bytes);
                if self.kind(entry) != Kind::Allocated {
                    continue;
                }
                let refcount = match self.has_data_file {
                    true => Some(1),
                    false => self.refcount(entry & OFFSET)?,
                };
                if let Some(refcount) = refcount {
                    let place = at + (index * entry_bytes) as u64;
                    self.copied_flag(place, entry, refcount);
                }
            }
            at += length as u64;
        }
        Ok(())
    }

    #[inline]
    fn copied_flag(&mut self, at: u64, entry: u64, refcount: u64) {
        if (refcount == 1) != (entry & COPIED != 0) {
            let message = format!(
                "the copied flag of entry {entry:#018x} does not go with a refcount of {refcount}"
            );
            self.corrupt(CheckFindingCode::CopiedFlag, at, message);
        }
    }

    /// Whether all copied flags are right, as far as that can be told without another look: all are
    /// set, nothing is referenced twice, and the refcounts say the same.
    pub(super) fn all_is_copied(&self) -> bool {
        self.refcounts_are_right() && !self.not_copied && !self.counted.shared
    }

    /// Whether nothing is wrong so far, after what was counted was compared: then each refcount is
    /// what was counted.
    fn refcounts_are_right(&self) -> bool {
        let result = &self.result;
        result.corruptions == 0 && result.leaks == 0 && result.check_errors == 0
    }

    /// The stored refcount, unless its block is misplaced: that is reported elsewhere.
    #[inline]
    fn refcount(&mut self, offset: u64) -> Result<Option<u64>> {
        if self.refcounts_are_right() {
            return Ok(Some(self.counted.get(offset >> self.cluster_bits)));
        }
        match self.stored.get(offset >> self.cluster_bits) {
            Ok(refcount) => Ok(Some(refcount)),
            Err(NoRefcount::Misplaced { .. }) => Ok(None),
            Err(NoRefcount::Unreadable(error)) => Err(error),
        }
    }

    #[inline]
    fn kind(&self, entry: u64) -> Kind {
        if entry & COMPRESSED != 0 {
            return Kind::Compressed;
        }
        if entry & ZERO != 0 && !self.header.extended_l2() {
            return match entry & OFFSET {
                0 => Kind::ZeroPlain,
                _ => Kind::Allocated,
            };
        }
        let at_zero = entry & COPIED != 0 && self.has_data_file;
        match entry & OFFSET == 0 && !at_zero {
            true => Kind::Unallocated,
            false => Kind::Allocated,
        }
    }

    fn entry_bytes(&self) -> usize {
        if self.header.extended_l2() { 16 } else { 8 }
    }
}

/// The entries of an L1 table, read a part at a time, and a buffer for what they lead to.
pub(super) struct Tables {
    /// Where the table begins.
    pub offset: u64,
    /// What it takes of the file.
    pub bytes: u64,
    entries: u64,
    next: u64,
    held: Vec<u8>,
    part: Vec<u8>,
}

impl Tables {
    /// The L1 table at `offset` of a file of `size` bytes.
    pub fn new(header: &Header, size: u64, offset: u64, entries: u32) -> Self {
        // Behind the end of the file all entries are zero.
        let held = size.saturating_sub(offset).div_ceil(8);
        let entries = u64::from(entries);
        Tables {
            offset,
            bytes: entries * 8,
            entries: held.min(entries),
            next: 0,
            held: Vec::new(),
            part: vec![0; PART.min(1 << header.cluster_bits)],
        }
    }

    /// The active one.
    pub fn active(header: &Header, size: u64) -> Self {
        Tables::new(header, size, header.l1_table_offset, header.l1_size)
    }

    /// The next entry and where it stands.
    fn next(&mut self, check: &mut Check<'_>) -> Result<Option<(u64, u64)>> {
        if self.next == self.entries {
            return Ok(None);
        }
        let within = self.next as usize % (PART / 8);
        if within == 0 {
            let length = ((self.entries - self.next) * 8).min(PART as u64) as usize;
            self.held.resize(length, 0);
            check
                .file
                .read_at(self.offset + self.next * 8, &mut self.held)?;
        }
        let at = self.offset + self.next * 8;
        self.next += 1;
        check.progress.done += 1;
        Ok(Some((at, be64(&self.held[within * 8..]))))
    }
}
