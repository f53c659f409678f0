//! Throwing away what is of no use any more. Names and values are never forgotten while they come and go;
//! a matrix that lives for long would grow with each LUN that there ever was.

use std::collections::HashMap;

use super::cell::Cell;
use super::interner::Interner;
use super::seen::Seen;
use super::values::{Slot, Values};
use super::{Expected, Matrix};

/// What was thrown away has no new number.
pub(in crate::cluster) const GONE: u32 = u32::MAX;

/// The new numbers, by the old ones.
pub(in crate::cluster) struct Renumbered {
    /// Of rows.
    pub rows: Vec<u32>,
    /// Of columns.
    pub columns: Vec<u32>,
}

impl Matrix {
    /// How many values that are no small numbers are kept.
    pub(in crate::cluster) fn value_count(&self) -> usize {
        self.values.all().len()
    }

    /// Keeps rows that are shown, nodes that are known, and values that stand in a cell. The answer stays
    /// what it is.
    pub(in crate::cluster) fn compact(&mut self) -> Renumbered {
        let (columns, names) = self.new_columns();
        let (rows, wwids) = self.new_rows();
        let stride = names.len().max(4);
        let mut cells = vec![Cell::default(); wwids.len() * stride];
        let mut values = Values::default();
        let mut slots = HashMap::new();
        for (row, &to) in rows.iter().enumerate().filter(|(_, to)| **to != GONE) {
            let old = self.cells_of(row as u32).iter().zip(&columns);
            for (cell, &column) in old.filter(|(_, column)| **column != GONE) {
                let mut moved = |slot: Slot| match slot.place() {
                    None => slot,
                    Some(place) => *slots
                        .entry(place)
                        .or_insert_with(|| values.json(self.values.get(slot))),
                };
                cells[to as usize * stride + column as usize] = Cell {
                    active: moved(cell.active),
                    total: moved(cell.total),
                    transport: moved(cell.transport),
                    size: moved(cell.size),
                    ..*cell
                };
            }
        }
        self.expected = self.expected.renumbered(&rows, &columns);
        let nodes = std::mem::take(&mut self.nodes).into_iter().zip(&columns);
        let nodes = nodes.filter(|(_, to)| **to != GONE).map(|(mut node, _)| {
            node.rows
                .iter_mut()
                .for_each(|row| *row = rows[*row as usize]);
            let down = std::mem::take(&mut node.down).into_iter();
            node.down = down
                .map(|(row, ports)| (rows[row as usize], ports))
                .collect();
            node
        });
        self.nodes = nodes.collect();
        let order = self.order.iter().map(|&column| columns[column as usize]);
        self.order = order.collect();
        (self.wwids, self.names, self.values) = (wwids, names, values);
        // What is kept there has the old values.
        self.seen = Seen::default();
        (self.cells, self.stride) = (cells, stride);
        Renumbered { rows, columns }
    }

    /// Numbers for those nodes that are known, in their old order.
    fn new_columns(&self) -> (Vec<u32>, Interner) {
        let mut names = Interner::default();
        let new = self.nodes.iter().map(|node| match node.is_present() {
            true => names.put(node.name()),
            false => GONE,
        });
        (new.collect(), names)
    }

    /// The same for rows that are shown.
    fn new_rows(&self) -> (Vec<u32>, Interner) {
        let mut wwids = Interner::default();
        let rows = 0..self.wwids.len() as u32;
        let new = rows.map(|row| match self.has_row(row) {
            true => wwids.put(self.wwid(row)),
            false => GONE,
        });
        (new.collect(), wwids)
    }
}

impl Expected {
    fn renumbered(&self, rows: &[u32], columns: &[u32]) -> Self {
        let mut new = Expected::default();
        let kept = rows.iter().zip(self.rows.iter());
        let kept = kept.filter(|(row, _)| **row != GONE);
        // Numbers keep their order, so each comes at its place.
        new.rows.extend(kept.map(|(_, &set)| set));
        let words = columns.len().div_ceil(64);
        for set in &self.sets {
            let mut bits = vec![0; words];
            for (column, &to) in columns.iter().enumerate() {
                let word = set.get(column / 64).copied().unwrap_or(0);
                if to != GONE && word >> (column % 64) & 1 == 1 {
                    bits[to as usize / 64] |= 1 << (to % 64);
                }
            }
            new.sets.push(bits);
        }
        new
    }
}
