//! The problem as the search sees it: equal items are one type with a demand, equal bins one class
//! with a count. Sizes stay the caller's integers, so that what fits is decided exactly; the shares
//! of a capacity kept beside them only steer.

use std::collections::BTreeMap;

/// Bins that are equal in capacity and in the items they accept.
#[derive(Debug, Clone)]
pub struct Class {
    /// Capacity by dimension.
    pub capacity: Vec<u64>,
    /// How many there are.
    pub count: usize,
    /// By type: one item of it, alone, fits and is accepted.
    pub accepts: Vec<bool>,
    /// Sizes as shares of the capacity, by type and dimension; 0 where the capacity is 0.
    pub shares: Vec<f64>,
}

/// Types of items, and classes of bins.
#[derive(Debug, Clone)]
pub struct Model {
    pub dimensions: usize,
    /// By type and dimension.
    pub sizes: Vec<u64>,
    /// Items by type.
    pub demand: Vec<u32>,
    pub classes: Vec<Class>,
    /// There are as many bins as there are items, all equal: nothing can lack room.
    pub unlimited: bool,
}

/// Part of a packing: what one bin holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    pub class: usize,
    /// Types in ascending order, each with the number of its items, at least 1.
    pub items: Vec<(usize, u32)>,
}

impl Model {
    /// `accepts` says which rows of `sizes` a class takes; what does not fit is left out here.
    pub fn new(
        dimensions: usize,
        sizes: Vec<u64>,
        demand: Vec<u32>,
        classes: Vec<(Vec<u64>, usize, Vec<bool>)>,
        unlimited: bool,
    ) -> Self {
        let classes = classes
            .into_iter()
            .map(|(capacity, count, mut accepts)| {
                for (row, accepted) in sizes.chunks_exact(dimensions).zip(&mut accepts) {
                    *accepted &= row.iter().zip(&capacity).all(|(size, room)| size <= room);
                }
                let share = |(i, &size): (usize, &u64)| match capacity[i % dimensions] {
                    0 => 0.0,
                    room => size as f64 / room as f64,
                };
                let shares = sizes.iter().enumerate().map(share).collect();
                Class {
                    capacity,
                    count,
                    accepts,
                    shares,
                }
            })
            .collect();
        Self {
            dimensions,
            sizes,
            demand,
            classes,
            unlimited,
        }
    }

    pub fn types(&self) -> usize {
        self.demand.len()
    }

    pub fn size(&self, kind: usize) -> &[u64] {
        &self.sizes[kind * self.dimensions..][..self.dimensions]
    }

    /// The sizes of a type as shares of the capacity of a class.
    pub fn share(&self, class: usize, kind: usize) -> &[f64] {
        &self.classes[class].shares[kind * self.dimensions..][..self.dimensions]
    }

    pub fn items(&self) -> u64 {
        self.demand.iter().map(|&n| u64::from(n)).sum()
    }

    /// Of a type, the most items that fit into `room`, at most `most`.
    pub fn copies(&self, kind: usize, room: &[u64], most: u32) -> u32 {
        let mut copies = most;
        for (&size, &room) in self.size(kind).iter().zip(room) {
            if let Some(fit) = room.checked_div(size) {
                copies = copies.min(u32::try_from(fit).unwrap_or(u32::MAX));
            }
        }
        copies
    }
}

/// Whether `size` fits into `room`.
pub fn fits(size: &[u64], room: &[u64]) -> bool {
    size.iter().zip(room).all(|(size, room)| size <= room)
}

/// Takes `size` out of `room`, into which it fits.
pub fn take(room: &mut [u64], size: &[u64]) {
    for (room, size) in room.iter_mut().zip(size) {
        *room -= size;
    }
}

/// Rows grouped by equality: by row its group, groups numbered by first appearance.
pub fn groups<T: Ord>(rows: impl Iterator<Item = T>) -> Vec<usize> {
    let mut known = BTreeMap::new();
    rows.map(|row| {
        let next = known.len();
        *known.entry(row).or_insert(next)
    })
    .collect()
}

impl Pattern {
    /// From types in any order, with repetitions.
    pub fn of(class: usize, mut kinds: Vec<usize>) -> Self {
        kinds.sort_unstable();
        let mut items: Vec<(usize, u32)> = Vec::new();
        for kind in kinds {
            match items.last_mut() {
                Some((last, count)) if *last == kind => *count += 1,
                _ => items.push((kind, 1)),
            }
        }
        Self { class, items }
    }
}

impl Model {
    /// The model without types that nothing is asked of, and which types are left.
    pub fn without_empty(&self) -> (Self, Vec<usize>) {
        let kinds: Vec<usize> = (0..self.types())
            .filter(|&kind| self.demand[kind] > 0)
            .collect();
        let pick = |class: &Class| Class {
            capacity: class.capacity.clone(),
            count: class.count,
            accepts: kinds.iter().map(|&kind| class.accepts[kind]).collect(),
            shares: kinds
                .iter()
                .flat_map(|&kind| {
                    class.shares[kind * self.dimensions..][..self.dimensions].to_vec()
                })
                .collect(),
        };
        let model = Self {
            dimensions: self.dimensions,
            sizes: kinds
                .iter()
                .flat_map(|&kind| self.size(kind).to_vec())
                .collect(),
            demand: kinds.iter().map(|&kind| self.demand[kind]).collect(),
            classes: self.classes.iter().map(pick).collect(),
            unlimited: self.unlimited,
        };
        (model, kinds)
    }
}
