//! The lowest highest load: first of all resources together, then of each by itself as far as the others allow,
//! in the order of the problem; and the fewest moves that lead there. A load is a part of the node's limit.

use super::super::instance::Instance;
use super::super::search::{Budget, Verdict};
use super::fewest::{Effort, Found, fewest};
use super::model::Model;
use super::order::Options;
use super::targets::{Reached, Targets, loads};
use super::{BalanceOutcome, open_nodes, outcome};

/// How often the interval in which the lowest load lies is halved.
const HALVINGS: usize = 12;
/// Loads are counted in such parts of a limit.
const PARTS: u64 = 1_000_000;

/// The answer to `rebalance` with the objective `spread`.
pub fn spread(
    instance: &Instance<'_>,
    options: Options,
    budget: &mut Budget<'_>,
) -> BalanceOutcome {
    let open = open_nodes(instance);
    let model = Model::new(instance, &open.iter().copied().collect());
    let targets = Targets::new(&model);
    let share = budget.left() / 4;
    let (reached, found) = budget.part(share, |b| targets.reach(&model, &open, b));
    if reached != Reached::All {
        let mut answer = outcome(&model, &found, options, budget);
        answer.objective = highest(&model, &open, &answer.placed);
        answer.verdict = match reached {
            Reached::Nothing => Verdict::Unknown,
            _ if model.stuck.is_empty() => Verdict::Feasible,
            _ => Verdict::Infeasible,
        };
        return answer;
    }
    let bounds = bounds(&model, &open);
    let mut spread = Spread {
        model: &model,
        targets: &targets,
        open: &open,
        caps: bounds.iter().map(|_| u64::MAX).collect(),
        best: found,
    };
    let counted = counted(instance);
    let least = counted.iter().map(|&at| bounds[at]).max().unwrap_or(0);
    spread.lower(&counted, least, budget);
    for &resource in &counted {
        spread.lower(&[resource], bounds[resource], budget);
    }
    let target = spread.target(&spread.caps);
    let share = budget.left() / 10 * 8;
    let last = budget.part(share, |b| fewest(&model, &target, &open, Effort::Fewest, b));
    let best = match last.well && last.cost <= spread.best.cost {
        true => &last,
        false => &spread.best,
    };
    let lowest = counted.iter().all(|&at| spread.caps[at] <= bounds[at]);
    let mut answer = outcome(&model, best, options, budget);
    answer.objective = highest(&model, &open, &answer.placed);
    answer.bound = least as f64 / PARTS as f64;
    let fewest = last.well && answer.moves.len() as u64 <= last.bound;
    answer.verdict = match model.stuck.is_empty() {
        true if lowest && fewest && answer.unplaced.is_empty() => Verdict::Optimal,
        true => Verdict::Feasible,
        false => Verdict::Infeasible,
    };
    answer
}

struct Spread<'s, 'm> {
    model: &'s Model<'m>,
    targets: &'s Targets,
    open: &'s [usize],
    /// The highest load that each resource may have on any node, in parts of its limit.
    caps: Vec<u64>,
    /// The best that was found.
    best: Found,
}

impl Spread<'_, '_> {
    /// Lowers the highest load of some resources together, to `least` at best.
    fn lower(&mut self, resources: &[usize], least: u64, budget: &mut Budget<'_>) {
        let mut least = least;
        let reached = self.reached();
        let mut most = resources.iter().map(|&at| reached[at]).max().unwrap_or(0);
        for _ in 0..HALVINGS {
            if least >= most {
                break;
            }
            let middle = least + (most - least) / 2;
            let mut caps = self.caps.clone();
            resources
                .iter()
                .for_each(|&at| caps[at] = caps[at].min(middle));
            let target = self.target(&caps);
            let share = budget.left() / 16;
            let found = budget.part(share, |b| {
                fewest(self.model, &target, self.open, Effort::Any, b)
            });
            if found.well {
                self.best = found;
                let reached = self.reached();
                most = resources.iter().map(|&at| reached[at]).max().unwrap_or(0);
            } else {
                least = middle + 1;
            }
        }
        resources
            .iter()
            .for_each(|&at| self.caps[at] = self.caps[at].min(most));
    }

    /// The highest load of each resource, in parts of its limit, rounded up.
    fn reached(&self) -> Vec<u64> {
        let load = loads(self.model, &self.best.place);
        let n = self.model.resources;
        let highest = |at: usize| {
            let nodes = self.open.iter();
            let parts = nodes
                .map(|&node| parts(load[node * n + at], self.model.instance.limit_of(node)[at]));
            parts.max().unwrap_or(0)
        };
        (0..n).map(highest).collect()
    }

    /// What is to be on each node at most under such caps, and never more than is not contended.
    fn target(&self, caps: &[u64]) -> Vec<u64> {
        let n = self.model.resources;
        let mut target = self.targets.soft.clone();
        for &node in self.open {
            for at in 0..n {
                let limit = u128::from(self.model.instance.limit_of(node)[at]);
                let most = limit * u128::from(caps[at]) / u128::from(PARTS);
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                let base = self.model.base[node * n + at];
                target[node * n + at] = target[node * n + at].min(most.max(base));
            }
        }
        target
    }
}

/// A load as parts of a limit, rounded up.
fn parts(load: u64, limit: u64) -> u64 {
    let parts = (u128::from(load) * u128::from(PARTS)).div_ceil(u128::from(limit.max(1)));
    u64::try_from(parts).unwrap_or(u64::MAX)
}

/// The load that each resource has on some node at least, rounded down: all nodes equally full, nothing but
/// what cannot move, a unit where it takes the smallest part.
fn bounds(model: &Model<'_>, open: &[usize]) -> Vec<u64> {
    let n = model.resources;
    let down = |load: u128, limit: u128| {
        u64::try_from(load * u128::from(PARTS) / limit.max(1)).unwrap_or(u64::MAX)
    };
    let bound = |at: usize| {
        let limit = |node: usize| u128::from(model.instance.limit_of(node)[at]);
        let base = |node: usize| u128::from(model.base[node * n + at]);
        let need: u128 = model
            .units
            .iter()
            .map(|unit| u128::from(unit.need[at]))
            .sum();
        let base_sum: u128 = open.iter().map(|&node| base(node)).sum();
        let even = down(base_sum + need, open.iter().map(|&node| limit(node)).sum());
        let fixed = open.iter().map(|&node| down(base(node), limit(node))).max();
        let units = model
            .units
            .iter()
            .filter(|unit| unit.need[at] > 0)
            .map(|unit| {
                let nodes = unit.allowed.iter();
                let parts =
                    nodes.map(|node| down(base(node) + u128::from(unit.need[at]), limit(node)));
                parts.min().unwrap_or(0)
            });
        even.max(fixed.unwrap_or(0)).max(units.max().unwrap_or(0))
    };
    (0..n).map(bound).collect()
}

/// The resources that are spread: devices are there to be taken.
fn counted(instance: &Instance<'_>) -> Vec<usize> {
    let resources = instance.problem.resources.iter().enumerate();
    resources
        .filter(|(_, it)| !it.device)
        .map(|(at, _)| at)
        .collect()
}

/// The highest load of anything but devices on any node that takes guests.
fn highest(model: &Model<'_>, open: &[usize], placed: &[Option<usize>]) -> f64 {
    let instance = model.instance;
    let n = model.resources;
    let mut load = instance.load.clone();
    for (item, node) in placed.iter().enumerate() {
        if let Some(node) = node {
            super::model::add(&mut load[node * n..], instance.need_of(item));
        }
    }
    let counted = counted(instance);
    let pairs = open
        .iter()
        .flat_map(|&node| counted.iter().map(move |&at| (node, at)));
    let highest = pairs.map(|(node, at)| parts(load[node * n + at], instance.limit_of(node)[at]));
    highest.max().unwrap_or(0) as f64 / PARTS as f64
}
