//! How far a qcow2 image reaches into its device, and how far it could once the guest has written
//! all of the disk: what a volume of fixed size must have room for.

use super::growth::Growth;
use super::mapping::{COMPRESSED, COPIED, OFFSET, be64};
use super::refcounts::{NoRefcount, Refcounts, Stretch, entry};
use super::{Header, Qcow2Info};
use crate::error::{Error, Result};
use crate::image::measure::bitmaps_bytes;
use crate::io::Shared;
use crate::work::{Progress, Work};

/// Bytes of tables that are read at a time.
const PART: usize = 64 << 10;
/// Clusters that make a part of the work.
const WORK: u64 = 1 << 20;

/// What an image takes of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The first offset behind all that is allocated now.
    pub end: u64,
    /// Bytes of the clusters before that end that are free.
    pub free: u64,
    /// Where the end is at the most once the guest has written all of the disk, whatever the order
    /// and the sizes of its writes, up to 2 MiB each. Internal snapshots stay. Of free clusters none
    /// is used again: a write that is larger than a hole passes over it. What the guest discards in
    /// the meantime can make new holes, and is not reckoned with.
    pub worst_case: u64,
}

/// Looks through the refcounts and the active tables of an image; counts its progress in clusters.
pub struct Reaching<'a> {
    file: Shared<'a>,
    header: Header,
    has_data_file: bool,
    refcounts: Refcounts<'a>,
    used: Used,
    /// The next cluster of the file whose refcount is looked at.
    cluster: u64,
    /// The next L2 table.
    table: u64,
    tables: u64,
    /// Clusters that writing all of the disk would allocate.
    new: u64,
    l1: Vec<u8>,
    part: Vec<u8>,
}

#[derive(Default)]
struct Used {
    /// Clusters with a refcount.
    clusters: u64,
    /// One more than the last of them.
    end: u64,
}

impl<'a> Reaching<'a> {
    /// How far the image in `file`, whose metadata have been read, reaches.
    pub fn new(file: Shared<'a>, info: &Qcow2Info) -> Result<Self> {
        let header = info.header;
        let refcounts = Refcounts::new(file.clone(), &header)?;
        let clusters = header.virtual_size().div_ceil(header.cluster_size());
        let entry_bytes = if header.extended_l2() { 16 } else { 8 };
        Ok(Reaching {
            used: Used::default(),
            cluster: 0,
            table: 0,
            tables: clusters.div_ceil(header.cluster_size() / entry_bytes),
            // When the image is closed, its bitmaps are stored anew before the old ones are given up.
            new: bitmaps_bytes(&info.bitmaps, header.virtual_size(), header.cluster_size())
                >> header.cluster_bits,
            l1: vec![0; PART],
            part: vec![0; PART.min(header.cluster_size() as usize)],
            has_data_file: info.has_data_file(),
            refcounts,
            header,
            file,
        })
    }

    /// Clusters that the refcount table tells of.
    fn told(&self) -> u64 {
        let header = &self.header;
        (self.refcounts.table.len() as u64) << (header.cluster_bits + 3 - header.refcount_order)
    }

    /// Clusters of the disk that an L2 table maps.
    fn per_table(&self) -> u64 {
        let entry_bytes = if self.header.extended_l2() { 16 } else { 8 };
        self.header.cluster_size() / entry_bytes
    }

    /// Looks at the refcounts of a stretch of the file.
    fn stretch(&mut self) -> Result<()> {
        let order = self.header.refcount_order;
        match self.refcounts.stretch(self.cluster) {
            Ok((range, Stretch::Zero)) => self.cluster = range.end,
            Ok((range, Stretch::Stored(bytes))) => {
                for index in 0..range.end - range.start {
                    if entry(bytes, order, index) != 0 {
                        self.used.clusters += 1;
                        self.used.end = range.start + index + 1;
                    }
                }
                self.cluster = range.end;
            }
            Err(NoRefcount::Misplaced { index, offset }) => {
                let at = self.header.refcount_table_offset + index * 8;
                let message = format!("refcount block at {offset} is not aligned");
                return Err(Error::corrupt(message).at(at));
            }
            Err(NoRefcount::Unreadable(error)) => return Err(error),
        }
        Ok(())
    }

    /// Counts what writing the part of the disk that the next L2 table maps would allocate: data
    /// that is not there or not this image's alone, and the table.
    fn table(&mut self) -> Result<()> {
        let header = &self.header;
        let cluster = header.cluster_size();
        let index = self.table;
        let within = index as usize % (PART / 8);
        if within == 0 {
            let length = ((self.tables - index) * 8).min(PART as u64) as usize;
            let at = header.l1_table_offset + index * 8;
            self.file.read_at(at, &mut self.l1[..length])?;
        }
        self.table += 1;
        let table = be64(&self.l1[within * 8..]);
        if table & OFFSET == 0 || table & COPIED == 0 {
            self.new += 1;
        }
        if self.has_data_file {
            // Data in another file needs tables here, and nothing else.
            return Ok(());
        }
        let per_table = self.per_table();
        let clusters = header.virtual_size().div_ceil(cluster);
        let mut left = per_table.min(clusters - index * per_table);
        if table & OFFSET == 0 {
            self.new += left;
            return Ok(());
        }
        let entry_bytes = cluster / per_table;
        let mut at = table & OFFSET;
        while left > 0 {
            self.file.read_at(at, &mut self.part)?;
            let entries = (self.part.len() as u64 / entry_bytes).min(left);
            let held = self.part.chunks_exact(entry_bytes as usize);
            for bytes in held.take(entries as usize) {
                let entry = be64(bytes);
                // After a crash with lazy refcounts they may not tell of all that is in use.
                if entry & COMPRESSED == 0 && entry & OFFSET != 0 {
                    let end = ((entry & OFFSET) >> header.cluster_bits) + 1;
                    self.used.end = self.used.end.max(end);
                }
                let in_place = entry & COMPRESSED == 0 && entry & COPIED != 0;
                self.new += u64::from(!(in_place && entry & OFFSET != 0));
            }
            left -= entries;
            at += self.part.len() as u64;
        }
        Ok(())
    }

    fn reach(&self) -> Reach {
        let Reaching { header, used, .. } = self;
        let growth = Growth::new(header, &self.refcounts.table, used.end);
        let bytes = |clusters: u64| clusters.saturating_mul(header.cluster_size());
        Reach {
            end: bytes(used.end),
            free: bytes(used.end.saturating_sub(used.clusters)),
            worst_case: bytes(growth.end_after(self.new)),
        }
    }
}

impl Work for Reaching<'_> {
    type Answer = Reach;

    fn advance(&mut self) -> Result<Option<Reach>> {
        let (cluster, table) = (self.cluster, self.table);
        while self.cluster < self.told() {
            self.stretch()?;
            if self.cluster - cluster > WORK {
                return Ok(None);
            }
        }
        while self.table < self.tables {
            self.table()?;
            if (self.table - table) * self.per_table() > WORK {
                return Ok(None);
            }
        }
        Ok(Some(self.reach()))
    }

    fn progress(&self) -> Progress {
        let per_table = self.per_table();
        Progress {
            done: self.cluster.min(self.told()) + self.table * per_table,
            total: self.told() + self.tables * per_table,
        }
    }
}
