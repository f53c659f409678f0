//! The smallest sound images of the other formats, each written from its documentation.

use super::Seed;
use crate::image::{VHDX, VHDX_LOG};
use crate::pieces::{self, REPAIR, WHOLE};

/// An image in the making.
pub(super) struct Disk(pub Vec<u8>);

impl Disk {
    pub fn new(length: usize) -> Self {
        Disk(vec![0; length])
    }

    pub fn put(&mut self, at: usize, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The input for it, with so much zero behind it as `control` says.
    pub fn seed(&self, name: &'static str, control: u8) -> Seed {
        (name, pieces::input(control, &WHOLE, &self.0))
    }
}

/// Raw: nothing to read but a length.
pub fn raw() -> Vec<Seed> {
    (0..16)
        .map(|control| Disk::new(1).seed(SIZES[control], control as u8))
        .collect()
}

const SIZES: [&str; 16] = [
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15",
];

/// qcow version 1.
pub fn qcow() -> Vec<Seed> {
    let mut plain = Disk::new(64);
    plain
        .put(0, b"QFI\xfb\0\0\0\x01")
        .put(24, (1u64 << 20).to_be_bytes())
        .put(32, [12, 9])
        .put(40, 4096u64.to_be_bytes());
    let mut backing = Disk(plain.0.clone());
    backing
        .put(8, 48u64.to_be_bytes())
        .put(16, 8u32.to_be_bytes())
        .put(36, 1u32.to_be_bytes())
        .put(48, "base.raw");
    vec![plain.seed("plain", 4), backing.seed("backing", 4)]
}

/// QED.
pub fn qed() -> Vec<Seed> {
    let mut plain = Disk::new(96);
    plain
        .put(0, b"QED\0")
        .put(4, 4096u32.to_le_bytes())
        .put(8, 2u32.to_le_bytes())
        .put(12, 1u32.to_le_bytes())
        .put(40, 4096u64.to_le_bytes())
        .put(48, (1u64 << 20).to_le_bytes());
    let mut backing = Disk(plain.0.clone());
    backing
        .put(16, 7u64.to_le_bytes())
        .put(56, 64u32.to_le_bytes())
        .put(60, 8u32.to_le_bytes())
        .put(64, "base.raw");
    vec![plain.seed("plain", 5), backing.seed("backing", 5)]
}

/// VDI: a header.
pub fn vdi() -> Vec<Seed> {
    let mut plain = Disk::new(512);
    plain
        .put(0, "<<< a disk image >>>\n")
        .put(0x40, 0xbeda_107fu32.to_le_bytes())
        .put(0x44, 0x1_0001u32.to_le_bytes())
        .put(0x154, 512u32.to_le_bytes())
        .put(0x158, 1024u32.to_le_bytes())
        .put(0x168, 512u32.to_le_bytes())
        .put(0x170, (5u64 << 20).to_le_bytes())
        .put(0x178, (1u32 << 20).to_le_bytes())
        .put(0x180, 5u32.to_le_bytes());
    vec![plain.seed("plain", 4)]
}

fn vhd_footer(type_: u32, app: &str) -> Disk {
    let mut footer = Disk::new(512);
    footer
        .put(0, "conectix")
        .put(12, 0x1_0000u32.to_be_bytes())
        .put(16, 512u64.to_be_bytes())
        .put(28, app)
        .put(40, (4u64 << 20).to_be_bytes())
        .put(48, (4u64 << 20).to_be_bytes())
        .put(56, 120u16.to_be_bytes())
        .put(58, [4, 17])
        .put(60, type_.to_be_bytes());
    footer
}

/// VHD, fixed and dynamic.
pub fn vpc() -> Vec<Seed> {
    let mut dynamic = vhd_footer(3, "win ");
    dynamic.0.resize(2048, 0);
    dynamic
        .put(512, "cxsparse")
        .put(512 + 8, u64::MAX.to_be_bytes())
        .put(512 + 16, 1536u64.to_be_bytes())
        .put(512 + 28, 2u32.to_be_bytes())
        .put(512 + 32, (2u32 << 20).to_be_bytes())
        .put(1536, u32::MAX.to_be_bytes())
        .put(1540, 4u32.to_be_bytes());
    vec![
        dynamic.seed("dynamic", REPAIR | 7),
        vhd_footer(2, "qemu").seed("fixed", REPAIR),
        vhd_footer(2, "win ").seed("fixed-by-size", REPAIR),
    ]
}

/// A LUKS header with this cipher, mode and length of key, and a key in its first slot.
pub fn luks_header(cipher: &str, mode: &str, key_bytes: u32) -> Vec<u8> {
    const STRIPES: u32 = 4000;
    let mut header = Disk::new(592);
    let sectors = (key_bytes * STRIPES).div_ceil(512).next_multiple_of(8);
    header
        .put(0, b"LUKS\xba\xbe\0\x01")
        .put(8, cipher)
        .put(40, mode)
        .put(72, "sha256")
        .put(104, (8 + 8 * sectors).to_be_bytes())
        .put(108, key_bytes.to_be_bytes())
        .put(164, 1000u32.to_be_bytes())
        .put(168, "01234567-89ab-cdef-0123-456789abcdef");
    for slot in 0..8u32 {
        let at = 208 + slot as usize * 48;
        let active: u32 = if slot == 0 { 0x00ac_71f3 } else { 0xdead };
        header
            .put(at, active.to_be_bytes())
            .put(at + 4, 1000u32.to_be_bytes())
            .put(at + 40, (8 + slot * sectors).to_be_bytes())
            .put(at + 44, STRIPES.to_be_bytes());
    }
    header.0
}

/// LUKS with several ciphers.
pub fn luks() -> Vec<Seed> {
    let kinds = [
        ("xts", "aes", "xts-plain64", 64),
        ("essiv", "aes", "cbc-essiv:sha256", 32),
        ("cast5", "cast5", "cbc-plain", 16),
        ("serpent", "serpent", "ctr-plain64", 24),
    ];
    let make = |(name, cipher, mode, key)| Disk(luks_header(cipher, mode, key)).seed(name, 7);
    kinds.map(make).into()
}

/// VMDK: sparse extents of each kind, with and without a descriptor, and descriptors alone.
pub fn vmdk() -> Vec<Seed> {
    let head = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n";
    let parent = "parentFileNameHint=\"base.vmdk\"\n";
    let described = |kind: &str, lines: &str| format!("{head}createType=\"{kind}\"\n{lines}");
    let mut hosted = Disk::new(1024);
    hosted
        .put(0, b"KDMV")
        .put(4, 1u32.to_le_bytes())
        .put(8, 3u32.to_le_bytes())
        .put(12, 2048u64.to_le_bytes())
        .put(20, 128u64.to_le_bytes())
        .put(28, 1u64.to_le_bytes())
        .put(36, 20u64.to_le_bytes())
        .put(44, 512u32.to_le_bytes())
        .put(48, 21u64.to_le_bytes())
        .put(56, 26u64.to_le_bytes())
        .put(64, 128u64.to_le_bytes())
        .put(73, b"\n \r\n")
        .put(512, described("monolithicSparse", parent));
    // The directory's place is in the footer at the end: marker, header, marker.
    let mut stream = Disk(hosted.0.clone());
    stream.put(4, 3u32.to_le_bytes()).put(77, [1, 0]);
    let header = stream.0[..512].to_vec();
    stream
        .put(56, u64::MAX.to_le_bytes())
        .0
        .resize(1024 + 3 * 512, 0);
    stream
        .put(1024 + 12, [3])
        .put(1536, &header)
        .put(1536 + 64, [0; 8]);
    // No capacity: the descriptor inside says what there is.
    let mut embedded = Disk(hosted.0.clone());
    let line = "RW 2048 FLAT \"disk-flat.vmdk\" 0\n";
    embedded
        .put(12, [0; 8])
        .put(512, described("monolithicFlat", line));
    let mut cowd = Disk::new(1024);
    cowd.put(0, b"COWD")
        .put(4, 1u32.to_le_bytes())
        .put(12, 2048u32.to_le_bytes())
        .put(16, 1u32.to_le_bytes())
        .put(20, 4u32.to_le_bytes())
        .put(24, 1u32.to_le_bytes())
        .put(512, described("vmfsSparse", ""));
    let two = "RW 2048 SPARSE \"a.vmdk\"\nRW 8 VMFS \"b.vmdk\"\nRDONLY 1 ZERO\n";
    let text = |text: String| Disk(text.into_bytes());
    vec![
        hosted.seed("sparse", 6),
        stream.seed("stream", 0),
        embedded.seed("embedded", 6),
        cowd.seed("cowd", 6),
        text(described("monolithicFlat", line)).seed("flat", 0),
        text(described("twoGbMaxExtentSparse", two)).seed("extents", 0),
        text(described("vmfs", "")).seed("no-extents", 0),
    ]
}

const BLOCK_TABLE: &[u8; 16] = b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const METADATA: &[u8; 16] = b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";

/// File parameters, size of the disk, page 83, logical and physical sector size.
const ITEMS: [&[u8; 16]; 5] = [
    b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b",
    b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8",
    b"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46",
    b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f",
    b"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56",
];

/// VHDX with an empty log, with entries in it, and with blocks.
pub fn vhdx() -> Vec<Seed> {
    const MIB: usize = 1 << 20;
    let log = VHDX_LOG as usize;
    let mut plain = Disk::new(3 * MIB + 16);
    plain.put(0, "vhdxfile");
    for (at, sequence) in [(64 << 10, 1u64), (128 << 10, 2)] {
        plain
            .put(at, "head")
            .put(at + 8, sequence.to_le_bytes())
            .put(at + 66, [1, 0])
            .put(at + 68, (MIB as u32).to_le_bytes())
            .put(at + 72, VHDX_LOG.to_le_bytes());
    }
    let regions = 192 << 10;
    plain
        .put(regions, "regi")
        .put(regions + 8, 2u32.to_le_bytes());
    for (i, (id, at)) in [(BLOCK_TABLE, 3 * MIB), (METADATA, 2 * MIB)]
        .into_iter()
        .enumerate()
    {
        let entry = regions + 16 + i * 32;
        plain
            .put(entry, id)
            .put(entry + 16, (at as u64).to_le_bytes())
            .put(entry + 24, (MIB as u32).to_le_bytes())
            .put(entry + 28, 1u32.to_le_bytes());
    }
    let metadata = 2 * MIB;
    plain.put(metadata, "metadata").put(metadata + 10, [5, 0]);
    for (i, id) in ITEMS.into_iter().enumerate() {
        let entry = metadata + (i + 1) * 32;
        plain
            .put(entry, id)
            .put(entry + 16, ((64 << 10) + i as u32 * 8).to_le_bytes())
            .put(entry + 20, 8u32.to_le_bytes())
            .put(entry + 24, 6u32.to_le_bytes());
    }
    let items = metadata + (64 << 10);
    plain
        .put(items, (1u32 << 20).to_le_bytes())
        .put(items + 8, (2u64 << 20).to_le_bytes())
        .put(items + 24, 512u32.to_le_bytes())
        .put(items + 32, 4096u32.to_le_bytes());
    let mut blocks = Disk(plain.0.clone());
    blocks
        .put(3 * MIB, ((4u64 << 20) | 6).to_le_bytes())
        .put(3 * MIB + 8, 2u64.to_le_bytes());
    let with_log = |fits: bool| {
        let mut image = Disk(plain.0.clone());
        for at in [64 << 10, 128 << 10] {
            image.put(at + 48, [9; 16]);
        }
        image
            .put(log, "loge")
            .put(log + 8, 8192u32.to_le_bytes())
            .put(log + 16, 3u64.to_le_bytes())
            .put(log + 24, 1u32.to_le_bytes())
            .put(log + 32, [9; 16])
            .put(log + 64, "zero")
            .put(log + 88, if fits { 3u64 } else { 4 }.to_le_bytes());
        image
    };
    let seed = |name, image: &Disk| (name, pieces::input(REPAIR | 7, &VHDX, &image.0));
    vec![
        seed("plain", &plain),
        seed("blocks", &blocks),
        seed("log", &with_log(true)),
        seed("broken-log", &with_log(false)),
    ]
}
