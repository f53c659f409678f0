//! Limits on what is converted between Perl and Rust.

/// Nesting of data, in either direction. Deeper data is refused, which also ends cycles. PVE's own
/// structures stay under 20; JSON::XS stops at 512 as well. Also in `c/glue.h`.
pub(crate) const DEPTH: u32 = 512;

/// Elements for which room is made on the word of a serializer or iterator; beyond that containers
/// grow with what really comes.
pub(crate) const RESERVE: usize = 1 << 16;
