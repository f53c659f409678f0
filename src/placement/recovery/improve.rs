//! A better spread by small steps: a unit leaves the node that is loaded highest, or changes places with
//! a smaller one, as long as no node becomes as full as that one was, no rank is lost and no soft limit
//! broken.

use super::allowance::Limits;
use super::loads::{Loads, Part};
use super::state::State;
use crate::placement::search::Budget;

/// Moves on until nothing is better, or the steps are spent.
pub(super) fn spread(
    state: &mut State<'_>,
    loads: &Loads,
    limits: &Limits,
    budget: &mut Budget<'_>,
) {
    let mut best = (loads.vector(state.model, &state.room), state.at.clone());
    let cost = 1 + (state.model.nodes / 16 + state.model.units / 64) as u64;
    for _ in 0..4 * state.model.units + 64 {
        if !budget.steps(cost) {
            break;
        }
        let mut resources: Vec<(Part, usize)> = (0..loads.counts.len())
            .filter(|&r| loads.counts[r])
            .map(|r| (loads.highest(state.model, &state.room, r), r))
            .collect();
        resources.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let better = (0..resources.len()).find_map(|at| {
            let cooling = Cooling {
                state,
                loads,
                limits,
                highest: &resources,
                hot: resources[at].0,
                r: resources[at].1,
            };
            cooling.find(budget)
        });
        let Some(step) = better else { break };
        let to = step.to;
        match step.other {
            Some(other) => state.swap(step.unit, other),
            None => state.go(step.unit, to),
        }
        let vector = loads.vector(state.model, &state.room);
        if vector < best.0 {
            best = (vector, state.at.clone());
        }
    }
    state.restore(&best.1);
}

/// A unit goes to another node, and maybe another comes for it.
struct Step {
    unit: usize,
    to: usize,
    other: Option<usize>,
}

/// The search for a step that cools the hottest node of a resource.
struct Cooling<'a, 'm> {
    state: &'a State<'m>,
    loads: &'a Loads,
    limits: &'a Limits,
    /// The highest load of each resource that counts.
    highest: &'a [(Part, usize)],
    hot: Part,
    r: usize,
}

impl Cooling<'_, '_> {
    fn find(&self, budget: &mut Budget<'_>) -> Option<Step> {
        let (state, model) = (self.state, self.state.model);
        let n = model.resources.len();
        let part = |node| self.loads.part(model, &state.room, node, self.r);
        let counted = |&&node: &&usize| model.limit[node * n + self.r] > 0;
        let mut nodes = self.loads.open.iter().filter(counted);
        let hottest = *nodes.find(|&&node| part(node) == self.hot)?;
        let need = |unit: usize| model.need[unit * n + self.r];
        let mut units: Vec<usize> = state.on[hottest].clone();
        units.retain(|&unit| need(unit) > 0);
        units.sort_by(|&a, &b| need(b).cmp(&need(a)).then(a.cmp(&b)));
        if units.is_empty() {
            return None;
        }
        let mut cool: Vec<(Part, usize)> = self.loads.open.iter().map(|&n| (part(n), n)).collect();
        cool.retain(|(part, node)| *part < self.hot && *node != hottest);
        cool.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut best: Option<(Part, Step)> = None;
        for &unit in &units {
            for &(_, to) in &cool {
                if !budget.step() {
                    return None;
                }
                if let Some(after) = self.try_step(hottest, unit, to, None) {
                    if best.as_ref().is_none_or(|(least, _)| after < *least) {
                        let other = None;
                        best = Some((after, Step { unit, to, other }));
                    }
                    break;
                }
            }
        }
        if best.is_some() {
            return best.map(|best| best.1);
        }
        for &unit in &units {
            for &(_, to) in &cool {
                for &other in state.on[to].iter().filter(|&&o| need(o) < need(unit)) {
                    if !budget.step() {
                        return None;
                    }
                    if let Some(after) = self.try_step(hottest, unit, to, Some(other)) {
                        if best.as_ref().is_none_or(|(least, _)| after < *least) {
                            let other = Some(other);
                            best = Some((after, Step { unit, to, other }));
                        }
                    }
                }
                if best.is_some() {
                    return best.map(|best| best.1);
                }
            }
        }
        None
    }

    /// The higher load of the two nodes after the step, if that can be and is better.
    fn try_step(&self, from: usize, unit: usize, to: usize, other: Option<usize>) -> Option<Part> {
        let (state, model) = (self.state, self.state.model);
        if !state.may(unit, to, other) || other.is_some_and(|o| !state.may(o, from, Some(unit))) {
            return None;
        }
        if model.is_ranked() {
            let gain = model.rank(unit, from) + other.map_or(0, |o| model.rank(o, to));
            if model.rank(unit, to) + other.map_or(0, |o| model.rank(o, from)) > gain {
                return None;
            }
        }
        let (mut here, mut there) = (Vec::new(), Vec::new());
        if !state.after(to, Some(unit), other, &mut there)
            || !state.after(from, other, Some(unit), &mut here)
        {
            return None;
        }
        let n = model.resources.len();
        let part = |node: usize, room: &[u64], r: usize| Part {
            load: self.loads.load_with(model, room[r], node, r),
            limit: model.limit[node * n + r].max(1),
        };
        for &(highest, r) in self.highest {
            for (node, room) in [(from, &here), (to, &there)] {
                let after = part(node, room, r);
                if after >= self.hot && (r == self.r || after > highest) {
                    return None;
                }
            }
        }
        if !self.limits.floor.is_empty() {
            let broken = |room: &[u64], node: usize| {
                let floor = self.limits.floor[node * n..].iter();
                floor.zip(room).filter(|(floor, room)| room < floor).count()
            };
            let before = |node: usize| broken(&state.room[node * n..][..n], node);
            if broken(&here, from) + broken(&there, to) > before(from) + before(to) {
                return None;
            }
        }
        let (here, there) = (part(from, &here, self.r), part(to, &there, self.r));
        Some(here.max(there))
    }
}
