//! What the cluster is configured to have: which LUNs, under which names, for which storages, on which
//! nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::node::Column;
use super::{Matrix, Mode};
use crate::cluster::json::Json;
use crate::error::Result;

/// The configuration, as the allow-list and the storages have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// WWIDs that the cluster is to use.
    pub allow: BTreeSet<String>,
    /// Their aliases; what is null is none.
    pub aliases: BTreeMap<String, Json>,
    /// The storages on them: a name, or (strict mode) an array of several.
    pub used_by: BTreeMap<String, Json>,
    /// The nodes that are to have a LUN. Without an entry: `expected_nodes`.
    pub expected: BTreeMap<String, BTreeSet<String>>,
    /// The nodes on which a storage is enabled that needs LUNs. If there are none: those that report.
    pub expected_nodes: BTreeSet<String>,
}

/// The nodes that are to have each LUN, by numbers.
#[derive(Default)]
pub(in crate::cluster) struct Expected {
    /// By row: none, a set, or [`REPORTING`]. Rows that are not allow-listed can be behind its end.
    pub(super) rows: Vec<u32>,
    /// Bits of columns.
    pub(super) sets: Vec<Vec<u64>>,
}

const NOT_ALLOWED: u32 = u32::MAX;
/// All nodes that report.
const REPORTING: u32 = u32::MAX - 1;

/// Who is to have a LUN.
#[derive(Clone, Copy)]
pub(in crate::cluster) enum Holders<'a> {
    Nobody,
    Reporting,
    /// Bits of columns.
    Set(&'a [u64]),
}

impl Expected {
    pub(in crate::cluster) fn is_allowed(&self, row: u32) -> bool {
        self.rows
            .get(row as usize)
            .is_some_and(|&set| set != NOT_ALLOWED)
    }

    /// The rows that are allow-listed.
    pub(super) fn allowed(&self) -> impl Iterator<Item = u32> {
        (0..self.rows.len() as u32).filter(|&row| self.is_allowed(row))
    }

    pub(in crate::cluster) fn holders(&self, row: u32) -> Holders<'_> {
        match self.rows.get(row as usize) {
            None | Some(&NOT_ALLOWED) => Holders::Nobody,
            Some(&REPORTING) => Holders::Reporting,
            Some(&set) => Holders::Set(&self.sets[set as usize]),
        }
    }
}

impl Holders<'_> {
    /// Whether a node is to have the LUN.
    #[inline]
    pub(in crate::cluster) fn expects(self, number: u32, column: &Column) -> bool {
        match self {
            Holders::Reporting => column.standing.reports(),
            other => other.has(number),
        }
    }

    /// Whether a node is in the set; if there is none, it is not.
    #[inline]
    pub(in crate::cluster) fn has(self, column: u32) -> bool {
        match self {
            Holders::Set(bits) => {
                let word = bits.get(column as usize / 64);
                word.is_some_and(|word| word >> (column % 64) & 1 == 1)
            }
            Holders::Nobody | Holders::Reporting => false,
        }
    }

    /// Whether both are the same nodes, however many columns there were when they were written down.
    pub(in crate::cluster) fn are(self, others: Self) -> bool {
        let trimmed =
            |bits: &[u64]| bits.len() - bits.iter().rev().take_while(|&&w| w == 0).count();
        match (self, others) {
            (Holders::Nobody, Holders::Nobody) | (Holders::Reporting, Holders::Reporting) => true,
            (Holders::Set(a), Holders::Set(b)) => a[..trimmed(a)] == b[..trimmed(b)],
            _ => false,
        }
    }
}

impl Matrix {
    /// Sets what the cluster is configured to have, and gives back what was so before. After an error the
    /// old configuration holds.
    pub fn set_config(&mut self, config: Config) -> Result<()> {
        self.replace_config(config).map(|_| ())
    }

    /// The same, and what was so before.
    pub(in crate::cluster) fn replace_config(
        &mut self,
        config: Config,
    ) -> Result<(Config, Expected)> {
        let known = self.row_count();
        let replaced = self.take_config(config);
        if replaced.is_err() {
            // Names that nobody uses must not take the room of others.
            self.forget_rows(known);
        }
        replaced
    }

    fn take_config(&mut self, config: Config) -> Result<(Config, Expected)> {
        let sets = config.expected.values().flatten();
        let mut named = Vec::new();
        for name in config.expected_nodes.iter().chain(sets) {
            let column = self.column(name)? as usize;
            named.resize(self.nodes.len(), false);
            named[column] = true;
        }
        let mut expected = Expected::default();
        let mut known: HashMap<&BTreeSet<String>, u32> = HashMap::new();
        for wwid in &config.allow {
            let row = self.row(wwid)? as usize;
            if expected.rows.len() <= row {
                expected.rows.resize(row + 1, NOT_ALLOWED);
            }
            let own = config.expected.get(wwid);
            let nodes = own.unwrap_or(&config.expected_nodes);
            // Nobody at all can be meant only where it is said of this LUN.
            let is_unknown = nodes.is_empty() && (own.is_none() || self.mode == Mode::Compat);
            expected.rows[row] = match is_unknown {
                true => REPORTING,
                false => *known.entry(nodes).or_insert_with(|| {
                    let columns = nodes.iter().filter_map(|name| self.names.find(name));
                    let mut bits = vec![0; self.nodes.len().div_ceil(64)];
                    columns.for_each(|column| bits[column as usize / 64] |= 1 << (column % 64));
                    expected.sets.push(bits);
                    expected.sets.len() as u32 - 1
                }),
            };
        }
        named.resize(self.nodes.len(), false);
        for (column, is_named) in named.into_iter().enumerate() {
            let node = &mut self.nodes[column];
            node.is_named = is_named;
            node.is_expected = config.expected_nodes.contains(node.name());
            self.show(column as u32);
        }
        let config = std::mem::replace(&mut self.config, config);
        Ok((config, std::mem::replace(&mut self.expected, expected)))
    }

    /// What is configured.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
