//! The questions that need an image's tables: which part of the disk lies where, whether the tables
//! are sound, what was changed, what a merge moves, how much room there is.
//!
//! All but the maps are [`Work`]: a face does it a part at a time and can show how far it is.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Bounds, options};
use crate::chain::changed::{self, Changed, Dirty};
use crate::chain::extents::Extents;
use crate::chain::merge_cost::{self, MergeCosts};
use crate::chain::{ChainOptions, extents as chain_extents, map_text};
use crate::error::{Error, Result};
use crate::image::check::{CheckResult, Checked};
use crate::image::open::OpenImage;
use crate::image::qcow2::headroom::Reaching;
use crate::image::{FormatChoice, FormatSpecific, ImageFormat, ImageInfo};
use crate::image::{qcow2, qed, vdi, vhdx, vmdk};
use crate::io::{File, FileKind, Storage};
use crate::limits;
use crate::work::{Progress, Work};

fn for_chain(options: &ChainOptions, bounds: impl Into<Bounds>) -> Result<Storage> {
    options::at_most("max-depth", options.max_depth, limits::CHAIN_DEPTH_MAX)?;
    Ok(Storage::for_call(bounds))
}

/// Which image of the chain under `filename` serves which part of the disk: `qemu-img map`. The
/// bound on time holds for each call for the next extents by itself.
pub fn extents(
    filename: &[u8],
    options: &ChainOptions,
    bounds: impl Into<Bounds>,
) -> Result<Extents> {
    chain_extents::extents(for_chain(options, bounds)?, filename, options)
}

/// All of that as the text of `qemu-img map --output=json`. The bound on time holds for all of it;
/// what is longer than [`limits::MAP_TEXT`] is an error.
pub fn map_text(
    filename: &[u8],
    options: &ChainOptions,
    bounds: impl Into<Bounds>,
) -> Result<String> {
    map_text::map_text(for_chain(options, bounds)?, filename, options)
}

/// The ranges of the disk that were written in the images above `base` in the chain under `top`.
pub fn changed_extents(
    top: &[u8],
    base: &[u8],
    options: &ChainOptions,
    bounds: impl Into<Bounds>,
) -> Result<Changed> {
    changed::changed_extents(&for_chain(options, bounds)?, top, base, options)
}

/// The dirty ranges of the persistent bitmap called `name` in the qcow2 image at `filename`.
pub fn bitmap_extents(filename: &[u8], name: &[u8], bounds: impl Into<Bounds>) -> Result<Dirty> {
    changed::bitmap_extents(&Storage::for_call(bounds), filename, name)
}

/// What merging each image of the chain under `top` with the one below it would move.
pub fn merge_costs(
    top: &[u8],
    options: &ChainOptions,
    bounds: impl Into<Bounds>,
) -> Result<MergeCosts> {
    merge_cost::merge_costs(&for_chain(options, bounds)?, top, options)
}

/// One image, its metadata read, its file open.
fn open(storage: &Storage, filename: &[u8], format: FormatChoice) -> Result<(ImageInfo, File)> {
    let mut head = [0; limits::HEAD];
    OpenImage::open(storage, filename.into(), &mut head)?.read_and_keep(format, storage)
}

/// A check in the making.
pub struct Checking {
    image: ImageInfo,
    work: Box<dyn Work<Answer = CheckResult> + Send>,
}

/// Whether the tables of an image are sound: `qemu-img check`. Formats that have no check are the
/// error [`Unsupported`](crate::ErrorKind::Unsupported), as QEMU says; a vmdk image that is not sound
/// is an error, for QEMU counts nothing of what is wrong with one.
pub fn check(filename: &[u8], format: FormatChoice, bounds: impl Into<Bounds>) -> Result<Checking> {
    check_in(&Storage::for_call(bounds), filename, format)
}

/// The same as a part of another question.
pub(crate) fn check_in(
    storage: &Storage,
    filename: &[u8],
    format: FormatChoice,
) -> Result<Checking> {
    let mut head = [0; limits::HEAD];
    let image = OpenImage::open(storage, filename.into(), &mut head)?.to_check();
    let (image, file) = image.read_and_keep(format, storage)?;
    let work = checker(storage, &image, file).map_err(|e| e.in_file(&image.filename))?;
    Ok(Checking { image, work })
}

fn checker(
    storage: &Storage,
    image: &ImageInfo,
    file: File,
) -> Result<Box<dyn Work<Answer = CheckResult> + Send>> {
    let metadata = &image.metadata;
    Ok(match (&metadata.specific, image.format) {
        (FormatSpecific::Qcow2(info), _) => {
            let limits = storage.limits();
            Box::new(qcow2::check::Check::new(
                Arc::new(file),
                metadata,
                info,
                limits,
            )?)
        }
        (FormatSpecific::Qed(info), _) => Box::new(qed::check::Check::new(
            Arc::new(file),
            info,
            storage.limits(),
        )?),
        (FormatSpecific::Vdi(info), _) => Box::new(vdi::check::Check::new(
            Arc::new(file),
            info,
            storage.limits(),
        )),
        (FormatSpecific::Vmdk(info), _) => {
            let size = metadata.virtual_size.unwrap_or(0);
            Box::new(vmdk::check::Check::new(storage, file, info, size)?)
        }
        (_, ImageFormat::Vhdx) => {
            Box::new(vhdx::check::Check::new(Arc::new(file), storage.limits())?)
        }
        _ => {
            return Err(Error::unsupported(
                "this image format does not support checks",
            ));
        }
    })
}

impl Work for Checking {
    type Answer = Checked;

    fn advance(&mut self) -> Result<Option<Checked>> {
        let result = self.work.advance();
        let result = result.map_err(|e| e.in_file(&self.image.filename))?;
        Ok(result.map(|result| Checked {
            filename: Arc::clone(&self.image.filename),
            format: self.image.format,
            result,
        }))
    }

    fn progress(&self) -> Progress {
        self.work.progress()
    }
}

/// How much room there is on the device that an image lives on. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// The first offset behind all that is allocated now.
    pub end: u64,
    /// Size of the device. None for a file, which can grow, unless the caller has named one.
    pub device_size: Option<u64>,
    /// Bytes before that end that are free: they are used again where writes fit in.
    pub free: u64,
    /// Where the end can be once all of the disk has been written, with this image's own layout; see
    /// [`Reach::worst_case`](crate::image::qcow2::headroom::Reach::worst_case).
    pub worst_case: u64,
    /// What the device lacks for that; 0 if there is enough. None where there is no device.
    pub short_by: Option<u64>,
}

impl Serialize for Headroom {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Headroom", 5)?;
        map.serialize_field("end", &self.end)?;
        map.serialize_field("free", &self.free)?;
        map.serialize_field("device-size", &self.device_size)?;
        map.serialize_field("worst-case", &self.worst_case)?;
        map.serialize_field("short-by", &self.short_by)?;
        map.end()
    }
}

/// A look at the room of an image in the making.
pub struct Measuring {
    image: ImageInfo,
    device_size: Option<u64>,
    work: Reach,
}

enum Reach {
    /// The file is the disk.
    Whole(u64),
    Qcow2(Box<Reaching<'static>>),
}

/// How far an image reaches into its device, and how far it could. `device_size` is the size of the
/// device that it is meant for; None takes the size of the block device that it is on.
pub fn headroom(
    filename: &[u8],
    format: FormatChoice,
    device_size: Option<u64>,
    bounds: impl Into<Bounds>,
) -> Result<Measuring> {
    let (image, file) = open(&Storage::for_call(bounds), filename, format)?;
    let on_device = image.file.kind == FileKind::Block;
    let work = match (image.format, image.qcow2()) {
        (ImageFormat::Raw, _) => Reach::Whole(image.metadata.virtual_size.unwrap_or(0)),
        (_, Some(qcow2)) => {
            let work = Reaching::new(Arc::new(file), qcow2);
            Reach::Qcow2(Box::new(work.map_err(|e| e.in_file(&image.filename))?))
        }
        _ => {
            let message = "the room of images of this format is not known";
            return Err(Error::unsupported(message).in_file(&image.filename));
        }
    };
    Ok(Measuring {
        device_size: device_size.or(on_device.then_some(image.file.size)),
        image,
        work,
    })
}

impl Work for Measuring {
    type Answer = Headroom;

    fn advance(&mut self) -> Result<Option<Headroom>> {
        let (end, free, worst_case) = match &mut self.work {
            Reach::Whole(size) => (*size, 0, *size),
            Reach::Qcow2(work) => {
                let reach = work.advance();
                match reach.map_err(|e| e.in_file(&self.image.filename))? {
                    Some(reach) => (reach.end, reach.free, reach.worst_case),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Headroom {
            end,
            free,
            device_size: self.device_size,
            worst_case,
            short_by: self.device_size.map(|size| worst_case.saturating_sub(size)),
        }))
    }

    fn progress(&self) -> Progress {
        match &self.work {
            Reach::Whole(_) => Progress::default(),
            Reach::Qcow2(work) => work.progress(),
        }
    }
}
