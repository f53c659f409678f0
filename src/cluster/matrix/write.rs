//! Rows as JSON text. An answer has millions of cells, whose keys and values are few: what is the same
//! for a node, or for a value, is written once, and copied from there.

use super::cell::{Cell, Flags};
use super::judge::Judged;
use super::node::Column;
use super::row::Row;
use super::values::Slot;
use super::{Matrix, Mode};
use crate::cluster::json::Json;
use crate::error::Result;

impl Matrix {
    /// Appends all rows, as a JSON array. An error only in compat mode, where a malformed entry ends all.
    pub fn write_rows(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut texts = Texts::default();
        texts.follow(self);
        self.write_these(&self.sorted_rows(), &self.columns()?, &texts, out)
    }

    /// Appends these rows, as a JSON array, with columns that count for what is given.
    pub(in crate::cluster) fn write_these(
        &self,
        rows: &[u32],
        columns: &[Column],
        texts: &Texts,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let writer = Writer {
            matrix: self,
            texts,
        };
        let mut row = Row::empty(self);
        out.push(b'[');
        for (nth, &number) in rows.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            row.fold(columns, number)?;
            writer.row(&row, out);
        }
        out.push(b']');
        Ok(())
    }
}

/// Texts that are needed again and again.
#[derive(Default)]
pub(in crate::cluster) struct Texts {
    /// By column: its key, up to where the state stands.
    names: Vec<Vec<u8>>,
    /// By place in the table of values.
    values: Vec<Vec<u8>>,
}

impl Texts {
    /// Adds what has come to a matrix since. Columns and values keep their numbers.
    pub fn follow(&mut self, matrix: &Matrix) {
        for node in &matrix.nodes[self.names.len()..] {
            let mut key = Vec::new();
            string(node.name(), &mut key);
            key.extend_from_slice(b":{\"state\":\"");
            self.names.push(key);
        }
        for value in &matrix.values.all()[self.values.len()..] {
            let mut text = Vec::new();
            json(value, &mut text);
            self.values.push(text);
        }
    }
}

struct Writer<'m> {
    matrix: &'m Matrix,
    texts: &'m Texts,
}

impl Writer<'_> {
    fn row(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        let is_strict = self.matrix.mode == Mode::Strict;
        out.extend_from_slice(b"{\"wwid\":");
        string(row.wwid(), out);
        if let Some(alias) = row.alias() {
            out.extend_from_slice(b",\"alias\":");
            json(alias, out);
        }
        if let Some(used_by) = row.used_by() {
            out.extend_from_slice(b",\"used-by\":");
            match used_by {
                one @ Json::String(_) if is_strict => {
                    out.push(b'[');
                    json(one, out);
                    out.push(b']');
                }
                other => json(other, out),
            }
        }
        if !row.size.is_null() {
            out.extend_from_slice(b",\"size\":");
            self.value(row.size, out);
        }
        out.extend_from_slice(b",\"cluster-state\":\"");
        out.extend_from_slice(row.state.name().as_bytes());
        if is_strict {
            out.extend_from_slice(b"\",\"coverage\":\"");
            number(row.reporting as u32, out);
            out.push(b'/');
            number(row.judged.len() as u32, out);
        }
        out.extend_from_slice(b"\",\"nodes\":{");
        let said = self.matrix.cells_of(row.number());
        for (nth, &(column, judged)) in row.judged.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.texts.names[column as usize]);
            self.cell(judged, &said[column as usize], out);
        }
        out.extend_from_slice(b"}}");
    }

    /// From the state on.
    #[inline]
    fn cell(&self, judged: Judged, cell: &Cell, out: &mut Vec<u8>) {
        out.extend_from_slice(judged.state.name().as_bytes());
        out.push(b'"');
        if let Some(reason) = judged.reason {
            out.extend_from_slice(b",\"reason\":\"");
            out.extend_from_slice(reason.name().as_bytes());
            out.push(b'"');
        }
        if judged.is_own {
            out.extend_from_slice(b",\"paths-active\":");
            self.value(cell.active, out);
            out.extend_from_slice(b",\"paths-total\":");
            self.value(cell.total, out);
            if !cell.transport.is_null() {
                out.extend_from_slice(b",\"transport\":");
                self.value(cell.transport, out);
            }
            if self.matrix.mode == Mode::Strict {
                self.more(cell, out);
            }
        }
        out.push(b'}');
    }

    /// What only strict mode says.
    fn more(&self, cell: &Cell, out: &mut Vec<u8>) {
        if !cell.size.is_null() {
            out.extend_from_slice(b",\"size\":");
            self.value(cell.size, out);
        }
        if cell.flags.0 & Flags::ALL_SHOWN.0 == 0 {
            return;
        }
        out.extend_from_slice(b",\"flags\":[");
        let shown = Flags::SHOWN
            .iter()
            .filter(|(flag, _)| cell.flags.has(*flag));
        for (nth, (_, name)) in shown.enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            string(name, out);
        }
        out.push(b']');
    }

    #[inline]
    fn value(&self, slot: Slot, out: &mut Vec<u8>) {
        match (slot.as_small(), slot.place()) {
            (Some(small), _) => number(small, out),
            (None, Some(place)) => out.extend_from_slice(&self.texts.values[place]),
            (None, None) => out.extend_from_slice(b"null"),
        }
    }
}

#[inline]
fn number(value: u32, out: &mut Vec<u8>) {
    if value < 10 {
        return out.push(b'0' + value as u8);
    }
    let mut digits = [0; 10];
    let (mut at, mut rest) = (digits.len(), value);
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

fn string(text: &str, out: &mut Vec<u8>) {
    let is_plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing to memory cannot fail.
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok());
}

fn json(value: &Json, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}
