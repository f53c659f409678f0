//! Column generation: the linear program learns the patterns it lacks, until none is worth adding
//! (Gilmore and Gomory, 1961), and its value, rounded up, bounds the number of bins.

use super::master::Master;
use super::model::{Model, Pattern};
use super::oracle::{Oracle, Prices};
use super::work::Work;

/// What a pattern must save to be worth adding.
const WORTH: f64 = 1e-6;

/// The linear program, and what asks for more patterns.
#[derive(Debug, Clone)]
pub struct Generation {
    pub master: Master,
    pub oracle: Oracle,
    /// No packing has fewer bins: proven.
    pub bound: u64,
    /// What is still to be packed.
    pub demand: Vec<u32>,
}

impl Generation {
    pub fn new(model: &Model, oracle: Oracle, patterns: Vec<Pattern>, bound: u64) -> Self {
        let mut master = Master::new(model);
        patterns.into_iter().for_each(|pattern| master.add(pattern));
        Self {
            master,
            oracle,
            bound,
            demand: model.demand.clone(),
        }
    }

    /// Until the bound is what the program's value rounds up to, or `enough`. False where the work
    /// ended before.
    pub fn converge(&mut self, model: &Model, enough: u64, work: &mut Work) -> bool {
        loop {
            if !self.master.solve(work) {
                return false;
            }
            if self.bound >= enough || self.bound as f64 >= self.master.objective() - 1e-3 {
                return true;
            }
            if self.add_around(model, work) > 0 {
                continue;
            }
            match self.add_best(model, work) {
                None => return false,
                Some(0) => return true,
                Some(_) => {}
            }
        }
    }

    /// A few rounds without a bound; false where the work ended.
    pub fn refine(&mut self, model: &Model, rounds: usize, work: &mut Work) -> bool {
        for _ in 0..rounds {
            if !self.master.solve(work) {
                return false;
            }
            if self.add_around(model, work) == 0 {
                return true;
            }
        }
        self.master.solve(work)
    }

    /// Adds good patterns around the types; how many.
    fn add_around(&mut self, model: &Model, work: &mut Work) -> usize {
        let classes: Vec<f64> = (0..model.classes.len())
            .map(|c| self.master.class_price(c).max(0.0))
            .collect();
        let prices = Prices {
            values: self.master.duals(),
            classes: &classes,
        };
        let offers = self
            .oracle
            .sweep(model, &self.demand, prices, -WORTH, 12, work);
        let enough = (model.types() / 4).max(30);
        let mut used = vec![0u8; model.types()];
        let mut added = 0;
        for (_, pattern) in offers {
            if added < enough || pattern.items.iter().all(|&(kind, _)| used[kind] < 3) {
                pattern.items.iter().for_each(|&(kind, _)| used[kind] += 1);
                self.master.add(pattern);
                added += 1;
            }
        }
        added
    }

    /// Proves a bound, and adds the best patterns that this finds; how many.
    fn add_best(&mut self, model: &Model, work: &mut Work) -> Option<usize> {
        let (bound, patterns) = self.oracle.prove(model, self.master.duals(), work)?;
        self.bound = self.bound.max(bound);
        let mut added = 0;
        for pattern in patterns {
            if self.master.saves(&pattern) > 1e-7 {
                self.master.add(pattern);
                added += 1;
            }
        }
        Some(added)
    }
}
