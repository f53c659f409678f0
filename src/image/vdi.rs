//! VirtualBox disk images.

use super::info::Metadata;
use crate::error::{Error, Result};
use crate::io::Source;

/// Reads the header.
pub fn read(_source: &Source<'_>) -> Result<Metadata> {
    Err(Error::unsupported("not written yet"))
}
