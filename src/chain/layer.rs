//! One image of a chain as the extents see it: its runs, decoded ahead as far as one part of its
//! tables goes.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::image::map::{Run, Runs, Stored};
use crate::image::open::Opener;
use crate::image::qcow2::Qcow2Info;
use crate::image::qcow2::mapping::Mapping;
use crate::image::qcow2::refcounts::is_preallocated;
use crate::image::{FormatSpecific, ImageFormat, ImageInfo};
use crate::io::{Allocation, File, FileKind, Storage};

/// Bytes of the unit in which disks are measured.
const SECTOR: u64 = 512;

pub(super) struct Layer {
    filename: Arc<[u8]>,
    file: File,
    /// Where the data is, if not in `file`.
    data: Option<File>,
    /// Bytes of the disk that this image has.
    pub size: u64,
    tables: Tables,
    runs: Runs,
    at: usize,
}

enum Tables {
    /// The file is the disk.
    Raw,
    /// The tables, and whether the file may have holes where they say that there is data.
    Qcow2(Mapping, bool),
}

impl Layer {
    /// The image in `file`; `buffer` bytes of its tables are read at a time.
    pub fn new(storage: &Storage, image: &ImageInfo, file: File, buffer: usize) -> Result<Self> {
        let unsupported = |what: &str| Err(Error::unsupported(what).in_file(&image.filename));
        let Some(size) = image.metadata.virtual_size else {
            return unsupported("the size of the disk is not known");
        };
        let mut data = None;
        let tables = match (&image.metadata.specific, image.format) {
            (_, ImageFormat::Raw) => Tables::Raw,
            (FormatSpecific::Qcow2(qcow2), _) => {
                if qcow2.has_data_file() {
                    data = Some(open_data_file(storage, image, qcow2)?);
                }
                let regular = file.meta().kind == FileKind::Regular;
                let allocated = file.meta().allocated;
                let holes = regular && is_preallocated(&file, &qcow2.header, allocated)?;
                Tables::Qcow2(Mapping::new(qcow2, size, buffer), holes)
            }
            _ => return unsupported("the maps of this format are not read"),
        };
        Ok(Layer {
            filename: Arc::clone(&image.filename),
            file,
            data,
            size,
            tables,
            runs: Runs::with_capacity(buffer / 8),
            at: 0,
        })
    }

    /// The run that holds `position`, which is within the disk.
    #[inline]
    pub fn run(&mut self, position: u64) -> Result<Run> {
        if let Some(run) = self.runs.as_slice().get(self.at) {
            if run.start <= position && position < run.end() {
                return Ok(*run);
            }
            if let Some(next) = self.runs.as_slice().get(self.at + 1) {
                if next.start <= position && position < next.end() {
                    self.at += 1;
                    return Ok(*next);
                }
            }
        }
        let found = self.search(position);
        found.map_err(|e| e.in_file(&self.filename))
    }

    fn search(&mut self, position: u64) -> Result<Run> {
        let runs = self.runs.as_slice();
        self.at = runs.partition_point(|run| run.end() <= position);
        if runs.get(self.at).is_none_or(|run| run.start > position) {
            self.runs.clear();
            self.at = 0;
            match &mut self.tables {
                Tables::Raw => raw_run(&self.file, self.size, position, &mut self.runs)?,
                Tables::Qcow2(mapping, false) => {
                    mapping.runs(&self.file, position, &mut self.runs)?;
                }
                Tables::Qcow2(mapping, true) => {
                    let mut mapped = Runs::default();
                    mapping.runs(&self.file, position, &mut mapped)?;
                    let data = self.data.as_ref().unwrap_or(&self.file);
                    for run in mapped.as_slice() {
                        split_at_holes(data, run, &mut self.runs)?;
                    }
                }
            }
            self.at = self
                .runs
                .as_slice()
                .partition_point(|run| run.end() <= position);
        }
        let found = self.runs.as_slice().get(self.at).copied();
        found.ok_or_else(|| Error::corrupt(format!("no mapping for offset {position}")))
    }
}

/// Opens the external data file. QEMU takes its name as it stands, from its own working folder.
fn open_data_file(storage: &Storage, image: &ImageInfo, qcow2: &Qcow2Info) -> Result<File> {
    let Some(name) = &qcow2.extensions.data_file else {
        return Err(Error::corrupt("the data file has no name").in_file(&image.filename));
    };
    let (_, file, _) = Opener::open(storage, name, &mut [])?;
    match file.meta().kind {
        FileKind::Regular | FileKind::Block => Ok(file),
        _ => Err(Error::format("neither a regular file nor a block device").in_file(name)),
    }
}

/// What the file system says of the file that is the disk.
fn raw_run(file: &File, size: u64, from: u64, runs: &mut Runs) -> Result<()> {
    let (stored, to) = match allocation(file, from)? {
        Allocation::Data(to) => (Stored::Data, to.next_multiple_of(SECTOR)),
        Allocation::Hole(to) => (Stored::Hole, to),
        Allocation::LastHole => (Stored::Hole, size),
        Allocation::Unknown => (Stored::Data, size),
    };
    runs.push(from, to.min(size) - from, stored, from);
    Ok(())
}

/// Adds a run, its data told apart from the holes of the file.
fn split_at_holes(file: &File, run: &Run, runs: &mut Runs) -> Result<()> {
    let mut done = 0;
    while run.stored == Stored::Data && done < run.length {
        let host = run.host + done;
        let (stored, to) = match allocation(file, host)? {
            Allocation::Data(to) => (Stored::Data, to.next_multiple_of(SECTOR)),
            Allocation::Hole(to) => (Stored::DataInHole, to),
            // Also behind the end of the file.
            Allocation::LastHole => (Stored::DataInHole, u64::MAX),
            Allocation::Unknown => (Stored::Data, u64::MAX),
        };
        let length = (to - host).min(run.length - done);
        runs.push(run.start + done, length, stored, host);
        done += length;
    }
    if run.stored != Stored::Data {
        runs.push(run.start, run.length, run.stored, run.host);
    }
    Ok(())
}

/// Block devices have no holes that could be asked for.
fn allocation(file: &File, offset: u64) -> Result<Allocation> {
    match file.meta().kind {
        FileKind::Block => Ok(Allocation::Unknown),
        _ => file.allocation(offset),
    }
}
