//! Images with something in their tables, as small as each format allows.

use super::disks::Disk;
use super::{Seed, disks};

/// One of each format but qcow2.
pub fn all() -> Vec<Seed> {
    let renamed = |name, of: Vec<Seed>, which: &str| {
        let found = of.into_iter().find(|seed| seed.0 == which);
        found.map(|seed| (name, seed.1))
    };
    let mut seeds = vec![
        qcow(),
        qed(),
        vdi(),
        vmdk("vmdk", 0),
        vmdk("vmdk-stream", 1),
    ];
    seeds.extend(renamed("vpc", disks::vpc(), "dynamic"));
    seeds.extend(renamed("vhdx", disks::vhdx(), "blocks"));
    seeds
}

/// qcow: a missing table, one with a compressed cluster and two others.
fn qcow() -> Seed {
    let mut disk = Disk::new(2048);
    disk.put(0, b"QFI\xfb\0\0\0\x01")
        .put(24, (80u64 << 10).to_be_bytes())
        .put(32, [9, 6])
        .put(40, 512u64.to_be_bytes())
        .put(520, 1024u64.to_be_bytes())
        .put(1024, 1536u64.to_be_bytes())
        .put(1040, 2048u64.to_be_bytes())
        .put(1048, ((1u64 << 63) | 2560).to_be_bytes());
    disk.seed("qcow", 4)
}

/// QED: a missing table, one with zeros and clusters that follow each other.
fn qed() -> Seed {
    let mut disk = Disk::new(6 * 4096);
    disk.put(0, b"QED\0")
        .put(4, 4096u32.to_le_bytes())
        .put(8, 2u32.to_le_bytes())
        .put(12, 1u32.to_le_bytes())
        .put(40, 4096u64.to_le_bytes())
        .put(48, (12u64 << 20).to_le_bytes())
        .put(4096 + 8, (3 * 4096u64).to_le_bytes())
        .put(3 * 4096, 1u64.to_le_bytes())
        .put(3 * 4096 + 16, (5 * 4096u64).to_le_bytes())
        .put(3 * 4096 + 24, (6 * 4096u64).to_le_bytes())
        .put(3 * 4096 + 48, (5 * 4096u64).to_le_bytes());
    disk.seed("qed", 5)
}

/// VDI: blocks in use, discarded, twice, and not there.
fn vdi() -> Seed {
    let mut disk = Disk::new(1024);
    disk.put(0x40, 0xbeda_107fu32.to_le_bytes())
        .put(0x44, 0x1_0001u32.to_le_bytes())
        .put(0x4c, 1u32.to_le_bytes())
        .put(0x154, 512u32.to_le_bytes())
        .put(0x158, 1024u32.to_le_bytes())
        .put(0x168, 512u32.to_le_bytes())
        .put(0x170, (5u64 << 20).to_le_bytes())
        .put(0x178, (1u32 << 20).to_le_bytes())
        .put(0x180, 5u32.to_le_bytes())
        .put(0x184, 3u32.to_le_bytes());
    for (i, block) in [1, u32::MAX, 0, u32::MAX - 1, 1].into_iter().enumerate() {
        disk.put(512 + i * 4, block.to_le_bytes());
    }
    disk.seed("vdi", 7)
}

/// VMDK: a missing table, grains of zeros, missing ones and others.
fn vmdk(name: &'static str, compression: u8) -> Seed {
    let mut disk = Disk::new(3072);
    disk.put(0, b"KDMV")
        .put(4, 1u32.to_le_bytes())
        .put(8, 5u32.to_le_bytes())
        .put(12, 100u64.to_le_bytes())
        .put(20, 8u64.to_le_bytes())
        .put(44, 4u32.to_le_bytes())
        .put(56, 4u64.to_le_bytes())
        .put(64, 5u64.to_le_bytes())
        .put(77, [compression])
        .put(512, "CID=1\nparentCID=ffffffff\n")
        .put(2048 + 4, 5u32.to_le_bytes())
        .put(2560, 1u32.to_le_bytes())
        .put(2564, 8u32.to_le_bytes())
        .put(2568, 16u32.to_le_bytes());
    disk.seed(name, 6)
}
