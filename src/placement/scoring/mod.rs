//! The scores that Proxmox VE's own scheduler gives (proxmox-resource-scheduling 2.0), in time
//! linear in the number of nodes: for one guest, every node is scored from sums over the cluster
//! that are made once, instead of from sums made anew for each node.
//!
//! [`Static`] knows what guests may use at most, [`Dynamic`] what nodes and guests use now. Both
//! keep a `usage::Usage` of the cluster and ask `start` for the scores of nodes and
//! `migration` for those of migrations. Sums of usage are exact (`cores`) and all others are
//! made in the order of names, so that the answer does not depend on the order of calls.

mod cluster;
mod columns;
mod cores;
mod dynamic_usage;
mod imbalance;
mod migration;
mod start;
mod static_usage;
mod stats;
mod usage;
mod wide;

pub use dynamic_usage::Dynamic;
pub use imbalance::ImbalanceScale;
pub use migration::{Candidate, Migration, ScoredMigration};
pub use start::NO_CAPACITY;
pub use static_usage::Static;
pub use stats::{GuestStats, NodeStats};
pub use usage::Guest;

#[cfg(test)]
mod tests;
