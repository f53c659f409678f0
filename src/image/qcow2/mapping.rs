//! qcow2's two levels of tables (`docs/interop/qcow2`, section "Cluster mapping"), decoded a part
//! of an L2 table at a time, so that memory stays small whatever the image's size.

use super::Qcow2Info;
use super::header::INCOMPATIBLE_EXTENDED_L2;
use crate::error::{Error, Result};
use crate::image::map::{Runs, Stored};
use crate::io::ReadAt;

/// Bits of an L1 or L2 entry that hold an offset.
pub(super) const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// The refcount is exactly one; with an external data file: the cluster at 0 is allocated.
pub(super) const COPIED: u64 = 1 << 63;
/// The cluster is compressed.
pub(super) const COMPRESSED: u64 = 1 << 62;
/// The cluster reads as zeros.
pub(super) const ZERO: u64 = 1;

/// Subclusters of a cluster with extended L2 entries.
pub const SUBCLUSTERS: u32 = 32;

/// The tables of one image.
pub struct Mapping {
    cluster_bits: u32,
    /// log2 of the entries of an L2 table.
    l2_bits: u32,
    extended: bool,
    version: u32,
    l1_offset: u64,
    l1_size: u64,
    disk_size: u64,
    data_file: bool,
    encrypted: bool,
    l1: Window,
    l2: Vec<u8>,
}

/// A part of the L1 table.
struct Window {
    /// Index of its first entry.
    first: u64,
    bytes: Vec<u8>,
    capacity: usize,
}

impl Mapping {
    /// The tables of an image of `disk_size` bytes, of which at most `buffer` bytes are in memory
    /// at a time (a power of two, at least a sector).
    pub fn new(info: &Qcow2Info, disk_size: u64, buffer: usize) -> Self {
        let header = &info.header;
        let extended = header.incompatible_features & INCOMPATIBLE_EXTENDED_L2 != 0;
        Mapping {
            cluster_bits: header.cluster_bits,
            l2_bits: header.cluster_bits - if extended { 4 } else { 3 },
            extended,
            version: header.version,
            l1_offset: header.l1_table_offset,
            l1_size: u64::from(header.l1_size),
            disk_size,
            data_file: info.has_data_file(),
            encrypted: header.crypt_method != 0,
            l1: Window {
                first: 0,
                bytes: Vec::new(),
                capacity: buffer.min(64 << 10),
            },
            l2: vec![0; buffer.min(1 << header.cluster_bits)],
        }
    }

    /// Adds the runs from the cluster that holds `from` up to where the part of the tables that
    /// was read ends; at least one cluster, and never beyond the disk.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let table_bits = self.cluster_bits + self.l2_bits;
        let index = from >> table_bits;
        let cluster = 1u64 << self.cluster_bits;
        let start = from & !(cluster - 1);
        let (empty, table) = self.l1_entry(file, index)?;
        if empty > 0 {
            let end = index.saturating_add(empty).saturating_mul(1 << table_bits);
            let end = end.min(self.disk_size);
            runs.push(start, end - start, Stored::Unallocated, 0);
            return Ok(());
        }
        if table & (cluster - 1) != 0 {
            return Err(
                Error::corrupt(format!("L2 table at {table} is not aligned"))
                    .at(self.l1_offset + index * 8),
            );
        }
        // The part of the table that holds the entry, as much as fits into the buffer.
        let entry_bytes = if self.extended { 16 } else { 8 };
        let in_table = (start >> self.cluster_bits) & ((1 << self.l2_bits) - 1);
        let room = self.l2.len() as u64;
        let part_at = (in_table * entry_bytes) & !(room - 1);
        let part_end = (part_at + room) / entry_bytes;
        let left = (self.disk_size - start).div_ceil(cluster);
        let count = (part_end - in_table).min(left) as usize;
        let skipped = (in_table * entry_bytes - part_at) as usize;
        let wanted = &mut self.l2[skipped..skipped + count * entry_bytes as usize];
        let at = table + part_at + skipped as u64;
        file.read_at(at, wanted)?;
        if self.extended {
            self.extended_runs(start, (at, skipped, count), runs)
        } else {
            self.plain_runs(start, (at, skipped, count), runs)
        }
    }

    /// How many entries from `index` on are empty, or the table that the first one leads to.
    fn l1_entry(&mut self, file: &dyn ReadAt, index: u64) -> Result<(u64, u64)> {
        if index >= self.l1_size {
            return Ok((u64::MAX, 0));
        }
        let window = &mut self.l1;
        let held = window.bytes.len() as u64 / 8;
        if index < window.first || index >= window.first + held {
            let left = (self.l1_size - index).min(window.capacity as u64 / 8);
            window.bytes.resize(left as usize * 8, 0);
            window.first = index;
            file.read_at(self.l1_offset + index * 8, &mut window.bytes)?;
        }
        let mut empty = 0;
        for bytes in window.bytes[(index - window.first) as usize * 8..].chunks_exact(8) {
            let entry = be64(bytes) & OFFSET;
            if entry != 0 {
                return Ok(if empty == 0 { (0, entry) } else { (empty, 0) });
            }
            empty += 1;
        }
        Ok((empty, 0))
    }

    fn plain_runs(
        &self,
        start: u64,
        (at, skipped, count): (u64, usize, usize),
        runs: &mut Runs,
    ) -> Result<()> {
        let cluster = 1u64 << self.cluster_bits;
        let mut guest = start;
        for bytes in self.l2[skipped..skipped + count * 8].chunks_exact(8) {
            let entry = be64(bytes);
            let length = cluster.min(self.disk_size - guest);
            let host = entry & OFFSET;
            let stored = if entry & COMPRESSED != 0 {
                Stored::Compressed
            } else if entry & ZERO != 0 {
                if host == 0 {
                    Stored::Zero
                } else {
                    Stored::ZeroReserved
                }
            } else if host != 0 || self.data_file && entry & COPIED != 0 {
                Stored::Data
            } else {
                Stored::Unallocated
            };
            let valid = match stored {
                Stored::Unallocated => true,
                Stored::Compressed => !self.data_file,
                Stored::Zero => self.version >= 3,
                _ => {
                    let zero = stored == Stored::ZeroReserved;
                    host & (cluster - 1) == 0
                        && !(self.data_file && host != guest)
                        && !(zero && self.version < 3)
                }
            };
            if !valid {
                return Err(self.bad_entry(entry, at, start, guest));
            }
            runs.push(guest, length, self.seen(stored), host);
            guest += length;
        }
        Ok(())
    }

    fn extended_runs(
        &self,
        start: u64,
        (at, skipped, count): (u64, usize, usize),
        runs: &mut Runs,
    ) -> Result<()> {
        let cluster = 1u64 << self.cluster_bits;
        let subcluster = cluster / u64::from(SUBCLUSTERS);
        let mut guest = start;
        for bytes in self.l2[skipped..skipped + count * 16].chunks_exact(16) {
            let (entry, bitmap) = (be64(bytes), be64(&bytes[8..]));
            let length = cluster.min(self.disk_size - guest);
            let host = entry & OFFSET;
            let (allocated, zero) = (bitmap as u32, (bitmap >> 32) as u32);
            let has_host = host != 0 || self.data_file && entry & COPIED != 0;
            if entry & COMPRESSED != 0 {
                if self.data_file {
                    return Err(self.bad_entry(entry, at, start, guest));
                }
                runs.push(guest, length, Stored::Compressed, 0);
                guest += length;
                continue;
            }
            let valid = if has_host {
                allocated & zero == 0
                    && host & (cluster - 1) == 0
                    && !(self.data_file && host != guest)
            } else {
                allocated == 0
            };
            if !valid {
                return Err(self.bad_entry(entry, at, start, guest));
            }
            let mut part = 0;
            for bit in 0..SUBCLUSTERS {
                if part >= length {
                    break;
                }
                let stored = match (has_host, zero >> bit & 1 != 0, allocated >> bit & 1 != 0) {
                    (true, true, _) => Stored::ZeroReserved,
                    (true, false, true) => Stored::Data,
                    (true, false, false) => Stored::Reserved,
                    (false, true, _) => Stored::Zero,
                    (false, false, _) => Stored::Unallocated,
                };
                let bytes = subcluster.min(length - part);
                runs.push(guest + part, bytes, self.seen(stored), host + part);
                part += bytes;
            }
            guest += length;
        }
        Ok(())
    }

    /// What can be told from outside: of encrypted data no place that means anything.
    fn seen(&self, stored: Stored) -> Stored {
        match stored {
            _ if !self.encrypted => stored,
            Stored::Data => Stored::Encrypted,
            Stored::ZeroReserved => Stored::Zero,
            Stored::Reserved => Stored::Unallocated,
            other => other,
        }
    }

    #[cold]
    fn bad_entry(&self, entry: u64, at: u64, start: u64, guest: u64) -> Error {
        let index = (guest - start) >> self.cluster_bits;
        let entry_bytes = if self.extended { 16 } else { 8 };
        Error::corrupt(format!("invalid L2 entry {entry:#018x} for offset {guest}"))
            .at(at + index * entry_bytes)
    }
}

#[inline]
pub(super) fn be64(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
