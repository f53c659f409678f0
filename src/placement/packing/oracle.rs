//! What asks for patterns at given values of the items, for all classes of bins: patterns to add to
//! a linear program, and the bound that the values prove.
//!
//! A bound is proven in integers, whatever the program's rounding: values rounded down, the most that
//! any bin can hold of them found exactly, and both put into Farley's quotient (1990), or where
//! classes are limited the excess of each class subtracted.

use super::model::{Model, Pattern};
use super::pricing::Pricer;
use super::work::Work;

/// A value of 1 as an integer.
const UNIT: f64 = 4_294_967_296.0;
/// No value is taken for more: items that find no bin have high ones.
const HIGHEST: f64 = 1e4;

/// A pattern with what it saves at the values it was made for.
pub type Offer = (f64, Pattern);

/// Prices patterns of all classes.
#[derive(Debug, Clone)]
pub struct Oracle {
    pricers: Vec<Pricer>,
}

/// Values of the types, and what a bin of each class costs beyond 1.
#[derive(Debug, Clone, Copy)]
pub struct Prices<'a> {
    pub values: &'a [f64],
    pub classes: &'a [f64],
}

fn scaled(values: &[f64]) -> Vec<u64> {
    values
        .iter()
        .map(|value| (value.clamp(0.0, HIGHEST) * UNIT) as u64)
        .collect()
}

impl Oracle {
    pub fn new(model: &Model) -> Self {
        Self {
            pricers: (0..model.classes.len())
                .map(|c| Pricer::new(model, c))
                .collect(),
        }
    }

    /// A good pattern around each type, those that save most first; none that costs more than
    /// `near`.
    pub fn sweep(
        &mut self,
        model: &Model,
        demand: &[u32],
        prices: Prices,
        near: f64,
        branches: usize,
        work: &mut Work,
    ) -> Vec<Offer> {
        let values = scaled(prices.values);
        let mut offers: Vec<Offer> = Vec::new();
        for (class, pricer) in self.pricers.iter_mut().enumerate() {
            if model.classes[class].count == 0 {
                continue;
            }
            let price = 1.0 + prices.classes[class];
            let above = ((price - near).max(0.0) * UNIT) as u64;
            for found in pricer.around_each(model, &values, demand, above, branches, work) {
                let saves = found.value as f64 / UNIT - price;
                offers.push((saves, Pattern::of(class, found.kinds)));
            }
        }
        offers.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        offers.dedup_by(|a, b| a.1 == b.1);
        offers
    }

    /// The bound that the values prove, with the best patterns met on the way. None where the work
    /// ended before.
    pub fn prove(
        &mut self,
        model: &Model,
        values: &[f64],
        work: &mut Work,
    ) -> Option<(u64, Vec<Pattern>)> {
        let values = scaled(values);
        let total: u128 = values
            .iter()
            .zip(&model.demand)
            .map(|(&value, &n)| u128::from(value) * u128::from(n))
            .sum();
        let unit = UNIT as u128;
        let (mut highest, mut excess) = (1, 0);
        let mut patterns = Vec::new();
        for (class, pricer) in self.pricers.iter_mut().enumerate() {
            let count = model.classes[class].count;
            if count == 0 {
                continue;
            }
            let above = UNIT as u64 / 2;
            let (most, found) = pricer.exact(model, &values, &model.demand, above, work)?;
            let most = u128::from(most);
            highest = highest.max(most);
            excess += count as u128 * most.saturating_sub(unit);
            patterns.extend(
                found
                    .into_iter()
                    .rev()
                    .take(10)
                    .map(|f| Pattern::of(class, f.kinds)),
            );
        }
        let quotient = total.div_ceil(highest);
        let difference = total.saturating_sub(excess).div_ceil(unit);
        let bound = u64::try_from(quotient.max(difference)).unwrap_or(u64::MAX);
        Some((bound, patterns))
    }
}
