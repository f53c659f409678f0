//! A first answer: node by node, guests leave where there is too much, for where they fit.

use std::collections::BTreeSet;

use super::super::search::Budget;
use super::model::NOWHERE;
use super::state::{NEVER, State};

/// How the node is chosen to which a guest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The fullest on which it fits.
    Best,
    /// The emptiest.
    Worst,
}

/// Moves units until all is well; false if it does not come so far.
pub fn fill(state: &mut State<'_>, open: &[usize], fit: Fit, budget: &mut Budget<'_>) -> bool {
    let homeless = state.model.homeless.clone();
    for unit in homeless {
        if state.place[unit] == NOWHERE {
            match room(state, unit, open, fit, budget) {
                Some(node) => state.put(unit, node),
                None if eject(state, unit, open, budget) => {}
                None => return false,
            }
        }
    }
    loop {
        let mut ill: Vec<usize> = (0..state.model.nodes)
            .filter(|&n| !state.is_well(n))
            .collect();
        if !relieve(state, &mut ill, open, fit, budget) {
            return false;
        }
        if ill.is_empty() {
            return true;
        }
        if !swap_out(state, &ill, open, budget) {
            return false;
        }
    }
}

/// Moves units away from ill nodes to where they fit, until no node is ill or nothing fits any more; false if
/// the work has ended.
fn relieve(
    state: &mut State<'_>,
    ill: &mut Vec<usize>,
    open: &[usize],
    fit: Fit,
    budget: &mut Budget<'_>,
) -> bool {
    while !ill.is_empty() {
        let mut best: Option<(u64, f64, usize, usize, usize)> = None;
        for (at, &node) in ill.iter().enumerate() {
            let before = state.least(node);
            for unit in leavers(state, node) {
                if !budget.step() {
                    return false;
                }
                state.take(unit);
                let after = state.least(node);
                state.put(unit, node);
                let useful = after != NEVER && after < before;
                let share = state.model.share(unit);
                // Less is better: what is left over what was needed, then small units.
                let waste = match useful {
                    true => after + state.model.units[unit].cost.moves - before,
                    false => 1 << 32,
                };
                let better = best.is_none_or(|(w, s, _, _, a)| {
                    waste < w || (waste == w && a == at && share < s)
                });
                if better {
                    if let Some(to) = room(state, unit, open, fit, budget) {
                        best = Some((waste, share, unit, to, at));
                    }
                }
            }
            if best.is_some_and(|(waste, ..)| waste == 0) {
                break;
            }
        }
        let Some((_, _, unit, to, at)) = best else {
            return true;
        };
        state.shift(unit, to);
        state.settled[unit] = true;
        if state.is_well(ill[at]) {
            ill.remove(at);
        }
    }
    true
}

/// The units that can leave a node to its good.
fn leavers(state: &State<'_>, node: usize) -> Vec<usize> {
    let n = state.model.resources;
    let mut leavers = Vec::new();
    for resource in 0..n {
        if state.excess(node, resource) > 0 {
            leavers.extend_from_slice(&state.model.natives[node * n + resource]);
        }
    }
    if state.clashes(node) {
        leavers.extend_from_slice(state.grouped(node));
    }
    leavers.retain(|&unit| state.may_leave(unit));
    leavers.sort_unstable();
    leavers.dedup();
    leavers
}

/// Where a unit fits.
fn room(
    state: &State<'_>,
    unit: usize,
    open: &[usize],
    fit: Fit,
    budget: &mut Budget<'_>,
) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for &node in open {
        if node == state.place[unit] || !state.fits(unit, node) || !budget.step() {
            continue;
        }
        let fullness = match fit {
            Fit::Best => -state.fullness(unit, node),
            Fit::Worst => state.fullness(unit, node),
        };
        if best.is_none_or(|(least, _)| fullness < least) {
            best = Some((fullness, node));
        }
    }
    best.map(|(_, node)| node)
}

/// Puts a unit where it fits once another has gone elsewhere.
fn eject(state: &mut State<'_>, unit: usize, open: &[usize], budget: &mut Budget<'_>) -> bool {
    for &node in open {
        if !state.model.units[unit].allowed.contains(node) || node == state.place[unit] {
            continue;
        }
        let n = state.model.resources;
        let here = state.model.natives[node * n..][..n]
            .iter()
            .flatten()
            .copied();
        let here = here.filter(|&other| other != unit && state.may_leave(other));
        let here: BTreeSet<usize> = here.collect();
        for other in here {
            if !budget.step() {
                return false;
            }
            state.take(other);
            if state.fits(unit, node) {
                let from = state.place[unit];
                state.shift(unit, node);
                if let Some(to) = room(state, other, open, Fit::Best, budget) {
                    state.put(other, to);
                    state.settled[other] = true;
                    return true;
                }
                state.take(unit);
                if from != NOWHERE {
                    state.put(unit, from);
                }
            }
            state.put(other, node);
        }
    }
    false
}

/// The same for one of the units that could leave a node to its good.
fn swap_out(state: &mut State<'_>, ill: &[usize], open: &[usize], budget: &mut Budget<'_>) -> bool {
    for &node in ill {
        for unit in leavers(state, node) {
            if eject(state, unit, open, budget) {
                state.settled[unit] = true;
                return true;
            }
        }
    }
    false
}
