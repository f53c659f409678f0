//! The questions and answers of vector bin packing: plain numbers in, an assignment out.

use super::model::{Model, Pattern, groups};
use super::search::{Found, search};
use super::work::Work;
use crate::error::{Error, Result};
use crate::limits::{PACKING_CELLS, PACKING_DIMENSIONS, PACKING_ITEMS, PACKING_STEPS};

/// Items to pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    /// Dimensions of each item, from 1 to [`PACKING_DIMENSIONS`].
    pub dimensions: usize,
    /// The sizes, item by item, each with one number for each dimension, in the units of the bins.
    pub sizes: Vec<u64>,
}

/// Bins of which each is there once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bins {
    /// The capacities, bin by bin, each with one number for each dimension.
    pub capacities: Vec<u64>,
    /// Which items each bin accepts, item by item, each with one entry for each bin; empty if all
    /// bins accept all items.
    pub accepts: Vec<bool>,
}

/// A packing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packing {
    /// By item, the number of its bin: bins are counted from 0, equal ones in the order of their first
    /// use, listed ones in the order of the list.
    pub assignment: Vec<usize>,
    /// How many bins are in use.
    pub bins: usize,
    /// Proven: no packing has fewer.
    pub bound: usize,
    /// Steps that the search took.
    pub steps: u64,
}

impl Packing {
    /// Whether it is proven that no packing has fewer bins.
    #[must_use]
    pub fn is_optimal(&self) -> bool {
        self.bins == self.bound
    }
}

/// What came of packing into a list of bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListPacking {
    /// Every item has a bin.
    Packed(Packing),
    /// Proven: not all items can have a bin. The item is one that fits no bin even alone, if there is
    /// one.
    Impossible {
        /// Its number.
        item: Option<usize>,
    },
    /// None was found, and none excluded.
    Unknown {
        /// Proven: a packing has at least so many bins, if there is one.
        bound: usize,
    },
}

/// Packs items into the fewest bins of one capacity. `steps` limits the search, 0 meaning
/// [`PACKING_STEPS`]; with any limit there is an answer.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if an item is larger than a bin, if the numbers do not
/// make whole items, or if there are more dimensions or items than [`PACKING_DIMENSIONS`] and
/// [`PACKING_ITEMS`].
pub fn pack(items: &Items, capacity: &[u64], steps: u64) -> Result<Packing> {
    let rows = items.rows()?;
    if capacity.len() != items.dimensions {
        return Err(Error::argument(format!(
            "a bin has {} dimensions, an item {}",
            capacity.len(),
            items.dimensions
        )));
    }
    let over = |row: &[u64]| {
        row.iter()
            .zip(capacity)
            .position(|(size, room)| size > room)
    };
    if let Some((item, dimension)) = rows
        .iter()
        .enumerate()
        .find_map(|(i, row)| over(row).map(|d| (i, d)))
    {
        return Err(Error::argument(format!(
            "item {item} is larger than a bin in dimension {dimension}"
        )));
    }
    if rows.is_empty() {
        return Ok(Packing::default());
    }
    let kinds = groups(rows.iter());
    let types = distinct(&kinds);
    let class = (capacity.to_vec(), rows.len(), vec![true; types.len()]);
    let model = items.model(&kinds, &types, vec![class], true);
    let bins: Vec<Vec<usize>> = vec![(0..rows.len()).collect()];
    let mut work = Work::new(limit(steps));
    let found = search(&model, rows.len(), &mut work);
    // Equal bins, one for each item, always hold the items.
    let best = found.best.clone().unwrap_or_default();
    Ok(packing(assign(&best, &kinds, &bins), &found, &work))
}

/// Packs items into the fewest bins of a list. `steps` limits the search, 0 meaning
/// [`PACKING_STEPS`].
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if the numbers do not make whole items and bins, if
/// there is not one entry of `accepts` for each item and bin, or if there are more dimensions, items
/// or pairs of items and bins than [`PACKING_DIMENSIONS`], [`PACKING_ITEMS`] and [`PACKING_CELLS`].
pub fn pack_into(items: &Items, bins: &Bins, steps: u64) -> Result<ListPacking> {
    let rows = items.rows()?;
    let rooms: Vec<&[u64]> = bins.capacities.chunks_exact(items.dimensions).collect();
    let cells = rows.len().saturating_mul(rooms.len());
    if bins.capacities.len() % items.dimensions != 0 {
        return Err(Error::argument("the capacities do not make whole bins"));
    }
    if rooms.len() > PACKING_ITEMS || cells > PACKING_CELLS {
        return Err(Error::argument(format!(
            "{} items and {} bins are too many to pack",
            rows.len(),
            rooms.len()
        )));
    }
    if !bins.accepts.is_empty() && bins.accepts.len() != cells {
        return Err(Error::argument(
            "accepts has not one entry for each item and bin",
        ));
    }
    if rows.is_empty() {
        return Ok(ListPacking::Packed(Packing::default()));
    }
    let accepts = |item: usize, bin: usize| {
        bins.accepts
            .get(item * rooms.len() + bin)
            .copied()
            .unwrap_or(true)
            && rows[item]
                .iter()
                .zip(rooms[bin])
                .all(|(size, room)| size <= room)
    };
    if let Some(item) = (0..rows.len()).find(|&i| !(0..rooms.len()).any(|bin| accepts(i, bin))) {
        return Ok(ListPacking::Impossible { item: Some(item) });
    }
    // Equal bins are those that are equal in what they have and in what they accept.
    let columns = (0..rooms.len()).map(|bin| {
        (
            rooms[bin],
            (0..rows.len())
                .map(|i| accepts(i, bin))
                .collect::<Vec<bool>>(),
        )
    });
    let bin_kinds = groups(columns);
    let mut firsts = distinct(&bin_kinds);
    firsts.sort_by(|&a, &b| {
        breadth(&rooms, b)
            .total_cmp(&breadth(&rooms, a))
            .then(a.cmp(&b))
    });
    let members: Vec<Vec<usize>> = firsts
        .iter()
        .map(|&first| {
            (0..rooms.len())
                .filter(|&b| bin_kinds[b] == bin_kinds[first])
                .collect()
        })
        .collect();
    let kinds = groups((0..rows.len()).map(|i| {
        (
            rows[i],
            firsts
                .iter()
                .map(|&bin| accepts(i, bin))
                .collect::<Vec<bool>>(),
        )
    }));
    let types = distinct(&kinds);
    let classes = firsts
        .iter()
        .zip(&members)
        .map(|(&bin, members)| {
            let accepted = types.iter().map(|&item| accepts(item, bin)).collect();
            (rooms[bin].to_vec(), members.len(), accepted)
        })
        .collect();
    let model = items.model(&kinds, &types, classes, false);
    let mut work = Work::new(limit(steps));
    let found = search(&model, rooms.len(), &mut work);
    Ok(match &found.best {
        Some(best) => ListPacking::Packed(packing(assign(best, &kinds, &members), &found, &work)),
        None if found.bound > rooms.len() as u64 => ListPacking::Impossible { item: None },
        None => ListPacking::Unknown {
            bound: found.bound as usize,
        },
    })
}

fn limit(steps: u64) -> u64 {
    if steps == 0 { PACKING_STEPS } else { steps }
}

/// The first member of each group, in the order of the groups.
fn distinct(groups: &[usize]) -> Vec<usize> {
    let mut firsts = Vec::new();
    for (i, &group) in groups.iter().enumerate() {
        if group == firsts.len() {
            firsts.push(i);
        }
    }
    firsts
}

/// How big a bin is: the sum of its parts of the biggest bin of each dimension.
fn breadth(rooms: &[&[u64]], bin: usize) -> f64 {
    let part = |(d, &room): (usize, &u64)| {
        let most = rooms.iter().map(|room| room[d]).max().unwrap_or(0).max(1);
        room as f64 / most as f64
    };
    rooms[bin].iter().enumerate().map(part).sum()
}

/// Which bin each item is in, from patterns of types and classes.
fn assign(patterns: &[Pattern], kinds: &[usize], members: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); distinct(kinds).len()];
    for (item, &kind) in kinds.iter().enumerate().rev() {
        waiting[kind].push(item);
    }
    let mut used = vec![0; members.len()];
    let mut assignment = vec![0; kinds.len()];
    for pattern in patterns {
        let bin = members[pattern.class][used[pattern.class]];
        used[pattern.class] += 1;
        for &(kind, n) in &pattern.items {
            for item in (0..n).filter_map(|_| waiting[kind].pop()) {
                assignment[item] = bin;
            }
        }
    }
    assignment
}

fn packing(assignment: Vec<usize>, found: &Found, work: &Work) -> Packing {
    let bins = found.best.as_ref().map_or(0, Vec::len);
    Packing {
        assignment,
        bins,
        bound: (found.bound as usize).min(bins),
        steps: work.taken(),
    }
}

impl Items {
    fn rows(&self) -> Result<Vec<&[u64]>> {
        if self.dimensions == 0 || self.dimensions > PACKING_DIMENSIONS {
            return Err(Error::argument(format!(
                "items have {} dimensions, not 1 to {PACKING_DIMENSIONS}",
                self.dimensions
            )));
        }
        let rows = self.sizes.chunks_exact(self.dimensions);
        if !rows.remainder().is_empty() {
            return Err(Error::argument("the sizes do not make whole items"));
        }
        if rows.len() > PACKING_ITEMS {
            return Err(Error::argument(format!(
                "{} items are too many to pack",
                rows.len()
            )));
        }
        Ok(rows.collect())
    }

    fn model(
        &self,
        kinds: &[usize],
        types: &[usize],
        classes: Vec<(Vec<u64>, usize, Vec<bool>)>,
        unlimited: bool,
    ) -> Model {
        let row = |&item: &usize| self.sizes[item * self.dimensions..][..self.dimensions].to_vec();
        let mut demand = vec![0; types.len()];
        kinds.iter().for_each(|&kind| demand[kind] += 1);
        let sizes = types.iter().flat_map(row).collect();
        Model::new(self.dimensions, sizes, demand, classes, unlimited)
    }
}
