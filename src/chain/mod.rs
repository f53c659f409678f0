//! How images refer to each other: names, and the backing chain that they form.

mod json;
pub mod reference;
pub mod walk;

pub use walk::{Chain, ChainOptions, walk};
