//! Feature bits, versions and compression types that are broken. Offsets are the format's (`docs/interop/qcow2`).

use super::Row;
use super::frame::At::{Extension as X, Header as H, L2};

pub const FEATURES: &[Row] = &[
    (
        "all unknown incompatible bits",
        &[(H, 72, 8, 0xffff_ffff_ffff_ffe0)],
    ),
    (
        "incompatible bits 61 to 63",
        &[(H, 72, 8, 0xe000_0000_0000_0000)],
    ),
    (
        "incompatible bits 5 and 63",
        &[(H, 72, 8, 0x8000_0000_0000_0020)],
    ),
    (
        "all unknown autoclear bits",
        &[(H, 88, 8, 0xffff_ffff_ffff_fffc)],
    ),
    (
        "all unknown compatible bits",
        &[(H, 80, 8, 0xffff_ffff_ffff_fffe)],
    ),
    (
        "unknown incompatible bit without a feature table",
        &[(H, 72, 8, 0x8000_0000_0000_0000), (X, 0, 4, 0)],
    ),
    (
        "unknown incompatible bit and a feature table of one byte",
        &[(H, 72, 8, 0x8000_0000_0000_0000), (X, 4, 4, 1)],
    ),
    (
        "unknown incompatible bit and a feature table of 47 bytes",
        &[(H, 72, 8, 0x8000_0000_0000_0000), (X, 4, 4, 47)],
    ),
    (
        "unknown incompatible bit and a feature table past the cluster",
        &[(H, 72, 8, 0x8000_0000_0000_0000), (X, 4, 4, 0x1_0000)],
    ),
    (
        "unknown incompatible bit and a feature table of 2 GiB",
        &[(H, 72, 8, 0x8000_0000_0000_0000), (X, 4, 4, 0x7fff_ffff)],
    ),
    (
        "unknown incompatible bit named as a compatible one",
        &[
            (H, 72, 8, 0x2000_0000_0000_0000),
            (X, 8, 2, 317),
            (X, 10, 4, 0x7465_7374),
        ],
    ),
    (
        "unknown incompatible bit named as an autoclear one",
        &[
            (H, 72, 8, 0x2000_0000_0000_0000),
            (X, 8, 2, 573),
            (X, 10, 4, 0x7465_7374),
        ],
    ),
    (
        "unknown incompatible bit named as of an unknown kind",
        &[
            (H, 72, 8, 0x2000_0000_0000_0000),
            (X, 8, 2, 0xff3d),
            (X, 10, 4, 0x7465_7374),
        ],
    ),
    (
        "feature table names bit 255",
        &[(X, 8, 2, 255), (X, 10, 4, 0x7465_7374)],
    ),
    ("feature table of 47 bytes", &[(X, 4, 4, 47)]),
    ("feature table of no bytes", &[(X, 4, 4, 0)]),
    ("dirty", &[(H, 72, 8, 1)]),
    ("corrupt", &[(H, 72, 8, 2)]),
    ("dirty and corrupt", &[(H, 72, 8, 3)]),
];

pub const VERSIONS: &[Row] = &[
    (
        "compatible and autoclear bits 42",
        &[(H, 80, 8, 0x400_0000_0000), (H, 88, 8, 0x400_0000_0000)],
    ),
    ("lazy refcounts", &[(H, 80, 8, 1)]),
    (
        "lazy refcounts in a dirty image",
        &[(H, 80, 8, 1), (H, 72, 8, 1)],
    ),
    ("version 2 with the fields of version 3", &[(H, 4, 4, 2)]),
    ("version 0", &[(H, 4, 4, 0)]),
    ("version 1", &[(H, 4, 4, 1)]),
    ("version 4", &[(H, 4, 4, 4)]),
    ("version 2^32 - 1", &[(H, 4, 4, 0xffff_ffff)]),
    ("data file bit without a name", &[(H, 72, 8, 4)]),
    (
        "data file bit with an empty name",
        &[(H, 72, 8, 4), (X, 0, 4, 0x4441_5441), (X, 4, 4, 0)],
    ),
    (
        "data file bit with a name of zeros",
        &[(H, 72, 8, 4), (X, 0, 4, 0x4441_5441)],
    ),
    (
        "data file bit with a name past the cluster",
        &[(H, 72, 8, 4), (X, 0, 4, 0x4441_5441), (X, 4, 4, 0x1_0000)],
    ),
    (
        "data file name without the bit",
        &[(X, 0, 4, 0x4441_5441), (X, 8, 4, 0x6162_6364)],
    ),
    ("raw data file bit without a data file", &[(H, 88, 8, 2)]),
    (
        "raw data file bit with a data file",
        &[
            (H, 72, 8, 4),
            (H, 88, 8, 2),
            (X, 0, 4, 0x4441_5441),
            (X, 8, 4, 0x6162_6364),
        ],
    ),
    ("extended L2 bit with these clusters", &[(H, 72, 8, 0x10)]),
    (
        "data file and extended L2 bits",
        &[
            (H, 72, 8, 20),
            (X, 0, 4, 0x4441_5441),
            (X, 8, 4, 0x6162_6364),
        ],
    ),
    ("refcounts of 1 bit", &[(H, 96, 4, 0)]),
    ("refcounts of 64 bits", &[(H, 96, 4, 6)]),
    ("refcounts of 128 bits", &[(H, 96, 4, 7)]),
    ("refcounts of 2^31 bits", &[(H, 96, 4, 31)]),
    ("refcounts of 2^32 bits", &[(H, 96, 4, 0x20)]),
    ("refcount order 2^32 - 1", &[(H, 96, 4, 0xffff_ffff)]),
    ("bitmaps bit without bitmaps", &[(H, 88, 8, 1)]),
];

pub const VERSIONS_OF_V2: &[Row] = &[
    ("version 3 without its fields", &[(H, 4, 4, 3)]),
    (
        "version 3 with a header of 72 bytes",
        &[(H, 4, 4, 3), (H, 100, 4, 72), (H, 96, 4, 4)],
    ),
    (
        "version 3 with a header of 104 bytes",
        &[
            (H, 4, 4, 3),
            (H, 72, 8, 0),
            (H, 80, 8, 0),
            (H, 88, 8, 0),
            (H, 96, 4, 4),
            (H, 100, 4, 104),
            (H, 104, 8, 0),
        ],
    ),
    ("version 1", &[(H, 4, 4, 1)]),
    (
        "incompatible bits that version 2 does not have",
        &[(H, 72, 8, 0)],
    ),
];

pub const COMPRESSION: &[Row] = &[
    ("bit of another compression type", &[(H, 72, 8, 8)]),
    ("type 1 without the bit", &[(H, 104, 1, 1)]),
    ("type 1 with the bit", &[(H, 72, 8, 8), (H, 104, 1, 1)]),
    ("type 2 with the bit", &[(H, 72, 8, 8), (H, 104, 1, 2)]),
    ("type 2 without the bit", &[(H, 104, 1, 2)]),
    ("type 255 with the bit", &[(H, 72, 8, 8), (H, 104, 1, 255)]),
    ("type 255 without the bit", &[(H, 104, 1, 255)]),
    ("padding that is not zero", &[(H, 105, 1, 1)]),
    (
        "type 1 in a header too short to have one",
        &[(H, 104, 1, 1), (H, 100, 4, 104)],
    ),
    (
        "bit in a header too short to have a type",
        &[(H, 72, 8, 8), (H, 100, 4, 104)],
    ),
    (
        "type 1 in a header of 105 bytes",
        &[(H, 72, 8, 8), (H, 104, 1, 1), (H, 100, 4, 105)],
    ),
];

pub const COMPRESSION_OF_ZSTD: &[Row] = &[
    ("no bit", &[(H, 72, 8, 0)]),
    ("type 0", &[(H, 104, 1, 0)]),
    ("type 2", &[(H, 104, 1, 2)]),
    ("type 255", &[(H, 104, 1, 255)]),
    ("header too short to have a type", &[(H, 100, 4, 104)]),
    ("version 2", &[(H, 4, 4, 2)]),
    (
        "compressed data behind the end of the file",
        &[(L2, 0, 8, 0x7fff_ffff_ffff_ffff)],
    ),
];
