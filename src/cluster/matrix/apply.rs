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

    /// Who is there; none if there is no cluster.
    pub fn set_members(&mut self, members: Option<BTreeMap<String, Member>>) {
        self.members = members;
    }

    /// In compat mode, instead of membership and time: the nodes that count as online.
    pub fn set_online(&mut self, online: BTreeSet<String>) {
        self.online = Some(online);
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

    /// Takes the place of what the node has said before.
    fn put(&mut self, column: u32, report: Report) -> Result<()> {
        self.fit_rows()?;
        self.clear(column, Broadcast::Good(report.head));
        let mut rows = Vec::with_capacity(report.cells.len());
        for (row, cell) in report.cells {
            rows.push(row);
            self.cells[row as usize * self.stride + column as usize] = cell;
        }
        let node = &mut self.nodes[column as usize];
        node.rows = rows;
        node.down = report.down;
        Ok(())
    }

    fn clear(&mut self, column: u32, broadcast: Broadcast) {
        let node = &mut self.nodes[column as usize];
        let rows = std::mem::take(&mut node.rows);
        node.down.clear();
        node.broadcast = broadcast;
        for row in rows {
            self.cells[row as usize * self.stride + column as usize] = Cell::default();
        }
    }
}
