//! The matrix of a process that lives: told of what changes, asked for what has changed.
//!
//! An [`Engine`] keeps a [`Matrix`] and an account of each of its rows (`account`), so that a cell that
//! changes, or a node that goes, costs what it touches and not the whole. It knows when broadcasts grow
//! stale (`deadlines`), in which order rows have changed (`recency`), and what has happened (`history`);
//! `changes` answers those who come again. What the rows say follows from the matrix alone, and the matrix
//! from what it was told last: all that is kept beside it can be lost, and made anew (`flow`).

mod account;
mod changes;
mod deadlines;
mod flow;
mod history;
mod mutes;
mod recency;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher;

pub use changes::Changes;
pub use history::Event;
pub use mutes::Told;
pub use settings::time_from_text;

use super::broadcast::Entry;
use super::matrix::{
    Cell, Column, Config, END_OF_TIME, Matrix, Member, Mode, Receipt, Texts, Times,
};
use crate::error::{Error, Result};
use account::Account;
use deadlines::Deadlines;
use history::{Flaps, History};
use mutes::Mutes;
use recency::Recency;

/// All that is known of the paths of a cluster, kept up to date.
pub struct Engine {
    matrix: Matrix,
    /// What each column counts for, as the accounts have it.
    columns: Vec<Column>,
    nodes: Vec<Seen>,
    accounts: Vec<Account>,
    /// Rows whose account has changed.
    dirty: Vec<u32>,
    /// Cells that end all (compat mode).
    deadly: usize,
    deadlines: Deadlines,
    /// How often anything has changed.
    generation: u64,
    recency: Recency,
    history: History,
    mutes: Mutes,
    texts: Texts,
    /// Tells this engine from others.
    identity: u64,
    hasher: hashbrown::DefaultHashBuilder,
    /// Cells that an operation changes, with what they were; here for its room only.
    was: Vec<(u32, Cell)>,
    /// Rows and values when the matrix was compact last.
    kept: (usize, usize),
}

/// What is known of a node beside its column.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// A hash of its broadcast: if it comes again, nothing has changed.
    digest: Option<u64>,
    flaps: Flaps,
}

impl Engine {
    /// Of a cluster of which nothing is known yet.
    pub fn new(mode: Mode, times: Times) -> Self {
        Self {
            matrix: Matrix::new(mode, times, 0.0),
            columns: Vec::new(),
            nodes: Vec::new(),
            accounts: Vec::new(),
            dirty: Vec::new(),
            deadly: 0,
            deadlines: Deadlines::default(),
            generation: 0,
            recency: Recency::default(),
            history: History::default(),
            mutes: Mutes::default(),
            texts: Texts::default(),
            // Keys of the standard library's hashes are from the system's source of randomness.
            identity: std::hash::RandomState::new().hash_one(std::process::id()),
            hasher: hashbrown::DefaultHashBuilder::default(),
            was: Vec::new(),
            kept: (0, 0),
        }
    }

    /// The matrix as it is now.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What a node has broadcast last, as the key-value store has it, at a time in seconds since the
    /// epoch. The same again is no news, and costs next to nothing. What is not understood is no error:
    /// the node is said to be malformed. An error of a time that is none, of too many nodes, and in compat
    /// mode of too many LUNs; nothing that was known before is lost by it.
    pub fn update_node(&mut self, name: &str, raw: &[u8], now: f64) -> Result<()> {
        self.advance(now)?;
        let digest = Some(self.hasher.hash_one(raw));
        let column = self.matrix.column_of(name);
        let known = column.filter(|&column| self.columns[column as usize].is_present);
        if known.is_some_and(|column| self.nodes[column as usize].digest == digest) {
            return Ok(());
        }
        let receipt = self.receipt(column);
        let mut was = std::mem::take(&mut self.was);
        let cells = &mut |row, cell| was.push((row, cell));
        let taken = self.matrix.take_broadcast(name, raw, Some(receipt), cells);
        self.grow();
        let column = match &taken {
            Ok(column) => {
                self.nodes[*column as usize].digest = digest;
                Some(*column)
            }
            Err(_) => self.matrix.column_of(name),
        };
        if let Some(column) = column {
            self.settle_node(column, &was, "broadcast");
        }
        was.clear();
        self.was = was;
        self.tidy();
        taken.map(|_| ())
    }

    /// One map of a node is like that now, or gone: as if the node had broadcast all that it said last
    /// anew, with this one changed. Errors as above.
    pub fn update_map(
        &mut self,
        name: &str,
        wwid: &str,
        map: Option<&Entry>,
        now: f64,
    ) -> Result<()> {
        self.advance(now)?;
        let receipt = self.receipt(self.matrix.column_of(name));
        let mut was = std::mem::take(&mut self.was);
        let cells = &mut |row, cell| was.push((row, cell));
        let taken = self.matrix.take_map(name, wwid, map, receipt, cells);
        self.grow();
        if let Some(column) = self.matrix.column_of(name) {
            if taken.is_ok() {
                self.nodes[column as usize].digest = None;
            }
            self.settle_node(column, &was, "broadcast");
        }
        was.clear();
        self.was = was;
        self.tidy();
        taken.map(|_| ())
    }

    /// A node has not broadcast anything, or what it has is gone.
    pub fn remove_node(&mut self, name: &str) {
        let mut was = std::mem::take(&mut self.was);
        let cells = &mut |row, cell| was.push((row, cell));
        if let Some(column) = self.matrix.forget_node(name, cells) {
            self.nodes[column as usize].digest = None;
            self.settle_node(column, &was, "broadcast");
        }
        was.clear();
        self.was = was;
        self.tidy();
    }

    /// Who is there; none if there is no cluster, and every node is there.
    pub fn set_members(&mut self, members: Option<BTreeMap<String, Member>>) {
        if self.matrix.members() != members.as_ref() {
            self.matrix.set_members(members);
            self.look_again("membership");
        }
    }

    /// What the cluster is configured to have. An error of too many nodes or LUNs; the old configuration
    /// holds then.
    pub fn set_config(&mut self, config: Config) -> Result<()> {
        if config == *self.matrix.config() {
            return Ok(());
        }
        let replaced = self.matrix.replace_config(config);
        self.grow();
        if let Ok((config, expected)) = &replaced {
            self.reconfigure(config, expected);
            self.look_again("configuration");
        }
        self.tidy();
        replaced.map(|_| ())
    }

    /// It is that time now, in seconds since the epoch. Time that goes back does so. An error if it is
    /// none.
    pub fn advance(&mut self, now: f64) -> Result<()> {
        if !(0.0..END_OF_TIME).contains(&now) {
            return Err(Error::argument("now is not a time"));
        }
        let before = self.matrix.now();
        self.matrix.set_now(now);
        if now < before {
            self.look_again("time");
        }
        let mut due = Vec::new();
        while let Some(column) = self.deadlines.pop(now) {
            due.push(column);
        }
        for column in due {
            self.settle_node(column, &[], "time");
        }
        Ok(())
    }

    /// The next time at which something changes that nobody tells of: a broadcast grows stale, or a finding
    /// is not muted any more.
    pub fn next_deadline(&self) -> Option<f64> {
        let ends = [self.deadlines.next(), self.mutes.next_end()];
        ends.into_iter().flatten().min_by(f64::total_cmp)
    }

    /// A broadcast that comes now. It was seen to come only if it takes the place of another.
    fn receipt(&self, column: Option<u32>) -> Receipt {
        let node = column.map(|column| self.matrix.node(column));
        Receipt {
            at: self.matrix.now(),
            seen: node.is_some_and(|node| node.receipt().is_some()),
        }
    }
}
