//! The scores that Proxmox VE's own scheduler gives (proxmox-resource-scheduling 2.0), in time
//! linear in the number of nodes: for one guest, every node is scored from sums over the cluster
//! that are made once, instead of from sums made anew for each node.
//!
//! A [`Scheduler`] keeps a `usage::Usage` of the cluster and asks `start` for the scores of nodes
//! and `migration` for those of migrations. Sums of usage are exact (`cores`) and all others are
//! made in the order of names, so that the answer does not depend on the order of calls. [`text`] is
//! what the Perl and C faces hand in as text.

mod cluster;
mod columns;
mod cores;
mod imbalance;
mod migration;
mod scheduler;
mod start;
mod stats;
pub mod text;
mod usage;
mod wide;

pub use imbalance::ImbalanceScale;
pub use migration::{Candidate, Migration, ScoredMigration};
pub use scheduler::{Method, Mode, Scheduler};
pub use start::NO_CAPACITY;
pub use stats::{GuestStats, NodeStats};
pub use usage::Guest;

#[cfg(test)]
mod tests;
