//! How the parts work together: rules, then linear programs, then dives, until the packing meets the
//! bound or the work ends.

use std::collections::BTreeSet;

use super::dive;
use super::exchange;
use super::full;
use super::generation::Generation;
use super::greedy::{self, FITS, Rule};
use super::lower;
use super::model::{Model, Pattern};
use super::oracle::Oracle;
use super::rough::Rough;
use super::work::Work;

/// Types up to which the linear program is solved exactly.
const SMALL: usize = 130;
/// Items that are decided at once on the rough program: this part of those left.
const PART: u64 = 8;

/// Items per bin from which exchange comes before linear programs.
const MANY: u64 = 3;

/// What a search has found.
#[derive(Debug, Clone)]
pub struct Found {
    pub best: Option<Vec<Pattern>>,
    /// No packing has fewer bins.
    pub bound: u64,
}

impl Found {
    fn offer(&mut self, packing: Vec<Pattern>) {
        if self
            .best
            .as_ref()
            .is_none_or(|best| packing.len() < best.len())
        {
            self.best = Some(packing);
        }
    }

    fn bins(&self) -> usize {
        self.best.as_ref().map_or(usize::MAX, Vec::len)
    }

    fn is_optimal(&self) -> bool {
        self.bins() as u64 <= self.bound
    }
}

/// Packs a model. Only packings with at most `target` bins are of use; the rest may be missed.
pub fn search(model: &Model, target: usize, work: &mut Work) -> Found {
    let mut found = Found {
        best: None,
        bound: lower::bound(model),
    };
    let rules = rules(model);
    let mut patterns = BTreeSet::new();
    for (i, rule) in rules.iter().enumerate() {
        // The first rule runs to its end in any case: there shall be an answer.
        let mut free = Work::new(u64::MAX);
        let work = if i == 0 { &mut free } else { &mut *work };
        let packings = [
            greedy::by_item(model, rule, work),
            greedy::by_bin(model, rule, work),
        ];
        for packing in packings.into_iter().flatten() {
            patterns.extend(packing.iter().cloned());
            found.offer(packing);
        }
    }
    if found.is_optimal() || found.bound > target as u64 {
        return found;
    }
    let many = |best: &Vec<Pattern>| model.items() >= best.len() as u64 * MANY;
    if found.best.as_ref().is_some_and(many) {
        let share = work.left() / 10;
        work.within(share, |work| exchange(model, &mut found, work));
        if found.is_optimal() {
            return found;
        }
    }
    let mut oracle = Oracle::new(model);
    let share = work.left() / 10;
    patterns.extend(work.within(share, |work| full::patterns(model, found.bound, work)));
    let mut rough = Rough::new(model, patterns);
    let share = work.left() / 5 * 2;
    work.within(share, |work| {
        rough.learn(model, &mut oracle, 60, found.bound, work)
    });
    if model.types() <= SMALL {
        exactly(model, target, &rules, oracle, &rough, &mut found, work);
    } else {
        roughly(model, target, oracle, rough, &mut found, work);
    }
    exchange(model, &mut found, work);
    found
}

/// Fewer bins by exchange, as long as that works.
fn exchange(model: &Model, found: &mut Found, work: &mut Work) {
    while let Some(best) = found
        .best
        .as_ref()
        .filter(|_| !found.is_optimal() && work.is_left())
    {
        let Some(packing) = exchange::fewer(model, best, work) else {
            return;
        };
        found.offer(packing);
    }
}

fn rules(model: &Model) -> Vec<Rule> {
    greedy::weights(model)
        .into_iter()
        .flat_map(|weights| {
            FITS.map(|fit| Rule {
                weights: weights.clone(),
                fit,
            })
        })
        .collect()
}

/// Dives from the exact program.
fn exactly(
    model: &Model,
    target: usize,
    rules: &[Rule],
    oracle: Oracle,
    rough: &Rough,
    found: &mut Found,
    work: &mut Work,
) {
    let mut generation = Generation::new(model, oracle, rough.near(0.05), found.bound);
    let converged = generation.converge(model, found.bins() as u64, work);
    found.bound = found.bound.max(generation.bound);
    if !converged {
        return;
    }
    for skip in 0..30 {
        let below = target.min(found.bins().saturating_sub(1));
        if (below as u64) < found.bound || !work.is_left() {
            return;
        }
        if let Some(packing) = dive::dive(model, generation.clone(), below, rules, skip, work) {
            found.offer(packing);
        }
    }
}

/// Decides on the greater part from the rough program, and searches for the rest.
fn roughly(
    model: &Model,
    target: usize,
    mut oracle: Oracle,
    mut rough: Rough,
    found: &mut Found,
    work: &mut Work,
) {
    let mut settled = false;
    for noise in 0..1000 {
        let below = target.min(found.bins().saturating_sub(1));
        if (below as u64) < found.bound || !work.is_left() {
            return;
        }
        if below as f64 + 1e-3 < rough.worth() {
            if settled || !settle(model, &mut oracle, &mut rough, found, work) {
                return;
            }
            settled = (found.bound as f64) > rough.worth() - 1e-3;
            continue;
        }
        let mut rest = model.clone();
        let mut rough = rough.clone();
        let mut oracle = oracle.clone();
        let mut decided = Vec::new();
        while rest.items() > SMALL as u64 && work.is_left() {
            let items = (rest.items() / PART)
                .max(8)
                .min(rest.items() - SMALL as u64 + 8);
            rough.decide(&mut rest, items, noise, &mut decided);
            rough.learn(&rest, &mut oracle, 2, 0, work);
            if decided.len() as f64 + rough.worth() > below as f64 + 0.5 {
                break;
            }
        }
        if decided.len() as f64 + rough.worth() > below as f64 + 0.5 {
            continue;
        }
        let (small, kinds) = rest.without_empty();
        let left = below.saturating_sub(decided.len());
        let share = work.left() / 2;
        let inner = work.within(share, |work| search(&small, left, work));
        if let Some(packing) = inner.best {
            if packing.len() <= left {
                decided.extend(packing.into_iter().map(|mut pattern| {
                    pattern
                        .items
                        .iter_mut()
                        .for_each(|item| item.0 = kinds[item.0]);
                    pattern
                }));
                found.offer(decided);
            }
        }
    }
}

/// Proves a bound, and learns from the patterns that speak against a better one; false where there
/// are none.
fn settle(
    model: &Model,
    oracle: &mut Oracle,
    rough: &mut Rough,
    found: &mut Found,
    work: &mut Work,
) -> bool {
    let Some((bound, better)) = oracle.prove(model, rough.values(model), work) else {
        return false;
    };
    found.bound = found.bound.max(bound);
    let learns = rough.extend(model, better);
    if learns {
        rough.learn(model, oracle, 4, found.bound, work);
    }
    learns
}
