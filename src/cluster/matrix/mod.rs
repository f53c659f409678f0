//! The matrix: what each node says of each LUN, and what that means for the cluster.
//!
//! One row for each LUN, one column for each node, a [`Cell`] of 20 bytes where they meet. Broadcasts
//! are read into columns by `report`; what a column counts for follows from membership, time and the
//! broadcast itself (`node`), what a cell means there from the mode (`judge`), and `row` folds
//! the cells of a LUN into its state. Nothing is kept that can be computed from these, so that there is
//! nothing that could disagree with them.

mod apply;
mod cell;
mod compact;
mod config;
mod head;
mod interner;
mod judge;
mod look;
mod node;
mod report;
mod row;
mod seen;
mod values;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};

pub use cell::{Cell, Flags, Kind};
pub(in crate::cluster) use compact::GONE;
pub use config::Config;
pub(in crate::cluster) use config::{Expected, Holders};
pub(in crate::cluster) use head::END_OF_TIME;
pub use head::{Head, Port};
pub(in crate::cluster) use judge::judge;
pub use judge::{Judged, Reason};
pub(in crate::cluster) use look::Line;
pub(in crate::cluster) use node::Column;
pub use node::{Member, Node, Receipt, Standing};
pub use row::Row;
pub use values::Slot;
pub(in crate::cluster) use write::Texts;

use crate::codes::codes;
use crate::error::Result;
use crate::limits;
use interner::Interner;
use seen::Seen;
use values::Values;

codes! {
    /// Whose answer it is.
    pub enum Mode {
        /// That of the function that Proxmox VE has, with all of its corners.
        Compat = "compat",
        /// Ours: malformed entries harm nobody else, counts are held against states, and each cell says
        /// why it is as it is.
        Strict = "strict",
    }
}

impl Mode {
    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == name)
    }
}

/// What time does to broadcasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// A broadcast that is older, in seconds, says nothing of now.
    pub stale: f64,
    /// How far ahead the clock of a node may be, in seconds (strict mode).
    pub skew: f64,
}

impl Default for Times {
    /// Three intervals of a minute; half a minute.
    fn default() -> Self {
        Self {
            stale: 180.0,
            skew: 30.0,
        }
    }
}

/// All broadcasts, and what is known besides.
pub struct Matrix {
    mode: Mode,
    times: Times,
    now: f64,
    /// None: no cluster, and so every node is there.
    members: Option<BTreeMap<String, Member>>,
    config: Config,
    wwids: Interner,
    names: Interner,
    nodes: Vec<Node>,
    /// Nodes in the order of their names.
    order: Vec<u32>,
    /// Row by row, `stride` cells each.
    cells: Vec<Cell>,
    stride: usize,
    values: Values,
    seen: Seen,
    expected: Expected,
    /// See [`Matrix::set_online`].
    online: Option<BTreeSet<String>>,
}

impl Matrix {
    /// Nothing known yet, at a time in seconds since the epoch.
    pub fn new(mode: Mode, times: Times, now: f64) -> Self {
        Self {
            mode,
            times,
            now,
            members: None,
            config: Config::default(),
            wwids: Interner::default(),
            names: Interner::default(),
            nodes: Vec::new(),
            order: Vec::new(),
            cells: Vec::new(),
            stride: 0,
            values: Values::default(),
            seen: Seen::default(),
            expected: Expected::default(),
            online: None,
        }
    }

    /// Whose answer it gives.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The nodes that anything is known of, or expected of, in the order of their names.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.order.iter().map(|&slot| &self.nodes[slot as usize])
    }

    /// The rows in the order of their WWIDs. An error only in compat mode, where a malformed entry ends
    /// all.
    pub fn rows(&self) -> Result<Vec<Row<'_>>> {
        let columns = self.columns()?;
        let rows = self.sorted_rows().into_iter();
        rows.map(|number| {
            let mut row = Row::empty(self);
            row.fold(&columns, number).map(|()| row)
        })
        .collect()
    }

    /// The numbers of the rows that are shown, in the order of their WWIDs.
    pub(in crate::cluster) fn sorted_rows(&self) -> Vec<u32> {
        let rows = 0..self.wwids.len() as u32;
        let mut rows: Vec<u32> = rows.filter(|&row| self.has_row(row)).collect();
        rows.sort_unstable_by(|&a, &b| self.wwids.name(a).cmp(self.wwids.name(b)));
        rows
    }

    /// About how many bytes the rows have as JSON, as far as it is worth to have them at once: most cells
    /// can be empty.
    pub fn likely_length(&self) -> usize {
        let cells = self.nodes.len() * self.wwids.len();
        (1024 + 100 * self.wwids.len() + 96 * cells).min(128 << 20)
    }

    /// The WWID of a row.
    pub fn wwid(&self, row: u32) -> &str {
        self.wwids.name(row)
    }

    /// Whether a LUN is shown: it is allow-listed, or a node says anything of it.
    fn has_row(&self, row: u32) -> bool {
        self.expected.is_allowed(row)
            || self
                .cells_of(row)
                .iter()
                .any(|cell| cell.kind != Kind::None)
    }

    fn cells_of(&self, row: u32) -> &[Cell] {
        let start = row as usize * self.stride;
        self.cells
            .get(start..start + self.stride)
            .unwrap_or_default()
    }

    /// The column of a node, made if there is none.
    fn column(&mut self, name: &str) -> Result<u32> {
        if let Some(slot) = self.names.find(name) {
            return Ok(slot);
        }
        limits::check_count("nodes", self.names.len() + 1, limits::CLUSTER_NODES)?;
        if self.nodes.len() == self.stride {
            self.widen()?;
        }
        let slot = self.names.put(name);
        self.nodes.push(Node::new(name));
        Ok(slot)
    }

    /// Puts a column where it belongs in the order of names, or takes it out.
    fn show(&mut self, column: u32) {
        let nodes = &self.nodes;
        let node = &nodes[column as usize];
        let at = self
            .order
            .partition_point(|&other| nodes[other as usize].name() < node.name());
        match (node.is_present(), self.order.get(at) == Some(&column)) {
            (true, false) => self.order.insert(at, column),
            (false, true) => drop(self.order.remove(at)),
            _ => {}
        }
    }

    /// Makes room for more columns.
    fn widen(&mut self) -> Result<()> {
        let stride = (self.stride * 3 / 2).max(4);
        limits::check_count("cells", self.wwids.len() * stride, limits::CLUSTER_CELLS)?;
        let mut cells = vec![Cell::default(); self.wwids.len() * stride];
        if self.stride > 0 {
            let old = self.cells.chunks_exact(self.stride);
            for (new, old) in cells.chunks_exact_mut(stride).zip(old) {
                new[..old.len()].copy_from_slice(old);
            }
        }
        self.cells = cells;
        self.stride = stride;
        Ok(())
    }

    /// A node of which nothing is known yet.
    pub fn add_node(&mut self, name: &str) -> Result<()> {
        self.asked(name).map(|_| ())
    }

    /// The column of a node that is asked from now on.
    fn asked(&mut self, name: &str) -> Result<u32> {
        let column = self.column(name)?;
        self.nodes[column as usize].is_asked = true;
        self.show(column);
        Ok(column)
    }

    /// Makes room for this many columns at once.
    pub fn reserve_nodes(&mut self, count: usize) {
        if self.cells.is_empty() && count <= limits::CLUSTER_NODES {
            self.stride = self.stride.max(count);
        }
    }
}
