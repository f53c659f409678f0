//! Maps and checks of qcow2 images against the real `qemu-img` over their lives (written, zeroed,
//! discarded, compressed, with internal snapshots taken, applied and deleted, grown and shrunk), and
//! after their tables were broken on purpose.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::checks::assert_same_check;
use common::maps::assert_same_map;
use common::random::Random;
use common::{Images, qemu_img};
use pve_native_core::image::check::CheckFindingCode;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::work::finish_unwatched;
use pve_native_core::{Code, inspect};

const OPTIONS: [&str; 14] = [
    "",
    "cluster_size=4k",
    "cluster_size=512",
    "cluster_size=2M",
    "compat=0.10",
    "extended_l2=on",
    "extended_l2=on,cluster_size=16k",
    "lazy_refcounts=on",
    "refcount_bits=1",
    "refcount_bits=4",
    "refcount_bits=64,cluster_size=4k",
    "refcount_bits=8,compression_type=zstd",
    "preallocation=metadata",
    "preallocation=falloc,cluster_size=8k",
];

/// An image in the course of its life.
struct Life<'a> {
    random: &'a mut Random,
    path: PathBuf,
    size: usize,
    snapshots: Vec<String>,
    taken: usize,
    keeps_snapshots: bool,
}

impl<'a> Life<'a> {
    fn new(
        images: &Images,
        random: &'a mut Random,
        name: &str,
        options: &str,
        backing: Option<&Path>,
    ) -> Self {
        let path = images.path(name);
        let size = ((2 + random.below(16)) << 18) + random.below(3) * 512;
        let mut args = vec!["create".to_owned(), "-qfqcow2".into()];
        if !options.is_empty() {
            args.extend(["-o".into(), options.into()]);
        }
        if let Some(backing) = backing {
            let backing = backing.to_str().unwrap().into();
            args.extend(["-b".into(), backing, "-Fqcow2".into()]);
        }
        args.extend([path.to_str().unwrap().into(), size.to_string()]);
        let made = qemu_img(&args);
        assert!(made.status.success(), "{made:?}");
        Life {
            random,
            path,
            size,
            snapshots: Vec::new(),
            taken: 0,
            // Refcounts of one bit cannot tell that a cluster has two users.
            keeps_snapshots: !options.contains("refcount_bits=1"),
        }
    }

    fn qemu_img(&self, args: &[&str]) -> bool {
        let path = self.path.to_str().unwrap();
        let at = args.iter().map(|&arg| if arg == "@" { path } else { arg });
        qemu_img(&at.collect::<Vec<_>>()).status.success()
    }

    /// The guest writes, zeroes, discards.
    fn write(&mut self) {
        let mut io = Command::new("qemu-io");
        io.args(["-f", "qcow2"]);
        for _ in 0..1 + self.random.below(12) {
            let at = self.random.below(self.size / 512) * 512;
            let length = ((1 + self.random.below(300)) * 512).min(self.size / 512 * 512 - at);
            io.args([
                "-c",
                &match self.random.below(7) {
                    0..3 => format!("write -P {} {at} {length}", 1 + self.random.below(255)),
                    3 => format!("write -z {at} {length}"),
                    4 => format!("write -z -u {at} {length}"),
                    5 => format!("discard {at} {length}"),
                    _ => format!("write -c -P 7 {} 65536", at / 65536 * 65536),
                },
            ]);
        }
        // What cannot be written compressed is not: then the rest still counts.
        io.arg(&self.path).output().unwrap();
    }

    /// One thing happens to it.
    fn step(&mut self) {
        match self.random.below(8) {
            0 | 1 if self.keeps_snapshots => {
                self.taken += 1;
                let name = format!("s{}", self.taken);
                assert!(self.qemu_img(&["snapshot", "-c", &name, "@"]));
                self.snapshots.push(name);
            }
            2 if !self.snapshots.is_empty() => {
                let name = self.random.pick(&self.snapshots).clone();
                assert!(self.qemu_img(&["snapshot", "-a", &name, "@"]));
                self.size = self.virtual_size();
            }
            3 if !self.snapshots.is_empty() => {
                let at = self.random.below(self.snapshots.len());
                let name = self.snapshots.remove(at);
                assert!(self.qemu_img(&["snapshot", "-d", &name, "@"]));
            }
            4 => {
                let size = ((1 + self.random.below(20)) << 18) + self.random.below(3) * 512;
                // Not every image can be made smaller, or larger with snapshots.
                let size = size.to_string();
                self.qemu_img(&["resize", "-q", "-f", "qcow2", "--shrink", "@", &size]);
                self.size = self.virtual_size();
            }
            _ => self.write(),
        }
    }

    fn virtual_size(&self) -> usize {
        let size = std::fs::read(&self.path).unwrap();
        u64::from_be_bytes(*size[24..].first_chunk().unwrap()) as usize
    }
}

#[test]
fn over_the_life_of_an_image() {
    let images = Images::new();
    let mut random = Random::new(41);
    for (i, options) in OPTIONS.iter().enumerate() {
        for round in 0..2 {
            let name = format!("{i}-{round}");
            let mut life = Life::new(&images, &mut random, &name, options, None);
            for _ in 0..8 {
                life.step();
                assert_same_map(&life.path, "qcow2");
                assert_same_check(&life.path, "qcow2", options);
            }
        }
    }
}

#[test]
fn over_the_lives_of_chains() {
    let images = Images::new();
    let mut random = Random::new(42);
    for round in 0..8 {
        let mut below: Option<PathBuf> = None;
        for depth in 0..1 + random.below(8) {
            let options = OPTIONS[random.below(12)];
            let name = format!("{round}-{depth}");
            let mut life = Life::new(&images, &mut random, &name, options, below.as_deref());
            for _ in 0..4 {
                life.step();
            }
            below = Some(life.path);
        }
        let top = below.unwrap();
        assert_same_map(&top, "qcow2");
        assert_same_check(&top, "qcow2", "the top of a chain");
    }
}

/// The places of an image's tables.
struct Tables {
    cluster: usize,
    l1: usize,
    l1_entries: usize,
    l2: Vec<usize>,
    refcounts: usize,
    blocks: Vec<usize>,
}

impl Tables {
    fn of(image: &[u8]) -> Self {
        let be64 = |at: usize| u64::from_be_bytes(*image[at..].first_chunk().unwrap()) as usize;
        let be32 = |at: usize| u32::from_be_bytes(*image[at..].first_chunk().unwrap()) as usize;
        let cluster = 1 << be32(20);
        let (l1, l1_entries, refcounts) = (be64(40), be32(36), be64(48));
        let held = |at: usize, entries: usize, mask: usize| -> Vec<usize> {
            let entries = (0..entries).map(|i| be64(at + 8 * i) & mask);
            entries.filter(|&e| e != 0 && e < image.len()).collect()
        };
        Tables {
            cluster,
            l1,
            l1_entries,
            l2: held(l1, l1_entries, 0x00ff_ffff_ffff_fe00),
            refcounts,
            blocks: held(refcounts, cluster / 8, !0x1ff),
        }
    }

    /// A place to break, and how wide it is.
    fn place(&self, random: &mut Random) -> (usize, usize) {
        match random.below(6) {
            0 => (self.l1 + 8 * random.below(self.l1_entries), 8),
            1 => (self.refcounts + 8 * random.below(self.cluster / 8), 8),
            2 if !self.blocks.is_empty() => {
                (random.pick(&self.blocks) + random.below(self.cluster), 1)
            }
            _ if self.l2.is_empty() => (self.l1, 8),
            // Mostly where something is.
            3 => (random.pick(&self.l2) + 8 * random.below(16), 8),
            _ => (
                random.pick(&self.l2) + 8 * random.below(self.cluster / 8),
                8,
            ),
        }
    }
}

#[test]
fn with_broken_tables() {
    let images = Images::new();
    let mut random = Random::new(43);
    for (i, options) in OPTIONS.iter().enumerate() {
        let mut life = Life::new(&images, &mut random, &i.to_string(), options, None);
        for _ in 0..4 {
            life.write();
            life.step();
        }
        let path = life.path;
        let sound = std::fs::read(&path).unwrap();
        let tables = Tables::of(&sound);
        for _ in 0..45 {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let mut what = String::from(*options);
            for _ in 0..1 + random.below(3) {
                let (place, width) = tables.place(&mut random);
                let old = sound.get(place..place + 8).unwrap_or(&[0; 8]);
                let old = u64::from_be_bytes(*old.first_chunk().unwrap());
                let cluster = tables.cluster as u64;
                let some = random.below(40) as u64 * cluster;
                let new = match random.below(6) {
                    0 => random.next(),
                    1 => 0,
                    2 => some | 1 << 63,
                    3 => some,
                    4 => some | random.below(512) as u64,
                    _ => old ^ 1 << random.below(64),
                };
                let bytes = &new.to_be_bytes()[..width];
                file.write_all_at(bytes, place as u64).unwrap();
                what += &format!(" {bytes:x?}@{place:#x}");
            }
            assert_same_map(&path, "qcow2");
            assert_same_check(&path, "qcow2", &what);
            std::fs::write(&path, &sound).unwrap();
        }
    }
}

#[test]
fn the_documentation_lists_every_code() {
    let page = include_str!("../docs/maps.md");
    for code in CheckFindingCode::ALL {
        let row = format!("| `{}` |", code.name());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn an_image_without_a_refcount_table_is_checked() {
    let images = Images::new();
    let path = images.create("a.qcow2", "qcow2", "", "1M");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 4], 56).unwrap();
    assert!(assert_same_check(&path, "qcow2", "no refcounts"));
    assert_same_map(&path, "qcow2");
}

/// A small file of a great length whose tables refer to places far apart: each takes a page of
/// counts.
#[test]
fn the_memory_of_a_check_has_a_bound() {
    let images = Images::new();
    let path = images.create("far.qcow2", "qcow2", "cluster_size=64k", "512M");
    let written = Command::new("qemu-io")
        .args(["-f", "qcow2", "-c", "write 0 64k"])
        .arg(&path)
        .output();
    assert!(written.unwrap().status.success());
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let be64 = |at| {
        let mut word = [0; 8];
        file.read_exact_at(&mut word, at).unwrap();
        u64::from_be_bytes(word)
    };
    let table = be64(be64(40)) & 0x00ff_ffff_ffff_fe00;
    for entry in 1..4096u64 {
        let place = 1 << 63 | entry << 31;
        file.write_all_at(&u64::to_be_bytes(place), table + entry * 8)
            .unwrap();
    }
    file.set_len(4096 << 31).unwrap();
    let check = |bytes: u64| {
        let mut bounds = inspect::Bounds::default();
        bounds.limits.set("max-check-bytes", bytes).unwrap();
        let format = FormatChoice::Named(ImageFormat::Qcow2);
        inspect::check(path.as_os_str().as_bytes(), format, bounds).and_then(finish_unwatched)
    };
    let error = check(32 << 20).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    assert!(error.to_string().contains("max-check-bytes"), "{error}");
    let checked = check(128 << 20).unwrap();
    assert!(checked.result.corruptions >= 4095);
}
