//! What QEMU's block layer lets a format's driver ask of the file under it.
//!
//! A header that leads to a read past these bounds makes QEMU refuse the image (`block/io.c`), so
//! the readers check them even for tables of which they read nothing themselves.

use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

/// Bytes of a sector, the unit in which QEMU counts lengths.
pub(super) const SECTOR: u64 = 512;

/// The length of the file as a driver sees it: rounded up to whole sectors.
pub(super) fn file_length(source: &Source<'_>) -> Result<u64> {
    source
        .size()
        .checked_next_multiple_of(SECTOR)
        .filter(|&length| length <= limits::IMAGE_BYTES)
        .ok_or_else(|| Error::limit("file is too big"))
}

/// Refuses what QEMU would not read: too much at once, or past every possible end.
pub(super) fn check_read(what: &str, offset: u64, bytes: u64) -> Result<()> {
    let end = offset.checked_add(bytes);
    if bytes > limits::REQUEST_BYTES || end.is_none_or(|end| end > limits::IMAGE_BYTES) {
        return Err(Error::corrupt(format!(
            "{what}: {bytes} bytes at {offset} cannot be read"
        )));
    }
    Ok(())
}

/// The size of a disk of so many sectors.
pub(super) fn disk_size(sectors: u64) -> Result<u64> {
    sectors
        .checked_mul(SECTOR)
        .filter(|&bytes| bytes <= limits::IMAGE_BYTES)
        .ok_or_else(|| Error::limit("disk is too big"))
}
