//! The core of pve-native: what is in a disk image, and in the chain under it.
//!
//! Data flows one way: bytes ([`io`]) → one image ([`image`]) → how images refer to each other
//! ([`chain`]) → what that means to Proxmox VE ([`snapshot`]). The faces (C, Perl, command line) turn their arguments into the types of this
//! crate and its results into theirs; no rule lives in a face. [`storage`], [`cluster`] and
//! [`placement`] stand beside them and know nothing of images.
//!
//! Nothing in here prints, starts a process or keeps process-wide state, save the deadline
//! helpers of [`io`]; `unsafe` stands in `io/sys/` alone.

#![deny(unsafe_code)]

pub mod chain;
pub mod cluster;
mod codes;
pub mod error;
pub mod image;
pub mod inspect;
pub mod io;
pub mod json;
pub mod limits;
pub mod panics;
pub mod placement;
#[cfg(test)]
#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "tests outside use the rest")]
mod random;
mod severity;
pub mod snapshot;
pub mod storage;
pub mod text;
pub mod work;

pub use error::{Code, Error, ErrorKind, Result};
pub use severity::Severity;
