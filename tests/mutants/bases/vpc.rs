//! VHD, fixed and dynamic.

use super::super::base::{Base, Edit, Table};

const FOOTER_BYTES: usize = 512;

const FOOTER: Table = &[
    (0, 8, "cookie", &[]),
    (8, 4, "features", &[]),
    (12, 4, "version", &[0x0001_0000]),
    (
        16,
        8,
        "data_offset",
        &[512, 1024, 0x7fff_ffff_c000_0000, 0x7fff_ffff_bfff_fc00],
    ),
    (24, 4, "timestamp", &[]),
    (
        28,
        4,
        "creator_app",
        &[
            0x7670_6320,
            0x7165_6d75,
            0x7165_6d32,
            0x7769_6e20,
            0x642d_3276,
            0x7461_7000,
        ],
    ),
    (36, 4, "os", &[]),
    (40, 8, "original_size", &[]),
    (
        48,
        8,
        "current_size",
        &[512, 10 << 20, 0xff00_0000 * 512, 0xff00_0000 * 512 + 512],
    ),
    (56, 2, "cylinders", &[65535]),
    (58, 1, "heads", &[16]),
    (59, 1, "sectors", &[17, 255]),
    (60, 4, "type", &[2, 3, 4]),
    (64, 4, "checksum", &[]),
    (68, 8, "uuid", &[]),
    (84, 1, "in_saved_state", &[]),
];

const DYNAMIC: Table = &[
    (0, 8, "dynamic cookie", &[]),
    (8, 8, "next_data_offset", &[]),
    (
        16,
        8,
        "table_offset",
        &[512, 1536, 2048, 0x7fff_ffff_c000_0000],
    ),
    (24, 4, "dynamic version", &[0x0001_0000]),
    (
        28,
        4,
        "max_table_entries",
        &[4, 5, 6, 0x1fff_ffff, 0x2000_0000],
    ),
    (
        32,
        4,
        "block_size",
        &[512, 4096, 1 << 19, 1 << 20, 1 << 21, 1 << 30, 1 << 31],
    ),
    (36, 4, "dynamic checksum", &[]),
    (56, 4, "parent_timestamp", &[]),
    (64, 2, "parent_name", &[]),
];

/// The checksum of the footer, which lies in the first or in the last sector.
fn repair(bytes: &[u8]) -> Vec<Edit> {
    let last = bytes.len() - FOOTER_BYTES;
    let edit = |at: usize| {
        let footer = bytes[at..at + FOOTER_BYTES].iter().enumerate();
        let counted = footer.filter(|(i, _)| !(64..68).contains(i));
        let sum: u32 = counted.map(|(_, &byte)| u32::from(byte)).sum();
        (at + 64, (!sum).to_be_bytes().to_vec())
    };
    vec![edit(0), edit(last)]
}

/// Without what differs in each new image.
fn settled(mut bytes: Vec<u8>) -> Vec<u8> {
    let last = bytes.len() - FOOTER_BYTES;
    let starts_with_one = bytes.starts_with(b"conectix");
    for at in [0, last].into_iter().skip(usize::from(!starts_with_one)) {
        bytes[at + 24..at + 28].fill(7);
        bytes[at + 68..at + 84].fill(7);
    }
    for (at, sum) in repair(&bytes)
        .into_iter()
        .skip(usize::from(!starts_with_one))
    {
        bytes[at..at + 4].copy_from_slice(&sum);
    }
    bytes
}

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    let dynamic = |name: &str, files| {
        let bytes = settled(super::alone(files));
        let base = Base::new(name, "vpc", bytes)
            .big_endian()
            .repaired_by(repair);
        let base = base.record("", 0, FOOTER).record("", 512, DYNAMIC);
        base.array("table", 1536, 4, 5)
            .costly("max_table_entries", 1 << 24..1 << 29)
    };
    let fixed = |name: &str, options: &str| {
        let bytes = settled(super::alone(super::create("vpc", options, "100K")));
        let footer = bytes.len() - FOOTER_BYTES;
        let base = Base::new(name, "vpc", bytes)
            .big_endian()
            .repaired_by(repair);
        base.record("", footer, FOOTER)
    };
    vec![
        dynamic("empty", super::create("vpc", "", "10M")),
        dynamic("exact", super::create("vpc", "force_size=on", "10M")),
        dynamic("with data", super::convert("vpc", "", 1 << 20, 10 << 20)),
        dynamic("large", super::create("vpc", "force_size=on", "100G")),
        fixed("fixed", "subformat=fixed"),
        fixed("fixed and exact", "subformat=fixed,force_size=on"),
    ]
}
