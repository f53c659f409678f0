//! Moving guests that run: as few as can be until no node is contended and no rule is broken, towards the lowest
//! load, or onto the fewest nodes; and the order in which it can be done.
//!
//! Of each resource, a node is contended if there is more on it than its soft limit, or its limit if that is
//! all there is. `fewest` finds where guests are to be, on `model`, by a first answer (`greedy`, `repair`), a
//! better one (`improve`) and a proof (`exact`); `order` says when each move is made.

mod detour;
mod exact;
mod fewest;
mod greedy;
mod improve;
mod model;
mod order;
mod pack;
mod random;
mod repair;
mod simulate;
mod site;
mod spread;
mod state;
mod targets;

pub use order::{AT_ONCE, Hop, Options, Plan, order};
pub use pack::Hint;
pub use simulate::{Flaw, simulate};

use super::bits::Bits;
use super::instance::Instance;
use super::problem::{Objective, Task};
use super::search::{Budget, Verdict};
use fewest::Found;
use model::{Model, NOWHERE};
use state::NEVER;
use targets::{Reached, Targets};

/// How often another placement is looked for, if there is no way to the one that was found.
const OTHER_PLACEMENTS: usize = 6;

/// A move of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The guest, by its number in the problem.
    pub guest: usize,
    /// The node that it leaves.
    pub from: usize,
    /// The node that it goes to.
    pub to: usize,
    /// Bytes of volumes that are copied.
    pub bytes: u64,
    /// When: from 1; what has the same number can be done at the same time.
    pub step: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct BalanceOutcome {
    /// How sure it is. `Infeasible`: there is a proof that limits and rules cannot all be kept; what can be
    /// mended still is.
    pub verdict: Verdict,
    /// Where each item is after all moves.
    pub placed: Vec<Option<usize>>,
    /// By step, then by guest. A guest that goes to a third node for a while is in more than one.
    pub moves: Vec<Move>,
    /// Guests, by their number in the problem, that are not where they should be: because they can be
    /// nowhere, or because no way was found.
    pub unplaced: Vec<usize>,
    /// Nodes and resources that are contended after all moves.
    pub contended: Vec<(usize, usize)>,
    /// `fewest-moves`: moves; `spread`: the highest load as a part of its limit; `pack`: nodes in use.
    pub objective: f64,
    /// What it is at least, whatever is done.
    pub bound: f64,
}

impl BalanceOutcome {
    /// The moves as of items.
    pub fn hops(&self, instance: &Instance<'_>) -> Vec<Hop> {
        let hop = |it: &Move| {
            Some(Hop {
                item: instance.item_of[it.guest]?,
                from: it.from,
                to: it.to,
                step: it.step,
            })
        };
        self.moves.iter().filter_map(hop).collect()
    }
}

/// Answers the tasks `rebalance` and `pack` on an instance made by [`Instance::balancing`].
pub fn balance(
    instance: &Instance<'_>,
    options: Options,
    hint: Option<&Hint>,
    budget: &mut Budget<'_>,
) -> BalanceOutcome {
    let problem = instance.problem;
    match (problem.task, problem.policy.objective) {
        (Task::Pack, _) | (_, Some(Objective::Pack)) => pack::pack(instance, options, hint, budget),
        (_, Some(Objective::Spread)) => spread::spread(instance, options, budget),
        _ => moves_away(instance, options, budget),
    }
}

/// The fewest moves after which nothing is contended, and if that cannot be, less is.
fn moves_away(
    instance: &Instance<'_>,
    options: Options,
    budget: &mut Budget<'_>,
) -> BalanceOutcome {
    let open = open_nodes(instance);
    let mut model = Model::new(instance, &open.iter().copied().collect());
    let targets = Targets::new(&model);
    let share = budget.left() / 2;
    let (reached, found) = budget.part(share, |b| targets.reach(&model, &open, b));
    let mut best = outcome(&model, &found, options, budget);
    let blocked = model.units_of(&best.unplaced);
    for unit in blocked.into_iter().take(OTHER_PLACEMENTS) {
        // There is no way there, so perhaps there is one to where this unit is elsewhere.
        let node = found.place[unit];
        model.units[unit].allowed.remove(node);
        let share = budget.left() / 4;
        let (again, found) = budget.part(share, |b| targets.reach(&model, &open, b));
        model.units[unit].allowed.insert(node);
        if again == reached {
            let other = outcome(&model, &found, options, budget);
            if other.unplaced.len() < best.unplaced.len() {
                best = other;
            }
        }
        if best.unplaced.len() == model.stuck.len() {
            break;
        }
    }
    best.objective = best.moves.len() as f64;
    best.bound = if found.bound == NEVER {
        0.0
    } else {
        found.bound as f64
    };
    best.verdict = match reached {
        Reached::Nothing if found.bound == NEVER => Verdict::Infeasible,
        Reached::Nothing => Verdict::Unknown,
        _ if !model.stuck.is_empty() => Verdict::Infeasible,
        Reached::All if best.unplaced.is_empty() && best.objective <= best.bound => {
            Verdict::Optimal
        }
        _ => Verdict::Feasible,
    };
    best
}

/// The nodes that take guests.
fn open_nodes(instance: &Instance<'_>) -> Vec<usize> {
    (0..instance.nodes())
        .filter(|&node| instance.is_open(node))
        .collect()
}

/// The moves to what was found, in their order. Objective, bound and verdict are left to the caller.
fn outcome(
    model: &Model<'_>,
    found: &Found,
    options: Options,
    budget: &mut Budget<'_>,
) -> BalanceOutcome {
    let instance = model.instance;
    let mut to = model.from.clone();
    for (unit, &node) in model.units.iter().zip(&found.place) {
        if node != NOWHERE {
            unit.items.iter().for_each(|&item| to[item] = node);
        }
    }
    let share = budget.left() / 2;
    let plan = budget.part(share, |b| order(instance, &model.from, &to, options, b));
    let mut place = model.from.clone();
    plan.hops.iter().for_each(|hop| place[hop.item] = hop.to);
    let moves = plan.hops.iter().map(|hop| {
        let guest = instance.guests[hop.item];
        Move {
            guest,
            from: hop.from,
            to: hop.to,
            bytes: instance.problem.guests[guest].bytes(),
            step: hop.step,
        }
    });
    let unplaced: Bits = model.stuck.iter().chain(&plan.stranded).copied().collect();
    BalanceOutcome {
        verdict: Verdict::Unknown,
        moves: moves.collect(),
        unplaced: unplaced.iter().map(|item| instance.guests[item]).collect(),
        contended: targets::contended(instance, &place),
        placed: place.into_iter().map(Some).collect(),
        objective: 0.0,
        bound: 0.0,
    }
}
