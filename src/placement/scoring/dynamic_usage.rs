//! The scores of `PVE::RS::ResourceScheduling::Dynamic`: nodes are loaded with what they use now;
//! guests about to start count at their maximum where the next one is to start.

use super::cluster::Cluster;
use super::imbalance::{Imbalance, ImbalanceScale};
use super::migration::{self, Candidate, ScoredMigration};
use super::start;
use super::stats::{GuestStats, NodeStats};
use super::usage::{Guest, Usage};
use crate::error::Result;

/// A cluster as it is loaded now.
#[derive(Clone, Debug, Default)]
pub struct Dynamic {
    usage: Usage,
    scale: ImbalanceScale,
}

impl Dynamic {
    /// No nodes yet; imbalances on this scale.
    pub fn new(scale: ImbalanceScale) -> Self {
        Dynamic {
            usage: Usage::default(),
            scale,
        }
    }

    /// Adds a node with its capacity and its usage, running guests included.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if there is one of that name, or its cores are no
    /// number.
    pub fn add_node(&mut self, name: &str, stats: NodeStats) -> Result<()> {
        self.usage.add_node(name, stats)
    }

    /// Removes a node, and the guests that are on it alone. One that is not there is no error.
    pub fn remove_node(&mut self, name: &str) {
        self.usage.remove_node(name);
    }

    /// The names of all nodes, in their order.
    pub fn list_nodes(&self) -> impl Iterator<Item = &str> {
        self.usage.nodes().iter().map(|node| node.name.as_str())
    }

    /// Whether there is a node of this name.
    pub fn contains_node(&self, name: &str) -> bool {
        self.usage.position(name).is_some()
    }

    /// Adds a guest to its nodes.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is there already, its nodes are not, or its
    /// cores are no number.
    pub fn add_resource(&mut self, sid: &str, guest: Guest) -> Result<()> {
        self.usage.add_guest(sid, guest)
    }

    /// Removes a guest from all nodes. One that is not there is no error.
    pub fn remove_resource(&mut self, sid: &str) {
        self.usage.remove_guest(sid);
    }

    /// How unevenly the nodes are loaded, from 0; guests
    /// about to start do not count.
    pub fn calculate_node_imbalance(&self) -> f64 {
        Imbalance::new(&self.cluster(), self.scale).get()
    }

    /// The best of these migrations, at most `limit`, by the imbalance they leave; ties by guest,
    /// source and target. To a node without cores or memory nothing migrates.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if a candidate's guest is not known, is moving,
    /// is not on the leader's node, or if the leader is not one of its guests.
    pub fn score_best_balancing_migration_candidates(
        &self,
        candidates: &[Candidate],
        limit: usize,
    ) -> Result<Vec<ScoredMigration>> {
        migration::by_imbalance(&self.usage, &self.cluster(), candidates, limit, self.scale)
    }

    /// The same by TOPSIS over CPU and memory apart; ties in the order given.
    ///
    /// # Errors
    ///
    /// As [`Self::score_best_balancing_migration_candidates`].
    pub fn score_best_balancing_migration_candidates_topsis(
        &self,
        candidates: &[Candidate],
        limit: usize,
    ) -> Result<Vec<ScoredMigration>> {
        migration::by_closeness(&self.usage, &self.cluster(), candidates, limit, self.scale)
    }

    /// A score for starting this guest on each node, in the order of [`Self::list_nodes`]: from 0
    /// to 1, more is better, or [`NO_CAPACITY`](super::NO_CAPACITY).
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if its cores are no number.
    pub fn score_nodes_to_start_resource(&self, stats: &GuestStats) -> Result<Vec<f64>> {
        stats.check("to start")?;
        Ok(start::scores(self.usage.with_starting(), stats))
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(self.usage.own())
    }
}
