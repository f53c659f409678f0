//! Chains that mix formats, sizes and sizes of clusters.

use std::path::PathBuf;

use crate::common::Images;
use crate::common::maps::assert_same_map;
use crate::common::random::Random;
use crate::images::{KINDS, create, fill};

/// Formats that can stand on others, with options.
const UPPER: [(&str, &str); 9] = [
    ("qed", ""),
    ("qed", "cluster_size=4k,table_size=2"),
    ("qcow", ""),
    ("qcow2", ""),
    ("qcow2", "cluster_size=4k"),
    ("qcow2", "cluster_size=512"),
    ("qcow2", "extended_l2=on,cluster_size=16k"),
    ("vmdk", ""),
    ("vmdk", "zeroed_grain=on"),
];

#[test]
fn every_format_below_qcow2() {
    let images = Images::in_memory();
    let mut random = Random::new(51);
    for (i, kind) in KINDS.into_iter().enumerate() {
        for round in 0..2 {
            let top = ["", "cluster_size=512", "cluster_size=2M"][(i + round) % 3];
            let base = images.path(&format!("{i}-{round}-base"));
            let size = (1 + random.below(40) as u64) * 200_000;
            create(&base, kind, None, size);
            fill(&base, kind.0, &mut random, size / 512 * 512);
            let path = images.path(&format!("{i}-{round}-top"));
            let above = (1 + random.below(40) as u64) * 200_000;
            create(&path, ("qcow2", top), Some((&base, kind.0)), above);
            fill(&path, "qcow2", &mut random, above / 512 * 512);
            images.settle();
            assert_same_map(&path, "qcow2");
        }
    }
}

#[test]
fn chains_of_several_formats() {
    let images = Images::in_memory();
    let mut random = Random::new(52);
    for round in 0..30 {
        let base = *random.pick(&KINDS);
        let path = images.path(&format!("{round}-0"));
        let size = (1 + random.below(30) as u64) * 262_144;
        create(&path, base, None, size);
        fill(&path, base.0, &mut random, size / 512 * 512);
        let mut below: (PathBuf, &str) = (path, base.0);
        for depth in 1..2 + random.below(5) {
            let kind = *random.pick(&UPPER);
            // VMDK stands on VMDK alone, and has its size.
            if kind.0 == "vmdk" && below.1 != "vmdk" {
                continue;
            }
            let path = images.path(&format!("{round}-{depth}"));
            let size = (1 + random.below(30) as u64) * 262_144;
            create(&path, kind, Some((&below.0, below.1)), size);
            fill(&path, kind.0, &mut random, size);
            below = (path, kind.0);
        }
        images.settle();
        assert_same_map(&below.0, below.1);
    }
}
