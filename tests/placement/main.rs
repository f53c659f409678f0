//! Placement on clusters made at random, with answers known by construction or by another solver.

#[path = "../support/random.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod random;

mod balance;
mod generate;
mod questions;
mod recovery;
