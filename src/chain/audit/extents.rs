//! The gate as a reader of images meets it that opens further files: those of a VMDK's data.

use super::finding::FindingCode;
use super::gate::{Gate, Naming, shown};
use crate::chain::reference;
use crate::chain::walk::Seen;
use crate::error::{Error, Result};
use crate::image::open::Opener;
use crate::io::File;

/// Opens the extents that an image names, if they pass.
pub(super) struct ExtentGate<'a> {
    pub gate: &'a Gate<'a>,
    pub image: &'a [u8],
    /// The chain so far, this image included.
    pub seen: &'a Seen,
}

impl Opener for ExtentGate<'_> {
    fn open(&self, name: &[u8], head: &mut [u8]) -> Result<(Vec<u8>, File, usize)> {
        let naming = Naming {
            image: self.image,
            what: "extent",
            offset: None,
        };
        if !self.gate.policy.allows_extents() {
            let message = format!("the image's data lies in another file, '{}'", shown(name));
            let refused = self.gate.refuse(naming, FindingCode::Extent, message);
            return Err(refused.0);
        }
        let path = self.gate.judge_name(naming, name, name).map_err(|r| r.0)?;
        let Some(path) = path else {
            return Err(Error::unsupported(reference::not_a_file(name)).in_file(name));
        };
        let found = self.gate.find_named(naming, &path)?.map_err(|r| r.0)?;
        let found = self.gate.not_an_image(naming, found, self.seen);
        let (file, length) = found.map_err(|r| r.0)?.open(head)?;
        Ok((path, file, length))
    }
}
