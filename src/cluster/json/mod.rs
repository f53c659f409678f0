//! JSON as `JSON::XS` reads it, which is what Proxmox VE decodes broadcasts with: nested to 512 deep,
//! the last of equal keys counts, a number of any size is one, and nothing may follow the value.
//!
//! Broadcasts are not read into values: [`Scanner`] goes over their text, and what is not needed is
//! passed over. [`Json`] is for what is small, or odd. Texts that are no UTF-8 are refused, where
//! `JSON::XS` takes encoded surrogates.

mod number;
mod scanner;
#[cfg(test)]
mod tests;
mod value;

pub use number::{Number, leading_number};
pub use scanner::{Scanner, Syntax};
pub use value::Json;
