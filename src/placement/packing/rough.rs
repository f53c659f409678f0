//! Column generation on the rough linear program, and decisions taken from it: enough for good duals
//! and for the greater part of a big packing.

use std::collections::BTreeSet;

use super::first_order::FirstOrder;
use super::model::{Model, Pattern};
use super::oracle::{Oracle, Prices};
use super::work::Work;

/// Patterns that cost this much more than they are worth are forgotten.
const FAR: f64 = 0.1;

/// Branches around each type to begin with; the fewest, when they cost too much; what is as good as
/// all; and how many sweeps the work left should be enough for.
const BRANCHES: usize = 100;
const FEW: usize = 6;
const MANY: usize = 1600;
const SWEEPS: u64 = 25;

/// Patterns, and the program over them.
#[derive(Debug, Clone)]
pub struct Rough {
    program: FirstOrder,
    pub patterns: Vec<Pattern>,
    known: BTreeSet<Pattern>,
    /// Branches that a sweep may look at around each type.
    branches: usize,
}

fn right(model: &Model) -> Vec<f64> {
    let mut right: Vec<f64> = model.demand.iter().map(|&n| f64::from(n)).collect();
    if !model.unlimited {
        right.extend(model.classes.iter().map(|class| -(class.count as f64)));
    }
    right
}

fn entries(model: &Model, pattern: &Pattern) -> Vec<(u32, f64)> {
    let mut entries: Vec<(u32, f64)> = pattern
        .items
        .iter()
        .map(|&(kind, n)| (kind as u32, f64::from(n)))
        .collect();
    if !model.unlimited {
        entries.push(((model.types() + pattern.class) as u32, -1.0));
    }
    entries
}

impl Rough {
    /// Begins with patterns that are known; their items' sizes are the first duals.
    pub fn new(model: &Model, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let even = |kind| model.share(0, kind).iter().sum::<f64>() / model.dimensions as f64;
        let mut dual: Vec<f64> = (0..model.types()).map(even).collect();
        dual.resize(right(model).len(), 0.0);
        let program = FirstOrder::new(right(model), dual);
        let mut rough = Self {
            program,
            patterns: Vec::new(),
            known: BTreeSet::new(),
            branches: BRANCHES,
        };
        if !model.unlimited {
            // An item left over costs more than all bins.
            let cost = model.classes.iter().map(|class| class.count).sum::<usize>() + 1;
            for kind in 0..model.types() {
                rough.program.add(&[(kind as u32, 1.0)], cost as f64, 0.0);
            }
        }
        for pattern in patterns {
            rough.add(model, pattern, 0.0);
        }
        rough
    }

    fn add(&mut self, model: &Model, pattern: Pattern, level: f64) -> bool {
        if !self.known.insert(pattern.clone()) {
            return false;
        }
        self.program.add(&entries(model, &pattern), 1.0, level);
        self.patterns.push(pattern);
        true
    }

    /// Variables that stand before the patterns: items left over.
    fn first(&self) -> usize {
        self.program.primal.len() - self.patterns.len()
    }

    pub fn worth(&self) -> f64 {
        self.program.worth()
    }

    pub fn values<'a>(&'a self, model: &Model) -> &'a [f64] {
        &self.program.dual[..model.types()]
    }

    /// Learns patterns, in at most so many rounds; ends early once more would not move the bound
    /// that its value rounds up to, or if its value is at a known bound.
    pub fn learn(
        &mut self,
        model: &Model,
        oracle: &mut Oracle,
        rounds: usize,
        bound: u64,
        work: &mut Work,
    ) {
        for round in 0..rounds {
            let epochs = if round < 10 { 1 } else { 2 };
            if !self.program.run(epochs, work) {
                return;
            }
            if self.worth() <= bound as f64 + 1e-3 && self.program.is_settled() {
                return;
            }
            let mut classes = self.program.dual[model.types()..].to_vec();
            classes.resize(model.classes.len(), 0.0);
            let values = &self.program.dual[..model.types()];
            let prices = Prices {
                values,
                classes: &classes,
            };
            let before = work.taken();
            let offers = oracle.sweep(model, &model.demand, prices, 0.02, self.branches, work);
            let dear = (work.taken() - before).saturating_mul(SWEEPS) > work.left();
            let most = offers.first().map_or(0.0, |offer| offer.0.max(0.0));
            let mut added = 0;
            for (_, pattern) in offers {
                added += usize::from(self.add(model, pattern, 0.0));
            }
            let worth = self.worth();
            // More would not move the bound, as far as the sweep can see; or it sees little.
            let settled = model.unlimited && (worth / (1.0 + most)).ceil() >= (worth - 1e-3).ceil();
            if dear {
                self.branches = (self.branches / 3).max(FEW);
            } else if settled || added * 50 < model.types() {
                if self.branches >= MANY {
                    return;
                }
                self.branches *= 4;
            }
            if dear && settled {
                return;
            }
            if self.patterns.len() > 6 * model.types() + 500 {
                self.forget(model);
            }
        }
    }

    pub fn extend(&mut self, model: &Model, patterns: Vec<Pattern>) -> bool {
        let mut any = false;
        for pattern in patterns {
            any |= self.add(model, pattern, 0.0);
        }
        any
    }

    /// Keeps what is used or worth its cost, about.
    fn forget(&mut self, model: &Model) {
        let first = self.first();
        let keeps = |j: usize| self.program.primal[j] > 1e-6 || self.program.saves(j) > -FAR;
        let kept: Vec<usize> = (0..self.patterns.len())
            .filter(|&j| keeps(first + j))
            .collect();
        *self = self.subset(model, &kept);
    }

    fn subset(&self, model: &Model, kept: &[usize]) -> Self {
        let mut rough = Self::new(model, []);
        rough.program.dual.clone_from(&self.program.dual);
        rough.program.weight = self.program.weight;
        rough.branches = self.branches;
        let first = self.first();
        rough
            .program
            .primal
            .copy_from_slice(&self.program.primal[..first]);
        for &j in kept {
            rough.add(
                model,
                self.patterns[j].clone(),
                self.program.primal[first + j],
            );
        }
        rough
    }

    /// Patterns that save at least `-cost`.
    pub fn near(&self, cost: f64) -> Vec<Pattern> {
        let first = self.first();
        let near = |&(j, _): &(usize, &Pattern)| self.program.saves(first + j) > -cost;
        self.patterns
            .iter()
            .enumerate()
            .filter(near)
            .map(|(_, p)| p.clone())
            .collect()
    }

    /// Decides on the patterns used most, until they hold at least `items` items; takes them out of
    /// the model and out of the program. `noise` shakes the order.
    pub fn decide(
        &mut self,
        model: &mut Model,
        items: u64,
        noise: u32,
        decided: &mut Vec<Pattern>,
    ) {
        let first = self.first();
        let mut ranked: Vec<(f64, usize)> = self.program.primal[first..]
            .iter()
            .enumerate()
            .filter(|&(_, &level)| level > 1e-3)
            .map(|(j, &level)| (level * shake(j, noise), j))
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut held = 0;
        for (level, j) in ranked {
            if held >= items && level < 0.9 {
                break;
            }
            let pattern = &self.patterns[j];
            let mut times = (level + 0.1).floor().max(1.0) as usize;
            while times > 0
                && model.classes[pattern.class].count > 0
                && pattern
                    .items
                    .iter()
                    .all(|&(kind, n)| model.demand[kind] >= n)
            {
                for &(kind, n) in &pattern.items {
                    model.demand[kind] -= n;
                    held += u64::from(n);
                }
                model.classes[pattern.class].count -= 1;
                decided.push(pattern.clone());
                times -= 1;
            }
        }
        let possible = |pattern: &Pattern| {
            model.classes[pattern.class].count > 0
                && pattern
                    .items
                    .iter()
                    .all(|&(kind, n)| model.demand[kind] >= n)
        };
        let kept: Vec<usize> = (0..self.patterns.len())
            .filter(|&j| possible(&self.patterns[j]))
            .collect();
        *self = self.subset(model, &kept);
    }
}

/// About 1; another for each round of noise, and 1 without.
fn shake(j: usize, noise: u32) -> f64 {
    let mixed = (j as u32 ^ noise.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
    let mixed = (mixed ^ mixed >> 13).wrapping_mul(0xC2B2_AE35);
    let part = f64::from(mixed >> 16) / 65536.0;
    if noise == 0 { 1.0 } else { 1.0 - 0.3 * part }
}
