//! L1, L2 and refcount tables that are broken. Offsets are the format's (`docs/interop/qcow2`).

use super::Row;
use super::frame::At::{Header as H, L1, L2, RefcountBlock as RB, RefcountTable as RT};

pub const TABLES: &[Row] = &[
    (
        "L2 table on the L1 table",
        &[(L1, 0, 8, 0x8000_0000_0003_0000)],
    ),
    (
        "L2 table on the header",
        &[(L1, 0, 8, 0x8000_0000_0000_0000)],
    ),
    (
        "L2 table on the refcount table",
        &[(L1, 0, 8, 0x8000_0000_0001_0000)],
    ),
    (
        "L2 table off the clusters",
        &[(L1, 0, 8, 0x8000_0000_0004_2a00)],
    ),
    (
        "L2 table behind the end of the file",
        &[(L1, 0, 8, 0x80ff_ffff_ffff_0000)],
    ),
    (
        "L1 entry with reserved bits",
        &[(L1, 0, 8, 0x7f00_0000_0004_0001)],
    ),
    ("L1 entry of all ones", &[(L1, 0, 8, 0xffff_ffff_ffff_ffff)]),
    ("L1 entry off everything", &[(L1, 0, 8, 0x2a2a_2a2a)]),
    (
        "data on the refcount block",
        &[(L2, 0, 8, 0x8000_0000_0002_0000)],
    ),
    ("data on the L2 table", &[(L2, 0, 8, 0x8000_0000_0004_0000)]),
    ("data on the header", &[(L2, 0, 8, 0x8000_0000_0000_0000)]),
    (
        "data off the clusters",
        &[(L2, 0, 8, 0x8000_0000_0005_2a00)],
    ),
    (
        "zero cluster off the clusters",
        &[(L2, 0, 8, 0x8000_0000_0005_2a01)],
    ),
    (
        "two entries off the clusters",
        &[
            (L2, 0, 8, 0x8000_0000_0005_2a00),
            (L2, 8, 8, 0x8000_0000_0006_2a00),
        ],
    ),
    (
        "data behind the end of the file",
        &[(L2, 0, 8, 0x80ff_ffff_ffff_0000)],
    ),
    (
        "compressed data behind the end of the file",
        &[(L2, 0, 8, 0x7fff_ffff_ffff_ffff)],
    ),
    (
        "compressed data on the header",
        &[(L2, 0, 8, 0x4000_0000_0000_0000)],
    ),
    ("L2 entry of all ones", &[(L2, 0, 8, 0xffff_ffff_ffff_ffff)]),
    (
        "two entries for one cluster",
        &[(L2, 8, 8, 0x8000_0000_0005_0000)],
    ),
    ("header not counted", &[(RB, 0, 2, 0)]),
    ("refcount table not counted", &[(RB, 2, 2, 0)]),
    ("L1 table counted twice", &[(RB, 4, 2, 2)]),
    ("nothing counted", &[(RB, 0, 8, 0)]),
    (
        "everything counted too often",
        &[(RB, 0, 8, 0xffff_ffff_ffff_ffff)],
    ),
    ("refcount block nowhere", &[(RT, 0, 8, 0)]),
    ("refcount block off the clusters", &[(RT, 0, 8, 0x2_2a00)]),
    ("refcount block on the header", &[(RT, 0, 8, 0x2a00)]),
    (
        "refcount block behind the end of the file",
        &[(RT, 0, 8, 0xff_ffff_0000_0000)],
    ),
    (
        "refcount block behind every end",
        &[(RT, 0, 8, 0xffff_ffff_ffff_0000)],
    ),
    ("refcount block with reserved bits", &[(RT, 0, 8, 0x2_00ff)]),
    (
        "second refcount block far out",
        &[(RT, 8, 8, 0xff_ffff_0000_0000)],
    ),
    ("second refcount block on the data", &[(RT, 8, 8, 0x5_0000)]),
    (
        "second refcount block off the clusters",
        &[(RT, 8, 8, 0x200)],
    ),
    ("no refcount table", &[(H, 56, 4, 0)]),
    ("refcount table on the header", &[(H, 48, 8, 0)]),
    ("refcount table on the L1 table", &[(H, 48, 8, 0x2_0000)]),
    (
        "refcount block in a corrupt and dirty image",
        &[(RT, 0, 8, 0xffff_2a00), (H, 72, 8, 3)],
    ),
    (
        "no refcount block in a dirty image",
        &[(RT, 0, 8, 0), (H, 72, 8, 1)],
    ),
    (
        "L1 entry in a corrupt image",
        &[(L1, 0, 8, 0xffff_ffff_ffff_ffff), (H, 72, 8, 2)],
    ),
];

pub const TABLES_OF_V2: &[Row] = &[
    (
        "L2 table on the L1 table",
        &[(L1, 0, 8, 0x8000_0000_0003_0000)],
    ),
    (
        "L2 table on the header",
        &[(L1, 0, 8, 0x8000_0000_0000_0000)],
    ),
    (
        "L2 table on the refcount table",
        &[(L1, 0, 8, 0x8000_0000_0001_0000)],
    ),
    (
        "L2 table off the clusters",
        &[(L1, 0, 8, 0x8000_0000_0004_2a00)],
    ),
    (
        "L2 table behind the end of the file",
        &[(L1, 0, 8, 0x80ff_ffff_ffff_0000)],
    ),
    (
        "L1 entry with reserved bits",
        &[(L1, 0, 8, 0x7f00_0000_0004_0001)],
    ),
    ("L1 entry of all ones", &[(L1, 0, 8, 0xffff_ffff_ffff_ffff)]),
    ("L1 entry off everything", &[(L1, 0, 8, 0x2a2a_2a2a)]),
    (
        "data on the refcount block",
        &[(L2, 0, 8, 0x8000_0000_0002_0000)],
    ),
    ("data on the L2 table", &[(L2, 0, 8, 0x8000_0000_0004_0000)]),
    ("data on the header", &[(L2, 0, 8, 0x8000_0000_0000_0000)]),
    (
        "data off the clusters",
        &[(L2, 0, 8, 0x8000_0000_0005_2a00)],
    ),
    (
        "zero cluster off the clusters",
        &[(L2, 0, 8, 0x8000_0000_0005_2a01)],
    ),
    (
        "two entries off the clusters",
        &[
            (L2, 0, 8, 0x8000_0000_0005_2a00),
            (L2, 8, 8, 0x8000_0000_0006_2a00),
        ],
    ),
    (
        "data behind the end of the file",
        &[(L2, 0, 8, 0x80ff_ffff_ffff_0000)],
    ),
    (
        "compressed data behind the end of the file",
        &[(L2, 0, 8, 0x7fff_ffff_ffff_ffff)],
    ),
    (
        "compressed data on the header",
        &[(L2, 0, 8, 0x4000_0000_0000_0000)],
    ),
    ("L2 entry of all ones", &[(L2, 0, 8, 0xffff_ffff_ffff_ffff)]),
    (
        "two entries for one cluster",
        &[(L2, 8, 8, 0x8000_0000_0005_0000)],
    ),
    ("header not counted", &[(RB, 0, 2, 0)]),
    ("refcount table not counted", &[(RB, 2, 2, 0)]),
    ("L1 table counted twice", &[(RB, 4, 2, 2)]),
    ("nothing counted", &[(RB, 0, 8, 0)]),
    (
        "everything counted too often",
        &[(RB, 0, 8, 0xffff_ffff_ffff_ffff)],
    ),
    ("refcount block nowhere", &[(RT, 0, 8, 0)]),
    ("refcount block off the clusters", &[(RT, 0, 8, 0x2_2a00)]),
    ("refcount block on the header", &[(RT, 0, 8, 0x2a00)]),
    (
        "refcount block behind the end of the file",
        &[(RT, 0, 8, 0xff_ffff_0000_0000)],
    ),
    (
        "refcount block behind every end",
        &[(RT, 0, 8, 0xffff_ffff_ffff_0000)],
    ),
    ("refcount block with reserved bits", &[(RT, 0, 8, 0x2_00ff)]),
    (
        "second refcount block far out",
        &[(RT, 8, 8, 0xff_ffff_0000_0000)],
    ),
    ("second refcount block on the data", &[(RT, 8, 8, 0x5_0000)]),
    (
        "second refcount block off the clusters",
        &[(RT, 8, 8, 0x200)],
    ),
    ("no refcount table", &[(H, 56, 4, 0)]),
    ("refcount table on the header", &[(H, 48, 8, 0)]),
    ("refcount table on the L1 table", &[(H, 48, 8, 0x2_0000)]),
];

pub const COUNTS: &[Row] = &[
    (
        "second L2 entry at 2^55",
        &[(L2, 8, 8, 0x80_0000_0000_0000)],
    ),
    (
        "second L1 entry at 2^55",
        &[(L1, 8, 8, 0x80_0000_0000_0000)],
    ),
    (
        "L2 table counted twice and not said to be",
        &[(RB, 8, 2, 2)],
    ),
    ("L1 entry without its copied bit", &[(L1, 0, 1, 0)]),
    ("L2 entry without its copied bit", &[(L2, 0, 1, 0)]),
    ("two refcount blocks in one", &[(RT, 8, 8, 0x3_0000)]),
];

pub const SUBCLUSTERS: &[Row] = &[
    (
        "subclusters both there and zero",
        &[(L2, 8, 8, 0x1_0000_0001)],
    ),
    (
        "all subclusters both there and zero",
        &[(L2, 8, 8, 0xffff_ffff_ffff_ffff)],
    ),
    (
        "subclusters there without a cluster",
        &[(L2, 0, 8, 0), (L2, 8, 8, 1)],
    ),
    (
        "all subclusters there without a cluster",
        &[(L2, 0, 8, 0), (L2, 8, 8, 0xffff_ffff)],
    ),
    (
        "subclusters zero without a cluster",
        &[(L2, 0, 8, 0), (L2, 8, 8, 0x1_0000_0000)],
    ),
    ("zero bit of the other kind of entries", &[(L2, 7, 1, 1)]),
    (
        "zero bit of the other kind of entries without a cluster",
        &[(L2, 0, 8, 1)],
    ),
    (
        "compressed cluster with subclusters",
        &[(L2, 0, 8, 0x4000_0000_0001_4000), (L2, 8, 8, 1)],
    ),
    (
        "compressed cluster with zero subclusters",
        &[(L2, 0, 8, 0x4000_0000_0001_4000), (L2, 8, 8, 0x1_0000_0000)],
    ),
    ("data off the clusters", &[(L2, 6, 1, 2)]),
    (
        "second entry off the clusters",
        &[(L2, 16, 8, 0x8000_0000_0000_0200)],
    ),
    ("clusters of 8 KiB", &[(H, 20, 4, 13)]),
    ("clusters of 512 bytes", &[(H, 20, 4, 9)]),
    ("clusters of 2 MiB", &[(H, 20, 4, 21)]),
    ("no subclusters for these entries", &[(H, 72, 8, 0)]),
    (
        "L1 table too small for subclusters",
        &[(H, 24, 8, 0x80_0001), (H, 36, 4, 1)],
    ),
    (
        "L1 table just large enough for subclusters",
        &[(H, 24, 8, 0x80_0000), (H, 36, 4, 1)],
    ),
    (
        "subclusters and a data file without a name",
        &[(H, 72, 8, 20)],
    ),
    ("subclusters in a dirty image", &[(H, 72, 8, 17)]),
    ("subclusters in a corrupt image", &[(H, 72, 8, 18)]),
];
