//! What one node says of one LUN.

use super::values::Slot;
use crate::cluster::MapState;

/// Of what kind an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    #[default]
    None,
    /// One that Perl takes for false: the LUN is named, and nothing is said of it.
    False,
    /// Something that is no object.
    Malformed,
    /// A map.
    Map,
}

/// What else is said of a map, and what is odd about it; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// It is suspended.
    pub const SUSPENDED: Flags = Flags(1);
    /// I/O without paths waits.
    pub const QUEUEING: Flags = Flags(2);
    /// The paths in use are marginal.
    pub const MARGINAL: Flags = Flags(4);
    /// The node says these things of its maps; without it, nothing is known of them.
    pub const KNOWN: Flags = Flags(8);
    /// The state is not what the counts say.
    pub const DISAGREES: Flags = Flags(16);
    /// The state has a name that is not known, or none.
    pub const UNRECOGNIZED: Flags = Flags(32);
    /// More paths are active than there are.
    pub const IMPOSSIBLE: Flags = Flags(64);

    /// The names of those that are shown.
    pub const SHOWN: [(Flags, &'static str); 4] = [
        (Flags::MARGINAL, "marginal"),
        (Flags::QUEUEING, "queueing"),
        (Flags::DISAGREES, "state-disagrees"),
        (Flags::SUSPENDED, "suspended"),
    ];

    /// All of those.
    pub const ALL_SHOWN: Flags = Flags(1 | 2 | 4 | 16);

    /// Whether all of the others are in it.
    pub fn has(self, others: Flags) -> bool {
        self.0 & others.0 == others.0
    }

    /// With the others.
    pub fn with(self, others: Flags) -> Self {
        Flags(self.0 | others.0)
    }
}

/// An entry of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Of what kind it is.
    pub kind: Kind,
    /// The state of the map.
    pub state: MapState,
    /// What else there is to say.
    pub flags: Flags,
    /// Paths that can be used.
    pub active: Slot,
    /// All paths.
    pub total: Slot,
    /// How the paths reach the storage.
    pub transport: Slot,
    /// Bytes.
    pub size: Slot,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            kind: Kind::None,
            state: MapState::Unknown,
            flags: Flags::default(),
            active: Slot::NULL,
            total: Slot::NULL,
            transport: Slot::NULL,
            size: Slot::NULL,
        }
    }
}
