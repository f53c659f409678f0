//! Sizes and places that the header states that are broken. Offsets are the format's (`docs/interop/qcow2`).

use super::Row;
use super::frame::At::{Extension as X, Header as H, L2, Snapshot as S};

pub const SIZES: &[Row] = &[
    (
        "no extension's end before the backing file name of 2^64 - 1",
        &[(H, 8, 8, 0xffff_ffff_ffff_ffff)],
    ),
    (
        "backing file name at 2^63",
        &[(H, 8, 8, 0x8000_0000_0000_0000)],
    ),
    (
        "backing file name within the header",
        &[(H, 8, 8, 8), (H, 16, 4, 8)],
    ),
    (
        "backing file name within the magic",
        &[(H, 8, 8, 1), (H, 16, 4, 3)],
    ),
    (
        "backing file name at the first extension",
        &[(H, 8, 8, 116), (H, 16, 4, 8)],
    ),
    (
        "backing file name of no bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 0)],
    ),
    (
        "backing file name of 2^32 - 1 bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 0xffff_ffff)],
    ),
    (
        "backing file name of 2^31 - 1 bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 0x7fff_ffff)],
    ),
    (
        "backing file name of 1024 bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 0x400)],
    ),
    (
        "backing file name of 1023 bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 1023)],
    ),
    (
        "backing file name of 257 bytes",
        &[(H, 8, 8, 0x100), (H, 16, 4, 257)],
    ),
    (
        "backing file name of 256 bytes of zeros",
        &[(H, 8, 8, 0x100), (H, 16, 4, 0x100)],
    ),
    (
        "backing file name at the end of the first cluster",
        &[(H, 8, 8, 0x1_0000), (H, 16, 4, 0)],
    ),
    (
        "backing file name that crosses the end of the first cluster",
        &[(H, 8, 8, 0xffff), (H, 16, 4, 2)],
    ),
    (
        "backing file name with the last byte of the first cluster",
        &[(H, 8, 8, 0xffff), (H, 16, 4, 1)],
    ),
    (
        "backing file name in the second cluster",
        &[(H, 8, 8, 0x1_0001), (H, 16, 4, 8)],
    ),
    (
        "backing file name at 4096 of 2^32 - 1 bytes",
        &[(H, 8, 8, 0x1000), (H, 16, 4, 0xffff_ffff)],
    ),
    (
        "extension of 2^31 - 1 bytes",
        &[(X, 0, 4, 0x1234_5678), (X, 4, 4, 0x7fff_ffff)],
    ),
    (
        "extension of 2^32 - 1 bytes",
        &[(X, 0, 4, 0x1234_5678), (X, 4, 4, 0xffff_ffff)],
    ),
    (
        "extension of 2^32 - 8 bytes",
        &[(X, 0, 4, 0x1234_5678), (X, 4, 4, 0xffff_fff8)],
    ),
    (
        "extension past the first cluster",
        &[(X, 0, 4, 0x1234_5678), (X, 4, 4, 0x1_0000)],
    ),
    (
        "extension before a backing file name of 2^64 - 1",
        &[
            (H, 8, 8, 0xffff_ffff_ffff_ffff),
            (X, 0, 4, 0x1234_5678),
            (X, 4, 4, 0x7fff_ffff),
        ],
    ),
    (
        "backing format of 2^31 - 1 bytes",
        &[(X, 0, 4, 0xe279_2aca), (X, 4, 4, 0x7fff_ffff)],
    ),
    (
        "backing format of 16 bytes",
        &[(X, 0, 4, 0xe279_2aca), (X, 4, 4, 0x10)],
    ),
    (
        "backing format of 15 bytes",
        &[(X, 0, 4, 0xe279_2aca), (X, 4, 4, 15)],
    ),
    (
        "backing format of no bytes",
        &[(X, 0, 4, 0xe279_2aca), (X, 4, 4, 0)],
    ),
    (
        "bitmaps of 23 bytes",
        &[(X, 0, 4, 0x2385_2875), (X, 4, 4, 23)],
    ),
    (
        "bitmaps of 48 bytes",
        &[(X, 0, 4, 0x2385_2875), (X, 4, 4, 48)],
    ),
    (
        "bitmaps of 24 zeros",
        &[(X, 0, 4, 0x2385_2875), (X, 4, 4, 24)],
    ),
    (
        "LUKS header without LUKS",
        &[(X, 0, 4, 0x537_be77), (X, 4, 4, 0x10)],
    ),
    (
        "refcount table of 2^32 - 1 clusters",
        &[(H, 56, 4, 0xffff_ffff)],
    ),
    (
        "refcount table of 2^31 clusters",
        &[(H, 56, 4, 0x8000_0000)],
    ),
    (
        "refcount table of 0x20001 clusters",
        &[(H, 56, 4, 0x2_0001)],
    ),
    ("refcount table of 129 clusters", &[(H, 56, 4, 129)]),
    ("refcount table of 128 clusters", &[(H, 56, 4, 0x80)]),
    (
        "refcount table off the clusters",
        &[(H, 48, 8, 0x1234_5678_90ab_cdef)],
    ),
    (
        "refcount table at 2^64 - 2^16",
        &[(H, 48, 8, 0xffff_ffff_ffff_0000), (H, 56, 4, 127)],
    ),
    (
        "refcount table at 2^63 - 2^16",
        &[(H, 48, 8, 0x7fff_ffff_ffff_0000), (H, 56, 4, 1)],
    ),
    (
        "refcount table at the last possible cluster",
        &[(H, 48, 8, 0x7fff_ffff_bfff_0000), (H, 56, 4, 1)],
    ),
    (
        "refcount table past the last possible cluster",
        &[(H, 48, 8, 0x7fff_ffff_c000_0000), (H, 56, 4, 1)],
    ),
    ("2^32 - 1 snapshots", &[(H, 60, 4, 0xffff_ffff)]),
    ("2^31 - 1 snapshots", &[(H, 60, 4, 0x7fff_ffff)]),
    ("65537 snapshots", &[(H, 60, 4, 0x1_0001)]),
    (
        "0xffff snapshots at 2^64 - 2^16",
        &[(H, 64, 8, 0xffff_ffff_ffff_0000), (H, 60, 4, 0xffff)],
    ),
    (
        "snapshots off the clusters",
        &[(H, 64, 8, 0x1234_5678_90ab_cdef), (H, 60, 4, 0)],
    ),
    (
        "no snapshots at 2^63",
        &[(H, 64, 8, 0x8000_0000_0000_0000), (H, 60, 4, 0)],
    ),
    (
        "no snapshots at 2^63 - 2^16",
        &[(H, 64, 8, 0x7fff_ffff_ffff_0000), (H, 60, 4, 0)],
    ),
    (
        "one snapshot at the last possible cluster",
        &[(H, 64, 8, 0x7fff_ffff_bfff_0000), (H, 60, 4, 1)],
    ),
    (
        "two snapshots on the header",
        &[(H, 64, 8, 0), (H, 60, 4, 2)],
    ),
    ("L1 table of 2^32 - 1 entries", &[(H, 36, 4, 0xffff_ffff)]),
    ("L1 table of 2^31 - 1 entries", &[(H, 36, 4, 0x7fff_ffff)]),
    ("L1 table of 2^22 + 1 entries", &[(H, 36, 4, 0x40_0001)]),
    ("L1 table of no entries", &[(H, 36, 4, 0)]),
    (
        "L1 table of no entries for no disk",
        &[(H, 36, 4, 0), (H, 24, 8, 0)],
    ),
    (
        "L1 table at 2^63 - 2^16",
        &[(H, 40, 8, 0x7fff_ffff_ffff_0000), (H, 36, 4, 0xffff)],
    ),
    (
        "L1 table off the clusters",
        &[(H, 40, 8, 0x1234_5678_90ab_cdef), (H, 36, 4, 1)],
    ),
    ("L1 table on the header", &[(H, 40, 8, 0)]),
    (
        "L1 table at the last possible cluster",
        &[(H, 40, 8, 0x7fff_ffff_bfff_0000)],
    ),
    (
        "L1 table past the last possible cluster",
        &[(H, 40, 8, 0x7fff_ffff_c000_0000)],
    ),
    (
        "L1 table of one entry for 2^63 bytes",
        &[(H, 24, 8, 0x7fff_ffff_ffff_fe00), (H, 36, 4, 1)],
    ),
    (
        "disk of 2^64 - 1 bytes",
        &[(H, 24, 8, 0xffff_ffff_ffff_ffff)],
    ),
    ("disk of 2^63 bytes", &[(H, 24, 8, 0x8000_0000_0000_0000)]),
    ("disk of 2^61 bytes", &[(H, 24, 8, 0x2000_0000_0000_0000)]),
    ("disk of no bytes", &[(H, 24, 8, 0)]),
    ("disk of 511 bytes", &[(H, 24, 8, 511)]),
    (
        "data behind every end",
        &[(L2, 0, 8, 0xbfff_ffff_ffff_0000)],
    ),
    ("data at 2^48", &[(L2, 0, 8, 0x8000_00ff_ffff_0000)]),
    (
        "L1 table of a snapshot off the clusters",
        &[(S, 0, 8, 0x40_0200)],
    ),
    (
        "L1 table of a snapshot at 2^63",
        &[(S, 0, 8, 0x8000_0000_0000_0000)],
    ),
    (
        "L1 table of a snapshot of 2^28 entries",
        &[(S, 8, 4, 0x1000_0000)],
    ),
    (
        "L1 table of a snapshot of 2^32 - 1 entries",
        &[(S, 8, 4, 0xffff_ffff)],
    ),
    ("L1 table of a snapshot of no entries", &[(S, 8, 4, 0)]),
    ("clusters of 256 bytes", &[(H, 20, 4, 8)]),
    ("clusters of 4 MiB", &[(H, 20, 4, 22)]),
    (
        "clusters of 2 MiB for tables at other places",
        &[(H, 20, 4, 21)],
    ),
    ("clusters of 2^32 bytes", &[(H, 20, 4, 0x20)]),
    ("clusters of 2^64 bytes", &[(H, 20, 4, 0x40)]),
    ("cluster bits 2^32 - 1", &[(H, 20, 4, 0xffff_ffff)]),
    ("encryption method 3", &[(H, 32, 4, 3)]),
    ("encryption method 2^32 - 1", &[(H, 32, 4, 0xffff_ffff)]),
    ("LUKS without its header", &[(H, 32, 4, 2)]),
];

pub const SIZES_OF_V3: &[Row] = &[
    ("header of 2^32 - 1 bytes", &[(H, 100, 4, 0xffff_ffff)]),
    ("header of 2^31 - 1 bytes", &[(H, 100, 4, 0x7fff_ffff)]),
    ("header of 65537 bytes", &[(H, 100, 4, 0x1_0001)]),
    ("header of a cluster", &[(H, 100, 4, 0x1_0000)]),
    ("header of 103 bytes", &[(H, 100, 4, 103)]),
    ("header of 72 bytes", &[(H, 100, 4, 72)]),
    ("header of no bytes", &[(H, 100, 4, 0)]),
    ("header of 105 bytes", &[(H, 100, 4, 105)]),
    ("header that covers the extensions", &[(H, 100, 4, 0x1000)]),
];
