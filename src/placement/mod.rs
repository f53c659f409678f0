//! Which node a guest is placed on, and why.
//!
//! [`statistics`] says what guests use, from samples; [`scoring`] scores nodes and migrations as
//! Proxmox VE does. Units are the same everywhere: cores and bytes. Equal inputs give equal answers.

pub mod answer;
pub mod bits;
pub mod instance;
pub mod problem;
pub mod recovery;
pub mod scoring;
pub mod search;
pub mod statistics;
