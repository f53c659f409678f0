//! LUKS version 1.

use super::info::Metadata;
use crate::error::{Error, Result};
use crate::io::Source;

/// What `qemu-img info` prints of a LUKS header.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LuksInfo {}

impl LuksInfo {
    /// The same as the `encrypt` entry of a qcow2 image has it.
    pub fn within_qcow2(&self) -> impl serde::Serialize {
        self.clone()
    }
}

/// Reads a LUKS header that begins at `offset` of the source and reaches no further than
/// `length` bytes (inside qcow2), or to the end of the file.
pub fn read_header(_source: &Source<'_>, _offset: u64, _length: u64) -> Result<LuksInfo> {
    Err(Error::unsupported("not written yet"))
}

/// Reads the header.
pub fn read(_source: &Source<'_>) -> Result<Metadata> {
    Err(Error::unsupported("not written yet"))
}
