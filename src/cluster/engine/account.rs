//! The account of a row: how many of its cells are in which state. It follows from the matrix, and is kept
//! so that a cell that changes costs no look at the others.

use super::history::Flaps;
use crate::cluster::MapState;
use crate::cluster::matrix::Judged;

/// What a cell means; an error where it ends all (compat mode).
pub(super) type Meaning = Result<Option<Judged>, ()>;

/// The row's cells that end all have no state, and their own place.
const DEADLY: usize = MapState::ALL.len();

/// What is known of a row without its cells.
#[derive(Clone, Default)]
pub(super) struct Account {
    /// Cells by state.
    counts: [u16; DEADLY + 1],
    /// Cells in which something stands, whatever it means.
    pub held: u16,
    /// Whether it waits to be looked at.
    pub is_dirty: bool,
    /// Whether it was shown when it was looked at last, and its state then.
    pub shown: Option<MapState>,
    /// How often it changed.
    pub flaps: Flaps,
}

fn place(meaning: Meaning) -> Option<usize> {
    match meaning {
        Ok(None) => None,
        Ok(Some(judged)) => Some(judged.state as usize),
        Err(()) => Some(DEADLY),
    }
}

impl Account {
    /// A cell means something else now. By how much the number of those changes that end all.
    pub fn shift(&mut self, before: Meaning, after: Meaning) -> isize {
        let (before, after) = (place(before), place(after));
        if let Some(place) = before {
            self.counts[place] -= 1;
        }
        if let Some(place) = after {
            self.counts[place] += 1;
        }
        isize::from(after == Some(DEADLY)) - isize::from(before == Some(DEADLY))
    }

    /// Whether both have the same cells.
    #[cfg(test)]
    pub fn counts_like(&self, other: &Account) -> bool {
        (self.counts, self.held) == (other.counts, other.held)
    }

    /// The worst state of those cells that say anything.
    pub fn state(&self) -> MapState {
        let worst = MapState::ALL.iter().rev();
        let mut there = worst.filter(|state| self.counts[**state as usize] > 0);
        there.next().copied().unwrap_or(MapState::Unknown)
    }
}
