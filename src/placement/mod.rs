//! Which node a guest is placed on, and why.
//!
//! A [`problem`] is read from its document; [`solve`] hands the [`instance`] that a task is about to the
//! part that can do it ([`recovery`], [`balance`], [`packing`], [`rules`], [`what_if`]) and makes the
//! [`answer`]. [`statistics`] says what guests use, from samples; [`scoring`] scores nodes and migrations as
//! Proxmox VE does. Units are the same everywhere: cores and bytes. Equal inputs give equal answers.

pub mod answer;
pub mod balance;
pub mod bits;
pub mod instance;
pub mod packing;
pub mod problem;
pub mod recovery;
pub mod rules;
pub mod scoring;
pub mod search;
pub mod solve;
pub mod statistics;
pub mod what_if;
