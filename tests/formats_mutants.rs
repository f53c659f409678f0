//! Malformed images: each field of each format's structures is set to odd values. Ours must not
//! panic, must refuse what `qemu-img info` refuses, and must give the same answer where both read
//! the image. Where ours refuses what QEMU reads, `docs/differences.md` says so.

mod common;

#[path = "formats_mutants/victim.rs"]
mod victim;

use std::path::PathBuf;

use common::{Images, random::Random};
use victim::{Field, Tally, Victim};

fn nothing(_: &mut [u8]) {}

/// Fields of the same width, one behind the other.
fn array(at: usize, width: usize, count: usize) -> impl Iterator<Item = Field> {
    (0..count).map(move |i| (at + i * width, width))
}

#[test]
fn vdi() {
    let images = Images::new();
    let path = images.create("a.vdi", "vdi", "", "10M");
    let mut fields: Vec<Field> = array(0x40, 4, 5).collect();
    fields.extend(array(0x154, 4, 7));
    fields.push((0x170, 8));
    fields.extend(array(0x178, 4, 4));
    fields.extend(array(0x188, 8, 8));
    let victim = Victim {
        format: "vdi",
        file: path.clone(),
        path,
        fields,
        big_endian: false,
        repair: nothing,
        stricter: &[],
    };
    victim.attack(12, 1);
}

#[test]
fn qcow() {
    let images = Images::new();
    for (i, backing) in ["", "backing_file=base.raw,backing_fmt=raw"]
        .iter()
        .enumerate()
    {
        let path = images.create(&format!("{i}.qcow"), "qcow", backing, "10M");
        let victim = Victim {
            format: "qcow",
            file: path.clone(),
            path,
            fields: vec![
                (0, 4),
                (4, 4),
                (8, 8),
                (16, 4),
                (20, 4),
                (24, 8),
                (32, 1),
                (33, 1),
                (34, 2),
                (36, 4),
                (40, 8),
            ],
            big_endian: true,
            repair: nothing,
            stricter: &[],
        };
        victim.attack(15, 2 + i as u64);
    }
}

#[test]
fn qed() {
    let images = Images::new();
    let backing = "table_size=2,backing_file=base.raw,backing_fmt=raw";
    for (i, options) in ["", backing].iter().enumerate() {
        let path = images.create(&format!("{i}.qed"), "qed", options, "10M");
        let mut fields: Vec<Field> = array(0, 4, 4).collect();
        fields.extend(array(16, 8, 5));
        fields.extend(array(56, 4, 2));
        let victim = Victim {
            format: "qed",
            file: path.clone(),
            path,
            fields,
            big_endian: false,
            repair: nothing,
            stricter: &[],
        };
        victim.attack(15, 4 + i as u64);
    }
}

/// VHD's checksum of the footer, which lies in the first or in the last sector.
fn repair_vpc(bytes: &mut [u8]) {
    let last = bytes.len() - 512;
    for at in [0, last] {
        let footer = &mut bytes[at..at + 512];
        footer[64..68].fill(0);
        let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
        footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    }
}

fn vpc_footer(at: usize) -> Vec<Field> {
    let fields = [
        (0, 8),
        (8, 4),
        (12, 4),
        (16, 8),
        (24, 4),
        (28, 4),
        (40, 8),
        (48, 8),
        (56, 2),
        (58, 1),
        (59, 1),
        (60, 4),
        (64, 4),
        (68, 8),
        (84, 1),
    ];
    fields.map(|(offset, width)| (at + offset, width)).to_vec()
}

#[test]
fn vpc() {
    let images = Images::new();
    let path = images.create("a.vpc", "vpc", "", "10M");
    let mut fields = vpc_footer(0);
    let header = [(0, 8), (8, 8), (16, 8), (24, 4), (28, 4), (32, 4), (36, 4)];
    fields.extend(header.map(|(at, width)| (512 + at, width)));
    fields.extend(array(1536, 4, 5));
    let dynamic = Victim {
        format: "vpc",
        file: path.clone(),
        path,
        fields,
        big_endian: true,
        repair: repair_vpc,
        stricter: &["blocks of 2147483648 bytes"],
    };
    dynamic.attack(9, 6);
    let path = images.create("b.vpc", "vpc", "subformat=fixed", "100K");
    let footer = std::fs::metadata(&path).unwrap().len() as usize - 512;
    let fixed = Victim {
        file: path.clone(),
        path,
        fields: vpc_footer(footer),
        ..dynamic
    };
    fixed.attack(6, 7);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| {
        if crc & 1 != 0 {
            crc >> 1 ^ 0x82f6_3b78
        } else {
            crc >> 1
        }
    };
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc))
    })
}

const VHDX_HEADERS: [usize; 2] = [64 << 10, 128 << 10];
const VHDX_REGIONS: usize = 192 << 10;

fn repair_vhdx(bytes: &mut [u8]) {
    let structures = [
        (VHDX_HEADERS[0], 4096),
        (VHDX_HEADERS[1], 4096),
        (VHDX_REGIONS, 65536),
    ];
    for (at, length) in structures {
        let structure = &mut bytes[at..at + length];
        structure[4..8].fill(0);
        let crc = crc32c(structure);
        structure[4..8].copy_from_slice(&crc.to_le_bytes());
    }
}

/// An image in which some blocks are there, cut down to what one needs of it.
fn vhdx_image(images: &Images) -> PathBuf {
    let data = images.write("data.raw", vec![7; 3 << 20]);
    let path = images.path("a.vhdx");
    let args = ["convert", "-f", "raw", "-O", "vhdx", "-o", "block_size=1M"];
    let names = [data.to_str().unwrap(), path.to_str().unwrap()];
    let output = common::qemu_img(&[&args[..], &names[..]].concat());
    assert!(output.status.success());
    images.settle();
    path
}

/// Where the region of this kind lies: the first is the block allocation table's.
fn vhdx_region(image: &[u8], first_byte: u8) -> usize {
    let entries = image[VHDX_REGIONS + 16..].chunks(32).take(2);
    let entry = entries
        .into_iter()
        .find(|entry| entry[0] == first_byte)
        .unwrap();
    u64::from_le_bytes(entry[16..24].try_into().unwrap()) as usize
}

#[test]
fn vhdx() {
    let images = Images::new();
    let path = vhdx_image(&images);
    let image = std::fs::read(&path).unwrap();
    let mut headers: Vec<Field> = vec![(0, 8)];
    for at in VHDX_HEADERS {
        let fields = [
            (0, 4),
            (4, 4),
            (8, 8),
            (16, 8),
            (48, 8),
            (64, 2),
            (66, 2),
            (68, 4),
            (72, 8),
        ];
        headers.extend(fields.map(|(offset, width)| (at + offset, width)));
    }
    let mut tables: Vec<Field> = array(VHDX_REGIONS, 4, 3).collect();
    for at in [VHDX_REGIONS + 16, VHDX_REGIONS + 48, VHDX_REGIONS + 80] {
        let fields = [(0, 4), (16, 8), (24, 4), (28, 4)];
        tables.extend(fields.map(|(offset, width)| (at + offset, width)));
    }
    let metadata = vhdx_region(&image, 0x06);
    tables.extend([(metadata, 8), (metadata + 10, 2)]);
    for entry in 1..7 {
        let at = metadata + entry * 32;
        tables.extend([(at, 4), (at + 16, 4), (at + 20, 4), (at + 24, 4)]);
    }
    tables.extend(array(metadata + 65536, 4, 12));
    tables.extend(array(vhdx_region(&image, 0x66), 8, 5));
    let victim = Victim {
        format: "vhdx",
        file: path.clone(),
        path,
        fields: headers,
        big_endian: false,
        repair: repair_vhdx,
        stricter: &["region at"],
    };
    victim.attack(7, 8);
    Victim {
        fields: tables,
        ..victim
    }
    .attack(4, 9);
}

/// Entries in the log make the image unreadable if they count, and only then.
#[test]
fn vhdx_log() {
    let images = Images::new();
    let path = vhdx_image(&images);
    let original = std::fs::read(&path).unwrap();
    let guid = [9; 16];
    let mut base = original.clone();
    for at in VHDX_HEADERS {
        base[at + 48..at + 64].copy_from_slice(&guid);
    }
    repair_vhdx(&mut base);
    let log = u64::from_le_bytes(base[VHDX_HEADERS[0] + 72..][..8].try_into().unwrap()) as usize;
    let entry = |sector: usize, length: u32, kind: &[u8; 4], edit: &dyn Fn(&mut [u8])| {
        let mut image = base.clone();
        let at = log + sector * 4096;
        let entry = &mut image[at..at + length as usize];
        entry[..4].copy_from_slice(b"loge");
        entry[8..12].copy_from_slice(&length.to_le_bytes());
        entry[16..24].copy_from_slice(&3u64.to_le_bytes());
        entry[24..28].copy_from_slice(&1u32.to_le_bytes());
        entry[32..48].copy_from_slice(&guid);
        entry[64..68].copy_from_slice(kind);
        entry[88..96].copy_from_slice(&3u64.to_le_bytes());
        edit(entry);
        entry[4..8].fill(0);
        let crc = crc32c(entry);
        entry[4..8].copy_from_slice(&crc.to_le_bytes());
        image
    };
    let mut mutants = vec![base.clone()];
    for sector in [0, 1, 100, 250] {
        for kind in [b"zero", b"desc", b"none"] {
            mutants.push(entry(sector, 8192, kind, &|_| {}));
        }
    }
    for (at, value) in [
        (0, 0),
        (8, 1),
        (9, 0),
        (9, 1),
        (16, 0),
        (16, 4),
        (24, 0),
        (24, 255),
        (25, 1),
        (32, 1),
        (72, 1),
        (80, 1),
        (81, 16),
        (88, 1),
        (5000, 1),
    ] {
        mutants.push(entry(2, 8192, b"zero", &|entry| entry[at] = value));
    }
    let mut wrong_checksum = entry(0, 8192, b"zero", &|_| {});
    wrong_checksum[log + 5] ^= 1;
    mutants.push(wrong_checksum.clone());
    // Within what an entry with a wrong checksum covers, nothing is looked for.
    let second = entry(1, 4096, b"zero", &|_| {});
    let at = log + 4096;
    wrong_checksum[at..at + 4096].copy_from_slice(&second[at..at + 4096]);
    mutants.push(wrong_checksum);
    let victim = Victim {
        format: "vhdx",
        file: path.clone(),
        path,
        fields: Vec::new(),
        big_endian: false,
        repair: nothing,
        stricter: &[],
    };
    let mut tally = Tally::default();
    for (i, mutant) in mutants.iter().enumerate() {
        victim.judge(&original, mutant, &format!("log {i}"), &mut tally);
    }
    assert!(tally.read > 5 && tally.refused > 5, "{tally:?}");
    assert!(tally.stricter.is_empty(), "{tally:?}");
}

fn luks_fields(at: usize) -> Vec<Field> {
    let mut fields = vec![
        (0, 6),
        (6, 2),
        (8, 4),
        (36, 4),
        (40, 8),
        (68, 4),
        (72, 8),
        (100, 4),
        (104, 4),
        (108, 4),
        (164, 4),
        (168, 8),
    ];
    for slot in [0, 1, 4, 7] {
        let start = 208 + slot * 48;
        fields.extend([(start, 4), (start + 4, 4), (start + 40, 4), (start + 44, 4)]);
    }
    fields
        .iter()
        .map(|(offset, width)| (at + offset, *width))
        .collect()
}

#[test]
fn luks() {
    let images = Images::new();
    let options = "key-secret=s,iter-time=10";
    let path = images.create("a.luks", "luks", options, "1M");
    let victim = Victim {
        format: "luks",
        file: path.clone(),
        path,
        fields: luks_fields(0),
        big_endian: true,
        repair: nothing,
        stricter: &[],
    };
    victim.attack(9, 10);
    let options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    let path = images.create("a.qcow2", "qcow2", options, "1M");
    let image = std::fs::read(&path).unwrap();
    let header = image
        .windows(6)
        .position(|bytes| bytes == b"LUKS\xba\xbe")
        .unwrap();
    let inside = Victim {
        format: "qcow2",
        file: path.clone(),
        path,
        fields: luks_fields(header),
        ..victim
    };
    inside.attack(5, 11);
}

fn hosted_fields() -> Vec<Field> {
    vec![
        (0, 4),
        (4, 4),
        (8, 4),
        (12, 8),
        (20, 8),
        (28, 8),
        (36, 8),
        (44, 4),
        (48, 8),
        (56, 8),
        (64, 8),
        (72, 1),
        (73, 4),
        (77, 2),
    ]
}

#[test]
fn vmdk_headers() {
    let images = Images::new();
    let cases = [
        ("a.vmdk", "", "a.vmdk", "10M"),
        ("b.vmdk", "subformat=streamOptimized", "b.vmdk", "10M"),
        (
            "c.vmdk",
            "subformat=twoGbMaxExtentSparse",
            "c-s001.vmdk",
            "3G",
        ),
    ];
    for (i, (name, options, file, size)) in cases.into_iter().enumerate() {
        let victim = Victim {
            format: "vmdk",
            path: images.create(name, "vmdk", options, size),
            file: images.path(file),
            fields: hosted_fields(),
            big_endian: false,
            repair: nothing,
            stricter: &["disk is too big"],
        };
        victim.attack(11, 12 + i as u64);
    }
}

#[test]
fn vmdk_descriptors() {
    const SPICE: &[u8] = b"\0 \n\r\t\"=#0123456789abcdefxRW-+:/";
    let images = Images::new();
    let mut random = Random::new(15);
    for (name, options) in [
        ("a.vmdk", ""),
        ("b.vmdk", "subformat=twoGbMaxExtentSparse"),
        ("c.vmdk", "subformat=monolithicFlat"),
    ] {
        let path = images.create(name, "vmdk", options, "3G");
        let original = std::fs::read(&path).unwrap();
        let start = if options.is_empty() { 512 } else { 0 };
        let text = start..start + 280.min(original.len() - start);
        let victim = Victim {
            format: "vmdk",
            file: path.clone(),
            path,
            fields: Vec::new(),
            big_endian: false,
            repair: nothing,
            stricter: &[],
        };
        let mut tally = Tally::default();
        for i in 0..150 {
            let mut bytes = original.clone();
            for _ in 0..=i % 3 {
                let at = text.start + random.below(text.len());
                bytes[at] = SPICE[random.below(SPICE.len())];
            }
            victim.judge(&original, &bytes, &format!("{name} {i}"), &mut tally);
        }
        assert!(tally.stricter.is_empty(), "{tally:#?}");
    }
}
