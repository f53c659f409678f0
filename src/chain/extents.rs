//! Which image of a chain serves which part of the disk, and where: `qemu-img map`, as a stream.
//!
//! Each image's tables are decoded a part at a time and laid over the ones below; what is alike
//! and adjoins becomes one extent. Memory does not depend on the size of the disk.

use std::mem::MaybeUninit;

use super::layer::Layer;
use super::walk::{Chain, ChainOptions, walk_files};
use crate::error::{Error, Result};
use crate::image::ImageInfo;
use crate::image::map::Run;
pub use crate::image::map::{COMPRESSED, DATA, PRESENT, ZERO};
use crate::io::{File, Storage};

/// The bits above tell which image of the chain serves it; the top one is 0.
pub const DEPTH_SHIFT: u32 = 32;
/// There is no offset.
pub const NO_OFFSET: u64 = u64::MAX;

/// Memory for all images together.
const BUFFERS: usize = 16 << 20;
/// The most that is read of one image's tables at a time.
const BUFFER: usize = 64 << 10;
/// The least.
const LEAST_BUFFER: usize = 4096;
/// Memory that an image takes for each byte that is read at a time, at most: itself, a byte of the
/// upper table, and 5 each of runs as the tables have them and as the file has them.
const SHARE: usize = 12;
/// Places from which on tables are decoded right into them.
const DIRECT: usize = 512;

/// Clusters whose tables take some milliseconds.
const PACE: u64 = 256 << 10;
/// Bytes of a cluster where formats have none.
const USUAL_CLUSTER: u64 = 64 << 10;

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
    cursor: Cursor,
    /// Where to come back although there is room for more.
    pause: u64,
    failed: Option<Error>,
}

/// Places for extents, and how many of them are taken.
struct Filling<'a, P> {
    places: &'a mut [P],
    count: usize,
}

/// How far a walk is.
#[derive(Clone, Copy, Default)]
struct Cursor {
    /// In the disk.
    position: u64,
    /// The extent before it, which may still grow; its length is 0 at the beginning.
    current: Extent,
    /// In which of its image's files that lies, where it has an offset.
    file: u32,
}

impl Cursor {
    /// Goes on to `end` within a run; what that ends goes `out`, which has room.
    #[inline]
    fn add<P: Place>(&mut self, run: &Run, depth: usize, end: u64, out: &mut Filling<P>) {
        let next = extent(run, depth, self.position, end);
        self.position = end;
        let same_file = self.file == run.file || next.offset == NO_OFFSET;
        if self.current.adjoins(&next) && same_file {
            self.current.length += next.length;
        } else {
            self.put(out);
            self.current = next;
            self.file = run.file;
        }
    }

    /// Ends the extent, if there is one.
    #[inline]
    fn put<P: Place>(&mut self, out: &mut Filling<P>) {
        let done = std::mem::take(&mut self.current);
        if done.length > 0 {
            out.places[out.count].put(done);
            out.count += 1;
        }
    }
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
        cursor: Cursor::default(),
        pause: u64::MAX,
        failed: None,
    })
}

/// The maps of these images, the top one first. Up to 20 of them take as much memory as they can
/// use, more share that.
pub(super) fn layers(
    storage: &Storage,
    images: &[ImageInfo],
    files: Vec<File>,
) -> Result<Vec<Layer>> {
    let buffer = BUFFERS / SHARE / images.len().max(1);
    let buffer = 1 << buffer.clamp(LEAST_BUFFER, BUFFER).ilog2();
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
        (self.cursor.position, self.size)
    }

    /// Fills `out` with the next extents; returns how many there are, 0 at the end: fewer than there
    /// is room for are not the end. What was found before an error is handed out first. Each call
    /// has the time of the storage anew.
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

    /// The same as [`next_until`](Self::next_until) within the time that is left of the call before.
    pub fn go_on_until<P: Place>(&mut self, out: &mut [P], offset: u64) -> Result<usize> {
        self.pause = offset;
        let count = self.fill(out);
        self.pause = u64::MAX;
        count
    }

    /// Bytes of the disk whose tables take some milliseconds where storage answers.
    pub fn pace(&self) -> u64 {
        let images = &self.chain.images;
        let clusters = images
            .iter()
            .filter_map(|image| image.metadata.cluster_size);
        let cluster = clusters.min().unwrap_or(USUAL_CLUSTER).max(1);
        cluster.saturating_mul(PACE / images.len().max(1) as u64)
    }

    /// The same within the time that is left of an earlier call.
    pub(crate) fn fill<P: Place>(&mut self, out: &mut [P]) -> Result<usize> {
        let mut out = Filling {
            places: out,
            count: 0,
        };
        while out.count < out.places.len() {
            match &self.failed {
                Some(error) if out.count == 0 => return Err(error.clone()),
                Some(_) => break,
                None => {}
            }
            if self.cursor.position >= self.size {
                self.cursor.put(&mut out);
                break;
            }
            if self.cursor.position >= self.pause {
                break;
            }
            // The next call has places enough again to decode right into them.
            let few = out.places.len() - out.count < DIRECT;
            if few && out.count > 0 && out.places.len() >= 4 * DIRECT {
                break;
            }
            if let Err(error) = self.advance(&mut out) {
                self.cursor.put(&mut out);
                self.failed = Some(error);
            }
        }
        Ok(out.count)
    }

    fn advance<P: Place>(&mut self, out: &mut Filling<P>) -> Result<()> {
        if self.straight(out)? || self.along_top(out)? {
            return Ok(());
        }
        self.step(out)
    }

    /// Goes on from an only image's tables right into the places, if there are enough of them that
    /// reading a part of the tables pays; false if not.
    fn straight<P: Place>(&mut self, out: &mut Filling<P>) -> Result<bool> {
        let room = out.places.len() - out.count;
        let mut cursor = self.cursor;
        let [only] = self.layers.as_mut_slice() else {
            return Ok(false);
        };
        let Some((mapping, file)) = only.undecoded(cursor.position).filter(|_| room >= DIRECT)
        else {
            return Ok(false);
        };
        let done = mapping.each(
            file,
            cursor.position,
            room,
            |start, length, stored, host| {
                let run = Run {
                    start,
                    length,
                    host,
                    file: 0,
                    stored,
                };
                cursor.add(&run, 0, run.end(), out);
            },
        );
        self.cursor = cursor;
        match done {
            Ok(()) => Ok(true),
            Err(error) => Err(self.layers[0].named(error)),
        }
    }

    /// Goes on as far as runs of the top image are at hand that hide what is below; false if there
    /// is none.
    fn along_top<P: Place>(&mut self, out: &mut Filling<P>) -> Result<bool> {
        let alone = self.layers.len() == 1;
        let mut cursor = self.cursor;
        let Some(top) = self.layers.first_mut() else {
            return Ok(false);
        };
        for run in top.runs(cursor.position)? {
            if out.count == out.places.len() || !(alone || run.stored.is_allocated()) {
                break;
            }
            cursor.add(run, 0, run.end(), out);
        }
        let moved = cursor.position > self.cursor.position;
        self.cursor = cursor;
        Ok(moved)
    }

    /// Goes on as far as all images that have a say at the position are alike.
    fn step<P: Place>(&mut self, out: &mut Filling<P>) -> Result<()> {
        let start = self.cursor.position;
        let mut end = self.size;
        for depth in 0..self.layers.len() {
            let run = self.layers[depth].run(start)?;
            end = end.min(run.end());
            let below = self.layers.get(depth + 1).map(|layer| layer.size);
            let zero_below = below.is_none_or(|size| start >= size);
            if run.stored.is_allocated() || zero_below {
                self.cursor.add(&run, depth, end, out);
                break;
            }
            end = end.min(below.unwrap_or(end));
        }
        Ok(())
    }
}

#[inline]
fn extent(run: &Run, depth: usize, start: u64, end: u64) -> Extent {
    let offset = match run.stored.has_host() {
        true => run.host + (start - run.start),
        false => NO_OFFSET,
    };
    Extent {
        start,
        length: end - start,
        offset,
        flags: run.stored.flags() | (depth as u64) << DEPTH_SHIFT,
    }
}
