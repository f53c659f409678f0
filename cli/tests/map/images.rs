//! Images whose maps are known.

use std::os::unix::fs::FileExt;

use crate::common::Lab;

/// Bytes of a cluster of a fragmented image, and of what one of its tables maps.
pub const CLUSTER: u64 = 4096;
const TABLE: u64 = CLUSTER / 8 * CLUSTER;

/// A chain of three with 15 clusters of 64 KiB each: data, zeros, compressed data and nothing.
///
/// | clusters | 0 1 2 | 3 4 | 5 6 | 7 8 9 10 11 | 12 13 14 |
/// |---|---|---|---|---|---|
/// | top | | data | zeros | | |
/// | middle | | data | | compressed | |
/// | base | data | data | data | | |
pub fn three_kinds(lab: &Lab) {
    lab.qemu_img(["create", "-q", "-f", "qcow2", "base.qcow2", "960k"]);
    lab.qemu_io("base.qcow2", &["write -q -P 1 0 448k"]);
    lab.create("middle.qcow2", &["-b", "base.qcow2", "-F", "qcow2"]);
    let compressed: Vec<String> = (7..12)
        .map(|cluster| format!("write -q -c -P 2 {}k 64k", cluster * 64))
        .collect();
    let commands = compressed.iter().map(String::as_str);
    let commands: Vec<&str> = commands.chain(["write -q -P 2 192k 128k"]).collect();
    lab.qemu_io("middle.qcow2", &commands);
    lab.create("top.qcow2", &["-b", "middle.qcow2", "-F", "qcow2"]);
    let commands = ["write -q -P 3 192k 128k", "write -q -z 320k 128k"];
    lab.qemu_io("top.qcow2", &commands);
}

/// An image of which every other cluster of 4 KiB is there; the offset of its tables, which follow
/// each other.
pub fn fragmented(lab: &Lab, name: &str, tables: u64) -> u64 {
    let size = (tables * TABLE).to_string();
    let options = ["-o", "cluster_size=4k", name, size.as_str()];
    lab.qemu_img(["create", "-q", "-f", "qcow2"].into_iter().chain(options));
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).open(lab.path(name));
    let file = file.unwrap();
    let mut upper = [0; 8];
    file.read_exact_at(&mut upper, 40).unwrap();
    let first = file.metadata().unwrap().len().next_multiple_of(CLUSTER);
    let data = first + tables * CLUSTER;
    const COPIED: u64 = 1 << 63;
    let be =
        |entries: Vec<u64>| -> Vec<u8> { entries.into_iter().flat_map(u64::to_be_bytes).collect() };
    let entries = (0..tables).map(|table| COPIED | (first + table * CLUSTER));
    file.write_all_at(&be(entries.collect()), u64::from_be_bytes(upper))
        .unwrap();
    let entry = |entry: u64| match entry % 2 {
        0 => COPIED | (data + entry / 2 * CLUSTER),
        _ => 0,
    };
    let entries = (0..tables * CLUSTER / 8).map(entry);
    file.write_all_at(&be(entries.collect()), first).unwrap();
    file.set_len(data + tables * CLUSTER / 16 * CLUSTER)
        .unwrap();
    first
}
