//! The pve-native command.

fn main() {}
