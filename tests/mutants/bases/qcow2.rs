//! qcow2: both versions, clusters of three sizes, snapshots, bitmaps, encryption, and extensions
//! that only a writer of our own puts there.

use super::super::base::{Base, Field, Table};
use super::super::writer::{
    BACKING_FORMAT, BITMAPS, Bitmap, CRYPTO, DATA_FILE, FEATURE_NAMES, Image, Layout, Snapshot,
};
use super::luks;

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

const BITMAP_TABLE: Table = &[(
    0,
    8,
    "bitmap table entry",
    &[2, 0x200, 0x201, 65536, 65537, 1 << 56],
)];

const CRYPTO_EXTENSION: Table = &[
    (0, 8, "offset", &[0, 512, 65536, 0x7fff_ffff_c000_0000]),
    (8, 8, "size", &[0, 591, 592, 593, 4096]),
];

const MAGICS: &[u64] = &[
    0,
    BACKING_FORMAT as u64,
    FEATURE_NAMES as u64,
    BITMAPS as u64,
    CRYPTO as u64,
    DATA_FILE as u64,
];

fn base(name: &'static str, image: &Image) -> Base {
    let Layout {
        bytes,
        extensions,
        snapshots,
        bitmaps,
        bitmap_tables,
    } = image.build();
    let list = extension_list(&bytes, extensions);
    let mut base = Base::new(name, "qcow2", bytes).big_endian();
    base = base.record("", 0, HEADER_V2);
    if image.version > 2 {
        base = base.record("", 0, HEADER_V3);
    }
    base.areas.push(0..extensions + 64);
    let mut at = extensions;
    for (index, (magic, length)) in list.into_iter().enumerate() {
        let prefix = format!("extension {index} ");
        let word = |name: &str, offset, special: &[u64]| Field {
            name: format!("{prefix}{name}"),
            offset,
            width: 4,
            special: special.to_vec(),
            costly: 0..0,
        };
        let lengths = [8, 15, 16, 24, length as u64 + 8, 408, 4096, 65536];
        let head = [word("magic", at, MAGICS), word("length", at + 4, &lengths)];
        base.fields.extend(head);
        if magic == BITMAPS {
            base = base.record(&prefix, at + 8, BITMAPS_EXTENSION);
        } else if length >= 4 {
            base.fields.push(word("body", at + 8, &[]));
        }
        at += 8 + length.next_multiple_of(8);
    }
    if !image.snapshots.is_empty() {
        base = base.record("snapshot ", snapshots, SNAPSHOT);
        base.areas.push(snapshots..snapshots + 200);
    }
    if !image.bitmaps.is_empty() {
        base = base.record("bitmap ", bitmaps, BITMAP);
        base = base.record("", bitmap_tables, BITMAP_TABLE);
        base.areas.push(bitmaps..bitmaps + 64);
    }
    base.costly("nb_snapshots", 3000..65537)
        .costly("l1_size", 1 << 19..(1 << 22) + 1)
}

/// An image that is encrypted with LUKS: its own fields and those of the LUKS header, which lies
/// behind all else.
fn encrypted(name: &'static str, image: Image) -> Base {
    let header = luks::header("aes", "xts-plain64", "sha256", 64);
    let with_header_at = |at: u64| {
        let body = [at.to_be_bytes(), (luks::BYTES as u64).to_be_bytes()].concat();
        Image {
            crypt_method: 2,
            extensions: vec![(CRYPTO, body)],
            ..image.clone()
        }
    };
    let at = with_header_at(0).build().bytes.len();
    let image = with_header_at(at as u64);
    let extension = image.build().extensions;
    let mut base = base(name, &image).record("LUKS ", extension + 8, CRYPTO_EXTENSION);
    let bytes = &mut base.files[0].1;
    bytes.extend(header);
    bytes.resize(at + luks::BYTES, 0);
    luks::add_fields(base, at)
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
pub fn bases() -> Vec<Base> {
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
        encrypted("LUKS", Image::default()),
        encrypted(
            "LUKS, version 2",
            Image {
                version: 2,
                cluster_bits: 12,
                ..Image::default()
            },
        ),
    ]
}
