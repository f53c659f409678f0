//! The state of a multipath map on one node, and the order in which states are bad.

use crate::codes::codes;

codes! {
    /// The state of a map on a node. Ordered: what is worse is greater.
    pub enum MapState {
        /// Nothing reliable is known.
        Unknown = "unknown",
        /// All paths are usable.
        Optimal = "optimal",
        /// Some paths are usable.
        Degraded = "degraded",
        /// The node should have the map, and does not.
        Missing = "missing",
        /// No path is usable.
        Failed = "failed",
    }
}

impl MapState {
    /// Whether it is known that something is wrong.
    pub fn is_bad(self) -> bool {
        self > MapState::Optimal
    }

    /// The state of that name, exactly as it is written.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let found = Self::ALL
            .iter()
            .find(|state| state.name().as_bytes() == name);
        found.copied()
    }
}
