//! VHDX, with data, without, and with entries in its log.

use super::super::base::{Base, Edit, Table};
use super::{le32, le64};

const HEADERS: [usize; 2] = [64 << 10, 128 << 10];
const HEADER_BYTES: usize = 4096;
const REGIONS: usize = 192 << 10;
const REGIONS_BYTES: usize = 64 << 10;
const LOG_GUID: [u8; 16] = [9; 16];

const HEADER: Table = &[
    (0, 4, "signature", &[]),
    (4, 4, "checksum", &[]),
    (8, 8, "sequence_number", &[]),
    (16, 8, "file_write_guid", &[]),
    (48, 8, "log_guid", &[]),
    (64, 2, "log_version", &[]),
    (66, 2, "version", &[1, 2]),
    (
        68,
        4,
        "log_length",
        &[4096, 1 << 20, 2 << 20, 64 << 20, 65 << 20],
    ),
    (
        72,
        8,
        "log_offset",
        &[1 << 20, 2 << 20, 0x7fff_ffff_c000_0000],
    ),
];

const REGION_TABLE: Table = &[
    (0, 4, "region signature", &[]),
    (4, 4, "region checksum", &[]),
    (8, 4, "region entries", &[2, 3, 2047, 2048]),
];

const REGION: Table = &[
    (0, 4, "guid", &[]),
    (16, 8, "file_offset", &[1 << 20, 2 << 20, 3 << 20, 4 << 20]),
    (24, 4, "length", &[64 << 10, 1 << 20]),
    (28, 4, "required", &[0, 1]),
];

const METADATA: Table = &[
    (0, 8, "metadata signature", &[]),
    (10, 2, "metadata entries", &[5, 6, 2047, 2048]),
];

const METADATA_ENTRY: Table = &[
    (0, 4, "item_id", &[]),
    (16, 4, "offset", &[65536]),
    (20, 4, "length", &[]),
    (24, 4, "flags", &[4, 6]),
];

const ITEMS: Table = &[
    (
        0,
        4,
        "block_size",
        &[1 << 20, 1 << 21, 256 << 20, 512 << 20],
    ),
    (4, 4, "parameter bits", &[1, 2, 3]),
    (8, 8, "virtual_disk_size", &[512, 3 << 20, 64 << 40]),
    (16, 8, "page_83_data", &[]),
    (32, 4, "logical_sector_size", &[512, 4096]),
    (36, 4, "physical_sector_size", &[512, 4096]),
];

const LOG_ENTRY: Table = &[
    (0, 4, "log signature", &[]),
    (4, 4, "log checksum", &[]),
    (8, 4, "entry_length", &[4096, 8192, 1 << 20]),
    (12, 4, "tail", &[]),
    (16, 8, "log sequence_number", &[3]),
    (24, 4, "descriptor_count", &[1, 2, 126, 127]),
    (32, 8, "entry log_guid", &[0x0909_0909_0909_0909]),
    (48, 8, "flushed_file_offset", &[]),
    (64, 4, "descriptor signature", &[0x6f72_657a, 0x6373_6564]),
    (72, 8, "zero_length", &[4096]),
    (80, 8, "descriptor file_offset", &[4096]),
    (88, 8, "descriptor sequence_number", &[3]),
];

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let mask = (crc & 1).wrapping_neg();
            crc = crc >> 1 ^ 0x82f6_3b78 & mask;
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// CRC-32C of a structure whose own checksum, at byte 4, counts as zero.
fn checksum(structure: &[u8]) -> Vec<u8> {
    const TABLE: [u32; 256] = crc_table();
    let mut crc = u32::MAX;
    for (i, byte) in structure.iter().enumerate() {
        let byte = if (4..8).contains(&i) { 0 } else { *byte };
        crc = TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    }
    (!crc).to_le_bytes().to_vec()
}

fn repair(bytes: &[u8]) -> Vec<Edit> {
    let places = HEADERS.map(|at| (at, HEADER_BYTES)).into_iter();
    let places = places.chain([(REGIONS, REGIONS_BYTES)]);
    let wrong = |(at, length): (usize, usize)| {
        let sum = checksum(&bytes[at..at + length]);
        (bytes[at + 4..at + 8] != sum).then_some((at + 4, sum))
    };
    places.filter_map(wrong).collect()
}

/// The entry of the log as well, where it is long enough to be one.
fn repair_with_log(bytes: &[u8]) -> Vec<Edit> {
    let mut edits = repair(bytes);
    let at = le64(bytes, HEADERS[0] + 72) as usize;
    let length = at.checked_add(8).filter(|&end| end + 4 <= bytes.len());
    let length = length
        .map(|at| le32(bytes, at) as usize)
        .unwrap_or_default();
    if let Some(entry) = at.checked_add(length).and_then(|end| bytes.get(at..end)) {
        if entry.len() >= 64 {
            edits.push((at + 4, checksum(entry)));
        }
    }
    edits
}

/// Where the region of this kind lies: the first byte of its GUID tells.
fn region(bytes: &[u8], kind: u8) -> usize {
    let entries = [REGIONS + 16, REGIONS + 48];
    let entry = entries.into_iter().find(|&entry| bytes[entry] == kind);
    le64(bytes, entry.expect("a region") + 16) as usize
}

fn base(name: &str, bytes: Vec<u8>) -> Base {
    let metadata = region(&bytes, 0x06);
    let table = region(&bytes, 0x66);
    let mut base = Base::new(name, "vhdx", bytes).repaired_by(repair);
    base = base.array("file signature", 0, 4, 2);
    for (i, at) in HEADERS.into_iter().enumerate() {
        base = base.record(&format!("header {i} "), at, HEADER);
    }
    base = base.record("", REGIONS, REGION_TABLE);
    for i in 0..3 {
        base = base.record(&format!("region {i} "), REGIONS + 16 + i * 32, REGION);
    }
    base = base.record("", metadata, METADATA);
    for i in 1..7 {
        base = base.record(&format!("metadata {i} "), metadata + i * 32, METADATA_ENTRY);
    }
    base.record("", metadata + 65536, ITEMS)
        .array("block table", table, 8, 5)
}

/// Without what differs in each new image: GUIDs, and where the sequence numbers begin.
fn settled(mut bytes: Vec<u8>) -> Vec<u8> {
    let sequences = HEADERS.map(|at| le64(&bytes, at + 8));
    for (at, sequence) in HEADERS.into_iter().zip(sequences) {
        let sequence = sequence - sequences[0].min(sequences[1]) + 0x1122_3344;
        bytes[at + 8..at + 16].copy_from_slice(&sequence.to_le_bytes());
        bytes[at + 16..at + 48].fill(7);
    }
    let page_83 = region(&bytes, 0x06) + 65536 + 16;
    bytes[page_83..page_83 + 16].fill(7);
    for (at, sum) in repair(&bytes) {
        bytes[at..at + 4].copy_from_slice(&sum);
    }
    bytes
}

fn made(files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    settled(super::alone(files))
}

/// Writes an entry of one descriptor into the log.
fn put_entry(bytes: &mut [u8], sector: usize, length: u32) -> usize {
    let at = le64(bytes, HEADERS[0] + 72) as usize + sector * 4096;
    let entry = &mut bytes[at..at + length as usize];
    entry[..4].copy_from_slice(b"loge");
    entry[8..12].copy_from_slice(&length.to_le_bytes());
    entry[16..24].copy_from_slice(&3u64.to_le_bytes());
    entry[24..28].copy_from_slice(&1u32.to_le_bytes());
    entry[32..48].copy_from_slice(&LOG_GUID);
    entry[64..68].copy_from_slice(b"zero");
    entry[88..96].copy_from_slice(&3u64.to_le_bytes());
    at
}

/// An image whose log holds an entry; whether it counts is for the checksum to say.
fn with_log(name: &str, mut bytes: Vec<u8>, sector: usize) -> Base {
    for at in HEADERS {
        bytes[at + 48..at + 64].copy_from_slice(&LOG_GUID);
    }
    let at = put_entry(&mut bytes, sector, 8192);
    for (at, sum) in repair(&bytes) {
        bytes[at..at + 4].copy_from_slice(&sum);
    }
    let base = Base::new(name, "vhdx", bytes).repaired_by(repair);
    let base = base.record("", at, LOG_ENTRY);
    let base = base.record("header 0 ", HEADERS[0], HEADER);
    let base = base.record("header 1 ", HEADERS[1], HEADER);
    base.costly("log_length", 1 << 26..1 << 32)
}

/// An entry that counts within one that does not: nothing is looked for there.
fn with_log_in_log(name: &str, bytes: Vec<u8>) -> Base {
    let mut base = with_log(name, bytes, 0);
    let bytes = &mut base.files[0].1;
    let at = put_entry(bytes, 1, 4096);
    let sum = checksum(&bytes[at..at + 4096]);
    bytes[at + 4..at + 8].copy_from_slice(&sum);
    base
}

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    let data = made(super::convert("vhdx", "block_size=1M", 3 << 20, 5 << 20));
    let fixed = super::create("vhdx", "subformat=fixed,block_size=1M", "3M");
    vec![
        base("empty", made(super::create("vhdx", "block_size=1M", "3M"))),
        base("with data", data.clone()),
        base("fixed", made(fixed)),
        base("large", made(super::create("vhdx", "", "1T"))),
        with_log("log that does not count", data.clone(), 0),
        with_log("log that counts", data.clone(), 0).repaired_by(repair_with_log),
        with_log("log with an entry at its end", data.clone(), 254),
        with_log_in_log("log with an entry in an entry", data),
    ]
}
