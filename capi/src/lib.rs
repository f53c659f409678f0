//! The C ABI: `include/pve_native.h` is generated from this crate.
//!
//! Each file holds one object or one group of questions; [`ffi`] is what they share: the panic
//! boundary, arguments coming in and results going out. No rule lives here: arguments become
//! types of the core, its results become C's. Comments on exported items are the header's
//! documentation and therefore speak C.

// What callers owe each function is said once, at the top of the header.
#![allow(clippy::missing_safety_doc)]

// In the order in which the header shows them.
pub mod version;

pub mod error;
pub mod string;

pub mod format;
pub mod limits;
pub mod opts;

pub mod chain;
pub mod image;

pub mod details;

pub mod policy;

pub mod audit;

pub mod pin;

pub mod inspect;

pub mod extents;

pub mod file_size;

pub mod work;

pub mod check;

pub mod ranges;

pub mod measure;

pub mod graph_image;
pub mod storage;

pub mod cluster;

pub mod cluster_engine;

pub mod scheduler;

pub mod graph;

pub mod graph_answers;

pub mod plan;

pub mod placement;
pub mod placement_solve;

pub mod ffi;
mod texts;
