//! Which image of a chain serves which part of the disk, and where: `qemu-img map`, as a stream.
//!
//! Each image's tables are decoded a part at a time and laid over the ones below; what is alike
//! and adjoins becomes one extent. Memory does not depend on the size of the disk.

use std::mem::MaybeUninit;

use super::layer::Layer;
use super::walk::{Chain, ChainOptions, walk_files};
use crate::error::{Error, Result};
use crate::image::ImageInfo;
use crate::image::map::{Run, Stored};
use crate::io::{File, Storage};

/// The disk reads as something in one of the images, not as the zeros behind the chain's end.
pub const PRESENT: u64 = 1;
/// It reads as zeros.
pub const ZERO: u64 = 1 << 1;
/// It is stored as data; with [`ZERO`] too, in a hole of the file.
pub const DATA: u64 = 1 << 2;
/// It is stored compressed.
pub const COMPRESSED: u64 = 1 << 3;
/// The bits above tell which image of the chain serves it; the top one is 0.
pub const DEPTH_SHIFT: u32 = 32;
/// There is no offset.
pub const NO_OFFSET: u64 = u64::MAX;

/// Memory for all tables together.
const BUFFERS: usize = 16 << 20;
/// The most that one image's tables get of it.
const BUFFER: usize = 64 << 10;

/// A part of the disk that is stored alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Extent {
    /// Offset in the disk, in bytes.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// Offset in the image's file, its data file or the extent (vmdk) that holds this part;
    /// [`NO_OFFSET`] if there is none.
    pub offset: u64,
    /// [`PRESENT`], [`ZERO`], [`DATA`], [`COMPRESSED`], and the depth in the chain.
    pub flags: u64,
}

impl Extent {
    /// Which image of the chain; the top one is 0.
    pub fn depth(&self) -> u64 {
        self.flags >> DEPTH_SHIFT
    }

    fn adjoins(&self, next: &Extent) -> bool {
        let offset = match self.offset {
            NO_OFFSET => NO_OFFSET,
            offset => offset + self.length,
        };
        self.flags == next.flags && offset == next.offset
    }
}

/// Where an extent can be put: an array that is used again, memory that holds nothing yet, or the
/// bytes of a packed record.
pub trait Place {
    /// Puts it there.
    fn put(&mut self, extent: Extent);
}

impl Place for Extent {
    #[inline]
    fn put(&mut self, extent: Extent) {
        *self = extent;
    }
}

impl<T: From<Extent>> Place for MaybeUninit<T> {
    #[inline]
    fn put(&mut self, extent: Extent) {
        self.write(extent.into());
    }
}

/// Start, length, offset and flags, little-endian.
impl Place for [u8; 32] {
    #[inline]
    fn put(&mut self, extent: Extent) {
        let numbers = [extent.start, extent.length, extent.offset, extent.flags];
        for (place, number) in self.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }
}

/// The extents of a disk, from its start to its end.
pub struct Extents {
    storage: Storage,
    chain: Chain,
    layers: Vec<Layer>,
    size: u64,
    position: u64,
    /// Where to come back although there is room for more.
    pause: u64,
    /// The extent that may still grow; its length is 0 at the beginning.
    current: Extent,
    /// In which of its image's files it lies, where it has an offset.
    current_file: u32,
    failed: Option<Error>,
}

/// Opens the chain under `filename`, which must be whole. The time of `storage` bounds this call,
/// and each later one by itself.
pub fn extents(storage: Storage, filename: &[u8], options: &ChainOptions) -> Result<Extents> {
    let mut files = Vec::new();
    let chain = walk_files(&storage, filename, options, &mut |file| files.push(file)).strict()?;
    let layers = layers(&storage, &chain.images, files)?;
    let size = layers.first().map_or(0, |layer| layer.size);
    Ok(Extents {
        storage,
        chain,
        layers,
        size,
        position: 0,
        pause: u64::MAX,
        current: Extent::default(),
        current_file: 0,
        failed: None,
    })
}

/// The maps of these images, the top one first; together they take no more memory than one.
pub(super) fn layers(
    storage: &Storage,
    images: &[ImageInfo],
    files: Vec<File>,
) -> Result<Vec<Layer>> {
    let buffer = (BUFFERS / images.len().max(1)).next_power_of_two() / 2;
    let buffer = buffer.clamp(4096, BUFFER);
    let alone = images.len() == 1;
    images
        .iter()
        .zip(files)
        .map(|(image, file)| {
            let layer = Layer::new(storage, image, file, (buffer, alone));
            layer.map_err(|e| e.in_file(&image.filename))
        })
        .collect()
}

impl Extents {
    /// The images, the top one first.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How many bytes of the disk are done with, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.position, self.size)
    }

    /// Fills `out` with the next extents; returns how many there are, 0 at the end. What was found
    /// before an error is handed out first. Each call has the time of the storage anew.
    pub fn next<P: Place>(&mut self, out: &mut [P]) -> Result<usize> {
        self.storage.renew();
        self.fill(out)
    }

    /// The same, but comes back too when the disk is done with up to `offset`: fewer extents, or
    /// none, mean the end only if [`progress`](Self::progress) says so. For who wants to show it: one
    /// extent can be as long as the disk.
    pub fn next_until<P: Place>(&mut self, out: &mut [P], offset: u64) -> Result<usize> {
        self.pause = offset;
        let count = self.next(out);
        self.pause = u64::MAX;
        count
    }

    /// The same within the time that is left of an earlier call.
    pub(crate) fn fill<P: Place>(&mut self, out: &mut [P]) -> Result<usize> {
        let mut count = 0;
        while count < out.len() {
            if let Some(error) = &self.failed {
                return if count > 0 {
                    Ok(count)
                } else {
                    Err(error.clone())
                };
            }
            if self.position >= self.pause && self.position < self.size {
                break;
            }
            if self.position >= self.size {
                if self.current.length > 0 {
                    out[count].put(std::mem::take(&mut self.current));
                    count += 1;
                }
                break;
            }
            match self.step() {
                Ok((next, file))
                    if self.current.length > 0
                        && self.current.adjoins(&next)
                        && (self.current_file == file || next.offset == NO_OFFSET) =>
                {
                    self.current.length += next.length;
                }
                Ok((next, file)) => {
                    let done = std::mem::replace(&mut self.current, next);
                    self.current_file = file;
                    if done.length > 0 {
                        out[count].put(done);
                        count += 1;
                    }
                }
                Err(error) => {
                    if self.current.length > 0 {
                        out[count].put(std::mem::take(&mut self.current));
                        count += 1;
                    }
                    self.failed = Some(error);
                }
            }
        }
        Ok(count)
    }

    /// What there is at the position, as far as all images that have a say in it are alike, and in
    /// which of its image's files.
    #[inline]
    fn step(&mut self) -> Result<(Extent, u32)> {
        let start = self.position;
        let mut end = self.size;
        let count = self.layers.len();
        for depth in 0..count {
            let layer = &mut self.layers[depth];
            let run = layer.run(start)?;
            end = end.min(run.end());
            let below = self.layers.get(depth + 1).map(|layer| layer.size);
            let zero_below = below.is_none_or(|size| start >= size);
            if run.stored.is_allocated() || zero_below {
                self.position = end;
                return Ok((extent(&run, depth, start, end), run.file));
            }
            end = end.min(below.unwrap_or(end));
        }
        // Not reached: the last image has nothing below.
        self.position = end;
        Ok((Extent::default(), 0))
    }
}

#[inline]
fn extent(run: &Run, depth: usize, start: u64, end: u64) -> Extent {
    let flags = match run.stored {
        Stored::Unallocated | Stored::Reserved => ZERO,
        Stored::Zero | Stored::ZeroReserved => PRESENT | ZERO,
        Stored::Data | Stored::Encrypted | Stored::Untold => PRESENT | DATA,
        Stored::Compressed => PRESENT | DATA | COMPRESSED,
        Stored::Hole => PRESENT | ZERO,
        Stored::DataInHole => PRESENT | DATA | ZERO,
    };
    let offset = match run.stored.has_host() {
        true => run.host + (start - run.start),
        false => NO_OFFSET,
    };
    Extent {
        start,
        length: end - start,
        offset,
        flags: flags | (depth as u64) << DEPTH_SHIFT,
    }
}
