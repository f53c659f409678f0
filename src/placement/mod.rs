//! Which node a guest is placed on, and why.
//!
//! [`statistics`] says what guests use, from samples. Units are the same everywhere: cores and
//! bytes. Equal inputs give equal answers.

pub mod statistics;
