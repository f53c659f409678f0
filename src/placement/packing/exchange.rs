//! One bin fewer by exchange: its items are put where they lack room least, and then items move and
//! swap places until no bin is overfull (a tabu search; Glover, 1989). It is at its best where many
//! small items share a bin, and linear programs have too many patterns to choose from.

use super::model::{Model, Pattern, fits, take};
use super::work::Work;

/// Rounds for which an item does not return to a bin it has left: at least this, plus up to as much
/// at random.
const TENURE: u64 = 8;
/// What counts as nothing of a capacity, until it is looked at exactly.
const NOTHING: f64 = 1e-9;

struct Exchange<'a> {
    model: &'a Model,
    /// By bin.
    classes: Vec<usize>,
    bins: Vec<Vec<usize>>,
    /// By bin and dimension: the load, in capacities.
    loads: Vec<f64>,
    /// By item: its type.
    kinds: Vec<usize>,
    /// By item and bin: the round from which the item may return.
    barred: Vec<u64>,
    random: u64,
}

/// What a round does: an item out of an overfull bin goes to another bin, and perhaps one comes back.
#[derive(Clone, Copy)]
struct Step {
    item: usize,
    to: usize,
    back: Option<usize>,
    change: f64,
}

/// A packing with one bin fewer, if one is found.
pub fn fewer(model: &Model, packing: &[Pattern], work: &mut Work) -> Option<Vec<Pattern>> {
    if packing.len() < 2 {
        return None;
    }
    let mut search = Exchange::new(model, packing);
    let mut least = search.overfull();
    let mut round = 0;
    while least > NOTHING || search.packing().is_none() {
        round += 1;
        let step = search.step(round, least, work)?;
        search.apply(step, round);
        least = least.min(search.overfull());
        if search.overfull() <= NOTHING {
            if let Some(packing) = search.packing() {
                return Some(packing);
            }
        }
    }
    search.packing()
}

impl<'a> Exchange<'a> {
    fn new(model: &'a Model, packing: &[Pattern]) -> Self {
        let load = |pattern: &Pattern| -> f64 {
            let sum = |&(kind, n): &(usize, u32)| {
                model.share(pattern.class, kind).iter().sum::<f64>() * f64::from(n)
            };
            pattern.items.iter().map(sum).sum()
        };
        let emptied = (0..packing.len())
            .min_by(|&a, &b| load(&packing[a]).total_cmp(&load(&packing[b])))
            .unwrap_or(0);
        let kept: Vec<&Pattern> = packing
            .iter()
            .enumerate()
            .filter(|&(i, _)| i != emptied)
            .map(|(_, p)| p)
            .collect();
        let mut search = Self {
            model,
            classes: kept.iter().map(|pattern| pattern.class).collect(),
            bins: vec![Vec::new(); kept.len()],
            loads: vec![0.0; kept.len() * model.dimensions],
            kinds: Vec::new(),
            barred: Vec::new(),
            random: 0x2545_F491_4F6C_DD1D,
        };
        for (bin, pattern) in kept.iter().enumerate() {
            for &(kind, n) in &pattern.items {
                (0..n).for_each(|_| search.put(kind, bin));
            }
        }
        for &(kind, n) in &packing[emptied].items {
            for _ in 0..n {
                let added =
                    |bin: usize| search.cost(bin, &[], Some(kind)) - search.cost(bin, &[], None);
                let open = (0..search.bins.len()).filter(|&bin| search.accepts(bin, kind));
                let best = open
                    .min_by(|&a, &b| added(a).total_cmp(&added(b)))
                    .unwrap_or(0);
                search.put(kind, best);
            }
        }
        search.barred = vec![0; search.kinds.len() * search.bins.len()];
        search
    }

    fn accepts(&self, bin: usize, kind: usize) -> bool {
        self.model.classes[self.classes[bin]].accepts[kind]
    }

    fn put(&mut self, kind: usize, bin: usize) {
        self.bins[bin].push(self.kinds.len());
        self.kinds.push(kind);
        self.shift(bin, kind, 1.0);
    }

    fn shift(&mut self, bin: usize, kind: usize, by: f64) {
        let shares = self.model.share(self.classes[bin], kind);
        let loads = &mut self.loads[bin * self.model.dimensions..];
        for (load, share) in loads.iter_mut().zip(shares) {
            *load += by * share;
        }
    }

    /// How overfull a bin is without some types, and with another.
    fn cost(&self, bin: usize, without: &[usize], with: Option<usize>) -> f64 {
        let class = self.classes[bin];
        let loads = &self.loads[bin * self.model.dimensions..][..self.model.dimensions];
        let mut cost = 0.0;
        for (d, &load) in loads.iter().enumerate() {
            let mut load = load;
            for &kind in without {
                load -= self.model.share(class, kind)[d];
            }
            if let Some(kind) = with {
                load += self.model.share(class, kind)[d];
            }
            cost += (load - 1.0).max(0.0);
        }
        cost
    }

    fn overfull(&self) -> f64 {
        (0..self.bins.len())
            .map(|bin| self.cost(bin, &[], None))
            .sum()
    }

    fn roll(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// The best step out of one of the overfull bins. None where the work ends.
    fn step(&mut self, round: u64, least: f64, work: &mut Work) -> Option<Step> {
        let costs: Vec<f64> = (0..self.bins.len())
            .map(|bin| self.cost(bin, &[], None))
            .collect();
        let total: f64 = costs.iter().sum();
        let over: Vec<usize> = (0..costs.len())
            .filter(|&bin| costs[bin] > NOTHING)
            .collect();
        let from = *over.get(self.roll() as usize % over.len().max(1))?;
        let mut best: Option<Step> = None;
        let mut ties = 0;
        for place in 0..self.bins[from].len() {
            let item = self.bins[from][place];
            let kind = self.kinds[item];
            for to in (0..self.bins.len()).filter(|&to| to != from) {
                if !self.accepts(to, kind) {
                    continue;
                }
                let backs = self.bins[to].iter().map(|&back| Some(back)).chain([None]);
                for back in backs {
                    let other = back.map(|back| self.kinds[back]);
                    if other.is_some_and(|other| other == kind || !self.accepts(from, other)) {
                        continue;
                    }
                    let there = self.cost(to, other.as_slice(), Some(kind));
                    let change = self.cost(from, &[kind], other) + there - costs[from] - costs[to];
                    let barred = self.barred[item * self.bins.len() + to] > round
                        || back.is_some_and(|b| self.barred[b * self.bins.len() + from] > round);
                    if barred && total + change >= least - NOTHING {
                        continue;
                    }
                    let better = best.is_none_or(|best| change < best.change - NOTHING);
                    if better {
                        ties = 1;
                    } else if best.is_some_and(|best| change <= best.change + NOTHING) {
                        ties += 1;
                    } else {
                        continue;
                    }
                    if better || self.random.rotate_left(ties as u32 * 7) % ties == 0 {
                        best = Some(Step {
                            item,
                            to,
                            back,
                            change,
                        });
                    }
                }
            }
        }
        let looked = self.bins[from].len() * self.kinds.len();
        if !work.take(looked * (self.model.dimensions * 3 + 6) + self.loads.len()) {
            return None;
        }
        // Where all are barred, some time passes.
        best.or_else(|| {
            let item = self.bins[from].first().copied()?;
            let to = (0..self.bins.len())
                .find(|&to| to != from && self.accepts(to, self.kinds[item]))?;
            Some(Step {
                item,
                to,
                back: None,
                change: 0.0,
            })
        })
    }

    fn apply(&mut self, step: Step, round: u64) {
        let Some(from) = self.bins.iter().position(|bin| bin.contains(&step.item)) else {
            return;
        };
        let count = self.bins.len();
        let until = round + TENURE + self.roll() % TENURE;
        let mut pass = |item: usize, from: usize, to: usize| {
            self.bins[from].retain(|&other| other != item);
            self.bins[to].push(item);
            self.barred[item * count + from] = until;
            let kind = self.kinds[item];
            self.shift(from, kind, -1.0);
            self.shift(to, kind, 1.0);
        };
        pass(step.item, from, step.to);
        if let Some(back) = step.back {
            pass(back, step.to, from);
        }
    }

    /// The bins as patterns, if everything fits exactly.
    fn packing(&self) -> Option<Vec<Pattern>> {
        let mut patterns = Vec::new();
        for (items, &class) in self.bins.iter().zip(&self.classes) {
            let mut room = self.model.classes[class].capacity.clone();
            for &item in items {
                let size = self.model.size(self.kinds[item]);
                if !self.model.classes[class].accepts[self.kinds[item]] || !fits(size, &room) {
                    return None;
                }
                take(&mut room, size);
            }
            if !items.is_empty() {
                patterns.push(Pattern::of(
                    class,
                    items.iter().map(|&i| self.kinds[i]).collect(),
                ));
            }
        }
        Some(patterns)
    }
}
