//! How large an image would become: `qemu-img measure`, of a size or of an image that exists.

use super::options::count_from_text;
use super::{Bounds, maps};
use crate::chain::ChainOptions;
use crate::chain::extents::{DATA, Extent, Extents, ZERO};
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::image::measure::{self, CreateOptions, Disk, Measure, Source};
use crate::json;
use crate::work::{Progress, Work};

/// Extents that are asked for at a time.
const CHUNK: usize = 4096;

/// What an image of `format`, made with these options (`cluster_size=128k`), takes for a new disk of
/// `size` bytes.
pub fn measure_size<'a>(
    size: u64,
    format: ImageFormat,
    options: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Measure> {
    let options = CreateOptions::parse(format, options)?;
    measure::measure(format, &options, &Disk::Empty(size))
}

/// A measure of an image in the making; counts its progress in bytes of the disk.
pub struct MeasuringImage {
    extents: Extents,
    format: ImageFormat,
    options: CreateOptions,
    chunk: Vec<Extent>,
    /// Bytes of data so far, in whole clusters of the new image.
    data: u64,
    /// Where the last of those clusters ends.
    counted: u64,
}

/// What an image of `format`, made with these options, takes for what the chain under `filename`
/// holds.
pub fn measure_image<'a>(
    filename: &[u8],
    chain: &ChainOptions,
    format: ImageFormat,
    options: impl IntoIterator<Item = &'a [u8]>,
    bounds: impl Into<Bounds>,
) -> Result<MeasuringImage> {
    let options = CreateOptions::parse(format, options)?;
    Ok(MeasuringImage {
        extents: maps::extents(filename, chain, bounds)?,
        format,
        options,
        chunk: vec![Extent::default(); CHUNK],
        data: 0,
        counted: 0,
    })
}

impl Work for MeasuringImage {
    type Answer = Measure;

    fn advance(&mut self) -> Result<Option<Measure>> {
        let count = self.extents.fill(&mut self.chunk)?;
        let cluster = 1u64 << self.options.layout.cluster_bits;
        for extent in &self.chunk[..count] {
            if extent.flags & (DATA | ZERO) != DATA {
                continue;
            }
            let from = extent.start.max(self.counted) / cluster * cluster;
            let to = (extent.start + extent.length).next_multiple_of(cluster);
            if to > self.counted {
                self.data += to - from.max(self.counted);
                self.counted = to;
            }
        }
        if count > 0 {
            return Ok(None);
        }
        let source = Source {
            size: self.extents.progress().1,
            data: self.data,
            bitmaps: None,
        };
        measure::measure(self.format, &self.options, &Disk::Filled(source)).map(Some)
    }

    fn progress(&self) -> Progress {
        let (done, total) = self.extents.progress();
        Progress { done, total }
    }
}

/// The text that `qemu-img measure --output=json --size` prints for a disk of `size` KiB: a number,
/// with a fraction perhaps.
pub fn qemu_img_measure(size: &[u8], format: &[u8], options: &[&[u8]]) -> Result<String> {
    let format = ImageFormat::from_caller(format)?;
    let kib = count_from_text("size", size)? as u64;
    let bytes = kib.checked_mul(1024);
    let bytes = bytes.ok_or_else(|| Error::argument(format!("size {kib} KiB is too large")))?;
    let measure = measure_size(bytes, format, options.iter().copied())?;
    Ok(json::to_text(&measure) + "\n")
}
