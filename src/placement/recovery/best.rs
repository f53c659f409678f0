//! The best placement, once there is any: each aim in its turn is made as good as it can be, and kept while
//! the next one is looked at. What is not proved in the steps that are there stays an answer without a proof.

use super::allowance::Limits;
use super::exact::{End, Search};
use super::greedy::{self, Choice, Order};
use super::improve;
use super::leximax;
use super::loads::Loads;
use super::model::{Model, each};
use super::state::State;
use crate::placement::instance::Instance;
use crate::placement::problem::Objective;
use crate::placement::search::Budget;

/// A placement of all units.
pub(super) struct Best {
    pub at: Vec<Option<usize>>,
    pub objective: f64,
    pub bound: f64,
    /// Whether there is a proof that none is better.
    pub proved: bool,
}

/// What is being worked on: a model in which the aims that were reached are constraints.
pub(super) struct Work {
    pub model: Model,
    pub limits: Limits,
    pub at: Vec<Option<usize>>,
    /// Whether all aims so far are proved to be reached.
    pub proved: bool,
}

impl Work {
    /// A placement within the limits.
    pub fn within(&self, model: &Model, limits: &Limits, budget: &mut Budget<'_>) -> End {
        // A pass is as dear as many steps of a search: there may be no room for another.
        if budget.left() < model.cost() {
            End::Stopped
        } else if limits.is_void() {
            super::any(model, budget)
        } else {
            Search::new(model, limits).run(budget)
        }
    }
}

/// The best placement, from any.
pub(super) fn best(
    instance: &Instance<'_>,
    model: &Model,
    at: Vec<Option<usize>>,
    objective: Objective,
    budget: &mut Budget<'_>,
) -> Best {
    let mut work = Work {
        model: model.clone(),
        limits: Limits::default(),
        at,
        proved: true,
    };
    let steps = budget.left();
    budget.part(steps / 4, |part| ranks(&mut work, part));
    // Where fewer ranks might yet be found, more soft limits might be broken for them.
    let ranked = work.proved;
    match objective {
        Objective::FewestMoves => Best {
            at: work.at,
            objective: 0.0,
            bound: 0.0,
            proved: work.proved,
        },
        Objective::Pack => {
            let (objective, bound) = pack(instance, &mut work, budget);
            Best {
                at: work.at,
                objective,
                bound,
                proved: work.proved,
            }
        }
        Objective::Spread => {
            budget.part(steps / 4, |part| soft(instance, &mut work, part));
            let loads = Loads::new(instance, &work.model);
            spread(&mut work, &loads, budget);
            let (objective, mut bound) = leximax::prove(&mut work, &loads, budget);
            if !ranked {
                bound = Loads::new(instance, model).bound(model);
            }
            Best {
                at: work.at,
                objective,
                bound: bound.min(objective),
                proved: work.proved,
            }
        }
    }
}

/// The lowest sum of ranks.
fn ranks(work: &mut Work, budget: &mut Budget<'_>) {
    let model = &work.model;
    if !model.is_ranked() {
        return;
    }
    let mut kept = model.clone();
    kept.keep_best();
    let steps = budget.left() / 2;
    if let End::Found(at) = budget.part(steps, |part| super::any(&kept, part)) {
        (work.model, work.at) = (kept, at);
        return;
    }
    let least = |unit| {
        each(model.domain(unit))
            .map(|node| model.rank(unit, node))
            .min()
    };
    work.limits.least = (0..model.units)
        .map(|unit| least(unit).unwrap_or(0))
        .collect();
    let least: u64 = work.limits.least.iter().map(|&rank| u64::from(rank)).sum();
    loop {
        let placed = work.at.iter().enumerate();
        let ranks = placed.filter_map(|(unit, node)| Some(model.rank(unit, (*node)?)));
        let sum: u64 = ranks.map(u64::from).sum();
        work.limits.left.rank = sum - least;
        let mut limits = work.limits.clone();
        let Some(fewer) = (sum - least).checked_sub(1) else {
            return;
        };
        limits.left.rank = fewer;
        match work.within(model, &limits, budget) {
            End::Found(at) => work.at = at,
            End::None => return,
            End::Stopped => {
                work.proved = false;
                return;
            }
        }
    }
}

/// The fewest broken soft limits.
fn soft(instance: &Instance<'_>, work: &mut Work, budget: &mut Budget<'_>) {
    let model = &work.model;
    let mut floor = Vec::with_capacity(model.room.len());
    for node in 0..model.nodes {
        let soft = &instance.problem.nodes[node].soft;
        let (limit, load) = (instance.limit_of(node), instance.load_of(node));
        floor.extend(model.resources.iter().map(|&r| match load[r] <= soft[r] {
            true => limit[r].saturating_sub(soft[r]),
            false => 0,
        }));
    }
    if floor.iter().all(|&floor| floor == 0) {
        return;
    }
    let mut kept = model.clone();
    for (room, floor) in kept.room.iter_mut().zip(&floor) {
        *room = room.saturating_sub(*floor);
    }
    let steps = budget.left() / 2;
    let end = budget.part(steps, |part| work.within(&kept, &work.limits, part));
    if let End::Found(at) = end {
        (work.model, work.at) = (kept, at);
        return;
    }
    work.limits.floor = floor;
    loop {
        let Some(state) = State::new(model, &work.at) else {
            return;
        };
        work.limits.left.overs = state.overs(&work.limits);
        let mut limits = work.limits.clone();
        match limits.left.overs.checked_sub(1) {
            None => return,
            Some(0) if end == End::None => return,
            Some(fewer) => limits.left.overs = fewer,
        }
        match work.within(model, &limits, budget) {
            End::Found(at) => work.at = at,
            End::None => return,
            End::Stopped => {
                work.proved = false;
                return;
            }
        }
    }
}

/// A good spread: by passes that take the emptiest node, and small steps from there.
fn spread(work: &mut Work, loads: &Loads, budget: &mut Budget<'_>) {
    let model = &work.model;
    let mut best = None;
    let allowed = |state: &State<'_>| {
        let rank = state.rank(&work.limits);
        rank <= work.limits.left.rank && state.overs(&work.limits) <= work.limits.left.overs
    };
    let orders = [Order::Biggest, Order::Constrained, Order::Mixed];
    for order in orders.map(Some).into_iter().chain([None]) {
        let made = match order {
            Some(_) if !budget.steps(model.cost()) => continue,
            Some(order) => {
                let order = greedy::order(model, order);
                greedy::pass(model, &order, Choice::Emptiest, true).at
            }
            None => work.at.clone(),
        };
        let Some(mut state) = State::new(model, &made).filter(allowed) else {
            continue;
        };
        let steps = budget.left() / 16;
        budget.part(steps, |part| {
            improve::spread(&mut state, loads, &work.limits, part)
        });
        let vector = loads.vector(model, &state.room);
        if best.as_ref().is_none_or(|(least, _)| vector < *least) {
            best = Some((vector, state.at));
        }
    }
    if let Some((_, at)) = best {
        work.at = at.into_iter().map(Some).collect();
    }
}

/// The fewest nodes in use, and how few they can be at the least.
fn pack(instance: &Instance<'_>, work: &mut Work, budget: &mut Budget<'_>) -> (f64, f64) {
    let model = &work.model;
    let idle = idle(instance);
    let taken = (0..model.nodes)
        .filter(|&n| instance.is_open(n) && !idle[n])
        .count();
    let mut limits = Limits {
        idle,
        ..work.limits.clone()
    };
    let used = |at: &[Option<usize>], limits: &Limits| {
        let mut used = vec![false; model.nodes];
        for (unit, node) in at.iter().enumerate() {
            if let Some(node) = node.filter(|_| model.need_of(unit).iter().any(|&n| n > 0)) {
                used[node] |= limits.idle[node];
            }
        }
        used.iter().filter(|used| **used).count() as u64
    };
    // From below: how few might do. The first number that does is the best.
    let most = used(&work.at, &limits);
    let (mut least, mut enough) = (0, most);
    while least < enough && budget.steps(model.cost()) {
        limits.left.nodes = least.midpoint(enough);
        match Search::new(model, &limits).is_promising() {
            true => enough = limits.left.nodes,
            false => least = limits.left.nodes + 1,
        }
    }
    let mut sure = true;
    let first = least;
    for nodes in first..most {
        limits.left.nodes = nodes;
        let steps = budget.left() / 2;
        if steps < model.cost() {
            break;
        }
        match budget.part(steps, |part| Search::new(model, &limits).run(part)) {
            End::Found(at) => {
                work.at = at;
                break;
            }
            End::None if sure => least = nodes + 1,
            End::None => {}
            End::Stopped => sure = false,
        }
    }
    let found = used(&work.at, &limits);
    let ranked = work.proved;
    work.proved &= found <= least;
    let base = taken as f64;
    (
        base + found as f64,
        if ranked { base + least as f64 } else { base },
    )
}

/// The nodes on which no guest is charged that stays.
fn idle(instance: &Instance<'_>) -> Vec<bool> {
    let mut idle: Vec<bool> = (0..instance.nodes()).map(|n| instance.is_open(n)).collect();
    for (guest, it) in instance.problem.guests.iter().enumerate() {
        let stays = it.node.filter(|_| instance.item_of[guest].is_none());
        if let Some(node) = stays.filter(|_| instance.charge(guest).iter().any(|&c| c > 0)) {
            idle[node] = false;
        }
    }
    idle
}
