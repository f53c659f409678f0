//! The cells of a LUN, and what they make of it.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::cell::{Cell, Flags};
use super::config::Holders;
use super::judge::{Judged, judge};
use super::node::{Column, Standing};
use super::values::Slot;
use super::{Matrix, Mode};
use crate::cluster::MapState;
use crate::cluster::json::Json;
use crate::error::{Error, Result};

/// A LUN.
pub struct Row<'m> {
    matrix: &'m Matrix,
    row: u32,
    /// The worst state of those cells that say anything.
    pub state: MapState,
    size: Slot,
    /// By column, in the order of the nodes' names.
    cells: Vec<(u32, Judged)>,
    /// How many cells say anything.
    pub reporting: usize,
}

impl<'m> Row<'m> {
    pub(super) fn fold(matrix: &'m Matrix, columns: &[Column], row: u32) -> Result<Self> {
        let holders = matrix.expected.holders(row);
        let cells = matrix.cells_of(row);
        let mut folded = Row {
            matrix,
            row,
            state: MapState::Unknown,
            size: Slot::NULL,
            cells: Vec::with_capacity(columns.len()),
            reporting: 0,
        };
        for &number in &matrix.order {
            let column = &columns[number as usize];
            let cell = &cells[number as usize];
            let expected = match holders {
                Holders::Reporting => column.standing == Standing::Live,
                other => other.has(number),
            };
            let judged = judge(matrix.mode, cell, column, expected)
                .map_err(|()| matrix.malformed(row, number))?;
            let Some(judged) = judged else {
                continue;
            };
            if judged.state != MapState::Unknown {
                folded.reporting += 1;
                folded.state = folded.state.max(judged.state);
            }
            if judged.is_own && folded.size.is_null() {
                folded.size = cell.size;
            }
            folded.cells.push((number, judged));
        }
        Ok(folded)
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
        self.cells.iter().map(move |&(column, judged)| {
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
            self.nodes[column as usize].name(),
            crate::text::printable(self.wwids.name(row).as_bytes())
        ))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let is_strict = self.matrix.mode == Mode::Strict;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("wwid", self.wwid())?;
        if let Some(alias) = self.alias() {
            map.serialize_entry("alias", alias)?;
        }
        match self.used_by() {
            None => {}
            Some(one @ Json::String(_)) if is_strict => map.serialize_entry("used-by", &[one])?,
            Some(other) => map.serialize_entry("used-by", other)?,
        }
        if !self.size.is_null() {
            map.serialize_entry("size", &Value(self.matrix, self.size))?;
        }
        map.serialize_entry("cluster-state", self.state.name())?;
        if is_strict {
            let coverage = format!("{}/{}", self.reporting, self.cells.len());
            map.serialize_entry("coverage", &coverage)?;
        }
        map.serialize_entry("nodes", &Cells(self))?;
        map.end()
    }
}

/// The cells by node.
struct Cells<'a, 'm>(&'a Row<'m>);

impl Serialize for Cells<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.cells.len()))?;
        for (name, judged, cell) in self.0.cells() {
            let matrix = self.0.matrix;
            map.serialize_entry(
                name,
                &One {
                    matrix,
                    judged,
                    cell,
                },
            )?;
        }
        map.end()
    }
}

struct One<'m> {
    matrix: &'m Matrix,
    judged: Judged,
    cell: &'m Cell,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let value = |slot| Value(self.matrix, slot);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", self.judged.state.name())?;
        if let Some(reason) = self.judged.reason {
            map.serialize_entry("reason", reason.name())?;
        }
        if self.judged.is_own {
            map.serialize_entry("paths-active", &value(self.cell.active))?;
            map.serialize_entry("paths-total", &value(self.cell.total))?;
            if !self.cell.transport.is_null() {
                map.serialize_entry("transport", &value(self.cell.transport))?;
            }
            if self.matrix.mode == Mode::Strict {
                if !self.cell.size.is_null() {
                    map.serialize_entry("size", &value(self.cell.size))?;
                }
                if Flags::SHOWN
                    .iter()
                    .any(|(flag, _)| self.cell.flags.has(*flag))
                {
                    map.serialize_entry("flags", &self.cell.flags)?;
                }
            }
        }
        map.end()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut names = serializer.serialize_seq(None)?;
        for (flag, name) in Flags::SHOWN {
            if self.has(flag) {
                names.serialize_element(name)?;
            }
        }
        names.end()
    }
}

/// A value of a cell.
struct Value<'m>(&'m Matrix, Slot);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match (self.1.as_small(), self.0.values.in_table(self.1)) {
            (Some(number), _) => serializer.serialize_u32(number),
            (None, Some(value)) => value.serialize(serializer),
            (None, None) => serializer.serialize_unit(),
        }
    }
}
