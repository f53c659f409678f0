//! How far a qcow2 image reaches into its device, and how far it could once the guest has written
//! all of the disk: what a volume of fixed size must have room for.

use super::mapping::{COMPRESSED, COPIED, OFFSET, be64};
use super::refcounts::{NoRefcount, Refcounts, Stretch, entry};
use super::{Header, Qcow2Info};
use crate::error::{Error, Result};
use crate::image::measure::refcount_clusters;
use crate::io::ReadAt;

/// Bytes of tables that are read at a time.
const PART: usize = 64 << 10;

/// What an image takes of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// The first offset behind all that is allocated now.
    pub end: u64,
    /// Bytes that a full overwrite of the disk needs with this image's layout, its internal
    /// snapshots kept and free clusters used again.
    pub worst_case: u64,
}

/// Looks through the refcounts and the active tables of an image.
pub fn headroom(file: &dyn ReadAt, info: &Qcow2Info) -> Result<Headroom> {
    let header = &info.header;
    let used = used(file, header)?;
    let new = new_clusters(file, info)?;
    let order = header.refcount_order;
    // The refcounts of the larger file; those that there are may lie in more blocks than needed.
    let refcounts = used.refcounts;
    let others = used.clusters.saturating_sub(refcounts) + new;
    let needed = refcount_clusters(others, header.cluster_bits, order).max(refcounts);
    // A table that must grow is written anew before the old one is given up.
    let table = u64::from(header.refcount_table_clusters);
    let grows = needed > refcounts && others + needed > used.covered;
    let total = others + needed + if grows { table } else { 0 };
    Ok(Headroom {
        end: used.end << header.cluster_bits,
        worst_case: total.max(used.end) << header.cluster_bits,
    })
}

struct Used {
    /// Clusters with a refcount.
    clusters: u64,
    /// One more than the last of them.
    end: u64,
    /// Clusters of the refcount table and its blocks.
    refcounts: u64,
    /// Clusters whose refcounts the table has room for.
    covered: u64,
}

fn used(file: &dyn ReadAt, header: &Header) -> Result<Used> {
    let mut refcounts = Refcounts::new(file, header)?;
    let blocks = refcounts.table.iter().filter(|&&block| block != 0).count() as u64;
    let per_block = 1u64 << (header.cluster_bits + 3 - header.refcount_order);
    let table = u64::from(header.refcount_table_clusters);
    let entries = (table << header.cluster_bits) / 8;
    let mut used = Used {
        clusters: 0,
        end: 0,
        refcounts: table + blocks,
        covered: entries.saturating_mul(per_block),
    };
    let order = header.refcount_order;
    let last = refcounts.table.len() as u64 * per_block;
    let mut cluster = 0;
    while cluster < last {
        match refcounts.stretch(cluster) {
            Ok((range, Stretch::Zero)) => cluster = range.end,
            Ok((range, Stretch::Stored(bytes))) => {
                for index in 0..range.end - range.start {
                    if entry(bytes, order, index) != 0 {
                        used.clusters += 1;
                        used.end = range.start + index + 1;
                    }
                }
                cluster = range.end;
            }
            Err(NoRefcount::Misplaced { index, offset }) => {
                let at = header.refcount_table_offset + index * 8;
                let message = format!("refcount block at {offset} is not aligned");
                return Err(Error::corrupt(message).at(at));
            }
            Err(NoRefcount::Unreadable(error)) => return Err(error),
        }
    }
    Ok(used)
}

/// Clusters that writing all of the disk would allocate: for data that is not there or not this
/// image's alone, and for tables.
fn new_clusters(file: &dyn ReadAt, info: &Qcow2Info) -> Result<u64> {
    let header = &info.header;
    let cluster = header.cluster_size();
    let entry_bytes = if header.extended_l2() { 16 } else { 8 };
    let per_table = cluster / entry_bytes;
    let clusters = header.virtual_size().div_ceil(cluster);
    let tables = clusters.div_ceil(per_table);
    let mut part = vec![0; PART.min(cluster as usize)];
    let mut l1 = vec![0; PART];
    let mut new = 0;
    for index in 0..tables {
        let within = index as usize % (PART / 8);
        if within == 0 {
            let length = ((tables - index) * 8).min(PART as u64) as usize;
            file.read_at(header.l1_table_offset + index * 8, &mut l1[..length])?;
        }
        let table = be64(&l1[within * 8..]);
        let mut left = per_table.min(clusters - index * per_table);
        // Data in another file needs tables here, and nothing else.
        let counts_data = !info.has_data_file();
        if table & OFFSET == 0 || table & COPIED == 0 {
            new += 1;
        }
        if table & OFFSET == 0 {
            new += if counts_data { left } else { 0 };
            continue;
        }
        if !counts_data {
            continue;
        }
        let mut at = table & OFFSET;
        while left > 0 {
            file.read_at(at, &mut part)?;
            let entries = (part.len() as u64 / entry_bytes).min(left);
            for bytes in part
                .chunks_exact(entry_bytes as usize)
                .take(entries as usize)
            {
                let entry = be64(bytes);
                let in_place = entry & COMPRESSED == 0 && entry & COPIED != 0;
                new += u64::from(!(in_place && entry & OFFSET != 0));
            }
            left -= entries;
            at += part.len() as u64;
        }
    }
    Ok(new)
}
