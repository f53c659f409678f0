//! Sound images with every kind of table, to be broken.

use super::super::writer::{FEATURE_NAMES, Image, Snapshot};

/// A place in an image.
#[derive(Clone, Copy)]
pub enum At {
    Header,
    /// The first header extension.
    Extension,
    RefcountTable,
    RefcountBlock,
    L1,
    L2,
    /// The first entry of the snapshot table.
    Snapshot,
}

/// An image and where its parts lie.
pub struct Frame {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub extensions: usize,
    refcount_table: usize,
    refcount_block: usize,
    l1: usize,
    l2: usize,
    snapshots: usize,
}

impl Frame {
    fn new(name: &'static str, image: &Image) -> Self {
        let layout = image.build();
        let cluster = 1 << image.cluster_bits;
        let mut bytes = layout.bytes;
        let refcount_block = bytes.len();
        let l2 = refcount_block + cluster;
        let data = l2 + cluster;
        bytes.resize(data + cluster, 0);
        let word = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let (l1, refcount_table) = (word(40) as usize, word(48) as usize);
        const COPIED: u64 = 1 << 63;
        let l1_entry = l2 as u64 | COPIED;
        let mut put = |at: usize, value: u64| {
            bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        };
        put(refcount_table, refcount_block as u64);
        put(l1, l1_entry);
        put(l2, data as u64 | COPIED);
        if !image.snapshots.is_empty() {
            put(layout.snapshots, l1 as u64);
            bytes[layout.snapshots + 8..layout.snapshots + 12].copy_from_slice(&1u32.to_be_bytes());
        }
        let counts = (bytes.len() / cluster).min(cluster / 2);
        for count in bytes[refcount_block..].chunks_exact_mut(2).take(counts) {
            count[1] = 1;
        }
        Frame {
            name,
            bytes,
            extensions: layout.extensions,
            refcount_table,
            refcount_block,
            l1,
            l2,
            snapshots: layout.snapshots,
        }
    }

    /// Where a place is.
    pub fn place(&self, at: At) -> usize {
        match at {
            At::Header => 0,
            At::Extension => self.extensions,
            At::RefcountTable => self.refcount_table,
            At::RefcountBlock => self.refcount_block,
            At::L1 => self.l1,
            At::L2 => self.l2,
            At::Snapshot => self.snapshots,
        }
    }
}

fn snapshot(id: &str) -> Snapshot {
    Snapshot {
        id: id.into(),
        name: format!("snapshot {id}").into(),
        date: (1_700_000_000, 7),
        extra: vec![0; 16],
        ..Snapshot::default()
    }
}

/// The frames by the names that the tables use.
pub fn frames() -> Vec<Frame> {
    let plain = Image {
        size: 64 << 20,
        extensions: vec![(FEATURE_NAMES, vec![0; 48]), (0x1234_5678, vec![7; 8])],
        snapshots: vec![snapshot("1"), snapshot("2")],
        ..Image::default()
    };
    let small = Image {
        cluster_bits: 9,
        size: 1 << 20,
        ..plain.clone()
    };
    let old = Image {
        version: 2,
        ..plain.clone()
    };
    let backed = Image {
        backing: Some(b"base.raw".to_vec()),
        ..plain.clone()
    };
    let subclusters = Image {
        cluster_bits: 14,
        size: 1 << 20,
        incompatible: 1 << 4,
        ..plain.clone()
    };
    let zstd = Image {
        incompatible: 1 << 3,
        compression_type: 1,
        header_length: 112,
        ..plain.clone()
    };
    let zlib = Image {
        header_length: 112,
        ..plain.clone()
    };
    vec![
        Frame::new("v3", &plain),
        Frame::new("v3 with clusters of 512 bytes", &small),
        Frame::new("v2", &old),
        Frame::new("backed", &backed),
        Frame::new("extended L2", &subclusters),
        Frame::new("zstd", &zstd),
        Frame::new("zlib", &zlib),
    ]
}
