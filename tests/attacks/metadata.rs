//! Metadata of qcow2 that are too large, in each other's way, or written for a terminal.

use std::path::PathBuf;

use crate::bench::{Bench, recorded};
use crate::case::{Case, case};
use crate::writer::{Bitmap, FEATURE_NAMES, Image, Layout, Snapshot};

/// No more than a header, as QEMU takes it: what lies past the end of the file is zero.
pub fn header(cluster_bits: u32, size: u64, l1_entries: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(b"QFI\xfb\0\0\0\x03");
    bytes.extend([0; 12]);
    bytes.extend(cluster_bits.to_be_bytes());
    bytes.extend(size.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(l1_entries.to_be_bytes());
    bytes.extend((3u64 << cluster_bits).to_be_bytes());
    bytes.extend((1u64 << cluster_bits).to_be_bytes());
    bytes.extend(1u32.to_be_bytes());
    bytes.extend([0; 12 + 24]);
    bytes.extend(4u32.to_be_bytes());
    bytes.extend(104u32.to_be_bytes());
    bytes
}

/// 93 bytes of version 2 that stand on a file.
pub fn ninety_three_bytes() -> Vec<u8> {
    const NAME: &[u8; 21] = b"/etc/shadow.of.a.host";
    let mut bytes = header(16, 1 << 20, 1);
    bytes.truncate(72);
    bytes[7] = 2;
    bytes[8..16].copy_from_slice(&72u64.to_be_bytes());
    bytes[16..20].copy_from_slice(&(NAME.len() as u32).to_be_bytes());
    bytes.extend(NAME);
    assert_eq!(bytes.len(), 93);
    bytes
}

/// An image whose bytes the attack changes.
fn patched(
    image: impl Fn() -> Image + 'static,
    patch: impl Fn(&mut Layout) + 'static,
) -> impl Fn(&Bench, bool) -> PathBuf {
    move |b, attack| {
        let mut layout = image().build();
        if attack {
            patch(&mut layout);
        }
        b.raw("base.raw");
        b.write("top.qcow2", layout.bytes)
    }
}

fn put(layout: &mut Layout, at: usize, value: u64) {
    layout.bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

fn one_snapshot(name: &[u8], disk_size: u64) -> Image {
    let extra = [&[0; 8][..], &disk_size.to_be_bytes()].concat();
    let snapshot = Snapshot {
        id: b"1".to_vec(),
        name: name.to_vec(),
        extra,
        ..Snapshot::default()
    };
    Image {
        snapshots: vec![snapshot],
        ..Image::default()
    }
}

fn bitmaps(count: usize, name: &[u8]) -> Image {
    let bitmap = |number: usize| Bitmap {
        name: [name, number.to_string().as_bytes()].concat(),
        flags: 1,
        granularity_bits: 16,
        table: vec![0],
    };
    Image {
        cluster_bits: if count > 100 { 9 } else { 16 },
        autoclear: 1,
        bitmaps: (0..count).map(bitmap).collect(),
        ..Image::default()
    }
}

/// The name of one incompatible feature.
fn feature(name: &[u8]) -> Image {
    let mut entry = vec![0, 63];
    entry.extend(name);
    entry.resize(48, 0);
    Image {
        extensions: vec![(FEATURE_NAMES, entry)],
        ..Image::default()
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = sizes();
    cases.extend(terminals());
    cases.extend(layouts());
    cases
}

fn sizes() -> Vec<Case> {
    vec![
        case(
            "qcow2 of 93 bytes with a backing file",
            "5, CVE-2024-44082",
            |b, attack| match attack {
                true => b.write("top.qcow2", ninety_three_bytes()),
                false => b.write("top.qcow2", header(16, 1 << 20, 1)),
            },
        )
        .upload()
        .says(&["backing-file"], "/etc/shadow.of.a.host")
        .at(72),
        case(
            "qcow2 of 93 bytes said to be raw",
            "5, CVE-2022-47951",
            |b, attack| match attack {
                true => b.write("top.raw", ninety_three_bytes()),
                false => b.write("top.raw", [0; 93]),
            },
        )
        .upload()
        .says(&["hidden-format"], "qcow2")
        .at(0),
        case(
            "104 bytes that claim 2 PiB",
            "8",
            |b, attack| match attack {
                true => b.write("top.qcow2", header(16, 2 << 50, 4 << 20)),
                false => b.write("top.qcow2", header(16, 1 << 40, 2 << 10)),
            },
        )
        .upload()
        .says(&["virtual-size"], "2251799813685248"),
        case(
            "104 bytes that claim 2 EiB",
            "8",
            |b, attack| match attack {
                true => b.write("top.qcow2", header(21, 2 << 60, 4 << 20)),
                false => b.write("top.qcow2", header(21, 64 << 40, 1 << 10)),
            },
        )
        .upload()
        .says(&["virtual-size"], "2305843009213693952"),
        case("a snapshot of a disk of 2 EiB", "8, 9", |b, attack| {
            b.image(
                "top.qcow2",
                &one_snapshot(b"s", if attack { 2 << 60 } else { 1 << 20 }),
            )
        })
        .upload()
        .says(&["virtual-size"], "internal snapshot"),
        case("65,536 snapshots in 197 KiB", "9", |b, attack| {
            let mut bytes = header(16, 1 << 20, 1);
            bytes.resize(3 << 16, 0);
            bytes[60..64].copy_from_slice(&if attack { 65_536u32 } else { 64 }.to_be_bytes());
            bytes[64..72].copy_from_slice(&(6u64 << 16).to_be_bytes());
            b.write("top.qcow2", bytes)
        })
        .upload()
        .says(&["limit"], "65536 internal snapshots"),
        case("5,000 bitmaps", "10", |b, attack| {
            b.image("top.qcow2", &bitmaps(if attack { 5000 } else { 20 }, b"b"))
        })
        .upload()
        .says(&["limit"], "5000 bitmaps"),
        case("a bitmap directory of 64 MiB", "10", |b, attack| {
            let mut layout = bitmaps(1, b"b").build();
            if attack {
                // The extension: magic, length; count, reserved, size, offset.
                let body = layout.extensions + 8;
                layout.bytes[body..body + 4].copy_from_slice(&65_535u32.to_be_bytes());
                put(&mut layout, body + 8, 1024 * 65_535);
            }
            b.write("top.qcow2", layout.bytes)
        })
        .upload()
        .says(&["corrupt"], "bitmap"),
        case(
            "a bitmap directory larger than QEMU reads",
            "10",
            |b, attack| {
                let mut layout = bitmaps(1, b"b").build();
                if attack {
                    let body = layout.extensions + 8;
                    put(&mut layout, body + 8, 1 << 40);
                }
                b.write("top.qcow2", layout.bytes)
            },
        )
        .upload()
        .says(&["limit"], "bitmap directory of 1099511627776 bytes"),
        case("a chain of 250 images", "7", |b, attack| {
            b.raw("0.raw");
            let depth = if attack { 250 } else { 150 };
            for number in 1..=depth {
                let (below, format) = match number {
                    1 => ("0.raw".to_owned(), "raw"),
                    _ => (format!("{}.qcow2", number - 1), "qcow2"),
                };
                let image = Image {
                    cluster_bits: 9,
                    backing: Some(below.into_bytes()),
                    extensions: vec![recorded(format)],
                    ..Image::default()
                };
                b.image(&format!("{number}.qcow2"), &image);
            }
            b.path(format!("{depth}.qcow2"))
        })
        .storage()
        .says(&["too-deep"], "more than 200 images")
        .about("51.qcow2"),
    ]
}

fn terminals() -> Vec<Case> {
    const ESCAPE: &[u8] = b"\x1b]0;owned\x07\x1b[2J";
    vec![
        case(
            "terminal escapes in the feature name table",
            "11",
            |b, attack| {
                b.image(
                    "top.qcow2",
                    &feature(if attack { ESCAPE } else { b"new feature" }),
                )
            },
        )
        .upload()
        .says(&["name-control"], "feature '\\u{1b}"),
        case(
            "terminal escapes in the name of an unknown feature",
            "11, 16",
            |b, attack| {
                let mut image = feature(ESCAPE);
                image.incompatible = 1 << 63;
                let plain = Image::default();
                b.image("top.qcow2", if attack { &image } else { &plain })
            },
        )
        .upload()
        .says(&["unsupported"], "'\\u{1b}"),
        case("a feature name that is not UTF-8", "11", |b, attack| {
            b.image(
                "top.qcow2",
                &feature(if attack {
                    b"\xff\x9b2J"
                } else {
                    b"new feature"
                }),
            )
        })
        .upload()
        .says(&["name-encoding"], "\\xff"),
        case(
            "terminal escapes in the name of a snapshot",
            "11",
            |b, attack| {
                b.image(
                    "top.qcow2",
                    &one_snapshot(if attack { ESCAPE } else { b"s" }, 1 << 20),
                )
            },
        )
        .upload()
        .says(&["name-control"], "internal snapshot"),
        case(
            "terminal escapes in the name of a bitmap",
            "11",
            |b, attack| b.image("top.qcow2", &bitmaps(1, if attack { ESCAPE } else { b"b" })),
        )
        .upload()
        .says(&["name-control"], "bitmap '\\u{1b}"),
        case(
            "4,000 snapshots that all have bad names",
            "9, 11",
            |b, attack| {
                let name: &[u8] = if attack { ESCAPE } else { b"s" };
                let snapshot = one_snapshot(name, 1 << 20).snapshots.remove(0);
                let image = Image {
                    snapshots: vec![snapshot; 4000],
                    ..Image::default()
                };
                b.image("top.qcow2", &image)
            },
        )
        .upload()
        .says(&["name-control"], "internal snapshot"),
    ]
}

fn layouts() -> Vec<Case> {
    vec![
        case(
            "L1 table at offset 0",
            "14",
            patched(Image::default, |l| put(l, 40, 0)),
        )
        .storage()
        .says(&["overlap"], "the L1 table overlaps the header")
        .at(0),
        case(
            "refcount table at offset 0",
            "14",
            patched(Image::default, |l| put(l, 48, 0)),
        )
        .storage()
        .says(&["overlap"], "refcount table"),
        case(
            "L1 table in the refcount table",
            "14",
            patched(Image::default, |l| put(l, 40, 1 << 16)),
        )
        .storage()
        .says(&["overlap"], "refcount table"),
        case(
            "snapshot table in the L1 table",
            "14",
            patched(
                || one_snapshot(b"s", 1 << 20),
                |l| {
                    let entries = l.bytes[l.snapshots..][..64].to_vec();
                    l.bytes[2 << 16..][..64].copy_from_slice(&entries);
                    put(l, 64, 2 << 16);
                },
            ),
        )
        .storage()
        .says(&["overlap"], "internal snapshots"),
        case(
            "L1 table of a snapshot in the header",
            "14",
            patched(
                || one_snapshot(b"s", 1 << 20),
                |l| {
                    let at = l.snapshots;
                    l.bytes[at + 8..at + 12].copy_from_slice(&1u32.to_be_bytes());
                },
            ),
        )
        .storage()
        .says(&["overlap"], "snapshot 0"),
        case(
            "table of a bitmap in the L1 table",
            "14",
            patched(
                || bitmaps(1, b"b"),
                |l| {
                    let at = l.bitmaps;
                    put(l, at, 2 << 16);
                },
            ),
        )
        .storage()
        .says(&["overlap"], "bitmap 0"),
        case(
            "backing name in the header",
            "14",
            patched(
                || Image {
                    backing: Some(b"base.raw".to_vec()),
                    extensions: vec![recorded("raw")],
                    ..Image::default()
                },
                |l| {
                    // Version 3 with the name in the fields of the features that readers may ignore.
                    put(l, 8, 80);
                    l.bytes[80..88].copy_from_slice(b"base.raw");
                },
            ),
        )
        .storage()
        .says(&["overlap"], "name of the backing file")
        .at(80),
        case("8,000 header extensions of one kind", "15", |b, attack| {
            let extensions = vec![(0x1234_5678, Vec::new()); if attack { 8000 } else { 1 }];
            let image = Image {
                extensions,
                ..Image::default()
            };
            b.image("top.qcow2", &image)
        })
        .upload()
        .says(&["repeated-extension"], "0x12345678"),
        case("an unknown incompatible feature", "16", |b, attack| {
            let image = Image {
                incompatible: if attack { 1 << 40 } else { 0 },
                ..Image::default()
            };
            b.image("top.qcow2", &image)
        })
        .upload()
        .says(&["unsupported"], "bit 40")
        .at(72),
        case("an image that is marked as corrupt", "16", |b, attack| {
            let image = Image {
                incompatible: if attack { 2 } else { 0 },
                ..Image::default()
            };
            b.image("top.qcow2", &image)
        })
        .upload()
        .says(&["marked-corrupt"], "corrupt")
        .at(72),
        case("a version that is not known", "16", |b, attack| {
            b.image(
                "top.qcow2",
                &Image {
                    version: if attack { 4 } else { 3 },
                    ..Image::default()
                },
            )
        })
        .upload()
        .says(&["unsupported"], "version 4")
        .at(4),
    ]
}
