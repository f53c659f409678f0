//! Drawings as SVG (W3C, version 1.1): self-contained, without scripts and references, safe
//! whatever the names in them hold.

mod bars;
mod colors;
pub mod graph;
mod label;
pub mod loads;
pub mod map;
pub mod text;
