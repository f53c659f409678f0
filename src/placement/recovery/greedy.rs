//! One unit after the other onto the node that looks best: fast, and mostly enough.

use super::model::{Model, each, fits};

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Those with the largest part of what is left.
    Biggest,
    /// Those with the fewest nodes, then the biggest.
    Constrained,
    /// Those with the largest part for the number of their nodes.
    Mixed,
}

/// Which node is best, after the lowest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// That with the least left.
    Tightest,
    /// That with the lowest highest load.
    Emptiest,
}

/// The units in the order in which they are placed.
pub(super) fn order(model: &Model, order: Order) -> Vec<usize> {
    let nodes = |unit: usize| -> u32 { model.domain(unit).iter().map(|w| w.count_ones()).sum() };
    let mut keyed: Vec<(f64, f64, usize)> = (0..model.units)
        .map(|unit| {
            let size = model.tight[unit];
            let first = match order {
                Order::Biggest => 0.0,
                Order::Constrained => f64::from(nodes(unit)),
                Order::Mixed => -size / f64::from(nodes(unit).max(1)),
            };
            (first, -size, unit)
        })
        .collect();
    keyed.sort_by(|a, b| {
        let first = a.0.total_cmp(&b.0);
        first.then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    });
    keyed.into_iter().map(|key| key.2).collect()
}

/// What one pass has made.
pub(super) struct Pass {
    /// What the nodes have left.
    pub room: Vec<u64>,
    /// The node of each unit.
    pub at: Vec<Option<usize>>,
    /// How many units have none.
    pub missing: usize,
}

/// One pass over the units in this order. Whoever finds no room is left out; `stop` ends it there.
pub(super) fn pass(model: &Model, order: &[usize], choice: Choice, stop: bool) -> Pass {
    pass_from(model, order, choice, stop, &[])
}

/// The same, with units that have their nodes already; they come first in the order.
pub(super) fn pass_from(
    model: &Model,
    order: &[usize],
    choice: Choice,
    stop: bool,
    fixed: &[Option<usize>],
) -> Pass {
    let n = model.resources.len();
    let mut pass = Pass {
        room: model.room.clone(),
        at: vec![None; model.units],
        missing: 0,
    };
    let mut taken = vec![0; model.apart.len() * model.words];
    for &unit in order {
        let need = model.need_of(unit);
        let mut best: Option<(u32, f64, usize)> = None;
        let own = fixed.get(unit).copied().flatten();
        for node in each(model.domain(unit)).filter(|&node| own.is_none_or(|own| own == node)) {
            let room = &pass.room[node * n..][..n];
            let is_taken = |&group: &usize| is_in(&taken[group * model.words..], node);
            if !fits(need, room) || model.groups_of(unit).iter().any(is_taken) {
                continue;
            }
            let (rank, score) = (
                model.rank(unit, node),
                score(model, need, room, node, choice),
            );
            if best.is_none_or(|(r, s, _)| rank < r || rank == r && score < s) {
                best = Some((rank, score, node));
            }
        }
        let Some((_, _, node)) = best else {
            pass.missing += 1;
            if stop {
                return pass;
            }
            continue;
        };
        pass.at[unit] = Some(node);
        for (room, need) in pass.room[node * n..].iter_mut().zip(need) {
            *room -= need;
        }
        for &group in model.groups_of(unit) {
            taken[group * model.words + node / 64] |= 1 << (node % 64);
        }
    }
    pass
}

fn is_in(words: &[u64], node: usize) -> bool {
    words[node / 64] >> (node % 64) & 1 == 1
}

/// How good a node is; less is better.
fn score(model: &Model, need: &[u64], room: &[u64], node: usize, choice: Choice) -> f64 {
    match choice {
        Choice::Tightest => {
            let parts = need.iter().zip(room).zip(&model.total_room);
            let parts = parts.map(|((need, room), total)| (room - need) as f64 / total);
            parts.fold(0.0, f64::max)
        }
        Choice::Emptiest => {
            let limit = &model.limit[node * need.len()..];
            let parts = need.iter().zip(room).zip(limit);
            let loads = parts.map(|((need, room), &limit)| {
                let left = room - need;
                limit.saturating_sub(left) as f64 / limit.max(1) as f64
            });
            loads.fold(0.0, f64::max)
        }
    }
}
