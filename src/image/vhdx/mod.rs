//! Microsoft's VHDX: dynamic and fixed images, not those with a parent, which QEMU cannot open.
//!
//! Follows Microsoft's "MS-VHDX: Virtual Hard Disk v2 File Format"; the checks are those of
//! QEMU's `block/vhdx.c`. The image is opened as QEMU opens one for reading only: a log that
//! would have to be replayed makes it unreadable.

mod block_table;
pub mod check;
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
use block_table::BlockTable;
use header::Header;
use metadata::DiskParameters;
use region::Regions;

/// The start of the file.
pub(super) const SIGNATURE: [u8; 8] = *b"vhdxfile";

/// Reads the headers, the tables and the log.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let (disk, table) = read_tables(source)?;
    let metadata = metadata(&disk)?;
    table.check(source)?;
    Ok(metadata)
}

/// The same of an image that is to be checked: its blocks may lie anywhere.
pub fn read_to_check(source: &Source<'_>) -> Result<Metadata> {
    let (disk, _) = read_tables(source)?;
    metadata(&disk)
}

fn metadata(disk: &DiskParameters) -> Result<Metadata> {
    Ok(Metadata {
        virtual_size: Some(request::disk_size(disk.sectors)?),
        cluster_size: Some(u64::from(disk.block_size)),
        dirty: Some(false),
        ..Metadata::default()
    })
}

/// All that leads to the blocks, which are not judged yet.
fn read_tables(source: &Source<'_>) -> Result<(DiskParameters, BlockTable)> {
    if source.array(0)? != SIGNATURE {
        return Err(Error::format("not a VHDX image: wrong signature").at(0));
    }
    let header = Header::read(source)?;
    log::check_empty(source, &header)?;
    let regions = Regions::read(source, &header)?;
    let disk = DiskParameters::read(source, regions.metadata)?;
    let table = BlockTable::new(source, regions, &disk)?;
    Ok((disk, table))
}
