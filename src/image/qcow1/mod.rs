//! qcow version 1, the format before qcow2: a header, a backing file's name, an L1 table.
//!
//! Follows QEMU's `block/qcow.c`, the only description of the format.

pub mod mapping;

use super::fields::Fields;
use super::info::{FormatSpecific, Metadata, StoredBacking};
use super::qcow2::MAGIC;
use super::request::{self, SECTOR};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;
use crate::text::until_nul;

/// The version of this format.
pub(super) const VERSION: u32 = 1;

const HEADER: usize = 48;

/// Byte offsets of the header's fields.
mod offset_of {
    /// u32.
    pub const VERSION: usize = 4;
    /// u64, 0 without a backing file.
    pub const BACKING_FILE_OFFSET: usize = 8;
    /// u32, bytes.
    pub const BACKING_FILE_SIZE: usize = 16;
    /// u64, bytes.
    pub const SIZE: usize = 24;
    /// u8, log2 of the cluster size.
    pub const CLUSTER_BITS: usize = 32;
    /// u8, log2 of the entries of an L2 table.
    pub const L2_BITS: usize = 33;
    /// u32, 0 none, 1 AES.
    pub const CRYPT_METHOD: usize = 36;
    /// u64.
    pub const L1_TABLE_OFFSET: usize = 40;
}

/// Where an image has its tables and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qcow1Info {
    /// log2 of the bytes of a cluster.
    pub cluster_bits: u32,
    /// log2 of the entries of an L2 table.
    pub l2_bits: u32,
    /// Offset of the L1 table in the file.
    pub l1_table_offset: u64,
    /// Entries of the L1 table.
    pub l1_entries: u64,
}

/// Reads the header.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let header: [u8; HEADER] = source.array(0)?;
    let header = Fields(&header);
    if header.be32(0) != MAGIC {
        return Err(Error::format("not a qcow image: wrong magic").at(0));
    }
    let version = header.be32(offset_of::VERSION);
    if version != VERSION {
        return Err(
            Error::unsupported(format!("version {version} is not qcow's"))
                .at(offset_of::VERSION as u64),
        );
    }
    let size = header.be64(offset_of::SIZE);
    if size <= 1 {
        return Err(Error::corrupt("disk of less than two bytes").at(offset_of::SIZE as u64));
    }
    let cluster_bits = header.u8(offset_of::CLUSTER_BITS);
    if !limits::QCOW1_CLUSTER_BITS.contains(&cluster_bits) {
        return Err(Error::corrupt(format!("cluster size 2^{cluster_bits}"))
            .at(offset_of::CLUSTER_BITS as u64));
    }
    let l2_bits = header.u8(offset_of::L2_BITS);
    if !limits::QCOW1_L2_BITS.contains(&l2_bits) {
        return Err(Error::corrupt(format!("L2 tables of 2^{l2_bits} entries"))
            .at(offset_of::L2_BITS as u64));
    }
    let crypt_method = header.be32(offset_of::CRYPT_METHOD);
    if crypt_method > 1 {
        return Err(
            Error::unsupported(format!("encryption method {crypt_method}"))
                .at(offset_of::CRYPT_METHOD as u64),
        );
    }
    let virtual_size = request::disk_size(size / SECTOR)?;
    let l1_entries = size.div_ceil(1 << (cluster_bits + l2_bits));
    request::check_read(
        "L1 table",
        header.be64(offset_of::L1_TABLE_OFFSET),
        l1_entries.saturating_mul(8),
    )
    .map_err(|e| e.at(offset_of::L1_TABLE_OFFSET as u64))?;
    let (backing, name_has_nul) = read_backing(source, header)?;
    Ok(Metadata {
        virtual_size: Some(virtual_size),
        cluster_size: Some(1 << cluster_bits),
        dirty: Some(false),
        encrypted: crypt_method != 0,
        backing,
        name_has_nul,
        specific: FormatSpecific::Qcow1(Qcow1Info {
            cluster_bits: cluster_bits.into(),
            l2_bits: l2_bits.into(),
            l1_table_offset: header.be64(offset_of::L1_TABLE_OFFSET),
            l1_entries,
        }),
        ..Metadata::default()
    })
}

/// The backing file, and whether its name has more behind a NUL.
fn read_backing(source: &Source<'_>, header: Fields<'_>) -> Result<(Option<StoredBacking>, bool)> {
    let offset = header.be64(offset_of::BACKING_FILE_OFFSET);
    if offset == 0 {
        return Ok((None, false));
    }
    let length = header.be32(offset_of::BACKING_FILE_SIZE);
    if length > limits::QCOW1_BACKING_NAME {
        return Err(
            Error::corrupt(format!("backing file name of {length} bytes"))
                .at(offset_of::BACKING_FILE_SIZE as u64),
        );
    }
    request::check_read("backing file name", offset, u64::from(length))
        .map_err(|e| e.at(offset_of::BACKING_FILE_OFFSET as u64))?;
    let stored = source.bytes(offset, length as usize)?;
    let name = until_nul(&stored);
    // The format has no room for the backing file's format.
    let backing = (!name.is_empty()).then(|| StoredBacking {
        name: name.to_vec(),
        format: None,
    });
    Ok((backing, name.len() < stored.len()))
}
