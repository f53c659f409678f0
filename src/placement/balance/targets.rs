//! What is to be on each node at most: its soft limit, and if that cannot be reached, as little more as was
//! found, down to what the node's limit demands.

use super::super::instance::Instance;
use super::super::search::Budget;
use super::fewest::{Effort, Found, fewest};
use super::model::{Model, NOWHERE, add};
use super::state::{NEVER, State};

/// Soft limits and limits, as far as guests that cannot move leave them a chance.
pub struct Targets {
    /// By node and resource.
    pub soft: Vec<u64>,
    /// The same.
    pub hard: Vec<u64>,
    /// Whether guests that cannot move exceed a soft limit.
    pub is_hopeless: bool,
}

/// How much of it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Nothing is contended.
    All,
    /// All limits are kept, but not all soft ones.
    Limits,
    /// Not even these.
    Nothing,
}

impl Targets {
    /// Those of a question.
    pub fn new(model: &Model<'_>) -> Targets {
        let instance = model.instance;
        let mut now = model.base.clone();
        for unit in &model.units {
            for &item in &unit.items {
                let node = model.from[item];
                add(&mut now[node * model.resources..], instance.need_of(item));
            }
        }
        let mut targets = Targets {
            soft: Vec::with_capacity(now.len()),
            hard: Vec::with_capacity(now.len()),
            is_hopeless: false,
        };
        for (at, (&now, &base)) in now.iter().zip(&model.base).enumerate() {
            let (node, resource) = (at / model.resources, at % model.resources);
            let soft = aim(instance, node, resource);
            let limit = instance.limit_of(node)[resource];
            let hard = if base > limit { now } else { limit };
            targets.hard.push(hard);
            // Where it cannot be reached, it is not to become worse.
            let hopeless = base > soft && instance.is_open(node);
            targets.is_hopeless |= hopeless;
            targets.soft.push(if base > soft {
                base.max(now.min(hard))
            } else {
                soft
            });
        }
        targets
    }

    /// Looks for the fewest moves to the best that can be reached.
    pub fn reach(
        &self,
        model: &Model<'_>,
        open: &[usize],
        budget: &mut Budget<'_>,
    ) -> (Reached, Found) {
        if model.contradicts {
            return (Reached::Nothing, home(model, &self.hard));
        }
        let share = budget.left() / 10 * 7;
        let all = budget.part(share, |b| {
            fewest(model, &self.soft, open, Effort::Fewest, b)
        });
        if all.well {
            let reached = if self.is_hopeless {
                Reached::Limits
            } else {
                Reached::All
            };
            return (reached, all);
        }
        if self.soft != self.hard {
            for target in [self.near(model, &all.place), self.hard.clone()] {
                let share = budget.left() / 2;
                let found = budget.part(share, |b| fewest(model, &target, open, Effort::Fewest, b));
                if found.well {
                    return (Reached::Limits, Found { bound: 0, ..found });
                }
                if target == self.hard {
                    return self.mend(model, open, found, budget);
                }
            }
        }
        self.mend(model, open, all, budget)
    }

    /// As good as a placement is, within all limits.
    fn near(&self, model: &Model<'_>, place: &[usize]) -> Vec<u64> {
        let load = loads(model, place);
        let targets = self.soft.iter().zip(&self.hard).zip(load);
        targets
            .map(|((&soft, &hard), load)| soft.max(load.min(hard)))
            .collect()
    }

    /// If limits cannot be kept: what can be had so that no node that has too much gets more.
    fn mend(
        &self,
        model: &Model<'_>,
        open: &[usize],
        best: Found,
        budget: &mut Budget<'_>,
    ) -> (Reached, Found) {
        let now = loads(model, &home(model, &self.hard).place);
        let then = loads(model, &best.place);
        let least = now.iter().zip(&then).zip(&self.hard);
        let target: Vec<u64> = least
            .map(|((&now, &then), &hard)| hard.max(now.min(then)))
            .collect();
        let found = fewest(model, &target, open, Effort::Any, budget);
        let found = if found.well {
            found
        } else {
            home(model, &self.hard)
        };
        (
            Reached::Nothing,
            Found {
                bound: best.bound,
                ..found
            },
        )
    }
}

/// Nothing moves.
fn home(model: &Model<'_>, target: &[u64]) -> Found {
    let state = State::new(model, target);
    Found {
        place: state.place,
        cost: state.spent,
        well: false,
        bound: NEVER,
    }
}

/// What is on each node if units are where `place` says.
pub fn loads(model: &Model<'_>, place: &[usize]) -> Vec<u64> {
    let mut load = model.base.clone();
    for (unit, &node) in model.units.iter().zip(place) {
        if node != NOWHERE {
            add(&mut load[node * model.resources..], &unit.need);
        }
    }
    load
}

/// Above what a node is contended.
fn aim(instance: &Instance<'_>, node: usize, resource: usize) -> u64 {
    let it = &instance.problem.nodes[node];
    let limit = instance.limit_of(node)[resource];
    match it.soft[resource] < it.limit[resource] {
        true => it.soft[resource].min(limit),
        false => limit,
    }
}

/// Nodes and resources that are contended if items are where `place` says.
pub fn contended(instance: &Instance<'_>, place: &[usize]) -> Vec<(usize, usize)> {
    let n = instance.resources();
    let mut load = instance.load.clone();
    for (item, &node) in place.iter().enumerate() {
        if node != NOWHERE {
            add(&mut load[node * n..], instance.need_of(item));
        }
    }
    let pairs = (0..load.len()).map(|at| (at / n, at % n));
    let pairs = pairs.filter(|&(node, _)| instance.is_up(node));
    pairs
        .filter(|&(node, at)| load[node * n + at] > aim(instance, node, at))
        .collect()
}
