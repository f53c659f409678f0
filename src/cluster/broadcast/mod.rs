//! What a node tells the others of its maps, through the key-value store of pmxcfs.
//!
//! A [`Summary`] is made of what multipathd says, and written in the first of three forms in which it
//! fits into a value: the one that Proxmox VE's own code reads, a shorter one, and that one compressed.
//! What fits into none of them loses first its ports, then its healthiest maps, and says how many.
//! `docs/cluster-status.md` has the forms; [`open`] takes the envelope off that the last one has.

mod envelope;
mod fit;
mod form;
mod options;
mod summary;
#[cfg(test)]
pub(super) mod tests;

pub use envelope::open;
pub use fit::Fitted;
pub use form::Form;
pub use options::{SummaryOptions, broadcast};
pub use summary::{Entry, Port, PortKind, Summary};
