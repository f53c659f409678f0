//! Whether each cluster of a QED image is used once, and none is lost: `qemu-img check` without
//! repairs. Memory is a bit for each cluster of the file, in pages where something is used.

use super::QedInfo;
use super::mapping::{ENTRY, UNALLOCATED, ZERO};
use crate::error::{Error, Result};
use crate::image::check::{CheckFindingCode, CheckResult, Findings};
use crate::image::fields::Fields;
use crate::image::table::Table;
use crate::image::used::Used;
use crate::io::Shared;
use crate::limits::{self, Limits};
use crate::work::{Progress, Work};

/// Bytes of tables that make a part of the work.
const PART: usize = 64 << 10;

/// A check in the making; counts its progress in entries of the L1 table.
pub struct Check<'a> {
    file: Shared<'a>,
    info: QedInfo,
    l1: Table,
    l2: Table,
    used: Used,
    phase: Phase,
    /// Entries of the L1 table that are done with.
    done: u64,
    result: CheckResult,
    findings: Findings,
}

/// What comes next.
enum Phase {
    /// The next entries of the L1 table.
    Tables,
    /// The entries of this L2 table from an index on; the cluster before it in the table, or 0.
    Clusters(u64, u64, u64),
    /// The clusters that nothing uses, from this page on.
    Leaks(usize),
}

impl<'a> Check<'a> {
    /// A check of the image in `file`, whose header has been read. Counting takes at most as much
    /// memory as the limits allow.
    pub fn new(file: Shared<'a>, info: &QedInfo, limits: &Limits) -> Result<Self> {
        let clusters = info.number(info.file_bytes);
        if clusters > limits::QED_CHECK_CLUSTERS {
            return Err(Error::limit("the file has too many clusters to check"));
        }
        let entries = info.table_entries();
        let cluster_size = u64::from(info.cluster_size);
        let mut check = Check {
            file,
            info: *info,
            l1: Table::new(info.l1_table_offset, entries, ENTRY, PART),
            l2: Table::new(0, entries, ENTRY, PART),
            used: Used::new(clusters, limits),
            phase: Phase::Tables,
            done: 0,
            result: CheckResult {
                total_clusters: info.disk_bytes.div_ceil(cluster_size),
                ..CheckResult::default()
            },
            findings: Findings::default(),
        };
        check.use_clusters(info.l1_table_offset, info.table_clusters, None)?;
        Ok(check)
    }

    fn corrupt(&mut self, code: CheckFindingCode, offset: u64, message: String) {
        self.result.corruptions += 1;
        self.findings.add(code, offset, message);
    }

    /// Counts so many clusters at an offset as used; false if some are used already. `from` is where
    /// the entry lies that says so.
    fn use_clusters(&mut self, offset: u64, count: u32, from: Option<u64>) -> Result<bool> {
        let first = self.info.number(offset);
        let mut unused = true;
        for i in 0..u64::from(count) {
            if !self.used.insert(first + i)? {
                unused = false;
                let cluster = offset + i * u64::from(self.info.cluster_size);
                let message = format!("cluster at {cluster} is used more than once");
                self.corrupt(CheckFindingCode::Overlap, from.unwrap_or(offset), message);
            }
        }
        Ok(unused)
    }

    /// What is wrong with an offset at which nothing can lie.
    fn misplaced(&mut self, what: &str, offset: u64, at: u64) {
        let code = if offset % u64::from(self.info.cluster_size) != 0 {
            CheckFindingCode::Misaligned
        } else if offset < u64::from(self.info.header_bytes) {
            CheckFindingCode::Overlap
        } else {
            CheckFindingCode::BeyondEnd
        };
        self.corrupt(code, at, format!("{what} at {offset} cannot be there"));
    }

    /// Goes on in the L1 table up to the next table that it leads to.
    fn tables(&mut self) -> Result<Phase> {
        let entries = self.l1.from(&*self.file, self.done)?.to_vec();
        if entries.is_empty() {
            return Ok(Phase::Leaks(0));
        }
        for entry in entries.chunks_exact(ENTRY) {
            let table = Fields(entry).le64(0);
            let at = self.info.l1_table_offset + self.done * ENTRY as u64;
            self.done += 1;
            if table == UNALLOCATED {
                continue;
            }
            if !self.info.is_table(table) {
                self.misplaced("L2 table", table, at);
            } else if self.use_clusters(table, self.info.table_clusters, Some(at))? {
                self.l2.turn_to(table, self.info.table_entries());
                return Ok(Phase::Clusters(table, 0, 0));
            }
        }
        Ok(Phase::Tables)
    }

    /// Goes on in an L2 table.
    fn clusters(&mut self, table: u64, mut index: u64, mut last: u64) -> Result<Phase> {
        let entries = self.l2.from(&*self.file, index)?.to_vec();
        if entries.is_empty() {
            return Ok(Phase::Tables);
        }
        for entry in entries.chunks_exact(ENTRY) {
            let cluster = Fields(entry).le64(0);
            let at = table + index * ENTRY as u64;
            index += 1;
            if matches!(cluster, UNALLOCATED | ZERO) {
                continue;
            }
            self.result.allocated_clusters += 1;
            let next = last.wrapping_add(u64::from(self.info.cluster_size));
            if last != 0 && cluster != next {
                self.result.fragmented_clusters += 1;
            }
            last = cluster;
            if self.info.is_cluster(cluster) {
                self.use_clusters(cluster, 1, Some(at))?;
            } else {
                self.misplaced("cluster", cluster, at);
            }
        }
        Ok(Phase::Clusters(table, index, last))
    }

    /// Counts the clusters of a page that nothing uses; false if there is none.
    fn leaks(&mut self, page: usize) -> bool {
        let header = u64::from(self.info.header_bytes / self.info.cluster_size);
        let Some(range) = self.used.range(page) else {
            return false;
        };
        for first in range.clone().step_by(64) {
            let mut unused = !self.used.word(first);
            // Not those of the header, nor behind the end of the file.
            if header > first {
                unused &= u64::MAX
                    .checked_shl((header - first).min(64) as u32)
                    .unwrap_or(0);
            }
            if range.end - first < 64 {
                unused &= (1 << (range.end - first)) - 1;
            }
            self.result.leaks += u64::from(unused.count_ones());
            while unused != 0 && self.findings.has_room() {
                let offset = self.info.offset(first + u64::from(unused.trailing_zeros()));
                unused &= unused - 1;
                let message = "nothing uses this cluster";
                self.findings.add(CheckFindingCode::Leak, offset, message);
            }
        }
        true
    }
}

impl Work for Check<'_> {
    type Answer = CheckResult;

    fn advance(&mut self) -> Result<Option<CheckResult>> {
        match self.phase {
            Phase::Tables => self.phase = self.tables()?,
            Phase::Clusters(table, index, last) => {
                self.phase = self.clusters(table, index, last)?;
            }
            Phase::Leaks(page) => {
                if !self.leaks(page) {
                    let mut result = std::mem::take(&mut self.result);
                    result.findings = std::mem::take(&mut self.findings).into_inner();
                    return Ok(Some(result));
                }
                self.phase = Phase::Leaks(page + 1);
            }
        }
        Ok(None)
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.done,
            total: self.info.table_entries(),
        }
    }
}

impl QedInfo {
    /// The number of the cluster at an offset, as QEMU counts: it divides by one byte less than a
    /// cluster has, so that of as many clusters as that each time one number is left out. It takes
    /// that one for lost.
    fn number(&self, offset: u64) -> u64 {
        let cluster_size = u64::from(self.cluster_size);
        offset.next_multiple_of(cluster_size) / (cluster_size - 1)
    }

    /// Where the cluster with this number lies.
    fn offset(&self, number: u64) -> u64 {
        let cluster_size = u64::from(self.cluster_size);
        (number - number / cluster_size) * cluster_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_clusters_are_left_out_as_by_qemu() {
        let info = QedInfo {
            cluster_size: 4096,
            table_clusters: 2,
            header_bytes: 4096,
            l1_table_offset: 4096,
            disk_bytes: 0,
            file_bytes: 1 << 30,
        };
        for (cluster, number) in [
            (1, 1),
            (4094, 4094),
            (4095, 4096),
            (4096, 4097),
            (8190, 8192),
        ] {
            assert_eq!(info.number(cluster * 4096), number);
            assert_eq!(info.offset(number), cluster * 4096);
        }
    }
}
