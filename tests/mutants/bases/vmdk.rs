//! VMDK: the subformats that `qemu-img` makes, and those it only reads, written by hand.

use super::super::base::{Base, Table};

const HOSTED: Table = &[
    (0, 4, "magic", &[]),
    (4, 4, "version", &[1, 2, 3, 4]),
    (8, 4, "flags", &[1, 2, 3, 0x1_0000, 0x3_0001]),
    (12, 8, "capacity", &[0, 128, 1 << 32, 1 << 54, 1 << 55]),
    (
        20,
        8,
        "granularity",
        &[1, 8, 128, 0x20_0000, 0x20_0001, 1 << 32],
    ),
    (28, 8, "desc_offset", &[0, 1, 2, 21, 1 << 55]),
    (36, 8, "desc_size", &[0, 1, 20]),
    (44, 4, "num_gtes_per_gt", &[1, 511, 512, 513]),
    (48, 8, "rgd_offset", &[0, 1, 21, 1 << 54, 1 << 55]),
    (56, 8, "gd_offset", &[0, 1, 26, 1 << 54, u64::MAX]),
    (64, 8, "grain_offset", &[0, 128, 129]),
    (72, 1, "filler", &[]),
    (73, 4, "check_bytes", &[]),
    (77, 2, "compress_algorithm", &[0, 1, 2]),
];

const COWD: Table = &[
    (0, 4, "magic", &[]),
    (4, 4, "version", &[]),
    (8, 4, "flags", &[]),
    (12, 4, "disk_sectors", &[]),
    (16, 4, "granularity", &[0x20_0000, 0x20_0001]),
    (20, 4, "l1dir_offset", &[]),
    (24, 4, "l1dir_size", &[32 << 20, (32 << 20) + 1]),
];

const SE_SPARSE: Table = &[
    (0, 8, "magic", &[]),
    (8, 8, "version", &[0x2_0000_0001]),
    (16, 8, "capacity", &[1 << 54, 1 << 55]),
    (24, 8, "grain_size", &[8]),
    (32, 8, "grain_table_size", &[64]),
    (40, 8, "flags", &[]),
    (48, 8, "reserved1", &[]),
    (72, 8, "reserved4", &[]),
    (80, 8, "volatile_header_offset", &[1, 2, 1 << 55]),
    (88, 8, "volatile_header_size", &[]),
    (112, 8, "journal_offset", &[]),
    (128, 8, "grain_dir_offset", &[1, 1 << 54, 1 << 55]),
    (136, 8, "grain_dir_size", &[1, 1 << 19, 1 << 20, 1 << 54]),
    (144, 8, "grain_tables_offset", &[]),
    (208, 8, "padding", &[]),
    (504, 8, "end of the padding", &[]),
    (512, 8, "volatile magic", &[]),
    (520, 8, "free_gt_number", &[]),
    (528, 8, "next_txn_seq_number", &[]),
    (536, 8, "replay_journal", &[]),
    (544, 8, "volatile padding", &[]),
];

/// The end of a stream, seen from its first marker.
const STREAM_END: Table = &[
    (0, 8, "marker value", &[]),
    (8, 4, "marker size", &[]),
    (12, 4, "marker type", &[3]),
    (1024, 8, "end value", &[]),
    (1032, 4, "end size", &[]),
    (1036, 4, "end type", &[]),
];

const EMBEDDED: std::ops::Range<usize> = 512..1024;

fn descriptor(create_type: &str, lines: &str) -> Vec<u8> {
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\n\
         createType=\"{create_type}\"\n# Extent description\n{lines}"
    );
    text.into_bytes()
}

/// A file with these numbers at these offsets.
fn file(magic: &[u8], length: usize, fields: &[(usize, u64, usize)]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[..magic.len()].copy_from_slice(magic);
    for &(at, value, width) in fields {
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }
    bytes
}

fn cowd() -> Vec<u8> {
    let fields = [
        (4, 1, 4),
        (12, 8192, 4),
        (16, 16, 4),
        (20, 4, 4),
        (24, 1, 4),
    ];
    file(b"COWD", 8192, &fields)
}

fn se_sparse() -> Vec<u8> {
    let fields = [
        (8, 0x2_0000_0001, 8),
        (16, 4096, 8),
        (24, 8, 8),
        (32, 64, 8),
        (80, 1, 8),
        (128, 2, 8),
        (136, 1, 8),
        (512, 0xcafe_cafe, 8),
    ];
    file(&0xcafe_babeu64.to_le_bytes(), 8192, &fields)
}

fn hosted(capacity: u64, descriptor_at: u64) -> Vec<u8> {
    let fields = [
        (4, 1, 4),
        (8, 3, 4),
        (12, capacity, 8),
        (20, 128, 8),
        (28, descriptor_at, 8),
        (44, 512, 4),
        (48, 21, 8),
        (56, 26, 8),
        (64, 128, 8),
    ];
    file(b"KDMV", 65536, &fields)
}

/// A stream: what counts of its header stands at its end.
fn stream() -> Vec<u8> {
    let mut bytes = hosted(20480, 0);
    let header = bytes[..512].to_vec();
    bytes[56..64].fill(0xff);
    bytes[77] = 1;
    let mut end = vec![0; 1536];
    end[12] = 3;
    end[512..1024].copy_from_slice(&header);
    end[512 + 77] = 1;
    bytes.extend(end);
    with_ids(bytes)
}

/// With content IDs where an image of one file has them.
fn with_ids(mut bytes: Vec<u8>) -> Vec<u8> {
    let ids = b"CID=1\nparentCID=2\nparentFileNameHint=\"base.vmdk\"\n";
    bytes[512..512 + ids.len()].copy_from_slice(ids);
    bytes
}

/// One of the files that `qemu-img` makes of an image is changed.
fn made(name: &str, options: &str, size: &str, changed: &str) -> Base {
    let mut files = super::create("vmdk", options, size);
    for (_, bytes) in &mut files {
        // It is random in each new image.
        if let Some(at) = bytes.windows(5).position(|bytes| bytes == b"\nCID=") {
            bytes[at + 5..at + 13].copy_from_slice(b"1234abcd");
        }
    }
    let mut base = Base::new(name, "vmdk", Vec::new());
    let place = files.iter().position(|(name, _)| name == changed);
    base.changed = place.expect("such a file");
    // Flat extents are as long as the disk, but nobody reads them.
    base.files = files;
    base
}

/// A descriptor that names one file, which is changed.
fn naming(create_type: &str, line: &str, extent: Vec<u8>) -> Base {
    let mut base = Base::new(format!("{create_type} {line}"), "vmdk", Vec::new());
    let text = descriptor(create_type, &format!("{line} \"extent\"\n"));
    base.files = vec![("image".to_owned(), text), ("extent".to_owned(), extent)];
    base.changed = 1;
    base
}

/// The whole file is a descriptor.
fn text_of(base: Base) -> Base {
    let length = base.bytes().len();
    let mut base = base.with_text(0..length);
    base.areas.push(0..length);
    base
}

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    let sparse = |options: &str| {
        let base = made(options, options, "10M", "image");
        base.record("", 0, HOSTED).with_text(EMBEDDED)
    };
    let mut three = naming("vmfs", "RW 2048 VMFS", vec![0; 65536]);
    let lines = "RW 8 VMFS \"extent\"\nRW 1 SPARSE \"hosted\"\nRW 8 FLAT \"extent\" 16\n\
                 RW 1 VMFSSPARSE \"cowd\"\nRW 1 SESPARSE \"se\"\n";
    three.name = "every kind of extent".to_owned();
    three.files[0].1 = descriptor("vmfs", lines);
    three.files.push(("hosted".to_owned(), hosted(20480, 0)));
    three.files.push(("cowd".to_owned(), cowd()));
    three.files.push(("se".to_owned(), se_sparse()));
    three.changed = 0;
    let mut stands_for = Base::new("descriptor in a header", "vmdk", hosted(0, 1));
    let text = descriptor("vmfs", "RW 8 VMFS \"extent\"\n");
    stands_for.files[0].1[512..512 + text.len()].copy_from_slice(&text);
    stands_for.files.push(("extent".to_owned(), vec![0; 4096]));
    let end = stream().len() - 1536;
    let bases = vec![
        sparse("subformat=monolithicSparse"),
        sparse("subformat=streamOptimized"),
        made(
            "split",
            "subformat=twoGbMaxExtentSparse",
            "3G",
            "image-s001",
        )
        .record("", 0, HOSTED),
        text_of(made(
            "split text",
            "subformat=twoGbMaxExtentSparse",
            "3G",
            "image",
        )),
        text_of(made("flat text", "subformat=monolithicFlat", "1M", "image")),
        text_of(made(
            "split flat text",
            "subformat=twoGbMaxExtentFlat",
            "1M",
            "image",
        )),
        text_of(three),
        naming("vmfsSparse", "RW 1 VMFSSPARSE", cowd()).record("", 0, COWD),
        naming("seSparse", "RW 1 SESPARSE", se_sparse()).record("", 0, SE_SPARSE),
        naming("twoGbMaxExtentSparse", "RW 1 SPARSE", hosted(20480, 0)).record("", 0, HOSTED),
        Base::new("lone COWD", "vmdk", with_ids(cowd())).record("", 0, COWD),
        Base::new("lone hosted", "vmdk", with_ids(hosted(20480, 0))).record("", 0, HOSTED),
        stands_for.record("", 0, HOSTED).with_text(512..1536),
        Base::new("stream", "vmdk", stream())
            .record("", 0, HOSTED)
            .record("footer ", end, STREAM_END)
            .record("footer ", end + 512, HOSTED),
    ];
    let costly = |base: Base| {
        let base = base
            .costly("capacity", 1 << 36..1 << 54)
            .costly("l1dir_size", 1 << 22..1 << 26);
        base.costly("grain_dir_size", 1 << 15..1 << 20)
    };
    bases.into_iter().map(costly).collect()
}
