//! Images with one thing wrong each: what QEMU's own tests 036, 060, 061, 080, 138, 261, 271 and
//! 287 poke into qcow2 images, made anew by a writer of our own, and the neighbours of each.

mod features;
mod frame;
mod mapping;
mod sizes;
mod snapshots;

use frame::{At, Frame, frames};

/// Bytes of so many at an offset from a place.
pub type Poke = (At, usize, usize, u64);

/// What is broken, and how.
pub type Row = (&'static str, &'static [Poke]);

/// The test of QEMU's that does the like, which frames are broken, and how.
pub type Group = (&'static str, &'static [&'static str], &'static [Row]);

/// All tables, and which frames they break.
const GROUPS: &[Group] = &[
    ("036", &["v3"], features::FEATURES),
    (
        "060",
        &["v3", "v3 with clusters of 512 bytes"],
        mapping::TABLES,
    ),
    ("060", &["v2", "backed"], mapping::TABLES_OF_V2),
    (
        "061",
        &["v3", "v3 with clusters of 512 bytes"],
        features::VERSIONS,
    ),
    ("061", &["v2"], features::VERSIONS_OF_V2),
    (
        "080",
        &["v3", "v3 with clusters of 512 bytes", "v2"],
        sizes::SIZES,
    ),
    ("080", &["v3"], sizes::SIZES_OF_V3),
    (
        "138",
        &["v3", "v3 with clusters of 512 bytes"],
        mapping::COUNTS,
    ),
    ("261", &["v3", "v2"], snapshots::SNAPSHOTS),
    ("271", &["extended L2"], mapping::SUBCLUSTERS),
    ("287", &["zlib"], features::COMPRESSION),
    ("287", &["zstd"], features::COMPRESSION_OF_ZSTD),
];

/// A broken image.
pub struct Poked {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn images() -> Vec<Poked> {
    let frames = frames();
    let mut images = Vec::new();
    for (test, names, rows) in GROUPS {
        for frame in frames.iter().filter(|frame| names.contains(&frame.name)) {
            images.extend(
                rows.iter()
                    .map(|(what, pokes)| poked(test, frame, what, pokes)),
            );
            if *test == "036" {
                images.extend(unknown_features(frame));
            }
            if *test == "261" {
                images.extend(snapshot_tables(frame));
            }
        }
    }
    images
}

fn poked(test: &str, frame: &Frame, what: &str, pokes: &[Poke]) -> Poked {
    let mut bytes = frame.bytes.clone();
    for &(at, offset, width, value) in pokes {
        let start = frame.place(at) + offset;
        bytes[start..start + width].copy_from_slice(&value.to_be_bytes()[8 - width..]);
    }
    Poked {
        name: format!("{test}, {}: {what}", frame.name),
        bytes,
    }
}

/// Each bit that has no meaning, alone and with its name in the image's own table.
fn unknown_features(frame: &Frame) -> Vec<Poked> {
    let mut images = Vec::new();
    for (kind, field, first) in [(0u8, 72, 5), (1, 80, 1), (2, 88, 2)] {
        for bit in first..64u8 {
            let mut bytes = frame.bytes.clone();
            bytes[field + 7 - usize::from(bit / 8)] |= 1 << (bit % 8);
            if bit % 2 == 0 {
                let entry = [&[kind, bit][..], b"a name \x1b[31m"].concat();
                let body = frame.extensions + 8;
                bytes[frame.extensions..body].copy_from_slice(b"\x68\x03\xf8\x57\0\0\0\x30");
                bytes[body..body + 48].fill(0);
                bytes[body..body + entry.len()].copy_from_slice(&entry);
            }
            images.push(Poked {
                name: format!("036, {}: features {kind} bit {bit}", frame.name),
                bytes,
            });
        }
    }
    images
}

/// Snapshot tables of many entries, or of long ones.
fn snapshot_tables(frame: &Frame) -> Vec<Poked> {
    let table = |what: &str, count: u32, id: u16, name: u16, extra: u32, written: usize| {
        // A byte that takes six in JSON.
        let letter = if written > 100 { 1 } else { b'x' };
        let mut bytes = frame.bytes.clone();
        let start = bytes.len();
        bytes[60..64].copy_from_slice(&count.to_be_bytes());
        bytes[64..72].copy_from_slice(&(start as u64).to_be_bytes());
        let length = 40 + usize::from(id) + usize::from(name) + extra as usize;
        for _ in 0..written {
            let entry = bytes.len();
            bytes.resize(entry + length, letter);
            bytes[entry..entry + 40].fill(0);
            bytes[entry + 12..entry + 14].copy_from_slice(&id.to_be_bytes());
            bytes[entry + 14..entry + 16].copy_from_slice(&name.to_be_bytes());
            bytes[entry + 36..entry + 40].copy_from_slice(&extra.to_be_bytes());
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        Poked {
            name: format!("261, {}: {what}", frame.name),
            bytes,
        }
    };
    let mut tables = vec![
        table("the longest names", 2, 0xffff, 0xffff, 16, 2),
        table("names of 128 and 256 bytes", 2, 128, 256, 16, 2),
        table("names of 127 and 255 bytes", 2, 127, 255, 16, 2),
        table("no names", 2, 0, 0, 16, 2),
        table("extra data of 1024 bytes", 2, 1, 1, 1024, 2),
        table("extra data of 1025 bytes", 2, 1, 1, 1025, 2),
        table("no extra data", 2, 1, 1, 0, 2),
        table("half a word of extra data", 2, 1, 1, 4, 2),
        table("extra data of 50 bytes", 2, 1, 1, 50, 2),
        table("more entries than are written", 5, 1, 1, 16, 2),
        table("fewer entries than are written", 1, 1, 1, 16, 2),
        table("ten of the largest entries", 10, 0xffff, 0xffff, 1024, 10),
        table(
            "2,200 of 65,536 entries with long names",
            65_536,
            127,
            255,
            0,
            2_200,
        ),
        table("an entry behind the end of the file", 1, 1, 1, 16, 0),
        table(
            "a thousand entries behind the end of the file",
            1000,
            1,
            1,
            16,
            0,
        ),
    ];
    // Once is enough: it takes QEMU seconds.
    if frame.name == "v3" {
        let what = "2,200 of 65,536 entries with long names";
        tables.push(table(what, 65_536, 127, 255, 0, 2_200));
    }
    tables
}
