//! What a cell means, given what its node is and whether the LUN is expected there.

use super::Mode;
use super::cell::{Cell, Flags, Kind};
use super::node::{Column, Standing};
use crate::cluster::MapState;
use crate::codes::codes;

codes! {
    /// Why a cell is as it is, if its map does not say so itself. Strict mode only.
    pub enum Reason {
        /// The node is not there.
        Offline = "offline",
        /// What the node has said is too old.
        Stale = "stale",
        /// The node's broadcast is not understood.
        Undecodable = "undecodable",
        /// The node has not said anything.
        NoBroadcast = "no-broadcast",
        /// The node reports, and this map is not among its maps.
        NotAssembled = "not-assembled",
        /// The node had no room to report all of its maps.
        Truncated = "truncated",
        /// The entry is no map.
        Malformed = "malformed",
        /// The map is suspended.
        Suspended = "suspended",
        /// The node's word for the state is not known.
        UnrecognizedState = "unrecognized-state",
        /// More paths are active than there are.
        ImpossibleCounts = "impossible-counts",
    }
}

/// What a cell means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The state that counts.
    pub state: MapState,
    /// Why, if the map itself does not say it.
    pub reason: Option<Reason>,
    /// Whether the map's own values are shown.
    pub is_own: bool,
}

fn because(state: MapState, reason: Reason) -> Option<Judged> {
    Some(Judged {
        state,
        reason: Some(reason),
        is_own: false,
    })
}

/// In compat mode; an error if the entry is one that ends all.
pub(super) fn compat(cell: &Cell, column: &Column, expected: bool) -> Result<Option<Judged>, ()> {
    let plain = |state| Judged {
        state,
        reason: None,
        is_own: false,
    };
    let is_online = column.online == Ok(true);
    Ok(match cell.kind {
        Kind::Malformed if is_online => return Err(()),
        Kind::Map if is_online => Some(Judged {
            state: cell.state,
            reason: None,
            is_own: true,
        }),
        Kind::Malformed | Kind::Map => Some(plain(MapState::Unknown)),
        Kind::False | Kind::None if !expected => None,
        Kind::False | Kind::None if is_online => Some(plain(MapState::Missing)),
        Kind::False | Kind::None => Some(plain(MapState::Unknown)),
    })
}

/// In strict mode.
pub(super) fn strict(cell: &Cell, column: &Column, expected: bool) -> Option<Judged> {
    if cell.kind == Kind::None && !expected {
        return None;
    }
    let unknown = |reason| because(MapState::Unknown, reason);
    match column.standing {
        Standing::Offline => return unknown(Reason::Offline),
        Standing::Stale => return unknown(Reason::Stale),
        Standing::Malformed => return unknown(Reason::Undecodable),
        Standing::Silent => return because(MapState::Missing, Reason::NoBroadcast),
        Standing::Live => {}
    }
    match cell.kind {
        Kind::None if column.truncated => unknown(Reason::Truncated),
        Kind::None => because(MapState::Missing, Reason::NotAssembled),
        Kind::False | Kind::Malformed => unknown(Reason::Malformed),
        Kind::Map => Some(Judged {
            state: match cell.flags.has(Flags::SUSPENDED) {
                true => MapState::Unknown,
                false => cell.state,
            },
            reason: if cell.flags.has(Flags::SUSPENDED) {
                Some(Reason::Suspended)
            } else if cell.flags.has(Flags::UNRECOGNIZED) {
                Some(Reason::UnrecognizedState)
            } else if cell.flags.has(Flags::IMPOSSIBLE) {
                Some(Reason::ImpossibleCounts)
            } else {
                None
            },
            is_own: true,
        }),
    }
}

/// By the mode.
#[inline]
pub(in crate::cluster) fn judge(
    mode: Mode,
    cell: &Cell,
    column: &Column,
    expected: bool,
) -> Result<Option<Judged>, ()> {
    match mode {
        Mode::Compat => compat(cell, column, expected),
        Mode::Strict => Ok(strict(cell, column, expected)),
    }
}
