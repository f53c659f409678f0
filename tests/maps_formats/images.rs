//! Makes images of every format with the real tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::random::Random;
use crate::common::{Images, SECRET, qemu_img};

/// A format and options for it.
pub type Kind = (&'static str, &'static str);

/// All kinds of images that `qemu-img create` makes and `qemu-io` fills.
pub const KINDS: [Kind; 20] = [
    ("vdi", ""),
    ("vdi", "static=on"),
    ("vpc", ""),
    ("vpc", "subformat=fixed"),
    ("vpc", "subformat=fixed,force_size=on"),
    ("vpc", "subformat=dynamic,force_size=on"),
    ("vhdx", ""),
    ("vhdx", "subformat=fixed,block_size=1M"),
    ("qed", ""),
    ("qed", "cluster_size=4k,table_size=2"),
    ("qed", "cluster_size=16k,table_size=16"),
    ("qcow", ""),
    ("vmdk", ""),
    ("vmdk", "subformat=monolithicSparse,zeroed_grain=on"),
    ("vmdk", "subformat=monolithicFlat"),
    ("vmdk", "subformat=twoGbMaxExtentSparse,zeroed_grain=on"),
    ("vmdk", "subformat=twoGbMaxExtentFlat"),
    ("vmdk", "compat6=on"),
    ("qcow2", "cluster_size=4k"),
    ("qcow2", "extended_l2=on"),
];

/// Runs `qemu-img create`.
pub fn create(path: &Path, (format, options): Kind, backing: Option<(&Path, &str)>, size: u64) {
    let mut arguments = vec!["create", "-q", "-f", format];
    if !options.is_empty() {
        arguments.extend(["-o", options]);
    }
    if let Some((backing, format)) = backing {
        arguments.extend(["-b", backing.to_str().unwrap(), "-F", format]);
    }
    let size = size.to_string();
    arguments.extend([path.to_str().unwrap(), &size]);
    let made = qemu_img(&arguments);
    assert!(made.status.success(), "{format} with '{options}': {made:?}");
}

/// Random writes and zeros somewhere below `size`; what the format cannot do is left out.
pub fn fill(path: &Path, format: &str, random: &mut Random, size: u64) {
    let mut io = Command::new("qemu-io");
    io.args(["-f", format]);
    let sectors = (size / 512) as usize;
    for _ in 0..random.below(16) {
        let at = random.below(sectors) as u64;
        let length = (1 + random.below(600) as u64).min(sectors as u64 - at);
        let (at, length) = (at * 512, length * 512);
        let command = match random.below(6) {
            0..3 => format!("write -P {} {at} {length}", 1 + random.below(255)),
            3 => format!("write -z {at} {length}"),
            4 => format!("write -z -u {at} {length}"),
            _ => format!("discard {at} {length}"),
        };
        io.args(["-c", &command]);
    }
    io.arg(path).output().expect("qemu-io is there");
}

/// A raw disk with data and holes here and there, as an image of this kind made by `qemu-img
/// convert` with these further arguments.
pub fn converted(
    images: &Images,
    name: &str,
    (format, options): Kind,
    further: &[&str],
    (random, size): (&mut Random, u64),
) -> PathBuf {
    use std::os::unix::fs::FileExt;
    let raw = images.path("disk.raw");
    let file = std::fs::File::create(&raw).unwrap();
    file.set_len(size).unwrap();
    for _ in 0..random.below(12) {
        let length = (1 + random.below(200_000)).min(size as usize);
        let at = random.below(size as usize - length + 1) as u64;
        let text: Vec<u8> = match random.below(2) {
            0 => (0..length).map(|i| (i / 100) as u8).collect(),
            _ => (0..length).map(|_| random.next() as u8).collect(),
        };
        file.write_all_at(&text, at).unwrap();
    }
    file.sync_all().unwrap();
    let path = images.path(name);
    let mut arguments = vec!["convert", "-f", "raw", "-O", format];
    if options.contains("secret") {
        arguments.extend(SECRET);
    }
    if !options.is_empty() {
        arguments.extend(["-o", options]);
    }
    arguments.extend(further);
    arguments.extend([raw.to_str().unwrap(), path.to_str().unwrap()]);
    let made = qemu_img(&arguments);
    assert!(made.status.success(), "{format} with '{options}': {made:?}");
    path
}
