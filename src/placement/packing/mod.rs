//! Vector bin packing: items that need several resources at once, into the fewest bins. It packs
//! guests onto the fewest nodes, and says how far from the fewest its answer can be at most.
//!
//! [`pack`] is for bins that are all equal, [`pack_into`] for a list of bins that differ and do not
//! accept every item. Rules give a first packing (`greedy`). Column generation bounds the number of
//! bins: roughly and fast on all of a problem (`rough`), exactly on what is small (`generation`). What
//! the linear programs use most is decided on, and they are solved again for the rest (`rough`,
//! `dive`). Items move and swap to save a bin
//! where many share one (`exchange`). `search` says in which order. Sizes stay integers wherever a claim rests on them: that
//! something fits, and that fewer bins are impossible (`oracle`).
//!
//! Nothing depends on time: a limit of steps decides where the search ends, and equal inputs give
//! equal answers.

mod dive;
mod exchange;
mod first_order;
mod full;
mod generation;
mod greedy;
mod input;
mod lower;
mod master;
mod model;
mod oracle;
mod pricing;
mod rough;
mod search;
mod simplex;
mod work;

pub use input::{Bins, Items, ListPacking, Packing, pack, pack_into};

#[cfg(test)]
mod tests;
