//! What `multipathd show maps json` and `show map NAME json` say, of versions 0.8 to 0.15.
//!
//! The daemon writes JSON, but does not escape strings: a vendor or a WWID may contain any character.
//! It writes each string on a line of its own, though, in a form that JSON writers do not use, and
//! there the line says where the string ends. Replies may begin with warnings, may be cut off, and may
//! be a word instead: `timeout`, `fail`.

mod health;
mod reply;
mod sysfs;
#[cfg(test)]
mod tests;
mod transport;

pub use health::{Health, Impairment};
pub use reply::{Group, Map, Path, maps};
pub use sysfs::sizes;
pub use transport::{Transport, transports};
