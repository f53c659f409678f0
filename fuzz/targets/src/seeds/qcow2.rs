//! qcow2 images in the smallest clusters, so that all of their structures lie close together.

use super::Seed;
use super::disks::luks_header;
use crate::disk::{Disk, Ground};
use crate::input::Input;
use crate::pieces::{self, WHOLE};
use crate::writer::{self, Bitmap, Image, Snapshot};

fn small() -> Image {
    Image {
        cluster_bits: 9,
        size: 16 << 10,
        ..Image::default()
    }
}

fn bytes(image: &Image) -> Vec<u8> {
    pieces::input(0, &WHOLE, &image.build().bytes)
}

/// Sound images, each with something of its own.
pub fn qcow2() -> Vec<Seed> {
    let plain = small();
    let version_2 = Image {
        version: 2,
        backing: Some(b"base.raw".to_vec()),
        ..small()
    };
    let backing = Image {
        extensions: vec![(writer::BACKING_FORMAT, b"qcow2".to_vec())],
        backing: Some(b"../100/base.qcow2".to_vec()),
        ..small()
    };
    let features = Image {
        incompatible: 3,
        compatible: 1,
        extensions: vec![
            (writer::FEATURE_NAMES, feature_names()),
            (0x1234_5678, b"unknown".to_vec()),
        ],
        header_length: 112,
        ..small()
    };
    let data_file = Image {
        incompatible: 4,
        autoclear: 2,
        extensions: vec![(writer::DATA_FILE, b"disk.raw".to_vec())],
        ..small()
    };
    let zstd = Image {
        incompatible: 8,
        header_length: 112,
        compression_type: 1,
        ..small()
    };
    // Subclusters need clusters of 16 KiB.
    let subclusters = Image {
        incompatible: 16,
        cluster_bits: 14,
        size: 16 << 20,
        ..small()
    };
    let snapshots = Image {
        snapshots: snapshot_list(),
        ..small()
    };
    let bitmaps = Image {
        autoclear: 1,
        bitmaps: bitmap_list(),
        ..small()
    };
    let stale = Image {
        bitmaps: bitmap_list(),
        ..small()
    };
    vec![
        ("plain", bytes(&plain)),
        ("version-2", bytes(&version_2)),
        ("backing", bytes(&backing)),
        ("features", bytes(&features)),
        ("data-file", bytes(&data_file)),
        ("zstd", bytes(&zstd)),
        ("subclusters", cut(bytes(&subclusters), 512)),
        ("snapshots", bytes(&snapshots)),
        ("bitmaps", bytes(&bitmaps)),
        ("stale-bitmaps", bytes(&stale)),
        (
            "aes",
            bytes(&Image {
                crypt_method: 1,
                ..small()
            }),
        ),
        ("luks", encrypted()),
    ]
}

/// The same, and images with something in them.
pub fn extents() -> Vec<Seed> {
    let mut seeds = qcow2();
    // Clusters of 512 bytes, version 3; one stretch or two of each kind, of as few clusters as
    // there can be; the cut, the width of refcounts, no encryption, no changes.
    let stretches = [6, 0, 8, 2, 0, 3, 0, 4, 1, 90, 90, 5, 0, 0, 0, 1, 2, 7];
    for (name, width) in [
        ("filled", 0),
        ("narrow-refcounts", 2),
        ("wide-refcounts", 6),
    ] {
        let input = [&[0, 1, 0][..], &stretches, &[1, width, 0, 1]].concat();
        let disk = Disk::new(&mut Input::new(&input), &Ground::default());
        seeds.push((name, pieces::input(0, &WHOLE, &disk.bytes())));
    }
    seeds
}

/// What lies behind is zero, and is so without being there.
fn cut(mut input: Vec<u8>, length: usize) -> Vec<u8> {
    input.truncate(1 + length);
    input[0] = 7;
    input
}

/// An image that has a bit of everything.
pub fn rich() -> Vec<u8> {
    let image = Image {
        cluster_bits: 12,
        autoclear: 1,
        extensions: vec![
            (writer::FEATURE_NAMES, feature_names()),
            (writer::BACKING_FORMAT, b"raw".to_vec()),
        ],
        backing: Some(b"flat".to_vec()),
        snapshots: snapshot_list(),
        bitmaps: bitmap_list(),
        ..small()
    };
    image.build().bytes
}

fn feature_names() -> Vec<u8> {
    let mut table = Vec::new();
    for (kind, bit, name) in [
        (0, 0, "dirty"),
        (1, 0, "lazy"),
        (2, 9, "\x1b[31m"),
        (7, 63, "odd"),
    ] {
        table.extend([kind, bit]);
        table.extend(name.bytes());
        table.resize(table.len().next_multiple_of(48), 0);
    }
    table
}

fn snapshot_list() -> Vec<Snapshot> {
    let extra = [1u64 << 33, 16 << 10, 12_345]
        .map(u64::to_be_bytes)
        .concat();
    vec![
        Snapshot {
            id: b"1".to_vec(),
            name: b"before-upgrade".to_vec(),
            vm_state_size: 4096,
            date: (1_700_000_000, 5),
            vm_clock_nsec: 90_000_000_123,
            extra: extra[..16].to_vec(),
        },
        Snapshot {
            id: b"22".to_vec(),
            name: "\u{fc}ber\x1b[0m".as_bytes().to_vec(),
            extra,
            ..Snapshot::default()
        },
        Snapshot::default(),
    ]
}

fn bitmap_list() -> Vec<Bitmap> {
    let bitmap = |name: &[u8], flags, table: &[u64]| Bitmap {
        name: name.to_vec(),
        flags,
        granularity_bits: 16,
        table: table.to_vec(),
    };
    vec![
        bitmap(b"daily", 2, &[1]),
        bitmap(b"weekly", 0, &[0]),
        bitmap(b"broken", 1, &[7, 8]),
    ]
}

/// The LUKS header lies in the cluster behind all others.
fn encrypted() -> Vec<u8> {
    let place = |at: u64| {
        let body = [at, 1024].map(u64::to_be_bytes).concat();
        Image {
            crypt_method: 2,
            extensions: vec![(writer::CRYPTO, body)],
            ..small()
        }
    };
    let end = place(0).build().bytes.len() as u64;
    let mut image = place(end).build().bytes;
    image.extend(luks_header("aes", "xts-plain64", 64));
    image.resize(image.len().next_multiple_of(512), 0);
    pieces::input(0, &WHOLE, &image)
}
