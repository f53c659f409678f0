//! Images whose tables are changed at random: both read them alike, or both refuse them.
//!
//! `PVE_NATIVE_TABLES` sets how often each of them is changed.

use std::path::Path;

use crate::common::maps::{assert_same_map, ours, theirs};
use crate::common::random::Random;
use crate::common::{Images, rounds};
use crate::images::{Kind, create, fill};

/// Says how often tables are changed.
pub const TABLES: &str = "PVE_NATIVE_TABLES";

/// Some entries of an image: where they begin, bytes of one, how many, whether they are big-endian.
pub type Entries = (usize, usize, usize, bool);

fn number(bytes: &[u8], at: usize, width: usize, big: bool) -> u64 {
    let Some(bytes) = bytes.get(at..at + width) else {
        return 0;
    };
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    match big {
        true => bytes.iter().fold(0, add),
        false => bytes.iter().rev().fold(0, add),
    }
}

/// The tables of an image, as far as the first entries.
pub fn tables(format: &str, bytes: &[u8]) -> Vec<Entries> {
    let le = |at, width| number(bytes, at, width, false) as usize;
    let be = |at, width| number(bytes, at, width, true) as usize;
    match format {
        "vdi" => vec![(le(0x154, 4), 4, le(0x180, 4), false)],
        "vpc" => {
            let header = be(16, 8);
            vec![(be(header + 16, 8), 4, be(header + 28, 4), true)]
        }
        "qed" => {
            let entries = le(4, 4) * le(8, 4) / 8;
            let l1 = le(40, 8);
            let l2 = (0..entries)
                .map(|i| le(l1 + i * 8, 8))
                .filter(|&at| at != 0);
            let l2 = l2.map(|at| (at, 8, entries.min(256), false));
            [(l1, 8, 4, false)].into_iter().chain(l2).collect()
        }
        "qcow" => {
            let entries = 1 << bytes[33];
            let l1 = be(40, 8);
            let l2 = (0..8).map(|i| be(l1 + i * 8, 8)).filter(|&at| at != 0);
            let l2 = l2.map(|at| (at, 8, entries.min(256), true));
            [(l1, 8, 4, true)].into_iter().chain(l2).collect()
        }
        "vmdk" => {
            let directory = le(56, 8) * 512;
            let tables = (0..4).map(|i| le(directory + i * 4, 4) * 512);
            let tables = tables.filter(|&at| at != 0).map(|at| (at, 4, 128, false));
            [(directory, 4, 3, false)]
                .into_iter()
                .chain(tables)
                .collect()
        }
        "vhdx" => {
            // The region table leads to the block allocation table, by its GUID's first bytes.
            let entry = (0..2).map(|i| (192 << 10) + 16 + i * 32);
            let entry = entry.filter(|&at| le(at, 4) == 0x2dc2_7766);
            entry.map(|at| (le(at + 16, 8), 8, 8, false)).collect()
        }
        _ => unreachable!("{format} has no tables here"),
    }
}

/// Changes up to three entries; says what.
pub fn mutate(bytes: &mut [u8], tables: &[Entries], random: &mut Random) -> String {
    let mut what = String::new();
    for _ in 0..1 + random.below(3) {
        let &(start, width, count, big) = random.pick(tables);
        let at = start + random.below(count.max(1)) * width;
        let near = start + random.below(count.max(1)) * width;
        if at.max(near) + width > bytes.len() {
            continue;
        }
        let now = number(bytes, at, width, big);
        let value = match random.below(10) {
            0 => 0,
            1 => 1,
            2 => now ^ 1 << random.below(8 * width),
            3 => now ^ 1 << random.below(24),
            4 => number(bytes, near, width, big),
            5 => number(bytes, near, width, big).wrapping_add(65536),
            6 => now.wrapping_add((random.below(64) as u64) << 20),
            7 => now | 6 | (random.below(16) as u64) << 20,
            8 => u64::MAX >> (64 - 8 * width) >> random.below(3),
            _ => random.next() >> random.below(64),
        };
        let all = if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        let part = if big {
            &all[8 - width..]
        } else {
            &all[..width]
        };
        bytes[at..at + width].copy_from_slice(part);
        what += &format!(" {at}: {now:#x} -> {value:#x}");
    }
    what
}

/// Kinds with tables that can be changed.
pub const KINDS: [Kind; 10] = [
    ("vdi", ""),
    ("vdi", "static=on"),
    ("vpc", ""),
    ("qed", "cluster_size=4k,table_size=2"),
    ("qed", ""),
    ("qcow", ""),
    ("vmdk", ""),
    ("vmdk", "zeroed_grain=on"),
    ("vmdk", "subformat=streamOptimized"),
    ("vhdx", "block_size=1M"),
];

/// Bytes of their disks.
pub const SIZE: u64 = 6 << 20;

/// Such an image, filled.
pub fn base(path: &Path, kind: Kind, random: &mut Random) -> Vec<u8> {
    create(path, kind, None, SIZE);
    if kind.1.contains("stream") {
        // Only whole grains can be written, and once.
        for at in [0, 3 << 20, 5 << 20] {
            let io = std::process::Command::new("qemu-io")
                .args(["-f", "vmdk", "-c", &format!("write -c {at} 256k")])
                .arg(path)
                .output();
            io.unwrap();
        }
    } else {
        fill(path, kind.0, random, SIZE);
    }
    std::fs::read(path).unwrap()
}

#[test]
fn changed_tables_are_read_alike() {
    let images = Images::in_memory();
    let mut random = Random::new(61);
    for (i, kind) in KINDS.into_iter().enumerate() {
        let path = images.path(&format!("{i}.img"));
        for _ in 0..3 {
            let sound = base(&path, kind, &mut random);
            let tables = tables(kind.0, &sound);
            for _ in 0..rounds(TABLES, 14) {
                let mut bytes = sound.clone();
                let what = mutate(&mut bytes, &tables, &mut random);
                std::fs::write(&path, &bytes).unwrap();
                eprintln!("{kind:?}{what}");
                assert_same_map(&path, kind.0);
            }
            std::fs::remove_file(&path).unwrap();
        }
    }
}

/// In a chain some changes are refused that QEMU takes as it comes upon them; never the reverse.
#[test]
fn changed_tables_in_chains_are_never_read_otherwise() {
    let images = Images::in_memory();
    let mut random = Random::new(62);
    for (i, kind) in KINDS.into_iter().enumerate() {
        let path = images.path(&format!("{i}.img"));
        let sound = base(&path, kind, &mut random);
        let tables = tables(kind.0, &sound);
        let top = images.path(&format!("{i}-top.img"));
        let options = *random.pick(&["cluster_size=512", "cluster_size=4k", ""]);
        create(&top, ("qcow2", options), Some((&path, kind.0)), SIZE + 4096);
        fill(&top, "qcow2", &mut random, SIZE + 4096);
        for _ in 0..rounds(TABLES, 15) {
            let mut bytes = sound.clone();
            let what = mutate(&mut bytes, &tables, &mut random);
            std::fs::write(&path, &bytes).unwrap();
            let theirs = theirs(&top, "qcow2");
            if let Ok(ours) = ours(&top, "qcow2", 100) {
                assert_eq!(Ok(ours), theirs, "{kind:?}{what}");
            }
        }
    }
}

/// The same where the image with the changed tables stands on another one.
#[test]
fn changed_tables_on_top_are_never_read_otherwise() {
    let images = Images::in_memory();
    let mut random = Random::new(63);
    for (i, format) in ["qed", "qcow", "vmdk"].into_iter().enumerate() {
        let below = images.path(&format!("{i}-base.img"));
        create(&below, (format, ""), None, SIZE - 65536);
        fill(&below, format, &mut random, SIZE - 65536);
        let path = images.path(&format!("{i}.img"));
        create(&path, (format, ""), Some((&below, format)), SIZE);
        fill(&path, format, &mut random, SIZE);
        let sound = std::fs::read(&path).unwrap();
        let tables = tables(format, &sound);
        for _ in 0..rounds(TABLES, 25) {
            let mut bytes = sound.clone();
            let what = mutate(&mut bytes, &tables, &mut random);
            std::fs::write(&path, &bytes).unwrap();
            let theirs = theirs(&path, format);
            if let Ok(ours) = ours(&path, format, 100) {
                assert_eq!(Ok(ours), theirs, "{format}{what}");
            }
        }
    }
}
