//! Microsoft's VHDX: dynamic and fixed images, not those with a parent, which QEMU cannot open.
//!
//! Follows Microsoft's "MS-VHDX: Virtual Hard Disk v2 File Format"; the checks are those of
//! QEMU's `block/vhdx.c`. The image is opened as QEMU opens one for reading only: a log that
//! would have to be replayed makes it unreadable.

mod block_table;
mod checksum;
mod guid;
mod header;
mod log;
mod metadata;
mod region;

use super::info::Metadata;
use super::request;
use crate::error::{Error, Result};
use crate::io::Source;
use header::Header;
use metadata::DiskParameters;
use region::Regions;

/// The start of the file.
pub(super) const SIGNATURE: [u8; 8] = *b"vhdxfile";

/// Reads the headers, the tables and the log.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    if source.array(0)? != SIGNATURE {
        return Err(Error::format("not a VHDX image: wrong signature").at(0));
    }
    let header = Header::read(source)?;
    log::check_empty(source, &header)?;
    let regions = Regions::read(source, &header)?;
    let disk = DiskParameters::read(source, regions.metadata)?;
    let virtual_size = request::disk_size(disk.sectors)?;
    block_table::check(source, &regions, &disk)?;
    Ok(Metadata {
        virtual_size: Some(virtual_size),
        cluster_size: Some(u64::from(disk.block_size)),
        dirty: Some(false),
        ..Metadata::default()
    })
}
