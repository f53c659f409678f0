//! What was written since a snapshot, proved by the data as QEMU reads it.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::random::Random;
use common::{Images, qemu_img};
use pve_native_core::chain::ChainOptions;
use pve_native_core::chain::changed::Range;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{bitmap_extents, changed_extents};
use pve_native_core::work::finish_unwatched;

fn content(images: &Images, path: &Path) -> Vec<u8> {
    let raw = images.path("read.raw");
    let read = qemu_img(&[
        "convert".as_ref(),
        "-fqcow2".as_ref(),
        "-Oraw".as_ref(),
        path.as_os_str(),
        raw.as_os_str(),
    ]);
    assert!(read.status.success(), "{read:?}");
    std::fs::read(raw).unwrap()
}

fn changed(top: &Path, base: &Path) -> Vec<Range> {
    let options = ChainOptions::new(FormatChoice::Named(ImageFormat::Qcow2));
    let (top, base) = (top.as_os_str().as_bytes(), base.as_os_str().as_bytes());
    let changed = changed_extents(top, base, &options, None);
    changed.and_then(finish_unwatched).unwrap()
}

#[test]
fn an_incremental_copy_of_the_ranges_gives_the_disk() {
    let images = Images::new();
    let mut random = Random::new(31);
    let options = ["", "cluster_size=4k", "cluster_size=2M", "extended_l2=on"];
    for round in 0..16 {
        let mut chain: Vec<PathBuf> = Vec::new();
        for depth in 0..2 + random.below(5) {
            let path = images.path(&format!("{round}-{depth}"));
            let size = ((1 + random.below(8)) << 19) + random.below(4) * 512;
            let mut create = vec!["create".to_owned(), "-qfqcow2".into()];
            let options = random.pick(&options);
            if !options.is_empty() {
                create.extend(["-o".into(), (*options).into()]);
            }
            if let Some(below) = chain.last() {
                let below = below.to_str().unwrap().to_owned();
                create.extend(["-b".into(), below, "-Fqcow2".into()]);
            }
            create.extend([path.to_str().unwrap().to_owned(), size.to_string()]);
            assert!(qemu_img(&create).status.success());
            let mut io = Command::new("qemu-io");
            io.args(["-f", "qcow2"]);
            for _ in 0..random.below(12) {
                let at = random.below(size / 512) * 512;
                let length = ((1 + random.below(200)) * 512).min(size / 512 * 512 - at);
                let command = match random.below(4) {
                    0 => format!("write -z -u {at} {length}"),
                    1 => format!("discard {at} {length}"),
                    _ => format!("write -P {} {at} {length}", 1 + random.below(255)),
                };
                io.args(["-c", &command]);
            }
            assert!(io.arg(&path).output().unwrap().status.success());
            chain.push(path);
        }
        let top = chain.last().unwrap();
        let wanted = content(&images, top);
        for base in &chain {
            let ranges = changed(top, base);
            let mut copy = content(&images, base);
            copy.resize(wanted.len(), 0);
            let mut last = None;
            for &Range { start, length } in &ranges {
                assert!(
                    length > 0 && last.is_none_or(|end| end < start),
                    "{ranges:?}"
                );
                last = Some(start + length);
                let range = start as usize..(start + length) as usize;
                copy[range.clone()].copy_from_slice(&wanted[range]);
            }
            assert!(copy == wanted, "round {round}: {base:?} to {top:?}");
            assert!(base != top || ranges.is_empty());
        }
    }
}

#[test]
fn a_base_that_is_not_in_the_chain_is_an_error() {
    let images = Images::new();
    let (a, b) = (
        images.create("a", "qcow2", "", "1M"),
        images.create("b", "qcow2", "", "1M"),
    );
    let options = ChainOptions::new(FormatChoice::Named(ImageFormat::Qcow2));
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    assert!(changed_extents(a, b, &options, None).is_err());
}

/// The dirty ranges of a bitmap as QEMU exports them over NBD.
fn theirs(images: &Images, path: &Path, bitmap: &str) -> Vec<Range> {
    let socket = images.path("nbd");
    let mut export = Command::new("qemu-nbd")
        .args([
            "-r",
            "-f",
            "qcow2",
            "-B",
            bitmap,
            "-k",
            socket.to_str().unwrap(),
        ])
        .arg(path)
        .spawn()
        .unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let image = format!(
        "driver=nbd,server.type=unix,server.path={},x-dirty-bitmap=qemu:dirty-bitmap:{bitmap}",
        socket.to_str().unwrap()
    );
    let map = qemu_img(&["map", "--output=json", "--image-opts", &image]);
    export.wait().unwrap();
    assert!(map.status.success(), "{map:?}");
    let map: serde_json::Value = serde_json::from_slice(&map.stdout).unwrap();
    // A dirty part is shown as one without data.
    let dirty = map
        .as_array()
        .unwrap()
        .iter()
        .filter(|part| part["data"] == false);
    dirty
        .map(|part| Range {
            start: part["start"].as_u64().unwrap(),
            length: part["length"].as_u64().unwrap(),
        })
        .collect()
}

#[test]
fn the_dirty_ranges_of_bitmaps() {
    let images = Images::new();
    let mut random = Random::new(32);
    for (i, (options, granularity)) in [
        ("", "64k"),
        ("", "512"),
        ("cluster_size=512", "512"),
        ("cluster_size=4k", "4k"),
        ("cluster_size=2M", "1M"),
    ]
    .iter()
    .enumerate()
    {
        let size = (40 << 20) + random.below(9) * 512;
        let path = images.create(&i.to_string(), "qcow2", options, &size.to_string());
        let bitmap = [
            "bitmap",
            "--add",
            "-g",
            granularity,
            path.to_str().unwrap(),
            "b0",
        ];
        assert!(qemu_img(&bitmap).status.success());
        let ours = |name: &[u8]| {
            let dirty = bitmap_extents(path.as_os_str().as_bytes(), name, None);
            dirty.and_then(finish_unwatched)
        };
        assert_eq!(ours(b"b0").unwrap(), theirs(&images, &path, "b0"));
        let mut io = Command::new("qemu-io");
        io.args(["-f", "qcow2"]);
        for _ in 0..40 {
            let at = random.below(size / 512) * 512;
            let length = ((1 + random.below(3000)) * 512).min(size / 512 * 512 - at);
            io.args(["-c", &format!("write {at} {length}")]);
        }
        assert!(io.arg(&path).output().unwrap().status.success());
        let dirty = ours(b"b0").unwrap();
        assert!(!dirty.is_empty());
        assert_eq!(
            dirty,
            theirs(&images, &path, "b0"),
            "{options} {granularity}"
        );
        assert!(ours(b"b1").is_err());
    }
}
