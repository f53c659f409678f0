//! The C ABI of pve-native.
