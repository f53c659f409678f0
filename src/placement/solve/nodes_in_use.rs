//! The fewest nodes in use, as a question of vector bin packing: guests are items, open nodes are bins. That
//! is the whole question where no node is in use yet and nothing but room and what nodes have decides;
//! otherwise it is left to the searches.

use crate::limits;
use crate::placement::instance::{Instance, verify};
use crate::placement::packing::{Bins, Items, ListPacking, pack_into};
use crate::placement::recovery::Outcome;
use crate::placement::search::Verdict;

/// All items on the fewest nodes that were found, if they can be seen as items to pack. `steps`: as the policy's
/// work limit.
pub(super) fn packed(instance: &Instance<'_>, steps: u64) -> Option<Outcome> {
    let open: Vec<usize> = (0..instance.nodes())
        .filter(|&node| instance.is_open(node))
        .collect();
    if instance.guests.is_empty() || !is_plain(instance, &open) {
        return None;
    }
    let units = units(instance);
    // What nobody needs is no dimension.
    let needed =
        |at: &usize| (0..instance.guests.len()).any(|item| instance.need_of(item)[*at] > 0);
    let dimensions: Vec<usize> = (0..instance.resources()).filter(needed).collect();
    if dimensions.is_empty() || dimensions.len() > limits::PACKING_DIMENSIONS {
        return None;
    }
    let size = |unit: &Vec<usize>, at: usize| {
        unit.iter().fold(0u64, |sum, &item| {
            sum.saturating_add(instance.need_of(item)[at])
        })
    };
    let items = Items {
        dimensions: dimensions.len(),
        sizes: units
            .iter()
            .flat_map(|unit| dimensions.iter().map(|&at| size(unit, at)))
            .collect(),
    };
    let room = |node: usize, at: usize| {
        instance.limit_of(node)[at].saturating_sub(instance.load_of(node)[at])
    };
    let bins = Bins {
        capacities: open
            .iter()
            .flat_map(|&node| dimensions.iter().map(move |&at| room(node, at)))
            .collect(),
        accepts: units
            .iter()
            .flat_map(|unit| {
                open.iter()
                    .map(|&node| instance.allowed[unit[0]].contains(node))
            })
            .collect(),
    };
    let packing = match pack_into(&items, &bins, steps) {
        Ok(ListPacking::Packed(packing)) => packing,
        // Too many to pack, or not found: the searches say what there is to say.
        _ => return None,
    };
    let mut placed = vec![None; instance.guests.len()];
    for (unit, &bin) in units.iter().zip(&packing.assignment) {
        unit.iter()
            .for_each(|&item| placed[item] = open.get(bin).copied());
    }
    verify(instance, &placed).ok()?;
    Some(Outcome {
        placed,
        verdict: if packing.is_optimal() {
            Verdict::Optimal
        } else {
            Verdict::Feasible
        },
        objective: packing.bins as f64,
        bound: packing.bound as f64,
    })
}

/// Whether nothing but room and what nodes have decides: no guest runs on an open node, no guests are to be
/// apart, no rule would rather have a node than another, and no soft limit is below a hard one.
fn is_plain(instance: &Instance<'_>, open: &[usize]) -> bool {
    let problem = instance.problem;
    let stays = |guest: usize| instance.item_of[guest].is_none();
    let in_use = (0..problem.guests.len()).any(|guest| {
        let node = problem.guests[guest].node;
        stays(guest) && node.is_some_and(|node| instance.is_open(node))
    });
    let soft = open.iter().any(|&node| {
        let limits = problem.nodes[node].soft.iter().zip(instance.limit_of(node));
        limits.into_iter().any(|(soft, hard)| soft < hard)
    });
    let ranked = instance.rank.iter().flatten().any(|&rank| rank > 0);
    !in_use && !soft && !ranked && instance.apart.is_empty()
}

/// Items that are to be on one node, as one; all others alone.
fn units(instance: &Instance<'_>) -> Vec<Vec<usize>> {
    let mut units = instance.together.clone();
    let mut alone = vec![true; instance.guests.len()];
    instance
        .together
        .iter()
        .flatten()
        .for_each(|&item| alone[item] = false);
    units.extend(
        (0..alone.len())
            .filter(|&item| alone[item])
            .map(|item| vec![item]),
    );
    units
}
