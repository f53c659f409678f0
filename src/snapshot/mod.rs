//! What images mean to Proxmox VE: which volume and which snapshot a name stands for, and how the
//! images of one volume stand on each other.
//!
//! [`names`] follows the layouts of Proxmox VE's directory and LVM plugins and our own; [`graph`]
//! is built on what [`chain`](crate::chain) and [`image`](crate::image) read. `docs/snapshots.md`
//! says what the names mean to an administrator.

pub mod diagnosis;
pub mod graph;
pub mod names;
pub mod plan;

pub use graph::Graph;
pub use names::{ImageName, Part, Scheme, SnapshotName, Standing, VolumeName};
pub use plan::Plan;
