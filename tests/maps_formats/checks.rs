//! Checks: the same verdict and the same counts.

use pve_native_core::Code;

use crate::common::checks::{assert_same_check, ours, theirs};
use crate::common::random::Random;
use crate::common::{Images, SECRET, qemu_img, rounds};
use crate::images::{create, fill};
use crate::mutated::{KINDS, SIZE, TABLES, base, mutate, tables};

#[test]
fn sound_images() {
    let images = Images::in_memory();
    let mut random = Random::new(71);
    for (i, kind) in crate::images::KINDS.into_iter().enumerate() {
        for round in 0..2 {
            let path = images.path(&format!("{i}-{round}.img"));
            let size = (1 + random.below(80) as u64) * 100_000;
            create(&path, kind, None, size);
            fill(&path, kind.0, &mut random, size / 512 * 512);
            assert!(!assert_same_check(&path, kind.0, kind.1));
        }
    }
}

#[test]
fn formats_without_checks() {
    let images = Images::new();
    for format in ["raw", "vpc", "qcow"] {
        let path = images.create(format, format, "", "1M");
        assert_eq!(theirs(&path, format), Err(63));
        assert!(!assert_same_check(&path, format, ""));
    }
    let path = images.create("luks", "luks", "key-secret=s,iter-time=10", "1M");
    let image = format!("driver=luks,key-secret=s,file.filename={}", path.display());
    let arguments = ["check", "--image-opts", SECRET[0], SECRET[1], &image];
    assert_eq!(qemu_img(&arguments).status.code(), Some(63));
    assert_eq!(ours(&path, "luks").unwrap_err().code(), Code::Unsupported);
}

#[test]
fn changed_tables_are_judged_alike() {
    let images = Images::in_memory();
    let mut random = Random::new(72);
    for (i, kind) in KINDS.into_iter().enumerate() {
        let path = images.path(&format!("{i}.img"));
        let mut wrong = 0;
        for _ in 0..3 {
            let sound = base(&path, kind, &mut random);
            let tables = tables(kind.0, &sound);
            for _ in 0..rounds(TABLES, 14) {
                let mut bytes = sound.clone();
                let what = mutate(&mut bytes, &tables, &mut random);
                std::fs::write(&path, &bytes).unwrap();
                let is_wrong = assert_same_check(&path, kind.0, &what);
                wrong += usize::from(is_wrong && kind.0 != "vpc");
            }
            std::fs::remove_file(&path).unwrap();
        }
        let checked = !matches!(kind.0, "vpc" | "qcow");
        assert_eq!(wrong > 8, checked, "{kind:?}: {wrong}");
    }
}

#[test]
fn files_that_end_early() {
    let images = Images::in_memory();
    let mut random = Random::new(73);
    for (i, kind) in KINDS.into_iter().enumerate() {
        let path = images.path(&format!("{i}.img"));
        let bytes = base(&path, kind, &mut random);
        for part in [99, 90, 60, 30] {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_len(bytes.len() as u64 * part / 100).unwrap();
            assert_same_check(&path, kind.0, &format!(" {part} %"));
        }
    }
}

/// QEMU numbers QED's clusters in a way that leaves out one of 4096 (of this size).
#[test]
fn qed_files_with_more_clusters_than_a_cluster_has_bytes() {
    let images = Images::in_memory();
    let path = images.path("large.qed");
    let mut random = Random::new(74);
    for round in 0..3 {
        create(
            &path,
            ("qed", "cluster_size=4k,table_size=2"),
            None,
            64 << 20,
        );
        let write = "write 0 40M";
        let io = std::process::Command::new("qemu-io")
            .args(["-f", "qed", "-c", write])
            .arg(&path)
            .output();
        assert!(io.unwrap().status.success());
        assert_same_check(&path, "qed", "");
        let mut bytes = std::fs::read(&path).unwrap();
        let tables = tables("qed", &bytes);
        let what = mutate(&mut bytes, &tables, &mut random);
        std::fs::write(&path, &bytes).unwrap();
        assert_same_check(&path, "qed", &format!("{round}{what}"));
    }
}

const SECTORS: u64 = SIZE / 512;

#[test]
fn vmdk_extents_behind_the_end_of_their_files() {
    let images = Images::new();
    images.write("empty", "");
    images.write("short", [1; 600]);
    let text = |lines: String| {
        format!(
            "# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\n\
             createType=\"monolithicFlat\"\n{lines}"
        )
    };
    for (i, (name, sector)) in [("empty", 0), ("short", 0), ("short", 1), ("short", 2)]
        .into_iter()
        .enumerate()
    {
        let line = format!("RW {SECTORS} FLAT \"{name}\" {sector}\n");
        let path = images.write(&format!("{i}.vmdk"), text(line));
        assert_same_check(&path, "vmdk", &format!(" {name} {sector}"));
    }
}
