//! Every bound that keeps a hostile image from costing time or memory, with its source.
//!
//! "QEMU" means that QEMU 10 enforces the same bound when it opens an image; the others are ours.
//! The constants are what holds for everybody; [`Limits`] is the part of them that a caller can
//! set for a call, listed in [`Limits::TABLE`] by the names that all faces use.

use std::fmt;

use crate::error::{Error, Result};

/// Bytes read first from every file of an image that has several. Ours: what QEMU reads of them.
pub const EXTENT_HEAD: usize = 512;
/// Bytes read first from every image: the header, its extensions and usually the backing name.
/// Ours: one page; measured to be four times cheaper than 64 KiB.
pub const HEAD: usize = 4096;
/// Bytes read first from every image of a volume: header, extensions and backing name of what `qemu-img`
/// makes. Ours: of a thousand images a page each takes a tenth longer.
pub const GRAPH_HEAD: usize = 1024;
/// Bytes read of one image with all its extents, the block allocation tables of vpc and vhdx left
/// out. Ours: an ordinary image needs a few KiB.
pub const READ_BYTES: u64 = 1 << 20;
/// The most of them that a caller can ask for. Ours: tables of the largest size that QEMU reads.
pub const READ_BYTES_MAX: u64 = 256 << 20;
/// Structures, entries and lines that a reader looks at in one image with all its extents, a chunk
/// of the block allocation tables of vpc and vhdx counting as one. Ours.
pub const STEPS: u64 = 1_000_000;
/// The most of them that a caller can ask for. Ours: some tenths of a second.
pub const STEPS_MAX: u64 = 100_000_000;
/// vpc, vhdx: bytes of the block allocation table that are in use, all of which are read to find a
/// truncated file. Ours: enough for vpc's 2040 GiB in blocks of 128 KiB (usual are 2 MiB), and for
/// vhdx's 64 TiB in blocks of 8 MiB.
pub const BLOCK_TABLE_BYTES: u64 = 64 << 20;
/// Bytes that a probe looks at. QEMU: `BLOCK_PROBE_BUF_SIZE`.
pub const PROBE: usize = 512;
/// Images in one backing chain unless the caller asks for another depth. Ours.
pub const CHAIN_DEPTH: usize = 200;
/// The deepest chain a caller can ask for. Ours.
pub const CHAIN_DEPTH_MAX: usize = 10_000;
/// Images of one volume with all its snapshots. Ours.
pub const GRAPH_IMAGES: usize = 10_000;
/// Bytes of a JSON text with the options of a plan. Ours: enough for the names of all snapshots.
pub const OPTIONS: usize = 1 << 20;
/// Bytes of a reply of multipathd. Ours: some 10,000 maps with 8 paths each.
pub const MULTIPATHD_REPLY: usize = 64 << 20;
/// Bytes of a broadcast that is read. Ours: the key-value store has 32 KiB; captured ones may come from elsewhere.
pub const BROADCAST_READ: usize = 16 << 20;
/// Bytes of a question about a cluster as one document. Ours: 128 nodes with 10,000 maps each take 160 MiB.
pub const CLUSTER_DOCUMENT: usize = 1 << 30;
/// Maps that a node may tell of (strict mode). Ours: three times what the largest simulated node has, and
/// too little to leave no room for what the others say.
pub const BROADCAST_MAPS: usize = 32 << 10;
/// Nodes of a cluster. Ours: Proxmox VE has 32 in practice, the simulated cluster has 1,000.
pub const CLUSTER_NODES: usize = 4096;
/// LUNs of a cluster that any node has ever named. Ours.
pub const CLUSTER_LUNS: usize = 1 << 20;
/// Nodes times LUNs. Ours: with 20 bytes for each, a gigabyte.
pub const CLUSTER_CELLS: usize = 50 << 20;
/// Events of a cluster that are kept. Ours: some hours of a cluster in trouble.
pub const CLUSTER_EVENTS: usize = 4096;
/// LUNs that have gone since. Ours: who asks after more have gone gets all rows anew.
pub const CLUSTER_REMOVED: usize = 1 << 16;
/// Cells of which it is known when they changed last. Ours: 32 nodes with 2,000 LUNs each.
pub const CLUSTER_CHANGED_CELLS: usize = 1 << 16;
/// Mutes of findings of a cluster. Ours: nobody remembers as many.
pub const CLUSTER_MUTES: usize = 4096;
/// Changes of one node that come at once and are told one by one. Ours: what a value of the key-value store
/// has room for as Proxmox VE writes it.
pub const CLUSTER_EVENTS_AT_ONCE: usize = 256;
/// Findings of one code about a cluster; more are counted. Ours: more than anybody reads, and a tenth of a
/// millisecond.
pub const FINDINGS: usize = 100;
/// LUNs, and nodes, that one finding names; more are counted. Ours.
pub const FINDING_NAMES: usize = 1024;
/// Bytes of a name in a finding. Ours: multipathd has room for WWIDs of 127, names of nodes have 63.
pub const FINDING_NAME: usize = 256;
/// Bytes of a broadcast: a value of the key-value store. Proxmox VE: pmxcfs' `CFS_MAX_STATUS_SIZE` with
/// its NUL.
pub const BROADCAST: usize = 32_767;
/// Bytes of a compressed broadcast's text, written and read. Ours: 32 times what the maps of a full value
/// take, and too little for anybody to be harmed.
pub const BROADCAST_TEXT: usize = 4 << 20;
/// Bytes of a placement problem as a document. Ours: 65,536 guests with samples are a tenth of it.
pub const PLACEMENT_DOCUMENT: usize = 256 << 20;
/// Nodes of a placement problem. Ours: as of a cluster.
pub const PLACEMENT_NODES: usize = CLUSTER_NODES;
/// Guests of a placement problem. Ours: six times the largest cluster that was simulated.
pub const PLACEMENT_GUESTS: usize = 1 << 16;
/// Guests times nodes. Ours: one bit each for what is allowed, eight bytes at the worst.
pub const PLACEMENT_PAIRS: usize = 64 << 20;
/// Rules of a placement problem. Ours.
pub const PLACEMENT_RULES: usize = 1 << 16;
/// Guests that all rules name together. Ours.
pub const PLACEMENT_RULE_GUESTS: usize = 1 << 20;
/// Resources besides devices, and kinds of devices. Ours: what the document's description promises.
pub const PLACEMENT_RESOURCES: usize = 16;
/// The largest amount of one thing, in what it is counted by (bytes, millionths of a core). Ours: up to here
/// doubles are exact, and so what JSON's readers make of a number.
pub const PLACEMENT_AMOUNT: u64 = 1 << 53;
/// The largest sum of such amounts. Ours: two of them can be added.
pub const PLACEMENT_SUM: u64 = 1 << 62;
/// Nodes that fail at once. Ours: there are 1.3 million sets of three among 200 nodes, and 64 million of four.
pub const PLACEMENT_FAILURES: u64 = 3;
/// Sets of failed nodes, named or made. Ours: three of 200.
pub const PLACEMENT_CASES: usize = 1 << 21;
/// Sets of nodes whose loss the rules do not survive. Ours: nobody reads more.
pub const PLACEMENT_LOSSES: usize = 1000;
/// Sets of failed nodes that are not survived and for which a remedy is looked for. Ours: three of 16 nodes are
/// 560, and whoever adds what the first need will ask again.
pub const PLACEMENT_REMEDIES: usize = 600;
/// Pairs of guests and nodes for which an answer says why that is asked to explain. Ours: some hundred
/// megabytes.
pub const PLACEMENT_EXPLAINED: usize = 1 << 20;
/// Pairs of guests and nodes for which an answer says why, unless it is asked to explain. Ours: a megabyte.
pub const PLACEMENT_REASONS: usize = 10_000;
/// Length of a snapshot's name. Proxmox VE: `pve-snapshot-name`.
pub const SNAPSHOT_NAME: usize = 40;
/// Length of a logical volume's name. LVM: `NAME_LEN` without its NUL.
pub const LVM_NAME: usize = 127;
/// Length of a device's name, which is made of those of the group and the volume. Linux:
/// `DM_NAME_LEN` without its NUL.
pub const DM_NAME: usize = 127;
/// Length of a file's name in bytes. Linux: `NAME_MAX`.
pub const FILE_NAME: usize = 255;
/// Length of a path in bytes. Linux: `PATH_MAX`, with its NUL.
pub const PATH: usize = 4096;
/// Storage calls of one process that may hang at the same time. Ours.
pub const STUCK_HELPERS: usize = 16;
/// Bytes of a map as one text. Ours: the 2 million extents of 8 GiB in clusters of 4 KiB, every other
/// one of which is written, are half of it.
pub const MAP_TEXT: usize = 512 << 20;
/// Images that `inspect_many` looks at side by side at the most. Ours.
pub const THREADS: usize = 16;
/// Extents that Perl gets at a time at the most: 32 MiB as packed records. Ours.
pub const EXTENTS: usize = 1 << 20;

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
/// qcow2: length of any name but those of files. The format: no header extension is longer than the
/// largest cluster, other lengths have 16 bits.
pub const QCOW2_NAME: u64 = 2 << 20;
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

/// qed: clusters of a file that can be checked, a bit of memory for each. Ours: 16 TiB in the smallest
/// clusters, 256 TiB in the usual ones.
pub const QED_CHECK_CLUSTERS: u64 = 1 << 32;

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
/// vpc: bytes of that table read at a time. Ours.
pub const VPC_TABLE_CHUNK: usize = 64 << 10;

/// vhdx: entries of the region table. QEMU, from the specification.
pub const VHDX_REGIONS: u32 = 2047;
/// vhdx: entries of the metadata table. QEMU: `VHDX_METADATA_MAX_ENTRIES`.
pub const VHDX_METADATA_ENTRIES: u16 = 2047;
/// vhdx: bytes of a payload block. QEMU: `VHDX_BLOCK_SIZE_MIN`, `_MAX`.
pub const VHDX_BLOCK_BYTES: std::ops::RangeInclusive<u32> = 1 << 20..=256 << 20;
/// vhdx: bytes of that table read at a time. Ours.
pub const VHDX_TABLE_CHUNK: usize = 64 << 10;
/// vhdx: bytes of a log that may hold entries, which is searched for them. Ours; usual is 1 MiB.
pub const VHDX_LOG_BYTES: u32 = 64 << 20;

/// vmdk: bytes of a descriptor. QEMU cuts it off there.
pub const VMDK_DESCRIPTOR_BYTES: u64 = (1 << 20) - 1;
/// vmdk: bytes of a descriptor read at a time. Ours.
pub const VMDK_DESCRIPTOR_CHUNK: usize = 16 << 10;
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

/// Ranges in a list of them, unless the caller says otherwise: a disk of which every other cluster of
/// 64 KiB was changed, of half a tebibyte. Ours.
pub const RANGES: u64 = 4 << 20;
/// The most that a caller may ask for. Ours.
pub const RANGES_MAX: u64 = 256 << 20;

/// Bytes of memory for a check: enough for 128 TiB in clusters of 64 KiB, which is what QEMU checks at
/// the most. Ours.
pub const CHECK_BYTES: u64 = 2 << 30;
/// The most that a caller may ask for. Ours.
pub const CHECK_BYTES_MAX: u64 = 64 << 30;

/// Bytes of a disk that an audit takes for possible unless the caller says otherwise: 128 TiB.
/// Ours: a sixteenth of the 2 PiB that 104 bytes of header can claim.
pub const AUDIT_VIRTUAL_SIZE: u64 = 128 << 40;
/// Bytes of a name that a finding shows, and an eighth of the characters of an error. Ours.
pub const AUDIT_SHOWN: usize = 256;
/// Internal snapshots, and bitmaps, that an audit puts up with. Ours.
pub const AUDIT_TABLE_ENTRIES: usize = 4096;

/// Dimensions of items to pack. Ours: cores, memory, and a storage each for a dozen.
pub const PACKING_DIMENSIONS: usize = 16;
/// Items to pack, and bins to choose from. Ours: twice what the largest clusters run.
pub const PACKING_ITEMS: usize = 20_000;
/// Items times bins of a list. Ours: a byte for each in some tables.
pub const PACKING_CELLS: usize = 20 << 20;
/// Steps that a search for a packing takes unless the caller says otherwise. Ours: about half a second.
pub const PACKING_STEPS: u64 = 400_000_000;

/// Declares [`Limits`] with its defaults and its table, so that none of them can be forgotten.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident: $name:literal, $unit:literal,
       $default:expr, $most:expr, $source:literal;)+) => {
        /// The bounds that a caller can set for a call. None of QEMU's own can be raised: an image
        /// that QEMU refuses stays refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Limits {
            /// What holds if nobody asks for anything else.
            pub const DEFAULT: Limits = Limits { $($field: $default,)+ };

            /// All of them, in the order of the fields.
            pub const TABLE: &'static [Limit] = &[$(Limit {
                name: $name,
                unit: $unit,
                default: $default,
                most: $most,
                source: $source,
                field: |limits| &mut limits.$field,
            },)+];
        }
    };
}

limits! {
    /// Images in one backing chain. Ours.
    depth: "max-depth", "images",
        CHAIN_DEPTH as u64, CHAIN_DEPTH_MAX as u64, "ours";
    /// Bytes of the disk that the guest sees. QEMU: `BDRV_MAX_LENGTH`; formats have lower ones.
    virtual_size: "max-virtual-size", "bytes",
        IMAGE_BYTES, IMAGE_BYTES, "QEMU";
    /// Further files that hold an image's data (vmdk). Ours.
    extents: "max-extents", "files",
        VMDK_EXTENTS as u64, VMDK_EXTENTS as u64, "ours";
    /// Length of a backing file name in bytes. QEMU: `PATH_MAX` without its NUL; qcow and qcow2
    /// have a lower one.
    backing_name: "max-backing-name", "bytes",
        BACKING_NAME as u64 - 1, BACKING_NAME as u64 - 1, "QEMU";
    /// Length of any other name in bytes: of a snapshot and its ID, a bitmap, a data file. The
    /// format; QEMU has a lower one for bitmaps.
    name: "max-name", "bytes",
        QCOW2_NAME, QCOW2_NAME, "format";
    /// Internal snapshots. QEMU: `QCOW_MAX_SNAPSHOTS`.
    snapshots: "max-snapshots", "snapshots",
        QCOW2_SNAPSHOTS as u64, QCOW2_SNAPSHOTS as u64, "QEMU";
    /// Persistent bitmaps. QEMU: `QCOW2_MAX_BITMAPS`.
    bitmaps: "max-bitmaps", "bitmaps",
        QCOW2_BITMAPS as u64, QCOW2_BITMAPS as u64, "QEMU";
    /// Bytes of the active L1 table (qcow2). QEMU: `QCOW_MAX_L1_SIZE`.
    l1_bytes: "max-l1-bytes", "bytes",
        QCOW2_L1_BYTES, QCOW2_L1_BYTES, "QEMU";
    /// Bytes of the refcount table (qcow2). QEMU: `QCOW_MAX_REFTABLE_SIZE`.
    refcount_table_bytes: "max-refcount-table-bytes", "bytes",
        QCOW2_REFCOUNT_TABLE_BYTES, QCOW2_REFCOUNT_TABLE_BYTES, "QEMU";
    /// Bytes in use of a block allocation table (vpc, vhdx), which is read whole. Ours.
    block_table_bytes: "max-block-table-bytes", "bytes",
        BLOCK_TABLE_BYTES, BLOCK_TABLE_BYTES, "ours";
    /// Bytes read of one image with all its extents, that table left out. What lies past the end
    /// of a file is zero, and is not read. Ours.
    read_bytes: "max-read-bytes", "bytes",
        READ_BYTES, READ_BYTES_MAX, "ours";
    /// Structures, entries and lines that are looked at in one image with all its extents. Ours.
    steps: "max-steps", "steps",
        STEPS, STEPS_MAX, "ours";
    /// Ranges in an answer that is a list of them: what was changed, what a bitmap says. Each takes
    /// 16 bytes here, and several times that in Perl or as JSON. Ours.
    ranges: "max-ranges", "ranges",
        RANGES, RANGES_MAX, "ours";
    /// Bytes of memory for counting the references of a check: one for each cluster in use, more
    /// where a cluster is used 256 times. Ours.
    check_bytes: "max-check-bytes", "bytes",
        CHECK_BYTES, CHECK_BYTES_MAX, "ours";
}

/// A bound that callers can set.
pub struct Limit {
    /// What all faces call it; C has underscores in place of the hyphens.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What holds if nobody asks for anything else.
    pub default: u64,
    /// The most that can be asked for.
    pub most: u64,
    /// Who has this bound: `QEMU`, the `format`, or `ours` alone.
    pub source: &'static str,
    field: fn(&mut Limits) -> &mut u64,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

impl Limits {
    /// Sets the one with this name; 0 means its default. An error for an unknown name and for what
    /// is above the most.
    pub fn set(&mut self, name: &str, value: u64) -> Result<()> {
        let Some(limit) = Self::TABLE.iter().find(|limit| limit.name == name) else {
            let name = crate::text::printable(name.as_bytes());
            return Err(Error::argument(format!("unknown limit '{name}'")));
        };
        if value > limit.most {
            let most = limit.most;
            return Err(Error::argument(format!("{name} {value} is above {most}")));
        }
        *(limit.field)(self) = if value == 0 { limit.default } else { value };
        Ok(())
    }

    /// The same with every field within its bounds, whoever has filled them: 0 is the default, and
    /// what is above the most is the most.
    pub(crate) fn bounded(mut self) -> Self {
        for limit in Self::TABLE {
            let field = (limit.field)(&mut self);
            *field = if *field == 0 {
                limit.default
            } else {
                (*field).min(limit.most)
            };
        }
        self
    }
}

/// An image with `what` is above the bound called `name`.
#[cold]
pub(crate) fn above(what: impl fmt::Display, name: &str, most: u64) -> Error {
    Error::limit(format!("{what}: {name} is {most}"))
}

/// That there are no more things than may be.
pub(crate) fn check_count(what: &str, count: usize, most: usize) -> Result<()> {
    match count <= most {
        true => Ok(()),
        false => Err(above(format!("{count} {what}"), "the limit", most as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn bounds_can_be_lowered_and_only_ours_can_be_raised() {
        for limit in Limits::TABLE {
            let mut limits = Limits::default();
            limits.set(limit.name, 1).unwrap();
            assert_eq!(*(limit.field)(&mut limits), 1);
            assert_eq!(limits.bounded(), limits);
            limits.set(limit.name, limit.most).unwrap();
            let error = limits.set(limit.name, limit.most + 1).unwrap_err();
            assert_eq!(error.code(), Code::Argument);
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("is above {}", limit.most))
            );
            assert!(limit.source == "ours" || limit.most == limit.default);
            limits.set(limit.name, 0).unwrap();
            assert_eq!(limits, Limits::default());
            *(limit.field)(&mut limits) = u64::MAX;
            assert_eq!(*(limit.field)(&mut limits.bounded()), limit.most);
        }
        assert!(Limits::default().set("max-everything", 1).is_err());
    }
}
