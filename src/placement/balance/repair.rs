//! Where a first answer is hard to find: units are moved and exchanged so that less is too much each time, or
//! little more, without going back at once.

use super::super::search::Budget;
use super::model::NOWHERE;
use super::random::Random;
use super::state::State;

/// Steps for which a unit does not come back to a node.
const TENURE: u64 = 8;
/// Nodes with whose guests a guest is exchanged, at most, in one step.
const PARTNERS: usize = 8;

/// What is too much in all: parts of targets, and 1 for each node on which guests meet that must be apart.
pub fn penalty(state: &State<'_>, node: usize) -> f64 {
    let parts = (0..state.model.resources).map(|at| {
        let target = state.target[node * state.model.resources + at].max(1);
        state.excess(node, at) as f64 / target as f64
    });
    parts.sum::<f64>() + if state.clashes(node) { 1.0 } else { 0.0 }
}

/// What may be done next: a unit goes somewhere, and another comes in its place.
struct Step {
    /// How much worse it gets.
    worse: f64,
    /// Moves that it adds.
    moves: i64,
    unit: usize,
    to: usize,
    back: Option<usize>,
}

impl Step {
    fn is_better(&self, than: &Option<Step>) -> bool {
        than.as_ref().is_none_or(|than| {
            let order = self.worse.total_cmp(&than.worse);
            order.then(self.moves.cmp(&than.moves)).is_lt()
        })
    }
}

/// Looks for a placement in which all is well. The state is left as the best that was seen.
pub fn repair(state: &mut State<'_>, open: &[usize], budget: &mut Budget<'_>) -> bool {
    let model = state.model;
    for unit in model.homeless.clone() {
        if state.place[unit] == NOWHERE {
            let nodes = open
                .iter()
                .filter(|&&n| model.units[unit].allowed.contains(n));
            let emptiest = nodes.min_by(|&&a, &&b| {
                let fullness = |node| state.fullness(unit, node);
                fullness(a).total_cmp(&fullness(b))
            });
            let Some(&node) = emptiest else { return false };
            state.put(unit, node);
        }
    }
    Repair::new(state, open).run(budget)
}

struct Repair<'r, 'm> {
    state: &'r mut State<'m>,
    open: &'r [usize],
    /// The units on each node.
    on: Vec<Vec<usize>>,
    /// What is too much on each node.
    penalties: Vec<f64>,
    /// Where each unit was last, and until when it does not come back.
    left: Vec<(usize, u64)>,
    random: Random,
}

impl<'r, 'm> Repair<'r, 'm> {
    fn new(state: &'r mut State<'m>, open: &'r [usize]) -> Repair<'r, 'm> {
        let mut on: Vec<Vec<usize>> = vec![Vec::new(); state.model.nodes];
        (0..state.place.len()).for_each(|unit| on[state.place[unit]].push(unit));
        Repair {
            penalties: (0..state.model.nodes).map(|n| penalty(state, n)).collect(),
            left: vec![(NOWHERE, 0); state.place.len()],
            on,
            state,
            open,
            random: Random::new(),
        }
    }

    fn run(&mut self, budget: &mut Budget<'_>) -> bool {
        let mut best = (self.penalties.iter().sum::<f64>(), self.state.place.clone());
        let mut now = 0;
        loop {
            let ill = (0..self.penalties.len()).filter(|&n| self.penalties[n] > 0.0);
            let ill: Vec<usize> = ill.collect();
            if ill.is_empty() {
                return true;
            }
            let node = ill[self.random.below(ill.len())];
            let Some(step) = self.choose(node, now, budget) else {
                self.restore(&best.1);
                return false;
            };
            now += 1;
            if let Some(step) = step {
                self.leave(step.unit, step.to, now);
                if let Some(other) = step.back {
                    self.leave(other, node, now);
                }
                for at in [node, step.to] {
                    self.penalties[at] = penalty(self.state, at);
                }
                let sum = self.penalties.iter().sum();
                if sum < best.0 {
                    best = (sum, self.state.place.clone());
                }
            }
        }
    }

    fn restore(&mut self, place: &[usize]) {
        for (unit, &node) in place.iter().enumerate() {
            if self.state.place[unit] != node {
                self.state.shift(unit, node);
            }
        }
    }

    fn leave(&mut self, unit: usize, to: usize, now: u64) {
        let from = self.state.place[unit];
        self.on[from].retain(|&other| other != unit);
        self.on[to].push(unit);
        self.left[unit] = (
            from,
            now + TENURE + self.random.below(TENURE as usize) as u64,
        );
        self.state.shift(unit, to);
    }

    /// The best step away from a node, if there is any; nothing if the work has ended.
    fn choose(&mut self, node: usize, now: u64, budget: &mut Budget<'_>) -> Option<Option<Step>> {
        let mut next: Option<Step> = None;
        let offset = self.random.below(self.open.len().max(1));
        let partners: Vec<usize> = self.open[offset..]
            .iter()
            .chain(&self.open[..offset])
            .take(PARTNERS)
            .copied()
            .collect();
        if !budget.step() {
            return None;
        }
        for &unit in &self.on[node] {
            if self.state.settled[unit] {
                continue;
            }
            for &to in self.open {
                if to == node || !self.may_go(unit, to, now) {
                    continue;
                }
                if !budget.step() {
                    return None;
                }
                let step = weigh(self.state, &self.penalties, unit, to, None);
                if step.is_better(&next) {
                    next = Some(step);
                }
                if !partners.contains(&to) {
                    continue;
                }
                for &other in &self.on[to] {
                    if !self.state.settled[other] && self.may_go(other, node, now) {
                        if !budget.step() {
                            return None;
                        }
                        let step = weigh(self.state, &self.penalties, unit, to, Some(other));
                        if step.is_better(&next) {
                            next = Some(step);
                        }
                    }
                }
            }
        }
        Some(next)
    }

    fn may_go(&self, unit: usize, to: usize, now: u64) -> bool {
        let (left, until) = self.left[unit];
        self.state.model.units[unit].allowed.contains(to) && (left != to || until < now)
    }
}

/// What a step would bring.
fn weigh(
    state: &mut State<'_>,
    penalties: &[f64],
    unit: usize,
    to: usize,
    back: Option<usize>,
) -> Step {
    let node = state.place[unit];
    let before = state.spent.moves;
    state.shift(unit, to);
    back.into_iter().for_each(|other| state.shift(other, node));
    let now = penalty(state, node) + penalty(state, to);
    let moves = state.spent.moves as i64 - before as i64;
    back.into_iter().for_each(|other| state.shift(other, to));
    state.shift(unit, node);
    Step {
        worse: now - penalties[node] - penalties[to],
        moves,
        unit,
        to,
        back,
    }
}
