//! What changes in the matrix: broadcasts that come and go, membership, and time.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::Cell;
use super::node::{Broadcast, Receipt};
use super::report::{Into, Report};
use super::{Matrix, Member, Mode};
use crate::cluster::broadcast;
use crate::cluster::json::Json;
use crate::error::Result;
use crate::limits;

impl Matrix {
    /// What a node has broadcast last, as the key-value store has it. What is not understood is no
    /// error: the node is said to be malformed. In strict mode that is also so where there is no room for
    /// what it says; in compat mode this is an error.
    pub fn set_broadcast(
        &mut self,
        name: &str,
        raw: &[u8],
        receipt: Option<Receipt>,
    ) -> Result<()> {
        let column = self.column(name)?;
        let (mode, known) = (self.mode, self.wwids.len());
        let text = match raw.len() <= limits::BROADCAST_READ {
            true => broadcast::open(raw).map_err(|error| error.to_string()),
            false => Err(format!("it has {} bytes", raw.len())),
        };
        let mut into = Into {
            mode,
            wwids: &mut self.wwids,
            values: &mut self.values,
        };
        let mut read = text.and_then(|text| into.read(&text).map_err(|error| error.to_string()));
        if let (Ok(_), Err(error)) = (&read, self.fit_rows()) {
            read = Err(error.to_string());
            if mode == Mode::Compat {
                self.wwids.truncate(known);
                return Err(error);
            }
        }
        match read {
            Ok(report) => self.put(column, report)?,
            Err(error) => {
                // Names that nobody uses must not take the room of others.
                self.wwids.truncate(known);
                self.clear(column, Broadcast::Bad(error));
            }
        }
        self.nodes[column as usize].receipt = receipt;
        Ok(())
    }

    /// The same with maps that have been decoded already: an object of entries by WWID.
    pub fn set_maps(&mut self, name: &str, maps: &BTreeMap<String, Json>) -> Result<()> {
        let column = self.column(name)?;
        let mut into = Into {
            mode: self.mode,
            wwids: &mut self.wwids,
            values: &mut self.values,
        };
        let mut report = Report::default();
        for (wwid, entry) in maps {
            let row = into.wwids.put(wwid);
            report.cells.push((row, into.cell(entry)));
        }
        self.put(column, report)
    }

    /// A node has broadcast nothing, or has taken it back.
    pub fn remove_broadcast(&mut self, name: &str) {
        if let Some(column) = self.names.find(name) {
            self.clear(column, Broadcast::None);
            self.nodes[column as usize].receipt = None;
        }
    }

    /// Who is there; none if there is no cluster.
    pub fn set_members(&mut self, members: Option<BTreeMap<String, Member>>) {
        if self.members != members {
            self.members = members;
            self.all_dirty = true;
        }
    }

    /// In compat mode, instead of membership and time: the nodes that count as online.
    pub fn set_online(&mut self, online: BTreeSet<String>) {
        self.online = Some(online);
        self.all_dirty = true;
    }

    /// The time, in seconds since the epoch.
    pub fn set_time(&mut self, now: f64) {
        if self.now != now {
            self.now = now;
        }
    }

    /// The number of a row, made if there is none.
    pub(super) fn row(&mut self, wwid: &str) -> Result<u32> {
        let row = self.wwids.put(wwid);
        self.fit_rows()?;
        Ok(row)
    }

    fn fit_rows(&mut self) -> Result<()> {
        limits::check_count("LUNs", self.wwids.len(), limits::CLUSTER_LUNS)?;
        let needed = self.wwids.len() * self.stride;
        limits::check_count("cells", needed, limits::CLUSTER_CELLS)?;
        self.cells.resize(needed, Cell::default());
        Ok(())
    }

    fn put(&mut self, column: u32, report: Report) -> Result<()> {
        self.fit_rows()?;
        let stride = self.stride;
        let at = |row: u32| row as usize * stride + column as usize;
        let old_rows = std::mem::take(&mut self.nodes[column as usize].rows);
        let mut rows = Vec::with_capacity(report.cells.len());
        // Rows that it names no longer are those that are not written again.
        let mut written = RowSet::new(if old_rows.is_empty() {
            0
        } else {
            self.wwids.len()
        });
        for (row, cell) in report.cells {
            rows.push(row);
            written.insert(row);
            let place = &mut self.cells[at(row)];
            if *place != cell {
                *place = cell;
                self.dirty.push(row);
            }
        }
        for row in old_rows.into_iter().filter(|&row| !written.has(row)) {
            self.cells[at(row)] = Cell::default();
            self.dirty.push(row);
        }
        let node = &mut self.nodes[column as usize];
        node.rows = rows;
        node.down = report.down;
        node.broadcast = Broadcast::Good(report.head);
        Ok(())
    }

    fn clear(&mut self, column: u32, broadcast: Broadcast) {
        let node = &mut self.nodes[column as usize];
        let rows = std::mem::take(&mut node.rows);
        node.down.clear();
        node.broadcast = broadcast;
        for row in rows {
            self.cells[row as usize * self.stride + column as usize] = Cell::default();
            self.dirty.push(row);
        }
    }
}

/// Rows, a bit for each.
struct RowSet(Vec<u64>);

impl RowSet {
    fn new(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(64)])
    }

    fn insert(&mut self, row: u32) {
        if let Some(word) = self.0.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }

    fn has(&self, row: u32) -> bool {
        let word = self.0.get(row as usize / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}
