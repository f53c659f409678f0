//! The nodes' maps of one LUN beside each other: who has fewer paths than the others, and whether they see
//! the same size.
//!
//! What a node should have is what most nodes have, of equally many counts the larger: one node with more
//! paths than all others makes none of them poor. Nodes that reach the storage in different ways (`fc`
//! here, `iscsi` there) have different numbers of paths by nature and are not compared, but for one thing:
//! a single path beside several is no redundancy at all. A LUN that one node alone has, such as a local
//! disk, is compared with nothing.

use super::entries::Entry;
use crate::cluster::MapState;
use crate::cluster::matrix::{Line, Slot};

/// The maps of one LUN. Its memory serves for one after the other.
#[derive(Default)]
pub struct Peers {
    /// Transport, all paths, column.
    totals: Vec<(Slot, u32, u32)>,
    /// What most nodes have, by transport.
    usual: Vec<(Slot, u32)>,
    /// Over all transports: what most have, and the most.
    overall: (u32, u32),
    /// Bytes, and of how many nodes, by bytes.
    sizes: Vec<(u64, u64)>,
    scratch: Vec<u64>,
}

impl Peers {
    /// Takes the maps of a row.
    pub fn read(&mut self, line: Line<'_>) {
        self.totals.clear();
        self.scratch.clear();
        self.sizes.clear();
        let mut last_size = (Slot::NULL, None);
        for (column, judged, cell) in line.cells().filter(|(_, judged, _)| judged.is_own) {
            if last_size.0 != cell.size {
                last_size = (cell.size, line.matrix.integer(cell.size));
            }
            self.scratch.extend(last_size.1);
            let total = cell.total.as_small().filter(|&total| total > 0);
            if let Some(total) = total.filter(|_| judged.state != MapState::Unknown) {
                self.totals.push((cell.transport, total, column));
            }
        }
        runs(&mut self.scratch, &mut self.sizes);
        self.find_usual();
    }

    fn find_usual(&mut self) {
        self.usual.clear();
        self.totals.sort_unstable();
        let of = |run: &[(Slot, u32, u32)]| most_common(run.iter().map(|&(_, total, _)| total));
        for run in self.totals.chunk_by(|a, b| a.0 == b.0) {
            self.usual.push((run[0].0, of(run)));
        }
        self.totals.sort_unstable_by_key(|&(_, total, _)| total);
        let most = self.totals.last().map_or(0, |&(_, total, _)| total);
        self.overall = (of(&self.totals), most);
        self.totals.sort_unstable_by_key(|&(_, _, column)| column);
    }

    /// The columns of nodes that have fewer paths than they should, and by how much.
    pub fn reduced(&self) -> impl Iterator<Item = (u32, Entry)> {
        self.totals
            .iter()
            .filter_map(|&(transport, total, column)| {
                let (usual, most) = self.overall;
                let usual = match self.usual.binary_search_by_key(&transport, |&(one, _)| one) {
                    Ok(at) if !transport.is_null() => self.usual[at].1,
                    // It can be any of them.
                    _ => usual,
                };
                let usual = match (usual > total, total) {
                    (true, _) => usual,
                    (false, 1) if most > 1 => most,
                    (false, _) => return None,
                };
                Some((column, Entry::reduced(total, usual)))
            })
    }

    /// How many nodes see another size than most do.
    pub fn differing_sizes(&self) -> u64 {
        let all: u64 = self.sizes.iter().map(|&(_, nodes)| nodes).sum();
        let most = self.sizes.iter().map(|&(_, nodes)| nodes).max();
        all - most.unwrap_or(0)
    }
}

/// What stands there most often, in a run that is sorted; of equals the largest.
fn most_common(sorted: impl Iterator<Item = u32>) -> u32 {
    let (mut best, mut current) = ((0, 0), (0, 0));
    for value in sorted {
        current = match current.1 == value {
            true => (current.0 + 1, value),
            false => (1, value),
        };
        best = best.max(current);
    }
    best.1
}

/// Adds how often each value stands there.
fn runs(values: &mut [u64], out: &mut Vec<(u64, u64)>) {
    if values.iter().any(|&value| value != values[0]) {
        values.sort_unstable();
    }
    for run in values.chunk_by(|a, b| a == b) {
        out.push((run[0], run.len() as u64));
    }
}
