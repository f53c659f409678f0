//! What merging an image with the one below it would move: `qemu-img commit` moves what the upper
//! one holds down, `qemu-img rebase` (or a block stream) moves what only the lower one holds up.
//!
//! Both move whole units: `commit` of the lower image's clusters, but of 4 to 64 KiB, `rebase` of the
//! upper image's clusters or subclusters. A unit of which anything is held is moved.

use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::changed::whole_chain;
use super::extents::layers;
use super::layer::Layer;
use super::walk::{Chain, ChainOptions};
use crate::error::{Error, Result};
use crate::image::ImageInfo;
use crate::image::json::View;
use crate::image::map::Stored;
use crate::image::qcow2::mapping::SUBCLUSTERS;
use crate::io::{File, Storage};
use crate::work::{Progress, Work};

/// Runs that make a part of the work.
const WORK: usize = 16 << 10;

/// Bytes of the disk that would be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// As data: what is read, and written as it is.
    pub data: u64,
    /// As zeros, which need not be read, and which storage may be able to write without moving them.
    pub zero: u64,
}

/// Runs of a disk of `size` bytes, counted in units.
struct Units {
    unit: u64,
    size: u64,
    /// Whether only those are moved as zeros that one run of zeros covers.
    whole: bool,
    /// Where what is counted ends; a whole number of units, or the end of the disk.
    counted: u64,
    /// Bytes of the last unit that count as zeros.
    zeros_at_end: u64,
    bytes: Bytes,
}

impl Units {
    fn new(unit: u64, size: u64, whole: bool) -> Self {
        Units {
            unit,
            size,
            whole,
            counted: 0,
            zeros_at_end: 0,
            bytes: Bytes::default(),
        }
    }

    /// Counts a run that is moved, which lies behind those that were.
    fn add(&mut self, start: u64, end: u64, zero: bool) {
        let (unit, size) = (self.unit, self.size);
        let up = |at: u64| {
            at.checked_next_multiple_of(unit)
                .map_or(size, |at| at.min(size))
        };
        if !zero && start < self.counted {
            // Zeros that share a unit with data are moved with it.
            let zeros = std::mem::take(&mut self.zeros_at_end);
            self.bytes.zero -= zeros;
            self.bytes.data += zeros;
        }
        let from = (start / unit * unit).max(self.counted);
        let to = up(end);
        if to <= from {
            return;
        }
        let zeros = match (zero, self.whole) {
            (false, _) => 0,
            (true, false) => to - from,
            (true, true) => (end / unit * unit).saturating_sub(from.max(up(start))),
        };
        self.bytes.zero += zeros;
        self.bytes.data += to - from - zeros;
        self.counted = to;
        let last = to - (to - 1) / unit * unit;
        self.zeros_at_end = if zero && !self.whole { last } else { 0 };
    }
}

/// What it takes to make one image of two neighbours in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeCost {
    /// The upper image.
    pub image: Arc<[u8]>,
    /// The one that it stands on.
    pub backing: Arc<[u8]>,
    /// Moving what the upper one holds down into the lower one (`commit`). The sum is exact. Zeros
    /// are written as data if the lower image's clusters are larger than 64 KiB and not all of one
    /// is zero, and if the upper one's are of 512 bytes. A lower image that is smaller is made larger
    /// first; that moves nothing.
    pub commit: Bytes,
    /// Moving what only the lower one holds up into the upper one (`rebase`, `block-stream`). The sum
    /// is the most that it can be: what is the same in the images below is not written. Zeros that
    /// differ from what is below are written as data. Where the lower image ends before the upper
    /// one, what it hides of the images below is counted as zeros.
    pub stream: Bytes,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Bytes", 2)?;
        map.serialize_field("data", &self.data)?;
        map.serialize_field("zero", &self.zero)?;
        map.end()
    }
}

impl Serialize for View<'_, MergeCost> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("MergeCost", 4)?;
        map.serialize_field("image", &self.part(&*self.item.image))?;
        map.serialize_field("backing", &self.part(&*self.item.backing))?;
        map.serialize_field("commit-cost", &self.item.commit)?;
        map.serialize_field("stream-cost", &self.item.stream)?;
        map.end()
    }
}

/// Reckons the costs of merges; counts its progress in bytes of the disks.
pub struct MergeCosts {
    layers: Vec<Layer>,
    names: Vec<Arc<[u8]>>,
    merges: Vec<Merge>,
    costs: Vec<MergeCost>,
    /// The merge that is being reckoned.
    nth: usize,
    position: u64,
    commit: Units,
    stream: Units,
    done: u64,
    total: u64,
}

/// Images that become one.
struct Merge {
    /// The uppermost.
    top: usize,
    /// The lowest.
    bottom: usize,
    /// Bytes of the units in which that is done: `commit`, `rebase`.
    units: (u64, u64),
}

/// Bytes of the smallest and the largest unit of `commit`.
const COMMIT_UNIT: (u64, u64) = (4 << 10, 64 << 10);

/// The units in which `upper` is merged with `lower`.
fn units(upper: &ImageInfo, lower: &ImageInfo) -> (u64, u64) {
    let (least, most) = COMMIT_UNIT;
    let cluster_size = |image: &ImageInfo| image.metadata.cluster_size.filter(|&size| size > 0);
    let cluster = cluster_size(lower).unwrap_or(most);
    let parts = match upper.qcow2() {
        Some(upper) if upper.header.extended_l2() => u64::from(SUBCLUSTERS),
        _ => 1,
    };
    let stream = cluster_size(upper).map_or(1, |size| size / parts);
    (cluster.clamp(least, most), stream)
}

/// The costs of merging each image of the chain under `top` with the one below it, the top pair
/// first.
pub fn merge_costs(storage: &Storage, top: &[u8], options: &ChainOptions) -> Result<MergeCosts> {
    let (chain, files) = whole_chain(storage, top, options)?;
    let pairs = (1..chain.images.len()).map(|bottom| (bottom - 1, bottom));
    MergeCosts::new(storage, chain, files, pairs.collect())
}

/// The cost of merging `top` with the `count` images below it in one pass, each byte of which is
/// moved at most once.
pub fn merge_cost_of_run(
    storage: &Storage,
    top: &[u8],
    count: usize,
    options: &ChainOptions,
) -> Result<MergeCosts> {
    let (chain, files) = whole_chain(storage, top, options)?;
    if count == 0 || count >= chain.images.len() {
        let images = chain.images.len();
        let message = format!("{count} images are to be merged into one of {images}");
        return Err(Error::argument(message).in_file(top));
    }
    MergeCosts::new(storage, chain, files, vec![(0, count)])
}

impl Work for MergeCosts {
    type Answer = Vec<MergeCost>;

    fn advance(&mut self) -> Result<Option<Vec<MergeCost>>> {
        for _ in 0..WORK {
            let Some(merge) = self.merges.get(self.nth) else {
                return Ok(Some(std::mem::take(&mut self.costs)));
            };
            let (top, bottom) = (merge.top, merge.bottom);
            if self.position < self.layers[top].size {
                self.step(top, bottom)?;
            } else {
                self.end(top, bottom);
            }
        }
        Ok(None)
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.done + self.position,
            total: self.total,
        }
    }
}

impl MergeCosts {
    fn new(
        storage: &Storage,
        chain: Chain,
        files: Vec<File>,
        merges: Vec<(usize, usize)>,
    ) -> Result<Self> {
        let images = &chain.images;
        let layers = layers(storage, images, files)?;
        let merge = |(top, bottom)| Merge {
            top,
            bottom,
            units: units(&images[top], &images[bottom]),
        };
        let merges: Vec<Merge> = merges.into_iter().map(merge).collect();
        let mut costs = MergeCosts {
            total: merges.iter().map(|merge| layers[merge.top].size).sum(),
            merges,
            costs: Vec::new(),
            nth: 0,
            position: 0,
            commit: Units::new(1, 0, false),
            stream: Units::new(1, 0, false),
            done: 0,
            names: chain.images.into_iter().map(|i| i.filename).collect(),
            layers,
        };
        costs.begin();
        Ok(costs)
    }

    /// Prepares for the merge that is next.
    fn begin(&mut self) {
        if let Some(merge) = self.merges.get(self.nth) {
            let size = self.layers[merge.top].size;
            let (commit, stream) = merge.units;
            self.commit = Units::new(commit, size, true);
            self.stream = Units::new(stream, size, false);
        }
    }

    /// Keeps what a merge costs, and goes on to the next.
    fn end(&mut self, top: usize, bottom: usize) {
        self.costs.push(MergeCost {
            image: Arc::clone(&self.names[top]),
            backing: Arc::clone(&self.names[bottom]),
            commit: self.commit.bytes,
            stream: self.stream.bytes,
        });
        self.done += self.position;
        self.position = 0;
        self.nth += 1;
        self.begin();
    }

    /// The run at the position of the images that become one.
    fn step(&mut self, top: usize, bottom: usize) -> Result<()> {
        let position = self.position;
        let (mut end, uppermost) = visible(&mut self.layers, top..top + 1, position)?;
        if uppermost.is_none() || bottom > top + 1 {
            let (until, above) = visible(&mut self.layers, top..bottom, position)?;
            end = end.min(until);
            if uppermost.is_none() {
                let (until, below) = visible(&mut self.layers, top + 1..bottom + 1, position)?;
                end = end.min(until);
                if let Some(zero) = below {
                    self.stream.add(position, end, zero);
                }
            }
            if let Some(zero) = above {
                self.commit.add(position, end, zero);
            }
        } else if let Some(zero) = uppermost {
            self.commit.add(position, end, zero);
        }
        self.position = end;
        Ok(())
    }
}

/// What a group of neighbours holds at a position: whether it is zeros, if it holds anything, and
/// where that ends. Where an image of the group ends before those below it, it holds zeros.
fn visible(
    layers: &mut [Layer],
    group: Range<usize>,
    position: u64,
) -> Result<(u64, Option<bool>)> {
    let mut end = u64::MAX;
    for depth in group {
        if position < layers[depth].size {
            let run = layers[depth].run(position)?;
            end = end.min(run.end());
            if run.stored.is_allocated() {
                return Ok((end, Some(is_zero(run.stored))));
            }
        } else {
            let below = layers[depth + 1..].iter().map(|layer| layer.size);
            let hidden = below.filter(|&size| position < size).min();
            return Ok(match hidden {
                Some(size) => (end.min(size), Some(true)),
                None => (end, None),
            });
        }
    }
    Ok((end, None))
}

/// Of what an image holds, what QEMU knows for zeros without reading it.
fn is_zero(stored: Stored) -> bool {
    matches!(stored, Stored::Zero | Stored::ZeroReserved | Stored::Hole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_that_share_a_unit_with_data_are_data() {
        let mut units = Units::new(4096, 10_000, false);
        units.add(0, 512, true);
        units.add(1024, 1536, false);
        assert_eq!((units.bytes.data, units.bytes.zero), (4096, 0));
        // And the other way round.
        units.add(3000, 4096, true);
        units.add(4096, 8704, true);
        assert_eq!((units.bytes.data, units.bytes.zero), (4096, 5904));
        units.add(9000, 9500, false);
        assert_eq!((units.bytes.data, units.bytes.zero), (5904, 4096));
    }
}
