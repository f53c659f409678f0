//! Patterns that leave nearly nothing free, where nearly nothing may be left: if the bins of the
//! bound have little more room than the items need, only such patterns can be in a packing with so
//! few bins. Triplets, of which every three fill a bin, are found by them.

use super::model::{Model, Pattern, fits};
use super::work::Work;

/// Patterns per type at most.
const PER_TYPE: usize = 30;

/// The patterns of two and three different types that no packing into `bound` bins is excluded from
/// using by what they leave free; none if there are too many of them.
pub fn patterns(model: &Model, bound: u64, work: &mut Work) -> Vec<Pattern> {
    let Some((free, dimension)) = slack(model, bound) else {
        return Vec::new();
    };
    let capacity = &model.classes[0].capacity;
    let mut order: Vec<usize> = (0..model.types()).collect();
    order.sort_by_key(|&kind| model.size(kind)[dimension]);
    let along: Vec<u64> = order
        .iter()
        .map(|&kind| model.size(kind)[dimension])
        .collect();
    let full = |room: &[u64]| fits(room, &free);
    let mut found = Vec::new();
    for (i, &first) in order.iter().enumerate() {
        for (j, &second) in order.iter().enumerate().skip(i + 1) {
            let sizes = model
                .size(first)
                .iter()
                .zip(model.size(second))
                .zip(capacity);
            let room: Option<Vec<u64>> = sizes
                .map(|((a, b), room)| room.checked_sub(*a)?.checked_sub(*b))
                .collect();
            let Some(room) = room else { continue };
            if full(&room) {
                found.push(Pattern::of(0, vec![first, second]));
            }
            let least = room[dimension].saturating_sub(free[dimension]);
            let from = along.partition_point(|&size| size < least).max(j + 1);
            let thirds = order[from..].iter().zip(&along[from..]);
            let mut looked = 0;
            for (&third, _) in thirds.take_while(|(_, size)| **size <= room[dimension]) {
                looked += 1;
                let size = model.size(third);
                if fits(size, &room) {
                    let rest: Vec<u64> = room.iter().zip(size).map(|(r, s)| r - s).collect();
                    if full(&rest) {
                        found.push(Pattern::of(0, vec![first, second, third]));
                    }
                }
            }
            if !work.take(looked * 2 + 10) || found.len() > PER_TYPE * model.types() {
                return Vec::new();
            }
        }
    }
    found
}

/// What the bins of the bound may leave free in all, by dimension, and the dimension where that is
/// the least part of a bin. None if it is more than a tenth of one, or bins differ.
fn slack(model: &Model, bound: u64) -> Option<(Vec<u64>, usize)> {
    let class = model.classes.first().filter(|_| model.unlimited)?;
    let free = |d: usize| {
        let need: u128 = (0..model.types())
            .map(|kind| u128::from(model.size(kind)[d]) * u128::from(model.demand[kind]))
            .sum();
        let room = u128::from(class.capacity[d]) * u128::from(bound);
        u64::try_from(room.checked_sub(need)?.min(u128::from(class.capacity[d]))).ok()
    };
    let free: Vec<u64> = (0..model.dimensions).map(free).collect::<Option<_>>()?;
    let part = |d: &usize| free[*d] as f64 / class.capacity[*d].max(1) as f64;
    let tightest = (0..model.dimensions)
        .filter(|&d| class.capacity[d] > 0)
        .min_by(|a, b| part(a).total_cmp(&part(b)))?;
    (part(&tightest) <= 0.1).then_some((free, tightest))
}
