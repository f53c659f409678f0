//! The cells of a LUN, and what they make of it.

use super::Matrix;
use super::cell::Cell;
use super::judge::{Judged, judge};
use super::node::Column;
use super::values::Slot;
use crate::cluster::MapState;
use crate::cluster::json::Json;
use crate::error::{Error, Result};

/// A LUN.
pub struct Row<'m> {
    matrix: &'m Matrix,
    row: u32,
    /// The worst state of those cells that say anything.
    pub state: MapState,
    pub(super) size: Slot,
    /// By column, in the order of the nodes' names.
    pub(super) judged: Vec<(u32, Judged)>,
    /// How many cells say anything.
    pub reporting: usize,
}

impl<'m> Row<'m> {
    /// Of no LUN yet.
    pub(super) fn empty(matrix: &'m Matrix) -> Self {
        Row {
            matrix,
            row: 0,
            state: MapState::Unknown,
            size: Slot::NULL,
            judged: Vec::new(),
            reporting: 0,
        }
    }

    /// Makes it the row of this number.
    pub(super) fn fold(&mut self, columns: &[Column], row: u32) -> Result<()> {
        let matrix = self.matrix;
        let holders = matrix.expected.holders(row);
        let cells = matrix.cells_of(row);
        self.row = row;
        self.state = MapState::Unknown;
        self.size = Slot::NULL;
        self.reporting = 0;
        self.judged.clear();
        for &number in &matrix.order {
            let column = &columns[number as usize];
            let cell = &cells[number as usize];
            let expected = holders.expects(number, column);
            let judged = judge(matrix.mode, cell, column, expected)
                .map_err(|()| matrix.malformed(row, number))?;
            let Some(judged) = judged else {
                continue;
            };
            if judged.state != MapState::Unknown {
                self.reporting += 1;
                self.state = self.state.max(judged.state);
            }
            if judged.is_own && self.size.is_null() {
                self.size = cell.size;
            }
            self.judged.push((number, judged));
        }
        Ok(())
    }

    /// Its WWID.
    pub fn wwid(&self) -> &'m str {
        self.matrix.wwids.name(self.row)
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.row
    }

    /// Its alias.
    pub fn alias(&self) -> Option<&'m Json> {
        defined(self.matrix.config.aliases.get(self.wwid()))
    }

    /// The storages on it.
    pub fn used_by(&self) -> Option<&'m Json> {
        defined(self.matrix.config.used_by.get(self.wwid()))
    }

    /// Bytes, as the first node has it.
    pub fn size(&self) -> Option<Json> {
        (!self.size.is_null()).then(|| self.matrix.values.get(self.size))
    }

    /// Its cells in the order of the nodes' names: the node's name, what the cell means, and what the
    /// node has said.
    pub fn cells(&self) -> impl Iterator<Item = (&'m str, Judged, &'m Cell)> {
        let said = self.matrix.cells_of(self.row);
        self.judged.iter().map(move |&(column, judged)| {
            let name = self.matrix.nodes[column as usize].name();
            (name, judged, &said[column as usize])
        })
    }
}

fn defined(value: Option<&Json>) -> Option<&Json> {
    value.filter(|value| **value != Json::Null)
}

impl Matrix {
    fn malformed(&self, row: u32, column: u32) -> Error {
        Error::argument(format!(
            "the entry of node '{}' for '{}' is no object",
            crate::text::printable(self.nodes[column as usize].name().as_bytes()),
            crate::text::printable(self.wwids.name(row).as_bytes())
        ))
    }
}
