//! QED's two levels of tables (`docs/interop/qed_spec.rst`, section "Tables"), decoded a part of an
//! L2 table at a time.

use super::QedInfo;
use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::map::{Runs, Stored};
use crate::image::table::Table;
use crate::io::ReadAt;

/// Bytes of an entry.
pub(super) const ENTRY: usize = 8;
/// An entry of a table: nothing is there.
pub(super) const UNALLOCATED: u64 = 0;
/// An entry of an L2 table: the cluster reads as zeros.
pub(super) const ZERO: u64 = 1;

/// The tables of one image.
pub struct Mapping {
    info: QedInfo,
    disk_size: u64,
    /// Whether clusters that follow a valid one are taken as they are.
    follow: bool,
    /// Where, in the disk and in the file, what follows the last cluster would lie.
    expected: Option<(u64, u64)>,
    l1: Table,
    l2: Table,
}

impl Mapping {
    /// The tables of an image of `disk_size` bytes, of which at most twice `buffer` bytes are in
    /// memory at a time.
    ///
    /// QEMU checks the first of the clusters that follow each other, and where it begins to look
    /// depends on the images above. `alone` says that there are none, and that the disk is read from
    /// its start to its end: the others are then taken as they are.
    pub fn new(info: &QedInfo, disk_size: u64, buffer: usize, alone: bool) -> Self {
        let entries = info.table_entries();
        // With larger tables QEMU's count of bytes does not fit, and it looks more often.
        let follow = alone && u32::try_from(entries * u64::from(info.cluster_size)).is_ok();
        Mapping {
            info: *info,
            disk_size,
            follow,
            expected: None,
            l1: Table::new(info.l1_table_offset, entries, ENTRY, buffer),
            l2: Table::new(0, entries, ENTRY, buffer),
        }
    }

    /// Adds the runs from the cluster that holds `from`, which is within the disk, up to where the
    /// part of the tables that was read ends.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let cluster = u64::from(self.info.cluster_size);
        let entries = self.info.table_entries();
        let covered = entries * cluster;
        let mut start = from - from % cluster;
        let index = from / covered;
        let tables = self.l1.from(file, index)?.chunks_exact(ENTRY);
        let mut tables = tables.map(|entry| Fields(entry).le64(0)).peekable();
        let table = tables.peek().copied().unwrap_or(UNALLOCATED);
        if table == UNALLOCATED {
            let empty = tables.take_while(|&table| table == UNALLOCATED).count() as u64;
            let end = index.saturating_add(empty.max(1)).saturating_mul(covered);
            let end = end.min(self.disk_size);
            runs.push(start, end - start, Stored::Unallocated, 0);
            return Ok(());
        }
        if !self.info.is_table(table) {
            let at = self.info.l1_table_offset + index * ENTRY as u64;
            return Err(Error::corrupt(format!("L2 table at {table}")).at(at));
        }
        self.l2.turn_to(table, entries);
        let index = start / cluster % entries;
        if index == 0 {
            self.expected = None;
        }
        let found = self.l2.from(file, index)?;
        for (index, entry) in (index..).zip(found.chunks_exact(ENTRY)) {
            if start >= self.disk_size {
                break;
            }
            let length = cluster.min(self.disk_size - start);
            match Fields(entry).le64(0) {
                UNALLOCATED => runs.push(start, length, Stored::Unallocated, 0),
                ZERO => runs.push(start, length, Stored::Zero, 0),
                host => {
                    let follows = self.follow && self.expected == Some((start, host));
                    if !follows && !self.info.is_cluster(host) {
                        let at = table + index * ENTRY as u64;
                        return Err(Error::corrupt(format!("cluster at {host}")).at(at));
                    }
                    runs.push(start, length, Stored::Data, host);
                    self.expected = Some((start + cluster, host + cluster));
                }
            }
            start += length;
        }
        Ok(())
    }
}
