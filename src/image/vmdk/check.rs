//! Whether the grains of a VMDK image begin within their files: `qemu-img check`, which counts
//! nothing, but fails where it comes upon one that does not.

use super::VmdkInfo;
use super::extent::ExtentData;
use super::grains::Grain;
use super::mapping::Mapping;
use crate::error::{Error, Result};
use crate::image::check::CheckResult;
use crate::image::request::SECTOR;
use crate::io::{File, Storage};
use crate::work::{Progress, Work};

/// Bytes of each kind of table that are in memory at a time.
const BUFFER: usize = 64 << 10;

/// A check in the making; counts its progress in bytes of the disk.
pub struct Check {
    image: File,
    mapping: Mapping,
    position: u64,
}

impl Check {
    /// A check of the image in `image`, whose descriptor and headers have been read.
    pub fn new(storage: &Storage, image: File, info: &VmdkInfo, disk_size: u64) -> Result<Self> {
        Ok(Check {
            image,
            mapping: Mapping::new(storage, info, (disk_size, BUFFER), true)?,
            position: 0,
        })
    }
}

impl Work for Check {
    type Answer = CheckResult;

    fn advance(&mut self) -> Result<Option<CheckResult>> {
        let position = self.position;
        if position >= self.mapping.disk_size() {
            return Ok(Some(CheckResult::default()));
        }
        let next = self
            .mapping
            .at(&self.image, position, |part, file, grains| {
                let length = file.meta().size.next_multiple_of(SECTOR);
                let within = |sector: u64| match sector * SECTOR < length {
                    true => Ok(()),
                    false => {
                        let message = format!("data at sector {sector} lies behind the end");
                        Err(Error::corrupt(message))
                    }
                };
                match (part.data, grains) {
                    (ExtentData::Flat(sector), _) => {
                        within(sector)?;
                        Ok(position + part.length)
                    }
                    (ExtentData::Sparse(tables), Some(grains)) => {
                        // QEMU goes on by a grain each time, also where the one before has reached over
                        // from another extent; it may miss the last one then.
                        let from = position - part.start;
                        let grain = tables.grain_sectors * SECTOR;
                        let ahead = from % grain;
                        let end = (part.length - ahead).next_multiple_of(grain);
                        let stop = grains.each(file, from, end, |_, _, grain| match grain {
                            Grain::At(sector) => within(sector),
                            Grain::Missing | Grain::Zero => Ok(()),
                        })?;
                        Ok(part.start + stop + ahead)
                    }
                    (ExtentData::Sparse(_), None) => Ok(part.start + part.length),
                }
            })?;
        self.position = next;
        Ok(None)
    }

    fn progress(&self) -> Progress {
        let total = self.mapping.disk_size();
        Progress {
            done: self.position.min(total),
            total,
        }
    }
}
