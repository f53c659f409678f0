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
/// Bytes that one read of metadata may ask for. QEMU: `BDRV_REQUEST_MAX_BYTES`.
pub const REQUEST_BYTES: u64 = 0x7fff_fe00;
/// Length of a backing file name outside of qcow and qcow2. QEMU: `PATH_MAX`, with its NUL.
pub const BACKING_NAME: usize = 4096;

/// qcow: log2 of the cluster size. QEMU.
pub const QCOW1_CLUSTER_BITS: std::ops::RangeInclusive<u8> = 9..=16;
/// qcow: log2 of the entries of an L2 table. QEMU.
pub const QCOW1_L2_BITS: std::ops::RangeInclusive<u8> = 6..=13;
/// qcow: length of a backing file name. QEMU.
pub const QCOW1_BACKING_NAME: u32 = 1023;

/// qed: bytes of a cluster. QEMU: `QED_MIN_/MAX_CLUSTER_SIZE`.
pub const QED_CLUSTER_BYTES: std::ops::RangeInclusive<u32> = 4096..=64 << 20;
/// qed: clusters of a table. QEMU: `QED_MIN_/MAX_TABLE_SIZE`.
pub const QED_TABLE_CLUSTERS: std::ops::RangeInclusive<u32> = 1..=16;

/// vdi: blocks of an image. QEMU: `VDI_BLOCKS_IN_IMAGE_MAX`.
pub const VDI_BLOCKS: u32 = 0x1fff_ff80;
/// vdi: bytes of a block. QEMU knows no other.
pub const VDI_BLOCK_BYTES: u32 = 1 << 20;

/// vpc: sectors of a disk, 2040 GiB. QEMU: `VHD_MAX_SECTORS`.
pub const VPC_SECTORS: u64 = 0xff00_0000;
/// vpc: bytes of a block. QEMU, which reads larger ones, but takes their size for negative.
pub const VPC_BLOCK_BYTES: std::ops::RangeInclusive<u32> = 512..=1 << 30;
/// vpc: entries of the block allocation table. QEMU: `INT_MAX / 4`.
pub const VPC_TABLE_ENTRIES: u32 = i32::MAX as u32 / 4;
/// vpc: bytes of the block allocation table, which is read whole to find a truncated file. Ours:
/// enough for 2040 GiB in blocks of 128 KiB; the usual ones have 2 MiB.
pub const VPC_TABLE_BYTES: u64 = 64 << 20;
/// vpc: bytes of that table read at a time. Ours.
pub const VPC_TABLE_CHUNK: usize = 64 << 10;

/// vhdx: entries of the region table. QEMU, from the specification.
pub const VHDX_REGIONS: u32 = 2047;
/// vhdx: entries of the metadata table. QEMU: `VHDX_METADATA_MAX_ENTRIES`.
pub const VHDX_METADATA_ENTRIES: u16 = 2047;
/// vhdx: bytes of a payload block. QEMU: `VHDX_BLOCK_SIZE_MIN`, `_MAX`.
pub const VHDX_BLOCK_BYTES: std::ops::RangeInclusive<u32> = 1 << 20..=256 << 20;
/// vhdx: bytes of the block allocation table that are in use, all of which are read to find a
/// truncated file. Ours: enough for 64 TiB in blocks of 8 MiB.
pub const VHDX_TABLE_BYTES: u64 = 64 << 20;
/// vhdx: bytes of that table read at a time. Ours.
pub const VHDX_TABLE_CHUNK: usize = 64 << 10;
/// vhdx: bytes of a log that may hold entries, which is searched for them. Ours; usual is 1 MiB.
pub const VHDX_LOG_BYTES: u32 = 64 << 20;

/// vmdk: bytes of a descriptor. QEMU cuts it off there.
pub const VMDK_DESCRIPTOR_BYTES: u64 = (1 << 20) - 1;
/// vmdk: bytes of the descriptor in which the parent and the content IDs are looked for. QEMU:
/// `DESC_SIZE`.
pub const VMDK_DESCRIPTOR_HEAD: usize = 20 * 512;
/// vmdk: extents of one image. Ours: QEMU has none but the number of files it can hold open.
pub const VMDK_EXTENTS: usize = 4096;
/// vmdk: sectors of a grain, 1 GiB. QEMU.
pub const VMDK_GRAIN_SECTORS: u64 = 0x20_0000;
/// vmdk: entries of a grain directory. QEMU.
pub const VMDK_DIRECTORY_ENTRIES: u32 = 32 << 20;
/// vmdk: entries of a grain table. QEMU.
pub const VMDK_GRAIN_TABLE_ENTRIES: u32 = 512;

/// Bytes of a disk that an audit takes for possible unless the caller says otherwise: 128 TiB.
/// Ours: a sixteenth of the 2 PiB that 104 bytes of header can claim.
pub const AUDIT_VIRTUAL_SIZE: u64 = 128 << 40;
/// Internal snapshots, and bitmaps, that an audit puts up with. Ours.
pub const AUDIT_TABLE_ENTRIES: usize = 4096;
