//! The Perl glue of pve-native.
