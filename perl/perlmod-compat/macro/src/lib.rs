//! Attribute macros of perlmod-compat.
