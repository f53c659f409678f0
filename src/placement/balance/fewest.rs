//! The fewest moves after which nothing is too much anywhere: a first answer, a better one, and then either a
//! proof that it is the best or one that takes its place.

use super::super::search::Budget;
use super::exact::{Outcome, Search};
use super::greedy::{Fit, fill};
use super::improve::improve;
use super::model::{Cost, Model};
use super::repair::repair;
use super::state::{NEVER, State};

/// What was found.
pub struct Found {
    /// Where each unit is to be; if it is not all well, the best that was seen.
    pub place: Vec<usize>,
    /// What it costs.
    pub cost: Cost,
    /// Whether all is well then.
    pub well: bool,
    /// Moves that it takes at least; [`NEVER`] if none are enough, which is proved.
    pub bound: u64,
}

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Any placement will do in which all is well.
    Any,
    /// The fewest moves.
    Fewest,
}

/// Looks for the fewest moves.
pub fn fewest(
    model: &Model<'_>,
    target: &[u64],
    open: &[usize],
    effort: Effort,
    budget: &mut Budget<'_>,
) -> Found {
    let start = State::new(model, target);
    let mut bound = Search::new(start.clone(), open).bound();
    if lacks_room(model, target, open) || model.contradicts {
        bound = NEVER;
    }
    let mut best = first(&start, open, bound, budget);
    if best.is_none() && bound != NEVER {
        let mut search = Search::new(start.clone(), open);
        let all = Cost {
            moves: NEVER,
            bytes: 0,
        };
        match budget.part(budget.left() / 4, |b| search.run(all, false, b)) {
            Outcome::Exhausted => bound = NEVER,
            _ => best = search.take_best().map(|place| placed(&start, &place)),
        }
    }
    if best.is_none() {
        let mut state = start.clone();
        let well = budget.part(budget.left() / 2, |b| repair(&mut state, open, b));
        if !well {
            return found(&state, false, bound);
        }
        best = Some(state);
    }
    let Some(mut state) = best else {
        return found(&start, false, bound);
    };
    if effort == Effort::Fewest && state.spent.moves > bound {
        budget.part(budget.left() / 3, |b| improve(&mut state, open, bound, b));
        bound = prove(&start, &mut state, open, bound, budget);
    }
    if effort == Effort::Fewest && state.spent.moves == bound {
        lighten(&start, &mut state, open, budget);
    }
    found(&state, true, bound)
}

fn found(state: &State<'_>, well: bool, bound: u64) -> Found {
    Found {
        place: state.place.clone(),
        cost: state.spent,
        well,
        bound,
    }
}

/// The state in which units are where `place` says.
fn placed<'m>(start: &State<'m>, place: &[usize]) -> State<'m> {
    let mut state = start.clone();
    for (unit, &node) in place.iter().enumerate() {
        if state.place[unit] != node {
            state.shift(unit, node);
        }
    }
    state
}

/// Whether the nodes have less of something than all units need.
fn lacks_room(model: &Model<'_>, target: &[u64], open: &[usize]) -> bool {
    (0..model.resources).any(|resource| {
        let room = open.iter().map(|&node| {
            let at = node * model.resources + resource;
            u128::from(target[at].saturating_sub(model.base[at]))
        });
        let need = model
            .units
            .iter()
            .map(|unit| u128::from(unit.need[resource]));
        need.sum::<u128>() > room.sum()
    })
}

/// A first answer.
fn first<'m>(
    start: &State<'m>,
    open: &[usize],
    bound: u64,
    budget: &mut Budget<'_>,
) -> Option<State<'m>> {
    let mut best: Option<State<'m>> = None;
    for fit in [Fit::Best, Fit::Worst] {
        if best.as_ref().is_some_and(|best| best.spent.moves <= bound) {
            break;
        }
        let mut state = start.clone();
        let share = budget.left() / 4;
        if budget.part(share, |b| fill(&mut state, open, fit, b))
            && best.as_ref().is_none_or(|best| state.spent < best.spent)
        {
            best = Some(state);
        }
    }
    best
}

/// Looks for less, beginning with what is needed at least; returns what is known to be needed.
fn prove<'m>(
    start: &State<'m>,
    best: &mut State<'m>,
    open: &[usize],
    bound: u64,
    budget: &mut Budget<'_>,
) -> u64 {
    let mut bound = bound;
    let mut search = Search::new(start.clone(), open);
    while bound < best.spent.moves {
        let below = Cost {
            moves: bound + 1,
            bytes: 0,
        };
        match budget.part(budget.left() / 2, |b| search.run(below, false, b)) {
            Outcome::Exhausted => bound += 1,
            Outcome::Stopped => break,
            Outcome::Found => {
                if let Some(place) = search.take_best() {
                    *best = placed(start, &place);
                }
            }
        }
    }
    bound
}

/// Looks for fewer bytes with as many moves.
fn lighten<'m>(start: &State<'m>, best: &mut State<'m>, open: &[usize], budget: &mut Budget<'_>) {
    let mut search = Search::new(start.clone(), open);
    budget.part(budget.left() / 4, |b| search.run(best.spent, true, b));
    if let Some(place) = search.take_best() {
        *best = placed(start, &place);
    }
}
