//! Pinned chains, given to the real QEMU: it opens the files that were audited and no others,
//! whatever becomes of their names and of what is written in their headers.

#[path = "../common/mod.rs"]
mod common;
mod daemon;
mod devices;
mod emulator;
mod formats;
mod races;
mod refused;
mod support;
