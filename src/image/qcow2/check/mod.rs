//! Whether the refcounts of an image say what its tables say: `qemu-img check` without repairs.
//!
//! Every reference is counted and compared with what is stored, in QEMU's order and by its rules,
//! so that the numbers are the same. Memory is a byte for each
//! cluster of the file that something refers to, and a little for buffers.

mod counted;
mod finding;
mod tables;

pub use finding::{CheckFinding, CheckFindingCode, MOST as MOST_FINDINGS};

use super::Qcow2Info;
use super::mapping::be64;
use super::refcounts::{NoRefcount, OFFSET, Refcounts, Stretch};
use crate::error::{Error, Result};
use crate::image::info::Metadata;
use crate::io::ReadAt;
use counted::Counted;
use finding::Findings;

/// Reserved bits of an entry of a bitmap's table.
const BITMAP_RESERVED: u64 = 0xff00_0000_0000_01fe;
/// Bits of it that hold an offset.
const BITMAP_OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// What a check says; the numbers of `qemu-img check`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// What could not be checked.
    pub check_errors: u64,
    /// What would lose or mix data.
    pub corruptions: u64,
    /// Clusters that are taken, but used by nothing.
    pub leaks: u64,
    /// The first offset behind all that is in use.
    pub image_end_offset: u64,
    /// Clusters of the disk.
    pub total_clusters: u64,
    /// Those of them that have a place in the file.
    pub allocated_clusters: u64,
    /// Those of them that do not follow the one before.
    pub fragmented_clusters: u64,
    /// Those of them that are compressed.
    pub compressed_clusters: u64,
    /// What is wrong, each with its place; the first [`MOST_FINDINGS`] of them.
    pub findings: Vec<CheckFinding>,
}

/// Watches over a long check: called with what is done and what there is to do, in bytes of
/// tables; stops it by answering false.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

struct Check<'a, 'p> {
    file: &'a dyn ReadAt,
    info: &'a Qcow2Info,
    metadata: &'a Metadata,
    cluster_bits: u32,
    stored: Refcounts<'a>,
    counted: Counted,
    result: CheckResult,
    findings: Findings,
    progress: Progress<'p>,
    done: u64,
    total: u64,
}

/// Checks the image in `file`, whose metadata have been read.
pub fn check(
    file: &dyn ReadAt,
    metadata: &Metadata,
    info: &Qcow2Info,
    progress: Progress<'_>,
) -> Result<CheckResult> {
    let header = &info.header;
    let clusters = file.size().div_ceil(header.cluster_size());
    if clusters > i32::MAX as u64 {
        return Err(Error::limit("the file has too many clusters to check"));
    }
    let mut check = Check {
        file,
        info,
        metadata,
        cluster_bits: header.cluster_bits,
        stored: Refcounts::new(file, header)?,
        counted: Counted::new(clusters, header.refcount_order),
        result: CheckResult {
            total_clusters: header.virtual_size().div_ceil(header.cluster_size()),
            ..CheckResult::default()
        },
        findings: Findings::default(),
        progress,
        done: 0,
        total: 0,
    };
    check.run()?;
    check.result.findings = check.findings.into_inner();
    Ok(check.result)
}

impl Check<'_, '_> {
    fn run(&mut self) -> Result<()> {
        let header = self.info.header;
        let cluster = header.cluster_size();
        let snapshots = &self.metadata.snapshots;
        let tables = snapshots.iter().map(|s| u64::from(s.l1_size)).sum::<u64>();
        self.total = 2 * u64::from(header.l1_size) + tables;
        self.snapshot_entries();
        self.count(0, cluster);
        self.l1(header.l1_table_offset, header.l1_size, true)?;
        if self.info.has_data_file() && !snapshots.is_empty() {
            let code = CheckFindingCode::SnapshotsWithDataFile;
            self.corrupt(
                code,
                header.snapshots_offset,
                "snapshots in an image with a data file",
            );
        }
        for snapshot in snapshots {
            let at = snapshot.l1_table_offset;
            if at & (cluster - 1) != 0 {
                let message = "L1 table of a snapshot is not aligned to a cluster";
                self.corrupt(CheckFindingCode::Misaligned, at, message);
            } else if u64::from(snapshot.l1_size) * 8 > crate::limits::QCOW2_L1_BYTES {
                let message = "L1 table of a snapshot is too large";
                self.corrupt(CheckFindingCode::TooLarge, at, message);
            } else {
                self.l1(at, snapshot.l1_size, false)?;
            }
        }
        self.count(header.snapshots_offset, self.info.snapshot_table_bytes);
        let table = u64::from(header.refcount_table_clusters) << header.cluster_bits;
        self.count(header.refcount_table_offset, table);
        if let Some(luks) = &self.info.extensions.crypto {
            self.count(luks.offset, luks.length);
        }
        self.bitmaps()?;
        self.refcount_blocks();
        self.compare()?;
        self.copied_flags()
    }

    fn corrupt(&mut self, code: CheckFindingCode, offset: u64, message: impl Into<String>) {
        self.result.corruptions += 1;
        self.findings.add(code, offset, message);
    }

    /// Counts a reference to each cluster of a range.
    fn count(&mut self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let cluster = 1u64 << self.cluster_bits;
        // The last cluster of a file may end behind it.
        let end = offset.saturating_add(length);
        if end.saturating_sub(self.file.size()) >= cluster {
            let message = format!("{length} bytes at {offset} lie behind the end of the file");
            return self.corrupt(CheckFindingCode::BeyondEnd, offset, message);
        }
        for index in offset >> self.cluster_bits..=(end - 1) >> self.cluster_bits {
            self.count_cluster(index);
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

    /// Entries of the snapshot table in version 3 have room for two 64-bit sizes.
    fn snapshot_entries(&mut self) {
        if self.info.header.version < 3 {
            return;
        }
        for index in 0..self.metadata.snapshots.len() {
            if self.metadata.snapshots[index].extra_data_size < 16 {
                let at = self.info.header.snapshots_offset;
                let message = format!("entry {index} of the snapshot table is incomplete");
                self.corrupt(CheckFindingCode::IncompleteSnapshot, at, message);
            }
        }
    }

    fn bitmaps(&mut self) -> Result<()> {
        let Some(directory) = &self.info.extensions.bitmaps else {
            return Ok(());
        };
        let cluster = 1u64 << self.cluster_bits;
        self.count(directory.offset, directory.size);
        for bitmap in &self.info.bitmaps {
            let bytes = u64::from(bitmap.table_size) * 8;
            self.count(bitmap.table_offset, bytes);
            let mut part = vec![0; 64 << 10];
            let mut at = bitmap.table_offset;
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
        let table_at = self.info.header.refcount_table_offset;
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

    /// Compares what was counted with what is stored.
    fn compare(&mut self) -> Result<()> {
        let clusters = self.counted.clusters;
        let mut highest = 0;
        let mut index = 0;
        while index < clusters {
            let (end, bytes) = match self.stored.stretch(index) {
                Ok((range, Stretch::Zero)) => (range.end, None),
                Ok((range, Stretch::Stored(bytes))) => (range.end, Some((range.start, bytes))),
                Err(NoRefcount::Misplaced { .. }) => {
                    self.result.check_errors += 1;
                    let message = "the refcount cannot be read: its block is misplaced";
                    let at = index << self.cluster_bits;
                    self.findings.add(CheckFindingCode::Misaligned, at, message);
                    index += 1;
                    continue;
                }
                Err(NoRefcount::Unreadable(error)) => return Err(error),
            };
            let end = end.min(clusters);
            let order = self.info.header.refcount_order;
            match bytes {
                None => {
                    // Only what is referenced can differ.
                    let next = self.counted.next(index).min(end);
                    index = next;
                    while index < end && self.counted.next(index) == index {
                        let counted = self.counted.get(index);
                        if counted > 0 {
                            highest = index;
                            differ(
                                (&mut self.result, &mut self.findings),
                                index << self.cluster_bits,
                                0,
                                counted,
                            );
                        }
                        index += 1;
                    }
                }
                Some((first, bytes)) => {
                    while index < end {
                        // The usual width, many clusters at a time.
                        if order == 4 {
                            if let Some(counts) = self.counted.bytes(index) {
                                let stored = &bytes[(index - first) as usize * 2..];
                                let most = (end - index) as usize;
                                let (same, used) = same(stored, &counts[..counts.len().min(most)]);
                                if let Some(used) = used {
                                    highest = index + used as u64;
                                }
                                index += same as u64;
                                if index >= end {
                                    break;
                                }
                            }
                        }
                        let stored = super::refcounts::entry(bytes, order, index - first);
                        let counted = self.counted.get(index);
                        if stored > 0 || counted > 0 {
                            highest = index;
                        }
                        differ(
                            (&mut self.result, &mut self.findings),
                            index << self.cluster_bits,
                            stored,
                            counted,
                        );
                        index += 1;
                    }
                }
            }
        }
        self.result.image_end_offset = (highest + 1) << self.cluster_bits;
        Ok(())
    }
}

/// How many stored 16-bit refcounts are what was counted, and the last of them that is not zero.
fn same(stored: &[u8], counts: &[u8]) -> (usize, Option<usize>) {
    let pairs = stored.chunks_exact(2).zip(counts);
    let same = pairs
        .take_while(|(stored, count)| stored[0] == 0 && stored[1] == **count)
        .count();
    let used = counts[..same].iter().rposition(|&count| count != 0);
    (same, used)
}

/// Reports a cluster whose refcount is not what it should be.
#[inline]
fn differ(
    (result, findings): (&mut CheckResult, &mut Findings),
    offset: u64,
    stored: u64,
    counted: u64,
) {
    if stored < counted {
        result.corruptions += 1;
        let message = format!("refcount is {stored}, but there are {counted} references");
        findings.add(CheckFindingCode::RefcountTooLow, offset, message);
    } else if stored > counted {
        result.leaks += 1;
        let message = format!("refcount is {stored}, but there are {counted} references");
        findings.add(CheckFindingCode::Leak, offset, message);
    }
}
