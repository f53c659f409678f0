//! VirtualBox disk images, version 1.1, as far as QEMU reads them: blocks of 1 MiB, no parent.
//!
//! The format is documented by its use in VirtualBox; the checks are those of QEMU's `block/vdi.c`.

pub mod check;
pub mod mapping;

use super::fields::Fields;
use super::info::{FormatSpecific, Metadata};
use super::request::{self, SECTOR};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

/// Where the signature lies, behind a line of text.
pub(super) const SIGNATURE_AT: usize = 0x40;
/// The signature, little-endian.
pub(super) const SIGNATURE: u32 = 0xbeda_107f;

const VERSION: u32 = 0x0001_0001;
const HEADER: usize = 512;

/// Byte offsets of the header's fields.
mod offset_of {
    /// u32, major in the high half.
    pub const VERSION: usize = 0x44;
    /// u32.
    pub const IMAGE_TYPE: usize = 0x4c;
    /// u32, bytes.
    pub const BLOCK_MAP: usize = 0x154;
    /// u32, bytes.
    pub const DATA: usize = 0x158;
    /// u32, bytes.
    pub const SECTOR_SIZE: usize = 0x168;
    /// u64, bytes.
    pub const DISK_SIZE: usize = 0x170;
    /// u32, bytes.
    pub const BLOCK_SIZE: usize = 0x178;
    /// u32.
    pub const BLOCKS: usize = 0x180;
    /// u32.
    pub const BLOCKS_ALLOCATED: usize = 0x184;
    /// UUID of the image whose snapshot this is the difference to.
    pub const UUID_LINK: usize = 0x1a8;
    /// UUID of the parent.
    pub const UUID_PARENT: usize = 0x1b8;
}

/// `image type` of an image that had room for the whole disk from the beginning.
const TYPE_STATIC: u32 = 2;

/// Where an image has its table and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VdiInfo {
    /// Offset of the block map in the file.
    pub block_map: u64,
    /// Offset of block 0 in the file.
    pub data: u64,
    /// Entries of the block map.
    pub blocks: u32,
    /// How many of them the header says to be in use.
    pub blocks_allocated: u32,
    /// Whether the image had room for the whole disk from the beginning.
    pub is_static: bool,
}

/// Reads the header.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let header: [u8; HEADER] = source.array(0)?;
    let header = Fields(&header);
    if header.le32(SIGNATURE_AT) != SIGNATURE {
        return Err(Error::format("not a VDI image: wrong signature").at(SIGNATURE_AT as u64));
    }
    let version = header.le32(offset_of::VERSION);
    let unsupported = |message: String, at: usize| Err(Error::unsupported(message).at(at as u64));
    if version != VERSION {
        let (major, minor) = (version >> 16, version & 0xffff);
        return unsupported(format!("VDI version {major}.{minor}"), offset_of::VERSION);
    }
    for at in [offset_of::BLOCK_MAP, offset_of::DATA] {
        if u64::from(header.le32(at)) % SECTOR != 0 {
            return unsupported("tables or data off the sector boundaries".into(), at);
        }
    }
    let sector_size = header.le32(offset_of::SECTOR_SIZE);
    if u64::from(sector_size) != SECTOR {
        return unsupported(
            format!("sectors of {sector_size} bytes"),
            offset_of::SECTOR_SIZE,
        );
    }
    let block_size = header.le32(offset_of::BLOCK_SIZE);
    if block_size != limits::VDI_BLOCK_BYTES {
        return unsupported(
            format!("blocks of {block_size} bytes"),
            offset_of::BLOCK_SIZE,
        );
    }
    for at in [offset_of::UUID_LINK, offset_of::UUID_PARENT] {
        if header.array::<16>(at) != [0; 16] {
            return unsupported("VDI image with a parent".into(), at);
        }
    }
    let blocks = header.le32(offset_of::BLOCKS);
    if blocks > limits::VDI_BLOCKS {
        return Err(Error::limit(format!("{blocks} blocks")).at(offset_of::BLOCKS as u64));
    }
    // VirtualBox's converter makes disks that end within a sector.
    let size = header.le64(offset_of::DISK_SIZE).div_ceil(SECTOR);
    let size = request::disk_size(size)?;
    if size > u64::from(blocks) * u64::from(block_size) {
        return unsupported(
            format!("disk of {size} bytes in {blocks} blocks"),
            offset_of::DISK_SIZE,
        );
    }
    Ok(Metadata {
        virtual_size: Some(size),
        cluster_size: Some(u64::from(block_size)),
        dirty: Some(false),
        specific: FormatSpecific::Vdi(VdiInfo {
            block_map: u64::from(header.le32(offset_of::BLOCK_MAP)),
            data: u64::from(header.le32(offset_of::DATA)),
            blocks,
            blocks_allocated: header.le32(offset_of::BLOCKS_ALLOCATED),
            is_static: header.le32(offset_of::IMAGE_TYPE) == TYPE_STATIC,
        }),
        ..Metadata::default()
    })
}
