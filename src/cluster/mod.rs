//! How healthy each LUN is, on one node and across the cluster.
//!
//! [`multipathd`] understands what the daemon says on one node, [`broadcast`] is what the node tells the
//! others of it. This part of the crate stands beside
//! the images and knows nothing of them.

pub mod broadcast;
pub mod engine;
pub mod findings;
pub mod json;
pub mod matrix;
pub mod multipathd;
mod state;
pub mod status;

pub use state::MapState;
