//! How large an image would become: `qemu-img measure`, of a size or of an image that exists.

use super::{Bounds, maps};
use crate::chain::ChainOptions;
use crate::chain::extents::{DATA, Extent, Extents, ZERO};
use crate::error::{Error, Result};
use crate::image::create_options::CreateOptions;
use crate::image::measure::{self, Disk, Measure, Source};
use crate::image::{ImageFormat, option_text};
use crate::json;
use crate::text::printable;
use crate::work::{Progress, Work};

/// Extents that are asked for at a time.
const CHUNK: usize = 4096;

/// What an image of `format`, made with these options (`cluster_size=128k`), takes for a new disk of
/// `size` bytes. A secret that they name is taken to exist.
pub fn measure_size<'a>(
    size: u64,
    format: ImageFormat,
    options: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Measure> {
    let options = CreateOptions::parse(format, options)?;
    measure::measure(&options, &Disk::Empty(size))
}

/// A measure of an image in the making; counts its progress in bytes of the disk.
pub struct MeasuringImage {
    extents: Extents,
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
        options,
        chunk: vec![Extent::default(); CHUNK],
        data: 0,
        counted: 0,
    })
}

impl MeasuringImage {
    /// Counts the clusters of the next extents; false at the end of the disk.
    fn count(&mut self) -> Result<bool> {
        let count = self.extents.fill(&mut self.chunk)?;
        let cluster = 1u64 << self.options.layout.cluster_bits;
        for extent in &self.chunk[..count] {
            if extent.flags & (DATA | ZERO) != DATA {
                continue;
            }
            let from = extent.start.max(self.counted) / cluster * cluster;
            let to = (extent.start + extent.length).next_multiple_of(cluster);
            if to > self.counted {
                self.data += to - from;
                self.counted = to;
            }
        }
        Ok(count > 0)
    }

    /// Bytes for the persistent bitmaps of the image; None if it can have none.
    fn bitmaps(&self, size: u64) -> Option<u64> {
        let top = self.extents.chain().images.first()?;
        let qcow2 = top.qcow2().filter(|qcow2| qcow2.header.version >= 3)?;
        let cluster = 1 << self.options.layout.cluster_bits;
        let bytes = measure::bitmaps_bytes(&qcow2.bitmaps, size, cluster);
        Some(bytes).filter(|_| self.options.format == ImageFormat::Qcow2)
    }
}

impl Work for MeasuringImage {
    type Answer = Measure;

    fn advance(&mut self) -> Result<Option<Measure>> {
        if self.options.needs_data() && self.count()? {
            return Ok(None);
        }
        let (_, size) = self.extents.progress();
        let source = Source {
            size,
            data: self.data,
            bitmaps: self.bitmaps(size),
        };
        measure::measure(&self.options, &Disk::Filled(source)).map(Some)
    }

    fn progress(&self) -> Progress {
        let (done, total) = self.extents.progress();
        Progress { done, total }
    }
}

/// The text that `qemu-img measure --output=json --size` prints for a disk of `size` KiB. The size
/// is what QEMU takes before a `K`: a fraction perhaps, with blanks in front, but no exponent.
///
/// Proxmox VE gives `qemu-img` no secrets, so options that need one are an error.
pub fn qemu_img_measure(size: &[u8], format: &[u8], options: &[&[u8]]) -> Result<String> {
    let format = ImageFormat::from_caller(format)?;
    let Some(bytes) = option_text::size(&[size, b"K"].concat()) else {
        let size = printable(size);
        return Err(Error::argument(format!("'{size}' is not a number of KiB")));
    };
    let options = CreateOptions::parse(format, options.iter().copied())?;
    if options.luks_header.is_some() {
        return Err(Error::argument(
            "the secret of encrypted images is not known",
        ));
    }
    let measure = measure::measure(&options, &Disk::Empty(bytes))?;
    Ok(json::to_text(&measure) + "\n")
}
