//! Raw images: the file is the disk.

use super::info::Metadata;
use crate::error::{Error, Result};
use crate::io::Source;

/// Sector size to which QEMU rounds a raw image up.
const SECTOR: u64 = 512;

/// The disk is as large as the file, rounded up to whole sectors.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let size = source.size().checked_next_multiple_of(SECTOR);
    let size = size.ok_or_else(|| Error::corrupt("file size is out of range"))?;
    Ok(Metadata {
        virtual_size: Some(size),
        dirty: Some(false),
        ..Metadata::default()
    })
}
