//! Maps and checks of the formats besides raw and qcow2 against the real `qemu-img`: images filled at
//! random, alone and in chains of several formats, sound and with changed tables.

#[path = "../common/mod.rs"]
mod common;

mod chains;
mod checks;
mod hand_made;
mod images;
mod mutated;
mod single;
