//! qcow's two levels of tables, decoded a part of an L2 table at a time.

use super::Qcow1Info;
use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::map::{Runs, Stored};
use crate::image::request;
use crate::image::table::Table;
use crate::io::ReadAt;

/// Bytes of an entry.
const ENTRY: usize = 8;
/// The cluster is compressed.
const COMPRESSED: u64 = 1 << 63;

/// The tables of one image.
pub struct Mapping {
    info: Qcow1Info,
    disk_size: u64,
    encrypted: bool,
    /// Whether clusters may lie anywhere.
    alone: bool,
    l1: Table,
    l2: Table,
}

impl Mapping {
    /// The tables of an image of `disk_size` bytes, of which at most twice `buffer` bytes are in
    /// memory at a time.
    ///
    /// QEMU joins the place of a cluster and an offset in it by their bits. Of a cluster that is not
    /// aligned the result depends on where it begins to look, and so on the other images of the
    /// chain; only `alone`, where it looks at whole clusters, such a cluster is valid.
    pub fn new(
        info: &Qcow1Info,
        disk_size: u64,
        buffer: usize,
        (encrypted, alone): (bool, bool),
    ) -> Self {
        Mapping {
            info: *info,
            disk_size,
            encrypted,
            alone,
            l1: Table::new(info.l1_table_offset, info.l1_entries, ENTRY, buffer),
            l2: Table::new(0, 1 << info.l2_bits, ENTRY, buffer),
        }
    }

    /// Adds the runs from the cluster that holds `from`, which is within the disk, up to where the
    /// part of the tables that was read ends.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let cluster = 1u64 << self.info.cluster_bits;
        let table_bits = self.info.cluster_bits + self.info.l2_bits;
        let mut start = from & !(cluster - 1);
        let index = from >> table_bits;
        let tables = self.l1.from(file, index)?.chunks_exact(ENTRY);
        let mut tables = tables.map(|entry| Fields(entry).be64(0)).peekable();
        let table = tables.peek().copied().unwrap_or_default();
        if table == 0 {
            let empty = tables.take_while(|&table| table == 0).count() as u64;
            let end = index
                .saturating_add(empty.max(1))
                .saturating_mul(1 << table_bits);
            let end = end.min(self.disk_size);
            runs.push(start, end - start, Stored::Unallocated, 0);
            return Ok(());
        }
        let entries = 1u64 << self.info.l2_bits;
        let l1_entry = self.info.l1_table_offset + index * ENTRY as u64;
        request::check_read("L2 table", table, entries * ENTRY as u64)
            .map_err(|e| e.at(l1_entry))?;
        self.l2.turn_to(table, entries);
        let index = (start >> self.info.cluster_bits) & (entries - 1);
        let found = self.l2.from(file, index)?;
        for (index, entry) in (index..).zip(found.chunks_exact(ENTRY)) {
            if start >= self.disk_size {
                break;
            }
            let length = cluster.min(self.disk_size - start);
            let host = Fields(entry).be64(0);
            let stored = match host {
                0 => Stored::Unallocated,
                _ if host & COMPRESSED != 0 => Stored::Compressed,
                _ if self.encrypted => Stored::Encrypted,
                _ => Stored::Data,
            };
            if stored == Stored::Data && !self.alone && host & (cluster - 1) != 0 {
                let at = table + index * ENTRY as u64;
                return Err(Error::corrupt(format!("cluster at {host} is not aligned")).at(at));
            }
            runs.push(start, length, stored, host);
            start += length;
        }
        Ok(())
    }
}
