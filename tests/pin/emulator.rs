//! Descriptor sets.
