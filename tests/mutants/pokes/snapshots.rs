//! Snapshot tables that are broken. Offsets are the format's (`docs/interop/qcow2`).

use super::Row;
use super::frame::At::{Header as H, Snapshot as S};

pub const SNAPSHOTS: &[Row] = &[
    (
        "snapshot with 65536 bytes of extra data",
        &[(S, 36, 4, 0x1_0000)],
    ),
    (
        "snapshot with 2^32 - 1 bytes of extra data",
        &[(S, 36, 4, 0xffff_ffff)],
    ),
    (
        "snapshot with 1025 bytes of extra data",
        &[(S, 36, 4, 1025)],
    ),
    (
        "snapshot with an identifier of 65535 bytes",
        &[(S, 12, 2, 0xffff)],
    ),
    ("snapshot with a name of 65535 bytes", &[(S, 14, 2, 0xffff)]),
    ("snapshot without an identifier", &[(S, 12, 2, 0)]),
    ("snapshot without a name", &[(S, 14, 2, 0)]),
    ("snapshot without extra data", &[(S, 36, 4, 0)]),
    ("snapshot with 8 bytes of extra data", &[(S, 36, 4, 8)]),
    ("snapshot with 15 bytes of extra data", &[(S, 36, 4, 15)]),
    ("snapshot with 24 bytes of extra data", &[(S, 36, 4, 24)]),
    (
        "snapshot of a disk of 2^64 - 1 bytes",
        &[(S, 48, 8, 0xffff_ffff_ffff_ffff)],
    ),
    (
        "snapshot with 2^64 - 1 bytes of machine state",
        &[(S, 40, 8, 0xffff_ffff_ffff_ffff)],
    ),
    (
        "snapshot with 2^32 - 1 bytes of machine state",
        &[(S, 32, 4, 0xffff_ffff)],
    ),
    (
        "snapshot at the end of time",
        &[(S, 16, 4, 0xffff_ffff), (S, 20, 4, 0xffff_ffff)],
    ),
    (
        "snapshot with a clock of 2^64 - 1",
        &[(S, 24, 8, 0xffff_ffff_ffff_ffff)],
    ),
    ("1 snapshot", &[(H, 60, 4, 1)]),
    ("3 snapshots", &[(H, 60, 4, 3)]),
    ("1000 snapshots", &[(H, 60, 4, 1000)]),
    ("snapshots at 1 MiB", &[(H, 64, 8, 0x10_0000)]),
    ("snapshots on the L1 table", &[(H, 64, 8, 0x2_0000)]),
];
