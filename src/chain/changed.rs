//! What was written since a snapshot: the parts of the disk that the images above another one of
//! the chain hold themselves; and what a persistent bitmap says was written.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::extents::layers;
use super::layer::Layer;
use super::walk::{Chain, ChainOptions, walk_files};
use crate::error::{Error, Result};
use crate::image::open::OpenImage;
use crate::image::qcow2::bitmap_data::BitmapData;
use crate::image::{FormatChoice, ImageFormat};
use crate::io::{File, Storage};
use crate::limits;
use crate::text::printable;
use crate::work::{Progress, Work};

/// Runs, or entries of a bitmap's table, that make a part of the work.
const WORK: usize = 16 << 10;

/// A part of the disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: u64,
    /// How long it is; never 0.
    pub length: u64,
}

/// As `[start, length]`.
impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        (self.start, self.length).serialize(serializer)
    }
}

/// Ranges in the order of the disk, joined where they touch, and how many there may be.
struct Ranges {
    ranges: Vec<Range>,
    most: u64,
}

impl Ranges {
    fn new(storage: &Storage) -> Self {
        Ranges {
            ranges: Vec::new(),
            most: storage.limits().ranges,
        }
    }

    /// Adds what follows the last one.
    fn push(&mut self, start: u64, length: u64) {
        let count = self.ranges.len() as u64;
        match self.ranges.last_mut() {
            Some(last) if last.start + last.length == start => last.length += length,
            // One too many is kept: it tells.
            _ if count > self.most => {}
            _ => self.ranges.push(Range { start, length }),
        }
    }

    /// An error if there are too many.
    fn check(&self) -> Result<()> {
        match self.ranges.len() as u64 > self.most {
            true => Err(limits::above("too many ranges", "max-ranges", self.most)),
            false => Ok(()),
        }
    }
}

/// Finds what was changed; counts its progress in bytes of the disk.
pub struct Changed {
    layers: Vec<Layer>,
    size: u64,
    base_size: u64,
    position: u64,
    ranges: Ranges,
}

/// The ranges that the images above `base` say something about, down from the one called `top`:
/// outside of them `top` reads as `base` does, or as zeros where `base` has ended. `base` must be
/// in the chain; it is found by what file it is, whatever its name.
pub fn changed_extents(
    storage: &Storage,
    top: &[u8],
    base: &[u8],
    options: &ChainOptions,
) -> Result<Changed> {
    let (base_file, _) = storage.open(base, &mut [])?;
    let (chain, mut files) = whole_chain(storage, top, options)?;
    let identity = base_file.meta().identity;
    let below = chain
        .images
        .iter()
        .position(|image| image.file.identity == identity);
    let Some(below) = below else {
        let message = format!("not in the chain of '{}'", printable(top));
        return Err(Error::argument(message).in_file(base));
    };
    files.truncate(below);
    let layers = layers(storage, &chain.images[..below], files)?;
    Ok(Changed {
        base_size: chain.images[below].metadata.virtual_size.unwrap_or(0),
        size: layers.first().map_or(0, |layer| layer.size),
        layers,
        position: 0,
        ranges: Ranges::new(storage),
    })
}

/// The images of a chain that must be whole, and their files.
pub(super) fn whole_chain(
    storage: &Storage,
    top: &[u8],
    options: &ChainOptions,
) -> Result<(Chain, Vec<File>)> {
    let mut files = Vec::new();
    let chain = walk_files(storage, top, options, &mut |file| files.push(file)).strict()?;
    Ok((chain, files))
}

impl Changed {
    /// Looks at what there is at the position, as far as all images that have a say in it are alike.
    fn step(&mut self) -> Result<()> {
        let position = self.position;
        let mut end = self.size;
        let mut written = false;
        let count = self.layers.len();
        for depth in 0..count {
            let run = self.layers[depth].run(position)?;
            end = end.min(run.end());
            written = run.stored.is_allocated();
            // An image that ends earlier hides what is below it behind zeros.
            let next = self.layers.get(depth + 1).map(|layer| layer.size);
            if next.is_some_and(|next| position >= next) {
                if position < self.base_size {
                    written = true;
                    end = end.min(self.base_size);
                }
                break;
            }
            end = end.min(next.unwrap_or(end));
            if written {
                break;
            }
        }
        if written {
            self.ranges.push(position, end - position);
        }
        self.position = end;
        Ok(())
    }
}

impl Work for Changed {
    type Answer = Vec<Range>;

    fn advance(&mut self) -> Result<Option<Vec<Range>>> {
        for _ in 0..WORK {
            if self.position >= self.size {
                self.ranges.check()?;
                return Ok(Some(std::mem::take(&mut self.ranges.ranges)));
            }
            self.step()?;
        }
        self.ranges.check()?;
        Ok(None)
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.position,
            total: self.size,
        }
    }
}

/// Reads a persistent bitmap; counts its progress in entries of the bitmap's table.
pub struct Dirty {
    filename: Arc<[u8]>,
    data: BitmapData<'static>,
    ranges: Ranges,
}

/// The dirty ranges of the persistent bitmap called `name` in the qcow2 image at `filename`.
pub fn bitmap_extents(storage: &Storage, filename: &[u8], name: &[u8]) -> Result<Dirty> {
    let mut head = [0; limits::HEAD];
    let image = OpenImage::open(storage, filename.into(), &mut head)?;
    let choice = FormatChoice::Named(ImageFormat::Qcow2);
    let (info, file) = image.read_and_keep(choice, storage)?;
    let qcow2 = info.qcow2();
    let found = qcow2.and_then(|qcow2| {
        let bitmap = qcow2.bitmaps.iter().find(|bitmap| bitmap.name == name)?;
        Some((qcow2, bitmap))
    });
    let Some((qcow2, bitmap)) = found else {
        let message = format!("no bitmap '{}'", printable(name));
        return Err(Error::argument(message).in_file(filename));
    };
    let data = BitmapData::new(Arc::new(file), &qcow2.header, bitmap);
    Ok(Dirty {
        data: data.map_err(|e| e.in_file(filename))?,
        filename: info.filename,
        ranges: Ranges::new(storage),
    })
}

impl Work for Dirty {
    type Answer = Vec<Range>;

    fn advance(&mut self) -> Result<Option<Vec<Range>>> {
        let ranges = &mut self.ranges;
        let more = self
            .data
            .next(&mut |start, length| ranges.push(start, length))
            .map_err(|e| e.in_file(&self.filename))?;
        ranges.check()?;
        Ok((!more).then(|| std::mem::take(&mut ranges.ranges)))
    }

    fn progress(&self) -> Progress {
        self.data.progress()
    }
}
