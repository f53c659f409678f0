//! The part of perlmod that pve-native uses.
