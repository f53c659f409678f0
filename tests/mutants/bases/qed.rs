//! QED.

use super::super::base::{Base, Table};

const HEADER: Table = &[
    (0, 4, "magic", &[]),
    (4, 4, "cluster_size", &[2048, 4096, 8192, 1 << 26, 1 << 27]),
    (8, 4, "table_size", &[1, 2, 4, 8, 16, 32]),
    (12, 4, "header_size", &[2, 3, 0x10000, 0xffff]),
    (16, 8, "features", &[1, 2, 4, 5, 6, 7, 8]),
    (24, 8, "compat_features", &[]),
    (32, 8, "autoclear_features", &[]),
    (40, 8, "l1_table_offset", &[4096, 65536, 131_072, 262_144]),
    (
        48,
        8,
        "image_size",
        &[512, 513, 1 << 40, 0x7fff_ffff_c000_0000],
    ),
    (56, 4, "backing_filename_offset", &[64, 65528, 65535, 65536]),
    (60, 4, "backing_filename_size", &[8, 4095, 4096, 65472]),
];

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    [
        ("plain", "", "10M"),
        (
            "backed",
            "table_size=2,backing_file=base.raw,backing_fmt=raw",
            "10M",
        ),
        ("small", "cluster_size=4096,table_size=1", "1G"),
        (
            "large",
            "cluster_size=1M,table_size=4,backing_file=base.qcow2,backing_fmt=qcow2",
            "1T",
        ),
    ]
    .into_iter()
    .map(|(name, options, size)| {
        let bytes = super::alone(super::create("qed", options, size));
        let mut base = Base::new(name, "qed", bytes).record("", 0, HEADER);
        base.areas.push(0..96);
        base
    })
    .collect()
}
