//! What changes in the matrix: broadcasts that come and go, membership, and time.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{Cell, Kind};
use super::head::Head;
use super::node::{Broadcast, Receipt};
use super::report::{Into, Report};
use super::{Matrix, Member, Mode};
use crate::cluster::broadcast::{self, Entry};
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
        self.take_broadcast(name, raw, receipt, &mut |_, _| ())
            .map(|_| ())
    }

    /// The same; `was` is told of each cell that changes, with what it was. The number of the column.
    pub(in crate::cluster) fn take_broadcast(
        &mut self,
        name: &str,
        raw: &[u8],
        receipt: Option<Receipt>,
        was: &mut impl FnMut(u32, Cell),
    ) -> Result<u32> {
        let column = self.asked(name)?;
        let (mode, known) = (self.mode, self.wwids.len());
        let text = match raw.len() <= limits::BROADCAST_READ {
            true => broadcast::open(raw).map_err(|error| error.to_string()),
            false => Err(format!("it has {} bytes", raw.len())),
        };
        let mut into = Into {
            mode,
            wwids: &mut self.wwids,
            values: &mut self.values,
            seen: &mut self.seen,
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
            Ok(report) => self.put(column, report, was)?,
            Err(error) => {
                // Names that nobody uses must not take the room of others.
                self.wwids.truncate(known);
                self.clear(column, Broadcast::Bad(error), was);
            }
        }
        self.nodes[column as usize].receipt = receipt;
        Ok(column)
    }

    /// One map of a node is like that from now on, or gone; all else that the node has said holds, as of
    /// now. `was` as above. The number of the column, and of the row if the LUN has one.
    pub(in crate::cluster) fn take_map(
        &mut self,
        name: &str,
        wwid: &str,
        map: Option<&Entry>,
        receipt: Receipt,
        was: &mut impl FnMut(u32, Cell),
    ) -> Result<u32> {
        let column = self.asked(name)?;
        let row = match map {
            Some(_) => Some(self.row(wwid)?),
            None => self.wwids.find(wwid),
        };
        let node = &mut self.nodes[column as usize];
        node.receipt = Some(receipt);
        match &mut node.broadcast {
            Broadcast::Good(head) => head.time = Json::of_number(receipt.at),
            other => {
                *other = Broadcast::Good(Head {
                    time: Json::of_number(receipt.at),
                    ..Head::default()
                });
            }
        }
        let Some(row) = row else {
            return Ok(column);
        };
        let mut into = Into {
            mode: self.mode,
            wwids: &mut self.wwids,
            values: &mut self.values,
            seen: &mut self.seen,
        };
        let cell = map.map_or(Cell::default(), |map| into.cell_of(map));
        let place = &mut self.cells[row as usize * self.stride + column as usize];
        let old = std::mem::replace(place, cell);
        let down = map.map(|map| map.down.iter().map(|&port| port as u32).collect());
        match down.filter(|down: &Vec<u32>| !down.is_empty()) {
            Some(down) => drop(node.down.insert(row, down)),
            None => drop(node.down.remove(&row)),
        }
        match (old.kind, map) {
            (Kind::None, Some(_)) => node.rows.push(row),
            (Kind::None, None) | (_, Some(_)) => {}
            (_, None) => node.rows.retain(|&other| other != row),
        }
        if old != cell {
            was(row, old);
        }
        Ok(column)
    }

    /// A node says nothing any more, and is not asked. `was` as above. The number of its column.
    pub(in crate::cluster) fn forget_node(
        &mut self,
        name: &str,
        was: &mut impl FnMut(u32, Cell),
    ) -> Option<u32> {
        let column = self.names.find(name)?;
        self.clear(column, Broadcast::None, was);
        let node = &mut self.nodes[column as usize];
        node.receipt = None;
        node.is_asked = false;
        self.show(column);
        Some(column)
    }

    /// The same with maps that have been decoded already: an object of entries by WWID.
    pub fn set_maps(&mut self, name: &str, maps: &BTreeMap<String, Json>) -> Result<()> {
        let column = self.asked(name)?;
        let mut into = Into {
            mode: self.mode,
            wwids: &mut self.wwids,
            values: &mut self.values,
            seen: &mut self.seen,
        };
        let mut report = Report::default();
        for (wwid, entry) in maps {
            let row = into.wwids.put(wwid);
            report.cells.push((row, into.cell(entry)));
        }
        self.put(column, report, &mut |_, _| ())
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
        let known = self.wwids.len();
        let row = self.wwids.put(wwid);
        let fits = self.fit_rows();
        if fits.is_err() {
            // A name without cells would be one row too many.
            self.wwids.truncate(known);
        }
        fits.map(|()| row)
    }

    /// Forgets the rows with this number and all later ones, which nobody uses yet.
    pub(super) fn forget_rows(&mut self, known: usize) {
        self.wwids.truncate(known);
        self.cells.truncate(known * self.stride);
    }

    fn fit_rows(&mut self) -> Result<()> {
        limits::check_count("LUNs", self.wwids.len(), limits::CLUSTER_LUNS)?;
        let needed = self.wwids.len() * self.stride;
        limits::check_count("cells", needed, limits::CLUSTER_CELLS)?;
        self.cells.resize(needed, Cell::default());
        Ok(())
    }

    /// Takes the place of what the node has said before.
    fn put(&mut self, column: u32, report: Report, was: &mut impl FnMut(u32, Cell)) -> Result<()> {
        self.fit_rows()?;
        let node = &mut self.nodes[column as usize];
        node.broadcast = Broadcast::Good(report.head);
        node.down = report.down;
        let old = std::mem::take(&mut node.rows);
        let mut cells = report.cells;
        let mut is_there = vec![false; self.wwids.len()];
        let again = |&(row, _): &(u32, Cell)| std::mem::replace(&mut is_there[row as usize], true);
        if cells.iter().any(again) {
            keep_last(&mut cells, &mut is_there);
        }
        let rows: Vec<u32> = cells.iter().map(|(row, _)| *row).collect();
        for (row, cell) in cells {
            let place = &mut self.cells[row as usize * self.stride + column as usize];
            if *place != cell {
                was(row, std::mem::replace(place, cell));
            }
        }
        if old != rows {
            rows.iter().for_each(|&row| is_there[row as usize] = true);
            let gone = old.into_iter().filter(|&row| !is_there[row as usize]);
            gone.for_each(|row| self.empty(row, column, was));
        }
        self.nodes[column as usize].rows = rows;
        Ok(())
    }

    fn clear(&mut self, column: u32, broadcast: Broadcast, was: &mut impl FnMut(u32, Cell)) {
        let node = &mut self.nodes[column as usize];
        let rows = std::mem::take(&mut node.rows);
        node.down.clear();
        node.broadcast = broadcast;
        rows.into_iter()
            .for_each(|row| self.empty(row, column, was));
    }

    /// Takes away what stands in a cell.
    fn empty(&mut self, row: u32, column: u32, was: &mut impl FnMut(u32, Cell)) {
        let place = &mut self.cells[row as usize * self.stride + column as usize];
        let old = std::mem::take(place);
        if old != Cell::default() {
            was(row, old);
        }
    }
}

/// Of cells of the same row the last one counts.
fn keep_last(cells: &mut Vec<(u32, Cell)>, seen: &mut [bool]) {
    seen.fill(false);
    cells.reverse();
    cells.retain(|&(row, _)| !std::mem::replace(&mut seen[row as usize], true));
    cells.reverse();
}
