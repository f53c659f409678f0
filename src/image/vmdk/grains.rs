//! The grain directory and the grain tables of a sparse extent, decoded a part of a table at a time
//! ("Virtual Disk Format", section "Hosted Sparse Extent Metadata"; seSparse as QEMU reads it).

use super::extent::{GrainEntries, GrainTables};
use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::map::{Runs, Stored};
use crate::image::request::SECTOR;
use crate::image::table::Table;
use crate::io::ReadAt;

/// An entry of a grain table: a grain of zeros, if the header says so.
const ZERO_GRAIN: u64 = 1;

/// seSparse: the kind, in the upper bits of an entry.
const KIND: u64 = 0xf << 60;
/// seSparse: what an entry of the directory has in its upper half if there is a table.
const TABLE_THERE: u64 = 0x1000_0000 << 32;

/// The grain tables of one sparse extent.
pub struct Grains {
    tables: GrainTables,
    compressed: bool,
    /// Sectors of the disk that one grain table covers.
    covered: u64,
    directory: Table,
    table: Table,
}

/// What an entry of a grain table says.
pub(super) enum Grain {
    /// The grain is not there.
    Missing,
    /// It reads as zeros.
    Zero,
    /// It is at this sector of the file.
    At(u64),
}

impl Grains {
    /// Nothing of them is read yet; of either kind at most `buffer` bytes are in memory at a time.
    pub fn new(tables: &GrainTables, compressed: bool, buffer: usize) -> Result<Self> {
        let bytes = tables.entries.bytes();
        let entries = u64::from(tables.directory_entries);
        // QEMU's product has 32 bits; it would wrap, or end in a division by zero.
        let covered = tables
            .grain_sectors
            .checked_mul(u64::from(tables.table_entries))
            .filter(|&covered| covered > 0 && u32::try_from(covered).is_ok())
            .ok_or_else(|| {
                let sectors = tables.grain_sectors;
                Error::corrupt(format!("grains of {sectors} sectors"))
            })?;
        Ok(Grains {
            tables: *tables,
            compressed,
            covered,
            directory: Table::new(tables.directory, entries, bytes, buffer),
            table: Table::new(0, u64::from(tables.table_entries), bytes, buffer),
        })
    }

    /// Adds the runs from the grain that holds `from`, an offset in the extent, up to where the part
    /// of the tables that was read ends. The extent begins at `start` of the disk, which has
    /// `disk_size` bytes, and is `length` bytes long; its last grain may reach over its end.
    pub fn runs(
        &mut self,
        file: &dyn ReadAt,
        from: u64,
        (start, length, disk_size): (u64, u64, u64),
        runs: &mut Runs,
    ) -> Result<()> {
        let grain = self.tables.grain_sectors * SECTOR;
        let most = disk_size - start;
        let end = length
            .checked_next_multiple_of(grain)
            .unwrap_or(most)
            .min(most);
        let compressed = self.compressed;
        let add = |at: u64, length: u64, grain: Grain| {
            match grain {
                Grain::Missing => runs.push(start + at, length, Stored::Unallocated, 0),
                Grain::Zero => runs.push(start + at, length, Stored::Zero, 0),
                Grain::At(_) if compressed => {
                    runs.push(start + at, length, Stored::Compressed, 0);
                }
                Grain::At(sector) => {
                    runs.push(start + at, length, Stored::Data, sector * SECTOR);
                }
            }
            Ok(())
        };
        self.each(file, from, end, add).map(drop)
    }

    /// Tells `each` of the grains from the one that holds `from` on, up to where the part of the
    /// tables that was read ends, or to `end`: where each of them begins in the extent, its length,
    /// and where it is. Grains without a table come in one piece. Returns where that ended.
    pub(super) fn each(
        &mut self,
        file: &dyn ReadAt,
        from: u64,
        end: u64,
        mut each: impl FnMut(u64, u64, Grain) -> Result<()>,
    ) -> Result<u64> {
        let grain = self.tables.grain_sectors * SECTOR;
        let covered = self.covered * SECTOR;
        let mut at = from - from % grain;
        let index = at / covered;
        let (empty, table) = self.table_of(file, index)?;
        let Some(table) = table else {
            let stop = index.saturating_add(empty).saturating_mul(covered).min(end);
            each(at, stop - at, Grain::Missing)?;
            return Ok(stop);
        };
        let entries = u64::from(self.tables.table_entries);
        self.table.turn_to(table * SECTOR, entries);
        let index = at / grain % entries;
        let bytes = self.tables.entries.bytes();
        let held = self.table.from(file, index)?;
        for (index, entry) in (index..).zip(held.chunks_exact(bytes)) {
            if at >= end {
                break;
            }
            let length = grain.min(end - at);
            let place = table * SECTOR + index * bytes as u64;
            let found = self.tables.entries.grain(entry);
            found
                .and_then(|found| each(at, length, found))
                .map_err(|e| e.at(place))?;
            at += length;
        }
        Ok(at)
    }

    /// The sector of the grain table at this place of the directory, or how many tables are missing
    /// from it on.
    fn table_of(&mut self, file: &dyn ReadAt, index: u64) -> Result<(u64, Option<u64>)> {
        let entries = self.tables.entries;
        let bytes = entries.bytes();
        let place = self.tables.directory + index * bytes as u64;
        let mut missing = 0;
        for entry in self.directory.from(file, index)?.chunks_exact(bytes) {
            match entries.table(entry) {
                Ok(None) => missing += 1,
                // Whoever comes to it later gets to know.
                _ if missing > 0 => break,
                found => return found.map(|table| (0, table)).map_err(|e| e.at(place)),
            }
        }
        if missing == 0 {
            let message = format!("no grain table {index} in the directory");
            return Err(Error::corrupt(message).at(self.tables.directory));
        }
        Ok((missing, None))
    }
}

impl GrainEntries {
    /// The sector of a grain table.
    fn table(self, entry: &[u8]) -> Result<Option<u64>> {
        let sector = match self {
            GrainEntries::Sectors { .. } => u64::from(Fields(entry).le32(0)),
            GrainEntries::Numbers { tables, .. } => {
                /// Sectors of a grain table.
                const TABLE: u64 = 64;
                let entry = Fields(entry).le64(0);
                if entry == 0 {
                    return Ok(None);
                }
                let number = entry & u64::from(u32::MAX);
                let sector = tables.checked_add(number * TABLE);
                let sector = sector.filter(|&sector| u32::try_from(sector).is_ok());
                match sector {
                    Some(sector) if entry - number == TABLE_THERE => sector,
                    _ => return Err(Error::corrupt(format!("grain table {entry:#x}"))),
                }
            }
        };
        Ok(Some(sector).filter(|&sector| sector != 0))
    }

    /// Where a grain lies.
    fn grain(self, entry: &[u8]) -> Result<Grain> {
        match self {
            GrainEntries::Sectors { zeros } => Ok(match u64::from(Fields(entry).le32(0)) {
                0 => Grain::Missing,
                ZERO_GRAIN if zeros => Grain::Zero,
                sector => Grain::At(sector),
            }),
            GrainEntries::Numbers { grains, .. } => {
                /// Sectors of a grain.
                const GRAIN: u64 = 8;
                let entry = Fields(entry).le64(0);
                let corrupt = || Error::corrupt(format!("grain {entry:#x}"));
                match (entry & KIND) >> 60 {
                    0 if entry == 0 => Ok(Grain::Missing),
                    // Unmapped by the guest, and zeroed.
                    1 | 2 => Ok(Grain::Zero),
                    3 => {
                        let low = (entry >> 48) & 0xfff;
                        let number = low | (entry & 0xffff_ffff_ffff) << 12;
                        let sector = grains.checked_add(number * GRAIN);
                        // Past that no file has a place.
                        let most = i64::MAX as u64 / SECTOR;
                        let sector = sector.filter(|&sector| sector < most - GRAIN);
                        match sector.ok_or_else(corrupt)? {
                            0 => Ok(Grain::Missing),
                            sector => Ok(Grain::At(sector)),
                        }
                    }
                    _ => Err(corrupt()),
                }
            }
        }
    }
}
