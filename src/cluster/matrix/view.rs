//! The matrix by numbers, for those who keep account of it beside it: rows and columns keep theirs until
//! the matrix is made [compact](Matrix::compact).

use super::{Config, Holders, Matrix, Member};
use crate::cluster::json::Json;
use std::collections::BTreeMap;

impl Matrix {
    /// The time that it is.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// From now on it is that time.
    pub fn set_now(&mut self, now: f64) {
        self.now = now;
    }

    /// Who is there; none if there is no cluster.
    pub fn members(&self) -> Option<&BTreeMap<String, Member>> {
        self.members.as_ref()
    }

    /// How many rows there are, with those that are not shown.
    pub(in crate::cluster) fn row_count(&self) -> usize {
        self.wwids.len()
    }

    /// How many columns there are, with those of nodes that are not known any more.
    pub(in crate::cluster) fn column_count(&self) -> usize {
        self.nodes.len()
    }

    /// The column of a node, if it has one.
    pub(in crate::cluster) fn column_of(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// Who is to have a LUN.
    #[inline]
    pub(in crate::cluster) fn holders(&self, row: u32) -> Holders<'_> {
        self.expected.holders(row)
    }

    /// Whether a LUN is allow-listed.
    pub(in crate::cluster) fn is_allowed(&self, row: u32) -> bool {
        self.expected.is_allowed(row)
    }
}

impl Config {
    /// What it calls a LUN, and the storages on it.
    pub(in crate::cluster) fn names_of(&self, wwid: &str) -> (Option<&Json>, Option<&Json>) {
        (self.aliases.get(wwid), self.used_by.get(wwid))
    }
}
