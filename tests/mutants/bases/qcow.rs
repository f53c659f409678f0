//! qcow version 1.

use super::super::base::{Base, Table};

const HEADER: Table = &[
    (0, 4, "magic", &[]),
    (4, 4, "version", &[1, 2, 3]),
    (
        8,
        8,
        "backing_file_offset",
        &[8, 48, 4095, 4096, 0x7fff_ffff_c000_0000],
    ),
    (16, 4, "backing_file_size", &[4, 1022, 1023, 1024]),
    (20, 4, "mtime", &[]),
    (
        24,
        8,
        "size",
        &[2, 511, 512, 1 << 40, 0x7fff_ffff_c000_0000],
    ),
    (32, 1, "cluster_bits", &[8, 9, 12, 16, 17]),
    (33, 1, "l2_bits", &[5, 6, 9, 13, 14]),
    (34, 2, "padding", &[]),
    (36, 4, "crypt_method", &[1, 2]),
    (40, 8, "l1_table_offset", &[48, 512, 0x7fff_ffff_c000_0000]),
];

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    [
        ("plain", "", "10M"),
        ("backed", "backing_file=base.raw,backing_fmt=raw", "10M"),
        ("AES", "encrypt.format=aes,encrypt.key-secret=s", "10M"),
        ("large", "", "1T"),
    ]
    .into_iter()
    .map(|(name, options, size)| {
        let bytes = super::alone(super::create("qcow", options, size));
        let base = Base::new(name, "qcow", bytes).big_endian();
        let mut base = base.record("", 0, HEADER);
        base.areas.push(0..72);
        base.costly("size", 1 << 42..1 << 54)
    })
    .collect()
}
