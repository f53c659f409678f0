//! Extents against the real `qemu-img map`: images filled by random `qemu-io` scripts, alone and in
//! chains.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::maps::assert_same_map;
use common::random::Random;
use common::{Images, qemu_img};
use pve_native_core::chain::ChainOptions;
use pve_native_core::chain::extents::{Extent, extents};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::io::Storage;

const MIB: usize = 1 << 20;

fn qemu_io(path: &Path, format: &str, commands: &[String]) {
    let mut io = Command::new("qemu-io");
    io.args(["-f", format]);
    for command in commands {
        io.args(["-c", command]);
    }
    let output = io.arg(path).output().expect("qemu-io is there");
    assert!(output.status.success(), "{output:?}");
}

/// Random writes, zeros and discards of an image of `size` bytes.
fn fill(path: &Path, random: &mut Random, size: usize, compress: bool) {
    let mut commands = Vec::new();
    for _ in 0..random.below(24) {
        let at = random.below(size / 512) * 512;
        let length = (1 + random.below(300)) * 512;
        let length = length.min(size - at);
        commands.push(match random.below(if compress { 6 } else { 5 }) {
            0 | 1 => format!("write -P {} {at} {length}", 1 + random.below(255)),
            2 => format!("write -z {at} {length}"),
            3 => format!("write -z -u {at} {length}"),
            4 => format!("discard {at} {length}"),
            _ => format!("write -c -P 7 {} 65536", at / 65536 * 65536),
        });
    }
    if !commands.is_empty() {
        qemu_io(path, "qcow2", &commands);
    }
}

fn create(
    images: &Images,
    name: &str,
    options: &str,
    backing: Option<&Path>,
    size: usize,
) -> PathBuf {
    let path = images.path(name);
    let mut args = vec!["create".to_owned(), "-qfqcow2".into()];
    if !options.is_empty() {
        args.extend(["-o".into(), options.into()]);
    }
    if let Some(backing) = backing {
        let backing = backing.to_str().unwrap().to_owned();
        args.extend(["-b".into(), backing, "-Fqcow2".into()]);
    }
    args.extend([path.to_str().unwrap().to_owned(), size.to_string()]);
    let made = qemu_img(&args);
    assert!(made.status.success(), "{made:?}");
    path
}

const OPTIONS: [&str; 12] = [
    "",
    "cluster_size=4k",
    "cluster_size=512",
    "cluster_size=2M",
    "compat=0.10",
    "extended_l2=on",
    "extended_l2=on,cluster_size=16k",
    "lazy_refcounts=on,refcount_bits=1",
    "preallocation=metadata",
    "preallocation=falloc,cluster_size=8k",
    "preallocation=full",
    "preallocation=metadata,extended_l2=on",
];

#[test]
fn one_image_of_each_kind() {
    let images = Images::new();
    let mut random = Random::new(11);
    for (i, options) in OPTIONS.iter().enumerate() {
        for round in 0..4 {
            let size = (1 + random.below(40)) * MIB / 4 + random.below(8) * 512;
            let path = create(&images, &format!("{i}-{round}"), options, None, size);
            let size = size / 512 * 512;
            fill(&path, &mut random, size, false);
            assert_same_map(&path, "qcow2");
        }
    }
}

#[test]
fn who_shows_how_far_it_is_gets_the_same_extents() {
    let images = Images::new();
    let size = 64 * MIB;
    let below = create(&images, "below", "cluster_size=4k", None, size);
    fill(&below, &mut Random::new(16), size, false);
    let top = create(&images, "top", "cluster_size=4k", Some(&below), size);
    fill(&top, &mut Random::new(17), size, false);
    let long = "cluster_size=4k,preallocation=full";
    let long = create(&images, "long", long, None, size);
    for path in [below, top, long] {
        let format = FormatChoice::Named(ImageFormat::Qcow2);
        let path = path.as_os_str().as_bytes();
        let open = || extents(Storage::inline(), path, &ChainOptions::new(format)).unwrap();
        let mut all = vec![Extent::default(); 1000];
        let count = open().next(&mut all).unwrap();
        all.truncate(count);
        for part in [1, 1 << 20, u64::MAX] {
            let (mut map, mut found, mut pauses) = (open(), Vec::new(), 0);
            loop {
                let (done, total) = map.progress();
                let mut few = [Extent::default(); 7];
                let count = map.next_until(&mut few, done.saturating_add(part)).unwrap();
                found.extend_from_slice(&few[..count]);
                if count == 0 && done == total {
                    break;
                }
                pauses += usize::from(count < few.len());
            }
            assert_eq!(found, all);
            // The long extent alone takes several parts of the tables.
            assert!(part == u64::MAX || pauses > 1, "{pauses}");
        }
    }
}

#[test]
fn chains_of_images_of_different_kinds_and_sizes() {
    let images = Images::new();
    let mut random = Random::new(12);
    for round in 0..24 {
        let mut below: Option<PathBuf> = None;
        for depth in 0..1 + random.below(8) {
            // With a backing file there is no preallocation, unless entries are extended.
            let options = OPTIONS[random.below(8)];
            let size = (1 + random.below(16)) * MIB / 2 + random.below(4) * 512;
            let name = format!("{round}-{depth}");
            let path = create(&images, &name, options, below.as_deref(), size);
            fill(&path, &mut random, size, false);
            below = Some(path);
        }
        assert_same_map(&below.unwrap(), "qcow2");
    }
}

#[test]
fn compressed_clusters() {
    let images = Images::new();
    let mut random = Random::new(13);
    for (i, options) in ["", "compression_type=zstd", "extended_l2=on"]
        .iter()
        .enumerate()
    {
        let path = create(&images, &i.to_string(), options, None, 4 * MIB);
        let clusters = 4 * MIB / 65536;
        let writes: Vec<String> = (0..20)
            .map(|_| format!("write -c -P 3 {} 65536", random.below(clusters) * 65536))
            .collect();
        // A cluster that has data cannot be compressed in place: the other writes count.
        let mut io = Command::new("qemu-io");
        io.args(["-f", "qcow2"])
            .args(writes.iter().flat_map(|write| ["-c", write]));
        io.arg(&path).output().unwrap();
        assert_same_map(&path, "qcow2");
    }
}

#[test]
fn data_files() {
    let images = Images::new();
    let mut random = Random::new(14);
    for (i, options) in [
        "",
        "data_file_raw=on",
        "preallocation=metadata",
        "cluster_size=4k",
    ]
    .iter()
    .enumerate()
    {
        let data = images.path(&format!("{i}.data"));
        let options = format!("data_file={},{options}", data.to_str().unwrap());
        let options = options.trim_end_matches(',');
        let path = create(&images, &i.to_string(), options, None, 4 * MIB);
        fill(&path, &mut random, 4 * MIB, false);
        assert_same_map(&path, "qcow2");
        std::fs::remove_file(&data).unwrap();
        assert_same_map(&path, "qcow2");
    }
}

#[test]
fn raw_files_with_holes() {
    let images = Images::new();
    let path = images.path("a.raw");
    for size in [0u64, 1, 511, 512, 4096, 100_000, 3_145_828] {
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(size).unwrap();
        assert_same_map(&path, "raw");
        use std::os::unix::fs::FileExt;
        if size > 600 {
            file.write_all_at(b"x", size / 2).unwrap();
            file.sync_all().unwrap();
            assert_same_map(&path, "raw");
        }
    }
}
