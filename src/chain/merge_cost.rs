//! What merging an image with the one below it would move: `qemu-img commit` moves what the upper
//! one holds down, `qemu-img rebase` (or a block stream) moves what only the lower one holds up.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::changed::whole_chain;
use super::extents::layers;
use super::layer::Layer;
use super::walk::ChainOptions;
use crate::error::Result;
use crate::image::json::View;
use crate::image::map::Stored;
use crate::io::Storage;
use crate::work::{Progress, Work};

/// Runs that make a part of the work.
const WORK: usize = 16 << 10;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeCost {
    /// The upper image.
    pub image: Arc<[u8]>,
    /// The one that it stands on.
    pub backing: Arc<[u8]>,
    /// Moving what the upper one holds down into the lower one (`commit`).
    pub commit: Bytes,
    /// Moving what only the lower one holds up into the upper one (`rebase`, `block-stream`).
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
    /// Those that are done with, and the one that is being reckoned.
    costs: Vec<MergeCost>,
    position: u64,
    done: u64,
    total: u64,
    names: Vec<Arc<[u8]>>,
}

/// The costs of merging each image of the chain under `top` with the one below it, the top pair
/// first.
pub fn merge_costs(storage: &Storage, top: &[u8], options: &ChainOptions) -> Result<MergeCosts> {
    let (chain, files) = whole_chain(storage, top, options)?;
    let layers = layers(storage, &chain.images, files)?;
    let uppers = &layers[..layers.len().saturating_sub(1)];
    Ok(MergeCosts {
        costs: Vec::new(),
        position: 0,
        done: 0,
        total: uppers.iter().map(|layer| layer.size).sum(),
        names: chain.images.into_iter().map(|i| i.filename).collect(),
        layers,
    })
}

impl Work for MergeCosts {
    type Answer = Vec<MergeCost>;

    fn advance(&mut self) -> Result<Option<Vec<MergeCost>>> {
        let mut left = WORK;
        loop {
            let at = self.costs.len().saturating_sub(1);
            let more = self.costs.len() > at && self.position < self.layers[at].size;
            if more && left == 0 {
                return Ok(None);
            }
            if more {
                left -= 1;
                self.step(at)?;
            } else {
                self.done += self.position;
                self.position = 0;
                let next = self.costs.len();
                match self.names.get(next..next + 2) {
                    Some([image, backing]) => self.costs.push(MergeCost {
                        image: Arc::clone(image),
                        backing: Arc::clone(backing),
                        commit: Bytes::default(),
                        stream: Bytes::default(),
                    }),
                    _ => return Ok(Some(std::mem::take(&mut self.costs))),
                }
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.done + self.position,
            total: self.total,
        }
    }
}

impl MergeCosts {
    /// The run at the position of the image at `depth`, and of what is below it.
    fn step(&mut self, depth: usize) -> Result<()> {
        let [upper, lower] = &mut self.layers[depth..depth + 2] else {
            return Ok(());
        };
        let cost = &mut self.costs[depth];
        let position = self.position;
        let above = upper.run(position)?;
        let mut end = above.end();
        if above.stored.is_allocated() {
            cost.commit.add(above.stored, end - position);
        } else if position < lower.size {
            let below = lower.run(position)?;
            end = end.min(below.end());
            cost.stream.add(below.stored, end - position);
        }
        self.position = end;
        Ok(())
    }
}
