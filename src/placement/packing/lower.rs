//! The simplest bound: what all items need of a dimension, over what the biggest bins have of it.

use super::model::Model;

/// No packing has fewer bins.
pub fn bound(model: &Model) -> u64 {
    (0..model.dimensions)
        .map(|d| needed(model, d))
        .max()
        .unwrap_or(0)
        .max(u64::from(model.items() > 0))
}

fn needed(model: &Model, dimension: usize) -> u64 {
    let mut need: u128 = (0..model.types())
        .map(|kind| u128::from(model.size(kind)[dimension]) * u128::from(model.demand[kind]))
        .sum();
    let mut bins: Vec<(u64, usize)> = model
        .classes
        .iter()
        .map(|class| (class.capacity[dimension], class.count))
        .collect();
    bins.sort_unstable_by(|a, b| b.cmp(a));
    let mut used = 0;
    for (room, count) in bins {
        if need == 0 || room == 0 {
            break;
        }
        let bins = need.div_ceil(u128::from(room)).min(count as u128);
        need = need.saturating_sub(bins * u128::from(room));
        used += bins as u64;
    }
    // More than all bins have: one bin more than there are says so.
    used + u64::from(need > 0)
}
