//! What was written since a snapshot: the parts of the disk that the images above another one of
//! the chain hold themselves. And what merging two neighbours would move.

use super::extents::layers;
use super::layer::Layer;
use super::walk::{Chain, ChainOptions, walk_files};
use crate::error::{Error, Result};
use crate::image::map::Stored;
use crate::image::open::OpenImage;
use crate::image::qcow2::bitmap_data;
use crate::image::{FormatChoice, ImageFormat};
use crate::io::{File, Storage};
use crate::limits;
use crate::text::printable;

/// A part of the disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: u64,
    /// How long it is; never 0.
    pub length: u64,
}

/// Adds what follows, joined with the last one where they touch.
fn push(ranges: &mut Vec<Range>, start: u64, length: u64) {
    match ranges.last_mut() {
        Some(last) if last.start + last.length == start => last.length += length,
        _ => ranges.push(Range { start, length }),
    }
}

/// The ranges that the images above `base` say something about, down from the one called `top`:
/// outside of them `top` reads as `base` does, or as zeros where `base` has ended. `base` must be
/// in the chain; it is found by what file it is, whatever its name.
pub fn changed_extents(
    storage: &Storage,
    top: &[u8],
    base: &[u8],
    options: &ChainOptions,
) -> Result<Vec<Range>> {
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
    let mut layers = layers(storage, &chain.images[..below], files)?;
    let base_size = chain.images[below].metadata.virtual_size.unwrap_or(0);
    let size = layers.first().map_or(0, |layer| layer.size);
    let mut ranges = Vec::new();
    let mut position = 0;
    while position < size {
        let mut end = size;
        let mut written = false;
        let count = layers.len();
        for depth in 0..count {
            let run = layers[depth].run(position)?;
            end = end.min(run.end());
            written = run.stored.is_allocated();
            // An image that ends earlier hides what is below it behind zeros.
            let next = layers.get(depth + 1).map(|layer| layer.size);
            if next.is_some_and(|next| position >= next) {
                written |= position < base_size;
                end = if position < base_size {
                    end.min(base_size)
                } else {
                    end
                };
                break;
            }
            end = end.min(next.unwrap_or(end));
            if written {
                break;
            }
        }
        if written {
            push(&mut ranges, position, end - position);
        }
        position = end;
    }
    Ok(ranges)
}

/// The dirty ranges of the persistent bitmap called `name` in the qcow2 image at `filename`.
pub fn bitmap_extents(storage: &Storage, filename: &[u8], name: &[u8]) -> Result<Vec<Range>> {
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
    let mut ranges = Vec::new();
    let add = &mut |start, length| push(&mut ranges, start, length);
    bitmap_data::read(&file, &qcow2.header, bitmap, add).map_err(|e| e.in_file(filename))?;
    Ok(ranges)
}

fn whole_chain(
    storage: &Storage,
    top: &[u8],
    options: &ChainOptions,
) -> Result<(Chain, Vec<File>)> {
    let mut files = Vec::new();
    let chain = walk_files(storage, top, options, &mut |file| files.push(file)).strict()?;
    Ok((chain, files))
}

/// Bytes that would be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// As data.
    pub data: u64,
    /// As zeros, which storage may be able to write without moving them.
    pub zero: u64,
}

impl Bytes {
    fn add(&mut self, stored: Stored, length: u64) {
        match stored {
            Stored::Unallocated | Stored::Reserved => {}
            Stored::Zero | Stored::ZeroReserved | Stored::Hole | Stored::DataInHole => {
                self.zero += length;
            }
            Stored::Data | Stored::Encrypted | Stored::Compressed => self.data += length,
        }
    }
}

/// What it takes to make one image of two neighbours in a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeCost {
    /// Moving what the upper one holds down into the lower one (`commit`).
    pub commit: Bytes,
    /// Moving what only the lower one holds up into the upper one (`stream`, `rebase`).
    pub stream: Bytes,
}

/// The costs of merging each image of the chain under `top` with the one below it, the top pair
/// first.
pub fn merge_costs(
    storage: &Storage,
    top: &[u8],
    options: &ChainOptions,
) -> Result<Vec<MergeCost>> {
    let (chain, files) = whole_chain(storage, top, options)?;
    let mut layers = layers(storage, &chain.images, files)?;
    (1..layers.len())
        .map(|lower| match &mut layers[lower - 1..=lower] {
            [upper, lower] => merge_cost(upper, lower),
            _ => Ok(MergeCost::default()),
        })
        .collect()
}

fn merge_cost(upper: &mut Layer, lower: &mut Layer) -> Result<MergeCost> {
    let mut cost = MergeCost::default();
    let mut position = 0;
    while position < upper.size {
        let above = upper.run(position)?;
        let mut end = above.end();
        if above.stored.is_allocated() {
            cost.commit.add(above.stored, end - position);
        } else if position < lower.size {
            let below = lower.run(position)?;
            end = end.min(below.end());
            cost.stream.add(below.stored, end - position);
        }
        position = end;
    }
    Ok(cost)
}
