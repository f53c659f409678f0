//! qcow2's two levels of tables (`docs/interop/qcow2`, section "Cluster mapping"), decoded a part
//! of an L2 table at a time, so that memory stays small whatever the image's size.

use super::Qcow2Info;
use super::header::INCOMPATIBLE_EXTENDED_L2;
use crate::error::{Error, Result};
use crate::image::map::{Runs, Stored};
use crate::io::ReadAt;

/// Bits of an L1 or L2 entry that hold an offset.
pub(super) const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// The first offset that they cannot hold.
pub(super) const OFFSET_END: u64 = 1 << 56;
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
    /// The tables of an image of `disk_size` bytes, of which at most `buffer` bytes of each level
    /// are in memory at a time (a power of two, at least a sector), or what makes an eighth as many
    /// runs as that.
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
                capacity: buffer,
            },
            // An extended entry has 16 bytes and makes up to 32 runs.
            l2: vec![0; if extended { buffer / 16 } else { buffer }],
        }
    }

    /// Adds the runs from the cluster that holds `from` up to where the part of the tables that
    /// was read ends; at least one cluster, and never beyond the disk.
    pub fn runs(&mut self, file: &dyn ReadAt, from: u64, runs: &mut Runs) -> Result<()> {
        let add = |start, length, stored, host| runs.push(start, length, stored, host);
        self.each(file, from, usize::MAX, add)
    }

    /// The same, given to `add` as start, length, how and where, at most `most` of them (at least
    /// 32); not all are joined that could be.
    #[inline]
    pub fn each(
        &mut self,
        file: &dyn ReadAt,
        from: u64,
        most: usize,
        mut add: impl FnMut(u64, u64, Stored, u64),
    ) -> Result<()> {
        let table_bits = self.cluster_bits + self.l2_bits;
        let index = from >> table_bits;
        let cluster = 1u64 << self.cluster_bits;
        let start = from & !(cluster - 1);
        let (empty, table) = self.l1_entry(file, index)?;
        if empty > 0 {
            let end = index.saturating_add(empty).saturating_mul(1 << table_bits);
            let end = end.min(self.disk_size);
            add(start, end - start, Stored::Unallocated, 0);
            return Ok(());
        }
        if table & (cluster - 1) != 0 {
            return Err(
                Error::corrupt(format!("L2 table at {table} is not aligned"))
                    .at(self.l1_offset + index * 8),
            );
        }
        // The part of the table that holds the entry, as much as fits into the buffer; if all of it
        // does, the tables that lie behind it in the order of the disk as well.
        let entry_bytes = if self.extended { 16 } else { 8 };
        let in_table = (start >> self.cluster_bits) & ((1 << self.l2_bits) - 1);
        let room = self.l2.len() as u64;
        let part_at = (in_table * entry_bytes) & !(room - 1);
        let more = self.adjoining(index, table, (room >> self.cluster_bits).saturating_sub(1));
        let part_end = (part_at + room).min((1 + more) << self.cluster_bits) / entry_bytes;
        let left = (self.disk_size - start).div_ceil(cluster);
        let most = if self.extended { most / 32 } else { most };
        let count = ((part_end - in_table).min(left) as usize).min(most);
        let skipped = (in_table * entry_bytes - part_at) as usize;
        let wanted = &mut self.l2[skipped..skipped + count * entry_bytes as usize];
        let at = table + part_at + skipped as u64;
        file.read_at(at, wanted)?;
        if self.extended {
            self.extended_runs(start, (at, skipped, count), add)
        } else {
            self.plain_runs(start, (at, skipped, count), add)
        }
    }

    /// How many of the tables behind the one at `table`, which the entry at `index` leads to, follow
    /// it in the file without a gap; at most `most`, and only of the entries that are in memory.
    fn adjoining(&self, index: u64, table: u64, most: u64) -> u64 {
        let entries = self.l1.bytes.chunks_exact(8).map(be64);
        let behind = entries.skip((index - self.l1.first) as usize + 1);
        let adjoin = |(i, entry): &(u64, u64)| entry & OFFSET == table + (i << self.cluster_bits);
        let tables = (1..=most).zip(behind).take_while(adjoin);
        tables.count() as u64
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

    #[inline]
    fn plain_runs(
        &self,
        start: u64,
        (at, skipped, count): (u64, usize, usize),
        mut add: impl FnMut(u64, u64, Stored, u64),
    ) -> Result<()> {
        let cluster = 1u64 << self.cluster_bits;
        let mut guest = start;
        let mut entries = self.l2[skipped..skipped + count * 8]
            .chunks_exact(8)
            .map(be64);
        let mut next = entries.next();
        while let Some(entry) = next {
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
            // Those that go on as this one begins need not be looked at one by one. An offset ends
            // where its bits do.
            let (step, most) = match stored.has_host() {
                true => (cluster, (OFFSET_END - host) >> self.cluster_bits),
                false => (0, u64::MAX),
            };
            let mut clusters = 1;
            next = entries.next();
            while clusters < most && next == Some(entry + clusters * step) {
                clusters += 1;
                next = entries.next();
            }
            let length = (clusters << self.cluster_bits).min(self.disk_size - guest);
            add(guest, length, self.seen(stored), host);
            guest += length;
        }
        Ok(())
    }

    fn extended_runs(
        &self,
        start: u64,
        (at, skipped, count): (u64, usize, usize),
        mut add: impl FnMut(u64, u64, Stored, u64),
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
                add(guest, length, Stored::Compressed, 0);
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
                add(guest + part, bytes, self.seen(stored), host + part);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::map::Run;
    use crate::io::Memory;

    const CLUSTER: u64 = 512;

    /// Tables in clusters of 512 bytes, read so many bytes at a time.
    fn mapping(buffer: usize, tables: u64) -> Mapping {
        Mapping {
            cluster_bits: 9,
            l2_bits: 6,
            extended: false,
            version: 3,
            l1_offset: 0,
            l1_size: tables,
            disk_size: tables * 64 * CLUSTER - 100,
            data_file: false,
            encrypted: false,
            l1: Window {
                first: 0,
                bytes: Vec::new(),
                capacity: buffer,
            },
            l2: vec![0; buffer],
        }
    }

    /// An image: its L1 table, then L2 tables whose entries are `entry`.
    fn image(l1: &[u64], tables: u64, entry: impl Fn(u64) -> u64) -> Vec<u8> {
        let mut bytes: Vec<u8> = l1.iter().flat_map(|table| table.to_be_bytes()).collect();
        bytes.resize(CLUSTER as usize, 0);
        bytes.extend((0..tables * 64).flat_map(|index| entry(index).to_be_bytes()));
        bytes
    }

    fn all_runs(image: &[u8], tables: u64, buffer: usize) -> (Vec<Run>, usize) {
        let mut mapping = mapping(buffer, tables);
        let (mut runs, mut position, mut parts) = (Runs::default(), 0, 0);
        while position < mapping.disk_size {
            mapping.runs(&Memory(image), position, &mut runs).unwrap();
            position = runs.as_slice().last().unwrap().end();
            parts += 1;
        }
        (runs.as_slice().to_vec(), parts)
    }

    #[test]
    fn tables_that_adjoin_are_read_together() {
        // The third is missing, the fourth lies before the fifth but not behind the second.
        let l1 = [
            CLUSTER,
            2 * CLUSTER,
            0,
            4 * CLUSTER,
            5 * CLUSTER,
            3 * CLUSTER,
        ];
        let bytes = image(&l1, 5, |index| match index % 7 {
            0 => 0,
            1 => ZERO,
            2 => COMPRESSED | 77,
            3 => index * CLUSTER | ZERO,
            _ => index * CLUSTER | COPIED,
        });
        let (apart, many) = all_runs(&bytes, 6, 512);
        let (together, few) = all_runs(&bytes, 6, 64 << 10);
        assert_eq!(apart, together);
        assert_eq!((many, few), (6, 4));
        assert_eq!(apart.last().unwrap().end(), 6 * 64 * CLUSTER - 100);
    }

    #[test]
    fn offsets_do_not_go_on_behind_the_last_one() {
        // What would be the next offset has none of the bits that hold one.
        let bytes = image(&[CLUSTER], 1, |index| match index {
            0 => OFFSET_END - CLUSTER,
            1 => OFFSET_END,
            _ => 0,
        });
        let (runs, _) = all_runs(&bytes, 1, 512);
        let kinds: Vec<_> = runs.iter().map(|run| (run.length, run.stored)).collect();
        let rest = 63 * CLUSTER - 100;
        assert_eq!(
            kinds,
            [(CLUSTER, Stored::Data), (rest, Stored::Unallocated)]
        );
    }

    #[test]
    fn an_entry_that_cannot_be_is_named_with_its_place() {
        let mut mapping = mapping(64 << 10, 2);
        mapping.cluster_bits = 10;
        mapping.l2_bits = 7;
        mapping.disk_size = 256 << 10;
        let mut bytes = image(&[1024, 2048], 0, |_| 0);
        bytes.resize(3 << 10, 0);
        // Not where a cluster can begin.
        bytes[2048 + 16..][..8].copy_from_slice(&512u64.to_be_bytes());
        let error = mapping.runs(&Memory(&bytes), 0, &mut Runs::default());
        assert_eq!(error.unwrap_err().offset(), Some(2048 + 16));
    }
}
