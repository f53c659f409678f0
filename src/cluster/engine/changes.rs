//! What has changed since somebody asked last.

use std::collections::BTreeMap;

use super::{Engine, Event};
use crate::cluster::matrix::Mode;
use crate::error::Result;

/// An answer to somebody who has asked before, or who has not.
pub struct Changes<'e> {
    /// What to ask with the next time.
    pub cursor: String,
    /// Whether these are all rows: nothing is known any more of what the asker has.
    pub full: bool,
    /// The rows that have changed, in the order of their WWIDs, as a JSON array.
    pub rows: Vec<u8>,
    /// The WWIDs that have no row any more, in their order. A LUN that came and went since is among them,
    /// and was never told of.
    pub removed: Vec<&'e str>,
    /// What has happened since, the oldest first.
    pub events: Vec<&'e Event>,
    /// How many events are not among these: too many came at once, or they were too long ago.
    pub passed_over: u64,
}

/// Where an asker stands; one who has not asked yet at the beginning.
#[derive(Default)]
struct Cursor {
    generation: u64,
    events: u64,
}

impl Engine {
    /// All rows, in the order of their WWIDs, as a JSON array. An error only in compat mode, where a
    /// malformed entry ends all.
    pub fn rows_json(&mut self) -> Result<Vec<u8>> {
        self.refuse_deadly()?;
        let rows = self.matrix.sorted_rows();
        let mut out = Vec::with_capacity(self.matrix.likely_length());
        self.write(&rows, &mut out)?;
        Ok(out)
    }

    /// The whole answer as JSON: `luns`, `nodes`, and in strict mode `findings`. Errors as above.
    pub fn to_json(&mut self) -> Result<Vec<u8>> {
        let mut out = b"{\"luns\":".to_vec();
        out.extend(self.rows_json()?);
        out.extend_from_slice(b",\"nodes\":");
        out.extend(self.nodes_json());
        if self.matrix.mode() == Mode::Strict {
            out.extend_from_slice(b",\"findings\":");
            out.extend(self.findings_json());
        }
        out.push(b'}');
        Ok(out)
    }

    /// What there is to say of each node, as a JSON object by name: the `nodes` of the whole answer. Empty in
    /// compat mode.
    pub fn nodes_json(&self) -> Vec<u8> {
        let nodes = self.matrix.about_nodes();
        let nodes = nodes.filter(|_| self.matrix.mode() == Mode::Strict);
        let nodes: BTreeMap<_, _> = nodes.map(|(node, about)| (node.name(), about)).collect();
        // Writing to memory cannot fail.
        serde_json::to_vec(&nodes).unwrap_or_default()
    }

    /// What has changed since the answer that this cursor is from. Without one, with one of another engine
    /// or process, and with one that is too old, all rows are new. Applied to the rows of that answer, the
    /// changes give the rows of now. Errors as above.
    pub fn changes(&mut self, cursor: Option<&str>) -> Result<Changes<'_>> {
        self.refuse_deadly()?;
        let known = cursor.and_then(|cursor| self.own(cursor));
        let known = known.filter(|known| self.history.knows(known.generation));
        let full = known.is_none();
        let known = known.unwrap_or_default();
        let mut rows = Vec::new();
        match full {
            true => rows = self.rows_json()?,
            false => self.write(&self.rows_after(known.generation), &mut rows)?,
        }
        let mut removed = self.history.removed(known.generation);
        removed.retain(|wwid| !full && self.matrix.row_of(wwid).is_none());
        let events: Vec<&Event> = self.history.events(known.events).collect();
        let told = self.history.told() - known.events;
        Ok(Changes {
            cursor: self.cursor(),
            full,
            rows,
            removed,
            passed_over: told - events.len() as u64,
            events,
        })
    }

    /// The rows that have changed after a generation, in the order of their WWIDs.
    fn rows_after(&self, generation: u64) -> Vec<u32> {
        let changed = self.recency.after(generation);
        let shown = |row: &u32| self.accounts[*row as usize].shown.is_some();
        let mut rows: Vec<u32> = changed.filter(shown).collect();
        let matrix = &self.matrix;
        rows.sort_unstable_by(|&a, &b| matrix.wwid(a).cmp(matrix.wwid(b)));
        rows
    }

    fn write(&mut self, rows: &[u32], out: &mut Vec<u8>) -> Result<()> {
        self.texts.follow(&self.matrix);
        self.matrix
            .write_these(rows, &self.columns, &self.texts, out)
    }

    /// The same error as that of all rows, if there is one.
    fn refuse_deadly(&self) -> Result<()> {
        self.matrix.refuse_malformed(&self.columns)?;
        match self.deadly {
            0 => Ok(()),
            _ => self.matrix.rows().map(|_| ()),
        }
    }

    /// A process that was forked has an engine of its own from then on.
    fn cursor(&self) -> String {
        let (process, events) = (std::process::id(), self.history.told());
        format!(
            "{:x}-{process:x}-{:x}-{events:x}",
            self.identity, self.generation
        )
    }

    /// Where a cursor stands, if it is one of ours.
    fn own(&self, cursor: &str) -> Option<Cursor> {
        let mut parts = cursor
            .split('-')
            .map(|part| u64::from_str_radix(part, 16).ok());
        let mut next = || parts.next().flatten();
        let (identity, process) = (next()?, next()?);
        let cursor = Cursor {
            generation: next()?,
            events: next()?,
        };
        let is_own = identity == self.identity
            && process == u64::from(std::process::id())
            && cursor.generation <= self.generation
            && cursor.events <= self.history.told()
            && parts.next().is_none();
        is_own.then_some(cursor)
    }
}

impl Changes<'_> {
    /// All of it as one JSON object.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rows.len() + 1024);
        let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
        put(b"{\"cursor\":\"");
        put(self.cursor.as_bytes());
        put(if self.full {
            b"\",\"full\":true"
        } else {
            b"\",\"full\":false"
        });
        put(b",\"rows\":");
        put(&self.rows);
        for (key, value) in [
            ("removed", serde_json::to_vec(&self.removed)),
            ("events", serde_json::to_vec(&self.events)),
            ("passed-over", serde_json::to_vec(&self.passed_over)),
        ] {
            put(format!(",\"{key}\":").as_bytes());
            // Writing to memory cannot fail.
            put(&value.unwrap_or_default());
        }
        put(b"}");
        out
    }
}
