//! Scores for starting a guest: the method TOPSIS (Hwang and Yoon 1981) over four criteria that are
//! all to be small, with the weights of Proxmox VE.
//!
//! A row is the cluster with the guest on one of its nodes: root mean square and highest of the CPU
//! loads, root mean square and highest of the memory loads, each plus 1, so that small differences
//! of small loads do not look large. A row has a distance to the best values of all columns and one
//! to the worst; its score is the latter over the sum of both: from 0 to 1, more is better.

use super::cluster::{Cluster, Load, Loads};
use super::stats::GuestStats;

/// The score of a node without cores or without memory: below all others.
pub const NO_CAPACITY: f64 = -1.0;

/// Of mean and highest CPU load, and mean and highest memory load.
const WEIGHTS: [f64; 4] = [1.0 / 18.0, 2.0 / 18.0, 5.0 / 18.0, 10.0 / 18.0];

/// The criteria of one alternative, in the order of the weights, before 1 is added to each.
pub(super) type Row = [f64; 4];

/// A score for each node, in the order of the nodes.
pub(super) fn scores(cluster: &Cluster, guest: &GuestStats) -> Vec<f64> {
    let count = cluster.count() as f64;
    let cpu = Column::new(cluster, |loads| loads.cpu);
    let mem = Column::new(cluster, |loads| loads.mem);
    let rows = cluster.0.iter().flatten().map(|loads| {
        let cores = match guest.maxcpu {
            0.0 => loads.cpu.capacity(),
            limit => limit,
        };
        let [mean_cpu, highest_cpu] = cpu.with(loads.cpu, cores, count);
        let [mean_mem, highest_mem] = mem.with(loads.mem, guest.maxmem as f64, count);
        [mean_cpu, highest_cpu, mean_mem, highest_mem]
    });
    let mut scored = closeness(&rows.collect::<Vec<Row>>()).into_iter();
    let score = |loads: &Option<Loads>| match loads {
        Some(_) => scored.next().unwrap_or(NO_CAPACITY),
        None => NO_CAPACITY,
    };
    cluster.0.iter().map(score).collect()
}

/// The sums of one resource.
struct Column {
    squares: f64,
    highest: f64,
}

impl Column {
    fn new(cluster: &Cluster, of: impl Fn(&Loads) -> Load) -> Self {
        let mut column = Column {
            squares: 0.0,
            highest: 0.0,
        };
        for loads in cluster.0.iter().flatten() {
            let fraction = of(loads).fraction();
            column.squares += fraction * fraction;
            column.highest = column.highest.max(fraction);
        }
        column
    }

    /// Root mean square and highest once `amount` has come onto `load`. Loads only grow
    /// here, so the old highest stays where it was, and the sum loses nothing that it held.
    fn with(&self, load: Load, amount: f64, count: f64) -> [f64; 2] {
        let (before, after) = (load.fraction(), load.with(amount).fraction());
        let grown = (after - before) * (after + before);
        let mean = ((self.squares + grown) / count).sqrt();
        [mean, self.highest.max(after)]
    }
}

/// The relative closeness of each row to the best of all rows.
pub(super) fn closeness(rows: &[Row]) -> Vec<f64> {
    let mut scale = [0.0; 4];
    let mut best = [f64::INFINITY; 4];
    let mut worst = [f64::NEG_INFINITY; 4];
    for row in rows {
        for n in 0..4 {
            scale[n] += (1.0 + row[n]) * (1.0 + row[n]);
            best[n] = best[n].min(row[n]);
            worst[n] = worst[n].max(row[n]);
        }
    }
    for n in 0..4 {
        // Every value is at least 1, so is the length of a column that has one.
        scale[n] = WEIGHTS[n] / scale[n].sqrt();
    }
    let distance = |row: &Row, ideal: &Row| {
        let mut squares = 0.0;
        for n in 0..4 {
            let difference = (row[n] - ideal[n]) * scale[n];
            squares += difference * difference;
        }
        squares.sqrt()
    };
    let score = |row: &Row| {
        let (to_best, to_worst) = (distance(row, &best), distance(row, &worst));
        match to_best + to_worst {
            // All rows are the same.
            0.0 => 0.0,
            both => to_worst / both,
        }
    };
    rows.iter().map(score).collect()
}
