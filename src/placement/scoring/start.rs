//! Scores for starting a guest: the method TOPSIS (Hwang and Yoon 1981) over four criteria that are
//! all to be small, with the weights of Proxmox VE.
//!
//! A row is the cluster with the guest on one of its nodes: root mean square and highest of the CPU
//! loads, root mean square and highest of the memory loads, each plus 1, so that small differences
//! of small loads do not look large. A row has a distance to the best values of all columns and one
//! to the worst; its score is the latter over the sum of both: from 0 to 1, more is better.

use super::columns::{Column, Columns, summary};
use super::stats::GuestStats;

/// The score of a node without cores or without memory: below all others.
pub const NO_CAPACITY: f64 = -1.0;

/// Of mean and highest CPU load, and mean and highest memory load.
const WEIGHTS: [f64; 4] = [1.0 / 18.0, 2.0 / 18.0, 5.0 / 18.0, 10.0 / 18.0];

/// One criterion of all alternatives, before 1 is added to each.
pub(super) type Criterion = Vec<f64>;

/// A score for each node, in the order of the nodes.
pub(super) fn scores(nodes: &Columns, guest: &GuestStats) -> Vec<f64> {
    let counted = nodes.counted();
    let [mean_cpu, highest_cpu] = match guest.maxcpu {
        0.0 => criteria(&counted.cpu, |whole| whole),
        limit => criteria(&counted.cpu, |_| limit),
    };
    let bytes = guest.maxmem as f64;
    let [mean_mem, highest_mem] = criteria(&counted.mem, |_| bytes);
    let scores = closeness([&mean_cpu, &highest_cpu, &mean_mem, &highest_mem]);
    if scores.len() == nodes.len() {
        return scores;
    }
    let mut scores = scores.into_iter();
    let score = |counts: &bool| if *counts { scores.next() } else { None };
    let scores = nodes.capable().iter().map(score);
    scores.map(|score| score.unwrap_or(NO_CAPACITY)).collect()
}

/// Root mean square and highest of one resource's loads, for each node that `more` comes onto: so many
/// cores or bytes, by the node's capacity.
///
/// Loads only grow here, so the old highest stays where it was, and the sum of squares loses nothing
/// that it held.
fn criteria(column: &Column, more: impl Fn(f64) -> f64) -> [Criterion; 2] {
    let share = 1.0 / column.fraction.len() as f64;
    let now = summary(&column.fraction, |fraction| fraction * fraction);
    let places = column.used.iter().zip(&column.capacity);
    let after = places.map(|(used, capacity)| (used + more(*capacity)) / capacity);
    let mut after: Criterion = after.collect();
    let means = column.fraction.iter().zip(&after).map(|(before, after)| {
        let grown = (after - before) * (after + before);
        ((now.sum + grown) * share).sqrt()
    });
    let means = means.collect();
    for load in &mut after {
        *load = if *load > now.highest {
            *load
        } else {
            now.highest
        };
    }
    [means, after]
}

/// The relative closeness of each alternative to the best of all.
pub(super) fn closeness(criteria: [&[f64]; 4]) -> Vec<f64> {
    let mut axes = [Axis::default(); 4];
    for ((axis, values), weight) in axes.iter_mut().zip(criteria).zip(WEIGHTS) {
        *axis = Axis::new(values, weight);
    }
    let [a, b, c, d] = axes;
    let values = criteria[0].iter().zip(criteria[1]);
    let values = values.zip(criteria[2].iter().zip(criteria[3]));
    let scores = values.map(|((v, w), (x, y))| {
        let best = a.to_best(*v) + b.to_best(*w) + c.to_best(*x) + d.to_best(*y);
        let worst = a.to_worst(*v) + b.to_worst(*w) + c.to_worst(*x) + d.to_worst(*y);
        // The distance to the worst by the sum of both distances, with one root instead of two. Where
        // all alternatives are the same, both are 0, and so is the score.
        let score = 1.0 / (1.0 + (best / worst).sqrt());
        if best + worst > 0.0 { score } else { 0.0 }
    });
    scores.collect()
}

/// One criterion as a dimension in which distances are measured.
#[derive(Clone, Copy, Default)]
struct Axis {
    best: f64,
    worst: f64,
    scale: f64,
}

impl Axis {
    fn new(values: &[f64], weight: f64) -> Self {
        let all = summary(values, |value| (1.0 + value) * (1.0 + value));
        Axis {
            best: all.lowest,
            worst: all.highest,
            // Every value is at least 1, so is the length of a column that has one.
            scale: weight / all.sum.sqrt(),
        }
    }

    /// The squared distance to the best value.
    fn to_best(self, value: f64) -> f64 {
        let distance = (value - self.best) * self.scale;
        distance * distance
    }

    /// The squared distance to the worst value.
    fn to_worst(self, value: f64) -> f64 {
        let distance = (value - self.worst) * self.scale;
        distance * distance
    }
}
