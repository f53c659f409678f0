//! VMware's VMDK.

use super::info::Metadata;
use super::open::Context;
use crate::error::Error;
use crate::io::Source;

/// What `qemu-img info` prints of a VMDK image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmdkInfo {}

impl serde::Serialize for super::json::View<'_, VmdkInfo> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// Reads the descriptor and the extents it names.
pub fn read(_source: &Source<'_>, _context: &Context<'_>) -> crate::Result<Metadata> {
    Err(Error::unsupported("not written yet"))
}
