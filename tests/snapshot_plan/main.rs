//! Plans, run with the real `qemu-img` and cut off wherever they can be.
//!
//! The images lie in a folder in memory. Where they are logical volumes, files stand in for these, as
//! large as the volumes would be, and `lvcreate` and its like are done to the files: what LVM itself
//! does is tried in the virtual machine (`make check-vm`).

mod causes;
#[path = "../common/mod.rs"]
mod common;
mod convert;
mod cuts;
mod group;
mod model;
mod order;
mod refusals;
mod room;
mod walk;

use pve_native_core::snapshot::names::Scheme;

/// The layouts that have an image for each snapshot.
const EXTERNAL: [Scheme; 3] = [Scheme::LvmQcow2, Scheme::PveDir, Scheme::PveLvm];
