//! One image of a chain as the extents see it: its runs, decoded ahead as far as one part of its
//! tables goes.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::image::map::{Run, Runs, Stored};
use crate::image::open::Opener;
use crate::image::qcow2::Qcow2Info;
use crate::image::qcow2::refcounts::is_preallocated;
use crate::image::{FormatSpecific, ImageFormat, ImageInfo};
use crate::image::{holes, qcow1, qcow2, qed, vdi, vmdk, vpc};
use crate::io::{File, FileKind, Storage};

pub(super) struct Layer {
    filename: Arc<[u8]>,
    file: File,
    /// Where the data is, if not in `file`.
    data: Option<File>,
    /// Bytes of the disk that this image has.
    pub size: u64,
    tables: Tables,
    /// Whether the file may have holes where the tables say that there is data.
    has_holes: bool,
    runs: Runs,
    at: usize,
}

enum Tables {
    /// The file is the disk.
    Raw,
    /// All of it is alike, at the same offset in the file if anywhere.
    Whole(Stored),
    Qcow2(qcow2::mapping::Mapping),
    Qcow1(qcow1::mapping::Mapping),
    Qed(qed::mapping::Mapping),
    Vdi(vdi::mapping::Mapping),
    Vpc(vpc::mapping::Mapping),
    Vmdk(vmdk::mapping::Mapping),
}

impl Layer {
    /// The image in `file`; `buffer` bytes of its tables are read at a time. `alone` says that it
    /// is a chain of its own.
    pub fn new(
        storage: &Storage,
        image: &ImageInfo,
        file: File,
        (buffer, alone): (usize, bool),
    ) -> Result<Self> {
        let unsupported = |what: &str| Err(Error::unsupported(what).in_file(&image.filename));
        let Some(size) = image.metadata.virtual_size else {
            return unsupported("the size of the disk is not known");
        };
        let (mut data, mut has_holes) = (None, false);
        let tables = match (&image.metadata.specific, image.format) {
            (_, ImageFormat::Raw) => Tables::Raw,
            (FormatSpecific::Qcow2(qcow2), _) => {
                if qcow2.has_data_file() {
                    data = Some(open_data_file(storage, image, qcow2)?);
                }
                let regular = file.meta().kind == FileKind::Regular;
                let allocated = file.meta().allocated;
                has_holes = regular && is_preallocated(&file, &qcow2.header, allocated)?;
                Tables::Qcow2(qcow2::mapping::Mapping::new(qcow2, size, buffer))
            }
            (FormatSpecific::Qcow1(qcow1), _) => {
                let kind = (image.metadata.encrypted, alone);
                Tables::Qcow1(qcow1::mapping::Mapping::new(qcow1, size, buffer / 2, kind))
            }
            (FormatSpecific::Qed(qed), _) => {
                Tables::Qed(qed::mapping::Mapping::new(qed, size, buffer / 2, alone))
            }
            (FormatSpecific::Vdi(vdi), _) => {
                has_holes = vdi.is_static;
                Tables::Vdi(vdi::mapping::Mapping::new(vdi, size, buffer / 2))
            }
            (FormatSpecific::Vpc(vpc), _) => match &vpc.table {
                Some(table) => Tables::Vpc(vpc::mapping::Mapping::new(table, size, buffer / 2)),
                None => {
                    has_holes = true;
                    Tables::Whole(Stored::Data)
                }
            },
            (FormatSpecific::Vmdk(vmdk), _) => Tables::Vmdk(vmdk::mapping::Mapping::new(
                storage,
                vmdk,
                (size, buffer / 4),
                alone,
            )?),
            (_, ImageFormat::Vhdx) => Tables::Whole(Stored::Untold),
            (_, ImageFormat::Luks) => Tables::Whole(Stored::Encrypted),
            _ => return unsupported("the maps of this format are not read"),
        };
        Ok(Layer {
            filename: Arc::clone(&image.filename),
            file,
            data,
            size,
            tables,
            has_holes,
            runs: Runs::with_capacity(buffer / 8),
            at: 0,
        })
    }

    /// The run that holds `position`, which is within the disk.
    #[inline]
    pub fn run(&mut self, position: u64) -> Result<Run> {
        self.runs(position).map(|runs| runs[0])
    }

    /// The same and those behind it, as far as they have been decoded.
    #[inline]
    pub fn runs(&mut self, position: u64) -> Result<&[Run]> {
        let holds = |run: &Run| run.start <= position && position < run.end();
        let ahead = self.runs.as_slice().get(self.at..).unwrap_or_default();
        match ahead {
            [run, ..] if holds(run) => {}
            [_, next, ..] if holds(next) => self.at += 1,
            _ => {
                if let Err(error) = self.search(position) {
                    return Err(self.named(error));
                }
            }
        }
        Ok(&self.runs.as_slice()[self.at..])
    }

    /// Where runs can be had without a detour: the tables and their file, if the file system has no
    /// say, and if the run that holds `position` has not been decoded already.
    pub fn undecoded(&mut self, position: u64) -> Option<(&mut qcow2::mapping::Mapping, &File)> {
        if self.has_holes || self.index_of(position).is_some() {
            return None;
        }
        match &mut self.tables {
            Tables::Qcow2(mapping) => Some((mapping, &self.file)),
            _ => None,
        }
    }

    /// An error in this image.
    pub fn named(&self, error: Error) -> Error {
        error.in_file(&self.filename)
    }

    /// Which of the decoded runs holds `position`.
    fn index_of(&self, position: u64) -> Option<usize> {
        let runs = self.runs.as_slice();
        let index = runs.partition_point(|run| run.end() <= position);
        runs.get(index)
            .is_some_and(|run| run.start <= position)
            .then_some(index)
    }

    /// Finds the run, or decodes what comes from it on.
    fn search(&mut self, position: u64) -> Result<()> {
        let mut found = self.index_of(position);
        if found.is_none() {
            self.runs.clear();
            self.at = 0;
            let file = (&self.file, self.size);
            if self.has_holes {
                let mut mapped = Runs::default();
                self.tables.runs(file, position, &mut mapped)?;
                let data = self.data.as_ref().unwrap_or(&self.file);
                holes::split(data, &mapped, &mut self.runs)?;
            } else {
                self.tables.runs(file, position, &mut self.runs)?;
            }
            found = self.index_of(position);
        }
        self.at =
            found.ok_or_else(|| Error::corrupt(format!("no mapping for offset {position}")))?;
        Ok(())
    }
}

impl Tables {
    /// Adds the runs at `from`, as far as a part of the tables tells, of a disk of `size` bytes.
    fn runs(&mut self, (file, size): (&File, u64), from: u64, runs: &mut Runs) -> Result<()> {
        match self {
            Tables::Raw => holes::raw(file, size, from, runs),
            Tables::Whole(stored) => {
                runs.push(from, size - from, *stored, from);
                Ok(())
            }
            Tables::Qcow2(mapping) => mapping.runs(file, from, runs),
            Tables::Qcow1(mapping) => mapping.runs(file, from, runs),
            Tables::Qed(mapping) => mapping.runs(file, from, runs),
            Tables::Vdi(mapping) => mapping.runs(file, from, runs),
            Tables::Vpc(mapping) => mapping.runs(file, from, runs),
            Tables::Vmdk(mapping) => mapping.runs(file, from, runs),
        }
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
