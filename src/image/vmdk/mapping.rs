//! Where a VMDK image has its disk: extent after extent, within a sparse one what its tables say
//! ([`grains`](super::grains)).

use std::collections::HashMap;

use super::VmdkInfo;
use super::extent::{ExtentData, VmdkExtent};
use super::grains::Grains;
use crate::error::{Error, Result};
use crate::image::holes;
use crate::image::map::{Run, Runs, Stored};
use crate::image::request::SECTOR;
use crate::io::{File, FileKind, Storage};

/// All extents of one image, open.
pub struct Mapping {
    parts: Vec<Part>,
    /// The extents' files, each of them once.
    files: Vec<File>,
    disk_size: u64,
    buffer: usize,
    /// The sparse part that was looked at last.
    grains: Option<(usize, Grains)>,
}

/// The part of the disk that an extent holds.
pub(super) struct Part {
    /// Offset in the disk.
    pub start: u64,
    /// Bytes of it.
    pub length: u64,
    path: Vec<u8>,
    /// Which of the files; none if it is the image's own.
    file: Option<usize>,
    /// Where the data lies.
    pub data: ExtentData,
    compressed: bool,
}

impl Mapping {
    /// Opens the extents of an image of `disk_size` bytes; of their tables at most twice `buffer`
    /// bytes are in memory at a time.
    ///
    /// Where the last grain of an extent reaches over into the next one, QEMU takes it as a whole if
    /// it comes upon its start. Only `alone`, where the disk is read from its start to its end and no
    /// other image has a say in where to look, that can be told.
    pub fn new(
        storage: &Storage,
        info: &VmdkInfo,
        (disk_size, buffer): (u64, usize),
        alone: bool,
    ) -> Result<Self> {
        let mut parts = Vec::with_capacity(info.extents.len());
        let mut files = Vec::new();
        let mut known = HashMap::new();
        let mut start = 0;
        for (i, extent) in info.extents.iter().enumerate() {
            let is_last = i + 1 == info.extents.len();
            let reaches_over = !is_last && extent.virtual_size % grain(extent) != 0;
            if reaches_over && !alone {
                let message = "a grain reaches over the end of its extent";
                return Err(Error::unsupported(message).in_file(&extent.filename));
            }
            if let ExtentData::Flat(sector) = extent.data {
                let offset = sector.checked_mul(SECTOR);
                let host_end = offset.and_then(|offset| offset.checked_add(extent.virtual_size));
                if host_end.is_none_or(|host_end| i64::try_from(host_end).is_err()) {
                    let message = format!("data at sector {sector}");
                    return Err(Error::corrupt(message).in_file(&extent.filename));
                }
            }
            let file = match (extent.kind, known.get(&extent.filename)) {
                (None, _) => None,
                (Some(_), Some(&file)) => Some(file),
                (Some(_), None) => {
                    let opened = open(storage, &extent.filename);
                    files.push(opened.map_err(|e| e.in_file(&extent.filename))?);
                    known.insert(&extent.filename, files.len() - 1);
                    Some(files.len() - 1)
                }
            };
            parts.push(Part {
                start,
                length: extent.virtual_size,
                path: extent.filename.clone(),
                file,
                data: extent.data,
                compressed: extent.compressed,
            });
            start += extent.virtual_size;
        }
        Ok(Mapping {
            parts,
            files,
            disk_size,
            buffer,
            grains: None,
        })
    }

    /// Adds the runs from the grain that holds `from`, which is within the disk, up to where the
    /// part of the tables that was read ends, and all from one extent. `image` is the image's own
    /// file.
    pub fn runs(&mut self, image: &File, from: u64, runs: &mut Runs) -> Result<()> {
        let disk_size = self.disk_size;
        self.at(image, from, |part, file, grains| {
            runs.in_file(part.file.unwrap_or(0) as u32);
            let from = from - part.start;
            match (grains, part.data) {
                (Some(grains), _) => {
                    grains.runs(file, from, (part.start, part.length, disk_size), runs)
                }
                (None, ExtentData::Flat(sector)) => {
                    let whole = Run {
                        start: part.start,
                        length: part.length,
                        host: sector * SECTOR,
                        file: 0,
                        stored: Stored::Data,
                    };
                    holes::piece(file, &whole, from, runs).map(drop)
                }
                (None, ExtentData::Sparse(_)) => Ok(()),
            }
        })
    }

    /// Looks at the extent that holds `from`: its file, and its tables if it is sparse.
    pub(super) fn at<R>(
        &mut self,
        image: &File,
        from: u64,
        look: impl FnOnce(&Part, &File, Option<&mut Grains>) -> Result<R>,
    ) -> Result<R> {
        let index = self
            .parts
            .partition_point(|part| part.start + part.length <= from);
        let Some(part) = self.parts.get(index) else {
            return Err(Error::corrupt(format!("no extent for offset {from}")));
        };
        let file = part.file.and_then(|file| self.files.get(file));
        let file = file.unwrap_or(image);
        let grains = match (self.grains.take(), &part.data) {
            (_, ExtentData::Flat(_)) => Ok(None),
            (Some((kept, grains)), _) if kept == index => Ok(Some(grains)),
            (_, ExtentData::Sparse(tables)) => {
                Grains::new(tables, part.compressed, self.buffer).map(Some)
            }
        };
        grains
            .and_then(|grains| {
                self.grains = grains.map(|grains| (index, grains));
                look(part, file, self.grains.as_mut().map(|(_, grains)| grains))
            })
            .map_err(|e| e.in_file(&part.path))
    }

    /// Bytes of the disk.
    pub(super) fn disk_size(&self) -> u64 {
        self.disk_size
    }
}

/// Bytes of a grain.
fn grain(extent: &VmdkExtent) -> u64 {
    extent.cluster_size.unwrap_or(SECTOR).max(1)
}

fn open(storage: &Storage, path: &[u8]) -> Result<File> {
    let (file, _) = storage.open_named(path, &mut [])?;
    match file.meta().kind {
        FileKind::Regular | FileKind::Block => Ok(file),
        _ => Err(Error::format("neither a regular file nor a block device")),
    }
}
