//! Sound images, and where their fields lie.

use std::sync::Arc;

use super::support::writer::{
    BACKING_FORMAT, BITMAPS, Bitmap, CRYPTO, DATA_FILE, FEATURE_NAMES, Image, Layout, Snapshot,
};

/// A field of an image's metadata.
pub struct Field {
    pub name: String,
    pub offset: usize,
    /// Bytes, at most 8.
    pub width: usize,
    /// Values to try besides the usual ones.
    pub special: Vec<u64>,
}

/// An image to be changed.
pub struct Base {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub fields: Vec<Field>,
    /// Where the metadata lie.
    pub ranges: Vec<(usize, usize)>,
}

/// Offset, width and name of each field of a record; then the values of interest.
type Table = &'static [(usize, usize, &'static str, &'static [u64])];

const HEADER_V2: Table = &[
    (0, 4, "magic", &[0x5146_49fb]),
    (4, 4, "version", &[2, 3, 4]),
    (
        8,
        8,
        "backing_file_offset",
        &[8, 72, 104, 512, 0x200, 65535, 65536, 65537],
    ),
    (
        16,
        4,
        "backing_file_size",
        &[4, 407, 408, 409, 1022, 1023, 1024],
    ),
    (
        20,
        4,
        "cluster_bits",
        &[8, 9, 10, 13, 14, 16, 21, 22, 31, 32, 63, 64],
    ),
    (
        24,
        8,
        "size",
        &[
            511,
            512,
            1 << 40,
            1 << 61,
            (1 << 61) + 1,
            1 << 62,
            0x7fff_ffff_c000_0000,
        ],
    ),
    (32, 4, "crypt_method", &[1, 2, 3]),
    (36, 4, "l1_size", &[2, 1 << 22, (1 << 22) + 1, 1 << 25]),
    (
        40,
        8,
        "l1_table_offset",
        &[
            512,
            65536,
            0x7fff_ffff_c000_0000,
            0x7fff_ffff_bfff_0000,
            0x7fff_ffff_ffff_0000,
        ],
    ),
    (
        48,
        8,
        "refcount_table_offset",
        &[
            512,
            65536,
            0x7fff_ffff_c000_0000,
            0x7fff_ffff_bfff_0000,
            0x7fff_ffff_ffff_0000,
        ],
    ),
    (56, 4, "refcount_table_clusters", &[128, 129, 16384, 16385]),
    (60, 4, "nb_snapshots", &[2, 3, 1000, 65536, 65537]),
    (
        64,
        8,
        "snapshots_offset",
        &[
            512,
            65536,
            0x7fff_ffff_c000_0000,
            0x7fff_ffff_bfff_0000,
            0x7fff_ffff_ffff_0000,
        ],
    ),
];

const HEADER_V3: Table = &[
    (
        72,
        8,
        "incompatible_features",
        &[2, 4, 8, 16, 31, 32, 0x8000_0000_0000_0000],
    ),
    (80, 8, "compatible_features", &[]),
    (88, 8, "autoclear_features", &[2, 3]),
    (96, 4, "refcount_order", &[2, 3, 6, 7, 31]),
    (
        100,
        4,
        "header_length",
        &[72, 103, 104, 105, 112, 120, 512, 513, 65535, 65536, 65537],
    ),
    (104, 1, "compression_type", &[2]),
];

const SNAPSHOT: Table = &[
    (0, 8, "l1_table_offset", &[]),
    (8, 4, "l1_size", &[]),
    (12, 2, "id_str_size", &[127, 128]),
    (14, 2, "name_size", &[255, 256]),
    (16, 4, "date_sec", &[]),
    (20, 4, "date_nsec", &[]),
    (24, 8, "vm_clock_nsec", &[]),
    (32, 4, "vm_state_size", &[]),
    (36, 4, "extra_data_size", &[8, 16, 24, 1024, 1025]),
    (40, 8, "vm_state_size_large", &[]),
    (48, 8, "disk_size", &[]),
];

const BITMAP: Table = &[
    (
        0,
        8,
        "bitmap_table_offset",
        &[65536, 0x7fff_ffff_c000_0000, 0x7fff_ffff_bfff_0000],
    ),
    (
        8,
        4,
        "bitmap_table_size",
        &[2, 8192, 8193, 0x800_0000, 0x800_0001],
    ),
    (12, 4, "flags", &[1, 2, 3, 4]),
    (16, 1, "type", &[1, 2]),
    (17, 1, "granularity_bits", &[8, 9, 31, 32, 63, 64]),
    (18, 2, "name_size", &[8, 1023, 1024]),
    (20, 4, "extra_data_size", &[8, 0xffff_ffe8]),
    (24, 2, "name", &[]),
];

const BITMAPS_EXTENSION: Table = &[
    (0, 4, "nb_bitmaps", &[2, 3, 65535, 65536]),
    (4, 4, "reserved", &[]),
    (
        8,
        8,
        "bitmap_directory_size",
        &[8, 24, 32, 40, 64, 67_107_840, 67_107_841],
    ),
    (
        16,
        8,
        "bitmap_directory_offset",
        &[512, 65536, 0x7fff_ffff_c000_0000],
    ),
];

const MAGICS: &[u64] = &[
    0,
    BACKING_FORMAT as u64,
    FEATURE_NAMES as u64,
    BITMAPS as u64,
    CRYPTO as u64,
    DATA_FILE as u64,
];

fn add(fields: &mut Vec<Field>, prefix: &str, start: usize, table: Table) {
    for &(offset, width, name, special) in table {
        fields.push(Field {
            name: format!("{prefix}{name}"),
            offset: start + offset,
            width,
            special: special.to_vec(),
        });
    }
}

fn base(name: &'static str, image: &Image) -> Arc<Base> {
    let Layout {
        bytes,
        extensions,
        snapshots,
        bitmaps,
        bitmap_tables,
    } = image.build();
    let mut fields = Vec::new();
    let mut ranges = vec![(0, extensions + 64)];
    add(&mut fields, "", 0, HEADER_V2);
    if image.version > 2 {
        add(&mut fields, "", 0, HEADER_V3);
    }
    let mut at = extensions;
    for (index, (_, length)) in extension_list(&bytes, extensions).into_iter().enumerate() {
        let prefix = format!("extension {index} ");
        let word = |name: &str, offset, special: &[u64]| Field {
            name: format!("{prefix}{name}"),
            offset,
            width: 4,
            special: special.to_vec(),
        };
        fields.push(word("magic", at, MAGICS));
        let lengths = [8, 15, 16, 24, length as u64 + 8, 408, 4096, 65536];
        fields.push(word("length", at + 4, &lengths));
        if bytes[at..at + 4] == BITMAPS.to_be_bytes() {
            add(&mut fields, &prefix, at + 8, BITMAPS_EXTENSION);
        } else if length >= 4 {
            fields.push(word("body", at + 8, &[]));
        }
        at += 8 + length.next_multiple_of(8);
    }
    if !image.snapshots.is_empty() {
        add(&mut fields, "snapshot ", snapshots, SNAPSHOT);
        ranges.push((snapshots, snapshots + 200));
    }
    if !image.bitmaps.is_empty() {
        add(&mut fields, "bitmap ", bitmaps, BITMAP);
        fields.push(Field {
            name: "bitmap table entry".to_owned(),
            offset: bitmap_tables,
            width: 8,
            special: vec![2, 0x200, 0x201, 65536, 65537, 1 << 56],
        });
        ranges.push((bitmaps, bitmaps + 64));
        ranges.push((bitmap_tables, bitmap_tables + 16));
    }
    Arc::new(Base {
        name,
        bytes,
        fields,
        ranges,
    })
}

/// Magic and length of the extensions, the end mark included.
fn extension_list(bytes: &[u8], start: usize) -> Vec<(u32, usize)> {
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut list = Vec::new();
    let mut at = start;
    loop {
        let (magic, length) = (word(at), word(at + 4) as usize);
        list.push((magic, length));
        if magic == 0 {
            return list;
        }
        at += 8 + length.next_multiple_of(8);
    }
}

fn snapshot(name: &str) -> Snapshot {
    Snapshot {
        id: b"1".to_vec(),
        name: name.as_bytes().to_vec(),
        vm_state_size: 77,
        date: (1_700_000_000, 5),
        vm_clock_nsec: 12_000_000_034,
        extra: vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0],
    }
}

fn bitmap(name: &str, flags: u32, table: &[u64]) -> Bitmap {
    Bitmap {
        name: name.as_bytes().to_vec(),
        flags,
        granularity_bits: 16,
        table: table.to_vec(),
    }
}

/// The images that are changed.
pub fn bases() -> Vec<Arc<Base>> {
    let backed = Image {
        extensions: vec![
            (BACKING_FORMAT, b"raw".to_vec()),
            (FEATURE_NAMES, vec![0; 96]),
        ],
        backing: Some(b"base.raw".to_vec()),
        ..Image::default()
    };
    let rich = Image {
        autoclear: 1,
        snapshots: vec![snapshot("one"), snapshot("two")],
        bitmaps: vec![bitmap("aa", 2, &[1]), bitmap("bb", 1, &[0, 0])],
        header_length: 112,
        ..Image::default()
    };
    vec![
        base(
            "v2",
            &Image {
                version: 2,
                ..backed.clone()
            },
        ),
        base("v3", &backed),
        base("64 KiB with snapshots and bitmaps", &rich),
        base(
            "512 B with snapshots and bitmaps",
            &Image {
                cluster_bits: 9,
                size: 4 << 20,
                ..rich.clone()
            },
        ),
        base(
            "16 KiB, extended L2, zstd, data file",
            &Image {
                cluster_bits: 14,
                incompatible: 0b11100,
                compression_type: 1,
                header_length: 112,
                extensions: vec![(DATA_FILE, b"x.data".to_vec())],
                snapshots: Vec::new(),
                ..rich
            },
        ),
        base(
            "AES",
            &Image {
                crypt_method: 1,
                refcount_order: 6,
                ..Image::default()
            },
        ),
    ]
}
