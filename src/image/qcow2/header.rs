//! The qcow2 header (`docs/interop/qcow2`, section "Header").

use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits::{self, Limits};

/// `QFI\xfb`
pub const MAGIC: u32 = 0x5146_49fb;

/// The image was not closed cleanly: refcounts may be wrong.
pub const INCOMPATIBLE_DIRTY: u64 = 1 << 0;
/// The image is known to be corrupt.
pub const INCOMPATIBLE_CORRUPT: u64 = 1 << 1;
/// Guest data lies in an external file.
pub const INCOMPATIBLE_DATA_FILE: u64 = 1 << 2;
/// The compression type is not zlib.
pub const INCOMPATIBLE_COMPRESSION: u64 = 1 << 3;
/// L2 entries have subcluster bitmaps.
pub const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;
const INCOMPATIBLE_KNOWN: u64 = 0x1f;

/// Refcounts may be updated late.
pub const COMPATIBLE_LAZY_REFCOUNTS: u64 = 1 << 0;

/// The bitmaps are up to date.
pub const AUTOCLEAR_BITMAPS: u64 = 1 << 0;
/// The external data file may be read as a raw image.
pub const AUTOCLEAR_DATA_FILE_RAW: u64 = 1 << 1;

/// Byte offsets of the header's fields.
pub mod offset_of {
    /// u32, 2 or 3.
    pub const VERSION: u64 = 4;
    /// u64, 0 without a backing file.
    pub const BACKING_FILE_OFFSET: u64 = 8;
    /// u32, bytes without a NUL.
    pub const BACKING_FILE_SIZE: u64 = 16;
    /// u32, log2 of the cluster size.
    pub const CLUSTER_BITS: u64 = 20;
    /// u64, bytes.
    pub const SIZE: u64 = 24;
    /// u32.
    pub const CRYPT_METHOD: u64 = 32;
    /// u32, entries.
    pub const L1_SIZE: u64 = 36;
    /// u64.
    pub const L1_TABLE_OFFSET: u64 = 40;
    /// u64.
    pub const REFCOUNT_TABLE_OFFSET: u64 = 48;
    /// u32.
    pub const REFCOUNT_TABLE_CLUSTERS: u64 = 56;
    /// u32.
    pub const NB_SNAPSHOTS: u64 = 60;
    /// u64.
    pub const SNAPSHOTS_OFFSET: u64 = 64;
    /// u64, from version 3 on.
    pub const INCOMPATIBLE_FEATURES: u64 = 72;
    /// u64, from version 3 on.
    pub const COMPATIBLE_FEATURES: u64 = 80;
    /// u64, from version 3 on.
    pub const AUTOCLEAR_FEATURES: u64 = 88;
    /// u32, log2 of the refcount width in bits, from version 3 on.
    pub const REFCOUNT_ORDER: u64 = 96;
    /// u32, from version 3 on.
    pub const HEADER_LENGTH: u64 = 100;
    /// u8, if the header is long enough.
    pub const COMPRESSION_TYPE: u64 = 104;
}

/// Length of a version 2 header.
const LENGTH_V2: u32 = 72;
/// Smallest length of a version 3 header.
const LENGTH_V3: u32 = 104;
/// Bytes of the header that are read here.
const LENGTH_READ: usize = 112;

/// The header as stored, version 2's absent fields filled in as the specification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Where the backing file's name lies; 0 without one.
    pub backing_file_offset: u64,
    /// Its length in bytes.
    pub backing_file_size: u32,
    /// log2 of the cluster size.
    pub cluster_bits: u32,
    /// Size of the disk in bytes, as stored.
    pub size: u64,
    /// 0 none, 1 AES, 2 LUKS.
    pub crypt_method: u32,
    /// Entries of the active L1 table.
    pub l1_size: u32,
    /// Where it lies.
    pub l1_table_offset: u64,
    /// Where the refcount table lies.
    pub refcount_table_offset: u64,
    /// Its length in clusters.
    pub refcount_table_clusters: u32,
    /// Number of internal snapshots.
    pub nb_snapshots: u32,
    /// Where their table lies.
    pub snapshots_offset: u64,
    /// Feature bits that a reader must know.
    pub incompatible_features: u64,
    /// Feature bits that a reader may ignore.
    pub compatible_features: u64,
    /// Feature bits that a writer clears if it does not know them.
    pub autoclear_features: u64,
    /// log2 of the width of a refcount in bits.
    pub refcount_order: u32,
    /// Length of the header in bytes; extensions follow it.
    pub header_length: u32,
    /// 0 zlib, 1 zstd.
    pub compression_type: u8,
}

/// How clusters are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// Raw deflate.
    Zlib,
    /// Zstandard.
    Zstd,
}

/// How guest data is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMethod {
    /// Not at all.
    None,
    /// AES-CBC, as qcow version 1 had it; broken by design.
    Aes,
    /// LUKS version 1.
    Luks,
}

impl Header {
    /// Reads and checks the header, except for what only matters with the extensions.
    pub fn read(source: &Source<'_>) -> Result<Header> {
        let bytes: [u8; LENGTH_READ] = source.array(0)?;
        let be32 = |at: u64| {
            let at = at as usize;
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let be64 = |at: u64| u64::from(be32(at)) << 32 | u64::from(be32(at + 4));
        if be32(0) != MAGIC {
            // The storage layer of Proxmox VE recognises a wrong format by these very words.
            return Err(Error::format("Image is not in qcow2 format"));
        }
        let version = be32(offset_of::VERSION);
        if !(2..=3).contains(&version) {
            return Err(
                Error::unsupported(format!("qcow2 version {version}")).at(offset_of::VERSION)
            );
        }
        let v3 = version == 3;
        let header_length = if v3 {
            be32(offset_of::HEADER_LENGTH)
        } else {
            LENGTH_V2
        };
        let has_compression_type = u64::from(header_length) > offset_of::COMPRESSION_TYPE;
        let header = Header {
            version,
            backing_file_offset: be64(offset_of::BACKING_FILE_OFFSET),
            backing_file_size: be32(offset_of::BACKING_FILE_SIZE),
            cluster_bits: be32(offset_of::CLUSTER_BITS),
            size: be64(offset_of::SIZE),
            crypt_method: be32(offset_of::CRYPT_METHOD),
            l1_size: be32(offset_of::L1_SIZE),
            l1_table_offset: be64(offset_of::L1_TABLE_OFFSET),
            refcount_table_offset: be64(offset_of::REFCOUNT_TABLE_OFFSET),
            refcount_table_clusters: be32(offset_of::REFCOUNT_TABLE_CLUSTERS),
            nb_snapshots: be32(offset_of::NB_SNAPSHOTS),
            snapshots_offset: be64(offset_of::SNAPSHOTS_OFFSET),
            incompatible_features: if v3 {
                be64(offset_of::INCOMPATIBLE_FEATURES)
            } else {
                0
            },
            compatible_features: if v3 {
                be64(offset_of::COMPATIBLE_FEATURES)
            } else {
                0
            },
            autoclear_features: if v3 {
                be64(offset_of::AUTOCLEAR_FEATURES)
            } else {
                0
            },
            refcount_order: if v3 {
                be32(offset_of::REFCOUNT_ORDER)
            } else {
                4
            },
            header_length,
            compression_type: if v3 && has_compression_type {
                bytes[offset_of::COMPRESSION_TYPE as usize]
            } else {
                0
            },
        };
        header.check(source)?;
        Ok(header)
    }

    fn check(&self, source: &Source<'_>) -> Result<()> {
        if !limits::QCOW2_CLUSTER_BITS.contains(&self.cluster_bits) {
            return Err(
                Error::corrupt(format!("cluster size 2^{}", self.cluster_bits))
                    .at(offset_of::CLUSTER_BITS),
            );
        }
        if self.version == 3 && self.header_length < LENGTH_V3 {
            return Err(
                Error::corrupt(format!("header of {} bytes", self.header_length))
                    .at(offset_of::HEADER_LENGTH),
            );
        }
        if u64::from(self.header_length) > self.cluster_size() {
            return Err(Error::corrupt(format!(
                "header of {} bytes is longer than a cluster",
                self.header_length
            ))
            .at(offset_of::HEADER_LENGTH));
        }
        if self.backing_file_offset > self.cluster_size() {
            return Err(
                Error::corrupt("backing file name lies outside of the first cluster")
                    .at(offset_of::BACKING_FILE_OFFSET),
            );
        }
        self.check_compression()?;
        let unknown = self.incompatible_features & !INCOMPATIBLE_KNOWN;
        if unknown != 0 {
            let names = super::extensions::unknown_features(source, self, unknown);
            return Err(
                Error::unsupported(format!("incompatible features: {names}"))
                    .at(offset_of::INCOMPATIBLE_FEATURES),
            );
        }
        if self.extended_l2() && self.cluster_bits < 14 {
            return Err(
                Error::corrupt("extended L2 entries need clusters of at least 16 KiB")
                    .at(offset_of::CLUSTER_BITS),
            );
        }
        if self.refcount_order > limits::QCOW2_REFCOUNT_ORDER {
            return Err(
                Error::corrupt("refcounts are wider than 64 bits").at(offset_of::REFCOUNT_ORDER)
            );
        }
        self.check_tables(source.limits())
    }

    fn check_compression(&self) -> Result<()> {
        let at = offset_of::COMPRESSION_TYPE;
        let bit = self.incompatible_features & INCOMPATIBLE_COMPRESSION != 0;
        match self.compression_type {
            0 if bit => Err(Error::corrupt("compression bit is set for zlib").at(at)),
            1 if !bit => Err(Error::corrupt("compression bit is not set for zstd").at(at)),
            0 | 1 => Ok(()),
            other => Err(Error::unsupported(format!("compression type {other}")).at(at)),
        }
    }

    fn check_tables(&self, limits: &Limits) -> Result<()> {
        self.check_table(
            "refcount table",
            (self.refcount_table_offset, offset_of::REFCOUNT_TABLE_OFFSET),
            u64::from(self.refcount_table_clusters) << self.cluster_bits,
            ("max-refcount-table-bytes", limits.refcount_table_bytes),
        )?;
        if u64::from(self.nb_snapshots) > limits.snapshots {
            let what = format!("{} snapshots", self.nb_snapshots);
            return Err(
                limits::above(what, "max-snapshots", limits.snapshots).at(offset_of::NB_SNAPSHOTS)
            );
        }
        self.check_table(
            "snapshot table",
            (self.snapshots_offset, offset_of::SNAPSHOTS_OFFSET),
            self.snapshot_table_least(),
            ("its bound", limits::QCOW2_SNAPSHOT_TABLE_BYTES),
        )?;
        self.check_table(
            "L1 table",
            (self.l1_table_offset, offset_of::L1_TABLE_OFFSET),
            u64::from(self.l1_size) * 8,
            ("max-l1-bytes", limits.l1_bytes),
        )?;
        if self.virtual_size() > limits::IMAGE_BYTES {
            return Err(Error::limit("disk is too big").at(offset_of::SIZE));
        }
        let needed = self.l1_entries_needed();
        if needed > i32::MAX as u64 {
            return Err(Error::limit("disk is too big").at(offset_of::SIZE));
        }
        if u64::from(self.l1_size) < needed {
            return Err(Error::corrupt(format!(
                "L1 table of {} entries is too small for the disk: {needed} are needed",
                self.l1_size
            ))
            .at(offset_of::L1_SIZE));
        }
        Ok(())
    }

    fn check_table(
        &self,
        what: &str,
        (offset, field): (u64, u64),
        bytes: u64,
        (name, most): (&str, u64),
    ) -> Result<()> {
        if bytes > most {
            return Err(limits::above(format!("{what} of {bytes} bytes"), name, most).at(field));
        }
        // QEMU looks at the offset of an empty table as well, but does not read there.
        let last = if bytes == 0 {
            i64::MAX as u64
        } else {
            limits::IMAGE_BYTES
        };
        if offset > last - bytes || offset % self.cluster_size() != 0 {
            return Err(Error::corrupt(format!("{what} at {offset}")).at(field));
        }
        Ok(())
    }

    fn l1_entries_needed(&self) -> u64 {
        let l2_entry_bits = if self.extended_l2() { 4 } else { 3 };
        let l2_covers_bits = self.cluster_bits + (self.cluster_bits - l2_entry_bits);
        // QEMU adds before it shifts, so a size near 2^64 wraps there as well.
        self.size.wrapping_add((1 << l2_covers_bits) - 1) >> l2_covers_bits
    }

    /// Bytes that the table of internal snapshots has at the least: its entries have names too.
    pub fn snapshot_table_least(&self) -> u64 {
        u64::from(self.nb_snapshots) * super::snapshot_table::ENTRY
    }

    /// Bytes of a cluster.
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Size of the disk in bytes: the stored size in whole sectors.
    pub fn virtual_size(&self) -> u64 {
        self.size & !511
    }

    /// Width of a refcount in bits.
    pub fn refcount_bits(&self) -> u32 {
        1 << self.refcount_order
    }

    /// Whether L2 entries have subcluster bitmaps.
    pub fn extended_l2(&self) -> bool {
        self.incompatible_features & INCOMPATIBLE_EXTENDED_L2 != 0
    }

    /// Whether the image is marked as corrupt.
    pub fn corrupt(&self) -> bool {
        self.incompatible_features & INCOMPATIBLE_CORRUPT != 0
    }

    /// Whether refcounts may be updated late.
    pub fn lazy_refcounts(&self) -> bool {
        self.compatible_features & COMPATIBLE_LAZY_REFCOUNTS != 0
    }

    /// Whether the external data file may be read as a raw image.
    pub fn data_file_raw(&self) -> bool {
        self.autoclear_features & AUTOCLEAR_DATA_FILE_RAW != 0
    }

    /// How clusters are compressed.
    pub fn compression(&self) -> CompressionType {
        if self.compression_type == 0 {
            CompressionType::Zlib
        } else {
            CompressionType::Zstd
        }
    }

    /// How guest data is encrypted.
    pub fn encryption_method(&self) -> Result<EncryptionMethod> {
        match self.crypt_method {
            0 => Ok(EncryptionMethod::None),
            1 => Ok(EncryptionMethod::Aes),
            2 => Ok(EncryptionMethod::Luks),
            other => Err(Error::unsupported(format!("encryption method {other}"))
                .at(offset_of::CRYPT_METHOD)),
        }
    }

    /// Where the header extensions end: at the backing file's name, or with the first cluster.
    pub fn extensions_end(&self) -> u64 {
        if self.backing_file_offset == 0 {
            self.cluster_size()
        } else {
            self.backing_file_offset
        }
    }
}
