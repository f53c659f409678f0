//! What `qemu-img info` does not print, and bounds that QEMU does not have.

use super::*;
use crate::error::Code;
use crate::image::Metadata;
use crate::io::Memory;

const CLUSTER: usize = 512;
const FEATURE_NAMES: u32 = 0x6803_f857;
const BITMAPS: u32 = 0x2385_2875;

/// A version 3 image with clusters of 512 bytes: header, refcount table, L1 table.
fn image(clusters: usize, extensions: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; clusters.max(3) * CLUSTER];
    put(&mut bytes, 0, b"QFI\xfb\0\0\0\x03");
    put(&mut bytes, 20, &9u32.to_be_bytes());
    put(&mut bytes, 24, &(1u64 << 20).to_be_bytes());
    put(&mut bytes, 36, &32u32.to_be_bytes());
    put(&mut bytes, 40, &(2 * CLUSTER as u64).to_be_bytes());
    put(&mut bytes, 48, &(CLUSTER as u64).to_be_bytes());
    put(&mut bytes, 56, &1u32.to_be_bytes());
    put(&mut bytes, 96, &4u32.to_be_bytes());
    put(&mut bytes, 100, &104u32.to_be_bytes());
    let mut at = 104;
    for (magic, body) in extensions {
        put(&mut bytes, at, &magic.to_be_bytes());
        put(&mut bytes, at + 4, &(body.len() as u32).to_be_bytes());
        put(&mut bytes, at + 8, body);
        at += 8 + body.len().next_multiple_of(8);
    }
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn parse(bytes: &[u8]) -> Result<Metadata> {
    let head = &bytes[..bytes.len().min(limits::HEAD)];
    read(&Source::new(&Memory(bytes), head))
}

fn qcow2(metadata: &Metadata) -> &Qcow2Info {
    match &metadata.specific {
        FormatSpecific::Qcow2(info) => info,
        other => panic!("{other:?}"),
    }
}

/// Entries of a bitmap directory in cluster 3, for bitmaps with tables at `table`.
fn with_bitmaps(count: u32, granularity_bits: u8, entries: u32, table: u64, size: u64) -> Vec<u8> {
    let mut directory = Vec::new();
    for index in 0..count {
        directory.extend(table.to_be_bytes());
        directory.extend(entries.to_be_bytes());
        directory.extend(0u32.to_be_bytes());
        directory.extend([1, granularity_bits, 0, 4, 0, 0, 0, 0]);
        directory.extend(format!("{index:04x}").bytes());
        directory.extend(0u32.to_be_bytes());
    }
    let mut body = count.to_be_bytes().to_vec();
    body.extend([0; 4]);
    body.extend((directory.len() as u64).to_be_bytes());
    body.extend((3 * CLUSTER as u64).to_be_bytes());
    let clusters = 3 + directory.len().div_ceil(CLUSTER);
    let mut bytes = image(clusters, &[(BITMAPS, &body)]);
    put(&mut bytes, 24, &size.to_be_bytes());
    put(
        &mut bytes,
        36,
        &(size.div_ceil(32 << 10) as u32).to_be_bytes(),
    );
    put(&mut bytes, 88, &1u64.to_be_bytes());
    put(&mut bytes, 3 * CLUSTER, &directory);
    bytes
}

#[test]
fn the_smallest_image_is_read() {
    let metadata = parse(&image(3, &[])).unwrap();
    assert_eq!(metadata.virtual_size, Some(1 << 20));
    assert_eq!(metadata.cluster_size, Some(512));
    assert_eq!(metadata.warnings, Vec::<String>::new());
}

#[test]
fn errors_point_at_the_field() {
    for (field, value) in [(20, 8u32), (36, 31), (56, 0), (96, 7), (100, 103), (32, 3)] {
        let mut bytes = image(3, &[]);
        put(&mut bytes, field, &value.to_be_bytes());
        assert_eq!(parse(&bytes).unwrap_err().offset(), Some(field as u64));
    }
}

#[test]
fn unknown_features_are_called_by_the_names_that_the_image_gives_them() {
    let mut names = vec![0, 5];
    names.extend(b"time \x1b[31mtravel");
    names.resize(48, 0);
    let mut bytes = image(3, &[(FEATURE_NAMES, &names)]);
    put(&mut bytes, 72, &(1u64 << 5 | 1 << 63).to_be_bytes());
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    let text = error.to_string();
    assert!(text.contains("'time \\u{1b}[31mtravel', bit 63"), "{text}");
}

#[test]
fn feature_names_end_with_the_last_whole_entry() {
    let mut table = vec![1, 0];
    table.extend(b"lazy");
    table.resize(48, 0);
    table.extend([7; 47]);
    let metadata = parse(&image(3, &[(FEATURE_NAMES, &table)])).unwrap();
    let names: Vec<_> = qcow2(&metadata).extensions.feature_names().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].kind, FeatureKind::Compatible);
    assert_eq!((names[0].bit, names[0].name), (0, &b"lazy"[..]));
}

#[test]
fn unknown_extensions_are_reported() {
    let metadata = parse(&image(3, &[(7, b"abc"), (9, b"")])).unwrap();
    assert_eq!(qcow2(&metadata).extensions.unknown, [(7, 3), (9, 0)]);
}

#[test]
fn stale_bitmaps_are_a_warning() {
    let metadata = parse(&image(3, &[(BITMAPS, &[0; 24])])).unwrap();
    assert!(qcow2(&metadata).extensions.stale_bitmaps);
    assert_eq!(metadata.warnings.len(), 1);
}

#[test]
fn snapshots_keep_what_qemu_does_not_print() {
    let mut bytes = image(4, &[]);
    put(&mut bytes, 60, &1u32.to_be_bytes());
    put(&mut bytes, 64, &(3 * CLUSTER as u64).to_be_bytes());
    let entry = 3 * CLUSTER;
    put(&mut bytes, entry, &0x1_0000u64.to_be_bytes());
    put(&mut bytes, entry + 8, &5u32.to_be_bytes());
    put(&mut bytes, entry + 36, &16u32.to_be_bytes());
    put(&mut bytes, entry + 48, &(7u64 << 20).to_be_bytes());
    let snapshot = &parse(&bytes).unwrap().snapshots[0];
    assert_eq!((snapshot.l1_table_offset, snapshot.l1_size), (0x1_0000, 5));
    assert_eq!(snapshot.disk_size, 7 << 20);
    assert_eq!(snapshot.icount, None);
}

#[test]
fn an_old_snapshot_has_the_size_of_the_disk() {
    let mut bytes = image(4, &[]);
    put(&mut bytes, 60, &1u32.to_be_bytes());
    put(&mut bytes, 64, &(3 * CLUSTER as u64).to_be_bytes());
    assert_eq!(parse(&bytes).unwrap().snapshots[0].disk_size, 1 << 20);
}

#[test]
fn bitmap_tables_are_not_read_without_bound() {
    // 4 GiB at 512 bytes per bit: 1 MiB of bitmap in 2048 clusters, so tables of 16 KiB.
    let limit = limits::QCOW2_BITMAP_TABLES_BYTES / (2048 * 8);
    let fine = |count| parse(&with_bitmaps(count, 9, 2048, 1 << 40, 4 << 30));
    let metadata = fine(limit as u32).unwrap();
    assert_eq!(qcow2(&metadata).bitmaps.len() as u64, limit);
    assert_eq!(fine(limit as u32 + 1).unwrap_err().code(), Code::Limit);
}

#[test]
fn extensions_that_never_end_are_read_once() {
    let most = (CLUSTER - 104) / 8;
    let list: Vec<(u32, &[u8])> = vec![(1, b""); most];
    let metadata = parse(&image(3, &list)).unwrap();
    assert_eq!(qcow2(&metadata).extensions.unknown.len(), most);
}
