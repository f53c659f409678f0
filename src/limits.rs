//! Every bound that keeps a hostile image from costing time or memory, with its source.
//!
//! "QEMU" means that QEMU 10 enforces the same bound when it opens an image; the others are ours.

/// Bytes read first from every image: the header, its extensions and usually the backing name.
/// Ours: one page; measured to be four times cheaper than 64 KiB.
pub const HEAD: usize = 4096;
/// Bytes that a probe looks at. QEMU: `BLOCK_PROBE_BUF_SIZE`.
pub const PROBE: usize = 512;
/// Images in one backing chain unless the caller asks for another depth. Ours.
pub const CHAIN_DEPTH: usize = 200;
/// The deepest chain a caller can ask for. Ours.
pub const CHAIN_DEPTH_MAX: usize = 10_000;
/// Length of a path in bytes. Linux: `PATH_MAX`, with its NUL.
pub const PATH: usize = 4096;
/// Storage calls of one process that may hang at the same time. Ours.
pub const STUCK_HELPERS: usize = 16;
/// Images that `inspect_many` looks at side by side at the most. Ours.
pub const THREADS: usize = 16;

/// qcow2: log2 of the cluster size. QEMU: `MIN_CLUSTER_BITS`, `MAX_CLUSTER_BITS`.
pub const QCOW2_CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// qcow2: bytes of the active L1 table. QEMU: `QCOW_MAX_L1_SIZE`.
pub const QCOW2_L1_BYTES: u64 = 32 << 20;
/// qcow2: bytes of the refcount table. QEMU: `QCOW_MAX_REFTABLE_SIZE`.
pub const QCOW2_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;
/// qcow2: log2 of the width of a refcount in bits. QEMU.
pub const QCOW2_REFCOUNT_ORDER: u32 = 6;
/// qcow2: internal snapshots. QEMU: `QCOW_MAX_SNAPSHOTS`.
pub const QCOW2_SNAPSHOTS: u32 = 65_536;
/// qcow2: bytes of the snapshot table. QEMU: `QCOW_MAX_SNAPSHOTS_SIZE`.
pub const QCOW2_SNAPSHOT_TABLE_BYTES: u64 = 1024 * 65_536;
/// qcow2: extra data of one snapshot. QEMU: `QCOW_MAX_SNAPSHOT_EXTRA_DATA`.
pub const QCOW2_SNAPSHOT_EXTRA_DATA: u32 = 1024;
/// qcow2: length of a backing file name. QEMU: 1023, and it must end within the first cluster.
pub const QCOW2_BACKING_NAME: u32 = 1023;
/// qcow2: length of the backing format's name. QEMU: `sizeof(bs->backing_format)` without NUL.
pub const QCOW2_BACKING_FORMAT: u32 = 15;
/// qcow2: persistent bitmaps. QEMU: `QCOW2_MAX_BITMAPS`.
pub const QCOW2_BITMAPS: u32 = 65_535;
/// qcow2: bytes of the bitmap directory. QEMU: `QCOW2_MAX_BITMAP_DIRECTORY_SIZE`.
pub const QCOW2_BITMAP_DIRECTORY_BYTES: u64 = 1024 * 65_535;
/// qcow2: log2 of a bitmap's granularity. QEMU: `BME_MIN_/MAX_GRANULARITY_BITS`.
pub const QCOW2_BITMAP_GRANULARITY_BITS: std::ops::RangeInclusive<u8> = 9..=31;
/// qcow2: length of a bitmap's name. QEMU: `BME_MAX_NAME_SIZE`.
pub const QCOW2_BITMAP_NAME: u16 = 1023;
/// qcow2: entries of one bitmap's table. QEMU: `BME_MAX_TABLE_SIZE`.
pub const QCOW2_BITMAP_TABLE_ENTRIES: u32 = 0x800_0000;
/// qcow2: bytes of all bitmap tables together. Ours: QEMU has no bound, and many bitmaps can share
/// one large table.
pub const QCOW2_BITMAP_TABLES_BYTES: u64 = 64 << 20;
/// qcow2: log2 of the bits of a bitmap that is in use. QEMU: `HBITMAP_LOG_MAX_SIZE`, an assertion.
pub const QCOW2_BITMAP_BITS_LOG2: u32 = 41;
/// qcow2: bytes of one bitmap. QEMU: `BME_MAX_PHYS_SIZE`.
pub const QCOW2_BITMAP_BYTES: u64 = 0x2000_0000;

/// Bytes of one image or file. QEMU: `BDRV_MAX_LENGTH`.
pub const IMAGE_BYTES: u64 = 0x7fff_ffff_c000_0000;
