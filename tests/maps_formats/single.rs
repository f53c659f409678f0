//! One image at a time.

use crate::common::maps::{assert_same_map, assert_same_text, theirs_with_key};
use crate::common::random::Random;
use crate::common::{Images, qemu_img};
use crate::images::{KINDS, converted, create, fill};

#[test]
fn one_image_of_each_kind() {
    let images = Images::new();
    let mut random = Random::new(41);
    for (i, kind) in KINDS.into_iter().enumerate() {
        for round in 0..3 {
            let size = (1 + random.below(96) as u64) * 100_000;
            let path = images.path(&format!("{i}-{round}.img"));
            create(&path, kind, None, size);
            assert_same_map(&path, kind.0);
            // The size may have been rounded.
            fill(&path, kind.0, &mut random, size / 512 * 512);
            images.settle();
            assert_same_map(&path, kind.0);
        }
    }
}

#[test]
fn converted_and_compressed_images() {
    let images = Images::in_memory();
    let mut random = Random::new(42);
    let kinds = [
        ("vmdk", "subformat=streamOptimized", &[][..]),
        ("vmdk", "subformat=streamOptimized", &["-c"]),
        ("vmdk", "subformat=monolithicSparse", &[]),
        ("vmdk", "subformat=twoGbMaxExtentFlat", &[]),
        ("vmdk", "subformat=monolithicFlat", &["-S", "0"]),
        ("qcow", "", &[]),
        ("qed", "cluster_size=8k", &[]),
        ("vdi", "", &[]),
        ("vdi", "static=on", &[]),
        ("vpc", "", &[]),
        ("vpc", "subformat=fixed", &[]),
        ("vhdx", "", &[]),
        ("vhdx", "subformat=fixed", &[]),
    ];
    for (i, (format, options, further)) in kinds.into_iter().enumerate() {
        for round in 0..3 {
            let size = (1 + random.below(16_000) as u64) * 512;
            let name = format!("{i}-{round}.img");
            let disk = (&mut random, size);
            let path = converted(&images, &name, (format, options), further, disk);
            images.settle();
            assert_same_map(&path, format);
        }
    }
}

#[test]
fn compressed_clusters_of_qcow() {
    let images = Images::in_memory();
    let mut random = Random::new(46);
    for round in 0..4 {
        let path = images.path(&format!("{round}.qcow"));
        create(&path, ("qcow", ""), None, 4 << 20);
        let write = |i: usize| match i % 3 {
            0 => format!("write {} {}", random.below(7000) * 512, 512 * 9),
            _ => format!("write -c -P 3 {} 4096", random.below(1000) * 4096),
        };
        let io = std::process::Command::new("qemu-io")
            .args(["-f", "qcow"])
            .args(
                (0..30)
                    .map(write)
                    .flat_map(|write| ["-c".to_owned(), write]),
            )
            .arg(&path)
            .output();
        io.unwrap();
        images.settle();
        assert_same_map(&path, "qcow");
    }
}

#[test]
fn encrypted_images() {
    let images = Images::in_memory();
    let mut random = Random::new(43);
    let kinds = [
        (
            "qcow",
            "encrypt.format=aes,encrypt.key-secret=s",
            "encrypt.key-secret",
        ),
        ("luks", "key-secret=s,iter-time=10", "key-secret"),
        (
            "qcow2",
            "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
            "encrypt.key-secret",
        ),
    ];
    for (format, options, key) in kinds {
        let disk = (&mut random, 3 << 20);
        let path = converted(&images, format, (format, options), &[], disk);
        images.settle();
        let theirs = theirs_with_key(&path, format, key);
        assert!(theirs.is_ok(), "{theirs:?}");
        assert_same_text(&path, format, &theirs, format);
    }
}

#[test]
fn large_images_of_several_extents() {
    let images = Images::in_memory();
    let mut random = Random::new(44);
    for (i, options) in ["Sparse", "Flat"].into_iter().enumerate() {
        let options: &str = match options {
            "Sparse" => "subformat=twoGbMaxExtentSparse",
            _ => "subformat=twoGbMaxExtentFlat",
        };
        let path = images.path(&format!("{i}.vmdk"));
        let size = (5 << 30) + 7 * 512;
        create(&path, ("vmdk", options), None, size);
        fill(&path, "vmdk", &mut random, size);
        // Across the end of an extent.
        let write = format!("write {} 128k", (2u64 << 30) - (64 << 10));
        let io = std::process::Command::new("qemu-io")
            .args(["-f", "vmdk", "-c", &write])
            .arg(&path)
            .output();
        assert!(io.unwrap().status.success());
        images.settle();
        assert_same_map(&path, "vmdk");
    }
    for (i, (format, size)) in [("qcow", "9G"), ("qed", "3T"), ("vdi", "1T"), ("vpc", "1T")]
        .into_iter()
        .enumerate()
    {
        let path = images.path(&format!("large-{i}"));
        let made = qemu_img(&["create", "-qf", format, path.to_str().unwrap(), size]);
        assert!(made.status.success(), "{made:?}");
        fill(&path, format, &mut random, 8 << 30);
        images.settle();
        assert_same_map(&path, format);
    }
}

#[test]
fn truncated_files() {
    let images = Images::in_memory();
    let mut random = Random::new(45);
    for (i, kind) in KINDS.into_iter().enumerate() {
        let path = images.path(&format!("{i}.img"));
        create(&path, kind, None, 8_000_000);
        fill(&path, kind.0, &mut random, 8_000_000);
        let length = path.metadata().unwrap().len();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        for part in [9, 7, 4] {
            file.set_len(length * part / 10).unwrap();
            images.settle();
            assert_same_map(&path, kind.0);
        }
    }
}
