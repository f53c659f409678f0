//! Guessing a format from the first bytes, as QEMU does when no format is named.
//!
//! Only for data that no guest can write: whoever writes the first sector chooses the format.

use super::ImageFormat;
use crate::error::{Error, Result};
use crate::io::Source;

/// The format that QEMU's probing would choose.
pub fn probe(_source: &Source<'_>, _path: &[u8]) -> Result<ImageFormat> {
    Err(Error::unsupported("not written yet"))
}
