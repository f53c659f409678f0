//! The scheduler of Proxmox VE: a cluster that is told of node by node and guest by guest, and asked
//! where to start a guest, how uneven it is, and what to migrate.

use super::cluster::Cluster;
use super::columns::Columns;
use super::imbalance::{Imbalance, ImbalanceScale};
use super::migration::{self, Candidate, ScoredMigration};
use super::start;
use super::stats::{GuestStats, NodeStats};
use super::usage::{Guest, Usage};
use crate::error::Result;

/// What nodes are loaded with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// With what their guests may use at most, whatever they do use, as in
    /// `PVE::RS::ResourceScheduling::Static`. Usage that is told is not looked at.
    #[default]
    Static,
    /// With what they use now, as in `PVE::RS::ResourceScheduling::Dynamic`. Guests about to start
    /// count at their maximum where the next one is to start.
    Dynamic,
}

/// How migrations are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the imbalance that they leave; ties by guest, source and target.
    Imbalance,
    /// By TOPSIS over CPU and memory apart; ties in the order given.
    Topsis,
}

/// A cluster.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    usage: Usage,
    mode: Mode,
    scale: ImbalanceScale,
}

impl Scheduler {
    /// No nodes yet; imbalances on this scale.
    pub fn new(mode: Mode, scale: ImbalanceScale) -> Self {
        Scheduler {
            usage: Usage::default(),
            mode,
            scale,
        }
    }

    /// What nodes are loaded with.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Adds a node with its capacity and its usage, running guests included.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if there is one of that name, or its cores are no
    /// number.
    pub fn add_node(&mut self, name: &str, stats: NodeStats) -> Result<()> {
        let own = match self.mode {
            Mode::Static => NodeStats {
                cpu: 0.0,
                mem: 0,
                ..stats
            },
            Mode::Dynamic => stats,
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

    /// Adds a guest to its nodes.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is there already, its nodes are not, or its
    /// cores are no number.
    pub fn add_guest(&mut self, sid: &str, guest: Guest) -> Result<()> {
        let stats = self.seen(guest.stats);
        self.usage.add_guest(sid, Guest { stats, ..guest })
    }

    /// Adds a running guest to a node. Of a guest that is on a node already, this says that it is
    /// moving to this one; its stats stay as they were.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is moving already, is on this node already,
    /// there is no such node, or its cores are no number.
    pub fn add_guest_to_node(&mut self, node: &str, sid: &str, stats: GuestStats) -> Result<()> {
        let stats = self.seen(stats);
        self.usage.add_to_node(node, sid, stats)
    }

    /// Removes a guest from all nodes. One that is not there is no error.
    pub fn remove_guest(&mut self, sid: &str) {
        self.usage.remove_guest(sid);
    }

    /// How unevenly the nodes are loaded, from 0; see [`ImbalanceScale`]. In the dynamic mode guests
    /// about to start do not count.
    pub fn imbalance(&self) -> f64 {
        Imbalance::new(&self.cluster(), self.scale).get()
    }

    /// The best of these migrations, at most `limit`. To a node without cores or memory nothing
    /// migrates.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if a candidate's guest is not known, is moving,
    /// is not on the leader's node, or if the leader is not one of its guests.
    pub fn best_migrations(
        &self,
        candidates: &[Candidate],
        limit: usize,
        method: Method,
    ) -> Result<Vec<ScoredMigration>> {
        let best = match method {
            Method::Imbalance => migration::by_imbalance,
            Method::Topsis => migration::by_closeness,
        };
        best(&self.usage, &self.cluster(), candidates, limit, self.scale)
    }

    /// A score for starting this guest on each node, in the order of [`Self::list_nodes`]: from 0
    /// to 1, more is better, or [`NO_CAPACITY`](super::NO_CAPACITY).
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if its cores are no number.
    pub fn score_start(&self, stats: &GuestStats) -> Result<Vec<f64>> {
        let stats = self.seen(*stats);
        stats.check("to start")?;
        let nodes = match self.mode {
            Mode::Static => self.usage.with_all(),
            Mode::Dynamic => self.usage.with_starting(),
        };
        Ok(start::scores(nodes, &stats))
    }

    /// What this mode sees of a guest.
    fn seen(&self, stats: GuestStats) -> GuestStats {
        match self.mode {
            Mode::Static => GuestStats::of_maximum(stats.maxcpu, stats.maxmem),
            Mode::Dynamic => stats,
        }
    }

    fn cluster(&self) -> Cluster {
        let nodes: &Columns = match self.mode {
            Mode::Static => self.usage.with_all(),
            Mode::Dynamic => self.usage.own(),
        };
        Cluster::new(nodes)
    }
}
