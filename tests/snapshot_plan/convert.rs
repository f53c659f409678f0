//! Volumes in the layout of 2024 get today's names.
