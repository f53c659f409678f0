//! How images refer to each other: names, and the backing chain that they form.

pub mod audit;
pub mod changed;
pub mod extents;
mod json;
mod layer;
pub mod map_text;
pub mod merge_cost;
pub mod picture;
pub mod pin;
pub mod policy;
pub mod reference;
pub mod walk;

pub use audit::{Audit, Finding, FindingCode, Severity, audit};
pub use pin::{Pin, pin};
pub use policy::{Policy, Preset, Setting, Symlinks};
pub use walk::{Chain, ChainOptions, walk};
