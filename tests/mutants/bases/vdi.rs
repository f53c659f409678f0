//! VDI.

use super::super::base::{Base, Table};

const HEADER: Table = &[
    (0x40, 4, "signature", &[]),
    (0x44, 4, "version", &[0x0001_0000, 0x0001_0002]),
    (0x48, 4, "header_size", &[]),
    (0x4c, 4, "image_type", &[1, 2, 3, 4]),
    (0x50, 4, "image_flags", &[]),
    (0x154, 4, "offset_bmap", &[512, 1024]),
    (0x158, 4, "offset_data", &[512, 1024]),
    (0x15c, 4, "cylinders", &[]),
    (0x160, 4, "heads", &[]),
    (0x164, 4, "sectors", &[]),
    (0x168, 4, "sector_size", &[512, 4096]),
    (0x16c, 4, "unused1", &[]),
    (
        0x170,
        8,
        "disk_size",
        &[
            1 << 20,
            10 << 20,
            (10 << 20) + 1,
            (10 << 20) - 511,
            0x1fff_ff80 << 20,
        ],
    ),
    (0x178, 4, "block_size", &[1 << 20, 2 << 20, 1 << 19]),
    (0x17c, 4, "block_extra", &[]),
    (
        0x180,
        4,
        "blocks_in_image",
        &[9, 10, 11, 0x1fff_ff80, 0x1fff_ff81],
    ),
    (0x184, 4, "blocks_allocated", &[]),
    (0x188, 8, "uuid_image", &[]),
    (0x198, 8, "uuid_last_snap", &[]),
    (0x1a8, 8, "uuid_link", &[]),
    (0x1b0, 8, "second half of uuid_link", &[]),
    (0x1b8, 8, "uuid_parent", &[]),
    (0x1c0, 8, "second half of uuid_parent", &[]),
];

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    let image = |name: &str, files| {
        let mut bytes = super::alone(files);
        // What is random in each new image.
        bytes[0x188..0x1a8].fill(7);
        let base = Base::new(name, "vdi", bytes).record("", 0, HEADER);
        base.array("block map", 0x200, 4, 10)
            .costly("blocks_in_image", 1 << 24..0x1fff_ff81)
    };
    vec![
        image("empty", super::create("vdi", "", "10M")),
        image("static", super::create("vdi", "static=on", "10M")),
        image("with data", super::convert("vdi", "", 1 << 20, 10 << 20)),
        image("large", super::create("vdi", "", "100G")),
    ]
}
