//! The matrix for those who look for something in it: which rows are not plainly fine, and what is known of
//! nodes and values by their numbers.

use super::cell::{Cell, Flags, Kind};
use super::config::Holders;
use super::judge::{Judged, strict};
use super::node::{Column, Node, Standing};
use super::values::Slot;
use super::{Matrix, Mode};
use crate::cluster::MapState;
use crate::cluster::json::Json;

/// What a map has that is not plainly fine.
const ODD: Flags = Flags(
    Flags::SUSPENDED.0
        | Flags::MARGINAL.0
        | Flags::DISAGREES.0
        | Flags::UNRECOGNIZED.0
        | Flags::IMPOSSIBLE.0,
);

/// A LUN's cells as they are judged one by one, without being kept. Strict mode only.
#[derive(Clone, Copy)]
pub(in crate::cluster) struct Line<'m> {
    pub matrix: &'m Matrix,
    pub columns: &'m [Column],
    pub row: u32,
}

impl<'m> Line<'m> {
    /// Its cells in the order of the nodes' names: the number of the column, what the cell means, and what
    /// the node has said.
    #[inline]
    pub fn cells(self) -> impl Iterator<Item = (u32, Judged, &'m Cell)> {
        let Line {
            matrix,
            columns,
            row,
        } = self;
        let said = matrix.cells_of(row);
        let holders = matrix.expected.holders(row);
        matrix.order.iter().filter_map(move |&number| {
            let (cell, column) = (&said[number as usize], &columns[number as usize]);
            let expected = match holders {
                Holders::Reporting => column.standing.reports(),
                other => other.has(number),
            };
            let judged = strict(cell, column, expected)?;
            Some((number, judged, cell))
        })
    }
}

impl Cell {
    /// Whether the map has something that is not plainly fine, besides its state.
    #[inline]
    pub(in crate::cluster) fn is_odd(&self) -> bool {
        self.flags.0 & ODD.0 != 0
    }
}

impl Matrix {
    /// The columns by their numbers, and the numbers in the order of the nodes' names. Strict mode only.
    pub(in crate::cluster) fn all_columns(&self) -> (Vec<Column>, &[u32]) {
        debug_assert!(self.mode == Mode::Strict);
        (self.standings(), &self.order)
    }

    /// All nodes with the numbers of their columns, in the order of their names.
    pub(in crate::cluster) fn all_nodes(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.order.iter().map(|&column| (column, self.node(column)))
    }

    /// The node of a column.
    pub(in crate::cluster) fn node(&self, column: u32) -> &Node {
        &self.nodes[column as usize]
    }

    /// What the node of a column has said of a LUN.
    pub(in crate::cluster) fn said(&self, row: u32, column: u32) -> &Cell {
        &self.cells_of(row)[column as usize]
    }

    /// The number that a value is.
    pub(in crate::cluster) fn integer(&self, slot: Slot) -> Option<u64> {
        match self.values.get(slot) {
            Json::Number(number) => u64::try_from(number.as_integer()?).ok(),
            _ => None,
        }
    }

    /// The number of a WWID's row.
    pub(in crate::cluster) fn row_of(&self, wwid: &str) -> Option<u32> {
        self.wwids.find(wwid).filter(|&row| self.has_row(row))
    }

    /// The allow-listed LUNs that a node is to have, which is there and reports.
    pub(in crate::cluster) fn rows_for(&self, column: u32) -> impl Iterator<Item = u32> {
        self.expected.allowed().filter(move |&row| {
            let holders = self.expected.holders(row);
            matches!(holders, Holders::Reporting) || holders.has(column)
        })
    }

    /// Whether the node of a column has a map of any allow-listed LUN.
    pub(in crate::cluster) fn has_allowed_map(&self, column: u32) -> bool {
        let mut rows = self.nodes[column as usize].rows.iter();
        rows.any(|&row| self.expected.is_allowed(row))
    }

    /// All rows that are shown.
    pub(in crate::cluster) fn shown_rows(&self) -> impl Iterator<Item = u32> {
        (0..self.wwids.len() as u32).filter(|&row| self.has_row(row))
    }

    /// Glances at all rows. Most are fine, and the same on all nodes: this is all that they cost. The others
    /// come back in the order of their WWIDs. `quiet` is told of rows that are fine, of which nodes that
    /// should tell say nothing of now: the columns of these nodes in the order of their names, and how many
    /// others tell.
    pub(in crate::cluster) fn glance(
        &self,
        columns: &[Column],
        mut quiet: impl FnMut(u32, &[u32], usize),
    ) -> Vec<u32> {
        let live = |column: u32| columns[column as usize].standing == Standing::Live;
        let (mut present, away): (Vec<u32>, Vec<u32>) =
            self.order.iter().partition(|&&column| live(column));
        // What is fine or not does not depend on the order, and memory is read fastest in its own.
        present.sort_unstable();
        let mut odd = Vec::new();
        let mut absent = Vec::new();
        for row in 0..self.wwids.len() as u32 {
            let Some(mut telling) = self.agreeing(&present, row) else {
                if self.has_row(row) {
                    odd.push(row);
                }
                continue;
            };
            absent.clear();
            for &column in &away {
                let standing = columns[column as usize].standing;
                if !self.is_concerned(row, column, standing) {
                    continue;
                }
                match standing {
                    // It is known to have nothing to say.
                    Standing::Silent => telling += 1,
                    _ => absent.push(column),
                }
            }
            if !absent.is_empty() {
                quiet(row, &absent, telling);
            }
        }
        odd.sort_unstable_by(|&a, &b| self.wwids.name(a).cmp(self.wwids.name(b)));
        odd
    }

    /// How many of the nodes that are there have a LUN, if all of them that should have it do, there is
    /// nothing to say of it on any of them, and they agree about it.
    #[inline]
    fn agreeing(&self, present: &[u32], row: u32) -> Option<usize> {
        let cells = self.cells_of(row);
        let holders = self.expected.holders(row);
        let mut first: Option<&Cell> = None;
        let mut count = 0;
        for &column in present {
            let cell = &cells[column as usize];
            if cell.kind != Kind::Map {
                let is_due = matches!(holders, Holders::Reporting) || holders.has(column);
                if cell.kind != Kind::None || is_due {
                    return None;
                }
                continue;
            }
            let first = *first.get_or_insert(cell);
            let is_fine = (cell.state == MapState::Optimal)
                & !cell.is_odd()
                & (cell.total == first.total)
                & (cell.size == first.size);
            if !is_fine {
                return None;
            }
            count += 1;
        }
        first.map(|_| count)
    }

    /// Whether a node that says nothing of now has said anything of a LUN, or should.
    fn is_concerned(&self, row: u32, column: u32, standing: Standing) -> bool {
        self.said(row, column).kind != Kind::None
            || match self.expected.holders(row) {
                Holders::Reporting => standing.reports(),
                other => other.has(column),
            }
    }
}
