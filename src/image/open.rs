//! Opening one image: the name, the file under it, the format's reader.

use std::borrow::Cow;
use std::sync::Arc;

use super::info::{Backing, ImageInfo, Metadata};
use super::{ImageFormat, luks, probe, qcow1, qcow2, qed, raw, vdi, vhdx, vmdk, vpc};
use crate::chain::reference::{self, Reference};
use crate::error::{Error, Result};
use crate::io::{File, FileKind, Folder, Memory, Meta, Source, Storage, Used};
use crate::limits::{self, Limits};

/// How the format of an image is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatChoice {
    /// It is said: the caller or the parent's header names it.
    Named(ImageFormat),
    /// The extension of the name decides.
    Extension,
    /// The first bytes decide. Never on data that a guest can write.
    Probe,
}

/// Opens the further files that an image names. Whoever stands here sees every such name.
pub trait Opener {
    /// Opens the file that `name` means to QEMU and reads its first bytes into `head`; returns
    /// its path, the file and the number of bytes.
    fn open(&self, name: &[u8], head: &mut [u8]) -> Result<(Vec<u8>, File, usize)>;
}

/// Opens whatever is named.
impl Opener for Storage {
    fn open(&self, name: &[u8], head: &mut [u8]) -> Result<(Vec<u8>, File, usize)> {
        let path = match reference::parse(name)? {
            Reference::File(path) => path.into_owned(),
            Reference::Json(_) | Reference::Protocol(_) => {
                return Err(Error::unsupported(reference::not_a_file(name)).in_file(name));
            }
        };
        let (file, length) = self.open_named(&path, head)?;
        Ok((path, file, length))
    }
}

/// Opens nothing.
pub struct Alone;

impl Opener for Alone {
    fn open(&self, _: &[u8], _: &mut [u8]) -> Result<(Vec<u8>, File, usize)> {
        Err(Error::denied("the image's data lies in other files"))
    }
}

/// What a format's reader needs besides the bytes.
pub struct Context<'a> {
    /// For formats whose data lies in further files.
    pub opener: &'a dyn Opener,
    /// The path of the image as it was opened.
    pub path: &'a [u8],
    /// Whether it is opened to be checked: what the check finds does not make it unreadable.
    pub to_check: bool,
}

/// Reads the metadata of the image called `filename`, a name as QEMU takes it.
pub fn open(storage: &Storage, filename: &[u8], choice: FormatChoice) -> Result<ImageInfo> {
    OpenImage::open(storage, filename.into(), &mut [0; limits::HEAD])?.read(choice, storage)
}

/// The path of the file that a name means to QEMU.
fn path_of(filename: &Arc<[u8]>) -> Result<Arc<[u8]>> {
    match reference::parse(filename)? {
        Reference::File(Cow::Borrowed(path)) if path.len() == filename.len() => {
            Ok(Arc::clone(filename))
        }
        Reference::File(path) => Ok(path.into()),
        Reference::Json(_) | Reference::Protocol(_) => {
            let why = reference::not_a_file(filename);
            Err(Error::unsupported(why).in_file(filename))
        }
    }
}

/// A file that may be an image: open, its first bytes read, not looked at yet.
pub struct OpenImage<'a> {
    path: Arc<[u8]>,
    file: File,
    head: &'a [u8],
    limits: &'a Limits,
    to_check: bool,
}

impl<'a> OpenImage<'a> {
    /// Opens the file that `filename` means to QEMU, and reads its first bytes into `head`, usually
    /// [`limits::HEAD`] of them. It can be used again afterwards.
    pub fn open(storage: &'a Storage, filename: Arc<[u8]>, head: &'a mut [u8]) -> Result<Self> {
        Self::open_in(storage, &Folder::default(), filename, head)
    }

    /// The same for one of many files that lie in a folder.
    pub fn open_in(
        storage: &'a Storage,
        folder: &Folder,
        filename: Arc<[u8]>,
        head: &'a mut [u8],
    ) -> Result<Self> {
        let path = path_of(&filename)?;
        let (file, length) = storage.open_in(folder, &path, head)?;
        Self::by_name(&filename, path, file, &head[..length], storage)
    }

    /// The same for a name that an image holds: what is no image file is not even opened.
    pub fn open_named(
        storage: &'a Storage,
        filename: Arc<[u8]>,
        head: &'a mut [u8],
    ) -> Result<Self> {
        let path = path_of(&filename)?;
        let (file, length) = storage.open_named(&path, head)?;
        Self::by_name(&filename, path, file, &head[..length], storage)
    }

    fn by_name(
        filename: &[u8],
        path: Arc<[u8]>,
        file: File,
        head: &'a [u8],
        storage: &'a Storage,
    ) -> Result<Self> {
        // The prefix asks for QEMU's driver for files, which takes no devices.
        if file.meta().kind == FileKind::Block && filename.starts_with(b"file:") {
            return Err(Error::format("is a block device, not a file").in_file(&path));
        }
        Ok(OpenImage::new(path, file, head, storage.limits()))
    }

    /// A file that is open already, with its first bytes and the bounds of the call.
    pub fn new(path: Arc<[u8]>, file: File, head: &'a [u8], limits: &'a Limits) -> Self {
        OpenImage {
            path,
            file,
            head,
            limits,
            to_check: false,
        }
    }

    /// The same to be checked: what the check finds does not make it unreadable.
    #[must_use]
    pub fn to_check(mut self) -> Self {
        self.to_check = true;
        self
    }

    /// What the operating system says of it.
    pub fn meta(&self) -> &Meta {
        self.file.meta()
    }

    /// Reads the metadata; the further files that it names are opened by `opener`.
    pub fn read(self, choice: FormatChoice, opener: &dyn Opener) -> Result<ImageInfo> {
        self.read_and_keep(choice, opener).map(|(info, _)| info)
    }

    /// Reads the metadata and leaves the file open.
    pub fn read_and_keep(
        self,
        choice: FormatChoice,
        opener: &dyn Opener,
    ) -> Result<(ImageInfo, File)> {
        match self.read_metadata(choice, opener) {
            Ok((format, metadata, used)) => Ok(self.info(format, metadata, used)),
            Err(error) => Err(error.in_file(&self.path)),
        }
    }

    fn read_metadata(
        &self,
        choice: FormatChoice,
        opener: &dyn Opener,
    ) -> Result<(ImageFormat, Metadata, Used)> {
        match self.meta().kind {
            FileKind::Regular | FileKind::Block => {}
            FileKind::Directory => return Err(Error::format("is a directory")),
            FileKind::Other => {
                return Err(Error::format("neither a regular file nor a block device"));
            }
        }
        let source = Source::new(&self.file, self.head).with_limits(self.limits);
        let format = match choice {
            FormatChoice::Named(format) => format,
            FormatChoice::Extension => ImageFormat::from_extension(&self.path),
            FormatChoice::Probe => probe::probe(&source, &self.path)?,
        };
        let context = Context {
            opener,
            path: &self.path,
            to_check: self.to_check,
        };
        let metadata = read(format, &source, &context)?;
        Ok((format, metadata, source.used()))
    }

    fn info(self, format: ImageFormat, mut metadata: Metadata, used: Used) -> (ImageInfo, File) {
        let backing = metadata.backing.take();
        let backing = backing.map(|stored| Backing::new(&self.path, &stored.name, stored.format));
        let file = *self.meta();
        let info = ImageInfo {
            filename: self.path,
            format,
            file,
            metadata,
            backing,
            used,
        };
        (info, self.file)
    }
}

fn read(format: ImageFormat, source: &Source<'_>, context: &Context<'_>) -> Result<Metadata> {
    let metadata = read_as(format, source, context)?;
    let limits = source.limits();
    if let Some(size) = metadata
        .virtual_size
        .filter(|&size| size > limits.virtual_size)
    {
        let what = format!("disk of {size} bytes");
        return Err(limits::above(what, "max-virtual-size", limits.virtual_size));
    }
    if let Some(length) = metadata
        .backing
        .as_ref()
        .map(|backing| backing.name.len() as u64)
    {
        if length > limits.backing_name {
            let what = format!("backing file name of {length} bytes");
            return Err(limits::above(what, "max-backing-name", limits.backing_name));
        }
    }
    Ok(metadata)
}

fn read_as(format: ImageFormat, source: &Source<'_>, context: &Context<'_>) -> Result<Metadata> {
    match format {
        ImageFormat::Raw => raw::read(source),
        ImageFormat::Qcow2 if context.to_check => qcow2::read_to_check(source),
        ImageFormat::Qcow2 => qcow2::read(source),
        ImageFormat::Vmdk => vmdk::read(source, context),
        ImageFormat::Vdi => vdi::read(source),
        ImageFormat::Vpc => vpc::read(source),
        ImageFormat::Vhdx if context.to_check => vhdx::read_to_check(source),
        ImageFormat::Vhdx => vhdx::read(source),
        ImageFormat::Qed => qed::read(source),
        ImageFormat::Luks => luks::read(source),
        ImageFormat::Qcow => qcow1::read(source),
        // Recognised by probing; the size of the disk is not known.
        ImageFormat::Parallels | ImageFormat::Bochs | ImageFormat::Cloop | ImageFormat::Dmg => {
            Ok(Metadata::default())
        }
    }
}

/// Reads the metadata of an image that lies in memory. No file is opened: an image that names
/// further files which its format's reader must look into is refused.
pub fn read_memory(bytes: &[u8], choice: FormatChoice) -> Result<(ImageFormat, Metadata)> {
    let memory = Memory(bytes);
    let source = Source::new(&memory, &bytes[..bytes.len().min(limits::HEAD)]);
    let format = match choice {
        FormatChoice::Named(format) => format,
        FormatChoice::Extension => ImageFormat::Raw,
        FormatChoice::Probe => probe::probe(&source, b"")?,
    };
    let context = Context {
        opener: &Alone,
        path: b"",
        to_check: false,
    };
    Ok((format, read(format, &source, &context)?))
}
