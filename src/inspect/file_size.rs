//! `file_size_info` as Proxmox VE's storage layer has it: size, format, use and parent of a
//! volume, with the rules for images that the stack did not make itself.
//!
//! Differences from the original are in `docs/differences.md`; the rules for untrusted images
//! have no gaps: a name `0` is a name, and nothing that the image names is opened.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::image::open::{Alone, OpenImage, Opener};
use crate::image::{FormatChoice, FormatSpecific, ImageFormat, ImageInfo};
use crate::io::{FileKind, Storage};
use crate::limits;
use crate::text::printable;

/// Formats that the storage layer knows; others are read as raw, with a warning.
const KNOWN: [ImageFormat; 6] = [
    ImageFormat::Raw,
    ImageFormat::Qcow,
    ImageFormat::Qcow2,
    ImageFormat::Qed,
    ImageFormat::Vmdk,
    ImageFormat::Cloop,
];

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct FileSizeRequest<'a> {
    /// The file, directory or device.
    pub filename: &'a [u8],
    /// How long storage may take.
    pub timeout: Option<Duration>,
    /// A format, `auto-detect`, `subvol`, or none (which probes, with a warning).
    pub format: Option<&'a [u8]>,
    /// Whether somebody else made the image: no file but this one may belong to it.
    pub untrusted: bool,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSize {
    /// Bytes that the guest sees; 0 for a container's directory.
    pub size: u64,
    /// The format's name, or `subvol` for a directory.
    pub format: &'static str,
    /// Bytes of storage that it takes.
    pub used: u64,
    /// Name of the backing file, as stored.
    pub parent: Option<Vec<u8>>,
}

/// The answer, with what the caller should be warned of first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSizeAnswer {
    /// Sentences to warn with, before anything else happens.
    pub warnings: Vec<String>,
    /// Time of the last status change, if the file could be looked at.
    pub ctime: Option<i64>,
    /// The answer; None after a failure that is only warned of.
    pub result: Result<Option<FileSize>>,
}

/// Answers for one volume.
pub fn file_size_info(request: &FileSizeRequest<'_>) -> FileSizeAnswer {
    let mut warnings = Vec::new();
    let mut ctime = None;
    let result = answer(request, &mut warnings, &mut ctime);
    FileSizeAnswer {
        warnings,
        ctime,
        result,
    }
}

/// How the caller's words are to be taken.
struct Wish<'a> {
    format: Option<&'a [u8]>,
    untrusted: bool,
}

fn answer(
    request: &FileSizeRequest<'_>,
    warnings: &mut Vec<String>,
    ctime: &mut Option<i64>,
) -> Result<Option<FileSize>> {
    let filename = request.filename;
    let wish = understand(request, warnings);
    let untrusted = wish.untrusted;
    let shown = printable(filename);
    let storage = Storage::for_call(request.timeout);
    let mut head = [0; limits::HEAD];
    let file = match OpenImage::open(&storage, filename.into(), &mut head) {
        Ok(file) => file,
        Err(error) if !untrusted && cannot_be_looked_at(&error) => {
            warnings.push(error.to_string());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    *ctime = Some(file.meta().ctime);
    let directory = file.meta().kind == FileKind::Directory;
    if let Some(format) = wish
        .format
        .filter(|&format| directory != (format == b"subvol"))
    {
        let is = if directory { "is" } else { "is not" };
        let message = format!(
            "expected format '{}', but it {is} a directory",
            printable(format)
        );
        let error = Error::format(message).in_file(filename);
        if untrusted {
            return Err(error);
        }
        warnings.push(error.to_string());
    }
    if directory {
        return Ok(Some(FileSize {
            size: 0,
            format: "subvol",
            used: 0,
            parent: None,
        }));
    }
    let format = choose_format(wish.format, &shown, warnings);
    let opener: &dyn Opener = if untrusted { &Alone } else { &storage };
    match file.read(format, opener) {
        Ok(info) => volume(info, untrusted, warnings).map(Some),
        Err(error) if !untrusted && cannot_be_looked_at(&error) => {
            warnings.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a trusted volume with this error is merely passed over: it is not there, or its
/// storage does not answer. An image that is broken is an error for every caller.
fn cannot_be_looked_at(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Io { action, .. } => matches!(*action, "open" | "stat"),
        ErrorKind::Timeout | ErrorKind::Busy => true,
        _ => false,
    }
}

/// Sorts out the order of parameters that callers used before there was a format.
fn understand<'a>(request: &FileSizeRequest<'a>, warnings: &mut Vec<String>) -> Wish<'a> {
    let mut wish = Wish {
        format: request.format,
        untrusted: request.untrusted,
    };
    match request.format {
        None => warnings.push("file_size_info: called without a format".into()),
        Some(flag @ (b"0" | b"1")) => {
            warnings.push("file_size_info: 'untrusted' was given in place of the format".into());
            wish = Wish {
                format: None,
                untrusted: flag == b"1",
            };
        }
        Some(b"" | b"auto-detect") => wish.format = None,
        Some(_) => {}
    }
    wish
}

fn choose_format(
    format: Option<&[u8]>,
    filename: &str,
    warnings: &mut Vec<String>,
) -> FormatChoice {
    let Some(name) = format else {
        return FormatChoice::Probe;
    };
    match ImageFormat::from_name(name).filter(|format| KNOWN.contains(format)) {
        Some(format) => FormatChoice::Named(format),
        None => {
            warnings.push(format!(
                "file_size_info: '{filename}': format '{}' is not known, taken as raw",
                printable(name)
            ));
            FormatChoice::Named(ImageFormat::Raw)
        }
    }
}

fn volume(info: ImageInfo, untrusted: bool, warnings: &mut Vec<String>) -> Result<FileSize> {
    if untrusted {
        forbid_other_files(&info)?;
    }
    let size = info.metadata.virtual_size.ok_or_else(|| {
        Error::unsupported(format!("size of a {} image", info.format.name()))
            .in_file(&info.filename)
    })?;
    let used = info.actual_size();
    let mut parent = info.backing.map(|backing| backing.name().to_vec());
    if let Some(name) = parent.take_if(|name| name.iter().any(u8::is_ascii_whitespace)) {
        warnings.push(format!("strange parent name '{}'", printable(&name)));
    }
    Ok(FileSize {
        size,
        format: info.format.name(),
        used,
        parent,
    })
}

/// An untrusted image stands alone: no backing file, no data file, one extent.
fn forbid_other_files(info: &ImageInfo) -> Result<()> {
    let denied = |message: &str| Err(Error::denied(message).in_file(&info.filename));
    match &info.metadata.specific {
        FormatSpecific::Qcow2(qcow2)
            if qcow2.has_data_file() || qcow2.extensions.data_file.is_some() =>
        {
            return denied("'data-file' references are not allowed in an untrusted image");
        }
        FormatSpecific::Vmdk(_) if !info.metadata.extents.is_empty() => {
            return denied("more than one extent is not allowed in an untrusted image");
        }
        _ => {}
    }
    if info.backing.is_some() {
        return denied("a backing file is not allowed in an untrusted image");
    }
    Ok(())
}
