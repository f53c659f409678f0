//! What existing images would take in another format or layout, against the real `qemu-img measure`.
//!
//! `PVE_NATIVE_MEASURES` sets how many chains are measured.

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::random::Random;
use common::{Images, qemu_img, rounds, their_measure};
use pve_native_core::chain::ChainOptions;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::measure_image;
use pve_native_core::json::to_text;
use pve_native_core::work::finish_unwatched;

/// A chain of images that differ in everything; the top one is last.
fn chain(images: &Images, random: &mut Random, name: &str) -> (PathBuf, &'static str) {
    let options = [
        "",
        "",
        "cluster_size=512",
        "cluster_size=4k",
        "cluster_size=2M",
        "extended_l2=on",
        "compat=0.10",
        "cluster_size=16k,extended_l2=on",
        "preallocation=metadata",
        "preallocation=falloc",
        "compression_type=zstd",
        "refcount_bits=1",
    ];
    let mut below: Option<(PathBuf, &str)> = None;
    for depth in 0..=random.below(4) {
        let path = images.path(&format!("{name}-{depth}"));
        let size = ((1 + random.below(8)) << 20) + random.below(4) * 512;
        let raw = random.below(4) == 0 && depth == 0;
        let format = if raw { "raw" } else { "qcow2" };
        let mut create: Vec<String> = ["create", "-q", "-f", format].map(String::from).to_vec();
        let mut options = *random.pick(&options);
        if let Some((below, format)) = &below {
            if options.contains("falloc") || options.contains("metadata") {
                options = "";
            }
            create.extend([
                "-b".into(),
                below.to_str().unwrap().into(),
                format!("-F{format}"),
            ]);
        }
        if !options.is_empty() && !raw {
            create.extend(["-o".into(), options.into()]);
        }
        create.extend([path.to_str().unwrap().into(), size.to_string()]);
        assert!(qemu_img(&create).status.success(), "{create:?}");
        let mut io = Command::new("qemu-io");
        io.args(["-d", "unmap", "-f", format]);
        let plain = raw || random.below(3) > 0;
        for _ in 0..random.below(14) {
            let at = random.below(size / 512) * 512;
            let length = ((1 + random.below(600)) * 512).min(size / 512 * 512 - at);
            let command = match random.below(6) {
                0 => format!("write -z -u {at} {length}"),
                1 => format!("write -z {at} {length}"),
                2 => format!("discard {at} {length}"),
                3 if !plain => format!(
                    "write -c {} {}",
                    at >> 21 << 21,
                    (size - (at >> 21 << 21)).min(2 << 20)
                ),
                _ => format!("write -P {} {at} {length}", random.below(256)),
            };
            io.args(["-c", &command]);
        }
        // A compressed write that does not end with a cluster is refused, and that is fine.
        assert!(io.arg(&path).output().is_ok());
        if !raw {
            let path = path.to_str().unwrap();
            if random.below(4) == 0 {
                // Refcounts of one bit have no room for one.
                qemu_img(&["snapshot", "-c", "s", path]);
                let write = ["-f", "qcow2", "-c", "write 64k 200k", path];
                assert!(Command::new("qemu-io").args(write).output().is_ok());
            }
            for bitmap in 0..random.below(5).saturating_sub(2) {
                let name = "b".repeat(1 + bitmap * 7);
                let granularity = *random.pick(&["512", "4k", "64k", "1M"]);
                // One of version 2 takes none.
                qemu_img(&["bitmap", "--add", "-g", granularity, path, &name]);
            }
        }
        below = Some((path, format));
    }
    below.unwrap()
}

/// Both texts for what an image holds must be the same.
#[track_caller]
fn assert_same_image(path: &Path, format: &str, target: &str, options: &str) {
    let mut args: Vec<&OsStr> = ["-f", format, "-O", target].map(OsStr::new).to_vec();
    if !options.is_empty() {
        args.extend(["-o".as_ref(), OsStr::new(options)]);
    }
    args.push(path.as_os_str());
    let theirs = their_measure(&args);
    let named = |name: &str| ImageFormat::from_name(name.as_bytes()).unwrap();
    let chain = ChainOptions::new(FormatChoice::Named(named(format)));
    let list = (!options.is_empty()).then_some(options.as_bytes());
    let measured = measure_image(
        path.as_os_str().as_bytes(),
        &chain,
        named(target),
        list,
        None,
    );
    let measured = measured.and_then(finish_unwatched);
    let ours = measured.as_ref().map(|measure| to_text(measure) + "\n");
    assert_eq!(
        ours.ok(),
        theirs,
        "{path:?} {target} {options}: {:?}",
        measured.err()
    );
}

const TARGETS: [&str; 14] = [
    "",
    "cluster_size=512",
    "cluster_size=4k",
    "cluster_size=2M",
    "extended_l2=on",
    "compat=0.10",
    "preallocation=full",
    "preallocation=metadata",
    "backing_file=x",
    "refcount_bits=64,cluster_size=1k",
    "size=1E,cluster_size=512",
    "size=5M",
    "preallocation=falloc,backing_file=x",
    "nonsense=1",
];

#[test]
fn images_that_exist() {
    let images = Images::new();
    let mut random = Random::new(43);
    for round in 0..rounds("PVE_NATIVE_MEASURES", 24) {
        let (path, format) = chain(&images, &mut random, &round.to_string());
        assert_same_image(&path, format, "raw", "");
        assert_same_image(&path, format, "qcow2", "");
        for _ in 0..4 {
            assert_same_image(&path, format, "qcow2", random.pick::<&str>(&TARGETS));
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_raw_file_with_holes() {
    let images = Images::new();
    let mut random = Random::new(44);
    let path = images.create("raw", "raw", "", "70000001");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    for _ in 0..30 {
        let at = (random.below(17_000) << 12) as u64;
        file.write_all_at(&[1; 5000], at).unwrap();
    }
    images.settle();
    for options in TARGETS {
        assert_same_image(&path, "raw", "qcow2", options);
    }
    let list = "size=16383P,cluster_size=2M";
    assert_same_image(&path, "raw", "qcow2", list);
}
