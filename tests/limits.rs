//! What an image can cost: the bytes it makes us read, the steps it makes us take, and the limits
//! that callers set.

mod common;
#[path = "support/writer.rs"]
#[allow(dead_code, reason = "a part is used")]
mod writer;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Images, oracle_info};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat, ImageInfo};
use pve_native_core::inspect::{Bounds, ManyOptions, info, inspect_many};
use pve_native_core::limits::{Limit, Limits};
use pve_native_core::{Code, Result};
use writer::{Bitmap, Image, Snapshot};

fn limits(pairs: &[(&str, u64)]) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in pairs {
        limits.set(name, *value).unwrap();
    }
    limits
}

fn read(path: &Path, format: &str, limits: Limits) -> Result<ImageInfo> {
    let format = FormatChoice::Named(ImageFormat::from_name(format.as_bytes()).unwrap());
    let bounds = Bounds {
        limits,
        ..Bounds::default()
    };
    info(path.as_os_str().as_bytes(), format, bounds)
}

/// The image is above the limit called `name`, and says so.
#[track_caller]
fn assert_above(path: &Path, format: &str, limits: Limits, name: &str) {
    let error = read(path, format, limits).expect_err("above the limit");
    assert_eq!(error.code(), Code::Limit, "{error}");
    assert!(error.to_string().contains(name), "{error}");
    assert_eq!(error.path(), Some(path.as_os_str().as_bytes()));
}

/// With these limits it is read as QEMU reads it.
#[track_caller]
fn assert_read_with(path: &Path, limits: Limits) -> ImageInfo {
    let image = read(path, "qcow2", limits).unwrap();
    let ours = serde_json::to_value(View::new(&image, Names::Text)).unwrap();
    assert_eq!(ours, oracle_info(path, Some("qcow2")).unwrap());
    image
}

#[test]
fn the_documentation_lists_every_limit() {
    let page = include_str!("../docs/limits.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `max-"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), Limits::TABLE.len());
    for (row, limit) in rows.iter().zip(Limits::TABLE) {
        let Limit {
            name,
            unit,
            default,
            most,
            source,
            ..
        } = limit;
        let raised = if most == default {
            "no".into()
        } else {
            most.to_string()
        };
        let expected = [
            format!("`{name}`"),
            default.to_string(),
            raised,
            (*unit).into(),
        ];
        assert_eq!(row[..4], expected);
        assert_eq!(&row[4], source, "{name}");
    }
}

#[test]
fn ordinary_images_cost_little() {
    let images = Images::new();
    for (format, options) in [
        ("raw", ""),
        ("qcow2", ""),
        ("qcow2", "backing_file=base,backing_fmt=raw,cluster_size=2M"),
        (
            "qcow2",
            "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        ),
        ("luks", "key-secret=s,iter-time=10"),
        ("qcow", ""),
        ("qed", ""),
        ("vdi", ""),
        ("vpc", ""),
        ("vpc", "subformat=fixed"),
        ("vmdk", ""),
        ("vmdk", "subformat=twoGbMaxExtentSparse"),
        ("vmdk", "subformat=monolithicFlat"),
        ("vhdx", ""),
    ] {
        let path = images.create(&format!("a.{format}"), format, options, "20G");
        let used = read(&path, format, Limits::default()).unwrap().used;
        // The tables of vhdx alone are 64 KiB each.
        let most = if format == "vhdx" { 160 } else { 64 };
        let all = used.bytes_read + used.block_table_bytes;
        assert!(
            all <= most << 10 && used.steps <= 1000,
            "{format} {options}: {used:?}"
        );
    }
}

#[test]
fn the_most_snapshots_that_there_can_be() {
    let images = Images::new();
    let snapshots = |count| Image {
        snapshots: vec![
            Snapshot {
                extra: vec![0; 16],
                id: b"1".into(),
                ..Snapshot::default()
            };
            count
        ],
        ..Image::default()
    };
    let few = images.write("few.qcow2", snapshots(10_000).build().bytes);
    assert_read_with(&few, Limits::default());
    let path = images.write("many.qcow2", snapshots(65_536).build().bytes);
    assert_above(
        &path,
        "qcow2",
        Limits::default(),
        "max-read-bytes is 1048576",
    );
    let used = assert_read_with(&path, limits(&[("max-read-bytes", 16 << 20)])).used;
    assert!(used.bytes_read > 65_536 * 57 && used.steps > 65_536);
    assert_above(
        &few,
        "qcow2",
        limits(&[("max-snapshots", 9999)]),
        "max-snapshots is 9999",
    );
    assert_above(
        &few,
        "qcow2",
        limits(&[("max-steps", 9999)]),
        "max-steps is 9999",
    );
}

#[test]
fn what_lies_past_the_end_of_the_file_is_not_read() {
    let images = Images::new();
    let mut bytes = Image::default().build().bytes;
    let end = bytes.len() as u64;
    bytes[60..64].copy_from_slice(&65_536u32.to_be_bytes());
    bytes[64..72].copy_from_slice(&end.to_be_bytes());
    let path = images.write("snapshots.qcow2", bytes);
    let used = assert_read_with(&path, Limits::default()).used;
    assert_eq!((used.bytes_read, used.steps), (4096, 65_537));

    // A bitmap of 4096 clusters, whose table lies where nothing is.
    let image = Image {
        size: 1 << 40,
        autoclear: 1,
        bitmaps: vec![Bitmap {
            name: b"b".into(),
            flags: 0,
            granularity_bits: 9,
            table: vec![0],
        }],
        ..Image::default()
    };
    let mut layout = image.build();
    let directory = &mut layout.bytes[layout.bitmaps..];
    directory[..8].copy_from_slice(&(1u64 << 40).to_be_bytes());
    directory[8..12].copy_from_slice(&4096u32.to_be_bytes());
    let path = images.write("bitmap.qcow2", layout.bytes);
    let used = assert_read_with(&path, Limits::default()).used;
    assert!(used.bytes_read < 16 << 10 && used.steps < 10, "{used:?}");
}

#[test]
fn tables_that_many_bitmaps_share_are_counted_each_time() {
    let images = Images::new();
    let bitmap = |i: u32| Bitmap {
        name: format!("{i:04x}").into(),
        flags: 0,
        granularity_bits: 9,
        table: vec![0; 64],
    };
    // 2 GiB at 512 bytes per bit: 512 KiB, or 64 clusters of 8 KiB.
    let image = Image {
        size: 2 << 30,
        cluster_bits: 13,
        autoclear: 1,
        bitmaps: (0..20_000).map(bitmap).collect(),
        ..Image::default()
    };
    let mut layout = image.build();
    // All share the first table.
    for i in 0..20_000 {
        let at = layout.bitmaps + 32 * i;
        let table = (layout.bitmap_tables as u64).to_be_bytes();
        layout.bytes[at..at + 8].copy_from_slice(&table);
    }
    let path = images.write("shared.qcow2", layout.bytes);
    assert_above(&path, "qcow2", Limits::default(), "max-read-bytes");
    let raised = limits(&[("max-read-bytes", 64 << 20)]);
    assert_above(&path, "qcow2", raised, "max-steps");
    let raised = limits(&[("max-read-bytes", 64 << 20), ("max-steps", 10_000_000)]);
    let image = read(&path, "qcow2", raised).unwrap();
    assert_eq!(image.qcow2().unwrap().bitmaps.len(), 20_000);
}

#[test]
fn extents_count_as_their_image_does() {
    let images = Images::new();
    let path = images.create("a.vmdk", "vmdk", "subformat=twoGbMaxExtentSparse", "20G");
    let used = read(&path, "vmdk", Limits::default()).unwrap().used;
    assert!(used.bytes_read >= 10 * 512, "{used:?}");
    assert_above(
        &path,
        "vmdk",
        limits(&[("max-extents", 9)]),
        "max-extents is 9",
    );
    let error = read(&path, "vmdk", limits(&[("max-read-bytes", 3000)])).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    assert!(error.path().unwrap().ends_with(b"-s005.vmdk"), "{error}");
}

#[test]
fn each_limit_refuses_what_is_above_it() {
    let images = Images::new();
    let options = "backing_file=base.raw,backing_fmt=raw";
    let path = images.create("a.qcow2", "qcow2", options, "4T");
    for (name, most) in [
        ("max-virtual-size", 4 << 40),
        ("max-backing-name", 8),
        ("max-l1-bytes", 8192 * 8),
        ("max-refcount-table-bytes", 65_536),
    ] {
        assert!(
            read(&path, "qcow2", limits(&[(name, most)])).is_ok(),
            "{name}"
        );
        assert_above(&path, "qcow2", limits(&[(name, most - 1)]), name);
    }
    let path = images.write("a.raw", [0; 1024]);
    assert_above(
        &path,
        "raw",
        limits(&[("max-virtual-size", 1023)]),
        "max-virtual-size",
    );

    let bitmap = |name: &[u8]| Bitmap {
        name: name.into(),
        flags: 0,
        granularity_bits: 16,
        table: vec![0],
    };
    let image = Image {
        autoclear: 1,
        bitmaps: vec![bitmap(b"long"), bitmap(b"b")],
        ..Image::default()
    };
    let path = images.write("bitmaps.qcow2", image.build().bytes);
    for (name, most) in [("max-bitmaps", 2), ("max-name", 4)] {
        assert!(
            read(&path, "qcow2", limits(&[(name, most)])).is_ok(),
            "{name}"
        );
        assert_above(&path, "qcow2", limits(&[(name, most - 1)]), name);
    }
    for format in ["vpc", "vhdx"] {
        let path = images.create(&format!("a.{format}"), format, "", "200G");
        let lowered = limits(&[("max-block-table-bytes", 100)]);
        assert_above(&path, format, lowered, "max-block-table-bytes");
    }
}

#[test]
fn the_limits_of_many_hold_for_each() {
    let images = Images::new();
    let paths: Vec<_> = (1..5)
        .map(|i| images.create(&format!("{i}.qcow2"), "qcow2", "", &format!("{i}M")))
        .collect();
    let names: Vec<&[u8]> = paths
        .iter()
        .map(|path| path.as_os_str().as_bytes())
        .collect();
    let options = ManyOptions {
        limits: limits(&[("max-virtual-size", 2 << 20)]),
        ..ManyOptions::default()
    };
    let answers = inspect_many(&names, &options).unwrap();
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().err().map(|e| e.code()))
        .collect();
    assert_eq!(codes, [None, None, Some(Code::Limit), Some(Code::Limit)]);
}
