//! What all nodes use and have, each resource in arrays of its own in the order of the nodes, so that
//! loops over the nodes take several of them at a time. Sums and extremes are made in four parts
//! that are joined at the end: no addition then waits for the one before, and the order is still
//! always the same.

use std::borrow::Cow;

/// How many parts a sum is made in.
const PARTS: usize = 4;

/// One resource on every node, in cores or in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) used: Vec<f64>,
    pub(super) capacity: Vec<f64>,
    /// The share in use, above 1 if overcommitted; 0 where there is no capacity.
    pub(super) fraction: Vec<f64>,
}

impl Column {
    fn insert(&mut self, place: usize, capacity: f64) {
        self.used.insert(place, 0.0);
        self.capacity.insert(place, capacity);
        self.fraction.insert(place, 0.0);
    }

    fn remove(&mut self, place: usize) {
        self.used.remove(place);
        self.capacity.remove(place);
        self.fraction.remove(place);
    }

    fn set(&mut self, place: usize, used: f64) {
        let capacity = self.capacity[place];
        self.used[place] = used;
        self.fraction[place] = if capacity > 0.0 { used / capacity } else { 0.0 };
    }

    fn only(&self, kept: &[bool]) -> Column {
        let only = |values: &[f64]| {
            let kept = values.iter().zip(kept).filter(|(_, kept)| **kept);
            kept.map(|(value, _)| *value).collect()
        };
        Column {
            used: only(&self.used),
            capacity: only(&self.capacity),
            fraction: only(&self.fraction),
        }
    }
}

/// Both resources on every node.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) cpu: Column,
    pub(super) mem: Column,
    capable: Vec<bool>,
    all_capable: bool,
}

impl Columns {
    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.capable.len()
    }

    /// Makes place for a node of so many cores and bytes that uses nothing.
    pub(super) fn insert(&mut self, place: usize, (cores, bytes): (f64, f64)) {
        self.cpu.insert(place, cores);
        self.mem.insert(place, bytes);
        self.capable.insert(place, cores > 0.0 && bytes > 0.0);
        self.all_capable = self.capable.iter().all(|capable| *capable);
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.cpu.remove(place);
        self.mem.remove(place);
        self.capable.remove(place);
        self.all_capable = self.capable.iter().all(|capable| *capable);
    }

    /// A node uses so many cores and bytes now.
    pub(super) fn set(&mut self, place: usize, used: (f64, f64)) {
        self.cpu.set(place, used.0);
        self.mem.set(place, used.1);
    }

    /// Whether each node counts: it has both cores and memory; no fraction of nothing is a load.
    pub(super) fn capable(&self) -> &[bool] {
        &self.capable
    }

    /// Only the nodes that count.
    pub(super) fn counted(&self) -> Cow<'_, Columns> {
        if self.all_capable {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Columns {
            cpu: self.cpu.only(&self.capable),
            mem: self.mem.only(&self.capable),
            capable: self
                .capable
                .iter()
                .copied()
                .filter(|capable| *capable)
                .collect(),
            all_capable: true,
        })
    }
}

/// The sum over all values, and both extremes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) sum: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

/// The sum over what `of` makes of each value, and the extremes of the values themselves.
pub(super) fn summary(values: &[f64], of: impl Fn(f64) -> f64) -> Summary {
    let mut sums = [0.0; PARTS];
    let mut lowest = [f64::INFINITY; PARTS];
    let mut highest = [f64::NEG_INFINITY; PARTS];
    let mut take = |part: usize, value: f64| {
        sums[part] += of(value);
        // Not min() and max(), which look for NaN: there is none here.
        lowest[part] = if value < lowest[part] {
            value
        } else {
            lowest[part]
        };
        highest[part] = if value > highest[part] {
            value
        } else {
            highest[part]
        };
    };
    let mut rounds = values.chunks_exact(PARTS);
    for round in &mut rounds {
        for (part, value) in round.iter().enumerate() {
            take(part, *value);
        }
    }
    for (part, value) in rounds.remainder().iter().enumerate() {
        take(part, *value);
    }
    Summary {
        sum: sums.iter().sum(),
        lowest: lowest.into_iter().fold(f64::INFINITY, f64::min),
        highest: highest.into_iter().fold(f64::NEG_INFINITY, f64::max),
    }
}
