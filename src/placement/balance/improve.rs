//! A better answer from one that is known: what has moved among a few nodes is put back, and the exact search
//! looks for fewer moves, or fewer bytes, among them.

use super::super::bits::Bits;
use super::super::search::Budget;
use super::exact::{Outcome, Search};
use super::model::NOWHERE;
use super::random::Random;
use super::state::State;

/// Steps of one search among a few nodes.
const STEPS: u64 = 4000;
/// How often no better one is found before the end.
const PATIENCE: u32 = 60;
/// The most nodes that are looked at together.
const NODES: usize = 6;

/// Makes a placement, in which all is well, cost less; down to `bound` moves at best.
pub fn improve(state: &mut State<'_>, open: &[usize], bound: u64, budget: &mut Budget<'_>) {
    state.settled.fill(true);
    go_home(state);
    let mut random = Random::new();
    let mut failed = 0;
    while state.spent.moves > bound && failed < PATIENCE && budget.left() > 0 {
        let moved: Vec<usize> = (0..state.place.len())
            .filter(|&unit| state.model.units[unit].home != Some(state.place[unit]))
            .collect();
        let Some(&first) = moved.get(random.below(moved.len().max(1))) else {
            return;
        };
        let nodes = neighbours(state, open, first, &moved, &mut random);
        match among(state, &nodes, &moved, budget) {
            true => failed = 0,
            false => failed += 1,
        }
    }
}

/// Puts units back that need not have moved.
fn go_home(state: &mut State<'_>) {
    for unit in 0..state.place.len() {
        if let Some(home) = state.model.units[unit].home {
            if state.place[unit] != home && state.fits(unit, home) {
                state.shift(unit, home);
            }
        }
    }
}

/// Nodes of a unit that has moved, of others that have to do with them, and some more.
fn neighbours(
    state: &State<'_>,
    open: &[usize],
    first: usize,
    moved: &[usize],
    random: &mut Random,
) -> Vec<usize> {
    let ends = |unit: usize| {
        let home = state.model.units[unit].home.unwrap_or(NOWHERE);
        [home, state.place[unit]]
            .into_iter()
            .filter(|&n| n != NOWHERE)
    };
    let mut nodes: Bits = ends(first).collect();
    let size = 3 + random.below(NODES - 2);
    for _ in 0..4 * NODES {
        if nodes.count() >= size {
            break;
        }
        let other = moved[random.below(moved.len())];
        if ends(other).any(|node| nodes.contains(node)) {
            ends(other).for_each(|node| nodes.insert(node));
        } else if random.below(2) == 0 {
            nodes.insert(open[random.below(open.len())]);
        }
    }
    nodes.iter().collect()
}

/// Looks for something better among some nodes.
fn among(state: &mut State<'_>, nodes: &[usize], moved: &[usize], budget: &mut Budget<'_>) -> bool {
    let before = state.spent;
    let inside: Bits = nodes.iter().copied().collect();
    let mut base = state.clone();
    for &unit in moved {
        let home = base.model.units[unit].home;
        let from = home.is_none_or(|home| inside.contains(home));
        if from && inside.contains(base.place[unit]) {
            base.take(unit);
            home.into_iter().for_each(|home| base.put(unit, home));
        }
    }
    for &node in nodes {
        for natives in &base.model.natives[node * base.model.resources..][..base.model.resources] {
            for &unit in natives {
                base.settled[unit] = base.place[unit] != node;
            }
        }
    }
    for &unit in moved {
        let home = base.model.units[unit].home;
        if home.is_some() && home == Some(base.place[unit]) {
            base.settled[unit] = false;
        }
    }
    let open: Vec<usize> = nodes.to_vec();
    let mut search = Search::new(base, &open);
    let found = budget.part(STEPS, |budget| search.run(before, false, budget));
    let Some(place) = search.take_best().filter(|_| found == Outcome::Found) else {
        return false;
    };
    for (unit, &node) in place.iter().enumerate() {
        if state.place[unit] != node {
            state.shift(unit, node);
        }
    }
    true
}
