//! The scores of `PVE::RS::ResourceScheduling::Static`: nodes are loaded with what their guests
//! may use at most, whatever they do use.

use super::cluster::Cluster;
use super::imbalance::{Imbalance, ImbalanceScale};
use super::migration::{self, Candidate, ScoredMigration};
use super::start;
use super::stats::{GuestStats, NodeStats};
use super::usage::{Guest, Usage};
use crate::error::Result;

/// A cluster as its configuration says it is loaded.
#[derive(Clone, Debug, Default)]
pub struct Static {
    usage: Usage,
    scale: ImbalanceScale,
}

impl Static {
    /// No nodes yet; imbalances on this scale.
    pub fn new(scale: ImbalanceScale) -> Self {
        Static {
            usage: Usage::default(),
            scale,
        }
    }

    /// Adds a node of `maxcpu` cores and `maxmem` bytes of memory.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if there is one of that name.
    pub fn add_node(&mut self, name: &str, maxcpu: u64, maxmem: u64) -> Result<()> {
        let own = NodeStats {
            maxcpu,
            maxmem,
            ..NodeStats::default()
        };
        self.usage.add_node(name, own)
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

    /// Adds a guest to its nodes; its stats are best made by [`GuestStats::of_maximum`].
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is there already, its nodes are not, or its
    /// cores are no number.
    pub fn add_service(&mut self, sid: &str, guest: Guest) -> Result<()> {
        self.usage.add_guest(sid, guest)
    }

    /// Adds a running guest that may use `maxcpu` cores and `maxmem` bytes to a node. Of a guest
    /// that is on a node already, this says that it is moving to this one; its maxima stay as they
    /// were.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is moving already, is on this node already,
    /// there is no such node, or its cores are no number.
    pub fn add_service_usage_to_node(
        &mut self,
        node: &str,
        sid: &str,
        maxcpu: f64,
        maxmem: u64,
    ) -> Result<()> {
        let stats = GuestStats::of_maximum(maxcpu, maxmem);
        self.usage.add_to_node(node, sid, stats)
    }

    /// Removes a guest from all nodes. One that is not there is no error.
    pub fn remove_service_usage(&mut self, sid: &str) {
        self.usage.remove_guest(sid);
    }

    /// How unevenly the nodes are loaded, from 0; see
    /// [`ImbalanceScale`].
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

    /// A score for starting a guest of `maxcpu` cores and `maxmem` bytes on each node, in the order
    /// of [`Self::list_nodes`]: from 0 to 1, more is better, or [`NO_CAPACITY`](super::NO_CAPACITY).
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if `maxcpu` is no number of cores.
    pub fn score_nodes_to_start_service(&self, maxcpu: f64, maxmem: u64) -> Result<Vec<f64>> {
        let stats = GuestStats::of_maximum(maxcpu, maxmem);
        stats.check("to start")?;
        Ok(start::scores(self.usage.with_all(), &stats))
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(self.usage.with_all())
    }
}
