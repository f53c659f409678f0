//! Where the parts of a qcow2 image's metadata lie, and which of them claim the same bytes. QEMU
//! opens such images; whoever writes to them writes one table into another.

use super::image::REPORTED;
use crate::image::ImageInfo;
use crate::image::qcow2::Qcow2Info;

/// Two parts that overlap.
pub(super) struct Overlap {
    pub message: String,
    pub offset: u64,
}

/// A part of the metadata.
struct Part {
    start: u64,
    end: u64,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Named(&'static str),
    SnapshotL1(usize),
    BitmapTable(usize),
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Named(name) => f.write_str(name),
            What::SnapshotL1(index) => write!(f, "L1 table of internal snapshot {index}"),
            What::BitmapTable(index) => write!(f, "table of bitmap {index}"),
        }
    }
}

/// The overlaps, by their offsets; at most a few, so that a hostile image cannot fill a log.
pub(super) fn overlaps(info: &ImageInfo, data: &Qcow2Info) -> Vec<Overlap> {
    let mut found = Vec::new();
    let header = &data.header;
    if header.backing_file_offset != 0 && header.backing_file_offset < data.extensions.end {
        found.push(Overlap {
            message: "the name of the backing file lies in the header or its extensions".into(),
            offset: header.backing_file_offset,
        });
    }
    let mut parts = parts(info, data);
    // The order of those that begin together stays: the header's cluster comes first.
    parts.sort_by_key(|part| part.start);
    // What reaches furthest so far is what the next one can run into.
    let mut furthest: Option<&Part> = None;
    for part in &parts {
        let before = furthest.filter(|before| part.start < before.end);
        if let Some(before) = before.filter(|_| found.len() < REPORTED) {
            found.push(Overlap {
                message: format!("the {} overlaps the {}", part.what, before.what),
                offset: part.start,
            });
        }
        if furthest.is_none_or(|before| part.end > before.end) {
            furthest = Some(part);
        }
    }
    found
}

fn parts(info: &ImageInfo, data: &Qcow2Info) -> Vec<Part> {
    let header = &data.header;
    let mut parts = Vec::with_capacity(8 + info.metadata.snapshots.len() + data.bitmaps.len());
    let mut add = |start: u64, length: u64, what: What| {
        if length > 0 {
            parts.push(Part {
                start,
                end: start.saturating_add(length),
                what,
            });
        }
    };
    let cluster = header.cluster_size();
    add(0, cluster, What::Named("header's cluster"));
    let l1 = u64::from(header.l1_size) * 8;
    add(header.l1_table_offset, l1, What::Named("L1 table"));
    let refcounts = u64::from(header.refcount_table_clusters) << header.cluster_bits;
    let at = header.refcount_table_offset;
    add(at, refcounts, What::Named("refcount table"));
    add(
        header.snapshots_offset,
        header.snapshot_table_least(),
        What::Named("table of internal snapshots"),
    );
    if let Some(directory) = &data.extensions.bitmaps {
        let what = What::Named("bitmap directory");
        add(directory.offset, directory.size, what);
    }
    if let Some(luks) = &data.extensions.crypto {
        add(luks.offset, luks.length, What::Named("LUKS header"));
    }
    for (index, snapshot) in info.metadata.snapshots.iter().enumerate() {
        let l1 = u64::from(snapshot.l1_size) * 8;
        add(snapshot.l1_table_offset, l1, What::SnapshotL1(index));
    }
    for (index, bitmap) in data.bitmaps.iter().enumerate() {
        let table = u64::from(bitmap.table_size) * 8;
        add(bitmap.table_offset, table, What::BitmapTable(index));
    }
    parts
}
