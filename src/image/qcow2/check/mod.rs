//! Whether the refcounts of an image say what its tables say: `qemu-img check` without repairs.
//!
//! Every reference is counted and compared with what is stored, in QEMU's order and by its rules,
//! so that the numbers are the same. Memory is a byte for each cluster of the file that something
//! refers to (1 GiB for 64 TiB in clusters of 64 KiB, all of it in use), and a little for buffers.

mod compare;
mod counted;
mod tables;

use super::extensions::BitmapDirectory;
use super::mapping::be64;
use super::refcounts::{OFFSET, Refcounts};
use super::{Bitmap, CryptoHeader, Header, Qcow2Info};
use crate::error::{Error, Result};
use crate::image::check::{CheckFindingCode, CheckResult, Findings};
use crate::image::info::{Metadata, Snapshot};
use crate::io::Shared;
use crate::limits::{self, Limits};
use crate::work::{Progress, Work};
use counted::Counted;
use tables::Tables;

/// Clusters of a range that make a part of the work.
const CLUSTERS: u64 = 1 << 20;
/// Reserved bits of an entry of a bitmap's table.
const BITMAP_RESERVED: u64 = 0xff00_0000_0000_01fe;
/// Bits of it that hold an offset.
const BITMAP_OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// A check in the making; counts its progress in entries of L1 tables.
pub struct Check<'a> {
    file: Shared<'a>,
    size: u64,
    header: Header,
    has_data_file: bool,
    snapshots: Vec<Snapshot>,
    snapshot_table_bytes: u64,
    crypto: Option<CryptoHeader>,
    bitmap_directory: Option<BitmapDirectory>,
    bitmaps: Vec<Bitmap>,
    cluster_bits: u32,
    stored: Refcounts<'a>,
    counted: Counted,
    most_bytes: u64,
    /// Whether an active table has an entry without the copied flag.
    not_copied: bool,
    result: CheckResult,
    findings: Findings,
    phase: Phase,
    progress: Progress,
}

/// What comes next.
enum Phase {
    /// The header.
    Header,
    /// What the active L1 table leads to.
    Active(Tables),
    /// What the snapshots from this one on lead to, and the table of the one that is being read.
    Snapshots(usize, Option<Tables>),
    /// The tables of snapshots and refcounts.
    Tables,
    /// These clusters of the LUKS header.
    Luks(std::ops::Range<u64>),
    /// Bitmaps and refcount blocks.
    Others,
    /// What was counted against what is stored, from this cluster on, and the last one in use.
    Compare(u64, u64),
    /// The copied flags.
    Flags(Tables),
    Done,
}

impl<'a> Check<'a> {
    /// A check of the image in `file`, whose metadata have been read. Counting takes at most as much
    /// memory as the limits allow.
    pub fn new(
        file: Shared<'a>,
        metadata: &Metadata,
        info: &Qcow2Info,
        limits: &Limits,
    ) -> Result<Self> {
        let header = info.header;
        let size = file.size();
        let clusters = size.div_ceil(header.cluster_size());
        if clusters > i32::MAX as u64 {
            return Err(Error::limit("the file has too many clusters to check"));
        }
        let l1_sizes = metadata.snapshots.iter().map(|s| u64::from(s.l1_size));
        Ok(Check {
            size,
            has_data_file: info.has_data_file(),
            snapshots: metadata.snapshots.clone(),
            snapshot_table_bytes: info.snapshot_table_bytes,
            crypto: info.extensions.crypto,
            bitmap_directory: info.extensions.bitmaps,
            bitmaps: info.bitmaps.clone(),
            cluster_bits: header.cluster_bits,
            stored: Refcounts::new(file.clone(), &header)?,
            counted: Counted::new(clusters, header.refcount_order, limits.check_bytes),
            most_bytes: limits.check_bytes,
            not_copied: false,
            result: CheckResult {
                total_clusters: header.virtual_size().div_ceil(header.cluster_size()),
                ..CheckResult::default()
            },
            findings: Findings::default(),
            phase: Phase::Header,
            progress: Progress {
                done: 0,
                total: 2 * u64::from(header.l1_size) + l1_sizes.sum::<u64>(),
            },
            header,
            file,
        })
    }
}

impl Work for Check<'_> {
    type Answer = CheckResult;

    fn advance(&mut self) -> Result<Option<CheckResult>> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Header => {
                self.snapshot_entries();
                self.count(0, self.header.cluster_size());
                let tables = Tables::active(&self.header, self.size);
                self.count(tables.offset, tables.bytes);
                Phase::Active(tables)
            }
            Phase::Active(mut tables) => match self.count_tables(&mut tables, true)? {
                true => Phase::Active(tables),
                false => {
                    self.snapshots_with_data_file();
                    Phase::Snapshots(0, None)
                }
            },
            Phase::Snapshots(index, Some(mut tables)) => {
                match self.count_tables(&mut tables, false)? {
                    true => Phase::Snapshots(index, Some(tables)),
                    false => Phase::Snapshots(index + 1, None),
                }
            }
            Phase::Snapshots(index, None) if index < self.snapshots.len() => {
                match self.snapshot(index) {
                    Some(tables) => Phase::Snapshots(index, Some(tables)),
                    None => Phase::Snapshots(index + 1, None),
                }
            }
            Phase::Snapshots(..) => Phase::Tables,
            Phase::Tables => Phase::Luks(self.tables()),
            Phase::Luks(clusters) if clusters.is_empty() => Phase::Others,
            Phase::Luks(clusters) => {
                let part = clusters.end.min(clusters.start + CLUSTERS);
                self.count_clusters(clusters.start, part - clusters.start);
                Phase::Luks(part..clusters.end)
            }
            Phase::Others => {
                self.bitmaps()?;
                self.refcount_blocks();
                Phase::Compare(0, 0)
            }
            Phase::Compare(from, highest) => match self.compare(from, highest)? {
                Some((from, highest)) => Phase::Compare(from, highest),
                None if self.all_is_copied() => Phase::Done,
                None => Phase::Flags(Tables::active(&self.header, self.size)),
            },
            Phase::Flags(mut tables) => match self.copied_flags(&mut tables)? {
                true => Phase::Flags(tables),
                false => Phase::Done,
            },
            Phase::Done => Phase::Done,
        };
        if self.counted.is_full() {
            let what = "the references of this image take too much memory to count";
            return Err(limits::above(what, "max-check-bytes", self.most_bytes));
        }
        Ok(match self.phase {
            Phase::Done => {
                let mut result = std::mem::take(&mut self.result);
                result.findings = std::mem::take(&mut self.findings).into_inner();
                Some(result)
            }
            _ => None,
        })
    }

    fn progress(&self) -> Progress {
        self.progress
    }
}

impl Check<'_> {
    fn corrupt(&mut self, code: CheckFindingCode, offset: u64, message: impl Into<String>) {
        self.result.corruptions += 1;
        self.findings.add(code, offset, message);
    }

    /// Counts a reference to each cluster of a range.
    fn count(&mut self, offset: u64, length: u64) {
        for index in self.range(offset, length) {
            self.count_cluster(index);
        }
    }

    /// The clusters of a range; none if it is empty or lies behind the end of the file, which is
    /// reported.
    fn range(&mut self, offset: u64, length: u64) -> std::ops::Range<u64> {
        if length == 0 {
            return 0..0;
        }
        let cluster = 1u64 << self.cluster_bits;
        // The last cluster of a file may end behind it.
        let end = offset.saturating_add(length);
        if end.saturating_sub(self.size) >= cluster {
            let message = format!("{length} bytes at {offset} lie behind the end of the file");
            self.corrupt(CheckFindingCode::BeyondEnd, offset, message);
            return 0..0;
        }
        offset >> self.cluster_bits..((end - 1) >> self.cluster_bits) + 1
    }

    /// Counts a reference to each of some clusters, all of which are in the file.
    #[inline]
    fn count_clusters(&mut self, mut first: u64, mut count: u64) {
        while count > 0 {
            let mut counted = self.counted.add_first(first, count);
            if counted == 0 {
                self.count_cluster(first);
                counted = 1;
            }
            first += counted;
            count -= counted;
        }
    }

    #[inline]
    fn count_cluster(&mut self, index: u64) {
        if !self.counted.add(index) {
            let message = "referenced more often than the image's refcounts can tell";
            self.corrupt(
                CheckFindingCode::Overflow,
                index << self.cluster_bits,
                message,
            );
        }
    }

    fn snapshots_with_data_file(&mut self) {
        if self.has_data_file && !self.snapshots.is_empty() {
            self.corrupt(
                CheckFindingCode::SnapshotsWithDataFile,
                self.header.snapshots_offset,
                "snapshots in an image with a data file",
            );
        }
    }

    /// The L1 table of a snapshot, if it is where it can be.
    fn snapshot(&mut self, index: usize) -> Option<Tables> {
        let Snapshot {
            l1_table_offset: at,
            l1_size,
            ..
        } = self.snapshots[index];
        if at & (self.header.cluster_size() - 1) != 0 {
            let message = "L1 table of a snapshot is not aligned to a cluster";
            self.corrupt(CheckFindingCode::Misaligned, at, message);
            return None;
        }
        if u64::from(l1_size) * 8 > limits::QCOW2_L1_BYTES {
            let message = "L1 table of a snapshot is too large";
            self.corrupt(CheckFindingCode::TooLarge, at, message);
            return None;
        }
        let tables = Tables::new(&self.header, self.size, at, l1_size);
        self.count(tables.offset, tables.bytes);
        Some(tables)
    }

    /// Counts the tables of snapshots and of refcounts; returns the clusters of the LUKS header,
    /// which can be as long as the file.
    fn tables(&mut self) -> std::ops::Range<u64> {
        let header = self.header;
        self.count(header.snapshots_offset, self.snapshot_table_bytes);
        let table = u64::from(header.refcount_table_clusters) << header.cluster_bits;
        self.count(header.refcount_table_offset, table);
        match self.crypto {
            Some(luks) => self.range(luks.offset, luks.length),
            None => 0..0,
        }
    }

    /// Entries of the snapshot table in version 3 have room for two 64-bit sizes.
    fn snapshot_entries(&mut self) {
        if self.header.version < 3 {
            return;
        }
        for index in 0..self.snapshots.len() {
            if self.snapshots[index].extra_data_size < 16 {
                let at = self.header.snapshots_offset;
                let message = format!("entry {index} of the snapshot table is incomplete");
                self.corrupt(CheckFindingCode::IncompleteSnapshot, at, message);
            }
        }
    }

    fn bitmaps(&mut self) -> Result<()> {
        let Some(directory) = self.bitmap_directory else {
            return Ok(());
        };
        let cluster = 1u64 << self.cluster_bits;
        self.count(directory.offset, directory.size);
        let mut part = vec![0; 64 << 10];
        for index in 0..self.bitmaps.len() {
            let bitmap = &self.bitmaps[index];
            let bytes = u64::from(bitmap.table_size) * 8;
            let mut at = bitmap.table_offset;
            self.count(at, bytes);
            let end = at + bytes;
            while at < end {
                let length = (end - at).min(part.len() as u64) as usize;
                self.file.read_at(at, &mut part[..length])?;
                for (index, bytes) in part[..length].chunks_exact(8).enumerate() {
                    let entry = be64(bytes);
                    let offset = entry & BITMAP_OFFSET;
                    let bad = entry & BITMAP_RESERVED != 0
                        || offset != 0 && (entry & 1 != 0 || offset & (cluster - 1) != 0);
                    if bad {
                        let at = at + index as u64 * 8;
                        let message = format!("invalid entry {entry:#018x} of a bitmap's table");
                        self.corrupt(CheckFindingCode::BitmapEntry, at, message);
                    } else if offset != 0 {
                        self.count(offset, cluster);
                    }
                }
                at += length as u64;
            }
        }
        Ok(())
    }

    fn refcount_blocks(&mut self) {
        let cluster = 1u64 << self.cluster_bits;
        let table_at = self.header.refcount_table_offset;
        for index in 0..self.stored.table.len() {
            let entry = self.stored.table[index];
            let at = table_at + index as u64 * 8;
            let offset = entry & OFFSET;
            let block = offset >> self.cluster_bits;
            if entry & !OFFSET != 0 {
                let message = format!("reserved bits in entry {index} of the refcount table");
                self.corrupt(CheckFindingCode::ReservedBits, at, message);
            } else if offset & (cluster - 1) != 0 {
                let message = format!("refcount block {index} is not aligned to a cluster");
                self.corrupt(CheckFindingCode::Misaligned, at, message);
            } else if block >= self.counted.clusters {
                let message = format!("refcount block {index} lies behind the end of the file");
                self.corrupt(CheckFindingCode::BeyondEnd, at, message);
            } else if offset != 0 {
                self.count(offset, cluster);
                let count = self.counted.get(block);
                if count != 1 {
                    let message = format!("refcount block {index} is referenced {count} times");
                    self.corrupt(CheckFindingCode::SharedBlock, offset, message);
                }
            }
        }
    }
}
