//! How unevenly nodes are loaded: the standard deviation of their loads over the mean of them (the
//! coefficient of variation), a node's load being the mean of its CPU and memory fractions.

use super::cluster::{Cluster, Loads};
use super::wide::Wide;

/// What 1 means as an imbalance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImbalanceScale {
    /// The standard deviation is as large as the mean: proxmox-resource-scheduling 2.0.
    #[default]
    Mean,
    /// One node has all the load, which is the most there can be: 2.1, where the number of nodes no
    /// longer shows.
    Unit,
}

/// The sums that an imbalance is made from, and what a changed load does to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Imbalance {
    count: f64,
    /// Loads are summed as differences from here, so that even ones give 0.
    middle: f64,
    sum: Wide,
    squares: Wide,
    scale: ImbalanceScale,
}

impl Imbalance {
    pub(super) fn new(cluster: &Cluster, scale: ImbalanceScale) -> Self {
        let loads = || cluster.0.iter().flatten().map(|loads| loads.mean());
        let count = cluster.count() as f64;
        let mut imbalance = Imbalance {
            count,
            middle: loads().sum::<f64>() / count.max(1.0),
            sum: Wide::default(),
            squares: Wide::default(),
            scale,
        };
        for load in loads() {
            let difference = Wide::difference(load, imbalance.middle);
            imbalance.sum = imbalance.sum + difference;
            imbalance.squares = imbalance.squares + difference.squared();
        }
        imbalance
    }

    /// The same with a node's loads exchanged.
    pub(super) fn exchanged(mut self, before: Loads, after: Loads) -> Self {
        let before = Wide::difference(before.mean(), self.middle);
        let after = Wide::difference(after.mean(), self.middle);
        self.sum = self.sum + after - before;
        self.squares = self.squares + after.squared() - before.squared();
        self
    }

    /// From 0, for evenly loaded nodes, idle nodes, one node and none.
    pub(super) fn get(&self) -> f64 {
        let mean = self.middle + self.sum.get() / self.count.max(1.0);
        if self.count < 2.0 || mean <= 0.0 {
            return 0.0;
        }
        let squares = self.squares - self.sum.squared().over(self.count);
        let deviation = (squares.get().max(0.0) / self.count).sqrt();
        match self.scale {
            ImbalanceScale::Mean => deviation / mean,
            ImbalanceScale::Unit => deviation / mean / (self.count - 1.0).sqrt(),
        }
    }
}
