//! Opening one image: the name, the file under it, the format's reader.

use super::info::{Backing, ImageInfo, Metadata};
use super::{ImageFormat, luks, probe, qcow1, qcow2, qed, raw, vdi, vhdx, vmdk, vpc};
use crate::chain::reference::{self, Reference};
use crate::error::{Error, Result};
use crate::io::{FileKind, Source, Storage};
use crate::limits;

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

/// What a format's reader needs besides the bytes.
pub struct Context<'a> {
    /// Access to storage, for formats whose data lies in further files.
    pub storage: &'a Storage,
    /// The path of the image as it was opened.
    pub path: &'a [u8],
    /// Whether further files may be opened at all.
    pub deny_extents: bool,
}

/// Reads the metadata of the image called `filename`, a name as QEMU takes it.
pub fn open(storage: &Storage, filename: &[u8], choice: FormatChoice) -> Result<ImageInfo> {
    let mut head = [0u8; limits::HEAD];
    open_with(storage, filename, choice, false, &mut head)
}

/// The same with a buffer that can be used again, and the choice to open no further file.
pub fn open_with(
    storage: &Storage,
    filename: &[u8],
    choice: FormatChoice,
    deny_extents: bool,
    head: &mut [u8; limits::HEAD],
) -> Result<ImageInfo> {
    let path = match reference::parse(filename)? {
        Reference::File(path) => path,
        Reference::Json(_) | Reference::Protocol(_) => {
            return Err(Error::unsupported(reference::not_a_file(filename)).in_file(filename));
        }
    };
    let (file, length) = storage.open(&path, head)?;
    let meta = *file.meta();
    match meta.kind {
        FileKind::Regular | FileKind::Block => {}
        FileKind::Directory => return Err(Error::format("is a directory").in_file(&path)),
        FileKind::Other => {
            return Err(Error::format("neither a regular file nor a block device").in_file(&path));
        }
    }
    let source = Source::new(&file, &head[..length]);
    let context = Context {
        storage,
        path: &path,
        deny_extents,
    };
    let read = || {
        let format = match choice {
            FormatChoice::Named(format) => format,
            FormatChoice::Extension => ImageFormat::from_extension(&path),
            FormatChoice::Probe => probe::probe(&source, &path)?,
        };
        Ok((format, read(format, &source, &context)?))
    };
    let (format, mut metadata): (_, Metadata) = read().map_err(|e: Error| e.in_file(&path))?;
    let backing = metadata.backing.take().map(|stored| Backing {
        full_name: reference::full_name(&path, &stored.name),
        name: stored.name,
        format: stored.format,
    });
    Ok(ImageInfo {
        filename: path.into_owned(),
        format,
        file: meta,
        metadata,
        backing,
    })
}

fn read(format: ImageFormat, source: &Source<'_>, context: &Context<'_>) -> Result<Metadata> {
    match format {
        ImageFormat::Raw => raw::read(source),
        ImageFormat::Qcow2 => qcow2::read(source),
        ImageFormat::Vmdk => vmdk::read(source, context),
        ImageFormat::Vdi => vdi::read(source),
        ImageFormat::Vpc => vpc::read(source),
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
