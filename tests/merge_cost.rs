//! What merges move, against what `qemu-img commit` and `qemu-img rebase` write, as they trace it.
//!
//! `PVE_NATIVE_MERGES` sets how many chains are merged.

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::random::Random;
use common::{Images, rounds};
use pve_native_core::chain::ChainOptions;
use pve_native_core::chain::merge_cost::{Bytes, MergeCost};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::merge_costs;
use pve_native_core::work::finish_unwatched;

/// An image of a chain.
struct Image {
    path: PathBuf,
    raw: bool,
    cluster: usize,
    /// Bytes of a cluster, or of a subcluster if it has those.
    unit: usize,
}

/// A chain, the lowest image first; with `zeros`, some of it is zeroed by marks. None if QEMU, as it
/// happens with compressed clusters, takes its own image for corrupt.
fn chain(images: &Images, random: &mut Random, zeros: bool) -> Option<Vec<Image>> {
    let mut chain: Vec<Image> = Vec::new();
    let mut pattern = 0;
    for depth in 0..2 + random.below(4) {
        let path = images.path(&format!("image-{depth}"));
        let size = ((1 + random.below(12)) << 20) + random.below(4) * 512;
        let raw = depth == 0 && random.below(4) == 0;
        let cluster = *random.pick(&[512, 4096, 16384, 65536, 65536, 65536, 2 << 20]);
        let mut create = Command::new("qemu-img");
        create.args(["create", "-q", "-f", if raw { "raw" } else { "qcow2" }]);
        let extended = cluster >= 16384 && random.below(4) == 0;
        if !raw {
            let extended = if extended { "on" } else { "off" };
            create.args([
                "-o",
                &format!("cluster_size={cluster},extended_l2={extended}"),
            ]);
        }
        if let Some(below) = chain.last() {
            create.arg("-b").arg(below.path.file_name().unwrap());
            create.args(["-F", if below.raw { "raw" } else { "qcow2" }]);
        }
        let created = create.arg(&path).arg(size.to_string()).output().unwrap();
        assert!(created.status.success(), "{created:?}");
        let mut io = Command::new("qemu-io");
        io.args(["-f", if raw { "raw" } else { "qcow2" }]);
        for _ in 0..random.below(14) {
            let at = random.below(size / 512) * 512;
            let length = ((1 + random.below(1200)) * 512).min(size / 512 * 512 - at);
            pattern = pattern % 255 + 1;
            let command = match random.below(5) {
                0 if zeros => format!("write -z -u {at} {length}"),
                1 if zeros => format!("write -z {at} {length}"),
                2 if !raw => {
                    let at = at / cluster * cluster;
                    format!("write -c -P {pattern} {at} {}", cluster.min(size - at))
                }
                _ => format!("write -P {pattern} {at} {length}"),
            };
            io.args(["-c", &command]);
        }
        let written = io.arg(&path).output().unwrap();
        // A cluster that is there already is not compressed.
        if String::from_utf8_lossy(&written.stderr).contains("Marking image as corrupt") {
            return None;
        }
        let unit = if extended { cluster / 32 } else { cluster };
        chain.push(Image {
            path,
            raw,
            cluster,
            unit,
        });
    }
    Some(chain)
}

fn ours(top: &Image) -> Vec<MergeCost> {
    let format = FormatChoice::Named(ImageFormat::Qcow2);
    let costs = merge_costs(
        top.path.as_os_str().as_bytes(),
        &ChainOptions::new(format),
        None,
    );
    costs.and_then(finish_unwatched).unwrap()
}

/// What QEMU writes for the guest while it does this to the image; None if it crashes, as 10.0.2 does
/// in one of some hundred merges.
fn moved(args: &[&OsStr], image: &Path) -> Option<Bytes> {
    let mut command = Command::new("qemu-img");
    command
        .args(["--trace", "blk_co_pwritev"])
        .args(args)
        .arg(image);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.code().is_none() {
        println!(
            "{args:?}: {:?}: {}",
            output.status,
            text.lines().last().unwrap_or_default()
        );
        return None;
    }
    assert!(output.status.success(), "{text}");
    let mut bytes = Bytes::default();
    for line in text.lines().filter(|line| line.contains("blk_co_pwritev")) {
        let word = |name: &str| {
            let mut words = line.split(' ');
            words.find(|word| *word == name);
            words.next().unwrap()
        };
        let length: u64 = word("bytes").parse().unwrap();
        let flags = u32::from_str_radix(word("flags").trim_start_matches("0x"), 16).unwrap();
        // BDRV_REQ_ZERO_WRITE
        match flags & 2 {
            0 => bytes.data += length,
            _ => bytes.zero += length,
        }
    }
    Some(bytes)
}

/// Copies of all images, to be merged.
fn copies(chain: &[Image], to: &Images) -> Vec<PathBuf> {
    let copy = |image: &Image| {
        let path = to.path(image.path.file_name().unwrap().to_str().unwrap());
        std::fs::copy(&image.path, &path).unwrap();
        path
    };
    chain.iter().map(copy).collect()
}

#[test]
fn merges_move_what_was_reckoned() {
    let mut random = Random::new(61);
    let rounds = rounds("PVE_NATIVE_MERGES", 24);
    let mut sum = Bytes::default();
    let (mut exact, mut crashes) = (0, 0);
    for round in 0..rounds {
        let images = Images::in_memory();
        let zeros = round % 2 == 0;
        let Some(chain) = chain(&images, &mut random, zeros) else {
            continue;
        };
        let costs = ours(&chain[chain.len() - 1]);
        assert_eq!(costs.len(), chain.len() - 1);
        for (i, cost) in costs.iter().rev().enumerate() {
            let (lower, upper) = (&chain[i], &chain[i + 1]);
            assert_eq!(&*cost.image, upper.path.as_os_str().as_bytes());
            assert_eq!(&*cost.backing, lower.path.as_os_str().as_bytes());
            let what = format!("round {round}, image {}: {cost:?}", i + 1);

            let place = Images::in_memory();
            let paths = copies(&chain, &place);
            let commit = ["commit", "-d", "-q", "-f", "qcow2"].map(OsStr::new);
            let Some(commit) = moved(&commit, &paths[i + 1]) else {
                crashes += 1;
                continue;
            };
            assert_eq!(
                commit.data + commit.zero,
                cost.commit.data + cost.commit.zero,
                "{what}: {commit:?}"
            );
            assert!(commit.data >= cost.commit.data, "{what}: {commit:?}");
            if upper.cluster > 512 && (lower.raw || lower.cluster <= 65536) {
                assert_eq!(commit, cost.commit, "{what}");
            }

            let paths = copies(&chain, &place);
            let mut rebase: Vec<&OsStr> = ["rebase", "-q", "-f", "qcow2", "-b"]
                .map(OsStr::new)
                .to_vec();
            match i.checked_sub(1) {
                Some(below) => {
                    rebase.push(paths[below].as_os_str());
                    let format = if chain[below].raw { "raw" } else { "qcow2" };
                    rebase.extend(["-F", format].map(OsStr::new));
                }
                None => rebase.push(OsStr::new("")),
            }
            let Some(stream) = moved(&rebase, &paths[i + 1]) else {
                crashes += 1;
                continue;
            };
            let written = stream.data + stream.zero;
            assert!(
                written <= cost.stream.data + cost.stream.zero,
                "{what}: {stream:?}"
            );
            // Without marks for zeros, and where a write does not fill up a larger cluster from below,
            // all that is data differs from what is below.
            if !zeros && !lower.raw && lower.cluster <= upper.unit {
                assert!(written >= cost.stream.data, "{what}: {stream:?}");
                exact += 1;
            }
            sum.data += commit.data + written;
            sum.zero += commit.zero;
        }
    }
    assert!(exact > 0 && crashes <= rounds / 4, "{exact}, {crashes}");
    assert!(
        sum.data > 0 && sum.zero > 0,
        "QEMU has told what it writes: {sum:?}"
    );
}
